//! What an author needs to write a treaty clause.
//!
//! ```
//! use standstill_clause_sdk::*;
//!
//! /// No window above the cap.
//! #[derive(Default)]
//! struct WindowCap { cap: u128, worst: u128 }
//!
//! impl Clause for WindowCap {
//!     fn init(parameters: &Parameters<'_>, state: Option<Reader<'_>>) -> Self {
//!         let cap = parameters.flop("cap").expect("the treaty gives `cap`");
//!         WindowCap { cap, worst: state.map_or(0, |mut state| state.u128()) }
//!     }
//!     fn step(&mut self, record: &Record<'_>) {
//!         if record.kind == TRAINING_COMPUTE { self.worst = self.worst.max(record.flop_lower) }
//!     }
//!     fn assess(&mut self, period: &Period, findings: &mut Findings) {
//!         let verdict = if self.worst > self.cap { Verdict::Violated } else { Verdict::Holds };
//!         findings.add(period.index, verdict, 0, &[self.worst, self.cap], &[]);
//!     }
//!     fn save(&self, state: &mut Writer) { state.u128(self.worst) }
//! }
//! clause!(WindowCap);
//! ```
//!
//! A clause folds: `init` from the treaty's parameters and the saved state, `step` for each record, `assess` once a
//! period, `save`. Every block starts a fresh instance, so what is not saved is forgotten. A panic is a trap: the
//! clause's verdict is then `undecided`, and its state stays as it was.
//!
//! Natively everything here works the same, so that a clause is tested with `cargo test`. `clause!` adds the exports only
//! for wasm32. Integers overflow into a panic: use saturating arithmetic on what members state.

#![no_std]
#![warn(missing_docs)]

extern crate alloc;

mod findings;
mod parameters;
mod record;
mod state;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod wasm;

pub use findings::{Findings, Verdict};
pub use parameters::Parameters;
pub use record::*;
pub use state::{Reader, Writer};

/// One rule of a treaty, about one partition (one lab).
pub trait Clause: Sized {
    /// Starts from the parameters in force and the saved state; `None` where nothing was saved yet.
    fn init(parameters: &Parameters<'_>, state: Option<Reader<'_>>) -> Self;
    /// Takes one record in.
    fn step(&mut self, record: &Record<'_>);
    /// Reports on a period.
    fn assess(&mut self, period: &Period, findings: &mut Findings);
    /// Writes the state that the next instance starts from. The same knowledge must give the same bytes.
    fn save(&self, state: &mut Writer);
}

/// A reporting period, `start` inclusive, `end` exclusive, ms UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Index from 0.
    pub index: u32,
    /// First millisecond.
    pub start: u64,
    /// The first millisecond after.
    pub end: u64,
}

/// Exports a [`Clause`] under the interface of clauses, version 1. Does nothing but check the type when not built for
/// wasm32.
#[macro_export]
macro_rules! clause {
    ($clause:ident) => {
        const _: fn() = || {
            fn is_a_clause<T: $crate::Clause>() {}
            is_a_clause::<$clause>();
        };

        #[cfg(target_arch = "wasm32")]
        mod standstill_exports {
            static CLAUSE: $crate::wasm::Cell<super::$clause> = $crate::wasm::Cell::new();

            #[unsafe(no_mangle)]
            extern "C" fn standstill_abi_1() {}

            #[unsafe(no_mangle)]
            extern "C" fn alloc(length: u32) -> *mut u8 {
                $crate::wasm::alloc(length)
            }

            #[unsafe(no_mangle)]
            extern "C" fn init(parameters: *const u8, parameters_length: u32, state: *const u8, state_length: u32) {
                $crate::wasm::init(&CLAUSE, parameters, parameters_length, state, state_length)
            }

            #[unsafe(no_mangle)]
            extern "C" fn step(batch: *const u8, count: u32, length: u32) {
                $crate::wasm::step(&CLAUSE, batch, count, length)
            }

            #[unsafe(no_mangle)]
            extern "C" fn assess(index: u32, start: u64, end: u64) -> u64 {
                $crate::wasm::assess(&CLAUSE, $crate::Period { index, start, end })
            }

            #[unsafe(no_mangle)]
            extern "C" fn save() -> u64 {
                $crate::wasm::save(&CLAUSE)
            }
        }
    };
}
