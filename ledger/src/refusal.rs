//! Every way an entry can be refused, named.
//!
//! [`Refusal::code`] is stable: it is the `code` of the API's problem details, the name on the command line, and the name
//! in tests and documentation. [`Refusal::hint`] says what a person can do.

use standstill_attestations::{Kind, StatementError};
use standstill_hardware::HardwareError;
use standstill_protocol::codec::CodecError;
use standstill_protocol::dsse::{EnvelopeError, StatementId};
use standstill_protocol::evidence::EvidenceError;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::{Flop, Timestamp};
use standstill_protocol::validators::Address;

use crate::state::StateFault;

/// Why an entry cannot be part of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are no canonical envelope.
    #[error("{source}")]
    Envelope {
        /// What is wrong with them.
        source: EnvelopeError,
    },
    /// The payload is no statement, or one that contradicts itself.
    #[error("{source}")]
    Statement {
        /// What is wrong with it.
        source: StatementError,
    },
    /// A kind of statement that these rules do not know.
    #[error("statements of the kind `{kind}` are not taken on this ledger")]
    UnsupportedKind {
        /// The kind.
        kind: Kind,
    },
    /// Made for another ledger.
    #[error("the statement is meant for the ledger {found}, this one is {expected}")]
    WrongChain {
        /// The chain id in the statement.
        found: Hash,
        /// The chain id of this ledger.
        expected: Hash,
    },
    /// The treaty names no such member.
    #[error("`{member}` is not a member of the treaty")]
    NotAMember {
        /// The name in the statement.
        member: MemberId,
    },
    /// The member's roles do not allow the statement.
    #[error("`{member}` is no {needed}, and only a {needed} can make a `{kind}` statement")]
    WrongRole {
        /// Who signed.
        member: MemberId,
        /// What was said.
        kind: Kind,
        /// The roles that can say it.
        needed: &'static str,
    },
    /// A key that was never registered.
    #[error("no member has a key {key_id}")]
    UnknownKey {
        /// The key's id.
        key_id: Hash,
    },
    /// The key is another member's.
    #[error("the key {key_id} belongs to `{owner}`, the statement is by `{member}`")]
    KeyOfAnother {
        /// The key's id.
        key_id: Hash,
        /// Whose it is.
        owner: MemberId,
        /// Who the statement says made it.
        member: MemberId,
    },
    /// The key is registered, and becomes active later.
    #[error("the key {key_id} is active from height {active_from}")]
    KeyNotActive {
        /// The key's id.
        key_id: Hash,
        /// Its first height.
        active_from: u64,
    },
    /// The key was revoked.
    #[error("the key {key_id} was revoked at height {height}")]
    RevokedKey {
        /// The key's id.
        key_id: Hash,
        /// When.
        height: u64,
    },
    /// A signature does not verify.
    #[error("the signature by the key {key_id} is not valid")]
    BadSignature {
        /// The key that it names.
        key_id: Hash,
    },
    /// The statement is in the ledger already.
    #[error("the statement {id} is in the ledger already, at index {index}")]
    Duplicate {
        /// Its id.
        id: StatementId,
        /// Where it stands in the log.
        index: u64,
    },
    /// The member already used this sequence number for another statement.
    #[error("sequence {sequence} of `{member}` is used, the next is {next}")]
    SequenceUsed {
        /// Who.
        member: MemberId,
        /// The number in the statement.
        sequence: u64,
        /// The number to use.
        next: u64,
    },
    /// The member's earlier statements are missing.
    #[error("sequence {sequence} of `{member}` comes too early, the next is {next}")]
    SequenceGap {
        /// Who.
        member: MemberId,
        /// The number in the statement.
        sequence: u64,
        /// The number to use.
        next: u64,
    },
    /// Issued after the time of the block, clock skew allowed for.
    #[error("issued at {issued_at}, later than {limit}, the latest time that the clocks allow")]
    FutureDated {
        /// What the statement says.
        issued_at: Timestamp,
        /// Block time plus skew.
        limit: Timestamp,
    },
    /// Reports compute that is still to come.
    #[error("the window ends at {end}, later than {limit}, the latest time that the clocks allow")]
    FutureWindow {
        /// The window's end.
        end: Timestamp,
        /// Block time plus skew.
        limit: Timestamp,
    },
    /// The treaty has no such period.
    #[error("the treaty has no reporting period {period}")]
    UnknownPeriod {
        /// Its index.
        period: u32,
    },
    /// The period has not begun.
    #[error("reporting period {period} begins at {start}")]
    FuturePeriod {
        /// Its index.
        period: u32,
        /// When it begins.
        start: Timestamp,
    },
    /// The window is not part of the period that it is reported for, clock skew allowed for.
    #[error("the window {start} to {end} does not lie inside reporting period {period}")]
    WindowOutsidePeriod {
        /// The period's index.
        period: u32,
        /// The window's start.
        start: Timestamp,
        /// The window's end.
        end: Timestamp,
    },
    /// The period was over long ago: its verdicts rest on what was reported in time.
    #[error("reporting period {period} is too old to report on, the oldest that can be is {oldest}")]
    PeriodTooOld {
        /// Its index.
        period: u32,
        /// The oldest period that can still be reported on.
        oldest: u32,
    },
    /// Counted by a rule that the treaty does not accept.
    #[error("the treaty does not count by `{rule}`")]
    CountingRule {
        /// The rule that the report cites.
        rule: &'static str,
    },
    /// A lab named too many sites.
    #[error("`{member}` has {limit} sites already, `{site}` would be one more")]
    TooManySites {
        /// The lab.
        member: MemberId,
        /// The new site.
        site: Name,
        /// How many it may have.
        limit: u32,
    },
    /// A lab named too many runs.
    #[error("`{member}` has named {limit} new runs {scope} already, `{run}` would be one more")]
    TooManyRuns {
        /// The lab.
        member: MemberId,
        /// The new run.
        run: Name,
        /// How many it may have.
        limit: u32,
        /// In what: the period or the ledger.
        scope: &'static str,
    },
    /// An interval wider than the treaty's tolerance allows.
    #[error("the {figure} interval is {width} FLOP wide, the treaty's tolerance of {tolerance_ppm} ppm allows {limit}")]
    ClaimTooWide {
        /// Which interval.
        figure: &'static str,
        /// Upper bound less lower bound.
        width: Flop,
        /// The widest that is taken.
        limit: Flop,
        /// The treaty's tolerance.
        tolerance_ppm: u64,
    },
    /// The run's sum does not follow from its last sum and the increment.
    #[error(
        "run `{run}`: cumulative {lower} to {upper} FLOP does not follow from {known_lower} to {known_upper} FLOP before \
         and the increment of {incremental_lower} to {incremental_upper} FLOP"
    )]
    UnexplainedGrowth {
        /// The run.
        run: Name,
        /// Cumulative reported now, at least.
        lower: Flop,
        /// Cumulative reported now, at most.
        upper: Flop,
        /// Cumulative reported before, at least.
        known_lower: Flop,
        /// Cumulative reported before, at most.
        known_upper: Flop,
        /// The increment, at least.
        incremental_lower: Flop,
        /// The increment, at most.
        incremental_upper: Flop,
    },
    /// The run's sum shrank, or an earlier period's sum exceeds a later one's.
    #[error(
        "run `{run}`: cumulative {found} FLOP for period {period} contradicts {known} FLOP reported for period {known_period}"
    )]
    CumulativeContradiction {
        /// The run.
        run: Name,
        /// The period reported now.
        period: u32,
        /// The bound reported now.
        found: Flop,
        /// The period reported before.
        known_period: u32,
        /// The bound reported before.
        known: Flop,
    },
    /// A report on a run that an earlier report declared finished.
    #[error("run `{run}` was reported finished in period {period}")]
    RunFinished {
        /// The run.
        run: Name,
        /// The period of its final report.
        period: u32,
    },
    /// Named, and not on this ledger as a statement that can be corrected or observed.
    #[error("this ledger has no statement {id} that can be spoken of")]
    UnknownStatement {
        /// The id.
        id: StatementId,
    },
    /// A correction of another member's statement.
    #[error("the statement {id} is by `{owner}`, and only `{owner}` can correct it")]
    CorrectsAnother {
        /// The id.
        id: StatementId,
        /// Whose it is.
        owner: MemberId,
    },
    /// A statement that is said to be of another kind than it is.
    #[error("the statement {id} is a `{expected}`, not a `{found}`")]
    OtherKind {
        /// The id.
        id: StatementId,
        /// As what it is named.
        found: Kind,
        /// What it is.
        expected: Kind,
    },
    /// A statement that is said to be another member's than it is.
    #[error("the statement {id} is by `{expected}`, not by `{found}`")]
    OtherMember {
        /// The id.
        id: StatementId,
        /// As whose it is named.
        found: MemberId,
        /// Whose it is.
        expected: MemberId,
    },
    /// A statement that another one supersedes already.
    #[error("the statement {id} is superseded by {by}")]
    CorrectedAlready {
        /// The id.
        id: StatementId,
        /// What supersedes it.
        by: StatementId,
    },
    /// One correction after the other.
    #[error("the statement {id} is the last of {limit} corrections, the most that one statement can have")]
    TooManyCorrections {
        /// The id.
        id: StatementId,
        /// How many.
        limit: u32,
    },
    /// A correction that is about something else than what it corrects.
    #[error("the correction is about another {what} than the statement that it corrects")]
    CorrectionElsewhere {
        /// What differs.
        what: &'static str,
    },
    /// A kind that is followed by another statement, and not corrected.
    #[error("a `{kind}` statement is followed by another one, never corrected")]
    FollowedNotCorrected {
        /// The kind.
        kind: Kind,
    },
    /// A member that speaks of its own statement.
    #[error("`{member}` cannot countersign or inspect its own statement {id}")]
    OwnStatement {
        /// Who.
        member: MemberId,
        /// The statement.
        id: StatementId,
    },
    /// The member spoke of the statement already, in the same manner.
    #[error("`{member}` has spoken of the statement {id} already, at index {index}")]
    SpokenAlready {
        /// Who.
        member: MemberId,
        /// The statement.
        id: StatementId,
        /// Where.
        index: u64,
    },
    /// Many have spoken of the statement.
    #[error("{limit} members have spoken of the statement {id}, the most that can")]
    TooManyOpinions {
        /// The statement.
        id: StatementId,
        /// How many.
        limit: usize,
    },
    /// A countersignature with other subjects than its statement.
    #[error("the countersignature has other subjects than the statement {id}")]
    OtherSubjects {
        /// The statement.
        id: StatementId,
    },
    /// Chips that the treaty's table does not have.
    #[error("the treaty's chip table has no accelerator `{accelerator}`")]
    UnknownAccelerator {
        /// Its id in the statement.
        accelerator: Name,
    },
    /// A plan that does not take the place of the plan in force.
    #[error(
        "the plan of run `{run}` takes the place of {}, where {} is in force",
        or_none(.found), or_none(.known)
    )]
    OtherPlan {
        /// The run.
        run: Name,
        /// What the plan amends or corrects.
        found: Option<StatementId>,
        /// The plan in force.
        known: Option<StatementId>,
    },
    /// A log's first checkpoint on this ledger that claims an earlier one.
    #[error("the log `{log}` has no checkpoint on this ledger yet, so none of size {size} can be its last")]
    LogNotStarted {
        /// The log.
        log: Name,
        /// Size of what is said to be its last checkpoint.
        size: u64,
    },
    /// A checkpoint that does not continue the last one. Two such heads are proof that the log was rewritten.
    #[error("the checkpoint does not continue the last one of the log `{log}`, of size {size} with the root {root}")]
    LogForked {
        /// The log.
        log: Name,
        /// Size of its last checkpoint.
        size: u64,
        /// Root of its last checkpoint.
        root: Hash,
    },
    /// A log that lost leaves.
    #[error("the log `{log}` has {size} leaves, and had {known}")]
    LogShrank {
        /// The log.
        log: Name,
        /// Leaves now.
        size: u64,
        /// Leaves at the last checkpoint.
        known: u64,
    },
    /// A log that is another one under the same name.
    #[error("the log `{log}` has another `{field}` than in its first checkpoint")]
    LogChanged {
        /// The log.
        log: Name,
        /// What differs.
        field: &'static str,
    },
    /// A member keeps too many logs.
    #[error("`{member}` keeps {limit} logs already, `{log}` would be one more")]
    TooManyLogs {
        /// Who.
        member: MemberId,
        /// The new log.
        log: Name,
        /// How many it may keep.
        limit: u32,
    },
    /// A chip's report that answers no head of this log, or one that is too old.
    #[error("none of the newest heads of this log has size {size} and root {root}")]
    UnknownHead {
        /// The size in the statement.
        size: u64,
        /// The root in the statement.
        root: Hash,
    },
    /// A chip's report that is older than what it answers.
    #[error("collected at {collected}, before {head}, the time of the head that it answers")]
    CollectedBeforeHead {
        /// When, as the statement says.
        collected: Timestamp,
        /// The head's time.
        head: Timestamp,
    },
    /// A chip's report that does not verify.
    #[error("the device's report does not hold: {source}")]
    Device {
        /// Why.
        source: HardwareError,
    },
    /// A chip's report by another chip than the statement says.
    #[error("the device's tag is {expected}, the statement says {found}")]
    OtherChip {
        /// The tag in the statement.
        found: Hash,
        /// The tag of the chip that signed.
        expected: Hash,
    },
    /// The member's share of the block for chips' reports is used up.
    #[error("more than {limit} device reports of `{member}` in one block")]
    DeviceQuota {
        /// Who.
        member: MemberId,
        /// Reports allowed.
        limit: usize,
    },
    /// A sum over the lab's reports no longer fits.
    #[error("the sum of reported FLOP of `{member}` overflows")]
    Overflow {
        /// The lab.
        member: MemberId,
    },
    /// The treaty names no such phase.
    #[error("the treaty has no phase `{phase}`")]
    UnknownPhase {
        /// The name in the vote.
        phase: Name,
    },
    /// The phase voted for is the one in force.
    #[error("phase `{phase}` is in force already")]
    PhaseInForce {
        /// The phase.
        phase: Name,
    },
    /// The member voted so already, and nothing has changed since.
    #[error("`{member}` has voted so on phase `{phase}` already, at index {index}")]
    VoteUnchanged {
        /// Who votes.
        member: MemberId,
        /// On what.
        phase: Name,
        /// The log index of the vote that stands.
        index: u64,
    },
    /// The vote of a member that does not adjudicate.
    #[error("`{member}` is not an adjudicator of phase `{phase}`")]
    NotAnAdjudicator {
        /// Who voted.
        member: MemberId,
        /// On what.
        phase: Name,
    },
    /// The key to be registered was registered before.
    #[error("the key {key_id} is registered to `{owner}` already")]
    KeyRegistered {
        /// Its id.
        key_id: Hash,
        /// Whose it is.
        owner: MemberId,
    },
    /// The registration does not show that its member holds the key.
    #[error("the proof in the registration is not by the key {key_id}, for `{member}` on this ledger")]
    KeyNotProved {
        /// The key's id.
        key_id: Hash,
        /// Who would register it.
        member: MemberId,
    },
    /// Keys of this role are changed by amending the treaty.
    #[error("keys with the role `{role}` cannot be registered by a statement")]
    UnsupportedKeyRole {
        /// The role.
        role: &'static str,
    },
    /// The member has too many keys.
    #[error("`{member}` has registered {limit} keys, the most that one member can have")]
    TooManyKeys {
        /// Who.
        member: MemberId,
        /// How many.
        limit: u32,
    },
    /// The key to be revoked is not the member's.
    #[error("`{member}` has no key {key_id} to revoke")]
    KeyNotHeld {
        /// Who.
        member: MemberId,
        /// The key's id.
        key_id: Hash,
    },
    /// Revoking this key would leave the member without one.
    #[error("the key {key_id} is the last active key of `{member}`")]
    LastKey {
        /// Who.
        member: MemberId,
        /// The key's id.
        key_id: Hash,
    },
    /// The bytes are no evidence.
    #[error("the evidence does not decode: {source}")]
    EvidenceMalformed {
        /// What is wrong with them.
        source: CodecError,
    },
    /// The evidence proves nothing.
    #[error("{source}")]
    EvidenceInvalid {
        /// Why.
        source: EvidenceError,
    },
    /// The evidence is about a height that this ledger has not reached.
    #[error("the evidence is about height {height}, this ledger is at {current}")]
    EvidenceFuture {
        /// Of the evidence.
        height: u64,
        /// Of this block.
        current: u64,
    },
    /// This contradiction is recorded already.
    #[error("evidence against {validator} at height {height}, round {round} is in the ledger already")]
    EvidenceDuplicate {
        /// Whom it accuses.
        validator: Address,
        /// Of the evidence.
        height: u64,
        /// Of the evidence.
        round: u32,
    },
    /// The member's share of the block is used up.
    #[error("the entries of `{member}` have {bytes} bytes in this block, more than its share of {limit}")]
    MemberQuota {
        /// Who.
        member: MemberId,
        /// Bytes, this entry included.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The block names as many periods of this lab as one block may: each is a run of every clause.
    #[error("the entries of `{member}` in this block are about {limit} reporting periods already")]
    BlockBudget {
        /// The lab.
        member: MemberId,
        /// Periods allowed.
        limit: usize,
    },
    /// The share of one validator of the block's evidence is used up.
    #[error("more than {limit} entries of evidence against {validator} in one block")]
    EvidenceShare {
        /// Whom it accuses.
        validator: Address,
        /// Entries allowed.
        limit: usize,
    },
    /// More proofs against the validator would say nothing new.
    #[error("{limit} proofs against {validator} are in the ledger already")]
    EvidenceEnough {
        /// Whom it accuses.
        validator: Address,
        /// Proofs that the ledger keeps.
        limit: u64,
    },
    /// The block's share for evidence is used up.
    #[error("more than {limit} entries of evidence in one block")]
    EvidenceQuota {
        /// Entries allowed.
        limit: usize,
    },
}

