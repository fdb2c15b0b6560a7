//! The bytes of a quote; the drawing is in [`super`].

use crate::bytes::Cursor;
use crate::error::HardwareError;

/// `attestation key type`: ECDSA over P-256.
const ECDSA_P256: u16 = 2;
/// `TEE type` of TDX.
const TDX: u32 = 0x81;
/// Certification data: a quoting enclave's report; certificates in PEM.
const ENCLAVE_REPORT: u16 = 6;
const CERTIFICATE_CHAIN: u16 = 5;
/// Kinds of body in version 5, with their bytes.
const BODIES: [(u16, u32); 3] = [(2, 584), (3, 648), (4, 885)];
const HEADER_BYTES: usize = 48;

/// A quote that reads well. Nothing in it is true before its signatures say so.
#[derive(Debug)]
pub(super) struct Quote<'a> {
    pub(super) version: u16,
    pub(super) body: Body,
    pub(super) signed: &'a [u8],
    pub(super) signature: &'a [u8],
    /// `x || y`.
    pub(super) attestation_key: [u8; 64],
    pub(super) enclave: Enclave<'a>,
    pub(super) authentication: &'a [u8],
    /// PEM, leaf first.
    pub(super) certificates: &'a [u8],
}

/// The guest: what all three bodies begin with.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) tee_tcb_svn: [u8; 16],
    pub(super) module: [u8; 48],
    pub(super) module_signer: [u8; 48],
    pub(super) module_attributes: [u8; 8],
    pub(super) attributes: [u8; 8],
    pub(super) measurement: [u8; 48],
    pub(super) runtime_measurements: [[u8; 48]; 4],
    pub(super) report_data: [u8; 64],
}

/// The report of the quoting enclave.
#[derive(Debug)]
pub(super) struct Enclave<'a> {
    pub(super) flags: u64,
    pub(super) signer: [u8; 32],
    pub(super) product: u16,
    pub(super) svn: u16,
    pub(super) report_data: [u8; 64],
    pub(super) signed: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> Quote<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, HardwareError> {
        let mut cursor = Cursor::new("the quote", bytes);
        let (version, body_bytes) = read_header(&mut cursor)?;
        let body = Body::parse(cursor.take(body_bytes)?)?;
        let (signed, _) = bytes.split_at(signed_bytes(version, body_bytes));
        let length = cursor.u32_le()? as usize;
        let mut inner = Cursor::new("the quote's signature", cursor.take(length)?);
        cursor.end()?;
        let signature = inner.take(64)?;
        let attestation_key = inner.array()?;
        let mut certification = section(&mut inner, "the certification data", ENCLAVE_REPORT)?;
        inner.end()?;
        let enclave = Enclave::parse(&mut certification)?;
        let authentication_bytes = certification.u16_le()?;
        let authentication = certification.take(usize::from(authentication_bytes))?;
        let chain_bytes = certification_chain(&mut certification)?;
        certification.end()?;
        // Lengths up to here are not signed: a chain that may lack its end would give one quote several forms.
        let certificates = chain_bytes.strip_suffix(&[0]).ok_or(HardwareError::ChainEnd)?;
        Ok(Quote { version, body, signed, signature, attestation_key, enclave, authentication, certificates })
    }
}

/// Bytes up to the end of the body.
fn signed_bytes(version: u16, body_bytes: usize) -> usize {
    HEADER_BYTES + if version == 5 { 6 } else { 0 } + body_bytes
}

/// The version, and how long the body is.
fn read_header(cursor: &mut Cursor<'_>) -> Result<(u16, usize), HardwareError> {
    let version = cursor.u16_le()?;
    if version != 4 && version != 5 {
        return Err(HardwareError::Version { what: "the quote", expected: 4, found: u32::from(version) });
    }
    let key_type = cursor.u16_le()?;
    if key_type != ECDSA_P256 {
        let found = u64::from(key_type);
        return Err(HardwareError::Field { field: "the quote's key type", expected: "2, ECDSA over P-256", found });
    }
    let tee = cursor.u32_le()?;
    if tee != TDX {
        return Err(HardwareError::Field { field: "the quote's kind", expected: "0x81, TDX", found: u64::from(tee) });
    }
    let _versions_vendor_and_user = cursor.take(HEADER_BYTES - 8)?;
    if version == 4 {
        return Ok((version, 584));
    }
    let (kind, length) = (cursor.u16_le()?, cursor.u32_le()?);
    if !BODIES.contains(&(kind, length)) {
        let found = u64::from(length) << 16 | u64::from(kind);
        let expected = "a body of kind 2, 3 or 4 with its own length before it";
        return Err(HardwareError::Field { field: "the quote's body", expected, found });
    }
    Ok((version, length as usize))
}

/// `kind 2, length 4` and as many bytes.
fn section<'a>(cursor: &mut Cursor<'a>, what: &'static str, expected: u16) -> Result<Cursor<'a>, HardwareError> {
    let kind = cursor.u16_le()?;
    if kind != expected {
        return Err(HardwareError::Version { what, expected: u32::from(expected), found: u32::from(kind) });
    }
    let length = cursor.u32_le()? as usize;
    Ok(Cursor::new(what, cursor.take(length)?))
}

fn certification_chain<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], HardwareError> {
    Ok(section(cursor, "the quote's certificates", CERTIFICATE_CHAIN)?.rest())
}

impl Body {
    fn parse(bytes: &[u8]) -> Result<Self, HardwareError> {
        let mut fields = Cursor::new("the guest's report", bytes);
        let tee_tcb_svn = fields.array()?;
        let (module, module_signer) = (fields.array()?, fields.array()?);
        let (module_attributes, attributes) = (fields.array()?, fields.array()?);
        let _extended_features = fields.u64_le()?;
        let measurement = fields.array()?;
        let _configuration_and_owners = fields.take(3 * 48)?;
        let runtime_measurements = [fields.array()?, fields.array()?, fields.array()?, fields.array()?];
        let report_data = fields.array()?;
        Ok(Body {
            tee_tcb_svn,
            module,
            module_signer,
            module_attributes,
            attributes,
            measurement,
            runtime_measurements,
            report_data,
        })
    }
}

impl<'a> Enclave<'a> {
    fn parse(cursor: &mut Cursor<'a>) -> Result<Self, HardwareError> {
        let signed = cursor.take(384)?;
        let signature = cursor.take(64)?;
        let mut fields = Cursor::new("the quoting enclave's report", signed);
        let _svn_and_reserved = fields.take(48)?;
        let flags = fields.u64_le()?;
        let _features_and_measurement = fields.take(8 + 32 + 32)?;
        let signer = fields.array()?;
        let _reserved = fields.take(96)?;
        let (product, svn) = (fields.u16_le()?, fields.u16_le()?);
        let _reserved = fields.take(60)?;
        let report_data = fields.array()?;
        fields.end()?;
        Ok(Enclave { flags, signer, product, svn, report_data, signed, signature })
    }
}

/// A quote as drivers hand it over, without the zeros behind it that fill their buffer.
pub(crate) fn without_padding(bytes: &[u8]) -> &[u8] {
    let mut cursor = Cursor::new("the quote", bytes);
    let end = read_header(&mut cursor).and_then(|(version, body)| {
        cursor.take(body)?;
        let length = cursor.u32_le()? as usize;
        Ok(signed_bytes(version, body).saturating_add(4).saturating_add(length))
    });
    match end.ok().and_then(|end| bytes.split_at_checked(end)) {
        Some((quote, padding)) if padding.iter().all(|byte| *byte == 0) => quote,
        _ => bytes,
    }
}
