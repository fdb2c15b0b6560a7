//! Per-run cap: the cumulative FLOP of one training run stays at or below the cap of the phase in force.
//!
//! Parameters: `cap` (FLOP); optional `required_grade` (word) for runs whose upper bound is above `grade_above` (FLOP,
//! default 0).
//!
//! A run's total is an interval: the larger of the sum of its windows and of the cumulative figure that its author
//! states, for each bound. A window is judged by the cap that was in force during it; one that straddles a change is
//! broken only if it breaks the looser cap, and leaving force is a change to no cap. A window without work is kept,
//! whatever the total: a stopped run is no run. A total that grew is work, whatever the window says.
//!
//! A corrected report counts no longer: the total that it stated is forgotten, else its window is taken out of the total.
//! A claim whose grade is raised to what is required is held against nobody.
//!
//! | code | verdict | meaning | numbers |
//! |---|---|---|---|
//! | 0 | holds | every run of the period keeps the cap; the largest is shown | lower, upper, cap, run |
//! | 1 | violated | a run's lower bound is above the cap | lower, upper, cap, run |
//! | 2 | undecided | the cap lies inside a run's interval, or the window straddles a change of cap | lower, upper, cap, run |
//! | 3 | undecided | the period closed and nothing was claimed for it | |
//! | 4 | undecided | the claim is backed less well than required | lower, upper, cap, run, grade, required grade |
//!
//! The newest 18 periods are held; of an older one nothing is said. The state is bounded: a period holds its 32 worst
//! runs, and of 256 runs the total is remembered, those that reported last; every claim states its run's total anew.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

use standstill_clause_sdk::*;

/// Periods that are held, the newest: more than a ledger lets reports be late by.
const KEEP: u32 = 18;
/// Runs that a period holds: those judged worst, and of equals the largest.
const WORST: usize = 32;
/// Runs whose totals are remembered: few enough that a chunk of nothing but new runs stays far below its gas.
const RUNS: usize = 256;
/// Changes of cap that are remembered.
const CAPS: usize = 32;
/// The cap where none is in force.
const NONE: u128 = u128::MAX;
/// Weakly backed claims on a run that a period holds; of more only the least grade is kept.
const WEAK: usize = 4;
/// The grade of a claim that is backed well enough.
const ENOUGH: u8 = u8::MAX;

/// The clause.
#[derive(Debug)]
pub struct RunCap {
    cap: u128,
    required_grade: u8,
    grade_above: u128,
    /// The newest period that a record spoke of.
    newest: u32,
    caps: Vec<Cap>,
    runs: Vec<Run>,
    periods: Vec<Held>,
}

/// What was in force from `since` on; [`NONE`] after the clause left force.
#[derive(Debug)]
struct Cap {
    since: u64,
    cap: u128,
}

#[derive(Debug)]
struct Run {
    run: u32,
    /// The newest period that it reported for.
    seen: u32,
    lower: u128,
    upper: u128,
}

/// A period that is held.
#[derive(Debug)]
struct Held {
    period: u32,
    closed: bool,
    fresh: bool,
    judged: Vec<Judged>,
}

#[derive(Debug)]
struct Judged {
    run: u32,
    verdict: Verdict,
    /// Claims that are backed less well than required.
    weak: Vec<Weak>,
    /// The least grade of those that `weak` has no room for.
    others: u8,
    lower: u128,
    upper: u128,
    cap: u128,
    index: u64,
}

/// A claim and its grade.
#[derive(Debug)]
struct Weak {
    index: u64,
    grade: u8,
}

/// A run's total after a window, and whether there was work in the window: surely, possibly.
struct Total {
    lower: u128,
    upper: u128,
    worked: bool,
    may_have_worked: bool,
}

impl Clause for RunCap {
    fn init(parameters: &Parameters<'_>, state: Option<Reader<'_>>) -> Self {
        let mut clause = RunCap {
            cap: parameters.flop("cap").expect("the treaty gives `cap`"),
            required_grade: parameters.text("required_grade").map_or(0, grade),
            grade_above: parameters.flop("grade_above").unwrap_or(0),
            newest: 0,
            caps: Vec::new(),
            runs: Vec::new(),
            periods: Vec::new(),
        };
        if let Some(mut state) = state {
            clause.newest = state.u32();
            clause.caps = state.list(|state| Cap { since: state.u64(), cap: state.u128() });
            clause.runs = state.list(Run::read);
            clause.periods = state.list(Held::read);
        }
        clause
    }

