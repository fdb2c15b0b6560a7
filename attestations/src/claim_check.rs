//! Checks of the parts that kinds share. They hold for parsed statements and for those built in memory alike.

use std::collections::BTreeSet;

use standstill_protocol::units::{Ppm, Timestamp};

use crate::claim::{Basis, Evidence, FigureGroup, Interval, Maybe, PpmInterval, Window};
use crate::error::StatementError;
use crate::limits;
use crate::reader::{MAX_SAFE_INTEGER, Read, check_text, shorten};
use crate::statement::Common;

/// The last millisecond of year 9999.
const MAX_TIME: Timestamp = Timestamp(253_402_300_799_999);

pub(crate) fn check_time(time: Timestamp, path: &str) -> Read<()> {
    if time > MAX_TIME { Err(StatementError::TimeOutOfRange { path: path.to_owned() }) } else { Ok(()) }
}

pub(crate) fn check_window(window: &Window, path: &str) -> Read<()> {
    check_time(window.start, path)?;
    check_time(window.end, path)?;
    if window.end <= window.start {
        let (start, end) = (window.start.to_string(), window.end.to_string());
        return Err(StatementError::EndBeforeStart { path: path.to_owned(), start, end });
    }
    Ok(())
}

/// What is told cannot lie after the telling.
pub(crate) fn check_before_issue(time: Timestamp, common: &Common, path: &str) -> Read<()> {
    check_time(time, path)?;
    if time > common.issued_at {
        let (time, issued) = (time.to_string(), common.issued_at.to_string());
        return Err(StatementError::TimeAfterIssue { path: path.to_owned(), time, issued });
    }
    Ok(())
}

pub(crate) fn check_issued_after(window: &Window, common: &Common) -> Read<()> {
    if common.issued_at < window.end {
        let (issued, end) = (common.issued_at.to_string(), window.end.to_string());
        return Err(StatementError::IssuedBeforeEnd { issued, end });
    }
    Ok(())
}

pub(crate) fn check_interval(interval: &Interval, path: &str) -> Read<()> {
    if interval.lower > interval.upper {
        let (lower, upper) = (interval.lower.to_string(), interval.upper.to_string());
        return Err(StatementError::LowerAboveUpper { path: path.to_owned(), lower, upper });
    }
    Ok(())
}

pub(crate) fn check_ppm(ppm: Ppm, path: &str) -> Read<()> {
    if ppm > Ppm::ONE {
        return Err(StatementError::PpmAboveOne { path: path.to_owned(), found: ppm.0 });
    }
    Ok(())
}

pub(crate) fn check_ppm_interval(interval: &PpmInterval, path: &str) -> Read<()> {
    check_ppm(interval.lower, path)?;
    check_ppm(interval.upper, path)?;
    if interval.lower > interval.upper {
        let (lower, upper) = (interval.lower.0.to_string(), interval.upper.0.to_string());
        return Err(StatementError::LowerAboveUpper { path: path.to_owned(), lower, upper });
    }
    Ok(())
}

pub(crate) fn check_whole(value: u64, limit: u64, path: &str) -> Read<()> {
    if value > limit {
        return Err(StatementError::OutOfRange { path: path.to_owned(), found: value, limit });
    }
    Ok(())
}

/// Between one byte and `limit`.
pub(crate) fn check_bytes(bytes: &[u8], limit: usize, path: &str) -> Read<()> {
    match bytes.len() {
        0 => Err(StatementError::EmptyText { path: path.to_owned() }),
        length if length > limit => Err(StatementError::TextTooLong { path: path.to_owned(), length, limit }),
        _ => Ok(()),
    }
}

pub(crate) fn check_label(text: &str, path: &str) -> Read<()> {
    check_text(text, limits::LABEL, || path.to_owned())
}

/// The reason of an unknown value, or the value itself.
pub(crate) fn check_maybe<T>(value: &Maybe<T>, path: &str, check: impl FnOnce(&T) -> Read<()>) -> Read<()> {
    match value {
        Maybe::Known(value) => check(value),
        Maybe::Unknown(reason) if reason.is_empty() => {
            Err(StatementError::UnknownWithoutReason { path: path.to_owned() })
        }
        Maybe::Unknown(reason) => check_text(reason, limits::REASON, || format!("{path}Unknown")),
    }
}

