//! Findings as a table for people, 80 columns wide, and as JSON for programs.

use standstill_protocol::units::{Flop, Ppm};

use super::finding::{Finding, Number, Outcome, Range, Unit, percent};
use crate::writer::Json;

const WIDTH: usize = 80;
/// Columns of check, claimed, expected; two spaces between.
const COLUMNS: [usize; 3] = [22, 20, 20];

/// One row a finding, then a paragraph for each that does not agree. Plain text, ending in a newline; empty for no
/// findings.
pub fn table(findings: &[Finding]) -> String {
    let mut out = String::new();
    if findings.is_empty() {
        return out;
    }
    row(["check", "claimed", "expected"], "outcome", &mut out);
    for finding in findings {
        let [claimed, expected] = [finding.claimed, finding.expected].map(|range| range.map_or("-".to_owned(), show));
        row([finding.check.as_str(), &claimed, &expected], finding.outcome.as_str(), &mut out);
    }
    for finding in findings.iter().filter(|finding| finding.outcome != Outcome::Agrees) {
        out.push_str(&format!("\n{}: {}\n", finding.outcome, finding.check));
        wrap(&finding.sentence, &mut out);
    }
    out
}

fn row(cells: [&str; 3], last: &str, out: &mut String) {
    for (cell, width) in cells.into_iter().zip(COLUMNS) {
        out.push_str(&format!("{cell:width$}  "));
    }
    out.push_str(last);
    out.push('\n');
}

fn wrap(sentence: &str, out: &mut String) {
    let mut column = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            out.push('\n');
            column = 0;
        }
        out.push_str(if column == 0 { "  " } else { " " });
        out.push_str(word);
        column += length + if column == 0 { 2 } else { 1 };
    }
    out.push('\n');
}

/// A range in as few characters as three digits take: `2.91e23-3.01e23 FLOP`, `up to 512 chips`, `24.5-25.2 %`.
fn show(range: Range) -> String {
    let unit = if range.unit == Unit::Ppm { "%" } else { range.unit.as_str() };
    let one = |value: u128| match range.unit {
        Unit::Ppm => percent(Ppm(u64::try_from(value).unwrap_or(u64::MAX))),
        _ => Flop(value).scientific(),
    };
    match range.upper {
        None => format!("from {} {unit}", one(range.lower)),
        Some(upper) if upper == range.lower => format!("{} {unit}", one(upper)),
        Some(upper) if range.lower == 0 => format!("up to {} {unit}", one(upper)),
        Some(upper) if one(upper) == one(range.lower) => format!("{} {unit}", one(upper)),
        Some(upper) => format!("{}-{} {unit}", one(range.lower), one(upper)),
    }
}

/// `{"findings": [{"check", "outcome", "claimed", "expected", "numbers", "sentence"}]}`: numbers as decimal strings with
/// their unit; a range is `{"lower", "upper", "unit"}` with `upper` null for no bound, or null where there is none.
pub fn json(findings: &[Finding]) -> Vec<u8> {
    let list = findings.iter().map(finding_json).collect();
    Json::Object(vec![("findings", Json::List(list))]).write()
}

fn finding_json(finding: &Finding) -> Json {
    let range = |range: Option<Range>| range.map_or(Json::Null, range_json);
    Json::Object(vec![
        ("check", Json::text(finding.check)),
        ("outcome", Json::text(finding.outcome)),
        ("claimed", range(finding.claimed)),
        ("expected", range(finding.expected)),
        ("numbers", Json::List(finding.numbers.iter().map(number_json).collect())),
        ("sentence", Json::text(&finding.sentence)),
    ])
}

fn range_json(range: Range) -> Json {
    Json::Object(vec![
        ("lower", Json::text(range.lower)),
        ("upper", range.upper.map_or(Json::Null, Json::text)),
        ("unit", Json::text(range.unit)),
    ])
}

fn number_json(number: &Number) -> Json {
    Json::Object(vec![
        ("name", Json::text(number.name)),
        ("value", Json::text(number.value)),
        ("unit", Json::text(number.unit)),
    ])
}
