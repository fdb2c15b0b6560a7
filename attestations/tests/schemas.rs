//! The JSON Schemas of `spec/schemas/` and the parser are two descriptions of one format: what one refuses for its
//! shape, the other refuses too. The examples in `spec/schemas/examples/` are what the writer writes.
//!
//! The validator knows the keywords of draft 2020-12 that the schemas use, and panics on any other.

mod example;

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use standstill_attestations::statement::Kind;
use standstill_attestations::{Statement, StatementError};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/schemas"))
}

fn schema(kind: Kind) -> Value {
    let path = folder().join(format!("{kind}.v1.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Where and why a value does not fit, or nothing.
fn refusal(root: &Value, schema: &Value, value: &Value, path: &str) -> Option<String> {
    let Value::Object(keywords) = schema else {
        return (schema == &Value::Bool(false)).then(|| format!("{path} must not be there"));
    };
    keywords.iter().find_map(|(keyword, argument)| match keyword.as_str() {
        "$schema" | "$id" | "$defs" | "title" | "description" | "then" | "else" => None,
        "$ref" => {
            let target = root.pointer(argument.as_str().unwrap().trim_start_matches('#')).unwrap();
            refusal(root, target, value, path)
        }
        "properties" => properties(root, argument, value, path),
        "items" => value
            .as_array()?
            .iter()
            .enumerate()
            .find_map(|(index, item)| refusal(root, argument, item, &format!("{path}[{index}]"))),
        "anyOf" => {
            let fits = argument.as_array().unwrap().iter().any(|one| refusal(root, one, value, path).is_none());
            (!fits).then(|| format!("{path} fits none"))
        }
        "allOf" => argument.as_array().unwrap().iter().find_map(|one| refusal(root, one, value, path)),
        "if" => {
            let branch = if refusal(root, argument, value, path).is_none() { "then" } else { "else" };
            refusal(root, &schema[branch], value, path)
        }
        "additionalProperties" => {
            let known = schema["properties"].as_object().unwrap();
            let extra = value.as_object()?.keys().find(|name| !known.contains_key(*name))?;
            Some(format!("{path}.{extra} is not known"))
        }
        _ => simple(keyword, argument, value).then(|| format!("{path} breaks {keyword}")),
    })
}

fn properties(root: &Value, argument: &Value, value: &Value, path: &str) -> Option<String> {
    let members = value.as_object()?;
    argument
        .as_object()
        .unwrap()
        .iter()
        .find_map(|(name, schema)| refusal(root, schema, members.get(name)?, &format!("{path}.{name}")))
}

/// Whether a keyword without subschemas is broken.
fn simple(keyword: &str, argument: &Value, value: &Value) -> bool {
    let limit = argument.as_u64().unwrap_or(0);
    let length = |value: &Value| value.as_str().map(|text| text.chars().count() as u64);
    let items = |value: &Value| value.as_array().map(|items| items.len() as u64);
    match keyword {
        "const" => value != argument,
        "enum" => !argument.as_array().unwrap().contains(value),
        "required" => {
            let missing = |name: &Value| value.get(name.as_str().unwrap()).is_none();
            value.is_object() && argument.as_array().unwrap().iter().any(missing)
        }
        "type" => match argument.as_str().unwrap() {
            "object" => !value.is_object(),
            "array" => !value.is_array(),
            "string" => !value.is_string(),
            "integer" => !value.is_i64() && !value.is_u64(),
            "boolean" => !value.is_boolean(),
            "null" => !value.is_null(),
            other => panic!("type {other}"),
        },
        "minimum" => value.as_i64().is_some_and(|number| number < argument.as_i64().unwrap()),
        "maximum" => value.as_u64().is_some_and(|number| number > limit),
        "minLength" => length(value).is_some_and(|length| length < limit),
        "maxLength" => length(value).is_some_and(|length| length > limit),
        "minItems" => items(value).is_some_and(|items| items < limit),
        "maxItems" => items(value).is_some_and(|items| items > limit),
        "pattern" => value.as_str().is_some_and(|text| !matches(argument.as_str().unwrap(), text)),
        other => panic!("the schemas use `{other}`, which this validator does not know"),
    }
}

/// The patterns that the schemas use, each written out.
fn matches(pattern: &str, text: &str) -> bool {
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    match pattern {
        "^[0-9a-f]{64}$" => hex && text.len() == 64,
        "^[0-9a-f]{7,64}$" => hex && (7..=64).contains(&text.len()),
        "^(0|[1-9][0-9]{0,38})$" => {
            text == "0"
                || (1..=39).contains(&text.len()) && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
        }
        r"^(0|-?[1-9][0-9]{0,37})$" => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = (1..=38).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            text == "0" || plain && !digits.starts_with('0')
        }
        "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$" => {
            STANDARD.decode(text).is_ok()
        }
        "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$" => STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 32),
        r"^[^\s+]+$" => !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '+'),
        "^[0-9a-f]{128}$" => text.len() == 128 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
        "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$" => standstill_protocol::member::Name::is_valid(text),
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z$" => {
            let shape: String = text.chars().map(|c| if c.is_ascii_digit() { 'd' } else { c }).collect();
            shape == "dddd-dd-ddTdd:dd:ddZ" || shape == "dddd-dd-ddTdd:dd:dd.dddZ"
        }
        other => panic!("the schemas use the pattern `{other}`, which this validator does not know"),
    }
}

