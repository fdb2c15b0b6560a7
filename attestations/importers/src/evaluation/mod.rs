//! What the files of an evaluation say, whatever tool wrote them, and what only the evaluator can add.
//!
//! ```text
//! log.eval, results_*.json, runs.jsonl … ──▶ Imported<EvaluationFacts> ┐
//! --relationship, --suite-version, --start … ──▶ EvaluationContext ────┴──▶ CapabilityEvaluation
//! ```
//!
//! A tool that does not write its version, its times or its model's name leaves them [`Maybe::Unknown`]; then the
//! context must have them, or the statement is refused with the name of the flag ([`ImportError::NotStated`]). What both
//! state, the file decides, but for the model's name, which is the evaluator's to choose.

pub(crate) mod figures;
pub(crate) mod settings;

use standstill_attestations::claim::{Basis, FigureGroup, Maybe, Window};
use standstill_attestations::evaluation::{
    CapabilityEvaluation, Commit, Elicitation, EvaluationStatus, EvaluatorRelationship, Harness, Parameter, Samples,
    Score, Suite,
};
use standstill_protocol::hash::Hash;

use crate::error::ImportError;
use crate::import::Imported;

/// What the files of one evaluation say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationFacts {
    /// The model as the harness addressed it, such as `openai/gpt-4o-mini`.
    pub model: Maybe<String>,
    /// From the first sample to the last, rounded outward.
    pub window: Maybe<Window>,
    /// How it ended.
    pub status: EvaluationStatus,
    /// What was asked.
    pub suite: SuiteFacts,
    /// What asked it.
    pub harness: HarnessFacts,
    /// How the answers were drawn out.
    pub elicitation: Elicitation,
    /// Samples planned and completed.
    pub samples: Samples,
    /// How the scores were computed from them, where that is more than the scorer's doing.
    pub analysis: Vec<Parameter>,
    /// Every score that a statement can state.
    pub scores: Vec<Score>,
    /// How the scores came to be.
    pub basis: Basis,
    /// What the evaluator is to the developer, where the file says.
    pub relationship: Maybe<RelationshipFact>,
}

/// What a file says about the evaluator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationshipFact {
    /// The developer itself evaluated.
    FirstParty,
    /// Somebody else did.
    ThirdParty,
    /// The developer and somebody else.
    Collaborative,
}

impl RelationshipFact {
    const fn allows(self, relationship: EvaluatorRelationship) -> bool {
        let developer = matches!(relationship, EvaluatorRelationship::Developer);
        match self {
            RelationshipFact::FirstParty => developer,
            RelationshipFact::ThirdParty => !developer,
            RelationshipFact::Collaborative => !matches!(relationship, EvaluatorRelationship::Independent),
        }
    }

    const fn described(self) -> &'static str {
        match self {
            RelationshipFact::FirstParty => "the developer evaluated",
            RelationshipFact::ThirdParty => "somebody else than the developer evaluated",
            RelationshipFact::Collaborative => "the developer took part",
        }
    }
}

/// A set of tasks, as far as the file pins it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteFacts {
    /// Its name.
    pub name: Maybe<String>,
    /// Its version.
    pub version: Maybe<String>,
    /// The repositories that define it.
    pub commits: Maybe<Vec<Commit>>,
    /// SHA-256 of the data set.
    pub data_sha256: Maybe<Hash>,
}

/// The program that ran the evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HarnessFacts {
    /// Its name, such as `inspect_ai`.
    pub tool: String,
    /// Its version.
    pub tool_version: Maybe<String>,
    /// The commit it was built from.
    pub revision: Maybe<String>,
}

/// What the files cannot say, from whoever makes the statement. The model's digest becomes the statement's subject.
///
/// ```
/// use standstill_attestations::evaluation::EvaluatorRelationship;
/// use standstill_importers::EvaluationContext;
/// let context = EvaluationContext { suite_version: Some("v1.1".into()), ..EvaluatorRelationship::Independent.into() };
/// assert_eq!(context.model, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationContext {
    /// What the evaluator is to the developer.
    pub evaluator_relationship: EvaluatorRelationship,
    /// The model's name in the statement; `None` takes the file's.
    pub model: Option<String>,
    /// When it was evaluated; used where the file does not say.
    pub window: Option<Window>,
    /// The suite's name; used where the file does not say.
    pub suite: Option<String>,
    /// The suite's version; used where the file does not say.
    pub suite_version: Option<String>,
    /// The harness's version; used where the file does not say.
    pub harness_version: Option<String>,
    /// SHA-256 of the data set, where it is known.
    pub data_sha256: Option<Hash>,
}

impl From<EvaluatorRelationship> for EvaluationContext {
    fn from(evaluator_relationship: EvaluatorRelationship) -> Self {
        EvaluationContext {
            evaluator_relationship,
            model: None,
            window: None,
            suite: None,
            suite_version: None,
            harness_version: None,
            data_sha256: None,
        }
    }
}

impl Imported<EvaluationFacts> {
    /// The predicate, with what only the evaluator knows.
    pub fn into_capability_evaluation(self, context: EvaluationContext) -> Result<CapabilityEvaluation, ImportError> {
        let Imported { facts, mut evidence, .. } = self;
        let relationship = context.evaluator_relationship;
        if let Maybe::Known(fact) = facts.relationship
            && !fact.allows(relationship)
        {
            let (found, said) = (relationship.as_str(), fact.described());
            return Err(ImportError::Relationship { found, said });
        }
        evidence.iter_mut().for_each(|file| file.backs = vec![FigureGroup::Samples, FigureGroup::Scores]);
        let stated = |value: Maybe<String>, given: Option<String>, flag| or_given(value, given, flag);
        let suite = Suite {
            name: stated(facts.suite.name, context.suite, "--suite")?,
            version: stated(facts.suite.version, context.suite_version, "--suite-version")?,
            commits: facts.suite.commits,
            data_sha256: context.data_sha256.map_or(facts.suite.data_sha256, Maybe::Known),
        };
        let harness = Harness {
            tool: facts.harness.tool,
            tool_version: stated(facts.harness.tool_version, context.harness_version, "--harness-version")?,
            revision: facts.harness.revision,
        };
        Ok(CapabilityEvaluation {
            model: match context.model {
                Some(model) => model,
                None => stated(facts.model, None, "--model")?,
            },
            evaluator_relationship: relationship,
            window: or_given(facts.window, context.window, "--start` and `--end")?,
            status: facts.status,
            suite,
            harness,
            elicitation: facts.elicitation,
            samples: facts.samples,
            analysis: facts.analysis,
            scores: facts.scores,
            basis: facts.basis,
            evidence,
        })
    }
}

/// What the file says, or else what was given.
fn or_given<T>(value: Maybe<T>, given: Option<T>, flag: &'static str) -> Result<T, ImportError> {
    match (value, given) {
        (Maybe::Known(value), _) | (Maybe::Unknown(_), Some(value)) => Ok(value),
        (Maybe::Unknown(reason), None) => Err(ImportError::NotStated { flag, reason }),
    }
}
