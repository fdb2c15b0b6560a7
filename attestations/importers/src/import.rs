//! What importers give, and the one table of formats that they read.

use std::fmt;

use standstill_attestations::claim::{Evidence, EvidenceRole, Maybe, Window};
use standstill_attestations::statement::{Kind, Subject};

use crate::codecarbon;
use crate::combine::combine;
use crate::contribution::Contribution;
use crate::dcgm;
use crate::error::ImportError;
use crate::evaluation::EvaluationFacts;
use crate::head::Head;
use crate::source::{FileDigest, Source};
use crate::tracker::{lightning, mlflow, wandb};
use crate::{every_eval_ever, hf_trainer, inspect, lm_eval, megatron, metr, nvidia_smi, prometheus, slurm, swebench};

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

impl<F> Imported<F> {
    /// The files as subjects, for a report about a run of which no checkpoint is to be named.
    pub fn files_as_subjects(&self) -> Vec<Subject> {
        let subject = |evidence: &Evidence| Subject {
            name: format!("{}/{}", evidence.format, evidence.sha256.short()),
            sha256: evidence.sha256,
        };
        self.evidence.iter().map(subject).collect()
    }

    /// The same files and notes with other facts.
    pub(crate) fn map<G>(self, facts: impl FnOnce(F) -> G) -> Imported<G> {
        Imported { facts: facts(self.facts), evidence: self.evidence, took: self.took, left: self.left }
    }
}

/// What to take from files that hold more than one report is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What the report covers: jobs and readings outside it are left.
    pub window: Option<Window>,
    /// The scheduler's job ids; empty for every job.
    pub jobs: Vec<String>,
    /// The scheduler's job name.
    pub job_name: Option<String>,
    /// The run, as the tool names it, of files that hold many.
    pub run: Option<String>,
    /// Of a fitted curve: the penalty on its slope, as a decimal number; `None` takes the importer's.
    pub ridge: Option<String>,
    /// Resamples behind a fitted curve's interval; `None` takes the importer's.
    pub resamples: Option<u32>,
    /// The resamples' seed; `None` takes the importer's.
    pub seed: Option<u64>,
    /// Minutes by which times without a zone are ahead of UTC; `None` reads them as UTC and says so.
    pub utc_offset_minutes: Option<i16>,
}

