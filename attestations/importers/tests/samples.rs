//! Every sample file with the numbers that it must give. The figures were taken from the files by hand.

mod files;

use files::{file, source};
use standstill_attestations::claim::{Basis, Interval, Maybe};
use standstill_attestations::evaluation::{EvaluationStatus, EvaluatorRelationship, Spread};
use standstill_attestations::statement::{Common, Kind, Predicate, Statement, Subject};
use standstill_attestations::training::{CountingRule, Method, RunStage, Session};
use standstill_importers::{
    Contribution, Draft, EvaluationContext, Format, ImportError, Imported, Options, Source, TrainingContext,
    hf_trainer, import, inspect,
};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::{Flop, Timestamp};

const CHECKPOINT: &str = "hf_trainer/trainer_state.checkpoint-10.json";
const FINAL: &str = "hf_trainer/trainer_state.final-step20.json";
const RESUMED: &str = "hf_trainer/trainer_state.resumed-to-step40.json";

/// File, earlier file, cumulative, incremental, tokens, starts, finished.
type TrainerRow = (&'static str, Option<&'static str>, u128, u128, u128, u32, bool);

const TRAINER: [TrainerRow; 6] = [
    (CHECKPOINT, None, 6_149_898_240, 6_149_898_240, 10_240, 1, false),
    (FINAL, None, 12_299_796_480, 12_299_796_480, 20_480, 1, true),
    (FINAL, Some(CHECKPOINT), 12_299_796_480, 6_149_898_240, 10_240, 1, true),
    (RESUMED, None, 24_599_592_960, 24_599_592_960, 40_960, 2, true),
    (RESUMED, Some(FINAL), 24_599_592_960, 12_299_796_480, 20_480, 2, true),
    (RESUMED, Some(CHECKPOINT), 24_599_592_960, 18_449_694_720, 30_720, 2, true),
];

#[test]
fn a_resumed_run_is_counted_once_however_its_states_are_split() {
    for (name, previous, cumulative, incremental, tokens, starts, finished) in TRAINER {
        let bytes = file(name);
        let earlier = previous.map(|previous| (previous, file(previous)));
        let earlier = earlier.as_ref().map(|(name, bytes)| source(name, bytes));
        let facts = hf_trainer::import(source(name, &bytes), earlier).unwrap().facts;
        assert_eq!(facts.state.total_flos, Interval::exact(Flop(cumulative)), "{name}");
        assert_eq!(facts.incremental, Interval::exact(Flop(incremental)), "{name}");
        assert_eq!(facts.tokens, Some(tokens), "{name}");
        assert_eq!((facts.state.starts, facts.state.finished), (starts, finished), "{name}");
        assert_eq!(facts.implied_parameters(), Some(100_096), "{name}");
    }
}

#[test]
fn two_state_files_are_ordered_by_their_steps_not_by_their_names() {
    let (resumed, last) = (file(RESUMED), file(FINAL));
    let (resumed, last) = (source("a.json", &resumed), source("b.json", &last));
    let forwards = import(Kind::TrainingCompute, &[last, resumed], &Options::default()).unwrap();
    assert_eq!(forwards, import(Kind::TrainingCompute, &[resumed, last], &Options::default()).unwrap());
    let Draft::Training(imported) = forwards else { panic!("a training draft was expected") };
    assert_eq!(imported.facts.flop.unwrap().incremental, Interval::exact(Flop(12_299_796_480)));
    assert_eq!(imported.evidence.len(), 2);
}

#[test]
fn a_resumed_file_without_the_earlier_one_says_that_it_was_resumed() {
    let bytes = file(RESUMED);
    let imported = hf_trainer::import(source(RESUMED, &bytes), None).unwrap();
    assert!(imported.left.iter().any(|note| note.text.contains("started 2 times")), "{:?}", imported.left);
}

fn session(start: &str, end: &str) -> Session {
    let time = |text| Timestamp::parse(text).unwrap();
    let window = standstill_attestations::Window { start: time(start), end: time(end) };
    Session { window, resumed_from: Maybe::Known(None), chips: Maybe::Unknown("a CPU".to_owned()) }
}

fn common() -> Common {
    Common {
        chain_id: Hash::sha256(b"chain"),
        member: "lab-a".parse().unwrap(),
        sequence: 1,
        issued_at: Timestamp::parse("2026-11-24T00:00:00Z").unwrap(),
        corrects: None,
    }
}

