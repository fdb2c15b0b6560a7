//! Parameters of a clause: a sorted map of short keys to typed values, in one canonical byte form.
//!
//! ```text
//! for each key, in byte order:
//!   key length u8 | key | type u8 | value
//!   type 1 integer: u64 little-endian      type 2 FLOP: u128 little-endian      type 3 text: length u8, UTF-8
//! ```
//!
//! In a treaty an integer is a TOML integer or a duration (`"36h"`, in milliseconds), a FLOP count is a string such as
//! `"1e26"`, and a string that does not begin with a digit is text. A clause finds a value by walking the list: nothing needs to be allocated.

use std::collections::BTreeMap;

use standstill_protocol::hash::{Domain, Hash};
use standstill_protocol::member::Name;
use standstill_protocol::units::Flop;

use crate::treaty::Span;

/// Parameters of one clause, at most.
pub const MAX_PARAMETERS: usize = 64;
/// Bytes of a text value, at most.
pub const MAX_TEXT: usize = 128;

/// A typed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A count, a duration in milliseconds, parts per million.
    Integer(u64),
    /// Operations.
    Flop(Flop),
    /// A word that the clause knows, such as `decaying`.
    Text(String),
}

impl Value {
    /// A string of a treaty: what begins with a digit is a FLOP count (`"1e26"`) or a duration in milliseconds
    /// (`"36h"`); anything else is text. `None` for what begins with a digit and is neither.
    pub fn parse(text: &str) -> Option<Value> {
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return Some(Value::Text(text.to_owned()));
        }
        let duration = || Span::parse(text).map(|span| Value::Integer(span.0));
        text.parse().ok().map(Value::Flop).or_else(duration)
    }

    /// As a treaty file writes it.
    pub(crate) fn to_toml(&self) -> toml::Value {
        match self {
            Value::Integer(value) => toml::Value::Integer(i64::try_from(*value).unwrap_or(i64::MAX)),
            Value::Flop(flop) => toml::Value::String(exact(*flop)),
            Value::Text(text) => toml::Value::String(text.clone()),
        }
    }
}

/// A FLOP count with its trailing zeros as an exponent: `1e26`, `314e21`.
fn exact(flop: Flop) -> String {
    let digits = flop.0.to_string();
    let mantissa = digits.trim_end_matches('0');
    match digits.len() - mantissa.len() {
        zeros if zeros < 3 || mantissa.is_empty() => digits,
        zeros => format!("{mantissa}e{zeros}"),
    }
}

/// Why a value is no parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// Over [`MAX_PARAMETERS`].
    #[error("{count} parameters exceed the limit of {MAX_PARAMETERS}")]
    TooMany {
        /// Parameters given.
        count: usize,
    },
    /// A key that is no name.
    #[error("parameter `{key}`: 1 to 32 of a-z, 0-9 and `_`, starting with a letter")]
    BadKey {
        /// The key.
        key: String,
    },
    /// A value of a type that clauses do not read, or out of range.
    #[error("parameter `{key}`: {reason}")]
    BadValue {
        /// The key.
        key: String,
        /// What is wrong with the value.
        reason: String,
    },
}

/// Canonical parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    values: BTreeMap<String, Value>,
    bytes: Vec<u8>,
}

impl Parameters {
    /// Checks and encodes a map.
    pub fn new(values: BTreeMap<String, Value>) -> Result<Self, ParameterError> {
        if values.len() > MAX_PARAMETERS {
            return Err(ParameterError::TooMany { count: values.len() });
        }
        let mut bytes = Vec::new();
        for (key, value) in &values {
            check_key(key)?;
            bytes.push(u8::try_from(key.len()).map_err(|_| ParameterError::BadKey { key: key.clone() })?);
            bytes.extend_from_slice(key.as_bytes());
            write_value(key, value, &mut bytes)?;
        }
        Ok(Parameters { values, bytes })
    }

    /// The canonical bytes: what the guest reads.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The hash that a verdict pins.
    pub fn hash(&self) -> Hash {
        Hash::tagged(Domain::Parameters, &[&self.bytes])
    }

    /// The values by key.
    pub fn values(&self) -> &BTreeMap<String, Value> {
        &self.values
    }
}

fn check_key(key: &str) -> Result<(), ParameterError> {
    if Name::is_valid(&key.replace('_', "-")) && !key.contains('-') {
        return Ok(());
    }
    Err(ParameterError::BadKey { key: key.chars().take(40).collect() })
}

fn write_value(key: &str, value: &Value, bytes: &mut Vec<u8>) -> Result<(), ParameterError> {
    match value {
        Value::Integer(value) => {
            bytes.push(1);
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        Value::Flop(value) => {
            bytes.push(2);
            bytes.extend_from_slice(&value.0.to_le_bytes());
        }
        Value::Text(text) => {
            let length = u8::try_from(text.len()).ok().filter(|length| usize::from(*length) <= MAX_TEXT);
            let reason = || format!("a text has at most {MAX_TEXT} bytes");
            let length = length.ok_or_else(|| ParameterError::BadValue { key: key.to_owned(), reason: reason() })?;
            bytes.extend_from_slice(&[3, length]);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    Ok(())
}
