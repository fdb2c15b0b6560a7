//! Ledgers made in memory, their bundles, and ways to spoil them. Keys come from names: everybody can sign as anybody,
//! which is what an attacker with stolen keys could do, and what most tests here need.

#![allow(dead_code, reason = "each test file uses its part")]

use standstill_ledger::bundle::{BundleReader, BundleWriter, Frame, MAGIC, first_digest, frame_digest};
use standstill_ledger::testing::{Setup, World, secret_key};
use standstill_policies::shipped;
use standstill_protocol::block::{Block, Header};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::checkpoint::Checkpoint;
use standstill_protocol::cosignature;
use standstill_protocol::note::{KeyName, SignatureType, VerifierKey};
use standstill_protocol::tlog_policy::TlogPolicy;
use standstill_verifier::{Check, Options, Report, Status, Trust, verify_bundle};

/// The log's name in every test.
pub(crate) const ORIGIN: &str = "standstill.example/test";

fn key_name(text: &str) -> KeyName {
    text.parse().unwrap()
}

/// The tlog-policy of a world's validators.
pub(crate) fn policy(world: &World) -> TlogPolicy {
    let members: Vec<String> =
        world.rules.genesis_validators().iter().map(|validator| validator.member.to_string()).collect();
    let log = |member: &String| {
        let key = secret_key(member, "log").public_key();
        VerifierKey::new(key_name(ORIGIN), SignatureType::Ed25519, &key).unwrap()
    };
    let cosigner = |member: &String| {
        let key = secret_key(member, "cosigner").public_key();
        let name = key_name(&format!("{ORIGIN}/{member}"));
        (member.clone(), VerifierKey::new(name, SignatureType::Cosignature, &key).unwrap())
    };
    let quorum = world.rules.genesis_validators().quorum();
    TlogPolicy::validators(members.iter().map(log).collect(), members.iter().map(cosigner).collect(), quorum).unwrap()
}

/// What an auditor of a world trusts.
pub(crate) fn trust(world: &World) -> Trust {
    let limits = world.rules.host().limits().clone();
    Trust::of_treaty(world.rules.treaty(), "a test", policy(world), &limits).unwrap()
}

/// A checkpoint of the log after a header, cosigned by as many validators as make a quorum.
pub(crate) fn checkpoint(world: &World, header: &Header) -> Vec<u8> {
    let checkpoint = Checkpoint { origin: key_name(ORIGIN), size: header.log_size, root: header.log_root };
    let validators = world.rules.genesis_validators();
    let members: Vec<String> = validators.iter().map(|validator| validator.member.to_string()).collect();
    let mut note = checkpoint.sign(&secret_key(&members[0], "log"));
    for member in members.iter().take(validators.quorum()) {
        let name = key_name(&format!("{ORIGIN}/{member}"));
        note.add(cosignature::sign(&name, &secret_key(member, "cosigner"), &checkpoint, header.time.0 / 1000)).unwrap();
    }
    note.sort();
    note.to_bytes()
}

/// The world's bundle, with a checkpoint of its last record.
pub(crate) fn bundle(world: &World) -> Vec<u8> {
    let covered = world.tip().map_or(0, |header| header.log_size);
    bundle_with(world, |header| (header.log_size == covered).then(|| checkpoint(world, header)))
}

/// The world's bundle, without checkpoints: what a quorum can write without anyone who cosigns.
pub(crate) fn bare_bundle(world: &World) -> Vec<u8> {
    bundle_with(world, |_| None)
}

/// The world's bundle with the first checkpoint that `note` gives.
pub(crate) fn bundle_with(world: &World, note: impl Fn(&Header) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut done = false;
    let modules: Vec<Vec<u8>> = shipped::ALL.iter().map(|(_, module)| module.to_vec()).collect();
    let mut writer = BundleWriter::new(Vec::new(), &world.treaty_bytes, &modules).unwrap();
    for (block, certificate) in &world.blocks {
        writer.block(block, certificate).unwrap();
        if let (false, Some(note)) = (done, note(&block.header)) {
            writer.checkpoint(&note).unwrap();
            done = true;
        }
    }
    writer.finish().unwrap().0
}

/// The frames of a bundle.
pub(crate) fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut reader = BundleReader::open(bytes).unwrap();
    std::iter::from_fn(|| reader.next_frame().unwrap()).collect()
}

