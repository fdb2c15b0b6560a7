//! Certificates as text: PEM (RFC 7468), in its strict form.
//!
//! ```text
//! -----BEGIN CERTIFICATE-----
//! MIICCzCCAZCgAwIBAgIQLTZwscoQBBHB/sDoKgZbVDAKBggqhkjOPQQDAzA1MSIw
//! …                                                     64 characters a line, the last one shorter
//! -----END CERTIFICATE-----
//! ```
//!
//! No blank lines, nothing before, between or behind. Every line ends in a line feed, or every line in CR LF, as NVIDIA
//! hands out its own root; the last may lack its end. Ends of both kinds in one text are refused: a text whose byte is
//! changed is another text or none.

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
    let text = std::str::from_utf8(text).ok().and_then(with_line_feeds);
    let mut rest = text.ok_or(HardwareError::Pem { certificate: 0 })?;
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

/// The text with a line feed behind every line; `None` where line ends are of two kinds.
fn with_line_feeds(text: &str) -> Option<String> {
    let mut text = match text.contains('\r') {
        false => text.to_owned(),
        true => {
            let lines: Vec<&str> = text.split("\r\n").collect();
            lines.iter().all(|line| !line.contains(['\r', '\n'])).then(|| lines.join("\n"))?
        }
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Some(text)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::{AMD_ARK_MILAN, NVIDIA_DEVICE_IDENTITY_CA};

    #[test]
    fn line_ends_of_windows_hold_the_same_certificates() {
        let text = format!("{NVIDIA_DEVICE_IDENTITY_CA}{AMD_ARK_MILAN}");
        let expected = certificates(text.as_bytes()).unwrap();
        assert_eq!(expected.len(), 2);
        let windows = text.replace('\n', "\r\n");
        assert_eq!(certificates(windows.as_bytes()).unwrap(), expected);
        assert_eq!(certificates(windows.trim_end().as_bytes()).unwrap(), expected);
    }

    #[test]
    fn line_ends_of_two_kinds_or_none_are_refused() {
        let windows = NVIDIA_DEVICE_IDENTITY_CA.replace('\n', "\r\n");
        for (at, _) in windows.match_indices("\r\n") {
            for (length, end) in [(2, "\n"), (2, "\r"), (2, "\r\r\n"), (2, "\n\r"), (1, " "), (1, "\n")] {
                let mut text = windows.clone();
                text.replace_range(at..at + length, end);
                // The last line may lack its end, and a line feed alone behind it is one of the other kind.
                assert!(certificates(text.as_bytes()).is_err(), "{end:?} at {at}");
            }
        }
    }
}
