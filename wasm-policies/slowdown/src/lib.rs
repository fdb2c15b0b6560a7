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
//! The schedule starts with the first whole period and ends with the last one; when the clause comes into force again, it
//! starts anew. A period in which the schedule changed from one to another is broken only if it breaks the looser of the
//! two.
//!
//! | code | verdict | meaning | numbers |
//! |---|---|---|---|
//! | 0 | holds | the sum keeps the allowance | lower, upper, allowance, k |
//! | 1 | violated | the sum's lower bound is above | lower, upper, allowance, k |
//! | 2 | undecided | the allowance lies inside the interval | lower, upper, allowance, k |
//! | 3 | undecided | the period closed and nothing was claimed for it | allowance, k |
//!
//! A corrected report is taken out of its period's sum, and the report that takes its place is put in.
//!
//! The newest 64 periods are held; of an older one nothing is said, though a stock still counts what it used.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

use standstill_clause_sdk::*;

/// Periods that are held, the newest.
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
    /// The newest period that a record spoke of.
    newest: u32,
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
    /// The period in which the clause left force; it and later ones are not judged. `u32::MAX` while in force.
    left: u32,
    shape: Shape,
    base: u128,
    rate_ppm: u64,
    /// For a stock: what periods that are no longer held have used.
    used_lower: u128,
    used_upper: u128,
}

#[derive(Debug)]
struct Sum {
    period: u32,
    closed: bool,
    fresh: bool,
    /// Claims, the newest of which are cited: claim n at place n modulo the places.
    claims: u64,
    lower: u128,
    upper: u128,
    cited: [u64; CITED],
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
            newest: 0,
            schedules: Vec::new(),
            periods: Vec::new(),
        };
        if let Some(mut state) = state {
            clause.newest = state.u32();
            clause.schedules = state.list(Schedule::read);
            clause.periods = state.list(Sum::read);
        }
        clause
    }

    #[inline]
    fn step(&mut self, record: &Record<'_>) {
        if record.period > self.newest {
            self.newest = record.period;
            self.forget();
        }
        match record.kind {
            TRAINING_COMPUTE => self.add(record),
            CORRECTED => self.take_back(record),
            PHASE => self.enter(record),
            PHASE_LEFT => self.leave(record.period),
            PERIOD_CLOSED => {
                if let Some(at) = self.held(record.period) {
                    self.periods[at].closed = true;
                }
            }
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
            if sum.period == period.index || (sum.period < period.index && sum.fresh) {
                self.report(sum, findings);
                self.periods[at].fresh = false;
            }
        }
    }

    fn save(&self, state: &mut Writer) {
        state.u32(self.newest);
        state.list(&self.schedules, |state, schedule| schedule.write(state));
        state.list(&self.periods, |state, sum| sum.write(state));
    }
}

impl Slowdown {
    fn enter(&mut self, record: &Record<'_>) {
        let (shape, base, rate_ppm) = (self.shape, self.base, self.rate_ppm);
        let same = |last: &Schedule| {
            last.left == u32::MAX && (last.shape, last.base, last.rate_ppm) == (shape, base, rate_ppm)
        };
        if self.schedules.last().is_some_and(same) {
            return;
        }
        if self.schedules.len() == SCHEDULES {
            self.schedules.remove(0);
        }
        let (since, first, left) = (record.start, record.period.saturating_add(1), u32::MAX);
        self.schedules.push(Schedule { since, first, left, shape, base, rate_ppm, used_lower: 0, used_upper: 0 });
    }

    fn leave(&mut self, period: u32) {
        if let Some(last) = self.schedules.last_mut() {
            last.left = last.left.min(period);
        }
    }

    #[inline]
    fn add(&mut self, record: &Record<'_>) {
        match self.held(record.period) {
            None => self.use_stock(record.period, record.flop_lower, record.flop_upper),
            Some(at) => {
                let sum = &mut self.periods[at];
                sum.lower = sum.lower.saturating_add(record.flop_lower);
                sum.upper = sum.upper.saturating_add(record.flop_upper);
                sum.fresh = true;
                // A correction is cited in the place of what it supersedes.
                if record.flags & CORRECTS == 0 || sum.claims == 0 {
                    sum.cited[(sum.claims % CITED as u64) as usize] = record.index;
                    sum.claims += 1;
                }
            }
        }
    }

    /// A report is superseded: what it added is taken away.
    #[cold]
    fn take_back(&mut self, record: &Record<'_>) {
        let (lower, upper) = (record.flop_lower, record.flop_upper);
        match self.held(record.period) {
            None => {
                if let Some(at) = self.schedule_of(record.period) {
                    let schedule = &mut self.schedules[at];
                    schedule.used_lower = schedule.used_lower.saturating_sub(lower);
                    schedule.used_upper = schedule.used_upper.saturating_sub(upper);
                }
            }
            Some(at) => {
                let sum = &mut self.periods[at];
                sum.lower = sum.lower.saturating_sub(lower);
                sum.upper = sum.upper.saturating_sub(upper);
                sum.fresh = true;
                let places = sum.claims.min(CITED as u64) as usize;
                let superseded = record.superseded();
                for place in sum.cited[..places].iter_mut().filter(|place| Some(**place) == superseded) {
                    *place = record.index;
                }
            }
        }
    }