    #[inline]
    fn step(&mut self, record: &Record<'_>) {
        if record.period > self.newest {
            self.advance(record.period);
        }
        match record.kind {
            TRAINING_COMPUTE => self.claim(record),
            CORRECTED => self.take_back(record),
            GRADE_RAISED => self.regrade(record),
            PHASE => self.change(record.start, self.cap),
            PHASE_LEFT => self.change(record.start, NONE),
            PERIOD_CLOSED => {
                if let Some(at) = self.held(record.period) {
                    self.periods[at].closed = true;
                }
            }
            _ => {}
        }
    }

    fn assess(&mut self, period: &Period, findings: &mut Findings) {
        let required = self.required_grade;
        for held in self.periods.iter_mut().filter(|held| held.period <= period.index) {
            if held.period == period.index || held.fresh {
                held.report(required, findings);
            }
        }
    }

    fn save(&self, state: &mut Writer) {
        state.u32(self.newest);
        state.list(&self.caps, |state, cap| {
            state.u64(cap.since);
            state.u128(cap.cap);
        });
        state.list(&self.runs, |state, run| run.write(state));
        state.list(&self.periods, |state, held| held.write(state));
    }
}

impl RunCap {
    /// A newer period: what is no longer held is forgotten, with the runs that reported for nothing newer.
    #[cold]
    fn advance(&mut self, newest: u32) {
        self.newest = newest;
        let past = |period: u32| newest - period.min(newest) >= KEEP;
        self.periods.retain(|held| !past(held.period));
        self.runs.retain(|run| !past(run.seen));
    }

    fn change(&mut self, since: u64, cap: u128) {
        if self.caps.last().is_some_and(|last| last.cap == cap) {
            return;
        }
        if self.caps.len() == CAPS {
            self.caps.remove(0);
        }
        self.caps.push(Cap { since, cap });
    }

    /// The tightest and the loosest cap that were in force during a window. Where that is forgotten, it can be any.
    #[inline]
    fn caps_during(&self, start: u64, end: u64) -> (u128, u128) {
        match self.caps.last() {
            None => (self.cap, self.cap),
            Some(last) if last.since <= start => (last.cap, last.cap),
            Some(_) => self.earlier_caps(start, end),
        }
    }

    #[cold]
    fn earlier_caps(&self, start: u64, end: u64) -> (u128, u128) {
        let before = self.caps.iter().rev().find(|cap| cap.since <= start);
        if before.is_none() && self.caps.len() == CAPS {
            return (0, NONE);
        }
        let before = before.map_or(NONE, |cap| cap.cap);
        let during = self.caps.iter().filter(|cap| cap.since > start && cap.since < end).map(|cap| cap.cap);
        during.fold((before, before), |(tight, loose), cap| (tight.min(cap), loose.max(cap)))
    }

    #[inline]
    fn claim(&mut self, record: &Record<'_>) {
        let total = self.total(record);
        let Some(at) = self.held(record.period) else { return };
        let (tight, loose) = self.caps_during(record.start, record.end);
        let mut verdict = Verdict::at_most(total.lower, total.upper, loose);
        if tight != loose {
            verdict = verdict.max(Verdict::at_most(total.lower, total.upper, tight).min(Verdict::Undecided));
        }
        if !total.worked {
            verdict = verdict.min(if total.may_have_worked { Verdict::Undecided } else { Verdict::Holds });
        }
        let cap = if verdict == Verdict::Violated { loose } else { tight };
        let weak = record.grade < self.required_grade && total.upper > self.grade_above && tight != NONE;
        let grade = if weak { record.grade } else { ENOUGH };
        self.periods[at].judge(record.run, verdict, grade, (total.lower, total.upper, cap), record.index);
    }

    /// A report is superseded: its work leaves the total, and what it was judged by leaves the period.
    #[cold]
    fn take_back(&mut self, record: &Record<'_>) {
        if let Ok(at) = self.runs.binary_search_by_key(&record.run, |run| run.run) {
            let run = &mut self.runs[at];
            // Where the report stated the total, the one that takes its place states it anew.
            let stated = record.totals().unwrap_or_default();
            let rest = |total: u128, stated, work| if total == stated { 0 } else { total.saturating_sub(work) };
            run.lower = rest(run.lower, stated.cumulative_lower, record.flop_lower);
            run.upper = rest(run.upper, stated.cumulative_upper, record.flop_upper);
        }
        let Some(superseded) = record.superseded() else { return };
        if let Some(at) = self.held(record.period) {
            self.periods[at].take_back(record.run, superseded);
        }
    }

