//! Blocks by height, and entries through them.
//!
//! A body is compressed and cut into chunks: the database allocates large values in powers of two, so one value of
//! 4.1 MiB would take 8 MiB.

use std::sync::Arc;

use redb::{ReadTransaction, TableDefinition, WriteTransaction};
use standstill_protocol::block::{Block, Header, MAX_BLOCK_BYTES};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::codec;
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;
use wincode::{SchemaRead, SchemaWrite};

use super::{Stop, Store, StoreError, damaged, stop_damaged};

const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const BODIES: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("bodies");
const CERTIFICATES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("certificates");
const LOG: TableDefinition<'_, u64, u64> = TableDefinition::new("log");

/// A chunk and its key fill a page of 64 KiB.
const CHUNK: usize = (64 << 10) - 128;
/// Bytes of an encoded certificate, at most: 128 validators.
const MAX_CERTIFICATE_BYTES: usize = 16 << 10;

/// What is known of a block without reading its body. Fixed width: 72 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct BlockRow {
    /// The header's hash.
    pub hash: Hash,
    /// The block's time.
    pub time: Timestamp,
    /// Leaves in the log before this block.
    pub log_start: u64,
    /// Leaves that it appended: none, or the header before it and its entries.
    pub leaves: u32,
    /// Chunks of its body.
    chunks: u32,
    /// Length of the encoded block.
    pub length: u64,
    /// Length of the compressed block.
    stored: u64,
}

pub(super) fn create(txn: &WriteTransaction) -> Result<(), Stop> {
    txn.open_table(BLOCKS)?;
    txn.open_table(BODIES)?;
    txn.open_table(CERTIFICATES)?;
    txn.open_table(LOG)?;
    Ok(())
}

pub(super) fn write(txn: &WriteTransaction, block: &Block, log_start: u64, leaves: usize) -> Result<(), Stop> {
    let height = block.header.height;
    let encoded = block.encode();
    let compressed =
        zstd::bulk::compress(&encoded, 1).map_err(|error| stop_damaged(format!("block {height}: {error}")))?;
    let mut bodies = txn.open_table(BODIES)?;
    let mut chunks = 0u32;
    for chunk in compressed.chunks(CHUNK) {
        bodies.insert((height, chunks), chunk)?;
        chunks += 1;
    }
    let row = BlockRow {
        hash: block.hash(),
        time: block.header.time,
        log_start,
        leaves: u32::try_from(leaves).map_err(|_| stop_damaged(format!("block {height} has too many leaves")))?,
        chunks,
        length: encoded.len() as u64,
        stored: compressed.len() as u64,
    };
    txn.open_table(BLOCKS)?.insert(height, codec::encode(&row).as_slice())?;
    if leaves > 0 {
        txn.open_table(LOG)?.insert(log_start, height)?;
    }
    Ok(())
}

pub(super) fn write_certificate(txn: &WriteTransaction, certificate: &Certificate) -> Result<(), Stop> {
    txn.open_table(CERTIFICATES)?.insert(certificate.height, codec::encode(certificate).as_slice())?;
    Ok(())
}

fn row(txn: &ReadTransaction, height: u64) -> Result<Option<BlockRow>, Stop> {
    let Some(bytes) = txn.open_table(BLOCKS)?.get_owned(height)? else { return Ok(None) };
    let row = codec::decode(bytes.value(), 128);
    row.map(Some).map_err(|error| stop_damaged(format!("block row {height}: {error}")))
}

fn body(txn: &ReadTransaction, height: u64, row: &BlockRow) -> Result<Block, Stop> {
    let bad = |reason: String| stop_damaged(format!("block {height}: {reason}"));
    if row.length > MAX_BLOCK_BYTES as u64 || row.stored > 2 * MAX_BLOCK_BYTES as u64 {
        return Err(bad("its row states an impossible length".to_owned()));
    }
    let mut compressed = Vec::with_capacity(row.stored as usize);
    for chunk in txn.open_table(BODIES)?.range((height, 0)..(height, row.chunks))? {
        compressed.extend_from_slice(chunk?.1.value());
    }
    let encoded = zstd::bulk::decompress(&compressed, row.length as usize).map_err(|error| bad(error.to_string()))?;
    let block = Block::decode(&encoded).map_err(|error| bad(error.to_string()))?;
    if block.hash() != row.hash {
        return Err(bad("its header's hash is another".to_owned()));
    }
    Ok(block)
}

impl Store {
    /// What is known of a block without its body.
    pub fn block_row(&self, height: u64) -> Result<Option<BlockRow>, StoreError> {
        self.read(|txn| row(txn, height))
    }

    /// A committed block.
    pub fn block(&self, height: u64) -> Result<Option<Arc<Block>>, StoreError> {
        let recent = self.recent.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if let Some((_, block)) = recent.filter(|(found, _)| *found == height) {
            return Ok(Some(block));
        }
        let block = self.read(|txn| row(txn, height)?.map(|row| body(txn, height, &row)).transpose())?.map(Arc::new);
        if let Some(block) = &block {
            let mut recent = self.recent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *recent = Some((height, Arc::clone(block)));
        }
        Ok(block)
    }

    /// The certificate of a committed block.
    pub fn certificate(&self, height: u64) -> Result<Option<Certificate>, StoreError> {
        let bytes =
            self.read(|txn| Ok(txn.open_table(CERTIFICATES)?.get(height)?.map(|bytes| bytes.value().to_vec())))?;
        let decoded = bytes.map(|bytes| codec::decode(&bytes, MAX_CERTIFICATE_BYTES)).transpose();
        decoded.map_err(|error| damaged(format!("certificate {height}: {error}")))
    }

    /// The header of a committed block.
    pub fn header(&self, height: u64) -> Result<Option<Header>, StoreError> {
        Ok(self.block(height)?.map(|block| block.header.clone()))
    }

    /// The block that appended the log leaf at `index`, with the leaf's place in it: 0 is the header before, n is the
    /// entry n - 1.
    pub fn locate(&self, index: u64) -> Result<Option<(u64, u32)>, StoreError> {
        self.read(|txn| {
            let table = txn.open_table(LOG)?;
            let Some(found) = table.range(..=index)?.next_back() else { return Ok(None) };
            let (start, height) = found.map(|(start, height)| (start.value(), height.value()))?;
            let row = row(txn, height)?.ok_or_else(|| stop_damaged(format!("block row {height} is missing")))?;
            let place = index - start;
            Ok((place < u64::from(row.leaves)).then_some((height, place as u32)))
        })
    }

    /// The bytes of the log leaf at `index`.
    pub fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((height, place)) = self.locate(index)? else { return Ok(None) };
        let block = self.block(height)?.ok_or_else(|| damaged(format!("block {height} is missing")))?;
        let row = self.block_row(height)?.ok_or_else(|| damaged(format!("block row {height} is missing")))?;
        // The first block has no header before it: its leaves are its entries alone.
        let headers = u64::from(row.leaves) - (block.entries.len() as u64).min(u64::from(row.leaves));
        if u64::from(place) < headers {
            let before = self.header(height - 1)?.ok_or_else(|| damaged(format!("block {} is missing", height - 1)))?;
            return Ok(Some(before.leaf_bytes()));
        }
        let entry = block.entries.get((u64::from(place) - headers) as usize);
        Ok(entry.map(|entry| entry.leaf_bytes().into_owned()))
    }
}
