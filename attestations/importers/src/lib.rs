//! Importers: statements from the files that labs' own tools wrote, so that nobody types a number twice.
//!
//! ```text
//! trainer_state.json ──▶ hf_trainer::import ──▶ Imported<TrainingFacts> ──▶ TrainingCompute
//! log.eval, log.json ──▶ inspect::import ─────▶ Imported<EvaluationFacts> ──▶ CapabilityEvaluation
//! ```
//!
//! An importer is given bytes and a name; it opens no file. It says what it took, what it left and why
//! ([`Imported`]), and refuses what it cannot read with the name of the field ([`ImportError`]).
//!
//! ```
//! use standstill_attestations::statement::Kind;
//! use standstill_importers::{Draft, Source, import};
//!
//! let bytes = include_bytes!("../samples/hf_trainer/trainer_state.resumed-to-step40.json");
//! let earlier = include_bytes!("../samples/hf_trainer/trainer_state.final-step20.json");
//! let sources = [
//!     Source { name: "trainer_state.json", bytes },
//!     Source { name: "earlier.json", bytes: earlier },
//! ];
//! let Ok(Draft::Training(imported)) = import(Kind::TrainingCompute, &sources) else { panic!() };
//! assert_eq!(imported.facts.incremental.upper.to_string(), "12299796480");
//! assert_eq!(imported.took[1].to_string(), "trainer_state.json: `total_flos`: incremental, 1.23e10 FLOP since step 20");
//! // With a site, a run and sessions this becomes a predicate: `imported.into_training_compute(context)`.
//! ```
//!
//! Rules: sizes are bounded before anything is allocated; figures are read from their decimal text, never through a
//! float; fields that are not taken may be anything (a bare `NaN` included), fields that are taken must be right; what a
//! file does not say becomes `null` with a reason, never 0. Inexact figures become intervals, rounded outward.

mod archive;
pub mod decimal;
mod error;
mod evaluation;
pub mod hf_trainer;
mod import;
pub mod inspect;
mod notes;
mod scanner;
mod time;
mod tolerant;

pub use error::ImportError;
pub use evaluation::{EvaluationContext, EvaluationFacts, HarnessFacts, RelationshipFact, SuiteFacts};
pub use import::{Draft, Format, Imported, Note, Source, import, read_bounded};

/// Bytes of one file, at most.
pub const MAX_FILE_BYTES: usize = 256 << 20;
/// Bytes of one member of an archive once unpacked, at most.
pub const MAX_MEMBER_BYTES: usize = 16 << 20;
/// Members of an archive, at most.
pub const MAX_MEMBERS: usize = 200_000;
/// Lists and objects within one another, at most.
pub const MAX_DEPTH: usize = 128;
