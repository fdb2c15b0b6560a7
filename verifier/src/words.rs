//! Findings in words. A finding is a code and figures; what they mean, the clause's documentation says, and this page
//! repeats for the clauses that ship. A clause of another maker is shown with its figures.

use standstill_policies::{Clause, Finding};

/// One line about a finding, figures included.
pub fn finding(clause: &Clause, finding: &Finding) -> String {
    let _ = clause;
    let figures: Vec<String> = finding.numbers.iter().map(u128::to_string).collect();
    match figures.is_empty() {
        true => format!("finding {}", finding.code),
        false => format!("finding {}: {}", finding.code, figures.join(", ")),
    }
}
