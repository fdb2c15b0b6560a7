//! Every named refusal, made to happen: the list here, the list in `src/error/table.rs` and the table in
//! `spec/45-statements.md` are the same.

mod example;

use std::collections::BTreeSet;

use standstill_attestations::claim::*;
use standstill_attestations::evaluation::*;
use standstill_attestations::statement::{Correction, Predicate, Statement};
use standstill_attestations::training::*;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::PublicKey;
use standstill_protocol::units::{Flop, Ppm, Timestamp};

type Training = fn(&mut TrainingCompute);
type Evaluation = fn(&mut CapabilityEvaluation);

fn known<T>(value: &mut Maybe<T>) -> &mut T {
    match value {
        Maybe::Known(value) => value,
        Maybe::Unknown(reason) => panic!("unknown: {reason}"),
    }
}

/// Edits of the training example, and what each must be refused for.
const TRAINING: &[(&str, Training)] = &[
    ("statement-end-before-start", |t| t.window.end = t.window.start),
    ("statement-end-before-start", |t| t.sessions[1].window.end = t.sessions[1].window.start),
    ("statement-too-few-items", |t| t.sessions.clear()),
    ("statement-too-many-items", |t| t.sessions = vec![t.sessions[0].clone(); 65]),
    ("statement-session-outside-window", |t| t.sessions[1].window.end = t.window.end.plus(1)),
    ("statement-sessions-overlap", |t| t.sessions[1].window.start = t.sessions[0].window.start),
    ("statement-sessions-overlap", |t| t.sessions.swap(0, 1)),
    ("statement-window-beyond-sessions", |t| t.sessions.truncate(1)),
    ("statement-window-beyond-sessions", |t| t.sessions[0].window.start = t.window.start.plus(1)),
    ("statement-lower-above-upper", |t| t.flop.incremental.lower = Flop(t.flop.incremental.upper.0 + 1)),
    ("statement-lower-above-upper", |t| t.flop.cumulative.upper = Flop(0)),
    ("statement-lower-above-upper", |t| known(&mut t.flop.discarded).upper = Flop(0)),
    ("statement-lower-above-upper", |t| known(&mut t.hardware).utilisation.upper = Ppm(0)),
    ("statement-incremental-above-cumulative", |t| t.flop.cumulative = Interval::exact(Flop(1))),
    ("statement-incremental-above-cumulative", |t| t.flop.incremental.upper = Flop(t.flop.cumulative.upper.0 + 1)),
    ("statement-method-needs", |t| t.workload = Maybe::Unknown("lost".to_owned())),
    ("statement-method-needs", |t| {
        t.method = Method::Hardware;
        t.hardware = Maybe::Unknown("lost".to_owned());
    }),
    ("statement-zero", |t| known(&mut t.workload).tokens = 0),
    ("statement-zero", |t| {
        known(&mut t.hardware).chips = 0;
        t.sessions[0].chips = Maybe::Unknown("lost".to_owned());
    }),
    ("statement-zero", |t| t.evidence[0].size_bytes = 0),
    ("statement-active-above-total", |t| known(&mut t.workload).total_parameters = 1),
    ("statement-six-nd-contradiction", |t| known(&mut t.workload).tokens /= 2),
    ("statement-six-nd-contradiction", |t| known(&mut t.workload).tokens *= 2),
    ("statement-six-nd-contradiction", |t| {
        t.method = Method::FrameworkCounter;
        t.counting_rule = CountingRule::SixNdNonEmbedding;
        known(&mut t.workload).active_parameters /= 3;
    }),
    ("statement-hardware-contradiction", |t| {
        t.method = Method::Hardware;
        known(&mut t.hardware).utilisation = PpmInterval { lower: Ppm(900_000), upper: Ppm(950_000) };
    }),
    ("statement-above-peak", |t| known(&mut t.hardware).peak_flop_per_second = 100_000_000_000_000),
    ("statement-chip-seconds-beyond-sessions", |t| {
        known(&mut t.hardware).chips = 256;
        t.sessions[0].chips = Maybe::Unknown("lost".to_owned());
    }),
    ("statement-ppm-above-one", |t| known(&mut t.hardware).utilisation.upper = Ppm(1_000_001)),
    ("statement-overflow", |t| {
        let workload = known(&mut t.workload);
        (workload.active_parameters, workload.total_parameters) = (u128::MAX, u128::MAX);
    }),
    ("statement-base-model-is-subject", |t| t.base_models[0].sha256 = Hash::sha256(b"aurora-3")),
    ("statement-repeated", |t| t.base_models = vec![t.base_models[0].clone(); 2]),
    ("statement-repeated", |t| t.evidence = vec![t.evidence[0].clone(); 2]),
    ("statement-repeated", |t| t.evidence[0].imported_fields = vec!["a".to_owned(), "a".to_owned()]),
    ("statement-not-sorted", |t| t.evidence[0].imported_fields = vec!["b".to_owned(), "a".to_owned()]),
    ("statement-too-few-items", |t| t.evidence[0].imported_fields.clear()),
    ("statement-evidence-missing", |t| t.evidence.clear()),
    ("statement-figure-not-backed", |t| t.evidence[2].backs = vec![FigureGroup::Activity]),
    ("statement-backs-nothing", |t| t.energy = Maybe::Unknown("lost".to_owned())),
    ("statement-not-sorted", |t| t.evidence[2].backs.reverse()),
    ("statement-session-chips", |t| t.sessions[0].chips = Maybe::Known(513)),
    ("statement-zero", |t| t.sessions[0].chips = Maybe::Known(0)),
    ("statement-chip-seconds-beyond-sessions", |t| t.sessions[0].chips = Maybe::Known(256)),
    ("statement-coverage-mismatch", |t| known(&mut t.activity).coverage.gap_chip_seconds -= 1),
    ("statement-coverage-mismatch", |t| known(&mut known(&mut t.energy).coverage).covered_chip_seconds += 1),
    ("statement-zero", |t| {
        known(&mut t.activity).coverage = Coverage { covered_chip_seconds: 0, gap_chip_seconds: 1_200_000_000 };
    }),
    ("statement-lower-above-upper", |t| known(&mut t.activity).tensor_pipe.upper = Ppm(0)),
    ("statement-unknown-without-reason", |t| t.energy = Maybe::Unknown(String::new())),
    ("statement-text-too-long", |t| t.energy = Maybe::Unknown("x".repeat(513))),
    ("statement-empty-text", |t| t.base_models[0].name.clear()),
    ("statement-unprintable-text", |t| t.base_models[0].name = "aurora\u{202E}-2".to_owned()),
    ("statement-unprintable-text", |t| t.base_models[0].name = "aurora\n2".to_owned()),
    ("statement-time-out-of-range", |t| t.window.end = Timestamp(u64::MAX)),
    ("statement-out-of-range", |t| t.evidence[0].size_bytes = 1 << 53),
];

