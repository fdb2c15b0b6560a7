//! The shipped clauses: the bytes are those of SHA256SUMS and of the treaty, and they judge as their pages say.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use standstill_policies::record::CORRECTS;
use standstill_policies::treaty::{PAUSE_OPTION, SHIPPED};
use standstill_policies::{
    Assess, Execution, Finding, Grade, Host, Kind, Limits, Module, Outcome, Parameters, Record, Totals, Treaty, Value,
    Verdict, shipped,
};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::{Flop, Timestamp};

const WEEK: u64 = 604_800_000;

struct Bench {
    host: Host,
    module: Module,
    parameters: Parameters,
    state: Vec<u8>,
}

impl Bench {
    fn new(wasm: &[u8], parameters: &[(&str, Value)]) -> Bench {
        let host = Host::new(Limits::V1).unwrap();
        let module = host.admit(wasm).unwrap();
        let mut bench = Bench { host, module, parameters: Parameters::default(), state: Vec::new() };
        bench.set(parameters);
        bench
    }

    fn set(&mut self, parameters: &[(&str, Value)]) {
        let values: BTreeMap<_, _> = parameters.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        self.parameters = Parameters::new(values).unwrap();
    }

    fn run(&mut self, records: &[Record], assess: Option<u32>) -> Execution {
        let assess = assess.map(|index| Assess { period: period(index), log_size: 1_000_000 });
        let run = self.host.run(&self.module, &self.parameters, Some(&self.state), records, assess.as_ref()).unwrap();
        assert_eq!(run.outcome, Outcome::Ok);
        self.state.clone_from(&run.state);
        run
    }

    fn assess(&mut self, index: u32) -> Vec<Finding> {
        self.run(&[], Some(index)).findings
    }
}

fn period(index: u32) -> standstill_policies::Period {
    static TREATY: LazyLock<Treaty> = LazyLock::new(|| Treaty::parse(PAUSE_OPTION).unwrap());
    TREATY.periods.period(index)
}

fn flop(value: u128) -> Value {
    Value::Flop(Flop(value))
}

fn text(word: &str) -> Value {
    Value::Text(word.to_owned())
}

/// A claim about the middle of a period.
fn claim(index: u64, period_index: u32, run: u32, lower: u128, upper: u128) -> Record {
    let period = period(period_index);
    let mut record = Record::new(Kind::TrainingCompute, index, period.end, 1, period_index);
    record.run = run;
    (record.flop_lower, record.flop_upper) = (Flop(lower), Flop(upper));
    (record.start, record.end) = (Timestamp(period.start.0 + 1000), Timestamp(period.end.0 - 1000));
    record.grade = Some(Grade::Declared);
    record.totals = Some(Totals { cumulative_lower: Flop(lower), cumulative_upper: Flop(upper), ..Totals::default() });
    record
}

fn closed(at: u32) -> Record {
    let period = period(at);
    let mut record = Record::new(Kind::PeriodClosed, 0, period.due, 1, at);
    (record.start, record.end) = (period.start, period.end);
    record
}

fn left(at: Timestamp, period: u32) -> Record {
    let mut record = Record::new(Kind::PhaseLeft, 0, at, 1, period);
    record.start = at;
    record
}

fn phase(index: u64, at: Timestamp, period: u32, phase: u32) -> Record {
    let mut record = Record::new(Kind::Phase, index, at, 0, period);
    (record.start, record.flags) = (at, phase);
    record
}

fn verdicts(findings: &[Finding]) -> Vec<(u32, Verdict, u32)> {
    findings.iter().map(|finding| (finding.period, finding.verdict, finding.code)).collect()
}

#[test]
fn the_committed_modules_are_those_of_sha256sums_and_of_the_treaty() {
    let treaty = Treaty::parse(PAUSE_OPTION).unwrap();
    let mut lines = String::new();
    for (name, module) in shipped::ALL {
        let hash = Hash::sha256(module);
        lines.push_str(&format!("{hash}  {name}.wasm\n"));
        assert_eq!(treaty.clause(name).unwrap().module, hash, "{name}");
        assert_eq!(shipped::by_hash(&hash), Some(module));
    }
    assert_eq!(shipped::SHA256SUMS, lines);
}

