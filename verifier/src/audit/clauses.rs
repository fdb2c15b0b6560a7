//! What the replayed state says of the treaty: verdicts by clause and member, and check 8, what was due.

use std::collections::BTreeMap;

use standstill_ledger::query::{self, ObligationView};
use standstill_ledger::schema::{ObligationStatus, RunRecord};
use standstill_ledger::{MemoryState, Rules, StateFault, VerdictRecord};
use standstill_policies::{Clause, Finding, Verdict as ClauseVerdict};
use standstill_protocol::block::Header;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Timestamp;

use super::heads::Seen;
use crate::checks::{Check, Failure, Tally};
use crate::exit::Judgement;
use crate::report::{ClauseReport, Evidence, MemberVerdict, Options, PeriodVerdict};

/// The state as of one time, in words.
pub(super) struct Settled {
    pub(super) clauses: Vec<ClauseReport>,
    pub(super) phase: Option<Name>,
    pub(super) judgement: Judgement,
    /// The time asked for; the last head's where none was.
    pub(super) as_of: Timestamp,
    as_of_given: bool,
    heartbeat_ms: u64,
    due: u64,
    missing: Vec<Failure>,
}

/// Reads verdicts and obligations out of the state. `records` maps log indices to statements, rising.
pub(super) fn settle(
    rules: &Rules,
    state: &MemoryState,
    as_of: Timestamp,
    options: &Options,
    records: &[(u64, Hash)],
) -> Result<Settled, StateFault> {
    let treaty = rules.treaty();
    let wanted = |clause: &Name, member: &MemberId| {
        options.clause.as_ref().is_none_or(|only| only == clause)
            && options.lab.as_ref().is_none_or(|only| only == member)
    };
    let verdicts = query::verdicts(state, treaty, 0, u32::MAX)?;
    let verdicts: Vec<_> = verdicts.into_iter().filter(|record| wanted(&record.clause, &record.member)).collect();
    let mut runs = BTreeMap::new();
    for member in verdicts.iter().map(|record| &record.member) {
        if !runs.contains_key(member) {
            runs.insert(member.clone(), query::runs(state, member)?);
        }
    }
    let names = Names { records, runs };
    let clauses: Vec<_> = treaty
        .clauses
        .iter()
        .filter(|clause| options.clause.as_ref().is_none_or(|only| *only == clause.id))
        .map(|clause| clause_report(clause, &verdicts, &names))
        .collect();
    let obligations = query::obligations(state, treaty, 0, u32::MAX)?;
    let due = obligations.iter().filter(|view| view.due <= as_of && wanted(&view.clause, &view.member));
    let (mut count, mut missing) = (0, Vec::new());
    for obligation in due {
        count += 1;
        let clause_holds = query::verdict(state, &obligation.clause, &obligation.member, obligation.period)?
            .is_some_and(|record| record.verdict == ClauseVerdict::Holds);
        missing.extend(overdue(obligation, clause_holds));
    }
    if options.as_of.is_some() && as_of < treaty.genesis_time {
        let message = format!("the ledger begins at {}: there is nothing to judge before", treaty.genesis_time);
        missing.push(Failure { code: "before-genesis", scope: vec![], message });
    }
    let worst = |verdict| clauses.iter().flat_map(|clause| &clause.members).any(|member| member.verdict == verdict);
    Ok(Settled {
        judgement: Judgement {
            violated: worst(ClauseVerdict::Violated),
            undecided: worst(ClauseVerdict::Undecided),
            stale: false,
        },
        clauses,
        phase: query::meta(state)?.map(|meta| meta.phase),
        as_of,
        as_of_given: options.as_of.is_some(),
        heartbeat_ms: treaty.clocks.heartbeat_ms,
        due: count,
        missing,
    })
}

