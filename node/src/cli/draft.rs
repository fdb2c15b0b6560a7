//! Drafts: the statement's own JSON, made from files and flags, to be read and edited before it is signed.
//!
//! A draft is a whole statement with sequence 1 and the time of drafting; signing sets both anew. So what `attest check`
//! accepts is what will be signed, but for those two values.

use std::path::{Path, PathBuf};

use clap::Args;
use standstill_attestations::claim::{Basis, Maybe, Window};
use standstill_attestations::evaluation::EvaluatorRelationship;
use standstill_attestations::governance::{KeyRegistration, KeyRevocation, KeyRole, PhaseVote};
use standstill_attestations::training::{Energy, EnergyBoundary, RunStage, Session};
use standstill_attestations::{Common, Kind, Predicate, Statement, Subject};
use standstill_importers::{Draft, EvaluationContext, Options, Source, TrainingContext};
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::{Joule, Timestamp};

use super::Failure;
use crate::keystore;

/// What a statement says, from files and flags.
#[derive(Debug, Args)]
pub(super) struct Content {
    /// training-compute, capability-evaluation, phase-vote, key-registration or key-revocation
    pub(super) kind: String,
    /// A file that a tool wrote, such as trainer_state.json (twice: before and after) or an Inspect log; as many as apply
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
    /// What the statement is about: a name and a file, or 64 hex digits of SHA-256
    #[arg(long, value_name = "NAME=FILE|SHA256")]
    subject: Vec<String>,
    /// Where it ran
    #[arg(long)]
    site: Option<Name>,
    /// The run, by the same name in every report
    #[arg(long)]
    run: Option<Name>,
    /// pre-training, mid-training, post-training, distillation or synthetic-data
    #[arg(long, default_value = "pre-training")]
    stage: String,
    /// Index of the reporting period
    #[arg(long)]
    period: Option<u32>,
    /// When the job started, such as 2027-01-04T09:00:00Z
    #[arg(long)]
    start: Option<Timestamp>,
    /// When it ended
    #[arg(long)]
    end: Option<Timestamp>,
    /// The run ends with this report
    #[arg(long, name = "final")]
    is_final: bool,
    /// Energy in whole joules
    #[arg(long, value_name = "JOULES", requires = "energy_boundary")]
    energy: Option<u64>,
    /// Where it was measured: accelerator, server, it-load or site
    #[arg(long, value_name = "WHERE")]
    energy_boundary: Option<String>,
    /// What the evaluator is: developer, commissioned, independent or regulator
    #[arg(long)]
    relationship: Option<String>,
    /// The model's name, where it is not to be the one in the file
    #[arg(long)]
    model: Option<String>,
    /// The suite's name, where the file does not say, such as SWE-bench_Verified
    #[arg(long)]
    suite: Option<String>,
    /// The suite's version, where the file does not say
    #[arg(long, value_name = "VERSION")]
    suite_version: Option<String>,
    /// The harness's version, where the file does not say
    #[arg(long, value_name = "VERSION")]
    harness_version: Option<String>,
    /// Of a file with many runs or models, the one to take, as the tool names it
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Penalty on the slope of a fitted curve: 0.00001 unless given, as METR has it
    #[arg(long, value_name = "NUMBER")]
    ridge: Option<String>,
    /// Resamples behind a fitted curve's interval: 1000 unless given
    #[arg(long, value_name = "COUNT")]
    resamples: Option<u32>,
    /// Seed of the resamples: 42 unless given
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// The phase voted on
    #[arg(long)]
    phase: Option<Name>,
    /// Vote against the phase
    #[arg(long)]
    against: bool,
    /// Why, for people
    #[arg(long)]
    reason: Option<String>,
    /// The file of the new secret key to register: it proves that it is held
    #[arg(long, value_name = "FILE")]
    new_key: Option<PathBuf>,
    /// The id of the key to revoke
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
}

/// A draft with what the importer did, for people.
#[derive(Debug)]
pub(super) struct Drafted {
    pub(super) statement: Statement,
    pub(super) notes: Vec<String>,
}

