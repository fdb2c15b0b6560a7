//! The second swarm: pending envelopes and cosignatures among members.
//!
//! 1. Closed: only peer ids that the treaty lists may connect, in a bounded number.
//! 2. Nothing is forwarded unchecked, and nothing that holds no news. A message that could not come from an honest node is
//!    rejected, and eight of them cost their forwarder its connection for a minute; one that this node cannot judge (it is
//!    ahead, behind or busy) or has no use for is ignored.
//! 3. Gossip may miss things. Whoever connects asks what waits, and so does everybody every ten seconds: an entry reaches a
//!    node that was away.
//! 4. Checking happens beside the swarm. Each peer has a lane of bounded bytes, and lanes are served in turn: a flood makes
//!    this node ignore its sender. What it ignored so may have been another's word, which the network would not hand over
//!    a second time: others are asked for it at once ([`missed`]).
//! 5. Messages carry no signature of the network's own: the connection says which member sent one, and the envelope or note
//!    inside is signed (`docs/adr/0005-gossip-signatures.md`).
//! 6. A message is known by its topic and its content, and its content begins with a salt: nobody makes this node blind to a
//!    message, or mute about its own, by sending the same elsewhere or earlier ([`topics`], [`messages`]).
//! 7. Questions are metered: one of a peer at a time, one a second in the long run, answered beside the swarm.

mod conduct;
mod exchange;
mod inbox;
pub(crate) mod judge;
mod messages;
mod missed;
#[cfg(test)]
mod tests;
mod topics;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::futures::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAcceptance, MessageAuthenticity, MessageId, ValidationMode};
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder, allow_block_list, connection_limits, identity, noise, ping, tcp, yamux,
};
use standstill_protocol::hash::Hash;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::cosign::Cosigner;
use crate::replica::Replica;
use conduct::{BAN, Conduct, STRIKES};
use exchange::{ExchangeCodec, reply_to};
use inbox::{Inbox, Open};
use judge::{Judged, Judgement, Question};
use messages::{MAX_MESSAGE_BYTES, Reply, Request, SALT_BYTES, batches, salted};
use missed::Missed;
use topics::{Gossipsub, Topics, message_id};

/// Streams of questions and answers on one connection, at most.
const MAX_STREAMS: usize = 4;
/// Answers that are made or wait for the swarm, at most: one for each of 128 validators.
const MAX_REPLIES: usize = 128;
/// Messages that wait to be published, at most.
const MAX_OUTGOING: usize = 8192;
/// Least time between two publications of envelopes: what comes first after a pause leaves at once, what follows leaves
/// together. A message costs every node more than the envelopes in it.
const BATCH_WINDOW: Duration = Duration::from_millis(25);
/// How often lost peers are dialled, and everybody is asked for what was missed.
const REDIAL: Duration = Duration::from_secs(1);
const ASK_AGAIN: u32 = 10;

/// Why the swarm could not start.
#[derive(Debug, thiserror::Error)]
#[error("the gossip network did not start: {reason}")]
pub struct GossipError {
    reason: String,
}

fn failed(error: impl std::fmt::Display) -> GossipError {
    GossipError { reason: error.to_string() }
}

/// What the swarm needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) keypair: identity::Keypair,
    pub(crate) listen: Multiaddr,
    pub(crate) peers: Vec<Multiaddr>,
    pub(crate) members: Vec<PeerId>,
    pub(crate) max_connections: u32,
    pub(crate) chain_id: Hash,
}

/// Something to tell the others.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// An envelope that this node took.
    Envelope(Vec<u8>),
    /// A checkpoint that this node signed.
    Note(Vec<u8>),
}

/// What the swarm looks like from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Network {
    /// Where it listens, with `/p2p/…`.
    pub(crate) listening: Vec<String>,
    /// Connected members.
    pub(crate) peers: usize,
}

/// A running swarm.
#[derive(Debug)]
pub(crate) struct Gossip {
    outgoing: mpsc::Sender<Outgoing>,
    network: watch::Receiver<Network>,
    tips: watch::Receiver<BTreeMap<PeerId, u64>>,
    task: JoinHandle<()>,
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    // Gates come first: they refuse a connection before anything else sees it.
    allowed: allow_block_list::Behaviour<allow_block_list::AllowedPeers>,
    limits: connection_limits::Behaviour,
    gossipsub: Gossipsub,
    exchange: request_response::Behaviour<ExchangeCodec>,
    ping: ping::Behaviour,
}

