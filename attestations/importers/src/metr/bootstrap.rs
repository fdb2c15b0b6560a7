//! How sure a horizon is: the fit repeated over tasks drawn anew.
//!
//! As METR draws them: families with replacement, in each drawn family its tasks with replacement, in each drawn task its
//! runs with replacement; weights stay those of the whole. METR draws with numpy's generator, this with one SplitMix64
//! (Steele, Lea and Flood 2014) from the seed on: the interval is of the same kind, not of the same digits.

use super::fit::{Fit, Point};
use super::runs::Family;

/// SplitMix64: 64 bits of state, whole period, the same on every machine.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 where it is 0. Off from even by less than `bound` in 2^64.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u128::try_from(bound).unwrap_or(0);
        usize::try_from((u128::from(self.next()) * bound) >> 64).unwrap_or(0)
    }
}

/// The horizons, in minutes and sorted, of every resample that has a curve, one list for each of `percents`.
pub(super) fn horizons(families: &[Family], ridge: f64, seed: u64, count: u32, percents: &[u32]) -> Vec<Vec<f64>> {
    let mut found: Vec<Vec<f64>> = percents.iter().map(|_| Vec::new()).collect();
    let mut random = SplitMix64(seed);
    for _ in 0..count {
        let points = resample(families, &mut random);
        let Ok(fit) = Fit::new(&points, ridge) else { continue };
        for (percent, list) in percents.iter().zip(&mut found) {
            let minutes = fit.horizon_minutes(*percent);
            if !minutes.is_nan() {
                list.push(minutes);
            }
        }
    }
    for list in &mut found {
        list.sort_by(f64::total_cmp);
    }
    found
}

fn resample(families: &[Family], random: &mut SplitMix64) -> Vec<Point> {
    let mut points = Vec::new();
    for _ in families {
        let Some(family) = families.get(random.below(families.len())) else { continue };
        for _ in &family.tasks {
            let Some(task) = family.tasks.get(random.below(family.tasks.len())) else { continue };
            let runs = usize::try_from(task.runs).unwrap_or(usize::MAX);
            let successes = usize::try_from(task.successes).unwrap_or(usize::MAX);
            let drawn = (0..task.runs).filter(|_| random.below(runs) < successes).count();
            let drawn = u32::try_from(drawn).unwrap_or(u32::MAX).min(task.runs);
            points.push(task.point(drawn));
        }
    }
    points
}

/// The value below which `share` of a sorted list lies, between neighbours in proportion, as numpy's `quantile`.
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = u32::try_from(sorted.len().checked_sub(1)?).ok()?;
    let place = share * f64::from(last);
    let below = place.floor();
    // Not negative and at most `last`: the cast keeps it.
    let index = below as usize;
    let (one, next) = (sorted.get(index)?, sorted.get(index + 1).or(sorted.get(index))?);
    Some(one + (next - one) * (place - below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_its_published_numbers() {
        let mut random = SplitMix64(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_bound_is_kept_and_every_value_below_it_is_met() {
        let mut random = SplitMix64(1);
        let mut met = [0u32; 7];
        for _ in 0..7_000 {
            met[random.below(7)] += 1;
        }
        assert!(met.iter().all(|count| (800..1_200).contains(count)), "{met:?}");
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.5), Some(3.0));
        assert_eq!(quantile(&[1.0, 2.0], 0.25), Some(1.25));
        assert_eq!(quantile(&[7.0], 0.975), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
