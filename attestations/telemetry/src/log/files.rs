//! The files of a log, and the order in which they are written.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use standstill_attestations::reading::MAX_READING_BYTES;
use standstill_protocol::hash::Hash;
use standstill_protocol::log::{Coordinate, HashReader};

use super::recover::Derived;
use super::{Checkpoint, LogError};

/// The files, all open, and the lock, held.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) folder: PathBuf,
    readings: File,
    checkpoints: File,
    hashes: File,
    ends: File,
    synced: File,
    _lock: File,
}

/// Hashes stored by a log of `size` leaves: two a leaf, but for those that wait for a sibling.
pub(super) const fn stored(size: u64) -> u64 {
    (size * 2).saturating_sub(size.count_ones() as u64)
}

impl Files {
    pub(super) fn open(folder: &Path) -> Result<Self, LogError> {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|source| LogError::Io { action: "create", path: folder.to_owned(), source })?;
        let lock = open(folder, "lock")?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => LogError::InUse { folder: folder.to_owned() },
            TryLockError::Error(source) => LogError::Io { action: "lock", path: folder.join("lock"), source },
        })?;
        let files = Files {
            folder: folder.to_owned(),
            readings: open(folder, "readings")?,
            checkpoints: open(folder, "checkpoints")?,
            hashes: open(folder, "hashes")?,
            ends: open(folder, "ends")?,
            synced: open_mark(folder)?,
            _lock: lock,
        };
        // Names as well as bytes: a file that was just made must be there after a crash.
        sync_folder(folder)?;
        // Its own name too, which stands in the folder above.
        if let Some(above) = folder.canonicalize().ok().as_deref().and_then(Path::parent) {
            sync_folder(above)?;
        }
        Ok(files)
    }

    fn failed<'f>(&'f self, action: &'static str, name: &'f str) -> impl FnOnce(io::Error) -> LogError + 'f {
        move |source| LogError::Io { action, path: self.folder.join(name), source }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Appends whole lines; they are on the disk when this returns.
    pub(super) fn append_readings(&self, lines: &str) -> Result<(), LogError> {
        (&self.readings).write_all(lines.as_bytes()).map_err(self.failed("write", "readings"))?;
        self.readings.sync_data().map_err(self.failed("sync", "readings"))
    }

    /// What is in `readings` is on the disk when this returns.
    pub(super) fn sync_readings(&self) -> Result<(), LogError> {
        self.readings.sync_data().map_err(self.failed("sync", "readings"))
    }

    /// How many bytes of `readings` were synced and acknowledged; `None` where that was never written down, or not whole.
    pub(super) fn mark(&self) -> Result<Option<u64>, LogError> {
        let mut bytes = [0; 16];
        match self.synced.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read.map_err(self.failed("read", "synced"))?,
        }
        let [length, complement] =
            [bytes.first_chunk::<8>(), bytes.last_chunk()].map(|half| half.copied().map(u64::from_be_bytes));
        Ok(length.filter(|length| Some(!length) == complement))
    }

    /// Writes down that so many bytes of `readings` are on the disk, as they are.
    pub(super) fn set_mark(&self, length: u64) -> Result<(), LogError> {
        let bytes = [length.to_be_bytes(), (!length).to_be_bytes()].concat();
        self.synced.write_all_at(&bytes, 0).map_err(self.failed("write", "synced"))?;
        self.synced.sync_data().map_err(self.failed("sync", "synced"))
    }

    /// Appends what is made from the readings; it may be lost, and is then made again.
    pub(super) fn append_derived(&self, derived: &Derived) -> Result<(), LogError> {
        (&self.hashes).write_all(&derived.hashes).map_err(self.failed("write", "hashes"))?;
        (&self.ends).write_all(&derived.ends).map_err(self.failed("write", "ends"))
    }

    pub(super) fn sync_derived(&self) -> Result<(), LogError> {
        self.hashes.sync_data().map_err(self.failed("sync", "hashes"))?;
        self.ends.sync_data().map_err(self.failed("sync", "ends"))
    }

    pub(super) fn append_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), LogError> {
        let line = format!("{} {}\n", checkpoint.size, checkpoint.root);
        (&self.checkpoints).write_all(line.as_bytes()).map_err(self.failed("write", "checkpoints"))?;
        self.checkpoints.sync_data().map_err(self.failed("sync", "checkpoints"))
    }

    pub(super) fn cut_checkpoints(&self, length: u64) -> Result<(), LogError> {
        self.checkpoints.set_len(length).map_err(self.failed("cut", "checkpoints"))
    }

    /// Forgets what was made from leaves at and after `size`.
    pub(super) fn cut_derived(&self, size: u64) -> Result<(), LogError> {
        self.hashes.set_len(stored(size).saturating_mul(32)).map_err(self.failed("cut", "hashes"))?;
        self.ends.set_len(size.saturating_mul(8)).map_err(self.failed("cut", "ends"))
    }

    /// Sets everything from `offset` on aside and cuts it off.
    pub(super) fn set_aside(&self, offset: u64) -> Result<(PathBuf, u64), LogError> {
        let length = self.readings_length()?.saturating_sub(offset);
        let mut torn = self.readings_from(offset)?;
        let path = self.free_name(offset);
        let copy = |mut file: File| io::copy(&mut torn, &mut file).and_then(|_| file.sync_all());
        let kept = File::create(&path).and_then(copy);
        kept.map_err(|source| LogError::Io { action: "write", path: path.clone(), source })?;
        // The copy has its name on the disk before the bytes are cut off.
        sync_folder(&self.folder)?;
        self.readings.set_len(offset).map_err(self.failed("cut", "readings"))?;
        self.readings.sync_data().map_err(self.failed("sync", "readings"))?;
        Ok((path, length))
    }

    fn free_name(&self, offset: u64) -> PathBuf {
        let names = std::iter::once(format!("torn-{offset}")).chain((2..).map(|n| format!("torn-{offset}-{n}")));
        let mut free = names.map(|name| self.folder.join(name)).filter(|path| !path.exists());
        free.next().unwrap_or_else(|| self.folder.join("torn"))
    }

    pub(super) fn readings_length(&self) -> Result<u64, LogError> {
        Ok(self.readings.metadata().map_err(self.failed("read", "readings"))?.len())
    }

    /// A reader over the readings from an offset on.
    pub(super) fn readings_from(&self, offset: u64) -> Result<impl io::BufRead, LogError> {
        let path = self.path("readings");
        let open = || {
            let mut file = File::open(&path)?;
            io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
            Ok(io::BufReader::with_capacity(1 << 16, file))
        };
        open().map_err(|source| LogError::Io { action: "read", path: path.clone(), source })
    }

    pub(super) fn read_checkpoints(&self) -> Result<String, LogError> {
        std::fs::read_to_string(self.path("checkpoints")).map_err(self.failed("read", "checkpoints"))
    }

    /// Where the line of leaf `size - 1` ends; 0 for the empty log.
    pub(super) fn end_of(&self, size: u64) -> Result<u64, LogError> {
        let Some(last) = size.checked_sub(1) else { return Ok(0) };
        let mut bytes = [0; 8];
        self.ends.read_exact_at(&mut bytes, last.saturating_mul(8)).map_err(self.failed("read", "ends"))?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// The line of a leaf, without its newline.
    pub(super) fn line(&self, index: u64) -> Result<Vec<u8>, LogError> {
        let (start, end) = (self.end_of(index)?, self.end_of(index.saturating_add(1))?);
        let length = end.checked_sub(start).and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| (1..=MAX_READING_BYTES + 1).contains(length));
        let length = length.ok_or_else(|| LogError::DamagedHashes { reason: format!("leaf {index} has no end") })?;
        let mut line = vec![0; length];
        self.readings.read_exact_at(&mut line, start).map_err(self.failed("read", "readings"))?;
        line.pop();
        Ok(line)
    }
}

impl HashReader for Files {
    type Error = LogError;

    fn read(&self, at: Coordinate) -> Result<Hash, LogError> {
        // A subtree is stored when its last leaf is, right after that leaf and the smaller subtrees that it completes.
        let last = (at.index.saturating_add(1) << at.level).saturating_sub(1);
        let place = stored(last).saturating_add(u64::from(at.level));
        let mut bytes = [0; 32];
        self.hashes.read_exact_at(&mut bytes, place.saturating_mul(32)).map_err(self.failed("read", "hashes"))?;
        Ok(Hash::from_bytes(bytes))
    }
}

fn open(folder: &Path, name: &str) -> Result<File, LogError> {
    let path = folder.join(name);
    let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
    file.map_err(|source| LogError::Io { action: "open", path, source })
}

/// Written in place, unlike the others.
fn open_mark(folder: &Path) -> Result<File, LogError> {
    let path = folder.join("synced");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    file.map_err(|source| LogError::Io { action: "open", path, source })
}

fn sync_folder(folder: &Path) -> Result<(), LogError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| LogError::Io { action: "sync", path: folder.to_owned(), source })
}
