//! The log on disk: append-only, whole again after a crash.
//!
//! ```text
//! node-1/
//!   readings      the truth: one leaf a line
//!   checkpoints   one line for each root that was given out: `<size> <root>`
//!   hashes        32 bytes for each full subtree, in the order in which appending completes them
//!   ends          8 bytes a leaf, big-endian: where its line ends in `readings`
//!   synced        16 bytes: how many bytes of `readings` are acknowledged, big-endian, and the complement of that number
//!   lock          held by whoever has the log open
//!   torn-<n>      bytes behind offset n that a crash left and nobody was told of; nothing is thrown away
//! ```
//!
//! An append writes and syncs all its lines, then `synced`: with that they are in the log, all of them or none. Bytes
//! before that mark are never taken for a crash's; bytes behind it are set aside when the log is opened.
//!
//! `readings`, `synced` and `checkpoints` are on the disk before anybody is told; `hashes` and `ends` can be made from them, and
//! are, from the last checkpoint on, whenever the log is opened. A log that no longer has the leaves or the root of a
//! checkpoint it gave out is refused: that is not a crash.
//!
//! ```
//! use standstill_attestations::reading::{Quantity, Reading};
//! use standstill_protocol::{hash::Hash, units::Timestamp};
//! use standstill_telemetry::TelemetryLog;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let (mut log, torn) = TelemetryLog::open(&folder.path().join("node-1")).unwrap();
//! assert!(torn.is_none());
//! let chip = Hash::sha256(b"a chip");
//! let reading = |i: u64| Reading {
//!     time: Timestamp(1_795_433_674_907 + 10_000 * i),
//!     meter: "node-1".parse().unwrap(),
//!     chip,
//!     quantity: Quantity::Power,
//!     value: 650_000 + i,
//! };
//! log.append(&(0..5).map(reading).collect::<Vec<_>>()).unwrap();
//! let checkpoint = log.checkpoint().unwrap();
//! let opening = log.open_leaves(checkpoint.size, &[1, 4], None).unwrap();
//! opening.verify(checkpoint.size, &checkpoint.root, None).unwrap();
//! ```

mod error;
mod files;
mod recover;

use std::path::Path;

use standstill_attestations::Window;
use standstill_attestations::reading::{MAX_READING_BYTES, OpenedLeaf, Opening, Reading, Sample};
use standstill_protocol::hash::Hash;
use standstill_protocol::log::{self, Frontier, ProofError, consistency, inclusion};

pub use error::LogError;
use files::Files;

/// Bytes that are written and synced at once, at most: what a crash can tear.
pub const MAX_BATCH_BYTES: usize = 1 << 20;

/// A root that was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// What a crash had left behind the last whole line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Bytes set aside.
    pub bytes: u64,
    /// The file that has them now.
    pub kept_in: std::path::PathBuf,
}

/// An open log. One process at a time has it.
#[derive(Debug)]
pub struct TelemetryLog {
    files: Files,
    frontier: Frontier,
    checkpoints: Vec<Checkpoint>,
    /// A write failed: what is on disk is not known.
    failed: bool,
}

impl TelemetryLog {
    /// Opens the log in a folder, which is made where there is none, and makes it whole.
    pub fn open(folder: &Path) -> Result<(Self, Option<Torn>), LogError> {
        let files = Files::open(folder)?;
        let recovered = recover::recover(&files)?;
        let recover::Recovered { frontier, checkpoints, torn } = recovered;
        Ok((TelemetryLog { files, frontier, checkpoints, failed: false }, torn))
    }

    /// Leaves.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Every root that was given out, oldest first.
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// Appends readings and returns the index of the first. When it returns, they are on the disk; when it fails, or a
    /// crash comes first, the log that is opened again has none of them.
    pub fn append(&mut self, readings: &[Reading]) -> Result<u64, LogError> {
        let first = self.size();
        if self.failed {
            return Err(LogError::Failed);
        }
        if readings.is_empty() {
            return Ok(first);
        }
        // Until every write has succeeded nobody knows what is on the disk: opening the log again finds out.
        self.failed = true;
        let mut end = self.files.end_of(first)?;
        for batch in readings.chunks(MAX_BATCH_BYTES / (MAX_READING_BYTES + 1)) {
            let lines: Vec<String> = batch.iter().map(|reading| format!("{reading}\n")).collect();
            end = self.append_lines(&lines, end)?;
        }
        self.files.set_mark(end)?;
        self.failed = false;
        Ok(first)
    }

