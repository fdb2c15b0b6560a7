//! What a lab with something to hide could try, and what must not happen to one that has nothing to hide.

use standstill_attestations::claim::Window;
use standstill_attestations::{Interval, Predicate, TrainingCompute};
use standstill_ledger::schema::{ObligationStatus, VerdictRecord};
use standstill_ledger::testing::{GENESIS, Setup, World};
use standstill_ledger::{Event, MAX_BLOCK_PERIODS, MAX_LATE_PERIODS, MAX_NEW_RUNS, Rejection, query};
use standstill_policies::Verdict;
use standstill_policies::treaty::Span;
use standstill_protocol::member::Name;
use standstill_protocol::units::Flop;

const HOUR: u64 = 3_600_000;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn record(world: &World, clause: &str, lab: &str, period: u32) -> Option<VerdictRecord> {
    query::verdict(&world.state, &name(clause), &name(lab), period).unwrap()
}

fn verdict(world: &World, clause: &str, lab: &str, period: u32) -> Option<Verdict> {
    record(world, clause, lab, period).map(|record| record.verdict)
}

fn statuses(world: &World, from: u32, to: u32) -> Vec<(u32, ObligationStatus)> {
    let all = query::obligations(&world.state, world.rules.treaty(), from, to).unwrap();
    all.into_iter().map(|view| (view.period, view.record.status)).collect()
}

/// The code with which a block of these entries is refused.
fn refusal(world: &mut World, entries: Vec<Vec<u8>>) -> &'static str {
    match world.block(entries) {
        Err(Rejection::Entry { refusal, .. }) => {
            assert!(!refusal.hint().is_empty());
            refusal.code()
        }
        other => panic!("expected a refusal, got {:?}", other.map(|applied| applied.entries)),
    }
}

fn say(world: &mut World, lab: &str, report: TrainingCompute) -> Vec<u8> {
    world.say(lab, Predicate::TrainingCompute(report))
}

/// Brings a phase into force with the votes of both adjudicators.
fn vote(world: &mut World, phase: &str) {
    let votes = vec![world.vote("evaluator", phase, true), world.vote("regulator", phase, true)];
    world.block(votes).unwrap();
    assert_eq!(query::meta(&world.state).unwrap().unwrap().phase, name(phase));
}

/// Protects the verdict itself: a clause keeps a few periods only, and would say `holds` of one it has forgotten.
#[test]
fn a_violation_outlives_every_later_report() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(0);
    vote(&mut world, "slowdown");
    world.advance_to_period(2);
    let report = world.report("lab-c", 1, "aurora", 5000, 5000);
    world.block(vec![report]).unwrap();
    world.close_period(1);
    let before = record(&world, "run-cap", "lab-c", 1).unwrap();
    assert_eq!(before.verdict, Verdict::Violated);
    for period in 2..14 {
        world.advance_to_period(period + 1);
        let report = world.report("lab-c", period, &format!("run-{period}"), 1, 1);
        world.block(vec![report]).unwrap();
    }
    let late = world.report("lab-c", 1, "decoy", 1, 1);
    let applied = world.block(vec![late]).unwrap();
    let after = record(&world, "run-cap", "lab-c", 1).unwrap();
    assert_eq!(after.verdict, Verdict::Violated);
    assert!(after.findings.iter().any(|finding| finding.verdict == Verdict::Violated), "with what showed it");
    let milder = |event: &Event| matches!(event, Event::VerdictChanged { from: Some(Verdict::Violated), .. });
    assert!(!applied.events.iter().any(milder));
    if after != before {
        assert_eq!(after.height, applied.block.header.height, "a new record only with a new violation");
    }
}

/// Protects old verdicts: clauses no longer hold the records of those periods.
#[test]
fn a_closed_period_far_behind_takes_no_more_reports() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(1 + MAX_LATE_PERIODS);
    world.block(Vec::new()).unwrap();
    let old = world.report("lab-a", 0, "aurora", 1, 1);
    assert_eq!(refusal(&mut world, vec![old]), "period-too-old");
    world.release_sequence("lab-a");
    let late = world.report("lab-a", 1, "aurora", 1, 1);
    world.block(vec![late]).unwrap();
}

