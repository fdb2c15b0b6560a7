//! Figures of a `training-compute` statement that contradict each other.

/// Why a `training-compute` statement contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// More in this window than in the whole run.
    #[error("incremental {bound} bound {incremental} is above the cumulative {cumulative}")]
    IncrementalAboveCumulative {
        /// `lower` or `upper`.
        bound: &'static str,
        /// Of this window.
        incremental: u128,
        /// Of the run so far.
        cumulative: u128,
    },
    /// A window that starts before its first session or ends after its last.
    #[error("the window {window} is longer than its sessions, which span {sessions}")]
    WindowBeyondSessions {
        /// The window.
        window: String,
        /// From the first start to the last end.
        sessions: String,
    },
    /// A session outside the window.
    #[error("`predicate.sessions[{index}]` lies outside the window")]
    SessionOutsideWindow {
        /// Which session.
        index: usize,
    },
    /// Sessions that overlap or are out of order.
    #[error("`predicate.sessions[{index}]` starts before the one before it ends")]
    SessionsOverlap {
        /// Which session.
        index: usize,
    },
    /// A method whose inputs are not stated.
    #[error("method `{method}` needs `predicate.{field}`")]
    MethodNeeds {
        /// The method.
        method: &'static str,
        /// The field it needs.
        field: &'static str,
    },
    /// More active parameters than parameters.
    #[error("{active} active parameters of {total}")]
    ActiveAboveTotal {
        /// Active for one token.
        active: u128,
        /// All.
        total: u128,
    },
    /// Tokens, parameters and FLOP that do not fit.
    #[error(
        "numbers that contradict each other: 6 x parameters x tokens is {computed}, the claim {lower} to {upper}, more than {tolerance_percent} % apart"
    )]
    SixNdContradiction {
        /// 6 x active parameters x tokens.
        computed: u128,
        /// Claimed lower bound.
        lower: u128,
        /// Claimed upper bound.
        upper: u128,
        /// Tolerance.
        tolerance_percent: u64,
    },
    /// Chips, time and FLOP that do not fit.
    #[error(
        "numbers that contradict each other: chips x time x peak x utilisation is {computed_lower} to {computed_upper}, the claim {lower} to {upper}, more than {tolerance_percent} % apart"
    )]
    HardwareContradiction {
        /// Lower product.
        computed_lower: u128,
        /// Upper product.
        computed_upper: u128,
        /// Claimed lower bound.
        lower: u128,
        /// Claimed upper bound.
        upper: u128,
        /// Tolerance.
        tolerance_percent: u64,
    },
    /// More than the chips could do.
    #[error(
        "numbers that contradict each other: at least {claimed} FLOP claimed, {ceiling} possible at the chips' peak"
    )]
    AbovePeak {
        /// Lower bound, incremental and discarded together.
        claimed: u128,
        /// Chip seconds x peak.
        ceiling: u128,
    },
    /// More chip time than chips and sessions allow.
    #[error(
        "numbers that contradict each other: {chip_seconds} chip seconds stated, {possible} possible with {chips} chips in the sessions"
    )]
    ChipSecondsBeyondSessions {
        /// Stated.
        chip_seconds: u64,
        /// Chips.
        chips: u64,
        /// Chips x seconds of all sessions, rounded up.
        possible: u128,
    },
    /// A session with more chips than the run.
    #[error("`predicate.sessions[{index}]` had {chips} chips, of {limit} that the run used at once")]
    SessionChips {
        /// Which session.
        index: usize,
        /// Its chips.
        chips: u64,
        /// `hardware.chips`.
        limit: u64,
    },
    /// Readings and gaps that do not make up the chips' time.
    #[error(
        "numbers that contradict each other: `{path}` accounts for {total} chip seconds, the hardware for {chip_seconds}"
    )]
    CoverageMismatch {
        /// Where, such as `predicate.energy.coverage`.
        path: String,
        /// Covered and gap together.
        total: u128,
        /// `hardware.chipSeconds`.
        chip_seconds: u64,
    },
    /// A model that starts from itself.
    #[error("base model {sha256} is also a subject")]
    BaseModelIsSubject {
        /// The digest.
        sha256: String,
    },
}

impl TrainingError {
    /// The stable name, in kebab case, and what a person could do about it.
    pub(super) const fn entry(&self) -> (&'static str, &'static str) {
        match self {
            TrainingError::IncrementalAboveCumulative { .. } => (
                "statement-incremental-above-cumulative",
                "cumulative includes this window; a resumed run's counter may already be cumulative",
            ),
            TrainingError::WindowBeyondSessions { .. } => {
                ("statement-window-beyond-sessions", "the window starts with the first session and ends with the last")
            }
            TrainingError::SessionOutsideWindow { .. } => (
                "statement-session-outside-window",
                "report a session in the period in which it ran; split it at the boundary",
            ),
            TrainingError::SessionsOverlap { .. } => (
                "statement-sessions-overlap",
                "list sessions in order; one job that restarts is two sessions that touch",
            ),
            TrainingError::MethodNeeds { .. } => {
                ("statement-method-needs", "state the inputs, or the method that was used")
            }
            TrainingError::ActiveAboveTotal { .. } => {
                ("statement-active-above-total", "a dense model has as many active parameters as parameters")
            }
            TrainingError::SixNdContradiction { .. } => (
                "statement-six-nd-contradiction",
                "tokens are those of this window; parameters those active for one token",
            ),
            TrainingError::HardwareContradiction { .. } => {
                ("statement-hardware-contradiction", "chip seconds are those of this window, over all chips")
            }
            TrainingError::AbovePeak { .. } => {
                ("statement-above-peak", "a fine-tune does not count its base model; check the precision of the peak")
            }
            TrainingError::ChipSecondsBeyondSessions { .. } => (
                "statement-chip-seconds-beyond-sessions",
                "count a restarted job's chips once; leave out job steps, which the job includes",
            ),
            TrainingError::SessionChips { .. } => {
                ("statement-session-chips", "`hardware.chips` is the most that ran at once, over all sessions")
            }
            TrainingError::CoverageMismatch { .. } => (
                "statement-coverage-mismatch",
                "covered and gap together are `hardware.chipSeconds`: what an instrument did not see is a gap",
            ),
            TrainingError::BaseModelIsSubject { .. } => (
                "statement-base-model-is-subject",
                "the subject is what the run made, the base model what it started from",
            ),
        }
    }
}
