//! Messages as bytes: strict bincode of the structs in this file (`spec/58-consensus-messages.md`).
//!
//! Every decoder is bounded before it reads, refuses trailing bytes and anything that would encode differently, and
//! never panics. Rounds are `u32`; only a valid round can be absent. Messages of sync are in [`crate::sync_wire`].

use malachite::app::consensus::LivenessMsg;
use malachite::app::streaming::{StreamContent, StreamId, StreamMessage};
use malachite::app::types::core::{
    CommitCertificate, CommitSignature as EngineCommitSignature, NilOrVal, PolkaCertificate, PolkaSignature, Round,
    RoundCertificate, RoundCertificateType, RoundSignature, SignedMessage, ValidatorProof, Validity, VoteType,
};
use malachite::app::types::{ProposedValue, SignedConsensusMsg};
use standstill_protocol::certificate::{Certificate, CommitSignature, PRECOMMIT, PREVOTE};
use standstill_protocol::codec::CodecError;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::Signature;
use standstill_protocol::validators::{Address, MAX_VALIDATORS};
use wincode::{SchemaRead, SchemaWrite};

use crate::context::{At, BlockId, Chain, Proposal, Vote, Who};
use crate::parts::{Opening, Part};

/// Why a message was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// The bytes are not the encoding of such a message.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A message without round.
    #[error("a message without round")]
    NoRound,
    /// An unknown type of vote.
    #[error("vote type {kind} is neither prevote nor precommit")]
    VoteType { kind: u8 },
    /// Too many elements.
    #[error("{count} elements exceed the limit of {limit}")]
    TooMany { count: usize, limit: usize },
    /// A piece of a body has the wrong length for its place.
    #[error("a body is cut in the wrong places")]
    Pieces,
    /// Bytes that are no PeerId.
    #[error("not a PeerId")]
    PeerId,
    /// Vote extensions do not exist here.
    #[error("a vote extension")]
    Extension,
}

