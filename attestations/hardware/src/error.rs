//! [`HardwareError`]: every reason for which evidence is not believed, named.

use standstill_protocol::hash::Hash;

use crate::certificate::CertificateError;

/// Why evidence does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HardwareError {
    /// A name of a technology that is not read here.
    #[error("`{name}` is no hardware evidence that is read here: `nvidia-spdm`, `amd-sev-snp` and `intel-tdx` are")]
    UnknownTechnology {
        /// The name.
        name: String,
    },
    /// A file that is neither a report in its binary form nor in hexadecimal digits of one case.
    #[error("the file of {bytes} bytes is no report of a chip that is read here, neither binary nor hexadecimal")]
    NotAReport {
        /// Its length.
        bytes: usize,
    },
    /// A text of certificates that is not in strict PEM.
    #[error("certificate {certificate} of the text is not in strict PEM, as `openssl x509` writes it")]
    Pem {
        /// Its number in the text, from 0.
        certificate: usize,
    },
    /// A quote whose chain is in no strict PEM that ends in a line feed and a zero byte.
    #[error("the quote's certificates are not lines that end in a line feed, with one zero byte behind the last")]
    ChainEnd,
    /// A report, or a part of it, that ends too early.
    #[error("{what} is cut short: {need} bytes are needed, {have} are there")]
    Truncated {
        /// Which part.
        what: &'static str,
        /// Bytes needed.
        need: usize,
        /// Bytes there.
        have: usize,
    },
    /// Bytes behind the end of a report, or of a part of it.
    #[error("{count} bytes stand behind the end of {what}")]
    TrailingBytes {
        /// Which part.
        what: &'static str,
        /// How many.
        count: usize,
    },
    /// A version of the format that is not read here.
    #[error("{what} is of version {found:#x}, where {expected:#x} is read")]
    Version {
        /// Which message.
        what: &'static str,
        /// The version read here.
        expected: u32,
        /// The version found.
        found: u32,
    },
    /// An SPDM message of another kind.
    #[error("{what} has the SPDM code {found:#04x}, where {expected:#04x} is expected")]
    SpdmCode {
        /// Which message.
        what: &'static str,
        /// The code expected.
        expected: u8,
        /// The code found.
        found: u8,
    },
    /// A field with a value that genuine evidence does not have.
    #[error("{field} is {found:#x}, where {expected} is expected")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is expected, in words.
        expected: &'static str,
        /// The value found.
        found: u64,
    },
    /// A measurement that is not in the DMTF's form.
    #[error("measurement {index} is not in the form of the DMTF: its sizes or its specification are others")]
    Measurement {
        /// Its index.
        index: u8,
    },
    /// Two measurements, or two fields, of one number.
    #[error("{what} {number} stands there twice")]
    Repeated {
        /// Measurement or field.
        what: &'static str,
        /// Its number.
        number: u16,
    },
    /// A field of the opaque data that is missing.
    #[error("the report does not say its {field}")]
    FieldMissing {
        /// Which field.
        field: &'static str,
    },
    /// A field of the opaque data that is not text.
    #[error("the report's {field} is not in the form that NVIDIA writes")]
    FieldForm {
        /// Which field.
        field: &'static str,
    },
    /// Too few or too many certificates.
    #[error("a chain of {certificates} certificates is not one that this vendor makes")]
    ChainLength {
        /// How many there are.
        certificates: usize,
    },
    /// The last certificate is not a root that is pinned.
    #[error("the chain ends in a certificate whose SHA-256 is `{found}`, which is no pinned root of the vendor")]
    UnknownRoot {
        /// SHA-256 of its DER.
        found: Hash,
    },
    /// A certificate that does not hold.
    #[error("certificate {index} of the chain, the chip's own being 0: {problem}")]
    Certificate {
        /// Its place, from the leaf.
        index: usize,
        /// What is wrong.
        #[source]
        problem: CertificateError,
    },
    /// The signature on the report is not that of the chain's leaf.
    #[error("the signature on {what} is not that of the key it should be by: the bytes are not those that were signed")]
    ReportSignature {
        /// What is signed.
        what: &'static str,
    },
    /// The report was made for another question.
    #[error("the report answers the nonce `{found}`, and `{expected}` was to be asked")]
    NonceDiffers {
        /// What was to be asked.
        expected: Hash,
        /// What the report answers, in hex.
        found: String,
    },
    /// The firmware named in the report is not that of the certificate.
    #[error("the report names the firmware `{report}`, its certificate `{certificate}`")]
    FwidDiffers {
        /// In the report.
        report: String,
        /// In the certificate.
        certificate: String,
    },
    /// The certificate names no firmware, or not in a known form.
    #[error("the chip's certificate does not say in a known form which firmware holds its key")]
    FwidMissing,
    /// The certificate speaks of another chip, or of another state of it, than the report.
    #[error("the report's {what} is `{report}`, its certificate's `{certificate}`")]
    CertificateDiffers {
        /// What differs.
        what: &'static str,
        /// In the report.
        report: String,
        /// In the certificate.
        certificate: String,
    },
    /// A guest that its host may read.
    #[error("the guest allows debugging: its host can read and write its memory")]
    Debuggable,
}
