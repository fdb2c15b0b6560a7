//! Statements as the state remembers them: what they claim, who else spoke of it, and how well they are backed.

use standstill_attestations::figure::{Bounds, Figure, Unit};
use standstill_attestations::{Kind, Predicate, Statement};
use standstill_policies::Grade;
use standstill_protocol::codec;
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::{Flop, Timestamp};
use wincode::{SchemaRead, SchemaWrite};

/// A statement that can be corrected, and what was said of it.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct ClaimRecord {
    /// Whose it is.
    pub member: MemberId,
    /// Its kind.
    pub kind: ClaimKind,
    /// Its index in the log.
    pub index: u64,
    /// The time of its block.
    pub time: Timestamp,
    /// How well it is backed: the best of what stands in `opinions`, at least `declared`.
    pub grade: Grade,
    /// SHA-256 over its subjects, see [`subjects_hash`].
    pub subjects: Hash,
    /// The statement that it supersedes.
    pub corrects: Option<StatementId>,
    /// The statement that supersedes it.
    pub corrected_by: Option<StatementId>,
    /// How many statements it supersedes, one after the other.
    pub corrections: u32,
    /// What others, devices and its own figures say of it: one for each speaker and manner.
    pub opinions: Vec<Opinion>,
    /// The figures that others can observe.
    pub figures: Vec<StatedFigure>,
    /// What else the ledger needs of it.
    pub content: Content,
}

/// The kinds of statements that can be corrected. The order is part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum ClaimKind {
    /// [`Kind::TrainingCompute`].
    TrainingCompute,
    /// [`Kind::CapabilityEvaluation`].
    CapabilityEvaluation,
    /// [`Kind::ChipInventory`].
    ChipInventory,
    /// [`Kind::RunPlan`].
    RunPlan,
    /// [`Kind::HardwareEvidence`].
    HardwareEvidence,
    /// [`Kind::TelemetryLog`].
    TelemetryLog,
    /// [`Kind::Inspection`].
    Inspection,
    /// [`Kind::Incident`].
    Incident,
    /// [`Kind::Countersignature`].
    Countersignature,
}

impl ClaimKind {
    /// The kind in the state; `None` for votes and statements about keys.
    pub const fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::TrainingCompute => ClaimKind::TrainingCompute,
            Kind::CapabilityEvaluation => ClaimKind::CapabilityEvaluation,
            Kind::ChipInventory => ClaimKind::ChipInventory,
            Kind::RunPlan => ClaimKind::RunPlan,
            Kind::HardwareEvidence => ClaimKind::HardwareEvidence,
            Kind::TelemetryLog => ClaimKind::TelemetryLog,
            Kind::Inspection => ClaimKind::Inspection,
            Kind::Incident => ClaimKind::Incident,
            Kind::Countersignature => ClaimKind::Countersignature,
            _ => return None,
        })
    }

    /// The kind of the statement.
    pub const fn kind(self) -> Kind {
        match self {
            ClaimKind::TrainingCompute => Kind::TrainingCompute,
            ClaimKind::CapabilityEvaluation => Kind::CapabilityEvaluation,
            ClaimKind::ChipInventory => Kind::ChipInventory,
            ClaimKind::RunPlan => Kind::RunPlan,
            ClaimKind::HardwareEvidence => Kind::HardwareEvidence,
            ClaimKind::TelemetryLog => Kind::TelemetryLog,
            ClaimKind::Inspection => Kind::Inspection,
            ClaimKind::Incident => Kind::Incident,
            ClaimKind::Countersignature => Kind::Countersignature,
        }
    }
}

/// What somebody, or something, says of a claim.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Opinion {
    /// Who signed it; for a cross-check the claim's own member.
    pub by: MemberId,
    /// As what.
    pub manner: Manner,
    /// The statement in which it is said; for a cross-check the claim itself.
    pub statement: StatementId,
    /// Its log index.
    pub index: u64,
    /// What it comes to.
    pub outcome: Judgement,
}

