//! One TOML file, and what may override it.
//!
//! 1. Precedence: defaults, then the file, then `STANDSTILL_*` in the environment, then flags. Each value remembers where
//!    it came from ([`Loaded::origin`]).
//! 2. An unknown key is an error that suggests the nearest known one, in the file as in the environment.
//! 3. Relative paths are relative to the file, wherever the command was run.
//! 4. No secret stands in a configuration; key files are named by directory.
//!
//! ```toml
//! member = "lab-a"
//!
//! [api]
//! listen = "127.0.0.1:26672"
//!
//! [[peers]]
//! member = "lab-b"
//! consensus = "/ip4/192.0.2.7/tcp/26670/p2p/12D3KooW…"
//! gossip = "/ip4/192.0.2.7/tcp/26671/p2p/12D3KooW…"
//! ```

mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use standstill_protocol::member::MemberId;
use toml::{Table, Value};

pub use settings::{Kind, SETTINGS, Setting, reference};

/// Bytes of a configuration file, at most.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Environment variables of this prefix set values, apart from [`OTHER_VARIABLES`].
pub const ENV_PREFIX: &str = "STANDSTILL_";
/// Variables of the prefix that are not settings.
pub const OTHER_VARIABLES: [&str; 4] =
    ["STANDSTILL_HOME", "STANDSTILL_LOG", "STANDSTILL_NODE", "STANDSTILL_NO_PROGRESS"];

/// Everything that an operator can set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The member that this node belongs to.
    pub member: MemberId,
    /// Where files are.
    pub paths: Paths,
    /// The log as files.
    pub log: LogFiles,
    /// The consensus engine.
    pub consensus: Consensus,
    /// The swarm for pending envelopes and cosignatures.
    pub gossip: Gossip,
    /// The HTTP API.
    pub api: Api,
    /// Pending envelopes.
    pub pool: Pool,
    /// The other validators' addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
}

/// Where files are; absolute after loading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paths {
    /// The treaty file.
    pub treaty: PathBuf,
    /// The directory of the clauses' modules.
    pub modules: PathBuf,
    /// The directory of the key files.
    pub keys: PathBuf,
    /// The store and the engine's write-ahead log.
    pub data: PathBuf,
    /// The log as files: checkpoint and tiles.
    pub log: PathBuf,
}

/// The log as files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFiles {
    /// Whether the entries themselves are written too: a second copy of every envelope.
    pub write_entries: bool,
}

/// The consensus engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consensus {
    /// A libp2p multiaddress; port 0 lets the system choose.
    pub listen: String,
    /// How long a proposer may take before the round is voted over, in milliseconds.
    pub timeout_propose_ms: u64,
    /// How long to wait for straggling votes, in milliseconds.
    pub timeout_vote_ms: u64,
    /// How long to collect entries before a block is made of them, in milliseconds.
    pub block_interval_ms: u64,
    /// Bytes of one block, at most.
    pub max_block_bytes: usize,
}

/// The swarm for pending envelopes and cosignatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gossip {
    /// A libp2p multiaddress; port 0 lets the system choose.
    pub listen: String,
    /// Connections in both directions, at most.
    pub max_connections: u32,
}

/// The HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Whether an address other than loopback is meant.
    pub expose: bool,
    /// How long one request may take, apart from a wait for finality, in milliseconds.
    pub timeout_ms: u64,
    /// How long `?wait=final` waits, in milliseconds.
    pub wait_final_ms: u64,
}

/// Pending envelopes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Pending envelopes of one member, at most.
    pub max_entries: usize,
    /// Bytes of one member's pending envelopes, at most.
    pub max_bytes: usize,
}

/// Another validator's addresses, each a multiaddress that ends in `/p2p/<peer id>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The member.
    pub member: MemberId,
    /// Where its consensus engine listens.
    pub consensus: String,
    /// Where its gossip swarm listens.
    pub gossip: String,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The program.
    Default,
    /// The configuration file.
    File,
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File => f.write_str("file"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag => f.write_str("flag"),
        }
    }
}

