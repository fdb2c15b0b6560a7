//! The operator's commands.
//!
//! stdout is the result: text for people, or one JSON document with `--json`. Everything else goes to stderr. Errors are
//! `error:` a sentence, a blank line, `hint:` what to do; the exit code says which kind. Output fits 80 columns and reads
//! the same without colour, so there is none.

mod attest;
mod client;
mod failure;
mod ledger;
mod meter;
mod operate;
mod setup;
mod telemetry;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::exit::Exit;
use crate::home::{self, Home};
use client::Client;
pub use failure::Failure;

/// Runs a lab's node, and signs and submits its statements.
#[derive(Debug, Parser)]
#[command(name = "standstill", version, after_help = exit_codes(), max_term_width = 80)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The node's home directory [default: ~/.standstill]
    #[arg(long, global = true, env = "STANDSTILL_HOME", value_name = "DIR")]
    home: Option<PathBuf>,
    /// The API to ask, instead of the node that runs in the home
    #[arg(long, global = true, env = "STANDSTILL_NODE", value_name = "URL")]
    node: Option<String>,
    /// Set a configuration value for this command
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Show no progress bars; they show on a terminal alone, without NO_COLOR
    #[arg(long, global = true, env = "STANDSTILL_NO_PROGRESS", value_parser = clap::builder::FalseyValueParser::new())]
    no_progress: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a home: configuration, keys and, with a treaty, the store
    Init(setup::Init),
    /// Make and show keys
    #[command(subcommand)]
    Key(setup::Key),
    /// Show and check the configuration
    #[command(subcommand)]
    Config(setup::ConfigCommand),
    /// Run the node
    Start(operate::Start),
    /// Show the node, the tip and what is due
    Status(operate::StatusCommand),
    /// Draft, check, sign and submit statements
    #[command(subcommand)]
    Attest(attest::Attest),
    /// Read the ledger
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Keep this lab's own log of readings, and open leaves of it to auditors
    #[command(subcommand)]
    Telemetry(telemetry::Telemetry),
    /// Read power, energy and activity of this machine's chips into the lab's own log
    Meter(meter::MeterCommand),
}

fn exit_codes() -> String {
    let rows = Exit::ALL.iter().map(|exit| format!("  {:>3}  {:<13}  {}", *exit as u8, exit.name(), exit.meaning()));
    format!("Exit codes:\n{}", rows.collect::<Vec<_>>().join("\n"))
}

/// Parses the arguments, runs the command and says what went wrong.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; everything else is an error, and clap's code for it is ours.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Holds };
            let _ = error.print();
            return exit.into();
        }
    };
    match run(&cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // Nobody reads a closed stderr.
            let _ = io::stderr().write_all(failure.text().as_bytes());
            failure.exit.into()
        }
    }
}

fn run(cli: &Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Init(command) => command.run(global),
        Command::Key(command) => command.run(global),
        Command::Config(command) => command.run(global),
        Command::Start(command) => command.run(global),
        Command::Status(command) => command.run(global),
        Command::Attest(command) => command.run(global),
        Command::Ledger(command) => command.run(global),
        Command::Telemetry(command) => command.run(global),
        Command::Meter(command) => command.run(global),
    }
}

impl Global {
    /// The home's directory.
    fn directory(&self) -> Result<PathBuf, Failure> {
        if let Some(home) = &self.home {
            return Ok(home.clone());
        }
        let user = std::env::var_os("HOME").filter(|home| !home.is_empty());
        let user =
            user.ok_or_else(|| Failure::usage("there is no home directory").hint("name one with `--home DIR`"))?;
        Ok(PathBuf::from(user).join(".standstill"))
    }

    /// The opened home.
    fn open(&self) -> Result<Home, Failure> {
        Ok(home::open(&self.directory()?, &self.set)?)
    }

    /// Requests to the node.
    fn client(&self) -> Result<Client, Failure> {
        match &self.node {
            Some(url) => Client::find(Some(url), Err(Failure::usage("unused"))),
            None => Client::find(None, Ok(&self.open()?)),
        }
    }

    /// Prints a result: its JSON, or text for people.
    fn print<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json {
            let json = serde_json::to_string_pretty(value).map_err(|error| Failure {
                exit: Exit::Internal,
                message: format!("the result cannot be written as JSON: {error}"),
                hint: None,
            })?;
            return out(format!("{json}\n").as_bytes());
        }
        out(text().as_bytes())
    }

    /// Says something that is not the result.
    fn say(&self, text: &str) {
        if !self.quiet {
            // Nobody reads a closed stderr.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// Writes to stdout. A reader that has gone away ends the program quietly.
fn out(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(Exit::Holds as i32),
        other => other.map_err(|error| Failure::unavailable(format!("cannot write to stdout: {error}"))),
    }
}

/// Reads a file that a person named, at most `limit` bytes.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    Ok(home::read_bounded(path, limit)?)
}

/// Writes a new file, or prints the bytes where the path is `-`. The file gets its name when it is whole and on the disk.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if path == Path::new("-") {
        return out(bytes);
    }
    write_new(path, bytes).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!("`{}` exists already", path.display()))
            .hint("move it away, or choose another file with `-o FILE`"),
        _ => Failure::unavailable(format!("cannot write `{}`: {error}", path.display())),
    })
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(bytes).and_then(|()| file.sync_all())?;
    // A link, not a rename: it replaces nothing.
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary)?;
    linked?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(directory)?.sync_all()
}

/// Rows of text in columns, two spaces between them.
fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
