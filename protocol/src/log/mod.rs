//! The RFC 6962 Merkle log.
//!
//! ```text
//! leaf hash = SHA-256(0x00 || leaf)         node hash = SHA-256(0x01 || left || right)
//!
//! size 5:            root
//!                   /    \
//!          (2,0)  n2      \        A frontier keeps the roots of the full subtrees, largest first:
//!                /  \      \       here [n2, l4], one for each set bit of the size.
//!       (1,0)  n0    n1     l4     A store keeps one hash for each full subtree, by (level, index):
//!             /  \  /  \           here l0..l4, n0, n1, n2. The root over all five is never stored.
//!            l0 l1 l2 l3
//! ```
//!
//! The root of the empty log is SHA-256 of nothing. [`inclusion`] and [`consistency`] make proofs out of stored hashes,
//! through a [`HashReader`], with O(log n) reads; to verify one needs nothing but hashes.
//!
//! ```
//! use standstill_protocol::log::{MemoryLog, consistency, inclusion, leaf_hash};
//! let mut log = MemoryLog::new();
//! for leaf in 0..5u8 {
//!     log.append(leaf_hash(&[leaf]));
//! }
//! let path = inclusion::prove(&log, 3, 5).unwrap();
//! inclusion::verify(&leaf_hash(&[3]), 3, 5, &path, &log.root()).unwrap();
//! let proof = consistency::prove(&log, 3, 5).unwrap();
//! consistency::verify(3, &log.root_at(3).unwrap(), 5, &log.root(), &proof).unwrap();
//! ```

pub mod consistency;
mod frontier;
pub mod inclusion;
mod store;

use sha2::{Digest, Sha256};

use crate::hash::Hash;

pub use frontier::Frontier;
pub use store::{Coordinate, HashReader, MemoryLog, MissingHash, ProofError, root_at};

/// Leaves of one log, at most: 2^63 - 1, as in RFC 6962.
pub const MAX_SIZE: u64 = (1 << 63) - 1;
/// Hashes in one proof, at most: a tree of [`MAX_SIZE`] leaves is 63 levels high, and a consistency proof names one
/// hash more.
pub const MAX_PROOF_HASHES: usize = 64;

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

/// The root of the log without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Hash::sha256(b"")
}

/// Root over the roots of full subtrees, largest first, as RFC 6962 splits a tree.
fn fold(subtrees: &[Hash]) -> Hash {
    let mut smallest_first = subtrees.iter().rev();
    match smallest_first.next() {
        None => empty_root(),
        Some(last) => smallest_first.fold(*last, |right, left| node_hash(left, &right)),
    }
}
