//! Stories of claims: what others say of a report, what becomes of its grade, and what a correction changes.

#[allow(unused_imports)]
#[path = "../../attestations/tests/example/mod.rs"]
mod example;
#[allow(dead_code)]
#[path = "../../attestations/hardware/tests/hardware/forge.rs"]
mod forge;

use proptest::prelude::*;
use standstill_attestations::claim::{Evidence, EvidenceRole, FigureGroup, Window};
use standstill_attestations::countersignature::SignerRole;
use standstill_attestations::device::{Device, Vendor};
use standstill_attestations::figure::{Bounds, Figure, Unit};
use standstill_attestations::inspection::{Access, Examined, InspectionResult, Item, LookedAt, Occasion};
use standstill_attestations::inventory::{ChipCount, Ownership};
use standstill_attestations::plan::PlannedChips;
use standstill_attestations::training::{CountingRule, RunStage, Workload};
use standstill_attestations::{
    Basis, ChipInventory, Countersignature, HardwareEvidence, Inspection, Interval, Kind, LogHead, Maybe, Observation,
    Predicate, RunPlan, Statement, TelemetryLog, TrainingCompute,
};
use standstill_hardware::Evidence as Report;
use standstill_ledger::schema::Content;
use standstill_ledger::testing::{GENESIS, Setup, World};
use standstill_ledger::{AdmissionError, Event, Rejection, admit, apply, query};
use standstill_policies::{Grade, Verdict};
use standstill_protocol::block::Entry;
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::log::{MemoryLog, consistency, leaf_hash};
use standstill_protocol::member::Name;
use standstill_protocol::units::Flop;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The first period is over, and nothing was reported.
fn world() -> World {
    world_of(Setup::default())
}

fn world_of(setup: Setup) -> World {
    let mut world = World::new(setup);
    world.advance_to_period(1);
    world.block(Vec::new()).unwrap();
    world
}

/// Pool and block refuse with this code.
fn refused(world: &World, envelope: Vec<u8>, code: &str) {
    match admit(&world.rules, &world.state, &envelope, world.now) {
        Err(AdmissionError::Refused(refusal)) => {
            assert_eq!(refusal.code(), code, "{refusal}");
            assert!(!refusal.hint().is_empty() && !refusal.to_string().ends_with('.'));
        }
        other => panic!("{code}: {other:?}"),
    }
    match apply(&world.rules, &world.state, world.proposal(vec![Entry::Envelope(envelope)])) {
        Err(Rejection::Entry { refusal, .. }) => assert_eq!(refusal.code(), code),
        other => panic!("{code}: {:?}", other.map(|applied| applied.entries)),
    }
}

fn grade(world: &World, id: StatementId) -> Grade {
    query::claim(&world.state, &id).unwrap().unwrap().grade
}

fn file(format: &str, backs: FigureGroup) -> Evidence {
    Evidence {
        role: EvidenceRole::TrainingLog,
        tool: "a test".to_owned(),
        tool_version: Maybe::Unknown("a test".to_owned()),
        format: format.to_owned(),
        sha256: Hash::sha256(format.as_bytes()),
        size_bytes: 1,
        imported_fields: vec!["a".to_owned()],
        backs: vec![backs],
    }
}

/// 600 FLOP by a counter; 100 tokens through one parameter say the same, from another file.
fn backed(world: &World, period: u32) -> TrainingCompute {
    let mut report = world.training(period, "aurora", 600, 600);
    report.basis = Basis::Measured;
    let (tokens, active_parameters, total_parameters) = (100, 1, 1);
    report.workload = Maybe::Known(Workload { tokens, active_parameters, total_parameters, basis: Basis::Measured });
    report.evidence = vec![file("counter", FigureGroup::Flop), file("tokens", FigureGroup::Workload)];
    report
}

fn observed(figure: Figure, lower: i128, upper: i128) -> Observation {
    let unit = figure.unit().unwrap();
    Observation { figure, item: None, unit, observed: Bounds { lower, upper }, basis: Basis::Declared }
}

/// `signer` observed so much FLOP of the claim.
fn countersign(
    world: &mut World,
    signer: &str,
    role: SignerRole,
    (claim, id): (&Statement, StatementId),
    (lower, upper): (i128, i128),
    corrects: Option<StatementId>,
) -> (StatementId, Vec<u8>) {
    let figures = vec![observed(Figure::FlopIncremental, lower, upper)];
    countersign_figures(world, signer, role, (claim, id), figures, corrects)
}

