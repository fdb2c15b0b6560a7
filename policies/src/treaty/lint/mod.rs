//! What a treaty that reads should still say: errors where it lacks what a credible slowdown must say, remarks where a
//! designer should look again.
//!
//! ```
//! use standstill_policies::treaty::{PAUSE_OPTION, Places, Severity, Treaty};
//! let text = std::str::from_utf8(PAUSE_OPTION).unwrap().replacen("length = \"7d\"", "length = \"30d\"", 1);
//! let found = Treaty::parse(text.as_bytes()).unwrap().lint();
//! let late = found.iter().find(|lint| lint.code == "period-too-long").unwrap();
//! assert_eq!((late.severity, late.article.as_str()), (Severity::Error, "periods.capacity"));
//! assert!(Places::of(text.as_bytes()).unwrap().line(&late.article).is_some());
//! ```

mod phases;
mod rules;

use standstill_attestations::statement::Kind;
use standstill_attestations::training::CountingRule;
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Flop;

pub use rules::{RULES, Rule, Severity};

use super::schema::{self, Unit};
use super::{Role, Span, Treaty, page};
use crate::parameters::{Parameters, Value};

/// One finding about a treaty.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Lint {
    /// Stable name of the rule, of [`RULES`].
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// Where: keys with points between them, as [`super::Places::line`] takes them.
    pub article: String,
    /// What was seen.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}

impl Lint {
    /// For a terminal of 80 columns: severity, code and place, the message, the hint.
    ///
    /// ```text
    /// remark easy-lift  treaty.toml:212
    ///   phases.pause.adjudicators: phase `pause` is easier to lift than to enter
    ///   hint: raise `lift_ppm`
    /// ```
    pub fn text(&self, file: &str, line: Option<usize>) -> String {
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let head = format!("{} {}  {file}{line}\n", self.severity.as_str(), self.code);
        let said = format!("{}: {}", self.article, self.message);
        head + &page::wrap("", &said, 2) + &page::wrap("  hint: ", self.hint, 8)
    }
}

/// What was found so far.
struct Findings(Vec<Lint>);

impl Findings {
    /// Says what the rule with this code finds.
    fn say(&mut self, code: &'static str, article: impl Into<String>, message: impl Into<String>) {
        // A code that is not in the table would be a mistake of this module; its tests meet every code.
        let rule = RULES.iter().find(|rule| rule.code == code);
        let (severity, hint) = rule.map_or((Severity::Error, ""), |rule| (rule.severity, rule.hint));
        self.0.push(Lint { code, severity, article: article.into(), message: message.into(), hint });
    }
}

/// What an author has to replace.
const BLANK: &str = "FILL IN";

impl Treaty {
    /// What the treaty should still say, article by article. Empty for a treaty without faults.
    pub fn lint(&self) -> Vec<Lint> {
        let mut found = Findings(Vec::new());
        self.lint_blanks(&mut found);
        self.lint_members(&mut found);
        self.lint_periods(&mut found);
        self.lint_clocks(&mut found);
        self.lint_articles(&mut found);
        self.lint_clauses(&mut found);
        self.lint_reach(&mut found);
        self.lint_phases(&mut found);
        found.0
    }

    /// Every text for people, with its article.
    fn texts(&self) -> Vec<(String, &str)> {
        let mut texts: Vec<(String, &str)> = [
            ("title", &self.title),
            ("text", &self.text),
            ("periods.rationale", &self.periods.rationale),
            ("clocks.text", &self.clocks.text),
            ("response.text", &self.response.text),
            ("counting.text", &self.counting.text),
            ("voting.text", &self.voting.text),
            ("entry_into_force.text", &self.entry_into_force.text),
            ("amendment.text", &self.amendment.text),
            ("withdrawal.text", &self.withdrawal.text),
            ("challenges.text", &self.challenges.text),
        ]
        .map(|(article, text)| (article.to_owned(), text.as_str()))
        .into();
        texts.extend(self.periods.capacity.iter().map(|given| ("periods.capacity.text".to_owned(), &*given.text)));
        texts.extend(self.members.iter().map(|member| (format!("members.{}", member.id), &*member.title)));
        for clause in &self.clauses {
            let parts = [&clause.title, &clause.text, &clause.source];
            texts.extend(parts.map(|text| (format!("clauses.{}", clause.id), text.as_str())));
        }
        for phase in &self.phases {
            let article = format!("phases.{}", phase.id);
            texts.extend([&phase.title, &phase.text].map(|text| (article.clone(), text.as_str())));
            texts.push((format!("{article}.adjudicators"), &phase.adjudicators.text));
            for (list, conditions) in [("triggers", &phase.triggers), ("lifts", &phase.lifts)] {
                for condition in conditions {
                    let parts =
                        [&condition.text, &condition.source, condition.level.as_ref().unwrap_or(&condition.text)];
                    texts.extend(parts.map(|text| (format!("{article}.{list}.{}", condition.id), text.as_str())));
                }
            }
        }
        texts
    }

