//! `emissions.csv` of CodeCarbon.
//!
//! ```text
//! timestamp,project_name,run_id,…,duration,…,cpu_energy,gpu_energy,ram_energy,energy_consumed,…,gpu_count,gpu_model,…
//! 2026-11-23T11:00:31,codecarbon,ec08…,…,25.31,…,5.61e-05,0.0,1.40e-04,1.97e-04,…,0,,…
//! ```
//!
//! Energy is in kWh. That of the GPUs comes from their own counters; that of CPUs and memory is often an estimate, so the
//! sum of the three is one too. A run that is flushed as it goes writes a row each time, each with the sum so far: the
//! last row of a run is taken. Times have no zone. Emissions, water and places are left: no statement holds them.

use std::collections::BTreeMap;

use standstill_attestations::claim::{Basis, EvidenceRole, Maybe, Window};
use standstill_attestations::training::EnergyBoundary;
use standstill_protocol::units::{Joule, Timestamp};

use crate::chips::accelerator_id;
use crate::contribution::{Contribution, EnergyFacts, HardwareFacts};
use crate::decimal::Decimal;
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Note, Options, count, evidence};
use crate::separated;
use crate::source::Source;

/// The name in evidence.
pub const FORMAT: &str = "codecarbon-emissions-csv";
/// Columns that a file must have.
const NEEDED: [&str; 7] =
    ["timestamp", "run_id", "duration", "cpu_energy", "gpu_energy", "ram_energy", "codecarbon_version"];
/// Major versions that this importer has been tried on.
const VERSIONS: [&str; 2] = ["2.", "3."];
/// Joules in a kilowatt-hour.
const JOULES: u64 = 3_600_000;
/// Runs in one file, at most.
const MAX_RUNS: usize = 10_000;

/// Whether its first line has CodeCarbon's columns.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    let columns: Vec<&str> = head.first_line().split(',').collect();
    ["run_id", "emissions", "energy_consumed", "codecarbon_version"].iter().all(|name| columns.contains(name))
}

/// One run's last row.
#[derive(Clone, Debug)]
struct Run {
    window: Window,
    /// Microjoules: processors, accelerators, memory.
    cpu: u64,
    gpu: u64,
    ram: u64,
    gpus: Option<(u64, String)>,
    version: String,
    pue: Option<String>,
}

/// A file's runs: energy of accelerators as measured, of the whole as estimated.
pub(crate) fn contribution(sources: &[Source<'_>], options: &Options) -> Result<Imported<Contribution>, ImportError> {
    let [source] = sources else { return Err(count(sources.len(), "one emissions.csv")) };
    let document = source.load()?;
    let file = document.name();
    let mut left = Vec::new();
    let runs = runs(file, document.text()?, options, &mut left)?;
    let last = runs.values().next_back().ok_or_else(|| missing(file, "run_id"))?;
    let window = apart(file, &runs)?;
    let mut took = Vec::new();
    let energy = energies(file, &runs, window, (&mut took, &mut left))?;
    let hardware = hardware(file, &runs, (&mut took, &mut left));
    if options.utc_offset_minutes.is_none() {
        left.push(Note::new(file, "timestamp", "has no zone: read as UTC; `--utc-offset` says another"));
    }
    if let Some(pue) = last.pue.as_ref().filter(|pue| Decimal::parse(pue) != Decimal::parse("1")) {
        left.push(Note::new(file, "pue", format!("{pue}: an assumption about the building, not multiplied in")));
    }
    left.push(Note::new(file, "emissions", "emissions, water, countries and coordinates: no statement holds them"));
    let fields = [&NEEDED[..], &["gpu_count", "gpu_model"]].concat();
    let version = Maybe::Known(last.version.clone());
    let role = EvidenceRole::PowerLog;
    let evidence = vec![evidence(document.digest(), (role, FORMAT), ("codecarbon", version), &fields)];
    Ok(Imported { facts: Contribution { energy, hardware, ..Contribution::default() }, evidence, took, left })
}

fn missing(file: &str, field: &str) -> ImportError {
    ImportError::Missing { file: file.to_owned(), field: field.to_owned() }
}

/// The last row of each run that is asked for.
fn runs(file: &str, text: &str, options: &Options, left: &mut Vec<Note>) -> Result<BTreeMap<String, Run>, ImportError> {
    let mut lines = separated::lines(file, text)?;
    let header = lines.next().ok_or_else(|| missing(file, "timestamp"))??;
    for name in NEEDED {
        let places = header.iter().filter(|column| *column == name).count();
        match places {
            0 => return Err(missing(file, name)),
            1 => {}
            _ => return Err(ImportError::Repeated { file: file.to_owned(), field: name.to_owned() }),
        }
    }
    let (mut runs, mut earlier, mut others) = (BTreeMap::new(), 0u64, 0u64);
    for row in lines {
        let row = Row { file, header: &header, cells: row? };
        if row.cells.len() != header.len() {
            return Err(row.bad("timestamp", "another number of columns than the first line has"));
        }
        let id = row.cell("run_id")?;
        let names = ["run_id", "project_name", "experiment_id"];
        let wanted = |run: &String| names.iter().any(|name| row.optional(name) == Some(run));
        if !options.run.as_ref().is_none_or(wanted) {
            others += 1;
            continue;
        }
        let run = row.run(options)?;
        let before: Option<&Run> = runs.get(id);
        if before.is_some_and(|before| before.window.end > run.window.end) {
            return Err(row.bad("timestamp", "before an earlier row of the same run"));
        }
        earlier += u64::from(runs.insert(id.to_owned(), run).is_some());
        if runs.len() > MAX_RUNS {
            return Err(row.bad("run_id", "more runs than one report could be about"));
        }
    }
    if earlier > 0 {
        left.push(Note::new(file, "run_id", format!("{earlier} earlier rows: a later row of the run holds their sum")));
    }
    if others > 0 {
        left.push(Note::new(file, "run_id", format!("{others} rows of other runs")));
    }
    Ok(runs)
}

struct Row<'a> {
    file: &'a str,
    header: &'a [String],
    cells: Vec<String>,
}