/// How files of a format become facts. All files of one format go to one call.
#[derive(Clone, Copy, Debug)]
pub enum Importer {
    /// For `training-compute`.
    Training(fn(&[Source<'_>], &Options) -> Result<Imported<Contribution>, ImportError>),
    /// For `capability-evaluation`.
    Evaluation(fn(&[Source<'_>], &Options) -> Result<Imported<EvaluationFacts>, ImportError>),
}

/// A format that can be read: one row of [`FORMATS`].
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The name in evidence, such as `hf-trainer-state`.
    pub name: &'static str,
    /// For messages, such as `a Hugging Face trainer_state.json`.
    pub described: &'static str,
    /// Tells the format from its first bytes; names of files are not believed.
    pub detect: fn(&Head<'_>) -> bool,
    /// Reads it.
    pub import: Importer,
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

/// Every format, in the order in which they are tried. Adding one is adding a row.
pub static FORMATS: &[Format] = &[
    Format {
        name: hf_trainer::FORMAT,
        described: "a Hugging Face trainer_state.json",
        detect: hf_trainer::detect,
        import: Importer::Training(hf_trainer::contribution),
    },
    Format {
        name: slurm::FORMAT_PARSABLE,
        described: "Slurm accounting",
        detect: slurm::detect_parsable,
        import: Importer::Training(slurm::contribution_parsable),
    },
    Format {
        name: slurm::FORMAT_JSON,
        described: "Slurm accounting",
        detect: slurm::detect_json,
        import: Importer::Training(slurm::contribution_json),
    },
    Format {
        name: megatron::FORMAT_PROGRESS,
        described: "a progress.txt of Megatron-LM",
        detect: megatron::detect_progress,
        import: Importer::Training(megatron::contribution_progress),
    },
    Format {
        name: megatron::FORMAT_LOG,
        described: "a training log of Megatron-LM",
        detect: megatron::detect_log,
        import: Importer::Training(megatron::contribution_log),
    },
    Format {
        name: inspect::FORMAT_EVAL,
        described: "an Inspect log",
        detect: inspect::detect_eval,
        import: Importer::Evaluation(inspect::evaluation),
    },
    Format {
        name: inspect::FORMAT_JSON,
        described: "an Inspect log",
        detect: inspect::detect_json,
        import: Importer::Evaluation(inspect::evaluation),
    },
    Format {
        name: lm_eval::FORMAT,
        described: "results of lm-evaluation-harness",
        detect: lm_eval::detect,
        import: Importer::Evaluation(lm_eval::evaluation),
    },
    Format {
        name: every_eval_ever::FORMAT,
        described: "a record of Every Eval Ever",
        detect: every_eval_ever::detect,
        import: Importer::Evaluation(every_eval_ever::evaluation),
    },
    Format {
        name: swebench::FORMAT,
        described: "a report of the SWE-bench harness",
        detect: swebench::detect,
        import: Importer::Evaluation(swebench::evaluation),
    },
    Format {
        name: metr::FORMAT,
        described: "METR's task runs, or the release dates beside them",
        detect: metr::detect,
        import: Importer::Evaluation(metr::evaluation),
    },
    Format {
        name: prometheus::FORMAT,
        described: "an answer of Prometheus",
        detect: prometheus::detect,
        import: Importer::Training(prometheus::contribution),
    },
    Format {
        name: dcgm::FORMAT,
        described: "a scrape of dcgm-exporter",
        detect: dcgm::detect,
        import: Importer::Training(dcgm::contribution),
    },
    Format {
        name: nvidia_smi::FORMAT,
        described: "the XML of nvidia-smi",
        detect: nvidia_smi::detect,
        import: Importer::Training(nvidia_smi::contribution),
    },
    Format {
        name: codecarbon::FORMAT,
        described: "CodeCarbon's emissions.csv",
        detect: codecarbon::detect,
        import: Importer::Training(codecarbon::contribution),
    },
    Format {
        name: wandb::FORMAT,
        described: "a run's summary by W&B",
        detect: wandb::detect,
        import: Importer::Training(wandb::contribution),
    },
    Format {
        name: mlflow::FORMAT_DATABASE,
        described: "an MLflow database",
        detect: mlflow::detect_database,
        import: Importer::Training(mlflow::contribution_database),
    },
    Format {
        name: mlflow::FORMAT_FILES,
        described: "files of MLflow's file store",
        detect: mlflow::detect_files,
        import: Importer::Training(mlflow::contribution_files),
    },
    Format {
        name: lightning::FORMAT,
        described: "a metrics.csv of PyTorch Lightning",
        detect: lightning::detect,
        import: Importer::Training(lightning::contribution),
    },
];

impl Format {
    /// The kind of statement that it serves.
    pub const fn kind(&self) -> Kind {
        match self.import {
            Importer::Training(_) => Kind::TrainingCompute,
            Importer::Evaluation(_) => Kind::CapabilityEvaluation,
        }
    }

    /// Tells the format from the first bytes.
    pub fn detect(source: &Source<'_>) -> Result<&'static Self, ImportError> {
        let bytes = source.head()?;
        let head = Head::of(&bytes);
        let found = FORMATS.iter().find(|format| (format.detect)(&head));
        found.ok_or_else(|| ImportError::UnknownFormat { file: source.name().to_owned() })
    }
}

/// What [`import`] made of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Draft {
    /// For a `training-compute` statement.
    Training(Imported<Contribution>),
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

/// Imports files for a kind of statement, telling their formats from their content. Files of several tools are combined
/// for `training-compute`; an evaluation is made from one.
pub fn import(kind: Kind, sources: &[Source<'_>], options: &Options) -> Result<Draft, ImportError> {
    let mut of_format: Vec<(&'static Format, Vec<Source<'_>>)> = Vec::new();
    for source in sources {
        let format = Format::detect(source)?;
        if format.kind() != kind {
            let (file, found) = (source.name().to_owned(), format.described);
            return Err(ImportError::WrongFormat { file, found, kind: kind.as_str() });
        }
        match of_format.iter_mut().find(|(known, _)| *known == format) {
            Some((_, sources)) => sources.push(*source),
            None => of_format.push((format, vec![*source])),
        }
    }
    let mut parts = Vec::new();
    for (format, sources) in &of_format {
        match format.import {
            Importer::Training(read) => parts.push(read(sources, options)?),
            Importer::Evaluation(_) if of_format.len() > 1 => return Err(count(of_format.len(), "files of one tool")),
            Importer::Evaluation(read) => return read(sources, options).map(Draft::Evaluation),
        }
    }
    match parts.is_empty() {
        true => Err(count(0, "a file that a tool wrote")),
        false => combine(parts).map(Draft::Training),
    }
}

/// The number of files is wrong.
pub(crate) fn count(count: usize, expected: &'static str) -> ImportError {
    ImportError::FileCount { count, expected }
}

/// A file as evidence. The fields are sorted and listed once. What it backs is said when the statement is put together.
pub(crate) fn evidence(
    digest: FileDigest,
    (role, format): (EvidenceRole, &str),
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
        format: format.to_owned(),
        sha256: digest.sha256,
        size_bytes: digest.size_bytes,
        imported_fields,
        backs: Vec::new(),
    }
}
