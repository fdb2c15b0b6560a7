//! Runs the eight checks over a bundle, as a stream.
//!
//! ```text
//! reader + all cores: prepare            a bounded channel            one thread: judge, in order
//! frames ─▶ digests, decoding, signatures ──── batches ────▶ heads, quorum, replay, verdicts
//! ```
//!
//! Memory holds a few batches and the ledger's state, whatever the file's length. Nothing is decided before the last
//! frame: the [`Report`] is made from the results of all eight checks.

mod clauses;
mod heads;
mod judge;
mod prepare;
mod quorum;
mod rules;
mod source;

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use standstill_ledger::bundle::{BundleError, BundleReader};
use standstill_policies::Host;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;

use self::clauses::Settled;
use self::judge::Judge;
use self::prepare::{Keys, Prepared};
use self::source::Hashing;
pub use self::source::Progress;
use crate::checks::Results;
use crate::exit::Verdict;
use crate::report::{BundleFacts, Options, Report, TrustFacts};
use crate::trust::Trust;

/// Batches between the two halves, at most.
const BATCHES: usize = 8;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The source could not be read, or is no bundle. Exit 3.
    #[error(transparent)]
    Unavailable(BundleError),
    /// Verdicts of a lab or clause were asked for that the treaty does not have. Exit 2.
    #[error("the treaty has no {what} `{name}`")]
    Unknown {
        /// `lab` or `clause`.
        what: &'static str,
        /// The name asked for.
        name: Name,
    },
    /// This machine could not finish. Exit 1.
    #[error("no verdict from this machine: {reason}")]
    Internal {
        /// What failed.
        reason: String,
    },
}

/// What the second half hands back.
struct Judged {
    results: Results,
    facts: BundleFacts,
    settled: Option<Settled>,
}

/// Checks a bundle against what the caller trusts.
///
/// # Errors
///
/// Only where nothing could be decided: the source cannot be read, is no bundle, or this machine failed. Everything that
/// is wrong with the bundle itself is in the [`Report`].
pub fn verify_bundle<R: Read + Send>(source: R, trust: &Trust, options: &Options) -> Result<Report, AuditError> {
    verify_bundle_watched(source, trust, options, &Progress::default())
}

/// [`verify_bundle`], telling `progress` how far it has come.
///
/// # Errors
///
/// As [`verify_bundle`].
pub fn verify_bundle_watched<R: Read + Send>(
    source: R,
    trust: &Trust,
    options: &Options,
    progress: &Progress,
) -> Result<Report, AuditError> {
    let mut reader = BundleReader::open(Hashing::new(source, progress)).map_err(AuditError::Unavailable)?;
    let host = Host::new(trust.limits.clone()).map_err(|fault| AuditError::Internal { reason: fault.to_string() })?;
    let (sender, receiver) = sync_channel(BATCHES);
    let (read, judged) = std::thread::scope(|scope| {
        let judging = scope.spawn(|| {
            let work = || judge(receiver, trust, options, &host, progress);
            host.enter(work).map_err(|fault| AuditError::Internal { reason: fault.to_string() })?
        });
        let read = prepare(&mut reader, Keys::new(trust.chain_id, &trust.validators), &sender);
        drop(sender);
        let judged = judging.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (read, judged)
    });
    let judged = judged?;
    read.map_err(AuditError::Unavailable)?;
    let end = reader.into_inner().finish();
    let (sha256, bytes) = end.map_err(|source| AuditError::Unavailable(BundleError::Io { offset: 0, source }))?;
    Ok(report(judged, trust, options, sha256, bytes))
}

/// The first half. Ends at the end of the file, at damage, or when the second half has given up.
fn prepare<R: Read>(
    reader: &mut BundleReader<R>,
    mut keys: Keys,
    sender: &SyncSender<Vec<Prepared>>,
) -> Result<(), BundleError> {
    loop {
        let batch = prepare::next_batch(reader, &mut keys)?;
        if batch.is_empty() || sender.send(batch).is_err() {
            return Ok(());
        }
    }
}

fn judge(
    receiver: Receiver<Vec<Prepared>>,
    trust: &Trust,
    options: &Options,
    host: &Host,
    progress: &Progress,
) -> Result<Judged, AuditError> {
    let mut judge = Judge::new(trust, options, host, progress);
    for prepared in receiver.into_iter().flatten() {
        judge.take(prepared)?;
    }
    let settled = judge.finish()?;
    let Judge { tally, facts, .. } = judge;
    Ok(Judged { results: tally.close(), facts, settled })
}

fn report(judged: Judged, trust: &Trust, options: &Options, sha256: Hash, bytes: u64) -> Report {
    let Judged { results, facts, settled } = judged;
    let last_time = facts.last_time;
    let judgement = settled.as_ref().map(|settled| settled.judgement).unwrap_or_default();
    let verdict = Verdict::of(&results, judgement);
    let as_of = settled.as_ref().map_or(last_time, |settled| settled.as_of);
    let phase = settled.as_ref().and_then(|settled| settled.phase.clone());
    Report {
        bundle: BundleFacts { sha256, bytes, chain_id: trust.chain_id, ..facts },
        trust: TrustFacts {
            name: trust.name.clone(),
            fingerprint: trust.fingerprint,
            validators: trust.validators.len(),
            quorum: trust.validators.quorum(),
        },
        as_of: options.as_of.unwrap_or(as_of),
        as_of_given: options.as_of.is_some(),
        stale: judgement.stale,
        lab: options.lab.clone(),
        clause: options.clause.clone(),
        results,
        clauses: settled.map(|settled| settled.clauses).unwrap_or_default(),
        phase,
        verdict,
    }
}
