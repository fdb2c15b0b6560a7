//! Strict JSON: one meaning for every text, whoever reads it.
//!
//! ```text
//! {"run":"orca-2","flop":"310000000000000000000000","tokens":9007199254740991,"final":true,"energy":null}
//! ```
//!
//! It is RFC 8259 less everything on which parsers differ. Refused, each with a name and a place:
//!
//! * a name twice in one object; a lone surrogate; bytes that are not UTF-8, or a byte order mark;
//! * a number with a fraction or an exponent, `-0`, and integers beyond ±(2^53 - 1): larger counts are decimal strings;
//! * nesting over [`MAX_DEPTH`], and input over the caller's bound, before anything is allocated.
//!
//! Members keep their order. [`Value::to_bytes`] writes the one compact form: no white space, only the escapes that
//! JSON demands, members as they stand. [`ObjectReader`] takes members by name and reports a path when one is missing,
//! unknown or of another type.
//!
//! ```
//! use standstill_protocol::json::{self, JsonError};
//! let value = json::parse(br#"{ "b": 1, "a": ["x", null] }"#, 1024).unwrap();
//! assert_eq!(value.to_bytes(), br#"{"b":1,"a":["x",null]}"#);
//! assert!(matches!(json::parse(br#"{"a":1,"a":2}"#, 1024), Err(JsonError::DuplicateName { .. })));
//! ```

mod parse;
mod read;
mod write;

pub use parse::{JsonError, Position, parse};
pub use read::{ObjectReader, ShapeError};

/// Containers within one another, at most: the value itself counts as one when it is an object or an array.
pub const MAX_DEPTH: usize = 16;
/// The largest magnitude of an integer, 2^53 - 1: what every JSON implementation represents exactly (RFC 7493).
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// A JSON value without floating-point numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number within ±[`MAX_INTEGER`].
    Integer(i64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Object),
}

/// Members of an object in the order in which they were written; names are unique.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Object {
    members: Vec<(String, Value)>,
}

impl Object {
    /// No members.
    pub fn new() -> Self {
        Object::default()
    }

    /// Adds a member at the end. A name that is there already keeps its place and takes the new value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.members.iter_mut().find(|(existing, _)| *existing == name) {
            Some((_, slot)) => *slot = value,
            None => self.members.push((name, value)),
        }
    }

    /// [`Object::set`] for building in one expression.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// [`Object::with`] where there is a value, and nothing where there is none.
    #[must_use]
    pub fn with_some(self, name: impl Into<String>, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The value of a member.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.iter().find(|(existing, _)| existing == name).map(|(_, value)| value)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl Value {
    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is an integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The type's name, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) => "an integer",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// The compact form: no white space, members in their order, only the escapes that JSON demands.
    ///
    /// A value that [`parse`] returned is parsed back from these bytes unchanged. An `Integer` built by hand beyond
    /// ±[`MAX_INTEGER`], or nesting over [`MAX_DEPTH`], is written as it is and would be refused.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        write::value(&mut text, self);
        text.into_bytes()
    }

    /// Two spaces of indentation, one member a line, a newline at the end: for files that people open.
    pub fn to_pretty(&self) -> String {
        let mut text = String::new();
        write::pretty(&mut text, self, 0);
        text.push('\n');
        text
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Value::Integer(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::String(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Value::Array(value)
    }
}

impl From<Object> for Value {
    fn from(value: Object) -> Self {
        Value::Object(value)
    }
}
