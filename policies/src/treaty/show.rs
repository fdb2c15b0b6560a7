//! A treaty on one screen: what is in force when, what changes that, and who decides.

use std::fmt::Write as _;

use standstill_protocol::member::MemberId;
use standstill_protocol::units::Flop;

use super::page::wrap;
use super::schema::{self, Unit, percent};
use super::{Clause, Condition, Phase, Role, Span, Treaty, lint, votes_needed};
use crate::parameters::{Parameters, Value};

/// Columns of the names on the left.
const LEFT: usize = 12;
/// A century: no clock of a treaty is longer.
const FOREVER_MS: u128 = 100 * 366 * 86_400_000;

impl Treaty {
    /// The treaty for a terminal of 80 columns: members, periods, clocks, and phase by phase what triggers it, what lifts
    /// it, who adjudicates, and the clauses in force with their parameters. Where the treaty states a capacity, each cap has
    /// the time in which that capacity reaches it.
    pub fn show(&self) -> String {
        let mut out = wrap("", &self.title, 0);
        out += &row("name", self.name.as_ref());
        out += &row("hash", &self.hash.to_string());
        out += &row("chain", &self.chain_id.to_string());
        out += &row("genesis", &self.genesis_time.to_string());
        if let Some(adaptation) = &self.adaptation {
            out += &row("adapted", adaptation);
        }
        out.push('\n');
        out += &self.show_members();
        out.push('\n');
        out += &self.show_times();
        for phase in &self.phases {
            out.push('\n');
            out += &self.show_phase(phase);
        }
        out
    }

    fn show_members(&self) -> String {
        let roles = [Role::Lab, Role::Evaluator, Role::Regulator, Role::Meter, Role::Inspector, Role::Witness];
        let mut out = String::new();
        for role in roles {
            let members: Vec<_> = self.with_role(role).map(|member| member.id.as_str()).collect();
            if !members.is_empty() {
                out += &row(role.as_str(), &members.join(", "));
            }
        }
        let validators = self.members.iter().filter(|member| member.validator.is_some());
        out + &row("validators", &join(validators.map(|member| &member.id)))
    }

    fn show_times(&self) -> String {
        let periods = &self.periods;
        let (length, within) = (Span(periods.length_ms), Span(periods.report_within_ms));
        let mut out = row("periods", &format!("{length} from {}, reports within {within}", periods.first_start));
        if let Some(given) = &periods.capacity {
            let reached = given.time_to_ms(given.threshold).map_or_else(|| "never".to_owned(), lint::lasting);
            let capacity = format!(
                "{} chips of {} FLOP/s at {} reach {} FLOP in {reached}",
                given.chips,
                Flop(u128::from(given.flop_per_second)).scientific(),
                percent(given.utilisation.0),
                given.threshold.scientific()
            );
            out += &row("capacity", &capacity);
        }
        let response = &self.response;
        let [first, second, third] = [response.acknowledge_ms, response.clarify_ms, response.inspect_ms].map(Span);
        out += &row("response", &format!("acknowledge in {first}, clarify in {second}, give access in {third}"));
        let counting = &self.counting;
        let rules: Vec<_> = counting.rules.iter().map(String::as_str).collect();
        out += &row("counting", &format!("{}, within {}", rules.join(", "), percent(counting.tolerance.0)));
        let notice = Span(self.amendment.notice_ms);
        out += &row("amendment", &format!("by {} of the members, after {notice}", percent(self.voting.amendment.0)));
        out + &row("withdrawal", &format!("after {}", Span(self.withdrawal.notice_ms)))
    }

    fn show_phase(&self, phase: &Phase) -> String {
        let mut out = wrap("", &format!("PHASE {}: {}", phase.id, phase.title), 0);
        for (name, conditions) in [("triggered", &phase.triggers), ("lifted", &phase.lifts)] {
            for condition in conditions {
                out += &row(name, &conditional(condition));
            }
        }
        let adjudicators = &phase.adjudicators;
        if !adjudicators.members.is_empty() {
            let all = adjudicators.members.len();
            let [enter, lift] = [adjudicators.enter, adjudicators.lift].map(|share| votes_needed(all, share));
            let who = join(adjudicators.members.iter());
            out += &row("decided by", &format!("{who}: {enter} of {all} enter, {lift} of {all} lift"));
        }
        for (id, parameters) in &phase.clauses {
            if let Some(clause) = self.clause(id.as_str()) {
                out += &row("in force", &self.in_force_text(clause, parameters));
            }
        }
        out
    }

    fn in_force_text(&self, clause: &Clause, parameters: &Parameters) -> String {
        let shipped = schema::shipped_name(&clause.module);
        let mut text = format!("{} ({})", clause.id, clause.subgoal.as_str());
        for (at, (key, value)) in parameters.values().iter().enumerate() {
            let separator = if at == 0 { ':' } else { ',' };
            // Writing to a string does not fail.
            let _ = write!(text, "{separator} {key} = {}", schema::shown(shipped, key, value));
            if let Some(reached) = self.reached(shipped, key, value) {
                let _ = write!(text, " (capacity: {reached})");
            }
        }
        text
    }

    /// How long the stated capacity takes to a threshold; `None` where nobody will see it.
    fn reached(&self, shipped: Option<&str>, key: &str, value: &Value) -> Option<String> {
        let unit = schema::parameter(shipped?, key)?.unit;
        match value {
            Value::Flop(flop) if matches!(unit, Unit::Flop | Unit::FlopPerPeriod) => {
                let reached = self.periods.capacity.as_ref()?.time_to_ms(*flop)?;
                (reached <= FOREVER_MS).then(|| lint::lasting(reached))
            }
            _ => None,
        }
    }
}

fn row(name: &str, text: &str) -> String {
    wrap(&format!("{name:<width$}", width = LEFT), text, LEFT)
}

fn join<'a>(members: impl Iterator<Item = &'a MemberId>) -> String {
    members.map(|member| member.as_str()).collect::<Vec<_>>().join(", ")
}

fn conditional(condition: &Condition) -> String {
    match (&condition.signal, &condition.level) {
        (Some(signal), Some(level)) => format!("{}: {signal} at {level}", condition.id),
        _ => format!("{}: {}", condition.id, condition.text),
    }
}
