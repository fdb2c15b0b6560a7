//! Every key: its type, default and meaning. The reference page, `config show` and the suggestions are made from this
//! table.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use standstill_protocol::member::Name;
use toml::{Table, Value};

use super::{ConfigError, ENV_PREFIX, Origin};

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A member's name.
    Member,
    /// A path, relative to the configuration file.
    Path,
    /// A libp2p multiaddress.
    Multiaddress,
    /// An IP address and port.
    Socket,
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Table and name, with a dot.
    pub key: &'static str,
    /// What its value must be.
    pub kind: Kind,
    /// The default as text; `None` where somebody must say it.
    pub default: Option<&'static str>,
    /// What it does.
    pub doc: &'static str,
}

const fn setting(key: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, kind, default: Some(default), doc }
}

const MILLIS: Kind = Kind::Integer { min: 10, max: 3_600_000 };

/// Every key that exists, apart from the array `peers`.
pub const SETTINGS: &[Setting] = &[
    Setting { key: "member", kind: Kind::Member, default: None, doc: "the member that this node belongs to" },
    setting("paths.treaty", Kind::Path, "treaty.toml", "the treaty file; its hash makes the chain id"),
    setting("paths.modules", Kind::Path, "modules", "directory of the clauses' `.wasm` files"),
    setting("paths.keys", Kind::Path, "keys", "directory of the secret keys"),
    setting("paths.data", Kind::Path, "data", "the store and the consensus engine's write-ahead log"),
    setting("paths.log", Kind::Path, "log", "the log as files: checkpoint, policy and tiles"),
    setting(
        "log.write_entries",
        Kind::Boolean,
        "false",
        "also write the entries themselves to the log directory; they are served over HTTP in any case",
    ),
    setting("consensus.listen", Kind::Multiaddress, "/ip4/127.0.0.1/tcp/26670", "where the consensus engine listens"),
    setting(
        "consensus.timeout_propose_ms",
        MILLIS,
        "1000",
        "how long a proposer may take before the round is voted over",
    ),
    setting("consensus.timeout_vote_ms", MILLIS, "500", "how long to wait for straggling votes"),
    setting("consensus.block_interval_ms", MILLIS, "200", "how long to collect entries before making a block of them"),
    setting(
        "consensus.max_block_bytes",
        Kind::Integer { min: 1 << 16, max: 8 << 20 },
        "4194304",
        "bytes of a block that this node proposes, at most",
    ),
    setting(
        "gossip.listen",
        Kind::Multiaddress,
        "/ip4/127.0.0.1/tcp/26671",
        "where the swarm for pending envelopes and cosignatures listens",
    ),
    setting(
        "gossip.max_connections",
        Kind::Integer { min: 1, max: 1024 },
        "256",
        "connections in both directions, at most",
    ),
    setting("api.listen", Kind::Socket, "127.0.0.1:26672", "where the HTTP API listens; port 0 lets the system choose"),
    setting("api.expose", Kind::Boolean, "false", "must be true for an address other than loopback"),
    setting("api.timeout_ms", MILLIS, "10000", "how long a request may take, apart from a wait for finality"),
    setting("api.wait_final_ms", MILLIS, "60000", "how long `?wait=final` waits before it answers `pending`"),
    setting(
        "pool.max_entries",
        Kind::Integer { min: 1, max: 100_000 },
        "4096",
        "pending envelopes of one member, at most",
    ),
    setting(
        "pool.max_bytes",
        Kind::Integer { min: 1 << 16, max: 1 << 30 },
        "16777216",
        "bytes of one member's pending envelopes, at most",
    ),
];

/// The reference page of every key, as `docs/reference/node-config.md` holds it.
pub fn reference() -> String {
    let mut text = String::from(
        "# Configuration of a node\n\n\
         One file, `config.toml` in the node's home. Defaults, then the file, then the environment \
         (`STANDSTILL_API_LISTEN`\nsets `api.listen`), then `--set KEY=VALUE`. Unknown keys are errors. Relative paths are \
         relative to the file.\n\n\
         | key | default | value | meaning |\n|---|---|---|---|\n",
    );
    for Setting { key, kind, default, doc } in SETTINGS {
        let default = default.map_or_else(|| "must be set".to_owned(), |default| format!("`{default}`"));
        text.push_str(&format!("| `{key}` | {default} | {kind} | {doc} |\n"));
    }
    text.push_str(
        "\nEach other validator is a table `[[peers]]` with `member`, `consensus` and `gossip`: multiaddresses that end \
         in\n`/p2p/<peer id>`, the peer id that the treaty lists.\n",
    );
    text
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::Member => f.write_str("a member's name"),
            Kind::Path => f.write_str("a path"),
            Kind::Multiaddress => f.write_str("a multiaddress"),
            Kind::Socket => f.write_str("address and port"),
            Kind::Boolean => f.write_str("`true` or `false`"),
            Kind::Integer { min, max } => write!(f, "{min} to {max}"),
        }
    }
}

