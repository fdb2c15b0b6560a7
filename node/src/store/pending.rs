//! What is not final: proposals, evidence, cosignatures, pending entries.

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use standstill_protocol::hash::Hash;

use super::{Stop, Store, StoreError};

const UNDECIDED: TableDefinition<'_, (u64, u32, &[u8; 32]), &[u8]> = TableDefinition::new("undecided");
const EVIDENCE: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("evidence");
const CHECKPOINTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("checkpoints");
const POOL: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("pool");

/// A pending entry's place: member and sequence number.
pub type PoolRow = (String, u64);

pub(super) fn create(txn: &WriteTransaction) -> Result<(), Stop> {
    txn.open_table(UNDECIDED)?;
    txn.open_table(EVIDENCE)?;
    txn.open_table(CHECKPOINTS)?;
    txn.open_table(POOL)?;
    Ok(())
}

/// Drops what a commit at `height` makes obsolete, and saves what still waits.
pub(super) fn settle(
    txn: &WriteTransaction,
    height: u64,
    pending: &[(PoolRow, Vec<u8>)],
    obsolete: &[PoolRow],
) -> Result<(), Stop> {
    let mut undecided = txn.open_table(UNDECIDED)?;
    undecided.retain_in((0, 0, &[0; 32])..=(height, u32::MAX, &[0xff; 32]), |_, _| false)?;
    let mut pool = txn.open_table(POOL)?;
    for ((member, sequence), envelope) in pending {
        pool.insert((member.as_str(), *sequence), envelope.as_slice())?;
    }
    for (member, sequence) in obsolete {
        pool.remove((member.as_str(), *sequence))?;
    }
    Ok(())
}

impl Store {
    /// Stores a proposal, durably before it returns.
    pub fn put_undecided(&self, height: u64, round: u32, block: &Hash, bytes: &[u8]) -> Result<(), StoreError> {
        let key = (height, round, block.as_bytes());
        let known =
            self.read(|txn| Ok(txn.open_table(UNDECIDED)?.get(key)?.is_some_and(|found| found.value() == bytes)))?;
        if known {
            return Ok(());
        }
        self.write(|txn| {
            txn.open_table(UNDECIDED)?.insert(key, bytes)?;
            Ok(())
        })
    }

    /// Every stored proposal of a height.
    pub fn undecided(&self, height: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(UNDECIDED)?;
            let rows = table.range((height, 0, &[0; 32])..=(height, u32::MAX, &[0xff; 32]))?;
            rows.map(|row| Ok(row?.1.value().to_vec())).collect()
        })
    }

    /// Keeps evidence until a block holds it.
    pub fn put_evidence(&self, evidence: &[Vec<u8>]) -> Result<(), StoreError> {
        self.write(|txn| {
            let mut table = txn.open_table(EVIDENCE)?;
            for bytes in evidence {
                table.insert(Hash::sha256(bytes).as_bytes(), bytes.as_slice())?;
            }
            Ok(())
        })
    }

    /// Evidence that is kept, at most `limit` pieces.
    pub fn evidence(&self, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(EVIDENCE)?;
            table.iter()?.take(limit).map(|row| Ok(row?.1.value().to_vec())).collect()
        })
    }

    /// Forgets evidence that is in the ledger.
    pub fn drop_evidence(&self, evidence: &[Vec<u8>]) -> Result<(), StoreError> {
        if evidence.is_empty() {
            return Ok(());
        }
        self.write(|txn| {
            let mut table = txn.open_table(EVIDENCE)?;
            for bytes in evidence {
                table.remove(Hash::sha256(bytes).as_bytes())?;
            }
            Ok(())
        })
    }

    /// Stores a checkpoint that a quorum cosigned. All are kept, so that every head can be exported with its own: each is
    /// about as long as its block's certificate. It becomes durable with the next commit; if a crash takes it, the
    /// validators sign that head again.
    pub fn put_checkpoint(&self, size: u64, note: &[u8]) -> Result<(), StoreError> {
        self.write_soon(|txn| {
            txn.open_table(CHECKPOINTS)?.insert(size, note)?;
            Ok(())
        })
    }

    /// The smallest cosigned checkpoint of at least `size` leaves.
    pub fn checkpoint_from(&self, size: u64) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CHECKPOINTS)?;
            let row = table.range(size..)?.next().transpose()?;
            Ok(row.map(|(size, note)| (size.value(), note.value().to_vec())))
        })
    }

    /// The largest cosigned checkpoint of at most `size` leaves.
    pub fn checkpoint_to(&self, size: u64) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(CHECKPOINTS)?;
            let row = table.range(..=size)?.next_back().transpose()?;
            Ok(row.map(|(size, note)| (size.value(), note.value().to_vec())))
        })
    }

    /// Writes pending entries and removes others.
    pub fn put_pool(&self, added: &[(PoolRow, Vec<u8>)], removed: &[PoolRow]) -> Result<(), StoreError> {
        if added.is_empty() && removed.is_empty() {
            return Ok(());
        }
        self.write(|txn| {
            let mut pool = txn.open_table(POOL)?;
            for (member, sequence) in removed {
                pool.remove((member.as_str(), *sequence))?;
            }
            for ((member, sequence), envelope) in added {
                pool.insert((member.as_str(), *sequence), envelope.as_slice())?;
            }
            Ok(())
        })
    }

    /// Every pending entry, by member and sequence.
    pub fn pool(&self) -> Result<Vec<(PoolRow, Vec<u8>)>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(POOL)?;
            let rows = table.iter()?;
            rows.map(|row| {
                let (key, value) = row?;
                Ok(((key.value().0.to_owned(), key.value().1), value.value().to_vec()))
            })
            .collect()
        })
    }
}
