//! The short names of members, sites, clauses and the like.
//!
//! `lab-a`, `evaluator`, `eu-ai-office`: 1 to 32 characters of `a-z`, `0-9` and `-`, starting with a letter and not
//! ending in `-`. Short enough for a table, safe in a path, a URL and a metric label.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use wincode::{SchemaRead, SchemaWrite};

/// A member's name within one treaty.
pub type MemberId = Name;

/// A checked short name. The ordering is that of its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, SchemaRead, SchemaWrite)]
pub struct Name(String);

/// Text that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a name: 1 to 32 of a-z, 0-9 and `-`, starting with a letter and not ending in `-`")]
pub struct NotAName {
    text: String,
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the text is a name. A name decoded from bytes must be asked this.
    pub fn is_valid(text: &str) -> bool {
        let bytes = text.as_bytes();
        (1..=32).contains(&bytes.len())
            && bytes[0].is_ascii_lowercase()
            && bytes[bytes.len() - 1] != b'-'
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        if Name::is_valid(text) {
            Ok(Name(text.to_owned()))
        } else {
            Err(NotAName { text: text.chars().take(80).collect() })
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
