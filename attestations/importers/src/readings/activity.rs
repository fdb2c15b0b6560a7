//! Tensor activity: the share of covered time, as an interval.
//!
//! ```text
//! share   0.574842   0.520033              0.573169     the step is the shortest distance of two readings: 10 s
//! time    |----10 s----|--------30 s--------|           more than one and a half steps: a gap, which is not covered
//! covered |============|                                 between 0.520033 and 0.574842
//! ```
//!
//! Between two readings the share lies between them; over all chips the time-weighted mean of the lower ones is the lower
//! bound, of the higher ones the upper, rounded outward to parts per million. What happened in gaps is for the
//! cross-checks to assume.

use standstill_attestations::claim::PpmInterval;
use standstill_protocol::units::{Ppm, Timestamp};

use super::{Field, Readings, Values, span};
use crate::contribution::ActivityFacts;
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::import::Note;

/// Shares are summed in parts of this: finer than any tool writes.
const PLACES: i32 = 9;

#[derive(Default)]
struct Sum {
    covered_ms: u128,
    lower: u128,
    upper: u128,
    gaps: Vec<String>,
}

/// The activity of all chips; `None` where no two readings of one chip follow one another.
pub(super) fn activity(readings: &mut Readings, file: &str) -> Result<Option<ActivityFacts>, ImportError> {
    let series = readings.of(Field::Tensor);
    let Some((_, first)) = series.first() else { return Ok(None) };
    let name = first.name.clone();
    let Some(step) = series.iter().filter_map(|(_, values)| step(values)).min() else {
        readings.leave(file, &name, "read once: a share of time needs two readings");
        return Ok(None);
    };
    let (mut sum, window, chips) = (Sum::default(), span(&series), series.len());
    for (chip, values) in &series {
        sum.add(file, chip, values, step)?;
    }
    let covered = u64::try_from(sum.covered_ms / 1000).unwrap_or(u64::MAX);
    let active = sum.mean();
    for gap in std::mem::take(&mut sum.gaps) {
        readings.leave(file, &name, gap);
    }
    let Some(active) = active.filter(|_| covered > 0) else { return Ok(None) };
    let (lower, upper, id) = (active.lower.0, active.upper.0, Field::Tensor.id());
    let text = format!("{lower} to {upper} ppm over {covered} chip seconds of {chips} chips (field {id})");
    readings.took.push(Note::new(file, name, text));
    Ok(Some(ActivityFacts { active, covered_chip_seconds: covered, window }))
}

/// The shortest distance of two readings.
fn step(values: &Values) -> Option<u64> {
    values.at.keys().zip(values.at.keys().skip(1)).map(|(before, after)| after - before).min()
}

impl Sum {
    fn add(&mut self, file: &str, chip: &str, values: &Values, step: u64) -> Result<(), ImportError> {
        for ((from, one), (to, other)) in values.at.iter().zip(values.at.iter().skip(1)) {
            let ms = to - from;
            if ms > step.saturating_add(step / 2) {
                let (from, to) = (Timestamp(*from), Timestamp(*to));
                self.gaps.push(format!("{chip}: no reading from {from} to {to}: {} s are not covered", ms / 1000));
                continue;
            }
            let (one, other) = (share(file, values, *one)?, share(file, values, *other)?);
            let ms = u128::from(ms);
            self.covered_ms = self.covered_ms.saturating_add(ms);
            self.lower = self.lower.saturating_add(ms.saturating_mul(one.min(other).into()));
            self.upper = self.upper.saturating_add(ms.saturating_mul(one.max(other).into()));
        }
        Ok(())
    }

    /// Time-weighted means, rounded outward.
    fn mean(&self) -> Option<PpmInterval> {
        let per_ppm = self.covered_ms.checked_mul(1_000)?;
        let ppm = |value: u128| u64::try_from(value).ok().map(Ppm);
        let lower = ppm(self.lower.checked_div(per_ppm)?)?;
        let upper = ppm(if per_ppm == 0 { return None } else { self.upper.div_ceil(per_ppm) })?;
        Some(PpmInterval { lower, upper })
    }
}

/// A share in parts of 10^-9, rounded to the nearest.
fn share(file: &str, values: &Values, value: Decimal) -> Result<u64, ImportError> {
    let parts = value.nearest(PLACES).filter(|parts| *parts <= 1_000_000_000);
    parts.ok_or_else(|| ImportError::BadNumber {
        file: file.to_owned(),
        field: values.name.clone(),
        found: value.to_string().chars().take(40).collect(),
        reason: "a share of time is from 0 to 1",
    })
}
