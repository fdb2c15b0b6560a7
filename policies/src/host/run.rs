//! One run: the calls in their order, each with its own budget of gas, and what came of them.

use wasmtime::{Global, Instance, Memory, Store, StoreLimits, Trap, TypedFunc, Val, WasmParams, WasmResults};

use super::engine::{Engine, Permit};
use super::{Assess, Execution, HostFault, Limits, Module, Outcome};
use crate::finding::{self, Finding};
use crate::meter::{DEPTH, FLAG, FLAG_LIMIT, FLAG_REFUSED, GAS};
use crate::record::{CHUNK, Record, batch_bytes, write_batch};

/// What to run.
pub(super) struct Job<'a> {
    pub parameters: &'a [u8],
    pub state: &'a [u8],
    pub records: &'a [Record],
    pub assess: Option<&'a Assess>,
}

/// Why a run stopped early.
enum Stop {
    /// The module's doing.
    Module(Outcome),
    /// This machine's.
    Host(HostFault),
}

fn fault(error: impl std::fmt::Display) -> Stop {
    Stop::Host(HostFault { reason: format!("{error:#}") })
}

/// A live instance and its meters.
struct Running<'a> {
    limits: &'a Limits,
    // Fields drop in order: the instance goes back to its slot before the permit does.
    store: Store<StoreLimits>,
    _permit: Permit,
    instance: Instance,
    memory: Memory,
    gas: Global,
    depth: Global,
    flag: Global,
    gas_used: u64,
}

pub(super) fn run(engine: &Engine, limits: &Limits, module: &Module, job: &Job<'_>) -> Result<Execution, HostFault> {
    let mut running = match Running::start(engine, limits, module) {
        Ok(running) => running,
        Err(Stop::Host(fault)) => return Err(fault),
        // Admission leaves instantiation nothing to trap on.
        Err(Stop::Module(outcome)) => return Err(HostFault { reason: format!("instantiation: {}", outcome.as_str()) }),
    };
    let (outcome, state, findings) = match running.fold(job) {
        Ok((state, findings)) => (Outcome::Ok, state, findings),
        Err(Stop::Module(outcome)) => (outcome, job.state.to_vec(), Vec::new()),
        Err(Stop::Host(fault)) => return Err(fault),
    };
    Ok(Execution { outcome, state, findings, gas_used: running.gas_used })
}

impl<'a> Running<'a> {
    fn start(engine: &Engine, limits: &'a Limits, module: &Module) -> Result<Self, Stop> {
        let permit = Permit::take();
        let mut store = engine.store(limits);
        let instance = module.compiled.instantiate(&mut store).map_err(fault)?;
        let missing = |name: &str| fault(format!("the metered module has no `{name}`"));
        let memory = instance.get_memory(&mut store, "memory").ok_or_else(|| missing("memory"))?;
        let mut global = |name| instance.get_global(&mut store, name).ok_or_else(|| missing(name));
        let (gas, depth, flag) = (global(GAS)?, global(DEPTH)?, global(FLAG)?);
        Ok(Running { limits, store, _permit: permit, instance, memory, gas, depth, flag, gas_used: 0 })
    }

    fn fold(&mut self, job: &Job<'_>) -> Result<(Vec<u8>, Vec<Finding>), Stop> {
        let parameters = self.give(job.parameters)?;
        let state = self.give(job.state)?;
        let init = self.function::<(u32, u32, u32, u32), ()>("init")?;
        self.call(&init, (parameters, length(job.parameters)?, state, length(job.state)?))?;
        self.step(job.records)?;
        let mut findings = Vec::new();
        if let Some(assess) = job.assess {
            findings = self.assess(assess)?;
        }
        let save = self.function::<(), u64>("save")?;
        let saved = self.call(&save, ())?;
        let saved = self.taken(saved)?;
        if saved.len() > self.limits.state_bytes {
            return Err(Stop::Module(Outcome::BadOutput));
        }
        Ok((saved.to_vec(), findings))
    }

    /// One buffer, as large as the largest chunk, is asked for once and used for every chunk.
    fn step(&mut self, records: &[Record]) -> Result<(), Stop> {
        let Some(largest) = records.chunks(CHUNK).map(batch_bytes).max() else { return Ok(()) };
        let buffer = self.reserve(largest)?;
        let step = self.function::<(u32, u32, u32), ()>("step")?;
        for chunk in records.chunks(CHUNK) {
            let bytes = batch_bytes(chunk);
            let place = place(buffer, bytes).and_then(|place| self.memory.data_mut(&mut self.store).get_mut(place));
            write_batch(chunk, place.ok_or(Stop::Module(Outcome::BadOutput))?);
            let count = u32::try_from(chunk.len()).map_err(fault)?;
            let bytes = u32::try_from(bytes).map_err(fault)?;
            self.call(&step, (buffer, count, bytes))?;
        }
        Ok(())
    }

