//! Comparison of treaties: what changes, for whom, and which way.

use standstill_policies::Treaty;
use standstill_policies::treaty::diff::{Change, What};
use standstill_policies::treaty::schema::{self, Effect};
use standstill_policies::treaty::{Diff, PAUSE_OPTION, SHIPPED};

fn treaty(edits: &[(&str, &str)]) -> Treaty {
    let shipped = String::from_utf8(PAUSE_OPTION.to_vec()).unwrap();
    let text = edits.iter().fold(shipped, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    Treaty::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn diff(edits: &[(&str, &str)]) -> Diff {
    treaty(&[]).diff(&treaty(edits))
}

fn only(edits: &[(&str, &str)]) -> Change {
    let mut changes = diff(edits).changes;
    assert_eq!(changes.len(), 1, "{changes:#?}");
    changes.remove(0)
}

#[test]
fn a_treaty_does_not_differ_from_itself_or_from_another_layout() {
    let same = diff(&[]);
    assert_eq!(same.changes, []);
    assert!(same.text().contains("the same file"));
    let comment = diff(&[("# pause-option: a treaty", "# a treaty")]);
    assert_eq!(comment.changes, []);
    assert_ne!(comment.before.hash, comment.after.hash);
    assert!(comment.text().contains("comments or layout"));
}

#[test]
fn each_single_change_is_one_change_with_its_direction() {
    use Effect::{Looser, Stricter, Unclear};
    let cases = [
        ("length = \"7d\"", "length = \"5d\"", "periods.length", "7d", "5d", Stricter),
        ("report_within = \"48h\"", "report_within = \"3d\"", "periods.report_within", "2d", "3d", Looser),
        ("clarify = \"5d\"", "clarify = \"4d\"", "response.clarify", "5d", "4d", Stricter),
        ("tolerance_ppm = 300000", "tolerance_ppm = 50000", "counting.tolerance_ppm", "30 %", "5 %", Stricter),
        ("amendment_ppm = 666666", "amendment_ppm = 750000", "voting.amendment_ppm", "66.6666 %", "75 %", Unclear),
        ("notice = \"365d\"", "notice = \"30d\"", "withdrawal.notice", "365d", "30d", Looser),
        ("per_period = 1", "per_period = 2", "challenges.per_period", "1", "2", Stricter),
        ("heartbeat = \"60s\"", "heartbeat = \"30s\"", "clocks.heartbeat", "1m", "30s", Unclear),
        (
            "parameters = { cap = \"1e24\" }",
            "parameters = { cap = \"2e24\" }",
            "phases.pause.clauses.run-cap.cap",
            "1e24 FLOP",
            "2e24 FLOP",
            Looser,
        ),
        (
            "rate_ppm = 19705",
            "rate_ppm = 30000",
            "phases.slowdown.clauses.slowdown.rate_ppm",
            "1.9705 % a period",
            "3 % a period",
            Stricter,
        ),
        (
            "missing_violated_after = 2",
            "missing_violated_after = 0",
            "phases.pause.clauses.reporting.missing_violated_after",
            "2 periods",
            "0 periods",
            Looser,
        ),
        (
            "level = \"100x\"",
            "level = \"80x\"",
            "phases.slowdown.triggers.research-speedup.level",
            "100x",
            "80x",
            Unclear,
        ),
    ];
    for (from, to, article, before, after, effect) in cases {
        let change = only(&[(from, to)]);
        assert_eq!(change.article, article);
        assert_eq!((change.before.as_deref(), change.after.as_deref()), (Some(before), Some(after)), "{article}");
        assert_eq!((change.what, change.effect), (What::Changed, Some(effect)), "{article}");
        assert!(!change.whom.is_empty(), "{article}");
    }
}

#[test]
fn a_change_says_whom_it_is_about() {
    let cap = only(&[("parameters = { cap = \"1e24\" }", "parameters = { cap = \"2e24\" }")]);
    assert_eq!(cap.whom.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["lab-a", "lab-b", "lab-c", "lab-d"]);
    let role = only(&[("roles = [\"witness\"]", "roles = [\"meter\", \"witness\"]")]);
    assert_eq!((role.article.as_str(), role.effect), ("members.witness.roles", Some(Effect::Unclear)));
    assert_eq!(role.whom.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["witness"]);
    let lift = only(&[("lift_ppm = 750000", "lift_ppm = 666666")]);
    assert_eq!((lift.article.as_str(), lift.effect), ("phases.slowdown.adjudicators.lift_ppm", Some(Effect::Looser)));
    assert_eq!(lift.whom.len(), 3);
}

#[test]
fn what_came_and_went_is_said_with_what_it_does() {
    let dropped = "[[phases.clauses]]\nclause = \"run-cap\"\ntext = \"1e24 FLOP is the strict threshold of arXiv \
                   2511.10783, article II.\"\nparameters = { cap = \"1e24\" }\n";
    let change = only(&[(dropped, "")]);
    assert_eq!((change.what, change.effect), (What::Removed, Some(Effect::Looser)));
    assert_eq!(change.article, "phases.pause.clauses.run-cap");
    assert_eq!(change.before.as_deref(), Some("in force with cap = 1e24 FLOP"));
    let rule = only(&[("rules = [\"model-flop\", ", "rules = [")]);
    assert_eq!(
        (rule.what, rule.effect, rule.before.as_deref()),
        (What::Removed, Some(Effect::Stricter), Some("model-flop"))
    );
    let reworded = only(&[("title = \"Every lab reports its training compute\"", "title = \"Reports\"")]);
    assert_eq!((reworded.what, reworded.effect), (What::Reworded, None));
}

#[test]
fn the_way_back_undoes_every_direction() {
    let edits = [
        ("length = \"7d\"", "length = \"5d\""),
        ("cap = \"1e24\"", "cap = \"5e24\""),
        ("rate_ppm = 19705", "rate_ppm = 1"),
    ];
    let (before, after) = (treaty(&[]), treaty(&edits));
    let (there, back) = (before.diff(&after), after.diff(&before));
    assert_eq!(there.changes.len(), back.changes.len());
    for (one, other) in there.changes.iter().zip(&back.changes) {
        assert_eq!((&one.article, &one.before, &one.after), (&other.article, &other.after, &other.before));
        let opposite = match one.effect {
            Some(Effect::Stricter) => Some(Effect::Looser),
            Some(Effect::Looser) => Some(Effect::Stricter),
            other => other,
        };
        assert_eq!(other.effect, opposite, "{}", one.article);
    }
}

#[test]
fn any_two_shipped_treaties_are_compared_both_ways() {
    let treaties = SHIPPED.map(|(_, bytes)| Treaty::parse(bytes).unwrap());
    for before in &treaties {
        for after in &treaties {
            let (there, back) = (before.diff(after), after.diff(before));
            assert_eq!(there.changes.len(), back.changes.len());
            assert_eq!(there.changes.is_empty(), before.hash == after.hash);
            assert_eq!(there.count(Effect::Stricter), back.count(Effect::Looser));
            assert!(there.text().lines().all(|line| line.chars().count() <= 80));
        }
    }
}

#[test]
fn the_text_fits_a_terminal() {
    let edits = [
        ("length = \"7d\"", "length = \"5d\""),
        ("Inspections are at most 20 a year", "Inspections are at most 21 a year"),
    ];
    let text = diff(&edits).text();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("2 changes: 1 stricter, 0 looser"), "{text}");
    assert!(text.contains("for each lab: lab-a, lab-b, lab-c, lab-d"), "{text}");
}

#[test]
fn every_parameter_of_the_shipped_treaty_has_a_meaning() {
    let shipped = treaty(&[]);
    for phase in &shipped.phases {
        for (clause, parameters) in &phase.clauses {
            let name = schema::shipped_name(&shipped.clause(clause.as_str()).unwrap().module).unwrap();
            for key in parameters.values().keys() {
                assert!(schema::parameter(name, key).is_some(), "{name} {key}");
            }
        }
    }
}
