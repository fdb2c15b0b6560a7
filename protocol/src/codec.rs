//! The one binary codec: bincode's fixed-width layout, strictly.
//!
//! Little-endian integers of fixed width, `u64` lengths, `u32` enum tags, structs as their fields in order, nothing
//! between them. No maps: what is hashed is a sorted list. The layout is produced by `wincode`; the `bincode` crate is
//! the oracle in tests.
//!
//! ```
//! use standstill_protocol::codec;
//! assert_eq!(codec::encode(&(7u32, vec![1u8, 2])), [7, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
//! assert!(codec::decode::<u32>(&[7, 0, 0, 0, 9], 64).is_err(), "trailing bytes are refused");
//! ```

use wincode::config::DefaultConfig;
use wincode::io::{WriteError, WriteResult, Writer};
use wincode::{SchemaRead, SchemaWrite};

/// Why bytes were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Longer than the bound for this type; nothing was read.
    #[error("{length} bytes exceed the limit of {limit}")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Truncated, trailing bytes, an unknown tag, or a value out of range.
    #[error("malformed encoding: {reason}")]
    Malformed {
        /// What the decoder met.
        reason: String,
    },
    /// The bytes decode, but the value encodes to other bytes.
    #[error("the encoding is not canonical")]
    NotCanonical,
}

/// Encodes a value. Encoding into memory cannot fail for the types of this project.
///
/// # Panics
///
/// If the type's schema cannot be written, which is a bug of the schema and not of its data.
pub fn encode<T>(value: &T) -> Vec<u8>
where
    T: SchemaWrite<DefaultConfig, Src = T> + ?Sized,
{
    // Writing to a growing Vec has no failure that data can reach.
    wincode::serialize(value).expect("a schema of this project can always be written to memory")
}

/// Decodes exactly `bytes`, at most `limit` of them, and checks that the value encodes back to the same bytes.
pub fn decode<T>(bytes: &[u8], limit: usize) -> Result<T, CodecError>
where
    T: for<'de> SchemaRead<'de, DefaultConfig, Dst = T> + SchemaWrite<DefaultConfig, Src = T>,
{
    if bytes.len() > limit {
        return Err(CodecError::TooLong { length: bytes.len(), limit });
    }
    let value: T =
        wincode::deserialize_exact(bytes).map_err(|error| CodecError::Malformed { reason: error.to_string() })?;
    if !encodes_to(&value, bytes) {
        return Err(CodecError::NotCanonical);
    }
    Ok(value)
}

/// Whether a value encodes to exactly these bytes: what [`encode`] would write is compared as it comes, and kept nowhere.
fn encodes_to<T>(value: &T, bytes: &[u8]) -> bool
where
    T: SchemaWrite<DefaultConfig, Src = T>,
{
    let mut expected = Expected { rest: bytes };
    wincode::serialize_into(expected.by_ref(), value).is_ok() && expected.rest.is_empty()
}

/// A writer that takes the bytes expected of it and refuses all others.
struct Expected<'a> {
    rest: &'a [u8],
}

impl Writer for Expected<'_> {
    #[inline]
    fn write(&mut self, written: &[u8]) -> WriteResult<()> {
        self.rest = self.rest.strip_prefix(written).ok_or(WriteError::WriteSizeLimit(written.len()))?;
        Ok(())
    }
}
