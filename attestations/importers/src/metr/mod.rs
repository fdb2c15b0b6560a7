//! METR's task runs, and the time horizon that they make: `runs.jsonl`, or a table made from it.
//!
//! ```text
//! {"task_id": "file_recovery/file_1", "task_family": "file_recovery", "alias": "Claude 3 Opus", "human_minutes": 6.1,
//!  "score_binarized": 1, "started_at": …, "completed_at": …, "invsqrt_task_weight": 0.00091, …}
//!
//! runs ─▶ weights 1/runs x 1/sqrt(tasks in family), sum 1 ─▶ logistic fit ─▶ p50, p80
//!                                └▶ resamples (family, task, run) ─▶ fit ─▶ 95 % interval
//! p50 of every model, days of release ─▶ the frontier ─▶ doubling time
//! ```
//!
//! What to know about it (METR/eval-analysis-public, `horizon/wrangle/logistic.py`, `bootstrap.py`):
//!
//! * The p50 published for one model moved when the ridge penalty went from 0.1 to 0.00001 under an unchanged name of the
//!   benchmark. So the statement's analysis names the penalty, the weights, the resamples and their seed.
//! * A file may state weights. They must be those of its rows: where they are not, rows are missing.
//! * METR's own solver stops at a tolerance of 1e-4; this one goes on to the end, so that the last published digits
//!   differ. Horizons are rounded to the nearest millisecond, their intervals outward.
//! * The row of `human` is no model. A run that ended in a fatal error is a failure.

mod bootstrap;
mod dates;
mod fit;
mod runs;
mod trend;

use std::collections::BTreeMap;

use standstill_attestations::claim::{Basis, EvidenceRole, Maybe, Window};
use standstill_attestations::evaluation::{
    Elicitation, EvaluationStatus, Parameter, Samples, Score, ScoreUnit, Spread, Uncertainty,
};
use standstill_attestations::limits;
use standstill_protocol::units::{Ppm, Timestamp};

use self::fit::Fit;
use self::runs::Runs;
use self::trend::Release;
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::evaluation::settings::{Settings, fitting};
use crate::evaluation::{EvaluationFacts, HarnessFacts, SuiteFacts};
use crate::head::Head;
use crate::import::{Imported, Options, count, evidence};
use crate::notes::Notes;
use crate::source::{Document, Source};

/// The name in evidence of runs, an object a line.
pub const FORMAT: &str = "metr-runs";
/// The name in evidence of runs as a table.
pub const FORMAT_TABLE: &str = "metr-runs-table";
/// The name in evidence of days of release.
pub const FORMAT_DATES: &str = "metr-release-dates";
/// The fields that are taken from runs.
const FIELDS: [&str; 8] = [
    "alias",
    "completed_at",
    "human_minutes",
    "score_binarized",
    "started_at",
    "task_family",
    "task_id",
    "task_source",
];
const HUMAN: &str = "human";
/// Shares of success, in percent, for which a horizon is stated.
const PERCENTS: [u32; 2] = [50, 80];
const CONFIDENCE: Ppm = Ppm(950_000);
/// The shares of the resamples below and above which 95 % lie.
const TAILS: (f64, f64) = (0.025, 0.975);
const MINUTE_MS: f64 = 60_000.0;
const DAY_MS: f64 = 86_400_000.0;
/// The largest whole number that a statement states.
const LARGEST: f64 = 9_007_199_254_740_991.0;

/// How the horizon is computed. The default is METR's present one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// The model, by its `alias`; `None` where the file holds one.
    pub model: Option<String>,
    /// The penalty on the slope, as a decimal number above 0.
    pub ridge: String,
    /// Resamples behind the interval, at most 10,000; with 0 there is none.
    pub resamples: u32,
    /// Seed of the generator that draws them.
    pub seed: u64,
}

/// Resamples, at most.
const MAX_RESAMPLES: u32 = 10_000;

impl Default for Analysis {
    fn default() -> Self {
        Analysis { model: None, ridge: "0.00001".to_owned(), resamples: 1000, seed: 42 }
    }
}

/// Whether these are runs, or days of release.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    dates::looks_like(head.bytes()) || runs::is_table(head.bytes()) || runs::is_lines(head.bytes())
}