    fn assess(&mut self, assess: &Assess) -> Result<Vec<Finding>, Stop> {
        let function = self.function::<(u32, u64, u64), u64>("assess")?;
        let period = assess.period;
        let given = self.call(&function, (period.index, period.start.0, period.end.0))?;
        let findings = finding::read(self.taken(given)?, period.index, assess.log_size);
        findings.ok_or(Stop::Module(Outcome::BadOutput))
    }

    /// Bytes in the module's memory, where its `alloc` says.
    fn give(&mut self, bytes: &[u8]) -> Result<u32, Stop> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let pointer = self.reserve(bytes.len())?;
        let place = place(pointer, bytes.len()).and_then(|place| self.memory.data_mut(&mut self.store).get_mut(place));
        place.ok_or(Stop::Module(Outcome::BadOutput))?.copy_from_slice(bytes);
        Ok(pointer)
    }

    fn reserve(&mut self, bytes: usize) -> Result<u32, Stop> {
        let alloc = self.function::<u32, u32>("alloc")?;
        let pointer = self.call(&alloc, u32::try_from(bytes).map_err(fault)?)?;
        let inside = place(pointer, bytes).is_some_and(|place| place.end <= self.memory.data_size(&self.store));
        if pointer == 0 || !pointer.is_multiple_of(16) || !inside {
            return Err(Stop::Module(Outcome::BadOutput));
        }
        Ok(pointer)
    }

    /// The bytes that a result names: pointer in the upper half, length in the lower.
    fn taken(&self, result: u64) -> Result<&[u8], Stop> {
        let halves = u32::try_from(result >> 32).ok().zip(u32::try_from(result & 0xffff_ffff).ok());
        let place = halves.and_then(|(pointer, length)| place(pointer, usize::try_from(length).ok()?));
        let bytes = place.and_then(|place| self.memory.data(&self.store).get(place));
        bytes.ok_or(Stop::Module(Outcome::BadOutput))
    }

    fn function<P: WasmParams, R: WasmResults>(&mut self, name: &str) -> Result<TypedFunc<P, R>, Stop> {
        self.instance.get_typed_func(&mut self.store, name).map_err(fault)
    }

    /// Fills the meters, calls, and reads them.
    fn call<P: WasmParams, R: WasmResults>(&mut self, function: &TypedFunc<P, R>, parameters: P) -> Result<R, Stop> {
        let budget = self.limits.gas_per_call;
        self.gas.set(&mut self.store, Val::I64(i64::try_from(budget).unwrap_or(i64::MAX))).map_err(fault)?;
        let depth = i32::try_from(self.limits.call_depth).unwrap_or(i32::MAX);
        self.depth.set(&mut self.store, Val::I32(depth)).map_err(fault)?;
        let result = function.call(&mut self.store, parameters);
        let left = self.gas.get(&mut self.store).i64().unwrap_or(0);
        self.gas_used = self.gas_used.saturating_add(budget - u64::try_from(left).unwrap_or(0).min(budget));
        result.map_err(|error| self.explain(&error, left))
    }

    /// Why a call ended in a trap: the meters first, since each of their stops is a trap too.
    fn explain(&mut self, error: &wasmtime::Error, gas_left: i64) -> Stop {
        let flag = self.flag.get(&mut self.store).i32().unwrap_or(FLAG_REFUSED);
        if flag == FLAG_REFUSED {
            return fault("the host refused memory below the limit");
        }
        if gas_left < 0 {
            return Stop::Module(Outcome::OutOfGas);
        }
        if flag == FLAG_LIMIT {
            return Stop::Module(Outcome::MemoryLimit);
        }
        match error.downcast_ref::<Trap>() {
            Some(
                Trap::UnreachableCodeReached
                | Trap::MemoryOutOfBounds
                | Trap::HeapMisaligned
                | Trap::TableOutOfBounds
                | Trap::IndirectCallToNull
                | Trap::BadSignature
                | Trap::IntegerOverflow
                | Trap::IntegerDivisionByZero,
            ) => Stop::Module(Outcome::Trap),
            // A native stack overflow below the metered depth, an interrupt, anything else: not the module's doing.
            _ => fault(error),
        }
    }
}

fn length(bytes: &[u8]) -> Result<u32, Stop> {
    u32::try_from(bytes.len()).map_err(fault)
}

fn place(pointer: u32, length: usize) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(pointer).ok()?;
    Some(start..start.checked_add(length)?)
}
