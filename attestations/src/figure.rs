//! Figures of a statement by name, what somebody else observed of them, and whether the two agree.
//!
//! ```text
//! {"figure": "energy.joules", "item": null, "unit": "joules",
//!  "observed": {"lower": "830000000000", "upper": "850000000000"}, "basis": "measured"}
//! ```
//!
//! Nobody *says* that a figure is right: a signer states what he observed, as bounds, and [`Observation::against`]
//! computes the rest from the two intervals. A signer who saw nothing, and says so with wide bounds, confirms nothing.

use standstill_protocol::units::{Flop, Ppm};

use crate::claim::{Basis, FigureGroup, Interval, Maybe, PpmInterval, Window};
use crate::claim_check::{check_count, check_ppm, check_some, check_unique};
use crate::claim_json::basis;
use crate::error::StatementError;
use crate::evaluation::{CapabilityEvaluation, ScoreUnit};
use crate::inventory::ChipInventory;
use crate::limits;
use crate::reader::{Field, Read};
use crate::statement::{Kind, Predicate};
use crate::training::TrainingCompute;
use crate::words;
use crate::writer::Json;

/// Bounds are below 10^38, so that they have at most 38 digits.
const MAX: i128 = 10i128.pow(38) - 1;

words! {
    /// What a figure counts.
    pub enum Unit {
        /// Operations.
        Flop = "flop",
        /// Tokens.
        Tokens = "tokens",
        /// Parameters.
        Parameters = "parameters",
        /// Chips.
        Chips = "chips",
        /// Seconds, summed over chips.
        ChipSeconds = "chip-seconds",
        /// Operations a second of one chip.
        FlopPerSecond = "flop-per-second",
        /// Joules.
        Joules = "joules",
        /// Parts per million.
        Ppm = "ppm",
        /// Millionths of a metric's own unit.
        MicroUnits = "micro-units",
        /// Milliseconds.
        Milliseconds = "milliseconds",
        /// Whole things.
        Count = "count",
    }
}

words! {
    /// A figure of a statement. The word is its path in the predicate.
    pub enum Figure {
        /// FLOP in the window.
        FlopIncremental = "flop.incremental",
        /// FLOP of the run so far.
        FlopCumulative = "flop.cumulative",
        /// FLOP thrown away in the window.
        FlopDiscarded = "flop.discarded",
        /// Tokens in the window.
        Tokens = "workload.tokens",
        /// Parameters active for one token.
        ActiveParameters = "workload.activeParameters",
        /// All parameters.
        TotalParameters = "workload.totalParameters",
        /// Chips in use at once.
        Chips = "hardware.chips",
        /// Seconds, summed over chips.
        ChipSeconds = "hardware.chipSeconds",
        /// Peak of one chip.
        Peak = "hardware.peakFlopPerSecond",
        /// Share of the peak that was reached.
        Utilisation = "hardware.utilisation",
        /// Energy in the window.
        Joules = "energy.joules",
        /// Share of the time in which the tensor pipes were active.
        TensorPipe = "activity.tensorPipe",
        /// Runs of samples that were meant to be made.
        SamplesPlanned = "samples.planned",
        /// Runs of samples that were made.
        SamplesCompleted = "samples.completed",
        /// One score: `item` counts from 0.
        Score = "scores",
        /// One row of an inventory: `item` counts from 0.
        ChipCount = "chips",
    }
}

/// Two bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounds {
    /// At least this.
    pub lower: i128,
    /// At most this.
    pub upper: i128,
}

/// What somebody observed of another's figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Which figure.
    pub figure: Figure,
    /// Which of them, where the figure is a list.
    pub item: Option<u32>,
    /// What the bounds count: the figure's own unit.
    pub unit: Unit,
    /// What was observed.
    pub observed: Bounds,
    /// How that came to be.
    pub basis: Basis,
}

words! {
    /// What an observation says about a claim.
    pub enum Agreement {
        /// The signer saw for himself, and the intervals lie together, within the tolerance.
        Confirmed = "confirmed",
        /// The intervals meet, and that says too little: they are wide or only touch, or the signer saw too little.
        NotContradicted = "not-contradicted",
        /// The intervals do not meet.
        Contradicted = "contradicted",
        /// The statement states no such figure, or in another unit.
        NotStated = "not-stated",
    }
}

