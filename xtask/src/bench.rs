//! `cargo xtask bench [--write]`: runs every benchmark; with `--write`, what they print goes into
//! `docs/reference/performance.md`.
//!
//! One `cargo build` with one set of features makes all programs, then they run one after another, and cargo is not asked
//! again: nothing is built between two measurements. The page keeps its words; only what stands between the two marks is
//! replaced, as a whole and after the last benchmark, so that no figure is typed and none is from another run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::Instant;

use serde_json::Value;

const PAGE: &str = "docs/reference/performance.md";
const BEGIN: &str = "<!-- figures: written by `cargo xtask bench --write` -->";
const END: &str = "<!-- end of figures -->";

/// One set of features for all: that of the whole workspace.
const BUILD: &[&str] = &[
    "build",
    "--release",
    "--workspace",
    "--bin",
    "standstill-testnet",
    "--bench",
    "apply",
    "--bench",
    "fold",
    "--bench",
    "audit",
];

/// A benchmark: its heading, the target that cargo builds, what that is told, and how a person runs it alone.
struct Benchmark {
    heading: &'static str,
    target: &'static str,
    arguments: &'static [&'static str],
    shown: &'static str,
}

const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        heading: "Four nodes: accepted and final, and against the engine alone",
        target: "standstill-testnet",
        arguments: &["bench"],
        shown: "cargo run --release --bin standstill-testnet -- bench",
    },
    Benchmark {
        heading: "Applying an entry",
        target: "apply",
        arguments: &["--bench"],
        shown: "cargo bench -p standstill-ledger --bench apply",
    },
    Benchmark {
        heading: "Folding clauses",
        target: "fold",
        arguments: &["--bench"],
        shown: "cargo bench -p standstill-policies --bench fold",
    },
    Benchmark {
        heading: "Auditing a bundle",
        target: "audit",
        arguments: &["--bench"],
        shown: "cargo bench -p standstill-verifier --bench audit",
    },
];

/// A program that was built, and the folder of its package: cargo runs benchmarks there.
#[derive(Debug, PartialEq, Eq)]
struct Built {
    program: PathBuf,
    package: PathBuf,
}

pub(crate) fn run(write: bool) -> ExitCode {
    match measure(write) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn measure(write: bool) -> Result<(), String> {
    let root = crate::root();
    let path = root.join(PAGE);
    let page = std::fs::read_to_string(&path).map_err(|error| format!("{PAGE}: {error}"))?;
    let (before, rest) = page.split_once(BEGIN).ok_or_else(|| format!("{PAGE} has no line `{BEGIN}`"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("{PAGE} has no line `{END}`"))?;
    eprintln!("==== building");
    let programs = build(&root)?;
    let mut figures = format!("\n\n{}\n", machine());
    for Benchmark { heading, target, arguments, shown } in BENCHMARKS {
        eprintln!("==== {heading}");
        let built = programs.get(*target).ok_or_else(|| format!("cargo built no program of the target `{target}`"))?;
        let began = Instant::now();
        let printed = printed(Command::new(&built.program).args(*arguments).current_dir(&built.package), shown)?;
        println!("{printed}");
        eprintln!("==== took {} s", began.elapsed().as_secs());
        // Writing to a String cannot fail.
        let _ = write!(figures, "\n### {heading}\n\n`{shown}`\n\n```text\n{printed}\n```\n");
    }
    if !write {
        eprintln!("nothing was written; `cargo xtask bench --write` replaces the figures of {PAGE}");
        return Ok(());
    }
    std::fs::write(&path, format!("{before}{BEGIN}{figures}\n{END}{after}")).map_err(|error| format!("{PAGE}: {error}"))
}

/// What the figures were taken on.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    let model = model.map(|model| format!(" ({model})")).unwrap_or_default();
    format!("Measured in one run on a machine with {cores} cores{model}, in release, on the loopback address.")
}

/// Builds everything at once. Cargo's own messages go to the terminal.
fn build(root: &Path) -> Result<BTreeMap<String, Built>, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(BUILD).arg("--message-format=json-render-diagnostics").current_dir(root);
    let output = finished(&mut command, "cargo build")?;
    Ok(programs(&String::from_utf8_lossy(&output.stdout)))
}

/// The programs among what cargo says that it has built, by the name of their target.
fn programs(messages: &str) -> BTreeMap<String, Built> {
    let program = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let target = message["target"]["name"].as_str()?.to_owned();
        let program = PathBuf::from(message["executable"].as_str()?);
        let package = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
        Some((target, Built { program, package }))
    };
    messages.lines().filter_map(program).collect()
}

/// What a program prints, without empty lines.
fn printed(command: &mut Command, shown: &str) -> Result<String, String> {
    let output = finished(command, shown)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    Ok(lines.join("\n"))
}

fn finished(command: &mut Command, shown: &str) -> Result<Output, String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("`{shown}` did not start: {error}"))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!("`{shown}` failed: {}", output.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_among_what_cargo_says_and_libraries_are_not() {
        let messages = r#"{"reason":"compiler-artifact","manifest_path":"/r/protocol/Cargo.toml","target":{"name":"standstill_protocol"},"executable":null}
{"reason":"compiler-artifact","manifest_path":"/r/ledger/Cargo.toml","target":{"name":"apply"},"executable":"/t/apply-1"}
not json
{"reason":"build-finished","success":true}"#;
        let built = Built { program: "/t/apply-1".into(), package: "/r/ledger".into() };
        assert_eq!(programs(messages), BTreeMap::from([("apply".to_owned(), built)]));
    }

    #[test]
    fn every_benchmark_is_built_before_the_first_one_runs() {
        for Benchmark { target, shown, .. } in BENCHMARKS {
            assert!(BUILD.contains(target), "`{target}` is not built");
            assert!(shown.contains(target), "`{shown}` does not run `{target}`");
        }
    }
}
