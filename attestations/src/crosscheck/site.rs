//! Reports of one site against the chips that are there.

use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;

use super::finding::{Check, Finding, Range, Unit, count, times};
use super::{Yardstick, work};
use crate::accounting::{Overflow, ceiling, sum};
use crate::inventory::{ChipInventory, Ownership};
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
/// contradicts is remarkable. Reports of other sites, and those without hardware, are passed over. Give those that
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
        finding(accelerator, least, most, registered)
    };
    accelerators.iter().map(of).collect()
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

/// The work of all reports of `site` against what the chips registered there can do at their peak, from the first
/// report's start to the last one's end. It needs no report's own hardware, so it holds for those that state none.
///
/// `None` where no report is of the site.
pub fn site_capacity(
    site: &Name,
    reports: &[&TrainingCompute],
    registered: &[Registered],
    yardstick: &Yardstick<'_>,
) -> Option<Finding> {
    let here = || reports.iter().filter(|report| report.site == *site);
    let start = here().map(|report| report.window.start).min()?;
    let end = here().map(|report| report.window.end).max()?;
    let seconds = end.since(start).div_ceil(1000);
    let capacity = || {
        let mut most = 0u128;
        for kind in registered {
            let missing = || format!("no chip table at hand gives the peak of `{}`", kind.accelerator);
            let chip = yardstick.chips.and_then(|table| table.find(&kind.accelerator)).ok_or_else(missing)?;
            let rate = ceiling(kind.chips, chip.highest_peak()).0;
            let whole = rate.checked_mul(seconds.into()).and_then(|flop| most.checked_add(flop));
            most = whole.ok_or_else(|| Overflow.to_string())?;
        }
        let claimed = sum(here().map(|report| work(report))).map_err(|overflow| overflow.to_string())?;
        Ok::<_, String>((claimed, most))
    };
    let (claimed, most) = match capacity() {
        Ok(figures) => figures,
        Err(why) => return Some(Finding::cannot_tell(Check::SiteCapacity, why)),
    };
    let finding = Finding::new(Check::SiteCapacity, claimed.into(), Range::at_most(most, Unit::Flop))
        .with("seconds", seconds, Unit::Seconds)
        .with_factor(claimed.lower.0, most);
    Some(match () {
        () if claimed.lower.0 > most => finding.contradicts(format!(
            "the reports of the site claim {} times what its registered chips can do from {start} to {end}",
            times(claimed.lower.0, most)
        )),
        () => finding.agrees(format!("the registered chips can do {} FLOP in that time", count(most))),
    })
}
