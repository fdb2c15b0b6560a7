//! The files `vectors/telemetry-readings.json` and `vectors/telemetry-openings.json`, and the example of the page.

use std::path::Path;

use standstill_attestations::reading::{Opening, OpeningError, Reading, Sample};
use standstill_protocol::hash::Hash;
use standstill_protocol::json::{self, Object, Value};

use crate::log::{openable, readings};

/// What a case yields, or the name of the error that refuses it.
type Outcome = Result<Object, String>;

struct Case {
    name: &'static str,
    input: Object,
    outcome: &'static str,
}

struct Suite {
    kind: &'static str,
    about: &'static str,
    check: fn(&Object) -> Outcome,
    cases: Vec<Case>,
}

/// The variant's name, as `Debug` writes it.
fn variant(error: &impl std::fmt::Debug) -> String {
    format!("{error:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn named(error: &OpeningError) -> String {
    match error {
        OpeningError::Reading { error, .. } => format!("Reading.{}", variant(error)),
        OpeningError::NotIncluded { error, .. } => format!("NotIncluded.{}", variant(error)),
        other => variant(other),
    }
}

fn text<'o>(object: &'o Object, name: &str) -> &'o str {
    object.member(name).and_then(Value::as_str).unwrap_or_else(|| panic!("a case without `{name}`"))
}

fn read_reading(input: &Object) -> Outcome {
    let reading = Reading::parse(text(input, "leaf").as_bytes()).map_err(|error| variant(&error))?;
    Ok(Object::new()
        .with("time", reading.time.to_string())
        .with("meter", reading.meter.as_str())
        .with("chip", reading.chip.to_string())
        .with("quantity", reading.quantity.as_str())
        .with("value", reading.value.to_string())
        .with("leafHash", reading.leaf_hash().to_string()))
}

fn verify_opening(input: &Object) -> Outcome {
    let number = |name: &str| text(input, name).parse::<u64>().unwrap();
    let hash = |name: &str| text(input, name).parse::<Hash>().unwrap();
    let asked = input.member("seed").map(|_| Sample { seed: hash("seed"), count: number("count") });
    let verified = Opening::parse(text(input, "text").as_bytes())
        .and_then(|opening| opening.verify(number("size"), &hash("root"), asked.as_ref()))
        .map_err(|error| named(&error))?;
    let indexes = verified.readings().iter().map(|(index, _)| Value::String(index.to_string())).collect::<Vec<_>>();
    Ok(Object::new().with("leaves", indexes).with("drawn", verified.drawn()))
}

fn reading_cases() -> Vec<Case> {
    let line = readings(2)[1].to_string();
    let case = |name, outcome, from: &str, to: &str| {
        assert!(line.contains(from), "{from}");
        Case { name, input: Object::new().with("leaf", line.replacen(from, to, 1)), outcome }
    };
    let energy = "energy-counter 251911648074 mJ";
    vec![
        case("an energy counter", "ok", "", ""),
        case("sampling begins", "ok", energy, "start 10000 ms"),
        case("power", "ok", energy, "power 650123 mW"),
        case("tensor pipes active all the time", "ok", energy, "tensor-active 1000000 ppm"),
        case("no work", "ok", energy, "utilisation 0 ppm"),
        case("a gap", "ok", energy, "gap 61000 ms"),
        case("the largest counter", "ok", "251911648074", "18446744073709551615"),
        case("a version that is not known", "UnknownFormat", "reading/v1", "reading/v2"),
        case("two spaces", "FieldCount", " node-1", "  node-1"),
        case("a field too many", "FieldCount", " mJ", " mJ "),
        case("a field too few", "FieldCount", " mJ", ""),
        case("a newline", "NotPrintable", " mJ", " mJ\n"),
        case("a tab", "NotPrintable", " mJ", "\tmJ"),
        case("too long", "TooLong", "251911648074", &"9".repeat(80)),
        case("a meter in capitals", "BadMeter", "node-1", "Node-1"),
        case("a tag in capitals", "BadChip", &line[45..60], &line[45..60].to_uppercase()),
        case("a value with a leading zero", "BadNumber", "251911648074", "0251911648074"),
        case("a value with a sign", "BadNumber", "251911648074", "+251911648074"),
        case("a fraction", "BadNumber", "251911648074", "251911648.074"),
        case("a value beyond 64 bits", "BadNumber", "251911648074", "18446744073709551616"),
        case("a time beyond the year 9999", "BadNumber", "1795433684907", "253402300800000"),
        case("a quantity that is not known", "UnknownQuantity", "energy-counter", "temperature"),
        case("joules where millijoules are meant", "WrongUnit", " mJ", " J"),
        case("a share above one", "OutOfRange", energy, "tensor-active 1000001 ppm"),
    ]
}

