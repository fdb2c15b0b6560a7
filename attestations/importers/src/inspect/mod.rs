//! Inspect AI logs, version 2: one JSON document (`.json`), or an archive of them (`.eval`).
//!
//! ```text
//! log.eval ┬ header.json       {"version": 2, "status": "success", "eval": {…}, "plan": {…}, "results": {…}, "stats": {…}}
//!          ├ samples/q0_epoch_1.json …
//!          └ summaries.json, reductions.json, _journal/…
//! ```
//!
//! What to know about it (inspect_ai `log/_log.py`):
//!
//! * Members of an archive are packed with deflate by old versions, with zstd (method 93) by new ones. Only
//!   `header.json` is unpacked, and sample files are counted by name.
//! * A score may be a bare `NaN`: the metric of no samples. It becomes null with that reason.
//! * `total_samples` and `completed_samples` count runs (samples x epochs); `scored_samples` counts samples after
//!   epochs were reduced, and old versions do not write it.
//! * `dataset.samples` is the size of the suite, also where `limit` ran only a few of them.
//! * Times have whole seconds: the window's end is rounded up to the next.
//! * The log names a model, never its digest: that comes from whoever makes the statement.

mod header;
mod scores;

use standstill_attestations::claim::{Basis, EvidenceRole, Maybe, Window};
use standstill_attestations::evaluation::{
    CapabilityEvaluation, Elicitation, EvaluationStatus, EvaluatorRelationship, Harness, Samples, Score, Suite,
};
use standstill_protocol::hash::Hash;

use crate::archive::Archive;
use crate::error::ImportError;
use crate::import::{Format, Imported, Note, Source, evidence};
use crate::tolerant::Node;

/// The fields that are taken.
const FIELDS: [&str; 13] = [
    "eval.config",
    "eval.dataset.samples",
    "eval.model",
    "eval.packages.inspect_ai",
    "eval.revision",
    "eval.task",
    "eval.task_version",
    "plan",
    "results.completed_samples",
    "results.scores",
    "results.total_samples",
    "stats",
    "status",
];

/// What a log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationFacts {
    /// The model as the harness addressed it, such as `openai/gpt-4o-mini`.
    pub model: String,
    /// From the first sample to the last, rounded outward.
    pub window: Window,
    /// How it ended.
    pub status: EvaluationStatus,
    /// Task, version and commits.
    pub suite: Suite,
    /// Inspect and its version.
    pub harness: Harness,
    /// Solver steps, epochs and settings.
    pub elicitation: Elicitation,
    /// Samples planned and completed.
    pub samples: Samples,
    /// Every score that is a ratio.
    pub scores: Vec<Score>,
}

/// What the log cannot say, from whoever makes the statement. The model's digest becomes the statement's subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationContext {
    /// The model's name in the statement; `None` takes the log's.
    pub model: Option<String>,
    /// What the evaluator is to the developer.
    pub evaluator_relationship: EvaluatorRelationship,
    /// SHA-256 of the data set, where it is known.
    pub data_sha256: Option<Hash>,
}

/// Imports one log.
pub fn import(log: Source<'_>) -> Result<Imported<EvaluationFacts>, ImportError> {
    let (format, header, sample_files) = if Archive::looks_like(log.bytes) {
        let mut archive = Archive::open(log.name, log.bytes)?;
        let header = archive.member("header.json")?;
        (Format::InspectEval, Some(header), Some(archive.count_under("samples/")))
    } else {
        (Format::InspectJson, None, None)
    };
    let document = Node::parse(log.name, header.as_deref().unwrap_or(log.bytes))?;
    let mut notes = Notes { file: log.name, took: Vec::new(), left: Vec::new() };
    let facts = header::read(&document, &mut notes)?;
    if let Some(found) = sample_files {
        notes.sample_files(found, facts.samples.completed);
    }
    notes.leave("samples", "prompts, answers and transcripts stay in the file, which the evidence names by digest");
    let tool_version = Maybe::Known(facts.harness.tool_version.clone());
    let evidence = evidence(&log, (EvidenceRole::EvaluationLog, format), ("inspect_ai", tool_version), &FIELDS);
    Ok(Imported { facts, evidence: vec![evidence], took: notes.took, left: notes.left })
}

/// The account of what was taken and left, as it grows.
struct Notes<'a> {
    file: &'a str,
    took: Vec<Note>,
    left: Vec<Note>,
}

impl Notes<'_> {
    fn take(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.took.push(Note::new(self.file, field, text));
    }

    fn leave(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.left.push(Note::new(self.file, field, text));
    }

    /// The archive holds one file for each run of a sample, unless logging them was switched off.
    fn sample_files(&mut self, found: usize, completed: u64) {
        let text = format!("{found} sample files for {completed} completed runs of samples");
        if u64::try_from(found) == Ok(completed) {
            self.take("samples/", text);
        } else {
            self.leave("samples/", format!("{text}: the counts of the header were taken"));
        }
    }
}

impl Imported<EvaluationFacts> {
    /// The predicate, with what only the evaluator knows.
    pub fn into_capability_evaluation(self, context: EvaluationContext) -> Result<CapabilityEvaluation, ImportError> {
        let Imported { facts, evidence, .. } = self;
        let mut suite = facts.suite;
        if let Some(digest) = context.data_sha256 {
            suite.data_sha256 = Maybe::Known(digest);
        }
        Ok(CapabilityEvaluation {
            model: context.model.unwrap_or(facts.model),
            evaluator_relationship: context.evaluator_relationship,
            window: facts.window,
            status: facts.status,
            suite,
            harness: facts.harness,
            elicitation: facts.elicitation,
            samples: facts.samples,
            scores: facts.scores,
            basis: Basis::Measured,
            evidence,
        })
    }
}
