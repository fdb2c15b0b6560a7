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

use crate::words;

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
