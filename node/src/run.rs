//! Starting and stopping a node.
//!
//! ```text
//! start: keys, treaty, store ─▶ replica ─▶ cosigner ─▶ gossip ─▶ engine ─▶ API ─▶ data/node.json
//! stop:  API (finishes requests) ─▶ engine ─▶ gossip ─▶ pool and checkpoint to disk
//! ```
//!
//! Whatever can be checked is checked before a socket is opened, in [`Prepared::new`]: `start --dry-run` is just that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use standstill_consensus::{self as consensus, Engine, Handle, Status, Stop};
use standstill_ledger::{Rules, query};
use standstill_policies::{Host, Limits, Treaty};
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{PublicKey, SecretKey};
use standstill_protocol::validators::Address;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::api::{self, Shared};
use crate::cosign::{CosignError, Cosigner, SigningKeys};
use crate::error::NodeError;
use crate::gossip::{self, Gossip, Outgoing};
use crate::home::{Home, write_atomically};
use crate::keystore::{self, KeyRole};
use crate::machine::Machine;
use crate::pool::Bounds;
use crate::rejoin::{self, Standing};
use crate::replica::Replica;
use crate::store::Store;
use crate::{clock, home};

/// How often deadlines are looked at, unsaved entries written and the log published.
const TICK: Duration = Duration::from_millis(250);
/// How long open requests get when the node stops.
const DRAIN: Duration = Duration::from_secs(3);
/// A height that has work and does not move for this long is reported.
const STALL: Duration = Duration::from_secs(30);

/// Where a running node listens; written to `data/node.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The HTTP API.
    pub api: SocketAddr,
    /// The node's process.
    pub pid: u32,
}

/// Entry points of a node.
#[derive(Clone, Copy, Debug)]
pub struct Node;

/// The rules of a home: its treaty and modules, checked and compiled.
pub fn rules(home: &Home) -> Result<Rules, NodeError> {
    let treaty = Treaty::parse(&home.treaty()?)?;
    let host = Host::new(Limits::V1).map_err(|error| NodeError::Host { reason: error.to_string() })?;
    Ok(Rules::new(treaty, home.modules()?, host)?)
}

/// Everything that a node needs, checked, before it opens a socket.
#[derive(Debug)]
pub struct Prepared {
    rules: Rules,
    treaty: Vec<u8>,
    modules: Vec<Vec<u8>>,
    consensus_key: SecretKey,
    transport_key: SecretKey,
    signing: SigningKeys,
}

impl Prepared {
    /// Checks a home: treaty, modules, keys, and that the keys are those of the treaty.
    pub fn new(home: &Home) -> Result<Self, NodeError> {
        let rules = rules(home)?;
        let member = home.member().clone();
        let listed = rules.treaty().member(member.as_str()).and_then(|found| found.validator.as_ref());
        let listed = listed.ok_or_else(|| NodeError::NotAValidator { member: member.clone() })?.clone();
        let matching = |role: KeyRole, listed: &PublicKey| {
            let key = home.key(role)?;
            let found = key.public_key();
            if found == *listed {
                return Ok(key);
            }
            let (found, listed) = (found.to_string(), listed.to_string());
            Err(NodeError::OtherKey { role, member: member.clone(), found, listed })
        };
        let consensus_key = matching(KeyRole::Consensus, &listed.consensus)?;
        let log = matching(KeyRole::Log, &listed.log)?;
        let cosigner = matching(KeyRole::Cosigner, &listed.cosigner)?;
        let transport_key = home.key(KeyRole::Transport)?;
        let found = keystore::peer_id(&transport_key.public_key()).map(|peer| peer.to_string()).unwrap_or_default();
        if found != listed.peer_id {
            let (role, listed) = (KeyRole::Transport, listed.peer_id);
            return Err(NodeError::OtherKey { role, member, found, listed });
        }
        // Bundles carry the modules that the treaty names, in the order of their hashes, and no others.
        let named: std::collections::BTreeSet<Hash> =
            rules.treaty().clauses.iter().map(|clause| clause.module).collect();
        let mut modules: Vec<_> =
            home.modules()?.into_iter().filter(|module| named.contains(&Hash::sha256(module))).collect();
        modules.sort_by_key(|module| Hash::sha256(module));
        modules.dedup();
        let signing = SigningKeys { member, log, cosigner };
        Ok(Prepared { rules, treaty: home.treaty()?, modules, consensus_key, transport_key, signing })
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) fn gossip_settings(&self, home: &Home) -> Result<gossip::Settings, NodeError> {
        let bad = |what: &str| NodeError::Io {
            action: format!("read {what}"),
            source: std::io::Error::from(std::io::ErrorKind::InvalidInput),
        };
        let config = &home.config;
        let keypair = keystore::transport_keypair(&self.transport_key).ok_or_else(|| bad("the transport key"))?;
        let parse = |text: &String| text.parse().map_err(|_| bad(text));
        let validators = self.rules.treaty().members.iter().filter_map(|member| member.validator.as_ref());
        Ok(gossip::Settings {
            keypair,
            listen: parse(&config.gossip.listen)?,
            peers: config.peers.iter().map(|peer| parse(&peer.gossip)).collect::<Result<_, _>>()?,
            members: validators.filter_map(|validator| validator.peer_id.parse().ok()).collect(),
            max_connections: config.gossip.max_connections,
            chain_id: self.rules.chain_id(),
        })
    }