#[test]
fn under_a_law_that_forbids_no_run_a_large_one_is_undecided_until_it_is_backed() {
    let (_, bytes) = SHIPPED.into_iter().find(|(name, _)| *name == "eu-gpai").unwrap();
    let treaty = Treaty::parse(bytes).unwrap();
    let mut bench = Bench::new(shipped::RUN_CAP, &[("cap", flop(1))]);
    bench.parameters = treaty.parameters("systemic-risk", "in-force").unwrap().clone();
    let large = 2 * 10u128.pow(25);
    let mut backed = claim(12, 1, 3, large, large);
    backed.grade = Some(Grade::Countersigned);
    bench.run(&[phase(0, period(0).start, 0, 0)], None);
    bench.run(&[claim(10, 0, 1, large, large), claim(11, 1, 2, 10u128.pow(24), 10u128.pow(25)), backed], None);
    let worst = |findings: Vec<Finding>| findings.iter().map(|finding| finding.verdict).max();
    assert_eq!(worst(bench.assess(0)), Some(Verdict::Undecided));
    assert_eq!(worst(bench.assess(1)), Some(Verdict::Holds));
}

#[test]
fn run_cap_accuses_only_when_the_whole_interval_is_above() {
    let mut bench = Bench::new(shipped::RUN_CAP, &[("cap", flop(100))]);
    bench.run(&[phase(0, period(0).start, 0, 1)], None);
    bench.run(&[claim(10, 0, 1, 90, 100), claim(11, 0, 2, 90, 101), claim(12, 0, 3, 101, 120)], None);
    let findings = bench.assess(0);
    assert_eq!(verdicts(&findings), [(0, Verdict::Undecided, 2), (0, Verdict::Violated, 1)]);
    assert_eq!(
        (findings[1].numbers.as_slice(), findings[1].evidence.as_slice()),
        ([101, 120, 100, 3].as_slice(), [12].as_slice())
    );
}

#[test]
fn run_cap_holds_with_the_largest_run_as_witness_and_is_undecided_in_silence() {
    let mut bench = Bench::new(shipped::RUN_CAP, &[("cap", flop(100))]);
    bench.run(&[claim(10, 0, 1, 40, 50), claim(11, 0, 2, 70, 80)], None);
    let findings = bench.assess(0);
    assert_eq!(verdicts(&findings), [(0, Verdict::Holds, 0)]);
    assert_eq!(findings[0].numbers, [70, 80, 100, 2]);
    assert_eq!(verdicts(&bench.assess(1)), []);
    bench.run(&[closed(1)], None);
    assert_eq!(verdicts(&bench.assess(1)), [(1, Verdict::Undecided, 3)]);
}

#[test]
fn run_cap_counts_a_run_over_periods_whatever_its_author_says_of_the_total() {
    let mut bench = Bench::new(shipped::RUN_CAP, &[("cap", flop(100))]);
    bench.run(&[claim(10, 0, 1, 60, 60)], None);
    assert_eq!(verdicts(&bench.assess(0)), [(0, Verdict::Holds, 0)]);
    bench.run(&[claim(11, 1, 1, 60, 60)], None);
    let findings = bench.assess(1);
    assert_eq!(verdicts(&findings), [(1, Verdict::Violated, 1)]);
    assert_eq!(findings[0].numbers[..2], [120, 120]);
}

#[test]
fn run_cap_judges_work_by_the_cap_of_its_time() {
    let mut bench = Bench::new(shipped::RUN_CAP, &[("cap", flop(1000))]);
    bench.run(&[phase(0, period(0).start, 0, 0)], None);
    bench.set(&[("cap", flop(100))]);
    bench.run(&[phase(5, Timestamp(period(1).start.0 + WEEK / 2), 1, 1)], None);
    bench.run(&[claim(10, 0, 1, 500, 500), claim(11, 1, 2, 500, 500), claim(12, 2, 3, 500, 500)], None);
    assert_eq!(
        verdicts(&bench.assess(2)),
        [(0, Verdict::Holds, 0), (1, Verdict::Undecided, 2), (2, Verdict::Violated, 1)]
    );
}