/// Protects everybody: an outage says nothing about any lab, however long it is.
#[test]
fn an_outage_longer_than_one_block_can_catch_up_with_accuses_nobody() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(1);
    world.block(Vec::new()).unwrap();
    world.now = world.now.plus(40 * HOUR);
    for _ in 0..12 {
        world.block(Vec::new()).unwrap();
    }
    let meta = query::meta(&world.state).unwrap().unwrap();
    assert_eq!(meta.next_open, 42, "caught up");
    for (period, status) in statuses(&world, 0, 42) {
        assert_eq!(status, ObligationStatus::Open, "period {period}");
    }
    let report = world.report("lab-a", 3, "aurora", 1, 1);
    world.block(vec![report]).unwrap();
    // All of the time for reports counts again from the outage's end.
    let end = meta.outage.unwrap().to;
    assert_eq!(query::period(&world.state, 30).unwrap().unwrap().due, end.plus(600_000));
    world.close_period(40);
    assert!(statuses(&world, 5, 40).iter().all(|(_, status)| *status == ObligationStatus::Missed));
}

/// Protects deadlines just behind an outage, which would leave seconds to report.
#[test]
fn a_deadline_shortly_after_an_outage_is_moved() {
    let mut world = World::new(Setup::default());
    world.advance(GENESIS.plus(HOUR - 1000));
    world.block(Vec::new()).unwrap();
    let due = query::period(&world.state, 0).unwrap().unwrap().due;
    world.now = GENESIS.plus(HOUR + 599_999);
    let applied = world.block(Vec::new()).unwrap();
    let to = world.tip().unwrap().time.plus(600_000);
    assert!(applied.events.contains(&Event::DeadlineExtended { period: 0, from: due, to }));
}

/// Protects the members of a ledger that is set up after its first periods.
#[test]
fn a_ledger_that_starts_late_asks_for_nothing_that_was_over() {
    let mut world = World::new(Setup::default());
    world.now = GENESIS.plus(1000 * HOUR + 1_800_000);
    world.block(Vec::new()).unwrap();
    assert_eq!(query::meta(&world.state).unwrap().unwrap().first_period, 1000);
    assert!(statuses(&world, 0, 1000).is_empty());
    assert_eq!(statuses(&world, 1000, 1001).len(), 4);
    let old = world.report("lab-a", 998, "aurora", 1, 1);
    assert_eq!(refusal(&mut world, vec![old]), "period-too-old");
}

/// Protects the schedule: work of three weeks is not one week's, nor hidden in a week that was free.
#[test]
fn a_window_lies_inside_its_period() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(2);
    world.block(Vec::new()).unwrap();
    let bounds = world.rules.treaty().periods.period(1);
    let with = |world: &World, start, end| {
        let mut report = world.training(1, "aurora", 1, 1);
        report.window = Window { start, end };
        report.sessions[0].window = report.window;
        report
    };
    let early = standstill_protocol::units::Timestamp(bounds.start.0 - 10_001);
    world.advance(bounds.end.plus(60_000));
    for (start, end) in [(early, bounds.end), (bounds.start, bounds.end.plus(10_001))] {
        let report = with(&world, start, end);
        let entry = say(&mut world, "lab-a", report);
        assert_eq!(refusal(&mut world, vec![entry]), "window-outside-period");
        world.release_sequence("lab-a");
    }
    let report = with(&world, early.plus(1), bounds.end.plus(10_000));
    let entry = say(&mut world, "lab-a", report);
    world.block(vec![entry]).unwrap();
}

/// Protects the sums: what a run has gained must stand in its increments.
#[test]
fn a_run_grows_by_its_increments_alone() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(2);
    let first = world.report("lab-a", 0, "aurora", 10, 100);
    world.block(vec![first]).unwrap();
    for (incremental, cumulative) in [(0, 101), (10, 200), (20, 110)] {
        let entry = world.report("lab-a", 1, "aurora", incremental, cumulative);
        assert_eq!(refusal(&mut world, vec![entry]), "unexplained-growth", "{incremental} to {cumulative}");
        world.release_sequence("lab-a");
    }
    let good = world.report("lab-a", 1, "aurora", 10, 110);
    world.block(vec![good]).unwrap();
}

/// Protects the schedule from work that a run is said to have had behind it when it first appears.
#[test]
fn a_run_that_appears_late_counts_whole() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(2);
    let inventory = world.report("lab-a", 0, "aurora", 1, 900);
    let appears = world.report("lab-a", 1, "borealis", 1, 900);
    world.block(vec![inventory, appears]).unwrap();
    let compute = |period| query::compute(&world.state, &name("lab-a"), period).unwrap().lower.0;
    assert_eq!((compute(0), compute(1)), (1, 900));
}

