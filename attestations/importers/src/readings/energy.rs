//! Energy from counters: what they grew by, chip by chip.
//!
//! A counter that is lower than before began again: what it shows since then is counted, what was used between the
//! reading before and the new beginning is not, and that is said: the sum errs downward, and the time between the two
//! readings is not covered. Any other pause between readings is: the counter went on.

use standstill_attestations::claim::Basis;
use standstill_attestations::training::EnergyBoundary;
use standstill_protocol::units::Joule;

use super::{Field, Readings, Values, span};
use crate::contribution::EnergyFacts;
use crate::error::ImportError;
use crate::import::Note;

/// The energy of all chips, in whole joules rounded to the nearest; `None` where no counter was read twice.
pub(super) fn energy(readings: &mut Readings, file: &str, timed: bool) -> Result<Option<EnergyFacts>, ImportError> {
    let series = readings.of(Field::Energy);
    let Some((_, first)) = series.first() else { return Ok(None) };
    let name = first.name.clone();
    let (mut millijoules, mut covered_ms, mut read, mut left) = (0u128, 0u128, 0u64, Vec::new());
    for (chip, values) in &series {
        let Some(Growth { grown, resets, seen_ms }) = growth(file, values)? else {
            left.push(format!("{chip}: read once: energy is the difference of two readings"));
            continue;
        };
        millijoules = millijoules.checked_add(grown).ok_or_else(|| too_much(file, values))?;
        covered_ms = covered_ms.saturating_add(seen_ms.into());
        read += 1;
        if resets > 0 {
            left.push(format!(
                "{chip}: the counter began again {resets} times: what was used just before is not counted"
            ));
        }
    }
    let window = if timed { span(&series) } else { None };
    let joules = u64::try_from(millijoules.saturating_add(500) / 1000).map_err(|_| too_much(file, first))?;
    let chips = series.len();
    left.into_iter().for_each(|text| readings.leave(file, &name, text));
    if read == 0 {
        return Ok(None);
    }
    let text = format!("{joules} J at {read} of {chips} chips (field {}, {millijoules} mJ)", Field::Energy.id());
    readings.took.push(Note::new(file, name, text));
    let (boundary, basis) = (EnergyBoundary::Accelerator, Basis::Measured);
    let covered_chip_seconds = u64::try_from(covered_ms / 1000).ok().filter(|_| timed);
    Ok(Some(EnergyFacts { joules: Joule(joules), boundary, window, covered_chip_seconds, basis }))
}

/// What became of one counter.
struct Growth {
    /// Millijoules.
    grown: u128,
    /// How often it began again.
    resets: u32,
    /// Time over which it was seen to grow.
    seen_ms: u64,
}

/// How much a counter grew; `None` where it was read once.
fn growth(file: &str, values: &Values) -> Result<Option<Growth>, ImportError> {
    let (mut growth, mut before) = (Growth { grown: 0, resets: 0, seen_ms: 0 }, None);
    for (time, value) in &values.at {
        let now = value.whole().ok_or_else(|| ImportError::BadNumber {
            file: file.to_owned(),
            field: values.name.clone(),
            found: value.to_string().chars().take(40).collect(),
            reason: "a counter of whole millijoules is expected",
        })?;
        let added = match before {
            None => 0,
            Some((last, earlier)) if now >= earlier => {
                growth.seen_ms = growth.seen_ms.saturating_add(time - last);
                now - earlier
            }
            Some(_) => {
                growth.resets = growth.resets.saturating_add(1);
                now
            }
        };
        growth.grown = growth.grown.checked_add(added).ok_or_else(|| too_much(file, values))?;
        before = Some((time, now));
    }
    Ok((values.at.len() > 1).then_some(growth))
}

fn too_much(file: &str, values: &Values) -> ImportError {
    ImportError::BadNumber {
        file: file.to_owned(),
        field: values.name.clone(),
        found: "the sum over all chips".to_owned(),
        reason: "more joules than 64 bits hold",
    }
}
