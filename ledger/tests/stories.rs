//! Stories of several blocks: what labs do, and what the ledger then says about them.

use std::collections::BTreeMap;

use standstill_ledger::schema::{ObligationStatus, VerdictRecord, decode, read};
use standstill_ledger::state::{MemoryState, StateProof, root};
use standstill_ledger::testing::random::{self, Author};
use standstill_ledger::testing::{GENESIS, Setup, World};
use standstill_ledger::{Applied, Event, Key, Rejection, apply, check, entry_budget, query, select, within_skew};
use standstill_policies::treaty::Span;
use standstill_policies::{Outcome, Verdict};
use standstill_protocol::block::{Block, Entry};
use standstill_protocol::codec;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn verdict(world: &World, clause: &str, lab: &str, period: u32) -> Option<Verdict> {
    query::verdict(&world.state, &name(clause), &name(lab), period).unwrap().map(|record| record.verdict)
}

fn obligation(world: &World, lab: &str, period: u32) -> ObligationStatus {
    let all = query::obligations(&world.state, world.rules.treaty(), period, period + 1).unwrap();
    all.into_iter().find(|view| view.member.as_str() == lab).unwrap().record.status
}

/// Every lab reports `flop` for the period, but for those named in `but`, who report that.
fn reports(world: &mut World, period: u32, flop: u128, but: &BTreeMap<&str, Option<u128>>) -> Vec<Vec<u8>> {
    let labs = ["lab-a", "lab-b", "lab-c", "lab-d"];
    let said = |lab: &'static str| but.get(lab).copied().unwrap_or(Some(flop)).map(|flop| (lab, flop));
    let saying: Vec<_> = labs.into_iter().filter_map(said).collect();
    saying.into_iter().map(|(lab, flop)| world.report(lab, period, &format!("run-{period}"), flop, flop)).collect()
}

#[test]
fn honest_labs_hold() {
    let mut world = World::new(Setup::default());
    for period in 0..3 {
        world.advance_to_period(period + 1);
        let entries = reports(&mut world, period, 100, &BTreeMap::new());
        world.block(entries).unwrap();
        world.close_period(period);
        for lab in ["lab-a", "lab-d"] {
            assert_eq!(obligation(&world, lab, period), ObligationStatus::Met);
            assert_eq!(verdict(&world, "reporting", lab, period), Some(Verdict::Holds));
        }
    }
    let compute = query::compute(&world.state, &name("lab-b"), 1).unwrap();
    assert_eq!((compute.reports, compute.lower.0, compute.upper.0), (1, 100, 100));
    assert_eq!(query::runs(&world.state, &name("lab-b")).unwrap().len(), 3);
}

#[test]
fn a_silent_lab_is_undecided_and_in_the_end_in_breach() {
    let mut world = World::new(Setup::default());
    let silent = BTreeMap::from([("lab-d", None)]);
    for (period, expected) in [(0, Verdict::Undecided), (1, Verdict::Undecided), (2, Verdict::Violated)] {
        world.advance_to_period(period + 1);
        let entries = reports(&mut world, period, 100, &silent);
        world.block(entries).unwrap();
        assert_eq!(obligation(&world, "lab-d", period), ObligationStatus::Open);
        let blocks = world.close_period(period);
        let missed = |event: &&Event| matches!(event, Event::ObligationMissed { .. });
        assert_eq!(blocks.iter().flat_map(|block| &block.events).filter(missed).count(), 1);
        assert_eq!(obligation(&world, "lab-d", period), ObligationStatus::Missed);
        assert_eq!(verdict(&world, "reporting", "lab-d", period), Some(expected), "period {period}");
        assert_eq!(verdict(&world, "reporting", "lab-a", period), Some(Verdict::Holds));
    }
}

#[test]
fn a_report_within_the_grace_is_in_time_and_after_it_late() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(1);
    world.block(Vec::new()).unwrap();
    world.advance(query::period(&world.state, 0).unwrap().unwrap().due.plus(1));
    for _ in 0..world.rules.grace_heights() {
        world.block(Vec::new()).unwrap();
    }
    let in_grace = world.report("lab-a", 0, "aurora", 1, 1);
    world.block(vec![in_grace]).unwrap();
    assert_eq!(obligation(&world, "lab-a", 0), ObligationStatus::Met, "the last block of the grace counts");
    assert_eq!(obligation(&world, "lab-b", 0), ObligationStatus::Missed, "and closes the period");
    let late = world.report("lab-b", 0, "aurora", 1, 1);
    let applied = world.block(vec![late]).unwrap();
    assert!(applied.events.iter().any(|event| matches!(event, Event::ObligationLate { .. })));
    assert_eq!(obligation(&world, "lab-b", 0), ObligationStatus::Late);
    assert_eq!(verdict(&world, "reporting", "lab-b", 0), Some(Verdict::Holds), "within the treaty's tolerance");
}

