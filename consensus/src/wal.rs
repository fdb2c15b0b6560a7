//! The log's folder before the engine opens it. Nothing here writes to the log.
//!
//! The engine cuts a log at the first entry that does not fit into the file, and learns of a spoiled one only after it
//! has the file open; and it makes a new log where there is none. Each would let a key sign again what it has signed
//! otherwise. So this is asked first:
//!
//! 1. is there a mark of an unsafe stop;
//! 2. is there a log at all, where the ledger has blocks;
//! 3. does the log belong to the ledger: not to a height above its next;
//! 4. is every entry whole, but for a last one that a crash cut off.
//!
//! ```text
//! version u32 BE = 1 | height u64 BE | entries: flag u8 | length u64 BE | CRC-32 (IEEE) u32 BE | data     = the engine's V1
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The largest entry is a certificate of prevotes, under 48 KiB.
const MAX_ENTRY: u64 = 64 << 10;
/// Version and height.
const HEADER: usize = 12;
/// Flag, length and checksum.
const ENTRY_HEADER: usize = 13;
/// Larger than any log of one height; not read.
const MAX_LOG: u64 = 256 << 20;

/// Why a log must not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Danger {
    #[error("it is missing beside a ledger of {tip} blocks")]
    Missing { tip: u64 },
    #[error("it is of height {height}, and the ledger's next is {next}: the ledger is older than its log")]
    Ahead { height: u64, next: u64 },
    #[error("it does not start as a log of this version does")]
    Header,
    #[error("the entry at byte {offset} is spoiled")]
    Spoiled { offset: usize },
    #[error("it has {bytes} bytes")]
    Long { bytes: u64 },
}

/// The log's file.
pub(crate) fn log_file(folder: &Path) -> PathBuf {
    folder.join("consensus.wal")
}

/// The mark of an unsafe stop.
pub(crate) fn mark_file(folder: &Path) -> PathBuf {
    folder.join("unsafe")
}

/// Looks at the log in `folder` for a ledger at `tip`. A node that signs nothing up to `sign_from` may have lost it, or
/// its ledger.
pub(crate) fn inspect(folder: &Path, tip: u64, sign_from: u64) -> io::Result<Result<(), Danger>> {
    let next = tip.saturating_add(1);
    let file = log_file(folder);
    let bytes = match fs::metadata(&file) {
        Ok(metadata) if metadata.len() > MAX_LOG => return Ok(Err(Danger::Long { bytes: metadata.len() })),
        Ok(_) => fs::read(&file)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    if bytes.is_empty() {
        // The engine makes a new one.
        let missing = tip > 0 && sign_from <= next;
        return Ok(if missing { Err(Danger::Missing { tip }) } else { Ok(()) });
    }
    Ok(match scan(&bytes) {
        Ok(height) if height > next && sign_from <= height => Err(Danger::Ahead { height, next }),
        Ok(_) => Ok(()),
        Err(danger) => Err(danger),
    })
}

/// The height of a log whose entries are whole.
fn scan(bytes: &[u8]) -> Result<u64, Danger> {
    let (version, rest) = bytes.split_first_chunk::<4>().ok_or(Danger::Header)?;
    let (height, _) = rest.split_first_chunk::<8>().ok_or(Danger::Header)?;
    if u32::from_be_bytes(*version) != 1 {
        return Err(Danger::Header);
    }
    let mut offset = HEADER;
    while let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
        match entry(rest) {
            Entry::Whole { length } => offset = offset.saturating_add(length),
            Entry::Spoiled => return Err(Danger::Spoiled { offset }),
            // A cut is the end of the file. If a whole entry still follows, the length was spoiled, not the end lost.
            Entry::Cut => {
                let follows = (1..rest.len()).any(|skip| {
                    rest.get(skip..)
                        .is_some_and(|rest| matches!(entry(rest), Entry::Whole { length } if length > ENTRY_HEADER))
                });
                return if follows { Err(Danger::Spoiled { offset }) } else { Ok(u64::from_be_bytes(*height)) };
            }
        }
    }
    Ok(u64::from_be_bytes(*height))
}

