//! The evaluation tools' sample files with the numbers that they must give, taken from the files by hand, and from METR's
//! and this project's own notes for the fits.

mod files;

use files::{file, source};
use standstill_attestations::claim::{Basis, Maybe};
use standstill_attestations::evaluation::{EvaluatorRelationship, Score, Spread};
use standstill_attestations::statement::{Common, Predicate, Statement, Subject};
use standstill_importers::metr::Analysis;
use standstill_importers::{EvaluationContext, EvaluationFacts, Imported, every_eval_ever, lm_eval, metr, swebench};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

const LM_EVAL: &str = "lm_eval/generated-results.lm_eval-0.4.13.json";
const RUNS: &str = "metr/claude3opus_first500_runs.csv";
const DATES: &str = "metr/release_dates.yaml";
const REPORT_4: &str = "swebench/generated-report-4.1.0.json";
const REPORT_5: &str = "swebench/generated-report-5.0.2.json";
const INSTANCES: [&str; 2] = ["swebench/generated-instance-12907.json", "swebench/generated-instance-14182.json"];

/// `scorer metric scored value unit ± error`, unknown as `?`.
fn shown(score: &Score) -> String {
    let text = |found: Option<String>| found.unwrap_or_else(|| "?".to_owned());
    let scored = text(score.scored_samples.known().map(ToString::to_string));
    let value = text(score.value.known().map(ToString::to_string));
    let error = text(score.uncertainty.known().map(|uncertainty| match uncertainty.spread {
        Spread::StandardError(error) => error.to_string(),
        Spread::Interval { lower, upper, confidence } => format!("[{lower}, {upper}] at {}", confidence.0),
    }));
    format!("{} {} {scored} {value} {} ± {error}", score.scorer, score.metric, score.unit)
}

fn scores(facts: &EvaluationFacts) -> Vec<String> {
    facts.scores.iter().map(shown).collect()
}

/// Model, suite and version, tool and version, window; unknown as `?`.
fn header(facts: &EvaluationFacts) -> [String; 4] {
    let text = |found: &Maybe<String>| found.known().cloned().unwrap_or_else(|| "?".to_owned());
    let window = facts.window.known().map(|window| format!("{} to {}", window.start, window.end));
    [
        text(&facts.model),
        format!("{} {}", text(&facts.suite.name), text(&facts.suite.version)),
        format!("{} {}", facts.harness.tool, text(&facts.harness.tool_version)),
        window.unwrap_or_else(|| "?".to_owned()),
    ]
}

fn counts(facts: &EvaluationFacts) -> (Option<u64>, u64, u64, u32) {
    let samples = &facts.samples;
    (samples.in_suite.known().copied(), samples.planned, samples.completed, facts.elicitation.epochs)
}

/// What the evaluator adds where a file does not say.
fn context(relationship: EvaluatorRelationship) -> EvaluationContext {
    let time = |text| Timestamp::parse(text).unwrap();
    let window =
        standstill_attestations::Window { start: time("2026-11-01T00:00:00Z"), end: time("2026-11-02T00:00:00Z") };
    EvaluationContext {
        model: Some("aurora-3".to_owned()),
        window: Some(window),
        suite: Some("suite".to_owned()),
        suite_version: Some("v1.1".to_owned()),
        harness_version: Some("1.0".to_owned()),
        ..relationship.into()
    }
}

