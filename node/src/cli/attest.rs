//! `attest`: draft, check, sign, submit; what was said, and what is owed.
//!
//! ```text
//! new ──▶ draft.json ──check──▶ sign ──▶ 000007-training-compute.dsse.json ──submit──▶ ….proof
//! ```

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};
use standstill_attestations::{Common, Statement};
use standstill_policies::Treaty;
use standstill_protocol::block::MAX_ENTRY_BYTES;
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::MemberId;
use standstill_protocol::tlog_proof::TlogProof;

use super::client::Client;
use super::draft::{Content, Drafted};
use super::operate::ago;
use super::{Failure, Global, columns, out, read_file, write_file};
use crate::api::views::{EntryView, MemberView, ObligationRow, Page, StatusView};
use crate::exit::Exit;
use crate::home::Home;
use crate::keystore::{self, KeyRole};
use crate::{clock, cosign};

/// Bytes of a draft, at most: it becomes the payload of an envelope.
const MAX_DRAFT_BYTES: u64 = 1 << 16;
/// How a signed envelope's file name ends.
const ENVELOPE: &str = ".dsse.json";

/// Draft, check, sign and submit statements.
#[derive(Debug, Subcommand)]
pub(super) enum Attest {
    /// Draft a statement from files and flags
    New {
        #[command(flatten)]
        content: Content,
        /// Where to write the draft; `-` is stdout
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        out: PathBuf,
    },
    /// Check a draft or a signed envelope, without signing or sending anything
    Check {
        /// A draft or an envelope
        file: PathBuf,
    },
    /// Sign a draft
    Sign {
        /// The draft
        draft: PathBuf,
        /// Where to write the envelope [default: the home's `statements/`]
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The member's count [default: what the node says is next]
        #[arg(long)]
        sequence: Option<u64>,
        /// A key file [default: the home's statement key]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Submit an envelope, wait until it is final, and write its receipt
    Submit {
        /// The envelope
        envelope: PathBuf,
        /// Where to write the receipt [default: beside the envelope, `.proof`]
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List what this home has signed
    List,
    /// Show a statement of the ledger
    Show {
        /// Its id or its log index
        id: String,
    },
    /// Show what this member owes, and by when
    Due,
}

impl Attest {
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        match self {
            Attest::New { content, out } => new(global, content, out),
            Attest::Check { file } => check(global, file),
            Attest::Sign { draft, out, sequence, key } => {
                sign(global, draft, out.as_deref(), *sequence, key.as_deref())
            }
            Attest::Submit { envelope, out } => submit(global, envelope, out.as_deref()),
            Attest::List => list(global),
            Attest::Show { id } => show(global, id),
            Attest::Due => due(global),
        }
    }
}

/// The treaty of a home, where one is installed.
fn treaty(home: &Home) -> Option<Treaty> {
    Treaty::parse(&home.treaty().ok()?).ok()
}

pub(super) fn chain_id(global: &Global, home: &Home) -> Result<Hash, Failure> {
    if let Some(treaty) = treaty(home) {
        return Ok(treaty.chain_id);
    }
    let status: StatusView = global.client()?.json("/v1/status")?;
    status.chain_id.parse().map_err(|_| Failure::unavailable("the node names no ledger"))
}

fn new(global: &Global, content: &Content, out: &Path) -> Result<Exit, Failure> {
    content.kind()?;
    let home = global.open()?;
    let chain_id = chain_id(global, &home)?;
    let common =
        Common { chain_id, member: home.member().clone(), sequence: 1, issued_at: clock::now(), corrects: None };
    let Drafted { statement, notes } = content.draft(common)?;
    for note in &notes {
        global.say(note);
    }
    statement.check()?;
    let pretty: Value = serde_json::from_slice(&statement.to_json()).unwrap_or_default();
    let mut text = serde_json::to_vec_pretty(&pretty).unwrap_or_default();
    text.push(b'\n');
    write_file(out, &text)?;
    if out != Path::new("-") {
        global.say(&format!("next  standstill attest check {0}, then standstill attest sign {0}", out.display()));
    }
    Ok(Exit::Holds)
}

fn check(global: &Global, file: &Path) -> Result<Exit, Failure> {
    let bytes = read_file(file, MAX_DRAFT_BYTES)?;
    let envelope = Envelope::parse(&bytes);
    let (statement, form) = match &envelope {
        Ok(envelope) => (Statement::parse(envelope.payload())?, "envelope"),
        // An envelope that is broken is told as one, and not as a statement that it never was.
        Err(error) if looks_like_an_envelope(&bytes) => {
            return Err(Failure::usage(error.to_string()).hint("sign the draft again with `standstill attest sign`"));
        }
        Err(_) => (Statement::parse(&bytes)?, "draft"),
    };
    let Common { member, sequence, issued_at, .. } = &statement.common;
    let view = json!({
        "schema": "standstill.check/1",
        "form": form,
        "kind": statement.kind().as_str(),
        "member": member,
        "sequence": sequence,
        "id": envelope.as_ref().ok().map(|envelope| envelope.id().to_string()),
    });
    let text = format!("ok  {form} of a `{}` statement by {member}, drafted {issued_at}\n", statement.kind());
    global.print(&view, || text)?;
    Ok(Exit::Holds)
}

fn looks_like_an_envelope(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value.get("payloadType").is_some())
}

