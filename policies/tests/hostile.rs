//! Modules that mean harm, or are broken: each is refused by name, or ends in its outcome, with the same gas every time
//! and in a second engine.

mod support;

use standstill_policies::{
    AdmissionError, Assess, Execution, Host, Kind, Limits, Outcome, Parameters, Record, shipped,
};
use standstill_protocol::units::Timestamp;
use support::{module, period};

const LIMITS: Limits = Limits { gas_per_call: 1_000_000, call_depth: 100, memory_pages: 16, state_bytes: 1024 };

fn host() -> Host {
    Host::new(LIMITS).unwrap()
}

/// Runs a module on one record with an assessment, twice and in `wasmi`: all three agree.
fn outcome(wasm: &[u8]) -> Execution {
    let module = host().admit(wasm).unwrap();
    let records = [Record::new(Kind::PeriodClosed, 0, Timestamp(0), 0, 0)];
    let assess = Assess { period: period(0), log_size: 10 };
    let run = || host().run(&module, &Parameters::default(), None, &records, Some(&assess)).unwrap();
    let (first, second) = (run(), run());
    assert_eq!(first, second);
    let (outcome, _, _, gas) = support::wasmi(&module, &LIMITS, &Parameters::default(), &[], &records, Some(&assess));
    if first.outcome != Outcome::BadOutput {
        assert_eq!((outcome, gas), (first.outcome, first.gas_used), "wasmi");
    }
    first
}

fn refusal(wasm: &[u8]) -> AdmissionError {
    host().admit(wasm).unwrap_err()
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn a_well_behaved_module_ends_well() {
    let run = outcome(&module("", "", "", "", ""));
    assert_eq!((run.outcome, run.findings.len(), run.state.len()), (Outcome::Ok, 0, 0));
    // alloc, init, step, assess, save: a constant and an entry each, an entry alone where the body is empty.
    assert_eq!(run.gas_used, 3 + 2 + 2 + 3 + 3);
}

#[test]
fn an_endless_loop_runs_out_of_gas_at_the_same_point_every_time() {
    let run = outcome(&module("", "(loop (br 0))", "", "", ""));
    assert_eq!((run.outcome, run.gas_used), (Outcome::OutOfGas, 2 + 3 + LIMITS.gas_per_call));
    let run = outcome(&module(
        "(local i32) (loop (local.set 4 (i32.add (local.get 4) (i32.const 1))) (br_if 0 (i32.const 1)))",
        "",
        "",
        "",
        "",
    ));
    assert_eq!((run.outcome, run.gas_used), (Outcome::OutOfGas, LIMITS.gas_per_call));
}

#[test]
fn a_memory_bomb_stops_at_the_limit() {
    let run = outcome(&module("(loop (drop (memory.grow (i32.const 1))) (br 0))", "", "", "", ""));
    assert_eq!(run.outcome, Outcome::MemoryLimit);
    // 15 pages beside the first one, and the refused one, which is charged before it is refused.
    assert!(run.gas_used > 16_000 && run.gas_used < 20_000, "{}", run.gas_used);
    assert_eq!(outcome(&module("(drop (memory.grow (i32.const -1)))", "", "", "", "")).outcome, Outcome::OutOfGas);
    assert_eq!(outcome(&module("(drop (memory.grow (i32.const 16)))", "", "", "", "")).outcome, Outcome::MemoryLimit);
    assert_eq!(outcome(&module("(drop (memory.grow (i32.const 15)))", "", "", "", "")).outcome, Outcome::Ok);
}

#[test]
fn deep_recursion_traps_at_the_metered_depth() {
    let direct = module("(call $deep)", "", "", "", "(func $deep (call $deep))");
    let run = outcome(&direct);
    assert_eq!(run.outcome, Outcome::Trap);
    assert!(run.gas_used < 1000, "{}", run.gas_used);
    let table = "(type $none (func)) (table 1 funcref) (elem (i32.const 0) $deep) (func $deep (call_indirect (type $none) (i32.const 0)))";
    assert_eq!(outcome(&module("(call $deep)", "", "", "", table)).outcome, Outcome::Trap);
}

#[test]
fn recursion_within_the_depth_ends_well_even_with_the_largest_frames() {
    let locals = "(local ".to_owned() + &"i64 ".repeat(1000) + ")";
    let deep = format!(
        "(func $deep (param i32) {locals} (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))"
    );
    let run = |depth| outcome(&module(&format!("(call $deep (i32.const {depth}))"), "", "", "", &deep)).outcome;
    assert_eq!((run(99), run(100)), (Outcome::Ok, Outcome::Trap));
}

/// A function near every limit that bounds a native frame: 64 KiB of code, a thousand slots, thousands of values that live
/// across calls, so that each is spilled; and it calls itself.
fn spilling() -> String {
    let slots = 960;
    let value = |at: usize| {
        let (to, from) = ((at * 7919) % slots, (at * 31) % slots);
        format!("local.get {} call $leaf i64.add local.set {} ", from + 1, to + 1)
    };
    let body: String = (0..5_500).map(value).collect();
    let all: String = (1..=slots).map(|slot| format!("local.get {slot} i64.xor ")).collect();
    format!(
        "(global $sink (mut i64) (i64.const 0))
         (func $leaf (result i64) (i64.add (global.get $sink) (i64.const 1)))
         (func $deep (param i32) (local {})
            {body} (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))))
            i64.const 0 {all} global.set $sink)",
        "i64 ".repeat(slots)
    )
}

