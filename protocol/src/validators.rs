//! Who votes. Every validator has power 1: the checkpoint policy that others' tools check has no weights.

use std::fmt;

use wincode::{SchemaRead, SchemaWrite};

use crate::codec;
use crate::hash::{Domain, Hash};
use crate::keys::PublicKey;
use crate::member::MemberId;

/// Validators in one set, at most.
pub const MAX_VALIDATORS: usize = 128;

/// A validator's address: the first 20 bytes of the SHA-256 of its consensus key, as in Tendermint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, SchemaRead, SchemaWrite)]
#[repr(transparent)]
pub struct Address([u8; 20]);

impl Address {
    /// The address of a consensus key.
    pub fn of(key: &PublicKey) -> Self {
        let digest = Hash::sha256(key.as_bytes());
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&digest.as_bytes()[..20]);
        Address(bytes)
    }

    /// Wraps 20 bytes.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Address(bytes)
    }

    /// The 20 bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", hex::encode(&self.0[..4]))
    }
}

/// A member that votes.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Validator {
    /// The member.
    pub member: MemberId,
    /// The key that signs votes, and nothing else.
    pub consensus_key: PublicKey,
}

impl Validator {
    /// The address that certificates name.
    pub fn address(&self) -> Address {
        Address::of(&self.consensus_key)
    }
}

/// Validators of one height, sorted by address, without repetition, never empty.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct ValidatorSet {
    validators: Vec<Validator>,
}

/// Why a list is no validator set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorSetError {
    /// No validator.
    #[error("a validator set has at least one validator")]
    Empty,
    /// Over [`MAX_VALIDATORS`].
    #[error("{count} validators exceed the limit of {MAX_VALIDATORS}")]
    TooMany {
        /// Validators given.
        count: usize,
    },
    /// Two validators share a consensus key.
    #[error("consensus key {key} is listed twice")]
    Duplicate {
        /// The key.
        key: PublicKey,
    },
    /// The key is not a point.
    #[error("consensus key {key} of `{member}` is not a valid ed25519 key")]
    InvalidKey {
        /// The member that lists it.
        member: MemberId,
        /// The key.
        key: PublicKey,
    },
}

impl ValidatorSet {
    /// Whether names, keys, order and number are those of a set, as must be asked of one that was decoded.
    pub fn is_well_formed(&self) -> bool {
        let named = self.validators.iter().all(|validator| MemberId::is_valid(validator.member.as_str()));
        named && ValidatorSet::new(self.validators.clone()).is_ok_and(|set| set == *self)
    }

    /// Sorts and checks a list.
    pub fn new(mut validators: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        if validators.is_empty() {
            return Err(ValidatorSetError::Empty);
        }
        if validators.len() > MAX_VALIDATORS {
            return Err(ValidatorSetError::TooMany { count: validators.len() });
        }
        validators.sort_by_key(Validator::address);
        if let Some(pair) = validators.windows(2).find(|pair| pair[0].address() == pair[1].address()) {
            return Err(ValidatorSetError::Duplicate { key: pair[0].consensus_key });
        }
        for validator in &validators {
            validator.consensus_key.parse().map_err(|_| ValidatorSetError::InvalidKey {
                member: validator.member.clone(),
                key: validator.consensus_key,
            })?;
        }
        Ok(ValidatorSet { validators })
    }

    /// In order of address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Validator> {
        self.validators.iter()
    }

    /// The number of validators, n.
    #[expect(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.validators.len()
    }

    /// How many may be faulty, f = (n - 1) / 3.
    pub fn tolerated_faults(&self) -> usize {
        (self.len() - 1) / 3
    }

    /// Signatures that make a certificate: more than two thirds of n (2f + 1 where n = 3f + 1).
    pub fn quorum(&self) -> usize {
        self.len() * 2 / 3 + 1
    }

    /// The validator with this address.
    pub fn by_address(&self, address: &Address) -> Option<&Validator> {
        let index = self.validators.binary_search_by_key(address, Validator::address).ok()?;
        Some(&self.validators[index])
    }

    /// What a header commits to.
    pub fn hash(&self) -> Hash {
        Hash::tagged(Domain::ValidatorSet, &[&codec::encode(self)])
    }
}
