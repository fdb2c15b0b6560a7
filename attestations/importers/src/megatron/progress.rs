//! `progress.txt`: one line when a job starts, one when it has saved a checkpoint.

use standstill_attestations::accounting;
use standstill_attestations::claim::{Basis, EvidenceRole, Interval, Maybe, Window};
use standstill_attestations::training::{CountingRule, Method, Session};
use standstill_protocol::units::{Flop, Timestamp};

use crate::contribution::{Contribution, FlopFacts, HardwareFacts};
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Options, count, evidence};
use crate::notes::Notes;
use crate::source::Source;

/// The name in evidence.
pub const FORMAT: &str = "megatron-progress";

const FIELDS: [&str; 5] = ["# GPUs", "Floating-point operations", "Iteration", "Job ID", "time"];

/// Whether it is a progress log.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    let line = head.first_line();
    line.contains("\tJob ID: ") && line.contains("\t# GPUs: ")
}

/// A line.
struct Entry<'l> {
    time: Timestamp,
    job: &'l str,
    gpus: u64,
    checkpoint: Option<Checkpoint>,
}

/// A saved checkpoint.
#[derive(Clone, Copy, Debug)]
struct Checkpoint {
    iteration: u64,
    flop: Interval,
}

/// What the lines add up to.
#[derive(Default)]
struct Progress {
    sessions: Vec<(String, Window)>,
    gpus: u64,
    /// Checkpoints on the way to the last one; a restart takes away those that it went behind.
    kept: Vec<Checkpoint>,
    /// The last checkpoint before the window.
    before: Option<Checkpoint>,
    discarded: Option<Interval>,
    restarts: u64,
}

