//! This node's copy of the ledger: rules, store and pool, shared by consensus, gossip and API.
//!
//! ```text
//! API, gossip ──submit──▶ Replica { rules, store, pool } ◀──build, check, commit── Machine (consensus)
//!                              └─ watch: the tip        └─ one-shots: "statement x is final at index i"
//! ```
//!
//! Two acknowledgements, and what they are worth: *pending* means that this node has the entry and offers it to the
//! others (a crash may lose it); *final* means that it is in a block that a quorum signed and this node's disk holds
//! (nothing loses it while fewer than a third of the validators cheat).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use standstill_ledger::{AdmissionError, Admitted, Applied, Refusal, Rules, StateFault, Verified, query};
use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::dsse::StatementId;
use standstill_protocol::evidence::Equivocation;
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;
use tokio::sync::{Notify, oneshot, watch};

use crate::pool::{Bounds, Offer, Pool, PoolEntry, PoolRefusal};
use crate::store::{Commit, Snapshot, Store, StoreError};

/// Pieces of evidence offered to one block, at most.
const MAX_EVIDENCE: usize = standstill_ledger::MAX_BLOCK_EVIDENCE;

/// The last committed block, in brief.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tip {
    /// 0 before the first block.
    pub height: u64,
    /// The header, once there is one.
    pub header: Option<Header>,
}

impl Tip {
    /// Leaves in the log.
    pub fn log_size(&self) -> u64 {
        self.header.as_ref().map_or(0, |header| header.log_size)
    }
}

/// Where a final statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Final {
    /// The statement.
    pub id: StatementId,
    /// Its log index.
    pub index: u64,
    /// The height of its block.
    pub height: u64,
}

/// What became of a submitted statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the ledger.
    Final(Final),
    /// It was taken, and later turned out impossible.
    Refused(Refusal),
}

/// Why an entry was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The ledger's rules refuse it.
    #[error("{0}")]
    Refused(Refusal),
    /// This node's pool refuses it for now.
    #[error("{0}")]
    Pool(#[from] PoolRefusal),
    /// This node failed; the entry may be good.
    #[error("{0}")]
    Fault(#[from] StateFault),
    /// This node's store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl From<AdmissionError> for SubmitError {
    fn from(error: AdmissionError) -> Self {
        match error {
            AdmissionError::Refused(refusal) => SubmitError::Refused(refusal),
            AdmissionError::Fault(fault) => SubmitError::Fault(fault),
        }
    }
}

/// An entry that waits now.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What was admitted.
    pub admitted: Admitted,
    /// Whether it is new here.
    pub new: bool,
}

/// Rules, store and pool.
#[derive(Debug)]
pub struct Replica {
    rules: Rules,
    store: Store,
    pool: Mutex<Pool>,
    waiting: Mutex<BTreeMap<StatementId, Vec<oneshot::Sender<Outcome>>>>,
    tip: watch::Sender<Tip>,
    arrivals: Notify,
}

/// Digests of envelopes whose signatures were verified when they entered the pool.
#[derive(Debug)]
pub(crate) struct Known(BTreeSet<Hash>);

