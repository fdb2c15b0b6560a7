//! Which leaves an auditor sees: drawn from a seed that was not known when the log's root was committed.
//!
//! ```text
//! draw i      = first 16 bytes of H("sample", seed || root || size u64 BE || i u64 BE), as a number, mod size
//! the sample  = the first `count` different draws, i = 0, 1, 2, …, in ascending order
//! ```
//!
//! The root is in the draw, so that a seed used for two logs opens different leaves. A seed that the lab could know, or
//! choose, before it committed the root proves nothing: it must come afterwards, from the auditor or from the ledger.

use std::collections::BTreeSet;

use standstill_protocol::hash::{Domain, Hash};

/// Leaves of one opening, at most.
pub const MAX_SAMPLE: u64 = 4_096;

/// A seed and how many leaves are drawn with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Not known to the lab when it committed the root.
    pub seed: Hash,
    /// Leaves to draw; the whole log where it has fewer.
    pub count: u64,
}

/// Why no sample was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// Nothing to draw, or more than an opening holds.
    #[error("{count} leaves asked for: 1 to {MAX_SAMPLE} can be opened at once")]
    Count {
        /// Leaves asked for.
        count: u64,
    },
    /// A log without leaves.
    #[error("the log has no leaves")]
    Empty,
}

impl Sample {
    /// The indexes drawn from a log of this size and root, ascending.
    pub fn draw(&self, size: u64, root: &Hash) -> Result<Vec<u64>, SampleError> {
        if !(1..=MAX_SAMPLE).contains(&self.count) {
            return Err(SampleError::Count { count: self.count });
        }
        if size == 0 {
            return Err(SampleError::Empty);
        }
        if self.count >= size {
            return Ok((0..size).collect());
        }
        let mut drawn = BTreeSet::new();
        // Fewer leaves than the log has: the draws come to an end, on average after count x ln(count) of them at most.
        for i in 0u64.. {
            drawn.insert(self.nth(size, root, i));
            if u64::try_from(drawn.len()) == Ok(self.count) {
                break;
            }
        }
        Ok(drawn.into_iter().collect())
    }

    fn nth(&self, size: u64, root: &Hash, i: u64) -> u64 {
        let parts: [&[u8]; 4] = [self.seed.as_bytes(), root.as_bytes(), &size.to_be_bytes(), &i.to_be_bytes()];
        let hash = Hash::tagged(Domain::Sample, &parts);
        let first = hash.as_bytes().iter().take(16).fold(0u128, |number, byte| number << 8 | u128::from(*byte));
        // A log has fewer than 2^63 leaves: the bias is below 2^-64.
        u64::try_from(first % u128::from(size)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(count: u64) -> Sample {
        Sample { seed: Hash::sha256(b"seed"), count }
    }

    #[test]
    fn a_sample_is_ascending_without_repetition_and_within_the_log() {
        let root = Hash::sha256(b"root");
        for (count, size) in [(1, 1), (1, 2), (5, 9), (8, 9), (9, 9), (12, 9), (64, 1 << 40), (4_095, 4_096)] {
            let drawn = sample(count).draw(size, &root).unwrap();
            assert_eq!(drawn.len() as u64, count.min(size));
            assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]) && drawn.iter().all(|index| *index < size));
        }
    }

    #[test]
    fn another_root_or_seed_draws_other_leaves() {
        let draw = |seed: &[u8], root: &[u8]| {
            Sample { seed: Hash::sha256(seed), count: 8 }.draw(1 << 32, &Hash::sha256(root)).unwrap()
        };
        assert_ne!(draw(b"a", b"r"), draw(b"b", b"r"));
        assert_ne!(draw(b"a", b"r"), draw(b"a", b"s"));
        assert_eq!(draw(b"a", b"r"), draw(b"a", b"r"));
    }

    #[test]
    fn a_sample_of_nothing_or_of_too_much_is_refused() {
        let root = Hash::ZERO;
        assert_eq!(sample(0).draw(9, &root), Err(SampleError::Count { count: 0 }));
        assert_eq!(sample(4_097).draw(9, &root), Err(SampleError::Count { count: 4_097 }));
        assert_eq!(sample(1).draw(0, &root), Err(SampleError::Empty));
    }
}
