//! Reports of one site against the chips there.

use standstill_attestations::accounting::accelerators::ChipTable;
use standstill_attestations::claim::Maybe;
use standstill_attestations::crosscheck::{Outcome, Registered, Yardstick, chips_at_once, site_capacity};

use standstill_attestations::inventory::{ChipCount, Ownership};
use standstill_attestations::training::TrainingCompute;

use super::example::others::chip_inventory;
use super::example::{name, training_compute};
use super::{exact, hardware, read};

fn registered(accelerator: &str, chips: u64) -> Registered {
    Registered { accelerator: name(accelerator), chips }
}

/// The example with 512 chips in both sessions.
fn full() -> TrainingCompute {
    let mut report = training_compute();
    report.sessions[1].chips = Maybe::Known(512);
    report
}

#[test]
fn sessions_at_the_same_time_need_their_chips_together() {
    let (one, mut other) = (full(), full());
    other.run = name("borealis");
    let site = name("dc-1");
    for (there, outcome) in [(1024, Outcome::Agrees), (1023, Outcome::Contradicts)] {
        let findings = chips_at_once(&site, &[&one, &other], Some(&[registered("h100-sxm", there)]));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].outcome, outcome);
        assert_eq!(findings[0].claimed.unwrap().lower, 1024);
    }
    let finding = &chips_at_once(&site, &[&one, &other], None)[0];
    assert_eq!(
        read(finding),
        (
            Outcome::CannotTell,
            "Up to 1024 `h100-sxm` at once, from 2026-11-01T00:00:00Z on; no inventory of the site is at hand."
        )
    );
}

#[test]
fn sessions_that_do_not_say_how_many_chips_make_a_question() {
    let (mut one, mut other) = (full(), full());
    one.sessions[0].chips = Maybe::Known(100);
    one.sessions[1].chips = Maybe::Unknown("lost".to_owned());
    other.sessions.truncate(1);
    other.sessions[0].window = one.sessions[1].window;
    other.window = one.sessions[1].window;
    hardware(&mut one).chip_seconds = 700_000_000;
    hardware(&mut other).chip_seconds = 600_000_000;
    let findings = chips_at_once(&name("dc-1"), &[&one, &other], Some(&[registered("h100-sxm", 600)]));
    assert_eq!(
        read(&findings[0]),
        (
            Outcome::Remarkable,
            "From 2026-11-12T14:00:00.250Z on, up to 1.70 times the registered `h100-sxm` are in use, where sessions do not \
             say how many."
        )
    );
}

#[test]
fn a_session_that_starts_when_another_ends_uses_the_same_chips_again() {
    let (one, mut other) = (full(), full());
    other.sessions.truncate(1);
    other.sessions[0].window.start = one.window.end;
    other.sessions[0].window.end = one.window.end.plus(1000);
    other.window = other.sessions[0].window;
    hardware(&mut other).chip_seconds = 512;
    let findings = chips_at_once(&name("dc-1"), &[&one, &other], Some(&[registered("h100-sxm", 512)]));
    assert_eq!(findings[0].outcome, Outcome::Agrees);
}

#[test]
fn other_sites_and_other_chips_are_counted_apart() {
    let (one, mut other, mut away) = (full(), full(), full());
    hardware(&mut other).accelerator = name("b200");
    away.site = name("dc-2");
    let chips = [registered("h100-sxm", 512), registered("b200", 100)];
    let findings = chips_at_once(&name("dc-1"), &[&one, &other, &away], Some(&chips));
    let outcomes: Vec<Outcome> = findings.iter().map(|finding| finding.outcome).collect();
    assert_eq!(outcomes, [Outcome::Contradicts, Outcome::Agrees], "b200, h100-sxm");
    assert!(findings[0].sentence.starts_with("From 2026-11-01T00:00:00Z on, 5.12 times the registered `b200`"));
}

#[test]
fn chips_hosted_for_another_are_not_the_members_to_run_on() {
    let row = |count, ownership| ChipCount {
        accelerator: name("h100-sxm"),
        count,
        ownership,
        counterparty: (ownership != Ownership::Owned).then(|| "Example Cloud Ltd".to_owned()),
    };
    let mut inventory = chip_inventory();
    inventory.chips = vec![row(300, Ownership::Owned), row(211, Ownership::Leased), row(900, Ownership::Hosted)];
    let registered = Registered::of(&inventory);
    let findings = chips_at_once(&name("dc-1"), &[&full()], Some(&registered));
    assert_eq!((findings[0].outcome, findings[0].expected.unwrap().upper), (Outcome::Contradicts, Some(511)));
}

/// 28 days of 512 H100 at 1979e12 FLOP/s are 2.4512e24 FLOP.
#[test]
fn a_site_does_no_more_than_its_registered_chips_can() {
    let table = ChipTable::shipped().unwrap();
    let yardstick = Yardstick { chips: Some(&table), ..Yardstick::default() };
    let chips = [registered("h100-sxm", 512)];
    let (one, mut other) = (training_compute(), training_compute());
    other.run = name("borealis");
    other.hardware = Maybe::Unknown("rented by the hour".to_owned());
    for (incremental, outcome) in [("2.158e24", Outcome::Agrees), ("2.161e24", Outcome::Contradicts)] {
        other.flop.incremental = exact(incremental);
        let finding = site_capacity(&name("dc-1"), &[&one, &other], &chips, &yardstick).unwrap();
        assert_eq!(finding.outcome, outcome, "{incremental}: {finding:?}");
        assert_eq!(finding.number("seconds"), Some(28 * 86_400));
    }
    assert_eq!(site_capacity(&name("dc-9"), &[&one], &chips, &yardstick), None);
    let unknown = site_capacity(&name("dc-1"), &[&one], &[registered("h800", 512)], &yardstick).unwrap();
    assert_eq!(read(&unknown), (Outcome::CannotTell, "No chip table at hand gives the peak of `h800`."));
}

/// Reports whose sessions say nothing of chips still say how much chip time there was.
#[test]
fn chips_left_unknown_do_not_hide_chips_counted_twice() {
    let unknown = |mut report: TrainingCompute| {
        report.sessions.iter_mut().for_each(|session| session.chips = Maybe::Unknown("not kept".to_owned()));
        report
    };
    let (one, mut other) = (unknown(training_compute()), unknown(training_compute()));
    other.run = name("borealis");
    let chips = [registered("h100-sxm", 512)];
    assert_eq!(chips_at_once(&name("dc-1"), &[&one], Some(&chips))[0].outcome, Outcome::Agrees);
    let findings = chips_at_once(&name("dc-1"), &[&one, &other], Some(&chips));
    // 2.4e9 chip seconds in 28 days of 512 chips, which have 1.2386e9.
    assert_eq!((findings[0].outcome, findings[0].number("factor")), (Outcome::Contradicts, Some(1_937_624)));
}

/// A small report of a year before gives no room to those of one month.
#[test]
fn an_old_report_makes_no_room_for_a_later_one() {
    let table = ChipTable::shipped().unwrap();
    let yardstick = Yardstick { chips: Some(&table), ..Yardstick::default() };
    let (mut old, mut now) = (training_compute(), training_compute());
    old.window = super::example::window("2025-11-01T00:00:00Z", "2025-11-02T00:00:00Z");
    old.flop.incremental = exact("1e15");
    now.flop.incremental = exact("2.5e24");
    let finding = site_capacity(&name("dc-1"), &[&old, &now], &[registered("h100-sxm", 512)], &yardstick).unwrap();
    assert_eq!((finding.outcome, finding.number("seconds")), (Outcome::Contradicts, Some(28 * 86_400)));
}
