//! The sampling loop over recorded answers: what is written, what is not, and what is said.

use std::collections::VecDeque;

use standstill_attestations::reading::{Quantity, Reading};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;
use standstill_telemetry::TelemetryLog;
use standstill_telemetry::meter::{Absent, Answer, Chip, Driver, Meter, Rounds};

/// Answers that were recorded: for each chip, one a round.
struct Recorded {
    chips: Vec<Chip>,
    answers: Vec<VecDeque<Answer>>,
}

impl Driver for Recorded {
    fn chips(&self) -> &[Chip] {
        &self.chips
    }

    fn ask(&mut self, chip: usize) -> Answer {
        self.answers[chip].pop_front().unwrap()
    }
}

/// Times of the rounds, and what was said.
struct Script {
    times: VecDeque<u64>,
    said: Vec<String>,
}

impl Rounds for Script {
    fn next(&mut self) -> Option<Timestamp> {
        self.times.pop_front().map(|seconds| Timestamp(1_795_433_674_000 + seconds * 1000))
    }

    fn note(&mut self, text: &str) {
        self.said.push(text.to_owned());
    }
}

fn answer(energy: u64, power: u64, tensor: Result<u64, Absent>) -> Answer {
    Answer { energy_mj: Ok(energy), power_mw: Ok(power), tensor_ppm: tensor, utilisation_ppm: Ok(990_000) }
}

fn silent() -> Answer {
    let lost = || Err(Absent::Failed("GPU is lost".to_owned()));
    Answer { energy_mj: lost(), power_mw: lost(), tensor_ppm: lost(), utilisation_ppm: lost() }
}

/// Runs rounds at these seconds, every ten by plan, and gives `second chip quantity value` for each reading.
fn run(times: &[u64], answers: Vec<Vec<Answer>>) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = TelemetryLog::open(folder.path()).unwrap();
    let chip = |n: usize| Chip { uuid: format!("GPU-{n}"), serial: None, model: "NVIDIA H100 80GB HBM3".to_owned() };
    let chips: Vec<Chip> = (0..answers.len()).map(chip).collect();
    let tags: Vec<Hash> = chips.iter().map(|chip| Hash::sha256(chip.uuid.as_bytes())).collect();
    let mut driver = Recorded { chips, answers: answers.into_iter().map(VecDeque::from).collect() };
    let mut script = Script { times: times.iter().copied().collect(), said: Vec::new() };
    let mut meter = Meter::new("node-1".parse().unwrap(), 10_000, tags.clone());
    let tally = meter.run(&mut driver, &mut log, &mut script).unwrap();
    assert_eq!((tally.rounds, tally.readings), (times.len() as u64, log.size()));
    let line = |reading: Reading| {
        let chip = tags.iter().position(|tag| *tag == reading.chip).unwrap();
        let second = (reading.time.0 - 1_795_433_674_000) / 1000;
        format!("{second} {chip} {} {}", reading.quantity, reading.value)
    };
    ((0..log.size()).map(|index| line(log.leaf(index).unwrap())).collect(), script.said)
}

#[test]
fn a_hopper_chip_gives_energy_power_and_tensor_activity_from_the_second_round() {
    let first = answer(251_905_148_074, 650_123, Err(Absent::NotYet));
    let (lines, said) = run(&[0, 10], vec![vec![first, answer(251_911_649_000, 650_200, Ok(574_842))]]);
    assert_eq!(
        lines,
        [
            "0 0 start 10000",
            "0 0 energy-counter 251905148074",
            "0 0 power 650123",
            "10 0 energy-counter 251911649000",
            "10 0 power 650200",
            "10 0 tensor-active 574842",
        ]
    );
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn without_profiling_rights_utilisation_stands_in_and_that_is_said_once() {
    let refused = || answer(1_000, 70_000, Err(Absent::NoPermission));
    let (lines, said) = run(&[0, 10, 20], vec![vec![refused(), refused(), refused()]]);
    assert_eq!(lines.iter().filter(|line| line.ends_with("utilisation 990000")).count(), 3);
    assert!(!lines.iter().any(|line| line.contains("tensor")));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("CAP_SYS_ADMIN") && said[0].contains("`utilisation` is written instead"), "{said:?}");
}

#[test]
fn a_chip_that_falls_silent_is_a_gap_once_it_answers_again_and_never_a_zero() {
    let steady = |energy| answer(energy, 500_000, Err(Absent::NotSupported));
    let other = vec![steady(1), steady(2), steady(3), steady(4)];
    let (lines, said) = run(&[0, 10, 20, 30], vec![other, vec![steady(5), silent(), silent(), steady(6)]]);
    let of_second: Vec<&str> = lines.iter().filter(|line| line.contains(" 1 ")).map(String::as_str).collect();
    assert_eq!(
        of_second,
        [
            "0 1 energy-counter 5",
            "0 1 power 500000",
            "0 1 utilisation 990000",
            "30 1 gap 30000",
            "30 1 energy-counter 6",
            "30 1 power 500000",
            "30 1 utilisation 990000"
        ]
    );
    assert!(said.iter().any(|note| note == "GPU-1: energy counter: GPU is lost"), "{said:?}");
}

#[test]
fn a_meter_that_slept_says_how_long_and_one_that_was_late_does_not() {
    let steady = |energy| answer(energy, 500_000, Ok(0));
    let (lines, _) = run(&[0, 19, 39], vec![vec![steady(1), steady(2), steady(3)]]);
    let gaps: Vec<&String> = lines.iter().filter(|line| line.contains("gap")).collect();
    assert_eq!(gaps, ["39 0 gap 20000"]);
}

#[test]
fn a_chip_that_gives_nothing_leaves_nothing() {
    let (lines, said) = run(&[0, 10], vec![vec![silent(), silent()]]);
    assert_eq!((lines.len(), said.len()), (0, 3));
    assert!(!said.iter().any(|note| note.contains(Quantity::Gap.as_str())));
}