fn countersign_figures(
    world: &mut World,
    signer: &str,
    role: SignerRole,
    (claim, id): (&Statement, StatementId),
    figures: Vec<Observation>,
    corrects: Option<StatementId>,
) -> (StatementId, Vec<u8>) {
    let window = Window { start: GENESIS, end: world.now };
    let own = Countersignature {
        statement: id,
        member: claim.common.member.clone(),
        kind: claim.kind(),
        role,
        window,
        figures,
        remark: None,
        evidence: Vec::new(),
    };
    let (mut statement, _, _) = world.state(signer, Predicate::Countersignature(own), corrects);
    statement.subjects.clone_from(&claim.subjects);
    world.seal(&statement)
}

fn inspect(world: &mut World, id: StatementId, (lower, upper): (i128, i128), result: InspectionResult) -> Vec<u8> {
    let own = Inspection {
        member: name("lab-a"),
        site: Some(name("dc-1")),
        occasion: Occasion::Routine,
        access: Access::Full,
        window: Window { start: GENESIS, end: world.now },
        looked_at: vec![LookedAt {
            what: Item::Documents,
            description: "the scheduler's record".to_owned(),
            seen: 1,
            of: Maybe::Known(1),
        }],
        examined: vec![Examined {
            statement: id,
            kind: Kind::TrainingCompute,
            figures: vec![observed(Figure::FlopIncremental, lower, upper)],
        }],
        result,
        findings: vec!["read on site".to_owned()],
        evidence: Vec::new(),
    };
    world.state("inspector", Predicate::Inspection(own), None).2
}

const REPORT: &[u8] = include_bytes!("../../attestations/hardware/tests/evidence/nvidia/hopperAttestationReport.txt");
const CHAIN: &[u8] = include_bytes!("../../attestations/hardware/tests/evidence/nvidia/hopperCertChain.txt");

/// A chain with the form of a real chip's, and keys of our own.
fn chip(change: &dyn Fn(usize, &mut Vec<u8>)) -> Report {
    forge::forge(&Report::from_files(REPORT, CHAIN).unwrap(), change)
}

fn root_of(chip: &Report) -> Option<Hash> {
    chip.certificates.last().map(|root| Hash::sha256(root))
}

/// What the chip says about a run of lab-a, asked now with the head of the tip.
fn attest(world: &mut World, chip: &Report, change: impl FnOnce(&mut HardwareEvidence)) -> (StatementId, Vec<u8>) {
    let tip = world.tip().unwrap();
    let mut own = HardwareEvidence {
        vendor: Vendor::NvidiaSpdm,
        device: Device {
            model: "H100".to_owned(),
            accelerator: Some(name("h100-sxm")),
            tag: Maybe::Unknown("a test".to_owned()),
        },
        site: name("dc-1"),
        run: Some(name("aurora")),
        collected_at: world.now,
        tool: "a test".to_owned(),
        tool_version: Maybe::Unknown("a test".to_owned()),
        head: LogHead { size: tip.log_size, root: tip.log_root },
        report: chip.report.clone(),
        certificates: chip.certificates.clone(),
        collateral: Vec::new(),
    };
    change(&mut own);
    let (statement, _, _) = world.state("lab-a", Predicate::HardwareEvidence(own.clone()), None);
    let nonce = own.nonce(&statement.common);
    own.report[4..36].copy_from_slice(nonce.as_bytes());
    forge::sign_report(&mut own.report);
    world.seal(&Statement { predicate: Predicate::HardwareEvidence(own), ..statement })
}

