//! Clauses: what touched or due partitions are told, and the verdicts that come of it.
//!
//! For each clause in the treaty's order, and each lab in order of name, that has records in this block:
//!
//! 1. the records of entries, in the order of the log;
//! 2. synthetic records, in the order opened, met, late, missed, period closed, each kind in order of period;
//! 3. for each period that a record of 1, or a met, late, missed or closed record, is about, in order: one assessment.
//!
//! All of it runs under the parameters of the phase in force when the block began. Where the block's votes moved the
//! phase, a second round follows: each clause of the new phase, for every lab, is told of the phase under its new
//! parameters. A partition that never ran before is told the phase in force first.
//!
//! A clause that fails rests for that lab until its module or its parameters change; meanwhile its verdicts are
//! `undecided`, and a verdict `violated` that it gave before stands.

use std::collections::{BTreeMap, BTreeSet};

use standstill_policies::finding::findings_hash;
use standstill_policies::record::{self, Record};
use standstill_policies::{
    Assess, Clause, Execution as Run, Finding, Host, Module, Outcome, Parameters, Role, Verdict,
};
use standstill_protocol::codec;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};

use super::execution::Execution;
use crate::outcome::{Event, Rejection};
use crate::schema::{
    ClauseRecord, Failure, Key, LeftRecord, MAX_UNREAD, MemberRecord, PhaseRecord, Pins, VerdictRecord,
};
use crate::state::{MAX_VALUE_BYTES, StateFault};

/// Bytes of the encoded findings of one assessment, at most: a verdict must fit into a leaf of the state.
const MAX_FINDINGS_BYTES: usize = MAX_VALUE_BYTES / 2;

/// What one partition is run with.
struct Job<'t> {
    clause: &'t Clause,
    parameters: &'t Parameters,
    /// The phase that those are of.
    phase: Name,
    lab: MemberId,
    records: Vec<Record>,
    /// Periods to assess afterwards.
    periods: BTreeSet<u32>,
}

/// The log as verdicts pin it.
#[derive(Clone, Copy)]
pub(crate) struct LogHead {
    pub size: u64,
    pub root: Hash,
}

impl<'r> Execution<'r> {
    /// Runs every partition that this block touched, under the phase that was in force.
    pub(crate) fn run_clauses(&mut self, log: LogHead) -> Result<Vec<VerdictRecord>, Rejection> {
        let records = std::mem::take(&mut self.records);
        let synthetic = std::mem::take(&mut self.synthetic);
        let jobs = self.jobs(&records, synthetic)?;
        self.run(jobs, log)
    }

    /// Moves the phase, where votes decided it. Clauses that leave force are told so under their old parameters, then every
    /// clause of the new phase is told of it under its new ones.
    pub(crate) fn move_phase(&mut self, log: LogHead) -> Result<Vec<VerdictRecord>, Rejection> {
        let Some(to) = self.decided_phase()? else { return Ok(Vec::new()) };
        let mut verdicts = self.leave(&to, log)?;
        let from = std::mem::replace(&mut self.meta.phase, to.clone());
        self.meta.epoch = self.meta.epoch.saturating_add(1);
        let record = PhaseRecord { phase: to.clone(), height: self.height, time: self.time };
        self.work.put(&Key::Phase(self.meta.epoch), &record);
        self.events.push(Event::PhaseChanged { from, to: to.clone() });
        let treaty = self.rules.treaty();
        let mut jobs = Vec::new();
        for clause in &treaty.clauses {
            let Some(parameters) = treaty.parameters(clause.id.as_str(), to.as_str()) else { continue };
            for lab in treaty.with_role(Role::Lab) {
                let records = vec![self.phase_record(&lab.id, log)?];
                let (lab, phase, periods) = (lab.id.clone(), to.clone(), BTreeSet::new());
                jobs.push(Job { clause, parameters, phase, lab, records, periods });
            }
        }
        verdicts.extend(self.run(jobs, log)?);
        Ok(verdicts)
    }

