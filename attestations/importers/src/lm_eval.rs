//! Results of EleutherAI's lm-evaluation-harness, 0.4: `results_*.json`.
//!
//! ```text
//! {"results": {"arith_mc": {"alias": "arith_mc", "acc,none": 0.325, "acc_stderr,none": 0.075, …}, "arith_group": {…}},
//!  "groups": {…}, "group_subtasks": {"arith_group": ["arith_mc"]}, "configs": {…}, "versions": {"arith_mc": 1.0, …},
//!  "n-shot": {…}, "n-samples": {"arith_mc": {"original": 40, "effective": 40}}, "config": {…}, "date": 1795432165.88,
//!  "lm_eval_version": "0.4.13", "task_hashes": {…}, "total_evaluation_time_seconds": "12.5", …}
//! ```
//!
//! What to know about it (lm_eval `result_schema.py`):
//!
//! * A result's name is `metric,filter`; its standard error is `metric_stderr,filter`, or the text `N/A`.
//! * Groups stand among the results and again among the groups; only tasks have sample counts of their own.
//! * `git_hash` is that of the folder the command was run in, which need not be the harness's: it becomes a setting.
//! * `task_hashes` cover the prompts that were asked, not the data set: settings too.
//! * Perplexities and bits per byte may lie between 0 and 1 and are no proportions. Only metrics that are known to be
//!   proportions are stated in parts per million, all others in millionths.
//! * `date` is the start in seconds; `total_evaluation_time_seconds` was counted from a little before it, so that both
//!   together lie at or after the end.

use std::collections::{BTreeMap, BTreeSet};

use standstill_attestations::claim::{Basis, EvidenceRole, Maybe, Window};
use standstill_attestations::evaluation::{Elicitation, EvaluationStatus, Samples, Score, ScoreUnit};
use standstill_attestations::limits;
use standstill_protocol::units::Timestamp;

use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::evaluation::figures;
use crate::evaluation::settings::{Settings, fitting, label};
use crate::evaluation::{EvaluationFacts, HarnessFacts, SuiteFacts};
use crate::head::Head;
use crate::import::{Imported, Options, count, evidence};
use crate::notes::Notes;
use crate::source::Source;
use crate::tolerant::{Members, Node};

/// The name in evidence.
pub const FORMAT: &str = "lm-eval-results";
/// The versions that this importer has been tried on.
const VERSION: &str = "0.4";
const FIELDS: [&str; 17] = [
    "chat_template_sha",
    "config",
    "configs",
    "date",
    "fewshot_as_multiturn",
    "git_hash",
    "group_subtasks",
    "groups",
    "lm_eval_version",
    "model_name",
    "n-samples",
    "n-shot",
    "results",
    "system_instruction_sha",
    "task_hashes",
    "total_evaluation_time_seconds",
    "versions",
];
/// Metrics that are the share of something.
const PROPORTIONS: [&str; 16] = [
    "acc",
    "acc_all",
    "acc_bytes",
    "acc_mutual_info",
    "acc_norm",
    "contains",
    "em",
    "exact_match",
    "f1",
    "inst_level_loose_acc",
    "inst_level_strict_acc",
    "mc1",
    "mc2",
    "pass@1",
    "prompt_level_loose_acc",
    "prompt_level_strict_acc",
];
/// What a result holds beside its metrics.
const NOT_METRICS: [&str; 4] = ["alias", "name", "sample_count", "sample_len"];

/// Whether these are results.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    let first = head.members().first().is_some_and(|name| name == "results");
    first && (head.has(&["configs"]) || head.has(&["group_subtasks"]) || head.text().contains("\"alias\""))
}