fn sign(
    global: &Global,
    draft: &Path,
    out: Option<&Path>,
    sequence: Option<u64>,
    key: Option<&Path>,
) -> Result<Exit, Failure> {
    let home = global.open()?;
    let mut statement = Statement::parse(&read_file(draft, MAX_DRAFT_BYTES)?)?;
    if statement.common.member != *home.member() {
        let member = &statement.common.member;
        return Err(Failure::usage(format!("the draft is by `{member}`, this home is of `{}`", home.member())));
    }
    let key = match key {
        Some(file) => keystore::read(file)?,
        None => home.key(KeyRole::Statement)?,
    };
    statement.common.sequence = match sequence {
        Some(sequence) => sequence,
        None => next_sequence(&global.client()?, home.member())?,
    };
    statement.common.issued_at = clock::now();
    statement.check()?;
    let envelope = Envelope::sign(statement.to_json(), &[&key]);
    let bytes = envelope.to_bytes();
    if bytes.len() > MAX_ENTRY_BYTES {
        return Err(Failure::usage(format!("the envelope has {} bytes, more than {MAX_ENTRY_BYTES}", bytes.len()))
            .hint("shorten the statement: keep bulky evidence in files and name their digests"));
    }
    let name = format!("{:06}-{}{ENVELOPE}", statement.common.sequence, statement.kind());
    let path = match out {
        Some(path) => path.to_owned(),
        None => statements(&home)?.join(name),
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
    Ok(Exit::Holds)
}

fn statements(home: &Home) -> Result<PathBuf, Failure> {
    let directory = home.directory().join("statements");
    let made = std::fs::create_dir_all(&directory);
    made.map_err(|error| Failure::unavailable(format!("cannot create `{}`: {error}", directory.display())))?;
    Ok(directory)
}

fn next_sequence(client: &Client, member: &MemberId) -> Result<u64, Failure> {
    Ok(client.json::<MemberView>(&format!("/v1/members/{member}"))?.next_sequence)
}

fn submit(global: &Global, file: &Path, receipt: Option<&Path>) -> Result<Exit, Failure> {
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
fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(ENVELOPE).or(name.strip_suffix(".json")).unwrap_or(&name);
    file.with_file_name(format!("{stem}.proof"))
}

/// Checks a receipt against the treaty of the home: the node is not believed. Without a treaty nothing can be said about it,
/// and the exit says so.
pub(super) fn verify_receipt(global: &Global, proof: &[u8], leaf: &[u8]) -> Result<Exit, Failure> {
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

fn list(global: &Global) -> Result<Exit, Failure> {
    let home = global.open()?;
    let directory = statements(&home)?;
    let read = std::fs::read_dir(&directory);
    let read = read.map_err(|error| Failure::unavailable(format!("cannot read `{}`: {error}", directory.display())))?;
    let mut files: Vec<_> = read.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ENVELOPE));
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let bytes = read_file(&file, MAX_DRAFT_BYTES)?;
        let Ok(envelope) = Envelope::parse(&bytes) else { continue };
        let Ok(statement) = Statement::parse(envelope.payload()) else { continue };
        let receipt = if beside(&file).exists() { "receipt" } else { "signed" };
        rows.push(json!({
            "sequence": statement.common.sequence, "kind": statement.kind().as_str(), "state": receipt,
            "issued_at": statement.common.issued_at, "id": envelope.id(), "file": file,
        }));
    }
    let text = |row: &Value| {
        let cell = |name: &str| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
        let id = cell("id").chars().take(16).collect();
        vec![cell("sequence"), cell("kind"), cell("state"), cell("issued_at"), id]
    };
    let table: Vec<_> = rows.iter().map(text).collect();
    global.print(&json!({ "schema": "standstill.statements/1", "rows": rows }), || columns(&table))?;
    Ok(Exit::Holds)
}

fn show(global: &Global, id: &str) -> Result<Exit, Failure> {
    let entry: EntryView = global.client()?.json(&format!("/v1/entries/{id}"))?;
    global.print(&entry, || {
        let place = match (entry.index, entry.height) {
            (Some(index), Some(height)) => format!("index {index}, height {height}"),
            _ => "not in a block yet".to_owned(),
        };
        let mut text = format!("{:<9}  {place}\n", entry.status);
        if let Some(id) = &entry.id {
            text.push_str(&format!("{:<9}  {id}\n", "statement"));
        }
        if let Some(statement) = &entry.statement {
            text.push_str(&serde_json::to_string_pretty(statement).unwrap_or_default());
            text.push('\n');
        }
        text
    })?;
    Ok(Exit::Holds)
}

fn due(global: &Global) -> Result<Exit, Failure> {
    let home = global.open()?;
    let page: Page<ObligationRow> = global.client()?.json(&format!("/v1/obligations?member={}", home.member()))?;
    let rows: Vec<_> = page.rows.into_iter().filter(|row| matches!(row.status.as_str(), "open" | "missed")).collect();
    let missed = rows.iter().any(|row| row.status == "missed");
    let table: Vec<_> = rows
        .iter()
        .map(|row| vec![row.status.clone(), row.clause.clone(), format!("period {}", row.period), ago(&row.due)])
        .collect();
    global.print(&json!({ "schema": "standstill.due/1", "rows": rows }), || match table.is_empty() {
        true => "nothing is due\n".to_owned(),
        false => columns(&table),
    })?;
    Ok(if missed { Exit::Undecided } else { Exit::Holds })
}

/// Writes bytes that are the result.
pub(super) fn deliver(global: &Global, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if path == Path::new("-") {
        return out(bytes);
    }
    write_file(path, bytes)?;
    global.say(&format!("wrote {}", path.display()));
    Ok(())
}
