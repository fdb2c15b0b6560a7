//! Slurm's accounting, as `sacct` writes it: which job held how many GPUs, and when.
//!
//! ```text
//! sacct --allusers --duplicates -X -P -o JobID,JobIDRaw,JobName,State,Start,End,ElapsedRaw,AllocTRES
//! JobID|JobIDRaw|JobName|State|Start|End|ElapsedRaw|AllocTRES
//! 2|2|pretrain|REQUEUED|2026-11-23T10:50:36|2026-11-23T10:50:42|6|cpu=4,gres/gpu:h100=4,gres/gpu=4,node=1
//! 2|2|pretrain|COMPLETED|2026-11-23T10:52:51|2026-11-23T10:53:07|16|cpu=4,gres/gpu:h100=4,gres/gpu=4,node=1
//! ```
//!
//! What to know about it (Slurm 21.08 to 25.11):
//!
//! * A job's steps (`2.batch`, `2.0`) hold the job's own GPUs: only jobs are counted.
//! * A requeued job has one row for each time that it ran, and `sacct` prints the last alone unless it is given
//!   `--duplicates`: every one is counted, and a row that two dumps hold is counted once.
//! * `gres/gpu:h100=4` and `gres/gpu=4` are the same four: the untyped count is taken, the typed one names the chip.
//! * `Elapsed` leaves out time in which the job was suspended; a session reaches from `Start` to `End`.
//! * Text holds times of the cluster's own zone, without saying which. JSON holds seconds since 1970.
//! * JSON changes its shape: numbers become `{"set": …, "infinite": …, "number": …}`, a state a list of states,
//!   `meta.Slurm` becomes `meta.slurm`. It is read by its shape, and versions that were not tried are refused.
//!
//! Both forms are read as streams: a job takes 24 bytes, whatever the length of its row.

mod json;
mod parsable;
mod rows;

use standstill_attestations::claim::{EvidenceRole, Maybe};

use crate::contribution::{Contribution, HardwareFacts};
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Note, Options, evidence};
use crate::slurm::rows::{Rows, Totals};
use crate::source::{FileDigest, Source};

/// The name in evidence of parsable text.
pub const FORMAT_PARSABLE: &str = "slurm-sacct-parsable";
/// The name in evidence of JSON.
pub const FORMAT_JSON: &str = "slurm-sacct-json";

const FIELDS_PARSABLE: [&str; 6] = ["AllocTRES", "ElapsedRaw", "End", "JobID", "Start", "State"];
const FIELDS_JSON: [&str; 6] = ["array", "cluster", "job_id", "state.current", "time", "tres.allocated"];

/// Whether it is parsable text: its first line names columns.
pub(crate) fn detect_parsable(head: &Head<'_>) -> bool {
    let mut columns = head.first_line().split('|');
    head.first_line().contains('|') && columns.any(|column| column == "JobID" || column == "JobIDRaw")
}

/// Whether it is JSON of `sacct` or of `slurmrestd`: jobs, and Slurm's own account of itself.
pub(crate) fn detect_json(head: &Head<'_>) -> bool {
    let meta = head.text().contains("\"Slurm\"") || head.text().contains("\"slurm\"");
    (head.has(&["meta"]) && meta || head.has(&["jobs"])) && head.text().contains("\"jobs\"")
}

/// One run of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Job {
    /// As people write it: `5_0`.
    pub(crate) id: String,
    /// As the database numbers it: `9`.
    pub(crate) raw_id: u32,
    pub(crate) cluster: String,
    pub(crate) name: String,
    /// Seconds since 1970; `None` where it never started.
    pub(crate) start: Option<u64>,
    /// Seconds since 1970; `None` where it has not ended.
    pub(crate) end: Option<u64>,
    /// Seconds, without those suspended.
    pub(crate) elapsed: u64,
    pub(crate) gpus: u64,
    pub(crate) gpu_type: Option<String>,
}

impl Job {
    /// Whether the options ask for it.
    fn wanted(&self, options: &Options) -> bool {
        let named = options.job_name.as_ref().is_none_or(|name| *name == self.name);
        let raw = self.raw_id.to_string();
        let is = |asked: &String| {
            let part = self.id.strip_prefix(asked.as_str());
            *asked == raw || part.is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '+']))
        };
        named && (options.jobs.is_empty() || options.jobs.iter().any(is))
    }
}

/// GPUs of a TRES list. The untyped count holds the typed ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gpus {
    untyped: Option<u64>,
    typed: u64,
    /// The type; `several` where there is more than one.
    name: Option<String>,
}

impl Gpus {
    /// Takes one entry, such as `gpu` or `gpu:h100`; others are passed over. False where the counts are beyond 64 bits.
    pub(crate) fn take(&mut self, name: &str, count: u64) -> bool {
        if name == "gpu" {
            self.untyped = Some(self.untyped.unwrap_or(0).saturating_add(count));
        } else if let Some(kind) = name.strip_prefix("gpu:") {
            self.typed = self.typed.saturating_add(count);
            self.name = match &self.name {
                Some(known) if known != kind => Some("several".to_owned()),
                _ => Some(kind.to_owned()),
            };
        }
        self.typed < u64::from(u32::MAX) && self.untyped.unwrap_or(0) < u64::from(u32::MAX)
    }

