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
use wincode::{SchemaRead, SchemaWrite};

/// Bytes of one frame.
pub const FRAME_BYTES: usize = 96;
/// Bytes of [`Totals`], with which the extension of a training-compute record begins: four `u128`.
pub const TOTALS_BYTES: usize = 64;
/// Extensions are so many bytes, or a multiple.
pub const EXTENSION_UNIT: usize = 16;
/// Bit of a training-compute record's flags: the run ends with this report.
pub const FINAL_REPORT: u32 = 1;
/// Bit of a training-compute record's flags: it takes the place of an earlier report, which the record before it took back.
pub const CORRECTS: u32 = 2;
/// Bit of a training-compute record's flags: the compute of a base model is not known.
pub const BASE_UNKNOWN: u32 = 4;
/// Records of one canonical chunk, at most: what one call of `step` receives and one gas budget covers.
pub const CHUNK: usize = 1024;

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
#[non_exhaustive]
pub enum Kind {
    /// A training-compute statement: `flop_*` is the increment in the window `start..end`; [`Totals`], the lineage of the
    /// model and the compute of its base models follow in the extension. `flags`: [`FINAL_REPORT`], [`CORRECTS`],
    /// [`BASE_UNKNOWN`].
    TrainingCompute = 1,
    /// A capability-evaluation statement. `start..end` is the window of the evaluation, `flags` the number of its scores,
    /// each of which has 64 bytes in the extension.
    CapabilityEvaluation = 2,
    /// A chip-inventory statement: `start` is as of when, `flop_*` the peak of all chips in a second, `flags` how many they are.
    ChipInventory = 3,
    /// A run-plan statement: `start..end` and `flop_*` as planned, `flags` how many chips.
    RunPlan = 4,
    /// A hardware-evidence statement whose report verified: `start` is when it was collected, `flags` the vendor.
    HardwareEvidence = 5,
    /// A telemetry-log statement: `start..end` is what the new readings cover.
    TelemetryLog = 6,
    /// An inspection: `flags` is the result.
    Inspection = 7,
    /// An incident: `start` is when it happened, `end` when it was noticed, `flags` how severe it is.
    Incident = 8,
    /// An obligation was opened: `period` says for which period, `start` is when, `end` is when it is due.
    ObligationOpened = 16,
    /// The obligation was met in time: `start` is when, `end` is when it was due.
    ObligationMet = 17,
    /// The obligation was met after it was due: `start` is when it was met, `end` is when it was due.
    ObligationLate = 18,
    /// The deadline passed with nothing received: `end` is when it was due.
    ObligationMissed = 19,
    /// The grade of a claim is another now: `index`, `run`, `site`, `period`, `flop_*`, `start..end` are the claim's, `grade` is
    /// the new one. The extension has the index of the entry that brought it, and its signer.
    GradeRaised = 20,
    /// A report was taken back by the entry `index`: everything else is the superseded report's, so that a clause subtracts
    /// it. The extension has its [`Totals`] and its index. The report that takes its place follows.
    Corrected = 21,
    /// Another member's observation misses a claim: `index` is the claim's, `flop_*` is what was observed, `flags` of which
    /// figure (1 FLOP, 2 energy in J, 3 chip-seconds).
    Disagreement = 22,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, SchemaRead, SchemaWrite)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// With which the extension begins: totals, for training-compute records and for those that take one back.
    pub totals: Option<Totals>,
    /// What follows in the extension, as the kind says. Filled up with zeros to a multiple of [`EXTENSION_UNIT`].
    pub rest: Vec<u8>,
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
            totals: None, rest: Vec::new(),
        };
        record
    }

    /// Bytes of the extension.
    #[inline]
    pub fn extension_bytes(&self) -> usize {
        let totals = if self.totals.is_some() { TOTALS_BYTES } else { 0 };
        totals + self.rest.len().next_multiple_of(EXTENSION_UNIT)
    }

    /// Writes the extension into `bytes`, which are [`Record::extension_bytes`] and zero.
    fn write_extension(&self, bytes: &mut [u8]) {
        let rest = match (&self.totals, bytes.split_first_chunk_mut::<TOTALS_BYTES>()) {
            (Some(totals), Some((slot, rest))) => {
                *slot = totals.to_bytes();
                rest
            }
            _ => bytes,
        };
        for (slot, byte) in rest.iter_mut().zip(&self.rest) {
            *slot = *byte;
        }
    }

    /// Lays the frame out. `extension_offset` is where its extension lies in the extension area, if it has any.
    #[inline]
    pub fn write_frame(&self, frame: &mut [u8; FRAME_BYTES], extension_offset: u32) {
        // A record's extension is far below 4 GiB: it comes from a statement.
        let length = u32::try_from(self.extension_bytes()).unwrap_or(0);
        let offset = if length == 0 { 0 } else { extension_offset };
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
    records.len() * FRAME_BYTES + records.iter().map(Record::extension_bytes).sum::<usize>()
}

/// Lays a batch out into `bytes`, which must be [`batch_bytes`] long: shorter and the rest is not written.
pub fn write_batch(records: &[Record], bytes: &mut [u8]) {
    let frames_end = (records.len() * FRAME_BYTES).min(bytes.len());
    let (frames, mut extension) = bytes.split_at_mut(frames_end);
    let (frames, _) = frames.as_chunks_mut::<FRAME_BYTES>();
    let mut offset = 0;
    for (record, frame) in records.iter().zip(frames) {
        record.write_frame(frame, offset);
        let length = record.extension_bytes();
        let Some((slot, behind)) = std::mem::take(&mut extension).split_at_mut_checked(length) else { return };
        slot.fill(0);
        record.write_extension(slot);
        extension = behind;
        offset = offset.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
    }
}
