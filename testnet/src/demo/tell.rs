//! From a replayed ledger to the report's story.

use standstill_attestations::{Kind, PhaseVote, Predicate, Statement, TrainingCompute};
use standstill_ledger::Event;
use standstill_policies::{Role, Treaty, Value, Verdict};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::{Flop, Timestamp};
use standstill_verifier::words;

use super::cast::{self, PARTS, PERIODS};
use super::replay::{Replay, Replayed};
use crate::report::{
    CapStep, Cell, Claim, ClauseStory, LabStory, Mark, Moment, NodeEnd, PeriodStory, Story, Tampering, TreatyFacts,
    Verification,
};

/// The story of a bundle, with what was asked of the nodes and of the verifier.
pub(super) fn story(replay: &Replay, nodes: Vec<NodeEnd>, verified: Verification, tampered: Tampering) -> Story {
    let treaty = &replay.treaty;
    Story {
        treaty: TreatyFacts {
            title: treaty.title.clone(),
            hash: treaty.hash,
            chain_id: treaty.chain_id,
            genesis: treaty.genesis_time,
        },
        labs: labs(treaty),
        clauses: treaty
            .clauses
            .iter()
            .map(|clause| ClauseStory {
                id: clause.id.to_string(),
                title: clause.title.clone(),
                subgoal: clause.subgoal.as_str(),
            })
            .collect(),
        periods: (0..PERIODS).map(|index| period(treaty, index)).collect(),
        cells: cells(replay),
        claims: claims(replay),
        caps: caps(replay),
        moments: replay.blocks.iter().flat_map(|block| moments(treaty, block)).collect(),
        nodes,
        verified,
        tampered,
    }
}

fn labs(treaty: &Treaty) -> Vec<LabStory> {
    let deed = |id: &str| PARTS.iter().find(|part| part.lab == id).map_or("", |part| part.deed);
    let story = |member: &standstill_policies::Member| LabStory {
        id: member.id.clone(),
        title: member.title.clone(),
        deed: deed(member.id.as_str()).to_owned(),
    };
    treaty.with_role(Role::Lab).map(story).collect()
}

fn period(treaty: &Treaty, index: u32) -> PeriodStory {
    let period = treaty.periods.period(index);
    PeriodStory { index, start: period.start, end: period.end, due: period.due }
}

fn cells(replay: &Replay) -> Vec<Cell> {
    let played = replay.verdicts.iter().filter(|record| record.period < PERIODS);
    let cell = |record: &standstill_ledger::VerdictRecord| {
        let clause = replay.treaty.clause(record.clause.as_str());
        let runs = replay.runs.get(&record.member).map_or(&[][..], Vec::as_slice);
        let worst = record.findings.iter().filter(|finding| finding.verdict == record.verdict);
        let worst = worst.max_by_key(|finding| finding.verdict);
        let text = clause.zip(worst).map(|(clause, finding)| words::finding(clause, finding, runs)).unwrap_or_default();
        Cell {
            lab: record.member.clone(),
            clause: record.clause.to_string(),
            period: record.period,
            verdict: record.verdict,
            text: if record.verdict == Verdict::Holds { String::new() } else { text },
            evidence: worst.map(|finding| finding.evidence.clone()).unwrap_or_default(),
        }
    };
    played.map(cell).collect()
}

fn claims(replay: &Replay) -> Vec<Claim> {
    let claim = |(index, statement): (u64, &Statement)| {
        let Predicate::TrainingCompute(report) = &statement.predicate else { return None };
        Some(Claim {
            lab: statement.common.member.clone(),
            period: report.period,
            at: statement.common.issued_at,
            incremental: report.flop.incremental,
            cumulative: report.flop.cumulative,
            index,
            source: source(report),
        })
    };
    replay.statements().filter_map(|(_, index, statement)| claim((index, statement))).collect()
}