impl Figure {
    /// Its unit; `None` for a score, which names its own.
    pub const fn unit(self) -> Option<Unit> {
        Some(match self {
            Figure::FlopIncremental | Figure::FlopCumulative | Figure::FlopDiscarded => Unit::Flop,
            Figure::Tokens => Unit::Tokens,
            Figure::ActiveParameters | Figure::TotalParameters => Unit::Parameters,
            Figure::Chips | Figure::ChipCount => Unit::Chips,
            Figure::ChipSeconds => Unit::ChipSeconds,
            Figure::Peak => Unit::FlopPerSecond,
            Figure::Utilisation | Figure::TensorPipe => Unit::Ppm,
            Figure::Joules => Unit::Joules,
            Figure::SamplesPlanned | Figure::SamplesCompleted => Unit::Count,
            Figure::Score => return None,
        })
    }

    /// Whether it is a list, of which `item` names one.
    pub const fn is_list(self) -> bool {
        matches!(self, Figure::Score | Figure::ChipCount)
    }

    /// Whether it counts what happened in a report's window; a peak and a number of parameters do not.
    pub const fn is_of_a_window(self) -> bool {
        !matches!(self, Figure::Peak | Figure::ActiveParameters | Figure::TotalParameters)
    }

    /// The kind of statement that states it.
    pub const fn kind(self) -> Kind {
        match self {
            Figure::SamplesPlanned | Figure::SamplesCompleted | Figure::Score => Kind::CapabilityEvaluation,
            Figure::ChipCount => Kind::ChipInventory,
            _ => Kind::TrainingCompute,
        }
    }

    /// The kinds whose figures another member can observe.
    pub const KINDS: &'static [Kind] = &[Kind::TrainingCompute, Kind::CapabilityEvaluation, Kind::ChipInventory];

    /// What a statement states: bounds and unit, or nothing where it is unknown or of another kind.
    pub fn stated(self, item: Option<u32>, predicate: &Predicate) -> Option<(Bounds, Unit)> {
        match predicate {
            Predicate::TrainingCompute(report) => Some((training(self, report)?, self.unit()?)),
            Predicate::CapabilityEvaluation(evaluation) => in_evaluation(self, item, evaluation),
            Predicate::ChipInventory(inventory) => Some((in_inventory(self, item, inventory)?, Unit::Chips)),
            _ => None,
        }
    }
}

fn training(figure: Figure, report: &TrainingCompute) -> Option<Bounds> {
    let (workload, hardware) = (report.workload.known(), report.hardware.known());
    Some(match figure {
        Figure::FlopIncremental => report.flop.incremental.into(),
        Figure::FlopCumulative => report.flop.cumulative.into(),
        Figure::FlopDiscarded => (*report.flop.discarded.known()?).into(),
        Figure::Tokens => Bounds::exact(workload?.tokens),
        Figure::ActiveParameters => Bounds::exact(workload?.active_parameters),
        Figure::TotalParameters => Bounds::exact(workload?.total_parameters),
        Figure::Chips => Bounds::exact(hardware?.chips),
        Figure::ChipSeconds => Bounds::exact(hardware?.chip_seconds),
        Figure::Peak => Bounds::exact(hardware?.peak_flop_per_second),
        Figure::Utilisation => hardware?.utilisation.into(),
        Figure::Joules => Bounds::exact(report.energy.known()?.joules.0),
        Figure::TensorPipe => report.activity.known()?.tensor_pipe.into(),
        Figure::SamplesPlanned | Figure::SamplesCompleted | Figure::Score | Figure::ChipCount => return None,
    })
}

fn in_evaluation(figure: Figure, item: Option<u32>, evaluation: &CapabilityEvaluation) -> Option<(Bounds, Unit)> {
    match figure {
        Figure::SamplesPlanned => Some((Bounds::exact(evaluation.samples.planned), Unit::Count)),
        Figure::SamplesCompleted => Some((Bounds::exact(evaluation.samples.completed), Unit::Count)),
        Figure::Score => {
            let score = evaluation.scores.get(usize::try_from(item?).ok()?)?;
            let Maybe::Known(value) = score.value else { return None };
            let bounds = Bounds { lower: i128::from(value), upper: i128::from(value) };
            Some((bounds, score.unit.into()))
        }
        _ => None,
    }
}

fn in_inventory(figure: Figure, item: Option<u32>, inventory: &ChipInventory) -> Option<Bounds> {
    let row = inventory.chips.get(usize::try_from(item?).ok()?)?;
    (figure == Figure::ChipCount).then(|| Bounds::exact(row.count))
}

impl Bounds {
    /// Both bounds the same. What exceeds every bound that can be written stays above it.
    fn exact(value: impl Into<u128>) -> Self {
        let value = i128::try_from(value.into()).unwrap_or(i128::MAX);
        Bounds { lower: value, upper: value }
    }

