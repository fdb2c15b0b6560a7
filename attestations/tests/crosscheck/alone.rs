//! One report against itself, the chip table, a scheduler and activity counters.

use standstill_attestations::claim::{Coverage, Maybe, PpmInterval};
use standstill_attestations::crosscheck::{Check, Outcome, SchedulerTime, Yardstick, against_scheduler, alone};
use standstill_attestations::training::{CountingRule, Energy, EnergyBoundary, RunStage, TrainingCompute};
use standstill_protocol::units::{Joule, Ppm};

use super::example::{name, training_compute};
use super::{exact, hardware, interval, one, read, workload};
use standstill_attestations::accounting::accelerators::ChipTable;

use Outcome::{Agrees, CannotTell, Contradicts, Remarkable};

#[test]
fn the_example_contradicts_nothing() {
    let table = ChipTable::shipped().unwrap();
    let findings = alone(&training_compute(), &Yardstick { chips: Some(&table), ..Yardstick::default() });
    let outcomes: Vec<(Check, Outcome)> = findings.iter().map(|finding| (finding.check, finding.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            (Check::ClaimBelowPeak, Agrees),
            (Check::PeakOfChip, Agrees),
            (Check::ClaimAgainst6nd, Agrees),
            (Check::ClaimAgainstChips, Agrees),
            (Check::Utilisation, Agrees),
            (Check::ChipTimeInSessions, Agrees),
            (Check::EnergyForWork, Agrees),
            (Check::EnergyForChips, Agrees),
            (Check::TensorActivity, Agrees),
            (Check::BaseModelsApart, CannotTell),
        ]
    );
}

#[test]
fn what_is_missing_is_named_and_never_held_against_a_report() {
    let mut report = training_compute();
    report.workload = Maybe::Unknown("the framework counts no tokens".to_owned());
    report.hardware = Maybe::Unknown("rented by the hour".to_owned());
    report.energy = Maybe::Unknown("no meter".to_owned());
    report.activity = Maybe::Unknown("no counters".to_owned());
    for finding in alone(&report, &Yardstick::default()) {
        assert_eq!(finding.outcome, CannotTell, "{finding:?}");
        assert!(finding.claimed.is_none() && finding.expected.is_none());
    }
    let finding = one(&report, Check::EnergyForWork);
    assert_eq!(finding.sentence, "The energy is not known: no meter.");
}

#[test]
fn a_claim_above_the_peak_contradicts_with_its_factor() {
    // 1.2e9 chip seconds at the table's highest peak, 1979e12.
    for (incremental, outcome, factor) in [
        (exact("2.3e24"), Agrees, 968_923),
        (interval("2.3e24", "9e24"), Agrees, 968_923),
        (exact("2.374e24"), Contradicts, 1_000_084),
        (exact("4.75e24"), Contradicts, 2_000_589),
    ] {
        let mut report = training_compute();
        report.flop.incremental = incremental;
        let finding = one(&report, Check::ClaimBelowPeak);
        assert_eq!((finding.outcome, finding.number("factor")), (outcome, Some(factor)), "{incremental:?}");
    }
    let mut report = training_compute();
    report.flop.incremental = exact("4.75e24");
    assert_eq!(
        one(&report, Check::ClaimBelowPeak).sentence,
        "The claim is at least 4.75e24 FLOP, 2.00 times the 2.37e24 FLOP that the chips can do at their peak. Does it \
         count the base models in?"
    );
}

#[test]
fn a_peak_stated_too_high_hides_nothing() {
    let mut report = training_compute();
    hardware(&mut report).peak_flop_per_second = 9_890_000_000_000_000;
    report.flop.incremental = exact("4.75e24");
    assert_eq!(one(&report, Check::ClaimBelowPeak).outcome, Contradicts);
    let finding = one(&report, Check::PeakOfChip);
    assert_eq!(read(&finding), (Contradicts, "The stated peak is 4.99 times that of `h100-sxm` in the chip table."));
}

#[test]
fn a_peak_above_the_tables_is_a_contradiction_and_one_below_a_question() {
    for (accelerator, peak, outcome) in [
        ("h100-sxm", 989, Agrees),
        ("h100-sxm", 1979, Agrees),
        ("h100-sxm", 990, Agrees),      // the first version of the table's own source
        ("h100-sxm", 494, Remarkable),  // TF32
        ("h100-sxm", 1400, Remarkable), // neither of the two
        ("h100-sxm", 2000, Contradicts),
        ("tpu-v4", 275, Agrees),
        ("h800", 989, CannotTell),
    ] {
        let mut report = training_compute();
        hardware(&mut report).accelerator = name(accelerator);
        hardware(&mut report).peak_flop_per_second = peak * 1_000_000_000_000;
        assert_eq!(one(&report, Check::PeakOfChip).outcome, outcome, "{accelerator} {peak}");
    }
}

