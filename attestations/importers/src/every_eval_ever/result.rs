//! One result of a record: its data, its score, and how it was generated.

use standstill_attestations::claim::Maybe;
use standstill_attestations::evaluation::{Elicitation, Score, ScoreUnit, Spread, Uncertainty};
use standstill_attestations::limits;
use standstill_protocol::units::Ppm;

use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::evaluation::figures;
use crate::evaluation::settings::{Settings, fitting, label};
use crate::notes::Notes;
use crate::tolerant::{Members, Node};

/// How the record counts a score.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    Proportion,
    Percent,
    Other,
}

impl Counted {
    const fn unit(self) -> ScoreUnit {
        match self {
            Counted::Proportion | Counted::Percent => ScoreUnit::Ppm,
            Counted::Other => ScoreUnit::MicroUnits,
        }
    }
}

/// Name and size of the data set.
pub(super) fn data(source: &Members<'_>) -> Result<(String, Option<u64>), ImportError> {
    let name = label(&source.required("dataset_name")?)?;
    let details = source.optional("additional_details").map(|details| details.object()).transpose()?;
    let size = match (source.optional("samples_number"), details) {
        (Some(node), _) => Some(node.whole_u64()?),
        (None, Some(details)) => match details.optional("samples_number") {
            Some(node) => {
                let text = node.text()?;
                Some(text.parse().map_err(|_| node.bad_text("not a number of samples"))?)
            }
            None => None,
        },
        (None, None) => None,
    };
    Ok((name, size))
}

/// The score, unless it cannot be stated, and the samples that it rests on.
pub(super) fn score(
    name: &str,
    result: &Members<'_>,
    notes: &mut Notes<'_>,
) -> Result<(Option<Score>, u64), ImportError> {
    let config = result.required("metric_config")?.object()?;
    let details = result.required("score_details")?.object()?;
    // Both required, so that a record without them is refused by the field's name.
    let uncertainty = details.required("uncertainty")?.object()?;
    let samples = uncertainty.required("num_samples")?.whole_u64()?;
    let node = details.required("score")?;
    let counted = counted(&config)?;
    let metric = ["metric_id", "metric_name"].iter().find_map(|name| config.optional(name));
    let metric = match metric.or_else(|| result.optional("evaluation_result_id")) {
        Some(node) => label(&node)?,
        None => "score".to_owned(),
    };
    let Some(value) = value(&node, counted, &config, notes)? else { return Ok((None, samples)) };
    let shown = value.known().map_or_else(|| "unknown".to_owned(), |value| format!("{value} {}", counted.unit()));
    notes.take(node.path(), format!("{name} {metric}: {shown}"));
    let uncertainty = spread(&uncertainty, counted, &value)?;
    let scored_samples = Maybe::Known(samples);
    let unit = counted.unit();
    Ok((
        Some(Score { scorer: name.to_owned(), reducer: None, metric, scored_samples, unit, value, uncertainty }),
        samples,
    ))
}

/// The unit, or where there is none, bounds of 0 and 1.
fn counted(config: &Members<'_>) -> Result<Counted, ImportError> {
    if let Some(unit) = config.optional("metric_unit") {
        return Ok(match unit.text()?.as_ref() {
            "proportion" => Counted::Proportion,
            "percent" => Counted::Percent,
            _ => Counted::Other,
        });
    }
    let [least, most] = bounds(config)?;
    let whole = |bound: Option<Decimal>| bound.and_then(|bound| bound.whole());
    Ok(if whole(least) == Some(0) && whole(most) == Some(1) { Counted::Proportion } else { Counted::Other })
}

/// The least and the most that the metric can be, where they are stated and finite.
fn bounds(config: &Members<'_>) -> Result<[Option<Decimal>; 2], ImportError> {
    let bound = |name| match config.optional(name) {
        Some(node) => figures::number(&node).map(|found| found.map(|(decimal, _)| decimal)),
        None => Ok(None),
    };
    Ok([bound("min_score")?, bound("max_score")?])
}

