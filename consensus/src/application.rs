//! The engine's questions, answered from the state machine.
//!
//! One thread asks and answers in order. Rules kept here, each at the line where it matters:
//!
//! 1. a body is durable before the engine hears of its block ([`StateMachine::store_undecided`]);
//! 2. asked twice for a value of one height and round, the answer is the same, also after a restart;
//! 3. the engine may vote for what executes and is timely, or has a quorum of votes ([`bodies`]);
//! 4. a decided block is committed before the engine is told so;
//! 5. a failure of the state machine stops the engine: no vote rests on a guess.
//!
//! When the next height starts is in [`Application::reconsider`] (`docs/adr/0002-block-cadence.md`).

mod bodies;

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use malachite::app::engine::host::{HeightParams, Next};
use malachite::app::streaming::StreamMessage;
use malachite::app::types::core::{CommitCertificate, LinearTimeouts, Round};
use malachite::app::types::sync::RawDecidedValue;
use malachite::app::types::{LocallyProposedValue, MisbehaviorEvidence, PeerId};
use malachite::{AppMsg, NetworkMsg, Reply};
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::Address;
use tokio::sync::{broadcast, mpsc, watch};

use self::bodies::Bodies;
use crate::config::Config;
use crate::context::{At, BlockId, Chain, Voters};
use crate::evidence::equivocations;
use crate::heard::Heard;
use crate::parts::{Coordinates, Opening, Part, announcement, stream};
use crate::seen::Seen;
use crate::state_machine::{Fault, Height, StateMachine, Undecided};
use crate::status::{Event, Status};
use crate::streams::{Limits, Streams};
use crate::sync_wire::{MAX_VALUES, extended_from_certificate};
use crate::wire::to_certificate;

/// Bytes of blocks in one answer to a node that catches up; the first block is sent whatever its size.
const SYNC_BYTES: usize = 8 << 20;

/// An idle chain: the engine waits for this answer.
#[derive(Debug)]
struct Waiting {
    reply: Reply<Next<Chain>>,
    until: Instant,
}

/// What the network's codec and the engine's verifier tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ears {
    pub(crate) heard: Arc<Heard>,
    pub(crate) seen: Arc<Seen>,
}

/// See the module.
pub(crate) struct Application {
    machine: Box<dyn StateMachine>,
    config: Config,
    address: Address,
    network: mpsc::Sender<NetworkMsg<Chain>>,
    heard: Arc<Heard>,
    status: watch::Sender<Status>,
    events: broadcast::Sender<Event>,
    streams: Streams,
    tip: Height,
    round: u32,
    /// Whether this node only follows.
    follows: bool,
    /// The validators of tip + 1.
    voters: Voters,
    /// Proposals of tip + 1.
    bodies: Bodies,
    /// What the engine has verified of tip + 1.
    seen: Arc<Seen>,
    waiting: Option<Waiting>,
    moved: Instant,
}

impl Application {
    pub(crate) fn new(
        config: Config,
        machine: Box<dyn StateMachine>,
        network: mpsc::Sender<NetworkMsg<Chain>>,
        Ears { heard, seen }: Ears,
        status: watch::Sender<Status>,
        events: broadcast::Sender<Event>,
        peers: Vec<PeerId>,
    ) -> Result<Self, Fault> {
        let limits =
            Limits { streams: 8, bytes: 2 * config.max_block_bytes, block_bytes: config.max_block_bytes, ahead: 4 };
        let tip = machine.tip()?.unwrap_or(0);
        let voters = voters_of(machine.as_ref(), tip + 1)?;
        let undecided = machine.undecided(tip + 1)?;
        heard.configure(config.chain_id, config.heartbeat);
        heard.committed(tip, voters.clone(), true);
        peers.iter().for_each(|peer| heard.list(*peer));
        seen.begin(tip + 1);
        let follows = tip + 1 < config.sign_from;
        let address = Address::of(&config.consensus_key.public_key());
        let streams = Streams::new(limits, peers);
        let application = Application {
            machine,
            config,
            address,
            network,
            heard,
            status,
            events,
            streams,
            tip,
            round: 0,
            follows,
            voters,
            bodies: Bodies::new(undecided),
            seen,
            waiting: None,
            moved: Instant::now(),
        };
        application.report();
        Ok(application)
    }

    /// Whether a node that followed may sign from here on. Its engine must be started anew for that.
    pub(crate) fn has_caught_up(&self) -> bool {
        self.follows && self.tip + 1 >= self.config.sign_from
    }

    /// Gives the state machine back.
    pub(crate) fn into_machine(self) -> Box<dyn StateMachine> {
        self.machine
    }

