//! Entries that wait for a block: bounded for each member, in order of sequence.
//!
//! 1. What enters was admitted against the tip's state: envelope, signatures, member, numbers, clocks.
//! 2. Each member has its own bound in entries and bytes, so nobody crowds out the others.
//! 3. A sequence number is pending once. The same statement again is known; another statement with its number is refused.
//! 4. Most entries are in the next block, and then never written apart from it: only what a block left waiting is saved,
//!    with the block after it, or by a timer when no blocks come.
//! 5. What could not be written is tried again.
//! 6. What waits behind a number that does not come leaves after [`GAP_LIFE_MS`], and is not taken again for a while:
//!    otherwise it would wait for ever, and whoever asks what waits would bring it back.
//! 7. What a block recorded, or made impossible, leaves. Why something was refused late is remembered for a while, so
//!    that its sender can be told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use standstill_attestations::Kind;
use standstill_ledger::{Admitted, Refusal};
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Timestamp;

use crate::store::PoolRow;

/// Late refusals remembered, at most.
const MAX_REFUSED: usize = 1024;
/// How long an entry waits behind a sequence number that is missing: ten minutes.
pub(crate) const GAP_LIFE_MS: u64 = 600_000;
/// How long it is remembered after that: by then it has left the other nodes' pools too.
const EXPIRED_LIFE_MS: u64 = 2 * GAP_LIFE_MS;
/// Least time between two looks for what waited too long.
const LOOK_MS: u64 = 10_000;

/// Bounds for one member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// A waiting entry.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) id: StatementId,
    kind: Kind,
    pub(crate) digest: Hash,
    pub(crate) envelope: Vec<u8>,
    since: Timestamp,
}

/// An entry that waited too long behind a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expired {
    pub(crate) id: StatementId,
    pub(crate) member: MemberId,
    pub(crate) sequence: u64,
    /// The number that was missing.
    pub(crate) next: u64,
    until: Timestamp,
}

/// A row of the store's table of pending entries: member and sequence, and the envelope.
pub(crate) type PoolEntry = (PoolRow, Vec<u8>);

/// What became of an entry offered to the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It waits now.
    New,
    /// It waited already.
    Known,
}

/// Why the pool did not take an entry that the ledger would.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolRefusal {
    /// Another statement with this sequence number waits.
    #[error("another statement of `{member}` with sequence {sequence} is pending: {pending}")]
    SequencePending {
        /// Who.
        member: MemberId,
        /// The number.
        sequence: u64,
        /// The statement that waits.
        pending: StatementId,
    },
    /// The member's bound is reached.
    #[error("`{member}` has {entries} pending entries of {bytes} bytes: its share of the pool is used up")]
    Full {
        /// Who.
        member: MemberId,
        /// Entries that wait.
        entries: usize,
        /// Their bytes.
        bytes: usize,
    },
}

impl PoolRefusal {
    /// The stable name, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            PoolRefusal::SequencePending { .. } => "sequence-pending",
            PoolRefusal::Full { .. } => "pool-full",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            PoolRefusal::SequencePending { .. } => {
                "sign again with a later sequence number, or wait for the pending one"
            }
            PoolRefusal::Full { .. } => "wait until pending entries are final, then submit again",
        }
    }
}

#[derive(Debug, Default)]
struct Queue {
    entries: BTreeMap<u64, Pending>,
    bytes: usize,
}

/// Entries that wait for a block.
#[derive(Debug)]
pub(crate) struct Pool {
    bounds: Bounds,
    queues: BTreeMap<MemberId, Queue>,
    places: BTreeMap<StatementId, (MemberId, u64)>,
    digests: BTreeMap<Hash, StatementId>,
    refused: VecDeque<(StatementId, Refusal)>,
    /// By the digest of their envelopes. Each member's part is bounded by what its share of the pool held.
    expired: BTreeMap<Hash, Expired>,
    next_look: Timestamp,
    /// Came since the last block; not saved.
    fresh: BTreeSet<(MemberId, u64)>,
    /// A block was made meanwhile, and they still wait; not saved.
    unsaved: BTreeSet<(MemberId, u64)>,
}