    /// Tells the clauses that are in force and will not be in phase `to`.
    fn leave(&mut self, to: &Name, log: LogHead) -> Result<Vec<VerdictRecord>, Rejection> {
        let treaty = self.rules.treaty();
        let phase = self.meta.phase.clone();
        let period = treaty.periods.index_at(self.time).unwrap_or(0);
        let mut jobs = Vec::new();
        for clause in &treaty.clauses {
            let stays = treaty.parameters(clause.id.as_str(), to.as_str()).is_some();
            let Some(parameters) = treaty.parameters(clause.id.as_str(), phase.as_str()).filter(|_| !stays) else {
                continue;
            };
            let since = self.in_force_since(&clause.id)?.unwrap_or(self.time);
            let left = LeftRecord { phase: phase.clone(), since, time: self.time, period };
            self.work.put(&Key::Left(clause.id.clone()), &left);
            self.lapse(&clause.id)?;
            for lab in treaty.with_role(Role::Lab) {
                let member: MemberRecord = self.work.need("member", &Key::Member(lab.id.clone()))?;
                let mut record = Record::new(record::Kind::PhaseLeft, log.size, self.time, member.number, period);
                (record.start, record.end) = (self.time, self.time);
                record.flags = treaty.phase_index(phase.as_str()).unwrap_or(0);
                let (lab, phase, periods) = (lab.id.clone(), phase.clone(), BTreeSet::new());
                jobs.push(Job { clause, parameters, phase, lab, records: vec![record], periods });
            }
        }
        self.run(jobs, log)
    }

    /// Under which phase a clause hears of this block: the one in force, or for a clause that has left force, its last one,
    /// and then only of periods up to the one in which it left.
    fn hearing(&self, clause: &Clause) -> Result<Option<(Name, u32)>, StateFault> {
        let phase = &self.meta.phase;
        if self.rules.treaty().parameters(clause.id.as_str(), phase.as_str()).is_some() {
            return Ok(Some((phase.clone(), u32::MAX)));
        }
        let left: Option<LeftRecord> = self.work.get("left", &Key::Left(clause.id.clone()))?;
        Ok(left.map(|left| (left.phase, left.period)))
    }

