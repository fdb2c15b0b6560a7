//! Answers of Prometheus to `/api/v1/query_range` and `/api/v1/query`, in JSON.
//!
//! ```text
//! {"status":"success","data":{"resultType":"matrix","result":[
//!   {"metric":{"__name__":"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION","UUID":"GPU-0…","modelName":"NVIDIA H100 80GB HBM3"},
//!    "values":[[1795433674.907,"251905148074"],[1795433682.907,"251910348739"]]}]}}
//! ```
//!
//! Times are seconds with a fraction and values are strings: both are read from their text. The series must be the
//! counters and ratios themselves: the result of an expression such as `increase(…[20s])` has no name, and says neither
//! its unit nor the window that each value stands for.

use standstill_attestations::claim::{EvidenceRole, Maybe};
use standstill_attestations::reading::Reading as LogReading;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;

use crate::chips::ListedChip;
use crate::contribution::Contribution;
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Note, Options, evidence};
use crate::readings::{Field, Labels, Readings, chip};
use crate::source::{Document, Source};
use crate::tolerant::{Members, Node, Number};

/// The name in evidence.
pub const FORMAT: &str = "prometheus-query";

/// Whether it is an answer of Prometheus.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    head.has(&["status", "data"]) || head.has(&["status", "errorType"])
}

/// Answers about chips: energy between the first reading and the last, and tensor activity.
pub(crate) fn contribution(sources: &[Source<'_>], options: &Options) -> Result<Imported<Contribution>, ImportError> {
    let mut readings = Readings::default();
    let mut files = Vec::new();
    for source in sources {
        let document = source.load()?;
        let names = take_answer(&document, &mut readings)?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let version = Maybe::Unknown("an answer does not name the version of Prometheus".to_owned());
        let role = EvidenceRole::PowerLog;
        files.push(evidence(document.digest(), (role, FORMAT), ("prometheus", version), &names));
    }
    let file = sources.first().map_or("", |source| source.name());
    if readings.is_empty() {
        return Err(ImportError::Missing { file: file.to_owned(), field: "data.result".to_owned() });
    }
    if let Some(window) = options.window {
        readings.within(file, window);
    }
    let (facts, took, left) = readings.contribution(file, true, options)?;
    Ok(Imported { facts, evidence: files, took, left })
}

/// The chips that answers name.
pub fn chips(sources: &[Source<'_>]) -> Result<Imported<Vec<ListedChip>>, ImportError> {
    let (mut listed, mut files) = (Vec::new(), Vec::new());
    for source in sources {
        let document = source.load()?;
        for series in results(&document)? {
            listed.extend(chip(&labels(&series.object()?.required("metric")?)?));
        }
        let version = Maybe::Unknown("an answer does not name the version of Prometheus".to_owned());
        let role = EvidenceRole::PowerLog;
        files.push(evidence(document.digest(), (role, FORMAT), ("prometheus", version), &["metric"]));
    }
    let facts = crate::chips::merged(listed);
    let file = sources.first().map_or("", |source| source.name());
    let took = vec![Note::new(file, "data.result", format!("{} chips", facts.len()))];
    Ok(Imported { facts, evidence: files, took, left: Vec::new() })
}

/// What a lab's own telemetry log takes from answers, in the order of time: energy counters, and power. `meter` names who
/// read them, `tag` hides a chip's id.
pub fn readings(
    sources: &[Source<'_>],
    meter: &Name,
    tag: &dyn Fn(&str) -> Hash,
) -> Result<Imported<Vec<LogReading>>, ImportError> {
    let (mut readings, mut evidence) = (Readings::default(), Vec::new());
    for source in sources {
        let document = source.load()?;
        let names = take_answer(&document, &mut readings)?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let version = Maybe::Unknown("an answer does not name the version of Prometheus".to_owned());
        let role = EvidenceRole::PowerLog;
        evidence.push(self::evidence(document.digest(), (role, FORMAT), ("prometheus", version), &names));
    }
    let file = sources.first().map_or("", |source| source.name());
    let imported = readings.for_log(file, meter, tag)?;
    if imported.facts.is_empty() {
        return Err(ImportError::Missing { file: file.to_owned(), field: "data.result".to_owned() });
    }
    Ok(Imported { evidence, ..imported })
}

/// The series of an answer; an answer that is an error is refused in its own words.
fn results<'a>(document: &'a Document<'_>) -> Result<Vec<Node<'a>>, ImportError> {
    let answer = document.json()?.object()?;
    let status = answer.required("status")?;
    if status.text()? != "success" {
        let said = |name: &str| answer.optional(name).map(|text| text.text()).transpose();
        let (kind, text) = (said("errorType")?.unwrap_or_default(), said("error")?.unwrap_or_default());
        let reason = format!("{kind}: {text}").chars().take(400).collect();
        return Err(ImportError::Answer { file: document.name().to_owned(), reason });
    }
    let data = answer.required("data")?.object()?;
    let kind = data.required("resultType")?;
    if !matches!(kind.text()?.as_ref(), "matrix" | "vector") {
        return Err(kind.bad_text("series of chips are expected: `matrix` or `vector`"));
    }
    data.required("result")?.list()
}

/// Takes every series that is known, and gives the names taken.
fn take_answer(document: &Document<'_>, readings: &mut Readings) -> Result<Vec<String>, ImportError> {
    let (file, mut names) = (document.name(), Vec::new());
    if let Some(warnings) = document.json()?.object()?.optional("warnings") {
        readings.leave(file, "warnings", warnings.raw().chars().take(200).collect::<String>());
    }
    for series in results(document)? {
        let path = series.path().to_owned();
        let series = series.object()?;
        let labels = labels(&series.required("metric")?)?;
        let Some(name) = labels.get("__name__") else {
            return Err(ImportError::Expression { file: file.to_owned(), field: path });
        };
        let Some(field) = Field::named(name) else {
            readings.leave(file, name, "no statement holds it");
            continue;
        };
        for value in values(&series)? {
            let (time, number) = point(&value)?;
            match number {
                Some(number) => readings.take(file, (name, field), &labels, (time, number))?,
                None => readings.leave(file, name, format!("{}: not a number: taken as a gap", value.path())),
            }
        }
        names.push(name.clone());
    }
    Ok(names)
}

fn labels(metric: &Node<'_>) -> Result<Labels, ImportError> {
    let members = metric.object()?;
    members.iter().map(|(name, value)| Ok((name.to_owned(), value.text()?.into_owned()))).collect()
}

/// The points of a series: `values` of a range, `value` of an instant.
fn values<'a>(series: &Members<'a>) -> Result<Vec<Node<'a>>, ImportError> {
    match series.optional("value") {
        Some(value) => Ok(vec![value]),
        None => series.required("values")?.list(),
    }
}

/// `[1795433674.907, "251905148074"]`: milliseconds and a number, which may be none.
fn point(value: &Node<'_>) -> Result<(u64, Option<Decimal>), ImportError> {
    let pair = value.list()?;
    let [time, number] = pair.as_slice() else { return Err(value.wrong("a time and a value")) };
    let Number::Finite(seconds, _) = time.number()? else { return Err(time.bad_number("not a time")) };
    let millis = seconds.nearest(3).ok_or_else(|| time.bad_number("not a time in seconds"))?;
    let text = number.text()?;
    if matches!(text.as_ref(), "NaN" | "+Inf" | "-Inf") {
        return Ok((millis, None));
    }
    let parsed = Decimal::parse(&text).ok_or_else(|| number.bad_number("a decimal number is expected"))?;
    Ok((millis, Some(parsed)))
}
