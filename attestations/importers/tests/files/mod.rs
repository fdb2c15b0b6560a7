//! The sample files.
#![allow(dead_code)]

use standstill_importers::Source;

pub(crate) const ALL: [&str; 10] = [
    "hf_trainer/trainer_state.checkpoint-10.json",
    "hf_trainer/trainer_state.final-step20.json",
    "hf_trainer/trainer_state.resumed-to-step40.json",
    "inspect/2025-05-12T20-28-13-04-00_no-samples.json",
    "inspect/2025-05-12T20-28-13-04-00_popularity.json",
    "inspect/generated-mockllm-success.eval",
    "inspect/generated-nan-score.json",
    "inspect/log_formats.eval",
    "inspect/log_formats.json",
    "inspect/mmlu-summary-choices.eval",
];

pub(crate) fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn source<'a>(name: &'a str, bytes: &'a [u8]) -> Source<'a> {
    Source::new(name, bytes)
}
