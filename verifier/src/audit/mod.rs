//! Runs the eight checks over a bundle, as a stream.

use std::io::Read;

use standstill_ledger::bundle::{BundleError, BundleReader};
use standstill_protocol::units::Timestamp;

use crate::checks::{Check, Failure, Tally};
use crate::exit::{Judgement, Verdict};
use crate::report::{BundleFacts, Options, Report, TrustFacts};
use crate::trust::Trust;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The source could not be read, or is no bundle. Exit 3.
    #[error(transparent)]
    Unavailable(BundleError),
    /// This machine could not finish. Exit 1.
    #[error("no verdict from this machine: {reason}")]
    Internal {
        /// What failed.
        reason: String,
    },
}

/// Checks a bundle against what the caller trusts.
///
/// # Errors
///
/// Only where nothing could be decided: the source cannot be read, is no bundle, or this machine failed. Everything that
/// is wrong with the bundle itself is in the [`Report`].
pub fn verify_bundle<R: Read + Send>(source: R, trust: &Trust, options: &Options) -> Result<Report, AuditError> {
    let mut reader = BundleReader::open(source).map_err(AuditError::Unavailable)?;
    let mut tally = Tally::new(options.max_failures);
    loop {
        match reader.next_frame() {
            Ok(Some(_)) => tally.examined(Check::Format, 1),
            Ok(None) => break,
            Err(error @ BundleError::Io { .. }) => return Err(AuditError::Unavailable(error)),
            Err(error) => {
                tally.fail(Check::Format, Failure { code: "frame", scope: vec![], message: error.to_string() });
                break;
            }
        }
    }
    tally.complete(Check::Format);
    let results = tally.close();
    let verdict = Verdict::of(&results, Judgement::default());
    Ok(Report {
        bundle: BundleFacts { bytes: reader.offset(), ..BundleFacts::default() },
        trust: TrustFacts {
            name: trust.name.clone(),
            fingerprint: trust.fingerprint,
            validators: trust.validators.len(),
            quorum: trust.validators.quorum(),
        },
        as_of: options.as_of.unwrap_or(Timestamp(0)),
        as_of_given: options.as_of.is_some(),
        stale: false,
        lab: options.lab.clone(),
        clause: options.clause.clone(),
        results,
        clauses: Vec::new(),
        phase: None,
        verdict,
    })
}
