//! Findings for people and for programs.

use standstill_attestations::accounting::accelerators::ChipTable;
use standstill_attestations::crosscheck::{
    Check, Outcome, SchedulerTime, Yardstick, against_scheduler, alone, json, table,
};

use super::example::training_compute;
use super::{exact, hardware};

#[test]
fn a_table_says_it_in_eighty_columns() {
    let chips = ChipTable::shipped().unwrap();
    let mut report = training_compute();
    report.flop.incremental = exact("4.75e24");
    hardware(&mut report).chip_seconds = 1_000_000_000;
    let mut findings = alone(&report, &Yardstick { chips: Some(&chips), ..Yardstick::default() });
    findings
        .push(against_scheduler(&report, &SchedulerTime { chip_seconds: 1_200_000_000, ..SchedulerTime::default() }));
    let text = table(&findings);
    assert_eq!(text, include_str!("table.txt"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80 && line.trim_end() == line));
    assert_eq!(table(&[]), "");
}

#[test]
fn json_has_every_number_as_a_decimal_string() {
    let mut report = training_compute();
    hardware(&mut report).chip_seconds = 986;
    let scheduler = SchedulerTime { chip_seconds: 371, with_steps: Some(986), ..SchedulerTime::default() };
    let bytes = json(&[against_scheduler(&report, &scheduler)]);
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let finding = &value["findings"][0];
    assert_eq!(finding["check"], "chip-time-of-scheduler");
    assert_eq!(finding["outcome"], "contradicts");
    assert_eq!(finding["claimed"], serde_json::json!({"lower": "986", "upper": "986", "unit": "chip-s"}));
    assert_eq!(finding["expected"], serde_json::json!({"lower": "371", "upper": "371", "unit": "chip-s"}));
    assert_eq!(finding["numbers"], serde_json::json!([{"name": "factor", "value": "2657681", "unit": "ppm"}]));
    assert!(finding["sentence"].as_str().unwrap().starts_with("The report has 2.65 times"));
}

#[test]
fn the_specification_and_the_reference_name_every_check_and_outcome() {
    let specification = include_str!("../../../spec/47-accounting.md");
    for check in Check::ALL {
        assert!(specification.contains(&format!("\n| `{check}` |")), "{check}");
    }
    for outcome in Outcome::ALL {
        assert!(specification.contains(&format!("\n| `{outcome}` |")), "{outcome}");
    }
    let reference = include_str!("../../../docs/reference/accounting.md");
    let named = reference.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for name in named {
        assert!(Check::from_word(name).is_some(), "{name}");
    }
}

#[test]
fn the_specification_opens_with_a_table_as_the_program_prints_it() {
    let chips = ChipTable::shipped().unwrap();
    let report = training_compute();
    let mut findings = alone(&report, &Yardstick { chips: Some(&chips), ..Yardstick::default() });
    findings.retain(|finding| {
        [Check::ClaimBelowPeak, Check::ClaimAgainst6nd, Check::EnergyForWork].contains(&finding.check)
    });
    let mut small = training_compute();
    hardware(&mut small).chip_seconds = 986;
    let scheduler = SchedulerTime { chip_seconds: 371, with_steps: Some(986), ..SchedulerTime::default() };
    findings.push(against_scheduler(&small, &scheduler));
    let specification = include_str!("../../../spec/47-accounting.md");
    let example = specification.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(table(&findings), example);
}
