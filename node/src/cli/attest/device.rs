//! What instruments sign: chips' reports, verified before they are drafted, and checkpoints of a lab's own log.
//!
//! ```text
//! attest nonce ──▶ nonce ──▶ the chip's driver ──▶ report, certificates ──▶ attest new hardware-evidence
//!     │                                                                        │ same head, same subject:
//!     └── head SIZE:ROOT, to be given again ──────────────────────────────────▶┘ the nonce is computed anew
//! ```

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use standstill_attestations::claim::Maybe;
use standstill_attestations::device::{Collateral, Device, HardwareEvidence, Vendor};
use standstill_attestations::identity::{chip_tag, device_nonce};
use standstill_attestations::reading::READING_FORMAT;
use standstill_attestations::{Common, Kind, LogHead, Predicate, Statement, Subject};
use standstill_hardware::{Evidence, Facts, HardwareError, Roots, Verified};
use standstill_protocol::member::Name;

use super::content::{Content, need};
use super::hand;
use super::numbers::{self, UNSTATED};
use super::record::Whose;
use crate::api::views::StatusView;
use crate::cli::{Failure, Global, columns, read_file};
use crate::clock;
use crate::exit::Exit;

/// Bytes of a report, of its certificates, or of another file that it is checked with.
const MAX_EVIDENCE_BYTES: u64 = 1 << 18;

/// What a chip is to be asked.
#[derive(Debug, Args)]
pub(in crate::cli) struct Nonce {
    /// Where the chip stands
    #[arg(long, value_name = "NAME")]
    site: Name,
    /// The run that it works on [default: the evidence is about the site]
    #[arg(long, value_name = "NAME")]
    run: Option<Name>,
    /// A head of the ledger [default: the newest that the node has]
    #[arg(long, value_name = "SIZE:ROOT", value_parser = numbers::head)]
    head: Option<LogHead>,
    #[command(flatten)]
    whose: Whose,
}

/// What the chip is asked about: the site, or the run at the site.
fn asked_about(common: &Common, site: &Name, run: Option<&Name>) -> Subject {
    match run {
        Some(run) => Subject::run_at(&common.chain_id, &common.member, site, run),
        None => Subject::site(&common.chain_id, &common.member, site),
    }
}

impl Nonce {
    /// Prints the nonce, and what it was made from.
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        let common = self.whose.known(global, None)?.common;
        let head = match self.head {
            Some(head) => head,
            None => newest(global)?,
        };
        let subject = asked_about(&common, &self.site, self.run.as_ref());
        let nonce = device_nonce(&common.chain_id, &head, &subject.sha256);
        let head = format!("{}:{}", head.size, head.root);
        let view = json!({ "schema": "standstill.nonce/1", "nonce": nonce, "head": head, "chain_id": common.chain_id,
            "subject": { "name": subject.name, "sha256": subject.sha256 } });
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        global.print(&view, || {
            columns(&[
                row("nonce", nonce.to_string()),
                row("head", head.clone()),
                row("subject", subject.name.clone()),
                row("chain", common.chain_id.to_string()),
            ])
        })?;
        global.say("give the nonce to the chip's driver; keep the head for `attest new hardware-evidence --head`");
        Ok(Exit::Holds)
    }
}

/// The head after the node's newest block, which a quorum has certified.
fn newest(global: &Global) -> Result<LogHead, Failure> {
    let status: StatusView = global.client()?.json("/v1/status")?;
    if status.log_size == 0 {
        return Err(Failure::unavailable("the ledger is empty, so nothing says how late a report was made")
            .hint("submit a statement first, such as a run plan"));
    }
    let root = status.log_root.parse().map_err(|_| Failure::unavailable("the node names no head of its log"))?;
    Ok(LogHead { size: status.log_size, root })
}

