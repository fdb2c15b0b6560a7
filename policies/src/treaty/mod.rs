//! Treaties: a TOML file with a text for people beside every rule, hashed into the chain id.
//!
//! ```text
//! treaty bytes ──SHA-256, domain treaty──> treaty hash ──SHA-256, domain chain-id──> chain id
//! ```
//!
//! [`Treaty::parse`] accepts a file or says which article is missing and what to write there. What it returns is
//! complete: every reference resolves, every limit holds, every key is a point.

use std::collections::{BTreeMap, BTreeSet};

use standstill_protocol::hash::Hash;
use standstill_protocol::keys::PublicKey;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::{Ppm, Timestamp};
use standstill_protocol::validators::{Validator, ValidatorSet, ValidatorSetError};

use crate::parameters::Parameters;

pub mod diff;
mod error;
mod file;
mod lint;
mod page;
mod parse;
mod periods;
mod place;
pub mod schema;
mod show;
mod span;
mod template;

pub use diff::Diff;
pub use error::TreatyError;
pub use lint::{Lint, RULES, Rule, Severity};
pub use periods::{Capacity, Period, Periods};
pub use place::Places;
pub use span::Span;
pub use template::TreatyTemplate;

/// Bytes of a treaty file, at most.
pub const MAX_TREATY: usize = 1 << 20;

/// The shipped treaty `pause-option`: dormant until triggered, with example members whose keys are public knowledge.
pub const PAUSE_OPTION: &[u8] = include_bytes!("../../treaties/pause-option.toml");

/// Every treaty that ships: its name, and its file. Their members are examples whose keys are public knowledge.
pub const SHIPPED: [(&str, &[u8]); 5] = [
    ("pause-option", PAUSE_OPTION),
    ("miri-2025", include_bytes!("../../treaties/miri-2025.toml")),
    ("eu-gpai", include_bytes!("../../treaties/eu-gpai.toml")),
    ("sb-53", include_bytes!("../../treaties/sb-53.toml")),
    ("raise", include_bytes!("../../treaties/raise.toml")),
];

/// A commented treaty to start from: it lints clean but for what only its parties can say.
pub const START: &[u8] = include_bytes!("../../treaties/start.toml");

/// A complete treaty.
#[derive(Clone, Debug)]
pub struct Treaty {
    /// Tagged hash of the file's bytes.
    pub hash: Hash,
    /// Tagged hash of `hash`: the identity of the ledger.
    pub chain_id: Hash,
    /// Short name.
    pub name: Name,
    /// Title for people.
    pub title: String,
    /// What the treaty is for.
    pub text: String,
    /// What was changed for a rehearsal, where the file was rendered from another treaty.
    pub adaptation: Option<String>,
    /// Time of genesis: the first block is later.
    pub genesis_time: Timestamp,
    /// Members, sorted by id.
    pub members: Vec<Member>,
    /// Reporting periods.
    pub periods: Periods,
    /// Clocks of the ledger.
    pub clocks: Clocks,
    /// Clocks of the response ladder.
    pub response: Response,
    /// Thresholds of votes.
    pub voting: Voting,
    /// When the treaty binds.
    pub entry_into_force: EntryIntoForce,
    /// How it is changed.
    pub amendment: Amendment,
    /// How a member leaves.
    pub withdrawal: Withdrawal,
    /// How often claims are challenged.
    pub challenges: Challenges,
    /// How compute is counted.
    pub counting: Counting,
    /// On whose word chips' reports rest; `None` for the vendors' roots that the program pins.
    pub hardware: Option<Hardware>,
    /// Phases, mildest first; the first is in force at genesis.
    pub phases: Vec<Phase>,
    /// Clauses in the order of the file.
    pub clauses: Vec<Clause>,
}

/// What a member does under the treaty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Trains models and reports.
    Lab,
    /// Measures what models can do.
    Evaluator,
    /// Supervises; adjudicates phases where the treaty says so.
    Regulator,
    /// Operates hardware or a datacentre and meters it.
    Meter,
    /// Goes and looks.
    Inspector,
    /// Cosigns checkpoints.
    Witness,
}

impl Role {
    /// As the treaty writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Lab => "lab",
            Role::Evaluator => "evaluator",
            Role::Regulator => "regulator",
            Role::Meter => "meter",
            Role::Inspector => "inspector",
            Role::Witness => "witness",
        }
    }
}