#[test]
fn a_claim_rises_from_declared_to_inspected() {
    let chip = chip(&|_, _| {});
    let mut world = world_of(Setup { nvidia_root: root_of(&chip), ..Setup::default() });
    let first = world.report("lab-b", 0, "other", 1, 1);
    world.block(vec![first]).unwrap();
    let (_, asked) = attest(&mut world, &chip, |_| {});
    world.advance_to_period(2);

    let plain = world.training(1, "aurora", 600, 600);
    let (claim, id, envelope) = world.state("lab-a", Predicate::TrainingCompute(plain), None);
    // The chip's report has the sequence before the claim's.
    let applied = world.block(vec![asked, envelope]).unwrap();
    assert_eq!(grade(&world, id), Grade::Attested, "a chip's report from within the window came before");
    let raised = |from, to| Event::GradeChanged { member: name("lab-a"), statement: id, from, to };
    assert!(applied.events.contains(&raised(Grade::Declared, Grade::Attested)));

    let (_, signed) = countersign(&mut world, "inspector", SignerRole::Meter, (&claim, id), (590, 610), None);
    world.block(vec![signed]).unwrap();
    assert_eq!(grade(&world, id), Grade::Attested, "a countersignature is less");
    let inspection = inspect(&mut world, id, (600, 610), InspectionResult::Consistent);
    let applied = world.block(vec![inspection]).unwrap();
    assert!(applied.events.contains(&raised(Grade::Attested, Grade::Inspected)));
    let opinions = query::claim(&world.state, &id).unwrap().unwrap().opinions;
    let manners: Vec<_> = opinions.iter().map(|one| (one.manner.as_str(), one.outcome.as_str())).collect();
    assert_eq!(manners, [("device", "agrees"), ("meter", "agrees"), ("inspection", "agrees")]);
    assert_eq!(world.replay(), world.state);
}

#[test]
fn a_report_whose_own_figures_agree_is_cross_checked_then_countersigned_then_attested() {
    let chip = chip(&|_, _| {});
    let mut world = world_of(Setup { nvidia_root: root_of(&chip), ..Setup::default() });
    let first = world.report("lab-b", 0, "other", 1, 1);
    world.block(vec![first]).unwrap();
    let tip = world.tip().unwrap().clone();
    world.advance_to_period(2);
    let report = backed(&world, 1);
    let (claim, id, envelope) = world.state("lab-a", Predicate::TrainingCompute(report), None);
    world.block(vec![envelope]).unwrap();
    assert_eq!(grade(&world, id), Grade::CrossChecked);
    let (_, signed) = countersign(&mut world, "inspector", SignerRole::Meter, (&claim, id), (590, 610), None);
    world.block(vec![signed]).unwrap();
    assert_eq!(grade(&world, id), Grade::Countersigned);
    let (_, asked) = attest(&mut world, &chip, |own| {
        own.head = LogHead { size: tip.log_size, root: tip.log_root };
        own.collected_at = tip.time.plus(60_000);
    });
    world.block(vec![asked]).unwrap();
    assert_eq!(grade(&world, id), Grade::Attested, "made in the window, told later");
}

#[test]
fn observations_that_miss_the_claim_are_recorded_and_raise_nothing() {
    let mut world = world();
    let report = world.training(0, "aurora", 600, 600);
    let (claim, id, envelope) = world.state("lab-a", Predicate::TrainingCompute(report), None);
    world.block(vec![envelope]).unwrap();
    let (wide, signed) = countersign(&mut world, "evaluator", SignerRole::Evaluator, (&claim, id), (0, 10_000), None);
    world.block(vec![signed]).unwrap();
    assert_eq!(grade(&world, id), Grade::Declared, "who says everything confirms nothing");
    let at = (&claim, id);
    let (_, missed) = countersign(&mut world, "inspector", SignerRole::Meter, at, (900, 950), None);
    let applied = world.block(vec![missed]).unwrap();
    let disagreed = |event: &Event| matches!(event, Event::Disagreed { statement, .. } if *statement == id);
    assert!(applied.events.iter().any(disagreed));
    assert_eq!(grade(&world, id), Grade::Declared);
    let (_, again) = countersign(&mut world, "inspector", SignerRole::Meter, at, (590, 610), None);
    refused(&world, again, "spoken-already");
    world.release_sequence("inspector");
    // What was observed wrongly is corrected, and then counts.
    let (_, right) = countersign(&mut world, "evaluator", SignerRole::Evaluator, at, (590, 610), Some(wide));
    world.block(vec![right]).unwrap();
    assert_eq!(grade(&world, id), Grade::Countersigned);
}

