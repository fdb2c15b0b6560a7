//! The flags of `attest new`: what a statement says beside what files say, grouped by the kinds that they serve.

use std::path::PathBuf;

use clap::Args;
use standstill_attestations::claim::{Interval, PpmInterval, Window};
use standstill_attestations::statement::Kind;
use standstill_attestations::training::Session;
use standstill_attestations::{Correction, LogHead, Subject};
use standstill_importers::Options;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;

use super::files::digest_of;
use super::numbers::{self, BaseModelFlag};
use super::record::Whose;
use crate::cli::Failure;

/// What a statement says, from files and flags.
#[derive(Debug, Args)]
pub(in crate::cli) struct Content {
    /// training-compute, capability-evaluation, run-plan, chip-inventory,
    /// hardware-evidence, telemetry-log, inspection, incident, phase-vote,
    /// key-registration or key-revocation
    #[arg(verbatim_doc_comment)]
    pub(super) kind: String,
    /// A file that a tool wrote; as many as apply, of several tools too
    #[arg(long, value_name = "FILE")]
    pub(super) from: Vec<PathBuf>,
    /// A draft of your own in TOML or JSON, as `--template` shows it
    #[arg(long, short, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Print a commented example of such a draft, and do nothing else
    #[arg(long)]
    pub(super) template: bool,
    /// What the statement is about: a name and a file, or its SHA-256
    #[arg(long, value_name = "NAME=FILE|SHA256")]
    pub(super) subject: Vec<String>,
    /// Where it ran, or stands
    #[arg(long, value_name = "NAME")]
    pub(super) site: Option<Name>,
    /// The run, by the same name in every report
    #[arg(long, value_name = "NAME")]
    pub(super) run: Option<Name>,
    /// pre-training, mid-training, post-training, distillation or synthetic-data
    #[arg(long, default_value = "pre-training", value_name = "WORD")]
    pub(super) stage: String,
    /// When it started, such as 2027-01-04T09:00:00Z: what files hold of
    /// other times is left
    #[arg(long, value_name = "TIME", verbatim_doc_comment)]
    pub(super) start: Option<Timestamp>,
    /// When it ended
    #[arg(long, value_name = "TIME")]
    pub(super) end: Option<Timestamp>,
    /// Why, for people: of a vote, a revocation or a correction
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// The earlier statement that this one supersedes, by id; needs `--reason`
    #[arg(long, value_name = "ID", requires = "reason")]
    corrects: Option<Hash>,
    #[command(flatten)]
    pub(super) whose: Whose,
    #[command(flatten)]
    pub(super) choice: Choice,
    #[command(flatten)]
    pub(super) training: Training,
    #[command(flatten)]
    pub(super) evaluation: Evaluation,
    #[command(flatten)]
    pub(super) device: Device,
    #[command(flatten)]
    pub(super) governance: Governance,
}

/// What to take from files that hold more than the statement is about.
#[derive(Debug, Args)]
#[command(next_help_heading = "What to take from files")]
pub(super) struct Choice {
    /// A job of the scheduler, by id; as many as apply [default: all]
    #[arg(long, value_name = "ID")]
    job: Vec<String>,
    /// Jobs of this name only
    #[arg(long, value_name = "NAME")]
    job_name: Option<String>,
    /// The run or model, as the tool names it, of files that hold many
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// The zone of times that are written without one, such as +02:00
    #[arg(long, value_name = "OFFSET", value_parser = numbers::utc_offset, allow_hyphen_values = true)]
    utc_offset: Option<i16>,
}