fn value(
    node: &Node<'_>,
    counted: Counted,
    config: &Members<'_>,
    notes: &mut Notes<'_>,
) -> Result<Option<Maybe<i64>>, ImportError> {
    let levels = config.optional("has_unknown_level").map(|node| node.boolean()).transpose()?;
    let found = figures::number(node)?;
    if levels == Some(true) && node.raw().parse() == Ok(-1i8) {
        return Ok(Some(Maybe::Unknown("the record says that the level is not known".to_owned())));
    }
    if let Some((found, _)) = &found {
        let [least, most] = bounds(config)?;
        let below = least.is_some_and(|least| least.at_most(found) == Some(false));
        let above = most.is_some_and(|most| found.at_most(&most) == Some(false));
        if below || above {
            let other = if below { "min_score" } else { "max_score" };
            return Err(node.contradicts(other, "the score lies beyond it".to_owned()));
        }
    }
    match (counted, found) {
        (Counted::Proportion, _) => figures::proportion(node, notes),
        (Counted::Percent, Some((percent, _))) => {
            let ppm = scaled(percent, counted).filter(|ppm| (0..=1_000_000).contains(ppm));
            if ppm.is_none() {
                notes.leave(node.path(), "not between 0 and 100");
            }
            Ok(ppm.map(Maybe::Known))
        }
        (Counted::Percent | Counted::Other, _) => figures::millionths(node, notes),
    }
}

/// A figure in the unit that is stated.
fn scaled(figure: Decimal, counted: Counted) -> Option<i64> {
    match counted {
        Counted::Percent => figure.hundredth().millionths_nearest(),
        Counted::Proportion | Counted::Other => figure.millionths_nearest(),
    }
}

fn spread(node: &Members<'_>, counted: Counted, value: &Maybe<i64>) -> Result<Maybe<Uncertainty>, ImportError> {
    if let Some(error) = node.optional("standard_error") {
        let error = error.object()?;
        let method = method(&error)?;
        let found = error.required("value")?;
        if counted != Counted::Percent {
            return figures::standard_error(Some(&found), counted.unit(), method);
        }
        let ppm = figures::number(&found)?.and_then(|(percent, _)| percent.hundredth().ppm_up());
        return Ok(match ppm.filter(|ppm| *ppm <= 1_000_000) {
            Some(error) => Maybe::Known(Uncertainty { spread: Spread::StandardError(error), method }),
            None => Maybe::Unknown("the record's standard error is no percentage".to_owned()),
        });
    }
    let Some(interval) = node.optional("confidence_interval") else {
        return Ok(Maybe::Unknown("the record states none".to_owned()));
    };
    interval_of(&interval.object()?, counted, value)
}

/// An interval that says what it covers and holds the score.
fn interval_of(node: &Members<'_>, counted: Counted, value: &Maybe<i64>) -> Result<Maybe<Uncertainty>, ImportError> {
    let bound = |name| -> Result<Option<Decimal>, ImportError> {
        Ok(figures::number(&node.required(name)?)?.map(|(bound, _)| bound))
    };
    let (lower, upper) = (bound("lower")?, bound("upper")?);
    let level = match node.optional("confidence_level") {
        Some(level) => figures::number(&level)?.and_then(|(level, _)| level.ppm_nearest()),
        None => return Ok(Maybe::Unknown("the record's interval does not say what it covers".to_owned())),
    };
    // Rounded outward by one millionth, which is at least what rounding to the nearest took.
    let lower = lower.and_then(|lower| scaled(lower, counted)?.checked_sub(1));
    let upper = upper.and_then(|upper| scaled(upper, counted)?.checked_add(1));
    let (Some(mut lower), Some(mut upper), Some(level)) = (lower, upper, level.filter(|level| *level <= 1_000_000))
    else {
        return Ok(Maybe::Unknown("the record's interval cannot be stated".to_owned()));
    };
    if counted != Counted::Other {
        (lower, upper) = (lower.clamp(0, 1_000_000), upper.clamp(0, 1_000_000));
    }
    match value {
        Maybe::Known(value) if (lower..=upper).contains(value) => {
            let spread = Spread::Interval { lower, upper, confidence: Ppm(level) };
            Ok(Maybe::Known(Uncertainty { spread, method: method(node)? }))
        }
        _ => Ok(Maybe::Unknown("the record's interval does not hold its score".to_owned())),
    }
}

