//! Experiment trackers: W&B, MLflow and PyTorch Lightning keep what a program logged under names of its choosing.
//!
//! ```text
//! wandb-summary.json      {"train/global_step": 30, "total_flos": 18449694720, "_runtime": 6483.7, …}
//! mlflow.db, mlruns/…     runs, and a history of each metric: value, time, step
//! metrics.csv             epoch,step,total_flos,train_loss
//! ```
//!
//! A tracker knows no units: a name means what the program meant by it. Two are taken, because a widely used trainer
//! gives them their meaning: `total_flos`, the Hugging Face Trainer's own count (see [`crate::hf_trainer`]), and
//! `num_input_tokens_seen`; before either may stand `train/`. Both count from the start of the run. Nothing is guessed
//! from other names: they are left, and counts of operations among them are named.

pub mod lightning;
pub mod mlflow;
pub mod wandb;

use standstill_attestations::accounting;
use standstill_attestations::claim::{Basis, Interval};
use standstill_attestations::training::{CountingRule, Method};
use standstill_protocol::units::{Flop, Ppm};

use crate::contribution::{Contribution, FlopFacts, WorkloadFacts};
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::notes::Notes;

const FLOS: &str = "total_flos";
const TOKENS: &str = "num_input_tokens_seen";
/// Doubles hold every whole number up to here.
const EXACT: u128 = 1 << 53;

/// Which of the two counts a name is.
pub(crate) fn counted(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("train/").unwrap_or(name);
    [FLOS, TOKENS].into_iter().find(|known| *known == name)
}

/// Whether a name speaks of operations, without being one that is taken.
fn speaks_of_operations(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("flop") || name.contains("flos") || name.contains("mfu")
}

/// The counts of one run: what each was before the report, and at its end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) flos: Option<u128>,
    pub(crate) flos_before: Option<u128>,
    pub(crate) tokens: Option<u128>,
    pub(crate) tokens_before: Option<u128>,
}

impl Counts {
    /// Takes the value of a name, as decimal text. `before` is one from before the report.
    pub(crate) fn take(&mut self, file: &str, name: &str, text: &str, before: bool) -> Result<(), ImportError> {
        let Some(known) = counted(name) else { return Ok(()) };
        let bad = || ImportError::BadNumber {
            file: file.to_owned(),
            field: name.chars().take(80).collect(),
            found: text.chars().take(40).collect(),
            reason: "a whole number from 0 on is expected",
        };
        let value = Decimal::parse(text).and_then(|decimal| decimal.whole()).ok_or_else(bad)?;
        let place = match (known == FLOS, before) {
            (true, false) => &mut self.flos,
            (true, true) => &mut self.flos_before,
            (false, false) => &mut self.tokens,
            (false, true) => &mut self.tokens_before,
        };
        if place.is_some_and(|earlier| value < earlier) {
            return Err(ImportError::Contradiction {
                file: file.to_owned(),
                field: name.chars().take(80).collect(),
                other: "its own earlier value",
                reason: format!("{value} comes after {}: a count of a run does not go down", place.unwrap_or(0)),
            });
        }
        *place = Some(value);
        Ok(())
    }

    /// The contribution, with an account of what was taken. A count of 0 was never switched on.
    pub(crate) fn contribution(self, notes: &mut Notes<'_>) -> Contribution {
        let flop = self.flos.filter(|flos| *flos > 0).and_then(|flos| {
            let cumulative = widened(flos)?;
            let incremental = match self.flos_before {
                Some(before) => accounting::difference(cumulative, widened(before)?)?,
                None => cumulative,
            };
            let shown = (incremental.upper.scientific(), cumulative.upper.scientific());
            notes.take(FLOS, format!("{} FLOP in this report, {} in the run so far", shown.0, shown.1));
            notes.take(FLOS, "taken as the Hugging Face Trainer's count, which its name says it is");
            Some(FlopFacts {
                incremental,
                cumulative: Some(cumulative),
                discarded: None,
                method: Method::FrameworkCounter,
                counting_rule: CountingRule::SixNdNonEmbedding,
                basis: Basis::Computed,
            })
        });
        match self.flos {
            Some(0) => notes.leave(FLOS, "0: the trainer did not count"),
            None => notes.leave(FLOS, "nothing was logged under this name"),
            Some(_) => {}
        }
        let tokens = self.tokens.filter(|tokens| *tokens > 0);
        let tokens = tokens.and_then(|tokens| tokens.checked_sub(self.tokens_before.unwrap_or(0)));
        if let Some(tokens) = tokens {
            notes.take(TOKENS, format!("{tokens} tokens in this report"));
        }
        Contribution {
            flop,
            workload: tokens.map(|tokens| WorkloadFacts { tokens: Some(tokens), ..WorkloadFacts::default() }),
            ..Contribution::default()
        }
    }
}

/// A count kept as a double: exact up to 2^53, else to one part per million.
fn widened(value: u128) -> Option<Interval> {
    if value <= EXACT {
        return Some(Interval::exact(Flop(value)));
    }
    accounting::around(Flop(value), Ppm(1)).ok()
}

/// Names that were not taken: those about operations one by one, the others as a number.
pub(crate) fn leave_others<'n>(names: impl Iterator<Item = &'n str>, notes: &mut Notes<'_>) {
    let mut others = 0u64;
    for name in names.filter(|name| counted(name).is_none()) {
        if speaks_of_operations(name) && others < 32 {
            let name: String = name.chars().filter(|letter| !letter.is_control()).take(80).collect();
            notes.leave(name, "a count or speed under a name that has no fixed meaning");
        } else {
            others = others.saturating_add(1);
        }
    }
    if others > 0 {
        notes.leave("metrics", format!("{others} others: losses, rates and whatever else no statement holds"));
    }
}
