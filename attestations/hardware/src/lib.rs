//! Evidence that chips themselves sign, verified against their vendors' roots.
//!
//! ```text
//! nonce  = tagged("standstill/v1/hardware-nonce", chain id, log size, log root, subject)
//!    │ asked by `nvidia-smi`, NVML, a guest's driver
//!    ▼
//! report ── signed by ──▶ key of the chip ── certified by … ──▶ root of the vendor, pinned by its hash
//! ```
//!
//! ```
//! use standstill_hardware::{Evidence, HardwareError, Roots, Technology};
//! use standstill_protocol::{hash::Hash, units::Timestamp};
//! let evidence = Evidence { technology: Technology::NvidiaSpdm, report: vec![0x11, 0xe0], certificates: vec![] };
//! let refused = evidence.verify(&Roots::pinned(), Hash::ZERO, Timestamp(0)).unwrap_err();
//! assert_eq!(refused.to_string(), "a chain of 0 certificates is not one that this vendor makes");
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`nvidia`] | SPDM reports of NVIDIA's GPUs |
//! | [`sev`] | AMD SEV-SNP reports |
//! | [`tdx`] | Intel TDX quotes |
//! | [`roots`] | the pinned roots |
//! | [`pem`] | certificates as text |
//! | [`HardwareError`], [`CertificateError`] | every refusal, named |
//!
//! What verified evidence proves: a key that the vendor certified for one genuine chip signed these bytes, after the
//! nonce could be known. What it does not prove is in [`Verified`].

mod bytes;
mod certificate;
mod chain;
mod der;
mod error;
mod nonce;
pub mod nvidia;
pub mod pem;
pub mod roots;
pub mod sev;
mod signature;
pub mod tdx;

use std::fmt;
use std::str::FromStr;

use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

pub use certificate::{CERTIFICATE_BYTES_MAX, CertificateError};
pub use der::DerError;
pub use error::HardwareError;
pub use nonce::{Head, expected_nonce};
pub use roots::Roots;

/// Who makes the chip, and how it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Technology {
    /// SPDM attestation reports of NVIDIA GPUs: `nvidia-spdm`.
    NvidiaSpdm,
    /// Attestation reports of AMD SEV-SNP guests: `amd-sev-snp`.
    AmdSevSnp,
    /// Quotes of Intel TDX guests: `intel-tdx`.
    IntelTdx,
}

impl Technology {
    /// All that are read.
    pub const ALL: [Technology; 3] = [Technology::NvidiaSpdm, Technology::AmdSevSnp, Technology::IntelTdx];

    /// Its name in statements.
    pub const fn name(self) -> &'static str {
        match self {
            Technology::NvidiaSpdm => "nvidia-spdm",
            Technology::AmdSevSnp => "amd-sev-snp",
            Technology::IntelTdx => "intel-tdx",
        }
    }
}

impl fmt::Display for Technology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Technology {
    type Err = HardwareError;

    fn from_str(name: &str) -> Result<Self, HardwareError> {
        let unknown = || HardwareError::UnknownTechnology { name: name.chars().take(80).collect() };
        Technology::ALL.into_iter().find(|technology| technology.name() == name).ok_or_else(unknown)
    }
}

/// What a chip wrote, not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// How to read it.
    pub technology: Technology,
    /// The report or quote, binary.
    pub report: Vec<u8>,
    /// Certificates in DER, the one that signs the report first, the vendor's root last. A TDX quote has its own inside;
    /// then this is empty.
    pub certificates: Vec<Vec<u8>>,
}

impl Evidence {
    /// Takes the files that tools write: the report in binary or in hexadecimal digits of one case, with at most one
    /// line feed behind them, a quote with or without the zeros that fill its buffer; the certificates in strict PEM (empty for a TDX quote). Which technology it is shows in the
    /// first bytes.
    ///
    /// # Errors
    /// [`HardwareError::NotAReport`] and [`HardwareError::Pem`].
    pub fn from_files(report: &[u8], certificates: &[u8]) -> Result<Evidence, HardwareError> {
        let unreadable = HardwareError::NotAReport { bytes: report.len() };
        let (technology, report) = match detect(report) {
            Some(technology) => (technology, report.to_vec()),
            None => {
                let binary = hexadecimal(report).ok_or(unreadable.clone())?;
                (detect(&binary).ok_or(unreadable)?, binary)
            }
        };
        let report = match technology {
            Technology::IntelTdx => tdx::without_padding(&report).to_vec(),
            _ => report,
        };
        let certificates = if certificates.is_empty() { Vec::new() } else { pem::certificates(certificates)? };
        Ok(Evidence { technology, report, certificates })
    }

