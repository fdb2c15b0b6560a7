//! What a claim is supported by, beside itself.

use std::collections::BTreeSet;

use standstill_attestations::accounting::accelerators::ChipTable;
use standstill_attestations::claim::{Coverage, FigureGroup, Maybe, PpmInterval};
use standstill_attestations::crosscheck::{Yardstick, alone, support};
use standstill_attestations::training::{Activity, Method, TrainingCompute};
use standstill_protocol::units::Ppm;

use super::example::training_compute;
use super::{exact, hardware, interval};

fn supported(report: &TrainingCompute) -> Option<BTreeSet<FigureGroup>> {
    let table = ChipTable::shipped().unwrap();
    support(report, &alone(report, &Yardstick { chips: Some(&table), ..Yardstick::default() }))
}

#[test]
fn figures_that_the_claim_was_computed_from_do_not_support_it() {
    use FigureGroup::{Activity, Hardware};
    let mut report = training_compute();
    assert_eq!(supported(&report), Some(BTreeSet::from([Activity, Hardware])));
    report.method = Method::Hardware;
    assert_eq!(supported(&report), Some(BTreeSet::from([Activity])), "the workload's file is the claim's own");
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

/// Each of these passes every check, agrees with everything, and says nothing.
#[test]
fn what_fits_everything_is_supported_by_nothing() {
    use FigureGroup::{Activity, Hardware};
    let all = BTreeSet::from([Activity, Hardware]);
    let with = |edit: fn(&mut TrainingCompute)| {
        let mut report = training_compute();
        edit(&mut report);
        supported(&report).unwrap()
    };
    assert_eq!(with(|_| {}), all);
    let wide = |report: &mut TrainingCompute| {
        report.flop.incremental = interval("0", "1e30");
        report.flop.cumulative = interval("0", "1e30");
    };
    assert_eq!(with(wide), BTreeSet::new(), "a claim of nothing to 10^30");
    assert_eq!(with(|report| report.flop.cumulative = interval("5.9e23", "1e30")), BTreeSet::new());
    assert_eq!(
        with(|report| activity(report).tensor_pipe = PpmInterval { lower: Ppm(0), upper: Ppm(1_000_000) }),
        BTreeSet::from([Hardware]),
        "pipes that were active for some share of the time"
    );
    let unseen = |report: &mut TrainingCompute| {
        activity(report).coverage = Coverage { covered_chip_seconds: 1, gap_chip_seconds: 1_199_999_999 };
    };
    assert_eq!(with(unseen), BTreeSet::from([Hardware]), "one chip second was seen");
    assert_eq!(
        with(|report| hardware(report).utilisation = PpmInterval { lower: Ppm(0), upper: Ppm(1_000_000) }),
        BTreeSet::from([Activity]),
        "some share of the peak"
    );
}

/// At a site's meter the same energy fits claims twelve times apart: it bounds a claim, and supports none.
#[test]
fn energy_alone_supports_nothing() {
    let mut report = training_compute();
    let unknown = || Maybe::Unknown("not kept".to_owned());
    (report.workload, report.hardware, report.activity) = (unknown(), report.hardware, Maybe::Unknown(String::new()));
    hardware(&mut report).utilisation = PpmInterval { lower: Ppm(0), upper: Ppm(1_000_000) };
    assert_eq!(supported(&report), Some(BTreeSet::new()));
}

fn activity(report: &mut TrainingCompute) -> &mut Activity {
    let Maybe::Known(activity) = &mut report.activity else { panic!("the example has activity") };
    activity
}
