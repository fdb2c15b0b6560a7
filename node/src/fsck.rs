//! Reads a store from one end to the other and compares it with itself.
//!
//! For each block: the header chain, the certificate's signatures, the entries' root, the log's size and root as
//! recomputed from the leaves and as the tiles give it. At the end: the state root of the tip, built anew from every leaf of
//! the state, and as its inner nodes give it. Clauses are not run again: that is an audit, and `standstill-verify bundle`
//! makes it without believing this node.

use standstill_ledger::schema::{Key, read};
use standstill_ledger::state::MemoryState;
use standstill_ledger::{Rules, state};
use standstill_protocol::block::{Block, Header};
use standstill_protocol::log::{Frontier, leaf_hash, root_at};

use crate::store::{Snapshot, Store, StoreError};

/// Problems told, at most; the count goes on.
const MAX_PROBLEMS: usize = 100;

/// What was read, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Blocks read.
    pub blocks: u64,
    /// Leaves of the log read.
    pub leaves: u64,
    /// The first problems, each with its height.
    pub problems: Vec<String>,
    /// All problems.
    pub count: u64,
}

impl Report {
    fn problem(&mut self, height: u64, text: impl std::fmt::Display) {
        self.count += 1;
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(format!("height {height}: {text}"));
        }
    }

    fn expect(&mut self, height: u64, holds: bool, text: &str) {
        if !holds {
            self.problem(height, text);
        }
    }
}

/// Reads everything. An error means that the store could not be read on; damage that could be read past is in the report.
pub fn check(rules: &Rules, store: &Store) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let snapshot = store.snapshot()?;
    let mut frontier = Frontier::new();
    let mut previous: Option<Header> = None;
    for height in 1..=snapshot.height() {
        let Some(block) = store.block(height)? else {
            report.problem(height, "the block is missing");
            previous = None;
            continue;
        };
        header(&mut report, rules, &block, previous.as_ref());
        certificate(&mut report, rules, store, &snapshot, &block)?;
        log(&mut report, store, &block, previous.as_ref(), &mut frontier)?;
        report.blocks += 1;
        previous = Some(block.header.clone());
    }
    if let Some(tip) = snapshot.tip() {
        let root = state::root(&snapshot).ok();
        report.expect(tip.height, root == Some(tip.state_root), "the state's root is not the header's");
        let built = snapshot.leaves().and_then(MemoryState::from_leaves).map(|state| state.root()).ok();
        report.expect(
            tip.height,
            built == Some(tip.state_root),
            "the state's leaves make another root than the header's",
        );
        report.expect(tip.height, previous.as_ref() == Some(tip), "the tip is not the last block");
    }
    report.leaves = frontier.size();
    Ok(report)
}

fn header(report: &mut Report, rules: &Rules, block: &Block, previous: Option<&Header>) {
    let Header { height, chain_id, previous: named, entries_root, entry_count, .. } = &block.header;
    report.expect(*height, *chain_id == rules.chain_id(), "another ledger's chain id");
    let before = previous.map_or_else(|| rules.chain_id(), Header::hash);
    report.expect(*height, *named == before, "the previous header's hash differs");
    report.expect(*height, *entries_root == Block::entries_root(&block.entries), "the entries' root differs");
    report.expect(*height, *entry_count as usize == block.entries.len(), "the number of entries differs");
}

fn certificate(
    report: &mut Report,
    rules: &Rules,
    store: &Store,
    snapshot: &Snapshot,
    block: &Block,
) -> Result<(), StoreError> {
    let height = block.header.height;
    let Some(certificate) = store.certificate(height)? else {
        report.problem(height, "the certificate is missing");
        return Ok(());
    };
    report.expect(height, certificate.block == block.hash(), "the certificate is for another block");
    match read(snapshot, "validators", &Key::Validators(block.header.validators)) {
        Ok(Some(validators)) => {
            let validators: standstill_protocol::validators::ValidatorSet = validators;
            if let Err(error) = certificate.verify(&rules.chain_id(), &validators) {
                report.problem(height, error);
            }
        }
        Ok(None) => report.problem(height, "its validators are not in the state"),
        Err(fault) => report.problem(height, fault),
    }
    Ok(())
}

fn log(
    report: &mut Report,
    store: &Store,
    block: &Block,
    previous: Option<&Header>,
    frontier: &mut Frontier,
) -> Result<(), StoreError> {
    let Header { height, log_size, log_root, .. } = &block.header;
    if !block.entries.is_empty() {
        previous.iter().for_each(|header| frontier.append(leaf_hash(&header.leaf_bytes())));
        block.entries.iter().for_each(|entry| frontier.append(leaf_hash(&entry.leaf_bytes())));
        let tiles = store.tiles()?;
        let tiled = root_at(&tiles, *log_size).ok();
        report.expect(*height, tiled == Some(*log_root), "the tiles give another root than the header has");
    }
    report.expect(*height, frontier.size() == *log_size, "the log's size differs");
    report.expect(*height, frontier.root() == *log_root, "the log's root differs");
    Ok(())
}
