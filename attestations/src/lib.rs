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
//! | [`training`], [`evaluation`], [`governance`] | the kinds |
//! | [`accounting`] | 6ND, chips x time x peak x utilisation, counting rules, the chip table, intervals, balances |
//! | [`crosscheck`] | a report's figures against what else is known: findings with numbers |
//! | [`reading`] | leaves of a lab's own telemetry log, and the openings by which an auditor sees some |
//! | [`limits`] | the bound on every list and text |
//! | [`error`] | [`StatementError`]: every refusal, named |
//!
//! Rules: FLOP and joules are decimal strings, ratios integer parts per million, times RFC 3339 UTC; an unknown number
//! is `null` beside a reason, never 0; unknown members are refused; what is parsed and written again is the same value.

pub mod accounting;
pub mod claim;
mod claim_check;
mod claim_json;
pub mod crosscheck;
pub mod error;
pub mod evaluation;
pub mod governance;
pub mod limits;
mod reader;
pub mod reading;
pub mod statement;
pub mod training;
mod words;
mod writer;

pub use claim::{Basis, Evidence, EvidenceRole, Interval, Maybe, PpmInterval, Window};
pub use error::StatementError;
pub use evaluation::CapabilityEvaluation;
pub use governance::{KeyRegistration, KeyRevocation, KeyRole, PhaseVote};
pub use statement::{Common, Kind, Predicate, Statement, Subject};
pub use training::TrainingCompute;
