//! The proof that a quorum agreed to a block.
//!
//! Each validator signs, with its consensus key,
//!
//! ```text
//! chain id 32 | 0x02 precommit | height u64 BE | round u32 BE | 0x01 a block, not nil | block hash 32      = 78 bytes
//! ```
//!
//! A certificate is valid when a quorum of the height's validators signed those bytes and every signature in it
//! verifies. Certificates are not canonical: nodes may hold different quorums of one decision.

use std::collections::BTreeMap;

use wincode::{SchemaRead, SchemaWrite};

use crate::codec;
use crate::hash::{Domain, Hash};
use crate::keys::{KeyError, Signature};
use crate::validators::{Address, Validator, ValidatorSet};

/// Bytes that a validator signs, with their type in byte 32.
pub const PRECOMMIT: u8 = 0x02;
/// Type byte of a prevote.
pub const PREVOTE: u8 = 0x01;

/// The bytes of a vote. A vote for nil (`None`) ends at its marker byte, 0x00: 46 bytes.
pub fn vote_bytes(chain_id: &Hash, kind: u8, height: u64, round: u32, block: Option<&Hash>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(78);
    bytes.extend_from_slice(chain_id.as_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&round.to_be_bytes());
    match block {
        None => bytes.push(0x00),
        Some(hash) => {
            bytes.push(0x01);
            bytes.extend_from_slice(hash.as_bytes());
        }
    }
    bytes
}

/// One validator's precommit within a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct CommitSignature {
    /// Who signed.
    pub address: Address,
    /// Over [`vote_bytes`].
    pub signature: Signature,
}

/// Precommits of a quorum for one block.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Certificate {
    /// The block's height.
    pub height: u64,
    /// The round in which the quorum formed.
    pub round: u32,
    /// The header's hash.
    pub block: Hash,
    /// Sorted by address, one for each signer.
    pub signatures: Vec<CommitSignature>,
}

/// Why a certificate proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Fewer signatures than a quorum.
    #[error("{count} of the {quorum} signatures that a quorum needs")]
    NoQuorum {
        /// Signatures present.
        count: usize,
        /// Signatures needed.
        quorum: usize,
    },
    /// Not sorted by address, or one signer twice.
    #[error("signatures are not in strict order of address at {address}")]
    Unsorted {
        /// The first address out of order.
        address: Address,
    },
    /// A signer outside the validator set.
    #[error("{address} is not a validator of height {height}")]
    UnknownSigner {
        /// The signer.
        address: Address,
        /// The certificate's height.
        height: u64,
    },
    /// A signature that does not verify.
    #[error("the signature of {address} is not valid")]
    BadSignature {
        /// The signer.
        address: Address,
        /// The cause.
        source: KeyError,
    },
}

impl Certificate {
    /// Puts signatures in order of address, keeping the first of each signer.
    pub fn new(height: u64, round: u32, block: Hash, signatures: Vec<CommitSignature>) -> Self {
        let mut sorted = BTreeMap::new();
        for entry in signatures {
            sorted.entry(entry.address).or_insert(entry);
        }
        Certificate { height, round, block, signatures: sorted.into_values().collect() }
    }

    /// Checks order, membership, quorum and every signature. All must be valid, so no byte of a certificate is free.
    pub fn verify(&self, chain_id: &Hash, validators: &ValidatorSet) -> Result<(), CertificateError> {
        self.check_signers(validators)?;
        let message = vote_bytes(chain_id, PRECOMMIT, self.height, self.round, Some(&self.block));
        for CommitSignature { address, signature } in &self.signatures {
            let validator = validators
                .by_address(address)
                .ok_or(CertificateError::UnknownSigner { address: *address, height: self.height })?;
            validator
                .consensus_key
                .verify(&message, signature)
                .map_err(|source| CertificateError::BadSignature { address: *address, source })?;
        }
        Ok(())
    }

    /// Checks order, membership and quorum: all of [`Certificate::verify`] but the signatures, for a caller that has
    /// verified those before.
    pub fn check_signers(&self, validators: &ValidatorSet) -> Result<(), CertificateError> {
        let quorum = validators.quorum();
        if self.signatures.len() < quorum {
            return Err(CertificateError::NoQuorum { count: self.signatures.len(), quorum });
        }
        if let Some(pair) = self.signatures.windows(2).find(|pair| pair[0].address >= pair[1].address) {
            return Err(CertificateError::Unsorted { address: pair[1].address });
        }
        // Both are in order of address: one walk along the set, which hashes each validator's key once.
        let mut addresses = validators.iter().map(Validator::address);
        let mut next = addresses.next();
        for CommitSignature { address, .. } in &self.signatures {
            while next.is_some_and(|known| known < *address) {
                next = addresses.next();
            }
            if next != Some(*address) {
                return Err(CertificateError::UnknownSigner { address: *address, height: self.height });
            }
        }
        Ok(())
    }

    /// What the next header commits to.
    pub fn hash(&self) -> Hash {
        Hash::tagged(Domain::Certificate, &[&codec::encode(self)])
    }
}
