//! The story as the bundle tells it: every block executed again, nothing taken from a node's word.

use std::collections::BTreeMap;

use standstill_attestations::Statement;
use standstill_ledger::bundle::{BundleReader, Frame};
use standstill_ledger::schema::RunRecord;
use standstill_ledger::{Event, MemoryState, Rules, StateFault, VerdictRecord, check, genesis, query};
use standstill_policies::{Host, Limits, Role, Treaty};
use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::member::MemberId;

use crate::TestnetError;

/// A ledger executed again from its bundle.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) treaty: Treaty,
    pub(crate) blocks: Vec<Replayed>,
    pub(crate) verdicts: Vec<VerdictRecord>,
    /// Each lab's runs, in order of their numbers.
    pub(crate) runs: BTreeMap<MemberId, Vec<RunRecord>>,
}

/// One block and what came of it.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) header: Header,
    pub(crate) events: Vec<Event>,
    /// Each statement with its index in the log.
    pub(crate) statements: Vec<(u64, Statement)>,
}

impl Replay {
    /// Executes a bundle from genesis.
    pub(crate) fn of(bundle: &[u8]) -> Result<Self, TestnetError> {
        let host = Host::new(Limits::V1).map_err(malformed)?;
        host.enter(|| Self::run(bundle, host.clone())).map_err(malformed)?
    }

    fn run(bundle: &[u8], host: Host) -> Result<Self, TestnetError> {
        let mut reader = BundleReader::open(bundle).map_err(malformed)?;
        let (mut treaty, mut modules, mut blocks) = (None, Vec::new(), Vec::new());
        while let Some(frame) = reader.next_frame().map_err(malformed)? {
            match frame {
                Frame::Treaty(bytes) => treaty = Some(Treaty::parse(&bytes).map_err(malformed)?),
                Frame::Module(bytes) => modules.push(bytes),
                Frame::Block(block) => blocks.push(block),
                Frame::Certificate(_) | Frame::Checkpoint(_) => {}
            }
        }
        let treaty = treaty.ok_or_else(|| malformed("it holds no treaty"))?;
        let rules = Rules::new(treaty.clone(), modules, host).map_err(malformed)?;
        let mut state = MemoryState::new();
        state.absorb(genesis(&rules).map_err(malformed)?);
        let mut replayed: Vec<Replayed> = Vec::with_capacity(blocks.len());
        for block in &blocks {
            let previous = replayed.last().map(|before| &before.header);
            let applied = check(&rules, &state, block, previous).map_err(malformed)?;
            let indices = applied.entries.iter().map(|recorded| recorded.index);
            let statements = statements(block, indices)?;
            replayed.push(Replayed { header: block.header.clone(), events: applied.events, statements });
            state.absorb(applied.changes);
        }
        let verdicts = query::verdicts(&state, &treaty, 0, u32::MAX).map_err(malformed)?;
        let labs = treaty.with_role(Role::Lab).map(|lab| Ok((lab.id.clone(), query::runs(&state, &lab.id)?)));
        let runs = labs.collect::<Result<_, StateFault>>().map_err(malformed)?;
        Ok(Replay { treaty, blocks: replayed, verdicts, runs })
    }

    /// Every statement with its block's header and its index.
    pub(crate) fn statements(&self) -> impl Iterator<Item = (&Header, u64, &Statement)> {
        self.blocks
            .iter()
            .flat_map(|block| block.statements.iter().map(move |(index, statement)| (&block.header, *index, statement)))
    }
}

fn statements(block: &Block, indices: impl Iterator<Item = u64>) -> Result<Vec<(u64, Statement)>, TestnetError> {
    let mut statements = Vec::new();
    for (entry, index) in block.entries.iter().zip(indices) {
        if let Entry::Envelope(bytes) = entry {
            let envelope = Envelope::parse(bytes).map_err(malformed)?;
            statements.push((index, Statement::parse(envelope.payload()).map_err(malformed)?));
        }
    }
    Ok(statements)
}

fn malformed(reason: impl ToString) -> TestnetError {
    TestnetError::Malformed { what: "the bundle".to_owned(), reason: reason.to_string() }
}
