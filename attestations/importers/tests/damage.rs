//! Damaged and hostile files: refused cleanly, with a name, and never a panic or a large allocation.

mod files;

use std::io::{Cursor, Write};

use files::{file, source};
use proptest::prelude::*;
use standstill_attestations::statement::Kind;
use standstill_importers::{Format, ImportError, Options, hf_trainer, import, inspect};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

const STATE: &str = "hf_trainer/trainer_state.final-step20.json";
const LOG: &str = "inspect/generated-nan-score.json";
const MMLU: &str = "inspect/mmlu-summary-choices.eval";

/// Whichever importer the name calls for.
fn import_any(name: &str, bytes: &[u8]) -> Result<(), ImportError> {
    if name.starts_with("hf_trainer") {
        hf_trainer::import(source(name, bytes), None).map(|_| ())
    } else {
        inspect::import(source(name, bytes)).map(|_| ())
    }
}

#[test]
fn every_truncation_of_every_sample_is_refused() {
    for name in files::ALL {
        let bytes = file(name);
        // The last byte may be a newline, which a JSON document does not need.
        let needed = bytes.trim_ascii_end().len();
        let step = (needed / 400).max(1);
        for length in (0..needed).step_by(step).chain(needed.saturating_sub(40)..needed) {
            let cut = &bytes[..length];
            let refused = import_any(name, cut).expect_err(&format!("{name} cut to {length} bytes"));
            assert!(!refused.hint().is_empty() && refused.code().starts_with("import-"), "{refused}");
            let _ = Format::detect(&source(name, cut));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), kind in 0usize..2) {
        let _ = import([Kind::TrainingCompute, Kind::CapabilityEvaluation][kind], &[source("x", &bytes)], &Options::default());
        let _ = inspect::import(source("x", &bytes));
        let _ = hf_trainer::import(source("x", &bytes), Some(source("y", &bytes)));
    }

    #[test]
    fn flipped_bytes_never_panic(which in 0usize..10, at in any::<prop::sample::Index>(), mask in 1u8..=255) {
        let name = files::ALL[which];
        let mut bytes = file(name);
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        let _ = import_any(name, &bytes);
        let _ = Format::detect(&source(name, &bytes));
    }
}

/// A sample with one piece of text replaced.
fn edited(name: &str, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(file(name)).unwrap();
    assert!(text.contains(from), "{name} holds no {from}");
    text.replacen(from, to, 1).into_bytes()
}

fn refusal(name: &str, from: &str, to: &str) -> ImportError {
    import_any(name, &edited(name, from, to)).expect_err(&format!("{name}: {from} as {to}"))
}

#[test]
fn each_misbehaviour_of_a_trainer_state_has_its_name() {
    for (from, to, code, field) in [
        ("\"total_flos\": 12299796480.0,\n  \"train_batch", "\"train_batch", "import-missing", "`total_flos`"),
        ("\n  \"total_flos\": 12299796480.0", "\n  \"total_flos\": 0.0", "import-not-counted", "`total_flos`"),
        ("\n  \"total_flos\": 12299796480.0", "\n  \"total_flos\": NaN", "import-bad-number", "`total_flos`"),
        ("\n  \"total_flos\": 12299796480.0", "\n  \"total_flos\": -1.0", "import-bad-number", "`total_flos`"),
        ("\n  \"total_flos\": 12299796480.0", "\n  \"total_flos\": 0.5", "import-bad-number", "`total_flos`"),
        ("\n  \"total_flos\": 12299796480.0", "\n  \"total_flos\": 1e40", "import-bad-number", "`total_flos`"),
        ("\n  \"total_flos\": 12299796480.0", "\n  \"total_flos\": \"1\"", "import-wrong-type", "`total_flos`"),
        ("\n  \"total_flos\": 12299796480.0", "\n  \"total_flos\": 1229.0", "import-contradiction", "log_history["),
        ("\"is_hyper_param_search\": false", "\"is_hyper_param_search\": true", "import-hyper-parameter-search", ""),
        ("\"log_history\": [", "\"log_history\": [3, ", "import-wrong-type", "`log_history[0]`"),
        ("\"global_step\": 20", "\"global_step\": 20.5", "import-bad-number", "`global_step`"),
        ("\"max_steps\": 20", "\"max_steps\": 20, \"max_steps\": 30", "import-repeated", "`max_steps`"),
    ] {
        let refused = refusal(STATE, from, to);
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.to_string().contains(field), "{refused} names no {field}");
    }
}

