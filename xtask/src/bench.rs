//! `cargo xtask bench`: runs every benchmark and writes what they print into `docs/reference/performance.md`.
//!
//! The page keeps its words; only what stands between the two marks is replaced, so that no figure is ever typed.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

const PAGE: &str = "docs/reference/performance.md";
const BEGIN: &str = "<!-- figures: written by `cargo xtask bench` -->";
const END: &str = "<!-- end of figures -->";

/// A heading, and the arguments of the `cargo` that measures it.
const BENCHMARKS: &[(&str, &[&str])] = &[
    ("Four nodes: accepted and final", &["run", "--release", "--quiet", "--bin", "standstill-testnet", "--", "bench"]),
    (
        "The bare engine, empty blocks",
        &["run", "--release", "--quiet", "-p", "standstill-consensus", "--example", "bare", "--", "4", "0", "0", "10"],
    ),
    (
        "The bare engine, blocks of 256 KiB",
        &[
            "run",
            "--release",
            "--quiet",
            "-p",
            "standstill-consensus",
            "--example",
            "bare",
            "--",
            "4",
            "262144",
            "0",
            "10",
        ],
    ),
    ("Applying an entry", &["bench", "--quiet", "-p", "standstill-ledger", "--bench", "apply"]),
    ("Folding clauses", &["bench", "--quiet", "-p", "standstill-policies", "--bench", "fold"]),
    ("Auditing a bundle", &["bench", "--quiet", "-p", "standstill-verifier", "--bench", "audit"]),
];

pub(crate) fn run() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), String> {
    let root = crate::root();
    let path = root.join(PAGE);
    let page = std::fs::read_to_string(&path).map_err(|error| format!("{PAGE}: {error}"))?;
    let (before, rest) = page.split_once(BEGIN).ok_or_else(|| format!("{PAGE} has no line `{BEGIN}`"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("{PAGE} has no line `{END}`"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut figures = format!("\n\nMeasured on a machine with {cores} cores, in release, on the loopback address.\n");
    for (heading, arguments) in BENCHMARKS {
        eprintln!("==== {heading}");
        let printed = cargo(&root, arguments)?;
        println!("{printed}");
        // Writing to a String cannot fail.
        let _ = write!(
            figures,
            "\n### {heading}\n\n`cargo {}`\n\n```text\n{}\n```\n",
            shown(arguments),
            printed.trim_end()
        );
    }
    std::fs::write(&path, format!("{before}{BEGIN}{figures}\n{END}{after}")).map_err(|error| format!("{PAGE}: {error}"))
}

fn shown(arguments: &[&str]) -> String {
    arguments.iter().filter(|argument| **argument != "--quiet").copied().collect::<Vec<_>>().join(" ")
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(root)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("`cargo {}` did not start: {error}", shown(arguments)))?;
    if !output.status.success() {
        return Err(format!("`cargo {}` failed", shown(arguments)));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = printed.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    Ok(lines.join("\n"))
}
