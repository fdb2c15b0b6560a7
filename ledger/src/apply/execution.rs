//! One block in the making: what has happened in it so far.

use std::collections::{BTreeMap, BTreeSet};

use standstill_policies::{Record, Role};
use standstill_protocol::hash::Hash;
use standstill_protocol::log::Frontier;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::Address;

use super::device::Devices;
use super::entry::{Order, Shares};
use super::intake::{Content, Parsed};
use super::work::Work;
use crate::outcome::{Event, Recorded, Rejection};
use crate::refusal::{AdmissionError, Refusal};
use crate::rules::Rules;
use crate::schema::{Key, Meta};
use crate::state::{StateFault, StateRead};

/// The execution of a block, entry by entry.
pub(crate) struct Execution<'a> {
    pub rules: &'a Rules,
    pub work: Work<'a>,
    /// As it was after the block before; as it will be in the end.
    pub meta: Meta,
    pub height: u64,
    pub time: Timestamp,
    /// Log index of the block's first entry.
    pub first_entry: u64,
    /// Entries taken so far.
    pub taken: u64,
    /// The log's size after the block: the index of synthetic records.
    pub log_after: u64,
    /// The first period that is not open; `None` outside a block, where only the calendar counts.
    pub opened: Option<u32>,
    /// Bytes of each member's entries.
    pub shares: Shares,
    /// Entries of evidence.
    pub evidence: usize,
    /// Entries of evidence against each validator.
    pub accused: BTreeMap<Address, usize>,
    /// The periods that each lab's entries are about.
    pub named: BTreeMap<MemberId, BTreeSet<u32>>,
    /// The labs and periods that each member's entries about others are about.
    pub spoken: BTreeMap<MemberId, BTreeSet<(MemberId, u32)>>,
    /// Chips' reports that were verified and not recorded yet.
    pub devices: Devices,
    /// Chips' reports of each member.
    pub devices_of: BTreeMap<MemberId, usize>,
    /// Records of entries, by the lab that they are about.
    pub records: BTreeMap<MemberId, Vec<Record>>,
    /// Synthetic records, by clause and lab.
    pub synthetic: BTreeMap<(Name, MemberId), Vec<Record>>,
    /// Whether the block holds votes.
    pub voted: bool,
    pub events: Vec<Event>,
}

impl<'a> Execution<'a> {
    /// Begins the block after the tip.
    pub(crate) fn begin(rules: &'a Rules, state: &'a dyn StateRead, time: Timestamp) -> Result<Self, StateFault> {
        let work = Work::new(state);
        let meta: Meta = work.need("meta", &Key::Meta)?;
        let height = meta.height.saturating_add(1);
        Ok(Execution {
            rules,
            work,
            meta,
            height,
            time,
            first_entry: 0,
            taken: 0,
            log_after: 0,
            opened: None,
            shares: Shares::new(),
            evidence: 0,
            accused: BTreeMap::new(),
            named: BTreeMap::new(),
            spoken: BTreeMap::new(),
            devices: Devices::new(),
            devices_of: BTreeMap::new(),
            records: BTreeMap::new(),
            synthetic: BTreeMap::new(),
            voted: false,
            events: Vec::new(),
        })
    }

    /// The log before the block.
    pub(crate) fn frontier(&self) -> Result<Frontier, StateFault> {
        let frontier: Frontier = self.work.need("log", &Key::Log)?;
        if !frontier.is_well_formed() {
            let reason = "the subtrees do not fit the size".to_owned();
            return Err(StateFault::Damaged { what: "log", reason });
        }
        Ok(frontier)
    }

    /// The latest time that a statement in this block may speak of.
    pub(crate) fn latest_time(&self) -> Timestamp {
        self.time.plus(self.rules.treaty().clocks.max_skew_ms)
    }

    /// The log index of the entry that is being taken.
    pub(crate) fn next_index(&self) -> u64 {
        self.first_entry.saturating_add(self.taken)
    }

    /// Takes an entry whose signatures `verify` accepts, now or later. A refused entry has changed nothing.
    pub(crate) fn take(
        &mut self,
        parsed: &Parsed,
        verify: impl FnOnce(&[standstill_protocol::keys::PublicKey]) -> Result<(), Refusal>,
    ) -> Result<Recorded, AdmissionError> {
        let recorded = match &parsed.content {
            Content::Statement { statement, id, .. } => {
                let keys = self.check_keys(parsed)?;
                verify(&keys)?;
                let checked = self.check_statement(statement, *id, Order::Strict)?;
                self.record_statement(checked, parsed.size)?
            }
            Content::Evidence(evidence) => self.take_evidence(evidence)?,
        };
        self.taken += 1;
        Ok(recorded)
    }

    /// Keeps a record about a lab for the clauses that are in force.
    pub(crate) fn touch(&mut self, member: &MemberId, record: Record) {
        let lab = self.rules.treaty().member(member.as_str()).is_some_and(|member| member.has(Role::Lab));
        if lab {
            self.records.entry(member.clone()).or_default().push(record);
        }
    }
}

/// A refusal of the entry at `index` rejects the block; a fault stays a fault.
pub(crate) fn reject(index: usize, error: AdmissionError) -> Rejection {
    match error {
        AdmissionError::Refused(refusal) => Rejection::Entry { index, refusal },
        AdmissionError::Fault(fault) => Rejection::Fault(fault),
    }
}

/// Appends a block's leaves to the log: the previous header first, unless the block is empty or the first.
pub(crate) fn append(frontier: &mut Frontier, previous: Option<Hash>, entries: &[Hash]) -> Vec<Hash> {
    let mut leaves = Vec::with_capacity(entries.len() + 1);
    if !entries.is_empty() {
        leaves.extend(previous);
        leaves.extend_from_slice(entries);
    }
    for leaf in &leaves {
        frontier.append(*leaf);
    }
    leaves
}
