//! What the state holds: one leaf for each [`Key`], values in the strict codec. `spec/65-state.md` is the same as text.
//!
//! ```text
//! Key::Verdict { clause, member, period }  ──codec──▶ name ──H(state-key)──▶ StateKey     where the leaf lives
//! VerdictRecord                            ──codec──▶ value                               what it holds
//! ```
//!
//! Keys name things as the treaty does, so that a proof about `Verdict { "run-cap", "lab-a", 7 }` explains itself.
//! Nothing in the state is found by walking the map: lists are counted (`key 0..n` of a member, `run 1..=n` of a lab).

mod claims;

use standstill_policies::{Finding, Outcome, Verdict};
use standstill_protocol::codec::{self, CodecError};
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::PublicKey;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::{Flop, Timestamp};
use standstill_protocol::validators::Address;
use wincode::config::DefaultConfig;
use wincode::{SchemaRead, SchemaWrite};

use crate::state::{MAX_VALUE_BYTES, StateFault, StateKey, StateRead};

pub use claims::{
    ClaimKind, ClaimRecord, Content, DeviceRecord, HeadRecord, Interned, InventoryRecord, Judgement, Manner,
    ModelRecord, Opinion, PlanRecord, Report, StatedFigure, TelemetryRecord, figures, subjects_hash,
};

/// The name of a leaf. Its encoding, hashed, is the leaf's [`StateKey`]; the order of variants is part of the format.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, SchemaRead, SchemaWrite)]
pub enum Key {
    /// [`Meta`].
    Meta,
    /// The log's [`Frontier`](standstill_protocol::log::Frontier).
    Log,
    /// A [`ValidatorSet`](standstill_protocol::validators::ValidatorSet), by its hash.
    Validators(Hash),
    /// [`PhaseRecord`], by epoch: 0 at genesis, one more at each change.
    Phase(u32),
    /// [`MemberRecord`].
    Member(MemberId),
    /// [`KeyRecord`], by the key's id.
    SigningKey(Hash),
    /// The id of a member's n-th key, from 0.
    MemberKey(MemberId, u32),
    /// [`StatementRecord`], by the statement's id.
    Statement(StatementId),
    /// The number of a lab's site, from 1, by name.
    Site(MemberId, Name),
    /// The name of a lab's site, by number.
    SiteName(MemberId, u32),
    /// The number of a lab's run, from 1, by name.
    Run(MemberId, Name),
    /// [`RunRecord`], by number.
    RunRecord(MemberId, u32),
    /// [`PeriodRecord`].
    Period(u32),
    /// [`ComputeRecord`] of a lab in a period.
    Compute(MemberId, u32),
    /// [`ObligationRecord`] of a member under a clause for a period.
    Obligation(MemberId, Name, u32),
    /// [`ClauseRecord`] of a clause for a member.
    Clause(Name, MemberId),
    /// [`VerdictRecord`] of a clause on a member in a period.
    Verdict(Name, MemberId, u32),
    /// [`VoteRecord`] of a member on a phase, within an epoch.
    Vote(u32, Name, MemberId),
    /// The log index of evidence against a validator, by height, round and kind of message.
    Equivocation(Address, u64, u32, u8),
    /// [`EvidenceRecord`], by number from 0.
    Evidence(u64),
    /// How many proofs against a validator are recorded.
    EvidenceCount(Address),
    /// [`LeftRecord`] of a clause, once a phase that it belonged to was left for one that it does not belong to.
    Left(Name),
    /// [`ClaimRecord`] of a statement that can be corrected.
    Claim(StatementId),
    /// [`HeadRecord`] of the log, by its size.
    Head(u64),
    /// The size whose head has this place among those that are kept.
    HeadPlace(u32),
    /// [`InventoryRecord`] of a lab's site, by number.
    Inventory(MemberId, u32),
    /// [`PlanRecord`] of a lab's run, by number.
    Plan(MemberId, u32),
    /// [`TelemetryRecord`] of a log that a member keeps.
    Telemetry(MemberId, Name),
    /// The name of a member's n-th log, from 0.
    TelemetryName(MemberId, u32),
    /// How many logs a member has.
    TelemetryLogs(MemberId),
    /// [`DeviceRecord`]s of a run, the newest, by number.
    Devices(MemberId, u32),
    /// [`ModelRecord`], by digest.
    Model(Hash),
    /// The number of a suite's or metric's name, from 1, by its SHA-256.
    Word(Hash),
    /// [`Interned`].
    Interned,
}

