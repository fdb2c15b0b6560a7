//! Reports of compute: what the state knows of a lab's sites, runs and sums, and the records that clauses see.

use standstill_attestations::claim::Window;
use standstill_attestations::training::FlopFigures;
use standstill_attestations::{Basis, CapabilityEvaluation, Interval, Kind, Maybe, TrainingCompute};
use standstill_policies::record;
use standstill_policies::{Grade, Record, Role, Totals};
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::{Flop, Ppm};

use super::execution::Execution;
use crate::refusal::{AdmissionError, Refusal};
use crate::schema::{ComputeRecord, Key, MemberRecord, RunRecord};
use crate::state::StateFault;
use crate::{MAX_BLOCK_PERIODS, MAX_LATE_PERIODS, MAX_NEW_RUNS, MAX_RUNS, MAX_SITES};

/// Bit 0 of a training record's flags: the run ends with this report.
const FINAL_REPORT: u32 = 1;

impl Execution<'_> {
    pub(crate) fn check_training(
        &self,
        name: &MemberId,
        member: &MemberRecord,
        report: &TrainingCompute,
    ) -> Result<(), AdmissionError> {
        self.check_window_past(&report.window)?;
        self.check_period(report)?;
        self.check_budget(name, report.period)?;
        let rule = report.counting_rule.as_str();
        if !self.rules.treaty().counting.rules.contains(rule) {
            return Err(Refusal::CountingRule { rule }.into());
        }
        check_widths(&report.flop, self.rules.treaty().counting.tolerance)?;
        let site = self.number("site", &Key::Site(name.clone(), report.site.clone()))?;
        if site.is_none() && member.sites >= MAX_SITES {
            let site = report.site.clone();
            return Err(Refusal::TooManySites { member: name.clone(), site, limit: MAX_SITES }.into());
        }
        match self.number("run", &Key::Run(name.clone(), report.run.clone()))? {
            None => self.check_new_run(name, member, report)?,
            Some(number) => check_run(&self.work.need("run", &Key::RunRecord(name.clone(), number))?, report)?,
        }
        self.compute_with(name, report)?;
        Ok(())
    }

    fn check_new_run(
        &self,
        name: &MemberId,
        member: &MemberRecord,
        report: &TrainingCompute,
    ) -> Result<(), AdmissionError> {
        let refused = |limit, scope| {
            let (member, run) = (name.clone(), report.run.clone());
            Err(Refusal::TooManyRuns { member, run, limit, scope }.into())
        };
        let known: Option<ComputeRecord> = self.work.get("compute", &Key::Compute(name.clone(), report.period))?;
        match () {
            () if member.runs >= MAX_RUNS => refused(MAX_RUNS, "on this ledger"),
            () if known.is_some_and(|known| known.new_runs >= MAX_NEW_RUNS) => refused(MAX_NEW_RUNS, "for this period"),
            () => Ok(()),
        }
    }

    /// A lab makes every clause run once for each period that its entries are about.
    pub(crate) fn check_budget(&self, name: &MemberId, period: u32) -> Result<(), Refusal> {
        let named = self.named.get(name);
        let full = named.is_some_and(|named| named.len() >= MAX_BLOCK_PERIODS && !named.contains(&period));
        if full {
            return Err(Refusal::BlockBudget { member: name.clone(), limit: MAX_BLOCK_PERIODS });
        }
        Ok(())
    }

    /// What is closed and far behind stays as it is: clauses no longer hold its records.
    fn check_age(&self, period: u32) -> Result<(), Refusal> {
        let calendar = || self.rules.treaty().periods.index_at(self.time).map_or(0, |index| index.saturating_add(1));
        let newest = self.opened.unwrap_or_else(calendar).saturating_sub(1);
        let oldest = newest.saturating_sub(MAX_LATE_PERIODS).min(self.meta.next_close).max(self.meta.first_period);
        if period < oldest {
            return Err(Refusal::PeriodTooOld { period, oldest });
        }
        Ok(())
    }

    /// The reporting period of the open ones that a lab's own evaluation is about: that in which it began.
    fn evaluated_period(&self, name: &MemberId, evaluation: &CapabilityEvaluation) -> Option<u32> {
        let treaty = self.rules.treaty();
        let lab = treaty.member(name.as_str()).is_some_and(|member| member.has(Role::Lab));
        let period = treaty.periods.index_at(evaluation.window.start)?;
        (lab && period < self.meta.next_open).then_some(period)
    }

    pub(crate) fn check_evaluation(&self, name: &MemberId, evaluation: &CapabilityEvaluation) -> Result<(), Refusal> {
        self.check_window_past(&evaluation.window)?;
        let Some(period) = self.evaluated_period(name, evaluation) else { return Ok(()) };
        self.check_age(period)?;
        self.check_budget(name, period)
    }

    /// Nothing can be reported before it has happened.
    pub(crate) fn check_window_past(&self, window: &Window) -> Result<(), Refusal> {
        let limit = self.latest_time();
        if window.end > limit {
            return Err(Refusal::FutureWindow { end: window.end, limit });
        }
        Ok(())
    }

    fn check_period(&self, report: &TrainingCompute) -> Result<(), Refusal> {
        let periods = &self.rules.treaty().periods;
        let period = periods.period(report.period);
        if periods.index_at(period.start) != Some(report.period) {
            return Err(Refusal::UnknownPeriod { period: report.period });
        }
        if period.start > self.time || self.opened.is_some_and(|opened| report.period >= opened) {
            return Err(Refusal::FuturePeriod { period: report.period, start: period.start });
        }
        let window = &report.window;
        let skew = self.rules.treaty().clocks.max_skew_ms;
        let apart = window.start >= period.end || window.end <= period.start;
        if apart || window.start.plus(skew) < period.start || window.end > period.end.plus(skew) {
            let (start, end) = (window.start, window.end);
            return Err(Refusal::WindowOutsidePeriod { period: report.period, start, end });
        }
        self.check_age(report.period)
    }

    /// The work that a report adds to its period: the increment, and for a run that was never named before, all of it. Only
    /// in the ledger's first period may a lab declare what its runs had behind them.
    fn work_of(&self, new: bool, report: &TrainingCompute) -> Interval {
        if new && report.period > self.meta.first_period { report.flop.cumulative } else { report.flop.incremental }
    }

    /// The sums of the report's period with the report added.
    fn compute_with(&self, name: &MemberId, report: &TrainingCompute) -> Result<ComputeRecord, AdmissionError> {
        let key = Key::Compute(name.clone(), report.period);
        let known: ComputeRecord = self.work.get("compute", &key)?.unwrap_or_default();
        let overflow = || Refusal::Overflow { member: name.clone() };
        let new = self.number("run", &Key::Run(name.clone(), report.run.clone()))?.is_none();
        let Interval { lower, upper } = self.work_of(new, report);
        Ok(ComputeRecord {
            reports: known.reports.checked_add(1).ok_or_else(overflow)?,
            lower: known.lower.checked_add(lower).ok_or_else(overflow)?,
            upper: known.upper.checked_add(upper).ok_or_else(overflow)?,
            new_runs: known.new_runs.saturating_add(u32::from(new)),
        })
    }

    pub(crate) fn record_training(
        &mut self,
        name: &MemberId,
        member: &mut MemberRecord,
        report: &TrainingCompute,
        index: u64,
    ) -> Result<(), StateFault> {
        if let Ok(compute) = self.compute_with(name, report) {
            self.work.put(&Key::Compute(name.clone(), report.period), &compute);
        }
        self.named.entry(name.clone()).or_default().insert(report.period);
        let new = self.number("run", &Key::Run(name.clone(), report.run.clone()))?.is_none();
        let work = self.work_of(new, report);
        let site = self.intern_site(name, member, &report.site)?;
        let run = self.intern_run(name, member, report)?;
        let mut record = Record::new(record::Kind::TrainingCompute, index, self.time, member.number, report.period);
        (record.flop_lower, record.flop_upper) = (work.lower, work.upper);
        (record.start, record.end) = (report.window.start, report.window.end);
        (record.site, record.run) = (site, run);
        record.grade = Some(Grade::Declared);
        record.basis = basis_number(report.basis);
        record.flags = if report.final_report { FINAL_REPORT } else { 0 };
        record.totals = Some(totals(report));
        self.touch(name, record);
        self.fulfil(name, Kind::TrainingCompute, report.period, index)
    }

    /// An evaluation that a lab made itself is a record about that lab. Others are recorded, and touch no partition.
    pub(crate) fn record_evaluation(
        &mut self,
        name: &MemberId,
        member: &MemberRecord,
        evaluation: &CapabilityEvaluation,
        index: u64,
    ) -> Result<(), StateFault> {
        if let Some(period) = self.evaluated_period(name, evaluation) {
            self.named.entry(name.clone()).or_default().insert(period);
            let mut record = Record::new(record::Kind::CapabilityEvaluation, index, self.time, member.number, period);
            (record.start, record.end) = (evaluation.window.start, evaluation.window.end);
            record.grade = Some(Grade::Declared);
            record.basis = basis_number(evaluation.basis);
            self.touch(name, record);
            self.fulfil(name, Kind::CapabilityEvaluation, period, index)?;
        }
        Ok(())
    }

    fn intern_site(&mut self, name: &MemberId, member: &mut MemberRecord, site: &Name) -> Result<u32, StateFault> {
        let key = Key::Site(name.clone(), site.clone());
        if let Some(number) = self.number("site", &key)? {
            return Ok(number);
        }
        member.sites += 1;
        self.work.put(&key, &member.sites);
        self.work.put(&Key::SiteName(name.clone(), member.sites), site);
        Ok(member.sites)
    }

    fn intern_run(
        &mut self,
        name: &MemberId,
        member: &mut MemberRecord,
        report: &TrainingCompute,
    ) -> Result<u32, StateFault> {
        let key = Key::Run(name.clone(), report.run.clone());
        let (number, mut record) = match self.number("run", &key)? {
            Some(number) => (number, self.work.need("run", &Key::RunRecord(name.clone(), number))?),
            None => {
                member.runs += 1;
                self.work.put(&key, &member.runs);
                (member.runs, new_run(report))
            }
        };
        record.reports = record.reports.saturating_add(1);
        if (report.period, report.window.end) >= (record.period, record.window_end) {
            (record.period, record.window_end) = (report.period, report.window.end);
            record.cumulative_lower = report.flop.cumulative.lower;
            record.cumulative_upper = report.flop.cumulative.upper;
        }
        if report.final_report {
            record.finished = Some(report.period);
        }
        self.work.put(&Key::RunRecord(name.clone(), number), &record);
        Ok(number)
    }

    fn number(&self, what: &'static str, key: &Key) -> Result<Option<u32>, StateFault> {
        self.work.get(what, key)
    }
}

