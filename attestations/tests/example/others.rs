//! Examples of what is neither a report of training nor an evaluation nor about the treaty.

use standstill_attestations::claim::*;
use standstill_attestations::countersignature::*;
use standstill_attestations::device::*;
use standstill_attestations::figure::*;
use standstill_attestations::identity::{LogHead, chip_root, chip_tag};
use standstill_attestations::incident::*;
use standstill_attestations::inspection::*;
use standstill_attestations::inventory::*;
use standstill_attestations::plan::*;
use standstill_attestations::statement::{Common, Correction, Kind, Predicate, Statement};
use standstill_attestations::telemetry::*;
use standstill_attestations::training::{BaseModel, BaseModelUse, CountingRule, RunStage};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::log::{MemoryLog, consistency, leaf_hash};
use standstill_protocol::units::Flop;

use super::{common, evidence, name, time, training, window};

/// The id of a statement.
pub(crate) fn id(statement: &Statement) -> Hash {
    Envelope::sign(statement.to_json(), &[&SecretKey::from_seed(&[7; 32])]).id()
}

fn of(common: Common, predicate: Predicate) -> Statement {
    Statement::of(common, predicate).unwrap()
}

/// Tags of so many chips, in order.
pub(crate) fn tags(count: u64) -> Vec<Hash> {
    let chain_id = common().chain_id;
    let mut tags: Vec<Hash> = (1..=count)
        .map(|serial| chip_tag(&chain_id, Vendor::NvidiaSpdm, &Hash::sha256(&serial.to_be_bytes())))
        .collect();
    tags.sort();
    tags
}

pub(crate) fn chip_inventory() -> ChipInventory {
    let row = |accelerator, count, ownership, counterparty: Option<&str>| ChipCount {
        accelerator: name(accelerator),
        count,
        ownership,
        counterparty: counterparty.map(str::to_owned),
    };
    ChipInventory {
        site: name("dc-1"),
        as_of: time("2026-11-29T00:00:00Z"),
        chips: vec![
            row("h100-sxm", 512, Ownership::Owned, None),
            row("h100-sxm", 64, Ownership::Leased, Some("Example Cloud Ltd")),
        ],
        ids: Maybe::Known(ChipIds { size: 570, root: chip_root(&tags(570)).unwrap() }),
        basis: Basis::Measured,
        evidence: vec![evidence(EvidenceRole::Inventory, "nvidia-smi-xml", &[FigureGroup::Chips, FigureGroup::Ids])],
    }
}

pub(crate) fn hardware_evidence() -> HardwareEvidence {
    HardwareEvidence {
        vendor: Vendor::NvidiaSpdm,
        device: Device {
            model: "NVIDIA H100 80GB HBM3".to_owned(),
            accelerator: Some(name("h100-sxm")),
            tag: Maybe::Known(chip_tag(&common().chain_id, Vendor::NvidiaSpdm, &Hash::sha256(&1u64.to_be_bytes()))),
        },
        site: name("dc-1"),
        run: Some(name("aurora-3")),
        collected_at: time("2026-11-28T09:30:00Z"),
        tool: "nvtrust".to_owned(),
        tool_version: Maybe::Unknown("built from a working copy".to_owned()),
        head: LogHead { size: 4096, root: Hash::sha256(b"head") },
        // Not a report that holds: those have kilobytes, see the vectors of the crate that verifies them.
        report: b"a report, as the driver returned it".to_vec(),
        certificates: vec![b"the device's certificate in DER".to_vec(), b"its issuer's".to_vec()],
        collateral: vec![Collateral { name: "rim".to_owned(), data: b"reference measurements".to_vec() }],
    }
}

pub(crate) fn run_plan() -> RunPlan {
    RunPlan {
        run: name("aurora-4"),
        sites: vec![name("dc-1"), name("dc-2")],
        run_stage: RunStage::PreTraining,
        planned: window("2026-12-10T00:00:00Z", "2027-03-01T00:00:00Z"),
        flop: Interval { lower: Flop(8 * 10u128.pow(25)), upper: Flop(12 * 10u128.pow(25)) },
        counting_rule: CountingRule::ModelFlop,
        chips: vec![PlannedChips { accelerator: name("h100-sxm"), count: 4096 }],
        base_models: vec![BaseModel {
            name: "aurora-3".to_owned(),
            sha256: Hash::sha256(b"aurora-3"),
            used_for: BaseModelUse::DataGenerator,
            flop: Maybe::Known(Interval::exact(Flop(62 * 10u128.pow(22)))),
        }],
        purpose: "a general model, successor of aurora-3".to_owned(),
        amends: None,
        basis: Basis::Declared,
        evidence: Vec::new(),
    }
}