/// A configuration and where each of its values came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    origins: BTreeMap<&'static str, Origin>,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Over [`MAX_CONFIG_BYTES`], or not UTF-8.
    #[error("`{}` is not a configuration: {reason}", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// Not TOML.
    #[error("configuration is not TOML: {reason}")]
    Syntax {
        /// The parser's message, with line and column.
        reason: String,
    },
    /// A key that does not exist.
    #[error("unknown configuration key `{key}`")]
    UnknownKey {
        /// The key, with its table.
        key: String,
        /// The nearest key that exists.
        nearest: Option<&'static str>,
    },
    /// A value of the wrong type or out of range.
    #[error("configuration key `{key}`: {reason}")]
    BadValue {
        /// The key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// A key without a default that nobody set.
    #[error("configuration key `{key}` is not set")]
    Missing {
        /// The key.
        key: &'static str,
    },
}

impl ConfigError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ConfigError::UnknownKey { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            ConfigError::UnknownKey { .. } => Some("`standstill config show` lists every key".to_owned()),
            ConfigError::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("run `standstill init`, or name a home with `--home DIR`".to_owned())
            }
            ConfigError::Missing { key } => Some(format!("set `{key}` in the file or with `--set {key}=VALUE`")),
            _ => None,
        }
    }
}

impl Config {
    /// The defaults for a member, with paths relative to the home.
    pub fn new(member: MemberId) -> Self {
        // Every other key has a default, as a test of this module shows.
        let flags = [format!("member={member}")];
        match Loaded::layer(&Table::new(), Path::new(""), std::iter::empty(), &flags) {
            Ok(loaded) => loaded.config,
            Err(error) => unreachable!("the defaults are a valid configuration: {error}"),
        }
    }

    /// The file's text: what differs from the defaults. Paths inside `home` are written relative to it.
    pub fn to_toml(&self, home: &Path) -> Result<String, ConfigError> {
        let mut relative = self.clone();
        let paths = &mut relative.paths;
        for path in [&mut paths.treaty, &mut paths.modules, &mut paths.keys, &mut paths.data, &mut paths.log] {
            if let Ok(inside) = path.strip_prefix(home) {
                *path = inside.to_owned();
            }
        }
        let mut table =
            Table::try_from(&relative).map_err(|error| ConfigError::Syntax { reason: error.to_string() })?;
        settings::remove_defaults(&mut table);
        toml::to_string(&table).map_err(|error| ConfigError::Syntax { reason: error.to_string() })
    }
}

impl Loaded {
    /// Loads a file under the process's environment and the flags `KEY=VALUE`.
    pub fn load(file: &Path, flags: &[String]) -> Result<Self, ConfigError> {
        let table = read_table(file)?;
        let base = file.parent().unwrap_or(Path::new(""));
        let base =
            std::path::absolute(base).map_err(|source| ConfigError::Unreadable { path: file.to_owned(), source })?;
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(ENV_PREFIX) && !OTHER_VARIABLES.contains(&name.as_str()));
        Self::layer(&table, &base, environment, flags)
    }

    /// Merges the layers. Pure but for its arguments.
    pub fn layer(
        file: &Table,
        base: &Path,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[String],
    ) -> Result<Self, ConfigError> {
        settings::check_keys(file)?;
        let mut layers = settings::Layers::defaults();
        layers.file(file)?;
        for (name, value) in environment {
            layers.variable(&name, &value)?;
        }
        for flag in flags {
            layers.flag(flag)?;
        }
        let peers = file.get("peers").cloned();
        let (table, origins) = layers.into_table(base, peers)?;
        let config: Config = Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError::Syntax { reason: error.message().to_owned() })?;
        config.check()?;
        Ok(Loaded { config, origins })
    }

    /// Where the value of a key came from. `peers` comes from the file.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::File)
    }

    /// Every key with its value as text and its origin.
    pub fn rows(&self) -> Vec<(String, String, Origin)> {
        let table = Table::try_from(&self.config).unwrap_or_default();
        let mut rows: Vec<_> = SETTINGS
            .iter()
            .map(|setting| {
                let value = settings::lookup(&table, setting.key).map(settings::plain).unwrap_or_default();
                (setting.key.to_owned(), value, self.origin(setting.key))
            })
            .collect();
        for (index, peer) in self.config.peers.iter().enumerate() {
            let value = format!("{} {} {}", peer.member, peer.consensus, peer.gossip);
            rows.push((format!("peers[{index}]"), value, Origin::File));
        }
        rows
    }
}

