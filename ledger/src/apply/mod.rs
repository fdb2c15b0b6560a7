//! The one way that state changes.
//!
//! ```text
//! previous header, certificate, proposer, time, bounds           check_proposal
//! periods open; an outage moves deadlines                        begin_periods
//! entries, in order: checks, then effects                        take
//! periods whose grace is over close                              close_periods
//! log: leaf of the previous header, then the entries
//! clauses of touched and due partitions; verdicts                run_clauses
//! the phase moves, where votes decided it; clauses are told      move_phase
//! state map, header                                              finish
//! ```
//!
//! [`apply`] is a function of its arguments. Entries are parsed, and signatures verified, in parallel; what comes out
//! does not depend on it: the first bad entry in order rejects the block.

mod claims;
mod clauses;
mod device;
mod entry;
mod execution;
mod governance;
mod header;
mod intake;
mod lab;
mod lineage;
mod observed;
mod periods;
mod pool;
mod training;
mod work;

use standstill_policies::Treaty;
use standstill_protocol::PROTOCOL_VERSION;
use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::hash::Hash;
use standstill_protocol::log::{Frontier, leaf_hash};
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::Address;

use crate::outcome::{Applied, Executed, Proposal, Recorded, Rejection};
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::schema::{Key, KeyRecord, MemberRecord, Meta, PhaseRecord, ValidatorHashes};
use crate::state::{MemoryState, StateChanges, StateFault, StateRead};
use clauses::LogHead;
use execution::{Execution, append, reject};
use work::Work;

pub use intake::{Parsed, ParsedBlock};
pub use pool::{Admitted, admit, admit_evidence, entry_budget, select};

/// What this node has verified before, so that a signature is not verified twice. Whether a signature is valid depends on
/// the bytes alone, because envelopes and certificates name keys by their hashes; so remembering it changes no result.
pub trait Verified: Sync {
    /// Whether every signature of the envelope with this SHA-256 digest was verified.
    fn contains(&self, envelope: &Hash) -> bool;

    /// Whether every signature of the certificate with this [hash](standstill_protocol::certificate::Certificate::hash)
    /// was verified, under the consensus keys that its addresses name. Then
    /// [`check_signers`](standstill_protocol::certificate::Certificate::check_signers) is all that is left to do.
    fn certificate(&self, _certificate: &Hash) -> bool {
        false
    }
}

/// Remembers nothing: every signature is verified.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyAll;

impl Verified for VerifyAll {
    fn contains(&self, _: &Hash) -> bool {
        false
    }
}

/// The state before height 1, to be written to an empty store.
pub fn genesis(rules: &Rules) -> Result<StateChanges, StateFault> {
    let empty = MemoryState::new();
    let mut work = Work::new(&empty);
    let treaty = rules.treaty();
    let validators = rules.genesis_validators();
    let hash = validators.hash();
    work.put(&Key::Validators(hash), validators);
    work.put(&Key::Log, &Frontier::new());
    let first = |treaty: &Treaty| treaty.phases.first().map(|phase| phase.id.clone());
    let missing = || StateFault::Damaged { what: "treaty", reason: "it has no phase".to_owned() };
    let phase = first(treaty).ok_or_else(missing)?;
    work.put(&Key::Phase(0), &PhaseRecord { phase: phase.clone(), height: 0, time: treaty.genesis_time });
    for (number, member) in (0u32..).zip(&treaty.members) {
        let keys = u32::try_from(member.statement_keys.len()).unwrap_or(u32::MAX);
        let record = MemberRecord { number, next_sequence: 1, keys, active_keys: keys, sites: 0, runs: 0 };
        work.put(&Key::Member(member.id.clone()), &record);
        for (number, key) in (0u32..).zip(&member.statement_keys) {
            work.put(&Key::MemberKey(member.id.clone(), number), &key.id());
            let record = KeyRecord { owner: member.id.clone(), key: *key, active_from: 1, revoked_at: None };
            work.put(&Key::SigningKey(key.id()), &record);
        }
    }
    let meta = Meta {
        height: 0,
        time: treaty.genesis_time,
        previous: rules.chain_id(),
        validators: ValidatorHashes { current: hash, next: hash, upcoming: hash },
        phase,
        epoch: 0,
        next_open: 0,
        next_close: 0,
        statements: 0,
        evidence: 0,
        next_overdue: 0,
        first_period: 0,
        outage: None,
    };
    work.put(&Key::Meta, &meta);
    let (_, changes) = work.finish()?;
    Ok(changes)
}

/// Executes a proposal on the state of the tip, verifying every signature.
pub fn apply(rules: &Rules, state: &dyn StateRead, proposal: Proposal) -> Result<Applied, Rejection> {
    apply_with(rules, state, proposal, &VerifyAll)
}

/// [`apply`], without verifying again what this node has verified before. The result is the same.
pub fn apply_with(
    rules: &Rules,
    state: &dyn StateRead,
    proposal: Proposal,
    verified: &dyn Verified,
) -> Result<Applied, Rejection> {
    let given = Given {
        height: proposal.height,
        time: proposal.time,
        proposer: proposal.proposer,
        previous: proposal.previous.as_ref(),
        previous_certificate: proposal.previous_certificate.as_ref(),
        entries: &proposal.entries,
        parsed: None,
    };
    let executed = execute_v1(rules, state, &given, verified)?;
    Ok(executed.with(proposal.previous_certificate, proposal.entries))
}

/// Executes a block that somebody else built, and compares the header with the result.
pub fn check(
    rules: &Rules,
    state: &dyn StateRead,
    block: &Block,
    previous: Option<&Header>,
) -> Result<Applied, Rejection> {
    check_with(rules, state, block, previous, &VerifyAll)
}

