//! Bodies of the height under way: which of them the engine may vote for.
//!
//! The engine asks once for a hash: whatever is called valid stays so, in every round, and is paired with every proposal
//! of that hash. Hence:
//!
//! 1. valid is what executes, and is *timely* (this clock accepts its time now) or has a quorum of votes; what a stream
//!    claims of earlier rounds counts for nothing;
//! 2. a fresh body comes from the proposer of its round and names it; any other body is looked at only when the engine
//!    has verified a proposal of its hash for that round, or a quorum of votes for it, and waits until then;
//! 3. what executes and is not timely is kept in memory, and looked at again when a round starts;
//! 4. every publisher has so many bodies a round, bad ones included, so none can use up another's.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use malachite::app::engine::host::SyncedValueOutcome;
use malachite::app::streaming::{StreamContent, StreamMessage};
use malachite::app::types::core::{Round, ValidatorSet as _, Validity};
use malachite::app::types::{PeerId, ProposedValue};
use standstill_protocol::block::Block;
use standstill_protocol::hash::Hash;

use super::{Application, now};
use crate::context::{Chain, Who};
use crate::parts::{Opening, Part};
use crate::proposals::{admits, decode_body, proposed};
use crate::state_machine::{CheckError, Fault, Height, Undecided};
use crate::status::Event;
use crate::streams::Whole;

/// Bodies of one publisher that are looked at in one round.
const BODIES_A_ROUND: usize = 3;
/// With this many stored for one height, one body of a publisher and round has to do.
const STORED: usize = 32;
/// Bodies that execute, and wait until they are timely.
const EARLY: usize = 8;
/// How often what waits is looked at between rounds.
const PATIENCE: Duration = Duration::from_millis(100);

/// Bodies of one height.
#[derive(Debug)]
pub(super) struct Bodies {
    /// Valid, and stored durably.
    stored: Vec<Undecided>,
    /// They execute, and are not timely.
    early: Vec<Undecided>,
    /// The last of each publisher whose hash nobody has spoken of.
    unnamed: BTreeMap<PeerId, Whole>,
    /// From a peer that serves decided blocks, before the engine has compared it with its certificate.
    synced: Option<Undecided>,
    /// Looked at, by round and publisher.
    judged: BTreeMap<(u32, PeerId), usize>,
    /// Whether the engine was told what was stored before this run.
    told: bool,
    looked: Instant,
}

impl Bodies {
    /// With what an earlier run stored.
    pub(super) fn new(stored: Vec<Undecided>) -> Self {
        Bodies {
            stored,
            early: Vec::new(),
            unnamed: BTreeMap::new(),
            synced: None,
            judged: BTreeMap::new(),
            told: false,
            looked: Instant::now(),
        }
    }

    /// A body that may be decided, by its hash.
    pub(super) fn find(&self, block: &Hash) -> Option<&Undecided> {
        let any = self.stored.iter().chain(&self.synced).chain(&self.early);
        any.into_iter().find(|known| known.block.hash() == *block)
    }

    /// Whether a decided block came by sync, and from nowhere else.
    pub(super) fn is_synced(&self, block: &Hash) -> bool {
        self.synced.as_ref().is_some_and(|synced| synced.block.hash() == *block)
    }

    fn stored(&self, block: &Hash) -> Option<&Undecided> {
        self.stored.iter().find(|known| known.block.hash() == *block)
    }

    /// Takes note of one more body; whether it is one too many.
    fn is_too_many(&mut self, round: u32, publisher: PeerId) -> bool {
        let limit = if self.stored.len() < STORED { BODIES_A_ROUND } else { 1 };
        let judged = self.judged.entry((round, publisher)).or_default();
        *judged = judged.saturating_add(1);
        *judged > limit
    }

    fn keep_early(&mut self, undecided: Undecided) {
        if self.early.iter().any(|known| known.block.header == undecided.block.header) {
            return;
        }
        self.early.push(undecided);
        if self.early.len() > EARLY {
            self.early.remove(0);
        }
    }
}

/// What came of a body.
enum Judgement {
    Valid,
    /// It executes; the clock refuses it for now.
    Early(String),
    Invalid(String),
}

impl Application {
    pub(crate) fn started_round(&mut self, height: Height, round: u32) -> Result<Vec<ProposedValue<Chain>>, Fault> {
        if height != self.tip + 1 {
            return Ok(Vec::new());
        }
        self.round = round;
        self.report();
        let mut values = Vec::new();
        if !std::mem::replace(&mut self.bodies.told, true) {
            values.extend(self.bodies.stored.iter().map(|undecided| proposed(undecided, Validity::Valid)));
        }
        for whole in self.streams.take_held(height) {
            values.extend(self.received(whole)?);
        }
        while let Some(value) = self.reconsider_bodies()? {
            values.push(value);
        }
        Ok(values)
    }

