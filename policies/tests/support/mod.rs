//! What the tests share: a second engine, clauses run natively, and records at random.

#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use standstill_clause_sdk as sdk;
use standstill_policies::meter::{DEPTH, FLAG, FLAG_LIMIT, GAS};
use standstill_policies::record::{CHUNK, batch_bytes, write_batch};
use standstill_policies::treaty::PAUSE_OPTION;
use standstill_policies::{
    Assess, Grade, Kind, Limits, Module, Outcome, Parameters, Period, Record, Totals, Treaty, Value,
};
use standstill_protocol::units::{Flop, Timestamp};

/// A module with the interface and these bodies; an empty one stands for a body that is well-behaved.
pub fn module(init: &str, step: &str, assess: &str, save: &str, extra: &str) -> Vec<u8> {
    let or = |body: &str, default: &str| if body.is_empty() { default.to_owned() } else { body.to_owned() };
    let text = format!(
        r#"(module
            {extra}
            (memory (export "memory") 1)
            (func (export "standstill_abi_1"))
            (func (export "alloc") (param i32) (result i32) (i32.const 1024))
            (func $init (export "init") (param i32 i32 i32 i32) {init})
            (func $step (export "step") (param i32 i32 i32) {step})
            (func (export "assess") (param i32 i64 i64) (result i64) {})
            (func (export "save") (result i64) {}))"#,
        or(assess, "(i64.const 0x200_0000_0004)"),
        or(save, "(i64.const 0)"),
    );
    wat::parse_str(text).unwrap()
}

pub fn parameters(values: &[(&str, Value)]) -> Parameters {
    let values: BTreeMap<_, _> = values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Parameters::new(values).unwrap()
}

pub fn period(index: u32) -> Period {
    Treaty::parse(PAUSE_OPTION).unwrap().periods.period(index)
}

/// One metered module in `wasmi`: outcome, state, the bytes of the findings, and gas.
pub fn wasmi(
    module: &Module,
    limits: &Limits,
    parameters: &Parameters,
    state: &[u8],
    records: &[Record],
    assess: Option<&Assess>,
) -> (Outcome, Vec<u8>, Vec<u8>, u64) {
    let mut config = wasmi::Config::default();
    config.set_max_recursion_depth(1 << 20).set_max_stack_height(1 << 26).floats(false);
    let engine = wasmi::Engine::new(&config);
    let compiled = wasmi::Module::new(&engine, module.metered()).unwrap();
    let mut store = wasmi::Store::new(&engine, ());
    let instance = wasmi::Linker::new(&engine).instantiate_and_start(&mut store, &compiled).unwrap();
    let mut second = Second { store, instance, limits: limits.clone(), gas_used: 0 };
    match second.fold(parameters.bytes(), state, records, assess) {
        Ok((state, findings)) => (Outcome::Ok, state, findings, second.gas_used),
        Err(outcome) => (outcome, state.to_vec(), Vec::new(), second.gas_used),
    }
}

struct Second {
    store: wasmi::Store<()>,
    instance: wasmi::Instance,
    limits: Limits,
    gas_used: u64,
}

impl Second {
    fn fold(
        &mut self,
        parameters: &[u8],
        state: &[u8],
        records: &[Record],
        assess: Option<&Assess>,
    ) -> Result<(Vec<u8>, Vec<u8>), Outcome> {
        let at = self.give(parameters)?;
        let from = self.give(state)?;
        self.call::<_, ()>("init", (at, parameters.len() as u32, from, state.len() as u32))?;
        if let Some(largest) = records.chunks(CHUNK).map(batch_bytes).max() {
            let buffer: u32 = self.call("alloc", largest as u32)?;
            for chunk in records.chunks(CHUNK) {
                let mut bytes = vec![0; batch_bytes(chunk)];
                write_batch(chunk, &mut bytes);
                self.memory().write(&mut self.store, buffer as usize, &bytes).map_err(|_| Outcome::BadOutput)?;
                self.call::<_, ()>("step", (buffer, chunk.len() as u32, bytes.len() as u32))?;
            }
        }
        let mut findings = Vec::new();
        if let Some(Assess { period, .. }) = assess {
            let given: u64 = self.call("assess", (period.index, period.start.0, period.end.0))?;
            findings = self.take(given)?;
        }
        let saved: u64 = self.call("save", ())?;
        Ok((self.take(saved)?, findings))
    }

    fn memory(&self) -> wasmi::Memory {
        self.instance.get_memory(&self.store, "memory").unwrap()
    }

    fn give(&mut self, bytes: &[u8]) -> Result<u32, Outcome> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let pointer: u32 = self.call("alloc", bytes.len() as u32)?;
        self.memory().write(&mut self.store, pointer as usize, bytes).map_err(|_| Outcome::BadOutput)?;
        Ok(pointer)
    }

    fn take(&self, result: u64) -> Result<Vec<u8>, Outcome> {
        let (pointer, length) = ((result >> 32) as usize, (result & 0xffff_ffff) as usize);
        let bytes = self.memory().data(&self.store).get(pointer..pointer + length).ok_or(Outcome::BadOutput)?;
        Ok(bytes.to_vec())
    }

    fn global(&self, name: &str) -> wasmi::Global {
        self.instance.get_global(&self.store, name).unwrap()
    }

    fn call<P: wasmi::WasmParams, R: wasmi::WasmResults>(&mut self, name: &str, parameters: P) -> Result<R, Outcome> {
        let budget = self.limits.gas_per_call;
        let function = self.instance.get_typed_func::<P, R>(&self.store, name).unwrap();
        self.global(GAS).set(&mut self.store, wasmi::Val::I64(budget as i64)).unwrap();
        self.global(DEPTH).set(&mut self.store, wasmi::Val::I32(self.limits.call_depth as i32)).unwrap();
        let result = function.call(&mut self.store, parameters);
        let left = self.global(GAS).get(&self.store).i64().unwrap();
        self.gas_used += budget - left.max(0) as u64;
        result.map_err(|_| match self.global(FLAG).get(&self.store).i32().unwrap() {
            _ if left < 0 => Outcome::OutOfGas,
            FLAG_LIMIT => Outcome::MemoryLimit,
            _ => Outcome::Trap,
        })
    }
}

