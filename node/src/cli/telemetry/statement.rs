//! `telemetry-log` statements: drafted from the log, and read as what openings are held against.

use std::path::Path;

use standstill_attestations::reading::READING_FORMAT;
use standstill_attestations::{Common, LogHead, Predicate, Statement, TelemetryLog as Predicated};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_telemetry::{Checkpoint, TelemetryLog};

use super::{Place, before};
use crate::cli::{Failure, Global, attest, read_file, write_file};
use crate::clock;
use crate::exit::Exit;
use crate::home::Home;

/// Bytes of a statement or its envelope, at most.
const MAX_STATEMENT_BYTES: u64 = 1 << 18;

/// Drafts the statement that brings the log's head to the ledger.
pub(super) fn draft(
    global: &Global,
    place: &Place,
    since: Option<u64>,
    site: &Name,
    path: &Path,
) -> Result<Exit, Failure> {
    let home = global.open()?;
    let chain_id = attest::chain_id(global, &home)?;
    let mut log = place.existing(global)?;
    let previous = match since {
        Some(_) => before(&log, since)?,
        None => submitted(global, &log, &home, &place.log)?,
    };
    let from = previous.map_or(0, |previous| previous.size);
    let window = log.window(from, log.size())?.ok_or_else(|| {
        Failure::usage(format!("the log has {from} readings and the last checkpoint has them all"))
            .hint("there is nothing to report yet")
    })?;
    let head = log.checkpoint()?;
    let common =
        Common { chain_id, member: home.member().clone(), sequence: 1, issued_at: clock::now(), corrects: None };
    let predicate = Predicated {
        log: place.log.clone(),
        site: site.clone(),
        origin: format!("{}/{}", home.member(), place.log),
        leaf_format: READING_FORMAT.to_owned(),
        window,
        head: log_head(head),
        previous: previous.map(log_head),
        proof: log.consistency(from, head.size)?,
    };
    let subjects = vec![predicate.subject(&common)];
    write_draft(global, &Statement { subjects, common, predicate: Predicate::TelemetryLog(predicate) }, path)?;
    let extends = previous.map_or("the first".to_owned(), |previous| format!("extends {} leaves", previous.size));
    global.say(&format!("drafted  {} leaves, {extends}", head.size));
    if path != Path::new("-") {
        global.say(&format!("next     standstill attest check {0}, then standstill attest sign {0}", path.display()));
    }
    Ok(Exit::Holds)
}

fn log_head(checkpoint: Checkpoint) -> LogHead {
    LogHead { size: checkpoint.size, root: checkpoint.root }
}

fn write_draft(global: &Global, statement: &Statement, path: &Path) -> Result<(), Failure> {
    statement.check()?;
    let value: serde_json::Value = serde_json::from_slice(&statement.to_json()).unwrap_or_default();
    let in_file = path != Path::new("-");
    if in_file || !global.json {
        let mut text = serde_json::to_vec_pretty(&value).unwrap_or_default();
        text.push(b'\n');
        write_file(path, &text)?;
    }
    if !global.json {
        return Ok(());
    }
    let file = in_file.then_some(path);
    let view = serde_json::json!({ "schema": "standstill.draft/1", "kind": statement.kind().as_str(), "file": file,
        "statement": value });
    global.print(&view, String::new)
}

/// The log at the last checkpoint that was submitted from this home: its envelope has a receipt beside it.
fn submitted(global: &Global, log: &TelemetryLog, home: &Home, name: &Name) -> Result<Option<Checkpoint>, Failure> {
    let files = std::fs::read_dir(home.directory().join("statements")).into_iter().flatten().flatten();
    let has_receipt = |path: &Path| {
        let stem = path.to_str().and_then(|path| path.strip_suffix(".dsse.json"));
        stem.is_some_and(|stem| Path::new(&format!("{stem}.proof")).exists())
    };
    let paths = files.map(|entry| entry.path()).filter(|path| has_receipt(path));
    let of_this_log = paths.filter_map(|path| read(&path).ok()).filter(|found| found.log == *name);
    let Some(last) = of_this_log.map(|found| found.head).max_by_key(|head| head.size) else {
        global.say(
            "note: no checkpoint of this log has a receipt in this home, so this is drafted as its first; \
             `--since SIZE` names the last one on the ledger",
        );
        return Ok(None);
    };
    if last.size > log.size() || log.root_at(last.size)? != last.root {
        return Err(Failure::untrusted(format!(
            "the log does not begin with the {} leaves of its checkpoint on the ledger",
            last.size
        ))
        .hint("restore the log's folder; a second log needs a name of its own"));
    }
    Ok(Some(Checkpoint { size: last.size, root: last.root }))
}

/// Reads a `telemetry-log` statement: a draft, or an envelope as the ledger has it.
fn read(path: &Path) -> Result<Predicated, Failure> {
    let bytes = read_file(path, MAX_STATEMENT_BYTES)?;
    let envelope = Envelope::parse(&bytes);
    let statement = Statement::parse(envelope.as_ref().map_or(&bytes, |envelope| envelope.payload()))?;
    match statement.predicate {
        Predicate::TelemetryLog(log) => Ok(log),
        other => Err(Failure::usage(format!("`{}` is a `{}` statement", path.display(), other.kind()))
            .hint("give the `telemetry-log` statement of this log")),
    }
}

/// Size and root that a statement fixes.
pub(super) fn head(path: &Path) -> Result<(u64, Hash), Failure> {
    let log = read(path)?;
    if log.leaf_format != READING_FORMAT {
        return Err(Failure::usage(format!("the leaves of log `{}` are `{}`", log.log, log.leaf_format))
            .hint(format!("openings are of logs whose leaves are `{READING_FORMAT}`")));
    }
    Ok((log.head.size, log.head.root))
}
