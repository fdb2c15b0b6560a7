//! Starting, watching and stopping an engine.
//!
//! ```text
//! thread "consensus"          block_on( select: engine's questions | wake | heard | heartbeat | tick | commands )
//!   └ its runtime             the engine's actors, network and timers; its log has a thread of its own
//! ```
//!
//! State machine calls block the first thread only. The log is looked at before the engine opens it ([`crate::wal`]).
//! When it is corrupt, or the engine fails safely later (the log cannot be written), a file `unsafe` is left beside the
//! log, and no engine starts there until a person has removed it: the next start could sign something else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use malachite::app::types::Keypair;
use malachite::app::types::codec::Codec;
use malachite::{
    Channels, ConsensusContext, EngineHandle, NetworkContext, NetworkIdentity, NetworkRequest, RequestContext,
    SyncContext, WalContext, start_engine,
};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

use crate::application::{Application, Ears};
use crate::codec::Messages;
use crate::config::{Config, ConfigError, peer_id};
use crate::context::Chain;
use crate::settings::{self, Listen, Peer};
use crate::signing::{Checker, Signatory};
use crate::state_machine::{Fault, StateMachine};
use crate::status::{Event, Status, Stop};
use crate::wal::{self, Danger, log_file};

/// How often peers are counted and the watchdog looks.
const TICK: Duration = Duration::from_millis(250);
/// How long the engine may take to listen, and to stop.
const PATIENCE: Duration = Duration::from_secs(10);
/// Ports tried when the system chooses.
const ATTEMPTS: usize = 4;
/// Events kept for a slow receiver.
const EVENTS: usize = 1024;

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state machine failed.
    #[error("the state machine failed: {0}")]
    StateMachine(#[from] Fault),
    /// The log's folder cannot be used.
    #[error("`{}` cannot hold the write-ahead log: {source}", path.display())]
    Log {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// An earlier run ended unsafely.
    #[error("an earlier run lost its record of what it signed: `{}` says why; remove the file only when you know that \
             this key signed nothing else, or use a new key", path.display())]
    Unsafe {
        /// The file to read, and to remove.
        path: PathBuf,
    },
    /// The log is missing beside a ledger, or is of another height than the ledger's next.
    #[error("the write-ahead log `{}` does not fit the ledger: {reason}; bring both back from one time, or set \
             `sign_from` above every height that this key can have seen", path.display())]
    WrongLog {
        /// The log.
        path: PathBuf,
        /// For people.
        reason: String,
    },
    /// The runtime, the network or the write-ahead log could not start.
    #[error("the consensus engine did not start: {reason}")]
    Engine {
        /// For people.
        reason: String,
    },
}

/// The consensus engine.
#[derive(Debug)]
pub struct Engine;

impl Engine {
    /// Starts an engine on threads of its own. It runs until [`Handle::stop`] or a failure, which [`Status::stop`]
    /// tells.
    pub async fn start(config: Config, state_machine: Box<dyn StateMachine>) -> Result<Handle, StartError> {
        let (listen, peers) = settings::check(&config)?;
        prepare(&config, state_machine.tip()?.unwrap_or(0))?;
        let (status, watch) = watch::channel(Status::default());
        let (events, _) = broadcast::channel(EVENTS);
        let wake = Arc::new(Notify::new());
        let (commands, inbox) = mpsc::channel(16);
        let (ready, started) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        let handle = Handle { status: watch, events: events.clone(), wake: wake.clone(), commands, stopped };
        let main = Main { config, listen, peers, status, events, wake, inbox };
        std::thread::Builder::new()
            .name("consensus".into())
            .spawn(move || {
                main.run(state_machine, ready);
                let _ = done.send(());
            })
            .map_err(|error| StartError::Engine { reason: error.to_string() })?;
        started.await.map_err(|_| StartError::Engine { reason: "its thread ended".into() })??;
        Ok(handle)
    }
}

enum Command {
    AddPeer(Peer, oneshot::Sender<Result<(), StartError>>),
    Stop,
}

/// A running engine. Dropping it stops the engine without waiting.
#[derive(Debug)]
pub struct Handle {
    status: watch::Receiver<Status>,
    events: broadcast::Sender<Event>,
    wake: Arc<Notify>,
    commands: mpsc::Sender<Command>,
    stopped: oneshot::Receiver<()>,
}

/// Wakes an engine; clones can be kept wherever entries are accepted.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// As [`Handle::wake`].
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

impl Handle {
    /// Tells the engine that there may be work: it asks [`StateMachine::has_work`] and starts the next height if so.
    /// Cheap; call it for every entry that is accepted and every deadline that falls due.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// The same as [`Handle::wake`], to be kept elsewhere.
    pub fn waker(&self) -> Waker {
        Waker(self.wake.clone())
    }

    /// The engine's state, as it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Events from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Adds a validator's address (with `/p2p/…`) and dials it. Adding one twice changes nothing.
    pub async fn add_peer(&self, address: &str) -> Result<(), StartError> {
        let peer = Peer::parse(address)?;
        let gone = || StartError::Engine { reason: "it has stopped".into() };
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::AddPeer(peer, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// The engine's metrics in the OpenMetrics text format, for all engines of this process.
    pub fn metrics(&self) -> String {
        engine_metrics()
    }

    /// Stops the engine and waits until its threads, sockets and log file are closed and the state machine is dropped.
    pub async fn stop(self) {
        let _ = self.commands.send(Command::Stop).await;
        let _ = self.stopped.await;
    }
}

fn engine_metrics() -> String {
    let mut text = String::new();
    malachite::app::metrics::export(&mut text);
    text
}

/// What the thread owns.
struct Main {
    config: Config,
    listen: Listen,
    peers: Vec<Peer>,
    status: watch::Sender<Status>,
    events: broadcast::Sender<Event>,
    wake: Arc<Notify>,
    inbox: mpsc::Receiver<Command>,
}

/// The engine's side of a running instance.
struct Running {
    engine: EngineHandle,
    channels: Channels<Chain>,
    ears: Ears,
    moniker: String,
    address: String,
}

/// How one engine ended.
enum Outcome {
    Stop(Stop),
    /// A follower reached the height from which it may sign.
    CaughtUp(Box<dyn StateMachine>),
}

impl Main {
    fn run(mut self, machine: Box<dyn StateMachine>, ready: oneshot::Sender<Result<(), StartError>>) {
        let built = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.config.threads)
            .thread_name("consensus-engine")
            .enable_all()
            .build();
        let runtime = match built {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = ready.send(Err(StartError::Engine { reason: error.to_string() }));
                return;
            }
        };
        let stop = runtime.block_on(self.serve(machine, ready));
        runtime.shutdown_timeout(PATIENCE);
        if let Some(stop) = stop {
            tracing::info!(?stop, "consensus has stopped");
            self.status.send_modify(|status| status.stop = Some(stop));
        }
    }

    /// Runs to the end; `None` if the start failed, which `ready` has told.
    async fn serve(
        &mut self,
        mut machine: Box<dyn StateMachine>,
        ready: oneshot::Sender<Result<(), StartError>>,
    ) -> Option<Stop> {
        let mut ready = Some(ready);
        loop {
            let outcome = self.serve_once(machine, &mut ready).await;
            match (outcome, ready.take()) {
                (Ok(Outcome::CaughtUp(returned)), _) => machine = returned,
                (Ok(Outcome::Stop(stop)), _) => return Some(stop),
                (Err(error), Some(ready)) => {
                    let _ = ready.send(Err(error));
                    return None;
                }
                (Err(error), None) => return Some(Stop::Failed { reason: error.to_string() }),
            }
        }
    }

    /// Runs one engine, as a follower or as a validator, to its end.
    async fn serve_once(
        &mut self,
        machine: Box<dyn StateMachine>,
        ready: &mut Option<oneshot::Sender<Result<(), StartError>>>,
    ) -> Result<Outcome, StartError> {
        let follow = machine.tip()?.unwrap_or(0) + 1 < self.config.sign_from;
        let mut running = self.launch(follow).await?;
        let ids = self.peers.iter().map(|peer| peer.id).collect();
        let (ears, network) = (running.ears.clone(), running.channels.network.clone());
        let (config, status, events) = (self.config.clone(), self.status.clone(), self.events.clone());
        let result = match Application::new(config, machine, network, ears, status, events, ids) {
            Ok(application) => {
                let listening = running.address.clone();
                self.status.send_modify(|status| status.listening = vec![listening]);
                if let Some(ready) = ready.take() {
                    let _ = ready.send(Ok(()));
                }
                Ok(self.attend(application, &mut running).await)
            }
            Err(fault) => Err(fault.into()),
        };
        shut(running).await;
        await_unlocked(&log_file(&self.config.wal));
        result
    }

    /// Starts the engine and waits until it listens.
    async fn launch(&mut self, follow: bool) -> Result<Running, StartError> {
        let mut attempt = 1;
        loop {
            let failed = |error| StartError::Engine { reason: format!("no free port: {error}") };
            let listen = self.listen.resolve().map_err(failed)?;
            let mut running = self.start_engine(&listen, follow).await?;
            match tokio::time::timeout(PATIENCE, listening(&mut running)).await {
                Ok(true) => {
                    self.listen = listen;
                    return Ok(running);
                }
                _ if self.listen.is_ephemeral() && attempt < ATTEMPTS => attempt += 1,
                _ => {
                    let reason = format!("it cannot listen on {}; is the port in use?", running.address);
                    shut(running).await;
                    return Err(StartError::Engine { reason });
                }
            }
            shut(running).await;
        }
    }

    async fn start_engine(&self, listen: &Listen, follow: bool) -> Result<Running, StartError> {
        let failed = |reason: String| StartError::Engine { reason };
        let moniker = moniker(&self.config.name);
        let settings = settings::settings(&self.config, moniker.clone(), listen, &self.peers, follow)?;
        let ears = Ears::default();
        let (log, network) = (Messages::default(), Messages { heard: Some(ears.heard.clone()) });
        let signatory = Signatory { chain_id: self.config.chain_id, key: self.config.consensus_key.clone() };
        let address = signatory.address();
        let mut seed = self.config.transport_key.seed();
        let keypair = Keypair::ed25519_from_bytes(&mut seed[..]).map_err(|error| failed(error.to_string()))?;
        let transport_id = peer_id(&self.config.transport_key.public_key());
        let public_key = self.config.consensus_key.public_key().as_bytes().to_vec();
        let proof = signatory.validator_proof(public_key, keypair.public().to_peer_id().to_bytes());
        let proof = network.encode(&proof).map_err(|error| failed(error.to_string()))?;
        let identity = NetworkIdentity::new_validator(moniker.clone(), keypair, address.to_string(), proof);
        let checker = Checker { chain_id: self.config.chain_id, seen: ears.seen.clone() };
        let (channels, engine) = start_engine(
            Chain,
            settings,
            WalContext::new(log_file(&self.config.wal), log.clone()),
            NetworkContext::new(identity, network),
            ConsensusContext::new_validator(address, Box::new(checker), Box::new(signatory)),
            SyncContext::new(log),
            RequestContext::new(100),
        )
        .await
        .map_err(|error| failed(format!("{error:#}")))?;
        let address = format!("{}/p2p/{transport_id}", listen.multiaddr());
        Ok(Running { engine, channels, ears, moniker, address })
    }

    /// The loop of a running engine, until it must stop.
    async fn attend(&mut self, mut application: Application, running: &mut Running) -> Outcome {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            if application.has_caught_up() {
                return Outcome::CaughtUp(application.into_machine());
            }
            let heartbeat = application.heartbeat();
            let result = tokio::select! {
                message = running.channels.consensus.recv() => match message {
                    Some(message) => application.answer(message).await,
                    None => return Outcome::Stop(self.ended(running)),
                },
                () = self.wake.notified() => application.reconsider().await,
                () = running.ears.heard.news() => application.reconsider().await,
                () = until(heartbeat) => application.reconsider().await,
                _ = tick.tick() => {
                    application.watch();
                    self.count_peers(running);
                    Ok(())
                }
                command = self.inbox.recv() => match command {
                    Some(Command::AddPeer(peer, reply)) => {
                        application.list(peer.id);
                        self.peers.push(peer.clone());
                        let _ = reply.send(add_peer(running, peer).await);
                        Ok(())
                    }
                    Some(Command::Stop) | None => return Outcome::Stop(Stop::Asked),
                },
            };
            if let Err(fault) = result {
                tracing::error!(%fault, "the state machine failed; consensus stops");
                return Outcome::Stop(Stop::Failed { reason: fault.to_string() });
            }
        }
    }

    /// The engine ended by itself: safely for good, or in a way that a restart may cure.
    fn ended(&self, running: &Running) -> Stop {
        if !failed_safely(&engine_metrics(), &running.moniker) {
            return Stop::Failed { reason: "the engine ended; its log messages say why".into() };
        }
        let reason = "the write-ahead log is corrupt or could not be written; the log messages of this run say which";
        // If the file cannot be written either, the disk is gone, and with it what the next start would need.
        if let Err(error) = wal::mark(&self.config.wal, reason) {
            tracing::error!(path = %self.config.wal.display(), %error, "could not leave the mark of an unsafe stop");
        }
        Stop::Unsafe { reason: reason.into() }
    }

    /// Asks the network who is connected; the answer is put into the status when it comes.
    fn count_peers(&self, running: &Running) {
        let (requests, status) = (running.channels.net_requests.clone(), self.status.clone());
        tokio::spawn(async move {
            if let Ok(Some(dump)) = NetworkRequest::dump_state(&requests).await {
                let peers = dump.peers.len();
                status.send_if_modified(|status| std::mem::replace(&mut status.peers, peers) != peers);
            }
        });
    }
}

