//! The command line as data: each file in `tests/cli/` is a session of commands with what they print and how they end.
//!
//! ```text
//! $ standstill key show missing.key
//! [status 3]
//! [stderr]
//! error: cannot open `missing.key`: No such file or directory (os error 2)
//! ```
//!
//! What differs from run to run is written as `[DIR]`, `[HEX]`, `[TIME]`, `[PEER]`, `[PORT]`. `UPDATE_CLI=1 cargo test -p
//! standstill-node --test cli` writes the files anew; read the difference before committing it.

mod support;

use std::path::Path;
use std::process::{Command, Output};

use support::{Chain, runtime, start, stop};

/// Files that a session copies in: what tools wrote, and what chips signed.
const SAMPLES: [(&str, &str); 2] = [
    ("SAMPLES", concat!(env!("CARGO_MANIFEST_DIR"), "/../attestations/importers/samples")),
    ("REPORTS", concat!(env!("CARGO_MANIFEST_DIR"), "/../attestations/hardware/tests/evidence")),
];

fn standstill(directory: &Path, home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_standstill"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("STANDSTILL_HOME", home)
        .env("COLUMNS", "80")
        .output()
        .unwrap()
}

/// Replaces what differs from run to run.
fn normal(text: &str, directory: &Path) -> String {
    let mut out = String::new();
    let text = text.replace(&directory.display().to_string(), "[DIR]");
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let run = |test: fn(char) -> bool| rest.find(|c| !test(c)).unwrap_or(rest.len());
            let hex = run(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
            let word = run(|c| c.is_ascii_alphanumeric());
            let is_time =
                rest.len() >= 20 && rest.is_char_boundary(11) && rest[..11].ends_with('T') && &rest[4..5] == "-";
            if hex == 64 {
                out.push_str("[HEX]");
                rest = &rest[64..];
            } else if rest.starts_with("12D3Koo") {
                out.push_str("[PEER]");
                rest = &rest[word..];
            } else if is_time {
                out.push_str("[TIME]");
                rest = &rest[rest.find('Z').map_or(20, |end| end + 1)..];
            } else {
                let step = if c.is_ascii_alphanumeric() { word } else { c.len_utf8() };
                out.push_str(&rest[..step]);
                rest = &rest[step..];
            }
        }
    }
    out
}

fn transcript(directory: &Path, arguments: &[&str], output: &Output) -> String {
    let mut text = format!("$ standstill {}\n[status {}]\n", arguments.join(" "), output.status.code().unwrap_or(-1));
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            text.push_str(&format!("[{name}]\n{}", normal(&String::from_utf8_lossy(bytes), directory)));
        }
    }
    text.push('\n');
    text
}

fn replay(file: &Path) {
    let expected = std::fs::read_to_string(file).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    let mut actual = String::new();
    for line in expected.lines().filter_map(|line| line.strip_prefix("$ ")) {
        if let Some(command) = line.strip_prefix("standstill ") {
            let arguments: Vec<_> = command.split(' ').collect();
            let output = standstill(directory.path(), &home, &arguments);
            actual.push_str(&transcript(directory.path(), &arguments, &output));
        } else {
            let done =
                Command::new("sh").arg("-c").arg(line).envs(SAMPLES).current_dir(directory.path()).status().unwrap();
            assert!(done.success(), "{line}");
            actual.push_str(&format!("$ {line}\n\n"));
        }
    }
    if std::env::var_os("UPDATE_CLI").is_some() {
        std::fs::write(file, actual).unwrap();
    } else {
        assert_eq!(actual, expected, "{}", file.display());
    }
}

#[test]
fn every_session_ends_as_it_is_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 4);
    files.iter().for_each(|file| replay(file));
}

