//! Statements about the treaty itself and about keys.
//!
//! | predicate type | predicate, beside what all share | subject digest |
//! |---|---|---|
//! | `governance/phase-vote/v1` | `phase`, `support`, `reason` | the chain id |
//! | `governance/key-registration/v1` | `key`, `role` | the key's id |
//! | `governance/key-revocation/v1` | `keyId`, `reason` | the key's id |

use standstill_protocol::hash::Hash;
use standstill_protocol::keys::PublicKey;
use standstill_protocol::member::Name;

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
    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        let field = object.take("key")?;
        let key = field.public_key()?;
        Ok(KeyRegistration { key, role: object.take("role")?.word(KeyRole::WORDS, KeyRole::from_word)? })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        members.extend([("key", Json::text(self.key)), ("role", Json::text(self.role))]);
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
