//! The store: one redb file, one atomic commit a block.
//!
//! ```text
//! meta          name                 -> bytes         format, chain id, tip header
//! blocks        height               -> BlockRow      where a block's leaves lie in the log, how long it is
//! bodies        height, chunk        -> bytes         the encoded block, zstd, in chunks of 64 KiB
//! certificates  height               -> bytes
//! log           first index          -> height        non-empty blocks only; an entry is found through its block
//! tiles         level, number        -> 32 bytes x n  the log's hashes, 256 a tile, as tlog-tiles serves them
//! leaves, nodes                                       the state map, current version only
//! undecided     height, round, hash  -> bytes         proposals that may yet be decided
//! evidence      hash                 -> bytes         local, until a block holds it
//! checkpoints   size                 -> note          cosigned by a quorum
//! pool          member, sequence     -> envelope      pending entries, a courtesy: what a crash may lose
//! ```
//!
//! 1. A block, its certificate, its log hashes and its state become durable in one transaction: a crash leaves the block
//!    before or the block after, never a mixture. Commits are `Durability::Immediate`: they return after the sync.
//! 2. Envelopes are stored once, inside their block. Hashes are stored once, in tiles.
//! 3. Readers work on a snapshot and never wait for the writer.
//! 4. A committed block is never changed. Only its certificate may be replaced by another valid one.

mod blocks;
mod pending;
mod state;
mod tiles;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, TableDefinition, WriteTransaction};
use standstill_ledger::state::StateChanges;
use standstill_protocol::block::{Block, Header};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::codec;
use standstill_protocol::hash::Hash;

pub use blocks::BlockRow;
pub use pending::PoolRow;
pub use state::Snapshot;
pub use tiles::{TILE_WIDTH, TileReader};

/// The layout of the tables above. A file of another layout is refused, never guessed at.
const FORMAT: &[u8] = b"standstill-store/1";

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// Why the store failed. None of it says anything about a block or a peer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("the store `{}` failed: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<redb::Error>,
    },
    /// There is no store.
    #[error("there is no store at `{}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is a store already.
    #[error("`{}` exists already and is not overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file holds another ledger.
    #[error("the store belongs to ledger {found}, this treaty's is {expected}")]
    OtherLedger {
        /// The chain id in the file.
        found: Hash,
        /// The chain id of the treaty.
        expected: Hash,
    },
    /// Written by another version.
    #[error("the store has layout `{found}`, this program writes `standstill-store/1`")]
    Format {
        /// What the file says.
        found: String,
    },
    /// A row is not what was written.
    #[error("the store is damaged: {what}")]
    Damaged {
        /// Which row, and what is wrong with it.
        what: String,
    },
    /// A block that does not follow the tip.
    #[error("block {height} does not follow the tip at {tip}")]
    NotNext {
        /// The block's height.
        height: u64,
        /// The tip.
        tip: u64,
    },
}

impl StoreError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            StoreError::Missing { .. } => Some(
                "`standstill init --treaty FILE` creates it; a node that ran before then follows the others and signs \
                 nothing until they are past what it may have signed"
                    .to_owned(),
            ),
            StoreError::OtherLedger { .. } => {
                Some("the treaty file was changed, or the home is another node's".to_owned())
            }
            StoreError::Database { source, .. } if matches!(**source, redb::Error::DatabaseAlreadyOpen) => {
                Some("another process has it open: stop that node first".to_owned())
            }
            StoreError::Damaged { .. } => Some("keep the file for a look, and let an empty node catch up".to_owned()),
            _ => None,
        }
    }
}

/// Everything that one block adds.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The block.
    pub block: &'a Block,
    /// Its certificate.
    pub certificate: &'a Certificate,
    /// Log leaves that it appends, by hash.
    pub leaves: &'a [Hash],
    /// What it changes in the state map.
    pub changes: &'a StateChanges,
    /// Pool rows that the block records.
    pub obsolete: &'a [PoolRow],
    /// Pending entries that are not saved yet: they ride along, and cost no sync of their own.
    pub pending: &'a [(PoolRow, Vec<u8>)],
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    database: Database,
    /// The last block read, decoded: neighbouring entries are usually asked for together.
    recent: Mutex<Option<(u64, std::sync::Arc<Block>)>>,
    /// Whether the last transaction that wrote failed.
    failing: AtomicBool,
}

