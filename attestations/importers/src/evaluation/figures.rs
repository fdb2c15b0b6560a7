//! Figures of an evaluation as a statement states them: proportions in parts per million, all else in millionths.
//!
//! A figure is rounded to the nearest, its standard error up, an interval outward. What is no number stays unknown with
//! the word that stands there.

use standstill_attestations::claim::Maybe;
use standstill_attestations::evaluation::{Score, ScoreUnit, Spread, Uncertainty};
use standstill_attestations::limits;

use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::notes::Notes;
use crate::tolerant::{Node, Number};

const MILLION: u64 = 1_000_000;

/// A proportion, from 0 to 1; `None`, with a note, where it is none.
pub(crate) fn proportion(node: &Node<'_>, notes: &mut Notes<'_>) -> Result<Option<Maybe<i64>>, ImportError> {
    let Some((decimal, text)) = number(node)? else { return Ok(Some(Maybe::Unknown(says(node)))) };
    let ppm = decimal.ppm_nearest().filter(|ppm| *ppm <= MILLION).and_then(|ppm| i64::try_from(ppm).ok());
    if ppm.is_none() {
        notes.leave(node.path(), format!("{text} is not between 0 and 1"));
    }
    Ok(ppm.map(Maybe::Known))
}

/// A figure of any size, in millionths; `None`, with a note, where it is larger than a statement can state.
pub(crate) fn millionths(node: &Node<'_>, notes: &mut Notes<'_>) -> Result<Option<Maybe<i64>>, ImportError> {
    let Some((decimal, text)) = number(node)? else { return Ok(Some(Maybe::Unknown(says(node)))) };
    let value = decimal.millionths_nearest().filter(|value| value.unsigned_abs() <= LARGEST);
    if value.is_none() {
        notes.leave(node.path(), format!("{text} is more than a statement can state"));
    }
    Ok(value.map(Maybe::Known))
}

/// The largest whole number that a statement states.
pub(crate) const LARGEST: u64 = 9_007_199_254_740_991;

/// A standard error in the unit of its score.
pub(crate) fn standard_error(
    node: Option<&Node<'_>>,
    unit: ScoreUnit,
    method: Maybe<String>,
) -> Result<Maybe<Uncertainty>, ImportError> {
    let Some(node) = node else { return Ok(Maybe::Unknown("the file holds no standard error".to_owned())) };
    let Some((decimal, text)) = number(node)? else { return Ok(Maybe::Unknown(says(node))) };
    let most = if unit == ScoreUnit::Ppm { MILLION } else { LARGEST };
    Ok(match decimal.ppm_up().filter(|error| *error <= most) {
        Some(error) => Maybe::Known(Uncertainty { spread: Spread::StandardError(error), method }),
        None => Maybe::Unknown(format!("the file says {text}, which cannot be one")),
    })
}

/// A finite number with its text; `None` for null, and for the words that stand where there is none.
pub(crate) fn number<'a>(node: &Node<'a>) -> Result<Option<(Decimal, &'a str)>, ImportError> {
    if node.is_null() || NO_NUMBERS.contains(&node.raw()) {
        return Ok(None);
    }
    Ok(match node.number()? {
        Number::Finite(decimal, text) => Some((decimal, text)),
        Number::NotFinite(_) => None,
    })
}

/// What tools write as text where they have no number.
const NO_NUMBERS: [&str; 5] = ["\"N/A\"", "\"NaN\"", "\"nan\"", "\"inf\"", "\"-inf\""];

fn says(node: &Node<'_>) -> String {
    let text: String = node.raw().chars().filter(|character| !character.is_control()).take(40).collect();
    format!("the file says {text}")
}

/// As many scores as a statement holds, the first of each; none is an error.
pub(crate) fn bounded(mut scores: Vec<Score>, field: &str, notes: &mut Notes<'_>) -> Result<Vec<Score>, ImportError> {
    let mut kept: Vec<Score> = Vec::new();
    for (index, score) in scores.drain(..).enumerate() {
        let same = |other: &&Score| {
            (&other.scorer, &other.reducer, &other.metric) == (&score.scorer, &score.reducer, &score.metric)
        };
        if kept.iter().any(|other| same(&other)) {
            notes.leave(field, format!("score {}: a second `{}` of `{}`", index + 1, score.metric, score.scorer));
        } else if kept.len() == limits::SCORES {
            notes.leave(field, format!("scores after the first {}", limits::SCORES));
            break;
        } else {
            kept.push(score);
        }
    }
    if kept.is_empty() {
        return Err(ImportError::NoScores { file: notes.file.to_owned() });
    }
    Ok(kept)
}

/// `part` of `whole` in parts per million, to the nearest.
pub(crate) fn share(part: u64, whole: u64) -> Option<i64> {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let ppm = (part * u128::from(MILLION) + whole / 2).checked_div(whole)?;
    i64::try_from(ppm).ok()
}