/// A statement from what was imported: it is valid, and is read back as it was.
fn becomes_a_statement(name: &str, imported: Imported<EvaluationFacts>, relationship: EvaluatorRelationship) {
    let predicate = imported.into_capability_evaluation(context(relationship)).unwrap();
    let subjects = vec![Subject { name: "model/m".to_owned(), sha256: Hash::sha256(b"weights") }];
    let statement = Statement { subjects, common: common(), predicate: Predicate::CapabilityEvaluation(predicate) };
    statement.check().unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(Statement::parse(&statement.to_json()), Ok(statement), "{name}");
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

#[test]
fn lm_eval_results_give_their_numbers() {
    let bytes = file(LM_EVAL);
    let imported = lm_eval::import(source(LM_EVAL, &bytes)).unwrap();
    let facts = &imported.facts;
    let window = "2026-11-23T11:09:25.881Z to 2026-11-23T11:09:38.402Z";
    assert_eq!(header(facts), ["./tinymodel", "arith_group 1.0", "lm_eval 0.4.13", window]);
    assert_eq!(counts(facts), (Some(40), 40, 40, 1));
    assert_eq!(facts.elicitation.solver, ["multiple_choice"]);
    assert_eq!(
        scores(facts),
        [
            "arith_group acc 40 325000 ppm ± 75000",
            "arith_mc acc 40 325000 ppm ± 75000",
            "arith_mc acc_norm 40 175000 ppm ± 60844",
        ]
    );
    let setting =
        |name: &str| facts.elicitation.parameters.iter().find(|one| one.name == name).map(|one| one.value.as_str());
    assert_eq!(setting("config.model_args.pretrained"), Some("./tinymodel"));
    assert_eq!(setting("config.batch_size"), Some("8"));
    assert_eq!(setting("n-shot.arith_mc"), Some("0"));
    assert!(setting("task_hash.arith_mc").is_some_and(|hash| hash.starts_with("db29031e")));
    assert_eq!(imported.evidence[0].sha256, Hash::sha256(&bytes));
    becomes_a_statement(LM_EVAL, imported, EvaluatorRelationship::Independent);
}

/// File, model, suite, harness, counts, solver, relationship that fits, scores.
type Record = (
    &'static str,
    [&'static str; 3],
    (Option<u64>, u64, u64, u32),
    &'static [&'static str],
    EvaluatorRelationship,
    &'static [&'static str],
);

const RECORDS: [Record; 4] = [
    (
        "every_eval_ever/generated-lm_eval-0.json",
        ["./tinymodel", "arith_mc ?", "lm_eval 0.4.13"],
        (None, 40, 40, 1),
        &[],
        EvaluatorRelationship::Developer,
        &["arith_mc accuracy 40 325000 ppm ± 75000", "arith_mc lm-evaluation-harness.acc_norm 40 175000 ppm ± 60844"],
    ),
    (
        "every_eval_ever/generated-lm_eval-1.json",
        ["./tinymodel", "arith_group ?", "lm_eval 0.4.13"],
        (None, 40, 40, 1),
        &[],
        EvaluatorRelationship::Developer,
        &["arith_group accuracy 40 325000 ppm ± 75000"],
    ),
    (
        "every_eval_ever/generated-inspect-mmlu.json",
        ["openai/gpt-4o-2024-08-06", "mmlu ?", "inspect_ai inspect_ai:0.3.154.dev44+g32a84c8fe.d20251213"],
        (Some(14_042), 1, 1, 1),
        &["multiple_choice"],
        EvaluatorRelationship::Independent,
        &["mmlu_0_shot accuracy 1 0 ppm ± 0"],
    ),
    (
        "every_eval_ever/generated-inspect-popularity.json",
        ["openai/gpt-4o-mini-2024-07-18", "popularity ?", "inspect_ai inspect_ai:0.3.95.dev16+g6527d0861"],
        (Some(100), 3, 3, 1),
        &["system_message", "generate"],
        EvaluatorRelationship::Commissioned,
        &["popularity accuracy 3 666667 ppm ± 333334"],
    ),
];

#[test]
fn every_eval_ever_records_give_their_numbers() {
    for (name, head, samples, solver, relationship, expected) in RECORDS {
        let bytes = file(name);
        let imported = every_eval_ever::import(source(name, &bytes)).unwrap();
        let facts = &imported.facts;
        assert_eq!(header(facts)[..3], head, "{name}");
        assert_eq!(counts(facts), samples, "{name}");
        assert_eq!(facts.elicitation.solver, solver, "{name}");
        assert_eq!(scores(facts), expected, "{name}");
        assert_eq!(facts.basis, Basis::Measured, "{name}");
        becomes_a_statement(name, imported, relationship);
    }
}

