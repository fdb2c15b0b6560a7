//! Every way a file can be refused, named. The message names the file and the field; [`ImportError::hint`] says what to
//! do about it.

use standstill_attestations::StatementError;

/// Why a file was not imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file, or a member of an archive, over its bound.
    #[error("{file}: {length} bytes, more than {limit}")]
    TooLarge {
        /// The file's name.
        file: String,
        /// Bytes found, or more.
        length: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("{file}: byte {offset} is not UTF-8")]
    NotText {
        /// The file's name.
        file: String,
        /// Where.
        offset: usize,
    },
    /// Not JSON, or cut off.
    #[error("{file}: {expected} expected at byte {offset}")]
    NotJson {
        /// The file's name.
        file: String,
        /// Where.
        offset: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// Nested too deep.
    #[error("{file}: nested deeper than {limit} levels at byte {offset}")]
    TooDeep {
        /// The file's name.
        file: String,
        /// Where.
        offset: usize,
        /// Levels allowed.
        limit: usize,
    },
    /// Not a zip archive, or a damaged one.
    #[error("{file}: not a readable archive: {reason}")]
    Archive {
        /// The file's name.
        file: String,
        /// What the reader met.
        reason: String,
    },
    /// An archive without a member that it must have.
    #[error("{file}: there is no `{member}` in the archive")]
    MemberMissing {
        /// The file's name.
        file: String,
        /// The member.
        member: &'static str,
    },
    /// A source that broke off.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// The file's name.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// A line that is not UTF-8.
    #[error("{file}: line {line} is not UTF-8")]
    TextLine {
        /// The file's name.
        file: String,
        /// Its number, from 1.
        line: u64,
    },
    /// A line beyond any tool's.
    #[error("{file}: line {line} is longer than {limit} bytes")]
    LongLine {
        /// The file's name.
        file: String,
        /// Its number, from 1.
        line: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not a readable SQLite database.
    #[error("{file}: not a readable database: {reason}")]
    Database {
        /// The file's name.
        file: String,
        /// What the reader met.
        reason: String,
    },
    /// A last line without an end.
    #[error("{file}: line {line} is cut off")]
    CutOff {
        /// The file's name.
        file: String,
        /// Its number, from 1.
        line: u64,
    },
    /// A file without anything that was asked for.
    #[error("{file}: {what}")]
    NothingMatched {
        /// The file's name.
        file: String,
        /// What was looked for.
        what: &'static str,
    },
    /// More job runs, clusters or types of chip than an import holds.
    #[error("{file}: more than {limit} job runs, or clusters and types")]
    TooManyJobs {
        /// The file's name.
        file: String,
        /// How many are held.
        limit: usize,
    },
    /// No importer knows the format.
    #[error("{file}: of no format that can be read")]
    UnknownFormat {
        /// The file's name.
        file: String,
    },
    /// A file of another kind.
    #[error("{file} is {found}, which a `{kind}` statement is not made from")]
    WrongFormat {
        /// The file's name.
        file: String,
        /// The format.
        found: &'static str,
        /// The kind of statement.
        kind: &'static str,
    },
    /// Too few or too many files.
    #[error("{count} files: {expected} expected")]
    FileCount {
        /// Files given.
        count: usize,
        /// Files expected.
        expected: &'static str,
    },
    /// A version that this importer has not been tried on.
    #[error("{file}: version {found} of the format is not known, {expected} is")]
    Version {
        /// The file's name.
        file: String,
        /// Version found.
        found: String,
        /// Version known.
        expected: &'static str,
    },
    /// A line that cannot be what it should.
    #[error("{file}: line {line} {reason}")]
    BadLine {
        /// The file's name.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Results of several models, of which a statement can be about one.
    #[error("{file}: holds {count} models ({names}), and a statement is about one")]
    ManyModels {
        /// The file's name.
        file: String,
        /// How many.
        count: usize,
        /// The first few.
        names: String,
    },
    /// Runs that no curve can be fitted to.
    #[error("{file}: no horizon can be fitted: {reason}")]
    NoFit {
        /// The file's name.
        file: String,
        /// Why.
        reason: &'static str,
    },
    /// A field that must be there.
    #[error("{file}: `{field}` is missing")]
    Missing {
        /// The file's name.
        file: String,
        /// The field, such as `results.scores[0].metrics`.
        field: String,
    },
    /// A field of another type.
    #[error("{file}: `{field}` is {found}, not {expected}")]
    WrongType {
        /// The file's name.
        file: String,
        /// The field, such as `results.scores[0].metrics`.
        field: String,
        /// The type expected.
        expected: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// A name twice in one object: two readers could take different values.
    #[error("{file}: `{field}` stands twice")]
    Repeated {
        /// The file's name.
        file: String,
        /// The field, such as `results.scores[0].metrics`.
        field: String,
    },
    /// A number that cannot be what its field says.
    #[error("{file}: `{field}` is `{found}`: {reason}")]
    BadNumber {
        /// The file's name.
        file: String,
        /// The field, such as `results.scores[0].metrics`.
        field: String,
        /// The text found.
        found: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that cannot be what its field says.
    #[error("{file}: `{field}`: {reason}")]
    BadText {
        /// The file's name.
        file: String,
        /// The field, such as `results.scores[0].metrics`.
        field: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A counter that was never switched on. Unknown is never 0.
    #[error("{file}: `{field}` is 0: the trainer did not count")]
    NotCounted {
        /// The file's name.
        file: String,
        /// The field, such as `results.scores[0].metrics`.
        field: String,
    },
    /// Counters of many trials in one file.
    #[error("{file}: the state of a hyper-parameter search, whose trials overwrite one another's counters")]
    HyperParameterSearch {
        /// The file's name.
        file: String,
    },
    /// An evaluation that has not ended.
    #[error("{file}: status `{status}`")]
    NotFinished {
        /// The file's name.
        file: String,
        /// The status.
        status: String,
    },
    /// A log that its owner has withdrawn.
    #[error("{file}: the log is marked as invalidated")]
    Invalidated {
        /// The file's name.
        file: String,
    },
    /// Two state files that are not of one run.
    #[error("{file} does not continue {previous}: {reason}")]
    NotAContinuation {
        /// The file's name.
        file: String,
        /// The earlier file.
        previous: String,
        /// Where they differ.
        reason: String,
    },
    /// An evaluation without a usable score.
    #[error("{file}: no score is a ratio that a statement could state")]
    NoScores {
        /// The file's name.
        file: String,
    },
    /// Two figures of one file that cannot both be true.
    #[error("{file}: `{field}` contradicts `{other}`: {reason}")]
    Contradiction {
        /// The file's name.
        file: String,
        /// The field, such as `results.scores[0].metrics`.
        field: String,
        /// The other field.
        other: &'static str,
        /// How.
        reason: String,
    },
    /// Something that the files do not say and nobody gave.
    #[error("`{flag}` is needed: {reason}")]
    NotStated {
        /// The flag that would give it.
        flag: &'static str,
        /// Why the files do not say it.
        reason: String,
    },
    /// The evaluator is called something that the file contradicts.
    #[error("`{found}` evaluator: the file says that {said}")]
    Relationship {
        /// What the evaluator was called.
        found: &'static str,
        /// What the file says.
        said: &'static str,
    },
    /// Two files that cannot both be true.
    #[error("`{field}` is {value} by {file} and {other_value} by {other}")]
    Disagreement {
        /// The part of the statement.
        field: String,
        /// One file.
        file: String,
        /// What it says.
        value: String,
        /// The other file.
        other: String,
        /// What that says.
        other_value: String,
    },
    /// Two files that would be counted twice.
    #[error("`{field}` of the same time in {file} and in {other}")]
    Twice {
        /// The part of the statement.
        field: &'static str,
        /// One file.
        file: String,
        /// The other.
        other: String,
    },
    /// Text that breaks the grammar of its format, or is cut off.
    #[error("{file}: {expected} expected at byte {offset}")]
    Malformed {
        /// The file's name.
        file: String,
        /// Where.
        offset: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// An answer that is an error, in its own words.
    #[error("{file}: the answer is an error: {reason}")]
    Answer {
        /// The file's name.
        file: String,
        /// What it says.
        reason: String,
    },
    /// The result of an expression, which has no name.
    #[error("{file}: `{field}` has no `__name__`: an expression's result says neither its unit nor its window")]
    Expression {
        /// The file's name.
        file: String,
        /// The series, such as `data.result[0]`.
        field: String,
    },
    /// One file given twice.
    #[error("files {first} and {second} are the same, by their SHA-256 `{sha256}`")]
    SameFile {
        /// The digest.
        sha256: String,
        /// Place of the first, from 0.
        first: usize,
        /// Place of the second.
        second: usize,
    },
    /// More files than a statement names.
    #[error("{count} files, more than the {limit} that a statement names")]
    TooManyFiles {
        /// Files given.
        count: usize,
        /// Files allowed.
        limit: usize,
    },
    /// What was imported makes no valid statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

impl ImportError {
    /// The stable name, in kebab case, and what a person could do about it.
    const fn entry(&self) -> (&'static str, &'static str) {
        match self {
            ImportError::TooLarge { .. } => {
                ("import-too-large", "import a log without its samples, or the header alone")
            }
            ImportError::NotText { .. } => ("import-not-text", "the file is damaged, or of another format"),
            ImportError::NotJson { .. } => ("import-not-json", "the file may be cut off: copy it again"),
            ImportError::TooDeep { .. } => ("import-too-deep", "no known tool writes such a file"),
            ImportError::Archive { .. } => (
                "import-archive",
                "an `.eval` file is a zip archive; one that is still being written has no directory yet",
            ),
            ImportError::MemberMissing { .. } => {
                ("import-member-missing", "the evaluation did not finish: import it once it has")
            }
            ImportError::Unreadable { .. } => ("import-unreadable", "check the path and the disk"),
            ImportError::TextLine { .. } => ("import-not-text", "the file is damaged, or of another format"),
            ImportError::LongLine { .. } => ("import-long-line", "no known tool writes such a line"),
            ImportError::Database { .. } => {
                ("import-database", "the file may be damaged or still be written: copy it again")
            }
            ImportError::CutOff { .. } => ("import-cut-off", "the file may be cut off: copy it again"),
            ImportError::NothingMatched { .. } => ("import-nothing-matched", "ask for other jobs, runs or times"),
            ImportError::TooManyJobs { .. } => {
                ("import-too-many-jobs", "name the run's jobs with `--job` or `--job-name`")
            }
            ImportError::UnknownFormat { .. } => (
                "import-unknown-format",
                "give a file as a tool wrote it, such as trainer_state.json, `sacct --json` or an Inspect log",
            ),
            ImportError::WrongFormat { .. } => (
                "import-wrong-format",
                "training-compute takes trainers', schedulers' and meters' files, capability-evaluation evaluation logs",
            ),
            ImportError::FileCount { .. } => (
                "import-file-count",
                "give the state file of this report, and that of the report before where there was one",
            ),
            ImportError::Version { .. } => {
                ("import-version", "convert the file with its own tool, or ask for the version to be added")
            }
            ImportError::BadLine { .. } => {
                ("import-bad-line", "the file was cut off, edited or damaged: copy it again")
            }
            ImportError::ManyModels { .. } => ("import-many-models", "name the one that the statement is about"),
            ImportError::NoFit { .. } => ("import-no-fit", "state the success rate, which needs no fit"),
            ImportError::Missing { .. } => {
                ("import-missing", "the file was written by another version, or is not what its name says")
            }
            ImportError::WrongType { .. } => {
                ("import-wrong-type", "the file was written by another version, or is not what its name says")
            }
            ImportError::Repeated { .. } => ("import-repeated", "the file was edited or damaged"),
            ImportError::BadNumber { .. } => ("import-bad-number", "the figure decides: correct it at its source"),
            ImportError::BadText { .. } => ("import-bad-text", "correct it at its source"),
            ImportError::NotCounted { .. } => ("import-not-counted", "state the figure by another method, such as 6nd"),
            ImportError::HyperParameterSearch { .. } => {
                ("import-hyper-parameter-search", "import each trial's own final state")
            }
            ImportError::NotFinished { .. } => ("import-not-finished", "import it once it has ended"),
            ImportError::Invalidated { .. } => ("import-invalidated", "import the log that replaced it"),
            ImportError::NotAContinuation { .. } => {
                ("import-not-a-continuation", "give two state files of the same run, or each alone")
            }
            ImportError::NoScores { .. } => ("import-no-scores", "the notes say why each score was left"),
            ImportError::Contradiction { .. } => ("import-contradiction", "the file was edited or damaged"),
            ImportError::NotStated { .. } => ("import-not-stated", "give it: the tool does not write it down"),
            ImportError::Relationship { .. } => ("import-relationship", "name the relationship that the file records"),
            ImportError::Disagreement { .. } => {
                ("import-disagreement", "import the files of one run and one period, or leave out the one that errs")
            }
            ImportError::Twice { .. } => ("import-twice", "give one of the two files"),
            ImportError::Malformed { .. } => ("import-malformed", "the file may be cut off: copy it again"),
            ImportError::Answer { .. } => ("import-answer", "correct the query and ask again"),
            ImportError::Expression { .. } => (
                "import-expression",
                "query the counter itself over the run, such as `DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION[1d]`",
            ),
            ImportError::SameFile { .. } => ("import-same-file", "name each file once"),
            ImportError::TooManyFiles { .. } => {
                ("import-too-many-files", "make one report for each of the run's parts")
            }
            ImportError::Statement(error) => (error.code(), error.hint()),
        }
    }

    /// The stable name, in kebab case, such as `import-missing`.
    pub const fn code(&self) -> &'static str {
        self.entry().0
    }

    /// What a person could do about it: one line, no full stop.
    pub const fn hint(&self) -> &'static str {
        self.entry().1
    }
}
