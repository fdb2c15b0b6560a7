//! Votes on phases, and members' keys.

use standstill_attestations::{KeyRegistration, KeyRevocation, KeyRole, PhaseVote};
use standstill_policies::treaty::ValidatorKeys;
use standstill_protocol::keys::PublicKey;
use standstill_protocol::member::{MemberId, Name};

use super::execution::Execution;
use crate::MAX_KEYS;
use crate::outcome::Event;
use crate::refusal::{AdmissionError, Refusal};
use crate::schema::{Key, KeyRecord, MemberRecord, VoteRecord};
use crate::state::StateFault;

impl Execution<'_> {
    pub(crate) fn check_vote(&self, name: &MemberId, vote: &PhaseVote) -> Result<(), AdmissionError> {
        let treaty = self.rules.treaty();
        let phase = vote.phase.clone();
        if treaty.phase(phase.as_str()).is_none() {
            return Err(Refusal::UnknownPhase { phase }.into());
        }
        let Some(rule) = treaty.phase_rule(self.meta.phase.as_str(), phase.as_str()) else {
            return Err(Refusal::PhaseInForce { phase }.into());
        };
        if !rule.adjudicators.contains(name) {
            return Err(Refusal::NotAnAdjudicator { member: name.clone(), phase }.into());
        }
        let key = Key::Vote(self.meta.epoch, phase.clone(), name.clone());
        match self.work.get::<VoteRecord>("vote", &key)? {
            Some(VoteRecord { support, index }) if support == vote.support => {
                Err(Refusal::VoteUnchanged { member: name.clone(), phase, index }.into())
            }
            _ => Ok(()),
        }
    }

    /// Stores the vote. A member's later vote on the same phase replaces its earlier one, and a change of phase starts the
    /// count anew.
    pub(crate) fn record_vote(&mut self, name: &MemberId, vote: &PhaseVote, index: u64) {
        let key = Key::Vote(self.meta.epoch, vote.phase.clone(), name.clone());
        self.work.put(&key, &VoteRecord { support: vote.support, index });
        self.voted = true;
    }

    /// The phase that the votes decide on, all of the block's counted: where several reach their threshold, the last in
    /// the treaty's list of phases, which is the harshest. The order of the votes plays no part.
    pub(crate) fn decided_phase(&self) -> Result<Option<Name>, StateFault> {
        if !self.voted {
            return Ok(None);
        }
        let treaty = self.rules.treaty();
        for phase in treaty.phases.iter().rev() {
            let Some(rule) = treaty.phase_rule(self.meta.phase.as_str(), phase.id.as_str()) else { continue };
            if self.support(&phase.id, rule.adjudicators.iter())? >= rule.votes {
                return Ok(Some(phase.id.clone()));
            }
        }
        Ok(None)
    }

    fn support<'m>(&self, phase: &Name, members: impl Iterator<Item = &'m MemberId>) -> Result<usize, StateFault> {
        let mut count = 0;
        for member in members {
            let key = Key::Vote(self.meta.epoch, phase.clone(), member.clone());
            let vote: Option<VoteRecord> = self.work.get("vote", &key)?;
            count += usize::from(vote.is_some_and(|vote| vote.support));
        }
        Ok(count)
    }

    pub(crate) fn check_registration(
        &self,
        name: &MemberId,
        member: &MemberRecord,
        registration: &KeyRegistration,
    ) -> Result<(), AdmissionError> {
        if registration.role != KeyRole::Statement {
            return Err(Refusal::UnsupportedKeyRole { role: registration.role.as_str() }.into());
        }
        let key_id = registration.key.id();
        if let Some(owner) = self.owner_of(&registration.key)? {
            return Err(Refusal::KeyRegistered { key_id, owner }.into());
        }
        if member.keys >= MAX_KEYS {
            return Err(Refusal::TooManyKeys { member: name.clone(), limit: MAX_KEYS }.into());
        }
        if !registration.is_proved(&self.rules.chain_id(), name) {
            return Err(Refusal::KeyNotProved { key_id, member: name.clone() }.into());
        }
        Ok(())
    }

    /// Who has used a key before, for statements or as a validator.
    fn owner_of(&self, key: &PublicKey) -> Result<Option<MemberId>, StateFault> {
        let record: Option<KeyRecord> = self.work.get("key", &Key::SigningKey(key.id()))?;
        let uses = |keys: &ValidatorKeys| [keys.consensus, keys.log, keys.cosigner].contains(key);
        let as_validator = || {
            let members = self.rules.treaty().members.iter();
            members
                .into_iter()
                .find(|member| member.validator.as_ref().is_some_and(uses))
                .map(|member| member.id.clone())
        };
        Ok(record.map(|record| record.owner).or_else(as_validator))
    }

    pub(crate) fn record_registration(
        &mut self,
        name: &MemberId,
        member: &mut MemberRecord,
        registration: &KeyRegistration,
    ) {
        let key_id = registration.key.id();
        let active_from = self.height.saturating_add(1);
        let record = KeyRecord { owner: name.clone(), key: registration.key, active_from, revoked_at: None };
        self.work.put(&Key::SigningKey(key_id), &record);
        self.work.put(&Key::MemberKey(name.clone(), member.keys), &key_id);
        member.keys += 1;
        member.active_keys += 1;
        self.events.push(Event::KeyRegistered { member: name.clone(), key_id });
    }

    pub(crate) fn check_revocation(
        &self,
        name: &MemberId,
        member: &MemberRecord,
        revocation: &KeyRevocation,
    ) -> Result<(), AdmissionError> {
        let key_id = revocation.key_id;
        let record: Option<KeyRecord> = self.work.get("key", &Key::SigningKey(key_id))?;
        let not_held = || Refusal::KeyNotHeld { member: name.clone(), key_id };
        let record = record.filter(|record| record.owner == *name).ok_or_else(not_held)?;
        if let Some(height) = record.revoked_at {
            return Err(Refusal::RevokedKey { key_id, height }.into());
        }
        if member.active_keys <= 1 {
            return Err(Refusal::LastKey { member: name.clone(), key_id }.into());
        }
        Ok(())
    }

    pub(crate) fn record_revocation(
        &mut self,
        name: &MemberId,
        member: &mut MemberRecord,
        revocation: &KeyRevocation,
    ) -> Result<(), StateFault> {
        let key = Key::SigningKey(revocation.key_id);
        let mut record: KeyRecord = self.work.need("key", &key)?;
        record.revoked_at = Some(self.height);
        self.work.put(&key, &record);
        member.active_keys = member.active_keys.saturating_sub(1);
        self.events.push(Event::KeyRevoked { member: name.clone(), key_id: revocation.key_id });
        Ok(())
    }
}
