//! Runs of tasks, from `runs.jsonl` or a table, grouped as they are weighed: model, family, task.

use std::collections::{BTreeMap, BTreeSet};

use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::source::Document;
use crate::table::{Table, whole_lines};
use crate::tolerant::{Members, Node, Number};

use super::fit::Point;

/// The columns of a row under their names in `runs.jsonl`, and in tables that were made from it.
const TASK: [&str; 2] = ["task_id", "task"];
const FAMILY: [&str; 2] = ["task_family", "subdomain"];
const WEIGHT: [&str; 2] = ["invsqrt_task_weight", "weight"];
pub(super) const MINUTES: &str = "human_minutes";
pub(super) const SCORE: &str = "score_binarized";
const MODEL: &str = "alias";

/// How far a stated weight may lie from the one of the rows, of itself.
const WEIGHT_TOLERANCE: f64 = 1e-6;

/// Before this nobody ran a language model on a task: 2015-01-01.
const FIRST_TIME_MS: u64 = 1_420_070_400_000;

/// One row.
struct Run {
    place: String,
    model: Option<String>,
    family: String,
    task: String,
    minutes: Decimal,
    minutes_value: f64,
    success: bool,
    weight: Option<f64>,
    /// Milliseconds since 1970-01-01.
    times: Option<(u64, u64)>,
    source: Option<String>,
    fatal: bool,
}

/// The runs of one model.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) families: Vec<Family>,
    pub(super) count: u64,
    pub(super) successes: u64,
    /// Runs that ended in a fatal error, and count as failures.
    pub(super) fatal: u64,
    /// Start of the first and end of the last, where every row has both.
    pub(super) times: Option<(u64, u64)>,
    /// Where tasks come from, such as `HCAST`.
    pub(super) sources: BTreeSet<String>,
    /// Whether the file states weights, which then agree with the rows.
    pub(super) weights_stated: bool,
}

/// The tasks of one family.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) tasks: Vec<Task>,
}

/// The runs of one task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    x: f64,
    /// Of each run; over all runs of a model they sum to 1.
    weight: f64,
    pub(super) runs: u32,
    pub(super) successes: u32,
}

impl Task {
    /// As a point, with this many of the runs a success.
    pub(super) fn point(&self, successes: u32) -> Point {
        let failures = self.runs.saturating_sub(successes);
        let weight = |count: u32| f64::from(count) * self.weight;
        Point { x: self.x, successes: weight(successes), failures: weight(failures) }
    }
}

impl Runs {
    /// The points to fit.
    pub(super) fn points(&self) -> Vec<Point> {
        self.families.iter().flat_map(|family| &family.tasks).map(|task| task.point(task.successes)).collect()
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.families.iter().flat_map(|family| &family.tasks)
    }
}

pub(super) fn is_table(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let columns = std::str::from_utf8(line).unwrap_or_default().trim_end_matches('\r').split(',');
    let columns: Vec<_> = columns.map(|column| column.trim_matches('"')).take(256).collect();
    [MINUTES, SCORE].iter().all(|name| columns.contains(name))
}

pub(super) fn is_lines(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Ok(Ok(members)) = Node::parse("", line).map(|node| node.object()) else { return false };
    [TASK[0], MINUTES, SCORE].iter().all(|name| members.optional(name).is_some())
}

/// Reads all runs, by model; a table without a model has them under `None`.
pub(super) fn read(source: &Document<'_>) -> Result<BTreeMap<Option<String>, Runs>, ImportError> {
    let mut found: BTreeMap<Option<String>, Grouped> = BTreeMap::new();
    let mut add = |run: Run| found.entry(run.model.clone()).or_default().add(run);
    if is_table(source.bytes()) {
        let mut table = Table::open(source.name(), source.bytes())?;
        while let Some(row) = table.next_row()? {
            add(run(&row.place, &|name| Ok(row.get(name).map(Cell::Text)))?)?;
        }
    } else {
        for (index, line) in whole_lines(source.name(), source.bytes())?.lines().enumerate() {
            let place = format!("{} line {}", source.name(), index + 1);
            let members = Node::parse(&place, line.as_bytes())?.object()?;
            add(run(&place, &|name| cell(&members, name))?)?;
        }
    }
    found.into_iter().map(|(model, grouped)| Ok((model, grouped.weighed(source.name())?))).collect()
}

