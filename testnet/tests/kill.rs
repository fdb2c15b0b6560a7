//! `kill -9`, of one node and of all, again and again, while labs submit: what was acknowledged as final stays.
//!
//! At the end: every acknowledged entry stands at the index and height that were acknowledged, on every node, also
//! after a last kill of all; every node holds the same header at each height; `fsck` finds nothing in any store; and no
//! node holds or recorded evidence that another contradicted itself, which is what a vote forgotten in a crash looks like.
//!
//! The kills are counted, not timed: between two of them some entry has become final, so that each hits a network at
//! work. `STANDSTILL_KILL_SEED` replays a run's choices (the system's timing is not part of them),
//! `STANDSTILL_KILL_SECONDS` goes on after the counted kills for as long: `cargo xtask soak` does both.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

use standstill_node::store::Store;
use standstill_node::{fsck, home};
use standstill_policies::treaty::Span;
use standstill_protocol::block::Entry;
use standstill_protocol::units::Timestamp;
use standstill_testnet::author::Author;
use standstill_testnet::client::{Client, Recorded};
use standstill_testnet::network::Network;
use standstill_testnet::plan::{Pace, Plan};
use standstill_testnet::{TestnetError, load};

const LABS: usize = 4;
const KILLS_OF_ONE: u32 = 10;
const KILLS_OF_ALL: u32 = 3;
/// Entries that are final before the first kill, and once more after the last.
const UNDISTURBED: usize = 20;
const DEFAULT_SEED: u64 = 20_261_123;
/// No wait of a run that works comes near it, however busy the machine.
const STUCK: Duration = Duration::from_secs(180);

#[test]
fn nothing_that_was_acknowledged_is_lost_when_nodes_are_killed() {
    let seed = setting("STANDSTILL_KILL_SEED", DEFAULT_SEED);
    let longer = Duration::from_secs(setting("STANDSTILL_KILL_SECONDS", 0));
    println!("seed {seed}; replay with STANDSTILL_KILL_SEED={seed}");
    let directory = tempfile::tempdir().unwrap();
    let mut network = raise(directory.path());
    let authors: Vec<Author> =
        ["lab-a", "lab-b", "lab-c", "lab-d"].iter().map(|lab| network.author(lab, 1).unwrap()).collect();
    let clients: Vec<Client> = network.nodes().iter().map(|node| node.client().clone()).collect();

    let run = Run::default();
    let killed = std::thread::scope(|scope| {
        for (lab, author) in authors.into_iter().enumerate() {
            let (clients, run) = (&clients, &run);
            scope.spawn(move || submit(lab, author, clients, run));
        }
        // However the kills end, the labs stop.
        let _over = Over(&run.over);
        kill(&mut network, &run, longer, &mut Choices(seed))
    });
    let acknowledged = run.acknowledged.into_inner().unwrap();
    println!("{} kills of one node, {} of all; {} entries acknowledged", killed.one, killed.all, acknowledged.len());
    assert!(killed.one >= KILLS_OF_ONE && killed.all >= KILLS_OF_ALL);
    let kills = usize::try_from(killed.one + killed.all).unwrap();
    assert!(acknowledged.len() >= 2 * UNDISTURBED + kills, "progress between all kills, and before and after");

    let height = recover(&mut network);
    same_headers(&clients, height);
    everything_is_there(&clients, &acknowledged);

    (0..LABS).for_each(|index| network.kill(index));
    network.start().unwrap();
    everything_is_there(&clients, &acknowledged);
    network.stop();
    network.nodes().iter().for_each(|node| examine(&node.entry.home, height));
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(elapsed.as_millis()).unwrap())
}

fn raise(directory: &Path) -> Network {
    let mut plan = Plan::labs(LABS, "kill-test").unwrap();
    plan.heartbeat = Some(Span(1_000));
    plan.pace = Pace { block_interval_ms: 20, timeout_propose_ms: 500, timeout_vote_ms: 200 };
    let executable = Path::new(env!("CARGO_BIN_EXE_standstill-testnet"));
    let mut network = Network::create(directory, executable, &plan, now()).unwrap();
    network.start().unwrap();
    network
}

/// What the labs have done so far.
#[derive(Default)]
struct Run {
    over: AtomicBool,
    acknowledged: Mutex<Vec<Recorded>>,
    progress: Condvar,
}

impl Run {
    fn acknowledge(&self, recorded: Recorded) {
        self.acknowledged.lock().unwrap().push(recorded);
        self.progress.notify_all();
    }

