//! `cargo xtask bench [--write]`: runs every benchmark; with `--write`, what they print goes into
//! `docs/reference/performance.md`.
//!
//! Everything is built before anything is measured. The page keeps its words; only what stands between the two marks is
//! replaced, as a whole and after the last benchmark, so that no figure is typed and none is from another run.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

const PAGE: &str = "docs/reference/performance.md";
const BEGIN: &str = "<!-- figures: written by `cargo xtask bench --write` -->";
const END: &str = "<!-- end of figures -->";

/// A benchmark: its heading, how it is built, and how it is run.
struct Benchmark {
    heading: &'static str,
    build: &'static [&'static str],
    run: &'static [&'static str],
}

const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        heading: "Four nodes: accepted and final",
        build: &["build", "--release", "--quiet", "--bin", "standstill-testnet"],
        run: &["run", "--release", "--quiet", "--bin", "standstill-testnet", "--", "bench"],
    },
    Benchmark {
        heading: "The bare engine, blocks of 9 KiB at the same block interval",
        build: &["build", "--release", "--quiet", "-p", "standstill-consensus", "--example", "bare"],
        run: &[
            "run",
            "--release",
            "--quiet",
            "-p",
            "standstill-consensus",
            "--example",
            "bare",
            "--",
            "4",
            "9216",
            "10",
            "10",
        ],
    },
    Benchmark {
        heading: "Applying an entry",
        build: &["bench", "--quiet", "-p", "standstill-ledger", "--bench", "apply", "--no-run"],
        run: &["bench", "--quiet", "-p", "standstill-ledger", "--bench", "apply"],
    },
    Benchmark {
        heading: "Folding clauses",
        build: &["bench", "--quiet", "-p", "standstill-policies", "--bench", "fold", "--no-run"],
        run: &["bench", "--quiet", "-p", "standstill-policies", "--bench", "fold"],
    },
    Benchmark {
        heading: "Auditing a bundle",
        build: &["bench", "--quiet", "-p", "standstill-verifier", "--bench", "audit", "--no-run"],
        run: &["bench", "--quiet", "-p", "standstill-verifier", "--bench", "audit"],
    },
];

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
    for Benchmark { heading, build, .. } in BENCHMARKS {
        eprintln!("==== building: {heading}");
        cargo(&root, build)?;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut figures = format!("\n\nMeasured on a machine with {cores} cores, in release, on the loopback address.\n");
    for Benchmark { heading, run, .. } in BENCHMARKS {
        eprintln!("==== {heading}");
        let began = Instant::now();
        let printed = cargo(&root, run)?;
        println!("{printed}");
        eprintln!("==== took {} s", began.elapsed().as_secs());
        // Writing to a String cannot fail.
        let _ = write!(figures, "\n### {heading}\n\n`cargo {}`\n\n```text\n{}\n```\n", shown(run), printed.trim_end());
    }
    if !write {
        eprintln!("nothing was written; `cargo xtask bench --write` replaces the figures of {PAGE}");
        return Ok(());
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
