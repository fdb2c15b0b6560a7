//! Runs of jobs as they come, 24 bytes each, and what they add up to.

use std::collections::BTreeMap;

use standstill_attestations::claim::{Maybe, Window};
use standstill_attestations::limits;
use standstill_attestations::training::Session;
use standstill_protocol::units::Timestamp;

use super::Job;
use crate::error::ImportError;
use crate::import::Options;

/// Job runs of one import, at most: 96 MiB.
pub(crate) const MAX_RUNS: usize = 4 << 20;
/// Clusters and types of GPU, at most.
const MAX_WORDS: usize = 1 << 10;

/// A run: seconds since 1970 fit 32 bits until 2106.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    job: u32,
    start: u32,
    cluster: u16,
    kind: u16,
    gpus: u32,
    elapsed: u32,
    end: u32,
}

/// What has been read so far.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    runs: Vec<Run>,
    words: BTreeMap<String, u16>,
    /// Steps passed over.
    pub(crate) steps: u64,
    other: u64,
    idle: u64,
    running: u64,
}

/// What it adds up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) sessions: Vec<Session>,
    pub(crate) chip_seconds: u64,
    pub(crate) chips: u64,
    pub(crate) gpu_type: Option<String>,
    pub(crate) several_types: bool,
    pub(crate) runs: u64,
    pub(crate) restarts: u64,
    pub(crate) repeated: u64,
    pub(crate) outside: u64,
    pub(crate) without_gpu: u64,
    pub(crate) joined: u64,
    pub(crate) steps: u64,
    pub(crate) other: u64,
    pub(crate) idle: u64,
    pub(crate) running: u64,
}

impl Rows {
    /// Takes one run of a job.
    pub(crate) fn take(&mut self, job: Job, file: &str, options: &Options) -> Result<(), ImportError> {
        if !job.wanted(options) {
            self.other = self.other.saturating_add(1);
            return Ok(());
        }
        let (Some(start), true) = (job.start.filter(|start| *start > 0), job.elapsed > 0) else {
            self.idle = self.idle.saturating_add(1);
            return Ok(());
        };
        self.running = self.running.saturating_add(u64::from(job.end.is_none()));
        // What ran longer than from its start to its end ended later: nothing is counted short.
        let end = job.end.unwrap_or(0).max(start.saturating_add(job.elapsed));
        let narrow = |value: u64, field: &str| {
            u32::try_from(value).map_err(|_| ImportError::BadNumber {
                file: file.to_owned(),
                field: format!("{field} of job {}", job.id),
                found: value.to_string(),
                reason: "beyond 32 bits",
            })
        };
        let run = Run {
            job: job.raw_id,
            start: narrow(start, "Start")?,
            cluster: self.word(&job.cluster, file)?,
            kind: self.word(job.gpu_type.as_deref().unwrap_or_default(), file)?,
            gpus: narrow(job.gpus, "AllocTRES")?,
            elapsed: narrow(job.elapsed, "ElapsedRaw")?,
            end: narrow(end, "End")?,
        };
        if self.runs.len() >= MAX_RUNS {
            return Err(ImportError::TooManyJobs { file: file.to_owned(), limit: MAX_RUNS });
        }
        self.runs.push(run);
        Ok(())
    }

    fn word(&mut self, word: &str, file: &str) -> Result<u16, ImportError> {
        if let Some(index) = self.words.get(word) {
            return Ok(*index);
        }
        let index = u16::try_from(self.words.len()).ok().filter(|index| usize::from(*index) < MAX_WORDS);
        let index = index.ok_or_else(|| ImportError::TooManyJobs { file: file.to_owned(), limit: MAX_WORDS })?;
        self.words.insert(word.chars().take(limits::LABEL).collect(), index);
        Ok(index)
    }

    /// Sums, each run once; `None` where there is none within the window.
    pub(crate) fn totals(mut self, window: Option<Window>) -> Option<Totals> {
        let mut totals = Totals {
            steps: self.steps,
            other: self.other,
            idle: self.idle,
            running: self.running,
            ..Totals::default()
        };
        // The longest of the rows about one run comes first.
        self.runs.sort_unstable_by_key(|run| (run.cluster, run.job, run.start, std::cmp::Reverse(run.elapsed)));
        let before = self.runs.len();
        self.runs.dedup_by_key(|run| (run.cluster, run.job, run.start));
        totals.repeated = difference(before, self.runs.len());
        let before = self.runs.len();
        if let Some(window) = window {
            self.runs.retain_mut(|run| clip(run, window));
        }
        totals.outside = difference(before, self.runs.len());
        let restarts = self
            .runs
            .windows(2)
            .filter(|pair| matches!(pair, [one, two] if (one.cluster, one.job) == (two.cluster, two.job)));
        totals.restarts = u64::try_from(restarts.count()).unwrap_or(u64::MAX);
        let with_gpus = self.runs.iter().filter(|run| run.gpus > 0).count();
        if with_gpus > 0 {
            totals.without_gpu = difference(self.runs.len(), with_gpus);
            self.runs.retain(|run| run.gpus > 0);
        }
        totals.runs = u64::try_from(self.runs.len()).unwrap_or(u64::MAX);
        // At most 2^22 runs of 2^32 GPUs for 2^32 seconds: the sum of products may pass 64 bits, and then is cut off.
        totals.chip_seconds = self
            .runs
            .iter()
            .fold(0u64, |sum, run| sum.saturating_add(u64::from(run.gpus).saturating_mul(u64::from(run.elapsed))));
        self.name_type(&mut totals);
        totals.chips = at_once(&self.runs);
        (totals.sessions, totals.joined) = sessions(self.runs);
        (!totals.sessions.is_empty()).then_some(totals)
    }

