//! Agreement: a state machine, replicated by Tendermint consensus.
//!
//! The only room that names the engine (Malachite). The rest of the house implements [`StateMachine`], calls
//! [`Engine::start`] and gets blocks with [`Certificate`](standstill_protocol::certificate::Certificate)s of our own.
//!
//! ```text
//!            build, check, commit, load                     votes, proposals, parts, sync
//! StateMachine ◀──────────────────── application ◀── channels ──▶ Malachite ◀──── libp2p ────▶ other validators
//!  (the node)                          (one thread)                (a runtime of its own)
//! ```
//!
//! When heights start, and why a chain with work never stands still, is `docs/adr/0002-block-cadence.md`; the bytes of
//! every message are in `spec/58-consensus-messages.md`.

#[cfg(test)]
extern crate self as standstill_consensus;

mod application;
#[cfg(test)]
mod application_tests;
mod codec;
mod config;
mod context;
mod engine;
mod evidence;
mod heard;
mod parts;
mod proposals;
mod seen;
mod settings;
mod signing;
mod state_machine;
mod status;
#[cfg(test)]
mod stream_tests;
mod streams;
mod sync_wire;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod test_support;
#[cfg(test)]
mod tests;
mod wal;
mod wire;

pub use config::{Config, ConfigError, Timeouts, peer_id};
pub use engine::{Engine, Handle, StartError, Waker};
pub use state_machine::{CheckError, Fault, Height, StateMachine, Undecided};
pub use status::{Event, Status, Stop};
