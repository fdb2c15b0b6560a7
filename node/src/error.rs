//! Why a node could not start, or stopped: each error with what a person can do about it.

use standstill_consensus as consensus;
use standstill_ledger::RulesError;
use standstill_policies::TreatyError;
use standstill_protocol::member::MemberId;

use crate::cosign::CosignError;
use crate::gossip::GossipError;
use crate::home::HomeError;
use crate::keystore::{KeyFileError, KeyRole};
use crate::store::StoreError;

/// Why a node could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The home is not usable.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A key file is not usable.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The treaty file is no treaty.
    #[error("the treaty is refused: {0}")]
    Treaty(#[from] TreatyError),
    /// The treaty cannot be applied with the modules of this home.
    #[error("the treaty cannot be applied: {0}")]
    Rules(#[from] RulesError),
    /// The clause host could not start.
    #[error("the clause host did not start: {reason}")]
    Host {
        /// Why.
        reason: String,
    },
    /// The genesis state could not be made.
    #[error("the ledger cannot begin: {reason}")]
    Genesis {
        /// Why.
        reason: String,
    },
    /// The treaty does not know this member, or it has no validator.
    #[error("the treaty lists no validator of `{member}`")]
    NotAValidator {
        /// The member in the configuration.
        member: MemberId,
    },
    /// A key of this home is another than the treaty's.
    #[error("the {role} key of this home is {found}, the treaty lists {listed} for `{member}`")]
    OtherKey {
        /// Which key.
        role: KeyRole,
        /// The member in the configuration.
        member: MemberId,
        /// The key in the home.
        found: String,
        /// The key in the treaty.
        listed: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Checkpoints cannot be made.
    #[error(transparent)]
    Cosign(#[from] CosignError),
    /// The gossip network failed.
    #[error(transparent)]
    Gossip(#[from] GossipError),
    /// The consensus engine did not start.
    #[error(transparent)]
    Start(#[from] consensus::StartError),
    /// The store was made anew, and no quorum of others is there to follow.
    #[error(
        "the store was made anew, and the {others} other validators are no quorum: nobody can say what this key signed"
    )]
    NobodyToFollow {
        /// Validators beside this one.
        others: usize,
    },
    /// A part of the node ended by itself.
    #[error("{part} ended by itself")]
    Ended {
        /// Which.
        part: &'static str,
    },
    /// The consensus engine stopped by itself.
    #[error("the consensus engine stopped: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
    /// The consensus engine stopped because going on could sign twice.
    #[error("the consensus engine stopped for safety: {reason}")]
    Unsafe {
        /// Why.
        reason: String,
    },
    /// The API's address could not be bound, or a thread failed.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// The cause.
        source: std::io::Error,
    },
}

impl NodeError {
    /// Whether going on, or starting again, could sign twice: nothing may restart the node before a person has looked.
    pub fn is_unsafe(&self) -> bool {
        use consensus::StartError;
        matches!(
            self,
            NodeError::Unsafe { .. } | NodeError::Start(StartError::Unsafe { .. } | StartError::WrongLog { .. })
        )
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            NodeError::Home(error) => error.hint(),
            NodeError::Key(error) => error.hint(),
            NodeError::Store(error) => error.hint(),
            NodeError::Rules(RulesError::MissingModule { .. }) => {
                Some("put the `.wasm` file into the home's `modules/`; files are found by their SHA-256".to_owned())
            }
            NodeError::NotAValidator { .. } => Some(
                "a node votes; a member without a validator signs with `standstill attest` and submits to any node"
                    .to_owned(),
            ),
            NodeError::OtherKey { role, .. } => Some(format!("restore `{}` or amend the treaty", role.file_name())),
            NodeError::NobodyToFollow { .. } => Some(
                "restore the store together with its `wal/`; only if this key has never voted, remove `data/must-follow`"
                    .to_owned(),
            ),
            error if error.is_unsafe() => Some(
                "do not start this node again before a person has looked: see `docs/guides/run-a-node.md`".to_owned(),
            ),
            NodeError::Io { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                Some("another process listens there; set `api.listen` to a free address".to_owned())
            }
            _ => None,
        }
    }
}
