//! Slowdown schedule: a lab's training FLOP of one period stay at or below an allowance that follows a schedule.
//!
//! Parameters: `shape` (`absolute`, `growing`, `decaying`, `stock`), `base` (FLOP), `rate_ppm` (per period, for growing
//! and decaying; default 0). With k the number of whole periods since the phase came into force, from 0:
//!
//! | shape | allowance of period k |
//! |---|---|
//! | absolute | base |
//! | growing | base x (1 + rate)^k, rounded down each period |
//! | decaying | base x (1 - rate)^k, rounded down each period |
//! | stock | base for all periods from 0 to k together |
//!
//! The schedule starts with the first whole period. A period in which the schedule changed from one to another is broken
//! only if it breaks the looser of the two.
//!
//! | code | verdict | meaning | numbers |
//! |---|---|---|---|
//! | 0 | holds | the sum keeps the allowance | lower, upper, allowance, k |
//! | 1 | violated | the sum's lower bound is above | lower, upper, allowance, k |
//! | 2 | undecided | the allowance lies inside the interval | lower, upper, allowance, k |
//! | 3 | undecided | nothing was claimed for the period | allowance, k |

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

use standstill_clause_sdk::*;

/// Periods of which the sums are kept one by one.
const KEEP: u32 = 64;
/// Schedules that are remembered.
const SCHEDULES: usize = 16;
/// Claims that a period's finding cites, the newest.
const CITED: usize = 16;
/// After this many periods a schedule stands still.
const LONGEST: u32 = 10_000;

/// The clause.
#[derive(Debug)]
pub struct Slowdown {
    shape: Shape,
    base: u128,
    rate_ppm: u64,
    schedules: Vec<Schedule>,
    periods: Vec<Sum>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Shape {
    Absolute = 0,
    Growing = 1,
    Decaying = 2,
    Stock = 3,
}

#[derive(Debug)]
struct Schedule {
    since: u64,
    /// First whole period.
    first: u32,
    shape: Shape,
    base: u128,
    rate_ppm: u64,
    /// For a stock: what periods that are no longer kept have used.
    used_lower: u128,
    used_upper: u128,
}

#[derive(Debug)]
struct Sum {
    period: u32,
    fresh: bool,
    lower: u128,
    upper: u128,
    cited: Vec<u64>,
}

impl Clause for Slowdown {
    fn init(parameters: &Parameters<'_>, state: Option<Reader<'_>>) -> Self {
        let mut clause = Slowdown {
            shape: match parameters.text("shape") {
                Some("absolute") => Shape::Absolute,
                Some("growing") => Shape::Growing,
                Some("decaying") => Shape::Decaying,
                Some("stock") => Shape::Stock,
                _ => panic!("`shape` is `absolute`, `growing`, `decaying` or `stock`"),
            },
            base: parameters.flop("base").expect("the treaty gives `base`"),
            rate_ppm: parameters.integer("rate_ppm").unwrap_or(0).min(1_000_000),
            schedules: Vec::new(),
            periods: Vec::new(),
        };
        if let Some(mut state) = state {
            clause.schedules = state.list(Schedule::read);
            clause.periods = state.list(Sum::read);
        }
        clause
    }

    fn step(&mut self, record: &Record<'_>) {
        match record.kind {
            PHASE => self.enter(record),
            TRAINING_COMPUTE => self.add(record),
            _ => {}
        }
    }

    fn assess(&mut self, period: &Period, findings: &mut Findings) {
        // A phase that came into force exactly at a period's start has that period as its first whole one.
        for schedule in &mut self.schedules {
            if period.index.checked_add(1) == Some(schedule.first) && schedule.since <= period.start {
                schedule.first = period.index;
            }
        }
        for at in 0..self.periods.len() {
            let sum = &self.periods[at];
            if sum.period < period.index && sum.fresh {
                self.report(sum.period, Some(at), findings);
            }
            if sum.period < period.index {
                self.periods[at].fresh = false;
            }
        }
        let at = self.periods.binary_search_by_key(&period.index, |sum| sum.period).ok();
        self.report(period.index, at, findings);
        if let Some(at) = at {
            self.periods[at].fresh = false;
        }
        self.forget(period.index);
    }

    fn save(&self, state: &mut Writer) {
        state.list(&self.schedules, |state, schedule| schedule.write(state));
        state.list(&self.periods, |state, sum| sum.write(state));
    }
}

impl Slowdown {
    fn enter(&mut self, record: &Record<'_>) {
        let (shape, base, rate_ppm) = (self.shape, self.base, self.rate_ppm);
        let same = |last: &Schedule| (last.shape, last.base, last.rate_ppm) == (shape, base, rate_ppm);
        if self.schedules.last().is_some_and(same) {
            return;
        }
        if self.schedules.len() == SCHEDULES {
            self.schedules.remove(0);
        }
        let (since, first) = (record.start, record.period.saturating_add(1));
        self.schedules.push(Schedule { since, first, shape, base, rate_ppm, used_lower: 0, used_upper: 0 });
    }