impl Gossip {
    /// Starts the swarm on the current runtime.
    pub(crate) fn start(
        settings: Settings,
        replica: Arc<Replica>,
        cosigner: Arc<Cosigner>,
    ) -> Result<Self, GossipError> {
        let topics = Topics::new(&settings.chain_id);
        let mut swarm = build(&settings, &topics)?;
        swarm.listen_on(settings.listen.clone()).map_err(failed)?;
        let (outgoing, published) = mpsc::channel(MAX_OUTGOING);
        let (network, watcher) = watch::channel(Network::default());
        let (told, tips) = watch::channel(BTreeMap::new());
        let inbox = Arc::new(Inbox::default());
        let (judged, judge) = judge::start(Arc::clone(&replica), Arc::clone(&cosigner), Arc::clone(&inbox));
        let (answers, replies) = mpsc::channel(MAX_REPLIES);
        let loop_state = Loop {
            swarm,
            topics,
            peers: settings.peers.iter().filter_map(|address| Some((peer_of(address)?, address.clone()))).collect(),
            replica,
            cosigner,
            inbox: Open(inbox),
            answers,
            asking: BTreeSet::new(),
            missed: Missed::default(),
            conduct: Conduct::default(),
            tips: told,
            network,
        };
        let channels = Channels { outgoing: published, judged, replies, judge };
        let task = tokio::spawn(loop_state.run(channels));
        Ok(Gossip { outgoing, network: watcher, tips, task })
    }

    /// Where to send what others shall know.
    pub(crate) fn sender(&self) -> mpsc::Sender<Outgoing> {
        self.outgoing.clone()
    }

    /// The swarm as it changes.
    pub(crate) fn network(&self) -> watch::Receiver<Network> {
        self.network.clone()
    }

    /// The tips that other validators proved to have, as they answer.
    pub(crate) fn tips(&self) -> watch::Receiver<BTreeMap<PeerId, u64>> {
        self.tips.clone()
    }

    /// Waits until the network ends by itself.
    pub(crate) async fn ended(&mut self) {
        // However it ended, it is gone.
        let _ = (&mut self.task).await;
    }

    /// Stops the swarm and closes its sockets.
    pub(crate) async fn stop(self) {
        self.task.abort();
        if !self.task.is_finished() {
            // An aborted task answers with its own cancellation.
            let _ = self.task.await;
        }
    }
}

fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last()? {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    }
}

fn build(settings: &Settings, topics: &Topics) -> Result<Swarm<Behaviour>, GossipError> {
    let own = settings.keypair.public().to_peer_id();
    let behaviour = behaviour(settings, topics, own)?;
    let swarm = SwarmBuilder::with_existing_identity(settings.keypair.clone())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(failed)?
        .with_behaviour(|_| behaviour)
        .map_err(failed)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build();
    Ok(swarm)
}

fn behaviour(settings: &Settings, topics: &Topics, own: PeerId) -> Result<Behaviour, GossipError> {
    let mut allowed = allow_block_list::Behaviour::<allow_block_list::AllowedPeers>::default();
    for member in settings.members.iter().filter(|member| **member != own) {
        allowed.allow_peer(*member);
    }
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_established(Some(settings.max_connections))
        .with_max_pending_incoming(Some(settings.max_connections))
        .with_max_established_per_peer(Some(2));
    let config = gossipsub::ConfigBuilder::default()
        // Neither author nor number nor signature: a message that has one is refused.
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        // The same bytes under the same topic are one message, whoever sends them.
        .message_id_fn(message_id)
        .max_transmit_size(MAX_MESSAGE_BYTES + 4096)
        .heartbeat_interval(Duration::from_millis(500))
        .flood_publish(true)
        .build()
        .map_err(failed)?;
    let anonymous = MessageAuthenticity::Anonymous;
    let mut gossipsub =
        Gossipsub::new_with_subscription_filter_and_transform(anonymous, config, topics.filter(), topics.gate())
            .map_err(failed)?;
    gossipsub.subscribe(&topics.envelopes).map_err(failed)?;
    gossipsub.subscribe(&topics.cosignatures).map_err(failed)?;
    let timeout = request_response::Config::default()
        .with_request_timeout(Duration::from_secs(10))
        .with_max_concurrent_streams(MAX_STREAMS);
    let protocols = [(topics.exchange.clone(), ProtocolSupport::Full)];
    Ok(Behaviour {
        allowed,
        limits: connection_limits::Behaviour::new(limits),
        gossipsub,
        exchange: request_response::Behaviour::with_codec(ExchangeCodec, protocols, timeout),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_secs(5))),
    })
}

