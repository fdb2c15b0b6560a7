//! How each peer behaves: requests that it may make, and bad messages that it sent.
//!
//! 1. One request of a peer is answered at a time, eight at once after a pause, then one a second.
//! 2. [`STRIKES`] bad messages cost a peer its connection for [`BAN`]. Bad is only what no honest node sends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::request_response::InboundRequestId;

/// Bad messages after which a peer is cut off.
pub(super) const STRIKES: u32 = 8;
/// How long it stays cut off.
pub(super) const BAN: Duration = Duration::from_secs(60);
/// Requests that may come at once after a pause.
const BURST: u32 = 8;
/// One more request is allowed after this long.
const REFILL: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Record {
    strikes: u32,
    tokens: u32,
    refilled: Instant,
    serving: Option<InboundRequestId>,
    banned_until: Option<Instant>,
}

impl Record {
    fn new(now: Instant) -> Self {
        Record { strikes: 0, tokens: BURST, refilled: now, serving: None, banned_until: None }
    }
}

/// Every peer's record. Bounded by the treaty: only its validators connect.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    records: BTreeMap<PeerId, Record>,
}

impl Conduct {
    fn record(&mut self, peer: PeerId, now: Instant) -> &mut Record {
        self.records.entry(peer).or_insert_with(|| Record::new(now))
    }

    /// Whether a request may be answered now. If so, it counts as being answered until [`Conduct::served`].
    pub(super) fn may_ask(&mut self, peer: PeerId, id: InboundRequestId, now: Instant) -> bool {
        let allowed = self.record(peer, now).take_token(now);
        if allowed {
            self.record(peer, now).serving = Some(id);
        }
        allowed
    }

    /// The answer left, or never will.
    pub(super) fn served(&mut self, peer: &PeerId, id: InboundRequestId) {
        if let Some(record) = self.records.get_mut(peer).filter(|record| record.serving == Some(id)) {
            record.serving = None;
        }
    }

    /// The last connection closed: no answer is under way.
    pub(super) fn left(&mut self, peer: &PeerId) {
        if let Some(record) = self.records.get_mut(peer) {
            record.serving = None;
        }
    }

    /// Counts a bad message. True where the peer is to be cut off now.
    pub(super) fn strike(&mut self, peer: PeerId, now: Instant) -> bool {
        let record = self.record(peer, now);
        record.strikes = record.strikes.saturating_add(1);
        if record.strikes < STRIKES || record.banned_until.is_some() {
            return false;
        }
        record.banned_until = Some(now + BAN);
        true
    }

    /// Peers whose time is over. Their record starts anew.
    pub(super) fn pardoned(&mut self, now: Instant) -> Vec<PeerId> {
        let over = |record: &Record| record.banned_until.is_some_and(|until| until <= now);
        let peers: Vec<_> = self.records.iter().filter(|(_, record)| over(record)).map(|(peer, _)| *peer).collect();
        for peer in &peers {
            self.records.insert(*peer, Record::new(now));
        }
        peers
    }

    /// Whether a peer is cut off.
    pub(super) fn is_banned(&self, peer: &PeerId) -> bool {
        self.records.get(peer).is_some_and(|record| record.banned_until.is_some())
    }
}

impl Record {
    fn take_token(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.refilled).as_millis() / REFILL.as_millis();
        if passed > 0 {
            self.tokens = BURST.min(self.tokens.saturating_add(u32::try_from(passed).unwrap_or(BURST)));
            self.refilled = now;
        }
        if self.serving.is_some() || self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_metered_and_the_meter_fills_up_again() {
        let now = Instant::now();
        let mut record = Record::new(now);
        assert_eq!((0..100).filter(|_| record.take_token(now)).count(), BURST as usize);
        let later = now + REFILL * 3;
        assert_eq!((0..100).filter(|_| record.take_token(later)).count(), 3);
        let much_later = now + REFILL * 1000;
        assert_eq!((0..100).filter(|_| record.take_token(much_later)).count(), BURST as usize);
    }

    #[test]
    fn a_peer_is_cut_off_once_after_its_strikes_and_starts_anew_when_its_time_is_over() {
        let (now, peer, other) = (Instant::now(), PeerId::random(), PeerId::random());
        let mut conduct = Conduct::default();
        let cut: Vec<_> = (0..STRIKES + 2).map(|_| conduct.strike(peer, now)).collect();
        assert_eq!(cut.iter().filter(|cut| **cut).count(), 1);
        assert!(cut[STRIKES as usize - 1]);
        assert!(conduct.is_banned(&peer) && !conduct.is_banned(&other));
        assert!(conduct.pardoned(now + BAN / 2).is_empty());
        assert_eq!(conduct.pardoned(now + BAN), [peer]);
        assert!(!conduct.is_banned(&peer) && !conduct.strike(peer, now + BAN));
    }
}
