//! Folding 200,000 records: the metered clause in wasmtime against the same clause natively, in one run.
//!
//! `cargo bench -p standstill-policies --bench fold` prints, for each shipped clause and batch size, both times and their
//! ratio. Natively the records are read from the same frames. The wasm figure includes laying the frames out in the
//! guest's memory, every call, and the metering; the instance is made once a fold, as for one large block.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use standstill_clause_reporting::Reporting;
use standstill_clause_run_cap::RunCap;
use standstill_clause_sdk::{self as sdk, Clause};
use standstill_clause_slowdown::Slowdown;
use standstill_policies::{Host, Kind, Limits, Module, Outcome, Parameters, Record, Totals};
use standstill_protocol::units::{Flop, Timestamp};

const RECORDS: u32 = 200_000;
const ROUNDS: usize = 7;

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

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn natively<C: Clause>(parameters: &Parameters, frames: &[sdk::Frame], totals: &[sdk::Totals]) -> Duration {
    median(|| {
        let mut clause = C::init(&sdk::Parameters::new(parameters.bytes()), None);
        for frame in frames {
            clause.step(&sdk::Record::new(black_box(frame), totals));
        }
        let mut state = sdk::Writer::new();
        clause.save(&mut state);
        black_box(state.bytes());
    })
}

fn metered(host: &Host, module: &Module, parameters: &Parameters, records: &[Record], batch: usize) -> (Duration, u64) {
    let mut gas = 0;
    let time = median(|| {
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

fn main() {
    let records = records();
    let totals: Vec<_> =
        records.iter().filter_map(|record| record.totals.as_ref()).map(support::native_totals).collect();
    let mut offset = 0;
    let place = |record: &Record| {
        let mut frame = support::native_frame(record);
        frame.extension_offset = if record.totals.is_some() { offset } else { 0 };
        offset += frame.extension_length;
        frame
    };
    let frames: Vec<_> = records.iter().map(place).collect();
    let host = Host::new(Limits::V1).expect("an engine");
    println!("{RECORDS} records, medians of {ROUNDS}; native reads the same frames");
    println!(
        "{:<10} {:>11} {:>11} {:>7} {:>12} {:>14}",
        "clause", "native", "wasm", "ratio", "gas/record", "blocks of 1000"
    );
    let measure = || {
        for (name, wasm, parameters) in support::clauses() {
            let native = match name {
                "run-cap" => natively::<RunCap>(&parameters, &frames, &totals),
                "reporting" => natively::<Reporting>(&parameters, &frames, &totals),
                _ => natively::<Slowdown>(&parameters, &frames, &totals),
            };
            let module = host.admit(wasm).expect("a shipped clause");
            let (whole, gas) = metered(&host, &module, &parameters, &records, records.len());
            let (blocks, _) = metered(&host, &module, &parameters, &records, 1000);
            let ratio = |time: Duration| time.as_secs_f64() / native.as_secs_f64();
            println!(
                "{name:<10} {native:>11.2?} {whole:>11.2?} {:>6.2}x {:>12} {:>13.2}x",
                ratio(whole),
                gas / u64::from(RECORDS),
                ratio(blocks)
            );
        }
        let (name, wasm, parameters) = support::clauses().swap_remove(0);
        let module = host.admit(wasm).expect("a shipped clause");
        let empty = median(|| {
            for _ in 0..1000 {
                host.run(&module, &parameters, None, &[], None).expect("this machine can run a clause");
            }
        });
        println!("one empty run of {name} (instance, init, save): {:.2?}", empty / 1000);
    };
    host.enter(measure).expect("a thread");
}
