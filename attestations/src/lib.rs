//! What a member can say: statements, the checks that each must pass alone, and the accounting behind their numbers.
//!
//! A statement is an in-toto Statement v1 in JSON, signed as it stands (`spec/45-statements.md`):
//!
//! ```text
//! {"_type": "https://in-toto.io/Statement/v1",
//!  "subject": [{"name": "run/aurora-3/step-20", "digest": {"sha256": "…"}}],
//!  "predicateType": "https://standstill.example/predicate/training-compute/v1",
//!  "predicate": {"chainId": "…", "member": "lab-a", "sequence": 7, "issuedAt": "2026-11-23T12:00:00Z", …}}
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`statement`] | [`Statement`], what all kinds share, parsing and writing |
//! | [`claim`] | intervals, bases, evidence, and numbers that may be unknown |
//! | [`accounting`] | 6ND, chips x time x peak x utilisation, counting rules, the chip table, intervals, balances |
//! | [`crosscheck`] | a report's figures against what else is known: findings with numbers |
//! | [`reading`] | leaves of a lab's own telemetry log, and the openings by which an auditor sees some |
//! | [`training`], [`evaluation`] | what a lab trained, and what the result can do |
//! | [`inventory`], [`device`], [`plan`], [`telemetry`] | a lab's chips, what they sign, its plans, its own log |
//! | [`countersignature`], [`inspection`] | what others observed |
//! | [`incident`], [`governance`] | what went wrong; votes and keys |
//! | [`figure`] | figures by name, observations, and whether the two agree |
//! | [`identity`] | digests of members, sites, runs, logs and chips; the nonce of a device's report |
//! | [`limits`] | the bound on every list and text |
//! | [`error`] | [`StatementError`]: every refusal, named |
//!
//! Rules: FLOP and joules are decimal strings, ratios integer parts per million, times RFC 3339 UTC; an unknown number
//! is `null` beside a reason, never 0; unknown members are refused; what is parsed and written again is the same value.

pub mod accounting;
pub mod claim;
mod claim_check;
mod claim_json;
pub mod countersignature;
pub mod crosscheck;
pub mod device;
pub mod error;
pub mod evaluation;
pub mod figure;
pub mod governance;
pub mod identity;
pub mod incident;
pub mod inspection;
pub mod inventory;
pub mod limits;
pub mod plan;
mod reader;
pub mod reading;
pub mod statement;
pub mod telemetry;
pub mod training;
mod words;
mod writer;

pub use claim::{Basis, Coverage, Evidence, EvidenceRole, FigureGroup, Interval, Maybe, PpmInterval, Window};
pub use countersignature::Countersignature;
pub use device::HardwareEvidence;
pub use error::{EvaluationError, StatementError, TrainingError};
pub use evaluation::CapabilityEvaluation;
pub use figure::{Agreement, Bounds, Figure, Observation, Unit};
pub use governance::{KeyRegistration, KeyRevocation, KeyRole, PhaseVote};
pub use identity::LogHead;
pub use incident::Incident;
pub use inspection::Inspection;
pub use inventory::ChipInventory;
pub use plan::RunPlan;
pub use statement::{Common, Correction, Kind, Predicate, Statement, Subject};
pub use telemetry::TelemetryLog;
pub use training::TrainingCompute;
