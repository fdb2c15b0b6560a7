//! Opening a log: what is on the disk becomes a log again, whatever a crash left of the last write.
//!
//! From the last checkpoint on every line is read again, up to the mark of what was acknowledged. What lies behind the
//! mark nobody was told of: it is set aside. A line before it that is no reading was changed by somebody, or by the disk.
//!
//! A log without a mark, made before there was one, is read to its end: a line that is no reading, or has no newline, is
//! where the last write was torn, if less than a batch lies after it.

use std::io::{BufRead, Read};

use standstill_attestations::reading::{MAX_READING_BYTES, Reading, ReadingError};
use standstill_protocol::log::{self, Frontier};

use super::files::Files;
use super::{Checkpoint, LogError, MAX_BATCH_BYTES, Torn};

/// Bytes that are made from readings.
#[derive(Debug, Default)]
pub(super) struct Derived {
    pub(super) hashes: Vec<u8>,
    pub(super) ends: Vec<u8>,
}

impl Derived {
    /// Takes a leaf whose line ends at `end`.
    pub(super) fn push(&mut self, frontier: &mut Frontier, leaf: &[u8], end: u64) {
        for (_, hash) in frontier.append_storing(log::leaf_hash(leaf)) {
            self.hashes.extend_from_slice(hash.as_bytes());
        }
        self.ends.extend_from_slice(&end.to_be_bytes());
    }
}

pub(super) struct Recovered {
    pub(super) frontier: Frontier,
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) torn: Option<Torn>,
}

pub(super) fn recover(files: &Files) -> Result<Recovered, LogError> {
    let checkpoints = checkpoints(files)?;
    let known = checkpoints.last().and_then(|checkpoint| trusted(files, checkpoint));
    let (mut frontier, start) = known.unwrap_or((Frontier::new(), 0));
    files.cut_derived(frontier.size())?;
    let mark = files.mark()?.filter(|mark| *mark >= start);
    let end = replay(files, &mut frontier, start, mark)?;
    if let Some(last) = checkpoints.last() {
        hold(files, &frontier, last)?;
    }
    if let Some(synced) = mark.filter(|mark| end.offset < *mark) {
        return Err(lost(files, end, synced));
    }
    let (mut torn, offset) = (None, end.offset);
    if offset < files.readings_length()? {
        torn = Some(tear(files, end, mark)?);
    }
    // Lines that a killed process wrote may be in memory alone.
    files.sync_readings()?;
    if mark != Some(offset) {
        files.set_mark(offset)?;
    }
    Ok(Recovered { frontier, checkpoints, torn })
}

/// The frontier under the last checkpoint, where the stored hashes still lead to its root.
fn trusted(files: &Files, checkpoint: &Checkpoint) -> Option<(Frontier, u64)> {
    let frontier = Frontier::read(files, checkpoint.size).ok()?;
    let end = files.end_of(checkpoint.size).ok()?;
    // The ends are believed where a line that is a leaf ends.
    let last_is_whole = checkpoint.size == 0 || {
        let line = files.line(checkpoint.size - 1).ok()?;
        Reading::parse(&line).is_ok_and(|reading| {
            let at = log::Coordinate { level: 0, index: checkpoint.size - 1 };
            log::HashReader::read(files, at).is_ok_and(|hash| hash == reading.leaf_hash())
        })
    };
    (frontier.root() == checkpoint.root && last_is_whole).then_some((frontier, end))
}

/// Where reading stopped, and why, where it was not the end.
struct Stop {
    offset: u64,
    error: Option<ReadingError>,
}

/// Reads lines and makes what is made from them, up to the mark or the end, or to the first line that is no leaf.
fn replay(files: &Files, frontier: &mut Frontier, start: u64, mark: Option<u64>) -> Result<Stop, LogError> {
    let until = mark.map_or(u64::MAX, |mark| mark.saturating_sub(start));
    let mut reader = files.readings_from(start)?.take(until);
    let (mut offset, mut line, mut derived) = (start, Vec::new(), Derived::default());
    let limit = u64::try_from(MAX_READING_BYTES + 1).unwrap_or(u64::MAX);
    let error = loop {
        line.clear();
        let read = reader.by_ref().take(limit).read_until(b'\n', &mut line);
        let source = |source| LogError::Io { action: "read", path: files.path("readings"), source };
        let count = u64::try_from(read.map_err(source)?).unwrap_or(0);
        let Some(leaf) = line.strip_suffix(b"\n") else {
            break (count > 0).then_some(ReadingError::TooLong { length: line.len() });
        };
        if let Err(error) = Reading::parse(leaf) {
            break Some(error);
        }
        offset = offset.saturating_add(count);
        derived.push(frontier, leaf, offset);
        if derived.hashes.len() > MAX_BATCH_BYTES {
            files.append_derived(&std::mem::take(&mut derived))?;
        }
    };
    files.append_derived(&derived)?;
    Ok(Stop { offset, error })
}

/// A log must still have what it gave out.
fn hold(files: &Files, frontier: &Frontier, checkpoint: &Checkpoint) -> Result<(), LogError> {
    let (found, expected) = (frontier.size(), checkpoint.size);
    if found < expected {
        return Err(LogError::Lost { found, expected });
    }
    let root = log::root_at(files, expected).map_err(super::proof_error)?;
    if root != checkpoint.root {
        return Err(LogError::Rewritten { size: expected, found: root, expected: checkpoint.root });
    }
    Ok(())
}

/// Bytes that were acknowledged are no leaves any more, or are gone.
fn lost(files: &Files, stop: Stop, synced: u64) -> LogError {
    let (path, offset) = (files.path("readings"), stop.offset);
    match stop.error {
        Some(error) => LogError::Damaged { path, offset, error },
        None => LogError::Shortened { path, length: offset, synced },
    }
}

fn tear(files: &Files, stop: Stop, mark: Option<u64>) -> Result<Torn, LogError> {
    let after = files.readings_length()?.saturating_sub(stop.offset);
    if mark.is_none() && after > u64::try_from(MAX_BATCH_BYTES).unwrap_or(u64::MAX) {
        let error = stop.error.unwrap_or(ReadingError::FieldCount { found: 0 });
        return Err(LogError::Damaged { path: files.path("readings"), offset: stop.offset, error });
    }
    let (kept_in, bytes) = files.set_aside(stop.offset)?;
    Ok(Torn { bytes, kept_in })
}

/// The roots that were given out. A line without its newline was never given out: nobody was told before it was synced.
fn checkpoints(files: &Files) -> Result<Vec<Checkpoint>, LogError> {
    let text = files.read_checkpoints()?;
    let whole = text.rfind('\n').map_or(0, |last| last + 1);
    let mut checkpoints: Vec<Checkpoint> = Vec::new();
    for (line, text) in text.get(..whole).unwrap_or_default().lines().enumerate() {
        let checkpoint =
            parse_checkpoint(text).filter(|next| checkpoints.last().is_none_or(|last| last.size < next.size));
        let damaged = || LogError::DamagedCheckpoints { path: files.path("checkpoints"), line: line + 1 };
        checkpoints.push(checkpoint.ok_or_else(damaged)?);
    }
    if whole < text.len() {
        files.cut_checkpoints(u64::try_from(whole).unwrap_or(0))?;
    }
    Ok(checkpoints)
}

fn parse_checkpoint(line: &str) -> Option<Checkpoint> {
    let (size, root) = line.split_once(' ')?;
    let checkpoint = Checkpoint { size: size.parse().ok()?, root: root.parse().ok()? };
    (checkpoint.size.to_string() == size && checkpoint.size <= log::MAX_SIZE).then_some(checkpoint)
}
