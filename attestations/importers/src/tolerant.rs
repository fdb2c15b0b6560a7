//! Reading other people's JSON: tolerant of what is not taken, strict on what is.
//!
//! The text is scanned once for its grammar (RFC 8259, and the `NaN`, `Infinity` and `-Infinity` that Python writes),
//! with a bound on nesting; nothing is built. A [`Node`] is a slice of that text with the path that leads to it. An
//! object is opened on demand, and then no name may stand in it twice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::MAX_FILE_BYTES;
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::scanner::{Refusal, Scanner, unescape};

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

    /// Scans one value out of a file, whose path is given.
    pub(crate) fn parse_at(file: &'a str, path: &str, bytes: &'a [u8]) -> Result<Self, ImportError> {
        Ok(Node { path: path.to_owned(), ..Node::parse(file, bytes)? })
    }

    pub(crate) fn file(&self) -> &'a str {
        self.file
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

    pub(crate) fn contradicts(&self, other: &'static str, reason: String) -> ImportError {
        ImportError::Contradiction { file: self.file.to_owned(), field: self.path.clone(), other, reason }
    }

    /// Whether it is a list, an object or a string with nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.raw, "[]" | "{}" | "\"\"")
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

    /// Names and values, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Node<'a>)> {
        self.members.iter().map(|(name, raw)| (name.as_ref(), Node { file: self.file, path: self.field(name), raw }))
    }
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
