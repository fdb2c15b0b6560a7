//! The judge: treaty documents, the clause interface, and the host that runs clauses.
//!
//! ```text
//! treaty.toml ──parse──> Treaty ──parameters(clause, phase)──┐
//! clause.wasm ──admit──> Module ─────────────────────────────┼─ Host::run ──> Execution { outcome, state, findings, gas }
//! ledger      ──────────> state, records ────────────────────┘
//! ```
//!
//! Everything here is a function of its arguments: no clock, no randomness, no files. What a clause did is a value
//! ([`Execution`]); `Err` from the host means that *this node* could not decide, and no verdict may be recorded from it.

pub mod admission;
pub mod finding;
pub mod host;
pub mod meter;
pub mod parameters;
pub mod record;
pub mod shipped;
pub mod treaty;

pub use admission::AdmissionError;
pub use finding::{Finding, Verdict};
pub use host::{Assess, Execution, Host, HostFault, Limits, Module, Outcome};
pub use parameters::{ParameterError, Parameters, Value};
pub use record::{Grade, Kind, Record, Totals};
pub use treaty::{Clause, Member, Period, Phase, Role, Treaty, TreatyError, TreatyTemplate};
