//! The engine alone: a ledger in memory that does what consensus relies on (links, times, roots, the previous
//! certificate) and nothing else. It executes nothing; the engine's own log is on disk, as in a node.
//!
//! Two forms. The *bare* one writes nothing. The *keeping* one does the two writes that the contract of [`StateMachine`]
//! asks for, and in the cheapest way: a body is appended to a file and synced before it may be voted for, and once more
//! with its certificate when it is decided.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use standstill_consensus::{CheckError, Config, Engine, Fault, Handle, Height, StateMachine, Undecided};
use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::codec;
use standstill_protocol::evidence::Equivocation;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::member::NotAName;
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::{Address, Validator, ValidatorSet};

use crate::TestnetError;
use crate::error::io;
use crate::plan::Pace;

/// The longest an idle chain would wait; this one always has work.
const HEARTBEAT: Duration = Duration::from_secs(600);

/// What fills the blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filler {
    /// Entries of a block.
    pub(super) entries: usize,
    /// Bytes of an entry.
    pub(super) bytes: usize,
}

/// What is written is never read: engines of a benchmark do not restart.
struct Disk(File);

impl Disk {
    fn create(path: &Path) -> Result<Self, TestnetError> {
        File::create_new(path).map(Disk).map_err(io("create", path))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.0.write_all(bytes).and_then(|()| self.0.sync_data()).map_err(Fault::new)
    }
}

struct Bare {
    chain_id: Hash,
    me: Address,
    validators: ValidatorSet,
    filler: Filler,
    blocks: Vec<(Block, Certificate)>,
    undecided: Vec<Undecided>,
    disk: Option<Disk>,
}

impl Bare {
    fn assemble(&self, height: Height, time: Timestamp, proposer: Address, entries: Vec<Entry>) -> Block {
        let previous = self.blocks.last();
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
            entry_count: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            log_size: 0,
            log_root: Hash::ZERO,
            validators: self.validators.hash(),
            next_validators: self.validators.hash(),
            treaty: Hash::ZERO,
            state_root: Hash::ZERO,
        };
        Block { header, previous_certificate: certificate, entries }
    }

    fn tip_time(&self) -> Timestamp {
        self.blocks.last().map_or(Timestamp(0), |(block, _)| block.header.time)
    }
}

impl StateMachine for Bare {
    fn tip(&self) -> Result<Option<Height>, Fault> {
        Ok(self.blocks.last().map(|(block, _)| block.header.height))
    }

    fn validators(&self, _: Height) -> Result<ValidatorSet, Fault> {
        Ok(self.validators.clone())
    }

    fn has_work(&self) -> Result<bool, Fault> {
        Ok(true)
    }

    fn build(&mut self, height: Height, _: usize) -> Result<Block, Fault> {
        // Different in every block, as statements are.
        let entry = |at: usize| {
            let seed = Hash::sha256(format!("{height}/{at}").as_bytes());
            Entry::Envelope(seed.as_bytes().iter().copied().cycle().take(self.filler.bytes).collect())
        };
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Fault::new)?;
        let now = u64::try_from(elapsed.as_millis()).map_err(Fault::new)?;
        let time = Timestamp(now).max(self.tip_time().plus(1));
        Ok(self.assemble(height, time, self.me, (0..self.filler.entries).map(entry).collect()))
    }

    fn check(&mut self, block: &Block, _: Option<Timestamp>) -> Result<(), CheckError> {
        let invalid = |reason: &str| Err(CheckError::Invalid { reason: reason.to_owned() });
        let Header { height, time, proposer, .. } = block.header;
        let expected = self.assemble(height, time, proposer, block.entries.clone());
        if expected.header.entries_root != block.header.entries_root
            || expected.header.previous != block.header.previous
        {
            return invalid("the header is not the one that its entries make");
        }
        if time <= self.tip_time() {
            return invalid("time stands still");
        }
        match (self.blocks.last(), &block.previous_certificate) {
            (None, None) => Ok(()),
            (Some((last, _)), Some(certificate)) if certificate.block == last.hash() => {
                let verified = certificate.verify(&self.chain_id, &self.validators);
                verified.or_else(|error| invalid(&error.to_string()))
            }
            _ => invalid("the certificate is not the previous block's"),
        }
    }

    fn store_undecided(&mut self, undecided: &Undecided) -> Result<(), Fault> {
        if let Some(disk) = &mut self.disk {
            disk.append(&undecided.block.encode())?;
        }
        self.undecided.push(undecided.clone());
        Ok(())
    }

    fn undecided(&self, height: Height) -> Result<Vec<Undecided>, Fault> {
        Ok(self.undecided.iter().filter(|found| found.block.header.height == height).cloned().collect())
    }

    fn commit(&mut self, block: Block, certificate: Certificate) -> Result<(), Fault> {
        let height = block.header.height;
        self.undecided.retain(|undecided| undecided.block.header.height > height);
        if self.tip()?.is_none_or(|tip| tip < height) {
            if let Some(disk) = &mut self.disk {
                disk.append(&[block.encode(), codec::encode(&certificate)].concat())?;
            }
            self.blocks.push((block, certificate));
        }
        Ok(())
    }

    fn load(&self, height: Height) -> Result<Option<(Block, Certificate)>, Fault> {
        Ok(self.blocks.iter().rfind(|(block, _)| block.header.height == height).cloned())
    }

    fn misbehaviour(&mut self, _: Vec<Equivocation>) {}
}

