//! Compute accounting in integers: 6ND, chips x time x peak x utilisation, counting rules, intervals rounded outward.
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
//!
//! | part | what it holds |
//! |---|---|
//! | this one | the two methods of the EU guidelines' Annex A, time to a threshold, bounds from energy and from activity |
//! | [`counting`] | what counts as training compute: the EU guidelines' rule, MIRI's rule |
//! | [`accelerators`] | the chip table that a treaty pins by its hash |
//! | [`balance`] | material balance and CUSUM |
//! | [`sampling`] | how many items to check |
//! | intervals | [`sum`], [`difference`], [`scaled`], [`intersection`], [`hull`], [`around`], [`agree`], [`share`] |

pub mod accelerators;
pub mod balance;
pub mod counting;
mod interval;
pub mod sampling;
pub(crate) mod wide;

use standstill_protocol::units::{Flop, Ppm};

pub(crate) use interval::scale;
pub use interval::{agree, around, difference, hull, intersection, ratio, scaled, share, sum, times_fraction, widened};

use crate::claim::{Interval, PpmInterval};

/// A number beyond 2^128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the figure is beyond 2^128: check the units")]
pub struct Overflow;

/// One in parts per million.
const MILLION: u128 = 1_000_000;

/// By how much a claim may differ from its own inputs: 30 %, the accuracy that the EU guidelines C(2025) 7719 ask of
/// an estimate.
pub const TOLERANCE: Ppm = Ppm(300_000);

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
    scaled(Interval::exact(ceiling(chip_seconds, peak)), utilisation)
}

/// Milliseconds until `chips` reach `flop` at `peak` FLOP/s each and the given utilisation, rounded up. `None` where
/// they never do, or not within 2^128 ms.
pub fn time_to_reach_ms(flop: Flop, chips: u64, peak: u64, utilisation: Ppm) -> Option<u128> {
    // FLOP a second and million, so that the utilisation needs no rounding.
    let rate = u128::from(chips).checked_mul(u128::from(peak))?.checked_mul(u128::from(utilisation.0))?;
    wide::mul_div_ceil(flop.0, MILLION * 1000, rate)
}

/// What the tensor pipes may have done: active for `share` of the `covered` chip seconds, and in the rest anything
/// from nothing to everything, at `peak` FLOP/s while active.
///
/// More covered time than chip time counts as all of it.
pub fn active(chip_seconds: u64, covered: u64, share: PpmInterval, peak: u64) -> Result<Interval, Overflow> {
    let covered = covered.min(chip_seconds);
    let seen = hardware(covered, peak, share)?;
    let unseen = ceiling(chip_seconds - covered, peak);
    seen.checked_add(Interval { lower: Flop(0), upper: unseen }).ok_or(Overflow)
}

/// The joules that the chips may have drawn: `measured` over the `covered` chip seconds, and in the rest anything from
/// nothing to `watts` each.
pub fn energy_with_gaps(measured: u64, chip_seconds: u64, covered: u64, watts: u64) -> (u128, u128) {
    let uncovered = chip_seconds.saturating_sub(covered);
    let measured = u128::from(measured);
    // Less than 2^64 + 2^128 - 2^65: within 128 bits.
    (measured, measured + u128::from(uncovered) * u128::from(watts))
}

/// The least joules that chips of `watts` each need for `flop`, at their peak and all the time: `flop x watts / peak`,
/// rounded down. `None` for a peak of 0 or beyond 2^128.
pub fn least_energy(flop: Flop, peak: u64, watts: u64) -> Option<u128> {
    wide::mul_div_floor(flop.0, u128::from(watts), u128::from(peak))
}
