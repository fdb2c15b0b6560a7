//! Damaged and hostile files of the evaluation tools: refused by name, and never a panic.

mod files;

use files::{file, source};
use proptest::prelude::*;
use standstill_attestations::statement::Kind;
use standstill_importers::metr::Analysis;
use standstill_importers::{
    Draft, Format, ImportError, Options, Source, every_eval_ever, import, lm_eval, metr, swebench,
};

/// Every file with its format.
const FILES: [(&str, &str); 11] = [
    (LM_EVAL, lm_eval::FORMAT),
    (RECORD, every_eval_ever::FORMAT),
    ("every_eval_ever/generated-lm_eval-1.json", every_eval_ever::FORMAT),
    (MMLU, every_eval_ever::FORMAT),
    ("every_eval_ever/generated-inspect-popularity.json", every_eval_ever::FORMAT),
    ("swebench/generated-report-4.1.0.json", swebench::FORMAT),
    (REPORT, swebench::FORMAT),
    (RESOLVED, swebench::FORMAT),
    ("swebench/generated-instance-14182.json", swebench::FORMAT),
    (RUNS, metr::FORMAT),
    (DATES, metr::FORMAT),
];
const LM_EVAL: &str = "lm_eval/generated-results.lm_eval-0.4.13.json";
const RECORD: &str = "every_eval_ever/generated-lm_eval-0.json";
const MMLU: &str = "every_eval_ever/generated-inspect-mmlu.json";
const REPORT: &str = "swebench/generated-report-5.0.2.json";
const RESOLVED: &str = "swebench/generated-instance-12907.json";
const RUNS: &str = "metr/claude3opus_first500_runs.csv";
const DATES: &str = "metr/release_dates.yaml";

/// The importer that the folder calls for, without resamples.
fn import_any(name: &str, bytes: &[u8]) -> Result<(), ImportError> {
    let source = source(name, bytes);
    match name.split('/').next() {
        Some("lm_eval") => lm_eval::import(source).map(drop),
        Some("every_eval_ever") => every_eval_ever::import(source).map(drop),
        Some("swebench") => swebench::import(&[source]).map(drop),
        _ => {
            let analysis = Analysis { resamples: 0, ..Analysis::default() };
            let runs = file(RUNS);
            let dated = [source, Source::new("runs", &runs)];
            metr::import(if name == DATES { &dated } else { &dated[..1] }, &analysis).map(drop)
        }
    }
}

