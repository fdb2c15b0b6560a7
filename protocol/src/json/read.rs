//! Taking an object apart: members by name, a path in every complaint, nothing left over unseen.
//!
//! ```
//! use standstill_protocol::json::{self, ObjectReader};
//! let value = json::parse(br#"{"site":"north","period":7,"extra":1}"#, 64).unwrap();
//! let mut reader = ObjectReader::new(&value, "predicate").unwrap();
//! assert_eq!(reader.string("site").unwrap(), "north");
//! assert_eq!(reader.unsigned("period").unwrap(), 7);
//! assert_eq!(reader.finish().unwrap_err().to_string(), "`predicate.extra` is not a known member");
//! ```

use std::collections::BTreeSet;

use super::{Object, Value};

/// How a value differs from the shape expected of it. Paths look like `predicate.evidence[2].sha256`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A member that must be there.
    #[error("`{path}` is missing")]
    Missing {
        /// Where it should be.
        path: String,
    },
    /// A member that the format does not know.
    #[error("`{path}` is not a known member")]
    Unknown {
        /// Where it is.
        path: String,
    },
    /// Another type.
    #[error("`{path}` is {found} where {expected} is expected")]
    WrongType {
        /// Where.
        path: String,
        /// The type expected.
        expected: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// The right type, and a value that its member cannot have.
    #[error("`{path}`: {reason}")]
    Invalid {
        /// Where.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads members of one object by name; [`ObjectReader::finish`] refuses what was not asked for.
#[derive(Debug)]
pub struct ObjectReader<'a> {
    object: &'a Object,
    path: String,
    seen: BTreeSet<&'a str>,
}

impl<'a> ObjectReader<'a> {
    /// Reads `value`, which must be an object. `path` names it in errors; an empty one means the whole text.
    pub fn new(value: &'a Value, path: impl Into<String>) -> Result<Self, ShapeError> {
        let path = path.into();
        match value {
            Value::Object(object) => Ok(ObjectReader { object, path, seen: BTreeSet::new() }),
            other => {
                let path = if path.is_empty() { "the value".to_owned() } else { path };
                Err(ShapeError::WrongType { path, expected: "an object", found: other.type_name() })
            }
        }
    }

    /// The path of a member, as errors write it.
    pub fn path_of(&self, name: &str) -> String {
        let name: String = name.chars().take(80).collect();
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }

    /// A member that may be missing. A `null` is a value like another.
    pub fn optional(&mut self, name: &str) -> Option<&'a Value> {
        let (name, value) = self.object.iter().find(|(existing, _)| *existing == name)?;
        self.seen.insert(name);
        Some(value)
    }

    /// A member that must be there.
    pub fn required(&mut self, name: &str) -> Result<&'a Value, ShapeError> {
        self.optional(name).ok_or_else(|| ShapeError::Missing { path: self.path_of(name) })
    }

    /// A string that must be there.
    pub fn string(&mut self, name: &str) -> Result<&'a str, ShapeError> {
        let value = self.required(name)?;
        value.as_str().ok_or_else(|| self.wrong_type(name, "a string", value))
    }

    /// A boolean that must be there.
    pub fn boolean(&mut self, name: &str) -> Result<bool, ShapeError> {
        let value = self.required(name)?;
        value.as_bool().ok_or_else(|| self.wrong_type(name, "a boolean", value))
    }

    /// An integer of at least 0 that must be there.
    pub fn unsigned(&mut self, name: &str) -> Result<u64, ShapeError> {
        let value = self.required(name)?;
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| self.wrong_type(name, "an integer of at least 0", value))
    }

    /// An array that must be there.
    pub fn array(&mut self, name: &str) -> Result<&'a [Value], ShapeError> {
        let value = self.required(name)?;
        value.as_array().ok_or_else(|| self.wrong_type(name, "an array", value))
    }

    /// An object that must be there, as a reader with the path extended.
    pub fn object(&mut self, name: &str) -> Result<ObjectReader<'a>, ShapeError> {
        let value = self.required(name)?;
        ObjectReader::new(value, self.path_of(name))
    }

    /// A string that must be there and parse as `T`.
    pub fn parsed<T>(&mut self, name: &str) -> Result<T, ShapeError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text = self.string(name)?;
        text.parse().map_err(|error: T::Err| self.invalid(name, error.to_string()))
    }

    /// [`ShapeError::Invalid`] for a member.
    pub fn invalid(&self, name: &str, reason: impl Into<String>) -> ShapeError {
        ShapeError::Invalid { path: self.path_of(name), reason: reason.into() }
    }

    /// Refuses the first member that was never asked for.
    pub fn finish(self) -> Result<(), ShapeError> {
        match self.object.iter().find(|(name, _)| !self.seen.contains(name)) {
            Some((name, _)) => Err(ShapeError::Unknown { path: self.path_of(name) }),
            None => Ok(()),
        }
    }

    fn wrong_type(&self, name: &str, expected: &'static str, value: &Value) -> ShapeError {
        ShapeError::WrongType { path: self.path_of(name), expected, found: value.type_name() }
    }
}