#[test]
fn an_evaluator_who_is_not_what_the_record_says_is_refused() {
    let (name, .., relationship, _) = RECORDS[0];
    assert_eq!(relationship, EvaluatorRelationship::Developer);
    let bytes = file(name);
    let imported = every_eval_ever::import(source(name, &bytes)).unwrap();
    let refused = imported.into_capability_evaluation(context(EvaluatorRelationship::Independent)).unwrap_err();
    assert_eq!(refused.code(), "import-relationship", "{refused}");
}

#[test]
fn what_a_file_does_not_say_is_asked_for_by_the_flag_that_gives_it() {
    let bytes = file(REPORT_5);
    let missing = |change: fn(&mut EvaluationContext)| {
        let imported = swebench::import(&[source(REPORT_5, &bytes)]).unwrap();
        let mut given = context(EvaluatorRelationship::Independent);
        change(&mut given);
        imported.into_capability_evaluation(given).map(drop).unwrap_err().to_string()
    };
    assert_eq!(missing(|given| given.model = None), "`--model` is needed: the report names no model");
    assert_eq!(missing(|given| given.suite = None), "`--suite` is needed: the report names no data set");
    assert!(missing(|given| given.suite_version = None).starts_with("`--suite-version` is needed"));
    assert!(missing(|given| given.harness_version = None).starts_with("`--harness-version` is needed"));
    assert!(missing(|given| given.window = None).starts_with("`--start` and `--end` is needed"));
}

#[test]
fn swe_bench_reports_count_what_was_not_submitted_as_not_resolved() {
    let instances: Vec<_> = INSTANCES.iter().map(|name| (*name, file(name))).collect();
    for name in [REPORT_4, REPORT_5] {
        let bytes = file(name);
        let alone = swebench::import(&[source(name, &bytes)]).unwrap();
        assert_eq!(counts(&alone.facts), (Some(6), 6, 3, 1), "{name}");
        let expected = ["swebench resolved ? 166667 ppm ± ?", "swebench resolved-of-judged 2 500000 ppm ± ?"];
        assert_eq!(scores(&alone.facts), expected, "{name}");
        let outside = alone.left.iter().any(|note| note.text.contains("outside the data set"));
        assert_eq!(outside, name == REPORT_4, "{name}");
        let mut sources: Vec<_> = instances.iter().map(|(name, bytes)| source(name, bytes)).collect();
        sources.push(source(name, &bytes));
        let together = swebench::import(&sources).unwrap();
        assert_eq!((&together.facts, together.evidence.len()), (&alone.facts, 3), "{name}");
        becomes_a_statement(name, together, EvaluatorRelationship::Independent);
    }
    let sources: Vec<_> = instances.iter().map(|(name, bytes)| source(name, bytes)).collect();
    let imported = swebench::import(&sources).unwrap();
    assert_eq!(counts(&imported.facts), (None, 2, 2, 1));
    assert_eq!(scores(&imported.facts), ["swebench resolved-of-judged 2 500000 ppm ± ?"]);
    becomes_a_statement("instances", imported, EvaluatorRelationship::Independent);
}

/// Ridge penalty, p50 and p80 in milliseconds. This project's notes have 4.244 and 4.681 minutes for the first two, from
/// a solver that stops at a tolerance of 1e-4; solved to the end they are 4.2446 and 4.6809.
const HORIZONS: [(&str, i64, i64); 3] =
    [("0.1", 254_674, 50_754), ("0.00001", 280_853, 70_132), ("1e-5", 280_853, 70_132)];

#[test]
fn metr_runs_give_the_horizons_of_both_penalties() {
    let bytes = file(RUNS);
    for (ridge, p50, p80) in HORIZONS {
        let analysis = Analysis { ridge: ridge.to_owned(), resamples: 0, ..Analysis::default() };
        let imported = metr::import(&[source(RUNS, &bytes)], &analysis).unwrap();
        let facts = &imported.facts;
        assert_eq!(counts(facts), (None, 500, 500, 1));
        let expected = [
            "score_binarized success-rate 500 588000 ppm ± ?".to_owned(),
            format!("score_binarized p50-horizon 500 {p50} milliseconds ± ?"),
            format!("score_binarized p80-horizon 500 {p80} milliseconds ± ?"),
        ];
        assert_eq!(scores(facts), expected, "{ridge}");
        let said = |name: &str| facts.analysis.iter().find(|one| one.name == name).map(|one| one.value.clone());
        assert_eq!(said("ridge").as_deref(), Some(ridge));
        assert_eq!((said("tasks").as_deref(), said("families").as_deref()), (Some("95"), Some("33")));
        assert_eq!(facts.basis, Basis::Computed);
        assert!(imported.took.iter().any(|note| note.text == "the weights are those of the rows"));
        becomes_a_statement(RUNS, imported, EvaluatorRelationship::Independent);
    }
}

