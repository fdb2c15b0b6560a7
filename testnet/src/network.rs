//! A network on disk and in processes.
//!
//! ```text
//! DIR/manifest.json        what is here: members, addresses, hashes
//!     treaty.toml
//!     lab-a/               a home, as `standstill start --home` takes it
//!     lab-a.log            the node's output
//!     evaluator.key        members without a node: a statement key
//!     lock                 held while the network runs
//! ```
//!
//! Order of making: ports, homes with keys, treaty from their public halves, then peers, treaty and store into every home. A
//! network that was stopped, or whose every process was killed, is opened again from its manifest.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use standstill_node::Node;
use standstill_node::config::{Config, Peer};
use standstill_node::home::{self, Home};
use standstill_node::keystore::{self, KeyRole};
use standstill_policies::Treaty;
use standstill_policies::treaty::{Member, ValidatorKeys};
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Timestamp;

use crate::author::Author;
use crate::client::Client;
use crate::error::{TestnetError, io};
use crate::plan::{MODULES, MemberPlan, Plan};
use crate::ports::{self, HeldPort};
use crate::process::NodeProcess;

/// Where a network stands by default.
pub const DEFAULT_DIRECTORY: &str = ".standstill-testnet";
const SCHEMA: &str = "standstill.testnet/1";
const PORTS_PER_NODE: usize = 3;
const READY_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(20);

/// `manifest.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format.
    pub schema: String,
    /// When the network was made.
    pub created: String,
    /// The ledger's identity.
    pub chain_id: String,
    /// The nodes, in order of member.
    pub nodes: Vec<NodeEntry>,
    /// Members without a node.
    pub others: Vec<String>,
}

/// One node in the manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeEntry {
    /// The member.
    pub member: MemberId,
    /// Its home.
    pub home: PathBuf,
    /// Its log file.
    pub log: PathBuf,
    /// Where its API listens.
    pub api: SocketAddr,
}

/// A node's place: what it is, and its process while it runs.
#[derive(Debug)]
pub struct NodeSlot {
    /// What the manifest says of it.
    pub entry: NodeEntry,
    client: Client,
    process: Option<NodeProcess>,
    held: Vec<HeldPort>,
}

/// A network. Dropping it kills whatever still runs.
#[derive(Debug)]
pub struct Network {
    directory: PathBuf,
    executable: PathBuf,
    treaty: Treaty,
    treaty_bytes: Vec<u8>,
    created: String,
    nodes: Vec<NodeSlot>,
    _lock: File,
}

impl Network {
    /// Makes homes, keys, treaty and stores in a directory that holds no network. `executable` is the testnet's own binary.
    pub fn create(directory: &Path, executable: &Path, plan: &Plan, now: Timestamp) -> Result<Self, TestnetError> {
        let directory = prepare(directory)?;
        if directory.join("manifest.json").exists() {
            let created = read_manifest(&directory).map(|manifest| manifest.created).unwrap_or_default();
            return Err(TestnetError::Exists { path: directory, created });
        }
        let lock = lock(&directory)?;
        let mut ports = ports::hold(plan.validators().count() * PORTS_PER_NODE)?;
        let mut drafts = Vec::new();
        for member in plan.validators() {
            drafts.push(Draft::create(&directory, member, plan, ports.split_off(ports.len() - PORTS_PER_NODE), now)?);
        }
        let members = plan.members.iter().map(|member| signatory(&directory, member, &drafts, now));
        let (treaty, treaty_bytes) = plan.treaty(members.collect::<Result<_, _>>()?, now)?;
        fs::write(directory.join("treaty.toml"), &treaty_bytes).map_err(io("write", &directory))?;
        let peers: Vec<Peer> = drafts.iter().map(|draft| draft.peer.clone()).collect();
        let nodes = drafts.into_iter().map(|draft| draft.install(&treaty_bytes, &peers)).collect::<Result<_, _>>()?;
        let created = now.to_string();
        let network =
            Network { directory, executable: executable.to_owned(), treaty, treaty_bytes, created, nodes, _lock: lock };
        network.write_manifest(plan)?;
        Ok(network)
    }

