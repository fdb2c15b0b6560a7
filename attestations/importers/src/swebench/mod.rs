//! Reports of the SWE-bench harness: of a whole run, schema 2, and of single instances.
//!
//! ```text
//! model.run.json   {"total_instances": 6, "submitted_instances": 5, "completed_instances": 3, "resolved_instances": 1, …,
//!                   "completed_ids": ["astropy__astropy-12907", …], "resolved_ids": […], …, "schema_version": 2}
//! report.json      {"astropy__astropy-12907": {"patch_is_None": false, …, "resolved": true, "tests_status": {…}}}
//! ```
//!
//! What to know about it (swebench 4.1.0 and 5.0.2, `harness/reporting.py`, `harness/grading.py`):
//!
//! * Every count stands beside the list that it counts. Where they differ the file was edited.
//! * Each of `total_instances` is either without a prediction (`incomplete`), or has an empty patch, or failed before it
//!   was judged (`error`), or is complete. One whose own report cannot be read is complete *and* an error.
//! * `submitted` counts predictions, among them those for instances that are not in the data set.
//! * The score is `resolved` of **total**, as leaderboards count it: what was not submitted is not resolved.
//! * The report names neither model, data set, version nor time: all four come from the evaluator.
//! * Reports of single instances may be given too: each must agree with the run's, and with its own tests.

mod instance;
mod run;

use standstill_attestations::claim::{Basis, EvidenceRole, Maybe};
use standstill_attestations::evaluation::{Elicitation, EvaluationStatus, Samples, Score, ScoreUnit};

use self::instance::Instance;
use self::run::Run;
use crate::error::ImportError;
use crate::evaluation::{EvaluationFacts, HarnessFacts, SuiteFacts, figures};
use crate::head::Head;
use crate::import::{Imported, Options, evidence};
use crate::notes::Notes;
use crate::source::{Document, Source};

/// The name of a run's report in evidence.
pub const FORMAT: &str = "swebench-run-report";
/// The name of an instance's report in evidence.
pub const FORMAT_INSTANCE: &str = "swebench-instance-report";
const TOOL: &str = "swebench";
const INSTANCE_FIELDS: [&str; 2] = ["resolved", "tests_status"];

/// Whether this is a report, of a run or of an instance.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    head.has(&["total_instances", "submitted_instances"]) || instance::detect(head)
}

/// A run's report, those of some of its instances, or both.
pub(crate) fn evaluation(sources: &[Source<'_>], _: &Options) -> Result<Imported<EvaluationFacts>, ImportError> {
    import(sources)
}

/// Imports the report of a run, reports of single instances, or both, in any order.
pub fn import(sources: &[Source<'_>]) -> Result<Imported<EvaluationFacts>, ImportError> {
    let mut run: Option<(Document<'_>, Run)> = None;
    let mut instances: Vec<(Document<'_>, Instance)> = Vec::new();
    for source in sources {
        let document = source.load()?;
        if document.json()?.object()?.optional("total_instances").is_some() {
            let read = Run::read(source.name(), &document.json()?)?;
            if run.replace((document, read)).is_some() {
                return Err(crate::import::count(2, "one report of a run"));
            }
        } else {
            let read = Instance::read(source.name(), &document.json()?)?;
            if instances.iter().any(|(_, known)| known.id == read.id) {
                return Err(ImportError::Repeated { file: source.name().to_owned(), field: read.id });
            }
            instances.push((document, read));
        }
    }
    let Some(name) = sources.first().map(Source::name) else {
        return Err(crate::import::count(0, "the report of a run"));
    };
    let mut notes = Notes::new(name);
    let (samples, scores) = match &run {
        Some((_, run)) => of_run(run, &instances, &mut notes)?,
        None => of_instances(&instances, &mut notes),
    };
    let unknown = || Maybe::Unknown("reports name no version of the harness".to_owned());
    let mut files = Vec::new();
    if let Some((document, _)) = &run {
        let role = (EvidenceRole::EvaluationLog, FORMAT);
        files.push(evidence(document.digest(), role, (TOOL, unknown()), &run::FIELDS));
    }
    for (document, _) in &instances {
        let role = (EvidenceRole::EvaluationLog, FORMAT_INSTANCE);
        files.push(evidence(document.digest(), role, (TOOL, unknown()), &INSTANCE_FIELDS));
    }
    Ok(Imported { facts: facts(samples, scores), evidence: files, took: notes.took, left: notes.left })
}

fn of_run(
    run: &Run,
    instances: &[(Document<'_>, Instance)],
    notes: &mut Notes<'_>,
) -> Result<(Samples, Vec<Score>), ImportError> {
    for (_, instance) in instances {
        run.check(instance)?;
    }
    if !instances.is_empty() {
        notes.take("resolved", format!("{} instances agree with their own reports", instances.len()));
    }
    run.note(notes);
    let total = run.total;
    let judged = run.resolved.saturating_add(run.unresolved);
    let samples = Samples { in_suite: Maybe::Known(total), planned: total, completed: run.completed.min(total) };
    let whole = Maybe::Unknown("what was not submitted, or failed, counts as not resolved".to_owned());
    let mut scores = vec![score("resolved", run.resolved, total, whole)];
    scores.push(score("resolved-of-judged", run.resolved, judged, Maybe::Known(judged)));
    Ok((samples, scores))
}

fn of_instances(instances: &[(Document<'_>, Instance)], notes: &mut Notes<'_>) -> (Samples, Vec<Score>) {
    let count = u64::try_from(instances.len()).unwrap_or(u64::MAX);
    let resolved = instances.iter().filter(|(_, instance)| instance.resolved).count();
    let resolved = u64::try_from(resolved).unwrap_or(u64::MAX);
    notes.take("resolved", format!("{resolved} of {count} instances"));
    let in_suite = Maybe::Unknown("reports of instances do not say how many there are".to_owned());
    let samples = Samples { in_suite, planned: count, completed: count };
    (samples, vec![score("resolved-of-judged", resolved, count, Maybe::Known(count))])
}

fn score(metric: &str, part: u64, whole: u64, scored_samples: Maybe<u64>) -> Score {
    Score {
        scorer: TOOL.to_owned(),
        reducer: None,
        metric: metric.to_owned(),
        scored_samples,
        unit: ScoreUnit::Ppm,
        value: figures::share(part, whole).map_or_else(|| Maybe::Unknown("of no instances".to_owned()), Maybe::Known),
        uncertainty: Maybe::Unknown("the report states none".to_owned()),
    }
}

/// The report names none.
fn unknown<T>(what: &str) -> Maybe<T> {
    Maybe::Unknown(format!("the report names no {what}"))
}

fn facts(samples: Samples, scores: Vec<Score>) -> EvaluationFacts {
    EvaluationFacts {
        model: unknown("model"),
        window: unknown("time"),
        status: EvaluationStatus::Success,
        suite: SuiteFacts {
            name: unknown("data set"),
            version: unknown("version of the data set"),
            commits: unknown("commits"),
            data_sha256: unknown("digest of the data set"),
        },
        harness: HarnessFacts {
            tool: TOOL.to_owned(),
            tool_version: unknown("version of the harness"),
            revision: unknown("commit of the harness"),
        },
        elicitation: Elicitation { solver: Vec::new(), epochs: 1, parameters: Vec::new() },
        samples,
        analysis: Vec::new(),
        scores,
        basis: Basis::Measured,
        relationship: Maybe::Unknown("the report does not say".to_owned()),
    }
}
