//! A report against earlier ones of the same member.

use std::collections::BTreeSet;

use standstill_protocol::dsse::StatementId;
use standstill_protocol::units::{Flop, Ppm, Timestamp};

use super::finding::{Check, Finding, Range, Unit, count, times};
use super::{Yardstick, found, need};
use crate::accounting::{agree, difference, sum};
use crate::claim::Interval;
use crate::statement::{Predicate, Statement};
use crate::training::TrainingCompute;

/// How near an unexplained part must come to a base model's compute to be called that.
const NEAR: Ppm = Ppm(50_000);

/// What a member reported before.
#[derive(Clone, Copy, Debug, Default)]
pub struct History<'a> {
    /// Reports that stand, in any order, of any run: those that a later one has corrected are left out.
    pub earlier: &'a [&'a TrainingCompute],
    /// The earlier report that this one corrects. It may be among `earlier`, and is then passed over.
    pub corrects: Option<&'a TrainingCompute>,
}

impl<'a> History<'a> {
    /// Earlier reports of the report's run.
    fn of_run<'s>(&'s self, report: &'s TrainingCompute) -> impl Iterator<Item = &'a TrainingCompute> + 's {
        let standing = self.earlier.iter().copied().filter(|earlier| Some(*earlier) != self.corrects);
        standing.filter(|earlier| earlier.run == report.run)
    }
}

/// The training reports among a member's statements that stand: those that no other one corrects, in the order given.
pub fn standing<'a>(statements: &[(StatementId, &'a Statement)]) -> Vec<&'a TrainingCompute> {
    let corrected: BTreeSet<StatementId> =
        statements.iter().filter_map(|(_, one)| one.common.corrects.as_ref()).map(|one| one.statement).collect();
    let stand = statements.iter().filter(|(id, _)| !corrected.contains(id));
    let reports = stand.filter_map(|(_, one)| match &one.predicate {
        Predicate::TrainingCompute(report) => Some(report),
        _ => None,
    });
    reports.collect()
}

/// When a report's figures are as of.
fn position(report: &TrainingCompute) -> (u32, Timestamp) {
    (report.period, report.window.end)
}

/// Whether two reports of a run are about the same stretch of it.
fn same(one: &TrainingCompute, other: &TrainingCompute) -> bool {
    (one.window, &one.site, one.run_stage) == (other.window, &other.site, other.run_stage)
}

/// Every check that needs the member's earlier reports.
pub fn with_history(report: &TrainingCompute, history: &History<'_>, yardstick: &Yardstick<'_>) -> Vec<Finding> {
    vec![cumulative_continues(report, history, yardstick), not_lowered(report, history), sessions_once(report, history)]
}

/// `cumulative` leaves base models out: what it has beyond the increment, if it is just a base model's compute, is one.
pub(super) fn base_models_apart(report: &TrainingCompute, _: &Yardstick<'_>) -> Finding {
    let name = Check::BaseModelsApart;
    let check = || {
        if report.base_models.is_empty() {
            let (claimed, before) =
                (report.flop.cumulative, Range::at_least(report.flop.incremental.lower.0, Unit::Flop));
            return Ok(Finding::new(name, claimed.into(), before).agrees("the run names no base model"));
        }
        let mut known = Vec::new();
        for model in &report.base_models {
            known.push(*need(name, &format!("the compute of base model `{}`", model.name), &model.flop)?);
        }
        let overflow = |overflow: crate::accounting::Overflow| Finding::cannot_tell(name, overflow.to_string());
        let all = sum(known.iter().copied()).map_err(overflow)?;
        let (incremental, cumulative) = (report.flop.incremental, report.flop.cumulative);
        let before = difference(cumulative, incremental).unwrap_or(Interval::exact(Flop(0)));
        let inside = known.iter().chain([&all]).any(|base| base.upper.0 > 0 && agree(before, *base, NEAR));
        let finding = Finding::new(name, cumulative.into(), Range::at_least(incremental.lower.0, Unit::Flop))
            .with("base-models-lower", all.lower.0, Unit::Flop)
            .with("base-models-upper", all.upper.0, Unit::Flop);
        Ok(match () {
            () if inside && before.lower.0 > 0 => finding.remarkable(
                "the cumulative figure has a base model's compute beyond the increment: are base models counted in?",
            ),
            () => finding.agrees(format!("base models have {} FLOP of their own", count(all.upper.0))),
        })
    };
    found(check())
}

