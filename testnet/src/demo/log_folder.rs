//! A log folder, checked from its files: what anybody with C2SP tools could do.
//!
//! ```text
//! log/checkpoint            origin, size, root; signed by a log key, cosigned by a quorum
//!     policy                whose signatures make a quorum
//!     tile/0/000.p/30       hashes
//!     tile/entries/000.p/30 entries
//! ```
//!
//! The entries must give the hashes, the hashes the root, and the root must be cosigned as the policy asks. The folder's own
//! policy must be the one that is trusted.

use std::fs;
use std::path::Path;

use standstill_protocol::checkpoint::Checkpoint;
use standstill_protocol::log::{Frontier, leaf_hash};
use standstill_protocol::note::Note;
use standstill_protocol::tiles::{self, Contents, Tile};
use standstill_protocol::tlog_policy::TlogPolicy;

use crate::TestnetError;
use crate::error::io;

/// Whether the folder's checkpoint covers the leaf at `index`. A file that is not there yet covers nothing.
pub(super) fn covers(folder: &Path, index: u64) -> bool {
    let note = fs::read(folder.join("checkpoint")).ok().and_then(|bytes| Note::parse(&bytes).ok());
    note.and_then(|note| Checkpoint::of(&note).ok()).is_some_and(|checkpoint| checkpoint.size > index)
}

/// Checks the folder; says how many leaves its log has.
pub(super) fn verify(folder: &Path, trusted: &TlogPolicy) -> Result<u64, TestnetError> {
    let malformed = |what: &str, reason: String| TestnetError::Malformed { what: format!("log/{what}"), reason };
    let policy = TlogPolicy::parse(&read(folder, "policy")?).map_err(|error| malformed("policy", error.to_string()))?;
    if policy != *trusted {
        return Err(malformed("policy", "it is not the one in trust.toml".to_owned()));
    }
    let note = Note::parse(&read(folder, "checkpoint")?).map_err(|error| malformed("checkpoint", error.to_string()))?;
    let verified = policy.verify(&note).map_err(|error| malformed("checkpoint", error.to_string()))?;
    let Checkpoint { size, root, .. } = *verified.checkpoint();
    let mut log = Frontier::new();
    for tile in tiles::added(0, size) {
        if tile.contents() == (Contents::Hashes { level: 0 }) {
            leaves(folder, tile, &mut log)?;
        }
    }
    if log.size() != size || log.root() != root {
        return Err(malformed("tile", "the hashes do not give the checkpoint's root".to_owned()));
    }
    Ok(size)
}

/// Appends one tile's leaves, after checking them against the entries beside it.
fn leaves(folder: &Path, tile: Tile, log: &mut Frontier) -> Result<(), TestnetError> {
    let malformed = |reason: String| TestnetError::Malformed { what: format!("log/{tile}"), reason };
    let hashes = tile.hashes(&read(folder, &tile.to_string())?).map_err(|error| malformed(error.to_string()))?;
    let bundle = Tile::new(Contents::Entries, tile.index(), tile.width())
        .ok_or_else(|| malformed("there is no such tile of entries".to_owned()))?;
    let bytes = read(folder, &bundle.to_string())?;
    let entries = tiles::read_bundle(&bytes, tile.width()).map_err(|error| malformed(error.to_string()))?;
    if !entries.iter().map(|entry| leaf_hash(entry)).eq(hashes.iter().copied()) {
        return Err(malformed("the entries do not give the hashes".to_owned()));
    }
    hashes.into_iter().for_each(|hash| log.append(hash));
    Ok(())
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, TestnetError> {
    let path = folder.join(name);
    fs::read(&path).map_err(io("read", &path))
}
