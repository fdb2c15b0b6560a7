//! Local networks of real nodes, for designers of treaties and for tests.
//!
//! ```text
//! standstill-testnet ──┬─ __node --home lab-a     a process each, with its own home, swarms and store;
//!   plans, keys,       ├─ __node --home lab-b     the one binary starts itself
//!   treaty, talks      ├─ __node --home lab-c
//!   to their APIs      └─ __node --home lab-d
//! ```
//!
//! Nothing here is a stand-in: a node is [`standstill_node::Node`], a statement goes through its HTTP API, and what comes
//! out is checked by the verifier's library. A child watches its standard input and stops when that ends, so that
//! however the parent dies, no node is left behind.
//!
//! | module | what it holds |
//! |---|---|
//! | [`plan`] | members, ports and treaty of a network before it exists |
//! | [`network`] | the running network: start, kill, restart, stop |
//! | [`client`] | one node's HTTP API |
//! | [`demo`] | the demo's story; [`report`] is the page that it leaves |
//! | [`up`] | a network that runs until Ctrl-C |
//! | [`load`] | statements by the thousand, for tests and benchmarks |
//! | [`treaty`] | commands for treaty files: new, lint, show, diff, hash |
//! | [`author`] | a member that signs numbered statements |

pub mod author;
pub mod bench;
pub mod client;
pub mod demo;
mod error;
pub mod load;
pub mod network;
pub mod plan;
mod ports;
mod process;
pub mod report;
pub mod treaty;
pub mod up;
pub mod worker;

pub use error::TestnetError;