enum Entry {
    Whole { length: usize },
    Cut,
    Spoiled,
}

fn entry(bytes: &[u8]) -> Entry {
    let Some(([flag, head @ ..], rest)) = bytes.split_first_chunk::<ENTRY_HEADER>() else { return Entry::Cut };
    let (Some((length, sum)), true) = (head.split_first_chunk::<8>(), *flag == 0) else { return Entry::Spoiled };
    let length = u64::from_be_bytes(*length);
    let Some(length) = usize::try_from(length).ok().filter(|length| *length as u64 <= MAX_ENTRY) else {
        return Entry::Spoiled;
    };
    let Some(data) = rest.get(..length) else { return Entry::Cut };
    if sum != crc32(data).to_be_bytes() {
        return Entry::Spoiled;
    }
    Entry::Whole { length: ENTRY_HEADER + length }
}

/// CRC-32 as in IEEE 802.3, bit by bit: logs are small.
fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// Leaves the mark, durably.
pub(crate) fn mark(folder: &Path, reason: &str) -> io::Result<()> {
    let mut file = File::create(mark_file(folder))?;
    writeln!(file, "{reason}")?;
    file.sync_all()?;
    sync_folder(folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(height: u64, entries: &[&[u8]]) -> Vec<u8> {
        let mut log = [&1u32.to_be_bytes()[..], &height.to_be_bytes()].concat();
        for data in entries {
            log.push(0);
            log.extend_from_slice(&(data.len() as u64).to_be_bytes());
            log.extend_from_slice(&crc32(data).to_be_bytes());
            log.extend_from_slice(data);
        }
        log
    }

    fn inspected(log: &[u8], tip: u64, sign_from: u64) -> Result<(), Danger> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(log_file(folder.path()), log).expect("it is written");
        inspect(folder.path(), tip, sign_from).expect("it is read")
    }

    #[test]
    fn the_checksum_is_the_ieee_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_log_that_a_crash_cut_off_is_opened_and_a_spoiled_one_never() {
        let whole = log(5, &[b"prevote", b"precommit", b"prevote of another round"]);
        assert_eq!(inspected(&whole, 4, 0), Ok(()));
        for end in HEADER..whole.len() {
            assert_eq!(inspected(&whole[..end], 4, 0), Ok(()), "cut at {end}");
        }
        // Flags, lengths and sums of entries that others follow, and all data.
        for index in HEADER..whole.len() {
            for bit in 0..8 {
                let mut spoiled = whole.clone();
                spoiled[index] ^= 1 << bit;
                let last = whole.len() - ENTRY_HEADER - b"prevote of another round".len();
                let in_last_length = (last + 1..last + 9).contains(&index);
                // A spoiled length of the last entry cannot be told from one that was cut off.
                assert!(in_last_length || inspected(&spoiled, 4, 0).is_err(), "bit {bit} of byte {index}");
            }
        }
    }

    #[test]
    fn no_log_beside_a_ledger_or_an_older_ledger_beside_a_log_is_refused_to_a_node_that_would_sign() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = |tip, sign_from| inspect(folder.path(), tip, sign_from).expect("it is read");
        assert_eq!(missing(0, 0), Ok(()));
        assert_eq!(missing(7, 0), Err(Danger::Missing { tip: 7 }));
        assert_eq!(missing(7, 8), Err(Danger::Missing { tip: 7 }));
        assert_eq!(missing(7, 9), Ok(()), "it follows first");
        assert_eq!(inspected(&log(9, &[]), 8, 0), Ok(()));
        assert_eq!(inspected(&log(9, &[]), 7, 0), Err(Danger::Ahead { height: 9, next: 8 }));
        assert_eq!(inspected(&log(9, &[]), 7, 9), Err(Danger::Ahead { height: 9, next: 8 }));
        assert_eq!(inspected(&log(9, &[]), 7, 10), Ok(()));
    }
}
