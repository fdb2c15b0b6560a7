//! The claim against chips and time.

use standstill_protocol::units::{Flop, Ppm};

use super::finding::{Check, Finding, Range, Unit, count, percent, times};
use super::{Yardstick, found, need, work};
use crate::accounting::{self, agree, scale, share};
use crate::claim::Interval;
use crate::training::{Hardware, Session, TrainingCompute};

/// Above this share of the peak a claim is remarkable: of 124 published models whose figures fit their chips, one is.
const HIGH_UTILISATION: Ppm = Ppm(700_000);
/// Below this share of the peak a claim is remarkable: chips that were held and hardly used.
const LOW_UTILISATION: Ppm = Ppm(10_000);
/// By how much chip time may differ from the scheduler's: both count, neither estimates.
const SCHEDULER_TOLERANCE: Ppm = Ppm(10_000);
/// By how much a stated peak may differ from the table's: sources round, and one chip has several clocks.
const PEAK_TOLERANCE: Ppm = Ppm(10_000);

/// Work against `chip_seconds x peak`: above it, no number in the claim is possible.
///
/// ```
/// use standstill_attestations::crosscheck::{Outcome, against_peak};
/// use standstill_attestations::Interval;
/// use standstill_protocol::units::Flop;
/// // A fine-tune of ten hours on eight A100 that counts its base model in.
/// let claim = Interval::exact("7.8049e22".parse::<Flop>().unwrap());
/// let finding = against_peak(claim, 8 * 36_000, 312_000_000_000_000);
/// assert_eq!((finding.outcome, finding.number("factor")), (Outcome::Contradicts, Some(868_600_872)));
/// ```
pub fn against_peak(claim: Interval, chip_seconds: u64, peak: u64) -> Finding {
    let Flop(ceiling) = accounting::ceiling(chip_seconds, peak);
    let finding = Finding::new(Check::ClaimBelowPeak, claim.into(), Range::at_most(ceiling, Unit::Flop))
        .with("chip-seconds", chip_seconds, Unit::ChipSeconds)
        .with("peak", peak, Unit::FlopPerSecond)
        .with_factor(claim.lower.0, ceiling);
    let (lower, most) = (count(claim.lower.0), count(ceiling));
    if claim.lower.0 > ceiling {
        let factor = times(claim.lower.0, ceiling);
        return finding.contradicts(format!(
            "the claim is at least {lower} FLOP, {factor} times the {most} FLOP that the chips can do at their peak"
        ));
    }
    let beyond = if claim.upper.0 > ceiling { "; its upper bound is above that" } else { "" };
    finding.agrees(format!("the claim, {lower} FLOP and up, is within the {most} FLOP of the chips' peak{beyond}"))
}

/// With the table's highest peak of the chip, so that a peak stated too high hides nothing.
pub(super) fn claim_below_peak(report: &TrainingCompute, yardstick: &Yardstick<'_>) -> Finding {
    let check = || {
        let hardware = need(Check::ClaimBelowPeak, "the hardware", &report.hardware)?;
        let mut finding = against_peak(work(report), hardware.chip_seconds, yardstick.peak(hardware));
        if finding.outcome == super::Outcome::Contradicts && !report.base_models.is_empty() {
            finding.sentence.push_str(" Does it count the base models in?");
        }
        Ok(finding)
    };
    found(check())
}