#[test]
fn not_a_number_in_a_log_entry_is_no_reason_to_refuse_the_count() {
    let bytes = edited(STATE, "\"loss\": 6.1547651290893555", "\"loss\": NaN");
    let imported = hf_trainer::import(source(STATE, &bytes), None).unwrap();
    assert_eq!(imported.facts.state.total_flos.lower.0, 12_299_796_480);
}

#[test]
fn tokens_that_were_not_counted_are_unknown_and_not_zero() {
    let bytes = edited(STATE, "\n  \"num_input_tokens_seen\": 20480", "\n  \"num_input_tokens_seen\": 0");
    let imported = hf_trainer::import(source(STATE, &bytes), None).unwrap();
    assert_eq!(imported.facts.tokens, None);
}

#[test]
fn a_count_beyond_what_a_double_holds_exactly_becomes_an_interval() {
    let bytes = edited(STATE, "\n  \"total_flos\": 12299796480.0", "\n  \"total_flos\": 3.14e+23");
    let total = hf_trainer::import(source(STATE, &bytes), None).unwrap().facts.state.total_flos;
    assert_eq!(total.lower.0, 313_999_686_000_000_000_000_000);
    assert_eq!(total.upper.0, 314_000_314_000_000_000_000_000);
}

#[test]
fn two_states_that_are_not_of_one_run_are_refused() {
    let (last, resumed) = (file(STATE), file("hf_trainer/trainer_state.resumed-to-step40.json"));
    let other = edited(STATE, "\"loss\": 6.150363922119141", "\"loss\": 6.25");
    for (later, earlier) in [(&resumed, &other), (&last, &resumed), (&last, &last)] {
        let refused = hf_trainer::import(source("later", later), Some(source("earlier", earlier))).unwrap_err();
        assert_eq!(refused.code(), "import-not-a-continuation", "{refused}");
    }
    let higher = edited(STATE, "\n  \"total_flos\": 12299796480.0", "\n  \"total_flos\": 99999999999.0");
    let refused = hf_trainer::import(source("later", &resumed), Some(source("earlier", &higher))).unwrap_err();
    assert_eq!(refused.code(), "import-contradiction", "{refused}");
}

#[test]
fn each_misbehaviour_of_an_inspect_log_has_its_name() {
    for (from, to, code, field) in [
        ("\"version\": 2", "\"version\": 3", "import-version", "3"),
        ("\"version\": 2", "\"version\": \"2\"", "import-version", ""),
        ("\"status\": \"success\"", "\"status\": \"started\"", "import-not-finished", "started"),
        ("\"invalidated\": false", "\"invalidated\": true", "import-invalidated", ""),
        ("\"results\": {", "\"results\": null, \"was\": {", "import-missing", "`results`"),
        ("\"total_samples\": 1", "\"total_samples\": -1", "import-bad-number", "`results.total_samples`"),
        (
            "\"scored_samples\": 0",
            "\"scored_samples\": 9",
            "import-contradiction",
            "`results.scores[0].scored_samples`",
        ),
        ("\"started_at\": \"2026", "\"started_at\": \"x\", \"was\": \"2026", "import-bad-text", "`stats.started_at`"),
        ("\"inspect_ai\": \"0.3.285\"", "\"other\": \"1\"", "import-missing", "`eval.packages.inspect_ai`"),
        ("\"commit\": \"59dfb92\"", "\"commit\": \"\"", "import-bad-text", "`eval.revision.commit`"),
        ("\"epochs\": 1", "\"epochs\": 0", "import-bad-text", "eval.config.epochs"),
        ("\"model\": \"mockllm/model\"", "\"model\": 7", "import-wrong-type", "`eval.model`"),
    ] {
        let refused = refusal(LOG, from, to);
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.to_string().contains(field), "{refused} names no {field}");
    }
}