#[test]
fn no_function_that_admission_takes_overflows_the_native_stack_within_the_metered_depth() {
    let depth = Limits::V1.call_depth - 1;
    let wasm = module(&format!("(call $deep (i32.const {depth}))"), "", "", "", &spilling());
    let host = Host::new(Limits::V1).unwrap();
    let run = host.run(&host.admit(&wasm).unwrap(), &Parameters::default(), None, &[], None);
    assert_eq!(run.map(|run| run.outcome), Ok(Outcome::Ok));
}

#[test]
fn traps_are_traps() {
    for body in [
        "(unreachable)",
        "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
        "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
        "(drop (i64.load (i32.const 65535)))",
        "(i32.store8 (i32.const -1) (i32.const 0))",
    ] {
        assert_eq!(outcome(&module("", body, "", "", "")).outcome, Outcome::Trap, "{body}");
    }
    let null = "(type $none (func)) (table 2 funcref)";
    let call = |at| format!("(call_indirect (type $none) (i32.const {at}))");
    assert_eq!(outcome(&module("", &call(1), "", "", null)).outcome, Outcome::Trap);
    assert_eq!(outcome(&module("", &call(7), "", "", null)).outcome, Outcome::Trap);
    let other = "(type $none (func)) (table 1 funcref) (elem (i32.const 0) $other) (func $other (param i64))";
    assert_eq!(outcome(&module("", &call(0), "", "", other)).outcome, Outcome::Trap);
}

#[test]
fn a_failed_run_leaves_the_state_as_it_was() {
    let module = host().admit(&module("", "(unreachable)", "", "", "")).unwrap();
    let records = [Record::new(Kind::PeriodClosed, 0, Timestamp(0), 0, 0)];
    let run = host().run(&module, &Parameters::default(), Some(b"before"), &records, None).unwrap();
    assert_eq!((run.outcome, run.state.as_slice()), (Outcome::Trap, b"before".as_slice()));
}

#[test]
fn pointers_and_states_outside_the_interface_are_bad_output() {
    let cases = [
        module("", "", "(i64.const -1)", "", ""),
        module("", "", "", "(i64.const 0xffff_0000_0002)", ""),
        module("", "", "", "(i64.const 0x0000_0401)", ""),
        module("", "", "(i64.const 0)", "", ""),
        module("", "", "(i64.const 0x200_0000_0005)", "", ""),
    ];
    for wasm in cases {
        assert_eq!(outcome(&wasm).outcome, Outcome::BadOutput);
    }
    for pointer in ["0", "1028", "65520", "-16"] {
        let text = format!("(i32.const {pointer})");
        let wasm = module("", "", "", "", "");
        let honest = wat(&allocating_at(&text));
        assert_ne!(wasm, honest);
        assert_eq!(outcome(&honest).outcome, Outcome::BadOutput, "{pointer}");
    }
}

/// A module whose `alloc` answers with `pointer`.
fn allocating_at(pointer: &str) -> String {
    format!(
        r#"(module (memory (export "memory") 1) (func (export "standstill_abi_1"))
            (func (export "alloc") (param i32) (result i32) {pointer})
            (func (export "init") (param i32 i32 i32 i32)) (func (export "step") (param i32 i32 i32))
            (func (export "assess") (param i32 i64 i64) (result i64) (i64.const 0x200_0000_0004))
            (func (export "save") (result i64) (i64.const 0)))"#
    )
}

/// A module whose `assess` answers with these bytes.
fn answering(bytes: &[u8]) -> Vec<u8> {
    let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module (memory (export "memory") 8) (data (i32.const 4096) "{escaped}") (func (export "standstill_abi_1"))
            (func (export "alloc") (param i32) (result i32) (i32.const 1024))
            (func (export "init") (param i32 i32 i32 i32)) (func (export "step") (param i32 i32 i32))
            (func (export "assess") (param i32 i64 i64) (result i64) (i64.const {}))
            (func (export "save") (result i64) (i64.const 0)))"#,
        (4096u64 << 32) + bytes.len() as u64
    );
    wat(&text)
}

