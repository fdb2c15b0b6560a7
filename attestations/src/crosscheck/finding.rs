//! What a check finds: numbers, an outcome, a sentence.

use standstill_protocol::units::{Flop, Joule, Ppm};

use crate::accounting::{share, wide};
use crate::claim::{Interval, PpmInterval};
use crate::words;

words! {
    /// The checks, by the name that stands in tables, in JSON and in the specification.
    pub enum Check {
        /// The claim against chips x time x peak.
        ClaimBelowPeak = "claim-below-peak",
        /// The stated peak against the chip table.
        PeakOfChip = "peak-of-chip",
        /// The claim against 6 x active parameters x tokens.
        ClaimAgainst6nd = "claim-against-6nd",
        /// The claim against chips x time x peak x stated utilisation.
        ClaimAgainstChips = "claim-against-chips",
        /// The utilisation that the claim implies.
        Utilisation = "utilisation",
        /// Chip time against sessions x chips.
        ChipTimeInSessions = "chip-time-in-sessions",
        /// Chip time against the scheduler's.
        ChipTimeOfScheduler = "chip-time-of-scheduler",
        /// Energy against what the claim needs.
        EnergyForWork = "energy-for-work",
        /// Energy against what the chips can draw.
        EnergyForChips = "energy-for-chips",
        /// The claim against the tensor pipes' activity.
        TensorActivity = "tensor-activity",
        /// The cumulative figure against base models.
        BaseModelsApart = "base-models-apart",
        /// The cumulative figure against the last one and the increment.
        CumulativeContinues = "cumulative-continues",
        /// Later figures against earlier ones: without a correction, none falls.
        NotLowered = "not-lowered",
        /// Sessions against those of earlier reports of the run.
        SessionsOnce = "sessions-once",
        /// Chips in use at once against the chips registered.
        ChipsAtOnce = "chips-at-once",
        /// The work of a site's reports against the chips registered there.
        SiteCapacity = "site-capacity",
        /// The cumulative figure against the run's plan.
        FlopOfPlan = "flop-of-plan",
        /// Chips against the run's plan.
        ChipsOfPlan = "chips-of-plan",
        /// Sites and time against the run's plan.
        TimeOfPlan = "time-of-plan",
    }
}

words! {
    /// What a check came to.
    pub enum Outcome {
        /// The numbers fit.
        Agrees = "agrees",
        /// Possible, and worth a question.
        Remarkable = "remarkable",
        /// No number within the claim's bounds fits.
        Contradicts = "contradicts",
        /// Something is missing; the sentence says what.
        CannotTell = "cannot tell",
    }
}

words! {
    /// The unit of a finding's numbers.
    pub enum Unit {
        /// Operations.
        Flop = "FLOP",
        /// Operations a second.
        FlopPerSecond = "FLOP/s",
        /// Seconds, summed over chips.
        ChipSeconds = "chip-s",
        /// Seconds.
        Seconds = "s",
        /// Joules.
        Joules = "J",
        /// Chips.
        Chips = "chips",
        /// Parts per million: 1,000,000 is one.
        Ppm = "ppm",
    }
}

/// Numbers from a lower to an upper bound, both included; without an upper bound, anything from the lower one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// At least this much.
    pub lower: u128,
    /// At most this much.
    pub upper: Option<u128>,
    /// Of what.
    pub unit: Unit,
}

impl Range {
    /// One number.
    pub const fn exact(value: u128, unit: Unit) -> Self {
        Range { lower: value, upper: Some(value), unit }
    }

    /// From one number to another.
    pub const fn between(lower: u128, upper: u128, unit: Unit) -> Self {
        Range { lower, upper: Some(upper), unit }
    }

    /// From 0 on.
    pub const fn at_most(upper: u128, unit: Unit) -> Self {
        Range { lower: 0, upper: Some(upper), unit }
    }

    /// Without end.
    pub const fn at_least(lower: u128, unit: Unit) -> Self {
        Range { lower, upper: None, unit }
    }
}

