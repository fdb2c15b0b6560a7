//! `standstill-testnet up`: a network that runs until Ctrl-C.
//!
//! ```text
//! node    API                      pid    log
//! lab-a   http://127.0.0.1:21310   40110  .standstill-testnet/lab-a.log
//! lab-b   http://127.0.0.1:21313   40112  .standstill-testnet/lab-b.log
//! …
//! height 12 · 0 entries · phase monitoring · 4 of 4 nodes agree
//! ```
//!
//! The table and each line fit 80 columns. On a terminal the last line is rewritten in place; elsewhere it is printed when
//! the phase, the log or the set of running nodes changes.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use standstill_policies::treaty::Span;
use standstill_protocol::units::Timestamp;

use crate::TestnetError;
use crate::network::Network;
use crate::plan::{PeriodPlan, Plan};

const REFRESH: Duration = Duration::from_millis(500);

/// What `up` was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the network stands.
    pub directory: PathBuf,
    /// Labs in a new network.
    pub labs: usize,
    /// Delete a network that stands there.
    pub reset: bool,
    /// Start a network that stands there again.
    pub resume: bool,
}

/// The shipped treaty, with weekly periods from the network's first moment on: what is owed can be reported at once.
fn plan(labs: usize) -> Result<Plan, TestnetError> {
    let day = 86_400_000;
    let mut plan = Plan::labs(labs, "testnet")?;
    plan.periods = Some(PeriodPlan { first_after_ms: 0, length: Span(7 * day), report_within: Span(2 * day) });
    plan.adaptation = "Members and keys of a local test network; periods begin with it.".to_owned();
    Ok(plan)
}

/// Makes or opens a network, shows it, and stops it when `interrupted` says so.
pub fn run(options: &Options, executable: &Path, now: Timestamp) -> Result<(), TestnetError> {
    let interrupted = interruptions();
    if options.reset {
        Network::remove(&options.directory)?;
    }
    let mut network = match options.resume {
        true => Network::open(&options.directory, executable)?,
        false => Network::create(&options.directory, executable, &plan(options.labs)?, now)?,
    };
    network.start()?;
    println!("{}", table(&network));
    let watched = watch(&mut network, &interrupted);
    println!("\nstopping {} nodes", network.nodes().len());
    network.stop();
    watched
}

/// A message for each Ctrl-C or request to end.
pub fn interruptions() -> Receiver<()> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut terminate), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
            else {
                return;
            };
            loop {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                if sender.send(()).is_err() {
                    return;
                }
            }
        });
    });
    receiver
}

fn table(network: &Network) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let mut lines = vec![format!("{:<10} {:<23} {:>7}  {}", "node", "API", "pid", "log")];
    for node in network.nodes() {
        let pid = node.pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let log = node.entry.log.strip_prefix(&here).unwrap_or(&node.entry.log).display();
        lines.push(format!("{:<10} {:<23} {pid:>7}  {log}", node.entry.member, node.client().base()));
    }
    lines.join("\n")
}

fn watch(network: &mut Network, interrupted: &Receiver<()>) -> Result<(), TestnetError> {
    let terminal = std::io::stdout().is_terminal();
    let mut shown = String::new();
    loop {
        if let Some(failure) = network.failure() {
            return Err(failure);
        }
        let (line, key) = live_line(network);
        if terminal {
            print!("\r\x1b[2K{line}");
            // A terminal that went away is noticed by the signal that comes with it.
            let _ = std::io::stdout().flush();
        } else if key != shown {
            println!("{line}");
            shown = key;
        }
        match interrupted.recv_timeout(REFRESH) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// The line, and what in it is worth a new line where there is no terminal.
fn live_line(network: &Network) -> (String, String) {
    let statuses: Vec<_> = network.nodes().iter().filter_map(|node| node.client().status().ok()).collect();
    let answering = format!("{} of {} nodes answer", statuses.len(), network.nodes().len());
    let Some(first) = statuses.iter().max_by_key(|status| status.height) else { return (answering.clone(), answering) };
    let key = format!("log {} leaves · phase {} · {answering}", first.log_size, first.phase);
    (format!("height {} · {key}", first.height), key)
}
