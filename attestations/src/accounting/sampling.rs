//! Attribute sampling, as safeguards inspectors plan it: how many of `N` items to check so that, if `d` of them are
//! wrong, at least one wrong item is among those checked except with probability `beta`.
//!
//! ```
//! use standstill_attestations::accounting::sampling::{exact, planned};
//! use standstill_protocol::units::Ppm;
//! // 1,000 items, 10 wrong, missed with probability 0.1 at most.
//! assert_eq!(planned(1000, 10, Ppm(100_000)), Some(206));
//! assert_eq!(exact(1000, 10, Ppm(100_000)), Some(205));
//! ```
//!
//! [`planned`] is the formula in use, `n = ceil(N (1 - beta^(1/d)))`; [`exact`] the least that the hypergeometric
//! distribution allows. Probabilities round up in 30 decimals, so that a sample is never too small.

use standstill_protocol::units::Ppm;

use super::wide;

/// Wrong items that a plan may be for: the exact figure takes as many steps.
pub const MAX_WRONG: u64 = 1_000_000;

/// One, in the fixed point of this module.
const ONE: u128 = 10u128.pow(30);

/// The least `n` with `(1 - n/N)^d <= beta`. `None` for no items, none wrong, more wrong than there are,
/// or more than [`MAX_WRONG`].
pub fn planned(items: u64, wrong: u64, beta: Ppm) -> Option<u64> {
    least(items, wrong, beta, |n| {
        let share = wide::mul_div_ceil(u128::from(items - n), ONE, u128::from(items))?;
        power(share, wrong)
    })
}

/// The least `n` for which all of `n` items being right, of `N` with `d` wrong, has a probability of at most `beta`.
/// `None` as for [`planned`].
pub fn exact(items: u64, wrong: u64, beta: Ppm) -> Option<u64> {
    least(items, wrong, beta, |n| missed(items, wrong, n))
}

/// The probability that a sample of `n` items misses all wrong ones, rounded up to a millionth. `None` for more wrong or
/// sampled items than there are, or more than [`MAX_WRONG`].
pub fn missed_ppm(items: u64, wrong: u64, n: u64) -> Option<Ppm> {
    if wrong > items.min(MAX_WRONG) || n > items {
        return None;
    }
    let probability = missed(items, wrong, n)?;
    u64::try_from(wide::mul_div_ceil(probability, 1_000_000, ONE)?).ok().map(Ppm)
}

/// `C(N - d, n) / C(N, n)`, as the product of `(N - n - i) / (N - i)` for `i < d`, rounded up.
fn missed(items: u64, wrong: u64, n: u64) -> Option<u128> {
    let mut probability = ONE;
    for i in 0..wrong {
        let (left, all) = ((items - n).saturating_sub(i), items - i);
        probability = wide::mul_div_ceil(probability, left.into(), all.into())?;
        if probability <= 1 {
            // As small as can be written: 0 where a factor was 0, else rounded up.
            return Some(if items - n < wrong { 0 } else { probability });
        }
    }
    Some(probability)
}

/// `share^exponent` for a share of at most one, rounded up.
fn power(share: u128, mut exponent: u64) -> Option<u128> {
    let (mut base, mut product) = (share, ONE);
    while exponent > 0 {
        if exponent & 1 == 1 {
            product = wide::mul_div_ceil(product, base, ONE)?;
        }
        base = wide::mul_div_ceil(base, base, ONE)?;
        exponent >>= 1;
    }
    Some(product)
}

/// The least `n` of 0 to `items` at which a falling probability is at most `beta`.
fn least(items: u64, wrong: u64, beta: Ppm, probability: impl Fn(u64) -> Option<u128>) -> Option<u64> {
    if items == 0 || wrong == 0 || wrong > items.min(MAX_WRONG) {
        return None;
    }
    let allowed = u128::from(beta.0).checked_mul(ONE / 1_000_000)?;
    let (mut low, mut high) = (0, items);
    while low < high {
        let middle = low + (high - low) / 2;
        if probability(middle)? <= allowed { high = middle } else { low = middle + 1 }
    }
    (probability(low)? <= allowed).then_some(low)
}
