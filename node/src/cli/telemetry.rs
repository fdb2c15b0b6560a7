//! `telemetry`: the lab's own log of readings.
//!
//! ```text
//! meter ──▶ append ──▶ checkpoint ──▶ a `telemetry-log` draft, signed and submitted like any statement
//!                          │
//!            an auditor's seed ──▶ open ──▶ opening ──▶ check, against what the ledger has
//! ```

mod statement;

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use standstill_attestations::reading::{MAX_OPENING_BYTES, Opening, OpeningError, Reading, Sample, chip_tag};
use standstill_importers::{Source, prometheus};
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_telemetry::{Checkpoint, TelemetryLog};

use super::{Failure, Global, columns, read_file, write_file};
use crate::exit::Exit;

/// Bytes of a file of readings, at most.
const MAX_READINGS_BYTES: u64 = 64 << 20;

/// Keep this lab's own log of readings, and open leaves of it to auditors.
#[derive(Debug, Subcommand)]
pub(super) enum Telemetry {
    /// Append readings that a meter wrote, one a line; all of them or none
    Append {
        #[command(flatten)]
        place: Place,
        /// The files are answers of Prometheus; their readings bear this meter's name
        #[arg(long, value_name = "METER")]
        prometheus: Option<Name>,
        /// Files of readings; `-` is stdin
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Show size, root and the checkpoints given out
    Status {
        #[command(flatten)]
        place: Place,
    },
    /// Write down the root over all leaves, with the proof that it extends the last one given out
    Checkpoint {
        #[command(flatten)]
        place: Place,
        /// The size of the last checkpoint on the ledger [default: of the last one given out; 0 is none]
        #[arg(long, value_name = "SIZE")]
        since: Option<u64>,
        /// Where the readings come from: with it, a `telemetry-log` statement is drafted, since the last one submitted
        #[arg(long, value_name = "NAME")]
        site: Option<Name>,
        /// Where to write the draft; `-` is stdout
        #[arg(long, short, value_name = "FILE", requires = "site", default_value = "-")]
        out: PathBuf,
    },
    /// Open leaves, with their proofs, for an auditor
    Open {
        #[command(flatten)]
        place: Place,
        /// Indexes of leaves, from 0
        #[arg(
            long,
            value_name = "INDEX,…",
            value_delimiter = ',',
            conflicts_with = "seed",
            required_unless_present = "seed"
        )]
        leaves: Vec<u64>,
        /// The auditor's seed, 64 hex digits: it draws the leaves
        #[arg(long, value_name = "HEX", requires = "count")]
        seed: Option<Hash>,
        /// How many leaves the seed draws
        #[arg(long)]
        count: Option<u64>,
        /// The size of the checkpoint to open under [default: of the last one given out]
        #[arg(long, value_name = "SIZE")]
        size: Option<u64>,
        /// Where to write the opening; `-` is stdout
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        out: PathBuf,
    },
    /// Check an opening against a checkpoint, and against the seed that was asked with; asks no node
    Check(Check),
}

/// Which log.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The log's name
    #[arg(long, default_value = "chips")]
    log: Name,
    /// The folder that holds the log [default: `telemetry/LOG` in the home]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// What an opening is held against.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The opening
    opening: PathBuf,
    /// The `telemetry-log` statement that the opening is held against: an envelope of the ledger, or a draft
    #[arg(long, value_name = "FILE", conflicts_with_all = ["size", "root"], required_unless_present = "root")]
    checkpoint: Option<PathBuf>,
    /// Leaves of the checkpoint, where its statement is not at hand
    #[arg(long, requires = "root")]
    size: Option<u64>,
    /// Root of the checkpoint, 64 hex digits
    #[arg(long, value_name = "HEX", requires = "size")]
    root: Option<Hash>,
    /// The seed that was asked with
    #[arg(long, value_name = "HEX", requires = "count")]
    seed: Option<Hash>,
    /// How many leaves were asked for
    #[arg(long, requires = "seed")]
    count: Option<u64>,
}

impl Place {
    /// The log's folder.
    pub(super) fn folder(&self, global: &Global) -> Result<PathBuf, Failure> {
        match &self.folder {
            Some(folder) => Ok(folder.clone()),
            None => Ok(global.directory()?.join("telemetry").join(self.log.as_str())),
        }
    }

