//! Reports of one site against the chips that are there.

use std::collections::BTreeSet;

use standstill_protocol::member::Name;
use standstill_protocol::units::{Ppm, Timestamp};

use super::finding::{Check, Finding, Outcome, Range, Unit, count, times};
use super::{Yardstick, work};
use crate::accounting::{ceiling, share};
use crate::claim::Window;
use crate::inventory::{ChipInventory, Ownership};
use crate::plan::RunPlan;
use crate::training::{Hardware, Session, TrainingCompute};

/// Chips of one kind at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The accelerator's id in the chip table.
    pub accelerator: Name,
    /// How many.
    pub chips: u64,
}

impl Registered {
    /// The chips that a member has for its own runs at the site: what is hosted for another is not among them.
    pub fn of(inventory: &ChipInventory) -> Vec<Registered> {
        let own = inventory.chips.iter().filter(|row| row.ownership != Ownership::Hosted);
        own.map(|row| Registered { accelerator: row.accelerator.clone(), chips: row.count }).collect()
    }
}

/// One finding for each accelerator that the reports of `site` name: the most chips in use at once, over all runs,
/// against the chips registered there. Without a registration the outcome is `cannot tell`, with the number.
///
/// Sessions that overlap more than the chips allow are on the same chips: each chip is counted twice. A session whose
/// chips are not known may have had none, and may have had as many as its report had at most: what only the second
/// contradicts is remarkable, unless the reports' chip seconds alone are more than the registered chips have. Reports of other sites, and those without hardware, are passed over. Give those that
/// stand: a corrected report and its correction would need twice the chips.
pub fn chips_at_once(site: &Name, reports: &[&TrainingCompute], registered: Option<&[Registered]>) -> Vec<Finding> {
    let here = || reports.iter().copied().filter(|report| report.site == *site);
    let mut accelerators: Vec<&Name> =
        here().filter_map(|report| report.hardware.known()).map(|hardware| &hardware.accelerator).collect();
    accelerators.sort();
    accelerators.dedup();
    let of = |accelerator: &&Name| {
        let least = busiest(here(), accelerator, |session, _| session.chips.known().copied().unwrap_or(0));
        let most = busiest(here(), accelerator, |session, hardware| *session.chips.known().unwrap_or(&hardware.chips));
        let at_once = finding(accelerator, least, most, registered);
        match chip_time(here(), accelerator, registered) {
            Some(over) if at_once.outcome != Outcome::Contradicts => over,
            _ => at_once,
        }
    };
    accelerators.iter().map(of).collect()
}

/// The chips of one run at once, over all sites, against its plan: one finding for each accelerator that its reports name.
/// A session whose chips are not known counts as in [`chips_at_once`].
pub fn chips_of_run(plan: &RunPlan, reports: &[&TrainingCompute]) -> Vec<Finding> {
    let of_run = |report: &&TrainingCompute| (&report.run, report.run_stage) == (&plan.run, plan.run_stage);
    let run = || reports.iter().copied().filter(of_run);
    let names: BTreeSet<&Name> = run().filter_map(|report| Some(&report.hardware.known()?.accelerator)).collect();
    let of = |accelerator: &Name| {
        let least = busiest(run(), accelerator, |session, _| session.chips.known().copied().unwrap_or(0));
        let most = busiest(run(), accelerator, |session, hardware| *session.chips.known().unwrap_or(&hardware.chips));
        let rows = plan.chips.iter().filter(|row| row.accelerator == *accelerator);
        let planned = rows.map(|row| u128::from(row.count)).fold(0, u128::saturating_add);
        let claimed = Range::between(least.0, most.0, Unit::Chips);
        let finding = Finding::new(Check::ChipsOfPlan, claimed, Range::at_most(planned, Unit::Chips));
        let finding = finding.with_factor(least.0, planned);
        let over = |(chips, at): Busiest| {
            format!("from {at} on, the run uses {} times the planned `{accelerator}`", times(chips, planned))
        };
        match () {
            () if least.0 > planned => finding.contradicts(over(least)),
            () if most.0 > planned => finding.remarkable(format!("{}, where sessions do not say how many", over(most))),
            () => finding.agrees(format!("the plan has that many `{accelerator}`")),
        }
    };
    names.into_iter().map(of).collect()
}

