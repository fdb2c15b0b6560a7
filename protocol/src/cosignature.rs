//! Cosignatures, type 0x04: "at this time, this was the largest head of this log that I had seen".
//!
//! ```text
//! line:     — v1.example base64(key id 4 || time u64 BE, seconds || ed25519 64)
//! message:  cosignature/v1
//!           time 1679315147
//!           example.com/behind-the-sofa
//!           20852163
//!           CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! ```
//!
//! A cosigner's key signs nothing else. Times differ from validator to validator and are not agreed by consensus.
//! Source: <https://c2sp.org/tlog-cosignature>.

use crate::checkpoint::Checkpoint;
use crate::keys::{SecretKey, Signature};
use crate::note::{KeyId, KeyName, NoteSignature, SignatureType};

/// The latest time that a cosignature may state, in seconds: 2^63 - 1.
pub const MAX_TIME_S: u64 = (1 << 63) - 1;

/// What a cosigner signs: two header lines, then the whole text of the checkpoint.
pub fn message(time_s: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time_s}\n{text}").into_bytes()
}

/// Cosigns a checkpoint. `time_s` is in seconds since 1970 and is clamped to [`MAX_TIME_S`].
pub fn sign(name: &KeyName, key: &SecretKey, checkpoint: &Checkpoint, time_s: u64) -> NoteSignature {
    let time_s = time_s.min(MAX_TIME_S);
    let signature = key.sign(&message(time_s, &checkpoint.to_string()));
    NoteSignature {
        name: name.clone(),
        key_id: KeyId::of(name, SignatureType::Cosignature, &key.public_key()),
        bytes: [time_s.to_be_bytes().as_slice(), signature.as_bytes()].concat(),
    }
}

/// Time and signature out of the 72 bytes that follow the key id; `None` for another length or a time too late.
pub(crate) fn split(bytes: &[u8]) -> Option<(u64, Signature)> {
    let (time, signature) = bytes.split_first_chunk::<8>()?;
    let signature: [u8; 64] = signature.try_into().ok()?;
    let time_s = u64::from_be_bytes(*time);
    (time_s <= MAX_TIME_S).then(|| (time_s, Signature::from_bytes(signature)))
}
