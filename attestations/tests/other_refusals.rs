//! Every refusal of the kinds beside training, evaluation and governance, made to happen. `refusals.rs` holds the
//! list of all names against the specification.

mod example;

use example::others::*;
use example::{common, name, time};
use standstill_attestations::claim::*;
use standstill_attestations::countersignature::*;
use standstill_attestations::device::*;
use standstill_attestations::figure::*;
use standstill_attestations::identity::LogHead;
use standstill_attestations::incident::*;
use standstill_attestations::inspection::*;
use standstill_attestations::inventory::*;
use standstill_attestations::plan::*;
use standstill_attestations::statement::{Common, Correction, Kind, Predicate, Statement, Subject};
use standstill_attestations::telemetry::*;
use standstill_protocol::hash::Hash;
use standstill_protocol::units::{Flop, Timestamp};

fn known<T>(value: &mut Maybe<T>) -> &mut T {
    match value {
        Maybe::Known(value) => value,
        Maybe::Unknown(reason) => panic!("unknown: {reason}"),
    }
}

type Edits<T> = &'static [(&'static str, fn(&mut T))];

const INVENTORY: Edits<ChipInventory> = &[
    ("statement-time-after-issue", |i| i.as_of = time("2026-11-30T08:00:00.001Z")),
    ("statement-zero", |i| i.chips[0].count = 0),
    ("statement-zero", |i| known(&mut i.ids).size = 0),
    ("statement-more-ids-than-chips", |i| i.chips[0].count = 505),
    ("statement-more-ids-than-chips", |i| i.chips.clear()),
    ("statement-counterparty", |i| i.chips[0].counterparty = Some("Example Cloud Ltd".to_owned())),
    ("statement-counterparty", |i| i.chips[1].counterparty = None),
    ("statement-empty-text", |i| i.chips[1].counterparty = Some(String::new())),
    ("statement-repeated", |i| i.chips[1] = i.chips[0].clone()),
    ("statement-too-many-items", |i| i.chips = vec![i.chips[0].clone(); 65]),
    ("statement-evidence-missing", |i| i.evidence.clear()),
    ("statement-figure-not-backed", |i| i.evidence[0].backs = vec![FigureGroup::Chips]),
    ("statement-backs-nothing", |i| i.ids = Maybe::Unknown("no certificates".to_owned())),
];

const DEVICE: Edits<HardwareEvidence> = &[
    ("statement-time-after-issue", |h| h.collected_at = time("2026-11-30T08:00:00.001Z")),
    ("statement-time-out-of-range", |h| h.collected_at = Timestamp(u64::MAX)),
    ("statement-empty-text", |h| h.report.clear()),
    ("statement-text-too-long", |h| h.report = vec![0; 12_289]),
    ("statement-too-few-items", |h| h.certificates.clear()),
    ("statement-text-too-long", |h| h.certificates[0] = vec![0; 4_097]),
    ("statement-repeated", |h| h.certificates[1] = h.certificates[0].clone()),
    // A quote has its chain inside: with another beside it, it could never verify.
    ("statement-too-many-items", |h| h.vendor = Vendor::IntelTdx),
    ("statement-too-many-items", |h| h.certificates = (0..9).map(|n| vec![n]).collect()),
    ("statement-repeated", |h| h.collateral = vec![h.collateral[0].clone(); 2]),
    ("statement-empty-text", |h| h.collateral[0].data.clear()),
    ("statement-zero", |h| h.head.size = 0),
    ("statement-out-of-range", |h| h.head.size = 1 << 53),
    ("statement-unprintable-text", |h| h.device.model = "H100\u{202E}".to_owned()),
    ("statement-subject-mismatch", |h| h.run = None),
    ("statement-subject-mismatch", |h| h.run = Some(name("aurora-4"))),
];

const PLAN: Edits<RunPlan> = &[
    ("statement-plan-too-late", |p| p.planned.start = time("2026-11-30T07:59:59Z")),
    ("statement-plan-too-late", |p| {
        p.amends = Some(Hash::ZERO);
        (p.planned.start, p.planned.end) = (Timestamp(0), time("2026-11-30T07:59:59Z"));
    }),
    ("statement-end-before-start", |p| p.planned.end = p.planned.start),
    ("statement-too-few-items", |p| p.sites.clear()),
    ("statement-repeated", |p| p.sites[1] = p.sites[0].clone()),
    ("statement-lower-above-upper", |p| p.flop.lower = Flop(p.flop.upper.0 + 1)),
    ("statement-zero", |p| p.flop = Interval::exact(Flop(0))),
    ("statement-too-few-items", |p| p.chips.clear()),
    ("statement-zero", |p| p.chips[0].count = 0),
    ("statement-repeated", |p| p.chips = vec![p.chips[0].clone(); 2]),
    ("statement-repeated", |p| p.base_models = vec![p.base_models[0].clone(); 2]),
    ("statement-base-model-is-subject", |p| {
        p.base_models[0].sha256 = Subject::run(&common().chain_id, &common().member, &p.run).sha256;
    }),
    ("statement-evidence-missing", |p| p.basis = Basis::Estimated),
    ("statement-text-too-long", |p| p.purpose = "x".repeat(513)),
];

