//! Several tools' contributions, merged into one. What contradicts is refused by name; where two say the same thing in
//! two ways, a stated rule chooses and a note says what was not taken.
//!
//! | part | rule |
//! |---|---|
//! | FLOP | figures under one counting rule must overlap, and the narrower is taken; of two rules, the one that counts the model's own operations before the one that counts recomputation |
//! | tokens, parameters | must be equal |
//! | sessions | a scheduler's before a trainer's; each of the other's must overlap one of them |
//! | chips, chip seconds | a scheduler's; nobody may have used more than it gave |
//! | energy | one boundary twice adds up where the windows are apart, and is refused where they are not; of several boundaries, measured before computed, then the one nearest the chips |
//! | activity | from one tool only |
//! | names of run and model | the first; two tools may name one run differently |

use std::collections::BTreeMap;

use standstill_attestations::claim::{Basis, EvidenceRole, Window};
use standstill_attestations::limits;
use standstill_attestations::training::{CountingRule, EnergyBoundary, Session};
use standstill_protocol::units::Joule;

use crate::contribution::{ActivityFacts, Contribution, EnergyFacts, FlopFacts, HardwareFacts, WorkloadFacts};
use crate::error::ImportError;
use crate::import::{Imported, Note};

/// One contribution with the name of its first file.
struct Part {
    file: String,
    is_scheduler: bool,
    facts: Contribution,
}

/// What is being merged.
struct Merge {
    parts: Vec<Part>,
    left: Vec<Note>,
    took: Vec<Note>,
}

/// Merges what several tools' files give.
pub fn combine(parts: Vec<Imported<Contribution>>) -> Result<Imported<Contribution>, ImportError> {
    let mut evidence = Vec::new();
    let mut merge = Merge { parts: Vec::new(), left: Vec::new(), took: Vec::new() };
    for mut part in parts {
        part.back_files();
        let file = part.took.first().or(part.left.first()).map_or_else(String::new, |note| note.file.clone());
        let is_scheduler = part.evidence.iter().any(|file| file.role == EvidenceRole::SchedulerLog);
        merge.parts.push(Part { file, is_scheduler, facts: part.facts });
        evidence.extend(part.evidence);
        merge.took.extend(part.took);
        merge.left.extend(part.left);
    }
    let mut seen = BTreeMap::new();
    for (index, file) in evidence.iter().enumerate() {
        if let Some(earlier) = seen.insert(file.sha256, index) {
            return Err(ImportError::SameFile { sha256: file.sha256.to_string(), first: earlier, second: index });
        }
    }
    if evidence.len() > limits::EVIDENCE {
        return Err(ImportError::TooManyFiles { count: evidence.len(), limit: limits::EVIDENCE });
    }
    // A scheduler decides on chips and time: it goes first.
    merge.parts.sort_by_key(|part| !part.is_scheduler);
    let facts = Contribution {
        run: merge.named("run", |facts| facts.run.clone()),
        model: merge.named("model", |facts| facts.model.clone()),
        flop: merge.flop()?,
        workload: merge.workload()?,
        sessions: merge.sessions()?,
        hardware: merge.hardware()?,
        energy: merge.energy()?,
        activity: merge.activity()?,
        finished: merge.finished()?,
    };
    Ok(Imported { facts, evidence, took: merge.took, left: merge.left })
}

/// Every file that says something about a field, in order.
fn stated<T>(parts: &[Part], field: impl Fn(&Contribution) -> Option<T>) -> Vec<(String, T)> {
    parts.iter().filter_map(|part| Some((part.file.clone(), field(&part.facts)?))).collect()
}

fn disagree(field: &str, one: (&str, String), other: (&str, String)) -> ImportError {
    ImportError::Disagreement {
        field: field.to_owned(),
        file: one.0.to_owned(),
        value: one.1,
        other: other.0.to_owned(),
        other_value: other.1,
    }
}

/// What all who state it agree on.
fn equal<T: PartialEq + ToString>(field: &str, stated: Vec<(String, T)>) -> Result<Option<T>, ImportError> {
    let mut found: Option<(String, T)> = None;
    for (file, value) in stated {
        match &found {
            Some((first, agreed)) if *agreed != value => {
                return Err(disagree(field, (first, agreed.to_string()), (&file, value.to_string())));
            }
            Some(_) => {}
            None => found = Some((file, value)),
        }
    }
    Ok(found.map(|(_, value)| value))
}

/// The rule that counts least before those that count recomputation too.
const fn preference(rule: CountingRule) -> u8 {
    match rule {
        CountingRule::ModelFlop => 0,
        CountingRule::SixNdNonEmbedding => 1,
        CountingRule::HigherOfFp16EquivalentAndTotal => 2,
        _ => 3,
    }
}

