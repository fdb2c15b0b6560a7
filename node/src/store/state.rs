//! The state map in two tables, read through a snapshot.

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use standstill_ledger::state::{Node, NodePath, StateChanges, StateFault, StateKey, StateRead};
use standstill_protocol::block::Header;
use standstill_protocol::codec;

use super::{META, Stop, decode_header};

const LEAVES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("leaves");
const NODES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("nodes");

/// The state after one block. Later commits do not change it.
pub struct Snapshot {
    tip: Option<Header>,
    leaves: ReadOnlyTable<&'static [u8; 32], &'static [u8]>,
    nodes: ReadOnlyTable<&'static [u8], &'static [u8]>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("tip", &self.tip).finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(super) fn open(txn: &ReadTransaction) -> Result<Self, Stop> {
        let tip = txn.open_table(META)?.get("tip")?.map(|bytes| decode_header(bytes.value()));
        Ok(Snapshot {
            tip: tip.transpose().map_err(Stop::Store)?,
            leaves: txn.open_table(LEAVES)?,
            nodes: txn.open_table(NODES)?,
        })
    }

    /// The header of the block that made this state; `None` for genesis.
    pub fn tip(&self) -> Option<&Header> {
        self.tip.as_ref()
    }

    /// Every leaf of the state, in order of key.
    pub fn leaves(&self) -> Result<Vec<(StateKey, Vec<u8>)>, StateFault> {
        let rows = self.leaves.iter().map_err(fault)?;
        let rows = rows.map(|row| {
            let (key, value) = row.map_err(fault)?;
            Ok((StateKey::from_bytes(*key.value()), value.value().to_vec()))
        });
        rows.collect()
    }

    /// The height of that block; 0 for genesis.
    pub fn height(&self) -> u64 {
        self.tip.as_ref().map_or(0, |tip| tip.height)
    }
}

fn fault(error: impl std::fmt::Display) -> StateFault {
    StateFault::Store { reason: error.to_string() }
}

impl StateRead for Snapshot {
    fn leaf(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StateFault> {
        Ok(self.leaves.get(key.as_bytes()).map_err(fault)?.map(|value| value.value().to_vec()))
    }

    fn node(&self, path: &NodePath) -> Result<Option<Node>, StateFault> {
        let bytes = path.to_bytes();
        let Some(value) = self.nodes.get(bytes.as_slice()).map_err(fault)? else { return Ok(None) };
        let damaged = |error: codec::CodecError| StateFault::Damaged { what: "state node", reason: error.to_string() };
        codec::decode(value.value(), 256).map(Some).map_err(damaged)
    }
}

pub(super) fn write(txn: &WriteTransaction, changes: &StateChanges) -> Result<(), Stop> {
    let mut leaves = txn.open_table(LEAVES)?;
    for (key, value) in &changes.leaves {
        match value {
            Some(value) => leaves.insert(key.as_bytes(), value.as_slice())?,
            None => leaves.remove(key.as_bytes())?,
        };
    }
    let mut nodes = txn.open_table(NODES)?;
    for (path, node) in &changes.nodes {
        let path = path.to_bytes();
        match node {
            Some(node) => nodes.insert(path.as_slice(), codec::encode(node).as_slice())?,
            None => nodes.remove(path.as_slice())?,
        };
    }
    Ok(())
}
