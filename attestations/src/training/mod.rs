//! `training-compute`: what one stage of one run used in one reporting period.
//!
//! ```text
//! "site": "dc-1", "run": "aurora-3", "runStage": "pre-training", "period": 4, "finalReport": false,
//! "window": {"start": …, "end": …}, "sessions": [{"start": …, "end": …, "resumedFrom": null, "chips": "512"}],
//! "flop": {"incremental": {…}, "cumulative": {…}, "discarded": null, "discardedUnknown": "…"},
//! "method": "framework-counter", "countingRule": "…", "basis": "computed",
//! "workload": {…}, "hardware": null, "hardwareUnknown": "…", "baseModels": [], "energy": …, "activity": …,
//! "evidence": […]
//! ```
//!
//! *Incremental* FLOP fall into this window and count toward the parameters that survive; *cumulative* is the run's sum
//! so far, base models not included; *discarded* is work in this window that a restart threw away.

mod check;
mod json;

pub(crate) use check::check_base_models;
pub(crate) use json::{base_model, base_model_json};

use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Joule;

use crate::claim::{Basis, Coverage, Evidence, FigureGroup, Interval, Maybe, PpmInterval, Window};
use crate::words;

words! {
    /// The stage of a model's making that the compute went into.
    pub enum RunStage {
        /// From random or initial weights.
        PreTraining = "pre-training",
        /// Continued training on new data.
        MidTraining = "mid-training",
        /// Supervised fine-tuning, preference or reinforcement learning.
        PostTraining = "post-training",
        /// Training on another model's outputs.
        Distillation = "distillation",
        /// Making training data.
        SyntheticData = "synthetic-data",
    }
}

words! {
    /// How the FLOP figure was reached.
    pub enum Method {
        /// `6 x active parameters x tokens`: needs `workload`.
        SixNd = "6nd",
        /// `chips x time x peak x utilisation`: needs `hardware`.
        Hardware = "chips-time-peak-utilisation",
        /// The training framework's own counter, such as `total_flos`.
        FrameworkCounter = "framework-counter",
        /// Summed from a profiler's per-operation counts.
        Profiler = "profiler",
    }
}

words! {
    /// What was counted as an operation.
    pub enum CountingRule {
        /// Forward and backward of the model's matrix products; recomputation not counted (EU guidelines, Annex A).
        ModelFlop = "model-flop",
        /// Everything the chips did, recomputation included.
        HardwareFlop = "hardware-flop",
        /// FP16-equivalent or total operations, whichever is higher (MIRI, article II).
        HigherOfFp16EquivalentAndTotal = "higher-of-fp16-equivalent-and-total",
        /// 6 x tokens x non-embedding parameters, as the Hugging Face trainer counts.
        SixNdNonEmbedding = "6nd-non-embedding",
    }
}

words! {
    /// Where energy was measured.
    pub enum EnergyBoundary {
        /// At the accelerators.
        Accelerator = "accelerator",
        /// At the servers' power supplies.
        Server = "server",
        /// At the IT load of the site.
        Facility = "it-load",
        /// At the site's meter, cooling included.
        Site = "site",
    }
}

/// The predicate of a `training-compute` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingCompute {
    /// Where it ran.
    pub site: Name,
    /// The run, as the member names it; the same in every report of it.
    pub run: Name,
    /// The stage of the run.
    pub run_stage: RunStage,
    /// Index of the reporting period, from 0.
    pub period: u32,
    /// What this report covers: from the first session's start to the last session's end.
    pub window: Window,
    /// When the job ran: in order, without overlap, at least one.
    pub sessions: Vec<Session>,
    /// The figures.
    pub flop: FlopFigures,
    /// How they were reached.
    pub method: Method,
    /// What was counted.
    pub counting_rule: CountingRule,
    /// How the figures came to be.
    pub basis: Basis,
    /// Whether the run ends with this report.
    pub final_report: bool,
    /// Models that the run built on, with their own compute apart.
    pub base_models: Vec<BaseModel>,
    /// Tokens and parameters, for the window.
    pub workload: Maybe<Workload>,
    /// Chips and time, for the window.
    pub hardware: Maybe<Hardware>,
    /// Energy, for the window.
    pub energy: Maybe<Energy>,
    /// What the chips' own counters say, for the window.
    pub activity: Maybe<Activity>,
    /// The files behind the figures: each figure whose basis is not `declared` is backed by one.
    pub evidence: Vec<Evidence>,
}

