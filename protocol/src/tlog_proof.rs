//! Receipts: one entry, the path to a root, and the signed checkpoint with that root, in one file.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! index 73894
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=            siblings, from the leaf up
//! B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
//!
//! example.com/fancylog                                    the checkpoint with all its signatures
//! 109482
//! sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
//!
//! — example.com/fancylog hI2DJw[...]1roloI=
//! — witness1.example mJirIklj[...]qY9v2B/5bg==
//! ```
//!
//! With the entry's bytes and a [`TlogPolicy`] it is checked offline: the bytes are a leaf of the log that the policy's
//! quorum cosigned. An optional second line, `extra <base64>`, carries data that nothing authenticates.
//! Source: <https://c2sp.org/tlog-proof>.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError, base64_hash, decimal};
use crate::hash::Hash;
use crate::log::inclusion::{self, InclusionError};
use crate::log::{self, MAX_PROOF_HASHES};
use crate::note::{MAX_NOTE_BYTES, Note, NoteError};
use crate::tlog_policy::{PolicyFailure, TlogPolicy, VerifiedCheckpoint};

/// The first line.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Bytes of the extra data, at most.
pub const MAX_EXTRA_BYTES: usize = 1 << 16;
/// Bytes of a receipt, at most: a note, the extra data in base64, and the proof's lines.
pub const MAX_BYTES: usize = MAX_NOTE_BYTES + MAX_EXTRA_BYTES * 2;

/// A receipt. Its bytes are canonical; nothing is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: u64,
    path: Vec<Hash>,
    checkpoint: Note,
}

/// Why bytes are no receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Over [`MAX_BYTES`].
    #[error("the receipt has {length} bytes, more than {MAX_BYTES}")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// Not UTF-8.
    #[error("the receipt is not UTF-8 text")]
    NotText,
    /// Another first line.
    #[error("the first line is not `{HEADER}`")]
    WrongHeader,
    /// An `extra` line without data, not in base64, or over [`MAX_EXTRA_BYTES`].
    #[error("the extra line is not the base64 of 1 to {MAX_EXTRA_BYTES} bytes")]
    BadExtra,
    /// No `index` line, or not a plain decimal.
    #[error("`index` and a decimal number without leading zeros are expected")]
    BadIndex,
    /// A line that is no hash.
    #[error("proof line {line} is not the base64 of 32 bytes")]
    BadHash {
        /// Counted from 1 after the index line.
        line: usize,
    },
    /// Over [`MAX_PROOF_HASHES`].
    #[error("more than {MAX_PROOF_HASHES} proof lines")]
    TooManyHashes,
    /// No blank line before a checkpoint.
    #[error("no blank line and checkpoint follow the proof")]
    NoCheckpoint,
    /// The checkpoint's note.
    #[error("checkpoint: {0}")]
    Note(#[from] NoteError),
    /// The checkpoint.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
}

/// Why a receipt proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFailure {
    /// The checkpoint does not satisfy the policy.
    #[error(transparent)]
    Policy(#[from] PolicyFailure),
    /// The entry is not in the checkpoint's tree at this index.
    #[error(transparent)]
    Inclusion(#[from] InclusionError),
}

/// An entry that is in a log whose head satisfies a policy. Only [`TlogProof::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedReceipt {
    index: u64,
    leaf_hash: Hash,
    checkpoint: VerifiedCheckpoint,
}

impl VerifiedReceipt {
    /// The entry's index in the log.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The entry's leaf hash.
    pub fn leaf_hash(&self) -> &Hash {
        &self.leaf_hash
    }

    /// The head, and who cosigned it.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }
}

impl TlogProof {
    /// Puts a receipt together.
    ///
    /// # Errors
    ///
    /// What [`TlogProof::parse`] would refuse: a note without a checkpoint, a path too long, extra data empty or too long.
    pub fn new(index: u64, path: Vec<Hash>, checkpoint: Note, extra: Option<Vec<u8>>) -> Result<Self, TlogProofError> {
        Checkpoint::of(&checkpoint)?;
        if path.len() > MAX_PROOF_HASHES {
            return Err(TlogProofError::TooManyHashes);
        }
        if index > log::MAX_SIZE {
            return Err(TlogProofError::BadIndex);
        }
        if extra.as_ref().is_some_and(|extra| !(1..=MAX_EXTRA_BYTES).contains(&extra.len())) {
            return Err(TlogProofError::BadExtra);
        }
        Ok(TlogProof { extra, index, path, checkpoint })
    }

    /// Parses a receipt strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > MAX_BYTES {
            return Err(TlogProofError::TooLong { length: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| TlogProofError::NotText)?;
        let rest = text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n'));
        let mut rest = rest.ok_or(TlogProofError::WrongHeader)?;
        let mut extra = None;
        if let Some(after) = rest.strip_prefix("extra ") {
            let (encoded, after) = after.split_once('\n').ok_or(TlogProofError::BadExtra)?;
            extra = Some(STANDARD.decode(encoded).map_err(|_| TlogProofError::BadExtra)?);
            rest = after;
        }
        let index_line = rest.strip_prefix("index ").and_then(|after| after.split_once('\n'));
        let (index, rest) = index_line.ok_or(TlogProofError::BadIndex)?;
        let index = decimal(index, log::MAX_SIZE).ok_or(TlogProofError::BadIndex)?;
        let (path, note) = path_lines(rest)?;
        TlogProof::new(index, path, Note::parse(note.as_bytes())?, extra)
    }

    /// The entry's index in the log.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Siblings from the leaf up.
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// The signed checkpoint.
    pub fn checkpoint(&self) -> &Note {
        &self.checkpoint
    }

    /// Data that nothing authenticates.
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// Verifies that `leaf` is entry [`TlogProof::index`] of a log whose head satisfies `policy`.
    pub fn verify(&self, policy: &TlogPolicy, leaf: &[u8]) -> Result<VerifiedReceipt, ReceiptFailure> {
        let verified = policy.verify(&self.checkpoint)?;
        let leaf_hash = log::leaf_hash(leaf);
        let Checkpoint { size, root, .. } = verified.checkpoint();
        inclusion::verify(&leaf_hash, self.index, *size, &self.path, root)?;
        Ok(VerifiedReceipt { index: self.index, leaf_hash, checkpoint: verified })
    }
}

/// The hashes up to the blank line, and what follows it.
fn path_lines(mut rest: &str) -> Result<(Vec<Hash>, &str), TlogProofError> {
    let mut path = Vec::new();
    loop {
        let (line, after) = rest.split_once('\n').ok_or(TlogProofError::NoCheckpoint)?;
        if line.is_empty() {
            return Ok((path, after));
        }
        if path.len() == MAX_PROOF_HASHES {
            return Err(TlogProofError::TooManyHashes);
        }
        path.push(base64_hash(line).ok_or(TlogProofError::BadHash { line: path.len() + 1 })?);
        rest = after;
    }
}

/// The file.
impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", STANDARD.encode(hash.as_bytes()))?;
        }
        writeln!(f)?;
        f.write_str(&String::from_utf8_lossy(&self.checkpoint.to_bytes()))
    }
}
