//! The second half of an audit, in order: heads, quorum, replay.
//!
//! Rules:
//!
//! 1. While replay runs, `ledger::check` compares every field of every header; what it refuses is looked at again, field
//!    by field, by [`super::heads`], so that every failure is named and not the first alone.
//! 2. A block that cannot be replayed ends the replay: there is no state to go on from. Format, signatures, roots,
//!    quorum and links of the blocks behind it are still checked.
//! 3. Nothing here trusts the bundle for what the trust file says: chain id, validators, treaty hash.

use std::collections::BTreeSet;

use standstill_ledger::bundle::Order;
use standstill_ledger::{Executed, Key, MemoryState, Rejection, Rules, Verified, check_parsed, genesis, schema};
use standstill_policies::{Host, Role};
use standstill_protocol::block::Header;
use standstill_protocol::hash::Hash;
use standstill_protocol::log::Frontier;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Timestamp;

use super::AuditError;
use super::clauses::{self, Settled};
use super::heads::{self, Place};
use super::prepare::{Content, EntryState, Prepared, PreparedBlock};
use super::quorum::Quorum;
use super::rules::{self, Pinned};
use super::source::Progress;
use crate::checks::{Check, Failure, Tally};
use crate::report::{BundleFacts, Options};
use crate::trust::Trust;

/// Everything that is known while blocks come in.
pub(super) struct Judge<'a> {
    trust: &'a Trust,
    options: &'a Options,
    host: &'a Host,
    progress: &'a Progress,
    pub(super) tally: Tally,
    pub(super) facts: BundleFacts,
    opening: rules::Opening,
    replay: Replay,
    quorum: Quorum,
    tip: Option<Tip>,
    order: Order,
    /// Log index and statement of every record, rising.
    records: Vec<(u64, Hash)>,
    settled: Option<Settled>,
    seen: heads::Seen,
    /// Size of the largest log that a checkpoint in the bundle covers.
    covered: Option<u64>,
}

/// How far execution has come.
enum Replay {
    /// Treaty and modules are still coming in.
    Waiting,
    /// Every block so far was executed.
    Running(Box<Execution>),
    /// A block could not be executed, or the rules are missing. The log is still followed, if it could be so far.
    Stopped(Option<Frontier>),
}

struct Execution {
    rules: Rules,
    state: MemoryState,
}

/// The last block met.
struct Tip {
    header: Header,
    hash: Hash,
}

/// The signatures of one block that were verified before it came here.
struct Checked {
    envelopes: BTreeSet<Hash>,
    certificate: Option<Hash>,
}

impl Verified for Checked {
    fn contains(&self, envelope: &Hash) -> bool {
        self.envelopes.contains(envelope)
    }

    fn certificate(&self, certificate: &Hash) -> bool {
        self.certificate.as_ref() == Some(certificate)
    }
}

impl Checked {
    fn of(block: &PreparedBlock) -> Self {
        let verified = block.entries.iter().filter(|entry| matches!(entry.state, EntryState::Verified));
        let certificate = block.previous_certificate.as_ref().filter(|certificate| certificate.is_verified());
        Checked {
            envelopes: verified.map(|entry| entry.digest).collect(),
            certificate: certificate.map(|certificate| certificate.hash),
        }
    }
}

impl<'a> Judge<'a> {
    pub(super) fn new(trust: &'a Trust, options: &'a Options, host: &'a Host, progress: &'a Progress) -> Self {
        Judge {
            trust,
            options,
            host,
            progress,
            tally: Tally::new(options.max_failures),
            facts: BundleFacts::default(),
            opening: rules::Opening::default(),
            replay: Replay::Waiting,
            quorum: Quorum::new(&trust.validators),
            tip: None,
            order: Order::default(),
            records: Vec::new(),
            settled: None,
            seen: heads::Seen::new(&trust.seen),
            covered: None,
        }
    }

