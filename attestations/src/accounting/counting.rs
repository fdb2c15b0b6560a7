//! What counts as training compute.
//!
//! ```
//! use standstill_attestations::accounting::counting::{self, Operations, Work};
//! use standstill_attestations::Interval;
//! use standstill_protocol::units::Flop;
//! let part = |work, flop| (work, Interval::exact(Flop(flop)));
//! let parts = [part(Work::ForwardAndBackward, 600), part(Work::Recomputation, 200), part(Work::PrivateSyntheticData, 50)];
//! let eu = counting::eu(&parts).unwrap();
//! assert_eq!((eu.counted.lower, eu.left_out.lower), (Flop(650), Flop(200)));
//! // 100 operations of 8 bits and 10 of 32: 110 in total, 50 + 20 as FP16-equivalents.
//! let of = |bits, flop| Operations { bits, count: Interval::exact(Flop(flop)) };
//! assert_eq!(counting::miri(&[of(8, 100), of(32, 10)]).unwrap(), Interval::exact(Flop(110)));
//! ```
//!
//! - **EU guidelines C(2025) 7719**, annex A: all operations count equally, whatever their precision; everything counts
//!   that contributes to the parameters' updates. Which work that is, [`Work::counts_for_eu`] says.
//! - **MIRI, arXiv 2511.10783**, article II: FP16-equivalent or total operations, whichever is higher. An operation of
//!   `b` bits is `b / 16` of an FP16 operation, as in the total processing performance of export rules.

use standstill_protocol::units::Flop;

use super::{Overflow, hull, sum, times_fraction};
use crate::claim::{Interval, Maybe};
use crate::training::{BaseModelUse, TrainingCompute};
use crate::words;

words! {
    /// What operations were spent on.
    pub enum Work {
        /// Forward and backward passes whose gradients updated the parameters.
        ForwardAndBackward = "forward-and-backward",
        /// Activations computed a second time to save memory.
        Recomputation = "recomputation",
        /// Making training data that is not public, what was discarded of it included.
        PrivateSyntheticData = "private-synthetic-data",
        /// Making training data that anybody can have.
        PublicSyntheticData = "public-synthetic-data",
        /// Training of the models that the weights were merged or initialised from.
        InheritedWeights = "inherited-weights",
        /// Measuring the model.
        Evaluation = "evaluation",
        /// Experiments that left nothing in the parameters.
        FailedExperiment = "failed-experiment",
        /// Training of a model that this one was distilled from.
        TeacherModel = "teacher-model",
        /// Training of a model that judged this one.
        RewardModel = "reward-model",
    }
}

impl Work {
    /// Whether the EU guidelines count it as training compute.
    pub const fn counts_for_eu(self) -> bool {
        matches!(self, Work::ForwardAndBackward | Work::PrivateSyntheticData | Work::InheritedWeights)
    }
}

/// Work divided by a counting rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Training compute.
    pub counted: Interval,
    /// Work that the rule leaves out.
    pub left_out: Interval,
}

/// The EU guidelines' count of the parts of a run.
pub fn eu(parts: &[(Work, Interval)]) -> Result<Counted, Overflow> {
    let of = |counts| sum(parts.iter().filter(|(work, _)| work.counts_for_eu() == counts).map(|(_, flop)| *flop));
    Ok(Counted { counted: of(true)?, left_out: of(false)? })
}

/// A model's compute by the EU guidelines: the run's cumulative figure with the compute of every model whose weights it
/// started from. Teachers, reward models and makers of data do not count. `Err` has the names of such models whose
/// compute is not known, in the order of the statement.
pub fn with_base_models(report: &TrainingCompute) -> Result<Result<Interval, Overflow>, Vec<&str>> {
    let inherited = || report.base_models.iter().filter(|model| model.used_for == BaseModelUse::InitialWeights);
    let unknown: Vec<&str> =
        inherited().filter(|model| model.flop.known().is_none()).map(|model| &*model.name).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let bases = inherited().filter_map(|model| model.flop.known().copied());
    Ok(sum(bases.chain([report.flop.cumulative])))
}

/// The compute above which whoever modifies a model becomes its provider: one third of the original's, or of
/// `presumed` where the original's is not known (EU guidelines: 1e25 for a model with systemic risk, else 1e23).
pub fn modification_limit(original: &Maybe<Interval>, presumed: Flop) -> Result<Interval, Overflow> {
    times_fraction(original.known().copied().unwrap_or(Interval::exact(presumed)), 1, 3)
}

/// Whether a modification is above its limit; `None` where the bounds leave it open.
pub fn above(value: Interval, limit: Interval) -> Option<bool> {
    match () {
        () if value.lower > limit.upper => Some(true),
        () if value.upper <= limit.lower => Some(false),
        () => None,
    }
}

/// A number of operations of one width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations {
    /// Width of an operand in bits: 4, 8, 16, 32, 64.
    pub bits: u16,
    /// How many.
    pub count: Interval,
}

impl Operations {
    /// As FP16 operations, rounded outward.
    pub fn fp16_equivalent(self) -> Result<Interval, Overflow> {
        times_fraction(self.count, u128::from(self.bits), 16)
    }
}

/// MIRI's count: FP16-equivalent or total operations, whichever is higher. Bound by bound, so that the higher of the
/// two true figures lies inside.
pub fn miri(operations: &[Operations]) -> Result<Interval, Overflow> {
    let total = sum(operations.iter().map(|one| one.count))?;
    let each: Result<Vec<Interval>, Overflow> = operations.iter().map(|one| one.fp16_equivalent()).collect();
    let equivalent = sum(each?)?;
    Ok(Interval { lower: total.lower.max(equivalent.lower), upper: hull(total, equivalent).upper })
}
