//! Tasks of the house, run as `cargo xtask TASK`.
//!
//! | task | what it does |
//! |---|---|
//! | `tidy` | checks the invariants of ARCHITECTURE.md that the compiler cannot |
//!
//! It depends on `serde_json` alone, so that checking the house costs seconds.

mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

tasks:
  tidy     check the invariants of ARCHITECTURE.md that the compiler cannot";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["tidy"] => tidy::run(),
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
