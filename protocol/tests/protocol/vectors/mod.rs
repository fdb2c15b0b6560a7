//! The files under `vectors/`: inputs, valid and invalid, each with the outcome expected of it.
//!
//! A case's outcome is declared by hand where the case is built, as `ok` or as the name of the error; what an `ok` case
//! yields is computed. The test reads the files as another implementation would, checks every case, and checks that the
//! files are those that this code writes. To write them anew: `STANDSTILL_WRITE_VECTORS=1 cargo test -p
//! standstill-protocol vectors`.

mod consensus;
mod log;
mod notes;
mod oracles;
mod text;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use standstill_protocol::json::{self, Object, Value};

use crate::error_name;

/// What a case yields, or the name of the error that refuses it.
type Outcome = Result<Object, String>;

/// One file: a format, the rule that its cases are held to, and the cases.
struct Suite {
    /// The file's name, without `.json`.
    kind: &'static str,
    /// One sentence for a reader.
    about: &'static str,
    check: fn(&Object) -> Outcome,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    input: Object,
    outcome: &'static str,
}

fn case(name: impl Into<String>, input: Object, outcome: &'static str) -> Case {
    Case { name: name.into(), input, outcome }
}

fn suites() -> Vec<Suite> {
    let mut suites = text::suites();
    suites.extend(log::suites());
    suites.extend(notes::suites());
    suites.extend(consensus::suites());
    suites
}

/// Bytes as `text` where they are UTF-8 without control characters but newline, as `hex` elsewhere.
fn bytes_input(bytes: &[u8]) -> Object {
    let printable = |text: &&str| text.chars().all(|c| c == '\n' || !c.is_control());
    match std::str::from_utf8(bytes).ok().filter(printable) {
        Some(text) => Object::new().with("text", text),
        None => Object::new().with("hex", hex::encode(bytes)),
    }
}

fn input_bytes(input: &Object) -> Vec<u8> {
    match input.member("text") {
        Some(text) => text.as_str().unwrap().as_bytes().to_vec(),
        None => hex::decode(text_of(input, "hex")).unwrap(),
    }
}

fn text_of<'o>(object: &'o Object, name: &str) -> &'o str {
    object.member(name).and_then(Value::as_str).unwrap_or_else(|| panic!("a case without `{name}`"))
}

fn parsed<T: std::str::FromStr>(object: &Object, name: &str) -> T {
    text_of(object, name).parse().unwrap_or_else(|_| panic!("`{name}` of a case is malformed"))
}

fn texts_of(object: &Object, name: &str) -> Vec<String> {
    let array = object.member(name).and_then(Value::as_array).unwrap();
    array.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

fn list(items: impl IntoIterator<Item = impl ToString>) -> Value {
    Value::Array(items.into_iter().map(|item| Value::String(item.to_string())).collect())
}

fn named<E: std::fmt::Debug>(error: E) -> String {
    error_name(&error)
}

fn render(suite: &Suite) -> String {
    let cases = suite.cases.iter().map(|case| {
        let object = Object::new()
            .with("name", case.name.as_str())
            .with("input", case.input.clone())
            .with("outcome", case.outcome)
            .with_some("output", (suite.check)(&case.input).ok());
        Value::Object(object)
    });
    let file = Object::new()
        .with("format", "standstill-vectors/1")
        .with("kind", suite.kind)
        .with("about", suite.about)
        .with("cases", cases.collect::<Vec<_>>());
    Value::Object(file).to_pretty()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors")
}

fn read(kind: &str) -> String {
    let path = folder().join(format!("{kind}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cases of a file, read as another implementation would.
fn cases_of(kind: &str) -> Vec<Object> {
    let file = json::parse(read(kind).as_bytes(), 1 << 24).unwrap();
    let file = file.as_object().unwrap();
    assert_eq!(text_of(file, "kind"), kind);
    let cases = file.member("cases").and_then(Value::as_array).unwrap();
    cases.iter().map(|case| case.as_object().unwrap().clone()).collect()
}

fn input_of(case: &Object) -> &Object {
    case.member("input").and_then(Value::as_object).unwrap()
}

#[test]
fn files_are_those_that_this_code_writes() {
    let write = std::env::var_os("STANDSTILL_WRITE_VECTORS").is_some();
    for suite in suites() {
        let names: BTreeSet<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), suite.cases.len(), "{}: a name twice", suite.kind);
        if write {
            std::fs::write(folder().join(format!("{}.json", suite.kind)), render(&suite)).unwrap();
        }
        assert!(read(suite.kind) == render(&suite), "vectors/{}.json is stale", suite.kind);
    }
}

#[test]
fn every_case_has_the_outcome_that_its_file_states() {
    let suites = suites();
    let (mut count, mut wrong) = (0, Vec::new());
    for suite in &suites {
        for case in cases_of(suite.kind) {
            let input = input_of(&case);
            let found = (suite.check)(input);
            let outcome = found.as_ref().err().map_or("ok", String::as_str);
            let as_stated = outcome == text_of(&case, "outcome")
                && found.as_ref().ok() == case.member("output").and_then(Value::as_object);
            if !as_stated {
                wrong.push(format!("{}: {}: found {outcome}", suite.kind, text_of(&case, "name")));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{count} cases in {} files", suites.len());
}

#[test]
fn no_file_is_left_unread() {
    let known: BTreeSet<String> = suites().iter().map(|suite| format!("{}.json", suite.kind)).collect();
    let foreign = ["clause", "bundle", "state", "treat", "trust", "statement", "parameters", "record", "telemetry"];
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let other_rooms = foreign.iter().any(|start| name.starts_with(start));
        assert!(!name.ends_with(".json") || known.contains(&name) || other_rooms, "vectors/{name} is read by no test");
    }
}