const TELEMETRY: Edits<TelemetryLog> = &[
    ("statement-not-an-origin", |t| t.origin = "lab-a.example/power log".to_owned()),
    ("statement-not-an-origin", |t| t.origin = "lab-a.example+power".to_owned()),
    ("statement-log-shrinks", |t| t.head.size = 4),
    ("statement-log-proof", |t| t.proof.truncate(1)),
    ("statement-log-proof", |t| t.proof.clear()),
    ("statement-log-proof", |t| t.proof.swap(0, 1)),
    ("statement-log-proof", |t| t.head.root = Hash::ZERO),
    ("statement-log-proof", |t| t.previous = Some(LogHead { size: 6, root: t.previous.unwrap().root })),
    ("statement-log-proof", |t| t.previous = None),
    ("statement-zero", |t| t.head.size = 0),
    ("statement-zero", |t| t.previous = Some(LogHead { size: 0, root: Hash::ZERO })),
    ("statement-out-of-range", |t| t.head.size = 1 << 53),
    ("statement-too-many-items", |t| t.proof = vec![Hash::ZERO; 65]),
    ("statement-issued-before-end", |t| t.window.end = time("2026-12-01T00:00:00Z")),
];

const COUNTERSIGNATURE: Edits<Countersignature> = &[
    ("statement-about-itself", |c| c.member = name("meter-x")),
    ("statement-too-few-items", |c| c.figures.clear()),
    ("statement-too-many-items", |c| c.figures = vec![c.figures[0]; 17]),
    ("statement-repeated", |c| c.figures[1] = c.figures[0]),
    ("statement-figure-of-another-kind", |c| c.kind = Kind::CapabilityEvaluation),
    ("statement-figure-of-another-kind", |c| c.figures[0].figure = Figure::SamplesPlanned),
    ("statement-figure-item", |c| c.figures[0].item = Some(0)),
    ("statement-figure-unit", |c| c.figures[0].unit = Unit::Flop),
    ("statement-lower-above-upper", |c| c.figures[0].observed.lower = 849_000_000_001),
    ("statement-negative", |c| c.figures[0].observed.lower = -1),
    ("statement-overflow", |c| c.figures[0].observed.upper = 10i128.pow(38)),
    ("statement-ppm-above-one", |c| {
        (c.figures[0].figure, c.figures[0].unit) = (Figure::TensorPipe, Unit::Ppm);
    }),
    ("statement-issued-before-end", |c| c.window.end = time("2026-12-01T00:00:00Z")),
    ("statement-evidence-missing", |c| c.evidence.clear()),
    ("statement-figure-not-backed", |c| c.evidence[0].backs.clear()),
    ("statement-empty-text", |c| c.remark = Some(String::new())),
];

const INSPECTION: Edits<Inspection> = &[
    ("statement-about-itself", |i| i.member = name("inspector-y")),
    ("statement-too-few-items", |i| i.looked_at.clear()),
    ("statement-access-refused", |i| i.access = Access::Refused),
    ("statement-access-refused", |i| {
        i.access = Access::Refused;
        i.looked_at.clear();
        i.examined.clear();
    }),
    ("statement-findings-missing", |i| {
        i.result = InspectionResult::Inconsistent;
        i.findings.clear();
    }),
    ("statement-seen-above-all", |i| i.looked_at[0].of = Maybe::Known(127)),
    ("statement-zero", |i| i.looked_at[0].seen = 0),
    ("statement-figure-item", |i| i.examined[0].figures[0].item = None),
    ("statement-figure-item", |i| i.examined[0].figures[0].item = Some(64)),
    ("statement-too-few-items", |i| i.examined[0].figures.clear()),
    ("statement-repeated", |i| i.examined.push(i.examined[0].clone())),
    ("statement-too-many-items", |i| i.findings = vec!["x".to_owned(); 33]),
    ("statement-subject-mismatch", |i| i.site = None),
];

