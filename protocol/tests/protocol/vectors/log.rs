//! Inclusion, consistency, tiles, bundles of entries.

use standstill_protocol::hash::Hash;
use standstill_protocol::json::Object;
use standstill_protocol::log::{MemoryLog, consistency, empty_root, inclusion, leaf_hash};
use standstill_protocol::tiles::{Contents, Tile, read_bundle, write_bundle};

use super::{Case, Outcome, Suite, case, list, named, parsed, text_of, texts_of};

pub(super) fn suites() -> Vec<Suite> {
    vec![
        Suite {
            kind: "inclusion",
            about: "RFC 6962 inclusion proofs; sizes and indexes are decimal strings, hashes hex",
            check: check_inclusion,
            cases: inclusion_cases(),
        },
        Suite {
            kind: "consistency",
            about: "RFC 6962 consistency proofs; from the empty log the proof is empty and the old root that of the empty log",
            check: check_consistency,
            cases: consistency_cases(),
        },
        Suite { kind: "tiles", about: "Paths of tiles", check: check_tile, cases: tile_cases() },
        Suite {
            kind: "entry-bundles",
            about: "Files of tiles of entries, with the number of entries expected",
            check: check_bundle,
            cases: bundle_cases(),
        },
    ]
}

fn log_of(size: u64) -> MemoryLog {
    (0..size).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

fn hashes_of(input: &Object, name: &str) -> Vec<Hash> {
    texts_of(input, name).iter().map(|text| text.parse().unwrap()).collect()
}

fn check_inclusion(input: &Object) -> Outcome {
    let (leaf, root): (Hash, Hash) = (parsed(input, "leafHash"), parsed(input, "root"));
    let path = hashes_of(input, "path");
    inclusion::verify(&leaf, parsed(input, "index"), parsed(input, "size"), &path, &root).map_err(named)?;
    Ok(Object::new())
}

fn inclusion_input(index: u64, size: u64, change: impl FnOnce(&mut Vec<Hash>, &mut Hash)) -> Object {
    let log = log_of(size.min(300));
    let mut path = inclusion::prove(&log, index, size).unwrap_or_default();
    let mut root = log.root();
    change(&mut path, &mut root);
    Object::new()
        .with("leafHash", leaf_hash(&index.to_be_bytes()).to_string())
        .with("index", index.to_string())
        .with("size", size.to_string())
        .with("path", list(path))
        .with("root", root.to_string())
}

fn inclusion_cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [(0, 1), (0, 2), (1, 2), (2, 5), (4, 5), (6, 7), (255, 256), (256, 257), (100, 300)]
        .into_iter()
        .map(|(index, size)| case(format!("leaf {index} of {size}"), inclusion_input(index, size, |_, _| ()), "ok"))
        .collect();
    let mut wrong = |name: &str, input, outcome| cases.push(case(name, input, outcome));
    wrong("the empty log has no leaf", inclusion_input(0, 0, |_, _| ()), "IndexOutOfRange");
    wrong("an index equal to the size", inclusion_input(5, 5, |_, _| ()), "IndexOutOfRange");
    wrong("the largest index and size", inclusion_input(u64::MAX, u64::MAX, |_, _| ()), "IndexOutOfRange");
    wrong("a huge log and no path", inclusion_input(7, u64::MAX, |_, _| ()), "WrongLength");
    wrong("a hash missing", inclusion_input(2, 5, |path, _| path.truncate(path.len() - 1)), "WrongLength");
    wrong("a hash too many", inclusion_input(2, 5, |path, root| path.push(*root)), "WrongLength");
    wrong("hashes swapped", inclusion_input(2, 5, |path, _| path.swap(0, 1)), "RootMismatch");
    wrong("a hash of zeros", inclusion_input(2, 5, |path, _| path[1] = Hash::ZERO), "RootMismatch");
    wrong("another root", inclusion_input(2, 5, |_, root| *root = log_of(4).root()), "RootMismatch");
    wrong("another leaf", inclusion_input(3, 5, |_, _| ()).with("index", "2"), "RootMismatch");
    wrong(
        "size 6 for 5: this path does not tell them apart, so size and root are only believed together",
        inclusion_input(2, 5, |_, _| ()).with("size", "6"),
        "ok",
    );
    cases
}

fn check_consistency(input: &Object) -> Outcome {
    let (old_root, new_root): (Hash, Hash) = (parsed(input, "oldRoot"), parsed(input, "newRoot"));
    let proof = hashes_of(input, "proof");
    consistency::verify(parsed(input, "oldSize"), &old_root, parsed(input, "newSize"), &new_root, &proof)
        .map_err(named)?;
    Ok(Object::new())
}

