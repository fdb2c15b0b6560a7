//! The right edge of a log: enough to append and to know the root, in O(log n) space.
//!
//! Appending leaf n completes one subtree for each trailing one of n in binary, and the leaf itself.
//! [`Frontier::append_storing`] names them all: what a store must keep so that proofs can be made later.

use wincode::{SchemaRead, SchemaWrite};

use super::{Coordinate, HashReader, MAX_SIZE, ProofError, fold, node_hash, store};
use crate::hash::Hash;

/// Roots of the full subtrees of a log. One that was decoded must be asked [`Frontier::is_well_formed`].
#[derive(Clone, Debug, PartialEq, Eq, Default, SchemaRead, SchemaWrite)]
pub struct Frontier {
    size: u64,
    /// Roots of the full subtrees, largest first; one for each set bit of `size`.
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// The empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// The frontier of the first `size` leaves of a stored log.
    pub fn read<R: HashReader>(reader: &R, size: u64) -> Result<Self, ProofError<R::Error>> {
        if size > MAX_SIZE {
            return Err(ProofError::OutOfRange { asked: size, limit: MAX_SIZE });
        }
        let subtrees = store::subtrees(reader, 0, size).map_err(ProofError::Read)?;
        Ok(Frontier { size, subtrees })
    }

    /// Leaves in the log.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether the number of subtrees fits the size, as it must after decoding.
    pub fn is_well_formed(&self) -> bool {
        self.size <= MAX_SIZE && self.subtrees.len() == self.size.count_ones() as usize
    }

    /// Appends one leaf, by its [`leaf_hash`](super::leaf_hash).
    pub fn append(&mut self, leaf: Hash) {
        self.append_each(leaf, |_, _| ());
    }

    /// Appends one leaf and returns the hashes that a store must keep for it: the leaf, then each subtree that it
    /// completes, in order of level. On average two.
    pub fn append_storing(&mut self, leaf: Hash) -> Vec<(Coordinate, Hash)> {
        let mut stored = Vec::with_capacity(self.size.trailing_ones() as usize + 1);
        self.append_each(leaf, |at, hash| stored.push((at, hash)));
        stored
    }

    fn append_each(&mut self, leaf: Hash, mut store: impl FnMut(Coordinate, Hash)) {
        let mut at = Coordinate { level: 0, index: self.size };
        let mut hash = leaf;
        store(at, hash);
        for _ in 0..self.size.trailing_ones() {
            // One subtree for each set bit: a trailing one is a subtree to merge with.
            let Some(left) = self.subtrees.pop() else { break };
            hash = node_hash(&left, &hash);
            at = at.parent();
            store(at, hash);
        }
        self.subtrees.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        fold(&self.subtrees)
    }
}