    /// Takes the next frame.
    pub(super) fn take(&mut self, prepared: Prepared) -> Result<(), AuditError> {
        self.facts.frames += 1;
        let kind = match &prepared.content {
            Content::Treaty(_) => "treaty",
            Content::Module(_) => "module",
            Content::Block(_) => "block",
            Content::Certificate(_) => "certificate",
            Content::Checkpoint(_) => "checkpoint",
            Content::Damaged(error) => {
                let scope = vec![format!("frame {}", prepared.index)];
                self.tally.fail(Check::Format, Failure { code: error.code(), scope, message: error.to_string() });
                return Ok(());
            }
        };
        self.in_order(kind, &prepared);
        match prepared.content {
            Content::Treaty(bytes) => self.opening.treaty(bytes),
            Content::Module(bytes) => self.opening.module(bytes),
            Content::Block(block) => self.block(*block)?,
            Content::Certificate(certificate) => {
                self.facts.signatures += certificate.signatures;
                self.quorum.certificate(&certificate, &mut self.tally);
            }
            Content::Checkpoint(note) => self.checkpoint(&note),
            Content::Damaged(_) => {}
        }
        Ok(())
    }

    fn in_order(&mut self, kind: &'static str, prepared: &Prepared) {
        let module = match &prepared.content {
            Content::Module(bytes) => Some(Hash::sha256(bytes)),
            _ => None,
        };
        if let Err(error) = self.order.accept_kind(kind, module) {
            let scope = vec![format!("frame {}", prepared.index)];
            self.tally.fail(Check::Format, Failure { code: error.code(), scope, message: error.to_string() });
        }
    }

    fn checkpoint(&mut self, note: &[u8]) {
        let Some(tip) = &self.tip else { return };
        let cosigned = heads::checkpoint(note, &tip.header, self.trust, &mut self.tally);
        self.facts.signatures += cosigned.signatures;
        self.covered = self.covered.max(cosigned.size);
    }

    /// Treaty and modules are complete when the first block comes, or the end.
    fn open(&mut self) -> Result<(), AuditError> {
        let Pinned { treaty_name, rules } =
            std::mem::take(&mut self.opening).close(self.trust, self.host, &mut self.tally);
        self.facts.treaty_name = treaty_name;
        self.replay = Replay::Stopped(Some(Frontier::new()));
        let Some(rules) = rules else { return Ok(()) };
        self.options_name_what_is(&rules)?;
        let mut state = MemoryState::new();
        let changes = genesis(&rules).map_err(|error| AuditError::Internal { reason: error.to_string() })?;
        state.absorb(changes);
        self.replay = Replay::Running(Box::new(Execution { rules, state }));
        Ok(())
    }

    /// A misspelt filter would find nothing wrong: it is refused instead.
    fn options_name_what_is(&self, rules: &Rules) -> Result<(), AuditError> {
        let treaty = rules.treaty();
        let is_lab = |name: &MemberId| treaty.member(name.as_str()).is_some_and(|member| member.has(Role::Lab));
        if let Some(name) = self.options.lab.clone().filter(|name| !is_lab(name)) {
            return Err(AuditError::Unknown { what: "lab", name });
        }
        match self.options.clause.clone().filter(|name| treaty.clause(name.as_str()).is_none()) {
            Some(name) => Err(AuditError::Unknown { what: "clause", name }),
            None => Ok(()),
        }
    }

    fn block(&mut self, prepared: PreparedBlock) -> Result<(), AuditError> {
        if matches!(self.replay, Replay::Waiting) {
            self.open()?;
        }
        let header = prepared.parsed.block().header.clone();
        let hash = header.hash();
        let records = prepared.entries.len() as u64;
        self.count(&prepared, &header, records);
        self.settle_before(header.time)?;
        if self.is_fork(&header, &hash) {
            return Ok(());
        }
        if let Some(certificate) = &prepared.previous_certificate {
            self.facts.signatures += certificate.signatures;
            self.quorum.certificate(certificate, &mut self.tally);
        }
        self.entries(&prepared);
        self.execute(&prepared)?;
        self.quorum.block(&header, hash, &mut self.tally);
        self.seen.block(&header, &mut self.tally);
        self.progress.block(header.height, records);
        self.tip = Some(Tip { header, hash });
        Ok(())
    }

