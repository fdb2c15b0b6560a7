//! The targets: every format that can be imported, and every reader of signed or hashed bytes.
//!
//! A target asserts more than "no panic": what is read and written again must be the same.

use standstill_attestations::evaluation::EvaluatorRelationship;
use standstill_attestations::reading::{Opening, Reading};
use standstill_attestations::{Common, Predicate, Statement, Subject, Window};
use standstill_hardware::{Evidence, Roots, nvidia};
use standstill_importers::{EvaluationContext, EvaluationFacts, FORMATS, Format, Imported, Importer, Options, Source};
use standstill_protocol::block::Block;
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::tlog_proof::TlogProof;
use standstill_protocol::units::Timestamp;

/// Stands between the files of one input.
pub const NEXT_FILE: &[u8] = b"\n%%next-file%%\n";

/// Something that reads bytes.
#[derive(Clone, Copy)]
pub enum Target {
    /// An importer.
    Format(&'static Format),
    /// A reader of ours.
    Reader(&'static str, fn(&[u8])),
}

const READERS: [Target; 6] = [
    Target::Reader("chip-report", chip_report),
    Target::Reader("statement", statement),
    Target::Reader("envelope", envelope),
    Target::Reader("block", block),
    Target::Reader("receipt", receipt),
    Target::Reader("telemetry-opening", opening),
];

/// All of them.
pub fn all() -> impl Iterator<Item = Target> {
    FORMATS.iter().map(Target::Format).chain(READERS)
}

impl Target {
    /// The name, which is the format's in evidence.
    pub fn name(&self) -> &'static str {
        match self {
            Target::Format(format) => format.name,
            Target::Reader(name, _) => name,
        }
    }

    /// Reads the bytes.
    pub fn run(&self, data: &[u8]) {
        match self {
            Target::Format(format) => import(format, data),
            Target::Reader(_, read) => read(data),
        }
    }
}

/// The files of one input, at most four.
fn files(data: &[u8]) -> Vec<&[u8]> {
    let mut files = Vec::new();
    let mut rest = data;
    while files.len() < 3
        && let Some(at) = rest.windows(NEXT_FILE.len()).position(|window| window == NEXT_FILE)
    {
        files.push(&rest[..at]);
        rest = &rest[at + NEXT_FILE.len()..];
    }
    files.push(rest);
    files
}

fn import(format: &Format, data: &[u8]) {
    let names = ["one", "two", "three", "four"];
    let sources: Vec<_> = files(data).iter().zip(names).map(|(bytes, name)| Source::new(name, bytes)).collect();
    for source in &sources {
        let _ = Format::detect(source);
    }
    // Few: a thousand fits an input would leave the fuzzer no time.
    let options = Options { resamples: Some(2), ..Options::default() };
    match format.import {
        Importer::Training(read) => {
            if let Ok(imported) = read(&sources, &options) {
                assert!(!imported.evidence.is_empty(), "figures without a file behind them");
            }
        }
        Importer::Evaluation(read) => {
            if let Ok(imported) = read(&sources, &options) {
                evaluation(imported);
            }
        }
    }
}

/// What was imported makes a statement, which reads back as it was written, or is refused by name.
fn evaluation(imported: Imported<EvaluationFacts>) {
    let text = |text: &str| Some(text.to_owned());
    let context = EvaluationContext {
        window: Some(Window { start: Timestamp(0), end: Timestamp(1) }),
        suite: text("suite"),
        suite_version: text("1"),
        harness_version: text("1"),
        model: text("model"),
        ..EvaluatorRelationship::Independent.into()
    };
    let Ok(predicate) = imported.into_capability_evaluation(context) else { return };
    let common = Common {
        chain_id: Hash::sha256(b"chain"),
        member: "lab-a".parse().expect("a name"),
        sequence: 1,
        issued_at: Timestamp(1),
        corrects: None,
    };
    let subjects = vec![Subject { name: "model".to_owned(), sha256: Hash::sha256(b"weights") }];
    let statement = Statement { subjects, common, predicate: Predicate::CapabilityEvaluation(predicate) };
    if statement.check().is_ok() {
        assert_eq!(Statement::parse(&statement.to_json()).as_ref(), Ok(&statement));
    }
}

/// A report, and its certificates as a second file.
fn chip_report(data: &[u8]) {
    let files = files(data);
    let [report, rest @ ..] = files.as_slice() else { return };
    let certificates = rest.first().copied().unwrap_or_default();
    if let Ok(evidence) = Evidence::from_files(report, certificates) {
        // Within the certificates of the samples, so that the checks behind the dates are reached.
        let verified = evidence.verify(&Roots::pinned(), Hash::ZERO, Timestamp(1_767_225_600_000));
        let _ = verified.map(|verified| verified.describe());
        let _ = nvidia::Report::parse(&evidence.report);
    }
}

fn statement(data: &[u8]) {
    if let Ok(statement) = Statement::parse(data) {
        assert_eq!(Statement::parse(&statement.to_json()).as_ref(), Ok(&statement));
    }
}

fn envelope(data: &[u8]) {
    if let Ok(envelope) = Envelope::parse(data) {
        assert_eq!(envelope.to_bytes(), data);
    }
}

fn block(data: &[u8]) {
    if let Ok(block) = Block::decode(data) {
        assert_eq!(block.encode(), data);
    }
}

fn receipt(data: &[u8]) {
    if let Ok(proof) = TlogProof::parse(data) {
        assert_eq!(proof.to_bytes(), data);
    }
}

fn opening(data: &[u8]) {
    let _ = Opening::parse(data);
    let _ = Reading::parse(data);
}
