//! Envelopes: one form, each deviation refused by name.

use proptest::prelude::*;
use standstill_protocol::block::MAX_ENTRY_BYTES;
use standstill_protocol::dsse::{Envelope, EnvelopeError, MAX_SIGNATURES, pae};
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::KeyError;

use crate::test_key;

fn canonical() -> String {
    let envelope = Envelope::sign(b"{\"a\":1}".to_vec(), &[&test_key("a"), &test_key("b")]);
    String::from_utf8(envelope.to_bytes()).unwrap()
}

#[test]
fn pae_is_that_of_the_dsse_protocol() {
    let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
    assert_eq!(pae("http://example.com/HelloWorld", b"hello world"), expected);
}

#[test]
fn every_other_form_of_the_same_envelope_is_refused() {
    let text = canonical();
    let swapped = {
        let (head, signatures) = text.split_once("[").unwrap();
        let (first, second) = signatures.strip_suffix("]}").unwrap().split_once("},").unwrap();
        format!("{head}[{second},{first}}}]}}")
    };
    let twice = {
        let (head, signatures) = text.split_once("[").unwrap();
        let (first, _) = signatures.split_once("},").unwrap();
        format!("{head}[{first}}},{first}}}]}}")
    };
    let reordered =
        text.replacen("{\"payload\":\"eyJhIjoxfQ==\",", "{", 1).replacen("]}", "],\"payload\":\"eyJhIjoxfQ==\"}", 1);
    for (name, other) in [
        ("white space", text.replace("\":", "\": ")),
        ("leading space", format!(" {text}")),
        ("trailing newline", format!("{text}\n")),
        ("unsorted signatures", swapped),
        ("one key twice", twice),
        ("another order of members", reordered),
        ("an escaped slash in the type", text.replace("vnd.in-toto+json", "vnd.in-toto\\u002bjson")),
    ] {
        assert_ne!(other, text, "{name}");
        assert_eq!(Envelope::parse(other.as_bytes()), Err(EnvelopeError::NotCanonical), "{name}");
    }
}

#[test]
fn what_is_no_envelope_is_malformed() {
    let text = canonical();
    for (name, other) in [
        ("escaped base64", text.replace("eyJh", "\\u0065yJh")),
        ("a member twice", text.replacen('{', "{\"payload\":\"\",", 1)),
        ("an unknown member", text.replacen('{', "{\"extra\":1,", 1)),
        ("no padding", text.replace("fQ==", "fQ")),
        ("bits after the end", text.replace("fQ==", "fR==")),
        ("url-safe base64", text.replace("eyJhIjoxfQ==", "_-Jh")),
        ("a key id in capitals", text.replace("\"keyid\":\"", "\"keyid\":\"ABCDEF")),
        ("a signature of another length", text.replace("\"sig\":\"", "\"sig\":\"AAAA")),
        ("two values", format!("{text}{text}")),
        ("cut short", text[..text.len() - 1].to_owned()),
        (
            "null signatures",
            "{\"payload\":\"\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":null}".to_owned(),
        ),
        ("nothing", String::new()),
    ] {
        assert_ne!(other, text, "{name}");
        assert!(matches!(Envelope::parse(other.as_bytes()), Err(EnvelopeError::Malformed { .. })), "{name}");
    }
    assert!(matches!(Envelope::parse(b"\xff"), Err(EnvelopeError::Malformed { .. })));
}

#[test]
fn types_counts_and_sizes_have_names_too() {
    let text = canonical();
    let other_type = text.replace("vnd.in-toto+json", "json");
    assert!(matches!(Envelope::parse(other_type.as_bytes()), Err(EnvelopeError::PayloadType { .. })));
    let unsigned = Envelope::sign(b"{}".to_vec(), &[]).to_bytes();
    assert_eq!(Envelope::parse(&unsigned), Err(EnvelopeError::SignatureCount { count: 0 }));
    let keys: Vec<_> = (0..=MAX_SIGNATURES).map(|n| test_key(&n.to_string())).collect();
    let many = Envelope::sign(b"{}".to_vec(), &keys.iter().collect::<Vec<_>>()).to_bytes();
    assert_eq!(Envelope::parse(&many), Err(EnvelopeError::SignatureCount { count: MAX_SIGNATURES + 1 }));
    let large = Envelope::sign(vec![b'x'; 49_200], &[&test_key("a")]).to_bytes();
    assert!(large.len() > MAX_ENTRY_BYTES);
    assert_eq!(Envelope::parse(&large), Err(EnvelopeError::Oversized { length: large.len() }));
}

#[test]
fn the_identity_is_the_statements_and_not_the_wrappings() {
    let one = Envelope::sign(b"{}".to_vec(), &[&test_key("a")]);
    let two = Envelope::sign(b"{}".to_vec(), &[&test_key("a"), &test_key("b")]);
    assert_ne!(one.to_bytes(), two.to_bytes());
    assert_eq!(one.id(), two.id());
    assert_eq!(one.id(), Hash::sha256(b"DSSEv1 28 application/vnd.in-toto+json 2 {}"));
}

#[test]
fn a_signature_counts_only_under_its_key() {
    let envelope = Envelope::sign(b"{}".to_vec(), &[&test_key("a")]);
    assert_eq!(envelope.verify(0, &test_key("a").public_key()), Ok(()));
    assert_eq!(envelope.verify(0, &test_key("b").public_key()), Err(KeyError::InvalidSignature));
    assert_eq!(envelope.verify(1, &test_key("a").public_key()), Err(KeyError::InvalidSignature));
}

proptest! {
    #[test]
    fn what_parses_writes_the_same_bytes(payload in prop::collection::vec(any::<u8>(), 0..200), at in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = Envelope::sign(payload, &[&test_key("a")]).to_bytes();
        prop_assert_eq!(Envelope::parse(&bytes).unwrap().to_bytes(), bytes.clone());
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(envelope) = Envelope::parse(&bytes) {
            prop_assert_eq!(envelope.to_bytes(), bytes);
        }
    }
}