pub(super) fn peak_of_chip(report: &TrainingCompute, yardstick: &Yardstick<'_>) -> Finding {
    let check = || {
        let hardware = need(Check::PeakOfChip, "the hardware", &report.hardware)?;
        let missing = |why: String| Finding::cannot_tell(Check::PeakOfChip, why);
        let table = yardstick.chips.ok_or_else(|| missing("no chip table is at hand".to_owned()))?;
        let name = &hardware.accelerator;
        let chip = table.find(name).ok_or_else(|| missing(format!("`{name}` is not in the chip table")))?;
        let (stated, bf16, fp8) = (hardware.peak_flop_per_second, chip.bf16_dense_flops, chip.fp8_dense_flops);
        // Of the two peaks of the table, the one nearer to what is stated.
        let nearest = [Some(bf16), fp8].into_iter().flatten().min_by_key(|peak| peak.abs_diff(stated)).unwrap_or(bf16);
        let rate = |value: u64| Range::exact(value.into(), Unit::FlopPerSecond);
        let finding =
            Finding::new(Check::PeakOfChip, rate(stated), rate(nearest)).with_factor(stated.into(), nearest.into());
        let allowed = |peak: u64| u128::from(peak) + scale(peak.into(), PEAK_TOLERANCE, false).unwrap_or(0);
        let (low, high) = (stated.min(nearest), stated.max(nearest));
        let factor = times(stated.into(), nearest.into());
        Ok(match () {
            () if u128::from(high) <= allowed(low) => {
                finding.agrees(format!("the stated peak is the chip table's for `{name}`"))
            }
            () if u128::from(stated) > allowed(chip.highest_peak()) => {
                finding.contradicts(format!("the stated peak is {factor} times that of `{name}` in the chip table"))
            }
            () => finding.remarkable(format!(
                "the stated peak is {factor} times that of `{name}` in the chip table: is it that of another precision?"
            )),
        })
    };
    found(check())
}

pub(super) fn claim_against_chips(report: &TrainingCompute, yardstick: &Yardstick<'_>) -> Finding {
    let name = Check::ClaimAgainstChips;
    let check = || {
        let hardware = need(name, "the hardware", &report.hardware)?;
        let computed = accounting::hardware(hardware.chip_seconds, hardware.peak_flop_per_second, hardware.utilisation);
        let computed = computed.map_err(|overflow| Finding::cannot_tell(name, overflow.to_string()))?;
        let claimed = report.flop.incremental;
        let finding =
            Finding::new(name, claimed.into(), computed.into()).with_factor(claimed.lower.0, computed.upper.0);
        let (stated, tolerance) = (hardware.utilisation, percent(yardstick.tolerance));
        let stated = format!("{} to {} %", percent(stated.lower), percent(stated.upper));
        // The utilisation may have been taken over all that ran, or over what survived.
        let fits = [claimed, work(report)].into_iter().any(|claim| agree(claim, computed, yardstick.tolerance));
        Ok(match () {
            () if fits => {
                finding.agrees(format!("chips, time, peak and {stated} utilisation give it, within {tolerance} %"))
            }
            () if claimed.lower > computed.upper => finding.contradicts(format!(
                "the claim is {} times what chips, time, peak and {stated} utilisation give",
                times(claimed.lower.0, computed.upper.0)
            )),
            () => finding.contradicts(format!(
                "chips, time, peak and {stated} utilisation give {} times the claim: is work missing?",
                times(computed.lower.0, claimed.upper.0)
            )),
        })
    };
    found(check())
}

pub(super) fn utilisation(report: &TrainingCompute) -> Finding {
    let check = || {
        let hardware = need(Check::Utilisation, "the hardware", &report.hardware)?;
        let missing = || Finding::cannot_tell(Check::Utilisation, "chip seconds x peak is 0");
        let most = accounting::ceiling(hardware.chip_seconds, hardware.peak_flop_per_second).0;
        let done = work(report);
        let (low, high) =
            (share(done.lower.0, most).ok_or_else(missing)?, share(done.upper.0, most).ok_or_else(missing)?);
        let implied = Range::between(low.lower.0.into(), high.upper.0.into(), Unit::Ppm);
        let finding = Finding::new(Check::Utilisation, implied, Range::at_most(Ppm::ONE.0.into(), Unit::Ppm));
        let least = percent(low.lower);
        Ok(match () {
            () if low.lower > Ppm::ONE => finding.contradicts(format!("the claim needs {least} % of the stated peak")),
            () if low.lower > HIGH_UTILISATION => finding.remarkable(format!(
                "the claim needs {least} % of the stated peak; hardly any published training run has kept up {} %",
                percent(HIGH_UTILISATION)
            )),
            () if high.upper < LOW_UTILISATION => finding.remarkable(format!(
                "the claim needs no more than {} % of the stated peak: what else did the chips do?",
                percent(high.upper)
            )),
            () => finding.agrees(format!("the claim needs {least} to {} % of the stated peak", percent(high.upper))),
        })
    };
    found(check())
}

