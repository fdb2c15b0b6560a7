//! What the process says to its caller: eight exit codes, and the verdict that decides among them.
//!
//! Rules:
//!
//! 1. Of several that apply, the one of least trust wins: 10 before 11 before 20 before 21 before 0.
//! 2. A [`Verdict`] is made from the results of all eight checks by `Verdict::of` and in no other way. Exit 0 of a
//!    checking command comes from such a value and from nowhere else.
//! 3. The documentation, `--help` and the tests read this table.

use crate::checks::{Check, Results, Status};

/// Exit codes, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// All required checks ran and passed.
    Holds = 0,
    /// A bug or an unexpected failure.
    Internal = 1,
    /// Bad arguments, or an unreadable or malformed trust file.
    Usage = 2,
    /// The input could not be read.
    Unavailable = 3,
    /// Integrity failed.
    Untrusted = 10,
    /// Two valid but conflicting heads.
    Equivocation = 11,
    /// Integrity holds; a clause is violated.
    Violated = 20,
    /// Integrity holds; something could not be decided.
    Undecided = 21,
}

impl Exit {
    /// All of them, by code.
    pub const ALL: [Exit; 8] = [
        Exit::Holds,
        Exit::Internal,
        Exit::Usage,
        Exit::Unavailable,
        Exit::Untrusted,
        Exit::Equivocation,
        Exit::Violated,
        Exit::Undecided,
    ];

    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// One word, as in the JSON document.
    pub const fn name(self) -> &'static str {
        match self {
            Exit::Holds => "holds",
            Exit::Internal => "internal",
            Exit::Usage => "usage",
            Exit::Unavailable => "unavailable",
            Exit::Untrusted => "untrusted",
            Exit::Equivocation => "equivocation",
            Exit::Violated => "violated",
            Exit::Undecided => "undecided",
        }
    }

    /// One sentence for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Holds => "all required checks ran and passed; no clause violated; nothing missing",
            Exit::Internal => "bug or unexpected failure",
            Exit::Usage => "bad arguments, unreadable or malformed trust file",
            Exit::Unavailable => "input could not be read; nothing was decided",
            Exit::Untrusted => "ledger integrity failed; nothing else in it may be believed",
            Exit::Equivocation => "two valid but conflicting heads",
            Exit::Violated => "integrity holds; at least one clause is violated",
            Exit::Undecided => "integrity holds; no violation found; something could not be decided",
        }
    }
}

/// What the clauses said, over all members and periods that were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// Some clause is violated.
    pub(crate) violated: bool,
    /// Some clause could not be decided.
    pub(crate) undecided: bool,
    /// The bundle ends too early for the time that was asked for.
    pub(crate) stale: bool,
}

/// The answer of a checking command. Only an audit makes one, from finished checks:
///
/// ```compile_fail,E0624
/// fn forge(report: &standstill_verifier::Report) -> standstill_verifier::Verdict {
///     standstill_verifier::Verdict::of(&report.results, Default::default())
/// }
/// ```
///
/// ```compile_fail,E0451
/// let forged = standstill_verifier::Verdict { exit: standstill_verifier::Exit::Holds };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    exit: Exit,
}

impl Verdict {
    /// Decides. Integrity first, then forks, then clauses; a check that did not run caps the answer at `undecided`.
    pub(crate) fn of(results: &Results, judgement: Judgement) -> Verdict {
        let failed = |check: &Check| results.of(*check).status == Status::Failed;
        let integrity = Check::ALL.iter().filter(|check| check.is_integrity());
        let all_ran = results.iter().all(|result| matches!(result.status, Status::Ok | Status::Failed));
        let exit = if integrity.clone().any(failed) {
            match results.only_equivocation() {
                true => Exit::Equivocation,
                false => Exit::Untrusted,
            }
        } else if judgement.violated {
            Exit::Violated
        } else if judgement.undecided || judgement.stale || !all_ran || failed(&Check::Completeness) {
            Exit::Undecided
        } else {
            Exit::Holds
        };
        Verdict { exit }
    }

    /// The exit that belongs to it.
    pub fn exit(self) -> Exit {
        self.exit
    }
}
