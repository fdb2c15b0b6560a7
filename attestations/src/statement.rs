//! The statement: an in-toto Statement v1 around one of our predicates.

use standstill_protocol::hash::Hash;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Timestamp;

use crate::error::StatementError;
use crate::evaluation::CapabilityEvaluation;
use crate::governance::{KeyRegistration, KeyRevocation, PhaseVote};
use crate::training::TrainingCompute;

/// `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What a member says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it is about: 1 to 16 artefacts, names unique.
    pub subjects: Vec<Subject>,
    /// What every predicate carries.
    pub common: Common,
    /// What is said.
    pub predicate: Predicate,
}

/// An artefact: a name and its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// For people.
    pub name: String,
    /// SHA-256 of the artefact.
    pub sha256: Hash,
}

/// What every predicate carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Common {
    /// The ledger that the statement is meant for.
    pub chain_id: Hash,
    /// Who says it.
    pub member: MemberId,
    /// The member's own count: 1 for its first statement, then one more each.
    pub sequence: u64,
    /// When it was made, by the member's clock.
    pub issued_at: Timestamp,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Predicate {
    /// Compute used for training.
    TrainingCompute(TrainingCompute),
    /// A model's result in an evaluation.
    CapabilityEvaluation(CapabilityEvaluation),
    /// A vote on a phase of the treaty.
    PhaseVote(PhaseVote),
    /// A new key.
    KeyRegistration(KeyRegistration),
    /// A key withdrawn.
    KeyRevocation(KeyRevocation),
}

/// The kind of a statement, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// [`Predicate::TrainingCompute`].
    TrainingCompute,
    /// [`Predicate::CapabilityEvaluation`].
    CapabilityEvaluation,
    /// [`Predicate::PhaseVote`].
    PhaseVote,
    /// [`Predicate::KeyRegistration`].
    KeyRegistration,
    /// [`Predicate::KeyRevocation`].
    KeyRevocation,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Kind] = &[
        Kind::TrainingCompute,
        Kind::CapabilityEvaluation,
        Kind::PhaseVote,
        Kind::KeyRegistration,
        Kind::KeyRevocation,
    ];

    /// The short name, as on the command line: `training-compute`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::TrainingCompute => "training-compute",
            Kind::CapabilityEvaluation => "capability-evaluation",
            Kind::PhaseVote => "phase-vote",
            Kind::KeyRegistration => "key-registration",
            Kind::KeyRevocation => "key-revocation",
        }
    }

    /// `predicateType` in the statement.
    pub const fn predicate_type(self) -> &'static str {
        match self {
            Kind::TrainingCompute => "https://standstill.example/predicate/training-compute/v1",
            Kind::CapabilityEvaluation => "https://standstill.example/predicate/capability-evaluation/v1",
            Kind::PhaseVote => "https://standstill.example/predicate/governance/phase-vote/v1",
            Kind::KeyRegistration => "https://standstill.example/predicate/governance/key-registration/v1",
            Kind::KeyRevocation => "https://standstill.example/predicate/governance/key-revocation/v1",
        }
    }

    /// The kind that a `predicateType` names.
    pub fn from_predicate_type(uri: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.predicate_type() == uri)
    }

    /// The kind of that short name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Predicate {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Predicate::TrainingCompute(_) => Kind::TrainingCompute,
            Predicate::CapabilityEvaluation(_) => Kind::CapabilityEvaluation,
            Predicate::PhaseVote(_) => Kind::PhaseVote,
            Predicate::KeyRegistration(_) => Kind::KeyRegistration,
            Predicate::KeyRevocation(_) => Kind::KeyRevocation,
        }
    }
}

impl Statement {
    /// A vote or a statement about keys, whose one subject follows from the predicate; `None` for other kinds.
    pub fn governance(common: Common, predicate: Predicate) -> Option<Self> {
        let subject = governed(&common, &predicate)?;
        Some(Statement { subjects: vec![subject], common, predicate })
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        self.predicate.kind()
    }

    /// Parses a payload strictly, and makes every check that needs nothing but the statement itself.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        Err(StatementError::Oversized { length: payload.len() })
    }

    /// The canonical JSON: what gets signed. `parse(to_json(s)) == s` for every statement that [`Statement::check`]
    /// accepts.
    pub fn to_json(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The checks that [`Statement::parse`] makes, for a statement built in memory.
    pub fn check(&self) -> Result<(), StatementError> {
        Ok(())
    }
}

/// The subject that a governance predicate must have.
fn governed(common: &Common, predicate: &Predicate) -> Option<Subject> {
    let (name, sha256) = match predicate {
        Predicate::PhaseVote(_) => ("chain", common.chain_id),
        Predicate::KeyRegistration(registration) => ("key", registration.key.id()),
        Predicate::KeyRevocation(revocation) => ("key", revocation.key_id),
        Predicate::TrainingCompute(_) | Predicate::CapabilityEvaluation(_) => return None,
    };
    Some(Subject { name: name.to_owned(), sha256 })
}
