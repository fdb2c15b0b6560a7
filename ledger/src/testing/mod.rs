//! A ledger in memory, with members whose keys are known: for tests, here and above.
//!
//! ```
//! # use standstill_ledger::testing::{Setup, World};
//! let mut world = World::new(Setup::default());
//! world.advance_to_period(1);
//! let report = world.report("lab-a", 0, "aurora", 10, 10);
//! let applied = world.block(vec![report]).unwrap();
//! assert_eq!(applied.entries.len(), 1);
//! ```
//!
//! Nothing here is secret and nothing is random: keys come from names, and [`random`] draws from a seed.

mod keys;
mod members;
pub mod random;
mod statements;

use std::collections::BTreeMap;

use standstill_policies::shipped;
use standstill_policies::treaty::Span;
use standstill_policies::{Host, Limits, Treaty, TreatyTemplate, Value};
use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::certificate::{Certificate, CommitSignature, PRECOMMIT, vote_bytes};
use standstill_protocol::codec;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::log::Frontier;
use standstill_protocol::units::{Flop, Timestamp};
use standstill_protocol::validators::Address;
use wincode::config::DefaultConfig;
use wincode::{SchemaRead, SchemaWrite};

use crate::schema::{Key, Meta, StatementRecord, read};
use crate::state::{StateKey, update};
use crate::{
    Applied, MemoryState, Proposal, Rejection, Rules, Verified, VerifyAll, apply, apply_with, check, genesis, query,
};

pub use keys::secret_key;
pub use members::members;
pub use statements::{sign, statement};

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// `lab-a`, `lab-b`, ... up to `lab-z`. Beside them: `evaluator`, `regulator`, `inspector`.
    pub labs: u8,
    /// Cap on one run's FLOP in the slowdown.
    pub run_cap: u128,
    /// Each lab's FLOP in one period in the slowdown.
    pub schedule: u128,
    /// Length of a reporting period.
    pub period: Span,
    /// From a period's end to the deadline of reports about it.
    pub report_within: Span,
    /// Interval of blocks without work.
    pub heartbeat: Span,
    /// Heartbeats without a block that make an outage.
    pub outage_heartbeats: u32,
    /// The root on which NVIDIA's reports rest, where it is not the vendor's.
    pub nvidia_root: Option<Hash>,
}

impl Default for Setup {
    /// Four labs; periods of an hour, reports within ten minutes; a longer gap is an outage; caps of 1000 FLOP.
    fn default() -> Self {
        Setup {
            labs: 4,
            run_cap: 1000,
            schedule: 1000,
            period: Span(3_600_000),
            report_within: Span(600_000),
            heartbeat: Span(600_000),
            outage_heartbeats: 1,
            nvidia_root: None,
        }
    }
}

/// A ledger with everything that happened in it.
#[derive(Debug)]
pub struct World {
    /// The treaty file.
    pub treaty_bytes: Vec<u8>,
    /// The rules.
    pub rules: Rules,
    /// State after the tip.
    pub state: MemoryState,
    /// Blocks with their certificates, from height 1.
    pub blocks: Vec<(Block, Certificate)>,
    /// The time of the next block.
    pub now: Timestamp,
    sequences: BTreeMap<String, u64>,
}

/// When every world begins.
pub const GENESIS: Timestamp = Timestamp(1_800_000_000_000);

/// The shipped treaty, rendered for a world.
pub fn treaty(setup: &Setup) -> (Treaty, Vec<u8>) {
    let flop = |value| Value::Flop(Flop(value));
    let mut template = TreatyTemplate::pause_option();
    if let Some(root) = setup.nvidia_root {
        template = template.nvidia_root(root);
    }
    template
        .members(members(setup.labs))
        .genesis_time(GENESIS)
        .periods(GENESIS, setup.period, setup.report_within)
        .clocks(setup.heartbeat, Span(10_000), setup.outage_heartbeats)
        .parameter("run-cap", Some("slowdown"), "cap", flop(setup.run_cap))
        .parameter("slowdown", Some("slowdown"), "base", flop(setup.schedule))
        .parameter("slowdown", Some("slowdown"), "shape", Value::Text("absolute".to_owned()))
        .render("Rendered for a test")
        .expect("the shipped treaty renders")
}

