//! The header of a log: everything but the samples.

use standstill_attestations::claim::{Basis, Maybe, Window};
use standstill_attestations::evaluation::{Commit, Elicitation, EvaluationStatus, Samples};
use standstill_attestations::limits;

use super::scores;
use crate::error::ImportError;
use crate::evaluation::settings::{Settings, fitting, label};
use crate::evaluation::{EvaluationFacts, HarnessFacts, SuiteFacts};
use crate::notes::Notes;
use crate::time;
use crate::tolerant::{Members, Node};

/// The version of the log format that this importer has been tried on.
const VERSION: &str = "2";

/// What of the run's configuration bears on its results.
const SETTINGS: [&str; 14] = [
    "cost_limit",
    "epochs_reducer",
    "fail_on_error",
    "limit",
    "message_limit",
    "retry_on_error",
    "sample_id",
    "sample_shuffle",
    "score_on_error",
    "time_limit",
    "token_limit",
    "token_limit_type",
    "turn_limit",
    "working_limit",
];

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
        model: Maybe::Known(label(&eval.required("model")?)?),
        window: Maybe::Known(window(&log.required("stats")?.object()?)?),
        status,
        suite: suite(&eval)?,
        harness: harness(&eval)?,
        scores: scores::read(&results.required("scores")?, &samples, notes)?,
        elicitation,
        samples,
        analysis: Vec::new(),
        basis: Basis::Measured,
        relationship: Maybe::Unknown("the log does not say".to_owned()),
    })
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

fn suite(eval: &Members<'_>) -> Result<SuiteFacts, ImportError> {
    let version = eval.required("task_version")?;
    let version = version.scalar()?.ok_or_else(|| version.wrong("a number or a string"))?;
    let data = match eval.required("dataset")?.object()?.optional("name") {
        Some(name) => format!("the log names the data set {} and no digest of it", name.raw()),
        None => "the log names no data set".to_owned(),
    };
    Ok(SuiteFacts {
        name: Maybe::Known(label(&eval.required("task")?)?),
        version: fitting(&version, limits::LABEL).map_or_else(|reason| Maybe::Unknown(reason.to_owned()), Maybe::Known),
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
fn harness(eval: &Members<'_>) -> Result<HarnessFacts, ImportError> {
    let tool_version = label(&eval.required("packages")?.object()?.required("inspect_ai")?)?;
    let built = tool_version.split_once("+g").map(|(_, local)| local.split('.').next().unwrap_or_default());
    let revision = match built {
        Some(commit) if !commit.is_empty() => Maybe::Known(commit.to_owned()),
        _ => Maybe::Unknown("a released version, which names no commit".to_owned()),
    };
    Ok(HarnessFacts { tool: "inspect_ai".to_owned(), tool_version: Maybe::Known(tool_version), revision })
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
    let mut settings = Settings::default();
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
    settings.add("model", eval.optional("model_args"), notes)?;
    roles(eval, &mut settings, notes)?;
    let config = eval.optional("config");
    let config = config.map(|config| config.object()).transpose()?;
    let epochs = config.as_ref().and_then(|config| config.optional("epochs"));
    let epochs = match &epochs {
        Some(node) => u32::try_from(node.whole()?).ok().filter(|epochs| *epochs > 0),
        None => Some(1),
    };
    for name in SETTINGS {
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

/// Models in roles of their own, such as a grader: one or several each.
fn roles(eval: &Members<'_>, settings: &mut Settings, notes: &mut Notes<'_>) -> Result<(), ImportError> {
    let Some(roles) = eval.optional("model_roles") else { return Ok(()) };
    for (role, node) in roles.object()?.iter() {
        let models = if node.is_object() { vec![node] } else { node.list()? };
        let mut names = Vec::new();
        for model in models {
            names.push(label(&model.object()?.required("model")?)?);
        }
        settings.put(&format!("model_role.{role}"), &names.join(","), notes);
    }
    notes.leave("eval.model_roles", "settings of models in roles stay in the file");
    Ok(())
}
