//! The state machine: entries in order become members, obligations and verdicts. Also bundles and receipts.
//!
//! ```text
//! Proposal { height, time, entries, .. } ─┐
//! Rules { treaty, modules, host } ────────┼─ apply ─▶ Applied { block, changes, leaves, verdicts, events }
//! StateRead (the tip's state) ────────────┘       └─▶ Rejection: which entry, and why
//! ```
//!
//! [`apply()`] is the only way that state changes: proposer, validators, syncing nodes, the simulator and the verifier
//! all call it. It reads no clock and no file, and draws nothing at random.
//!
//! | module | what it holds |
//! |---|---|
//! | [`apply`](mod@apply) | execution of a block, admission to the pool, selection for a proposal |
//! | [`state`] | the state map: sparse Merkle map, proofs |
//! | [`schema`] | what the state holds, under which key |
//! | [`query`] | questions to the state |
//! | [`refusal`] | every way an entry can be refused, named |
//! | [`bundle`] | a stretch of ledger in one file |

pub mod apply;
pub mod bundle;
pub mod outcome;
pub mod query;
pub mod refusal;
pub mod rules;
pub mod schema;
pub mod state;
#[cfg(feature = "testing")]
pub mod testing;

pub use apply::{
    Admitted, Parsed, ParsedBlock, Verified, VerifyAll, admit, admit_evidence, apply, apply_with, check, check_parsed,
    check_with, entry_budget, genesis, select, within_skew,
};
pub use outcome::{Applied, Event, Executed, Proposal, Recorded, Rejection};
pub use refusal::{AdmissionError, Refusal};
pub use rules::{Rules, RulesError};
pub use schema::{Key, Pins, VerdictRecord};
pub use state::{MemoryState, StateChanges, StateFault, StateKey, StateRead};

/// The latest time of a block: a year before the last that can be written, so that what follows from it can be.
pub const MAX_BLOCK_TIME: standstill_protocol::units::Timestamp =
    standstill_protocol::units::Timestamp(253_402_300_799_999 - 365 * 86_400_000);
/// Entries of one block, at most.
pub const MAX_BLOCK_ENTRIES: usize = 8192;
/// Bytes of one member's entries in a block, at most: nobody fills the block alone.
pub const MAX_MEMBER_BYTES: usize = 2 << 20;
/// Entries of evidence in one block, at most.
pub const MAX_BLOCK_EVIDENCE: usize = 16;
/// Entries of evidence against one validator in one block, at most.
pub const MAX_BLOCK_VALIDATOR_EVIDENCE: usize = 2;
/// Proofs against one validator that the ledger ever takes.
pub const MAX_VALIDATOR_EVIDENCE: u64 = 64;
/// Reporting periods that one lab's entries in one block may be about: each is an assessment by every clause.
pub const MAX_BLOCK_PERIODS: usize = 64;
/// How far a closed period may lie behind the newest open one and still be reported on.
pub const MAX_LATE_PERIODS: u32 = 16;
/// New runs that one lab may name in reports on one period.
pub const MAX_NEW_RUNS: u32 = 64;
/// How far ahead of a member's next sequence the pool takes a statement.
pub const MAX_PENDING: u64 = 4096;
/// Sites that one lab may name.
pub const MAX_SITES: u32 = 1024;
/// Runs that one lab may name.
pub const MAX_RUNS: u32 = 65_536;
/// Keys that one member may ever register.
pub const MAX_KEYS: u32 = 256;
/// Corrections of one statement, one after the other.
pub const MAX_CORRECTIONS: u32 = 16;
/// What others may say of one statement.
pub const MAX_OPINIONS: usize = 64;
/// Heads of the log that device reports may answer: those after the newest blocks.
pub const KEPT_HEADS: u32 = 4096;
/// Device reports that are remembered of one run, the newest.
pub const MAX_DEVICES: usize = 64;
/// Device reports of one member in one block: each is a chain of certificates to verify.
pub const MAX_BLOCK_DEVICES: usize = 4;
/// Logs that one member may keep.
pub const MAX_LOGS: u32 = 256;
/// Version of the clause interface that verdicts pin.
pub const CLAUSE_ABI: u32 = 1;
/// Version of the meter and its cost table that verdicts pin.
pub const CLAUSE_METER: u32 = standstill_policies::meter::METER_VERSION;
