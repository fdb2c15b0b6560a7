//! The host: admits modules, and runs a clause over records from a saved state.
//!
//! ```text
//! run:  fresh instance ─ init(parameters, state) ─ step(chunk)* ─ assess(period)? ─ save ─> Execution
//! ```
//!
//! What a module does (ends well, runs out of gas, traps, answers nonsense, asks for too much memory) is an [`Outcome`]
//! and the same on every machine. What this machine fails to do is a [`HostFault`]: no verdict may be recorded from it.

use standstill_protocol::hash::Hash;

use crate::admission::AdmissionError;
use crate::finding::Finding;
use crate::parameters::Parameters;
use crate::record::Record;
use crate::treaty::Period;

/// Bounds of a run. Part of consensus: every node of a ledger has the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Gas for each call into the module: `init`, one chunk of `step`, `assess`, `save`, each with its `alloc`.
    pub gas_per_call: u64,
    /// Nested calls.
    pub call_depth: u32,
    /// Pages of memory (64 KiB each).
    pub memory_pages: u32,
    /// Bytes of a saved state.
    pub state_bytes: usize,
}

impl Limits {
    /// The limits of ledgers of version 1.
    pub const V1: Limits =
        Limits { gas_per_call: 200_000_000, call_depth: 256, memory_pages: 256, state_bytes: 256 * 1024 };
}

/// A module that was admitted: validated, metered, and known by its hashes.
#[derive(Clone, Debug)]
pub struct Module {
    hash: Hash,
    metered_hash: Hash,
}

impl Module {
    /// SHA-256 of the module as its author made it: what a treaty names.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// SHA-256 of the metered module: what runs.
    pub fn metered_hash(&self) -> Hash {
        self.metered_hash
    }
}

/// How a run ended. Everything but `Ok` is the finding `clause failed`, verdict `undecided`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, wincode::SchemaRead, wincode::SchemaWrite)]
pub enum Outcome {
    /// Every call returned, and what it returned is well-formed.
    Ok,
    /// A call used up its gas.
    OutOfGas,
    /// Unreachable code, a division by zero, an access out of bounds, or calls nested too deeply.
    Trap,
    /// A pointer, a state or findings that break the interface.
    BadOutput,
    /// More memory was asked for than the limit.
    MemoryLimit,
}

impl Outcome {
    /// As it is shown: `ok`, `out of gas`, `trap`, `bad output`, `memory limit`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::OutOfGas => "out of gas",
            Outcome::Trap => "trap",
            Outcome::BadOutput => "bad output",
            Outcome::MemoryLimit => "memory limit",
        }
    }
}

/// A demand for findings about one period, after the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assess {
    /// The period.
    pub period: Period,
    /// Entries in the log: evidence must lie below.
    pub log_size: u64,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// How it ended.
    pub outcome: Outcome,
    /// The state after; if the outcome is not `Ok`, the state that was given, unchanged (empty for none).
    pub state: Vec<u8>,
    /// Findings of the assessment, sorted; empty without one, or if the outcome is not `Ok`.
    pub findings: Vec<Finding>,
    /// Gas used by all calls together.
    pub gas_used: u64,
}

/// This machine could not run the clause: no verdict from this node. Never the module's doing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no verdict from this node: {reason}")]
pub struct HostFault {
    /// What failed.
    pub reason: String,
}

/// Admits and runs modules. Cheap to clone; clones share compiled modules.
#[derive(Clone, Debug)]
pub struct Host {
    limits: Limits,
}

impl Host {
    /// A host with these limits.
    pub fn new(limits: Limits) -> Result<Self, HostFault> {
        Ok(Host { limits })
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Checks, meters and compiles a module.
    pub fn admit(&self, wasm: &[u8]) -> Result<Module, AdmissionError> {
        if wasm.len() > crate::admission::MAX_MODULE {
            return Err(AdmissionError::TooLarge { length: wasm.len() });
        }
        Err(AdmissionError::Compile { reason: "the engine is not built in".to_owned() })
    }

    /// Runs one partition of a clause: fresh instance, `init` from `state` (`None`: from nothing), the records in
    /// chunks of [`crate::record::CHUNK`], one assessment if asked for, `save`.
    pub fn run(
        &self,
        module: &Module,
        parameters: &Parameters,
        state: Option<&[u8]>,
        records: &[Record],
        assess: Option<&Assess>,
    ) -> Result<Execution, HostFault> {
        let _ = (module, parameters, state, records, assess);
        Err(HostFault { reason: "the engine is not built in".to_owned() })
    }

    /// Runs `work` on a thread with a stack large enough for any clause, so that every [`Host::run`] inside it is
    /// direct. Without it each run makes such a thread of its own: wrap a block's runs, or a whole replay, in one.
    pub fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R, HostFault> {
        Ok(work())
    }
}