/// An organisation that signed the treaty.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Short name, unique.
    pub id: MemberId,
    /// Name for people.
    pub title: String,
    /// What it does.
    pub roles: BTreeSet<Role>,
    /// Keys that sign its statements at genesis.
    pub statement_keys: Vec<PublicKey>,
    /// Its validator, if it runs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validator: Option<ValidatorKeys>,
}

impl Member {
    /// Whether it has the role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// The keys of a member's validator. Each key has one use.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorKeys {
    /// Signs votes.
    pub consensus: PublicKey,
    /// Signs checkpoints as the log (C2SP 0x01).
    pub log: PublicKey,
    /// Cosigns checkpoints (C2SP 0x04).
    pub cosigner: PublicKey,
    /// The libp2p peer of its node.
    pub peer_id: String,
}

/// Clocks of the ledger itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Text for people.
    pub text: String,
    /// A block is made at least this often.
    pub heartbeat_ms: u64,
    /// A fresh proposal's time may differ this much from a validator's clock.
    pub max_skew_ms: u64,
    /// A gap in block time above this many heartbeats is an outage: it extends every deadline inside it.
    pub outage_heartbeats: u32,
}

/// Clocks of the response ladder, after a concern is notified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Text for people.
    pub text: String,
    /// To acknowledge.
    pub acknowledge_ms: u64,
    /// To clarify.
    pub clarify_ms: u64,
    /// To give access to an inspection.
    pub inspect_ms: u64,
}

/// Thresholds of votes, as shares of the members that may vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voting {
    /// Text for people.
    pub text: String,
    /// To amend the treaty.
    pub amendment: Ppm,
    /// To confirm a provisional change before it lapses.
    pub confirmation: Ppm,
}

/// When the treaty binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryIntoForce {
    /// Text for people.
    pub text: String,
    /// Members that must have signed.
    pub parties: BTreeSet<MemberId>,
    /// Share of the registered compute that they must hold together.
    pub registered_compute: Ppm,
}

/// How the treaty is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// Text for people.
    pub text: String,
    /// From adoption to effect.
    pub notice_ms: u64,
    /// A provisional change lapses after this, unless confirmed.
    pub provisional_lapse_ms: u64,
    /// The treaty is reviewed this often.
    pub review_ms: u64,
}

/// How a member leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Text for people.
    pub text: String,
    /// Notice to give.
    pub notice_ms: u64,
}

/// How often claims are challenged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenges {
    /// Text for people.
    pub text: String,
    /// Wanted probability of detecting a false claim of significant size.
    pub detection: Ppm,
    /// Challenges a period and lab.
    pub per_period: u32,
    /// On-site inspections a year and party, at most.
    pub inspections_per_year: u32,
}

/// How compute is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counting {
    /// Text for people.
    pub text: String,
    /// Names of the counting rules, one of which each claim must cite.
    pub rules: BTreeSet<String>,
    /// Estimates must lie within this share of the truth.
    pub tolerance: Ppm,
    /// SHA-256 of the table of accelerators, `ZERO` where the treaty has none.
    pub chip_table: Hash,
}

/// Roots of chips' certificates, by SHA-256 of their DER: these and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Text for people.
    pub text: String,
    /// For NVIDIA SPDM reports.
    pub nvidia: BTreeSet<Hash>,
    /// For AMD SEV-SNP reports.
    pub amd: BTreeSet<Hash>,
    /// For Intel TDX quotes.
    pub intel: BTreeSet<Hash>,
}

/// A state of the treaty: which clauses are in force, with which parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Short name: `monitoring`, `slowdown`, `pause`.
    pub id: Name,
    /// Title for people.
    pub title: String,
    /// Text for people.
    pub text: String,
    /// What triggers it.
    pub triggers: Vec<Condition>,
    /// What lifts it.
    pub lifts: Vec<Condition>,
    /// Who decides whether it is triggered or lifted.
    pub adjudicators: Adjudicators,
    /// Clauses in force, with their parameters in this phase.
    pub clauses: BTreeMap<Name, Parameters>,
}

/// Something in the world that triggers or lifts a phase. Adjudicators decide whether it has come about.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Short name, unique in the treaty.
    pub id: Name,
    /// Text for people.
    pub text: String,
    /// The signal that is watched, such as `time-horizon-p50`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Name>,
    /// The level of the signal at which the condition holds, as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Where the level comes from.
    pub source: String,
}

/// Who decides about a phase, by votes on the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjudicators {
    /// Text for people.
    pub text: String,
    /// The members that may vote, resolved from roles and names.
    pub members: BTreeSet<MemberId>,
    /// Share of them that brings the phase into force.
    pub enter: Ppm,
    /// Share of them that lifts it, in favour of a milder phase.
    pub lift: Ppm,
}

