//! The bundle: everything that is needed to check a ledger offline, in one file.
//!
//! ```text
//! "standstill-bundle/v1\n"                                     21 bytes: what this is, and its version
//! ┌ length   u32 LE      bytes of `zstd`, 1 to 8,454,144
//! │ digest   32          SHA-256, domain `bundle-frame`, of (digest of the frame before || zstd)
//! └ zstd     length      one zstd frame that states its content's size, at most 8,392,704 bytes
//! … more frames, to the end of the file
//! ```
//!
//! A frame's content is a [`Frame`], strictly encoded: `u32` tag, then its fields. Frames come in this order:
//!
//! ```text
//! Treaty   Module+   ( Block  Certificate?  Checkpoint* )*
//! ```
//!
//! Modules are sorted by SHA-256. A block is certified by the `Certificate` frame behind it or by the
//! `previous_certificate` inside the next block, so only the last block needs a frame for it.
//!
//! Rules:
//!
//! 1. The digest is compared before zstd sees a byte, and sizes are compared before memory is taken: a reader holds one
//!    frame, whatever the file's length.
//! 2. There is no trailer. A longer bundle of the same ledger is a shorter one with frames appended; a file cut at a
//!    frame's edge is a valid bundle of an earlier day, which a reader sees by asking for a time (`--as-of`).
//! 3. The digests find damage; they prove nothing, for anyone can compute them again. What is inside carries its own
//!    proof: the treaty's hash is pinned by the reader's trust, the modules' by the treaty, blocks by the signatures of
//!    a quorum, checkpoints by cosignatures.
//! 4. zstd has many encodings of one content. Two bundles of one ledger may differ in bytes; they never differ in frames
//!    without differing in what a quorum signed.

mod reader;
mod writer;

pub use reader::{BundleReader, RawFrame};
use standstill_protocol::block::{Block, MAX_BLOCK_BYTES};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::codec::{self, CodecError};
use standstill_protocol::hash::{Domain, Hash};
use wincode::{SchemaRead, SchemaWrite};
pub use writer::BundleWriter;

/// What a bundle opens with.
pub const MAGIC: &[u8; 21] = b"standstill-bundle/v1\n";
/// Bytes of one decompressed frame, at most: a block and its wrapping.
pub const MAX_FRAME_BYTES: usize = MAX_BLOCK_BYTES + 4096;
/// Bytes of one compressed frame, at most: what zstd can make of [`MAX_FRAME_BYTES`], rounded up.
pub const MAX_COMPRESSED_BYTES: usize = MAX_BLOCK_BYTES + (64 << 10);
/// Bytes in front of a frame's compressed bytes.
pub const FRAME_HEADER_BYTES: usize = 36;
/// Module frames in one bundle, at most.
pub const MAX_MODULES: usize = 256;

/// The content of one frame.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum Frame {
    /// The treaty file of genesis, byte for byte.
    Treaty(Vec<u8>),
    /// A clause's WebAssembly module.
    Module(Vec<u8>),
    /// A block: its header, the certificate of the block before, its entries.
    Block(Block),
    /// The certificate of the block just before.
    Certificate(Certificate),
    /// A cosigned checkpoint (a C2SP signed note) of the log after the block before.
    Checkpoint(Vec<u8>),
}

/// Why bytes are no bundle, or stopped being one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The source could not be read.
    #[error("the bundle could not be read at byte {offset}: {source}")]
    Io {
        /// Where.
        offset: u64,
        /// The cause.
        source: std::io::Error,
    },
    /// The file does not start with [`MAGIC`].
    #[error("not a bundle: it does not start with `standstill-bundle/v1`")]
    NotABundle,
    /// The file ends inside a frame.
    #[error("frame {index} at byte {offset} is cut off")]
    Truncated {
        /// The frame, from 0.
        index: u64,
        /// Where the frame starts.
        offset: u64,
    },
    /// A length of zero, or above [`MAX_COMPRESSED_BYTES`].
    #[error("frame {index} at byte {offset} claims {length} bytes: 1 to {MAX_COMPRESSED_BYTES} are allowed")]
    Length {
        /// The frame, from 0.
        index: u64,
        /// Where the frame starts.
        offset: u64,
        /// The length claimed.
        length: u32,
    },
    /// The bytes do not hash to the digest that stands before them.
    #[error("frame {index} at byte {offset} does not match its digest: the file is damaged or was changed")]
    Digest {
        /// The frame, from 0.
        index: u64,
        /// Where the frame starts.
        offset: u64,
    },
    /// Not exactly one zstd frame that states a size of at most [`MAX_FRAME_BYTES`] and keeps to it.
    #[error("frame {index} at byte {offset} does not decompress: {reason}")]
    Compression {
        /// The frame, from 0.
        index: u64,
        /// Where the frame starts.
        offset: u64,
        /// What was wrong.
        reason: String,
    },
    /// The content is not a [`Frame`] in its canonical bytes.
    #[error("frame {index} at byte {offset} is malformed: {source}")]
    Malformed {
        /// The frame, from 0.
        index: u64,
        /// Where the frame starts.
        offset: u64,
        /// The cause.
        source: CodecError,
    },
    /// A frame where its kind may not stand.
    #[error("frame {index} is a {found}, which may not follow a {after}")]
    Order {
        /// The frame, from 0.
        index: u64,
        /// What was met.
        found: &'static str,
        /// What came before.
        after: &'static str,
    },
}

