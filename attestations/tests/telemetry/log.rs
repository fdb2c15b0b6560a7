//! A telemetry log in memory, the same in every run.

use standstill_attestations::reading::{OpenedLeaf, Opening, Quantity, Reading};
use standstill_protocol::hash::Hash;
use standstill_protocol::log::{MemoryLog, inclusion};
use standstill_protocol::units::Timestamp;

/// The start of sampling, then the energy counter of one chip every ten seconds.
pub(crate) fn readings(count: u64) -> Vec<Reading> {
    let reading = |i: u64| Reading {
        time: Timestamp(1_795_433_674_907 + 10_000 * i),
        meter: "node-1".parse().unwrap(),
        chip: Hash::sha256(b"GPU-00000000-demo"),
        quantity: if i == 0 { Quantity::Start } else { Quantity::EnergyCounter },
        value: if i == 0 { 10_000 } else { 251_905_148_074 + 6_500_000 * i },
    };
    (0..count).map(reading).collect()
}

/// A log of `size` readings and an opening of some of them.
pub(crate) fn openable(size: u64, indexes: &[u64]) -> (MemoryLog, Opening) {
    let readings = readings(size);
    let log: MemoryLog = readings.iter().map(Reading::leaf_hash).collect();
    let leaf = |index: &u64| OpenedLeaf {
        index: *index,
        reading: readings[usize::try_from(*index).unwrap()].clone(),
        path: inclusion::prove(&log, *index, size).unwrap(),
    };
    let opening = Opening { size, root: log.root(), sample: None, leaves: indexes.iter().map(leaf).collect() };
    (log, opening)
}
