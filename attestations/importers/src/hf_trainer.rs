//! Hugging Face `trainer_state.json`: the Trainer's own count of a run.
//!
//! ```text
//! {"global_step": 40, "max_steps": 40, "total_flos": 24599592960.0, "num_input_tokens_seen": 40960,
//!  "log_history": [{"step": 1, "loss": 6.15, "train_runtime": 14.4793, …}, …], …}
//! ```
//!
//! What to know about it (transformers `trainer.py`, `trainer_callback.py`):
//!
//! * `total_flos` is the sum of `6 x tokens x non-embedding parameters` over the whole run. A resumed run goes on
//!   counting from the checkpoint, so what one report adds is the *difference* to the state file of the report before.
//!   Steps that a restart repeated are in neither figure.
//! * It is kept as a double. Up to 2^53 it is exact; above, the sum of rounded additions is taken to one part per
//!   million on both sides (n additions err by at most n x 2^-53, which is 1e-6 after 9e9 of them).
//! * `total_flos` is 0 where the model has no `floating_point_ops`, and `num_input_tokens_seen` where
//!   `include_num_input_tokens_seen` is off: not counted, which is not 0.
//! * The file has no date and no version: the window and its sessions come from whoever makes the report.

use standstill_attestations::accounting;
use standstill_attestations::claim::{Basis, EvidenceRole, Interval, Maybe};
use standstill_attestations::training::{CountingRule, Method};
use standstill_protocol::units::{Flop, Ppm};

use crate::contribution::{Contribution, FlopFacts, WorkloadFacts};
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Note, Options, count, evidence};
use crate::source::{Document, Source};
use crate::tolerant::{Members, Node, Number};

/// Doubles hold every whole number up to here.
const EXACT: u128 = 1 << 53;
/// How far a sum of doubles above that may be off.
const DOUBLE_ERROR: Ppm = Ppm(1);
/// The fields that are taken.
const FIELDS: [&str; 5] = ["global_step", "log_history", "max_steps", "num_input_tokens_seen", "total_flos"];

/// One state file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainerState {
    /// Optimiser steps done.
    pub global_step: u64,
    /// Optimiser steps meant.
    pub max_steps: u64,
    /// Of the whole run so far.
    pub total_flos: Interval,
    /// Input tokens of the whole run so far, where they were counted.
    pub tokens_seen: Option<u128>,
    /// Times that the trainer was started: its clock starts again in each.
    pub starts: u32,
    /// Whether the run has reached its last step.
    pub finished: bool,
    /// Milliseconds that the trainer's clock showed last, rounded up; of the last start only.
    pub runtime_ms: Option<u64>,
}

/// What one or two state files say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingFacts {
    /// The state that is reported.
    pub state: TrainerState,
    /// The state of the report before, which this one is counted from.
    pub previous: Option<TrainerState>,
    /// What this report adds.
    pub incremental: Interval,
    /// Tokens that this report adds, where they were counted.
    pub tokens: Option<u128>,
}

/// The name in evidence.
pub const FORMAT: &str = "hf-trainer-state";

/// Whether it is a state file.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    head.has(&["global_step", "log_history"])
}