fn new_run(report: &TrainingCompute) -> RunRecord {
    RunRecord {
        name: report.run.clone(),
        reports: 0,
        period: report.period,
        window_end: report.window.end,
        cumulative_lower: report.flop.cumulative.lower,
        cumulative_upper: report.flop.cumulative.upper,
        finished: None,
    }
}

/// An estimate lies within the treaty's tolerance of the truth, so an interval is at most twice that share of the run's
/// cumulative upper bound wide, rounded up.
fn check_widths(flop: &FlopFigures, tolerance: Ppm) -> Result<(), Refusal> {
    let twice = u128::from(tolerance.0).saturating_mul(2);
    let Flop(upper) = flop.cumulative.upper;
    let (millions, rest) = (upper / 1_000_000, upper % 1_000_000);
    let limit = Flop(millions.saturating_mul(twice).saturating_add(rest.saturating_mul(twice).div_ceil(1_000_000)));
    for (figure, interval) in [("cumulative", flop.cumulative), ("incremental", flop.incremental)] {
        let width = Flop(interval.upper.0.saturating_sub(interval.lower.0));
        if width > limit {
            return Err(Refusal::ClaimTooWide { figure, width, limit, tolerance_ppm: tolerance.0 });
        }
    }
    Ok(())
}

/// What a run gained since its last report is what its increment says.
fn check_growth(known: &RunRecord, report: &TrainingCompute) -> Result<(), Refusal> {
    let (incremental, cumulative) = (report.flop.incremental, report.flop.cumulative);
    let most = known.cumulative_upper.0.saturating_add(incremental.upper.0);
    let least = known.cumulative_lower.0.saturating_add(incremental.lower.0);
    if cumulative.lower.0 <= most && cumulative.upper.0 >= least {
        return Ok(());
    }
    Err(Refusal::UnexplainedGrowth {
        run: known.name.clone(),
        lower: cumulative.lower,
        upper: cumulative.upper,
        known_lower: known.cumulative_lower,
        known_upper: known.cumulative_upper,
        incremental_lower: incremental.lower,
        incremental_upper: incremental.upper,
    })
}