    fn engine_config(&self, home: &Home, sign_from: u64) -> consensus::Config {
        let settings = &home.config.consensus;
        let wal = home.wal_path();
        let (consensus_key, transport_key) = (self.consensus_key.clone(), self.transport_key.clone());
        let mut config = consensus::Config::new(self.rules.chain_id(), consensus_key, transport_key, wal);
        config.name = home.member().to_string();
        config.sign_from = sign_from;
        config.listen = settings.listen.clone();
        config.peers = home.config.peers.iter().map(|peer| peer.consensus.clone()).collect();
        config.timeouts.propose = Duration::from_millis(settings.timeout_propose_ms);
        config.timeouts.prevote = Duration::from_millis(settings.timeout_vote_ms);
        config.timeouts.precommit = Duration::from_millis(settings.timeout_vote_ms);
        config.block_time = Duration::from_millis(settings.block_interval_ms);
        config.heartbeat = Duration::from_millis(self.rules.treaty().clocks.heartbeat_ms);
        config.stall_after = STALL;
        config.max_block_bytes = settings.max_block_bytes;
        config.connections_per_ip = home.config.peers.len().saturating_mul(2).max(16);
        config
    }
}

impl Node {
    /// Creates the store of a home whose treaty is installed: genesis and nothing else. Refuses if a store exists. Unless the
    /// consensus key was drawn with this home and has not been started with, the node will follow the others before it
    /// signs.
    pub fn create_store(home: &Home) -> Result<(), NodeError> {
        let rules = rules(home)?;
        let genesis =
            standstill_ledger::genesis(&rules).map_err(|error| NodeError::Genesis { reason: error.to_string() })?;
        rejoin::before_store(home)?;
        Ok(Store::create(&home.store_path(), &rules.chain_id(), &genesis)?)
    }

    /// Starts the node of a home and returns once its API answers.
    pub async fn start(home: Home) -> Result<RunningNode, NodeError> {
        let opened = home.clone();
        let blocking = tokio::task::spawn_blocking(move || open(&opened)).await;
        let (prepared, replica, cosigner) =
            blocking.map_err(|error| NodeError::Io { action: "open the home".to_owned(), source: error.into() })??;
        let gossip = Gossip::start(prepared.gossip_settings(&home)?, Arc::clone(&replica), Arc::clone(&cosigner))?;
        let address = Address::of(&prepared.consensus_key.public_key());
        let machine = Machine::new(Arc::clone(&replica), address);
        let sign_from = sign_from(&home, &replica, &gossip).await?;
        rejoin::use_key(&home)?;
        let engine = Arc::new(Engine::start(prepared.engine_config(&home, sign_from), Box::new(machine)).await?);
        let status = engine.status();
        let (alive, follows) = watch::channel(());
        let follower = Follower {
            replica: Arc::clone(&replica),
            cosigner: Arc::clone(&cosigner),
            engine: Arc::clone(&engine),
            gossip: gossip.sender(),
            rejoining: (sign_from > 0).then(|| (home.clone(), sign_from)),
            alive,
        };
        let follower = tokio::spawn(follower.run());
        let [bundles, waiting, reads] = Shared::semaphores();
        let shared = Arc::new(Shared {
            replica: Arc::clone(&replica),
            cosigner: Arc::clone(&cosigner),
            gossip: gossip.sender(),
            network: gossip.network(),
            follows,
            engine: Arc::downgrade(&engine),
            status: status.clone(),
            member: home.member().to_string(),
            treaty: prepared.treaty,
            modules: prepared.modules,
            timeout: Duration::from_millis(home.config.api.timeout_ms),
            wait_final: Duration::from_millis(home.config.api.wait_final_ms),
            bundles,
            waiting,
            reads,
        });
        let (api, server, shutdown) = serve(&home, shared).await?;
        let endpoint = Endpoint { api, pid: std::process::id() };
        let text = serde_json::to_vec(&endpoint).unwrap_or_default();
        write_atomically(&home.endpoint_path(), &text)?;
        tracing::info!(member = %home.member(), %api, "the node runs");
        Ok(RunningNode { home, endpoint, replica, cosigner, engine, gossip, follower, server, shutdown, status })
    }
}

