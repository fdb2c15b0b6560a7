//! The store against a model in memory: reopened after every step, and killed at random while it writes.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use standstill_ledger::state::{MemoryState, StateChanges, StateKey, StateRead, update};
use standstill_node::store::{Commit, Store, StoreError};
use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::hash::Hash;
use standstill_protocol::log::{MemoryLog, inclusion, leaf_hash, root_at};
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::Address;

fn chain() -> Hash {
    Hash::sha256(b"a chain")
}

fn word(height: u64, salt: u64) -> u64 {
    let digest = Hash::sha256(format!("{height}/{salt}").as_bytes());
    u64::from_le_bytes(digest.as_bytes()[..8].try_into().unwrap())
}

/// What the store must hold after some blocks, all of it a function of the height alone.
#[derive(Default)]
struct Model {
    log: MemoryLog,
    leaves: Vec<Vec<u8>>,
    state: MemoryState,
    blocks: Vec<Block>,
}

struct Step {
    block: Block,
    certificate: Certificate,
    leaves: Vec<Hash>,
    changes: StateChanges,
}

impl Model {
    fn next(&mut self) -> Step {
        let height = self.blocks.len() as u64 + 1;
        let count = word(height, 0) % 6;
        let entry = |n| {
            Entry::Envelope(Hash::sha256(&[n as u8, height as u8]).as_bytes().repeat(word(height, n) as usize % 90 + 1))
        };
        let entries: Vec<_> = (0..count).map(entry).collect();
        let mut bytes: Vec<Vec<u8>> = Vec::new();
        if let (Some(previous), false) = (self.blocks.last(), entries.is_empty()) {
            bytes.push(previous.header.leaf_bytes());
        }
        bytes.extend(entries.iter().map(|entry| entry.leaf_bytes().into_owned()));
        let hashes: Vec<_> = bytes.iter().map(|leaf| leaf_hash(leaf)).collect();
        hashes.iter().for_each(|hash| {
            self.log.append(*hash);
        });
        self.leaves.extend(bytes);
        let changed = (0..word(height, 7) % 5).map(|n| {
            let key = StateKey::of(&(word(height, n) % 50).to_le_bytes());
            (key, (!word(height, n).is_multiple_of(4)).then(|| height.to_le_bytes().to_vec()))
        });
        let (state_root, changes) = update(&self.state, changed.collect()).unwrap();
        self.state.absorb(changes.clone());
        let header = self.header(height, count as u32, state_root, &entries);
        let block = Block { header, previous_certificate: None, entries };
        self.blocks.push(block.clone());
        let certificate = Certificate::new(height, 0, block.hash(), vec![]);
        Step { block, certificate, leaves: hashes, changes }
    }

    fn header(&self, height: u64, entry_count: u32, state_root: Hash, entries: &[Entry]) -> Header {
        Header {
            version: 1,
            chain_id: chain(),
            height,
            time: Timestamp(height),
            previous: self.blocks.last().map_or_else(chain, Block::hash),
            proposer: Address::from_bytes([1; 20]),
            previous_certificate: Hash::ZERO,
            entries_root: Block::entries_root(entries),
            entry_count,
            log_size: self.log.size(),
            log_root: self.log.root(),
            validators: Hash::ZERO,
            next_validators: Hash::ZERO,
            treaty: Hash::ZERO,
            state_root,
        }
    }

    fn at(height: u64) -> Self {
        let mut model = Model::default();
        (0..height).for_each(|_| {
            model.next();
        });
        model
    }

