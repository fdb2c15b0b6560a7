//! Our types under the engine's traits.
//!
//! The engine is generic over a `Context`. Each type here is a thin coat over one of `protocol`, because the traits are
//! the engine's and the types are not: `At` a height, `Who` an address, `Voter` a validator, `BlockId` a value. In this
//! crate a *value* is a block's hash; its body travels in parts.

use std::fmt;
use std::sync::Arc;

use malachite::app::types::core::{
    self as core, LinearTimeouts, NilOrVal, Round, SignedExtension, SigningScheme, VoteType, VotingPower,
};
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{KeyError, PublicKey, SecretKey, Signature, VerifyingKey};
use standstill_protocol::validators::{Address, ValidatorSet};

use crate::parts::Part;

/// A height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct At(pub(crate) u64);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::Height for At {
    const ZERO: Self = At(0);
    const INITIAL: Self = At(1);

    fn increment_by(&self, n: u64) -> Self {
        At(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(At)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// A validator's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who(pub(crate) Address);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::Address for Who {}

/// A block's hash, as what is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlockId(pub(crate) Hash);

impl core::Value for BlockId {
    type Id = Hash;

    fn id(&self) -> Hash {
        self.0
    }
}

/// A consensus key, decompressed once.
#[derive(Clone, Debug)]
pub(crate) struct Key(pub(crate) VerifyingKey);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.public_key() == other.0.public_key()
    }
}

impl Eq for Key {}

/// A validator. All have power 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Voter {
    address: Who,
    key: Key,
}

impl core::Validator<Chain> for Voter {
    fn address(&self) -> &Who {
        &self.address
    }

    fn public_key(&self) -> &Key {
        &self.key
    }

    fn voting_power(&self) -> VotingPower {
        1
    }
}

/// The validators of one height, in order of address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Voters(Arc<Vec<Voter>>);

impl Voters {
    /// Decompresses the keys of a set.
    pub(crate) fn new(set: &ValidatorSet) -> Result<Self, KeyError> {
        let voter = |validator: &standstill_protocol::validators::Validator| {
            Ok(Voter { address: Who(validator.address()), key: Key(validator.consensus_key.parse()?) })
        };
        Ok(Voters(Arc::new(set.iter().map(voter).collect::<Result<_, KeyError>>()?)))
    }

    /// The proposer rotates with height and round. `None` only for an empty set, which no `ValidatorSet` is.
    pub(crate) fn proposer(&self, height: u64, round: u32) -> Option<&Voter> {
        let count = u64::try_from(self.0.len()).ok()?;
        let index = height.wrapping_add(u64::from(round)).checked_rem(count)?;
        self.0.get(usize::try_from(index).ok()?)
    }

    /// The key of a validator.
    pub(crate) fn key(&self, address: &Address) -> Option<&VerifyingKey> {
        core::ValidatorSet::get_by_address(self, &Who(*address)).map(|voter| &voter.key.0)
    }
}

impl core::ValidatorSet<Chain> for Voters {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn total_voting_power(&self) -> VotingPower {
        self.0.len() as VotingPower
    }

    fn get_by_address(&self, address: &Who) -> Option<&Voter> {
        let index = self.0.binary_search_by_key(address, |voter| voter.address).ok()?;
        self.0.get(index)
    }

    fn get_by_index(&self, index: usize) -> Option<&Voter> {
        self.0.get(index)
    }
}

/// ed25519 as `protocol::keys` has it: strict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strict;

impl SigningScheme for Strict {
    type DecodingError = KeyError;
    type Signature = Signature;
    type PublicKey = Key;
    type PrivateKey = SecretKey;

    fn decode_signature(bytes: &[u8]) -> Result<Signature, KeyError> {
        bytes.try_into().map(Signature::from_bytes).map_err(|_| KeyError::InvalidSignature)
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.as_bytes().to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<Key, KeyError> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::InvalidPublicKey)?;
        PublicKey::from_bytes(bytes).parse().map(Key)
    }

    fn encode_public_key(key: &Key) -> Vec<u8> {
        key.0.public_key().as_bytes().to_vec()
    }
}

/// A vote, unsigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vote {
    pub(crate) kind: VoteType,
    pub(crate) height: At,
    pub(crate) round: Round,
    pub(crate) block: NilOrVal<Hash>,
    pub(crate) voter: Who,
}

impl core::Vote<Chain> for Vote {
    fn height(&self) -> At {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<Hash> {
        &self.block
    }

    fn take_value(self) -> NilOrVal<Hash> {
        self.block
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Who {
        &self.voter
    }

    fn extension(&self) -> Option<&SignedExtension<Chain>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Chain>> {
        None
    }

    fn extend(self, _extension: SignedExtension<Chain>) -> Self {
        self
    }
}

/// A proposal, unsigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) height: At,
    pub(crate) round: Round,
    pub(crate) valid_round: Round,
    pub(crate) block: BlockId,
    pub(crate) proposer: Who,
}

impl core::Proposal<Chain> for Proposal {
    fn height(&self) -> At {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &BlockId {
        &self.block
    }

    fn take_value(self) -> BlockId {
        self.block
    }

    fn pol_round(&self) -> Round {
        self.valid_round
    }

    fn validator_address(&self) -> &Who {
        &self.proposer
    }
}

impl core::ProposalPart<Chain> for Part {
    fn is_first(&self) -> bool {
        matches!(self, Part::Opening(_))
    }

    fn is_last(&self) -> bool {
        matches!(self, Part::Announcement { .. })
    }
}

/// The engine's view of one ledger.
#[derive(Clone, Debug)]
pub(crate) struct Chain;

impl core::Context for Chain {
    type Address = Who;
    type Height = At;
    type ProposalPart = Part;
    type Proposal = Proposal;
    type Validator = Voter;
    type ValidatorSet = Voters;
    type Timeouts = LinearTimeouts;
    type Value = BlockId;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Strict;

    fn select_proposer<'a>(&self, voters: &'a Voters, height: At, round: Round) -> &'a Voter {
        // The engine refuses to start a height with an empty set, and asks about defined rounds only.
        voters.proposer(height.0, round.as_u32().unwrap_or(0)).expect("a validator set is never empty")
    }

    fn new_proposal(&self, height: At, round: Round, block: BlockId, valid_round: Round, proposer: Who) -> Proposal {
        Proposal { height, round, valid_round, block, proposer }
    }

    fn new_prevote(&self, height: At, round: Round, block: NilOrVal<Hash>, voter: Who) -> Vote {
        Vote { kind: VoteType::Prevote, height, round, block, voter }
    }

    fn new_precommit(&self, height: At, round: Round, block: NilOrVal<Hash>, voter: Who) -> Vote {
        Vote { kind: VoteType::Precommit, height, round, block, voter }
    }
}