    fn count(&mut self, prepared: &PreparedBlock, header: &Header, records: u64) {
        self.facts.records += records;
        if self.facts.first_height == 0 {
            self.facts.first_height = header.height;
        }
        self.facts.last_height = header.height;
        self.facts.last_time = header.time;
        self.facts.signatures += prepared.entries.iter().map(|entry| entry.signatures).sum::<u64>();
        self.tally.examined(Check::Format, records);
        self.tally.examined(Check::Signatures, records);
        for check in [Check::Ledger, Check::Quorum, Check::Consistency] {
            self.tally.examined(check, 1);
        }
    }

    /// A second block for the tip's height: a fork if both are certified, else a stray frame. It is not executed.
    fn is_fork(&mut self, header: &Header, hash: &Hash) -> bool {
        let Some(tip) = self.tip.as_ref().filter(|tip| tip.header.height == header.height) else { return false };
        let scope = vec![format!("height {}", header.height)];
        if tip.hash == *hash {
            let message = "the block stands twice in the bundle".to_owned();
            self.tally.fail(Check::Consistency, Failure { code: "duplicate-block", scope, message });
        } else {
            self.quorum.fork(header, *hash);
        }
        true
    }

    /// What the first half found in the records.
    fn entries(&mut self, prepared: &PreparedBlock) {
        let height = prepared.parsed.block().header.height;
        for (index, entry) in prepared.entries.iter().enumerate() {
            let (check, code, message) = match &entry.state {
                EntryState::Verified | EntryState::Evidence => continue,
                EntryState::Malformed(reason) => (Check::Format, "malformed-envelope", reason.clone()),
                EntryState::UnknownKey(key) => {
                    (Check::Signatures, "unknown-signer", format!("no member has registered the key {key}"))
                }
                EntryState::BadSignature(key) => {
                    (Check::Signatures, "bad-signature", format!("the signature by the key {key} is not valid"))
                }
            };
            let scope = vec![format!("height {height}"), format!("record {index}")];
            self.tally.fail(check, Failure { code, scope, message });
        }
    }

    fn execute(&mut self, prepared: &PreparedBlock) -> Result<(), AuditError> {
        let previous = self.tip.as_ref().map(|tip| &tip.header);
        let execution = match &mut self.replay {
            Replay::Running(execution) => execution,
            Replay::Waiting => return Ok(()),
            Replay::Stopped(frontier) => {
                let place = Place { previous, hash: self.tip.as_ref().map(|tip| &tip.hash), trust: self.trust };
                heads::examine(prepared, &place, frontier, &mut self.tally);
                heads::statements(prepared, &mut self.tally);
                return Ok(());
            }
        };
        self.tally.examined(Check::Replay, 1);
        let checked = Checked::of(prepared);
        match check_parsed(&execution.rules, &execution.state, &prepared.parsed, previous, &checked) {
            Ok(executed) => {
                self.records.extend(recorded(&executed));
                execution.state.absorb(executed.changes);
                Ok(())
            }
            Err(rejection) if rejection.is_fault() => Err(AuditError::Internal { reason: rejection.to_string() }),
            Err(rejection) => self.stop(prepared, &rejection),
        }
    }

    /// Replay ends here. Names everything that is wrong with the block, and goes on without state.
    fn stop(&mut self, prepared: &PreparedBlock, rejection: &Rejection) -> Result<(), AuditError> {
        self.settle()?;
        let mut frontier = match &self.replay {
            Replay::Running(execution) => log_frontier(execution)?,
            Replay::Waiting | Replay::Stopped(_) => None,
        };
        let (previous, hash) = (self.tip.as_ref().map(|tip| &tip.header), self.tip.as_ref().map(|tip| &tip.hash));
        let place = Place { previous, hash, trust: self.trust };
        heads::examine(prepared, &place, &mut frontier, &mut self.tally);
        heads::rejected(prepared, rejection, &mut self.tally);
        self.explain(prepared.parsed.block().header.height, rejection.code(), rejection.to_string());
        self.replay = Replay::Stopped(frontier);
        Ok(())
    }