fn fits(kind: Kind, value: &Value) -> Result<(), String> {
    let schema = schema(kind);
    refusal(&schema, &schema, value, "").map_or(Ok(()), Err)
}

#[test]
fn the_examples_are_what_the_writer_writes_and_fit_their_schemas() {
    for statement in example::all() {
        let kind = statement.kind();
        let bytes = statement.to_json();
        let path = folder().join(format!("examples/{kind}.json"));
        if std::env::var_os("STANDSTILL_BLESS").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            golden == bytes,
            "{} differs: set STANDSTILL_BLESS=1 only if the format is meant to change",
            path.display()
        );
        assert_eq!(fits(kind, &serde_json::from_slice(&bytes).unwrap()), Ok(()));
    }
}

#[test]
fn a_schema_accepts_no_other_kind() {
    for statement in example::all() {
        let value: Value = serde_json::from_slice(&statement.to_json()).unwrap();
        for kind in Kind::ALL.iter().filter(|kind| **kind != statement.kind()) {
            assert!(fits(*kind, &value).is_err(), "{} as {kind}", statement.kind());
        }
    }
}

/// Pointers to every value below one.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| pointers(value, &format!("{at}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| pointers(value, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

/// Each value removed, each of another type, and each object with one member more: the schema and the parser agree.
#[test]
fn schema_and_parser_refuse_the_same_shapes() {
    let mut refused = 0;
    for statement in example::all() {
        let kind = statement.kind();
        let original: Value = serde_json::from_slice(&statement.to_json()).unwrap();
        let mut all = Vec::new();
        pointers(&original, "", &mut all);
        for pointer in all {
            for edited in edits(&original, &pointer) {
                let schema = fits(kind, &edited);
                let parsed = Statement::parse(edited.to_string().as_bytes());
                // What a statement says fixes its subject: that is beyond a schema.
                let shaped = parsed.is_ok() || matches!(parsed, Err(StatementError::SubjectMismatch { .. }));
                assert_eq!(schema.is_ok(), shaped, "{kind} {pointer}: schema {schema:?}, parser {parsed:?}");
                refused += usize::from(schema.is_err());
            }
        }
    }
    assert!(refused > 500, "{refused} refusals tried");
}

fn edits(original: &Value, pointer: &str) -> Vec<Value> {
    let mut edited = Vec::new();
    let mut with = |change: &dyn Fn(&mut Value)| {
        let mut copy = original.clone();
        change(&mut copy);
        edited.push(copy);
    };
    if let Some((parent, name)) = pointer.rsplit_once('/') {
        with(&|copy| {
            if let Some(Value::Object(members)) = copy.pointer_mut(parent) {
                members.remove(name);
            }
        });
    }
    for other in [Value::Bool(true), Value::from(-1), Value::from("é"), Value::Array(vec![Value::Null]), Value::Null] {
        // A boolean in a boolean's place, or text where any text will do, is no other type.
        let present = original.pointer(pointer).unwrap();
        if std::mem::discriminant(present) != std::mem::discriminant(&other) {
            with(&|copy| *copy.pointer_mut(pointer).unwrap() = other.clone());
        }
    }
    if original.pointer(pointer).unwrap().is_object() {
        with(&|copy| {
            copy.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert("another".to_owned(), Value::Null);
        });
    }
    edited
}
