//! The statement: an in-toto Statement v1 around one of our predicates.

use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::json;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Timestamp;

use crate::claim_check::{check_label, check_some, check_time, check_unique, check_whole};
use crate::countersignature::Countersignature;
use crate::device::HardwareEvidence;
use crate::error::StatementError;
use crate::evaluation::CapabilityEvaluation;
use crate::governance::{KeyRegistration, KeyRevocation, PhaseVote};
use crate::incident::Incident;
use crate::inspection::Inspection;
use crate::inventory::ChipInventory;
use crate::limits;
use crate::plan::RunPlan;
use crate::reader::{Field, MAX_SAFE_INTEGER, Object, Read, check_text, shorten};
use crate::telemetry::TelemetryLog;
use crate::training::TrainingCompute;
use crate::writer::Json;

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
    /// The earlier statement that this one supersedes: of the same kind, by the same member. Nothing is erased.
    pub corrects: Option<Correction>,
}

/// What a statement supersedes, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Id of the earlier statement.
    pub statement: StatementId,
    /// What was wrong with it, for people.
    pub reason: String,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Predicate {
    /// Compute used for training.
    TrainingCompute(TrainingCompute),
    /// A model's result in an evaluation.
    CapabilityEvaluation(CapabilityEvaluation),
    /// The chips of a site.
    ChipInventory(ChipInventory),
    /// What a device signed about itself.
    HardwareEvidence(HardwareEvidence),
    /// What a run is meant to be.
    RunPlan(RunPlan),
    /// A checkpoint of a log that the member keeps.
    TelemetryLog(TelemetryLog),
    /// What the member observed of another's figures.
    Countersignature(Countersignature),
    /// What an inspector was shown.
    Inspection(Inspection),
    /// Something went wrong.
    Incident(Incident),
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
    /// [`Predicate::ChipInventory`].
    ChipInventory,
    /// [`Predicate::HardwareEvidence`].
    HardwareEvidence,
    /// [`Predicate::RunPlan`].
    RunPlan,
    /// [`Predicate::TelemetryLog`].
    TelemetryLog,
    /// [`Predicate::Countersignature`].
    Countersignature,
    /// [`Predicate::Inspection`].
    Inspection,
    /// [`Predicate::Incident`].
    Incident,
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
        Kind::ChipInventory,
        Kind::HardwareEvidence,
        Kind::RunPlan,
        Kind::TelemetryLog,
        Kind::Countersignature,
        Kind::Inspection,
        Kind::Incident,
        Kind::PhaseVote,
        Kind::KeyRegistration,
        Kind::KeyRevocation,
    ];

    /// The short name, as on the command line: `training-compute`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::TrainingCompute => "training-compute",
            Kind::CapabilityEvaluation => "capability-evaluation",
            Kind::ChipInventory => "chip-inventory",
            Kind::HardwareEvidence => "hardware-evidence",
            Kind::RunPlan => "run-plan",
            Kind::TelemetryLog => "telemetry-log",
            Kind::Countersignature => "countersignature",
            Kind::Inspection => "inspection",
            Kind::Incident => "incident",
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
            Kind::ChipInventory => "https://standstill.example/predicate/chip-inventory/v1",
            Kind::HardwareEvidence => "https://standstill.example/predicate/hardware-evidence/v1",
            Kind::RunPlan => "https://standstill.example/predicate/run-plan/v1",
            Kind::TelemetryLog => "https://standstill.example/predicate/telemetry-log/v1",
            Kind::Countersignature => "https://standstill.example/predicate/countersignature/v1",
            Kind::Inspection => "https://standstill.example/predicate/inspection/v1",
            Kind::Incident => "https://standstill.example/predicate/incident/v1",
            Kind::PhaseVote => "https://standstill.example/predicate/governance/phase-vote/v1",
            Kind::KeyRegistration => "https://standstill.example/predicate/governance/key-registration/v1",
            Kind::KeyRevocation => "https://standstill.example/predicate/governance/key-revocation/v1",
        }
    }

    /// Whether a statement of this kind may supersede an earlier one: votes are cast again and keys revoked instead.
    pub const fn is_correctable(self) -> bool {
        !matches!(self, Kind::PhaseVote | Kind::KeyRegistration | Kind::KeyRevocation)
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
            Predicate::ChipInventory(_) => Kind::ChipInventory,
            Predicate::HardwareEvidence(_) => Kind::HardwareEvidence,
            Predicate::RunPlan(_) => Kind::RunPlan,
            Predicate::TelemetryLog(_) => Kind::TelemetryLog,
            Predicate::Countersignature(_) => Kind::Countersignature,
            Predicate::Inspection(_) => Kind::Inspection,
            Predicate::Incident(_) => Kind::Incident,
            Predicate::PhaseVote(_) => Kind::PhaseVote,
            Predicate::KeyRegistration(_) => Kind::KeyRegistration,
            Predicate::KeyRevocation(_) => Kind::KeyRevocation,
        }
    }
}

