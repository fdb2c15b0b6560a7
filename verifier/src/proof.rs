//! One receipt: is this entry in the ledger, and did the cosigners see it there?
//!
//! ```text
//! receipt (C2SP tlog-proof) ─ index, path, checkpoint ┐
//! entry (in the receipt's `extra`, or a file) ─ leaf ──┴─▶ root ─ cosigned by the quorum of trust.toml
//! ```
//!
//! A cosigned head says that a quorum executed the entry, its signature included. The signature is verified again where
//! the treaty is given: its keys are in there. Without it that check is `not-run`, and the answer at best 21.

use serde::Serialize;
use standstill_attestations::Statement;
use standstill_policies::Treaty;
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::{Domain, Hash};
use standstill_protocol::keys::VerifyingKey;
use standstill_protocol::tlog_proof::{MAX_BYTES, ReceiptFailure, TlogProof};

use crate::checks::{Check, CheckResult, Failure, Status};
use crate::exit::Exit;
use crate::screen::wrap;
use crate::trust::Trust;

/// Bytes of a receipt, at most.
pub const MAX_RECEIPT_BYTES: usize = MAX_BYTES;

/// The checks of a receipt, by the numbers that they have for a bundle: 1 format, 2 signatures, 3 ledger (inclusion),
/// 4 quorum (cosignatures).
const CHECKS: [(Check, &str); 4] = [
    (Check::Format, "receipt and entry decode canonically"),
    (Check::Signatures, "the entry is signed by its member's key"),
    (Check::Ledger, "the entry is included under the root"),
    (Check::Quorum, "the root is cosigned by the quorum"),
];

/// What came of a receipt.
#[derive(Clone, Debug)]
pub struct ProofReport {
    checks: Vec<CheckResult>,
    facts: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    verdict: &'static str,
    exit_code: u8,
    file: &'a str,
    facts: std::collections::BTreeMap<&'static str, &'a str>,
    checks: Vec<CheckJson<'a>>,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    id: String,
    name: &'static str,
    status: &'static str,
    failures: Vec<&'a str>,
}

/// Checks a receipt. `entry` stands in where the receipt carries none; `treaty` brings the members' keys.
pub fn verify(receipt: &[u8], entry: Option<&[u8]>, treaty: Option<&[u8]>, trust: &Trust) -> ProofReport {
    let empty =
        |(check, _)| CheckResult { check, status: Status::NotRun, examined: 0, failed: 0, failures: vec![], gap: None };
    let mut report = ProofReport { checks: CHECKS.map(empty).to_vec(), facts: Vec::new() };
    let proof = match TlogProof::parse(receipt) {
        Ok(proof) if proof.to_bytes() == receipt => proof,
        Ok(_) => return report.failed(Check::Format, "not-canonical", "the receipt is not in canonical form"),
        Err(error) => return report.failed(Check::Format, "malformed-receipt", &error.to_string()),
    };
    report.facts.push(("index", proof.index().to_string()));
    let Some(leaf) = entry.or(proof.extra()) else {
        report.facts.push(("entry", "not in the receipt: give its bytes with --entry".to_owned()));
        return report;
    };
    if proof.extra().is_some_and(|extra| extra != leaf) {
        return report.failed(Check::Format, "other-entry", "the receipt carries another entry than the one given");
    }
    report = report.envelope(leaf, treaty, trust);
    report.included(&proof, leaf, trust)
}

impl ProofReport {
    /// The exit: 10 if a check failed, 21 if one did not run, 0 if all four passed.
    pub fn exit(&self) -> Exit {
        let any = |status| self.checks.iter().any(|check| check.status == status);
        if any(Status::Failed) {
            Exit::Untrusted
        } else if any(Status::NotRun) {
            Exit::Undecided
        } else {
            Exit::Holds
        }
    }

    /// The four checks.
    pub fn checks(&self) -> &[CheckResult] {
        &self.checks
    }

    fn set(&mut self, check: Check, status: Status) -> &mut CheckResult {
        let at = self.checks.iter().position(|result| result.check == check).unwrap_or(0);
        let result = &mut self.checks[at];
        result.status = status;
        result.examined = 1;
        result
    }

    fn fail(&mut self, check: Check, code: &'static str, message: &str) {
        let result = self.set(check, Status::Failed);
        result.failed += 1;
        result.failures.push(Failure { code, scope: vec![], message: message.to_owned() });
    }

    fn failed(mut self, check: Check, code: &'static str, message: &str) -> Self {
        self.fail(check, code, message);
        self
    }

