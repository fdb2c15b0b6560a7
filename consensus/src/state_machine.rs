//! What consensus needs from the ledger.
//!
//! All calls come from one thread, one at a time, and may block: the engine has a runtime of its own. What a call
//! stores must be durable when it returns, because the engine signs on the strength of it.

use std::fmt;

use standstill_protocol::block::Block;
use standstill_protocol::certificate::Certificate;
use standstill_protocol::evidence::Equivocation;
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::{Address, ValidatorSet};

/// Heights count from 1.
pub type Height = u64;

/// A failure of this node (disk, a bug), never of a block or a peer. The engine stops when it meets one.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct Fault {
    /// The cause.
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Fault {
    /// Wraps a cause, an error or a text.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Fault { source: source.into() }
    }
}

/// Why a block got no vote.
#[derive(Debug)]
pub enum CheckError {
    /// The block breaks a rule: every honest validator refuses it.
    Invalid {
        /// For people.
        reason: String,
    },
    /// This node could not tell.
    Fault(Fault),
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckError::Invalid { reason } => write!(f, "invalid block: {reason}"),
            CheckError::Fault(fault) => write!(f, "the block could not be checked: {fault}"),
        }
    }
}

impl std::error::Error for CheckError {}

impl From<Fault> for CheckError {
    fn from(fault: Fault) -> Self {
        CheckError::Fault(fault)
    }
}

/// A block that was proposed and may yet be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The round of the proposal.
    pub round: u32,
    /// The earlier round in which a quorum prevoted for the block, when it is proposed again.
    pub valid_round: Option<u32>,
    /// Who proposed it in this round (not always who built it).
    pub proposer: Address,
    /// The body; its header has the height.
    pub block: Block,
}

/// A replicated state machine. The node implements it over ledger and store.
pub trait StateMachine: Send + 'static {
    /// The height of the last committed block; `None` before the first.
    fn tip(&self) -> Result<Option<Height>, Fault>;

    /// The validators of `height`: any height up to tip + 1.
    fn validators(&self, height: Height) -> Result<ValidatorSet, Fault>;

    /// Whether a block would record something now: pending entries or a due deadline. Asked after every block and
    /// whenever [`Handle::wake`](crate::Handle::wake) was called; while it says no, blocks come at the heartbeat.
    fn has_work(&self) -> Result<bool, Fault>;

    /// Builds a block on the tip (`height` is tip + 1) of at most `max_bytes` encoded bytes. Called again for a later
    /// round, it may build another one.
    fn build(&mut self, height: Height, max_bytes: usize) -> Result<Block, Fault>;

    /// Checks a block of height tip + 1 completely, by executing it. With `now`, its time is also held to the treaty's
    /// clock skew. Asked without it first, and with it again later, as the clock goes on: keep what was executed. A
    /// block that is synced, or for which a quorum voted, is asked without it only.
    fn check(&mut self, block: &Block, now: Option<Timestamp>) -> Result<(), CheckError>;

    /// Stores a proposed block durably before the call returns, under (height, round, hash). Storing one twice changes
    /// nothing.
    fn store_undecided(&mut self, undecided: &Undecided) -> Result<(), Fault>;

    /// Every stored proposal of `height`.
    fn undecided(&self, height: Height) -> Result<Vec<Undecided>, Fault>;

    /// Commits atomically, and durably before the call returns. Committing the block at the tip again changes nothing.
    /// Undecided blocks up to this height can be dropped.
    fn commit(&mut self, block: Block, certificate: Certificate) -> Result<(), Fault>;

    /// A committed block; `None` above the tip and below the earliest kept height.
    fn load(&self, height: Height) -> Result<Option<(Block, Certificate)>, Fault>;

    /// The earliest height that [`StateMachine::load`] still has; 1 where nothing was pruned.
    fn earliest(&self) -> Result<Height, Fault> {
        Ok(1)
    }

    /// Takes evidence against validators, seen locally: it belongs into an entry of a coming block.
    fn misbehaviour(&mut self, evidence: Vec<Equivocation>);
}
