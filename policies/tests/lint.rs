//! Lint: every rule of the table fires where it should, alone, and on none of the shipped treaties.

use std::collections::BTreeSet;

use standstill_policies::Treaty;
use standstill_policies::treaty::{Lint, PAUSE_OPTION, Places, RULES, SHIPPED, START, Severity};

/// The starting treaty as its author would leave it.
fn filled() -> String {
    String::from_utf8(START.to_vec()).unwrap().replace("FILL IN", "Filled in")
}

fn lint(text: &str) -> Vec<Lint> {
    Treaty::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")).lint()
}

fn codes(lints: &[Lint]) -> BTreeSet<&'static str> {
    lints.iter().map(|lint| lint.code).collect()
}

/// The filled treaty with edits, each of which must apply.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(filled(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

/// The filled treaty without `[[members]]` blocks of a role.
fn without_role(role: &str) -> String {
    let text = filled();
    let (head, members) = text.split_once("[[members]]").unwrap();
    let wanted = format!("roles = [\"{role}\"]");
    let kept = members.split("[[members]]").filter(|member| !member.contains(&wanted));
    kept.fold(head.to_owned(), |text, member| text + "[[members]]" + member)
}

const SLOWDOWN_ROLES: &str = "roles = [\"evaluator\", \"regulator\"]";
const REPORTING_AGAIN: &str =
    "clause = \"reporting\"\ntext = \"As the clause says.\"\n\n[[phases.clauses]]\nclause = \"run-cap\"";
const RUN_CAP_THERE: &str =
    "text = \"Filled in: why the cap is what it is in this phase.\"\nparameters = { cap = \"1e25\" }";
const OBLIGATION: &str = "[clauses.obligation]\ntext = \"A training-compute statement for the period, within \
                          `periods.report_within` of its end.\"\nstatement = \"training-compute\"\n";

/// What to change in the filled treaty, and all that is then said.
fn cases() -> Vec<(&'static str, String)> {
    let case = |code, edits: &[(&str, &str)]| (code, edited(edits));
    vec![
        case("to-fill-in", &[("notice = \"365d\"", "notice = \"365d\" # FILL IN"), ("how a member leaves", "FILL IN")]),
        case("period-too-long", &[("length = \"7d\"", "length = \"29d\"")]),
        case("no-capacity", &[(&capacity_block(), "")]),
        case("late-reports", &[("report_within = \"48h\"", "report_within = \"8d\"")]),
        case("period-before-genesis", &[("first_start = \"2027-01-04", "first_start = \"2027-01-03")]),
        case("wide-skew", &[("max_skew = \"10s\"", "max_skew = \"61s\"")]),
        case("slow-response", &[("acknowledge = \"36h\"", "acknowledge = \"6d\"")]),
        case("no-chip-table", &[("chip_table = ", "# chip_table = ")]),
        case("unknown-counting-rule", &[("rules = [\"model-flop\"]", "rules = [\"model-flop\", \"tokens\"]")]),
        case("entry-without-labs", &[("[\"lab-a\", \"lab-b\", \"lab-c\", \"lab-d\"]", "[\"evaluator\"]")]),
        case("fast-amendment", &[("notice = \"30d\"", "notice = \"6d\"")]),
        case("exit-before-report", &[("notice = \"365d\"", "notice = \"8d\"")]),
        case("no-challenges", &[("per_period = 1", "per_period = 0")]),
        case("no-obligation", &[(OBLIGATION, "")]),
        case("obligation-without-clock", &[("statement = \"training-compute\"", "statement = \"run-plan\"")]),
        case("threshold-out-of-reach", &[("parameters = { cap = \"1e25\" }", "parameters = { cap = \"1e29\" }")]),
        case("signal-without-level", &[("level = ", "# level = ")]),
        case("level-without-signal", &[("signal = \"time", "# signal = \"time")]),
        case("unknown-signal", &[("time-horizon-p50", "time-horizon-p5")]),
        case("labs-judge-alone", &[(SLOWDOWN_ROLES, "roles = [\"lab\"]")]),
        case("labs-judge-labs", &[(SLOWDOWN_ROLES, "roles = [\"lab\", \"regulator\"]")]),
        case("single-adjudicator", &[(SLOWDOWN_ROLES, "roles = [\"evaluator\"]")]),
        case("one-vote", &[("enter_ppm = 666666", "enter_ppm = 333333")]),
        case("easy-lift", &[("lift_ppm = 750000", "lift_ppm = 500000")]),
        case(
            "looser-phase",
            &[(
                "text = \"As the clause says.\"\n\n[[phases.clauses]]\nclause = \"run-cap\"",
                "text = \"x\"\nparameters = { late_tolerance = \"25h\" }\n\n[[phases.clauses]]\nclause = \"run-cap\"",
            )],
        ),
        ("no-evaluator", without_role("evaluator")),
        ("no-inspector", without_role("inspector")),
    ]
}

fn capacity_block() -> String {
    let text = filled();
    let start = text.find("[periods.capacity]").unwrap();
    let end = text.find("[clocks]").unwrap();
    text[start..end].to_owned()
}

#[test]
fn the_filled_treaty_has_no_fault() {
    assert_eq!(lint(&filled()), []);
}