    /// When an idle chain starts its next height by itself.
    pub(crate) fn heartbeat(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|waiting| waiting.until)
    }

    /// Lets a peer publish parts.
    pub(crate) fn list(&mut self, peer: PeerId) {
        self.heard.list(peer);
        self.streams.list(peer);
    }

    /// Tells a height that does not move.
    pub(crate) fn watch(&self) {
        let stalled = self.waiting.is_none() && self.moved.elapsed() >= self.config.stall_after;
        self.status.send_if_modified(|status| std::mem::replace(&mut status.stalled, stalled) != stalled);
    }

    /// Answers one question of the engine.
    pub(crate) async fn answer(&mut self, message: AppMsg<Chain>) -> Result<(), Fault> {
        match message {
            AppMsg::ConsensusReady { reply } => {
                let _ = reply.send((At(self.tip + 1), self.parameters()));
                self.started().await;
            }
            AppMsg::StartedRound { height, round, reply_value, .. } => {
                let values = self.started_round(height.0, round.as_u32().unwrap_or(0))?;
                let _ = reply_value.send(values);
            }
            AppMsg::GetValue { height, round, reply, .. } => {
                self.get_value(height.0, round.as_u32().unwrap_or(0), reply).await?;
            }
            AppMsg::ReceivedProposalPart { published_by, part, reply, .. } => {
                let value = self.received_part(published_by, part)?;
                let _ = reply.send(value);
            }
            AppMsg::RestreamProposal { height, round, valid_round, address, value_id } => {
                let proposal = Coordinates {
                    height: height.0,
                    round: round.as_u32().unwrap_or(0),
                    valid_round: valid_round.as_u32(),
                    proposer: address.0,
                    block: value_id,
                };
                self.restream(proposal).await;
            }
            AppMsg::Decided { certificate, reply, .. } => {
                self.decided(&certificate)?;
                let _ = reply.send(());
            }
            AppMsg::Finalized { certificate, evidence, reply, .. } => {
                self.finalized(certificate.height.0, &evidence, reply).await?;
            }
            AppMsg::GetDecidedValues { range, reply } => {
                let _ = reply.send(self.decided_values(range.start().0, range.end().0)?);
            }
            AppMsg::ProcessSyncedValue { height, round, proposer, value_bytes, reply } => {
                let _ = reply.send(self.synced(height.0, round, proposer, &value_bytes)?);
            }
            AppMsg::GetHistoryMinHeight { reply } => {
                let _ = reply.send(At(self.machine.earliest()?));
            }
            // The policy disables vote extensions, so the engine asks neither; an answer costs nothing.
            AppMsg::ExtendVote { reply, .. } => {
                let _ = reply.send(None);
            }
            AppMsg::VerifyVoteExtensions { reply, .. } => {
                let _ = reply.send(Vec::new());
            }
        }
        Ok(())
    }

    /// Whether an idle chain should go on: something to record here, a height started elsewhere, or the heartbeat.
    pub(crate) async fn reconsider(&mut self) -> Result<(), Fault> {
        let Some(waiting) = &self.waiting else { return Ok(()) };
        let due = self.follows || Instant::now() >= waiting.until;
        if due {
            self.heard.uncharge();
        } else if !(self.heard.is_ahead() || self.machine.has_work()?) {
            return Ok(());
        }
        let next = Next::Start(At(self.tip + 1), self.parameters());
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.reply.send(next);
        }
        self.started().await;
        Ok(())
    }

    async fn started(&mut self) {
        self.moved = Instant::now();
        self.report();
        let height = self.tip + 1;
        let _ = self.events.send(Event::Started { height });
        // Others that wait would otherwise join only when a vote reaches them, after a propose timeout if the proposer
        // is among them.
        if !self.follows {
            self.publish(announcement(height)).await;
        }
    }

    async fn get_value(
        &mut self,
        height: Height,
        round: u32,
        reply: Reply<LocallyProposedValue<Chain>>,
    ) -> Result<(), Fault> {
        if height != self.tip + 1 {
            tracing::warn!(height, tip = self.tip, "asked for a value of another height");
            return Ok(());
        }
        let (block, body) = match self.mine(round) {
            Some(undecided) => (undecided.block.hash(), undecided.block.encode()),
            None => self.build(height, round)?,
        };
        // The body is durable and will be the same if we are asked again: only now may the proposal be signed.
        let _ = reply.send(LocallyProposedValue::new(At(height), Round::new(round), BlockId(block)));
        let _ = self.events.send(Event::Proposed { height, round, block });
        let proposer = self.address;
        self.send(Coordinates { height, round, valid_round: None, proposer, block }, body.into()).await;
        Ok(())
    }

    fn build(&mut self, height: Height, round: u32) -> Result<(Hash, Vec<u8>), Fault> {
        let block = self.machine.build(height, self.config.max_block_bytes)?;
        let (hash, body) = (block.hash(), block.encode());
        let length = body.len();
        if block.header.height != height || length > self.config.max_block_bytes {
            return Err(Fault::new(format!(
                "the state machine built a block of height {} and {length} bytes when asked for height {height}",
                block.header.height
            )));
        }
        let undecided = Undecided { round, valid_round: None, proposer: self.address, block };
        self.remember(&undecided)?;
        Ok((hash, body))
    }

    async fn restream(&mut self, proposal: Coordinates) {
        match self.bodies.find(&proposal.block).map(|undecided| undecided.block.encode()) {
            Some(body) => self.send(proposal, body.into()).await,
            None => tracing::warn!(height = proposal.height, block = %proposal.block, "asked to send an unknown block"),
        }
    }

    fn decided(&mut self, certificate: &CommitCertificate<Chain>) -> Result<(), Fault> {
        let height = certificate.height.0;
        if height <= self.tip {
            return Ok(());
        }
        let block = self
            .bodies
            .find(&certificate.value_id)
            .map(|undecided| undecided.block.clone())
            .filter(|block| block.header.height == height)
            .ok_or_else(|| {
                Fault::new(format!("block {} of height {height} was decided unseen", certificate.value_id))
            })?;
        let certificate = to_certificate(certificate).map_err(Fault::new)?;
        let (round, hash, time) = (certificate.round, certificate.block, block.header.time);
        // Work that others told of, or a block that this node had missed: worth the start of its height.
        let useful = !block.entries.is_empty() || self.bodies.is_synced(&hash);
        // Durable before the reply: the reply lets the engine advertise the height and forget its log.
        self.machine.commit(block, certificate)?;
        self.tip = height;
        self.voters = voters_of(self.machine.as_ref(), height + 1)?;
        self.bodies = Bodies::new(Vec::new());
        self.seen.begin(height + 1);
        self.round = 0;
        self.streams.forget_below(height + 1);
        self.heard.committed(height, self.voters.clone(), useful);
        self.moved = Instant::now();
        self.report();
        let _ = self.events.send(Event::Committed { height, round, block: hash, time });
        Ok(())
    }

    async fn finalized(
        &mut self,
        height: Height,
        evidence: &MisbehaviorEvidence<Chain>,
        reply: Reply<Next<Chain>>,
    ) -> Result<(), Fault> {
        let equivocations = equivocations(evidence);
        if !equivocations.is_empty() {
            self.machine.misbehaviour(equivocations);
        }
        if height != self.tip {
            return Err(Fault::new(format!("height {height} was finalized at tip {}", self.tip)));
        }
        self.waiting = Some(Waiting { reply, until: Instant::now() + self.config.heartbeat });
        self.reconsider().await?;
        self.report();
        Ok(())
    }

    fn decided_values(&self, first: Height, last: Height) -> Result<Vec<RawDecidedValue<Chain>>, Fault> {
        let mut values = Vec::new();
        let mut bytes = 0;
        for height in (first..=last.min(self.tip)).take(MAX_VALUES) {
            let Some((block, certificate)) = self.machine.load(height)? else { break };
            let body = block.encode();
            bytes += body.len();
            if bytes > SYNC_BYTES && !values.is_empty() {
                break;
            }
            values.push(RawDecidedValue::new(body.into(), extended_from_certificate(&certificate)));
        }
        Ok(values)
    }

    fn parameters(&self) -> HeightParams<Chain> {
        let times = &self.config.timeouts;
        let timeouts = LinearTimeouts {
            propose: times.propose,
            propose_delta: times.step,
            prevote: times.prevote,
            prevote_delta: times.step,
            precommit: times.precommit,
            precommit_delta: times.step,
            rebroadcast: times.rebroadcast,
            ..LinearTimeouts::default()
        };
        let block_time = (!self.config.block_time.is_zero()).then_some(self.config.block_time);
        HeightParams::new(self.voters.clone(), timeouts, block_time)
    }

    async fn send(&self, proposal: Coordinates, body: Bytes) {
        let key: &SecretKey = &self.config.consensus_key;
        let Some(opening) = Opening::sign(&self.config.chain_id, key, proposal, &body) else {
            tracing::error!(height = proposal.height, bytes = body.len(), "a block is too long to send");
            return;
        };
        for message in stream(opening, body) {
            self.publish(message).await;
        }
    }

    async fn publish(&self, message: StreamMessage<Part>) {
        if self.network.send(NetworkMsg::PublishProposalPart(message)).await.is_err() {
            tracing::debug!("the network has stopped");
        }
    }

    fn report(&self) {
        self.status.send_if_modified(|status| {
            let before = (status.tip, status.height, status.round, status.idle, status.following);
            (status.tip, status.height, status.round) = (self.tip, self.tip + 1, self.round);
            (status.idle, status.following) = (self.waiting.is_some(), self.follows);
            before != (status.tip, status.height, status.round, status.idle, status.following)
        });
    }
}

fn voters_of(machine: &dyn StateMachine, height: Height) -> Result<Voters, Fault> {
    Voters::new(&machine.validators(height)?).map_err(Fault::new)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
