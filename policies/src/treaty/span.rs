//! Durations as a treaty writes them: `"90s"`, `"36h"`, `"7d"`. A whole number and one unit of ms, s, m, h, d.

use std::fmt;

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
/// A hundred years: no clock of a treaty is longer.
const MAX_MS: u64 = 100 * 366 * 86_400_000;

/// A duration in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

impl Span {
    /// Reads `"7d"` and the like; `None` for anything else, or for more than a hundred years.
    pub fn parse(text: &str) -> Option<Span> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let plain = !number.is_empty() && number.len() <= 13 && (number == "0" || !number.starts_with('0'));
        let millis = number.parse::<u64>().ok().filter(|_| plain)?.checked_mul(*factor)?;
        Some(Span(millis)).filter(|span| span.0 <= MAX_MS)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor));
        let (unit, factor) = exact.copied().unwrap_or(("s", 1000));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl serde::Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let refused = || serde::de::Error::custom(format!("`{text}` is not a duration such as `90s`, `36h` or `7d`"));
        Span::parse(&text).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_written() {
        for text in ["7d", "36h", "90s", "250ms", "1m", "0s"] {
            let span = Span::parse(text).unwrap();
            assert_eq!(Span::parse(&span.to_string()), Some(span), "{text}");
        }
        assert_eq!(Span::parse("7d").unwrap().to_string(), "7d");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "7", "d", "07d", "7w", "-1s", "7 d", "1.5h", "99999999999999s", "36600d1", "40000d"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }
}
