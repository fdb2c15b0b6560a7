//! The claim against energy and against the tensor pipes' activity.

use standstill_protocol::units::{Flop, Ppm};

use super::finding::{Check, Finding, Range, Unit, count, percent, times};
use super::{Yardstick, found, need, work};
use crate::accounting::{self, energy_with_gaps, least_energy, scale};
use crate::claim::Interval;
use crate::training::{Energy, EnergyBoundary, Hardware, TrainingCompute};

/// By how much a meter may read too high: what NVIDIA states for its boards' power.
const METER_ERROR: Ppm = Ppm(50_000);
/// The share of its design power that a chip draws at least while it is allocated.
const IDLE: Ppm = Ppm(50_000);
/// So many times the least energy and more, and a report is asked what else the energy did.
const FAR_ABOVE: u128 = 3;

/// The most that everything behind a meter draws, as a multiple of what the accelerators draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overheads {
    /// Processors, memory, fans and network cards: an H100 server is rated 10.2 kW for 5.6 kW of accelerators.
    pub server: Ppm,
    /// Switches and storage on top.
    pub facility: Ppm,
    /// Cooling and distribution on top: the facility's overhead times a power usage effectiveness of 1.6.
    pub site: Ppm,
}

impl Default for Overheads {
    fn default() -> Self {
        Overheads { server: Ppm(2_000_000), facility: Ppm(2_500_000), site: Ppm(4_000_000) }
    }
}

impl Overheads {
    fn of(&self, boundary: EnergyBoundary) -> Ppm {
        match boundary {
            EnergyBoundary::Accelerator => Ppm::ONE,
            EnergyBoundary::Server => self.server,
            EnergyBoundary::Facility => self.facility,
            EnergyBoundary::Site => self.site,
        }
    }
}

/// A report's energy with what it is held against.
struct Drawn {
    /// What the meter read.
    read: u128,
    /// With gaps filled by design power.
    most: u128,
    /// Design power of one chip in watts.
    watts: u64,
    overhead: Ppm,
    peak: u64,
    lower_peak: u64,
    chip_seconds: u64,
    /// Whether it is known how much of the chips' time the meter saw.
    covered: bool,
}

impl Drawn {
    fn new(check: Check, report: &TrainingCompute, yardstick: &Yardstick<'_>) -> Result<Self, Finding> {
        let energy = need(check, "the energy", &report.energy)?;
        let hardware = need(check, "the hardware", &report.hardware)?;
        let missing = || {
            let name = &hardware.accelerator;
            Finding::cannot_tell(check, format!("no chip table at hand gives the design power of `{name}`"))
        };
        let chip = yardstick.chip(hardware).ok_or_else(missing)?;
        let watts = chip.tdp_watts.ok_or_else(missing)?;
        let overhead = yardstick.overheads.of(energy.boundary);
        let (read, filled) = with_gaps(energy, hardware, watts);
        let gaps = scale(filled - read, overhead, true).unwrap_or(u128::MAX);
        let (peak, lower_peak, chip_seconds) = (chip.highest_peak(), chip.bf16_dense_flops, hardware.chip_seconds);
        let (most, covered) = (read.saturating_add(gaps), energy.coverage.known().is_some());
        Ok(Drawn { read, most, watts, overhead, peak, lower_peak, chip_seconds, covered })
    }

    fn claimed(&self) -> Range {
        Range::between(self.read, self.most, Unit::Joules)
    }

    /// What the accelerators drew at least.
    fn of_accelerators(&self) -> u128 {
        accounting::wide::mul_div_floor(self.read, Ppm::ONE.0.into(), self.overhead.0.max(1).into()).unwrap_or(0)
    }
}

/// A coverage that is not known counts as whole; what contradicts is then remarkable only.
fn with_gaps(energy: &Energy, hardware: &Hardware, watts: u64) -> (u128, u128) {
    let covered = energy.coverage.known().map_or(hardware.chip_seconds, |coverage| coverage.covered_chip_seconds);
    energy_with_gaps(energy.joules.0, hardware.chip_seconds, covered, watts)
}