/// For `training-compute` and `run-plan`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Compute: training-compute, run-plan, chip-inventory")]
pub(super) struct Training {
    /// Index of the reporting period
    #[arg(long, value_name = "INDEX")]
    pub(super) period: Option<u32>,
    /// The run ends with this report
    #[arg(long = "final")]
    pub(super) is_final: bool,
    /// START/END[,resumed=SHA256|fresh][,chips=N]: when the job ran, where no
    /// file says; as many as apply
    #[arg(long, value_name = "SESSION", value_parser = numbers::session, verbatim_doc_comment)]
    pub(super) session: Vec<Session>,
    /// A model that the run built on: NAME=SHA256|FILE[,FLOP][,USE], where USE
    /// is initial-weights, teacher, reward-model or data-generator
    #[arg(long, value_name = "MODEL", value_parser = numbers::base_model, verbatim_doc_comment)]
    base_model: Vec<BaseModelFlag>,
    /// FLOP of the run before this report, where no file counts it
    #[arg(long, value_name = "LOWER..UPPER", value_parser = numbers::interval)]
    pub(super) before: Option<Interval>,
    /// FLOP of the planned run
    #[arg(long, value_name = "LOWER..UPPER", value_parser = numbers::interval)]
    pub(super) flop: Option<Interval>,
    /// What the plan is for
    #[arg(long, value_name = "TEXT")]
    pub(super) purpose: Option<String>,
    /// The plan that this one takes the place of
    #[arg(long, value_name = "ID")]
    pub(super) amends: Option<Hash>,
    /// Active and total parameters, as the counting rule means them
    #[arg(long, value_name = "ACTIVE[,TOTAL]", value_parser = numbers::parameters)]
    pub(super) parameters: Option<(u128, u128)>,
    /// The chip's id in the chip table, such as h100-sxm
    #[arg(long, value_name = "ID")]
    pub(super) accelerator: Option<Name>,
    /// Chips in use at once, at most
    #[arg(long, value_name = "COUNT", value_parser = numbers::whole_u64)]
    pub(super) chips: Option<u64>,
    /// Seconds that each chip was allocated, summed over the chips
    #[arg(long, value_name = "SECONDS", value_parser = numbers::whole_u64)]
    pub(super) chip_seconds: Option<u64>,
    /// Peak dense FLOP a second of one chip [default: the chip table's]
    #[arg(long, value_name = "FLOP/S", value_parser = numbers::whole_u64)]
    pub(super) peak: Option<u64>,
    /// The precision whose peak the chip table gives: bf16 or fp8
    #[arg(long, default_value = "bf16", value_name = "WORD", value_parser = ["bf16", "fp8"])]
    pub(super) precision: String,
    /// Share of the peak that was reached
    #[arg(long, value_name = "0.38..0.42", value_parser = numbers::shares)]
    pub(super) utilisation: Option<PpmInterval>,
    /// Energy in whole joules
    #[arg(long, value_name = "JOULES", requires = "energy_boundary", value_parser = numbers::whole_u64)]
    pub(super) energy: Option<u64>,
    /// Where it was measured: accelerator, server, it-load or site
    #[arg(long, value_name = "WHERE")]
    pub(super) energy_boundary: Option<String>,
    /// The training framework's version, where its file does not say
    #[arg(long, value_name = "VERSION")]
    pub(super) framework_version: Option<String>,
}