/// A field of a row, of either form.
enum Cell<'a> {
    Text(&'a str),
    Owned(String),
    NotFinite,
}

impl Cell<'_> {
    fn text(&self) -> &str {
        match self {
            Cell::Text(text) => text,
            Cell::Owned(text) => text,
            Cell::NotFinite => "NaN",
        }
    }
}

fn cell<'a>(members: &Members<'a>, name: &str) -> Result<Option<Cell<'a>>, ImportError> {
    let Some(node) = members.optional(name) else { return Ok(None) };
    if node.is_object() || node.raw().starts_with('[') {
        return Err(node.wrong("a string or a number"));
    }
    if node.raw().starts_with(['"', 't', 'f']) {
        return Ok(node.scalar()?.map(|text| Cell::Owned(text.into_owned())));
    }
    Ok(Some(match node.number()? {
        Number::Finite(_, raw) => Cell::Text(raw),
        Number::NotFinite(_) => Cell::NotFinite,
    }))
}

type Get<'g, 'a> = dyn Fn(&str) -> Result<Option<Cell<'a>>, ImportError> + 'g;

fn run(place: &str, get: &Get<'_, '_>) -> Result<Run, ImportError> {
    let first = |names: &[&str]| -> Result<Option<String>, ImportError> {
        for name in names {
            if let Some(cell) = get(name)? {
                return Ok(Some(cell.text().to_owned()));
            }
        }
        Ok(None)
    };
    let missing = |name: &str| ImportError::Missing { file: place.to_owned(), field: name.to_owned() };
    let required = |names: &[&str]| first(names)?.ok_or_else(|| missing(names.first().unwrap_or(&"")));
    let bad = |field: &str, found: &str, reason| ImportError::BadNumber {
        file: place.to_owned(),
        field: field.to_owned(),
        found: found.chars().take(40).collect(),
        reason,
    };
    let minutes = required(&[MINUTES])?;
    let (decimal, minutes_value) =
        positive(&minutes).ok_or_else(|| bad(MINUTES, &minutes, "a number of minutes above 0 is expected"))?;
    let score = required(&[SCORE])?;
    let success = Decimal::parse(&score).and_then(|score| score.whole()).filter(|score| *score <= 1);
    let times = [first(&["started_at"])?, first(&["completed_at"])?];
    Ok(Run {
        model: first(&[MODEL])?,
        family: required(&FAMILY)?,
        task: required(&TASK)?,
        minutes: decimal,
        minutes_value,
        success: success.ok_or_else(|| bad(SCORE, &score, "0 or 1 is expected"))? == 1,
        weight: match first(&WEIGHT)? {
            Some(text) => Some(positive(&text).ok_or_else(|| bad(WEIGHT[0], &text, "a weight is above 0"))?.1),
            None => None,
        },
        times: match times {
            [Some(start), Some(end)] => milliseconds(&start).zip(milliseconds(&end)),
            _ => None,
        },
        source: first(&["task_source"])?,
        fatal: first(&["fatal_error_from"])?.is_some(),
        place: place.to_owned(),
    })
}

/// Milliseconds since 1970-01-01. Some rows count from their own start instead: that is no time.
fn milliseconds(text: &str) -> Option<u64> {
    let time = Decimal::parse(text)?.whole()?;
    u64::try_from(time).ok().filter(|time| *time >= FIRST_TIME_MS)
}

/// A finite number above 0, exactly and as the nearest float.
fn positive(text: &str) -> Option<(Decimal, f64)> {
    let decimal = Decimal::parse(text).filter(|decimal| !decimal.is_negative() && !decimal.is_zero())?;
    let value: f64 = text.parse().ok()?;
    (value.is_finite() && value > 0.0).then_some((decimal, value))
}

