//! Signatures as vendors make them: ECDSA over P-384 and P-256, RSASSA-PSS of 4096 bits.
//!
//! ECDSA has two valid values of `s` for each signature. Nothing here is identified by a signature: evidence is named by
//! the digest of its bytes.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U4096};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use sha2::{Digest, Sha256, Sha384};

use crate::der::{self, DerError, INTEGER, SEQUENCE};

/// Bytes of a 4096-bit modulus.
const RSA_BYTES: usize = 512;

/// How a certificate is signed: the three ways that the vendors use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    EcdsaP384Sha384,
    EcdsaP256Sha256,
    /// RSASSA-PSS, SHA-384, MGF1 with SHA-384, 48 bytes of salt.
    RsaPssSha384,
}

/// `AlgorithmIdentifier`, whole, of each scheme.
const ECDSA_SHA384: &[u8] = &[0x30, 0x0a, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const ECDSA_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// As AMD writes it: with NULL beside SHA-384; up to Genoa with the trailer field, which is the default, written out.
const RSA_PSS_SHA384: [&[u8]; 2] = [
    &[
        0x30, 0x46, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x39, 0xa0, 0x0f, 0x30,
        0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a,
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
        0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, 0x30, 0xa3, 0x03, 0x02, 0x01, 0x01,
    ],
    &[
        0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x34, 0xa0, 0x0f, 0x30,
        0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a,
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
        0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, 0x30,
    ],
];

impl Scheme {
    /// The scheme that a whole `AlgorithmIdentifier` names; each has the forms that the vendors write.
    pub(crate) fn read(identifier: &[u8]) -> Option<Scheme> {
        match identifier {
            ECDSA_SHA384 => Some(Scheme::EcdsaP384Sha384),
            ECDSA_SHA256 => Some(Scheme::EcdsaP256Sha256),
            pss if RSA_PSS_SHA384.contains(&pss) => Some(Scheme::RsaPssSha384),
            _ => None,
        }
    }
}

/// A public key as it stands in a certificate; whether it is a point of the curve is found when it verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey<'a> {
    /// 97 bytes: `04 || x || y`.
    P384(&'a [u8]),
    /// 65 bytes: `04 || x || y`.
    P256(&'a [u8]),
    /// Modulus of 512 bytes and public exponent, big-endian.
    Rsa { modulus: &'a [u8], exponent: u64 },
}

/// `AlgorithmIdentifier`, whole, of each kind of key.
const KEY_P384: &[u8] = &[0x30, 0x10, 0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 5, 0x2b, 0x81, 0x04, 0, 0x22];
const KEY_P256: &[u8] =
    &[0x30, 0x13, 0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const KEY_RSA: &[u8] = &[0x30, 0x0d, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0];

impl<'a> PublicKey<'a> {
    /// The key in a `SubjectPublicKeyInfo`; `None` for a kind that no vendor here uses.
    pub(crate) fn read(spki: &'a [u8]) -> Result<Option<PublicKey<'a>>, DerError> {
        let mut info = der::only(spki, SEQUENCE)?.reader();
        let algorithm = info.expect(SEQUENCE)?.whole;
        let bits = info.expect(der::BIT_STRING)?.whole_bits()?;
        info.end()?;
        match algorithm {
            KEY_P384 if bits.len() == 97 && bits.first() == Some(&4) => Ok(Some(PublicKey::P384(bits))),
            KEY_P256 if bits.len() == 65 && bits.first() == Some(&4) => Ok(Some(PublicKey::P256(bits))),
            KEY_RSA => Self::read_rsa(bits),
            _ => Ok(None),
        }
    }

    fn read_rsa(bits: &'a [u8]) -> Result<Option<PublicKey<'a>>, DerError> {
        let mut numbers = der::only(bits, SEQUENCE)?.reader();
        let modulus = numbers.expect(INTEGER)?.unsigned()?;
        let exponent = numbers.expect(INTEGER)?.small()?;
        numbers.end()?;
        let usable =
            modulus.len() == RSA_BYTES && modulus.last().is_some_and(|last| last & 1 == 1) && exponent == 65537;
        Ok(usable.then_some(PublicKey::Rsa { modulus, exponent }))
    }

    /// Whether `signature`, in the form in which certificates carry it, is this key's over `message`.
    pub(crate) fn signed(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        match (self, scheme) {
            (PublicKey::P384(_), Scheme::EcdsaP384Sha384) => {
                fixed::<48>(signature).is_ok_and(|(r, s)| self.signed_raw(message, &[r, s].concat()))
            }
            (PublicKey::P256(_), Scheme::EcdsaP256Sha256) => {
                fixed::<32>(signature).is_ok_and(|(r, s)| self.signed_raw(message, &[r, s].concat()))
            }
            (PublicKey::Rsa { modulus, .. }, Scheme::RsaPssSha384) => rsa_pss_sha384(modulus, message, signature),
            _ => false,
        }
    }

    /// Whether `signature`, `r || s` big-endian, is this key's over `message`: SHA-384 for P-384, SHA-256 for P-256.
    pub(crate) fn signed_raw(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            PublicKey::P384(point) => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point);
                let signature = p384::ecdsa::Signature::from_slice(signature);
                matches!((key, signature), (Ok(key), Ok(signature))
                    if key.verify_prehash(&Sha384::digest(message), &signature).is_ok())
            }
            PublicKey::P256(point) => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
                let signature = p256::ecdsa::Signature::from_slice(signature);
                matches!((key, signature), (Ok(key), Ok(signature))
                    if key.verify_prehash(&Sha256::digest(message), &signature).is_ok())
            }
            PublicKey::Rsa { .. } => false,
        }
    }
}

/// `r` and `s` of a DER `ECDSA-Sig-Value`, each padded to `N` bytes.
fn fixed<const N: usize>(signature: &[u8]) -> Result<([u8; N], [u8; N]), DerError> {
    let mut numbers = der::only(signature, SEQUENCE)?.reader();
    let r = padded(numbers.expect(INTEGER)?.unsigned()?)?;
    let s = padded(numbers.expect(INTEGER)?.unsigned()?)?;
    numbers.end()?;
    Ok((r, s))
}

fn padded<const N: usize>(digits: &[u8]) -> Result<[u8; N], DerError> {
    let mut out = [0; N];
    let from = N.checked_sub(digits.len()).ok_or(DerError::Form { what: "a signature" })?;
    out.get_mut(from..).ok_or(DerError::Form { what: "a signature" })?.copy_from_slice(digits);
    Ok(out)
}

/// RSASSA-PSS-VERIFY (RFC 8017, 8.1.2) with SHA-384, MGF1 with SHA-384, 48 bytes of salt, modulus of 4096 bits and
/// exponent 65537.
fn rsa_pss_sha384(modulus: &[u8], message: &[u8], signature: &[u8]) -> bool {
    if modulus.len() != RSA_BYTES || signature.len() != RSA_BYTES {
        return false;
    }
    let (modulus, signature) = (U4096::from_be_slice(modulus), U4096::from_be_slice(signature));
    let Some(odd) = Option::<Odd<U4096>>::from(Odd::new(modulus)) else { return false };
    if signature >= modulus {
        return false;
    }
    let base = FixedMontyForm::new(&signature, &FixedMontyParams::new_vartime(odd));
    let mut power = base;
    for _ in 0..16 {
        power = power.square();
    }
    let encoded = power.mul(&base).retrieve().to_be_bytes();
    emsa_pss_sha384(&Sha384::digest(message), encoded.as_ref())
}

/// EMSA-PSS-VERIFY (RFC 8017, 9.1.2) for an encoded message of 512 bytes of which the highest bit is unused.
fn emsa_pss_sha384(message_hash: &[u8], encoded: &[u8]) -> bool {
    const HASH: usize = 48;
    const SALT: usize = 48;
    let Some((masked, tail)) = encoded.split_at_checked(RSA_BYTES - HASH - 1) else { return false };
    let Some((hash, [0xbc])) = tail.split_at_checked(HASH) else { return false };
    let mut block: Vec<u8> = masked.iter().zip(mgf1_sha384(hash, masked.len())).map(|(a, b)| a ^ b).collect();
    match masked.first().zip(block.first_mut()) {
        Some((outside, first)) if outside & 0x80 == 0 => *first &= 0x7f,
        _ => return false,
    }
    let Some((padding, salt)) = block.split_at_checked(block.len() - SALT) else { return false };
    let padded = padding.split_last().is_some_and(|(one, zeros)| *one == 1 && zeros.iter().all(|b| *b == 0));
    let again = Sha384::new().chain_update([0; 8]).chain_update(message_hash).chain_update(salt).finalize();
    padded && again.as_slice() == hash
}

/// MGF1 (RFC 8017, B.2.1).
fn mgf1_sha384(seed: &[u8], length: usize) -> impl Iterator<Item = u8> {
    let blocks =
        (0u32..).map(move |counter| Sha384::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize());
    blocks.take(length.div_ceil(48)).flatten().take(length)
}
