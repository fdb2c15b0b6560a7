//! A chain of one's own with the same names, numbers and extensions as a real one: only keys and signatures differ.

use p384::ecdsa::SigningKey;
use p384::ecdsa::signature::Signer as _;
use standstill_hardware::{Evidence, Roots};
use standstill_protocol::hash::Hash;

/// Start of a P-384 `SubjectPublicKeyInfo` up to the point.
const SPKI: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 5, 0x2b, 0x81, 0x04, 0, 0x22, 0x03,
    0x62, 0,
];

/// The key of certificate `index`.
fn key(index: usize) -> SigningKey {
    SigningKey::from_slice(&[index as u8 + 1; 48]).unwrap()
}

/// One DER element of this tag.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        short @ 0..0x80 => out.push(short as u8),
        medium @ 0x80..0x100 => out.extend([0x81, medium as u8]),
        long => out.extend([0x82, (long >> 8) as u8, long as u8]),
    }
    out.extend(content);
    out
}

/// Length of the element at the start of `der`, all of it.
fn length(der: &[u8]) -> usize {
    match der[1] {
        0x81 => 3 + usize::from(der[2]),
        0x82 => 4 + usize::from(der[2]) * 256 + usize::from(der[3]),
        short => 2 + usize::from(short),
    }
}

/// What of a certificate is signed.
fn signed(certificate: &[u8]) -> &[u8] {
    let inner = &certificate[4..];
    &inner[..length(inner)]
}

/// `certificate`, place `index` of `count`, changed by `change` (which keeps lengths), with a key of our own and signed by
/// our own issuer.
fn forge_certificate(certificate: &[u8], index: usize, count: usize, change: &dyn Fn(usize, &mut Vec<u8>)) -> Vec<u8> {
    let mut tbs = signed(certificate).to_vec();
    let at = tbs.windows(SPKI.len()).position(|window| window == SPKI).unwrap() + SPKI.len();
    let point = key(index).verifying_key().to_sec1_point(false);
    tbs[at..at + 97].copy_from_slice(point.as_bytes());
    change(index, &mut tbs);
    let issuer = key((index + 1).min(count - 1));
    let signature: p384::ecdsa::Signature = issuer.sign(&tbs);
    let bytes = signature.to_bytes();
    let integer = |digits: &[u8]| {
        let first = digits.iter().position(|b| *b != 0).unwrap();
        let pad: &[u8] = if digits[first] & 0x80 != 0 { &[0] } else { &[] };
        element(0x02, &[pad, &digits[first..]].concat())
    };
    let value = element(0x30, &[integer(&bytes[..48]), integer(&bytes[48..])].concat());
    let algorithm = element(0x30, &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]);
    element(0x30, &[tbs, algorithm, element(0x03, &[&[0], value.as_slice()].concat())].concat())
}

/// A copy of NVIDIA evidence whose chain and report are signed by keys of our own.
pub(crate) fn forge(genuine: &Evidence, change: &dyn Fn(usize, &mut Vec<u8>)) -> Evidence {
    let count = genuine.certificates.len();
    let chain = genuine.certificates.iter().enumerate();
    let certificates = chain.map(|(index, real)| forge_certificate(real, index, count, change)).collect();
    let mut forged = Evidence { certificates, ..genuine.clone() };
    sign_report(&mut forged.report);
    forged
}

/// Signs a report anew with the forged leaf's key.
pub(crate) fn sign_report(report: &mut [u8]) {
    let (message, signature) = report.split_at_mut(report.len() - 96);
    let ours: p384::ecdsa::Signature = key(0).sign(message);
    signature.copy_from_slice(&ours.to_bytes());
}

/// A treaty that pins the forger's root.
pub(crate) fn roots_of(forged: &Evidence) -> Roots {
    Roots { nvidia: vec![Hash::sha256(forged.certificates.last().unwrap())], ..Roots::pinned() }
}

/// Replaces `from`, which stands there once, by `to` of the same length.
pub(crate) fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = (0..=bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    let [at] = places[..] else { panic!("{from:02x?} stands at {places:?}") };
    bytes[at..at + from.len()].copy_from_slice(to);
}