fn finding(period: u32, verdict: u8, code: u32, evidence: &[u64]) -> Vec<u8> {
    let mut bytes = period.to_le_bytes().to_vec();
    bytes.extend([verdict, 0, evidence.len() as u8, 0]);
    bytes.extend(code.to_le_bytes());
    evidence.iter().for_each(|index| bytes.extend(index.to_le_bytes()));
    bytes
}

fn answer(findings: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = (findings.len() as u32).to_le_bytes().to_vec();
    findings.iter().for_each(|finding| bytes.extend(finding));
    bytes
}

#[test]
fn findings_are_taken_only_in_their_one_form() {
    let good = answer(&[finding(0, 0, 1, &[3, 9]), finding(0, 2, 0, &[])]);
    let run = outcome(&answering(&good));
    assert_eq!((run.outcome, run.findings.len()), (Outcome::Ok, 2));
    let mut trailing = good.clone();
    trailing.push(0);
    let mut more = good.clone();
    more[0] = 3;
    let bad = [
        answer(&[finding(0, 2, 0, &[]), finding(0, 0, 1, &[])]),
        answer(&[finding(0, 0, 1, &[]), finding(0, 0, 1, &[])]),
        answer(&[finding(0, 3, 1, &[])]),
        answer(&[finding(1, 0, 1, &[])]),
        answer(&[finding(0, 0, 1, &[10])]),
        answer(&[finding(0, 0, 1, &[4, 4])]),
        answer(&[finding(0, 0, 1, &(0..65).map(|index| index % 10).collect::<Vec<_>>())]),
        4_000_000_000u32.to_le_bytes().to_vec(),
        trailing,
        more,
        good[..good.len() - 1].to_vec(),
    ];
    for bytes in bad {
        assert_eq!(outcome(&answering(&bytes)).outcome, Outcome::BadOutput, "{bytes:?}");
    }
}

#[test]
fn too_many_findings_are_bad_output() {
    let many: Vec<_> = (0..4097).map(|code| finding(0, 0, code, &[])).collect();
    assert_eq!(outcome(&answering(&answer(&many))).outcome, Outcome::BadOutput);
    assert_eq!(outcome(&answering(&answer(&many[..4096]))).outcome, Outcome::Ok);
}

#[test]
fn findings_that_the_ledger_could_not_store_are_bad_output() {
    // 4,096 findings of 16 numbers and 64 indices each would be 3 MiB; the bound is on all of them together.
    let large = |code| {
        let mut bytes = finding(0, 0, code, &(0..10).collect::<Vec<_>>());
        bytes[5] = 16;
        bytes.splice(12..12, [0; 256]);
        bytes
    };
    let one = large(0).len();
    let most = (standstill_policies::finding::MAX_FINDINGS_BYTES - 4) / one;
    let all: Vec<_> = (0..=most as u32).map(large).collect();
    assert_eq!(outcome(&answering(&answer(&all[..most]))).outcome, Outcome::Ok);
    assert_eq!(outcome(&answering(&answer(&all))).outcome, Outcome::BadOutput);
}

#[test]
fn each_thing_outside_the_profile_is_refused_by_its_name() {
    assert!(
        matches!(refusal(&module("", "", "", "", "(import \"env\" \"now\" (func))")), AdmissionError::Import { name, .. } if name == "now")
    );
    assert!(matches!(refusal(&module("", "", "", "", "(start $go) (func $go)")), AdmissionError::Start));
    let floats = ["(drop (f32.const 1))", "(drop (f64.add (f64.const 1) (f64.const 1)))", "(local f64)"];
    for body in floats {
        assert!(matches!(refusal(&module("", body, "", "", "")), AdmissionError::Float { .. }), "{body}");
    }
    assert!(matches!(refusal(&module("", "", "", "", "(func (param f32))")), AdmissionError::Float { .. }));
    let features = [
        "(drop (v128.const i64x2 0 0))",
        "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))",
        "(drop (i32.extend8_s (i32.const 0)))",
        "(return_call $init (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
        "(drop (ref.null func))",
        "(drop (i32.atomic.load (i32.const 0)))",
    ];
    for body in features {
        assert!(matches!(refusal(&module("", body, "", "", "")), AdmissionError::Feature { .. }), "{body}");
    }
    let two = module("", "", "", "", "(func (result i32 i32) (i32.const 0) (i32.const 0))");
    assert!(matches!(refusal(&two), AdmissionError::Feature { .. }));
}