impl World {
    /// A ledger at genesis.
    pub fn new(setup: Setup) -> Self {
        let (treaty, treaty_bytes) = treaty(&setup);
        let host = Host::new(Limits::V1).expect("the host starts");
        let modules = shipped::ALL.iter().map(|(_, module)| module.to_vec()).collect();
        let rules = Rules::new(treaty, modules, host).expect("the shipped modules are admitted");
        World::of(rules, treaty_bytes)
    }

    /// A ledger at genesis under given rules.
    pub fn of(rules: Rules, treaty_bytes: Vec<u8>) -> Self {
        let mut state = MemoryState::new();
        state.absorb(genesis(&rules).expect("an empty store takes genesis"));
        let (blocks, sequences) = (Vec::new(), BTreeMap::new());
        World { treaty_bytes, rules, state, blocks, now: GENESIS.plus(1000), sequences }
    }

    /// The tip's header.
    pub fn tip(&self) -> Option<&Header> {
        self.blocks.last().map(|(block, _)| &block.header)
    }

    /// The hash of the tip's header; the chain id at genesis.
    pub fn tip_hash(&self) -> Hash {
        self.tip().map_or(self.rules.chain_id(), Header::hash)
    }

    /// The height of the next block.
    pub fn next_height(&self) -> u64 {
        self.tip().map_or(1, |header| header.height + 1)
    }

    /// The address of the next block's proposer: validators take turns.
    pub fn proposer(&self) -> Address {
        let validators = self.rules.genesis_validators();
        let turn = self.next_height() % validators.len() as u64;
        validators
            .iter()
            .nth(usize::try_from(turn).unwrap_or(0))
            .expect("a turn is below the number of validators")
            .address()
    }

    /// A proposal for the next height at [`World::now`].
    pub fn proposal(&self, entries: Vec<Entry>) -> Proposal {
        Proposal {
            height: self.next_height(),
            time: self.now,
            proposer: self.proposer(),
            previous: self.tip().cloned(),
            previous_certificate: self.blocks.last().map(|(_, certificate)| certificate.clone()),
            entries,
        }
    }

    /// Applies a block at [`World::now`], checks it as a validator would, commits it, and moves time on by a second.
    pub fn block(&mut self, entries: Vec<Vec<u8>>) -> Result<Applied, Rejection> {
        self.block_of(entries.into_iter().map(Entry::Envelope).collect())
    }

    /// [`World::block`] with entries of any kind.
    pub fn block_of(&mut self, entries: Vec<Entry>) -> Result<Applied, Rejection> {
        let applied = apply(&self.rules, &self.state, self.proposal(entries))?;
        let checked = check(&self.rules, &self.state, &applied.block, self.tip())?;
        assert_eq!(applied, checked, "a validator computes what the proposer computed");
        self.commit(&applied);
        Ok(applied)
    }

    /// Applies a block without checking it a second time, with what was verified before.
    pub fn block_with(&mut self, entries: Vec<Entry>, verified: &dyn Verified) -> Result<Applied, Rejection> {
        let applied = apply_with(&self.rules, &self.state, self.proposal(entries), verified)?;
        self.commit(&applied);
        Ok(applied)
    }

    fn commit(&mut self, applied: &Applied) {
        self.state.absorb(applied.changes.clone());
        assert_eq!(self.state.root(), applied.block.header.state_root, "the header names the root of the state");
        let certificate = self.certify(&applied.block.header);
        self.blocks.push((applied.block.clone(), certificate));
        self.now = self.now.plus(1000);
    }

    /// A certificate by a quorum, as few signers as will do.
    pub fn certify(&self, header: &Header) -> Certificate {
        let validators = self.rules.genesis_validators();
        let (chain, block) = (self.rules.chain_id(), header.hash());
        let message = vote_bytes(&chain, PRECOMMIT, header.height, 0, Some(&block));
        let sign = |validator: &standstill_protocol::validators::Validator| CommitSignature {
            address: validator.address(),
            signature: secret_key(validator.member.as_str(), "consensus").sign(&message),
        };
        let signatures = validators.iter().take(validators.quorum()).map(sign).collect();
        Certificate::new(header.height, 0, block, signatures)
    }

