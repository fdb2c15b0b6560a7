//! A report against the plan of its run.

use standstill_attestations::crosscheck::{Check, Finding, Outcome, Yardstick, against_plan, chips_of_run};
use standstill_attestations::plan::{PlannedChips, RunPlan};
use standstill_attestations::training::{CountingRule, RunStage, TrainingCompute};

use super::example::others::run_plan;
use super::example::{name, time, training_compute, window};
use super::{exact, interval, named, read};

use Outcome::{Agrees, Contradicts, Remarkable};

/// A plan that the example keeps to.
fn plan() -> RunPlan {
    let report = training_compute();
    RunPlan {
        run: report.run.clone(),
        run_stage: report.run_stage,
        sites: vec![name("dc-1"), name("dc-2")],
        planned: window("2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        flop: interval("5e23", "8e23"),
        counting_rule: report.counting_rule,
        chips: vec![PlannedChips { accelerator: name("h100-sxm"), count: 512 }],
        ..run_plan()
    }
}

fn check(report: &TrainingCompute, plan: &RunPlan, check: Check) -> Finding {
    named(against_plan(report, plan, &Yardstick::default()).unwrap(), check)
}

#[test]
fn a_run_that_keeps_to_its_plan_agrees() {
    let findings = against_plan(&training_compute(), &plan(), &Yardstick::default()).unwrap();
    assert_eq!(findings.len(), 3);
    assert!(findings.iter().all(|finding| finding.outcome == Agrees), "{findings:?}");
}

#[test]
fn a_plan_of_another_run_says_nothing_and_one_of_another_stage_asks() {
    let (mut run, mut stage) = (plan(), plan());
    run.run = name("other");
    assert_eq!(against_plan(&training_compute(), &run, &Yardstick::default()), None);
    stage.run_stage = RunStage::PostTraining;
    let sentence = "The plan is of the run's `post-training`, the report of its `pre-training`: was that planned?";
    let findings = against_plan(&training_compute(), &stage, &Yardstick::default()).unwrap();
    assert_eq!(findings.iter().map(read).collect::<Vec<_>>(), [(Remarkable, sentence)]);
}

/// A plan of 4,096 chips, and two sites that each have all of them.
#[test]
fn chips_of_all_sites_together_are_those_of_the_plan() {
    let (one, mut other) = (training_compute(), training_compute());
    other.site = name("dc-2");
    let mut plan = plan();
    for (count, outcome) in [(512, Contradicts), (1023, Contradicts), (1024, Agrees)] {
        plan.chips[0].count = count;
        let findings = chips_of_run(&plan, &[&one, &other]);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].check, findings[0].outcome), (Check::ChipsOfPlan, outcome), "{count}");
    }
    plan.chips[0].count = 512;
    assert_eq!(chips_of_run(&plan, &[&one])[0].outcome, Agrees);
    plan.run = name("other");
    assert_eq!(chips_of_run(&plan, &[&one, &other]), []);
}

#[test]
fn a_run_may_exceed_its_plan_by_the_tolerance_and_no_more() {
    for (cumulative, last, outcome) in [
        ("8e23", false, Agrees),
        ("8.1e23", false, Remarkable),
        ("1.04e24", false, Remarkable),
        ("1.041e24", false, Contradicts),
        ("4e23", false, Agrees),
        ("4e23", true, Remarkable),
        ("5e23", true, Agrees),
    ] {
        let mut report = training_compute();
        report.flop.cumulative = exact(cumulative);
        report.final_report = last;
        assert_eq!(check(&report, &plan(), Check::FlopOfPlan).outcome, outcome, "{cumulative} {last}");
    }
    let mut report = training_compute();
    report.counting_rule = CountingRule::HardwareFlop;
    assert_eq!(
        read(&check(&report, &plan(), Check::FlopOfPlan)),
        (Remarkable, "The plan counts `model-flop`, the report `hardware-flop`: nothing holds one against the other.")
    );
}

#[test]
fn chips_are_those_of_the_plan() {
    let (mut fewer, mut none) = (plan(), plan());
    fewer.chips[0].count = 256;
    none.chips[0].accelerator = name("b200");
    for (plan, sentence) in
        [(fewer, "The run uses 2.00 times the planned `h100-sxm`."), (none, "The plan has no `h100-sxm`.")]
    {
        assert_eq!(read(&check(&training_compute(), &plan, Check::ChipsOfPlan)), (Contradicts, sentence));
    }
}

#[test]
fn a_run_is_where_and_when_it_was_planned() {
    let (mut elsewhere, mut early, mut late) = (plan(), plan(), plan());
    elsewhere.sites.remove(0);
    early.planned.start = time("2026-11-02T00:00:00Z");
    late.planned.end = time("2026-11-28T00:00:00Z");
    for (plan, outcome, seconds, sentence) in [
        (elsewhere, Contradicts, 2_418_400, "The plan does not have the run at `dc-1`."),
        (early, Contradicts, 86_400, "The run started before 2026-11-02T00:00:00Z, when it was to start."),
        (late, Remarkable, 86_400, "The run went on after 2026-11-28T00:00:00Z, when it was to be over."),
    ] {
        let finding = check(&training_compute(), &plan, Check::TimeOfPlan);
        assert_eq!(read(&finding), (outcome, sentence));
        assert_eq!(finding.claimed.unwrap().lower, seconds);
    }
}