fn method(node: &Members<'_>) -> Result<Maybe<String>, ImportError> {
    match node.optional("method") {
        Some(method) => label(&method).map(Maybe::Known),
        None => Ok(Maybe::Unknown("the record does not say how it was computed".to_owned())),
    }
}

/// How the answers were generated: that of the first result, and whether the others differ.
#[derive(Default)]
pub(super) struct Generation {
    first: Option<String>,
    settings: Settings,
    solver: Vec<String>,
    differs: bool,
}

impl Generation {
    pub(super) fn add(&mut self, config: Option<Node<'_>>, notes: &mut Notes<'_>) -> Result<(), ImportError> {
        let raw = config.as_ref().map(|config| config.raw().to_owned()).unwrap_or_default();
        match &self.first {
            Some(first) if *first == raw => return Ok(()),
            Some(_) if self.differs => return Ok(()),
            Some(_) => {
                self.differs = true;
                notes.leave("generation_config", "differs between results: that of the first was taken");
                return Ok(());
            }
            None => self.first = Some(raw),
        }
        let Some(config) = config else { return Ok(()) };
        let config = config.object()?;
        self.settings.add("details", config.optional("additional_details"), notes)?;
        let Some(arguments) = config.optional("generation_args") else { return Ok(()) };
        let arguments = arguments.object()?;
        for (name, node) in arguments.iter().filter(|(_, node)| !node.is_null() && !node.is_object()) {
            self.settings.set(name.to_owned(), Some(&node), notes)?;
        }
        self.settings.add("eval_limits", arguments.optional("eval_limits"), notes)?;
        self.settings.add("sandbox", arguments.optional("sandbox"), notes)?;
        match arguments.optional("eval_plan") {
            Some(plan) => self.plan(&plan.object()?, notes),
            None => Ok(()),
        }
    }

    /// Each step is JSON within a string, `{"solver": …, "params": …}`.
    fn plan(&mut self, plan: &Members<'_>, notes: &mut Notes<'_>) -> Result<(), ImportError> {
        self.settings.add("config", plan.optional("config"), notes)?;
        let Some(steps) = plan.optional("steps") else { return Ok(()) };
        for step in steps.list()? {
            let text = step.text()?;
            let inner = Node::parse("a step", text.as_bytes()).and_then(|node| node.object());
            let solver = inner.ok().and_then(|inner| inner.optional("solver")).and_then(|solver| label(&solver).ok());
            match solver.or_else(|| fitting(&text, limits::LABEL).ok()) {
                Some(solver) if self.solver.len() < limits::SOLVER_STEPS => self.solver.push(solver),
                _ => notes.leave(step.path(), "a step that does not fit a statement"),
            }
        }
        notes.leave(steps.path(), "parameters of the steps, such as prompt templates, stay in the file");
        Ok(())
    }

    pub(super) fn elicitation(
        mut self,
        model: &Members<'_>,
        notes: &mut Notes<'_>,
    ) -> Result<Elicitation, ImportError> {
        self.settings.add("model", model.optional("additional_details"), notes)?;
        self.settings.add("inference_engine", model.optional("inference_engine"), notes)?;
        self.settings.set("inference_platform".to_owned(), model.optional("inference_platform").as_ref(), notes)?;
        Ok(Elicitation { solver: self.solver, epochs: 1, parameters: self.settings.sorted(notes) })
    }
}
