//! Checks 3 and 5 field by field, for a block that the ledger refused or could not be asked about; and what an auditor
//! already holds: checkpoints and heads seen before.

use standstill_ledger::{Refusal, Rejection};
use standstill_protocol::PROTOCOL_VERSION;
use standstill_protocol::block::{Block, Header};
use standstill_protocol::checkpoint::Checkpoint;
use standstill_protocol::hash::Hash;
use standstill_protocol::log::{Frontier, leaf_hash};
use standstill_protocol::note::Note;

use super::prepare::{EntryState, PreparedBlock};
use crate::checks::{Check, Failure, Tally};
use crate::trust::{SeenHead, Trust};

/// Where a block stands.
pub(super) struct Place<'a> {
    /// The header before it.
    pub(super) previous: Option<&'a Header>,
    /// Its hash.
    pub(super) hash: Option<&'a Hash>,
    pub(super) trust: &'a Trust,
}

/// Compares every field of a header that can be computed without state.
pub(super) fn examine(prepared: &PreparedBlock, place: &Place<'_>, frontier: &mut Option<Frontier>, tally: &mut Tally) {
    let block = prepared.parsed.block();
    let scope = || vec![format!("height {}", block.header.height)];
    for (code, message) in links(block, prepared, place) {
        tally.fail(Check::Consistency, Failure { code, scope: scope(), message });
    }
    for (code, message) in roots(block, place.previous, frontier) {
        tally.fail(Check::Ledger, Failure { code, scope: scope(), message });
    }
    let treaty = place.previous.map_or(place.trust.treaty, |previous| previous.treaty);
    if block.header.treaty != treaty {
        let message = format!("the header names treaty {}, in force is {treaty}", block.header.treaty);
        tally.fail(Check::Policies, Failure { code: "treaty-hash", scope: scope(), message });
    }
}

fn links(block: &Block, prepared: &PreparedBlock, place: &Place<'_>) -> Vec<(&'static str, String)> {
    let (header, trust) = (&block.header, place.trust);
    let mut failures = Vec::new();
    let mut differ = |differs: bool, code, message: String| {
        if differs {
            failures.push((code, message));
        }
    };
    let height = place.previous.map_or(Some(1), |previous| previous.height.checked_add(1));
    let previous = *place.hash.unwrap_or(&trust.chain_id);
    let validators = place.previous.map_or_else(|| trust.validators.hash(), |previous| previous.next_validators);
    let certificate = prepared.previous_certificate.as_ref().map_or(Hash::ZERO, |certificate| certificate.hash);
    let after = place.previous.map(|previous| previous.time);
    differ(header.version != PROTOCOL_VERSION, "unknown-version", format!("rules of version {}", header.version));
    differ(header.chain_id != trust.chain_id, "other-ledger", format!("chain id {}", header.chain_id));
    differ(
        Some(header.height) != height,
        "height",
        format!("height {} follows {:?}", header.height, place.previous.map(|p| p.height)),
    );
    differ(
        header.previous != previous,
        "broken-link",
        format!("names {} as the head before, which is {previous}", header.previous),
    );
    differ(
        header.previous_certificate != certificate,
        "certificate-hash",
        "names another certificate than the one it brings".to_owned(),
    );
    differ(header.validators != validators, "validators", "names other validators than those that follow".to_owned());
    differ(
        after.is_some_and(|after| header.time <= after),
        "time",
        format!("its time {} is not later than the head before", header.time),
    );
    failures
}

fn roots(block: &Block, previous: Option<&Header>, frontier: &mut Option<Frontier>) -> Vec<(&'static str, String)> {
    let header = &block.header;
    let mut failures = Vec::new();
    if header.entry_count as usize != block.entries.len() {
        failures
            .push(("entry-count", format!("{} entries, the header says {}", block.entries.len(), header.entry_count)));
    }
    if header.entries_root != Block::entries_root(&block.entries) {
        failures.push(("entries-root", "the entries do not hash to the header's root".to_owned()));
    }
    let Some(frontier) = frontier else { return failures };
    if let (Some(previous), false) = (previous, block.entries.is_empty()) {
        frontier.append(leaf_hash(&previous.leaf_bytes()));
    }
    block.entries.iter().for_each(|entry| frontier.append(leaf_hash(&entry.leaf_bytes())));
    if header.log_size != frontier.size() {
        failures
            .push(("log-size", format!("the log has {} leaves, the header says {}", frontier.size(), header.log_size)));
    }
    if header.log_root != frontier.root() {
        failures.push(("log-root", "the log's recomputed root is not the header's".to_owned()));
    }
    failures
}

/// Whether every statement of a block parses: what replay would have found out.
pub(super) fn statements(prepared: &PreparedBlock, tally: &mut Tally) {
    let height = prepared.parsed.block().header.height;
    for (index, (parsed, entry)) in prepared.parsed.entries().iter().zip(&prepared.entries).enumerate() {
        if let (Err(Refusal::Statement { source }), EntryState::Verified) = (parsed, &entry.state) {
            let scope = vec![format!("height {height}"), format!("record {index}")];
            tally.fail(Check::Format, Failure { code: source.code(), scope, message: source.to_string() });
        }
    }
}

