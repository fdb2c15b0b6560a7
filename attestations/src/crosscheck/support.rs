//! Which other figures, from files of their own, a claim agrees with: what the grade `cross-checked` rests on.

use std::collections::BTreeSet;

use super::finding::{Check, Finding, Outcome};
use crate::claim::FigureGroup;
use crate::training::{Method, TrainingCompute};

impl Check {
    /// The group of figures that the claim is held against, where the check compares the claim with anything but a mere
    /// ceiling.
    pub const fn draws_on(self) -> Option<FigureGroup> {
        match self {
            Check::ClaimAgainst6nd => Some(FigureGroup::Workload),
            Check::ClaimAgainstChips => Some(FigureGroup::Hardware),
            Check::EnergyForWork => Some(FigureGroup::Energy),
            Check::TensorActivity => Some(FigureGroup::Activity),
            _ => None,
        }
    }
}

/// The groups of figures that support the claim: a check agrees, the claim was not computed from them, and a file backs
/// them that does not back the claim. `None` where any finding contradicts: then nothing supports it.
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
    let agreeing = findings.iter().filter(|finding| finding.outcome == Outcome::Agrees);
    let groups = agreeing.filter_map(|finding| finding.check.draws_on());
    Some(groups.filter(|group| Some(*group) != own && backed(group)).collect())
}