impl Row<'_> {
    fn optional(&self, name: &str) -> Option<&String> {
        let place = self.header.iter().position(|column| column == name)?;
        self.cells.get(place).filter(|cell| !cell.is_empty())
    }

    fn cell(&self, name: &str) -> Result<&str, ImportError> {
        self.optional(name).map(String::as_str).ok_or_else(|| missing(self.file, name))
    }

    fn bad(&self, field: &str, reason: &'static str) -> ImportError {
        ImportError::BadText { file: self.file.to_owned(), field: field.to_owned(), reason }
    }

    fn number(&self, name: &str) -> Result<Decimal, ImportError> {
        let found = self.cell(name)?;
        let number = Decimal::parse(found).filter(|number| !number.is_negative());
        number.ok_or_else(|| ImportError::BadNumber {
            file: self.file.to_owned(),
            field: name.to_owned(),
            found: found.chars().take(40).collect(),
            reason: "a number from 0 on is expected",
        })
    }

    /// Kilowatt-hours as microjoules, to the nearest.
    fn microjoules(&self, name: &str) -> Result<u64, ImportError> {
        let joules = self.number(name)?.times(JOULES).and_then(|joules| joules.nearest(6));
        joules.ok_or_else(|| self.bad(name, "more energy than 64 bits of microjoules hold"))
    }

    fn run(&self, options: &Options) -> Result<Run, ImportError> {
        let version = self.cell("codecarbon_version")?.to_owned();
        if !VERSIONS.iter().any(|known| version.starts_with(known)) {
            let (file, expected) = (self.file.to_owned(), "2 or 3 of CodeCarbon");
            return Err(ImportError::Version { file, found: version, expected });
        }
        let gpus = match self.optional("gpu_count") {
            Some(_) => self.number("gpu_count")?.whole().and_then(|count| u64::try_from(count).ok()),
            None => None,
        };
        let model = self.optional("gpu_model").cloned().unwrap_or_default();
        Ok(Run {
            window: self.window(options)?,
            cpu: self.microjoules("cpu_energy")?,
            gpu: self.microjoules("gpu_energy")?,
            ram: self.microjoules("ram_energy")?,
            gpus: gpus.filter(|count| *count > 0).map(|count| (count, model)),
            version,
            pue: self.optional("pue").cloned(),
        })
    }

    /// The row is written when the run ends, to the second: the window is rounded outward.
    fn window(&self, options: &Options) -> Result<Window, ImportError> {
        let text = self.cell("timestamp")?;
        let moment = text.split_once('.').map_or(text, |(moment, _)| moment);
        let local = Timestamp::parse(&format!("{moment}Z")).map_err(|_| self.bad("timestamp", "not a time"))?;
        let offset = i64::from(options.utc_offset_minutes.unwrap_or(0)) * 60_000;
        let end = local.0.checked_add_signed(-offset).ok_or_else(|| self.bad("timestamp", "not a time"))?;
        let ms = self.number("duration")?.thousandths_up().ok_or_else(|| self.bad("duration", "not a duration"))?;
        let start = end.checked_sub(ms).ok_or_else(|| self.bad("duration", "longer than the time since 1970"))?;
        Ok(Window { start: Timestamp(start), end: Timestamp(end).plus(1000) })
    }
}