impl Key {
    /// Where the leaf lives.
    pub fn state_key(&self) -> StateKey {
        StateKey::of(&codec::encode(self))
    }
}

/// The ledger as a whole.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Meta {
    /// Height of the block that led to this state; 0 at genesis.
    pub height: u64,
    /// Its time; the treaty's genesis time at height 0.
    pub time: Timestamp,
    /// Hash of the header before it; the chain id at heights 0 and 1.
    pub previous: Hash,
    /// Hashes of the validator sets.
    pub validators: ValidatorHashes,
    /// The phase in force.
    pub phase: Name,
    /// How often the phase has changed.
    pub epoch: u32,
    /// The first reporting period that has not been opened.
    pub next_open: u32,
    /// The first reporting period that has not been closed.
    pub next_close: u32,
    /// Statements recorded.
    pub statements: u64,
    /// Entries of evidence recorded.
    pub evidence: u64,
    /// The first reporting period whose deadline was not yet seen to pass.
    pub next_overdue: u32,
    /// The first reporting period of this ledger: those that were due before the first block are left out.
    pub first_period: u32,
    /// The last outage.
    pub outage: Option<Outage>,
}

/// A time in which no block was made, longer than the treaty's outage limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Outage {
    /// The time of the last block before.
    pub from: Timestamp,
    /// The time of the first block after.
    pub to: Timestamp,
}

/// When a clause was last in force.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct LeftRecord {
    /// The phase that it belonged to last; its parameters still apply to what comes in late.
    pub phase: Name,
    /// Since when the clause had been in force.
    pub since: Timestamp,
    /// When it left force.
    pub time: Timestamp,
    /// The reporting period in which it did: records about later ones are not its business.
    pub period: u32,
}

/// Validator sets around the tip, by hash. A change that a block makes goes into `upcoming`, so that the set of the
/// height before has signed it when it takes effect, two heights later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct ValidatorHashes {
    /// Of the tip.
    pub current: Hash,
    /// Of the tip plus one.
    pub next: Hash,
    /// Of the tip plus two.
    pub upcoming: Hash,
}

/// A phase and when it came into force.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct PhaseRecord {
    /// The phase.
    pub phase: Name,
    /// The block that brought it; it applies from the end of that block.
    pub height: u64,
    /// The block's time.
    pub time: Timestamp,
}

/// A member's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct MemberRecord {
    /// Position in the treaty's member list, which is the number that clauses see.
    pub number: u32,
    /// The sequence of its next statement.
    pub next_sequence: u64,
    /// Keys ever registered.
    pub keys: u32,
    /// Keys that are active, or will be at the next height.
    pub active_keys: u32,
    /// Sites named so far.
    pub sites: u32,
    /// Runs named so far.
    pub runs: u32,
}

/// A key that signs statements.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct KeyRecord {
    /// Whose it is.
    pub owner: MemberId,
    /// The key.
    pub key: PublicKey,
    /// Its first height.
    pub active_from: u64,
    /// The height of its revocation: entries after the revoking one are refused.
    pub revoked_at: Option<u64>,
}

/// Where a statement stands.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct StatementRecord {
    /// Its index in the log.
    pub index: u64,
    /// The height of its block.
    pub height: u64,
}

/// A lab's training run.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct RunRecord {
    /// Its name.
    pub name: Name,
    /// Reports on it.
    pub reports: u32,
    /// The latest period reported.
    pub period: u32,
    /// End of the latest window within that period.
    pub window_end: Timestamp,
    /// Cumulative FLOP up to then, at least.
    pub cumulative_lower: Flop,
    /// Cumulative FLOP up to then, at most.
    pub cumulative_upper: Flop,
    /// The period of the final report, once there is one.
    pub finished: Option<u32>,
    /// The newest report that stands; `None` where the run is only planned or attested.
    pub latest: Option<StatementId>,
}

/// A reporting period that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct PeriodRecord {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// When reports are due, extensions included.
    pub due: Timestamp,
    /// The first height whose time is later than `due`.
    pub overdue_since: Option<u64>,
    /// The height that closed it.
    pub closed_at: Option<u64>,
}

/// What a lab declared for a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, SchemaRead, SchemaWrite)]
pub struct ComputeRecord {
    /// Reports.
    pub reports: u32,
    /// Sum of increments, at least.
    pub lower: Flop,
    /// Sum of increments, at most.
    pub upper: Flop,
    /// Runs that the reports named for the first time.
    pub new_runs: u32,
}

