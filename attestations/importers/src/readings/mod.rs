//! What meters read from chips, whichever tool carried it: series of values by chip and field.
//!
//! ```text
//! DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{UUID="GPU-20c5…",modelName="Tesla T4",…} 128996013
//!  └ field 156, in mJ                    └ chip                                  └ value, at the scrape's time
//! ```
//!
//! Names of one field differ between versions of DCGM, so a field is known by its id. One chip may have many series of one
//! field, because exporters write the pod that runs on it beside it: they are one series here.

mod activity;
mod energy;
mod log;

use std::collections::{BTreeMap, BTreeSet};

use standstill_attestations::claim::Window;
use standstill_protocol::units::Timestamp;

use crate::chips::{self, ListedChip};
use crate::contribution::Contribution;
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::import::{Note, Options};

/// A field of DCGM that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    /// 155: power, in watts.
    Power,
    /// 156: energy since the driver was loaded, in millijoules; a counter.
    Energy,
    /// 1004: share of time in which the tensor pipes were active, a ratio.
    Tensor,
}

/// Names by which versions of DCGM's exporter know a field: 1.x in lower case, 2.x to 4.5, from 4.6 on with the unit.
const NAMES: [(&str, Field); 9] = [
    ("dcgm_power_usage", Field::Power),
    ("DCGM_FI_DEV_POWER_USAGE", Field::Power),
    ("DCGM_FI_DEV_BOARD_POWER_WATTS", Field::Power),
    ("dcgm_total_energy_consumption", Field::Energy),
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", Field::Energy),
    ("dcgm_fi_prof_pipe_tensor_active", Field::Tensor),
    ("dcgm_tensor_active", Field::Tensor),
    ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", Field::Tensor),
    ("DCGM_FI_PROF_TENSOR_UTIL_RATIO", Field::Tensor),
];

/// Notes about one field of one file, at most.
const MAX_NOTES: usize = 64;
/// Notes in all, at most.
const MAX_NOTES_IN_ALL: usize = 1 << 10;

impl Field {
    /// The field that a metric's name stands for.
    pub(crate) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    /// DCGM's number for it.
    pub(crate) const fn id(self) -> u16 {
        match self {
            Field::Power => 155,
            Field::Energy => 156,
            Field::Tensor => 1004,
        }
    }
}

/// Labels of a series, by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// Values at times of one chip and field. Where a file has no times, they are the places of its scrapes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    /// The metric's name, as the file has it.
    pub(crate) name: String,
    pub(crate) at: BTreeMap<u64, Decimal>,
}

/// All that was read.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    chips: BTreeSet<ListedChip>,
    series: BTreeMap<(Field, String), Values>,
    pub(crate) took: Vec<Note>,
    pub(crate) left: Vec<Note>,
}

/// The chip that labels name; `None` where they name none.
pub(crate) fn chip(labels: &Labels) -> Option<ListedChip> {
    let label = |names: &[&str]| names.iter().find_map(|name| labels.get(*name)).filter(|text| !text.is_empty());
    let host = label(&["Hostname", "hostname", "node", "instance"]);
    let place = label(&["gpu", "device"]);
    let id = match (label(&["UUID", "uuid"]), host, place) {
        (Some(uuid), _, _) => uuid.clone(),
        (None, Some(host), Some(place)) => format!("{host}/{place}"),
        (None, _, _) => return None,
    };
    let serial = label(&["serial", "DCGM_FI_DEV_SERIAL"]).cloned();
    Some(ListedChip { id, serial, model: label(&["modelName", "model", "DCGM_FI_DEV_NAME"]).cloned() })
}

