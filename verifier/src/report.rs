//! The answer to "is this ledger sound, and was the treaty kept?": what was checked, what failed, who did what.
//!
//! Plain data: [`crate::screen`] and [`crate::json`] render it, and nothing here can change the [`Verdict`] in it.

use standstill_policies::Verdict as ClauseVerdict;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Timestamp;

use crate::checks::Results;
use crate::exit::Verdict;

/// What to look at and how to count.
#[derive(Clone, Debug)]
pub struct Options {
    /// Judge as of this time; the last head's time where absent.
    pub as_of: Option<Timestamp>,
    /// Only this member's verdicts.
    pub lab: Option<MemberId>,
    /// Only this clause's verdicts.
    pub clause: Option<Name>,
    /// Failures kept for each check; the count is exact all the same.
    pub max_failures: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { as_of: None, lab: None, clause: None, max_failures: 100 }
    }
}

/// What the file is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleFacts {
    /// SHA-256 of the bytes read.
    pub sha256: Hash,
    /// Bytes read.
    pub bytes: u64,
    /// Frames read.
    pub frames: u64,
    /// Entries in all blocks.
    pub records: u64,
    /// Height of the first block; 0 if there is none.
    pub first_height: u64,
    /// Height of the last block; 0 if there is none.
    pub last_height: u64,
    /// Time of the last block.
    pub last_time: Timestamp,
    /// Name of the treaty.
    pub treaty_name: String,
    /// The ledger's identity, as its treaty gives it.
    pub chain_id: Hash,
    /// Signatures that were verified: envelopes, certificates and checkpoints.
    pub signatures: u64,
}

/// What it was checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustFacts {
    /// Who says so.
    pub name: String,
    /// SHA-256 of the trust file.
    pub fingerprint: Hash,
    /// Validators of genesis.
    pub validators: usize,
    /// Signatures that make a quorum.
    pub quorum: usize,
}

/// An entry that a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Place in the log, from 0.
    pub index: u64,
    /// Identity of the statement; `None` for an entry that is no statement.
    pub statement: Option<Hash>,
}

/// One verdict about one member and period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodVerdict {
    /// The reporting period, from 0.
    pub period: u32,
    /// The verdict.
    pub verdict: ClauseVerdict,
    /// What kind of finding, as the clause documents.
    pub code: u32,
    /// Why, in words, with its figures.
    pub text: String,
    /// Figures behind it.
    pub numbers: Vec<u128>,
    /// Entries behind it.
    pub evidence: Vec<Evidence>,
}

/// One member under one clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberVerdict {
    /// The member.
    pub member: MemberId,
    /// The worst over its periods.
    pub verdict: ClauseVerdict,
    /// Periods judged.
    pub periods: u64,
    /// Every period that does not hold, in order.
    pub findings: Vec<PeriodVerdict>,
}

/// One clause over all members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseReport {
    /// Its name in the treaty.
    pub id: Name,
    /// Its title.
    pub title: String,
    /// The verification goal that it supports.
    pub subgoal: &'static str,
    /// Every member judged, by name.
    pub members: Vec<MemberVerdict>,
}

/// The whole answer.
#[derive(Clone, Debug)]
pub struct Report {
    /// The file.
    pub bundle: BundleFacts,
    /// What it was checked against.
    pub trust: TrustFacts,
    /// The time for which it was judged.
    pub as_of: Timestamp,
    /// Whether that time was asked for.
    pub as_of_given: bool,
    /// The bundle ends too early for that time.
    pub stale: bool,
    /// Only this member was asked for.
    pub lab: Option<MemberId>,
    /// Only this clause was asked for.
    pub clause: Option<Name>,
    /// The eight checks.
    pub results: Results,
    /// The clauses, in the treaty's order.
    pub clauses: Vec<ClauseReport>,
    /// The phase in force as of that time.
    pub phase: Option<Name>,
    /// The answer.
    pub verdict: Verdict,
}
