//! SHA-256 hashes and the domain tags under which they are made.
//!
//! A tagged hash is `SHA-256(len(tag) u8 || tag || data)`, so a hash made for one purpose is never valid for another:
//!
//! ```
//! use standstill_protocol::hash::{Domain, Hash};
//! let as_header = Hash::tagged(Domain::Header, &[b"abc"]);
//! let as_treaty = Hash::tagged(Domain::Treaty, &[b"abc"]);
//! assert_ne!(as_header, as_treaty);
//! assert_eq!(Hash::sha256(b"").to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
//! ```

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use wincode::{SchemaRead, SchemaWrite};

/// A SHA-256 digest, 32 bytes, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, SchemaRead, SchemaWrite)]
#[repr(transparent)]
pub struct Hash([u8; 32]);

/// Bytes of a tagged hash that are gathered before they are hashed; more than any tag.
const GATHERED: usize = 160;

/// What a tagged hash commits to. The tag is part of every format that names it and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Domain {
    /// The bytes of a treaty file.
    Treaty,
    /// Treaty hash: the identity of one ledger.
    ChainId,
    /// An encoded block header: what a precommit signs.
    Header,
    /// An encoded certificate, as the next header commits to it.
    Certificate,
    /// An encoded validator set.
    ValidatorSet,
    /// An ed25519 public key, as an envelope's `keyid`.
    KeyId,
    /// The key of a leaf of the state map.
    StateKey,
    /// A leaf of the state map: key and value.
    StateLeaf,
    /// An inner node of the state map.
    StateNode,
    /// The empty state map.
    StateEmpty,
    /// A clause's parameters in their canonical form.
    Parameters,
    /// Findings of one assessment, encoded.
    Findings,
    /// A frame of a bundle, chained to the one before.
    BundleFrame,
    /// Chain id, key and member: what a new key signs when it is registered.
    KeyProof,
    /// Seed, root, size and a counter: which leaves of a telemetry log an auditor sees.
    Sample,
    /// Chain id, log size, log root and subject: what a chip is asked.
    HardwareNonce,
    /// Chain id and the driver's id of a chip: its tag in readings.
    MeteredChip,
    /// Chain id and a name such as `lab-a/run/aurora-3`: a subject that is no file.
    Subject,
    /// Chain id, vendor and hash of a device: a chip in an inventory.
    ChipTag,
}

impl Domain {
    /// The tag as it is hashed.
    pub const fn tag(self) -> &'static str {
        match self {
            Domain::Treaty => "standstill/v1/treaty",
            Domain::ChainId => "standstill/v1/chain-id",
            Domain::Header => "standstill/v1/header",
            Domain::Certificate => "standstill/v1/certificate",
            Domain::ValidatorSet => "standstill/v1/validator-set",
            Domain::KeyId => "standstill/v1/key-id",
            Domain::StateKey => "standstill/v1/state-key",
            Domain::StateLeaf => "standstill/v1/state-leaf",
            Domain::StateNode => "standstill/v1/state-node",
            Domain::StateEmpty => "standstill/v1/state-empty",
            Domain::Parameters => "standstill/v1/parameters",
            Domain::Findings => "standstill/v1/findings",
            Domain::BundleFrame => "standstill/v1/bundle-frame",
            Domain::KeyProof => "standstill/v1/key-proof",
            Domain::Sample => "standstill/v1/sample",
            Domain::HardwareNonce => "standstill/v1/hardware-nonce",
            Domain::MeteredChip => "standstill/v1/metered-chip",
            Domain::Subject => "standstill/v1/subject",
            Domain::ChipTag => "standstill/v1/chip-tag",
        }
    }
}

impl Hash {
    /// 32 zero bytes: "no hash", where a format says so. No input hashes to it.
    pub const ZERO: Hash = Hash([0; 32]);

    /// Wraps 32 bytes that are already a digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Hash(bytes)
    }

    /// Plain SHA-256, for formats that others define (RFC 6962, DSSE, file digests).
    pub fn sha256(data: &[u8]) -> Self {
        Hash(Sha256::digest(data).into())
    }

    /// `SHA-256(len(tag) || tag || parts...)`. Parts are concatenated: give them fixed lengths or an encoding that
    /// delimits itself.
    pub fn tagged(domain: Domain, parts: &[&[u8]]) -> Self {
        let tag = domain.tag().as_bytes();
        let mut hasher = Sha256::new();
        // Most of what is hashed is short. Gathered here it costs one call and no look at what a buffer still holds.
        let mut gathered = [0u8; GATHERED];
        gathered[0] = tag.len() as u8;
        gathered[1..=tag.len()].copy_from_slice(tag);
        let mut filled = 1 + tag.len();
        for part in parts {
            match gathered.get_mut(filled..filled + part.len()) {
                Some(place) => {
                    place.copy_from_slice(part);
                    filled += part.len();
                }
                None => {
                    hasher.update(&gathered[..filled]);
                    filled = 0;
                    hasher.update(part);
                }
            }
        }
        hasher.update(&gathered[..filled]);
        Hash(hasher.finalize().into())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight hex digits, for people. Never an identity.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({})", self.short())
    }
}

/// Text that is not 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a SHA-256 digest: 64 lower-case hex digits are expected")]
pub struct NotAHash {
    text: String,
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let refused = || NotAHash { text: text.chars().take(80).collect() };
        let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if text.len() != 64 || !lower {
            return Err(refused());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| refused())?;
        Ok(Hash(bytes))
    }
}

impl serde::Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
