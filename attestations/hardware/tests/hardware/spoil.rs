//! Every byte, and every bit, of something, changed one at a time, on all processors.

use std::thread;

/// Which changes to make to each byte.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Changes {
    /// All eight bits, one at a time.
    EveryBit,
    /// One bit, whose place moves with the byte.
    OneBitPerByte,
}

impl Changes {
    fn masks(self, at: usize) -> Vec<u8> {
        match self {
            Changes::EveryBit => (0..8).map(|bit| 1 << bit).collect(),
            Changes::OneBitPerByte => vec![1 << (at % 8)],
        }
    }
}

/// Calls `survives` with each changed copy; none may. Gives how many copies there were.
pub(crate) fn none_survives(original: &[u8], changes: Changes, survives: impl Fn(&[u8]) -> bool + Sync) -> usize {
    let threads = thread::available_parallelism().map_or(1, |n| n.get());
    let places: Vec<usize> = (0..original.len()).collect();
    let share = places.len().div_ceil(threads).max(1);
    let counts = thread::scope(|scope| {
        let survives = &survives;
        let spoil = move |places: &[usize]| spoil_places(original, places, changes, survives);
        let running: Vec<_> = places.chunks(share).map(|places| scope.spawn(move || spoil(places))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<usize>>()
    });
    counts.iter().sum()
}

fn spoil_places(original: &[u8], places: &[usize], changes: Changes, survives: &impl Fn(&[u8]) -> bool) -> usize {
    let mut copy = original.to_vec();
    let mut count = 0;
    for &at in places {
        for mask in changes.masks(at) {
            copy[at] ^= mask;
            assert!(!survives(&copy), "byte {at} of {} changed by {mask:#04x} still verifies", original.len());
            copy[at] ^= mask;
            count += 1;
        }
    }
    count
}
