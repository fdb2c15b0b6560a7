//! Several tools' files as one report: what is merged, what is chosen, what is refused.

mod files;

use files::{file, source};
use standstill_attestations::claim::{Basis, Evidence, EvidenceRole, Interval, Maybe, PpmInterval, Window};
use standstill_attestations::statement::{Common, Kind, Predicate, Statement};
use standstill_attestations::training::{CountingRule, EnergyBoundary, Method, RunStage, Session};
use standstill_importers::contribution::{
    ActivityFacts, Contribution, EnergyFacts, FlopFacts, HardwareFacts, WorkloadFacts,
};
use standstill_importers::{
    Draft, HardwareContext, ImportError, Imported, Note, Options, TrainingContext, combine, import,
};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::{Flop, Joule, Ppm, Timestamp};

const STATE: &str = "hf_trainer/trainer_state.final-step20.json";
const SACCT: &str = "slurm/sacct_json_duplicates.22.05.8.json";

fn context() -> TrainingContext {
    TrainingContext {
        site: "dc-1".parse().unwrap(),
        run: "tiny-gpt2".parse().unwrap(),
        run_stage: RunStage::PreTraining,
        period: 0,
        sessions: Vec::new(),
        final_report: None,
        base_models: Vec::new(),
        before: None,
        parameters: Maybe::Known((100_096, 100_096)),
        hardware: Maybe::Known(HardwareContext {
            accelerator: Some("h100-sxm".parse().unwrap()),
            peak_flop_per_second: Some(989_000_000_000_000),
            ..HardwareContext::default()
        }),
        energy: Maybe::Unknown("no meter".to_owned()),
        tool_version: None,
    }
}

fn statement(imported: Imported<Contribution>, context: TrainingContext) -> Statement {
    let subjects = imported.files_as_subjects();
    let predicate = Predicate::TrainingCompute(imported.into_training_compute(context).unwrap());
    let common = Common {
        chain_id: Hash::sha256(b"chain"),
        member: "lab-a".parse().unwrap(),
        sequence: 1,
        issued_at: Timestamp::parse("2026-12-01T00:00:00Z").unwrap(),
        corrects: None,
    };
    Statement { subjects, common, predicate }
}

#[test]
fn a_trainer_s_count_and_a_scheduler_s_sessions_make_one_statement() {
    let (state, sacct) = (file(STATE), file(SACCT));
    let options = Options { jobs: vec!["2".to_owned()], ..Options::default() };
    let sources = [source(STATE, &state), source(SACCT, &sacct)];
    let Ok(Draft::Training(imported)) = import(Kind::TrainingCompute, &sources, &options) else { panic!() };
    let statement = statement(imported, context());
    statement.check().unwrap();
    assert_eq!(Statement::parse(&statement.to_json()), Ok(statement.clone()));
    let Predicate::TrainingCompute(report) = statement.predicate else { panic!() };
    assert_eq!(report.flop.incremental, Interval::exact(Flop(12_299_796_480)));
    assert_eq!(report.sessions.len(), 2);
    assert_eq!(report.window.start.to_string(), "2026-11-23T10:50:36Z");
    let hardware = report.hardware.known().unwrap();
    assert_eq!((hardware.chips, hardware.chip_seconds), (4, 88));
    assert_eq!(hardware.accelerator.as_str(), "h100-sxm");
    assert_eq!(hardware.utilisation, PpmInterval { lower: Ppm(0), upper: Ppm(1_000_000) }, "not measured");
    assert_eq!(report.evidence.len(), 2);
    assert!(report.final_report);
}

#[test]
fn a_chip_that_the_flags_call_otherwise_is_refused() {
    let (state, sacct) = (file(STATE), file(SACCT));
    let sources = [source(STATE, &state), source(SACCT, &sacct)];
    let Ok(Draft::Training(imported)) = import(Kind::TrainingCompute, &sources, &Options::default()) else { panic!() };
    let hardware =
        HardwareContext { accelerator: Some("a100-sxm-80gb".parse().unwrap()), ..HardwareContext::default() };
    let refused = imported.into_training_compute(TrainingContext { hardware: Maybe::Known(hardware), ..context() });
    assert_eq!(
        refused.unwrap_err().to_string(),
        "`hardware.accelerator` is a100-sxm-80gb by the flags and h100 by the files"
    );
}

