//! What consensus drives: the state machine over ledger and store.
//!
//! 1. `apply` runs once for each block on this node: its result is kept by the block's hash from `build` or `check` until
//!    `commit`. After a restart, `commit` executes again what it does not remember.
//! 2. The clock is read here and nowhere below: `build` stamps the block, `check` compares with what consensus passes in.
//! 3. A failure of this node is a [`Fault`] and never a verdict about a block.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use standstill_consensus::{CheckError, Fault, Height, StateMachine, Undecided};
use standstill_ledger::schema::{Key, read};
use standstill_ledger::{Applied, Proposal, apply::check_with, apply_with, entry_budget, query, select};
use standstill_protocol::block::{Block, Entry, MAX_BLOCK_BYTES};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::codec;
use standstill_protocol::evidence::Equivocation;
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::{Address, ValidatorSet};
use wincode::{SchemaRead, SchemaWrite};

use crate::clock;
use crate::replica::Replica;

/// Executed blocks kept for one height, at most: one for each round that a faulty proposer can spoil.
const MAX_EXECUTED: usize = 16;

/// The node's state machine.
#[derive(Debug)]
pub(crate) struct Machine {
    replica: Arc<Replica>,
    address: Address,
    executed: BTreeMap<Hash, Applied>,
}

/// A stored proposal: [`Undecided`] in our codec.
#[derive(SchemaRead, SchemaWrite)]
struct UndecidedRow {
    round: u32,
    valid_round: Option<u32>,
    proposer: Address,
    block: Block,
}

fn fault(error: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::new(error)
}

impl Machine {
    pub(crate) fn new(replica: Arc<Replica>, address: Address) -> Self {
        Machine { replica, address, executed: BTreeMap::new() }
    }

    fn remember(&mut self, applied: Applied) {
        // Whatever is dropped here is executed again when it is decided.
        if self.executed.len() >= MAX_EXECUTED {
            self.executed.pop_first();
        }
        self.executed.insert(applied.block.hash(), applied);
    }

    fn execute(&self, block: &Block) -> Result<Applied, CheckError> {
        let snapshot = self.replica.store().snapshot().map_err(fault)?;
        let known = self.replica.known_signatures();
        let applied = check_with(self.replica.rules(), &snapshot, block, snapshot.tip(), &known);
        applied.map_err(|rejection| match rejection.is_fault() {
            true => CheckError::Fault(fault(rejection)),
            false => CheckError::Invalid { reason: rejection.to_string() },
        })
    }

    fn within_skew(&self, time: Timestamp, now: Timestamp) -> Result<(), CheckError> {
        let limit = self.replica.rules().treaty().clocks.max_skew_ms;
        if time.since(now).max(now.since(time)) > limit {
            let reason = format!("the block's time {time} is more than {limit} ms from this clock's {now}");
            return Err(CheckError::Invalid { reason });
        }
        Ok(())
    }
}

impl StateMachine for Machine {
    fn tip(&self) -> Result<Option<Height>, Fault> {
        Ok(self.replica.store().tip().map_err(fault)?.map(|tip| tip.height))
    }

    fn validators(&self, height: Height) -> Result<ValidatorSet, Fault> {
        let snapshot = self.replica.store().snapshot().map_err(fault)?;
        if let Some(validators) = query::validators(&snapshot, height).map_err(fault)? {
            return Ok(validators);
        }
        let unknown = || Fault::new(format!("the validators of height {height} are not known"));
        let header = self.replica.store().header(height).map_err(fault)?.ok_or_else(unknown)?;
        let found = read(&snapshot, "validators", &Key::Validators(header.validators)).map_err(fault)?;
        found.ok_or_else(unknown)
    }

    fn has_work(&self) -> Result<bool, Fault> {
        self.replica.has_work(clock::now()).map_err(fault)
    }

