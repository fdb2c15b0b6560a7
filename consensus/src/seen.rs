//! What the engine has verified of the height under way: which blocks were proposed, and which have a quorum of votes.
//!
//! The engine pairs a block with proposals by its hash alone, and takes "valid" for a hash in every round once it was
//! said. So "valid" is said only of a block that this node's clock found timely, or for which a quorum voted, and bodies
//! that do not come from the proposer are looked at only when their hash is already spoken of. Both are read from what
//! passes [`crate::signing::Checker`]: signatures that were verified, of validators, and nothing else.
//!
//! Bounded: one height; [`PROPOSALS`] for a round, [`VOTES`] for a validator.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use malachite::app::types::core::{NilOrVal, VoteType};
use standstill_protocol::hash::Hash;
use standstill_protocol::validators::Address;

use crate::context::{Proposal, Vote};

/// Proposals remembered of one round. The engine keeps two.
const PROPOSALS: usize = 4;
/// Votes remembered of one validator; an honest one casts two in a round.
const VOTES: usize = 512;

/// (round, precommit, block).
type Cast = (u32, bool, Hash);

#[derive(Debug, Default)]
struct Inner {
    height: u64,
    proposals: BTreeMap<u32, BTreeSet<Hash>>,
    votes: BTreeMap<Address, BTreeSet<Cast>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Inner>);

impl Seen {
    /// Starts over with `height`; what was seen of another one is forgotten.
    pub(crate) fn begin(&self, height: u64) {
        let mut inner = self.inner();
        if inner.height != height {
            *inner = Inner { height, ..Inner::default() };
        }
    }

    /// A proposal whose signature the engine has verified; the engine asks for the signature of the proposer only.
    pub(crate) fn proposal(&self, proposal: &Proposal) {
        let mut inner = self.inner();
        let Some(round) = proposal.round.as_u32().filter(|_| proposal.height.0 == inner.height) else { return };
        let blocks = inner.proposals.entry(round).or_default();
        if blocks.len() < PROPOSALS {
            blocks.insert(proposal.block.0);
        }
    }

    /// A vote of a validator whose signature the engine has verified, alone or in a certificate.
    pub(crate) fn vote(&self, vote: &Vote) {
        let NilOrVal::Val(block) = vote.block else { return };
        let mut inner = self.inner();
        let Some(round) = vote.round.as_u32().filter(|_| vote.height.0 == inner.height) else { return };
        let votes = inner.votes.entry(vote.voter.0).or_default();
        votes.insert((round, vote.kind == VoteType::Precommit, block));
        if votes.len() > VOTES {
            votes.pop_first();
        }
    }

    /// Whether the proposer of `round` proposed `block` in it.
    pub(crate) fn is_proposed(&self, round: u32, block: &Hash) -> bool {
        self.inner().proposals.get(&round).is_some_and(|blocks| blocks.contains(block))
    }

    /// Whether more than two thirds of `validators` cast one kind of vote for `block` in one round: then honest ones
    /// found it timely.
    pub(crate) fn has_quorum(&self, block: &Hash, validators: usize) -> bool {
        let inner = self.inner();
        let mut counts: BTreeMap<(u32, bool), usize> = BTreeMap::new();
        for (round, precommit, _) in inner.votes.values().flatten().filter(|(_, _, voted)| voted == block) {
            *counts.entry((*round, *precommit)).or_default() += 1;
        }
        counts.values().any(|count| count.saturating_mul(3) > validators.saturating_mul(2))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
