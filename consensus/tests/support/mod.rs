//! A ledger in memory, and clusters of engines over it, on loopback.
//!
//! The ledger keeps what a disk would keep across a restart; it checks what consensus relies on (links, times, roots,
//! the previous certificate) and executes nothing.

#![allow(dead_code, unreachable_pub, reason = "each test and example uses its own part")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use standstill_consensus::{
    CheckError, Config, Engine, Fault, Handle, Height, StateMachine, Status, Timeouts, Undecided,
};
use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::evidence::Equivocation;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::{Address, Validator, ValidatorSet};

/// What a node's disk holds.
#[derive(Debug, Default)]
pub struct Disk {
    pub blocks: Vec<(Block, Certificate)>,
    pub undecided: BTreeMap<(Height, u32, Hash), Undecided>,
    pub pending: Vec<Vec<u8>>,
    pub evidence: Vec<Equivocation>,
    /// Build a block with this many bytes of entries whenever asked, without pending entries.
    pub filler: Option<usize>,
    /// When each height was committed.
    pub committed: Vec<Instant>,
    /// Values built, by height and round: a second one for the same place is a bug.
    pub built: Vec<(Height, u32, Hash)>,
}

/// One node's ledger; clones share the disk.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub chain_id: Hash,
    pub me: Address,
    pub validators: ValidatorSet,
    pub disk: Arc<Mutex<Disk>>,
}

pub fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis() as u64)
}

impl Ledger {
    pub fn new(chain_id: Hash, me: Address, validators: ValidatorSet) -> Self {
        Ledger { chain_id, me, validators, disk: Arc::default() }
    }

    pub fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("no test panics while it holds the disk")
    }

    pub fn submit(&self, entry: &[u8]) {
        self.disk().pending.push(entry.to_vec());
    }

    fn assemble(&self, height: Height, time: Timestamp, proposer: Address, entries: Vec<Entry>) -> Block {
        let disk = self.disk();
        let previous = disk.blocks.last();
        let certificate = previous.map(|(_, certificate)| certificate.clone());
        let header = Header {
            version: 1,
            chain_id: self.chain_id,
            height,
            time,
            previous: previous.map_or(self.chain_id, |(block, _)| block.hash()),
            proposer,
            previous_certificate: certificate.as_ref().map_or(Hash::ZERO, Certificate::hash),
            entries_root: Block::entries_root(&entries),
            entry_count: entries.len() as u32,
            log_size: 0,
            log_root: Hash::ZERO,
            validators: self.validators.hash(),
            next_validators: self.validators.hash(),
            treaty: Hash::ZERO,
            state_root: Hash::ZERO,
        };
        Block { header, previous_certificate: certificate, entries }
    }
}

impl StateMachine for Ledger {
    fn tip(&self) -> Result<Option<Height>, Fault> {
        Ok(Some(self.disk().blocks.len() as Height).filter(|tip| *tip > 0))
    }

    fn validators(&self, _height: Height) -> Result<ValidatorSet, Fault> {
        Ok(self.validators.clone())
    }

    fn has_work(&self) -> Result<bool, Fault> {
        let disk = self.disk();
        Ok(disk.filler.is_some() || !disk.pending.is_empty())
    }

    fn build(&mut self, height: Height, _max_bytes: usize) -> Result<Block, Fault> {
        let (mut entries, filler, last) = {
            let disk = self.disk();
            let last = disk.blocks.last().map_or(0, |(block, _)| block.header.time.0);
            (disk.pending.iter().cloned().map(Entry::Envelope).collect::<Vec<_>>(), disk.filler.unwrap_or(0), last)
        };
        let mut left = filler;
        while left > 0 {
            let size = left.min(60_000);
            entries.push(Entry::Envelope(vec![height as u8; size]));
            left -= size;
        }
        Ok(self.assemble(height, Timestamp(now().0.max(last + 1)), self.me, entries))
    }

