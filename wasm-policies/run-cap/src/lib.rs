//! Per-run cap: the cumulative FLOP of one training run stays at or below the cap of the phase in force.
//!
//! Parameters: `cap` (FLOP); optional `required_grade` (word) for runs whose upper bound is above `grade_above` (FLOP,
//! default 0).
//!
//! A run's total is an interval: the larger of the sum of its windows and of the cumulative figure that its author
//! states, for each bound. A window is judged by the cap that was in force during it; one that straddles a change is
//! broken only if it breaks the looser cap. A window without work is kept, whatever the total: a stopped run is
//! no run.
//!
//! | code | verdict | meaning | numbers |
//! |---|---|---|---|
//! | 0 | holds | every run of the period keeps the cap; the largest is shown | lower, upper, cap, run |
//! | 1 | violated | a run's lower bound is above the cap | lower, upper, cap, run |
//! | 2 | undecided | the cap lies inside a run's interval, or the window straddles a change of cap | lower, upper, cap, run |
//! | 3 | undecided | nothing was claimed for the period | |
//! | 4 | undecided | the claim is backed less well than required | lower, upper, cap, run, grade, required grade |

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

use standstill_clause_sdk::*;

/// Periods back for which judgements are kept, so that a late report is judged together with the others.
const KEEP: u32 = 8;
/// Changes of cap that are remembered.
const CAPS: usize = 32;

/// The clause.
#[derive(Debug)]
pub struct RunCap {
    cap: u128,
    required_grade: u8,
    grade_above: u128,
    caps: Vec<Cap>,
    runs: Vec<Run>,
    judged: Vec<Judged>,
}

#[derive(Debug)]
struct Cap {
    since: u64,
    cap: u128,
}

#[derive(Debug)]
struct Run {
    run: u32,
    lower: u128,
    upper: u128,
}

#[derive(Debug)]
struct Judged {
    period: u32,
    run: u32,
    verdict: Verdict,
    grade: u8,
    fresh: bool,
    lower: u128,
    upper: u128,
    cap: u128,
    index: u64,
}

impl Clause for RunCap {
    fn init(parameters: &Parameters<'_>, state: Option<Reader<'_>>) -> Self {
        let mut clause = RunCap {
            cap: parameters.flop("cap").expect("the treaty gives `cap`"),
            required_grade: parameters.text("required_grade").map_or(0, grade),
            grade_above: parameters.flop("grade_above").unwrap_or(0),
            caps: Vec::new(),
            runs: Vec::new(),
            judged: Vec::new(),
        };
        if let Some(mut state) = state {
            clause.caps = state.list(|state| Cap { since: state.u64(), cap: state.u128() });
            clause.runs = state.list(|state| Run { run: state.u32(), lower: state.u128(), upper: state.u128() });
            clause.judged = state.list(Judged::read);
        }
        clause
    }

    fn step(&mut self, record: &Record<'_>) {
        match record.kind {
            PHASE => self.enter(record.start),
            TRAINING_COMPUTE => self.claim(record),
            _ => {}
        }
    }

    fn assess(&mut self, period: &Period, findings: &mut Findings) {
        let mut at = 0;
        while let Some(first) = self.judged.get(at) {
            let index = first.period;
            let length = self.judged[at..].iter().take_while(|judged| judged.period == index).count();
            let group = &mut self.judged[at..at + length];
            if index <= period.index && (index == period.index || group.iter().any(|judged| judged.fresh)) {
                report(index, group, self.required_grade, index + KEEP > period.index, findings);
            }
            at += length;
        }
        if !self.judged.iter().any(|judged| judged.period == period.index) {
            findings.add(period.index, Verdict::Undecided, 3, &[], &[]);
        }
        self.judged.retain(|judged| judged.period + KEEP > period.index);
    }

    fn save(&self, state: &mut Writer) {
        state.list(&self.caps, |state, cap| {
            state.u64(cap.since);
            state.u128(cap.cap);
        });
        state.list(&self.runs, |state, run| {
            state.u32(run.run);
            state.u128(run.lower);
            state.u128(run.upper);
        });
        state.list(&self.judged, |state, judged| judged.write(state));
    }
}

impl RunCap {
    fn enter(&mut self, since: u64) {
        if self.caps.last().is_some_and(|last| last.cap == self.cap) {
            return;
        }
        if self.caps.len() == CAPS {
            self.caps.remove(0);
        }
        self.caps.push(Cap { since, cap: self.cap });
    }

