//! What a VCEK certificate says of its chip (AMD publication 57230, "VCEK certificate and KDS interface").
//!
//! ```text
//! 1.3.6.1.4.1.3704.1.2     IA5String "Milan-B0"
//! 1.3.6.1.4.1.3704.1.3.n   INTEGER, security version of: 1 boot loader, 2 TEE, 3 SNP, 8 microcode, 9 FMC
//! 1.3.6.1.4.1.3704.1.4     the chip id itself: 64 bytes, from Turin on the first 8
//! ```

use crate::certificate::{Certificate, CertificateError};
use crate::der::{self, DerError, IA5_STRING, INTEGER};
use crate::error::HardwareError;

const PRODUCT: &[u8] = &[0x2b, 6, 1, 4, 1, 0x9c, 0x78, 1, 2];
const CHIP_ID: &[u8] = &[0x2b, 6, 1, 4, 1, 0x9c, 0x78, 1, 4];
/// 1.3.6.1.4.1.3704.1.3, of which the security versions are parts.
const VERSIONS: &[u8] = &[0x2b, 6, 1, 4, 1, 0x9c, 0x78, 1, 3];

/// Parts of the TCB: number in the certificate, byte in the report.
const BEFORE_TURIN: [(u8, usize); 4] = [(1, 0), (2, 1), (3, 6), (8, 7)];
const FROM_TURIN: [(u8, usize); 5] = [(9, 0), (1, 1), (2, 2), (3, 3), (8, 7)];

/// The certificate is for this chip at this TCB; gives the product's name.
pub(super) fn check(vcek: &Certificate<'_>, chip_id: &[u8; 64], tcb: [u8; 8]) -> Result<String, HardwareError> {
    let product = product(vcek).map_err(at_leaf)?;
    let certified = vcek.extension(CHIP_ID).unwrap_or_default();
    let turin = certified.len() == 8;
    let same = match certified.len() {
        64 => certified == chip_id,
        8 => chip_id.strip_prefix(certified).is_some_and(|rest| rest.iter().all(|byte| *byte == 0)),
        _ => false,
    };
    if !same {
        let (report, certificate) = (hex::encode(chip_id), hex::encode(certified));
        return Err(HardwareError::CertificateDiffers { what: "chip id", report, certificate });
    }
    let mut levels = [0; 8];
    let parts: &[(u8, usize)] = if turin { &FROM_TURIN } else { &BEFORE_TURIN };
    for (part, place) in parts {
        let level = security_version(vcek, *part).map_err(at_leaf)?;
        if let Some(slot) = levels.get_mut(*place) {
            *slot = level;
        }
    }
    if levels != tcb {
        let (report, certificate) = (hex::encode(tcb), hex::encode(levels));
        return Err(HardwareError::CertificateDiffers { what: "trusted computing base", report, certificate });
    }
    Ok(product)
}

fn at_leaf(problem: DerError) -> HardwareError {
    HardwareError::Certificate { index: 0, problem: CertificateError::Der(problem) }
}

fn product(vcek: &Certificate<'_>) -> Result<String, DerError> {
    let value = vcek.extension(PRODUCT).unwrap_or_default();
    der::only(value, IA5_STRING)?.text().map(str::to_owned)
}

/// One part of the TCB, 0 to 255.
fn security_version(vcek: &Certificate<'_>, part: u8) -> Result<u8, DerError> {
    let value = vcek.extension(&[VERSIONS, &[part]].concat()).unwrap_or_default();
    let version = der::only(value, INTEGER)?.small()?;
    u8::try_from(version).map_err(|_| DerError::Form { what: "a security version" })
}
