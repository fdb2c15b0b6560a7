//! Every way an entry can be refused: each named, refused alike by the pool and by a block, and without a trace.

use std::collections::BTreeSet;

use standstill_attestations::claim::Window;
use standstill_attestations::training::CountingRule;
use standstill_attestations::{Interval, KeyRegistration, KeyRole, Predicate};
use standstill_ledger::schema::{Key, MemberRecord};
use standstill_ledger::testing::random::equivocation;
use standstill_ledger::testing::{Setup, World, secret_key, sign, statement};
use standstill_ledger::{
    AdmissionError, MAX_BLOCK_EVIDENCE, MAX_KEYS, MAX_MEMBER_BYTES, MAX_PENDING, MAX_RUNS, MAX_SITES,
    MAX_VALIDATOR_EVIDENCE, Rejection, admit, admit_evidence, apply, query, select,
};
use standstill_protocol::block::Entry;
use standstill_protocol::evidence::Equivocation;
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Flop;

/// The first period is over, and nothing was reported.
fn world() -> World {
    let mut world = World::new(Setup::default());
    world.advance_to_period(1);
    world.block(Vec::new()).unwrap();
    world
}

/// The code with which a block refuses its last entry.
fn refusal_of(world: &World, entries: Vec<Entry>) -> &'static str {
    let last = entries.len() - 1;
    match apply(&world.rules, &world.state, world.proposal(entries)) {
        Err(Rejection::Entry { index, refusal }) => {
            assert_eq!(index, last, "{refusal}");
            assert!(!refusal.hint().is_empty() && !refusal.to_string().ends_with('.'));
            refusal.code()
        }
        other => panic!("expected a refusal, got {:?}", other.map(|applied| applied.entries)),
    }
}

/// Asks the pool, a block, and the choice of a proposer: all must refuse, the first two with `code`.
fn refused(world: &World, envelope: &[u8], code: &str) {
    let pool = match admit(&world.rules, &world.state, envelope, world.now) {
        Err(AdmissionError::Refused(refusal)) => refusal.code(),
        other => panic!("the pool: {other:?}"),
    };
    assert_eq!(pool, code, "the pool");
    refused_by_block(world, vec![envelope.to_vec()], code);
}

fn refused_by_block(world: &World, envelopes: Vec<Vec<u8>>, code: &str) {
    let entries: Vec<_> = envelopes.into_iter().map(Entry::Envelope).collect();
    assert_eq!(refusal_of(world, entries.clone()), code, "a block");
    let verify = standstill_ledger::VerifyAll;
    let chosen = select(&world.rules, &world.state, world.now, entries.clone(), usize::MAX, &verify).unwrap();
    assert!(chosen.len() < entries.len(), "the proposer leaves it out");
}

fn training(world: &mut World, change: impl FnOnce(&mut standstill_attestations::TrainingCompute)) -> Vec<u8> {
    let mut report = world.training(0, "aurora", 10, 10);
    change(&mut report);
    world.say("lab-a", Predicate::TrainingCompute(report))
}

#[test]
fn malformed_envelopes_are_refused_by_name() {
    let mut world = world();
    let good = world.report("lab-a", 0, "aurora", 10, 10);
    let text = String::from_utf8(good).unwrap();
    let with = |from: &str, to: &str| text.replacen(from, to, 1).into_bytes();
    refused(&world, b"{}", "envelope-malformed");
    refused(&world, &vec![b' '; 70_000], "envelope-oversized");
    refused(&world, &with(",", ", "), "envelope-not-canonical");
    refused(&world, &with("vnd.in-toto+json", "json"), "envelope-payload-type");
    let (start, _) = text.split_once("\"signatures\":").unwrap();
    refused(&world, format!("{start}\"signatures\":[]}}").as_bytes(), "envelope-signature-count");
}