#[test]
fn every_count_has_a_limit() {
    let what = |wasm: &[u8]| match refusal(wasm) {
        AdmissionError::TooMany { what, .. } => what,
        other => panic!("{other}"),
    };
    assert_eq!(what(&module("", "", "", "", &"(func)".repeat(4097))), "functions");
    assert_eq!(what(&module("", "", "", "", &"(global i32 (i32.const 0))".repeat(513))), "globals");
    assert_eq!(what(&module("", "", "", "", "(table 1 funcref) (table 1 funcref)")), "tables");
    assert_eq!(what(&module("", "", "", "", "(table 8193 funcref)")), "table elements");
    assert_eq!(what(&module("", "", "", "", "(memory 1)")), "memories");
    assert_eq!(
        what(&module("", "", "", "", &format!("(func (local {}))", "i64 ".repeat(1025)))),
        "stack slots in one function"
    );
    let pushes = "i32.const 0 ".repeat(1030) + &"drop ".repeat(1030);
    assert_eq!(what(&module("", &pushes, "", "", "")), "stack slots in one function");
    assert_eq!(
        what(&module("", &("block ".repeat(300) + &"end ".repeat(300)), "", "", "")),
        "nested blocks in one function"
    );
    assert_eq!(what(&module("", &"nop ".repeat(300_000), "", "", "")), "bytes in one function");
    let custom: String = (0..70).map(|n| format!("(@custom \"c{n}\" \"\")")).collect();
    assert_eq!(what(&module("", "", "", "", &custom)), "custom sections");
    let large = allocating_at("(i32.const 1024)").replace("\"memory\") 1", "\"memory\") 17");
    assert_eq!(what(&wat(&large)), "initial memory pages");
    assert!(matches!(refusal(&vec![0; (1 << 20) + 1]), AdmissionError::TooLarge { .. }));
}

#[test]
fn segments_lie_inside_from_the_start() {
    let data = |at: &str| module("", "", "", "", &format!("(data (i32.const {at}) \"abc\")"));
    assert!(host().admit(&data("65533")).is_ok());
    assert!(matches!(refusal(&data("65534")), AdmissionError::Segment { what: "memory" }));
    assert!(matches!(refusal(&data("-1")), AdmissionError::Segment { what: "memory" }));
    let table = module("", "", "", "", "(table 1 funcref) (elem (i32.const 1) $init)");
    assert!(matches!(refusal(&table), AdmissionError::Segment { what: "table" }));
}

#[test]
fn the_interface_is_exact() {
    let text = allocating_at("(i32.const 1024)");
    for name in ["memory", "standstill_abi_1", "alloc", "init", "step", "assess", "save"] {
        let without = text.replace(&format!("\"{name}\""), "\"__data_end\"");
        let error = refusal(&wat(&without));
        assert!(matches!(error, AdmissionError::Export { name: missing, .. } if missing == name), "{name}: {error}");
    }
    let wrong = text.replace("(result i64) (i64.const 0))", "(result i32) (i32.const 0))");
    assert!(matches!(refusal(&wat(&wrong)), AdmissionError::Export { name: "save", .. }));
    let more = module("", "", "", "", "(global (export \"standstill:gas\") (mut i64) (i64.const 0))");
    assert!(matches!(refusal(&more), AdmissionError::UnknownExport { name } if name == "standstill:gas"));
    let linkers = module("", "", "", "", "(global (export \"__heap_base\") i32 (i32.const 0))");
    assert!(host().admit(&linkers).is_ok());
}

#[test]
fn truncated_modules_and_sections_are_malformed() {
    for end in 0..shipped::REPORTING.len() {
        if end % 97 < 3 {
            let error = refusal(&shipped::REPORTING[..end]);
            let whole_but_short = matches!(error, AdmissionError::Export { .. });
            assert!(whole_but_short || matches!(error, AdmissionError::Malformed { .. }), "{end}: {error}");
        }
    }
    let mut custom = module("", "", "", "", "");
    custom.extend([0, 3, 200, 1, 1]);
    assert!(matches!(refusal(&custom), AdmissionError::Malformed { .. }));
    assert!(matches!(refusal(b"\0asm\x0d\0\x01\0"), AdmissionError::Malformed { .. } | AdmissionError::Feature { .. }));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]

    #[test]
    fn no_bytes_make_admission_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend(&bytes);
        let _ = host().admit(&wasm);
        let _ = host().admit(&bytes);
    }

    #[test]
    fn a_damaged_module_is_refused_or_runs_to_an_outcome(at in 8usize..shipped::REPORTING.len(), byte in proptest::num::u8::ANY) {
        let mut wasm = shipped::REPORTING.to_vec();
        wasm[at] = byte;
        if let Ok(module) = host().admit(&wasm) {
            let records = [Record::new(Kind::ObligationMissed, 0, Timestamp(0), 0, 0)];
            let assess = Assess { period: period(0), log_size: 10 };
            let run = host().run(&module, &Parameters::default(), None, &records, Some(&assess)).unwrap();
            let (outcome, _, _, gas) = support::wasmi(&module, &LIMITS, &Parameters::default(), &[], &records, Some(&assess));
            if run.outcome != Outcome::BadOutput {
                assert_eq!((outcome, gas), (run.outcome, run.gas_used));
            }
        }
    }
}
