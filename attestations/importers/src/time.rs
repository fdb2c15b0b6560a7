//! Times as tools write them, `2025-05-12T20:28:13-04:00` or `2026-11-23T10:45:59.594670+00:00`, to UTC milliseconds.

use standstill_protocol::units::Timestamp;

/// A time, known to within `resolution_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Not after the time meant.
    pub(crate) earliest: Timestamp,
    /// How much later it may be: a second where the text has no fraction, else a millisecond.
    pub(crate) resolution_ms: u64,
}

impl Reading {
    /// Not before the time meant.
    pub(crate) fn latest(self) -> Timestamp {
        self.earliest.plus(self.resolution_ms)
    }
}

/// Parses RFC 3339 with any offset and any fraction. `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<Reading> {
    let (moment, offset_minutes) = split_offset(text)?;
    let (seconds, fraction) = moment.split_once('.').map_or((moment, None), |(s, f)| (s, Some(f)));
    let local = Timestamp::parse(&format!("{seconds}Z")).ok()?;
    let (millis, resolution_ms) = match fraction {
        None => (0, 1000),
        Some(digits) => (milliseconds(digits)?, 1),
    };
    let offset_ms = u64::from(offset_minutes.unsigned_abs()) * 60_000;
    let utc = if offset_minutes < 0 { local.0.checked_add(offset_ms) } else { local.0.checked_sub(offset_ms) }?;
    let earliest = Timestamp(utc.checked_add(millis)?);
    // Beyond year 9999 a statement cannot say it.
    (Timestamp::parse(&earliest.to_string()) == Ok(earliest)).then_some(Reading { earliest, resolution_ms })
}

/// The local time, and the minutes by which it is ahead of UTC.
fn split_offset(text: &str) -> Option<(&str, i32)> {
    if let Some(moment) = text.strip_suffix('Z') {
        return Some((moment, 0));
    }
    let at = text.len().checked_sub(6)?;
    let (moment, offset) = (text.get(..at)?, text.get(at..)?);
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let two = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours).filter(|h| *h < 24)?, two(minutes).filter(|m| *m < 60)?);
    let ahead = hours * 60 + minutes;
    match offset.as_bytes().first()? {
        b'+' => Some((moment, ahead)),
        b'-' => Some((moment, -ahead)),
        _ => None,
    }
}

/// The first three digits of a fraction of a second.
fn milliseconds(digits: &str) -> Option<u64> {
    if digits.is_empty() || digits.len() > 12 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let three: String = digits.chars().chain("00".chars()).take(3).collect();
    three.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_utc_and_seconds_stay_seconds_wide() {
        let reading = parse("2025-05-12T20:28:13-04:00").unwrap();
        assert_eq!(reading.earliest.to_string(), "2025-05-13T00:28:13Z");
        assert_eq!(reading.latest().to_string(), "2025-05-13T00:28:14Z");
        let reading = parse("2026-11-23T10:45:59.594670+05:30").unwrap();
        assert_eq!(reading.earliest.to_string(), "2026-11-23T05:15:59.594Z");
        assert_eq!(reading.resolution_ms, 1);
        assert_eq!(parse("2026-11-23T10:45:59.5Z").unwrap().earliest.to_string(), "2026-11-23T10:45:59.500Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "Z",
            "2025-05-12",
            "2025-05-12T20:28:13",
            "2025-05-12T20:28:13+4:00",
            "2025-05-12T20:28:13.+00:00",
            "1970-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "2025-13-12T20:28:13Z",
            "日本日本日本",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
