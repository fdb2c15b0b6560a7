//! Checkpoints: the head of a log as three lines of text.
//!
//! ```text
//! example.com/behind-the-sofa                        origin: the log's name, and that of its keys
//! 20852163                                           leaves, decimal
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=       root hash
//! ```
//!
//! There are no extension lines: strict witnesses refuse them, and time, height and state root reach the log as a
//! leaf. Signed, it is a [`Note`]; who must have signed it is for a [`tlog_policy`](crate::tlog_policy) to say.
//! Source: <https://c2sp.org/tlog-checkpoint@v1.0.0>.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hash::Hash;
use crate::keys::SecretKey;
use crate::log;
use crate::note::{self, KeyName, Note, NoteError};

/// Origin, size and root of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: KeyName,
    /// Leaves in the log.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// Why a text is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not three lines.
    #[error("a checkpoint is three lines, each ended by a newline: origin, size, root")]
    NotThreeLines,
    /// A fourth line.
    #[error("the checkpoint has extension lines, which are refused")]
    Extension,
    /// Not a plain decimal, or over [`log::MAX_SIZE`].
    #[error("`{text}` is not a log size: decimal digits without leading zeros, at most 2^63 - 1")]
    BadSize {
        /// The line, shortened.
        text: String,
    },
    /// Not the base64 of 32 bytes.
    #[error("the root is not the base64 of 32 bytes")]
    BadRoot,
    /// Size 0 with a root that is not that of the empty log.
    #[error("size 0 with a root that is not that of the empty log")]
    EmptyRoot,
}

/// The text that is signed, three lines.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))
    }
}

/// A decimal without leading zeros, sign or space; at most `limit`.
pub(crate) fn decimal(text: &str, limit: u64) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok().filter(|number| *number <= limit)
}

/// The 32 bytes of a hash in padded standard base64.
pub(crate) fn base64_hash(text: &str) -> Option<Hash> {
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(Hash::from_bytes(bytes))
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::NotThreeLines)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::NotThreeLines);
        };
        if lines.next().is_some() {
            return Err(CheckpointError::Extension);
        }
        let origin: KeyName = origin.parse()?;
        let size = decimal(size, log::MAX_SIZE)
            .ok_or_else(|| CheckpointError::BadSize { text: size.chars().take(80).collect() })?;
        let root = base64_hash(root).ok_or(CheckpointError::BadRoot)?;
        if size == 0 && root != log::empty_root() {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(Checkpoint { origin, size, root })
    }
}

impl Checkpoint {
    /// The checkpoint as a note with the signature of one log key. Cosignatures are added with [`Note::add`].
    pub fn sign(&self, log_key: &SecretKey) -> Note {
        let text = self.to_string();
        let signature = note::sign(&self.origin, log_key, &text);
        // A checkpoint's text ends in a newline and has no control character, and one signature is not too many.
        Note::new(text, vec![signature]).expect("three lines and one signature are a note")
    }

    /// The checkpoint within a note, whose signatures are not looked at.
    pub fn of(note: &Note) -> Result<Self, CheckpointError> {
        note.text().parse()
    }
}
