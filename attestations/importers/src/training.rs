//! From contributions to a `training-compute` predicate: what the files say, what flags say, and what follows.
//!
//! | needed | from |
//! |---|---|
//! | FLOP | a file's figure; else `6 x parameters x tokens`; else `chips x time x peak x utilisation` |
//! | cumulative | a file's; else the report's own, where nothing came before |
//! | sessions | a scheduler's or trainer's; else flags |
//! | hardware | files for chips and time, flags for the chip table's id and peak |

use standstill_attestations::StatementError;
use standstill_attestations::accounting;
use standstill_attestations::claim::{Basis, Coverage, FigureGroup, Interval, Maybe, PpmInterval, Window};
use standstill_attestations::training::{
    Activity, BaseModel, CountingRule, Energy, FlopFigures, Hardware, Method, RunStage, Session, TrainingCompute,
    Workload,
};
use standstill_protocol::member::Name;
use standstill_protocol::units::Ppm;

use crate::contribution::{ActivityFacts, Contribution, FlopFacts, HardwareFacts, WorkloadFacts};
use crate::error::ImportError;
use crate::import::Imported;

/// What the files cannot say, from whoever makes the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingContext {
    /// Where it ran.
    pub site: Name,
    /// The run's name.
    pub run: Name,
    /// The stage of the run.
    pub run_stage: RunStage,
    /// Index of the reporting period.
    pub period: u32,
    /// When the job ran in this window, where no file says it: in order. The window spans them.
    pub sessions: Vec<Session>,
    /// Whether the run ends with this report; `None` takes it from the files.
    pub final_report: Option<bool>,
    /// Models that the weights started from.
    pub base_models: Vec<BaseModel>,
    /// FLOP of the run before this report, where no file counts it; `None` where there was none.
    pub before: Option<Interval>,
    /// Active and total parameters as the counting rule means them, or why they are not stated.
    pub parameters: Maybe<(u128, u128)>,
    /// Chips and time, or why they are not known. What it leaves out comes from files.
    pub hardware: Maybe<HardwareContext>,
    /// Energy, or why it is not known.
    pub energy: Maybe<Energy>,
    /// Version of the training framework, where its file does not hold it.
    pub tool_version: Option<String>,
}

/// Chips as flags state them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HardwareContext {
    /// Id in the treaty's chip table, such as `h100-sxm`.
    pub accelerator: Option<Name>,
    /// Chips in use at once, at most.
    pub chips: Option<u64>,
    /// Sum over chips of the seconds that each was allocated.
    pub chip_seconds: Option<u64>,
    /// Peak dense operations per second of one chip.
    pub peak_flop_per_second: Option<u64>,
    /// Share of the peak that was reached.
    pub utilisation: Option<PpmInterval>,
}

/// Nothing is known of the share of the peak.
const ANY_SHARE: PpmInterval = PpmInterval { lower: Ppm(0), upper: Ppm(1_000_000) };

