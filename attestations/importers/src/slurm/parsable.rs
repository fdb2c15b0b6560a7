//! `sacct -P` and `-p`: a line of column names, then one line for each job or step.

use std::collections::BTreeMap;

use standstill_protocol::units::Timestamp;

use super::rows::Rows;
use super::{Gpus, Job};
use crate::error::ImportError;
use crate::import::Options;
use crate::source::{FileDigest, Reading, Source};

/// Columns, at most: all that sacct knows, three times.
const MAX_COLUMNS: usize = 512;

/// Where each column stands.
struct Columns {
    places: BTreeMap<String, usize>,
    count: usize,
}

/// A line under its columns.
struct Line<'l> {
    file: &'l str,
    number: u64,
    columns: &'l Columns,
    fields: Vec<&'l str>,
}

pub(super) fn read(source: &Source<'_>, options: &Options, rows: &mut Rows) -> Result<FileDigest, ImportError> {
    let mut reading = source.read()?;
    let mut text = String::new();
    reading.next_line(&mut text)?;
    let columns = Columns::read(source.name(), &text)?;
    while next(&mut reading, &mut text)? {
        let line = Line::split(source.name(), reading.line(), &columns, &text)?;
        match line.job(options)? {
            Some(job) => rows.take(job, source.name(), options)?,
            None => rows.steps = rows.steps.saturating_add(1),
        }
    }
    reading.finish()
}

/// The next line, which must be a whole one.
fn next(reading: &mut Reading<'_>, text: &mut String) -> Result<bool, ImportError> {
    if !reading.next_line(text)? {
        return Ok(false);
    }
    if !reading.line_is_whole() {
        return Err(ImportError::CutOff { file: reading.name().to_owned(), line: reading.line() });
    }
    Ok(true)
}

impl Columns {
    fn read(file: &str, header: &str) -> Result<Self, ImportError> {
        let mut places = BTreeMap::new();
        let names: Vec<&str> = header.split('|').take(MAX_COLUMNS).collect();
        for (place, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if places.insert((*name).to_owned(), place).is_some() {
                return Err(ImportError::Repeated { file: file.to_owned(), field: (*name).chars().take(80).collect() });
            }
        }
        let columns = Columns { places, count: names.len() };
        let either = [
            ["JobIDRaw", "JobID"],
            ["Start", "Start"],
            ["End", "End"],
            ["ElapsedRaw", "Elapsed"],
            ["AllocTRES", "AllocTRES"],
        ];
        match either.iter().find(|names| !names.iter().any(|name| columns.places.contains_key(*name))) {
            Some([missing, _]) => Err(ImportError::Missing { file: file.to_owned(), field: (*missing).to_owned() }),
            None => Ok(columns),
        }
    }
}

impl<'l> Line<'l> {
    fn split(file: &'l str, number: u64, columns: &'l Columns, text: &'l str) -> Result<Self, ImportError> {
        let fields: Vec<&str> = text.split('|').take(MAX_COLUMNS).collect();
        let line = Line { file, number, columns, fields };
        if line.fields.len() != columns.count {
            return Err(line.bad("JobID", "a field holds `|`, or the line has other columns than the first"));
        }
        Ok(line)
    }

