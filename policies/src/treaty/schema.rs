//! What the parameters of the shipped clauses mean: their units, their defaults, and which way is stricter.
//!
//! ```
//! use standstill_policies::treaty::schema::{self, Unit};
//! let cap = schema::parameter("run-cap", "cap").unwrap();
//! assert_eq!((cap.unit, cap.default), (Unit::Flop, None));
//! ```

use standstill_protocol::hash::Hash;

use crate::parameters::{Parameters, Value};
use crate::shipped;
use crate::treaty::Span;

/// The unit of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Operations of one run.
    Flop,
    /// Operations of one lab in one period.
    FlopPerPeriod,
    /// A duration in milliseconds.
    Milliseconds,
    /// Parts per million a period.
    PpmPerPeriod,
    /// Reporting periods.
    Periods,
    /// A word that the clause knows.
    Word,
}

/// Which of two values is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stricter {
    /// The lower one.
    Lower,
    /// The lower one, of which zero stands for never.
    LowerButZero,
    /// The later word of this list.
    LaterWord(&'static [&'static str]),
    /// The higher rate where the schedule decays, the lower one where it grows.
    ByShape,
    /// It cannot be told from the parameter alone.
    Unclear,
}

/// One parameter of a shipped clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The clause's name in [`shipped::ALL`].
    pub clause: &'static str,
    /// The parameter.
    pub key: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// What the clause takes where the treaty says nothing, as the treaty would write it. `None`: it must be given, or
    /// its absence asks for nothing.
    pub default: Option<&'static str>,
    /// Which way is stricter.
    pub stricter: Stricter,
}

const fn row(
    clause: &'static str,
    key: &'static str,
    unit: Unit,
    default: Option<&'static str>,
    stricter: Stricter,
) -> Meaning {
    Meaning { clause, key, unit, default, stricter }
}

const GRADES: &[&str] = &["declared", "cross-checked", "countersigned", "attested", "replayed", "inspected"];
const LATE: &[&str] = &["undecided", "violated"];

/// Every parameter that a shipped clause reads.
pub const PARAMETERS: &[Meaning] = &[
    row("run-cap", "cap", Unit::Flop, None, Stricter::Lower),
    row("run-cap", "required_grade", Unit::Word, None, Stricter::LaterWord(GRADES)),
    row("run-cap", "grade_above", Unit::Flop, Some("0"), Stricter::Lower),
    row("reporting", "missing_violated_after", Unit::Periods, Some("3"), Stricter::LowerButZero),
    row("reporting", "late_tolerance", Unit::Milliseconds, Some("0"), Stricter::Lower),
    row("reporting", "late_verdict", Unit::Word, Some("undecided"), Stricter::LaterWord(LATE)),
    row("slowdown", "shape", Unit::Word, None, Stricter::Unclear),
    row("slowdown", "base", Unit::FlopPerPeriod, None, Stricter::Lower),
    row("slowdown", "rate_ppm", Unit::PpmPerPeriod, Some("0"), Stricter::ByShape),
];

/// The meaning of a parameter of a shipped clause.
pub fn parameter(clause: &str, key: &str) -> Option<&'static Meaning> {
    PARAMETERS.iter().find(|meaning| meaning.clause == clause && meaning.key == key)
}

/// The name under which a module ships.
pub fn shipped_name(module: &Hash) -> Option<&'static str> {
    let same = |(_, bytes): &(&'static str, &[u8])| Hash::sha256(bytes) == *module;
    shipped::ALL.into_iter().find(same).map(|(name, _)| name)
}

/// What a change does to those whom it binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// More is asked, or less is allowed.
    Stricter,
    /// Less is asked, or more is allowed.
    Looser,
    /// It cannot be told, or depends on who looks.
    Unclear,
}

impl Effect {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Effect::Stricter => "stricter",
            Effect::Looser => "looser",
            Effect::Unclear => "unclear",
        }
    }

    /// `Stricter` where the new value is lower.
    pub fn of_lower<T: PartialOrd>(before: &T, after: &T) -> Effect {
        match after.partial_cmp(before) {
            Some(std::cmp::Ordering::Less) => Effect::Stricter,
            Some(std::cmp::Ordering::Greater) => Effect::Looser,
            _ => Effect::Unclear,
        }
    }

    /// `Stricter` where the new value is higher.
    pub fn of_higher<T: PartialOrd>(before: &T, after: &T) -> Effect {
        Effect::of_lower(after, before)
    }
}