impl TrainingCompute {
    /// The groups of figures that are stated, each with its basis.
    pub fn figures(&self) -> Vec<(FigureGroup, Basis)> {
        let mut figures = vec![(FigureGroup::Flop, self.basis)];
        figures.extend(self.workload.known().map(|workload| (FigureGroup::Workload, workload.basis)));
        figures.extend(self.hardware.known().map(|hardware| (FigureGroup::Hardware, hardware.basis)));
        figures.extend(self.energy.known().map(|energy| (FigureGroup::Energy, energy.basis)));
        figures.extend(self.activity.known().map(|activity| (FigureGroup::Activity, activity.basis)));
        figures
    }
}

/// FLOP in three separate accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlopFigures {
    /// In this window.
    pub incremental: Interval,
    /// Of the run so far, this window included.
    pub cumulative: Interval,
    /// In this window, thrown away by restarts; not part of `incremental`.
    pub discarded: Maybe<Interval>,
}

/// One stretch in which the job ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// When.
    pub window: Window,
    /// SHA-256 of the checkpoint it resumed from; `Known(None)` for a start from the beginning.
    pub resumed_from: Maybe<Option<Hash>>,
    /// Chips allocated to it.
    pub chips: Maybe<u64>,
}

words! {
    /// What a run took from a model.
    pub enum BaseModelUse {
        /// Its weights, to start from.
        InitialWeights = "initial-weights",
        /// Its outputs, to learn from.
        Teacher = "teacher",
        /// Its judgement, as a reward.
        RewardModel = "reward-model",
        /// Data that it made.
        DataGenerator = "data-generator",
    }
}

/// A model that the run built on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseModel {
    /// Its name.
    pub name: String,
    /// SHA-256 of its weights or of their signed manifest.
    pub sha256: Hash,
    /// What was taken from it.
    pub used_for: BaseModelUse,
    /// The compute of that model, which `cumulative` does not include.
    pub flop: Maybe<Interval>,
}

/// What was computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Tokens that passed through training in this window.
    pub tokens: u128,
    /// Parameters active for one token.
    pub active_parameters: u128,
    /// All parameters.
    pub total_parameters: u128,
    /// How these came to be.
    pub basis: Basis,
}

/// What it was computed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Id of the accelerator in the treaty's chip table.
    pub accelerator: Name,
    /// Chips in use at once, at most.
    pub chips: u64,
    /// Sum over chips of the seconds that each was allocated in this window.
    pub chip_seconds: u64,
    /// Peak dense operations per second of one chip, at the precision that was used.
    pub peak_flop_per_second: u64,
    /// Share of the peak that was reached.
    pub utilisation: PpmInterval,
    /// How these came to be.
    pub basis: Basis,
}

/// Energy used in the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Energy {
    /// Whole joules.
    pub joules: Joule,
    /// Where it was measured.
    pub boundary: EnergyBoundary,
    /// How much of the chips' time the meter saw: `joules` is what it read, without a guess for the gaps.
    pub coverage: Maybe<Coverage>,
    /// How it came to be.
    pub basis: Basis,
}

/// What the chips' own counters say about the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Share of the covered time in which the tensor pipes were active.
    pub tensor_pipe: PpmInterval,
    /// The chips' time with and without readings.
    pub coverage: Coverage,
    /// How it came to be.
    pub basis: Basis,
}
