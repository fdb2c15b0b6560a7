//! Every way a statement can be refused, named. The same name ([`StatementError::code`]) stands in the API's problem
//! details, in `spec/45-statements.md` and in the tests. Each carries the path of the field and a hint.

mod table;

/// Why a payload is no statement, or a statement whose parts contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Larger than any envelope can carry.
    #[error("the statement has {length} bytes, more than the {limit} that an envelope can carry")]
    Oversized {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not the strict JSON that statements are written in.
    #[error("not strict JSON: {reason}")]
    Json {
        /// What the parser met.
        reason: String,
    },
    /// Another `_type`.
    #[error("`_type` is `{found}`, not an in-toto Statement v1")]
    StatementType {
        /// The type found.
        found: String,
    },
    /// A predicate type that this version does not know.
    #[error("predicate type `{found}` is not known here")]
    PredicateType {
        /// The type found.
        found: String,
    },
    /// A field that must be there.
    #[error("`{path}` is missing")]
    MissingField {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// A field that the predicate does not have.
    #[error("`{path}` is not a field of this statement")]
    UnknownField {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// A value of the wrong JSON type.
    #[error("`{path}` is {found}, not {expected}")]
    WrongType {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A word outside a closed vocabulary.
    #[error("`{path}` is `{found}`, which is none of {expected}")]
    NotOneOf {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The word found.
        found: String,
        /// The words allowed.
        expected: String,
    },
    /// Not 64 lower-case hex digits.
    #[error("`{path}`: `{found}` is not a SHA-256 digest")]
    NotADigest {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The text found, shortened.
        found: String,
    },
    /// Not a plain decimal string.
    #[error("`{path}`: `{found}` is not a plain decimal count")]
    NotADecimal {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The text found, shortened.
        found: String,
    },
    /// Not RFC 3339 in UTC.
    #[error("`{path}`: `{found}` is not a UTC time")]
    NotATime {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The text found, shortened.
        found: String,
    },
    /// A time, in memory, that RFC 3339 cannot write.
    #[error("`{path}` is later than year 9999")]
    TimeOutOfRange {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// Not a short name.
    #[error("`{path}`: `{found}` is not a name")]
    NotAName {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The text found, shortened.
        found: String,
    },
    /// Not a public key that can verify anything.
    #[error("`{path}` is not a valid ed25519 public key")]
    NotAKey {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// Not 7 to 64 lower-case hex digits.
    #[error("`{path}`: `{found}` is not a commit")]
    NotACommit {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The text found, shortened.
        found: String,
    },
    /// A whole number above its limit.
    #[error("`{path}` is {found}, above {limit}")]
    OutOfRange {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The number found.
        found: u64,
        /// The largest allowed.
        limit: u64,
    },
    /// A ratio above one.
    #[error("`{path}` is {found} parts per million, above 1000000")]
    PpmAboveOne {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The ratio found.
        found: u64,
    },
    /// A text without a character.
    #[error("`{path}` is empty")]
    EmptyText {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// A text over its bound.
    #[error("`{path}` has {length} bytes, more than {limit}")]
    TextTooLong {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// Bytes found.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A control character or a change of writing direction.
    #[error("`{path}` holds U+{code_point:04X}, which does not print as it reads")]
    UnprintableText {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The character.
        code_point: u32,
    },
    /// A list that must not be empty.
    #[error("`{path}` is empty: at least one item is expected")]
    TooFewItems {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// A list over its bound.
    #[error("`{path}` has {count} items, more than {limit}")]
    TooManyItems {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// Items found.
        count: usize,
        /// Items allowed.
        limit: usize,
    },
    /// An item that stands twice where each must be its own.
    #[error("`{path}`: `{found}` occurs twice")]
    Repeated {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// What is repeated.
        found: String,
    },
    /// A list that must be sorted.
    #[error("`{path}`: `{found}` is out of order")]
    NotSorted {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The first item out of order.
        found: String,
    },
    /// An unknown value without a reason.
    #[error("`{path}` is null and `{path}Unknown` does not say why")]
    UnknownWithoutReason {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// A reason beside a value.
    #[error("`{path}` has a value, yet `{path}Unknown` says why it has none")]
    ReasonForKnown {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// A sequence number of 0.
    #[error("`predicate.sequence` is 0: a member's first statement is number 1")]
    ZeroSequence,
    /// A governance statement about something else.
    #[error("the subject of this kind of statement is `{expected_name}` with digest {expected}")]
    SubjectMismatch {
        /// The subject's name.
        expected_name: &'static str,
        /// The subject's digest.
        expected: String,
    },
    /// A number that claims a source and names none.
    #[error("the basis is `{basis}`, yet `predicate.evidence` is empty")]
    EvidenceMissing {
        /// The basis stated.
        basis: &'static str,
    },
    /// Bounds in the wrong order.
    #[error("`{path}`: the lower bound {lower} is above the upper bound {upper}")]
    LowerAboveUpper {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The lower bound.
        lower: u128,
        /// The upper bound.
        upper: u128,
    },
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
    /// A window that ends before it starts, or has no length.
    #[error("`{path}` ends at {end}, before it starts at {start}")]
    EndBeforeStart {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// Start.
        start: String,
        /// End.
        end: String,
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
    /// A report about the future.
    #[error("issued at {issued}, before the window ends at {end}")]
    IssuedBeforeEnd {
        /// When it was issued.
        issued: String,
        /// End of the window.
        end: String,
    },
    /// A method whose inputs are not stated.
    #[error("method `{method}` needs `predicate.{field}`")]
    MethodNeeds {
        /// The method.
        method: &'static str,
        /// The field it needs.
        field: &'static str,
    },
    /// A zero where only something makes sense.
    #[error("`{path}` is 0: what is not known is null with a reason")]
    Zero {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
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
    /// A product beyond 2^128.
    #[error("`{path}` is too large to calculate with")]
    Overflow {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// A model that starts from itself.
    #[error("base model {sha256} is also a subject")]
    BaseModelIsSubject {
        /// The digest.
        sha256: String,
    },
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
        /// In parts per million.
        score: u64,
        /// Lower bound.
        lower: u64,
        /// Upper bound.
        upper: u64,
    },
}

impl StatementError {
    /// The stable name, in kebab case, such as `statement-lower-above-upper`.
    pub const fn code(&self) -> &'static str {
        self.entry().0
    }

    /// What a person could do about it: one line, no full stop.
    pub const fn hint(&self) -> &'static str {
        self.entry().1
    }
}