#[test]
fn a_payload_that_is_no_statement_is_refused_with_the_statements_own_code() {
    let world = world();
    let envelope = standstill_protocol::dsse::Envelope::sign(b"[]".to_vec(), &[&world.key("lab-a")]).to_bytes();
    let expected = standstill_attestations::Statement::parse(b"[]").unwrap_err().code();
    refused(&world, &envelope, expected);
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    let mut world = world();
    let envelope = training(&mut world, |report| report.flop.incremental = Interval::exact(Flop(11)));
    let error = standstill_attestations::TrainingError::IncrementalAboveCumulative {
        bound: "lower",
        incremental: 11,
        cumulative: 10,
    };
    refused(&world, &envelope, standstill_attestations::StatementError::from(error).code());
}

#[test]
fn statements_of_strangers_and_for_other_ledgers_are_refused() {
    let mut world = world();
    let report = Predicate::TrainingCompute(world.training(0, "aurora", 10, 10));
    let key = world.key("lab-a");
    let mut common = world.common("lab-a");
    common.chain_id = Hash::sha256(b"another treaty");
    refused(&world, &sign(&statement(common.clone(), report.clone()), &key), "wrong-chain");
    common.chain_id = world.rules.chain_id();
    common.member = "mallory".parse().unwrap();
    refused(&world, &sign(&statement(common, report.clone()), &key), "not-a-member");
    let envelope = world.say("inspector", report);
    refused(&world, &envelope, "wrong-role");
}

#[test]
fn only_an_active_key_of_the_member_signs() {
    let mut world = world();
    let report = Predicate::TrainingCompute(world.training(0, "aurora", 10, 10));
    let common = world.common("lab-a");
    let said = statement(common, report);
    refused(&world, &sign(&said, &secret_key("lab-a", "unregistered")), "unknown-key");
    refused(&world, &sign(&said, &secret_key("lab-a", "consensus")), "unknown-key");
    refused(&world, &sign(&said, &world.key("lab-b")), "key-of-another-member");
    let good = String::from_utf8(sign(&said, &world.key("lab-a"))).unwrap();
    let (start, signature) = good.split_once("\"sig\":\"").unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{start}\"sig\":\"{first}{}", &signature[1..]);
    refused(&world, forged.as_bytes(), "bad-signature");
    let both = standstill_protocol::dsse::Envelope::sign(said.to_json(), &[&world.key("lab-a"), &world.key("lab-b")]);
    refused(&world, &both.to_bytes(), "key-of-another-member");
}

#[test]
fn a_key_lives_from_the_block_after_its_registration_to_its_revocation() {
    let mut world = world();
    let (old, new) = (world.key("lab-a"), secret_key("lab-a", "statement 2"));
    let registration = world.register("lab-a", &new);
    let report = Predicate::TrainingCompute(world.training(0, "aurora", 10, 10));
    let early = world.say_with("lab-a", report.clone(), &new);
    refused_by_block(&world, vec![registration.clone(), early.clone()], "key-not-active");
    world.block(vec![registration]).unwrap();
    world.block(vec![early]).unwrap();

    let revocation = world.revoke("lab-a", old.public_key().id());
    let later = world.training(0, "aurora", 10, 20);
    let late = world.say_with("lab-a", Predicate::TrainingCompute(later), &old);
    refused_by_block(&world, vec![revocation.clone(), late.clone()], "revoked-key");
    world.block(vec![revocation]).unwrap();
    refused(&world, &late, "revoked-key");
    let again = {
        world.release_sequence("lab-a");
        let common = world.common("lab-a");
        let revoke = standstill_attestations::KeyRevocation { key_id: old.public_key().id(), reason: "x".to_owned() };
        sign(&statement(common, Predicate::KeyRevocation(revoke)), &new)
    };
    refused(&world, &again, "revoked-key");
}