impl Refusal {
    /// The stable name, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Envelope { source } => envelope_code(source),
            Refusal::Statement { source } => source.code(),
            Refusal::UnsupportedKind { .. } => "unsupported-kind",
            Refusal::WrongChain { .. } => "wrong-chain",
            Refusal::NotAMember { .. } => "not-a-member",
            Refusal::WrongRole { .. } => "wrong-role",
            Refusal::UnknownKey { .. } => "unknown-key",
            Refusal::KeyOfAnother { .. } => "key-of-another-member",
            Refusal::KeyNotActive { .. } => "key-not-active",
            Refusal::RevokedKey { .. } => "revoked-key",
            Refusal::BadSignature { .. } => "bad-signature",
            Refusal::Duplicate { .. } => "duplicate",
            Refusal::SequenceUsed { .. } => "sequence-used",
            Refusal::SequenceGap { .. } => "sequence-gap",
            Refusal::FutureDated { .. } => "future-dated",
            Refusal::FutureWindow { .. } => "future-window",
            Refusal::UnknownStatement { .. } => "unknown-statement",
            Refusal::CorrectsAnother { .. } => "corrects-another-member",
            Refusal::OtherKind { .. } => "statement-of-another-kind",
            Refusal::OtherMember { .. } => "statement-of-another-member",
            Refusal::CorrectedAlready { .. } => "corrected-already",
            Refusal::TooManyCorrections { .. } => "too-many-corrections",
            Refusal::CorrectionElsewhere { .. } => "correction-elsewhere",
            Refusal::FollowedNotCorrected { .. } => "followed-not-corrected",
            Refusal::OwnStatement { .. } => "own-statement",
            Refusal::SpokenAlready { .. } => "spoken-already",
            Refusal::TooManyOpinions { .. } => "too-many-opinions",
            Refusal::OtherSubjects { .. } => "other-subjects",
            Refusal::UnknownAccelerator { .. } => "unknown-accelerator",
            Refusal::OtherPlan { .. } => "other-plan",
            Refusal::LogNotStarted { .. } => "log-not-started",
            Refusal::LogForked { .. } => "log-forked",
            Refusal::LogShrank { .. } => "log-shrank",
            Refusal::LogChanged { .. } => "log-changed",
            Refusal::TooManyLogs { .. } => "too-many-logs",
            Refusal::UnknownHead { .. } => "unknown-head",
            Refusal::CollectedBeforeHead { .. } => "collected-before-head",
            Refusal::Device { source } => device_code(source),
            Refusal::OtherChip { .. } => "other-chip",
            Refusal::DeviceQuota { .. } => "device-quota",
            Refusal::UnknownPeriod { .. } => "unknown-period",
            Refusal::FuturePeriod { .. } => "future-period",
            Refusal::WindowOutsidePeriod { .. } => "window-outside-period",
            Refusal::PeriodTooOld { .. } => "period-too-old",
            Refusal::CountingRule { .. } => "counting-rule",
            Refusal::TooManySites { .. } => "too-many-sites",
            Refusal::TooManyRuns { .. } => "too-many-runs",
            Refusal::ClaimTooWide { .. } => "claim-too-wide",
            Refusal::UnexplainedGrowth { .. } => "unexplained-growth",
            Refusal::CumulativeContradiction { .. } => "cumulative-contradiction",
            Refusal::RunFinished { .. } => "run-finished",
            Refusal::Overflow { .. } => "sum-overflow",
            Refusal::UnknownPhase { .. } => "unknown-phase",
            Refusal::PhaseInForce { .. } => "phase-in-force",
            Refusal::VoteUnchanged { .. } => "vote-unchanged",
            Refusal::NotAnAdjudicator { .. } => "not-an-adjudicator",
            Refusal::KeyRegistered { .. } => "key-registered",
            Refusal::KeyNotProved { .. } => "key-not-proved",
            Refusal::UnsupportedKeyRole { .. } => "unsupported-key-role",
            Refusal::TooManyKeys { .. } => "too-many-keys",
            Refusal::KeyNotHeld { .. } => "key-not-held",
            Refusal::LastKey { .. } => "last-key",
            Refusal::EvidenceMalformed { .. } => "evidence-malformed",
            Refusal::EvidenceInvalid { .. } => "evidence-invalid",
            Refusal::EvidenceFuture { .. } => "evidence-future",
            Refusal::EvidenceDuplicate { .. } => "evidence-duplicate",
            Refusal::MemberQuota { .. } => "member-quota",
            Refusal::BlockBudget { .. } => "block-budget",
            Refusal::EvidenceShare { .. } => "evidence-share",
            Refusal::EvidenceEnough { .. } => "evidence-enough",
            Refusal::EvidenceQuota { .. } => "evidence-quota",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Refusal::Envelope { source: EnvelopeError::Oversized { .. } } => {
                "shorten the statement: keep bulky evidence in files and name their digests"
            }
            Refusal::Envelope { .. } => {
                "write the envelope with `standstill attest sign`, and send its bytes unchanged"
            }
            Refusal::Statement { source } => source.hint(),
            Refusal::UnsupportedKind { .. } => "use a kind that `standstill attest new --help` lists",
            Refusal::WrongChain { .. } => "sign the statement again for this treaty's chain id",
            Refusal::NotAMember { .. } | Refusal::WrongRole { .. } => {
                "see who the treaty's members are, and their roles"
            }
            Refusal::UnknownKey { .. } => {
                "sign with a key of the treaty, or register this one with an active key first"
            }
            Refusal::KeyOfAnother { .. } => "sign with a key of the member that the statement names",
            Refusal::KeyNotActive { .. } => "wait for the next block, or sign with an older key",
            Refusal::RevokedKey { .. } => "sign again with an active key",
            Refusal::BadSignature { .. } => {
                "sign again: the bytes changed after they were signed, or another key signed"
            }
            Refusal::Duplicate { .. } => "nothing to do: the statement is recorded, ask for its receipt",
            Refusal::SequenceUsed { .. } => "sign again with the member's next sequence number",
            Refusal::SequenceGap { .. } => "submit the earlier statements first",
            Refusal::FutureDated { .. } | Refusal::FutureWindow { .. } => "check this machine's clock",
            Refusal::UnknownPeriod { .. } | Refusal::FuturePeriod { .. } => {
                "see the treaty's reporting periods with `standstill attest due`"
            }
            Refusal::WindowOutsidePeriod { .. } => {
                "split the report: one for each reporting period that the work fell into"
            }
            Refusal::PeriodTooOld { .. } => {
                "report newer periods; a run's cumulative sum still covers what it did in the old one"
            }
            Refusal::ClaimTooWide { .. } => {
                "narrow the interval to the treaty's `counting.tolerance_ppm`, or measure better"
            }
            Refusal::UnexplainedGrowth { .. } => {
                "report the increments since the run's last report, in order; more work belongs into `incremental`"
            }
            Refusal::VoteUnchanged { .. } => "nothing to do: the vote counts until the phase changes",
            Refusal::CountingRule { .. } => "count again by a rule that the treaty names",
            Refusal::TooManySites { .. } | Refusal::TooManyRuns { .. } => "report under a name that is known already",
            Refusal::CumulativeContradiction { .. } => {
                "report the run's sum so far, which never falls; use a new run for new weights"
            }
            Refusal::RunFinished { .. } => "report further training of these weights as a new run",
            Refusal::UnknownStatement { .. } => "check the id, and that the statement is final on this ledger",
            Refusal::CorrectsAnother { .. } => "countersign it instead, with what you observed",
            Refusal::OtherKind { .. } | Refusal::OtherMember { .. } | Refusal::OtherSubjects { .. } => {
                "take member, kind and subjects from the statement itself, as `attest countersign` does"
            }
            Refusal::CorrectedAlready { .. } => "speak of the statement that supersedes it",
            Refusal::TooManyCorrections { .. } => "the figures stand; say more in another statement",
            Refusal::CorrectionElsewhere { .. } => {
                "correct that statement to nothing, and make a new one for what is meant"
            }
            Refusal::FollowedNotCorrected { .. } => "make the next statement of this kind",
            Refusal::OwnStatement { .. } => "ask another member to sign: `standstill attest request`",
            Refusal::SpokenAlready { .. } => "correct what you said before, with `corrects`",
            Refusal::TooManyOpinions { .. } => "nothing to do: enough members have spoken",
            Refusal::UnknownAccelerator { .. } => "use an id of the chip table that the treaty pins",
            Refusal::OtherPlan { .. } => "name the plan in force in `amends`; a run's first plan has none",
            Refusal::LogNotStarted { .. } => "leave `previous` and `proof` empty in a log's first checkpoint",
            Refusal::LogForked { .. } | Refusal::LogShrank { .. } | Refusal::LogChanged { .. } => {
                "prove the log from its last checkpoint on this ledger; a log that was lost goes on under a new name"
            }
            Refusal::TooManyLogs { .. } => "use a log that is known already",
            Refusal::UnknownHead { .. } => "ask the device again, with a nonce from a head of the newest blocks",
            Refusal::CollectedBeforeHead { .. } => "check the clock of the machine that asked the device",
            Refusal::Device { .. } | Refusal::OtherChip { .. } => {
                "collect the report and its certificates again, with the nonce for this ledger, head and subject"
            }
            Refusal::Overflow { .. } => "check the unit: figures are single operations",
            Refusal::UnknownPhase { .. } | Refusal::PhaseInForce { .. } => {
                "see the treaty's phases with `standstill status`"
            }
            Refusal::NotAnAdjudicator { .. } => "the treaty names who adjudicates",
            Refusal::KeyRegistered { .. } => "register a key that no member has used",
            Refusal::KeyNotProved { .. } => "draft the statement again with the new key's own file",
            Refusal::UnsupportedKeyRole { .. } => "amend the treaty to change keys of this role",
            Refusal::TooManyKeys { .. } => "keep to the keys that are registered",
            Refusal::KeyNotHeld { .. } => "name an active key of your own",
            Refusal::LastKey { .. } => "register another key first",
            Refusal::EvidenceMalformed { .. } | Refusal::EvidenceInvalid { .. } | Refusal::EvidenceFuture { .. } => {
                "nothing to do: the evidence proves nothing here"
            }
            Refusal::EvidenceDuplicate { .. } | Refusal::EvidenceEnough { .. } => "nothing to do: it is recorded",
            Refusal::MemberQuota { .. }
            | Refusal::BlockBudget { .. }
            | Refusal::DeviceQuota { .. }
            | Refusal::EvidenceShare { .. }
            | Refusal::EvidenceQuota { .. } => "nothing to do: it waits for a later block",
        }
    }
}

