//! An opening: some leaves of a telemetry log with their inclusion proofs, as one portable file.
//!
//! ```text
//! standstill-opening/v1
//! size 5
//! root cb03…bef6
//! sample 5eed…5eed 2
//!
//! leaf 2
//! standstill-reading/v1 1795433674907 node-1 9f86…0a08 energy-counter 251905148074 mJ
//! feeb…bafb
//! a7d9…9dff
//! 9899…db0e
//!
//! leaf 4
//! …
//! ```
//!
//! `sample` is the seed and the count that drew the leaves; the line is missing where somebody named them. Leaves stand
//! in ascending order, each once; hashes are 64 lower-case hex digits; every line ends in a newline and nothing follows
//! the last. [`Opening::verify`] holds the file against the size and root that the ledger has: only it makes a
//! [`Verified`].

use std::fmt;

use standstill_protocol::hash::Hash;
use standstill_protocol::log::{MAX_PROOF_HASHES, MAX_SIZE, inclusion};

use super::sample::{MAX_SAMPLE, Sample, SampleError};
use super::{Reading, ReadingError};

const HEADER: &str = "standstill-opening/v1";
/// Bytes of one opening, at most: [`MAX_SAMPLE`] leaves with proofs of 63 hashes.
pub const MAX_OPENING_BYTES: usize = 20 << 20;

/// One leaf with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedLeaf {
    /// Its index in the log.
    pub index: u64,
    /// What it says.
    pub reading: Reading,
    /// The siblings from the leaf up.
    pub path: Vec<Hash>,
}

/// Leaves of a log of one size and root: parsed, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Leaves in the log.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// What drew the leaves, where something did.
    pub sample: Option<Sample>,
    /// The leaves, in order of index.
    pub leaves: Vec<OpenedLeaf>,
}

/// Leaves that are in the log of a given size and root. Only [`Opening::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    readings: Vec<(u64, Reading)>,
    drawn: bool,
}

impl Verified {
    /// The leaves, by index.
    pub fn readings(&self) -> &[(u64, Reading)] {
        &self.readings
    }

    /// Whether they are the sample that was asked for.
    pub const fn drawn(&self) -> bool {
        self.drawn
    }
}

