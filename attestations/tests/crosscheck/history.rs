//! A report against earlier ones of its member.

use standstill_attestations::claim::{Maybe, Window};
use standstill_attestations::crosscheck::{Check, Finding, History, Outcome, Yardstick, standing, with_history};
use standstill_attestations::statement::{Correction, Predicate};
use standstill_attestations::training::TrainingCompute;

use super::example::{evaluation, name, time, training, training_compute};
use super::{exact, interval, named, one, read};
use standstill_protocol::hash::Hash;

use Outcome::{Agrees, CannotTell, Contradicts, Remarkable};

/// The period before: 3e23 to 3.2e23 so far, four weeks earlier.
fn before() -> TrainingCompute {
    let mut report = training_compute();
    report.period = 3;
    shift(&mut report, -28);
    report.flop.incremental = interval("3e23", "3.2e23");
    report.flop.cumulative = interval("3e23", "3.2e23");
    report
}

fn shift(report: &mut TrainingCompute, days: i64) {
    let by = |time: &mut standstill_protocol::units::Timestamp| {
        time.0 = time.0.checked_add_signed(days * 86_400_000).unwrap()
    };
    let windows = report.sessions.iter_mut().map(|session| &mut session.window).chain([&mut report.window]);
    for Window { start, end } in windows {
        by(start);
        by(end);
    }
}

fn check(report: &TrainingCompute, earlier: &[&TrainingCompute], check: Check) -> Finding {
    named(with_history(report, &History { earlier, corrects: None }, &Yardstick::default()), check)
}

#[test]
fn the_sum_is_the_last_one_and_the_increment() {
    for (cumulative, outcome, sentence) in [
        (interval("5.9e23", "6.2e23"), Agrees, "The last report and the increment add up to it."),
        (interval("6.2e23", "6.3e23"), Agrees, "The last report and the increment add up to it."),
        (interval("6.4e23", "7e23"), Contradicts, "2e22 FLOP since the last report are in no report."),
        (
            interval("5e23", "5.8e23"),
            Contradicts,
            "The last report and the increment are 1.01 times the cumulative figure.",
        ),
    ] {
        let mut report = training_compute();
        report.flop.cumulative = cumulative;
        let finding = check(&report, &[&before()], Check::CumulativeContinues);
        assert_eq!(read(&finding), (outcome, sentence));
        assert_eq!(finding.expected.unwrap().lower, 590_000_000_000_000_000_000_000);
    }
}

#[test]
fn the_latest_report_before_this_one_counts_and_other_runs_do_not() {
    let (mut first, mut other, mut later) = (before(), before(), before());
    first.period = 2;
    shift(&mut first, -28);
    first.flop.cumulative = exact("1");
    other.run = name("other");
    other.flop.cumulative = exact("1e24");
    later.period = 9;
    shift(&mut later, 200);
    later.flop.cumulative = exact("1e25");
    let report = training_compute();
    assert_eq!(check(&report, &[&later, &before(), &other, &first], Check::CumulativeContinues).outcome, Agrees);
}

#[test]
fn two_sites_of_a_run_may_report_the_same_window() {
    let (mut here, mut there) = (training_compute(), training_compute());
    here.flop.incremental = exact("2e23");
    here.flop.cumulative = exact("5.1e23");
    there.site = name("dc-2");
    there.flop.incremental = exact("1e23");
    there.flop.cumulative = exact("6.1e23");
    let first = before();
    assert_eq!(check(&here, &[&first], Check::CumulativeContinues).outcome, Agrees);
    assert_eq!(check(&there, &[&here, &first], Check::CumulativeContinues).outcome, Agrees);
    there.flop.cumulative = exact("4.1e23");
    assert_eq!(check(&there, &[&here, &first], Check::CumulativeContinues).outcome, Contradicts);
}

#[test]
fn work_before_the_first_report_at_hand_cannot_be_told_about() {
    let finding = check(&training_compute(), &[], Check::CumulativeContinues);
    assert_eq!(read(&finding), (CannotTell, "2.9e23 FLOP before this window are in no report that is at hand."));
    let mut report = training_compute();
    report.flop.cumulative = report.flop.incremental;
    assert_eq!(read(&check(&report, &[], Check::CumulativeContinues)), (Agrees, "It is the increment alone."));
}