#[test]
fn six_nd_says_which_mistake_explains_the_difference() {
    // 6ND is 2.94e23; 8ND 3.92e23; with all 8e9 parameters 3.36e23, within the tolerance.
    use CountingRule::{HardwareFlop, HigherOfFp16EquivalentAndTotal, ModelFlop};
    for (rule, incremental, outcome, sentence) in [
        (ModelFlop, "2.94e23", Agrees, "7e12 tokens take it, within 30 %."),
        (
            ModelFlop,
            "3.92e23",
            Contradicts,
            "The claim is 1.33 times what tokens and parameters take; 8ND fits: was recomputation counted?",
        ),
        (HardwareFlop, "3.92e23", Agrees, "7e12 tokens take it, within 30 %."),
        (HigherOfFp16EquivalentAndTotal, "7.8e23", Agrees, "7e12 tokens take it, within 30 %."),
        (ModelFlop, "9e23", Contradicts, "The claim is 3.06 times what tokens and parameters take."),
        (
            ModelFlop,
            "9.8e22",
            Contradicts,
            "Tokens and parameters take 3.00 times the claim; 2ND fits: was the backward pass left out?",
        ),
    ] {
        let mut report = training_compute();
        report.counting_rule = rule;
        report.flop.incremental = exact(incremental);
        report.flop.discarded = Maybe::Known(exact(if incremental == "9.8e22" { "1e21" } else { "0" }));
        assert_eq!(read(&one(&report, Check::ClaimAgainst6nd)), (outcome, sentence), "{rule} {incremental}");
    }
    let mut report = training_compute();
    workload(&mut report).total_parameters = 70_000_000_000;
    report.flop.incremental = exact("2.94e24");
    assert_eq!(
        one(&report, Check::ClaimAgainst6nd).sentence,
        "The claim is 10.00 times what tokens and parameters take; 6ND with all parameters fits: were those counted \
         that a token does not meet?"
    );
}

#[test]
fn stages_that_do_more_or_less_than_train_are_given_their_room() {
    use RunStage::{Distillation, MidTraining, PostTraining, PreTraining, SyntheticData};
    // 2ND is 9.8e22, 6ND 2.94e23, 10ND 4.9e23.
    for (stage, incremental, outcome) in [
        (PreTraining, "4.9e23", Contradicts),
        (MidTraining, "4.9e23", Contradicts),
        (Distillation, "4.9e23", Contradicts),
        (PostTraining, "4.9e23", Agrees),
        (PostTraining, "6.38e23", Contradicts),
        (PreTraining, "9.8e22", Contradicts),
        (SyntheticData, "9.8e22", Agrees),
        (SyntheticData, "7e22", Contradicts),
    ] {
        let mut report = training_compute();
        report.run_stage = stage;
        report.flop.incremental = exact(incremental);
        report.flop.discarded = Maybe::Known(exact("0"));
        assert_eq!(one(&report, Check::ClaimAgainst6nd).outcome, outcome, "{stage} {incremental}");
    }
}

#[test]
fn tokens_that_a_restart_threw_away_may_be_among_the_workload() {
    let mut report = training_compute();
    report.flop.incremental = exact("1e23");
    report.flop.discarded = Maybe::Known(exact("1.94e23"));
    assert_eq!(one(&report, Check::ClaimAgainst6nd).outcome, Agrees);
    report.flop.discarded = Maybe::Known(exact("0"));
    assert_eq!(one(&report, Check::ClaimAgainst6nd).outcome, Contradicts);
}

#[test]
fn utilisation_is_impossible_above_one_and_remarkable_at_both_ends() {
    // The stated peak allows 1.1868e24.
    for (incremental, outcome, least) in [
        ("3e23", Agrees, 252_780),
        ("8.3e23", Agrees, 699_359),
        ("8.4e23", Remarkable, 707_785),
        ("1.18e24", Remarkable, 994_270),
        ("1.19e24", Contradicts, 1_002_696),
        ("1.1e22", Remarkable, 9_268),
        ("1.2e22", Agrees, 10_111),
    ] {
        let mut report = training_compute();
        report.flop.incremental = exact(incremental);
        report.flop.discarded = Maybe::Known(exact("0"));
        let finding = one(&report, Check::Utilisation);
        assert_eq!((finding.outcome, finding.claimed.unwrap().lower), (outcome, least), "{incremental}");
    }
}