/// Fills check 8, and finds out whether the bundle is stale.
pub(super) fn complete(settled: &mut Settled, last: Option<&Header>, seen: &Seen, tally: &mut Tally) {
    tally.examined(Check::Completeness, settled.due);
    settled.missing.drain(..).for_each(|failure| tally.fail(Check::Completeness, failure));
    let end = last.map_or(Timestamp(0), |header| header.time);
    if settled.as_of_given && settled.as_of > end.plus(settled.heartbeat_ms) {
        settled.judgement.stale = true;
        let message = format!("the bundle ends at {end}, more than a heartbeat before {}", settled.as_of);
        tally.fail(Check::Completeness, Failure { code: "stale", scope: vec![], message });
    }
    if let Some(head) = seen.beyond() {
        settled.judgement.stale = true;
        let message = format!("the bundle ends before the head of size {} that the trust file has seen", head.size);
        tally.fail(Check::Completeness, Failure { code: "ends-before-seen-head", scope: vec![], message });
    }
}

/// What is wrong with an obligation that fell due. Lateness that its clause tolerates is not.
fn overdue(view: &ObligationView, clause_holds: bool) -> Option<Failure> {
    let (code, message) = match view.record.status {
        ObligationStatus::Met | ObligationStatus::Lapsed => return None,
        ObligationStatus::Late if clause_holds => return None,
        ObligationStatus::Late => {
            let met = view.record.met_at.map_or_else(|| "later".to_owned(), |time| time.to_string());
            ("late", format!("due {}, recorded {met}", view.due))
        }
        ObligationStatus::Missed => ("missing", format!("due {}, never recorded", view.due)),
        ObligationStatus::Open => {
            ("unsettled", format!("due {}, and the bundle ends before that was settled", view.due))
        }
    };
    let scope = vec![view.member.to_string(), format!("period {}", view.period), format!("clause {}", view.clause)];
    Some(Failure { code, scope, message })
}

/// What numbers stand for.
struct Names<'a> {
    records: &'a [(u64, Hash)],
    runs: BTreeMap<MemberId, Vec<RunRecord>>,
}

fn clause_report(clause: &Clause, verdicts: &[VerdictRecord], names: &Names<'_>) -> ClauseReport {
    let mut members: BTreeMap<&MemberId, MemberVerdict> = BTreeMap::new();
    for record in verdicts.iter().filter(|record| record.clause == clause.id) {
        let member = members.entry(&record.member).or_insert_with(|| MemberVerdict {
            member: record.member.clone(),
            verdict: ClauseVerdict::Holds,
            periods: 0,
            findings: Vec::new(),
        });
        member.verdict = member.verdict.join(record.verdict);
        member.periods += 1;
        if record.verdict != ClauseVerdict::Holds {
            member.findings.extend(period_verdicts(clause, record, names));
        }
    }
    ClauseReport {
        id: clause.id.clone(),
        title: clause.title.clone(),
        subgoal: clause.subgoal.as_str(),
        members: members.into_values().collect(),
    }
}

/// The findings behind a verdict that does not hold; one in words where the clause gave none.
fn period_verdicts(clause: &Clause, record: &VerdictRecord, names: &Names<'_>) -> Vec<PeriodVerdict> {
    let bad = record.findings.iter().filter(|finding| finding.verdict != ClauseVerdict::Holds);
    let mut found: Vec<_> = bad.map(|finding| period_verdict(clause, finding, &record.member, names)).collect();
    if found.is_empty() {
        let text = format!("the clause gave no answer: {}", record.pins.outcome.as_str());
        let (period, verdict) = (record.period, record.verdict);
        found.push(PeriodVerdict { period, verdict, code: 0, text, numbers: vec![], evidence: vec![] });
    }
    found
}

fn period_verdict(clause: &Clause, finding: &Finding, member: &MemberId, names: &Names<'_>) -> PeriodVerdict {
    let records = names.records;
    let runs = names.runs.get(member).map_or(&[][..], Vec::as_slice);
    let evidence = finding.evidence.iter().map(|index| {
        let at = records.binary_search_by_key(index, |(index, _)| *index).ok();
        Evidence { index: *index, statement: at.and_then(|at| records.get(at)).map(|(_, statement)| *statement) }
    });
    PeriodVerdict {
        period: finding.period,
        verdict: finding.verdict,
        code: finding.code,
        text: crate::words::finding(clause, finding, runs),
        numbers: finding.numbers.clone(),
        evidence: evidence.collect(),
    }
}