    /// How many, and of which type; `None` where more are typed than there are.
    pub(crate) fn total(self) -> Option<(u64, Option<String>)> {
        match self.untyped {
            Some(untyped) if self.typed > untyped => None,
            Some(untyped) => Some((untyped, self.name)),
            None => Some((self.typed, self.name)),
        }
    }
}

/// Parsable text.
pub(crate) fn contribution_parsable(
    sources: &[Source<'_>],
    options: &Options,
) -> Result<Imported<Contribution>, ImportError> {
    let mut rows = Rows::default();
    let mut imported = started();
    for source in sources {
        let digest = parsable::read(source, options, &mut rows)?;
        imported.add(digest, FORMAT_PARSABLE, &FIELDS_PARSABLE, Maybe::Unknown("text does not hold it".to_owned()));
    }
    let name = sources.first().map_or("", |source| source.name());
    if options.utc_offset_minutes.is_none() {
        imported.left.push(Note::new(name, "Start", "text has no time zone: read as UTC"));
    }
    finished(imported, name, rows, options, "AllocTRES")
}

/// JSON.
pub(crate) fn contribution_json(
    sources: &[Source<'_>],
    options: &Options,
) -> Result<Imported<Contribution>, ImportError> {
    let mut rows = Rows::default();
    let mut imported = started();
    for source in sources {
        let (digest, release) = json::read(source, options, &mut rows)?;
        imported.add(digest, FORMAT_JSON, &FIELDS_JSON, Maybe::Known(release));
    }
    let name = sources.first().map_or("", |source| source.name());
    finished(imported, name, rows, options, "tres.allocated")
}

fn started() -> Imported<Contribution> {
    Imported { facts: Contribution::default(), evidence: Vec::new(), took: Vec::new(), left: Vec::new() }
}

impl Imported<Contribution> {
    fn add(&mut self, digest: FileDigest, format: &str, fields: &[&str], version: Maybe<String>) {
        self.evidence.push(evidence(digest, (EvidenceRole::SchedulerLog, format), ("slurm", version), fields));
    }
}

fn finished(
    mut imported: Imported<Contribution>,
    name: &str,
    rows: Rows,
    options: &Options,
    tres: &str,
) -> Result<Imported<Contribution>, ImportError> {
    let totals = rows.totals(options.window).ok_or_else(|| ImportError::NothingMatched {
        file: name.to_owned(),
        what: "no job that ran fits the job ids, the name and the time asked for",
    })?;
    account(&mut imported, name, &totals, tres);
    imported.facts = Contribution {
        sessions: totals.sessions,
        hardware: (totals.chips > 0).then_some(HardwareFacts {
            accelerator: totals.gpu_type,
            chips: Some(totals.chips),
            chip_seconds: Some(totals.chip_seconds),
            ..HardwareFacts::default()
        }),
        ..Contribution::default()
    };
    Ok(imported)
}

fn account(imported: &mut Imported<Contribution>, name: &str, totals: &Totals, tres: &str) {
    let mut take = |field: &str, text: String| imported.took.push(Note::new(name, field, text));
    if totals.chips > 0 {
        let (seconds, chips, runs) = (totals.chip_seconds, totals.chips, totals.runs);
        let kind = totals.gpu_type.as_deref().unwrap_or("of no stated type");
        take(tres, format!("{seconds} GPU seconds of {runs} job runs, at most {chips} GPUs at once, {kind}"));
    }
    take("Start", format!("{} sessions", totals.sessions.len()));
    let mut leave = |field: &str, text: String| imported.left.push(Note::new(name, field, text));
    if totals.chips == 0 {
        leave(tres, "no GPU was allocated to any of these jobs: their sessions alone were taken".to_owned());
    }
    for (count, text) in [
        (totals.steps, "steps, which hold their job's GPUs"),
        (totals.other, "jobs that were not asked for"),
        (totals.idle, "jobs that never ran"),
        (totals.repeated, "rows that stand twice"),
        (totals.outside, "job runs outside the time asked for"),
        (totals.without_gpu, "job runs without GPUs"),
    ] {
        if count > 0 {
            leave("JobID", format!("{count} {text}"));
        }
    }
    if totals.joined > 0 {
        leave("Start", format!("{} gaps between sessions, the shortest, to stay within a statement", totals.joined));
    }
    if totals.running > 0 {
        leave("End", format!("{} jobs still ran: counted up to the dump", totals.running));
    }
    if totals.restarts == 0 {
        leave("JobID", "earlier runs of requeued jobs, unless sacct was given `--duplicates`".to_owned());
    } else {
        imported.took.push(Note::new(name, "JobID", format!("{} earlier runs of requeued jobs", totals.restarts)));
    }
    if totals.several_types {
        let text = "GPUs of several types: name one type's jobs for a statement about it".to_owned();
        imported.left.push(Note::new(name, tres, text));
    }
}
