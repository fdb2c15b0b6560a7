//! What is written is read back the same; what cannot be read is refused without a panic.

mod example;

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
