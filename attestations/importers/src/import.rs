//! What importers take and give: sources, notes, and the choice of importer.

use std::fmt;
use std::io::Read;

use standstill_attestations::claim::{Evidence, EvidenceRole, Maybe};
use standstill_attestations::statement::{Kind, Subject};
use standstill_protocol::hash::Hash;

use crate::error::ImportError;
use crate::evaluation::EvaluationFacts;
use crate::hf_trainer::{self, TrainingFacts};
use crate::inspect;
use crate::{MAX_FILE_BYTES, archive, tolerant};

/// A file's name, for messages, and its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The name, without its folder.
    pub name: &'a str,
    /// All of it.
    pub bytes: &'a [u8],
}

/// What was done with one field, for people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The file's name.
    pub file: String,
    /// The field, such as `total_flos`.
    pub field: String,
    /// What it gave, or why it was left.
    pub text: String,
}

impl Note {
    pub(crate) fn new(file: &str, field: impl Into<String>, text: impl Into<String>) -> Self {
        Note { file: file.to_owned(), field: field.into(), text: text.into() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}`: {}", self.file, self.field, self.text)
    }
}

/// What was read: facts, the files they came from, and an account of what was taken and what was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported<F> {
    /// The figures.
    pub facts: F,
    /// The files, each with its digest and the fields taken.
    pub evidence: Vec<Evidence>,
    /// What was taken.
    pub took: Vec<Note>,
    /// What was left, and why.
    pub left: Vec<Note>,
}

/// The formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// `trainer_state.json` of the Hugging Face Trainer.
    HfTrainerState,
    /// An Inspect log as one JSON document.
    InspectJson,
    /// An Inspect log as an archive.
    InspectEval,
}

impl Format {
    /// The name in evidence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::HfTrainerState => "hf-trainer-state",
            Format::InspectJson => "inspect-log-json",
            Format::InspectEval => "inspect-log-eval",
        }
    }

    const fn described(self) -> &'static str {
        match self {
            Format::HfTrainerState => "a Hugging Face trainer_state.json",
            Format::InspectJson | Format::InspectEval => "an Inspect log",
        }
    }

    /// Tells the format from the content; names of files are not believed.
    pub fn detect(source: &Source<'_>) -> Result<Self, ImportError> {
        if archive::Archive::looks_like(source.bytes) {
            return Ok(Format::InspectEval);
        }
        let document = tolerant::Node::parse(source.name, source.bytes)?;
        let unknown = || ImportError::UnknownFormat { file: source.name.to_owned() };
        if !document.is_object() {
            return Err(unknown());
        }
        let members = document.object()?;
        let has = |names: &[&str]| names.iter().all(|name| members.has(name));
        if has(&["global_step", "log_history"]) {
            Ok(Format::HfTrainerState)
        } else if has(&["version", "status", "eval"]) {
            Ok(Format::InspectJson)
        } else {
            Err(unknown())
        }
    }
}

/// What [`import`] made of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Draft {
    /// For a `training-compute` statement.
    Training(Imported<TrainingFacts>),
    /// For a `capability-evaluation` statement.
    Evaluation(Imported<EvaluationFacts>),
}

impl Draft {
    /// What was taken.
    pub fn took(&self) -> &[Note] {
        match self {
            Draft::Training(imported) => &imported.took,
            Draft::Evaluation(imported) => &imported.took,
        }
    }

    /// What was left, and why.
    pub fn left(&self) -> &[Note] {
        match self {
            Draft::Training(imported) => &imported.left,
            Draft::Evaluation(imported) => &imported.left,
        }
    }
}

/// Imports files for a kind of statement, telling their formats from their content.
pub fn import(kind: Kind, sources: &[Source<'_>]) -> Result<Draft, ImportError> {
    for source in sources {
        let format = Format::detect(source)?;
        let fits = match kind {
            Kind::TrainingCompute => format == Format::HfTrainerState,
            Kind::CapabilityEvaluation => format != Format::HfTrainerState,
            _ => false,
        };
        if !fits {
            let (file, found) = (source.name.to_owned(), format.described());
            return Err(ImportError::WrongFormat { file, found, kind: kind.as_str() });
        }
    }
    match (kind, sources) {
        (Kind::TrainingCompute, [state]) => hf_trainer::import(*state, None).map(Draft::Training),
        (Kind::TrainingCompute, [one, other]) => hf_trainer::import_pair(*one, *other).map(Draft::Training),
        (Kind::CapabilityEvaluation, [log]) => inspect::import(*log).map(Draft::Evaluation),
        (Kind::TrainingCompute, _) => Err(count(sources.len(), "the run's state file, and the previous one")),
        _ => Err(count(sources.len(), "one log")),
    }
}

fn count(count: usize, expected: &'static str) -> ImportError {
    ImportError::FileCount { count, expected }
}

/// Reads all of a stream, at most [`MAX_FILE_BYTES`]; the second error is the bound.
pub fn read_bounded(name: &str, reader: impl Read) -> std::io::Result<Result<Vec<u8>, ImportError>> {
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE_BYTES {
        let (file, length) = (name.to_owned(), limit.saturating_add(1));
        return Ok(Err(ImportError::TooLarge { file, length, limit: MAX_FILE_BYTES }));
    }
    Ok(Ok(bytes))
}

/// A source as evidence. The fields are sorted and listed once.
pub(crate) fn evidence(
    source: &Source<'_>,
    (role, format): (EvidenceRole, Format),
    (tool, tool_version): (&str, Maybe<String>),
    fields: &[&str],
) -> Evidence {
    let mut imported_fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    imported_fields.sort();
    imported_fields.dedup();
    Evidence {
        role,
        tool: tool.to_owned(),
        tool_version,
        format: format.as_str().to_owned(),
        sha256: Hash::sha256(source.bytes),
        size_bytes: u64::try_from(source.bytes.len()).unwrap_or(u64::MAX),
        imported_fields,
    }
}

impl<F> Imported<F> {
    /// The files as subjects, for a report about a run of which no checkpoint is to be named.
    pub fn files_as_subjects(&self) -> Vec<Subject> {
        let subject = |evidence: &Evidence| Subject {
            name: format!("{}/{}", evidence.format, evidence.sha256.short()),
            sha256: evidence.sha256,
        };
        self.evidence.iter().map(subject).collect()
    }
}
