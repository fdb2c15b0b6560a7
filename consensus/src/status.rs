//! What an engine tells while it runs.

use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

use crate::state_machine::Height;

/// The engine now. Watch it through [`Handle::status`](crate::Handle::status).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The last committed height; 0 before the first.
    pub tip: Height,
    /// The height that is being agreed on, or that comes next while the chain is idle.
    pub height: Height,
    /// The round of that height.
    pub round: u32,
    /// Whether the next height waits for work or the heartbeat.
    pub idle: bool,
    /// Whether it only follows, until [`Config::sign_from`](crate::Config).
    pub following: bool,
    /// Validators connected to this one.
    pub peers: usize,
    /// Addresses this engine listens on, with `/p2p/…`.
    pub listening: Vec<String>,
    /// A height is under way and has not moved for [`Config::stall_after`](crate::Config).
    pub stalled: bool,
    /// Why the engine stopped, once it has.
    pub stop: Option<Stop>,
}

/// Why an engine stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// [`Handle::stop`](crate::Handle::stop) was called.
    Asked,
    /// Something failed that a restart may cure (the state machine, the network, start-up).
    Failed {
        /// For people.
        reason: String,
    },
    /// The write-ahead log failed or is corrupt. To start again could sign twice: do not restart by itself, let a person
    /// look.
    Unsafe {
        /// For people.
        reason: String,
    },
}

/// Something happened. Events can be missed by a slow receiver; [`Status`] cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A height began.
    Started {
        /// Which.
        height: Height,
    },
    /// This engine proposed a block.
    Proposed {
        /// Its height.
        height: Height,
        /// The round.
        round: u32,
        /// Its hash.
        block: Hash,
    },
    /// A block is final, and committed.
    Committed {
        /// Its height.
        height: Height,
        /// The round in which a quorum formed.
        round: u32,
        /// Its hash.
        block: Hash,
        /// Its time.
        time: Timestamp,
    },
    /// A proposal was refused.
    Refused {
        /// Its height.
        height: Height,
        /// The round.
        round: u32,
        /// Its hash.
        block: Hash,
        /// For people.
        reason: String,
    },
}