/// Work takes energy: at least `FLOP x watts / peak`. Less, past the tolerance, and the work was not done; far more, and
/// it may not be all that was done.
pub(super) fn energy_for_work(report: &TrainingCompute, yardstick: &Yardstick<'_>) -> Finding {
    let name = Check::EnergyForWork;
    let check = || {
        let drawn = Drawn::new(name, report, yardstick)?;
        let overflow = || Finding::cannot_tell(name, accounting::Overflow.to_string());
        let least = |flop: Flop, peak| least_energy(flop, peak, drawn.watts).ok_or_else(overflow);
        // Both in the report's favour: too much claimed is judged at the highest peak, too little at the lower one.
        let (needed, explained) =
            (least(work(report).lower, drawn.peak)?, least(work(report).upper, drawn.lower_peak)?);
        let accelerators = drawn.of_accelerators();
        let finding = Finding::new(name, drawn.claimed(), Range::at_least(needed, Unit::Joules))
            .with("accelerators", accelerators, Unit::Joules)
            .with("explained", explained, Unit::Joules)
            .with_factor(needed, drawn.most);
        let allowed =
            scale(drawn.most, Ppm(yardstick.tolerance.0.saturating_add(Ppm::ONE.0)), true).unwrap_or(u128::MAX);
        let factor = times(needed, drawn.most);
        Ok(match () {
            () if needed > allowed && !drawn.covered => finding.remarkable(format!(
                "the claim needs {factor} times that energy at the chip's peak and design power, if the meter saw all of \
                 the chips' time: its coverage is not known"
            )),
            () if needed > allowed => finding.contradicts(format!(
                "the claim needs {factor} times that energy at the chip's peak and design power: it is too high"
            )),
            () if needed > drawn.most => finding.remarkable(format!(
                "the claim needs {factor} times that energy at the chip's peak and design power, within the tolerance"
            )),
            () if accelerators > explained.saturating_mul(FAR_ABOVE) => finding.remarkable(format!(
                "the accelerators drew at least {} times what the claim needs at their peak: is work missing?",
                times(accelerators, explained)
            )),
            () => finding.agrees(format!("the claim needs at least {} J at the chip's peak", count(needed))),
        })
    };
    found(check())
}

/// Chips draw at most their design power, and something even when idle. More, and there were more chips or more time.
pub(super) fn energy_for_chips(report: &TrainingCompute, yardstick: &Yardstick<'_>) -> Finding {
    let name = Check::EnergyForChips;
    let check = || {
        let drawn = Drawn::new(name, report, yardstick)?;
        let full = u128::from(drawn.chip_seconds) * u128::from(drawn.watts);
        let most = scale(full, drawn.overhead, true).unwrap_or(u128::MAX);
        let idle = scale(full, IDLE, false).unwrap_or(0);
        let finding =
            Finding::new(name, drawn.claimed(), Range::between(idle, most, Unit::Joules)).with_factor(drawn.read, most);
        let allowed = scale(most, Ppm(Ppm::ONE.0 + METER_ERROR.0), true).unwrap_or(u128::MAX);
        Ok(match () {
            () if drawn.read > allowed => finding.contradicts(format!(
                "the energy is {} times what the stated chip time can draw: more chips ran, or for longer",
                times(drawn.read, most)
            )),
            () if drawn.most < idle => finding.remarkable(format!(
                "the energy is below {} % of design power: the chips cannot have run all that time",
                percent(IDLE)
            )),
            () => finding.agrees("the stated chip time can draw it"),
        })
    };
    found(check())
}

/// The claim against the tensor pipes: active for a share of the covered chip seconds, the rest unknown and counted in
/// the report's favour. Above the most that the pipes did, the claim contradicts them. Below the least, it is
/// remarkable, and below half of the least a contradiction: the slowest format that training puts through a tensor
/// pipe, TF32, has half the peak of BF16.
pub(super) fn tensor_activity(report: &TrainingCompute, yardstick: &Yardstick<'_>) -> Finding {
    let name = Check::TensorActivity;
    let check = || {
        let activity = need(name, "the activity", &report.activity)?;
        let hardware = need(name, "the hardware", &report.hardware)?;
        let (seconds, covered) = (hardware.chip_seconds, activity.coverage.covered_chip_seconds);
        let overflow = |overflow: accounting::Overflow| Finding::cannot_tell(name, overflow.to_string());
        let bounds = |peak| accounting::active(seconds, covered, activity.tensor_pipe, peak).map_err(overflow);
        let most = bounds(yardstick.peak(hardware))?.upper;
        let slow = yardstick.chip(hardware).map_or(hardware.peak_flop_per_second, |chip| chip.bf16_dense_flops);
        let expected = Interval { lower: bounds(slow)?.lower.min(most), upper: most };
        let finding = against_activity(report, expected, yardstick.tolerance);
        Ok(finding.with("uncovered", seconds.saturating_sub(covered), Unit::ChipSeconds))
    };
    found(check())
}

fn against_activity(report: &TrainingCompute, expected: Interval, tolerance: Ppm) -> Finding {
    let claimed = work(report);
    let finding = Finding::new(Check::TensorActivity, claimed.into(), expected.into());
    let above = scale(claimed.upper.0, Ppm(tolerance.0.saturating_add(Ppm::ONE.0)), true).unwrap_or(u128::MAX);
    let missing = times(expected.lower.0, claimed.upper.0);
    let discarded = if report.flop.discarded.known().is_none() { ", discarded work unknown" } else { "" };
    match () {
        () if claimed.lower > expected.upper => finding.contradicts(format!(
            "the claim is {} times the most that the tensor pipes can have done while active",
            times(claimed.lower.0, expected.upper.0)
        )),
        () if expected.lower.0 > above.saturating_mul(2) && discarded.is_empty() => finding.contradicts(format!(
            "the tensor pipes were active for {missing} times the claim, more than any format explains: work is missing"
        )),
        () if expected.lower.0 > above => finding.remarkable(format!(
            "the tensor pipes were active for {missing} times the claim{discarded}: is work missing?"
        )),
        () => finding.agrees("the tensor pipes' activity allows it"),
    }
}
