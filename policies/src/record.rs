//! Records: what a clause reads. One fixed frame of 96 bytes for each event, read in place by the guest.
//!
//! ```text
//! offset  0 index      u64   log index of the entry, or of the one that met an obligation; else the log's size
//!         8 time       u64   block time, ms UTC
//!        16 flop_lower u128  FLOP of the window, lower bound
//!        32 flop_upper u128  FLOP of the window, upper bound
//!        48 start      u64   ms UTC
//!        56 end        u64   ms UTC
//!        64 member     u32   interned by the ledger
//!        68 site       u32   interned, 0: none
//!        72 period     u32   index of the reporting period
//!        76 run        u32   interned, 0: none
//!        80 kind       u16   see Kind
//!        82 grade      u8    see Grade, 0: none
//!        83 basis      u8    code of the counting basis, 0: none
//!        84 flags      u32   meaning depends on the kind
//!        88 extension offset u32   from the start of the batch's extension area, multiple of 16
//!        92 extension length u32   bytes, multiple of 16
//! ```
//!
//! All integers are little-endian. A batch is its frames, then the extension area.

use standstill_protocol::units::{Flop, Timestamp};

/// Bytes of one frame.
pub const FRAME_BYTES: usize = 96;
/// Bytes of the extension of a training-compute record: four `u128`.
pub const TOTALS_BYTES: usize = 64;
/// Records of one canonical chunk, at most: what one call of `step` receives and one gas budget covers.
pub const CHUNK: usize = 1024;

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
#[non_exhaustive]
pub enum Kind {
    /// A training-compute statement: `flop_*` is the increment in the window `start..end`; [`Totals`] follow in the
    /// extension. `flags` bit 0: this is the run's final report.
    TrainingCompute = 1,
    /// A capability-evaluation statement. `start..end` is the window of the evaluation.
    CapabilityEvaluation = 2,
    /// An obligation was opened: `period` says for which period, `start` is when, `end` is when it is due.
    ObligationOpened = 16,
    /// The obligation was met in time: `start` is when, `end` is when it was due.
    ObligationMet = 17,
    /// The obligation was met after it was due: `start` is when it was met, `end` is when it was due.
    ObligationLate = 18,
    /// The deadline passed with nothing received: `end` is when it was due.
    ObligationMissed = 19,
    /// A phase came into force at `start`: `flags` is its index in the treaty. The record is run under the
    /// parameters of the new phase; it is also the first record of every partition.
    Phase = 32,
    /// A reporting period ended: `start..end` is the period.
    PeriodClosed = 33,
    /// A phase in which the clause was in force was left at `start` for one in which it is not: `flags` is the index of
    /// the phase that was left. The record is run under the parameters of that phase.
    PhaseLeft = 34,
}

/// How well a claim is backed, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Grade {
    /// Stated and signed by its author, nothing else.
    Declared = 1,
    /// Two independent methods of the author agree.
    CrossChecked = 2,
    /// Another member signed the same subject.
    Countersigned = 3,
    /// Backed by hardware evidence that verified.
    Attested = 4,
    /// Re-executed from a transcript.
    Replayed = 5,
    /// Confirmed on site.
    Inspected = 6,
}

impl Grade {
    /// The word of DESIGN and of treaties: `declared`, `cross-checked`, ...
    pub const fn as_str(self) -> &'static str {
        match self {
            Grade::Declared => "declared",
            Grade::CrossChecked => "cross-checked",
            Grade::Countersigned => "countersigned",
            Grade::Attested => "attested",
            Grade::Replayed => "replayed",
            Grade::Inspected => "inspected",
        }
    }
}

/// Running totals of a training run, as its author states them after the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Cumulative FLOP of the run, lower bound.
    pub cumulative_lower: Flop,
    /// Cumulative FLOP of the run, upper bound.
    pub cumulative_upper: Flop,
    /// FLOP of discarded work in the run, lower bound.
    pub discarded_lower: Flop,
    /// FLOP of discarded work in the run, upper bound.
    pub discarded_upper: Flop,
}

