//! Strict DER (X.690): definite lengths in their shortest form, tags of one byte, nothing behind the last element.
//!
//! ```text
//! 30 0a                          SEQUENCE of 10 bytes
//!    06 08 2a 86 48 ce 3d 04 03 03    OBJECT IDENTIFIER 1.2.840.10045.4.3.3, ecdsa-with-SHA384
//! ```
//!
//! One value has one form: whoever changes a byte of a certificate outside what is signed changes what is read.

use std::fmt::Write as _;

use standstill_protocol::units::Timestamp;

/// Bytes that are no DER, or not the DER expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// An element ends before its length says.
    #[error("an element is cut short: {need} bytes are needed, {have} are there")]
    Truncated {
        /// Bytes that the element needs.
        need: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// Bytes behind the last element.
    #[error("{count} bytes stand behind the last element")]
    Trailing {
        /// How many.
        count: usize,
    },
    /// Another kind of element.
    #[error("an element of tag {found:#04x} stands where {expected:#04x} is expected")]
    Tag {
        /// The tag expected.
        expected: u8,
        /// The tag read.
        found: u8,
    },
    /// A length that is indefinite, not in its shortest form, or over 65,535.
    #[error("a length is indefinite, not in its shortest form, or over 65535")]
    Length,
    /// A value that DER writes otherwise, or not at all.
    #[error("{what} is not in its one DER form")]
    Form {
        /// What it is a value of.
        what: &'static str,
    },
}

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Context tag `[n]`, constructed.
pub(crate) const fn context(n: u8) -> u8 {
    0xa0 | n
}

/// Context tag `[n]`, primitive.
pub(crate) const fn context_primitive(n: u8) -> u8 {
    0x80 | n
}

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
}

/// Elements, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// The one element that `bytes` are.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Result<Element<'_>, DerError> {
    let mut reader = Reader::new(bytes);
    let element = reader.expect(tag)?;
    reader.end()?;
    Ok(element)
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag that comes next.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever its tag.
    pub(crate) fn next(&mut self) -> Result<Element<'a>, DerError> {
        let cut = DerError::Truncated { need: 2, have: self.rest.len() };
        let [tag, first, ..] = *self.rest else { return Err(cut) };
        if tag & 0x1f == 0x1f {
            return Err(DerError::Form { what: "a tag" });
        }
        let (header, length) = match first {
            0..=0x7f => (2, usize::from(first)),
            0x81 => (3, self.long_length(1, 0x80)?),
            0x82 => (4, self.long_length(2, 0x100)?),
            _ => return Err(DerError::Length),
        };
        let have = self.rest.len();
        let (whole, rest) =
            self.rest.split_at_checked(header + length).ok_or(DerError::Truncated { need: header + length, have })?;
        self.rest = rest;
        let (_, content) = whole.split_at_checked(header).ok_or(DerError::Length)?;
        Ok(Element { tag, content, whole })
    }

    /// A length of `count` bytes behind its first one; shorter forms hold what is below `least`.
    fn long_length(&self, count: usize, least: usize) -> Result<usize, DerError> {
        let bytes =
            self.rest.get(2..2 + count).ok_or(DerError::Truncated { need: 2 + count, have: self.rest.len() })?;
        let length = bytes.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        if length < least { Err(DerError::Length) } else { Ok(length) }
    }

    /// The next element, which has this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, DerError> {
        let element = self.next()?;
        if element.tag == tag { Ok(element) } else { Err(DerError::Tag { expected: tag, found: element.tag }) }
    }

    /// The elements inside the next one, which has this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Result<Reader<'a>, DerError> {
        self.expect(tag).map(|element| element.reader())
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, DerError> {
        if self.peek() == Some(tag) { self.next().map(Some) } else { Ok(None) }
    }

    /// Nothing is left.
    pub(crate) fn end(&self) -> Result<(), DerError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DerError::Trailing { count }),
        }
    }
}

