//! `apply` per entry as the ledger grows: 1,000, 100,000 and 1,000,000 entries behind it.
//!
//! ```text
//! cargo bench -p standstill-ledger --bench apply            # or: -- 1000 10000
//! ```
//!
//! The ledger is lengthened by the log leaf and the state leaf that each entry leaves behind; then blocks of 100 real reports
//! are applied, with their signatures verified, and without. What grows with the ledger is the state map's depth alone.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use standstill_ledger::testing::{Setup, World};
use standstill_ledger::{Verified, VerifyAll, apply_with};
use standstill_protocol::block::Entry;
use standstill_protocol::hash::Hash;

/// Entries by which the ledger is lengthened at once.
const FILL: u32 = 10_000;
/// Entries of a block that is measured.
const BATCH: usize = 100;
/// Runs of all labs together; a multiple of the labs, so that each belongs to one.
const RUNS: usize = 64;
/// Blocks measured; the median counts.
const SAMPLES: usize = 15;

/// Believes every signature: what a node does that has verified them in its pool.
struct Believe;

impl Verified for Believe {
    fn contains(&self, _: &Hash) -> bool {
        true
    }

    fn certificate(&self, _: &Hash) -> bool {
        true
    }
}

/// Reports of many labs, each with its runs, in turn.
struct Labs {
    names: Vec<String>,
    turn: usize,
}

impl Labs {
    fn entries(&mut self, world: &mut World, count: usize) -> Vec<Entry> {
        let period = world.rules.treaty().periods.index_at(world.now).unwrap_or(0);
        let entry = |_| {
            let turn = self.turn;
            self.turn += 1;
            let lab = &self.names[turn % self.names.len()];
            // Each of the runs gains one at each of its turns.
            let sum = (turn / RUNS + 1) as u128;
            Entry::Envelope(world.report(lab, period, &format!("run-{}", turn % RUNS), 1, sum))
        };
        (0..count).map(entry).collect()
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Median time of one entry: with all signatures verified, and with none.
fn measure(world: &mut World, labs: &mut Labs) -> (Duration, Duration) {
    let (mut verified, mut believed) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        let entries = labs.entries(world, BATCH);
        let proposal = world.proposal(entries.clone());
        for (verify, times) in [(&VerifyAll as &dyn Verified, &mut verified), (&Believe, &mut believed)] {
            let proposal = proposal.clone();
            let start = Instant::now();
            apply_with(&world.rules, &world.state, proposal, verify).expect("valid entries");
            times.push(start.elapsed() / BATCH as u32);
        }
        world.block_with(entries, &Believe).expect("valid entries");
    }
    (median(verified), median(believed))
}

fn main() {
    let given = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let mut sizes: BTreeSet<u32> = given.collect();
    if sizes.is_empty() {
        sizes = BTreeSet::from([1000, 100_000, 1_000_000]);
    }
    let setup = Setup { labs: 8, ..Setup::default() };
    let mut world = World::new(setup);
    let names = (b'a'..b'i').map(|letter| format!("lab-{}", char::from(letter))).collect();
    let mut labs = Labs { names, turn: 0 };
    world.advance_to_period(1);
    println!("entries behind   apply ns/entry   without signatures   ratio   ratio without");
    let mut first = None;
    let mut filled = 0;
    world.block_with(Vec::new(), &Believe).expect("an empty block");
    for size in sizes {
        while filled < size {
            let count = FILL.min(size - filled);
            world.pad(count);
            filled += count;
        }
        let entries = labs.entries(&mut world, BATCH);
        world.block_with(entries, &Believe).expect("valid entries");
        let (verified, believed) = measure(&mut world, &mut labs);
        filled += (SAMPLES as u32 + 1) * BATCH as u32;
        let (base_verified, base_believed) = *first.get_or_insert((verified, believed));
        let ratio = |now: Duration, base: Duration| now.as_nanos() as f64 / base.as_nanos().max(1) as f64;
        println!(
            "{size:>14}   {:>14}   {:>18}   {:>5.2}   {:>13.2}",
            verified.as_nanos(),
            believed.as_nanos(),
            ratio(verified, base_verified),
            ratio(believed, base_believed),
        );
    }
}