impl Statement {
    /// A statement whose one subject follows from what it says; `None` for a kind whose subject its maker names.
    pub fn of(common: Common, predicate: Predicate) -> Option<Self> {
        let subject = own_subject(&common, &predicate)?;
        Some(Statement { subjects: vec![subject], common, predicate })
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        self.predicate.kind()
    }

    /// Parses a payload strictly, and makes every check that needs nothing but the statement itself.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        if payload.len() > limits::STATEMENT {
            return Err(StatementError::Oversized { length: payload.len(), limit: limits::STATEMENT });
        }
        let value = json::parse(payload, limits::STATEMENT)
            .map_err(|error| StatementError::Json { reason: error.to_string() })?;
        let statement = read_statement(&Field::root(&value))?;
        statement.check()?;
        Ok(statement)
    }

    /// The canonical JSON: what gets signed. `parse(to_json(s)) == s` for every statement that [`Statement::check`]
    /// accepts and that is no larger than [`limits::STATEMENT`].
    pub fn to_json(&self) -> Vec<u8> {
        let subject = |subject: &Subject| {
            let digest = Json::Object(vec![("sha256", Json::text(subject.sha256))]);
            Json::Object(vec![("name", Json::text(&subject.name)), ("digest", digest)])
        };
        Json::Object(vec![
            ("_type", Json::text(STATEMENT_TYPE)),
            ("subject", Json::List(self.subjects.iter().map(subject).collect())),
            ("predicateType", Json::text(self.kind().predicate_type())),
            ("predicate", self.predicate_json()),
        ])
        .write()
    }

    fn predicate_json(&self) -> Json {
        let mut members = vec![
            ("chainId", Json::text(self.common.chain_id)),
            ("member", Json::text(&self.common.member)),
            ("sequence", Json::Whole(self.common.sequence)),
            ("issuedAt", Json::text(self.common.issued_at)),
        ];
        if let Some(Correction { statement, reason }) = &self.common.corrects {
            let correction = vec![("statement", Json::text(statement)), ("reason", Json::text(reason))];
            members.push(("corrects", Json::Object(correction)));
        }
        match &self.predicate {
            Predicate::TrainingCompute(predicate) => predicate.write(&mut members),
            Predicate::CapabilityEvaluation(predicate) => predicate.write(&mut members),
            Predicate::ChipInventory(predicate) => predicate.write(&mut members),
            Predicate::HardwareEvidence(predicate) => predicate.write(&mut members),
            Predicate::RunPlan(predicate) => predicate.write(&mut members),
            Predicate::TelemetryLog(predicate) => predicate.write(&mut members),
            Predicate::Countersignature(predicate) => predicate.write(&mut members),
            Predicate::Inspection(predicate) => predicate.write(&mut members),
            Predicate::Incident(predicate) => predicate.write(&mut members),
            Predicate::PhaseVote(predicate) => predicate.write(&mut members),
            Predicate::KeyRegistration(predicate) => predicate.write(&mut members),
            Predicate::KeyRevocation(predicate) => predicate.write(&mut members),
        }
        Json::Object(members)
    }

    /// The checks that [`Statement::parse`] makes, for a statement built in memory.
    pub fn check(&self) -> Result<(), StatementError> {
        if self.common.sequence == 0 {
            return Err(StatementError::ZeroSequence);
        }
        check_whole(self.common.sequence, MAX_SAFE_INTEGER, "predicate.sequence")?;
        check_time(self.common.issued_at, "predicate.issuedAt")?;
        self.check_correction()?;
        self.check_subjects()?;
        self.check_predicate()?;
        self.check_own_subject()
    }

    fn check_predicate(&self) -> Result<(), StatementError> {
        match &self.predicate {
            Predicate::TrainingCompute(predicate) => predicate.check(&self.common, &self.subjects),
            Predicate::CapabilityEvaluation(predicate) => predicate.check(),
            Predicate::ChipInventory(predicate) => predicate.check(&self.common),
            Predicate::HardwareEvidence(predicate) => predicate.check(&self.common),
            Predicate::RunPlan(predicate) => predicate.check(&self.common, &self.subjects),
            Predicate::TelemetryLog(predicate) => predicate.check(&self.common),
            Predicate::Countersignature(predicate) => predicate.check(&self.common),
            Predicate::Inspection(predicate) => predicate.check(&self.common),
            Predicate::Incident(predicate) => predicate.check(&self.common),
            Predicate::PhaseVote(predicate) => predicate.check(),
            Predicate::KeyRegistration(predicate) => predicate.check(),
            Predicate::KeyRevocation(predicate) => predicate.check(),
        }
    }

    fn check_correction(&self) -> Result<(), StatementError> {
        match &self.common.corrects {
            None => Ok(()),
            Some(_) if !self.kind().is_correctable() => {
                Err(StatementError::NotCorrectable { kind: self.kind().as_str() })
            }
            Some(correction) => {
                check_text(&correction.reason, limits::REASON, || "predicate.corrects.reason".to_owned())
            }
        }
    }

    fn check_subjects(&self) -> Result<(), StatementError> {
        check_some(self.subjects.len(), limits::SUBJECTS, "subject")?;
        for (index, subject) in self.subjects.iter().enumerate() {
            check_label(&subject.name, &format!("subject[{index}].name"))?;
        }
        check_unique(self.subjects.iter().map(|subject| &subject.name), "subject", ToString::to_string)
    }

    fn check_own_subject(&self) -> Result<(), StatementError> {
        match own_subject(&self.common, &self.predicate) {
            Some(own) if self.subjects != [own.clone()] => {
                Err(StatementError::SubjectMismatch { expected_name: own.name, expected: own.sha256.to_string() })
            }
            _ => Ok(()),
        }
    }
}

