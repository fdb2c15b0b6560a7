//! The trust file: what it says comes back, and every loose form is refused with its reason.

mod support;

use standstill_protocol::hash::Hash;
use standstill_verifier::trust::{MAX_TRUST_BYTES, SeenHead};
use standstill_verifier::{Trust, TrustError};
use support::*;

fn text() -> String {
    let mut trust = trust(&honest());
    trust.seen = vec![SeenHead { size: 3, root: Hash::sha256(b"three") }, SeenHead { size: 9, root: Hash::ZERO }];
    trust.to_toml()
}

fn refused(text: &str) -> TrustError {
    Trust::parse(text.as_bytes()).unwrap_err()
}

#[test]
fn what_is_written_is_read_back() {
    let text = text();
    let trust = Trust::parse(text.as_bytes()).unwrap();
    assert_eq!(trust.to_toml(), text);
    assert_eq!(trust.fingerprint, Hash::sha256(text.as_bytes()));
    assert_eq!(trust.seen.len(), 2);
}

#[test]
fn every_line_that_is_missing_is_missed() {
    let text = text();
    let lines: Vec<&str> = text.lines().collect();
    let needed = ["schema", "name", "treaty", "chain_id", "quorum", "member", "key", "gas_per_call", "size", "root"];
    for start in needed {
        let at =
            lines.iter().position(|line| line.starts_with(&format!("{start} ="))).unwrap_or_else(|| panic!("{start}"));
        let without: Vec<&str> =
            lines.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, line)| *line).collect();
        assert!(Trust::parse(without.join("\n").as_bytes()).is_err(), "without `{start}`");
    }
}

#[test]
fn loose_forms_are_refused_by_name() {
    let text = text();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        refused(&text.replacen(from, to, 1))
    };
    assert!(matches!(with("standstill.trust/1", "standstill.trust/2"), TrustError::Schema { .. }));
    assert!(matches!(with("quorum = 5", "quorum = 4"), TrustError::Quorum { found: 4, validators: 6, expected: 5 }));
    assert!(matches!(with("quorum = 5", "quorum = 5\nunknown = 1"), TrustError::Malformed { .. }));
    assert!(matches!(with("quorum = 5", "quorum = 5.0"), TrustError::Malformed { .. }));
    assert!(matches!(with("member = \"lab-a\"", "member = \"Lab A\""), TrustError::Member { .. }));
    assert!(matches!(with("quorum validators", "quorum none"), TrustError::NoCosigners));
    assert!(matches!(with("quorum validators", "quorum nobody"), TrustError::Policy { .. }));
    assert!(matches!(with("size = 9", "size = 3"), TrustError::SeenTwice { size: 3 }));
    let chain = text.lines().find(|line| line.starts_with("chain_id")).unwrap();
    let other = format!("chain_id = \"{}\"", Hash::ZERO);
    assert!(matches!(with(chain, &other), TrustError::ChainId { .. }));
    assert!(matches!(Trust::parse(&[0xff]), Err(TrustError::Malformed { .. })));
    assert!(matches!(Trust::parse(&vec![b'#'; MAX_TRUST_BYTES + 1]), Err(TrustError::TooLong { .. })));
}

#[test]
fn a_validator_twice_or_without_a_key_is_refused() {
    let text = text();
    let keys: Vec<&str> = text.lines().filter(|line| line.starts_with("key = ")).collect();
    let twice = text.replacen(keys[1], keys[0], 1);
    assert!(matches!(refused(&twice), TrustError::Validators { .. }));
    let zero = text.replacen(keys[0], &format!("key = \"{}\"", "0".repeat(64)), 1);
    assert!(matches!(refused(&zero), TrustError::Validators { .. }));
}
