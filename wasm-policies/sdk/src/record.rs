//! Records as the host lays them out: frames of 96 bytes, little-endian, 16-byte aligned, read in place.

use core::ops::Deref;

/// A training-compute statement. Flags: [`FINAL_REPORT`], [`CORRECTS`], [`BASE_UNKNOWN`]. Has [`Totals`].
pub const TRAINING_COMPUTE: u16 = 1;
/// A capability-evaluation statement. Flags: how many scores, each 64 bytes of the extension.
pub const CAPABILITY_EVALUATION: u16 = 2;
/// A chip-inventory statement: `start` is as of when, `flop_*` the peak in a second, `flags` how many chips.
pub const CHIP_INVENTORY: u16 = 3;
/// A run-plan statement: `start`, `end` and `flop_*` as planned, `flags` how many chips.
pub const RUN_PLAN: u16 = 4;
/// A hardware-evidence statement whose report verified.
pub const HARDWARE_EVIDENCE: u16 = 5;
/// A telemetry-log statement.
pub const TELEMETRY_LOG: u16 = 6;
/// An inspection. Flags: 0 confirmed, 1 contradicted, 2 inconclusive, 3 access refused.
pub const INSPECTION: u16 = 7;
/// An incident.
pub const INCIDENT: u16 = 8;
/// An obligation was opened for `period` at `start`, due at `end`.
pub const OBLIGATION_OPENED: u16 = 16;
/// The obligation for `period` was met in time, at `start`; it was due at `end`.
pub const OBLIGATION_MET: u16 = 17;
/// The obligation for `period` was met late, at `start`; it was due at `end`.
pub const OBLIGATION_LATE: u16 = 18;
/// The obligation for `period` was not met by `end`.
pub const OBLIGATION_MISSED: u16 = 19;
/// The grade of the claim at `index` is `grade` now; the rest is the claim's.
pub const GRADE_RAISED: u16 = 20;
/// A report was taken back by the entry `index`; the rest is the superseded report's. Has [`Totals`], then the index of the
/// superseded report, see [`Record::superseded`]. The report that takes its place follows.
pub const CORRECTED: u16 = 21;
/// Another member's observation misses the claim at `index`.
pub const DISAGREEMENT: u16 = 22;
/// A phase came into force at `start`; `flags` is its index. `init` was given its parameters.
pub const PHASE: u16 = 32;
/// A reporting period ended.
pub const PERIOD_CLOSED: u16 = 33;
/// The phase in which the clause was in force was left at `start` for one in which it is not; `flags` is its index.
pub const PHASE_LEFT: u16 = 34;

/// Flag of a training-compute record: the run ends with it.
pub const FINAL_REPORT: u32 = 1;
/// Flag of a training-compute record: it takes the place of an earlier report, which the record before it took back.
pub const CORRECTS: u32 = 2;
/// Flag of a training-compute record: the compute of a base model is not known.
pub const BASE_UNKNOWN: u32 = 4;

/// The fixed part of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct Frame {
    /// Log index of the entry behind the record; for records without one, the log size when they were made.
    pub index: u64,
    /// Block time.
    pub time: u64,
    /// FLOP of the window, lower bound.
    pub flop_lower: u128,
    /// FLOP of the window, upper bound.
    pub flop_upper: u128,
    /// Start of the window, or as the kind says.
    pub start: u64,
    /// End of the window, or as the kind says.
    pub end: u64,
    /// The member, interned.
    pub member: u32,
    /// The site, interned; 0 for none.
    pub site: u32,
    /// Reporting period.
    pub period: u32,
    /// The run, interned; 0 for none.
    pub run: u32,
    /// What the record tells.
    pub kind: u16,
    /// How well it is backed: 1 declared to 6 inspected; 0 for none.
    pub grade: u8,
    /// Code of the counting basis; 0 for none.
    pub basis: u8,
    /// As the kind says.
    pub flags: u32,
    /// Where the extension lies in the batch's extension area.
    pub extension_offset: u32,
    /// Bytes of the extension.
    pub extension_length: u32,
}

const _: () = assert!(size_of::<Frame>() == 96 && size_of::<u128>() == 16);

/// Running totals of a training run, as its author states them after the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Cumulative FLOP of the run, lower bound.
    pub cumulative_lower: u128,
    /// Cumulative FLOP of the run, upper bound.
    pub cumulative_upper: u128,
    /// FLOP of discarded work, lower bound.
    pub discarded_lower: u128,
    /// FLOP of discarded work, upper bound.
    pub discarded_upper: u128,
}

/// One record: its frame, and what its extension holds.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    frame: &'a Frame,
    extension: &'a [u128],
}

impl<'a> Record<'a> {
    /// A record over a frame and the batch's extension area.
    #[inline]
    pub fn new(frame: &'a Frame, extension: &'a [u128]) -> Self {
        Record { frame, extension }
    }

    /// The extension, in words of 16 bytes, little-endian.
    #[inline]
    pub fn words(&self) -> &'a [u128] {
        let (first, count) = (self.frame.extension_offset as usize / 16, self.frame.extension_length as usize / 16);
        self.extension.get(first..).and_then(|words| words.get(..count)).unwrap_or(&[])
    }

    /// The totals of a training-compute record, or of one that takes a report back.
    #[inline]
    pub fn totals(&self) -> Option<Totals> {
        match *self.words() {
            [cumulative_lower, cumulative_upper, discarded_lower, discarded_upper, ..] => {
                Some(Totals { cumulative_lower, cumulative_upper, discarded_lower, discarded_upper })
            }
            _ => None,
        }
    }

    /// The index of the report that a [`CORRECTED`] record takes back.
    pub fn superseded(&self) -> Option<u64> {
        self.words().get(4).map(|word| *word as u64)
    }
}

impl Deref for Record<'_> {
    type Target = Frame;

    #[inline]
    fn deref(&self) -> &Frame {
        self.frame
    }
}
