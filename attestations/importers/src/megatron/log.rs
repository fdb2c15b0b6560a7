//! Lines of a training log: `[rank 7]: iteration 12695/ 115311 | consumed samples: … | … | TFLOPs: 149.02 |`.

use standstill_attestations::claim::{EvidenceRole, Maybe};

use crate::contribution::{Contribution, HardwareFacts, WorkloadFacts};
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Options, count, evidence};
use crate::notes::Notes;
use crate::source::Source;

/// The name in evidence.
pub const FORMAT: &str = "megatron-log";

const FIELDS: [&str; 5] =
    ["consumed samples", "consumed tokens", "global batch size", "iteration", "number of skipped iterations"];
/// Restarts of one log, at most.
const MAX_RESTARTS: usize = 1 << 16;

/// Whether it is a training log: a line of an iteration, or what Megatron prints before the first.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    let text = head.text();
    let is_line = |line: &str| line.contains("iteration ") && line.contains("| consumed samples:");
    text.lines().any(is_line)
        || text.contains("using world size: ") && text.contains("tensor-model-parallel size")
        || text.contains("------------------------ arguments ------------------------")
            && text.contains("  world_size ...")
}

/// One iteration, as its line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Iteration {
    number: u64,
    planned: u64,
    samples: u64,
    tokens: Option<u64>,
    batch: u64,
}

/// What the lines add up to.
#[derive(Default)]
struct Lines {
    count: u64,
    first: Option<Iteration>,
    last: Option<Iteration>,
    /// The least step from one line to the next: how many iterations a line stands for.
    interval: Option<u64>,
    /// The last line before each restart, and the first after it.
    restarts: Vec<(Iteration, Iteration)>,
    world_size: Option<u64>,
    tflops: Option<String>,
}

