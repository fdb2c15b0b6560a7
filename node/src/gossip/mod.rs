//! The second swarm: pending envelopes and cosignatures among members.
//!
//! 1. Closed: only peer ids that the treaty lists may connect, in a bounded number.
//! 2. Nothing is forwarded unchecked. A message that could not come from an honest node is rejected, which costs its
//!    forwarder its place in the mesh; one that this node cannot judge (it is ahead, behind or busy) is ignored.
//! 3. Gossip may miss things. Whoever connects asks what waits, so an entry reaches a node that was away.
//! 4. Checking happens beside the swarm, behind a bounded queue: a flood makes this node ignore, never fall behind.

mod exchange;
pub(crate) mod judge;
mod messages;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use libp2p::futures::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAcceptance, MessageAuthenticity, MessageId, ValidationMode};
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, allow_block_list, connection_limits, identity, noise, ping,
    tcp, yamux,
};
use standstill_protocol::hash::Hash;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::cosign::Cosigner;
use crate::replica::Replica;
use exchange::ExchangeCodec;
use judge::{Judged, Judgement, Question};
use messages::{MAX_MESSAGE_BYTES, Reply, Request, batches};

/// Messages that wait for a check, at most.
const MAX_UNJUDGED: usize = 1024;
/// Messages that wait to be published, at most.
const MAX_OUTGOING: usize = 8192;
/// How long to collect envelopes before they are published together.
const BATCH_WINDOW: Duration = Duration::from_millis(5);
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
    task: JoinHandle<()>,
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    // Gates come first: they refuse a connection before anything else sees it.
    allowed: allow_block_list::Behaviour<allow_block_list::AllowedPeers>,
    limits: connection_limits::Behaviour,
    gossipsub: gossipsub::Behaviour,
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
        let (questions, judged) = judge::start(Arc::clone(&replica), Arc::clone(&cosigner), MAX_UNJUDGED);
        let loop_state = Loop {
            swarm,
            topics,
            peers: settings.peers.iter().filter_map(|address| Some((peer_of(address)?, address.clone()))).collect(),
            replica,
            cosigner,
            questions,
            network,
        };
        let task = tokio::spawn(loop_state.run(published, judged));
        Ok(Gossip { outgoing, network: watcher, task })
    }

    /// Where to send what others shall know.
    pub(crate) fn sender(&self) -> mpsc::Sender<Outgoing> {
        self.outgoing.clone()
    }

    /// The swarm as it changes.
    pub(crate) fn network(&self) -> watch::Receiver<Network> {
        self.network.clone()
    }

    /// Stops the swarm and closes its sockets.
    pub(crate) async fn stop(self) {
        self.task.abort();
        // An aborted task answers with its own cancellation.
        let _ = self.task.await;
    }
}

#[derive(Clone, Debug)]
struct Topics {
    envelopes: IdentTopic,
    cosignatures: IdentTopic,
    exchange: StreamProtocol,
}

