//! Phases: what triggers each, what lifts it, who adjudicates, and what it changes.

use standstill_protocol::member::MemberId;

use super::super::schema::{self, Effect};
use super::super::{Clause, Condition, Phase, Role, Treaty, votes_needed};
use super::Findings;
use super::rules::SIGNALS;
use crate::parameters::Parameters;

impl Treaty {
    /// Every clause in every phase in which it is in force, with its parameters there.
    pub(in crate::treaty) fn in_force(&self) -> impl Iterator<Item = (&Phase, &Clause, &Parameters)> {
        let listed = self.phases.iter().flat_map(|phase| phase.clauses.iter().map(move |entry| (phase, entry)));
        listed.filter_map(|(phase, (id, parameters))| Some((phase, self.clause(id.as_str())?, parameters)))
    }

    pub(super) fn lint_phases(&self, found: &mut Findings) {
        let obliging = |phase: &Phase| {
            let clause = |id: &str| self.clause(id).is_some_and(|clause| clause.obligation.is_some());
            phase.clauses.keys().any(|id| clause(id.as_str()))
        };
        let anybody = self.clauses.iter().any(|clause| clause.obligation.is_some());
        for phase in &self.phases {
            let article = format!("phases.{}", phase.id);
            if phase.clauses.is_empty() {
                let message = format!("phase `{}` brings no clause into force", phase.id);
                found.say("phase-without-clauses", &article, message);
            } else if anybody && !obliging(phase) {
                let message = format!("in phase `{}` nobody owes a report", phase.id);
                found.say("phase-without-obligation", &article, message);
            }
            for (list, conditions) in [("triggers", &phase.triggers), ("lifts", &phase.lifts)] {
                let at = format!("{article}.{list}");
                conditions.iter().for_each(|condition| lint_condition(condition, &at, found));
            }
        }
        for pair in self.phases.windows(2) {
            if let [milder, harsher] = pair {
                self.lint_step(milder, harsher, found);
            }
        }
        self.phases.iter().skip(1).for_each(|phase| self.lint_adjudicators(phase, found));
    }

    fn lint_step(&self, milder: &Phase, harsher: &Phase, found: &mut Findings) {
        let article = format!("phases.{}", harsher.id);
        if milder.clauses == harsher.clauses {
            let message = format!("phase `{}` changes nothing after `{}`", harsher.id, milder.id);
            found.say("same-rules", &article, message);
        }
        for (id, before) in &milder.clauses {
            let Some(after) = harsher.clauses.get(id) else {
                let message = format!("clause `{id}` of phase `{}` is not in force in `{}`", milder.id, harsher.id);
                found.say("clause-lapses", &article, message);
                continue;
            };
            let shipped = self.clause(id.as_str()).and_then(|clause| schema::shipped_name(&clause.module));
            let Some(shipped) = shipped else { continue };
            let mut keys = before.values().keys().filter(|key| after.values().contains_key(*key));
            let looser = |key: &&String| schema::effect(shipped, key, before, after) == Effect::Looser;
            if let Some(key) = keys.find(looser) {
                let message = format!("`{key}` of clause `{id}` is looser in `{}` than in `{}`", harsher.id, milder.id);
                found.say("looser-phase", format!("{article}.clauses.{id}"), message);
            }
        }
    }

    fn lint_adjudicators(&self, phase: &Phase, found: &mut Findings) {
        let adjudicators = &phase.adjudicators;
        let article = format!("phases.{}.adjudicators", phase.id);
        let all = adjudicators.members.len();
        let lab = |id: &&MemberId| self.member(id.as_str()).is_some_and(|member| member.has(Role::Lab));
        let labs = adjudicators.members.iter().filter(lab).count();
        if labs == all {
            found.say("labs-judge-alone", &article, format!("only labs adjudicate phase `{}`", phase.id));
        } else if labs * 2 > all {
            let message = format!("{labs} of the {all} members that adjudicate phase `{}` are labs", phase.id);
            found.say("labs-judge-labs", &article, message);
        }
        if all == 1 {
            found.say("single-adjudicator", &article, format!("one member alone adjudicates phase `{}`", phase.id));
        } else if votes_needed(all, adjudicators.enter) == 1 {
            let message = format!("one vote of {all} brings phase `{}` into force", phase.id);
            found.say("one-vote", &article, message);
        }
        if adjudicators.lift < adjudicators.enter {
            found.say("easy-lift", &article, format!("phase `{}` is easier to lift than to enter", phase.id));
        }
    }
}

fn lint_condition(condition: &Condition, list: &str, found: &mut Findings) {
    let article = format!("{list}.{}", condition.id);
    match (&condition.signal, &condition.level) {
        (Some(signal), None) => {
            let message =
                format!("condition `{}` watches `{signal}`, but nobody could say when it holds", condition.id);
            found.say("signal-without-level", &article, message);
        }
        (None, Some(_)) => {
            let message = format!("condition `{}` has a level of nothing", condition.id);
            found.say("level-without-signal", &article, message);
        }
        _ => {}
    }
    if let Some(signal) = condition.signal.as_ref().filter(|signal| !SIGNALS.contains(&signal.as_str())) {
        let message = format!("condition `{}` watches `{signal}`, which is no known signal", condition.id);
        found.say("unknown-signal", &article, message);
    }
}