/// Runs of one model as they come.
#[derive(Default)]
struct Grouped {
    tasks: BTreeMap<(String, String), Gathered>,
    families: BTreeMap<String, String>,
    runs: Runs,
    untimed: u64,
}

struct Gathered {
    minutes: Decimal,
    minutes_value: f64,
    runs: u32,
    successes: u32,
    weight: Option<f64>,
}

impl Grouped {
    fn add(&mut self, run: Run) -> Result<(), ImportError> {
        let contradiction = |field: &str, reason: &str| ImportError::Contradiction {
            file: run.place.clone(),
            field: field.to_owned(),
            other: "an earlier line",
            reason: reason.to_owned(),
        };
        let family = self.families.entry(run.task.clone()).or_insert_with(|| run.family.clone());
        if *family != run.family {
            return Err(contradiction("task_family", "one task is of two families"));
        }
        let task = self.tasks.entry((run.family.clone(), run.task.clone())).or_insert(Gathered {
            minutes: run.minutes,
            minutes_value: run.minutes_value,
            runs: 0,
            successes: 0,
            weight: run.weight,
        });
        if task.minutes != run.minutes {
            return Err(contradiction(MINUTES, "one task takes a person two times"));
        }
        if task.weight != run.weight {
            return Err(contradiction(WEIGHT[0], "runs of one task have two weights"));
        }
        task.runs = task.runs.saturating_add(1);
        task.successes = task.successes.saturating_add(u32::from(run.success));
        self.count(&run);
        Ok(())
    }

    fn count(&mut self, run: &Run) {
        let runs = &mut self.runs;
        runs.count += 1;
        runs.successes += u64::from(run.success);
        runs.fatal += u64::from(run.fatal);
        match run.times {
            Some((start, end)) => {
                let (first, last) = runs.times.unwrap_or((start, end));
                runs.times = Some((first.min(start), last.max(end)));
            }
            None => self.untimed += 1,
        }
        if let Some(source) = run.source.as_ref().filter(|source| !runs.sources.contains(*source)) {
            runs.sources.insert(source.clone());
        }
    }

    /// Weighs each run with `1 / runs of its task / sqrt(tasks of its family)`, so that all sum to 1.
    fn weighed(mut self, file: &str) -> Result<Runs, ImportError> {
        if self.untimed > 0 {
            self.runs.times = None;
        }
        let mut sizes: BTreeMap<&str, u32> = BTreeMap::new();
        for (family, _) in self.tasks.keys() {
            *sizes.entry(family).or_default() += 1;
        }
        // A task's runs weigh 1/sqrt(size) together, a family's tasks sqrt(size).
        let total: f64 = sizes.values().map(|size| f64::from(*size).sqrt()).sum();
        let mut stated = 0;
        let mut last = None;
        for ((family, name), task) in &self.tasks {
            let size = f64::from(sizes.get(family.as_str()).copied().unwrap_or(1));
            let weight = 1.0 / f64::from(task.runs.max(1)) / size.sqrt() / total;
            if let Some(found) = task.weight {
                stated += 1;
                if (found - weight).abs() > WEIGHT_TOLERANCE * weight {
                    return Err(missing_rows(file, name, found, weight));
                }
            }
            let task = Task { x: libm::log2(task.minutes_value), weight, runs: task.runs, successes: task.successes };
            if last != Some(family) {
                self.runs.families.push(Family::default());
            }
            last = Some(family);
            if let Some(open) = self.runs.families.last_mut() {
                open.tasks.push(task);
            }
        }
        self.runs.weights_stated = stated == self.tasks.len();
        Ok(self.runs)
    }
}

fn missing_rows(file: &str, task: &str, found: f64, weight: f64) -> ImportError {
    ImportError::Contradiction {
        file: file.to_owned(),
        field: WEIGHT[0].to_owned(),
        other: "the rows",
        reason: format!(
            "`{}` weighs {found:.6} and its rows make {weight:.6}: rows are missing or were added",
            task.chars().take(80).collect::<String>()
        ),
    }
}
