//! What can be said of a proposal without executing it.

use malachite::app::types::ProposedValue;
use malachite::app::types::core::{Round, Validator as _, Validity};
use standstill_protocol::block::Block;
use standstill_protocol::hash::Hash;

use crate::context::{At, BlockId, Chain, Voters, Who};
use crate::parts::Opening;
use crate::state_machine::{Height, Undecided};

/// Rounds above the current one for which bodies are taken.
const ROUNDS_AHEAD: u32 = 8;

/// Whether a stream may be opened: by a validator, for the proposer of its round, in a round near the current one.
pub(crate) fn admits(voters: &Voters, chain_id: &Hash, round: u32, opening: &Opening) -> bool {
    let proposer = voters.proposer(opening.height, opening.round).map(|voter| voter.address().0);
    proposer == Some(opening.proposer)
        && opening.round <= round.saturating_add(ROUNDS_AHEAD)
        && opening.valid_round.is_none_or(|valid| valid < opening.round)
        && voters.key(&opening.sender).is_some_and(|key| opening.verify(chain_id, key).is_ok())
}

/// Decodes a body whose parts its header commits to. `block` is the expected hash, or zero where any will do.
pub(crate) fn decode_body(body: &[u8], height: Height, block: &Hash) -> Option<Block> {
    let decoded = Block::decode(body).ok()?;
    let header = &decoded.header;
    let certificate = decoded.previous_certificate.as_ref().map_or(Hash::ZERO, |certificate| certificate.hash());
    let whole = header.height == height
        && header.previous_certificate == certificate
        && u32::try_from(decoded.entries.len()) == Ok(header.entry_count)
        && header.entries_root == Block::entries_root(&decoded.entries)
        && (*block == Hash::ZERO || header.hash() == *block);
    whole.then_some(decoded)
}

/// A proposal, as the engine is told of it.
pub(crate) fn proposed(undecided: &Undecided, validity: Validity) -> ProposedValue<Chain> {
    ProposedValue {
        height: At(undecided.block.header.height),
        round: Round::new(undecided.round),
        valid_round: undecided.valid_round.into(),
        proposer: Who(undecided.proposer),
        value: BlockId(undecided.block.hash()),
        validity,
    }
}
