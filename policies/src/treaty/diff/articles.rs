//! The articles beside clauses and phases.

use std::collections::BTreeSet;

use standstill_protocol::member::MemberId;
use standstill_protocol::units::{Flop, Ppm};

use super::super::schema::{Effect, percent};
use super::super::{Member, Span};
use super::{Differ, Whom};

/// A clock: shorter is stricter, longer is, or neither can be told.
#[derive(Clone, Copy)]
enum Clock {
    Shorter,
    Longer,
    Unclear,
}

impl Differ<'_> {
    pub(super) fn heading(&mut self) {
        let (before, after, all) = (self.before, self.after, self.all());
        self.value("name", before.name.to_string(), after.name.to_string(), Effect::Unclear, &all);
        self.text("title", &before.title, &after.title, &all);
        self.text("text", &before.text, &after.text, &all);
        let adaptation = (before.adaptation.clone(), after.adaptation.clone());
        self.push("adaptation".to_owned(), adaptation, Effect::Unclear, &all);
        let (old, new) = (before.genesis_time.to_string(), after.genesis_time.to_string());
        self.value("genesis_time", old, new, Effect::Unclear, &all);
    }

    pub(super) fn members(&mut self) {
        let (before, after) = (self.before, self.after);
        let ids: BTreeSet<&MemberId> =
            self.before.members.iter().chain(&after.members).map(|member| &member.id).collect();
        for id in ids {
            let (old, new) = (before.member(id.as_str()), after.member(id.as_str()));
            let whom = Whom { role: None, members: BTreeSet::from([id.clone()]) };
            let article = format!("members.{id}");
            let (Some(old), Some(new)) = (old, new) else {
                self.push(article, (old.map(described), new.map(described)), Effect::Unclear, &whom);
                continue;
            };
            self.text(format!("{article}.title"), &old.title, &new.title, &whom);
            self.value(&format!("{article}.roles"), roles(old), roles(new), Effect::Unclear, &whom);
            let keys = |member: &Member| member.statement_keys.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
            let unclear = (Effect::Unclear, Effect::Unclear);
            self.set(&format!("{article}.statement_keys"), (&keys(old), &keys(new)), unclear, &whom);
            let validator = |member: &Member| {
                let keys = member.validator.as_ref()?;
                Some(format!("consensus {}, log {}, cosigner {}", keys.consensus, keys.log, keys.cosigner))
            };
            self.push(format!("{article}.validator"), (validator(old), validator(new)), Effect::Unclear, &whom);
        }
    }

    fn clock(&mut self, article: &str, before: u64, after: u64, clock: Clock, whom: &Whom) {
        let effect = match clock {
            Clock::Shorter => Effect::of_lower(&before, &after),
            Clock::Longer => Effect::of_higher(&before, &after),
            Clock::Unclear => Effect::Unclear,
        };
        self.value(article, Span(before).to_string(), Span(after).to_string(), effect, whom);
    }

    fn share(&mut self, article: &str, before: Ppm, after: Ppm, effect: Effect, whom: &Whom) {
        self.value(article, percent(before.0), percent(after.0), effect, whom);
    }

    pub(super) fn times(&mut self) {
        let (before, after, labs, all) = (self.before, self.after, self.labs(), self.all());
        let (old, new) = (&before.periods, &after.periods);
        self.text("periods.rationale", &old.rationale, &new.rationale, &labs);
        let start = (old.first_start.to_string(), new.first_start.to_string());
        self.value("periods.first_start", start.0, start.1, Effect::Unclear, &labs);
        self.clock("periods.length", old.length_ms, new.length_ms, Clock::Shorter, &labs);
        self.clock("periods.report_within", old.report_within_ms, new.report_within_ms, Clock::Shorter, &labs);
        let capacity = |periods: &super::super::Periods| {
            let given = periods.capacity.as_ref()?;
            let peak = Flop(u128::from(given.flop_per_second)).scientific();
            let threshold = given.threshold.scientific();
            let used = percent(given.utilisation.0);
            Some(format!("{} chips of {peak} FLOP/s at {used}; threshold {threshold} FLOP", given.chips))
        };
        self.push("periods.capacity".to_owned(), (capacity(old), capacity(new)), Effect::Unclear, &labs);
        let (old, new) = (&before.clocks, &after.clocks);
        self.text("clocks.text", &old.text, &new.text, &all);
        self.clock("clocks.heartbeat", old.heartbeat_ms, new.heartbeat_ms, Clock::Unclear, &all);
        self.clock("clocks.max_skew", old.max_skew_ms, new.max_skew_ms, Clock::Unclear, &all);
        let outage = (old.outage_heartbeats.to_string(), new.outage_heartbeats.to_string());
        self.value("clocks.outage_heartbeats", outage.0, outage.1, Effect::Unclear, &all);
        let (old, new) = (&before.response, &after.response);
        self.text("response.text", &old.text, &new.text, &labs);
        self.clock("response.acknowledge", old.acknowledge_ms, new.acknowledge_ms, Clock::Shorter, &labs);
        self.clock("response.clarify", old.clarify_ms, new.clarify_ms, Clock::Shorter, &labs);
        self.clock("response.inspect", old.inspect_ms, new.inspect_ms, Clock::Shorter, &labs);
    }

    pub(super) fn decisions(&mut self) {
        self.counting();
        let (before, after, labs, all) = (self.before, self.after, self.labs(), self.all());
        let (old, new) = (&before.voting, &after.voting);
        self.text("voting.text", &old.text, &new.text, &all);
        self.share("voting.amendment_ppm", old.amendment, new.amendment, Effect::Unclear, &all);
        self.share("voting.confirmation_ppm", old.confirmation, new.confirmation, Effect::Unclear, &all);
        let (old, new) = (&before.entry_into_force, &after.entry_into_force);
        self.text("entry_into_force.text", &old.text, &new.text, &all);
        let unclear = (Effect::Unclear, Effect::Unclear);
        self.set("entry_into_force.parties", (&old.parties, &new.parties), unclear, &all);
        let share = (old.registered_compute, new.registered_compute);
        self.share("entry_into_force.registered_compute_ppm", share.0, share.1, Effect::Unclear, &all);
        let (old, new) = (&before.amendment, &after.amendment);
        self.text("amendment.text", &old.text, &new.text, &all);
        self.clock("amendment.notice", old.notice_ms, new.notice_ms, Clock::Unclear, &all);
        let lapse = (old.provisional_lapse_ms, new.provisional_lapse_ms);
        self.clock("amendment.provisional_lapse", lapse.0, lapse.1, Clock::Unclear, &all);
        self.clock("amendment.review", old.review_ms, new.review_ms, Clock::Unclear, &all);
        let (old, new) = (&before.withdrawal, &after.withdrawal);
        self.text("withdrawal.text", &old.text, &new.text, &all);
        self.clock("withdrawal.notice", old.notice_ms, new.notice_ms, Clock::Longer, &all);
        let (old, new) = (&before.challenges, &after.challenges);
        self.text("challenges.text", &old.text, &new.text, &labs);
        let effect = Effect::of_higher(&old.detection, &new.detection);
        self.share("challenges.detection_ppm", old.detection, new.detection, effect, &labs);
        for (key, old, new) in [
            ("challenges.per_period", old.per_period, new.per_period),
            ("challenges.inspections_per_year", old.inspections_per_year, new.inspections_per_year),
        ] {
            self.value(key, old.to_string(), new.to_string(), Effect::of_higher(&old, &new), &labs);
        }
    }

    fn counting(&mut self) {
        let (labs, old, new) = (self.labs(), &self.before.counting, &self.after.counting);
        self.text("counting.text", &old.text, &new.text, &labs);
        self.set("counting.rules", (&old.rules, &new.rules), (Effect::Looser, Effect::Stricter), &labs);
        let effect = Effect::of_lower(&old.tolerance, &new.tolerance);
        self.share("counting.tolerance_ppm", old.tolerance, new.tolerance, effect, &labs);
        let (old, new) = (old.chip_table.to_string(), new.chip_table.to_string());
        self.value("counting.chip_table", old, new, Effect::Unclear, &labs);
    }
}

fn roles(member: &Member) -> String {
    member.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}

fn described(member: &Member) -> String {
    let validator = if member.validator.is_some() { ", with a validator" } else { "" };
    format!("{}: {}{validator}", member.title, roles(member))
}
