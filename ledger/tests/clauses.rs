//! Clauses that fail, rest and resume, and clauses that leave force: what they are told, and what stands meanwhile.
//!
//! The modules are small and written here: one keeps `kind, period` of each record that it was given, so that a test can
//! read what it was told; it traps on a report of 666 FLOP. Another reports more than a leaf of the state can hold.

use standstill_ledger::schema::{ClauseRecord, Key, ObligationStatus, read};
use standstill_ledger::testing::{Setup, World, treaty};
use standstill_ledger::{Event, Rules, VerdictRecord, query};
use standstill_policies::{Host, Kind, Limits, Outcome, Treaty, Verdict, shipped};
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;

/// FLOP of the report on which the module traps.
const TRAP: u128 = 666;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The interface around a body of `assess`. The state, two bytes a record, lies at 0x20000; findings lie at 0x40000.
fn module(assess: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (memory (export "memory") 32)
            (global $next (mut i32) (i32.const 1024))
            (global $kept (mut i32) (i32.const 0))
            (func (export "standstill_abi_1"))
            (func (export "alloc") (param $len i32) (result i32) (local $at i32)
                (local.set $at (global.get $next))
                (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get $len)) (i32.const 15)) (i32.const -16)))
                (local.get $at))
            (func (export "init") (param $parameters i32) (param i32) (param $state i32) (param $len i32)
                (block $done (loop $copy
                    (br_if $done (i32.ge_u (global.get $kept) (local.get $len)))
                    (i32.store8 offset=0x20000 (global.get $kept)
                        (i32.load8_u (i32.add (local.get $state) (global.get $kept))))
                    (global.set $kept (i32.add (global.get $kept) (i32.const 1)))
                    (br $copy))))
            (func (export "step") (param $batch i32) (param $count i32) (param i32)
                (block $done (loop $each
                    (br_if $done (i32.eqz (local.get $count)))
                    (if (i64.eq (i64.load offset=16 (local.get $batch)) (i64.const {TRAP})) (then unreachable))
                    (i32.store8 offset=0x20000 (global.get $kept) (i32.load8_u offset=80 (local.get $batch)))
                    (i32.store8 offset=0x20001 (global.get $kept) (i32.load8_u offset=72 (local.get $batch)))
                    (global.set $kept (i32.add (global.get $kept) (i32.const 2)))
                    (local.set $batch (i32.add (local.get $batch) (i32.const 96)))
                    (local.set $count (i32.sub (local.get $count) (i32.const 1)))
                    (br $each))))
            (func (export "assess") (param $period i32) (param i64 i64) (result i64) (local $i i32) (local $at i32)
                {assess})
            (func (export "save") (result i64)
                (i64.or (i64.const 0x20000_0000_0000) (i64.extend_i32_u (global.get $kept)))))"#
    );
    let text = text.replace("0x20000_0000_0000", "0x0002_0000_0000_0000");
    wat::parse_str(text).unwrap()
}

/// One finding: the period holds.
fn keeps_records() -> Vec<u8> {
    module(
        "(i32.store (i32.const 0x40000) (i32.const 1))
         (i32.store (i32.const 0x40004) (local.get $period))
         (i64.const 0x0004_0000_0000_0010)",
    )
}

