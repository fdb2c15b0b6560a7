//! The log on disk: what a crash may leave behind, what it may not, and what somebody's hand may not change.

use std::fs;
use std::path::Path;

use standstill_attestations::reading::{Quantity, Reading, Sample};
use standstill_protocol::hash::Hash;
use standstill_protocol::log::{MemoryLog, consistency};
use standstill_protocol::units::Timestamp;
use standstill_telemetry::log::MAX_BATCH_BYTES;
use standstill_telemetry::{Checkpoint, LogError, TelemetryLog};

fn reading(i: u64) -> Reading {
    Reading {
        time: Timestamp(1_795_433_674_907 + 10_000 * i),
        meter: "node-1".parse().unwrap(),
        chip: Hash::sha256(b"chip"),
        quantity: Quantity::EnergyCounter,
        value: 251_905_148_074 + i * i,
    }
}

fn readings(range: std::ops::Range<u64>) -> Vec<Reading> {
    range.map(reading).collect()
}

fn memory(size: u64) -> MemoryLog {
    readings(0..size).iter().map(Reading::leaf_hash).collect()
}

fn open(folder: &Path) -> TelemetryLog {
    TelemetryLog::open(folder).unwrap().0
}

#[test]
fn the_root_is_that_of_rfc_6962_however_the_leaves_came() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    assert_eq!(log.root(), Hash::sha256(b""));
    for (from, to) in [(0, 1), (1, 4), (4, 4), (4, 17), (17, 300)] {
        assert_eq!(log.append(&readings(from..to)).unwrap(), from);
        assert_eq!((log.size(), log.root()), (to, memory(to).root()));
    }
    for size in [0, 1, 2, 3, 7, 8, 255, 256, 257, 300] {
        assert_eq!(log.root_at(size).unwrap(), memory(size).root(), "{size}");
    }
    assert_eq!(log.leaf(299).unwrap(), reading(299));
    assert!(matches!(log.leaf(300), Err(LogError::OutOfRange { asked: 300, size: 300 })));
    assert!(matches!(log.root_at(301), Err(LogError::OutOfRange { .. })));
}

#[test]
fn a_log_that_is_opened_again_is_the_same_log_with_checkpoints_and_without() {
    let folder = tempfile::tempdir().unwrap();
    for size in 1..40u64 {
        let mut log = open(folder.path());
        log.append(&readings(size - 1..size)).unwrap();
        if size % 7 == 0 {
            assert_eq!(log.checkpoint().unwrap(), Checkpoint { size, root: memory(size).root() });
        }
        drop(log);
        let log = open(folder.path());
        assert_eq!((log.size(), log.root()), (size, memory(size).root()));
        assert_eq!(log.checkpoints().len() as u64, size / 7);
    }
}

#[test]
fn proofs_between_checkpoints_and_openings_hold() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    log.append(&readings(0..70)).unwrap();
    let old = log.checkpoint().unwrap();
    assert_eq!(log.checkpoint().unwrap(), old, "nothing was added since");
    assert_eq!(log.checkpoints().len(), 1);
    log.append(&readings(70..203)).unwrap();
    let new = log.checkpoint().unwrap();
    let proof = log.consistency(old.size, new.size).unwrap();
    consistency::verify(old.size, &old.root, new.size, &new.root, &proof).unwrap();
    assert_eq!(log.consistency(0, new.size).unwrap(), Vec::new());

    let sample = Sample { seed: Hash::sha256(b"auditor"), count: 12 };
    let opening = log.open_sample(old.size, sample).unwrap();
    let verified = opening.verify(old.size, &old.root, Some(&sample)).unwrap();
    assert_eq!(verified.readings().len(), 12);
    for (index, found) in verified.readings() {
        assert_eq!(*found, reading(*index));
    }
    let later = log.open_leaves(old.size, &[70], None);
    assert!(matches!(later, Err(LogError::OutOfRange { asked: 70, size: 70 })), "a leaf that came later");
    let window = log.window(70, 203).unwrap().unwrap();
    assert_eq!((window.start, window.end), (reading(70).time, reading(202).time.plus(1)));
    assert_eq!(log.window(70, 70).unwrap(), None);
}

