//! Audit of a bundle against `verify_strict` alone on the same signatures, on the same cores, in one run.
//!
//! ```text
//! cargo bench -p standstill-verifier --bench audit    RECORDS=10000 by default, rounded up to whole periods; ROUNDS=5
//! ```
//!
//! Plain timing: best of several alternating rounds, so that a busy machine hurts both sides alike. The budget is 1.25 of
//! the wall clock. Processor time, where the system tells it, says how much of that is work and how much is waiting.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use standstill_ledger::Verified;
use standstill_ledger::bundle::BundleWriter;
use standstill_ledger::testing::{Setup, World, secret_key};
use standstill_policies::shipped;
use standstill_protocol::block::Entry;
use standstill_protocol::certificate::{Certificate, PRECOMMIT, vote_bytes};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{Signature, VerifyingKey};
use standstill_protocol::note::{KeyName, SignatureType, VerifierKey};
use standstill_protocol::tlog_policy::TlogPolicy;
use standstill_verifier::{Options, Trust, verify_bundle};

const LABS: u8 = 10;
const RUNS: usize = 10;

/// Building the ledger verifies nothing: it is not what is measured.
struct AllVerified;

impl Verified for AllVerified {
    fn contains(&self, _: &Hash) -> bool {
        true
    }

    fn certificate(&self, _: &Hash) -> bool {
        true
    }
}

struct Job {
    key: VerifyingKey,
    message: Vec<u8>,
    signature: Signature,
}

fn main() {
    let records: usize = std::env::var("RECORDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let world = build(records);
    let bytes = bundle(&world);
    let trust = trust(&world);
    let jobs = jobs(&world);
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let (mut alone, mut audit) = (Duration::MAX, Duration::MAX);
    let (mut alone_cpu, mut audit_cpu) = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        let (start, cpu) = (Instant::now(), processor_time());
        let good = jobs.par_iter().filter(|job| job.key.verify(&job.message, &job.signature).is_ok()).count();
        alone = alone.min(start.elapsed());
        alone_cpu = alone_cpu.min(processor_time() - cpu);
        assert_eq!(black_box(good), jobs.len());
        let (start, cpu) = (Instant::now(), processor_time());
        let report = verify_bundle(&bytes[..], &trust, &Options::default()).expect("the bundle reads");
        audit = audit.min(start.elapsed());
        audit_cpu = audit_cpu.min(processor_time() - cpu);
        assert!(matches!(report.verdict.exit().code(), 0 | 21), "{:?}", report.results);
        assert_eq!(report.bundle.signatures as usize, jobs.len(), "the same signatures on both sides");
    }
    let entries: usize = world.blocks.iter().map(|(block, _)| block.entries.len()).sum();
    let envelope_bytes: usize = world.blocks.iter().flat_map(|(block, _)| &block.entries).map(Entry::size).sum();
    println!("records                 {entries}, {} bytes each", envelope_bytes / entries.max(1));
    println!("heads                   {}", world.blocks.len());
    println!("signatures              {}", jobs.len());
    println!("bundle                  {} bytes", bytes.len());
    println!("threads                 {}", rayon::current_num_threads());
    println!("verify_strict alone     {:.3} s  {:.1} us a signature", alone.as_secs_f64(), per(alone, jobs.len()));
    println!("audit                   {:.3} s  {:.1} us a record", audit.as_secs_f64(), per(audit, entries));
    println!("ratio                   {:.2}  (budget 1.25)", audit.as_secs_f64() / alone.as_secs_f64());
    if !alone_cpu.is_zero() {
        let ratio = audit_cpu.as_secs_f64() / alone_cpu.as_secs_f64();
        println!("processor time          {alone_cpu:.2?} and {audit_cpu:.2?}, ratio {ratio:.2}");
    }
}

/// What all threads of this process have used, in ticks of 10 ms; zero where the system does not tell.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

fn per(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}