#[test]
fn a_metric_that_is_no_ratio_is_left_with_a_note() {
    let name = "inspect/log_formats.json";
    let bytes = edited(name, "\"value\": 0.0", "\"value\": 17.5");
    assert!(matches!(inspect::import(source(name, &bytes)), Err(ImportError::NoScores { .. })));
    let bytes = edited(
        LOG,
        "\"name\": \"accuracy\",\n            \"value\": 1.0",
        "\"name\": \"accuracy\",\n            \"value\": 17.5",
    );
    let imported = inspect::import(source(LOG, &bytes)).unwrap();
    assert_eq!(imported.facts.scores.len(), 1);
    assert!(imported.left.iter().any(|note| note.text == "17.5 is not between 0 and 1"), "{:?}", imported.left);
}

/// An archive of the given members.
fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn an_archive_without_a_header_is_an_evaluation_that_did_not_finish() {
    let bytes = archive(&[("_journal/start.json", b"{}")], CompressionMethod::Deflated);
    let refused = inspect::import(source("log.eval", &bytes)).unwrap_err();
    assert_eq!(refused, ImportError::MemberMissing { file: "log.eval".into(), member: "header.json" });
}

#[test]
fn a_member_that_unpacks_beyond_its_bound_is_refused_without_being_held() {
    let bomb = vec![b' '; 64 << 20];
    for method in [CompressionMethod::Deflated, CompressionMethod::Zstd] {
        let mut bytes = archive(&[("header.json", &bomb)], method);
        assert!(bytes.len() < 1 << 20);
        let refused = inspect::import(source("log.eval", &bytes)).unwrap_err();
        assert_eq!(refused.code(), "import-too-large", "{refused}");
        // The same, with a directory that states 100 bytes.
        let stated = u32::try_from(bomb.len()).unwrap().to_le_bytes();
        while let Some(at) = bytes.windows(4).position(|window| window == stated) {
            bytes[at..at + 4].copy_from_slice(&100u32.to_le_bytes());
        }
        let refused = inspect::import(source("log.eval", &bytes)).unwrap_err();
        assert!(["import-too-large", "import-archive", "import-not-json"].contains(&refused.code()), "{refused}");
    }
}

#[test]
fn an_archive_with_two_headers_is_refused() {
    let mut bytes = archive(&[("header.json", b"{}"), ("hexder.json", b"{}")], CompressionMethod::Stored);
    while let Some(at) = bytes.windows(11).position(|window| window == b"hexder.json") {
        bytes[at + 2] = b'a';
    }
    let refused = inspect::import(source("log.eval", &bytes)).unwrap_err();
    assert_eq!(refused.code(), "import-archive", "{refused}");
}

#[test]
fn a_directory_of_too_many_members_is_refused_before_it_is_read() {
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend(b"PK\x01\x02".repeat(standstill_importers::MAX_MEMBERS + 1));
    let refused = inspect::import(source("log.eval", &bytes)).unwrap_err();
    assert!(refused.to_string().ends_with("more than 200000 members"), "{refused}");
}

#[test]
fn a_changed_byte_in_a_packed_header_is_found() {
    let bytes = file(MMLU);
    // Somewhere inside the packed header, near the end of the members.
    let header = bytes.windows(11).position(|window| window == b"header.json").unwrap() + 11;
    let mut found = 0;
    for at in (header + 50..header + 450).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        found += usize::from(inspect::import(source(MMLU, &damaged)).is_err());
    }
    assert_eq!(found, 58, "the archive's own checksum finds every change");
}

#[test]
fn deep_nesting_is_refused_before_the_stack_is() {
    for open in ["[", "{\"a\":"] {
        let bytes = open.repeat(2_000_000).into_bytes();
        let refused = inspect::import(source("deep", &bytes)).unwrap_err();
        assert_eq!(refused.code(), "import-too-deep", "{refused}");
    }
}
