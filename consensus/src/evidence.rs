//! The engine's evidence as ours.

use malachite::app::types::MisbehaviorEvidence;
use malachite::app::types::core::{NilOrVal, SignedMessage, VoteType};
use standstill_protocol::evidence::{Conflict, Equivocation, SignedProposal, SignedVote};

use crate::context::{Chain, Proposal, Vote};

/// Every pair that the engine saw. Pairs that contradict nothing in our terms are left out.
pub(crate) fn equivocations(evidence: &MisbehaviorEvidence<Chain>) -> Vec<Equivocation> {
    let votes = (&evidence.votes).into_iter().flat_map(|(_, pairs)| pairs).filter_map(|(a, b)| of_votes(a, b));
    let proposals =
        (&evidence.proposals).into_iter().flat_map(|(_, pairs)| pairs).filter_map(|(a, b)| of_proposals(a, b));
    votes.chain(proposals).collect()
}

fn of_votes(a: &SignedMessage<Chain, Vote>, b: &SignedMessage<Chain, Vote>) -> Option<Equivocation> {
    let same = (a.voter, a.kind, a.height, a.round) == (b.voter, b.kind, b.height, b.round);
    if !same || a.block == b.block {
        return None;
    }
    let conflict = match a.kind {
        VoteType::Prevote => Conflict::Prevotes(vote(a), vote(b)),
        VoteType::Precommit => Conflict::Precommits(vote(a), vote(b)),
    };
    Some(Equivocation::new(a.voter.0, a.height.0, a.round.as_u32()?, conflict))
}

fn vote(vote: &SignedMessage<Chain, Vote>) -> SignedVote {
    let block = match vote.block {
        NilOrVal::Nil => None,
        NilOrVal::Val(hash) => Some(hash),
    };
    SignedVote { block, signature: vote.signature }
}

fn of_proposals(a: &SignedMessage<Chain, Proposal>, b: &SignedMessage<Chain, Proposal>) -> Option<Equivocation> {
    let same = (a.proposer, a.height, a.round) == (b.proposer, b.height, b.round);
    if !same || (a.block, a.valid_round) == (b.block, b.valid_round) {
        return None;
    }
    let conflict = Conflict::Proposals(proposal(a), proposal(b));
    Some(Equivocation::new(a.proposer.0, a.height.0, a.round.as_u32()?, conflict))
}

fn proposal(proposal: &SignedMessage<Chain, Proposal>) -> SignedProposal {
    SignedProposal {
        block: proposal.block.0,
        valid_round: proposal.valid_round.as_u32(),
        signature: proposal.signature,
    }
}
