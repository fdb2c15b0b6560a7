//! What a GPU's certificates say: which chip, which firmware.
//!
//! ```text
//! subjectAltName   otherName 1.3.6.1.4.1.412.274.1 (DMTF device information)   "NVIDIA:GH100:48B02D92494BADF4"
//! 2.23.133.5.4.1   Hopper     SEQUENCE { INTEGER 1, device key, SEQUENCE { sha384, OCTET STRING FWID } }
//!                  Blackwell  TCG DiceTcbInfo, its field fwids [6]: the first one
//! ```

use std::fmt;

use crate::certificate::{Certificate, CertificateError};
use crate::der::{self, DerError, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, UTF8_STRING};
use crate::error::HardwareError;

const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 1.3.6.1.4.1.412.274.1, `id-DMTF-device-info`.
const DEVICE_INFO: &[u8] = &[0x2b, 6, 1, 4, 1, 0x83, 0x1c, 0x82, 0x12, 1];
/// 2.23.133.5.4.1 and 2.23.133.5.4.1.1, both of which `local_gpu_verifier` looks for.
const DICE: [&[u8]; 2] = [&[0x67, 0x81, 5, 5, 4, 1], &[0x67, 0x81, 5, 5, 4, 1, 1]];
/// 2.16.840.1.101.3.4.2.2.
const SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];

/// A generation of chips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Architecture {
    /// GH100: H100, H200, H20, GH200.
    Hopper,
    /// GB100 and its kin: B200, GB200.
    Blackwell,
    /// Another chip under the same root, such as a switch.
    Other,
}

impl Architecture {
    /// By the name of the chip.
    pub(super) fn of(chip: &str) -> Self {
        match chip {
            _ if chip.starts_with("GH1") => Architecture::Hopper,
            _ if chip.starts_with("GB1") || chip.starts_with("GB2") => Architecture::Blackwell,
            _ => Architecture::Other,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Architecture::Hopper => "Hopper",
            Architecture::Blackwell => "Blackwell",
            Architecture::Other => "another architecture",
        })
    }
}

/// `manufacturer:product:serial` (DSP0274, 10.8.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// `NVIDIA`.
    pub manufacturer: String,
    /// `GH100`.
    pub product: String,
    /// `48B02D92494BADF4`.
    pub serial: String,
}

/// The device information in the leaf's alternative names, if it has any.
pub(super) fn device_info(leaf: &Certificate<'_>) -> Result<Option<DeviceInfo>, HardwareError> {
    let Some(value) = leaf.extension(SUBJECT_ALT_NAME) else { return Ok(None) };
    let bad = |problem: DerError| HardwareError::Certificate { index: 0, problem: CertificateError::Der(problem) };
    let Some(text) = device_info_text(value).map_err(bad)? else { return Ok(None) };
    let mut parts = text.splitn(3, ':').map(str::to_owned);
    let (Some(manufacturer), Some(product), Some(serial)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(HardwareError::FieldForm { field: "device information" });
    };
    Ok(Some(DeviceInfo { manufacturer, product, serial }))
}

fn device_info_text(value: &[u8]) -> Result<Option<&str>, DerError> {
    let mut names = der::only(value, SEQUENCE)?.reader();
    while !names.is_empty() {
        let name = names.next()?;
        if name.tag != der::context(0) {
            continue;
        }
        let mut other = name.reader();
        if other.expect(OID)?.content != DEVICE_INFO {
            continue;
        }
        let text = der::only(other.expect(der::context(0))?.content, UTF8_STRING)?.text()?;
        other.end()?;
        return Ok(Some(text));
    }
    Ok(None)
}

/// The digest of the firmware for which the chip made the leaf's key.
pub(super) fn fwid(leaf: &Certificate<'_>) -> Result<[u8; 48], HardwareError> {
    let value = DICE.iter().find_map(|oid| leaf.extension(oid)).ok_or(HardwareError::FwidMissing)?;
    let digest = read_fwid(value).map_err(|_| HardwareError::FwidMissing)?;
    digest.and_then(|digest| digest.try_into().ok()).ok_or(HardwareError::FwidMissing)
}

fn read_fwid(value: &[u8]) -> Result<Option<&[u8]>, DerError> {
    let mut fields = der::only(value, SEQUENCE)?.reader();
    if fields.peek() == Some(INTEGER) {
        fields.expect(INTEGER)?;
        fields.expect(SEQUENCE)?;
        let digest = read_digest(&mut fields)?;
        fields.end()?;
        return Ok(digest);
    }
    while !fields.is_empty() {
        let field = fields.next()?;
        if field.tag == der::context(6) {
            return read_digest(&mut field.reader());
        }
    }
    Ok(None)
}

/// `SEQUENCE { OID sha384, OCTET STRING }`.
fn read_digest<'a>(fields: &mut Reader<'a>) -> Result<Option<&'a [u8]>, DerError> {
    let mut pair = fields.enter(SEQUENCE)?;
    let algorithm = pair.expect(OID)?.content;
    let digest = pair.expect(OCTET_STRING)?.content;
    pair.end()?;
    Ok((algorithm == SHA384).then_some(digest))
}