/// One progress log.
pub(crate) fn contribution(sources: &[Source<'_>], options: &Options) -> Result<Imported<Contribution>, ImportError> {
    let [source] = sources else { return Err(count(sources.len(), "one progress.txt")) };
    let mut reading = source.read()?;
    let (mut text, mut progress) = (String::new(), Progress::default());
    while reading.next_line(&mut text)? {
        let line = reading.line();
        if !reading.line_is_whole() {
            return Err(ImportError::CutOff { file: source.name().to_owned(), line });
        }
        let bad = |field: &str, reason| ImportError::BadText {
            file: source.name().to_owned(),
            field: format!("{field}` of line `{line}"),
            reason,
        };
        if let Some(entry) = Entry::read(&text, options, bad)? {
            progress.take(entry, options).ok_or_else(|| bad("Floating-point operations", "less than thrown away"))?;
        }
    }
    let digest = reading.finish()?;
    let mut notes = Notes::new(source.name());
    let facts = progress.facts(&mut notes, options).ok_or_else(|| ImportError::NothingMatched {
        file: source.name().to_owned(),
        what: "no checkpoint was saved in the time asked for",
    })?;
    let version = Maybe::Unknown("progress.txt does not hold it".to_owned());
    let file = evidence(digest, (EvidenceRole::TrainingLog, FORMAT), ("megatron-lm", version), &FIELDS);
    Ok(Imported { facts, evidence: vec![file], took: notes.took, left: notes.left })
}

impl<'l> Entry<'l> {
    /// `None` for a line about something else, which ranks and extensions may write.
    fn read(
        text: &'l str,
        options: &Options,
        bad: impl Fn(&str, &'static str) -> ImportError,
    ) -> Result<Option<Self>, ImportError> {
        let mut fields = text.split('\t');
        let moment = fields.next().unwrap_or_default();
        let value = |name: &str| text.split('\t').find_map(|field| field.strip_prefix(name)?.strip_prefix(": "));
        let (Some(job), Some(gpus)) = (value("Job ID"), value("# GPUs")) else { return Ok(None) };
        let time = time(moment, options).ok_or_else(|| bad("time", "not `year-month-day hours:minutes:seconds`"))?;
        let gpus = gpus.parse().map_err(|_| bad("# GPUs", "not a count"))?;
        let checkpoint = match (value("Iteration"), value("Floating-point operations")) {
            (Some(iteration), Some(flop)) => Some(Checkpoint {
                iteration: iteration.parse().map_err(|_| bad("Iteration", "not a count"))?,
                flop: rounded(flop)
                    .ok_or_else(|| bad("Floating-point operations", "not a figure such as `4.44e+21`"))?,
            }),
            (Some(_), None) => return Err(bad("Floating-point operations", "missing")),
            (None, _) => None,
        };
        Ok(Some(Entry { time, job, gpus, checkpoint }))
    }
}

/// `2027-01-04 09:00:12`, in the zone of the options.
fn time(text: &str, options: &Options) -> Option<Timestamp> {
    let (day, clock) = text.split_once(' ')?;
    let local = Timestamp::parse(&format!("{day}T{clock}Z")).ok()?;
    let ahead = i64::from(options.utc_offset_minutes.unwrap_or(0)).checked_mul(60_000)?;
    let utc = i64::try_from(local.0).ok()?.checked_sub(ahead)?;
    u64::try_from(utc).ok().map(Timestamp)
}

/// `4.44e+21` as everything that is printed so.
fn rounded(text: &str) -> Option<Interval> {
    let (mantissa, exponent) = text.split_once('e')?;
    let (whole, fraction) = mantissa.split_once('.')?;
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 1 || fraction.len() != 2 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let exponent: u32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let value = Decimal::parse(&format!("{whole}.{fraction}e{exponent}"))?.whole()?;
    let half = match exponent.checked_sub(3) {
        Some(places) => 5u128.checked_mul(10u128.checked_pow(places)?)?,
        None => 0,
    };
    Some(Interval { lower: Flop(value.saturating_sub(half)), upper: Flop(value.checked_add(half)?) })
}

impl Progress {
    /// Takes a line; `None` where the sums pass 128 bits.
    fn take(&mut self, entry: Entry<'_>, options: &Options) -> Option<()> {
        let inside = options.window.is_none_or(|window| entry.time >= window.start && entry.time <= window.end);
        let wanted = options.jobs.is_empty() || options.jobs.iter().any(|job| job == entry.job);
        if !inside || !wanted {
            let early = options.window.is_some_and(|window| entry.time < window.start) || !wanted;
            if let Some(checkpoint) = entry.checkpoint.filter(|_| early && self.kept.is_empty()) {
                self.before = Some(checkpoint);
            }
            return Some(());
        }
        self.gpus = self.gpus.max(entry.gpus);
        match self.sessions.last_mut() {
            Some((_, window)) if entry.checkpoint.is_some() => window.end = window.end.max(entry.time),
            _ => self.sessions.push((entry.job.to_owned(), Window { start: entry.time, end: entry.time })),
        }
        match entry.checkpoint {
            Some(checkpoint) => self.saved(checkpoint),
            None => Some(()),
        }
    }

    /// A checkpoint at an iteration that was passed before: those after it were thrown away.
    fn saved(&mut self, checkpoint: Checkpoint) -> Option<()> {
        let last = self.kept.last().copied();
        if let Some(last) = last.filter(|last| checkpoint.iteration <= last.iteration) {
            self.kept.retain(|kept| kept.iteration < checkpoint.iteration);
            let resumed = self.kept.last().or(self.before.as_ref()).map_or(Interval::exact(Flop(0)), |kept| kept.flop);
            // At least what lies beyond the new checkpoint; at most all since the one that it may have resumed from.
            let lost = Interval {
                lower: Flop(last.flop.lower.0.saturating_sub(checkpoint.flop.upper.0)),
                upper: Flop(last.flop.upper.0.saturating_sub(resumed.lower.0)),
            };
            self.discarded = Some(self.discarded.unwrap_or(Interval::exact(Flop(0))).checked_add(lost)?);
            self.restarts = self.restarts.saturating_add(1);
        }
        self.kept.push(checkpoint);
        Some(())
    }

    fn facts(self, notes: &mut Notes<'_>, options: &Options) -> Option<Contribution> {
        let last = self.kept.last()?;
        let before = self.before.map_or(Interval::exact(Flop(0)), |before| before.flop);
        let incremental = accounting::difference(last.flop, before)?;
        let shown = incremental.upper.scientific();
        notes.take(
            "Floating-point operations",
            format!("{shown} FLOP up to iteration {}, in three digits", last.iteration),
        );
        if let Some(before) = self.before {
            notes.take("Floating-point operations", format!("counted from iteration {}", before.iteration));
        }
        if let Some(discarded) = self.discarded {
            let (lower, upper) = (discarded.lower.scientific(), discarded.upper.scientific());
            let text =
                format!("{} restarts behind a saved checkpoint threw away {lower} to {upper} FLOP", self.restarts);
            notes.take("Iteration", text);
        }
        notes.take("# GPUs", format!("at most {}", self.gpus));
        notes.leave("Tokens (in billions)", "rounded to ten million: a statement holds a count");
        notes.leave("Job throughput", "an average of the job, saving included");
        notes.leave("Floating-point operations", "what ran after the last checkpoint of a job was not counted by it");
        if options.utc_offset_minutes.is_none() {
            notes.leave("time", "has no zone: read as UTC");
        }
        let ran = self.sessions.into_iter().filter(|(_, window)| window.end > window.start);
        Some(Contribution {
            flop: Some(FlopFacts {
                incremental,
                cumulative: Some(last.flop),
                discarded: self.discarded,
                method: Method::FrameworkCounter,
                counting_rule: CountingRule::ModelFlop,
                basis: Basis::Computed,
            }),
            sessions: ran
                .map(|(_, window)| Session {
                    window,
                    resumed_from: Maybe::Unknown("progress.txt does not name the checkpoint's digest".to_owned()),
                    chips: Maybe::Unknown("progress.txt counts chips of the whole run".to_owned()),
                })
                .collect(),
            hardware: Some(HardwareFacts { chips: Some(self.gpus), ..HardwareFacts::default() }),
            ..Contribution::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_an_interval() {
        let interval = rounded("4.44e+21").unwrap();
        assert_eq!(interval.lower.0, 4_435_000_000_000_000_000_000);
        assert_eq!(interval.upper.0, 4_445_000_000_000_000_000_000);
        assert_eq!(rounded("0.00e+00").unwrap(), Interval::exact(Flop(0)));
        for text in ["", "4.4e21", "44.4e+21", "nan", "4.44e+99", "4.44e-01", "-4.44e+21"] {
            assert_eq!(rounded(text), None, "{text}");
        }
    }
}
