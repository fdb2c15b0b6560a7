//! `standstill-testnet treaty`: write, check, read, compare and hash treaty files.
//!
//! ```text
//! new ──▶ file ──▶ lint ──▶ show, hash        diff A B: what changes for whom
//! ```
//!
//! A file may also be the name of a shipped treaty. stdout is the result, text of 80 columns or one JSON document with
//! `--json`; nothing is read but the files named.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use standstill_node::exit::Exit;
use standstill_policies::Treaty;
use standstill_policies::treaty::{Lint, MAX_TREATY, Phase, Places, SHIPPED, START, Severity, TreatyError, schema};
use standstill_protocol::member::Name;

/// What to do with treaty files.
#[derive(Debug, Subcommand)]
pub enum TreatyCommand {
    /// Write a commented treaty to start from, or a copy of a shipped one
    New(New),
    /// Say what a treaty should still say: errors and remarks, each with its line
    Lint(LintCommand),
    /// Show a treaty on one screen: what is in force when, and who decides
    Show(One),
    /// Say what changes from one treaty to another, clause by clause, and for whom
    Diff(Two),
    /// Print a treaty's hash and the identity of its ledger
    Hash(One),
}

/// Arguments of `treaty new`.
#[derive(Debug, Args)]
pub struct New {
    /// Where to write it; a file that exists is left alone [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Start from this shipped treaty
    #[arg(long, value_name = "TREATY")]
    from: Option<String>,
    /// Its short name
    #[arg(long)]
    name: Option<Name>,
}

/// Arguments of `treaty lint`.
#[derive(Debug, Args)]
pub struct LintCommand {
    #[command(flatten)]
    one: One,
    /// Fail on remarks too
    #[arg(long)]
    strict: bool,
}

/// One treaty.
#[derive(Debug, Args)]
pub struct One {
    /// A treaty file, or the name of a shipped treaty
    file: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// Two treaties.
#[derive(Debug, Args)]
pub struct Two {
    /// The treaty that was: a file, or the name of a shipped treaty
    before: PathBuf,
    /// The treaty that is to be
    after: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// A command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub exit: Exit,
    /// One sentence, no full stop.
    pub message: String,
    /// What a person can do.
    pub hint: Option<String>,
}

type Result<T> = std::result::Result<T, Failure>;

impl TreatyCommand {
    /// Runs the command; what it found goes to `out`.
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit> {
        match self {
            TreatyCommand::New(command) => command.run(out),
            TreatyCommand::Lint(command) => command.run(out),
            TreatyCommand::Show(one) => {
                let treaty = one.treaty()?;
                print(out, one.json, || view(&treaty), || treaty.show())
            }
            TreatyCommand::Diff(two) => {
                let diff = parsed(&two.before)?.1.diff(&parsed(&two.after)?.1);
                let view = || json!({ "schema": "standstill.treaty-diff/1", "diff": diff });
                print(out, two.json, view, || diff.text())
            }
            TreatyCommand::Hash(one) => {
                let treaty = one.treaty()?;
                let view = || {
                    json!({ "schema": "standstill.treaty-hash/1", "name": treaty.name, "hash": treaty.hash,
                    "chain_id": treaty.chain_id })
                };
                print(out, one.json, view, || format!("treaty  {}\nchain   {}\n", treaty.hash, treaty.chain_id))
            }
        }
    }
}

impl New {
    fn run(&self, out: &mut dyn Write) -> Result<Exit> {
        let bytes = match &self.from {
            None => START,
            Some(name) => shipped(name).ok_or_else(|| Failure {
                exit: Exit::Usage,
                message: format!("no treaty `{name}` is shipped"),
                hint: Some(format!("shipped are {}", names())),
            })?,
        };
        let text = String::from_utf8_lossy(bytes);
        let text = match &self.name {
            Some(name) => renamed(&text, name),
            None => text.into_owned(),
        };
        let Some(path) = &self.out else { return write(out, &text) };
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| unavailable("write", path, &error))?;
        write(out, &format!("{}\nnext: standstill-testnet treaty lint {}\n", path.display(), path.display()))
    }
}