    /// Lets time pass up to `time`, with empty blocks as often as it takes for there to be no outage.
    pub fn advance(&mut self, time: Timestamp) -> Vec<Applied> {
        let clocks = &self.rules.treaty().clocks;
        let limit = clocks.heartbeat_ms.saturating_mul(u64::from(clocks.outage_heartbeats));
        let mut made = Vec::new();
        loop {
            let last = self.tip().map_or(self.rules.treaty().genesis_time, |header| header.time);
            if time <= last.plus(limit) {
                self.now = self.now.max(time);
                return made;
            }
            self.now = last.plus(limit);
            made.push(self.block(Vec::new()).expect("an empty block applies"));
        }
    }

    /// Lets time pass up to a second after the start of a period, see [`World::advance`].
    pub fn advance_to_period(&mut self, index: u32) {
        self.advance(self.rules.treaty().periods.period(index).start.plus(1000));
    }

    /// Makes empty blocks until the period is closed: one after the deadline, then the grace.
    pub fn close_period(&mut self, index: u32) -> Vec<Applied> {
        let due = query::period(&self.state, index).expect("memory does not fail").map(|period| period.due);
        let due = due.unwrap_or_else(|| self.rules.treaty().periods.period(index).due);
        let mut made = self.advance(due.plus(1));
        while query::meta(&self.state).expect("memory does not fail").is_some_and(|meta| meta.next_close <= index) {
            made.push(self.block(Vec::new()).expect("an empty block applies"));
        }
        made
    }

    /// The secret key with which a member signs statements from genesis on.
    pub fn key(&self, member: &str) -> SecretKey {
        secret_key(member, "statement")
    }

    /// The member's next sequence, counting what was signed here and not yet applied.
    pub fn next_sequence(&mut self, member: &str) -> u64 {
        let next = self.sequences.entry(member.to_owned()).or_insert(0);
        *next += 1;
        *next
    }

    /// Takes back the last sequence: the statement was refused.
    pub fn release_sequence(&mut self, member: &str) {
        if let Some(next) = self.sequences.get_mut(member) {
            *next = next.saturating_sub(1);
        }
    }

    /// Makes the ledger longer by `count` entries that nobody signed, without executing them: the log grows, and the state
    /// by what each entry leaves behind for ever. For measurements of what a long history costs; the world can no longer
    /// be replayed.
    pub fn pad(&mut self, count: u32) {
        let mut frontier: Frontier = self.value(&Key::Log);
        let mut meta: Meta = self.value(&Key::Meta);
        let mut leaves = BTreeMap::new();
        for number in 0..count {
            let id = Hash::sha256(&[frontier.size().to_le_bytes(), u64::from(number).to_le_bytes()].concat());
            let record = StatementRecord { index: frontier.size(), height: meta.height };
            leaves.insert(Key::Statement(id).state_key(), Some(codec::encode(&record)));
            frontier.append(id);
        }
        meta.statements += u64::from(count);
        leaves.insert(Key::Log.state_key(), Some(codec::encode(&frontier)));
        leaves.insert(Key::Meta.state_key(), Some(codec::encode(&meta)));
        self.overwrite(leaves);
    }

    fn value<T>(&self, key: &Key) -> T
    where
        T: for<'de> SchemaRead<'de, DefaultConfig, Dst = T> + SchemaWrite<DefaultConfig, Src = T>,
    {
        read(&self.state, "value", key).expect("memory does not fail").expect("the leaf is there from genesis")
    }

    /// Sets leaves as no block could, and lets the tip's header agree to it, with a new certificate.
    pub fn overwrite(&mut self, leaves: BTreeMap<StateKey, Option<Vec<u8>>>) {
        let (root, changes) = update(&self.state, leaves).expect("memory does not fail");
        self.state.absorb(changes);
        let frontier: Frontier = self.value(&Key::Log);
        if let Some((mut block, _)) = self.blocks.pop() {
            block.header.state_root = root;
            (block.header.log_size, block.header.log_root) = (frontier.size(), frontier.root());
            let certificate = self.certify(&block.header);
            self.blocks.push((block, certificate));
        }
    }

    /// Replays every block on a fresh state, verifying everything, and returns that state.
    pub fn replay(&self) -> MemoryState {
        let mut state = MemoryState::new();
        state.absorb(genesis(&self.rules).expect("an empty store takes genesis"));
        let mut previous: Option<&Header> = None;
        for (block, _) in &self.blocks {
            let applied =
                crate::check_with(&self.rules, &state, block, previous, &VerifyAll).expect("a committed block");
            state.absorb(applied.changes);
            previous = Some(&block.header);
        }
        state
    }
}