    /// Where a period is held; one that is new begins to be.
    #[inline]
    fn held(&mut self, period: u32) -> Option<usize> {
        match self.periods.last() {
            Some(last) if last.period == period => Some(self.periods.len() - 1),
            _ => self.find_or_hold(period),
        }
    }

    #[cold]
    fn find_or_hold(&mut self, period: u32) -> Option<usize> {
        if self.newest - period >= KEEP {
            return None;
        }
        let at = self.periods.binary_search_by_key(&period, |sum| sum.period);
        Some(at.unwrap_or_else(|at| {
            let cited = [0; CITED];
            self.periods.insert(at, Sum { period, closed: false, fresh: true, claims: 0, lower: 0, upper: 0, cited });
            at
        }))
    }

    fn report(&self, sum: &Sum, findings: &mut Findings) {
        let period = sum.period;
        let Some(last) = self.schedule_of(period) else { return };
        let (lower, upper, allowance, k) = self.measure(last, period, sum);
        let mut verdict = Verdict::at_most(lower, upper, allowance);
        // The next schedule came into force within this period: only what breaks both is broken.
        if let Some(next) = self.schedules.get(last + 1).filter(|next| next.first == period.saturating_add(1)) {
            let other = Verdict::at_most(lower, upper, next.base);
            if other != verdict {
                verdict = verdict.min(other).max(Verdict::Undecided);
            }
        }
        let code = match verdict {
            Verdict::Holds => 0,
            Verdict::Violated => 1,
            Verdict::Undecided => 2,
        };
        if sum.claims != 0 {
            let cited = sum.claims.min(CITED as u64) as usize;
            findings.add(period, verdict, code, &[lower, upper, allowance, k as u128], &sum.cited[..cited]);
        } else if sum.closed {
            findings.add(period, Verdict::Undecided, 3, &[allowance, k as u128], &[]);
        }
    }

    /// The schedule that a whole period is judged by.
    fn schedule_of(&self, period: u32) -> Option<usize> {
        let last = self.schedules.iter().rposition(|schedule| schedule.first <= period)?;
        Some(last).filter(|last| period < self.schedules[*last].left)
    }

    /// What counts against the allowance of a period under a schedule, and the allowance.
    fn measure(&self, at: usize, period: u32, sum: &Sum) -> (u128, u128, u128, u32) {
        let schedule = &self.schedules[at];
        let k = period - schedule.first;
        if schedule.shape != Shape::Stock {
            return (sum.lower, sum.upper, schedule.allowance(k), k);
        }
        let counted = self.periods.iter().filter(|sum| (schedule.first..=period).contains(&sum.period));
        let used = (schedule.used_lower, schedule.used_upper);
        let (lower, upper) = counted
            .fold(used, |(lower, upper), sum| (lower.saturating_add(sum.lower), upper.saturating_add(sum.upper)));
        (lower, upper, schedule.base, k)
    }

    /// Drops periods that are long past; a stock keeps what they used.
    #[cold]
    fn forget(&mut self) {
        let Some(newest_past) = self.newest.checked_sub(KEEP) else { return };
        let past = self.periods.partition_point(|sum| sum.period <= newest_past);
        let dropped: Vec<Sum> = self.periods.drain(..past).collect();
        for sum in dropped {
            self.use_stock(sum.period, sum.lower, sum.upper);
        }
    }

    #[cold]
    fn use_stock(&mut self, period: u32, lower: u128, upper: u128) {
        if let Some(at) = self.schedule_of(period) {
            let schedule = &mut self.schedules[at];
            schedule.used_lower = schedule.used_lower.saturating_add(lower);
            schedule.used_upper = schedule.used_upper.saturating_add(upper);
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
            left: state.u32(),
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
        state.u32(self.left);
        state.u8(self.shape as u8);
        state.u128(self.base);
        state.u64(self.rate_ppm);
        state.u128(self.used_lower);
        state.u128(self.used_upper);
    }
}

impl Sum {
    fn read(state: &mut Reader<'_>) -> Self {
        let (period, flags, claims) = (state.u32(), state.u8(), state.u64());
        let (lower, upper) = (state.u128(), state.u128());
        let mut cited = [0; CITED];
        cited.iter_mut().take(claims.min(CITED as u64) as usize).for_each(|index| *index = state.u64());
        Sum { period, closed: flags & 1 != 0, fresh: flags & 2 != 0, claims, lower, upper, cited }
    }

    fn write(&self, state: &mut Writer) {
        state.u32(self.period);
        state.u8(self.closed as u8 | (self.fresh as u8) << 1);
        state.u64(self.claims);
        state.u128(self.lower);
        state.u128(self.upper);
        let cited = self.claims.min(CITED as u64) as usize;
        self.cited[..cited].iter().for_each(|index| state.u64(*index));
    }
}

clause!(Slowdown);
