//! Putting streams together, from hostile messages.

use bytes::Bytes;
use malachite::app::streaming::{StreamContent, StreamId, StreamMessage};
use malachite::app::types::PeerId;
use standstill_protocol::hash::Hash;

use crate::parts::{CHUNK_BYTES, Coordinates, Opening, Part, stream};
use crate::streams::{Limits, StreamError, Streams, Whole};
use crate::tests::{address, chain_id, key};

pub(crate) const LIMITS: Limits = Limits { streams: 4, bytes: 6 * CHUNK_BYTES, block_bytes: 4 * CHUNK_BYTES, ahead: 3 };

pub(crate) fn peer(index: u8) -> PeerId {
    let id = crate::peer_id(&key(index + 100).public_key());
    id.parse().expect("a peer id")
}

pub(crate) fn id(height: u64, round: u32, block: &Hash) -> Vec<u8> {
    [&height.to_be_bytes()[..], &round.to_be_bytes(), &block.as_bytes()[..8]].concat()
}

fn messages(height: u64, round: u32, body: &[u8]) -> Vec<StreamMessage<Part>> {
    let block = Hash::sha256(body);
    let proposal = Coordinates { height, round, valid_round: None, proposer: address(1), block };
    let opening = Opening::sign(&chain_id(), &key(1), proposal, body).expect("a body of that length");
    stream(opening, Bytes::copy_from_slice(body))
}