impl BundleError {
    /// The frame that is wrong, from 0; `None` where it is the file as a whole.
    pub fn frame(&self) -> Option<u64> {
        match self {
            BundleError::Io { .. } | BundleError::NotABundle => None,
            BundleError::Truncated { index, .. }
            | BundleError::Length { index, .. }
            | BundleError::Digest { index, .. }
            | BundleError::Compression { index, .. }
            | BundleError::Malformed { index, .. }
            | BundleError::Order { index, .. } => Some(*index),
        }
    }

    /// The stable name, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            BundleError::Io { .. } => "unreadable",
            BundleError::NotABundle => "not-a-bundle",
            BundleError::Truncated { .. } => "truncated",
            BundleError::Length { .. } => "frame-length",
            BundleError::Digest { .. } => "frame-digest",
            BundleError::Compression { .. } => "frame-compression",
            BundleError::Malformed { .. } => "frame-malformed",
            BundleError::Order { .. } => "frame-order",
        }
    }
}

impl Frame {
    /// The frame's kind in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Frame::Treaty(_) => "treaty",
            Frame::Module(_) => "module",
            Frame::Block(_) => "block",
            Frame::Certificate(_) => "certificate",
            Frame::Checkpoint(_) => "checkpoint",
        }
    }

    /// Canonical bytes, before compression.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Decodes canonical bytes of at most [`MAX_FRAME_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(bytes, MAX_FRAME_BYTES)
    }
}

/// The digest that stands for "no frame yet": the file's first bytes are chained too.
pub fn first_digest() -> Hash {
    Hash::tagged(Domain::BundleFrame, &[MAGIC])
}

/// The digest of a frame: its compressed bytes, chained to the frame before.
pub fn frame_digest(previous: &Hash, compressed: &[u8]) -> Hash {
    Hash::tagged(Domain::BundleFrame, &[previous.as_bytes(), compressed])
}

/// Which kinds of frame may follow which. Shared by reader and writer; heights and signatures are not its business.
#[derive(Clone, Debug)]
pub struct Order {
    last: &'static str,
    module: Option<Hash>,
    modules: usize,
    frames: u64,
}

impl Default for Order {
    fn default() -> Self {
        Order { last: "file start", module: None, modules: 0, frames: 0 }
    }
}

impl Order {
    /// Takes the next frame, or says why it may not stand here.
    pub fn accept(&mut self, frame: &Frame) -> Result<(), BundleError> {
        let module = match frame {
            Frame::Module(bytes) => Some(Hash::sha256(bytes)),
            _ => None,
        };
        self.accept_kind(frame.kind(), module)
    }

    /// The same, by the frame's [kind](Frame::kind) and, for a module, its SHA-256.
    pub fn accept_kind(&mut self, kind: &'static str, module: Option<Hash>) -> Result<(), BundleError> {
        let allowed = match (self.last, kind) {
            ("file start", "treaty") => true,
            ("treaty" | "module", "module") => self.next_module(module),
            ("module" | "block" | "certificate" | "checkpoint", "block") => true,
            ("block", "certificate") => true,
            ("block" | "certificate" | "checkpoint", "checkpoint") => true,
            _ => false,
        };
        if !allowed {
            return Err(BundleError::Order { index: self.frames, found: kind, after: self.last });
        }
        self.last = kind;
        self.frames += 1;
        Ok(())
    }

    fn next_module(&mut self, hash: Option<Hash>) -> bool {
        let rising = hash.is_some() && self.module < hash;
        self.module = hash;
        self.modules += 1;
        rising && self.modules <= MAX_MODULES
    }
}