/// Why an opening was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// Longer than any opening.
    #[error("{length} bytes, more than {MAX_OPENING_BYTES}")]
    TooLong {
        /// Bytes found.
        length: usize,
    },
    /// Not the text that an opening is.
    #[error("line {line}: {expected} expected")]
    Malformed {
        /// From 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A leaf that is no reading.
    #[error("line {line}: no reading: {error}")]
    Reading {
        /// From 1.
        line: usize,
        /// Why.
        error: ReadingError,
    },
    /// Leaves out of order, or one twice.
    #[error("leaf {index} stands after leaf {previous}")]
    OutOfOrder {
        /// The leaf.
        index: u64,
        /// The one before it.
        previous: u64,
    },
    /// Of a log of another size than the checkpoint's.
    #[error("it opens a log of {found} leaves, the checkpoint is of {expected}")]
    OtherSize {
        /// In the file.
        found: u64,
        /// In the checkpoint.
        expected: u64,
    },
    /// Of a log with another root than the checkpoint's.
    #[error("it opens the log with root `{found}`, the checkpoint has `{expected}`")]
    OtherRoot {
        /// In the file.
        found: Hash,
        /// In the checkpoint.
        expected: Hash,
    },
    /// A leaf that is not in the log.
    #[error("leaf {index} is not in the log: {error}")]
    NotIncluded {
        /// The leaf.
        index: u64,
        /// Why.
        error: inclusion::InclusionError,
    },
    /// Other leaves than those that the seed draws.
    #[error("the leaves are not those that the seed draws: leaf {index} is {what}")]
    NotTheSample {
        /// The first leaf that differs.
        index: u64,
        /// `missing` or `not drawn`.
        what: &'static str,
    },
    /// A sample that cannot be drawn.
    #[error("the sample cannot be drawn: {0}")]
    Sample(#[from] SampleError),
    /// A sample by another seed or of another count than was asked for.
    #[error("it answers another request: {found} leaves by seed `{seed}`")]
    OtherSample {
        /// Leaves of the request that it answers.
        found: u64,
        /// Seed of the request that it answers.
        seed: Hash,
    },
}

impl Opening {
    /// Parses a file; what it writes is what was parsed.
    pub fn parse(bytes: &[u8]) -> Result<Self, OpeningError> {
        if bytes.len() > MAX_OPENING_BYTES {
            return Err(OpeningError::TooLong { length: bytes.len() });
        }
        let text =
            std::str::from_utf8(bytes).map_err(|_| OpeningError::Malformed { line: 1, expected: "a text in ASCII" })?;
        let mut lines = Lines { rest: text, line: 0 };
        lines.exact(HEADER)?;
        let size = lines.number("size ", "`size` and a number of leaves")?;
        let root = lines.hash("root ", "`root` and 64 lower-case hex digits")?;
        let mut sample = None;
        if lines.rest.starts_with("sample ") {
            sample = Some(lines.sample()?);
        }
        let mut leaves: Vec<OpenedLeaf> = Vec::new();
        while !lines.rest.is_empty() {
            let leaf = lines.leaf()?;
            if let Some(previous) = leaves.last().map(|leaf| leaf.index).filter(|previous| *previous >= leaf.index) {
                return Err(OpeningError::OutOfOrder { index: leaf.index, previous });
            }
            if u64::try_from(leaves.len()).unwrap_or(u64::MAX) >= MAX_SAMPLE {
                return Err(OpeningError::Sample(SampleError::Count { count: MAX_SAMPLE + 1 }));
            }
            leaves.push(leaf);
        }
        if leaves.is_empty() {
            return Err(lines.malformed("an empty line and a leaf"));
        }
        Ok(Opening { size, root, sample, leaves })
    }

    /// Checks every leaf against a checkpoint of the log, and the choice of leaves against the request, where there was
    /// one. An opening that names its sample must be that sample, asked for or not.
    pub fn verify(&self, size: u64, root: &Hash, asked: Option<&Sample>) -> Result<Verified, OpeningError> {
        if self.size != size {
            return Err(OpeningError::OtherSize { found: self.size, expected: size });
        }
        if self.root != *root {
            return Err(OpeningError::OtherRoot { found: self.root, expected: *root });
        }
        let answered = self.sample.as_ref();
        if let Some(other) = answered.filter(|answered| asked.is_some_and(|asked| asked != *answered)) {
            return Err(OpeningError::OtherSample { found: other.count, seed: other.seed });
        }
        if let Some(sample) = asked.or(answered) {
            self.check_drawn(&sample.draw(size, root)?)?;
        }
        for leaf in &self.leaves {
            inclusion::verify(&leaf.reading.leaf_hash(), leaf.index, size, &leaf.path, root)
                .map_err(|error| OpeningError::NotIncluded { index: leaf.index, error })?;
        }
        let readings = self.leaves.iter().map(|leaf| (leaf.index, leaf.reading.clone())).collect();
        Ok(Verified { readings, drawn: asked.is_some() })
    }

    fn check_drawn(&self, drawn: &[u64]) -> Result<(), OpeningError> {
        let opened: Vec<u64> = self.leaves.iter().map(|leaf| leaf.index).collect();
        if let Some(index) = drawn.iter().find(|index| opened.binary_search(index).is_err()) {
            return Err(OpeningError::NotTheSample { index: *index, what: "missing" });
        }
        match opened.iter().find(|index| drawn.binary_search(index).is_err()) {
            Some(index) => Err(OpeningError::NotTheSample { index: *index, what: "not drawn" }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nsize {}\nroot {}", self.size, self.root)?;
        if let Some(sample) = &self.sample {
            writeln!(f, "sample {} {}", sample.seed, sample.count)?;
        }
        for leaf in &self.leaves {
            writeln!(f, "\nleaf {}\n{}", leaf.index, leaf.reading)?;
            leaf.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        }
        Ok(())
    }
}

struct Lines<'a> {
    rest: &'a str,
    /// Of the line read last, from 1.
    line: usize,
}

impl<'a> Lines<'a> {
    fn malformed(&self, expected: &'static str) -> OpeningError {
        OpeningError::Malformed { line: self.line, expected }
    }

    /// The next line, without its newline.
    fn next(&mut self) -> Result<&'a str, OpeningError> {
        self.line += 1;
        let (line, rest) = self.rest.split_once('\n').ok_or_else(|| self.malformed("a line that ends in a newline"))?;
        self.rest = rest;
        Ok(line)
    }

    fn exact(&mut self, expected: &'static str) -> Result<(), OpeningError> {
        if self.next()? == expected { Ok(()) } else { Err(self.malformed(expected)) }
    }

    fn number(&mut self, prefix: &str, expected: &'static str) -> Result<u64, OpeningError> {
        let text = self.next()?.strip_prefix(prefix);
        text.and_then(decimal).filter(|number| *number <= MAX_SIZE).ok_or_else(|| self.malformed(expected))
    }

    fn hash(&mut self, prefix: &str, expected: &'static str) -> Result<Hash, OpeningError> {
        let text = self.next()?.strip_prefix(prefix);
        text.and_then(hex_hash).ok_or_else(|| self.malformed(expected))
    }

    fn sample(&mut self) -> Result<Sample, OpeningError> {
        let fields = self.next()?.strip_prefix("sample ").and_then(|rest| rest.split_once(' '));
        let sample = fields.and_then(|(seed, count)| Some(Sample { seed: hex_hash(seed)?, count: decimal(count)? }));
        sample.ok_or_else(|| self.malformed("`sample`, a seed of 64 lower-case hex digits and a count"))
    }

    fn leaf(&mut self) -> Result<OpenedLeaf, OpeningError> {
        if !self.next()?.is_empty() {
            return Err(self.malformed("an empty line"));
        }
        let index = self.number("leaf ", "`leaf` and an index")?;
        let line = self.next()?.as_bytes();
        let reading = Reading::parse(line).map_err(|error| OpeningError::Reading { line: self.line, error })?;
        let mut path = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with('\n') {
            let hash = self.hash("", "64 lower-case hex digits")?;
            if path.len() >= MAX_PROOF_HASHES {
                return Err(self.malformed("an empty line: no proof is so long"));
            }
            path.push(hash);
        }
        Ok(OpenedLeaf { index, reading, path })
    }
}

fn decimal(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

fn hex_hash(text: &str) -> Option<Hash> {
    text.parse().ok()
}