    /// The tightest and the loosest cap that were in force during a window; no cap is `u128::MAX`.
    fn caps_during(&self, start: u64, end: u64) -> (u128, u128) {
        if self.caps.is_empty() {
            return (self.cap, self.cap);
        }
        let before = self.caps.iter().rev().find(|cap| cap.since <= start).map_or(u128::MAX, |cap| cap.cap);
        let during = self.caps.iter().filter(|cap| cap.since > start && cap.since < end).map(|cap| cap.cap);
        during.fold((before, before), |(tight, loose), cap| (tight.min(cap), loose.max(cap)))
    }

    fn claim(&mut self, record: &Record<'_>) {
        let (lower, upper) = self.total(record);
        let (tight, loose) = self.caps_during(record.start, record.end);
        let strictest = Verdict::at_most(lower, upper, tight).min(Verdict::Undecided);
        let mut verdict = Verdict::at_most(lower, upper, loose).max(strictest);
        if tight == loose {
            verdict = Verdict::at_most(lower, upper, tight);
        }
        if record.flop_lower == 0 {
            verdict = verdict.min(Verdict::Undecided);
        }
        if record.flop_upper == 0 {
            verdict = Verdict::Holds;
        }
        let cap = if verdict == Verdict::Violated { loose } else { tight };
        // A grade that is too weak shows as a lower grade than the required one; 255 stands for "good enough".
        let weak = upper > self.grade_above && record.grade < self.required_grade;
        let grade = if weak { record.grade } else { u8::MAX };
        let (period, run, index) = (record.period, record.run, record.index);
        self.judge(Judged { period, run, verdict, grade, fresh: true, lower, upper, cap, index });
    }

    fn total(&mut self, record: &Record<'_>) -> (u128, u128) {
        let at = match self.runs.binary_search_by_key(&record.run, |run| run.run) {
            Ok(at) => at,
            Err(at) => {
                self.runs.insert(at, Run { run: record.run, lower: 0, upper: 0 });
                at
            }
        };
        let run = &mut self.runs[at];
        run.lower = run.lower.saturating_add(record.flop_lower);
        run.upper = run.upper.saturating_add(record.flop_upper);
        if let Some(totals) = record.totals() {
            run.lower = run.lower.max(totals.cumulative_lower);
            run.upper = run.upper.max(totals.cumulative_upper);
        }
        (run.lower, run.upper)
    }

    /// Joins with what is known of the same run and period: the worse verdict stays, and of equals the later.
    fn judge(&mut self, new: Judged) {
        match self.judged.binary_search_by_key(&(new.period, new.run), |judged| (judged.period, judged.run)) {
            Err(at) => self.judged.insert(at, new),
            Ok(at) => {
                let known = &mut self.judged[at];
                let grade = known.grade.min(new.grade);
                if new.verdict >= known.verdict {
                    *known = new;
                }
                known.grade = grade;
                known.fresh = true;
            }
        }
    }
}

/// Reports one period: each run that does not hold, or the largest of those that do.
fn report(period: u32, group: &mut [Judged], required: u8, complete: bool, findings: &mut Findings) {
    let mut all_hold = true;
    for judged in group.iter_mut() {
        judged.fresh = false;
        let numbers = [judged.lower, judged.upper, judged.cap, judged.run as u128];
        match judged.verdict {
            Verdict::Holds => {}
            verdict => {
                all_hold = false;
                findings.add(period, verdict, if verdict == Verdict::Violated { 1 } else { 2 }, &numbers, &[judged.index]);
            }
        }
        if judged.grade < required {
            all_hold = false;
            let [lower, upper, cap, run] = numbers;
            let numbers = [lower, upper, cap, run, judged.grade as u128, required as u128];
            findings.add(period, Verdict::Undecided, 4, &numbers, &[judged.index]);
        }
    }
    let largest = group.iter().max_by_key(|judged| judged.upper);
    if let Some(judged) = largest.filter(|_| all_hold && complete) {
        let numbers = [judged.lower, judged.upper, judged.cap, judged.run as u128];
        findings.add(period, Verdict::Holds, 0, &numbers, &[judged.index]);
    }
}

impl Judged {
    fn read(state: &mut Reader<'_>) -> Self {
        Judged {
            period: state.u32(),
            run: state.u32(),
            verdict: match state.u8() {
                0 => Verdict::Holds,
                1 => Verdict::Undecided,
                _ => Verdict::Violated,
            },
            grade: state.u8(),
            fresh: state.u8() != 0,
            lower: state.u128(),
            upper: state.u128(),
            cap: state.u128(),
            index: state.u64(),
        }
    }

    fn write(&self, state: &mut Writer) {
        state.u32(self.period);
        state.u32(self.run);
        state.u8(self.verdict as u8);
        state.u8(self.grade);
        state.u8(self.fresh as u8);
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
