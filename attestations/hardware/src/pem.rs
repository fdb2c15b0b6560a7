//! Certificates as text: PEM (RFC 7468), in its strict form.
//!
//! ```text
//! -----BEGIN CERTIFICATE-----
//! MIICCzCCAZCgAwIBAgIQLTZwscoQBBHB/sDoKgZbVDAKBggqhkjOPQQDAzA1MSIw
//! …                                                     64 characters a line, the last one shorter
//! -----END CERTIFICATE-----
//! ```
//!
//! Line feeds, no blank lines, nothing before, between or behind, but that the last line may lack its line feed: a text
//! whose byte is changed is another text or none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::HardwareError;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----\n";
const END: &str = "-----END CERTIFICATE-----\n";
/// The most certificates in one text.
const COUNT_MAX: usize = 8;

/// Each certificate of a text as DER, in the order of the text.
///
/// # Errors
/// [`HardwareError::Pem`] with the number of the certificate that is not in the strict form.
pub fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, HardwareError> {
    let mut rest = match std::str::from_utf8(text) {
        Ok(text) if text.ends_with('\n') => text.to_owned(),
        Ok(text) => format!("{text}\n"),
        Err(_) => return Err(HardwareError::Pem { certificate: 0 }),
    };
    let mut found = Vec::new();
    loop {
        let bad = HardwareError::Pem { certificate: found.len() };
        let Some(next) = rest.strip_prefix(BEGIN).filter(|_| found.len() < COUNT_MAX) else { return Err(bad) };
        let Some((body, after)) = next.split_once(END) else { return Err(bad) };
        let Ok(der) = STANDARD.decode(body.replace('\n', "")) else { return Err(bad) };
        if lines(&der) != body {
            return Err(bad);
        }
        let after = after.to_owned();
        found.push(der);
        if after.is_empty() {
            return Ok(found);
        }
        rest = after;
    }
}

/// One certificate as text.
pub fn encode(der: &[u8]) -> String {
    format!("{BEGIN}{}{END}", lines(der))
}

fn lines(der: &[u8]) -> String {
    let mut text = String::new();
    for chunk in der.chunks(48) {
        text.push_str(&STANDARD.encode(chunk));
        text.push('\n');
    }
    text
}
