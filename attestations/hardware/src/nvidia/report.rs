//! The bytes of a report: DMTF SPDM 1.1 (DSP0274), `GET_MEASUREMENTS` and `MEASUREMENTS`.
//!
//! ```text
//! request    0  version 11, code e0, param1 01 (signed), param2 ff (all)      4
//!            4  nonce of the one who asks                                    32
//!           36  slot                                                          1
//! answer    37  version 11, code 60, param1, param2 (slot)                    4
//!           41  number of blocks                                              1
//!           42  length of the blocks, little-endian                           3
//!           45  blocks: index 1, specification 01, size 2, then               …
//!                       kind 1, size 2, value
//!            …  nonce of the GPU                                             32
//!            …  length of the opaque data, little-endian                      2
//!            …  opaque data: kind 2, size 2, value                            …
//!            …  signature r || s, P-384, over SHA-384 of all before it       96
//! ```

use std::collections::BTreeSet;

use crate::bytes::Cursor;
use crate::error::HardwareError;

/// Bytes of the longest report that is read.
const REPORT_BYTES_MAX: usize = 65_536;
const SIGNATURE_BYTES: usize = 96;
const SPDM_1_1: u8 = 0x11;
const GET_MEASUREMENTS: u8 = 0xe0;
const MEASUREMENTS: u8 = 0x60;
/// `MeasurementSpecification`: the form that the DMTF defines.
const DMTF: u8 = 1;

/// Kinds of opaque data that are used here; `local_gpu_verifier` lists them all.
const DRIVER_VERSION: u16 = 3;
const VBIOS_VERSION: u16 = 6;
const FWID: u16 = 20;

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// Its index, from 1.
    pub index: u8,
    /// `DMTFSpecMeasurementValueType`: bit 7 is set for raw bytes and clear for a digest; 0 is immutable ROM, 1 mutable
    /// firmware, 2 hardware configuration, 3 firmware configuration.
    pub kind: u8,
    /// The digest, or the bytes.
    pub value: Vec<u8>,
}

/// One field of the opaque data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it says, by NVIDIA's number.
    pub kind: u16,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// A report that reads well. Nothing in it is true before its signature and chain say so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report<'a> {
    /// The nonce that was asked.
    pub nonce: [u8; 32],
    /// The nonce that the GPU added.
    pub gpu_nonce: [u8; 32],
    /// In the order of the report; no index stands twice.
    pub measurements: Vec<Measurement>,
    /// In the order of the report; no kind stands twice.
    pub opaque: Vec<Field>,
    /// What is signed.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl<'a> Report<'a> {
    /// Reads a report.
    ///
    /// # Errors
    /// What is cut short, left over, repeated, or of another version or kind.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HardwareError> {
        if let Some(count) = bytes.len().checked_sub(REPORT_BYTES_MAX + 1) {
            return Err(HardwareError::TrailingBytes { what: "the longest report", count: count + 1 });
        }
        let mut cursor = Cursor::new("the report", bytes);
        let nonce = read_request(&mut cursor)?;
        header(&mut cursor, "the answer", MEASUREMENTS)?;
        let _params = cursor.array::<2>()?;
        let blocks = cursor.u8()?;
        let length = cursor.u24_le()? as usize;
        let measurements = read_measurements(cursor.take(length)?, blocks)?;
        let gpu_nonce = cursor.array()?;
        let opaque_length = cursor.u16_le()?;
        let opaque = read_opaque(cursor.take(usize::from(opaque_length))?)?;
        let signature = cursor.take(SIGNATURE_BYTES)?;
        cursor.end()?;
        let (signed, _) = bytes.split_at(bytes.len() - SIGNATURE_BYTES);
        Ok(Report { nonce, gpu_nonce, measurements, opaque, signed, signature })
    }

    /// The value of a field of the opaque data.
    pub fn field(&self, kind: u16) -> Option<&[u8]> {
        self.opaque.iter().find(|field| field.kind == kind).map(|field| field.value.as_slice())
    }

    pub(super) fn fwid(&self) -> Result<[u8; 48], HardwareError> {
        let value = self.field(FWID).ok_or(HardwareError::FieldMissing { field: "firmware id" })?;
        value.try_into().map_err(|_| HardwareError::FieldForm { field: "firmware id" })
    }

    /// Text that ends in one NUL.
    pub(super) fn driver_version(&self) -> Result<String, HardwareError> {
        let bad = HardwareError::FieldForm { field: "driver version" };
        let value = self.field(DRIVER_VERSION).ok_or(HardwareError::FieldMissing { field: "driver version" })?;
        let Some((0, text)) = value.split_last() else { return Err(bad) };
        let plain = !text.is_empty() && text.len() <= 64 && text.iter().all(u8::is_ascii_graphic);
        if plain { Ok(text.iter().map(|b| char::from(*b)).collect()) } else { Err(bad) }
    }

    /// `00 9f 00 96 01 00 00 00` is `96.00.9F.00.01`: two little-endian words, of the second one byte.
    pub(super) fn vbios_version(&self) -> Result<String, HardwareError> {
        match self.field(VBIOS_VERSION).ok_or(HardwareError::FieldMissing { field: "vbios version" })? {
            [d, c, b, a, e, 0, 0, 0] => Ok(format!("{a:02X}.{b:02X}.{c:02X}.{d:02X}.{e:02X}")),
            _ => Err(HardwareError::FieldForm { field: "vbios version" }),
        }
    }
}

