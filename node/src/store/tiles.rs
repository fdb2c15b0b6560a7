//! The log's hashes, in tiles of 256 (C2SP tlog-tiles).
//!
//! Tile `(level, number)` holds the roots of up to 256 neighbouring subtrees of `256^level` leaves. Hashes between those
//! levels are computed from a tile when asked for, so a leaf costs 32 bytes and a little.

use redb::{ReadOnlyTable, ReadableTable, TableDefinition, WriteTransaction};
use standstill_protocol::hash::Hash;
use standstill_protocol::log::{Coordinate, HashReader, node_hash};

use super::{Stop, Store, StoreError, stop_damaged};

/// Hashes of a full tile.
pub const TILE_WIDTH: u64 = 256;
const TILES: TableDefinition<'_, (u8, u64), &[u8]> = TableDefinition::new("tiles");
/// Levels of tiles that a log of 2^64 leaves has.
const MAX_LEVEL: u8 = 8;

pub(super) fn create(txn: &WriteTransaction) -> Result<(), Stop> {
    txn.open_table(TILES)?;
    Ok(())
}

/// Appends leaves to a log of `size`. Rewrites one partial tile a level; whole tiles are never touched again.
pub(super) fn append(txn: &WriteTransaction, size: u64, leaves: &[Hash]) -> Result<(), Stop> {
    let mut table = txn.open_table(TILES)?;
    let mut pending: Vec<Hash> = leaves.to_vec();
    let mut start = size;
    for level in 0..MAX_LEVEL {
        if pending.is_empty() {
            break;
        }
        let mut number = start / TILE_WIDTH;
        let mut tile = if start.is_multiple_of(TILE_WIDTH) {
            Vec::new()
        } else {
            let found = table.get((level, number))?.map(|bytes| bytes.value().to_vec());
            let tile = found.and_then(|bytes| split(&bytes)).unwrap_or_default();
            // A longer tile than the log says cannot be: it is written with the tip in one transaction.
            if tile.len() as u64 != start % TILE_WIDTH {
                return Err(stop_damaged(format!("tile {level}/{number} does not fit a log of {size} leaves")));
            }
            tile
        };
        let first_parent = number;
        let mut parents = Vec::new();
        for hash in pending {
            tile.push(hash);
            if tile.len() as u64 == TILE_WIDTH {
                table.insert((level, number), join(&tile).as_slice())?;
                parents.push(subtree_root(&tile));
                tile.clear();
                number += 1;
            }
        }
        if !tile.is_empty() {
            table.insert((level, number), join(&tile).as_slice())?;
        }
        pending = parents;
        start = first_parent;
    }
    Ok(())
}

fn join(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn split(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() as u64 <= TILE_WIDTH)
        .then(|| hashes.iter().copied().map(Hash::from_bytes).collect())
}

/// Root of a perfect subtree: the number of hashes is a power of two.
fn subtree_root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.first().copied().unwrap_or_else(|| Hash::sha256(b""))
}

/// The log's hashes as one transaction sees them.
pub struct TileReader {
    table: ReadOnlyTable<(u8, u64), &'static [u8]>,
    path: std::path::PathBuf,
}

impl std::fmt::Debug for TileReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TileReader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TileReader {
    /// The bytes of a tile, as far as it is filled.
    pub fn tile(&self, level: u8, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.table.get((level, number)).map_err(super::fail(&self.path))?;
        Ok(found.map(|bytes| bytes.value().to_vec()))
    }
}

impl HashReader for TileReader {
    type Error = StoreError;

    fn read(&self, at: Coordinate) -> Result<Hash, StoreError> {
        let missing = || super::damaged(format!("the log lacks the hash at {at}"));
        let (level, height) = (at.level / 8, u32::from(at.level % 8));
        let width = 1u64 << height;
        let first = at.index.checked_mul(width).ok_or_else(missing)?;
        let bytes = self.tile(level, first / TILE_WIDTH)?.ok_or_else(missing)?;
        let hashes = split(&bytes).ok_or_else(missing)?;
        let from = (first % TILE_WIDTH) as usize;
        let range = hashes.get(from..from + width as usize).ok_or_else(missing)?;
        Ok(subtree_root(range))
    }
}

impl Store {
    /// The log's hashes, as of now.
    pub fn tiles(&self) -> Result<TileReader, StoreError> {
        self.read(|txn| Ok(TileReader { table: txn.open_table(TILES)?, path: self.path.clone() }))
    }
}
