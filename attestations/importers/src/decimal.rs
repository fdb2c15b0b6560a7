//! Numbers from their decimal text, exactly: no float comes between a file and a statement.
//!
//! ```
//! use standstill_importers::decimal::Decimal;
//! assert_eq!(Decimal::parse("6149898240.0").unwrap().whole(), Some(6_149_898_240));
//! assert_eq!(Decimal::parse("1.2e+9").unwrap().whole(), Some(1_200_000_000));
//! assert_eq!(Decimal::parse("0.4166666666666667").unwrap().ppm_nearest(), Some(416_667));
//! assert_eq!(Decimal::parse("0.1486470975026408").unwrap().ppm_up(), Some(148_648));
//! ```

use std::fmt;

/// `digits x 10^exponent`, with its sign, normalised: no trailing zero in `digits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    digits: u128,
    exponent: i32,
}

impl Decimal {
    /// Parses a JSON number of at most 38 significant digits. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent = exponent.strip_prefix('+').filter(|digits| !digits.starts_with('-')).unwrap_or(exponent);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if !plain(exponent.strip_prefix('-').unwrap_or(exponent)) {
            return None;
        }
        let exponent: i32 = exponent.parse().ok()?;
        if whole.is_empty() || !plain(whole) || !plain(fraction) || exponent.unsigned_abs() > 10_000 {
            return None;
        }
        let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        let all = format!("{whole}{fraction}");
        let significant = all.trim_end_matches('0');
        let exponent = exponent.checked_add(i32::try_from(all.len() - significant.len()).ok()?)?;
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Decimal { negative: false, digits: 0, exponent: 0 });
        }
        if significant.len() > 38 {
            return None;
        }
        Some(Decimal { negative, digits: significant.parse().ok()?, exponent })
    }

    /// Whether it is below zero.
    pub const fn is_negative(&self) -> bool {
        self.negative
    }

    /// Whether it is zero.
    pub const fn is_zero(&self) -> bool {
        self.digits == 0
    }

    /// The value, where it is whole, not negative, and fits.
    pub fn whole(&self) -> Option<u128> {
        if self.negative {
            return None;
        }
        let scale = 10u128.checked_pow(u32::try_from(self.exponent).ok()?)?;
        self.digits.checked_mul(scale)
    }

    /// Parts per million, rounded half up. `None` where it is negative or does not fit.
    pub fn ppm_nearest(&self) -> Option<u64> {
        self.scaled(6, Rounding::Nearest)
    }

    /// Parts per million, rounded up.
    pub fn ppm_up(&self) -> Option<u64> {
        self.scaled(6, Rounding::Up)
    }

    /// Units of 10^-`places`, rounded half up. `None` where it is negative or does not fit.
    pub fn nearest(&self, places: i32) -> Option<u64> {
        self.scaled(places, Rounding::Nearest)
    }

    /// The value times a whole number; `None` where it has too many digits.
    #[must_use]
    pub fn times(self, factor: u64) -> Option<Self> {
        Some(Decimal { digits: self.digits.checked_mul(u128::from(factor))?, ..self })
    }

    /// Millionths, with their sign, rounded to the nearest, halves away from 0. `None` where they do not fit.
    pub fn millionths_nearest(&self) -> Option<i64> {
        let magnitude = Decimal { negative: false, ..*self }.scaled(6, Rounding::Nearest)?;
        let magnitude = i64::try_from(magnitude).ok()?;
        Some(if self.negative { -magnitude } else { magnitude })
    }

    /// The same number a hundred times smaller: a percentage as a proportion.
    #[must_use]
    pub const fn hundredth(self) -> Self {
        Decimal { exponent: self.exponent.saturating_sub(2), ..self }
    }

    /// Whether it is at most the other.
    pub fn at_most(&self, other: &Decimal) -> Option<bool> {
        let exponent = self.exponent.min(other.exponent);
        let aligned = |decimal: &Decimal| {
            let scale = 10i128.checked_pow(decimal.exponent.checked_sub(exponent)?.unsigned_abs())?;
            let magnitude = i128::try_from(decimal.digits).ok()?.checked_mul(scale)?;
            Some(if decimal.negative { -magnitude } else { magnitude })
        };
        Some(aligned(self)? <= aligned(other)?)
    }

    /// Thousandths, rounded down: seconds in milliseconds.
    pub fn thousandths_down(&self) -> Option<u64> {
        self.scaled(3, Rounding::Down)
    }

    /// Thousandths, rounded up: seconds in milliseconds.
    pub fn thousandths_up(&self) -> Option<u64> {
        self.scaled(3, Rounding::Up)
    }

    fn scaled(&self, places: i32, rounding: Rounding) -> Option<u64> {
        if self.negative {
            return None;
        }
        let exponent = self.exponent.checked_add(places)?;
        let scale = 10u128.checked_pow(exponent.unsigned_abs());
        let value = if exponent >= 0 {
            self.digits.checked_mul(scale?)?
        } else {
            match (scale, rounding) {
                // Smaller than any unit that is kept.
                (None, Rounding::Nearest | Rounding::Down) => 0,
                (None, Rounding::Up) => u128::from(self.digits > 0),
                (Some(scale), Rounding::Nearest) => {
                    self.digits / scale + u128::from(self.digits % scale >= scale.div_ceil(2))
                }
                (Some(scale), Rounding::Up) => self.digits.div_ceil(scale),
                (Some(scale), Rounding::Down) => self.digits / scale,
            }
        };
        u64::try_from(value).ok()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        match self.exponent {
            0 => write!(f, "{sign}{}", self.digits),
            exponent => write!(f, "{sign}{}e{exponent}", self.digits),
        }
    }
}

