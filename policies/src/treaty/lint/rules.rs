//! The table of what a treaty is linted for.

/// How much a finding about a treaty weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The treaty does not say what a credible slowdown must say.
    Error,
    /// A designer should look again.
    Remark,
}

impl Severity {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Remark => "remark",
        }
    }
}

/// One thing that a treaty is linted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable short name.
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// When it is said.
    pub when: &'static str,
    /// What to do.
    pub hint: &'static str,
}

const fn error(code: &'static str, when: &'static str, hint: &'static str) -> Rule {
    Rule { code, severity: Severity::Error, when, hint }
}

const fn remark(code: &'static str, when: &'static str, hint: &'static str) -> Rule {
    Rule { code, severity: Severity::Remark, when, hint }
}

/// Everything that a treaty is linted for, in the order of the articles.
pub const RULES: &[Rule] = &[
    error("to-fill-in", "a text still says `FILL IN`", "write what only the parties can say"),
    error("no-lab", "no member has the role `lab`", "name one under `members`: the clauses bind labs"),
    remark("few-validators", "fewer than 4 members run a validator", "have at least 4: fewer tolerate no fault"),
    remark("no-evaluator", "no member has the role `evaluator`", "name one under `members`"),
    remark("no-inspector", "no member has the role `inspector`", "name one: nobody could use `response.inspect`"),
    error(
        "period-too-long",
        "the stated capacity reaches the threshold before the first report about it is due",
        "shorten `periods.length` or `report_within`, or correct `periods.capacity`",
    ),
    remark("no-capacity", "`periods.capacity` is missing", "state it: periods follow from the time to a threshold"),
    remark("late-reports", "a report is due after the next period's end", "shorten `report_within`"),
    remark(
        "period-before-genesis",
        "the first period starts before genesis",
        "move `first_start`: reports about time before the ledger cannot be asked for",
    ),
    remark("wide-skew", "`max_skew` is longer than the heartbeat", "lower `max_skew`"),
    remark("slow-response", "acknowledging may take longer than clarifying", "shorten `response.acknowledge`"),
    remark(
        "no-chip-table",
        "no table of accelerators is pinned",
        "give `chip_table`: claims of chips and time cannot be cross-checked without it",
    ),
    remark(
        "unknown-counting-rule",
        "a counting rule is none that a claim can name",
        "see `counting_rule` in spec/45-statements.md",
    ),
    error("entry-without-labs", "no party to the entry into force is a lab", "name labs under `parties`"),
    remark("fast-amendment", "an amendment takes effect within one period", "make `notice` as long as a period"),
    error(
        "exit-before-report",
        "a member that gives notice is gone before its next report is due",
        "make `withdrawal.notice` longer than a period and the time to report",
    ),
    remark("no-challenges", "no claim is ever challenged", "raise `challenges.per_period`"),
    error("no-obligation", "no clause obliges anybody to report", "add an `obligation`: silence would be compliance"),
    error(
        "obligation-without-clock",
        "an obligation asks for statements for which the ledger keeps no deadline",
        "ask for `training-compute` or `capability-evaluation`, which speak of a period",
    ),
    remark("unused-clause", "a clause is in force in no phase", "list it under a phase, or remove it"),
    remark(
        "threshold-out-of-reach",
        "the stated capacity cannot reach a cap before the treaty is reviewed, or a schedule in its period",
        "lower it: the clause would never judge anybody",
    ),
    error("phase-without-clauses", "a phase brings no clause into force", "list what holds in it, or remove it"),
    error(
        "phase-without-obligation",
        "in a phase no clause that obliges labs to report is in force",
        "list one there: the other clauses would judge nothing",
    ),
    remark("same-rules", "a phase has the same clauses and parameters as the one before", "change them, or merge both"),
    remark("looser-phase", "a later phase is looser than the one before", "list phases mildest first"),
    remark("clause-lapses", "a clause is in force in a phase, but not in the harsher one", "list it there too"),
    error("signal-without-level", "a condition names a signal but no level", "say at which `level` it holds"),
    remark("level-without-signal", "a condition has a level but no signal", "name the `signal` that is measured"),
    remark("unknown-signal", "a condition names a signal that is not in the table of signals", "see spec/70-treaty.md"),
    error("labs-judge-alone", "only labs adjudicate a phase", "add evaluators or regulators"),
    remark("labs-judge-labs", "labs are the majority of those who adjudicate a phase", "add evaluators or regulators"),
    remark("single-adjudicator", "one member alone adjudicates a phase", "name more than one"),
    remark("one-vote", "one vote of several brings a phase into force", "raise `enter_ppm`"),
    remark("easy-lift", "a phase is easier to lift than to enter", "raise `lift_ppm`"),
];

/// Signals that triggers may watch, by name: the ids of the table in spec/70-treaty.md.
pub(super) const SIGNALS: &[&str] = &[
    "merged-code-share",
    "merge-rate",
    "open-task-success",
    "training-script-speedup",
    "weak-to-strong-pgr",
    "time-horizon-p50",
    "benchmark-saturation",
    "vulnerabilities-found",
    "prevented-incidents",
    "incident-time",
    "process-automation",
];