/// Protects the clauses' memory, which holds a line for each run.
#[test]
fn a_lab_names_few_new_runs_for_one_period() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(2);
    let runs: Vec<_> = (0..MAX_NEW_RUNS).map(|run| world.report("lab-a", 1, &format!("run-{run}"), 1, 1)).collect();
    world.block(runs).unwrap();
    let more = world.report("lab-a", 1, "one-more", 1, 1);
    assert_eq!(refusal(&mut world, vec![more]), "too-many-runs");
    world.release_sequence("lab-a");
    let known = world.report("lab-a", 1, "run-0", 1, 2);
    let other_period = world.report("lab-a", 2, "one-more", 1, 1);
    world.block(vec![known, other_period]).unwrap();
}

/// Protects `violated`, which only the lower bound can show: it must not be 0 under an upper bound of anything.
#[test]
fn a_claim_is_as_narrow_as_the_treaty_asks() {
    let mut world = World::new(Setup::default());
    world.advance_to_period(1);
    for (incremental, cumulative, fits) in
        [((0, 0), (399, 1000), false), ((0, 601), (400, 1000), false), ((0, 600), (400, 1000), true)]
    {
        let mut report = world.training(0, "aurora", 0, 0);
        let interval = |(lower, upper)| Interval { lower: Flop(lower), upper: Flop(upper) };
        (report.flop.incremental, report.flop.cumulative) = (interval(incremental), interval(cumulative));
        let entry = say(&mut world, "lab-a", report);
        match fits {
            true => drop(world.block(vec![entry]).unwrap()),
            false => {
                assert_eq!(refusal(&mut world, vec![entry]), "claim-too-wide");
                world.release_sequence("lab-a");
            }
        }
    }
}

/// Protects the time that a block takes: each period of each lab is an assessment by each clause.
#[test]
fn one_labs_entries_in_a_block_are_about_few_periods() {
    let (report_within, heartbeat) = (Span(64 * HOUR), Span(24 * HOUR));
    let mut world = World::new(Setup { report_within, heartbeat, outage_heartbeats: 2, ..Setup::default() });
    world.advance_to_period(80);
    for _ in 0..8 {
        world.block(Vec::new()).unwrap();
    }
    let count = u32::try_from(MAX_BLOCK_PERIODS).unwrap();
    let mut entries: Vec<_> = (0..=count).map(|at| world.report("lab-a", 16 + at, &format!("r-{at}"), 1, 1)).collect();
    assert_eq!(refusal(&mut world, entries.clone()), "block-budget");
    let waits = entries.pop().unwrap();
    world.block(entries).unwrap();
    world.block(vec![waits]).unwrap();
}

/// Protects the harsher decision: which vote comes first in a block is the proposer's to choose.
#[test]
fn of_two_phases_decided_in_one_block_the_later_one_in_the_treaty_wins() {
    for order in [["slowdown", "pause"], ["pause", "slowdown"]] {
        let mut world = World::new(Setup::default());
        let first = order.map(|phase| world.vote("evaluator", phase, true));
        world.block(first.to_vec()).unwrap();
        let second = order.map(|phase| world.vote("regulator", phase, true));
        world.block(second.to_vec()).unwrap();
        assert_eq!(query::meta(&world.state).unwrap().unwrap().phase, name("pause"));
    }
}

/// Protects the decision from a vote withdrawn in the same block: all votes of a block count before one is made.
#[test]
fn a_vote_withdrawn_in_the_same_block_does_not_count() {
    let mut world = World::new(Setup::default());
    let votes = [world.vote("evaluator", "slowdown", true), world.vote("regulator", "slowdown", true)];
    let withdrawn = world.vote("evaluator", "slowdown", false);
    world.block([votes.to_vec(), vec![withdrawn]].concat()).unwrap();
    assert_eq!(query::meta(&world.state).unwrap().unwrap().phase, name("monitoring"));
}

/// Protects the log from a member that repeats itself.
#[test]
fn a_vote_that_changes_nothing_is_refused() {
    let mut world = World::new(Setup::default());
    let vote = world.vote("evaluator", "slowdown", true);
    world.block(vec![vote]).unwrap();
    let again = world.vote("evaluator", "slowdown", true);
    assert_eq!(refusal(&mut world, vec![again]), "vote-unchanged");
    world.release_sequence("evaluator");
    let withdrawn = world.vote("evaluator", "slowdown", false);
    world.block(vec![withdrawn]).unwrap();
    assert_eq!(verdict(&world, "run-cap", "lab-a", 0), None);
}