impl From<Interval> for Range {
    fn from(interval: Interval) -> Self {
        Range::between(interval.lower.0, interval.upper.0, Unit::Flop)
    }
}

impl From<PpmInterval> for Range {
    fn from(interval: PpmInterval) -> Self {
        Range::between(interval.lower.0.into(), interval.upper.0.into(), Unit::Ppm)
    }
}

impl From<Joule> for Range {
    fn from(joule: Joule) -> Self {
        Range::exact(joule.0.into(), Unit::Joules)
    }
}

/// A number that the finding rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// What it is: `ceiling`, `factor`.
    pub name: &'static str,
    /// How much.
    pub value: u128,
    /// Of what.
    pub unit: Unit,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// What it came to.
    pub outcome: Outcome,
    /// What the report says; `None` where it says nothing.
    pub claimed: Option<Range>,
    /// What else is known says; `None` where nothing else is known.
    pub expected: Option<Range>,
    /// What else the finding rests on.
    pub numbers: Vec<Number>,
    /// The same for people: a sentence.
    pub sentence: String,
}

impl Finding {
    pub(super) fn new(check: Check, claimed: Range, expected: Range) -> Self {
        let (claimed, expected) = (Some(claimed), Some(expected));
        Finding { check, outcome: Outcome::Agrees, claimed, expected, numbers: Vec::new(), sentence: String::new() }
    }

    /// `why`, as every sentence here, begins in lower case and has no full stop.
    pub(super) fn cannot_tell(check: Check, why: impl AsRef<str>) -> Self {
        let finding = Finding {
            check,
            outcome: Outcome::Agrees,
            claimed: None,
            expected: None,
            numbers: Vec::new(),
            sentence: String::new(),
        };
        finding.is(Outcome::CannotTell, why)
    }

    pub(super) fn is(mut self, outcome: Outcome, sentence: impl AsRef<str>) -> Self {
        self.outcome = outcome;
        self.sentence = capitalised(sentence.as_ref());
        self
    }

    pub(super) fn agrees(self, sentence: impl AsRef<str>) -> Self {
        self.is(Outcome::Agrees, sentence)
    }

    pub(super) fn remarkable(self, sentence: impl AsRef<str>) -> Self {
        self.is(Outcome::Remarkable, sentence)
    }

    pub(super) fn contradicts(self, sentence: impl AsRef<str>) -> Self {
        self.is(Outcome::Contradicts, sentence)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<u128>, unit: Unit) -> Self {
        self.numbers.push(Number { name, value: value.into(), unit });
        self
    }

    /// `one / other` as a number named `factor`, in parts per million, rounded down; left out where `other` is 0.
    pub(super) fn with_factor(self, one: u128, other: u128) -> Self {
        match share(one, other) {
            Some(factor) => self.with("factor", factor.lower.0, Unit::Ppm),
            None => self,
        }
    }

    /// The number of that name.
    pub fn number(&self, name: &str) -> Option<u128> {
        self.numbers.iter().find(|number| number.name == name).map(|number| number.value)
    }
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let stop = if sentence.ends_with('?') { None } else { Some('.') };
    first.into_iter().chain(letters).chain(stop).collect()
}

/// A count for people, three digits: `1.19e24`.
pub(super) fn count(value: u128) -> String {
    Flop(value).scientific()
}

/// `one / other` for people: `2.65`, `18144`; `no end of` where `other` is 0.
pub(super) fn times(one: u128, other: u128) -> String {
    let Some(hundredths) = wide::mul_div_floor(one, 100, other) else { return "no end of".to_owned() };
    match hundredths {
        0..10_000 => format!("{}.{:02}", hundredths / 100, hundredths % 100),
        10_000..10_000_000 => (hundredths / 100).to_string(),
        _ => count(hundredths / 100),
    }
}

/// A ratio for people, one decimal of a percent, without its sign: `24.5`; nothing behind the point where it is 0.
pub(super) fn percent(ppm: Ppm) -> String {
    let tenths = ppm.0 / 1000;
    match (tenths / 10, tenths % 10) {
        (whole @ 10_000.., _) => count(whole.into()),
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}