/// Engines to start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    /// How many.
    pub(super) count: u8,
    /// The nodes' pace.
    pub(super) pace: Pace,
    /// The nodes' limit on a block.
    pub(super) max_block_bytes: usize,
    /// What fills the blocks.
    pub(super) filler: Filler,
    /// Whether bodies are written to the disk where the engine's contract asks for it.
    pub(super) keeps: bool,
}

/// Starts engines in `directory` and introduces each to each: an engine takes parts of a block from listed peers only.
pub(super) async fn start(directory: &Path, setup: Setup) -> Result<Vec<Handle>, TestnetError> {
    let chain_id = Hash::sha256(b"the engine alone");
    // Keys of a chain that lives for seconds on the loopback address.
    let keys: Vec<_> = (1..=setup.count).map(|index| SecretKey::from_seed(&[index; 32])).collect();
    let validator = |(index, key): (usize, &SecretKey)| {
        let member = format!("member-{index}").parse().map_err(|error: NotAName| failed(&error))?;
        Ok(Validator { member, consensus_key: key.public_key() })
    };
    let listed = keys.iter().enumerate().map(validator).collect::<Result<_, TestnetError>>()?;
    let validators = ValidatorSet::new(listed).map_err(|error| failed(&error))?;
    let mut handles: Vec<Handle> = Vec::new();
    for (index, key) in (1..=setup.count).zip(&keys) {
        let config = config(chain_id, index, key, directory, &setup);
        let disk = match setup.keeps {
            true => Some(Disk::create(&directory.join(format!("bodies-{index}")))?),
            false => None,
        };
        let me = Address::of(&key.public_key());
        let (validators, blocks, undecided) = (validators.clone(), Vec::new(), Vec::new());
        let bare = Bare { chain_id, me, validators, filler: setup.filler, blocks, undecided, disk };
        handles.push(Engine::start(config, Box::new(bare)).await.map_err(|error| failed(&error))?);
    }
    let addresses: Vec<_> = handles.iter().map(|handle| handle.status().borrow().listening.clone()).collect();
    for (index, handle) in handles.iter().enumerate() {
        for (_, address) in addresses.iter().enumerate().filter(|(other, _)| *other != index) {
            for address in address {
                handle.add_peer(address).await.map_err(|error| failed(&error))?;
            }
        }
    }
    Ok(handles)
}

fn config(chain_id: Hash, index: u8, key: &SecretKey, directory: &Path, setup: &Setup) -> Config {
    let transport = SecretKey::from_seed(&[index | 0x80; 32]);
    let mut config = Config::new(chain_id, key.clone(), transport, directory.join(format!("wal-{index}")));
    let Pace { block_interval_ms, timeout_propose_ms, timeout_vote_ms } = setup.pace;
    config.block_time = Duration::from_millis(block_interval_ms);
    config.timeouts.propose = Duration::from_millis(timeout_propose_ms);
    config.timeouts.prevote = Duration::from_millis(timeout_vote_ms);
    config.timeouts.precommit = Duration::from_millis(timeout_vote_ms);
    config.heartbeat = HEARTBEAT;
    config.max_block_bytes = setup.max_block_bytes;
    config.connections_per_ip = usize::from(setup.count).saturating_mul(4).max(16);
    config
}

fn failed(error: &dyn std::error::Error) -> TestnetError {
    TestnetError::Bench { reason: error.to_string() }
}
