//! Arithmetic of bounds. What a computation does to two known numbers, it does to their bounds, and a lower bound
//! rounds down, an upper one up: the true figure never falls outside.
//!
//! ```
//! use standstill_attestations::accounting::{hull, intersection};
//! use standstill_attestations::Interval;
//! use standstill_protocol::units::Flop;
//! let counter = Interval { lower: Flop(90), upper: Flop(110) };
//! let scheduler = Interval { lower: Flop(100), upper: Flop(130) };
//! assert_eq!(intersection(counter, scheduler), Interval::new(Flop(100), Flop(110)));
//! assert_eq!(hull(counter, scheduler), Interval { lower: Flop(90), upper: Flop(130) });
//! ```

use standstill_protocol::units::{Flop, Ppm};

use super::{MILLION, Overflow, wide};
use crate::claim::{Interval, PpmInterval};

/// A ratio known exactly.
pub const fn ratio(ppm: u64) -> PpmInterval {
    PpmInterval { lower: Ppm(ppm), upper: Ppm(ppm) }
}

/// The sum of any number of intervals; nothing adds up to zero.
pub fn sum(intervals: impl IntoIterator<Item = Interval>) -> Result<Interval, Overflow> {
    intervals.into_iter().try_fold(Interval::exact(Flop(0)), |sum, next| sum.checked_add(next).ok_or(Overflow))
}

/// `later - earlier`, rounded outward: from the least that can lie between the two to the most. `None` where even the
/// most would be negative: the counter went backwards.
pub fn difference(later: Interval, earlier: Interval) -> Option<Interval> {
    let upper = later.upper.0.checked_sub(earlier.lower.0)?;
    let lower = later.lower.0.saturating_sub(earlier.upper.0);
    Some(Interval { lower: Flop(lower), upper: Flop(upper) })
}

/// The interval times a ratio interval, rounded outward.
pub fn scaled(interval: Interval, by: PpmInterval) -> Result<Interval, Overflow> {
    let lower = scale(interval.lower.0, by.lower, false).ok_or(Overflow)?;
    let upper = scale(interval.upper.0, by.upper, true).ok_or(Overflow)?;
    Ok(Interval { lower: Flop(lower), upper: Flop(upper) })
}

/// The interval times `numerator / denominator`, rounded outward; a denominator of 0 is an overflow.
pub fn times_fraction(interval: Interval, numerator: u128, denominator: u128) -> Result<Interval, Overflow> {
    let lower = wide::mul_div_floor(interval.lower.0, numerator, denominator).ok_or(Overflow)?;
    let upper = wide::mul_div_ceil(interval.upper.0, numerator, denominator).ok_or(Overflow)?;
    Ok(Interval { lower: Flop(lower), upper: Flop(upper) })
}

/// What both say: `None` where they have no number in common.
pub fn intersection(one: Interval, other: Interval) -> Option<Interval> {
    Interval::new(one.lower.max(other.lower), one.upper.min(other.upper))
}

/// The narrowest interval that holds both.
pub fn hull(one: Interval, other: Interval) -> Interval {
    Interval { lower: one.lower.min(other.lower), upper: one.upper.max(other.upper) }
}

/// Bounds `share` below and above a figure, rounded outward: an estimate good to 30 % is `around(x, Ppm(300_000))`.
pub fn around(value: Flop, share: Ppm) -> Result<Interval, Overflow> {
    widened(Interval::exact(value), share)
}

/// Bounds moved apart by `share` of themselves, rounded outward.
pub fn widened(interval: Interval, share: Ppm) -> Result<Interval, Overflow> {
    let below = Ppm(Ppm::ONE.0.saturating_sub(share.0));
    let above = share.0.checked_add(Ppm::ONE.0).map(Ppm).ok_or(Overflow)?;
    scaled(interval, PpmInterval { lower: below, upper: above })
}

/// Whether two intervals come within a factor of `1 + tolerance` of each other.
pub fn agree(claimed: Interval, computed: Interval, tolerance: Ppm) -> bool {
    let widen = |flop: Flop| scale(flop.0, Ppm(tolerance.0.saturating_add(1_000_000)), true).unwrap_or(u128::MAX);
    claimed.lower.0 <= widen(computed.upper) && computed.lower.0 <= widen(claimed.upper)
}

/// `part / whole` in parts per million, rounded down and up; `None` for a whole of 0. What is beyond 64 bits is the
/// largest that 64 bits hold.
pub fn share(part: u128, whole: u128) -> Option<PpmInterval> {
    let short = |value: Option<u128>| value.and_then(|value| u64::try_from(value).ok()).map_or(Ppm(u64::MAX), Ppm);
    (whole > 0).then(|| PpmInterval {
        lower: short(wide::mul_div_floor(part, MILLION, whole)),
        upper: short(wide::mul_div_ceil(part, MILLION, whole)),
    })
}

/// `value x ratio`, rounded up or down; `None` beyond 128 bits.
pub(crate) fn scale(value: u128, ratio: Ppm, up: bool) -> Option<u128> {
    let ratio = u128::from(ratio.0);
    if up { wide::mul_div_ceil(value, ratio, MILLION) } else { wide::mul_div_floor(value, ratio, MILLION) }
}