fn or_none(id: &Option<StatementId>) -> String {
    id.map_or_else(|| "none".to_owned(), |id| id.to_string())
}

fn device_code(error: &HardwareError) -> &'static str {
    match error {
        HardwareError::NonceDiffers { .. } => "device-nonce",
        HardwareError::ReportSignature { .. } => "device-signature",
        HardwareError::UnknownRoot { .. } => "device-unknown-root",
        HardwareError::Certificate { .. } => "device-certificate",
        HardwareError::Debuggable => "device-debuggable",
        _ => "device-malformed",
    }
}

fn envelope_code(error: &EnvelopeError) -> &'static str {
    match error {
        EnvelopeError::Oversized { .. } => "envelope-oversized",
        EnvelopeError::Malformed { .. } => "envelope-malformed",
        EnvelopeError::PayloadType { .. } => "envelope-payload-type",
        EnvelopeError::SignatureCount { .. } => "envelope-signature-count",
        EnvelopeError::NotCanonical => "envelope-not-canonical",
    }
}

impl From<EnvelopeError> for Refusal {
    fn from(source: EnvelopeError) -> Self {
        Refusal::Envelope { source }
    }
}

impl From<StatementError> for Refusal {
    fn from(source: StatementError) -> Self {
        Refusal::Statement { source }
    }
}

/// An entry was refused, or the state could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// The entry is bad.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// This node failed; the entry may be good.
    #[error("{0}")]
    Fault(#[from] StateFault),
}