fn opening_cases() -> Vec<Case> {
    let (log, opening) = openable(5, &[2, 4]);
    let seed = Hash::sha256(b"seed of the vectors");
    let (seed_text, sample) = (seed.to_string(), Sample { seed, count: 2 });
    let (_, mut drawn) = openable(5, &sample.draw(5, &log.root()).unwrap());
    drawn.sample = Some(sample);
    let checkpoint = || Object::new().with("size", "5").with("root", log.root().to_string());
    let asked = || checkpoint().with("seed", seed_text.as_str()).with("count", "2");
    let named_text = opening.to_string();
    let case = |name, outcome, from: &str, to: &str| {
        assert!(named_text.contains(from), "{from}");
        Case { name, input: checkpoint().with("text", named_text.replacen(from, to, 1)), outcome }
    };
    let hash = opening.leaves[0].path[1].to_string();
    let other_root = Object::new().with("size", "5").with("root", seed_text.as_str());
    vec![
        case("leaves 2 and 4 of 5", "ok", "", ""),
        Case { name: "a sample", input: asked().with("text", drawn.to_string()), outcome: "ok" },
        Case {
            name: "a sample that nobody asked for",
            input: checkpoint().with("text", drawn.to_string()),
            outcome: "ok",
        },
        Case {
            name: "leaves of the lab's choice",
            input: asked().with("text", named_text.as_str()),
            outcome: "NotTheSample",
        },
        Case {
            name: "a sample of another count",
            input: checkpoint().with("seed", seed_text.as_str()).with("count", "3").with("text", drawn.to_string()),
            outcome: "OtherSample",
        },
        Case { name: "another root", input: other_root.with("text", named_text.as_str()), outcome: "OtherRoot" },
        case("another size", "OtherSize", "size 5", "size 6"),
        case("a version that is not known", "Malformed", "opening/v1", "opening/v2"),
        case("a size with a leading zero", "Malformed", "size 5", "size 05"),
        case("a leaf that is no reading", "Reading.UnknownFormat", "standstill-reading/v1", "standstill-reading/v9"),
        case("a value changed", "NotIncluded.RootMismatch", "251918148074", "251918148075"),
        case("a hash missing", "NotIncluded.WrongLength", &format!("{hash}\n"), ""),
        case("an index beyond the log", "NotIncluded.IndexOutOfRange", "leaf 4", "leaf 5"),
        case("a leaf twice", "OutOfOrder", "leaf 4", "leaf 2"),
        case("cut short", "Malformed", &named_text[named_text.len() - 1..], ""),
        case("an empty line at the end", "Malformed", &format!("{hash}\n"), &format!("{hash}\n\n")),
        case("no leaf", "Malformed", &named_text[named_text.find("\nleaf").unwrap()..], ""),
    ]
}

fn suites() -> [Suite; 2] {
    [
        Suite {
            kind: "telemetry-readings",
            about: "Leaves of a telemetry log, one line of ASCII each",
            check: read_reading,
            cases: reading_cases(),
        },
        Suite {
            kind: "telemetry-openings",
            about: "Openings of telemetry logs, held against a size and a root, and against a seed where there is one",
            check: verify_opening,
            cases: opening_cases(),
        },
    ]
}

fn render(suite: &Suite) -> String {
    let cases = suite.cases.iter().map(|case| {
        let object = Object::new()
            .with("name", case.name)
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

#[test]
fn every_case_has_its_outcome_and_the_files_are_those_that_this_code_writes() {
    for suite in suites() {
        for case in &suite.cases {
            let found = (suite.check)(&case.input).map_or_else(|error| error, |_| "ok".to_owned());
            assert_eq!(found, case.outcome, "{}: {}", suite.kind, case.name);
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../vectors/{}.json", suite.kind));
        if std::env::var_os("STANDSTILL_WRITE_VECTORS").is_some() {
            std::fs::write(&path, render(&suite)).unwrap();
        }
        let file = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(file == render(&suite), "vectors/{}.json is stale", suite.kind);
        assert!(json::parse(file.as_bytes(), 1 << 20).is_ok());
    }
}

#[test]
fn the_page_shows_the_vectors() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/48-telemetry.md");
    let page = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (_, opening) = openable(5, &[2, 4]);
    assert!(page.contains(&opening.to_string()), "spec/48-telemetry.md does not show\n{opening}");
    for case in suites().iter().flat_map(|suite| &suite.cases) {
        let error = case.outcome.split('.').next().unwrap_or_default();
        assert!(error == "ok" || page.contains(&format!("`{error}`")), "spec/48-telemetry.md does not name {error}");
    }
}