    /// Opens a network that was made before and does not run.
    pub fn open(directory: &Path, executable: &Path) -> Result<Self, TestnetError> {
        let directory = prepare(directory)?;
        let lock = lock(&directory)?;
        let manifest = read_manifest(&directory)?;
        let path = directory.join("treaty.toml");
        let treaty_bytes = fs::read(&path).map_err(io("read", &path))?;
        let treaty =
            Treaty::parse(&treaty_bytes).map_err(|error| TestnetError::Treaty { reason: error.to_string() })?;
        let nodes = manifest.nodes.into_iter().map(|entry| NodeSlot::new(entry, Vec::new())).collect();
        Ok(Network {
            directory,
            executable: executable.to_owned(),
            treaty,
            treaty_bytes,
            created: manifest.created,
            nodes,
            _lock: lock,
        })
    }

    /// Removes a network's directory. Refused while it runs.
    pub fn remove(directory: &Path) -> Result<(), TestnetError> {
        if !directory.exists() {
            return Ok(());
        }
        let held = lock(directory)?;
        drop(held);
        fs::remove_dir_all(directory).map_err(io("remove", directory))
    }

    /// The directory, absolute.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The treaty.
    pub fn treaty(&self) -> &Treaty {
        &self.treaty
    }

    /// The treaty's bytes.
    pub fn treaty_bytes(&self) -> &[u8] {
        &self.treaty_bytes
    }

    /// When the network was made.
    pub fn created(&self) -> &str {
        &self.created
    }

    /// The nodes, in order of member.
    pub fn nodes(&self) -> &[NodeSlot] {
        &self.nodes
    }

    /// The API of the node at `index`, which counts from 0.
    pub fn client(&self, index: usize) -> &Client {
        self.nodes[index % self.nodes.len()].client()
    }

    /// Starts every node and waits until each answers.
    pub fn start(&mut self) -> Result<(), TestnetError> {
        for index in 0..self.nodes.len() {
            self.spawn(index)?;
        }
        (0..self.nodes.len()).try_for_each(|index| self.wait_ready(index))
    }

    /// Starts one node's process, if it does not run.
    pub fn spawn(&mut self, index: usize) -> Result<(), TestnetError> {
        let executable = self.executable.clone();
        let node = &mut self.nodes[index];
        if node.process.is_none() {
            node.held.clear();
            node.process = Some(NodeProcess::spawn(&executable, &node.entry.home, &node.entry.log)?);
        }
        Ok(())
    }

    /// Every member with a node, and its home, for nodes that run elsewhere than in processes of this network. Their
    /// ports are no longer held.
    pub fn hand_over(&mut self) -> Vec<(MemberId, PathBuf)> {
        let give = |node: &mut NodeSlot| {
            node.held.clear();
            (node.entry.member.clone(), node.entry.home.clone())
        };
        self.nodes.iter_mut().map(give).collect()
    }

    /// Waits until a node's API answers.
    pub fn wait_ready(&mut self, index: usize) -> Result<(), TestnetError> {
        self.wait(index, "answer", READY_WITHIN, |client| Ok(client.status().is_ok()))
    }

