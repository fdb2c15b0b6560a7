//! NVIDIA: SPDM attestation reports of GPUs, from Hopper on.
//!
//! A report is a DMTF SPDM 1.1 exchange, request then answer, signed by a key that the chip's boot ROM made for the
//! firmware that it started:
//!
//! ```text
//! certificate 4  NVIDIA Device Identity CA            pinned root
//!             3  NVIDIA GH100 Identity                the model
//!             2  NVIDIA GH100 Provisioner ICA 1       the factory
//!             1  GH100 A01 GSP BROM <serial>          the chip: this key is the identity of one GPU
//!             0  GH100 A01 GSP FMC LF <serial>        the firmware on it (FWID in an extension): signs the report
//! ```
//!
//! The order of checks is that of <https://github.com/NVIDIA/nvtrust> (`local_gpu_verifier`, commit 028173093): chain,
//! firmware id, nonce, signature. Its comparison with golden measurements and its questions about revocation need a
//! network, and are not made here.

mod identity;
mod report;

pub use identity::{Architecture, DeviceInfo};
pub use report::{Field, Measurement, Report};

use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

use crate::certificate::Certificate;
use crate::chain;
use crate::error::HardwareError;

/// Certificates from a GPU's signing key to NVIDIA's root.
const CERTIFICATES: usize = 5;
/// The place of the certificate of the chip itself.
const CHIP: usize = 1;

/// What a GPU's report is proved to say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NvidiaFacts {
    /// The generation, from the name of the chip.
    pub architecture: Architecture,
    /// The name of the chip: `GH100`. Switches have certificates under the same root, with other names.
    pub chip: String,
    /// Who made what, with which serial number (DMTF DSP0274, device information); chips may lack it.
    pub device_info: Option<DeviceInfo>,
    /// The subject of the chip's certificate: `GH100 A01 GSP BROM 41431D480FE5E87274`.
    pub chip_certificate: String,
    /// Serial number of the signing certificate, hex: NVIDIA's tools call its decimal form `ueid`.
    pub signer_serial: String,
    /// The driver: `550.90.07`.
    pub driver_version: String,
    /// The firmware of the board: `96.00.9F.00.01`.
    pub vbios_version: String,
    /// Digest of the first mutable code, SHA-384.
    pub fwid: [u8; 48],
    /// The nonce that the GPU added.
    pub gpu_nonce: [u8; 32],
    /// What the GPU measured.
    pub measurements: Vec<Measurement>,
}

/// A GPU's chain that is proved, up to a pinned root: as many of its reports as one likes are then checked against it.
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    leaf: Certificate<'a>,
    chip: Certificate<'a>,
}

impl<'a> Signer<'a> {
    /// Verifies five certificates, the firmware's first and the root last, all at the time `at`.
    ///
    /// # Errors
    /// [`HardwareError::ChainLength`], [`HardwareError::UnknownRoot`], or the certificate that does not hold.
    pub fn verify(certificates: &'a [Vec<u8>], roots: &[Hash], at: Timestamp) -> Result<Self, HardwareError> {
        let wrong = HardwareError::ChainLength { certificates: certificates.len() };
        if certificates.len() != CERTIFICATES {
            return Err(wrong);
        }
        let mut proved = chain::verify(certificates, roots, at)?.into_iter();
        let (leaf, chip) = proved.next().zip(proved.next()).ok_or(wrong)?;
        Ok(Signer { leaf, chip })
    }

    /// SHA-256 of the public key in the boot ROM's certificate: one chip, one hash.
    pub fn device(&self) -> Hash {
        Hash::sha256(self.chip.spki)
    }

    /// Verifies that a report is this chip's and answers `nonce`.
    ///
    /// # Errors
    /// The first check that fails: form of the report, nonce, firmware id, signature.
    pub fn answers(&self, report: &[u8], nonce: Hash) -> Result<NvidiaFacts, HardwareError> {
        let report = Report::parse(report)?;
        if report.nonce != *nonce.as_bytes() {
            return Err(HardwareError::NonceDiffers { expected: nonce, found: hex::encode(report.nonce) });
        }
        let (fwid, certified) = (report.fwid()?, identity::fwid(&self.leaf)?);
        if fwid != certified {
            let (report, certificate) = (hex::encode(fwid), hex::encode(certified));
            return Err(HardwareError::FwidDiffers { report, certificate });
        }
        if !self.leaf.key.signed_raw(report.signed, report.signature) {
            return Err(HardwareError::ReportSignature { what: "the report" });
        }
        self.facts(report, fwid)
    }

    fn facts(&self, report: Report<'_>, fwid: [u8; 48]) -> Result<NvidiaFacts, HardwareError> {
        let at_chip = |problem| HardwareError::Certificate { index: CHIP, problem };
        let chip_certificate = self.chip.name().map_err(at_chip)?;
        let device_info = identity::device_info(&self.leaf)?;
        let chip = match &device_info {
            Some(info) => info.product.clone(),
            None => chip_certificate.split(' ').next().unwrap_or_default().to_owned(),
        };
        Ok(NvidiaFacts {
            architecture: Architecture::of(&chip),
            chip,
            device_info,
            chip_certificate,
            signer_serial: hex::encode(self.leaf.serial),
            driver_version: report.driver_version()?,
            vbios_version: report.vbios_version()?,
            fwid,
            gpu_nonce: report.gpu_nonce,
            measurements: report.measurements,
        })
    }
}

impl NvidiaFacts {
    pub(crate) fn describe(&self, lines: &mut Vec<(&'static str, String)>) {
        lines.push(("chip", format!("NVIDIA {} ({})", self.chip, self.architecture)));
        if let Some(info) = &self.device_info {
            lines.push(("serial", info.serial.clone()));
        }
        lines.push(("certificate", self.chip_certificate.clone()));
        lines.push(("driver", self.driver_version.clone()));
        lines.push(("vbios", self.vbios_version.clone()));
        lines.push(("firmware id", hex::encode(self.fwid)));
        lines.push(("measurements", format!("{}, compared with no list", self.measurements.len())));
    }
}
