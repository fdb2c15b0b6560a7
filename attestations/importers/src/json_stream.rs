//! A large JSON document, one value at a time: only the value that is being looked at is held, at most
//! [`MAX_ITEM_BYTES`] of it.

use crate::error::ImportError;
use crate::scanner::unescape;
use crate::source::{FileDigest, Reading, Source};
use crate::{MAX_DEPTH, MAX_ITEM_BYTES};

pub(crate) struct JsonStream<'a> {
    reading: Reading<'a>,
    /// Bytes passed.
    at: usize,
    /// Whether nothing stands before the next item.
    first: bool,
}

impl<'a> JsonStream<'a> {
    pub(crate) fn open(source: &Source<'a>) -> Result<Self, ImportError> {
        Ok(JsonStream { reading: source.read()?, at: 0, first: true })
    }

    fn refused(&self, expected: &'static str) -> ImportError {
        ImportError::NotJson { file: self.reading.name().to_owned(), offset: self.at, expected }
    }

    fn peek(&mut self) -> Result<Option<u8>, ImportError> {
        Ok(self.reading.buffered()?.first().copied())
    }

    fn pass(&mut self) {
        self.reading.consume(1);
        self.at = self.at.saturating_add(1);
    }

    fn white_space(&mut self) -> Result<Option<u8>, ImportError> {
        loop {
            match self.peek()? {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.pass(),
                other => return Ok(other),
            }
        }
    }

    /// Passes the `{` or `[` that opens what comes next.
    pub(crate) fn enter(&mut self, open: u8) -> Result<(), ImportError> {
        if self.white_space()? != Some(open) {
            return Err(self.refused(if open == b'{' { "an object" } else { "a list" }));
        }
        self.pass();
        self.first = true;
        Ok(())
    }

    /// Passes a comma where one is due; false after the last item, whose `close` is passed.
    fn another(&mut self, close: u8) -> Result<bool, ImportError> {
        let first = std::mem::replace(&mut self.first, false);
        match self.white_space()? {
            Some(byte) if byte == close => {
                self.pass();
                Ok(false)
            }
            Some(b',') if !first => {
                self.pass();
                self.white_space()?;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            _ => Err(self.refused("`,` or the end of a list or object")),
        }
    }

    /// The next name of the object that was entered, and its colon; `None` at its end.
    pub(crate) fn next_name(&mut self) -> Result<Option<String>, ImportError> {
        if !self.another(b'}')? {
            return Ok(None);
        }
        if self.white_space()? != Some(b'"') {
            return Err(self.refused("a name"));
        }
        let name = self.value()?;
        if self.white_space()? != Some(b':') {
            return Err(self.refused("`:`"));
        }
        self.pass();
        let name = std::str::from_utf8(&name)
            .ok()
            .and_then(|name| unescape(name.strip_prefix('"')?.strip_suffix('"')?).map(Into::into));
        name.map(Some).ok_or_else(|| self.refused("a name"))
    }

    /// The next item of the list that was entered; `None` at its end.
    pub(crate) fn next_item(&mut self) -> Result<Option<Vec<u8>>, ImportError> {
        if !self.another(b']')? {
            return Ok(None);
        }
        let item = self.value()?;
        self.first = false;
        Ok(Some(item))
    }

    /// One whole value. Its grammar is checked by whoever parses it; here only its end is found.
    pub(crate) fn value(&mut self) -> Result<Vec<u8>, ImportError> {
        self.white_space()?;
        let (mut value, mut ending) = (Vec::new(), Ending::default());
        loop {
            let buffered = self.reading.buffered()?;
            let length = buffered.len();
            let taken = ending.take(buffered);
            value.extend_from_slice(buffered.get(..taken).unwrap_or_default());
            self.reading.consume(taken);
            self.at = self.at.saturating_add(taken);
            if value.len() > MAX_ITEM_BYTES {
                let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
                let file = self.reading.name().to_owned();
                return Err(ImportError::TooLarge { file, length, limit: MAX_ITEM_BYTES });
            }
            if ending.depth > MAX_DEPTH {
                let (file, offset) = (self.reading.name().to_owned(), self.at);
                return Err(ImportError::TooDeep { file, offset, limit: MAX_DEPTH });
            }
            if ending.over {
                return Ok(value);
            }
            if length == 0 {
                return Err(self.refused("the end of a value"));
            }
        }
    }

    /// The digest; nothing but white space may follow.
    pub(crate) fn finish(mut self) -> Result<FileDigest, ImportError> {
        match self.white_space()? {
            None => self.reading.finish(),
            Some(_) => Err(self.refused("the end of the file")),
        }
    }
}

/// Finds where a value ends.
#[derive(Default)]
struct Ending {
    depth: usize,
    in_string: bool,
    escaped: bool,
    begun: bool,
    over: bool,
}

impl Ending {
    /// How many of these bytes belong to the value.
    fn take(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        self.over = self.depth == 0;
                    }
                    _ => {}
                }
            } else {
                match byte {
                    b'"' if self.depth == 0 && self.begun => self.over = true,
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                    b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if self.depth == 0 => {
                        self.over = true;
                        return index;
                    }
                    b'}' | b']' => {
                        self.depth = self.depth.saturating_sub(1);
                        self.over = self.depth == 0;
                    }
                    _ => {}
                }
            }
            self.begun = true;
            if self.over || self.depth > MAX_DEPTH {
                return index.saturating_add(1);
            }
        }
        bytes.len()
    }
}
