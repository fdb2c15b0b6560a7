//! `standstill-testnet treaty`: the commands as a designer types them, with their output and exit codes.

use std::path::Path;
use std::process::{Command, Output};

use standstill_policies::treaty::{SHIPPED, Treaty};

fn treaty(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_standstill-testnet"));
    command.current_dir(directory).arg("treaty").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn a_treaty_is_written_linted_filled_in_and_linted_again() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let made = treaty(at, &["new", "--name", "our-treaty", "-o", "ours.toml"]);
    assert_eq!(code(&made), 0, "{}", complaint(&made));
    assert!(text(&made).contains("treaty lint ours.toml"));
    let found = treaty(at, &["lint", "ours.toml"]);
    assert_eq!(code(&found), 2);
    assert!(text(&found).contains("error to-fill-in  ours.toml:"), "{}", text(&found));
    let written = std::fs::read_to_string(at.join("ours.toml")).unwrap();
    assert!(written.starts_with("# ") && written.contains("name = \"our-treaty\""));
    std::fs::write(at.join("ours.toml"), written.replace("FILL IN", "Filled in")).unwrap();
    let clean = treaty(at, &["lint", "--strict", "ours.toml"]);
    assert_eq!((code(&clean), text(&clean)), (0, "0 errors, 0 remarks\n".to_owned()));
    let again = treaty(at, &["new", "-o", "ours.toml"]);
    assert_eq!(code(&again), 3, "a file that exists is left alone");
}

#[test]
fn remarks_fail_only_where_asked() {
    let directory = tempfile::tempdir().unwrap();
    let shipped = std::str::from_utf8(SHIPPED[0].1).unwrap();
    std::fs::write(directory.path().join("t.toml"), shipped.replacen("max_skew = \"10s\"", "max_skew = \"2m\"", 1))
        .unwrap();
    assert_eq!(code(&treaty(directory.path(), &["lint", "t.toml"])), 0);
    assert_eq!(code(&treaty(directory.path(), &["lint", "--strict", "t.toml"])), 2);
    let output = treaty(directory.path(), &["lint", "--json", "t.toml"]);
    let view: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&view["schema"], &view["errors"], &view["remarks"]),
        (&"standstill.treaty-lint/1".into(), &0.into(), &1.into())
    );
    let finding = &view["findings"][0];
    assert_eq!((&finding["code"], &finding["severity"]), (&"wide-skew".into(), &"remark".into()));
    let line = usize::try_from(finding["line"].as_u64().unwrap()).unwrap();
    assert_eq!(shipped.lines().nth(line - 1), Some("max_skew = \"10s\""));
}

#[test]
fn every_shipped_treaty_is_clean_and_fits_a_terminal() {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in SHIPPED {
        let clean = treaty(directory.path(), &["lint", "--strict", name]);
        assert_eq!(code(&clean), 0, "{name}: {}{}", text(&clean), complaint(&clean));
        let shown = treaty(directory.path(), &["show", name]);
        assert_eq!(code(&shown), 0);
        assert!(text(&shown).lines().all(|line| line.chars().count() <= 80), "{}", text(&shown));
        let parsed = Treaty::parse(bytes).unwrap();
        assert!(text(&shown).contains(&parsed.hash.to_string()));
        assert!(parsed.phases.iter().all(|phase| text(&shown).contains(&format!("PHASE {}", phase.id))));
        let hash = treaty(directory.path(), &["hash", name]);
        assert_eq!(text(&hash), format!("treaty  {}\nchain   {}\n", parsed.hash, parsed.chain_id));
        let copy = treaty(directory.path(), &["new", "--from", name]);
        assert_eq!(copy.stdout, bytes, "{name}");
    }
}

#[test]
fn two_treaties_are_compared() {
    let directory = tempfile::tempdir().unwrap();
    let shipped = std::str::from_utf8(SHIPPED[0].1).unwrap();
    std::fs::write(directory.path().join("t.toml"), shipped.replacen("cap = \"1e24\"", "cap = \"5e23\"", 1)).unwrap();
    let output = treaty(directory.path(), &["diff", "pause-option", "t.toml"]);
    assert_eq!(code(&output), 0);
    let said = "stricter  phases.pause.clauses.run-cap.cap\n  1e24 FLOP -> 5e23 FLOP\n  for each lab: lab-a, lab-b, lab-c, lab-d\n";
    assert!(text(&output).ends_with(said), "{}", text(&output));
    let output = treaty(directory.path(), &["diff", "--json", "pause-option", "t.toml"]);
    let view: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(view["schema"], "standstill.treaty-diff/1");
    assert_eq!(view["diff"]["changes"][0]["effect"], "stricter");
    let view: serde_json::Value =
        serde_json::from_slice(&treaty(directory.path(), &["show", "--json", "t.toml"]).stdout).unwrap();
    assert_eq!(view["phases"][2]["clauses"]["run-cap"]["cap"], "5e23 FLOP");
}

#[test]
fn what_is_no_treaty_is_refused_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let shipped = std::str::from_utf8(SHIPPED[0].1).unwrap();
    std::fs::write(at.join("t.toml"), shipped.replacen("length = \"7d\"", "length = \"1ms\"", 1)).unwrap();
    let refused = treaty(at, &["lint", "t.toml"]);
    assert_eq!((code(&refused), text(&refused)), (2, String::new()));
    let line = shipped.lines().position(|line| line == "length = \"7d\"").unwrap() + 1;
    assert!(
        complaint(&refused).starts_with(&format!("error: `t.toml`:{line} is no treaty (out-of-range)")),
        "{}",
        complaint(&refused)
    );
    let absent = treaty(at, &["show", "nothing.toml"]);
    assert_eq!(code(&absent), 3);
    assert!(
        complaint(&absent).contains("hint: give a file, or a shipped treaty: `pause-option`"),
        "{}",
        complaint(&absent)
    );
    assert_eq!(code(&treaty(at, &["new", "--from", "nothing"])), 2);
}
