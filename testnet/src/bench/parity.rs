//! What a ledger costs on top of agreement: four nodes against four engines without one, in one run and at the same
//! settings.
//!
//! All sides run in this process with the same pace, the same limit on a block and the engine's log on the same disk; the
//! engines' blocks are filled to the size that the nodes' had. All are timed from the engine's own events: from a
//! proposer's `Proposed` to its own `Committed`, and to the last one's. Before the first the block was built; between the
//! two the others fetch, check and vote, and everybody commits. The sides take turns, so that a busy machine hurts all
//! alike. What differs: a node executes the block, writes it twice, and serves its API, gossip and the labs' clients
//! meanwhile; it builds when a statement waits, where an engine always has work.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use standstill_consensus::Event;
use standstill_node::{Node, RunningNode, home};
use standstill_protocol::block::Block;
use standstill_protocol::units::Timestamp;
use tokio::runtime::Runtime;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::bare::{self, Filler, Setup};
use super::{LABS, percentile};
use crate::TestnetError;
use crate::error::io;
use crate::load;
use crate::network::Network;
use crate::plan::{Pace, Plan};

/// Times that each side is measured.
const TURNS: usize = 3;
/// Heights at the start of a turn that are not measured.
const WARM_UP: usize = 10;
/// A turn that works is done long before, also on a busy machine.
const STUCK: Duration = Duration::from_secs(300);
const ASK_EVERY: Duration = Duration::from_millis(10);

/// From proposal to commit on both sides, in ascending order.
#[derive(Clone, Debug, Default)]
pub struct Parity {
    /// Of nodes.
    pub node: Side,
    /// Of engines over a ledger in memory.
    pub bare: Side,
    /// Of engines over a ledger that appends bodies to a file, where the engine's contract asks for it.
    pub keeping: Side,
    /// Entries of a block, on average.
    pub entries: usize,
    /// Bytes of an entry, on average.
    pub entry_bytes: usize,
}

/// One side.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Until the proposer committed.
    pub own: Vec<Duration>,
    /// Until all had committed.
    pub all: Vec<Duration>,
}

#[derive(Debug, Default)]
struct Times {
    proposed: Option<(usize, Instant)>,
    committed: BTreeMap<usize, Instant>,
}

/// By height.
type Watched = Arc<Mutex<BTreeMap<u64, Times>>>;

/// Measures every side in directories of its own, `heights` blocks in each of its turns.
pub fn run(executable: &Path, pace: Pace, heights: usize, clock: fn() -> Timestamp) -> Result<Parity, TestnetError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(io("start a runtime in", executable))?;
    let mut parity = Parity::default();
    for _ in 0..TURNS {
        let (filler, max_block_bytes) = nodes(&runtime, executable, pace, heights, clock, &mut parity.node)?;
        let count = u8::try_from(LABS).unwrap_or(u8::MAX);
        let setup = Setup { count, pace, max_block_bytes, filler, keeps: false };
        engines(&runtime, setup, heights, &mut parity.bare)?;
        engines(&runtime, Setup { keeps: true, ..setup }, heights, &mut parity.keeping)?;
        (parity.entries, parity.entry_bytes) = (filler.entries, filler.bytes);
    }
    for side in [&mut parity.node, &mut parity.bare, &mut parity.keeping] {
        side.own.sort_unstable();
        side.all.sort_unstable();
    }
    Ok(parity)
}

/// Nodes, each with one lab that has one statement under way.
fn nodes(
    runtime: &Runtime,
    executable: &Path,
    pace: Pace,
    heights: usize,
    clock: fn() -> Timestamp,
    side: &mut Side,
) -> Result<(Filler, usize), TestnetError> {
    let directory = temporary()?;
    let mut plan = Plan::labs(LABS, "parity")?;
    plan.pace = pace;
    let mut network = Network::create(directory.path(), executable, &plan, clock())?;
    let mut nodes = Vec::new();
    for (member, path) in network.hand_over() {
        let home =
            home::open(&path, &[]).map_err(|source| TestnetError::Home { member: member.to_string(), source })?;
        let node = runtime.block_on(Node::start(home));
        nodes.push(node.map_err(|source| TestnetError::Node { member: member.to_string(), source })?);
    }
    let watched = watch(nodes.iter().map(RunningNode::events))?;
    let over = AtomicBool::new(false);
    let measured = std::thread::scope(|scope| {
        let labs: Vec<_> = (0..LABS)
            .map(|lab| {
                scope.spawn({
                    let (network, over) = (&network, &over);
                    move || submit(network, lab, clock, over)
                })
            })
            .collect();
        let measured = measure(&watched, heights, side);
        over.store(true, Ordering::Relaxed);
        let ended =
            labs.into_iter().try_for_each(|lab| lab.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        measured.and(ended)
    });
    let sizes = blocks(&nodes);
    let limit = nodes.first().map_or(0, |node| node.home().config.consensus.max_block_bytes);
    for node in nodes {
        let member = node.home().member().to_string();
        runtime.block_on(node.stop()).map_err(|source| TestnetError::Node { member, source })?;
    }
    measured?;
    let entries: usize = sizes.iter().map(|block| block.0).sum();
    let bytes: usize = sizes.iter().map(|block| block.1).sum();
    let filler = Filler { entries: entries.div_ceil(sizes.len().max(1)), bytes: bytes / entries.max(1) };
    Ok((filler, limit))
}

fn submit(network: &Network, lab: usize, clock: fn() -> Timestamp, over: &AtomicBool) -> Result<(), TestnetError> {
    let node = &network.nodes()[lab];
    let mut author = network.author(node.entry.member.as_str(), 1)?;
    while !over.load(Ordering::Relaxed) {
        let (subjects, predicate) = load::evaluation(author.next(), clock());
        let envelope = author.sign(subjects, predicate, clock())?.to_bytes();
        node.client().submit_final(&envelope)?;
    }
    Ok(())
}

/// Entries, and their bytes, of every block that has some.
fn blocks(nodes: &[RunningNode]) -> Vec<(usize, usize)> {
    let Some(node) = nodes.first() else { return Vec::new() };
    let (store, tip) = (node.replica().store(), node.replica().tip().borrow().height);
    let sizes = |block: Arc<Block>| {
        let bytes = block.entries.iter().map(standstill_protocol::block::Entry::size).sum();
        (block.entries.len(), bytes)
    };
    let found = (1..=tip).filter_map(|height| store.block(height).ok().flatten());
    found.map(sizes).filter(|(entries, _)| *entries > 0).collect()
}

/// Engines that fill every block.
fn engines(runtime: &Runtime, setup: Setup, heights: usize, side: &mut Side) -> Result<(), TestnetError> {
    let directory = temporary()?;
    let handles = runtime.block_on(bare::start(directory.path(), setup))?;
    let watched = watch(handles.iter().map(|handle| handle.events()))?;
    let measured = measure(&watched, heights, side);
    for handle in handles {
        runtime.block_on(handle.stop());
    }
    measured
}

fn temporary() -> Result<tempfile::TempDir, TestnetError> {
    tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))
}