#[test]
fn keys_are_registered_once_and_the_last_one_stays() {
    let mut world = world();
    let taken = [world.key("lab-b"), secret_key("lab-b", "consensus")];
    for key in taken {
        let envelope = world.register("lab-a", &key);
        refused(&world, &envelope, "key-registered");
        world.release_sequence("lab-a");
    }
    let key = secret_key("lab-a", "statement 2");
    let role = KeyRole::Consensus;
    let (chain, lab) = (world.rules.chain_id(), "lab-a".parse().unwrap());
    let registration = KeyRegistration::of(&key, role, &chain, &lab);
    let envelope = world.say("lab-a", Predicate::KeyRegistration(registration));
    refused(&world, &envelope, "unsupported-key-role");
    world.release_sequence("lab-a");
    let envelope = world.revoke("lab-a", world.key("lab-a").public_key().id());
    refused(&world, &envelope, "last-key");
    world.release_sequence("lab-a");
    let envelope = world.revoke("lab-a", world.key("lab-b").public_key().id());
    refused(&world, &envelope, "key-not-held");
    world.release_sequence("lab-a");
    set_member(&mut world, |member| member.keys = MAX_KEYS);
    let envelope = world.register("lab-a", &key);
    refused(&world, &envelope, "too-many-keys");
}

/// Protects members from being cut off: a key that somebody else announced could be registered first by a third.
#[test]
fn nobody_registers_a_key_that_it_does_not_hold() {
    let mut world = world();
    let (theirs, own) = (secret_key("lab-b", "statement 2"), secret_key("lab-a", "statement 2"));
    let (chain, role) = (world.rules.chain_id(), KeyRole::Statement);
    let (lab_a, lab_b) = ("lab-a".parse().unwrap(), "lab-b".parse().unwrap());
    let proved = KeyRegistration::of(&own, role, &chain, &lab_a);
    let forgeries = [
        KeyRegistration { key: theirs.public_key(), ..proved },
        KeyRegistration::of(&theirs, role, &chain, &lab_b),
        KeyRegistration::of(&own, role, &Hash::ZERO, &lab_a),
    ];
    for forged in forgeries {
        let envelope = world.say("lab-a", Predicate::KeyRegistration(forged));
        refused(&world, &envelope, "key-not-proved");
        world.release_sequence("lab-a");
    }
    let envelope = world.register("lab-a", &own);
    world.block(vec![envelope]).unwrap();
}

/// Overwrites a member's counters, as if much had happened.
fn set_member(world: &mut World, change: impl FnOnce(&mut MemberRecord)) {
    let name = "lab-a".parse().unwrap();
    let mut member = query::member(&world.state, &name).unwrap().unwrap();
    change(&mut member);
    let value = standstill_protocol::codec::encode(&member);
    world.overwrite([(Key::Member(name).state_key(), Some(value))].into());
}

#[test]
fn sequences_are_used_once_and_in_order() {
    let mut world = world();
    let first = world.report("lab-a", 0, "aurora", 10, 10);
    let second = world.report("lab-a", 0, "aurora", 10, 20);
    refused_by_block(&world, vec![second.clone()], "sequence-gap");
    assert!(admit(&world.rules, &world.state, &second, world.now).is_ok(), "the pool keeps what comes a little early");
    world.block(vec![first.clone(), second]).unwrap();
    refused(&world, &first, "duplicate");
    world.release_sequence("lab-a");
    let used = world.report("lab-a", 0, "borealis", 1, 1);
    refused(&world, &used, "sequence-used");
    for _ in 0..MAX_PENDING {
        world.next_sequence("lab-a");
    }
    let far = world.report("lab-a", 0, "borealis", 1, 1);
    assert!(admit(&world.rules, &world.state, &far, world.now).is_ok());
    let farther = world.report("lab-a", 0, "borealis", 1, 1);
    refused(&world, &farther, "sequence-gap");
}