pub(crate) fn open(home: &Home) -> Result<(Prepared, Arc<Replica>, Arc<Cosigner>), NodeError> {
    let prepared = Prepared::new(home)?;
    let store = Store::open(&home.store_path(), &prepared.rules.chain_id())?;
    let pool = Bounds { entries: home.config.pool.max_entries, bytes: home.config.pool.max_bytes };
    let replica = Arc::new(Replica::open(prepared.rules.clone(), store, pool, clock::now())?);
    let config = &home.config;
    let signing = Some(prepared.signing.clone());
    let (log, data) = (&config.paths.log, &config.paths.data);
    let cosigner = Cosigner::new(Arc::clone(&replica), signing, log, data, config.log.write_entries)?;
    Ok((prepared, replica, Arc::new(cosigner)))
}

type Server = (SocketAddr, JoinHandle<std::io::Result<()>>, oneshot::Sender<()>);

async fn serve(home: &Home, shared: Arc<Shared>) -> Result<Server, NodeError> {
    let listen = home.config.api.listen;
    let io = |source| NodeError::Io { action: format!("listen on {listen}"), source };
    let listener = TcpListener::bind(listen).await.map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    let router = api::router(shared, Duration::from_millis(home.config.api.timeout_ms));
    let (shutdown, asked) = oneshot::channel::<()>();
    // A dropped sender asks to stop too.
    let server = tokio::spawn(api::serve(listener, router, api::Limits::NODE, asked));
    Ok((address, server, shutdown))
}

/// The first height that this node may sign; 0 for at once. A node whose store was made anew waits here until a quorum of
/// other validators has told how far they are.
async fn sign_from(home: &Home, replica: &Replica, gossip: &Gossip) -> Result<u64, NodeError> {
    let from = match rejoin::standing(home)? {
        Standing::Signs => return Ok(0),
        Standing::From(height) => height,
        Standing::Unknown => {
            let validators = replica.rules().genesis_validators();
            let (quorum, others) = (validators.quorum(), validators.len().saturating_sub(1));
            if others < quorum {
                return Err(NodeError::NobodyToFollow { others });
            }
            tracing::warn!(
                "the store was made anew: waiting until {quorum} of {others} other validators tell their tips"
            );
            let mut tips = gossip.tips();
            let told = tips.wait_for(|tips| tips.len() >= quorum).await;
            let told = told.map_err(|_| NodeError::Ended { part: "the gossip network" })?.clone();
            let own = replica.tip().borrow().height;
            rejoin::decide(home, told.into_values().chain([own]))?
        }
    };
    if replica.tip().borrow().height + 1 >= from {
        rejoin::reached(home)?;
        return Ok(0);
    }
    tracing::warn!(from, "this node follows, and signs nothing before that height");
    Ok(from)
}

/// Does what follows from commits and from time: wakes the engine, signs heads, publishes the log, saves the pool.
struct Follower {
    replica: Arc<Replica>,
    cosigner: Arc<Cosigner>,
    engine: Arc<Handle>,
    gossip: mpsc::Sender<Outgoing>,
    /// The height from which a node whose store was made anew signs again.
    rejoining: Option<(Home, u64)>,
    /// Closed when this ends.
    alive: watch::Sender<()>,
}

