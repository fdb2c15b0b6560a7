//! What the strict JSON parser takes and what it refuses, each refusal by its name.

use proptest::prelude::*;
use standstill_protocol::json::{self, JsonError, MAX_DEPTH, MAX_INTEGER, Object, ObjectReader, ShapeError, Value};

fn parse(text: &str) -> Result<Value, JsonError> {
    json::parse(text.as_bytes(), 1 << 16)
}

#[test]
fn a_name_twice_is_refused_even_when_one_is_escaped() {
    let error = parse("{\"a\": 1,\n \"\\u0061\": 2}").unwrap_err();
    assert_eq!(error.to_string(), "line 2 column 2: the name `a` stands twice in one object");
    assert!(parse(r#"{"a":{"a":1},"b":{"a":1}}"#).is_ok(), "in different objects it may");
}

#[test]
fn a_name_twice_is_found_in_objects_of_every_size() {
    for count in [2usize, 31, 32, 33, 34, 100] {
        for (first, second) in [(0, count - 1), (count - 2, count - 1), (count / 3, count - 1)] {
            let name = |index: usize| if index == second { first } else { index };
            let members: Vec<String> = (0..count).map(|index| format!("\"n{}\":0", name(index))).collect();
            let error = parse(&format!("{{{}}}", members.join(","))).unwrap_err();
            assert!(matches!(error, JsonError::DuplicateName { name, .. } if name == format!("n{first}")), "{count}");
        }
        let members: Vec<String> = (0..count).map(|index| format!("\"n{index}\":0")).collect();
        assert!(parse(&format!("{{{}}}", members.join(","))).is_ok(), "{count}");
    }
}

#[test]
fn numbers_on_which_parsers_differ_are_refused() {
    for text in ["1.0", "1e2", "1E2", "-0", "0.0", "-0.5", "[1, 2.5]"] {
        assert!(matches!(parse(text), Err(JsonError::NotAnInteger { .. })), "{text}");
    }
    for text in ["9007199254740992", "-9007199254740992", "123456789012345678901234567890"] {
        assert!(matches!(parse(text), Err(JsonError::IntegerOutOfRange { .. })), "{text}");
    }
    for text in ["01", "-01", "+1", ".5", "NaN", "Infinity", "-Infinity", "[0x10]", "-a"] {
        assert!(matches!(parse(text), Err(JsonError::Syntax { .. })), "{text}");
    }
    assert!(matches!(parse("-"), Err(JsonError::Truncated { .. })));
    assert_eq!(parse("-9007199254740991"), Ok(Value::Integer(-MAX_INTEGER)));
}

#[test]
fn strings_must_be_unicode() {
    for text in
        [r#""\ud800""#, r#""\udc00""#, r#""\ud800\u0041""#, r#""\ud800x""#, r#""\udc00\ud800""#, r#""\ud83d\n""#]
    {
        assert!(matches!(parse(text), Err(JsonError::LoneSurrogate { .. })), "{text}");
    }
    assert_eq!(parse(r#""\ud83d\ude00\u00e9\/""#), Ok(Value::from("\u{1f600}\u{e9}/")));
    assert_eq!(json::parse(b"\"a\xff\"", 64), Err(JsonError::NotUtf8 { offset: 2 }));
    assert_eq!(json::parse(b"\"\xed\xa0\x80\"", 64), Err(JsonError::NotUtf8 { offset: 1 }), "a surrogate in UTF-8");
    for text in [r#""\x41""#, r#""\u12""#, r#""\u12g4""#, r#""\u+123""#, r#""\U0041""#] {
        assert!(matches!(parse(text), Err(JsonError::BadEscape { .. })), "{text}");
    }
    for text in ["\"a\nb\"", "\"\u{0}\"", "\"\t\""] {
        assert!(matches!(parse(text), Err(JsonError::ControlCharacter { .. })), "{text:?}");
    }
}

#[test]
fn nesting_stops_at_the_bound() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    assert!(matches!(parse(&nested(MAX_DEPTH + 1)), Err(JsonError::TooDeep { .. })));
    assert!(matches!(parse(&"[".repeat(60_000)), Err(JsonError::TooDeep { .. })));
    assert!(matches!(parse(&"{\"a\":".repeat(10_000)), Err(JsonError::TooDeep { .. })));
}

#[test]
fn size_is_bounded_before_anything_is_read() {
    assert_eq!(json::parse(&[0xFF; 65], 64), Err(JsonError::TooLong { length: 65, limit: 64 }));
}

#[test]
fn one_value_and_nothing_else() {
    for text in ["1 2", "{} {}", "null,", "[]]", "{}\u{0}"] {
        assert!(matches!(parse(text), Err(JsonError::TrailingData { .. })), "{text:?}");
    }
    for text in ["", " ", "[", "[1", "[1,", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "\"a", "\"a\\"] {
        assert!(matches!(parse(text), Err(JsonError::Truncated { .. })), "{text:?}");
    }
    for text in ["\u{feff}{}", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "// c\n1", "tru", "nul", "[,1]", "\u{a0}1"] {
        assert!(matches!(parse(text), Err(JsonError::Syntax { .. })), "{text:?}");
    }
}

#[test]
fn many_numbers_and_escapes_cost_linear_time() {
    // Positions are counted only for errors; a counter for each token would make this quadratic.
    let text = format!("[{}\"{}\"]", "1,".repeat(400_000), "\\u00e9".repeat(100_000));
    assert!(json::parse(text.as_bytes(), 1 << 24).is_ok());
}

#[test]
fn a_reader_reports_paths() {
    let value = parse(r#"{"outer":{"count":-1,"name":"X","more":0}}"#).unwrap();
    let mut reader = ObjectReader::new(&value, "").unwrap();
    let mut outer = reader.object("outer").unwrap();
    assert_eq!(
        outer.unsigned("count").unwrap_err().to_string(),
        "`outer.count` is an integer where an integer of at least 0 is expected"
    );
    assert_eq!(outer.string("gone"), Err(ShapeError::Missing { path: "outer.gone".to_owned() }));
    assert!(matches!(outer.parsed::<standstill_protocol::member::Name>("name"), Err(ShapeError::Invalid { .. })));
    assert_eq!(outer.finish(), Err(ShapeError::Unknown { path: "outer.more".to_owned() }));
    reader.finish().unwrap();
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::Integer),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..8).prop_map(|members| {
                let mut object = Object::new();
                members.into_iter().for_each(|(name, value)| object.set(name, value));
                Value::Object(object)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in any_value()) {
        let bytes = value.to_bytes();
        prop_assert_eq!(json::parse(&bytes, usize::MAX), Ok(value.clone()));
        prop_assert_eq!(json::parse(value.to_pretty().as_bytes(), usize::MAX), Ok(value.clone()));
        let oracle: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&value.to_pretty()).unwrap(), oracle);
    }

    #[test]
    fn what_is_taken_serde_json_takes_too(text in "[\\[\\]{},:\"a\\\\u0dD8e1. \n-]{0,40}") {
        if let Ok(value) = json::parse(text.as_bytes(), 1 << 16) {
            let oracle: serde_json::Value = serde_json::from_str(&text).unwrap();
            let again: serde_json::Value = serde_json::from_slice(&value.to_bytes()).unwrap();
            prop_assert_eq!(oracle, again);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = json::parse(&bytes, 1 << 16);
    }
}