impl Store {
    /// Creates a store with the state of genesis. Refuses to touch an existing file.
    pub fn create(path: &Path, chain_id: &Hash, genesis: &StateChanges) -> Result<(), StoreError> {
        if path.exists() {
            return Err(StoreError::Exists { path: path.to_owned() });
        }
        // A crash while the file is being made must not leave something that opens as a store: it gets its name last.
        let temporary = path.with_extension("new");
        let _ = std::fs::remove_file(&temporary);
        let database = Database::create(&temporary).map_err(fail(&temporary))?;
        let store =
            Store { path: temporary.clone(), database, recent: Mutex::new(None), failing: AtomicBool::new(false) };
        store.write(|txn| {
            let mut meta = txn.open_table(META)?;
            meta.insert("format", FORMAT)?;
            meta.insert("chain", chain_id.as_bytes().as_slice())?;
            drop(meta);
            blocks::create(txn)?;
            pending::create(txn)?;
            tiles::create(txn)?;
            state::write(txn, genesis)
        })?;
        drop(store);
        std::fs::rename(&temporary, path).map_err(|error| fail(path)(redb::Error::Io(error)))?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = std::fs::File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|error| fail(path)(redb::Error::Io(error)))
    }

    /// Opens a store of this ledger. After a crash the file is repaired first, from its own redundant copy of the roots.
    pub fn open(path: &Path, chain_id: &Hash) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        let database = Database::open(path).map_err(fail(path))?;
        let store =
            Store { path: path.to_owned(), database, recent: Mutex::new(None), failing: AtomicBool::new(false) };
        let format = store.meta("format")?.unwrap_or_default();
        if format != FORMAT {
            return Err(StoreError::Format { found: String::from_utf8_lossy(&format).into_owned() });
        }
        let found = store.meta("chain")?.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(Hash::from_bytes);
        match found {
            Some(found) if found == *chain_id => Ok(store),
            Some(found) => Err(StoreError::OtherLedger { found, expected: *chain_id }),
            None => Err(damaged("the chain id is missing")),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|txn| Ok(txn.open_table(META)?.get(key)?.map(|value| value.value().to_vec())))
    }

    /// The header of the last committed block; `None` before the first.
    pub fn tip(&self) -> Result<Option<Header>, StoreError> {
        self.meta("tip")?.map(|bytes| decode_header(&bytes)).transpose()
    }

    /// The state after the last committed block, with that block's header: one consistent view that later commits do not
    /// change.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.read(Snapshot::open)
    }

    /// Commits a block, durably before it returns. Committing the tip again changes nothing but its certificate.
    pub fn commit(&self, commit: &Commit<'_>) -> Result<(), StoreError> {
        let height = commit.block.header.height;
        let tip = self.tip()?;
        if let Some(tip) = tip.as_ref().filter(|tip| tip.height == height) {
            if tip.hash() != commit.block.hash() {
                return Err(damaged(format!("two certified blocks at height {height}")));
            }
            return self.write(|txn| blocks::write_certificate(txn, commit.certificate));
        }
        let (tip_height, log_size) = tip.map_or((0, 0), |tip| (tip.height, tip.log_size));
        if height != tip_height + 1 {
            return Err(StoreError::NotNext { height, tip: tip_height });
        }
        // Everything below becomes visible and durable with `WriteTransaction::commit`, at the end of `write`. If the
        // process dies before, the engine's log replays the decision and this function runs again.
        self.write(|txn| {
            blocks::write(txn, commit.block, log_size, commit.leaves.len())?;
            blocks::write_certificate(txn, commit.certificate)?;
            tiles::append(txn, log_size, commit.leaves)?;
            state::write(txn, commit.changes)?;
            pending::settle(txn, height, commit.pending, commit.obsolete)?;
            let header = codec::encode(&commit.block.header);
            txn.open_table(META)?.insert("tip", header.as_slice())?;
            Ok(())
        })
    }

    fn read<T>(&self, body: impl FnOnce(&ReadTransaction) -> Result<T, Stop>) -> Result<T, StoreError> {
        let transaction = self.database.begin_read().map_err(fail(&self.path))?;
        body(&transaction).map_err(|stop| stop.at(&self.path))
    }

    /// One transaction, on the disk when this returns.
    fn write<T>(&self, body: impl FnOnce(&WriteTransaction) -> Result<T, Stop>) -> Result<T, StoreError> {
        self.write_with(Durability::Immediate, body)
    }

    /// One transaction, visible when this returns and on the disk with the next one of [`Store::write`].
    fn write_soon<T>(&self, body: impl FnOnce(&WriteTransaction) -> Result<T, Stop>) -> Result<T, StoreError> {
        self.write_with(Durability::None, body)
    }

    fn write_with<T>(
        &self,
        durability: Durability,
        body: impl FnOnce(&WriteTransaction) -> Result<T, Stop>,
    ) -> Result<T, StoreError> {
        let written = self.transact(durability, body);
        self.failing.store(written.is_err(), Ordering::Relaxed);
        written
    }

    fn transact<T>(
        &self,
        durability: Durability,
        body: impl FnOnce(&WriteTransaction) -> Result<T, Stop>,
    ) -> Result<T, StoreError> {
        // A transaction that is dropped on an error is rolled back.
        let mut transaction = self.database.begin_write().map_err(fail(&self.path))?;
        transaction.set_durability(durability).map_err(fail(&self.path))?;
        let value = body(&transaction).map_err(|stop| stop.at(&self.path))?;
        transaction.commit().map_err(fail(&self.path))?;
        Ok(value)
    }

    /// Whether the last transaction that wrote succeeded.
    pub fn is_writable(&self) -> bool {
        !self.failing.load(Ordering::Relaxed)
    }
}

fn decode_header(bytes: &[u8]) -> Result<Header, StoreError> {
    codec::decode(bytes, 4096).map_err(|error| damaged(format!("the tip's header: {error}")))
}

fn damaged(what: impl Into<String>) -> StoreError {
    StoreError::Damaged { what: what.into() }
}

fn fail<E: Into<redb::Error>>(path: &Path) -> impl FnOnce(E) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::Database { path, source: Box::new(error.into()) }
}

/// What ends a transaction early.
enum Stop {
    Database(Box<redb::Error>),
    Store(StoreError),
}

impl Stop {
    fn at(self, path: &Path) -> StoreError {
        match self {
            Stop::Database(source) => StoreError::Database { path: path.to_owned(), source },
            Stop::Store(error) => error,
        }
    }
}

impl<E: Into<redb::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Stop::Database(Box::new(error.into()))
    }
}

/// Ends a transaction because a row is not what was written.
fn stop_damaged(what: impl Into<String>) -> Stop {
    Stop::Store(damaged(what))
}
