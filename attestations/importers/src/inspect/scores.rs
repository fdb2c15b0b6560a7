//! The scores of a log. A metric between 0 and 1 is a score; `stderr` beside it is its standard error; what is neither
//! is left with a note.

use standstill_attestations::claim::Maybe;
use standstill_attestations::evaluation::{Samples, Score, ScoreUnit, Spread, Uncertainty};
use standstill_attestations::limits;

use crate::error::ImportError;
use crate::evaluation::settings::{fitting, label};
use crate::notes::Notes;
use crate::tolerant::{Members, Node, Number};

/// Metrics that say how sure another is, best first.
const ERRORS: [&str; 2] = ["stderr", "bootstrap_stderr"];
/// Metrics of spread, which are no results of their own.
const SPREADS: [&str; 2] = ["std", "var"];
const MILLION: u64 = 1_000_000;

pub(super) fn read(node: &Node<'_>, samples: &Samples, notes: &mut Notes<'_>) -> Result<Vec<Score>, ImportError> {
    let mut scores = Vec::new();
    for entry in node.list()? {
        one_scorer(&entry.object()?, samples, &mut scores, notes)?;
    }
    if scores.len() > limits::SCORES {
        notes.leave(node.path(), format!("scores after the first {}", limits::SCORES));
        scores.truncate(limits::SCORES);
    }
    if scores.is_empty() {
        return Err(ImportError::NoScores { file: notes.file.to_owned() });
    }
    Ok(scores)
}

fn one_scorer(
    entry: &Members<'_>,
    samples: &Samples,
    scores: &mut Vec<Score>,
    notes: &mut Notes<'_>,
) -> Result<(), ImportError> {
    let scorer = label(&entry.required("name")?)?;
    let reducer = entry.optional("reducer").map(|reducer| label(&reducer)).transpose()?;
    let scored_samples = scored(entry, samples, notes)?;
    let metrics = entry.required("metrics")?.object()?;
    let uncertainty = uncertainty(&metrics)?;
    for (name, metric) in metrics.iter() {
        if ERRORS.contains(&name) {
            continue;
        }
        if SPREADS.contains(&name) {
            notes.leave(metric.path(), "a spread, not a result");
            continue;
        }
        let Ok(metric_name) = fitting(name, limits::LABEL) else {
            notes.leave(metric.path(), "its name does not fit a statement");
            continue;
        };
        let Some(value) = ratio(&metric.object()?.required("value")?, notes)? else { continue };
        let shown = value.known().map_or_else(|| "not a number".to_owned(), |ppm| format!("{ppm} ppm"));
        notes.take(metric.path(), format!("{scorer} {name}: {shown}"));
        scores.push(Score {
            scorer: scorer.clone(),
            reducer: reducer.clone(),
            metric: metric_name,
            scored_samples: scored_samples.clone(),
            unit: ScoreUnit::Ppm,
            value,
            uncertainty: uncertainty.clone(),
        });
    }
    Ok(())
}

/// Samples that the scores rest on.
fn scored(entry: &Members<'_>, samples: &Samples, notes: &Notes<'_>) -> Result<Maybe<u64>, ImportError> {
    let Some(node) = entry.optional("scored_samples") else {
        return Ok(Maybe::Unknown("this version of inspect_ai does not record it".to_owned()));
    };
    let scored = node.whole_u64()?;
    if scored > samples.completed {
        return Err(ImportError::Contradiction {
            file: notes.file.to_owned(),
            field: node.path().to_owned(),
            other: "results.completed_samples",
            reason: format!("{scored} scored of {} completed", samples.completed),
        });
    }
    Ok(Maybe::Known(scored))
}

fn uncertainty(metrics: &Members<'_>) -> Result<Maybe<Uncertainty>, ImportError> {
    let Some((name, metric)) = ERRORS.iter().find_map(|name| Some((name, metrics.optional(name)?))) else {
        return Ok(Maybe::Unknown("the log holds no standard error".to_owned()));
    };
    let value = metric.object()?.required("value")?;
    let unknown = |what: &str| Ok(Maybe::Unknown(format!("the log says {what}")));
    if value.is_null() {
        return unknown("null");
    }
    match value.number()? {
        Number::NotFinite(word) => unknown(word),
        Number::Finite(decimal, text) => match decimal.ppm_up().filter(|ppm| *ppm <= MILLION) {
            Some(ppm) => Ok(Maybe::Known(Uncertainty {
                spread: Spread::StandardError(ppm),
                method: Maybe::Known((*name).to_owned()),
            })),
            None => unknown(&format!("{text}, which is no ratio")),
        },
    }
}

/// The value in parts per million; `None`, with a note, where it is no ratio.
fn ratio(value: &Node<'_>, notes: &mut Notes<'_>) -> Result<Option<Maybe<i64>>, ImportError> {
    if value.is_null() {
        return Ok(Some(Maybe::Unknown("the log says null".to_owned())));
    }
    match value.number()? {
        Number::NotFinite(word) => Ok(Some(Maybe::Unknown(format!("the log says {word}")))),
        Number::Finite(decimal, text) => {
            match decimal.ppm_nearest().filter(|ppm| *ppm <= MILLION).and_then(|ppm| i64::try_from(ppm).ok()) {
                Some(ppm) => Ok(Some(Maybe::Known(ppm))),
                None => {
                    notes.leave(value.path(), format!("{text} is not between 0 and 1"));
                    Ok(None)
                }
            }
        }
    }
}