impl Config {
    fn check(&self) -> Result<(), ConfigError> {
        if !self.api.listen.ip().is_loopback() && !self.api.expose {
            return Err(ConfigError::BadValue {
                key: "api.listen".to_owned(),
                reason: format!(
                    "`{}` is not a loopback address; set `api.expose = true` if others shall reach this node",
                    self.api.listen
                ),
            });
        }
        let addresses = [("consensus.listen", &self.consensus.listen), ("gossip.listen", &self.gossip.listen)];
        for (key, text) in addresses {
            check_address(key, text, false)?;
        }
        for (index, peer) in self.peers.iter().enumerate() {
            check_address(&format!("peers[{index}].consensus"), &peer.consensus, true)?;
            check_address(&format!("peers[{index}].gossip"), &peer.gossip, true)?;
        }
        Ok(())
    }
}

fn check_address(key: &str, text: &str, names_peer: bool) -> Result<(), ConfigError> {
    let bad = |reason: String| ConfigError::BadValue { key: key.to_owned(), reason };
    let address: libp2p::Multiaddr =
        text.parse().map_err(|_| bad(format!("`{text}` is not a multiaddress such as /ip4/127.0.0.1/tcp/26670")))?;
    let has_peer = matches!(address.iter().last(), Some(libp2p::multiaddr::Protocol::P2p(_)));
    if names_peer && !has_peer {
        return Err(bad(format!("`{text}` must end in /p2p/<peer id>, so that nobody else can answer for the peer")));
    }
    Ok(())
}

