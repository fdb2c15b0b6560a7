//! The page that the demo leaves behind: one HTML file with its pictures inside, without scripts, for screen and paper.
//!
//! It shows verdicts as the offline verifier found them in the bundle, and figures as labs stated them, each with the index of
//! the entry that says so. A verdict is a letter, a shape and a colour, so that none of the three has to be seen.
//!
//! [`Story`] is plain data; [`Story::to_html`] writes it out.

mod chart;
mod page;

use standstill_attestations::Interval;
use standstill_policies::Verdict;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::{Flop, Timestamp};

/// Everything that the page shows.
#[derive(Clone, Debug)]
pub struct Story {
    /// The treaty.
    pub treaty: TreatyFacts,
    /// The labs, in order.
    pub labs: Vec<LabStory>,
    /// The clauses, in the treaty's order.
    pub clauses: Vec<ClauseStory>,
    /// The reporting periods that were closed, in order.
    pub periods: Vec<PeriodStory>,
    /// One verdict each for lab, clause and period, where the clause was in force.
    pub cells: Vec<Cell>,
    /// What labs stated about their training.
    pub claims: Vec<Claim>,
    /// The cap of one run, and from when on; the first is before any cap.
    pub caps: Vec<CapStep>,
    /// What happened, in order.
    pub moments: Vec<Moment>,
    /// The nodes at the end.
    pub nodes: Vec<NodeEnd>,
    /// What the verifier said of the bundle.
    pub verified: Verification,
    /// What it said of the bundle with one byte changed.
    pub tampered: Tampering,
}

/// Which treaty, which ledger.
#[derive(Clone, Debug)]
pub struct TreatyFacts {
    /// Title for people.
    pub title: String,
    /// Hash of the treaty's bytes.
    pub hash: Hash,
    /// The ledger's identity.
    pub chain_id: Hash,
    /// When the ledger began.
    pub genesis: Timestamp,
}

/// A lab, and what it did in a phrase.
#[derive(Clone, Debug)]
pub struct LabStory {
    /// Short name.
    pub id: MemberId,
    /// Name for people.
    pub title: String,
    /// What it did.
    pub deed: String,
}

/// A clause.
#[derive(Clone, Debug)]
pub struct ClauseStory {
    /// Short name.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// The goal that it supports.
    pub subgoal: &'static str,
}

/// A reporting period.
#[derive(Clone, Debug)]
pub struct PeriodStory {
    /// From 0.
    pub index: u32,
    /// Included.
    pub start: Timestamp,
    /// Not included.
    pub end: Timestamp,
    /// When reports were due.
    pub due: Timestamp,
}

/// One verdict.
#[derive(Clone, Debug)]
pub struct Cell {
    /// About whom.
    pub lab: MemberId,
    /// Under which clause.
    pub clause: String,
    /// About which period.
    pub period: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, where it does not hold.
    pub text: String,
    /// The entries behind it.
    pub evidence: Vec<u64>,
}

/// What a lab stated about its run in one period.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who.
    pub lab: MemberId,
    /// About which period.
    pub period: u32,
    /// When it was issued.
    pub at: Timestamp,
    /// In the period.
    pub incremental: Interval,
    /// Of the run so far.
    pub cumulative: Interval,
    /// Its index in the log.
    pub index: u64,
    /// The file that the figures come from.
    pub source: &'static str,
}

/// From `at` on, one run may have used this much.
#[derive(Clone, Copy, Debug)]
pub struct CapStep {
    /// When it came into force.
    pub at: Timestamp,
    /// The cap; `None` where there is none.
    pub cap: Option<Flop>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A lab or an evaluator stated something.
    Statement,
    /// An adjudicator voted.
    Vote,
    /// The treaty moved to another phase.
    Phase,
    /// The ledger recorded a verdict that does not hold.
    Breach,
    /// The ledger recorded that something due did not come.
    Silence,
    /// Anything else.
    Note,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When, by the ledger's clock.
    pub at: Timestamp,
    /// In which block.
    pub height: Option<u64>,
    /// The entry that says so.
    pub index: Option<u64>,
    /// Which kind.
    pub mark: Mark,
    /// Who.
    pub who: String,
    /// What.
    pub what: String,
}

/// A node when the story ended.
#[derive(Clone, Debug)]
pub struct NodeEnd {
    /// Whose.
    pub member: MemberId,
    /// The height that all are compared at.
    pub height: u64,
    /// The state root there.
    pub state_root: String,
    /// Verdicts that it shows.
    pub verdicts: usize,
}

/// The verifier's answer.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The file.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Hash,
    /// What it printed.
    pub screen: String,
    /// Its exit code.
    pub exit: u8,
}

/// The verifier's answer to a changed file.
#[derive(Clone, Debug)]
pub struct Tampering {
    /// Which byte was changed.
    pub offset: usize,
    /// From what.
    pub from: u8,
    /// To what.
    pub to: u8,
    /// What it said.
    pub reason: String,
    /// Its exit code.
    pub exit: u8,
}

impl Story {
    /// The page.
    pub fn to_html(&self) -> String {
        page::render(self)
    }

    /// The worst verdict of a lab under a clause; `None` where it was never judged.
    fn joined(&self, lab: &MemberId, clause: &str) -> Option<Verdict> {
        let of_both = self.cells.iter().filter(|cell| cell.lab == *lab && cell.clause == clause);
        of_both.map(|cell| cell.verdict).max()
    }

    fn cell(&self, lab: &MemberId, clause: &str, period: u32) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.lab == *lab && cell.clause == clause && cell.period == period)
    }
}

/// Seconds from one time to a later one.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from) as f64 / 1000.0
}