    /// Opens the log, and says what a crash had left behind.
    pub(super) fn open(&self, global: &Global) -> Result<TelemetryLog, Failure> {
        let (log, torn) = TelemetryLog::open(&self.folder(global)?)?;
        if let Some(torn) = torn {
            let (bytes, kept) = (torn.bytes, torn.kept_in.display());
            global.say(&format!("note: {bytes} bytes of a write that a crash tore were set aside in {kept}"));
        }
        Ok(log)
    }

    /// Opens a log that is there already: reading makes none.
    fn existing(&self, global: &Global) -> Result<TelemetryLog, Failure> {
        let folder = self.folder(global)?;
        if !folder.join("readings").exists() {
            return Err(Failure::usage(format!("there is no telemetry log in `{}`", folder.display()))
                .hint("name it with `--log` or `--folder`; `standstill meter` and `telemetry append` make one"));
        }
        self.open(global)
    }
}

impl Telemetry {
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        match self {
            Telemetry::Append { place, prometheus: None, files } => append(global, place, &read_all(files)?),
            Telemetry::Append { place, prometheus: Some(meter), files } => {
                append(global, place, &of_prometheus(global, meter, files)?)
            }
            Telemetry::Status { place } => status(global, place),
            Telemetry::Checkpoint { place, since, site: None, .. } => checkpoint(global, place, *since),
            Telemetry::Checkpoint { place, since, site: Some(site), out } => {
                statement::draft(global, place, *since, site, out)
            }
            Telemetry::Open { place, leaves, seed, count, size, out } => {
                let sample = seed.zip(*count).map(|(seed, count)| Sample { seed, count });
                open(global, place, leaves, sample, *size, out)
            }
            Telemetry::Check(check) => check.run(global),
        }
    }
}

fn read_all(files: &[PathBuf]) -> Result<Vec<Reading>, Failure> {
    let mut readings = Vec::new();
    for file in files {
        readings.extend(parse(file)?);
    }
    Ok(readings)
}

/// Readings from answers of Prometheus: chips are hidden as the meter hides them.
fn of_prometheus(global: &Global, meter: &Name, files: &[PathBuf]) -> Result<Vec<Reading>, Failure> {
    let chain_id = super::attest::chain_id(global, &global.open()?)?;
    let mut named = Vec::new();
    for file in files {
        named.push((file.display().to_string(), read_file(file, MAX_READINGS_BYTES)?));
    }
    let sources: Vec<Source<'_>> = named.iter().map(|(name, bytes)| Source::new(name, bytes)).collect();
    let imported = prometheus::readings(&sources, meter, &|id| chip_tag(&chain_id, id))?;
    imported.took.iter().for_each(|note| global.say(&format!("took  {note}")));
    imported.left.iter().for_each(|note| global.say(&format!("left  {note}")));
    Ok(imported.facts)
}

fn append(global: &Global, place: &Place, readings: &[Reading]) -> Result<Exit, Failure> {
    let mut log = place.open(global)?;
    let first = log.append(readings)?;
    let (appended, size, root) = (readings.len(), log.size(), log.root());
    let view = json!({ "schema": "standstill.telemetry-append/1", "first": first, "appended": appended, "size": size,
        "root": root });
    global.print(&view, || format!("appended  {appended}, from leaf {first}\nleaves    {size}\nroot      {root}\n"))?;
    Ok(Exit::Holds)
}

fn parse(file: &Path) -> Result<Vec<Reading>, Failure> {
    let bytes = if file == Path::new("-") { stdin()? } else { read_file(file, MAX_READINGS_BYTES)? };
    let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    let reading = |(index, line): (usize, &[u8])| {
        Reading::parse(line).map_err(|error| {
            Failure::usage(format!("{}: line {}: {error}", file.display(), index + 1))
                .hint("one reading a line, as `spec/48-telemetry.md` has it; nothing was appended")
        })
    };
    lines.map(reading).collect()
}

fn stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MAX_READINGS_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::unavailable(format!("cannot read stdin: {error}")))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_READINGS_BYTES {
        return Err(
            Failure::usage(format!("stdin has more than {MAX_READINGS_BYTES} bytes")).hint("append it in parts")
        );
    }
    Ok(bytes)
}

fn status(global: &Global, place: &Place) -> Result<Exit, Failure> {
    let log = place.existing(global)?;
    let given: Vec<_> =
        log.checkpoints().iter().map(|given| json!({ "size": given.size, "root": given.root })).collect();
    let (size, root) = (log.size(), log.root());
    let view = json!({ "schema": "standstill.telemetry/1", "size": size, "root": root, "checkpoints": given });
    let last =
        log.checkpoints().last().map_or("none".to_owned(), |last| format!("{} leaves, {}", last.size, last.root));
    let row = |name: &str, text: String| vec![name.to_owned(), text];
    let table = [row("leaves", size.to_string()), row("root", root.to_string()), row("checkpoint", last)];
    global.print(&view, || columns(&table))?;
    Ok(Exit::Holds)
}

