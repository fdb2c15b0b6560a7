//! A request to countersign: one file that the other member can check without asking anybody.
//!
//! ```json
//! { "schema": "standstill.request/1", "to": "lab-b", "role": "meter", "figures": ["energy.joules"],
//!   "note": "feeds 1 and 2 of hall 3", "envelope": "{\"payload\":…", "receipt": "c2sp.org/tlog-proof@v1\n…" }
//! ```
//!
//! The envelope is the statement as it stands in the log, and the receipt proves that it does. Nothing else in the request
//! is believed: it only says what is wished for.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use standstill_attestations::countersignature::SignerRole;
use standstill_attestations::{Figure, Statement};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;

use super::content::word;
use super::sign::beside;
use super::{deliver, read_statement};
use crate::cli::{Failure, Global, read_file};
use crate::exit::Exit;

/// How the request's form is named.
pub(super) const SCHEMA: &str = "standstill.request/1";
/// Bytes of a request or a receipt, at most.
pub(super) const MAX_REQUEST_BYTES: u64 = 1 << 18;

/// Asks another member to countersign.
#[derive(Debug, Args)]
pub(in crate::cli) struct RequestCommand {
    /// The statement: its id or its log index, or its envelope
    statement: String,
    /// Who is asked
    #[arg(long, value_name = "MEMBER")]
    of: Name,
    /// As what: meter, host, evaluator or inspector
    #[arg(long, value_name = "WORD")]
    role: Option<String>,
    /// A figure that is asked about, such as energy.joules; as many as apply
    #[arg(long, value_name = "FIGURE")]
    figure: Vec<String>,
    /// Anything else, for people
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Where to write the request; `-` is stdout
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

/// A request as a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) schema: String,
    /// Who is asked.
    pub(super) to: Name,
    /// As what.
    pub(super) role: Option<String>,
    /// Which figures; empty for any.
    pub(super) figures: Vec<String>,
    pub(super) note: Option<String>,
    /// The statement's envelope, byte for byte.
    pub(super) envelope: String,
    /// Proof that it is in the log.
    pub(super) receipt: Option<String>,
}

/// A statement of somebody, as it was signed.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) statement: Statement,
    pub(super) id: Hash,
    /// The envelope.
    pub(super) leaf: Vec<u8>,
    pub(super) receipt: Option<Vec<u8>>,
}

impl Claim {
    /// From a file with its receipt beside it, or from the node by id or log index.
    pub(super) fn find(global: &Global, name: &str) -> Result<Self, Failure> {
        let path = Path::new(name);
        if path.is_file() {
            let read = read_statement(path)?;
            let id = read.id.ok_or_else(|| {
                Failure::usage(format!("`{name}` is a draft: it has no id yet")).hint("name the signed envelope")
            })?;
            let receipt = read_file(&beside(path), MAX_REQUEST_BYTES).ok();
            return Ok(Claim { statement: read.statement, id, leaf: read.bytes, receipt });
        }
        let is_id = name.parse::<Hash>().is_ok() || name.parse::<u64>().is_ok();
        if !is_id {
            return Err(Failure::usage(format!("`{name}` is neither a file nor an id nor a log index")));
        }
        let client = global.client()?;
        let entry: Value = client.json(&format!("/v1/entries/{name}"))?;
        let leaf = entry["leaf"].as_str().unwrap_or_default().as_bytes().to_vec();
        let (statement, id) = read_envelope(&leaf)?;
        let receipt = client.get(&format!("/v1/receipts/{id}?wait=true")).ok();
        Ok(Claim { statement, id, leaf, receipt })
    }
}

/// An envelope's statement and its id.
pub(super) fn read_envelope(leaf: &[u8]) -> Result<(Statement, Hash), Failure> {
    let envelope = Envelope::parse(leaf).map_err(|error| Failure::usage(error.to_string()))?;
    Ok((Statement::parse(envelope.payload())?, envelope.id()))
}

/// A statement whose figures another member can observe.
pub(super) fn observable(statement: &Statement) -> Result<(), Failure> {
    if Figure::KINDS.contains(&statement.kind()) {
        return Ok(());
    }
    let kinds: Vec<_> = Figure::KINDS.iter().map(|kind| kind.as_str()).collect();
    Err(Failure::usage(format!("nobody countersigns a `{}` statement", statement.kind()))
        .hint(format!("there are figures to observe in: {}", kinds.join(", "))))
}

impl RequestCommand {
    /// Writes the request.
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        if let Some(role) = &self.role {
            word(SignerRole::from_word(role), role, SignerRole::WORDS)?;
        }
        for figure in &self.figure {
            word(Figure::from_word(figure), figure, Figure::WORDS)?;
        }
        let claim = Claim::find(global, &self.statement)?;
        observable(&claim.statement)?;
        if claim.statement.common.member == self.of {
            return Err(Failure::usage(format!(
                "the statement is by `{}` itself: nobody countersigns himself",
                self.of
            )));
        }
        if claim.receipt.is_none() {
            global.say("warning: no receipt was found, so the other member has to ask a node for the statement");
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let request = Request {
            schema: SCHEMA.to_owned(),
            to: self.of.clone(),
            role: self.role.clone(),
            figures: self.figure.clone(),
            note: self.note.clone(),
            envelope: text(claim.leaf),
            receipt: claim.receipt.map(text),
        };
        let mut bytes = serde_json::to_vec_pretty(&request).unwrap_or_default();
        bytes.push(b'\n');
        deliver(global, &self.out, &bytes)?;
        Ok(Exit::Holds)
    }
}
