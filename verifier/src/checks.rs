//! The eight checks, and what came of each.
//!
//! Rules:
//!
//! 1. A check has a number and a name; the same ones stand in the code, the screen, the JSON document,
//!    `spec/60-checks.md` and the tests.
//! 2. Every failure is counted; at most `max_failures` of a check are kept with their scope.
//! 3. No failure stops another check where it can go on. A check that did not see everything it needs is `not-run`.
//! 4. Only this crate collects: results, and so a [`Verdict`](crate::Verdict), cannot be made from outside.

use std::fmt;

/// One numbered check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// 1: every record decodes canonically.
    Format,
    /// 2: every attestation is signed by its member's key.
    Signatures,
    /// 3: recomputed roots equal the certified ones.
    Ledger,
    /// 4: every head carries a quorum of commit signatures.
    Quorum,
    /// 5: each head extends the last.
    Consistency,
    /// 6: treaty and modules are the pinned ones.
    Policies,
    /// 7: replaying gives the recorded verdicts and state.
    Replay,
    /// 8: what was due is present and on time.
    Completeness,
}

/// What a check says of itself to people.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// One line for the screen, at most 40 characters.
    pub claim: &'static str,
    /// What is compared with what.
    pub what: &'static str,
    /// What goes wrong without it.
    pub why: &'static str,
    /// What a failure means and what to do.
    pub then: &'static str,
}

impl Check {
    /// All, in order.
    pub const ALL: [Check; 8] = [
        Check::Format,
        Check::Signatures,
        Check::Ledger,
        Check::Quorum,
        Check::Consistency,
        Check::Policies,
        Check::Replay,
        Check::Completeness,
    ];

    /// From 1.
    pub const fn number(self) -> usize {
        self as usize + 1
    }

    /// One word.
    pub const fn name(self) -> &'static str {
        match self {
            Check::Format => "format",
            Check::Signatures => "signatures",
            Check::Ledger => "ledger",
            Check::Quorum => "quorum",
            Check::Consistency => "consistency",
            Check::Policies => "policies",
            Check::Replay => "replay",
            Check::Completeness => "completeness",
        }
    }

    /// By number or by name.
    pub fn parse(text: &str) -> Option<Check> {
        Check::ALL.into_iter().find(|check| check.name() == text || check.number().to_string() == text)
    }

    /// Whether a failure means that nothing in the bundle may be believed.
    pub const fn is_integrity(self) -> bool {
        !matches!(self, Check::Completeness)
    }

    /// Where the check is specified.
    pub fn spec(self) -> String {
        format!("60-checks#{}", self.number())
    }

    /// The check in words.
    pub const fn about(self) -> About {
        ABOUT[self as usize]
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

const ABOUT: [About; 8] = [
    About {
        claim: "every record decodes canonically",
        what: "Each frame matches its chained digest, decompresses within its stated size, and decodes to bytes that \
               encode back to themselves; each envelope and statement inside parses strictly",
        why: "Two readers of a loose format can see two different ledgers in one file",
        then: "The file is damaged or was changed: get it again, from another node if need be",
    },
    About {
        claim: "every attestation is signed by its lab",
        what: "Each signature on each envelope verifies strictly (ed25519) under the key that it names, and that key \
               is one that the member held at that place in the ledger",
        why: "Otherwise anyone could put words into a member's mouth",
        then: "A statement in the ledger is not its author's: no node that keeps the rules would have voted for it",
    },
    About {
        claim: "recomputed root equals certified root",
        what: "The entries' root and count, and the size and root of the log, are computed again from the records and \
               compared with the header that the quorum signed",
        why: "It ties every record to the signatures of the quorum: none can be changed, dropped or moved",
        then: "Records were changed after they were certified, or the header belongs to other records",
    },
    About {
        claim: "every head carries a quorum of signatures",
        what: "Each header's hash is signed by more than two thirds of the validators of its height; every signature \
               present is valid, known and in order; and a checkpoint that satisfies the trust file's policy covers \
               the last record",
        why: "The quorum makes a head final; whoever cosigned saw that head before, so that even a quorum cannot write \
              another history later and call it the only one",
        then: "The head is not final: someone made it without the validators, or the file was cut. `part` without a \
               failure: no cosigned checkpoint covers the last record, get a bundle that holds one",
    },
    About {
        claim: "each head extends the last",
        what: "Heights rise by one from 1, each header names the hash of the one before, times grow, checkpoints and \
               heads that the trust file has seen lie on this ledger",
        why: "Otherwise two stretches of different ledgers could be spliced, or a fork be hidden",
        then: "With two valid heads that conflict (exit 11), the signers of both are guilty: keep the file, it is the proof",
    },
    About {
        claim: "treaty, modules match the pinned hashes",
        what: "The treaty's hash and the validators are those that the trust file pins; each module's SHA-256 is the one \
               that the treaty names, none is missing and none is extra",
        why: "A verdict means something only under the rules that were agreed",
        then: "This bundle was judged by other rules than those that you trust",
    },
    About {
        claim: "re-run verdicts equal recorded verdicts",
        what: "Every block is executed again from genesis, every clause in its WebAssembly module included; the state \
               root, which commits to every verdict, must equal the certified one",
        why: "So that no verdict has to be taken on the word of those who voted for it",
        then: "Either the quorum certified a wrong verdict, or this verifier has a bug: both are worth a report",
    },
    About {
        claim: "every due attestation is there, on time",
        what: "Each obligation that fell due by the time asked for was met, on time; and the bundle reaches that time",
        why: "Silence is never compliance",
        then: "A missing or late report is the member's to explain; a stale bundle is yours to replace",
    },
];

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It ran over everything and nothing failed.
    Ok,
    /// Something failed.
    Failed,
    /// It could not run, or not to the end: because of another check's failure, or of what the bundle lacks.
    NotRun,
}

