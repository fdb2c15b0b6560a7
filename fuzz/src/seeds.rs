//! Where the fuzzing starts: the samples of the importers, and the accepted and refused cases of `vectors/`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use standstill_hardware::Evidence;
use standstill_importers::{Format, Source};

use crate::targets::NEXT_FILE;

const SAMPLES: &str = "attestations/importers/samples";
const EVIDENCE: &str = "attestations/hardware/tests/evidence";
/// Seeds longer than this slow the fuzzer down more than they teach it.
const MAX_SEED: usize = 96 << 10;

/// Target, file of vectors, member of a case's input.
const VECTORS: [(&str, &str, &str); 5] = [
    ("envelope", "envelopes", "text"),
    ("block", "blocks", "hex"),
    ("receipt", "tlog-proofs", "proof"),
    ("telemetry-opening", "telemetry-openings", "text"),
    ("telemetry-opening", "telemetry-readings", "leaf"),
];

/// Writes all seeds under `corpus/`; the repository is the working folder's parent.
pub fn write() -> Result<(), String> {
    let root = repository()?;
    let mut files = Vec::new();
    walk(&root.join(SAMPLES), &mut files)?;
    let mut known: Vec<(&'static str, PathBuf, Vec<u8>)> = Vec::new();
    for path in files {
        let bytes = read(&path)?;
        if bytes.len() <= MAX_SEED
            && let Ok(format) = Format::detect(&Source::new("seed", &bytes))
        {
            put(format.name, &bytes)?;
            known.push((format.name, path, bytes));
        }
    }
    pairs(&known)?;
    for (target, file, member) in VECTORS {
        vectors(&root.join("vectors").join(file).with_extension("json"), target, member)?;
    }
    chips(&root)?;
    statements(&root)
}

/// Every report with every list of certificates beside it, and alone.
fn chips(root: &Path) -> Result<(), String> {
    let mut paths = Vec::new();
    walk(&root.join(EVIDENCE), &mut paths)?;
    let mut files = Vec::new();
    for path in paths {
        let bytes = read(&path)?;
        files.push((path, bytes.starts_with(b"-----BEGIN"), bytes));
    }
    for (path, _, report) in files.iter().filter(|(_, certificates, _)| !certificates) {
        if Evidence::from_files(report, b"").is_err() {
            continue;
        }
        put("chip-report", report)?;
        let beside = files.iter().filter(|(at, certificates, _)| *certificates && at.parent() == path.parent());
        for (_, _, certificates) in beside {
            put("chip-report", &[report.as_slice(), NEXT_FILE, certificates].concat())?;
        }
    }
    Ok(())
}

fn repository() -> Result<PathBuf, String> {
    let here = std::env::current_dir().map_err(|error| error.to_string())?;
    let found = here.ancestors().find(|folder| folder.join(SAMPLES).is_dir());
    found.map(Path::to_path_buf).ok_or_else(|| format!("no `{SAMPLES}` in or above `{}`", here.display()))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Under a name that its content gives.
fn put(target: &str, bytes: &[u8]) -> Result<(), String> {
    let folder = Path::new("corpus").join(target);
    let name = standstill_protocol::hash::Hash::sha256(bytes).to_string();
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    fs::write(folder.join(&name), bytes).map_err(|error| format!("{name}: {error}"))
}

/// Neighbours of one format as one input of two files.
fn pairs(known: &[(&'static str, PathBuf, Vec<u8>)]) -> Result<(), String> {
    for (name, path, bytes) in known {
        let beside = known.iter().filter(|(other, at, _)| other == name && at != path && at.parent() == path.parent());
        for (_, _, other) in beside.take(2) {
            let both = [bytes.as_slice(), NEXT_FILE, other].concat();
            if both.len() <= MAX_SEED {
                put(name, &both)?;
            }
        }
    }
    Ok(())
}

fn vectors(path: &Path, target: &str, member: &str) -> Result<(), String> {
    let document: Value =
        serde_json::from_slice(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    for case in document["cases"].as_array().into_iter().flatten() {
        let input = &case["input"][member];
        if let Some(bytes) = bytes_of(input, member) {
            put(target, &bytes)?;
        }
    }
    Ok(())
}

/// A case's bytes: `hex`, or text, or an object of either.
fn bytes_of(input: &Value, member: &str) -> Option<Vec<u8>> {
    match (input, member) {
        (Value::String(hex), "hex") => unhex(hex),
        (Value::String(text), _) => Some(text.clone().into_bytes()),
        (Value::Object(object), _) => match (object.get("text"), object.get("hex")) {
            (Some(Value::String(text)), _) => Some(text.clone().into_bytes()),
            (_, Some(Value::String(hex))) => unhex(hex),
            _ => None,
        },
        _ => None,
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    Some(digits?.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// The payloads of the envelopes among the vectors.
fn statements(root: &Path) -> Result<(), String> {
    let path = root.join("vectors/envelopes.json");
    let document: Value =
        serde_json::from_slice(&read(&path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    for case in document["cases"].as_array().into_iter().flatten() {
        let Some(bytes) = bytes_of(&case["input"]["text"], "text") else { continue };
        if let Ok(envelope) = standstill_protocol::dsse::Envelope::parse(&bytes) {
            put("statement", envelope.payload())?;
        }
    }
    Ok(())
}