/// The setting of a key.
fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The nearest known key, if at least half of it is right.
fn nearest(key: &str) -> Option<&'static str> {
    let candidates = SETTINGS.iter().map(|setting| setting.key).chain(std::iter::once("peers"));
    let scored = candidates.map(|candidate| (distance(key, candidate), candidate));
    scored
        .filter(|(distance, candidate)| *distance <= candidate.len().max(key.len()) / 2)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, on bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let value = (diagonal + usize::from(x != y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, value);
            left = value;
        }
        row[0] = i + 1;
    }
    row.last().copied().unwrap_or(a.len())
}

fn unknown(key: &str) -> ConfigError {
    ConfigError::UnknownKey { key: key.chars().take(80).collect(), nearest: nearest(key) }
}

/// Refuses keys that do not exist.
pub(super) fn check_keys(table: &Table) -> Result<(), ConfigError> {
    for (name, value) in table {
        let is_table_name = SETTINGS.iter().any(|setting| setting.key.split_once('.').is_some_and(|(t, _)| t == name));
        match value {
            _ if name == "peers" || find(name).is_some() => {}
            Value::Table(inner) if is_table_name => {
                for key in inner.keys() {
                    let key = format!("{name}.{key}");
                    find(&key).ok_or_else(|| unknown(&key))?;
                }
            }
            _ if is_table_name => {
                return Err(ConfigError::BadValue { key: name.clone(), reason: "a table is expected".to_owned() });
            }
            _ => return Err(unknown(name)),
        }
    }
    Ok(())
}

/// The value of a dotted key.
pub(super) fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((name, inner)) => table.get(name)?.get(inner),
        None => table.get(key),
    }
}

/// Removes values that are the default, and tables that are empty then.
pub(super) fn remove_defaults(table: &mut Table) {
    for setting in SETTINGS {
        let Some((name, inner)) = setting.key.split_once('.') else { continue };
        let default = setting.default.and_then(|text| setting.parse(text).ok());
        if let Some(Value::Table(section)) = table.get_mut(name) {
            if section.get(inner) == default.as_ref() {
                section.remove(inner);
            }
            if section.is_empty() {
                table.remove(name);
            }
        }
    }
}

/// A value as people write it on a command line.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Setting {
    fn bad(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::BadValue { key: self.key.to_owned(), reason: reason.into() }
    }

    /// Reads a value from text, as it comes from the environment or a flag.
    fn parse(&self, text: &str) -> Result<Value, ConfigError> {
        let value = match self.kind {
            Kind::Boolean => {
                Value::Boolean(text.parse().map_err(|_| self.bad(format!("`{text}` is neither true nor false")))?)
            }
            Kind::Integer { .. } => {
                Value::Integer(text.parse().map_err(|_| self.bad(format!("`{text}` is not a whole number")))?)
            }
            _ => Value::String(text.to_owned()),
        };
        self.check(&value)?;
        Ok(value)
    }

    fn check(&self, value: &Value) -> Result<(), ConfigError> {
        match (self.kind, value) {
            (Kind::Boolean, Value::Boolean(_)) => Ok(()),
            (Kind::Integer { min, max }, Value::Integer(number)) if (min..=max).contains(number) => Ok(()),
            (Kind::Integer { min, max }, _) => Err(self.bad(format!("a whole number from {min} to {max} is expected"))),
            (Kind::Boolean, _) => Err(self.bad("true or false is expected")),
            (Kind::Member, Value::String(text)) => {
                text.parse::<Name>().map(|_| ()).map_err(|error| self.bad(error.to_string()))
            }
            (Kind::Socket, Value::String(text)) => text
                .parse::<SocketAddr>()
                .map(|_| ())
                .map_err(|_| self.bad(format!("`{text}` is not an address such as 127.0.0.1:26672"))),
            (Kind::Path | Kind::Multiaddress, Value::String(text)) if !text.is_empty() => Ok(()),
            _ => Err(self.bad("a text is expected")),
        }
    }
}

