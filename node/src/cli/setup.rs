//! `init`, `key` and `config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use standstill_policies::Treaty;
use standstill_protocol::member::MemberId;

use super::{Failure, Global, columns, out, read_file};
use crate::config::{Config, Loaded};
use crate::exit::Exit;
use crate::home::{self, Home, MAX_TREATY_BYTES};
use crate::keystore::{self, KeyRole};
use crate::{Node, clock};

/// Make a home.
///
/// Without a treaty: configuration and five keys, and the lines that the treaty needs about this member. With a treaty:
/// the treaty, its modules and an empty store as well. An existing home is completed, and never changed.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The member that the node belongs to
    #[arg(long, value_name = "NAME")]
    lab: MemberId,
    /// The treaty that the members agreed on
    #[arg(long, value_name = "FILE")]
    treaty: Option<PathBuf>,
    /// The directory of the clauses' `.wasm` files [default: `modules` beside the treaty]
    #[arg(long, value_name = "DIR", requires = "treaty")]
    modules: Option<PathBuf>,
    /// Store keys without a passphrase; must be said
    #[arg(long)]
    no_passphrase: bool,
}

impl Init {
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        let directory = global.directory()?;
        let home = match directory.join("config.toml").exists() {
            true => self.existing(global)?,
            false => {
                must_say_no_passphrase(self.no_passphrase)?;
                home::create(&directory, Config::new(self.lab.clone()), clock::now())?
            }
        };
        let installed = match &self.treaty {
            Some(file) => Some(self.install(&home, file)?),
            None => None,
        };
        let keys = home.public_keys()?;
        let peer_id = peer_id(&home)?;
        let rows = keys.iter().map(|(role, key)| vec![role.to_string(), key.to_string()]);
        let view = json!({
            "schema": "standstill.home/1",
            "home": directory,
            "member": self.lab,
            "keys": keys.iter().map(|(role, key)| (role.to_string(), key.to_string()))
                .collect::<std::collections::BTreeMap<_, _>>(),
            "peer_id": peer_id,
            "chain_id": installed.as_ref().map(|treaty| treaty.chain_id.to_string()),
        });
        let mut text = format!("home       {}\nmember     {}\n", directory.display(), self.lab);
        text.push_str(&columns(&rows.collect::<Vec<_>>()));
        text.push_str(&format!("peer id    {peer_id}\n"));
        text.push_str(&match &installed {
            Some(treaty) => format!("\nledger     {}\nnext       standstill start --dry-run\n", treaty.chain_id),
            None => treaty_lines(&self.lab, &home)?,
        });
        global.print(&view, || text)?;
        Ok(Exit::Holds)
    }

    fn existing(&self, global: &Global) -> Result<Home, Failure> {
        let home = global.open()?;
        if *home.member() != self.lab {
            return Err(Failure::usage(format!("the home belongs to `{}`, not to `{}`", home.member(), self.lab))
                .hint("choose another directory with `--home DIR`"));
        }
        Ok(home)
    }

    fn install(&self, home: &Home, file: &std::path::Path) -> Result<Treaty, Failure> {
        let bytes = read_file(file, MAX_TREATY_BYTES)?;
        let treaty = Treaty::parse(&bytes).map_err(|error| Failure::usage(error.to_string()))?;
        let beside = file.parent().unwrap_or(std::path::Path::new("")).join("modules");
        let modules = home::read_modules(self.modules.as_ref().unwrap_or(&beside))?;
        if home.config.paths.treaty.exists() && home.treaty()? != bytes {
            return Err(Failure::usage("the home has another treaty already")
                .hint("one home is one ledger: choose another directory with `--home DIR`"));
        }
        home.install(&bytes, &modules)?;
        if !home.store_path().exists() {
            Node::create_store(home)?;
        }
        Ok(treaty)
    }
}

fn must_say_no_passphrase(said: bool) -> Result<(), Failure> {
    if said {
        return Ok(());
    }
    Err(Failure::usage("keys are stored without a passphrase, and that must be said")
        .hint("add `--no-passphrase`, and keep the home on an encrypted disk"))
}

