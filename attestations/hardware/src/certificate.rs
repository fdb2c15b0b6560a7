//! One X.509 certificate (RFC 5280), read strictly and never trusted by itself: see [`crate::chain`].
//!
//! ```text
//! Certificate ::= SEQUENCE {
//!     tbsCertificate      what is signed: version 3, serial, algorithm, issuer, validity, subject, key, extensions
//!     signatureAlgorithm  the same bytes as inside
//!     signature           BIT STRING of whole bytes }
//! ```

use standstill_protocol::units::Timestamp;

use crate::der::{self, BIT_STRING, BOOLEAN, DerError, Element, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET};
use crate::signature::{PublicKey, Scheme};

/// Bytes of the longest certificate that is read.
pub const CERTIFICATE_BYTES_MAX: usize = 8192;

/// What is wrong with one certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not the DER of a certificate.
    #[error("it is not the DER of a certificate: {0}")]
    Der(#[from] DerError),
    /// More bytes than any vendor's certificate has.
    #[error("it has {bytes} bytes, more than the {CERTIFICATE_BYTES_MAX} that are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not version 3.
    #[error("it is not an X.509 certificate of version 3")]
    Version,
    /// A signature algorithm that no vendor here uses, or two that differ.
    #[error("it is signed by an algorithm that is not read here, or names two that differ")]
    Algorithm,
    /// A key of a kind that no vendor here uses.
    #[error("its key is neither P-384, P-256 nor RSA of 4096 bits with exponent 65537")]
    Key,
    /// The same extension twice.
    #[error("its extension `{oid}` stands there twice")]
    ExtensionRepeated {
        /// The extension.
        oid: String,
    },
    /// A critical extension that is not understood (RFC 5280, 4.2).
    #[error("its extension `{oid}` is critical and not understood")]
    UnknownCriticalExtension {
        /// The extension.
        oid: String,
    },
    /// The time asked about is before its validity.
    #[error("it is valid only from {from}, after the {at} that is asked about")]
    NotYetValid {
        /// Its `notBefore`.
        from: Timestamp,
        /// The time asked about.
        at: Timestamp,
    },
    /// The time asked about is after its validity.
    #[error("it expired: it was valid until {until}, and {at} is asked about")]
    Expired {
        /// Its `notAfter`.
        until: Timestamp,
        /// The time asked about.
        at: Timestamp,
    },
    /// Its issuer is not the subject of the next one.
    #[error("its issuer is not the subject of the next certificate: is one missing, or is the order another one?")]
    Issuer,
    /// Its authority key identifier is not the next one's subject key identifier.
    #[error("it names another key of its issuer than that of the next certificate")]
    KeyIdentifier,
    /// The signature on it is not that of the next one's key.
    #[error("the signature on it is not that of the next certificate's key")]
    Signature,
    /// It signs another one, but is no certificate authority.
    #[error("it signed another certificate, but is not marked as a certificate authority that may")]
    NotAnAuthority,
    /// More authorities stand below it than it allows.
    #[error("{below} authorities stand below it, where it allows {allowed}")]
    PathLength {
        /// How many it allows.
        allowed: u64,
        /// How many there are.
        below: u64,
    },
    /// It may not be used to sign reports.
    #[error("it may not be used for signatures on reports, or is itself an authority")]
    NotASigner,
}

const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SERIAL_NUMBER: &[u8] = &[0x55, 0x04, 0x05];

/// `digitalSignature` and `keyCertSign` of RFC 5280, 4.2.1.3, as [`Element::named_bits`] reads them.
const DIGITAL_SIGNATURE: u16 = 0x8000;
const KEY_CERT_SIGN: u16 = 0x0400;

/// One extension that is not interpreted here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    pub(crate) oid: &'a [u8],
    critical: bool,
    pub(crate) value: &'a [u8],
}

/// A certificate that reads well. Nothing in it is true before a chain says so.
#[derive(Clone, Debug)]
pub(crate) struct Certificate<'a> {
    signed: &'a [u8],
    scheme: Scheme,
    signature: &'a [u8],
    pub(crate) serial: &'a [u8],
    issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    not_before: Timestamp,
    not_after: Timestamp,
    /// `SubjectPublicKeyInfo`, whole.
    pub(crate) spki: &'a [u8],
    pub(crate) key: PublicKey<'a>,
    extensions: Vec<Extension<'a>>,
}

