//! What others observed: countersignatures and inspections, held against the figures that the claim states.
//!
//! Nobody says that a claim is right. A signer states what he observed, as bounds, and the outcome is computed:
//!
//! | observed | opinion |
//! |---|---|
//! | one figure misses the claim's | disagrees |
//! | else: one that carries the claim is confirmed | agrees |
//! | else | neutral |

use standstill_attestations::countersignature::SignerRole;
use standstill_attestations::figure::{Agreement, Figure};
use standstill_attestations::inspection::{Access, InspectionResult};
use standstill_attestations::{Countersignature, Inspection, Observation, Statement};
use standstill_policies::{Role, record};
use standstill_protocol::dsse::StatementId;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Flop;

use super::execution::Execution;
use crate::refusal::{AdmissionError, Refusal};
use crate::schema::{ClaimRecord, Content, Judgement, Key, Manner, MemberRecord, Opinion, subjects_hash};
use crate::state::StateFault;

/// Figures that carry a claim: a confirmed one of them raises its grade, others only add to it.
const CARRIES: [Figure; 7] = [
    Figure::FlopIncremental,
    Figure::FlopCumulative,
    Figure::ChipSeconds,
    Figure::Joules,
    Figure::TensorPipe,
    Figure::Score,
    Figure::ChipCount,
];

