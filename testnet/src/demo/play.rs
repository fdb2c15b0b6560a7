//! The acts, on a running network: statements are made from files, signed, submitted over the API, and final.

use std::collections::BTreeMap;
use std::time::Duration;

use standstill_attestations::{Predicate, Subject};
use standstill_node::api::views::{Page, VerdictView};
use standstill_protocol::units::Timestamp;

use super::cast::{self, Act, PARTS, PERIODS, VOTES};
use super::narrator::Narrator;
use crate::TestnetError;
use crate::author::Author;
use crate::client::Recorded;
use crate::network::Network;
use crate::report::NodeEnd;

/// A moment after a period's start at which its reports are made: some of it has to have passed to be reported.
const INTO_PERIOD_MS: u64 = 2_500;
/// How long after the last deadline the nodes may take to judge.
const JUDGED_WITHIN: Duration = Duration::from_secs(30);

/// The running play.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) network: &'a mut Network,
    pub(super) narrator: &'a mut Narrator,
    pub(super) clock: fn() -> Timestamp,
    authors: BTreeMap<&'static str, Author>,
    entries: Vec<Recorded>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        network: &'a mut Network,
        narrator: &'a mut Narrator,
        clock: fn() -> Timestamp,
    ) -> Result<Self, TestnetError> {
        let members = PARTS.iter().map(|part| part.lab).chain(VOTES.iter().map(|(member, _)| *member));
        let authors = members.map(|member| Ok((member, network.author(member, 1)?))).collect::<Result<_, _>>()?;
        Ok(Stage { network, narrator, clock, authors, entries: Vec::new() })
    }

    /// Every entry that became final, in order of submission.
    pub(super) fn into_entries(self) -> Vec<Recorded> {
        self.entries
    }

    /// The labs' reports for one period.
    pub(super) fn reports(&mut self, index: u32) -> Result<(), TestnetError> {
        let period = self.network.treaty().periods.period(index);
        self.wait_until(period.start.plus(INTO_PERIOD_MS), "the labs train")?;
        for part in &PARTS {
            let Some(act) = usize::try_from(index).ok().and_then(|at| part.acts.get(at)) else { continue };
            match act.statement(period, (self.clock)())? {
                None => self.narrator.line(&format!("{:<15} …", part.lab)),
                Some((subjects, predicate)) => {
                    let what = told(act, &predicate);
                    self.say(part.lab, subjects, predicate, &what)?;
                }
            }
        }
        Ok(())
    }

    /// The evaluator's statement.
    pub(super) fn evaluation(&mut self) -> Result<(), TestnetError> {
        let (subjects, predicate) = cast::evaluation()?;
        self.say(
            "evaluator",
            subjects,
            predicate,
            &format!("an Inspect log, {}", cast::EVALUATION.0.replace("generated-", "…")),
        )
    }

    /// The adjudicators' votes, and the phase before and after the last.
    pub(super) fn votes(&mut self) -> Result<(), TestnetError> {
        let start = self.network.treaty().periods.period(1).start;
        self.wait_until(start.plus(100), "the first period ends")?;
        for (member, reason) in VOTES {
            self.say(member, Vec::new(), cast::vote(reason)?, "votes for the slowdown")?;
            let phase = self.network.client(0).status()?.phase;
            self.narrator.line(&format!("{:15} phase in force: {phase}", ""));
        }
        Ok(())
    }

    /// Waits for the verdicts on the last period, and for every node to show the same ones.
    pub(super) fn judgement(&mut self) -> Result<Vec<NodeEnd>, TestnetError> {
        let last = self.network.treaty().periods.period(PERIODS - 1);
        self.wait_until(last.due, "the last report may still come")?;
        self.narrator.waiting("the ledger judges the last period");
        for index in 0..self.network.nodes().len() {
            self.network.wait(index, "judge the last period", JUDGED_WITHIN, |client| {
                Ok(judged(&client.verdicts()?, PERIODS - 1))
            })?;
        }
        self.compare()
    }

    /// The state root of one height and the verdicts of the periods played, from every node.
    fn compare(&self) -> Result<Vec<NodeEnd>, TestnetError> {
        let heights = self.network.nodes().iter().map(|node| Ok(node.client().status()?.height));
        let height = heights.collect::<Result<Vec<_>, TestnetError>>()?.into_iter().min().unwrap_or(1);
        let mut ends: Vec<(NodeEnd, Vec<VerdictView>)> = Vec::new();
        for node in self.network.nodes() {
            let block = node.client().block(height)?;
            let verdicts = played(node.client().verdicts()?);
            let end = NodeEnd {
                member: node.entry.member.clone(),
                height,
                state_root: block.state_root,
                verdicts: verdicts.len(),
            };
            ends.push((end, verdicts));
        }
        for pair in ends.windows(2) {
            if pair[0].0.state_root != pair[1].0.state_root || pair[0].0.state_root.is_empty() {
                return Err(TestnetError::Disagreement { what: format!("the state root at height {height}") });
            }
            if pair[0].1 != pair[1].1 {
                return Err(TestnetError::Disagreement { what: "the verdicts".to_owned() });
            }
        }
        Ok(ends.into_iter().map(|(end, _)| end).collect())
    }

    /// Signs, submits through the member's own node (or the first, for members without one), waits until it is final.
    fn say(
        &mut self,
        member: &'static str,
        subjects: Vec<Subject>,
        predicate: Predicate,
        what: &str,
    ) -> Result<(), TestnetError> {
        self.narrator.waiting(&format!("{member} submits, the nodes agree"));
        let now = (self.clock)();
        let unknown = || TestnetError::Treaty { reason: format!("`{member}` is not on stage") };
        let envelope = self.authors.get_mut(member).ok_or_else(unknown)?.sign(subjects, predicate, now)?;
        let node = self.network.nodes().iter().position(|node| node.entry.member.as_str() == member).unwrap_or(0);
        let recorded = self.network.client(node).submit_final(&envelope.to_bytes())?;
        let place = format!("#{} in block {}", recorded.index, recorded.height);
        self.narrator.line(&format!("{member:<15} {what:<42} {place:>18}"));
        self.entries.push(recorded);
        Ok(())
    }

    fn wait_until(&mut self, time: Timestamp, what: &str) -> Result<(), TestnetError> {
        self.narrator.waiting(what);
        loop {
            if let Some(failure) = self.network.failure() {
                return Err(failure);
            }
            let left = time.since((self.clock)());
            if left == 0 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(left.min(100)));
        }
    }
}

fn told(act: &Act, predicate: &Predicate) -> String {
    match predicate {
        Predicate::TrainingCompute(report) if !report.evidence.is_empty() => {
            let run = report.flop.cumulative.lower.scientific();
            format!("run at {run} FLOP, {}", shortened(act.source()))
        }
        _ => "trained nothing, and says so".to_owned(),
    }
}

/// `trainer_state.final-step20.json` as `…final-step20`.
fn shortened(file: &str) -> String {
    let stem = file.trim_end_matches(".json");
    stem.split_once('.').map_or_else(|| stem.to_owned(), |(_, rest)| format!("…{rest}"))
}

fn judged(page: &Page<VerdictView>, period: u32) -> bool {
    PARTS.iter().all(|part| {
        page.rows.iter().any(|row| row.member == part.lab && row.clause == "reporting" && row.period == period)
    })
}

/// The verdicts of the periods that are played; later ones may differ while a block is on its way.
fn played(page: Page<VerdictView>) -> Vec<VerdictView> {
    page.rows.into_iter().filter(|row| row.period < PERIODS).collect()
}