#[test]
fn run_cap_leaves_a_stopped_run_alone() {
    let mut bench = Bench::new(shipped::RUN_CAP, &[("cap", flop(1000))]);
    bench.run(&[phase(0, period(0).start, 0, 0), claim(10, 0, 1, 500, 500)], Some(0));
    bench.set(&[("cap", flop(100))]);
    bench.run(&[phase(11, period(1).start, 1, 1), claim(12, 1, 1, 0, 0)], None);
    assert_eq!(verdicts(&bench.assess(1)), [(1, Verdict::Holds, 0)]);
}

#[test]
fn run_cap_asks_for_the_grade_that_the_treaty_requires() {
    let parameters = [("cap", flop(1000)), ("required_grade", text("countersigned")), ("grade_above", flop(50))];
    let mut bench = Bench::new(shipped::RUN_CAP, &parameters);
    let mut backed = claim(11, 0, 2, 60, 60);
    backed.grade = Some(Grade::Countersigned);
    bench.run(&[claim(10, 0, 1, 40, 50), backed], None);
    assert_eq!(verdicts(&bench.assess(0)), [(0, Verdict::Holds, 0)]);
    bench.run(&[claim(12, 1, 3, 60, 60)], None);
    let findings = bench.assess(1);
    assert_eq!(verdicts(&findings), [(1, Verdict::Undecided, 4)]);
    assert_eq!(findings[0].numbers, [60, 60, 1000, 3, 1, 3]);
}

#[test]
fn run_cap_judges_a_late_report_together_with_those_before() {
    let mut bench = Bench::new(shipped::RUN_CAP, &[("cap", flop(100))]);
    bench.run(&[claim(10, 0, 1, 200, 200)], Some(0));
    bench.run(&[claim(11, 0, 2, 10, 10), claim(12, 1, 2, 10, 10)], None);
    assert_eq!(verdicts(&bench.assess(1)), [(0, Verdict::Violated, 1), (1, Verdict::Holds, 0)]);
}

fn owed(kind: Kind, index: u64, at: u32, late_ms: u64) -> Record {
    let period = period(at);
    let mut record = Record::new(kind, index, period.due, 1, at);
    (record.start, record.end) = (period.due.plus(late_ms), period.due);
    record
}

#[test]
fn reporting_is_undecided_in_silence_and_violated_when_silence_lasts() {
    let mut bench = Bench::new(shipped::REPORTING, &[("missing_violated_after", Value::Integer(3))]);
    for at in 0..4 {
        bench.run(&[owed(Kind::ObligationOpened, 1, at, 0), owed(Kind::ObligationMissed, 2, at, 0)], None);
        let findings = bench.assess(at);
        let expected = if at < 2 { (at, Verdict::Undecided, 3) } else { (at, Verdict::Violated, 4) };
        assert_eq!(verdicts(&findings), [expected]);
        assert_eq!(findings[0].numbers[0], u128::from(at) + 1);
    }
    bench.run(&[owed(Kind::ObligationOpened, 3, 4, 0), owed(Kind::ObligationMet, 9, 4, 0)], None);
    let findings = bench.assess(4);
    assert_eq!((verdicts(&findings), findings[0].evidence.clone()), (vec![(4, Verdict::Holds, 0)], vec![9]));
    bench.run(&[owed(Kind::ObligationMissed, 2, 5, 0)], None);
    assert_eq!(bench.assess(5)[0].numbers, [1]);
}

#[test]
fn reporting_tolerates_lateness_up_to_the_limit() {
    let parameters = [("late_tolerance", Value::Integer(1000)), ("late_verdict", text("violated"))];
    let mut bench = Bench::new(shipped::REPORTING, &parameters);
    bench.run(&[owed(Kind::ObligationLate, 7, 0, 1000), owed(Kind::ObligationLate, 8, 1, 1001)], None);
    assert_eq!(verdicts(&bench.assess(1)), [(0, Verdict::Holds, 1), (1, Verdict::Violated, 2)]);
}

