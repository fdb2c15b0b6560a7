//! Signing, submitting, and checking the receipt that comes back.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use standstill_attestations::Statement;
use standstill_protocol::block::MAX_ENTRY_BYTES;
use standstill_protocol::dsse::Envelope;
use standstill_protocol::member::MemberId;
use standstill_protocol::tlog_proof::TlogProof;

use super::{ENVELOPE, MAX_DRAFT_BYTES, treaty};
use crate::api::views::{EntryView, MemberView};
use crate::cli::client::Client;
use crate::cli::{Failure, Global, read_file, write_file};
use crate::exit::Exit;
use crate::home::Home;
use crate::keystore::{self, KeyRole};
use crate::{clock, cosign};

/// With what a statement is signed, and where the envelope goes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Seal {
    /// Where to write the envelope [default: the home's `statements/`]
    #[arg(long, short, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// The member's count [default: what the node says is next]
    #[arg(long, value_name = "COUNT")]
    sequence: Option<u64>,
    /// A key file [default: the home's statement key]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Signs a draft.
pub(super) fn sign(global: &Global, draft: &Path, seal: &Seal) -> Result<Exit, Failure> {
    let home = global.open()?;
    let statement = Statement::parse(&read_file(draft, MAX_DRAFT_BYTES)?)?;
    seal.write(global, &home, statement)?;
    Ok(Exit::Holds)
}

impl Seal {
    /// Signs a statement with sequence and time of now, and writes the envelope.
    pub(super) fn write(&self, global: &Global, home: &Home, mut statement: Statement) -> Result<(), Failure> {
        if statement.common.member != *home.member() {
            let member = &statement.common.member;
            return Err(Failure::usage(format!("the draft is by `{member}`, this home is of `{}`", home.member())));
        }
        if let Some(treaty) = treaty(home).filter(|treaty| treaty.chain_id != statement.common.chain_id) {
            let chain = statement.common.chain_id;
            return Err(Failure::usage(format!(
                "the draft is for the ledger {chain}, this home's is {}",
                treaty.chain_id
            ))
            .hint("draft it again here, or with `--treaty FILE`"));
        }
        let key = match &self.key {
            Some(file) => keystore::read(file)?,
            None => home.key(KeyRole::Statement)?,
        };
        statement.common.sequence = match self.sequence {
            Some(sequence) => sequence,
            None => next_sequence(&global.client()?, home.member())?,
        };
        statement.common.issued_at = clock::now();
        statement.check()?;
        let envelope = Envelope::sign(statement.to_json(), &[&key]);
        let bytes = envelope.to_bytes();
        if bytes.len() > MAX_ENTRY_BYTES {
            let length = bytes.len();
            return Err(Failure::usage(format!("the envelope has {length} bytes, more than {MAX_ENTRY_BYTES}"))
                .hint("shorten the statement: keep bulky evidence in files and name their digests"));
        }
        let name = format!("{:06}-{}{ENVELOPE}", statement.common.sequence, statement.kind());
        let path = match &self.out {
            Some(path) => path.to_owned(),
            None => statements(home)?.join(name),
        };
        write_file(&path, &bytes)?;
        let view = json!({ "schema": "standstill.signed/1", "id": envelope.id(), "file": path,
            "sequence": statement.common.sequence, "key_id": key.public_key().id() });
        if path != Path::new("-") {
            global.print(&view, || {
                let path = path.display();
                format!("signed     {path}\nstatement  {}\nnext       standstill attest submit {path}\n", envelope.id())
            })?;
        }
        Ok(())
    }
}

/// The folder of what a home has signed.
pub(super) fn statements(home: &Home) -> Result<PathBuf, Failure> {
    let directory = home.directory().join("statements");
    let made = std::fs::create_dir_all(&directory);
    made.map_err(|error| Failure::unavailable(format!("cannot create `{}`: {error}", directory.display())))?;
    Ok(directory)
}

fn next_sequence(client: &Client, member: &MemberId) -> Result<u64, Failure> {
    Ok(client.json::<MemberView>(&format!("/v1/members/{member}"))?.next_sequence)
}

/// Submits an envelope and writes its receipt.
pub(super) fn submit(global: &Global, file: &Path, receipt: Option<&Path>) -> Result<Exit, Failure> {
    let bytes = read_file(file, 4 * MAX_ENTRY_BYTES as u64)?;
    let client = global.client()?;
    let entry: EntryView = client.post("/v1/entries?wait=final", &bytes)?;
    let id = entry.id.clone().unwrap_or_default();
    if entry.status != "final" {
        global.print(&entry, || format!("pending    {id}\n"))?;
        global.say("the entry is not final yet; ask with `standstill attest show ID`");
        return Ok(Exit::Undecided);
    }
    let proof = client.get(&format!("/v1/receipts/{id}?wait=true"))?;
    let checked = verify_receipt(global, &proof, &bytes)?;
    let path = receipt.map_or_else(|| beside(file), Path::to_owned);
    write_file(&path, &proof)?;
    let (index, height) = (entry.index.unwrap_or(0), entry.height.unwrap_or(0));
    let mut view = serde_json::to_value(&entry).unwrap_or_default();
    view["receipt_file"] = json!(path);
    global.print(&view, || {
        format!("final      index {index}, height {height}\nstatement  {id}\nreceipt    {}\n", path.display())
    })?;
    Ok(checked)
}

/// `x.dsse.json` has its receipt in `x.proof`.
pub(super) fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(ENVELOPE).or(name.strip_suffix(".json")).unwrap_or(&name);
    file.with_file_name(format!("{stem}.proof"))
}

/// Checks a receipt against the treaty of the home: the node is not believed. Without a treaty nothing can be said about it,
/// and the exit says so.
pub(in crate::cli) fn verify_receipt(global: &Global, proof: &[u8], leaf: &[u8]) -> Result<Exit, Failure> {
    let untrusted = |error: &dyn std::fmt::Display| Failure::untrusted(format!("the receipt does not hold: {error}"));
    let parsed = TlogProof::parse(proof).map_err(|error| untrusted(&error))?;
    let treaty = global.open().ok().and_then(|home| treaty(&home));
    let Some(treaty) = treaty else {
        global.say("warning: the home has no treaty, so the receipt was not checked");
        return Ok(Exit::Undecided);
    };
    let policy = cosign::policy(&treaty).map_err(|error| untrusted(&error))?;
    parsed.verify(&policy, leaf).map_err(|error| untrusted(&error))?;
    Ok(Exit::Holds)
}