/// Runs of the model that is named, and days of release where they are given.
pub(crate) fn evaluation(sources: &[Source<'_>], options: &Options) -> Result<Imported<EvaluationFacts>, ImportError> {
    let usual = Analysis::default();
    let analysis = Analysis {
        model: options.run.clone(),
        ridge: options.ridge.clone().unwrap_or(usual.ridge),
        resamples: options.resamples.unwrap_or(usual.resamples),
        seed: options.seed.unwrap_or(usual.seed),
    };
    import(sources, &analysis)
}

/// Imports runs, and days of release where they are given, in any order.
pub fn import(sources: &[Source<'_>], analysis: &Analysis) -> Result<Imported<EvaluationFacts>, ImportError> {
    let documents = sources.iter().map(Source::load).collect::<Result<Vec<_>, _>>()?;
    let (dated, run_files): (Vec<&Document<'_>>, Vec<_>) =
        documents.iter().partition(|document| dates::looks_like(document.bytes()));
    let ([source], true) = (run_files.as_slice(), dated.len() < 2) else {
        return Err(count(sources.len(), "one file of runs, and one of release dates where the trend is wanted,"));
    };
    let ridge = ridge(analysis)?;
    let mut notes = Notes::new(source.name());
    let models = models(source, &mut notes)?;
    let (model, runs) = chosen(source, &models, analysis)?;
    let mut scores = vec![success_rate(runs)];
    let fit = horizons(source, runs, (ridge, analysis), &mut scores, &mut notes)?;
    let format = if runs::is_table(source.bytes()) { FORMAT_TABLE } else { FORMAT };
    let version = || unknown("runs name no version of a tool");
    let tool = "eval-analysis-public";
    let role = (EvidenceRole::EvaluationLog, format);
    let mut evidence = vec![self::evidence(source.digest(), role, (tool, version()), &FIELDS)];
    if let [dates] = dated.as_slice() {
        doubling(dates, &models, ridge, &mut scores, &mut notes)?;
        let role = (EvidenceRole::Other, FORMAT_DATES);
        evidence.push(self::evidence(dates.digest(), role, (tool, version()), &["date"]));
    }
    let facts = facts(model, runs, scores, said(runs, fit, analysis, &mut notes), &mut notes);
    Ok(Imported { facts, evidence, took: notes.took, left: notes.left })
}

fn ridge(analysis: &Analysis) -> Result<f64, ImportError> {
    let bad = |field: &str, found: String, reason| ImportError::BadNumber {
        file: "the analysis".to_owned(),
        field: field.to_owned(),
        found,
        reason,
    };
    if analysis.resamples > MAX_RESAMPLES {
        return Err(bad("resamples", analysis.resamples.to_string(), "at most 10000 are made"));
    }
    let exact = Decimal::parse(&analysis.ridge).filter(|ridge| !ridge.is_negative() && !ridge.is_zero());
    let value = exact.and_then(|_| analysis.ridge.parse::<f64>().ok());
    let value = value.filter(|ridge| (1e-12..=1e6).contains(ridge));
    value.ok_or_else(|| {
        bad("ridge", analysis.ridge.chars().take(40).collect(), "a number from 1e-12 to 1000000 is expected")
    })
}

/// The runs of every model; what people did is left.
fn models(source: &Document<'_>, notes: &mut Notes<'_>) -> Result<BTreeMap<Option<String>, Runs>, ImportError> {
    let mut models = runs::read(source)?;
    if let Some(human) = models.remove(&Some(HUMAN.to_owned())) {
        notes.leave("alias", format!("{} runs by people, whose time the tasks are measured in", human.count));
    }
    Ok(models)
}

type Model<'m> = (&'m Option<String>, &'m Runs);

fn chosen<'m>(
    source: &Document<'_>,
    models: &'m BTreeMap<Option<String>, Runs>,
    analysis: &Analysis,
) -> Result<Model<'m>, ImportError> {
    let file = || source.name().to_owned();
    if analysis.model.is_some()
        && let Some(found) = models.get_key_value(&analysis.model)
    {
        return Ok(found);
    }
    let mut names = models.iter();
    match (names.next(), names.next(), &analysis.model) {
        (None, _, _) => Err(ImportError::NoScores { file: file() }),
        (Some(only), None, None) => Ok(only),
        _ => {
            let names: Vec<_> = models.keys().flatten().take(5).map(|name| format!("`{name}`")).collect();
            let names = names.join(", ").chars().take(200).collect();
            Err(ImportError::ManyModels { file: file(), count: models.len(), names })
        }
    }
}

/// The share of all runs that succeeded, each counted once.
fn success_rate(runs: &Runs) -> Score {
    let half = runs.count / 2;
    let ppm = runs.successes.saturating_mul(1_000_000).saturating_add(half).checked_div(runs.count);
    score("success-rate", ScoreUnit::Ppm, ppm.and_then(|ppm| i64::try_from(ppm).ok()), runs)
}

fn score(metric: &str, unit: ScoreUnit, value: Option<i64>, runs: &Runs) -> Score {
    Score {
        scorer: runs::SCORE.to_owned(),
        reducer: None,
        metric: metric.to_owned(),
        scored_samples: Maybe::Known(runs.count),
        unit,
        value: value.map_or_else(|| Maybe::Unknown("too large to be stated".to_owned()), Maybe::Known),
        uncertainty: Maybe::Unknown("not computed".to_owned()),
    }
}

/// Fits the curve and adds its horizons.
fn horizons(
    source: &Document<'_>,
    runs: &Runs,
    (ridge, analysis): (f64, &Analysis),
    scores: &mut Vec<Score>,
    notes: &mut Notes<'_>,
) -> Result<Fit, ImportError> {
    let no_fit = |reason| ImportError::NoFit { file: source.name().to_owned(), reason };
    let fit = Fit::new(&runs.points(), ridge).map_err(|error| no_fit(error.reason()))?;
    if fit.slope >= 0.0 {
        return Err(no_fit("success does not fall with the time that a person needs"));
    }
    let drawn = bootstrap::horizons(&runs.families, ridge, analysis.seed, analysis.resamples, &PERCENTS);
    for (percent, drawn) in PERCENTS.into_iter().zip(drawn) {
        if u32::try_from(drawn.len()) != Ok(analysis.resamples) {
            let text = format!("p{percent}: {} of {} resamples have a curve", drawn.len(), analysis.resamples);
            notes.leave("score_binarized", text);
        }
        let value = milliseconds(fit.horizon_minutes(percent) * MINUTE_MS, f64::round);
        let mut score = score(&format!("p{percent}-horizon"), ScoreUnit::Milliseconds, value, runs);
        score.uncertainty = interval(value, &drawn, analysis);
        let shown = value.map_or_else(|| "too large to be stated".to_owned(), |value| format!("{value} ms"));
        notes.take("score_binarized", format!("p{percent} horizon {shown}, from {} runs", runs.count));
        scores.push(score);
    }
    Ok(fit)
}

fn interval(value: Option<i64>, drawn: &[f64], analysis: &Analysis) -> Maybe<Uncertainty> {
    let bound = |share, rounding: fn(f64) -> f64| {
        bootstrap::quantile(drawn, share).and_then(|minutes| milliseconds(minutes * MINUTE_MS, rounding))
    };
    let (Some(lower), Some(upper)) = (bound(TAILS.0, f64::floor), bound(TAILS.1, f64::ceil)) else {
        return unknown("too few resamples have a curve with a horizon that can be stated");
    };
    if value.is_none_or(|value| value < lower || value > upper) {
        return unknown("the resamples' middle 95 % leave out the fit to all runs");
    }
    let method = format!("bootstrap over families, tasks and runs, {} resamples", analysis.resamples);
    let spread = Spread::Interval { lower, upper, confidence: CONFIDENCE };
    Maybe::Known(Uncertainty { spread, method: Maybe::Known(method) })
}

/// Whole milliseconds that a statement can state.
fn milliseconds(value: f64, rounding: fn(f64) -> f64) -> Option<i64> {
    let whole = rounding(value);
    // Within the range that a float holds exactly: the cast keeps it.
    (0.0..=LARGEST).contains(&whole).then_some(whole as i64)
}

/// Adds the doubling time of the models that were ahead on the day of their release.
fn doubling(
    dates: &Document<'_>,
    models: &BTreeMap<Option<String>, Runs>,
    ridge: f64,
    scores: &mut Vec<Score>,
    notes: &mut Notes<'_>,
) -> Result<(), ImportError> {
    let dates = dates::read(dates)?;
    let mut releases = Vec::new();
    let mut runs = 0;
    for (name, found) in models.iter().filter_map(|(name, found)| Some((name.as_ref()?, found))) {
        let horizon = Fit::new(&found.points(), ridge).map(|fit| fit.horizon_minutes(50));
        match (dates.get(name), horizon) {
            (None, _) => notes.leave("date", format!("`{name}` has no day of release")),
            (Some(day), Ok(minutes)) if minutes.is_finite() && minutes > 0.0 => {
                releases.push(Release { day: *day, minutes });
                runs += found.count;
            }
            (Some(_), _) => notes.leave("date", format!("`{name}` has no horizon")),
        }
    }
    let ahead = trend::frontier(releases);
    let Some(days) = trend::doubling_days(&ahead) else {
        notes.leave("date", format!("{} models on the frontier make no doubling time", ahead.len()));
        return Ok(());
    };
    notes.take("date", format!("doubling time {days:.3} days, from {} models on the frontier", ahead.len()));
    let value = milliseconds(days * DAY_MS, f64::round);
    let whole = Runs { count: runs, ..Runs::default() };
    let mut doubling = score("doubling-time", ScoreUnit::Milliseconds, value, &whole);
    doubling.scorer = "frontier".to_owned();
    doubling.scored_samples =
        Maybe::Unknown(format!("{runs} runs of all models, of which this statement is about one"));
    scores.push(doubling);
    Ok(())
}

/// The analysis, in words and numbers.
fn said(runs: &Runs, fit: Fit, analysis: &Analysis, notes: &mut Notes<'_>) -> Vec<Parameter> {
    let mut settings = Settings::default();
    settings.say("families", runs.families.len());
    settings.say("intercept", format!("{:.6}", fit.intercept));
    settings.say("model", "logistic in log2(human minutes), free intercept");
    settings.say("resample-generator", "splitmix64");
    settings.say("resample-seed", analysis.seed);
    settings.say("resamples", analysis.resamples);
    settings.say("ridge", &analysis.ridge);
    settings.say("rounding", "nearest millisecond, bounds outward");
    settings.say("slope", format!("{:.6}", fit.slope));
    settings.say("tasks", runs.tasks().count());
    settings.say("weights", "1/runs of task x 1/sqrt(tasks of family), normalised");
    settings.sorted(notes)
}

fn unknown<T>(reason: &str) -> Maybe<T> {
    Maybe::Unknown(reason.to_owned())
}

fn facts(
    model: &Option<String>,
    runs: &Runs,
    scores: Vec<Score>,
    analysis: Vec<Parameter>,
    notes: &mut Notes<'_>,
) -> EvaluationFacts {
    if runs.fatal > 0 {
        notes.take("fatal_error_from", format!("{} runs ended in a fatal error and count as failures", runs.fatal));
    }
    if runs.weights_stated {
        notes.take("invsqrt_task_weight", "the weights are those of the rows");
    }
    let name = fitting(&runs.sources.iter().cloned().collect::<Vec<_>>().join(", "), limits::LABEL);
    EvaluationFacts {
        model: match model.as_ref().map(|model| fitting(model, limits::LABEL)) {
            Some(Ok(model)) => Maybe::Known(model),
            Some(Err(reason)) => unknown(reason),
            None => unknown("the table names no model"),
        },
        window: match runs.times {
            Some((start, end)) if start <= end => {
                Maybe::Known(Window { start: Timestamp(start), end: Timestamp(end.saturating_add(1)) })
            }
            _ => unknown("the runs do not all have a time"),
        },
        status: EvaluationStatus::Success,
        suite: SuiteFacts {
            name: name.map_or_else(|_| unknown("the runs do not say where their tasks come from"), Maybe::Known),
            version: unknown("runs name no version of the suite"),
            commits: unknown("runs name no commits of their tasks"),
            data_sha256: unknown("the tasks are not in the file"),
        },
        harness: HarnessFacts {
            tool: "eval-analysis-public".to_owned(),
            tool_version: unknown("runs name no version of the tool that made them"),
            revision: unknown("runs name no commit"),
        },
        elicitation: Elicitation { solver: Vec::new(), epochs: epochs(runs), parameters: Vec::new() },
        samples: Samples {
            in_suite: unknown("runs do not say how many tasks there are"),
            planned: runs.count,
            completed: runs.count,
        },
        analysis,
        scores,
        basis: Basis::Computed,
        relationship: unknown("the runs do not say"),
    }
}

/// Runs of each task where all have as many, else 1.
fn epochs(runs: &Runs) -> u32 {
    let mut counts = runs.tasks().map(|task| task.runs);
    let first = counts.next().unwrap_or(1);
    if counts.all(|count| count == first) { first.max(1) } else { 1 }
}
