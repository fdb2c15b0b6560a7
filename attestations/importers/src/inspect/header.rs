//! The header of a log: everything but the samples.

use standstill_attestations::claim::{Maybe, Window};
use standstill_attestations::evaluation::{Commit, Elicitation, EvaluationStatus, Harness, Parameter, Samples, Suite};
use standstill_attestations::limits;

use super::{EvaluationFacts, Notes, scores};
use crate::error::ImportError;
use crate::time;
use crate::tolerant::{Members, Node};

/// The version of the log format that this importer has been tried on.
const VERSION: &str = "2";

pub(super) fn read(document: &Node<'_>, notes: &mut Notes<'_>) -> Result<EvaluationFacts, ImportError> {
    let log = document.object()?;
    let file = || notes.file.to_owned();
    let version = log.required("version")?;
    if version.raw() != VERSION {
        let found = version.raw().chars().take(40).collect();
        return Err(ImportError::Version { file: file(), found, expected: VERSION });
    }
    if log.optional("invalidated").map(|flag| flag.boolean()).transpose()? == Some(true) {
        return Err(ImportError::Invalidated { file: file() });
    }
    let status = status(&log.required("status")?, notes)?;
    let eval = log.required("eval")?.object()?;
    let results = log.required("results")?;
    if results.is_null() {
        return Err(ImportError::Missing { file: file(), field: "results".to_owned() });
    }
    let results = results.object()?;
    let elicitation = elicitation(&log, &eval, notes)?;
    let samples = samples(&eval, &results, elicitation.epochs, notes)?;
    Ok(EvaluationFacts {
        model: label(&eval.required("model")?)?,
        window: window(&log.required("stats")?.object()?)?,
        status,
        suite: suite(&eval)?,
        harness: harness(&eval)?,
        scores: scores::read(&results.required("scores")?, &samples, notes)?,
        elicitation,
        samples,
    })
}

/// Text that fits a statement's label.
pub(super) fn label(node: &Node<'_>) -> Result<String, ImportError> {
    let text = node.text()?;
    fitting(&text, limits::LABEL).map_err(|reason| node.bad_text(reason))
}

/// What a statement takes as text: something, printable, bounded.
pub(super) fn fitting(text: &str, limit: usize) -> Result<String, &'static str> {
    match text {
        "" => Err("empty"),
        text if text.len() > limit => Err("too long for a statement"),
        text if text.chars().any(char::is_control) => Err("holds a control character"),
        text => Ok(text.to_owned()),
    }
}

fn status(node: &Node<'_>, notes: &Notes<'_>) -> Result<EvaluationStatus, ImportError> {
    let status = node.text()?;
    EvaluationStatus::from_word(&status).ok_or_else(|| ImportError::NotFinished {
        file: notes.file.to_owned(),
        status: status.chars().take(40).collect(),
    })
}

fn window(stats: &Members<'_>) -> Result<Window, ImportError> {
    let read = |name| {
        let node = stats.required(name)?;
        time::parse(&node.text()?).ok_or_else(|| node.bad_text("not an RFC 3339 time"))
    };
    let (start, end) = (read("started_at")?, read("completed_at")?);
    Ok(Window { start: start.earliest, end: end.latest() })
}

fn suite(eval: &Members<'_>) -> Result<Suite, ImportError> {
    let version = eval.required("task_version")?;
    let version = version.scalar()?.ok_or_else(|| version.wrong("a number or a string"))?;
    let data = match eval.required("dataset")?.object()?.optional("name") {
        Some(name) => format!("the log names the data set {} and no digest of it", name.raw()),
        None => "the log names no data set".to_owned(),
    };
    Ok(Suite {
        name: label(&eval.required("task")?)?,
        version: fitting(&version, limits::LABEL).unwrap_or_else(|_| "unnamed".to_owned()),
        commits: commits(eval)?,
        data_sha256: Maybe::Unknown(data.chars().filter(|c| !c.is_control()).take(200).collect()),
    })
}

fn commits(eval: &Members<'_>) -> Result<Maybe<Vec<Commit>>, ImportError> {
    let Some(revision) = eval.optional("revision") else {
        return Ok(Maybe::Unknown("the task was not run from a git repository".to_owned()));
    };
    let revision = revision.object()?;
    let origin = revision.required("origin")?;
    let repository = fitting(&origin.text()?, limits::ADDRESS).map_err(|reason| origin.bad_text(reason))?;
    let dirty = match revision.optional("dirty") {
        Some(dirty) => Maybe::Known(dirty.boolean()?),
        None => Maybe::Unknown("this version of inspect_ai does not record it".to_owned()),
    };
    Ok(Maybe::Known(vec![Commit { repository, commit: label(&revision.required("commit")?)?, dirty }]))
}