    fn get(&self, name: &str) -> Option<&'l str> {
        self.columns.places.get(name).and_then(|place| self.fields.get(*place)).copied()
    }

    fn bad(&self, field: &str, reason: &'static str) -> ImportError {
        ImportError::BadText { file: self.file.to_owned(), field: format!("{field}` of line `{}", self.number), reason }
    }

    /// The job; `None` for a step.
    fn job(&self, options: &Options) -> Result<Option<Job>, ImportError> {
        let raw = self.get("JobIDRaw").or(self.get("JobID")).unwrap_or_default();
        let id = self.get("JobID").unwrap_or(raw);
        if raw.contains('.') || id.contains('.') {
            return Ok(None);
        }
        if raw.contains(['_', '+']) {
            // Tasks of one array often start in the same second: by the array's number they would pass for one.
            return Err(
                self.bad("JobID", "a task of an array or a part of a job, which only `JobIDRaw` tells from others")
            );
        }
        let raw_id = raw.parse().map_err(|_| self.bad("JobIDRaw", "not a job id"))?;
        let (gpus, gpu_type) = self.gpus()?;
        Ok(Some(Job {
            id: id.to_owned(),
            raw_id,
            cluster: self.get("Cluster").unwrap_or_default().to_owned(),
            name: self.get("JobName").unwrap_or_default().to_owned(),
            start: self.time("Start", options)?,
            end: self.time("End", options)?,
            elapsed: self.elapsed()?,
            gpus,
            gpu_type,
        }))
    }

    /// `2026-11-23T10:50:12`, or seconds where `SLURM_TIME_FORMAT` is `%s`.
    fn time(&self, field: &'static str, options: &Options) -> Result<Option<u64>, ImportError> {
        let text = self.get(field).unwrap_or_default();
        if matches!(text, "" | "Unknown" | "None") {
            return Ok(None);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Some).map_err(|_| self.bad(field, "not a time"));
        }
        let local = Timestamp::parse(&format!("{text}Z")).map_err(|_| self.bad(field, "not a time"))?;
        let ahead = i64::from(options.utc_offset_minutes.unwrap_or(0)).saturating_mul(60);
        let seconds = i64::try_from(local.0 / 1000).ok().and_then(|seconds| seconds.checked_sub(ahead));
        seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Some).ok_or_else(|| self.bad(field, "before 1970"))
    }

    fn elapsed(&self) -> Result<u64, ImportError> {
        match (self.get("ElapsedRaw"), self.get("Elapsed")) {
            (Some(raw), _) => raw.parse().map_err(|_| self.bad("ElapsedRaw", "not a whole number of seconds")),
            (None, Some(text)) => {
                elapsed(text).ok_or_else(|| self.bad("Elapsed", "not `[days-]hours:minutes:seconds`"))
            }
            (None, None) => Err(self.bad("ElapsedRaw", "missing")),
        }
    }

    /// `billing=8,cpu=8,gres/gpu:h100=8,gres/gpu=8,mem=20000M,node=1`.
    fn gpus(&self) -> Result<(u64, Option<String>), ImportError> {
        let list = self.get("AllocTRES").unwrap_or_default();
        let mut gpus = Gpus::default();
        for entry in list.split(',').filter(|entry| !entry.is_empty()) {
            let (name, count) = entry.split_once('=').ok_or_else(|| self.bad("AllocTRES", "an entry without `=`"))?;
            let Some(name) = name.strip_prefix("gres/").filter(|name| name.starts_with("gpu")) else { continue };
            let count = count.parse().map_err(|_| self.bad("AllocTRES", "not a count of GPUs"))?;
            if !gpus.take(name, count) {
                return Err(self.bad("AllocTRES", "more GPUs than 32 bits count"));
            }
        }
        gpus.total().ok_or_else(|| self.bad("AllocTRES", "more typed GPUs than GPUs"))
    }
}

/// `1-02:03:04` in seconds.
fn elapsed(text: &str) -> Option<u64> {
    let (days, clock) = text.split_once('-').unwrap_or(("0", text));
    let mut seconds: u64 = days.parse().ok()?;
    seconds = seconds.checked_mul(24)?;
    let parts: Vec<&str> = clock.split(':').collect();
    let [hours, minutes, rest] = parts.as_slice() else { return None };
    let whole: u64 = rest.split('.').next()?.parse().ok()?;
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let sum = seconds.checked_add(hours)?.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?;
    sum.checked_add(whole).filter(|_| minutes < 60 && whole < 60)
}

#[cfg(test)]
mod tests {
    use super::elapsed;

    #[test]
    fn elapsed_times_are_read_with_days_and_without() {
        for (text, seconds) in [
            ("00:00:20", Some(20)),
            ("1-02:03:04", Some(93_784)),
            ("100:00:00", Some(360_000)),
            ("00:01:00.500", Some(60)),
            ("00:60:00", None),
            ("20", None),
            ("", None),
            ("99999999999999999999-00:00:00", None),
        ] {
            assert_eq!(elapsed(text), seconds, "{text}");
        }
    }
}
