//! The engine: wasmtime, with everything set explicitly, since defaults move between versions.
//!
//! No result depends on a setting here: gas, depth and memory are counted by the module itself (see [`crate::meter`]).
//! What the engine adds is safety: guard pages, a stack far above the metered depth, limits on what a store may hold.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use wasmtime::{
    Config, InstanceAllocationStrategy, InstancePre, Linker, ModuleExport, OptLevel, PoolingAllocationConfig, Store,
    StoreLimits, StoreLimitsBuilder, Strategy,
};

use super::{HostFault, Limits};
use crate::meter::{DEPTH, FLAG, GAS};

/// Stack that wasm may use. A function has at most 64 KiB of code and a value at least two bytes of it, so a frame stays
/// below 256 KiB, and 256 of them (the metered depth) below 64 MiB, even if every value is spilled. Only what is touched
/// takes memory.
const WASM_STACK: usize = 96 << 20;
/// Stack of a thread on which wasm runs.
const THREAD_STACK: usize = 128 << 20;
/// Instances that live at once in a process; one more waits.
const INSTANCES: u32 = 16;
/// Memory that stays mapped in a pool slot between instances: resetting it is faster than faulting it in.
const RESIDENT: usize = 1 << 20;
/// Pages of memory that the pool can hold; more than any limit of a ledger.
const POOL_PAGES: u32 = 1024;

/// A compiled module, and where its exports are: looked up once, not by name in each run.
#[derive(Clone)]
pub(super) struct Compiled {
    pub module: InstancePre<StoreLimits>,
    pub memory: ModuleExport,
    pub gas: ModuleExport,
    pub depth: ModuleExport,
    pub flag: ModuleExport,
    pub alloc: ModuleExport,
    pub init: ModuleExport,
    pub step: ModuleExport,
    pub assess: ModuleExport,
    pub save: ModuleExport,
}

impl Compiled {
    fn new(module: InstancePre<StoreLimits>) -> Result<Self, String> {
        let export = |name: &str| {
            let found = module.module().get_export_index(name);
            found.ok_or_else(|| format!("the metered module has no `{name}`"))
        };
        Ok(Compiled {
            memory: export("memory")?,
            gas: export(GAS)?,
            depth: export(DEPTH)?,
            flag: export(FLAG)?,
            alloc: export("alloc")?,
            init: export("init")?,
            step: export("step")?,
            assess: export("assess")?,
            save: export("save")?,
            module,
        })
    }
}

/// The process's engine.
#[derive(Clone)]
pub(super) struct Engine {
    engine: wasmtime::Engine,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine(wasmtime)")
    }
}

impl Engine {
    /// The one engine of the process: a pool of instance slots is address space, not worth having twice.
    pub(super) fn shared() -> Result<Self, HostFault> {
        static ENGINE: OnceLock<Result<Engine, HostFault>> = OnceLock::new();
        ENGINE.get_or_init(Engine::new).clone()
    }

    /// With a pool of slots where the address space allows it, and without one elsewhere: slower, the same results.
    fn new() -> Result<Self, HostFault> {
        let pooled = wasmtime::Engine::new(config().allocation_strategy(InstanceAllocationStrategy::Pooling(pool())));
        let engine = pooled.or_else(|_| wasmtime::Engine::new(&config()));
        engine.map(|engine| Engine { engine }).map_err(|error| HostFault { reason: format!("{error:#}") })
    }

    /// Compiles a metered module.
    pub(super) fn compile(&self, metered: &[u8]) -> Result<Compiled, String> {
        let module = wasmtime::Module::new(&self.engine, metered).map_err(|error| format!("{error:#}"))?;
        let module = Linker::new(&self.engine).instantiate_pre(&module).map_err(|error| format!("{error:#}"))?;
        Compiled::new(module)
    }

    /// A store that holds one instance within the limits.
    pub(super) fn store(&self, limits: &Limits) -> Store<StoreLimits> {
        let memory = usize::try_from(limits.memory_pages).unwrap_or(usize::MAX).saturating_mul(65_536);
        let limits = StoreLimitsBuilder::new().memory_size(memory).instances(1).memories(1).tables(1).build();
        let mut store = Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        store
    }
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(INSTANCES).total_memories(INSTANCES).total_tables(INSTANCES);
    pool.max_memories_per_module(1).max_tables_per_module(1).table_elements(8192);
    pool.max_memory_size(POOL_PAGES as usize * 65_536);
    pool.max_unused_warm_slots(INSTANCES).linear_memory_keep_resident(RESIDENT).table_keep_resident(65_536);
    pool
}

fn config() -> Config {
    let mut config = Config::new();
    config.strategy(Strategy::Cranelift).cranelift_opt_level(OptLevel::Speed);
    config.cranelift_nan_canonicalization(true);
    config.async_stack_size(2 * WASM_STACK).max_wasm_stack(WASM_STACK);
    config.memory_init_cow(false).memory_may_move(false);
    config.memory_reservation(4 << 30).memory_guard_size(32 << 20).memory_reservation_for_growth(0);
    config.signals_based_traps(true);
    config.consume_fuel(false).epoch_interruption(false);
    config.debug_info(false).parallel_compilation(true);
    config.wasm_tail_call(false).wasm_custom_page_sizes(false).wasm_wide_arithmetic(false);
    config.wasm_relaxed_simd(false).wasm_simd(false);
    config.wasm_bulk_memory(false).wasm_multi_value(false).wasm_multi_memory(false).wasm_memory64(false);
    config.wasm_extended_const(false).wasm_branch_hinting(false);
    config
}

thread_local! {
    static ON_LARGE_STACK: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` where the stack is large enough for wasm: here, if this thread was made for it, or on a new one.
pub(super) fn enter<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, HostFault> {
    if ON_LARGE_STACK.get() {
        return Ok(work());
    }
    let outcome = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("clause".to_owned()).stack_size(THREAD_STACK);
        let thread = builder.spawn_scoped(scope, || {
            ON_LARGE_STACK.set(true);
            work()
        });
        thread.map(std::thread::ScopedJoinHandle::join)
    });
    match outcome {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => Err(HostFault { reason: format!("no thread with a stack of {THREAD_STACK} bytes: {error}") }),
    }
}

/// Instances that may still be made, and threads that wait for one.
struct Pool {
    free: u32,
    waiting: u32,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { free: INSTANCES, waiting: 0 });
static FREED: Condvar = Condvar::new();

/// The right to have one instance; waits while the pool is full.
pub(super) struct Permit;

impl Permit {
    pub(super) fn take() -> Permit {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        while pool.free == 0 {
            pool.waiting += 1;
            pool = FREED.wait(pool).unwrap_or_else(PoisonError::into_inner);
            pool.waiting -= 1;
        }
        pool.free -= 1;
        Permit
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        pool.free += 1;
        // Waking nobody would be a system call all the same.
        if pool.waiting > 0 {
            FREED.notify_one();
        }
    }
}
