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

use standstill_attestations::claim::EvidenceRole;

use crate::archive::Archive;
use crate::error::ImportError;
use crate::evaluation::EvaluationFacts;
use crate::head::Head;
use crate::import::{Imported, Options, count, evidence};
use crate::notes::Notes;
use crate::source::Source;
use crate::tolerant::Node;

/// The fields that are taken.
const FIELDS: [&str; 15] = [
    "eval.config",
    "eval.dataset.samples",
    "eval.model",
    "eval.model_args",
    "eval.model_roles",
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

/// The name in evidence of a log as one JSON document.
pub const FORMAT_JSON: &str = "inspect-log-json";
/// The name in evidence of a log as an archive.
pub const FORMAT_EVAL: &str = "inspect-log-eval";

/// Whether it is a log as one JSON document.
pub(crate) fn detect_json(head: &Head<'_>) -> bool {
    head.has(&["version", "status", "eval"])
}

/// Whether it is a log as an archive.
pub(crate) fn detect_eval(head: &Head<'_>) -> bool {
    Archive::looks_like(head.bytes())
}

/// One log.
pub(crate) fn evaluation(sources: &[Source<'_>], _: &Options) -> Result<Imported<EvaluationFacts>, ImportError> {
    match sources {
        [log] => import(*log),
        _ => Err(count(sources.len(), "one log")),
    }
}

/// Imports one log.
pub fn import(log: Source<'_>) -> Result<Imported<EvaluationFacts>, ImportError> {
    let log = log.load()?;
    let (format, header, sample_files) = if Archive::looks_like(log.bytes()) {
        let mut archive = Archive::open(log.name(), log.bytes())?;
        let header = archive.member("header.json")?;
        (FORMAT_EVAL, Some(header), Some(archive.count_under("samples/")))
    } else {
        (FORMAT_JSON, None, None)
    };
    let document = Node::parse(log.name(), header.as_deref().unwrap_or(log.bytes()))?;
    let mut notes = Notes::new(log.name());
    let facts = header::read(&document, &mut notes)?;
    if let Some(found) = sample_files {
        self::sample_files(found, facts.samples.completed, &mut notes);
    }
    notes.leave("samples", "prompts, answers and transcripts stay in the file, which the evidence names by digest");
    let tool_version = facts.harness.tool_version.clone();
    let evidence = evidence(log.digest(), (EvidenceRole::EvaluationLog, format), ("inspect_ai", tool_version), &FIELDS);
    Ok(Imported { facts, evidence: vec![evidence], took: notes.took, left: notes.left })
}

/// The archive holds one file for each run of a sample, unless logging them was switched off.
fn sample_files(found: usize, completed: u64, notes: &mut Notes<'_>) {
    let text = format!("{found} sample files for {completed} completed runs of samples");
    if u64::try_from(found) == Ok(completed) {
        notes.take("samples/", text);
    } else {
        notes.leave("samples/", format!("{text}: the counts of the header were taken"));
    }
}
