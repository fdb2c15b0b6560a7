//! Folding 200,000 records: the metered clause in wasmtime against the same clause natively, in one run.
//!
//! `cargo bench -p standstill-policies --bench fold` prints, for each shipped clause and batch size, both times and their
//! ratio. Both start from the same records in the host's form, lay them out as frames chunk by chunk, fold them, and save.
//! Natively the frames are a vector of the SDK's, read in place; the wasm figure includes every call and the metering, and
//! an instance, `init` from the state and `save` for each batch, as for one block. `fold only` leaves the layout out on the native side.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use standstill_clause_reporting::Reporting;
use standstill_clause_run_cap::RunCap;
use standstill_clause_sdk::{self as sdk, Clause};
use standstill_clause_slowdown::Slowdown;
use standstill_policies::record::CHUNK;
use standstill_policies::{Host, Kind, Limits, Module, Outcome, Parameters, Record, Totals};
use standstill_protocol::units::{Flop, Timestamp};

const RECORDS: u32 = 200_000;
const ROUNDS: u32 = 25;

/// Weekly claims of 16 runs over 50 periods, each followed by its obligation.
fn records() -> Vec<Record> {
    let one = |at: u32| {
        let kind = if at.is_multiple_of(8) { Kind::ObligationMet } else { Kind::TrainingCompute };
        let period = at * 50 / RECORDS;
        let mut record = Record::new(kind, at.into(), Timestamp(1_800_000_000_000), 1, period);
        record.run = at % 16;
        (record.flop_lower, record.flop_upper) = (Flop(u128::from(at) << 60), Flop(u128::from(at) << 61));
        let cumulative_upper = Flop(u128::from(at) << 62);
        let totals = Totals { cumulative_lower: record.flop_lower, cumulative_upper, ..Totals::default() };
        record.totals = (kind == Kind::TrainingCompute).then_some(totals);
        record
    };
    (0..RECORDS).map(one).collect()
}

/// Time that this thread had on a processor where the system tells it, else wall time: other work on the machine does not
/// count.
fn clock(start: Instant) -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let on_processor = text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok());
    on_processor.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// One of [`ROUNDS`] in a row: the system's clock ticks too rarely for one alone.
fn time(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    work();
    let before = clock(start);
    (0..ROUNDS).for_each(|_| work());
    clock(start).saturating_sub(before) / ROUNDS
}

/// What the host does for a module, for native code: a chunk's frames and extensions, laid out in buffers used again.
fn lay_out(records: &[Record], frames: &mut Vec<sdk::Frame>, words: &mut Vec<u128>) {
    frames.clear();
    words.clear();
    for record in records {
        let mut frame = support::native_frame(record);
        if let Some(stated) = &record.totals {
            frame.extension_offset = (words.len() * 16) as u32;
            let (cumulative, discarded) =
                ((stated.cumulative_lower, stated.cumulative_upper), (stated.discarded_lower, stated.discarded_upper));
            words.extend([cumulative.0.0, cumulative.1.0, discarded.0.0, discarded.1.0]);
        }
        frames.push(frame);
    }
}

fn fold<C: Clause>(clause: &mut C, frames: &[sdk::Frame], words: &[u128]) {
    for frame in black_box(frames) {
        clause.step(&sdk::Record::new(frame, words));
    }
}

/// The same batches natively: state in, records laid out and folded, state out.
fn natively<C: Clause>(parameters: &Parameters, records: &[Record], batch: usize) -> Duration {
    let (mut frames, mut words) = (Vec::new(), Vec::new());
    time(|| {
        let mut state: Vec<u8> = Vec::new();
        for part in records.chunks(batch) {
            let reader = (!state.is_empty()).then(|| sdk::Reader::new(&state));
            let mut clause = C::init(&sdk::Parameters::new(parameters.bytes()), reader);
            for chunk in part.chunks(CHUNK) {
                lay_out(chunk, &mut frames, &mut words);
                fold(&mut clause, &frames, &words);
            }
            let mut writer = sdk::Writer::new();
            clause.save(&mut writer);
            state = writer.bytes().to_vec();
        }
        black_box(&state);
    })
}

/// The fold alone, over frames that lie ready.
fn fold_only<C: Clause>(parameters: &Parameters, records: &[Record]) -> Duration {
    let (mut frames, mut words) = (Vec::new(), Vec::new());
    lay_out(records, &mut frames, &mut words);
    time(|| {
        let mut clause = C::init(&sdk::Parameters::new(parameters.bytes()), None);
        fold(&mut clause, &frames, &words);
        black_box(&clause.save(&mut sdk::Writer::new()));
    })
}

fn metered(host: &Host, module: &Module, parameters: &Parameters, records: &[Record], batch: usize) -> (Duration, u64) {
    let mut gas = 0;
    let time = self::time(|| {
        let (mut state, mut used) = (Vec::new(), 0);
        for part in records.chunks(batch) {
            let run = host.run(module, parameters, Some(&state), part, None).expect("this machine can run a clause");
            assert_eq!(run.outcome, Outcome::Ok);
            (state, used) = (run.state, used + run.gas_used);
        }
        gas = used;
    });
    (time, gas)
}

const BATCHES: [usize; 4] = [100, 1000, 10_000, RECORDS as usize];

fn row<C: Clause>(host: &Host, name: &str, wasm: &[u8], parameters: &Parameters, records: &[Record]) {
    let module = host.admit(wasm).expect("a shipped clause");
    let each = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(RECORDS);
    let alone = each(fold_only::<C>(parameters, records));
    for batch in BATCHES {
        let native = each(natively::<C>(parameters, records, batch));
        let (wasm, gas) = metered(host, &module, parameters, records, batch);
        let (wasm, gas) = (each(wasm), gas / u64::from(RECORDS));
        println!("{name:<10} {batch:>8} {native:>10.1} {wasm:>10.1} {:>7.2} {alone:>10.1} {gas:>8}", wasm / native);
    }
}

fn main() {
    let records = records();
    let host = Host::new(Limits::V1).expect("an engine");
    println!(
        "{RECORDS} records, means of {ROUNDS}, ns of processor time a record; both sides lay the records out and fold them"
    );
    println!("clause        batch     native      wasm   ratio  fold only  gas/record");
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let measure = || {
        for (name, wasm, parameters) in support::clauses() {
            if !name.contains(&wanted) {
                continue;
            }
            match name {
                "run-cap" => row::<RunCap>(&host, name, wasm, &parameters, &records),
                "reporting" => row::<Reporting>(&host, name, wasm, &parameters, &records),
                _ => row::<Slowdown>(&host, name, wasm, &parameters, &records),
            }
        }
        let (name, wasm, parameters) = support::clauses().swap_remove(0);
        let module = host.admit(wasm).expect("a shipped clause");
        let empty = time(|| {
            for _ in 0..1000 {
                host.run(&module, &parameters, None, &[], None).expect("this machine can run a clause");
            }
        });
        println!("one empty run of {name} (instance, init, save): {:.2?}", empty / 1000);
    };
    host.enter(measure).expect("a thread");
}