/// What the change of one parameter does, given all parameters before and after.
pub fn effect(clause: &str, key: &str, before: &Parameters, after: &Parameters) -> Effect {
    let Some(meaning) = parameter(clause, key) else { return Effect::Unclear };
    let value = |parameters: &Parameters| {
        parameters.values().get(key).cloned().or_else(|| meaning.default.and_then(default_value))
    };
    let (old, new) = (value(before), value(after));
    let numbers = || Some((number(old.as_ref()?)?, number(new.as_ref()?)?));
    let lower = || numbers().map_or(Effect::Unclear, |(old, new)| Effect::of_lower(&old, &new));
    match meaning.stricter {
        Stricter::Lower => lower(),
        Stricter::LowerButZero => {
            let never = |value: u128| if value == 0 { u128::MAX } else { value };
            numbers().map_or(Effect::Unclear, |(old, new)| Effect::of_lower(&never(old), &never(new)))
        }
        Stricter::LaterWord(words) => {
            let rank = |value: &Option<Value>| match value {
                None => Some(0),
                Some(Value::Text(word)) => words.iter().position(|known| known == word).map(|at| at + 1),
                Some(_) => None,
            };
            let ranks = rank(&old).zip(rank(&new));
            ranks.map_or(Effect::Unclear, |(old, new)| Effect::of_higher(&old, &new))
        }
        Stricter::ByShape => {
            let shape = |parameters: &Parameters| parameters.values().get("shape").cloned();
            let word = |shape: &str| Some(Value::Text(shape.to_owned()));
            match (shape(before), shape(after)) {
                (old, new) if old != new => Effect::Unclear,
                (old, _) if old == word("growing") => lower(),
                (old, _) if old == word("decaying") => {
                    numbers().map_or(Effect::Unclear, |(old, new)| Effect::of_higher(&old, &new))
                }
                _ => Effect::Unclear,
            }
        }
        Stricter::Unclear => Effect::Unclear,
    }
}

fn default_value(text: &'static str) -> Option<Value> {
    text.parse().ok().map(Value::Integer).or_else(|| Value::parse(text))
}

fn number(value: &Value) -> Option<u128> {
    match value {
        Value::Integer(value) => Some(u128::from(*value)),
        Value::Flop(flop) => Some(flop.0),
        Value::Text(_) => None,
    }
}

/// A value with its unit, for people: `1e25 FLOP`, `36h`, `19705 ppm a period (1.9705 %)`.
pub fn shown(clause: Option<&str>, key: &str, value: &Value) -> String {
    let unit = clause.and_then(|clause| parameter(clause, key)).map(|meaning| meaning.unit);
    match (value, unit) {
        (Value::Flop(flop), Some(Unit::FlopPerPeriod)) => format!("{} FLOP a period", flop.scientific()),
        (Value::Flop(flop), _) => format!("{} FLOP", flop.scientific()),
        (Value::Integer(value), Some(Unit::Milliseconds)) => Span(*value).to_string(),
        (Value::Integer(value), Some(Unit::PpmPerPeriod)) => format!("{} a period", percent(*value)),
        (Value::Integer(1), Some(Unit::Periods)) => "1 period".to_owned(),
        (Value::Integer(value), Some(Unit::Periods)) => format!("{value} periods"),
        (Value::Integer(value), _) if key.ends_with("_ppm") => percent(*value),
        (Value::Integer(value), _) => value.to_string(),
        (Value::Text(word), _) => format!("`{word}`"),
    }
}

/// Parts per million as per cent, exactly: `66.6666 %`.
pub(super) fn percent(ppm: u64) -> String {
    let fraction = format!("{:04}", ppm % 10_000);
    match fraction.trim_end_matches('0') {
        "" => format!("{} %", ppm / 10_000),
        fraction => format!("{}.{fraction} %", ppm / 10_000),
    }
}