impl Merge {
    fn leave(&mut self, file: &str, field: &str, text: String) {
        self.left.push(Note::new(file, field, text));
    }

    fn named(&mut self, field: &str, get: impl Fn(&Contribution) -> Option<String>) -> Option<String> {
        let mut stated = stated(&self.parts, get).into_iter();
        let (_, first) = stated.next()?;
        for (file, other) in stated.filter(|(_, other)| *other != first) {
            self.leave(&file, field, format!("`{other}`: another file names it `{first}`"));
        }
        Some(first)
    }

    fn flop(&mut self) -> Result<Option<FlopFacts>, ImportError> {
        let mut stated = stated(&self.parts, |facts| facts.flop.clone());
        let width = |flop: &FlopFacts| flop.incremental.upper.0.saturating_sub(flop.incremental.lower.0);
        stated.sort_by_key(|(_, flop)| (preference(flop.counting_rule), width(flop)));
        let mut stated = stated.into_iter();
        let Some((first, mut taken)) = stated.next() else { return Ok(None) };
        for (file, other) in stated {
            if other.counting_rule == taken.counting_rule {
                let apart = other.incremental.upper < taken.incremental.lower
                    || taken.incremental.upper < other.incremental.lower;
                if apart {
                    let show = |flop: &FlopFacts| format!("{} to {}", flop.incremental.lower, flop.incremental.upper);
                    return Err(disagree("flop.incremental", (&first, show(&taken)), (&file, show(&other))));
                }
                taken.cumulative = taken.cumulative.or(other.cumulative);
                taken.discarded = taken.discarded.or(other.discarded);
            }
            let (figure, rule) = (other.incremental.upper.scientific(), other.counting_rule);
            self.leave(
                &file,
                "flop",
                format!("{figure} FLOP counted as {rule}: {first} was taken, as {}", taken.counting_rule),
            );
        }
        Ok(Some(taken))
    }

    fn workload(&self) -> Result<Option<WorkloadFacts>, ImportError> {
        let parts = &self.parts;
        let read = |field: &str, get: fn(&WorkloadFacts) -> Option<u128>| {
            equal(field, stated(parts, |facts| facts.workload.as_ref().and_then(get)))
        };
        let facts = WorkloadFacts {
            tokens: read("workload.tokens", |workload| workload.tokens)?,
            discarded_tokens: read("discarded tokens", |workload| workload.discarded_tokens)?,
            active_parameters: read("workload.activeParameters", |workload| workload.active_parameters)?,
            total_parameters: read("workload.totalParameters", |workload| workload.total_parameters)?,
        };
        Ok((facts != WorkloadFacts::default()).then_some(facts))
    }

    fn sessions(&mut self) -> Result<Vec<Session>, ImportError> {
        let mut stated =
            stated(&self.parts, |facts| (!facts.sessions.is_empty()).then(|| facts.sessions.clone())).into_iter();
        let Some((first, taken)) = stated.next() else { return Ok(Vec::new()) };
        for (file, others) in stated {
            let meets = |one: &Session, other: &Session| {
                one.window.start <= other.window.end && other.window.start <= one.window.end
            };
            let outside = others.iter().find(|other| !taken.iter().any(|one| meets(one, other)));
            if let Some(outside) = outside {
                let span = taken.first().zip(taken.last());
                let span = span.map(|(one, other)| Window { start: one.window.start, end: other.window.end });
                let show = |window: Window| format!("{} to {}", window.start, window.end);
                let span = span.map_or_else(String::new, show);
                return Err(disagree("sessions", (&first, span), (&file, show(outside.window))));
            }
            let text = format!("{} within those of {first}, which were taken", others.len());
            self.leave(&file, "sessions", text);
        }
        Ok(taken)
    }

    fn hardware(&mut self) -> Result<Option<HardwareFacts>, ImportError> {
        let accelerator = self.named("accelerator", |facts| facts.hardware.as_ref()?.accelerator.clone());
        let facts = HardwareFacts {
            accelerator,
            chips: self.at_most("hardware.chips", |hardware| hardware.chips)?,
            chip_seconds: self.at_most("hardware.chipSeconds", |hardware| hardware.chip_seconds)?,
            nodes: self.at_most("hardware.nodes", |hardware| hardware.nodes)?,
            peak_flop_per_second: equal(
                "hardware.peakFlopPerSecond",
                stated(&self.parts, |facts| facts.hardware.as_ref()?.peak_flop_per_second),
            )?,
            utilisation: stated(&self.parts, |facts| facts.hardware.as_ref()?.utilisation)
                .into_iter()
                .next()
                .map(|(_, share)| share),
        };
        Ok((facts != HardwareFacts::default()).then_some(facts))
    }