#[test]
fn every_file_is_told_by_its_content_and_imported() {
    let options = Options { resamples: Some(0), ..Options::default() };
    for (name, format) in FILES {
        let bytes = file(name);
        assert_eq!(Format::detect(&source(name, &bytes)).unwrap().name, format, "{name}");
        import_any(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        if name != DATES {
            let draft = import(Kind::CapabilityEvaluation, &[source("file", &bytes)], &options).unwrap();
            assert!(matches!(draft, Draft::Evaluation(_)) && !draft.took().is_empty(), "{name}");
        }
        let refused = import(Kind::TrainingCompute, &[source("file", &bytes)], &options).unwrap_err();
        assert_eq!(refused.code(), "import-wrong-format", "{name}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for (name, _) in FILES {
        let bytes = file(name);
        let needed = bytes.trim_ascii_end().len();
        let step = (needed / 150).max(1);
        for length in (0..needed).step_by(step).chain(needed.saturating_sub(20)..needed) {
            let cut = &bytes[..length];
            // A list of dates that ends with a line is a shorter list of dates.
            if name == DATES && cut.ends_with(b"\n") {
                continue;
            }
            let refused = import_any(name, cut).expect_err(&format!("{name} cut to {length} bytes"));
            assert!(!refused.hint().is_empty() && refused.code().starts_with("import-"), "{refused}");
        }
    }
}

#[test]
fn runs_that_lost_whole_lines_are_found_by_their_weights() {
    let text = String::from_utf8(file(RUNS)).unwrap();
    for keep in [2, 100, 250, 400, 499, 500] {
        let cut: String = text.split_inclusive('\n').take(keep).collect();
        let refused = import_any(RUNS, cut.as_bytes()).unwrap_err();
        assert_eq!(refused.code(), "import-contradiction", "{keep} lines: {refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes_never_panic(which in 0usize..11, at in any::<prop::sample::Index>(), mask in 1u8..=255) {
        let (name, _) = FILES[which];
        let mut bytes = file(name);
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        let _ = import_any(name, &bytes);
        let _ = Format::detect(&source(name, &bytes));
    }
}

/// A sample with one piece of text replaced by another, and what became of it.
fn edited(name: &str, from: &str, to: &str) -> Result<(), ImportError> {
    let text = String::from_utf8(file(name)).unwrap();
    assert!(text.contains(from), "{name} holds no {from}");
    import_any(name, text.replacen(from, to, 1).as_bytes())
}

/// File, text, its replacement, the refusal's name, the field it names.
const REFUSALS: [(&str, &str, &str, &str, &str); 43] = [
    (LM_EVAL, "\"lm_eval_version\": \"0.4.13\"", "\"lm_eval_version\": \"0.5.0\"", "import-version", "0.5.0"),
    (LM_EVAL, "\"lm_eval_version\": \"0.4.13\"", "\"lm_eval_version\": \"0.40\"", "import-version", "0.40"),
    (LM_EVAL, "\"lm_eval_version\": \"0.4.13\",", "", "import-missing", "`lm_eval_version`"),
    (LM_EVAL, "\"effective\": 40", "\"effective\": 41", "import-contradiction", "`n-samples.arith_mc.effective`"),
    (LM_EVAL, "\"sample_len\": 40", "\"sample_len\": 39", "import-contradiction", "`results.arith_mc.sample_len`"),
    (LM_EVAL, "\"effective\": 40", "\"effective\": -1", "import-bad-number", "`n-samples.arith_mc.effective`"),
    (LM_EVAL, "\"date\": 1795432165.881121", "\"date\": null", "import-bad-number", "`date`"),
    (LM_EVAL, "\"date\": 1795432165.881121", "\"date\": 1e30", "import-bad-number", "`date`"),
    (LM_EVAL, "\"12.519340794999607\"", "\"soon\"", "import-bad-text", "`total_evaluation_time_seconds`"),
    (LM_EVAL, "\"model_name\": \"./tinymodel\"", "\"model_name\": 7", "import-wrong-type", "`model_name`"),
    (
        LM_EVAL,
        "\"acc,none\": 40\n      }\n    }\n  },\n  \"groups\"",
        "\"acc,none\": 99\n      }\n    }\n  },\n  \"groups\"",
        "import-contradiction",
        "sample_count.acc,none`",
    ),
    (
        LM_EVAL,
        "\"groups\": {\n    \"arith_group\": {\n      \"alias\": \"arith_group\",\n      \"name\": \"arith_group\",\n      \"sample_len\": 40,\n      \"acc,none\": 0.325",
        "\"groups\": {\n    \"arith_group\": {\n      \"acc,none\": 0.425",
        "import-contradiction",
        "`groups.arith_group.acc,none`",
    ),
    (LM_EVAL, "\"versions\"", "\"editions\"", "import-missing", "`versions`"),
    (RECORD, "\"schema_version\": \"0.3.0\"", "\"schema_version\": \"0.4.0\"", "import-version", "0.4.0"),
    (RECORD, "\"schema_version\": \"0.3.0\"", "\"schema_version\": \"0.2.2\"", "import-version", "0.2.2"),
    (
        RECORD,
        "\"source_type\": \"evaluation_run\"",
        "\"source_type\": \"rumour\"",
        "import-bad-text",
        "`source_metadata.source_type`",
    ),
    (RECORD, "\"first_party\"", "\"friend\"", "import-bad-text", "`source_metadata.evaluator_relationship`"),
    (
        RECORD,
        "\"num_samples\": 40",
        "\"samples\": 40",
        "import-missing",
        "`evaluation_results[0].score_details.uncertainty.num_samples`",
    ),
    (
        RECORD,
        "\"score\": 0.325",
        "\"score\": 1.5",
        "import-contradiction",
        "`evaluation_results[0].score_details.score`",
    ),
    (RECORD, "\"score\": 0.325", "\"score\": -0.1", "import-contradiction", "`min_score`"),
    (RECORD, "\"score\": 0.325", "\"score\": \"good\"", "import-wrong-type", "score`"),
    (RECORD, "\"score\": 0.325,", "", "import-missing", "`evaluation_results[0].score_details.score`"),
    (MMLU, "\"samples_number\": 14042", "\"samples_number\": 1.5", "import-bad-number", "samples_number`"),
    (MMLU, "\"id\": \"openai/gpt-4o-2024-08-06\"", "\"id\": \"\"", "import-bad-text", "`model_info.id`"),
    (REPORT, "\"schema_version\": 2", "\"schema_version\": 3", "import-version", "3"),
    (REPORT, "\"resolved_instances\": 1", "\"resolved_instances\": 2", "import-contradiction", "`resolved_ids`"),
    (REPORT, "\"total_instances\": 6", "\"total_instances\": 7", "import-contradiction", "`total_instances`"),
    (
        REPORT,
        "\"infra_failure_instances\": 0",
        "\"infra_failure_instances\": 1",
        "import-contradiction",
        "`infra_failure_ids`",
    ),
    (
        REPORT,
        "\"unresolved_ids\": [\n        \"astropy__astropy-14182\"",
        "\"unresolved_ids\": [\n        \"astropy__astropy-12907\"",
        "import-contradiction",
        "`resolved_ids`",
    ),
    (
        REPORT,
        "\"empty_patch_ids\": [\n        \"sympy__sympy-20590\"",
        "\"empty_patch_ids\": [\n        \"psf__requests-1963\"",
        "import-contradiction",
        "`empty_patch_ids`",
    ),
    (
        REPORT,
        "\"incomplete_ids\": [\n        \"psf__requests-1963\"",
        "\"incomplete_ids\": [\n        \"sympy__sympy-20590\"",
        "import-contradiction",
        "`incomplete_ids`",
    ),
    (
        REPORT,
        "\"error_ids\": [\n        \"matplotlib__matplotlib-23562\"",
        "\"error_ids\": [\n        \"django__django-11099\"",
        "import-contradiction",
        "`completed_ids`",
    ),
    (
        REPORT,
        "\"completed_ids\": [\n        \"astropy__astropy-12907\",",
        "\"completed_ids\": [\n        \"astropy__astropy-14182\",",
        "import-bad-text",
        "`completed_ids[1]`",
    ),
    (REPORT, "\"incomplete_ids\"", "\"unfinished_ids\"", "import-missing", "`incomplete_ids`"),
    (RESOLVED, "\"resolved\": true", "\"resolved\": false", "import-contradiction", "resolved`"),
    (
        RESOLVED,
        "\"patch_successfully_applied\": true",
        "\"patch_successfully_applied\": false",
        "import-contradiction",
        "resolved`",
    ),
    (RUNS, ",877.018,0,", ",-877.018,0,", "import-bad-number", "`human_minutes`"),
    (RUNS, ",877.018,0,", ",877.018,0.5,", "import-bad-number", "`score_binarized`"),
    (RUNS, ",877.018,0,", ",877.019,0,", "import-contradiction", "`human_minutes`"),
    (RUNS, "acdc_bug,acdc_bug@", "other,acdc_bug@", "import-contradiction", "`task_family`"),
    (RUNS, ",877.018,0,", ",877.018,0,0,", "import-bad-line", "line 2"),
    (RUNS, "subdomain,task,", "subdomain,subject,", "import-missing", "`task_id`"),
    (DATES, "  o3: 2025-04-16", "  o3: 2025-04-31", "import-bad-line", "line 3"),
];

#[test]
fn each_misbehaviour_has_its_name() {
    for (name, from, to, code, field) in REFUSALS {
        match edited(name, from, to) {
            Ok(()) => panic!("{name}: {from} as {to} was taken"),
            Err(refused) => {
                assert_eq!(refused.code(), code, "{from} as {to}: {refused}");
                assert!(refused.to_string().contains(field), "{refused} names no {field}");
            }
        }
    }
}

#[test]
fn an_instance_that_the_runs_report_says_otherwise_of_is_found() {
    let (report, resolved) = (file(REPORT), file(RESOLVED));
    let other =
        String::from_utf8(resolved.clone()).unwrap().replace("astropy__astropy-12907\"", "django__django-11099\"");
    let refused = swebench::import(&[source("run", &report), source("one", other.as_bytes())]).unwrap_err();
    assert_eq!(refused.code(), "import-contradiction", "{refused}");
    let refused = swebench::import(&[source("one", &resolved), source("again", &resolved)]).unwrap_err();
    assert_eq!(refused.code(), "import-repeated", "{refused}");
    let refused = swebench::import(&[source("run", &report), source("again", &report)]).unwrap_err();
    assert_eq!(refused.code(), "import-file-count", "{refused}");
}

#[test]
fn a_penalty_that_is_none_is_refused() {
    let runs = file(RUNS);
    for ridge in ["0", "-1", "NaN", "1e-13", "1e7", "", "0x1"] {
        let analysis = Analysis { ridge: ridge.to_owned(), resamples: 0, ..Analysis::default() };
        let refused = metr::import(&[source(RUNS, &runs)], &analysis).unwrap_err();
        assert!(refused.to_string().contains("`ridge`"), "{ridge}: {refused}");
    }
    let analysis = Analysis { resamples: 10_001, ..Analysis::default() };
    assert!(metr::import(&[source(RUNS, &runs)], &analysis).unwrap_err().to_string().contains("`resamples`"));
}

#[test]
fn runs_of_one_outcome_have_no_horizon() {
    let text = String::from_utf8(file(RUNS)).unwrap();
    let lines: Vec<_> = text.lines().map(|line| line.replace(",1,", ",0,")).collect();
    let refused = import_any(RUNS, (lines.join("\n") + "\n").as_bytes()).unwrap_err();
    assert_eq!(refused.code(), "import-no-fit", "{refused}");
}