struct Loop {
    swarm: Swarm<Behaviour>,
    topics: Topics,
    peers: BTreeMap<PeerId, Multiaddr>,
    replica: Arc<Replica>,
    cosigner: Arc<Cosigner>,
    inbox: Open,
    answers: mpsc::Sender<Answer>,
    /// Peers that have a question of ours before them.
    asking: BTreeSet<PeerId>,
    missed: Missed,
    conduct: Conduct,
    tips: watch::Sender<BTreeMap<PeerId, u64>>,
    network: watch::Sender<Network>,
}

/// A reply that is ready to leave.
struct Answer {
    channel: request_response::ResponseChannel<Reply>,
    reply: Reply,
}

/// What the loop reads.
struct Channels {
    outgoing: mpsc::Receiver<Outgoing>,
    judged: mpsc::Receiver<Judged>,
    replies: mpsc::Receiver<Answer>,
    judge: JoinHandle<()>,
}

impl Loop {
    async fn run(mut self, mut channels: Channels) {
        let mut redial = tokio::time::interval(REDIAL);
        let mut flush = tokio::time::interval(BATCH_WINDOW);
        flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut envelopes = Vec::new();
        let mut ticks = 0u32;
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                Some(judged) = channels.judged.recv() => self.on_judged(judged),
                Some(Answer { channel, reply }) = channels.replies.recv() => {
                    // The asker may have gone.
                    let _ = self.swarm.behaviour_mut().exchange.send_response(channel, reply);
                }
                _ = &mut channels.judge => {
                    tracing::error!("the thread that checks gossip ended");
                    return;
                }
                message = channels.outgoing.recv() => match message {
                    Some(Outgoing::Envelope(envelope)) => envelopes.push(envelope),
                    Some(Outgoing::Note(note)) => self.publish(&self.topics.cosignatures.clone(), &note),
                    None => return,
                },
                _ = flush.tick(), if !envelopes.is_empty() => {
                    for batch in batches(std::mem::take(&mut envelopes)) {
                        self.publish(&self.topics.envelopes.clone(), &batch.encode());
                    }
                }
                _ = redial.tick() => {
                    for peer in self.conduct.pardoned(Instant::now()) {
                        self.swarm.behaviour_mut().allowed.allow_peer(peer);
                    }
                    self.dial_lost();
                    ticks = ticks.wrapping_add(1);
                    if ticks.is_multiple_of(ASK_AGAIN) {
                        self.ask_everybody();
                    } else if self.missed.is_due() {
                        self.ask_for_missed();
                    }
                }
            }
        }
    }

    fn publish(&mut self, topic: &IdentTopic, content: &[u8]) {
        use gossipsub::PublishError::{Duplicate, NoPeersSubscribedToTopic};
        // With a fresh salt a message is a duplicate by no chance that anybody has. Still it is not given up for one.
        for _ in 0..2 {
            let mut salt = [0; SALT_BYTES];
            if let Err(error) = getrandom::fill(&mut salt) {
                tracing::warn!(%error, "no salt could be drawn for a message");
            }
            match self.swarm.behaviour_mut().gossipsub.publish(topic.clone(), salted(salt, content)) {
                // Whoever connects later asks for what waits.
                Ok(_) | Err(NoPeersSubscribedToTopic) => return,
                Err(Duplicate) => tracing::warn!("a message was seen before this node published it"),
                Err(error) => return tracing::warn!(%error, "a message could not be published"),
            }
        }
    }

    fn dial_lost(&mut self) {
        let wanted = |peer: &PeerId| !self.swarm.is_connected(peer) && !self.conduct.is_banned(peer);
        let lost: Vec<_> = self.peers.iter().filter(|(peer, _)| wanted(peer)).collect();
        for address in lost.into_iter().map(|(_, address)| address.clone()).collect::<Vec<_>>() {
            // A peer that does not answer is dialled again at the next tick.
            if let Err(error) = self.swarm.dial(address.clone()) {
                tracing::debug!(%address, %error, "a peer could not be dialled");
            }
        }
    }

    fn ask_everybody(&mut self) {
        for peer in self.swarm.connected_peers().copied().collect::<Vec<_>>() {
            self.ask(&peer);
        }
    }

    fn ask_for_missed(&mut self) {
        for peer in self.missed.whom(self.swarm.connected_peers().copied()) {
            self.ask(&peer);
        }
    }

    /// Takes a question into its peer's lane. False where it is full: then others are asked for what was in it.
    fn take(&mut self, question: Question) -> bool {
        let source = question.source();
        let taken = self.inbox.0.push(question);
        if !taken && self.missed.note(source) {
            self.ask_for_missed();
        }
        taken
    }

    fn ask(&mut self, peer: &PeerId) {
        if !self.asking.insert(*peer) {
            return;
        }
        let known = self.replica.with_pool(|pool| pool.ids(messages::MAX_KNOWN));
        let cosigned = *self.cosigner.cosigned().borrow();
        self.swarm.behaviour_mut().exchange.send_request(peer, Request { known, cosigned });
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::NewListenAddr { address, .. } => {
                let own = *self.swarm.local_peer_id();
                let address = address.with(Protocol::P2p(own)).to_string();
                tracing::info!(%address, "the gossip network listens");
                self.network.send_modify(|network| network.listening.push(address));
            }
            SwarmEvent::ConnectionEstablished { peer_id, num_established, .. } => {
                self.count_peers();
                if num_established.get() == 1 {
                    self.ask(&peer_id);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established, .. } => {
                self.count_peers();
                if num_established == 0 {
                    self.asking.remove(&peer_id);
                    self.conduct.left(&peer_id);
                }
            }
            SwarmEvent::IncomingConnectionError { error, .. } => {
                tracing::debug!(%error, "an incoming connection was refused");
            }
            SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            })) => self.on_message(propagation_source, message_id, message),
            SwarmEvent::Behaviour(BehaviourEvent::Exchange(event)) => self.on_exchange(event),
            _ => {}
        }
    }

    fn count_peers(&self) {
        let peers = self.swarm.connected_peers().count();
        self.network.send_modify(|network| network.peers = peers);
    }

    fn on_message(&mut self, source: PeerId, id: MessageId, message: gossipsub::Message) {
        let question = if message.topic == self.topics.envelopes.hash() {
            Question::Envelopes { source, id: id.clone(), bytes: message.data }
        } else {
            Question::Note { source, id: id.clone(), bytes: message.data }
        };
        if !self.take(question) {
            self.report(&source, &id, MessageAcceptance::Ignore);
        }
    }

    fn report(&mut self, source: &PeerId, id: &MessageId, acceptance: MessageAcceptance) {
        self.swarm.behaviour_mut().gossipsub.report_message_validation_result(id, source, acceptance);
    }

    fn on_judged(&mut self, judged: Judged) {
        if let Some((source, id)) = judged.message {
            let acceptance = match judged.judgement {
                Judgement::Good => MessageAcceptance::Accept,
                Judgement::Unclear => MessageAcceptance::Ignore,
                Judgement::Bad => MessageAcceptance::Reject,
            };
            self.report(&source, &id, acceptance);
        }
        if judged.judgement == Judgement::Bad && self.conduct.strike(judged.source, Instant::now()) {
            tracing::warn!(peer = %judged.source, "{STRIKES} bad messages: cut off for {} s", BAN.as_secs());
            self.swarm.behaviour_mut().allowed.disallow_peer(judged.source);
            return;
        }
        if let Some(tip) = judged.tip {
            self.tips.send_modify(|tips| {
                let known = tips.entry(judged.source).or_default();
                *known = tip.max(*known);
            });
        }
        if judged.ask {
            self.ask(&judged.source);
        }
    }

    fn on_exchange(&mut self, event: request_response::Event<Request, Reply>) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, message: Message::Request { request_id, request, channel }, .. } => {
                // A question too many is dropped, which its sender sees as a failure.
                if self.conduct.may_ask(peer, request_id, Instant::now()) {
                    self.answer(request, channel);
                }
            }
            Event::Message { peer, message: Message::Response { response, .. }, .. } => {
                self.asking.remove(&peer);
                // Dropped when the peer's lane is full: others are asked, and it is asked again.
                self.take(Question::Reply { source: peer, reply: response });
            }
            Event::OutboundFailure { peer, .. } => {
                self.asking.remove(&peer);
            }
            Event::ResponseSent { peer, request_id, .. } | Event::InboundFailure { peer, request_id, .. } => {
                self.conduct.served(&peer, request_id);
            }
        }
    }

    /// Makes the answer beside the swarm.
    fn answer(&self, request: Request, channel: request_response::ResponseChannel<Reply>) {
        let (replica, cosigner, answers) =
            (Arc::clone(&self.replica), Arc::clone(&self.cosigner), self.answers.clone());
        tokio::task::spawn_blocking(move || {
            let reply = reply_to(&replica, &cosigner, request);
            // The network may have ended.
            let _ = answers.blocking_send(Answer { channel, reply });
        });
    }
}
