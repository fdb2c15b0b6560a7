//! The engine: wasmtime, with everything set explicitly, since defaults move between versions.
//!
//! No result depends on a setting here: gas, depth and memory are counted by the module itself (see [`crate::meter`]).
//! What the engine adds is safety: guard pages, a stack far above the metered depth, limits on what a store may hold.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use wasmtime::{
    Config, InstanceAllocationStrategy, InstancePre, Linker, OptLevel, PoolingAllocationConfig, Store, StoreLimits,
    StoreLimitsBuilder, Strategy,
};

use super::{HostFault, Limits};

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
    pub(super) fn compile(&self, metered: &[u8]) -> Result<InstancePre<StoreLimits>, String> {
        let module = wasmtime::Module::new(&self.engine, metered).map_err(|error| format!("{error:#}"))?;
        Linker::new(&self.engine).instantiate_pre(&module).map_err(|error| format!("{error:#}"))
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

static FREE: Mutex<u32> = Mutex::new(INSTANCES);
static FREED: Condvar = Condvar::new();

/// The right to have one instance; waits while the pool is full.
pub(super) struct Permit;

impl Permit {
    pub(super) fn take() -> Permit {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = FREED.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Permit
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREED.notify_one();
    }
}
