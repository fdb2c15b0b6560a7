//! Readings for a lab's own telemetry log, from what another tool kept.
//!
//! Energy counters and power mean there what they mean here. Tensor activity does not: a reading of the log is of all the
//! time since the reading before, a value of DCGM of its own last sampling interval, so it is left.

use standstill_attestations::reading::{Quantity, Reading};
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;

use super::{Field, Readings};
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::import::{Imported, Note};

impl Readings {
    /// The readings in the order of time, with what was taken and left; the files are for the caller to name.
    pub(crate) fn for_log(
        mut self,
        file: &str,
        meter: &Name,
        tag: &dyn Fn(&str) -> Hash,
    ) -> Result<Imported<Vec<Reading>>, ImportError> {
        let mut readings = Vec::new();
        for ((field, chip), values) in &self.series {
            let (quantity, read): (_, fn(&Decimal) -> Option<u64>) = match field {
                Field::Energy => (Quantity::EnergyCounter, |value| u64::try_from(value.whole()?).ok()),
                Field::Power => (Quantity::Power, |watts| watts.nearest(3)),
                Field::Tensor => continue,
            };
            let chip = tag(chip);
            for (time, value) in &values.at {
                let value = read(value).ok_or_else(|| ImportError::BadNumber {
                    file: file.to_owned(),
                    field: values.name.clone(),
                    found: value.to_string().chars().take(40).collect(),
                    reason: "whole millijoules or watts that 64 bits hold are expected",
                })?;
                readings.push(Reading { time: Timestamp(*time), meter: meter.clone(), chip, quantity, value });
            }
            self.took.push(Note::new(file, values.name.clone(), format!("{} readings of {chip}", values.at.len())));
        }
        if let Some((_, values)) = self.of(Field::Tensor).first() {
            let name = values.name.clone();
            self.leave(file, &name, "of the tool's own last interval, not of the time since the reading before");
        }
        readings.sort_by_key(|reading| (reading.time, reading.chip, reading.quantity.as_str()));
        Ok(Imported { facts: readings, evidence: Vec::new(), took: self.took, left: self.left })
    }
}
