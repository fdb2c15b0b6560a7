//! Questions to the state, for the API, the verifier and people. Reading only.

use standstill_policies::Treaty;
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::ValidatorSet;

use crate::rules::Rules;
use crate::schema::{
    ClaimRecord, ComputeRecord, EvidenceRecord, InventoryRecord, Key, KeyRecord, MemberRecord, Meta, ObligationRecord,
    PeriodRecord, PhaseRecord, PlanRecord, RunRecord, StatementRecord, TelemetryRecord, VerdictRecord, decode, read,
};
use crate::state::{StateFault, StateProof, StateRead, prove};

/// An obligation with its deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObligationView {
    /// Who owes it.
    pub member: MemberId,
    /// Under which clause.
    pub clause: Name,
    /// For which period.
    pub period: u32,
    /// When it is due, extensions included.
    pub due: Timestamp,
    /// How it stands.
    pub record: ObligationRecord,
}

/// A member's key with its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// The key's id.
    pub id: Hash,
    /// The key.
    pub record: KeyRecord,
}

fn damaged(what: &'static str) -> StateFault {
    StateFault::Damaged { what, reason: "a leaf that must be there is missing".to_owned() }
}

/// Height, time, phase and counters. `None` in an empty store.
pub fn meta(state: &dyn StateRead) -> Result<Option<Meta>, StateFault> {
    read(state, "meta", &Key::Meta)
}

/// The phases so far, first to last.
pub fn phases(state: &dyn StateRead) -> Result<Vec<PhaseRecord>, StateFault> {
    let Some(meta) = meta(state)? else { return Ok(Vec::new()) };
    let phase = |epoch| read(state, "phase", &Key::Phase(epoch))?.ok_or_else(|| damaged("phase"));
    (0..=meta.epoch).map(phase).collect()
}

/// A member's counters.
pub fn member(state: &dyn StateRead, member: &MemberId) -> Result<Option<MemberRecord>, StateFault> {
    read(state, "member", &Key::Member(member.clone()))
}

/// A member's keys, in order of registration.
pub fn keys(state: &dyn StateRead, id: &MemberId) -> Result<Vec<KeyView>, StateFault> {
    let Some(record) = member(state, id)? else { return Ok(Vec::new()) };
    let key = |number| {
        let key_id: Hash =
            read(state, "member key", &Key::MemberKey(id.clone(), number))?.ok_or_else(|| damaged("member key"))?;
        let record = key_record(state, &key_id)?.ok_or_else(|| damaged("key"))?;
        Ok(KeyView { id: key_id, record })
    };
    (0..record.keys).map(key).collect()
}

/// A key by its id.
pub fn key_record(state: &dyn StateRead, key_id: &Hash) -> Result<Option<KeyRecord>, StateFault> {
    read(state, "key", &Key::SigningKey(*key_id))
}

/// Where a statement stands in the log.
pub fn statement(state: &dyn StateRead, id: &StatementId) -> Result<Option<StatementRecord>, StateFault> {
    read(state, "statement", &Key::Statement(*id))
}

/// Proven contradictions of validators, in the order in which they were recorded.
pub fn evidence(state: &dyn StateRead) -> Result<Vec<EvidenceRecord>, StateFault> {
    let count = meta(state)?.map_or(0, |meta| meta.evidence);
    let record = |number| read(state, "evidence", &Key::Evidence(number))?.ok_or_else(|| damaged("evidence"));
    (0..count).map(record).collect()
}

/// A reporting period, once it was opened.
pub fn period(state: &dyn StateRead, index: u32) -> Result<Option<PeriodRecord>, StateFault> {
    read(state, "period", &Key::Period(index))
}

/// A lab's runs, in order of their numbers (from 1).
pub fn runs(state: &dyn StateRead, lab: &MemberId) -> Result<Vec<RunRecord>, StateFault> {
    let Some(record) = member(state, lab)? else { return Ok(Vec::new()) };
    let run = |number| read(state, "run", &Key::RunRecord(lab.clone(), number))?.ok_or_else(|| damaged("run"));
    (1..=record.runs).map(run).collect()
}

/// What a lab declared for a period; zero where it declared nothing.
pub fn compute(state: &dyn StateRead, lab: &MemberId, period: u32) -> Result<ComputeRecord, StateFault> {
    Ok(read(state, "compute", &Key::Compute(lab.clone(), period))?.unwrap_or_default())
}

/// One verdict.
pub fn verdict(
    state: &dyn StateRead,
    clause: &Name,
    member: &MemberId,
    period: u32,
) -> Result<Option<VerdictRecord>, StateFault> {
    read(state, "verdict", &Key::Verdict(clause.clone(), member.clone(), period))
}

/// Every verdict about the periods `from..to`, in order of clause, member and period.
pub fn verdicts(state: &dyn StateRead, treaty: &Treaty, from: u32, to: u32) -> Result<Vec<VerdictRecord>, StateFault> {
    let to = to.min(meta(state)?.map_or(0, |meta| meta.next_open));
    let mut found = Vec::new();
    for clause in &treaty.clauses {
        for lab in treaty.with_role(standstill_policies::Role::Lab) {
            for period in from..to {
                found.extend(verdict(state, &clause.id, &lab.id, period)?);
            }
        }
    }
    Ok(found)
}