impl Imported<Contribution> {
    /// The predicate, with what only the reporter knows.
    pub fn into_training_compute(self, context: TrainingContext) -> Result<TrainingCompute, ImportError> {
        let Imported { facts, mut evidence, .. } = self;
        if let Some(version) = &context.tool_version {
            let unknown = evidence.iter_mut().filter(|file| file.tool_version.known().is_none());
            unknown.for_each(|file| file.tool_version = Maybe::Known(version.clone()));
        }
        let sessions = sessions(facts.sessions, context.sessions)?;
        let bounds = sessions.first().zip(sessions.last());
        let (first, last) = bounds.ok_or(ImportError::NotStated {
            flag: "--start` and `--end",
            reason: "no file says when the job ran".to_owned(),
        })?;
        let window = Window { start: first.window.start, end: last.window.end };
        let discarded_tokens = facts.workload.and_then(|workload| workload.discarded_tokens);
        let workload = workload(facts.workload.unwrap_or_default(), context.parameters)?;
        let hardware = hardware(facts.hardware.unwrap_or_default(), context.hardware)?;
        let flop = figures(facts.flop, (workload.known(), discarded_tokens), hardware.known())?;
        let unseen = "no file counts steps that a restart repeated";
        let before = context.before.and_then(|before| before.checked_add(flop.incremental));
        let activity = activity(facts.activity, hardware.known());
        let seen = facts.energy.first().and_then(|energy| energy.covered_chip_seconds);
        let energy_coverage = match seen {
            Some(seen) => coverage(seen, hardware.known()).map_or_else(Maybe::Unknown, Maybe::Known),
            None => Maybe::Unknown("no file says how much of the chips' time the meter saw".to_owned()),
        };
        let mut report = TrainingCompute {
            site: context.site,
            run: context.run,
            run_stage: context.run_stage,
            period: context.period,
            window,
            sessions,
            flop: FlopFigures {
                incremental: flop.incremental,
                cumulative: flop.cumulative.or(before).unwrap_or(flop.incremental),
                discarded: flop.discarded.map_or_else(|| Maybe::Unknown(unseen.to_owned()), Maybe::Known),
            },
            method: flop.method,
            counting_rule: flop.counting_rule,
            basis: flop.basis,
            final_report: context.final_report.or(facts.finished).unwrap_or(false),
            base_models: context.base_models,
            workload,
            hardware,
            energy: match facts.energy.into_iter().next() {
                Some(found) => {
                    let (joules, boundary, basis) = (found.joules, found.boundary, found.basis);
                    Maybe::Known(Energy { joules, boundary, coverage: energy_coverage, basis })
                }
                None => context.energy,
            },
            activity,
            evidence,
        };
        back(&mut report);
        Ok(report)
    }

    /// Lets each file back the groups of figures that its own contribution states.
    pub(crate) fn back_files(&mut self) {
        let facts = &self.facts;
        let stated = [
            (FigureGroup::Activity, facts.activity.is_some()),
            (FigureGroup::Energy, !facts.energy.is_empty()),
            (FigureGroup::Flop, facts.flop.is_some()),
            (FigureGroup::Hardware, facts.hardware.is_some()),
            (FigureGroup::Workload, facts.workload.is_some()),
        ];
        let backs: Vec<FigureGroup> = stated.iter().filter(|(_, is)| *is).map(|(group, _)| *group).collect();
        self.evidence.iter_mut().for_each(|file| file.backs.clone_from(&backs));
    }
}

/// FLOP that follow from tokens or chips rest on the files that hold those; what no file backs is declared.
fn back(report: &mut TrainingCompute) {
    let figures = report.figures();
    let backed = |report: &TrainingCompute, group| report.evidence.iter().any(|file| file.backs.contains(&group));
    let source = match report.method {
        Method::SixNd => Some(FigureGroup::Workload),
        Method::Hardware => Some(FigureGroup::Hardware),
        _ => None,
    };
    if let Some(source) = source.filter(|_| !backed(report, FigureGroup::Flop)) {
        for file in report.evidence.iter_mut().filter(|file| file.backs.contains(&source)) {
            file.backs.push(FigureGroup::Flop);
            file.backs.sort_by_key(|group| group.as_str());
        }
    }
    report.evidence.iter_mut().for_each(|file| file.keep_backs(&figures));
    if !backed(report, FigureGroup::Flop) {
        report.basis = Basis::Declared;
    }
    let (hardware, energy) = (backed(report, FigureGroup::Hardware), backed(report, FigureGroup::Energy));
    if let (Maybe::Known(hardware), false) = (&mut report.hardware, hardware) {
        hardware.basis = Basis::Declared;
    }
    if let (Maybe::Known(energy), false) = (&mut report.energy, energy) {
        energy.basis = Basis::Declared;
    }
}

