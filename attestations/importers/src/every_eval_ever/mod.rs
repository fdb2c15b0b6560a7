//! Records of Every Eval Ever, schema 0.3: evaluations of any harness in one form.
//!
//! ```text
//! {"schema_version": "0.3.0", "evaluation_id": "mmlu/openai_gpt-4o/1766147870.0", "evaluation_timestamp": "1766147870.0",
//!  "source_metadata": {"source_type": "evaluation_run", "evaluator_relationship": "third_party", …},
//!  "eval_library": {"name": "inspect_ai", "version": "0.3.154"}, "model_info": {"id": "openai/gpt-4o", …},
//!  "evaluation_results": [{"evaluation_name": "mmlu_0_shot", "source_data": {"dataset_name": "mmlu", "samples_number": 14042},
//!     "metric_config": {"metric_id": "accuracy", "metric_unit": "proportion", "min_score": 0.0, "max_score": 1.0, …},
//!     "score_details": {"score": 0.5, "uncertainty": {"standard_error": {"value": 0.01}, "num_samples": 100}},
//!     "generation_config": {…}}]}
//! ```
//!
//! What to know about it (every_eval_ever `eval.schema.json` 0.3.0):
//!
//! * `evaluation_timestamp` is one moment, in seconds or as text, and `retrieved_timestamp` that of the record: neither is
//!   a window, which comes from the evaluator.
//! * `evaluator_relationship` is held against what the evaluator calls himself.
//! * A record of `documentation` was copied from a table: its numbers are declared, not measured.
//! * The unit decides how a score is read: `proportion` and `percent` become parts per million, all else millionths.
//! * A record without sample counts is refused: a statement says how many samples its scores rest on.
//! * The record's number of samples in the suite may be a number, or text under `additional_details`.

mod result;

use standstill_attestations::claim::{Basis, EvidenceRole, Maybe};
use standstill_attestations::evaluation::{EvaluationStatus, Samples, Score};
use standstill_attestations::limits;

use self::result::Generation;
use crate::error::ImportError;
use crate::evaluation::settings::{fitting, label};
use crate::evaluation::{EvaluationFacts, HarnessFacts, RelationshipFact, SuiteFacts, figures};
use crate::head::Head;
use crate::import::{Imported, Options, count, evidence};
use crate::notes::Notes;
use crate::source::Source;
use crate::tolerant::{Members, Node};

/// The name in evidence.
pub const FORMAT: &str = "every-eval-ever";
/// The schema that this importer has been tried on.
const VERSION: &str = "0.3";
const FIELDS: [&str; 6] =
    ["eval_library", "evaluation_results", "evaluation_timestamp", "model_info", "schema_version", "source_metadata"];

/// Whether this is a record.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    head.has(&["schema_version", "evaluation_id"])
}

