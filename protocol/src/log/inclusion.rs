//! Inclusion proofs: leaf `index` is in the tree of `size` leaves with this root.
//!
//! A proof is the list of siblings from the leaf up (RFC 6962 section 2.1.1). Its length is a function of index and
//! size, so a proof with a hash too many or too few is refused before anything is hashed.
//!
//! ```text
//! index 2 of 5:  [l3, n0, l4]        root = H(H(n0, H(l2, l3)), l4)
//! ```

use super::store::{self, HashReader, ProofError};
use super::{MAX_SIZE, node_hash};
use crate::hash::Hash;

/// Why an inclusion proof was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// No such leaf in a tree of this size.
    #[error("index `{index}` is not in a log of `{size}` leaves")]
    IndexOutOfRange {
        /// The leaf's index.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// Index and size ask for another number of hashes.
    #[error("the proof has {found} hashes where {expected} are expected")]
    WrongLength {
        /// Hashes given.
        found: usize,
        /// Hashes expected.
        expected: usize,
    },
    /// The path leads to another root.
    #[error("the path leads to root `{computed}`, not to `{expected}`")]
    RootMismatch {
        /// The root that leaf and path hash to.
        computed: Hash,
        /// The root given.
        expected: Hash,
    },
}

/// Makes the proof that leaf `index` is in the tree of the first `size` leaves: at most 63 hashes, O(log n) reads.
pub fn prove<R: HashReader>(reader: &R, index: u64, size: u64) -> Result<Vec<Hash>, ProofError<R::Error>> {
    if size > MAX_SIZE {
        return Err(ProofError::OutOfRange { asked: size, limit: MAX_SIZE });
    }
    if index >= size {
        return Err(ProofError::OutOfRange { asked: index, limit: size.saturating_sub(1) });
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        // The largest power of two smaller than the range: where RFC 6962 splits it.
        let middle = start + (1 << (end - start - 1).ilog2());
        let sibling = if index < middle { (middle, end) } else { (start, middle) };
        path.push(store::range_root(reader, sibling.0, sibling.1).map_err(ProofError::Read)?);
        (start, end) = if index < middle { (start, middle) } else { (middle, end) };
    }
    path.reverse();
    Ok(path)
}

/// How many of a path's hashes lie beneath the point where the leaf's path meets the tree's right edge, and how many
/// left siblings follow along that edge.
fn lengths(index: u64, size: u64) -> (u32, u32) {
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    (inner, index.checked_shr(inner).unwrap_or(0).count_ones())
}

/// The root that a leaf hash and a path lead to.
pub fn root_from(leaf: &Hash, index: u64, size: u64, path: &[Hash]) -> Result<Hash, InclusionError> {
    if index >= size {
        return Err(InclusionError::IndexOutOfRange { index, size });
    }
    let (inner, border) = lengths(index, size);
    let expected = (inner + border) as usize;
    if path.len() != expected {
        return Err(InclusionError::WrongLength { found: path.len(), expected });
    }
    let root = path.iter().zip(0u32..).fold(*leaf, |hash, (sibling, level)| {
        let is_left_child = level < inner && (index >> level) & 1 == 0;
        if is_left_child { node_hash(&hash, sibling) } else { node_hash(sibling, &hash) }
    });
    Ok(root)
}

/// Verifies that the leaf with this [`leaf_hash`](super::leaf_hash) is number `index` of the `size` leaves under
/// `root` (RFC 9162 section 2.1.3.2).
pub fn verify(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), InclusionError> {
    let computed = root_from(leaf, index, size, path)?;
    if computed != *root {
        return Err(InclusionError::RootMismatch { computed, expected: *root });
    }
    Ok(())
}