/// One training log.
pub(crate) fn contribution(sources: &[Source<'_>], _: &Options) -> Result<Imported<Contribution>, ImportError> {
    let [source] = sources else { return Err(count(sources.len(), "one log")) };
    let mut reading = source.read()?;
    let (mut text, mut lines) = (String::new(), Lines::default());
    while reading.next_line(&mut text)? {
        let number = reading.line();
        let bad = |field: &str, reason| ImportError::BadText {
            file: source.name().to_owned(),
            field: format!("{field}` of line `{number}"),
            reason,
        };
        lines.world_size(&text);
        let Some(line) = iteration_part(&text) else { continue };
        if !reading.line_is_whole() && !text.trim_end().ends_with('|') {
            return Err(ImportError::CutOff { file: source.name().to_owned(), line: number });
        }
        let iteration = Iteration::read(line, bad)?;
        if lines.restarts.len() >= MAX_RESTARTS {
            return Err(ImportError::TooManyJobs { file: source.name().to_owned(), limit: MAX_RESTARTS });
        }
        lines.take(iteration).ok_or_else(|| bad("consumed samples", "fewer than the iteration before left"))?;
        lines.tflops = value(line, "TFLOPs").or(value(line, "throughput per GPU (TFLOP/s/GPU)")).map(str::to_owned);
    }
    let digest = reading.finish()?;
    let mut notes = Notes::new(source.name());
    let facts = lines.facts(&mut notes).ok_or_else(|| ImportError::NothingMatched {
        file: source.name().to_owned(),
        what: "no line of an iteration",
    })?;
    let version = Maybe::Unknown("the log does not hold it".to_owned());
    let file = evidence(digest, (EvidenceRole::TrainingLog, FORMAT), ("megatron-lm", version), &FIELDS);
    Ok(Imported { facts, evidence: vec![file], took: notes.took, left: notes.left })
}

/// From `iteration` on, where the line is about one.
fn iteration_part(text: &str) -> Option<&str> {
    let at = text.find("iteration ")?;
    let line = text.get(at..)?;
    line.contains("| consumed samples:").then_some(line)
}

/// The text after `name:` in its column.
fn value<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    line.split('|').find_map(|column| column.trim().strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

impl Iteration {
    fn read(line: &str, bad: impl Fn(&str, &'static str) -> ImportError) -> Result<Self, ImportError> {
        let whole = |field: &'static str, text: &str| text.trim().parse().map_err(|_| bad(field, "not a count"));
        let head = line.strip_prefix("iteration ").and_then(|rest| rest.split('|').next()).unwrap_or_default();
        let (number, planned) = head.split_once('/').ok_or_else(|| bad("iteration", "not `number/ planned`"))?;
        let required = |name: &'static str| value(line, name).ok_or_else(|| bad(name, "missing"));
        Ok(Iteration {
            number: whole("iteration", number)?,
            planned: whole("iteration", planned)?,
            samples: whole("consumed samples", required("consumed samples")?)?,
            tokens: value(line, "consumed tokens").map(|text| whole("consumed tokens", text)).transpose()?,
            batch: whole("global batch size", required("global batch size")?)?,
        })
    }
}

impl Iteration {
    /// Samples and tokens before the iterations that its line stands for.
    fn before(&self, interval: u64) -> (u64, Option<u64>) {
        let samples = self.samples.saturating_sub(self.batch.saturating_mul(interval));
        (samples, self.tokens.map(|tokens| scale(tokens, samples, self.samples)))
    }
}

impl Lines {
    /// `using world size: 32, data-parallel-size: 1, …`, or the list of arguments.
    fn world_size(&mut self, text: &str) {
        let digits = |rest: &str| {
            let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().ok()
        };
        let found = match text.split_once("using world size: ") {
            Some((_, rest)) => digits(rest),
            None => None,
        };
        self.world_size = self.world_size.max(found);
    }

    /// Takes an iteration; `None` where its counts contradict the one that it follows.
    fn take(&mut self, iteration: Iteration) -> Option<()> {
        self.count = self.count.saturating_add(1);
        self.first = self.first.or(Some(iteration));
        match self.last {
            // Trained again from an earlier checkpoint: what lies between was thrown away.
            Some(last) if iteration.number <= last.number => self.restarts.push((last, iteration)),
            Some(last) if iteration.samples < last.samples => return None,
            Some(last) => {
                let step = iteration.number.saturating_sub(last.number);
                self.interval = Some(self.interval.map_or(step, |least| least.min(step)));
            }
            None => {}
        }
        self.last = Some(iteration);
        Some(())
    }

    fn facts(self, notes: &mut Notes<'_>) -> Option<Contribution> {
        let (first, last) = (self.first?, self.last?);
        let interval = self.interval.unwrap_or(1);
        let after = last.tokens.zip(first.before(interval).1);
        let tokens = after.map(|(last, before)| u128::from(last.saturating_sub(before)));
        match tokens {
            Some(tokens) => {
                let text = format!("{tokens} tokens from iteration {} to {}", first.number, last.number);
                notes.take("consumed tokens", text);
            }
            None => notes.leave("consumed samples", "their length is not in the log, and no tokens are"),
        }
        let (mut samples, mut discarded, mut repeated) = (0u64, 0u128, 0u64);
        for (last, resumed) in &self.restarts {
            let kept = resumed.before(interval);
            samples = samples.saturating_add(last.samples.saturating_sub(kept.0));
            let lost = last.tokens.zip(kept.1).map_or(0, |(last, kept)| last.saturating_sub(kept));
            discarded = discarded.saturating_add(u128::from(lost));
            let again = last.number.saturating_sub(resumed.number).saturating_add(interval);
            repeated = repeated.saturating_add(again);
        }
        if !self.restarts.is_empty() {
            let text = format!(
                "{} restarts trained {repeated} iterations again: {samples} samples, {discarded} tokens thrown away",
                self.restarts.len(),
            );
            notes.take("iteration", text);
        }
        if let Some(tflops) = self.tflops.as_deref().filter(|text| Decimal::parse(text).is_some()) {
            let text = format!("{tflops}: may count recomputed activations, so it is not the model's own operations");
            notes.leave("TFLOPs", text);
        }
        notes.leave("elapsed time per iteration", "without a date: sessions come from the scheduler");
        Some(Contribution {
            workload: tokens.map(|tokens| WorkloadFacts {
                tokens: Some(tokens),
                discarded_tokens: Some(discarded),
                ..WorkloadFacts::default()
            }),
            hardware: self.world_size.map(|chips| HardwareFacts { chips: Some(chips), ..HardwareFacts::default() }),
            finished: Some(last.planned > 0 && last.number >= last.planned),
            ..Contribution::default()
        })
    }
}

/// `value x part / whole`, to the nearest.
fn scale(value: u64, part: u64, whole: u64) -> u64 {
    let (value, part, whole) = (u128::from(value), u128::from(part), u128::from(whole.max(1)));
    // Two 64-bit factors: within 128 bits.
    u64::try_from((value * part + whole / 2) / whole).unwrap_or(u64::MAX)
}
