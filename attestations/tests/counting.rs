//! Counting rules: what the EU guidelines C(2025) 7719 and MIRI's article II count.

mod example;

use standstill_attestations::accounting::counting::{
    Operations, Work, above, eu, miri, modification_limit, with_base_models,
};
use standstill_attestations::claim::{Interval, Maybe};
use standstill_attestations::training::BaseModelUse;
use standstill_protocol::units::Flop;

fn exact(text: &str) -> Interval {
    Interval::exact(text.parse().unwrap())
}

#[test]
fn the_eu_rule_counts_what_reaches_the_parameters() {
    let counted = [
        (Work::ForwardAndBackward, true),
        (Work::Recomputation, false),
        (Work::PrivateSyntheticData, true),
        (Work::PublicSyntheticData, false),
        (Work::InheritedWeights, true),
        (Work::Evaluation, false),
        (Work::FailedExperiment, false),
        (Work::TeacherModel, false),
        (Work::RewardModel, false),
    ];
    assert_eq!(counted.len(), Work::ALL.len());
    for (work, counts) in counted {
        let sums = eu(&[(work, exact("1e20"))]).unwrap();
        let nothing = Interval::exact(Flop(0));
        let expected = if counts { (exact("1e20"), nothing) } else { (nothing, exact("1e20")) };
        assert_eq!((sums.counted, sums.left_out), expected, "{work}");
    }
}

#[test]
fn miri_takes_the_higher_of_fp16_equivalent_and_total() {
    let of = |bits, count: &str| Operations { bits, count: exact(count) };
    for (operations, expected) in [
        (vec![of(16, "1e22")], "1e22"),
        (vec![of(8, "1e22")], "1e22"),
        (vec![of(4, "1e22")], "1e22"),
        (vec![of(32, "1e22")], "2e22"),
        (vec![of(8, "1e22"), of(32, "1e22")], "2.5e22"),
        (vec![of(8, "4e22"), of(32, "1e22")], "5e22"),
    ] {
        assert_eq!(miri(&operations), Ok(exact(expected)), "{operations:?}");
    }
    assert!(miri(&[Operations { bits: 64, count: Interval::exact(Flop(u128::MAX)) }]).is_err());
}

#[test]
fn a_third_of_the_original_makes_a_provider() {
    let known = Maybe::Known(exact("3e25"));
    let unknown = Maybe::Unknown("not published".to_owned());
    let presumed = "1e25".parse().unwrap();
    let limit = modification_limit(&known, presumed).unwrap();
    assert_eq!(limit, exact("1e25"));
    assert_eq!((above(exact("1e25"), limit), above(exact("1.001e25"), limit)), (Some(false), Some(true)));
    let limit = modification_limit(&unknown, presumed).unwrap();
    assert_eq!(limit.upper.0 - limit.lower.0, 1, "a third is not whole");
    assert_eq!(above(exact("3.4e24"), limit), Some(true));
    assert_eq!(above(Interval { lower: Flop(0), upper: Flop(u128::MAX) }, limit), None);
}

#[test]
fn a_models_compute_holds_that_of_its_base_models() {
    let mut report = example::training_compute();
    assert_eq!(with_base_models(&report), Err(vec!["aurora-2"]));
    report.base_models[0].flop = Maybe::Known(exact("1e24"));
    assert_eq!(
        with_base_models(&report),
        Ok(Ok(Interval { lower: "1.59e24".parse().unwrap(), upper: "1.62e24".parse().unwrap() }))
    );
    report.base_models[0].used_for = BaseModelUse::Teacher;
    assert_eq!(with_base_models(&report), Ok(Ok(report.flop.cumulative)), "a teacher's training does not count");
}