/// One state file, or two of one run in either order.
pub(crate) fn contribution(sources: &[Source<'_>], _: &Options) -> Result<Imported<Contribution>, ImportError> {
    let imported = match sources {
        [state] => import(*state, None),
        [one, other] => import_pair(*one, *other),
        _ => Err(count(sources.len(), "the run's state file, and the previous one")),
    }?;
    Ok(imported.map(TrainingFacts::into_contribution))
}

/// Imports a state file, counted from an earlier one of the same run where there is one.
pub fn import(state: Source<'_>, previous: Option<Source<'_>>) -> Result<Imported<TrainingFacts>, ImportError> {
    let document = state.load()?;
    let (reported, history) = read(&document)?;
    let mut imported = Imported {
        facts: TrainingFacts {
            incremental: reported.total_flos,
            tokens: reported.tokens_seen,
            state: reported,
            previous: None,
        },
        evidence: vec![state_evidence(&document, EvidenceRole::TrainingLog)],
        took: Vec::new(),
        left: Vec::new(),
    };
    if let Some(previous) = previous {
        let previous = previous.load()?;
        let (earlier, earlier_history) = read(&previous)?;
        continues((&document, &imported.facts.state, &history), (&previous, &earlier, &earlier_history))?;
        imported.facts.count_from(&document, earlier)?;
        imported.evidence.push(state_evidence(&previous, EvidenceRole::PreviousTrainingLog));
    }
    imported.account(state.name());
    Ok(imported)
}

/// Imports two state files of one run, in either order: the one with fewer steps is what the other is counted from.
pub fn import_pair(one: Source<'_>, other: Source<'_>) -> Result<Imported<TrainingFacts>, ImportError> {
    if read(&one.load()?)?.0.global_step <= read(&other.load()?)?.0.global_step {
        import(other, Some(one))
    } else {
        import(one, Some(other))
    }
}

fn state_evidence(document: &Document<'_>, role: EvidenceRole) -> standstill_attestations::Evidence {
    let version = Maybe::Unknown("trainer_state.json does not name the version that wrote it".to_owned());
    evidence(document.digest(), (role, FORMAT), ("transformers", version), &FIELDS)
}

/// The state and its log entries.
fn read<'a>(source: &'a Document<'_>) -> Result<(TrainerState, Vec<Members<'a>>), ImportError> {
    let members = source.json()?.object()?;
    for name in ["is_hyper_param_search"] {
        if members.optional(name).map(|flag| flag.boolean()).transpose()? == Some(true) {
            return Err(ImportError::HyperParameterSearch { file: source.name().to_owned() });
        }
    }
    let total = members.required("total_flos")?;
    let total_flos = counted(source, &total)?;
    let history = members.required("log_history")?.list()?;
    let history: Vec<Members<'a>> = history.iter().map(Node::object).collect::<Result<_, _>>()?;
    let (starts, runtime_ms) = clock(&history)?;
    check_summaries(source, &history, total_flos)?;
    let global_step = members.required("global_step")?.whole_u64()?;
    let max_steps = members.required("max_steps")?.whole_u64()?;
    let tokens = members.optional("num_input_tokens_seen").map(|tokens| tokens.whole()).transpose()?;
    let state = TrainerState {
        global_step,
        max_steps,
        total_flos,
        tokens_seen: tokens.filter(|tokens| *tokens > 0),
        starts,
        finished: max_steps > 0 && global_step >= max_steps,
        runtime_ms,
    };
    Ok((state, history))
}

/// The counter as an interval: a double is exact up to 2^53.
fn counted(source: &Document<'_>, field: &Node<'_>) -> Result<Interval, ImportError> {
    let value = field.whole()?;
    if value == 0 {
        return Err(ImportError::NotCounted { file: source.name().to_owned(), field: field.path().to_owned() });
    }
    if value <= EXACT {
        return Ok(Interval::exact(Flop(value)));
    }
    accounting::around(Flop(value), DOUBLE_ERROR).map_err(|_| field.bad_number("beyond 2^128 FLOP"))
}

/// How often the trainer's clock started, and what it showed last.
fn clock(history: &[Members<'_>]) -> Result<(u32, Option<u64>), ImportError> {
    let (mut starts, mut last) = (1u32, None);
    for entry in history {
        let Some(runtime) = entry.optional("train_runtime") else { continue };
        // A clock that says NaN says nothing.
        let Number::Finite(seconds, _) = runtime.number()? else { continue };
        let shown = seconds.thousandths_up().ok_or_else(|| runtime.bad_number("not a time in seconds"))?;
        if last.is_some_and(|last| shown < last) {
            starts = starts.saturating_add(1);
        }
        last = Some(shown);
    }
    Ok((starts, last))
}

/// The summary that ends each start repeats the counter: none can be above the state's own.
fn check_summaries(source: &Document<'_>, history: &[Members<'_>], total: Interval) -> Result<(), ImportError> {
    for (index, entry) in history.iter().enumerate() {
        let Some(summary) = entry.optional("total_flos") else { continue };
        let Number::Finite(..) = summary.number()? else { continue };
        let value = summary.whole()?;
        if value > total.upper.0 {
            return Err(ImportError::Contradiction {
                file: source.name().to_owned(),
                field: format!("log_history[{index}].total_flos"),
                other: "total_flos",
                reason: format!("{value} is above the {} counted in all", total.upper),
            });
        }
    }
    Ok(())
}

type State<'s> = (&'s Document<'s>, &'s TrainerState, &'s [Members<'s>]);

/// Whether `later` is a later state of the run of `earlier`: more steps, and every logged training step the same.
fn continues(later: State<'_>, earlier: State<'_>) -> Result<(), ImportError> {
    let refused = |reason: String| ImportError::NotAContinuation {
        file: later.0.name().to_owned(),
        previous: earlier.0.name().to_owned(),
        reason,
    };
    let (step, earlier_step) = (later.1.global_step, earlier.1.global_step);
    if step <= earlier_step {
        return Err(refused(format!("it is at step {step}, the earlier one at {earlier_step}")));
    }
    let (steps, earlier_steps) = (training_steps(later.2), training_steps(earlier.2));
    let differs = earlier_steps.iter().zip(&steps).find(|(one, other)| one != other);
    if let Some(((step, _), _)) = differs {
        return Err(refused(format!("their logs differ at step {step}")));
    }
    if steps.len() < earlier_steps.len() {
        return Err(refused("its log is shorter".to_owned()));
    }
    Ok(())
}

