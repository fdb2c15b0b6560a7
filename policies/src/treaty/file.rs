//! The file's own shape: what TOML holds, before anything is resolved. Articles are optional here so that a missing one
//! is reported by name, with a hint, and not as a reader's error.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Timestamp;

use super::span::Span;
use super::{Condition, Member, Obligation, Partition, Role, Subgoal};

/// The only format that is read.
pub(super) const FORMAT: &str = "standstill.treaty/1";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TreatyFile {
    pub format: String,
    pub name: Name,
    pub title: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<String>,
    pub genesis_time: Timestamp,
    pub periods: Option<PeriodsFile>,
    pub clocks: Option<ClocksFile>,
    pub response: Option<ResponseFile>,
    pub counting: Option<CountingFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HardwareFile>,
    pub voting: Option<VotingFile>,
    pub entry_into_force: Option<EntryFile>,
    pub amendment: Option<AmendmentFile>,
    pub withdrawal: Option<WithdrawalFile>,
    pub challenges: Option<ChallengesFile>,
    pub clauses: Option<Vec<ClauseFile>>,
    pub phases: Option<Vec<PhaseFile>>,
    pub members: Option<Vec<Member>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeriodsFile {
    pub rationale: String,
    pub first_start: Timestamp,
    pub length: Span,
    pub report_within: Span,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityFile>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CapacityFile {
    pub text: String,
    pub chips: u64,
    pub flop_per_second: String,
    pub utilisation_ppm: u64,
    pub threshold: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClocksFile {
    pub text: String,
    pub heartbeat: Span,
    pub max_skew: Span,
    pub outage_heartbeats: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResponseFile {
    pub text: String,
    pub acknowledge: Span,
    pub clarify: Span,
    pub inspect: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountingFile {
    pub text: String,
    pub rules: BTreeSet<String>,
    pub tolerance_ppm: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chip_table: Option<Hash>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HardwareFile {
    pub text: String,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub nvidia: BTreeSet<Hash>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub amd: BTreeSet<Hash>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub intel: BTreeSet<Hash>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VotingFile {
    pub text: String,
    pub amendment_ppm: u64,
    pub confirmation_ppm: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryFile {
    pub text: String,
    pub parties: BTreeSet<MemberId>,
    pub registered_compute_ppm: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AmendmentFile {
    pub text: String,
    pub notice: Span,
    pub provisional_lapse: Span,
    pub review: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WithdrawalFile {
    pub text: String,
    pub notice: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChallengesFile {
    pub text: String,
    pub detection_ppm: u64,
    pub per_period: u32,
    pub inspections_per_year: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClauseFile {
    pub id: Name,
    pub title: String,
    pub text: String,
    pub source: String,
    pub subgoal: Subgoal,
    pub partition: Partition,
    pub module: Hash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligation: Option<Obligation>,
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub parameters: toml::Table,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PhaseFile {
    pub id: Name,
    pub title: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjudicators: Option<AdjudicatorsFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Condition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifts: Vec<Condition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clauses: Vec<InForceFile>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdjudicatorsFile {
    pub text: String,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<Role>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub members: BTreeSet<MemberId>,
    pub enter_ppm: u64,
    pub lift_ppm: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InForceFile {
    pub clause: Name,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub parameters: toml::Table,
}
