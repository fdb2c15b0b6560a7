//! A lab's own telemetry: a log of readings on disk, and a meter that fills it.
//!
//! ```text
//! NVML ──▶ meter ──▶ readings ──▶ log on disk ──▶ checkpoint ──▶ `telemetry-log` statement on the ledger
//!                                     │
//!                                     └──▶ opening ──▶ an auditor, who holds it against the checkpoint
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`log`] | [`TelemetryLog`]: append-only, whole again after a crash, with proofs |
//! | [`meter`] | [`meter::Meter`]: what is read from chips in one round, behind the [`meter::Driver`] trait |
//! | [`nvml`] | the driver for NVIDIA chips, through a library that is looked for at run time |
//!
//! The formats are `standstill_attestations::reading`'s and `spec/48-telemetry.md`'s; a verifier needs nothing from here.

pub mod log;
pub mod meter;
pub mod nvml;

pub use log::{Checkpoint, LogError, TelemetryLog, Torn};
