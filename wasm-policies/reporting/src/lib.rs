//! Reporting: every obligation to report is met, and in time.
//!
//! Parameters: `missing_violated_after` (count, default 3; 0: never), `late_tolerance` (ms, default 0), `late_verdict`
//! (`undecided` or `violated`, default `undecided`).
//!
//! | code | verdict | meaning | numbers |
//! |---|---|---|---|
//! | 0 | holds | the report came in time | |
//! | 1 | holds | the report came late, within the tolerance | ms late, tolerance |
//! | 2 | as `late_verdict` says | the report came later than the tolerance | ms late, tolerance |
//! | 3 | undecided | the report is missing | periods missing in a row |
//! | 4 | violated | the report is missing, like those before it | periods missing in a row, limit |
//!
//! A report is in time by the one that came first: a correction does not make it late. It is cited beside the report.
//!
//! A period for which nothing was owed, or for which the report can still come, has no finding and ends a row. The newest
//! 64 periods are held; of an older one nothing is said.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

use standstill_clause_sdk::*;

/// Periods that are remembered, and so the most that can be missing in a row.
const KEEP: usize = 64;

/// The clause.
#[derive(Debug)]
pub struct Reporting {
    missing_violated_after: u64,
    late_tolerance: u64,
    late_verdict: Verdict,
    periods: Vec<Owed>,
}

#[derive(Debug)]
struct Owed {
    period: u32,
    status: Status,
    fresh: bool,
    late_ms: u64,
    index: u64,
    /// The entry that corrected the report last; 0 for none.
    corrected: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Status {
    Open = 0,
    Missed = 1,
    Late = 2,
    Met = 3,
}

impl Clause for Reporting {
    fn init(parameters: &Parameters<'_>, state: Option<Reader<'_>>) -> Self {
        Reporting {
            missing_violated_after: parameters.integer("missing_violated_after").unwrap_or(3),
            late_tolerance: parameters.integer("late_tolerance").unwrap_or(0),
            late_verdict: match parameters.text("late_verdict") {
                None | Some("undecided") => Verdict::Undecided,
                Some("violated") => Verdict::Violated,
                Some(_) => panic!("`late_verdict` is `undecided` or `violated`"),
            },
            periods: state.map_or_else(Vec::new, |mut state| state.list(Owed::read)),
        }
    }

    fn step(&mut self, record: &Record<'_>) {
        match record.kind {
            OBLIGATION_OPENED => self.set(record.period, Status::Open, 0, 0),
            OBLIGATION_MISSED => self.set(record.period, Status::Missed, 0, 0),
            OBLIGATION_MET => self.set(record.period, Status::Met, 0, record.index),
            OBLIGATION_LATE => {
                self.set(record.period, Status::Late, record.start.saturating_sub(record.end), record.index);
            }
            CORRECTED => self.correct(record),
            _ => {}
        }
    }

    fn assess(&mut self, period: &Period, findings: &mut Findings) {
        for at in 0..self.periods.len() {
            let owed = &self.periods[at];
            if owed.period <= period.index && (owed.period == period.index || owed.fresh) {
                self.report(at, findings);
                self.periods[at].fresh = false;
            }
        }
    }

    fn save(&self, state: &mut Writer) {
        state.list(&self.periods, |state, owed| owed.write(state));
    }
}

impl Reporting {
    /// A later status replaces an earlier one, never the other way round: a report ends the matter.
    fn set(&mut self, period: u32, status: Status, late_ms: u64, index: u64) {
        match self.periods.binary_search_by_key(&period, |owed| owed.period) {
            Ok(at) => {
                let owed = &mut self.periods[at];
                if status as u8 > owed.status as u8 {
                    *owed = Owed { period, status, fresh: true, late_ms, index, corrected: 0 };
                }
            }
            Err(at) => {
                self.periods.insert(at, Owed { period, status, fresh: true, late_ms, index, corrected: 0 });
                if self.periods.len() > KEEP {
                    self.periods.remove(0);
                }
            }
        }
    }

    /// The report that met the obligation, or the one that corrected it, was corrected.
    fn correct(&mut self, record: &Record<'_>) {
        let Ok(at) = self.periods.binary_search_by_key(&record.period, |owed| owed.period) else { return };
        let owed = &mut self.periods[at];
        let met = matches!(owed.status, Status::Met | Status::Late);
        if met && record.superseded().is_some_and(|index| index == owed.index || index == owed.corrected) {
            owed.corrected = record.index;
            owed.fresh = true;
        }
    }

    fn report(&self, at: usize, findings: &mut Findings) {
        let owed = &self.periods[at];
        let cited = [owed.index, owed.corrected];
        let cited = if owed.corrected == 0 { &cited[..1] } else { &cited[..] };
        let late = [owed.late_ms as u128, self.late_tolerance as u128];
        match owed.status {
            Status::Met => findings.add(owed.period, Verdict::Holds, 0, &[], cited),
            Status::Late if owed.late_ms <= self.late_tolerance => {
                findings.add(owed.period, Verdict::Holds, 1, &late, cited);
            }
            Status::Late => findings.add(owed.period, self.late_verdict, 2, &late, cited),
            Status::Open => {}
            Status::Missed => {
                let missing = self.missing_in_a_row(at);
                let limit = self.missing_violated_after;
                if limit != 0 && missing >= limit {
                    findings.add(owed.period, Verdict::Violated, 4, &[missing as u128, limit as u128], &[]);
                } else {
                    findings.add(owed.period, Verdict::Undecided, 3, &[missing as u128], &[]);
                }
            }
        }
    }

    /// This period and those before it, without a gap, whose reports are missing: one that can still come is not.
    fn missing_in_a_row(&self, at: usize) -> u64 {
        let mut expected = self.periods[at].period;
        let mut count = 0;
        for owed in self.periods[..=at].iter().rev() {
            if owed.period != expected || owed.status != Status::Missed {
                break;
            }
            count += 1;
            expected = expected.wrapping_sub(1);
        }
        count
    }
}

impl Owed {
    fn read(state: &mut Reader<'_>) -> Self {
        Owed {
            period: state.u32(),
            status: match state.u8() {
                0 => Status::Open,
                1 => Status::Missed,
                2 => Status::Late,
                _ => Status::Met,
            },
            fresh: state.u8() != 0,
            late_ms: state.u64(),
            index: state.u64(),
            corrected: state.u64(),
        }
    }

    fn write(&self, state: &mut Writer) {
        state.u32(self.period);
        state.u8(self.status as u8);
        state.u8(self.fresh as u8);
        state.u64(self.late_ms);
        state.u64(self.index);
        state.u64(self.corrected);
    }
}

clause!(Reporting);
