//! What nodes say to each other outside consensus, in the strict codec.
//!
//! ```text
//! topic envelopes      salt, Batch     up to 64 different envelopes, 512 KiB
//! topic cosignatures   salt, a note    up to 2 KiB, as text
//! request pool         Request         "I have these; what else waits?"
//! response             Reply           envelopes and notes, 1 MiB at most
//! ```
//!
//! The salt is eight bytes that a publisher draws. Nobody can say beforehand which bytes, and so which id, another's
//! publication will have, and what was seen once can be published again by whoever has to spread it.

use std::collections::BTreeSet;

use standstill_protocol::block::MAX_ENTRY_BYTES;
use standstill_protocol::codec::{self, CodecError};
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use wincode::{SchemaRead, SchemaWrite};

/// Envelopes in one batch, at most.
pub(crate) const MAX_BATCH: usize = 64;
/// Bytes of one encoded gossip message, at most, without its salt.
pub(crate) const MAX_MESSAGE_BYTES: usize = 512 << 10;
/// Bytes of the salt in front of a gossip message.
pub(crate) const SALT_BYTES: usize = 8;
/// Ids in one request, at most.
pub(crate) const MAX_KNOWN: usize = 16_384;
/// Bytes of an encoded request, at most.
pub(crate) const MAX_REQUEST_BYTES: usize = 32 * MAX_KNOWN + 64;
/// Bytes of envelopes in one reply, at most.
pub(crate) const MAX_REPLY_ENVELOPES: usize = 1 << 20;
/// Notes in one reply, at most.
pub(crate) const MAX_REPLY_NOTES: usize = 128;
/// Bytes of an encoded reply, at most.
pub(crate) const MAX_REPLY_BYTES: usize = MAX_REPLY_ENVELOPES + MAX_REPLY_NOTES * 4096 + (160 << 10) + 8 * MAX_KNOWN;
/// Bytes of an encoded certificate, at most: 128 validators.
pub(crate) const MAX_CERTIFICATE_BYTES: usize = 16 << 10;

/// Envelopes that their sender has checked.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Batch {
    pub(crate) envelopes: Vec<Vec<u8>>,
}

/// What a node that has just connected asks.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Request {
    /// Statements that it knows.
    pub(crate) known: Vec<StatementId>,
    /// Size of its newest cosigned checkpoint: it lacks notes about larger ones.
    pub(crate) cosigned: u64,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Reply {
    /// Envelopes that the asker lacks.
    pub(crate) envelopes: Vec<Vec<u8>>,
    /// Notes about sizes above the asker's.
    pub(crate) notes: Vec<Vec<u8>>,
    /// The newest checkpoint that a quorum cosigned, if the asker's is older.
    pub(crate) checkpoint: Option<Vec<u8>>,
    /// Whether there is more to ask for.
    pub(crate) more: bool,
    /// The certificate of the answerer's tip, in the strict codec; absent before the first block.
    pub(crate) tip: Option<Vec<u8>>,
}

fn malformed(reason: &str) -> CodecError {
    CodecError::Malformed { reason: reason.to_owned() }
}

impl Batch {
    pub(crate) fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let batch: Batch = codec::decode(bytes, MAX_MESSAGE_BYTES)?;
        let fits = (1..=MAX_BATCH).contains(&batch.envelopes.len());
        if !fits || batch.envelopes.iter().any(|envelope| envelope.len() > MAX_ENTRY_BYTES) {
            return Err(malformed("a batch holds 1 to 64 envelopes of at most 65,535 bytes"));
        }
        let different: BTreeSet<&[u8]> = batch.envelopes.iter().map(Vec::as_slice).collect();
        if different.len() < batch.envelopes.len() {
            return Err(malformed("a batch holds each envelope once"));
        }
        Ok(batch)
    }
}

impl Request {
    pub(crate) fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(bytes, MAX_REQUEST_BYTES)
    }
}

