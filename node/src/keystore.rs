//! Secret keys as files: one file a role, one role a key.
//!
//! ```text
//! # standstill statement secret key, created 2026-11-23T12:00:00Z, public key 3b6a…
//! standstill-secret-key-v1 9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60
//! ```
//!
//! 1. A file is created with `O_EXCL` and mode 0600 in a directory of mode 0700, written whole and synced. No command
//!    overwrites a key.
//! 2. A file that group or others may read is refused, as `ssh` refuses it.
//! 3. The seed is stored in the clear: whoever reads the file is the member. Keep the home on an encrypted disk or pass
//!    the file through systemd credentials.
//! 4. Each role signs one kind of thing. The consensus key signs votes and nothing else; the cosigner key cosignatures
//!    and nothing else.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use standstill_protocol::keys::{PublicKey, SecretKey};
use standstill_protocol::units::Timestamp;
use zeroize::Zeroizing;

/// What opens the line of the seed.
const SEED_PREFIX: &str = "standstill-secret-key-v1 ";
/// Bytes of a key file, at most.
const MAX_KEY_FILE: u64 = 1024;

/// What a key is for. Each role is a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyRole {
    /// Signs votes and proposals.
    Consensus,
    /// Signs the member's statements.
    Statement,
    /// Signs checkpoints as the log's operator (signature type 0x01).
    Log,
    /// Cosigns checkpoints as a witness (signature type 0x04).
    Cosigner,
    /// Names this node on the network: its libp2p peer id.
    Transport,
}

impl KeyRole {
    /// Every role, in the order in which they are listed to people.
    pub const ALL: [KeyRole; 5] =
        [KeyRole::Consensus, KeyRole::Statement, KeyRole::Log, KeyRole::Cosigner, KeyRole::Transport];

    /// The name in files, commands and output.
    pub const fn name(self) -> &'static str {
        match self {
            KeyRole::Consensus => "consensus",
            KeyRole::Statement => "statement",
            KeyRole::Log => "log",
            KeyRole::Cosigner => "cosigner",
            KeyRole::Transport => "transport",
        }
    }

    /// The file's name in the key directory.
    pub fn file_name(self) -> String {
        format!("{}.key", self.name())
    }
}

impl fmt::Display for KeyRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for KeyRole {
    type Err = KeyFileError;

    fn from_str(text: &str) -> Result<Self, KeyFileError> {
        let found = KeyRole::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| KeyFileError::UnknownRole { text: text.chars().take(40).collect() })
    }
}

/// Why a key file could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// No such role.
    #[error("`{text}` is not a key role: consensus, statement, log, cosigner or transport")]
    UnknownRole {
        /// What was given.
        text: String,
    },
    /// Keys are never overwritten.
    #[error("`{}` already exists and is not overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Group or others have access.
    #[error("permissions {mode:04o} for `{}` are too open: others could read this secret key", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not have the two lines of a key file.
    #[error("`{}` is not a key file: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl KeyFileError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            KeyFileError::TooOpen { path, .. } => Some(format!("run `chmod 600 {}`", path.display())),
            KeyFileError::Exists { .. } => Some("move the old key away first, or choose another path".to_owned()),
            KeyFileError::Io { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some(format!("run `standstill key generate --out {} --no-passphrase`", path.display()))
            }
            _ => None,
        }
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    move |source| KeyFileError::Io { action, path, source }
}

/// Draws a fresh key from the operating system's generator.
pub fn draw() -> Result<SecretKey, io::Error> {
    let mut seed = Zeroizing::new([0u8; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(SecretKey::from_seed(&seed))
}

/// Creates a directory that only its owner can enter, with its parents.
pub fn create_private_directory(path: &Path) -> Result<(), KeyFileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error("create", path))
}

/// Draws a key and writes it to a new file.
pub fn generate(path: &Path, role: KeyRole, now: Timestamp) -> Result<SecretKey, KeyFileError> {
    let key = draw().map_err(io_error("draw a key for", path))?;
    write(path, role, &key, now)?;
    Ok(key)
}

/// Writes a key to a new file of mode 0600 and syncs file and directory. The file gets its name when it is whole: a crash
/// leaves all of it or none.
pub fn write(path: &Path, role: KeyRole, key: &SecretKey, now: Timestamp) -> Result<(), KeyFileError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory {
        create_private_directory(directory)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let public = key.public_key();
    let seed = Zeroizing::new(hex::encode(key.seed().as_slice()));
    let header = format!("# standstill {role} secret key, created {now}, public key {public}\n");
    let text = Zeroizing::new(format!("{header}{SEED_PREFIX}{}\n", seed.as_str()));
    // What an interrupted run left behind was never a key.
    let _ = fs::remove_file(&temporary);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary);
    let mut file = file.map_err(io_error("create", &temporary))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io_error("write", &temporary))?;
    // A link, not a rename: it never replaces a key.
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary).map_err(io_error("remove", &temporary))?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyFileError::Exists { path: path.to_owned() });
        }
        other => other.map_err(io_error("create", path))?,
    }
    // Without this a crash could leave a directory that does not name the key whose public half was published.
    let directory = directory.unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io_error("sync", directory))
}