/// One record.
pub(crate) fn evaluation(sources: &[Source<'_>], _: &Options) -> Result<Imported<EvaluationFacts>, ImportError> {
    match sources {
        [record] => import(*record),
        _ => Err(count(sources.len(), "one record")),
    }
}

/// Imports one record.
pub fn import(source: Source<'_>) -> Result<Imported<EvaluationFacts>, ImportError> {
    let document = source.load()?;
    let record = document.json()?.object()?;
    let mut notes = Notes::new(source.name());
    check_version(&record, &notes)?;
    let (basis, relationship) = provenance(&record.required("source_metadata")?, &mut notes)?;
    let harness = harness(&record.required("eval_library")?.object()?)?;
    let results = Results::read(&record.required("evaluation_results")?, &mut notes)?;
    let model_info = record.required("model_info")?.object()?;
    moment(&record, &mut notes)?;
    if record.optional("detailed_evaluation_results").is_some() {
        notes.leave("detailed_evaluation_results", "prompts and answers lie in a file of their own");
    }
    let role = (EvidenceRole::EvaluationLog, FORMAT);
    let tool = ("every_eval_ever", Maybe::Unknown("records name no version of the converter".to_owned()));
    let evidence = evidence(document.digest(), role, tool, &FIELDS);
    let samples = results.samples(&mut notes);
    let suite = results.suite(&record)?;
    let facts = EvaluationFacts {
        model: Maybe::Known(label(&model_info.required("id")?)?),
        window: Maybe::Unknown("the record has the time of one moment".to_owned()),
        status: EvaluationStatus::Success,
        suite,
        harness,
        elicitation: results.generation.elicitation(&model_info, &mut notes)?,
        samples,
        analysis: Vec::new(),
        scores: figures::bounded(results.scores, "evaluation_results", &mut notes)?,
        basis,
        relationship,
    };
    Ok(Imported { facts, evidence: vec![evidence], took: notes.took, left: notes.left })
}

fn check_version(record: &Members<'_>, notes: &Notes<'_>) -> Result<(), ImportError> {
    let version = record.required("schema_version")?.text()?.into_owned();
    match version.strip_prefix(VERSION) {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => Ok(()),
        _ => {
            let found = version.chars().take(40).collect();
            Err(ImportError::Version { file: notes.file.to_owned(), found, expected: VERSION })
        }
    }
}

/// Whether numbers were measured or copied, and who evaluated.
fn provenance(node: &Node<'_>, notes: &mut Notes<'_>) -> Result<(Basis, Maybe<RelationshipFact>), ImportError> {
    let source = node.object()?;
    let kind = source.required("source_type")?;
    let basis = match kind.text()?.as_ref() {
        "evaluation_run" => Basis::Measured,
        "documentation" => Basis::Declared,
        _ => return Err(kind.bad_text("neither `evaluation_run` nor `documentation`")),
    };
    notes.take(kind.path(), format!("the numbers are {basis}"));
    let who = source.required("evaluator_relationship")?;
    let relationship = match who.text()?.as_ref() {
        "first_party" => Maybe::Known(RelationshipFact::FirstParty),
        "third_party" => Maybe::Known(RelationshipFact::ThirdParty),
        "collaborative" => Maybe::Known(RelationshipFact::Collaborative),
        "other" => Maybe::Unknown("the record says `other`".to_owned()),
        _ => return Err(who.bad_text("not a relationship that the schema has")),
    };
    Ok((basis, relationship))
}

fn harness(library: &Members<'_>) -> Result<HarnessFacts, ImportError> {
    let version = label(&library.required("version")?)?;
    Ok(HarnessFacts {
        tool: label(&library.required("name")?)?,
        tool_version: match version.as_str() {
            "unknown" => Maybe::Unknown("the record says `unknown`".to_owned()),
            _ => Maybe::Known(version),
        },
        revision: Maybe::Unknown("the schema has no field for a commit".to_owned()),
    })
}

/// The moment of the evaluation, for whoever gives the window.
fn moment(record: &Members<'_>, notes: &mut Notes<'_>) -> Result<(), ImportError> {
    if let Some(node) = record.optional("evaluation_timestamp") {
        let text = node.text()?;
        let shown: String = text.chars().filter(|character| !character.is_control()).take(40).collect();
        notes.leave("evaluation_timestamp", format!("{shown} is one moment: the window comes from the evaluator"));
    }
    Ok(())
}

/// All results of a record.
struct Results {
    scores: Vec<Score>,
    /// Names of evaluations, each once, with the most samples that one of its results rests on.
    evaluations: Vec<(String, u64)>,
    /// Data sets by name, with the size that a record states.
    data: Vec<(String, Option<u64>)>,
    generation: Generation,
}

impl Results {
    fn read(node: &Node<'_>, notes: &mut Notes<'_>) -> Result<Self, ImportError> {
        let mut all = Results {
            scores: Vec::new(),
            evaluations: Vec::new(),
            data: Vec::new(),
            generation: Generation::default(),
        };
        for item in node.list()? {
            let result = item.object()?;
            let name = label(&result.required("evaluation_name")?)?;
            let data = result::data(&result.required("source_data")?.object()?)?;
            let (score, samples) = result::score(&name, &result, notes)?;
            all.scores.extend(score);
            match all.evaluations.iter_mut().find(|(known, _)| *known == name) {
                Some((_, most)) => *most = samples.max(*most),
                None => all.evaluations.push((name, samples)),
            }
            if !all.data.contains(&data) {
                all.data.push(data);
            }
            all.generation.add(result.optional("generation_config"), notes)?;
        }
        Ok(all)
    }

    /// The one data set, or else the first part of the record's id.
    fn suite(&self, record: &Members<'_>) -> Result<SuiteFacts, ImportError> {
        let name = match self.data.as_slice() {
            [(name, _)] => name.clone(),
            _ => {
                let id = record.required("evaluation_id")?;
                let text = id.text()?;
                let first = text.split('/').next().unwrap_or_default();
                fitting(first, limits::LABEL).map_err(|reason| id.bad_text(reason))?
            }
        };
        Ok(SuiteFacts {
            name: Maybe::Known(name),
            version: Maybe::Unknown("the schema has no field for a suite's version".to_owned()),
            commits: Maybe::Unknown("the schema has no field for a suite's commits".to_owned()),
            data_sha256: Maybe::Unknown("the schema has no field for a data set's digest".to_owned()),
        })
    }

    fn samples(&self, notes: &mut Notes<'_>) -> Samples {
        let runs = self.evaluations.iter().map(|(_, samples)| *samples).fold(0, u64::saturating_add);
        notes.take("evaluation_results", format!("{runs} samples in {} evaluations", self.evaluations.len()));
        let sizes: Option<Vec<u64>> = self.data.iter().map(|(_, size)| *size).collect();
        let in_suite = match sizes {
            Some(sizes) => Maybe::Known(sizes.into_iter().fold(0, u64::saturating_add)),
            None => Maybe::Unknown("the record does not say how many samples the suite holds".to_owned()),
        };
        Samples { in_suite, planned: runs, completed: runs }
    }
}
