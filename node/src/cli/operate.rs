//! `start` and `status`.

use std::time::Duration;

use clap::Args;
use serde_json::json;
use standstill_protocol::units::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Global, columns};
use crate::api::views::{ObligationRow, Page, StatusView};
use crate::clock;
use crate::exit::Exit;
use crate::run::{Node, Prepared};
use crate::store::Store;

/// Run the node until SIGTERM or Ctrl-C.
#[derive(Debug, Args)]
pub(super) struct Start {
    /// Check everything that can be checked first, and start nothing
    #[arg(long)]
    dry_run: bool,
}

impl Start {
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        let home = global.open()?;
        if self.dry_run {
            return dry_run(global, &home);
        }
        start_logging(global);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::unavailable(format!("cannot start the runtime: {error}")))?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())
                .map_err(|error| Failure::unavailable(format!("cannot watch for signals: {error}")))?;
            // A node that must follow first can wait long for the others.
            let mut node = tokio::select! {
                started = Node::start(home) => started?,
                _ = tokio::signal::ctrl_c() => return Ok(Exit::Holds),
                _ = terminate.recv() => return Ok(Exit::Holds),
            };
            let endpoint = node.endpoint().clone();
            global.print(&endpoint, || format!("api  http://{}\n", endpoint.api))?;
            let failed = tokio::select! {
                _ = tokio::signal::ctrl_c() => None,
                _ = terminate.recv() => None,
                failed = node.failed() => Some(failed),
            };
            global.say("stopping");
            node.stop().await?;
            failed.map_or(Ok(Exit::Holds), |failed| Err(failed.into()))
        })
    }
}

fn dry_run(global: &Global, home: &crate::home::Home) -> Result<Exit, Failure> {
    let prepared = Prepared::new(home)?;
    let treaty = prepared.rules().treaty();
    let store = Store::open(&home.store_path(), &treaty.chain_id).map_err(crate::NodeError::from)?;
    let height = store.tip().map_err(crate::NodeError::from)?.map_or(0, |tip| tip.height);
    let validators = prepared.rules().genesis_validators();
    let configured = home.config.peers.len();
    let rows = [
        ("configuration", format!("{} peers", configured)),
        ("treaty", format!("{}, {} members, {} clauses", treaty.name, treaty.members.len(), treaty.clauses.len())),
        ("ledger", treaty.chain_id.to_string()),
        ("keys", format!("those of `{}` in the treaty", home.member())),
        ("validators", format!("{}, quorum {}", validators.len(), validators.quorum())),
        ("store", format!("height {height}")),
    ];
    let text: Vec<_> =
        rows.iter().map(|(name, text)| vec!["ok".to_owned(), (*name).to_owned(), text.clone()]).collect();
    let checks: std::collections::BTreeMap<_, _> = rows.iter().cloned().collect();
    global.print(&json!({ "schema": "standstill.dry-run/1", "checks": checks }), || columns(&text))?;
    if configured + 1 < validators.quorum() {
        global.say(&format!(
            "warning: {configured} peers are configured, a quorum needs {} others; add `[[peers]]`",
            validators.quorum() - 1
        ));
    }
    Ok(Exit::Holds)
}

fn start_logging(global: &Global) {
    let default = if global.quiet { "error" } else { "warn,standstill_node=info,standstill_consensus=info" };
    let filter = std::env::var("STANDSTILL_LOG").unwrap_or_else(|_| default.to_owned());
    let filter =
        tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    // A second subscriber in one process is none: the first one stays.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).try_init();
}

/// Show the node, the tip and what this member owes.
#[derive(Debug, Args)]
pub(super) struct StatusCommand {
    /// Print again whenever the height changes
    #[arg(long)]
    watch: bool,
}

impl StatusCommand {
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        let client = global.client()?;
        let mut shown = None;
        loop {
            let status: StatusView = client.json("/v1/status")?;
            if shown != Some(status.height) {
                shown = Some(status.height);
                let path = format!("/v1/obligations?member={}", status.member);
                let due: Page<ObligationRow> = client.json(&path)?;
                let open: Vec<_> = due.rows.into_iter().filter(|row| row.status == "open").collect();
                let view = json!({ "status": status, "due": open });
                global.print(&view, || screen(&status, &open))?;
            }
            if !self.watch {
                return Ok(if status.ready { Exit::Holds } else { Exit::Unavailable });
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

fn screen(status: &StatusView, due: &[ObligationRow]) -> String {
    let row = |name: &str, text: String| vec![name.to_owned(), text];
    let consensus = &status.consensus;
    let state = match (&consensus.stopped, consensus.stalled, consensus.idle) {
        (Some(reason), _, _) => format!("stopped, {reason}"),
        (None, true, _) => format!("stalled at height {}, round {}", consensus.height, consensus.round),
        (None, false, true) => "waiting for entries".to_owned(),
        (None, false, false) => format!("agreeing on height {}", consensus.height),
    };
    let time = status.time.clone().map(|time| ago(&time)).unwrap_or_else(|| "no block yet".to_owned());
    let mut rows = vec![
        row("member", status.member.clone()),
        row("treaty", format!("{}, phase {}", status.treaty, status.phase)),
        row("height", format!("{}, {time}", status.height)),
        row("log", format!("{} leaves, {} cosigned", status.log_size, status.cosigned_size)),
        row("pending", format!("{} entries, {} bytes", status.pending.entries, status.pending.bytes)),
        row("consensus", state),
        row(
            "peers",
            format!("{} of {} needed, gossip {}", consensus.peers, consensus.peers_needed, status.gossip.peers),
        ),
        row("ready", if status.ready { "yes" } else { "no" }.to_owned()),
    ];
    for obligation in due {
        let text = format!("{}, period {}, by {}", obligation.clause, obligation.period, ago(&obligation.due));
        rows.push(row("due", text));
    }
    columns(&rows)
}

/// A time with how far away it is.
pub(super) fn ago(text: &str) -> String {
    let Ok(time) = Timestamp::parse(text) else { return text.to_owned() };
    let now = clock::now();
    let (distance, word) = if time > now { (time.since(now), "from now") } else { (now.since(time), "ago") };
    format!("{text} ({} {word})", span(distance))
}

fn span(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
