//! Findings in words.
//!
//! A finding is a code and figures; what they mean, the clause's documentation says. This page repeats that for the
//! modules that ship, which it knows by their hashes ([`shipped::SHA256SUMS`]). A module of another maker is
//! shown with its bare figures: a text that guesses would be worse than none.

use standstill_ledger::schema::RunRecord;
use standstill_policies::{Clause, Finding, Verdict, shipped};
use standstill_protocol::units::Flop;

/// One line about a finding, figures included. `runs` are the lab's, in order of their numbers from 1.
pub fn finding(clause: &Clause, finding: &Finding, runs: &[RunRecord]) -> String {
    let module = clause.module.to_string();
    let line = shipped::SHA256SUMS.lines().find_map(|line| line.strip_prefix(module.as_str()));
    let known = match line.map(str::trim) {
        Some("run-cap.wasm") => run_cap(finding, runs),
        Some("reporting.wasm") => reporting(finding),
        Some("slowdown.wasm") => slowdown(finding),
        _ => None,
    };
    known.unwrap_or_else(|| bare(finding))
}

fn run_cap(finding: &Finding, runs: &[RunRecord]) -> Option<String> {
    if finding.code == 3 {
        return Some("nothing was claimed for the period".to_owned());
    }
    let [lower, upper, cap, number, rest @ ..] = finding.numbers.as_slice() else { return None };
    let index = usize::try_from(*number).ok()?.checked_sub(1)?;
    let run = runs.get(index).map_or_else(|| format!("run {number}"), |run| format!("run `{}`", run.name));
    let (lower, upper, cap) = (flop(*lower), flop(*upper), flop(*cap));
    Some(match (finding.code, rest) {
        (0, _) => format!("{run}: at most {upper}, within the cap of {cap}"),
        (1, _) => format!("{run}: at least {lower}, above the cap of {cap}"),
        (2, _) => format!("{run}: {lower} to {upper}; the cap of {cap} lies inside, or changed within the window"),
        (4, [grade, required]) => format!("{run}: {upper} is backed by grade {grade}, grade {required} is required"),
        _ => return None,
    })
}

fn reporting(finding: &Finding) -> Option<String> {
    Some(match (finding.code, finding.numbers.as_slice()) {
        (0, _) => "the report came in time".to_owned(),
        (1, [late, tolerance]) => format!("the report came {} late, {} is tolerated", span(*late), span(*tolerance)),
        (2, [late, tolerance]) => format!("the report came {} late, more than {}", span(*late), span(*tolerance)),
        (3, [missing]) => format!("the report is missing ({missing} in a row)"),
        (4, [missing, limit]) => format!("the report is missing, {missing} in a row; the limit is {limit}"),
        _ => return None,
    })
}

fn slowdown(finding: &Finding) -> Option<String> {
    if let (3, [allowance, _]) = (finding.code, finding.numbers.as_slice()) {
        return Some(format!("nothing was claimed for the period; the allowance is {}", flop(*allowance)));
    }
    let [lower, upper, allowance, period] = finding.numbers.as_slice() else { return None };
    let (lower, upper, allowance) = (flop(*lower), flop(*upper), flop(*allowance));
    let when = format!("period {period} of the schedule");
    Some(match finding.code {
        0 => format!("at most {upper}, within the allowance of {allowance} ({when})"),
        1 => format!("at least {lower}, above the allowance of {allowance} ({when})"),
        2 => format!("{lower} to {upper}; the allowance of {allowance} lies inside ({when})"),
        _ => return None,
    })
}

fn bare(finding: &Finding) -> String {
    let figures: Vec<String> = finding.numbers.iter().map(u128::to_string).collect();
    let verdict = if finding.verdict == Verdict::Holds { "holds" } else { "does not hold" };
    match figures.is_empty() {
        true => format!("{verdict} (code {})", finding.code),
        false => format!("{verdict} (code {}: {})", finding.code, figures.join(", ")),
    }
}

fn flop(value: u128) -> String {
    format!("{} FLOP", Flop(value).scientific())
}

/// `3 d 4 h`, `90 min`, `12 s`, `40 ms`.
fn span(ms: u128) -> String {
    let (days, hours) = (ms / 86_400_000, ms / 3_600_000 % 24);
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..120_000 => format!("{} s", ms / 1000),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ if hours == 0 => format!("{days} d"),
        _ => format!("{days} d {hours} h"),
    }
}
