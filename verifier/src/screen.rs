//! The report as a screen: 80 columns, complete without colour.
//!
//! ```text
//!  4  quorum       every head carries 3 of 4 signatures           18 / 18  ok
//! ```
//!
//! Marks are words (`ok`, `FAIL`, `part`), never colour alone. Everything shown stands in the JSON document too.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use standstill_policies::Verdict as ClauseVerdict;
use standstill_protocol::hash::Hash;

use crate::checks::{Check, CheckResult, Failure, Status};
use crate::exit::Exit;
use crate::report::{ClauseReport, MemberVerdict, PeriodVerdict, Report};

/// Columns of the screen.
pub const WIDTH: usize = 80;
/// Failures of one check that the screen shows.
const SHOWN: usize = 5;
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DOUBT: Style = AnsiColor::Yellow.on_default();
const HEAD: Style = Style::new().bold();

/// Names for what was read, as the user gave them.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The bundle's file name.
    pub bundle: String,
    /// The trust file's name.
    pub trust: String,
}

/// Renders a report, with escape codes for colour: strip them where they are not wanted.
pub fn render(report: &Report, sources: &Sources) -> String {
    let mut out = String::new();
    header(&mut out, report, sources);
    out.push('\n');
    report.results.iter().for_each(|result| check_line(&mut out, result, report));
    failures(&mut out, report);
    if !report.clauses.is_empty() {
        out.push('\n');
    }
    report.clauses.iter().for_each(|clause| clause_lines(&mut out, clause));
    out.push('\n');
    last_lines(&mut out, report, sources);
    out
}

fn header(out: &mut String, report: &Report, sources: &Sources) {
    let bundle = &report.bundle;
    line(out, "bundle", &format!("{}   sha256 {}", sources.bundle, ends(&bundle.sha256)));
    let heights = match bundle.last_height {
        0 => "no blocks".to_owned(),
        last => format!("heights {} to {}", grouped(bundle.first_height), grouped(last)),
    };
    line(out, "", &format!("{} records   {heights}   {} bytes", grouped(bundle.records), grouped(bundle.bytes)));
    let trust = &report.trust;
    let says = format!("{} ({})   {} validators, quorum {}", sources.trust, trust.name, trust.validators, trust.quorum);
    line(out, "trust", &says);
    if !bundle.treaty_name.is_empty() {
        line(out, "treaty", &bundle.treaty_name);
    }
    if let Some(phase) = &report.phase {
        line(out, "phase", phase.as_str());
    }
    let source = if report.as_of_given { "--as-of" } else { "the last head" };
    line(out, "as of", &format!("{} ({source})", report.as_of));
    let only = [("lab", &report.lab), ("clause", &report.clause)];
    for (what, name) in only.into_iter().filter_map(|(what, name)| Some((what, name.as_ref()?))) {
        line(out, "only", &format!("{what} {name}: nothing is said of others"));
    }
}

fn line(out: &mut String, label: &str, text: &str) {
    let mut label = label;
    for row in wrap(text, WIDTH - 11) {
        let _ = writeln!(out, "{label:<11}{row}");
        label = "";
    }
}

fn claim(check: Check, report: &Report) -> String {
    match check {
        Check::Quorum => {
            format!("every head carries {} of {} signatures", report.trust.quorum, report.trust.validators)
        }
        _ => check.about().claim.to_owned(),
    }
}

fn check_line(out: &mut String, result: &CheckResult, report: &Report) {
    let good = result.examined.saturating_sub(result.failed);
    let (style, mark) = match result.status {
        Status::Ok => (GOOD, "ok"),
        Status::Failed => (if result.check.is_integrity() { BAD } else { DOUBT }, "FAIL"),
        Status::NotRun => (DOUBT, "part"),
    };
    let count = format!("{} / {}", grouped(good), grouped(result.examined));
    let (number, name, claim) = (result.check.number(), result.check.name(), claim(result.check, report));
    let _ = writeln!(out, "{number:>2}  {name:<13}{claim:<41}{count:>16}  {style}{mark}{style:#}");
}

fn failures(out: &mut String, report: &Report) {
    for result in report.results.iter().filter(|result| result.failed > 0) {
        out.push('\n');
        result.failures.iter().take(SHOWN).for_each(|failure| failure_lines(out, result, failure));
        let more = result.failed.saturating_sub(result.failures.len().min(SHOWN) as u64);
        if more > 0 {
            let _ = writeln!(out, "{:<17}and {} more", "", grouped(more));
        }
    }
    for result in report.results.iter().filter(|result| result.status == Status::NotRun) {
        let Some(gap) = &result.gap else { continue };
        out.push('\n');
        failure_lines(out, result, gap);
    }
    if report.results.iter().any(|result| result.status == Status::NotRun && result.gap.is_none()) {
        let _ = writeln!(out, "\n`part`: the check could not go on after the failures above");
    }
}

fn failure_lines(out: &mut String, result: &CheckResult, failure: &Failure) {
    let scope = failure.scope.join(" > ");
    let place = if scope.is_empty() { String::new() } else { format!("{scope}: ") };
    let text = format!("{place}{} [{}]", failure.message, failure.code);
    let mut label = format!("{:>2}  {}", result.check.number(), result.check.name());
    for row in wrap(&text, WIDTH - 17) {
        let _ = writeln!(out, "{label:<17}{row}");
        label.clear();
    }
}