#[test]
fn a_grade_falls_only_with_what_it_rests_on() {
    let mut world = world();
    let report = world.training(0, "aurora", 600, 600);
    let (claim, id, envelope) = world.state("lab-a", Predicate::TrainingCompute(report), None);
    world.block(vec![envelope]).unwrap();
    let (signed, first) = countersign(&mut world, "inspector", SignerRole::Meter, (&claim, id), (590, 610), None);
    world.block(vec![first]).unwrap();
    assert_eq!(grade(&world, id), Grade::Countersigned);
    let wrong = inspect(&mut world, id, (900, 950), InspectionResult::Inconsistent);
    world.block(vec![wrong]).unwrap();
    assert_eq!(grade(&world, id), Grade::Countersigned, "a disagreement takes nothing away");
    let (_, back) = countersign(&mut world, "inspector", SignerRole::Meter, (&claim, id), (700, 710), Some(signed));
    world.block(vec![back]).unwrap();
    assert_eq!(grade(&world, id), Grade::Declared);
}

#[test]
fn nobody_speaks_out_of_turn() {
    let mut world = world();
    let report = world.training(0, "aurora", 600, 600);
    let (claim, id, envelope) = world.state("lab-a", Predicate::TrainingCompute(report), None);
    world.block(vec![envelope]).unwrap();
    let sign = |world: &mut World, signer: &str, role, about| {
        let (_, envelope) = countersign(world, signer, role, about, (590, 610), None);
        world.release_sequence(signer);
        envelope
    };
    let other = Hash::sha256(b"another statement");
    let unknown = sign(&mut world, "evaluator", SignerRole::Evaluator, (&claim, other));
    refused(&world, unknown, "unknown-statement");
    let own = sign(&mut world, "lab-b", SignerRole::Host, (&claim, id));
    refused(&world, own, "wrong-role");
    let role = sign(&mut world, "evaluator", SignerRole::Meter, (&claim, id));
    refused(&world, role, "wrong-role");
    let mut moved = claim.clone();
    moved.subjects[0].sha256 = other;
    let subjects = sign(&mut world, "evaluator", SignerRole::Evaluator, (&moved, id));
    refused(&world, subjects, "other-subjects");
    let mut named = claim.clone();
    named.common.member = name("lab-b");
    let member = sign(&mut world, "evaluator", SignerRole::Evaluator, (&named, id));
    refused(&world, member, "statement-of-another-member");

    let mut myself = claim.clone();
    myself.common.member = name("inspector");
    let own = sign(&mut world, "inspector", SignerRole::Meter, (&myself, id));
    refused(&world, own, "statement-about-itself");
}

#[test]
fn an_evaluation_is_a_record_about_the_lab_whose_run_made_the_model() {
    let mut world = world();
    let report = world.report("lab-a", 0, "aurora", 600, 600);
    world.block(vec![report]).unwrap();
    let mut evaluation = example::capability_evaluation();
    evaluation.window = Window { start: GENESIS.plus(1000), end: GENESIS.plus(2000) };
    let (claim, id, envelope) = world.state("evaluator", Predicate::CapabilityEvaluation(evaluation), None);
    world.block(vec![envelope]).unwrap();
    let known = query::claim(&world.state, &id).unwrap().unwrap();
    assert_eq!(known.content, Content::Evaluation(Some((name("lab-a"), 0))));

    // Under another member's name, nobody signs its own either.
    let mut moved = claim;
    moved.common.member = name("lab-a");
    let score = Observation { item: Some(0), unit: Unit::Ppm, ..observed(Figure::FlopIncremental, 0, 1) };
    let score = Observation { figure: Figure::Score, ..score };
    let (_, own) = countersign_figures(&mut world, "evaluator", SignerRole::Evaluator, (&moved, id), vec![score], None);
    refused(&world, own, "own-statement");
}

