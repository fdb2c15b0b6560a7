//! Where bytes come from: a name and a content that can be read from its start, as often as an importer needs.
//!
//! ```
//! use std::io::Read;
//! use standstill_importers::{Content, Source};
//!
//! /// A file that says how far its reader has come.
//! struct Dump(Vec<u8>);
//!
//! impl Content for Dump {
//!     fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
//!         Ok(Box::new(self.0.as_slice()))
//!     }
//!     fn size(&self) -> Option<u64> {
//!         u64::try_from(self.0.len()).ok()
//!     }
//! }
//!
//! let dump = Dump(b"JobID|Start|End\n".to_vec());
//! let shown = |done: u64, of: Option<u64>| println!("{done} of {of:?} bytes");
//! let source = Source::stream("sacct.txt", &dump).with_progress(&shown);
//! assert_eq!(source.name(), "sacct.txt");
//! ```
//!
//! Rules: the library opens no file, its caller does; a format is told from the first [`HEAD_BYTES`] alone; what can be
//! read line by line or item by item is never held whole; the SHA-256 that goes into evidence is taken on the way.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, BufReader, Read};

use standstill_protocol::hash::Hash;

use crate::error::ImportError;
use crate::tolerant::Node;
use crate::{HEAD_BYTES, MAX_FILE_BYTES, MAX_LINE_BYTES};

/// Bytes that can be read from their start, more than once.
pub trait Content {
    /// A reader at the start.
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>>;

    /// How many bytes there are, where it is known: for a progress bar, nothing rests on it.
    fn size(&self) -> Option<u64> {
        None
    }
}

/// Told how many bytes have been read, and of how many.
pub type Progress<'a> = &'a dyn Fn(u64, Option<u64>);

/// A file's name, for messages, and its content.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    name: &'a str,
    body: Body<'a>,
    progress: Option<Progress<'a>>,
}

#[derive(Clone, Copy)]
enum Body<'a> {
    Bytes(&'a [u8]),
    Stream(&'a dyn Content),
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The digest and length of a file that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// SHA-256 of all of it.
    pub sha256: Hash,
    /// Its length.
    pub size_bytes: u64,
}

/// A file held whole, at most [`MAX_FILE_BYTES`].
#[derive(Clone, Debug)]
pub struct Document<'a> {
    name: &'a str,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Source<'a> {
    /// Bytes in memory.
    pub const fn new(name: &'a str, bytes: &'a [u8]) -> Self {
        Source { name, body: Body::Bytes(bytes), progress: None }
    }

    /// Bytes from elsewhere.
    pub const fn stream(name: &'a str, content: &'a dyn Content) -> Self {
        Source { name, body: Body::Stream(content), progress: None }
    }

    /// The same, telling how far the reader has come, about every 256 KiB.
    #[must_use]
    pub const fn with_progress(mut self, progress: Progress<'a>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// The name: without its folder, except where many files make one record (`mlruns/0/…/metrics/loss`).
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The first bytes, at most [`HEAD_BYTES`]: what a format is told from.
    pub fn head(&self) -> Result<Cow<'a, [u8]>, ImportError> {
        match self.body {
            Body::Bytes(bytes) => Ok(Cow::Borrowed(bytes.get(..HEAD_BYTES).unwrap_or(bytes))),
            Body::Stream(content) => {
                let mut head = Vec::new();
                let limit = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
                let reader = content.open().map_err(|error| unreadable(self.name, &error))?;
                reader.take(limit).read_to_end(&mut head).map_err(|error| unreadable(self.name, &error))?;
                Ok(Cow::Owned(head))
            }
        }
    }

    /// All of it, in memory.
    pub fn load(&self) -> Result<Document<'a>, ImportError> {
        let bytes = match self.body {
            Body::Bytes(bytes) => Cow::Borrowed(bytes),
            Body::Stream(content) => {
                let reader = content.open().map_err(|error| unreadable(self.name, &error))?;
                Cow::Owned(read_bounded(self.name, reader).map_err(|error| unreadable(self.name, &error))??)
            }
        };
        if bytes.len() > MAX_FILE_BYTES {
            return Err(too_large(self.name, bytes.len()));
        }
        Ok(Document { name: self.name, bytes })
    }

    /// A reader that hashes what passes through it.
    pub fn read(&self) -> Result<Reading<'a>, ImportError> {
        let (reader, size): (Box<dyn Read + 'a>, _) = match self.body {
            Body::Bytes(bytes) => (Box::new(bytes), u64::try_from(bytes.len()).ok()),
            Body::Stream(content) => (content.open().map_err(|error| unreadable(self.name, &error))?, content.size()),
        };
        let hashed = Hashed { reader, hasher: sha2::Digest::new(), done: 0, shown: 0, size, progress: self.progress };
        Ok(Reading { name: self.name, reader: BufReader::with_capacity(BUFFER, hashed), line: 0, whole: true })
    }
}