impl Follower {
    async fn run(self) {
        let Follower { replica, cosigner, engine, gossip, mut rejoining, alive: _alive } = self;
        let mut tip = replica.tip();
        let mut signed = cosigner.first_to_sign().map_or(0, |first| first.saturating_sub(1));
        tip.mark_changed();
        let mut ticked = 0;
        let mut ticker = tokio::time::interval(TICK);
        ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut published = cosigner.published();
        loop {
            tokio::select! {
                () = replica.arrival() => engine.wake(),
                changed = tip.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let height = tip.borrow_and_update().height;
                    for note in sign(&cosigner, signed + 1, height).await {
                        // The network is gone only when the node stops.
                        let _ = gossip.send(Outgoing::Note(note)).await;
                    }
                    signed = height;
                    if rejoining.as_ref().is_some_and(|(_, from)| height + 1 >= *from) {
                        rejoining.take().iter().for_each(|(home, _)| caught_up(home, height));
                    }
                }
                _ = ticker.tick() => {
                    if is_due(&replica) {
                        engine.wake();
                    }
                    let height = tip.borrow().height;
                    // While blocks come, each commit saves what waits: no sync of its own then.
                    published = tidy(&replica, &cosigner, published, height == ticked).await;
                    ticked = height;
                }
            }
        }
    }
}

fn caught_up(home: &Home, height: u64) {
    match rejoin::reached(home) {
        Ok(()) => tracing::info!(height, "this node has caught up, and signs again"),
        // It stays, and says again at the next start what is long reached.
        Err(error) => tracing::warn!(%error, "the mark of a node that follows could not be removed"),
    }
}

