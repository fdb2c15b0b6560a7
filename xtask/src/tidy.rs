//! `cargo xtask tidy`: each invariant of the house is a check with a name.
//!
//! ```text
//! ok    rooms-import-downward       10 rooms
//! FAIL  pure-rooms                  1 problem
//!         ledger/src/apply.rs:12: `std::fs`: a pure room does no I/O, asks no clock and draws no randomness
//! note  short-files                 1 problem
//!         node/src/api.rs: 612 lines; past 500, ask which two rooms it is
//! ```
//!
//! Every check runs to its end and reports all it found. A `FAIL` makes the exit code 1; a `note` is advice.

mod crates;
mod files;
mod rooms;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;

use crates::Workspace;
use source::SourceFile;

/// What a check looks at.
#[derive(Debug)]
struct House {
    root: PathBuf,
    workspace: Workspace,
    /// Every `.rs` file of the repository, with comments and literals blanked beside the original text.
    sources: Vec<SourceFile>,
}

/// What a check found: what it looked at, and each problem with its place.
#[derive(Debug)]
struct Findings {
    examined: String,
    problems: Vec<String>,
}

impl Findings {
    fn new(examined: impl Into<String>, problems: Vec<String>) -> Self {
        Findings { examined: examined.into(), problems }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// A problem fails the run.
    Rule,
    /// A problem is printed, no more.
    Advice,
}

type Check = fn(&House) -> Findings;

/// The invariants, in the order of ARCHITECTURE.md.
const CHECKS: &[(&str, Weight, Check)] = &[
    ("rooms-import-downward", Weight::Rule, rooms::import_downward),
    ("pure-rooms-dependencies", Weight::Rule, rooms::pure_dependencies),
    ("pure-rooms-source", Weight::Rule, rooms::pure_source),
    ("verifier-is-offline", Weight::Rule, rooms::verifier_is_offline),
    ("verifier-is-small", Weight::Rule, rooms::verifier_is_small),
    ("engine-stays-in-consensus", Weight::Rule, rooms::engine_stays_in_consensus),
    ("no-float-decides", Weight::Rule, rooms::no_float_decides),
    ("ordered-maps-only", Weight::Rule, rooms::ordered_maps_only),
    ("pure-rooms-share-clippy", Weight::Rule, rooms::pure_rooms_share_clippy),
    ("pins-are-exact", Weight::Rule, rooms::pins_are_exact),
    ("lints-are-inherited", Weight::Rule, files::lints_are_inherited),
    ("licences-are-stated", Weight::Rule, files::licences_are_stated),
    ("files-open-with-purpose", Weight::Rule, files::open_with_purpose),
    ("nothing-unfinished", Weight::Rule, files::nothing_unfinished),
    ("no-machine-in-the-house", Weight::Rule, files::no_machine),
    ("links-resolve", Weight::Rule, files::links_resolve),
    ("short-files", Weight::Advice, files::short_files),
];

/// Runs every check over the repository that holds this crate.
pub(crate) fn run() -> ExitCode {
    let house = match House::open(crate::root()) {
        Ok(house) => house,
        Err(reason) => {
            eprintln!("error: {reason}");
            return ExitCode::FAILURE;
        }
    };
    let failed = CHECKS.iter().filter(|(name, weight, check)| !report(name, *weight, &check(&house))).count();
    if failed > 0 {
        eprintln!("\nerror: {failed} of {} checks failed", CHECKS.len());
        return ExitCode::FAILURE;
    }
    println!("\n{} checks, none failed", CHECKS.len());
    ExitCode::SUCCESS
}

impl House {
    fn open(root: PathBuf) -> Result<Self, String> {
        let workspace = Workspace::load(&root)?;
        let sources = source::collect(&root)?;
        Ok(House { root, workspace, sources })
    }

    /// The library and binary sources of a room: `src/` without its test modules.
    fn room_sources<'a>(&'a self, room: &'a str) -> impl Iterator<Item = &'a SourceFile> {
        let prefix = format!("{room}/src/");
        self.sources.iter().filter(move |file| file.path.starts_with(&prefix))
    }
}

/// Prints one check's outcome; false when a rule is broken.
fn report(name: &str, weight: Weight, findings: &Findings) -> bool {
    let count = findings.problems.len();
    let mark = match (count, weight) {
        (0, _) => "ok  ",
        (_, Weight::Rule) => "FAIL",
        (_, Weight::Advice) => "note",
    };
    let problems = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
    let summary = if count == 0 { &findings.examined } else { &problems };
    println!("{mark}  {name:<27} {summary}");
    for problem in &findings.problems {
        println!("        {problem}");
    }
    count == 0 || weight == Weight::Advice
}