/// `0.3.95.dev16+g6527d0861` names its commit after `+g`.
fn harness(eval: &Members<'_>) -> Result<Harness, ImportError> {
    let tool_version = label(&eval.required("packages")?.object()?.required("inspect_ai")?)?;
    let built = tool_version.split_once("+g").map(|(_, local)| local.split('.').next().unwrap_or_default());
    let revision = match built {
        Some(commit) if !commit.is_empty() => Maybe::Known(commit.to_owned()),
        _ => Maybe::Unknown("a released version, which names no commit".to_owned()),
    };
    Ok(Harness { tool: "inspect_ai".to_owned(), tool_version, revision })
}

fn samples(
    eval: &Members<'_>,
    results: &Members<'_>,
    epochs: u32,
    notes: &mut Notes<'_>,
) -> Result<Samples, ImportError> {
    let in_suite =
        eval.required("dataset")?.object()?.optional("samples").map(|count| count.whole_u64()).transpose()?;
    let planned = results.required("total_samples")?.whole_u64()?;
    let completed = results.required("completed_samples")?.whole_u64()?;
    let epochs = u64::from(epochs);
    if let Some(in_suite) = in_suite.filter(|in_suite| in_suite.saturating_mul(epochs) > planned) {
        let text = format!("the suite holds {in_suite} samples, of which {} were planned", planned / epochs.max(1));
        notes.take("eval.dataset.samples", text);
    }
    notes.take("results", format!("{completed} of {planned} runs of samples completed"));
    let in_suite = match in_suite {
        Some(count) => Maybe::Known(count),
        None => Maybe::Unknown("the log does not say how many samples the suite holds".to_owned()),
    };
    Ok(Samples { in_suite, planned, completed })
}

fn elicitation(log: &Members<'_>, eval: &Members<'_>, notes: &mut Notes<'_>) -> Result<Elicitation, ImportError> {
    let mut settings = Settings { found: Vec::new() };
    let mut solver = Vec::new();
    if let Some(plan) = log.optional("plan") {
        let plan = plan.object()?;
        for step in plan.required("steps")?.list()? {
            solver.push(label(&step.object()?.required("solver")?)?);
        }
        settings.add("generate", plan.optional("config"), notes)?;
        notes.leave("plan.steps", "parameters of the steps, such as prompt templates, stay in the file");
    }
    settings.add("generate", eval.optional("model_generate_config"), notes)?;
    settings.add("task", eval.optional("task_args"), notes)?;
    let config = eval.optional("config");
    let config = config.map(|config| config.object()).transpose()?;
    let epochs = config.as_ref().and_then(|config| config.optional("epochs"));
    let epochs = match &epochs {
        Some(node) => u32::try_from(node.whole()?).ok().filter(|epochs| *epochs > 0),
        None => Some(1),
    };
    for name in ["limit", "message_limit", "token_limit", "time_limit"] {
        let node = config.as_ref().and_then(|config| config.optional(name));
        settings.set(format!("config.{name}"), node.as_ref(), notes)?;
    }
    let epochs = epochs.ok_or_else(|| ImportError::BadText {
        file: notes.file.to_owned(),
        field: "eval.config.epochs".to_owned(),
        reason: "not a count of epochs",
    })?;
    if solver.len() > limits::SOLVER_STEPS {
        notes.leave("plan.steps", format!("steps after the first {}", limits::SOLVER_STEPS));
        solver.truncate(limits::SOLVER_STEPS);
    }
    Ok(Elicitation { solver, epochs, parameters: settings.sorted(notes) })
}

/// Settings that are one word or number each.
struct Settings {
    found: Vec<Parameter>,
}

impl Settings {
    /// Every scalar of an object, under a prefix.
    fn add(&mut self, prefix: &str, object: Option<Node<'_>>, notes: &mut Notes<'_>) -> Result<(), ImportError> {
        let Some(object) = object else { return Ok(()) };
        for (name, node) in object.object()?.iter().filter(|(_, node)| !node.is_null()) {
            self.set(format!("{prefix}.{name}"), Some(&node), notes)?;
        }
        Ok(())
    }

    fn set(&mut self, name: String, node: Option<&Node<'_>>, notes: &mut Notes<'_>) -> Result<(), ImportError> {
        let Some(node) = node else { return Ok(()) };
        let value = node.scalar()?.and_then(|value| fitting(&value, limits::SETTING).ok());
        match (fitting(&name, limits::LABEL), value) {
            (Ok(name), Some(value)) => self.found.push(Parameter { name, value }),
            _ => notes.leave(node.path(), "not one printable word or number"),
        }
        Ok(())
    }

    /// By name, the first of each, as many as a statement holds.
    fn sorted(mut self, notes: &mut Notes<'_>) -> Vec<Parameter> {
        self.found.sort_by(|one, other| one.name.cmp(&other.name));
        self.found.dedup_by(|later, first| later.name == first.name);
        for parameter in self.found.iter().skip(limits::PARAMETERS) {
            notes.leave(parameter.name.as_str(), "more settings than a statement holds");
        }
        self.found.truncate(limits::PARAMETERS);
        self.found
    }
}