/// 3,500 findings of 16 numbers each.
fn reports_too_much() -> Vec<u8> {
    module(
        "(i32.store (i32.const 0x40000) (i32.const 3500))
         (local.set $at (i32.const 0x40004))
         (loop $each
            (i32.store (local.get $at) (local.get $period))
            (i32.store offset=4 (local.get $at) (i32.const 0x1000))
            (i32.store offset=8 (local.get $at) (local.get $i))
            (local.set $at (i32.add (local.get $at) (i32.const 268)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $each (i32.lt_u (local.get $i) (i32.const 3500))))
         (i64.const 0x0004_0000_000e_5024)",
    )
}

/// A world in which a clause has another module, and with its treaty's text changed.
fn world(clause: &str, wasm: Vec<u8>, change: impl FnOnce(String) -> String) -> World {
    let (_, bytes) = treaty(&Setup::default());
    let (_, shipped) = shipped::ALL.iter().find(|(name, _)| *name == clause).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let text = change(text.replace(&Hash::sha256(shipped).to_string(), &Hash::sha256(&wasm).to_string()));
    let treaty = Treaty::parse(text.as_bytes()).unwrap();
    let modules = shipped::ALL.iter().map(|(_, module)| module.to_vec()).chain([wasm]).collect();
    let rules = Rules::new(treaty, modules, Host::new(Limits::V1).unwrap()).unwrap();
    World::of(rules, text.into_bytes())
}

fn verdict(world: &World, clause: &str, lab: &str, period: u32) -> Option<VerdictRecord> {
    query::verdict(&world.state, &name(clause), &name(lab), period).unwrap()
}

fn vote(world: &mut World, phase: &str) -> standstill_ledger::Applied {
    let votes = vec![world.vote("evaluator", phase, true), world.vote("regulator", phase, true)];
    world.block(votes).unwrap()
}

/// What the clause was told about the lab: kinds with periods.
fn told(world: &World, clause: &str, lab: &str) -> Vec<(u8, u8)> {
    let key = Key::Clause(name(clause), name(lab));
    let record: ClauseRecord = read(&world.state, "clause", &key).unwrap().unwrap();
    let (pairs, _) = record.state.as_chunks::<2>();
    pairs.iter().map(|[kind, period]| (*kind, *period)).collect()
}

fn count(told: &[(u8, u8)], kind: Kind) -> usize {
    told.iter().filter(|(found, _)| u16::from(*found) == kind as u16).count()
}

/// Protects honest doubt: a clause that missed records cannot say afterwards that the rule was kept.
#[test]
fn a_failing_clause_rests_and_what_it_missed_stays_undecided_when_it_resumes() {
    let mut world = world("reporting", keeps_records(), |text| text);
    world.advance_to_period(1);
    let good = [world.report("lab-a", 0, "aurora", 1, 1), world.report("lab-b", 0, "aurora", 1, 1)];
    world.block(good.to_vec()).unwrap();
    assert_eq!(verdict(&world, "reporting", "lab-a", 0).unwrap().verdict, Verdict::Holds);

    let bad = world.report("lab-a", 1, "borealis", TRAP, TRAP);
    let applied = world.block(vec![bad]).unwrap();
    let failed = |event: &&Event| matches!(event, Event::ClauseFailed { outcome: Outcome::Trap, .. });
    assert_eq!(applied.events.iter().filter(failed).count(), 1);
    let record = verdict(&world, "reporting", "lab-a", 1).unwrap();
    assert_eq!((record.verdict, record.findings.len()), (Verdict::Undecided, 0));
    assert_eq!(verdict(&world, "reporting", "lab-b", 0).unwrap().verdict, Verdict::Holds, "others go on");
    let before = told(&world, "reporting", "lab-a");

    let unheard = world.report("lab-a", 0, "aurora", 1, 2);
    let applied = world.block(vec![unheard]).unwrap();
    assert!(!applied.events.iter().any(|event| matches!(event, Event::ClauseFailed { .. })), "it fails once");
    assert_eq!(verdict(&world, "reporting", "lab-a", 0).unwrap().verdict, Verdict::Undecided);
    assert_eq!(told(&world, "reporting", "lab-a"), before, "it rests");

    vote(&mut world, "slowdown");
    assert_eq!(count(&told(&world, "reporting", "lab-a"), Kind::Phase), 2, "new parameters: it runs again");
    world.advance_to_period(2);
    let later = [world.report("lab-a", 1, "corona", 1, 1), world.report("lab-a", 0, "corona", 0, 0)];
    world.block(later.to_vec()).unwrap();
    let again = world.report("lab-a", 2, "corona", 1, 2);
    world.block(vec![again]).unwrap();
    for (period, expected) in [(0, Verdict::Undecided), (1, Verdict::Undecided), (2, Verdict::Holds)] {
        let record = verdict(&world, "reporting", "lab-a", period).unwrap();
        assert_eq!((record.verdict, record.findings.len()), (expected, 1), "period {period}");
    }
    assert_eq!(world.replay(), world.state);
}

/// Protects the chain: a leaf that no node could read again would stop all of them.
#[test]
fn findings_too_large_for_the_state_are_a_failure_of_the_clause() {
    let mut world = world("reporting", reports_too_much(), |text| text);
    world.advance_to_period(1);
    let report = world.report("lab-a", 0, "aurora", 1, 1);
    let applied = world.block(vec![report]).unwrap();
    let failed = |event: &Event| matches!(event, Event::ClauseFailed { outcome: Outcome::BadOutput, .. });
    assert!(applied.events.iter().any(failed), "{:?}", applied.events);
    assert_eq!(verdict(&world, "reporting", "lab-a", 0).unwrap().verdict, Verdict::Undecided);
    world.block(Vec::new()).unwrap();
}

/// Protects labs from being judged by rules that were lifted, and the rules from being escaped by waiting.
#[test]
fn a_clause_hears_that_it_left_force_and_what_comes_in_late_about_its_time() {
    let mut world = world("run-cap", keeps_records(), |text| text);
    world.advance_to_period(0);
    vote(&mut world, "slowdown");
    world.advance_to_period(1);
    vote(&mut world, "monitoring");
    let left = told(&world, "run-cap", "lab-a");
    assert_eq!(left.last(), Some(&(Kind::PhaseLeft as u8, 1)));
    assert_eq!((count(&left, Kind::Phase), count(&left, Kind::PhaseLeft)), (1, 1));
    world.advance_to_period(2);
    let late = world.report("lab-a", 1, "aurora", 1, 1);
    let after = world.report("lab-a", 2, "aurora", 1, 2);
    world.block(vec![late, after]).unwrap();
    let heard = told(&world, "run-cap", "lab-a");
    let reports: Vec<_> = heard.iter().filter(|(kind, _)| *kind == Kind::TrainingCompute as u8).collect();
    assert_eq!(reports, [&(Kind::TrainingCompute as u8, 1)], "of its time, and nothing later");
    let record = verdict(&world, "run-cap", "lab-a", 1).unwrap();
    assert_eq!((record.verdict, record.pins.phase.as_str()), (Verdict::Holds, "slowdown"));
    assert_eq!(verdict(&world, "run-cap", "lab-a", 2), None);
    world.close_period(2);
    let closed: Vec<_> = told(&world, "run-cap", "lab-b").into_iter().filter(|(kind, _)| *kind == 33).collect();
    assert_eq!(closed, [(33, 0), (33, 1)]);

    vote(&mut world, "slowdown");
    let back = told(&world, "run-cap", "lab-a");
    assert_eq!((count(&back, Kind::Phase), count(&back, Kind::PhaseLeft)), (2, 1), "told again, with equal parameters");
    assert_eq!(world.replay(), world.state);
}

/// Protects labs from debts under a rule that no longer is one.
#[test]
fn what_a_clause_asked_for_lapses_when_it_leaves_force_before_the_period_ends() {
    // The obligation is moved from `reporting`, which is in force in every phase, to `run-cap`, which is not.
    let moved = |text: String| {
        let (before, rest) = text.split_once("[clauses.obligation]").unwrap();
        let (obligation, after) = rest.split_once("\n[").unwrap();
        let text = format!("{before}[{after}");
        let (before, after) = text.split_once("id = \"run-cap\"").unwrap();
        let (fields, parameters) = after.split_once("[clauses.parameters]").unwrap();
        format!("{before}id = \"run-cap\"{fields}[clauses.obligation]{obligation}\n[clauses.parameters]{parameters}")
    };
    let mut world = world("run-cap", keeps_records(), moved);
    vote(&mut world, "slowdown");
    world.advance_to_period(1);
    world.block(Vec::new()).unwrap();
    world.advance_to_period(2);
    world.block(Vec::new()).unwrap();
    let applied = vote(&mut world, "monitoring");
    let lapsed = |event: &&Event| matches!(event, Event::ObligationLapsed { period: 2, .. });
    assert_eq!(applied.events.iter().filter(lapsed).count(), 4);
    world.advance_to_period(4);
    world.close_period(3);
    let of = |period| query::obligations(&world.state, world.rules.treaty(), period, period + 1).unwrap();
    let all = |period, status| of(period).iter().all(|view| view.record.status == status);
    assert!(of(1).len() == 4 && all(1, ObligationStatus::Missed), "that period had ended");
    assert!(of(2).len() == 4 && all(2, ObligationStatus::Lapsed));
    assert!(of(3).is_empty());
}
