//! Trackers: what MLflow and Lightning wrote, and W&B summaries in the two shapes that runs have.

mod files;

use files::{file, source};
use standstill_attestations::claim::{Interval, Window};
use standstill_attestations::statement::Kind;
use standstill_importers::tracker::{lightning, mlflow, wandb};
use standstill_importers::{Contribution, Draft, Format, ImportError, Imported, Options, Source, import};
use standstill_protocol::units::{Flop, Timestamp};

const DATABASE: &str = "mlflow/mlflow.db";
const META: &str = "mlflow/run/meta.yaml";
const FLOS: &str = "mlflow/run/metrics/total_flos";
const TOKENS: &str = "mlflow/run/metrics/num_input_tokens_seen";
const LOSS: &str = "mlflow/run/metrics/loss";
const CSV: &str = "lightning/metrics.csv";
/// As W&B writes it for a run of the Hugging Face Trainer.
const SUMMARY: &str = r#"{"eval/loss":1.36,"total_flos":5.615687522610288e+16,"train_runtime":5793.3297,"train/global_step":68559,
"_wandb":{"runtime":6484},"_timestamp":1.73070608762736e+09,"_runtime":6483.704397651,"_step":153}"#;

fn read(sources: &[Source<'_>], options: &Options) -> Result<Imported<Contribution>, ImportError> {
    match import(Kind::TrainingCompute, sources, options)? {
        Draft::Training(imported) => Ok(imported),
        other => panic!("a training draft was expected: {other:?}"),
    }
}

fn figures(imported: &Imported<Contribution>) -> (Interval, Option<u128>) {
    let flop = imported.facts.flop.as_ref().unwrap().incremental;
    (flop, imported.facts.workload.and_then(|workload| workload.tokens))
}

#[test]
fn every_tracker_gives_its_last_counts() {
    let exact = |flop| Interval::exact(Flop(flop));
    for (name, format, flop, tokens) in
        [(DATABASE, mlflow::FORMAT_DATABASE, 18_449_694_720, 30_720), (CSV, lightning::FORMAT, 6_912, 128)]
    {
        let bytes = file(name);
        assert_eq!(Format::detect(&source(name, &bytes)).unwrap().name, format);
        let imported = read(&[source(name, &bytes)], &Options::default()).unwrap();
        assert_eq!(figures(&imported), (exact(flop), Some(tokens)), "{name}");
    }
    let (meta, flos, tokens, loss) = (file(META), file(FLOS), file(TOKENS), file(LOSS));
    let sources = [source(FLOS, &flos), source(META, &meta), source(TOKENS, &tokens), source(LOSS, &loss)];
    assert_eq!(Format::detect(&sources[0]).unwrap().name, mlflow::FORMAT_FILES);
    let imported = read(&sources, &Options::default()).unwrap();
    assert_eq!(figures(&imported), (exact(18_449_694_720), Some(30_720)));
    assert_eq!(imported.facts.run.as_deref(), Some("tiny-gpt2"));
    assert_eq!(imported.facts.sessions[0].window.start, Timestamp(1_795_452_742_998));
    assert_eq!(imported.evidence.len(), 4);
}

#[test]
fn a_report_counts_from_the_last_value_before_it() {
    let bytes = file(DATABASE);
    let window = Window { start: Timestamp(1_795_452_742_800), end: Timestamp(1_795_452_742_850) };
    let options = Options { window: Some(window), ..Options::default() };
    let imported = read(&[source(DATABASE, &bytes)], &options).unwrap();
    let flop = imported.facts.flop.unwrap();
    assert_eq!(flop.incremental, Interval::exact(Flop(6_149_898_240)));
    assert_eq!(flop.cumulative, Some(Interval::exact(Flop(12_299_796_480))));
    assert_eq!(imported.facts.sessions[0].window, window);
}

#[test]
fn a_run_is_named_by_id_or_name() {
    let bytes = file(DATABASE);
    for (run, found) in [("tiny-gpt2", true), ("b475dc425d3a4e7c9db474537f1a4307", true), ("another", false)] {
        let options = Options { run: Some(run.to_owned()), ..Options::default() };
        assert_eq!(read(&[source(DATABASE, &bytes)], &options).is_ok(), found, "{run}");
    }
}

#[test]
fn a_summary_gives_the_trainer_s_count_where_it_counted() {
    let imported = read(&[source("wandb-summary.json", SUMMARY.as_bytes())], &Options::default()).unwrap();
    assert_eq!(Format::detect(&source("x", SUMMARY.as_bytes())).unwrap().name, wandb::FORMAT);
    let flop = imported.facts.flop.unwrap().incremental;
    // Above 2^53 a sum of doubles is off by up to one part per million.
    assert_eq!((flop.lower.0, flop.upper.0), (56_156_819_069_227_653, 56_156_931_382_978_107));
    let none = SUMMARY.replace("\"total_flos\":5.615687522610288e+16", "\"train/total_flos\":0.0");
    let imported = read(&[source("wandb-summary.json", none.as_bytes())], &Options::default()).unwrap();
    assert_eq!(imported.facts.flop, None);
    assert!(imported.left.iter().any(|note| note.text == "0: the trainer did not count"), "{:?}", imported.left);
}

#[test]
fn each_misbehaviour_has_its_name() {
    for (name, from, to, code, field) in [
        (CSV, "864.0", "much", "import-bad-number", "`total_flos`"),
        (CSV, ",6912.0,", ",12.0,", "import-contradiction", "`total_flos`"),
        (CSV, "epoch,num_input_tokens_seen,step", "epoch,total_flos,step", "import-repeated", "`total_flos`"),
        (CSV, "0,32.0,7", "0,32.0,7,8", "import-bad-text", "`row 2`"),
        (META, "lifecycle_stage: active", "lifecycle_stage: deleted", "import-invalidated", ""),
        (META, "start_time: 1", "start_time: x1", "import-bad-text", "`start_time`"),
        (META, "run_name: ", "run_id: y\nrun_name: ", "import-repeated", "`run_id`"),
        (FLOS, "6149898240.0 10", "6149898240.0 10", "import-missing", "`meta.yaml of the run`"),
    ] {
        let text = String::from_utf8(file(name)).unwrap();
        assert!(text.contains(from), "{name} holds no {from}");
        let bytes = text.replacen(from, to, 1).into_bytes();
        match read(&[source(name, &bytes)], &Options::default()) {
            Ok(_) => panic!("{name}: {from} as {to} was read"),
            Err(refused) => {
                assert_eq!(refused.code(), code, "{name}: {refused}");
                assert!(refused.to_string().contains(field), "{refused} names no {field}");
            }
        }
    }
}

#[test]
fn a_database_in_wal_mode_is_refused() {
    let mut bytes = file(DATABASE);
    bytes[18] = 2;
    bytes[19] = 2;
    let refused = read(&[source(DATABASE, &bytes)], &Options::default()).unwrap_err();
    assert!(refused.to_string().contains("`journal mode`"), "{refused}");
}

#[test]
fn damaged_databases_are_refused_or_read_and_never_crash() {
    let whole = file(DATABASE);
    for length in (0..whole.len()).step_by(whole.len() / 60) {
        let _ = read(&[source(DATABASE, &whole[..length])], &Options::default());
    }
    let not_mlflow = b"SQLite format 3\0".to_vec();
    assert!(read(&[source("x.db", &not_mlflow)], &Options::default()).is_err());
}

#[test]
fn every_cut_of_a_text_is_refused_or_ends_at_a_line() {
    for name in [CSV, META] {
        let bytes = file(name);
        for length in 0..bytes.len() {
            let cut = &bytes[..length];
            if read(&[source(name, cut)], &Options::default()).is_ok() {
                assert!(cut.ends_with(b"\n"), "{name} cut to {length} bytes");
            }
        }
    }
    for length in 0..SUMMARY.len() {
        assert!(read(&[source("s", &SUMMARY.as_bytes()[..length])], &Options::default()).is_err());
    }
}

proptest::proptest! {
    #[test]
    fn flipped_bytes_never_panic(which in 0usize..4, at in proptest::prelude::any::<proptest::sample::Index>(), mask in 1u8..=255) {
        let name = [DATABASE, CSV, META, FLOS][which];
        let mut bytes = file(name);
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        let meta = file(META);
        let sources = [source(name, &bytes), source(META, &meta)];
        let _ = read(if name == FLOS { &sources } else { &sources[..1] }, &Options::default());
    }
}

/// A database with MLflow's two tables, as far as they are read.
fn made(runs: &str, fill: &str) -> Vec<u8> {
    let mut database = rusqlite::Connection::open_in_memory().unwrap();
    let metrics = "CREATE TABLE metrics (key, value DOUBLE, timestamp, run_uuid, step, is_nan)";
    database.execute_batch(&format!("CREATE TABLE runs ({runs}); {metrics}; {fill}")).unwrap();
    database.serialize("main").unwrap().to_vec()
}

const RUN_COLUMNS: &str = "run_uuid, name, start_time, end_time, lifecycle_stage";

#[test]
fn a_database_that_is_made_to_keep_its_reader_busy_is_refused() {
    let refused = |runs: &str, fill: &str| {
        read(&[Source::new("x", &made(runs, fill))], &Options::default()).unwrap_err().to_string()
    };
    let computed = "run_uuid, name AS (hex(zeroblob(400000000))), start_time, end_time, lifecycle_stage";
    let error = refused(computed, "INSERT INTO runs (run_uuid, lifecycle_stage) VALUES ('r', 'active')");
    assert!(error.contains("columns that are computed"), "{error}");
    let long = "INSERT INTO runs VALUES ('r', hex(zeroblob(1000000)), 1, 2, 'active')";
    let error = refused(RUN_COLUMNS, long);
    assert!(error.contains("too big"), "{error}");
    let usual = "INSERT INTO runs VALUES ('r', 'a run', 1, 2, 'active');
        INSERT INTO metrics VALUES ('total_flos', 1e15, 1, 'r', 1, 0)";
    let bytes = made(RUN_COLUMNS, usual);
    let imported = read(&[Source::new("x", &bytes)], &Options::default()).unwrap();
    assert_eq!(figures(&imported).0, Interval::exact(Flop(1_000_000_000_000_000)));
}