    fn lint_blanks(&self, found: &mut Findings) {
        let mut blank: Vec<String> = Vec::new();
        for (article, text) in self.texts() {
            if text.contains(BLANK) && !blank.contains(&article) {
                found.say("to-fill-in", article.clone(), format!("the text still says `{BLANK}`"));
                blank.push(article);
            }
        }
    }

    fn lint_members(&self, found: &mut Findings) {
        let validators = self.members.iter().filter(|member| member.validator.is_some()).count();
        if validators < 4 {
            found.say("few-validators", "members", format!("{validators} validators tolerate no fault"));
        }
        let wanted = [(Role::Lab, "no-lab"), (Role::Evaluator, "no-evaluator"), (Role::Inspector, "no-inspector")];
        for (role, code) in wanted {
            if self.with_role(role).next().is_none() {
                found.say(code, "members", format!("no member has the role `{}`", role.as_str()));
            }
        }
        let lab = |id| self.member(id).is_some_and(|member| member.has(Role::Lab));
        if !self.entry_into_force.parties.iter().any(|party| lab(party.as_str())) {
            found.say("entry-without-labs", "entry_into_force.parties", "the treaty would bind without a single lab");
        }
    }

    fn lint_periods(&self, found: &mut Findings) {
        let periods = &self.periods;
        if periods.report_within_ms > periods.length_ms {
            found.say("late-reports", "periods.report_within", "a report is due later than the next period's end");
        }
        if periods.first_start < self.genesis_time {
            found.say("period-before-genesis", "periods.first_start", "the first period starts before genesis");
        }
        let Some(capacity) = &periods.capacity else {
            let message = "the periods cannot be compared with the time to reach a threshold";
            return found.say("no-capacity", "periods", message);
        };
        let seen = periods.length_ms.saturating_add(periods.report_within_ms);
        if let Some(reached) = capacity.time_to_ms(capacity.threshold).filter(|reached| *reached < u128::from(seen)) {
            let (threshold, reached) = (capacity.threshold.scientific(), lasting(reached));
            let message = format!(
                "{} chips reach {threshold} FLOP in {reached}; the first report about it is due after up to {}",
                capacity.chips,
                lasting(u128::from(seen))
            );
            found.say("period-too-long", "periods.capacity", message);
        }
    }

    fn lint_clocks(&self, found: &mut Findings) {
        if self.clocks.max_skew_ms > self.clocks.heartbeat_ms {
            found.say("wide-skew", "clocks.max_skew", "the clock skew allowed is longer than the heartbeat");
        }
        if self.response.acknowledge_ms > self.response.clarify_ms {
            let (first, second) = (Span(self.response.acknowledge_ms), Span(self.response.clarify_ms));
            found.say("slow-response", "response.acknowledge", format!("{first} to acknowledge, {second} to clarify"));
        }
        if self.counting.chip_table == Hash::ZERO {
            found.say("no-chip-table", "counting", "no table of accelerators is pinned");
        }
        for rule in self.counting.rules.iter().filter(|rule| CountingRule::from_word(rule).is_none()) {
            let message = format!("no claim can name the counting rule `{rule}`");
            found.say("unknown-counting-rule", "counting.rules", message);
        }
    }

