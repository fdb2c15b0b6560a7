//! Which other figures, from files of their own, a claim agrees with: what the grade `cross-checked` rests on.

use std::collections::BTreeSet;

use standstill_protocol::units::Flop;

use super::finding::{Check, Finding, Outcome};
use super::work;
use crate::accounting::{self, TOLERANCE, share};
use crate::claim::{FigureGroup, Interval};
use crate::figure::Bounds;
use crate::training::{Method, TrainingCompute};

impl Check {
    /// The group of figures that the claim is held against, where the check compares the claim with anything but a mere
    /// ceiling. Energy is one: work takes at least so much of it, and as much as ten times that.
    pub const fn draws_on(self) -> Option<FigureGroup> {
        match self {
            Check::ClaimAgainst6nd => Some(FigureGroup::Workload),
            Check::ClaimAgainstChips => Some(FigureGroup::Hardware),
            Check::TensorActivity => Some(FigureGroup::Activity),
            _ => None,
        }
    }
}

/// Of the chips' time, in parts per million, an instrument has seen at least this much.
const LEAST_COVERAGE: u128 = 900_000;

/// Bounds that are further apart than the tolerance say too little.
fn narrow(bounds: impl Into<Bounds>) -> bool {
    !bounds.into().is_wider_than(TOLERANCE)
}

/// The figures that the claim is held against leave no more room than the tolerance.
fn says_something(report: &TrainingCompute, group: FigureGroup, finding: &Finding) -> bool {
    match group {
        FigureGroup::Activity => activity(report).is_some(),
        _ => {
            finding.expected.and_then(|range| Interval::new(Flop(range.lower), Flop(range.upper?))).is_some_and(narrow)
        }
    }
}

/// The work that the tensor pipes did at the stated peak, where enough of the chips' time was seen and it fits the report.
/// The check itself allows every format that the chip has.
fn activity(report: &TrainingCompute) -> Option<Interval> {
    let (activity, hardware) = (report.activity.known()?, report.hardware.known()?);
    let (seconds, covered) = (hardware.chip_seconds, activity.coverage.covered_chip_seconds);
    let seen = share(covered.into(), seconds.into())?.lower;
    let done = accounting::active(seconds, covered, activity.tensor_pipe, hardware.peak_flop_per_second).ok()?;
    let fits = accounting::agree(work(report), done, TOLERANCE) && narrow(done);
    (u128::from(seen.0) >= LEAST_COVERAGE && fits).then_some(done)
}

/// The groups of figures that support the claim: a check agrees, the claim was not computed from them, and a file backs
/// them that does not back the claim. `None` where any finding contradicts: then nothing supports it.
///
/// What fits everything is supported by nothing: no bounds, neither the claim's nor those of the figures, may be further
/// apart than 30 % of the upper one, and an instrument must have seen nine tenths of the chips' time.
///
/// `findings` are those of [`super::alone`], and of any further check.
pub fn support(report: &TrainingCompute, findings: &[Finding]) -> Option<BTreeSet<FigureGroup>> {
    if findings.iter().any(|finding| finding.outcome == Outcome::Contradicts) {
        return None;
    }
    let own = match report.method {
        Method::SixNd => Some(FigureGroup::Workload),
        Method::Hardware => Some(FigureGroup::Hardware),
        Method::FrameworkCounter | Method::Profiler => None,
    };
    let backed = |group: &FigureGroup| {
        report.evidence.iter().any(|file| file.backs.contains(group) && !file.backs.contains(&FigureGroup::Flop))
    };
    if !narrow(report.flop.incremental) || !narrow(report.flop.cumulative) {
        return Some(BTreeSet::new());
    }
    let agreeing = findings.iter().filter(|finding| finding.outcome == Outcome::Agrees);
    let groups = agreeing.filter_map(|finding| Some((finding.check.draws_on()?, finding)));
    let supports = |(group, finding): &(FigureGroup, &Finding)| {
        Some(*group) != own && backed(group) && says_something(report, *group, finding)
    };
    Some(groups.filter(supports).map(|(group, _)| group).collect())
}
