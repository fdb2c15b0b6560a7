//! `meter`: this machine's chips, read into the lab's own log until it is told to stop.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;
use standstill_telemetry::meter::{Chip, Driver, Meter, Rounds};
use standstill_telemetry::nvml::{self, NvmlDriver};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior};

use super::telemetry::Place;
use super::{Failure, Global, columns};
use crate::clock;
use crate::exit::Exit;

/// Read power, energy and activity of this machine's chips into the lab's own log, until SIGTERM or Ctrl-C.
///
/// Chips are read through NVML, the library of the NVIDIA driver. Without a driver there is nothing to read: the command
/// says so and exits 3. Energy is the chip's own counter. Tensor activity asks for a Hopper chip and the right to profile;
/// without them the share of time in which any work ran is written instead, and that is said.
#[derive(Debug, Args)]
pub(super) struct MeterCommand {
    #[command(flatten)]
    place: Place,
    /// The meter's name in every reading
    #[arg(long, default_value = "meter")]
    name: Name,
    /// Seconds between two rounds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
    /// Stop after so many rounds
    #[arg(long)]
    rounds: Option<u64>,
    /// The ledger's id, 64 hex digits, which chips' tags are made with [default: that of the home's treaty]
    #[arg(long, value_name = "HEX")]
    chain_id: Option<Hash>,
    /// NVML's library [default: where the loader finds `libnvidia-ml.so.1`]
    #[arg(long, value_name = "FILE")]
    library: Option<OsString>,
    /// List the chips with their tags, and read nothing
    #[arg(long)]
    list: bool,
}

impl MeterCommand {
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        // The driver first: without one nothing else matters.
        let nvml = nvml::load(self.library.as_deref())?;
        let mut driver = NvmlDriver::new(&nvml)?;
        let chain_id = match self.chain_id {
            Some(chain_id) => chain_id,
            None => super::attest::chain_id(global, &global.open()?)?,
        };
        let tags: Vec<Hash> = driver.chips().iter().map(|chip| tag(&chain_id, chip)).collect();
        if self.list {
            return list(global, driver.chips(), &tags);
        }
        let mut log = self.place.open(global)?;
        let mut rounds = Clock::new(global, self.interval, self.rounds)?;
        let (count, interval) = (tags.len(), self.interval);
        global.say(&format!("reading {count} chips every {interval} s into {}", self.place.folder(global)?.display()));
        let mut meter = Meter::new(self.name.clone(), self.interval.saturating_mul(1000), tags);
        let tally = meter.run(&mut driver, &mut log, &mut rounds)?;
        let (size, root) = (log.size(), log.root());
        let view = json!({ "schema": "standstill.meter/1", "rounds": tally.rounds, "readings": tally.readings,
            "size": size, "root": root });
        let readings = tally.readings;
        global.print(&view, || format!("rounds    {}\nreadings  {readings}\nleaves    {size}\n", tally.rounds))?;
        Ok(Exit::Holds)
    }
}

/// A chip's tag in readings.
fn tag(chain_id: &Hash, chip: &Chip) -> Hash {
    standstill_attestations::reading::chip_tag(chain_id, &chip.uuid)
}

fn list(global: &Global, chips: &[Chip], tags: &[Hash]) -> Result<Exit, Failure> {
    let rows: Vec<_> = chips.iter().zip(tags).collect();
    let view: Vec<_> = rows
        .iter()
        .map(|(chip, tag)| json!({ "uuid": chip.uuid, "serial": chip.serial, "model": chip.model, "tag": tag }))
        .collect();
    let table: Vec<_> =
        rows.iter().map(|(chip, tag)| vec![chip.uuid.clone(), chip.model.clone(), tag.short()]).collect();
    global.print(&json!({ "schema": "standstill.chips/1", "rows": view }), || columns(&table))?;
    Ok(Exit::Holds)
}

/// The machine's clock, an interval, and the signals that end the loop.
struct Clock<'a> {
    global: &'a Global,
    runtime: Runtime,
    ticks: Interval,
    interrupt: Signal,
    terminate: Signal,
    left: Option<u64>,
}

impl<'a> Clock<'a> {
    fn new(global: &'a Global, seconds: u64, rounds: Option<u64>) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::unavailable(format!("cannot watch the clock: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let entered = runtime.enter();
        let mut ticks = tokio::time::interval(Duration::from_secs(seconds));
        // A round that was slept through is a gap in the log, not a burst of rounds.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        drop(entered);
        Ok(Clock { global, runtime, ticks, interrupt, terminate, left: rounds })
    }
}

impl Rounds for Clock<'_> {
    fn next(&mut self) -> Option<Timestamp> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        let Clock { runtime, ticks, interrupt, terminate, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = ticks.tick() => Some(clock::now()),
                _ = interrupt.recv() => None,
                _ = terminate.recv() => None,
            }
        })
    }

    fn note(&mut self, text: &str) {
        self.global.say(&format!("note: {text}"));
    }
}
