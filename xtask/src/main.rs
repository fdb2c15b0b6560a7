//! Tasks of the house, run as `cargo xtask TASK`.
//!
//! | task | what it does |
//! |---|---|
//! | `policies build` | builds the clauses for wasm32 and writes `wasm-policies/dist` |
//! | `policies check` | builds them and compares with what is committed |
//! | `tidy` | checks the invariants of ARCHITECTURE.md that the compiler cannot |
//! | `bench [--write]` | runs the benchmarks; with `--write`, their figures go into `docs/reference/performance.md` |
//! | `fuzz` | runs every fuzz target for a while |
//! | `soak` | kills nodes at random for as long as it is told |
//!
//! It depends on `serde_json` alone, so that checking the house costs seconds.

mod bench;
mod fuzz;
mod policies;
mod soak;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

tasks:
  policies build          build the clauses for wasm32 and write wasm-policies/dist
  policies check          build them and compare with what is committed
  tidy                    check the invariants of ARCHITECTURE.md that the compiler cannot
  fuzz [--seconds N]      run every target of fuzz/ under libFuzzer (20 s each); --only NAME, --jobs N, --write
  soak [SECONDS] [SEED]   kill nodes of a local network at random, in release (600 s)
  bench [--write]         run the benchmarks (and write docs/reference/performance.md)";

/// The repository's root. Cargo says where it runs this crate from; a build may be shared between checkouts.
fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest).parent().unwrap_or(Path::new(".")).to_path_buf()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["policies", "build"] => policies::run(false),
        ["policies", "check"] => policies::run(true),
        ["tidy"] => tidy::run(),
        ["bench"] => bench::run(false),
        ["bench", "--write"] => bench::run(true),
        ["fuzz", arguments @ ..] => fuzz::run(arguments),
        ["soak"] => soak::run(None, None),
        ["soak", seconds] => soak::run(Some(seconds), None),
        ["soak", seconds, seed] => soak::run(Some(seconds), Some(seed)),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