/// A `hardware-evidence` statement: only of a report that holds.
pub(super) fn hardware_evidence(global: &Global, content: &Content, common: Common) -> Result<Statement, Failure> {
    let (kind, flags) = (Kind::HardwareEvidence, &content.device);
    let site = need(&content.site, "site", kind)?;
    let head = need(&flags.head, "head", kind)?;
    let report = read_file(&need(&flags.report, "report", kind)?, MAX_EVIDENCE_BYTES)?;
    let chain = match &flags.chain {
        Some(chain) => read_file(chain, MAX_EVIDENCE_BYTES)?,
        None => Vec::new(),
    };
    let collected_at = flags.collected_at.unwrap_or_else(clock::now);
    let nonce = device_nonce(&common.chain_id, &head, &asked_about(&common, &site, content.run.as_ref()).sha256);
    let evidence = Evidence::from_files(&report, &chain).map_err(|error| unreadable(&error))?;
    let verified = evidence.verify(&Roots::pinned(), nonce, collected_at).map_err(|error| refused(&error))?;
    global.say(verified.describe().trim_end());
    let vendor = Vendor::from_word(evidence.technology.name())
        .ok_or_else(|| Failure::usage(format!("no statement can hold `{}` evidence", evidence.technology)))?;
    let predicate = HardwareEvidence {
        vendor,
        device: Device {
            model: flags.device.clone().unwrap_or_else(|| model(&verified)),
            accelerator: content.training.accelerator.clone(),
            tag: Maybe::Known(chip_tag(&common.chain_id, vendor, &verified.device)),
        },
        site,
        run: content.run.clone(),
        collected_at,
        tool: flags.tool.clone(),
        tool_version: flags.tool_version.clone().map_or_else(|| Maybe::Unknown(UNSTATED.to_owned()), Maybe::Known),
        head,
        report: evidence.report,
        certificates: evidence.certificates,
        collateral: collateral(&flags.collateral)?,
    };
    Ok(Statement {
        subjects: vec![predicate.subject(&common)],
        common,
        predicate: Predicate::HardwareEvidence(predicate),
    })
}

fn collateral(files: &[(String, PathBuf)]) -> Result<Vec<Collateral>, Failure> {
    let read = |(name, path): &(String, PathBuf)| {
        Ok(Collateral { name: name.clone(), data: read_file(path, MAX_EVIDENCE_BYTES)? })
    };
    files.iter().map(read).collect()
}

/// What the evidence itself calls the chip.
fn model(verified: &Verified) -> String {
    match &verified.facts {
        Facts::Nvidia(facts) => facts.chip.clone(),
        Facts::SevSnp(_) => "AMD SEV-SNP platform".to_owned(),
        _ => verified.technology.to_string(),
    }
}

fn unreadable(error: &HardwareError) -> Failure {
    Failure::usage(error.to_string()).hint(
        "`--report` is the report as the driver returned it, binary or hexadecimal; `--chain` its certificates in PEM",
    )
}

fn refused(error: &HardwareError) -> Failure {
    let failure = Failure::untrusted(format!("the report does not hold: {error}"));
    match error {
        HardwareError::NonceDiffers { .. } => failure.hint(
            "it answers another question: `--head`, `--site`, `--run` and the member must be those of `attest nonce`",
        ),
        _ => failure,
    }
}

/// A `telemetry-log` statement, from what `telemetry checkpoint --json` printed.
pub(super) fn telemetry_log(content: &Content, common: &Common) -> Result<Statement, Failure> {
    let (kind, flags) = (Kind::TelemetryLog, &content.device);
    let path = need(&flags.checkpoint, "checkpoint", kind)?;
    let bytes = read_file(&path, MAX_EVIDENCE_BYTES)?;
    let checkpoint: Value =
        serde_json::from_slice(&bytes).map_err(|error| Failure::usage(format!("`{}`: {error}", path.display())))?;
    if checkpoint["schema"] != "standstill.telemetry-checkpoint/1" {
        return Err(Failure::usage(format!("`{}` is no checkpoint", path.display()))
            .hint("write it with `standstill telemetry checkpoint --log LOG --json > FILE`"));
    }
    let log = checkpoint["log"].as_str().unwrap_or_default().to_owned();
    let window = content.window();
    let window = need(&window, "start` and `--end", kind)?;
    let origin = flags.origin.clone().unwrap_or_else(|| format!("{}/{log}", common.member));
    let predicate = json!({
        "log": log, "site": need(&content.site, "site", kind)?, "origin": origin,
        "leafFormat": READING_FORMAT,
        "window": { "start": window.start.to_string(), "end": window.end.to_string() },
        "size": checkpoint["size"], "root": checkpoint["root"], "previous": checkpoint["previous"],
        "proof": proof(&checkpoint["proof"])?,
    });
    hand::assemble(kind, common, predicate)
}

/// Hashes in hexadecimal, as a statement writes them: base64.
fn proof(hashes: &Value) -> Result<Vec<String>, Failure> {
    use base64::Engine as _;
    let bad = || Failure::usage("the checkpoint's `proof` is no list of hashes");
    let encode = |hash: &Value| {
        let bytes = hash.as_str().and_then(|text| hex::decode(text).ok()).ok_or_else(bad)?;
        Ok(base64::engine::general_purpose::STANDARD.encode(bytes))
    };
    hashes.as_array().ok_or_else(bad)?.iter().map(encode).collect()
}