fn consistency_input(old: u64, new: u64, change: impl FnOnce(&mut Vec<Hash>)) -> Object {
    let log = log_of(new.max(old).min(300));
    let mut proof = consistency::prove(&log, old, new).unwrap_or_default();
    change(&mut proof);
    let root = |size: u64| log.root_at(size).unwrap_or(Hash::ZERO).to_string();
    Object::new()
        .with("oldSize", old.to_string())
        .with("oldRoot", root(old))
        .with("newSize", new.to_string())
        .with("newRoot", root(new))
        .with("proof", list(proof))
}

fn consistency_cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [(0, 0), (0, 5), (1, 1), (1, 2), (3, 5), (4, 5), (5, 5), (6, 8), (255, 257), (256, 300)]
        .into_iter()
        .map(|(old, new)| case(format!("{old} to {new}"), consistency_input(old, new, |_| ()), "ok"))
        .collect();
    let mut wrong = |name: &str, input, outcome| cases.push(case(name, input, outcome));
    let other = Hash::sha256(b"another log").to_string();
    wrong("a log that shrinks", consistency_input(5, 3, |_| ()), "Shrinks");
    wrong(
        "equal sizes and other roots",
        consistency_input(5, 5, |_| ()).with("oldRoot", other.as_str()),
        "OldRootMismatch",
    );
    wrong("equal sizes and a proof", consistency_input(5, 5, |proof| proof.push(Hash::ZERO)), "WrongLength");
    wrong("from nothing, with a proof", consistency_input(0, 5, |proof| proof.push(Hash::ZERO)), "WrongLength");
    wrong(
        "from nothing, with a root that is not empty",
        consistency_input(0, 5, |_| ()).with("oldRoot", other.as_str()),
        "OldRootMismatch",
    );
    wrong(
        "nothing to nothing, with another root",
        consistency_input(0, 0, |_| ()).with("newRoot", other.as_str()),
        "NewRootMismatch",
    );
    wrong("no proof", consistency_input(3, 5, Vec::clear), "WrongLength");
    wrong("a hash missing", consistency_input(3, 5, |proof| proof.truncate(proof.len() - 1)), "WrongLength");
    wrong("a hash too many", consistency_input(3, 5, |proof| proof.push(Hash::ZERO)), "WrongLength");
    wrong("a history rewritten", consistency_input(3, 5, |_| ()).with("oldRoot", other.as_str()), "OldRootMismatch");
    wrong("another new root", consistency_input(4, 5, |_| ()).with("newRoot", other.as_str()), "NewRootMismatch");
    wrong("huge sizes", consistency_input(3, u64::MAX, |_| ()), "WrongLength");
    wrong(
        "an old root of zeros",
        consistency_input(0, 0, |_| ())
            .with("oldRoot", Hash::ZERO.to_string())
            .with("newRoot", empty_root().to_string()),
        "OldRootMismatch",
    );
    cases
}

fn check_tile(input: &Object) -> Outcome {
    let tile: Tile = text_of(input, "path").parse().map_err(named::<standstill_protocol::tiles::TileError>)?;
    let contents = match tile.contents() {
        Contents::Hashes { level } => format!("hashes of level {level}"),
        Contents::Entries => "entries".to_owned(),
    };
    Ok(Object::new()
        .with("contents", contents)
        .with("index", tile.index().to_string())
        .with("width", u32::from(tile.width())))
}

fn tile_cases() -> Vec<Case> {
    let good = ["tile/0/000", "tile/0/x001/x234/067", "tile/0/273.p/112", "tile/entries/000.p/1", "tile/7/000.p/127"];
    let bad = [
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/8/000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/../000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/7/001",
        "tile/data/000",
    ];
    let input = |path: &str| Object::new().with("path", path);
    let good = good.into_iter().map(|path| case(path, input(path), "ok"));
    good.chain(bad.into_iter().map(|path| case(path, input(path), "BadPath"))).collect()
}

fn check_bundle(input: &Object) -> Outcome {
    let bytes = hex::decode(text_of(input, "hex")).unwrap();
    let entries = read_bundle(&bytes, parsed(input, "width")).map_err(named)?;
    Ok(Object::new().with("entries", list(entries.iter().map(hex::encode))))
}

fn bundle_cases() -> Vec<Case> {
    let bytes = write_bundle([b"first".as_slice(), b"", b"third"]).unwrap();
    let input =
        |bytes: &[u8], width: u16| Object::new().with("hex", hex::encode(bytes)).with("width", width.to_string());
    vec![
        case("three entries, one empty", input(&bytes, 3), "ok"),
        case("another width", input(&bytes, 4), "BadBundle"),
        case("more than the width", input(&bytes, 2), "BadBundle"),
        case("cut within an entry", input(&bytes[..bytes.len() - 1], 3), "BadBundle"),
        case("cut within a length", input(&bytes[..bytes.len() - 6], 3), "BadBundle"),
        case("a byte too many", input(&[bytes.as_slice(), b"x"].concat(), 3), "BadBundle"),
        case("nothing", input(b"", 1), "BadBundle"),
    ]
}
