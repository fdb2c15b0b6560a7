//! Megatron: real log lines with their tokens and restarts, and progress logs as `append_to_progress_log` writes them.

mod files;

use files::{file, source};
use standstill_attestations::accounting;
use standstill_attestations::claim::{Interval, Window};
use standstill_attestations::statement::Kind;
use standstill_attestations::training::CountingRule;
use standstill_importers::{Contribution, Draft, Format, ImportError, Imported, Options, import, megatron};
use standstill_protocol::units::{Flop, Timestamp};

const CHRONICLE: &str = "megatron/bigscience.tr11-176B.chronicles-lines.txt";
const LOG: &str = "megatron/bigscience.meg_gpt2_base_n8-1809562.out";

fn read(name: &str, bytes: &[u8], options: &Options) -> Result<Imported<Contribution>, ImportError> {
    match import(Kind::TrainingCompute, &[source(name, bytes)], options)? {
        Draft::Training(imported) => Ok(imported),
        other => panic!("a training draft was expected: {other:?}"),
    }
}

#[test]
fn iterations_that_were_trained_again_count_once_and_the_rest_as_discarded() {
    let bytes = file(CHRONICLE);
    assert_eq!(Format::detect(&source(CHRONICLE, &bytes)).unwrap().name, megatron::FORMAT_LOG);
    let imported = read(CHRONICLE, &bytes, &Options::default()).unwrap();
    let workload = imported.facts.workload.unwrap();
    // From the end of iteration 12694 to that of 94770; 13 iterations of 2048 samples of 2048 tokens were lost.
    assert_eq!(workload.tokens, Some(364_403_064_832 - 20_151_369_728));
    assert_eq!(workload.discarded_tokens, Some(13 * 2048 * 2048));
    assert!(imported.facts.flop.is_none(), "TFLOPs that count recomputation are not taken");
    let restarts = imported.took.iter().find(|note| note.field == "iteration").unwrap();
    assert!(restarts.text.starts_with("6 restarts trained 13 iterations again"), "{restarts}");
    assert!(imported.left.iter().any(|note| note.field == "TFLOPs"), "{:?}", imported.left);
    assert_eq!(imported.facts.finished, Some(false));
}

#[test]
fn the_printed_speed_of_bloom_counts_recomputation() {
    // 176,247,271,424 parameters, 2048 x 2048 tokens in 105.22 s on 384 GPUs; the line prints 149.02 TFLOPs.
    let per_gpu_tenths = |flop: Flop| flop.0 * 100 / 10_522 / 384 / 100_000_000_000;
    let (parameters, tokens) = (176_247_271_424, 2048 * 2048);
    assert_eq!(per_gpu_tenths(accounting::six_nd(parameters, tokens).unwrap()), 1097);
    assert_eq!(per_gpu_tenths(accounting::eight_nd(parameters, tokens).unwrap()), 1463);
}

#[test]
fn a_log_without_tokens_gives_its_gpus_and_says_what_is_missing() {
    let bytes = file(LOG);
    // 100 KiB of shell traces and settings stand before its first word of Megatron's.
    let facts = read(LOG, &bytes, &Options::default()).unwrap();
    assert_eq!(facts.facts.hardware.unwrap().chips, Some(32));
    assert_eq!(facts.facts.workload, None);
    assert_eq!(facts.facts.finished, Some(false));
    assert!(facts.left.iter().any(|note| note.field == "consumed samples"), "{:?}", facts.left);
}

/// The lines that `append_to_progress_log` and `compute_throughputs_and_append_to_progress_log` format.
const PROGRESS: &str = "\
2027-01-04 09:00:12\tJob ID: 41\t# GPUs: 384\tStarting job
2027-01-04 21:10:40\tJob ID: 41\t# GPUs: 384\tSaved checkpoint\tIteration: 1000\tJob throughput: 109.8 TFLOP/s/GPU\tCumulative throughput: 109.8 TFLOP/s/GPU\tFloating-point operations: 4.44e+21\tTokens (in billions): 4.19
2027-01-05 09:20:00\tJob ID: 41\t# GPUs: 384\tSaving async checkpoint\tIteration: 2000\tJob throughput: 109.8 TFLOP/s/GPU\tCumulative throughput: 109.8 TFLOP/s/GPU\tFloating-point operations: 8.88e+21\tTokens (in billions): 8.39
2027-01-05 09:30:00\tJob ID: 42\t# GPUs: 400\tStarting job
2027-01-05 15:30:00\tJob ID: 42\t# GPUs: 400\tSaved checkpoint\tIteration: 1500\tJob throughput: 109.8 TFLOP/s/GPU\tCumulative throughput: 109.8 TFLOP/s/GPU\tFloating-point operations: 6.66e+21\tTokens (in billions): 6.29
";