    /// Whether some value lies in both.
    pub const fn meets(self, other: Bounds) -> bool {
        self.lower <= other.upper && other.lower <= self.upper
    }

    /// Whether the width is more than this share of the larger bound, rounded down.
    pub fn is_wider_than(self, tolerance: Ppm) -> bool {
        let magnitude = self.lower.unsigned_abs().max(self.upper.unsigned_abs());
        let (whole, rest) = (magnitude / 1_000_000, magnitude % 1_000_000);
        let ppm = u128::from(tolerance.0);
        let allowed = whole.saturating_mul(ppm).saturating_add(rest.saturating_mul(ppm) / 1_000_000);
        self.upper.abs_diff(self.lower) > allowed
    }
}

impl From<Interval> for Bounds {
    fn from(Interval { lower: Flop(lower), upper: Flop(upper) }: Interval) -> Self {
        Bounds { lower: Bounds::exact(lower).lower, upper: Bounds::exact(upper).upper }
    }
}

impl From<PpmInterval> for Bounds {
    fn from(PpmInterval { lower: Ppm(lower), upper: Ppm(upper) }: PpmInterval) -> Self {
        Bounds { lower: i128::from(lower), upper: i128::from(upper) }
    }
}

impl From<ScoreUnit> for Unit {
    fn from(unit: ScoreUnit) -> Self {
        match unit {
            ScoreUnit::Ppm => Unit::Ppm,
            ScoreUnit::MicroUnits => Unit::MicroUnits,
            ScoreUnit::Milliseconds => Unit::Milliseconds,
            ScoreUnit::Count => Unit::Count,
        }
    }
}

impl Observation {
    /// What it says about a statement, for a treaty that lets observed intervals be as wide as `tolerance`.
    pub fn against(&self, predicate: &Predicate, tolerance: Ppm) -> Agreement {
        match self.figure.stated(self.item, predicate) {
            Some((stated, unit)) if unit == self.unit => self.of(stated, tolerance),
            _ => Agreement::NotStated,
        }
    }

    /// Whether the intervals meet and the observed one is narrow, given what the statement states of the figure: less than
    /// [`Observation::of`] asks, which looks at the basis and at the stated width too.
    pub fn compare(&self, stated: Option<(Bounds, Unit)>, tolerance: Ppm) -> Agreement {
        match stated {
            None => Agreement::NotStated,
            Some((_, unit)) if unit != self.unit => Agreement::NotStated,
            Some((stated, _)) if !self.observed.meets(stated) => Agreement::Contradicted,
            Some(_) if self.observed.is_wider_than(tolerance) => Agreement::NotContradicted,
            Some(_) => Agreement::Confirmed,
        }
    }

    /// What it says about bounds that are stated in its unit. It confirms them where the signer saw for himself, both
    /// intervals lie within one that is no wider than `tolerance`, and they share more than an end.
    pub fn of(&self, stated: Bounds, tolerance: Ppm) -> Agreement {
        let observed = self.observed;
        if !observed.meets(stated) {
            return Agreement::Contradicted;
        }
        let both = Bounds { lower: observed.lower.min(stated.lower), upper: observed.upper.max(stated.upper) };
        let ends = observed.lower == stated.upper || observed.upper == stated.lower;
        let touch = ends && observed.lower < observed.upper;
        match self.basis {
            Basis::Declared => Agreement::NotContradicted,
            _ if both.is_wider_than(tolerance) || observed.is_wider_than(tolerance) || touch => {
                Agreement::NotContradicted
            }
            _ => Agreement::Confirmed,
        }
    }

    /// The same, for what was observed in a window: of a figure that counts what happened in a report's window, an
    /// instrument that did not see all of it says nothing.
    pub fn within(&self, window: &Window, predicate: &Predicate, tolerance: Ppm) -> Agreement {
        let seen = match predicate {
            Predicate::TrainingCompute(report) if self.figure.is_of_a_window() => {
                window.start <= report.window.start && report.window.end <= window.end
            }
            Predicate::ChipInventory(inventory) => inventory.as_of <= window.end,
            _ => true,
        };
        match self.against(predicate, tolerance) {
            Agreement::NotStated => Agreement::NotStated,
            agreement if seen => agreement,
            _ => Agreement::NotContradicted,
        }
    }
}

/// Observations: in bounds, none twice, each in its figure's unit, and all of figures that the kind has.
pub(crate) fn check_observations(observations: &[Observation], kind: Kind, list: &str) -> Read<()> {
    check_count(observations.len(), limits::FIGURES, list)?;
    for (index, one) in observations.iter().enumerate() {
        check_observation(one, kind, &format!("{list}[{index}]"))?;
    }
    check_unique(observations.iter().map(|one| (one.figure, one.item)), list, |(figure, _)| figure.to_string())
}

