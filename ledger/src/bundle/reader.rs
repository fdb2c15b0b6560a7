//! Reads a bundle, frame by frame, in constant memory.
//!
//! Two steps, so that a caller can spread the second over its cores: [`BundleReader::next_raw`] takes bytes off the
//! source and checks their digest, in order; [`RawFrame::decode`] decompresses and decodes, on its own.
//! [`BundleReader::next_frame`] does both and checks the frames' order.

use std::cell::RefCell;
use std::io::{ErrorKind, Read};

use standstill_protocol::hash::Hash;
use zstd::bulk::Decompressor;
use zstd::zstd_safe;

use super::{
    BundleError, FRAME_HEADER_BYTES, Frame, MAGIC, MAX_COMPRESSED_BYTES, MAX_FRAME_BYTES, Order, first_digest,
    frame_digest,
};

/// Reads frames from `R`. After an error, nothing more is read.
#[derive(Debug)]
pub struct BundleReader<R> {
    source: R,
    digest: Hash,
    order: Order,
    offset: u64,
    frames: u64,
    stopped: bool,
}

/// A frame whose digest was right, still compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFrame {
    /// The frame's place, from 0.
    pub index: u64,
    /// Where in the file it starts.
    pub offset: u64,
    compressed: Vec<u8>,
}

impl<R: Read> BundleReader<R> {
    /// Reads the magic.
    pub fn open(mut source: R) -> Result<Self, BundleError> {
        let mut magic = Vec::with_capacity(MAGIC.len());
        let read = source.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic);
        read.map_err(|source| BundleError::Io { offset: 0, source })?;
        if magic != MAGIC {
            return Err(BundleError::NotABundle);
        }
        Ok(BundleReader {
            source,
            digest: first_digest(),
            order: Order::default(),
            offset: MAGIC.len() as u64,
            frames: 0,
            stopped: false,
        })
    }

    /// The next frame with its digest checked; `None` at the end of the file.
    pub fn next_raw(&mut self) -> Result<Option<RawFrame>, BundleError> {
        if self.stopped {
            return Ok(None);
        }
        let result = self.take_frame();
        self.stopped = !matches!(result, Ok(Some(_)));
        result
    }

    /// The next frame, decoded and in order; `None` at the end of the file.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, BundleError> {
        let Some(raw) = self.next_raw()? else { return Ok(None) };
        let result = raw.decode().and_then(|frame| self.order.accept(&frame).map(|()| frame));
        self.stopped = result.is_err();
        result.map(Some)
    }

    /// Bytes read so far, the end of the last good frame.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The digest of the last good frame: what a longer bundle continues from.
    pub fn digest(&self) -> Hash {
        self.digest
    }

    /// Gives the source back, to read what is behind the last frame taken.
    pub fn into_inner(self) -> R {
        self.source
    }

    fn take_frame(&mut self) -> Result<Option<RawFrame>, BundleError> {
        let (index, offset) = (self.frames, self.offset);
        let header = self.bytes(FRAME_HEADER_BYTES)?;
        if header.is_empty() {
            return Ok(None);
        }
        let Some((length, digest)) = header.split_first_chunk::<4>() else {
            return Err(BundleError::Truncated { index, offset });
        };
        let Ok(stated) = <[u8; 32]>::try_from(digest) else {
            return Err(BundleError::Truncated { index, offset });
        };
        let length = u32::from_le_bytes(*length);
        if length == 0 || length as usize > MAX_COMPRESSED_BYTES {
            return Err(BundleError::Length { index, offset, length });
        }
        let compressed = self.bytes(length as usize)?;
        if compressed.len() != length as usize {
            return Err(BundleError::Truncated { index, offset });
        }
        let digest = frame_digest(&self.digest, &compressed);
        if *digest.as_bytes() != stated {
            return Err(BundleError::Digest { index, offset });
        }
        self.digest = digest;
        self.frames += 1;
        self.offset += FRAME_HEADER_BYTES as u64 + u64::from(length);
        Ok(Some(RawFrame { index, offset, compressed }))
    }

    /// At most `count` bytes; fewer only at the end of the source. Memory grows with what arrives, not with the claim.
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::with_capacity(count.min(64 << 10));
        match self.source.by_ref().take(count as u64).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(source) if source.kind() == ErrorKind::UnexpectedEof => Ok(bytes),
            Err(source) => Err(BundleError::Io { offset: self.offset, source }),
        }
    }
}

impl RawFrame {
    /// Bytes that the frame takes in the file.
    pub fn size(&self) -> u64 {
        (FRAME_HEADER_BYTES + self.compressed.len()) as u64
    }

    /// Bytes to budget for before decoding the frame: those that it says it decompresses to, within the limit, and at
    /// least those that it holds already. One that states nothing is refused by [`RawFrame::decode`], and counts too.
    pub fn content_size(&self) -> usize {
        let stated = match zstd_safe::get_frame_content_size(&self.compressed) {
            Ok(Some(size)) => usize::try_from(size).unwrap_or(MAX_FRAME_BYTES).min(MAX_FRAME_BYTES),
            _ => 0,
        };
        stated.max(self.compressed.len())
    }

    /// Decompresses and decodes.
    pub fn decode(&self) -> Result<Frame, BundleError> {
        let (index, offset) = (self.index, self.offset);
        let content = decompress(&self.compressed).map_err(|reason| BundleError::Compression {
            index,
            offset,
            reason: reason.to_owned(),
        })?;
        Frame::decode(&content).map_err(|source| BundleError::Malformed { index, offset, source })
    }
}

thread_local! {
    /// Its tables are larger than most frames: each thread makes them once. Every frame starts it anew.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Decompresses exactly one zstd frame that states its size. Nothing is allocated for a size above the limit.
fn decompress(compressed: &[u8]) -> Result<Vec<u8>, &'static str> {
    if zstd_safe::find_frame_compressed_size(compressed) != Ok(compressed.len()) {
        return Err("not exactly one zstd frame");
    }
    if zstd_safe::get_dict_id_from_frame(compressed).is_some() {
        return Err("it asks for a dictionary");
    }
    let size = match zstd_safe::get_frame_content_size(compressed) {
        Ok(Some(size)) => size,
        Ok(None) => return Err("it does not state its size"),
        Err(_) => return Err("its header is malformed"),
    };
    let size = usize::try_from(size).ok().filter(|size| *size <= MAX_FRAME_BYTES);
    let size = size.ok_or("it states a size above the limit")?;
    let content = DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new().map_err(|_| "no memory for a decompressor")?),
        };
        decompressor.decompress(compressed, size).map_err(|_| "its data is malformed")
    })?;
    if content.len() != size {
        return Err("it holds fewer bytes than it states");
    }
    Ok(content)
}