/// The name of the file that a report rests on: known by its digest.
fn source(report: &TrainingCompute) -> &'static str {
    let digest = report.evidence.first().map(|evidence| evidence.sha256);
    let acts = PARTS.iter().flat_map(|part| part.acts.iter());
    let named = acts.filter_map(|act| match act {
        cast::Act::Trained { state, .. } => Some(*state),
        _ => None,
    });
    let found = named.into_iter().find(|(_, bytes)| Some(Hash::sha256(bytes)) == digest);
    found.map_or("a declaration", |(name, _)| name)
}

/// The cap of a run in each phase, from the moment that the ledger entered it.
fn caps(replay: &Replay) -> Vec<CapStep> {
    let first = replay.treaty.phases.first().map(|phase| phase.id.to_string()).unwrap_or_default();
    let mut steps = vec![CapStep { at: replay.treaty.genesis_time, cap: cap(&replay.treaty, &first) }];
    for block in &replay.blocks {
        for event in &block.events {
            if let Event::PhaseChanged { to, .. } = event {
                steps.push(CapStep { at: block.header.time, cap: cap(&replay.treaty, to.as_str()) });
            }
        }
    }
    steps
}

fn cap(treaty: &Treaty, phase: &str) -> Option<Flop> {
    match treaty.parameters("run-cap", phase)?.values().get("cap")? {
        Value::Flop(cap) => Some(*cap),
        Value::Integer(_) | Value::Text(_) => None,
    }
}

/// What a block says, statements first.
fn moments(treaty: &Treaty, block: &Replayed) -> Vec<Moment> {
    let (at, height) = (block.header.time, block.header.height);
    let stated = block.statements.iter().map(|(index, statement)| stated(at, height, *index, statement));
    let happened = block.events.iter().filter_map(|event| happened(treaty, at, height, event));
    stated.chain(happened).collect()
}

fn stated(at: Timestamp, height: u64, index: u64, statement: &Statement) -> Moment {
    let what = match &statement.predicate {
        Predicate::TrainingCompute(report) if report.flop.cumulative.upper == Flop(0) => {
            format!("states that it trained nothing in period {}", report.period)
        }
        Predicate::TrainingCompute(report) => format!(
            "reports {} FLOP in period {}, {} for the run so far, from {}",
            report.flop.incremental.lower.scientific(),
            report.period,
            report.flop.cumulative.lower.scientific(),
            source(report)
        ),
        Predicate::CapabilityEvaluation(evaluation) => {
            format!(
                "reports an evaluation of {} on {}, from {}",
                evaluation.model,
                evaluation.suite.name,
                cast::EVALUATION.0
            )
        }
        Predicate::PhaseVote(PhaseVote { phase, reason, .. }) => format!("votes for the {phase}: {reason}"),
        other => format!("makes a {} statement", other.kind()),
    };
    let mark = if statement.kind() == Kind::PhaseVote { Mark::Vote } else { Mark::Statement };
    Moment { at, height: Some(height), index: Some(index), mark, who: statement.common.member.to_string(), what }
}

fn happened(treaty: &Treaty, at: Timestamp, height: u64, event: &Event) -> Option<Moment> {
    let moment = |mark, who: &str, what: String| {
        Some(Moment { at, height: Some(height), index: None, mark, who: who.to_owned(), what })
    };
    match event {
        Event::PeriodOpened { period, .. } if *period < PERIODS => {
            moment(Mark::Note, "the treaty", format!("opens reporting period {period}: every lab owes a report"))
        }
        Event::PhaseChanged { from, to } => {
            moment(Mark::Phase, "the treaty", format!("moves from {from} to {to}, by the adjudicators’ votes"))
        }
        Event::ObligationMissed { member, period, .. } if *period < PERIODS => {
            moment(Mark::Silence, member.as_str(), format!("owed a report for period {period}, and none came"))
        }
        Event::VerdictChanged { member, clause, period, to, .. } if *to != Verdict::Holds && *period < PERIODS => {
            let title = treaty.clause(clause.as_str()).map_or(clause.as_str(), |clause| clause.title.as_str());
            let mark = if *to == Verdict::Violated { Mark::Breach } else { Mark::Silence };
            moment(mark, member.as_str(), format!("is judged {to} in period {period}: “{title}”"))
        }
        _ => None,
    }
}
