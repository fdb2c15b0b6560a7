//! `kill -9`, of one node and of all, again and again, while labs submit: what was acknowledged as final stays.
//!
//! After the last restart: every acknowledged entry stands at the index and height that were acknowledged, on every
//! node; every node holds the same header at each height; every store opens once more after a last kill of all.
//!
//! `STANDSTILL_KILL_SEED` replays a run's choices (the system's timing is not part of them), `STANDSTILL_KILL_SECONDS` makes it
//! longer: `cargo xtask soak` does both.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use standstill_policies::treaty::Span;
use standstill_protocol::units::Timestamp;
use standstill_testnet::author::Author;
use standstill_testnet::client::{Client, Recorded};
use standstill_testnet::network::Network;
use standstill_testnet::plan::{Pace, Plan};
use standstill_testnet::{TestnetError, load};

const LABS: usize = 4;
const DEFAULT_SECONDS: u64 = 30;
const DEFAULT_SEED: u64 = 20_261_123;
const RECOVERED_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn nothing_that_was_acknowledged_is_lost_when_nodes_are_killed() {
    let seed = setting("STANDSTILL_KILL_SEED", DEFAULT_SEED);
    let seconds = setting("STANDSTILL_KILL_SECONDS", DEFAULT_SECONDS);
    println!("seed {seed}, {seconds} s; replay with STANDSTILL_KILL_SEED={seed}");
    let directory = tempfile::tempdir().unwrap();
    let mut network = raise(directory.path());
    let authors: Vec<Author> =
        ["lab-a", "lab-b", "lab-c", "lab-d"].iter().map(|lab| network.author(lab, 1).unwrap()).collect();
    let clients: Vec<Client> = network.nodes().iter().map(|node| node.client().clone()).collect();

    let over = AtomicBool::new(false);
    let acknowledged = Mutex::new(Vec::new());
    let killed = std::thread::scope(|scope| {
        for (lab, author) in authors.into_iter().enumerate() {
            let (clients, over, acknowledged) = (&clients, &over, &acknowledged);
            scope.spawn(move || submit(lab, author, clients, over, acknowledged));
        }
        let killed = kill(&mut network, Duration::from_secs(seconds), &mut Choices(seed));
        over.store(true, Ordering::Relaxed);
        killed
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    println!("{} kills of one node, {} of all; {} entries acknowledged", killed.one, killed.all, acknowledged.len());
    assert!(!acknowledged.is_empty(), "the network made no progress");

    let height = recover(&mut network);
    same_headers(&clients, height);
    everything_is_there(&clients, &acknowledged);

    (0..LABS).for_each(|index| network.kill(index));
    network.start().unwrap();
    everything_is_there(&clients, &acknowledged);
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

/// One lab: numbers its statements, and submits each to one node after another until one acknowledges it as final.
fn submit(lab: usize, mut author: Author, clients: &[Client], over: &AtomicBool, acknowledged: &Mutex<Vec<Recorded>>) {
    let mut node = lab;
    'statements: while !over.load(Ordering::Relaxed) {
        let (subjects, predicate) = load::evaluation(author.next(), now());
        let envelope = author.sign(subjects, predicate, now()).unwrap();
        let id = envelope.id().to_string();
        let bytes = envelope.to_bytes();
        while !over.load(Ordering::Relaxed) {
            let client = &clients[node % clients.len()];
            let answer = client.submit_final_within(&bytes, Duration::from_secs(3));
            match answer.or_else(|error| found_after(error, client, &id)) {
                Ok(recorded) => {
                    acknowledged.lock().unwrap().push(recorded);
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

/// Kills and restarts at random moments, one node or, every fifth time, all of them.
fn kill(network: &mut Network, for_long: Duration, choices: &mut Choices) -> Killed {
    let end = Instant::now() + for_long;
    let mut killed = Killed { one: 0, all: 0 };
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(choices.below(1_500)));
        let victims: Vec<usize> = match choices.below(5) {
            0 => (0..LABS).collect(),
            _ => vec![usize::try_from(choices.below(LABS as u64)).unwrap()],
        };
        victims.iter().for_each(|victim| network.kill(*victim));
        std::thread::sleep(Duration::from_millis(choices.below(300)));
        for victim in &victims {
            network.spawn(*victim).unwrap();
        }
        match victims.len() {
            1 => killed.one += 1,
            _ => killed.all += 1,
        }
    }
    killed
}

/// Waits until every node answers and stands at one height at least as high as any stood before.
fn recover(network: &mut Network) -> u64 {
    (0..LABS).for_each(|index| network.wait_ready(index).unwrap());
    let heights = network.nodes().iter().map(|node| node.client().status().unwrap().height);
    let highest = heights.max().unwrap();
    for index in 0..LABS {
        let caught_up = |client: &Client| Ok(client.status().is_ok_and(|status| status.height >= highest));
        network.wait(index, "catch up", RECOVERED_WITHIN, caught_up).unwrap();
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