#[test]
fn chips_time_and_stated_utilisation_give_the_claim() {
    // 1.1868e24 x 23 to 26 % is 2.73e23 to 3.086e23.
    for (incremental, outcome) in
        [("3e23", Agrees), ("4e23", Agrees), ("4.02e23", Contradicts), ("2.1e23", Agrees), ("2.08e23", Contradicts)]
    {
        let mut report = training_compute();
        report.flop.incremental = exact(incremental);
        report.flop.discarded = Maybe::Known(exact("0"));
        assert_eq!(one(&report, Check::ClaimAgainstChips).outcome, outcome, "{incremental}");
    }
}

#[test]
fn chips_have_no_more_time_than_their_sessions() {
    let mut report = training_compute();
    hardware(&mut report).chips = 400;
    report.sessions[0].chips = Maybe::Known(400);
    let finding = one(&report, Check::ChipTimeInSessions);
    assert_eq!(finding.outcome, Contradicts);
    assert_eq!(finding.sentence, "The chip time is 1.24 times what at most 400 chips have in the sessions.");
}

/// The Slurm sample's totals: 371 GPU seconds; 347 without restarts, 986 with steps, 742 with both resources.
#[test]
fn the_scheduler_is_counted_by_jobs_alone_and_a_known_mistake_is_named() {
    let scheduler = SchedulerTime {
        chip_seconds: 371,
        without_duplicates: Some(347),
        with_steps: Some(986),
        with_both_resources: Some(742),
    };
    for (stated, outcome, sentence) in [
        (371, Agrees, "The scheduler allocated that much chip time."),
        (374, Agrees, "The scheduler allocated that much chip time."),
        (
            347,
            Contradicts,
            "The report has 0.93 times the scheduler's chip seconds: just what leaving out restarts gives.",
        ),
        (
            986,
            Contradicts,
            "The report has 2.65 times the scheduler's chip seconds: just what counting job steps beside their jobs gives.",
        ),
        (
            742,
            Contradicts,
            "The report has 2.00 times the scheduler's chip seconds: just what counting typed and untyped resources both \
             gives.",
        ),
        (500, Contradicts, "The report has 1.34 times the scheduler's chip seconds."),
    ] {
        let mut report = training_compute();
        hardware(&mut report).chip_seconds = stated;
        assert_eq!(read(&against_scheduler(&report, &scheduler)), (outcome, sentence));
    }
}

fn with_energy(joules: u64, boundary: EnergyBoundary) -> TrainingCompute {
    let mut report = training_compute();
    let Maybe::Known(energy) = &report.energy else { panic!("the example has energy") };
    let coverage = Maybe::Known(Coverage { covered_chip_seconds: 1_200_000_000, gap_chip_seconds: 0 });
    report.energy = Maybe::Known(Energy { joules: Joule(joules), boundary, coverage, ..energy.clone() });
    report
}

/// 2.91e23 FLOP take 1.03e11 J at 1979e12 FLOP/s and 700 W; 1.2e9 chip seconds draw up to 8.4e11 J.
#[test]
fn energy_bounds_the_work_from_both_sides() {
    use EnergyBoundary::{Accelerator, Server, Site};
    for (joules, boundary, work, chips) in [
        (300_000_000_000, Accelerator, Agrees, Agrees),
        (100_000_000_000, Accelerator, Remarkable, Agrees),
        (79_000_000_000, Accelerator, Contradicts, Agrees),
        // Three times the 2.13e11 J that 3.01e23 FLOP take at 989e12.
        (639_000_000_000, Accelerator, Agrees, Agrees),
        (640_000_000_000, Accelerator, Remarkable, Agrees),
        (880_000_000_000, Accelerator, Remarkable, Agrees),
        (883_000_000_000, Accelerator, Remarkable, Contradicts),
        (1_270_000_000_000, Server, Agrees, Agrees),
        (1_680_000_000_000, Server, Remarkable, Agrees),
        (1_770_000_000_000, Server, Remarkable, Contradicts),
        (2_550_000_000_000, Site, Agrees, Agrees),
        (3_360_000_000_000, Site, Remarkable, Agrees),
        (41_000_000_000, Accelerator, Contradicts, Remarkable),
    ] {
        let report = with_energy(joules, boundary);
        let found = [Check::EnergyForWork, Check::EnergyForChips].map(|check| one(&report, check).outcome);
        assert_eq!(found, [work, chips], "{joules} {boundary}");
    }
}