#[test]
fn reporting_revises_a_missing_report_that_came_after_all() {
    let mut bench = Bench::new(shipped::REPORTING, &[("late_tolerance", Value::Integer(1000))]);
    bench.run(&[owed(Kind::ObligationMissed, 2, 0, 0)], Some(0));
    bench.run(&[owed(Kind::ObligationLate, 9, 0, 5000), owed(Kind::ObligationMet, 10, 1, 0)], None);
    assert_eq!(verdicts(&bench.assess(1)), [(0, Verdict::Undecided, 2), (1, Verdict::Holds, 0)]);
    assert_eq!(verdicts(&bench.assess(2)), []);
}

#[test]
fn slowdown_follows_each_shape() {
    let ten_percent = ("rate_ppm", Value::Integer(100_000));
    for (shape, allowances) in [
        ("absolute", [1000, 1000, 1000]),
        ("growing", [1000, 1100, 1210]),
        ("decaying", [1000, 900, 810]),
        ("stock", [1000, 1000, 1000]),
    ] {
        let mut bench =
            Bench::new(shipped::SLOWDOWN, &[("shape", text(shape)), ("base", flop(1000)), ten_percent.clone()]);
        bench.run(&[phase(0, period(0).start, 0, 1)], None);
        for (at, allowance) in (0..).zip(allowances) {
            bench.run(&[claim(10, at, 1, 300, 300), claim(11, at, 2, 100, 100)], None);
            let findings = bench.assess(at);
            let used = if shape == "stock" { 400 * u128::from(at + 1) } else { 400 };
            assert_eq!(findings[0].numbers, [used, used, allowance, u128::from(at)], "{shape}");
            let kept = if used > allowance { Verdict::Violated } else { Verdict::Holds };
            assert_eq!(findings[0].verdict, kept);
            assert_eq!(findings[0].evidence, [10, 11]);
        }
    }
}

#[test]
fn slowdown_starts_with_the_first_whole_period_and_is_undecided_in_silence() {
    let mut bench = Bench::new(shipped::SLOWDOWN, &[("shape", text("absolute")), ("base", flop(1000))]);
    bench.run(&[phase(0, Timestamp(period(3).start.0 + 1), 3, 1), claim(9, 3, 1, 5000, 5000)], None);
    assert_eq!(verdicts(&bench.assess(3)), []);
    assert_eq!(verdicts(&bench.assess(4)), []);
    bench.run(&[closed(4)], None);
    assert_eq!(verdicts(&bench.assess(4)), [(4, Verdict::Undecided, 3)]);
    bench.run(&[claim(10, 5, 1, 900, 1100)], None);
    assert_eq!(verdicts(&bench.assess(5)), [(5, Verdict::Undecided, 2)]);
}

#[test]
fn slowdown_judges_a_period_between_two_schedules_by_the_looser() {
    let mut bench = Bench::new(shipped::SLOWDOWN, &[("shape", text("absolute")), ("base", flop(1000))]);
    bench.run(&[phase(0, period(0).start, 0, 1)], None);
    bench.run(&[], Some(0));
    bench.set(&[("shape", text("absolute")), ("base", flop(100))]);
    bench.run(&[phase(5, Timestamp(period(1).start.0 + WEEK / 2), 1, 2), claim(10, 1, 1, 500, 500)], None);
    assert_eq!(verdicts(&bench.assess(1)), [(1, Verdict::Undecided, 2)]);
    bench.run(&[claim(11, 2, 1, 500, 500)], None);
    assert_eq!(verdicts(&bench.assess(2)), [(2, Verdict::Violated, 1)]);
}

#[test]
fn slowdown_keeps_its_allowance_for_years_without_overflow() {
    let parameters =
        [("shape", text("growing")), ("base", flop(u128::MAX / 2)), ("rate_ppm", Value::Integer(1_000_000))];
    let mut bench = Bench::new(shipped::SLOWDOWN, &parameters);
    bench.run(&[phase(0, period(0).start, 0, 1)], None);
    let far = 3000;
    let mut record = claim(10, 0, 1, u128::MAX, u128::MAX);
    record.period = far;
    bench.run(&[record.clone(), record], None);
    let findings = bench.run(&[], Some(far)).findings;
    assert_eq!(findings.last().unwrap().verdict, Verdict::Holds);
}

