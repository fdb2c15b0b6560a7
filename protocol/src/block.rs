//! Blocks: entries in order, under a header that commits to everything before and after them.
//!
//! ```text
//! Block ┬ header ── version, chain, height, time, previous header, proposer,
//!       │           hash of the previous certificate, entries' root and count,
//!       │           log size and root *after* this block, validators now and next, treaty,
//!       │           state root *after* this block
//!       ├ previous certificate        (absent at height 1)
//!       └ entries ── Envelope | Evidence
//! ```
//!
//! A vote for the header's hash says: I executed these entries and agree with every verdict in the state root.
//!
//! In the log, a non-empty block appends its predecessor's header first, then its entries. The three kinds of leaf
//! cannot be confused: an envelope starts with `{`, the others with their name and a newline.

use wincode::{SchemaRead, SchemaWrite};

use crate::certificate::Certificate;
use crate::codec::{self, CodecError};
use crate::hash::{Domain, Hash};
use crate::log;
use crate::units::Timestamp;
use crate::validators::Address;

/// Bytes of one entry, at most: the tile format's own limit.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// Bytes of one encoded block, at most.
pub const MAX_BLOCK_BYTES: usize = 8 << 20;
/// What opens a log leaf that is a header.
pub const HEADER_LEAF: &[u8] = b"standstill-header/v1\n";
/// What opens a log leaf that is evidence of misconduct.
pub const EVIDENCE_LEAF: &[u8] = b"standstill-evidence/v1\n";

/// The part of a block that is hashed and voted on. Fixed width: 340 bytes.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Header {
    /// The rules by which this block was executed.
    pub version: u32,
    /// The ledger that this block belongs to.
    pub chain_id: Hash,
    /// From 1.
    pub height: u64,
    /// Later than the previous block's.
    pub time: Timestamp,
    /// Hash of the previous header; at height 1, the chain id.
    pub previous: Hash,
    /// Who built the block.
    pub proposer: Address,
    /// [`Certificate::hash`] of the previous block's certificate; zero at height 1.
    pub previous_certificate: Hash,
    /// RFC 6962 root over the leaf bytes of the entries.
    pub entries_root: Hash,
    /// How many entries.
    pub entry_count: u32,
    /// Leaves in the log after this block.
    pub log_size: u64,
    /// Root of the log after this block.
    pub log_root: Hash,
    /// Validators of this height.
    pub validators: Hash,
    /// Validators of the next height.
    pub next_validators: Hash,
    /// The treaty in force after this block.
    pub treaty: Hash,
    /// Root of the state map after this block.
    pub state_root: Hash,
}

/// One thing that the ledger records.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum Entry {
    /// A DSSE envelope, in its canonical bytes.
    Envelope(Vec<u8>),
    /// Encoded proof of misconduct by a validator.
    Evidence(Vec<u8>),
}

/// A header with what it commits to.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Block {
    /// What is voted on.
    pub header: Header,
    /// The certificate of the block before.
    pub previous_certificate: Option<Certificate>,
    /// In the order in which they are applied.
    pub entries: Vec<Entry>,
}

impl Header {
    /// What a precommit signs.
    pub fn hash(&self) -> Hash {
        Hash::tagged(Domain::Header, &[&codec::encode(self)])
    }

    /// The log leaf that a later, non-empty block appends for this header.
    pub fn leaf_bytes(&self) -> Vec<u8> {
        let mut bytes = HEADER_LEAF.to_vec();
        bytes.extend_from_slice(&codec::encode(self));
        bytes
    }
}

impl Entry {
    /// The bytes that the log commits to.
    pub fn leaf_bytes(&self) -> std::borrow::Cow<'_, [u8]> {
        match self {
            Entry::Envelope(bytes) => bytes.as_slice().into(),
            Entry::Evidence(bytes) => [EVIDENCE_LEAF, bytes].concat().into(),
        }
    }

    /// Length of the entry's own bytes.
    pub fn size(&self) -> usize {
        match self {
            Entry::Envelope(bytes) | Entry::Evidence(bytes) => bytes.len(),
        }
    }
}

impl Block {
    /// The root that [`Header::entries_root`] must hold.
    pub fn entries_root(entries: &[Entry]) -> Hash {
        let mut frontier = log::Frontier::new();
        for entry in entries {
            frontier.append(log::leaf_hash(&entry.leaf_bytes()));
        }
        frontier.root()
    }

    /// The header's hash: the block's identity.
    pub fn hash(&self) -> Hash {
        self.header.hash()
    }

    /// Canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Decodes a block of at most [`MAX_BLOCK_BYTES`]. Whether it is *valid* is for `ledger::apply` to say.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(bytes, MAX_BLOCK_BYTES)
    }
}