#[test]
fn all_output_fits_eighty_columns_but_for_hashes_and_paths() {
    let directory = tempfile::tempdir().unwrap();
    let attest =
        ["new", "check", "sign", "request", "countersign", "correct", "nonce"].map(|one| ["attest", one, "--help"]);
    let mut helps = vec![vec!["--help"], vec!["attest", "--help"], vec!["ledger", "--help"]];
    helps.extend(attest.map(|one| one.to_vec()));
    for arguments in &helps {
        let output = standstill(directory.path(), directory.path(), arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\u{1b}'), "colour in {arguments:?}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
    }
}

#[test]
fn a_statement_goes_from_a_tools_file_to_a_checked_receipt() {
    let chain = Chain::new(1);
    let home = chain.homes[0].directory().to_owned();
    let directory = chain.directory.path();
    let state = concat!(env!("CARGO_MANIFEST_DIR"), "/../attestations/importers/samples");
    let state = find(Path::new(state), "trainer_state.final").expect("the importers' sample");
    let runtime = runtime();
    let node = start(&runtime, &chain.homes[0]);
    let run = |arguments: &[&str]| {
        let output = standstill(directory, &home, arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), out.into_owned(), err.into_owned())
    };
    let now = standstill_node::clock::now();
    let begin = standstill_protocol::units::Timestamp(now.0 - 600_000).to_string();
    let end = now.to_string();
    let from = state.display().to_string();
    let (status, _, err) = run(&[
        "attest",
        "new",
        "training-compute",
        "--from",
        &from,
        "--site",
        "dc-1",
        "--run",
        "gpt-2-small",
        "--period",
        "0",
        "--start",
        &begin,
        "--end",
        &end,
        "-o",
        "draft.json",
    ]);
    assert_eq!(status, 0, "{err}");
    assert!(err.contains("took  "), "{err}");
    assert_eq!(run(&["attest", "check", "draft.json"]).0, 0);
    let (status, out, err) = run(&["attest", "sign", "draft.json", "-o", "a.dsse.json"]);
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("standstill attest submit a.dsse.json"));
    let (status, out, err) = run(&["attest", "submit", "a.dsse.json"]);
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("receipt    a.proof"), "{out}");
    let (status, _, err) = run(&["attest", "submit", "a.dsse.json"]);
    assert_eq!(status, 2);
    assert!(err.contains("(duplicate)") && err.contains("\n\nhint: "), "{err}");

    let (status, out, _) = run(&["attest", "show", "0", "--json"]);
    assert_eq!(status, 0);
    let entry: serde_json::Value = serde_json::from_str(&out).unwrap();
    let index = if entry["kind"] == "statement" { "0" } else { "1" };
    assert_eq!(run(&["ledger", "get", index, "-o", "leaf"]).0, 0);
    assert_eq!(std::fs::read(directory.join("leaf")).unwrap(), std::fs::read(directory.join("a.dsse.json")).unwrap());
    assert_eq!(run(&["ledger", "prove", index, "-o", "b.proof"]).0, 0);
    let url = format!("http://{}", node.endpoint().api);
    let bare = ["ledger", "prove", index, "-o", "c.proof", "--node", url.as_str()];
    let output = standstill(directory, &directory.join("no-home"), &bare);
    assert_eq!(output.status.code(), Some(21), "a receipt that could not be checked is not said to hold");
    assert!(run(&["ledger", "head"]).1.starts_with("standstill.example/"));
    let (status, _, err) = run(&["ledger", "export", "-o", "all.standstill"]);
    assert_eq!(status, 0, "{err}");
    assert!(std::fs::read(directory.join("all.standstill")).unwrap().starts_with(b"standstill-bundle/v1\n"));
    assert_eq!(run(&["attest", "due"]).0, 0);
    others_are_asked_to_sign_and_what_was_wrong_is_corrected(&run, index);
    let (status, out, _) = run(&["status"]);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("phase monitoring") && out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert_eq!(run(&["start", "--dry-run"]).0, 3, "the store is in use");
    stop(&runtime, node);
    let (status, out, err) = run(&["start", "--dry-run"]);
    assert_eq!(status, 0, "{out}{err}");
    let (status, out, err) = run(&["ledger", "fsck"]);
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.ends_with(" 0 problems\n"), "{out}");
    assert_eq!(run(&["status"]).0, 3, "no node runs");
}

/// Exit code, stdout and stderr.
type Ended = (i32, String, String);