impl Verified for Known {
    fn contains(&self, envelope: &Hash) -> bool {
        self.0.contains(envelope)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held left plain data behind, not broken invariants across fields that matter: what
    // counts is in the store.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Replica {
    /// Opens a replica over a store, and takes up the entries that were pending when it was closed.
    pub(crate) fn open(rules: Rules, store: Store, bounds: Bounds, now: Timestamp) -> Result<Self, StoreError> {
        let header = store.tip()?;
        let tip = Tip { height: header.as_ref().map_or(0, |header| header.height), header };
        let pool = Mutex::new(Pool::new(bounds));
        let (tip, _) = watch::channel(tip);
        let replica = Replica { rules, store, pool, waiting: Mutex::default(), tip, arrivals: Notify::new() };
        let mut stale = Vec::new();
        for (row, envelope) in replica.store.pool()? {
            match replica.submit(&envelope, now) {
                Ok(_) => {}
                Err(SubmitError::Refused(_)) => stale.push(row),
                // The bounds were larger, or this node failed: the entry may be good, and the next start tries again.
                Err(error) => {
                    let (member, sequence) = &row;
                    tracing::warn!(%member, sequence, %error, "a saved entry was not taken up, and is kept");
                }
            }
        }
        lock(&replica.pool).take_unsaved();
        replica.store.put_pool(&[], &stale)?;
        Ok(replica)
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The tip as it moves.
    pub fn tip(&self) -> watch::Receiver<Tip> {
        self.tip.subscribe()
    }

    /// Entries and bytes that wait.
    pub fn pool_size(&self) -> (usize, usize) {
        lock(&self.pool).size()
    }

    /// Whether a statement waits.
    pub fn is_pending(&self, id: &StatementId) -> bool {
        lock(&self.pool).get(id).is_some()
    }

    /// The envelope of a waiting statement.
    pub fn pending(&self, id: &StatementId) -> Option<Vec<u8>> {
        lock(&self.pool).get(id).map(|pending| pending.envelope.clone())
    }

    /// Why a statement was refused after it had been taken.
    pub fn refusal(&self, id: &StatementId) -> Option<Refusal> {
        lock(&self.pool).refusal(id).cloned()
    }

    /// The sequence number that a member's next statement needs, pending ones counted.
    pub fn next_sequence(&self, member: &standstill_protocol::member::MemberId) -> Result<Option<u64>, SubmitError> {
        let snapshot = self.store.snapshot()?;
        let Some(record) = query::member(&snapshot, member)? else { return Ok(None) };
        let pending = lock(&self.pool).next_sequence(member);
        Ok(Some(pending.unwrap_or(record.next_sequence).max(record.next_sequence)))
    }

    pub(crate) fn with_pool<T>(&self, body: impl FnOnce(&mut Pool) -> T) -> T {
        body(&mut lock(&self.pool))
    }

    /// Checks an envelope against the tip's state and takes it into the pool.
    pub fn submit(&self, envelope: &[u8], now: Timestamp) -> Result<Taken, SubmitError> {
        self.submit_on(&self.store.snapshot()?, envelope, now)
    }

    /// [`Replica::submit`] for many, on one view of the state.
    pub(crate) fn submit_each(&self, envelopes: &[Vec<u8>], now: Timestamp) -> Vec<Result<Taken, SubmitError>> {
        match self.store.snapshot() {
            Ok(snapshot) => envelopes.iter().map(|envelope| self.submit_on(&snapshot, envelope, now)).collect(),
            Err(error) => vec![Err(error.into())],
        }
    }

    fn submit_on(&self, snapshot: &Snapshot, envelope: &[u8], now: Timestamp) -> Result<Taken, SubmitError> {
        let digest = Hash::sha256(envelope);
        if let Some(admitted) = lock(&self.pool).known(&digest) {
            // Known to the byte: nothing is checked twice.
            return Ok(Taken { admitted, new: false });
        }
        self.not_expired(snapshot, &digest)?;
        let admitted = standstill_ledger::admit(&self.rules, snapshot, envelope, now)?;
        let offer = lock(&self.pool).offer(&admitted, envelope.to_vec(), now)?;
        // A block may have recorded the statement between the snapshot and the offer; then nothing else would remove it.
        if self.tip.borrow().height != snapshot.height() {
            self.settle_member(&admitted.member)?;
        }
        if offer == Offer::New {
            self.arrivals.notify_one();
        }
        Ok(Taken { admitted, new: offer == Offer::New })
    }

    /// Refuses what waited too long behind a gap, as long as the gap is there and this node remembers.
    fn not_expired(&self, snapshot: &Snapshot, digest: &Hash) -> Result<(), SubmitError> {
        let Some(expired) = lock(&self.pool).expired(digest) else { return Ok(()) };
        let (member, sequence) = (expired.member, expired.sequence);
        let Some(record) = query::member(snapshot, &member)? else { return Ok(()) };
        let next = lock(&self.pool).first_missing(&member, record.next_sequence);
        if sequence > next {
            return Err(SubmitError::Refused(Refusal::SequenceGap { member, sequence, next }));
        }
        Ok(())
    }

    /// Removes what has waited too long behind a sequence number that is missing, and tells whoever waits for it. Looks
    /// only now and then, however often it is called.
    pub(crate) fn expire(&self, now: Timestamp) -> Result<(), SubmitError> {
        let mut expired = Vec::new();
        {
            let mut pool = lock(&self.pool);
            if !pool.look(now) {
                return Ok(());
            }
            // Taken under the lock: a block whose entries have left the pool is in this view, so no gap is seen where
            // they were.
            let snapshot = self.store.snapshot()?;
            for member in pool.members() {
                let Some(record) = query::member(&snapshot, &member)? else { continue };
                expired.extend(pool.expire(&member, record.next_sequence, now));
            }
        }
        let mut rows = Vec::new();
        for entry in expired {
            let (member, sequence, next) = (entry.member, entry.sequence, entry.next);
            rows.push((member.clone(), sequence));
            let refusal = Refusal::SequenceGap { member, sequence, next };
            lock(&self.pool).remember(&entry.id, refusal.clone());
            self.answer(&entry.id, Outcome::Refused(refusal));
        }
        Ok(self.store.put_pool(&[], &as_rows(rows))?)
    }

    /// Resolves when an entry has arrived since the last call.
    pub(crate) async fn arrival(&self) {
        self.arrivals.notified().await;
    }

    fn settle_member(&self, member: &standstill_protocol::member::MemberId) -> Result<(), SubmitError> {
        let snapshot = self.store.snapshot()?;
        let Some(record) = query::member(&snapshot, member)? else { return Ok(()) };
        let settled = lock(&self.pool).settle(member, record.next_sequence);
        for (id, (member, sequence)) in &settled {
            if query::statement(&snapshot, id)?.is_some() {
                continue;
            }
            // Another statement took its number. Whoever waits for this one is told, and whoever asks later.
            let (member, next) = (member.clone(), record.next_sequence);
            let refusal = Refusal::SequenceUsed { member, sequence: *sequence, next };
            lock(&self.pool).remember(id, refusal.clone());
            self.answer(id, Outcome::Refused(refusal));
        }
        self.store.put_pool(&[], &as_rows(settled.into_iter().map(|(_, row)| row).collect()))?;
        Ok(())
    }

    /// Answers once the statement is final or turned out impossible.
    pub fn outcome(&self, id: &StatementId) -> Result<oneshot::Receiver<Outcome>, SubmitError> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut waiting = lock(&self.waiting);
            // Senders whose receiver gave up would pile up under a statement that never becomes final.
            let senders = waiting.entry(*id).or_default();
            senders.retain(|sender| !sender.is_closed());
            senders.push(sender);
        }
        // Asked after the registration: a commit in between answers it, one before is seen here.
        if let Some(found) = self.find(id)? {
            self.answer(id, Outcome::Final(found));
        } else if let Some(refusal) = self.refusal(id) {
            self.answer(id, Outcome::Refused(refusal));
        }
        Ok(receiver)
    }