/// Notes each event when it comes, on threads that do nothing else. They end with the engines.
fn watch(events: impl Iterator<Item = Receiver<Event>>) -> Result<Watched, TestnetError> {
    let watched = Watched::default();
    for (node, mut events) in events.enumerate() {
        let watched = Arc::clone(&watched);
        let watcher = move || {
            loop {
                match events.blocking_recv() {
                    Ok(event) => note(&watched, node, &event),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        };
        let started = std::thread::Builder::new().name(format!("watch-{node}")).spawn(watcher);
        started.map_err(|error| TestnetError::Bench { reason: format!("no thread to watch an engine: {error}") })?;
    }
    Ok(watched)
}

fn note(watched: &Watched, node: usize, event: &Event) {
    let now = Instant::now();
    let mut heights = watched.lock().unwrap_or_else(PoisonError::into_inner);
    match event {
        Event::Proposed { height, .. } => heights.entry(*height).or_default().proposed = Some((node, now)),
        Event::Committed { height, .. } => {
            heights.entry(*height).or_default().committed.insert(node, now);
        }
        Event::Started { .. } | Event::Refused { .. } => {}
    }
}

/// Waits until enough heights were seen from proposal to the last commit, and adds their times.
fn measure(watched: &Watched, heights: usize, side: &mut Side) -> Result<(), TestnetError> {
    let deadline = Instant::now() + STUCK;
    loop {
        let times = whole(&watched.lock().unwrap_or_else(PoisonError::into_inner));
        if times.len() >= WARM_UP + heights {
            for (own, all) in times.into_iter().skip(WARM_UP).take(heights) {
                side.own.push(own);
                side.all.push(all);
            }
            return Ok(());
        }
        if Instant::now() >= deadline {
            let (seen, seconds) = (times.len(), STUCK.as_secs());
            return Err(TestnetError::Bench {
                reason: format!("only {seen} blocks were committed by all in {seconds} s"),
            });
        }
        std::thread::sleep(ASK_EVERY);
    }
}

/// Of each height that all committed: how long its proposer took, and the last.
fn whole(heights: &BTreeMap<u64, Times>) -> Vec<(Duration, Duration)> {
    let times = heights.values().filter(|times| times.committed.len() == LABS).filter_map(|times| {
        let (proposer, began) = times.proposed?;
        let own = times.committed.get(&proposer)?.saturating_duration_since(began);
        let all = times.committed.values().max()?.saturating_duration_since(began);
        Some((own, all))
    });
    times.collect()
}

impl Parity {
    /// The lines that are printed: each side, then what a node takes of each other.
    pub fn lines(&self) -> Vec<String> {
        let sides = [("nodes", &self.node), ("bare engine", &self.bare), ("engine that keeps bodies", &self.keeping)];
        let times = |side: &[Duration]| [percentile(side, 50), percentile(side, 95)];
        let line = |(name, side): (&str, &Side)| {
            let ([own50, own95], [all50, all95]) = (times(&side.own), times(&side.all));
            format!("  {name:<34} p50 {own50:>6.1}  p95 {own95:>6.1}      p50 {all50:>6.1}  p95 {all95:>6.1}")
        };
        let ratio = |(name, side): (&str, &Side)| {
            let ([node50, node95], [own50, own95]) = (times(&self.node.own), times(&side.own));
            let ([nodes50, nodes95], [all50, all95]) = (times(&self.node.all), times(&side.all));
            let [own50, own95, all50, all95] = [node50 / own50, node95 / own95, nodes50 / all50, nodes95 / all95];
            let name = format!("nodes / {name}");
            format!("  {name:<34} p50 {own50:>6.2}  p95 {own95:>6.2}      p50 {all50:>6.2}  p95 {all95:>6.2}")
        };
        let head = format!(
            "proposed to committed, ms            by the proposer           by all four; {} blocks a side, {} entries of {} bytes",
            self.node.own.len(),
            self.entries,
            self.entry_bytes
        );
        let [_, bare, keeping] = sides;
        [head].into_iter().chain(sides.map(line)).chain([ratio(bare), ratio(keeping)]).collect()
    }
}
