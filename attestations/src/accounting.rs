//! Compute accounting in integers: 6ND, chips x time x peak x utilisation, intervals rounded outward.
//!
//! ```
//! use standstill_attestations::accounting;
//! use standstill_protocol::units::Flop;
//! // EU guidelines C(2025) 7719, Annex A.3: 3.8e9 parameters, 3.3e12 tokens.
//! assert_eq!(accounting::six_nd(3_800_000_000, 3_300_000_000_000).unwrap().scientific(), "7.52e22");
//! // 200,000 GPU hours at 300 TFLOP/s, half used.
//! let half = accounting::ratio(500_000);
//! let used = accounting::hardware(200_000 * 3600, 300_000_000_000_000, half).unwrap();
//! assert_eq!(used.lower, Flop(108_000_000_000_000_000_000_000));
//! ```
//!
//! A lower bound rounds down and an upper bound up: rounding never makes a claim look more precise than it is.

use standstill_protocol::units::{Flop, Ppm};

use crate::claim::{Interval, PpmInterval};

/// A product beyond 2^128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the product is beyond 2^128 FLOP: check the units")]
pub struct Overflow;

/// One in parts per million.
const MILLION: u128 = 1_000_000;

/// By how much a claim may differ from its own inputs: 30 %, the accuracy that the EU guidelines C(2025) 7719 ask of
/// an estimate.
pub const TOLERANCE: Ppm = Ppm(300_000);

/// A ratio known exactly.
pub const fn ratio(ppm: u64) -> PpmInterval {
    PpmInterval { lower: Ppm(ppm), upper: Ppm(ppm) }
}

/// `6 x active parameters x tokens`: forward and backward of a transformer (EU guidelines, Annex A.2). For a dense
/// model all parameters are active; for a mixture of experts, those that one token meets.
pub fn six_nd(active_parameters: u128, tokens: u128) -> Result<Flop, Overflow> {
    active_parameters.checked_mul(tokens).and_then(|nd| nd.checked_mul(6)).map(Flop).ok_or(Overflow)
}

/// `8 x active parameters x tokens`: 6ND with full activation recomputation, what the hardware did. A rule that
/// counts model FLOP does not count it.
pub fn eight_nd(active_parameters: u128, tokens: u128) -> Result<Flop, Overflow> {
    active_parameters.checked_mul(tokens).and_then(|nd| nd.checked_mul(8)).map(Flop).ok_or(Overflow)
}

/// `chip seconds x peak`: what the chips could have done at most.
pub fn ceiling(chip_seconds: u64, peak_flop_per_second: u64) -> Flop {
    // Two 64-bit factors cannot exceed 128 bits.
    Flop(u128::from(chip_seconds) * u128::from(peak_flop_per_second))
}

/// `chip seconds x peak x utilisation`, rounded outward.
pub fn hardware(chip_seconds: u64, peak: u64, utilisation: PpmInterval) -> Result<Interval, Overflow> {
    let full = ceiling(chip_seconds, peak).0;
    let lower = scale(full, utilisation.lower, false).ok_or(Overflow)?;
    let upper = scale(full, utilisation.upper, true).ok_or(Overflow)?;
    Ok(Interval { lower: Flop(lower), upper: Flop(upper) })
}

/// The interval times a ratio interval, rounded outward.
pub fn scaled(interval: Interval, by: PpmInterval) -> Result<Interval, Overflow> {
    let lower = scale(interval.lower.0, by.lower, false).ok_or(Overflow)?;
    let upper = scale(interval.upper.0, by.upper, true).ok_or(Overflow)?;
    Ok(Interval { lower: Flop(lower), upper: Flop(upper) })
}

/// Bounds `share` below and above a figure, rounded outward: an estimate good to 30 % is `around(x, Ppm(300_000))`.
pub fn around(value: Flop, share: Ppm) -> Result<Interval, Overflow> {
    let below = MILLION.saturating_sub(u128::from(share.0));
    let above = share.0.checked_add(1_000_000).ok_or(Overflow)?;
    let lower = scale(value.0, Ppm(u64::try_from(below).map_err(|_| Overflow)?), false).ok_or(Overflow)?;
    let upper = scale(value.0, Ppm(above), true).ok_or(Overflow)?;
    Ok(Interval { lower: Flop(lower), upper: Flop(upper) })
}

/// `later - earlier`, rounded outward: from the least that can lie between the two to the most. `None` where even the
/// most would be negative: the counter went backwards.
pub fn difference(later: Interval, earlier: Interval) -> Option<Interval> {
    let upper = later.upper.0.checked_sub(earlier.lower.0)?;
    let lower = later.lower.0.saturating_sub(earlier.upper.0);
    Some(Interval { lower: Flop(lower), upper: Flop(upper) })
}

/// Whether two intervals come within a factor of `1 + tolerance` of each other.
pub fn agree(claimed: Interval, computed: Interval, tolerance: Ppm) -> bool {
    let widen = |flop: Flop| scale(flop.0, Ppm(tolerance.0.saturating_add(1_000_000)), true).unwrap_or(u128::MAX);
    claimed.lower.0 <= widen(computed.upper) && computed.lower.0 <= widen(claimed.upper)
}

/// Milliseconds until `chips` reach `flop` at `peak` FLOP/s each and the given utilisation, rounded up. `None` where
/// they never do, or not within 2^128 ms.
pub fn time_to_reach_ms(flop: Flop, chips: u64, peak: u64, utilisation: Ppm) -> Option<u128> {
    let rate = u128::from(chips).checked_mul(u128::from(peak))?;
    // FLOP a second and million, so that the utilisation needs no rounding.
    let rate = rate.checked_mul(u128::from(utilisation.0))?;
    let work = flop.0.checked_mul(MILLION)?.checked_mul(1000)?;
    (rate > 0).then(|| work.div_ceil(rate))
}

/// `value x ratio`, rounded up or down, without an intermediate overflow where the ratio is at most one.
fn scale(value: u128, ratio: Ppm, up: bool) -> Option<u128> {
    let ratio = u128::from(ratio.0);
    let whole = (value / MILLION).checked_mul(ratio)?;
    let rest = (value % MILLION).checked_mul(ratio)?;
    let rest = if up { rest.div_ceil(MILLION) } else { rest / MILLION };
    whole.checked_add(rest)
}
