//! What has been heard of heights to come.
//!
//! A node that waits for work joins as soon as another validator has started the next height (a vote, a proposal, an
//! opening, an announcement) or has passed it (a sync status). The swarm is closed only once a peer has said who it is,
//! so a hint counts only from somebody: a vote, proposal or opening whose signature is a validator's, an announcement
//! that gossip says a listed peer published ([`Heard::announced`], called by the application), a status that names a
//! listed peer. The last is a claim, and the weakest.
//!
//! Each source may start so many heights in a heartbeat: as many as there are validators, because the turn to propose
//! comes round within so many; a status one. A block that turns out useful (it records something, or came by sync)
//! clears what was counted, and hints of more than a third of the validators need no allowance: an honest one is among them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use malachite::app::types::core::ValidatorSet as _;
use malachite::app::types::{PeerId, SignedConsensusMsg};
use standstill_protocol::hash::Hash;
use standstill_protocol::validators::Address;
use tokio::sync::Notify;

use crate::context::{Chain, Voters};
use crate::parts::Opening;
use crate::signing::{bytes_of_proposal, bytes_of_vote};

/// Heights this far above the tip count as the limit itself, so that one wild claim is forgotten after as many blocks.
const AHEAD: u64 = 4;

/// Who told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Validator(Address),
    Announcer(PeerId),
    Status(PeerId),
}

#[derive(Debug, Default)]
struct Inner {
    chain_id: Hash,
    heartbeat: Duration,
    tip: u64,
    voters: Option<Voters>,
    listed: BTreeSet<PeerId>,
    /// The highest height that each source told of, and the place of its first word in the order of all.
    told: BTreeMap<Source, (u64, u64)>,
    words: u64,
    /// Heights that each source started in vain since the first of them, within a heartbeat.
    spent: BTreeMap<Source, (Instant, usize)>,
    /// Whose word started the height under way.
    charged: Option<Source>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    inner: Mutex<Inner>,
    news: Notify,
}

impl Heard {
    /// Sets what does not change.
    pub(crate) fn configure(&self, chain_id: Hash, heartbeat: Duration) {
        let mut inner = self.inner();
        (inner.chain_id, inner.heartbeat) = (chain_id, heartbeat);
    }

    /// Lets a peer's announcements and statuses count.
    pub(crate) fn list(&self, peer: PeerId) {
        self.inner().listed.insert(peer);
    }

    /// A vote or proposal, as it was decoded.
    pub(crate) fn message(&self, message: &SignedConsensusMsg<Chain>) {
        let (height, sender) = match message {
            SignedConsensusMsg::Vote(vote) => (vote.height.0, vote.voter.0),
            SignedConsensusMsg::Proposal(proposal) => (proposal.height.0, proposal.proposer.0),
        };
        self.signed(height, sender, |chain_id, voters| {
            let (bytes, signature) = match message {
                SignedConsensusMsg::Vote(vote) => (bytes_of_vote(chain_id, vote), &vote.signature),
                SignedConsensusMsg::Proposal(proposal) => (bytes_of_proposal(chain_id, proposal), &proposal.signature),
            };
            let key = voters.key(&sender);
            key.zip(bytes).is_some_and(|(key, bytes)| key.verify(&bytes, signature).is_ok())
        });
    }

    /// The opening of a part stream, as it was decoded.
    pub(crate) fn opening(&self, opening: &Opening) {
        self.signed(opening.height, opening.sender, |chain_id, voters| {
            voters.key(&opening.sender).is_some_and(|key| opening.verify(chain_id, key).is_ok())
        });
    }

    /// A listed peer said that it started `height`.
    pub(crate) fn announced(&self, peer: PeerId, height: u64) {
        self.tell(Source::Announcer(peer), height);
    }

    /// A status that names `peer` said that `height` is committed.
    pub(crate) fn status(&self, peer: PeerId, height: u64) {
        self.tell(Source::Status(peer), height);
    }

    /// This node committed `height`, and `voters` are those of the next. A useful block was worth its start.
    pub(crate) fn committed(&self, height: u64, voters: Voters, useful: bool) {
        let mut inner = self.inner();
        inner.tip = inner.tip.max(height);
        inner.voters = Some(voters);
        let charged = inner.charged.take();
        if useful {
            // There was work: the empty blocks on the way to it were in good faith.
            inner.spent.clear();
        } else if let Some(source) = charged {
            let now = Instant::now();
            inner.spent.entry(source).or_insert((now, 0)).1 += 1;
        }
        let tip = inner.tip;
        inner.told.retain(|_, (height, _)| *height > tip);
    }

    /// Whether to start the next height on the word of others.
    pub(crate) fn is_ahead(&self) -> bool {
        let mut inner = self.inner();
        let heartbeat = inner.heartbeat;
        inner.spent.retain(|_, (since, _)| since.elapsed() < heartbeat);
        let voters = inner.voters.as_ref().map_or(0, |voters| voters.count());
        let signed = inner.told.keys().filter(|source| matches!(source, Source::Validator(_))).count();
        if signed.saturating_mul(3) > voters {
            return true;
        }
        // The first who told: others repeat it, because they have joined.
        let allowed = inner.told.iter().filter(|(source, _)| {
            let allowance = if matches!(source, Source::Status(_)) { 1 } else { voters.max(1) };
            inner.spent.get(source).is_none_or(|(_, spent)| *spent < allowance)
        });
        let allowed = allowed.min_by_key(|(_, (_, word))| *word).map(|(source, _)| *source);
        inner.charged = allowed;
        allowed.is_some()
    }

    /// This node starts the next height of its own accord: nobody is charged for it.
    pub(crate) fn uncharge(&self) {
        self.inner().charged = None;
    }

    /// Waits until more was heard.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// A signature is verified only if it would be news.
    fn signed(&self, height: u64, sender: Address, is_true: impl FnOnce(&Hash, &Voters) -> bool) {
        let source = Source::Validator(sender);
        let (chain_id, voters) = {
            let inner = self.inner();
            if height <= inner.tip || inner.told.contains_key(&source) {
                return;
            }
            let Some(voters) = inner.voters.clone() else { return };
            (inner.chain_id, voters)
        };
        if is_true(&chain_id, &voters) {
            self.tell(source, height);
        }
    }

    fn tell(&self, source: Source, height: u64) {
        let mut inner = self.inner();
        let listed = match &source {
            Source::Validator(_) => true,
            Source::Announcer(peer) | Source::Status(peer) => inner.listed.contains(peer),
        };
        if !listed || height <= inner.tip {
            return;
        }
        let height = height.min(inner.tip.saturating_add(AHEAD));
        inner.words = inner.words.wrapping_add(1);
        let word = inner.words;
        let (told, _) = inner.told.entry(source).or_insert((0, word));
        if *told < height {
            *told = height;
            self.news.notify_one();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
