//! Statements at random, all of them valid.

mod others;

use proptest::collection::vec;
use proptest::prelude::*;
use standstill_attestations::claim::*;
use standstill_attestations::evaluation::*;
use standstill_attestations::governance::*;
use standstill_attestations::statement::{Common, Predicate, Statement, Subject};
use standstill_attestations::training::*;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::member::Name;
use standstill_protocol::units::{Flop, Joule, Ppm, Timestamp};

pub(crate) fn statement() -> impl Strategy<Value = Statement> {
    prop_oneof![3 => training(), 3 => evaluation(), 1 => governance(), 7 => others::others()]
}

fn text() -> impl Strategy<Value = String> {
    "[ a-zA-Z0-9._/\"\\\\é日😀{}:,-]{1,24}"
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z][a-z0-9-]{0,20}[a-z0-9]".prop_map(|text| text.parse().unwrap())
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_bytes)
}

fn maybe<T: std::fmt::Debug>(known: impl Strategy<Value = T>) -> impl Strategy<Value = Maybe<T>> {
    prop_oneof![known.prop_map(Maybe::Known), text().prop_map(Maybe::Unknown)]
}

fn word<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

fn ppm() -> impl Strategy<Value = Ppm> {
    (0u64..=1_000_000).prop_map(Ppm)
}

fn ppm_interval() -> impl Strategy<Value = PpmInterval> {
    (0u64..=1_000_000, 0u64..=1_000_000)
        .prop_map(|(one, other)| PpmInterval { lower: Ppm(one.min(other)), upper: Ppm(one.max(other)) })
}

fn interval() -> impl Strategy<Value = Interval> {
    (0u128..1 << 100, 0u128..1 << 90)
        .prop_map(|(lower, width)| Interval { lower: Flop(lower), upper: Flop(lower + width) })
}

fn common() -> impl Strategy<Value = Common> {
    (hash(), name(), 1u64..1 << 53).prop_map(|(chain_id, member, sequence)| Common {
        chain_id,
        member,
        sequence,
        // After every window that is generated.
        issued_at: Timestamp(4_000_000_000_000),
        corrects: None,
    })
}

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    prop::collection::btree_map(text(), hash(), 1..4)
        .prop_map(|all| all.into_iter().map(|(name, sha256)| Subject { name, sha256 }).collect())
}

