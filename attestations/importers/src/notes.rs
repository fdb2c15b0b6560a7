//! The account of what was taken and left, as it grows.

use crate::import::Note;

/// Notes about one file.
#[derive(Debug)]
pub(crate) struct Notes<'a> {
    /// The file's name.
    pub(crate) file: &'a str,
    pub(crate) took: Vec<Note>,
    pub(crate) left: Vec<Note>,
}

impl<'a> Notes<'a> {
    pub(crate) fn new(file: &'a str) -> Self {
        Notes { file, took: Vec::new(), left: Vec::new() }
    }

    pub(crate) fn take(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.took.push(Note::new(self.file, field, text));
    }

    pub(crate) fn leave(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.left.push(Note::new(self.file, field, text));
    }
}
