//! Intel TDX: quotes of guests, versions 4 and 5 (Intel, "TDX DCAP Quoting Library API", appendix A).
//!
//! ```text
//! certificate 2  Intel SGX Root CA                         pinned root
//!             1  Intel SGX PCK Platform (or Processor) CA
//!             0  Intel SGX PCK Certificate                 one platform at one level of firmware     P-256
//!
//! quote    0  header 48: version, key type 2 (P-256), TEE 81
//!         48  version 5: kind of body 2, its length 4
//!             body: the guest (584 bytes, 648 for TDX 1.5, 885 for its extension)
//!          …  length 4, then
//!             signature 64 by the attestation key 64       over header and body
//!             kind 6, length 4, then
//!                 report of the quoting enclave 384, signature 64 by certificate 0
//!                     its report data is SHA-256(attestation key || authentication data), then zeros
//!                 authentication data, length 2 before it
//!                 kind 5, length 4, then certificates in PEM, leaf first, and a NUL
//! ```
//!
//! The quoting enclave has to be Intel's (signer, product and attributes as Intel publishes them), and so has the module
//! that runs the guest. Whether firmware is at a level that Intel still calls good is not asked: those lists are signed
//! for 30 days, and come by network.

mod pck;
mod quote;

use sha2::{Digest, Sha256};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

pub(crate) use quote::without_padding;

use crate::chain;
use crate::error::HardwareError;
use crate::pem;
use crate::signature::PublicKey;
use quote::Quote;

const CERTIFICATES: usize = 3;

/// What a guest's quote is proved to say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TdxFacts {
    /// Version of the quote's format: 4 or 5.
    pub version: u16,
    /// Family, model, platform and stepping of the processor, from the certificate.
    pub fmspc: [u8; 6],
    /// `MRSEAM`: SHA-384 of the TDX module.
    pub module: [u8; 48],
    /// `TEE_TCB_SVN`: security versions of the TDX module.
    pub tee_tcb_svn: [u8; 16],
    /// `MRTD`: SHA-384 of what was launched.
    pub measurement: [u8; 48],
    /// `RTMR0` to `RTMR3`: what was measured since.
    pub runtime_measurements: [[u8; 48]; 4],
    /// Attributes of the guest.
    pub attributes: [u8; 8],
    /// Security version of the quoting enclave.
    pub quoting_enclave_svn: u16,
    /// What the guest put in: the nonce, then zeros.
    pub report_data: [u8; 64],
}

/// Verifies a quote at a time; it carries `report_data`. `certificates` is the chain, or empty where the quote has it.
///
/// # Errors
/// The first check that fails: form, chain, quoting enclave, signature, module, report data, debugging.
pub fn verify(
    quote: &[u8],
    certificates: &[Vec<u8>],
    roots: &[Hash],
    report_data: &[u8; 64],
    at: Timestamp,
) -> Result<(Hash, TdxFacts), HardwareError> {
    let quote = Quote::parse(quote)?;
    // The quote's own chain counts; another one beside it could only disagree.
    if !certificates.is_empty() {
        return Err(HardwareError::ChainLength { certificates: certificates.len() });
    }
    let chain = pem::certificates(quote.certificates)?;
    if chain.iter().map(|der| pem::encode(der)).collect::<String>().as_bytes() != quote.certificates {
        return Err(HardwareError::ChainEnd);
    }
    if chain.len() != CERTIFICATES {
        return Err(HardwareError::ChainLength { certificates: chain.len() });
    }
    let proved = chain::verify(&chain, roots, at)?;
    let leaf = proved.first().ok_or(HardwareError::ChainLength { certificates: 0 })?;
    check_quoting_enclave(&quote, &leaf.key)?;
    let attestation_key = [&[4], quote.attestation_key.as_slice()].concat();
    if !PublicKey::P256(&attestation_key).signed_raw(quote.signed, quote.signature) {
        return Err(HardwareError::ReportSignature { what: "the quote" });
    }
    check_module(&quote)?;
    crate::check_report_data(report_data, &quote.body.report_data)?;
    if quote.body.attributes[0] & 1 != 0 {
        return Err(HardwareError::Debuggable);
    }
    let device = Hash::sha256(leaf.spki);
    let facts = TdxFacts {
        version: quote.version,
        fmspc: pck::fmspc(leaf)?,
        module: quote.body.module,
        tee_tcb_svn: quote.body.tee_tcb_svn,
        measurement: quote.body.measurement,
        runtime_measurements: quote.body.runtime_measurements,
        attributes: quote.body.attributes,
        quoting_enclave_svn: quote.enclave.svn,
        report_data: quote.body.report_data,
    };
    Ok((device, facts))
}

