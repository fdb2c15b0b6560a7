//! ed25519 keys. One rule of verification everywhere: dalek's `verify_strict`.
//!
//! Plain verification accepts 208 of 914 published edge cases, and batch verification changes its answer with the
//! batch; strict accepts 43, and what it accepts every single verifier accepts. So consensus, envelopes and
//! checkpoints all verify strictly, one signature at a time.
//!
//! [`PublicKey`] is data (32 bytes, maybe not a point); [`VerifyingKey`] is a key that was checked and can verify.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::Signer;
use wincode::{SchemaRead, SchemaWrite};

use crate::hash::{Domain, Hash};

/// A public key as it stands in a file: 32 bytes, written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, SchemaRead, SchemaWrite)]
#[repr(transparent)]
pub struct PublicKey([u8; 32]);

/// An ed25519 signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, SchemaRead, SchemaWrite)]
#[repr(transparent)]
pub struct Signature([u8; 64]);

/// A public key decompressed once, to verify many signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

/// A secret key. It is wiped when dropped, and its `Debug` shows the public half only.
pub struct SecretKey(ed25519_dalek::SigningKey);

/// Why a signature or a key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The 32 bytes are not a canonical point, or a point of small order.
    #[error("the public key is not a valid ed25519 key")]
    InvalidPublicKey,
    /// The signature does not verify strictly.
    #[error("the signature does not verify under this key")]
    InvalidSignature,
    /// Not 64 lower-case hex digits.
    #[error("a public key is 64 lower-case hex digits")]
    NotHex,
    /// Not 128 lower-case hex digits.
    #[error("a signature is 128 lower-case hex digits")]
    SignatureNotHex,
}

impl PublicKey {
    /// Wraps 32 bytes without checking that they are a point.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        PublicKey(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The identity under which an envelope names this key.
    pub fn id(&self) -> Hash {
        Hash::tagged(Domain::KeyId, &[&self.0])
    }

    /// Decompresses the key, refusing points of small order and non-canonical encodings.
    pub fn parse(&self) -> Result<VerifyingKey, KeyError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.0).map_err(|_| KeyError::InvalidPublicKey)?;
        if key.is_weak() || !self.is_canonical() {
            return Err(KeyError::InvalidPublicKey);
        }
        Ok(VerifyingKey(key))
    }

    /// Whether `y` is below `p = 2^255 - 19`: the second encoding of a point of large order would be `y + p`. (That of `x = 0`
    /// under the other sign is a point of small order.) Asked of the bytes, since compressing the point again takes an
    /// inversion in the field.
    fn is_canonical(&self) -> bool {
        let [low, middle @ .., high] = &self.0;
        *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
    }

    /// Verifies one signature. For many under one key, [`PublicKey::parse`] once.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), KeyError> {
        self.parse()?.verify(message, signature)
    }
}

impl VerifyingKey {
    /// Strict verification (no malleable `s`, no small-order points, cofactorless equation).
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), KeyError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(message, &signature).map_err(|_| KeyError::InvalidSignature)
    }

    /// The key as data.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.to_bytes())
    }
}

impl Signature {
    /// Wraps 64 bytes.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Signature(bytes)
    }

    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl SecretKey {
    /// A key from a 32-byte seed (RFC 8032). The caller draws the seed: this crate has no randomness.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        SecretKey(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The 32-byte seed, for writing a key file.
    pub fn seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `message` (RFC 8032, deterministic).
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl Clone for SecretKey {
    fn clone(&self) -> Self {
        SecretKey(self.0.clone())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(public {})", self.public_key())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(&self.0[..4]))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Signature {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; 64];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| KeyError::SignatureNotHex)?;
        let signature = Signature(bytes);
        if signature.to_string() == text { Ok(signature) } else { Err(KeyError::SignatureNotHex) }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}…)", hex::encode(&self.0[..4]))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let hash: Hash = text.parse().map_err(|_| KeyError::NotHex)?;
        Ok(PublicKey(*hash.as_bytes()))
    }
}

macro_rules! as_hex {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_hex!(PublicKey);
as_hex!(Signature);