#[test]
fn nobody_is_accused_of_silence_before_the_period_closed() {
    let mut bench = Bench::new(shipped::REPORTING, &[("missing_violated_after", Value::Integer(2))]);
    bench.run(&[owed(Kind::ObligationOpened, 1, 0, 0), owed(Kind::ObligationMissed, 2, 0, 0)], Some(0));
    bench.run(&[owed(Kind::ObligationOpened, 3, 1, 0), owed(Kind::ObligationOpened, 4, 2, 0)], None);
    assert_eq!(verdicts(&bench.assess(1)), [], "the report for period 1 can still come");
    bench.run(&[owed(Kind::ObligationMissed, 5, 2, 0)], None);
    let findings = bench.assess(2);
    assert_eq!((verdicts(&findings), findings[0].numbers[0]), (vec![(2, Verdict::Undecided, 3)], 1));
}

#[test]
fn no_clause_speaks_of_a_period_that_it_no_longer_holds() {
    for (wasm, kept, parameters) in [
        (shipped::RUN_CAP, 18, vec![("cap", flop(100))]),
        (shipped::SLOWDOWN, 64, vec![("shape", text("absolute")), ("base", flop(100))]),
    ] {
        let mut bench = Bench::new(wasm, &parameters);
        bench.run(&[phase(0, period(0).start, 0, 1), claim(10, 0, 1, 500, 500)], None);
        assert_eq!(verdicts(&bench.assess(0)), [(0, Verdict::Violated, 1)]);
        bench.run(&[closed(kept - 1), claim(11, 0, 2, 1, 1)], None);
        let violated = |finding: &Finding| (finding.period, finding.verdict) == (0, Verdict::Violated);
        assert!(bench.assess(0).iter().any(violated), "a late small claim makes nothing milder");
        bench.run(&[closed(kept), claim(12, 0, 3, 1, 1), closed(0)], None);
        assert_eq!(verdicts(&bench.assess(0)), []);
    }
    let mut bench = Bench::new(shipped::REPORTING, &[]);
    let missed: Vec<_> = (0..65).map(|at| owed(Kind::ObligationMissed, 1, at, 0)).collect();
    bench.run(&missed, Some(64));
    bench.run(&[owed(Kind::ObligationMet, 2, 0, 0)], None);
    assert_eq!(verdicts(&bench.assess(0)), []);
}

#[test]
fn run_cap_asks_nothing_of_work_after_its_phase_was_left_and_asks_again_on_reentry() {
    let mut bench = Bench::new(shipped::RUN_CAP, &[("cap", flop(100))]);
    bench.run(&[phase(0, period(0).start, 0, 1)], None);
    bench.run(&[left(Timestamp(period(1).start.0 + WEEK / 2), 1)], None);
    bench.run(&[claim(10, 0, 1, 500, 500), claim(11, 1, 2, 500, 500), claim(12, 2, 3, 500, 500)], None);
    bench.run(&[phase(20, period(3).start, 3, 1), claim(21, 3, 4, 500, 500)], None);
    assert_eq!(
        verdicts(&bench.assess(3)),
        [(0, Verdict::Violated, 1), (1, Verdict::Undecided, 2), (2, Verdict::Holds, 0), (3, Verdict::Violated, 1)]
    );
}

#[test]
fn slowdown_judges_whole_periods_in_force_and_decays_anew_on_reentry() {
    let parameters = [("shape", text("decaying")), ("base", flop(1000)), ("rate_ppm", Value::Integer(100_000))];
    let mut bench = Bench::new(shipped::SLOWDOWN, &parameters);
    bench.run(&[phase(0, period(0).start, 0, 1)], Some(0));
    bench.run(&[left(Timestamp(period(2).start.0 + 1), 2)], None);
    let claims: Vec<_> = (0..5).map(|at| claim(10 + u64::from(at), at, 1, 5000, 5000)).collect();
    bench.run(&claims, None);
    assert_eq!(verdicts(&bench.assess(4)), [(0, Verdict::Violated, 1), (1, Verdict::Violated, 1)]);
    bench.run(&[phase(20, Timestamp(period(5).start.0 + 1), 5, 1), claim(21, 6, 1, 950, 950)], None);
    let findings = bench.assess(6);
    assert_eq!(verdicts(&findings), [(6, Verdict::Holds, 0)]);
    assert_eq!(findings[0].numbers, [950, 950, 1000, 0]);
}