/// A message type with its wire form.
pub(crate) trait Wired: Sized {
    /// The struct that is encoded.
    type Wire;
    /// Encoded bytes, at most.
    const LIMIT: usize;
    /// To the struct.
    fn to_wire(&self) -> Result<Self::Wire, WireError>;
    /// From the struct.
    fn from_wire(wire: Self::Wire) -> Result<Self, WireError>;
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct VoteWire {
    kind: u8,
    height: u64,
    round: u32,
    block: Option<Hash>,
    voter: Address,
    signature: Signature,
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct ProposalWire {
    height: u64,
    round: u32,
    valid_round: Option<u32>,
    block: Hash,
    proposer: Address,
    signature: Signature,
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) enum ConsensusWire {
    Vote(VoteWire),
    Proposal(ProposalWire),
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct RoundSignatureWire {
    kind: u8,
    block: Option<Hash>,
    voter: Address,
    signature: Signature,
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct RoundWire {
    height: u64,
    round: u32,
    precommit: bool,
    signatures: Vec<RoundSignatureWire>,
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) enum LivenessWire {
    Vote(VoteWire),
    Polka(Certificate),
    SkipRound(RoundWire),
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct OpeningWire {
    height: u64,
    round: u32,
    valid_round: Option<u32>,
    proposer: Address,
    block: Hash,
    length: u32,
    sender: Address,
    signature: Signature,
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) enum PartWire {
    Opening(OpeningWire),
    Chunk(Vec<u8>),
    Announcement(u64),
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct StreamWire {
    id: Vec<u8>,
    sequence: u64,
    part: Option<PartWire>,
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct ValidatorProofWire {
    public_key: Vec<u8>,
    peer_id: Vec<u8>,
    signature: Signature,
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct ProposedWire {
    height: u64,
    round: u32,
    valid_round: Option<u32>,
    proposer: Address,
    block: Hash,
    valid: bool,
}

pub(crate) fn defined(round: Round) -> Result<u32, WireError> {
    round.as_u32().ok_or(WireError::NoRound)
}

fn kind_to_wire(kind: VoteType) -> u8 {
    match kind {
        VoteType::Prevote => PREVOTE,
        VoteType::Precommit => PRECOMMIT,
    }
}

fn kind_from_wire(kind: u8) -> Result<VoteType, WireError> {
    match kind {
        PREVOTE => Ok(VoteType::Prevote),
        PRECOMMIT => Ok(VoteType::Precommit),
        kind => Err(WireError::VoteType { kind }),
    }
}

fn block_to_wire(block: &NilOrVal<Hash>) -> Option<Hash> {
    match block {
        NilOrVal::Nil => None,
        NilOrVal::Val(hash) => Some(*hash),
    }
}

fn block_from_wire(block: Option<Hash>) -> NilOrVal<Hash> {
    block.map_or(NilOrVal::Nil, NilOrVal::Val)
}

pub(crate) fn bounded(count: usize, limit: usize) -> Result<(), WireError> {
    if count > limit { Err(WireError::TooMany { count, limit }) } else { Ok(()) }
}

type SignedVote = SignedMessage<Chain, Vote>;
type SignedProposal = SignedMessage<Chain, Proposal>;

fn vote_to_wire(vote: &SignedVote) -> Result<VoteWire, WireError> {
    Ok(VoteWire {
        kind: kind_to_wire(vote.kind),
        height: vote.height.0,
        round: defined(vote.round)?,
        block: block_to_wire(&vote.block),
        voter: vote.voter.0,
        signature: vote.signature,
    })
}

fn vote_from_wire(wire: VoteWire) -> Result<SignedVote, WireError> {
    let vote = Vote {
        kind: kind_from_wire(wire.kind)?,
        height: At(wire.height),
        round: Round::new(wire.round),
        block: block_from_wire(wire.block),
        voter: Who(wire.voter),
    };
    Ok(SignedMessage::new(vote, wire.signature))
}

fn proposal_to_wire(proposal: &SignedProposal) -> Result<ProposalWire, WireError> {
    Ok(ProposalWire {
        height: proposal.height.0,
        round: defined(proposal.round)?,
        valid_round: proposal.valid_round.as_u32(),
        block: proposal.block.0,
        proposer: proposal.proposer.0,
        signature: proposal.signature,
    })
}

fn proposal_from_wire(wire: ProposalWire) -> SignedProposal {
    let proposal = Proposal {
        height: At(wire.height),
        round: Round::new(wire.round),
        valid_round: wire.valid_round.into(),
        block: BlockId(wire.block),
        proposer: Who(wire.proposer),
    };
    SignedMessage::new(proposal, wire.signature)
}

impl Wired for SignedConsensusMsg<Chain> {
    type Wire = ConsensusWire;
    const LIMIT: usize = 256;

    fn to_wire(&self) -> Result<ConsensusWire, WireError> {
        match self {
            SignedConsensusMsg::Vote(vote) => vote_to_wire(vote).map(ConsensusWire::Vote),
            SignedConsensusMsg::Proposal(proposal) => proposal_to_wire(proposal).map(ConsensusWire::Proposal),
        }
    }

    fn from_wire(wire: ConsensusWire) -> Result<Self, WireError> {
        Ok(match wire {
            ConsensusWire::Vote(vote) => SignedConsensusMsg::Vote(vote_from_wire(vote)?),
            ConsensusWire::Proposal(proposal) => SignedConsensusMsg::Proposal(proposal_from_wire(proposal)),
        })
    }
}

impl Wired for PolkaCertificate<Chain> {
    type Wire = Certificate;
    const LIMIT: usize = 16 << 10;

    fn to_wire(&self) -> Result<Certificate, WireError> {
        let signature =
            |entry: &PolkaSignature<Chain>| CommitSignature { address: entry.address.0, signature: entry.signature };
        Ok(Certificate {
            height: self.height.0,
            round: defined(self.round)?,
            block: self.value_id,
            signatures: self.polka_signatures.iter().map(signature).collect(),
        })
    }

    fn from_wire(wire: Certificate) -> Result<Self, WireError> {
        bounded(wire.signatures.len(), MAX_VALIDATORS)?;
        let signature = |entry: CommitSignature| PolkaSignature::new(Who(entry.address), entry.signature);
        Ok(PolkaCertificate {
            height: At(wire.height),
            round: Round::new(wire.round),
            value_id: wire.block,
            polka_signatures: wire.signatures.into_iter().map(signature).collect(),
        })
    }
}

fn round_to_wire(certificate: &RoundCertificate<Chain>) -> Result<RoundWire, WireError> {
    let signature = |entry: &RoundSignature<Chain>| RoundSignatureWire {
        kind: kind_to_wire(entry.vote_type),
        block: block_to_wire(&entry.value_id),
        voter: entry.address.0,
        signature: entry.signature,
    };
    Ok(RoundWire {
        height: certificate.height.0,
        round: defined(certificate.round)?,
        precommit: certificate.cert_type == RoundCertificateType::Precommit,
        signatures: certificate.round_signatures.iter().map(signature).collect(),
    })
}

fn round_from_wire(wire: RoundWire) -> Result<RoundCertificate<Chain>, WireError> {
    bounded(wire.signatures.len(), 2 * MAX_VALIDATORS)?;
    let signature = |entry: RoundSignatureWire| {
        let kind = kind_from_wire(entry.kind)?;
        Ok(RoundSignature::new(kind, block_from_wire(entry.block), Who(entry.voter), entry.signature))
    };
    let cert_type = if wire.precommit { RoundCertificateType::Precommit } else { RoundCertificateType::Skip };
    Ok(RoundCertificate {
        height: At(wire.height),
        round: Round::new(wire.round),
        cert_type,
        round_signatures: wire.signatures.into_iter().map(signature).collect::<Result<_, WireError>>()?,
    })
}

impl Wired for LivenessMsg<Chain> {
    type Wire = LivenessWire;
    const LIMIT: usize = 48 << 10;

    fn to_wire(&self) -> Result<LivenessWire, WireError> {
        match self {
            LivenessMsg::Vote(vote) => vote_to_wire(vote).map(LivenessWire::Vote),
            LivenessMsg::PolkaCertificate(certificate) => certificate.to_wire().map(LivenessWire::Polka),
            LivenessMsg::SkipRoundCertificate(certificate) => round_to_wire(certificate).map(LivenessWire::SkipRound),
        }
    }

    fn from_wire(wire: LivenessWire) -> Result<Self, WireError> {
        Ok(match wire {
            LivenessWire::Vote(vote) => LivenessMsg::Vote(vote_from_wire(vote)?),
            LivenessWire::Polka(certificate) => {
                LivenessMsg::PolkaCertificate(PolkaCertificate::from_wire(certificate)?)
            }
            LivenessWire::SkipRound(certificate) => LivenessMsg::SkipRoundCertificate(round_from_wire(certificate)?),
        })
    }
}

impl Wired for Part {
    type Wire = PartWire;
    const LIMIT: usize = crate::parts::CHUNK_BYTES + 512;

    fn to_wire(&self) -> Result<PartWire, WireError> {
        Ok(match self {
            Part::Opening(opening) => PartWire::Opening(OpeningWire {
                height: opening.height,
                round: opening.round,
                valid_round: opening.valid_round,
                proposer: opening.proposer,
                block: opening.block,
                length: opening.length,
                sender: opening.sender,
                signature: opening.signature,
            }),
            Part::Chunk(bytes) => PartWire::Chunk(bytes.to_vec()),
            Part::Announcement { height } => PartWire::Announcement(*height),
        })
    }

    fn from_wire(wire: PartWire) -> Result<Self, WireError> {
        Ok(match wire {
            PartWire::Opening(opening) => Part::Opening(Box::new(Opening {
                height: opening.height,
                round: opening.round,
                valid_round: opening.valid_round,
                proposer: opening.proposer,
                block: opening.block,
                length: opening.length,
                sender: opening.sender,
                signature: opening.signature,
            })),
            PartWire::Chunk(bytes) => Part::Chunk(bytes.into()),
            PartWire::Announcement(height) => Part::Announcement { height },
        })
    }
}

impl Wired for StreamMessage<Part> {
    type Wire = StreamWire;
    const LIMIT: usize = Part::LIMIT + 256;

    fn to_wire(&self) -> Result<StreamWire, WireError> {
        let part = self.content.as_data().map(Part::to_wire).transpose()?;
        Ok(StreamWire { id: self.stream_id.to_bytes().to_vec(), sequence: self.sequence, part })
    }

    fn from_wire(wire: StreamWire) -> Result<Self, WireError> {
        bounded(wire.id.len(), 64)?;
        let content = match wire.part {
            None => StreamContent::Fin,
            Some(part) => StreamContent::Data(Part::from_wire(part)?),
        };
        Ok(StreamMessage::new(StreamId::new(wire.id.into()), wire.sequence, content))
    }
}

impl Wired for ValidatorProof<Chain> {
    type Wire = ValidatorProofWire;
    const LIMIT: usize = 256;

    fn to_wire(&self) -> Result<ValidatorProofWire, WireError> {
        Ok(ValidatorProofWire {
            public_key: self.public_key.clone(),
            peer_id: self.peer_id.clone(),
            signature: self.signature,
        })
    }

    fn from_wire(wire: ValidatorProofWire) -> Result<Self, WireError> {
        Ok(ValidatorProof::new(wire.public_key, wire.peer_id, wire.signature))
    }
}

impl Wired for ProposedValue<Chain> {
    type Wire = ProposedWire;
    const LIMIT: usize = 256;

    fn to_wire(&self) -> Result<ProposedWire, WireError> {
        Ok(ProposedWire {
            height: self.height.0,
            round: defined(self.round)?,
            valid_round: self.valid_round.as_u32(),
            proposer: self.proposer.0,
            block: self.value.0,
            valid: self.validity.is_valid(),
        })
    }

    fn from_wire(wire: ProposedWire) -> Result<Self, WireError> {
        Ok(ProposedValue {
            height: At(wire.height),
            round: Round::new(wire.round),
            valid_round: wire.valid_round.into(),
            proposer: Who(wire.proposer),
            value: BlockId(wire.block),
            validity: Validity::from_bool(wire.valid),
        })
    }
}

/// The engine's certificate as ours, which anyone can check.
pub(crate) fn to_certificate(certificate: &CommitCertificate<Chain>) -> Result<Certificate, WireError> {
    let signature =
        |entry: &EngineCommitSignature<Chain>| CommitSignature { address: entry.address.0, signature: entry.signature };
    let signatures = certificate.commit_signatures.iter().map(signature).collect();
    Ok(Certificate::new(certificate.height.0, defined(certificate.round)?, certificate.value_id, signatures))
}
