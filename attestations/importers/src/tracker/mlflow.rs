//! MLflow: its SQLite database (`mlflow.db`), and its file store (`mlruns/EXPERIMENT/RUN/`).
//!
//! ```text
//! mlflow.db                         runs(run_uuid, name, status, start_time, end_time, lifecycle_stage, …)
//!                                   metrics(key, value, timestamp, run_uuid, step, is_nan)
//! mlruns/…/RUN/meta.yaml            run_id: e327…   start_time: 1795452084741   lifecycle_stage: active
//! mlruns/…/RUN/metrics/total_flos   1795452084741 6149898240.0 10
//! ```
//!
//! * The database is read from memory, never from its path: nothing is written beside it. One in WAL mode may have its
//!   last entries in another file, and is refused.
//! * A metric's name in the file store is its file's name: `meta.yaml` and the metrics' files are given together.
//! * Each value has its time, so that a report can count from the last value before its period.

mod database;
mod files;

pub use database::FORMAT as FORMAT_DATABASE;
pub(crate) use database::{contribution as contribution_database, detect as detect_database};
pub use files::FORMAT as FORMAT_FILES;
pub(crate) use files::{contribution as contribution_files, detect as detect_files};

use standstill_attestations::claim::{Maybe, Window};
use standstill_attestations::training::Session;
use standstill_protocol::units::Timestamp;

use super::{Counts, counted};
use crate::contribution::Contribution;
use crate::error::ImportError;
use crate::import::Options;
use crate::notes::Notes;

/// A run, as either store describes it.
struct Run {
    id: String,
    name: Option<String>,
    start: Option<u64>,
    end: Option<u64>,
}

/// A value of a metric: text, time in milliseconds.
struct Value<'v> {
    name: &'v str,
    text: &'v str,
    time: u64,
}

/// Takes a value, as one from before the report, in it, or after it.
fn take(counts: &mut Counts, file: &str, value: &Value<'_>, options: &Options) -> Result<(), ImportError> {
    if counted(value.name).is_none() {
        return Ok(());
    }
    let time = Timestamp(value.time);
    match options.window {
        Some(window) if time > window.end => Ok(()),
        Some(window) if time < window.start => {
            counts.take(file, value.name, value.text, true)?;
            counts.take(file, value.name, value.text, false)
        }
        _ => counts.take(file, value.name, value.text, false),
    }
}

/// The contribution of a run, with its session where it has ended.
fn contribution(run: Run, counts: Counts, notes: &mut Notes<'_>, options: &Options) -> Contribution {
    let mut facts = counts.contribution(notes);
    facts.run = run.name.or(Some(run.id)).filter(|name| !name.is_empty() && !name.chars().any(char::is_control));
    let bounds = run.start.zip(run.end).filter(|(start, end)| start < end);
    let bounds = bounds.map(|(start, end)| Window { start: Timestamp(start), end: Timestamp(end) });
    let bounds = bounds.and_then(|run| match options.window {
        Some(window) => {
            let cut = Window { start: run.start.max(window.start), end: run.end.min(window.end) };
            (cut.start < cut.end).then_some(cut)
        }
        None => Some(run),
    });
    match bounds.filter(|window| Timestamp::parse(&window.end.to_string()) == Ok(window.end)) {
        Some(window) => {
            notes.take("start_time", "one session: a run that was resumed has its gaps in it");
            facts.sessions = vec![Session {
                window,
                resumed_from: Maybe::Unknown("the tracker does not know of checkpoints".to_owned()),
                chips: Maybe::Unknown("the tracker does not count chips".to_owned()),
            }];
        }
        None => notes.leave("end_time", "the run has not ended, or not in the time asked for: it makes no session"),
    }
    facts
}
