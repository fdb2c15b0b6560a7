//! Name and hint of each refusal, one row each: what `spec/45-statements.md` lists.

use super::StatementError;

impl StatementError {
    /// The stable name, in kebab case, and what a person could do about it.
    pub(super) const fn entry(&self) -> (&'static str, &'static str) {
        match self {
            StatementError::Oversized { .. } => {
                ("statement-oversized", "report in parts, or name fewer fields in evidence")
            }
            StatementError::Json { .. } => (
                "statement-json",
                "no duplicate names, no fractions or exponents, no lone surrogates, 16 levels at most",
            ),
            StatementError::StatementType { .. } => ("statement-type", "`_type` is https://in-toto.io/Statement/v1"),
            StatementError::PredicateType { .. } => {
                ("statement-predicate-type", "the known types are listed in spec/45-statements.md")
            }
            StatementError::MissingField { .. } => (
                "statement-missing-field",
                "write the field; what is not known is null beside a reason in the field of the same name and `Unknown`",
            ),
            StatementError::UnknownField { .. } => {
                ("statement-unknown-field", "check the spelling against the schema in spec/schemas")
            }
            StatementError::WrongType { .. } => {
                ("statement-wrong-type", "numbers that can exceed 2^53 are decimal strings, others whole JSON numbers")
            }
            StatementError::NotOneOf { .. } => ("statement-not-one-of", "use one of the listed words"),
            StatementError::NotADigest { .. } => {
                ("statement-not-a-digest", "a digest is 64 lower-case hex digits, as `sha256sum` prints it")
            }
            StatementError::NotADecimal { .. } => {
                ("statement-not-a-decimal", "write digits only: no sign, no exponent, no leading zero")
            }
            StatementError::NotATime { .. } => {
                ("statement-not-a-time", "write 2026-11-23T12:00:00Z, with three digits of a second or none")
            }
            StatementError::TimeOutOfRange { .. } => {
                ("statement-time-out-of-range", "times are milliseconds since 1970")
            }
            StatementError::NotAName { .. } => {
                ("statement-not-a-name", "1 to 32 of a-z, 0-9 and `-`, starting with a letter and not ending in `-`")
            }
            StatementError::NotAKey { .. } => {
                ("statement-not-a-key", "a public key is 64 lower-case hex digits, as `standstill key show` prints it")
            }
            StatementError::NotBase64 { .. } => {
                ("statement-not-base64", "write standard base64 with padding, as `base64 -w0` prints it")
            }
            StatementError::NotAnOrigin { .. } => {
                ("statement-not-an-origin", "copy the first line of the log's own checkpoint")
            }
            StatementError::NotACommit { .. } => {
                ("statement-not-a-commit", "write 7 to 64 lower-case hex digits, as `git rev-parse` prints them")
            }
            StatementError::OutOfRange { .. } => {
                ("statement-out-of-range", "a number above 2^53 - 1 cannot be read safely by other JSON tools")
            }
            StatementError::PpmAboveOne { .. } => {
                ("statement-ppm-above-one", "ratios are whole parts per million from 0 to 1000000")
            }
            StatementError::EmptyText { .. } => {
                ("statement-empty-text", "say something, or leave optional text null with a reason")
            }
            StatementError::TextTooLong { .. } => ("statement-text-too-long", "shorten the text"),
            StatementError::UnprintableText { .. } => {
                ("statement-unprintable-text", "remove control characters, line breaks and direction marks")
            }
            StatementError::TooFewItems { .. } => ("statement-too-few-items", "list at least one"),
            StatementError::TooManyItems { .. } => ("statement-too-many-items", "split the report"),
            StatementError::Repeated { .. } => ("statement-repeated", "list each once"),
            StatementError::NotSorted { .. } => ("statement-not-sorted", "sort the list by its bytes"),
            StatementError::UnknownWithoutReason { .. } => {
                ("statement-unknown-without-reason", "add the reason, or the value; unknown is never 0")
            }
            StatementError::ReasonForKnown { .. } => {
                ("statement-reason-for-known", "remove the reason, or make the value null")
            }
            StatementError::ZeroSequence => ("statement-zero-sequence", "number statements from 1, one more each"),
            StatementError::SubjectMismatch { .. } => {
                ("statement-subject-mismatch", "leave the subject to the tool that makes the statement")
            }
            StatementError::EvidenceMissing { .. } => {
                ("statement-evidence-missing", "import the files, or state the basis `declared`")
            }
            StatementError::FigureNotBacked { .. } => (
                "statement-figure-not-backed",
                "name the figure in `backs` of the file that it was taken from, or state the basis `declared`",
            ),
            StatementError::BacksNothing { .. } => {
                ("statement-backs-nothing", "leave out of `backs` what is null or of another kind")
            }
            StatementError::NotCorrectable { .. } => {
                ("statement-not-correctable", "vote again, or revoke the key; leave out `corrects`")
            }
            StatementError::Negative { .. } => {
                ("statement-negative", "state the score in `micro-units` of the metric's own unit")
            }
            StatementError::LowerAboveUpper { .. } => ("statement-lower-above-upper", "swap them"),
            StatementError::EndBeforeStart { .. } => ("statement-end-before-start", "swap start and end"),
            StatementError::IssuedBeforeEnd { .. } => {
                ("statement-issued-before-end", "report a window once it is over")
            }
            StatementError::TimeAfterIssue { .. } => {
                ("statement-time-after-issue", "state what has happened; check this machine's clock")
            }
            StatementError::PlanTooLate { .. } => (
                "statement-plan-too-late",
                "declare a run before it starts, and amend its plan (`amends`) before it ends",
            ),
            StatementError::AboutItself { .. } => {
                ("statement-about-itself", "name the member whose statement or site was looked at")
            }
            StatementError::FigureOfAnotherKind { .. } => {
                ("statement-figure-of-another-kind", "see the table of figures in spec/45-statements.md")
            }
            StatementError::FigureItem { .. } => {
                ("statement-figure-item", "`item` counts from 0 for `scores` and `chips`, and is null elsewhere")
            }
            StatementError::FigureUnit { .. } => {
                ("statement-figure-unit", "use the figure's own unit; for a score, the one that the score names")
            }
            StatementError::MoreIdsThanChips { .. } => {
                ("statement-more-ids-than-chips", "count every chip that has a tag, in use or not")
            }
            StatementError::Counterparty { .. } => {
                ("statement-counterparty", "name who owns leased chips or uses hosted ones; owned ones have null")
            }
            StatementError::LogShrinks { .. } => {
                ("statement-log-shrinks", "a log only grows: a new log has a new name")
            }
            StatementError::LogProof { .. } => {
                ("statement-log-proof", "make the proof from the last checkpoint that is on the ledger")
            }
            StatementError::AccessRefused { .. } => {
                ("statement-access-refused", "state what was seen under `partial` access; without any, `inconclusive`")
            }
            StatementError::FindingsMissing => ("statement-findings-missing", "say what does not fit"),
            StatementError::SeenAboveAll { .. } => {
                ("statement-seen-above-all", "count what there is, seen or not, in `of`")
            }
            StatementError::OngoingYetEnded { .. } => {
                ("statement-ongoing-yet-ended", "state `contained` or `resolved`, or leave the end unknown")
            }
            StatementError::Zero { .. } => ("statement-zero", "leave the whole group null with a reason"),
            StatementError::Overflow { .. } => ("statement-overflow", "check the units"),
            StatementError::Training(error) => error.entry(),
            StatementError::Evaluation(error) => error.entry(),
        }
    }
}
