//! `vectors/bundles`: files with the exit code and the failing checks that every verifier must give for them.
//!
//! A case's file is its `parts` put together; most share one opening. `STANDSTILL_WRITE_VECTORS=1 cargo test -p
//! standstill-verifier --test vectors` writes them anew, which is a change of format and is reviewed as one.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use standstill_ledger::bundle::{Frame, MAX_FRAME_BYTES};
use standstill_ledger::testing::World;
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;
use standstill_verifier::{Options, Status, Trust, verify_bundle};
use support::*;

#[derive(Serialize, Deserialize)]
struct Vectors {
    about: String,
    cases: Vec<Case>,
}

#[derive(Serialize, Deserialize)]
struct Case {
    name: String,
    /// What is wrong with it, for people.
    about: String,
    /// Files that make the bundle, in order.
    parts: Vec<String>,
    /// The time asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    as_of: Option<Timestamp>,
    exit: u8,
    /// Codes of the failures, without repetition, by the number of the check.
    failures: BTreeMap<usize, BTreeSet<String>>,
}

/// Name, exit, and failures by their check's number and their code.
type Declared = (&'static str, u8, &'static [(usize, &'static str)]);

/// What each case must give, said by hand: exit, and the failures that it is there for. Writing the files anew cannot
/// change what they mean.
const DECLARED: &[Declared] = &[
    ("holds", 0, &[]),
    ("violated", 20, &[]),
    ("undecided", 21, &[(8, "missing")]),
    ("stale", 21, &[(8, "stale")]),
    ("no-checkpoint", 21, &[]),
    ("no-checkpoint-violated", 20, &[]),
    ("checkpoint-conflict", 11, &[(5, "checkpoint-conflict")]),
    ("uncertified", 10, &[(4, "uncertified")]),
    ("no-blocks", 10, &[(1, "no-blocks")]),
    ("truncated", 10, &[(1, "truncated")]),
    ("missing-module", 10, &[(6, "missing-module")]),
    ("no-quorum", 10, &[(4, "no-quorum")]),
    ("bad-commit-signature", 10, &[(4, "bad-commit-signature")]),
    ("fork", 11, &[(5, "fork")]),
    ("reordered", 10, &[(3, "log-root"), (3, "log-size"), (5, "broken-link")]),
    ("duplicate-block", 10, &[(5, "duplicate-block")]),
    ("spliced", 10, &[(3, "log-root"), (3, "log-size"), (5, "broken-link")]),
    ("broken-link", 10, &[(5, "broken-link")]),
    ("state-root", 10, &[(7, "state-root")]),
    ("log-root", 10, &[(3, "log-root")]),
    ("flipped", 10, &[(1, "frame-digest")]),
    ("oversized-length", 10, &[(1, "frame-length")]),
    ("zstd-bomb", 10, &[(1, "frame-compression")]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("vectors/bundles")
}

#[test]
fn every_vector_gets_its_exit_and_its_failures() {
    if std::env::var_os("STANDSTILL_WRITE_VECTORS").is_some() {
        write();
    }
    let vectors: Vectors = serde_json::from_slice(&std::fs::read(folder().join("cases.json")).unwrap()).unwrap();
    let trust = Trust::parse(&std::fs::read(folder().join("trust.toml")).unwrap()).unwrap();
    assert_eq!(vectors.cases.len(), DECLARED.len());
    for (case, (name, exit, failures)) in vectors.cases.iter().zip(DECLARED) {
        assert_eq!((case.name.as_str(), case.exit), (*name, *exit));
        let listed =
            |(check, code): &(usize, &str)| case.failures.get(check).is_some_and(|codes| codes.contains(*code));
        assert!(failures.iter().all(listed), "{name}: {:?}", case.failures);
        let parts = case.parts.iter().map(|part| std::fs::read(folder().join(part)).unwrap());
        let bytes: Vec<u8> = parts.flatten().collect();
        let (exit, failures) = judge(&bytes, &trust, case.as_of);
        assert_eq!((exit, &failures), (case.exit, &case.failures), "{}: {}", case.name, case.about);
    }
}

fn judge(bytes: &[u8], trust: &Trust, as_of: Option<Timestamp>) -> (u8, BTreeMap<usize, BTreeSet<String>>) {
    let report = verify_bundle(bytes, trust, &Options { as_of, ..Options::default() }).unwrap();
    let failed = report.results.iter().filter(|result| result.status == Status::Failed);
    let codes = failed
        .map(|result| (result.check.number(), result.failures.iter().map(|failure| failure.code.to_owned()).collect()));
    (report.verdict.exit().code(), codes.collect())
}

/// Every case, as a whole file.
fn files() -> Vec<(&'static str, &'static str, Vec<u8>, Option<Timestamp>)> {
    let world = honest();
    let whole = bundle(&world);
    let all = frames(&whole);
    let first = all.iter().position(|frame| matches!(frame, Frame::Block(_))).unwrap();
    let late = Timestamp::parse("2099-01-01T00:00:00Z").unwrap();
    let mut cases = vec![
        ("holds", "four labs report in time", whole.clone(), None),
        ("violated", "lab-d trains above the cap in a slowdown", bundle(&violated()), None),
        ("undecided", "lab-c never reports", bundle(&silent()), None),
        ("stale", "sound, and asked for a later day", whole.clone(), Some(late)),
        ("no-checkpoint", "no cosigned checkpoint covers the last record", bare_bundle(&world), None),
        ("no-checkpoint-violated", "the same, and a violation shows", bare_bundle(&violated()), None),
        ("checkpoint-conflict", "another cosigned checkpoint is of another log", with_conflict(&world), None),
        ("uncertified", "the last certificate is missing", seal(&all[..all.len() - 1]), None),
        ("no-blocks", "treaty and modules, and nothing behind them", seal(&all[..first]), None),
        ("truncated", "cut inside the last frame", whole[..whole.len() - 1].to_vec(), None),
        ("missing-module", "a module is left out", without(&all, 1), None),
    ];
    cases.extend(spoiled_certificates(&all));
    cases.extend(spoiled_blocks(&world, &all, first));
    cases.extend(spoiled_bytes(&whole, &all));
    cases
}

fn with_conflict(world: &World) -> Vec<u8> {
    let mut header = world.tip().unwrap().clone();
    header.log_root = Hash::sha256(b"another log");
    let mut all = frames(&bundle(world));
    all.push(Frame::Checkpoint(checkpoint(world, &header)));
    seal(&all)
}

fn without(all: &[Frame], at: usize) -> Vec<u8> {
    let mut fewer = all.to_vec();
    fewer.remove(at);
    seal(&fewer)
}

type Made = (&'static str, &'static str, Vec<u8>, Option<Timestamp>);

fn spoiled_certificates(all: &[Frame]) -> Vec<Made> {
    let (mut few, mut swapped) = (all.to_vec(), all.to_vec());
    last_certificate(&mut few).signatures.pop();
    let certificate = last_certificate(&mut swapped);
    certificate.signatures[0].signature = certificate.signatures[1].signature;
    vec![
        ("no-quorum", "one commit signature too few", seal(&few), None),
        ("bad-commit-signature", "a commit signature by another validator", seal(&swapped), None),
    ]
}

fn spoiled_blocks(world: &World, all: &[Frame], first: usize) -> Vec<Made> {
    let mut forked = all.to_vec();
    let mut twin = world.blocks.last().unwrap().0.clone();
    twin.header.time = twin.header.time.plus(1);
    forked.push(Frame::Block(twin.clone()));
    forked.push(Frame::Certificate(world.certify(&twin.header)));
    let (mut reordered, mut twice, mut spliced) = (all.to_vec(), all.to_vec(), all.to_vec());
    // Around a block with entries, so that the log shows it too.
    let filled =
        all.iter().position(|frame| matches!(frame, Frame::Block(block) if !block.entries.is_empty())).unwrap();
    reordered.swap(filled, filled + 1);
    twice.insert(first + 1, all[first].clone());
    spliced.truncate(filled + 1);
    spliced.extend(frames(&bundle(&violated())).into_iter().skip(filled + 1));
    let link = with_last(world, |block| block.header.previous = Hash::sha256(b"elsewhere"));
    let state = with_last(world, |block| block.header.state_root = Hash::sha256(b"all is well"));
    let root = with_last(world, |block| block.header.log_root = Hash::sha256(b"a shorter log"));
    vec![
        ("fork", "two certified blocks of one height", seal(&forked), None),
        ("reordered", "two blocks have changed places", seal(&reordered), None),
        ("duplicate-block", "a block stands twice", seal(&twice), None),
        ("spliced", "continues with another ledger's blocks", seal(&spliced), None),
        ("broken-link", "a certified head names another head before it", seal(&link), None),
        ("state-root", "a quorum certified a state that replay does not give", seal(&state), None),
        ("log-root", "a quorum certified another log", seal(&root), None),
    ]
}

fn spoiled_bytes(whole: &[u8], all: &[Frame]) -> Vec<Made> {
    let mut flipped = whole.to_vec();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let mut oversized = whole.to_vec();
    oversized.extend_from_slice(&u32::MAX.to_le_bytes());
    oversized.extend_from_slice(&[0; 36]);
    let bomb = zstd::bulk::compress(&vec![0; MAX_FRAME_BYTES + 1], 3).unwrap();
    let bombed = seal_with(all, &bomb);
    vec![
        ("flipped", "one bit of the last frame", flipped, None),
        ("oversized-length", "a frame claims 4 GiB", oversized, None),
        ("zstd-bomb", "a frame decompresses beyond the limit", bombed, None),
    ]
}

fn write() {
    let folder = folder();
    std::fs::create_dir_all(&folder).unwrap();
    let trust = trust(&honest());
    std::fs::write(folder.join("trust.toml"), trust.to_toml()).unwrap();
    let all = frames(&bundle(&honest()));
    let first = all.iter().position(|frame| matches!(frame, Frame::Block(_))).unwrap();
    let opening = seal(&all[..first]);
    std::fs::write(folder.join("opening.part"), &opening).unwrap();
    let mut cases = Vec::new();
    for (name, about, bytes, as_of) in files() {
        let (file, rest, shared) = match bytes.strip_prefix(opening.as_slice()) {
            Some(rest) => (format!("{name}.part"), rest.to_vec(), true),
            None => (format!("{name}.standstill"), bytes.clone(), false),
        };
        std::fs::write(folder.join(&file), rest).unwrap();
        let parts = if shared { vec!["opening.part".to_owned(), file] } else { vec![file] };
        let (exit, failures) = judge(&bytes, &trust, as_of);
        cases.push(Case { name: name.to_owned(), about: about.to_owned(), parts, as_of, exit, failures });
    }
    let about =
        "A case's bundle is its parts put together. Judged with trust.toml. Failures by number of check".to_owned();
    let text = serde_json::to_string_pretty(&Vectors { about, cases }).unwrap() + "\n";
    std::fs::write(folder.join("cases.json"), text).unwrap();
}