#[test]
fn a_statement_in_another_wrapping_is_a_duplicate() {
    let mut world = world();
    let new = secret_key("lab-a", "statement 2");
    let registration = world.register("lab-a", &new);
    world.block(vec![registration]).unwrap();
    let report = Predicate::TrainingCompute(world.training(0, "aurora", 10, 10));
    let common = world.common("lab-a");
    let said = statement(common, report);
    world.block(vec![sign(&said, &world.key("lab-a"))]).unwrap();
    refused(&world, &sign(&said, &new), "duplicate");
    refused_by_block(&world, vec![sign(&said, &new)], "duplicate");
}

#[test]
fn nothing_is_reported_before_it_happened() {
    let mut world = world();
    let now = world.now;
    let report = Predicate::TrainingCompute(world.training(0, "aurora", 10, 10));
    let mut common = world.common("lab-a");
    common.issued_at = now.plus(10_001);
    refused(&world, &sign(&statement(common.clone(), report.clone()), &world.key("lab-a")), "future-dated");
    common.issued_at = now.plus(10_000);
    let in_time = sign(&statement(common, report), &world.key("lab-a"));
    assert!(admit(&world.rules, &world.state, &in_time, now).is_ok(), "clocks may differ as the treaty allows");
}

#[test]
fn an_evaluation_that_is_still_to_come_is_refused() {
    let mut world = world();
    let now = world.now;
    let text = include_str!("../../spec/schemas/examples/capability-evaluation.json");
    let mut example = standstill_attestations::Statement::parse(text.trim_end().as_bytes()).unwrap();
    let mut common = world.common("evaluator");
    common.issued_at = now;
    let Predicate::CapabilityEvaluation(evaluation) = &mut example.predicate else { panic!("an evaluation") };
    evaluation.window = Window { start: now, end: now.plus(10_001) };
    example.common = common;
    refused(&world, &sign(&example, &world.key("evaluator")), "future-window");
}

#[test]
fn periods_exist_have_begun_and_contain_the_window() {
    let mut world = world();
    let start = |world: &World, index| world.rules.treaty().periods.period(index).start;
    let envelope = training(&mut world, |report| report.period = u32::MAX);
    refused(&world, &envelope, "unknown-period");
    world.release_sequence("lab-a");
    let envelope = training(&mut world, |report| report.period = 2);
    refused(&world, &envelope, "future-period");
    world.release_sequence("lab-a");
    let from = start(&world, 1);
    let envelope = training(&mut world, |report| {
        report.window = Window { start: from, end: from.plus(10) };
        report.sessions[0].window = report.window;
    });
    refused(&world, &envelope, "window-outside-period");
    world.release_sequence("lab-a");
    let envelope = training(&mut world, |report| report.counting_rule = CountingRule::HardwareFlop);
    refused(&world, &envelope, "counting-rule");
}

#[test]
fn a_runs_sum_never_falls() {
    let mut world = world();
    let reports = [world.report("lab-a", 0, "aurora", 100, 100), world.report("lab-a", 1, "aurora", 50, 150)];
    world.block(reports.to_vec()).unwrap();
    let lower = world.report("lab-a", 1, "aurora", 10, 149);
    refused(&world, &lower, "cumulative-contradiction");
    world.release_sequence("lab-a");
    let earlier = world.report("lab-a", 0, "aurora", 10, 151);
    refused(&world, &earlier, "cumulative-contradiction");
    world.release_sequence("lab-a");
    let other_run = world.report("lab-a", 0, "borealis", 1, 1);
    world.block(vec![other_run]).unwrap();
    let mut last = world.training(1, "aurora", 1, 151);
    last.final_report = true;
    let last = world.say("lab-a", Predicate::TrainingCompute(last));
    world.block(vec![last]).unwrap();
    let after = world.report("lab-a", 1, "aurora", 1, 152);
    refused(&world, &after, "run-finished");
}