/// The run's sum is the last one and the increment.
fn cumulative_continues(report: &TrainingCompute, history: &History<'_>, yardstick: &Yardstick<'_>) -> Finding {
    let name = Check::CumulativeContinues;
    let (incremental, cumulative) = (report.flop.incremental, report.flop.cumulative);
    // Another site's report may end when this one does, and come before it: the higher sum is the later one.
    let before =
        history.of_run(report).filter(|earlier| position(earlier) <= position(report) && !same(earlier, report));
    let last = before.max_by_key(|earlier| (position(earlier), earlier.flop.cumulative));
    let base = last.map_or(Interval::exact(Flop(0)), |last| last.flop.cumulative);
    let Some(expected) = base.checked_add(incremental) else {
        return Finding::cannot_tell(name, crate::accounting::Overflow.to_string());
    };
    let finding =
        Finding::new(name, cumulative.into(), expected.into()).with_factor(cumulative.lower.0, expected.upper.0);
    let apart = base_models_apart(report, yardstick);
    let counted_in = apart.outcome == super::Outcome::Remarkable;
    let (source, adds_up) = match last {
        Some(_) => ("the last report and the increment are", "the last report and the increment add up to it"),
        None => ("the increment is", "it is the increment alone"),
    };
    match () {
        () if cumulative.lower <= expected.upper && expected.lower <= cumulative.upper => finding.agrees(adds_up),
        () if cumulative.upper < expected.lower => finding.contradicts(format!(
            "{source} {} times the cumulative figure",
            times(expected.lower.0, cumulative.upper.0)
        )),
        () if counted_in => finding.contradicts(format!(
            "{} FLOP are in no report: the cumulative figure seems to count a base model in",
            count(cumulative.lower.0 - expected.upper.0)
        )),
        () if last.is_some() => finding.contradicts(format!(
            "{} FLOP since the last report are in no report",
            count(cumulative.lower.0 - expected.upper.0)
        )),
        () => finding.is(
            super::Outcome::CannotTell,
            format!(
                "{} FLOP before this window are in no report that is at hand",
                count(cumulative.lower.0 - expected.upper.0)
            ),
        ),
    }
}

/// A run's sum never falls, in either bound, and neither does what was said about the same window.
fn not_lowered(report: &TrainingCompute, history: &History<'_>) -> Finding {
    let name = Check::NotLowered;
    let cumulative = history.of_run(report).filter(|earlier| position(earlier) <= position(report));
    let cumulative = cumulative.map(|earlier| ("cumulative", report.flop.cumulative, earlier.flop.cumulative, earlier));
    let increments = history.of_run(report).filter(|earlier| same(earlier, report));
    let increments =
        increments.map(|earlier| ("incremental", report.flop.incremental, earlier.flop.incremental, earlier));
    let mut compared = cumulative.chain(increments).peekable();
    if compared.peek().is_none() {
        return Finding::cannot_tell(name, "no earlier report of this run is at hand");
    }
    let falls = |new: Interval, old: Interval| new.lower < old.lower || new.upper < old.upper;
    // The one that fell furthest below what was said.
    let lowered = compared.filter(|(_, new, old, _)| falls(*new, *old));
    let worst = lowered.max_by_key(|(_, new, old, _)| {
        old.lower.0.saturating_sub(new.lower.0).max(old.upper.0.saturating_sub(new.upper.0))
    });
    match worst {
        None => {
            let highest = history.of_run(report).map(|earlier| earlier.flop.cumulative.lower.0).max().unwrap_or(0);
            let finding = Finding::new(name, report.flop.cumulative.into(), Range::at_least(highest, Unit::Flop));
            finding.agrees("no earlier figure of the run is lowered")
        }
        Some((figure, new, old, earlier)) => {
            let finding = Finding::new(name, new.into(), Range { upper: None, ..Range::from(old) })
                .with("earlier-lower", old.lower.0, Unit::Flop)
                .with("earlier-upper", old.upper.0, Unit::Flop)
                .with_factor(new.upper.0, old.upper.0);
            finding.contradicts(format!(
                "the {figure} figure is below that of the report for period {} to {}, and corrects nothing",
                earlier.period, earlier.window.end
            ))
        }
    }
}

/// Time that this report's sessions share with sessions of earlier reports of the run at the same site, in ms.
fn shared_ms(report: &TrainingCompute, earlier: &TrainingCompute) -> u64 {
    let overlap = |one: &crate::claim::Window, other: &crate::claim::Window| {
        one.end.min(other.end).0.saturating_sub(one.start.max(other.start).0)
    };
    let each = report
        .sessions
        .iter()
        .flat_map(|session| earlier.sessions.iter().map(move |other| overlap(&session.window, &other.window)));
    each.fold(0, u64::saturating_add)
}

/// The same run on the same site at the same time in two reports is work counted twice.
fn sessions_once(report: &TrainingCompute, history: &History<'_>) -> Finding {
    let name = Check::SessionsOnce;
    let here =
        history.of_run(report).filter(|earlier| earlier.site == report.site && earlier.run_stage == report.run_stage);
    let shared: Vec<(u64, &TrainingCompute)> = here.map(|earlier| (shared_ms(report, earlier), earlier)).collect();
    if shared.is_empty() {
        return Finding::cannot_tell(name, "no earlier report of this run at this site is at hand");
    }
    let seconds = |ms: u64| u128::from(ms.div_ceil(1000));
    let own = report.sessions.iter().map(|session| session.window.length_ms()).fold(0, u64::saturating_add);
    let total = shared.iter().map(|(ms, _)| *ms).fold(0, u64::saturating_add);
    let finding = Finding::new(name, Range::exact(seconds(total), Unit::Seconds), Range::exact(0, Unit::Seconds)).with(
        "sessions",
        seconds(own),
        Unit::Seconds,
    );
    match shared.iter().max_by_key(|(ms, _)| *ms) {
        Some((ms, earlier)) if *ms > 0 => finding.contradicts(format!(
            "{} s of the sessions are also in the report for period {} to {}",
            seconds(*ms),
            earlier.period,
            earlier.window.end
        )),
        _ => finding.agrees("no earlier report of the run has these sessions"),
    }
}