#[test]
fn evidence_that_does_not_hold_is_refused_by_name() {
    let genuine = chip(&|_, _| {});
    let mut world = world_of(Setup { nvidia_root: root_of(&genuine), ..Setup::default() });
    let first = world.report("lab-b", 0, "other", 1, 1);
    world.block(vec![first]).unwrap();
    let mut code = |chip: &Report, change: &dyn Fn(&mut HardwareEvidence), code: &str| {
        let (_, envelope) = attest(&mut world, chip, change);
        world.release_sequence("lab-a");
        refused(&world, envelope, code);
    };
    code(&genuine, &|own| own.head.root = Hash::sha256(b"another log"), "unknown-head");
    code(&genuine, &|own| own.head.size += 1, "unknown-head");
    code(&genuine, &|own| own.collected_at.0 -= 60_000, "collected-before-head");
    code(&genuine, &|own| own.device.tag = Maybe::Known(Hash::sha256(b"another chip")), "other-chip");
    code(&Report::from_files(REPORT, CHAIN).unwrap(), &|_| {}, "device-unknown-root");
    let (until, over) = (b"99991231235959Z", b"20250101000000Z");
    let expired = chip(&|index, tbs: &mut Vec<u8>| {
        if index == 0 {
            forge::replace(tbs, until, over);
        }
    });
    // The root is the same: its key and its bytes are.
    code(&expired, &|_| {}, "device-certificate");

    // Signed for another subject: what it answers is not what this statement is about.
    let (_, envelope) = attest(&mut world, &genuine, |_| {});
    world.release_sequence("lab-a");
    let text = String::from_utf8(envelope).unwrap();
    let parsed = standstill_protocol::dsse::Envelope::parse(text.as_bytes()).unwrap();
    let mut statement = Statement::parse(parsed.payload()).unwrap();
    if let Predicate::HardwareEvidence(own) = &mut statement.predicate {
        own.run = Some(name("another"));
    }
    let moved = Statement::of(statement.common.clone(), statement.predicate).unwrap();
    let (_, envelope) = world.seal(&moved);
    refused(&world, envelope, "device-nonce");
}

fn checkpoint(log: &MemoryLog, previous: Option<u64>, size: u64, world: &World) -> TelemetryLog {
    let head = |size: u64| LogHead { size, root: log.root_at(size).unwrap() };
    TelemetryLog {
        log: name("power"),
        site: name("dc-1"),
        origin: "lab-a.example/power".to_owned(),
        leaf_format: "test/v1".to_owned(),
        window: Window { start: GENESIS, end: world.now },
        head: head(size),
        previous: previous.map(head),
        proof: previous.map_or_else(Vec::new, |previous| consistency::prove(log, previous, size).unwrap()),
    }
}

#[test]
fn a_labs_own_log_only_grows() {
    let mut world = world();
    let grown = |salt: u64| {
        let mut log = MemoryLog::new();
        for leaf in 0..40u64 {
            log.append(leaf_hash(&[leaf.to_be_bytes(), salt.to_be_bytes()].concat()));
        }
        log
    };
    let (log, fork) = (grown(0), grown(1));
    let say = |world: &mut World, own: TelemetryLog| world.state("lab-a", Predicate::TelemetryLog(own), None).2;
    let early = checkpoint(&log, Some(3), 10, &world);
    let early = say(&mut world, early);
    world.release_sequence("lab-a");
    refused(&world, early, "log-not-started");
    for (previous, size) in [(None, 10), (Some(10), 10), (Some(10), 25)] {
        let own = checkpoint(&log, previous, size, &world);
        let envelope = say(&mut world, own);
        world.block(vec![envelope]).unwrap();
    }
    let known = query::telemetry(&world.state, &name("lab-a")).unwrap();
    assert_eq!(known.iter().map(|(_, log)| (log.size, log.checkpoints)).collect::<Vec<_>>(), [(25, 3)]);
    let other = |change: fn(&mut TelemetryLog)| {
        let mut own = checkpoint(&log, Some(25), 30, &world);
        change(&mut own);
        own
    };
    let cases = [
        (checkpoint(&fork, Some(10), 30, &world), "log-forked"),
        (checkpoint(&log, Some(10), 30, &world), "log-forked"),
        (checkpoint(&log, None, 30, &world), "log-forked"),
        (checkpoint(&log, Some(10), 20, &world), "log-shrank"),
        (other(|own| own.origin.push('x')), "log-changed"),
        (other(|own| own.leaf_format.push('x')), "log-changed"),
        (other(|own| own.site = name("dc-2")), "log-changed"),
    ];
    for (own, code) in cases {
        let envelope = say(&mut world, own);
        world.release_sequence("lab-a");
        refused(&world, envelope, code);
    }
}