impl<'a> Certificate<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, CertificateError> {
        if bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::TooLong { bytes: bytes.len() });
        }
        let mut outer = der::only(bytes, SEQUENCE)?.reader();
        let signed = outer.expect(SEQUENCE)?;
        let algorithm = outer.expect(SEQUENCE)?.whole;
        let signature = outer.expect(BIT_STRING)?.whole_bits()?;
        outer.end()?;

        let mut inner = signed.reader();
        read_version(&mut inner)?;
        let serial = inner.expect(INTEGER)?.unsigned()?;
        let scheme = Scheme::read(algorithm).ok_or(CertificateError::Algorithm)?;
        if inner.expect(SEQUENCE)?.whole != algorithm {
            return Err(CertificateError::Algorithm);
        }
        let issuer = inner.expect(SEQUENCE)?.whole;
        let (not_before, not_after) = read_validity(&mut inner)?;
        let subject = inner.expect(SEQUENCE)?.whole;
        let spki = inner.expect(SEQUENCE)?.whole;
        let key = PublicKey::read(spki)?.ok_or(CertificateError::Key)?;
        let extensions = read_extensions(&mut inner)?;
        inner.end()?;
        let signed = signed.whole;
        Ok(Certificate {
            signed,
            scheme,
            signature,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            spki,
            key,
            extensions,
        })
    }

    /// Valid at `at`, both ends included.
    pub(crate) fn check_time(&self, at: Timestamp) -> Result<(), CertificateError> {
        if at < self.not_before {
            return Err(CertificateError::NotYetValid { from: self.not_before, at });
        }
        if at > self.not_after {
            return Err(CertificateError::Expired { until: self.not_after, at });
        }
        Ok(())
    }

    /// No critical extension is left that nobody understood.
    pub(crate) fn check_critical(&self) -> Result<(), CertificateError> {
        let understood = [BASIC_CONSTRAINTS, KEY_USAGE, SUBJECT_KEY_ID, AUTHORITY_KEY_ID];
        match self.extensions.iter().find(|e| e.critical && !understood.contains(&e.oid)) {
            Some(unknown) => Err(CertificateError::UnknownCriticalExtension { oid: der::dotted(unknown.oid) }),
            None => Ok(()),
        }
    }

    /// May sign certificates below which `below` more authorities stand.
    pub(crate) fn check_authority(&self, below: u64) -> Result<(), CertificateError> {
        let (authority, path_length) = self.basic_constraints()?;
        let may_sign = self.key_usage()?.is_none_or(|bits| bits & KEY_CERT_SIGN != 0);
        if !authority || !may_sign {
            return Err(CertificateError::NotAnAuthority);
        }
        match path_length {
            Some(allowed) if below > allowed => Err(CertificateError::PathLength { allowed, below }),
            _ => Ok(()),
        }
    }

    /// Is no authority and may sign what is no certificate.
    pub(crate) fn check_signer(&self) -> Result<(), CertificateError> {
        let (authority, _) = self.basic_constraints()?;
        let may_sign = self.key_usage()?.is_none_or(|bits| bits & DIGITAL_SIGNATURE != 0);
        if authority || !may_sign { Err(CertificateError::NotASigner) } else { Ok(()) }
    }

    /// Was issued, and signed, by `issuer`.
    pub(crate) fn check_issued_by(&self, issuer: &Certificate<'_>) -> Result<(), CertificateError> {
        if self.issuer != issuer.subject {
            return Err(CertificateError::Issuer);
        }
        let named = self.authority_key_id()?;
        let theirs = issuer.subject_key_id()?;
        if named.zip(theirs).is_some_and(|(named, theirs)| named != theirs) {
            return Err(CertificateError::KeyIdentifier);
        }
        match issuer.key.signed(self.scheme, self.signed, self.signature) {
            true => Ok(()),
            false => Err(CertificateError::Signature),
        }
    }

    /// The value of an extension.
    pub(crate) fn extension(&self, oid: &[u8]) -> Option<&'a [u8]> {
        self.extensions.iter().find(|e| e.oid == oid).map(|e| e.value)
    }

    /// The subject's common name and serial number, as a person would tell it: `GH100 A01 GSP BROM 41431D480FE5E87274`.
    pub(crate) fn name(&self) -> Result<String, CertificateError> {
        let mut common = String::new();
        let mut serial = String::new();
        let mut sets = der::only(self.subject, SEQUENCE)?.reader();
        while !sets.is_empty() {
            let mut attributes = sets.enter(SET)?;
            while !attributes.is_empty() {
                let mut attribute = attributes.enter(SEQUENCE)?;
                let kind = attribute.expect(OID)?.content;
                let value = attribute.next()?;
                attribute.end()?;
                match kind {
                    COMMON_NAME => common = value.text()?.to_owned(),
                    SERIAL_NUMBER => serial = format!(" {}", value.text()?),
                    _ => {}
                }
            }
        }
        Ok(format!("{common}{serial}"))
    }

    /// Whether it is an authority, and how many authorities may stand below it.
    fn basic_constraints(&self) -> Result<(bool, Option<u64>), CertificateError> {
        let Some(value) = self.extension(BASIC_CONSTRAINTS) else { return Ok((false, None)) };
        let mut fields = der::only(value, SEQUENCE)?.reader();
        let authority = match fields.optional(BOOLEAN)? {
            Some(element) => element.boolean()?,
            None => false,
        };
        let path_length = fields.optional(INTEGER)?.map(|element| element.small()).transpose()?;
        fields.end()?;
        Ok((authority, path_length))
    }

    fn key_usage(&self) -> Result<Option<u16>, CertificateError> {
        let Some(value) = self.extension(KEY_USAGE) else { return Ok(None) };
        Ok(Some(der::only(value, BIT_STRING)?.named_bits()?))
    }

    fn subject_key_id(&self) -> Result<Option<&'a [u8]>, CertificateError> {
        let Some(value) = self.extension(SUBJECT_KEY_ID) else { return Ok(None) };
        Ok(Some(der::only(value, OCTET_STRING)?.content))
    }

    fn authority_key_id(&self) -> Result<Option<&'a [u8]>, CertificateError> {
        let Some(value) = self.extension(AUTHORITY_KEY_ID) else { return Ok(None) };
        let mut fields = der::only(value, SEQUENCE)?.reader();
        Ok(fields.optional(der::context_primitive(0))?.map(|element| element.content))
    }
}

