//! The command line: exit codes, what goes to which stream, 80 columns, and the JSON twin against its schema.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use standstill_ledger::testing::{Setup, World};
use standstill_protocol::log::inclusion;
use standstill_protocol::note::Note;
use standstill_protocol::tlog_proof::TlogProof;
use standstill_verifier::Exit;
use support::*;

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(world: &World) -> Self {
        let desk = Desk { folder: tempfile::tempdir().unwrap() };
        desk.write("ledger.standstill", &bundle(world));
        desk.write("trust.toml", trust(world).to_toml().as_bytes());
        desk.write("treaty.toml", &world.treaty_bytes);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_standstill-verify"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("NO_COLOR").env("RUST_BACKTRACE", "0");
        command.output().unwrap()
    }

    fn exit(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).status.code().unwrap()
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const BUNDLE: [&str; 4] = ["bundle", "ledger.standstill", "--trust", "trust.toml"];

#[test]
fn the_screen_of_a_violation_fits_80_columns_and_names_the_entries() {
    let desk = Desk::new(&violated());
    let output = desk.run(&BUNDLE);
    let screen = stdout(&output);
    assert_eq!(output.status.code(), Some(20), "{screen}{}", stderr(&output));
    assert!(output.stderr.is_empty(), "no terminal, no progress: {}", stderr(&output));
    assert!(!screen.contains('\u{1b}'), "no terminal, no colour");
    for line in screen.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
    for words in
        ["VIOLATED", "lab-d, period 1", "entry ", "statement", "exit 20", "every head carries 5 of 6 signatures"]
    {
        assert!(screen.contains(words), "{words:?} is missing in\n{screen}");
    }
}

#[test]
fn every_exit_code_has_its_occasion() {
    let honest = honest();
    let desk = Desk::new(&honest);
    assert_eq!(desk.exit(&BUNDLE), 0);
    assert_eq!(desk.exit(&[&BUNDLE[..], &["--as-of", "2099-01-01T00:00:00Z"]].concat()), 21);
    assert_eq!(desk.exit(&[&BUNDLE[..], &["--as-of", "1970-01-01T00:00:00Z"]].concat()), 21);
    assert_eq!(desk.exit(&[&BUNDLE[..], &["--lab", "lab-a"]].concat()), 0);
    assert_eq!(desk.exit(&[&BUNDLE[..], &["--lab", "lab-z"]].concat()), 2, "a misspelt lab is not a lab without fault");
    assert_eq!(desk.exit(&[&BUNDLE[..], &["--clause", "run-cup"]].concat()), 2);
    assert_eq!(desk.exit(&["bundle", "absent", "--trust", "trust.toml"]), 3);
    assert_eq!(desk.exit(&["bundle", "trust.toml", "--trust", "trust.toml"]), 3);
    assert_eq!(desk.exit(&["bundle", "ledger.standstill", "--trust", "absent"]), 2);
    assert_eq!(desk.exit(&["bundle", "ledger.standstill"]), 2);
    desk.write("broken.toml", b"schema = \"standstill.trust/1\"\nname = 7\n");
    assert_eq!(desk.exit(&["bundle", "ledger.standstill", "--trust", "broken.toml"]), 2);
    let mut flipped = bundle(&honest);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 4;
    desk.write("flipped.standstill", &flipped);
    assert_eq!(desk.exit(&["bundle", "flipped.standstill", "--trust", "trust.toml"]), 10);
    let mut other = World::new(Setup { labs: 3, ..Setup::default() });
    other.block(vec![]).unwrap();
    desk.write("other.standstill", &bundle(&other));
    assert_eq!(desk.exit(&["bundle", "other.standstill", "--trust", "trust.toml"]), 10, "another ledger");
    let help = stdout(&desk.run(&["--help"]));
    for exit in Exit::ALL {
        assert!(help.contains(&format!("{:>2}  {}", exit.code(), exit.name())), "{help}");
    }
}