/// The same clause, run natively: state and the bytes of the findings.
pub fn native<C: sdk::Clause>(
    parameters: &Parameters,
    state: &[u8],
    records: &[Record],
    assess: Option<&Assess>,
) -> (Vec<u8>, Vec<u8>) {
    let state = (!state.is_empty()).then(|| sdk::Reader::new(state));
    let mut clause = C::init(&sdk::Parameters::new(parameters.bytes()), state);
    for record in records {
        clause.step(&sdk::Record::new(&native_frame(record), &native_extension(record)));
    }
    let mut findings = Vec::new();
    if let Some(Assess { period, .. }) = assess {
        let mut list = sdk::Findings::new();
        let period = sdk::Period { index: period.index, start: period.start.0, end: period.end.0 };
        clause.assess(&period, &mut list);
        findings = list.to_bytes();
    }
    let mut state = sdk::Writer::new();
    clause.save(&mut state);
    (state.bytes().to_vec(), findings)
}

/// The extension in words.
pub fn native_extension(record: &Record) -> Vec<u128> {
    let mut bytes: Vec<u8> = record.totals.iter().flat_map(Totals::to_bytes).collect();
    bytes.extend(&record.rest);
    bytes.resize(record.extension_bytes(), 0);
    bytes.chunks(16).map(|word| u128::from_le_bytes(word.try_into().unwrap())).collect()
}

pub fn native_frame(record: &Record) -> sdk::Frame {
    sdk::Frame {
        index: record.index,
        time: record.time.0,
        flop_lower: record.flop_lower.0,
        flop_upper: record.flop_upper.0,
        start: record.start.0,
        end: record.end.0,
        member: record.member,
        site: record.site,
        period: record.period,
        run: record.run,
        kind: record.kind as u16,
        grade: record.grade.map_or(0, |grade| grade as u8),
        basis: record.basis,
        flags: record.flags,
        extension_offset: 0,
        extension_length: record.extension_bytes() as u32,
    }
}

fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![Just(0), 1u128..1000, 1u128..10u128.pow(27), Just(u128::MAX)]
}

fn interval() -> impl Strategy<Value = (Flop, Flop)> {
    (amount(), amount()).prop_map(|(a, b)| (Flop(a.min(b)), Flop(a.max(b))))
}

/// A record about one of a few periods and runs, as the ledger or as nobody would make it.
pub fn record() -> impl Strategy<Value = Record> {
    let kinds = [
        Kind::TrainingCompute,
        Kind::TrainingCompute,
        Kind::TrainingCompute,
        Kind::CapabilityEvaluation,
        Kind::GradeRaised,
        Kind::Corrected,
        Kind::Disagreement,
        Kind::ObligationOpened,
        Kind::ObligationMet,
        Kind::ObligationLate,
        Kind::ObligationMissed,
        Kind::Phase,
        Kind::PeriodClosed,
        Kind::PhaseLeft,
    ];
    let grades = [None, Some(Grade::Declared), Some(Grade::Countersigned), Some(Grade::Inspected)];
    let what = (proptest::sample::select(kinds.to_vec()), proptest::sample::select(grades.to_vec()));
    let time = (0u64..1_000_000_000, 0u64..1_000_000_000);
    (0u64..5000, what, 0u32..6, 0u32..4, interval(), interval(), time).prop_map(
        |(index, (kind, grade), period_index, run, flop, cumulative, (start, length))| {
            let mut record = Record::new(kind, index, Timestamp(start), 7, period_index);
            let base = 1_799_020_800_000;
            (record.start, record.end) = (Timestamp(base + start), Timestamp(base + start + length));
            (record.flop_lower, record.flop_upper) = flop;
            record.run = run;
            record.grade = grade;
            let (cumulative_lower, cumulative_upper) = cumulative;
            let totals = Totals { cumulative_lower, cumulative_upper, ..Totals::default() };
            let stated = matches!(kind, Kind::TrainingCompute | Kind::Corrected);
            record.totals = (stated && index % 4 != 0).then_some(totals);
            if kind == Kind::Corrected {
                record.rest = (index / 2).to_le_bytes().to_vec();
            }
            if kind == Kind::TrainingCompute {
                record.flags = (index % 8) as u32;
                record.rest = vec![1; (index % 5 * 16) as usize];
            }
            record
        },
    )
}

/// Each shipped clause with the parameters of the treaty's pause.
pub fn clauses() -> Vec<(&'static str, &'static [u8], Parameters)> {
    let treaty = Treaty::parse(PAUSE_OPTION).unwrap();
    let shipped = standstill_policies::shipped::ALL.into_iter();
    shipped.map(|(name, wasm)| (name, wasm, treaty.parameters(name, "pause").unwrap().clone())).collect()
}
