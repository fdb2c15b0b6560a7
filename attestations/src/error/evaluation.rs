//! Samples and scores of a `capability-evaluation` statement that contradict each other.

/// Why a `capability-evaluation` statement contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// More completed than planned.
    #[error("{completed} samples completed of {planned} planned")]
    CompletedAbovePlanned {
        /// Completed.
        completed: u64,
        /// Planned.
        planned: u64,
    },
    /// More scored than completed.
    #[error("`predicate.scores[{index}]` rests on {scored} samples of {completed} completed")]
    ScoredAboveCompleted {
        /// Which score.
        index: usize,
        /// Scored.
        scored: u64,
        /// Completed.
        completed: u64,
    },
    /// A score of nothing.
    #[error("`predicate.scores[{index}]` states a score that rests on no sample")]
    ScoreWithoutSamples {
        /// Which score.
        index: usize,
    },
    /// A score outside its own confidence interval.
    #[error("`predicate.scores[{index}]` is {score}, outside its own interval {lower} to {upper}")]
    ScoreOutsideInterval {
        /// Which score.
        index: usize,
        /// The value, in the score's unit.
        score: i64,
        /// Lower bound.
        lower: i64,
        /// Upper bound.
        upper: i64,
    },
}

impl EvaluationError {
    /// The stable name, in kebab case, and what a person could do about it.
    pub(super) const fn entry(&self) -> (&'static str, &'static str) {
        match self {
            EvaluationError::CompletedAbovePlanned { .. } => {
                ("statement-completed-above-planned", "count each epoch of a sample as one, in both")
            }
            EvaluationError::ScoredAboveCompleted { .. } => {
                ("statement-scored-above-completed", "count the samples after epochs were reduced")
            }
            EvaluationError::ScoreWithoutSamples { .. } => {
                ("statement-score-without-samples", "a score without samples is null with a reason")
            }
            EvaluationError::ScoreOutsideInterval { .. } => {
                ("statement-score-outside-interval", "check which metric the interval belongs to")
            }
        }
    }
}
