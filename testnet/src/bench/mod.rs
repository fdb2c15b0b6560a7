//! `standstill-testnet bench`: how fast four real nodes on this machine take statements, and how soon one is final.
//!
//! Three parts. *Load*, on a network of processes: every lab submits its statements, signed beforehand, through its own
//! node over a few connections; the clock stops when the last node has the last block. *Quiet*, on the same network: one
//! statement at a time, timed from the request to the answer that it is final, so it holds admission, gossip, the wait
//! for a block, agreement, execution and the write. *Parity*, in this process: [`parity`].

mod bare;
pub mod parity;

use std::path::Path;
use std::time::{Duration, Instant};

use standstill_protocol::units::Timestamp;

pub use parity::Parity;

use crate::TestnetError;
use crate::client::Client;
use crate::load;
use crate::network::Network;
use crate::plan::{Pace, Plan};

const LABS: usize = 4;
const CONNECTIONS: usize = 3;
const QUIET: usize = 100;
const FINAL_WITHIN: Duration = Duration::from_secs(300);

/// What was measured.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Statements under load.
    pub entries: usize,
    /// Bytes of one envelope, on average.
    pub envelope_bytes: usize,
    /// From the first request to the last acceptance.
    pub accepted_in: Duration,
    /// From the first request until every node had all of them in blocks.
    pub final_in: Duration,
    /// Processor time that the nodes' processes used meanwhile, where the system tells (`/proc`). Other work on the machine
    /// lowers the rates and leaves this.
    pub processor: Option<Duration>,
    /// Blocks made meanwhile.
    pub blocks: u64,
    /// Times to finality of single statements, ascending.
    pub quiet: Vec<Duration>,
    /// The nodes' pace.
    pub pace: Pace,
}

/// The nodes' pace in every part.
pub const PACE: Pace = Pace { block_interval_ms: 10, timeout_propose_ms: 3_000, timeout_vote_ms: 1_000 };

/// Load and quiet on a new network in a directory of its own.
pub fn run(executable: &Path, entries_per_lab: usize, clock: fn() -> Timestamp) -> Result<Figures, TestnetError> {
    let directory = tempfile::tempdir().map_err(|source| TestnetError::Io {
        action: "make a directory in",
        path: std::env::temp_dir(),
        source,
    })?;
    let mut plan = Plan::labs(LABS, "bench")?;
    plan.pace = PACE;
    let mut network = Network::create(directory.path(), executable, &plan, clock())?;
    network.start()?;
    let batches = sign(&network, entries_per_lab, clock)?;
    let clients: Vec<Client> = network.nodes().iter().map(|node| node.client().clone()).collect();
    let before = clients[0].status()?.height;
    let total: usize = batches.iter().map(Vec::len).sum();
    let bytes: usize = batches.iter().flatten().map(Vec::len).sum();

    let used = processor(&network);
    let began = Instant::now();
    submit(&clients, &batches)?;
    let accepted_in = began.elapsed();
    let everything = u64::try_from(total).unwrap_or(u64::MAX);
    for index in 0..LABS {
        network.wait(index, "have every statement", FINAL_WITHIN, |client| {
            Ok(client.status().is_ok_and(|status| status.statements >= everything))
        })?;
    }
    let final_in = began.elapsed();
    let processor = processor(&network).zip(used).map(|(after, before)| after.saturating_sub(before));
    let blocks = clients[0].status()?.height.saturating_sub(before);
    let quiet = quiet(&network, entries_per_lab, clock)?;
    network.stop();
    let envelope_bytes = bytes / total.max(1);
    let (entries, pace) = (total, plan.pace);
    Ok(Figures { entries, envelope_bytes, accepted_in, final_in, processor, blocks, quiet, pace })
}

/// Signed beforehand, so that signing is not measured.
fn sign(network: &Network, each: usize, clock: fn() -> Timestamp) -> Result<Vec<Vec<Vec<u8>>>, TestnetError> {
    let mut batches = Vec::new();
    for node in network.nodes() {
        let mut author = network.author(node.entry.member.as_str(), 1)?;
        let mut batch = Vec::with_capacity(each);
        for _ in 0..each {
            let now = clock();
            let (subjects, predicate) = load::evaluation(author.next(), now);
            batch.push(author.sign(subjects, predicate, now)?.to_bytes());
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// Every lab through its own node, each over several connections.
fn submit(clients: &[Client], batches: &[Vec<Vec<u8>>]) -> Result<(), TestnetError> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = clients
            .iter()
            .zip(batches)
            .flat_map(|(client, batch)| (0..CONNECTIONS).map(move |first| (client, batch, first)))
            .map(|(client, batch, first)| {
                scope.spawn(move || {
                    batch
                        .iter()
                        .skip(first)
                        .step_by(CONNECTIONS)
                        .try_for_each(|envelope| client.submit(envelope).map(drop))
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// One statement after another, through one node after another.
fn quiet(network: &Network, each: usize, clock: fn() -> Timestamp) -> Result<Vec<Duration>, TestnetError> {
    let first = u64::try_from(each).unwrap_or(u64::MAX).saturating_add(1);
    let members = network.nodes().iter().map(|node| network.author(node.entry.member.as_str(), first));
    let mut authors = members.collect::<Result<Vec<_>, _>>()?;
    let mut times = Vec::with_capacity(QUIET);
    for turn in 0..QUIET {
        let node = turn % authors.len();
        let (subjects, predicate) = load::evaluation(authors[node].next(), clock());
        let envelope = authors[node].sign(subjects, predicate, clock())?.to_bytes();
        let began = Instant::now();
        network.client(node).submit_final(&envelope)?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

/// Processor time of all node processes so far.
fn processor(network: &Network) -> Option<Duration> {
    network.nodes().iter().map(|node| processor_of(node.pid()?)).sum()
}

/// User and system time of a process: fields 14 and 15 of `proc_pid_stat(5)`, in hundredths of a second on Linux.
fn processor_of(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold spaces; the fields after it do not.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some(Duration::from_millis(user.saturating_add(system).saturating_mul(10)))
}

/// A percentile of ascending times, in milliseconds.
fn percentile(ascending: &[Duration], percent: usize) -> f64 {
    let at = (ascending.len() * percent / 100).min(ascending.len().saturating_sub(1));
    ascending.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}

impl Figures {
    fn processor_line(&self) -> String {
        let each = |used: Duration| used.as_secs_f64() * 1_000.0 / self.entries.max(1) as f64 / LABS as f64;
        let each = self.processor.map_or("not known".to_owned(), |used| format!("{:>8.3} ms", each(used)));
        format!("processor time a statement     {each}  of each node, from request to block")
    }

    /// The table that is printed.
    pub fn table(&self) -> String {
        let rate = |time: Duration| self.entries as f64 / time.as_secs_f64();
        let lines = [
            format!(
                "nodes                          {LABS}, each a process; block interval {} ms",
                self.pace.block_interval_ms
            ),
            format!("statements                     {} of {} bytes", self.entries, self.envelope_bytes),
            format!("accepted by the API            {:>8.0} /s", rate(self.accepted_in)),
            format!("final on every node            {:>8.0} /s   in {} blocks", rate(self.final_in), self.blocks),
            self.processor_line(),
            format!(
                "one alone, request to final    p50 {:.1} ms   p95 {:.1} ms",
                percentile(&self.quiet, 50),
                percentile(&self.quiet, 95)
            ),
        ];
        lines.join("\n")
    }
}
