//! DSSE envelopes, in one canonical byte form.
//!
//! ```text
//! {"payload":"eyJ…","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"64 hex","sig":"base64"}]}
//! ```
//!
//! These bytes are a leaf of the log, so there is exactly one way to write them: this order of names, no white space,
//! padded standard base64, signatures sorted by `keyid` without repetition, 65,535 bytes at most. Other people's tools
//! (securesystemslib, sigstore) read it as they read any DSSE envelope.
//!
//! What is signed is `PAE = "DSSEv1" SP len(type) SP type SP len(body) SP body`. The statement's identity is
//! `SHA-256(PAE)`: the same statement in another wrapping is a duplicate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::block::MAX_ENTRY_BYTES;
use crate::hash::Hash;
use crate::keys::{KeyError, PublicKey, SecretKey, Signature};

/// The only payload type that the ledger takes.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Signatures on one envelope, at most.
pub const MAX_SIGNATURES: usize = 8;

// The canonical form's fixed text, each piece up to a quoted value or behind its closing quote.
const PAYLOAD: &str = "{\"payload\":\"";
const SIGNATURES: &str = ",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[";
const KEY_ID: &str = "{\"keyid\":\"";
const SIG: &str = ",\"sig\":\"";
const NEXT: &str = "},";
const END: &str = "}]}";

/// The identity of a statement: SHA-256 of its PAE.
pub type StatementId = Hash;

/// One signature and the key that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// [`PublicKey::id`] of the key.
    pub key_id: Hash,
    /// Over the PAE.
    pub signature: Signature,
}

/// A payload with signatures. Its bytes are canonical; whether the signatures are valid is asked with [`Envelope::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    signatures: Vec<EnvelopeSignature>,
}

/// Why bytes are no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Over [`MAX_ENTRY_BYTES`].
    #[error("the envelope has {length} bytes, more than the {MAX_ENTRY_BYTES} that a log entry can hold")]
    Oversized {
        /// Bytes given.
        length: usize,
    },
    /// Not the JSON of an envelope.
    #[error("not a DSSE envelope: {reason}")]
    Malformed {
        /// What the parser met.
        reason: String,
    },
    /// Another payload type.
    #[error("payload type `{found}` is not `{PAYLOAD_TYPE}`")]
    PayloadType {
        /// The type found.
        found: String,
    },
    /// None, or over [`MAX_SIGNATURES`].
    #[error("{count} signatures: 1 to {MAX_SIGNATURES} are expected")]
    SignatureCount {
        /// Signatures found.
        count: usize,
    },
    /// An envelope, but not in its canonical bytes.
    #[error("the envelope is not in canonical form (member order, white space, base64 or order of signatures)")]
    NotCanonical,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEnvelope<'a> {
    payload: &'a str,
    #[serde(rename = "payloadType")]
    payload_type: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    signatures: Vec<RawSignature<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignature<'a> {
    keyid: &'a str,
    sig: &'a str,
}

/// `PAE(type, body)` of the DSSE protocol.
pub fn pae(payload_type: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

impl Envelope {
    /// Signs a payload with one key or several.
    pub fn sign(payload: Vec<u8>, keys: &[&SecretKey]) -> Self {
        let message = pae(PAYLOAD_TYPE, &payload);
        let mut signatures: Vec<_> = keys
            .iter()
            .map(|key| EnvelopeSignature { key_id: key.public_key().id(), signature: key.sign(&message) })
            .collect();
        signatures.sort_by_key(|signature| signature.key_id);
        signatures.dedup_by_key(|signature| signature.key_id);
        Envelope { payload, signatures }
    }

    /// Parses canonical bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(EnvelopeError::Oversized { length: bytes.len() });
        }
        match Self::parse_canonical(bytes) {
            Some(envelope) => Ok(envelope),
            None => Err(Self::refuse(bytes)),
        }
    }

    /// The bytes taken apart as [`Envelope::to_bytes`] puts them together. Every piece has one spelling: fixed text, lower-case
    /// hex, and base64 whose decoder takes padded, canonical text alone. So what is read here is written back the same.
    fn parse_canonical(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (payload, rest) = text.strip_prefix(PAYLOAD)?.split_once('"')?;
        let mut rest = rest.strip_prefix(SIGNATURES)?;
        let payload = STANDARD.decode(payload).ok()?;
        let mut signatures: Vec<EnvelopeSignature> = Vec::with_capacity(1);
        loop {
            let (keyid, after) = rest.strip_prefix(KEY_ID)?.split_once('"')?;
            let (sig, after) = after.strip_prefix(SIG)?.split_once('"')?;
            let signature = RawSignature { keyid, sig }.parse().ok()?;
            let rises = signatures.last().is_none_or(|last| last.key_id < signature.key_id);
            if !rises || signatures.len() == MAX_SIGNATURES {
                return None;
            }
            signatures.push(signature);
            match after {
                END => return Some(Envelope { payload, signatures }),
                _ => rest = after.strip_prefix(NEXT)?,
            }
        }
    }

    /// Why bytes that are not canonical are refused.
    fn refuse(bytes: &[u8]) -> EnvelopeError {
        let malformed = |reason: String| EnvelopeError::Malformed { reason };
        let raw: RawEnvelope<'_> = match serde_json::from_slice(bytes) {
            Ok(raw) => raw,
            Err(error) => return malformed(error.to_string()),
        };
        if raw.payload_type != PAYLOAD_TYPE {
            return EnvelopeError::PayloadType { found: raw.payload_type.chars().take(80).collect() };
        }
        if !(1..=MAX_SIGNATURES).contains(&raw.signatures.len()) {
            return EnvelopeError::SignatureCount { count: raw.signatures.len() };
        }
        if let Err(error) = STANDARD.decode(raw.payload) {
            return malformed(format!("payload: {error}"));
        }
        match raw.signatures.iter().map(RawSignature::parse).collect::<Result<Vec<_>, _>>() {
            Err(error) => error,
            Ok(_) => EnvelopeError::NotCanonical,
        }
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::with_capacity(self.payload.len() * 4 / 3 + 64 + 180 * self.signatures.len());
        text.push_str(PAYLOAD);
        STANDARD.encode_string(&self.payload, &mut text);
        text.push('"');
        text.push_str(SIGNATURES);
        for (index, EnvelopeSignature { key_id, signature }) in self.signatures.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(KEY_ID);
            text.push_str(&key_id.to_string());
            text.push('"');
            text.push_str(SIG);
            STANDARD.encode_string(signature.as_bytes(), &mut text);
            text.push_str("\"}");
        }
        text.push_str("]}");
        text.into_bytes()
    }

    /// The signed bytes: an in-toto Statement.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// In order of key id.
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }

    /// What is signed.
    pub fn pae(&self) -> Vec<u8> {
        pae(PAYLOAD_TYPE, &self.payload)
    }

    /// The statement's identity.
    pub fn id(&self) -> StatementId {
        Hash::sha256(&self.pae())
    }

    /// Verifies the signature at `index` under `key`.
    pub fn verify(&self, index: usize, key: &PublicKey) -> Result<(), KeyError> {
        let signature = self.signatures.get(index).ok_or(KeyError::InvalidSignature)?;
        key.verify(&self.pae(), &signature.signature)
    }
}