#[test]
fn a_base_model_counted_in_is_named() {
    let mut report = training_compute();
    report.base_models[0].flop = Maybe::Known(exact("2.54e24"));
    report.flop.incremental = exact("5.6e21");
    report.flop.cumulative = exact("2.5456e24");
    assert_eq!(one(&report, Check::BaseModelsApart).outcome, Remarkable);
    let finding = check(&report, &[], Check::CumulativeContinues);
    assert_eq!(
        read(&finding),
        (Contradicts, "2.54e24 FLOP are in no report: the cumulative figure seems to count a base model in.")
    );
    report.flop.cumulative = exact("5.6e21");
    assert_eq!(read(&one(&report, Check::BaseModelsApart)), (Agrees, "Base models have 2.54e24 FLOP of their own."));
    report.base_models.clear();
    assert_eq!(read(&one(&report, Check::BaseModelsApart)), (Agrees, "The run names no base model."));
}

#[test]
fn a_later_report_lowers_nothing_without_a_correction() {
    for (cumulative, outcome) in [
        (interval("3.5e23", "3.6e23"), Agrees),
        (interval("3e23", "3.2e23"), Agrees),
        (interval("2.9e23", "3.2e23"), Contradicts),
        (interval("3e23", "3.1e23"), Contradicts),
        (exact("1e23"), Contradicts),
    ] {
        let mut report = training_compute();
        report.flop.cumulative = cumulative;
        assert_eq!(check(&report, &[&before()], Check::NotLowered).outcome, outcome, "{cumulative:?}");
    }
    assert_eq!(check(&training_compute(), &[], Check::NotLowered).outcome, CannotTell);
}

#[test]
fn the_same_window_again_with_less_is_lowered_unless_it_corrects() {
    let earlier = training_compute();
    let mut again = training_compute();
    again.flop.incremental = interval("1e23", "1.1e23");
    let finding = check(&again, &[&earlier], Check::NotLowered);
    assert_eq!(
        read(&finding),
        (
            Contradicts,
            "The incremental figure is below that of the report for period 4 to 2026-11-29T00:00:00Z, and corrects nothing."
        )
    );
    assert_eq!(finding.number("earlier-lower"), Some(290_000_000_000_000_000_000_000));
    let history = History { earlier: &[&earlier], corrects: Some(&earlier) };
    let corrected = named(with_history(&again, &history, &Yardstick::default()), Check::NotLowered);
    assert_eq!(corrected.outcome, CannotTell, "what it corrects does not count as said before");
}

#[test]
fn a_session_counts_in_one_report() {
    let mut report = training_compute();
    assert_eq!(check(&report, &[&before()], Check::SessionsOnce).outcome, Agrees);
    // An hour into the earlier report's last session, which ended at midnight.
    report.sessions[0].window.start = time("2026-10-31T23:00:00Z");
    report.window.start = report.sessions[0].window.start;
    let finding = check(&report, &[&before()], Check::SessionsOnce);
    assert_eq!(
        read(&finding),
        (Contradicts, "3600 s of the sessions are also in the report for period 3 to 2026-11-01T00:00:00Z.")
    );
    let mut overlapping = before();
    shift(&mut overlapping, 1);
    let finding = check(&training_compute(), &[&overlapping], Check::SessionsOnce);
    assert_eq!(finding.claimed.unwrap().lower, 86_400);
    assert_eq!(finding.outcome, Contradicts);
    overlapping.site = name("dc-2");
    assert_eq!(check(&training_compute(), &[&overlapping], Check::SessionsOnce).outcome, CannotTell);
}

#[test]
fn what_a_later_statement_corrects_no_longer_stands() {
    let wrong = training();
    let id = Hash::sha256(b"wrong");
    let mut right = training();
    right.common.corrects = Some(Correction { statement: id, reason: "a chip was counted twice".to_owned() });
    let other = evaluation();
    let statements = [(id, &wrong), (Hash::sha256(b"right"), &right), (Hash::sha256(b"other"), &other)];
    let Predicate::TrainingCompute(report) = &right.predicate else { panic!("a report") };
    let found = standing(&statements);
    assert_eq!(found.len(), 1);
    assert!(std::ptr::eq(found[0], report));
    assert_eq!(standing(&statements[..1]).len(), 1);
}
