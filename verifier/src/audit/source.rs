//! The bytes that come in: counted, hashed, and reported to whoever watches.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use standstill_protocol::hash::Hash;

/// How far an audit has come. Written by the audit, read by whoever draws it.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    height: AtomicU64,
    records: AtomicU64,
}

impl Progress {
    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The last height that was replayed.
    pub fn height(&self) -> u64 {
        self.height.load(Ordering::Relaxed)
    }

    /// Records checked so far.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    pub(super) fn block(&self, height: u64, records: u64) {
        self.height.store(height, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
    }
}

/// Hashes what passes through it.
pub(super) struct Hashing<'a, R> {
    inner: R,
    hasher: Sha256,
    bytes: u64,
    progress: &'a Progress,
}

impl<'a, R: Read> Hashing<'a, R> {
    pub(super) fn new(inner: R, progress: &'a Progress) -> Self {
        Hashing { inner, hasher: Sha256::new(), bytes: 0, progress }
    }

    /// Reads what is left, and gives the digest and the length of everything.
    pub(super) fn finish(mut self) -> io::Result<(Hash, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((Hash::from_bytes(self.hasher.finalize().into()), self.bytes))
    }
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(read) = buffer.get(..count) {
            self.hasher.update(read);
        }
        self.bytes += count as u64;
        self.progress.bytes.store(self.bytes, Ordering::Relaxed);
        Ok(count)
    }
}
