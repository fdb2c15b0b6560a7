//! Reporting periods, and the capacity that their length was derived from.

use standstill_attestations::accounting;
use standstill_protocol::units::{Flop, Ppm, Timestamp};

/// Reporting periods: all of one length, from `first_start` on, numbered from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Periods {
    /// Why the length is what it is: from the time to reach the threshold, not from habit.
    pub rationale: String,
    /// When period 0 starts.
    pub first_start: Timestamp,
    /// Length of a period.
    pub length_ms: u64,
    /// A report is due this long after its period's end.
    pub report_within_ms: u64,
    /// The capacity that the length was derived from.
    pub capacity: Option<Capacity>,
}

/// What one lab could do at most, and the threshold that it must not reach before its first report is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Text for people.
    pub text: String,
    /// Accelerators of the lab with the most.
    pub chips: u64,
    /// Peak of each, FLOP/s.
    pub flop_per_second: u64,
    /// Share of the peak that training reaches.
    pub utilisation: Ppm,
    /// The threshold, FLOP.
    pub threshold: Flop,
}

impl Capacity {
    /// Milliseconds until the capacity has done `flop`, rounded up. `None` where it never does.
    pub fn time_to_ms(&self, flop: Flop) -> Option<u128> {
        accounting::time_to_reach_ms(flop, self.chips, self.flop_per_second, self.utilisation)
    }
}

/// One reporting period, `start` inclusive, `end` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Index from 0.
    pub index: u32,
    /// First millisecond.
    pub start: Timestamp,
    /// The first millisecond after.
    pub end: Timestamp,
    /// When the report about it is due, before any grace.
    pub due: Timestamp,
}

impl Periods {
    /// The period with this index. Times saturate at the end of year 9999.
    pub fn period(&self, index: u32) -> Period {
        let start = self.first_start.plus(self.length_ms.saturating_mul(u64::from(index)));
        let end = start.plus(self.length_ms);
        Period { index, start, end, due: end.plus(self.report_within_ms) }
    }

    /// The period that contains `time`; `None` before the first.
    pub fn index_at(&self, time: Timestamp) -> Option<u32> {
        if time < self.first_start || self.length_ms == 0 {
            return None;
        }
        u32::try_from(time.since(self.first_start) / self.length_ms).ok()
    }
}
