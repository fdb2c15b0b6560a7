//! `cargo xtask soak [SECONDS] [SEED]`: the kill test for longer, in release.

use std::process::{Command, ExitCode};

const DEFAULT_SECONDS: &str = "600";

pub(crate) fn run(seconds: Option<&str>, seed: Option<&str>) -> ExitCode {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.args(["test", "--release", "--package", "standstill-testnet", "--test", "kill", "--", "--nocapture"]);
    command.env("STANDSTILL_KILL_SECONDS", seconds.unwrap_or(DEFAULT_SECONDS));
    if let Some(seed) = seed {
        command.env("STANDSTILL_KILL_SEED", seed);
    }
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: `cargo test` did not start: {error}");
            ExitCode::FAILURE
        }
    }
}
