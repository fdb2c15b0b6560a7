//! Reading other people's JSON: tolerant of what is not taken, strict on what is.
//!
//! The text is scanned once for its grammar (RFC 8259, and the `NaN`, `Infinity` and `-Infinity` that Python writes),
//! with a bound on nesting; nothing is built. A [`Node`] is a slice of that text with the path that leads to it. An
//! object is opened on demand, and then no name may stand in it twice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::{MAX_DEPTH, MAX_FILE_BYTES};

/// A value within a file.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    file: &'a str,
    path: String,
    /// One complete value that the scanner has accepted, without white space around it.
    raw: &'a str,
}

/// The members of an object, opened.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    file: &'a str,
    path: String,
    members: BTreeMap<Cow<'a, str>, &'a str>,
}

/// A number, or one of the words that Python writes for what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number<'a> {
    Finite(Decimal, &'a str),
    NotFinite(&'a str),
}

impl<'a> Node<'a> {
    /// Scans a whole file.
    pub(crate) fn parse(file: &'a str, bytes: &'a [u8]) -> Result<Self, ImportError> {
        if bytes.len() > MAX_FILE_BYTES {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return Err(ImportError::TooLarge { file: file.to_owned(), length, limit: MAX_FILE_BYTES });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ImportError::NotText { file: file.to_owned(), offset: error.valid_up_to() })?;
        let mut scanner = Scanner { text, at: 0 };
        let refused = |refusal: Refusal| refusal.named(file);
        scanner.white_space();
        let start = scanner.at;
        scanner.value(0).map_err(refused)?;
        let raw = text.get(start..scanner.at).unwrap_or_default();
        scanner.white_space();
        if scanner.at < text.len() {
            return Err(scanner.expected("the end of the file").named(file));
        }
        Ok(Node { file, path: String::new(), raw })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn found(&self) -> &'static str {
        match self.raw.as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            _ => "a number",
        }
    }

    pub(crate) fn wrong(&self, expected: &'static str) -> ImportError {
        let (file, field) = (self.file.to_owned(), self.path.clone());
        ImportError::WrongType { file, field, expected, found: self.found() }
    }

    pub(crate) fn bad_number(&self, reason: &'static str) -> ImportError {
        let found = self.raw.chars().take(40).collect();
        ImportError::BadNumber { file: self.file.to_owned(), field: self.path.clone(), found, reason }
    }

    pub(crate) fn bad_text(&self, reason: &'static str) -> ImportError {
        ImportError::BadText { file: self.file.to_owned(), field: self.path.clone(), reason }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.raw == "null"
    }

    pub(crate) fn is_object(&self) -> bool {
        self.raw.starts_with('{')
    }

    /// The members; a name that stands twice is refused.
    pub(crate) fn object(&self) -> Result<Members<'a>, ImportError> {
        let mut scanner = Scanner { text: self.raw, at: 0 };
        if !scanner.take(b'{') {
            return Err(self.wrong("an object"));
        }
        let mut opened = Members { file: self.file, path: self.path.clone(), members: BTreeMap::new() };
        scanner.white_space();
        while !scanner.take(b'}') {
            let name = scanner.string().map_err(|refusal| refusal.named(self.file))?;
            let name = unescape(name).ok_or_else(|| self.bad_text("a name with a lone surrogate"))?;
            scanner.separator(b':').map_err(|refusal| refusal.named(self.file))?;
            let value = scanner.slice().map_err(|refusal| refusal.named(self.file))?;
            let field = opened.field(&name);
            if opened.members.insert(name, value).is_some() {
                return Err(ImportError::Repeated { file: self.file.to_owned(), field });
            }
            scanner.after_item();
        }
        Ok(opened)
    }

    /// The items of a list.
    pub(crate) fn list(&self) -> Result<Vec<Node<'a>>, ImportError> {
        let mut scanner = Scanner { text: self.raw, at: 0 };
        if !scanner.take(b'[') {
            return Err(self.wrong("a list"));
        }
        let mut items = Vec::new();
        scanner.white_space();
        while !scanner.take(b']') {
            let raw = scanner.slice().map_err(|refusal| refusal.named(self.file))?;
            items.push(Node { file: self.file, path: format!("{}[{}]", self.path, items.len()), raw });
            scanner.after_item();
        }
        Ok(items)
    }

    pub(crate) fn text(&self) -> Result<Cow<'a, str>, ImportError> {
        let inner = self.raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
        let inner = inner.ok_or_else(|| self.wrong("a string"))?;
        unescape(inner).ok_or_else(|| self.bad_text("a lone surrogate"))
    }

    pub(crate) fn boolean(&self) -> Result<bool, ImportError> {
        match self.raw {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.wrong("a boolean")),
        }
    }

    pub(crate) fn number(&self) -> Result<Number<'a>, ImportError> {
        if matches!(self.raw, "NaN" | "Infinity" | "-Infinity") {
            return Ok(Number::NotFinite(self.raw));
        }
        if self.found() != "a number" {
            return Err(self.wrong("a number"));
        }
        match Decimal::parse(self.raw) {
            Some(decimal) => Ok(Number::Finite(decimal, self.raw)),
            None => Err(self.bad_number("more digits than any tool writes")),
        }
    }

    /// A whole number from 0 on; `6149898240.0` is one.
    pub(crate) fn whole(&self) -> Result<u128, ImportError> {
        match self.number()? {
            Number::Finite(decimal, _) => {
                decimal.whole().ok_or_else(|| self.bad_number("a whole number from 0 on is expected"))
            }
            Number::NotFinite(_) => Err(self.bad_number("a whole number from 0 on is expected")),
        }
    }

    pub(crate) fn whole_u64(&self) -> Result<u64, ImportError> {
        u64::try_from(self.whole()?).map_err(|_| self.bad_number("too large"))
    }

    /// A string, a number or a boolean as text; `None` for null, lists and objects.
    pub(crate) fn scalar(&self) -> Result<Option<Cow<'a, str>>, ImportError> {
        match self.found() {
            "a string" => self.text().map(Some),
            "a number" | "a boolean" => Ok(Some(Cow::Borrowed(self.raw))),
            _ => Ok(None),
        }
    }

    /// The text of the value as it stands.
    pub(crate) fn raw(&self) -> &'a str {
        self.raw
    }
}