    fn build(&mut self, height: Height, max_bytes: usize) -> Result<Block, Fault> {
        let replica = Arc::clone(&self.replica);
        let snapshot = replica.store().snapshot().map_err(fault)?;
        let previous = snapshot.tip().cloned();
        let previous_certificate = match &previous {
            Some(tip) => replica.store().certificate(tip.height).map_err(fault)?,
            None => None,
        };
        let genesis = replica.rules().treaty().genesis_time;
        let earliest = previous.as_ref().map_or(genesis, |tip| tip.time).plus(1);
        let time = clock::now().max(earliest);

        let budget = entry_budget(replica.rules(), max_bytes.min(MAX_BLOCK_BYTES));
        let (candidates, known) = replica.candidates(budget).map_err(fault)?;
        let entries = select(replica.rules(), &snapshot, time, candidates.clone(), budget, &known).map_err(fault)?;
        let chosen: BTreeSet<_> = entries.iter().map(Entry::leaf_bytes).collect();
        let left_out: Vec<_> = candidates.into_iter().filter(|entry| !chosen.contains(&entry.leaf_bytes())).collect();
        drop(chosen);
        if !left_out.is_empty() {
            replica.reconsider(&left_out, clock::now()).map_err(fault)?;
        }
        let proposal = Proposal { height, time, proposer: self.address, previous, previous_certificate, entries };
        let applied = apply_with(replica.rules(), &snapshot, proposal, &known).map_err(fault)?;
        let block = applied.block.clone();
        self.remember(applied);
        Ok(block)
    }

    fn check(&mut self, block: &Block, now: Option<Timestamp>) -> Result<(), CheckError> {
        if let Some(now) = now {
            self.within_skew(block.header.time, now)?;
        }
        // The hash is over the header alone; the body must be the one that was executed.
        if self.executed.get(&block.hash()).is_some_and(|applied| applied.block == *block) {
            return Ok(());
        }
        let applied = self.execute(block)?;
        self.remember(applied);
        Ok(())
    }

    fn store_undecided(&mut self, undecided: &Undecided) -> Result<(), Fault> {
        let Undecided { round, valid_round, proposer, block } = undecided.clone();
        let (height, hash) = (block.header.height, block.hash());
        let bytes = codec::encode(&UndecidedRow { round, valid_round, proposer, block });
        self.replica.store().put_undecided(height, round, &hash, &bytes).map_err(fault)
    }

    fn undecided(&self, height: Height) -> Result<Vec<Undecided>, Fault> {
        let rows = self.replica.store().undecided(height).map_err(fault)?;
        let decode = |bytes: Vec<u8>| {
            let row: UndecidedRow = codec::decode(&bytes, MAX_BLOCK_BYTES + 1024).map_err(fault)?;
            let UndecidedRow { round, valid_round, proposer, block } = row;
            Ok(Undecided { round, valid_round, proposer, block })
        };
        rows.into_iter().map(decode).collect()
    }

    fn commit(&mut self, block: Block, certificate: Certificate) -> Result<(), Fault> {
        let tip = self.replica.store().tip().map_err(fault)?;
        if tip.as_ref().is_some_and(|tip| tip.height >= block.header.height) {
            // Decided before, perhaps just before a crash: the store has it.
            return self.replica.replace_certificate(&block, &certificate).map_err(fault);
        }
        let applied = match self.executed.remove(&block.hash()).filter(|applied| applied.block == block) {
            Some(applied) => applied,
            None => self.execute(&block).map_err(|error| Fault::new(error.to_string()))?,
        };
        self.replica.commit(&applied, &certificate).map_err(fault)?;
        self.executed.clear();
        self.replica.settle().map_err(fault)
    }

    fn load(&self, height: Height) -> Result<Option<(Block, Certificate)>, Fault> {
        let store = self.replica.store();
        let Some(block) = store.block(height).map_err(fault)? else { return Ok(None) };
        let certificate = store.certificate(height).map_err(fault)?;
        let certificate = certificate.ok_or_else(|| Fault::new(format!("block {height} has no certificate")))?;
        Ok(Some((Block::clone(&block), certificate)))
    }

    fn misbehaviour(&mut self, evidence: Vec<Equivocation>) {
        // Losing it on a full disk costs no safety: the next node to see it keeps it.
        if let Err(error) = self.replica.keep_evidence(&evidence) {
            tracing::error!(%error, "evidence of equivocation could not be stored");
        }
    }
}
