//! Statements about the treaty itself and about keys.
//!
//! | predicate type | predicate, beside what all share | subject digest |
//! |---|---|---|
//! | `governance/phase-vote/v1` | `phase`, `support`, `reason` | the chain id |
//! | `governance/key-registration/v1` | `key`, `role`, `proof` | the key's id |
//! | `governance/key-revocation/v1` | `keyId`, `reason` | the key's id |

use standstill_protocol::hash::{Domain, Hash};
use standstill_protocol::keys::{PublicKey, SecretKey, Signature};
use standstill_protocol::member::{MemberId, Name};

use crate::error::StatementError;
use crate::limits;
use crate::reader::{Object, Read, check_text};
use crate::words;
use crate::writer::Json;

/// An adjudicator's vote to bring a phase into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseVote {
    /// The phase, as the treaty names it.
    pub phase: Name,
    /// For or against.
    pub support: bool,
    /// Why, for people.
    pub reason: String,
}

words! {
    /// What a key may sign.
    pub enum KeyRole {
        /// The member's statements.
        Statement = "statement",
        /// Votes in consensus.
        Consensus = "consensus",
        /// The log's checkpoints.
        Log = "log",
        /// Cosignatures on checkpoints.
        Cosigner = "cosigner",
    }
}

/// A new key of the member that signs the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRegistration {
    /// The key.
    pub key: PublicKey,
    /// What it may sign.
    pub role: KeyRole,
    /// The key's own signature over [`KeyRegistration::message`]: nobody registers a key that it does not hold.
    pub proof: Signature,
}

/// A key of the signing member that must not be believed any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRevocation {
    /// [`PublicKey::id`] of the key.
    pub key_id: Hash,
    /// Why, for people.
    pub reason: String,
}

impl PhaseVote {
    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        Ok(PhaseVote {
            phase: object.take("phase")?.name()?,
            support: object.take("support")?.boolean()?,
            reason: object.take("reason")?.text(limits::REASON)?,
        })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        members.extend([
            ("phase", Json::text(&self.phase)),
            ("support", Json::Bool(self.support)),
            ("reason", Json::text(&self.reason)),
        ]);
    }

    pub(crate) fn check(&self) -> Read<()> {
        check_text(&self.reason, limits::REASON, || "predicate.reason".to_owned())
    }
}

impl KeyRegistration {
    /// Registers the public half of `key` for `member`, with the proof that the member holds it.
    pub fn of(key: &SecretKey, role: KeyRole, chain_id: &Hash, member: &MemberId) -> Self {
        let public = key.public_key();
        let proof = key.sign(Self::message(chain_id, member, &public).as_bytes());
        KeyRegistration { key: public, role, proof }
    }

    /// What a new key signs: the ledger, itself and the member, hashed under a tag of its own.
    pub fn message(chain_id: &Hash, member: &MemberId, key: &PublicKey) -> Hash {
        Hash::tagged(Domain::KeyProof, &[chain_id.as_bytes(), key.as_bytes(), member.as_str().as_bytes()])
    }

    /// Whether the proof is the key's, for this ledger and this member.
    pub fn is_proved(&self, chain_id: &Hash, member: &MemberId) -> bool {
        self.key.verify(Self::message(chain_id, member, &self.key).as_bytes(), &self.proof).is_ok()
    }

    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        let field = object.take("key")?;
        let key = field.public_key()?;
        let role = object.take("role")?.word(KeyRole::WORDS, KeyRole::from_word)?;
        Ok(KeyRegistration { key, role, proof: object.take("proof")?.signature()? })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        members.extend([
            ("key", Json::text(self.key)),
            ("role", Json::text(self.role)),
            ("proof", Json::text(self.proof)),
        ]);
    }

    /// A key that could never verify a signature is not registered.
    pub(crate) fn check(&self) -> Read<()> {
        self.key.parse().map(|_| ()).map_err(|_| StatementError::NotAKey { path: "predicate.key".to_owned() })
    }
}

impl KeyRevocation {
    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        let key_id = object.take("keyId")?.digest()?;
        Ok(KeyRevocation { key_id, reason: object.take("reason")?.text(limits::REASON)? })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        members.extend([("keyId", Json::text(self.key_id)), ("reason", Json::text(&self.reason))]);
    }

    pub(crate) fn check(&self) -> Read<()> {
        check_text(&self.reason, limits::REASON, || "predicate.reason".to_owned())
    }
}
