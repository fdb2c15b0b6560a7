//! Stored hashes: where they are, how they are read, and what can be computed from them.

use std::fmt;

use super::{Frontier, MAX_SIZE, fold, frontier};
use crate::hash::Hash;

/// The place of a full subtree: the one over leaves `index * 2^level .. (index + 1) * 2^level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coordinate {
    /// 0 for leaves; at most 62.
    pub level: u8,
    /// From the left, within its level.
    pub index: u64,
}

impl Coordinate {
    /// The subtree that holds this one and its sibling.
    #[must_use]
    pub fn parent(self) -> Self {
        Coordinate { level: self.level.saturating_add(1), index: self.index / 2 }
    }
}

impl fmt::Display for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "level {} index {}", self.level, self.index)
    }
}

/// A store of the hashes that [`Frontier::append_storing`] named.
pub trait HashReader {
    /// Why a hash could not be read.
    type Error;

    /// The hash of a full subtree. Only subtrees within the log are asked for: one that is not there is an error.
    fn read(&self, at: Coordinate) -> Result<Hash, Self::Error>;
}

impl<R: HashReader + ?Sized> HashReader for &R {
    type Error = R::Error;

    fn read(&self, at: Coordinate) -> Result<Hash, Self::Error> {
        (**self).read(at)
    }
}

/// Why a proof cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError<E> {
    /// An index or a size beyond the tree.
    #[error("`{asked}` is out of range: at most `{limit}`")]
    OutOfRange {
        /// What was asked for.
        asked: u64,
        /// The largest that there is.
        limit: u64,
    },
    /// The store failed.
    #[error("a stored hash could not be read: {0}")]
    Read(E),
}

/// Roots of the full subtrees that make up leaves `start .. end`, largest first. As in every split of RFC 6962,
/// `start` must be a multiple of the largest power of two within the range.
pub(super) fn subtrees<R: HashReader>(reader: &R, start: u64, end: u64) -> Result<Vec<Hash>, R::Error> {
    let mut hashes = Vec::new();
    let mut at = start;
    while let Some(level) = end.saturating_sub(at).checked_ilog2() {
        hashes.push(reader.read(Coordinate { level: level as u8, index: at >> level })?);
        at += 1 << level;
    }
    Ok(hashes)
}

/// The tree hash over leaves `start .. end`, aligned as for [`subtrees`].
pub(super) fn range_root<R: HashReader>(reader: &R, start: u64, end: u64) -> Result<Hash, R::Error> {
    Ok(fold(&subtrees(reader, start, end)?))
}

/// The root of the first `size` leaves of a stored log.
pub fn root_at<R: HashReader>(reader: &R, size: u64) -> Result<Hash, ProofError<R::Error>> {
    frontier::Frontier::read(reader, size).map(|frontier| frontier.root())
}

/// A log's hashes in memory: for tests, for a verifier, and for the tree over one block's entries.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MemoryLog {
    frontier: Frontier,
    /// One list for each level.
    levels: Vec<Vec<Hash>>,
}

/// A hash that is not in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no hash at {at}")]
pub struct MissingHash {
    /// The place that was asked for.
    pub at: Coordinate,
}

impl MemoryLog {
    /// The empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one leaf, by its [`leaf_hash`](super::leaf_hash), and returns its index.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.frontier.size();
        for (at, hash) in self.frontier.append_storing(leaf) {
            let level = usize::from(at.level);
            if self.levels.len() <= level {
                self.levels.resize_with(level + 1, Vec::new);
            }
            if let Some(hashes) = self.levels.get_mut(level) {
                hashes.push(hash);
            }
        }
        index
    }

    /// Leaves in the log.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The root over the first `size` leaves.
    pub fn root_at(&self, size: u64) -> Result<Hash, ProofError<MissingHash>> {
        let limit = self.size().min(MAX_SIZE);
        if size > limit {
            return Err(ProofError::OutOfRange { asked: size, limit });
        }
        root_at(self, size)
    }
}

impl Extend<Hash> for MemoryLog {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        for leaf in leaves {
            self.append(leaf);
        }
    }
}

impl FromIterator<Hash> for MemoryLog {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut log = MemoryLog::new();
        log.extend(leaves);
        log
    }
}

impl HashReader for MemoryLog {
    type Error = MissingHash;

    fn read(&self, at: Coordinate) -> Result<Hash, MissingHash> {
        let hash = self
            .levels
            .get(usize::from(at.level))
            .and_then(|hashes| hashes.get(usize::try_from(at.index).ok()?))
            .copied();
        hash.ok_or(MissingHash { at })
    }
}