    /// A claim has another grade now.
    #[cold]
    fn regrade(&mut self, record: &Record<'_>) {
        let (required, above) = (self.required_grade, self.grade_above);
        let Some(at) = self.held(record.period) else { return };
        let held = &mut self.periods[at];
        let Ok(at) = held.judged.binary_search_by_key(&record.run, |judged| judged.run) else { return };
        held.fresh = true;
        let judged = &mut held.judged[at];
        let known = judged.weak.iter().position(|weak| weak.index == record.index);
        match known {
            Some(at) if record.grade >= required => {
                judged.weak.remove(at);
            }
            Some(at) => judged.weak[at].grade = record.grade,
            None if record.grade < required && judged.upper > above && judged.cap != NONE => {
                judged.note(record.index, record.grade);
            }
            None => {}
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
        let at = self.periods.binary_search_by_key(&period, |held| held.period);
        Some(at.unwrap_or_else(|at| {
            self.periods.insert(at, Held { period, closed: false, fresh: true, judged: Vec::new() });
            at
        }))
    }

    #[inline]
    fn total(&mut self, record: &Record<'_>) -> Total {
        let (mut worked, mut may_have_worked) = (record.flop_lower != 0, record.flop_upper != 0);
        let at = match self.runs.binary_search_by_key(&record.run, |run| run.run) {
            Ok(at) => at,
            Err(_) => self.remember(record.run, record.period),
        };
        let run = &mut self.runs[at];
        let (lower, upper, known) = (run.lower, run.upper, run.upper != 0);
        run.lower = lower.saturating_add(record.flop_lower);
        run.upper = upper.saturating_add(record.flop_upper);
        if let Some(totals) = record.totals() {
            worked |= known && totals.cumulative_lower > upper;
            may_have_worked |= known && (totals.cumulative_upper > upper || totals.cumulative_lower > lower);
            run.lower = run.lower.max(totals.cumulative_lower);
            run.upper = run.upper.max(totals.cumulative_upper);
        }
        run.seen = run.seen.max(record.period);
        Total { lower: run.lower, upper: run.upper, worked, may_have_worked }
    }

    /// Makes room for a run; the one that reported longest ago goes.
    #[cold]
    fn remember(&mut self, run: u32, seen: u32) -> usize {
        if self.runs.len() == RUNS {
            let oldest = self.runs.iter().enumerate().min_by_key(|(_, run)| run.seen).map_or(0, |(at, _)| at);
            self.runs.remove(oldest);
        }
        let at = self.runs.partition_point(|known| known.run < run);
        self.runs.insert(at, Run { run, seen, lower: 0, upper: 0 });
        at
    }
}

impl Held {
    /// Joins with what is known of the same run: the worse verdict stays, and of equals the later.
    #[inline]
    fn judge(&mut self, run: u32, verdict: Verdict, grade: u8, numbers: (u128, u128, u128), index: u64) {
        self.fresh = true;
        match self.judged.binary_search_by_key(&run, |judged| judged.run) {
            Err(_) => {
                if self.make_room(&(verdict, grade != ENOUGH, numbers.1)) {
                    let (lower, upper, cap) = numbers;
                    let mut judged =
                        Judged { run, verdict, weak: Vec::new(), others: ENOUGH, lower, upper, cap, index };
                    judged.note(index, grade);
                    let at = self.judged.partition_point(|judged| judged.run < run);
                    self.judged.insert(at, judged);
                }
            }
            Ok(at) => {
                let known = &mut self.judged[at];
                known.note(index, grade);
                if verdict >= known.verdict {
                    known.verdict = verdict;
                    (known.lower, known.upper, known.cap) = numbers;
                    known.index = index;
                }
            }
        }
    }

    /// Whether there is room for a run of this severity: the mildest goes, unless all that are held are worse.
    #[cold]
    fn make_room(&mut self, severity: &(Verdict, bool, u128)) -> bool {
        if self.judged.len() < WORST {
            return true;
        }
        let mildest = self.judged.iter().enumerate().min_by_key(|(_, judged)| judged.severity());
        let Some((at, _)) = mildest.filter(|(_, known)| known.severity() < *severity) else { return false };
        self.judged.remove(at);
        true
    }