fn peer_id(home: &Home) -> Result<String, Failure> {
    let key = home.key(KeyRole::Transport)?.public_key();
    let peer = keystore::peer_id(&key).ok_or_else(|| Failure::usage("the transport key is not a valid key"))?;
    Ok(peer.to_string())
}

/// The member's entry in the treaty file.
fn treaty_lines(member: &MemberId, home: &Home) -> Result<String, Failure> {
    let key = |role| home.key(role).map(|key| key.public_key());
    Ok(format!(
        "\nfor the treaty file:\n\n[[members]]\nid = \"{member}\"\ntitle = \"…\"\nroles = [\"lab\"]\n\
         statement_keys = [\"{}\"]\n[members.validator]\nconsensus = \"{}\"\nlog = \"{}\"\ncosigner = \"{}\"\n\
         peer_id = \"{}\"\n\nnext       standstill init --lab {member} --treaty FILE --modules DIR\n",
        key(KeyRole::Statement)?,
        key(KeyRole::Consensus)?,
        key(KeyRole::Log)?,
        key(KeyRole::Cosigner)?,
        peer_id(home)?,
    ))
}

/// Make and show keys.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Draw a key and write it to a new file
    Generate {
        /// What the key is for: consensus, statement, log, cosigner or transport
        #[arg(long, default_value = "statement")]
        role: String,
        /// The file; it must not exist
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Store the key without a passphrase; must be said
        #[arg(long)]
        no_passphrase: bool,
    },
    /// Show public keys: those of the home, or of one file
    Show {
        /// A key file
        file: Option<PathBuf>,
    },
}

impl Key {
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        match self {
            Key::Generate { role, out, no_passphrase } => {
                let role: KeyRole = role.parse()?;
                must_say_no_passphrase(*no_passphrase)?;
                let key = keystore::generate(out, role, clock::now())?.public_key();
                show(global, &[(role.to_string(), key)])?;
            }
            Key::Show { file: Some(file) } => {
                let key = keystore::read(file)?.public_key();
                let role = keystore::stated_role(file).map_or_else(|| "unknown".to_owned(), |role| role.to_string());
                show(global, &[(role, key)])?;
            }
            Key::Show { file: None } => {
                let keys = global.open()?.public_keys()?;
                let keys: Vec<_> = keys.into_iter().map(|(role, key)| (role.to_string(), key)).collect();
                show(global, &keys)?;
            }
        }
        Ok(Exit::Holds)
    }
}

fn show(global: &Global, keys: &[(String, standstill_protocol::keys::PublicKey)]) -> Result<(), Failure> {
    let view: Vec<_> = keys
        .iter()
        .map(|(role, key)| json!({ "role": role, "public_key": key.to_string(), "key_id": key.id().to_string() }))
        .collect();
    let mut rows: Vec<_> = keys.iter().map(|(role, key)| vec![role.clone(), key.to_string()]).collect();
    if let [(_, key)] = keys {
        // What envelopes name: the fingerprint.
        rows.push(vec!["key id".to_owned(), key.id().to_string()]);
    }
    global.print(&json!({ "schema": "standstill.keys/1", "keys": view }), || columns(&rows))
}

/// Show and check the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every value
    Show {
        /// Also print where each value came from
        #[arg(long)]
        origin: bool,
    },
    /// Say whether the configuration is valid
    Check,
}

impl ConfigCommand {
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        let file = global.directory()?.join("config.toml");
        let loaded = Loaded::load(&file, &global.set)?;
        match self {
            ConfigCommand::Check => out(format!("{} is valid\n", file.display()).as_bytes())?,
            ConfigCommand::Show { origin } => {
                let rows = loaded.rows();
                let view: Vec<_> = rows
                    .iter()
                    .map(|(key, value, origin)| json!({ "key": key, "value": value, "origin": origin.to_string() }))
                    .collect();
                let text = rows.iter().map(|(key, value, from)| {
                    let mut row = vec![key.clone(), value.clone()];
                    if *origin {
                        row.insert(1, from.to_string());
                    }
                    row
                });
                let text: Vec<_> = text.collect();
                global.print(&json!({ "schema": "standstill.config/1", "values": view }), || columns(&text))?;
            }
        }
        Ok(Exit::Holds)
    }
}
