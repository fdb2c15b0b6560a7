//! Votes, and statements about keys.

use standstill_attestations::governance::{KeyRegistration, KeyRevocation, KeyRole, PhaseVote};
use standstill_attestations::{Common, Kind, Predicate, Statement};
use standstill_protocol::hash::Hash;

use super::content::{Content, need};
use crate::cli::Failure;
use crate::keystore;

/// A vote, or a statement about a key.
pub(super) fn draft(content: &Content, common: Common) -> Result<Statement, Failure> {
    let (kind, flags) = (content.kind()?, &content.governance);
    let reason = || need(&content.reason, "reason", kind);
    let predicate = match kind {
        Kind::PhaseVote => Predicate::PhaseVote(PhaseVote {
            phase: need(&flags.phase, "phase", kind)?,
            support: !flags.against,
            reason: reason()?,
        }),
        Kind::KeyRegistration => {
            let key = keystore::read(&need(&flags.new_key, "new-key", kind)?)?;
            let (chain_id, member) = (&common.chain_id, &common.member);
            Predicate::KeyRegistration(KeyRegistration::of(&key, KeyRole::Statement, chain_id, member))
        }
        Kind::KeyRevocation => {
            let key = need(&flags.key, "key", kind)?;
            let key_id: Hash = key.parse().map_err(|_| Failure::usage(format!("`{key}` is no id of 64 hex digits")))?;
            Predicate::KeyRevocation(KeyRevocation { key_id, reason: reason()? })
        }
        _ => return Err(Failure::usage(format!("`{kind}` statements cannot be drafted here"))),
    };
    let statement = Statement::of(common, predicate);
    statement.ok_or_else(|| Failure::usage(format!("a `{kind}` statement needs a subject")))
}
