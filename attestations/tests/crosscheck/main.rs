//! Cross-checks: for each, a report that agrees and one that does not, with the numbers in a table.

#[path = "../example/mod.rs"]
mod example;

mod alone;
mod history;
mod plan;
mod published;
mod random;
mod render;
mod site;
mod support;

use standstill_attestations::Interval;
use standstill_attestations::accounting::accelerators::ChipTable;
use standstill_attestations::claim::Maybe;
use standstill_attestations::crosscheck::{Check, Finding, Outcome, Yardstick, alone};
use standstill_attestations::training::{Hardware, TrainingCompute, Workload};
use standstill_protocol::units::Flop;

pub(crate) fn flop(text: &str) -> Flop {
    text.parse().unwrap()
}

pub(crate) fn exact(text: &str) -> Interval {
    Interval::exact(flop(text))
}

pub(crate) fn interval(lower: &str, upper: &str) -> Interval {
    Interval { lower: flop(lower), upper: flop(upper) }
}

/// The finding of one check over one report, with the shipped chip table.
pub(crate) fn one(report: &TrainingCompute, check: Check) -> Finding {
    let table = ChipTable::shipped().unwrap();
    let yardstick = Yardstick { chips: Some(&table), ..Yardstick::default() };
    named(alone(report, &yardstick), check)
}

pub(crate) fn named(findings: Vec<Finding>, check: Check) -> Finding {
    let mut found = findings.into_iter().filter(|finding| finding.check == check);
    let finding = found.next().unwrap();
    assert_eq!(found.next(), None, "{check} stands once");
    finding
}

pub(crate) fn hardware(report: &mut TrainingCompute) -> &mut Hardware {
    let Maybe::Known(hardware) = &mut report.hardware else { panic!("the example has hardware") };
    hardware
}

pub(crate) fn workload(report: &mut TrainingCompute) -> &mut Workload {
    let Maybe::Known(workload) = &mut report.workload else { panic!("the example has a workload") };
    workload
}

/// Outcome and sentence together: what a person reads.
pub(crate) fn read(finding: &Finding) -> (Outcome, &str) {
    (finding.outcome, &finding.sentence)
}