fn body(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

fn feed(streams: &mut Streams, from: u8, messages: Vec<StreamMessage<Part>>) -> Result<Option<Whole>, StreamError> {
    let mut whole = None;
    for message in messages {
        whole = streams.insert(Some(peer(from)), message, 2, |opening| opening.sender == address(1))?.or(whole);
    }
    Ok(whole)
}

fn streams() -> Streams {
    Streams::new(LIMITS, [peer(0), peer(1)])
}

#[test]
fn a_stream_comes_together_in_any_order() {
    for length in [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5] {
        let body = body(length);
        let forward = feed(&mut streams(), 0, messages(2, 0, &body)).expect("it is accepted").expect("it is whole");
        assert_eq!(forward.body, body);
        assert!(forward.opening.verify(&chain_id(), &key(1).public_key().parse().expect("a key")).is_ok());
        let mut backward = messages(2, 0, &body);
        backward.reverse();
        assert_eq!(feed(&mut streams(), 0, backward), Ok(Some(forward)));
    }
}

#[test]
fn repeated_messages_change_nothing_and_contradicting_ones_are_refused() {
    let mut streams = streams();
    let body = body(2 * CHUNK_BYTES);
    let all = messages(2, 0, &body);
    assert_eq!(feed(&mut streams, 0, vec![all[0].clone(), all[0].clone(), all[1].clone(), all[1].clone()]), Ok(None));
    let mut other = all[1].clone();
    other.content = StreamContent::Data(Part::Chunk(vec![9; CHUNK_BYTES].into()));
    assert_eq!(feed(&mut streams, 0, vec![other]), Err(StreamError::Contradiction { sequence: 1 }));
    assert!(feed(&mut streams, 0, vec![all[2].clone()]).expect("accepted").is_some());
    assert_eq!(streams.held_bytes(&peer(0)), 0);
}

#[test]
fn strangers_and_unsigned_openings_are_refused() {
    let all = messages(2, 0, &body(10));
    let refused = streams().insert(Some(peer(7)), all[0].clone(), 2, |_| true);
    assert_eq!(refused, Err(StreamError::UnknownPublisher));
    assert_eq!(streams().insert(None, all[0].clone(), 2, |_| true), Err(StreamError::UnknownPublisher));
    assert_eq!(streams().insert(Some(peer(0)), all[0].clone(), 2, |_| false), Err(StreamError::Unsigned));
    let StreamContent::Data(Part::Opening(opening)) = all[0].content.clone() else { panic!("an opening comes first") };
    let other = key(2).public_key().parse().expect("a key");
    assert!(opening.verify(&chain_id(), &other).is_err(), "another's signature");
    let sender = key(1).public_key().parse().expect("a key");
    let moved = Opening { proposer: address(3), ..(*opening).clone() };
    assert!(moved.verify(&chain_id(), &sender).is_err(), "another proposer");
    assert!(opening.verify(&Hash::ZERO, &sender).is_err(), "another ledger");
}

#[test]
fn openings_and_chunks_of_wrong_size_or_place_are_refused() {
    let too_long = messages(2, 0, &body(LIMITS.block_bytes + 1));
    assert!(matches!(feed(&mut streams(), 0, too_long), Err(StreamError::BodyLength { .. })));
    let all = messages(2, 0, &body(CHUNK_BYTES + 10));
    let place = |sequence, content: &StreamMessage<Part>| StreamMessage { sequence, ..content.clone() };
    for (sequence, content) in [(3, &all[0]), (0, &all[1]), (99, &all[1])] {
        let refused = feed(&mut streams(), 0, vec![place(sequence, content)]);
        assert_eq!(refused, Err(StreamError::WrongContent { sequence }));
    }
    let short_first = feed(&mut streams(), 0, vec![all[0].clone(), place(1, &all[2])]);
    assert_eq!(short_first, Err(StreamError::ChunkLength { sequence: 1, length: 10 }));
    let short_before_opening = feed(&mut streams(), 0, vec![place(1, &all[2]), all[0].clone()]);
    assert_eq!(short_before_opening, Err(StreamError::ChunkLength { sequence: 1, length: 10 }));
    let mut elsewhere = all[0].clone();
    elsewhere.stream_id = StreamId::new(id(2, 1, &Hash::ZERO).into());
    assert_eq!(feed(&mut streams(), 0, vec![elsewhere]), Err(StreamError::WrongOpening));
    let mut nameless = all[0].clone();
    nameless.stream_id = StreamId::new(Bytes::from_static(b"x"));
    assert_eq!(feed(&mut streams(), 0, vec![nameless]), Err(StreamError::BadId { length: 1 }));
}

#[test]
fn a_false_body_does_not_stand_in_the_way_of_the_true_one() {
    let mut streams = streams();
    let mut all = messages(2, 0, &body(20));
    all[1].content = StreamContent::Data(Part::Chunk(vec![1; 20].into()));
    let whole = feed(&mut streams, 0, all).expect("it is accepted").expect("it is whole");
    assert_ne!(Hash::sha256(&whole.body), whole.opening.block, "whoever takes it out sees that it is false");
    assert_eq!(streams.held_bytes(&peer(0)), 0);
    assert_eq!(feed(&mut streams, 0, messages(2, 0, &body(20))).expect("accepted").expect("whole").body, body(20));
}

#[test]
fn one_publisher_fills_its_own_share_only() {
    let mut streams = streams();
    let victim = messages(2, 0, &body(2 * CHUNK_BYTES));
    assert_eq!(feed(&mut streams, 1, vec![victim[0].clone(), victim[1].clone()]), Ok(None));
    for round in 0..50 {
        let mut all = messages(2, round, &body(4 * CHUNK_BYTES));
        all.pop();
        assert_eq!(feed(&mut streams, 0, all), Ok(None));
        assert!(streams.held_bytes(&peer(0)) <= LIMITS.bytes);
    }
    assert!(feed(&mut streams, 1, vec![victim[2].clone()]).expect("accepted").is_some());
}

#[test]
fn coming_heights_are_held_and_passed_ones_refused() {
    let mut streams = streams();
    let ahead = messages(3, 0, &body(CHUNK_BYTES + 1));
    assert_eq!(feed(&mut streams, 0, ahead), Ok(None));
    let passed = feed(&mut streams, 0, messages(1, 0, &body(5)));
    assert_eq!(passed, Err(StreamError::Height { height: 1, next: 2, last: 5 }));
    let far = feed(&mut streams, 0, messages(6, 0, &body(5)));
    assert_eq!(far, Err(StreamError::Height { height: 6, next: 2, last: 5 }));
    assert!(streams.take_held(2).is_empty());
    let held = streams.take_held(3);
    assert_eq!(held.iter().map(|whole| whole.body.len()).collect::<Vec<_>>(), [CHUNK_BYTES + 1]);
    assert_eq!(streams.held_bytes(&peer(0)), 0);
}
