//! Published models against chips x hours x peak: 14 of 138 exceed it, mostly fine-tunes that count the base model.

use standstill_attestations::Interval;
use standstill_attestations::crosscheck::{Finding, Outcome, against_peak};
use standstill_protocol::units::Flop;

const MODELS: &str = include_str!("../epoch/models.tsv");
const HARDWARE: &str = include_str!("../epoch/hardware.tsv");

struct Model {
    name: &'static str,
    base: &'static str,
    chip_seconds: u64,
    peak: u64,
    flop: Flop,
    finetune: Option<Flop>,
}

fn whole(text: &str) -> u64 {
    u64::try_from(text.parse::<Flop>().unwrap().0).unwrap()
}

/// The highest of a chip's peaks.
fn peak(name: &str) -> u64 {
    let row = HARDWARE.lines().find(|line| line.split('\t').next() == Some(name)).unwrap();
    row.split('\t').skip(1).filter(|cell| !cell.is_empty()).map(whole).max().unwrap()
}

fn models() -> Vec<Model> {
    let model = |line: &'static str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, base, hardware, quantity, hours, flop, finetune] = cells[..] else { panic!("{line}") };
        // Hours have up to four decimals.
        let seconds = whole(&format!("{hours}e4")) * 3600;
        let chip_seconds = (whole(quantity) * seconds).div_ceil(10_000);
        let finetune = (!finetune.is_empty()).then(|| finetune.parse().unwrap());
        Model { name, base, chip_seconds, peak: peak(hardware), flop: flop.parse().unwrap(), finetune }
    };
    MODELS.lines().skip(1).map(model).collect()
}

fn against(model: &Model, flop: Flop) -> Finding {
    against_peak(Interval::exact(flop), model.chip_seconds, model.peak)
}

#[test]
fn of_138_published_models_14_exceed_chips_times_hours_times_peak() {
    let models = models();
    assert_eq!(models.len(), 138);
    let mut found: Vec<(u128, &str, bool)> = Vec::new();
    for model in &models {
        let finding = against(model, model.flop);
        if finding.outcome == Outcome::Contradicts {
            found.push((finding.number("factor").unwrap() / 10_000, model.name, !model.base.is_empty()));
        }
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    // Hundredths of the peak; name; whether it names a base model.
    assert_eq!(
        found,
        [
            (7_241_398, "FinGPT-13B", true),
            (86_860, "LLaVA", true),
            (36_201, "LLaVA 1.5", true),
            (13_543, "Flan-PaLM 540B", true),
            (4_159, "U-PaLM (540B)", true),
            (2_495, "IMPALA", false),
            (868, "nekomata-14b", true),
            (455, "OpenVLA", true),
            (388, "Minerva (540B)", true),
            (350, "LUKE", true),
            (291, "SPHINX (Llama 2 13B)", true),
            (130, "SigLIP 400M", false),
            (123, "DNN EM segmentation", false),
            (120, "ProteinBERT", false),
        ]
    );
}

#[test]
fn without_the_base_model_the_fine_tunes_fit() {
    let fits = |model: &Model| model.finetune.map(|flop| against(model, flop).outcome == Outcome::Agrees);
    let over = |model: &&Model| against(model, model.flop).outcome == Outcome::Contradicts;
    let models = models();
    let outcomes: Vec<(&str, Option<bool>)> = models
        .iter()
        .filter(over)
        .filter(|model| !model.base.is_empty())
        .map(|model| (model.name, fits(model)))
        .collect();
    assert_eq!(outcomes.len(), 10);
    assert!(outcomes.iter().all(|(_, fits)| *fits != Some(false)), "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|(_, fits)| *fits == Some(true)).count(), 8, "two state no figure of their own");
}

#[test]
fn hardly_any_published_model_keeps_up_seventy_per_cent() {
    let models = models();
    let used = models.iter().map(|model| (against(model, model.flop).number("factor").unwrap(), model.name));
    let high: Vec<(u128, &str)> = used.filter(|(factor, _)| (700_000..=1_000_000).contains(factor)).collect();
    assert_eq!(high, [(708_788, "GPT-1")], "of 124 within the peak");
}
