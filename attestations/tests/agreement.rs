//! Whether a countersigner agrees is computed from two intervals, never said.

mod example;

use example::others::{countersignature, id, others};
use example::{evaluation, name, training};
use standstill_attestations::countersignature::{Countersignature, NotAbout};
use standstill_attestations::figure::{Agreement, Bounds, Figure, Observation, Unit};
use standstill_attestations::statement::{Kind, Predicate, Statement};
use standstill_attestations::{Basis, Maybe};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Ppm;

fn observation(figure: Figure, item: Option<u32>, (lower, upper): (i128, i128)) -> Observation {
    let unit = figure.unit().unwrap_or(Unit::Ppm);
    Observation { figure, item, unit, observed: Bounds { lower, upper }, basis: Basis::Measured }
}

const GJ: i128 = 1_000_000_000;

/// The training example states 840 GJ, 512 chips, 0.29e24 to 0.30e24 FLOP, and 31 to 32.5 % activity.
#[test]
fn intervals_that_meet_confirm_unless_the_observed_one_is_too_wide() {
    let rows = [
        (Figure::Joules, (840 * GJ, 840 * GJ), Agreement::Confirmed),
        (Figure::Joules, (832 * GJ, 849 * GJ), Agreement::Confirmed),
        (Figure::Joules, (756 * GJ, 840 * GJ), Agreement::Confirmed), // as wide as a tenth of its upper bound
        (Figure::Joules, (756 * GJ - 1, 840 * GJ), Agreement::NotContradicted),
        (Figure::Joules, (0, 10i128.pow(38) - 1), Agreement::NotContradicted),
        (Figure::Joules, (840 * GJ + 1, 850 * GJ), Agreement::Contradicted),
        (Figure::Joules, (0, 840 * GJ - 1), Agreement::Contradicted),
        (Figure::Chips, (512, 512), Agreement::Confirmed),
        (Figure::Chips, (511, 511), Agreement::Contradicted),
        (Figure::FlopIncremental, (300 * 10i128.pow(21), 310 * 10i128.pow(21)), Agreement::Confirmed),
        (Figure::FlopIncremental, (300 * 10i128.pow(21) + 1, 310 * 10i128.pow(21)), Agreement::Contradicted),
        (Figure::TensorPipe, (320_000, 330_000), Agreement::Confirmed),
        (Figure::SamplesPlanned, (24, 24), Agreement::NotStated),
    ];
    for (figure, bounds, agreement) in rows {
        let observed = observation(figure, None, bounds);
        assert_eq!(observed.against(&training().predicate, Ppm(100_000)), agreement, "{figure} {bounds:?}");
    }
}

#[test]
fn what_is_unknown_is_neither_confirmed_nor_contradicted() {
    let mut claim = training();
    let Predicate::TrainingCompute(report) = &mut claim.predicate else { unreachable!() };
    report.energy = Maybe::Unknown("no meter".to_owned());
    let observed = observation(Figure::Joules, None, (0, 1));
    assert_eq!(observed.against(&claim.predicate, Ppm(100_000)), Agreement::NotStated);
}

#[test]
fn scores_are_compared_in_their_own_unit() {
    let claim = evaluation().predicate;
    let mut score = observation(Figure::Score, Some(0), (400_000, 430_000));
    assert_eq!(score.against(&claim, Ppm(100_000)), Agreement::Confirmed);
    score.unit = Unit::Milliseconds;
    assert_eq!(score.against(&claim, Ppm(100_000)), Agreement::NotStated);
    assert_eq!(observation(Figure::Score, Some(2), (0, 1)).against(&claim, Ppm(0)), Agreement::NotStated);
}

#[test]
fn the_share_that_a_width_is_held_to_does_not_overflow() {
    let max = 10i128.pow(38) - 1;
    assert!(Bounds { lower: -max, upper: max }.is_wider_than(Ppm::ONE));
    assert!(!Bounds { lower: 0, upper: max }.is_wider_than(Ppm::ONE));
    assert!(!Bounds { lower: max, upper: max }.is_wider_than(Ppm(0)));
    assert!(!Bounds { lower: 0, upper: 0 }.is_wider_than(Ppm(0)));
    assert!(Bounds { lower: -1, upper: 0 }.is_wider_than(Ppm(999_999)));
}

#[test]
fn a_countersignature_is_about_one_statement_of_one_member_with_its_subjects() {
    let claim = training();
    let own = others().into_iter().find(|one| one.kind() == Kind::Countersignature).unwrap();
    let against = |edit: fn(&mut Countersignature), own: &Statement| {
        let mut signature = countersignature();
        edit(&mut signature);
        signature.against(own, (id(&claim), &claim), Ppm(100_000))
    };
    assert_eq!(against(|_| {}, &own), Ok(vec![Agreement::Confirmed, Agreement::Confirmed]));
    assert!(matches!(against(|s| s.statement = Hash::ZERO, &own), Err(NotAbout::Statement { .. })));
    assert!(matches!(against(|s| s.member = name("lab-b"), &own), Err(NotAbout::Member { .. })));
    assert!(matches!(against(|s| s.kind = Kind::ChipInventory, &own), Err(NotAbout::Kind { .. })));
    let mut elsewhere = own.clone();
    elsewhere.subjects[0].sha256 = Hash::ZERO;
    assert_eq!(against(|_| {}, &elsewhere), Err(NotAbout::Subjects));
}
