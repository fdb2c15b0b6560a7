//! Consistency proofs: the log of `new_size` leaves begins with the log of `old_size` leaves.
//!
//! The list of hashes of RFC 6962 section 2.1.2. Between equal sizes it is empty, and the roots must be equal. From the
//! empty log it is empty too: every log extends it, and its root must be the empty root.
//!
//! ```text
//! 3 to 5:  [l2, l3, n0, l4]       old root = H(n0, l2)       new root = H(H(n0, H(l2, l3)), l4)
//! ```

use super::store::{self, HashReader, ProofError};
use super::{MAX_SIZE, empty_root, node_hash};
use crate::hash::Hash;

/// Why a consistency proof was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The new log is smaller.
    #[error("a log of `{new_size}` leaves does not extend one of `{old_size}`")]
    Shrinks {
        /// Leaves before.
        old_size: u64,
        /// Leaves after.
        new_size: u64,
    },
    /// The sizes ask for more or fewer hashes.
    #[error("the proof has {found} hashes, which is not the number that these sizes ask for")]
    WrongLength {
        /// Hashes given.
        found: usize,
    },
    /// The proof does not lead to the old root: history was rewritten, or the proof is for other logs.
    #[error("the proof leads to old root `{computed}`, not to `{expected}`")]
    OldRootMismatch {
        /// The root that the proof hashes to.
        computed: Hash,
        /// The root given.
        expected: Hash,
    },
    /// The proof does not lead to the new root.
    #[error("the proof leads to new root `{computed}`, not to `{expected}`")]
    NewRootMismatch {
        /// The root that the proof hashes to.
        computed: Hash,
        /// The root given.
        expected: Hash,
    },
}

/// Makes the proof that the first `new_size` leaves begin with the first `old_size`: at most 64 hashes, O(log n) reads.
pub fn prove<R: HashReader>(reader: &R, old_size: u64, new_size: u64) -> Result<Vec<Hash>, ProofError<R::Error>> {
    if new_size > MAX_SIZE {
        return Err(ProofError::OutOfRange { asked: new_size, limit: MAX_SIZE });
    }
    if old_size > new_size {
        return Err(ProofError::OutOfRange { asked: old_size, limit: new_size });
    }
    let mut proof = Vec::new();
    if old_size == 0 {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, new_size);
    while end != old_size {
        let middle = start + (1 << (end - start - 1).ilog2());
        let within_left = old_size <= middle;
        let sibling = if within_left { (middle, end) } else { (start, middle) };
        proof.push(store::range_root(reader, sibling.0, sibling.1).map_err(ProofError::Read)?);
        (start, end) = if within_left { (start, middle) } else { (middle, end) };
    }
    if start != 0 {
        proof.push(store::range_root(reader, start, end).map_err(ProofError::Read)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Verifies that the log with `new_root` extends the one with `old_root` (RFC 9162 section 2.1.4.2).
pub fn verify(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ConsistencyError> {
    if old_size > new_size {
        return Err(ConsistencyError::Shrinks { old_size, new_size });
    }
    let wrong_length = ConsistencyError::WrongLength { found: proof.len() };
    if old_size == 0 || old_size == new_size {
        if !proof.is_empty() {
            return Err(wrong_length);
        }
        let old_expected = if old_size == 0 { empty_root() } else { *new_root };
        check_old(old_expected, old_root)?;
        let new_computed = if new_size == 0 { empty_root() } else { *new_root };
        return check_new(new_computed, new_root);
    }
    let (old_computed, new_computed) = roots_from(old_size, old_root, new_size, proof).ok_or(wrong_length)?;
    check_old(old_computed, old_root)?;
    check_new(new_computed, new_root)
}

/// Both roots as the proof has them; `None` when it has too many hashes or too few. Sizes: 0 < old < new.
fn roots_from(old_size: u64, old_root: &Hash, new_size: u64, proof: &[Hash]) -> Option<(Hash, Hash)> {
    // Where the old tree is one full subtree, its root stands for the first hash.
    let (seed, rest) = if old_size.is_power_of_two() { (old_root, proof) } else { proof.split_first()? };
    let mut old_node = old_size - 1;
    let mut new_node = new_size - 1;
    let shift = old_node.trailing_ones();
    old_node = old_node.checked_shr(shift).unwrap_or(0);
    new_node = new_node.checked_shr(shift).unwrap_or(0);
    let (mut old_hash, mut new_hash) = (*seed, *seed);
    for hash in rest {
        if new_node == 0 {
            return None;
        }
        if old_node & 1 == 1 || old_node == new_node {
            old_hash = node_hash(hash, &old_hash);
            new_hash = node_hash(hash, &new_hash);
            while old_node & 1 == 0 && old_node != 0 {
                old_node >>= 1;
                new_node >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, hash);
        }
        old_node >>= 1;
        new_node >>= 1;
    }
    (new_node == 0).then_some((old_hash, new_hash))
}

fn check_old(computed: Hash, expected: &Hash) -> Result<(), ConsistencyError> {
    if computed == *expected {
        return Ok(());
    }
    Err(ConsistencyError::OldRootMismatch { computed, expected: *expected })
}

fn check_new(computed: Hash, expected: &Hash) -> Result<(), ConsistencyError> {
    if computed == *expected {
        return Ok(());
    }
    Err(ConsistencyError::NewRootMismatch { computed, expected: *expected })
}