impl Status {
    /// One word, as in the JSON document.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Failed => "failed",
            Status::NotRun => "not-run",
        }
    }
}

/// One thing that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A stable word for the kind of failure.
    pub code: &'static str,
    /// From the outside in: `["height 12", "record 3"]`.
    pub scope: Vec<String>,
    /// One sentence.
    pub message: String,
}

/// What one check examined and what failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// Which.
    pub check: Check,
    /// What came of it.
    pub status: Status,
    /// Things examined.
    pub examined: u64,
    /// Things that failed: exact, whatever was kept.
    pub failed: u64,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// What the check needed and the bundle does not hold, if that is why it is not complete.
    pub gap: Option<Failure>,
}

/// Collects while the checks run.
#[derive(Debug)]
pub(crate) struct Tally {
    results: Vec<CheckResult>,
    complete: [bool; 8],
    max_failures: usize,
    equivocations: u64,
}

/// The results of all eight checks. An audit makes them, and nothing else can:
///
/// ```compile_fail,E0603
/// use standstill_verifier::checks::Tally;
/// ```
///
/// ```compile_fail,E0451
/// let forged = standstill_verifier::Results { results: Vec::new(), equivocations: 0 };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    results: Vec<CheckResult>,
    equivocations: u64,
}

impl Tally {
    /// Nothing examined, nothing complete.
    pub(crate) fn new(max_failures: usize) -> Self {
        let empty =
            |check| CheckResult { check, status: Status::NotRun, examined: 0, failed: 0, failures: vec![], gap: None };
        let results = Check::ALL.into_iter().map(empty).collect();
        Tally { results, complete: [false; 8], max_failures, equivocations: 0 }
    }

    /// Counts things that a check looked at.
    pub(crate) fn examined(&mut self, check: Check, count: u64) {
        let result = &mut self.results[check as usize];
        result.examined = result.examined.saturating_add(count);
    }

    /// Counts a failure, and keeps it while there is room.
    pub(crate) fn fail(&mut self, check: Check, failure: Failure) {
        let max = self.max_failures;
        let result = &mut self.results[check as usize];
        result.failed = result.failed.saturating_add(1);
        if result.failures.len() < max {
            result.failures.push(failure);
        }
    }

    /// Notes that two valid heads conflict, and fails check 5 with it.
    pub(crate) fn equivocation(&mut self, failure: Failure) {
        self.equivocations += 1;
        self.fail(Check::Consistency, failure);
    }

    /// Says what keeps a check from being complete, though nothing in it failed.
    pub(crate) fn gap(&mut self, check: Check, gap: Failure) {
        self.results[check as usize].gap.get_or_insert(gap);
    }

    /// Says that a check has seen everything there was to see.
    pub(crate) fn complete(&mut self, check: Check) {
        self.complete[check as usize] = true;
    }

    /// Whether any integrity check has failed so far.
    pub(crate) fn integrity_failed(&self) -> bool {
        self.results.iter().any(|result| result.check.is_integrity() && result.failed > 0)
    }

    /// Ends the checks. One that failed is `Failed`; one that was not completed is `NotRun`, whatever it saw.
    pub(crate) fn close(mut self) -> Results {
        for (result, complete) in self.results.iter_mut().zip(self.complete) {
            result.status = match (result.failed, complete && result.gap.is_none()) {
                (0, true) => Status::Ok,
                (0, false) => Status::NotRun,
                _ => Status::Failed,
            };
        }
        Results { results: self.results, equivocations: self.equivocations }
    }
}

impl Results {
    /// In order of number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &CheckResult> {
        self.results.iter()
    }

    /// The result of one check.
    pub fn of(&self, check: Check) -> &CheckResult {
        &self.results[check as usize]
    }

    /// Whether every integrity check ran to its end and nothing failed.
    pub fn integrity_holds(&self) -> bool {
        self.iter().all(|result| !result.check.is_integrity() || result.status == Status::Ok)
    }

    /// Whether valid heads conflict, and nothing else is wrong with the ledger.
    pub fn only_equivocation(&self) -> bool {
        let failed: u64 = self.iter().filter(|r| r.check.is_integrity()).map(|r| r.failed).sum();
        self.equivocations > 0 && failed == self.equivocations
    }
}