    fn check(&mut self, block: &Block, now: Option<Timestamp>) -> Result<(), CheckError> {
        let invalid = |reason: &str| Err(CheckError::Invalid { reason: reason.into() });
        let header = &block.header;
        let mut expected = self.assemble(header.height, header.time, header.proposer, block.entries.clone());
        expected.header.previous_certificate = header.previous_certificate;
        if expected.header != *header {
            return invalid("the header is not the one that its entries make");
        }
        let last = self.disk().blocks.last().map(|(block, _)| block.header.clone());
        if last.as_ref().is_some_and(|last| header.time <= last.time) {
            return invalid("time stands still");
        }
        if now.is_some_and(|now| header.time.0.abs_diff(now.0) > 10_000) {
            return invalid("time is far from the clock");
        }
        match (&last, &block.previous_certificate) {
            (None, None) => Ok(()),
            (Some(last), Some(certificate)) if certificate.block == last.hash() => {
                match certificate.verify(&self.chain_id, &self.validators) {
                    Ok(()) => Ok(()),
                    Err(error) => invalid(&error.to_string()),
                }
            }
            _ => invalid("the certificate is not the previous block's"),
        }
    }

    fn store_undecided(&mut self, undecided: &Undecided) -> Result<(), Fault> {
        let (height, hash) = (undecided.block.header.height, undecided.block.hash());
        let mut disk = self.disk();
        if undecided.proposer == self.me && undecided.valid_round.is_none() {
            disk.built.push((height, undecided.round, hash));
        }
        disk.undecided.insert((height, undecided.round, hash), undecided.clone());
        Ok(())
    }

    fn undecided(&self, height: Height) -> Result<Vec<Undecided>, Fault> {
        let disk = self.disk();
        Ok(disk.undecided.iter().filter(|(key, _)| key.0 == height).map(|(_, value)| value.clone()).collect())
    }

    fn commit(&mut self, block: Block, certificate: Certificate) -> Result<(), Fault> {
        let mut disk = self.disk();
        let height = block.header.height;
        if height == disk.blocks.len() as Height {
            return Ok(());
        }
        assert_eq!(height, disk.blocks.len() as Height + 1, "blocks are committed in order");
        disk.pending.retain(|entry| !block.entries.contains(&Entry::Envelope(entry.clone())));
        disk.undecided.retain(|key, _| key.0 > height);
        disk.blocks.push((block, certificate));
        disk.committed.push(Instant::now());
        Ok(())
    }

    fn load(&self, height: Height) -> Result<Option<(Block, Certificate)>, Fault> {
        let index = height.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        Ok(index.and_then(|index| self.disk().blocks.get(index).cloned()))
    }

    fn misbehaviour(&mut self, evidence: Vec<Equivocation>) {
        self.disk().evidence.extend(evidence);
    }
}

/// Keys and ledgers of a validator set.
#[derive(Debug)]
pub struct Cluster {
    pub chain_id: Hash,
    pub validators: ValidatorSet,
    pub ledgers: Vec<Ledger>,
    pub folder: tempfile::TempDir,
    pub timeouts: Timeouts,
    pub block_time: Duration,
    pub heartbeat: Duration,
    pub max_block_bytes: usize,
    pub stall_after: Duration,
    /// By node; 0 where absent.
    pub sign_from: BTreeMap<usize, Height>,
}

pub fn consensus_key(index: usize) -> SecretKey {
    SecretKey::from_seed(&[index as u8 + 1; 32])
}

pub fn transport_key(index: usize) -> SecretKey {
    SecretKey::from_seed(&[index as u8 + 129; 32])
}

impl Cluster {
    pub fn new(count: usize) -> Self {
        let chain_id = Hash::sha256(format!("a ledger of {count}, process {}", std::process::id()).as_bytes());
        let validator = |index: usize| Validator {
            member: format!("member-{index}").parse().expect("a member's name"),
            consensus_key: consensus_key(index).public_key(),
        };
        let validators = ValidatorSet::new((0..count).map(validator).collect()).expect("a validator set");
        let ledger = |index| Ledger::new(chain_id, Address::of(&consensus_key(index).public_key()), validators.clone());
        Cluster {
            chain_id,
            ledgers: (0..count).map(ledger).collect(),
            validators,
            folder: tempfile::tempdir().expect("a temporary folder"),
            timeouts: Timeouts {
                propose: Duration::from_millis(400),
                prevote: Duration::from_millis(150),
                precommit: Duration::from_millis(150),
                rebroadcast: Duration::from_millis(600),
                step: Duration::from_millis(100),
            },
            block_time: Duration::ZERO,
            heartbeat: Duration::from_secs(600),
            max_block_bytes: 8 << 20,
            stall_after: Duration::from_secs(30),
            sign_from: BTreeMap::new(),
        }
    }