    /// Verifies everything: form, chain up to a pinned root, every certificate at the time `at`, signature, and that the
    /// report answers `nonce` ([`expected_nonce`]).
    ///
    /// SEV-SNP and TDX have 64 bytes for it: the nonce, then 32 zero bytes.
    ///
    /// # Errors
    /// The first check that fails, by name.
    pub fn verify(&self, roots: &Roots, nonce: Hash, at: Timestamp) -> Result<Verified, HardwareError> {
        let (report, certificates, roots) = (&self.report, &self.certificates, roots.of(self.technology));
        let (device, facts) = match self.technology {
            Technology::NvidiaSpdm => {
                let signer = nvidia::Signer::verify(certificates, roots, at)?;
                (signer.device(), Facts::Nvidia(signer.answers(report, nonce)?))
            }
            Technology::AmdSevSnp => {
                let (device, facts) = sev::verify(report, certificates, roots, &report_data(nonce), at)?;
                (device, Facts::SevSnp(facts))
            }
            Technology::IntelTdx => {
                let (device, facts) = tdx::verify(report, certificates, roots, &report_data(nonce), at)?;
                (device, Facts::Tdx(facts))
            }
        };
        Ok(Verified { technology: self.technology, device, nonce, facts })
    }
}

/// What a chip is proved to have said. Only [`Evidence::verify`] makes one.
///
/// It does not prove that the chip ran a job, how long, or that it is where somebody says; nor that no other chip ran it;
/// nor that the firmware is one to trust, because no measurement is compared with a list; nor that the vendor has not
/// revoked a certificate since. It says nothing against a vendor, or a thief of its keys, who makes evidence at will.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// How it was read.
    pub technology: Technology,
    /// One chip, one hash, whatever its firmware. NVIDIA: SHA-256 of the public key (`SubjectPublicKeyInfo`) in the
    /// boot ROM's certificate. AMD: SHA-256 of `CHIP_ID`. Intel: SHA-256 of the public key in the platform's PCK
    /// certificate, which a recovery of its trusted base replaces.
    pub device: Hash,
    /// The nonce that it answers.
    pub nonce: Hash,
    /// What it says.
    pub facts: Facts,
}

/// What evidence says, by technology.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Facts {
    /// A GPU.
    Nvidia(nvidia::NvidiaFacts),
    /// A guest on an AMD processor.
    SevSnp(sev::SevSnpFacts),
    /// A guest on an Intel processor.
    Tdx(tdx::TdxFacts),
}

impl Verified {
    /// What it says, for a person: lines of `name  value`.
    pub fn describe(&self) -> String {
        let mut lines = vec![("technology", self.technology.to_string()), ("device", self.device.to_string())];
        match &self.facts {
            Facts::Nvidia(facts) => facts.describe(&mut lines),
            Facts::SevSnp(facts) => facts.describe(&mut lines),
            Facts::Tdx(facts) => facts.describe(&mut lines),
        }
        lines.push(("nonce", self.nonce.to_string()));
        lines.push((
            "proves",
            "a key that the vendor certified for this chip signed it, after the nonce was known".into(),
        ));
        lines.push(("does not prove", "that this chip ran a job, or that its firmware is one to trust".into()));
        lines.iter().map(|(name, value)| format!("{name:<16}{value}\n")).collect()
    }
}

/// The nonce as guests give it: 32 bytes, then 32 zero bytes.
fn report_data(nonce: Hash) -> [u8; 64] {
    let mut data = [0; 64];
    for (to, from) in data.iter_mut().zip(nonce.as_bytes()) {
        *to = *from;
    }
    data
}

/// The guest put in what it was to put in.
fn check_report_data(expected: &[u8; 64], found: &[u8; 64]) -> Result<(), HardwareError> {
    if expected == found {
        return Ok(());
    }
    let mut nonce = [0; 32];
    for (to, from) in nonce.iter_mut().zip(expected) {
        *to = *from;
    }
    Err(HardwareError::NonceDiffers { expected: Hash::from_bytes(nonce), found: hex::encode(found) })
}

/// By the first bytes, which no two technologies share.
fn detect(report: &[u8]) -> Option<Technology> {
    match report {
        [0x11, 0xe0, ..] => Some(Technology::NvidiaSpdm),
        [4 | 5, 0, 2, 0, 0x81, 0, 0, 0, ..] => Some(Technology::IntelTdx),
        [2..=5, 0, 0, 0, ..] if report.len() == sev::REPORT_BYTES => Some(Technology::AmdSevSnp),
        _ => None,
    }
}

/// Hexadecimal digits, all in lower case or all in upper case, so that a text has one form in each.
fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let lower = !text.iter().any(u8::is_ascii_uppercase);
    let upper = !text.iter().any(u8::is_ascii_lowercase);
    if lower || upper { hex::decode(text).ok() } else { None }
}