#[test]
fn a_vote_brings_the_slowdown_and_its_cap_into_force() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(1);
    let before = world.report("lab-c", 0, "aurora", 5000, 5000);
    let first = world.vote("evaluator", "slowdown", true);
    world.block(vec![before, first]).unwrap();
    assert_eq!(query::meta(&world.state).unwrap().unwrap().phase, name("monitoring"), "one of two votes");
    assert_eq!(verdict(&world, "run-cap", "lab-c", 0), None, "no cap while monitoring");
    let second = world.vote("regulator", "slowdown", true);
    let applied = world.block(vec![second]).unwrap();
    let moved = Event::PhaseChanged { from: name("monitoring"), to: name("slowdown") };
    assert!(applied.events.contains(&moved));
    let phases: Vec<_> = query::phases(&world.state).unwrap().into_iter().map(|phase| phase.phase).collect();
    assert_eq!(phases, [name("monitoring"), name("slowdown")]);

    // The first whole period under the schedule is 2; caps of 1000 FLOP for a run and for a lab.
    world.advance_to_period(3);
    let entries = reports(&mut world, 2, 1000, &BTreeMap::from([("lab-c", Some(1001)), ("lab-d", None)]));
    world.block(entries).unwrap();
    world.close_period(2);
    for clause in ["run-cap", "slowdown"] {
        assert_eq!(verdict(&world, clause, "lab-a", 2), Some(Verdict::Holds), "{clause}");
        assert_eq!(verdict(&world, clause, "lab-c", 2), Some(Verdict::Violated), "{clause}");
        assert_eq!(verdict(&world, clause, "lab-d", 2), Some(Verdict::Undecided), "{clause}");
    }
    let record = query::verdict(&world.state, &name("run-cap"), &name("lab-c"), 2).unwrap().unwrap();
    let entry = record.findings[0].evidence[0];
    assert!(entry < record.pins.log_size, "the finding names the entry");
    assert_eq!((record.pins.outcome, record.pins.phase), (Outcome::Ok, name("slowdown")));

    // Lifted again, both adjudicators agreeing; a vote withdrawn does not count.
    let votes = [world.vote("evaluator", "monitoring", true), world.vote("evaluator", "monitoring", false)];
    world.block(votes.to_vec()).unwrap();
    let vote = world.vote("regulator", "monitoring", true);
    world.block(vec![vote]).unwrap();
    assert_eq!(query::meta(&world.state).unwrap().unwrap().phase, name("slowdown"));
    let vote = world.vote("evaluator", "monitoring", true);
    world.block(vec![vote]).unwrap();
    assert_eq!(query::meta(&world.state).unwrap().unwrap().phase, name("monitoring"));
}

#[test]
fn an_outage_moves_the_deadlines_inside_it_and_accuses_nobody() {
    let mut world = World::new(Setup { heartbeat: Span(60_000), outage_heartbeats: 10, ..Setup::default() });
    let minute = 60_000;
    while world.now < GENESIS.plus(65 * minute) {
        world.block(Vec::new()).unwrap();
        world.now = world.now.plus(5 * minute);
    }
    // The deadline is at 70 minutes; the network stands still from about 65 to 165.
    let due = query::period(&world.state, 0).unwrap().unwrap().due;
    world.now = world.now.plus(100 * minute);
    let applied = world.block(Vec::new()).unwrap();
    let to = query::period(&world.state, 0).unwrap().unwrap().due;
    assert!(applied.events.contains(&Event::DeadlineExtended { period: 0, from: due, to }));
    assert!(to > applied.block.header.time, "there is as much time after the outage as was left before");
    let report = world.report("lab-a", 0, "aurora", 1, 1);
    world.block(vec![report]).unwrap();
    assert_eq!(obligation(&world, "lab-a", 0), ObligationStatus::Met);
}