/// One file of results.
pub(crate) fn evaluation(sources: &[Source<'_>], _: &Options) -> Result<Imported<EvaluationFacts>, ImportError> {
    match sources {
        [results] => import(*results),
        _ => Err(count(sources.len(), "one file of results")),
    }
}

/// Imports one file of results.
pub fn import(source: Source<'_>) -> Result<Imported<EvaluationFacts>, ImportError> {
    let document = source.load()?;
    let file = document.json()?.object()?;
    let mut notes = Notes::new(source.name());
    let version = version(&file, &notes)?;
    let tasks = Tasks::read(&file)?;
    let scores = scores(&file, &tasks, &mut notes)?;
    let elicitation = elicitation(&file, &tasks, &mut notes)?;
    notes.leave("configs", "prompts and few-shot settings stay in the file, which the evidence names by digest");
    let facts = EvaluationFacts {
        model: Maybe::Known(label(&file.required("model_name")?)?),
        window: window(&file)?,
        status: EvaluationStatus::Success,
        suite: tasks.suite(&file)?,
        harness: HarnessFacts {
            tool: "lm_eval".to_owned(),
            tool_version: Maybe::Known(version.clone()),
            revision: Maybe::Unknown("`git_hash` is that of the folder it was run in".to_owned()),
        },
        elicitation,
        samples: tasks.samples(&mut notes),
        analysis: Vec::new(),
        scores,
        basis: Basis::Measured,
        relationship: Maybe::Unknown("the results do not say".to_owned()),
    };
    let role = (EvidenceRole::EvaluationLog, FORMAT);
    let evidence = evidence(document.digest(), role, ("lm_eval", Maybe::Known(version)), &FIELDS);
    Ok(Imported { facts, evidence: vec![evidence], took: notes.took, left: notes.left })
}

fn version(file: &Members<'_>, notes: &Notes<'_>) -> Result<String, ImportError> {
    let node = file.required("lm_eval_version")?;
    let version = label(&node)?;
    match version.strip_prefix(VERSION) {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => Ok(version),
        _ => Err(ImportError::Version { file: notes.file.to_owned(), found: version, expected: VERSION }),
    }
}

/// `date`, and the time that all took.
fn window(file: &Members<'_>) -> Result<Maybe<Window>, ImportError> {
    let date = file.required("date")?;
    let start = figures::number(&date)?.and_then(|(seconds, _)| seconds.thousandths_down());
    let start = start.ok_or_else(|| date.bad_number("not a time in seconds"))?;
    let Some(node) = file.optional("total_evaluation_time_seconds") else {
        return Ok(Maybe::Unknown("the results do not say how long it took".to_owned()));
    };
    let text = node.scalar()?.unwrap_or_default();
    let length = Decimal::parse(&text).and_then(|seconds| seconds.thousandths_up());
    let end = length.and_then(|length| start.checked_add(length)?.checked_add(1));
    let end = end.ok_or_else(|| node.bad_text("not a number of seconds"))?;
    let window = Window { start: Timestamp(start), end: Timestamp(end) };
    let sayable = Timestamp::parse(&window.end.to_string()) == Ok(window.end);
    if sayable { Ok(Maybe::Known(window)) } else { Err(date.bad_number("beyond the year 9999")) }
}

/// The tasks that were run, and the groups over them.
struct Tasks {
    /// Documents in the suite, documents run, repeats of each; by task.
    counts: BTreeMap<String, (u64, u64, u64)>,
    /// What was asked for: results that are not part of a group.
    asked: BTreeSet<String>,
}

impl Tasks {
    fn read(file: &Members<'_>) -> Result<Self, ImportError> {
        let configs = file.required("configs")?.object()?;
        let results = file.required("results")?.object()?;
        let mut counts = BTreeMap::new();
        for (task, node) in file.required("n-samples")?.object()?.iter() {
            let samples = node.object()?;
            let repeats = match configs.optional(task).map(|config| config.object()).transpose()? {
                Some(config) => config.optional("repeats").map(|repeats| repeats.whole_u64()).transpose()?,
                None => None,
            };
            let (original, effective) = (samples.required("original")?, samples.required("effective")?);
            let (in_suite, run) = (original.whole_u64()?, effective.whole_u64()?);
            if run > in_suite {
                return Err(effective.contradicts("original", format!("{run} of {in_suite} were run")));
            }
            Self::check_length(&results, task, run)?;
            counts.insert(task.to_owned(), (in_suite, run, repeats.unwrap_or(1).max(1)));
        }
        let mut parts = BTreeSet::new();
        for (_, node) in
            file.optional("group_subtasks").map(|node| node.object()).transpose()?.iter().flat_map(Members::iter)
        {
            for part in node.list()? {
                parts.insert(part.text()?.into_owned());
            }
        }
        let asked = results.iter().map(|(name, _)| name.to_owned()).filter(|name| !parts.contains(name)).collect();
        Ok(Tasks { counts, asked })
    }

    /// A task's result repeats how many documents were run.
    fn check_length(results: &Members<'_>, task: &str, run: u64) -> Result<(), ImportError> {
        let Some(result) = results.optional(task) else { return Ok(()) };
        let Some(length) = result.object()?.optional("sample_len") else { return Ok(()) };
        let found = length.whole_u64()?;
        if found == run { Ok(()) } else { Err(length.contradicts("n-samples", format!("{found} is not {run}"))) }
    }

    fn suite(&self, file: &Members<'_>) -> Result<SuiteFacts, ImportError> {
        let versions = file.required("versions")?.object()?;
        let mut stated = Vec::new();
        for name in &self.asked {
            let version =
                versions.optional(name).map(|node| node.scalar().map(|text| text.map(|text| text.into_owned())));
            stated.push(version.transpose()?.flatten().unwrap_or_else(|| "unversioned".to_owned()));
        }
        stated.dedup();
        let joined = |parts: &[String]| match fitting(&parts.join(", "), limits::LABEL) {
            Ok(text) => Maybe::Known(text),
            Err(reason) => Maybe::Unknown(format!("the names of {} tasks together: {reason}", parts.len())),
        };
        Ok(SuiteFacts {
            name: joined(&self.asked.iter().cloned().collect::<Vec<_>>()),
            version: joined(&stated),
            commits: Maybe::Unknown(
                "tasks come with the harness, whose version pins them, or from a folder".to_owned(),
            ),
            data_sha256: Maybe::Unknown("the results hold hashes of prompts and no digest of a data set".to_owned()),
        })
    }

    fn samples(&self, notes: &mut Notes<'_>) -> Samples {
        let sum = |of: fn(&(u64, u64, u64)) -> u64| self.counts.values().map(of).fold(0, u64::saturating_add);
        let in_suite = sum(|(in_suite, _, _)| *in_suite);
        let runs = sum(|(_, run, repeats)| run.saturating_mul(*repeats));
        notes
            .take("n-samples", format!("{runs} runs of samples in {} tasks, which hold {in_suite}", self.counts.len()));
        Samples { in_suite: Maybe::Known(in_suite), planned: runs, completed: runs }
    }

    /// Repeats, where all tasks have as many.
    fn epochs(&self) -> u32 {
        let mut repeats = self.counts.values().map(|(_, _, repeats)| *repeats);
        let first = repeats.next().unwrap_or(1);
        let same = repeats.all(|other| other == first);
        if same { u32::try_from(first).unwrap_or(1) } else { 1 }
    }
}

/// What was asked for first, then its parts.
fn scores(file: &Members<'_>, tasks: &Tasks, notes: &mut Notes<'_>) -> Result<Vec<Score>, ImportError> {
    let results = file.required("results")?.object()?;
    if let Some(groups) = file.optional("groups") {
        for (name, group) in groups.object()?.iter() {
            check_group(&results, name, &group)?;
        }
    }
    let mut scores = Vec::new();
    let (asked, parts): (Vec<_>, Vec<_>) = results.iter().partition(|(name, _)| tasks.asked.contains(*name));
    for (name, node) in asked.into_iter().chain(parts) {
        let Ok(scorer) = fitting(name, limits::LABEL) else {
            notes.leave(node.path(), "its name does not fit a statement");
            continue;
        };
        one_result(&scorer, &node.object()?, tasks, &mut scores, notes)?;
    }
    figures::bounded(scores, "results", notes)
}

/// A group among the groups says what it says among the results.
fn check_group(results: &Members<'_>, name: &str, group: &Node<'_>) -> Result<(), ImportError> {
    let Some(result) = results.optional(name) else { return Ok(()) };
    let result = result.object()?;
    for (key, value) in group.object()?.iter().filter(|(key, _)| key.contains(',')) {
        if result.optional(key).is_none_or(|other| other.raw() != value.raw()) {
            return Err(value.contradicts("results", "another value stands there".to_owned()));
        }
    }
    Ok(())
}

fn one_result(
    scorer: &str,
    result: &Members<'_>,
    tasks: &Tasks,
    scores: &mut Vec<Score>,
    notes: &mut Notes<'_>,
) -> Result<(), ImportError> {
    for (key, node) in result.iter().filter(|(key, _)| !NOT_METRICS.contains(key)) {
        let (metric, filter) = key.split_once(',').unwrap_or((key, "none"));
        if metric.ends_with("_stderr") {
            continue;
        }
        let name = if filter == "none" { metric.to_owned() } else { key.to_owned() };
        let Ok(metric_name) = fitting(&name, limits::LABEL) else {
            notes.leave(node.path(), "its name does not fit a statement");
            continue;
        };
        let unit = if PROPORTIONS.contains(&metric) { ScoreUnit::Ppm } else { ScoreUnit::MicroUnits };
        let value = match unit {
            ScoreUnit::Ppm => figures::proportion(&node, notes)?,
            _ => figures::millionths(&node, notes)?,
        };
        let Some(value) = value else { continue };
        let shown = value.known().map_or_else(|| "no number".to_owned(), |value| format!("{value} {unit}"));
        notes.take(node.path(), shown);
        let error = result.optional(&format!("{metric}_stderr,{filter}"));
        scores.push(Score {
            scorer: scorer.to_owned(),
            reducer: None,
            metric: metric_name,
            scored_samples: scored(scorer, key, result, tasks)?,
            unit,
            value,
            uncertainty: figures::standard_error(
                error.as_ref(),
                unit,
                Maybe::Unknown("analytic or bootstrap".to_owned()),
            )?,
        });
    }
    Ok(())
}

/// Documents that a result rests on: a task's own, or what a group states.
fn scored(name: &str, key: &str, result: &Members<'_>, tasks: &Tasks) -> Result<Maybe<u64>, ImportError> {
    if let Some((_, run, _)) = tasks.counts.get(name) {
        return Ok(Maybe::Known(*run));
    }
    let stated = match result.optional("sample_count") {
        Some(counts) => counts.object()?.optional(key),
        None => None,
    };
    let Some(node) = stated else {
        return Ok(Maybe::Unknown("this version of lm_eval does not count the samples of a group".to_owned()));
    };
    let (found, most) = (node.whole_u64()?, tasks.counts.values().map(|(_, run, _)| *run).fold(0, u64::saturating_add));
    if found > most {
        return Err(node.contradicts("n-samples", format!("{found} of {most}")));
    }
    Ok(Maybe::Known(found))
}

fn elicitation(file: &Members<'_>, tasks: &Tasks, notes: &mut Notes<'_>) -> Result<Elicitation, ImportError> {
    let mut settings = Settings::default();
    for name in ["git_hash", "chat_template_sha", "system_instruction_sha", "fewshot_as_multiturn"] {
        settings.set(name.to_owned(), file.optional(name).as_ref(), notes)?;
    }
    settings.add("n-shot", file.optional("n-shot"), notes)?;
    settings.add("task_hash", file.optional("task_hashes"), notes)?;
    let config = file.required("config")?.object()?;
    for name in ["model_args", "gen_kwargs"] {
        match config.optional(name) {
            Some(node) if node.is_object() => settings.add(&format!("config.{name}"), Some(node), notes)?,
            node => settings.set(format!("config.{name}"), node.as_ref(), notes)?,
        }
    }
    for (name, node) in config.iter().filter(|(_, node)| !node.is_null() && !node.is_object() && !node.is_empty()) {
        settings.set(format!("config.{name}"), Some(&node), notes)?;
    }
    let mut solver = Vec::new();
    for (_, config) in file.required("configs")?.object()?.iter() {
        if let Some(kind) = config.object()?.optional("output_type") {
            let kind = label(&kind)?;
            if !solver.contains(&kind) && solver.len() < limits::SOLVER_STEPS {
                solver.push(kind);
            }
        }
    }
    Ok(Elicitation { solver, epochs: tasks.epochs(), parameters: settings.sorted(notes) })
}
