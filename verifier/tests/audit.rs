//! What an audit answers: about sound ledgers, and about every way in which a file can be wrong.

mod support;

use standstill_ledger::bundle::{Frame, MAGIC};
use standstill_policies::Verdict as ClauseVerdict;
use standstill_protocol::block::Entry;
use standstill_protocol::certificate::Certificate;
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;
use standstill_verifier::trust::SeenHead;
use standstill_verifier::{AuditError, Check, Options, Status, verify_bundle};
use support::*;

fn failing(bytes: &[u8], trust: &standstill_verifier::Trust) -> (u8, Vec<(Check, Vec<&'static str>)>) {
    outcome(&audit(bytes, trust))
}

#[test]
fn a_ledger_in_which_all_is_well_holds() {
    let world = honest();
    let report = audit(&bundle(&world), &trust(&world));
    assert_eq!(outcome(&report), (0, vec![]), "{:#?}", report.clauses);
    assert!(report.results.iter().all(|result| result.status == Status::Ok));
    assert_eq!(report.bundle.last_height, world.blocks.len() as u64);
    assert_eq!(report.bundle.records, 8);
    assert_eq!(report.results.of(Check::Completeness).examined, 8);
    assert_eq!(report.results.of(Check::Replay).examined, world.blocks.len() as u64);
    assert_eq!(report.bundle.sha256, Hash::sha256(&bundle(&world)));
}

#[test]
fn a_violation_names_lab_clause_period_and_entries() {
    let world = violated();
    let report = audit(&bundle(&world), &trust(&world));
    assert_eq!(report.verdict.exit().code(), 20, "{:?}", outcome(&report));
    let clause = report.clauses.iter().find(|clause| clause.id.as_str() == "run-cap").unwrap();
    let lab = clause.members.iter().find(|member| member.verdict == ClauseVerdict::Violated).unwrap();
    assert_eq!(lab.member.as_str(), "lab-d");
    let finding = lab.findings.iter().find(|finding| finding.verdict == ClauseVerdict::Violated).unwrap();
    assert_eq!(finding.period, 1);
    assert!(finding.text.contains("run `run`: at least 1800 FLOP, above the cap of 1000 FLOP"), "{}", finding.text);
    let entries: Vec<Entry> = world.blocks.iter().flat_map(|(block, _)| block.entries.clone()).collect();
    let ids = entries.into_iter().filter_map(|entry| match entry {
        Entry::Envelope(bytes) => Some(Envelope::parse(&bytes).unwrap().id()),
        Entry::Evidence(_) => None,
    });
    let ids: Vec<_> = ids.collect();
    assert!(!finding.evidence.is_empty());
    assert!(finding.evidence.iter().all(|evidence| ids.contains(&evidence.statement.unwrap())));
}

#[test]
fn filters_narrow_the_verdict_and_never_the_integrity_checks() {
    let world = violated();
    let only = |lab: Option<&str>, clause: Option<&str>| Options {
        lab: lab.map(|name| name.parse().unwrap()),
        clause: clause.map(|name| name.parse().unwrap()),
        ..Options::default()
    };
    let (bytes, trust) = (bundle(&world), trust(&world));
    let exit = |options: &Options| audit_with(&bytes, &trust, options).verdict.exit().code();
    assert_eq!(exit(&only(Some("lab-a"), None)), 0);
    assert_eq!(exit(&only(Some("lab-d"), None)), 20);
    assert_eq!(exit(&only(None, Some("reporting"))), 0);
    let mut frames = frames(&bytes);
    last_certificate(&mut frames).signatures.pop();
    assert_eq!(audit_with(&seal(&frames), &trust, &only(Some("lab-a"), None)).verdict.exit().code(), 10);
}

#[test]
fn silence_is_undecided_and_named() {
    let world = silent();
    let report = audit(&bundle(&world), &trust(&world));
    assert_eq!(outcome(&report), (21, vec![(Check::Completeness, vec!["missing"])]));
    assert_eq!(report.results.of(Check::Completeness).failures[0].scope[..2], ["lab-c", "period 0"]);
}

#[test]
fn a_bundle_that_ends_too_early_is_stale() {
    let world = honest();
    let end = world.tip().unwrap().time;
    let heartbeat = world.rules.treaty().clocks.heartbeat_ms;
    let as_of = |time: Timestamp| {
        let options = Options { as_of: Some(time), ..Options::default() };
        audit_with(&bundle(&world), &trust(&world), &options)
    };
    assert_eq!(as_of(end).verdict.exit().code(), 0);
    let late = as_of(end.plus(heartbeat + 1));
    assert!(late.stale);
    assert_eq!(late.verdict.exit().code(), 21);
    assert!(outcome(&late).1[0].1.contains(&"stale"));
}

#[test]
fn an_earlier_time_judges_the_state_of_that_day() {
    let world = violated();
    let before = world.blocks[1].0.header.time;
    let options = Options { as_of: Some(before), ..Options::default() };
    let report = audit_with(&bundle(&world), &trust(&world), &options);
    assert_eq!(report.verdict.exit().code(), 0, "{:?}", outcome(&report));
    assert_eq!(
        report.results.of(Check::Replay).examined,
        world.blocks.len() as u64,
        "all of it is checked all the same"
    );
}

#[test]
fn a_bundle_cut_at_a_frames_edge_is_an_earlier_bundle_or_not_final() {
    let world = honest();
    let all = frames(&bundle(&world));
    let cut: Vec<_> = all[..all.len() - 1].to_vec();
    assert_eq!(failing(&seal(&cut), &trust(&world)), (10, vec![(Check::Quorum, vec!["uncertified"])]));
    let opening: Vec<_> = all.iter().take_while(|frame| !matches!(frame, Frame::Block(_))).cloned().collect();
    assert_eq!(failing(&seal(&opening), &trust(&world)), (10, vec![(Check::Format, vec!["no-blocks"])]));
    assert_eq!(failing(MAGIC, &trust(&world)).0, 10);
}

#[test]
fn a_signature_that_does_not_verify_is_named_even_if_a_quorum_certified_it() {
    let world = honest();
    let spoiled = with_entry(&world, |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let at = text.find("\"sig\":\"").unwrap() + 7;
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &text[..at], &text[at + 1..]).into_bytes()
    });
    let (exit, failed) = failing(&seal(&spoiled), &trust(&world));
    assert_eq!(exit, 10);
    assert!(failed.contains(&(Check::Signatures, vec!["bad-signature"])), "{failed:?}");
}