/// For `capability-evaluation`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Evaluations: capability-evaluation")]
pub(super) struct Evaluation {
    /// The evaluator: developer, commissioned, independent or regulator
    #[arg(long, value_name = "WORD")]
    pub(super) relationship: Option<String>,
    /// The model's name, where it is not to be the one in the file
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// The suite's name, where the file does not say
    #[arg(long, value_name = "NAME")]
    pub(super) suite: Option<String>,
    /// The suite's version, where the file does not say
    #[arg(long, value_name = "VERSION")]
    pub(super) suite_version: Option<String>,
    /// The harness's version, where the file does not say
    #[arg(long, value_name = "VERSION")]
    pub(super) harness_version: Option<String>,
    /// SHA-256 of the data set, or the data set
    #[arg(long, value_name = "SHA256|FILE")]
    pub(super) suite_data: Option<String>,
    /// METR's release_dates.yaml, for a doubling time
    #[arg(long, value_name = "FILE")]
    pub(super) release_dates: Option<PathBuf>,
    /// Penalty on the slope of a fitted curve: 0.00001 unless given, as METR
    /// has it
    #[arg(long, value_name = "NUMBER", verbatim_doc_comment)]
    ridge: Option<String>,
    /// Resamples behind a fitted curve's interval: 1000 unless given
    #[arg(long, value_name = "COUNT")]
    resamples: Option<u32>,
    /// Seed of the resamples: 42 unless given
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// For `hardware-evidence` and `telemetry-log`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Instruments: hardware-evidence, telemetry-log")]
pub(super) struct Device {
    /// The report that a chip signed, binary or hexadecimal
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Its certificates in PEM, the chip's first
    #[arg(long, value_name = "FILE")]
    pub(super) chain: Option<PathBuf>,
    /// What else the vendor's rules ask for; as many as apply
    #[arg(long, value_name = "NAME=FILE", value_parser = numbers::named_file)]
    pub(super) collateral: Vec<(String, PathBuf)>,
    /// The head that the nonce was made from, as `attest nonce` printed it
    #[arg(long, value_name = "SIZE:ROOT", value_parser = numbers::head)]
    pub(super) head: Option<LogHead>,
    /// When the report was made [default: now]
    #[arg(long, value_name = "TIME")]
    pub(super) collected_at: Option<Timestamp>,
    /// The chip as its driver names it [default: as its certificate does]
    #[arg(long, value_name = "NAME")]
    pub(super) device: Option<String>,
    /// What asked the chip for the report
    #[arg(long, value_name = "NAME", default_value = "nvtrust")]
    pub(super) tool: String,
    /// That tool's version
    #[arg(long, value_name = "VERSION")]
    pub(super) tool_version: Option<String>,
    /// The result of `standstill telemetry checkpoint --json`
    #[arg(long, value_name = "FILE")]
    pub(super) checkpoint: Option<PathBuf>,
    /// The log's origin [default: MEMBER/LOG]
    #[arg(long, value_name = "NAME")]
    pub(super) origin: Option<String>,
}

/// For votes and keys.
#[derive(Debug, Args)]
#[command(next_help_heading = "Votes and keys: phase-vote, key-registration, key-revocation")]
pub(super) struct Governance {
    /// The phase voted on
    #[arg(long, value_name = "NAME")]
    pub(super) phase: Option<Name>,
    /// Vote against the phase
    #[arg(long)]
    pub(super) against: bool,
    /// The file of the new secret key to register: proof that it is held
    #[arg(long, value_name = "FILE")]
    pub(super) new_key: Option<PathBuf>,
    /// The id of the key to revoke
    #[arg(long, value_name = "HEX")]
    pub(super) key: Option<String>,
}

/// The flag's value, or a failure that names it.
pub(super) fn need<T: Clone>(value: &Option<T>, flag: &str, kind: Kind) -> Result<T, Failure> {
    value.clone().ok_or_else(|| Failure::usage(format!("a `{kind}` statement needs `--{flag}`")))
}

/// A word of a closed list, or a failure that has the list.
pub(super) fn word<T>(found: Option<T>, text: &str, words: &[&str]) -> Result<T, Failure> {
    found.ok_or_else(|| Failure::usage(format!("`{text}` is not one of: {}", words.join(", "))))
}

impl Content {
    /// The kind of statement.
    pub(super) fn kind(&self) -> Result<Kind, Failure> {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        word(Kind::from_name(&self.kind), &self.kind, &names)
    }

    /// From start to end, where both were given.
    pub(super) fn window(&self) -> Option<Window> {
        self.start.zip(self.end).map(|(start, end)| Window { start, end })
    }

    /// What is superseded, and why.
    pub(super) fn correction(&self) -> Option<Correction> {
        self.corrects.zip(self.reason.clone()).map(|(statement, reason)| Correction { statement, reason })
    }

    /// Every file to import.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.from.iter().chain(&self.evaluation.release_dates).cloned().collect()
    }

    /// What to take from them.
    pub(super) fn options(&self) -> Options {
        Options {
            window: self.window(),
            jobs: self.choice.job.clone(),
            job_name: self.choice.job_name.clone(),
            run: self.choice.only.clone(),
            ridge: self.evaluation.ridge.clone(),
            resamples: self.evaluation.resamples,
            seed: self.evaluation.seed,
            utc_offset_minutes: self.choice.utc_offset,
        }
    }

    /// The subjects that flags name.
    pub(super) fn subjects(&self) -> Result<Vec<Subject>, Failure> {
        let parse = |text: &String| {
            let (name, value) = text.split_once('=').ok_or_else(|| {
                Failure::usage(format!("`{text}` is not a subject")).hint("write it as NAME=FILE or NAME=SHA256")
            })?;
            Ok(Subject { name: name.to_owned(), sha256: digest_of(value)? })
        };
        self.subject.iter().map(parse).collect()
    }

    /// The base models that flags name.
    pub(super) fn base_models(&self) -> Result<Vec<standstill_attestations::training::BaseModel>, Failure> {
        use standstill_attestations::claim::Maybe;
        let model = |flag: &BaseModelFlag| {
            let flop = flag.flop.map_or_else(|| Maybe::Unknown(numbers::UNSTATED.to_owned()), Maybe::Known);
            let (name, used_for) = (flag.name.clone(), flag.used_for);
            let sha256 = digest_of(&flag.digest)?;
            Ok(standstill_attestations::training::BaseModel { name, sha256, used_for, flop })
        };
        self.training.base_model.iter().map(model).collect()
    }
}