/// What reports ask for, what there is, and the stretch of time.
type Stretch = (u128, u128, Window);

/// The reports whose windows lie within one stretch of time that asks for more than any other does, what they ask for,
/// and the stretch: the one with the largest share of `rate` units a second. `None` without reports.
fn worst(amounts: &[(Window, u128)], rate: u128) -> Option<Stretch> {
    let mut by_end: Vec<&(Window, u128)> = amounts.iter().collect();
    by_end.sort_by_key(|(window, _)| window.end);
    let starts: BTreeSet<Timestamp> = amounts.iter().map(|(window, _)| window.start).collect();
    let mut found: Option<((bool, Ppm), Stretch)> = None;
    for start in starts {
        let mut sum = 0u128;
        for (window, amount) in by_end.iter().filter(|(window, _)| window.start >= start) {
            sum = sum.saturating_add(*amount);
            let seconds = u128::from(window.end.since(start).div_ceil(1000));
            let most = rate.saturating_mul(seconds);
            let rank = (sum > most, share(sum, most).map_or(Ppm(u64::MAX), |share| share.lower));
            if found.is_none_or(|(best, _)| rank > best) {
                found = Some((rank, (sum, most, Window { start, end: window.end })));
            }
        }
    }
    found.map(|(_, found)| found)
}

/// More chip time than the registered chips have, whatever the sessions do not say. `None` where there is room.
fn chip_time<'a>(
    reports: impl Iterator<Item = &'a TrainingCompute>,
    accelerator: &Name,
    registered: Option<&[Registered]>,
) -> Option<Finding> {
    let times_of = |report: &TrainingCompute| {
        let hardware = report.hardware.known().filter(|hardware| hardware.accelerator == *accelerator)?;
        // Of every session whose chips are known at least that much; of the others nothing.
        let known = |session: &Session| {
            let chips = session.chips.known().map_or(0, |chips| u128::from(*chips));
            chips.saturating_mul(session.window.length_ms().into())
        };
        let allocated = report.sessions.iter().map(known).fold(0, u128::saturating_add) / 1000;
        Some((report.window, allocated.max(hardware.chip_seconds.into())))
    };
    let amounts: Vec<(Window, u128)> = reports.filter_map(times_of).collect();
    let there = registered?.iter().filter(|kind| kind.accelerator == *accelerator);
    let there = there.map(|kind| u128::from(kind.chips)).fold(0, u128::saturating_add);
    let (used, most, Window { start, end }) = worst(&amounts, there).filter(|(used, most, _)| used > most)?;
    let (claimed, expected) = (Range::exact(used, Unit::ChipSeconds), Range::at_most(most, Unit::ChipSeconds));
    let sentence = format!(
        "from {start} to {end} the reports count {} times the time that the registered `{accelerator}` have: chips are \
         counted twice, or are not registered",
        times(used, most)
    );
    Some(Finding::new(Check::ChipsAtOnce, claimed, expected).with_factor(used, most).contradicts(sentence))
}

/// A number of chips, and since when.
type Busiest = (u128, Timestamp);

/// The most chips of a kind in use at once.
fn busiest<'a>(
    reports: impl Iterator<Item = &'a TrainingCompute>,
    accelerator: &Name,
    chips_of: impl Fn(&Session, &Hardware) -> u64,
) -> Busiest {
    // A session that ends when another starts does not overlap it: ends sort before starts.
    let mut edges: Vec<(Timestamp, bool, u64)> = Vec::new();
    for report in reports {
        let Some(hardware) = report.hardware.known().filter(|hardware| hardware.accelerator == *accelerator) else {
            continue;
        };
        for session in report.sessions.iter().filter(|session| session.window.start < session.window.end) {
            let chips = chips_of(session, hardware);
            edges.extend([(session.window.start, true, chips), (session.window.end, false, chips)]);
        }
    }
    edges.sort_unstable();
    let (mut now, mut most, mut since) = (0u128, 0u128, Timestamp(0));
    for (time, starts, chips) in edges {
        now = if starts { now.saturating_add(chips.into()) } else { now.saturating_sub(chips.into()) };
        if now > most {
            (most, since) = (now, time);
        }
    }
    (most, since)
}

