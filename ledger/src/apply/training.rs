//! Reports of compute: what the state knows of a lab's sites, runs and sums, and the records that clauses see.

use standstill_attestations::claim::Window;
use standstill_attestations::training::FlopFigures;
use standstill_attestations::{
    Basis, CapabilityEvaluation, FigureGroup, Interval, Kind, Statement, TrainingCompute, crosscheck,
};
use standstill_policies::record::{self, BASE_UNKNOWN, CORRECTS, FINAL_REPORT};
use standstill_policies::{Grade, Record, Role};
use standstill_protocol::dsse::StatementId;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::{Flop, Ppm, Timestamp};

use super::claims::totals_of;
use super::execution::Execution;
use crate::refusal::{AdmissionError, Refusal};
use crate::schema::{
    ClaimRecord, ComputeRecord, Content, Judgement, Key, Manner, MemberRecord, Opinion, Report, RunRecord,
};
use crate::state::StateFault;
use crate::{MAX_BLOCK_PERIODS, MAX_LATE_PERIODS, MAX_NEW_RUNS, MAX_RUNS, MAX_SITES};

impl Execution<'_> {
    pub(crate) fn check_training(
        &self,
        name: &MemberId,
        member: &MemberRecord,
        report: &TrainingCompute,
        corrected: Option<&ClaimRecord>,
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
        let superseded = corrected.and_then(superseded_report);
        match (superseded, self.reported_run(name, &report.run)?) {
            (Some(old), _) => self.check_corrected(name, old, report)?,
            (None, None) => self.check_new_run(name, member, report)?,
            (None, Some(known)) => check_run(&known, report)?,
        }
        self.compute_with(name, report, superseded)?;
        Ok(())
    }

    /// A run that was reported on; one that is only planned or attested is new.
    fn reported_run(&self, name: &MemberId, run: &Name) -> Result<Option<RunRecord>, StateFault> {
        let Some(number) = self.number("run", &Key::Run(name.clone(), run.clone()))? else { return Ok(None) };
        let record: RunRecord = self.work.need("run", &Key::RunRecord(name.clone(), number))?;
        Ok(Some(record).filter(|record| record.latest.is_some()))
    }

    /// A correction is about the same run and period, and follows from what came before the report that it supersedes. What
    /// came after it is not held against it: it is corrected in its turn.
    fn check_corrected(&self, name: &MemberId, old: &Report, report: &TrainingCompute) -> Result<(), AdmissionError> {
        let run = self.number("run", &Key::Run(name.clone(), report.run.clone()))?;
        for (what, same) in [("run", run == Some(old.run)), ("reporting period", report.period == old.period)] {
            if !same {
                return Err(Refusal::CorrectionElsewhere { what }.into());
            }
        }
        let known: RunRecord = self.work.need("run", &Key::RunRecord(name.clone(), old.run))?;
        let unfinished = RunRecord { finished: None, ..known };
        if !old.newest {
            return Ok(check_run(&unfinished, report)?);
        }
        let Some(previous) = old.previous else { return Ok(()) };
        let before = self.standing_report(previous)?;
        let Some(Content::Report(before)) = before.map(|(_, claim)| claim.content) else { return Ok(()) };
        let (cumulative_lower, cumulative_upper) = (before.cumulative_lower, before.cumulative_upper);
        let (period, window_end) = (before.period, before.end);
        let then = RunRecord { period, window_end, cumulative_lower, cumulative_upper, ..unfinished };
        Ok(check_run(&then, report)?)
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
    pub(crate) fn check_age(&self, period: u32) -> Result<(), Refusal> {
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

    /// Whose record an evaluation is, with the run that made the model: its owner's, else its author's own.
    fn evaluated(
        &self,
        statement: &Statement,
        evaluation: &CapabilityEvaluation,
    ) -> Result<Option<(MemberId, u32, u32)>, StateFault> {
        let (lab, run) = self.model_owner(statement)?.unwrap_or((statement.common.member.clone(), 0));
        Ok(self.evaluated_period(&lab, evaluation).map(|period| (lab, run, period)))
    }

    pub(crate) fn check_evaluation(
        &self,
        statement: &Statement,
        evaluation: &CapabilityEvaluation,
    ) -> Result<(), AdmissionError> {
        let name = &statement.common.member;
        self.check_window_past(&evaluation.window)?;
        if let Some(period) = self.evaluated_period(name, evaluation) {
            self.check_age(period)?;
            self.check_budget(name, period)?;
        }
        match self.evaluated(statement, evaluation)? {
            Some((lab, _, period)) if lab != *name => Ok(self.check_spoken(name, &lab, period)?),
            _ => Ok(()),
        }
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

    /// The sums of the report's period with the report added, in the place of what it supersedes.
    fn compute_with(
        &self,
        name: &MemberId,
        report: &TrainingCompute,
        superseded: Option<&Report>,
    ) -> Result<ComputeRecord, AdmissionError> {
        let key = Key::Compute(name.clone(), report.period);
        let known: ComputeRecord = self.work.get("compute", &key)?.unwrap_or_default();
        let overflow = || Refusal::Overflow { member: name.clone() };
        let new = superseded.is_none() && self.reported_run(name, &report.run)?.is_none();
        let Interval { lower, upper } = self.work_of(superseded.map_or(new, |old| old.first), report);
        let (taken_lower, taken_upper) = superseded.map_or((0, 0), |old| (old.lower.0, old.upper.0));
        let rest = |sum: Flop, taken| Flop(sum.0.saturating_sub(taken));
        Ok(ComputeRecord {
            reports: known.reports.checked_add(u32::from(superseded.is_none())).ok_or_else(overflow)?,
            lower: rest(known.lower, taken_lower).checked_add(lower).ok_or_else(overflow)?,
            upper: rest(known.upper, taken_upper).checked_add(upper).ok_or_else(overflow)?,
            new_runs: known.new_runs.saturating_add(u32::from(new)),
        })
    }

    pub(crate) fn record_training(
        &mut self,
        statement: &Statement,
        report: &TrainingCompute,
        member: &mut MemberRecord,
        (id, index): (StatementId, u64),
    ) -> Result<(), StateFault> {
        let name = &statement.common.member;
        let corrects = statement.common.corrects.as_ref().map(|correction| correction.statement);
        let old: Option<ClaimRecord> = corrects.map(|id| self.work.need("claim", &Key::Claim(id))).transpose()?;
        let superseded = old.as_ref().and_then(superseded_report);
        if let Ok(compute) = self.compute_with(name, report, superseded) {
            self.work.put(&Key::Compute(name.clone(), report.period), &compute);
        }
        self.named.entry(name.clone()).or_default().insert(report.period);
        let known = self.reported_run(name, &report.run)?;
        let site = self.intern_site(name, member, &report.site)?;
        let run = self.intern_run(name, member, &report.run)?;
        let own = self.remembered(report, (site, run), known.as_ref(), superseded);
        self.extend_run(name, &own, (id, corrects), superseded)?;
        let (lineage, unknown) = self.report_lineage(statement, report, run)?;
        self.open_claim(statement, (id, index), Content::Report(own.clone()))?;
        if let Some(old) = &old
            && let Some((lab, record)) = self.taken_back(old, index)?
        {
            self.touch(&lab, record);
        }
        let mut record = training_record(&own, index, self.time, member.number);
        record.flags |= if unknown { BASE_UNKNOWN } else { 0 } | if old.is_some() { CORRECTS } else { 0 };
        record.rest = lineage;
        self.touch(name, record);
        self.crosscheck(name, report, (id, index))?;
        self.attest_by_devices(id, run)?;
        self.fulfil(name, Kind::TrainingCompute, report.period, index)
    }

    /// What the ledger keeps of a report, to take it back one day.
    fn remembered(
        &self,
        report: &TrainingCompute,
        (site, run): (u32, u32),
        known: Option<&RunRecord>,
        superseded: Option<&Report>,
    ) -> Report {
        let first = superseded.map_or(known.is_none(), |old| old.first);
        let later = known.is_none_or(|known| (report.period, report.window.end) >= (known.period, known.window_end));
        let newest = superseded.map_or(later, |old| old.newest);
        let last = known.and_then(|known| known.latest).filter(|_| later);
        let work = self.work_of(first, report);
        let discarded = report.flop.discarded.known().copied().unwrap_or(Interval::exact(Flop(0)));
        Report {
            site,
            run,
            period: report.period,
            start: report.window.start,
            end: report.window.end,
            lower: work.lower,
            upper: work.upper,
            cumulative_lower: report.flop.cumulative.lower,
            cumulative_upper: report.flop.cumulative.upper,
            discarded_lower: discarded.lower,
            discarded_upper: discarded.upper,
            basis: basis_number(report.basis),
            first,
            final_report: report.final_report,
            newest,
            previous: superseded.map_or(last, |old| old.previous),
        }
    }

    /// The run's record with the report, which must have a number already.
    fn extend_run(
        &mut self,
        name: &MemberId,
        own: &Report,
        (id, corrects): (StatementId, Option<StatementId>),
        superseded: Option<&Report>,
    ) -> Result<(), StateFault> {
        let key = Key::RunRecord(name.clone(), own.run);
        let mut run: RunRecord = self.work.need("run", &key)?;
        let latest = match superseded {
            None => own.newest,
            Some(old) => {
                // The end of the run was what the superseded report said, if it said so.
                run.finished = run.finished.filter(|_| !old.final_report);
                run.latest == corrects
            }
        };
        run.reports = run.reports.saturating_add(u32::from(superseded.is_none()));
        if latest {
            (run.period, run.window_end) = (own.period, own.end);
            (run.cumulative_lower, run.cumulative_upper) = (own.cumulative_lower, own.cumulative_upper);
            run.latest = Some(id);
        }
        if own.final_report {
            run.finished = Some(own.period);
        }
        self.work.put(&key, &run);
        Ok(())
    }

    /// Two independent figures of the author, from files of their own, that agree.
    fn crosscheck(
        &mut self,
        name: &MemberId,
        report: &TrainingCompute,
        (id, index): (StatementId, u64),
    ) -> Result<(), StateFault> {
        // Without a file that backs something else alone there is nothing to find: most reports end here.
        let apart = |file: &standstill_attestations::Evidence| {
            !file.backs.is_empty() && !file.backs.contains(&FigureGroup::Flop)
        };
        if !report.evidence.iter().any(apart) {
            return Ok(());
        }
        let findings = crosscheck::alone(report, &self.rules.yardstick());
        if crosscheck::support(report, &findings).is_none_or(|groups| groups.is_empty()) {
            return Ok(());
        }
        let (by, manner, outcome) = (name.clone(), Manner::CrossCheck, Judgement::Agrees);
        self.give_opinion(id, Opinion { by, manner, statement: id, index, outcome })
    }

    /// An evaluation is a record about the lab that owns the model, or else about the lab that made it. Others are recorded,
    /// and touch no partition.
    pub(crate) fn record_evaluation(
        &mut self,
        statement: &Statement,
        evaluation: &CapabilityEvaluation,
        member: &MemberRecord,
        (id, index): (StatementId, u64),
    ) -> Result<(), StateFault> {
        let name = &statement.common.member;
        let evaluated = self.evaluated(statement, evaluation)?;
        let about = evaluated.as_ref().map(|(lab, _, period)| (lab.clone(), *period));
        self.open_claim(statement, (id, index), Content::Evaluation(about))?;
        let scores = self.scores(statement, evaluation, member.number)?;
        if let Some((lab, run, period)) = evaluated {
            let number = self.work.need::<MemberRecord>("member", &Key::Member(lab.clone()))?.number;
            let mut record = Record::new(record::Kind::CapabilityEvaluation, index, self.time, number, period);
            (record.start, record.end) = (evaluation.window.start, evaluation.window.end);
            record.grade = Some(Grade::Declared);
            record.basis = basis_number(evaluation.basis);
            record.run = run;
            record.flags = u32::try_from(evaluation.scores.len()).unwrap_or(u32::MAX);
            record.rest = scores;
            self.touch_of(name, &lab, record);
        }
        match self.evaluated_period(name, evaluation) {
            Some(period) => self.fulfil(name, Kind::CapabilityEvaluation, period, index),
            None => Ok(()),
        }
    }

    pub(crate) fn intern_site(
        &mut self,
        name: &MemberId,
        member: &mut MemberRecord,
        site: &Name,
    ) -> Result<u32, StateFault> {
        let key = Key::Site(name.clone(), site.clone());
        if let Some(number) = self.number("site", &key)? {
            return Ok(number);
        }
        member.sites += 1;
        self.work.put(&key, &member.sites);
        self.work.put(&Key::SiteName(name.clone(), member.sites), site);
        Ok(member.sites)
    }

    /// A run's number; a new one has no reports yet.
    pub(crate) fn intern_run(
        &mut self,
        name: &MemberId,
        member: &mut MemberRecord,
        run: &Name,
    ) -> Result<u32, StateFault> {
        let key = Key::Run(name.clone(), run.clone());
        if let Some(number) = self.number("run", &key)? {
            return Ok(number);
        }
        member.runs += 1;
        self.work.put(&key, &member.runs);
        self.work.put(&Key::RunRecord(name.clone(), member.runs), &new_run(run));
        Ok(member.runs)
    }

    pub(crate) fn number(&self, what: &'static str, key: &Key) -> Result<Option<u32>, StateFault> {
        self.work.get(what, key)
    }
}

fn superseded_report(claim: &ClaimRecord) -> Option<&Report> {
    match &claim.content {
        Content::Report(report) => Some(report),
        _ => None,
    }
}

fn training_record(report: &Report, index: u64, time: Timestamp, member: u32) -> Record {
    let mut record = Record::new(record::Kind::TrainingCompute, index, time, member, report.period);
    (record.flop_lower, record.flop_upper) = (report.lower, report.upper);
    (record.start, record.end) = (report.start, report.end);
    (record.site, record.run) = (report.site, report.run);
    record.grade = Some(Grade::Declared);
    record.basis = report.basis;
    record.flags = if report.final_report { FINAL_REPORT } else { 0 };
    record.totals = Some(totals_of(report));
    record
}

fn new_run(name: &Name) -> RunRecord {
    RunRecord {
        name: name.clone(),
        reports: 0,
        period: 0,
        window_end: Timestamp(0),
        cumulative_lower: Flop(0),
        cumulative_upper: Flop(0),
        finished: None,
        latest: None,
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
