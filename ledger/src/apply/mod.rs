//! The one way that state changes.

use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

use crate::outcome::{Applied, GenesisError, Proposal, Rejection};
use crate::refusal::AdmissionError;
use crate::rules::Rules;
use crate::state::{StateChanges, StateFault, StateRead};

/// Envelopes whose signatures this node has verified before, by the SHA-256 of their bytes. Whether a signature is valid
/// depends on the bytes alone, because an envelope names its keys by their hashes; so remembering it changes no result.
pub trait Verified: Sync {
    /// Whether every signature of the envelope with this digest was verified.
    fn contains(&self, envelope: &Hash) -> bool;

    /// Whether every signature of the certificate with this [hash](standstill_protocol::certificate::Certificate::hash)
    /// was verified, under the consensus keys that its addresses name. Then
    /// [`check_signers`](standstill_protocol::certificate::Certificate::check_signers) is all that is left to do.
    fn certificate(&self, _certificate: &Hash) -> bool {
        false
    }
}

/// Remembers nothing: every signature is verified.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyAll;

impl Verified for VerifyAll {
    fn contains(&self, _: &Hash) -> bool {
        false
    }
}

/// An entry that the pool may keep and offer to a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The statement's id.
    pub id: standstill_protocol::dsse::StatementId,
    /// SHA-256 of the envelope's bytes: what [`Verified`] is asked for.
    pub digest: Hash,
    /// Who says it.
    pub member: standstill_protocol::member::MemberId,
    /// The member's count.
    pub sequence: u64,
    /// What is said.
    pub kind: standstill_attestations::Kind,
}

fn unbuilt() -> StateFault {
    StateFault::Store { reason: "apply is not built in".to_owned() }
}

/// The state before height 1. To be written to an empty store.
pub fn genesis(_rules: &Rules) -> Result<StateChanges, GenesisError> {
    Err(unbuilt().into())
}

/// Executes a proposal on the state of the tip, verifying every signature.
pub fn apply(rules: &Rules, state: &dyn StateRead, proposal: Proposal) -> Result<Applied, Rejection> {
    apply_with(rules, state, proposal, &VerifyAll)
}

/// [`apply`], without verifying again what this node has verified before. The result is the same.
pub fn apply_with(
    _rules: &Rules,
    _state: &dyn StateRead,
    _proposal: Proposal,
    _verified: &dyn Verified,
) -> Result<Applied, Rejection> {
    Err(unbuilt().into())
}

/// Executes a block that somebody else built, and compares the header with the result.
pub fn check(
    rules: &Rules,
    state: &dyn StateRead,
    block: &Block,
    previous: Option<&Header>,
) -> Result<Applied, Rejection> {
    check_with(rules, state, block, previous, &VerifyAll)
}

/// [`check`], without verifying again what this node has verified before. The result is the same.
pub fn check_with(
    _rules: &Rules,
    _state: &dyn StateRead,
    _block: &Block,
    _previous: Option<&Header>,
    _verified: &dyn Verified,
) -> Result<Applied, Rejection> {
    Err(unbuilt().into())
}

/// Whether the pool may take an envelope at the time `now`: everything that [`apply`] checks, except that the sequence
/// may run ahead of the member's next by up to [`MAX_PENDING`](crate::MAX_PENDING).
pub fn admit(
    _rules: &Rules,
    _state: &dyn StateRead,
    _envelope: &[u8],
    _now: Timestamp,
) -> Result<Admitted, AdmissionError> {
    Err(unbuilt().into())
}

/// Picks from `candidates` what [`apply`] will accept at `height` and `time`, in an order in which it will: at most
/// `max_bytes` of entries, each member within its share of a block. One pass; what is refused stays out silently.
pub fn select(
    _rules: &Rules,
    _state: &dyn StateRead,
    _time: Timestamp,
    _candidates: Vec<Entry>,
    _max_bytes: usize,
    _verified: &dyn Verified,
) -> Result<Vec<Entry>, StateFault> {
    Err(unbuilt())
}