/// One record, before it is laid out as a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Log index of the entry, also for an obligation that it met; for other synthetic records the log size when they
    /// were made.
    pub index: u64,
    /// Block time.
    pub time: Timestamp,
    /// FLOP of the window, lower bound.
    pub flop_lower: Flop,
    /// FLOP of the window, upper bound.
    pub flop_upper: Flop,
    /// Start of the window, or as the kind says.
    pub start: Timestamp,
    /// End of the window, or as the kind says.
    pub end: Timestamp,
    /// The member, interned by the ledger.
    pub member: u32,
    /// The site, interned; 0 for none.
    pub site: u32,
    /// Index of the reporting period.
    pub period: u32,
    /// The run, interned; 0 for none.
    pub run: u32,
    /// What the record tells.
    pub kind: Kind,
    /// How well it is backed; `None` for synthetic records.
    pub grade: Option<Grade>,
    /// Code of the counting basis, 0 for none.
    pub basis: u8,
    /// As the kind says.
    pub flags: u32,
    /// The extension: totals, for training-compute records.
    pub totals: Option<Totals>,
}

impl Record {
    /// A record of this kind with every other field zero.
    pub fn new(kind: Kind, index: u64, time: Timestamp, member: u32, period: u32) -> Self {
        let (start, end) = (Timestamp(0), Timestamp(0));
        let (site, run, basis, flags) = (0, 0, 0, 0);
        let (flop_lower, flop_upper) = (Flop(0), Flop(0));
        #[rustfmt::skip]
        let record = Record {
            index, time, flop_lower, flop_upper, start, end, member, site, period, run, kind, grade: None, basis, flags,
            totals: None,
        };
        record
    }

    /// Lays the frame out. `extension_offset` is where its totals lie in the extension area, if it has any.
    #[inline]
    pub fn write_frame(&self, frame: &mut [u8; FRAME_BYTES], extension_offset: u32) {
        let (offset, length) = if self.totals.is_some() { (extension_offset, TOTALS_BYTES as u32) } else { (0, 0) };
        let grade = self.grade.map_or(0, |grade| grade as u8);
        frame[0..8].copy_from_slice(&self.index.to_le_bytes());
        frame[8..16].copy_from_slice(&self.time.0.to_le_bytes());
        frame[16..32].copy_from_slice(&self.flop_lower.0.to_le_bytes());
        frame[32..48].copy_from_slice(&self.flop_upper.0.to_le_bytes());
        frame[48..56].copy_from_slice(&self.start.0.to_le_bytes());
        frame[56..64].copy_from_slice(&self.end.0.to_le_bytes());
        frame[64..68].copy_from_slice(&self.member.to_le_bytes());
        frame[68..72].copy_from_slice(&self.site.to_le_bytes());
        frame[72..76].copy_from_slice(&self.period.to_le_bytes());
        frame[76..80].copy_from_slice(&self.run.to_le_bytes());
        frame[80..82].copy_from_slice(&(self.kind as u16).to_le_bytes());
        frame[82..84].copy_from_slice(&[grade, self.basis]);
        frame[84..88].copy_from_slice(&self.flags.to_le_bytes());
        frame[88..92].copy_from_slice(&offset.to_le_bytes());
        frame[92..96].copy_from_slice(&length.to_le_bytes());
    }
}

impl Totals {
    /// The extension's bytes: four `u128`, little-endian, in the order of the fields.
    #[inline]
    pub fn to_bytes(&self) -> [u8; TOTALS_BYTES] {
        let mut bytes = [0; TOTALS_BYTES];
        let values = [self.cumulative_lower, self.cumulative_upper, self.discarded_lower, self.discarded_upper];
        for (slot, value) in bytes.chunks_exact_mut(16).zip(values) {
            slot.copy_from_slice(&value.0.to_le_bytes());
        }
        bytes
    }
}

/// Bytes of a batch: frames, then the extension area.
pub fn batch_bytes(records: &[Record]) -> usize {
    records.len() * FRAME_BYTES + records.iter().filter(|record| record.totals.is_some()).count() * TOTALS_BYTES
}

/// Lays a batch out into `bytes`, which must be [`batch_bytes`] long: shorter and the rest is not written.
pub fn write_batch(records: &[Record], bytes: &mut [u8]) {
    let frames_end = (records.len() * FRAME_BYTES).min(bytes.len());
    let (frames, extension) = bytes.split_at_mut(frames_end);
    let (frames, _) = frames.as_chunks_mut::<FRAME_BYTES>();
    let (slots, _) = extension.as_chunks_mut::<TOTALS_BYTES>();
    let mut slots = slots.iter_mut();
    let mut offset = 0;
    for (record, frame) in records.iter().zip(frames) {
        record.write_frame(frame, offset);
        if let (Some(totals), Some(slot)) = (&record.totals, record.totals.is_some().then(|| slots.next()).flatten()) {
            *slot = totals.to_bytes();
            offset += TOTALS_BYTES as u32;
        }
    }
}
