//! Whose statement a draft is, and on which ledger.
//!
//! Signing checks the member and sets sequence and time anew, so a draft made without home, treaty or node can be filled
//! in later: what stood in for them is told.

use std::path::{Path, PathBuf};

use clap::Args;
use standstill_attestations::accounting::accelerators::ChipTable;
use standstill_attestations::{Common, Correction};
use standstill_policies::Treaty;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;

use crate::api::views::StatusView;
use crate::cli::{Failure, Global, read_file};
use crate::clock;
use crate::home::Home;

/// Bytes of a treaty, at most.
const MAX_TREATY_BYTES: u64 = 1 << 20;
/// Bytes of a chip table, at most.
const MAX_TABLE_BYTES: u64 = 256 << 10;

/// Whose statement, and on which ledger.
#[derive(Debug, Args)]
#[command(next_help_heading = "Whose, and on which ledger")]
pub(super) struct Whose {
    /// Make the draft and nothing else: no home, keys or node are needed
    #[arg(long)]
    pub(super) draft: bool,
    /// The ledger's treaty [default: the home's]
    #[arg(long, value_name = "FILE")]
    treaty: Option<PathBuf>,
    /// The ledger's id, where its treaty is not at hand
    #[arg(long, value_name = "HEX", conflicts_with = "treaty")]
    chain_id: Option<Hash>,
    /// Who says it [default: the home's member]
    #[arg(long, value_name = "NAME")]
    member: Option<Name>,
    /// When the draft is made [default: now]; signing sets it anew
    #[arg(long, value_name = "TIME")]
    issued_at: Option<Timestamp>,
    /// A chip table [default: the one that the shipped treaties pin]
    #[arg(long, value_name = "FILE")]
    chip_table: Option<PathBuf>,
}

/// What is known of ledger and member.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) common: Common,
    /// The treaty, where it is at hand.
    pub(super) treaty: Option<Treaty>,
    /// The chip table, where it is the treaty's.
    pub(super) chips: Option<ChipTable>,
}

impl Whose {
    /// Reads treaty, home and node, as far as they are needed.
    pub(super) fn known(&self, global: &Global, corrects: Option<Correction>) -> Result<Known, Failure> {
        let home = if self.draft { None } else { Some(global.open()?) };
        let treaty = treaty(self.treaty.as_deref(), home.as_ref())?;
        let chain_id = match (&treaty, self.chain_id) {
            (Some(treaty), _) => treaty.chain_id,
            (None, Some(chain_id)) => chain_id,
            (None, None) if self.draft => {
                global.say("note  no ledger was named: the draft bears one of zeros; `--treaty FILE` names it");
                Hash::ZERO
            }
            (None, None) => chain_of_node(global)?,
        };
        let member = match (&self.member, &home) {
            (Some(member), _) => member.clone(),
            (None, Some(home)) => home.member().clone(),
            (None, None) => {
                global.say("note  no member was named: the draft is by `unnamed`; `--member NAME` names it");
                "unnamed".parse().map_err(|_| Failure::usage("a draft needs `--member`"))?
            }
        };
        let chips = chip_table(global, self.chip_table.as_deref(), treaty.as_ref())?;
        let common =
            Common { chain_id, member, sequence: 1, issued_at: self.issued_at.unwrap_or_else(clock::now), corrects };
        Ok(Known { common, treaty, chips })
    }
}

/// The ledger of the node.
pub(super) fn chain_of_node(global: &Global) -> Result<Hash, Failure> {
    let status: StatusView = global.client()?.json("/v1/status")?;
    status.chain_id.parse().map_err(|_| Failure::unavailable("the node names no ledger"))
}

/// The treaty of a file, or else of a home where one is installed.
pub(super) fn treaty(file: Option<&Path>, home: Option<&Home>) -> Result<Option<Treaty>, Failure> {
    if let Some(file) = file {
        let parsed = Treaty::parse(&read_file(file, MAX_TREATY_BYTES)?);
        return parsed.map(Some).map_err(|error| Failure::usage(format!("`{}`: {error}", file.display())));
    }
    Ok(home.and_then(|home| Treaty::parse(&home.treaty().ok()?).ok()))
}

/// The chip table that may be used with a treaty: the one whose SHA-256 it pins. Without a treaty, the shipped one.
pub(super) fn chip_table(
    global: &Global,
    file: Option<&Path>,
    treaty: Option<&Treaty>,
) -> Result<Option<ChipTable>, Failure> {
    let table = match file {
        Some(file) => ChipTable::parse(&read_file(file, MAX_TABLE_BYTES)?),
        None => ChipTable::shipped(),
    };
    let table = table.map_err(|error| Failure::usage(format!("not a chip table: {error}")))?;
    let pinned = treaty.map(|treaty| treaty.counting.chip_table);
    match (pinned, file) {
        (Some(pinned), Some(_)) if pinned != table.sha256() => {
            Err(Failure::usage(format!("the treaty pins the chip table {pinned}, this one is {}", table.sha256()))
                .hint("ask whoever gave out the treaty for its table"))
        }
        (Some(pinned), None) if pinned != table.sha256() => {
            if pinned != Hash::ZERO {
                global.say("note  the treaty pins another chip table than the shipped one: `--chip-table FILE`");
            }
            Ok(None)
        }
        _ => Ok(Some(table)),
    }
}
