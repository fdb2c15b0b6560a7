//! Records as the host lays them out: frames of 96 bytes, little-endian, 16-byte aligned, read in place.

use core::ops::Deref;

/// A training-compute statement. Flags bit 0: the run's final report. Has [`Totals`].
pub const TRAINING_COMPUTE: u16 = 1;
/// A capability-evaluation statement.
pub const CAPABILITY_EVALUATION: u16 = 2;
/// An obligation was opened for `period` at `start`, due at `end`.
pub const OBLIGATION_OPENED: u16 = 16;
/// The obligation for `period` was met in time, at `start`; it was due at `end`.
pub const OBLIGATION_MET: u16 = 17;
/// The obligation for `period` was met late, at `start`; it was due at `end`.
pub const OBLIGATION_LATE: u16 = 18;
/// The obligation for `period` was not met by `end`.
pub const OBLIGATION_MISSED: u16 = 19;
/// A phase came into force at `start`; `flags` is its index. `init` was given its parameters.
pub const PHASE: u16 = 32;
/// A reporting period ended.
pub const PERIOD_CLOSED: u16 = 33;
/// The phase in which the clause was in force was left at `start` for one in which it is not; `flags` is its index.
pub const PHASE_LEFT: u16 = 34;

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

const _: () = assert!(size_of::<Frame>() == 96 && size_of::<Totals>() == 64);

/// Running totals of a training run, as its author states them after the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(16))]
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
    extension: &'a [Totals],
}

impl<'a> Record<'a> {
    /// A record over a frame and the batch's extension area.
    #[inline]
    pub fn new(frame: &'a Frame, extension: &'a [Totals]) -> Self {
        Record { frame, extension }
    }

    /// The totals of a training-compute record.
    #[inline]
    pub fn totals(&self) -> Option<&'a Totals> {
        let size = size_of::<Totals>() as u32;
        if self.frame.extension_length != size || !self.frame.extension_offset.is_multiple_of(size) {
            return None;
        }
        self.extension.get((self.frame.extension_offset / size) as usize)
    }
}

impl Deref for Record<'_> {
    type Target = Frame;

    #[inline]
    fn deref(&self) -> &Frame {
        self.frame
    }
}