impl Readings {
    /// Takes one value. Two values of one chip, field and time must be one.
    pub(crate) fn take(
        &mut self,
        file: &str,
        (name, field): (&str, Field),
        labels: &Labels,
        (time, value): (u64, Decimal),
    ) -> Result<(), ImportError> {
        let Some(chip) = chip(labels) else {
            let field = format!("{name}{{UUID}}");
            return Err(ImportError::Missing { file: file.to_owned(), field });
        };
        let slice = labels.get("GPU_I_ID").filter(|id| !id.is_empty());
        if let (Some(slice), Field::Tensor) = (slice, field) {
            let text = format!("slice {slice} of {}: shares of slices do not add up to one of the chip", chip.id);
            self.leave(file, name, text);
            return Ok(());
        }
        if !self.chips.contains(&chip) {
            self.chips.insert(chip.clone());
        }
        let values = self.series.entry((field, chip.id.clone())).or_default();
        if values.name.is_empty() {
            name.clone_into(&mut values.name);
        }
        if values.at.insert(time, value).is_some_and(|before| before != value) {
            return Err(ImportError::Contradiction {
                file: file.to_owned(),
                field: name.to_owned(),
                other: "another value of the same chip and time",
                reason: format!("chip {}", chip.id),
            });
        }
        Ok(())
    }

    /// Leaves something, and says so once; a file with very many gaps is not told one by one.
    pub(crate) fn leave(&mut self, file: &str, field: &str, text: impl Into<String>) {
        if self.left.len() >= MAX_NOTES_IN_ALL {
            return;
        }
        let note = Note::new(file, field, text);
        let told = self.left.iter().filter(|told| told.file == file && told.field == field).count();
        if told < MAX_NOTES && !self.left.contains(&note) {
            self.left.push(note);
        } else if told == MAX_NOTES {
            self.left.push(Note::new(file, field, "and more of the same kind"));
        }
    }

    /// The chips seen, each once, in order.
    pub(crate) fn chips(&self) -> Vec<ListedChip> {
        chips::merged(self.chips.iter().cloned())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    fn of(&self, field: Field) -> Vec<(&str, &Values)> {
        let of_field = self.series.iter().filter(|((of, _), _)| *of == field);
        of_field.map(|((_, chip), values)| (chip.as_str(), values)).collect()
    }

    /// Drops what lies outside the report's window.
    pub(crate) fn within(&mut self, file: &str, window: Window) {
        let mut outside = 0usize;
        for values in self.series.values_mut() {
            let before = values.at.len();
            values.at.retain(|time, _| (window.start.0..=window.end.0).contains(time));
            outside += before - values.at.len();
        }
        self.series.retain(|_, values| !values.at.is_empty());
        if outside > 0 {
            self.leave(file, "time", format!("{outside} values outside {} to {}", window.start, window.end));
        }
    }

    /// What the readings give toward a report. `timed` where their times are times.
    pub(crate) fn contribution(
        mut self,
        file: &str,
        timed: bool,
        options: &Options,
    ) -> Result<(Contribution, Vec<Note>, Vec<Note>), ImportError> {
        let window = options.window.filter(|_| !timed);
        let mut facts = Contribution::default();
        if let Some(mut energy) = energy::energy(&mut self, file, timed)? {
            energy.window = energy.window.or(window);
            facts.energy.push(energy);
        }
        if timed {
            facts.activity = activity::activity(&mut self, file)?;
        } else if let Some((_, values)) = self.of(Field::Tensor).first() {
            let name = values.name.clone();
            self.leave(file, &name, "a scrape has no time: query the values over the run from Prometheus");
        }
        if let Some((_, values)) = self.of(Field::Power).first() {
            let name = values.name.clone();
            self.leave(file, &name, "power of single moments (field 155): energy comes from the counter, field 156");
        }
        let chips = self.chips();
        let Readings { mut took, mut left, .. } = self;
        facts.hardware = chips::hardware(file, "modelName", &chips, (&mut took, &mut left));
        Ok((facts, took, left))
    }
}

/// From the first value to the last, as a window.
fn span(series: &[(&str, &Values)]) -> Option<Window> {
    let first = series.iter().filter_map(|(_, values)| values.at.keys().next()).min()?;
    let last = series.iter().filter_map(|(_, values)| values.at.keys().next_back()).max()?;
    (first < last).then_some(Window { start: Timestamp(*first), end: Timestamp(*last) })
}
