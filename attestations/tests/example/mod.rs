//! One valid statement of each kind, as tests start from.
#![allow(dead_code)]

pub(crate) mod others;

use standstill_attestations::claim::{
    Basis, Coverage, Evidence, EvidenceRole, FigureGroup, Interval, Maybe, PpmInterval, Window,
};
use standstill_attestations::evaluation::*;
use standstill_attestations::governance::*;
use standstill_attestations::statement::{Common, Predicate, Statement, Subject};
use standstill_attestations::training::*;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::member::Name;
use standstill_protocol::units::{Flop, Joule, Ppm, Timestamp};

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn window(start: &str, end: &str) -> Window {
    Window { start: time(start), end: time(end) }
}

pub(crate) fn common() -> Common {
    Common {
        chain_id: Hash::sha256(b"chain"),
        member: name("lab-a"),
        sequence: 7,
        issued_at: time("2026-11-30T08:00:00Z"),
        corrects: None,
    }
}

pub(crate) fn evidence(role: EvidenceRole, format: &str, backs: &[FigureGroup]) -> Evidence {
    Evidence {
        role,
        tool: "transformers".to_owned(),
        tool_version: Maybe::Unknown("trainer_state.json does not name the version".to_owned()),
        format: format.to_owned(),
        sha256: Hash::sha256(format.as_bytes()),
        size_bytes: 2866,
        imported_fields: vec!["num_input_tokens_seen".to_owned(), "total_flos".to_owned()],
        backs: backs.to_vec(),
    }
}

/// 512 H100s for two sessions of 1,000,000 s and 500,000 s; 6ND with 7e9 x 7e9 tokens x 1e3.
pub(crate) fn training_compute() -> TrainingCompute {
    let incremental =
        Interval { lower: Flop(290_000_000_000_000_000_000_000), upper: Flop(300_000_000_000_000_000_000_000) };
    TrainingCompute {
        site: name("dc-1"),
        run: name("aurora-3"),
        run_stage: RunStage::PreTraining,
        period: 4,
        window: window("2026-11-01T00:00:00Z", "2026-11-29T00:00:00Z"),
        sessions: vec![
            Session {
                window: window("2026-11-01T00:00:00Z", "2026-11-12T13:46:40Z"),
                resumed_from: Maybe::Known(None),
                chips: Maybe::Known(512),
            },
            Session {
                window: window("2026-11-12T14:00:00.250Z", "2026-11-29T00:00:00Z"),
                resumed_from: Maybe::Known(Some(Hash::sha256(b"checkpoint"))),
                chips: Maybe::Unknown("the scheduler's record of the restart is lost".to_owned()),
            },
        ],
        flop: FlopFigures {
            incremental,
            cumulative: Interval {
                lower: Flop(590_000_000_000_000_000_000_000),
                upper: Flop(620_000_000_000_000_000_000_000),
            },
            discarded: Maybe::Known(Interval::exact(Flop(1_000_000_000_000_000_000_000))),
        },
        method: Method::SixNd,
        counting_rule: CountingRule::ModelFlop,
        basis: Basis::Computed,
        final_report: false,
        base_models: vec![BaseModel {
            name: "aurora-2".to_owned(),
            sha256: Hash::sha256(b"aurora-2"),
            used_for: BaseModelUse::InitialWeights,
            flop: Maybe::Unknown("its maker has not published it".to_owned()),
        }],
        workload: Maybe::Known(Workload {
            tokens: 7_000_000_000_000,
            active_parameters: 7_000_000_000,
            total_parameters: 8_000_000_000,
            basis: Basis::Measured,
        }),
        hardware: Maybe::Known(Hardware {
            accelerator: name("h100-sxm"),
            chips: 512,
            chip_seconds: 1_200_000_000,
            peak_flop_per_second: 989_000_000_000_000,
            utilisation: PpmInterval { lower: Ppm(230_000), upper: Ppm(260_000) },
            basis: Basis::Measured,
        }),
        energy: Maybe::Known(Energy {
            joules: Joule(840_000_000_000),
            boundary: EnergyBoundary::Server,
            coverage: Maybe::Known(Coverage { covered_chip_seconds: 1_140_000_000, gap_chip_seconds: 60_000_000 }),
            basis: Basis::Measured,
        }),
        activity: Maybe::Known(Activity {
            tensor_pipe: PpmInterval { lower: Ppm(310_000), upper: Ppm(325_000) },
            coverage: Coverage { covered_chip_seconds: 1_199_000_000, gap_chip_seconds: 1_000_000 },
            basis: Basis::Measured,
        }),
        evidence: vec![
            evidence(EvidenceRole::TrainingLog, "hf-trainer-state", &[FigureGroup::Flop, FigureGroup::Workload]),
            evidence(EvidenceRole::SchedulerLog, "slurm-sacct-json", &[FigureGroup::Hardware]),
            evidence(EvidenceRole::ActivityLog, "dcgm-exporter", &[FigureGroup::Activity, FigureGroup::Energy]),
        ],
    }
}