    /// Waits until so many more entries are final.
    fn await_more(&self, more: usize) {
        let guard = self.acknowledged.lock().unwrap();
        let wanted = guard.len() + more;
        let (guard, waited) = self.progress.wait_timeout_while(guard, STUCK, |all| all.len() < wanted).unwrap();
        let count = guard.len();
        drop(guard);
        assert!(!waited.timed_out(), "the network stands still at {count} of {wanted} acknowledged entries");
    }
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One lab: numbers its statements, and submits each to one node after another until one acknowledges it as final.
fn submit(lab: usize, mut author: Author, clients: &[Client], run: &Run) {
    let mut node = lab;
    'statements: while !run.over.load(Ordering::Relaxed) {
        let (subjects, predicate) = load::evaluation(author.next(), now());
        let envelope = author.sign(subjects, predicate, now()).unwrap();
        let id = envelope.id().to_string();
        let bytes = envelope.to_bytes();
        while !run.over.load(Ordering::Relaxed) {
            let client = &clients[node % clients.len()];
            let answer = client.submit_final_within(&bytes, Duration::from_secs(3));
            match answer.or_else(|error| found_after(error, client, &id)) {
                Ok(recorded) => {
                    run.acknowledge(recorded);
                    continue 'statements;
                }
                Err(error) => {
                    assert_harmless(&error);
                    node += 1;
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }
}

/// A statement that was submitted before a node died may be in the ledger already: then the node says where.
fn found_after(error: TestnetError, client: &Client, id: &str) -> Result<Recorded, TestnetError> {
    match &error {
        TestnetError::Refused { code, .. } if code == "duplicate" => client.entry(id),
        _ => Err(error),
    }
}

/// A node that is down, starting or behind may refuse; none may call a good statement bad.
fn assert_harmless(error: &TestnetError) {
    if let TestnetError::Refused { code, .. } = error {
        // Behind, busy, or without an answer of its own: nothing that speaks against the statement.
        let harmless = ["sequence-gap", "future-dated", "too-many-waiting", "not-found", "too-slow", ""];
        assert!(harmless.contains(&code.as_str()), "{error}");
    }
}

struct Killed {
    one: u32,
    all: u32,
}

/// Kills and restarts one node or all, in random order and at random moments, each after some progress.
fn kill(network: &mut Network, run: &Run, longer: Duration, choices: &mut Choices) -> Killed {
    run.await_more(UNDISTURBED);
    let mut killed = Killed { one: 0, all: 0 };
    let (mut ones, mut alls) = (KILLS_OF_ONE, KILLS_OF_ALL);
    let end = Instant::now() + longer;
    loop {
        if ones + alls == 0 {
            if Instant::now() >= end {
                break;
            }
            (ones, alls) = (4, 1);
        }
        run.await_more(1);
        std::thread::sleep(Duration::from_millis(choices.below(400)));
        let one = choices.below(u64::from(ones + alls)) < u64::from(ones);
        let victims = match one {
            true => vec![usize::try_from(choices.below(LABS as u64)).unwrap()],
            false => (0..LABS).collect(),
        };
        victims.iter().for_each(|victim| network.kill(*victim));
        std::thread::sleep(Duration::from_millis(choices.below(300)));
        for victim in &victims {
            network.spawn(*victim).unwrap();
        }
        if one {
            (ones, killed.one) = (ones - 1, killed.one + 1);
        } else {
            (alls, killed.all) = (alls - 1, killed.all + 1);
        }
    }
    run.await_more(UNDISTURBED);
    killed
}

/// Waits until every node answers and stands at one height at least as high as any stood before.
fn recover(network: &mut Network) -> u64 {
    let answers = |client: &Client| Ok(client.status().is_ok());
    (0..LABS).for_each(|index| network.wait(index, "answer", STUCK, answers).unwrap());
    let heights = network.nodes().iter().map(|node| node.client().status().unwrap().height);
    let highest = heights.max().unwrap();
    for index in 0..LABS {
        let caught_up = |client: &Client| Ok(client.status().is_ok_and(|status| status.height >= highest));
        network.wait(index, "catch up", STUCK, caught_up).unwrap();
    }
    highest
}

fn same_headers(clients: &[Client], height: u64) {
    for at in 1..=height {
        let hashes: Vec<String> = clients.iter().map(|client| client.block(at).unwrap().hash).collect();
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "height {at}: {hashes:?}");
    }
}

fn everything_is_there(clients: &[Client], acknowledged: &[Recorded]) {
    for recorded in acknowledged {
        for client in clients {
            let found = client.entry(&recorded.id).unwrap_or_else(|error| panic!("{recorded:?}: {error}"));
            assert_eq!(found, *recorded, "on {}", client.base());
        }
    }
}

/// A stopped node's store: whole, as far as the others, and without evidence, kept or recorded.
fn examine(home: &Path, height: u64) {
    let home = home::open(home, &[]).unwrap();
    let rules = standstill_node::rules(&home).unwrap();
    let store = Store::open(&home.store_path(), &rules.chain_id()).unwrap();
    let report = fsck::check(&rules, &store).unwrap();
    assert_eq!((report.count, &report.problems), (0, &Vec::new()), "{}", home.member());
    assert!(report.blocks >= height, "{}: {} blocks of {height}", home.member(), report.blocks);
    assert_eq!(store.evidence(1).unwrap(), Vec::<Vec<u8>>::new(), "{} saw an equivocation", home.member());
    for at in 1..=report.blocks {
        let block = store.block(at).unwrap().unwrap();
        let recorded = block.entries.iter().any(|entry| matches!(entry, Entry::Evidence(_)));
        assert!(!recorded, "{}: block {at} records an equivocation", home.member());
    }
}

/// SplitMix64: the run's choices follow from the seed.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