impl<'a> Element<'a> {
    /// The elements inside.
    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader::new(self.content)
    }

    /// The big-endian digits of an INTEGER that is not negative, without a leading zero; empty for 0.
    pub(crate) fn unsigned(&self) -> Result<&'a [u8], DerError> {
        match *self.content {
            [0] => Ok(&[]),
            [0, next, ..] if next & 0x80 != 0 => Ok(self.content.get(1..).unwrap_or_default()),
            [first, ..] if first != 0 && first & 0x80 == 0 => Ok(self.content),
            _ => Err(DerError::Form { what: "an integer" }),
        }
    }

    /// A small INTEGER.
    pub(crate) fn small(&self) -> Result<u64, DerError> {
        let digits = self.unsigned()?;
        if digits.len() > 8 {
            return Err(DerError::Form { what: "a small integer" });
        }
        Ok(digits.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    /// TRUE or FALSE.
    pub(crate) fn boolean(&self) -> Result<bool, DerError> {
        match self.content {
            [0x00] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(DerError::Form { what: "a boolean" }),
        }
    }

    /// The bytes of a BIT STRING whose last byte is whole.
    pub(crate) fn whole_bits(&self) -> Result<&'a [u8], DerError> {
        match self.content.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(DerError::Form { what: "a bit string of whole bytes" }),
        }
    }

    /// The first bits of a named-bit list, bit 0 highest in the first byte; at most 16. AMD writes zeros at its end, which
    /// DER (X.690, 11.2.2) leaves out: they are read, as every list is signed.
    pub(crate) fn named_bits(&self) -> Result<u16, DerError> {
        let (high, low, unused) = match *self.content {
            [unused, only] => (only, 0, unused),
            [unused, high, low] => (high, low, unused),
            _ => return Err(DerError::Form { what: "a list of named bits" }),
        };
        let last = self.content.last().copied().unwrap_or_default();
        if u32::from(unused) > last.trailing_zeros().min(7) {
            return Err(DerError::Form { what: "a list of named bits" });
        }
        Ok(u16::from_be_bytes([high, low]))
    }

    /// A UTCTime or GeneralizedTime as RFC 5280 (4.1.2.5) writes it: to the second, in `Z`; from 1970 on.
    pub(crate) fn time(&self) -> Result<Timestamp, DerError> {
        let bad = || DerError::Form { what: "a time" };
        let text = std::str::from_utf8(self.content).map_err(|_| bad())?;
        let digits = text.strip_suffix('Z').filter(|t| t.bytes().all(|b| b.is_ascii_digit())).ok_or_else(bad)?;
        let full = match (self.tag, digits.len()) {
            (UTC_TIME, 12) if digits < "50" => format!("20{digits}"),
            (UTC_TIME, 12) => format!("19{digits}"),
            // RFC 5280: years through 2049 are UTCTime, but NVIDIA's and AMD's own certificates write either form.
            (GENERALIZED_TIME, 14) => digits.to_owned(),
            _ => return Err(bad()),
        };
        let part = |from: usize, to: usize| full.get(from..to).unwrap_or_default();
        let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
        let (hour, minute, second) = (part(8, 10), part(10, 12), part(12, 14));
        Timestamp::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).map_err(|_| bad())
    }

    /// Text of a name: PrintableString, UTF8String or IA5String.
    pub(crate) fn text(&self) -> Result<&'a str, DerError> {
        if ![UTF8_STRING, PRINTABLE_STRING, IA5_STRING].contains(&self.tag) {
            return Err(DerError::Tag { expected: UTF8_STRING, found: self.tag });
        }
        std::str::from_utf8(self.content).map_err(|_| DerError::Form { what: "a text" })
    }
}

/// `1.2.840.10045.4.3.3` for the content of an OBJECT IDENTIFIER; its hex where that is malformed.
pub(crate) fn dotted(oid: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut value = 0u64;
    for byte in oid {
        if value >> 57 != 0 {
            return hex::encode(oid);
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            parts.push(value);
            value = 0;
        }
    }
    let complete = oid.last().is_some_and(|last| last & 0x80 == 0);
    let Some(first) = parts.first().copied().filter(|_| complete) else { return hex::encode(oid) };
    let root = (first / 40).min(2);
    let mut text = format!("{root}.{}", first - root * 40);
    for part in parts.iter().skip(1) {
        let _ = write!(text, ".{part}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_form() {
        let long = [&[0x04, 0x81, 0x80][..], &[7; 0x80]].concat();
        assert_eq!(only(&long, OCTET_STRING).unwrap().content.len(), 0x80);
        let padded = [&[0x04, 0x81, 0x7f][..], &[7; 0x7f]].concat();
        assert_eq!(only(&padded, OCTET_STRING), Err(DerError::Length));
        let padded = [&[0x04, 0x82, 0x00, 0x80][..], &[7; 0x80]].concat();
        assert_eq!(only(&padded, OCTET_STRING), Err(DerError::Length));
        assert_eq!(only(&[0x30, 0x80, 0, 0], SEQUENCE), Err(DerError::Length));
        assert_eq!(only(&[0x1f, 0x81, 0], OCTET_STRING), Err(DerError::Form { what: "a tag" }));
        assert_eq!(only(&[4, 1, 9, 9], OCTET_STRING), Err(DerError::Trailing { count: 1 }));
        for cut in 0..long.len() {
            assert!(matches!(only(&long[..cut], OCTET_STRING), Err(DerError::Truncated { .. })), "{cut}");
        }
    }

    #[test]
    fn values_have_one_form() {
        let read = |tag, content: &'static [u8]| Element { tag, content, whole: content };
        assert_eq!(read(INTEGER, &[0]).unsigned().unwrap(), &[] as &[u8]);
        assert_eq!(read(INTEGER, &[0, 0x80]).unsigned().unwrap(), &[0x80]);
        for bad in [&[][..], &[0, 1], &[0x80], &[0, 0]] {
            assert!(Element { tag: INTEGER, content: bad, whole: bad }.unsigned().is_err(), "{bad:?}");
        }
        assert!(read(BOOLEAN, &[1]).boolean().is_err());
        assert_eq!(read(BIT_STRING, &[1, 0x06]).named_bits().unwrap(), 0x0600);
        assert_eq!(read(BIT_STRING, &[0, 0x06, 0x80]).named_bits().unwrap(), 0x0680);
        for bad in [&[][..], &[0], &[2, 0x06], &[8, 0], &[0, 1, 1, 1]] {
            assert!(Element { tag: BIT_STRING, content: bad, whole: bad }.named_bits().is_err(), "{bad:?}");
        }
        assert_eq!(read(UTC_TIME, b"201017000000Z").time().unwrap().to_string(), "2020-10-17T00:00:00Z");
        assert_eq!(read(GENERALIZED_TIME, b"99991231235959Z").time().unwrap().to_string(), "9999-12-31T23:59:59Z");
        for bad in ["20101700000Z", "201317000000Z", "201017000000", "201017000000+0000", "650101000000Z"] {
            assert!(Element { tag: UTC_TIME, content: bad.as_bytes(), whole: &[] }.time().is_err(), "{bad}");
        }
    }

    #[test]
    fn object_identifiers_are_dotted() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]), "1.2.840.10045.4.3.3");
        assert_eq!(dotted(&[0x67, 0x81, 0x05, 5, 4, 1]), "2.23.133.5.4.1");
        assert_eq!(dotted(&[0x80]), "80");
    }
}