/// The text with another `name`, and with its comments.
fn renamed(text: &str, name: &Name) -> String {
    let mut done = false;
    let lines = text.lines().map(|line| {
        let first = !done && line.starts_with("name = ");
        done |= first;
        if first { format!("name = \"{name}\"\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

impl LintCommand {
    fn run(&self, out: &mut dyn Write) -> Result<Exit> {
        let (bytes, treaty) = parsed(&self.one.file)?;
        let lints = treaty.lint();
        let places = Places::of(&bytes);
        let line = |lint: &Lint| places.as_ref().and_then(|places| places.line(&lint.article));
        let errors = lints.iter().filter(|lint| lint.severity == Severity::Error).count();
        let fails = errors > 0 || (self.strict && !lints.is_empty());
        let view = || {
            let row = |lint: &Lint| {
                json!({ "code": lint.code, "severity": lint.severity, "article": lint.article,
                "line": line(lint), "message": lint.message, "hint": lint.hint })
            };
            json!({ "schema": "standstill.treaty-lint/1", "file": self.one.file, "hash": treaty.hash,
                "errors": errors, "remarks": lints.len() - errors, "findings": lints.iter().map(row).collect::<Vec<_>>() })
        };
        let file = self.one.file.display().to_string();
        let text = || {
            let shown = lints.iter().map(|lint| lint.text(&file, line(lint)) + "\n");
            shown.collect::<String>()
                + &format!("{}, {}\n", counted(errors, "error"), counted(lints.len() - errors, "remark"))
        };
        print(out, self.one.json, view, text)?;
        Ok(if fails { Exit::Usage } else { Exit::Holds })
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

impl One {
    fn treaty(&self) -> Result<Treaty> {
        Ok(parsed(&self.file)?.1)
    }
}

fn shipped(name: &str) -> Option<&'static [u8]> {
    SHIPPED.into_iter().find(|(shipped, _)| *shipped == name).map(|(_, bytes)| bytes)
}

fn names() -> String {
    SHIPPED.map(|(name, _)| format!("`{name}`")).join(", ")
}

fn unavailable(action: &str, path: &Path, error: &std::io::Error) -> Failure {
    let hint = (action == "read").then(|| format!("give a file, or a shipped treaty: {}", names()));
    Failure { exit: Exit::Unavailable, message: format!("cannot {action} `{}`: {error}", path.display()), hint }
}

/// A file's bytes, or those of a shipped treaty where no file has that name; never more than a treaty may have.
fn read(path: &Path) -> Result<Vec<u8>> {
    let limit = u64::try_from(MAX_TREATY).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    match (opened, path.to_str().and_then(shipped)) {
        (Ok(_), _) => Ok(bytes),
        (Err(error), Some(known)) if error.kind() == std::io::ErrorKind::NotFound => Ok(known.to_vec()),
        (Err(error), _) => Err(unavailable("read", path, &error)),
    }
}

fn parsed(path: &Path) -> Result<(Vec<u8>, Treaty)> {
    let bytes = read(path)?;
    match Treaty::parse(&bytes) {
        Ok(treaty) => Ok((bytes, treaty)),
        Err(error) => Err(refused(path, &bytes, &error)),
    }
}

fn refused(path: &Path, bytes: &[u8], error: &TreatyError) -> Failure {
    let article = error.article();
    let line = article.and_then(|article| Places::of(bytes)?.line(&article));
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    let message = format!("`{}`{line} is no treaty ({}): {error}", path.display(), error.code());
    Failure { exit: Exit::Usage, message, hint: Some("see spec/70-treaty.md".to_owned()) }
}

fn print(
    out: &mut dyn Write,
    as_json: bool,
    view: impl FnOnce() -> Value,
    text: impl FnOnce() -> String,
) -> Result<Exit> {
    let text = if as_json { format!("{:#}\n", view()) } else { text() };
    write(out, &text)
}

/// A reader that has seen enough ends nothing.
fn write(out: &mut dyn Write, text: &str) -> Result<Exit> {
    match out.write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure { exit: Exit::Internal, message: format!("cannot write the result: {error}"), hint: None })
        }
        _ => Ok(Exit::Holds),
    }
}

fn view(treaty: &Treaty) -> Value {
    let members = treaty.members.iter().map(|member| {
        json!({ "id": member.id, "title": member.title, "roles": member.roles, "validator": member.validator.is_some() })
    });
    let clauses = treaty.clauses.iter().map(|clause| {
        json!({ "id": clause.id, "title": clause.title, "subgoal": clause.subgoal, "module": clause.module,
            "obligation": clause.obligation })
    });
    let periods = &treaty.periods;
    json!({
        "schema": "standstill.treaty-view/1",
        "name": treaty.name, "title": treaty.title, "hash": treaty.hash, "chain_id": treaty.chain_id,
        "genesis_time": treaty.genesis_time,
        "members": members.collect::<Vec<_>>(),
        "periods": { "first_start": periods.first_start, "length_ms": periods.length_ms,
            "report_within_ms": periods.report_within_ms },
        "clauses": clauses.collect::<Vec<_>>(),
        "phases": treaty.phases.iter().map(|phase| phase_view(treaty, phase)).collect::<Vec<_>>(),
    })
}

fn phase_view(treaty: &Treaty, phase: &Phase) -> Value {
    let clauses = phase.clauses.iter().map(|(id, parameters)| {
        let shipped = treaty.clause(id.as_str()).and_then(|clause| schema::shipped_name(&clause.module));
        let shown =
            parameters.values().iter().map(|(key, value)| (key.clone(), schema::shown(shipped, key, value).into()));
        (id.to_string(), Value::Object(shown.collect()))
    });
    let adjudicators = &phase.adjudicators;
    json!({ "id": phase.id, "title": phase.title, "triggers": phase.triggers, "lifts": phase.lifts,
        "adjudicators": { "members": adjudicators.members, "enter_ppm": adjudicators.enter.0,
            "lift_ppm": adjudicators.lift.0 },
        "clauses": Value::Object(clauses.collect()) })
}