impl Execution<'_> {
    pub(crate) fn check_countersignature(
        &self,
        statement: &Statement,
        own: &Countersignature,
        corrected: Option<&ClaimRecord>,
    ) -> Result<(), AdmissionError> {
        let signer = &statement.common.member;
        self.check_window_past(&own.window)?;
        self.check_signer_role(statement, own.role)?;
        let claim = self.observed_claim(own.statement, &own.member, own.kind, signer)?;
        if claim.subjects != subjects_hash(statement) {
            return Err(Refusal::OtherSubjects { id: own.statement }.into());
        }
        let same = |old: &ClaimRecord| matches!(&old.content, Content::Observed(_, ids) if *ids == [own.statement]);
        if corrected.is_some_and(|old| !same(old)) {
            return Err(Refusal::CorrectionElsewhere { what: "statement" }.into());
        }
        let corrects = statement.common.corrects.as_ref().map(|correction| correction.statement);
        let opinion = self.opinion(signer, manner(own.role), (own.statement, 0), Judgement::Neutral);
        self.check_opinion(own.statement, &claim, &opinion, corrects)?;
        Ok(self.check_spoken_of(signer, &claim)?)
    }

    /// A statement that somebody speaks of: of the member and the kind that it is said to be of, and another's.
    fn observed_claim(
        &self,
        id: StatementId,
        member: &MemberId,
        kind: standstill_attestations::Kind,
        signer: &MemberId,
    ) -> Result<ClaimRecord, AdmissionError> {
        let claim = self.claim(id)?.ok_or(Refusal::UnknownStatement { id })?;
        if claim.member == *signer {
            return Err(Refusal::OwnStatement { member: signer.clone(), id }.into());
        }
        if claim.member != *member {
            return Err(Refusal::OtherMember { id, found: member.clone(), expected: claim.member }.into());
        }
        if claim.kind.kind() != kind {
            return Err(Refusal::OtherKind { id, found: kind, expected: claim.kind.kind() }.into());
        }
        Ok(claim)
    }

    /// A member signs as what the treaty says it is.
    fn check_signer_role(&self, statement: &Statement, role: SignerRole) -> Result<(), Refusal> {
        let (needed, roles): (&'static str, &[Role]) = match role {
            SignerRole::Evaluator => ("evaluator", &[Role::Evaluator]),
            SignerRole::Inspector => ("inspector or regulator", &[Role::Inspector, Role::Regulator]),
            _ => ("meter", &[Role::Meter]),
        };
        let name = &statement.common.member;
        let member = self.rules.treaty().member(name.as_str());
        if member.is_some_and(|member| roles.iter().any(|role| member.has(*role))) {
            return Ok(());
        }
        Err(Refusal::WrongRole { member: name.clone(), kind: statement.kind(), needed })
    }

    pub(crate) fn record_countersignature(
        &mut self,
        statement: &Statement,
        own: &Countersignature,
        at: (StatementId, u64),
    ) -> Result<(), StateFault> {
        self.take_opinions_back(statement, at.1)?;
        let content = Content::Observed(own.member.clone(), vec![own.statement]);
        self.open_claim(statement, at, content)?;
        let claim: ClaimRecord = self.work.need("claim", &Key::Claim(own.statement))?;
        let signer = &statement.common.member;
        let outcome = self.judge(&claim, &own.figures, (signer, role_number(own.role)), at.1)?;
        let opinion = self.opinion(signer, manner(own.role), at, outcome);
        self.give_opinion(own.statement, opinion)
    }

    fn opinion(
        &self,
        by: &MemberId,
        manner: Manner,
        (statement, index): (StatementId, u64),
        outcome: Judgement,
    ) -> Opinion {
        Opinion { by: by.clone(), manner, statement, index, outcome }
    }

    /// What a statement that is corrected said of others is said no longer.
    fn take_opinions_back(&mut self, statement: &Statement, index: u64) -> Result<(), StateFault> {
        let Some(correction) = &statement.common.corrects else { return Ok(()) };
        let old: ClaimRecord = self.work.need("claim", &Key::Claim(correction.statement))?;
        if let Content::Observed(_, about) = old.content {
            for id in about {
                self.take_opinion_back(id, correction.statement, (index, statement.common.member.clone()))?;
            }
        }
        Ok(())
    }

    /// Holds observations against a claim. Clauses are told of FLOP, energy and chip time that miss it.
    fn judge(
        &mut self,
        claim: &ClaimRecord,
        figures: &[Observation],
        (signer, role): (&MemberId, u32),
        index: u64,
    ) -> Result<Judgement, StateFault> {
        let tolerance = self.rules.treaty().counting.tolerance;
        let mut outcome = Judgement::Neutral;
        for one in figures {
            match one.compare(claim.stated(one.figure, one.item), tolerance) {
                Agreement::Contradicted => {
                    outcome = Judgement::Disagrees;
                    self.tell_disagreement(claim, one, (signer, role), index)?;
                }
                Agreement::Confirmed if outcome == Judgement::Neutral && CARRIES.contains(&one.figure) => {
                    outcome = Judgement::Agrees;
                }
                _ => {}
            }
        }
        Ok(outcome)
    }

    fn tell_disagreement(
        &mut self,
        claim: &ClaimRecord,
        one: &Observation,
        (signer, role): (&MemberId, u32),
        index: u64,
    ) -> Result<(), StateFault> {
        let flags = match one.figure {
            Figure::FlopIncremental => 1,
            Figure::Joules => 2,
            Figure::ChipSeconds => 3,
            _ => return Ok(()),
        };
        let Some((lab, mut record)) = self.frame_of(record::Kind::Disagreement, claim)? else { return Ok(()) };
        let flop = |bound: i128| Flop(u128::try_from(bound).unwrap_or(0));
        (record.flop_lower, record.flop_upper) = (flop(one.observed.lower), flop(one.observed.upper));
        record.flags = flags;
        let number = self.work.need::<MemberRecord>("member", &Key::Member(signer.clone()))?.number;
        record.rest = [number.to_le_bytes().as_slice(), &role.to_le_bytes(), &index.to_le_bytes()].concat();
        self.touch_of(signer, &lab, record);
        Ok(())
    }

    pub(crate) fn check_inspection(
        &self,
        statement: &Statement,
        own: &Inspection,
        corrected: Option<&ClaimRecord>,
    ) -> Result<(), AdmissionError> {
        let signer = &statement.common.member;
        self.check_window_past(&own.window)?;
        if self.rules.treaty().member(own.member.as_str()).is_none() {
            return Err(Refusal::NotAMember { member: own.member.clone() }.into());
        }
        let same = |old: &ClaimRecord| matches!(&old.content, Content::Observed(member, _) if *member == own.member);
        if corrected.is_some_and(|old| !same(old)) {
            return Err(Refusal::CorrectionElsewhere { what: "member" }.into());
        }
        let corrects = statement.common.corrects.as_ref().map(|correction| correction.statement);
        for one in &own.examined {
            let claim = self.observed_claim(one.statement, &own.member, one.kind, signer)?;
            let opinion = self.opinion(signer, Manner::Inspection, (one.statement, 0), Judgement::Neutral);
            self.check_opinion(one.statement, &claim, &opinion, corrects)?;
            self.check_spoken_of(signer, &claim)?;
        }
        match self.current_period() {
            Some(period) => Ok(self.check_spoken(signer, &own.member, period)?),
            None => Ok(()),
        }
    }

    pub(crate) fn record_inspection(
        &mut self,
        statement: &Statement,
        own: &Inspection,
        at: (StatementId, u64),
    ) -> Result<(), StateFault> {
        let signer = statement.common.member.clone();
        self.take_opinions_back(statement, at.1)?;
        let about = own.examined.iter().map(|one| one.statement).collect();
        self.open_claim(statement, at, Content::Observed(own.member.clone(), about))?;
        self.tell_inspection(&signer, own, at.1)?;
        for one in &own.examined {
            let claim: ClaimRecord = self.work.need("claim", &Key::Claim(one.statement))?;
            let judged = self.judge(&claim, &one.figures, (&signer, role_number(SignerRole::Inspector)), at.1)?;
            // Who concludes that something does not fit confirms nothing.
            let concluded = own.result == InspectionResult::Consistent;
            let outcome = if judged == Judgement::Agrees && !concluded { Judgement::Neutral } else { judged };
            let opinion = self.opinion(&signer, Manner::Inspection, at, outcome);
            self.give_opinion(one.statement, opinion)?;
        }
        Ok(())
    }

    fn tell_inspection(&mut self, signer: &MemberId, own: &Inspection, index: u64) -> Result<(), StateFault> {
        let inspected: MemberRecord = self.work.need("member", &Key::Member(own.member.clone()))?;
        let inspector: MemberRecord = self.work.need("member", &Key::Member(signer.clone()))?;
        let Some(mut record) = self.record_now(record::Kind::Inspection, index, inspected.number) else {
            return Ok(());
        };
        (record.start, record.end) = (own.window.start, own.window.end);
        if let Some(site) = &own.site {
            record.site = self.number("site", &Key::Site(own.member.clone(), site.clone()))?.unwrap_or(0);
        }
        record.flags = match (own.access, own.result) {
            (Access::Refused, _) => 3,
            (_, InspectionResult::Consistent) => 0,
            (_, InspectionResult::Inconsistent) => 1,
            _ => 2,
        };
        record.rest = inspector.number.to_le_bytes().to_vec();
        self.touch_of(signer, &own.member, record);
        Ok(())
    }
}

fn manner(role: SignerRole) -> Manner {
    match role {
        SignerRole::Host => Manner::Host,
        SignerRole::Evaluator => Manner::Evaluator,
        SignerRole::Inspector => Manner::Inspector,
        _ => Manner::Meter,
    }
}

/// 1 for a meter, 2 for a host, 3 for an evaluator, 4 for an inspector.
fn role_number(role: SignerRole) -> u32 {
    match role {
        SignerRole::Meter => 1,
        SignerRole::Host => 2,
        SignerRole::Evaluator => 3,
        SignerRole::Inspector => 4,
        _ => 0,
    }
}