/// [`check`], without verifying again what this node has verified before. The result is the same.
pub fn check_with(
    rules: &Rules,
    state: &dyn StateRead,
    block: &Block,
    previous: Option<&Header>,
    verified: &dyn Verified,
) -> Result<Applied, Rejection> {
    let executed = check_block(rules, state, block, previous, verified, None)?;
    Ok(executed.with(block.previous_certificate.clone(), block.entries.clone()))
}

/// [`check_with`] on a block whose entries were parsed before. The result is the same, less the block.
pub fn check_parsed(
    rules: &Rules,
    state: &dyn StateRead,
    parsed: &ParsedBlock,
    previous: Option<&Header>,
    verified: &dyn Verified,
) -> Result<Executed, Rejection> {
    check_block(rules, state, parsed.block(), previous, verified, Some(parsed.entries()))
}

/// A block to be executed: a [`Proposal`] that somebody else holds.
struct Given<'a> {
    height: u64,
    time: Timestamp,
    proposer: Address,
    previous: Option<&'a Header>,
    previous_certificate: Option<&'a Certificate>,
    entries: &'a [Entry],
    /// The same entries, where they were parsed before.
    parsed: Option<&'a [Result<Parsed, Refusal>]>,
}

fn check_block(
    rules: &Rules,
    state: &dyn StateRead,
    block: &Block,
    previous: Option<&Header>,
    verified: &dyn Verified,
    parsed: Option<&[Result<Parsed, Refusal>]>,
) -> Result<Executed, Rejection> {
    let given = Given {
        height: block.header.height,
        time: block.header.time,
        proposer: block.header.proposer,
        previous,
        previous_certificate: block.previous_certificate.as_ref(),
        entries: &block.entries,
        parsed,
    };
    // Old rules are kept for ever: a new version is one more arm.
    let executed = match block.header.version {
        PROTOCOL_VERSION => execute_v1(rules, state, &given, verified)?,
        found => return Err(Rejection::Version { found, known: PROTOCOL_VERSION }),
    };
    match header::first_difference(&block.header, &executed.header) {
        None => Ok(executed),
        Some(field) => Err(Rejection::Header { field }),
    }
}

/// Whether a fresh proposal's time lies within the clock skew that the treaty allows. Not asked of blocks that are
/// synced, recovered or proposed again.
pub fn within_skew(rules: &Rules, time: Timestamp, now: Timestamp) -> bool {
    time.since(now).max(now.since(time)) <= rules.treaty().clocks.max_skew_ms
}

fn execute_v1(
    rules: &Rules,
    state: &dyn StateRead,
    given: &Given<'_>,
    verified: &dyn Verified,
) -> Result<Executed, Rejection> {
    let mut execution = Execution::begin(rules, state, given.time)?;
    let mut frontier = execution.frontier()?;
    execution.check_proposal(state, &frontier, given, verified)?;
    let previous_time = execution.meta.time;
    let first_leaf = frontier.size();
    let previous_leaf = given.previous.map(|header| leaf_hash(&header.leaf_bytes()));
    let count = given.entries.len() as u64;
    execution.first_entry = first_leaf + u64::from(previous_leaf.is_some());
    execution.log_after = if count == 0 { first_leaf } else { execution.first_entry + count };

    execution.begin_periods(previous_time)?;
    let (entries, entry_leaves) = take_entries(&mut execution, given, verified)?;
    execution.close_periods()?;
    let leaves = append(&mut frontier, previous_leaf, &entry_leaves);
    let log = LogHead { size: frontier.size(), root: frontier.root() };
    let mut verdicts = execution.run_clauses(log)?;
    verdicts.extend(execution.move_phase(log)?);

    execution.advance(given.previous);
    let mut header = execution.header(given, &entry_leaves, &frontier);
    execution.work.put(&Key::Log, &frontier);
    if count > 0 {
        execution.keep_head(log)?;
    }
    let meta = execution.meta.clone();
    execution.work.put(&Key::Meta, &meta);
    let Execution { work, events, .. } = execution;
    let (state_root, changes) = work.finish()?;
    header.state_root = state_root;
    Ok(Executed { header, changes, first_leaf, leaves, entries, verdicts, events })
}

/// Takes every entry; signatures are verified together at the end, and a bad one counts before whatever came after it.
fn take_entries(
    execution: &mut Execution<'_>,
    given: &Given<'_>,
    verified: &dyn Verified,
) -> Result<(Vec<Recorded>, Vec<Hash>), Rejection> {
    let own: Vec<_>;
    let parsed = match given.parsed {
        Some(parsed) => parsed,
        None => {
            own = intake::parse_all(given.entries);
            &own
        }
    };
    let mut recorded = Vec::with_capacity(parsed.len());
    let mut leaves = Vec::with_capacity(parsed.len());
    let mut tasks: Vec<intake::Task> = Vec::new();
    let mut stopped = None;
    for (index, entry) in parsed.iter().enumerate() {
        let taken = match entry {
            Err(refusal) => Err(refusal.clone().into()),
            Ok(entry) => {
                leaves.push(entry.leaf);
                execution.take(entry, |keys| {
                    if !keys.is_empty() && !verified.contains(&entry.digest) {
                        tasks.push((index, keys.to_vec()));
                    }
                    Ok(())
                })
            }
        };
        match taken {
            Ok(entry) => recorded.push(entry),
            Err(error) => {
                stopped = Some(reject(index, error));
                break;
            }
        }
    }
    if let Some((index, refusal)) = intake::verify_all(parsed, &tasks) {
        return Err(Rejection::Entry { index, refusal });
    }
    match stopped {
        Some(rejection) => Err(rejection),
        None => Ok((recorded, leaves)),
    }
}