pub(crate) fn training() -> Statement {
    let subject = Subject { name: "checkpoint/aurora-3".to_owned(), sha256: Hash::sha256(b"aurora-3") };
    Statement { subjects: vec![subject], common: common(), predicate: Predicate::TrainingCompute(training_compute()) }
}

pub(crate) fn capability_evaluation() -> CapabilityEvaluation {
    CapabilityEvaluation {
        model: "aurora-3".to_owned(),
        evaluator_relationship: EvaluatorRelationship::Independent,
        window: window("2026-11-23T10:45:59Z", "2026-11-23T10:46:00Z"),
        status: EvaluationStatus::Success,
        suite: Suite {
            name: "arith".to_owned(),
            version: "0".to_owned(),
            commits: Maybe::Known(vec![Commit {
                repository: "https://example.org/lab/evals.git".to_owned(),
                commit: "59dfb92".to_owned(),
                dirty: Maybe::Known(false),
            }]),
            data_sha256: Maybe::Unknown("the log names no digest".to_owned()),
        },
        harness: Harness {
            tool: "inspect_ai".to_owned(),
            tool_version: "0.3.285".to_owned(),
            revision: Maybe::Unknown("a released version".to_owned()),
        },
        elicitation: Elicitation {
            solver: vec!["system_message".to_owned(), "generate".to_owned()],
            epochs: 2,
            parameters: vec![Parameter { name: "temperature".to_owned(), value: "0.5".to_owned() }],
        },
        samples: Samples { in_suite: Maybe::Known(12), planned: 24, completed: 24 },
        analysis: vec![Parameter { name: "ridge".to_owned(), value: "0.00001".to_owned() }],
        scores: vec![
            Score {
                scorer: "includes".to_owned(),
                reducer: Some("mean".to_owned()),
                metric: "accuracy".to_owned(),
                scored_samples: Maybe::Known(12),
                unit: ScoreUnit::Ppm,
                value: Maybe::Known(416_667),
                uncertainty: Maybe::Known(Uncertainty {
                    spread: Spread::StandardError(148_648),
                    method: Maybe::Unknown("the log names the metric `stderr` only".to_owned()),
                }),
            },
            Score {
                scorer: "match".to_owned(),
                reducer: None,
                metric: "accuracy".to_owned(),
                scored_samples: Maybe::Unknown("not recorded".to_owned()),
                unit: ScoreUnit::Ppm,
                value: Maybe::Known(500_000),
                uncertainty: Maybe::Known(Uncertainty {
                    spread: Spread::Interval { lower: 400_000, upper: 600_000, confidence: Ppm(950_000) },
                    method: Maybe::Known("bootstrap, 1000 resamples".to_owned()),
                }),
            },
        ],
        basis: Basis::Measured,
        evidence: vec![evidence(
            EvidenceRole::EvaluationLog,
            "inspect-eval",
            &[FigureGroup::Samples, FigureGroup::Scores],
        )],
    }
}

pub(crate) fn evaluation() -> Statement {
    let subject = Subject { name: "model/aurora-3".to_owned(), sha256: Hash::sha256(b"aurora-3") };
    let predicate = Predicate::CapabilityEvaluation(capability_evaluation());
    Statement { subjects: vec![subject], common: common(), predicate }
}

pub(crate) fn governance() -> Vec<Statement> {
    let secret = SecretKey::from_seed(&[7; 32]);
    let (key, Common { chain_id, member, .. }) = (secret.public_key(), common());
    let predicates = [
        Predicate::PhaseVote(PhaseVote {
            phase: name("slowdown"),
            support: true,
            reason: "two signals above their thresholds".to_owned(),
        }),
        Predicate::KeyRegistration(KeyRegistration::of(&secret, KeyRole::Statement, &chain_id, &member)),
        Predicate::KeyRevocation(KeyRevocation { key_id: key.id(), reason: "lost laptop".to_owned() }),
    ];
    predicates.into_iter().map(|predicate| Statement::of(common(), predicate).unwrap()).collect()
}

/// One of each kind.
pub(crate) fn all() -> Vec<Statement> {
    let mut statements = vec![training(), evaluation()];
    statements.extend(others::others());
    statements.extend(governance());
    statements
}
