//! Clauses, and the phases that bring them into force.

use std::collections::BTreeSet;

use standstill_protocol::member::Name;

use super::super::schema::{self, Effect, percent};
use super::super::{Adjudicators, Clause, Condition, Phase, Treaty};
use super::{Differ, Whom};
use crate::parameters::Parameters;

/// What an added and what a removed entry of a list does.
type Effects = (Effect, Effect);

impl Differ<'_> {
    pub(super) fn clauses(&mut self) {
        let (before, after, labs) = (self.before, self.after, self.labs());
        let ids = before.clauses.iter().chain(&after.clauses).map(|clause| &clause.id);
        for id in once_each(ids) {
            let article = format!("clauses.{id}");
            let (old, new) = (before.clause(id.as_str()), after.clause(id.as_str()));
            let (Some(old), Some(new)) = (old, new) else {
                let title = |clause: Option<&Clause>| clause.map(|clause| clause.title.clone());
                let effect = if new.is_some() { Effect::Stricter } else { Effect::Looser };
                self.push(article, (title(old), title(new)), effect, &labs);
                continue;
            };
            self.text(format!("{article}.title"), &old.title, &new.title, &labs);
            self.text(format!("{article}.text"), &old.text, &new.text, &labs);
            self.text(format!("{article}.source"), &old.source, &new.source, &labs);
            let goal = (old.subgoal.as_str().to_owned(), new.subgoal.as_str().to_owned());
            self.value(&format!("{article}.subgoal"), goal.0, goal.1, Effect::Unclear, &labs);
            let module = |clause: &Clause| match schema::shipped_name(&clause.module) {
                Some(name) => format!("{} (`{name}` as shipped)", clause.module),
                None => clause.module.to_string(),
            };
            self.value(&format!("{article}.module"), module(old), module(new), Effect::Unclear, &labs);
            let owed = |clause: &Clause| clause.obligation.as_ref().map(|owed| owed.statement.to_string());
            let effect = match (&old.obligation, &new.obligation) {
                (None, Some(_)) => Effect::Stricter,
                (Some(_), None) => Effect::Looser,
                _ => Effect::Unclear,
            };
            self.push(format!("{article}.obligation"), (owed(old), owed(new)), effect, &labs);
            if let (Some(old), Some(new)) = (&old.obligation, &new.obligation) {
                self.text(format!("{article}.obligation.text"), &old.text, &new.text, &labs);
            }
        }
    }

    pub(super) fn phases(&mut self) {
        let (before, after, all) = (self.before, self.after, self.all());
        let order =
            |treaty: &Treaty| treaty.phases.iter().map(|phase| phase.id.as_str()).collect::<Vec<_>>().join(", ");
        self.value("phases", order(before), order(after), Effect::Unclear, &all);
        for id in once_each(before.phases.iter().chain(&after.phases).map(|phase| &phase.id)) {
            self.phase(&format!("phases.{id}"), before.phase(id.as_str()), after.phase(id.as_str()));
        }
    }

    fn phase(&mut self, article: &str, old: Option<&Phase>, new: Option<&Phase>) {
        let (labs, all) = (self.labs(), self.all());
        match (old, new) {
            (Some(old), Some(new)) => {
                self.text(format!("{article}.title"), &old.title, &new.title, &all);
                self.text(format!("{article}.text"), &old.text, &new.text, &all);
            }
            _ => {
                let title = |phase: Option<&Phase>| phase.map(|phase| phase.title.clone());
                self.push(article.to_owned(), (title(old), title(new)), Effect::Unclear, &all);
            }
        }
        let listed = |phase: Option<&Phase>, list: fn(&Phase) -> &Vec<Condition>| {
            phase.map(|phase| list(phase).clone()).unwrap_or_default()
        };
        let more = (Effect::Stricter, Effect::Looser);
        let fewer = (Effect::Looser, Effect::Stricter);
        let triggers = (listed(old, |phase| &phase.triggers), listed(new, |phase| &phase.triggers));
        self.conditions(&format!("{article}.triggers"), &triggers.0, &triggers.1, more, &labs);
        let lifts = (listed(old, |phase| &phase.lifts), listed(new, |phase| &phase.lifts));
        self.conditions(&format!("{article}.lifts"), &lifts.0, &lifts.1, fewer, &labs);
        if let (Some(old), Some(new)) = (old, new) {
            self.adjudicators(&format!("{article}.adjudicators"), &old.adjudicators, &new.adjudicators);
        }
        let clauses = |phase: Option<&Phase>| phase.map(|phase| phase.clauses.clone()).unwrap_or_default();
        let (old, new) = (clauses(old), clauses(new));
        for id in once_each(old.keys().chain(new.keys())) {
            self.in_force(&format!("{article}.clauses.{id}"), id, old.get(id), new.get(id), &labs);
        }
    }

    fn conditions(&mut self, article: &str, old: &[Condition], new: &[Condition], effects: Effects, whom: &Whom) {
        for id in once_each(old.iter().chain(new).map(|condition| &condition.id)) {
            let find = |list: &[Condition]| list.iter().find(|condition| condition.id == *id).cloned();
            let article = format!("{article}.{id}");
            match (find(old), find(new)) {
                (Some(old), Some(new)) => {
                    let signal = |condition: &Condition| condition.signal.as_ref().map(ToString::to_string);
                    self.push(format!("{article}.signal"), (signal(&old), signal(&new)), Effect::Unclear, whom);
                    let level = (old.level.clone(), new.level.clone());
                    self.push(format!("{article}.level"), level, Effect::Unclear, whom);
                    self.text(format!("{article}.text"), &old.text, &new.text, whom);
                    self.text(format!("{article}.source"), &old.source, &new.source, whom);
                }
                (old, new) => {
                    let effect = if new.is_some() { effects.0 } else { effects.1 };
                    let said = |condition: Option<Condition>| {
                        let text = condition?.text;
                        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
                    };
                    self.push(article, (said(old), said(new)), effect, whom);
                }
            }
        }
    }

    /// An easier way into a phase is stricter for labs, and so is a harder way out.
    fn adjudicators(&mut self, article: &str, old: &Adjudicators, new: &Adjudicators) {
        let members = old.members.union(&new.members).cloned().collect();
        let whom = Whom { role: None, members };
        self.text(format!("{article}.text"), &old.text, &new.text, &whom);
        let unclear = (Effect::Unclear, Effect::Unclear);
        self.set(&format!("{article}.members"), (&old.members, &new.members), unclear, &whom);
        let effect = Effect::of_lower(&old.enter, &new.enter);
        self.value(&format!("{article}.enter_ppm"), percent(old.enter.0), percent(new.enter.0), effect, &whom);
        let effect = Effect::of_higher(&old.lift, &new.lift);
        self.value(&format!("{article}.lift_ppm"), percent(old.lift.0), percent(new.lift.0), effect, &whom);
    }

    fn in_force(&mut self, article: &str, id: &Name, old: Option<&Parameters>, new: Option<&Parameters>, whom: &Whom) {
        let module =
            |treaty: &Treaty| treaty.clause(id.as_str()).and_then(|clause| schema::shipped_name(&clause.module));
        let (was, is) = (module(self.before), module(self.after));
        let (Some(old), Some(new)) = (old, new) else {
            let said = |shipped, parameters: Option<&Parameters>| parameters.map(|given| listed(shipped, given));
            let effect = if new.is_some() { Effect::Stricter } else { Effect::Looser };
            return self.push(article.to_owned(), (said(was, old), said(is, new)), effect, whom);
        };
        for key in once_each(old.values().keys().chain(new.values().keys())) {
            let effect = match (was, is) {
                (Some(was), Some(is)) if was == is => schema::effect(is, key, old, new),
                _ => Effect::Unclear,
            };
            let value = |shipped, given: &Parameters| given.values().get(key).map(|v| schema::shown(shipped, key, v));
            self.push(format!("{article}.{key}"), (value(was, old), value(is, new)), effect, whom);
        }
    }
}

/// Parameters in one line.
fn listed(shipped: Option<&str>, parameters: &Parameters) -> String {
    let values = parameters.values().iter();
    let shown: Vec<_> = values.map(|(key, value)| format!("{key} = {}", schema::shown(shipped, key, value))).collect();
    if shown.is_empty() {
        "in force without parameters".to_owned()
    } else {
        format!("in force with {}", shown.join(", "))
    }
}

/// Each once, in the order of their first mention.
fn once_each<'a, T: Ord>(all: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}
