//! `capability-evaluation` in JSON.

use super::{
    CapabilityEvaluation, Commit, Elicitation, EvaluationStatus, EvaluatorRelationship, Harness, Parameter, Samples,
    Score, ScoreUnit, Spread, Suite, Uncertainty,
};
use crate::claim_json::{basis, evidence, evidence_json, label, push_maybe, window, window_json};
use crate::limits;
use crate::reader::{Field, MAX_SAFE_INTEGER, Object, Read};
use crate::writer::Json;

const COMMITS: (&str, &str) = ("commits", "commitsUnknown");
const DATA: (&str, &str) = ("dataSha256", "dataSha256Unknown");
const DIRTY: (&str, &str) = ("dirty", "dirtyUnknown");
const REVISION: (&str, &str) = ("revision", "revisionUnknown");
const IN_SUITE: (&str, &str) = ("inSuite", "inSuiteUnknown");
const SCORED: (&str, &str) = ("scoredSamples", "scoredSamplesUnknown");
const VALUE: (&str, &str) = ("value", "valueUnknown");
const UNCERTAINTY: (&str, &str) = ("uncertainty", "uncertaintyUnknown");
const METHOD: (&str, &str) = ("method", "methodUnknown");

impl CapabilityEvaluation {
    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        Ok(CapabilityEvaluation {
            model: label(object.take("model")?)?,
            evaluator_relationship: object
                .take("evaluatorRelationship")?
                .word(EvaluatorRelationship::WORDS, EvaluatorRelationship::from_word)?,
            window: window(object.take("window")?)?,
            status: object.take("status")?.word(EvaluationStatus::WORDS, EvaluationStatus::from_word)?,
            suite: suite(object.take("suite")?)?,
            harness: harness(object.take("harness")?)?,
            elicitation: elicitation(object.take("elicitation")?)?,
            samples: samples(object.take("samples")?)?,
            analysis: object.take("analysis")?.list(limits::PARAMETERS, parameter)?,
            scores: object.take("scores")?.list(limits::SCORES, score)?,
            basis: basis(object.take("basis")?)?,
            evidence: object.take("evidence")?.list(limits::EVIDENCE, |field| evidence(field))?,
        })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        members.extend([
            ("model", Json::text(&self.model)),
            ("evaluatorRelationship", Json::text(self.evaluator_relationship)),
            ("window", window_json(&self.window)),
            ("status", Json::text(self.status)),
            ("suite", suite_json(&self.suite)),
            ("harness", harness_json(&self.harness)),
            ("elicitation", elicitation_json(&self.elicitation)),
            ("samples", samples_json(&self.samples)),
            ("analysis", Json::List(self.analysis.iter().map(parameter_json).collect())),
            ("scores", Json::List(self.scores.iter().map(score_json).collect())),
            ("basis", Json::text(self.basis)),
            ("evidence", evidence_json(&self.evidence)),
        ]);
    }
}

fn suite(field: Field<'_, '_>) -> Read<Suite> {
    let mut object = field.object()?;
    let suite = Suite {
        name: label(object.take("name")?)?,
        version: label(object.take("version")?)?,
        commits: object.maybe(COMMITS, |field| field.list(limits::COMMITS, |item| commit(item)))?,
        data_sha256: object.maybe(DATA, |field| field.digest())?,
    };
    object.finish()?;
    Ok(suite)
}

fn suite_json(suite: &Suite) -> Json {
    let mut members = vec![("name", Json::text(&suite.name)), ("version", Json::text(&suite.version))];
    push_maybe(&mut members, COMMITS, &suite.commits, |commits| Json::List(commits.iter().map(commit_json).collect()));
    push_maybe(&mut members, DATA, &suite.data_sha256, |digest| Json::text(digest));
    Json::Object(members)
}

fn commit(field: Field<'_, '_>) -> Read<Commit> {
    let mut object = field.object()?;
    let commit = Commit {
        repository: object.take("repository")?.text(limits::ADDRESS)?,
        commit: label(object.take("commit")?)?,
        dirty: object.maybe(DIRTY, |field| field.boolean())?,
    };
    object.finish()?;
    Ok(commit)
}

fn commit_json(commit: &Commit) -> Json {
    let mut members = vec![("repository", Json::text(&commit.repository)), ("commit", Json::text(&commit.commit))];
    push_maybe(&mut members, DIRTY, &commit.dirty, |dirty| Json::Bool(*dirty));
    Json::Object(members)
}

fn harness(field: Field<'_, '_>) -> Read<Harness> {
    let mut object = field.object()?;
    let harness = Harness {
        tool: label(object.take("tool")?)?,
        tool_version: label(object.take("toolVersion")?)?,
        revision: object.maybe(REVISION, label)?,
    };
    object.finish()?;
    Ok(harness)
}

