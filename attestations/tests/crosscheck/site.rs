//! Reports of one site against the chips there.

use standstill_attestations::accounting::accelerators::ChipTable;
use standstill_attestations::claim::Maybe;
use standstill_attestations::crosscheck::{Outcome, Registered, Yardstick, chips_at_once, site_capacity};

use super::example::{name, training_compute};
use super::{exact, hardware, read};

fn registered(accelerator: &str, chips: u64) -> Registered {
    Registered { accelerator: name(accelerator), chips }
}

#[test]
fn sessions_at_the_same_time_need_their_chips_together() {
    let (one, mut other) = (training_compute(), training_compute());
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
fn a_session_that_starts_when_another_ends_uses_the_same_chips_again() {
    let (one, mut other) = (training_compute(), training_compute());
    other.sessions.truncate(1);
    other.sessions[0].window.start = one.window.end;
    other.sessions[0].window.end = one.window.end.plus(1000);
    let findings = chips_at_once(&name("dc-1"), &[&one, &other], Some(&[registered("h100-sxm", 512)]));
    assert_eq!(findings[0].outcome, Outcome::Agrees);
}

#[test]
fn other_sites_and_other_chips_are_counted_apart() {
    let (one, mut other, mut away) = (training_compute(), training_compute(), training_compute());
    hardware(&mut other).accelerator = name("b200");
    away.site = name("dc-2");
    let chips = [registered("h100-sxm", 512), registered("b200", 100)];
    let findings = chips_at_once(&name("dc-1"), &[&one, &other, &away], Some(&chips));
    let outcomes: Vec<Outcome> = findings.iter().map(|finding| finding.outcome).collect();
    assert_eq!(outcomes, [Outcome::Contradicts, Outcome::Agrees], "b200, h100-sxm");
    assert!(findings[0].sentence.starts_with("From 2026-11-01T00:00:00Z on, 5.12 times the registered `b200`"));
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
