//! Scrapes of NVIDIA's `dcgm-exporter`, in the text format of Prometheus.
//!
//! ```text
//! # HELP DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION Total energy consumption since boot (in mJ).
//! # TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter
//! DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0",UUID="GPU-20c5…",modelName="Tesla T4",Hostname="…"} 128996013
//! ```
//!
//! A scrape has no time, and the counter has run since the driver was loaded: one scrape says which chips there are and
//! nothing about a run. Two of the same chips, before and after, give the energy between them; their order is told by the
//! counters. Fields are known by their DCGM ids (156 energy in mJ, 155 power, 1004 tensor activity), since names differ
//! between versions.

use standstill_attestations::claim::{EvidenceRole, Maybe};

use crate::chips::ListedChip;
use crate::contribution::Contribution;
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Note, Options, evidence};
use crate::readings::{Field, Labels, Readings, chip};
use crate::source::{Document, Source};

/// The name in evidence.
pub const FORMAT: &str = "dcgm-exporter-text";
/// Scrapes of one report, at most.
const MAX_SCRAPES: usize = 64;

/// Whether it is a scrape: a line of it begins as DCGM's metrics do.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    head.text().lines().any(|line| {
        let name = line.split_once('{').map_or("", |(name, _)| name);
        name.starts_with("DCGM_FI_") || Field::named(name).is_some()
    })
}

/// One sample line.
#[derive(Clone, Debug)]
struct Sample {
    name: String,
    labels: Labels,
    value: String,
}

struct Scrape<'a> {
    document: Document<'a>,
    samples: Vec<Sample>,
}

/// Scrapes of the same chips: what they used between the first and the last.
pub(crate) fn contribution(sources: &[Source<'_>], options: &Options) -> Result<Imported<Contribution>, ImportError> {
    let mut scrapes = read_all(sources)?;
    put_in_order(&mut scrapes);
    let mut readings = Readings::default();
    for (place, scrape) in scrapes.iter().enumerate() {
        let (file, place) = (scrape.document.name(), u64::try_from(place).unwrap_or(u64::MAX));
        for sample in &scrape.samples {
            let Some(field) = Field::named(&sample.name) else { continue };
            readings.take(file, (&sample.name, field), &sample.labels, (place, number(file, sample)?))?;
        }
    }
    let file = scrapes.first().map_or("", |scrape| scrape.document.name());
    if readings.is_empty() {
        return Err(ImportError::Missing {
            file: file.to_owned(),
            field: "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION".into(),
        });
    }
    let (facts, took, mut left) = readings.contribution(file, false, options)?;
    left.extend(others(&scrapes));
    let evidence = scrapes.iter().map(|scrape| scrape_evidence(scrape)).collect();
    Ok(Imported { facts, evidence, took, left })
}

/// The chips that scrapes list.
pub fn chips(sources: &[Source<'_>]) -> Result<Imported<Vec<ListedChip>>, ImportError> {
    let scrapes = read_all(sources)?;
    let listed = scrapes.iter().flat_map(|scrape| scrape.samples.iter().filter_map(|sample| chip(&sample.labels)));
    let facts = crate::chips::merged(listed);
    let file = scrapes.first().map_or("", |scrape| scrape.document.name());
    let took = vec![Note::new(file, "UUID", format!("{} chips", facts.len()))];
    let evidence = scrapes.iter().map(|scrape| scrape_evidence(scrape)).collect();
    Ok(Imported { facts, evidence, took, left: Vec::new() })
}

fn read_all<'a>(sources: &[Source<'a>]) -> Result<Vec<Scrape<'a>>, ImportError> {
    if sources.is_empty() || sources.len() > MAX_SCRAPES {
        return Err(crate::import::count(sources.len(), "a scrape before and one after, 64 at most"));
    }
    let read = |source: &Source<'a>| {
        let document = source.load()?;
        let samples = samples(document.name(), document.text()?)?;
        Ok(Scrape { document, samples })
    };
    sources.iter().map(read).collect()
}