fn need<T: Clone>(value: &Option<T>, flag: &str, kind: Kind) -> Result<T, Failure> {
    value.clone().ok_or_else(|| Failure::usage(format!("a `{kind}` statement needs `--{flag}`")))
}

fn word<T>(found: Option<T>, text: &str, words: &[&str]) -> Result<T, Failure> {
    found.ok_or_else(|| Failure::usage(format!("`{text}` is not one of: {}", words.join(", "))))
}

impl Content {
    /// The kind of statement.
    pub(super) fn kind(&self) -> Result<Kind, Failure> {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        word(Kind::from_name(&self.kind), &self.kind, &names)
    }

    /// The draft. `common` has the ledger and the member.
    pub(super) fn draft(&self, common: Common) -> Result<Drafted, Failure> {
        match self.kind()? {
            Kind::TrainingCompute | Kind::CapabilityEvaluation => self.import(common),
            _ => self.governance(common),
        }
    }

    fn governance(&self, common: Common) -> Result<Drafted, Failure> {
        let kind = self.kind()?;
        let bad = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
        let key = || need(&self.key, "key", kind);
        let reason = || need(&self.reason, "reason", kind);
        let predicate = match kind {
            Kind::PhaseVote => Predicate::PhaseVote(PhaseVote {
                phase: need(&self.phase, "phase", kind)?,
                support: !self.against,
                reason: reason()?,
            }),
            Kind::KeyRegistration => {
                let key = keystore::read(&need(&self.new_key, "new-key", kind)?)?;
                let (chain_id, member) = (&common.chain_id, &common.member);
                Predicate::KeyRegistration(KeyRegistration::of(&key, KeyRole::Statement, chain_id, member))
            }
            Kind::KeyRevocation => {
                let key_id: Hash = key()?.parse().map_err(|error| bad(&error))?;
                Predicate::KeyRevocation(KeyRevocation { key_id, reason: reason()? })
            }
            _ => return Err(Failure::usage(format!("`{kind}` statements cannot be drafted here"))),
        };
        let statement = Statement::of(common, predicate);
        let statement = statement.ok_or_else(|| Failure::usage(format!("a `{kind}` statement needs a subject")))?;
        Ok(Drafted { statement, notes: Vec::new() })
    }

    fn import(&self, common: Common) -> Result<Drafted, Failure> {
        let kind = self.kind()?;
        let mut files = Vec::new();
        for path in &self.from {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            files.push((name, OnDisk::at(path)?));
        }
        if files.is_empty() {
            return Err(Failure::usage(format!("a `{kind}` statement needs `--from FILE`"))
                .hint("name what your tools wrote: `trainer_state.json`, or an Inspect log"));
        }
        let sources: Vec<_> = files.iter().map(|(name, file)| Source::stream(name, file)).collect();
        let draft = standstill_importers::import(kind, &sources, &self.options())?;
        let took = draft.took().iter().map(|note| format!("took  {note}"));
        let left = draft.left().iter().map(|note| format!("left  {note}"));
        let notes = took.chain(left).collect();
        let mut subjects = self.subjects()?;
        let predicate = match draft {
            Draft::Training(imported) => {
                if subjects.is_empty() {
                    subjects = imported.files_as_subjects();
                }
                Predicate::TrainingCompute(imported.into_training_compute(self.training_context()?)?)
            }
            Draft::Evaluation(imported) => {
                if subjects.is_empty() {
                    return Err(Failure::usage("an evaluation is about a model: name its digest")
                        .hint("add `--subject model=SHA256`, or a file such as its signed manifest"));
                }
                Predicate::CapabilityEvaluation(imported.into_capability_evaluation(self.evaluation_context()?)?)
            }
            _ => return Err(Failure::usage(format!("`{kind}` statements cannot be imported"))),
        };
        Ok(Drafted { statement: Statement { subjects, common, predicate }, notes })
    }

    /// What to take from files that hold more than the report is about.
    fn options(&self) -> Options {
        let window = self.start.zip(self.end).map(|(start, end)| Window { start, end });
        Options {
            window,
            run: self.only.clone(),
            ridge: self.ridge.clone(),
            resamples: self.resamples,
            seed: self.seed,
            ..Options::default()
        }
    }