/// Reads a key file that only its owner can read.
pub fn read(path: &Path) -> Result<SecretKey, KeyFileError> {
    let file = File::open(path).map_err(io_error("open", path))?;
    let metadata = file.metadata().map_err(io_error("read", path))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::TooOpen { path: path.to_owned(), mode });
    }
    let malformed = |reason| KeyFileError::Malformed { path: path.to_owned(), reason };
    if !metadata.is_file() || metadata.len() > MAX_KEY_FILE {
        return Err(malformed("too long, or not a regular file"));
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_KEY_FILE as usize));
    file.take(MAX_KEY_FILE).read_to_string(&mut text).map_err(io_error("read", path))?;
    parse(&text).map_err(malformed)
}

fn parse(text: &str) -> Result<SecretKey, &'static str> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let line = lines.next().ok_or("its second line is missing")?;
    let seed = line.strip_prefix(SEED_PREFIX).ok_or("its second line does not hold a version 1 secret key")?;
    let mut bytes = Zeroizing::new([0u8; 32]);
    hex::decode_to_slice(seed, bytes.as_mut_slice()).map_err(|_| "the seed is not 64 hex digits")?;
    let key = SecretKey::from_seed(&bytes);
    let stated: Option<PublicKey> = header.rsplit_once("public key ").and_then(|(_, hex)| hex.parse().ok());
    match stated {
        Some(public) if public != key.public_key() => Err("its comment names another public key than its seed makes"),
        _ => Ok(key),
    }
}

/// The role that a key file's first line states, if it states one.
pub fn stated_role(path: &Path) -> Option<KeyRole> {
    let text = Zeroizing::new(fs::read_to_string(path).ok()?);
    text.lines().next()?.strip_prefix("# standstill ")?.split(' ').next()?.parse().ok()
}

/// The libp2p peer id of a transport key: what a treaty lists for a validator.
pub fn peer_id(key: &PublicKey) -> Option<libp2p::PeerId> {
    let key = libp2p::identity::ed25519::PublicKey::try_from_bytes(key.as_bytes()).ok()?;
    Some(libp2p::identity::PublicKey::from(key).to_peer_id())
}

/// The libp2p key pair of a transport key.
pub fn transport_keypair(key: &SecretKey) -> Option<libp2p::identity::Keypair> {
    let mut seed = key.seed();
    libp2p::identity::Keypair::ed25519_from_bytes(seed.as_mut_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn a_key_file_is_private_survives_reading_and_is_never_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("keys/statement.key");
        let key = generate(&path, KeyRole::Statement, NOW).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(read(&path).unwrap().public_key(), key.public_key());
        assert_eq!(stated_role(&path), Some(KeyRole::Statement));
        let again = generate(&path, KeyRole::Statement, NOW).unwrap_err();
        assert!(matches!(again, KeyFileError::Exists { .. }), "{again}");
        assert_eq!(read(&path).unwrap().public_key(), key.public_key());
        let header = format!("# standstill statement secret key, created {NOW}, public key {}\n", key.public_key());
        assert!(fs::read_to_string(&path).unwrap().starts_with(&header));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log.key");
        generate(&path, KeyRole::Log, NOW).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o777] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.to_string().contains("too open"), "{error}");
            assert!(error.hint().unwrap().starts_with("run `chmod 600 "));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        read(&path).unwrap();
    }

    #[test]
    fn a_damaged_key_file_is_refused_and_its_seed_is_not_in_the_message() {
        let home = tempfile::tempdir().unwrap();
        let seed = "11".repeat(32);
        for (name, text) in [
            ("empty", String::new()),
            ("one-line", "# standstill log secret key".to_owned()),
            ("short", format!("#\n{SEED_PREFIX}{}\n", &seed[..60])),
            ("version", format!("#\nstandstill-secret-key-v2 {seed}\n")),
            ("other-public", format!("# x, public key {}\n{SEED_PREFIX}{seed}\n", "22".repeat(32))),
        ] {
            let path = home.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::Malformed { .. }), "{name}: {error}");
            assert!(!error.to_string().contains(&seed[..60]));
        }
    }

    #[test]
    fn a_secret_key_that_is_printed_for_debugging_shows_no_seed() {
        let key = SecretKey::from_seed(&[0xa7; 32]);
        let shown = format!("{key:?} {key:#?}");
        assert!(!shown.contains(&"a7".repeat(4)) && !shown.contains("167, 167"), "{shown}");
        assert!(shown.contains(&key.public_key().to_string()));
    }

    #[test]
    fn the_peer_id_is_that_of_the_transport_key() {
        let key = SecretKey::from_seed(&[7; 32]);
        let pair = transport_keypair(&key).unwrap();
        assert_eq!(peer_id(&key.public_key()), Some(pair.public().to_peer_id()));
    }
}