#[test]
fn sums_sites_and_runs_are_bounded() {
    let mut world = world();
    let all = world.report("lab-a", 0, "aurora", u128::MAX, u128::MAX);
    world.block(vec![all]).unwrap();
    let more = world.report("lab-a", 0, "borealis", 1, 1);
    refused(&world, &more, "sum-overflow");
    world.release_sequence("lab-a");
    set_member(&mut world, |member| member.sites = MAX_SITES);
    let mut report = world.training(1, "aurora", 0, u128::MAX);
    report.site = "dc-2".parse().unwrap();
    let envelope = world.say("lab-a", Predicate::TrainingCompute(report));
    refused(&world, &envelope, "too-many-sites");
    world.release_sequence("lab-a");
    set_member(&mut world, |member| member.runs = MAX_RUNS);
    let envelope = world.report("lab-a", 1, "borealis", 1, 1);
    refused(&world, &envelope, "too-many-runs");
}

#[test]
fn votes_name_a_phase_that_is_not_in_force_and_come_from_adjudicators() {
    let mut world = world();
    for (member, phase, code) in [
        ("regulator", "holiday", "unknown-phase"),
        ("regulator", "monitoring", "phase-in-force"),
        ("lab-a", "slowdown", "not-an-adjudicator"),
    ] {
        let vote = world.vote(member, phase, true);
        refused(&world, &vote, code);
        world.release_sequence(member);
    }
}

#[test]
fn evidence_must_prove_something_new_about_a_validator() {
    let mut world = world();
    let good = equivocation(&world, "lab-b", 2, 0);
    let refused = |world: &World, evidence: Vec<u8>, code: &str| {
        let pool = admit_evidence(&world.rules, &world.state, &evidence).unwrap_err();
        assert!(matches!(&pool, AdmissionError::Refused(refusal) if refusal.code() == code), "{pool:?}");
        assert_eq!(refusal_of(world, vec![Entry::Evidence(evidence)]), code);
    };
    refused(&world, b"nonsense".to_vec(), "evidence-malformed");
    refused(&world, Equivocation { round: 1, ..good }.encode(), "evidence-invalid");
    refused(&world, equivocation(&world, "inspector", 2, 0).encode(), "evidence-invalid");
    refused(&world, equivocation(&world, "lab-b", world.next_height() + 1, 0).encode(), "evidence-future");
    world.block_of(vec![Entry::Evidence(good.encode())]).unwrap();
    refused(&world, good.encode(), "evidence-duplicate");
    let record = &query::evidence(&world.state).unwrap()[0];
    assert_eq!((record.member.as_str(), record.height, record.round), ("lab-b", 2, 0));
    let count = u32::try_from(MAX_BLOCK_EVIDENCE).unwrap();
    let labs = ["lab-a", "lab-b", "lab-c", "lab-d", "evaluator", "regulator"];
    let proof = |validator, round| Entry::Evidence(equivocation(&world, validator, 2, round).encode());
    let two_each: Vec<_> = labs.into_iter().flat_map(|validator| [proof(validator, 1), proof(validator, 2)]).collect();
    assert!(two_each.len() < count as usize, "the block's own bound is for larger networks");
    let third: Vec<_> = (1..=3).map(|round| proof("lab-b", round)).collect();
    assert_eq!(refusal_of(&world, third), "evidence-share");
    apply(&world.rules, &world.state, world.proposal(two_each)).unwrap();
}

/// A validator whose key leaked can be accused without end: the ledger keeps what proves the point.
#[test]
fn proofs_against_one_validator_do_not_fill_the_ledger() {
    let mut world = world();
    for pair in 0..u32::try_from(MAX_VALIDATOR_EVIDENCE / 2).unwrap() {
        let proof = |round| Entry::Evidence(equivocation(&world, "lab-b", 2, round).encode());
        let entries = vec![proof(2 * pair), proof(2 * pair + 1)];
        world.block_of(entries).unwrap();
    }
    let more = equivocation(&world, "lab-b", 2, 1000).encode();
    assert_eq!(refusal_of(&world, vec![Entry::Evidence(more)]), "evidence-enough");
    let other = equivocation(&world, "lab-c", 2, 0).encode();
    world.block_of(vec![Entry::Evidence(other)]).unwrap();
}