#[test]
fn a_horizon_has_an_interval_that_its_seed_gives_again() {
    let bytes = file(RUNS);
    let with = |seed| {
        let analysis = Analysis { seed, resamples: 300, ..Analysis::default() };
        scores(&metr::import(&[source(RUNS, &bytes)], &analysis).unwrap().facts)
    };
    let found = with(42);
    assert_eq!(found, with(42));
    assert_ne!(found, with(43));
    assert_eq!(found[1], "score_binarized p50-horizon 500 280853 milliseconds ± [114939, 683547] at 950000");
}

/// The table's rows as lines of `runs.jsonl`, for as many models as there are names.
fn as_lines(models: &[&str]) -> Vec<u8> {
    let table = String::from_utf8(file(RUNS)).unwrap();
    let mut lines = String::new();
    for model in models {
        for (index, row) in table.lines().skip(1).enumerate() {
            let fields: Vec<_> = row.split(',').collect();
            lines.push_str(&format!(
                "{{\"task_id\": \"{}\", \"task_family\": \"{}\", \"run_id\": \"r{index}\", \"alias\": \"{model}\", \
                 \"score_binarized\": {}, \"human_minutes\": {}, \"started_at\": 1700000000000, \"completed_at\": \
                 {}, \"task_source\": \"HCAST\", \"fatal_error_from\": null, \"invsqrt_task_weight\": {}}}\n",
                fields[1],
                fields[0],
                fields[3],
                fields[2],
                1_700_000_000_000_u64 + index as u64,
                fields[4]
            ));
        }
    }
    lines.into_bytes()
}

#[test]
fn lines_of_runs_give_what_the_table_gives_and_more() {
    let (table, lines, dates) = (file(RUNS), as_lines(&["Claude 3 Opus"]), file(DATES));
    let analysis = Analysis { resamples: 50, ..Analysis::default() };
    let from_table = metr::import(&[source(RUNS, &table)], &analysis).unwrap().facts;
    let imported = metr::import(&[source(DATES, &dates), source("runs.jsonl", &lines)], &analysis).unwrap();
    assert_eq!(imported.facts.scores, from_table.scores);
    assert_eq!(imported.facts.model, Maybe::Known("Claude 3 Opus".to_owned()));
    let window = "2023-11-14T22:13:20Z to 2023-11-14T22:13:20.500Z";
    assert_eq!(header(&imported.facts)[1..], ["HCAST ?", "eval-analysis-public ?", window]);
    assert!(imported.left.iter().any(|note| note.text == "1 models on the frontier make no doubling time"));
    becomes_a_statement("runs.jsonl", imported, EvaluatorRelationship::Independent);
}

#[test]
fn runs_of_several_models_need_one_to_be_named() {
    let lines = as_lines(&["Claude 3 Opus", "GPT-4o", "human"]);
    let runs = [source("runs.jsonl", &lines)];
    let analysis = Analysis { resamples: 0, ..Analysis::default() };
    let refused = metr::import(&runs, &analysis).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "runs.jsonl: holds 2 models (`Claude 3 Opus`, `GPT-4o`), and a statement is about one"
    );
    let chosen = Analysis { model: Some("GPT-4o".to_owned()), ..analysis };
    let imported = metr::import(&runs, &chosen).unwrap();
    assert_eq!(
        (imported.facts.model.known().map(String::as_str), imported.facts.samples.planned),
        (Some("GPT-4o"), 500)
    );
    assert!(imported.left.iter().any(|note| note.text.starts_with("500 runs by people")));
}
