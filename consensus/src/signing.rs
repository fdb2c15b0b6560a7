//! What is signed, and by which rule it is verified.
//!
//! Votes and proposals are signed as `protocol::certificate` and `protocol::evidence` say, so that certificates and
//! evidence are checked without the engine. Type bytes: 0x01 prevote, 0x02 precommit, 0x03 proposal, 0x04 the opening of
//! a part stream. A validator proof (who is behind a connection) is signed in the engine's own form, which starts with
//! `PoV` and so is none of the others. Vote extensions do not exist here: signing one fails, verifying one says no.

use std::sync::Arc;

use async_trait::async_trait;
use malachite::app::types::core::{
    NilOrVal, Round, SignedMessage, ValidatorProof, Vote as _, VoteExtensionScope, VoteType,
};
use malachite::{Signer, Verifier};
use malachite_signing::{Error, VerificationResult};
use standstill_protocol::certificate::{PRECOMMIT, PREVOTE, vote_bytes};
use standstill_protocol::evidence::proposal_bytes;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{SecretKey, Signature};

use crate::context::{Chain, Key, Proposal, Vote, Who};
use crate::seen::Seen;

/// Verifies everything, and tells [`Seen`] what was true.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    pub(crate) chain_id: Hash,
    pub(crate) seen: Arc<Seen>,
}

/// Signs as one validator.
#[derive(Clone, Debug)]
pub(crate) struct Signatory {
    pub(crate) chain_id: Hash,
    pub(crate) key: SecretKey,
}

/// The signed bytes of a vote; `None` for a vote without round, which nobody may sign.
pub(crate) fn bytes_of_vote(chain_id: &Hash, vote: &Vote) -> Option<Vec<u8>> {
    let kind = match vote.vote_type() {
        VoteType::Prevote => PREVOTE,
        VoteType::Precommit => PRECOMMIT,
    };
    let block = match &vote.block {
        NilOrVal::Nil => None,
        NilOrVal::Val(hash) => Some(hash),
    };
    Some(vote_bytes(chain_id, kind, vote.height.0, vote.round.as_u32()?, block))
}

/// The signed bytes of a proposal; `None` for one without round.
pub(crate) fn bytes_of_proposal(chain_id: &Hash, proposal: &Proposal) -> Option<Vec<u8>> {
    let valid_round = match proposal.valid_round {
        Round::Nil => None,
        Round::Some(round) => Some(round),
    };
    Some(proposal_bytes(chain_id, proposal.height.0, proposal.round.as_u32()?, valid_round, &proposal.block.0))
}

fn verify(bytes: Option<Vec<u8>>, signature: &Signature, key: &Key) -> VerificationResult {
    VerificationResult::from_bool(bytes.is_some_and(|bytes| key.0.verify(&bytes, signature).is_ok()))
}

#[async_trait]
impl Verifier<Chain> for Checker {
    async fn verify_signed_vote(
        &self,
        vote: &Vote,
        signature: &Signature,
        key: &Key,
    ) -> Result<VerificationResult, Error> {
        let result = verify(bytes_of_vote(&self.chain_id, vote), signature, key);
        if result.is_valid() {
            self.seen.vote(vote);
        }
        Ok(result)
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &Proposal,
        signature: &Signature,
        key: &Key,
    ) -> Result<VerificationResult, Error> {
        let result = verify(bytes_of_proposal(&self.chain_id, proposal), signature, key);
        if result.is_valid() {
            self.seen.proposal(proposal);
        }
        Ok(result)
    }

    async fn verify_signed_vote_extension(
        &self,
        _scope: &VoteExtensionScope<Chain>,
        _extension: &(),
        _signature: &Signature,
        _key: &Key,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::Invalid)
    }

    async fn verify_validator_proof(&self, proof: &ValidatorProof<Chain>) -> Result<VerificationResult, Error> {
        Ok(match proof.decoded_public_key() {
            Ok(key) => verify(Some(proof.preimage()), &proof.signature, &key),
            Err(_) => VerificationResult::Invalid,
        })
    }
}

#[async_trait]
impl Signer<Chain> for Signatory {
    async fn sign_vote(&self, vote: Vote) -> Result<SignedMessage<Chain, Vote>, Error> {
        let bytes = bytes_of_vote(&self.chain_id, &vote).ok_or_else(Error::new)?;
        Ok(SignedMessage::new(vote, self.key.sign(&bytes)))
    }

    async fn sign_proposal(&self, proposal: Proposal) -> Result<SignedMessage<Chain, Proposal>, Error> {
        let bytes = bytes_of_proposal(&self.chain_id, &proposal).ok_or_else(Error::new)?;
        Ok(SignedMessage::new(proposal, self.key.sign(&bytes)))
    }

    async fn sign_vote_extension(
        &self,
        _scope: VoteExtensionScope<Chain>,
        _extension: (),
    ) -> Result<SignedMessage<Chain, ()>, Error> {
        Err(Error::new())
    }

    async fn sign_validator_proof(
        &self,
        public_key: Vec<u8>,
        peer_id: Vec<u8>,
    ) -> Result<ValidatorProof<Chain>, Error> {
        Ok(self.validator_proof(public_key, peer_id))
    }
}

impl Signatory {
    /// Binds a transport identity to the consensus key.
    pub(crate) fn validator_proof(&self, public_key: Vec<u8>, peer_id: Vec<u8>) -> ValidatorProof<Chain> {
        let signature = self.key.sign(&ValidatorProof::<Chain>::signing_bytes(&public_key, &peer_id));
        ValidatorProof::new(public_key, peer_id, signature)
    }

    /// The address that signs.
    pub(crate) fn address(&self) -> Who {
        Who(standstill_protocol::validators::Address::of(&self.key.public_key()))
    }
}
