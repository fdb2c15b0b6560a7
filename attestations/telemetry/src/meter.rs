//! The meter: what is read from chips in one round, and the loop of rounds.
//!
//! ```text
//! round 0   start 10000 ms                                       sampling begins, at this interval
//!           energy-counter 251905148074 mJ · power 650123 mW     chip 0
//!           energy-counter 251905102211 mJ · power 648990 mW     chip 1
//! round 1   energy-counter … · power … · tensor-active 574842 ppm
//! round 2   (chip 1 does not answer: nothing is written about it)
//! round 3   gap 20000 ms · energy-counter … · power …            chip 1 answers again: how long it was not read
//! ```
//!
//! The meter asks no clock and does not sleep: [`Rounds`] is the world, and a test's world is a list of recorded
//! readings. A number that a chip does not give is never written as 0; why it is missing is said once.

use std::collections::BTreeSet;

use standstill_attestations::reading::{Quantity, Reading};
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;

use crate::log::{LogError, TelemetryLog};

/// A chip, as its driver names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// The driver's id, such as `GPU-20c56d28-0da5-6d26-a36a-e7af1ce2586e`.
    pub uuid: String,
    /// The board's serial number, where the driver gives one.
    pub serial: Option<String>,
    /// The model, such as `NVIDIA H100 80GB HBM3`.
    pub model: String,
}

/// Why a chip did not give a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Absent {
    /// This chip, or this driver, never gives it.
    NotSupported,
    /// It asks for a right that this process does not have.
    NoPermission,
    /// There is nothing to compare with yet: a share needs two looks.
    NotYet,
    /// Anything else, in the driver's words.
    Failed(String),
}

/// What one chip answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its energy counter, in millijoules.
    pub energy_mj: Result<u64, Absent>,
    /// Its draw, in milliwatts.
    pub power_mw: Result<u64, Absent>,
    /// Share of time in which its tensor pipes were active, in parts per million.
    pub tensor_ppm: Result<u64, Absent>,
    /// Share of time in which any work ran, in parts per million.
    pub utilisation_ppm: Result<u64, Absent>,
}

/// What a meter asks about chips.
pub trait Driver {
    /// The chips, in an order that does not change while the driver is open.
    fn chips(&self) -> &[Chip];

    /// Asks one chip, by its place in [`Driver::chips`].
    fn ask(&mut self, chip: usize) -> Answer;
}

/// The world around the loop: time, and when to stop.
pub trait Rounds {
    /// Waits for the next round; `None` ends the loop. The first round comes at once.
    fn next(&mut self) -> Option<Timestamp>;

    /// Told something that a person should know, once.
    fn note(&mut self, text: &str);
}

/// What the meter knows between rounds.
#[derive(Debug)]
pub struct Meter {
    name: Name,
    interval_ms: u64,
    tags: Vec<Hash>,
    /// When each chip last answered.
    answered: Vec<Option<Timestamp>>,
    noted: BTreeSet<String>,
    started: bool,
}

/// What a run of the meter did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rounds.
    pub rounds: u64,
    /// Readings appended.
    pub readings: u64,
}

impl Meter {
    /// A meter of chips with these tags, in the driver's order.
    pub fn new(name: Name, interval_ms: u64, tags: Vec<Hash>) -> Self {
        let answered = vec![None; tags.len()];
        Meter { name, interval_ms, tags, answered, noted: BTreeSet::new(), started: false }
    }

    /// Reads and appends, round after round, until there is none or the log fails.
    pub fn run(
        &mut self,
        driver: &mut dyn Driver,
        log: &mut TelemetryLog,
        rounds: &mut dyn Rounds,
    ) -> Result<Tally, LogError> {
        let mut tally = Tally::default();
        while let Some(now) = rounds.next() {
            let (readings, notes) = self.round(now, driver);
            notes.iter().for_each(|note| rounds.note(note));
            log.append(&readings)?;
            tally.rounds = tally.rounds.saturating_add(1);
            tally.readings = tally.readings.saturating_add(u64::try_from(readings.len()).unwrap_or(0));
        }
        Ok(tally)
    }

    /// One round: every chip is asked once. Readings, and what a person should know.
    pub fn round(&mut self, now: Timestamp, driver: &mut dyn Driver) -> (Vec<Reading>, Vec<String>) {
        let (mut readings, mut notes) = (Vec::new(), Vec::new());
        for place in 0..self.tags.len() {
            let answer = driver.ask(place);
            let uuid = driver.chips().get(place).map_or("", |chip| chip.uuid.as_str()).to_owned();
            self.take(now, place, &answer, &mut readings);
            self.explain(&uuid, &answer, &mut notes);
        }
        (readings, notes)
    }

    fn take(&mut self, now: Timestamp, place: usize, answer: &Answer, readings: &mut Vec<Reading>) {
        let activity = match (&answer.tensor_ppm, &answer.utilisation_ppm) {
            (Ok(tensor), _) => Some((Quantity::TensorActive, *tensor)),
            // A share that will be there in the next round is waited for.
            (Err(Absent::NotYet), _) => None,
            (Err(_), Ok(utilisation)) => Some((Quantity::Utilisation, *utilisation)),
            (Err(_), Err(_)) => None,
        };
        let energy = answer.energy_mj.as_ref().ok().map(|energy| (Quantity::EnergyCounter, *energy));
        let power = answer.power_mw.as_ref().ok().map(|power| (Quantity::Power, *power));
        let values: Vec<_> = [energy, power, activity].into_iter().flatten().collect();
        let (Some(chip), Some(answered)) = (self.tags.get(place), self.answered.get_mut(place)) else { return };
        if values.is_empty() {
            return;
        }
        let before = answered.replace(now);
        let reading = |(quantity, value): (Quantity, u64)| Reading {
            time: now,
            meter: self.name.clone(),
            chip: *chip,
            quantity,
            value: value.min(quantity.limit()),
        };
        if !self.started {
            readings.push(reading((Quantity::Start, self.interval_ms)));
            self.started = true;
        }
        // A round may be late; two in a row that are missing are a gap.
        let missing = before.map(|before| now.since(before)).filter(|ms| *ms >= self.interval_ms.saturating_mul(2));
        readings.extend(missing.map(|missing| reading((Quantity::Gap, missing))));
        readings.extend(values.into_iter().map(reading));
    }

    /// Says once for each chip and cause what is missing.
    fn explain(&mut self, uuid: &str, answer: &Answer, notes: &mut Vec<String>) {
        let instead = if answer.utilisation_ppm.is_ok() { "; `utilisation` is written instead" } else { "" };
        let parts = [
            ("energy counter", &answer.energy_mj, ""),
            ("power", &answer.power_mw, ""),
            ("tensor activity", &answer.tensor_ppm, instead),
        ];
        for (what, value, instead) in parts {
            let why = match value {
                Ok(_) | Err(Absent::NotYet) => continue,
                Err(Absent::NotSupported) => "not supported by this chip or driver".to_owned(),
                Err(Absent::NoPermission) => "not permitted: profiling asks for CAP_SYS_ADMIN or the driver's \
                     `NVreg_RestrictProfilingToAdminUsers=0`"
                    .to_owned(),
                Err(Absent::Failed(why)) => why.clone(),
            };
            let note = format!("{uuid}: {what}: {why}{instead}");
            if self.noted.insert(note.clone()) {
                notes.push(note);
            }
        }
    }
}
