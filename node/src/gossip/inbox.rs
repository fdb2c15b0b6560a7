//! What waits to be checked: a bounded lane for each peer, served in turn.
//!
//! 1. A peer fills its own lane and nobody else's; what does not fit is refused at once.
//! 2. Notes are small and have places of their own, so that a flood of envelopes never delays a checkpoint.
//! 3. The checking thread takes one question of each peer in turn.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use libp2p::PeerId;

use super::judge::Question;

/// Bytes of envelopes and replies that wait in one lane, at most: two replies of full length.
pub(super) const LANE_BYTES: usize = 4 << 20;
/// Batches and replies in one lane, at most.
const LANE_BATCHES: usize = 256;
/// Notes in one lane, at most.
pub(super) const LANE_NOTES: usize = 64;

#[derive(Debug, Default)]
struct Lane {
    questions: VecDeque<Question>,
    notes: usize,
    batches: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    lanes: BTreeMap<PeerId, Lane>,
    /// Peers with something in their lane, the next to serve first.
    turns: VecDeque<PeerId>,
    closed: bool,
}

/// The lanes.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
}

fn is_note(question: &Question) -> bool {
    matches!(question, Question::Note { .. })
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a question into its peer's lane. False where the lane is full.
    pub(super) fn push(&self, question: Question) -> bool {
        let mut state = self.lock();
        let (peer, size) = (question.source(), question.size());
        let lane = state.lanes.entry(peer).or_default();
        let fits = match is_note(&question) {
            true => lane.notes < LANE_NOTES,
            false => lane.batches < LANE_BATCHES && lane.bytes.saturating_add(size) <= LANE_BYTES,
        };
        if !fits {
            return false;
        }
        match is_note(&question) {
            true => lane.notes += 1,
            false => {
                lane.batches += 1;
                lane.bytes += size;
            }
        }
        let idle = lane.questions.is_empty();
        lane.questions.push_back(question);
        if idle {
            state.turns.push_back(peer);
        }
        drop(state);
        self.arrived.notify_one();
        true
    }

    /// The next question; waits for one. `None` once the inbox is closed.
    pub(super) fn pop(&self) -> Option<Question> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(question) = state.next() {
                return Some(question);
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends every [`Inbox::pop`].
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }
}

impl State {
    fn next(&mut self) -> Option<Question> {
        let peer = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&peer)?;
        let question = lane.questions.pop_front()?;
        match is_note(&question) {
            true => lane.notes -= 1,
            false => {
                lane.batches -= 1;
                lane.bytes = lane.bytes.saturating_sub(question.size());
            }
        }
        if lane.questions.is_empty() {
            self.lanes.remove(&peer);
        } else {
            self.turns.push_back(peer);
        }
        Some(question)
    }
}

/// Closes the inbox when the swarm ends.
#[derive(Debug)]
pub(super) struct Open(pub(super) Arc<Inbox>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::gossipsub::MessageId;

    fn batch(source: PeerId, bytes: usize) -> Question {
        Question::Envelopes { source, id: MessageId::new(b"x"), bytes: vec![0; bytes] }
    }

    fn note(source: PeerId) -> Question {
        Question::Note { source, id: MessageId::new(b"x"), bytes: vec![0; 100] }
    }

    #[test]
    fn a_peer_that_floods_fills_its_own_lane_and_others_are_served_in_turn() {
        let (loud, quiet) = (PeerId::random(), PeerId::random());
        let inbox = Inbox::default();
        let taken = (0..100).filter(|_| inbox.push(batch(loud, 512 << 10))).count();
        assert_eq!(taken, LANE_BYTES / (512 << 10), "bounded by bytes, not by messages");
        let taken = (0..1000).filter(|_| inbox.push(note(loud))).count();
        assert_eq!(taken, LANE_NOTES, "notes have places of their own");
        assert!(inbox.push(batch(quiet, 512 << 10)));
        assert_eq!(inbox.pop().map(|question| question.source()), Some(loud));
        assert_eq!(inbox.pop().map(|question| question.source()), Some(quiet), "before the rest of the flood");
        assert!(inbox.push(batch(loud, 512 << 10)), "what was served makes room");
    }

    #[test]
    fn a_closed_inbox_ends_the_thread_that_waits() {
        let inbox = Arc::new(Inbox::default());
        let waiting = std::thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || inbox.pop().is_none()
        });
        drop(Open(Arc::clone(&inbox)));
        assert!(waiting.join().unwrap());
        inbox.push(batch(PeerId::random(), 1));
        assert!(inbox.pop().is_none());
    }
}
