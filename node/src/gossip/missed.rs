//! What was dropped unread, and whom to ask for it.
//!
//! A message that finds its sender's lane full is gone: the network does not hand over a second copy of it for a minute. So
//! some others are asked what waits at them, at once and for some seconds after the last loss. The sender itself comes last:
//! its answer would meet the same full lane.

use std::collections::BTreeSet;

use libp2p::PeerId;

/// Peers that are asked at one time.
const ASKED: usize = 3;
/// Seconds for which peers are asked after the last loss: another node may need as long to check what was lost here.
const ROUNDS: u8 = 3;

/// Whether anything was lost lately, and whose.
#[derive(Debug, Default)]
pub(super) struct Missed {
    rounds: u8,
    /// Peers whose messages found no room.
    full: BTreeSet<PeerId>,
    /// Who was asked last: each has its turn.
    last: Option<PeerId>,
}

impl Missed {
    /// Something of this peer's was dropped. True where nobody is being asked yet: then it is time to.
    pub(super) fn note(&mut self, source: PeerId) -> bool {
        self.full.insert(source);
        let idle = self.rounds == 0;
        self.rounds = ROUNDS;
        idle
    }

    /// Whether to ask again now, a second after the last time.
    pub(super) fn is_due(&mut self) -> bool {
        if self.rounds == 0 {
            self.full.clear();
            return false;
        }
        self.rounds -= 1;
        true
    }

    /// Whom to ask, of those connected.
    pub(super) fn whom(&mut self, connected: impl Iterator<Item = PeerId>) -> Vec<PeerId> {
        let (full, others): (BTreeSet<_>, BTreeSet<_>) = connected.partition(|peer| self.full.contains(peer));
        let (before, after): (Vec<_>, Vec<_>) = others.into_iter().partition(|peer| Some(*peer) <= self.last);
        let mut turns: Vec<_> = after.into_iter().chain(before).take(ASKED).collect();
        if let Some(last) = turns.last() {
            self.last = Some(*last);
        }
        turns.extend(full.into_iter().take(ASKED - turns.len()));
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_asked_in_turn_at_once_and_for_a_while_and_the_flooder_last() {
        let mut missed = Missed::default();
        let peers: BTreeSet<_> = (0..6).map(|_| PeerId::random()).collect();
        let loud = *peers.first().unwrap();
        assert!(!missed.is_due());
        assert!(missed.note(loud), "nobody is being asked: do so now");
        assert!(!missed.note(loud), "not once for each message");
        let mut asked = missed.whom(peers.iter().copied());
        asked.extend(missed.whom(peers.iter().copied()).into_iter().take(2));
        assert!(!asked.contains(&loud));
        assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), 5, "each of the others in turn");
        assert_eq!(missed.whom([loud].into_iter()), [loud], "who else is there?");
        assert_eq!((0..10).filter(|_| missed.is_due()).count(), ROUNDS as usize);
        assert!(missed.note(loud));
    }
}
