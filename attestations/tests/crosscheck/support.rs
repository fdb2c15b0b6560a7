//! What a claim is supported by, beside itself.

use std::collections::BTreeSet;

use standstill_attestations::accounting::accelerators::ChipTable;
use standstill_attestations::claim::FigureGroup;
use standstill_attestations::crosscheck::{Yardstick, alone, support};
use standstill_attestations::training::{Method, TrainingCompute};

use super::exact;
use super::example::training_compute;

fn supported(report: &TrainingCompute) -> Option<BTreeSet<FigureGroup>> {
    let table = ChipTable::shipped().unwrap();
    support(report, &alone(report, &Yardstick { chips: Some(&table), ..Yardstick::default() }))
}

#[test]
fn figures_that_the_claim_was_computed_from_do_not_support_it() {
    use FigureGroup::{Activity, Energy, Hardware};
    let mut report = training_compute();
    assert_eq!(supported(&report), Some(BTreeSet::from([Activity, Energy, Hardware])));
    report.method = Method::Hardware;
    assert_eq!(supported(&report), Some(BTreeSet::from([Activity, Energy])), "the workload's file is the claim's own");
}

#[test]
fn figures_without_a_file_of_their_own_support_nothing() {
    let mut report = training_compute();
    report.evidence.truncate(1);
    assert_eq!(supported(&report), Some(BTreeSet::new()));
}

#[test]
fn one_contradiction_takes_all_support_away() {
    let mut report = training_compute();
    report.flop.incremental = exact("9e23");
    assert_eq!(supported(&report), None);
}
