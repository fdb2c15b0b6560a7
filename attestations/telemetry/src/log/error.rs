//! Why a telemetry log did not do what was asked, each with what a person can do about it.

use std::path::PathBuf;

use standstill_attestations::reading::{ReadingError, SampleError};
use standstill_protocol::hash::Hash;

/// Why a telemetry log did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Another process has the log open.
    #[error("the log in `{}` is in use", folder.display())]
    InUse {
        /// The log's folder.
        folder: PathBuf,
    },
    /// A write failed before: what is on the disk is not known until the log is opened again.
    #[error("an earlier write failed, and what is on the disk is not known")]
    Failed,
    /// Fewer bytes than were acknowledged.
    #[error("`{}` ends at byte {length}, and {synced} bytes of it were synced and acknowledged", path.display())]
    Shortened {
        /// The file.
        path: PathBuf,
        /// Its length, up to the last whole line.
        length: u64,
        /// What was acknowledged.
        synced: u64,
    },
    /// A line that no crash leaves behind: it was acknowledged, or more than one batch lies after it.
    #[error("`{}` is damaged at byte {offset}: {error}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the line begins.
        offset: u64,
        /// What is wrong with the line.
        error: ReadingError,
    },
    /// A checkpoint line that is none.
    #[error("`{}` is damaged at line {line}", path.display())]
    DamagedCheckpoints {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// Fewer leaves than a checkpoint that was given out.
    #[error("the log has {found} leaves, and a checkpoint over {expected} was given out")]
    Lost {
        /// Leaves there are.
        found: u64,
        /// Leaves of the checkpoint.
        expected: u64,
    },
    /// Another root than the one that was given out.
    #[error("the root over {size} leaves is `{found}`, and `{expected}` was given out")]
    Rewritten {
        /// Leaves of the checkpoint.
        size: u64,
        /// The root over them now.
        found: Hash,
        /// The root given out.
        expected: Hash,
    },
    /// Hashes that do not fit the leaves.
    #[error("the stored hashes are damaged: {reason}")]
    DamagedHashes {
        /// What did not fit.
        reason: String,
    },
    /// A leaf that is no reading.
    #[error("leaf {index} is no reading: {error}")]
    NotAReading {
        /// The leaf.
        index: u64,
        /// Why.
        error: ReadingError,
    },
    /// An index or a size beyond the log.
    #[error("{asked} is beyond the log, which has {size} leaves")]
    OutOfRange {
        /// What was asked for.
        asked: u64,
        /// Leaves there are.
        size: u64,
    },
    /// A sample that cannot be drawn.
    #[error(transparent)]
    Sample(#[from] SampleError),
}

impl LogError {
    /// What a person can do about it: one line, no full stop.
    pub const fn hint(&self) -> &'static str {
        match self {
            LogError::Io { .. } => "check that the disk has room and that the folder belongs to this user",
            LogError::InUse { .. } => "a meter may be running: stop it, or give this one a log of its own with `--log`",
            LogError::Failed => "open the log again: what was not written is set aside",
            LogError::Damaged { .. } | LogError::Shortened { .. } | LogError::DamagedCheckpoints { .. } => {
                "restore the file from a copy; a line that was changed by hand is no crash"
            }
            LogError::Lost { .. } | LogError::Rewritten { .. } => {
                "restore the folder from a copy; without it, begin a log under another name and say why in an `incident`"
            }
            LogError::DamagedHashes { .. } => {
                "remove the files `hashes` and `ends`: they are made anew from `readings`"
            }
            LogError::NotAReading { .. } => "restore the file `readings` from a copy",
            LogError::OutOfRange { .. } => "indexes begin at 0; `standstill telemetry status` shows the size",
            LogError::Sample(_) => "ask for at most 4096 leaves at once",
        }
    }

    /// Whether the log contradicts what was given out.
    pub const fn is_contradiction(&self) -> bool {
        matches!(self, LogError::Lost { .. } | LogError::Rewritten { .. })
    }
}