#[test]
fn a_restart_behind_a_saved_checkpoint_throws_work_away() {
    let imported = read("progress.txt", PROGRESS.as_bytes(), &Options::default()).unwrap();
    let flop = imported.facts.flop.unwrap();
    let e19 = |tenths: u128| Flop(tenths * 1_000_000_000_000_000_000);
    let interval = |lower, upper| Interval { lower: e19(lower), upper: e19(upper) };
    assert_eq!(flop.incremental, interval(6_655, 6_665));
    assert_eq!(flop.cumulative, Some(interval(6_655, 6_665)));
    assert_eq!(flop.discarded, Some(interval(8_875 - 6_665, 8_885 - 4_435)));
    assert_eq!(flop.counting_rule, CountingRule::ModelFlop);
    assert_eq!(imported.facts.hardware.unwrap().chips, Some(400));
    assert_eq!(imported.facts.sessions.len(), 2);
    assert_eq!(imported.facts.sessions[1].window.start.to_string(), "2027-01-05T09:30:00Z");
}

#[test]
fn a_report_counts_from_the_last_checkpoint_before_it() {
    let time = |text| Timestamp::parse(text).unwrap();
    let window = Window { start: time("2027-01-05T00:00:00Z"), end: time("2027-01-05T09:25:00Z") };
    let options = Options { window: Some(window), ..Options::default() };
    let flop = read("progress.txt", PROGRESS.as_bytes(), &options).unwrap().facts.flop.unwrap();
    assert_eq!(flop.incremental.lower, Flop(4_430_000_000_000_000_000_000));
    assert_eq!(flop.incremental.upper, Flop(4_450_000_000_000_000_000_000));
    assert_eq!(flop.cumulative.unwrap().upper, Flop(8_885_000_000_000_000_000_000));
}

#[test]
fn each_misbehaviour_has_its_name() {
    for (from, to, code, field) in [
        ("4.44e+21", "much", "import-bad-text", "`Floating-point operations`"),
        ("Floating-point operations: 4.44e+21\t", "", "import-bad-text", "`Floating-point operations`"),
        ("Iteration: 1000", "Iteration: x", "import-bad-text", "`Iteration`"),
        ("2027-01-04 21:10:40", "yesterday 21:10:40", "import-bad-text", "`time`"),
        ("# GPUs: 384\tSaved", "# GPUs: all\tSaved", "import-bad-text", "`# GPUs`"),
    ] {
        let text = PROGRESS.replacen(from, to, 1);
        let refused = read("progress.txt", text.as_bytes(), &Options::default()).unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.to_string().contains(field), "{refused}");
    }
    let chronicle = String::from_utf8(file(CHRONICLE)).unwrap();
    for (from, to, field) in [
        ("   12695/", "   x/", "`iteration`"),
        ("consumed tokens:  20155564032", "consumed tokens:  -1", "`consumed tokens`"),
        ("global batch size:  2048", "batch: 2048", "`global batch size`"),
        ("consumed samples:     47770544", "consumed samples:     1", "`consumed samples`"),
    ] {
        assert!(chronicle.contains(from), "{from}");
        let refused = read("log", chronicle.replacen(from, to, 1).as_bytes(), &Options::default()).unwrap_err();
        assert_eq!(refused.code(), "import-bad-text", "{refused}");
        assert!(refused.to_string().contains(field), "{refused}");
    }
}

#[test]
fn cuts_are_refused_or_end_at_a_line() {
    for (name, bytes) in [("progress.txt", PROGRESS.as_bytes().to_vec()), (CHRONICLE, file(CHRONICLE))] {
        for length in (0..bytes.len()).step_by(7) {
            let _ = read(name, &bytes[..length], &Options::default())
                .map_err(|refused| assert!(!refused.hint().is_empty()));
        }
    }
}

proptest::proptest! {
    #[test]
    fn flipped_bytes_never_panic(at in proptest::prelude::any::<proptest::sample::Index>(), mask in 1u8..=255, log: bool) {
        let mut bytes = if log { file(CHRONICLE) } else { PROGRESS.as_bytes().to_vec() };
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        let _ = read("file", &bytes, &Options::default());
    }
}