/// Edits of the evaluation example.
const EVALUATION: &[(&str, Evaluation)] = &[
    ("statement-completed-above-planned", |e| e.samples.completed = 25),
    ("statement-scored-above-completed", |e| e.scores[0].scored_samples = Maybe::Known(25)),
    ("statement-score-without-samples", |e| e.scores[0].scored_samples = Maybe::Known(0)),
    ("statement-ppm-above-one", |e| e.scores[0].value = Maybe::Known(1_000_001)),
    ("statement-ppm-above-one", |e| known(&mut e.scores[0].uncertainty).spread = Spread::StandardError(1_000_001)),
    ("statement-negative", |e| e.scores[0].value = Maybe::Known(-1)),
    ("statement-negative", |e| {
        e.scores[1].unit = ScoreUnit::Milliseconds;
        e.scores[1].value = Maybe::Known(-1);
    }),
    ("statement-out-of-range", |e| {
        e.scores[0].unit = ScoreUnit::MicroUnits;
        e.scores[0].value = Maybe::Known(-(1 << 53));
    }),
    ("statement-score-outside-interval", |e| e.scores[1].value = Maybe::Known(600_001)),
    ("statement-lower-above-upper", |e| {
        known(&mut e.scores[1].uncertainty).spread = Spread::Interval { lower: 2, upper: 1, confidence: Ppm(0) };
    }),
    ("statement-not-sorted", |e| {
        let setting = |name: &str| Parameter { name: name.to_owned(), value: "1".to_owned() };
        e.analysis = vec![setting("ridge"), setting("bootstrap")];
    }),
    ("statement-figure-not-backed", |e| e.evidence[0].backs.truncate(1)),
    ("statement-backs-nothing", |e| e.evidence[0].backs = vec![FigureGroup::Flop, FigureGroup::Scores]),
    ("statement-repeated", |e| e.scores[1] = e.scores[0].clone()),
    ("statement-too-few-items", |e| e.scores.clear()),
    ("statement-not-a-commit", |e| known(&mut e.suite.commits)[0].commit = "v1.2.3-rc1".to_owned()),
    ("statement-not-a-commit", |e| known(&mut e.suite.commits)[0].commit = "59dfb9".to_owned()),
    ("statement-zero", |e| e.elicitation.epochs = 0),
    ("statement-zero", |e| (e.samples.planned, e.samples.completed) = (0, 0)),
    ("statement-evidence-missing", |e| e.evidence.clear()),
    ("statement-end-before-start", |e| e.window.end = e.window.start),
    ("statement-text-too-long", |e| e.model = "m".repeat(129)),
];

