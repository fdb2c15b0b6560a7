//! The bare engine: how fast do N engines on this machine agree, over a ledger that does nothing?
//!
//! ```text
//! cargo run --release -p standstill-consensus --example bare -- [nodes] [block bytes] [block time ms] [seconds]
//! ```
//!
//! Prints one line: blocks per second, and the time from a proposer having built a block to its own commit and to the
//! commit of every node, p50 and p95, in milliseconds. The budget "commit p95 within 1.25 x of the bare engine" is
//! measured against this.

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use standstill_consensus::{Event, Timeouts};
use support::{Cluster, until_tip};
use tokio::sync::mpsc;

#[derive(Debug, Default)]
struct Times {
    proposed: Option<Instant>,
    proposer: usize,
    own: Option<Duration>,
    committed: Vec<Duration>,
}

fn argument(index: usize, default: usize) -> usize {
    std::env::args().nth(index).map_or(default, |text| text.parse().expect("a number"))
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(measure(argument(1, 4), argument(2, 0), argument(3, 0), argument(4, 10)));
}

async fn measure(nodes: usize, bytes: usize, block_time: usize, seconds: usize) {
    let mut cluster = Cluster::new(nodes);
    cluster.block_time = Duration::from_millis(block_time as u64);
    cluster.timeouts = Timeouts::default();
    for ledger in &cluster.ledgers {
        ledger.disk().filler = Some(bytes);
    }
    let handles = cluster.start_all().await;
    until_tip(&handles, 5).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for (node, handle) in handles.iter().flatten().enumerate() {
        let (mut events, sender) = (handle.events(), sender.clone());
        tokio::spawn(async move {
            while let Ok(event) = events.recv().await {
                let _ = sender.send((node, Instant::now(), event));
            }
        });
    }
    let began = Instant::now();
    let deadline = began + Duration::from_secs(seconds as u64);
    let mut heights: BTreeMap<u64, Times> = BTreeMap::new();
    while let Ok(Some((node, at, event))) = tokio::time::timeout_at(deadline.into(), receiver.recv()).await {
        match event {
            Event::Proposed { height, .. } => {
                let times = heights.entry(height).or_default();
                (times.proposed, times.proposer) = (Some(at), node);
            }
            Event::Committed { height, .. } => {
                let Some(times) = heights.get_mut(&height) else { continue };
                let Some(proposed) = times.proposed else { continue };
                times.committed.push(at.saturating_duration_since(proposed));
                if node == times.proposer {
                    times.own = Some(at.saturating_duration_since(proposed));
                }
            }
            _ => {}
        }
    }
    let elapsed = began.elapsed().as_secs_f64();
    report(nodes, bytes, block_time, elapsed, &heights);
    for handle in handles.into_iter().flatten() {
        handle.stop().await;
    }
    cluster.assert_one_history();
}

fn report(nodes: usize, bytes: usize, block_time: usize, elapsed: f64, heights: &BTreeMap<u64, Times>) {
    let whole: Vec<&Times> = heights.values().filter(|times| times.committed.len() == nodes).collect();
    let sorted = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values
    };
    let millis = |time: &Duration| time.as_secs_f64() * 1_000.0;
    let own = sorted(whole.iter().filter_map(|times| times.own.as_ref().map(millis)).collect());
    let all = sorted(whole.iter().filter_map(|times| times.committed.iter().max().map(millis)).collect());
    println!(
        "nodes {nodes}  block bytes {bytes}  block time {block_time} ms  blocks {}  blocks/s {:.1}  \
         own commit p50 {:.1} ms p95 {:.1} ms  all commits p50 {:.1} ms p95 {:.1} ms",
        whole.len(),
        whole.len() as f64 / elapsed,
        percentile(&own, 50),
        percentile(&own, 95),
        percentile(&all, 50),
        percentile(&all, 95),
    );
}
