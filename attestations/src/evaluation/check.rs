//! What a `capability-evaluation` must satisfy alone.

use super::{CapabilityEvaluation, Score, Uncertainty};
use crate::claim_check::{
    check_count, check_evidence, check_label, check_maybe, check_ppm, check_ppm_interval, check_some, check_sorted,
    check_unique, check_whole, check_window,
};
use crate::error::StatementError;
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
        check_some(self.scores.len(), limits::SCORES, "predicate.scores")?;
        for (index, score) in self.scores.iter().enumerate() {
            self.check_score(index, score)?;
        }
        let keys = self.scores.iter().map(|score| (&score.scorer, &score.reducer, &score.metric));
        check_unique(keys, "predicate.scores", |(scorer, _, metric)| format!("{scorer} {metric}"))?;
        check_evidence(&self.evidence, self.basis)
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
        let list = "predicate.elicitation.parameters";
        check_count(self.elicitation.parameters.len(), limits::PARAMETERS, list)?;
        for (index, parameter) in self.elicitation.parameters.iter().enumerate() {
            check_label(&parameter.name, &format!("{list}[{index}].name"))?;
            check_text(&parameter.value, limits::SETTING, || format!("{list}[{index}].value"))?;
        }
        check_sorted(self.elicitation.parameters.iter().map(|parameter| parameter.name.as_str()), list)
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
            return Err(StatementError::CompletedAbovePlanned { completed, planned });
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
                return Err(StatementError::ScoredAboveCompleted { index, scored, completed });
            }
            Ok(())
        })?;
        check_maybe(&score.score, &path("scorePpm"), |score| check_ppm(*score, &path("scorePpm")))?;
        if score.scored_samples.known() == Some(&0) && score.score.known().is_some() {
            return Err(StatementError::ScoreWithoutSamples { index });
        }
        check_maybe(&score.uncertainty, &path("uncertainty"), |uncertainty| {
            check_uncertainty(index, score, uncertainty, &path("uncertainty"))
        })
    }
}

fn check_uncertainty(index: usize, score: &Score, uncertainty: &Uncertainty, path: &str) -> Read<()> {
    match uncertainty {
        Uncertainty::StandardError(error) => check_ppm(*error, path),
        Uncertainty::Interval { bounds, confidence } => {
            check_ppm(*confidence, path)?;
            check_ppm_interval(bounds, path)?;
            match score.score.known() {
                Some(score) if *score < bounds.lower || *score > bounds.upper => {
                    let (score, lower, upper) = (score.0, bounds.lower.0, bounds.upper.0);
                    Err(StatementError::ScoreOutsideInterval { index, score, lower, upper })
                }
                _ => Ok(()),
            }
        }
    }
}
