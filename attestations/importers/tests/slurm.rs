//! Slurm's accounting: every sample with its GPU seconds, and the traps that change them.

mod files;

use files::{file, source};
use standstill_attestations::claim::Window;
use standstill_attestations::statement::Kind;
use standstill_importers::{
    Content, Contribution, Draft, Format, ImportError, Imported, Options, Source, import, slurm,
};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

const ONCE: &str = "slurm/sacct_P_X_noduplicates.22.05.txt";
const STEPS: &str = "slurm/sacct_P_duplicates_with_steps.22.05.txt";
const JSON_22: &str = "slurm/sacct_json_duplicates.22.05.8.json";
const JSON_21: &str = "slurm/sarc_slurm_21_8_8.json";
const JSON_23: &str = "slurm/sarc_slurm_23_2_6.json";
const JSON_25: &str = "slurm/slurmrestd_slurmdb_job_gpus.25.11_0.0.44.json";

fn read(sources: &[Source<'_>], options: &Options) -> Result<Imported<Contribution>, ImportError> {
    match import(Kind::TrainingCompute, sources, options)? {
        Draft::Training(imported) => Ok(imported),
        other => panic!("a training draft was expected: {other:?}"),
    }
}

fn totals(name: &str, options: &Options) -> (Option<u64>, Option<u64>, Option<String>, usize) {
    let bytes = file(name);
    let facts = read(&[source(name, &bytes)], options).unwrap().facts;
    let hardware = facts.hardware.unwrap_or_default();
    (hardware.chip_seconds, hardware.chips, hardware.accelerator, facts.sessions.len())
}

/// File, format, GPU seconds, GPUs at once, type, sessions.
type Row = (&'static str, &'static str, Option<u64>, Option<u64>, Option<&'static str>, usize);

const ROWS: [Row; 6] = [
    // Without `--duplicates` the 24 GPU seconds before the requeue are not in the file.
    (ONCE, slurm::FORMAT_PARSABLE, Some(347), Some(8), Some("h100"), 3),
    // With steps it would be 986, with typed and untyped counts 742.
    (STEPS, slurm::FORMAT_PARSABLE, Some(371), Some(8), Some("h100"), 3),
    (JSON_22, slurm::FORMAT_JSON, Some(371), Some(8), Some("h100"), 3),
    (JSON_21, slurm::FORMAT_JSON, Some(86_301), Some(1), None, 1),
    (JSON_23, slurm::FORMAT_JSON, Some(167_706_662), Some(2), None, 1),
    // Four GPUs were asked for on the command line and none allocated.
    (JSON_25, slurm::FORMAT_JSON, None, None, None, 1),
];

#[test]
fn every_dump_gives_its_gpu_seconds() {
    for (name, format, seconds, chips, kind, sessions) in ROWS {
        let bytes = file(name);
        assert_eq!(Format::detect(&source(name, &bytes)).unwrap().name, format, "{name}");
        let found = totals(name, &Options::default());
        assert_eq!(found, (seconds, chips, kind.map(str::to_owned), sessions), "{name}");
    }
}

#[test]
fn a_requeued_job_has_as_many_sessions_as_it_had_runs() {
    for name in [STEPS, JSON_22] {
        for options in [
            Options { jobs: vec!["2".to_owned()], ..Options::default() },
            Options { job_name: Some("pretrain-restart".to_owned()), ..Options::default() },
        ] {
            assert_eq!(totals(name, &options), (Some(88), Some(4), Some("h100".to_owned()), 2), "{name}");
        }
        let sweep = Options { jobs: vec!["5".to_owned()], ..Options::default() };
        assert_eq!(totals(name, &sweep).0, Some(18), "{name}: all tasks of an array");
        let task = Options { jobs: vec!["5_0".to_owned()], ..Options::default() };
        assert_eq!(totals(name, &task).0, Some(6), "{name}: one task of an array");
        let none = Options { jobs: vec!["77".to_owned()], ..Options::default() };
        let bytes = file(name);
        assert_eq!(read(&[source(name, &bytes)], &none).unwrap_err().code(), "import-nothing-matched");
    }
}

#[test]
fn text_and_json_of_the_same_jobs_give_the_same_sessions() {
    let (text, json) = (file(STEPS), file(JSON_22));
    let text = read(&[source(STEPS, &text)], &Options::default()).unwrap().facts;
    let json = read(&[source(JSON_22, &json)], &Options::default()).unwrap().facts;
    assert_eq!(text, json);
    assert_eq!(text.sessions[0].window.start.to_string(), "2026-11-23T10:50:12Z");
}

#[test]
fn a_session_has_the_most_gpus_that_its_jobs_held_at_once() {
    for (name, expected) in [(STEPS, vec![8, 8, 4]), (JSON_21, vec![1]), (JSON_23, vec![2])] {
        let bytes = file(name);
        let facts = read(&[source(name, &bytes)], &Options::default()).unwrap().facts;
        let chips: Vec<u64> = facts.sessions.iter().map(|session| *session.chips.known().unwrap()).collect();
        assert_eq!(chips, expected, "{name}");
        assert_eq!(chips.iter().max(), facts.hardware.unwrap().chips.as_ref(), "{name}");
    }
    let bytes = file(JSON_25);
    let facts = read(&[source(JSON_25, &bytes)], &Options::default()).unwrap().facts;
    assert_eq!(facts.sessions[0].chips.reason(), Some("no GPU was allocated"));
}

/// By the array's number alone, tasks that start in the same second would count as one.
#[test]
fn tasks_of_an_array_are_told_apart_or_refused() {
    let rows = |header: &str, ids: [&str; 2]| {
        let row = |id| format!("{id}|2026-11-23T10:00:00|2026-11-23T10:01:00|60|gres/gpu=2\n");
        format!("{header}|Start|End|ElapsedRaw|AllocTRES\n{}{}", row(ids[0]), row(ids[1]))
    };
    let told = rows("JobID|JobIDRaw", ["5_0|9", "5_1|10"]);
    let imported = read(&[Source::new("x", told.as_bytes())], &Options::default()).unwrap();
    assert_eq!(imported.facts.hardware.unwrap().chip_seconds, Some(240));
    let refused = rows("JobID", ["5_0", "5_1"]);
    let error = read(&[Source::new("x", refused.as_bytes())], &Options::default()).unwrap_err();
    assert!(error.to_string().contains("JobIDRaw"), "{error}");
}

#[test]
fn a_row_in_two_dumps_counts_once() {
    let (once, steps) = (file(ONCE), file(STEPS));
    let imported = read(&[source("a", &once), source("b", &steps)], &Options::default()).unwrap();
    assert_eq!(imported.facts.hardware.unwrap().chip_seconds, Some(371));
    assert_eq!(imported.evidence.len(), 2);
    assert!(imported.left.iter().any(|note| note.text == "10 rows that stand twice"), "{:?}", imported.left);
}

#[test]
fn a_reporting_period_cuts_a_run() {
    let time = |text| Timestamp::parse(text).unwrap();
    let window = Window { start: time("2026-11-23T10:52:55Z"), end: time("2026-11-24T00:00:00Z") };
    let options = Options { window: Some(window), ..Options::default() };
    assert_eq!(totals(STEPS, &options), (Some(4 * 12), Some(4), Some("h100".to_owned()), 1));
}

#[test]
fn a_cluster_s_own_time_is_moved_by_its_offset() {
    let bytes = file(STEPS);
    let options = Options { utc_offset_minutes: Some(-300), ..Options::default() };
    let facts = read(&[source(STEPS, &bytes)], &options).unwrap().facts;
    assert_eq!(facts.sessions[0].window.start.to_string(), "2026-11-23T15:50:12Z");
}

fn refusal(name: &str, from: &str, to: &str) -> ImportError {
    let text = String::from_utf8(file(name)).unwrap();
    assert!(text.contains(from), "{name} holds no {from}");
    let bytes = text.replacen(from, to, 1).into_bytes();
    read(&[source(name, &bytes)], &Options::default()).expect_err(&format!("{name}: {from} as {to}"))
}

#[test]
fn each_misbehaviour_of_a_dump_has_its_name() {
    for (name, from, to, code, field) in [
        (ONCE, "|AllocTRES|", "|Other|", "import-missing", "`AllocTRES`"),
        (ONCE, "|Start|End|", "|Start|Start|", "import-repeated", "`Start`"),
        (ONCE, "pretrain-7b", "pretrain|7b", "import-bad-text", "line `2`"),
        (ONCE, "10:50:12|2026-11-23T10:50:32", "10:50:12|yesterday", "import-bad-text", "`End`"),
        (ONCE, "gres/gpu=8,node=1||", "gres/gpu=many,node=1||", "import-bad-text", "`AllocTRES`"),
        (ONCE, "gpu:h100=8,gres/gpu=8,node=1||", "gpu:h100=9,gres/gpu=8,node=1||", "import-bad-text", "`AllocTRES`"),
        (ONCE, "00:00:20|20|", "00:00:20|-20|", "import-bad-text", "`ElapsedRaw`"),
        (ONCE, "1|1|pre", "x|x|pre", "import-bad-text", "`JobIDRaw`"),
        (JSON_22, "\"release\": \"22.05.8\"", "\"release\": \"27.05.1\"", "import-version", "27.05.1"),
        (JSON_22, "\"release\": \"22.05.8\"", "\"release\": \"22.11.8\"", "import-version", "22.11.8"),
        (JSON_22, "\"errors\": [", "\"errors\": [{}], \"more\": [", "import-bad-text", "`errors`"),
        (JSON_25, "\"elapsed\": 30", "\"elapsed\": -30", "import-bad-number", "`jobs[0].time.elapsed`"),
        (JSON_25, "\"job_id\": 4637", "\"job_id\": \"4637\"", "import-wrong-type", "`jobs[0].job_id`"),
    ] {
        let refused = refusal(name, from, to);
        assert_eq!(refused.code(), code, "{name}: {refused}");
        assert!(refused.to_string().contains(field), "{refused} names no {field}");
    }
}

/// A dump of any length, made while it is read.
struct Endless {
    rows: u64,
}

struct Rows {
    rows: u64,
    next: u64,
    row: Vec<u8>,
    at: usize,
}

const HEADER: &str = "JobID|JobIDRaw|JobName|State|Start|End|ElapsedRaw|AllocTRES|Comment\n";

impl Content for Endless {
    fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
        Ok(Box::new(Rows { rows: self.rows, next: 1, row: HEADER.as_bytes().to_vec(), at: 0 }))
    }
}

impl std::io::Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.row.len() {
            if self.next > self.rows {
                return Ok(0);
            }
            let (job, start) = (self.next, 1_790_000_000 + self.next);
            let comment = "x".repeat(400);
            let row = format!("{job}|{job}|train|COMPLETED|{start}|{}|60|gres/gpu=8,node=1|{comment}\n", start + 60);
            (self.row, self.at, self.next) = (row.into_bytes(), 0, self.next + 1);
        }
        let count = buffer.len().min(self.row.len() - self.at);
        buffer[..count].copy_from_slice(&self.row[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[test]
fn a_long_dump_is_read_as_a_stream_and_says_how_far_it_is() {
    let dump = Endless { rows: 20_000 };
    let told = std::cell::RefCell::new(Vec::new());
    let progress = |done: u64, _: Option<u64>| told.borrow_mut().push(done);
    let source = Source::stream("sacct.txt", &dump).with_progress(&progress);
    let imported = read(&[source], &Options::default()).unwrap();
    let hardware = imported.facts.hardware.unwrap();
    assert_eq!(hardware.chip_seconds, Some(20_000 * 60 * 8));
    assert_eq!(hardware.chips, Some(60 * 8), "a job starts each second and holds 8 GPUs for 60");
    assert_eq!(imported.facts.sessions.len(), 1);
    let mut whole = Vec::new();
    std::io::Read::read_to_end(&mut dump.open().unwrap(), &mut whole).unwrap();
    assert_eq!(imported.evidence[0].sha256, Hash::sha256(&whole));
    assert_eq!(imported.evidence[0].size_bytes, whole.len() as u64);
    let told = told.into_inner();
    assert!(told.len() > 20 && told.is_sorted(), "{told:?}");
    assert_eq!(told.last(), Some(&(whole.len() as u64)));
}

#[test]
fn a_line_without_end_is_refused_before_it_is_held() {
    struct Line;
    impl Content for Line {
        fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
            Ok(Box::new(std::io::Read::chain(HEADER.as_bytes(), std::io::repeat(b'x'))))
        }
    }
    let refused = read(&[Source::stream("sacct.txt", &Line)], &Options::default()).unwrap_err();
    assert_eq!(refused.code(), "import-long-line", "{refused}");
}

#[test]
fn a_job_without_end_is_refused_before_it_is_held() {
    struct Json;
    impl Content for Json {
        fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
            let start = br#"{"meta": {"Slurm": {"release": "23.02.6"}}, "jobs": [{"name": ""#.as_slice();
            Ok(Box::new(std::io::Read::chain(start, std::io::repeat(b'x'))))
        }
    }
    let refused = read(&[Source::stream("sacct.json", &Json)], &Options::default()).unwrap_err();
    assert_eq!(refused.code(), "import-too-large", "{refused}");
}

#[test]
fn every_cut_is_refused_but_at_the_end_of_a_line_of_text() {
    for (name, ..) in ROWS {
        let bytes = file(name);
        let needed = bytes.trim_ascii_end().len();
        let step = (needed / 300).max(1);
        for length in (0..needed).step_by(step).chain(needed.saturating_sub(30)..needed) {
            let cut = &bytes[..length];
            let text = name.ends_with(".txt");
            match read(&[source(name, cut)], &Options::default()) {
                Ok(_) => assert!(text && cut.ends_with(b"\n"), "{name} cut to {length} bytes"),
                Err(refused) => assert!(refused.code().starts_with("import-"), "{refused}"),
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn flipped_bytes_never_panic(which in 0usize..6, at in proptest::prelude::any::<proptest::sample::Index>(), mask in 1u8..=255) {
        let name = ROWS[which].0;
        let mut bytes = file(name);
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        let _ = read(&[source(name, &bytes)], &Options::default());
    }
}
