//! The parts that numbers are made of: bounds, a basis, the files behind them, and the honest "unknown".
//!
//! ```text
//! "incremental": {"lower": "6149898240", "upper": "6149898240"}
//! "energy": null, "energyUnknown": "no meter on this host"
//! "evidence": [{"role": "training-log", "tool": "transformers", "toolVersion": "5.23.0", "format": "hf-trainer-state",
//!               "sha256": "…", "sizeBytes": 2866, "importedFields": ["total_flos"], "backs": ["flop"]}]
//! ```

use standstill_protocol::hash::Hash;
use standstill_protocol::units::{Flop, Ppm, Timestamp};

use crate::words;

/// A number of FLOP known to lie between two bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// At least this much.
    pub lower: Flop,
    /// At most this much.
    pub upper: Flop,
}

impl Interval {
    /// Both bounds the same.
    pub const fn exact(value: Flop) -> Self {
        Interval { lower: value, upper: value }
    }

    /// Bounds in either order are not taken: `None` when `lower > upper`.
    pub fn new(lower: Flop, upper: Flop) -> Option<Self> {
        (lower <= upper).then_some(Interval { lower, upper })
    }

    /// Sum of bounds, or `None` on overflow.
    pub fn checked_add(self, other: Interval) -> Option<Interval> {
        Some(Interval { lower: self.lower.checked_add(other.lower)?, upper: self.upper.checked_add(other.upper)? })
    }
}

/// A ratio known to lie between two bounds, in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PpmInterval {
    /// At least this much.
    pub lower: Ppm,
    /// At most this much.
    pub upper: Ppm,
}

/// Two times, the later not before the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Included.
    pub start: Timestamp,
    /// Not included.
    pub end: Timestamp,
}

impl Window {
    /// Length in milliseconds; 0 where the end is before the start.
    pub fn length_ms(&self) -> u64 {
        self.end.since(self.start)
    }
}

/// A value, or the reason why it is not known. In JSON: `"x": value`, or `"x": null, "xUnknown": "reason"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maybe<T> {
    /// The value.
    Known(T),
    /// Why there is none: a sentence for people, never empty.
    Unknown(String),
}

impl<T> Maybe<T> {
    /// The value, where there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Maybe::Known(value) => Some(value),
            Maybe::Unknown(_) => None,
        }
    }

    /// The reason, where there is no value.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Maybe::Known(_) => None,
            Maybe::Unknown(reason) => Some(reason),
        }
    }
}

words! {
    /// How a number came to be.
    pub enum Basis {
        /// Read from an instrument or a counter.
        Measured = "measured",
        /// Calculated from measured or recorded numbers.
        Computed = "computed",
        /// Calculated from assumptions.
        Estimated = "estimated",
        /// Stated without more.
        Declared = "declared",
    }
}

words! {
    /// What a file is evidence of.
    pub enum EvidenceRole {
        /// What the training framework wrote about its run.
        TrainingLog = "training-log",
        /// The state file that an incremental figure was counted from.
        PreviousTrainingLog = "previous-training-log",
        /// What the evaluation harness wrote.
        EvaluationLog = "evaluation-log",
        /// A scheduler's accounting.
        SchedulerLog = "scheduler-log",
        /// A power or energy meter's readings.
        PowerLog = "power-log",
        /// Counters of the chips' activity.
        ActivityLog = "activity-log",
        /// What a device signed about itself.
        DeviceReport = "device-report",
        /// A list of assets.
        Inventory = "inventory",
        /// Minutes, contracts, photographs, seals.
        Record = "record",
        /// Anything else that was read.
        Other = "other",
    }
}

words! {
    /// A group of figures of a statement: what a file of evidence backs. The word is the member's name in the predicate.
    pub enum FigureGroup {
        /// Activity of the chips' tensor pipes.
        Activity = "activity",
        /// Counts of chips.
        Chips = "chips",
        /// Energy.
        Energy = "energy",
        /// What a signer or an inspector observed.
        Figures = "figures",
        /// FLOP, done or planned.
        Flop = "flop",
        /// Chips, time and utilisation.
        Hardware = "hardware",
        /// The list of the chips' tags.
        Ids = "ids",
        /// Counts of samples.
        Samples = "samples",
        /// Results of an evaluation.
        Scores = "scores",
        /// Tokens and parameters.
        Workload = "workload",
    }
}

/// How much of the time of the chips an instrument saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coverage {
    /// Chip seconds with readings.
    pub covered_chip_seconds: u64,
    /// Chip seconds without.
    pub gap_chip_seconds: u64,
}

/// A file that a number was taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What the file is evidence of.
    pub role: EvidenceRole,
    /// The tool that wrote it, such as `inspect_ai`.
    pub tool: String,
    /// That tool's version, or why it is not known.
    pub tool_version: Maybe<String>,
    /// The file's format, such as `hf-trainer-state`.
    pub format: String,
    /// SHA-256 of the whole file.
    pub sha256: Hash,
    /// The file's length in bytes.
    pub size_bytes: u64,
    /// The fields that were taken from it, sorted, without repetition.
    pub imported_fields: Vec<String>,
    /// The figures of the statement that rest on it, sorted by their words, without repetition.
    pub backs: Vec<FigureGroup>,
}

impl Evidence {
    /// Drops from `backs` what the statement does not state: `known` is what its predicate's `figures()` returns.
    pub fn keep_backs(&mut self, known: &[(FigureGroup, Basis)]) {
        self.backs.retain(|group| known.iter().any(|(one, _)| one == group));
    }
}
