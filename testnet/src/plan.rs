//! A network on paper: who its members are, and the treaty they sign.
//!
//! ```text
//! Plan ──▶ homes and keys ──▶ members with keys ──▶ treaty rendered from the shipped template ──▶ every home
//! ```
//!
//! Labs run validators; evaluators and regulators hold a statement key only and submit through a lab's node. Times and caps
//! come from the template unless the plan says otherwise.

use standstill_policies::treaty::{Role, Span};
use standstill_policies::{Treaty, TreatyTemplate, Value};
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Timestamp;

use crate::TestnetError;

/// Labs in one network, at most: each is a process with two swarms.
pub const MAX_LABS: usize = 16;

/// The clauses that are shipped, compiled and committed; a treaty names them by SHA-256.
pub const MODULES: &[(&str, &[u8])] = &[
    ("run-cap", include_bytes!("../../wasm-policies/dist/run-cap.wasm")),
    ("reporting", include_bytes!("../../wasm-policies/dist/reporting.wasm")),
    ("slowdown", include_bytes!("../../wasm-policies/dist/slowdown.wasm")),
];

/// A member to be.
#[derive(Clone, Debug)]
pub struct MemberPlan {
    /// Short name.
    pub id: MemberId,
    /// Name for people.
    pub title: String,
    /// What it does.
    pub role: Role,
}

/// Reporting periods, counted from the network's first moment.
#[derive(Clone, Copy, Debug)]
pub struct PeriodPlan {
    /// From genesis to the start of period 0, in milliseconds.
    pub first_after_ms: u64,
    /// Length of a period.
    pub length: Span,
    /// A report is due this long after its period's end.
    pub report_within: Span,
}

/// One parameter of a clause, in one phase or in all.
#[derive(Clone, Debug)]
pub struct ParameterPlan {
    /// The clause.
    pub clause: &'static str,
    /// The phase; `None` for the clause's own value.
    pub phase: Option<&'static str>,
    /// The parameter.
    pub key: &'static str,
    /// Its value.
    pub value: Value,
}

/// How nodes of the network are configured.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long to collect entries before a block is made of them, in milliseconds.
    pub block_interval_ms: u64,
    /// How long a proposer may take, in milliseconds.
    pub timeout_propose_ms: u64,
    /// How long to wait for straggling votes, in milliseconds.
    pub timeout_vote_ms: u64,
}

/// Everything that is chosen before a network exists.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The treaty's short name.
    pub name: Name,
    /// What was changed in the template, in the treaty's own words.
    pub adaptation: String,
    /// Members, labs first.
    pub members: Vec<MemberPlan>,
    /// The template's own periods where `None`.
    pub periods: Option<PeriodPlan>,
    /// Heartbeat of the ledger; the template's own where `None`.
    pub heartbeat: Option<Span>,
    /// Parameters that differ from the template.
    pub parameters: Vec<ParameterPlan>,
    /// Timing of the nodes.
    pub pace: Pace,
    /// Whether the nodes keep entry tiles beside the hash tiles, so that a log folder is a whole log by itself.
    pub entry_tiles: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { block_interval_ms: 100, timeout_propose_ms: 1_000, timeout_vote_ms: 300 }
    }
}

impl Plan {
    /// `labs` labs `lab-a`, `lab-b`, …, and one evaluator.
    pub fn labs(labs: usize, name: &str) -> Result<Self, TestnetError> {
        let letters = ('a'..='z').take(labs.clamp(1, MAX_LABS));
        let mut members = letters
            .map(|letter| {
                MemberPlan::new(&format!("lab-{letter}"), &format!("Lab {}", letter.to_ascii_uppercase()), Role::Lab)
            })
            .collect::<Result<Vec<_>, _>>()?;
        members.push(MemberPlan::new("evaluator", "The Evaluator", Role::Evaluator)?);
        Ok(Plan {
            name: name_of(name)?,
            adaptation: "Members and keys of a local test network.".to_owned(),
            members,
            periods: None,
            heartbeat: None,
            parameters: Vec::new(),
            pace: Pace::default(),
            entry_tiles: false,
        })
    }

    /// Members that run a validator.
    pub fn validators(&self) -> impl Iterator<Item = &MemberPlan> {
        self.members.iter().filter(|member| member.role == Role::Lab)
    }

    /// The treaty that `members`, with their keys, sign.
    pub fn treaty(
        &self,
        members: Vec<standstill_policies::treaty::Member>,
        now: Timestamp,
    ) -> Result<(Treaty, Vec<u8>), TestnetError> {
        let mut template = TreatyTemplate::pause_option().name(self.name.clone()).genesis_time(now).members(members);
        if let Some(periods) = self.periods {
            template = template.periods(now.plus(periods.first_after_ms), periods.length, periods.report_within);
        }
        if let Some(heartbeat) = self.heartbeat {
            template = template.clocks(heartbeat, MAX_SKEW, OUTAGE_HEARTBEATS);
        }
        for ParameterPlan { clause, phase, key, value } in &self.parameters {
            template = template.parameter(clause, *phase, key, value.clone());
        }
        template.render(&self.adaptation).map_err(|error| TestnetError::Treaty { reason: error.to_string() })
    }
}

/// Nodes of one machine share its clock.
const MAX_SKEW: Span = Span(5_000);
/// Above this many heartbeats without a block, deadlines are extended. Together they are no longer than the time to report.
const OUTAGE_HEARTBEATS: u32 = 5;

impl MemberPlan {
    /// A member; the id must be a [`Name`].
    pub fn new(id: &str, title: &str, role: Role) -> Result<Self, TestnetError> {
        Ok(MemberPlan { id: name_of(id)?, title: title.to_owned(), role })
    }
}

fn name_of(text: &str) -> Result<Name, TestnetError> {
    text.parse()
        .map_err(|error: standstill_protocol::member::NotAName| TestnetError::Treaty { reason: error.to_string() })
}
