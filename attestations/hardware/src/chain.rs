//! A chain of certificates, the chip's first and the vendor's root last, verified from the root down.
//!
//! ```text
//! 0  leaf           signs the report                         ▲ k is signed by the key of k + 1
//! 1  intermediate   basicConstraints CA, keyCertSign         │
//! …                                                          │
//! n  root           its bytes hash to what is pinned         │
//! ```
//!
//! Every certificate is valid at one time, which is an argument. Revocation is not asked: that would need a network.

use sha2::{Digest, Sha256};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

use crate::certificate::{Certificate, CertificateError};
use crate::error::HardwareError;

/// Certificates in a chain: a leaf, a root, and what may stand between.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=8;

/// Reads and verifies a chain up to one of the pinned roots; leaf first.
///
/// # Errors
/// The first thing that is wrong, from the root down: a key is used only after the certificate that holds it is proved.
pub(crate) fn verify<'a>(
    chain: &'a [Vec<u8>],
    roots: &[Hash],
    at: Timestamp,
) -> Result<Vec<Certificate<'a>>, HardwareError> {
    if !LENGTHS.contains(&chain.len()) {
        return Err(HardwareError::ChainLength { certificates: chain.len() });
    }
    let last = chain.last().map(Vec::as_slice).unwrap_or_default();
    let root = Hash::from_bytes(Sha256::digest(last).into());
    if !roots.contains(&root) {
        return Err(HardwareError::UnknownRoot { found: root });
    }
    let mut proved: Vec<Certificate<'a>> = Vec::with_capacity(chain.len());
    for (index, bytes) in chain.iter().enumerate().rev() {
        let certificate =
            check(bytes, index, proved.last(), at).map_err(|problem| HardwareError::Certificate { index, problem })?;
        proved.push(certificate);
    }
    proved.reverse();
    Ok(proved)
}

/// Certificate `index`, issued by `issuer` unless it is the root, whose bytes are pinned.
fn check<'a>(
    bytes: &'a [u8],
    index: usize,
    issuer: Option<&Certificate<'_>>,
    at: Timestamp,
) -> Result<Certificate<'a>, CertificateError> {
    let certificate = Certificate::read(bytes)?;
    if let Some(issuer) = issuer {
        certificate.check_issued_by(issuer)?;
    }
    certificate.check_critical()?;
    certificate.check_time(at)?;
    match index.checked_sub(1) {
        // Authorities between it and the leaf: path length (RFC 5280, 4.2.1.9) counts those below it.
        Some(below) => certificate.check_authority(below as u64)?,
        None => certificate.check_signer()?,
    }
    Ok(certificate)
}
