//! Settings of an evaluation, one word or number each, as a statement lists them.

use standstill_attestations::evaluation::Parameter;
use standstill_attestations::limits;

use crate::error::ImportError;
use crate::notes::Notes;
use crate::tolerant::Node;

/// Text that fits a statement's label.
pub(crate) fn label(node: &Node<'_>) -> Result<String, ImportError> {
    let text = node.text()?;
    fitting(&text, limits::LABEL).map_err(|reason| node.bad_text(reason))
}

/// What a statement takes as text: something, printable, bounded.
pub(crate) fn fitting(text: &str, limit: usize) -> Result<String, &'static str> {
    match text {
        "" => Err("empty"),
        text if text.len() > limit => Err("too long for a statement"),
        text if text.chars().any(char::is_control) => Err("holds a control character"),
        text => Ok(text.to_owned()),
    }
}

/// A scalar as text, a list of scalars as text with commas; `None` for anything else.
fn words(node: &Node<'_>) -> Result<Option<String>, ImportError> {
    if !node.raw().starts_with('[') {
        return Ok(node.scalar()?.map(|text| text.into_owned()));
    }
    let mut all = Vec::new();
    // More than this many do not fit a setting in any case.
    for item in node.list()?.iter().take(limits::SETTING) {
        match item.scalar()? {
            Some(text) => all.push(text.into_owned()),
            None => return Ok(None),
        }
    }
    Ok(Some(all.join(",")))
}

/// Settings as they are found.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    found: Vec<Parameter>,
}

impl Settings {
    /// Every scalar of an object, under a prefix.
    pub(crate) fn add(
        &mut self,
        prefix: &str,
        object: Option<Node<'_>>,
        notes: &mut Notes<'_>,
    ) -> Result<(), ImportError> {
        let Some(object) = object else { return Ok(()) };
        for (name, node) in object.object()?.iter().filter(|(_, node)| !node.is_null()) {
            self.set(format!("{prefix}.{name}"), Some(&node), notes)?;
        }
        Ok(())
    }

    /// One scalar of the file, or a list of them with commas between.
    pub(crate) fn set(
        &mut self,
        name: String,
        node: Option<&Node<'_>>,
        notes: &mut Notes<'_>,
    ) -> Result<(), ImportError> {
        let Some(node) = node else { return Ok(()) };
        let value = words(node)?.and_then(|value| fitting(&value, limits::SETTING).ok());
        match (fitting(&name, limits::LABEL), value) {
            (Ok(name), Some(value)) => self.found.push(Parameter { name, value }),
            _ => notes.leave(node.path(), "not one printable word or number"),
        }
        Ok(())
    }

    /// One that the importer chose, or computed.
    pub(crate) fn say(&mut self, name: &str, value: impl ToString) {
        self.found.push(Parameter { name: name.to_owned(), value: value.to_string() });
    }

    /// One that was put together from the file.
    pub(crate) fn put(&mut self, name: &str, value: &str, notes: &mut Notes<'_>) {
        match (fitting(name, limits::LABEL), fitting(value, limits::SETTING)) {
            (Ok(name), Ok(value)) => self.found.push(Parameter { name, value }),
            _ => notes.leave(name, "not one printable word or number"),
        }
    }

    /// By name, the first of each, as many as a statement holds.
    pub(crate) fn sorted(mut self, notes: &mut Notes<'_>) -> Vec<Parameter> {
        self.found.sort_by(|one, other| one.name.cmp(&other.name));
        self.found.dedup_by(|later, first| later.name == first.name);
        for parameter in self.found.iter().skip(limits::PARAMETERS) {
            notes.leave(parameter.name.as_str(), "more settings than a statement holds");
        }
        self.found.truncate(limits::PARAMETERS);
        self.found
    }
}