/// `[0] { INTEGER 2 }`.
fn read_version(inner: &mut Reader<'_>) -> Result<(), CertificateError> {
    let Some(version) = inner.optional(der::context(0))? else { return Err(CertificateError::Version) };
    match der::only(version.content, INTEGER)?.small()? {
        2 => Ok(()),
        _ => Err(CertificateError::Version),
    }
}

fn read_validity(inner: &mut Reader<'_>) -> Result<(Timestamp, Timestamp), CertificateError> {
    let mut validity = inner.enter(SEQUENCE)?;
    let ends = (validity.next()?.time()?, validity.next()?.time()?);
    validity.end()?;
    Ok(ends)
}

fn read_extensions<'a>(inner: &mut Reader<'a>) -> Result<Vec<Extension<'a>>, CertificateError> {
    let Some(tagged) = inner.optional(der::context(3))? else { return Ok(Vec::new()) };
    let mut list = der::only(tagged.content, SEQUENCE)?.reader();
    let mut extensions: Vec<Extension<'a>> = Vec::new();
    while !list.is_empty() {
        let extension = read_extension(list.expect(SEQUENCE)?)?;
        if extensions.iter().any(|other| other.oid == extension.oid) {
            return Err(CertificateError::ExtensionRepeated { oid: der::dotted(extension.oid) });
        }
        extensions.push(extension);
    }
    Ok(extensions)
}

fn read_extension(element: Element<'_>) -> Result<Extension<'_>, DerError> {
    let mut fields = element.reader();
    let oid = fields.expect(OID)?.content;
    let critical = match fields.optional(BOOLEAN)? {
        Some(flag) => flag.boolean()?,
        None => false,
    };
    let value = fields.expect(OCTET_STRING)?.content;
    fields.end()?;
    Ok(Extension { oid, critical, value })
}
