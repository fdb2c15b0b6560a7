//! A proposed block on its way: one signed opening, then the body in chunks.
//!
//! ```text
//! stream id   height u64 BE | round u32 BE | first 8 bytes of the block hash                    = 20 bytes
//! sequence 0  Opening { height, round, valid round, proposer, block, length, sender, signature }
//! sequence n  Chunk: bytes (n - 1) * 128 KiB .. of the encoded block; the last one may be shorter
//!
//! signed by the sender: chain id 32 | 0x04 | height u64 BE | round u32 BE | 0x00, or 0x01 and the valid round u32 BE
//!                       | proposer 20 | block hash 32 | length u32 BE
//! ```
//!
//! The block hash commits to every byte of the body: the header has the roots of all that follows it, and encodings are
//! canonical. The sender is the proposer, or a validator that streams a locked block again. A length is known from the opening, so
//! there is no closing message. An announcement is a stream of its own with one message: "I have started this height".

use bytes::Bytes;
use malachite::app::streaming::{StreamContent, StreamId, StreamMessage};
use standstill_protocol::block::MAX_BLOCK_BYTES;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{KeyError, SecretKey, Signature, VerifyingKey};
use standstill_protocol::validators::Address;

/// Bytes of a chunk; only the last of a stream is shorter.
pub(crate) const CHUNK_BYTES: usize = 128 << 10;
/// Type byte of an opening.
const OPENING: u8 = 0x04;

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The first message.
    Opening(Box<Opening>),
    /// A piece of the body.
    Chunk(Bytes),
    /// "I have started this height."
    Announcement {
        /// Which.
        height: u64,
    },
}

/// What a stream will deliver, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) valid_round: Option<u32>,
    pub(crate) proposer: Address,
    pub(crate) block: Hash,
    pub(crate) length: u32,
    pub(crate) sender: Address,
    pub(crate) signature: Signature,
}

impl Opening {
    /// Signs an opening for `body`; `None` if it is longer than a block may be.
    pub(crate) fn sign(chain_id: &Hash, key: &SecretKey, proposal: Coordinates, body: &[u8]) -> Option<Self> {
        if body.is_empty() || body.len() > MAX_BLOCK_BYTES {
            return None;
        }
        let Coordinates { height, round, valid_round, proposer, block } = proposal;
        let mut opening = Opening {
            height,
            round,
            valid_round,
            proposer,
            block,
            length: u32::try_from(body.len()).ok()?,
            sender: Address::of(&key.public_key()),
            signature: Signature::from_bytes([0; 64]),
        };
        opening.signature = key.sign(&opening.signed_bytes(chain_id));
        Some(opening)
    }

    /// Verifies the sender's signature.
    pub(crate) fn verify(&self, chain_id: &Hash, sender: &VerifyingKey) -> Result<(), KeyError> {
        sender.verify(&self.signed_bytes(chain_id), &self.signature)
    }

    /// Messages in the stream after the opening.
    pub(crate) fn chunks(&self) -> usize {
        (self.length as usize).div_ceil(CHUNK_BYTES)
    }

    /// Bytes that chunk `index`, from 0, must have; `None` beyond the last.
    pub(crate) fn chunk_length(&self, index: usize) -> Option<usize> {
        let start = index.checked_mul(CHUNK_BYTES)?;
        let rest = (self.length as usize).checked_sub(start).filter(|rest| *rest > 0)?;
        Some(rest.min(CHUNK_BYTES))
    }

    fn signed_bytes(&self, chain_id: &Hash) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(106);
        bytes.extend_from_slice(chain_id.as_bytes());
        bytes.push(OPENING);
        bytes.extend_from_slice(&self.height.to_be_bytes());
        bytes.extend_from_slice(&self.round.to_be_bytes());
        match self.valid_round {
            None => bytes.push(0x00),
            Some(round) => {
                bytes.push(0x01);
                bytes.extend_from_slice(&round.to_be_bytes());
            }
        }
        bytes.extend_from_slice(self.proposer.as_bytes());
        bytes.extend_from_slice(self.block.as_bytes());
        bytes.extend_from_slice(&self.length.to_be_bytes());
        bytes
    }
}

/// Which proposal a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coordinates {
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) valid_round: Option<u32>,
    pub(crate) proposer: Address,
    pub(crate) block: Hash,
}

/// The messages of one stream, in order.
pub(crate) fn stream(opening: Opening, body: Bytes) -> Vec<StreamMessage<Part>> {
    let mut id = Vec::with_capacity(20);
    id.extend_from_slice(&opening.height.to_be_bytes());
    id.extend_from_slice(&opening.round.to_be_bytes());
    id.extend_from_slice(&opening.block.as_bytes()[..8]);
    let id = StreamId::new(id.into());
    let chunks = (0..body.len())
        .step_by(CHUNK_BYTES)
        .map(|start| Part::Chunk(body.slice(start..body.len().min(start + CHUNK_BYTES))));
    std::iter::once(Part::Opening(Box::new(opening)))
        .chain(chunks)
        .zip(0u64..)
        .map(|(part, sequence)| StreamMessage::new(id.clone(), sequence, StreamContent::Data(part)))
        .collect()
}

/// Tells the others that a height has started.
pub(crate) fn announcement(height: u64) -> StreamMessage<Part> {
    let mut id = height.to_be_bytes().to_vec();
    id.extend_from_slice(b"started");
    StreamMessage::new(StreamId::new(id.into()), 0, StreamContent::Data(Part::Announcement { height }))
}