/// Step and loss of each training entry, as written.
fn training_steps<'a>(history: &[Members<'a>]) -> Vec<(&'a str, &'a str)> {
    let entry = |entry: &Members<'a>| Some((entry.optional("step")?.raw(), entry.optional("loss")?.raw()));
    history.iter().filter_map(entry).collect()
}

impl TrainingFacts {
    /// Counts from an earlier state.
    fn count_from(&mut self, source: &Document<'_>, earlier: TrainerState) -> Result<(), ImportError> {
        let backwards = |field: &str, now: u128, before: u128| ImportError::Contradiction {
            file: source.name().to_owned(),
            field: field.to_owned(),
            other: "the earlier state file",
            reason: format!("{now} is below the {before} counted before"),
        };
        let (now, before) = (self.state.total_flos, earlier.total_flos);
        self.incremental =
            accounting::difference(now, before).ok_or_else(|| backwards("total_flos", now.upper.0, before.lower.0))?;
        self.tokens = match (self.state.tokens_seen, earlier.tokens_seen) {
            (Some(now), Some(before)) => {
                let added = now.checked_sub(before);
                Some(added.ok_or_else(|| backwards("num_input_tokens_seen", now, before))?)
            }
            _ => None,
        };
        self.previous = Some(earlier);
        Ok(())
    }
}

impl Imported<TrainingFacts> {
    /// Says what was taken and what was left.
    fn account(&mut self, file: &str) {
        let facts = &self.facts;
        let total = facts.state.total_flos;
        let mut took = vec![Note::new(file, "total_flos", format!("cumulative, {} FLOP", total.upper.scientific()))];
        let mut left = Vec::new();
        match &facts.previous {
            Some(previous) => {
                let added = facts.incremental.upper.scientific();
                let text = format!("incremental, {added} FLOP since step {}", previous.global_step);
                took.push(Note::new(file, "total_flos", text));
            }
            None if facts.state.starts > 1 => {
                let text = format!(
                    "the trainer's clock started {} times: this run was resumed, and without the state file of the \
                     report before the whole count is taken as incremental",
                    facts.state.starts
                );
                left.push(Note::new(file, "log_history", text));
            }
            None => took.push(Note::new(file, "total_flos", "incremental too: no earlier state file was given")),
        }
        match facts.tokens {
            Some(tokens) => {
                took.push(Note::new(file, "num_input_tokens_seen", format!("{tokens} tokens")));
                if let Some(parameters) = facts.implied_parameters() {
                    let text = format!("total_flos / (6 x tokens) is {parameters} parameters without embeddings");
                    took.push(Note::new(file, "total_flos", text));
                }
            }
            None => left.push(Note::new(file, "num_input_tokens_seen", "the trainer did not count tokens")),
        }
        left.push(Note::new(file, "log_history", "losses, learning rates and speeds: no statement holds them"));
        left.push(Note::new(
            file,
            "train_runtime",
            "the trainer's clock has no date: sessions come from the scheduler",
        ));
        (self.took, self.left) = (took, left);
    }
}

impl TrainingFacts {
    /// As a part of a report.
    pub fn into_contribution(self) -> Contribution {
        Contribution {
            flop: Some(FlopFacts {
                incremental: self.incremental,
                cumulative: Some(self.state.total_flos),
                discarded: None,
                method: Method::FrameworkCounter,
                counting_rule: CountingRule::SixNdNonEmbedding,
                basis: Basis::Computed,
            }),
            workload: self.tokens.map(|tokens| WorkloadFacts { tokens: Some(tokens), ..WorkloadFacts::default() }),
            finished: Some(self.state.finished),
            ..Contribution::default()
        }
    }

    /// `incremental / (6 x tokens)`, rounded to the nearest: the non-embedding parameters that the counter used.
    pub fn implied_parameters(&self) -> Option<u128> {
        let six_tokens = self.tokens?.checked_mul(6).filter(|six_tokens| *six_tokens > 0)?;
        let middle = self.incremental.lower.0.midpoint(self.incremental.upper.0);
        Some(middle.checked_add(six_tokens / 2)? / six_tokens)
    }
}