pub(crate) fn telemetry_log() -> TelemetryLog {
    let mut log = MemoryLog::new();
    let mut head = |until: u64| {
        while log.size() < until {
            log.append(leaf_hash(&log.size().to_be_bytes()));
        }
        LogHead { size: log.size(), root: log.root() }
    };
    let (previous, head) = (head(5), head(13));
    TelemetryLog {
        log: name("dc-1-power"),
        site: name("dc-1"),
        origin: "lab-a.example/dc-1-power".to_owned(),
        leaf_format: "dcgm-sample/v1".to_owned(),
        window: window("2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"),
        head,
        previous: Some(previous),
        proof: consistency::prove(&log, previous.size, head.size).unwrap(),
    }
}

fn observation(figure: Figure, item: Option<u32>, (lower, upper): (i128, i128)) -> Observation {
    let unit = figure.unit().unwrap_or(Unit::Ppm);
    Observation { figure, item, unit, observed: Bounds { lower, upper }, basis: Basis::Measured }
}

pub(crate) fn countersignature() -> Countersignature {
    Countersignature {
        statement: id(&training()),
        member: name("lab-a"),
        kind: Kind::TrainingCompute,
        role: SignerRole::Meter,
        window: window("2026-11-01T00:00:00Z", "2026-11-29T00:00:00Z"),
        figures: vec![
            observation(Figure::Joules, None, (832_000_000_000, 849_000_000_000)),
            observation(Figure::Chips, None, (512, 512)),
        ],
        remark: Some("read at the two feeds of hall 1".to_owned()),
        evidence: vec![evidence(EvidenceRole::PowerLog, "prometheus-range", &[FigureGroup::Figures])],
    }
}

pub(crate) fn inspection() -> Inspection {
    let inventory = of(common(), Predicate::ChipInventory(chip_inventory()));
    Inspection {
        member: name("lab-a"),
        site: Some(name("dc-1")),
        occasion: Occasion::Routine,
        access: Access::Managed,
        window: window("2026-11-29T08:00:00Z", "2026-11-29T17:00:00Z"),
        looked_at: vec![LookedAt {
            what: Item::Chips,
            description: "serial numbers in the certificates of one row of racks".to_owned(),
            seen: 128,
            of: Maybe::Known(576),
        }],
        examined: vec![Examined {
            statement: id(&inventory),
            kind: Kind::ChipInventory,
            figures: vec![observation(Figure::ChipCount, Some(0), (500, 512))],
        }],
        result: InspectionResult::Consistent,
        findings: vec!["one rack door had no seal".to_owned()],
        evidence: vec![evidence(EvidenceRole::Record, "pdf", &[FigureGroup::Figures])],
    }
}

pub(crate) fn incident() -> Incident {
    Incident {
        site: Some(name("dc-1")),
        category: Category::WeightsSecurity,
        severity: Severity::Serious,
        status: IncidentStatus::Contained,
        started_at: Maybe::Unknown("the storage's logs go back two weeks only".to_owned()),
        ended_at: Maybe::Known(time("2026-11-20T16:10:00Z")),
        noticed_at: time("2026-11-20T15:02:00Z"),
        account: "a contractor's credentials were used to read a checkpoint from outside".to_owned(),
        measures: Some("credentials withdrawn, keys of the storage renewed".to_owned()),
        runs: vec![name("aurora-3")],
        models: vec![AffectedModel {
            name: "aurora-3, step 20".to_owned(),
            sha256: Maybe::Known(Hash::sha256(b"aurora-3")),
        }],
        evidence: vec![evidence(EvidenceRole::Record, "text", &[])],
    }
}

/// Said by another member than the one it is about.
fn by(member: &str) -> Common {
    Common { member: name(member), ..common() }
}

pub(crate) fn others() -> Vec<Statement> {
    let countersigned = Statement {
        subjects: training().subjects,
        common: by("meter-x"),
        predicate: Predicate::Countersignature(countersignature()),
    };
    let correction = Correction { statement: Hash::sha256(b"first"), reason: "the racks of row 3 left out".to_owned() };
    let corrected = Common { corrects: Some(correction), ..common() };
    vec![
        of(corrected, Predicate::ChipInventory(chip_inventory())),
        of(common(), Predicate::HardwareEvidence(hardware_evidence())),
        of(common(), Predicate::RunPlan(run_plan())),
        of(common(), Predicate::TelemetryLog(telemetry_log())),
        countersigned,
        of(by("inspector-y"), Predicate::Inspection(inspection())),
        of(common(), Predicate::Incident(incident())),
    ]
}
