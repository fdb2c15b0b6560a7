//! What the API answers: types of its own, so that the protocol can change without it and it without the protocol.
//!
//! Names are snake_case, hashes and keys lower-case hex, times RFC 3339 in UTC, FLOP decimal strings.

use serde::{Deserialize, Serialize};
use standstill_ledger::query::ObligationView;
use standstill_ledger::schema::{ObligationStatus, VerdictRecord};
use standstill_policies::Finding;
use standstill_protocol::block::{Block, Header};
use standstill_protocol::certificate::Certificate;

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// `standstill.status/1`.
    pub schema: String,
    /// The program's version.
    pub version: String,
    /// Whose node this is.
    pub member: String,
    /// The ledger.
    pub chain_id: String,
    /// The treaty's short name.
    pub treaty: String,
    /// Height of the tip; 0 before the first block.
    pub height: u64,
    /// Its time.
    pub time: Option<String>,
    /// Its header's hash.
    pub block: Option<String>,
    /// The state root after it.
    pub state_root: String,
    /// Leaves in the log.
    pub log_size: u64,
    /// The log's root.
    pub log_root: String,
    /// Leaves under the newest cosigned checkpoint.
    pub cosigned_size: u64,
    /// The phase in force.
    pub phase: String,
    /// The reporting period of this moment.
    pub period: Option<u32>,
    /// Statements recorded.
    pub statements: u64,
    /// Entries that wait.
    pub pending: PendingView,
    /// The engine.
    pub consensus: ConsensusView,
    /// The gossip network.
    pub gossip: GossipView,
    /// Whether `/readyz` answers 200.
    pub ready: bool,
}

/// The pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingView {
    /// Entries.
    pub entries: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// The consensus engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsensusView {
    /// The height under way, or next.
    pub height: u64,
    /// Its round.
    pub round: u32,
    /// Whether it waits for work.
    pub idle: bool,
    /// Whether it should move and does not.
    pub stalled: bool,
    /// Connected validators.
    pub peers: usize,
    /// Connected validators that a quorum needs, this one apart.
    pub peers_needed: usize,
    /// Addresses, with `/p2p/…`.
    pub listening: Vec<String>,
    /// Why it stopped, if it did.
    pub stopped: Option<String>,
}

/// The gossip network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GossipView {
    /// Connected members.
    pub peers: usize,
    /// Addresses, with `/p2p/…`.
    pub listening: Vec<String>,
}

/// What became of a submitted entry, and `GET /v1/entries/{id or index}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// `pending` (a crash may lose it) or `final` (nothing loses it).
    pub status: String,
    /// The statement's id; absent for headers and evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `statement`, `header` or `evidence`.
    pub kind: String,
    /// The log index, once final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The block's height, once final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// Where its receipt is, once a quorum cosigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// The leaf's bytes as text, where asked for: a DSSE envelope, or base64 of another leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<String>,
    /// The statement, decoded for reading; what counts is the envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<serde_json::Value>,
}

/// `GET /v1/members/{member}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Its short name.
    pub member: String,
    /// Its name for people.
    pub title: String,
    /// What it does.
    pub roles: Vec<String>,
    /// The sequence number that its next statement needs, pending ones counted.
    pub next_sequence: u64,
    /// Keys that sign its statements.
    pub keys: Vec<KeyView>,
}

/// A key of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// What envelopes name.
    pub id: String,
    /// The public key.
    pub key: String,
    /// The height from which it signs.
    pub active_from: u64,
    /// The height of its revocation.
    pub revoked_at: Option<u64>,
}

/// One verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictView {
    /// The clause.
    pub clause: String,
    /// Whom it is about.
    pub member: String,
    /// The reporting period.
    pub period: u32,
    /// `holds`, `undecided` or `violated`.
    pub verdict: String,
    /// What the clause reported.
    pub findings: Vec<FindingView>,
    /// The block that decided it last.
    pub height: u64,
    /// The phase whose parameters applied.
    pub phase: String,
    /// `ok`, or why the clause failed.
    pub outcome: String,
    /// SHA-256 of the clause's module.
    pub module: String,
    /// Gas used.
    pub gas_used: u64,
}