    /// The scheduler's figure, which no other may exceed; without a scheduler the greatest.
    fn at_most(&mut self, field: &str, get: fn(&HardwareFacts) -> Option<u64>) -> Result<Option<u64>, ImportError> {
        let has_scheduler = self
            .parts
            .first()
            .is_some_and(|part| part.is_scheduler && part.facts.hardware.as_ref().and_then(get).is_some());
        let mut stated = stated(&self.parts, |facts| facts.hardware.as_ref().and_then(get));
        if !has_scheduler {
            stated.sort_by_key(|(_, value)| std::cmp::Reverse(*value));
        }
        let mut stated = stated.into_iter();
        let Some((first, taken)) = stated.next() else { return Ok(None) };
        for (file, other) in stated.filter(|(_, other)| *other != taken) {
            if other > taken {
                return Err(disagree(field, (&first, taken.to_string()), (&file, other.to_string())));
            }
            self.leave(&file, field, format!("{other}: {taken} of {first} was taken"));
        }
        Ok(Some(taken))
    }

    fn energy(&mut self) -> Result<Vec<EnergyFacts>, ImportError> {
        let stated = stated(&self.parts, |facts| (!facts.energy.is_empty()).then(|| facts.energy.clone()));
        let each = stated.into_iter().flat_map(|(file, all)| all.into_iter().map(move |one| (file.clone(), one)));
        let mut all: Vec<(String, EnergyFacts)> = each.collect();
        // In the order of time, so that the span of a sum never reaches beyond what comes next.
        all.sort_by_key(|(_, energy)| energy.window.map(|window| window.start));
        let mut sums: Vec<(String, EnergyFacts)> = Vec::new();
        for (file, energy) in all {
            match sums.iter_mut().find(|(_, sum)| sum.boundary == energy.boundary) {
                Some((first, sum)) => add_energy((first, sum), (&file, energy))?,
                None => sums.push((file, energy)),
            }
        }
        sums.sort_by_key(|(_, energy)| (energy.basis != Basis::Measured, distance(energy.boundary)));
        for (file, other) in sums.get(1..).unwrap_or_default() {
            let text = format!("{} J at the {}: a report holds one boundary", other.joules.0, other.boundary);
            self.left.push(Note::new(file, "energy", text));
        }
        sums.truncate(1);
        Ok(sums.into_iter().map(|(_, energy)| energy).collect())
    }

    fn activity(&self) -> Result<Option<ActivityFacts>, ImportError> {
        let mut stated = stated(&self.parts, |facts| facts.activity.clone()).into_iter();
        match (stated.next(), stated.next()) {
            (Some((first, _)), Some((file, _))) => {
                Err(ImportError::Twice { field: "activity", file: first, other: file })
            }
            (found, _) => Ok(found.map(|(_, activity)| activity)),
        }
    }

    fn finished(&mut self) -> Result<Option<bool>, ImportError> {
        let stated = stated(&self.parts, |facts| facts.finished);
        if let Some((file, _)) = stated.iter().find(|(_, finished)| !*finished) {
            let others = stated.iter().any(|(_, finished)| *finished);
            let file = file.clone();
            if others {
                self.leave(&file, "finished", "this file says that the run goes on: taken so".to_owned());
            }
            return Ok(Some(false));
        }
        Ok(stated.first().map(|(_, finished)| *finished))
    }
}

/// How far from the chips, in steps.
const fn distance(boundary: EnergyBoundary) -> u8 {
    match boundary {
        EnergyBoundary::Accelerator => 0,
        EnergyBoundary::Server => 1,
        EnergyBoundary::Facility => 2,
        _ => 3,
    }
}

/// Adds energy of another time at the same boundary; energy of the same time would be counted twice.
fn add_energy(sum: (&str, &mut EnergyFacts), other: (&str, EnergyFacts)) -> Result<(), ImportError> {
    let ((first, sum), (file, energy)) = (sum, other);
    let twice = || ImportError::Twice { field: "energy", file: first.to_owned(), other: file.to_owned() };
    let (one, two) = sum.window.zip(energy.window).ok_or_else(twice)?;
    if one.start < two.end && two.start < one.end {
        return Err(twice());
    }
    let joules = sum.joules.0.checked_add(energy.joules.0).ok_or_else(twice)?;
    sum.joules = Joule(joules);
    let covered = sum.covered_chip_seconds.zip(energy.covered_chip_seconds);
    sum.covered_chip_seconds = covered.and_then(|(one, other)| one.checked_add(other));
    sum.window = Some(Window { start: one.start.min(two.start), end: one.end.max(two.end) });
    if energy.basis != Basis::Measured {
        sum.basis = energy.basis;
    }
    Ok(())
}
