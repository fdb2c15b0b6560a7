//! One entry against the state: every check first, then the effects, so that a refused entry has changed nothing.
//!
//! Order of checks for a statement: the member's share of the block, chain id, member, keys, (signatures,) duplicate,
//! sequence, time of issue, and what its kind asks for.

use std::collections::BTreeMap;

use standstill_attestations::{Kind, Predicate, Statement};
use standstill_policies::{Member, Role};
use standstill_protocol::dsse::{Envelope, StatementId};
use standstill_protocol::evidence::{Conflict, Equivocation};
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::PublicKey;
use standstill_protocol::validators::ValidatorSet;

use super::execution::Execution;
use super::intake::{Content, Parsed};
use crate::outcome::{Event, Recorded};
use crate::refusal::{AdmissionError, Refusal};
use crate::schema::{EvidenceRecord, HeadRecord, Key, KeyRecord, MemberRecord, StatementRecord};
use crate::state::StateFault;
use crate::{MAX_BLOCK_EVIDENCE, MAX_BLOCK_VALIDATOR_EVIDENCE, MAX_MEMBER_BYTES, MAX_PENDING, MAX_VALIDATOR_EVIDENCE};

/// How strictly the sequence is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// In a block: the member's next.
    Strict,
    /// In the pool: the next, or a little ahead.
    Pending,
}

/// A statement that passed every check.
pub(crate) struct Checked<'p> {
    pub statement: &'p Statement,
    pub id: StatementId,
    pub member: MemberRecord,
    /// For a chip's report: the chip, and the head that it answers.
    pub device: Option<(Hash, HeadRecord)>,
}