#[test]
fn run_cap_takes_a_total_that_grew_for_work_whatever_the_window_says() {
    let mut bench = Bench::new(shipped::RUN_CAP, &[("cap", flop(100))]);
    bench.run(&[phase(0, period(0).start, 0, 0), claim(10, 0, 1, 50, 50)], Some(0));
    let mut hidden = claim(11, 1, 1, 0, 0);
    hidden.totals = Some(Totals { cumulative_lower: Flop(900), cumulative_upper: Flop(900), ..Totals::default() });
    bench.run(&[hidden.clone()], None);
    assert_eq!(verdicts(&bench.assess(1)), [(1, Verdict::Violated, 1)]);
    let mut stopped = hidden;
    (stopped.index, stopped.period) = (12, 2);
    bench.run(&[stopped], None);
    assert_eq!(verdicts(&bench.assess(2)), [(2, Verdict::Holds, 0)], "the same total again is no work");
}

/// The record by which the claim `index` is taken back.
fn taken_back(claim: &Record, by: u64) -> Record {
    let mut record = Record { index: by, kind: Kind::Corrected, flags: 0, ..claim.clone() };
    record.rest = claim.index.to_le_bytes().to_vec();
    record
}

/// A report in the place of another.
fn in_its_place(index: u64, of: &Record, lower: u128, upper: u128) -> Record {
    let mut record = claim(index, of.period, of.run, lower, upper);
    record.flags = CORRECTS;
    record
}

fn raised(of: &Record, grade: Grade) -> Record {
    let mut record = Record { kind: Kind::GradeRaised, grade: Some(grade), totals: None, ..of.clone() };
    record.rest = 99u64.to_le_bytes().to_vec();
    record
}

#[test]
fn run_cap_and_slowdown_say_of_a_corrected_report_what_they_say_of_the_right_one_alone() {
    for (module, name) in [(shipped::RUN_CAP, "cap"), (shipped::SLOWDOWN, "base")] {
        let parameters = [(name, flop(100)), ("shape", text("absolute"))];
        let parameters = if name == "cap" { &parameters[..1] } else { &parameters[..] };
        let wrong = claim(10, 1, 1, 60, 70);
        let right = in_its_place(11, &wrong, 95, 105);
        let mut corrected = Bench::new(module, parameters);
        corrected.run(&[phase(0, period(0).start, 0, 1), wrong.clone()], None);
        assert_eq!(verdicts(&corrected.assess(1)), [(1, Verdict::Holds, 0)], "{name}");
        corrected.run(&[taken_back(&wrong, 11), right.clone()], None);
        let mut alone = Bench::new(module, parameters);
        alone.run(&[phase(0, period(0).start, 0, 1), right], None);
        let found = corrected.assess(1);
        assert_eq!(found, alone.assess(1), "{name}");
        assert_eq!(verdicts(&found), [(1, Verdict::Undecided, 2)], "{name}");
        assert_eq!(found[0].evidence, [11], "{name}");
    }
}

#[test]
fn run_cap_forgets_what_a_corrected_report_stated_of_the_total() {
    let mut bench = Bench::new(shipped::RUN_CAP, &[("cap", flop(100))]);
    let mut wrong = claim(10, 0, 1, 10, 10);
    wrong.totals = Some(Totals { cumulative_lower: Flop(99), cumulative_upper: Flop(130), ..Totals::default() });
    let right = in_its_place(11, &wrong, 10, 10);
    bench.run(&[phase(0, period(0).start, 0, 1), wrong.clone()], None);
    assert_eq!(verdicts(&bench.assess(0)), [(0, Verdict::Undecided, 2)]);
    bench.run(&[taken_back(&wrong, 11), right], None);
    let found = bench.assess(0);
    assert_eq!(verdicts(&found), [(0, Verdict::Holds, 0)]);
    assert_eq!(found[0].numbers, [10, 10, 100, 1]);
}

