//! One judgement everywhere: the shipped clauses in wasmtime, in `wasmi` and natively, in one piece or in many.

mod support;

use proptest::prelude::*;
use standstill_clause_reporting::Reporting;
use standstill_clause_run_cap::RunCap;
use standstill_clause_slowdown::Slowdown;
use standstill_policies::{Assess, Execution, Finding, Host, Limits, Module, Outcome, Parameters, Record};
use support::{clauses, native, period, record, wasmi};

fn run(
    host: &Host,
    module: &Module,
    with: &Parameters,
    state: &[u8],
    records: &[Record],
    at: Option<&Assess>,
) -> Execution {
    let run = host.run(module, with, Some(state), records, at).unwrap();
    assert_eq!(run.outcome, Outcome::Ok);
    run
}

/// Findings in the bytes that the guest gave.
fn bytes(findings: &[Finding]) -> Vec<u8> {
    let mut bytes = (findings.len() as u32).to_le_bytes().to_vec();
    for finding in findings {
        bytes.extend(finding.period.to_le_bytes());
        bytes.extend([finding.verdict as u8, finding.numbers.len() as u8, finding.evidence.len() as u8, 0]);
        bytes.extend(finding.code.to_le_bytes());
        finding.numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        finding.evidence.iter().for_each(|index| bytes.extend(index.to_le_bytes()));
    }
    bytes
}

fn natively(name: &str, with: &Parameters, records: &[Record], at: Option<&Assess>) -> (Vec<u8>, Vec<u8>) {
    match name {
        "run-cap" => native::<RunCap>(with, &[], records, at),
        "reporting" => native::<Reporting>(with, &[], records, at),
        _ => native::<Slowdown>(with, &[], records, at),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn wasmtime_wasmi_and_native_agree_to_the_byte_gas_included(records in prop::collection::vec(record(), 0..60), index in 0u32..8) {
        let host = Host::new(Limits::V1).unwrap();
        let assess = Assess { period: period(index), log_size: 10_000 };
        for (name, wasm, with) in clauses() {
            let module = host.admit(wasm).unwrap();
            let first = run(&host, &module, &with, &[], &records, Some(&assess));
            let again = run(&host, &module, &with, &[], &records, Some(&assess));
            prop_assert_eq!(&first, &again);
            let (outcome, state, findings, gas) = wasmi(&module, &Limits::V1, &with, &[], &records, Some(&assess));
            prop_assert_eq!((outcome, &state, gas), (Outcome::Ok, &first.state, first.gas_used), "{}", name);
            prop_assert_eq!(&findings, &bytes(&first.findings), "{}", name);
            prop_assert_eq!(natively(name, &with, &records, Some(&assess)), (state, findings), "{}", name);
        }
    }

    #[test]
    fn batches_mean_nothing(records in prop::collection::vec(record(), 0..60), cuts in prop::collection::vec(0usize..60, 0..5)) {
        let host = Host::new(Limits::V1).unwrap();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(records.len())).collect();
        cuts.sort_unstable();
        for (name, wasm, with) in clauses() {
            let module = host.admit(wasm).unwrap();
            let whole = run(&host, &module, &with, &[], &records, None).state;
            let (mut state, mut from) = (Vec::new(), 0);
            for cut in cuts.iter().copied().chain([records.len()]) {
                state = run(&host, &module, &with, &state, &records[from..cut], None).state;
                from = cut;
            }
            prop_assert_eq!(state, whole, "{}", name);
        }
    }
}

#[test]
fn records_beyond_one_chunk_fold_like_one_after_another() {
    let host = Host::new(Limits::V1).unwrap();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let records = prop::collection::vec(record(), 2100..2101).new_tree(&mut runner).unwrap().current();
    host.clone()
        .enter(|| {
            for (name, wasm, with) in clauses() {
                let module = host.admit(wasm).unwrap();
                let whole = run(&host, &module, &with, &[], &records, None);
                let mut state = Vec::new();
                for part in records.chunks(700) {
                    state = run(&host, &module, &with, &state, part, None).state;
                }
                assert_eq!(state, whole.state, "{name}");
                let (_, _, _, gas) = wasmi(&module, &Limits::V1, &with, &[], &records, None);
                assert_eq!(gas, whole.gas_used, "{name}");
            }
        })
        .unwrap();
}

#[test]
fn many_threads_at_once_get_the_same_answers() {
    let host = Host::new(Limits::V1).unwrap();
    let (_, wasm, with) = clauses().swap_remove(1);
    let module = host.admit(wasm).unwrap();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let records = prop::collection::vec(record(), 50..51).new_tree(&mut runner).unwrap().current();
    let expected = run(&host, &module, &with, &[], &records, None);
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| assert_eq!(run(&host, &module, &with, &[], &records, None), expected));
        }
    });
}

use proptest::strategy::ValueTree;
