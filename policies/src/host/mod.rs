//! The host: admits modules, and runs a clause over records from a saved state.
//!
//! ```text
//! run:  fresh instance ─ init(parameters, state) ─ step(chunk)* ─ assess(period)? ─ save ─> Execution
//! ```
//!
//! What a module does (ends well, runs out of gas, traps, answers nonsense, asks for too much memory) is an [`Outcome`]
//! and the same on every machine. What this machine fails to do is a [`HostFault`]: no verdict may be recorded from it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use standstill_protocol::hash::Hash;

use crate::admission::{self, AdmissionError};
use crate::finding::Finding;
use crate::meter::{self, METER_VERSION};
use crate::parameters::Parameters;
use crate::record::Record;
use crate::treaty::Period;

mod engine;
mod run;

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

/// A module that was admitted: validated, metered, compiled, and known by its hashes.
#[derive(Clone)]
pub struct Module {
    hash: Hash,
    metered_hash: Hash,
    metered: Arc<[u8]>,
    compiled: engine::Compiled,
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

    /// The metered module's bytes, for another engine.
    pub fn metered(&self) -> &[u8] {
        &self.metered
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Module({}, metered {})", self.hash.short(), self.metered_hash.short())
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
    engine: engine::Engine,
    /// Compiled modules by module hash and meter version; the limits that the rewriting depends on are the host's own.
    compiled: Arc<Mutex<BTreeMap<(Hash, u32), Module>>>,
}

impl Host {
    /// A host with these limits. All hosts of a process share one engine.
    pub fn new(limits: Limits) -> Result<Self, HostFault> {
        Ok(Host { limits, engine: engine::Engine::shared()?, compiled: Arc::default() })
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Checks, meters and compiles a module. A module that was admitted before is not compiled again.
    pub fn admit(&self, wasm: &[u8]) -> Result<Module, AdmissionError> {
        let key = (Hash::sha256(wasm), METER_VERSION);
        if let Some(module) = self.cache().get(&key) {
            return Ok(module.clone());
        }
        admission::check(wasm, self.limits.memory_pages)?;
        let malformed = |error: wasmparser::BinaryReaderError| AdmissionError::Malformed { reason: error.to_string() };
        let metered = meter::meter(wasm, self.limits.memory_pages).map_err(malformed)?;
        let compiled = self.engine.compile(&metered).map_err(|reason| AdmissionError::Compile { reason })?;
        let metered_hash = Hash::sha256(&metered);
        let module = Module { hash: key.0, metered_hash, metered: metered.into(), compiled };
        self.cache().insert(key, module.clone());
        Ok(module)
    }

    fn cache(&self) -> MutexGuard<'_, BTreeMap<(Hash, u32), Module>> {
        // A panic elsewhere leaves the map whole: each insertion is one call.
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one partition of a clause: fresh instance, `init` from `state` (`None` or empty: from nothing), the records
    /// in chunks of [`crate::record::CHUNK`], one assessment if asked for, `save`.
    pub fn run(
        &self,
        module: &Module,
        parameters: &Parameters,
        state: Option<&[u8]>,
        records: &[Record],
        assess: Option<&Assess>,
    ) -> Result<Execution, HostFault> {
        let job = run::Job { parameters: parameters.bytes(), state: state.unwrap_or(&[]), records, assess };
        self.enter(|| run::run(&self.engine, &self.limits, module, &job))?
    }

    /// Runs `work` on a thread with a stack large enough for any clause, so that every [`Host::run`] inside it is
    /// direct. Without it each run makes such a thread of its own (some 20 us): wrap a block's runs, or a whole replay,
    /// in one.
    pub fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R, HostFault> {
        engine::enter(work)
    }
}