    /// Replay never ends without a failure that says why.
    fn explain(&mut self, height: u64, code: &'static str, message: String) {
        if !self.tally.integrity_failed() {
            let scope = vec![format!("height {height}")];
            self.tally.fail(Check::Replay, Failure { code, scope, message });
        }
    }

    /// Judges the state before the first block that is later than the time asked for.
    fn settle_before(&mut self, time: Timestamp) -> Result<(), AuditError> {
        match self.options.as_of {
            Some(as_of) if time > as_of => self.settle(),
            _ => Ok(()),
        }
    }

    fn settle(&mut self) -> Result<(), AuditError> {
        if self.settled.is_some() {
            return Ok(());
        }
        let Replay::Running(execution) = &self.replay else { return Ok(()) };
        let as_of = self.options.as_of.or(self.tip.as_ref().map(|tip| tip.header.time)).unwrap_or(Timestamp(0));
        let settled = clauses::settle(&execution.rules, &execution.state, as_of, self.options, &self.records);
        self.settled = Some(settled.map_err(|error| AuditError::Internal { reason: error.to_string() })?);
        Ok(())
    }

    /// A quorum's signatures prove a history, not that it is the only one: whoever cosigned a checkpoint vouches for that.
    fn need_checkpoint(&mut self) {
        let Some(size) = self.tip.as_ref().map(|tip| tip.header.log_size) else { return };
        if self.covered.is_none_or(|covered| covered < size) {
            let found = self.covered.map_or_else(|| "none".to_owned(), |covered| format!("one of size {covered}"));
            let message = format!(
                "no checkpoint that satisfies the trust file's policy covers the last record (log size {size}, found \
                 {found}): whether the cosigners know this history is open"
            );
            self.tally.gap(Check::Quorum, Failure { code: "no-checkpoint", scope: vec![], message });
        }
    }

    /// The end of the file: closes the checks that are complete, and hands over what the clauses said.
    pub(super) fn finish(&mut self) -> Result<Option<Settled>, AuditError> {
        if matches!(self.replay, Replay::Waiting) {
            self.open()?;
        }
        self.settle()?;
        self.quorum.finish(&mut self.tally);
        self.need_checkpoint();
        if self.tip.is_none() {
            let message = "the bundle holds no block: nothing in it is certified".to_owned();
            self.tally.fail(Check::Format, Failure { code: "no-blocks", scope: vec![], message });
        }
        let whole =
            [Check::Format, Check::Signatures, Check::Ledger, Check::Quorum, Check::Consistency, Check::Policies];
        whole.into_iter().for_each(|check| self.tally.complete(check));
        let running = matches!(self.replay, Replay::Running(_));
        if !running {
            self.explain(self.facts.last_height, "not-replayed", "the ledger could not be replayed".to_owned());
        }
        let last = self.tip.as_ref().map(|tip| &tip.header);
        let mut settled = self.settled.take();
        if running {
            self.tally.complete(Check::Replay);
            if let Some(settled) = &mut settled {
                self.tally.complete(Check::Completeness);
                clauses::complete(settled, last, &self.seen, &mut self.tally);
            }
        }
        Ok(settled)
    }
}

fn recorded(executed: &Executed) -> impl Iterator<Item = (u64, Hash)> + '_ {
    executed.entries.iter().filter_map(|entry| Some((entry.index, entry.statement.as_ref()?.0)))
}

fn log_frontier(execution: &Execution) -> Result<Option<Frontier>, AuditError> {
    schema::read(&execution.state, "log", &Key::Log).map_err(|error| AuditError::Internal { reason: error.to_string() })
}