#[test]
fn plans_are_amended_one_after_the_other_and_inventories_are_as_of() {
    let mut world = world();
    let plan = |world: &World, amends, chips| RunPlan {
        run: name("aurora-4"),
        sites: vec![name("dc-1")],
        run_stage: RunStage::PreTraining,
        planned: Window { start: world.now.plus(60_000), end: world.now.plus(120_000) },
        flop: Interval::exact(Flop(1000)),
        counting_rule: CountingRule::ModelFlop,
        chips: vec![PlannedChips { accelerator: name("h100-sxm"), count: chips }],
        base_models: Vec::new(),
        purpose: "a test".to_owned(),
        amends,
        basis: Basis::Declared,
        evidence: Vec::new(),
    };
    let first = Predicate::RunPlan(plan(&world, None, 4));
    let (_, id, envelope) = world.state("lab-a", first.clone(), None);
    world.block(vec![envelope]).unwrap();
    let (_, _, again) = world.state("lab-a", first, None);
    world.release_sequence("lab-a");
    refused(&world, again, "other-plan");
    let amended = Predicate::RunPlan(plan(&world, Some(id), 8));
    let (_, _, envelope) = world.state("lab-a", amended, None);
    world.block(vec![envelope]).unwrap();
    let plans = query::plans(&world.state, &name("lab-a")).unwrap();
    assert_eq!(
        plans.iter().map(|(run, plan)| (run.as_str(), plan.chips, plan.amendments)).collect::<Vec<_>>(),
        [("aurora-4", 8, 1)]
    );

    // A planned run is new when it is first reported.
    let report = world.report("lab-a", 0, "aurora-4", 5, 5);
    world.block(vec![report]).unwrap();
    assert_eq!(query::compute(&world.state, &name("lab-a"), 0).unwrap().new_runs, 1);

    let inventory = |world: &World, accelerator: &str, count, age| ChipInventory {
        site: name("dc-1"),
        as_of: standstill_protocol::units::Timestamp(world.now.0 - age),
        chips: vec![ChipCount {
            accelerator: name(accelerator),
            count,
            ownership: Ownership::Owned,
            counterparty: None,
        }],
        ids: Maybe::Unknown("a test".to_owned()),
        basis: Basis::Declared,
        evidence: Vec::new(),
    };
    let unknown = inventory(&world, "abacus", 8, 0);
    let (_, _, envelope) = world.state("lab-a", Predicate::ChipInventory(unknown), None);
    world.release_sequence("lab-a");
    refused(&world, envelope, "unknown-accelerator");
    for (count, age) in [(8, 1000), (6, 5000)] {
        let own = inventory(&world, "h100-sxm", count, age);
        let (_, _, envelope) = world.state("lab-a", Predicate::ChipInventory(own), None);
        world.block(vec![envelope]).unwrap();
    }
    let known = query::inventories(&world.state, &name("lab-a")).unwrap();
    let found: Vec<_> = known.iter().map(|(site, one)| (site.as_str(), one.chips, one.peak.0)).collect();
    assert_eq!(found, [("dc-1", 8, 8 * 1_979_000_000_000_000)], "an older one does not take the place of a newer");
}

#[test]
fn corrections_supersede_and_erase_nothing() {
    let mut world = world();
    let report = world.training(0, "aurora", 600, 600);
    let (claim, id, envelope) = world.state("lab-a", Predicate::TrainingCompute(report.clone()), None);
    world.block(vec![envelope]).unwrap();
    let refuse = |world: &mut World, member: &str, report: TrainingCompute, corrects: StatementId, code: &str| {
        let (_, _, envelope) = world.state(member, Predicate::TrainingCompute(report), Some(corrects));
        world.release_sequence(member);
        refused(world, envelope, code);
    };
    let lower = world.training(0, "aurora", 500, 500);
    let other = world.training(0, "borealis", 500, 500);
    refuse(&mut world, "lab-a", lower.clone(), Hash::sha256(b"none"), "unknown-statement");
    refuse(&mut world, "lab-b", lower.clone(), id, "corrects-another-member");
    refuse(&mut world, "lab-a", other, id, "correction-elsewhere");
    let uncorrected = world.report("lab-a", 0, "aurora", 0, 500);
    world.release_sequence("lab-a");
    refused(&world, uncorrected, "cumulative-contradiction");
    let (_, by, envelope) = world.state("lab-a", Predicate::TrainingCompute(lower.clone()), Some(id));
    let applied = world.block(vec![envelope]).unwrap();
    assert!(applied.events.contains(&Event::Corrected { member: name("lab-a"), statement: id, by }));
    let old = query::claim(&world.state, &id).unwrap().unwrap();
    let new = query::claim(&world.state, &by).unwrap().unwrap();
    assert_eq!((old.corrected_by, new.corrects, new.corrections), (Some(by), Some(id), 1));
    assert!(query::statement(&world.state, &id).unwrap().is_some(), "it stays in the log");
    let compute = query::compute(&world.state, &name("lab-a"), 0).unwrap();
    assert_eq!((compute.reports, compute.lower.0, compute.upper.0), (1, 500, 500));
    refuse(&mut world, "lab-a", lower, id, "corrected-already");
    let (_, late) = countersign(&mut world, "inspector", SignerRole::Meter, (&claim, id), (590, 610), None);
    world.release_sequence("inspector");
    refused(&world, late, "corrected-already");
}