#[test]
fn run_cap_takes_a_claim_that_was_raised_to_the_required_grade() {
    let parameters = [("cap", flop(100)), ("required_grade", text("countersigned"))];
    let mut bench = Bench::new(shipped::RUN_CAP, &parameters);
    let (one, other) = (claim(10, 0, 1, 90, 90), claim(11, 0, 2, 80, 80));
    bench.run(&[phase(0, period(0).start, 0, 1), one.clone(), other.clone()], None);
    assert_eq!(verdicts(&bench.assess(0)), [(0, Verdict::Undecided, 4), (0, Verdict::Undecided, 4)]);
    bench.run(&[raised(&one, Grade::CrossChecked)], None);
    assert_eq!(bench.assess(0).iter().filter(|finding| finding.numbers[4] == 2).count(), 1, "the grade is told");
    bench.run(&[raised(&one, Grade::Countersigned), raised(&other, Grade::Attested)], None);
    assert_eq!(verdicts(&bench.assess(0)), [(0, Verdict::Holds, 0)]);
    bench.run(&[raised(&one, Grade::Declared)], None);
    assert_eq!(verdicts(&bench.assess(0)), [(0, Verdict::Undecided, 4)], "what backed it was corrected");
}

#[test]
fn reporting_counts_a_corrected_report_from_its_first_version_and_cites_both() {
    let mut bench = Bench::new(shipped::REPORTING, &[]);
    bench.run(&[owed(Kind::ObligationOpened, 0, 0, 0), owed(Kind::ObligationMet, 10, 0, 0)], None);
    bench.run(&[taken_back(&claim(10, 0, 1, 5, 5), 20)], None);
    bench.run(&[taken_back(&claim(20, 0, 1, 6, 6), 30)], None);
    let found = bench.assess(0);
    assert_eq!(verdicts(&found), [(0, Verdict::Holds, 0)]);
    assert_eq!(found[0].evidence, [10, 30]);
}

/// 64 new runs a period, all of which go on for ever: what a ledger lets one lab do.
#[test]
fn no_lab_can_fill_the_state_of_a_clause_nor_hide_a_broken_cap_among_many_runs() {
    let parameters = [("cap", flop(100)), ("required_grade", text("inspected"))];
    let mut bench = Bench::new(shipped::RUN_CAP, &parameters);
    bench.run(&[phase(0, period(0).start, 0, 1)], None);
    let mut largest = 0;
    for at in 0..40 {
        let runs = 1..=64 * (at + 1);
        let mut records: Vec<_> = runs.map(|run| claim(u64::from(run), at, run, 90, 120)).collect();
        records.insert(records.len() / 3, claim(7, at, 100_000 + at, 101, 101));
        let run = bench.run(&records, Some(at));
        assert_eq!(run.findings.last().map(|finding| finding.verdict), Some(Verdict::Violated));
        largest = largest.max(run.state.len());
        let calls = records.len() as u64 / 1024 + 1;
        assert!(run.gas_used < calls * Limits::V1.gas_per_call / 3, "{} gas", run.gas_used);
    }
    assert!(largest > 40_000 && largest < 128 * 1024, "{largest}");
}

#[test]
fn every_clause_keeps_a_bounded_state_over_long_histories() {
    let treaty = Treaty::parse(PAUSE_OPTION).unwrap();
    let host = Host::new(Limits::V1).unwrap();
    for (name, wasm) in shipped::ALL {
        let module = host.admit(wasm).unwrap();
        let parameters = treaty.parameters(name, "pause").unwrap();
        let mut records = Vec::new();
        for at in 0..300 {
            let change = if at % 2 == 0 { phase(0, period(at).start, at, 1) } else { left(period(at).start, at) };
            let claims = (0..20).map(|run| claim(u64::from(at), at, 20 * at + run, 1, 2));
            records.extend(claims.chain([owed(Kind::ObligationMissed, 1, at, 0), closed(at), change]));
        }
        let run = host.run(&module, parameters, None, &records, None).unwrap();
        assert_eq!(run.outcome, Outcome::Ok, "{name}");
        assert!(run.state.len() < 64 * 1024, "{name}: {}", run.state.len());
    }
}