    /// What was judged by a superseded report is judged no longer.
    fn take_back(&mut self, run: u32, index: u64) {
        self.fresh = true;
        let Ok(at) = self.judged.binary_search_by_key(&run, |judged| judged.run) else { return };
        if self.judged[at].index == index {
            self.judged.remove(at);
        } else {
            self.judged[at].weak.retain(|weak| weak.index != index);
        }
    }

    /// Each run that does not hold, or the largest of those that do.
    fn report(&mut self, required: u8, findings: &mut Findings) {
        self.fresh = false;
        let mut all_hold = true;
        for judged in &self.judged {
            let [lower, upper, cap, run] = judged.numbers();
            if judged.verdict != Verdict::Holds {
                all_hold = false;
                let code = if judged.verdict == Verdict::Violated { 1 } else { 2 };
                findings.add(self.period, judged.verdict, code, &[lower, upper, cap, run], &[judged.index]);
            }
            let grade = judged.grade();
            if grade < required {
                all_hold = false;
                let numbers = [lower, upper, cap, run, grade as u128, required as u128];
                findings.add(self.period, Verdict::Undecided, 4, &numbers, &[judged.index]);
            }
        }
        match self.judged.iter().max_by_key(|judged| judged.upper) {
            None if self.closed => findings.add(self.period, Verdict::Undecided, 3, &[], &[]),
            Some(judged) if all_hold => {
                findings.add(self.period, Verdict::Holds, 0, &judged.numbers(), &[judged.index]);
            }
            _ => {}
        }
    }

    fn read(state: &mut Reader<'_>) -> Self {
        let (period, flags) = (state.u32(), state.u8());
        Held { period, closed: flags & 1 != 0, fresh: flags & 2 != 0, judged: state.list(Judged::read) }
    }

    fn write(&self, state: &mut Writer) {
        state.u32(self.period);
        state.u8(self.closed as u8 | (self.fresh as u8) << 1);
        state.list(&self.judged, |state, judged| judged.write(state));
    }
}

impl Run {
    fn read(state: &mut Reader<'_>) -> Self {
        Run { run: state.u32(), seen: state.u32(), lower: state.u128(), upper: state.u128() }
    }

    fn write(&self, state: &mut Writer) {
        state.u32(self.run);
        state.u32(self.seen);
        state.u128(self.lower);
        state.u128(self.upper);
    }
}

impl Judged {
    fn severity(&self) -> (Verdict, bool, u128) {
        (self.verdict, self.others != ENOUGH || !self.weak.is_empty(), self.upper)
    }

    /// The least grade of a claim that is backed less well than required.
    fn grade(&self) -> u8 {
        self.weak.iter().map(|weak| weak.grade).fold(self.others, u8::min)
    }

    /// Remembers a claim that is backed less well than required.
    #[inline]
    fn note(&mut self, index: u64, grade: u8) {
        match grade {
            ENOUGH => {}
            _ if self.weak.len() < WEAK => self.weak.push(Weak { index, grade }),
            _ => self.others = self.others.min(grade),
        }
    }

    fn numbers(&self) -> [u128; 4] {
        [self.lower, self.upper, self.cap, self.run as u128]
    }

    fn read(state: &mut Reader<'_>) -> Self {
        Judged {
            run: state.u32(),
            verdict: match state.u8() {
                0 => Verdict::Holds,
                1 => Verdict::Undecided,
                _ => Verdict::Violated,
            },
            weak: state.list(|state| Weak { index: state.u64(), grade: state.u8() }),
            others: state.u8(),
            lower: state.u128(),
            upper: state.u128(),
            cap: state.u128(),
            index: state.u64(),
        }
    }

    fn write(&self, state: &mut Writer) {
        state.u32(self.run);
        state.u8(self.verdict as u8);
        state.list(&self.weak, |state, weak| {
            state.u64(weak.index);
            state.u8(weak.grade);
        });
        state.u8(self.others);
        state.u128(self.lower);
        state.u128(self.upper);
        state.u128(self.cap);
        state.u64(self.index);
    }
}

fn grade(word: &str) -> u8 {
    let words = ["declared", "cross-checked", "countersigned", "attested", "replayed", "inspected"];
    let at = words.iter().position(|known| *known == word).expect("`required_grade` is a grade");
    at as u8 + 1
}

clause!(RunCap);