/// As what somebody speaks of a claim. The order is part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, SchemaRead, SchemaWrite)]
pub enum Manner {
    /// The claim's own figures, from files of their own.
    CrossCheck,
    /// A countersignature as a meter.
    Meter,
    /// A countersignature as a host.
    Host,
    /// A countersignature as an evaluator.
    Evaluator,
    /// A countersignature as an inspector.
    Inspector,
    /// A report that a chip signed.
    Device,
    /// An inspection.
    Inspection,
}

impl Manner {
    /// The grade that it gives where it agrees.
    pub const fn grade(self) -> Grade {
        match self {
            Manner::CrossCheck => Grade::CrossChecked,
            Manner::Meter | Manner::Host | Manner::Evaluator | Manner::Inspector => Grade::Countersigned,
            Manner::Device => Grade::Attested,
            Manner::Inspection => Grade::Inspected,
        }
    }

    /// For people and programs: `meter`, `cross-check`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Manner::CrossCheck => "cross-check",
            Manner::Meter => "meter",
            Manner::Host => "host",
            Manner::Evaluator => "evaluator",
            Manner::Inspector => "inspector",
            Manner::Device => "device",
            Manner::Inspection => "inspection",
        }
    }

    /// Two manners of which a speaker has but one: a countersignature is one whatever the role.
    pub(crate) fn is_same_sort(self, other: Manner) -> bool {
        self.grade() == other.grade()
    }
}

/// What an opinion comes to. The order is part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum Judgement {
    /// It backs the claim.
    Agrees,
    /// It neither backs nor contradicts it.
    Neutral,
    /// No value fits both.
    Disagrees,
}

impl Judgement {
    /// For people and programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Judgement::Agrees => "agrees",
            Judgement::Neutral => "neutral",
            Judgement::Disagrees => "disagrees",
        }
    }
}

/// One figure of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct StatedFigure {
    /// Its row in the table of figures of `spec/45-statements.md`, from 0.
    pub figure: u8,
    /// Which of a list; 0 for a figure of no list.
    pub item: u8,
    /// Its row in the list of units of the same page, from 0.
    pub unit: u8,
    /// At least this.
    pub lower: i128,
    /// At most this.
    pub upper: i128,
}

/// What the ledger needs of a statement beside its figures. The order is part of the format.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum Content {
    /// Nothing.
    None,
    /// Of a report of compute.
    Report(Report),
    /// Of an evaluation: whose record it became, and for which period.
    Evaluation(Option<(MemberId, u32)>),
    /// Of an inventory: the site's number.
    Inventory(u32),
    /// Of a plan: the run's number.
    Plan(u32),
    /// Of a countersignature or an inspection: whom it is about, and which statements.
    Observed(MemberId, Vec<StatementId>),
}

/// A report of compute, so that it can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Report {
    /// The site's number.
    pub site: u32,
    /// The run's number.
    pub run: u32,
    /// The period.
    pub period: u32,
    /// Start of the window.
    pub start: Timestamp,
    /// End of the window.
    pub end: Timestamp,
    /// What it added to the period's sum, at least.
    pub lower: Flop,
    /// What it added to the period's sum, at most.
    pub upper: Flop,
    /// Cumulative FLOP of the run, at least.
    pub cumulative_lower: Flop,
    /// Cumulative FLOP of the run, at most.
    pub cumulative_upper: Flop,
    /// Discarded FLOP, at least.
    pub discarded_lower: Flop,
    /// Discarded FLOP, at most.
    pub discarded_upper: Flop,
    /// Code of the counting basis.
    pub basis: u8,
    /// Whether it was the run's first: all of the run's sum then counts as work of the period.
    pub first: bool,
    /// Whether it said that the run ends.
    pub final_report: bool,
    /// Whether it was the run's newest when it came.
    pub newest: bool,
    /// The run's newest report before it.
    pub previous: Option<StatementId>,
}

/// What is known of a site's chips.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct InventoryRecord {
    /// The statement.
    pub statement: StatementId,
    /// Its log index.
    pub index: u64,
    /// Since when the counts hold.
    pub as_of: Timestamp,
    /// Chips of all sorts.
    pub chips: u64,
    /// Their peak in a second, after the treaty's chip table; 0 where the treaty has none.
    pub peak: Flop,
    /// Root over the chips' tags, zero where there is none.
    pub root: Hash,
}