impl<'a> Members<'a> {
    fn field(&self, name: &str) -> String {
        let name: String = name.chars().take(80).collect();
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }

    /// A member that may be missing or null; both are `None`.
    pub(crate) fn optional(&self, name: &str) -> Option<Node<'a>> {
        let raw = self.members.get(name).filter(|raw| **raw != "null")?;
        Some(Node { file: self.file, path: self.field(name), raw })
    }

    /// A member that must be there. Null is a value like another.
    pub(crate) fn required(&self, name: &str) -> Result<Node<'a>, ImportError> {
        match self.members.get(name) {
            Some(raw) => Ok(Node { file: self.file, path: self.field(name), raw }),
            None => Err(ImportError::Missing { file: self.file.to_owned(), field: self.field(name) }),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Names and values, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Node<'a>)> {
        self.members.iter().map(|(name, raw)| (name.as_ref(), Node { file: self.file, path: self.field(name), raw }))
    }
}

/// Where the grammar was broken.
struct Refusal {
    offset: usize,
    expected: Option<&'static str>,
}

impl Refusal {
    fn named(self, file: &str) -> ImportError {
        let (file, offset) = (file.to_owned(), self.offset);
        match self.expected {
            Some(expected) => ImportError::NotJson { file, offset, expected },
            None => ImportError::TooDeep { file, offset, limit: MAX_DEPTH },
        }
    }
}

/// Walks over the text without building anything.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expected(&self, expected: &'static str) -> Refusal {
        Refusal { offset: self.at, expected: Some(expected) }
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// White space, one byte, white space.
    fn separator(&mut self, byte: u8) -> Result<(), Refusal> {
        self.white_space();
        if !self.take(byte) {
            return Err(self.expected(if byte == b':' { "`:`" } else { "`,`" }));
        }
        self.white_space();
        Ok(())
    }

    /// White space and a comma where there is one; the text has been scanned before.
    fn after_item(&mut self) {
        self.white_space();
        self.take(b',');
        self.white_space();
    }

    /// One value, as a slice.
    fn slice(&mut self) -> Result<&'a str, Refusal> {
        let start = self.at;
        self.value(0)?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn value(&mut self, depth: usize) -> Result<(), Refusal> {
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
    fn string(&mut self) -> Result<&'a str, Refusal> {
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
fn unescape(inner: &str) -> Option<Cow<'_, str>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Node<'_>, ImportError> {
        Node::parse("test.json", text.as_bytes())
    }

    #[test]
    fn bare_nan_is_read_where_json_has_none() {
        let document = parse(r#"{"a": NaN, "b": [-Infinity, 1.50, "é😀\ud83d\ude00"]}"#).unwrap();
        let members = document.object().unwrap();
        assert_eq!(members.required("a").unwrap().number(), Ok(Number::NotFinite("NaN")));
        let items = members.required("b").unwrap().list().unwrap();
        assert_eq!(items[0].number(), Ok(Number::NotFinite("-Infinity")));
        assert_eq!(items[1].raw(), "1.50");
        assert_eq!(items[2].text().unwrap(), "é😀😀");
        assert_eq!(items[2].path(), "b[2]");
    }

    #[test]
    fn broken_grammar_is_refused_with_its_place() {
        for text in [
            "",
            "{",
            "[1,",
            "[1,]",
            "{\"a\" 1}",
            "{\"a\":1,}",
            "01",
            "1.",
            "1e",
            "\"\\x\"",
            "\"a",
            "\u{1}",
            "[] []",
            "nul",
            "-",
            "{a:1}",
        ] {
            assert!(matches!(parse(text), Err(ImportError::NotJson { .. })), "{text}");
        }
        assert!(matches!(parse("\"\n\""), Err(ImportError::NotJson { offset: 1, .. })));
    }

    #[test]
    fn nesting_is_bounded_and_names_stand_once() {
        let deep = "[".repeat(100_000);
        assert!(matches!(parse(&deep), Err(ImportError::TooDeep { .. })));
        let twice = parse(r#"{"x": {"a": 1, "\u0061": 2}}"#).unwrap().object().unwrap();
        let refused = twice.required("x").unwrap().object().unwrap_err();
        assert_eq!(refused, ImportError::Repeated { file: "test.json".into(), field: "x.a".into() });
    }

    #[test]
    fn a_lone_surrogate_is_refused_only_where_it_is_taken() {
        let members = parse(r#"{"a": "\ud800", "b": "\udc00x"}"#).unwrap().object().unwrap();
        assert!(matches!(members.required("a").unwrap().text(), Err(ImportError::BadText { .. })));
        assert!(matches!(members.required("b").unwrap().text(), Err(ImportError::BadText { .. })));
    }
}