fn training(sources: &[Source<'_>]) -> Imported<Contribution> {
    match import(Kind::TrainingCompute, sources, &Options::default()) {
        Ok(Draft::Training(imported)) => imported,
        other => panic!("a training draft was expected: {other:?}"),
    }
}

fn context() -> TrainingContext {
    TrainingContext {
        site: "dc-1".parse().unwrap(),
        run: "tiny-gpt2".parse().unwrap(),
        run_stage: RunStage::PreTraining,
        period: 0,
        sessions: vec![session("2026-11-23T11:00:00Z", "2026-11-23T11:01:00Z")],
        final_report: None,
        base_models: Vec::new(),
        before: None,
        parameters: Maybe::Known((100_096, 100_096)),
        hardware: Maybe::Unknown("trained on a CPU".to_owned()),
        energy: Maybe::Unknown("no meter".to_owned()),
        tool_version: Some("5.23.0".to_owned()),
    }
}

#[test]
fn a_trainer_state_becomes_a_statement_that_is_read_back() {
    let (resumed, last) = (file(RESUMED), file(FINAL));
    let imported = training(&[source(RESUMED, &resumed), source(FINAL, &last)]);
    let subjects = imported.files_as_subjects();
    let predicate = imported.into_training_compute(context()).unwrap();
    assert_eq!(predicate.method, Method::FrameworkCounter);
    assert_eq!(predicate.counting_rule, CountingRule::SixNdNonEmbedding);
    assert!(predicate.final_report);
    assert_eq!(predicate.evidence[0].sha256, Hash::sha256(&resumed));
    assert_eq!(predicate.evidence[1].size_bytes, last.len() as u64);
    let statement = Statement { subjects, common: common(), predicate: Predicate::TrainingCompute(predicate) };
    statement.check().unwrap();
    assert_eq!(Statement::parse(&statement.to_json()), Ok(statement));
}

#[test]
fn parameters_that_do_not_fit_the_count_are_found() {
    let bytes = file(FINAL);
    let imported = training(&[source(FINAL, &bytes)]);
    let subjects = imported.files_as_subjects();
    let wrong = TrainingContext { parameters: Maybe::Known((200_000, 200_000)), ..context() };
    let predicate = Predicate::TrainingCompute(imported.into_training_compute(wrong).unwrap());
    let refused = Statement { subjects, common: common(), predicate }.check().unwrap_err();
    assert_eq!(refused.code(), "statement-six-nd-contradiction");
}

/// Scorer, reducer, metric, samples scored, score, standard error; unknown as `None`.
type ScoreRow = (&'static str, Option<&'static str>, &'static str, Option<u64>, Option<u64>, Option<u64>);

struct LogRow {
    file: &'static str,
    format: &'static str,
    model: &'static str,
    suite: (&'static str, &'static str, Option<&'static str>),
    harness: (&'static str, Option<&'static str>),
    status: EvaluationStatus,
    window: (&'static str, &'static str),
    /// In the suite, planned, completed, epochs.
    samples: (u64, u64, u64, u32),
    solver: &'static [&'static str],
    settings: &'static [(&'static str, &'static str)],
    scores: &'static [ScoreRow],
}

const HALF: Option<u64> = Some(416_667);
const HALF_ERROR: Option<u64> = Some(148_648);

const LOGS: [LogRow; 7] = [
    LogRow {
        file: "inspect/2025-05-12T20-28-13-04-00_no-samples.json",
        format: inspect::FORMAT_JSON,
        model: "openai/gpt-4o-mini",
        suite: ("testtaskname", "0", Some("e9a9d7161")),
        harness: ("0.3.95.dev16+g6527d0861", Some("6527d0861")),
        status: EvaluationStatus::Cancelled,
        window: ("2025-05-13T00:28:13Z", "2025-05-13T00:28:16Z"),
        samples: (100, 3, 3, 1),
        solver: &["system_message", "generate"],
        settings: &[("config.epochs_reducer", "mean"), ("config.fail_on_error", "true"), ("config.limit", "3")],
        scores: &[("match", None, "accuracy", None, Some(666_667), Some(333_334))],
    },
    LogRow {
        file: "inspect/2025-05-12T20-28-13-04-00_popularity.json",
        format: inspect::FORMAT_JSON,
        model: "openai/gpt-4o-mini",
        suite: ("popularity", "0", Some("e9a9d7161")),
        harness: ("0.3.95.dev16+g6527d0861", Some("6527d0861")),
        status: EvaluationStatus::Cancelled,
        window: ("2025-05-13T00:28:13Z", "2025-05-13T00:28:16Z"),
        samples: (100, 3, 3, 1),
        solver: &["system_message", "generate"],
        settings: &[("config.epochs_reducer", "mean"), ("config.fail_on_error", "true"), ("config.limit", "3")],
        scores: &[("match", None, "accuracy", None, Some(666_667), Some(333_334))],
    },
    LogRow {
        file: "inspect/generated-nan-score.json",
        format: inspect::FORMAT_JSON,
        model: "mockllm/model",
        suite: ("nantask", "0", Some("59dfb92")),
        harness: ("0.3.285", None),
        status: EvaluationStatus::Success,
        window: ("2026-11-23T10:47:18Z", "2026-11-23T10:47:20Z"),
        samples: (1, 1, 1, 1),
        solver: &["generate"],
        settings: &[("config.fail_on_error", "true"), ("config.score_on_error", "false")],
        scores: &[
            ("nanscore", None, "mean", Some(0), None, None),
            ("one", None, "accuracy", Some(1), Some(1_000_000), Some(0)),
        ],
    },
    LogRow {
        file: "inspect/generated-mockllm-success.eval",
        format: inspect::FORMAT_EVAL,
        model: "mockllm/model",
        suite: ("arith", "0", Some("59dfb92")),
        harness: ("0.3.285", None),
        status: EvaluationStatus::Success,
        window: ("2026-11-23T10:45:59Z", "2026-11-23T10:46:01Z"),
        samples: (12, 24, 24, 2),
        solver: &["system_message", "generate"],
        settings: &[
            ("config.epochs_reducer", "mean,at_least_1"),
            ("config.fail_on_error", "true"),
            ("config.score_on_error", "false"),
            ("task.n", "12"),
        ],
        scores: &[
            ("includes", Some("mean"), "accuracy", Some(12), HALF, HALF_ERROR),
            ("includes", Some("at_least_1"), "accuracy", Some(12), HALF, HALF_ERROR),
            ("match", Some("mean"), "accuracy", Some(12), HALF, HALF_ERROR),
            ("match", Some("at_least_1"), "accuracy", Some(12), HALF, HALF_ERROR),
        ],
    },
    LogRow {
        file: "inspect/log_formats.eval",
        format: inspect::FORMAT_EVAL,
        model: "ollama/llama3.1",
        suite: ("popularity", "0", Some("02526f4c")),
        harness: ("0.3.41.dev123+g9ad2119a.d20241015", Some("9ad2119a")),
        status: EvaluationStatus::Success,
        window: ("2024-10-15T16:53:13Z", "2024-10-15T16:53:14Z"),
        samples: (100, 1, 1, 1),
        solver: &["system_message", "generate"],
        settings: &[("config.limit", "1"), ("generate.temperature", "1.0")],
        scores: &[("match", None, "accuracy", None, Some(0), Some(0))],
    },
    LogRow {
        file: "inspect/log_formats.json",
        format: inspect::FORMAT_JSON,
        model: "ollama/llama3.1",
        suite: ("popularity", "0", Some("02526f4c")),
        harness: ("0.3.41.dev123+g9ad2119a.d20241015", Some("9ad2119a")),
        status: EvaluationStatus::Success,
        window: ("2024-10-15T16:53:13Z", "2024-10-15T16:53:14Z"),
        samples: (100, 1, 1, 1),
        solver: &["system_message", "generate"],
        settings: &[("config.limit", "1"), ("generate.temperature", "1.0")],
        scores: &[("match", None, "accuracy", None, Some(0), Some(0))],
    },
    LogRow {
        file: "inspect/mmlu-summary-choices.eval",
        format: inspect::FORMAT_EVAL,
        model: "openai/gpt-4o",
        suite: ("inspect_evals/mmlu_0_shot", "0", Some("de1d065be")),
        harness: ("0.3.154.dev44+g32a84c8fe.d20251213", Some("32a84c8fe")),
        status: EvaluationStatus::Success,
        window: ("2025-12-19T12:37:50Z", "2025-12-19T12:37:53Z"),
        samples: (14_042, 1, 1, 1),
        solver: &["multiple_choice"],
        settings: &[
            ("config.epochs_reducer", "mean"),
            ("config.fail_on_error", "true"),
            ("config.limit", "1"),
            ("generate.temperature", "0.0"),
            ("task.cot", "false"),
            ("task.language", "EN_US"),
        ],
        scores: &[("choice", None, "accuracy", Some(1), Some(0), Some(0))],
    },
];

#[test]
fn every_inspect_log_gives_its_numbers() {
    for row in LOGS {
        let name = row.file;
        let bytes = file(name);
        assert_eq!(Format::detect(&source(name, &bytes)).unwrap().name, row.format, "{name}");
        let facts = inspect::import(source(name, &bytes)).unwrap().facts;
        assert_eq!(facts.model.known().map(String::as_str), Some(row.model), "{name}");
        let commits = facts.suite.commits.known().unwrap();
        let (task, version) = (facts.suite.name.known().unwrap(), facts.suite.version.known().unwrap());
        let suite = (task.as_str(), version.as_str(), Some(commits[0].commit.as_str()));
        assert_eq!(suite, row.suite, "{name}");
        let revision = facts.harness.revision.known().map(String::as_str);
        let tool_version = facts.harness.tool_version.known().unwrap();
        assert_eq!((tool_version.as_str(), revision), row.harness, "{name}");
        assert_eq!(facts.status, row.status, "{name}");
        let window = facts.window.known().unwrap();
        let window = (window.start.to_string(), window.end.to_string());
        assert_eq!((window.0.as_str(), window.1.as_str()), row.window, "{name}");
        let samples = &facts.samples;
        let counts = (*samples.in_suite.known().unwrap(), samples.planned, samples.completed, facts.elicitation.epochs);
        assert_eq!(counts, row.samples, "{name}");
        assert_eq!(facts.elicitation.solver, row.solver, "{name}");
        let parameters = facts.elicitation.parameters.iter();
        let settings: Vec<_> = parameters.map(|one| (one.name.as_str(), one.value.as_str())).collect();
        assert_eq!(settings, row.settings, "{name}");
        let scores: Vec<ScoreRow> = facts.scores.iter().map(as_row).collect();
        assert_eq!(format!("{scores:?}"), format!("{:?}", row.scores), "{name}");
    }
}

fn as_row(score: &standstill_attestations::evaluation::Score) -> ScoreRow {
    let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let error = score.uncertainty.known().map(|uncertainty| match uncertainty.spread {
        Spread::StandardError(error) => error,
        Spread::Interval { .. } => panic!("Inspect writes no intervals"),
    });
    (
        leak(&score.scorer),
        score.reducer.as_deref().map(leak),
        leak(&score.metric),
        score.scored_samples.known().copied(),
        score.value.known().map(|ppm| ppm.unsigned_abs()),
        error,
    )
}

#[test]
fn models_in_roles_and_limits_of_two_ends_become_settings() {
    let name = "inspect/generated-nan-score.json";
    let text = String::from_utf8(file(name)).unwrap();
    let with = text.replacen("\"fail_on_error\": true", "\"limit\": [10, 20], \"fail_on_error\": 0.5", 1).replacen(
        "\"model_args\": {}",
        "\"model_args\": {\"effort\": \"high\"}, \"model_roles\": {\"grader\": {\"model\": \"openai/gpt-4o\"}, \
         \"jury\": [{\"model\": \"a/b\"}, {\"model\": \"c/d\"}]}",
        1,
    );
    let facts = inspect::import(source(name, with.as_bytes())).unwrap().facts;
    let settings: Vec<_> =
        facts.elicitation.parameters.iter().map(|one| format!("{}={}", one.name, one.value)).collect();
    let expected = [
        "config.fail_on_error=0.5",
        "config.limit=10,20",
        "config.score_on_error=false",
        "model.effort=high",
        "model_role.grader=openai/gpt-4o",
        "model_role.jury=a/b,c/d",
    ];
    assert_eq!(settings, expected);
}

#[test]
fn a_score_that_is_not_a_number_stays_unknown_and_says_why() {
    let name = "inspect/generated-nan-score.json";
    let bytes = file(name);
    let facts = inspect::import(source(name, &bytes)).unwrap().facts;
    assert_eq!(facts.scores[0].value.reason(), Some("the log says NaN"));
    assert_eq!(facts.scores[0].uncertainty.reason(), Some("the log says NaN"));
}

#[test]
fn every_inspect_log_becomes_a_statement_that_is_read_back() {
    for row in LOGS {
        let bytes = file(row.file);
        let imported = inspect::import(source(row.file, &bytes)).unwrap();
        let context = EvaluationContext::from(EvaluatorRelationship::Independent);
        let predicate = imported.into_capability_evaluation(context).unwrap();
        assert_eq!(predicate.basis, Basis::Measured);
        assert_eq!(predicate.evidence[0].sha256, Hash::sha256(&bytes));
        let subjects = vec![Subject { name: "model/m".to_owned(), sha256: Hash::sha256(b"weights") }];
        let statement = Statement { subjects, common: common(), predicate: Predicate::CapabilityEvaluation(predicate) };
        statement.check().unwrap();
        assert_eq!(Statement::parse(&statement.to_json()), Ok(statement), "{}", row.file);
    }
}

#[test]
fn a_kind_is_not_made_from_files_of_another() {
    let (state, log) = (file(FINAL), file("inspect/log_formats.json"));
    let (state, log) = (source("state.json", &state), source("log.json", &log));
    for (kind, sources) in
        [(Kind::TrainingCompute, vec![log]), (Kind::CapabilityEvaluation, vec![state]), (Kind::PhaseVote, vec![state])]
    {
        assert!(matches!(import(kind, &sources, &Options::default()), Err(ImportError::WrongFormat { .. })), "{kind}");
    }
    assert!(matches!(
        import(Kind::CapabilityEvaluation, &[log, log], &Options::default()),
        Err(ImportError::FileCount { .. })
    ));
    assert!(matches!(import(Kind::TrainingCompute, &[], &Options::default()), Err(ImportError::FileCount { .. })));
}