impl RawSignature<'_> {
    fn parse(&self) -> Result<EnvelopeSignature, EnvelopeError> {
        let malformed = |reason: String| EnvelopeError::Malformed { reason };
        let key_id = self.keyid.parse().map_err(|error| malformed(format!("keyid: {error}")))?;
        let bytes = STANDARD.decode(self.sig).map_err(|error| malformed(format!("sig: {error}")))?;
        let bytes: [u8; 64] =
            bytes.try_into().map_err(|_| malformed("sig: an ed25519 signature has 64 bytes".to_owned()))?;
        Ok(EnvelopeSignature { key_id, signature: Signature::from_bytes(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition of the canonical form: whatever JSON reads as an envelope and is what its content is written as.
    fn by_definition(bytes: &[u8]) -> Option<Envelope> {
        let raw: RawEnvelope<'_> = serde_json::from_slice(bytes).ok()?;
        let payload = STANDARD.decode(raw.payload).ok()?;
        let signatures = raw.signatures.iter().map(RawSignature::parse).collect::<Result<Vec<_>, _>>().ok()?;
        let sorted = signatures.windows(2).all(|pair| pair[0].key_id < pair[1].key_id);
        let counted = (1..=MAX_SIGNATURES).contains(&signatures.len());
        let envelope = Envelope { payload, signatures };
        (sorted && counted && raw.payload_type == PAYLOAD_TYPE && envelope.to_bytes() == bytes).then_some(envelope)
    }

    fn envelopes() -> impl Strategy<Value = Envelope> {
        let signature = any::<([u8; 32], u8)>().prop_map(|(key, byte)| EnvelopeSignature {
            key_id: Hash::from_bytes(key),
            signature: Signature::from_bytes([byte; 64]),
        });
        let signatures = proptest::collection::vec(signature, 0..=MAX_SIGNATURES + 1);
        let payload = proptest::collection::vec(any::<u8>(), 0..80);
        (payload, signatures, any::<bool>()).prop_map(|(payload, mut signatures, sort)| {
            if sort {
                signatures.sort_by_key(|signature| signature.key_id);
            }
            Envelope { payload, signatures }
        })
    }

    /// What an editor or a forger would change.
    fn spoiled(bytes: &[u8], (kind, at, byte): (u8, usize, u8)) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let at = at % bytes.len();
        match kind % 5 {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => {
                bytes.remove(at);
            }
            3 => bytes.truncate(at),
            _ => bytes.push(byte),
        }
        bytes
    }

    proptest! {
        /// Taking the text apart piece by piece accepts what the definition accepts, and nothing else.
        #[test]
        fn what_parses_is_canonical_by_definition(
            envelope in envelopes(),
            damage in (any::<u8>(), any::<usize>(), prop_oneof![any::<u8>(), proptest::sample::select(b"{}[]\",: =/\\+A".to_vec())]),
        ) {
            let bytes = envelope.to_bytes();
            prop_assert_eq!(Envelope::parse(&bytes).ok(), by_definition(&bytes));
            let bytes = spoiled(&bytes, damage);
            prop_assert_eq!(Envelope::parse(&bytes).ok(), by_definition(&bytes));
        }
    }

    #[test]
    fn the_fixed_text_is_the_published_payload_type() {
        assert_eq!(SIGNATURES, format!(",\"payloadType\":\"{PAYLOAD_TYPE}\",\"signatures\":["));
    }
}