#[test]
fn a_signer_that_nobody_registered_is_named() {
    let world = honest();
    let stranger = standstill_ledger::testing::secret_key("nobody", "statement");
    let spoiled = with_entry(&world, |bytes| {
        Envelope::sign(Envelope::parse(&bytes).unwrap().payload().to_vec(), &[&stranger]).to_bytes()
    });
    let (exit, failed) = failing(&seal(&spoiled), &trust(&world));
    assert_eq!(exit, 10);
    assert!(failed.contains(&(Check::Signatures, vec!["unknown-signer"])), "{failed:?}");
}

#[test]
fn another_members_key_is_named() {
    let world = honest();
    let other = standstill_ledger::testing::secret_key("evaluator", "statement");
    let spoiled = with_entry(&world, |bytes| {
        Envelope::sign(Envelope::parse(&bytes).unwrap().payload().to_vec(), &[&other]).to_bytes()
    });
    let (exit, failed) = failing(&seal(&spoiled), &trust(&world));
    assert_eq!(exit, 10);
    assert!(failed.contains(&(Check::Signatures, vec!["key-of-another-member"])), "{failed:?}");
}

/// The last block's certified twin with its first entry of the last non-empty block changed; header roots follow.
fn with_entry(world: &standstill_ledger::testing::World, spoil: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<Frame> {
    let mut all = frames(&bundle(world));
    let last = all.iter().rposition(|frame| matches!(frame, Frame::Block(block) if !block.entries.is_empty())).unwrap();
    all.truncate(last + 1);
    let Some(Frame::Block(block)) = all.last_mut() else { unreachable!() };
    let Entry::Envelope(bytes) = block.entries[0].clone() else { unreachable!() };
    block.entries[0] = Entry::Envelope(spoil(bytes));
    block.header.entries_root = standstill_protocol::block::Block::entries_root(&block.entries);
    let certificate = world.certify(&block.header);
    all.push(Frame::Certificate(certificate));
    all
}

#[test]
fn a_head_without_its_quorum_is_named() {
    let world = honest();
    let mut few = frames(&bundle(&world));
    last_certificate(&mut few).signatures.pop();
    assert_eq!(failing(&seal(&few), &trust(&world)), (10, vec![(Check::Quorum, vec!["no-quorum"])]));

    let mut swapped = frames(&bundle(&world));
    let certificate = last_certificate(&mut swapped);
    certificate.signatures[0].signature = certificate.signatures[1].signature;
    assert_eq!(failing(&seal(&swapped), &trust(&world)), (10, vec![(Check::Quorum, vec!["bad-commit-signature"])]));

    let mut unsorted = frames(&bundle(&world));
    last_certificate(&mut unsorted).signatures.swap(0, 1);
    assert_eq!(failing(&seal(&unsorted), &trust(&world)), (10, vec![(Check::Quorum, vec!["unsorted-signers"])]));

    let mut other = frames(&bundle(&world));
    *last_certificate(&mut other) = world.blocks[0].1.clone();
    assert_eq!(failing(&seal(&other), &trust(&world)), (10, vec![(Check::Quorum, vec!["other-block"])]));
}

#[test]
fn a_certificate_with_more_signers_than_a_set_has_is_refused_unverified() {
    let world = honest();
    let mut all = frames(&bundle(&world));
    let certificate = last_certificate(&mut all);
    let one = certificate.signatures[0];
    *certificate = Certificate { signatures: vec![one; 4000], ..certificate.clone() };
    assert_eq!(failing(&seal(&all), &trust(&world)).0, 10);
}

#[test]
fn a_head_that_does_not_extend_the_last_is_named() {
    let world = honest();
    let spoiled = with_last(&world, |block| block.header.previous = Hash::sha256(b"elsewhere"));
    let (exit, failed) = failing(&seal(&spoiled), &trust(&world));
    assert_eq!((exit, failed), (10, vec![(Check::Consistency, vec!["broken-link"])]));
    let spoiled = with_last(&world, |block| block.header.height += 1);
    let (exit, failed) = failing(&seal(&spoiled), &trust(&world));
    assert_eq!(exit, 10);
    assert!(failed.contains(&(Check::Consistency, vec!["height"])), "{failed:?}");
}

#[test]
fn wrong_roots_are_named_field_by_field() {
    let world = honest();
    let spoiled = with_last(&world, |block| {
        block.header.log_root = Hash::sha256(b"x");
        block.header.entries_root = Hash::sha256(b"y");
        block.header.log_size += 7;
    });
    let expected = vec![(Check::Ledger, vec!["entries-root", "log-size", "log-root"])];
    assert_eq!(failing(&seal(&spoiled), &trust(&world)), (10, expected));
}

#[test]
fn records_that_changed_after_certification_are_named() {
    let world = honest();
    let mut all = frames(&bundle(&world));
    let with_entries = all.iter().position(|frame| matches!(frame, Frame::Block(block) if !block.entries.is_empty()));
    let Frame::Block(block) = &mut all[with_entries.unwrap()] else { unreachable!() };
    block.entries.swap(0, 1);
    let (exit, failed) = failing(&seal(&all), &trust(&world));
    assert_eq!(exit, 10);
    assert!(
        failed.iter().any(|(check, codes)| *check == Check::Ledger && codes.contains(&"entries-root")),
        "{failed:?}"
    );
}

#[test]
fn a_verdict_that_a_quorum_certified_and_replay_does_not_give_is_named() {
    let world = violated();
    let spoiled = with_last(&world, |block| block.header.state_root = Hash::sha256(b"all is well"));
    assert_eq!(failing(&seal(&spoiled), &trust(&world)), (10, vec![(Check::Replay, vec!["state-root"])]));
}

#[test]
fn a_treaty_or_module_that_is_not_pinned_is_not_executed() {
    let world = honest();
    let mut foreign = trust(&world);
    foreign.treaty = Hash::sha256(b"another treaty");
    let report = audit(&bundle(&world), &foreign);
    let (exit, failed) = outcome(&report);
    assert_eq!((exit, failed.len()), (10, 1), "{failed:?}");
    assert_eq!(failed[0].0, Check::Policies);
    assert!(failed[0].1.iter().all(|code| *code == "treaty-hash"), "{failed:?}");
    assert_eq!(report.results.of(Check::Replay).status, Status::NotRun);

    let mut without = frames(&bundle(&world));
    without.remove(1);
    let (exit, failed) = failing(&seal(&without), &trust(&world));
    assert_eq!((exit, failed), (10, vec![(Check::Policies, vec!["missing-module"])]));

    let mut other = frames(&bundle(&world));
    other[1] = Frame::Module(vec![0]);
    let (exit, failed) = failing(&seal(&other), &trust(&world));
    assert_eq!(exit, 10);
    assert!(
        failed.iter().any(|(check, codes)| *check == Check::Policies && codes.contains(&"extra-module")),
        "{failed:?}"
    );
}

#[test]
fn frames_out_of_order_twice_or_from_another_ledger_are_named() {
    let world = honest();
    let all = frames(&bundle(&world));
    let trust = trust(&world);
    let first = all.iter().position(|frame| matches!(frame, Frame::Block(_))).unwrap();

    let mut swapped = all.clone();
    swapped.swap(first, first + 1);
    assert_eq!(failing(&seal(&swapped), &trust).0, 10);

    let mut twice = all.clone();
    twice.insert(first + 1, all[first].clone());
    assert_eq!(failing(&seal(&twice), &trust), (10, vec![(Check::Consistency, vec!["duplicate-block"])]));

    let mut reordered = all.clone();
    reordered.swap(1, 2);
    assert_eq!(failing(&seal(&reordered), &trust), (10, vec![(Check::Format, vec!["frame-order"])]));

    let mut spliced = all.clone();
    let foreign = frames(&bundle(&violated()));
    spliced.truncate(first + 1);
    spliced.extend(foreign.into_iter().skip(first + 1));
    let (exit, failed) = failing(&seal(&spliced), &trust);
    assert_eq!(exit, 10);
    assert!(
        failed.iter().any(|(check, codes)| *check == Check::Consistency && codes.contains(&"broken-link")),
        "{failed:?}"
    );
}

#[test]
fn two_certified_blocks_of_one_height_are_equivocation() {
    let world = honest();
    let mut all = frames(&bundle(&world));
    let (block, _) = world.blocks.last().unwrap();
    let mut twin = block.clone();
    twin.header.time = twin.header.time.plus(1);
    all.push(Frame::Block(twin.clone()));
    assert_eq!(failing(&seal(&all), &trust(&world)), (10, vec![(Check::Consistency, vec!["duplicate-height"])]));
    all.push(Frame::Certificate(world.certify(&twin.header)));
    assert_eq!(failing(&seal(&all), &trust(&world)), (11, vec![(Check::Consistency, vec!["fork"])]));
    last_certificate(&mut all).signatures.pop();
    assert_eq!(failing(&seal(&all), &trust(&world)).0, 10, "a fork that nobody signed is only a stray frame");
}

#[test]
fn heads_that_were_seen_must_be_on_the_ledger() {
    let world = honest();
    let header = world.tip().unwrap();
    let seen = |size: u64, root: Hash| {
        let mut trust = trust(&world);
        trust.seen = vec![SeenHead { size, root }];
        failing(&bundle(&world), &trust)
    };
    assert_eq!(seen(header.log_size, header.log_root), (0, vec![]));
    let mismatch = vec![(Check::Consistency, vec!["seen-head-mismatch"])];
    assert_eq!(seen(header.log_size, Hash::sha256(b"fork")), (10, mismatch), "nobody signed that line");
    let between = vec![(Check::Consistency, vec!["seen-head-between"])];
    assert_eq!(seen(header.log_size - 1, Hash::sha256(b"between")), (10, between));
    let beyond = vec![(Check::Completeness, vec!["ends-before-seen-head"])];
    assert_eq!(seen(header.log_size + 1, Hash::sha256(b"later")), (21, beyond));
}

#[test]
fn a_quorum_that_writes_history_anew_without_its_cosigners_never_holds() {
    let rewritten = honest();
    let report = audit(&bare_bundle(&rewritten), &trust(&rewritten));
    assert_eq!(outcome(&report), (21, vec![]), "every validator signed, and still nobody else knows this history");
    let quorum = report.results.of(Check::Quorum);
    assert_eq!(quorum.status, Status::NotRun);
    assert_eq!(quorum.gap.as_ref().map(|gap| gap.code), Some("no-checkpoint"));
    assert!(!report.results.integrity_holds());

    let early = |header: &standstill_protocol::block::Header| {
        (header.log_size == first_size(&rewritten)).then(|| checkpoint(&rewritten, header))
    };
    let report = audit(&bundle_with(&rewritten, early), &trust(&rewritten));
    assert_eq!(
        report.results.of(Check::Quorum).status,
        Status::NotRun,
        "a checkpoint of an earlier record is not enough"
    );
    assert_eq!(report.verdict.exit().code(), 21);

    let accused = violated();
    let report = audit(&bare_bundle(&accused), &trust(&accused));
    assert_eq!(outcome(&report), (20, vec![]), "leaving out a checkpoint does not hide a violation");
    assert!(!report.results.integrity_holds());
}

/// Size of the log after the first block with entries.
fn first_size(world: &standstill_ledger::testing::World) -> u64 {
    world.blocks.iter().map(|(block, _)| block.header.log_size).find(|size| *size > 0).unwrap()
}

#[test]
fn a_checkpoint_without_the_outside_witness_that_the_policy_asks_for_is_refused() {
    let world = honest();
    let mut strict = trust(&world);
    let witness = standstill_ledger::testing::secret_key("outside", "cosigner").public_key();
    let name = "witness.example/outside".parse().unwrap();
    let key = standstill_protocol::note::VerifierKey::new(
        name,
        standstill_protocol::note::SignatureType::Cosignature,
        &witness,
    );
    let text = strict.policy.to_string();
    let (head, quorum) = text.trim_end().rsplit_once("quorum ").unwrap();
    let text = format!("{head}witness outside {}\ngroup both all outside {quorum}\nquorum both\n", key.unwrap());
    strict.policy = standstill_protocol::tlog_policy::TlogPolicy::parse(text.as_bytes()).unwrap();
    let expected = vec![(Check::Quorum, vec!["checkpoint-signatures"])];
    assert_eq!(failing(&bundle(&world), &strict), (10, expected));
    assert_eq!(failing(&bare_bundle(&world), &strict), (21, vec![]));
}

#[test]
fn checkpoints_are_checked_line_by_line() {
    let world = honest();
    let header = world.tip().unwrap().clone();
    let good = checkpoint(&world, &header);
    let with = |note: Vec<u8>| {
        let mut all = frames(&bundle(&world));
        all.push(Frame::Checkpoint(note));
        failing(&seal(&all), &trust(&world))
    };
    assert_eq!(with(good.clone()), (0, vec![]));
    assert_eq!(with(vec![1, 2, 3]), (10, vec![(Check::Format, vec!["malformed-checkpoint"])]));

    let text = String::from_utf8(good).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let swapped: String = [&lines[..4], &[lines[5], lines[4]], &lines[6..]].concat().concat();
    assert_eq!(with(swapped.into_bytes()), (10, vec![(Check::Format, vec!["loose-checkpoint"])]));
    let short: String = lines[..lines.len() - 1].concat();
    assert_eq!(with(short.into_bytes()), (10, vec![(Check::Quorum, vec!["checkpoint-signatures"])]));

    let mut other = header.clone();
    other.log_root = Hash::sha256(b"another log");
    let fork = with(checkpoint(&world, &other));
    assert_eq!(fork, (11, vec![(Check::Consistency, vec!["checkpoint-conflict"])]));
    other.log_size += 1;
    let elsewhere = with(checkpoint(&world, &other));
    assert_eq!(elsewhere, (10, vec![(Check::Consistency, vec!["checkpoint-elsewhere"])]));
}

#[test]
fn a_key_registered_on_the_ledger_signs_from_then_on() {
    let mut world = honest();
    let key = standstill_ledger::testing::secret_key("lab-a", "second");
    let registration = world.register("lab-a", &key);
    world.block(vec![registration]).unwrap();
    world.advance_to_period(3);
    let report = world.training(2, "run", 10, 30);
    let report = world.say_with("lab-a", standstill_attestations::Predicate::TrainingCompute(report), &key);
    world.block(vec![report]).unwrap();
    let report = audit(&bundle(&world), &trust(&world));
    assert!(
        report.results.iter().filter(|result| result.check.is_integrity()).all(|result| result.status == Status::Ok)
    );
}

#[test]
fn what_is_no_bundle_is_unavailable_and_nothing_is_decided() {
    let world = honest();
    for bytes in [&b""[..], b"hello", b"standstill-bundle/v2\n"] {
        let refused = verify_bundle(bytes, &trust(&world), &Options::default());
        assert!(matches!(refused, Err(AuditError::Unavailable(_))));
    }
}

#[test]
fn a_count_of_failures_is_exact_where_the_list_is_bounded() {
    let world = honest();
    let mut all = frames(&bundle(&world));
    for frame in &mut all {
        if let Frame::Block(block) = frame {
            block.header.log_root = Hash::ZERO;
        }
    }
    let options = Options { max_failures: 2, ..Options::default() };
    let report = audit_with(&seal(&all), &trust(&world), &options);
    let ledger = report.results.of(Check::Ledger);
    assert_eq!(ledger.failed, world.blocks.len() as u64);
    assert_eq!(ledger.failures.len(), 2);
}
