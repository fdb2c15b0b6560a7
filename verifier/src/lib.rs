//! The auditor's room: checks a bundle or a receipt offline, and says what it found.
//!
//! ```text
//! bundle ──read, digest──> frames ──all cores──> records, signatures ──in order──> heads ──ledger::check──> state
//!                              1                          1  2                       3 4 5        6 7         8
//! trust.toml ─────────────────────────────────────── pins all of it                                 └─> Verdict ─> exit
//! ```
//!
//! Entry points: [`audit::verify_bundle`] and [`trust::Trust::parse`]. What a check is, [`checks::Check`] says; what a
//! process ends with, [`exit::Exit`].
//!
//! Rules: no network and no async runtime (a test reads the dependency tree); every failure is collected with its
//! scope; a [`exit::Verdict`] is made from the results of all eight checks and in no other way.

pub mod audit;
pub mod checks;
pub mod exit;
pub mod extends;
pub mod inspect;
pub mod json;
pub mod proof;
pub mod report;
pub mod screen;
pub mod trust;
pub mod words;

pub use audit::{AuditError, Progress, verify_bundle, verify_bundle_watched};
pub use checks::{Check, CheckResult, Failure, Results, Status};
pub use exit::{Exit, Verdict};
pub use report::{Options, Report};
pub use trust::{Trust, TrustError};
