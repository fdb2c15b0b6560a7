//! Reports of one site against the chips there.

use standstill_attestations::crosscheck::{Outcome, Registered, chips_at_once};

use super::example::{name, training_compute};
use super::{hardware, read};

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