#[test]
fn a_missing_checkpoint_is_said_on_the_screen() {
    let world = honest();
    let desk = Desk::new(&world);
    desk.write("bare.standstill", &bare_bundle(&world));
    let output = desk.run(&["bundle", "bare.standstill", "--trust", "trust.toml"]);
    let screen = stdout(&output);
    assert_eq!(output.status.code(), Some(21), "{screen}");
    for words in
        ["part", "[no-checkpoint]", "Integrity checked in part.", "get a bundle that holds a cosigned checkpoint"]
    {
        assert!(screen.contains(words), "{words:?} is missing in\n{screen}");
    }
    assert!(!screen.contains("Integrity holds") && !screen.contains("after the failures above"), "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    let document = desk.run(&["bundle", "bare.standstill", "--trust", "trust.toml", "--json"]);
    let document: Value = serde_json::from_slice(&document.stdout).unwrap();
    assert_eq!(document["checks"][3]["gap"]["code"], "no-checkpoint");
    let schema = std::fs::read(repository().join("spec/schemas/verdict.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    matches(&document, &schema, &schema, "document");
}

#[test]
fn errors_go_to_stderr_with_a_hint_and_quiet_silences_them() {
    let desk = Desk::new(&honest());
    let output = desk.run(&["explain", "9"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).starts_with("error: `9` is no check\n\nhint: "), "{}", stderr(&output));
    let quiet = desk.run(&["--quiet", "explain", "9"]);
    assert_eq!((quiet.status.code(), quiet.stderr.len()), (Some(2), 0));
}

#[test]
fn colour_is_said_and_never_needed() {
    let desk = Desk::new(&violated());
    let coloured = stdout(&desk.run(&[&["--color", "always"], &BUNDLE[..]].concat()));
    assert!(coloured.contains('\u{1b}'));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, stdout(&desk.run(&BUNDLE)));
}

#[test]
fn the_json_twin_says_the_same_and_keeps_its_schema() {
    let schema: Value =
        serde_json::from_slice(&std::fs::read(repository().join("spec/schemas/verdict.json")).unwrap()).unwrap();
    for (world, code, word) in [(honest(), 0, "holds"), (violated(), 20, "violated"), (silent(), 21, "undecided")] {
        let desk = Desk::new(&world);
        let output = desk.run(&[&BUNDLE[..], &["--json"]].concat());
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert_eq!((&document["verdict"], &document["exit_code"]), (&word.into(), &code.into()));
        matches(&document, &schema, &schema, "document");
        assert!(stdout(&output).ends_with("}\n"));
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// As much of JSON Schema as `verdict.json` uses.
fn matches(value: &Value, schema: &Value, root: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").unwrap();
        return matches(value, &root["$defs"][name], root, place);
    }
    if let Some(options) = schema["anyOf"].as_array() {
        let found = options.iter().any(|option| {
            let option =
                option["$ref"].as_str().map_or(option, |at| &root["$defs"][at.strip_prefix("#/$defs/").unwrap()]);
            is_of_type(value, &option["type"])
        });
        assert!(found, "{place}: {value}");
        return;
    }
    if let Some(options) = schema["enum"].as_array() {
        assert!(options.contains(value), "{place}: {value}");
    }
    if !schema["const"].is_null() {
        assert_eq!(value, &schema["const"], "{place}");
    }
    if !schema["type"].is_null() {
        let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
        assert!(types.iter().any(|kind| is_of_type(value, kind)), "{place}: {value} is no {types:?}");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{place}.{name} is missing");
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(member) = value.get(name) {
            matches(member, inner, root, &format!("{place}.{name}"));
        }
    }
    if let Some(members) = value.as_object() {
        let known = schema["properties"].as_object().unwrap();
        members.keys().for_each(|name| assert!(known.contains_key(name), "{place}.{name} is not in the schema"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        matches(item, &schema["items"], root, &format!("{place}[{index}]"));
    }
}

fn is_of_type(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("type {other}"),
    }
}

#[test]
fn one_bundle_extends_another_or_says_where_they_part() {
    let mut world = honest();
    let desk = Desk::new(&world);
    world.block(vec![]).unwrap();
    desk.write("longer.standstill", &bundle(&world));
    desk.write("other.standstill", &bundle(&violated()));
    assert_eq!(desk.exit(&["extends", "ledger.standstill", "longer.standstill"]), 0);
    assert_eq!(desk.exit(&["extends", "ledger.standstill", "ledger.standstill"]), 0);
    assert_eq!(desk.exit(&["extends", "longer.standstill", "ledger.standstill"]), 21);
    let parted = desk.run(&["extends", "ledger.standstill", "other.standstill"]);
    assert_eq!(parted.status.code(), Some(10));
    assert!(stdout(&parted).contains("different blocks of height 1"), "{}", stdout(&parted));
    assert_eq!(desk.exit(&["extends", "trust.toml", "ledger.standstill"]), 3);
}

#[test]
fn a_receipt_is_signed_included_and_certified_or_it_is_refused() {
    let world = honest();
    let desk = Desk::new(&world);
    let (at, receipt) = receipt(&world);
    desk.write("1.proof", &receipt);
    let check = |arguments: &[&str]| desk.run(&[&["proof", "1.proof", "--trust", "trust.toml"], arguments].concat());
    let full = check(&["--treaty", "treaty.toml"]);
    assert_eq!(full.status.code(), Some(0), "{}", stdout(&full));
    assert!(stdout(&full).contains(&format!("index      {at}")), "{}", stdout(&full));
    assert!(stdout(&full).lines().all(|line| line.chars().count() <= 80), "{}", stdout(&full));
    assert_eq!(check(&[]).status.code(), Some(21), "without the treaty the signature stays open");
    desk.write("wrong.json", b"{}");
    assert_eq!(check(&["--entry", "wrong.json"]).status.code(), Some(10));
    let json: Value = serde_json::from_slice(&check(&["--json"]).stdout).unwrap();
    assert_eq!(json["schema"], "standstill.proof/1");
    for position in 0..receipt.len() {
        let mut flipped = receipt.clone();
        flipped[position] ^= 1 << (position % 7);
        let report = standstill_verifier::proof::verify(&flipped, None, Some(&world.treaty_bytes), &trust(&world));
        assert_eq!(report.exit(), Exit::Untrusted, "byte {position}");
    }
}

/// A receipt for the first record, carrying it, under a checkpoint of the tip.
fn receipt(world: &World) -> (u64, Vec<u8>) {
    let mut leaves: Vec<Vec<u8>> = Vec::new();
    let mut previous: Option<Vec<u8>> = None;
    for (block, _) in &world.blocks {
        if let (false, Some(header)) = (block.entries.is_empty(), &previous) {
            leaves.push(header.clone());
        }
        leaves.extend(block.entries.iter().map(|entry| entry.leaf_bytes().into_owned()));
        previous = Some(block.header.leaf_bytes());
    }
    let at = leaves.iter().position(|leaf| leaf.starts_with(b"{")).unwrap();
    let hashes: Vec<_> = leaves.iter().map(|leaf| standstill_protocol::log::leaf_hash(leaf)).collect();
    let path = path_of(&hashes, at);
    let note = Note::parse(&checkpoint(world, world.tip().unwrap())).unwrap();
    let root = world.tip().unwrap().log_root;
    inclusion::verify(&hashes[at], at as u64, hashes.len() as u64, &path, &root).unwrap();
    (at as u64, TlogProof::new(at as u64, path, note, Some(leaves[at].clone())).unwrap().to_bytes())
}

/// The inclusion path of RFC 6962, section 2.1.1, as written there.
fn path_of(leaves: &[standstill_protocol::hash::Hash], at: usize) -> Vec<standstill_protocol::hash::Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let split = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(split);
    let root = |part: &[standstill_protocol::hash::Hash]| {
        let mut frontier = standstill_protocol::log::Frontier::new();
        part.iter().for_each(|leaf| frontier.append(*leaf));
        frontier.root()
    };
    let (mut path, sibling) =
        if at < split { (path_of(left, at), root(right)) } else { (path_of(right, at - split), root(left)) };
    path.push(sibling);
    path
}

#[test]
fn the_small_commands_answer_in_80_columns() {
    let desk = Desk::new(&honest());
    for arguments in [
        &["checks"][..],
        &["explain", "4"],
        &["explain", "replay"],
        &["trust", "show", "trust.toml"],
        &["trust", "lint", "trust.toml"],
        &["trust", "fingerprint", "trust.toml"],
        &["inspect", "ledger.standstill"],
    ] {
        let output = desk.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?} {}", stderr(&output));
        for line in stdout(&output).lines() {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
    }
    let inspected = stdout(&desk.run(&["inspect", "ledger.standstill"]));
    assert!(inspected.lines().next().unwrap().contains("nothing here is verified"));
}
