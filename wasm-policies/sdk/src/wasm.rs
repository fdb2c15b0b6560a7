//! The wasm32 side: the exports' bodies, the allocator, the panic handler. A module has one thread and one clause.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

use crate::{Clause, Findings, Frame, Parameters, Period, Reader, Record, Writer};

/// The one clause of a module.
#[derive(Debug)]
pub struct Cell<T>(UnsafeCell<Option<T>>);

// SAFETY: a module has one thread.
unsafe impl<T> Sync for Cell<T> {}

impl<T> Cell<T> {
    /// Empty until `init`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Cell(UnsafeCell::new(None))
    }

    #[allow(clippy::mut_from_ref)]
    fn slot(&self) -> &mut Option<T> {
        // SAFETY: one thread, and no export calls another, so there is no second reference.
        unsafe { &mut *self.0.get() }
    }

    fn clause(&self) -> &mut T {
        self.slot().as_mut().expect("`init` comes first")
    }
}

/// Memory for `length` bytes that the host writes, 16-byte aligned. It is never freed: an instance is short-lived, and
/// the host asks once for each of parameters, state and batch.
pub fn alloc(length: u32) -> *mut u8 {
    let layout = Layout::from_size_align(length.max(1) as usize, 16).expect("a length within the address space");
    // SAFETY: the size is not zero.
    unsafe { alloc::alloc::alloc(layout) }
}

fn bytes<'a>(pointer: *const u8, length: u32) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the host passes what `alloc` gave it, written in full.
    unsafe { core::slice::from_raw_parts(pointer, length as usize) }
}

/// The body of `init`.
pub fn init<T: Clause>(cell: &Cell<T>, parameters: *const u8, parameters_length: u32, state: *const u8, length: u32) {
    let parameters = Parameters::new(bytes(parameters, parameters_length));
    let state = (length != 0).then(|| Reader::new(bytes(state, length)));
    *cell.slot() = Some(T::init(&parameters, state));
}

/// The body of `step`.
pub fn step<T: Clause>(cell: &Cell<T>, batch: *const u8, count: u32, length: u32) {
    let clause = cell.clause();
    let count = count as usize;
    let extension = (length as usize).checked_sub(count * size_of::<Frame>()).expect("frames lie within the batch");
    // SAFETY: the batch is `alloc`'s memory, 16-byte aligned, written in full: frames, then the extension area. Every
    // bit pattern is a valid frame and a valid word.
    let (frames, extension) = unsafe {
        let frames = core::slice::from_raw_parts(batch.cast::<Frame>(), count);
        let area = batch.add(count * size_of::<Frame>()).cast::<u128>();
        (frames, core::slice::from_raw_parts(area, extension / size_of::<u128>()))
    };
    for frame in frames {
        clause.step(&Record::new(frame, extension));
    }
}

/// The body of `assess`.
pub fn assess<T: Clause>(cell: &Cell<T>, period: Period) -> u64 {
    let mut findings = Findings::new();
    cell.clause().assess(&period, &mut findings);
    give(findings.to_bytes())
}

/// The body of `save`.
pub fn save<T: Clause>(cell: &Cell<T>) -> u64 {
    let mut state = Writer::new();
    cell.clause().save(&mut state);
    give(state.bytes().to_vec())
}

/// Hands bytes to the host: pointer in the upper half, length in the lower.
fn give(bytes: Vec<u8>) -> u64 {
    let bytes = Box::leak(bytes.into_boxed_slice());
    (bytes.as_ptr() as u64) << 32 | bytes.len() as u64
}

/// Sizes are rounded up to powers of two from 16; freed blocks wait in a list of their size.
struct SizeClasses(UnsafeCell<Heap>);

struct Heap {
    next: usize,
    end: usize,
    free: [*mut Block; 32],
}

struct Block {
    next: *mut Block,
}

// SAFETY: a module has one thread.
unsafe impl Sync for SizeClasses {}

#[global_allocator]
static HEAP: SizeClasses = SizeClasses(UnsafeCell::new(Heap { next: 0, end: 0, free: [core::ptr::null_mut(); 32] }));

unsafe extern "C" {
    static __heap_base: u8;
}

const PAGE: usize = 65_536;

fn class(layout: Layout) -> Option<usize> {
    let size = layout.size().max(layout.align()).max(16).checked_next_power_of_two()?;
    Some(size.trailing_zeros() as usize).filter(|class| *class < 32)
}

impl Heap {
    fn take(&mut self, class: usize) -> *mut u8 {
        let block = self.free[class];
        if !block.is_null() {
            // SAFETY: blocks in the list are free and hold a link.
            self.free[class] = unsafe { (*block).next };
            return block.cast();
        }
        if self.next == 0 {
            self.next = (&raw const __heap_base as usize).next_multiple_of(16);
            self.end = core::arch::wasm32::memory_size(0) * PAGE;
        }
        let size = 1usize << class;
        let Some(after) = self.next.checked_add(size) else { return core::ptr::null_mut() };
        if after > self.end {
            let pages = (after - self.end).div_ceil(PAGE);
            if core::arch::wasm32::memory_grow(0, pages) == usize::MAX {
                return core::ptr::null_mut();
            }
            self.end += pages * PAGE;
        }
        let block = self.next as *mut u8;
        self.next = after;
        block
    }
}

// SAFETY: blocks are disjoint, at least as large as asked for, and aligned to 16; larger alignments are refused.
unsafe impl GlobalAlloc for SizeClasses {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class(layout) {
            // SAFETY: one thread; `take` calls nothing that allocates.
            Some(class) if layout.align() <= 16 => unsafe { (*self.0.get()).take(class) },
            _ => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if let Some(class) = class(layout) {
            let block = pointer.cast::<Block>();
            // SAFETY: the block is the caller's no longer, and large enough for a link.
            unsafe {
                let heap = &mut *self.0.get();
                (*block).next = heap.free[class];
                heap.free[class] = block;
            }
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps `realloc`'s contract: `size` is valid for this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if class(wanted) == class(layout) {
            return pointer;
        }
        // SAFETY: as above; the two blocks are disjoint.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                core::ptr::copy_nonoverlapping(pointer, new, size.min(layout.size()));
                self.dealloc(pointer, layout);
            }
            new
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
