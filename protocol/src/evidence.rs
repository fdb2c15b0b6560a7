//! Proof that one validator contradicted itself: two signatures, one height and round, two blocks.
//!
//! ```text
//! vote       chain id 32 | 0x01 or 0x02 | height u64 BE | round u32 BE | 0x00, or 0x01 and the block hash 32
//! proposal   chain id 32 | 0x03 | height u64 BE | round u32 BE | 0x00, or 0x01 and the valid round u32 BE | block hash 32
//! ```
//!
//! A *valid round* is the earlier round in which a quorum prevoted for the block that is proposed again (`vr` in the
//! Tendermint paper). Evidence has one form: the lesser of the two messages comes first. It is checked with nothing but
//! the chain id and the validators of its height.

use wincode::{SchemaRead, SchemaWrite};

use crate::certificate::{PRECOMMIT, PREVOTE, vote_bytes};
use crate::codec::{self, CodecError};
use crate::hash::Hash;
use crate::keys::{KeyError, Signature};
use crate::validators::{Address, ValidatorSet};

/// Type byte of a proposal.
pub const PROPOSAL: u8 = 0x03;
/// Bytes of encoded evidence, at most.
pub const MAX_EVIDENCE_BYTES: usize = 512;

/// The bytes of a proposal.
pub fn proposal_bytes(chain_id: &Hash, height: u64, round: u32, valid_round: Option<u32>, block: &Hash) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(82);
    bytes.extend_from_slice(chain_id.as_bytes());
    bytes.push(PROPOSAL);
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&round.to_be_bytes());
    match valid_round {
        None => bytes.push(0x00),
        Some(round) => {
            bytes.push(0x01);
            bytes.extend_from_slice(&round.to_be_bytes());
        }
    }
    bytes.extend_from_slice(block.as_bytes());
    bytes
}

/// A vote as its signer sent it. `None` votes for nil.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct SignedVote {
    /// The block voted for.
    pub block: Option<Hash>,
    /// Over [`vote_bytes`].
    pub signature: Signature,
}

/// A proposal as its signer sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct SignedProposal {
    /// The block proposed.
    pub block: Hash,
    /// The round in which a quorum had prevoted for it.
    pub valid_round: Option<u32>,
    /// Over [`proposal_bytes`].
    pub signature: Signature,
}

/// The two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum Conflict {
    /// Two prevotes.
    Prevotes(SignedVote, SignedVote),
    /// Two precommits.
    Precommits(SignedVote, SignedVote),
    /// Two proposals.
    Proposals(SignedProposal, SignedProposal),
}

/// One validator's contradiction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Equivocation {
    /// Who signed both.
    pub validator: Address,
    /// Of both messages.
    pub height: u64,
    /// Of both messages.
    pub round: u32,
    /// What was signed.
    pub conflict: Conflict,
}

/// Why evidence proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Both messages say the same.
    #[error("the two messages do not contradict each other")]
    NoConflict,
    /// The lesser message is not the first.
    #[error("the two messages are not in order")]
    Unsorted,
    /// The signer does not vote at this height.
    #[error("{address} is not a validator of height {height}")]
    UnknownSigner {
        /// The signer.
        address: Address,
        /// The evidence's height.
        height: u64,
    },
    /// A signature does not verify.
    #[error("a signature of {address} is not valid")]
    BadSignature {
        /// The signer.
        address: Address,
        /// The cause.
        source: KeyError,
    },
}

impl Equivocation {
    /// Evidence from two messages in either order.
    pub fn new(validator: Address, height: u64, round: u32, conflict: Conflict) -> Self {
        let conflict = match conflict {
            Conflict::Prevotes(a, b) if a.block > b.block => Conflict::Prevotes(b, a),
            Conflict::Precommits(a, b) if a.block > b.block => Conflict::Precommits(b, a),
            Conflict::Proposals(a, b) if a.order() > b.order() => Conflict::Proposals(b, a),
            sorted => sorted,
        };
        Equivocation { validator, height, round, conflict }
    }

    /// Checks order, contradiction, membership and both signatures. `validators` are those of [`Equivocation::height`].
    pub fn verify(&self, chain_id: &Hash, validators: &ValidatorSet) -> Result<(), EvidenceError> {
        let (order, messages) = match &self.conflict {
            Conflict::Prevotes(a, b) => (a.block.cmp(&b.block), self.votes(chain_id, PREVOTE, [a, b])),
            Conflict::Precommits(a, b) => (a.block.cmp(&b.block), self.votes(chain_id, PRECOMMIT, [a, b])),
            Conflict::Proposals(a, b) => (a.order().cmp(&b.order()), self.proposals(chain_id, [a, b])),
        };
        match order {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return Err(EvidenceError::NoConflict),
            std::cmp::Ordering::Greater => return Err(EvidenceError::Unsorted),
        }
        let validator = validators
            .by_address(&self.validator)
            .ok_or(EvidenceError::UnknownSigner { address: self.validator, height: self.height })?;
        for (message, signature) in messages {
            validator
                .consensus_key
                .verify(&message, &signature)
                .map_err(|source| EvidenceError::BadSignature { address: self.validator, source })?;
        }
        Ok(())
    }

    /// Canonical bytes, as an [`Entry::Evidence`](crate::block::Entry) holds them.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Decodes evidence. Whether it is *true* is for [`Equivocation::verify`] to say.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(bytes, MAX_EVIDENCE_BYTES)
    }

    fn votes(&self, chain_id: &Hash, kind: u8, votes: [&SignedVote; 2]) -> [(Vec<u8>, Signature); 2] {
        votes.map(|vote| (vote_bytes(chain_id, kind, self.height, self.round, vote.block.as_ref()), vote.signature))
    }

    fn proposals(&self, chain_id: &Hash, proposals: [&SignedProposal; 2]) -> [(Vec<u8>, Signature); 2] {
        proposals.map(|proposal| {
            let bytes = proposal_bytes(chain_id, self.height, self.round, proposal.valid_round, &proposal.block);
            (bytes, proposal.signature)
        })
    }
}

impl SignedProposal {
    fn order(&self) -> (Hash, Option<u32>) {
        (self.block, self.valid_round)
    }
}