fn read_table(file: &Path) -> Result<Table, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: file.to_owned(), source };
    let not_text = |reason| ConfigError::NotText { path: file.to_owned(), reason };
    let length = std::fs::metadata(file).map_err(unreadable)?.len();
    if length > MAX_CONFIG_BYTES {
        return Err(not_text("over 1 MiB"));
    }
    let bytes = std::fs::read(file).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| not_text("not UTF-8"))?;
    text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax { reason: error.to_string().trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(file: &str, environment: &[(&str, &str)], flags: &[&str]) -> Result<Loaded, ConfigError> {
        let file: Table = file.parse().unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let flags: Vec<_> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Loaded::layer(&file, Path::new("/srv/x"), environment, &flags)
    }

    #[test]
    fn later_layers_win_and_each_value_says_where_it_came_from() {
        let file = "member = 'lab-a'\n[pool]\nmax_entries = 7\nmax_bytes = 70000\n[api]\ntimeout_ms = 3000";
        let env = [("STANDSTILL_POOL_MAX_BYTES", "80000"), ("STANDSTILL_API_TIMEOUT_MS", "4000")];
        let loaded = layer(file, &env, &["api.timeout_ms=5000"]).unwrap();
        assert_eq!(loaded.config.pool, Pool { max_entries: 7, max_bytes: 80_000 });
        assert_eq!(loaded.config.api.timeout_ms, 5000);
        assert_eq!(loaded.origin("pool.max_entries"), Origin::File);
        assert_eq!(loaded.origin("pool.max_bytes").to_string(), "environment STANDSTILL_POOL_MAX_BYTES");
        assert_eq!(loaded.origin("api.timeout_ms"), Origin::Flag);
        assert_eq!(loaded.origin("gossip.listen"), Origin::Default);
    }

    #[test]
    fn unknown_keys_are_errors_with_a_suggestion_in_every_layer() {
        let nearest = |result: Result<Loaded, ConfigError>| match result.unwrap_err() {
            ConfigError::UnknownKey { nearest, .. } => nearest,
            other => panic!("{other}"),
        };
        assert_eq!(nearest(layer("[api]\nlisten_adress = 'x'", &[], &[])), Some("api.listen"));
        assert_eq!(nearest(layer("membr = 'lab-a'", &[], &[])), Some("member"));
        assert_eq!(nearest(layer("member = 'lab-a'", &[("STANDSTILL_API_LISTN", "")], &[])), Some("api.listen"));
        assert_eq!(nearest(layer("member = 'lab-a'", &[], &["pool.max_entires=1"])), Some("pool.max_entries"));
        layer("member = 'lab-a'", &[("STANDSTILL_KILL_SEED", "7"), ("STANDSTILL_WRITE_VECTORS", "1")], &[]).unwrap();
        assert_eq!(nearest(layer("[completely.elsewhere]\nx = 1", &[], &[])), None);
    }

    #[test]
    fn relative_paths_are_relative_to_the_file() {
        let loaded = layer("member = 'lab-a'\n[paths]\nkeys = '../secret'\ndata = '/var/d'", &[], &[]).unwrap();
        assert_eq!(loaded.config.paths.keys, Path::new("/srv/x/../secret"));
        assert_eq!(loaded.config.paths.data, Path::new("/var/d"));
        assert_eq!(loaded.config.paths.treaty, Path::new("/srv/x/treaty.toml"));
    }

    #[test]
    fn the_world_is_not_let_in_by_accident() {
        let file = "member = 'lab-a'\n[api]\nlisten = '0.0.0.0:80'";
        assert!(layer(file, &[], &[]).unwrap_err().to_string().contains("api.expose"));
        layer(file, &[], &["api.expose=true"]).unwrap();
        let peer = "member = 'lab-a'\n[[peers]]\nmember = 'lab-b'\nconsensus = '/ip4/1.2.3.4/tcp/1'\ngossip = '/ip4/1.2.3.4/tcp/2'";
        assert!(layer(peer, &[], &[]).unwrap_err().to_string().contains("/p2p/"));
    }

    #[test]
    fn bad_values_name_their_key() {
        for (file, key) in [
            ("member = 7", "member"),
            ("member = 'lab-a'\n[pool]\nmax_entries = -1", "pool.max_entries"),
            ("member = 'lab-a'\n[pool]\nmax_entries = 0", "pool.max_entries"),
            ("member = 'lab-a'\n[api]\nlisten = 'here'", "api.listen"),
            ("member = 'lab-a'\n[gossip]\nlisten = 'here'", "gossip.listen"),
            ("member = 'lab-a'\napi = 3", "api"),
        ] {
            let error = layer(file, &[], &[]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}`")), "{file}: {error}");
        }
        assert!(matches!(layer("", &[], &[]), Err(ConfigError::Missing { key: "member" })));
    }

    #[test]
    fn what_is_written_loads_back() {
        let mut config = Config::new("lab-a".parse().unwrap());
        let id = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
        config.peers.push(Peer {
            member: "lab-b".parse().unwrap(),
            consensus: format!("/ip4/127.0.0.1/tcp/1/p2p/{id}"),
            gossip: format!("/ip4/127.0.0.1/tcp/2/p2p/{id}"),
        });
        let text = config.to_toml(Path::new("/srv/x")).unwrap();
        let back = layer(&text, &[], &[]).unwrap().config;
        assert_eq!(back.to_toml(Path::new("/srv/x")).unwrap(), text);
        assert_eq!(back.peers, config.peers);
    }
}