impl Pool {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Pool {
            bounds,
            queues: BTreeMap::new(),
            places: BTreeMap::new(),
            digests: BTreeMap::new(),
            refused: VecDeque::new(),
            expired: BTreeMap::new(),
            next_look: Timestamp(0),
            fresh: BTreeSet::new(),
            unsaved: BTreeSet::new(),
        }
    }

    /// Takes an admitted entry.
    pub(crate) fn offer(
        &mut self,
        admitted: &Admitted,
        envelope: Vec<u8>,
        now: Timestamp,
    ) -> Result<Offer, PoolRefusal> {
        let Admitted { id, digest, member, sequence, kind } = admitted.clone();
        let queue = self.queues.entry(member.clone()).or_default();
        if let Some(found) = queue.entries.get(&sequence) {
            if found.id == id {
                return Ok(Offer::Known);
            }
            return Err(PoolRefusal::SequencePending { member, sequence, pending: found.id });
        }
        let (entries, bytes) = (queue.entries.len(), queue.bytes);
        if entries >= self.bounds.entries || bytes + envelope.len() > self.bounds.bytes {
            return Err(PoolRefusal::Full { member, entries, bytes });
        }
        queue.bytes += envelope.len();
        queue.entries.insert(sequence, Pending { id, kind, digest, envelope, since: now });
        self.places.insert(id, (member.clone(), sequence));
        self.digests.insert(digest, id);
        self.expired.remove(&digest);
        self.fresh.insert((member, sequence));
        Ok(Offer::New)
    }

    /// What was admitted under this digest of an envelope, if it waits.
    pub(crate) fn known(&self, digest: &Hash) -> Option<Admitted> {
        let id = *self.digests.get(digest)?;
        let (member, sequence) = self.places.get(&id)?.clone();
        let kind = self.queues.get(&member)?.entries.get(&sequence)?.kind;
        Some(Admitted { id, digest: *digest, member, sequence, kind })
    }

    /// Digests of everything that waits.
    pub(crate) fn digests(&self) -> BTreeSet<Hash> {
        self.digests.keys().copied().collect()
    }

    /// Whether a statement waits.
    pub(crate) fn get(&self, id: &StatementId) -> Option<&Pending> {
        let (member, sequence) = self.places.get(id)?;
        self.queues.get(member)?.entries.get(sequence)
    }

    /// Member and sequence of a waiting statement.
    pub(crate) fn place(&self, id: &StatementId) -> Option<&(MemberId, u64)> {
        self.places.get(id)
    }

    /// Removes a statement that a block recorded.
    pub(crate) fn drop_recorded(&mut self, id: &StatementId) {
        if let Some(place) = self.places.get(id).cloned() {
            self.remove(&place);
        }
    }

    /// Why a statement was refused after it had been taken.
    pub(crate) fn refusal(&self, id: &StatementId) -> Option<&Refusal> {
        self.refused.iter().rev().find(|(refused, _)| refused == id).map(|(_, refusal)| refusal)
    }

    /// Entries and bytes that wait.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.places.len(), self.queues.values().map(|queue| queue.bytes).sum())
    }

    /// The first waiting sequence number of each member.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (&MemberId, u64)> {
        self.queues.iter().filter_map(|(member, queue)| Some((member, *queue.entries.first_key_value()?.0)))
    }

    /// The sequence number after the last waiting one, if any waits.
    pub(crate) fn next_sequence(&self, member: &MemberId) -> Option<u64> {
        Some(self.queues.get(member)?.entries.last_key_value()?.0.saturating_add(1))
    }

    /// Entries for a block of `max_bytes`: one of each member in turn, each member's in order.
    pub(crate) fn candidates(&self, max_bytes: usize, max_entries: usize) -> Vec<Pending> {
        let mut queues: Vec<_> = self.queues.values().map(|queue| queue.entries.values()).collect();
        let (mut picked, mut bytes) = (Vec::new(), 0usize);
        while !queues.is_empty() {
            let before = picked.len();
            queues.retain_mut(|queue| {
                let Some(pending) = queue.next() else { return false };
                let fits = bytes + pending.envelope.len() <= max_bytes && picked.len() < max_entries;
                if fits {
                    bytes += pending.envelope.len();
                    picked.push(pending.clone());
                }
                // A member whose next entry does not fit has nothing to offer out of order.
                fits
            });
            if picked.len() == before {
                break;
            }
        }
        picked
    }

    /// Of these waiting envelopes, the one with the lowest sequence number of each member.
    pub(crate) fn first_of_each_member<'a>(&self, envelopes: impl Iterator<Item = &'a [u8]>) -> Vec<Pending> {
        let mut first: BTreeMap<&MemberId, u64> = BTreeMap::new();
        for envelope in envelopes {
            let id = self.digests.get(&Hash::sha256(envelope));
            if let Some((member, sequence)) = id.and_then(|id| self.places.get(id)) {
                let least = first.entry(member).or_insert(*sequence);
                *least = (*least).min(*sequence);
            }
        }
        first.iter().filter_map(|(member, sequence)| self.queues.get(*member)?.entries.get(sequence).cloned()).collect()
    }

    /// Envelopes that are not among `known`, up to `max_bytes` of them; and whether there are more.
    pub(crate) fn missing_from(&self, known: &BTreeSet<StatementId>, max_bytes: usize) -> (Vec<Vec<u8>>, bool) {
        let (mut found, mut bytes) = (Vec::new(), 0);
        for pending in self.queues.values().flat_map(|queue| queue.entries.values()) {
            if known.contains(&pending.id) {
                continue;
            }
            bytes += pending.envelope.len();
            if bytes > max_bytes {
                return (found, true);
            }
            found.push(pending.envelope.clone());
        }
        (found, false)
    }

    /// Ids of up to `limit` statements that need not be sent to this node: those that wait, and those that waited too long.
    pub(crate) fn ids(&self, limit: usize) -> Vec<StatementId> {
        let expired = self.expired.values().map(|expired| expired.id);
        self.places.keys().copied().chain(expired).take(limit).collect()
    }

    /// The entry with this digest of an envelope, if it waited too long.
    pub(crate) fn expired(&self, digest: &Hash) -> Option<Expired> {
        self.expired.get(digest).cloned()
    }

    /// The first number from `next` on that does not wait.
    pub(crate) fn first_missing(&self, member: &MemberId, next: u64) -> u64 {
        let queue = self.queues.get(member).into_iter().flat_map(|queue| queue.entries.range(next..));
        queue
            .zip(next..)
            .find(|((sequence, _), wanted)| *sequence != wanted)
            .map_or_else(|| self.next_sequence(member).unwrap_or(next).max(next), |(_, wanted)| wanted)
    }

    /// Whether it is time for [`Pool::expire`]; then not again for a while. Forgets what expired long ago.
    pub(crate) fn look(&mut self, now: Timestamp) -> bool {
        if now < self.next_look {
            return false;
        }
        self.next_look = now.plus(LOOK_MS);
        self.expired.retain(|_, expired| expired.until > now);
        true
    }

    /// Removes a member's entries that have waited too long behind a missing number. `next` is what the ledger takes next.
    pub(crate) fn expire(&mut self, member: &MemberId, next: u64, now: Timestamp) -> Vec<Expired> {
        let missing = self.first_missing(member, next);
        let Some(queue) = self.queues.get(member) else { return Vec::new() };
        let long = |pending: &Pending| now.0.saturating_sub(pending.since.0) >= GAP_LIFE_MS;
        let behind = queue.entries.range(missing..).filter(|(_, pending)| long(pending));
        let until = now.plus(EXPIRED_LIFE_MS);
        let expired: Vec<_> = behind
            .map(|(&sequence, Pending { id, digest, .. })| {
                (*digest, Expired { id: *id, member: member.clone(), sequence, next: missing, until })
            })
            .collect();
        for (digest, entry) in &expired {
            self.remove(&(member.clone(), entry.sequence));
            self.expired.insert(*digest, entry.clone());
        }
        expired.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Removes a statement that can no longer become part of the ledger, and remembers why.
    pub(crate) fn refuse(&mut self, id: &StatementId, refusal: Refusal) -> Option<(MemberId, u64)> {
        let place = self.places.get(id)?.clone();
        self.remove(&place);
        self.remember(id, refusal);
        Some(place)
    }

    /// Remembers why a statement was refused after it had been taken.
    pub(crate) fn remember(&mut self, id: &StatementId, refusal: Refusal) {
        if self.refused.len() >= MAX_REFUSED {
            self.refused.pop_front();
        }
        self.refused.push_back((*id, refusal));
    }

    /// Removes everything of a member below its next sequence number. Returns what was removed, and its rows.
    pub(crate) fn settle(&mut self, member: &MemberId, next_sequence: u64) -> Vec<(StatementId, (MemberId, u64))> {
        let Some(queue) = self.queues.get(member) else { return Vec::new() };
        let below = queue.entries.range(..next_sequence);
        let settled: Vec<_> = below.map(|(sequence, pending)| (pending.id, (member.clone(), *sequence))).collect();
        for (_, row) in &settled {
            self.remove(row);
        }
        settled
    }

    fn remove(&mut self, place: &(MemberId, u64)) {
        let Some(queue) = self.queues.get_mut(&place.0) else { return };
        let Some(pending) = queue.entries.remove(&place.1) else { return };
        queue.bytes = queue.bytes.saturating_sub(pending.envelope.len());
        if queue.entries.is_empty() {
            self.queues.remove(&place.0);
        }
        self.places.remove(&pending.id);
        self.digests.remove(&pending.digest);
        self.fresh.remove(place);
        self.unsaved.remove(place);
    }

    /// Members with entries that wait.
    pub(crate) fn members(&self) -> Vec<MemberId> {
        self.queues.keys().cloned().collect()
    }

    /// Every row that was not saved yet, with its envelope.
    pub(crate) fn take_unsaved(&mut self) -> Vec<PoolEntry> {
        let mut rows = std::mem::take(&mut self.unsaved);
        rows.append(&mut self.fresh);
        self.with_envelopes(rows)
    }

    /// The rows to save with a block that records `recorded`: what waited when the last block was made, and is not in this
    /// one either. What came since is looked at with the next.
    pub(crate) fn take_left_waiting(&mut self, recorded: &[StatementId]) -> Vec<PoolEntry> {
        let mut rows = std::mem::replace(&mut self.unsaved, std::mem::take(&mut self.fresh));
        for place in recorded.iter().filter_map(|id| self.places.get(id)) {
            rows.remove(place);
        }
        self.with_envelopes(rows)
    }

    /// Takes back what could not be saved, and what a block should have recorded that did not come to be.
    pub(crate) fn put_back(&mut self, rows: &[PoolEntry], recorded: &[StatementId]) {
        let rows = rows.iter().filter_map(|((member, sequence), _)| Some((member.parse().ok()?, *sequence)));
        let recorded = recorded.iter().filter_map(|id| self.places.get(id).cloned());
        let places: Vec<(MemberId, u64)> = rows.chain(recorded).collect();
        for place in places {
            let waits = self.queues.get(&place.0).is_some_and(|queue| queue.entries.contains_key(&place.1));
            if waits && !self.fresh.contains(&place) {
                self.unsaved.insert(place);
            }
        }
    }

    fn with_envelopes(&self, rows: BTreeSet<(MemberId, u64)>) -> Vec<PoolEntry> {
        let entry = |(member, sequence): (MemberId, u64)| {
            let envelope = self.queues.get(&member)?.entries.get(&sequence)?.envelope.clone();
            Some(((member.to_string(), sequence), envelope))
        };
        rows.into_iter().filter_map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn admitted(member: &str, sequence: u64, salt: u8) -> Admitted {
        let id = Hash::sha256(format!("{member}/{sequence}/{salt}").as_bytes());
        let digest = Hash::sha256(id.as_bytes());
        Admitted { id, digest, member: member.parse().unwrap(), sequence, kind: Kind::TrainingCompute }
    }

    fn pool() -> Pool {
        Pool::new(Bounds { entries: 3, bytes: 100 })
    }

    #[test]
    fn one_member_cannot_crowd_out_another() {
        let mut pool = pool();
        for sequence in 1..=3 {
            pool.offer(&admitted("lab-a", sequence, 0), vec![0; 10], NOW).unwrap();
        }
        let full = pool.offer(&admitted("lab-a", 4, 0), vec![0; 10], NOW).unwrap_err();
        assert_eq!(full.code(), "pool-full");
        assert_eq!(pool.offer(&admitted("lab-b", 1, 0), vec![0; 90], NOW), Ok(Offer::New));
        let full = pool.offer(&admitted("lab-b", 2, 0), vec![0; 11], NOW).unwrap_err();
        assert_eq!(full.code(), "pool-full");
        assert_eq!(pool.size(), (4, 120));
    }

    #[test]
    fn a_sequence_number_is_pending_once_and_the_same_statement_again_is_known() {
        let mut pool = pool();
        assert_eq!(pool.offer(&admitted("lab-a", 1, 0), vec![0; 10], NOW), Ok(Offer::New));
        assert_eq!(pool.offer(&admitted("lab-a", 1, 0), vec![0; 10], NOW), Ok(Offer::Known));
        assert_eq!(pool.offer(&admitted("lab-a", 1, 1), vec![0; 10], NOW).unwrap_err().code(), "sequence-pending");
        assert_eq!(pool.size(), (1, 10));
    }

    #[test]
    fn candidates_take_turns_and_keep_each_members_order() {
        let mut pool = pool();
        for (member, sequence) in [("lab-b", 2), ("lab-a", 7), ("lab-b", 1), ("lab-a", 6)] {
            pool.offer(&admitted(member, sequence, 0), vec![sequence as u8; 10], NOW).unwrap();
        }
        let order: Vec<u8> = pool.candidates(1000, 100).iter().map(|pending| pending.envelope[0]).collect();
        assert_eq!(order, [6, 1, 7, 2]);
        assert_eq!(pool.candidates(25, 100).len(), 2, "never over the bytes asked for");
        assert_eq!(pool.candidates(1000, 3).len(), 3);
    }

    #[test]
    fn settling_forgets_what_a_block_recorded_and_nothing_else() {
        let mut pool = pool();
        for sequence in 1..=3 {
            pool.offer(&admitted("lab-a", sequence, 0), vec![0; 10], NOW).unwrap();
        }
        let rows = pool.settle(&"lab-a".parse().unwrap(), 3);
        assert_eq!(rows.iter().map(|(_, row)| row.1).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(pool.size(), (1, 10));
        assert_eq!(pool.known(&admitted("lab-a", 3, 0).digest), Some(admitted("lab-a", 3, 0)));
        assert_eq!(pool.known(&admitted("lab-a", 1, 0).digest), None);
        assert_eq!(pool.take_unsaved().len(), 1);
        assert_eq!(pool.take_unsaved().len(), 0);
    }

    #[test]
    fn what_the_next_block_records_is_never_written_apart_from_it() {
        let mut pool = pool();
        let offer = |pool: &mut Pool, sequence| {
            pool.offer(&admitted("lab-a", sequence, 0), vec![0; 10], NOW).unwrap();
            admitted("lab-a", sequence, 0).id
        };
        let rows = |taken: Vec<PoolEntry>| taken.into_iter().map(|((_, sequence), _)| sequence).collect::<Vec<_>>();
        let first = offer(&mut pool, 1);
        assert_eq!(rows(pool.take_left_waiting(&[])), [] as [u64; 0], "it came after the last block");
        offer(&mut pool, 2);
        assert_eq!(rows(pool.take_left_waiting(&[first])), [] as [u64; 0], "this block records it");
        pool.drop_recorded(&first);
        assert_eq!(rows(pool.take_left_waiting(&[])), [2], "two blocks were made without it");
        offer(&mut pool, 3);
        assert_eq!(rows(pool.take_unsaved()), [3], "the timer takes what is not saved, and nothing twice");
    }

    #[test]
    fn what_waits_behind_a_gap_leaves_after_a_while_and_what_only_waits_for_a_block_does_not() {
        let mut pool = Pool::new(Bounds { entries: 9, bytes: 900 });
        let lab: MemberId = "lab-a".parse().unwrap();
        for sequence in [3, 4, 6, 7] {
            pool.offer(&admitted("lab-a", sequence, 0), vec![0; 10], NOW).unwrap();
        }
        pool.offer(&admitted("lab-a", 8, 0), vec![0; 10], NOW.plus(1)).unwrap();
        assert_eq!((pool.first_missing(&lab, 3), pool.first_missing(&lab, 2), pool.first_missing(&lab, 6)), (5, 2, 9));
        assert!(pool.expire(&lab, 3, NOW.plus(GAP_LIFE_MS - 1)).is_empty());
        let expired = pool.expire(&lab, 3, NOW.plus(GAP_LIFE_MS));
        assert_eq!(expired.iter().map(|entry| (entry.sequence, entry.next)).collect::<Vec<_>>(), [(6, 5), (7, 5)]);
        assert_eq!(pool.size(), (3, 30), "3 and 4 can be recorded, 8 came later");
        assert_eq!(pool.take_unsaved().len(), 3);
        assert!(pool.expired(&admitted("lab-a", 6, 0).digest).is_some());
        assert_eq!(pool.ids(100).len(), 5, "nobody need send them again");
        assert!(pool.expire(&"lab-b".parse().unwrap(), 1, NOW).is_empty());

        assert!(pool.look(NOW.plus(GAP_LIFE_MS)));
        assert!(!pool.look(NOW.plus(GAP_LIFE_MS + LOOK_MS - 1)));
        assert_eq!(pool.ids(100).len(), 5);
        assert!(pool.look(NOW.plus(GAP_LIFE_MS + EXPIRED_LIFE_MS)));
        assert_eq!(pool.ids(100).len(), 3, "not remembered for ever");
    }

    #[test]
    fn what_could_not_be_saved_is_tried_again_with_what_the_failed_block_would_have_recorded() {
        let mut pool = pool();
        let rows = |taken: &[PoolEntry]| taken.iter().map(|((_, sequence), _)| *sequence).collect::<Vec<_>>();
        for sequence in 1..=3 {
            pool.offer(&admitted("lab-a", sequence, 0), vec![0; 10], NOW).unwrap();
        }
        assert!(pool.take_left_waiting(&[]).is_empty());
        let recorded = [admitted("lab-a", 1, 0).id];
        let taken = pool.take_left_waiting(&recorded);
        assert_eq!(rows(&taken), [2, 3]);
        pool.put_back(&taken, &recorded);
        let taken = pool.take_unsaved();
        assert_eq!(rows(&taken), [1, 2, 3]);
        pool.refuse(&admitted("lab-a", 2, 0).id, Refusal::Duplicate { id: recorded[0], index: 0 });
        pool.put_back(&taken, &[]);
        assert_eq!(rows(&pool.take_unsaved()), [1, 3], "what left meanwhile is not written");
    }
}