    pub(crate) fn received_part(
        &mut self,
        publisher: Option<PeerId>,
        part: StreamMessage<Part>,
    ) -> Result<Option<ProposedValue<Chain>>, Fault> {
        if let (Some(peer), StreamContent::Data(Part::Announcement { height })) = (publisher, &part.content) {
            self.heard.announced(peer, *height);
        }
        let (voters, chain_id, round) = (&self.voters, &self.config.chain_id, self.round);
        let admits = |opening: &Opening| admits(voters, chain_id, round, opening);
        let value = match self.streams.insert(publisher, part, self.tip + 1, admits) {
            Ok(Some(whole)) => self.received(whole)?,
            Ok(None) => None,
            Err(error) => {
                tracing::debug!(%error, publisher = ?publisher.map(|peer| peer.to_string()), "refused a proposal part");
                None
            }
        };
        if value.is_none() && self.bodies.looked.elapsed() >= PATIENCE {
            return self.reconsider_bodies();
        }
        Ok(value)
    }

    /// A whole stream: checks the block, stores it, and tells the engine.
    fn received(&mut self, whole: Whole) -> Result<Option<ProposedValue<Chain>>, Fault> {
        let opening = &whole.opening;
        if opening.height != self.tip + 1 || !admits(&self.voters, &self.config.chain_id, self.round, opening) {
            return Ok(None);
        }
        let fresh = opening.valid_round.is_none();
        let named = self.seen.is_proposed(opening.round, &opening.block);
        let first_hand = (fresh && opening.sender == opening.proposer) || named;
        if !first_hand && !self.has_quorum(&opening.block) {
            if self.bodies.stored(&opening.block).is_none() {
                self.bodies.unnamed.insert(whole.publisher, whole);
            }
            return Ok(None);
        }
        if let Some(known) = self.bodies.stored(&opening.block) {
            // It was timely, or has a quorum; the engine knows the hash already, unless it had no room for it.
            let Opening { round, valid_round, proposer, .. } = *opening;
            let again = Undecided { round, valid_round, proposer, block: known.block.clone() };
            return Ok(first_hand.then(|| proposed(&again, Validity::Valid)));
        }
        if self.bodies.is_too_many(opening.round, whole.publisher) {
            return Ok(None);
        }
        let Some(block) = decode_body(&whole.body, opening.height, &opening.block) else {
            tracing::warn!(height = opening.height, sender = %opening.sender, "a stream without the announced block");
            return Ok(None);
        };
        let Opening { round, valid_round, proposer, .. } = *opening;
        self.concluded(Undecided { round, valid_round, proposer, block }, first_hand)
    }

    /// Judges a body and says what the engine is told. A refusal is told only of a proposer's own body, or of one that
    /// it proposed: the engine has room for two hashes of a round.
    fn concluded(&mut self, undecided: Undecided, first_hand: bool) -> Result<Option<ProposedValue<Chain>>, Fault> {
        let (early, reason) = match self.judge(&undecided)? {
            Judgement::Valid => {
                self.remember(&undecided)?;
                return Ok(Some(proposed(&undecided, Validity::Valid)));
            }
            Judgement::Early(reason) => (true, reason),
            Judgement::Invalid(reason) => (false, reason),
        };
        let (height, round, block) = (undecided.block.header.height, undecided.round, undecided.block.hash());
        tracing::warn!(height, round, %block, proposer = %undecided.proposer, reason, "refused a proposal");
        let _ = self.events.send(Event::Refused { height, round, block, reason });
        // What is proposed again and is early may have a quorum that this node has not seen yet: no word on it.
        let told = first_hand && !(early && undecided.valid_round.is_some());
        let value = told.then(|| proposed(&undecided, Validity::Invalid));
        if early {
            self.bodies.keep_early(undecided);
        }
        Ok(value)
    }

