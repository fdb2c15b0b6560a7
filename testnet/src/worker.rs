//! The child's side: one node, until its standard input ends.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use standstill_node::{Node, NodeError, home};

/// The hidden subcommand by which the binary starts itself as a node.
pub const SUBCOMMAND: &str = "__node";

/// How long a node may take to stop before its process ends anyway.
const STOP_WITHIN: Duration = Duration::from_secs(4);

/// Runs the node of a home until standard input ends (then `Ok`) or the node fails.
pub fn run(directory: &Path) -> Result<(), NodeError> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,libp2p=warn")),
        )
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let home = home::open(directory, &[])?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().map_err(|source| {
            NodeError::Home(home::HomeError::Io { action: "start the runtime of", path: directory.to_owned(), source })
        })?;
    runtime.block_on(async {
        let mut node = Node::start(home).await?;
        let ended = end_of_input();
        tokio::select! {
            failure = node.failed() => Err(failure),
            _ = ended => node.stop().await,
        }
    })
}

/// Resolves when standard input ends: the parent asks for it, or is gone.
fn end_of_input() -> tokio::sync::oneshot::Receiver<()> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        let mut input = std::io::stdin().lock();
        while matches!(input.read(&mut buffer), Ok(length) if length > 0) {}
        // The node may be gone already; then nobody waits for this.
        let _ = sender.send(());
        std::thread::sleep(STOP_WITHIN);
        std::process::exit(1);
    });
    receiver
}