    fn name_type(&self, totals: &mut Totals) {
        let mut kinds: Vec<u16> = self.runs.iter().map(|run| run.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let name = |kind: &u16| self.words.iter().find(|(_, index)| *index == kind).map(|(word, _)| word.clone());
        let mut names: Vec<String> = kinds.iter().filter_map(name).filter(|name| !name.is_empty()).collect();
        totals.several_types = names.len() > 1 || names.iter().any(|name| name == "several");
        totals.gpu_type = names.pop().filter(|_| !totals.several_types);
    }
}

fn difference(before: usize, after: usize) -> u64 {
    u64::try_from(before.saturating_sub(after)).unwrap_or(u64::MAX)
}

/// Cuts a run to the window; false where nothing is left of it.
fn clip(run: &mut Run, window: Window) -> bool {
    let seconds = |time: Timestamp| u32::try_from(time.0 / 1000).unwrap_or(u32::MAX);
    let (from, to) = (seconds(window.start), seconds(window.end));
    let cut = run.start < from || run.end > to;
    (run.start, run.end) = (run.start.max(from), run.end.min(to));
    if run.start >= run.end {
        return false;
    }
    if cut {
        // Which part of it was suspended is not known: at most all that is left ran.
        run.elapsed = run.elapsed.min(run.end - run.start);
    }
    true
}

/// GPUs held at once, at most.
fn at_once(runs: &[Run]) -> u64 {
    let mut starts: Vec<(u32, u32)> = runs.iter().map(|run| (run.start, run.gpus)).collect();
    let mut ends: Vec<(u32, u32)> = runs.iter().map(|run| (run.end, run.gpus)).collect();
    starts.sort_unstable();
    ends.sort_unstable();
    let (mut held, mut most) = (0u64, 0u64);
    let mut ends = ends.into_iter().peekable();
    for (start, gpus) in starts {
        while let Some((_, freed)) = ends.next_if(|(end, _)| *end <= start) {
            held = held.saturating_sub(u64::from(freed));
        }
        held = held.saturating_add(u64::from(gpus));
        most = most.max(held);
    }
    most
}

/// The times in which any job ran, joined over the shortest gaps until a statement holds them; and how many were.
fn sessions(mut runs: Vec<Run>) -> (Vec<Session>, u64) {
    runs.sort_unstable_by_key(|run| run.start);
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for run in &runs {
        match spans.last_mut() {
            Some((_, end)) if run.start <= *end => *end = run.end.max(*end),
            _ => spans.push((run.start, run.end)),
        }
    }
    let mut gaps: Vec<(u32, usize)> = spans
        .windows(2)
        .enumerate()
        .filter_map(|(index, pair)| match pair {
            [one, two] => Some((two.0.saturating_sub(one.1), index.saturating_add(1))),
            _ => None,
        })
        .collect();
    gaps.sort_unstable_by(|one, two| two.cmp(one));
    let joined = gaps.len().saturating_sub(limits::SESSIONS.saturating_sub(1));
    gaps.truncate(limits::SESSIONS.saturating_sub(1));
    let mut kept: Vec<usize> = gaps.into_iter().map(|(_, index)| index).collect();
    kept.sort_unstable();
    kept.push(spans.len());
    let (mut sessions, mut from, mut runs) = (Vec::new(), 0, runs.as_slice());
    for to in kept {
        let span = spans.get(from..to).unwrap_or_default();
        if let Some((first, last)) = span.first().zip(span.last()) {
            let time = |seconds: u32| Timestamp(u64::from(seconds) * 1000);
            let window = Window { start: time(first.0), end: time(last.1) };
            // Sessions are apart, and runs stand in the order of their starts: those of this one come next.
            let (own, later) = runs.split_at(runs.partition_point(|run| run.start <= last.1));
            runs = later;
            sessions.push(Session {
                window,
                resumed_from: Maybe::Unknown("a scheduler does not know of checkpoints".to_owned()),
                chips: match at_once(own) {
                    0 => Maybe::Unknown("no GPU was allocated".to_owned()),
                    chips => Maybe::Known(chips),
                },
            });
        }
        from = to;
    }
    (sessions, u64::try_from(joined).unwrap_or(u64::MAX))
}