    fn judge(&mut self, undecided: &Undecided) -> Result<Judgement, Fault> {
        let block = &undecided.block;
        match self.machine.check(block, None) {
            Ok(()) => {}
            Err(CheckError::Invalid { reason }) => return Ok(Judgement::Invalid(reason)),
            Err(CheckError::Fault(fault)) => return Err(fault),
        }
        if self.has_quorum(&block.hash()) {
            return Ok(Judgement::Valid);
        }
        let builder = block.header.proposer;
        if undecided.valid_round.is_none() && builder != undecided.proposer {
            let reason = format!("{} proposed a block that names {builder}", undecided.proposer);
            return Ok(Judgement::Invalid(reason));
        }
        Ok(match self.untimely(block)? {
            None => Judgement::Valid,
            Some(reason) => Judgement::Early(reason),
        })
    }

    /// Why this node's clock refuses a block that executes.
    fn untimely(&mut self, block: &Block) -> Result<Option<String>, Fault> {
        match self.machine.check(block, Some(now())) {
            Ok(()) => Ok(None),
            Err(CheckError::Invalid { reason }) => Ok(Some(reason)),
            Err(CheckError::Fault(fault)) => Err(fault),
        }
    }

    /// Looks again at what waits for a quorum, a proposal or the clock; the first that the engine can be told.
    fn reconsider_bodies(&mut self) -> Result<Option<ProposedValue<Chain>>, Fault> {
        self.bodies.looked = Instant::now();
        for index in 0..self.bodies.early.len() {
            let Some(undecided) = self.bodies.early.get(index).cloned() else { break };
            if self.has_quorum(&undecided.block.hash()) || self.untimely(&undecided.block)?.is_none() {
                self.bodies.early.remove(index);
                self.remember(&undecided)?;
                return Ok(Some(proposed(&undecided, Validity::Valid)));
            }
        }
        let spoken_of = self.bodies.unnamed.iter().find(|(_, whole)| {
            let Opening { round, block, .. } = &whole.opening;
            self.seen.is_proposed(*round, block) || self.has_quorum(block)
        });
        if let Some(publisher) = spoken_of.map(|(publisher, _)| *publisher)
            && let Some(whole) = self.bodies.unnamed.remove(&publisher)
        {
            return self.received(whole);
        }
        Ok(None)
    }

    fn has_quorum(&self, block: &Hash) -> bool {
        self.seen.has_quorum(block, self.voters.count())
    }

    /// Stores a valid body once, durably, before the engine hears of it: it may vote next. One that this node built is
    /// stored for each round, so that it is found when the engine asks again.
    pub(super) fn remember(&mut self, undecided: &Undecided) -> Result<(), Fault> {
        let own = undecided.proposer == self.address;
        let same = |known: &Undecided| {
            known.block.header == undecided.block.header && (known.round == undecided.round || !own)
        };
        if !self.bodies.stored.iter().any(same) {
            self.machine.store_undecided(undecided)?;
            self.bodies.stored.push(undecided.clone());
        }
        Ok(())
    }

    /// What this node proposed itself for a round, fresh.
    pub(super) fn mine(&self, round: u32) -> Option<&Undecided> {
        self.bodies.stored.iter().find(|undecided| {
            undecided.round == round && undecided.valid_round.is_none() && undecided.proposer == self.address
        })
    }

    /// A block that a quorum decided while this node was away; the engine has verified its certificate, and compares it
    /// with the block afterwards.
    pub(crate) fn synced(
        &mut self,
        height: Height,
        round: Round,
        proposer: Who,
        body: &[u8],
    ) -> Result<SyncedValueOutcome<Chain>, Fault> {
        if height != self.tip + 1 {
            return Ok(SyncedValueOutcome::LocalTransientError);
        }
        let Some(block) = decode_body(body, height, &Hash::ZERO) else { return Ok(SyncedValueOutcome::PeerFault) };
        let round = round.as_u32().unwrap_or(0);
        let undecided = Undecided { round, valid_round: None, proposer: proposer.0, block };
        match self.machine.check(&undecided.block, None) {
            Ok(()) => {}
            Err(CheckError::Invalid { reason }) => {
                // If its hash is what the quorum signed, this node runs other rules than the quorum, and stands still.
                tracing::error!(height, block = %undecided.block.hash(), reason, "a synced block is invalid here");
                return Ok(SyncedValueOutcome::Verdict(proposed(&undecided, Validity::Invalid)));
            }
            Err(CheckError::Fault(fault)) => return Err(fault),
        }
        let value = proposed(&undecided, Validity::Valid);
        // Stored only if a quorum is known to have signed this hash: what is stored counts as valid after a restart.
        if self.has_quorum(&undecided.block.hash()) {
            self.remember(&undecided)?;
        }
        self.bodies.synced = Some(undecided);
        Ok(SyncedValueOutcome::Verdict(value))
    }
}
