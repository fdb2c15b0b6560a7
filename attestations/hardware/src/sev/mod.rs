//! AMD SEV-SNP: attestation reports of guests (AMD publication 56860, revision 1.58, table 23).
//!
//! ```text
//! certificate 2  ARK-Milan        pinned root             RSA-4096, PSS
//!             1  SEV-Milan        the family of chips     RSA-4096, PSS
//!             0  VCEK             one chip at one level of firmware (chip id and levels in extensions)    P-384
//!
//! report    0  version 2 to 5, guest SVN, policy, family, image, VMPL, algorithm
//!          56  current TCB, platform, key, report data 64, measurement 48, host data 32, digests, ids
//!         384  reported TCB, processor, chip id 64, committed TCB, versions, launch TCB, reserved
//!         672  signature: r and s little-endian in 72 bytes each, then zeros            over bytes 0 to 671, SHA-384
//! ```
//!
//! The certificate has to be for the chip id and for the TCB that the report names. A guest that allows debugging is
//! refused: its host can make it say anything. Keys that a cloud provider holds (VLEK) are not read.

mod vcek;

use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

use crate::bytes::Cursor;
use crate::chain;
use crate::error::HardwareError;

/// Bytes of a report.
pub const REPORT_BYTES: usize = 1184;
/// Bytes that are signed.
const SIGNED_BYTES: usize = 672;
const CERTIFICATES: usize = 3;
/// Policy bit 19: the host may debug the guest.
const DEBUG: u64 = 1 << 19;

/// What a guest's report is proved to say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SevSnpFacts {
    /// The processor, from the certificate: `Milan-B0`.
    pub product: String,
    /// `CHIP_ID`.
    pub chip_id: [u8; 64],
    /// Version of the report's format.
    pub version: u32,
    /// The policy under which the guest runs.
    pub policy: u64,
    /// The privilege level of the one who asked, 0 to 3.
    pub vmpl: u32,
    /// SHA-384 of what was launched.
    pub measurement: [u8; 48],
    /// What the host gave at launch.
    pub host_data: [u8; 32],
    /// Security version numbers for which the chip's key was made, as eight bytes.
    pub reported_tcb: [u8; 8],
    /// What the guest put in: the nonce, then zeros.
    pub report_data: [u8; 64],
}

/// The fields of a report that are used.
#[derive(Debug)]
struct Report<'a> {
    facts: SevSnpFacts,
    signed: &'a [u8],
    /// `r || s`, big-endian.
    signature: Vec<u8>,
}

/// Verifies a report and its chain (VCEK, ASK, ARK) at a time; the report carries `report_data`.
///
/// # Errors
/// The first check that fails: form, chain, chip id and TCB of the certificate, signature, report data, debugging.
pub fn verify(
    report: &[u8],
    certificates: &[Vec<u8>],
    roots: &[Hash],
    report_data: &[u8; 64],
    at: Timestamp,
) -> Result<(Hash, SevSnpFacts), HardwareError> {
    let mut parsed = parse(report)?;
    if certificates.len() != CERTIFICATES {
        return Err(HardwareError::ChainLength { certificates: certificates.len() });
    }
    let proved = chain::verify(certificates, roots, at)?;
    let vcek = proved.first().ok_or(HardwareError::ChainLength { certificates: 0 })?;
    parsed.facts.product = vcek::check(vcek, &parsed.facts.chip_id, parsed.facts.reported_tcb)?;
    if !vcek.key.signed_raw(parsed.signed, &parsed.signature) {
        return Err(HardwareError::ReportSignature { what: "the report" });
    }
    crate::check_report_data(report_data, &parsed.facts.report_data)?;
    if parsed.facts.policy & DEBUG != 0 {
        return Err(HardwareError::Debuggable);
    }
    Ok((Hash::sha256(&parsed.facts.chip_id), parsed.facts))
}

fn parse(bytes: &[u8]) -> Result<Report<'_>, HardwareError> {
    let mut cursor = Cursor::new("the report", bytes);
    let signed = cursor.take(SIGNED_BYTES)?;
    let signature = read_signature(cursor.take(REPORT_BYTES - SIGNED_BYTES)?)?;
    cursor.end()?;

    let mut fields = Cursor::new("the report", signed);
    let version = fields.u32_le()?;
    if !(2..=5).contains(&version) {
        return Err(HardwareError::Version { what: "the report", expected: 2, found: version });
    }
    let _guest_svn = fields.u32_le()?;
    let policy = fields.u64_le()?;
    let _family_and_image = fields.take(32)?;
    let vmpl = fields.u32_le()?;
    expect("the signature algorithm", "1, ECDSA P-384 with SHA-384", fields.u32_le()?, |n| n == 1)?;
    let _current_tcb_and_platform = fields.take(16)?;
    expect("the signing key", "0, the chip's own (VCEK)", fields.u32_le()?, |n| n >> 2 & 0b111 == 0)?;
    let _reserved = fields.u32_le()?;
    let report_data = fields.array()?;
    let measurement = fields.array()?;
    let host_data = fields.array()?;
    let _digests_and_ids = fields.take(48 + 48 + 32 + 32)?;
    let reported_tcb = fields.array()?;
    let _processor_and_reserved = fields.take(24)?;
    let chip_id = fields.array()?;
    let product = String::new();
    let facts =
        SevSnpFacts { product, chip_id, version, policy, vmpl, measurement, host_data, reported_tcb, report_data };
    Ok(Report { facts, signed, signature })
}

fn expect(
    field: &'static str,
    expected: &'static str,
    found: u32,
    holds: impl Fn(u32) -> bool,
) -> Result<(), HardwareError> {
    if holds(found) { Ok(()) } else { Err(HardwareError::Field { field, expected, found: u64::from(found) }) }
}

/// `r || s`, big-endian. Nothing signs the bytes behind them, so these have to be zero.
fn read_signature(bytes: &[u8]) -> Result<Vec<u8>, HardwareError> {
    let mut cursor = Cursor::new("the report's signature", bytes);
    let mut signature = Vec::with_capacity(96);
    for _ in 0..2 {
        signature.extend(cursor.array::<48>()?.iter().rev());
        zeros(cursor.take(24)?)?;
    }
    zeros(cursor.take(368)?)?;
    cursor.end()?;
    Ok(signature)
}

fn zeros(bytes: &[u8]) -> Result<(), HardwareError> {
    match bytes.iter().find(|byte| **byte != 0) {
        Some(byte) => {
            Err(HardwareError::Field { field: "a byte behind the signature", expected: "0", found: u64::from(*byte) })
        }
        None => Ok(()),
    }
}

impl SevSnpFacts {
    pub(crate) fn describe(&self, lines: &mut Vec<(&'static str, String)>) {
        lines.push(("processor", format!("AMD {}", self.product)));
        lines.push(("chip id", hex::encode(self.chip_id)));
        lines.push(("guest", format!("launch measurement {}", hex::encode(self.measurement))));
        lines.push(("policy", format!("{:#x}, privilege level {}", self.policy, self.vmpl)));
        lines.push(("tcb", hex::encode(self.reported_tcb)));
    }
}
