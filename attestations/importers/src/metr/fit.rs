//! A logistic curve of success over log2 of the minutes that a person needs, and the horizon where it crosses a share.
//!
//! ```text
//! minimise   Σ w · logloss(y, 1 / (1 + e^-(a + b·x)))  +  ridge/2 · b²        x = log2(minutes), Σ w = 1, a is free
//! horizon    2^((ln(s / (1 - s)) - a) / b)                                    s = 50 %: 2^(-a/b)
//! ```
//!
//! This is scikit-learn's `LogisticRegression(C = 1/ridge)` as METR calls it, solved by Newton's method to its end
//! rather than to a tolerance of 1e-4. Floats stay in here: sums run in the order of the tasks' names, and exponentials
//! come from `libm`, not from the platform, so that every machine gives the same bits.

use libm::{exp, exp2, log, log1p};

/// Steps of Newton's method, at most; ten are usual.
const STEPS: usize = 200;
/// Halvings of one step, at most.
const HALVINGS: usize = 30;
/// A step this small, of the curve's own size, ends the search; Newton's next would be its square.
const SMALL: f64 = 1e-9;
/// A step this small that does not help any more ends it too.
const NEAR: f64 = 1e-6;

/// All runs of one task, or of one task as it was drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// log2 of the minutes.
    pub(super) x: f64,
    /// Weight of the runs that succeeded.
    pub(super) successes: f64,
    /// Weight of those that failed.
    pub(super) failures: f64,
}

/// The curve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    pub(super) intercept: f64,
    pub(super) slope: f64,
}

/// Why there is no curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoFit {
    /// No run failed, or none succeeded.
    OneOutcome,
    /// The search did not end.
    NotConverged,
}

impl NoFit {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            NoFit::OneOutcome => "every run succeeded, or every run failed",
            NoFit::NotConverged => "the search for the curve did not end",
        }
    }
}

impl Fit {
    /// Fits the curve.
    pub(super) fn new(points: &[Point], ridge: f64) -> Result<Fit, NoFit> {
        let none = |weight: fn(&Point) -> f64| points.iter().all(|point| weight(point) <= 0.0);
        if none(|point| point.successes) || none(|point| point.failures) {
            return Err(NoFit::OneOutcome);
        }
        let mut fit = Fit { intercept: 0.0, slope: 0.0 };
        let mut loss = fit.loss(points, ridge);
        for _ in 0..STEPS {
            let (da, db) = fit.newton_step(points, ridge).ok_or(NoFit::NotConverged)?;
            let size = (da.abs() + db.abs()) / (1.0 + fit.intercept.abs() + fit.slope.abs());
            let Some((next, next_loss)) = fit.shortened((da, db), loss, points, ridge) else {
                // No step lowers the loss: this is as near as floats come, or the search is lost.
                return if size < NEAR { Ok(fit) } else { Err(NoFit::NotConverged) };
            };
            (fit, loss) = (next, next_loss);
            if size < SMALL {
                return Ok(fit);
            }
        }
        Err(NoFit::NotConverged)
    }

    /// The step, halved until it lowers the loss.
    fn shortened(self, (da, db): (f64, f64), loss: f64, points: &[Point], ridge: f64) -> Option<(Fit, f64)> {
        let mut scale = 1.0;
        for _ in 0..HALVINGS {
            let next = Fit { intercept: self.intercept - scale * da, slope: self.slope - scale * db };
            let next_loss = next.loss(points, ridge);
            if next_loss < loss {
                return Some((next, next_loss));
            }
            scale /= 2.0;
        }
        None
    }

    fn loss(self, points: &[Point], ridge: f64) -> f64 {
        let of = |point: &Point| {
            let z = self.intercept + self.slope * point.x;
            point.successes * softplus(-z) + point.failures * softplus(z)
        };
        points.iter().map(of).sum::<f64>() + ridge / 2.0 * self.slope * self.slope
    }

    /// The gradient, solved against the matrix of second derivatives.
    fn newton_step(self, points: &[Point], ridge: f64) -> Option<(f64, f64)> {
        let (mut ga, mut gb) = (0.0, ridge * self.slope);
        let (mut haa, mut hab, mut hbb) = (0.0, 0.0, ridge);
        for point in points {
            let z = self.intercept + self.slope * point.x;
            let p = 1.0 / (1.0 + exp(-z));
            let weight = point.successes + point.failures;
            let error = weight * p - point.successes;
            let curve = weight * p * (1.0 - p);
            ga += error;
            gb += error * point.x;
            haa += curve;
            hab += curve * point.x;
            hbb += curve * point.x * point.x;
        }
        let determinant = haa * hbb - hab * hab;
        let step = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        (step.0.is_finite() && step.1.is_finite()).then_some(step)
    }

    /// The minutes at which `percent` of the runs succeed.
    pub(super) fn horizon_minutes(self, percent: u32) -> f64 {
        let share = f64::from(percent) / 100.0;
        exp2((log(share / (1.0 - share)) - self.intercept) / self.slope)
    }
}

/// ln(1 + e^z), without overflow.
fn softplus(z: f64) -> f64 {
    z.max(0.0) + log1p(exp(-z.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs drawn from a known curve in their expected numbers.
    fn points(intercept: f64, slope: f64) -> Vec<Point> {
        let point = |step: u32| {
            let x = f64::from(step) / 4.0;
            let p = 1.0 / (1.0 + exp(-(intercept + slope * x)));
            Point { x, successes: p / 41.0, failures: (1.0 - p) / 41.0 }
        };
        (0..41).map(point).collect()
    }

    #[test]
    fn a_known_curve_is_found_again_where_nothing_is_penalised() {
        let fit = Fit::new(&points(1.5, -0.7), 1e-12).unwrap();
        assert!((fit.intercept - 1.5).abs() < 1e-6 && (fit.slope + 0.7).abs() < 1e-6, "{fit:?}");
        assert!((fit.horizon_minutes(50) - exp2(1.5 / 0.7)).abs() < 1e-5);
        assert!(fit.horizon_minutes(80) < fit.horizon_minutes(50));
    }

    #[test]
    fn a_penalty_flattens_the_slope_and_leaves_the_intercept_free() {
        let flat = Fit::new(&points(1.5, -0.7), 1e6).unwrap();
        assert!(flat.slope.abs() < 1e-5 && flat.intercept.abs() > 0.1, "{flat:?}");
    }

    #[test]
    fn one_outcome_has_no_curve() {
        let only = |successes, failures| [Point { x: 1.0, successes, failures }; 3];
        assert_eq!(Fit::new(&only(1.0, 0.0), 0.1).unwrap_err(), NoFit::OneOutcome);
        assert_eq!(Fit::new(&only(0.0, 1.0), 0.1).unwrap_err(), NoFit::OneOutcome);
        assert_eq!(Fit::new(&[], 0.1).unwrap_err(), NoFit::OneOutcome);
    }

    #[test]
    fn runs_that_a_threshold_parts_still_end_with_a_small_penalty() {
        let point = |x, success| Point { x, successes: success, failures: 1.0 - success };
        let parted: Vec<_> = (0..10).map(|step| point(f64::from(step), if step < 5 { 1.0 } else { 0.0 })).collect();
        let fit = Fit::new(&parted, 1e-5).unwrap();
        assert!((fit.horizon_minutes(50) - exp2(4.5)).abs() < 1e-6, "{fit:?}");
    }
}
