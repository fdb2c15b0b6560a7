//! What is written is read back the same; what cannot be read is refused without a panic.

mod example;
mod generated;

use proptest::prelude::*;
use standstill_attestations::Statement;
use standstill_attestations::statement::Kind;

#[test]
fn every_kind_survives_writing_and_reading() {
    for statement in example::all() {
        statement.check().unwrap();
        let bytes = statement.to_json();
        assert_eq!(Statement::parse(&bytes).as_ref(), Ok(&statement), "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(Statement::parse(&bytes).unwrap().to_json(), bytes);
    }
    assert_eq!(example::all().iter().map(Statement::kind).collect::<Vec<_>>(), Kind::ALL);
}

/// JSON without the white space that means nothing.
fn compact(bytes: &[u8]) -> Vec<u8> {
    let (mut inside, mut escaped) = (false, false);
    // JSON lets a slash be escaped, and it is the same slash.
    let bytes = String::from_utf8_lossy(bytes).replace("\\/", "/").into_bytes();
    let keep = |byte: &&u8| {
        let kept = inside || !byte.is_ascii_whitespace();
        let quote = **byte == b'"' && !escaped;
        inside ^= quote;
        escaped = inside && **byte == b'\\' && !escaped;
        kept
    };
    bytes.iter().filter(keep).copied().collect()
}

/// One change of a text.
#[derive(Clone, Debug)]
enum Change {
    Flip(u8),
    Insert(u8),
    Delete,
    Repeat(u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (1u8..=255).prop_map(Change::Flip),
        prop::sample::select(b"0123456789 \"{}[],:-.eEnu\\abcdef".to_vec()).prop_map(Change::Insert),
        Just(Change::Delete),
        (1u8..40).prop_map(Change::Repeat),
    ]
}

fn apply(bytes: &mut Vec<u8>, at: usize, change: &Change) {
    match change {
        Change::Flip(mask) => bytes[at] ^= mask,
        Change::Insert(byte) => bytes.insert(at, *byte),
        Change::Delete => drop(bytes.remove(at)),
        Change::Repeat(length) => {
            let end = (at + usize::from(*length)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_statements_survive_writing_and_reading(statement in generated::statement()) {
        prop_assert_eq!(statement.check(), Ok(()));
        let bytes = statement.to_json();
        prop_assert_eq!(Statement::parse(&bytes), Ok(statement));
    }

    #[test]
    fn a_changed_statement_says_something_else_or_is_refused(
        statement in generated::statement(),
        at in any::<prop::sample::Index>(),
        change in change(),
    ) {
        let original = statement.to_json();
        let mut bytes = original.clone();
        apply(&mut bytes, at.index(original.len()), &change);
        if Statement::parse(&bytes).as_ref() == Ok(&statement) {
            prop_assert_eq!(compact(&bytes), compact(&original));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Statement::parse(&bytes).is_err());
    }

    #[test]
    fn json_of_other_shapes_never_panics(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"_type\"", "\"subject\"", "\"predicate\"", "\"predicateType\"", "null", "1",
            "\"https://in-toto.io/Statement/v1\"", "\"https://standstill.example/predicate/training-compute/v1\"", "\"a\"",
        ]), 0..40),
    ) {
        prop_assert!(Statement::parse(pieces.concat().as_bytes()).is_err());
    }
}