/// What a run is meant to be.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct PlanRecord {
    /// The plan in force.
    pub statement: StatementId,
    /// Its log index.
    pub index: u64,
    /// Planned start.
    pub start: Timestamp,
    /// Planned end.
    pub end: Timestamp,
    /// FLOP of the whole run, at least.
    pub lower: Flop,
    /// FLOP of the whole run, at most.
    pub upper: Flop,
    /// Chips at once, at most.
    pub chips: u64,
    /// Plans of this run before it.
    pub amendments: u32,
}

/// The last checkpoint of a log that a member keeps.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct TelemetryRecord {
    /// The statement.
    pub statement: StatementId,
    /// Its log index.
    pub index: u64,
    /// The site's number.
    pub site: u32,
    /// The origin of the log's own checkpoints.
    pub origin: String,
    /// How a leaf reads.
    pub leaf_format: String,
    /// Leaves.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// The end of what the readings cover.
    pub end: Timestamp,
    /// Checkpoints so far.
    pub checkpoints: u64,
}

/// The log's head after a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct HeadRecord {
    /// Its root.
    pub root: Hash,
    /// The block's height.
    pub height: u64,
    /// The block's time.
    pub time: Timestamp,
}

/// A report of a chip about a run.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct DeviceRecord {
    /// The statement.
    pub statement: StatementId,
    /// Its log index.
    pub index: u64,
    /// The site's number.
    pub site: u32,
    /// The chip: one hash, whatever its firmware.
    pub device: Hash,
    /// The time of the head that it answers: not older than that.
    pub since: Timestamp,
    /// When it was made, as its member says.
    pub collected_at: Timestamp,
}

/// A model that somebody named by its digest.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct ModelRecord {
    /// Its number, from 1.
    pub number: u32,
    /// The lab whose report named it first as what the run made, with the run's number.
    pub owner: Option<(MemberId, u32)>,
}

/// Counters of what has a number in the whole ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Interned {
    /// Models.
    pub models: u32,
    /// Names of suites and metrics.
    pub words: u32,
}

/// SHA-256 over a statement's subjects, so that two statements about the same ones are known by it.
pub fn subjects_hash(statement: &Statement) -> Hash {
    let subjects: Vec<(String, Hash)> =
        statement.subjects.iter().map(|subject| (subject.name.clone(), subject.sha256)).collect();
    Hash::sha256(&codec::encode(&subjects))
}

/// Every figure that a statement states.
pub fn figures(predicate: &Predicate) -> Vec<StatedFigure> {
    let mut figures = Vec::new();
    for (number, figure) in (0u8..).zip(Figure::ALL) {
        if figure.kind() != predicate.kind() {
            continue;
        }
        let items = if figure.is_list() { 0..64u8 } else { 0..1 };
        for item in items {
            let named = figure.is_list().then_some(u32::from(item));
            let Some((Bounds { lower, upper }, unit)) = figure.stated(named, predicate) else { break };
            figures.push(StatedFigure { figure: number, item, unit: unit_number(unit), lower, upper });
        }
    }
    figures
}

fn unit_number(unit: Unit) -> u8 {
    (0u8..).zip(Unit::ALL).find(|(_, known)| **known == unit).map_or(u8::MAX, |(number, _)| number)
}

impl ClaimRecord {
    /// What the statement states of a figure.
    pub fn stated(&self, figure: Figure, item: Option<u32>) -> Option<(Bounds, Unit)> {
        let item = u8::try_from(item.unwrap_or(0)).ok()?;
        let number = Figure::ALL.iter().position(|known| *known == figure)?;
        let found = self.figures.iter().find(|one| usize::from(one.figure) == number && one.item == item)?;
        let unit = Unit::ALL.get(usize::from(found.unit))?;
        Some((Bounds { lower: found.lower, upper: found.upper }, *unit))
    }

    /// The best of the opinions that agree, at least `declared`.
    pub fn earned(&self) -> Grade {
        let agreeing = self.opinions.iter().filter(|opinion| opinion.outcome == Judgement::Agrees);
        agreeing.map(|opinion| opinion.manner.grade()).fold(Grade::Declared, Grade::max)
    }
}