pub(crate) fn check_count(count: usize, limit: usize, path: &str) -> Read<()> {
    if count > limit {
        return Err(StatementError::TooManyItems { path: path.to_owned(), count, limit });
    }
    Ok(())
}

/// Between one and `limit`.
pub(crate) fn check_some(count: usize, limit: usize, path: &str) -> Read<()> {
    if count == 0 {
        return Err(StatementError::TooFewItems { path: path.to_owned() });
    }
    check_count(count, limit, path)
}

/// No two the same.
pub(crate) fn check_unique<T: Ord>(
    items: impl IntoIterator<Item = T>,
    path: &str,
    show: impl Fn(&T) -> String,
) -> Read<()> {
    let mut seen = BTreeSet::new();
    for item in items {
        let shown = show(&item);
        if !seen.insert(item) {
            return Err(StatementError::Repeated { path: path.to_owned(), found: shorten(&shown) });
        }
    }
    Ok(())
}

/// Strictly ascending.
pub(crate) fn check_sorted<'a>(items: impl Iterator<Item = &'a str>, path: &str) -> Read<()> {
    let mut previous: Option<&str> = None;
    for item in items {
        if previous.is_some_and(|previous| previous == item) {
            return Err(StatementError::Repeated { path: path.to_owned(), found: shorten(item) });
        }
        if previous.is_some_and(|previous| previous > item) {
            return Err(StatementError::NotSorted { path: path.to_owned(), found: shorten(item) });
        }
        previous = Some(item);
    }
    Ok(())
}

/// Evidence is bounded, named, listed once, and backs every figure whose basis is more than `declared`.
pub(crate) fn check_evidence(evidence: &[Evidence], figures: &[(FigureGroup, Basis)]) -> Read<()> {
    let list = "predicate.evidence";
    let sourced = || figures.iter().filter(|(_, basis)| *basis != Basis::Declared);
    if let (true, Some((_, basis))) = (evidence.is_empty(), sourced().next()) {
        return Err(StatementError::EvidenceMissing { basis: basis.as_str() });
    }
    check_count(evidence.len(), limits::EVIDENCE, list)?;
    for (index, one) in evidence.iter().enumerate() {
        let path = |field: &str| format!("{list}[{index}].{field}");
        check_label(&one.tool, &path("tool"))?;
        check_maybe(&one.tool_version, &path("toolVersion"), |version| check_label(version, &path("toolVersion")))?;
        check_label(&one.format, &path("format"))?;
        check_whole(one.size_bytes, MAX_SAFE_INTEGER, &path("sizeBytes"))?;
        if one.size_bytes == 0 {
            return Err(StatementError::Zero { path: path("sizeBytes") });
        }
        let fields = path("importedFields");
        check_some(one.imported_fields.len(), limits::IMPORTED_FIELDS, &fields)?;
        for field in &one.imported_fields {
            check_label(field, &fields)?;
        }
        check_sorted(one.imported_fields.iter().map(String::as_str), &fields)?;
        check_backs(one, figures, &path("backs"))?;
    }
    check_unique(evidence.iter().map(|one| one.sha256), list, ToString::to_string)?;
    let unbacked = sourced().find(|(group, _)| !evidence.iter().any(|one| one.backs.contains(group)));
    match unbacked {
        None => Ok(()),
        Some((group, basis)) => Err(StatementError::FigureNotBacked { figure: group.as_str(), basis: basis.as_str() }),
    }
}

fn check_backs(evidence: &Evidence, figures: &[(FigureGroup, Basis)], path: &str) -> Read<()> {
    check_sorted(evidence.backs.iter().map(|group| group.as_str()), path)?;
    match evidence.backs.iter().find(|group| !figures.iter().any(|(known, _)| known == *group)) {
        None => Ok(()),
        Some(group) => Err(StatementError::BacksNothing { path: path.to_owned(), figure: group.as_str() }),
    }
}