/// How an obligation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum ObligationStatus {
    /// Nothing received, not yet too late.
    Open,
    /// Received in time.
    Met,
    /// The deadline passed, nothing received.
    Missed,
    /// Received after the deadline.
    Late,
    /// Nothing received, and nothing is owed any more: the clause left force before the period ended.
    Lapsed,
}

/// Something due. When it is due stands in the [`PeriodRecord`], because deadlines move for all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct ObligationRecord {
    /// How it stands.
    pub status: ObligationStatus,
    /// The entry that met it, by log index.
    pub entry: Option<u64>,
    /// The block time at which it was met.
    pub met_at: Option<Timestamp>,
}

/// The memory of a clause about one member.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct ClauseRecord {
    /// SHA-256 of the module that wrote the state.
    pub module: Hash,
    /// Hash of the parameters it ran with.
    pub parameters: Hash,
    /// Set when it failed: it rests until module or parameters change.
    pub failure: Option<Failure>,
    /// Periods with records that it never read, because it failed on them or rested: ascending, the newest
    /// [`MAX_UNREAD`]. What it says of them later is at best `undecided`.
    pub unread: Vec<u32>,
    /// What `save` returned.
    pub state: Vec<u8>,
}

/// Periods that [`ClauseRecord::unread`] keeps.
pub const MAX_UNREAD: usize = 256;

/// Why a clause rests.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Failure {
    /// How it ended.
    pub outcome: Outcome,
    /// The height at which it failed.
    pub height: u64,
    /// The log index of the record at which it failed, or the log's size for a synthetic record.
    pub index: u64,
}

/// A validator's proven contradiction.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct EvidenceRecord {
    /// The validator.
    pub validator: Address,
    /// Whose validator it is.
    pub member: MemberId,
    /// Height of both messages.
    pub height: u64,
    /// Round of both messages.
    pub round: u32,
    /// Their type byte: 1 prevotes, 2 precommits, 3 proposals.
    pub kind: u8,
    /// The log index of the proof.
    pub index: u64,
}

/// A vote on a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct VoteRecord {
    /// For or against.
    pub support: bool,
    /// The log index of the vote.
    pub index: u64,
}

/// What a clause says about a member in a period, and everything that the answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct VerdictRecord {
    /// The clause.
    pub clause: Name,
    /// Whom it is about.
    pub member: MemberId,
    /// The reporting period.
    pub period: u32,
    /// The join over the findings.
    pub verdict: Verdict,
    /// What the clause reported. Empty when the clause failed.
    pub findings: Vec<Finding>,
    /// The block that decided it last.
    pub height: u64,
    /// What it depends on.
    pub pins: Pins,
}

/// What a verdict depends on: with these and the log, anyone can compute it again.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Pins {
    /// The treaty's hash.
    pub treaty: Hash,
    /// The phase whose parameters applied.
    pub phase: Name,
    /// Hash of the parameters.
    pub parameters: Hash,
    /// SHA-256 of the module as the treaty names it.
    pub module: Hash,
    /// SHA-256 of the module with its meter.
    pub metered: Hash,
    /// Version of the clause interface.
    pub abi: u32,
    /// Version of the meter and its cost table.
    pub meter: u32,
    /// Gas that one chunk may use.
    pub gas_limit: u64,
    /// Gas that this run used.
    pub gas_used: u64,
    /// How the run ended.
    pub outcome: Outcome,
    /// The log's size: entries below it were taken into account.
    pub log_size: u64,
    /// The log's root at that size.
    pub log_root: Hash,
    /// SHA-256 of the clause's state before this block.
    pub state_before: Hash,
    /// SHA-256 of the clause's state after it.
    pub state_after: Hash,
    /// Hash of the findings.
    pub findings: Hash,
}

/// Decodes a value of the state.
pub fn decode<T>(what: &'static str, bytes: &[u8]) -> Result<T, StateFault>
where
    T: for<'de> SchemaRead<'de, DefaultConfig, Dst = T> + SchemaWrite<DefaultConfig, Src = T>,
{
    codec::decode(bytes, MAX_VALUE_BYTES)
        .map_err(|error: CodecError| StateFault::Damaged { what, reason: error.to_string() })
}

/// Reads a value of the state.
pub fn read<T>(state: &dyn StateRead, what: &'static str, key: &Key) -> Result<Option<T>, StateFault>
where
    T: for<'de> SchemaRead<'de, DefaultConfig, Dst = T> + SchemaWrite<DefaultConfig, Src = T>,
{
    state.leaf(&key.state_key())?.map(|bytes| decode(what, &bytes)).transpose()
}