/// With `a.dsse.json` final under `index`.
fn others_are_asked_to_sign_and_what_was_wrong_is_corrected(run: &dyn Fn(&[&str]) -> Ended, index: &str) {
    let ask = ["attest", "request", "a.dsse.json", "--of", "meter-z", "--role", "meter", "-o", "request.json"];
    let (status, _, err) = run(&ask);
    assert_eq!(status, 0, "{err}");
    assert_eq!(run(&["attest", "request", index, "--of", "meter-z", "-o", "by-index.json"]).0, 0);
    let own = run(&["attest", "request", "a.dsse.json", "--of", "lab-a"]);
    assert!(own.0 == 2 && own.2.contains("countersigns himself"), "{}", own.2);
    let window = ["--start", "2026-01-01T00:00:00Z", "--end", "2026-01-02T00:00:00Z"];
    let sign = |figure: &'static str| {
        let mut arguments =
            vec!["attest", "countersign", "request.json", "--draft", "--member", "meter-z", "--figure", figure];
        arguments.extend(window);
        run(&arguments)
    };
    let (status, out, err) = sign("flop=12299796480");
    assert_eq!(status, 0, "{err}");
    // A number that is typed is hearsay: it contradicts nothing and confirms nothing.
    assert!(err.contains("not-contradicted") && out.contains("countersignature/v1"), "{out}{err}");
    assert!(sign("flop=1e9..2e9").2.contains("contradicted"));
    assert!(sign("energy=1..2").2.contains("not-stated"));
    let (status, _, err) = run(&["attest", "countersign", "request.json", "--figure", "flop=1"]);
    assert!(status == 2 && err.contains("the request is to `meter-z`"), "{err}");

    let (status, out, err) = run(&["attest", "nonce", "--site", "dc-1"]);
    assert!(status == 0 && out.contains("subject  lab-a/site/dc-1"), "{out}{err}");
    let (status, _, err) = run(&["attest", "correct", index, "--reason", "another site", "-o", "correction.json"]);
    assert_eq!(status, 0, "{err}");
    let (status, out, err) = run(&["attest", "check", "correction.json", "--with", "a.dsse.json"]);
    assert!(
        status == 0 && !out.contains("contradicts"),
        "a correction is not held against what it corrects: {out}{err}"
    );
}

fn find(directory: &Path, part: &str) -> Option<std::path::PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let named = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(part));
    paths.iter().find_map(|path| if path.is_dir() { find(path, part) } else { named(path).then(|| path.clone()) })
}

#[test]
fn bad_statements_are_named_on_the_command_line_as_in_the_api() {
    let chain = Chain::new(1);
    let home = chain.homes[0].directory().to_owned();
    let directory = chain.directory.path();
    let runtime = runtime();
    let node = start(&runtime, &chain.homes[0]);
    let stranger = standstill_protocol::keys::SecretKey::from_seed(&[99; 32]);
    let mut wrong = chain.training(1, 5);
    wrong.common.chain_id = standstill_protocol::hash::Hash::sha256(b"another treaty");
    let mut future = chain.training(1, 5);
    future.common.issued_at = standstill_protocol::units::Timestamp(standstill_node::clock::now().0 + 3_600_000);
    let mut contradiction = chain.training(1, 5);
    if let standstill_attestations::Predicate::TrainingCompute(training) = &mut contradiction.predicate {
        training.flop.incremental = standstill_attestations::Interval::exact(standstill_protocol::units::Flop(10));
    }
    let key = chain.statement_key(0);
    for (code, bytes) in [
        ("envelope-malformed", b"{}".to_vec()),
        ("envelope-oversized", vec![b' '; 70_000]),
        ("unknown-key", support::sign(&chain.training(1, 5), &stranger)),
        ("wrong-chain", support::sign(&wrong, &key)),
        ("future-dated", support::sign(&future, &key)),
        ("statement-incremental-above-cumulative", support::sign(&contradiction, &key)),
    ] {
        let file = directory.join("bad.dsse.json");
        std::fs::write(&file, bytes).unwrap();
        let output = standstill(directory, &home, &["attest", "submit", "bad.dsse.json"]);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{code}: {err}");
        assert!(err.starts_with("error: ") && err.contains(&format!("({code})")) && err.contains("\nhint: "), "{err}");
        assert!(output.stdout.is_empty());
    }
    stop(&runtime, node);
}
