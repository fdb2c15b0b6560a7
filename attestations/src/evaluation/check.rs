//! What a `capability-evaluation` must satisfy alone.

use standstill_protocol::units::Ppm;

use super::{CapabilityEvaluation, Parameter, Score, ScoreUnit, Spread, Uncertainty};
use crate::claim_check::{
    check_count, check_evidence, check_label, check_maybe, check_ppm, check_some, check_sorted, check_unique,
    check_whole, check_window,
};
use crate::error::{EvaluationError, StatementError};
use crate::limits;
use crate::reader::{MAX_SAFE_INTEGER, Read, check_text, shorten};

impl CapabilityEvaluation {
    pub(crate) fn check(&self) -> Read<()> {
        check_label(&self.model, "predicate.model")?;
        check_window(&self.window, "predicate.window")?;
        self.check_suite()?;
        self.check_harness()?;
        self.check_elicitation()?;
        self.check_samples()?;
        check_parameters(&self.analysis, "predicate.analysis")?;
        check_some(self.scores.len(), limits::SCORES, "predicate.scores")?;
        for (index, score) in self.scores.iter().enumerate() {
            self.check_score(index, score)?;
        }
        let keys = self.scores.iter().map(|score| (&score.scorer, &score.reducer, &score.metric));
        check_unique(keys, "predicate.scores", |(scorer, _, metric)| format!("{scorer} {metric}"))?;
        check_evidence(&self.evidence, &self.figures())
    }

    fn check_suite(&self) -> Read<()> {
        check_label(&self.suite.name, "predicate.suite.name")?;
        check_label(&self.suite.version, "predicate.suite.version")?;
        check_maybe(&self.suite.data_sha256, "predicate.suite.dataSha256", |_| Ok(()))?;
        let list = "predicate.suite.commits";
        check_maybe(&self.suite.commits, list, |commits| {
            check_some(commits.len(), limits::COMMITS, list)?;
            for (index, commit) in commits.iter().enumerate() {
                let path = |field: &str| format!("{list}[{index}].{field}");
                check_text(&commit.repository, limits::ADDRESS, || path("repository"))?;
                let hex = commit.commit.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if !hex || !(7..=64).contains(&commit.commit.len()) {
                    let found = shorten(&commit.commit);
                    return Err(StatementError::NotACommit { path: path("commit"), found });
                }
                check_maybe(&commit.dirty, &path("dirty"), |_| Ok(()))?;
            }
            check_unique(commits.iter().map(|commit| &commit.repository), list, ToString::to_string)
        })
    }

    fn check_harness(&self) -> Read<()> {
        check_label(&self.harness.tool, "predicate.harness.tool")?;
        check_label(&self.harness.tool_version, "predicate.harness.toolVersion")?;
        let path = "predicate.harness.revision";
        check_maybe(&self.harness.revision, path, |revision| check_label(revision, path))
    }

    fn check_elicitation(&self) -> Read<()> {
        let solver = "predicate.elicitation.solver";
        check_count(self.elicitation.solver.len(), limits::SOLVER_STEPS, solver)?;
        for step in &self.elicitation.solver {
            check_label(step, solver)?;
        }
        if self.elicitation.epochs == 0 {
            return Err(StatementError::Zero { path: "predicate.elicitation.epochs".to_owned() });
        }
        check_parameters(&self.elicitation.parameters, "predicate.elicitation.parameters")
    }

    fn check_samples(&self) -> Read<()> {
        let path = "predicate.samples.inSuite";
        check_maybe(&self.samples.in_suite, path, |count| check_whole(*count, MAX_SAFE_INTEGER, path))?;
        check_whole(self.samples.planned, MAX_SAFE_INTEGER, "predicate.samples.planned")?;
        let (completed, planned) = (self.samples.completed, self.samples.planned);
        if planned == 0 {
            return Err(StatementError::Zero { path: "predicate.samples.planned".to_owned() });
        }
        if completed > planned {
            return Err(EvaluationError::CompletedAbovePlanned { completed, planned }.into());
        }
        Ok(())
    }

    fn check_score(&self, index: usize, score: &Score) -> Read<()> {
        let path = |field: &str| format!("predicate.scores[{index}].{field}");
        check_label(&score.scorer, &path("scorer"))?;
        check_label(&score.metric, &path("metric"))?;
        if let Some(reducer) = &score.reducer {
            check_label(reducer, &path("reducer"))?;
        }
        check_maybe(&score.scored_samples, &path("scoredSamples"), |scored| {
            if *scored > self.samples.completed {
                let (scored, completed) = (*scored, self.samples.completed);
                return Err(EvaluationError::ScoredAboveCompleted { index, scored, completed }.into());
            }
            Ok(())
        })?;
        check_maybe(&score.value, &path("value"), |value| check_measure(*value, score.unit, &path("value")))?;
        if score.scored_samples.known() == Some(&0) && score.value.known().is_some() {
            return Err(EvaluationError::ScoreWithoutSamples { index }.into());
        }
        check_maybe(&score.uncertainty, &path("uncertainty"), |uncertainty| {
            check_uncertainty(index, score, uncertainty, &path("uncertainty"))
        })
    }
}

/// Settings: bounded, sorted by name, listed once.
fn check_parameters(parameters: &[Parameter], list: &str) -> Read<()> {
    check_count(parameters.len(), limits::PARAMETERS, list)?;
    for (index, parameter) in parameters.iter().enumerate() {
        check_label(&parameter.name, &format!("{list}[{index}].name"))?;
        check_text(&parameter.value, limits::SETTING, || format!("{list}[{index}].value"))?;
    }
    check_sorted(parameters.iter().map(|parameter| parameter.name.as_str()), list)
}

/// A value that its unit can have.
fn check_measure(value: i64, unit: ScoreUnit, path: &str) -> Read<()> {
    check_whole(value.unsigned_abs(), MAX_SAFE_INTEGER, path)?;
    match (unit, u64::try_from(value)) {
        (ScoreUnit::MicroUnits, _) => Ok(()),
        (_, Err(_)) => {
            Err(StatementError::Negative { path: path.to_owned(), found: i128::from(value), unit: unit.as_str() })
        }
        (ScoreUnit::Ppm, Ok(value)) => check_ppm(Ppm(value), path),
        (ScoreUnit::Milliseconds | ScoreUnit::Count, Ok(_)) => Ok(()),
    }
}

fn check_uncertainty(index: usize, score: &Score, uncertainty: &Uncertainty, path: &str) -> Read<()> {
    let method = format!("{path}.method");
    check_maybe(&uncertainty.method, &method, |text| check_label(text, &method))?;
    match uncertainty.spread {
        Spread::StandardError(error) if score.unit == ScoreUnit::Ppm => check_ppm(Ppm(error), path),
        Spread::StandardError(error) => check_whole(error, MAX_SAFE_INTEGER, path),
        Spread::Interval { lower, upper, confidence } => {
            check_ppm(confidence, path)?;
            check_measure(lower, score.unit, path)?;
            check_measure(upper, score.unit, path)?;
            if lower > upper {
                let (lower, upper) = (lower.to_string(), upper.to_string());
                return Err(StatementError::LowerAboveUpper { path: path.to_owned(), lower, upper });
            }
            match score.value.known() {
                Some(value) if !(lower..=upper).contains(value) => {
                    Err(EvaluationError::ScoreOutsideInterval { index, score: *value, lower, upper }.into())
                }
                _ => Ok(()),
            }
        }
    }
}
