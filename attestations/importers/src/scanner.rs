//! The grammar of RFC 8259, and the `NaN`, `Infinity` and `-Infinity` that Python writes, walked over without building
//! anything. Nesting is bounded by [`MAX_DEPTH`]; every refusal has its byte.

use std::borrow::Cow;

use crate::MAX_DEPTH;
use crate::error::ImportError;

/// Where the grammar was broken.
pub(crate) struct Refusal {
    offset: usize,
    expected: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn named(self, file: &str) -> ImportError {
        let (file, offset) = (file.to_owned(), self.offset);
        match self.expected {
            Some(expected) => ImportError::NotJson { file, offset, expected },
            None => ImportError::TooDeep { file, offset, limit: MAX_DEPTH },
        }
    }
}

/// Walks over the text without building anything.
pub(crate) struct Scanner<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn expected(&self, expected: &'static str) -> Refusal {
        Refusal { offset: self.at, expected: Some(expected) }
    }

    pub(crate) fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// White space, one byte, white space.
    pub(crate) fn separator(&mut self, byte: u8) -> Result<(), Refusal> {
        self.white_space();
        if !self.take(byte) {
            return Err(self.expected(if byte == b':' { "`:`" } else { "`,`" }));
        }
        self.white_space();
        Ok(())
    }

    /// White space and a comma where there is one; the text has been scanned before.
    pub(crate) fn after_item(&mut self) {
        self.white_space();
        self.take(b',');
        self.white_space();
    }

    /// One value, as a slice.
    pub(crate) fn slice(&mut self) -> Result<&'a str, Refusal> {
        let start = self.at;
        self.value(0)?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    pub(crate) fn value(&mut self, depth: usize) -> Result<(), Refusal> {
        match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(Refusal { offset: self.at, expected: None }),
            Some(b'{') => self.items(depth, b'}'),
            Some(b'[') => self.items(depth, b']'),
            Some(b'"') => self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(&["null", "true", "false", "NaN", "Infinity"]),
        }
    }

    fn items(&mut self, depth: usize, close: u8) -> Result<(), Refusal> {
        self.at += 1;
        self.white_space();
        if self.take(close) {
            return Ok(());
        }
        loop {
            if close == b'}' {
                self.string()?;
                self.separator(b':')?;
            }
            self.value(depth + 1)?;
            self.white_space();
            if self.take(close) {
                return Ok(());
            }
            self.separator(b',')?;
        }
    }

    fn word(&mut self, words: &[&str]) -> Result<(), Refusal> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match words.iter().find(|word| rest.starts_with(**word)) {
            Some(word) => {
                self.at += word.len();
                Ok(())
            }
            None => Err(self.expected("a value")),
        }
    }

    /// A string; the slice is what stands between its quotes.
    pub(crate) fn string(&mut self) -> Result<&'a str, Refusal> {
        if !self.take(b'"') {
            return Err(self.expected("a string"));
        }
        let start = self.at;
        loop {
            match self.peek() {
                None => return Err(self.expected("the end of a string")),
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0..=0x1F) => return Err(self.expected("an escaped control character")),
                Some(_) => self.at += 1,
            }
        }
        let inner = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(inner)
    }

    fn escape(&mut self) -> Result<(), Refusal> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(self.expected("four hex digits"));
                }
                self.at += 5;
            }
            _ => return Err(self.expected("an escape")),
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), Refusal> {
        if self.take(b'-') && self.peek() == Some(b'I') {
            return self.word(&["Infinity"]);
        }
        let leading_zero = self.peek() == Some(b'0');
        let start = self.at;
        self.digits()?;
        if leading_zero && self.at > start + 1 {
            return Err(self.expected("a number without leading zeros"));
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }
}

/// What a scanned string says; `None` for a lone surrogate.
pub(crate) fn unescape(inner: &str) -> Option<Cow<'_, str>> {
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let letter = escaped.chars().next()?;
        rest = escaped.get(letter.len_utf8()..)?;
        let character = match letter {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (character, after) = unicode(rest)?;
                rest = after;
                character
            }
            other => other,
        };
        out.push(character);
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// The character of `XXXX`, or of `XXXX\uXXXX` where the first is a high surrogate.
fn unicode(rest: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let first = unit(rest)?;
    let after = rest.get(4..)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first)?, after));
    }
    let second = after.strip_prefix("\\u")?;
    let low = unit(second).filter(|low| (0xDC00..0xE000).contains(low))?;
    let code = 0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00);
    Some((char::from_u32(code)?, second.get(4..)?))
}