fn part(file: &str, role: EvidenceRole, facts: Contribution) -> Imported<Contribution> {
    let evidence = Evidence {
        role,
        tool: "tool".to_owned(),
        tool_version: Maybe::Unknown("a test".to_owned()),
        format: "test".to_owned(),
        sha256: Hash::sha256(file.as_bytes()),
        size_bytes: 1,
        imported_fields: vec!["x".to_owned()],
        backs: Vec::new(),
    };
    let note = Note { file: file.to_owned(), field: "x".to_owned(), text: "taken".to_owned() };
    Imported { facts, evidence: vec![evidence], took: vec![note], left: Vec::new() }
}

fn flop(lower: u128, upper: u128, counting_rule: CountingRule) -> Contribution {
    let facts = FlopFacts {
        incremental: Interval::new(Flop(lower), Flop(upper)).unwrap(),
        cumulative: None,
        discarded: None,
        method: Method::FrameworkCounter,
        counting_rule,
        basis: Basis::Computed,
    };
    Contribution { flop: Some(facts), ..Contribution::default() }
}

fn window(start: u64, end: u64) -> Window {
    Window { start: Timestamp(start * 1000), end: Timestamp(end * 1000) }
}

fn sessions(spans: &[(u64, u64)]) -> Contribution {
    let session = |(start, end): &(u64, u64)| Session {
        window: window(*start, *end),
        resumed_from: Maybe::Known(None),
        chips: Maybe::Unknown("a test".to_owned()),
    };
    Contribution { sessions: spans.iter().map(session).collect(), ..Contribution::default() }
}

fn energy(joules: u64, boundary: EnergyBoundary, span: Option<(u64, u64)>, basis: Basis) -> Contribution {
    let window = span.map(|(start, end)| window(start, end));
    Contribution {
        energy: vec![EnergyFacts { joules: Joule(joules), boundary, window, covered_chip_seconds: None, basis }],
        ..Contribution::default()
    }
}

fn chips(chips: u64) -> Contribution {
    Contribution {
        hardware: Some(HardwareFacts { chips: Some(chips), ..HardwareFacts::default() }),
        ..Contribution::default()
    }
}

/// Combines parts of trainers (`t`), schedulers (`s`) and meters.
fn merged(parts: Vec<(&str, Contribution)>) -> Result<Imported<Contribution>, ImportError> {
    let role = |file: &str| match file.chars().next() {
        Some('s') => EvidenceRole::SchedulerLog,
        Some('t') => EvidenceRole::TrainingLog,
        _ => EvidenceRole::PowerLog,
    };
    combine(parts.into_iter().map(|(file, facts)| part(file, role(file), facts)).collect())
}

fn code(parts: Vec<(&str, Contribution)>) -> &'static str {
    merged(parts).unwrap_err().code()
}

#[test]
fn figures_of_one_rule_must_overlap_and_the_narrower_is_taken() {
    let rule = CountingRule::ModelFlop;
    let both = merged(vec![("t1", flop(90, 120, rule)), ("t2", flop(100, 101, rule))]).unwrap();
    assert_eq!(both.facts.flop.unwrap().incremental, Interval::new(Flop(100), Flop(101)).unwrap());
    assert!(both.left.iter().any(|note| note.file == "t1" && note.field == "flop"), "{:?}", both.left);
    assert_eq!(code(vec![("t1", flop(90, 99, rule)), ("t2", flop(100, 101, rule))]), "import-disagreement");
}

#[test]
fn recomputation_is_not_taken_where_the_model_s_own_operations_are_known() {
    let parts =
        vec![("t1", flop(146, 146, CountingRule::HardwareFlop)), ("t2", flop(109, 111, CountingRule::ModelFlop))];
    assert_eq!(merged(parts).unwrap().facts.flop.unwrap().counting_rule, CountingRule::ModelFlop);
}

#[test]
fn a_scheduler_decides_on_sessions_and_chips() {
    let both = merged(vec![("t", sessions(&[(5, 9)])), ("s", sessions(&[(0, 10), (20, 30)]))]).unwrap();
    assert_eq!(both.facts.sessions.len(), 2);
    assert_eq!(code(vec![("t", sessions(&[(12, 18)])), ("s", sessions(&[(0, 10), (20, 30)]))]), "import-disagreement");
    assert_eq!(merged(vec![("t", chips(8)), ("s", chips(16))]).unwrap().facts.hardware.unwrap().chips, Some(16));
    assert_eq!(code(vec![("t", chips(32)), ("s", chips(16))]), "import-disagreement");
}