    /// What each partition is to be run with, in order of clause and lab.
    fn jobs(
        &self,
        records: &BTreeMap<MemberId, Vec<Record>>,
        mut synthetic: BTreeMap<(Name, MemberId), Vec<Record>>,
    ) -> Result<Vec<Job<'r>>, StateFault> {
        let treaty = self.rules.treaty();
        let mut jobs = Vec::new();
        for clause in &treaty.clauses {
            let Some((phase, last)) = self.hearing(clause)? else { continue };
            let Some(parameters) = treaty.parameters(clause.id.as_str(), phase.as_str()) else { continue };
            for lab in treaty.with_role(Role::Lab) {
                let mut told = records.get(&lab.id).cloned().unwrap_or_default();
                let mut added = synthetic.remove(&(clause.id.clone(), lab.id.clone())).unwrap_or_default();
                added.sort_by_key(|record| (record.kind, record.period));
                told.extend(added);
                told.retain(|record| record.period <= last);
                if told.is_empty() {
                    continue;
                }
                let assessed = told.iter().filter(|record| record.kind != record::Kind::ObligationOpened);
                let periods = assessed.map(|record| record.period).collect();
                let (lab, phase) = (lab.id.clone(), phase.clone());
                jobs.push(Job { clause, parameters, phase, lab, records: told, periods });
            }
        }
        Ok(jobs)
    }

    /// The record that tells a clause which phase is in force, and since when.
    fn phase_record(&self, lab: &MemberId, log: LogHead) -> Result<Record, StateFault> {
        let member: MemberRecord = self.work.need("member", &Key::Member(lab.clone()))?;
        let phase: PhaseRecord = self.work.need("phase", &Key::Phase(self.meta.epoch))?;
        let period = self.rules.treaty().periods.index_at(phase.time).unwrap_or(0);
        let mut record = Record::new(record::Kind::Phase, log.size, self.time, member.number, period);
        (record.start, record.end) = (phase.time, phase.time);
        record.flags = self.rules.treaty().phase_index(phase.phase.as_str()).unwrap_or(0);
        Ok(record)
    }

    fn run(&mut self, jobs: Vec<Job<'_>>, log: LogHead) -> Result<Vec<VerdictRecord>, Rejection> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let host = self.rules.host().clone();
        let all = || {
            let mut verdicts = Vec::new();
            for job in jobs {
                self.run_job(&host, job, log, &mut verdicts)?;
            }
            Ok(verdicts)
        };
        host.enter(all).map_err(|fault| Rejection::HostFault { reason: fault.reason })?
    }

    fn run_job(
        &mut self,
        host: &Host,
        mut job: Job<'_>,
        log: LogHead,
        verdicts: &mut Vec<VerdictRecord>,
    ) -> Result<(), Rejection> {
        let key = Key::Clause(job.clause.id.clone(), job.lab.clone());
        let known: Option<ClauseRecord> = self.work.get("clause", &key)?;
        let parameters = job.parameters.hash();
        let same = |record: &ClauseRecord| record.module == job.clause.module && record.parameters == parameters;
        if let Some(record) = known.as_ref().filter(|record| same(record) && record.failure.is_some()) {
            let mut record = record.clone();
            note_unread(&mut record, &job);
            self.rest(&job, &record, log, verdicts)?;
            self.work.put(&key, &record);
            return Ok(());
        }
        if known.is_none() && job.records.first().is_none_or(|record| record.kind != record::Kind::Phase) {
            job.records.insert(0, self.phase_record(&job.lab, log)?);
        }
        let (module, failure, unread, state) = (job.clause.module, None, Vec::new(), Vec::new());
        let mut record = known.unwrap_or(ClauseRecord { module, parameters, failure, unread, state });
        let fresh = record.state.is_empty();
        (record.module, record.parameters, record.failure) = (job.clause.module, parameters, None);
        self.fold(host, &job, &mut record, fresh, log, verdicts)?;
        self.work.put(&key, &record);
        Ok(())
    }

    /// Feeds the records, and assesses each period, the first one in the same run.
    fn fold(
        &mut self,
        host: &Host,
        job: &Job<'_>,
        record: &mut ClauseRecord,
        fresh: bool,
        log: LogHead,
        verdicts: &mut Vec<VerdictRecord>,
    ) -> Result<(), Rejection> {
        let missing = || Rejection::HostFault { reason: format!("module {} is not admitted", job.clause.module) };
        let module = self.rules.module(&job.clause.module).ok_or_else(missing)?;
        let before = Hash::sha256(&record.state);
        let mut known = !fresh;
        let mut records = job.records.as_slice();
        let mut periods: Vec<Option<u32>> = job.periods.iter().copied().map(Some).collect();
        if periods.is_empty() {
            periods.push(None);
        }
        for period in periods {
            let assess = period.map(|index| self.assess(index, log));
            let mut run = host
                .run(module, job.parameters, known.then_some(record.state.as_slice()), records, assess.as_ref())
                .map_err(|fault| Rejection::HostFault { reason: fault.reason })?;
            if codec::encode(&run.findings).len() > MAX_FINDINGS_BYTES {
                (run.outcome, run.findings) = (Outcome::BadOutput, Vec::new());
            }
            if run.outcome != Outcome::Ok {
                self.fail(job, record, &run);
                if !records.is_empty() {
                    note_unread(record, job);
                }
                return Ok(self.undecide(job, module, &run, before, log, verdicts)?);
            }
            records = &[];
            let pins = self.pins(job, module, &run, before, log);
            (record.state, known) = (run.state, true);
            if let Some(period) = period {
                self.decide(job, &record.unread, period, run.findings, &pins, verdicts)?;
            }
        }
        Ok(())
    }

    fn assess(&self, index: u32, log: LogHead) -> Assess {
        Assess { period: self.rules.treaty().periods.period(index), log_size: log.size }
    }

    fn pins(&self, job: &Job<'_>, module: &Module, run: &Run, before: Hash, log: LogHead) -> Pins {
        Pins {
            treaty: self.rules.treaty().hash,
            phase: job.phase.clone(),
            parameters: job.parameters.hash(),
            module: module.hash(),
            metered: module.metered_hash(),
            abi: crate::CLAUSE_ABI,
            meter: crate::CLAUSE_METER,
            gas_limit: self.rules.host().limits().gas_per_call,
            gas_used: run.gas_used,
            outcome: run.outcome,
            log_size: log.size,
            log_root: log.root,
            state_before: before,
            state_after: Hash::sha256(&run.state),
            findings: findings_hash(&run.findings),
        }
    }

    /// Records the verdicts of an assessment: on the period that was asked about, and on earlier ones where the findings
    /// speak of them. Without findings the clause has nothing to say about the period. Of a period whose records it did not
    /// all read, it says at best that it is undecided. What was found to be violated stays so, with what showed it.
    fn decide(
        &mut self,
        job: &Job<'_>,
        unread: &[u32],
        period: u32,
        findings: Vec<Finding>,
        pins: &Pins,
        verdicts: &mut Vec<VerdictRecord>,
    ) -> Result<(), StateFault> {
        let mut by_period: BTreeMap<u32, Vec<Finding>> = BTreeMap::from([(period, Vec::new())]);
        for finding in findings {
            by_period.entry(finding.period).or_default().push(finding);
        }
        for (period, findings) in by_period {
            let partly = unread.binary_search(&period).is_ok();
            let least = if partly { Verdict::Undecided } else { Verdict::Holds };
            let found = findings.iter().map(|finding| finding.verdict).reduce(Verdict::join);
            let violated = found == Some(Verdict::Violated);
            match found {
                _ if !violated && self.is_violated(job, period)? => {}
                Some(found) => self.set_verdict(job, period, found.join(least), findings, pins.clone(), verdicts)?,
                None if partly => {}
                None => self.work.remove(&Key::Verdict(job.clause.id.clone(), job.lab.clone(), period)),
            }
        }
        Ok(())
    }

    fn is_violated(&self, job: &Job<'_>, period: u32) -> Result<bool, StateFault> {
        let key = Key::Verdict(job.clause.id.clone(), job.lab.clone(), period);
        let known: Option<VerdictRecord> = self.work.get("verdict", &key)?;
        Ok(known.is_some_and(|record| record.verdict == Verdict::Violated))
    }

    fn set_verdict(
        &mut self,
        job: &Job<'_>,
        period: u32,
        verdict: Verdict,
        findings: Vec<Finding>,
        pins: Pins,
        verdicts: &mut Vec<VerdictRecord>,
    ) -> Result<(), StateFault> {
        let (clause, member) = (job.clause.id.clone(), job.lab.clone());
        let key = Key::Verdict(clause.clone(), member.clone(), period);
        let known: Option<VerdictRecord> = self.work.get("verdict", &key)?;
        let from = known.map(|record| record.verdict);
        if from != Some(verdict) {
            let (member, clause) = (member.clone(), clause.clone());
            self.events.push(Event::VerdictChanged { member, clause, period, from, to: verdict });
        }
        let record = VerdictRecord { clause, member, period, verdict, findings, height: self.height, pins };
        self.work.put(&key, &record);
        verdicts.push(record);
        Ok(())
    }

    fn fail(&mut self, job: &Job<'_>, record: &mut ClauseRecord, run: &Run) {
        let index = job.records.first().map_or(0, |record| record.index);
        record.failure = Some(Failure { outcome: run.outcome, height: self.height, index });
        let (member, clause) = (job.lab.clone(), job.clause.id.clone());
        self.events.push(Event::ClauseFailed { member, clause, outcome: run.outcome });
    }

    /// `undecided` for every period that was to be assessed, unless a violation stands.
    fn undecide(
        &mut self,
        job: &Job<'_>,
        module: &Module,
        run: &Run,
        before: Hash,
        log: LogHead,
        verdicts: &mut Vec<VerdictRecord>,
    ) -> Result<(), StateFault> {
        for period in &job.periods {
            if !self.is_violated(job, *period)? {
                let pins = self.pins(job, module, run, before, log);
                self.set_verdict(job, *period, Verdict::Undecided, Vec::new(), pins, verdicts)?;
            }
        }
        Ok(())
    }

    /// A clause that failed before is not run again.
    fn rest(
        &mut self,
        job: &Job<'_>,
        record: &ClauseRecord,
        log: LogHead,
        verdicts: &mut Vec<VerdictRecord>,
    ) -> Result<(), StateFault> {
        let (Some(failure), Some(module)) = (&record.failure, self.rules.module(&job.clause.module)) else {
            return Ok(());
        };
        let (outcome, state) = (failure.outcome, record.state.clone());
        let run = Run { outcome, state, findings: Vec::new(), gas_used: 0 };
        self.undecide(job, module, &run, Hash::sha256(&record.state), log, verdicts)
    }
}

/// Remembers which periods a partition failed to read records of.
fn note_unread(record: &mut ClauseRecord, job: &Job<'_>) {
    let mut periods: BTreeSet<u32> = record.unread.iter().copied().collect();
    periods.extend(job.records.iter().map(|record| record.period));
    let surplus = periods.len().saturating_sub(MAX_UNREAD);
    record.unread = periods.into_iter().skip(surplus).collect();
}
