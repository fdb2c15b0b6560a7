//! The file store: `meta.yaml` of one run, and a file of `time value step` for each metric.

use standstill_attestations::claim::{EvidenceRole, Maybe};

use super::{Run, Value, contribution as of_run, take};
use crate::contribution::Contribution;
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Options, count, evidence};
use crate::notes::Notes;
use crate::source::{Document, Source};
use crate::tracker::{Counts, leave_others};

/// The name in evidence.
pub const FORMAT: &str = "mlflow-file-store";

const FIELDS: [&str; 4] = ["end_time", "num_input_tokens_seen", "start_time", "total_flos"];

/// Whether it is a run's `meta.yaml`, or a metric's file.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    is_meta(head.text()) || is_metric(head.first_line())
}

fn is_meta(text: &str) -> bool {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    has("lifecycle_stage: ") && (has("run_id: ") || has("run_uuid: "))
}

/// `1795452084741 6149898240.0 10`.
fn is_metric(line: &str) -> bool {
    let mut parts = line.split(' ');
    let digits =
        |part: Option<&str>| part.is_some_and(|part| part.len() < 20 && part.bytes().all(|byte| byte.is_ascii_digit()));
    let time = parts.next().filter(|time| time.len() >= 12);
    digits(time)
        && parts.next().is_some_and(|value| !value.is_empty())
        && digits(parts.next())
        && parts.next().is_none()
}

/// `meta.yaml` of one run, and its metrics.
pub(crate) fn contribution(sources: &[Source<'_>], options: &Options) -> Result<Imported<Contribution>, ImportError> {
    let documents = sources.iter().map(Source::load).collect::<Result<Vec<_>, _>>()?;
    let mut meta: Option<(&Document<'_>, Run)> = None;
    let (mut counts, mut names) = (Counts::default(), Vec::new());
    for document in &documents {
        let text = document.text()?;
        if is_meta(text) {
            if meta.is_some() {
                return Err(count(2, "one run's meta.yaml"));
            }
            meta = Some((document, run(document, text)?));
            continue;
        }
        // The last part of the path is the metric's name, which may itself have parts: `metrics/train/total_flos`.
        let path = document.name();
        let name = path.split_once("metrics/").map_or(path, |(_, name)| name);
        names.push(name.to_owned());
        for (index, line) in text.lines().enumerate() {
            let bad = |reason| ImportError::BadText {
                file: path.to_owned(),
                field: format!("line {}", index.saturating_add(1)),
                reason,
            };
            let mut parts = line.split(' ');
            let (time, value, step) = (parts.next(), parts.next(), parts.next());
            let (Some(time), Some(value), Some(_), None) = (time, value, step, parts.next()) else {
                return Err(bad("not `time value step`"));
            };
            let time = time.parse().map_err(|_| bad("not a time in milliseconds"))?;
            take(&mut counts, path, &Value { name, text: value, time }, options)?;
        }
        if !text.ends_with('\n') {
            return Err(ImportError::CutOff {
                file: path.to_owned(),
                line: u64::try_from(text.lines().count()).unwrap_or(0),
            });
        }
    }
    let first = sources.first().map_or("", Source::name);
    let (document, run) =
        meta.ok_or_else(|| ImportError::Missing { file: first.to_owned(), field: "meta.yaml of the run".to_owned() })?;
    let mut notes = Notes::new(document.name());
    notes.take("run_id", run.id.clone());
    let facts = of_run(run, counts, &mut notes, options);
    leave_others(names.iter().map(String::as_str), &mut notes);
    let file = |document: &Document<'_>| {
        let version = Maybe::Unknown("the file store does not hold it".to_owned());
        evidence(document.digest(), (EvidenceRole::TrainingLog, FORMAT), ("mlflow", version), &FIELDS)
    };
    Ok(Imported { facts, evidence: documents.iter().map(file).collect(), took: notes.took, left: notes.left })
}

/// `key: value` lines; nested values are passed over.
fn run(document: &Document<'_>, text: &str) -> Result<Run, ImportError> {
    let file = || document.name().to_owned();
    let get = |key: &str| -> Result<Option<&str>, ImportError> {
        let mut found = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(ImportError::Repeated { file: file(), field: key.to_owned() }),
            (value, _) => {
                Ok(value.map(|value| value.trim_matches(['\'', '"'])).filter(|value| !matches!(*value, "null" | "")))
            }
        }
    };
    let time = |key: &'static str| -> Result<Option<u64>, ImportError> {
        let bad =
            |_| ImportError::BadText { file: file(), field: key.to_owned(), reason: "not a time in milliseconds" };
        get(key)?.map(|value| value.parse().map_err(bad)).transpose()
    };
    if get("lifecycle_stage")? != Some("active") {
        return Err(ImportError::Invalidated { file: file() });
    }
    if !text.ends_with('\n') {
        return Err(ImportError::CutOff { file: file(), line: u64::try_from(text.lines().count()).unwrap_or(0) });
    }
    let id = match get("run_id")? {
        Some(id) => Some(id),
        None => get("run_uuid")?,
    };
    let id = id.ok_or_else(|| ImportError::Missing { file: file(), field: "run_id".to_owned() })?;
    Ok(Run {
        id: id.to_owned(),
        name: get("run_name")?.map(str::to_owned),
        start: time("start_time")?,
        end: time("end_time")?,
    })
}
