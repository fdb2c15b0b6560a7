//! Importers: statements from the files that labs' own tools wrote, so that nobody types a number twice.
//!
//! ```text
//! trainer_state.json, sacct, energy … ──▶ Contribution each ──▶ combine ──▶ TrainingCompute
//! log.eval, results.json, runs.jsonl … ─▶ EvaluationFacts ────────────────▶ CapabilityEvaluation
//! ```
//!
//! An importer is given a name and a content; it opens no file. It says what it took, what it left and why
//! ([`Imported`]), and refuses what it cannot read with the name of the field ([`ImportError`]). The formats are the rows
//! of [`FORMATS`].
//!
//! ```
//! use standstill_attestations::statement::Kind;
//! use standstill_importers::{Draft, Options, Source, import};
//!
//! let bytes = include_bytes!("../samples/hf_trainer/trainer_state.resumed-to-step40.json");
//! let earlier = include_bytes!("../samples/hf_trainer/trainer_state.final-step20.json");
//! let sources = [Source::new("trainer_state.json", bytes), Source::new("earlier.json", earlier)];
//! let Ok(Draft::Training(imported)) = import(Kind::TrainingCompute, &sources, &Options::default()) else { panic!() };
//! assert_eq!(imported.facts.flop.unwrap().incremental.upper.to_string(), "12299796480");
//! assert_eq!(imported.took[1].to_string(), "trainer_state.json: `total_flos`: incremental, 1.23e10 FLOP since step 20");
//! // With a site, a run and sessions this becomes a predicate: `imported.into_training_compute(context)`.
//! ```
//!
//! Rules: sizes are bounded before anything is allocated; figures are read from their decimal text, never through a
//! float; fields that are not taken may be anything (a bare `NaN` included), fields that are taken must be right; what a
//! file does not say becomes `null` with a reason, never 0. Inexact figures become intervals, rounded outward.

mod archive;
pub mod chips;
pub mod codecarbon;
mod combine;
pub mod contribution;
pub mod dcgm;
pub mod decimal;
mod error;
mod evaluation;
pub mod every_eval_ever;
mod head;
pub mod hf_trainer;
mod import;
pub mod inspect;
mod json_stream;
pub mod lm_eval;
pub mod megatron;
pub mod metr;
mod notes;
pub mod nvidia_smi;
pub mod prometheus;
mod readings;
mod scanner;
mod separated;
pub mod slurm;
mod source;
pub mod swebench;
mod table;
mod time;
mod tolerant;
pub mod tracker;
mod training;

pub use combine::combine;
pub use contribution::Contribution;
pub use error::ImportError;
pub use evaluation::{EvaluationContext, EvaluationFacts, HarnessFacts, RelationshipFact, SuiteFacts};
pub use head::Head;
pub use import::{Draft, FORMATS, Format, Imported, Importer, Note, Options, import};
pub use source::{Content, Document, FileDigest, Progress, Reading, Source, read_bounded};
pub use training::{HardwareContext, TrainingContext};

/// Bytes of one file that is held whole, at most. Files that are read in pieces have no bound.
pub const MAX_FILE_BYTES: usize = 256 << 20;
/// Bytes of one line, at most.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// Bytes of one item of a list that is read item by item, at most.
pub const MAX_ITEM_BYTES: usize = 32 << 20;
/// Bytes that a format is told from.
pub const HEAD_BYTES: usize = 256 << 10;
/// Bytes of one member of an archive once unpacked, at most.
pub const MAX_MEMBER_BYTES: usize = 16 << 20;
/// Members of an archive, at most.
pub const MAX_MEMBERS: usize = 200_000;
/// Lists and objects within one another, at most.
pub const MAX_DEPTH: usize = 128;