/// Turns scrapes around that were given last first: every counter runs down. Otherwise the order given is that of time.
fn put_in_order(scrapes: &mut [Scrape<'_>]) {
    let counters = |scrape: &Scrape<'_>| {
        let of_energy = scrape.samples.iter().filter(|sample| Field::named(&sample.name) == Some(Field::Energy));
        let counter = |sample: &Sample| Some((chip(&sample.labels)?.id, Decimal::parse(&sample.value)?.whole()?));
        of_energy.filter_map(counter).collect::<std::collections::BTreeMap<_, _>>()
    };
    let all: Vec<_> = scrapes.iter().map(counters).collect();
    let mut pairs = all.iter().zip(all.iter().skip(1)).flat_map(|(before, after)| {
        before.iter().filter_map(|(chip, value)| Some((*value, *after.get(chip)?))).collect::<Vec<_>>()
    });
    let mut any = false;
    let down = pairs.all(|(before, after)| {
        any |= before != after;
        before >= after
    });
    if down && any {
        scrapes.reverse();
    }
}

fn scrape_evidence(scrape: &Scrape<'_>) -> standstill_attestations::Evidence {
    let mut fields: Vec<&str> = scrape.samples.iter().map(|sample| sample.name.as_str()).collect();
    fields.retain(|name| Field::named(name).is_some());
    let version = Maybe::Unknown("a scrape does not name the version of dcgm-exporter".to_owned());
    let role = EvidenceRole::PowerLog;
    evidence(scrape.document.digest(), (role, FORMAT), ("dcgm-exporter", version), &fields)
}

/// What was not taken, once for each name.
fn others(scrapes: &[Scrape<'_>]) -> Vec<Note> {
    let Some(first) = scrapes.first() else { return Vec::new() };
    let mut names: Vec<&str> = first.samples.iter().map(|sample| sample.name.as_str()).collect();
    names.retain(|name| Field::named(name).is_none());
    names.sort_unstable();
    names.dedup();
    let note = |name: &&str| Note::new(first.document.name(), *name, "no statement holds it");
    names.iter().take(32).map(note).collect()
}

fn number(file: &str, sample: &Sample) -> Result<Decimal, ImportError> {
    // Go writes exponents as `7.824041e+06`.
    Decimal::parse(&sample.value).ok_or_else(|| ImportError::BadNumber {
        file: file.to_owned(),
        field: sample.name.clone(),
        found: sample.value.chars().take(40).collect(),
        reason: "a decimal number is expected",
    })
}

fn samples(file: &str, text: &str) -> Result<Vec<Sample>, ImportError> {
    // The format asks for a newline after every line: without the last one the file is cut off.
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(ImportError::Malformed {
            file: file.to_owned(),
            offset: text.len(),
            expected: "the end of a line",
        });
    }
    let mut samples = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        if !content.is_empty() && !content.starts_with('#') {
            let sample = sample(content).ok_or_else(|| ImportError::Malformed {
                file: file.to_owned(),
                offset,
                expected: "a line such as `NAME{label=\"value\"} 1`",
            })?;
            samples.push(sample);
        }
        offset += line.len();
    }
    Ok(samples)
}

/// `NAME{label="value",…} value [milliseconds]`.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))?;
    let (name, rest) = line.split_at_checked(end)?;
    let mut labels = Labels::new();
    let mut rest = rest.trim_start();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            rest = rest.trim_start_matches([' ', ',']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if labels.insert(label.trim().to_owned(), value).is_some() {
                return None;
            }
            rest = after;
        }
    }
    let mut values = rest.split_ascii_whitespace();
    let value = values.next()?.to_owned();
    let stamp = values.next();
    let well_formed =
        !name.is_empty() && values.next().is_none() && stamp.is_none_or(|stamp| stamp.parse::<i64>().is_ok());
    well_formed.then(|| Sample { name: name.to_owned(), labels, value })
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other @ ('\\' | '"') => other,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}
