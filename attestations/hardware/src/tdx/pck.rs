//! What a PCK certificate says of its platform (Intel, "SGX PCK Certificate and CRL profile").
//!
//! ```text
//! 1.2.840.113741.1.13.1   SEQUENCE OF SEQUENCE { OID 1.2.840.113741.1.13.1.n, value }
//!                         n = 4: FMSPC, OCTET STRING of 6 bytes
//! ```

use crate::certificate::{Certificate, CertificateError};
use crate::der::{self, DerError, OCTET_STRING, OID, SEQUENCE};
use crate::error::HardwareError;

const SGX: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 1, 0x0d, 1];
const FMSPC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 1, 0x0d, 1, 4];

pub(super) fn fmspc(leaf: &Certificate<'_>) -> Result<[u8; 6], HardwareError> {
    let bad = |problem| HardwareError::Certificate { index: 0, problem: CertificateError::Der(problem) };
    read(leaf.extension(SGX).unwrap_or_default()).map_err(bad)
}

fn read(value: &[u8]) -> Result<[u8; 6], DerError> {
    let mut fields = der::only(value, SEQUENCE)?.reader();
    while !fields.is_empty() {
        let mut field = fields.enter(SEQUENCE)?;
        if field.expect(OID)?.content == FMSPC {
            let content = field.expect(OCTET_STRING)?.content;
            return content.try_into().map_err(|_| DerError::Form { what: "an FMSPC" });
        }
    }
    Err(DerError::Form { what: "a PCK certificate's extension" })
}