    /// Ends every wait for finality without an answer.
    pub(crate) fn release(&self) {
        lock(&self.waiting).clear();
    }

    fn answer(&self, id: &StatementId, outcome: Outcome) {
        for sender in lock(&self.waiting).remove(id).unwrap_or_default() {
            // The receiver may have given up.
            let _ = sender.send(outcome.clone());
        }
    }

    /// Where a final statement stands.
    pub fn find(&self, id: &StatementId) -> Result<Option<Final>, SubmitError> {
        let snapshot = self.store.snapshot()?;
        let found = query::statement(&snapshot, id)?;
        Ok(found.map(|record| Final { id: *id, index: record.index, height: record.height }))
    }

    /// Evidence and waiting entries for a block, and what counts as verified.
    pub(crate) fn candidates(&self, max_bytes: usize) -> Result<(Vec<Entry>, Known), StoreError> {
        let evidence = self.store.evidence(MAX_EVIDENCE)?;
        let pool = lock(&self.pool);
        let pending = pool.candidates(max_bytes, standstill_ledger::MAX_BLOCK_ENTRIES - MAX_EVIDENCE);
        let mut entries: Vec<_> = evidence.into_iter().map(Entry::Evidence).collect();
        let digests = pending.iter().map(|pending| pending.digest).collect();
        entries.extend(pending.into_iter().map(|pending| Entry::Envelope(pending.envelope)));
        Ok((entries, Known(digests)))
    }

    /// What counts as verified while a block of others is checked.
    pub(crate) fn known_signatures(&self) -> Known {
        Known(lock(&self.pool).digests())
    }