/// The checkpoint that the ledger has last, as the lab keeps it.
fn before(log: &TelemetryLog, since: Option<u64>) -> Result<Option<Checkpoint>, Failure> {
    match since {
        None => Ok(log.checkpoints().last().copied()),
        Some(0) => Ok(None),
        Some(size) => Ok(Some(Checkpoint { size, root: log.root_at(size)? })),
    }
}

fn checkpoint(global: &Global, place: &Place, since: Option<u64>) -> Result<Exit, Failure> {
    let mut log = place.existing(global)?;
    let previous = before(&log, since)?;
    let head = log.checkpoint()?;
    let proof = log.consistency(previous.map_or(0, |previous| previous.size), head.size)?;
    let view = json!({ "schema": "standstill.telemetry-checkpoint/1", "log": place.log, "size": head.size,
        "root": head.root, "previous": previous.map(|previous| json!({ "size": previous.size, "root": previous.root })),
        "proof": proof });
    let from = previous.map_or("the first".to_owned(), |previous| format!("extends {} leaves", previous.size));
    global
        .print(&view, || format!("leaves  {}\nroot    {}\n{from}, {} hashes\n", head.size, head.root, proof.len()))?;
    Ok(Exit::Holds)
}

fn open(
    global: &Global,
    place: &Place,
    leaves: &[u64],
    sample: Option<Sample>,
    size: Option<u64>,
    out: &Path,
) -> Result<Exit, Failure> {
    let log = place.existing(global)?;
    let size = size.or(log.checkpoints().last().map(|last| last.size)).ok_or_else(|| {
        Failure::usage("no checkpoint was given out, so there is nothing to open under").hint(
            "`standstill telemetry checkpoint` gives one out; it is signed and submitted before leaves are opened",
        )
    })?;
    let opening = match sample {
        Some(sample) => log.open_sample(size, sample)?,
        None => log.open_leaves(size, leaves, None)?,
    };
    write_file(out, opening.to_string().as_bytes())?;
    let count = opening.leaves.len();
    global.say(&format!("opened {count} of {size} leaves under root {}", opening.root));
    Ok(Exit::Holds)
}

impl Check {
    /// Size and root that the opening is held against.
    fn head(&self) -> Result<(u64, Hash), Failure> {
        match (&self.checkpoint, self.size.zip(self.root)) {
            (Some(file), _) => statement::head(file),
            (None, Some(head)) => Ok(head),
            (None, None) => Err(Failure::usage("there is nothing to hold the opening against")
                .hint("name the statement with `--checkpoint FILE`, or its `--size` and `--root`")),
        }
    }

    fn run(&self, global: &Global) -> Result<Exit, Failure> {
        let limit = u64::try_from(MAX_OPENING_BYTES).unwrap_or(u64::MAX);
        let opening = Opening::parse(&read_file(&self.opening, limit)?).map_err(|error| refused(&error))?;
        let (size, root) = self.head()?;
        let asked = self.seed.zip(self.count).map(|(seed, count)| Sample { seed, count });
        let verified = opening.verify(size, &root, asked.as_ref()).map_err(|error| refused(&error))?;
        let readings: Vec<_> = verified
            .readings()
            .iter()
            .map(|(index, reading)| {
                json!({ "index": index, "time": reading.time, "meter": reading.meter,
                "chip": reading.chip, "quantity": reading.quantity.as_str(), "value": reading.value,
                "unit": reading.quantity.unit() })
            })
            .collect();
        let count = readings.len();
        let view = json!({ "schema": "standstill.opening/1", "size": size, "root": root, "drawn": verified.drawn(),
            "leaves": readings });
        let how = if verified.drawn() { "the sample that was asked for" } else { "named, not drawn" };
        global.print(&view, || format!("ok  {count} leaves of {size} under {root}\n    {how}\n"))?;
        if !verified.drawn() {
            global.say("note: leaves that the lab could choose say little; ask with `--seed` and `--count`");
        }
        Ok(Exit::Holds)
    }
}

fn refused(error: &OpeningError) -> Failure {
    let hint = "ask the lab for the opening under this checkpoint, with this seed and count";
    Failure::untrusted(format!("the opening does not hold: {error}")).hint(hint)
}