/// One finding of a clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingView {
    /// The period it is about.
    pub period: u32,
    /// Its verdict.
    pub verdict: String,
    /// The clause's own number for what it found.
    pub code: u32,
    /// Numbers for its text, as decimal strings.
    pub numbers: Vec<String>,
    /// Log indices of the entries that it rests on.
    pub evidence: Vec<u64>,
}

/// One obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationRow {
    /// Who owes it.
    pub member: String,
    /// Under which clause.
    pub clause: String,
    /// For which period.
    pub period: u32,
    /// When it is due.
    pub due: String,
    /// `open`, `met`, `late` or `missed`.
    pub status: String,
    /// The entry that met it.
    pub entry: Option<u64>,
    /// When it was met.
    pub met_at: Option<String>,
}

/// A list with room to grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The schema of the rows.
    pub schema: String,
    /// The state that it was read from.
    pub height: u64,
    /// The rows.
    pub rows: Vec<T>,
}

/// `GET /v1/blocks/{height}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockView {
    /// The header's hash.
    pub hash: String,
    /// Its height.
    pub height: u64,
    /// Its time.
    pub time: String,
    /// The proposer's address.
    pub proposer: String,
    /// Hash of the header before it.
    pub previous: String,
    /// How many entries.
    pub entry_count: u32,
    /// Leaves in the log after it.
    pub log_size: u64,
    /// The log's root after it.
    pub log_root: String,
    /// The state root after it.
    pub state_root: String,
    /// Log indices of its entries.
    pub entries: Vec<u64>,
    /// Who signed its certificate, by address.
    pub signers: Vec<String>,
    /// The round in which the quorum formed.
    pub round: u32,
}

impl BlockView {
    pub(super) fn new(block: &Block, certificate: &Certificate) -> Self {
        let Header { height, time, proposer, previous, entry_count, log_size, log_root, state_root, .. } =
            &block.header;
        let first = log_size.saturating_sub(u64::from(*entry_count));
        BlockView {
            hash: block.hash().to_string(),
            height: *height,
            time: time.to_string(),
            proposer: proposer.to_string(),
            previous: previous.to_string(),
            entry_count: *entry_count,
            log_size: *log_size,
            log_root: log_root.to_string(),
            state_root: state_root.to_string(),
            entries: (first..*log_size).collect(),
            signers: certificate.signatures.iter().map(|signature| signature.address.to_string()).collect(),
            round: certificate.round,
        }
    }
}

impl From<&VerdictRecord> for VerdictView {
    fn from(record: &VerdictRecord) -> Self {
        VerdictView {
            clause: record.clause.to_string(),
            member: record.member.to_string(),
            period: record.period,
            verdict: record.verdict.to_string(),
            findings: record.findings.iter().map(FindingView::from).collect(),
            height: record.height,
            phase: record.pins.phase.to_string(),
            outcome: record.pins.outcome.as_str().to_owned(),
            module: record.pins.module.to_string(),
            gas_used: record.pins.gas_used,
        }
    }
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        FindingView {
            period: finding.period,
            verdict: finding.verdict.to_string(),
            code: finding.code,
            numbers: finding.numbers.iter().map(u128::to_string).collect(),
            evidence: finding.evidence.clone(),
        }
    }
}

impl From<&ObligationView> for ObligationRow {
    fn from(view: &ObligationView) -> Self {
        let status = match view.record.status {
            ObligationStatus::Open => "open",
            ObligationStatus::Met => "met",
            ObligationStatus::Missed => "missed",
            ObligationStatus::Late => "late",
            ObligationStatus::Lapsed => "lapsed",
        };
        ObligationRow {
            member: view.member.to_string(),
            clause: view.clause.to_string(),
            period: view.period,
            due: view.due.to_string(),
            status: status.to_owned(),
            entry: view.record.entry,
            met_at: view.record.met_at.map(|time| time.to_string()),
        }
    }
}