#[test]
fn one_verdict_or_its_absence_is_proved_alone() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(1);
    let report = world.report("lab-a", 0, "aurora", 1, 1);
    world.block(vec![report]).unwrap();
    let root = world.tip().unwrap().state_root;
    let key = Key::Verdict(name("reporting"), name("lab-a"), 0);
    let (value, proof) = query::proof(&world.state, &key).unwrap();
    let bytes = codec::encode(&proof);
    let proof: StateProof = codec::decode(&bytes, 16 << 10).unwrap();
    proof.verify(&root, &key.state_key(), value.as_deref()).unwrap();
    assert_eq!(decode::<VerdictRecord>("verdict", &value.unwrap()).unwrap().verdict, Verdict::Holds);

    let absent = Key::Verdict(name("reporting"), name("lab-b"), 0);
    let (value, proof) = query::proof(&world.state, &absent).unwrap();
    assert_eq!(value, None);
    proof.verify(&root, &absent.state_key(), None).unwrap();
    assert!(proof.verify(&root, &key.state_key(), None).is_err());
}

/// Every way in which a block around good entries can be wrong.
#[test]
fn a_block_that_does_not_fit_is_rejected_by_name() {
    let mut world = World::new(Setup::default());
    world.block(Vec::new()).unwrap();
    world.advance_to_period(1);
    let report = world.report("lab-a", 0, "aurora", 1, 1);
    let good = apply(&world.rules, &world.state, world.proposal(vec![Entry::Envelope(report)])).unwrap().block;
    let code = |change: &dyn Fn(&mut Block)| {
        let mut block = good.clone();
        change(&mut block);
        check(&world.rules, &world.state, &block, world.tip()).unwrap_err().code()
    };
    assert_eq!(code(&|block| block.header.version = 2), "unknown-version");
    assert_eq!(code(&|block| block.header.height = 3), "wrong-height");
    assert_eq!(code(&|block| block.header.time = world.tip().unwrap().time), "time-not-growing");
    assert_eq!(code(&|block| block.header.time = standstill_ledger::MAX_BLOCK_TIME.plus(1)), "time-too-late");
    assert_eq!(
        code(&|block| block.header.proposer = standstill_protocol::validators::Address::from_bytes([7; 20])),
        "unknown-proposer"
    );
    assert_eq!(code(&|block| block.previous_certificate = None), "certificate-mismatch");
    assert_eq!(code(&|block| block.previous_certificate.as_mut().unwrap().height = 9), "certificate-mismatch");
    assert_eq!(code(&|block| block.previous_certificate.as_mut().unwrap().block = Hash::ZERO), "certificate-mismatch");
    assert_eq!(code(&|block| block.previous_certificate.as_mut().unwrap().round = 1), "certificate-invalid");
    assert_eq!(
        code(&|block| block.previous_certificate.as_mut().unwrap().signatures.truncate(1)),
        "certificate-invalid"
    );
    assert_eq!(code(&|block| block.entries = vec![Entry::Evidence(Vec::new()); 8193]), "too-many-entries");
    assert_eq!(code(&|block| block.entries = vec![Entry::Evidence(vec![0; 1 << 20]); 8]), "block-too-large");
    assert_eq!(code(&|block| block.entries.clear()), "header-mismatch");
    let fields: [fn(&mut Block); 10] = [
        |block| block.header.chain_id = Hash::ZERO,
        |block| block.header.previous = Hash::ZERO,
        |block| block.header.previous_certificate = Hash::ZERO,
        |block| block.header.entries_root = Hash::ZERO,
        |block| block.header.log_size += 1,
        |block| block.header.log_root = Hash::ZERO,
        |block| block.header.validators = Hash::ZERO,
        |block| block.header.next_validators = Hash::ZERO,
        |block| block.header.treaty = Hash::ZERO,
        |block| block.header.state_root = Hash::ZERO,
    ];
    for field in fields {
        assert_eq!(code(&|block| field(block)), "header-mismatch");
    }
    let missing = check(&world.rules, &world.state, &good, None).unwrap_err();
    assert_eq!(missing, Rejection::Previous { field: "height" });
    let mut other = world.tip().unwrap().clone();
    other.state_root = Hash::ZERO;
    let wrong = check(&world.rules, &world.state, &good, Some(&other)).unwrap_err();
    assert_eq!(wrong.code(), "wrong-previous-header");
    check(&world.rules, &world.state, &good, world.tip()).unwrap();
}

#[test]
fn the_log_gains_the_previous_header_only_with_entries() {
    let mut world = World::new(Setup::default());
    let report = world.report("lab-a", 0, "aurora", 1, 1);
    let first = world.block(vec![report]).unwrap();
    assert_eq!((first.first_leaf, first.leaves.len(), first.entries[0].index), (0, 1, 0));
    let empty = world.block(Vec::new()).unwrap();
    assert!(empty.leaves.is_empty());
    assert_eq!(empty.block.header.log_root, first.block.header.log_root);
    let report = world.report("lab-a", 0, "aurora", 1, 2);
    let third = world.block(vec![report]).unwrap();
    let header_leaf = standstill_protocol::log::leaf_hash(&empty.block.header.leaf_bytes());
    assert_eq!((third.first_leaf, third.leaves[0], third.entries[0].index), (1, header_leaf, 2));
    assert_eq!(third.block.header.log_size, 3);
}