fn harness_json(harness: &Harness) -> Json {
    let mut members = vec![("tool", Json::text(&harness.tool)), ("toolVersion", Json::text(&harness.tool_version))];
    push_maybe(&mut members, REVISION, &harness.revision, |revision| Json::text(revision));
    Json::Object(members)
}

fn elicitation(field: Field<'_, '_>) -> Read<Elicitation> {
    let mut object = field.object()?;
    let elicitation = Elicitation {
        solver: object.take("solver")?.list(limits::SOLVER_STEPS, label)?,
        epochs: u32::try_from(object.take("epochs")?.whole(u64::from(u32::MAX))?).unwrap_or(u32::MAX),
        parameters: object.take("parameters")?.list(limits::PARAMETERS, parameter)?,
    };
    object.finish()?;
    Ok(elicitation)
}

fn elicitation_json(elicitation: &Elicitation) -> Json {
    Json::Object(vec![
        ("solver", Json::List(elicitation.solver.iter().map(Json::text).collect())),
        ("epochs", Json::Whole(u64::from(elicitation.epochs))),
        ("parameters", Json::List(elicitation.parameters.iter().map(parameter_json).collect())),
    ])
}

fn parameter(field: Field<'_, '_>) -> Read<Parameter> {
    let mut object = field.object()?;
    let name = label(object.take("name")?)?;
    let value = object.take("value")?.text(limits::SETTING)?;
    object.finish()?;
    Ok(Parameter { name, value })
}

fn parameter_json(parameter: &Parameter) -> Json {
    Json::Object(vec![("name", Json::text(&parameter.name)), ("value", Json::text(&parameter.value))])
}

fn samples(field: Field<'_, '_>) -> Read<Samples> {
    let mut object = field.object()?;
    let samples = Samples {
        in_suite: object.maybe(IN_SUITE, |field| field.whole(MAX_SAFE_INTEGER))?,
        planned: object.take("planned")?.whole(MAX_SAFE_INTEGER)?,
        completed: object.take("completed")?.whole(MAX_SAFE_INTEGER)?,
    };
    object.finish()?;
    Ok(samples)
}

fn samples_json(samples: &Samples) -> Json {
    let mut members = Vec::new();
    push_maybe(&mut members, IN_SUITE, &samples.in_suite, |count| Json::Whole(*count));
    members.extend([("planned", Json::Whole(samples.planned)), ("completed", Json::Whole(samples.completed))]);
    Json::Object(members)
}

fn score(field: Field<'_, '_>) -> Read<Score> {
    let mut object = field.object()?;
    let score = Score {
        scorer: label(object.take("scorer")?)?,
        reducer: object.take_nullable("reducer")?.map(|field| label(field)).transpose()?,
        metric: label(object.take("metric")?)?,
        scored_samples: object.maybe(SCORED, |field| field.whole(MAX_SAFE_INTEGER))?,
        unit: object.take("unit")?.word(ScoreUnit::WORDS, ScoreUnit::from_word)?,
        value: object.maybe(VALUE, |field| field.integer())?,
        uncertainty: object.maybe(UNCERTAINTY, uncertainty)?,
    };
    object.finish()?;
    Ok(score)
}

fn score_json(score: &Score) -> Json {
    let mut members = vec![
        ("scorer", Json::text(&score.scorer)),
        ("reducer", score.reducer.as_ref().map_or(Json::Null, Json::text)),
        ("metric", Json::text(&score.metric)),
    ];
    push_maybe(&mut members, SCORED, &score.scored_samples, |count| Json::Whole(*count));
    members.push(("unit", Json::text(score.unit)));
    push_maybe(&mut members, VALUE, &score.value, |value| Json::Integer(*value));
    push_maybe(&mut members, UNCERTAINTY, &score.uncertainty, uncertainty_json);
    Json::Object(members)
}

/// `{"standardError", "method"}` or `{"lower", "upper", "confidencePpm", "method"}`.
fn uncertainty(field: Field<'_, '_>) -> Read<Uncertainty> {
    let mut object = field.object()?;
    let spread = if object.has("standardError") {
        Spread::StandardError(object.take("standardError")?.whole(MAX_SAFE_INTEGER)?)
    } else {
        Spread::Interval {
            lower: object.take("lower")?.integer()?,
            upper: object.take("upper")?.integer()?,
            confidence: object.take("confidencePpm")?.ppm()?,
        }
    };
    let method = object.maybe(METHOD, label)?;
    object.finish()?;
    Ok(Uncertainty { spread, method })
}

fn uncertainty_json(uncertainty: &Uncertainty) -> Json {
    let mut members = match &uncertainty.spread {
        Spread::StandardError(error) => vec![("standardError", Json::Whole(*error))],
        Spread::Interval { lower, upper, confidence } => vec![
            ("lower", Json::Integer(*lower)),
            ("upper", Json::Integer(*upper)),
            ("confidencePpm", Json::Whole(confidence.0)),
        ],
    };
    push_maybe(&mut members, METHOD, &uncertainty.method, |method| Json::text(method));
    Json::Object(members)
}
