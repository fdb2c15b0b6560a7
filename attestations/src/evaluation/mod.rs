//! `capability-evaluation`: what one evaluation suite said about one model. The first subject is the model's digest.
//!
//! ```text
//! "model": "aurora-3", "evaluatorRelationship": "independent", "window": {…}, "status": "success",
//! "suite": {"name": "popularity", "version": "0", "commits": [{"repository": …, "commit": …}], "dataSha256": …},
//! "harness": {"tool": "inspect_ai", "toolVersion": "0.3.285", "revision": …},
//! "elicitation": {"solver": ["generate"], "epochs": 2, "parameters": [{"name": …, "value": …}]},
//! "samples": {"inSuite": 12, "planned": 24, "completed": 24},
//! "analysis": [],
//! "scores": [{"scorer": "match", "reducer": "mean", "metric": "accuracy", "scoredSamples": 12,
//!             "unit": "ppm", "value": 416667,
//!             "uncertainty": {"standardError": 148648, "method": null, "methodUnknown": "the log does not say"}}]
//! ```
//!
//! *Planned* and *completed* count runs of samples, so a sample run in two epochs counts twice; *scored* counts, for
//! each score, the samples that it rests on after the epochs were reduced.

mod check;
mod json;

use standstill_protocol::hash::Hash;
use standstill_protocol::units::Ppm;

use crate::claim::{Basis, Evidence, FigureGroup, Maybe, Window};
use crate::words;

words! {
    /// What the evaluator is to the model's developer.
    pub enum EvaluatorRelationship {
        /// The developer itself.
        Developer = "developer",
        /// Paid or given access by the developer.
        Commissioned = "commissioned",
        /// Neither.
        Independent = "independent",
        /// An authority.
        Regulator = "regulator",
    }
}

words! {
    /// How the evaluation ended.
    pub enum EvaluationStatus {
        /// It ran to its end.
        Success = "success",
        /// Somebody stopped it.
        Cancelled = "cancelled",
        /// It failed.
        Error = "error",
    }
}

/// The predicate of a `capability-evaluation` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilityEvaluation {
    /// The model, as the evaluator names it; its digest is the first subject.
    pub model: String,
    /// What the evaluator is to the developer.
    pub evaluator_relationship: EvaluatorRelationship,
    /// From the first sample to the last.
    pub window: Window,
    /// How it ended.
    pub status: EvaluationStatus,
    /// What was asked.
    pub suite: Suite,
    /// What asked it.
    pub harness: Harness,
    /// How the answers were drawn out.
    pub elicitation: Elicitation,
    /// How many samples.
    pub samples: Samples,
    /// Settings of the calculation that made results of samples (weights, penalties, resampling): sorted by name,
    /// without repetition. A published time horizon moved under an unchanged version name when its ridge penalty did.
    pub analysis: Vec<Parameter>,
    /// The results: at least one.
    pub scores: Vec<Score>,
    /// How the results came to be.
    pub basis: Basis,
    /// The files behind them: at least one unless the basis is `declared`.
    pub evidence: Vec<Evidence>,
}

impl CapabilityEvaluation {
    /// The groups of figures that are stated, each with its basis.
    pub fn figures(&self) -> Vec<(FigureGroup, Basis)> {
        vec![(FigureGroup::Samples, self.basis), (FigureGroup::Scores, self.basis)]
    }
}

/// A set of tasks, pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The repositories that define it, each at a commit.
    pub commits: Maybe<Vec<Commit>>,
    /// SHA-256 of the data set.
    pub data_sha256: Maybe<Hash>,
}

/// A repository at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Where, such as `https://example.org/lab/evals.git`.
    pub repository: String,
    /// 7 to 64 lower-case hex digits.
    pub commit: String,
    /// Whether the tree had changes that the commit does not hold; unknown where the tool did not record it.
    pub dirty: Maybe<bool>,
}

/// The program that ran the evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Harness {
    /// Its name, such as `inspect_ai`.
    pub tool: String,
    /// Its version as it states it.
    pub tool_version: String,
    /// The commit it was built from.
    pub revision: Maybe<String>,
}

/// How the answers were drawn out of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elicitation {
    /// The steps or agents, in order, such as `system_message`, `generate`.
    pub solver: Vec<String>,
    /// How often each sample was run.
    pub epochs: u32,
    /// What else bears on the result (temperature, reducer, limits): sorted by name, without repetition.
    pub parameters: Vec<Parameter>,
}

/// A setting, both halves as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value as the tool wrote it.
    pub value: String,
}

/// Counts of samples and of their runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// Samples that the suite holds; more than `planned` where only some were run.
    pub in_suite: Maybe<u64>,
    /// Runs that were meant to be made: samples x epochs.
    pub planned: u64,
    /// Run to their end, at most `planned`.
    pub completed: u64,
}

/// One metric of one scorer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// What judged the samples.
    pub scorer: String,
    /// What made one judgement of a sample's epochs, such as `mean`; `None` where there was one epoch.
    pub reducer: Option<String>,
    /// What summed the judgements up, such as `accuracy`.
    pub metric: String,
    /// Samples that the result rests on, at most `completed`.
    pub scored_samples: Maybe<u64>,
    /// What `value` and its uncertainty count.
    pub unit: ScoreUnit,
    /// The result, in that unit.
    pub value: Maybe<i64>,
    /// How sure it is.
    pub uncertainty: Maybe<Uncertainty>,
}

words! {
    /// What a score counts.
    pub enum ScoreUnit {
        /// A proportion, from 0 to 1,000,000.
        Ppm = "ppm",
        /// Millionths of the metric's own unit, which may be negative: a perplexity, a rating, a reward.
        MicroUnits = "micro-units",
        /// A duration: a time horizon, a doubling time.
        Milliseconds = "milliseconds",
        /// Whole things.
        Count = "count",
    }
}

/// How sure a score is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncertainty {
    /// The figures.
    pub spread: Spread,
    /// How they were calculated, such as `bootstrap over task families, 1000 resamples`.
    pub method: Maybe<String>,
}

/// The figures of an uncertainty, in the score's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// `{"standardError": …}`.
    StandardError(u64),
    /// `{"lower": …, "upper": …, "confidencePpm": …}`; the score lies inside.
    Interval {
        /// At least this.
        lower: i64,
        /// At most this.
        upper: i64,
        /// Coverage, such as 950,000.
        confidence: Ppm,
    },
}