    pub fn wal(&self, index: usize) -> std::path::PathBuf {
        self.folder.path().join(format!("node-{index}"))
    }

    pub fn config(&self, index: usize, wal: &Path, peers: Vec<String>) -> Config {
        let mut config = Config::new(self.chain_id, consensus_key(index), transport_key(index), wal.to_owned());
        config.name = format!("node-{index}");
        config.peers = peers;
        config.timeouts = self.timeouts;
        config.block_time = self.block_time;
        config.heartbeat = self.heartbeat;
        config.max_block_bytes = self.max_block_bytes;
        config.connections_per_ip = 64;
        config.stall_after = self.stall_after;
        config.sign_from = self.sign_from.get(&index).copied().unwrap_or(0);
        config
    }

    pub async fn start(&self, index: usize, peers: Vec<String>) -> Handle {
        let config = self.config(index, &self.wal(index), peers);
        Engine::start(config, Box::new(self.ledgers[index].clone())).await.expect("the engine starts")
    }

    /// Starts all, on ports that the system chooses, and introduces each to each.
    pub async fn start_all(&self) -> Vec<Option<Handle>> {
        let mut handles = Vec::new();
        for index in 0..self.ledgers.len() {
            handles.push(Some(self.start(index, Vec::new()).await));
        }
        let addresses = addresses(&handles);
        for (index, handle) in handles.iter().enumerate() {
            let handle = handle.as_ref().expect("just started");
            for (_, address) in addresses.iter().filter(|(peer, _)| *peer != index) {
                handle.add_peer(address).await.expect("a peer is added");
            }
        }
        handles
    }

    /// Every ledger is a prefix of the longest, linked, and every certificate verifies with protocol code alone.
    pub fn assert_one_history(&self) {
        let longest = self.ledgers.iter().map(|ledger| ledger.disk().blocks.clone()).max_by_key(Vec::len);
        let longest = longest.expect("a cluster is not empty");
        for ledger in &self.ledgers {
            let disk = ledger.disk();
            let mut previous = self.chain_id;
            for ((block, certificate), (agreed, _)) in disk.blocks.iter().zip(&longest) {
                assert_eq!(block, agreed, "two blocks of height {}", block.header.height);
                assert_eq!(block.header.previous, previous);
                assert_eq!(certificate.block, block.hash());
                certificate.verify(&self.chain_id, &self.validators).expect("a certificate verifies");
                previous = block.hash();
            }
            let mut built = disk.built.clone();
            built.sort();
            built.dedup();
            assert!(
                built.windows(2).all(|pair| (pair[0].0, pair[0].1) != (pair[1].0, pair[1].1)),
                "a proposer built two values for one round: {built:?}"
            );
        }
    }
}

/// The addresses of those that run.
pub fn addresses(handles: &[Option<Handle>]) -> Vec<(usize, String)> {
    let running = handles.iter().enumerate().filter_map(|(index, handle)| handle.as_ref().map(|it| (index, it)));
    running.map(|(index, handle)| (index, handle.status().borrow().listening[0].clone())).collect()
}

/// Waits until a status satisfies `wanted`; panics with the last status after a minute, long after any honest run.
pub async fn until(handle: &Handle, what: &str, wanted: impl FnMut(&Status) -> bool) -> Status {
    let mut status = handle.status();
    let waited = tokio::time::timeout(Duration::from_secs(60), status.wait_for(wanted)).await;
    match waited {
        Ok(Ok(status)) => return status.clone(),
        Ok(Err(_)) => {}
        Err(_) => {}
    }
    panic!("{what}: never came; the status is {:?}", handle.status().borrow().clone());
}

/// Waits until every running engine has committed `height`.
pub async fn until_tip(handles: &[Option<Handle>], height: Height) {
    for handle in handles.iter().flatten() {
        until(handle, &format!("height {height}"), |status| status.tip >= height).await;
    }
}

pub fn highest(handles: &[Option<Handle>]) -> Height {
    handles.iter().flatten().map(|handle| handle.status().borrow().tip).max().unwrap_or(0)
}