const INCIDENT: Edits<Incident> = &[
    ("statement-time-after-issue", |i| i.noticed_at = time("2026-12-01T00:00:00Z")),
    ("statement-time-after-issue", |i| i.started_at = Maybe::Known(time("2026-12-01T00:00:00Z"))),
    ("statement-time-after-issue", |i| i.ended_at = Maybe::Known(time("2026-12-01T00:00:00Z"))),
    ("statement-end-before-start", |i| i.started_at = Maybe::Known(time("2026-11-20T15:02:00.001Z"))),
    ("statement-end-before-start", |i| {
        (i.started_at, i.ended_at) = (Maybe::Known(Timestamp(2)), Maybe::Known(Timestamp(1)));
    }),
    ("statement-ongoing-yet-ended", |i| i.status = IncidentStatus::Ongoing),
    ("statement-text-too-long", |i| i.account = "x".repeat(2049)),
    ("statement-repeated", |i| i.runs.push(name("aurora-3"))),
    ("statement-repeated", |i| i.models.push(i.models[0].clone())),
    ("statement-unknown-without-reason", |i| i.models[0].sha256 = Maybe::Unknown(String::new())),
    ("statement-backs-nothing", |i| i.evidence[0].backs = vec![FigureGroup::Flop]),
];

/// Each edit of an example is refused by that name, in memory as when read.
fn refused<T: Clone>(kind: Kind, edits: Edits<T>, predicate: fn(&mut Predicate) -> Option<&mut T>) {
    let example = others().into_iter().find(|statement| statement.kind() == kind).unwrap();
    assert_eq!(example.check(), Ok(()));
    for (index, (code, edit)) in edits.iter().enumerate() {
        let mut statement = example.clone();
        edit(predicate(&mut statement.predicate).unwrap());
        let error = statement.check().expect_err(code);
        assert_eq!(error.code(), *code, "{kind} row {index}: {error}");
        assert!(!error.hint().is_empty() && !error.to_string().ends_with('.'), "{error}");
        assert!(Statement::parse(&statement.to_json()).is_err(), "{kind} row {index}");
    }
}

macro_rules! refused {
    ($kind:ident, $edits:expr) => {
        refused(Kind::$kind, $edits, |predicate| match predicate {
            Predicate::$kind(inner) => Some(inner),
            _ => None,
        })
    };
}

#[test]
fn inventories_that_contradict_themselves_are_refused() {
    refused!(ChipInventory, INVENTORY);
}

#[test]
fn reports_of_devices_without_their_parts_are_refused() {
    refused!(HardwareEvidence, DEVICE);
}

#[test]
fn plans_that_come_too_late_or_say_nothing_are_refused() {
    refused!(RunPlan, PLAN);
}

#[test]
fn checkpoints_that_do_not_extend_the_last_one_are_refused() {
    refused!(TelemetryLog, TELEMETRY);
}

#[test]
fn countersignatures_of_nothing_or_of_oneself_are_refused() {
    refused!(Countersignature, COUNTERSIGNATURE);
}

#[test]
fn inspections_that_conclude_what_they_did_not_see_are_refused() {
    refused!(Inspection, INSPECTION);
}

#[test]
fn incidents_out_of_order_are_refused() {
    refused!(Incident, INCIDENT);
}

#[test]
fn a_plan_may_be_amended_before_its_end_and_corrected_at_any_time() {
    let mut plan = run_plan();
    (plan.planned.start, plan.planned.end) = (Timestamp(0), Timestamp(1));
    let corrects = Some(Correction { statement: Hash::ZERO, reason: "a wrong year".to_owned() });
    let late = Statement::of(common(), Predicate::RunPlan(plan.clone())).unwrap();
    assert_eq!(late.check().unwrap_err().code(), "statement-plan-too-late");
    let corrected = Common { corrects, ..common() };
    Statement::of(corrected, Predicate::RunPlan(plan.clone())).unwrap().check().unwrap();
    plan.planned.end = common().issued_at;
    plan.amends = Some(Hash::ZERO);
    Statement::of(common(), Predicate::RunPlan(plan)).unwrap().check().unwrap();
}

#[test]
fn text_that_is_not_base64_or_no_signed_number_is_refused() {
    let statements = others();
    let text = |kind: Kind| {
        let statement = statements.iter().find(|statement| statement.kind() == kind).unwrap();
        String::from_utf8(statement.to_json()).unwrap()
    };
    let cases = [
        (Kind::HardwareEvidence, "\"report\": \"", "\"report\": \"=", "statement-not-base64"),
        (Kind::TelemetryLog, "\"proof\": [\n      \"", "\"proof\": [\n      \"AA==\", \"", "statement-not-base64"),
        (Kind::Countersignature, "\"lower\": \"", "\"lower\": \"-0\", \"x\": \"", "statement-not-a-decimal"),
        (Kind::Countersignature, "\"lower\": \"", "\"lower\": \"--", "statement-not-a-decimal"),
        (Kind::Countersignature, "\"kind\": \"training-compute\"", "\"kind\": \"run-plan\"", "statement-not-one-of"),
    ];
    for (kind, from, to, code) in cases {
        let text = text(kind);
        assert!(text.contains(from), "{kind}: {from}");
        let edited = text.replacen(from, to, 1);
        assert_eq!(Statement::parse(edited.as_bytes()).expect_err(to).code(), code, "{kind}: {to}");
    }
}