/// `MRSIGNER` of Intel's quoting enclave for TDX, as <https://api.trustedservices.intel.com/tdx/certification/v4/qe/identity> names it.
const QUOTING_ENCLAVE_SIGNER: [u8; 32] = [
    0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03, 0x0f, 0x7c, 0x15,
    0x63, 0xf1, 0xba, 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5,
];
const QUOTING_ENCLAVE_PRODUCT: u16 = 2;
/// Its flags under the mask that Intel publishes: initialised, with the provisioning key, not for debugging.
const QUOTING_ENCLAVE_FLAGS: (u64, u64) = (0x11, 0xffff_ffff_ffff_fffb);

/// The enclave that made the attestation key is Intel's, on the platform of the certificate.
fn check_quoting_enclave(quote: &Quote<'_>, platform: &PublicKey<'_>) -> Result<(), HardwareError> {
    let enclave = &quote.enclave;
    if !platform.signed_raw(enclave.signed, enclave.signature) {
        return Err(HardwareError::ReportSignature { what: "the quoting enclave's report" });
    }
    let (expected, mask) = QUOTING_ENCLAVE_FLAGS;
    if enclave.flags & mask != expected {
        let found = enclave.flags;
        return Err(HardwareError::Field { field: "the quoting enclave's flags", expected: "0x11, Intel's", found });
    }
    if enclave.signer != QUOTING_ENCLAVE_SIGNER {
        let (report, certificate) = (hex::encode(enclave.signer), hex::encode(QUOTING_ENCLAVE_SIGNER));
        return Err(HardwareError::CertificateDiffers { what: "quoting enclave's signer", report, certificate });
    }
    if enclave.product != QUOTING_ENCLAVE_PRODUCT {
        let found = u64::from(enclave.product);
        return Err(HardwareError::Field { field: "the quoting enclave's product", expected: "2, Intel's", found });
    }
    let made = Sha256::new().chain_update(quote.attestation_key).chain_update(quote.authentication).finalize();
    let (bound, rest) = enclave.report_data.split_at(32);
    if bound != made.as_slice() || rest.iter().any(|byte| *byte != 0) {
        return Err(HardwareError::ReportSignature { what: "the attestation key" });
    }
    Ok(())
}

/// The module that runs the guest is Intel's: signed by nobody else, without attributes.
fn check_module(quote: &Quote<'_>) -> Result<(), HardwareError> {
    let strange = quote.body.module_signer.iter().chain(&quote.body.module_attributes).find(|byte| **byte != 0);
    match strange {
        Some(byte) => {
            let found = u64::from(*byte);
            Err(HardwareError::Field { field: "the TDX module's signer or attributes", expected: "0, Intel's", found })
        }
        None => Ok(()),
    }
}

impl TdxFacts {
    pub(crate) fn describe(&self, lines: &mut Vec<(&'static str, String)>) {
        lines.push(("processor", format!("Intel, FMSPC {}", hex::encode(self.fmspc))));
        lines.push(("tdx module", hex::encode(self.module)));
        lines.push(("guest", format!("launch measurement {}", hex::encode(self.measurement))));
        lines.push(("tcb", format!("{}, not compared with Intel's list", hex::encode(self.tee_tcb_svn))));
    }
}