/// Sorts the ledger's refusal of a block under the check that it belongs to. What [`examine`] and the first half name
/// already is not counted again.
pub(super) fn rejected(prepared: &PreparedBlock, rejection: &Rejection, tally: &mut Tally) {
    let height = format!("height {}", prepared.parsed.block().header.height);
    let (check, code, scope) = match rejection {
        Rejection::Entry { index, refusal } => {
            let named = prepared
                .entries
                .get(*index)
                .is_some_and(|entry| !matches!(entry.state, EntryState::Verified | EntryState::Evidence));
            if named {
                return;
            }
            (check_of(refusal), refusal.code(), vec![height, format!("record {index}")])
        }
        Rejection::Header { field: "state_root" } => (Check::Replay, "state-root", vec![height]),
        Rejection::Proposer { .. } => (Check::Consistency, "unknown-proposer", vec![height]),
        Rejection::TooManyEntries { .. } | Rejection::TooLarge { .. } => {
            (Check::Format, rejection.code(), vec![height])
        }
        _ => return,
    };
    tally.fail(check, Failure { code, scope, message: rejection.to_string() });
}

/// The check that a refused entry fails.
fn check_of(refusal: &Refusal) -> Check {
    match refusal {
        Refusal::Envelope { .. } | Refusal::Statement { .. } | Refusal::EvidenceMalformed { .. } => Check::Format,
        Refusal::UnknownKey { .. }
        | Refusal::KeyOfAnother { .. }
        | Refusal::KeyNotActive { .. }
        | Refusal::RevokedKey { .. }
        | Refusal::BadSignature { .. }
        | Refusal::NotAMember { .. }
        | Refusal::EvidenceInvalid { .. } => Check::Signatures,
        _ => Check::Replay,
    }
}

/// What a checkpoint frame came to.
#[derive(Default)]
pub(super) struct Cosigned {
    /// Signatures that were looked at.
    pub(super) signatures: u64,
    /// The log's size, where the trust file's policy is satisfied and the head is that of the block before.
    pub(super) size: Option<u64>,
}

/// A checkpoint frame: every signature line known, sorted and valid, the policy satisfied, and the head that of the block
/// before.
pub(super) fn checkpoint(bytes: &[u8], tip: &Header, trust: &Trust, tally: &mut Tally) -> Cosigned {
    let scope = vec![format!("height {}", tip.height), "checkpoint".to_owned()];
    let mut fail = |check, code, message: String| tally.fail(check, Failure { code, scope: scope.clone(), message });
    let note = match Note::parse(bytes) {
        Ok(note) => note,
        Err(error) => {
            fail(Check::Format, "malformed-checkpoint", error.to_string());
            return Cosigned::default();
        }
    };
    let logs = trust.policy.logs().iter().map(|log| &log.key);
    let keys: Vec<_> = logs.chain(trust.policy.witnesses().iter().map(|witness| &witness.key)).collect();
    let known = note.signatures().iter().all(|line| keys.iter().any(|key| key.is_named_by(line)));
    if !known || !note.is_sorted() {
        let message = "a signature line is unknown, out of order or repeated".to_owned();
        fail(Check::Format, "loose-checkpoint", message);
    }
    let signatures = note.signatures().len() as u64;
    let verified = match trust.policy.verify(&note) {
        Ok(verified) => verified,
        Err(error) => {
            fail(Check::Quorum, "checkpoint-signatures", error.to_string());
            return Cosigned { signatures, size: None };
        }
    };
    let Checkpoint { size, root, .. } = verified.checkpoint();
    if (*size, *root) != (tip.log_size, tip.log_root) {
        let message =
            format!("a cosigned checkpoint of size {size} is not the head of this block, of size {}", tip.log_size);
        if *size == tip.log_size {
            tally.equivocation(Failure { code: "checkpoint-conflict", scope, message });
        } else {
            fail(Check::Consistency, "checkpoint-elsewhere", message);
        }
        return Cosigned { signatures, size: None };
    }
    Cosigned { signatures, size: Some(*size) }
}

/// Heads that the trust file holds, rising by size, until the bundle has passed them.
pub(super) struct Seen {
    left: Vec<SeenHead>,
}

impl Seen {
    pub(super) fn new(seen: &[SeenHead]) -> Self {
        Seen { left: seen.iter().rev().copied().collect() }
    }

    /// Compares the head after a block with those seen at its size or before. A line of the trust file is signed by
    /// nobody: that it differs accuses no one, and may be a slip of whoever wrote it.
    pub(super) fn block(&mut self, header: &Header, tally: &mut Tally) {
        while let Some(seen) = self.left.pop_if(|seen| seen.size <= header.log_size) {
            let (code, what) = match (seen.size == header.log_size, seen.root == header.log_root) {
                (true, true) => continue,
                (true, false) => ("seen-head-mismatch", "this ledger has another root at that size"),
                (false, _) => ("seen-head-between", "no block of this ledger ends at that size"),
            };
            let message = format!(
                "the trust file's `[[seen]]` head of size {} is not on this ledger: {what}; this is another ledger, or \
                 the line is mistyped",
                seen.size
            );
            tally.fail(Check::Consistency, Failure { code, scope: vec![format!("height {}", header.height)], message });
        }
    }

    /// The largest head seen that the bundle does not reach.
    pub(super) fn beyond(&self) -> Option<&SeenHead> {
        self.left.first()
    }
}