/// Frames made into a file with right digests, whatever their order: what a forger can do without any key.
pub(crate) fn seal(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let mut digest = first_digest();
    for frame in frames {
        let compressed = zstd::bulk::compress(&frame.encode(), 3).unwrap();
        digest = frame_digest(&digest, &compressed);
        bytes.extend_from_slice(&(compressed.len() as u32).to_le_bytes());
        bytes.extend_from_slice(digest.as_bytes());
        bytes.extend_from_slice(&compressed);
    }
    bytes
}

/// Frames of a world with its last block replaced, and certified again: what a dishonest quorum can do.
pub(crate) fn with_last(world: &World, spoil: impl FnOnce(&mut Block)) -> Vec<Frame> {
    let mut all = frames(&bundle(world));
    assert!(matches!(all.pop(), Some(Frame::Certificate(_))));
    let Some(Frame::Block(mut block)) = all.pop() else { panic!("a block stands before the last certificate") };
    spoil(&mut block);
    let certificate = world.certify(&block.header);
    all.push(Frame::Block(block));
    all.push(Frame::Certificate(certificate));
    all
}

/// The last certificate of a list of frames.
pub(crate) fn last_certificate(frames: &mut [Frame]) -> &mut Certificate {
    match frames.last_mut() {
        Some(Frame::Certificate(certificate)) => certificate,
        other => panic!("{other:?} is no certificate"),
    }
}

/// Runs the audit.
pub(crate) fn audit(bytes: &[u8], trust: &Trust) -> Report {
    audit_with(bytes, trust, &Options::default())
}

/// Runs the audit with options.
pub(crate) fn audit_with(bytes: &[u8], trust: &Trust, options: &Options) -> Report {
    verify_bundle(bytes, trust, options).unwrap()
}

/// The exit code, and every check that failed with the codes of its failures.
pub(crate) fn outcome(report: &Report) -> (u8, Vec<(Check, Vec<&'static str>)>) {
    let failed = report.results.iter().filter(|result| result.status == Status::Failed);
    let codes = failed.map(|result| (result.check, result.failures.iter().map(|failure| failure.code).collect()));
    (report.verdict.exit().code(), codes.collect())
}

/// Four labs that report nothing wrong for two periods.
pub(crate) fn honest() -> World {
    let mut world = World::new(Setup::default());
    for period in 0..2 {
        world.advance_to_period(period + 1);
        let reports = labs().map(|lab| world.report(lab, period, "run", 10, 10 * (u128::from(period) + 1)));
        world.block(reports.to_vec()).unwrap();
        world.close_period(period);
    }
    world
}

/// The slowdown is voted into force, then `lab-d` trains above the run's cap.
pub(crate) fn violated() -> World {
    let mut world = World::new(Setup::default());
    world.block(vec![]).unwrap();
    let votes = ["evaluator", "regulator"].map(|member| world.vote(member, "slowdown", true));
    world.block(votes.to_vec()).unwrap();
    for period in 0..2 {
        world.advance_to_period(period + 1);
        let used = |lab: &str| if lab == "lab-d" { 900 } else { 10 };
        let reports = labs().map(|lab| {
            let figure = used(lab);
            world.report(lab, period, "run", figure, figure * (u128::from(period) + 1))
        });
        world.block(reports.to_vec()).unwrap();
        world.close_period(period);
    }
    world
}

/// `lab-c` never reports about period 0.
pub(crate) fn silent() -> World {
    let mut world = World::new(Setup::default());
    world.advance_to_period(1);
    let reports: Vec<_> =
        labs().into_iter().filter(|lab| *lab != "lab-c").map(|lab| world.report(lab, 0, "run", 10, 10)).collect();
    world.block(reports).unwrap();
    world.close_period(0);
    world
}

/// The labs of every world here.
pub(crate) fn labs() -> [&'static str; 4] {
    ["lab-a", "lab-b", "lab-c", "lab-d"]
}

/// Frames made into a file, with one more whose compressed bytes are given.
pub(crate) fn seal_with(frames: &[Frame], compressed: &[u8]) -> Vec<u8> {
    let mut bytes = seal(frames);
    let mut reader = BundleReader::open(&bytes[..]).unwrap();
    while reader.next_raw().unwrap().is_some() {}
    let digest = frame_digest(&reader.digest(), compressed);
    bytes.extend_from_slice(&(compressed.len() as u32).to_le_bytes());
    bytes.extend_from_slice(digest.as_bytes());
    bytes.extend_from_slice(compressed);
    bytes
}
