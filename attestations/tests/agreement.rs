//! Whether a countersigner agrees is computed from two intervals, never said.

mod example;

use example::others::{countersignature, id, inspection, others};
use example::{evaluation, name, training};
use standstill_attestations::countersignature::{Countersignature, NotAbout};
use standstill_attestations::figure::{Agreement, Bounds, Figure, Observation, Unit};
use standstill_attestations::inspection::Inspection;
use standstill_attestations::statement::{Kind, Predicate, Statement};
use standstill_attestations::{Basis, Maybe};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::{Ppm, Timestamp};

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
        (Figure::Joules, (757 * GJ, 841 * GJ), Agreement::Confirmed), // as wide as a tenth of its upper bound
        (Figure::Joules, (756 * GJ, 841 * GJ), Agreement::NotContradicted),
        (Figure::Joules, (800 * GJ, 840 * GJ), Agreement::NotContradicted), // they only touch
        (Figure::Joules, (840 * GJ, 880 * GJ), Agreement::NotContradicted),
        (Figure::Joules, (0, 10i128.pow(38) - 1), Agreement::NotContradicted),
        (Figure::Joules, (840 * GJ + 1, 850 * GJ), Agreement::Contradicted),
        (Figure::Joules, (0, 840 * GJ - 1), Agreement::Contradicted),
        (Figure::Chips, (512, 512), Agreement::Confirmed),
        (Figure::Chips, (511, 511), Agreement::Contradicted),
        (Figure::FlopIncremental, (299 * 10i128.pow(21), 310 * 10i128.pow(21)), Agreement::Confirmed),
        (Figure::FlopIncremental, (300 * 10i128.pow(21), 310 * 10i128.pow(21)), Agreement::NotContradicted),
        (Figure::FlopIncremental, (300 * 10i128.pow(21), 300 * 10i128.pow(21)), Agreement::Confirmed),
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

#[test]
fn a_claim_that_says_nothing_is_not_confirmed_by_who_saw_something() {
    let mut claim = training();
    let Predicate::TrainingCompute(report) = &mut claim.predicate else { unreachable!() };
    report.flop.cumulative.lower = standstill_protocol::units::Flop(0);
    report.flop.cumulative.upper = standstill_protocol::units::Flop(10u128.pow(38) - 1);
    let observed = observation(Figure::FlopCumulative, None, (800 * 10i128.pow(21), 810 * 10i128.pow(21)));
    assert_eq!(observed.against(&claim.predicate, Ppm(300_000)), Agreement::NotContradicted);
}

#[test]
fn hearsay_confirms_nothing() {
    let mut observed = observation(Figure::Joules, None, (840 * GJ, 840 * GJ));
    assert_eq!(observed.against(&training().predicate, Ppm(100_000)), Agreement::Confirmed);
    observed.basis = Basis::Declared;
    assert_eq!(observed.against(&training().predicate, Ppm(100_000)), Agreement::NotContradicted);
}

/// A meter that read one week of a month: it has a quarter of the energy, and says nothing of it.
#[test]
fn who_did_not_see_the_whole_window_neither_confirms_nor_contradicts() {
    let claim = training();
    let own = others().into_iter().find(|one| one.kind() == Kind::Countersignature).unwrap();
    let mut signature = countersignature();
    signature.figures.push(observation(Figure::ActiveParameters, None, (7_000_000_000, 7_000_000_000)));
    let outcomes = |signature: &Countersignature| signature.against(&own, (id(&claim), &claim), Ppm(100_000)).unwrap();
    assert_eq!(outcomes(&signature), [Agreement::Confirmed; 3]);
    signature.window.start = signature.window.start.plus(1);
    let expected = [Agreement::NotContradicted, Agreement::NotContradicted, Agreement::Confirmed];
    assert_eq!(outcomes(&signature), expected, "parameters are no matter of time");
    signature.figures[0].observed = Bounds { lower: 210 * GJ, upper: 211 * GJ };
    assert_eq!(outcomes(&signature), expected);
}

#[test]
fn an_inspection_is_held_to_the_statements_that_it_examined() {
    let inventory = others().into_iter().find(|one| one.kind() == Kind::ChipInventory).unwrap();
    let examined = |edit: fn(&mut Inspection)| {
        let mut inspection = inspection();
        inspection.examined[0].statement = id(&inventory);
        inspection.examined[0].figures = vec![observation(Figure::ChipCount, Some(0), (512, 512))];
        edit(&mut inspection);
        inspection.against((id(&inventory), &inventory), Ppm(100_000))
    };
    assert_eq!(examined(|_| {}), Ok(vec![Agreement::Confirmed]));
    assert_eq!(examined(|i| i.window.end = i.window.start.min(Timestamp(1))), Ok(vec![Agreement::NotContradicted]));
    assert!(matches!(examined(|i| i.examined[0].statement = Hash::ZERO), Err(NotAbout::NotExamined { .. })));
    assert!(matches!(examined(|i| i.member = name("lab-b")), Err(NotAbout::Member { .. })));
    assert!(matches!(examined(|i| i.examined[0].kind = Kind::TrainingCompute), Err(NotAbout::Kind { .. })));
    assert!(matches!(examined(|i| i.site = Some(name("dc-9"))), Err(NotAbout::Site { .. })));
}