/// Values with their origins, while layers are merged.
pub(super) struct Layers {
    values: BTreeMap<&'static str, (Value, Origin)>,
}

impl Layers {
    pub(super) fn defaults() -> Self {
        let values = SETTINGS.iter().filter_map(|setting| {
            let value = setting.parse(setting.default?).ok()?;
            Some((setting.key, (value, Origin::Default)))
        });
        Layers { values: values.collect() }
    }

    pub(super) fn file(&mut self, table: &Table) -> Result<(), ConfigError> {
        for setting in SETTINGS {
            if let Some(value) = lookup(table, setting.key) {
                setting.check(value)?;
                self.values.insert(setting.key, (value.clone(), Origin::File));
            }
        }
        Ok(())
    }

    /// `STANDSTILL_API_LISTEN` sets `api.listen`. Other programs of the project share the prefix, so a variable that
    /// resembles no key is theirs and is left alone.
    pub(super) fn variable(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let rest = name.strip_prefix(ENV_PREFIX).unwrap_or(name);
        let named = |setting: &&Setting| setting.key.replace('.', "_").eq_ignore_ascii_case(rest);
        let Some(setting) = SETTINGS.iter().find(named) else {
            let key = rest.to_ascii_lowercase().replacen('_', ".", 1);
            let nearest = nearest(&key);
            let table = key.split_once('.').map_or(key.as_str(), |(table, _)| table);
            let in_table = SETTINGS.iter().any(|setting| setting.key.split_once('.').is_some_and(|(t, _)| t == table));
            return match nearest.is_some() || in_table {
                true => Err(ConfigError::UnknownKey { key: name.to_owned(), nearest }),
                false => Ok(()),
            };
        };
        let origin = Origin::Environment(name.to_owned());
        self.values.insert(setting.key, (setting.parse(text)?, origin));
        Ok(())
    }

    /// `api.listen=127.0.0.1:0`.
    pub(super) fn flag(&mut self, text: &str) -> Result<(), ConfigError> {
        let (key, value) = text.split_once('=').ok_or_else(|| ConfigError::BadValue {
            key: text.chars().take(80).collect(),
            reason: "write it as KEY=VALUE".to_owned(),
        })?;
        let setting = find(key).ok_or_else(|| unknown(key))?;
        self.values.insert(setting.key, (setting.parse(value)?, Origin::Flag));
        Ok(())
    }

    /// One table of every value, with absolute paths.
    pub(super) fn into_table(
        self,
        base: &Path,
        peers: Option<Value>,
    ) -> Result<(Table, BTreeMap<&'static str, Origin>), ConfigError> {
        let mut table = Table::new();
        let mut origins = BTreeMap::new();
        for setting in SETTINGS {
            let (mut value, origin) =
                self.values.get(setting.key).cloned().ok_or(ConfigError::Missing { key: setting.key })?;
            if let (Kind::Path, Value::String(text)) = (setting.kind, &mut value) {
                *text = base.join(&*text).to_string_lossy().into_owned();
            }
            origins.insert(setting.key, origin);
            match setting.key.split_once('.') {
                None => {
                    table.insert(setting.key.to_owned(), value);
                }
                Some((name, inner)) => {
                    let section = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
                    if let Value::Table(section) = section {
                        section.insert(inner.to_owned(), value);
                    }
                }
            }
        }
        if let Some(peers) = peers {
            table.insert("peers".to_owned(), peers);
        }
        Ok((table, origins))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_made_from_the_table() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/node-config.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&page, reference()).unwrap();
        }
        let found = std::fs::read_to_string(page).unwrap();
        assert_eq!(found, reference(), "write it anew with `UPDATE_DOCS=1 cargo test -p standstill-node reference`");
    }

    #[test]
    fn every_default_is_valid() {
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                setting.parse(default).unwrap();
            }
        }
        assert_eq!(SETTINGS.iter().filter(|setting| setting.default.is_none()).count(), 1);
    }
}