/// Edits of the training example's JSON, once written.
const TEXT: &[(&str, &str, &str)] = &[
    ("statement-json", "\"sequence\": 7", "\"sequence\": 7.0"),
    ("statement-json", "\"sequence\": 7", "\"sequence\": 7, \"sequence\": 8"),
    ("statement-json", "\"sequence\": 7", "\"sequence\": 9007199254740992"),
    ("statement-zero-sequence", "\"sequence\": 7", "\"sequence\": 0"),
    ("statement-wrong-type", "\"sequence\": 7", "\"sequence\": \"7\""),
    ("statement-wrong-type", "\"sequence\": 7", "\"sequence\": -7"),
    ("statement-wrong-type", "\"sequence\": 7", "\"sequence\": null"),
    ("statement-empty-text", "\"site\"", "\"corrects\": {\"statement\": \"%ID\", \"reason\": \"\"}, \"site\""),
    ("statement-wrong-type", "\"site\"", "\"corrects\": null, \"site\""),
    ("statement-out-of-range", "\"period\": 4", "\"period\": 4294967296"),
    ("statement-missing-field", "\"period\": 4,", ""),
    ("statement-unknown-field", "\"period\": 4", "\"period\": 4, \"perod\": 4"),
    ("statement-statement-type", "in-toto.io/Statement/v1", "in-toto.io/Statement/v0.1"),
    ("statement-predicate-type", "training-compute/v1", "training-compute/v2"),
    ("statement-not-one-of", "\"method\": \"6nd\"", "\"method\": \"7nd\""),
    ("statement-not-a-digest", "\"sha256\": \"", "\"sha256\": \"G"),
    ("statement-not-a-decimal", "\"tokens\": \"7", "\"tokens\": \"07"),
    ("statement-not-a-decimal", "\"tokens\": \"7", "\"tokens\": \"-7"),
    ("statement-wrong-type", "\"tokens\": \"7000000000000\"", "\"tokens\": 7000000000000"),
    ("statement-not-a-time", "\"issuedAt\": \"2026", "\"issuedAt\": \"26"),
    ("statement-not-a-time", "00.250Z", "00.250+00:00"),
    ("statement-not-a-time", "13:46:40Z", "13:46:40.000Z"),
    ("statement-issued-before-end", "\"issuedAt\": \"2026-11-30", "\"issuedAt\": \"2026-11-28"),
    ("statement-not-a-name", "\"site\": \"dc-1\"", "\"site\": \"DC 1\""),
    (
        "statement-unknown-without-reason",
        "\"flopUnknown\": \"its maker has not published it\"",
        "\"flopUnknown\": \"\"",
    ),
    ("statement-unknown-without-reason", "\"flopUnknown\"", "\"flopUnknow\""),
    ("statement-reason-for-known", "\"finalReport\"", "\"energyUnknown\": \"lost\", \"finalReport\""),
    ("statement-unprintable-text", "aurora-2", "aurora\\u0007"),
];

fn code_of(statement: &Statement) -> &'static str {
    let refused = statement.check().expect_err("the edit is refused");
    assert!(!refused.hint().is_empty() && !refused.to_string().ends_with('.'), "{refused}");
    // What is refused in memory is refused when read, for the same reason wherever JSON can say it.
    assert!(Statement::parse(&statement.to_json()).is_err(), "{refused}");
    refused.code()
}

