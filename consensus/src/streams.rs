//! Putting streams together, from peers who may do anything.
//!
//! Streams are kept apart by who *published* them (gossip signs that; relays cannot forge it), so one hostile publisher
//! fills only its own share:
//!
//! 1. only listed peers may publish;
//! 2. a publisher holds at most [`Limits::streams`] streams and [`Limits::bytes`] bytes; beyond that its own least
//!    recently continued stream is forgotten;
//! 3. streams of passed heights are refused, those of heights up to [`Limits::ahead`] above the next are held;
//! 4. an opening must fit its stream id, its length the limit, every chunk its place.
//!
//! Signatures need the validators of a height, so the caller checks them: on the opening when the height is next, and
//! again on what comes out, together with the block's hash. A stream that was whole is forgotten here, so a false body
//! does not stand in the way of the true one.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use malachite::app::streaming::{StreamContent, StreamMessage};
use malachite::app::types::PeerId;

use crate::parts::{CHUNK_BYTES, Opening, Part};

/// What one publisher may occupy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Streams at a time.
    pub(crate) streams: usize,
    /// Bytes of unfinished or held streams.
    pub(crate) bytes: usize,
    /// Encoded bytes of one block.
    pub(crate) block_bytes: usize,
    /// Heights above the next that are held.
    pub(crate) ahead: u64,
}

/// A whole stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Who published it: the gossip layer's word, not the sender's.
    pub(crate) publisher: PeerId,
    pub(crate) opening: Opening,
    pub(crate) body: Bytes,
}

/// How a message was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StreamError {
    /// The publisher is not listed, or not named.
    #[error("the publisher is no listed peer")]
    UnknownPublisher,
    /// The stream id is not 20 bytes.
    #[error("a stream id of {length} bytes")]
    BadId { length: usize },
    /// The height is over, or too far ahead.
    #[error("height {height} is outside {next} to {last}")]
    Height { height: u64, next: u64, last: u64 },
    /// A message without content, a second announcement in a stream, or content in the wrong place.
    #[error("message {sequence} has the wrong content for its place")]
    WrongContent { sequence: u64 },
    /// The opening contradicts the stream id.
    #[error("the opening does not fit its stream id")]
    WrongOpening,
    /// The caller refused the opening: not a validator, not the proposer, or a bad signature.
    #[error("the opening is not signed by a validator for the proposer of its round")]
    Unsigned,
    /// The body is empty or longer than a block may be.
    #[error("a body of {length} bytes; the limit is {limit}")]
    BodyLength { length: usize, limit: usize },
    /// A chunk has the wrong length for its place.
    #[error("chunk {sequence} has {length} bytes")]
    ChunkLength { sequence: u64, length: usize },
    /// The same place twice, with different content.
    #[error("message {sequence} was sent twice with different content")]
    Contradiction { sequence: u64 },
}

#[derive(Debug, Default)]
struct Stream {
    opening: Option<Opening>,
    chunks: BTreeMap<u64, Bytes>,
    bytes: usize,
    touched: u64,
}

/// (height, round, start of the block hash), as the stream id says.
type Id = (u64, u32, [u8; 8]);

/// All unfinished and held streams.
#[derive(Debug)]
pub(crate) struct Streams {
    limits: Limits,
    listed: BTreeSet<PeerId>,
    publishers: BTreeMap<PeerId, BTreeMap<Id, Stream>>,
    clock: u64,
}

impl Streams {
    pub(crate) fn new(limits: Limits, listed: impl IntoIterator<Item = PeerId>) -> Self {
        Streams { limits, listed: listed.into_iter().collect(), publishers: BTreeMap::new(), clock: 0 }
    }

    /// Lets a peer publish.
    pub(crate) fn list(&mut self, peer: PeerId) {
        self.listed.insert(peer);
    }

    /// Takes one message. `next` is the height to be decided next; `admits` judges an opening of that height. Returns the
    /// stream when it is whole and of height `next`; later heights wait for [`Streams::take_held`].
    pub(crate) fn insert(
        &mut self,
        publisher: Option<PeerId>,
        message: StreamMessage<Part>,
        next: u64,
        admits: impl FnOnce(&Opening) -> bool,
    ) -> Result<Option<Whole>, StreamError> {
        let publisher = publisher.filter(|peer| self.listed.contains(peer)).ok_or(StreamError::UnknownPublisher)?;
        let sequence = message.sequence;
        let StreamContent::Data(part) = message.content else { return Err(StreamError::WrongContent { sequence }) };
        if matches!(part, Part::Announcement { .. }) {
            // Heard by the application; nothing to put together.
            return Ok(None);
        }
        let id = parse_id(&message.stream_id.to_bytes())?;
        let last = next.saturating_add(self.limits.ahead);
        if id.0 < next || id.0 > last {
            return Err(StreamError::Height { height: id.0, next, last });
        }
        match part {
            Part::Opening(opening) => {
                self.check_opening(&opening, id, sequence)?;
                if id.0 == next && !admits(&opening) {
                    return Err(StreamError::Unsigned);
                }
                self.open(publisher, id, *opening)?;
            }
            Part::Chunk(chunk) => self.add(publisher, id, sequence, chunk)?,
            Part::Announcement { .. } => return Ok(None),
        }
        self.enforce(publisher, id);
        Ok(if id.0 == next { self.take(publisher, id) } else { None })
    }

    /// Takes the whole streams of `height`, and forgets everything below it.
    pub(crate) fn take_held(&mut self, height: u64) -> Vec<Whole> {
        self.forget_below(height);
        let waiting: Vec<(PeerId, Id)> = self
            .publishers
            .iter()
            .flat_map(|(peer, streams)| streams.keys().map(|id| (*peer, *id)))
            .filter(|(_, id)| id.0 == height)
            .collect();
        waiting.into_iter().filter_map(|(peer, id)| self.take(peer, id)).collect()
    }

