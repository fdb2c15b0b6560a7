//! `standstill`: the lab operator's command.

use std::process::ExitCode;

fn main() -> ExitCode {
    standstill_node::cli::main()
}