#[test]
fn energy_says_how_much_the_claim_is_off() {
    let over = one(&with_energy(50_000_000_000, EnergyBoundary::Accelerator), Check::EnergyForWork);
    assert_eq!(
        over.sentence,
        "The claim needs 2.05 times that energy at the chip's peak and design power: it is too high."
    );
    let mut report = with_energy(800_000_000_000, EnergyBoundary::Accelerator);
    report.flop.incremental = exact("5e22");
    let under = one(&report, Check::EnergyForWork);
    assert_eq!(
        read(&under),
        (Remarkable, "The accelerators drew at least 22.16 times what the claim needs at their peak: is work missing?")
    );
}

/// 2.91e23 FLOP need 1.03e11 J. A sixth of the chips' time unseen may hide 1.4e11 J more at 700 W.
#[test]
fn a_meters_gaps_speak_for_the_report() {
    for (coverage, outcome) in [
        (Maybe::Known(Coverage { covered_chip_seconds: 1_200_000_000, gap_chip_seconds: 0 }), Contradicts),
        (Maybe::Known(Coverage { covered_chip_seconds: 1_000_000_000, gap_chip_seconds: 200_000_000 }), Agrees),
        (Maybe::Unknown("the meter's log has no times".to_owned()), Remarkable),
    ] {
        let mut report = with_energy(50_000_000_000, EnergyBoundary::Accelerator);
        let Maybe::Known(energy) = &mut report.energy else { panic!("the example has energy") };
        energy.coverage = coverage;
        assert_eq!(one(&report, Check::EnergyForWork).outcome, outcome);
    }
}

#[test]
fn a_chip_without_a_design_power_cannot_be_told_about() {
    let mut report = training_compute();
    hardware(&mut report).accelerator = name("tpu-v4");
    assert_eq!(
        one(&report, Check::EnergyForWork).sentence,
        "No chip table at hand gives the design power of `tpu-v4`."
    );
}

fn with_activity(lower: u64, upper: u64, covered: u64) -> TrainingCompute {
    let mut report = training_compute();
    let Maybe::Known(activity) = &mut report.activity else { panic!("the example has activity") };
    activity.tensor_pipe = PpmInterval { lower: Ppm(lower), upper: Ppm(upper) };
    activity.coverage = Coverage { covered_chip_seconds: covered, gap_chip_seconds: 1_200_000_000 - covered };
    report
}

/// 1.2e9 chip seconds, all of them seen: at 989e12 FLOP/s, 1.1868e24 when always active; at 1979e12, twice that.
#[test]
fn activity_bounds_the_work_and_gaps_speak_for_the_report() {
    let all = 1_200_000_000;
    for (lower, upper, covered, incremental, outcome) in [
        (250_000, 260_000, all, "3e23", Agrees),
        // At most 6.17e23 at the highest peak.
        (250_000, 260_000, all, "6.18e23", Contradicts),
        // A tenth of the time unseen allows 2.4e23 more.
        (250_000, 260_000, all / 10 * 9, "6.18e23", Agrees),
        // At least 7.1e23 at the lower peak.
        (600_000, 650_000, all, "5.6e23", Agrees),
        (600_000, 650_000, all, "3e23", Remarkable),
        (600_000, 650_000, all, "2.6e23", Contradicts),
        (600_000, 650_000, all / 10, "2.6e23", Agrees),
    ] {
        let mut report = with_activity(lower, upper, covered);
        report.flop.incremental = exact(incremental);
        let finding = one(&report, Check::TensorActivity);
        assert_eq!(finding.outcome, outcome, "{incremental}: {}", finding.sentence);
        assert_eq!(finding.number("uncovered"), Some(u128::from(all - covered)));
    }
}

#[test]
fn discarded_work_that_is_not_known_makes_missing_work_a_question() {
    let mut report = with_activity(600_000, 650_000, 1_200_000_000);
    report.flop.incremental = exact("1e23");
    report.flop.discarded = Maybe::Unknown("restarts were not recorded".to_owned());
    assert_eq!(
        read(&one(&report, Check::TensorActivity)),
        (Remarkable, "The tensor pipes were active for 7.12 times the claim, discarded work unknown: is work missing?")
    );
}
