//! What goes into [`apply`](crate::apply()) and what comes out: a proposal, and the block with its consequences or a
//! rejection.

use standstill_attestations::Kind;
use standstill_policies::{Grade, Outcome, Verdict};
use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::certificate::{Certificate, CertificateError};
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::Address;

use crate::refusal::Refusal;
use crate::schema::VerdictRecord;
use crate::state::{StateChanges, StateFault};

/// A block before it is executed: what its proposer chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The height of the tip plus one.
    pub height: u64,
    /// Later than the previous block's.
    pub time: Timestamp,
    /// Who builds the block.
    pub proposer: Address,
    /// The header of the tip; `None` at height 1.
    pub previous: Option<Header>,
    /// The certificate of the tip; `None` at height 1.
    pub previous_certificate: Option<Certificate>,
    /// In the order in which they apply.
    pub entries: Vec<Entry>,
}

/// An executed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// With its complete header.
    pub block: Block,
    /// To be written together with the block.
    pub changes: StateChanges,
    /// The log's size before this block: the index of the first of [`Applied::leaves`].
    pub first_leaf: u64,
    /// Hashes of the leaves that the log gains. In a block with entries above height 1 the first is the leaf of the
    /// previous header; one for each entry follows.
    pub leaves: Vec<Hash>,
    /// What was recorded: one for each entry, in order.
    pub entries: Vec<Recorded>,
    /// Verdicts that are new or changed, in order of clause, member and period.
    pub verdicts: Vec<VerdictRecord>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// What executing a block gives, without the block itself: [`Applied`] for a caller that has the block already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The complete header.
    pub header: Header,
    /// As in [`Applied::changes`].
    pub changes: StateChanges,
    /// As in [`Applied::first_leaf`].
    pub first_leaf: u64,
    /// As in [`Applied::leaves`].
    pub leaves: Vec<Hash>,
    /// As in [`Applied::entries`].
    pub entries: Vec<Recorded>,
    /// As in [`Applied::verdicts`].
    pub verdicts: Vec<VerdictRecord>,
    /// As in [`Applied::events`].
    pub events: Vec<Event>,
}

impl Executed {
    /// Puts the block together again.
    pub(crate) fn with(self, previous_certificate: Option<Certificate>, entries: Vec<Entry>) -> Applied {
        let Executed { header, changes, first_leaf, leaves, entries: recorded, verdicts, events } = self;
        let block = Block { header, previous_certificate, entries };
        Applied { block, changes, first_leaf, leaves, entries: recorded, verdicts, events }
    }
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its index in the log.
    pub index: u64,
    /// The statement that it holds; `None` for evidence.
    pub statement: Option<(StatementId, MemberId, Kind)>,
}

/// Something that happened in a block. For people and for the API; what counts is in the state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A reporting period began, and with it the obligations of every lab.
    PeriodOpened {
        /// Its index.
        period: u32,
        /// When reports are due.
        due: Timestamp,
    },
    /// Deadlines were moved, because no block was made for longer than the treaty's outage limit.
    DeadlineExtended {
        /// The period whose reports are due later.
        period: u32,
        /// Before.
        from: Timestamp,
        /// Now.
        to: Timestamp,
    },
    /// A claim is better backed than before, or worse where what backed it was corrected.
    GradeChanged {
        /// Whose claim it is.
        member: MemberId,
        /// The statement.
        statement: StatementId,
        /// Before.
        from: Grade,
        /// Now.
        to: Grade,
    },
    /// A statement was superseded by its member's own.
    Corrected {
        /// Whose it is.
        member: MemberId,
        /// What was superseded.
        statement: StatementId,
        /// By what.
        by: StatementId,
    },
    /// Another member observed what does not fit a claim.
    Disagreed {
        /// Whose claim it is.
        member: MemberId,
        /// The statement.
        statement: StatementId,
        /// Who disagrees.
        by: MemberId,
        /// In which entry.
        index: u64,
    },
    /// A report came in time.
    ObligationMet {
        /// Who owed it.
        member: MemberId,
        /// Under which clause.
        clause: Name,
        /// For which period.
        period: u32,
    },
    /// A report came after its deadline.
    ObligationLate {
        /// Who owed it.
        member: MemberId,
        /// Under which clause.
        clause: Name,
        /// For which period.
        period: u32,
        /// When it was due.
        due: Timestamp,
    },
    /// A report is owed no longer: the clause that asked for it left force before the period ended.
    ObligationLapsed {
        /// Who owed it.
        member: MemberId,
        /// Under which clause.
        clause: Name,
        /// For which period.
        period: u32,
    },
    /// The deadline passed and nothing came.
    ObligationMissed {
        /// Who owes it.
        member: MemberId,
        /// Under which clause.
        clause: Name,
        /// For which period.
        period: u32,
        /// When it was due.
        due: Timestamp,
    },
    /// A period's deadline passed, grace included, and its verdicts were assessed.
    PeriodClosed {
        /// Its index.
        period: u32,
    },
    /// A phase came into force.
    PhaseChanged {
        /// Before.
        from: Name,
        /// Now.
        to: Name,
    },
    /// A verdict is new, or another than before.
    VerdictChanged {
        /// Whom it is about.
        member: MemberId,
        /// Under which clause.
        clause: Name,
        /// About which period.
        period: u32,
        /// Before, where there was one.
        from: Option<Verdict>,
        /// Now.
        to: Verdict,
    },
    /// A clause trapped, ran out of gas or returned rubbish; it rests for this member until the treaty changes it.
    ClauseFailed {
        /// The partition.
        member: MemberId,
        /// The clause.
        clause: Name,
        /// How it ended.
        outcome: Outcome,
    },
    /// A member has a new key.
    KeyRegistered {
        /// Who.
        member: MemberId,
        /// The key's id.
        key_id: Hash,
    },
    /// A member's key must not be believed any more.
    KeyRevoked {
        /// Who.
        member: MemberId,
        /// The key's id.
        key_id: Hash,
    },
    /// A validator signed two conflicting messages, and here is the proof.
    Equivocated {
        /// The validator.
        validator: Address,
        /// Whose validator it is.
        member: MemberId,
        /// Height of both messages.
        height: u64,
        /// Round of both messages.
        round: u32,
    },
}

