//! The report as one JSON document, schema `standstill.verdict/1` (`spec/schemas/verdict.json`).
//!
//! Names and shapes here are an interface of their own: nothing that is renamed elsewhere renames them. Readers must
//! accept members that they do not know. Figures that can exceed 2^53 are decimal strings.

use serde::Serialize;

use crate::checks::{CheckResult, Failure};
use crate::report::{ClauseReport, MemberVerdict, PeriodVerdict, Report};
use crate::screen::Sources;

/// The version of the document.
pub const SCHEMA: &str = "standstill.verdict/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    verdict: &'static str,
    exit_code: u8,
    summary: String,
    stale: bool,
    as_of: String,
    as_of_given: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    only_lab: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    only_clause: Option<String>,
    bundle: BundleJson<'a>,
    trust: TrustJson<'a>,
    checks: Vec<CheckJson<'a>>,
    clauses: Vec<ClauseJson<'a>>,
    tool: Tool,
}

#[derive(Serialize)]
struct BundleJson<'a> {
    file: &'a str,
    sha256: String,
    bytes: u64,
    frames: u64,
    records: u64,
    signatures: u64,
    first_height: u64,
    last_height: u64,
    last_time: String,
    treaty: &'a str,
    chain_id: String,
    phase: Option<String>,
}

#[derive(Serialize)]
struct TrustJson<'a> {
    file: &'a str,
    name: &'a str,
    fingerprint: String,
    validators: usize,
    quorum: usize,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    id: String,
    name: &'static str,
    spec: String,
    status: &'static str,
    examined: u64,
    failed: u64,
    failures: Vec<FailureJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<FailureJson<'a>>,
}

#[derive(Serialize)]
struct FailureJson<'a> {
    code: &'a str,
    scope: &'a [String],
    message: &'a str,
}

#[derive(Serialize)]
struct ClauseJson<'a> {
    id: String,
    title: &'a str,
    subgoal: &'static str,
    members: Vec<MemberJson<'a>>,
}

#[derive(Serialize)]
struct MemberJson<'a> {
    member: String,
    verdict: &'static str,
    periods: u64,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    period: u32,
    verdict: &'static str,
    code: u32,
    text: &'a str,
    numbers: Vec<String>,
    evidence: Vec<EvidenceJson>,
}

#[derive(Serialize)]
struct EvidenceJson {
    index: u64,
    statement: Option<String>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
    commit: Option<&'static str>,
}

/// Renders a report as one line-broken JSON document that ends in a newline.
pub fn render(report: &Report, sources: &Sources) -> String {
    let exit = report.verdict.exit();
    let document = Document {
        schema: SCHEMA,
        verdict: exit.name(),
        exit_code: exit.code(),
        summary: crate::screen::summary(report),
        stale: report.stale,
        as_of: report.as_of.to_string(),
        as_of_given: report.as_of_given,
        only_lab: report.lab.as_ref().map(ToString::to_string),
        only_clause: report.clause.as_ref().map(ToString::to_string),
        bundle: bundle(report, sources),
        trust: TrustJson {
            file: &sources.trust,
            name: &report.trust.name,
            fingerprint: report.trust.fingerprint.to_string(),
            validators: report.trust.validators,
            quorum: report.trust.quorum,
        },
        checks: report.results.iter().map(check).collect(),
        clauses: report.clauses.iter().map(clause).collect(),
        tool: Tool {
            name: "standstill-verify",
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("STANDSTILL_COMMIT"),
        },
    };
    // Strings, numbers and lists: nothing that JSON cannot say.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn bundle<'a>(report: &'a Report, sources: &'a Sources) -> BundleJson<'a> {
    let facts = &report.bundle;
    BundleJson {
        file: &sources.bundle,
        sha256: facts.sha256.to_string(),
        bytes: facts.bytes,
        frames: facts.frames,
        records: facts.records,
        signatures: facts.signatures,
        first_height: facts.first_height,
        last_height: facts.last_height,
        last_time: facts.last_time.to_string(),
        treaty: &facts.treaty_name,
        chain_id: facts.chain_id.to_string(),
        phase: report.phase.as_ref().map(ToString::to_string),
    }
}

fn check(result: &CheckResult) -> CheckJson<'_> {
    CheckJson {
        id: result.check.number().to_string(),
        name: result.check.name(),
        spec: result.check.spec(),
        status: result.status.name(),
        examined: result.examined,
        failed: result.failed,
        failures: result.failures.iter().map(failure).collect(),
        gap: result.gap.as_ref().map(failure),
    }
}

fn failure(failure: &Failure) -> FailureJson<'_> {
    FailureJson { code: failure.code, scope: &failure.scope, message: &failure.message }
}

fn clause(clause: &ClauseReport) -> ClauseJson<'_> {
    ClauseJson {
        id: clause.id.to_string(),
        title: &clause.title,
        subgoal: clause.subgoal,
        members: clause.members.iter().map(member).collect(),
    }
}

fn member(member: &MemberVerdict) -> MemberJson<'_> {
    MemberJson {
        member: member.member.to_string(),
        verdict: member.verdict.as_str(),
        periods: member.periods,
        findings: member.findings.iter().map(finding).collect(),
    }
}

fn finding(finding: &PeriodVerdict) -> FindingJson<'_> {
    let evidence = finding.evidence.iter();
    FindingJson {
        period: finding.period,
        verdict: finding.verdict.as_str(),
        code: finding.code,
        text: &finding.text,
        numbers: finding.numbers.iter().map(u128::to_string).collect(),
        evidence: evidence
            .map(|evidence| EvidenceJson {
                index: evidence.index,
                statement: evidence.statement.as_ref().map(ToString::to_string),
            })
            .collect(),
    }
}
