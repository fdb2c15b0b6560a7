//! The RFC 6962 Merkle log.
//!
//! ```text
//! leaf hash = SHA-256(0x00 || leaf)         node hash = SHA-256(0x01 || left || right)
//!
//! size 5:            root
//!                   /    \
//!                 n2      \        A frontier keeps the roots of the full subtrees, largest first:
//!                /  \      \       here [n2, l4], one for each set bit of the size.
//!              n0    n1     l4
//!             /  \  /  \
//!            l0 l1 l2 l3
//! ```
//!
//! The root of the empty log is SHA-256 of nothing.

use sha2::{Digest, Sha256};
use wincode::{SchemaRead, SchemaWrite};

use crate::hash::Hash;

/// Hash of a leaf's bytes (RFC 6962 section 2.1).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0x00]);
    hasher.update(leaf);
    Hash::from_bytes(hasher.finalize().into())
}

/// Hash of an inner node (RFC 6962 section 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0x01]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    Hash::from_bytes(hasher.finalize().into())
}

/// The right edge of a log: enough to append and to know the root, in O(log n) space.
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

    /// Leaves in the log.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether the number of subtrees fits the size, as it must after decoding.
    pub fn is_well_formed(&self) -> bool {
        self.subtrees.len() == self.size.count_ones() as usize
    }

    /// Appends one leaf, by its [`leaf_hash`].
    pub fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            // One subtree for each set bit: a trailing one is a subtree to merge with.
            let Some(left) = self.subtrees.pop() else { break };
            hash = node_hash(&left, &hash);
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        let mut subtrees = self.subtrees.iter().rev();
        match subtrees.next() {
            None => Hash::sha256(b""),
            Some(last) => subtrees.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}