#[test]
fn random_ledgers_replay_to_the_same_state_from_genesis_and_from_a_snapshot() {
    for seed in 0..6 {
        let mut world = random::ledger(seed, Setup::default(), 40);
        assert_eq!(world.replay(), world.state, "seed {seed}");
        let again = random::ledger(seed, Setup::default(), 40);
        assert_eq!(again.tip_hash(), world.tip_hash(), "seed {seed}: one seed, one ledger");

        let leaves = world.state.leaves().map(|(key, value)| (*key, value.to_vec()));
        let restored = MemoryState::from_leaves(leaves).unwrap();
        assert_eq!(restored, world.state, "seed {seed}");
        let entry = Author::new(seed + 1000).entry(&mut world);
        let proposal = world.proposal(vec![entry]);
        let (live, cold) =
            (apply(&world.rules, &world.state, proposal.clone()), apply(&world.rules, &restored, proposal));
        assert_eq!(live, cold, "seed {seed}");
    }
}

#[test]
fn every_block_changes_the_root_and_nothing_else_does() {
    let mut world = World::new(Setup::default());
    let mut roots = vec![world.state.root()];
    for _ in 0..5 {
        let applied = world.block(Vec::new()).unwrap();
        assert!(!applied.changes.leaves.is_empty());
        roots.push(applied.block.header.state_root);
    }
    roots.sort();
    roots.dedup();
    assert_eq!(roots.len(), 6, "height and time are in the state");
    let proposal = world.proposal(Vec::new());
    let before = world.state.clone();
    apply(&world.rules, &world.state, proposal).unwrap();
    assert_eq!(before.root(), root(&world.state).unwrap(), "applying writes nothing by itself");
}

#[test]
fn what_a_proposer_selects_applies_and_fits() {
    for seed in 0..4 {
        let mut world = random::ledger(seed, Setup::default(), 10);
        let mut author = Author::new(seed);
        // A fresh author repeats keys and rounds: some candidates are no longer valid.
        let mut candidates: Vec<_> = (0..30).map(|_| author.entry(&mut world)).collect();
        candidates.reverse();
        candidates.insert(3, Entry::Envelope(b"{}".to_vec()));
        let verify = standstill_ledger::VerifyAll;
        let budget = entry_budget(&world.rules, 24 << 10);
        let chosen = select(&world.rules, &world.state, world.now, candidates.clone(), budget, &verify).unwrap();
        assert!(!chosen.is_empty() && chosen.len() < candidates.len());
        let Applied { block, .. } = world.block_of(chosen).unwrap();
        assert!(block.encode().len() <= 24 << 10, "seed {seed}");
    }
}

#[test]
fn a_damaged_state_is_a_fault_and_not_a_verdict_on_the_block() {
    let world = World::new(Setup::default());
    let leaves: Vec<_> = world.state.leaves().map(|(key, value)| (*key, value.to_vec())).collect();
    for (at, _) in leaves.iter().enumerate() {
        let mut damaged = leaves.clone();
        damaged[at].1.push(0);
        let state = MemoryState::from_leaves(damaged).unwrap();
        if let Err(rejection) = apply(&world.rules, &state, world.proposal(Vec::new())) {
            assert!(rejection.is_fault(), "{rejection}");
        }
    }
    assert!(read::<u64>(&world.state, "meta", &Key::Meta).is_err());
}

#[test]
fn deadlines_and_skew_are_told_to_the_proposer() {
    let mut world = World::new(Setup::default());
    assert!(query::is_due(&world.rules, &world.state, world.now).unwrap(), "period 0 is to be opened");
    world.block(Vec::new()).unwrap();
    assert!(!query::is_due(&world.rules, &world.state, world.now).unwrap());
    let next = query::next_deadline(&world.rules, &world.state).unwrap().unwrap();
    assert_eq!(next, world.rules.treaty().periods.period(1).start);
    assert!(within_skew(&world.rules, world.now.plus(10_000), world.now));
    assert!(!within_skew(&world.rules, world.now.plus(10_001), world.now));
    assert!(!within_skew(&world.rules, world.now, world.now.plus(10_001)));
}
