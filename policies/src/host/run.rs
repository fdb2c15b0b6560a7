//! One run: the calls in their order, each with its own budget of gas, and what came of them.

use wasmtime::{
    Extern, Global, Instance, Memory, ModuleExport, Store, StoreLimits, Trap, TypedFunc, Val, WasmParams, WasmResults,
};

use super::engine::{Compiled, Engine, Permit};
use super::{Assess, Execution, HostFault, Limits, Module, Outcome};
use crate::finding::{self, Finding};
use crate::meter::{FLAG_LIMIT, FLAG_REFUSED};
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
    compiled: &'a Compiled,
    memory: Memory,
    gas: Global,
    flag: Global,
    alloc: TypedFunc<u32, u32>,
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
    fn start(engine: &Engine, limits: &'a Limits, module: &'a Module) -> Result<Self, Stop> {
        let permit = Permit::take();
        let mut store = engine.store(limits);
        let compiled = &module.compiled;
        let instance = compiled.module.instantiate(&mut store).map_err(fault)?;
        let missing = || fault("an export of the metered module is of another kind");
        let mut export = |export| instance.get_module_export(&mut store, export).ok_or_else(missing);
        let memory = export(&compiled.memory)?.into_memory().ok_or_else(missing)?;
        let mut global = |at| export(at).and_then(|export| export.into_global().ok_or_else(missing));
        let (gas, depth, flag) = (global(&compiled.gas)?, global(&compiled.depth)?, global(&compiled.flag)?);
        let alloc = typed(&instance, &mut store, &compiled.alloc)?;
        // A call that returns leaves the depth as it found it, and after one that does not there is no other.
        let levels = i32::try_from(limits.call_depth).unwrap_or(i32::MAX);
        depth.set(&mut store, Val::I32(levels)).map_err(fault)?;
        Ok(Running { limits, store, _permit: permit, instance, compiled, memory, gas, flag, alloc, gas_used: 0 })
    }

    fn fold(&mut self, job: &Job<'_>) -> Result<(Vec<u8>, Vec<Finding>), Stop> {
        let parameters = self.give(job.parameters)?;
        let state = self.give(job.state)?;
        let init = self.function::<(u32, u32, u32, u32), ()>(&self.compiled.init)?;
        self.call(&init, (parameters, length(job.parameters)?, state, length(job.state)?))?;
        self.step(job.records)?;
        let mut findings = Vec::new();
        if let Some(assess) = job.assess {
            findings = self.assess(assess)?;
        }
        let save = self.function::<(), u64>(&self.compiled.save)?;
        let saved = self.call(&save, ())?;
        let saved = self.taken(saved)?;
        if saved.len() > self.limits.state_bytes {
            return Err(Stop::Module(Outcome::BadOutput));
        }
        Ok((saved.to_vec(), findings))
    }

    /// One buffer, as large as the largest chunk, is asked for once and used for every chunk.
    fn step(&mut self, records: &[Record]) -> Result<(), Stop> {
        let sizes: Vec<usize> = records.chunks(CHUNK).map(batch_bytes).collect();
        let Some(largest) = sizes.iter().copied().max() else { return Ok(()) };
        let buffer = self.reserve(largest)?;
        let step = self.function::<(u32, u32, u32), ()>(&self.compiled.step)?;
        for (chunk, bytes) in records.chunks(CHUNK).zip(sizes) {
            let place = place(buffer, bytes).and_then(|place| self.memory.data_mut(&mut self.store).get_mut(place));
            write_batch(chunk, place.ok_or(Stop::Module(Outcome::BadOutput))?);
            let count = u32::try_from(chunk.len()).map_err(fault)?;
            let bytes = u32::try_from(bytes).map_err(fault)?;
            self.call(&step, (buffer, count, bytes))?;
        }
        Ok(())
    }

    fn assess(&mut self, assess: &Assess) -> Result<Vec<Finding>, Stop> {
        let function = self.function::<(u32, u64, u64), u64>(&self.compiled.assess)?;
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
        let alloc = self.alloc.clone();
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

    fn function<P: WasmParams, R: WasmResults>(&mut self, export: &ModuleExport) -> Result<TypedFunc<P, R>, Stop> {
        typed(&self.instance, &mut self.store, export)
    }

    /// Fills the meter of gas, calls, and reads it.
    fn call<P: WasmParams, R: WasmResults>(&mut self, function: &TypedFunc<P, R>, parameters: P) -> Result<R, Stop> {
        let budget = self.limits.gas_per_call;
        self.gas.set(&mut self.store, Val::I64(i64::try_from(budget).unwrap_or(i64::MAX))).map_err(fault)?;
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

fn typed<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<StoreLimits>,
    export: &ModuleExport,
) -> Result<TypedFunc<P, R>, Stop> {
    let function = instance.get_module_export(&mut *store, export).and_then(Extern::into_func);
    function.ok_or_else(|| fault("an export of the metered module is no function"))?.typed(store).map_err(fault)
}

fn length(bytes: &[u8]) -> Result<u32, Stop> {
    u32::try_from(bytes.len()).map_err(fault)
}

fn place(pointer: u32, length: usize) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(pointer).ok()?;
    Some(start..start.checked_add(length)?)
}