    fn add(&mut self, record: &Record<'_>) {
        let at = match self.periods.binary_search_by_key(&record.period, |sum| sum.period) {
            Ok(at) => at,
            Err(at) => {
                let cited = Vec::new();
                self.periods.insert(at, Sum { period: record.period, fresh: true, lower: 0, upper: 0, cited });
                at
            }
        };
        let sum = &mut self.periods[at];
        sum.lower = sum.lower.saturating_add(record.flop_lower);
        sum.upper = sum.upper.saturating_add(record.flop_upper);
        sum.fresh = true;
        if sum.cited.len() == CITED {
            sum.cited.remove(0);
        }
        sum.cited.push(record.index);
    }

    fn report(&self, period: u32, at: Option<usize>, findings: &mut Findings) {
        let Some(last) = self.schedules.iter().rposition(|schedule| schedule.first <= period) else { return };
        let sum = at.map(|at| &self.periods[at]);
        let (lower, upper, allowance, k) = self.measure(last, period, sum);
        let mut judged = (Verdict::at_most(lower, upper, allowance), lower, upper, allowance, k);
        // The next schedule came into force within this period: only what breaks both is broken.
        if self.schedules.get(last + 1).is_some_and(|next| next.first == period.saturating_add(1)) {
            let next = &self.schedules[last + 1];
            let verdict = Verdict::at_most(lower, upper, next.base);
            if verdict != judged.0 {
                judged.0 = judged.0.min(verdict).max(Verdict::Undecided);
            }
        }
        let (verdict, lower, upper, allowance, k) = judged;
        match sum {
            None => findings.add(period, Verdict::Undecided, 3, &[allowance, k as u128], &[]),
            Some(sum) => {
                let code = match verdict {
                    Verdict::Holds => 0,
                    Verdict::Violated => 1,
                    Verdict::Undecided => 2,
                };
                findings.add(period, verdict, code, &[lower, upper, allowance, k as u128], &sum.cited);
            }
        }
    }

    /// What counts against the allowance of a period under a schedule, and the allowance.
    fn measure(&self, at: usize, period: u32, sum: Option<&Sum>) -> (u128, u128, u128, u32) {
        let schedule = &self.schedules[at];
        let k = period - schedule.first;
        if schedule.shape != Shape::Stock {
            let (lower, upper) = sum.map_or((0, 0), |sum| (sum.lower, sum.upper));
            return (lower, upper, schedule.allowance(k), k);
        }
        let counted = self.periods.iter().filter(|sum| (schedule.first..=period).contains(&sum.period));
        let used = (schedule.used_lower, schedule.used_upper);
        let (lower, upper) = counted.fold(used, |(lower, upper), sum| {
            (lower.saturating_add(sum.lower), upper.saturating_add(sum.upper))
        });
        (lower, upper, schedule.base, k)
    }

    /// Drops periods that are long past; a stock keeps what they used.
    fn forget(&mut self, now: u32) {
        let Some(oldest) = now.checked_sub(KEEP) else { return };
        let past = self.periods.partition_point(|sum| sum.period < oldest);
        for sum in self.periods.drain(..past) {
            if let Some(schedule) = self.schedules.last_mut().filter(|schedule| schedule.first <= sum.period) {
                schedule.used_lower = schedule.used_lower.saturating_add(sum.lower);
                schedule.used_upper = schedule.used_upper.saturating_add(sum.upper);
            }
        }
    }
}

impl Schedule {
    fn allowance(&self, k: u32) -> u128 {
        let factor = match self.shape {
            Shape::Absolute | Shape::Stock => return self.base,
            Shape::Growing => 1_000_000 + self.rate_ppm as u128,
            Shape::Decaying => 1_000_000 - self.rate_ppm as u128,
        };
        let mut allowance = self.base;
        for _ in 0..k.min(LONGEST) {
            // Exact without overflow: the quotient and the remainder of the division, scaled apart.
            let scaled = (allowance / 1_000_000).saturating_mul(factor);
            allowance = scaled.saturating_add((allowance % 1_000_000) * factor / 1_000_000);
        }
        allowance
    }

    fn read(state: &mut Reader<'_>) -> Self {
        Schedule {
            since: state.u64(),
            first: state.u32(),
            shape: match state.u8() {
                0 => Shape::Absolute,
                1 => Shape::Growing,
                2 => Shape::Decaying,
                _ => Shape::Stock,
            },
            base: state.u128(),
            rate_ppm: state.u64(),
            used_lower: state.u128(),
            used_upper: state.u128(),
        }
    }

    fn write(&self, state: &mut Writer) {
        state.u64(self.since);
        state.u32(self.first);
        state.u8(self.shape as u8);
        state.u128(self.base);
        state.u64(self.rate_ppm);
        state.u128(self.used_lower);
        state.u128(self.used_upper);
    }
}

impl Sum {
    fn read(state: &mut Reader<'_>) -> Self {
        Sum {
            period: state.u32(),
            fresh: state.u8() != 0,
            lower: state.u128(),
            upper: state.u128(),
            cited: state.list(|state| state.u64()),
        }
    }

    fn write(&self, state: &mut Writer) {
        state.u32(self.period);
        state.u8(self.fresh as u8);
        state.u128(self.lower);
        state.u128(self.upper);
        state.list(&self.cited, |state, index| state.u64(*index));
    }
}

clause!(Slowdown);
