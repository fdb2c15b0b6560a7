//! Writes a bundle, frame by frame, in constant memory.
//!
//! ```text
//! new(out) · treaty · module … · block(b1, c1) · block(b2, c2) · checkpoint · … · finish()
//! ```
//!
//! [`BundleWriter::block`] keeps the block's certificate back: the next block carries one inside, so only a checkpoint
//! or the end of the file needs it as a frame. A writer that is dropped without [`BundleWriter::finish`] leaves a
//! bundle whose last block is uncertified.

use std::io::{self, Write};

use standstill_protocol::block::Block;
use standstill_protocol::certificate::Certificate;
use standstill_protocol::hash::Hash;

use super::{BundleError, Frame, MAGIC, MAX_COMPRESSED_BYTES, MAX_FRAME_BYTES, Order, first_digest, frame_digest};

/// zstd's own default; blocks are small, so higher levels gain little.
const LEVEL: i32 = 3;

/// Writes frames to `W`.
#[derive(Debug)]
pub struct BundleWriter<W> {
    out: W,
    digest: Hash,
    order: Order,
    offset: u64,
    frames: u64,
    pending: Option<Certificate>,
}

impl<W: Write> BundleWriter<W> {
    /// Starts a bundle with the treaty of genesis and the modules that it names, in any order.
    pub fn new(mut out: W, treaty: &[u8], modules: &[Vec<u8>]) -> Result<Self, BundleError> {
        out.write_all(MAGIC).map_err(|source| BundleError::Io { offset: 0, source })?;
        let mut writer = BundleWriter {
            out,
            digest: first_digest(),
            order: Order::default(),
            offset: MAGIC.len() as u64,
            frames: 0,
            pending: None,
        };
        writer.frame(&Frame::Treaty(treaty.to_vec()))?;
        let mut sorted: Vec<&Vec<u8>> = modules.iter().collect();
        sorted.sort_by_key(|bytes| Hash::sha256(bytes));
        sorted.dedup();
        for module in sorted {
            writer.frame(&Frame::Module(module.clone()))?;
        }
        Ok(writer)
    }

    /// Appends a block. Its certificate becomes a frame only where the next block does not bring one.
    pub fn block(&mut self, block: &Block, certificate: &Certificate) -> Result<(), BundleError> {
        if block.previous_certificate.is_none() {
            self.certify()?;
        }
        self.frame(&Frame::Block(block.clone()))?;
        self.pending = Some(certificate.clone());
        Ok(())
    }

    /// Appends a cosigned checkpoint of the log after the last block.
    pub fn checkpoint(&mut self, note: &[u8]) -> Result<(), BundleError> {
        self.certify()?;
        self.frame(&Frame::Checkpoint(note.to_vec()))
    }

    /// Writes the last block's certificate, flushes, and gives back the output with the digest of the last frame.
    pub fn finish(mut self) -> Result<(W, Hash), BundleError> {
        self.certify()?;
        self.out.flush().map_err(|source| BundleError::Io { offset: self.offset, source })?;
        Ok((self.out, self.digest))
    }

    /// Appends any frame that may stand here; the methods above are the ordinary way.
    pub fn frame(&mut self, frame: &Frame) -> Result<(), BundleError> {
        self.order.accept(frame)?;
        let content = frame.encode();
        let fail = |reason: String| BundleError::Compression { index: self.frames, offset: self.offset, reason };
        if content.len() > MAX_FRAME_BYTES {
            return Err(fail(format!("{} bytes exceed the limit of {MAX_FRAME_BYTES}", content.len())));
        }
        let compressed = zstd::bulk::compress(&content, LEVEL).map_err(|error| fail(error.to_string()))?;
        let length = u32::try_from(compressed.len()).ok().filter(|length| *length as usize <= MAX_COMPRESSED_BYTES);
        let length = length.ok_or_else(|| fail(format!("{} compressed bytes", compressed.len())))?;
        let digest = frame_digest(&self.digest, &compressed);
        self.put(length, &digest, &compressed).map_err(|source| BundleError::Io { offset: self.offset, source })?;
        self.offset += super::FRAME_HEADER_BYTES as u64 + u64::from(length);
        self.frames += 1;
        self.digest = digest;
        Ok(())
    }

    fn put(&mut self, length: u32, digest: &Hash, compressed: &[u8]) -> io::Result<()> {
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(digest.as_bytes())?;
        self.out.write_all(compressed)
    }

    fn certify(&mut self) -> Result<(), BundleError> {
        match self.pending.take() {
            Some(certificate) => self.frame(&Frame::Certificate(certificate)),
            None => Ok(()),
        }
    }
}
