//! Material balance and its running sum, as safeguards accountancy has them, for chips and for compute.
//!
//! ```text
//! MB = begin + received - removed - end        what the books cannot explain
//! sigma^2 = sum of the four terms' variances   the terms' errors are independent
//! alarm at |MB| > k sigma                      k in thousandths: 3000 is three sigma
//! S = max(0, S + z - 0.5), alarm at S >= 5     CUSUM over z = MB / sigma: a small loss, every period
//! ```
//!
//! The unit is the caller's, so long as all four terms share it: chips, chip hours, units of 1e18 FLOP.

use super::{Overflow, wide};

/// One in thousandths.
const MILLI: u128 = 1000;

/// A counted quantity and the standard deviation of the count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// The count.
    pub value: u64,
    /// One standard deviation, rounded up.
    pub sigma: u64,
}

/// A period's books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaterialBalance {
    /// In stock when the period began.
    pub begin: Measured,
    /// Came in.
    pub received: Measured,
    /// Went out: transferred, used, destroyed.
    pub removed: Measured,
    /// In stock when the period ended.
    pub end: Measured,
}

impl MaterialBalance {
    /// What the books cannot explain: positive where something is missing.
    pub fn unaccounted(&self) -> i128 {
        let of = |measured: Measured| i128::from(measured.value);
        of(self.begin) + of(self.received) - of(self.removed) - of(self.end)
    }

    /// The variance of [`MaterialBalance::unaccounted`].
    pub fn variance(&self) -> Result<u128, Overflow> {
        [self.begin, self.received, self.removed, self.end].into_iter().try_fold(0u128, |sum, measured| {
            // A square of 64 bits fits 128.
            sum.checked_add(u128::from(measured.sigma) * u128::from(measured.sigma)).ok_or(Overflow)
        })
    }

    /// Whether `|MB| > k sigma`, with `k` in thousandths. Exact: squares are compared, no root is taken.
    pub fn alarm(&self, k_milli: u32) -> Result<bool, Overflow> {
        // Below 2^66 x 1000, and a square of 32 bits.
        let unaccounted = self.unaccounted().unsigned_abs() * MILLI;
        let k = u128::from(k_milli) * u128::from(k_milli);
        Ok(wide::product(unaccounted, unaccounted) > wide::product(k, self.variance()?))
    }

    /// `MB / sigma` in thousandths, rounded toward zero; `None` for a sigma of 0.
    pub fn standardised_milli(&self) -> Result<Option<i64>, Overflow> {
        let (unaccounted, variance) = (self.unaccounted(), self.variance()?);
        let scaled = unaccounted.unsigned_abs() * MILLI;
        if variance == 0 {
            return Ok(None);
        }
        // The root of a number rounded down, rounded down, is the root rounded down.
        let square = wide::mul_div_floor(scaled, scaled, variance).ok_or(Overflow)?;
        let magnitude = i64::try_from(square.isqrt()).map_err(|_| Overflow)?;
        Ok(Some(if unaccounted < 0 { -magnitude } else { magnitude }))
    }
}

/// A one-sided cumulative sum over standardised values, all in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cusum {
    /// The allowance that each value loses.
    pub k_milli: u32,
    /// The sum at which it alarms.
    pub h_milli: u32,
    /// The sum so far.
    pub sum_milli: u64,
}

impl Default for Cusum {
    /// `k = 0.5`, `h = 5`, from 0.
    fn default() -> Self {
        Cusum { k_milli: 500, h_milli: 5000, sum_milli: 0 }
    }
}

impl Cusum {
    /// Takes one value; returns whether the sum has reached `h`. The sum is kept: resetting is the reader's decision.
    pub fn step(&mut self, z_milli: i64) -> bool {
        let next = i128::from(self.sum_milli) + i128::from(z_milli) - i128::from(self.k_milli);
        self.sum_milli = u64::try_from(next.max(0)).unwrap_or(u64::MAX);
        self.sum_milli >= u64::from(self.h_milli)
    }
}
