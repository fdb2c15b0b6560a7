//! `standstill`: the lab operator's command.

use std::process::ExitCode;

use standstill_node::exit::Exit;

fn main() -> ExitCode {
    eprintln!("error: no command\n\nhint: see `standstill --help`");
    Exit::Usage.into()
}
