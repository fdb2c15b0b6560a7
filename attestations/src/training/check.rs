//! What a `training-compute` report must satisfy alone: order, bounds, and numbers that fit each other.

use super::{Activity, BaseModel, CountingRule, Energy, Hardware, Method, TrainingCompute, Workload};
use crate::accounting;
use crate::claim::{Coverage, Interval};
use crate::claim_check::{
    check_count, check_evidence, check_interval, check_issued_after, check_label, check_maybe, check_ppm_interval,
    check_some, check_unique, check_window,
};
use crate::error::{StatementError, TrainingError};
use crate::limits;
use crate::reader::Read;
use crate::statement::{Common, Subject};

/// In percent, for messages.
const TOLERANCE_PERCENT: u64 = accounting::TOLERANCE.0 / 10_000;

fn overflow(path: &str) -> StatementError {
    StatementError::Overflow { path: path.to_owned() }
}

/// Models are bounded, named, none twice for one use, and none of them what the run made.
pub(crate) fn check_base_models(models: &[BaseModel], subjects: &[Subject]) -> Read<()> {
    let list = "predicate.baseModels";
    check_count(models.len(), limits::BASE_MODELS, list)?;
    for (index, model) in models.iter().enumerate() {
        check_label(&model.name, &format!("{list}[{index}].name"))?;
        let path = format!("{list}[{index}].flop");
        check_maybe(&model.flop, &path, |flop| check_interval(flop, &path))?;
        if subjects.iter().any(|subject| subject.sha256 == model.sha256) {
            return Err(TrainingError::BaseModelIsSubject { sha256: model.sha256.to_string() }.into());
        }
    }
    check_unique(models.iter().map(|model| (model.sha256, model.used_for)), list, |(sha256, _)| sha256.to_string())
}

impl TrainingCompute {
    pub(crate) fn check(&self, common: &Common, subjects: &[Subject]) -> Read<()> {
        check_window(&self.window, "predicate.window")?;
        self.check_sessions()?;
        check_issued_after(&self.window, common)?;
        self.check_figures()?;
        check_base_models(&self.base_models, subjects)?;
        self.check_inputs()?;
        check_evidence(&self.evidence, &self.figures())
    }

    /// Sessions are in order, apart, inside the window, and reach both of its ends.
    fn check_sessions(&self) -> Read<()> {
        check_some(self.sessions.len(), limits::SESSIONS, "predicate.sessions")?;
        let mut previous_end = None;
        for (index, session) in self.sessions.iter().enumerate() {
            check_window(&session.window, &format!("predicate.sessions[{index}]"))?;
            if session.window.start < self.window.start || session.window.end > self.window.end {
                return Err(TrainingError::SessionOutsideWindow { index }.into());
            }
            if previous_end.is_some_and(|end| session.window.start < end) {
                return Err(TrainingError::SessionsOverlap { index }.into());
            }
            previous_end = Some(session.window.end);
            self.check_session(index)?;
        }
        let first = self.sessions.first().map(|session| session.window.start);
        if first != Some(self.window.start) || previous_end != Some(self.window.end) {
            let show = |time: Option<_>| {
                time.map_or_else(String::new, |time: standstill_protocol::units::Timestamp| time.to_string())
            };
            return Err(TrainingError::WindowBeyondSessions {
                window: format!("{} to {}", self.window.start, self.window.end),
                sessions: format!("{} to {}", show(first), show(previous_end)),
            }
            .into());
        }
        Ok(())
    }

    fn check_session(&self, index: usize) -> Read<()> {
        let Some(session) = self.sessions.get(index) else { return Ok(()) };
        let path = |field: &str| format!("predicate.sessions[{index}].{field}");
        check_maybe(&session.resumed_from, &path("resumedFrom"), |_| Ok(()))?;
        check_maybe(&session.chips, &path("chips"), |chips| match self.hardware.known() {
            _ if *chips == 0 => Err(StatementError::Zero { path: path("chips") }),
            Some(hardware) if *chips > hardware.chips => {
                Err(TrainingError::SessionChips { index, chips: *chips, limit: hardware.chips }.into())
            }
            _ => Ok(()),
        })
    }

    fn check_figures(&self) -> Read<()> {
        let (incremental, cumulative) = (self.flop.incremental, self.flop.cumulative);
        check_interval(&incremental, "predicate.flop.incremental")?;
        check_interval(&cumulative, "predicate.flop.cumulative")?;
        let path = "predicate.flop.discarded";
        check_maybe(&self.flop.discarded, path, |discarded| check_interval(discarded, path))?;
        let bounds = [("lower", incremental.lower, cumulative.lower), ("upper", incremental.upper, cumulative.upper)];
        for (bound, incremental, cumulative) in bounds {
            if incremental > cumulative {
                let (incremental, cumulative) = (incremental.0, cumulative.0);
                return Err(TrainingError::IncrementalAboveCumulative { bound, incremental, cumulative }.into());
            }
        }
        Ok(())
    }

    /// Workload, hardware and energy, each alone and against the claim.
    fn check_inputs(&self) -> Read<()> {
        check_maybe(&self.workload, "predicate.workload", |workload| self.check_workload(workload))?;
        check_maybe(&self.hardware, "predicate.hardware", |hardware| self.check_hardware(hardware))?;
        check_maybe(&self.energy, "predicate.energy", |energy| self.check_energy(energy))?;
        check_maybe(&self.activity, "predicate.activity", |activity| self.check_activity(activity))?;
        let needs = |field| TrainingError::MethodNeeds { method: self.method.as_str(), field }.into();
        match self.method {
            Method::SixNd if self.workload.known().is_none() => Err(needs("workload")),
            Method::Hardware if self.hardware.known().is_none() => Err(needs("hardware")),
            _ => Ok(()),
        }
    }