/// The question; gives its nonce.
fn read_request(cursor: &mut Cursor<'_>) -> Result<[u8; 32], HardwareError> {
    header(cursor, "the request", GET_MEASUREMENTS)?;
    let [attributes, operation] = cursor.array()?;
    if attributes != 1 {
        let found = u64::from(attributes);
        return Err(HardwareError::Field { field: "the request's attributes", expected: "1, signed", found });
    }
    if operation != 0xff {
        let found = u64::from(operation);
        return Err(HardwareError::Field { field: "the request's operation", expected: "0xff, all", found });
    }
    let nonce = cursor.array()?;
    let _slot = cursor.u8()?;
    Ok(nonce)
}

fn header(cursor: &mut Cursor<'_>, what: &'static str, expected: u8) -> Result<(), HardwareError> {
    let [version, code] = cursor.array()?;
    if version != SPDM_1_1 {
        return Err(HardwareError::Version { what, expected: u32::from(SPDM_1_1), found: u32::from(version) });
    }
    if code != expected {
        return Err(HardwareError::SpdmCode { what, expected, found: code });
    }
    Ok(())
}

/// As many blocks as the answer says, and nothing behind them.
fn read_measurements(record: &[u8], blocks: u8) -> Result<Vec<Measurement>, HardwareError> {
    let mut cursor = Cursor::new("the measurement record", record);
    let mut measurements: Vec<Measurement> = Vec::with_capacity(usize::from(blocks));
    for _ in 0..blocks {
        let [index, specification] = cursor.array()?;
        let size = cursor.u16_le()?;
        let mut inner = Cursor::new("a measurement", cursor.take(usize::from(size))?);
        let kind = inner.u8()?;
        let length = inner.u16_le()?;
        let value = inner.take(usize::from(length))?.to_vec();
        if specification != DMTF || index == 0 || inner.end().is_err() {
            return Err(HardwareError::Measurement { index });
        }
        if measurements.iter().any(|other| other.index == index) {
            return Err(HardwareError::Repeated { what: "measurement", number: u16::from(index) });
        }
        measurements.push(Measurement { index, kind, value });
    }
    cursor.end()?;
    Ok(measurements)
}

fn read_opaque(bytes: &[u8]) -> Result<Vec<Field>, HardwareError> {
    let mut cursor = Cursor::new("the opaque data", bytes);
    let (mut fields, mut kinds) = (Vec::new(), BTreeSet::new());
    while !cursor.is_empty() {
        let kind = cursor.u16_le()?;
        let size = cursor.u16_le()?;
        let value = cursor.take(usize::from(size))?.to_vec();
        if !kinds.insert(kind) {
            return Err(HardwareError::Repeated { what: "field", number: kind });
        }
        fields.push(Field { kind, value });
    }
    Ok(fields)
}
