//! A validator that does not remember what it signed follows the others before it votes again.
//!
//! ```text
//! keys/consensus.unused   names a consensus key that has signed nothing: made with the key, removed by the first start
//! data/must-follow        made with a store for a key that may have signed: empty, or the height from which it may again
//! ```
//!
//! 1. A store is made for a key that is not known to be unused: the marker is on the disk before the store is.
//! 2. `start` finds the marker and asks the other validators for their tips. A tip counts with its certificate only.
//! 3. It signs from `max + 3` on. Had this key signed at height h, then a quorum had precommitted h - 1; every quorum of
//!    others holds an honest one of those, which had committed h - 2. So `max >= h - 2`.
//! 4. What the others said is kept in the marker, and the marker goes when that height is reached.

use std::fs;
use std::path::{Path, PathBuf};

use standstill_protocol::keys::PublicKey;

use crate::home::{Home, HomeError, sync_directory, write_atomically};
use crate::keystore::KeyRole;

/// Heights between the others' highest tip and the first that is signed again: rule 3.
const MARGIN: u64 = 3;

/// Whether this home's node may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// At once: its store and its key belong together.
    Signs,
    /// Not before the others have said how far they are.
    Unknown,
    /// From this height on.
    From(u64),
}

fn unused_path(key: &Path) -> PathBuf {
    key.with_extension("unused")
}

fn marker(home: &Home) -> PathBuf {
    home.config.paths.data.join("must-follow")
}

fn remove(path: &Path) -> Result<(), HomeError> {
    match fs::remove_file(path) {
        Ok(()) => sync_directory(path.parent().unwrap_or(Path::new("."))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(HomeError::Io { action: "remove", path: path.to_owned(), source }),
    }
}

/// Says, beside a key that is about to be written, that it has signed nothing.
pub(crate) fn mark_unused(key_path: &Path, key: &PublicKey) -> Result<(), HomeError> {
    write_atomically(&unused_path(key_path), format!("{key}\n").as_bytes())
}

fn is_unused(home: &Home) -> Result<bool, HomeError> {
    let key = home.key_path(KeyRole::Consensus);
    let Ok(text) = fs::read_to_string(unused_path(&key)) else { return Ok(false) };
    Ok(text.trim() == home.key(KeyRole::Consensus)?.public_key().to_string())
}

/// Called before a store is made: unless the key is known to be unused, the node will follow first.
pub(crate) fn before_store(home: &Home) -> Result<(), HomeError> {
    if is_unused(home)? {
        return Ok(());
    }
    write_atomically(&marker(home), b"")
}

/// Called before the engine starts for the first time with a key.
pub(crate) fn use_key(home: &Home) -> Result<(), HomeError> {
    remove(&unused_path(&home.key_path(KeyRole::Consensus)))
}

/// Whether the node of a home may sign. A marker that cannot be understood is one that says nothing.
pub(crate) fn standing(home: &Home) -> Result<Standing, HomeError> {
    let path = marker(home);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().parse().map_or(Standing::Unknown, Standing::From)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Standing::Signs),
        Err(source) => Err(HomeError::Io { action: "read", path, source }),
    }
}

/// The first height that may be signed, by the others' tips; kept on the disk.
pub(crate) fn decide(home: &Home, tips: impl Iterator<Item = u64>) -> Result<u64, HomeError> {
    let from = tips.max().unwrap_or(0).saturating_add(MARGIN);
    write_atomically(&marker(home), format!("{from}\n").as_bytes())?;
    Ok(from)
}

/// The height is reached: the node signs, and its log knows what.
pub(crate) fn reached(home: &Home) -> Result<(), HomeError> {
    remove(&marker(home))
}
