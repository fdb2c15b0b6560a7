//! Tiles: paths, widths, contents, and reading proofs back out of nothing but tiles.

use std::collections::BTreeMap;

use proptest::prelude::*;
use standstill_protocol::log::{MemoryLog, consistency, inclusion, leaf_hash, root_at};
use standstill_protocol::tiles::{Contents, Tile, TileError, TiledLog, added, read_bundle, write_bundle};

#[test]
fn the_tiles_of_70000_leaves_are_those_of_the_specification() {
    let paths: Vec<String> = added(0, 70_000).map(|tile| tile.to_string()).collect();
    let on = |prefix: &str| paths.iter().filter(|path| path.starts_with(prefix)).cloned().collect::<Vec<_>>();
    assert_eq!(on("tile/0/").len(), 274);
    assert_eq!(on("tile/0/").last().unwrap(), "tile/0/273.p/112");
    assert_eq!(on("tile/1/"), ["tile/1/000", "tile/1/001.p/17"]);
    assert_eq!(on("tile/2/"), ["tile/2/000.p/1"]);
    assert_eq!(on("tile/entries/").len(), 274);
    assert_eq!(paths.len(), 274 * 2 + 3);
    assert_eq!(added(70_000, 70_000).count(), 0);
    assert_eq!(added(0, 0).count(), 0);
    let at_256: Vec<String> = added(255, 256).map(|tile| tile.to_string()).collect();
    assert_eq!(at_256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
}

#[test]
fn paths_have_one_form() {
    for path in ["tile/0/x001/x234/067", "tile/7/000.p/1", "tile/entries/x273/999.p/255", "tile/3/999"] {
        assert_eq!(path.parse::<Tile>().unwrap().to_string(), path);
    }
    for path in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/8/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001",
        "tile/0/x001/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/../000",
        "tile/data/000",
        "tile/0/000.p/1.p/1",
        "tile/0/+01",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/7/001",
    ] {
        assert!(matches!(path.parse::<Tile>(), Err(TileError::BadPath { .. })), "{path}");
    }
}

fn leaves(count: u64) -> MemoryLog {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_log_kept_only_as_tiles_gives_the_same_proofs(sizes in prop::collection::vec(0..400u64, 1..5), pick in any::<u64>()) {
        let mut files = BTreeMap::new();
        let mut size = 0;
        let mut log = MemoryLog::new();
        for more in sizes {
            let grown = size + more;
            (size..grown).for_each(|number| { log.append(leaf_hash(&number.to_be_bytes())); });
            for tile in added(size, grown) {
                prop_assert!(tile.is_within(grown) && !(tile.is_within(size)));
                if matches!(tile.contents(), Contents::Hashes { .. }) {
                    files.insert(tile, tile.read(&log).unwrap());
                }
            }
            size = grown;
        }
        if size > 0 {
            let tiled = TiledLog::new(size, |tile: Tile| files.get(&tile).cloned().ok_or(tile));
            prop_assert_eq!(root_at(&tiled, size).unwrap(), log.root());
            let index = pick % size;
            prop_assert_eq!(inclusion::prove(&tiled, index, size).unwrap(), inclusion::prove(&log, index, size).unwrap());
            let (ours, theirs) = (consistency::prove(&tiled, index, size), consistency::prove(&log, index, size));
            prop_assert_eq!(ours.unwrap(), theirs.unwrap());
        }
    }

    #[test]
    fn any_tile_has_a_path_that_parses_back(level in 0..9u8, index in any::<u64>(), width in 0..300u16, shift in 0..64u32) {
        for contents in [Contents::Hashes { level }, Contents::Entries] {
            if let Some(tile) = Tile::new(contents, index >> shift, width) {
                prop_assert_eq!(tile.to_string().parse::<Tile>(), Ok(tile));
                prop_assert_eq!(tile.coordinates().count(), usize::from(width));
            }
        }
    }

    #[test]
    fn bundles_hold_what_was_put_in(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..=256), junk in prop::collection::vec(any::<u8>(), 0..64)) {
        let bytes = write_bundle(entries.iter().map(Vec::as_slice)).unwrap();
        let width = entries.len() as u16;
        prop_assert_eq!(read_bundle(&bytes, width).unwrap(), entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        prop_assert!(read_bundle(&bytes, width + 1).is_err() && read_bundle(&bytes, width - 1).is_err());
        prop_assert!(read_bundle(&bytes[..bytes.len() - 1], width).is_err());
        let _ = read_bundle(&junk, width);
    }
}

#[test]
fn tlog_tiles_names_and_reads_the_same_tiles() {
    let log = leaves(1000);
    for tile in added(0, 1000).filter(|tile| matches!(tile.contents(), Contents::Hashes { .. })) {
        let Contents::Hashes { level } = tile.contents() else { continue };
        let theirs = tlog_tiles::Tile::new(8, level, tile.index(), u32::from(tile.width()), false);
        // The Go-derived path names the height first: `tile/8/0/000`.
        assert_eq!(theirs.path().replacen("tile/8/", "tile/", 1), tile.to_string());
        let bytes = tile.read(&log).unwrap();
        assert_eq!(tile.hashes(&bytes).unwrap().len(), usize::from(tile.width()));
        assert!(matches!(tile.hashes(&bytes[1..]), Err(TileError::WrongLength { .. })));
    }
}

#[test]
fn entries_that_do_not_fit_are_refused() {
    assert_eq!(write_bundle([]), Err(TileError::EntryCount { count: 0 }));
    assert_eq!(write_bundle([[0u8; 1].as_slice(); 257]), Err(TileError::EntryCount { count: 257 }));
    assert_eq!(write_bundle([[0u8; 65_536].as_slice()]), Err(TileError::EntryTooLong { length: 65_536 }));
    assert!(write_bundle([[0u8; 65_535].as_slice()]).is_ok());
}