fn covered() -> BTreeSet<&'static str> {
    let tables = TRAINING.iter().map(|row| row.0).chain(EVALUATION.iter().map(|row| row.0));
    let others =
        ["statement-not-correctable", "statement-oversized", "statement-not-a-key", "statement-subject-mismatch"];
    // Cases of the other kinds stand in a file of their own.
    let here = tables.chain(TEXT.iter().map(|row| row.0));
    here.chain(others).map(rename).chain(codes(include_str!("other_refusals.rs"))).collect()
}

/// The table writes the type of a statement twice.
fn rename(code: &'static str) -> &'static str {
    if code == "statement-statement-type" { "statement-type" } else { code }
}

#[test]
fn training_reports_whose_numbers_contradict_each_other_are_refused() {
    for (index, (code, edit)) in TRAINING.iter().enumerate() {
        let mut statement = example::training();
        let Predicate::TrainingCompute(training) = &mut statement.predicate else { unreachable!() };
        edit(training);
        assert_eq!(code_of(&statement), *code, "row {index}");
    }
}

#[test]
fn evaluations_whose_numbers_contradict_each_other_are_refused() {
    for (index, (code, edit)) in EVALUATION.iter().enumerate() {
        let mut statement = example::evaluation();
        let Predicate::CapabilityEvaluation(evaluation) = &mut statement.predicate else { unreachable!() };
        edit(evaluation);
        assert_eq!(code_of(&statement), *code, "row {index}");
    }
}

#[test]
fn text_that_strays_from_the_format_is_refused_with_the_place() {
    let text = String::from_utf8(example::training().to_json()).unwrap();
    for (code, from, to) in TEXT {
        assert!(text.contains(from), "{from}");
        let edited = text.replacen(from, &to.replace("%ID", &Hash::ZERO.to_string()), 1);
        let refused = Statement::parse(edited.as_bytes()).expect_err(to);
        assert_eq!(refused.code(), rename(code), "{from} as {to}: {refused}");
    }
}

#[test]
fn a_path_names_the_item_and_the_member() {
    let text = String::from_utf8(example::training().to_json()).unwrap();
    let edited = text.replacen("14:00:00.250Z", "noon", 1);
    let refused = Statement::parse(edited.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "`predicate.sessions[1].start`: `2026-11-12Tnoon` is not a UTC time");
}

#[test]
fn governance_statements_are_about_what_they_name() {
    for mut statement in example::governance() {
        statement.subjects[0].sha256 = Hash::ZERO;
        assert_eq!(code_of(&statement), "statement-subject-mismatch");
    }
    for mut statement in example::governance() {
        statement.common.corrects = Some(Correction { statement: Hash::ZERO, reason: "a slip".to_owned() });
        assert_eq!(code_of(&statement), "statement-not-correctable");
    }
    let mut registration = example::governance().remove(1);
    let Predicate::KeyRegistration(key) = &mut registration.predicate else { unreachable!() };
    key.key = PublicKey::from_bytes([0; 32]);
    registration.subjects[0].sha256 = key.key.id();
    assert_eq!(code_of(&registration), "statement-not-a-key");
}

#[test]
fn what_no_envelope_can_carry_is_refused_unread() {
    let refused = Statement::parse(&vec![b' '; 1 << 20]).unwrap_err();
    assert_eq!(refused.code(), "statement-oversized");
}

/// Every code that stands in a text.
fn codes(text: &str) -> BTreeSet<&str> {
    let starts = text.match_indices("statement-").map(|(at, _)| &text[at..]);
    starts
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next())
        .filter(|code| code.len() > "statement-".len())
        .collect()
}

#[test]
fn every_refusal_has_a_case_here_and_a_row_in_the_specification() {
    let sources = [
        include_str!("../src/error/table.rs"),
        include_str!("../src/error/training.rs"),
        include_str!("../src/error/evaluation.rs"),
    ];
    let tables: String = sources.iter().map(|source| source.split("const fn entry").nth(1).unwrap()).collect();
    assert_eq!(codes(&tables), covered());
    let specification = include_str!("../../spec/45-statements.md");
    let rows: String = specification.lines().filter(|line| line.starts_with("| `statement-")).collect();
    assert_eq!(codes(&rows), covered());
}