/// The vote that moves the treaty from one phase to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseRule<'a> {
    /// The members that may vote.
    pub adjudicators: &'a BTreeSet<MemberId>,
    /// Votes in favour that decide.
    pub votes: usize,
}

/// What a verification goal a clause supports (Baker et al. 2025, arXiv 2507.15916, figure 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Subgoal {
    /// Models and outputs were made as claimed.
    #[serde(rename = "1A")]
    OriginAsClaimed,
    /// Evaluation results and properties.
    #[serde(rename = "1B")]
    PropertiesAsClaimed,
    /// Use of known data centres is fully accounted for.
    #[serde(rename = "2A")]
    KnownComputeAccounted,
}

impl Subgoal {
    /// `1A`, `1B`, `2A`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Subgoal::OriginAsClaimed => "1A",
            Subgoal::PropertiesAsClaimed => "1B",
            Subgoal::KnownComputeAccounted => "2A",
        }
    }
}

/// What one state of a clause is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Partition {
    /// One state for each lab; it sees the records about that lab.
    Lab,
}

/// What each member of a role owes for every period.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Obligation {
    /// Text for people.
    pub text: String,
    /// Kind of statement owed, such as `training-compute`.
    pub statement: Name,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Short name, unique.
    pub id: Name,
    /// Title for people.
    pub title: String,
    /// The rule as people read it.
    pub text: String,
    /// Where its figures come from.
    pub source: String,
    /// Verification goal that it supports.
    pub subgoal: Subgoal,
    /// SHA-256 of the module's bytes.
    pub module: Hash,
    /// What one state is about.
    pub partition: Partition,
    /// What each lab owes for every period while the clause is in force.
    pub obligation: Option<Obligation>,
}

impl Treaty {
    /// Reads a treaty file.
    pub fn parse(bytes: &[u8]) -> Result<Treaty, TreatyError> {
        parse::treaty(bytes)
    }

    /// Who votes on blocks at genesis.
    pub fn validators(&self) -> Result<ValidatorSet, ValidatorSetError> {
        let validators = self.members.iter().filter_map(|member| {
            let keys = member.validator.as_ref()?;
            Some(Validator { member: member.id.clone(), consensus_key: keys.consensus })
        });
        ValidatorSet::new(validators.collect())
    }

    /// The member with this id.
    pub fn member(&self, id: &str) -> Option<&Member> {
        let at = self.members.binary_search_by(|member| member.id.as_str().cmp(id)).ok()?;
        self.members.get(at)
    }

    /// Members with the role, sorted by id.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |member| member.has(role))
    }

    /// The clause with this id.
    pub fn clause(&self, id: &str) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.id.as_str() == id)
    }

    /// The phase with this id.
    pub fn phase(&self, id: &str) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.id.as_str() == id)
    }

    /// The position of the phase with this id: what a phase record's `flags` says.
    pub fn phase_index(&self, id: &str) -> Option<u32> {
        self.phases.iter().position(|phase| phase.id.as_str() == id).and_then(|index| u32::try_from(index).ok())
    }

    /// The clause's parameters in a phase; `None` where it is not in force, or where either is unknown.
    pub fn parameters(&self, clause: &str, phase: &str) -> Option<&Parameters> {
        self.phase(phase)?.clauses.get(clause)
    }

    /// Who decides on a move between two phases, and how many votes it takes: the adjudicators of the harsher phase,
    /// by its `enter` share on the way there and its `lift` share on the way back. `None` if either is unknown or both
    /// are the same.
    pub fn phase_rule(&self, from: &str, to: &str) -> Option<PhaseRule<'_>> {
        let (from, to) = (self.phase_index(from)?, self.phase_index(to)?);
        if from == to {
            return None;
        }
        let harsher = self.phases.get(usize::try_from(from.max(to)).ok()?)?;
        let share = if to > from { harsher.adjudicators.enter } else { harsher.adjudicators.lift };
        let adjudicators = &harsher.adjudicators.members;
        Some(PhaseRule { adjudicators, votes: votes_needed(adjudicators.len(), share) })
    }
}

/// The least number of votes that is at least `share` of `members`, and at least one. Shares are written rounded down to a
/// whole ppm: 666,666 asks for two thirds of any number of members that a treaty can have, 500,001 for more than half.
pub fn votes_needed(members: usize, share: Ppm) -> usize {
    let exact = (members as u128) * u128::from(share.0);
    usize::try_from(exact.div_ceil(u128::from(Ppm::ONE.0))).unwrap_or(usize::MAX).max(1)
}
