//! Exit codes: one enum, from which the help footer is made.
//!
//! The numbers are part of the interface: scripts branch on them. Where several apply, the lowest line of trust wins.

use std::fmt;
use std::process::ExitCode;

/// What a command's exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done and holds.
    Holds = 0,
    /// A bug or an unexpected failure.
    Internal = 1,
    /// Bad arguments, configuration or input of the caller.
    Usage = 2,
    /// Something could not be read or reached; nothing was decided.
    Unavailable = 3,
    /// A signature, certificate, proof or hash does not hold.
    Untrusted = 10,
    /// Two valid but conflicting heads or votes.
    Equivocation = 11,
    /// A clause is violated.
    Violated = 20,
    /// No violation found, but something could not be decided.
    Undecided = 21,
}

impl Exit {
    /// Every code, in order.
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

    /// The name in tables and in JSON.
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

    /// One line for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Holds => "everything asked for was done and holds",
            Exit::Internal => "a bug or an unexpected failure",
            Exit::Usage => "bad arguments, configuration or input",
            Exit::Unavailable => "something could not be read or reached",
            Exit::Untrusted => "a signature, certificate, proof or hash does not hold",
            Exit::Equivocation => "two valid but conflicting heads or votes",
            Exit::Violated => "a clause is violated",
            Exit::Undecided => "no violation found, something could not be decided",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
