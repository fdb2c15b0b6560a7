//! `attest`: draft, check, sign, submit; what was said, what others sign to it, and what is owed.
//!
//! ```text
//! new ──▶ draft.json ──check──▶ sign ──▶ 000007-training-compute.dsse.json ──submit──▶ ….proof
//!                                                    │
//!                                  request ──▶ request.json ──▶ countersign, by another member
//! ```

mod check;
mod content;
mod countersign;
mod device;
mod files;
mod governance;
mod hand;
mod imported;
mod numbers;
mod record;
mod request;
mod show;
mod sign;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};
use standstill_attestations::{Kind, Statement};
use standstill_policies::Treaty;
use standstill_protocol::hash::Hash;

use self::content::Content;
use self::imported::Drafted;
use super::{Failure, Global, out, read_file, write_file};
use crate::exit::Exit;
use crate::home::Home;

pub(super) use sign::verify_receipt;

/// Bytes of a draft or an envelope, at most: the one becomes the payload of the other.
const MAX_DRAFT_BYTES: u64 = 1 << 16;
/// How a signed envelope's file name ends.
const ENVELOPE: &str = ".dsse.json";

/// Draft, check, sign and submit statements.
#[derive(Debug, Subcommand)]
pub(super) enum Attest {
    /// Draft a statement from files that tools wrote, and from flags
    New {
        #[command(flatten)]
        content: Box<Content>,
        /// Where to write the draft; `-` is stdout
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        out: PathBuf,
    },
    /// Check a draft or an envelope: its form, then its numbers against each other
    #[command(after_help = check::EXITS)]
    Check(check::Check),
    /// Sign a draft
    Sign {
        /// The draft
        draft: PathBuf,
        #[command(flatten)]
        seal: sign::Seal,
    },
    /// Submit an envelope, wait until it is final, and write its receipt
    Submit {
        /// The envelope
        envelope: PathBuf,
        /// Where to write the receipt [default: beside the envelope, `.proof`]
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write a request to another member to countersign a statement
    Request(request::RequestCommand),
    /// Sign what you yourself observed of another member's figures
    Countersign(Box<countersign::Countersign>),
    /// Draft the correction of an earlier statement, to be edited
    Correct {
        /// Its id or its log index, or its envelope
        statement: String,
        /// What was wrong with it, for people
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Where to write the draft; `-` is stdout
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        out: PathBuf,
    },
    /// Print what a chip must be asked to sign, for `new hardware-evidence`
    Nonce(device::Nonce),
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
            Attest::Check(check) => check.run(global),
            Attest::Sign { draft, seal } => sign::sign(global, draft, seal),
            Attest::Submit { envelope, out } => sign::submit(global, envelope, out.as_deref()),
            Attest::Request(request) => request.run(global),
            Attest::Countersign(countersign) => countersign.run(global),
            Attest::Correct { statement, reason, out } => show::correct(global, statement, reason, out),
            Attest::Nonce(nonce) => nonce.run(global),
            Attest::List => show::list(global),
            Attest::Show { id } => show::show(global, id),
            Attest::Due => show::due(global),
        }
    }
}

/// The treaty of a home, where one is installed.
fn treaty(home: &Home) -> Option<Treaty> {
    Treaty::parse(&home.treaty().ok()?).ok()
}

/// The ledger of a home, by its treaty or else by its node.
pub(super) fn chain_id(global: &Global, home: &Home) -> Result<Hash, Failure> {
    match treaty(home) {
        Some(treaty) => Ok(treaty.chain_id),
        None => record::chain_of_node(global),
    }
}

fn new(global: &Global, content: &Content, path: &Path) -> Result<Exit, Failure> {
    let kind = content.kind()?;
    if content.template {
        let text = hand::template(kind).ok_or_else(|| {
            Failure::usage(format!("a `{kind}` statement has no draft of your own"))
                .hint("it is made from files and flags: `standstill attest new --help`")
        })?;
        out(text.as_bytes())?;
        return Ok(Exit::Holds);
    }
    if content.file.is_some() && hand::template(kind).is_none() {
        return Err(Failure::usage(format!("`-f` is not for a `{kind}` statement"))
            .hint("name its tools' files with `--from`, and the rest by flags"));
    }
    let known = content.whose.known(global, content.correction())?;
    let drafted = match kind {
        Kind::TrainingCompute | Kind::CapabilityEvaluation => imported::draft(global, content, known)?,
        Kind::HardwareEvidence => Drafted::by_hand(device::hardware_evidence(global, content, known.common)?),
        Kind::TelemetryLog => Drafted::by_hand(device::telemetry_log(content, &known.common)?),
        Kind::PhaseVote | Kind::KeyRegistration | Kind::KeyRevocation => {
            Drafted::by_hand(governance::draft(content, known.common)?)
        }
        Kind::Countersignature => {
            return Err(Failure::usage("a countersignature is made from another member's request")
                .hint("`standstill attest countersign REQUEST`; `--template` shows the way there"));
        }
        _ => Drafted::by_hand(hand::draft(content, known.common)?),
    };
    deliver_draft(global, &drafted, path)?;
    Ok(Exit::Holds)
}

/// Checks a draft, writes it, and says what came from where. With `--json` stdout has all of it.
fn deliver_draft(global: &Global, drafted: &Drafted, path: &Path) -> Result<(), Failure> {
    let Drafted { statement, took, left } = drafted;
    took.iter().for_each(|note| global.say(&format!("took  {note}")));
    left.iter().for_each(|note| global.say(&format!("left  {note}")));
    statement.check()?;
    let in_file = path != Path::new("-");
    let value: Value = serde_json::from_slice(&statement.to_json()).unwrap_or_default();
    if in_file || !global.json {
        let mut text = serde_json::to_vec_pretty(&value).unwrap_or_default();
        text.push(b'\n');
        write_file(path, &text)?;
    }
    if global.json {
        let file = in_file.then_some(path);
        let view = json!({ "schema": "standstill.draft/1", "kind": statement.kind().as_str(), "file": file,
            "took": took, "left": left, "statement": value });
        global.print(&view, String::new)?;
    } else if in_file {
        global.say(&format!("next  standstill attest check {0}, then standstill attest sign {0}", path.display()));
    }
    Ok(())
}

/// A draft or an envelope.
struct Read {
    statement: Statement,
    /// The id of an envelope's statement; a draft has none yet.
    id: Option<Hash>,
    /// The bytes of the envelope, or of the draft.
    bytes: Vec<u8>,
}

/// Reads a draft or an envelope. An envelope that is broken is told as one, and not as a statement that it never was.
fn read_statement(file: &Path) -> Result<Read, Failure> {
    use standstill_protocol::dsse::Envelope;
    let bytes = read_file(file, MAX_DRAFT_BYTES)?;
    let is_envelope = serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value.get("payloadType").is_some());
    match Envelope::parse(&bytes) {
        Ok(envelope) => {
            let (statement, id) = (Statement::parse(envelope.payload())?, Some(envelope.id()));
            Ok(Read { statement, id, bytes })
        }
        Err(error) if is_envelope => {
            Err(Failure::usage(error.to_string()).hint("sign the draft again with `standstill attest sign`"))
        }
        Err(_) => Ok(Read { statement: Statement::parse(&bytes)?, id: None, bytes }),
    }
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