/// Sessions x chips, in whole chip seconds rounded up. Chips of a session that are not known are as many as the report
/// had at most.
fn possible(report: &TrainingCompute, hardware: &Hardware) -> u128 {
    let of = |session: &Session| {
        let chips = session.chips.known().copied().unwrap_or(hardware.chips);
        u128::from(session.window.length_ms()).saturating_mul(u128::from(chips))
    };
    report.sessions.iter().map(of).fold(0, u128::saturating_add).div_ceil(1000)
}

pub(super) fn chip_time_in_sessions(report: &TrainingCompute) -> Finding {
    let check = || {
        let hardware = need(Check::ChipTimeInSessions, "the hardware", &report.hardware)?;
        let (stated, possible) = (u128::from(hardware.chip_seconds), possible(report, hardware));
        let of = |value| Range::exact(value, Unit::ChipSeconds);
        let finding = Finding::new(Check::ChipTimeInSessions, of(stated), Range::at_most(possible, Unit::ChipSeconds))
            .with_factor(stated, possible);
        Ok(match () {
            () if stated > possible => finding.contradicts(format!(
                "the chip time is {} times what at most {} chips have in the sessions",
                times(stated, possible),
                hardware.chips
            )),
            () => finding.agrees(format!("at most {} chips have that time in the sessions", hardware.chips)),
        })
    };
    found(check())
}

/// What a scheduler's accounting says about a run's chips. The variants are known ways to count wrongly: a report that
/// has one of them instead is told so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulerTime {
    /// Chip seconds of the jobs alone, restarts of the same job included.
    pub chip_seconds: u64,
    /// With each job's last start only.
    pub without_duplicates: Option<u64>,
    /// With the jobs' steps counted beside them.
    pub with_steps: Option<u64>,
    /// With typed and untyped resources both counted.
    pub with_both_resources: Option<u64>,
}

impl SchedulerTime {
    /// How somebody arrives at `stated`.
    fn mistake(&self, stated: u64) -> Option<&'static str> {
        let mistakes = [
            (self.without_duplicates, "leaving out restarts gives"),
            (self.with_steps, "counting job steps beside their jobs gives"),
            (self.with_both_resources, "counting typed and untyped resources both gives"),
        ];
        mistakes.into_iter().find(|(total, _)| *total == Some(stated)).map(|(_, mistake)| mistake)
    }
}

/// A report's chip time against the scheduler's, within 1 %.
pub fn against_scheduler(report: &TrainingCompute, scheduler: &SchedulerTime) -> Finding {
    let name = Check::ChipTimeOfScheduler;
    let check = || {
        let stated = need(name, "the hardware", &report.hardware)?.chip_seconds;
        let of = |value: u64| Range::exact(value.into(), Unit::ChipSeconds);
        let recorded = scheduler.chip_seconds;
        let finding = Finding::new(name, of(stated), of(recorded)).with_factor(stated.into(), recorded.into());
        let allowed = scale(recorded.into(), SCHEDULER_TOLERANCE, false).unwrap_or(0);
        if u128::from(stated.abs_diff(recorded)) <= allowed {
            return Ok(finding.agrees("the scheduler allocated that much chip time"));
        }
        let mistake = scheduler.mistake(stated).map_or_else(String::new, |mistake| format!(": just what {mistake}"));
        let factor = times(stated.into(), recorded.into());
        Ok(finding.contradicts(format!("the report has {factor} times the scheduler's chip seconds{mistake}")))
    };
    found(check())
}
