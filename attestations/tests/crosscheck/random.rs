//! No figures panic, and more claimed never looks better against a ceiling.

use proptest::prelude::*;
use standstill_attestations::accounting::accelerators::ChipTable;
use standstill_attestations::claim::{Coverage, Interval, Maybe, PpmInterval};
use standstill_attestations::crosscheck::*;
use standstill_attestations::plan::RunPlan;
use standstill_attestations::training::{CountingRule, EnergyBoundary, TrainingCompute};
use standstill_protocol::units::{Flop, Joule, Ppm};

use super::example::others::run_plan;
use super::example::{name, training_compute};

fn number() -> impl Strategy<Value = u128> {
    prop_oneof![any::<u128>(), Just(0), Just(u128::MAX), any::<u64>().prop_map(u128::from)]
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0u64..10_000]
}

prop_compose! {
    fn interval()(one in number(), other in number()) -> Interval {
        Interval { lower: Flop(one.min(other)), upper: Flop(one.max(other)) }
    }
}

prop_compose! {
    fn ratio()(one in count(), other in count()) -> PpmInterval {
        PpmInterval { lower: Ppm(one.min(other)), upper: Ppm(one.max(other)) }
    }
}

prop_compose! {
    /// Figures that no check has seen: a draft may hold anything.
    fn report()(
        figures in [interval(), interval(), interval(), interval()],
        workload in [number(), number(), number()],
        hardware in [count(), count(), count(), count()],
        utilisation in ratio(),
        rule in prop::sample::select(CountingRule::ALL),
        boundary in prop::sample::select(EnergyBoundary::ALL),
        chip in prop::sample::select(&["h100-sxm", "tpu-v4", "unheard-of"][..]),
        times in prop::collection::vec((count(), count()), 2),
    ) -> TrainingCompute {
        let mut report = training_compute();
        [report.flop.incremental, report.flop.cumulative] = [figures[0], figures[1]];
        report.flop.discarded = Maybe::Known(figures[2]);
        report.base_models[0].flop = Maybe::Known(figures[3]);
        report.counting_rule = rule;
        if let Maybe::Known(known) = &mut report.workload {
            [known.tokens, known.active_parameters, known.total_parameters] = workload;
        }
        if let Maybe::Known(known) = &mut report.hardware {
            known.accelerator = name(chip);
            [known.chips, known.chip_seconds, known.peak_flop_per_second, _] = hardware;
            known.utilisation = utilisation;
        }
        if let Maybe::Known(known) = &mut report.energy {
            (known.joules, known.boundary) = (Joule(hardware[3]), boundary);
        }
        if let Maybe::Known(known) = &mut report.activity {
            known.tensor_pipe = utilisation;
            known.coverage = Coverage { covered_chip_seconds: hardware[3], gap_chip_seconds: hardware[2] };
        }
        for (session, (start, end)) in report.sessions.iter_mut().zip(times) {
            (session.window.start.0, session.window.end.0) = (start, end);
        }
        report
    }
}

/// A plan of the first report's run with the figures of the other.
fn plan(of: &TrainingCompute, other: &TrainingCompute, chips: u64) -> RunPlan {
    let mut plan = run_plan();
    (plan.run, plan.run_stage) = (of.run.clone(), of.run_stage);
    (plan.counting_rule, plan.flop, plan.planned) = (of.counting_rule, other.flop.cumulative, other.sessions[0].window);
    plan.chips[0].count = chips;
    plan
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_figures_get_findings(
        one in report(), other in report(), covered in count(), scheduled in count(), tolerance in count(),
        overheads in [count(), count(), count()],
    ) {
        let chips = ChipTable::shipped().unwrap();
        let [server, facility, site] = overheads.map(Ppm);
        let overheads = Overheads { server, facility, site };
        let yardstick = Yardstick { tolerance: Ppm(tolerance), chips: Some(&chips), overheads };
        let mut findings = alone(&one, &yardstick);
        findings.extend(against_plan(&one, &plan(&one, &other, covered), &yardstick).unwrap());
        findings.push(against_scheduler(&one, &SchedulerTime { chip_seconds: scheduled, ..SchedulerTime::default() }));
        findings.extend(with_history(&one, &History { earlier: &[&other, &one], corrects: Some(&other) }, &yardstick));
        findings.extend(with_history(&one, &History { earlier: &[&other], corrects: None }, &yardstick));
        findings.extend(chips_at_once(&one.site, &[&one, &other], None));
        let registered = [Registered { accelerator: name("h100-sxm"), chips: covered }];
        findings.extend(chips_at_once(&one.site, &[&one, &other], Some(&registered)));
        findings.extend(site_capacity(&one.site, &[&one, &other], &registered, &yardstick));
        prop_assert!(findings.iter().all(|finding| finding.sentence.ends_with(['.', '?'])));
        prop_assert!(table(&findings).lines().count() > findings.len());
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&json(&findings)).is_ok());
    }

    #[test]
    fn a_higher_claim_never_looks_better_against_the_peak(
        low in number(), high in number(), seconds in count(), peak in count(),
    ) {
        let of = |flop| against_peak(Interval::exact(Flop(flop)), seconds, peak);
        let (less, more) = (of(low.min(high)), of(low.max(high)));
        prop_assert!(less.outcome == Outcome::Agrees || more.outcome == Outcome::Contradicts);
        prop_assert!(less.number("factor") <= more.number("factor"));
    }
}