fn check_observation(one: &Observation, kind: Kind, path: &str) -> Read<()> {
    let figure = one.figure;
    if figure.kind() != kind {
        let (figure, kind) = (figure.as_str(), kind.as_str());
        return Err(StatementError::FigureOfAnotherKind { path: path.to_owned(), figure, kind });
    }
    if one.item.is_some() != figure.is_list() || one.item.is_some_and(|item| item > MAX_ITEM) {
        return Err(StatementError::FigureItem { path: path.to_owned(), figure: figure.as_str() });
    }
    let is_score = ScoreUnit::from_word(one.unit.as_str()).is_some();
    if figure.unit().map_or(!is_score, |unit| unit != one.unit) {
        let (figure, unit) = (figure.as_str(), one.unit.as_str());
        return Err(StatementError::FigureUnit { path: path.to_owned(), figure, unit });
    }
    check_bounds(&one.observed, one.unit, &format!("{path}.observed"))
}

/// The largest index of a list that has figures.
const MAX_ITEM: u32 = 63;

fn check_bounds(bounds: &Bounds, unit: Unit, path: &str) -> Read<()> {
    let Bounds { lower, upper } = *bounds;
    if lower > upper {
        let (lower, upper) = (lower.to_string(), upper.to_string());
        return Err(StatementError::LowerAboveUpper { path: path.to_owned(), lower, upper });
    }
    if lower < -MAX || upper > MAX {
        return Err(StatementError::Overflow { path: path.to_owned() });
    }
    if lower < 0 && unit != Unit::MicroUnits {
        return Err(StatementError::Negative { path: path.to_owned(), found: lower, unit: unit.as_str() });
    }
    match unit {
        Unit::Ppm => check_ppm(Ppm(u64::try_from(upper).unwrap_or(u64::MAX)), path),
        _ => Ok(()),
    }
}

/// At least one observation.
pub(crate) fn check_some_observations(observations: &[Observation], kind: Kind, list: &str) -> Read<()> {
    check_some(observations.len(), limits::FIGURES, list)?;
    check_observations(observations, kind, list)
}

/// The group that evidence of observations backs: with the basis of the first that claims a source.
pub(crate) fn observed<'a>(observations: impl Iterator<Item = &'a Observation>) -> Vec<(FigureGroup, Basis)> {
    let mut bases: Vec<Basis> = observations.map(|one| one.basis).collect();
    bases.sort();
    bases.first().map(|basis| (FigureGroup::Figures, *basis)).into_iter().collect()
}

/// A kind whose figures can be observed.
pub(crate) fn observed_kind(field: Field<'_, '_>) -> Read<Kind> {
    let words: Vec<&str> = Figure::KINDS.iter().map(|kind| kind.as_str()).collect();
    field.word(&words, |word| Kind::from_name(word).filter(|kind| Figure::KINDS.contains(kind)))
}

pub(crate) fn observation(field: Field<'_, '_>) -> Read<Observation> {
    let mut object = field.object()?;
    let item = object.take_nullable("item")?.map(|field| field.whole(u64::from(MAX_ITEM))).transpose()?;
    let observation = Observation {
        figure: object.take("figure")?.word(Figure::WORDS, Figure::from_word)?,
        // At most 63.
        item: item.map(|item| u32::try_from(item).unwrap_or(u32::MAX)),
        unit: object.take("unit")?.word(Unit::WORDS, Unit::from_word)?,
        observed: bounds(object.take("observed")?)?,
        basis: basis(object.take("basis")?)?,
    };
    object.finish()?;
    Ok(observation)
}

fn bounds(field: Field<'_, '_>) -> Read<Bounds> {
    let mut object = field.object()?;
    let bounds =
        Bounds { lower: object.take("lower")?.signed_decimal()?, upper: object.take("upper")?.signed_decimal()? };
    object.finish()?;
    Ok(bounds)
}

pub(crate) fn observation_json(one: &Observation) -> Json {
    let observed = vec![("lower", Json::text(one.observed.lower)), ("upper", Json::text(one.observed.upper))];
    Json::Object(vec![
        ("figure", Json::text(one.figure)),
        ("item", one.item.map_or(Json::Null, |item| Json::Whole(u64::from(item)))),
        ("unit", Json::text(one.unit)),
        ("observed", Json::Object(observed)),
        ("basis", Json::text(one.basis)),
    ])
}