#[test]
fn nobody_fills_a_block_alone() {
    let mut world = world();
    let mut entries = Vec::new();
    let mut bytes = 0;
    while bytes <= MAX_MEMBER_BYTES {
        let mut report = world.training(0, "aurora", 0, 0);
        report.base_models = (0..16).map(big_model).collect();
        report.energy = standstill_attestations::Maybe::Unknown("x".repeat(500));
        let envelope = world.say("lab-a", Predicate::TrainingCompute(report));
        bytes += envelope.len();
        entries.push(envelope);
    }
    let other = world.report("lab-b", 0, "aurora", 10, 10);
    refused_by_block(&world, entries.clone(), "member-quota");
    entries.push(other.clone());
    let entries: Vec<_> = entries.into_iter().map(Entry::Envelope).collect();
    let verify = standstill_ledger::VerifyAll;
    let chosen = select(&world.rules, &world.state, world.now, entries.clone(), usize::MAX, &verify).unwrap();
    assert_eq!(chosen.len(), entries.len() - 1, "one too many of lab-a stays out");
    assert_eq!(chosen.last(), Some(&Entry::Envelope(other)), "and lab-b still gets its place");
    apply(&world.rules, &world.state, world.proposal(chosen)).unwrap();
}

fn big_model(number: u32) -> standstill_attestations::training::BaseModel {
    standstill_attestations::training::BaseModel {
        name: format!("{number}{}", "x".repeat(100)),
        sha256: Hash::sha256(&number.to_le_bytes()),
        used_for: standstill_attestations::training::BaseModelUse::InitialWeights,
        flop: standstill_attestations::Maybe::Unknown("y".repeat(500)),
    }
}

#[test]
fn the_first_bad_entry_in_order_is_named_whatever_comes_after() {
    let mut world = world();
    let good: Vec<_> = (0..20).map(|sum| world.report("lab-a", 0, "aurora", 1, sum + 1)).collect();
    let forge = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (start, signature) = text.split_once("\"sig\":\"").unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        format!("{start}\"sig\":\"{first}{}", &signature[1..]).into_bytes()
    };
    let mut entries = good.clone();
    entries[7] = forge(&good[7]);
    entries[9] = forge(&good[9]);
    entries[12] = b"{}".to_vec();
    let rejection = |entries: &[Vec<u8>]| {
        let entries = entries.iter().cloned().map(Entry::Envelope).collect();
        match apply(&world.rules, &world.state, world.proposal(entries)).unwrap_err() {
            Rejection::Entry { index, refusal } => (index, refusal.code()),
            other => panic!("{other}"),
        }
    };
    assert_eq!(rejection(&entries), (7, "bad-signature"));
    entries[3] = b"{}".to_vec();
    assert_eq!(rejection(&entries), (3, "envelope-malformed"));
}

#[test]
fn codes_are_kebab_case_and_name_one_refusal_each() {
    let source = include_str!("../src/refusal.rs");
    let codes: Vec<_> = source
        .lines()
        .filter_map(|line| line.trim().split_once("{ .. } => \"").map(|(_, rest)| rest.trim_end_matches("\",")))
        .filter(|code| !code.contains(' '))
        .collect();
    assert!(codes.len() > 40, "{}", codes.len());
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "no code is used twice");
    for code in codes {
        assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code}");
    }
}

#[test]
fn a_refused_entry_leaves_no_trace() {
    let mut world = world();
    let before = world.state.clone();
    let good = world.report("lab-a", 0, "aurora", 10, 10);
    let bad = world.report("lab-b", 7, "aurora", 10, 10);
    assert!(world.block(vec![good, bad]).is_err());
    assert_eq!(world.state, before);
}