async fn sign(cosigner: &Arc<Cosigner>, from: u64, to: u64) -> Vec<Vec<u8>> {
    let cosigner = Arc::clone(cosigner);
    let signed = tokio::task::spawn_blocking(move || {
        let notes = cosigner.sign(from, to, clock::now())?;
        cosigner.catch_up(clock::now())?;
        Ok::<_, CosignError>(notes)
    });
    match signed.await {
        Ok(Ok(notes)) => notes,
        Ok(Err(error)) => {
            tracing::error!(%error, "checkpoints could not be signed");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

fn is_due(replica: &Replica) -> bool {
    let due = replica.store().snapshot().map_err(|error| error.to_string()).and_then(|snapshot| {
        query::is_due(replica.rules(), &snapshot, clock::now()).map_err(|error| error.to_string())
    });
    due.unwrap_or_else(|error| {
        tracing::error!(%error, "deadlines could not be read");
        false
    })
}

/// Clears and saves the pool, and publishes the log. Returns the size that the files on disk have.
async fn tidy(replica: &Arc<Replica>, cosigner: &Arc<Cosigner>, published: u64, save: bool) -> u64 {
    let (replica, cosigner) = (Arc::clone(replica), Arc::clone(cosigner));
    let done = tokio::task::spawn_blocking(move || {
        if let Err(error) = replica.expire(clock::now()) {
            tracing::error!(%error, "entries that waited too long could not be removed");
        }
        if save && let Err(error) = replica.save_pool() {
            tracing::error!(%error, "pending entries could not be saved");
        }
        cosigner.publish(published).unwrap_or_else(|error| {
            tracing::error!(%error, "the log could not be published");
            published
        })
    });
    done.await.unwrap_or(published)
}

/// A node that runs until it is stopped or fails.
#[derive(Debug)]
pub struct RunningNode {
    home: Home,
    endpoint: Endpoint,
    replica: Arc<Replica>,
    cosigner: Arc<Cosigner>,
    engine: Arc<Handle>,
    gossip: Gossip,
    follower: JoinHandle<()>,
    server: JoinHandle<std::io::Result<()>>,
    shutdown: oneshot::Sender<()>,
    status: watch::Receiver<Status>,
}

impl RunningNode {
    /// Where the node listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The node's home.
    pub fn home(&self) -> &home::Home {
        &self.home
    }

    /// This node's copy of the ledger.
    pub fn replica(&self) -> &Arc<Replica> {
        &self.replica
    }

    /// The consensus engine's state, as it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// The consensus engine's events, from now on.
    pub fn events(&self) -> broadcast::Receiver<consensus::Event> {
        self.engine.events()
    }

    /// Addresses of the gossip network, with `/p2p/…`; waits until there is one.
    pub async fn gossip_addresses(&self) -> Vec<String> {
        let mut network = self.gossip.network();
        match network.wait_for(|network| !network.listening.is_empty()).await {
            Ok(network) => network.listening.clone(),
            Err(_) => Vec::new(),
        }
    }

    /// Waits until the node fails by itself. It does not return while the node is healthy.
    pub async fn failed(&mut self) -> NodeError {
        tokio::select! {
            stopped = self.status.wait_for(|status| status.stop.is_some()) => match stopped.map(|s| s.stop.clone()) {
                Ok(Some(Stop::Unsafe { reason })) => NodeError::Unsafe { reason },
                Ok(Some(Stop::Failed { reason })) => NodeError::Stopped { reason },
                _ => NodeError::Stopped { reason: "it ended".to_owned() },
            },
            server = &mut self.server => {
                let source = match server {
                    Ok(Err(source)) => source,
                    Ok(Ok(())) => std::io::Error::other("the API ended"),
                    Err(error) => error.into(),
                };
                NodeError::Io { action: "serve the API".to_owned(), source }
            }
            () = self.gossip.ended() => NodeError::Ended { part: "the gossip network" },
            // However it ended, it is gone.
            _ = &mut self.follower => NodeError::Ended { part: "the task that signs and publishes" },
        }
    }

    /// Stops the node: no new requests, then the engine, then the networks, then the files.
    pub async fn stop(self) -> Result<(), NodeError> {
        let RunningNode { home, replica, cosigner, engine, gossip, follower, server, shutdown, .. } = self;
        // Requests that wait for finality are answered `pending`: what they wait for is not lost.
        replica.release();
        // The server may have ended by itself.
        let _ = shutdown.send(());
        let aborter = server.abort_handle();
        if !server.is_finished() && tokio::time::timeout(DRAIN, server).await.is_err() {
            aborter.abort();
        }
        follower.abort();
        if !follower.is_finished() {
            // Its own cancellation is all that it can answer.
            let _ = follower.await;
        }
        match Arc::try_unwrap(engine) {
            Ok(engine) => engine.stop().await,
            // A scrape of the metrics still holds it; dropping stops it too, without waiting.
            Err(engine) => drop(engine),
        }
        gossip.stop().await;
        let published = cosigner.published();
        tidy(&replica, &cosigner, published, true).await;
        // A file that is gone already is as good.
        let _ = std::fs::remove_file(home.endpoint_path());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{Chain, Client, runtime, start};

    #[test]
    fn a_node_that_no_longer_signs_and_publishes_is_not_ready_and_fails_by_itself() {
        let chain = Chain::new(1);
        let runtime = runtime();
        let mut node = start(&runtime, &chain.homes[0]);
        let client = Client::of(&node);
        client.submit_final(&chain.report(1));
        node.follower.abort();
        let failed = runtime.block_on(node.failed());
        assert!(matches!(failed, NodeError::Ended { part: "the task that signs and publishes" }), "{failed}");
        let ready = client.get("/readyz");
        assert_eq!(ready.status, 503);
        assert!(ready.text().contains("not met publishing"), "{}", ready.text());
        // Stopping after a part ended does not wait for that part.
        runtime.block_on(node.stop()).unwrap();
    }

    #[test]
    fn a_store_made_anew_without_a_quorum_of_others_does_not_vote() {
        let chain = Chain::new(1);
        let runtime = runtime();
        let home = &chain.homes[0];
        runtime.block_on(start(&runtime, home).stop()).unwrap();
        std::fs::remove_dir_all(&home.config.paths.data).unwrap();
        std::fs::create_dir_all(&home.config.paths.data).unwrap();
        Node::create_store(home).unwrap();
        let refused = runtime.block_on(Node::start(home.clone())).map(|node| node.endpoint().clone());
        assert!(matches!(refused, Err(NodeError::NobodyToFollow { others: 0 })), "{refused:?}");
    }
}