/// Every obligation for the periods `from..to`, in order of period, clause and member.
pub fn obligations(
    state: &dyn StateRead,
    treaty: &Treaty,
    from: u32,
    to: u32,
) -> Result<Vec<ObligationView>, StateFault> {
    let to = to.min(meta(state)?.map_or(0, |meta| meta.next_open));
    let mut found = Vec::new();
    for index in from..to {
        // Periods that were due before the first block are none of this ledger's.
        let Some(PeriodRecord { due, .. }) = period(state, index)? else { continue };
        for clause in treaty.clauses.iter().filter(|clause| clause.obligation.is_some()) {
            for lab in treaty.with_role(standstill_policies::Role::Lab) {
                let key = Key::Obligation(lab.id.clone(), clause.id.clone(), index);
                if let Some(record) = read(state, "obligation", &key)? {
                    let (member, clause) = (lab.id.clone(), clause.id.clone());
                    found.push(ObligationView { member, clause, period: index, due, record });
                }
            }
        }
    }
    Ok(found)
}

/// The validators of `height`, which must be the tip's or one of the two after it.
pub fn validators(state: &dyn StateRead, height: u64) -> Result<Option<ValidatorSet>, StateFault> {
    let Some(meta) = meta(state)? else { return Ok(None) };
    let hash = match height.checked_sub(meta.height) {
        Some(0) => meta.validators.current,
        Some(1) => meta.validators.next,
        Some(2) => meta.validators.upcoming,
        _ => return Ok(None),
    };
    read(state, "validators", &Key::Validators(hash))
}

/// Whether a block at `now` would do something even without entries: open a period, or close one whose deadline passed.
pub fn is_due(rules: &Rules, state: &dyn StateRead, now: Timestamp) -> Result<bool, StateFault> {
    Ok(next_deadline(rules, state)?.is_some_and(|deadline| deadline <= now))
}

/// The earliest time at which a block has something to do even without entries.
pub fn next_deadline(rules: &Rules, state: &dyn StateRead) -> Result<Option<Timestamp>, StateFault> {
    let Some(meta) = meta(state)? else { return Ok(None) };
    let opening = rules.treaty().periods.period(meta.next_open).start;
    let closing = if meta.next_close < meta.next_open {
        Some(period(state, meta.next_close)?.ok_or_else(|| damaged("period"))?.due.plus(1))
    } else {
        None
    };
    Ok(Some(closing.map_or(opening, |closing| closing.min(opening))))
}

/// A value of the state, or its absence, with a proof that verifies against the state root of the tip's header.
pub fn proof(state: &dyn StateRead, key: &Key) -> Result<(Option<Vec<u8>>, StateProof), StateFault> {
    prove(state, &key.state_key())
}

/// Decodes the value that a proof of a verdict is about.
pub fn decode_verdict(bytes: &[u8]) -> Result<VerdictRecord, StateFault> {
    decode("verdict", bytes)
}

/// What is remembered of a statement that can be corrected: its grade, what others say of it, what supersedes it.
pub fn claim(state: &dyn StateRead, id: &StatementId) -> Result<Option<ClaimRecord>, StateFault> {
    read(state, "claim", &Key::Claim(*id))
}

/// A lab's newest inventories, by the site's name, in order of the sites' numbers.
pub fn inventories(state: &dyn StateRead, lab: &MemberId) -> Result<Vec<(Name, InventoryRecord)>, StateFault> {
    let Some(record) = member(state, lab)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for number in 1..=record.sites {
        let Some(inventory) = read(state, "inventory", &Key::Inventory(lab.clone(), number))? else { continue };
        let site: Name = read(state, "site", &Key::SiteName(lab.clone(), number))?.ok_or_else(|| damaged("site"))?;
        found.push((site, inventory));
    }
    Ok(found)
}

/// A lab's plans in force, by the run's name, in order of the runs' numbers.
pub fn plans(state: &dyn StateRead, lab: &MemberId) -> Result<Vec<(Name, PlanRecord)>, StateFault> {
    let mut found = Vec::new();
    for (number, run) in (1..).zip(runs(state, lab)?) {
        if let Some(plan) = read(state, "plan", &Key::Plan(lab.clone(), number))? {
            found.push((run.name, plan));
        }
    }
    Ok(found)
}

/// The last checkpoints of the logs that a member keeps, in the order in which they were started.
pub fn telemetry(state: &dyn StateRead, id: &MemberId) -> Result<Vec<(Name, TelemetryRecord)>, StateFault> {
    let logs: u32 = read(state, "telemetry logs", &Key::TelemetryLogs(id.clone()))?.unwrap_or(0);
    let log = |number| {
        let log: Name =
            read(state, "telemetry name", &Key::TelemetryName(id.clone(), number))?.ok_or_else(|| damaged("log"))?;
        let record = read(state, "telemetry", &Key::Telemetry(id.clone(), log.clone()))?;
        Ok((log, record.ok_or_else(|| damaged("log"))?))
    };
    (0..logs).map(log).collect()
}