#[test]
fn whatever_a_crash_tears_the_whole_lines_stay_and_the_rest_is_set_aside() {
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).append(&readings(0..9)).unwrap();
        fs::read(folder.path().join("readings")).unwrap()
    };
    let line = whole.len() / 9;
    for cut in (0..whole.len()).step_by(37).chain(whole.len() - 3..=whole.len()) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("readings"), &whole[..cut]).unwrap();
        let (mut log, torn) = TelemetryLog::open(folder.path()).unwrap();
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!((log.size(), log.root()), (lines as u64, memory(lines as u64).root()), "{cut}");
        let left = cut - whole[..cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        assert_eq!(torn.as_ref().map_or(0, |torn| torn.bytes), left as u64, "{cut} of lines of {line}");
        if let Some(torn) = torn {
            assert_eq!(fs::read(torn.kept_in).unwrap(), &whole[cut - left..cut]);
        }
        log.append(&readings(lines as u64..12)).unwrap();
        assert_eq!(log.root(), memory(12).root());
    }
}

#[test]
fn zeros_and_garbage_behind_the_last_line_are_set_aside() {
    for garbage in [vec![0; 4096], b"standstill-reading/v1 17954\nxx\n".to_vec(), vec![0xFF; 3]] {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).append(&readings(0..5)).unwrap();
        let path = folder.path().join("readings");
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(&garbage);
        fs::write(&path, bytes).unwrap();
        let (log, torn) = TelemetryLog::open(folder.path()).unwrap();
        assert_eq!((log.size(), torn.unwrap().bytes), (5, garbage.len() as u64));
        drop(log);
        assert!(TelemetryLog::open(folder.path()).unwrap().1.is_none(), "it is set aside once");
    }
}

#[test]
fn what_is_made_from_the_readings_is_made_again_when_it_is_gone_or_wrong() {
    for (name, damage) in [("hashes", Some(5usize)), ("hashes", None), ("ends", Some(11)), ("ends", None)] {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(folder.path());
        log.append(&readings(0..21)).unwrap();
        log.checkpoint().unwrap();
        log.append(&readings(21..23)).unwrap();
        drop(log);
        let path = folder.path().join(name);
        match damage {
            None => fs::remove_file(&path).unwrap(),
            Some(keep) => {
                let bytes = fs::read(&path).unwrap();
                fs::write(&path, &bytes[..bytes.len() / 2 + keep]).unwrap();
            }
        }
        let log = open(folder.path());
        assert_eq!((log.size(), log.root()), (23, memory(23).root()), "{name}");
        log.open_leaves(23, &(0..23).collect::<Vec<_>>(), None).unwrap();
    }
}

#[test]
fn a_log_that_lost_or_changed_what_it_gave_out_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    log.append(&readings(0..10)).unwrap();
    log.checkpoint().unwrap();
    drop(log);
    let path = folder.path().join("readings");
    let whole = fs::read(&path).unwrap();

    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let refused = TelemetryLog::open(folder.path()).unwrap_err();
    assert!(matches!(refused, LogError::Lost { found: 5, expected: 10 }), "{refused}");
    assert!(refused.is_contradiction());
    assert_eq!(fs::read(&path).unwrap().len(), whole.len() / 2, "nothing is cut off before it is understood");

    let changed = String::from_utf8(whole.clone()).unwrap().replacen("251905148074", "251905148075", 1);
    fs::write(&path, changed).unwrap();
    fs::remove_file(folder.path().join("hashes")).unwrap();
    let refused = TelemetryLog::open(folder.path()).unwrap_err();
    assert!(matches!(refused, LogError::Rewritten { size: 10, .. }), "{refused}");
}

#[test]
fn a_leaf_changed_under_its_hashes_is_never_opened() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    log.append(&readings(0..10)).unwrap();
    log.checkpoint().unwrap();
    drop(log);
    let path = folder.path().join("readings");
    let changed = fs::read_to_string(&path).unwrap().replacen("251905148078", "251905148079", 1);
    fs::write(&path, changed).unwrap();
    let log = open(folder.path());
    log.open_leaves(10, &[1, 3], None).unwrap();
    let refused = log.open_leaves(10, &[2], None).unwrap_err();
    assert!(matches!(refused, LogError::DamagedHashes { .. }), "{refused}");
}