    /// Whether something waits that a block could record.
    pub(crate) fn has_work(&self, now: Timestamp) -> Result<bool, SubmitError> {
        if !self.store.evidence(1)?.is_empty() {
            return Ok(true);
        }
        let snapshot = self.store.snapshot()?;
        if query::is_due(&self.rules, &snapshot, now)? {
            return Ok(true);
        }
        let heads: Vec<_> = lock(&self.pool).heads().map(|(member, sequence)| (member.clone(), sequence)).collect();
        for (member, sequence) in heads {
            // A gap is no work: its first statement may never come.
            if query::member(&snapshot, &member)?.is_some_and(|record| record.next_sequence >= sequence) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks again at candidates that were left out of a block, and drops those that can never enter one.
    pub(crate) fn reconsider(&self, left_out: &[Entry], now: Timestamp) -> Result<(), SubmitError> {
        let snapshot = self.store.snapshot()?;
        let mut useless = Vec::new();
        for entry in left_out {
            let Entry::Evidence(bytes) = entry else { continue };
            match standstill_ledger::apply::admit_evidence(&self.rules, &snapshot, bytes) {
                // It did not fit, or its height is not there yet: the next block may take it.
                Ok(())
                | Err(AdmissionError::Refused(Refusal::EvidenceQuota { .. } | Refusal::EvidenceFuture { .. })) => {}
                Err(AdmissionError::Refused(_)) => useless.push(bytes.clone()),
                Err(AdmissionError::Fault(fault)) => return Err(fault.into()),
            }
        }
        // Only the first of a member: the others wait for it, and looking costs a signature each.
        let first = lock(&self.pool).first_of_each_member(left_out.iter().filter_map(|entry| match entry {
            Entry::Envelope(bytes) => Some(bytes.as_slice()),
            Entry::Evidence(_) => None,
        }));
        let mut rows = Vec::new();
        for pending in first {
            match standstill_ledger::admit(&self.rules, &snapshot, &pending.envelope, now) {
                Ok(_) => {}
                Err(AdmissionError::Fault(fault)) => return Err(fault.into()),
                Err(AdmissionError::Refused(refusal)) => {
                    rows.extend(lock(&self.pool).refuse(&pending.id, refusal.clone()));
                    self.answer(&pending.id, Outcome::Refused(refusal));
                }
            }
        }
        self.store.put_pool(&[], &as_rows(rows))?;
        self.store.drop_evidence(&useless)?;
        Ok(())
    }

    /// Keeps evidence for a coming block.
    pub(crate) fn keep_evidence(&self, evidence: &[Equivocation]) -> Result<(), StoreError> {
        let encoded: Vec<_> = evidence.iter().map(Equivocation::encode).collect();
        self.store.put_evidence(&encoded)
    }

    /// Commits an executed block and tells everybody who waits.
    pub(crate) fn commit(&self, applied: &Applied, certificate: &Certificate) -> Result<(), StoreError> {
        let block = &applied.block;
        let recorded = applied.entries.iter().filter_map(|recorded| recorded.statement.as_ref().map(|(id, _, _)| *id));
        let recorded: Vec<StatementId> = recorded.collect();
        let obsolete = self.rows_of(&recorded);
        let unsaved = lock(&self.pool).take_left_waiting(&recorded);
        let commit = Commit {
            block,
            certificate,
            leaves: &applied.leaves,
            changes: &applied.changes,
            obsolete: &obsolete,
            pending: &unsaved,
        };
        self.store.commit(&commit).inspect_err(|_| lock(&self.pool).put_back(&unsaved, &recorded))?;
        // Only now, with the block on disk, is anybody told. A crash before this line loses no acknowledged entry: none
        // was given. A crash after it loses none: the store has it.
        let header = block.header.clone();
        let height = header.height;
        self.drop_recorded(applied);
        self.tip.send_replace(Tip { height, header: Some(header) });
        for recorded in &applied.entries {
            if let Some((id, _, _)) = &recorded.statement {
                self.answer(id, Outcome::Final(Final { id: *id, index: recorded.index, height }));
            }
        }
        self.store.drop_evidence(&recorded_evidence(block))
    }

    /// Takes another certificate for a block that is committed.
    pub(crate) fn replace_certificate(&self, block: &Block, certificate: &Certificate) -> Result<(), StoreError> {
        let none = standstill_ledger::StateChanges::default();
        let (leaves, obsolete, pending) = (&[][..], &[][..], &[][..]);
        self.store.commit(&Commit { block, certificate, leaves, changes: &none, obsolete, pending })
    }

    /// Pool rows of the statements that a block records.
    fn rows_of(&self, recorded: &[StatementId]) -> Vec<(String, u64)> {
        let pool = lock(&self.pool);
        let places = recorded.iter().filter_map(|id| pool.place(id));
        places.map(|(member, sequence)| (member.to_string(), *sequence)).collect()
    }

    fn drop_recorded(&self, applied: &Applied) {
        let mut pool = lock(&self.pool);
        for recorded in &applied.entries {
            if let Some((id, _, _)) = &recorded.statement {
                pool.drop_recorded(id);
            }
        }
    }

    /// Removes what later blocks made impossible: sequence numbers that were used by other statements.
    pub(crate) fn settle(&self) -> Result<(), SubmitError> {
        for member in self.with_pool(|pool| pool.members()) {
            self.settle_member(&member)?;
        }
        Ok(())
    }

    /// Writes pending entries that no commit has written yet. What fails is tried again the next time.
    pub(crate) fn save_pool(&self) -> Result<(), StoreError> {
        self.save_pool_by(|rows| self.store.put_pool(rows, &[]))
    }

    /// [`Replica::save_pool`] with another way to write.
    pub(crate) fn save_pool_by(
        &self,
        write: impl FnOnce(&[PoolEntry]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let unsaved = lock(&self.pool).take_unsaved();
        write(&unsaved).inspect_err(|_| lock(&self.pool).put_back(&unsaved, &[]))
    }
}

fn as_rows(rows: Vec<(standstill_protocol::member::MemberId, u64)>) -> Vec<(String, u64)> {
    rows.into_iter().map(|(member, sequence)| (member.to_string(), sequence)).collect()
}

fn recorded_evidence(block: &Block) -> Vec<Vec<u8>> {
    let evidence = block.entries.iter().filter_map(|entry| match entry {
        Entry::Evidence(bytes) => Some(bytes.clone()),
        Entry::Envelope(_) => None,
    });
    evidence.collect()
}
