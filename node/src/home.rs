//! A node's home: one directory with everything that a node needs and owns.
//!
//! ```text
//! home/config.toml                 see config
//!      treaty.toml                 the treaty, byte for byte as it is hashed
//!      modules/*.wasm              the clauses, found by their SHA-256
//!      keys/{consensus,statement,log,cosigner,transport}.key
//!      data/ledger.redb            the store; wal/ is the consensus engine's
//!      data/must-follow            the store was made anew: follow before signing
//!      data/node.json              where the running node listens
//!      log/                        the log as files: checkpoint, policy, tile/…
//! ```
//!
//! The store is created by [`crate::Node::create_store`] and never by `start`: a validator that lost its store must not
//! sign as if it had never signed (see `rejoin`).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{PublicKey, SecretKey};
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Timestamp;

use crate::config::{Config, ConfigError, Loaded};
use crate::keystore::{self, KeyFileError, KeyRole};
use crate::rejoin;

/// Bytes of a treaty file, at most.
pub const MAX_TREATY_BYTES: u64 = 4 << 20;
/// Bytes of one clause's module, at most: the admission limit.
pub const MAX_MODULE_BYTES: u64 = 1 << 20;
/// Modules in a home, at most.
pub const MAX_MODULES: usize = 256;

/// An opened home.
#[derive(Clone, Debug)]
pub struct Home {
    directory: PathBuf,
    /// Its configuration, with absolute paths.
    pub config: Config,
}

/// Why a home could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Its configuration was refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key file was refused.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The directory already holds a home.
    #[error("`{}` already holds a node", path.display())]
    Exists {
        /// The directory.
        path: PathBuf,
    },
    /// A file over its bound.
    #[error("`{}` has {length} bytes, more than the {limit} allowed", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        length: u64,
        /// The bound.
        limit: u64,
    },
    /// Too many modules.
    #[error("`{}` holds more than {MAX_MODULES} modules", path.display())]
    TooManyModules {
        /// The directory.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl HomeError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            HomeError::Config(error) => error.hint(),
            HomeError::Key(error) => error.hint(),
            HomeError::Exists { .. } => Some("choose another directory with `--home DIR`".to_owned()),
            HomeError::Io { path, source, .. }
                if source.kind() == std::io::ErrorKind::NotFound && path.ends_with("treaty.toml") =>
            {
                Some("install the treaty with `standstill init --treaty FILE`".to_owned())
            }
            _ => None,
        }
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> HomeError {
    let path = path.to_owned();
    move |source| HomeError::Io { action, path, source }
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, HomeError> {
    let length = fs::metadata(path).map_err(io_error("read", path))?.len();
    if length > limit {
        return Err(HomeError::TooLong { path: path.to_owned(), length, limit });
    }
    fs::read(path).map_err(io_error("read", path))
}

/// Writes a file through a temporary neighbour, so that a crash leaves the old one or the new one. When it returns, file
/// and name are on the disk.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(io_error("write", path))?;
    sync_directory(path.parent().unwrap_or(Path::new("")))
}

/// Makes the names in a directory durable: without it a crash can undo a rename that a later file builds on.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), HomeError> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    fs::File::open(directory).and_then(|file| file.sync_all()).map_err(io_error("sync", directory))
}

/// Creates a home for a member: whichever of the five keys do not exist yet, directories, and the configuration last, so
/// that a run after a crash completes what the first one began. `config` may have any paths; relative ones are inside
/// `directory`.
pub fn create(directory: &Path, config: Config, now: Timestamp) -> Result<Home, HomeError> {
    let file = directory.join("config.toml");
    if file.exists() {
        return Err(HomeError::Exists { path: directory.to_owned() });
    }
    keystore::create_private_directory(directory)?;
    let text = config.to_toml(directory)?;
    // Read back before it counts: the environment may move the paths.
    let draft = directory.join("config.toml.draft");
    write_atomically(&draft, text.as_bytes())?;
    let home = Home { directory: directory.to_owned(), config: Loaded::load(&draft, &[])?.config };
    for role in KeyRole::ALL {
        draw_key(&home, role, now)?;
    }
    let paths = &home.config.paths;
    for path in [&paths.modules, &paths.data, &paths.log] {
        fs::create_dir_all(path).map_err(io_error("create", path))?;
    }
    fs::rename(&draft, &file).map_err(io_error("write", &file))?;
    sync_directory(directory)?;
    Ok(home)
}

fn draw_key(home: &Home, role: KeyRole, now: Timestamp) -> Result<(), HomeError> {
    let path = home.key_path(role);
    if path.exists() {
        return Ok(());
    }
    let key = keystore::draw().map_err(io_error("draw a key for", &path))?;
    if role == KeyRole::Consensus {
        keystore::create_private_directory(&home.config.paths.keys)?;
        rejoin::mark_unused(&path, &key.public_key())?;
    }
    Ok(keystore::write(&path, role, &key, now)?)
}

/// Opens a home under the process's environment and the flags `KEY=VALUE`.
pub fn open(directory: &Path, flags: &[String]) -> Result<Home, HomeError> {
    let loaded = Loaded::load(&directory.join("config.toml"), flags)?;
    Ok(Home { directory: directory.to_owned(), config: loaded.config })
}

impl Home {
    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The member that the node belongs to.
    pub fn member(&self) -> &MemberId {
        &self.config.member
    }

