//! Softer faults of a treaty: it parses, but a designer should look again.

use super::{Role, Treaty};

/// One remark about a treaty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Name of the rule.
    pub rule: &'static str,
    /// What was seen.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}

impl Treaty {
    /// Remarks, in the order of the articles. Empty for a treaty without soft faults.
    pub fn lint(&self) -> Vec<Lint> {
        let mut lints = Vec::new();
        self.lint_members(&mut lints);
        self.lint_clocks(&mut lints);
        self.lint_clauses(&mut lints);
        self.lint_phases(&mut lints);
        lints
    }

    fn lint_members(&self, lints: &mut Vec<Lint>) {
        let validators = self.members.iter().filter(|member| member.validator.is_some()).count();
        if validators < 4 {
            let message = format!("{validators} validators tolerate no fault");
            lints.push(Lint { rule: "few-validators", message, hint: "have at least 4" });
        }
        for (role, rule) in [(Role::Lab, "no-lab"), (Role::Evaluator, "no-evaluator")] {
            if self.with_role(role).next().is_none() {
                let message = format!("no member has the role `{}`", rule.trim_start_matches("no-"));
                lints.push(Lint { rule, message, hint: "name one under `members`" });
            }
        }
    }

    fn lint_clocks(&self, lints: &mut Vec<Lint>) {
        if self.periods.report_within_ms > self.periods.length_ms {
            let message = "a report is due later than the next period's end".to_owned();
            let hint = "shorten `report_within`, or lengthen the periods";
            lints.push(Lint { rule: "late-reports", message, hint });
        }
        if self.periods.first_start < self.genesis_time {
            let message = "the first period starts before genesis".to_owned();
            let hint = "reports about time before the ledger cannot be asked for: move `first_start`";
            lints.push(Lint { rule: "period-before-genesis", message, hint });
        }
        if self.clocks.max_skew_ms > self.clocks.heartbeat_ms {
            let message = "the clock skew allowed is longer than the heartbeat".to_owned();
            lints.push(Lint { rule: "wide-skew", message, hint: "lower `max_skew`" });
        }
        if self.counting.chip_table == standstill_protocol::hash::Hash::ZERO {
            let message = "no table of accelerators is pinned".to_owned();
            let hint = "give `chip_table`: claims of chips and time cannot be cross-checked without it";
            lints.push(Lint { rule: "no-chip-table", message, hint });
        }
    }

    fn lint_clauses(&self, lints: &mut Vec<Lint>) {
        for clause in &self.clauses {
            if !self.phases.iter().any(|phase| phase.clauses.contains_key(&clause.id)) {
                let message = format!("clause `{}` is in force in no phase", clause.id);
                lints.push(Lint { rule: "unused-clause", message, hint: "list it under a phase, or remove it" });
            }
        }
        if self.clauses.iter().all(|clause| clause.obligation.is_none()) {
            let message = "no clause obliges anybody to report".to_owned();
            lints.push(Lint {
                rule: "no-obligation",
                message,
                hint: "silence would be compliance: add an `obligation`",
            });
        }
    }

    fn lint_phases(&self, lints: &mut Vec<Lint>) {
        for phase in self.phases.iter().skip(1) {
            let adjudicators = &phase.adjudicators;
            if adjudicators.members.len() == 1 {
                let message = format!("one member alone adjudicates phase `{}`", phase.id);
                lints.push(Lint { rule: "single-adjudicator", message, hint: "name more than one" });
            }
            if adjudicators.lift < adjudicators.enter {
                let message = format!("phase `{}` is easier to lift than to enter", phase.id);
                lints.push(Lint { rule: "easy-lift", message, hint: "raise `lift_ppm`" });
            }
            let lab = |id: &&standstill_protocol::member::MemberId| {
                self.member(id.as_str()).is_some_and(|member| member.has(Role::Lab))
            };
            let labs = adjudicators.members.iter().filter(lab).count();
            if labs * 2 > adjudicators.members.len() {
                let message = format!("labs are the majority of those who adjudicate phase `{}`", phase.id);
                lints.push(Lint { rule: "labs-judge-labs", message, hint: "add evaluators or regulators" });
            }
        }
    }
}