/// Every lab reports on ten runs each period, with all three clauses in force.
fn build(records: usize) -> World {
    let mut world = World::new(Setup { labs: LABS, run_cap: 1_000_000, schedule: 1_000_000, ..Setup::default() });
    let labs: Vec<String> = (0..LABS).map(|index| format!("lab-{}", char::from(b'a' + index))).collect();
    let votes = ["evaluator", "regulator"].map(|member| Entry::Envelope(world.vote(member, "slowdown", true)));
    world.block_with(votes.to_vec(), &AllVerified).expect("the votes apply");
    let periods = records.div_ceil(labs.len() * RUNS) as u32;
    for period in 0..periods {
        world.advance_to_period(period + 1);
        let mut entries = Vec::new();
        for lab in &labs {
            for run in 0..RUNS {
                let cumulative = 10 * (u128::from(period) + 1);
                let report = world.report(lab, period, &format!("run-{run}"), 10, cumulative);
                entries.push(Entry::Envelope(report));
            }
        }
        world.block_with(entries, &AllVerified).expect("the reports apply");
        while world.now <= world.rules.treaty().periods.period(period).due.plus(20_000) {
            world.now = world.now.max(world.rules.treaty().periods.period(period).due.plus(1));
            world.block_with(Vec::new(), &AllVerified).expect("an empty block applies");
        }
    }
    world
}

fn bundle(world: &World) -> Vec<u8> {
    let modules: Vec<Vec<u8>> = shipped::ALL.iter().map(|(_, module)| module.to_vec()).collect();
    let mut writer = BundleWriter::new(Vec::new(), &world.treaty_bytes, &modules).expect("memory takes bytes");
    for (block, certificate) in &world.blocks {
        writer.block(block, certificate).expect("memory takes bytes");
    }
    writer.finish().expect("memory takes bytes").0
}

fn trust(world: &World) -> Trust {
    let name: KeyName = "standstill.example/bench".parse().expect("a key name");
    let key = secret_key("lab-a", "log").public_key();
    let log = VerifierKey::new(name.clone(), SignatureType::Ed25519, &key).expect("a key");
    let key = secret_key("lab-a", "cosigner").public_key();
    let cosigner = VerifierKey::new(name, SignatureType::Cosignature, &key).expect("a key");
    let policy = TlogPolicy::validators(vec![log], vec![("lab-a".to_owned(), cosigner)], 1).expect("a policy");
    let limits = world.rules.host().limits().clone();
    Trust::of_treaty(world.rules.treaty(), "a benchmark", policy, &limits).expect("the treaty has validators")
}

/// Every signature of the bundle, with its key parsed and its message made.
fn jobs(world: &World) -> Vec<Job> {
    let envelope = |entry: &Entry| -> Vec<Job> {
        let Entry::Envelope(bytes) = entry else { return Vec::new() };
        let envelope = Envelope::parse(bytes).expect("a canonical envelope");
        let payload = standstill_attestations::Statement::parse(envelope.payload()).expect("a statement");
        let key = secret_key(payload.common.member.as_str(), "statement").public_key().parse().expect("a key");
        let message = envelope.pae();
        envelope
            .signatures()
            .iter()
            .map(|s| Job { key: VerifyingKey::clone(&key), message: message.clone(), signature: s.signature })
            .collect()
    };
    let commit = |certificate: &Certificate| -> Vec<Job> {
        let Certificate { height, round, block, signatures } = certificate;
        let message = vote_bytes(&world.rules.chain_id(), PRECOMMIT, *height, *round, Some(block));
        let job = |entry: &standstill_protocol::certificate::CommitSignature| {
            let validator = world.rules.genesis_validators().by_address(&entry.address).expect("a validator");
            let key = validator.consensus_key.parse().expect("a key");
            Job { key, message: message.clone(), signature: entry.signature }
        };
        signatures.iter().map(job).collect()
    };
    let blocks = world.blocks.iter();
    blocks
        .flat_map(|(block, certificate)| {
            block.entries.iter().flat_map(envelope).chain(commit(certificate)).collect::<Vec<_>>()
        })
        .collect()
}