/// Why a block was rejected whole, or could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// This node's store failed. Says nothing about the block.
    #[error("{0}")]
    Fault(#[from] StateFault),
    /// This node's clause host failed. Says nothing about the block.
    #[error("the clause host failed: {reason}")]
    HostFault {
        /// What the host said.
        reason: String,
    },
    /// Made under rules that this program does not know.
    #[error("the block follows version {found} of the rules, this program knows version {known}")]
    Version {
        /// The header's version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Not the next height.
    #[error("the block has height {found}, the next is {expected}")]
    Height {
        /// The block's height.
        found: u64,
        /// The height of the tip plus one.
        expected: u64,
    },
    /// Time stands still or goes back.
    #[error("the block's time {found} is not later than {previous}")]
    Time {
        /// The block's time.
        found: Timestamp,
        /// The tip's time, or that of genesis.
        previous: Timestamp,
    },
    /// So late that deadlines after it could not be said.
    #[error("the block's time {found} is later than {limit}, the last that a block may have")]
    TimeLimit {
        /// The block's time.
        found: Timestamp,
        /// [`MAX_BLOCK_TIME`](crate::MAX_BLOCK_TIME).
        limit: Timestamp,
    },
    /// The previous header is missing, or is not the one that led to this state.
    #[error("the previous header does not fit this state: `{field}` differs")]
    Previous {
        /// The first field that differs.
        field: &'static str,
    },
    /// The proposer does not vote.
    #[error("the proposer {proposer} is not a validator of height {height}")]
    Proposer {
        /// Its address.
        proposer: Address,
        /// The block's height.
        height: u64,
    },
    /// The previous block's certificate is missing, superfluous, or for another block.
    #[error("the certificate of the previous block is {problem}")]
    CertificateMismatch {
        /// What is wrong.
        problem: &'static str,
    },
    /// The previous block's certificate proves nothing.
    #[error("the certificate of the previous block is not valid: {source}")]
    Certificate {
        /// Why.
        source: CertificateError,
    },
    /// Over [`MAX_BLOCK_ENTRIES`](crate::MAX_BLOCK_ENTRIES).
    #[error("{count} entries exceed the limit of {limit}")]
    TooManyEntries {
        /// Entries in the block.
        count: usize,
        /// Entries allowed.
        limit: usize,
    },
    /// The entries alone exceed the size of a block.
    #[error("{bytes} bytes of entries exceed the limit of {limit}")]
    TooLarge {
        /// Bytes of the entries.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// An entry is bad, and the block with it.
    #[error("entry {index} is refused ({}): {refusal}", refusal.code())]
    Entry {
        /// Its position in the block, from 0.
        index: usize,
        /// Why.
        refusal: Refusal,
    },
    /// The header says something else than the execution.
    #[error("the header's `{field}` differs from what executing the block gives")]
    Header {
        /// The first field that differs.
        field: &'static str,
    },
}

impl Rejection {
    /// Whether this node failed, rather than the block.
    pub fn is_fault(&self) -> bool {
        matches!(self, Rejection::Fault(_) | Rejection::HostFault { .. })
    }

    /// The stable name, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::Fault(_) => "state-fault",
            Rejection::HostFault { .. } => "host-fault",
            Rejection::Version { .. } => "unknown-version",
            Rejection::Height { .. } => "wrong-height",
            Rejection::Time { .. } => "time-not-growing",
            Rejection::TimeLimit { .. } => "time-too-late",
            Rejection::Previous { .. } => "wrong-previous-header",
            Rejection::Proposer { .. } => "unknown-proposer",
            Rejection::CertificateMismatch { .. } => "certificate-mismatch",
            Rejection::Certificate { .. } => "certificate-invalid",
            Rejection::TooManyEntries { .. } => "too-many-entries",
            Rejection::TooLarge { .. } => "block-too-large",
            Rejection::Entry { refusal, .. } => refusal.code(),
            Rejection::Header { .. } => "header-mismatch",
        }
    }
}