    fn envelope(mut self, leaf: &[u8], treaty: Option<&[u8]>, trust: &Trust) -> Self {
        let parsed = Envelope::parse(leaf).map_err(|error| error.to_string());
        let parsed = parsed.and_then(|envelope| match Statement::parse(envelope.payload()) {
            Ok(statement) => Ok((envelope, statement)),
            Err(error) => Err(error.to_string()),
        });
        let (envelope, statement) = match parsed {
            Ok(parsed) => parsed,
            Err(message) => return self.failed(Check::Format, "malformed-entry", &message),
        };
        self.set(Check::Format, Status::Ok);
        self.facts.push(("statement", envelope.id().to_string()));
        self.facts.push(("member", statement.common.member.to_string()));
        self.facts.push(("kind", statement.kind().to_string()));
        if statement.common.chain_id != trust.chain_id {
            return self.failed(Check::Format, "other-ledger", "the statement was made for another ledger");
        }
        let Some(bytes) = treaty else { return self };
        if Hash::tagged(Domain::Treaty, &[bytes]) != trust.treaty {
            return self.failed(Check::Signatures, "treaty-hash", "the treaty given is not the one that is pinned");
        }
        let keys = keys_of(bytes, &statement);
        let message = envelope.pae();
        let mut known = 0;
        for signature in envelope.signatures() {
            let Some(key) = keys.iter().find(|key| key.public_key().id() == signature.key_id) else { continue };
            known += 1;
            if key.verify(&message, &signature.signature).is_err() {
                return self.failed(Check::Signatures, "bad-signature", "the entry's signature is not valid");
            }
        }
        // A key that was registered later is in the ledger and not in the treaty: only a bundle can tell.
        if known == envelope.signatures().len() {
            self.set(Check::Signatures, Status::Ok);
        }
        self
    }

    fn included(mut self, proof: &TlogProof, leaf: &[u8], trust: &Trust) -> Self {
        match proof.verify(&trust.policy, leaf) {
            Ok(receipt) => {
                let head = receipt.checkpoint();
                self.facts.push(("log", head.checkpoint().origin.to_string()));
                self.facts.push(("log size", head.checkpoint().size.to_string()));
                let cosigners: Vec<&str> = head.cosigners().keys().map(String::as_str).collect();
                self.facts.push(("cosigners", cosigners.join(", ")));
                self.set(Check::Ledger, Status::Ok);
                self.set(Check::Quorum, Status::Ok);
            }
            Err(ReceiptFailure::Policy(error)) => self.fail(Check::Quorum, "cosignatures", &error.to_string()),
            Err(ReceiptFailure::Inclusion(error)) => {
                self.set(Check::Quorum, Status::Ok);
                self.fail(Check::Ledger, "inclusion", &error.to_string());
            }
        }
        self
    }

    /// The answer in 80 columns.
    pub fn to_screen(&self, file: &str) -> String {
        let mut out = format!("receipt    {file}\n");
        for (label, text) in &self.facts {
            for (index, row) in wrap(text, 69).into_iter().enumerate() {
                out.push_str(&format!("{:<11}{row}\n", if index == 0 { label } else { "" }));
            }
        }
        out.push('\n');
        for (result, (_, claim)) in self.checks.iter().zip(CHECKS) {
            let mark = match result.status {
                Status::Ok => "ok",
                Status::Failed => "FAIL",
                Status::NotRun => "not run",
            };
            out.push_str(&format!("{:>2}  {:<13}{claim:<48}{mark}\n", result.check.number(), result.check.name()));
            for failure in &result.failures {
                let rows = wrap(&format!("{} [{}]", failure.message, failure.code), 63);
                rows.iter().for_each(|row| out.push_str(&format!("{:<17}{row}\n", "")));
            }
        }
        let exit = self.exit();
        let hint = match exit {
            Exit::Undecided => "\nnext       give what is missing with --treaty or --entry, or check the bundle",
            _ => "",
        };
        out.push_str(&format!(
            "\n{}{:>w$}{hint}\n",
            exit.name().to_uppercase(),
            format!("exit {}", exit.code()),
            w = 80 - exit.name().len()
        ));
        out
    }

    /// The same as one JSON document, schema `standstill.proof/1`.
    pub fn to_json(&self, file: &str) -> String {
        let exit = self.exit();
        let document = Document {
            schema: "standstill.proof/1",
            verdict: exit.name(),
            exit_code: exit.code(),
            file,
            facts: self.facts.iter().map(|(label, text)| (*label, text.as_str())).collect(),
            checks: self.checks.iter().map(check_json).collect(),
        };
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }
}

fn check_json(result: &CheckResult) -> CheckJson<'_> {
    let failures = result.failures.iter().map(|failure| failure.message.as_str()).collect();
    let check = result.check;
    CheckJson { id: check.number().to_string(), name: check.name(), status: result.status.name(), failures }
}

/// The statement keys that the treaty gives the statement's member.
fn keys_of(treaty: &[u8], statement: &Statement) -> Vec<VerifyingKey> {
    let Ok(treaty) = Treaty::parse(treaty) else { return Vec::new() };
    let member = treaty.member(statement.common.member.as_str());
    member.iter().flat_map(|member| &member.statement_keys).filter_map(|key| key.parse().ok()).collect()
}
