//! A report against the plan that was declared before its run.

use standstill_protocol::units::Ppm;

use super::Yardstick;
use super::finding::{Check, Finding, Range, Unit, percent, times};
use crate::accounting::scale;
use crate::plan::RunPlan;
use crate::training::TrainingCompute;

/// The run's sum, its chips, and where and when it ran, against its plan: the one in force, after amendments.
///
/// `None` where the plan is of another run. A plan of another stage is a question: the report's stage may have none. The
/// chips of one report are one site's; those of all sites are held against the plan by [`super::chips_of_run`].
pub fn against_plan(report: &TrainingCompute, plan: &RunPlan, yardstick: &Yardstick<'_>) -> Option<Vec<Finding>> {
    if plan.run != report.run {
        return None;
    }
    if plan.run_stage != report.run_stage {
        return Some(vec![other_stage(report, plan)]);
    }
    Some(vec![flop_of_plan(report, plan, yardstick), chips_of_plan(report, plan), time_of_plan(report, plan)])
}

fn other_stage(report: &TrainingCompute, plan: &RunPlan) -> Finding {
    Finding::new(Check::FlopOfPlan, report.flop.cumulative.into(), Range::from(plan.flop)).remarkable(format!(
        "the plan is of the run's `{}`, the report of its `{}`: was that planned?",
        plan.run_stage, report.run_stage
    ))
}

fn flop_of_plan(report: &TrainingCompute, plan: &RunPlan, yardstick: &Yardstick<'_>) -> Finding {
    let (done, planned) = (report.flop.cumulative, plan.flop);
    let expected = Range { lower: if report.final_report { planned.lower.0 } else { 0 }, ..Range::from(planned) };
    let finding = Finding::new(Check::FlopOfPlan, done.into(), expected).with_factor(done.lower.0, planned.upper.0);
    if plan.counting_rule != report.counting_rule {
        let why = format!("the plan counts `{}`, the report `{}`", plan.counting_rule, report.counting_rule);
        return finding.remarkable(format!("{why}: nothing holds one against the other"));
    }
    let allowed =
        scale(planned.upper.0, Ppm(yardstick.tolerance.0.saturating_add(Ppm::ONE.0)), true).unwrap_or(u128::MAX);
    let factor = times(done.lower.0, planned.upper.0);
    match () {
        () if done.lower.0 > allowed => {
            finding.contradicts(format!("the run has done {factor} times what was planned"))
        }
        () if done.lower > planned.upper => finding.remarkable(format!(
            "the run has done {factor} times what was planned, within {} %",
            percent(yardstick.tolerance)
        )),
        () if report.final_report && done.upper < planned.lower => finding.remarkable(format!(
            "the run is over with {} times what was planned: did its work move to another?",
            times(done.upper.0, planned.lower.0)
        )),
        () => finding.agrees("the run is within its plan"),
    }
}

fn chips_of_plan(report: &TrainingCompute, plan: &RunPlan) -> Finding {
    let Some(hardware) = report.hardware.known() else {
        return Finding::cannot_tell(Check::ChipsOfPlan, "the hardware is not known");
    };
    let row = plan.chips.iter().find(|row| row.accelerator == hardware.accelerator);
    let planned = row.map_or(0, |row| row.count);
    let of = |value: u64| u128::from(value);
    let finding = Finding::new(
        Check::ChipsOfPlan,
        Range::exact(of(hardware.chips), Unit::Chips),
        Range::at_most(of(planned), Unit::Chips),
    )
    .with_factor(of(hardware.chips), of(planned));
    match row {
        None => finding.contradicts(format!("the plan has no `{}`", hardware.accelerator)),
        Some(row) if hardware.chips > row.count => finding.contradicts(format!(
            "the run uses {} times the planned `{}`",
            times(of(hardware.chips), of(row.count)),
            row.accelerator
        )),
        Some(row) => finding.agrees(format!("the plan has that many `{}`", row.accelerator)),
    }
}

/// Time of the sessions that is not in the planned time or not at a planned site.
fn time_of_plan(report: &TrainingCompute, plan: &RunPlan) -> Finding {
    let name = Check::TimeOfPlan;
    let seconds = |ms: u64| u128::from(ms.div_ceil(1000));
    let all = report.sessions.iter().map(|session| session.window.length_ms()).fold(0, u64::saturating_add);
    let inside = report.sessions.iter().map(|session| {
        let (start, end) = (session.window.start.max(plan.planned.start), session.window.end.min(plan.planned.end));
        end.since(start)
    });
    let outside = all.saturating_sub(inside.fold(0, u64::saturating_add));
    let finding = |outside| {
        Finding::new(name, Range::exact(seconds(outside), Unit::Seconds), Range::exact(0, Unit::Seconds)).with(
            "sessions",
            seconds(all),
            Unit::Seconds,
        )
    };
    match () {
        () if !plan.sites.contains(&report.site) => {
            finding(all).contradicts(format!("the plan does not have the run at `{}`", report.site))
        }
        () if report.window.start < plan.planned.start => {
            finding(outside).contradicts(format!("the run started before {}, when it was to start", plan.planned.start))
        }
        () if outside > 0 => {
            finding(outside).remarkable(format!("the run went on after {}, when it was to be over", plan.planned.end))
        }
        () => finding(outside).agrees("the run keeps to its planned sites and time"),
    }
}
