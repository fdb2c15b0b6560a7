//! Cross-checks: a report's figures against what else is known, as findings with numbers.
//!
//! ```text
//! check                   claimed               expected              outcome
//! claim-below-peak        2.91e23-3.01e23 FLOP  up to 2.37e24 FLOP    agrees
//! claim-against-6nd       2.9e23-3e23 FLOP      2.94e23 FLOP          agrees
//! energy-for-work         8.4e11-9.24e11 J      from 1.03e11 J        agrees
//! chip-time-of-scheduler  986 chip-s            371 chip-s            contradicts
//!
//! contradicts: chip-time-of-scheduler
//!   The report has 2.65 times the scheduler's chip seconds: just what counting job
//!   steps beside their jobs gives.
//! ```
//!
//! Rules:
//!
//! - A claim is an interval: only what no number in it can explain is a contradiction.
//! - What is missing is never held against a report: the outcome is `cannot tell`, with what is missing.
//! - Gaps in measurements are filled by whatever speaks for the report.
//! - Every function is pure and in integers, so that a lab's draft and the ledger see the same findings.
//!
//! | function | looks at |
//! |---|---|
//! | [`alone`] | one report: chips, time, peak, 6ND, energy, activity |
//! | [`against_scheduler`] | one report and what an importer read |
//! | [`with_history`], [`standing`] | a report and the member's earlier ones |
//! | [`against_plan`] | a report and what was planned |
//! | [`chips_of_run`] | reports of a run, at all its sites, and its plan |
//! | [`chips_at_once`], [`site_capacity`] | reports of one site and the chips registered there |
//! | [`support`] | findings: which figures of their own support the claim |
//! | [`table`], [`json`] | findings for people, findings for programs |

mod chips;
mod energy;
mod finding;
mod history;
mod plan;
mod render;
mod site;
mod support;
mod workload;

pub use chips::{SchedulerTime, against_peak, against_scheduler};
pub use energy::Overheads;
pub use finding::{Check, Finding, Number, Outcome, Range, Unit};
pub use history::{History, standing, with_history};
pub use plan::against_plan;
pub use render::{json, table};
pub use site::{Registered, chips_at_once, chips_of_run, site_capacity};
pub use support::support;

use standstill_protocol::units::{Flop, Ppm};

use crate::accounting::TOLERANCE;
use crate::accounting::accelerators::{Chip, ChipTable};
use crate::claim::{Interval, Maybe};
use crate::training::{Hardware, TrainingCompute};

/// What reports are held against, beside their own figures.
#[derive(Clone, Copy, Debug)]
pub struct Yardstick<'a> {
    /// By how much two estimates of the same work may differ: the treaty's `counting.tolerance_ppm`.
    pub tolerance: Ppm,
    /// The treaty's chip table, where it is at hand.
    pub chips: Option<&'a ChipTable>,
    /// How much more than the accelerators everything behind a meter may draw.
    pub overheads: Overheads,
}

impl Default for Yardstick<'_> {
    /// The EU guidelines' 30 %, no chip table.
    fn default() -> Self {
        Yardstick { tolerance: TOLERANCE, chips: None, overheads: Overheads::default() }
    }
}

impl<'a> Yardstick<'a> {
    fn chip(&self, hardware: &Hardware) -> Option<&'a Chip> {
        self.chips?.find(&hardware.accelerator)
    }

    /// The most that one chip does in a second: by the table, else as stated.
    fn peak(&self, hardware: &Hardware) -> u64 {
        self.chip(hardware).map_or(hardware.peak_flop_per_second, Chip::highest_peak)
    }
}

/// Every check that needs one report and the yardstick, in a fixed order.
pub fn alone(report: &TrainingCompute, yardstick: &Yardstick<'_>) -> Vec<Finding> {
    vec![
        chips::claim_below_peak(report, yardstick),
        chips::peak_of_chip(report, yardstick),
        workload::claim_against_6nd(report, yardstick),
        chips::claim_against_chips(report, yardstick),
        chips::utilisation(report),
        chips::chip_time_in_sessions(report),
        energy::energy_for_work(report, yardstick),
        energy::energy_for_chips(report, yardstick),
        energy::tensor_activity(report, yardstick),
        history::base_models_apart(report, yardstick),
    ]
}

/// What the chips did in the window: what counts and what restarts threw away. The upper bound leaves out work that is
/// not known.
fn work(report: &TrainingCompute) -> Interval {
    let discarded = report.flop.discarded.known().copied().unwrap_or(Interval::exact(Flop(0)));
    let add = |one: Flop, other: Flop| Flop(one.0.saturating_add(other.0));
    let incremental = report.flop.incremental;
    Interval { lower: add(incremental.lower, discarded.lower), upper: add(incremental.upper, discarded.upper) }
}

/// The value, or the finding that it is missing.
fn need<'r, T>(check: Check, what: &str, value: &'r Maybe<T>) -> Result<&'r T, Finding> {
    match value {
        Maybe::Known(value) => Ok(value),
        Maybe::Unknown(reason) => Err(Finding::cannot_tell(check, format!("{what} is not known: {reason}"))),
    }
}

/// A finding either way.
fn found(outcome: Result<Finding, Finding>) -> Finding {
    outcome.unwrap_or_else(|finding| finding)
}
