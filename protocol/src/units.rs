//! Quantities. No float decides anything: FLOP and joules are integers, ratios are parts per million, time is
//! milliseconds UTC.
//!
//! ```
//! use standstill_protocol::units::{Flop, Timestamp};
//! assert_eq!("3.14e23".parse::<Flop>().unwrap(), Flop(314_000_000_000_000_000_000_000));
//! assert!("1.5".parse::<Flop>().is_err(), "not a whole number");
//! assert_eq!(Timestamp::parse("2026-11-23T12:00:00.250Z").unwrap().to_string(), "2026-11-23T12:00:00.250Z");
//! ```

use std::fmt;
use std::str::FromStr;

use wincode::{SchemaRead, SchemaWrite};

/// Floating-point (or integer) operations: a count, never a rate. 1e26 fits four hundred billion times over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, SchemaRead, SchemaWrite)]
#[repr(transparent)]
pub struct Flop(pub u128);

/// Energy in whole joules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, SchemaRead, SchemaWrite)]
#[repr(transparent)]
pub struct Joule(pub u64);

/// A ratio in parts per million: 1,000,000 is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, SchemaRead, SchemaWrite)]
#[repr(transparent)]
pub struct Ppm(pub u64);

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds; years 1970 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, SchemaRead, SchemaWrite)]
#[repr(transparent)]
pub struct Timestamp(pub u64);

/// Text that is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a whole number that fits.
    #[error("`{text}` is not a whole number of {unit}: write digits, or digits with an exponent such as 1e26")]
    NotWhole {
        /// The text, shortened.
        text: String,
        /// The unit expected.
        unit: &'static str,
    },
    /// Not the plain decimal form that statements use.
    #[error("`{text}` is not a plain decimal count: digits only, without leading zeros")]
    NotDecimal {
        /// The text, shortened.
        text: String,
    },
    /// Not RFC 3339 in UTC.
    #[error("`{text}` is not a UTC time such as 2026-11-23T12:00:00Z or 2026-11-23T12:00:00.250Z")]
    NotATime {
        /// The text, shortened.
        text: String,
    },
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Plain decimal digits, no sign, no leading zero, at most 39 of them.
fn parse_decimal(text: &str) -> Option<u128> {
    let plain = !text.is_empty() && text.len() <= 39 && text.bytes().all(|b| b.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

/// `digits[.digits][e[+]digits]` where the value is whole.
fn parse_exponent(text: &str) -> Option<u128> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: u32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok().filter(|e| *e <= 38)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() + fraction.len() > 39 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let scale = exponent.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let mantissa: u128 = format!("{whole}{fraction}").parse().ok()?;
    mantissa.checked_mul(10u128.checked_pow(scale)?)
}

impl Flop {
    /// The form that statements carry: plain decimal digits.
    pub fn parse_decimal(text: &str) -> Result<Self, UnitError> {
        parse_decimal(text).map(Flop).ok_or_else(|| UnitError::NotDecimal { text: shorten(text) })
    }

    /// Three significant digits for people, rounded half up: `3.14e23`. Small counts are written out.
    pub fn scientific(self) -> String {
        scientific(self.0)
    }

    /// Sum, or `None` on overflow.
    pub fn checked_add(self, other: Flop) -> Option<Flop> {
        self.0.checked_add(other.0).map(Flop)
    }
}

fn scientific(value: u128) -> String {
    let digits = value.to_string();
    if digits.len() <= 4 {
        return digits;
    }
    let mut exponent = digits.len() - 1;
    let unit = 10u128.pow(u32::try_from(exponent - 2).unwrap_or(0));
    let mut rounded = value / unit + u128::from(value % unit >= unit / 2);
    if rounded == 1000 {
        rounded = 100;
        exponent += 1;
    }
    let (whole, fraction) = (rounded / 100, rounded % 100);
    match fraction {
        0 => format!("{whole}e{exponent}"),
        f if f % 10 == 0 => format!("{whole}.{}e{exponent}", f / 10),
        f => format!("{whole}.{f:02}e{exponent}"),
    }
}

impl FromStr for Flop {
    type Err = UnitError;

    /// The form that treaties and people write: digits, or digits with an exponent.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse_exponent(text).map(Flop).ok_or_else(|| UnitError::NotWhole { text: shorten(text), unit: "FLOP" })
    }
}

impl fmt::Display for Flop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Flop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} FLOP", self.scientific())
    }
}

impl Joule {
    /// The form that statements carry: plain decimal digits.
    pub fn parse_decimal(text: &str) -> Result<Self, UnitError> {
        let value = parse_decimal(text).and_then(|value| u64::try_from(value).ok());
        value.map(Joule).ok_or_else(|| UnitError::NotDecimal { text: shorten(text) })
    }
}