    /// Forgets streams of heights that are over.
    pub(crate) fn forget_below(&mut self, height: u64) {
        for streams in self.publishers.values_mut() {
            streams.retain(|id, _| id.0 >= height);
        }
        self.publishers.retain(|_, streams| !streams.is_empty());
    }

    /// Bytes held for one publisher.
    #[cfg(test)]
    pub(crate) fn held_bytes(&self, publisher: &PeerId) -> usize {
        self.publishers.get(publisher).map_or(0, |streams| streams.values().map(|stream| stream.bytes).sum())
    }

    fn check_opening(&self, opening: &Opening, id: Id, sequence: u64) -> Result<(), StreamError> {
        if sequence != 0 {
            return Err(StreamError::WrongContent { sequence });
        }
        if (opening.height, opening.round) != (id.0, id.1) || opening.block.as_bytes()[..8] != id.2 {
            return Err(StreamError::WrongOpening);
        }
        let (length, limit) = (opening.length as usize, self.limits.block_bytes);
        if length == 0 || length > limit {
            return Err(StreamError::BodyLength { length, limit });
        }
        Ok(())
    }

    fn open(&mut self, publisher: PeerId, id: Id, opening: Opening) -> Result<(), StreamError> {
        let stream = self.touch(publisher, id);
        if stream.opening.as_ref().is_some_and(|known| *known != opening) {
            return Err(StreamError::Contradiction { sequence: 0 });
        }
        let misfit = stream.chunks.iter().find(|(sequence, chunk)| !fits(&opening, **sequence, chunk));
        if let Some((sequence, chunk)) = misfit {
            let error = StreamError::ChunkLength { sequence: *sequence, length: chunk.len() };
            self.forget(publisher, id);
            return Err(error);
        }
        stream.opening = Some(opening);
        Ok(())
    }

    fn add(&mut self, publisher: PeerId, id: Id, sequence: u64, chunk: Bytes) -> Result<(), StreamError> {
        let places = self.limits.block_bytes.div_ceil(CHUNK_BYTES) as u64;
        if sequence == 0 || sequence > places {
            return Err(StreamError::WrongContent { sequence });
        }
        let length = chunk.len();
        if length == 0 || length > CHUNK_BYTES {
            return Err(StreamError::ChunkLength { sequence, length });
        }
        let stream = self.touch(publisher, id);
        if stream.opening.as_ref().is_some_and(|opening| !fits(opening, sequence, &chunk)) {
            return Err(StreamError::ChunkLength { sequence, length });
        }
        match stream.chunks.get(&sequence) {
            Some(known) if *known == chunk => {}
            Some(_) => return Err(StreamError::Contradiction { sequence }),
            None => {
                stream.bytes += length;
                stream.chunks.insert(sequence, chunk);
            }
        }
        Ok(())
    }

    fn touch(&mut self, publisher: PeerId, id: Id) -> &mut Stream {
        self.clock += 1;
        let stream = self.publishers.entry(publisher).or_default().entry(id).or_default();
        stream.touched = self.clock;
        stream
    }

    /// Keeps a publisher within its share by forgetting its other streams, least recently continued first, and at last
    /// the one at hand.
    fn enforce(&mut self, publisher: PeerId, current: Id) {
        while let Some(streams) = self.publishers.get_mut(&publisher) {
            let bytes: usize = streams.values().map(|stream| stream.bytes).sum();
            if streams.len() <= self.limits.streams && bytes <= self.limits.bytes {
                break;
            }
            let others = streams.iter().filter(|(id, _)| **id != current);
            let stalest = others.min_by_key(|(_, stream)| stream.touched).map_or(current, |(id, _)| *id);
            streams.remove(&stalest);
            if streams.is_empty() {
                self.publishers.remove(&publisher);
            }
        }
    }

    /// Takes a stream out if it is whole.
    fn take(&mut self, publisher: PeerId, id: Id) -> Option<Whole> {
        let stream = self.publishers.get(&publisher)?.get(&id)?;
        let opening = stream.opening.as_ref().filter(|opening| opening.chunks() == stream.chunks.len())?;
        let mut body = Vec::with_capacity(stream.bytes);
        for chunk in stream.chunks.values() {
            body.extend_from_slice(chunk);
        }
        let whole = Whole { publisher, opening: opening.clone(), body: body.into() };
        self.forget(publisher, id);
        Some(whole)
    }

    fn forget(&mut self, publisher: PeerId, id: Id) {
        if let Some(streams) = self.publishers.get_mut(&publisher) {
            streams.remove(&id);
            if streams.is_empty() {
                self.publishers.remove(&publisher);
            }
        }
    }
}

/// Whether a chunk has the length that its place has in the announced body.
fn fits(opening: &Opening, sequence: u64, chunk: &[u8]) -> bool {
    let index = sequence.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| opening.chunk_length(index)) == Some(chunk.len())
}

fn parse_id(id: &[u8]) -> Result<Id, StreamError> {
    let bad = || StreamError::BadId { length: id.len() };
    let id: &[u8; 20] = id.try_into().map_err(|_| bad())?;
    let (height, rest) = id.split_first_chunk::<8>().ok_or_else(bad)?;
    let (round, rest) = rest.split_first_chunk::<4>().ok_or_else(bad)?;
    let block = rest.first_chunk::<8>().ok_or_else(bad)?;
    Ok((u64::from_be_bytes(*height), u32::from_be_bytes(*round), *block))
}
