//! What the pool asks: may this entry wait for a block, and which of those that wait go into the next one.

use std::collections::{BTreeMap, VecDeque};

use standstill_attestations::Kind;
use standstill_protocol::block::Entry;
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Timestamp;

use super::Verified;
use super::entry::Order;
use super::execution::Execution;
use super::header::ENTRY_OVERHEAD;
use super::intake::{self, Content, Parsed};
use crate::MAX_BLOCK_ENTRIES;
use crate::refusal::AdmissionError;
use crate::rules::Rules;
use crate::state::{StateFault, StateRead};

/// An entry that the pool may keep and offer to a block. Its signatures are valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The statement's id.
    pub id: StatementId,
    /// SHA-256 of the envelope's bytes: what [`Verified::contains`] is asked for.
    pub digest: Hash,
    /// Who says it.
    pub member: MemberId,
    /// The member's count.
    pub sequence: u64,
    /// What is said.
    pub kind: Kind,
}

/// Whether the pool may take an envelope at the time `now`: everything that [`apply`](super::apply()) checks of an entry,
/// except that the sequence may run ahead of the member's next by up to [`MAX_PENDING`](crate::MAX_PENDING).
pub fn admit(
    rules: &Rules,
    state: &dyn StateRead,
    envelope: &[u8],
    now: Timestamp,
) -> Result<Admitted, AdmissionError> {
    let parsed = intake::parse(&Entry::Envelope(envelope.to_vec()))?;
    let execution = Execution::begin(rules, state, now)?;
    let keys = execution.check_keys(&parsed)?;
    intake::verify(&parsed, &keys, &BTreeMap::new())?;
    let Content::Statement { statement, id, .. } = &parsed.content else {
        // `parse` makes a statement of every envelope.
        let reason = "an envelope without a statement".to_owned();
        return Err(StateFault::Damaged { what: "entry", reason }.into());
    };
    execution.check_statement(statement, *id, Order::Pending)?;
    Ok(Admitted {
        id: *id,
        digest: parsed.digest,
        member: statement.common.member.clone(),
        sequence: statement.common.sequence,
        kind: statement.kind(),
    })
}

/// Whether the pool may take evidence against a validator.
pub fn admit_evidence(rules: &Rules, state: &dyn StateRead, evidence: &[u8]) -> Result<(), AdmissionError> {
    let parsed = intake::parse(&Entry::Evidence(evidence.to_vec()))?;
    let execution = Execution::begin(rules, state, Timestamp(0))?;
    if let Content::Evidence(evidence) = &parsed.content {
        execution.check_evidence(evidence)?;
    }
    Ok(())
}

/// Bytes that entries may fill in a block of at most `max_block_bytes`, header and certificate set apart.
pub fn entry_budget(rules: &Rules, max_block_bytes: usize) -> usize {
    // Header 340; certificate: option 1, height 8, round 4, hash 32, length 8, 84 a signature; length of entries 8.
    let frame = 340 + 53 + 84 * rules.genesis_validators().len() + 8;
    max_block_bytes.saturating_sub(frame)
}

/// Picks from `candidates` what [`apply`](super::apply()) will accept in a block at `time` on this state, in an order in
/// which it will: at most `max_bytes` of entries, each member within its share of a block. Members keep their places, and
/// each member's statements are put in order of sequence. What is refused stays out silently. Linear in the candidates,
/// but for the ordered map that sorts them.
pub fn select(
    rules: &Rules,
    state: &dyn StateRead,
    time: Timestamp,
    candidates: Vec<Entry>,
    max_bytes: usize,
    verified: &dyn Verified,
) -> Result<Vec<Entry>, StateFault> {
    let mut execution = Execution::begin(rules, state, time)?;
    let previous_time = execution.meta.time;
    execution.begin_periods(previous_time)?;
    let parsed = intake::parse_all(&candidates);
    let mut candidates: Vec<Option<Entry>> = candidates.into_iter().map(Some).collect();
    let mut chosen = Vec::new();
    let mut bytes = 0usize;
    for position in in_order(&parsed) {
        let Some(Ok(entry)) = parsed.get(position) else { continue };
        let size = entry.size.saturating_add(ENTRY_OVERHEAD);
        if chosen.len() >= MAX_BLOCK_ENTRIES || bytes.saturating_add(size) > max_bytes {
            continue;
        }
        let taken = execution.take(entry, |keys| {
            if verified.contains(&entry.digest) { Ok(()) } else { intake::verify(entry, keys, &BTreeMap::new()) }
        });
        match taken {
            Ok(_) => {
                bytes += size;
                chosen.extend(candidates.get_mut(position).and_then(Option::take));
            }
            Err(AdmissionError::Refused(_)) => {}
            Err(AdmissionError::Fault(fault)) => return Err(fault),
        }
    }
    Ok(chosen)
}

/// Positions of what parsed: evidence first, then statements, each place taken by its member's next in sequence.
fn in_order(parsed: &[Result<Parsed, crate::Refusal>]) -> Vec<usize> {
    let mut evidence = Vec::new();
    let mut places = Vec::new();
    let mut queues: BTreeMap<&MemberId, Vec<(u64, usize)>> = BTreeMap::new();
    for (position, entry) in parsed.iter().enumerate() {
        match entry.as_ref().map(|entry| &entry.content) {
            Ok(Content::Evidence(_)) => evidence.push(position),
            Ok(Content::Statement { statement, .. }) => {
                let common = &statement.common;
                places.push(&common.member);
                queues.entry(&common.member).or_default().push((common.sequence, position));
            }
            Err(_) => {}
        }
    }
    let sorted = |mut queue: Vec<(u64, usize)>| {
        queue.sort_unstable();
        VecDeque::from(queue)
    };
    let mut queues: BTreeMap<_, _> = queues.into_iter().map(|(member, queue)| (member, sorted(queue))).collect();
    let next = |member: &&MemberId| queues.get_mut(*member).and_then(VecDeque::pop_front).map(|(_, position)| position);
    evidence.extend(places.iter().filter_map(next));
    evidence
}