/// Files, the first of which backs everything that is stated.
fn evidence(files: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Evidence>> {
    vec(file(), files)
}

/// Lets the first file back all figures, and the others some.
fn backed(mut evidence: Vec<Evidence>, figures: &[(FigureGroup, Basis)]) -> Vec<Evidence> {
    for (index, file) in evidence.iter_mut().enumerate() {
        file.backs = figures
            .iter()
            .map(|(group, _)| *group)
            .filter(|group| index == 0 || (*group as usize).is_multiple_of(2))
            .collect();
        file.backs.sort_by_key(|group| group.as_str());
    }
    evidence
}

fn file() -> impl Strategy<Value = Evidence> {
    let fields = prop::collection::btree_set(text(), 1..5);
    (word(EvidenceRole::ALL), text(), maybe(text()), text(), hash(), 1u64..1 << 53, fields).prop_map(
        |(role, tool, tool_version, format, sha256, size_bytes, fields)| Evidence {
            role,
            tool,
            tool_version,
            format,
            sha256,
            size_bytes,
            imported_fields: fields.into_iter().collect(),
            backs: Vec::new(),
        },
    )
}

/// Sessions from `start` on: gap and length of each, and the checkpoint it resumed from.
fn sessions() -> impl Strategy<Value = Vec<Session>> {
    let parts = vec((0u64..1_000_000, 1u64..1_000_000_000, maybe(prop::option::of(hash()))), 1..5);
    (0u64..2_000_000_000_000, parts).prop_map(|(mut at, parts)| {
        let mut sessions = Vec::new();
        for (gap, length, resumed_from) in parts {
            let start = Timestamp(at + gap);
            at = start.0 + length;
            let chips = Maybe::Unknown("not recorded".to_owned());
            sessions.push(Session { window: Window { start, end: Timestamp(at) }, resumed_from, chips });
        }
        sessions
    })
}

fn workload() -> impl Strategy<Value = Workload> {
    (1u128..1 << 60, 1u128..1 << 60, 0u128..1 << 60, word(Basis::ALL)).prop_map(|(tokens, active, more, basis)| {
        Workload { tokens, active_parameters: active, total_parameters: active + more, basis }
    })
}

/// Hardware with one chip second, whose peak no claim of the generator reaches.
fn hardware() -> impl Strategy<Value = Hardware> {
    (name(), 1u64.., 1u64.., ppm_interval(), word(Basis::ALL)).prop_map(
        |(accelerator, chips, peak, utilisation, basis)| Hardware {
            accelerator,
            chips,
            chip_seconds: 1,
            peak_flop_per_second: peak,
            utilisation,
            basis,
        },
    )
}

fn energy() -> impl Strategy<Value = Energy> {
    (any::<u64>(), word(EnergyBoundary::ALL), maybe(Just(ONE_SECOND)), word(Basis::ALL))
        .prop_map(|(joules, boundary, coverage, basis)| Energy { joules: Joule(joules), boundary, coverage, basis })
}

/// Of the one chip second of [`hardware`].
const ONE_SECOND: Coverage = Coverage { covered_chip_seconds: 1, gap_chip_seconds: 0 };

fn activity() -> impl Strategy<Value = Activity> {
    (ppm_interval(), word(Basis::ALL)).prop_map(|(tensor_pipe, basis)| Activity {
        tensor_pipe,
        coverage: ONE_SECOND,
        basis,
    })
}

fn base_models() -> impl Strategy<Value = Vec<BaseModel>> {
    let model = (text(), word(BaseModelUse::ALL), maybe(interval()));
    prop::collection::btree_map(hash(), model, 0..3).prop_map(|all| {
        all.into_iter().map(|(sha256, (name, used_for, flop))| BaseModel { name, sha256, used_for, flop }).collect()
    })
}

/// Methods and rules that tie the claim to no other number, so that every combination is valid.
fn training() -> impl Strategy<Value = Statement> {
    let method = prop::sample::select(vec![Method::FrameworkCounter, Method::Profiler]);
    let rule = prop::sample::select(vec![CountingRule::ModelFlop, CountingRule::HardwareFlop]);
    let place = (name(), name(), word(RunStage::ALL), any::<u32>(), sessions());
    let figures = (interval(), interval(), maybe(interval()), method, rule, word(Basis::ALL), any::<bool>());
    let chips = (maybe(hardware()), maybe(energy()), maybe(activity()));
    let inputs = (base_models(), maybe(workload()), chips, evidence(1..4));
    (common(), subjects(), place, figures, inputs).prop_map(|(common, subjects, place, figures, inputs)| {
        let (site, run, run_stage, period, sessions) = place;
        let (mut incremental, earlier, discarded, method, counting_rule, basis, final_report) = figures;
        let (base_models, workload, (hardware, energy, activity), evidence) = inputs;
        let mut discarded = discarded;
        if hardware.known().is_some() {
            incremental.lower = Flop(0);
            discarded = Maybe::Unknown("not counted".to_owned());
        }
        let window = Window { start: sessions[0].window.start, end: sessions[sessions.len() - 1].window.end };
        let cumulative = incremental.checked_add(earlier).unwrap();
        let flop = FlopFigures { incremental, cumulative, discarded };
        let mut report = TrainingCompute {
            site,
            run,
            run_stage,
            period,
            window,
            sessions,
            flop,
            method,
            counting_rule,
            basis,
            final_report,
            base_models,
            workload,
            hardware,
            energy,
            activity,
            evidence,
        };
        report.evidence = backed(report.evidence.clone(), &report.figures());
        let predicate = Predicate::TrainingCompute(report);
        Statement { subjects, common, predicate }
    })
}

fn suite() -> impl Strategy<Value = Suite> {
    let commit = ("[0-9a-f]{7,64}", maybe(any::<bool>()));
    let commits = prop::collection::btree_map(text(), commit, 1..3).prop_map(|all| {
        all.into_iter().map(|(repository, (commit, dirty))| Commit { repository, commit, dirty }).collect()
    });
    (text(), text(), maybe(commits), maybe(hash())).prop_map(|(name, version, commits, data_sha256)| Suite {
        name,
        version,
        commits,
        data_sha256,
    })
}

fn uncertainty() -> impl Strategy<Value = Uncertainty> {
    let spread = prop_oneof![
        ppm().prop_map(|ppm| Spread::StandardError(ppm.0)),
        ppm().prop_map(|confidence| Spread::Interval { lower: 0, upper: 1_000_000, confidence }),
    ];
    (spread, maybe(text())).prop_map(|(spread, method)| Uncertainty { spread, method })
}

fn scores() -> impl Strategy<Value = Vec<Score>> {
    let key = (text(), prop::option::of(text()), text());
    let value = maybe(0i64..=1_000_000);
    let result = (maybe(1u64..=1000), word(ScoreUnit::ALL), value, maybe(uncertainty()));
    prop::collection::btree_map(key, result, 1..5).prop_map(|all| {
        let score = |((scorer, reducer, metric), (scored_samples, unit, value, uncertainty))| Score {
            scorer,
            reducer,
            metric,
            scored_samples,
            unit,
            value,
            uncertainty,
        };
        all.into_iter().map(score).collect()
    })
}

fn settings() -> impl Strategy<Value = Vec<Parameter>> {
    prop::collection::btree_map(text(), text(), 0..4)
        .prop_map(|all| all.into_iter().map(|(name, value)| Parameter { name, value }).collect())
}

fn evaluation() -> impl Strategy<Value = Statement> {
    let harness = (text(), text(), maybe(text())).prop_map(|(tool, tool_version, revision)| Harness {
        tool,
        tool_version,
        revision,
    });
    let elicitation = (vec(text(), 0..4), 1u32.., settings()).prop_map(|(solver, epochs, parameters)| Elicitation {
        solver,
        epochs,
        parameters,
    });
    let samples = (maybe(0u64..1 << 53), 1000u64..1 << 52, 0u64..1 << 50)
        .prop_map(|(in_suite, completed, more)| Samples { in_suite, planned: completed + more, completed });
    let head = (text(), word(EvaluatorRelationship::ALL), 0u64..1 << 41, 1u64..1 << 30, word(EvaluationStatus::ALL));
    let results = (settings(), scores());
    let body = (suite(), harness, elicitation, samples, results, word(Basis::ALL), evidence(1..3));
    (common(), subjects(), head, body).prop_map(|(common, subjects, head, body)| {
        let (model, evaluator_relationship, start, length, status) = head;
        let (suite, harness, elicitation, samples, (analysis, scores), basis, evidence) = body;
        let window = Window { start: Timestamp(start), end: Timestamp(start + length) };
        let mut evaluation = CapabilityEvaluation {
            model,
            evaluator_relationship,
            window,
            status,
            suite,
            harness,
            elicitation,
            samples,
            analysis,
            scores,
            basis,
            evidence,
        };
        evaluation.evidence = backed(evaluation.evidence.clone(), &evaluation.figures());
        let predicate = Predicate::CapabilityEvaluation(evaluation);
        Statement { subjects, common, predicate }
    })
}

fn governance() -> impl Strategy<Value = Statement> {
    let vote = (name(), any::<bool>(), text())
        .prop_map(|(phase, support, reason)| Predicate::PhaseVote(PhaseVote { phase, support, reason }));
    let registration = (any::<[u8; 32]>(), word(KeyRole::ALL)).prop_map(|(seed, role)| {
        Predicate::KeyRegistration(KeyRegistration::of(
            &SecretKey::from_seed(&seed),
            role,
            &Hash::ZERO,
            &"lab-a".parse().unwrap(),
        ))
    });
    let revocation =
        (hash(), text()).prop_map(|(key_id, reason)| Predicate::KeyRevocation(KeyRevocation { key_id, reason }));
    (common(), prop_oneof![vote, registration, revocation])
        .prop_map(|(common, predicate)| Statement::of(common, predicate).unwrap())
}