    /// Everything that the store answers, compared.
    fn compare(&self, store: &Store) {
        let tip = store.tip().unwrap();
        assert_eq!(tip.as_ref().map(Header::hash), self.blocks.last().map(Block::hash));
        for (index, block) in self.blocks.iter().enumerate() {
            let height = index as u64 + 1;
            assert_eq!(*store.block(height).unwrap().unwrap(), *block);
            assert_eq!(store.certificate(height).unwrap().unwrap().block, block.hash());
        }
        assert!(store.block(self.blocks.len() as u64 + 1).unwrap().is_none());
        let tiles = store.tiles().unwrap();
        let size = self.log.size();
        for probe in [0, 1, size / 3, size / 2, size.saturating_sub(1), size] {
            let probe = probe.min(size);
            assert_eq!(root_at(&tiles, probe).unwrap(), self.log.root_at(probe).unwrap());
        }
        for (index, leaf) in self.leaves.iter().enumerate() {
            assert_eq!(store.leaf(index as u64).unwrap().as_ref(), Some(leaf));
            let path = inclusion::prove(&tiles, index as u64, size).unwrap();
            inclusion::verify(&leaf_hash(leaf), index as u64, size, &path, &self.log.root()).unwrap();
        }
        assert!(store.leaf(size).unwrap().is_none());
        let snapshot = store.snapshot().unwrap();
        assert_eq!(standstill_ledger::state::root(&snapshot).unwrap(), self.state.root());
        for (key, value) in self.state.leaves() {
            assert_eq!(snapshot.leaf(key).unwrap().as_deref(), Some(value));
        }
    }
}

impl Step {
    fn commit(&self, store: &Store) -> Result<(), StoreError> {
        store.commit(&Commit {
            block: &self.block,
            certificate: &self.certificate,
            leaves: &self.leaves,
            changes: &self.changes,
            obsolete: &[],
            pending: &[],
        })
    }
}

fn create(path: &Path) -> Store {
    Store::create(path, &chain(), &StateChanges::default()).unwrap();
    Store::open(path, &chain()).unwrap()
}

#[test]
fn a_store_reopened_after_every_block_holds_what_the_model_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    drop(create(&path));
    let mut model = Model::default();
    for height in 1..=60 {
        let step = model.next();
        let store = Store::open(&path, &chain()).unwrap();
        step.commit(&store).unwrap();
        step.commit(&store).unwrap();
        if height % 20 == 0 {
            model.compare(&store);
        }
        drop(store);
        let store = Store::open(&path, &chain()).unwrap();
        assert_eq!(store.tip().unwrap().unwrap().hash(), step.block.hash());
    }
}

#[test]
fn tiles_give_the_same_roots_as_the_log_at_every_size_across_a_tile_boundary() {
    let directory = tempfile::tempdir().unwrap();
    let store = create(&directory.path().join("ledger.redb"));
    let mut model = Model::default();
    while model.log.size() < 800 {
        model.next().commit(&store).unwrap();
    }
    let tiles = store.tiles().unwrap();
    for size in 0..=model.log.size() {
        assert_eq!(root_at(&tiles, size).unwrap(), model.log.root_at(size).unwrap(), "{size}");
    }
    assert_eq!(tiles.tile(0, 0).unwrap().unwrap().len(), 256 * 32);
    assert_eq!(tiles.tile(1, 0).unwrap().unwrap().len() as u64, model.log.size() / 256 * 32);
}

#[test]
fn blocks_that_do_not_follow_the_tip_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = create(&directory.path().join("ledger.redb"));
    let mut model = Model::default();
    let (first, second, third) = (model.next(), model.next(), model.next());
    assert!(matches!(second.commit(&store), Err(StoreError::NotNext { height: 2, tip: 0 })));
    first.commit(&store).unwrap();
    assert!(matches!(third.commit(&store), Err(StoreError::NotNext { height: 3, tip: 1 })));
    let mut other = Model::default().next();
    other.block.header.time = Timestamp(77);
    assert!(matches!(other.commit(&store), Err(StoreError::Damaged { .. })), "two blocks at one height");
    Model::at(1).compare(&store);
}

#[test]
fn a_store_of_another_ledger_a_missing_one_and_an_existing_one_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    assert!(matches!(Store::open(&path, &chain()), Err(StoreError::Missing { .. })));
    let store = create(&path);
    let again = Store::open(&path, &chain()).unwrap_err();
    assert!(again.hint().is_some_and(|hint| hint.contains("another process")), "{again}");
    drop(store);
    assert!(matches!(Store::open(&path, &Hash::sha256(b"x")), Err(StoreError::OtherLedger { .. })));
    assert!(matches!(Store::create(&path, &chain(), &StateChanges::default()), Err(StoreError::Exists { .. })));
}

