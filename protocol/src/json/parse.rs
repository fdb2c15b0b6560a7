//! The parser: recursive descent, at most [`MAX_DEPTH`] deep, every refusal with its place.

use std::collections::BTreeSet;
use std::fmt;

use super::{MAX_DEPTH, MAX_INTEGER, Object, Value};

/// A place in the text: line and column count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Over the caller's bound; nothing was read.
    #[error("{length} bytes exceed the limit of {limit}")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("byte {offset} is not valid UTF-8")]
    NotUtf8 {
        /// Where, from 0.
        offset: usize,
    },
    /// Something else was expected here.
    #[error("{at}: {expected} expected")]
    Syntax {
        /// Where.
        at: Position,
        /// What may stand here.
        expected: &'static str,
    },
    /// The text ends within a value.
    #[error("the text ends where {expected} is expected")]
    Truncated {
        /// What may stand here.
        expected: &'static str,
    },
    /// Something follows the value.
    #[error("{at}: nothing may follow the value")]
    TrailingData {
        /// Where.
        at: Position,
    },
    /// One object has a name twice.
    #[error("{at}: the name `{name}` stands twice in one object")]
    DuplicateName {
        /// The second one.
        at: Position,
        /// The name, shortened.
        name: String,
    },
    /// A fraction, an exponent, or `-0`.
    #[error("{at}: only whole numbers without an exponent are read; write a larger or finer one as a string")]
    NotAnInteger {
        /// Where the number starts.
        at: Position,
    },
    /// An integer beyond ±(2^53 - 1).
    #[error("{at}: the integer exceeds 2^53 - 1; write it as a decimal string")]
    IntegerOutOfRange {
        /// Where the number starts.
        at: Position,
    },
    /// `\ud800` to `\udfff` that is not one of a pair.
    #[error("{at}: a surrogate that is not one of a pair")]
    LoneSurrogate {
        /// Where the escape starts.
        at: Position,
    },
    /// A backslash followed by something that JSON does not know.
    #[error("{at}: not an escape of JSON")]
    BadEscape {
        /// Where the escape starts.
        at: Position,
    },
    /// A control character within a string.
    #[error("{at}: a control character in a string must be escaped")]
    ControlCharacter {
        /// Where.
        at: Position,
    },
    /// Over [`MAX_DEPTH`].
    #[error("{at}: nested more than {MAX_DEPTH} deep")]
    TooDeep {
        /// Where the container starts.
        at: Position,
    },
}

/// Parses exactly one value out of at most `limit` bytes. White space around it is allowed.
pub fn parse(bytes: &[u8], limit: usize) -> Result<Value, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLong { length: bytes.len(), limit });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8 { offset: error.valid_up_to() })?;
    let mut parser = Parser { text, at: 0 };
    parser.skip_white_space();
    let value = parser.value(1)?;
    parser.skip_white_space();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(JsonError::TrailingData { at: parser.position(parser.at) }),
    }
}

/// The names of one object. A few are compared one by one; many are kept in a set, so that no object costs the square
/// of its size.
#[derive(Default)]
struct Names {
    set: BTreeSet<String>,
}

impl Names {
    const FEW: usize = 32;

    /// Whether `name` is new beside `members`.
    fn insert(&mut self, members: &[(String, Value)], name: &str) -> bool {
        if members.len() < Self::FEW {
            return members.iter().all(|(existing, _)| existing != name);
        }
        if self.set.is_empty() {
            self.set.extend(members.iter().map(|(existing, _)| existing.clone()));
        }
        self.set.insert(name.to_owned())
    }
}