/// Activity, with the rest of the chips' time as its gap.
fn activity(facts: Option<ActivityFacts>, hardware: Option<&Hardware>) -> Maybe<Activity> {
    let Some(facts) = facts else { return Maybe::Unknown("no file holds counters of the chips".to_owned()) };
    match coverage(facts.covered_chip_seconds, hardware) {
        Ok(coverage) => Maybe::Known(Activity { tensor_pipe: facts.active, coverage, basis: Basis::Measured }),
        Err(reason) => Maybe::Unknown(reason),
    }
}

/// What readings cover of the chips' time, and the rest; or why that cannot be said.
fn coverage(covered_chip_seconds: u64, hardware: Option<&Hardware>) -> Result<Coverage, String> {
    let total = hardware.map(|hardware| hardware.chip_seconds);
    match total.map(|total| (total, total.checked_sub(covered_chip_seconds))) {
        _ if covered_chip_seconds == 0 => Err("readings cover less than a chip second".to_owned()),
        None => Err(format!("readings cover {covered_chip_seconds} chip seconds of an unknown total")),
        Some((total, None)) => {
            Err(format!("readings cover {covered_chip_seconds} chip seconds, more than the {total} of the run"))
        }
        Some((_, Some(gap_chip_seconds))) => Ok(Coverage { covered_chip_seconds, gap_chip_seconds }),
    }
}

/// The files' sessions, which must lie within the flags' where both are given.
fn sessions(files: Vec<Session>, flags: Vec<Session>) -> Result<Vec<Session>, ImportError> {
    let (Some(first), Some(last)) = (flags.first(), flags.last()) else { return Ok(files) };
    if files.is_empty() {
        return Ok(flags);
    }
    let (start, end) = (first.window.start, last.window.end);
    match files.iter().find(|session| session.window.start < start || session.window.end > end) {
        Some(outside) => Err(ImportError::Disagreement {
            field: "sessions".to_owned(),
            file: "the flags".to_owned(),
            value: format!("{start} to {end}"),
            other: "the files".to_owned(),
            other_value: format!("{} to {}", outside.window.start, outside.window.end),
        }),
        None => Ok(files),
    }
}

fn against_flags<T: PartialEq + ToString>(
    field: &'static str,
    file: Option<T>,
    flag: Option<T>,
) -> Result<Option<T>, ImportError> {
    match (file, flag) {
        (Some(file), Some(flag)) if file != flag => Err(ImportError::Disagreement {
            field: field.to_owned(),
            file: "the flags".to_owned(),
            value: flag.to_string(),
            other: "the files".to_owned(),
            other_value: file.to_string(),
        }),
        (file, flag) => Ok(file.or(flag)),
    }
}

fn workload(facts: WorkloadFacts, flags: Maybe<(u128, u128)>) -> Result<Maybe<Workload>, ImportError> {
    let stated = flags.known().copied();
    let active = against_flags("workload.activeParameters", facts.active_parameters, stated.map(|(active, _)| active))?;
    let total = against_flags("workload.totalParameters", facts.total_parameters, stated.map(|(_, total)| total))?;
    let total = total.or(active);
    Ok(match (facts.tokens, active.zip(total)) {
        (Some(tokens), Some((active_parameters, total_parameters))) => {
            Maybe::Known(Workload { tokens, active_parameters, total_parameters, basis: Basis::Measured })
        }
        (None, _) => Maybe::Unknown("no file counts tokens".to_owned()),
        (_, None) => Maybe::Unknown(flags.reason().unwrap_or("no file states parameters").to_owned()),
    })
}