fn read_statement(document: &Field<'_, '_>) -> Result<Statement, StatementError> {
    let mut object = document.object()?;
    let statement_type = object.take("_type")?.raw_text()?;
    if statement_type != STATEMENT_TYPE {
        return Err(StatementError::StatementType { found: shorten(statement_type) });
    }
    let uri = object.take("predicateType")?.raw_text()?;
    let kind = Kind::from_predicate_type(uri).ok_or_else(|| StatementError::PredicateType { found: shorten(uri) })?;
    let subjects = object.take("subject")?.list(limits::SUBJECTS, read_subject)?;
    let predicate = object.take("predicate")?;
    object.finish()?;
    let mut members = predicate.object()?;
    let common = Common {
        chain_id: members.take("chainId")?.digest()?,
        member: members.take("member")?.name()?,
        sequence: members.take("sequence")?.whole(MAX_SAFE_INTEGER)?,
        issued_at: members.take("issuedAt")?.time()?,
        corrects: members.optional("corrects").map(|field| read_correction(&field)).transpose()?,
    };
    let predicate = read_predicate(kind, &mut members)?;
    members.finish()?;
    Ok(Statement { subjects, common, predicate })
}

fn read_predicate(kind: Kind, members: &mut Object<'_, '_>) -> Result<Predicate, StatementError> {
    Ok(match kind {
        Kind::TrainingCompute => Predicate::TrainingCompute(TrainingCompute::read(members)?),
        Kind::CapabilityEvaluation => Predicate::CapabilityEvaluation(CapabilityEvaluation::read(members)?),
        Kind::ChipInventory => Predicate::ChipInventory(ChipInventory::read(members)?),
        Kind::HardwareEvidence => Predicate::HardwareEvidence(HardwareEvidence::read(members)?),
        Kind::RunPlan => Predicate::RunPlan(RunPlan::read(members)?),
        Kind::TelemetryLog => Predicate::TelemetryLog(TelemetryLog::read(members)?),
        Kind::Countersignature => Predicate::Countersignature(Countersignature::read(members)?),
        Kind::Inspection => Predicate::Inspection(Inspection::read(members)?),
        Kind::Incident => Predicate::Incident(Incident::read(members)?),
        Kind::PhaseVote => Predicate::PhaseVote(PhaseVote::read(members)?),
        Kind::KeyRegistration => Predicate::KeyRegistration(KeyRegistration::read(members)?),
        Kind::KeyRevocation => Predicate::KeyRevocation(KeyRevocation::read(members)?),
    })
}

fn read_correction(field: &Field<'_, '_>) -> Read<Correction> {
    let mut object = field.object()?;
    let correction = Correction {
        statement: object.take("statement")?.digest()?,
        reason: object.take("reason")?.text(limits::REASON)?,
    };
    object.finish()?;
    Ok(correction)
}

fn read_subject(field: Field<'_, '_>) -> Result<Subject, StatementError> {
    let mut object = field.object()?;
    let name = object.take("name")?.text(limits::LABEL)?;
    let digest = object.take("digest")?;
    object.finish()?;
    let mut digest = digest.object()?;
    let sha256 = digest.take("sha256")?.digest()?;
    digest.finish()?;
    Ok(Subject { name, sha256 })
}

/// The subject that a predicate must have, and only that; `None` where its maker names artefacts.
fn own_subject(common: &Common, predicate: &Predicate) -> Option<Subject> {
    let key = |sha256| Some(Subject { name: "key".to_owned(), sha256 });
    match predicate {
        Predicate::ChipInventory(inventory) => Some(inventory.subject(common)),
        Predicate::HardwareEvidence(evidence) => Some(evidence.subject(common)),
        Predicate::RunPlan(plan) => Some(plan.subject(common)),
        Predicate::TelemetryLog(log) => Some(log.subject(common)),
        Predicate::Inspection(inspection) => Some(inspection.subject(common)),
        Predicate::Incident(incident) => Some(incident.subject(common)),
        Predicate::PhaseVote(_) => Some(Subject { name: "chain".to_owned(), sha256: common.chain_id }),
        Predicate::KeyRegistration(registration) => key(registration.key.id()),
        Predicate::KeyRevocation(revocation) => key(revocation.key_id),
        Predicate::TrainingCompute(_) | Predicate::CapabilityEvaluation(_) | Predicate::Countersignature(_) => None,
    }
}