struct Parser<'a> {
    text: &'a str,
    /// A byte offset, always on the boundary of a character.
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Line and column of a byte offset; counted only when there is an error to report.
    fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Position { line, column: before.get(line_start..).unwrap_or("").chars().count() + 1 }
    }

    fn expected(&self, expected: &'static str) -> JsonError {
        match self.peek() {
            None => JsonError::Truncated { expected },
            Some(_) => JsonError::Syntax { at: self.position(self.at), expected },
        }
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes `byte` (ASCII) if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        match self.peek() {
            Some(b'{' | b'[') if depth > MAX_DEPTH => Err(JsonError::TooDeep { at: self.position(self.at) }),
            Some(b'{') => self.object(depth).map(Value::Object),
            Some(b'[') => self.array(depth).map(Value::Array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.integer().map(Value::Integer),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, JsonError> {
        let words = [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
        for (word, value) in words {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.expected("a value"))
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, JsonError> {
        self.at += 1;
        let mut elements = Vec::new();
        self.skip_white_space();
        if self.take(b']') {
            return Ok(elements);
        }
        loop {
            self.skip_white_space();
            elements.push(self.value(depth + 1)?);
            self.skip_white_space();
            if self.take(b']') {
                return Ok(elements);
            }
            if !self.take(b',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Object, JsonError> {
        self.at += 1;
        let mut members: Vec<(String, Value)> = Vec::new();
        let mut names = Names::default();
        self.skip_white_space();
        if self.take(b'}') {
            return Ok(Object { members });
        }
        loop {
            self.skip_white_space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a name in quotes"));
            }
            let name = self.string()?;
            if !names.insert(&members, &name) {
                let name = name.chars().take(80).collect();
                return Err(JsonError::DuplicateName { at: self.position(start), name });
            }
            self.skip_white_space();
            if !self.take(b':') {
                return Err(self.expected("`:`"));
            }
            self.skip_white_space();
            members.push((name, self.value(depth + 1)?));
            self.skip_white_space();
            if self.take(b'}') {
                return Ok(Object { members });
            }
            if !self.take(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn integer(&mut self) -> Result<i64, JsonError> {
        let start = self.at;
        let negative = self.take(b'-');
        let first = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = self.text.get(first..self.at).unwrap_or("");
        if digits.is_empty() {
            return Err(self.expected("a digit"));
        }
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(JsonError::Syntax { at: self.position(start), expected: "a number without leading zeros" });
        }
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) || (negative && digits == "0") {
            return Err(JsonError::NotAnInteger { at: self.position(start) });
        }
        let magnitude = digits.parse::<i64>().ok().filter(|value| *value <= MAX_INTEGER);
        let magnitude = magnitude.ok_or_else(|| JsonError::IntegerOutOfRange { at: self.position(start) })?;
        Ok(if negative { -magnitude } else { magnitude })
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or(&[]);
            // Every byte that ends a run is ASCII, so the run ends on the boundary of a character.
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F)).unwrap_or(rest.len());
            if rest.get(plain).is_some_and(|byte| *byte < b' ') {
                return Err(JsonError::ControlCharacter { at: self.position(self.at + plain) });
            }
            text.push_str(self.text.get(self.at..self.at + plain).unwrap_or(""));
            self.at += plain;
            if self.take(b'"') {
                return Ok(text);
            }
            if self.peek().is_none() {
                return Err(self.expected("the end of a string"));
            }
            text.push(self.escape()?);
        }
    }

    /// One escape, at its backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        self.at += 1;
        let Some(letter) = self.peek() else { return Err(self.expected("an escape")) };
        let character = match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(start),
            _ => return Err(JsonError::BadEscape { at: self.position(start) }),
        };
        self.at += 1;
        Ok(character)
    }

    /// `\uXXXX`, or a pair of them for a character beyond U+FFFF; `self.at` is at the `u`.
    fn unicode_escape(&mut self, start: usize) -> Result<char, JsonError> {
        let lone = |parser: &Self| JsonError::LoneSurrogate { at: parser.position(start) };
        let first = self.code_unit(start)?;
        let code = match first {
            0xD800..=0xDBFF => {
                if !self.rest().starts_with("\\u") {
                    return Err(lone(self));
                }
                let second_start = self.at;
                self.at += 1;
                let second = self.code_unit(second_start)?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(lone(self));
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| lone(self))
    }

    /// `uXXXX` at `self.at`; `start` is its backslash.
    fn code_unit(&mut self, start: usize) -> Result<u32, JsonError> {
        let digits = self.rest().get(1..5).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| JsonError::BadEscape { at: self.position(start) })?;
        self.at += 5;
        Ok(unit)
    }
}
