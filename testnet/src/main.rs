//! `standstill-testnet`: the treaty designer's command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Parser, Subcommand, ValueEnum};
use standstill_node::exit::Exit;
use standstill_protocol::units::Timestamp;
use standstill_testnet::{TestnetError, bench, demo, network, treaty, up, worker};

/// Treaty files, and local networks of real Standstill nodes
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "Every node is a process of its own; nothing of the network outlives this command."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a local network until Ctrl-C
    Up {
        /// Labs, each with a node
        #[arg(short = 'n', long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
        labs: u8,
        /// Where homes, keys and logs stand
        #[arg(long, default_value = network::DEFAULT_DIRECTORY, value_name = "DIR")]
        dir: PathBuf,
        /// Delete a network that stands there, with its ledger and keys
        #[arg(long, conflicts_with = "resume")]
        reset: bool,
        /// Start a network that stands there again
        #[arg(long)]
        resume: bool,
    },
    /// Play a story of half a minute on real nodes and leave its evidence in a folder
    Demo {
        /// Where the evidence goes; a folder that an earlier demo made is replaced
        #[arg(long, default_value = demo::DEFAULT_OUT, value_name = "DIR")]
        out: PathBuf,
    },
    /// Measure how fast four nodes on this machine take statements, and how soon one is final
    Bench {
        /// Statements of each lab
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=4_000))]
        entries: u16,
        /// Blocks of each side and turn in the comparison with the engine alone
        #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u16).range(1..))]
        blocks: u16,
        /// Measure only this part
        #[arg(long, value_enum)]
        only: Option<Part>,
    },
    /// Write, check, show, compare and hash treaty files
    #[command(subcommand)]
    Treaty(treaty::TreatyCommand),
    /// Run one node of a network: how this program starts itself
    #[command(name = worker::SUBCOMMAND, hide = true)]
    Node {
        #[arg(long)]
        home: PathBuf,
    },
}

/// A part of the benchmark.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Statements accepted and final, and the time that one alone takes
    Load,
    /// Commit latency of nodes against engines without a ledger
    Parity,
}

fn measure(executable: &Path, entries: usize, blocks: usize, only: Option<Part>) -> Result<(), TestnetError> {
    if only != Some(Part::Parity) {
        println!("{}", bench::run(executable, entries, now)?.table());
    }
    if only != Some(Part::Load) {
        println!("{}", bench::parity::run(executable, bench::PACE, blocks, now)?.lines().join("\n"));
    }
    Ok(())
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Up { labs, dir, reset, resume } => {
            let options = up::Options { directory: dir, labs: labs.into(), reset, resume };
            finish(executable().and_then(|executable| up::run(&options, &executable, now())))
        }
        Command::Demo { out } => {
            let out = demo::out_directory(&out);
            finish(executable().and_then(|executable| demo::run(&out, &executable, now)))
        }
        Command::Bench { entries, blocks, only } => {
            finish(executable().and_then(|executable| measure(&executable, entries.into(), blocks.into(), only)))
        }
        Command::Treaty(command) => match command.run(&mut std::io::stdout().lock()) {
            Ok(exit) => exit.into(),
            Err(failure) => {
                complain(&failure.message, failure.hint);
                failure.exit.into()
            }
        },
        Command::Node { home } => match worker::run(&home) {
            Ok(()) => Exit::Holds.into(),
            Err(error) => complain(&error.to_string(), error.hint()),
        },
    }
}

fn executable() -> Result<PathBuf, TestnetError> {
    std::env::current_exe().map_err(|source| TestnetError::Io {
        action: "find",
        path: PathBuf::from("standstill-testnet"),
        source,
    })
}

fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

fn finish(result: Result<(), TestnetError>) -> ExitCode {
    match result {
        Ok(()) => Exit::Holds.into(),
        Err(error) => complain(&error.to_string(), error.hint()),
    }
}

fn complain(message: &str, hint: Option<String>) -> ExitCode {
    eprintln!("error: {message}");
    if let Some(hint) = hint {
        eprintln!("\nhint: {hint}");
    }
    Exit::Internal.into()
}