impl Reply {
    pub(crate) fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(bytes, MAX_REPLY_BYTES)
    }
}

/// A gossip message: salt and content.
pub(crate) fn salted(salt: [u8; SALT_BYTES], content: &[u8]) -> Vec<u8> {
    [&salt, content].concat()
}

/// The content of a gossip message, if it is long enough to have one.
pub(crate) fn content(message: &[u8]) -> Option<&[u8]> {
    message.split_first_chunk::<SALT_BYTES>().map(|(_, content)| content)
}

/// Groups envelopes into batches within the bounds, each envelope once.
pub(crate) fn batches(envelopes: Vec<Vec<u8>>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let (mut bytes, mut seen) = (0, BTreeSet::new());
    for envelope in envelopes {
        if !seen.insert(Hash::sha256(&envelope)) {
            continue;
        }
        // Eight bytes of length each, and one more length for the list.
        let cost = envelope.len() + 8;
        match batches.last_mut() {
            Some(batch) if batch.envelopes.len() < MAX_BATCH && bytes + cost + 8 <= MAX_MESSAGE_BYTES => {
                bytes += cost;
                batch.envelopes.push(envelope);
            }
            _ => {
                bytes = cost;
                batches.push(Batch { envelopes: vec![envelope] });
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn batches_lose_nothing_keep_order_and_stay_within_their_bounds(sizes in prop::collection::vec(1usize..=MAX_ENTRY_BYTES, 0..200)) {
            let envelopes: Vec<_> = sizes.iter().enumerate().map(|(i, size)| vec![i as u8; *size]).collect();
            let batches = batches(envelopes.clone());
            for batch in &batches {
                let bytes = batch.encode();
                prop_assert!(bytes.len() <= MAX_MESSAGE_BYTES);
                prop_assert_eq!(&Batch::decode(&bytes).unwrap(), batch);
            }
            let joined: Vec<_> = batches.into_iter().flat_map(|batch| batch.envelopes).collect();
            prop_assert_eq!(joined, envelopes);
        }

        #[test]
        fn foreign_bytes_are_refused_or_read_back_the_same(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(batch) = Batch::decode(&bytes) { prop_assert_eq!(batch.encode(), bytes.clone()); }
            if let Ok(request) = Request::decode(&bytes) { prop_assert_eq!(request.encode(), bytes.clone()); }
            if let Ok(reply) = Reply::decode(&bytes) { prop_assert_eq!(reply.encode(), bytes); }
        }
    }

    #[test]
    fn an_empty_or_overfull_batch_is_refused() {
        assert!(Batch::decode(&Batch { envelopes: vec![] }.encode()).is_err());
        assert!(Batch::decode(&Batch { envelopes: vec![vec![1]; MAX_BATCH + 1] }.encode()).is_err());
        assert!(Batch::decode(&Batch { envelopes: vec![vec![1; MAX_ENTRY_BYTES + 1]] }.encode()).is_err());
    }

    #[test]
    fn a_batch_that_repeats_an_envelope_is_refused_and_never_made() {
        let (one, two) = (vec![1; 100], vec![2; 100]);
        assert!(Batch::decode(&Batch { envelopes: vec![one.clone(), two.clone()] }.encode()).is_ok());
        assert!(Batch::decode(&Batch { envelopes: vec![one.clone(), two.clone(), one.clone()] }.encode()).is_err());
        let made = batches(vec![one.clone(), two.clone(), one.clone()]);
        assert_eq!(made, [Batch { envelopes: vec![one, two] }]);
    }

    #[test]
    fn a_message_shorter_than_its_salt_has_no_content() {
        assert_eq!(content(&salted([7; SALT_BYTES], b"note")), Some(&b"note"[..]));
        assert_eq!(content(&[0; SALT_BYTES]), Some(&[][..]));
        assert_eq!(content(&[0; SALT_BYTES - 1]), None);
    }
}