#[test]
fn tokens_must_agree() {
    let tokens = |tokens| Contribution {
        workload: Some(WorkloadFacts { tokens: Some(tokens), ..WorkloadFacts::default() }),
        ..Contribution::default()
    };
    assert_eq!(merged(vec![("t1", tokens(5)), ("t2", tokens(5))]).unwrap().facts.workload.unwrap().tokens, Some(5));
    assert_eq!(code(vec![("t1", tokens(5)), ("t2", tokens(6))]), "import-disagreement");
}

#[test]
fn energy_adds_up_over_time_and_never_twice() {
    use EnergyBoundary::{Accelerator, Server};
    let measured = |joules, boundary, span| energy(joules, boundary, span, Basis::Measured);
    let apart = merged(vec![
        ("m1", measured(10, Accelerator, Some((0, 10)))),
        ("m3", measured(40, Accelerator, Some((20, 30)))),
        ("m2", measured(20, Accelerator, Some((10, 20)))),
    ])
    .unwrap();
    assert_eq!(apart.facts.energy[0].joules, Joule(70));
    assert_eq!(apart.facts.energy[0].window, Some(window(0, 30)));
    let overlap = vec![("m1", measured(10, Server, Some((0, 10)))), ("m2", measured(20, Server, Some((9, 20))))];
    assert_eq!(code(overlap), "import-twice");
    let unknown = vec![("m1", measured(10, Server, None)), ("m2", measured(20, Server, Some((9, 20))))];
    assert_eq!(code(unknown), "import-twice");
    let two = merged(vec![("m1", measured(30, Server, None)), ("m2", measured(20, Accelerator, None))]).unwrap();
    assert_eq!(two.facts.energy.len(), 1);
    assert_eq!(two.facts.energy[0].boundary, Accelerator, "the one nearest the chips");
    let computed = energy(20, Accelerator, None, Basis::Estimated);
    let two = merged(vec![("m1", measured(30, Server, None)), ("m2", computed)]).unwrap();
    assert_eq!(two.facts.energy[0].boundary, Server, "measured before estimated");
}

#[test]
fn activity_comes_from_one_tool_and_no_file_is_given_twice() {
    let activity = || Contribution {
        activity: Some(ActivityFacts {
            active: PpmInterval { lower: Ppm(1), upper: Ppm(2) },
            covered_chip_seconds: 1,
            window: None,
        }),
        ..Contribution::default()
    };
    assert_eq!(code(vec![("m1", activity()), ("m2", activity())]), "import-twice");
    assert_eq!(code(vec![("m1", chips(1)), ("m1", chips(1))]), "import-same-file");
    let many: Vec<String> = (0..17).map(|index| format!("m{index}")).collect();
    assert_eq!(code(many.iter().map(|name| (name.as_str(), chips(1))).collect()), "import-too-many-files");
}

#[test]
fn tokens_and_parameters_make_a_figure_and_discarded_tokens_another() {
    let workload = WorkloadFacts { tokens: Some(1_000), discarded_tokens: Some(10), ..WorkloadFacts::default() };
    let tokens = Contribution { workload: Some(workload), ..Contribution::default() };
    let merged = merged(vec![("t", tokens), ("s", sessions(&[(0, 10)]))]).unwrap();
    let report = merged.into_training_compute(TrainingContext { hardware: Maybe::Unknown("CPU".into()), ..context() });
    let report = report.unwrap();
    assert_eq!(report.method, Method::SixNd);
    assert_eq!(report.flop.incremental, Interval::exact(Flop(6 * 100_096 * 1_000)));
    assert_eq!(report.flop.discarded, Maybe::Known(Interval::exact(Flop(6 * 100_096 * 10))));
}

#[test]
fn what_nobody_says_is_asked_for() {
    let refused = merged(vec![("t", chips(1))]).unwrap().into_training_compute(context()).unwrap_err();
    assert_eq!(refused.code(), "import-not-stated", "{refused}");
    let refused = merged(vec![("s", sessions(&[(0, 10)]))]).unwrap().into_training_compute(context()).unwrap_err();
    assert_eq!(refused.code(), "import-not-stated", "{refused}");
}