impl Execution<'_> {
    /// The checks on keys: all that must be known before signatures can be verified.
    pub(crate) fn check_keys(&self, parsed: &Parsed) -> Result<Vec<PublicKey>, AdmissionError> {
        let Content::Statement { envelope, statement, .. } = &parsed.content else { return Ok(Vec::new()) };
        let common = &statement.common;
        self.check_share(parsed, statement)?;
        let expected = self.rules.chain_id();
        if common.chain_id != expected {
            return Err(Refusal::WrongChain { found: common.chain_id, expected }.into());
        }
        self.treaty_member(statement)?;
        self.active_keys(envelope, statement)
    }

    /// The checks after the signatures.
    pub(crate) fn check_statement<'p>(
        &self,
        statement: &'p Statement,
        id: StatementId,
        order: Order,
    ) -> Result<Checked<'p>, AdmissionError> {
        let common = &statement.common;
        if let Some(record) = self.work.get::<StatementRecord>("statement", &Key::Statement(id))? {
            return Err(Refusal::Duplicate { id, index: record.index }.into());
        }
        let member: MemberRecord = self.work.need("member", &Key::Member(common.member.clone()))?;
        check_sequence(statement, member.next_sequence, order)?;
        let limit = self.latest_time();
        if common.issued_at > limit {
            return Err(Refusal::FutureDated { issued_at: common.issued_at, limit }.into());
        }
        let mut device = None;
        let old = self.check_correction(statement)?;
        let corrected = (common.corrects.as_ref().map(|correction| correction.statement), old.as_ref());
        match &statement.predicate {
            Predicate::TrainingCompute(report) => self.check_training(&common.member, &member, report, old.as_ref())?,
            Predicate::CapabilityEvaluation(evaluation) => self.check_evaluation(statement, evaluation)?,
            Predicate::ChipInventory(own) => self.check_inventory(&common.member, &member, own, old.as_ref())?,
            Predicate::RunPlan(own) => self.check_plan(&common.member, &member, own, corrected)?,
            Predicate::HardwareEvidence(own) => device = Some(self.check_device(statement, own, &member)?),
            Predicate::TelemetryLog(own) => self.check_telemetry(&common.member, &member, own)?,
            Predicate::Countersignature(own) => self.check_countersignature(statement, own, old.as_ref())?,
            Predicate::Inspection(own) => self.check_inspection(statement, own, old.as_ref())?,
            Predicate::Incident(_) => self.check_own_period(&common.member)?,
            Predicate::PhaseVote(vote) => self.check_vote(&common.member, vote)?,
            Predicate::KeyRegistration(registration) => {
                self.check_registration(&common.member, &member, registration)?
            }
            Predicate::KeyRevocation(revocation) => self.check_revocation(&common.member, &member, revocation)?,
            _ => return Err(Refusal::UnsupportedKind { kind: statement.kind() }.into()),
        }
        Ok(Checked { statement, id, member, device })
    }

    /// Makes the effects of a checked statement.
    pub(crate) fn record_statement(&mut self, checked: Checked<'_>, size: usize) -> Result<Recorded, StateFault> {
        let Checked { statement, id, mut member, device } = checked;
        let name = &statement.common.member;
        let index = self.next_index();
        *self.shares.entry(name.clone()).or_default() += size;
        self.work.put(&Key::Statement(id), &StatementRecord { index, height: self.height });
        self.meta.statements += 1;
        member.next_sequence += 1;
        let at = (id, index);
        if let Some(device) = device {
            self.devices.insert(id, device);
        }
        match &statement.predicate {
            Predicate::TrainingCompute(report) => self.record_training(statement, report, &mut member, at)?,
            Predicate::CapabilityEvaluation(own) => self.record_evaluation(statement, own, &member, at)?,
            Predicate::ChipInventory(own) => self.record_inventory(statement, own, &mut member, at)?,
            Predicate::RunPlan(own) => self.record_plan(statement, own, &mut member, at)?,
            Predicate::HardwareEvidence(own) => self.record_device(statement, own, &mut member, at)?,
            Predicate::TelemetryLog(own) => self.record_telemetry(statement, own, &mut member, at)?,
            Predicate::Countersignature(own) => self.record_countersignature(statement, own, at)?,
            Predicate::Inspection(own) => self.record_inspection(statement, own, at)?,
            Predicate::Incident(own) => self.record_incident(statement, own, &member, at)?,
            Predicate::PhaseVote(vote) => self.record_vote(name, vote, index),
            Predicate::KeyRegistration(registration) => self.record_registration(name, &mut member, registration),
            Predicate::KeyRevocation(revocation) => self.record_revocation(name, &mut member, revocation)?,
            // Refused by `check_statement`.
            _ => {}
        }
        self.work.put(&Key::Member(name.clone()), &member);
        Ok(Recorded { index, statement: Some((id, name.clone(), statement.kind())) })
    }

    /// Checks and records evidence against a validator.
    pub(crate) fn take_evidence(&mut self, evidence: &Equivocation) -> Result<Recorded, AdmissionError> {
        let member = self.check_evidence(evidence)?;
        let index = self.next_index();
        let Equivocation { validator, height, round, .. } = *evidence;
        let kind = conflict_number(&evidence.conflict);
        self.work.put(&Key::Equivocation(validator, height, round, kind), &index);
        let record = EvidenceRecord { validator, member: member.clone(), height, round, kind, index };
        self.work.put(&Key::Evidence(self.meta.evidence), &record);
        self.meta.evidence += 1;
        self.evidence += 1;
        *self.accused.entry(validator).or_default() += 1;
        let count = Key::EvidenceCount(validator);
        let known = self.work.get::<u64>("evidence count", &count)?.unwrap_or(0);
        self.work.put(&count, &known.saturating_add(1));
        self.events.push(Event::Equivocated { validator, member, height, round });
        Ok(Recorded { index, statement: None })
    }

    /// The checks on evidence; whose validator it is about.
    pub(crate) fn check_evidence(
        &self,
        evidence: &Equivocation,
    ) -> Result<standstill_protocol::member::MemberId, AdmissionError> {
        if self.evidence >= MAX_BLOCK_EVIDENCE {
            return Err(Refusal::EvidenceQuota { limit: MAX_BLOCK_EVIDENCE }.into());
        }
        let Equivocation { validator, height, round, .. } = *evidence;
        if height > self.height {
            return Err(Refusal::EvidenceFuture { height, current: self.height }.into());
        }
        let key = Key::Equivocation(validator, height, round, conflict_number(&evidence.conflict));
        if self.work.get::<u64>("equivocation", &key)?.is_some() {
            return Err(Refusal::EvidenceDuplicate { validator, height, round }.into());
        }
        let limit = MAX_VALIDATOR_EVIDENCE;
        if self.work.get::<u64>("evidence count", &Key::EvidenceCount(validator))?.is_some_and(|count| count >= limit) {
            return Err(Refusal::EvidenceEnough { validator, limit }.into());
        }
        let limit = MAX_BLOCK_VALIDATOR_EVIDENCE;
        if self.accused.get(&validator).is_some_and(|count| *count >= limit) {
            return Err(Refusal::EvidenceShare { validator, limit }.into());
        }
        let hash = self.meta.validators.next;
        let validators: ValidatorSet = self.work.need("validators", &Key::Validators(hash))?;
        let verified = evidence.verify(&self.rules.chain_id(), &validators);
        verified.map_err(|source| Refusal::EvidenceInvalid { source })?;
        let missing = || StateFault::Damaged { what: "validators", reason: "a verified signer is missing".to_owned() };
        Ok(validators.by_address(&validator).ok_or_else(missing)?.member.clone())
    }

    fn check_share(&self, parsed: &Parsed, statement: &Statement) -> Result<(), Refusal> {
        let member = &statement.common.member;
        let bytes = self.shares.get(member).copied().unwrap_or(0).saturating_add(parsed.size);
        if bytes > MAX_MEMBER_BYTES {
            return Err(Refusal::MemberQuota { member: member.clone(), bytes, limit: MAX_MEMBER_BYTES });
        }
        Ok(())
    }

    /// The member that a statement names, with a role that allows its kind.
    fn treaty_member(&self, statement: &Statement) -> Result<&Member, Refusal> {
        let name = &statement.common.member;
        let missing = || Refusal::NotAMember { member: name.clone() };
        let member = self.rules.treaty().member(name.as_str()).ok_or_else(missing)?;
        let kind = statement.kind();
        let refused = |needed| Refusal::WrongRole { member: name.clone(), kind, needed };
        let (needed, roles): (&'static str, &[Role]) = match kind {
            Kind::TrainingCompute | Kind::ChipInventory | Kind::RunPlan | Kind::TelemetryLog => ("lab", &[Role::Lab]),
            Kind::CapabilityEvaluation => ("evaluator or lab", &[Role::Evaluator, Role::Lab]),
            Kind::HardwareEvidence => ("lab or meter", &[Role::Lab, Role::Meter]),
            Kind::Countersignature => (
                "meter, evaluator, inspector or regulator",
                &[Role::Meter, Role::Evaluator, Role::Inspector, Role::Regulator],
            ),
            Kind::Inspection => ("inspector", &[Role::Inspector]),
            _ => return Ok(member),
        };
        if roles.iter().any(|role| member.has(*role)) { Ok(member) } else { Err(refused(needed)) }
    }

    /// Every signature must be by an active key of the member.
    fn active_keys(&self, envelope: &Envelope, statement: &Statement) -> Result<Vec<PublicKey>, AdmissionError> {
        let key = |key_id: Hash| {
            let record = self.work.get("key", &Key::SigningKey(key_id))?;
            let record: KeyRecord = record.ok_or(Refusal::UnknownKey { key_id })?;
            self.check_key(key_id, &record, &statement.common.member)?;
            Ok(record.key)
        };
        envelope.signatures().iter().map(|signature| key(signature.key_id)).collect()
    }

    fn check_key(
        &self,
        key_id: Hash,
        record: &KeyRecord,
        member: &standstill_protocol::member::MemberId,
    ) -> Result<(), Refusal> {
        if record.owner != *member {
            return Err(Refusal::KeyOfAnother { key_id, owner: record.owner.clone(), member: member.clone() });
        }
        if let Some(height) = record.revoked_at {
            return Err(Refusal::RevokedKey { key_id, height });
        }
        if record.active_from > self.height {
            return Err(Refusal::KeyNotActive { key_id, active_from: record.active_from });
        }
        Ok(())
    }
}

fn check_sequence(statement: &Statement, next: u64, order: Order) -> Result<(), Refusal> {
    let (member, sequence) = (statement.common.member.clone(), statement.common.sequence);
    let last = if order == Order::Strict { next } else { next.saturating_add(MAX_PENDING) };
    if sequence < next {
        return Err(Refusal::SequenceUsed { member, sequence, next });
    }
    if sequence > last {
        return Err(Refusal::SequenceGap { member, sequence, next });
    }
    Ok(())
}

/// The number under which a kind of conflict is recorded: the type byte of its messages.
fn conflict_number(conflict: &Conflict) -> u8 {
    match conflict {
        Conflict::Prevotes(..) => standstill_protocol::certificate::PREVOTE,
        Conflict::Precommits(..) => standstill_protocol::certificate::PRECOMMIT,
        Conflict::Proposals(..) => standstill_protocol::evidence::PROPOSAL,
    }
}

/// How many bytes of each member a block holds.
pub(crate) type Shares = BTreeMap<standstill_protocol::member::MemberId, usize>;
