//! `ledger`: heads, entries, receipts and bundles.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use clap::Subcommand;
use serde_json::json;

use super::attest::{deliver, verify_receipt};
use super::{Failure, Global, out};
use crate::api::views::EntryView;
use crate::exit::Exit;
use crate::store::Store;
use crate::{NodeError, fsck};

/// Read the ledger.
#[derive(Debug, Subcommand)]
pub(super) enum Ledger {
    /// Print the newest checkpoint that a quorum cosigned
    Head,
    /// Print an entry's bytes as the log has them
    Get {
        /// Its id or its log index
        id: String,
        /// Where to write them; `-` is stdout
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        out: PathBuf,
    },
    /// Write an entry's receipt, after checking it
    Prove {
        /// Its id or its log index
        id: String,
        /// Where to write it; `-` is stdout
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        out: PathBuf,
    },
    /// Write a stretch of the ledger as a bundle, for `standstill-verify bundle`
    Export {
        /// The first height [default: 1]
        #[arg(long)]
        from: Option<u64>,
        /// The last height [default: the last one that a cosigned checkpoint covers]
        #[arg(long)]
        to: Option<u64>,
        /// The file; it must not exist
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
    /// Read the store of a stopped node from end to end, and compare it with itself
    Fsck,
}

impl Ledger {
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        match self {
            Ledger::Head => out(&global.client()?.get("/checkpoint")?)?,
            Ledger::Get { id, out } => deliver(global, out, &leaf(global, id)?)?,
            Ledger::Prove { id, out } => {
                let leaf = leaf(global, id)?;
                let proof = global.client()?.get(&format!("/v1/receipts/{id}?wait=true"))?;
                let checked = verify_receipt(global, &proof, &leaf)?;
                deliver(global, out, &proof)?;
                return Ok(checked);
            }
            Ledger::Export { from, to, out } => export(global, *from, *to, out)?,
            Ledger::Fsck => return fsck(global),
        }
        Ok(Exit::Holds)
    }
}

fn fsck(global: &Global) -> Result<Exit, Failure> {
    let home = global.open()?;
    let rules = crate::run::rules(&home)?;
    let store = Store::open(&home.store_path(), &rules.chain_id()).map_err(NodeError::from)?;
    let report = fsck::check(&rules, &store).map_err(NodeError::from)?;
    let view = json!({ "schema": "standstill.fsck/1", "blocks": report.blocks, "leaves": report.leaves,
        "problems": report.count, "first": report.problems });
    global.print(&view, || {
        let mut text = format!("{} blocks, {} leaves, {} problems\n", report.blocks, report.leaves, report.count);
        report.problems.iter().for_each(|problem| text.push_str(&format!("{problem}\n")));
        text
    })?;
    Ok(if report.count == 0 { Exit::Holds } else { Exit::Untrusted })
}

fn leaf(global: &Global, id: &str) -> Result<Vec<u8>, Failure> {
    let entry: EntryView = global.client()?.json(&format!("/v1/entries/{id}"))?;
    let text = entry.leaf.unwrap_or_default();
    if entry.kind == "statement" {
        return Ok(text.into_bytes());
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(text);
    decoded.map_err(|_| Failure::untrusted("the node's answer holds no leaf"))
}

fn export(global: &Global, from: Option<u64>, to: Option<u64>, path: &Path) -> Result<(), Failure> {
    let parameters = [("from", from), ("to", to)];
    let parameters = parameters.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
    let query = parameters.collect::<Vec<_>>().join("&");
    let mut stream = global.client()?.stream(&format!("/v1/bundle?{query}"))?;
    let failed = |error: std::io::Error| Failure::unavailable(format!("the bundle was not finished: {error}"));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = file.map_err(|error| Failure::usage(format!("cannot create `{}`: {error}", path.display())))?;
    let copied = copy(&mut stream, &mut file);
    match copied {
        Ok(length) => {
            global.say(&format!("wrote {} ({length} bytes)", path.display()));
            Ok(())
        }
        Err(error) => {
            // Half a bundle is no bundle; what remains must not be mistaken for one.
            let _ = std::fs::remove_file(path);
            Err(failed(error))
        }
    }
}

fn copy(from: &mut impl Read, to: &mut std::fs::File) -> std::io::Result<u64> {
    let length = std::io::copy(from, to)?;
    to.flush()?;
    to.sync_all()?;
    Ok(length)
}
