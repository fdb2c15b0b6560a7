//! `release_dates.yaml`: a model and the day of its release, a line each.
//!
//! ```yaml
//! date:
//!   Claude 3 Opus: 2024-03-04
//!   "GPT-4o: preview": 2024-05-13     # a comment
//! ```
//!
//! Of YAML only this is read: one mapping under `date`, names plain or in double quotes without escapes.

use std::collections::BTreeMap;

use standstill_protocol::units::Timestamp;

use crate::error::ImportError;
use crate::source::Document;
use crate::table::{bad_line, whole_lines};

const DAY_MS: u64 = 86_400_000;

pub(super) fn looks_like(bytes: &[u8]) -> bool {
    bytes.starts_with(b"date:\n") || bytes.starts_with(b"date:\r\n")
}

/// Day of release since 1970-01-01, by name.
pub(super) fn read(source: &Document<'_>) -> Result<BTreeMap<String, u32>, ImportError> {
    let text = whole_lines(source.name(), source.bytes())?;
    let mut found = BTreeMap::new();
    for (index, line) in text.lines().enumerate().skip(1) {
        let refused = |reason| bad_line(source.name(), index + 1, reason);
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') {
            return Err(refused("stands outside of `date`"));
        }
        let (name, date) = entry(content).ok_or_else(|| refused("is not `name: YYYY-MM-DD`"))?;
        let day = day(date).ok_or_else(|| refused("is not `name: YYYY-MM-DD`"))?;
        if found.insert(name.to_owned(), day).is_some() {
            return Err(ImportError::Repeated {
                file: source.name().to_owned(),
                field: name.chars().take(80).collect(),
            });
        }
    }
    Ok(found)
}

fn entry(content: &str) -> Option<(&str, &str)> {
    let (name, rest) = match content.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\":").filter(|(name, _)| !name.contains('\\'))?,
        None => content.split_once(": ")?,
    };
    let value = rest.split(" #").next()?.trim();
    let value = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value);
    (!name.is_empty()).then_some((name, value))
}

fn day(date: &str) -> Option<u32> {
    let time = Timestamp::parse(&format!("{date}T00:00:00Z")).ok()?;
    u32::try_from(time.0 / DAY_MS).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(text: &str) -> Result<BTreeMap<String, u32>, ImportError> {
        read(&crate::Source::new("dates.yaml", text.as_bytes()).load()?)
    }

    #[test]
    fn names_hold_what_names_of_models_hold() {
        let found =
            dates("date:\n  o1-preview (elicited): 2024-09-12 # a\n\n  # b\n  \"x: y\": '1970-01-02'\n").unwrap();
        let found: Vec<_> = found.iter().map(|(name, day)| (name.as_str(), *day)).collect();
        assert_eq!(found, [("o1-preview (elicited)", 19_978), ("x: y", 1)]);
    }

    #[test]
    fn what_is_not_a_list_of_dates_is_refused_with_its_line() {
        for text in [
            "date:\n  a: 2024-13-01\n",
            "date:\n  a\n",
            "date:\nb: 2024-01-01\n",
            "date:\n  a: [1]\n",
            "date:\n  a: 2024-01-01",
        ] {
            assert!(matches!(dates(text), Err(ImportError::BadLine { line: 2, .. })), "{text}");
        }
        assert!(matches!(dates("date:\n  a: 2024-01-01\n  a: 2024-01-01\n"), Err(ImportError::Repeated { .. })));
    }
}
