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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::block::{Block, Entry};
    use crate::certificate::{Certificate, CommitSignature};
    use crate::hash::Hash;
    use crate::keys::Signature;
    use crate::validators::Address;

    type Sample = (Option<Certificate>, Vec<Entry>, Option<u64>, u128, Vec<Option<Hash>>);

    fn samples() -> impl Strategy<Value = Sample> {
        let signature = any::<([u8; 20], u8)>().prop_map(|(address, byte)| CommitSignature {
            address: Address::from_bytes(address),
            signature: Signature::from_bytes([byte; 64]),
        });
        let signatures = proptest::collection::vec(signature, 0..4);
        let certificate =
            (any::<(u64, u32, [u8; 32])>(), signatures).prop_map(|((height, round, block), signatures)| Certificate {
                height,
                round,
                block: Hash::from_bytes(block),
                signatures,
            });
        let entry = (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(evidence, bytes)| if evidence { Entry::Evidence(bytes) } else { Entry::Envelope(bytes) });
        let hash = proptest::option::of(any::<[u8; 32]>().prop_map(Hash::from_bytes));
        (
            proptest::option::of(certificate),
            proptest::collection::vec(entry, 0..4),
            any::<Option<u64>>(),
            any::<u128>(),
            proptest::collection::vec(hash, 0..4),
        )
    }

    proptest! {
        /// The comparison as it goes is the comparison of the whole.
        #[test]
        fn a_value_encodes_to_its_own_bytes_and_no_others(value in samples(), at in any::<usize>(), flip in 1u8..) {
            let bytes = encode(&value);
            prop_assert!(encodes_to(&value, &bytes));
            prop_assert!(!encodes_to(&value, &bytes[..bytes.len() - 1]), "a byte too few");
            prop_assert!(!encodes_to(&value, &[bytes.as_slice(), &[0]].concat()), "a byte too many");
            let mut other = bytes.clone();
            let at = at % other.len();
            other[at] ^= flip;
            prop_assert!(!encodes_to(&value, &other), "byte {at} of {} differs", bytes.len());
            let again = decode::<Sample>(&other, other.len()).map(|value| encode(&value));
            prop_assert!(again.is_err() || again == Ok(other), "what decodes encodes to the same bytes");
            prop_assert_eq!(decode::<Sample>(&bytes, bytes.len()), Ok(value));
        }

        /// Any bytes at all: the decoder refuses them, or gives what encodes to them.
        #[test]
        fn what_decodes_encodes_to_the_same_bytes(bytes in proptest::collection::vec(0u8..3, 0..200)) {
            if let Ok(value) = decode::<Sample>(&bytes, 200) {
                prop_assert_eq!(encode(&value), bytes.clone());
            }
            if let Ok(block) = Block::decode(&bytes) {
                prop_assert_eq!(block.encode(), bytes);
            }
        }
    }
}