#[test]
fn the_treaty_to_start_from_lacks_only_what_its_author_fills_in() {
    let found = lint(std::str::from_utf8(START).unwrap());
    assert_eq!(codes(&found), BTreeSet::from(["to-fill-in"]));
    let distinct: BTreeSet<_> = found.iter().map(|lint| &lint.article).collect();
    assert_eq!(distinct.len(), found.len(), "each place once");
    assert!(found.len() > 20);
}

#[test]
fn a_shipped_treaty_has_no_fault() {
    for (name, bytes) in SHIPPED {
        let treaty = Treaty::parse(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(treaty.lint(), [], "{name}");
        assert_eq!(treaty.name.as_str(), name);
    }
}

#[test]
fn each_rule_fires_alone_on_a_treaty_with_its_fault() {
    for (code, text) in cases() {
        let found = lint(&text);
        assert_eq!(codes(&found), BTreeSet::from([code]), "{code}");
    }
}

/// Faults that cannot come alone, with all that is said.
#[test]
fn faults_that_bring_others_with_them_are_all_said() {
    let silent = edited(&[(REPORTING_AGAIN, "clause = \"run-cap\"")]);
    assert_eq!(codes(&lint(&silent)), BTreeSet::from(["phase-without-obligation", "clause-lapses"]));
    let same = edited(&[(REPORTING_AGAIN, "clause = \"reporting\"\n\n#"), (RUN_CAP_THERE, "")]);
    assert_eq!(codes(&lint(&same)), BTreeSet::from(["same-rules", "unused-clause"]));
    let labs = without_role("lab").replace("[\"lab-a\", \"lab-b\", \"lab-c\", \"lab-d\"]", "[\"evaluator\"]");
    assert_eq!(codes(&lint(&labs)), BTreeSet::from(["no-lab", "entry-without-labs", "few-validators"]));
    let text = filled();
    let (first, last) = ("[[phases.clauses]]\nclause = \"reporting\"", "# -----");
    let at = text.rfind(first).unwrap();
    let end = at + text[at..].find(last).unwrap();
    let empty = format!("{}{}", &text[..at], &text[end..]);
    let all = BTreeSet::from(["phase-without-clauses", "clause-lapses", "unused-clause"]);
    assert_eq!(codes(&lint(&empty)), all);
}

#[test]
fn the_tests_meet_every_rule_and_the_specification_lists_each() {
    let mut met: BTreeSet<_> = cases().iter().map(|(code, _)| *code).collect();
    met.extend(["same-rules", "unused-clause", "no-lab", "few-validators", "phase-without-clauses", "clause-lapses"]);
    met.insert("phase-without-obligation");
    assert_eq!(met, RULES.iter().map(|rule| rule.code).collect());
    let specification = include_str!("../../spec/70-treaty.md");
    for rule in RULES {
        let row = format!("| `{}` | {} | {} |", rule.code, rule.severity.as_str(), rule.when);
        assert!(specification.contains(&row), "{row}");
    }
}

#[test]
fn a_finding_names_its_line_and_fits_a_terminal() {
    for (code, text) in cases() {
        let places = Places::of(text.as_bytes()).unwrap();
        for found in lint(&text) {
            let line = places.line(&found.article).unwrap_or_else(|| panic!("{code}: {}", found.article));
            let shown = found.text("treaty.toml", Some(line));
            assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
            assert!(shown.starts_with(found.severity.as_str()), "{shown}");
        }
    }
    let text = edited(&[("lift_ppm = 750000", "lift_ppm = 500000")]);
    let line = Places::of(text.as_bytes()).unwrap().line("phases.slowdown.adjudicators").unwrap();
    assert_eq!(text.lines().nth(line - 1), Some("[phases.adjudicators]"));
}

#[test]
fn what_a_slowdown_must_say_is_an_error() {
    let error = |code| RULES.iter().find(|rule| rule.code == code).unwrap().severity == Severity::Error;
    for code in
        ["period-too-long", "no-obligation", "obligation-without-clock", "labs-judge-alone", "signal-without-level"]
    {
        assert!(error(code), "{code}");
    }
    assert!(!error("no-capacity"));
}

#[test]
fn the_time_to_a_threshold_is_that_of_the_shipped_rationale() {
    let capacity = Treaty::parse(PAUSE_OPTION).unwrap().periods.capacity.unwrap();
    let days = |exponent: u32| {
        let flop = standstill_protocol::units::Flop(10u128.pow(exponent));
        capacity.time_to_ms(flop).unwrap() * 10 / 86_400_000
    };
    assert_eq!((days(25), days(26)), (29, 292), "tenths of a day: 3 days, 29 days");
}

proptest::proptest! {
    #[test]
    fn no_damage_to_a_treaty_makes_lint_or_its_places_panic(at in 0usize..START.len(), byte in proptest::num::u8::ANY) {
        let mut bytes = START.to_vec();
        bytes[at] = byte;
        let places = Places::of(&bytes);
        if let Ok(treaty) = Treaty::parse(&bytes) {
            for lint in treaty.lint() {
                proptest::prop_assert!(places.as_ref().unwrap().line(&lint.article).is_some(), "{}", lint.article);
            }
            treaty.show();
        } else if let Some(places) = places {
            places.line("phases.slowdown.triggers.task-horizon.level");
        }
    }
}