async fn add_peer(running: &Running, peer: Peer) -> Result<(), StartError> {
    match NetworkRequest::add_persistent_peer(&running.channels.net_requests, peer.address).await {
        Ok(Ok(()) | Err(malachite::app::engine::network::PersistentPeerError::AlreadyExists)) => Ok(()),
        Ok(Err(error)) => Err(StartError::Engine { reason: error.to_string() }),
        Err(error) => Err(StartError::Engine { reason: error.to_string() }),
    }
}

/// Waits for the engine's first question, which it asks as soon as it listens; it stays in the channel.
async fn listening(running: &mut Running) -> bool {
    while running.channels.consensus.is_empty() {
        if running.channels.consensus.is_closed() || running.engine.handle.is_finished() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Stops the actors in order. The channels go first: an actor that waits for our answer must not wait for ever.
async fn shut(running: Running) {
    let Running { engine, channels, .. } = running;
    drop(channels);
    let node = engine.actor.get_cell();
    node.stop_children_and_wait(Some("stopping".into()), Some(PATIENCE)).await;
    node.stop(Some("stopping".into()));
    let _ = tokio::time::timeout(PATIENCE, engine.handle).await;
}

/// Makes the log's folder and looks at the log before the engine opens it: the engine would cut a spoiled one, and make
/// a new one where there is none. What is found is marked durably, and the log is left as it is for a person to look at.
fn prepare(config: &Config, tip: u64) -> Result<(), StartError> {
    let failed = |source| StartError::Log { path: config.wal.clone(), source };
    fs::create_dir_all(&config.wal).map_err(failed)?;
    let marker = wal::mark_file(&config.wal);
    if marker.exists() {
        return Err(StartError::Unsafe { path: marker });
    }
    match wal::inspect(&config.wal, tip, config.sign_from).map_err(failed)? {
        Ok(()) => Ok(()),
        Err(danger @ (Danger::Missing { .. } | Danger::Ahead { .. })) => {
            Err(StartError::WrongLog { path: log_file(&config.wal), reason: danger.to_string() })
        }
        Err(danger) => {
            let reason = format!("the write-ahead log was not opened: {danger}");
            tracing::error!(path = %config.wal.display(), reason, "the write-ahead log is corrupt");
            wal::mark(&config.wal, &reason).map_err(failed)?;
            Err(StartError::Unsafe { path: marker })
        }
    }
}

/// Waits until the log's own thread has let go of its file.
fn await_unlocked(path: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while let Ok(file) = fs::File::open(path) {
        if file.try_lock().is_ok() || Instant::now() >= deadline {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The name under which the engine counts. Its registry is the process's, so a second engine of a name gets a number.
fn moniker(name: &str) -> String {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    match STARTED.fetch_add(1, Ordering::Relaxed) {
        0 => name.to_owned(),
        count => format!("{name}#{count}"),
    }
}

/// Whether the engine's metrics tell of a safety failure.
fn failed_safely(metrics: &str, moniker: &str) -> bool {
    let label = format!("moniker=\"{moniker}\"");
    metrics.lines().any(|line| line.contains("node_safety_failure") && line.contains(&label) && line.ends_with(" 1"))
}