    fn training_context(&self) -> Result<TrainingContext, Failure> {
        let kind = Kind::TrainingCompute;
        let unstated = || "not stated by the reporter".to_owned();
        let window = self.start.zip(self.end).map(|(start, end)| Window { start, end });
        Ok(TrainingContext {
            site: need(&self.site, "site", kind)?,
            run: need(&self.run, "run", kind)?,
            run_stage: word(RunStage::from_word(&self.stage), &self.stage, RunStage::WORDS)?,
            period: need(&self.period, "period", kind)?,
            // Nothing that is typed here says how the job started, or on how many chips.
            sessions: window
                .into_iter()
                .map(|window| Session {
                    window,
                    resumed_from: Maybe::Unknown(unstated()),
                    chips: Maybe::Unknown(unstated()),
                })
                .collect(),
            final_report: self.is_final.then_some(true),
            base_models: Vec::new(),
            before: None,
            parameters: Maybe::Unknown("not stated by the reporter".to_owned()),
            hardware: Maybe::Unknown("not stated by the reporter".to_owned()),
            energy: self.energy()?,
            tool_version: None,
        })
    }

    fn energy(&self) -> Result<Maybe<Energy>, Failure> {
        let (Some(joules), Some(boundary)) = (self.energy, &self.energy_boundary) else {
            return Ok(Maybe::Unknown("not metered".to_owned()));
        };
        let boundary = word(EnergyBoundary::from_word(boundary), boundary, EnergyBoundary::WORDS)?;
        Ok(Maybe::Known(Energy {
            joules: Joule(joules),
            boundary,
            coverage: Maybe::Unknown("not stated by the reporter".to_owned()),
            // A number on the command line has no file behind it.
            basis: Basis::Declared,
        }))
    }

    fn evaluation_context(&self) -> Result<EvaluationContext, Failure> {
        let text = need(&self.relationship, "relationship", Kind::CapabilityEvaluation)?;
        let found = EvaluatorRelationship::from_word(&text);
        let evaluator_relationship = word(found, &text, EvaluatorRelationship::WORDS)?;
        let window = match (self.start, self.end) {
            (Some(start), Some(end)) => Some(Window { start, end }),
            _ => None,
        };
        Ok(EvaluationContext {
            model: self.model.clone(),
            window,
            suite: self.suite.clone(),
            suite_version: self.suite_version.clone(),
            harness_version: self.harness_version.clone(),
            ..evaluator_relationship.into()
        })
    }

    fn subjects(&self) -> Result<Vec<Subject>, Failure> {
        let parse = |text: &String| {
            let (name, value) = text.split_once('=').ok_or_else(|| {
                Failure::usage(format!("`{text}` is not a subject")).hint("write it as NAME=FILE or NAME=SHA256")
            })?;
            let sha256 = match value.parse::<Hash>() {
                Ok(hash) => hash,
                Err(_) => digest(Path::new(value))?,
            };
            Ok(Subject { name: name.to_owned(), sha256 })
        };
        self.subject.iter().map(parse).collect()
    }
}

/// A file that an importer reads.
struct OnDisk {
    path: PathBuf,
    size: u64,
}

impl OnDisk {
    fn at(path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::unavailable(format!("cannot read `{}`: {error}", path.display()));
        let size = std::fs::File::open(path).and_then(|file| file.metadata()).map_err(failed)?.len();
        Ok(OnDisk { path: path.to_owned(), size })
    }
}

impl standstill_importers::Content for OnDisk {
    fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
        Ok(Box::new(std::fs::File::open(&self.path)?))
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }
}

/// SHA-256 of a file of any length.
fn digest(path: &Path) -> Result<Hash, Failure> {
    use sha2::Digest as _;
    let failed = |error: std::io::Error| Failure::unavailable(format!("cannot read `{}`: {error}", path.display()));
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = std::io::Read::read(&mut file, &mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok(Hash::from_bytes(hasher.finalize().into()));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
}
