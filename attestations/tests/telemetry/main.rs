//! Readings and openings: the vectors under `vectors/telemetry-*.json`, and what no damage may do.
//!
//! A case's outcome is declared by hand here, as `ok` or as the name of the error. To write the files anew:
//! `STANDSTILL_WRITE_VECTORS=1 cargo test -p standstill-attestations --test telemetry`.

mod log;
mod vectors;

use log::{openable, readings};
use proptest::prelude::*;
use standstill_attestations::reading::{Opening, OpeningError, Quantity, Reading, Sample};
use standstill_protocol::hash::Hash;
use standstill_protocol::log::MemoryLog;
use standstill_protocol::units::Timestamp;

fn any_reading() -> impl Strategy<Value = Reading> {
    let quantity = prop::sample::select(Quantity::ALL);
    (0..253_402_300_800_000u64, "[a-z]([a-z0-9-]{0,30}[a-z0-9])?", any::<[u8; 32]>(), quantity, any::<u64>()).prop_map(
        |(time, meter, chip, quantity, value)| Reading {
            time: Timestamp(time),
            meter: meter.parse().unwrap(),
            chip: Hash::from_bytes(chip),
            quantity,
            value: value.min(quantity.limit()),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_what_is_read(reading in any_reading()) {
        let line = reading.to_string();
        prop_assert!(line.len() <= standstill_attestations::reading::MAX_READING_BYTES);
        prop_assert_eq!(Reading::parse(line.as_bytes()), Ok(reading));
    }

    #[test]
    fn what_parses_is_the_line_that_it_writes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(reading) = Reading::parse(&bytes) {
            prop_assert_eq!(reading.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_of_an_opening_is_noticed(at in any::<prop::sample::Index>(), mask in 1u8..=255) {
        let (log, opening) = openable(9, &[2, 5, 8]);
        let mut bytes = opening.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        let verified = Opening::parse(&bytes).and_then(|opening| opening.verify(9, &log.root(), None));
        prop_assert!(verified.is_err(), "byte {} was changed unseen", at);
    }
}

#[test]
fn an_opening_cut_short_is_refused_or_opens_fewer_leaves() {
    let (log, opening) = openable(9, &[2, 5, 8]);
    let text = opening.to_string();
    assert_eq!(Opening::parse(text.as_bytes()), Ok(opening));
    for length in 0..text.len() {
        let verified = Opening::parse(&text.as_bytes()[..length]).and_then(|cut| cut.verify(9, &log.root(), None));
        let whole_leaves = verified.map_or(0, |verified| verified.readings().len());
        assert!(whole_leaves < 3, "{length} bytes of {}", text.len());
    }
}

#[test]
fn a_lab_cannot_choose_the_leaves_that_it_opens() {
    let (log, _) = openable(200, &[0]);
    let (size, root) = (200, log.root());
    let asked = Sample { seed: Hash::sha256(b"an auditor's seed"), count: 8 };
    let drawn = asked.draw(size, &root).unwrap();
    let (_, mut honest) = openable(200, &drawn);
    honest.sample = Some(asked);
    let verified = honest.verify(size, &root, Some(&asked)).unwrap();
    assert!(verified.drawn() && verified.readings().len() == 8);

    let mut fewer = honest.clone();
    let dropped = fewer.leaves.remove(3).index;
    let missing = OpeningError::NotTheSample { index: dropped, what: "missing" };
    assert_eq!(fewer.verify(size, &root, Some(&asked)), Err(missing.clone()));
    assert_eq!(fewer.verify(size, &root, None), Err(missing), "an opening that names its sample must be it");

    let other = Sample { seed: Hash::sha256(b"the lab's own seed"), count: 8 };
    let (_, mut chosen) = openable(200, &other.draw(size, &root).unwrap());
    chosen.sample = Some(other);
    assert!(matches!(chosen.verify(size, &root, Some(&asked)), Err(OpeningError::OtherSample { found: 8, .. })));
    chosen.sample = None;
    assert!(matches!(chosen.verify(size, &root, Some(&asked)), Err(OpeningError::NotTheSample { .. })));
}

#[test]
fn a_leaf_of_a_longer_log_is_not_believed_under_an_older_checkpoint() {
    let (_, opening) = openable(9, &[2]);
    let older: MemoryLog = readings(8).iter().map(Reading::leaf_hash).collect();
    assert!(matches!(opening.verify(8, &older.root(), None), Err(OpeningError::OtherSize { found: 9, expected: 8 })));
    assert!(matches!(opening.verify(9, &older.root(), None), Err(OpeningError::OtherRoot { .. })));
}
