//! What one tool's files give toward a `training-compute` statement. Every part is optional: a trainer counts FLOP and
//! has no clock, a scheduler has chips and sessions and no FLOP, a meter has joules.
//!
//! ```text
//! trainer_state.json ──▶ flop, workload ────────┐
//! sacct --json ────────▶ sessions, hardware ────┼──▶ combine ──▶ Contribution ──▶ TrainingCompute
//! emissions.csv ───────▶ energy ────────────────┘
//! ```
//!
//! An importer fills what its file says and leaves the rest empty: it makes up nothing, and what is missing after
//! [`crate::combine`] comes from flags or becomes `null` with a reason.

use standstill_attestations::claim::{Basis, Interval, PpmInterval, Window};
use standstill_attestations::training::{CountingRule, EnergyBoundary, Method, Session};
use standstill_protocol::units::Joule;

/// What one tool's files give toward a `training-compute` statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contribution {
    /// The run, as the tool names it.
    pub run: Option<String>,
    /// The model, as the tool names it.
    pub model: Option<String>,
    /// Operations.
    pub flop: Option<FlopFacts>,
    /// Tokens and parameters.
    pub workload: Option<WorkloadFacts>,
    /// When the job ran: in order, without overlap.
    pub sessions: Vec<Session>,
    /// Chips and time.
    pub hardware: Option<HardwareFacts>,
    /// Energy: each boundary and window once.
    pub energy: Vec<EnergyFacts>,
    /// How busy the chips' matrix units were.
    pub activity: Option<ActivityFacts>,
    /// Whether the run has reached its end.
    pub finished: Option<bool>,
}

/// Operations, in the three accounts of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlopFacts {
    /// In this window.
    pub incremental: Interval,
    /// Of the run so far; `None` where the tool does not know what came before.
    pub cumulative: Option<Interval>,
    /// Thrown away by restarts; `None` where the tool cannot tell.
    pub discarded: Option<Interval>,
    /// How it was counted.
    pub method: Method,
    /// What was counted.
    pub counting_rule: CountingRule,
    /// How the figures came to be.
    pub basis: Basis,
}

/// What was computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkloadFacts {
    /// Tokens that passed through training in this window.
    pub tokens: Option<u128>,
    /// Tokens of work that restarts threw away, in this window; not part of `tokens`.
    pub discarded_tokens: Option<u128>,
    /// Parameters active for one token, as the counting rule means them.
    pub active_parameters: Option<u128>,
    /// All parameters.
    pub total_parameters: Option<u128>,
}

/// What it was computed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HardwareFacts {
    /// The accelerator, as the tool names it: `h100`, `NVIDIA H100 80GB HBM3`.
    pub accelerator: Option<String>,
    /// Chips in use at once, at most.
    pub chips: Option<u64>,
    /// Sum over chips of the seconds that each was allocated.
    pub chip_seconds: Option<u64>,
    /// Hosts in use at once, at most.
    pub nodes: Option<u64>,
    /// Peak dense operations per second of one chip.
    pub peak_flop_per_second: Option<u64>,
    /// Share of the peak that was reached.
    pub utilisation: Option<PpmInterval>,
}

/// Energy used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnergyFacts {
    /// Whole joules.
    pub joules: Joule,
    /// Where it was measured.
    pub boundary: EnergyBoundary,
    /// When, where the file says so.
    pub window: Option<Window>,
    /// Chip seconds that the meter saw, where the file says for how long it saw which chips.
    pub covered_chip_seconds: Option<u64>,
    /// How it came to be.
    pub basis: Basis,
}

/// How busy the chips' matrix units were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityFacts {
    /// Active share of the covered time: gaps are not in it.
    pub active: PpmInterval,
    /// Chip seconds that the readings cover.
    pub covered_chip_seconds: u64,
    /// From the first reading to the last, where the file says so.
    pub window: Option<Window>,
}
