//! [`Config`] as the engine's own settings: a closed swarm of listed peers, under names that belong to one ledger.

use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use malachite::app::config::{ConsensusConfig, NodeConfig, P2pConfig, ValuePayload, ValueSyncConfig};
use malachite::app::net::Multiaddr;
use malachite::app::types::PeerId;
use standstill_protocol::block::MAX_BLOCK_BYTES;

use crate::config::{Config, ConfigError};
use crate::parts::CHUNK_BYTES;

/// Bytes of one sync response, with room for a block of any size.
const RESPONSE_BYTES: u64 = 24 << 20;
/// How often a node tells its height: above a second, one equivocator slows the chain.
const STATUS_INTERVAL: Duration = Duration::from_millis(500);

/// The engine's settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    moniker: String,
    consensus: ConsensusConfig,
    value_sync: ValueSyncConfig,
}

impl NodeConfig for Settings {
    fn moniker(&self) -> &str {
        &self.moniker
    }

    fn consensus(&self) -> &ConsensusConfig {
        &self.consensus
    }

    fn consensus_mut(&mut self) -> &mut ConsensusConfig {
        &mut self.consensus
    }

    fn value_sync(&self) -> &ValueSyncConfig {
        &self.value_sync
    }

    fn value_sync_mut(&mut self) -> &mut ValueSyncConfig {
        &mut self.value_sync
    }
}

/// A listed peer.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: Multiaddr,
    pub(crate) id: PeerId,
}

/// Where to listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listen {
    ip: IpAddr,
    port: u16,
}

impl Peer {
    /// Parses an address that names its peer; without the name, the engine would never dial it.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let refused = || ConfigError::Peer { address: text.into() };
        let (_, id) = text.rsplit_once("/p2p/").ok_or_else(refused)?;
        Ok(Peer { address: text.parse().map_err(|_| refused())?, id: id.parse().map_err(|_| refused())? })
    }
}

impl Listen {
    /// Parses `/ip4/…/tcp/…` or `/ip6/…/tcp/…`.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let refused = || ConfigError::Listen { address: text.into() };
        let parts: Vec<&str> = text.split('/').collect();
        let ["", family, ip, "tcp", port] = parts.as_slice() else { return Err(refused()) };
        let ip: IpAddr = ip.parse().map_err(|_| refused())?;
        if *family != if ip.is_ipv4() { "ip4" } else { "ip6" } {
            return Err(refused());
        }
        Ok(Listen { ip, port: port.parse().map_err(|_| refused())? })
    }

    /// Whether the system chooses the port.
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.port == 0
    }

    /// With a port that is free now, if the system chooses it. The engine does not tell the port it got, so it is chosen
    /// first; should another process take it in between, listening fails and [`crate::Engine::start`] tries again.
    pub(crate) fn resolve(self) -> std::io::Result<Self> {
        if !self.is_ephemeral() {
            return Ok(self);
        }
        let port = TcpListener::bind((self.ip, 0))?.local_addr()?.port();
        Ok(Listen { port, ..self })
    }

    pub(crate) fn multiaddr(&self) -> String {
        let family = if self.ip.is_ipv4() { "ip4" } else { "ip6" };
        format!("/{family}/{}/tcp/{}", self.ip, self.port)
    }
}

/// Checks what does not depend on the machine.
pub(crate) fn check(config: &Config) -> Result<(Listen, Vec<Peer>), ConfigError> {
    let times = [
        ("heartbeat", config.heartbeat),
        ("stall_after", config.stall_after),
        ("timeouts.propose", config.timeouts.propose),
        ("timeouts.prevote", config.timeouts.prevote),
        ("timeouts.precommit", config.timeouts.precommit),
        ("timeouts.rebroadcast", config.timeouts.rebroadcast),
    ];
    let zero_time = times.iter().find(|(_, time)| time.is_zero()).map(|(setting, _)| *setting);
    let counts = [
        ("threads", config.threads),
        ("connections_per_ip", config.connections_per_ip),
        ("max_block_bytes", config.max_block_bytes),
    ];
    let zero_count = counts.iter().find(|(_, count)| *count == 0).map(|(setting, _)| *setting);
    if let Some(setting) = zero_time.or(zero_count) {
        return Err(ConfigError::Zero { setting });
    }
    if config.max_block_bytes > MAX_BLOCK_BYTES {
        return Err(ConfigError::BlockBytes { bytes: config.max_block_bytes, limit: MAX_BLOCK_BYTES });
    }
    let peers = config.peers.iter().map(|peer| Peer::parse(peer)).collect::<Result<_, _>>()?;
    Ok((Listen::parse(&config.listen)?, peers))
}

/// The engine's settings.
pub(crate) fn settings(
    config: &Config,
    moniker: String,
    listen: &Listen,
    peers: &[Peer],
    follow: bool,
) -> Result<Settings, ConfigError> {
    let listen_addr = listen.multiaddr().parse().map_err(|_| ConfigError::Listen { address: config.listen.clone() })?;
    let mut p2p = P2pConfig {
        listen_addr,
        persistent_peers: peers.iter().map(|peer| peer.address.clone()).collect(),
        persistent_peers_only: true,
        ..P2pConfig::default()
    };
    let name = |part: &str| format!("/standstill/{}/{part}/1", config.chain_id.short());
    p2p.protocol_names.consensus = name("consensus");
    p2p.protocol_names.discovery_kad = name("discovery-kad");
    p2p.protocol_names.discovery_regres = name("discovery");
    p2p.protocol_names.sync = name("sync");
    p2p.protocol_names.validator_proof = name("validator-proof");
    p2p.channel_names.consensus = name("votes");
    p2p.channel_names.proposal_parts = name("parts");
    p2p.channel_names.sync = name("status");
    p2p.channel_names.liveness = name("liveness");
    // Room for a chunk in its stream message and for the signatures around it.
    p2p.pubsub_max_size.0 = 4 * CHUNK_BYTES as u64;
    p2p.rpc_max_size.0 = RESPONSE_BYTES + (1 << 20);
    p2p.discovery.max_connections_per_ip = config.connections_per_ip;
    let mut value_sync = ValueSyncConfig { status_update_interval: STATUS_INTERVAL, ..ValueSyncConfig::default() };
    value_sync.max_response_size.0 = RESPONSE_BYTES;
    value_sync.batch_size = 32;
    // Answers are read from the ledger on the thread that also answers consensus: few at a time. Per peer and 10 s.
    value_sync.max_inbound_requests_per_window = 200;
    value_sync.max_concurrent_inbound_requests = 4;
    value_sync.max_pending_inbound_requests = 32;
    let consensus = ConsensusConfig {
        enabled: !follow,
        p2p,
        value_payload: ValuePayload::ProposalAndParts,
        ..ConsensusConfig::default()
    };
    Ok(Settings { moniker, consensus, value_sync })
}