/// A run's sum never falls: a later report states at least what an earlier one did, in both bounds; and it grows by the
/// increments alone.
fn check_run(known: &RunRecord, report: &TrainingCompute) -> Result<(), Refusal> {
    let later = (report.period, report.window.end) >= (known.period, known.window_end);
    let after = (report.period, report.window.end) > (known.period, known.window_end);
    if let Some(period) = known.finished.filter(|_| after) {
        return Err(Refusal::RunFinished { run: known.name.clone(), period });
    }
    let Interval { lower, upper } = report.flop.cumulative;
    let bounds = [(lower, known.cumulative_lower), (upper, known.cumulative_upper)];
    let contradicts = |(found, known): &(Flop, Flop)| if later { found < known } else { found > known };
    match bounds.into_iter().find(contradicts) {
        None if later => check_growth(known, report),
        None => Ok(()),
        Some((found, bound)) => Err(Refusal::CumulativeContradiction {
            run: known.name.clone(),
            period: report.period,
            found,
            known_period: known.period,
            known: bound,
        }),
    }
}

fn totals(report: &TrainingCompute) -> Totals {
    let discarded = match report.flop.discarded {
        Maybe::Known(interval) => interval,
        Maybe::Unknown(_) => Interval::exact(Flop(0)),
    };
    Totals {
        cumulative_lower: report.flop.cumulative.lower,
        cumulative_upper: report.flop.cumulative.upper,
        discarded_lower: discarded.lower,
        discarded_upper: discarded.upper,
    }
}

/// 1 for measured, 2 for computed, 3 for estimated, 4 for declared.
fn basis_number(basis: Basis) -> u8 {
    match basis {
        Basis::Measured => 1,
        Basis::Computed => 2,
        Basis::Estimated => 3,
        Basis::Declared => 4,
        _ => 0,
    }
}