    /// Returns where the last line ends.
    fn append_lines(&mut self, lines: &[String], mut end: u64) -> Result<u64, LogError> {
        self.files.append_readings(&lines.concat())?;
        let mut derived = recover::Derived::default();
        for line in lines {
            end = end.saturating_add(u64::try_from(line.len()).unwrap_or(0));
            derived.push(&mut self.frontier, line.trim_end().as_bytes(), end);
        }
        self.files.append_derived(&derived)?;
        Ok(end)
    }

    /// The leaf at an index.
    pub fn leaf(&self, index: u64) -> Result<Reading, LogError> {
        if index >= self.size() {
            return Err(LogError::OutOfRange { asked: index, size: self.size() });
        }
        let line = self.files.line(index)?;
        Reading::parse(&line).map_err(|error| LogError::NotAReading { index, error })
    }

    /// From the earliest to the latest time of the leaves `from .. to`, its end not included; `None` where there are none.
    pub fn window(&self, from: u64, to: u64) -> Result<Option<Window>, LogError> {
        if to > self.size() {
            return Err(LogError::OutOfRange { asked: to, size: self.size() });
        }
        let mut span: Option<Window> = None;
        for index in from..to {
            let time = self.leaf(index)?.time;
            let so_far = span.unwrap_or(Window { start: time, end: time });
            span = Some(Window { start: so_far.start.min(time), end: so_far.end.max(time.plus(1)) });
        }
        Ok(span)
    }

    /// The root over the first `size` leaves.
    pub fn root_at(&self, size: u64) -> Result<Hash, LogError> {
        if size > self.size() {
            return Err(LogError::OutOfRange { asked: size, size: self.size() });
        }
        log::root_at(&self.files, size).map_err(proof_error)
    }

    /// Writes down the root over all leaves, which is given out with this, and returns it. The last one again where no
    /// leaf was added since.
    pub fn checkpoint(&mut self) -> Result<Checkpoint, LogError> {
        if self.failed {
            return Err(LogError::Failed);
        }
        let checkpoint = Checkpoint { size: self.size(), root: self.root() };
        if self.checkpoints.last() == Some(&checkpoint) {
            return Ok(checkpoint);
        }
        // A line that was written in part, or twice, is one that only opening the log again may judge.
        self.failed = true;
        // No root is given out over leaves that a power loss may take.
        self.files.sync_readings()?;
        // The hashes too: opening the log trusts those under the last checkpoint.
        self.files.sync_derived()?;
        self.files.append_checkpoint(&checkpoint)?;
        self.failed = false;
        self.checkpoints.push(checkpoint);
        Ok(checkpoint)
    }

    /// The proof that the first `new_size` leaves begin with the first `old_size`: verified before it is returned.
    pub fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, LogError> {
        let (old_root, new_root) = (self.root_at(old_size)?, self.root_at(new_size)?);
        let proof = consistency::prove(&self.files, old_size, new_size).map_err(proof_error)?;
        consistency::verify(old_size, &old_root, new_size, &new_root, &proof)
            .map_err(|error| LogError::DamagedHashes { reason: error.to_string() })?;
        Ok(proof)
    }

    /// Opens leaves of the log of its first `size` leaves, with the request that drew them where there was one. What is
    /// returned has been verified.
    pub fn open_leaves(&self, size: u64, indexes: &[u64], sample: Option<Sample>) -> Result<Opening, LogError> {
        let root = self.root_at(size)?;
        let mut indexes = indexes.to_vec();
        indexes.sort_unstable();
        indexes.dedup();
        let mut leaves = Vec::with_capacity(indexes.len());
        for index in indexes {
            if index >= size {
                return Err(LogError::OutOfRange { asked: index, size });
            }
            let path = inclusion::prove(&self.files, index, size).map_err(proof_error)?;
            leaves.push(OpenedLeaf { index, reading: self.leaf(index)?, path });
        }
        let opening = Opening { size, root, sample, leaves };
        opening
            .verify(size, &root, sample.as_ref())
            .map_err(|error| LogError::DamagedHashes { reason: error.to_string() })?;
        Ok(opening)
    }

    /// Opens the leaves that a sample draws.
    pub fn open_sample(&self, size: u64, sample: Sample) -> Result<Opening, LogError> {
        let indexes = sample.draw(size, &self.root_at(size)?)?;
        self.open_leaves(size, &indexes, Some(sample))
    }
}

fn proof_error(error: ProofError<LogError>) -> LogError {
    match error {
        ProofError::OutOfRange { asked, limit } => LogError::OutOfRange { asked, size: limit },
        ProofError::Read(error) => error,
    }
}