impl<'a> Document<'a> {
    /// The file's name.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its digest.
    pub fn digest(&self) -> FileDigest {
        let size_bytes = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        FileDigest { sha256: Hash::sha256(&self.bytes), size_bytes }
    }

    /// All of it as one JSON document.
    pub(crate) fn json(&self) -> Result<Node<'_>, ImportError> {
        Node::parse(self.name, &self.bytes)
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> Result<&str, ImportError> {
        std::str::from_utf8(&self.bytes)
            .map_err(|error| ImportError::NotText { file: self.name.to_owned(), offset: error.valid_up_to() })
    }
}

/// Bytes that are buffered at once.
const BUFFER: usize = 256 << 10;

/// A reader that hashes what passes through it, with lines of bounded length.
pub struct Reading<'a> {
    name: &'a str,
    reader: BufReader<Hashed<'a>>,
    line: u64,
    whole: bool,
}

impl fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("name", &self.name).field("line", &self.line).finish_non_exhaustive()
    }
}

impl<'a> Reading<'a> {
    /// The file's name.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The number of the line read last, from 1.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// Whether the line read last had an end: a last line without one may be cut off.
    pub const fn line_is_whole(&self) -> bool {
        self.whole
    }

    /// The next line without its end, in `line`; false after the last. A line over [`MAX_LINE_BYTES`] is refused.
    pub fn next_line(&mut self, line: &mut String) -> Result<bool, ImportError> {
        let mut bytes = std::mem::take(line).into_bytes();
        bytes.clear();
        let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        let mut bounded = (&mut self.reader).take(limit.saturating_add(1));
        let count = bounded.read_until(b'\n', &mut bytes).map_err(|error| unreadable(self.name, &error))?;
        self.line = self.line.saturating_add(1);
        self.whole = bytes.last() == Some(&b'\n');
        if self.whole {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        } else if count > MAX_LINE_BYTES {
            return Err(ImportError::LongLine { file: self.name.to_owned(), line: self.line, limit: MAX_LINE_BYTES });
        }
        let file = || self.name.to_owned();
        *line = String::from_utf8(bytes).map_err(|_| ImportError::TextLine { file: file(), line: self.line })?;
        Ok(count > 0)
    }

    /// The bytes that are buffered; none at the end.
    pub(crate) fn buffered(&mut self) -> Result<&[u8], ImportError> {
        let name = self.name;
        self.reader.fill_buf().map_err(|error| unreadable(name, &error))
    }

    /// Passes over bytes that were buffered.
    pub(crate) fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }

    /// Reads what is left, and gives the digest of all.
    pub fn finish(mut self) -> Result<FileDigest, ImportError> {
        loop {
            let count = self.buffered()?.len();
            if count == 0 {
                break;
            }
            self.consume(count);
        }
        let hashed = self.reader.into_inner();
        if let Some(progress) = hashed.progress {
            progress(hashed.done, hashed.size);
        }
        let sha256 = Hash::from_bytes(sha2::Digest::finalize(hashed.hasher).into());
        Ok(FileDigest { sha256, size_bytes: hashed.done })
    }
}

struct Hashed<'a> {
    reader: Box<dyn Read + 'a>,
    hasher: sha2::Sha256,
    done: u64,
    shown: u64,
    size: Option<u64>,
    progress: Option<Progress<'a>>,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        sha2::Digest::update(&mut self.hasher, buffer.get(..count).unwrap_or_default());
        self.done = self.done.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if let Some(progress) = self.progress.filter(|_| self.done - self.shown >= 256 << 10) {
            progress(self.done, self.size);
            self.shown = self.done;
        }
        Ok(count)
    }
}

fn unreadable(file: &str, error: &std::io::Error) -> ImportError {
    ImportError::Unreadable { file: file.to_owned(), reason: error.to_string() }
}

fn too_large(file: &str, length: usize) -> ImportError {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    ImportError::TooLarge { file: file.to_owned(), length, limit: MAX_FILE_BYTES }
}

/// Reads all of a stream, at most [`MAX_FILE_BYTES`]; the second error is the bound.
pub fn read_bounded(name: &str, reader: impl Read) -> std::io::Result<Result<Vec<u8>, ImportError>> {
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Ok(Err(too_large(name, MAX_FILE_BYTES.saturating_add(1))));
    }
    Ok(Ok(bytes))
}