/// The span of all runs, which may not overlap: the tool measures the machine, so energy would be counted twice.
fn apart(file: &str, runs: &BTreeMap<String, Run>) -> Result<Option<Window>, ImportError> {
    let mut windows: Vec<(&String, Window)> = runs.iter().map(|(id, run)| (id, run.window)).collect();
    windows.sort_by_key(|(_, window)| window.start);
    for ((one, before), (other, after)) in windows.iter().zip(windows.iter().skip(1)) {
        // Windows are rounded outward by a second.
        if after.start.plus(1000) < before.end {
            return Err(ImportError::Contradiction {
                file: file.to_owned(),
                field: "run_id".to_owned(),
                other: "another run of the file",
                reason: format!("{one} and {other} overlap, and both measured the machine: name one with `--run`"),
            });
        }
    }
    let bounds = windows.first().zip(windows.iter().map(|(_, window)| window.end).max());
    Ok(bounds.map(|((_, first), end)| Window { start: first.start, end }))
}

fn energies(
    file: &str,
    runs: &BTreeMap<String, Run>,
    window: Option<Window>,
    (took, left): (&mut Vec<Note>, &mut Vec<Note>),
) -> Result<Vec<EnergyFacts>, ImportError> {
    let sum = |part: fn(&Run) -> u64| runs.values().map(|run| u128::from(part(run))).sum::<u128>();
    let joules = |micro: u128| {
        u64::try_from(micro.saturating_add(500_000) / 1_000_000)
            .map(Joule)
            .map_err(|_| missing(file, "energy_consumed"))
    };
    let (cpu, gpu, ram) = (sum(|run| run.cpu), sum(|run| run.gpu), sum(|run| run.ram));
    let covered_chip_seconds = covered(runs);
    let mut energy = Vec::new();
    let count = runs.len();
    if runs.values().any(|run| run.gpus.is_some()) {
        let joules = joules(gpu)?;
        took.push(Note::new(file, "gpu_energy", format!("{joules} J at the accelerators, of {count} runs")));
        let boundary = EnergyBoundary::Accelerator;
        energy.push(EnergyFacts { joules, boundary, window, covered_chip_seconds, basis: Basis::Measured });
    } else {
        left.push(Note::new(file, "gpu_energy", "the tool found no GPU: not the energy of accelerators"));
    }
    let total = joules(cpu.saturating_add(gpu).saturating_add(ram))?;
    let text = format!("{total} J of processors, GPUs and memory, of {count} runs: an estimate");
    took.push(Note::new(file, "energy_consumed", text));
    let (boundary, basis) = (EnergyBoundary::Server, Basis::Estimated);
    energy.push(EnergyFacts { joules: total, boundary, window, covered_chip_seconds, basis });
    Ok(energy)
}

/// Chip seconds that the tool watched; `None` where a run of the file found no GPU.
fn covered(runs: &BTreeMap<String, Run>) -> Option<u64> {
    runs.values().try_fold(0u64, |sum, run| {
        let (chips, _) = run.gpus.as_ref()?;
        // The window is rounded outward by a second.
        let ms = run.window.end.0.checked_sub(run.window.start.0)?.saturating_sub(1000);
        sum.checked_add(chips.checked_mul(ms / 1000)?)
    })
}

/// `8 x NVIDIA H100 80GB HBM3`.
fn hardware(
    file: &str,
    runs: &BTreeMap<String, Run>,
    (took, left): (&mut Vec<Note>, &mut Vec<Note>),
) -> Option<HardwareFacts> {
    let mut listed: Vec<&(u64, String)> = runs.values().filter_map(|run| run.gpus.as_ref()).collect();
    listed.sort();
    listed.dedup();
    let [(chips, described)] = listed.as_slice() else {
        if listed.len() > 1 {
            left.push(Note::new(file, "gpu_model", "runs on different GPUs: a report holds one model"));
        }
        return None;
    };
    let model = described.split_once(" x ").map_or(described.as_str(), |(_, model)| model);
    took.push(Note::new(file, "gpu_model", format!("{chips} x {model}")));
    let accelerator = accelerator_id(model).unwrap_or(model);
    let accelerator = (!accelerator.is_empty()).then(|| accelerator.to_owned());
    Some(HardwareFacts { accelerator, chips: Some(*chips), ..HardwareFacts::default() })
}