#[test]
fn undecided_blocks_survive_reopening_and_go_when_their_height_is_decided() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let store = create(&path);
    for (height, round) in [(1, 0), (1, 1), (2, 0)] {
        store.put_undecided(height, round, &Hash::ZERO, &[height as u8, round as u8]).unwrap();
        store.put_undecided(height, round, &Hash::ZERO, &[height as u8, round as u8]).unwrap();
    }
    drop(store);
    let store = Store::open(&path, &chain()).unwrap();
    assert_eq!(store.undecided(1).unwrap(), [vec![1, 0], vec![1, 1]]);
    Model::default().next().commit(&store).unwrap();
    assert!(store.undecided(1).unwrap().is_empty());
    assert_eq!(store.undecided(2).unwrap(), [vec![2, 0]]);
}

#[test]
fn stored_bytes_stay_within_a_third_above_the_envelopes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let store = create(&path);
    let key = standstill_protocol::keys::SecretKey::from_seed(&[1; 32]);
    let (mut log, mut state, mut envelopes, mut previous) = (MemoryLog::new(), MemoryState::new(), 0, None::<Header>);
    for height in 1..=20u64 {
        let sign = |n: u64| {
            let filler: String =
                (0..30).map(|part| Hash::sha256(&(height * 1000 + n * 31 + part).to_le_bytes()).to_string()).collect();
            support::sign_payload(format!("{{\"_type\":\"statement\",\"text\":\"{filler}\"}}"), &key)
        };
        let entries: Vec<_> = (0..300).map(|n| Entry::Envelope(sign(n))).collect();
        envelopes += entries.iter().map(Entry::size).sum::<usize>();
        let mut leaves: Vec<_> = previous.iter().map(|header| leaf_hash(&header.leaf_bytes())).collect();
        leaves.extend(entries.iter().map(|entry| leaf_hash(&entry.leaf_bytes())));
        leaves.iter().for_each(|leaf| {
            log.append(*leaf);
        });
        // Each statement has a leaf of its own in the state: its id and its index.
        let ids = leaves.iter().map(|leaf| (StateKey::of(leaf.as_bytes()), Some(vec![0; 16])));
        let (state_root, changes) = update(&state, ids.collect()).unwrap();
        state.absorb(changes.clone());
        let model = Model { log: std::mem::take(&mut log), ..Model::default() };
        let header = model.header(height, 300, state_root, &entries);
        log = model.log;
        let block = Block { header: header.clone(), previous_certificate: None, entries };
        let certificate = Certificate::new(height, 0, block.hash(), vec![]);
        previous = Some(header);
        Step { block, certificate, leaves, changes }.commit(&store).unwrap();
    }
    drop(store);
    // The database grows its file in advance, as a hole: what counts is what the disk holds.
    let stored = std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(&path).unwrap()) as usize * 512;
    println!("{envelopes} bytes of envelopes, {stored} bytes of store: {} ppm", stored * 1_000_000 / envelopes);
    assert!(stored * 10 <= envelopes * 13, "{stored} bytes for {envelopes}");
}

/// The process that is killed: commits block after block and says so.
#[test]
fn writer() {
    let Some(path) = std::env::var_os("STORE_TO_WRITE") else { return };
    let store = Store::open(Path::new(&path), &chain()).unwrap();
    let mut model = Model::at(store.tip().unwrap().map_or(0, |tip| tip.height));
    loop {
        let step = model.next();
        store.put_undecided(step.block.header.height, 0, &step.block.hash(), &step.block.encode()).unwrap();
        step.commit(&store).unwrap();
        println!("committed {}", step.block.header.height);
    }
}

#[test]
fn a_writer_killed_at_random_loses_no_commit_that_it_announced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    drop(create(&path));
    let mut announced = 0;
    for attempt in 0..12u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer", "--nocapture"])
            .env("STORE_TO_WRITE", &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut heights = lines.filter_map(|line| line.rsplit_once("committed ")?.1.parse::<u64>().ok());
        for _ in 0..=word(attempt, 9) % 25 {
            announced = heights.next().unwrap();
        }
        child.kill().unwrap();
        announced = heights.last().unwrap_or(announced);
        child.wait().unwrap();
        let store = Store::open(&path, &chain()).unwrap();
        let tip = store.tip().unwrap().unwrap().height;
        assert!((announced..=announced + 1).contains(&tip), "announced {announced}, found {tip}");
        Model::at(tip).compare(&store);
    }
}
