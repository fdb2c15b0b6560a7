//! Every way a statement can be refused, named. The same name ([`StatementError::code`]) stands in the API's problem
//! details, in `spec/45-statements.md` and in the tests. Each carries the path of the field and a hint.

mod evaluation;
mod table;
mod training;

pub use evaluation::EvaluationError;
pub use training::TrainingError;

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
    /// Not padded standard base64 of as many bytes as there must be.
    #[error("`{path}`: `{found}` is not base64 as it must be here")]
    NotBase64 {
        /// Where, such as `predicate.report`.
        path: String,
        /// The text found, shortened.
        found: String,
    },
    /// Not the origin of a log.
    #[error("`predicate.origin`: `{found}` holds a space or `+`, which no origin does")]
    NotAnOrigin {
        /// The text found, shortened.
        found: String,
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
    /// A statement whose subject follows from what it says, about something else.
    #[error("the subject of this statement is `{expected_name}` with digest {expected}")]
    SubjectMismatch {
        /// The subject's name.
        expected_name: String,
        /// The subject's digest.
        expected: String,
    },
    /// A number that claims a source and names none.
    #[error("the basis is `{basis}`, yet `predicate.evidence` is empty")]
    EvidenceMissing {
        /// The basis stated.
        basis: &'static str,
    },
    /// A figure that claims a source, and no file of evidence says that it backs it.
    #[error("`predicate.{figure}` has the basis `{basis}`, yet no file in `predicate.evidence` backs it")]
    FigureNotBacked {
        /// The group of figures.
        figure: &'static str,
        /// Its basis.
        basis: &'static str,
    },
    /// A file that backs a figure which the statement does not state.
    #[error("`{path}` names `{figure}`, which this statement does not state")]
    BacksNothing {
        /// Where, such as `predicate.evidence[0].backs`.
        path: String,
        /// The group of figures named.
        figure: &'static str,
    },
    /// A kind of statement that is followed by another, never corrected.
    #[error("a `{kind}` statement cannot correct another")]
    NotCorrectable {
        /// The kind.
        kind: &'static str,
    },
    /// Bounds in the wrong order.
    #[error("`{path}`: the lower bound {lower} is above the upper bound {upper}")]
    LowerAboveUpper {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
        /// The lower bound.
        lower: String,
        /// The upper bound.
        upper: String,
    },
    /// A negative value of a unit that has none.
    #[error("`{path}` is {found}, and `{unit}` are never negative")]
    Negative {
        /// Where, such as `predicate.scores[0].value`.
        path: String,
        /// The value.
        found: i128,
        /// Its unit.
        unit: &'static str,
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
    /// A report about the future.
    #[error("issued at {issued}, before the window ends at {end}")]
    IssuedBeforeEnd {
        /// When it was issued.
        issued: String,
        /// End of the window.
        end: String,
    },
    /// Something that is told before it happened.
    #[error("`{path}` is {time}, after the statement was issued at {issued}")]
    TimeAfterIssue {
        /// Where, such as `predicate.asOf`.
        path: String,
        /// The time.
        time: String,
        /// When it was issued.
        issued: String,
    },
    /// A plan that comes after what it plans.
    #[error("the plan is issued at {issued}, after the run's planned {what} at {limit}")]
    PlanTooLate {
        /// When it was issued.
        issued: String,
        /// `start` or `end`.
        what: &'static str,
        /// When that is.
        limit: String,
    },
    /// A member that countersigns or inspects itself.
    #[error("`{member}` makes this statement about itself")]
    AboutItself {
        /// The member.
        member: String,
    },
    /// A figure that the kind of statement does not have.
    #[error("`{path}`: a `{kind}` statement has no figure `{figure}`")]
    FigureOfAnotherKind {
        /// Where, such as `predicate.figures[0]`.
        path: String,
        /// The figure.
        figure: &'static str,
        /// The kind of statement that it is meant to be in.
        kind: &'static str,
    },
    /// A figure of a list without its index, or an index for a figure of no list.
    #[error("`{path}.item` does not fit `{figure}`: a figure of a list has an index from 0 to 63, others have none")]
    FigureItem {
        /// Where, such as `predicate.figures[0]`.
        path: String,
        /// The figure.
        figure: &'static str,
    },
    /// A figure in a unit that is not its own.
    #[error("`{path}`: `{figure}` does not count `{unit}`")]
    FigureUnit {
        /// Where, such as `predicate.figures[0]`.
        path: String,
        /// The figure.
        figure: &'static str,
        /// The unit stated.
        unit: &'static str,
    },
    /// More chips listed than counted.
    #[error("numbers that contradict each other: {listed} chips are listed, {chips} counted")]
    MoreIdsThanChips {
        /// Tags in the list.
        listed: u64,
        /// Sum of the counts.
        chips: u128,
    },
    /// Leased or hosted chips without the other party, or owned ones with one.
    #[error("`{path}.counterparty` does not fit `{ownership}` chips")]
    Counterparty {
        /// Where, such as `predicate.chips[0]`.
        path: String,
        /// Whose chips they are.
        ownership: &'static str,
    },
    /// A log that has lost leaves.
    #[error("the log has {size} leaves, fewer than the {previous} at its last checkpoint")]
    LogShrinks {
        /// Leaves now.
        size: u64,
        /// Leaves then.
        previous: u64,
    },
    /// A proof that does not show that the log extends its last checkpoint.
    #[error("`predicate.proof` does not show that the log extends its last checkpoint: {reason}")]
    LogProof {
        /// What is wrong with it.
        reason: String,
    },
    /// An inspection without access that saw or concluded something.
    #[error("access was `refused`, yet the inspection {what}")]
    AccessRefused {
        /// What it does.
        what: &'static str,
    },
    /// An inspection that found something and does not say what.
    #[error("the result is `inconsistent`, yet `predicate.findings` is empty")]
    FindingsMissing,
    /// More looked at than there is.
    #[error("`{path}`: {seen} seen of {of}")]
    SeenAboveAll {
        /// Where, such as `predicate.lookedAt[0]`.
        path: String,
        /// Seen.
        seen: u64,
        /// Of so many.
        of: u64,
    },
    /// An incident that goes on, with an end.
    #[error("the incident is `ongoing`, yet it ended at {ended}")]
    OngoingYetEnded {
        /// When.
        ended: String,
    },
    /// A zero where only something makes sense.
    #[error("`{path}` is 0: what is not known is null with a reason")]
    Zero {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// A product beyond 2^128.
    #[error("`{path}` is too large to calculate with")]
    Overflow {
        /// Where, such as `predicate.flop.incremental`.
        path: String,
    },
    /// Figures of a `training-compute` statement that contradict each other.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// Samples and scores of a `capability-evaluation` statement that contradict each other.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
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