    fn lint_articles(&self, found: &mut Findings) {
        let length = Span(self.periods.length_ms);
        if self.amendment.notice_ms < length.0 {
            let message = format!(
                "an amendment takes effect after {}, within a period of {length}",
                Span(self.amendment.notice_ms)
            );
            found.say("fast-amendment", "amendment.notice", message);
        }
        let next = length.0.saturating_add(self.periods.report_within_ms);
        if self.withdrawal.notice_ms < next {
            let (notice, next) = (Span(self.withdrawal.notice_ms), lasting(u128::from(next)));
            let message = format!("a member may leave after {notice}; its next report is due after up to {next}");
            found.say("exit-before-report", "withdrawal.notice", message);
        }
        if self.challenges.per_period == 0 {
            found.say("no-challenges", "challenges.per_period", "no claim is ever challenged");
        }
    }

    fn lint_clauses(&self, found: &mut Findings) {
        for clause in &self.clauses {
            let article = format!("clauses.{}", clause.id);
            if !self.phases.iter().any(|phase| phase.clauses.contains_key(&clause.id)) {
                found.say("unused-clause", &article, format!("clause `{}` is in force in no phase", clause.id));
            }
            let Some(owed) = &clause.obligation else { continue };
            let timed = [Kind::TrainingCompute, Kind::CapabilityEvaluation];
            if !timed.iter().any(|kind| kind.as_str() == owed.statement.as_str()) {
                let message =
                    format!("clause `{}` obliges labs to `{}`, which is due at no time", clause.id, owed.statement);
                found.say("obligation-without-clock", format!("{article}.obligation"), message);
            }
        }
        if self.clauses.iter().all(|clause| clause.obligation.is_none()) {
            found.say("no-obligation", "clauses", "no clause obliges anybody to report");
        }
    }

    /// Caps and schedules that the stated capacity cannot reach.
    fn lint_reach(&self, found: &mut Findings) {
        let Some(capacity) = &self.periods.capacity else { return };
        for (phase, clause, parameters) in self.in_force() {
            let Some(shipped) = schema::shipped_name(&clause.module) else { continue };
            for (key, value) in parameters.values() {
                let unit = schema::parameter(shipped, key).map(|meaning| meaning.unit);
                let within = match unit {
                    Some(Unit::Flop) if key == "cap" => self.amendment.review_ms,
                    Some(Unit::FlopPerPeriod) => self.periods.length_ms,
                    _ => continue,
                };
                let Value::Flop(flop) = value else { continue };
                let flop = graded_above(parameters).map_or(*flop, |graded| graded.min(*flop));
                let reached = capacity.time_to_ms(flop);
                if reached.is_some_and(|reached| reached <= u128::from(within)) {
                    continue;
                }
                let takes = reached.map_or_else(|| "for ever".to_owned(), lasting);
                let message = format!(
                    "`{key}` of clause `{}` is {} FLOP: {} chips take {takes}, and it would matter within {}",
                    clause.id,
                    flop.scientific(),
                    capacity.chips,
                    Span(within)
                );
                found.say("threshold-out-of-reach", format!("phases.{}.clauses.{}", phase.id, clause.id), message);
            }
        }
    }
}

/// Above what a claim needs a grade, where the clause asks for one: it judges from there on, whatever its cap.
fn graded_above(parameters: &Parameters) -> Option<Flop> {
    let values = parameters.values();
    values.get("required_grade")?;
    match values.get("grade_above") {
        Some(Value::Flop(flop)) => Some(*flop),
        _ => Some(Flop(0)),
    }
}

/// A time for people, in the largest unit of which it has at least two, rounded down to a tenth: `2.9 d`, `7.0 h`.
pub(super) fn lasting(ms: u128) -> String {
    let units = [("y", 31_557_600_000u128), ("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)];
    let (unit, size) = units.into_iter().find(|(_, size)| ms >= 2 * size).unwrap_or(("ms", 1));
    match ms % size * 10 / size {
        _ if size == 1 => format!("{ms} ms"),
        tenth => format!("{}.{tenth} {unit}", ms / size),
    }
}