#[test]
fn a_bad_line_with_more_than_a_batch_behind_it_is_no_crash() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("{}\n", reading(1));
    let mut text = format!("{}\nnot a reading\n", reading(0));
    while text.len() < MAX_BATCH_BYTES + 400 {
        text.push_str(&line);
    }
    let path = folder.path().join("readings");
    fs::write(&path, &text).unwrap();
    let refused = TelemetryLog::open(folder.path()).unwrap_err();
    assert!(matches!(refused, LogError::Damaged { offset, .. } if offset == line.len() as u64), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_torn_checkpoint_line_was_never_given_out_and_a_changed_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    log.append(&readings(0..3)).unwrap();
    log.checkpoint().unwrap();
    drop(log);
    let path = folder.path().join("checkpoints");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}5 ab")).unwrap();
    assert_eq!(open(folder.path()).checkpoints().len(), 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    fs::write(&path, format!("{whole}{whole}")).unwrap();
    assert!(matches!(TelemetryLog::open(folder.path()), Err(LogError::DamagedCheckpoints { line: 2, .. })));
}

#[test]
fn one_process_at_a_time_has_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    assert!(matches!(TelemetryLog::open(folder.path()), Err(LogError::InUse { .. })));
    drop(log);
    open(folder.path());
}

/// One byte before the last acknowledged line: no crash does that, however few lines lie after it.
#[test]
fn an_acknowledged_line_is_never_taken_for_one_that_a_crash_tore() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).append(&readings(0..9)).unwrap();
    let path = folder.path().join("readings");
    let whole = fs::read(&path).unwrap();
    let line = whole.len() / 9;
    for at in [0, 3 * line + 5, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x80;
        fs::write(&path, &bytes).unwrap();
        let refused = TelemetryLog::open(folder.path()).unwrap_err();
        assert!(matches!(refused, LogError::Damaged { .. }), "{at}: {refused}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is set aside");
    }
    for keep in [0, 4] {
        fs::write(&path, &whole[..keep * line]).unwrap();
        let refused = TelemetryLog::open(folder.path()).unwrap_err();
        assert!(matches!(refused, LogError::Shortened { synced, .. } if synced == whole.len() as u64), "{refused}");
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(open(folder.path()).size(), 9);
}

/// More readings than are written at once, and a crash after some of them, wherever it comes: the retry has each once.
#[test]
fn an_append_is_in_the_log_whole_or_not_at_all() {
    let (folder, many) = (tempfile::tempdir().unwrap(), 6_000);
    open(folder.path()).append(&readings(0..3)).unwrap();
    let mark = fs::read(folder.path().join("synced")).unwrap();
    open(folder.path()).append(&readings(3..many)).unwrap();
    let path = folder.path().join("readings");
    let whole = fs::read(&path).unwrap();
    for cut in [whole.len(), whole.len() - 1, whole.len() / 2, whole.len() / 3 * 2] {
        fs::write(&path, &whole[..cut]).unwrap();
        fs::write(folder.path().join("synced"), &mark).unwrap();
        let (mut log, torn) = TelemetryLog::open(folder.path()).unwrap();
        assert_eq!((log.size(), log.root()), (3, memory(3).root()), "{cut}");
        let torn = torn.unwrap();
        assert_eq!(fs::read(torn.kept_in).unwrap(), &whole[mark_of(&mark)..cut]);
        log.append(&readings(3..many)).unwrap();
        assert_eq!(log.root(), memory(many).root());
    }
}

fn mark_of(mark: &[u8]) -> usize {
    usize::try_from(u64::from_be_bytes(mark[..8].try_into().unwrap())).unwrap()
}

#[test]
fn a_mark_that_is_none_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).append(&readings(0..5)).unwrap();
    let path = folder.path().join("synced");
    let whole = fs::read(&path).unwrap();
    for mark in [vec![], vec![0; 15], vec![0; 16], [&whole[..15], &[!whole[15]]].concat()] {
        fs::write(&path, mark).unwrap();
        assert_eq!(open(folder.path()).size(), 5);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}