fn hardware(facts: HardwareFacts, flags: Maybe<HardwareContext>) -> Result<Maybe<Hardware>, ImportError> {
    let stated = flags.known().cloned().unwrap_or_default();
    let accelerator = accelerator(facts.accelerator.as_deref(), stated.accelerator)?;
    let chips = against_flags("hardware.chips", facts.chips, stated.chips)?;
    let chip_seconds = against_flags("hardware.chipSeconds", facts.chip_seconds, stated.chip_seconds)?;
    let peak = against_flags("hardware.peakFlopPerSecond", facts.peak_flop_per_second, stated.peak_flop_per_second)?;
    let utilisation = stated.utilisation.or(facts.utilisation).unwrap_or(ANY_SHARE);
    let missing = [
        ("accelerator", accelerator.is_none()),
        ("chips", chips.is_none()),
        ("chip seconds", chip_seconds.is_none()),
        ("peak", peak.is_none()),
    ];
    let (Some(accelerator), Some(chips), Some(chip_seconds), Some(peak_flop_per_second)) =
        (accelerator, chips, chip_seconds, peak)
    else {
        let missing: Vec<_> = missing.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        let reason = match flags.reason() {
            Some(reason) if missing.len() == 4 => reason.to_owned(),
            _ => format!("not stated: {}", missing.join(", ")),
        };
        return Ok(Maybe::Unknown(reason));
    };
    Ok(Maybe::Known(Hardware {
        accelerator,
        chips,
        chip_seconds,
        peak_flop_per_second,
        utilisation,
        basis: Basis::Measured,
    }))
}

/// The chip table's id: a flag's, which must go with the tool's word, else the tool's word where it is a name.
fn accelerator(file: Option<&str>, flag: Option<Name>) -> Result<Option<Name>, ImportError> {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let (Some(file), Some(flag)) = (file, &flag) else {
        return Ok(flag.or_else(|| file.and_then(|word| word.to_ascii_lowercase().parse().ok())));
    };
    // `h100-sxm` goes with `h100`, and with `NVIDIA H100 80GB HBM3`.
    let chip = plain(flag.as_str().split('-').next().unwrap_or_default());
    if plain(file).contains(&chip) {
        return Ok(Some(flag.clone()));
    }
    Err(ImportError::Disagreement {
        field: "hardware.accelerator".to_owned(),
        file: "the flags".to_owned(),
        value: flag.to_string(),
        other: "the files".to_owned(),
        other_value: file.to_owned(),
    })
}

/// The files' figures, or what follows from workload or hardware.
fn figures(
    files: Option<FlopFacts>,
    (workload, discarded_tokens): (Option<&Workload>, Option<u128>),
    hardware: Option<&Hardware>,
) -> Result<FlopFacts, ImportError> {
    if let Some(flop) = files {
        return Ok(flop);
    }
    let overflow = |_| StatementError::Overflow { path: "predicate.flop".to_owned() };
    let follows = |incremental, method, counting_rule| FlopFacts {
        incremental,
        cumulative: None,
        discarded: None,
        method,
        counting_rule,
        basis: Basis::Computed,
    };
    match (workload, hardware) {
        (Some(workload), _) => {
            let flop = accounting::six_nd(workload.active_parameters, workload.tokens).map_err(overflow)?;
            let discarded = discarded_tokens.map(|tokens| accounting::six_nd(workload.active_parameters, tokens));
            let discarded = discarded.transpose().map_err(overflow)?.map(Interval::exact);
            Ok(FlopFacts { discarded, ..follows(Interval::exact(flop), Method::SixNd, CountingRule::ModelFlop) })
        }
        (None, Some(hardware)) if hardware.utilisation != ANY_SHARE => {
            let (seconds, peak) = (hardware.chip_seconds, hardware.peak_flop_per_second);
            let flop = accounting::hardware(seconds, peak, hardware.utilisation).map_err(overflow)?;
            Ok(follows(flop, Method::Hardware, CountingRule::HardwareFlop))
        }
        _ => Err(ImportError::NotStated {
            flag: "--parameters",
            reason: "no file counts FLOP, nor tokens of known parameters, nor chips of known peak and utilisation"
                .to_owned(),
        }),
    }
}