#[derive(Clone, Copy)]
enum Rounding {
    Nearest,
    Up,
    Down,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_exact_and_fractions_are_not_whole() {
        for (text, whole) in [
            ("0", Some(0)),
            ("-0.0", Some(0)),
            ("24599592960.0", Some(24_599_592_960)),
            ("1.5e1", Some(15)),
            ("100e-2", Some(1)),
            ("3.14e23", Some(314_000_000_000_000_000_000_000)),
            ("0.5", None),
            ("-1", None),
            ("1e39", None),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().whole(), whole, "{text}");
        }
    }

    #[test]
    fn ratios_round_to_nearest_and_errors_round_up() {
        for (text, nearest, up) in [
            ("0.6666666666666666", 666_667, 666_667),
            ("0.33333333333333337", 333_333, 333_334),
            ("0.0000005", 1, 1),
            ("0.0000004999", 0, 1),
            ("1e-300", 0, 1),
            ("1.0", 1_000_000, 1_000_000),
            ("0.0", 0, 0),
        ] {
            let decimal = Decimal::parse(text).unwrap();
            assert_eq!((decimal.ppm_nearest(), decimal.ppm_up()), (Some(nearest), Some(up)), "{text}");
        }
    }

    #[test]
    fn signs_and_order_are_kept() {
        for (text, millionths, down) in
            [("-0.5", Some(-500_000), None), ("2.3456789", Some(2_345_679), Some(2_345)), ("-1e40", None, None)]
        {
            let decimal = Decimal::parse(text).unwrap();
            assert_eq!((decimal.millionths_nearest(), decimal.thousandths_down()), (millionths, down), "{text}");
        }
        let at_most = |one, other| Decimal::parse(one).unwrap().at_most(&Decimal::parse(other).unwrap());
        assert_eq!(at_most("0.325", "1.0"), Some(true));
        assert_eq!(at_most("-2", "-2.5"), Some(false));
        assert_eq!(at_most("1e-9999", "1"), None);
        assert_eq!(Decimal::parse("32.5").unwrap().hundredth(), Decimal::parse("0.325").unwrap());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", "e5", "1e", "NaN", "0x10", "1e99999", "1.2.3", "١", "1e+-2"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse(&"9".repeat(39)), None);
        assert_eq!(Decimal::parse(&format!("0.{}", "0".repeat(20_000))).unwrap().whole(), Some(0));
    }
}