#[test]
fn a_correction_re_assesses_its_period_and_later_ones_follow_in_their_turn() {
    let mut world = world();
    let votes = [world.vote("evaluator", "slowdown", true), world.vote("regulator", "slowdown", true)];
    world.block(votes.to_vec()).unwrap();
    world.advance_to_period(3);
    let first = world.training(2, "aurora", 900, 900);
    let (_, first, envelope) = world.state("lab-a", Predicate::TrainingCompute(first), None);
    world.block(vec![envelope]).unwrap();
    let verdict = |world: &World, period| {
        query::verdict(&world.state, &name("slowdown"), &name("lab-a"), period).unwrap().map(|one| one.verdict)
    };
    assert_eq!(verdict(&world, 2), Some(Verdict::Holds));
    world.advance_to_period(4);
    let second = world.training(3, "aurora", 50, 950);
    let (_, second, envelope) = world.state("lab-a", Predicate::TrainingCompute(second), None);
    world.block(vec![envelope]).unwrap();
    let mut correct = |corrects, period, incremental, cumulative| {
        let right = world.training(period, "aurora", incremental, cumulative);
        let (_, _, envelope) = world.state("lab-a", Predicate::TrainingCompute(right), Some(corrects));
        world.block(vec![envelope]).map(|_| ())
    };
    correct(first, 2, 1200, 1200).unwrap();
    correct(second, 3, 50, 1250).unwrap();
    assert_eq!(verdict(&world, 2), Some(Verdict::Violated));
    assert_eq!(verdict(&world, 3), Some(Verdict::Holds));
    let run = query::runs(&world.state, &name("lab-a")).unwrap().remove(0);
    assert_eq!((run.reports, run.cumulative_lower.0), (2, 1250));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A report and its correction leave the sums that the right report alone leaves.
    #[test]
    fn a_corrected_report_counts_as_the_right_one_alone(
        wrong in 0u128..5000, right in 0u128..5000, behind in 0u128..5000, more in 0u128..500, later in any::<bool>(),
    ) {
        let sums = |wrong: Option<u128>| {
            let mut world = world();
            let mut corrects = None;
            if let Some(wrong) = wrong {
                let report = world.training(0, "aurora", wrong, wrong + behind);
                let (_, id, envelope) = world.state("lab-a", Predicate::TrainingCompute(report), None);
                world.block(vec![envelope]).unwrap();
                corrects = Some(id);
            }
            let report = world.training(0, "aurora", right, right + behind);
            let (_, _, envelope) = world.state("lab-a", Predicate::TrainingCompute(report), corrects);
            world.block(vec![envelope]).unwrap();
            if later {
                world.advance_to_period(2);
                let report = world.report("lab-a", 1, "aurora", more, right + behind + more);
                world.block(vec![report]).unwrap();
            }
            let lab = name("lab-a");
            let compute = [0, 1].map(|period| query::compute(&world.state, &lab, period).unwrap());
            let mut run = query::runs(&world.state, &lab).unwrap().remove(0);
            (run.latest, run.window_end) = (None, world.now);
            (compute, run.reports, run.cumulative_lower, run.cumulative_upper)
        };
        prop_assert_eq!(sums(Some(wrong)), sums(None));
    }
}
