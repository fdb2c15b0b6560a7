//! Statements by the thousand, for the kill test and the benchmark: real, small, and each of them different.

use standstill_attestations::claim::{Basis, Maybe, Window};
use standstill_attestations::evaluation::{
    CapabilityEvaluation, Elicitation, EvaluationStatus, EvaluatorRelationship, Harness, Samples, Score, ScoreUnit,
    Suite,
};
use standstill_attestations::{Predicate, Subject};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

/// An evaluation that a lab made of its own model, declared, about the artefact with the given number.
pub fn evaluation(number: u64, now: Timestamp) -> (Vec<Subject>, Predicate) {
    let unknown = || "a statement made for a load test".to_owned();
    let subject = Subject { name: format!("model-{number}"), sha256: Hash::sha256(&number.to_le_bytes()) };
    let evaluation = CapabilityEvaluation {
        model: format!("model-{number}"),
        evaluator_relationship: EvaluatorRelationship::Developer,
        window: Window { start: Timestamp(now.0.saturating_sub(1_000)), end: now },
        status: EvaluationStatus::Success,
        suite: Suite {
            name: "load".to_owned(),
            version: "1".to_owned(),
            commits: Maybe::Unknown(unknown()),
            data_sha256: Maybe::Unknown(unknown()),
        },
        harness: Harness {
            tool: "standstill-testnet".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: Maybe::Unknown(unknown()),
        },
        elicitation: Elicitation { solver: vec!["generate".to_owned()], epochs: 1, parameters: Vec::new() },
        samples: Samples { in_suite: Maybe::Known(100), planned: 100, completed: 100 },
        analysis: Vec::new(),
        scores: vec![Score {
            scorer: "match".to_owned(),
            reducer: None,
            metric: "accuracy".to_owned(),
            scored_samples: Maybe::Known(100),
            unit: ScoreUnit::Ppm,
            value: Maybe::Known(i64::try_from(number % 1_000_001).unwrap_or(0)),
            uncertainty: Maybe::Unknown(unknown()),
        }],
        basis: Basis::Declared,
        evidence: Vec::new(),
    };
    (vec![subject], Predicate::CapabilityEvaluation(evaluation))
}