    /// Waits until `reached` says so of a node; its errors end the wait.
    pub fn wait(
        &mut self,
        index: usize,
        what: &str,
        within: Duration,
        mut reached: impl FnMut(&Client) -> Result<bool, TestnetError>,
    ) -> Result<(), TestnetError> {
        let deadline = Instant::now() + within;
        loop {
            let node = &mut self.nodes[index];
            if let Some(failure) = node.failure() {
                return Err(failure);
            }
            if reached(&node.client)? {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let NodeEntry { member, log, .. } = &node.entry;
                let (member, log) = (member.to_string(), log.clone());
                return Err(TestnetError::TooSlow { member, what: what.to_owned(), seconds: within.as_secs(), log });
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// The first node, if any, that ended by itself.
    pub fn failure(&mut self) -> Option<TestnetError> {
        self.nodes.iter_mut().find_map(NodeSlot::failure)
    }

    /// `kill -9` of one node.
    pub fn kill(&mut self, index: usize) {
        if let Some(process) = self.nodes[index].process.take() {
            process.kill();
        }
    }

    /// Stops every node: all are asked first, then each is waited for.
    pub fn stop(&mut self) {
        for node in &mut self.nodes {
            if let Some(process) = &mut node.process {
                process.ask_to_stop();
            }
        }
        for node in &mut self.nodes {
            if let Some(process) = node.process.take() {
                process.stop();
            }
        }
    }

    /// A member that signs statements; its first will have the sequence number `next`.
    pub fn author(&self, member: &str, next: u64) -> Result<Author, TestnetError> {
        let node = self.nodes.iter().find(|node| node.entry.member.as_str() == member);
        let path = match node {
            Some(node) => node.entry.home.join("keys").join(KeyRole::Statement.file_name()),
            None => self.directory.join(format!("{member}.key")),
        };
        let key = keystore::read(&path).map_err(|source| TestnetError::Key { member: member.to_owned(), source })?;
        let id = self.treaty.member(member).map(|member| member.id.clone());
        let id = id.ok_or_else(|| TestnetError::Treaty { reason: format!("`{member}` is not a member") })?;
        Ok(Author::new(id, key, self.treaty.chain_id, next))
    }

    fn write_manifest(&self, plan: &Plan) -> Result<(), TestnetError> {
        let labs = plan.validators().map(|member| &member.id).collect::<Vec<_>>();
        let others = plan.members.iter().filter(|member| !labs.contains(&&member.id));
        let manifest = Manifest {
            schema: SCHEMA.to_owned(),
            created: self.created.clone(),
            chain_id: self.treaty.chain_id.to_string(),
            nodes: self.nodes.iter().map(|node| node.entry.clone()).collect(),
            others: others.map(|member| member.id.to_string()).collect(),
        };
        let path = self.directory.join("manifest.json");
        let mut text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| TestnetError::Malformed { what: "manifest".to_owned(), reason: error.to_string() })?;
        text.push(b'\n');
        fs::write(&path, text).map_err(io("write", &path))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop();
    }
}

impl NodeSlot {
    fn new(entry: NodeEntry, held: Vec<HeldPort>) -> Self {
        let client = Client::new(entry.api);
        NodeSlot { entry, client, process: None, held }
    }

    /// The node's API.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(NodeProcess::pid)
    }

    /// Whether a process was started and not killed or stopped by us.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// The node's end, if it ended by itself.
    fn failure(&mut self) -> Option<TestnetError> {
        let status = self.process.as_mut()?.ended()?;
        let NodeEntry { member, log, .. } = &self.entry;
        Some(TestnetError::NodeEnded { member: member.to_string(), status: status.to_string(), log: log.clone() })
    }
}

/// A home with keys and ports, before there is a treaty.
struct Draft {
    home: Home,
    peer: Peer,
    keys: ValidatorKeys,
    statement: standstill_protocol::keys::PublicKey,
    entry: NodeEntry,
    held: Vec<HeldPort>,
}

impl Draft {
    fn create(
        directory: &Path,
        member: &MemberPlan,
        plan: &Plan,
        held: Vec<HeldPort>,
        now: Timestamp,
    ) -> Result<Self, TestnetError> {
        let port = |at: usize| held.get(at).map_or(0, HeldPort::number);
        let [consensus, gossip] = [port(0), port(1)].map(|port| format!("/ip4/127.0.0.1/tcp/{port}"));
        let api = SocketAddr::from((Ipv4Addr::LOCALHOST, port(2)));
        let mut config = Config::new(member.id.clone());
        config.consensus.listen.clone_from(&consensus);
        config.consensus.block_interval_ms = plan.pace.block_interval_ms;
        config.consensus.timeout_propose_ms = plan.pace.timeout_propose_ms;
        config.consensus.timeout_vote_ms = plan.pace.timeout_vote_ms;
        config.gossip.listen.clone_from(&gossip);
        config.api.listen = api;
        config.log.write_entries = plan.entry_tiles;

        let path = directory.join(member.id.as_str());
        let home = home::create(&path, config, now).map_err(home_error(&member.id))?;
        let key = |role| home.key(role).map(|key| key.public_key()).map_err(key_error(&member.id));
        let transport = key(KeyRole::Transport)?;
        let peer_id = keystore::peer_id(&transport).map(|id| id.to_string()).unwrap_or_default();
        let keys = ValidatorKeys {
            consensus: key(KeyRole::Consensus)?,
            log: key(KeyRole::Log)?,
            cosigner: key(KeyRole::Cosigner)?,
            peer_id: peer_id.clone(),
        };
        let statement = key(KeyRole::Statement)?;
        let [consensus, gossip] = [consensus, gossip].map(|address| format!("{address}/p2p/{peer_id}"));
        let peer = Peer { member: member.id.clone(), consensus, gossip };
        let log = directory.join(format!("{}.log", member.id));
        let entry = NodeEntry { member: member.id.clone(), home: path, log, api };
        Ok(Draft { home, peer, keys, statement, entry, held })
    }