    fn check_workload(&self, workload: &Workload) -> Read<()> {
        let numbers = [
            ("tokens", workload.tokens),
            ("activeParameters", workload.active_parameters),
            ("totalParameters", workload.total_parameters),
        ];
        if let Some((field, _)) = numbers.iter().find(|(_, number)| *number == 0) {
            return Err(StatementError::Zero { path: format!("predicate.workload.{field}") });
        }
        if workload.active_parameters > workload.total_parameters {
            let (active, total) = (workload.active_parameters, workload.total_parameters);
            return Err(TrainingError::ActiveAboveTotal { active, total }.into());
        }
        let computed = accounting::six_nd(workload.active_parameters, workload.tokens)
            .map_err(|_| overflow("predicate.workload"))?;
        let counted_so = self.method == Method::SixNd || self.counting_rule == CountingRule::SixNdNonEmbedding;
        let claimed = self.flop.incremental;
        if counted_so && !accounting::agree(claimed, Interval::exact(computed), accounting::TOLERANCE) {
            return Err(TrainingError::SixNdContradiction {
                computed: computed.0,
                lower: claimed.lower.0,
                upper: claimed.upper.0,
                tolerance_percent: TOLERANCE_PERCENT,
            }
            .into());
        }
        Ok(())
    }

    fn check_hardware(&self, hardware: &Hardware) -> Read<()> {
        let numbers = [
            ("chips", hardware.chips),
            ("chipSeconds", hardware.chip_seconds),
            ("peakFlopPerSecond", hardware.peak_flop_per_second),
        ];
        if let Some((field, _)) = numbers.iter().find(|(_, number)| *number == 0) {
            return Err(StatementError::Zero { path: format!("predicate.hardware.{field}") });
        }
        check_ppm_interval(&hardware.utilisation, "predicate.hardware.utilisation")?;
        self.check_chip_seconds(hardware)?;
        self.check_peak(hardware)?;
        let computed = accounting::hardware(hardware.chip_seconds, hardware.peak_flop_per_second, hardware.utilisation)
            .map_err(|_| overflow("predicate.hardware"))?;
        let claimed = self.flop.incremental;
        if self.method == Method::Hardware && !accounting::agree(claimed, computed, accounting::TOLERANCE) {
            return Err(TrainingError::HardwareContradiction {
                computed_lower: computed.lower.0,
                computed_upper: computed.upper.0,
                lower: claimed.lower.0,
                upper: claimed.upper.0,
                tolerance_percent: TOLERANCE_PERCENT,
            }
            .into());
        }
        Ok(())
    }

    fn check_energy(&self, energy: &Energy) -> Read<()> {
        let path = "predicate.energy.coverage";
        check_maybe(&energy.coverage, path, |coverage| self.check_coverage(coverage, path))
    }

    fn check_activity(&self, activity: &Activity) -> Read<()> {
        check_ppm_interval(&activity.tensor_pipe, "predicate.activity.tensorPipe")?;
        self.check_coverage(&activity.coverage, "predicate.activity.coverage")
    }

    /// What was seen and what was not make up the chips' time.
    fn check_coverage(&self, coverage: &Coverage, path: &str) -> Read<()> {
        let total = u128::from(coverage.covered_chip_seconds) + u128::from(coverage.gap_chip_seconds);
        if coverage.covered_chip_seconds == 0 {
            return Err(StatementError::Zero { path: format!("{path}.coveredChipSeconds") });
        }
        match self.hardware.known() {
            Some(hardware) if u128::from(hardware.chip_seconds) != total => Err(TrainingError::CoverageMismatch {
                path: path.to_owned(),
                total,
                chip_seconds: hardware.chip_seconds,
            }
            .into()),
            _ => Ok(()),
        }
    }

    /// Chips cannot be allocated for longer than the sessions lasted.
    fn check_chip_seconds(&self, hardware: &Hardware) -> Read<()> {
        // At most 64 sessions of 2^48 ms by 2^64 chips: within 128 bits.
        let chip_ms = self.sessions.iter().map(|session| {
            let chips = session.chips.known().copied().unwrap_or(hardware.chips);
            u128::from(session.window.length_ms()).saturating_mul(u128::from(chips))
        });
        let possible = chip_ms.fold(0u128, u128::saturating_add).div_ceil(1000);
        if u128::from(hardware.chip_seconds) > possible {
            let (chip_seconds, chips) = (hardware.chip_seconds, hardware.chips);
            return Err(TrainingError::ChipSecondsBeyondSessions { chip_seconds, chips, possible }.into());
        }
        Ok(())
    }

    /// What survived and what was thrown away both ran on the chips.
    fn check_peak(&self, hardware: &Hardware) -> Read<()> {
        let ceiling = accounting::ceiling(hardware.chip_seconds, hardware.peak_flop_per_second);
        let discarded = self.flop.discarded.known().map_or(0, |discarded| discarded.lower.0);
        let claimed = self.flop.incremental.lower.0.checked_add(discarded).ok_or_else(|| overflow("predicate.flop"))?;
        if claimed > ceiling.0 {
            return Err(TrainingError::AbovePeak { claimed, ceiling: ceiling.0 }.into());
        }
        Ok(())
    }
}