    /// The configuration file.
    pub fn config_path(&self) -> PathBuf {
        self.directory.join("config.toml")
    }

    /// The file of a key.
    pub fn key_path(&self, role: KeyRole) -> PathBuf {
        self.config.paths.keys.join(role.file_name())
    }

    /// The store's file.
    pub fn store_path(&self) -> PathBuf {
        self.config.paths.data.join("ledger.redb")
    }

    /// The consensus engine's write-ahead log.
    pub fn wal_path(&self) -> PathBuf {
        self.config.paths.data.join("wal")
    }

    /// Where the running node says its addresses.
    pub fn endpoint_path(&self) -> PathBuf {
        self.config.paths.data.join("node.json")
    }

    /// Reads a key.
    pub fn key(&self, role: KeyRole) -> Result<SecretKey, KeyFileError> {
        keystore::read(&self.key_path(role))
    }

    /// The public halves of every key, for the treaty.
    pub fn public_keys(&self) -> Result<BTreeMap<KeyRole, PublicKey>, KeyFileError> {
        KeyRole::ALL.into_iter().map(|role| Ok((role, self.key(role)?.public_key()))).collect()
    }

    /// Writes the configuration file anew.
    pub fn save_config(&self) -> Result<(), HomeError> {
        let text = self.config.to_toml(&self.directory)?;
        write_atomically(&self.config_path(), text.as_bytes())
    }

    /// The treaty's bytes.
    pub fn treaty(&self) -> Result<Vec<u8>, HomeError> {
        read_bounded(&self.config.paths.treaty, MAX_TREATY_BYTES)
    }

    /// Every module in the module directory, in order of file name.
    pub fn modules(&self) -> Result<Vec<Vec<u8>>, HomeError> {
        read_modules(&self.config.paths.modules)
    }

    /// Writes treaty and modules. The store is created by [`crate::Node::create_store`].
    pub fn install(&self, treaty: &[u8], modules: &[Vec<u8>]) -> Result<(), HomeError> {
        write_atomically(&self.config.paths.treaty, treaty)?;
        for module in modules {
            let path = self.config.paths.modules.join(format!("{}.wasm", Hash::sha256(module)));
            write_atomically(&path, module)?;
        }
        Ok(())
    }
}

/// The `.wasm` files of a directory, in order of file name.
pub fn read_modules(directory: &Path) -> Result<Vec<Vec<u8>>, HomeError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(io_error("read", directory))? {
        let path = entry.map_err(io_error("read", directory))?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            paths.push(path);
        }
        if paths.len() > MAX_MODULES {
            return Err(HomeError::TooManyModules { path: directory.to_owned() });
        }
    }
    paths.sort();
    paths.iter().map(|path| read_bounded(path, MAX_MODULE_BYTES)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new("lab-a".parse().unwrap())
    }

    #[test]
    fn creation_that_a_crash_cut_short_is_completed_and_keeps_the_keys_that_were_drawn() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("home");
        let home = create(&path, config(), Timestamp(1)).unwrap();
        let before = home.public_keys().unwrap();
        // As if the power had gone before the configuration: one key is missing, another was half written.
        fs::remove_file(home.config_path()).unwrap();
        fs::remove_file(home.key_path(KeyRole::Transport)).unwrap();
        fs::write(home.config.paths.keys.join("transport.key.new"), "# standstill tran").unwrap();
        let home = create(&path, config(), Timestamp(2)).unwrap();
        let after = home.public_keys().unwrap();
        assert_eq!(after.len(), 5);
        for role in KeyRole::ALL {
            assert_eq!(before[&role] == after[&role], role != KeyRole::Transport, "{role}");
        }
        assert!(matches!(create(&path, config(), Timestamp(3)), Err(HomeError::Exists { .. })));
    }

    #[test]
    fn only_a_key_that_was_drawn_here_and_never_used_may_sign_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("home");
        let home = create(&path, config(), Timestamp(1)).unwrap();
        rejoin::before_store(&home).unwrap();
        assert_eq!(rejoin::standing(&home).unwrap(), rejoin::Standing::Signs);
        rejoin::use_key(&home).unwrap();
        rejoin::before_store(&home).unwrap();
        assert_eq!(rejoin::standing(&home).unwrap(), rejoin::Standing::Unknown);
        assert_eq!(rejoin::decide(&home, [4, 9, 0].into_iter()).unwrap(), 12);
        assert_eq!(rejoin::standing(&home).unwrap(), rejoin::Standing::From(12));
        rejoin::reached(&home).unwrap();
        assert_eq!(rejoin::standing(&home).unwrap(), rejoin::Standing::Signs);

        // A key from elsewhere beside the mark of another is not unused.
        fs::remove_file(home.config_path()).unwrap();
        fs::remove_file(home.key_path(KeyRole::Consensus)).unwrap();
        let home = create(&path, config(), Timestamp(2)).unwrap();
        let elsewhere = SecretKey::from_seed(&[9; 32]);
        fs::remove_file(home.key_path(KeyRole::Consensus)).unwrap();
        keystore::write(&home.key_path(KeyRole::Consensus), KeyRole::Consensus, &elsewhere, Timestamp(2)).unwrap();
        rejoin::before_store(&home).unwrap();
        assert_eq!(rejoin::standing(&home).unwrap(), rejoin::Standing::Unknown);
    }
}