fn clause_lines(out: &mut String, clause: &ClauseReport) {
    let count = |verdict| clause.members.iter().filter(|member| member.verdict == verdict).count();
    let mut sums: Vec<String> = Vec::new();
    for verdict in [ClauseVerdict::Holds, ClauseVerdict::Undecided, ClauseVerdict::Violated] {
        match count(verdict) {
            0 => {}
            n if verdict == ClauseVerdict::Holds => sums.push(format!("{n} hold")),
            n => sums.push(format!("{n} {verdict}")),
        }
    }
    let sums = if sums.is_empty() { "nothing judged yet".to_owned() } else { sums.join("   ") };
    let _ = writeln!(out, "{HEAD}clause {}{HEAD:#}  {}", clause.id, sums);
    for row in wrap(&format!("{} (subgoal {})", clause.title, clause.subgoal), WIDTH - 2) {
        let _ = writeln!(out, "  {row}");
    }
    let bad = clause.members.iter().filter(|member| member.verdict != ClauseVerdict::Holds);
    bad.for_each(|member| member_lines(out, member));
}

fn member_lines(out: &mut String, member: &MemberVerdict) {
    let mut findings: Vec<&PeriodVerdict> = member.findings.iter().collect();
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.verdict), finding.period));
    for finding in findings.iter().take(SHOWN) {
        let style = if finding.verdict == ClauseVerdict::Violated { BAD } else { DOUBT };
        let verdict = finding.verdict.as_str().to_uppercase();
        let text = format!("{}, period {}: {}", member.member, finding.period, finding.text);
        for (index, row) in wrap(&text, WIDTH - 13).into_iter().enumerate() {
            let label = if index == 0 { verdict.as_str() } else { "" };
            let _ = writeln!(out, "  {style}{label:<11}{style:#}{row}");
        }
        for evidence in &finding.evidence {
            let statement =
                evidence.statement.map_or_else(|| "no statement".to_owned(), |id| format!("statement {id}"));
            for row in wrap(&format!("entry {}  {statement}", evidence.index), WIDTH - 13) {
                let _ = writeln!(out, "             {row}");
            }
        }
    }
    if findings.len() > SHOWN {
        let _ = writeln!(out, "             and {} more for {}", findings.len() - SHOWN, member.member);
    }
}

fn last_lines(out: &mut String, report: &Report, sources: &Sources) {
    let exit = report.verdict.exit();
    let style = match exit {
        Exit::Holds => GOOD,
        Exit::Undecided => DOUBT,
        _ => BAD,
    };
    let text = summary(report);
    let word = exit.name().to_uppercase();
    let last = format!("exit {}", exit.code());
    let used = word.len() + 2 + text.chars().count() + last.len();
    let gap = WIDTH.saturating_sub(used).max(2);
    let _ = writeln!(out, "{style}{word}{style:#}  {text}{:gap$}{last}", "");
    if let Some(next) = next_step(report, sources) {
        let _ = writeln!(out, "next       {next}");
    }
}

/// One sentence, two at most.
pub fn summary(report: &Report) -> String {
    let tally = |verdict| {
        let clauses = report.clauses.iter().filter(|c| c.members.iter().any(|m| m.verdict == verdict)).count();
        let members = report.clauses.iter().flat_map(|c| &c.members).filter(|m| m.verdict == verdict);
        let members: std::collections::BTreeSet<_> = members.map(|m| &m.member).collect();
        (clauses, members.len())
    };
    let words =
        |(clauses, members): (usize, usize)| format!("{} for {}", counted(clauses, "clause"), counted(members, "lab"));
    let integrity = match report.results.integrity_holds() {
        true => "Integrity holds.",
        false => "Integrity checked in part.",
    };
    match report.verdict.exit() {
        Exit::Holds => format!("Every clause holds. {integrity}"),
        Exit::Violated => format!("{}. {integrity}", words(tally(ClauseVerdict::Violated))),
        Exit::Undecided if report.stale => format!("The bundle is stale. {integrity}"),
        Exit::Undecided if tally(ClauseVerdict::Undecided).0 > 0 => {
            format!("{}. {integrity}", words(tally(ClauseVerdict::Undecided)))
        }
        Exit::Undecided => format!("Nothing is violated. {integrity}"),
        Exit::Equivocation => "Two valid heads conflict: keep this file.".to_owned(),
        _ => "Integrity failed: believe nothing in this file.".to_owned(),
    }
}

fn next_step(report: &Report, sources: &Sources) -> Option<String> {
    let failed = report.results.iter().find(|result| result.failed > 0);
    match report.verdict.exit() {
        Exit::Holds => None,
        Exit::Undecided if report.stale => Some("get a newer bundle of the same ledger".to_owned()),
        Exit::Violated => Some(format!("standstill-verify bundle {} --json", sources.bundle)),
        Exit::Undecided if report.results.iter().any(|result| result.gap.is_some()) => {
            Some("get a bundle that holds a cosigned checkpoint of its last record".to_owned())
        }
        _ => failed.map(|result| format!("standstill-verify explain {}", result.check.number())),
    }
}

/// `1 clause`, `2 clauses`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `41,203`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `4f1c…9a20`.
fn ends(hash: &Hash) -> String {
    let text = hash.to_string();
    let (start, end) = (text.get(..4).unwrap_or(""), text.get(60..).unwrap_or(""));
    format!("{start}…{end}")
}

/// Rows of at most `width` characters, broken at spaces, and inside words only where one is too long. Control characters,
/// which a file could use to write over the screen, become `?`.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let clean: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let mut rows = vec![String::new()];
    let mut used = 0;
    for word in clean.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        let space = usize::from(used > 0);
        if used + space + word.len() > width && used > 0 {
            rows.push(String::new());
            used = 0;
        }
        while word.len() > width {
            let rest = word.split_off(width);
            rows.last_mut().into_iter().for_each(|row| row.extend(&word));
            rows.push(String::new());
            word = rest;
        }
        let Some(row) = rows.last_mut() else { continue };
        if used > 0 {
            row.push(' ');
            used += 1;
        }
        row.extend(&word);
        used += word.len();
    }
    rows
}