impl fmt::Display for Joule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Joule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} J", self.0)
    }
}

impl Ppm {
    /// One: 1,000,000 parts per million.
    pub const ONE: Ppm = Ppm(1_000_000);
}

const DAY_MS: u64 = 86_400_000;
/// The last millisecond of year 9999: what RFC 3339's four digits can say.
const MAX_MS: u64 = 253_402_300_799_999;

/// Days since 1970-01-01 of a civil date (Howard Hinnant's algorithm, for years 1970 to 9999).
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

impl Timestamp {
    /// Parses `YYYY-MM-DDTHH:MM:SSZ`, with exactly three digits of fraction or none. No offsets, no leap seconds.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let refused = || UnitError::NotATime { text: shorten(text) };
        let bytes = text.as_bytes();
        let shape: &[u8] = match bytes.len() {
            20 => b"dddd-dd-ddTdd:dd:ddZ",
            24 => b"dddd-dd-ddTdd:dd:dd.dddZ",
            _ => return Err(refused()),
        };
        let fits = bytes.iter().zip(shape).all(|(b, s)| if *s == b'd' { b.is_ascii_digit() } else { b == s });
        if !fits {
            return Err(refused());
        }
        let field = |from: usize, to: usize| bytes[from..to].iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'));
        let (year, month, day) = (field(0, 4), field(5, 7), field(8, 10));
        let (hour, minute, second) = (field(11, 13), field(14, 16), field(17, 19));
        let millis = if bytes.len() == 24 { field(20, 23) } else { 0 };
        if year < 1970 || !(1..=12).contains(&month) || day == 0 || hour > 23 || minute > 59 || second > 59 {
            return Err(refused());
        }
        let days = days_from_civil(year, month, day);
        if civil_from_days(days) != (year, month, day) {
            return Err(refused());
        }
        Ok(Timestamp(days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + millis))
    }

    /// Later by `millis`, saturating at the end of year 9999.
    #[must_use]
    pub fn plus(self, millis: u64) -> Timestamp {
        Timestamp(self.0.saturating_add(millis).min(MAX_MS))
    }

    /// Milliseconds since `earlier`, or 0.
    pub fn since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clamped = self.0.min(MAX_MS);
        let (year, month, day) = civil_from_days(clamped / DAY_MS);
        let rest = clamped % DAY_MS;
        let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match rest % 1000 {
            0 => f.write_str("Z"),
            millis => write!(f, ".{millis:03}Z"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        Timestamp::parse(text)
    }
}

macro_rules! as_text {
    ($type:ty, $parse:expr) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                $parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

// In JSON: plain decimal strings, because FLOP and joules exceed 2^53.
as_text!(Flop, Flop::parse_decimal);
as_text!(Joule, Joule::parse_decimal);
as_text!(Timestamp, Timestamp::parse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scientific_rounds_half_up_and_carries() {
        for (value, text) in [(0, "0"), (9999, "9999"), (10_000, "1e4"), (314_159, "3.14e5"), (999_600, "1e6")] {
            assert_eq!(Flop(value).scientific(), text);
        }
        assert_eq!(Flop(u128::MAX).scientific(), "3.4e38");
    }

    #[test]
    fn exponent_form_must_be_whole() {
        assert_eq!("1e26".parse(), Ok(Flop(10u128.pow(26))));
        assert_eq!("2.50e1".parse(), Ok(Flop(25)));
        for bad in ["", "1.25e1", "e5", "-1", "1e39", "1e-3", " 1", "0x10", "1e26 "] {
            assert!(bad.parse::<Flop>().is_err(), "{bad:?}");
        }
        for bad in ["", "01", "1e3", "+1", "340282366920938463463374607431768211456"] {
            assert!(Flop::parse_decimal(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_day_of_eight_millennia_survives_the_calendar() {
        let mut previous = 0;
        for days in 1..=MAX_MS / DAY_MS {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
            let order = year * 10_000 + month * 100 + day;
            assert!(order > previous);
            previous = order;
        }
        assert_eq!(previous, 99_991_231);
    }

    #[test]
    fn impossible_times_are_refused() {
        for bad in [
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01t00:00:00z",
            "1969-12-31T23:59:59Z",
            "2026-01-01T00:00:00.5Z",
        ] {
            assert!(Timestamp::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Timestamp::parse("2024-02-29T23:59:59Z").unwrap().to_string(), "2024-02-29T23:59:59Z");
    }
}