    fn install(mut self, treaty: &[u8], peers: &[Peer]) -> Result<NodeSlot, TestnetError> {
        let member = self.entry.member.clone();
        self.home.config.peers = peers.iter().filter(|peer| peer.member != member).cloned().collect();
        let modules: Vec<Vec<u8>> = MODULES.iter().map(|(_, module)| module.to_vec()).collect();
        self.home.save_config().map_err(home_error(&member))?;
        self.home.install(treaty, &modules).map_err(home_error(&member))?;
        Node::create_store(&self.home).map_err(|source| TestnetError::Node { member: member.to_string(), source })?;
        Ok(NodeSlot::new(self.entry, self.held))
    }
}

/// A member as it stands in the treaty.
fn signatory(directory: &Path, plan: &MemberPlan, drafts: &[Draft], now: Timestamp) -> Result<Member, TestnetError> {
    let draft = drafts.iter().find(|draft| draft.entry.member == plan.id);
    let (statement, validator) = match draft {
        Some(draft) => (draft.statement, Some(draft.keys.clone())),
        None => {
            let path = directory.join(format!("{}.key", plan.id));
            let key = keystore::generate(&path, KeyRole::Statement, now).map_err(key_error(&plan.id))?;
            (key.public_key(), None)
        }
    };
    Ok(Member {
        id: plan.id.clone(),
        title: plan.title.clone(),
        roles: [plan.role].into(),
        statement_keys: vec![statement],
        validator,
    })
}

fn home_error(member: &MemberId) -> impl Fn(home::HomeError) -> TestnetError {
    let member = member.to_string();
    move |source| TestnetError::Home { member: member.clone(), source }
}

fn key_error(member: &MemberId) -> impl Fn(keystore::KeyFileError) -> TestnetError {
    let member = member.to_string();
    move |source| TestnetError::Key { member: member.clone(), source }
}

fn prepare(directory: &Path) -> Result<PathBuf, TestnetError> {
    keystore::create_private_directory(directory)
        .map_err(|source| TestnetError::Key { member: directory.display().to_string(), source })?;
    std::path::absolute(directory).map_err(io("find", directory))
}

/// Held for as long as the network lives; the system frees it however the process ends.
fn lock(directory: &Path) -> Result<File, TestnetError> {
    let path = directory.join("lock");
    let file = File::create(&path).map_err(io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(TestnetError::Running { path: directory.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(TestnetError::Io { action: "lock", path, source }),
    }
}

fn read_manifest(directory: &Path) -> Result<Manifest, TestnetError> {
    let path = directory.join("manifest.json");
    let bytes = fs::read(&path).map_err(io("read", &path))?;
    let malformed = |reason: String| TestnetError::Malformed { what: format!("`{}`", path.display()), reason };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
    if manifest.schema != SCHEMA || manifest.nodes.is_empty() {
        return Err(malformed(format!("`{}` is not `{SCHEMA}` with nodes", manifest.schema)));
    }
    Ok(manifest)
}
