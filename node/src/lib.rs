//! A Standstill node: keys, store, networks, HTTP API, and the state machine that consensus drives.
//!
//! ```text
//! api ──envelope──▶ pool ◀──gossip──▶ other nodes
//!                    │ build
//!                 machine ◀──engine (consensus)──▶ other validators
//!                    │ commit, one transaction a block
//!                  store ──▶ cosign ──▶ checkpoint, tiles, receipts ──▶ api
//! ```
//!
//! [`home`] is a node on disk, [`Node::start`] runs it. The binary `standstill` is a thin shell over both.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cosign;
mod error;
pub mod exit;
pub mod fsck;
mod gossip;
pub mod home;
pub mod keystore;
mod machine;
mod pool;
mod rejoin;
pub mod replica;
mod run;
pub mod store;

pub use error::NodeError;
pub use pool::PoolRefusal;
pub use run::{Endpoint, Node, Prepared, RunningNode, rules};

#[cfg(test)]
extern crate self as standstill_node;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
#[cfg(test)]
mod tests;