fn finding(accelerator: &Name, least: Busiest, most: Busiest, registered: Option<&[Registered]>) -> Finding {
    let name = Check::ChipsAtOnce;
    let claimed = Range::between(least.0, most.0, Unit::Chips);
    let Some(registered) = registered else {
        let (chips, at) = most;
        let why = format!("up to {chips} `{accelerator}` at once, from {at} on; no inventory of the site is at hand");
        let mut finding = Finding::cannot_tell(name, why);
        finding.claimed = Some(claimed);
        return finding;
    };
    let kinds = registered.iter().filter(|kind| kind.accelerator == *accelerator);
    let there = kinds.map(|kind| u128::from(kind.chips)).fold(0, u128::saturating_add);
    let finding = Finding::new(name, claimed, Range::at_most(there, Unit::Chips)).with_factor(least.0, there);
    match (least, most) {
        ((chips, at), _) if chips > there => finding.contradicts(format!(
            "from {at} on, {} times the registered `{accelerator}` are in use: sessions overlap on the same chips, or chips \
             are not registered",
            times(chips, there)
        )),
        (_, (chips, at)) if chips > there => finding.remarkable(format!(
            "from {at} on, up to {} times the registered `{accelerator}` are in use, where sessions do not say how many",
            times(chips, there)
        )),
        _ => finding.agrees(format!("the site has that many `{accelerator}`")),
    }
}

/// The work of the reports of `site` against what the chips registered there can do at their peak, in that stretch of
/// time, of those from some report's start to some report's end, where the reports within it ask for most. It needs no
/// report's own hardware, so it holds for those that state none.
///
/// `None` where no report is of the site.
pub fn site_capacity(
    site: &Name,
    reports: &[&TrainingCompute],
    registered: &[Registered],
    yardstick: &Yardstick<'_>,
) -> Option<Finding> {
    let here = reports.iter().filter(|report| report.site == *site);
    let claims: Vec<(Window, u128)> = here.map(|report| (report.window, work(report).lower.0)).collect();
    let rate = match rate(registered, yardstick) {
        Ok(rate) => rate,
        Err(why) => return (!claims.is_empty()).then(|| Finding::cannot_tell(Check::SiteCapacity, why)),
    };
    let (claimed, most, Window { start, end }) = worst(&claims, rate)?;
    let finding =
        Finding::new(Check::SiteCapacity, Range::at_least(claimed, Unit::Flop), Range::at_most(most, Unit::Flop))
            .with("seconds", end.since(start).div_ceil(1000), Unit::Seconds)
            .with_factor(claimed, most);
    Some(match () {
        () if claimed > most => finding.contradicts(format!(
            "the reports of the site claim {} times what its registered chips can do from {start} to {end}",
            times(claimed, most)
        )),
        () => finding.agrees(format!("the registered chips can do {} FLOP in that time", count(most))),
    })
}

/// What registered chips do in a second, at most.
fn rate(registered: &[Registered], yardstick: &Yardstick<'_>) -> Result<u128, String> {
    let mut most = 0u128;
    for kind in registered {
        let missing = || format!("no chip table at hand gives the peak of `{}`", kind.accelerator);
        let chip = yardstick.chips.and_then(|table| table.find(&kind.accelerator)).ok_or_else(missing)?;
        most = most.saturating_add(ceiling(kind.chips, chip.highest_peak()).0);
    }
    Ok(most)
}