impl Topics {
    /// Named after the ledger, so that nodes of two ledgers never talk past each other.
    fn new(chain_id: &Hash) -> Self {
        let chain = chain_id.to_string();
        let exchange = StreamProtocol::try_from_owned(format!("/standstill/{chain}/pool/1"));
        Topics {
            envelopes: IdentTopic::new(format!("standstill/{chain}/envelopes/1")),
            cosignatures: IdentTopic::new(format!("standstill/{chain}/cosignatures/1")),
            // The text starts with a slash, which is all that the type asks.
            exchange: exchange.unwrap_or(StreamProtocol::new("/standstill/pool/1")),
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
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        // The same bytes are one message, whoever sends them.
        .message_id_fn(|message| MessageId::new(Hash::sha256(&message.data).as_bytes()))
        .max_transmit_size(MAX_MESSAGE_BYTES + 4096)
        .heartbeat_interval(Duration::from_millis(500))
        .flood_publish(true)
        .build()
        .map_err(failed)?;
    let authenticity = MessageAuthenticity::Signed(settings.keypair.clone());
    let mut gossipsub = gossipsub::Behaviour::new(authenticity, config).map_err(failed)?;
    gossipsub.subscribe(&topics.envelopes).map_err(failed)?;
    gossipsub.subscribe(&topics.cosignatures).map_err(failed)?;
    let timeout = request_response::Config::default().with_request_timeout(Duration::from_secs(10));
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
    questions: mpsc::Sender<Question>,
    network: watch::Sender<Network>,
}

impl Loop {
    async fn run(mut self, mut outgoing: mpsc::Receiver<Outgoing>, mut judged: mpsc::Receiver<Judged>) {
        let mut redial = tokio::time::interval(REDIAL);
        let mut flush = tokio::time::interval(BATCH_WINDOW);
        flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut envelopes = Vec::new();
        let mut ticks = 0u32;
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                Some(judged) = judged.recv() => self.on_judged(judged),
                message = outgoing.recv() => match message {
                    Some(Outgoing::Envelope(envelope)) => envelopes.push(envelope),
                    Some(Outgoing::Note(note)) => self.publish(self.topics.cosignatures.clone(), note),
                    None => return,
                },
                _ = flush.tick(), if !envelopes.is_empty() => {
                    for batch in batches(std::mem::take(&mut envelopes)) {
                        self.publish(self.topics.envelopes.clone(), batch.encode());
                    }
                }
                _ = redial.tick() => {
                    self.dial_lost();
                    ticks = ticks.wrapping_add(1);
                    if ticks.is_multiple_of(ASK_AGAIN) {
                        self.ask_everybody();
                    }
                }
            }
        }
    }

    fn publish(&mut self, topic: IdentTopic, data: Vec<u8>) {
        use gossipsub::PublishError::{Duplicate, NoPeersSubscribedToTopic};
        match self.swarm.behaviour_mut().gossipsub.publish(topic, data) {
            // Whoever connects later asks for what waits.
            Ok(_) | Err(Duplicate | NoPeersSubscribedToTopic) => {}
            Err(error) => tracing::warn!(%error, "a message could not be published"),
        }
    }

    fn dial_lost(&mut self) {
        let lost: Vec<_> = self.peers.iter().filter(|(peer, _)| !self.swarm.is_connected(peer)).collect();
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

    fn ask(&mut self, peer: &PeerId) {
        let known = self.replica.with_pool(|pool| pool.ids(messages::MAX_KNOWN));
        let cosigned = self.cosigner.checkpoint().ok().flatten().map_or(0, |(size, _)| size);
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
            SwarmEvent::ConnectionClosed { .. } => self.count_peers(),
            SwarmEvent::IncomingConnectionError { error, .. } => {
                tracing::debug!(%error, "an incoming connection was refused");
            }
            SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            })) => self.on_message(propagation_source, message_id, message),
            SwarmEvent::Behaviour(BehaviourEvent::Exchange(request_response::Event::Message {
                peer, message, ..
            })) => self.on_exchange(peer, message),
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
        if self.questions.try_send(question).is_err() {
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
        if let Some(peer) = judged.ask {
            self.ask(&peer);
        }
    }

    fn on_exchange(&mut self, peer: PeerId, message: request_response::Message<Request, Reply>) {
        match message {
            request_response::Message::Request { request, channel, .. } => {
                let known = request.known.into_iter().collect();
                let (envelopes, more) =
                    self.replica.with_pool(|pool| pool.missing_from(&known, messages::MAX_REPLY_ENVELOPES));
                let notes = self.cosigner.notes_from(request.cosigned, messages::MAX_REPLY_NOTES);
                let newest = self.cosigner.checkpoint().ok().flatten();
                let checkpoint = newest.filter(|(size, _)| *size > request.cosigned).map(|(_, note)| note);
                let reply = Reply { envelopes, notes, checkpoint, more };
                // The asker may have gone.
                let _ = self.swarm.behaviour_mut().exchange.send_response(channel, reply);
            }
            request_response::Message::Response { response, .. } => {
                // Dropped when this node is busy: it asks again.
                let _ = self.questions.try_send(Question::Reply { source: peer, reply: response });
            }
        }
    }
}
