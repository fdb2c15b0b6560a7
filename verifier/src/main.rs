//! `standstill-verify`: the auditor's command line.
//!
//! stdout carries the answer, stderr the rest; the exit code is the answer in one number ([`Exit`]). Exit 0 of a checking
//! command comes from a [`Verdict`](standstill_verifier::Verdict) and from nowhere else. A panic, which would be a bug,
//! ends in exit 1 and never in a verdict.

mod commands;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;
use standstill_verifier::Exit;

/// Checks Standstill ledgers offline.
#[derive(Parser)]
#[command(name = "standstill-verify", version, after_help = exit_codes(), max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say nothing on stderr
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Colour: auto, always, never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Colour,
    /// No progress bar
    #[arg(long, global = true, env = "STANDSTILL_NO_PROGRESS", value_parser = clap::builder::FalseyValueParser::new())]
    no_progress: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
enum Command {
    /// Check a bundle: signatures, ledger, quorum, every verdict
    Bundle(BundleArgs),
    /// Check one receipt: signed, included, certified
    Proof(ProofArgs),
    /// Is NEW the same ledger as OLD, and longer?
    Extends {
        /// The older bundle
        old: PathBuf,
        /// The newer bundle
        new: PathBuf,
    },
    /// Show what is in a bundle, without judging it
    Inspect {
        /// The bundle
        file: PathBuf,
    },
    /// List the numbered checks
    Checks,
    /// What a check compares, why, and what a failure means
    Explain {
        /// Its number or its name
        check: String,
    },
    /// What you are trusting
    #[command(subcommand)]
    Trust(TrustCommand),
}

#[derive(Args)]
struct BundleArgs {
    /// The bundle
    file: PathBuf,
    /// What to trust
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// Judge as of this time, such as 2027-03-31T23:59:59Z
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Only this lab's verdicts
    #[arg(long, value_name = "NAME")]
    lab: Option<Name>,
    /// Only this clause's verdicts
    #[arg(long, value_name = "NAME")]
    clause: Option<Name>,
    /// One JSON document on stdout
    #[arg(long)]
    json: bool,
    /// Failures kept of each check
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_failures: usize,
}

#[derive(Args)]
struct ProofArgs {
    /// The receipt
    file: PathBuf,
    /// What to trust
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The entry's bytes, where the receipt does not carry them
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// The treaty, whose keys sign entries
    #[arg(long, value_name = "FILE")]
    treaty: Option<PathBuf>,
    /// One JSON document on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum TrustCommand {
    /// Everything that the file pins, in one screen
    Show {
        /// The trust file
        file: PathBuf,
    },
    /// Whether the file is well-formed
    Lint {
        /// The trust file
        file: PathBuf,
    },
    /// SHA-256 of the file, to compare with a colleague's
    Fingerprint {
        /// The trust file
        file: PathBuf,
    },
}

/// How a command ended: what goes to stdout, and the exit.
struct Answer {
    text: String,
    exit: Exit,
}

/// Why a command has no answer.
struct Trouble {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        text.push_str(&format!("  {:>2}  {:<13}{}\n", exit.code(), exit.name(), exit.meaning()));
    }
    text
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let choice = match cli.color {
        Colour::Auto => anstream::ColorChoice::Auto,
        Colour::Always => anstream::ColorChoice::Always,
        Colour::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
    let outcome = std::panic::catch_unwind(|| run(&cli));
    let exit = match outcome {
        Ok(Ok(answer)) => print(&answer),
        Ok(Err(trouble)) => complain(&trouble, cli.quiet),
        Err(_) => Exit::Internal,
    };
    ExitCode::from(exit.code())
}

fn run(cli: &Cli) -> Result<Answer, Trouble> {
    match &cli.command {
        Command::Bundle(args) => commands::bundle(args, cli.quiet || cli.no_progress),
        Command::Proof(args) => commands::proof(args),
        Command::Extends { old, new } => commands::extends(old, new),
        Command::Inspect { file } => commands::inspect(file),
        Command::Checks => Ok(commands::checks()),
        Command::Explain { check } => commands::explain(check),
        Command::Trust(TrustCommand::Show { file }) => commands::trust_show(file),
        Command::Trust(TrustCommand::Lint { file }) => commands::trust_lint(file),
        Command::Trust(TrustCommand::Fingerprint { file }) => commands::trust_fingerprint(file),
    }
}

/// Writes the answer. A reader that went away is no failure of the check; anything else that cannot be written is.
fn print(answer: &Answer) -> Exit {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(answer.text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => answer.exit,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => answer.exit,
        Err(_) => Exit::Internal,
    }
}

fn complain(trouble: &Trouble, quiet: bool) -> Exit {
    if !quiet {
        anstream::eprintln!("error: {}", trouble.message);
        if let Some(hint) = &trouble.hint {
            anstream::eprintln!("\nhint: {hint}");
        }
    }
    trouble.exit
}
