//! What a clause reports, and the lattice of verdicts.
//!
//! A verdict is three-valued: silence is never compliance, and doubt is never guilt. Verdicts join upwards:
//! `holds < undecided < violated`.

use standstill_protocol::codec;
use standstill_protocol::hash::{Domain, Hash};
use wincode::{SchemaRead, SchemaWrite};

/// Findings of one assessment, at most (policy rule 6).
pub const MAX_FINDINGS: usize = 4096;
/// Log indices that one finding may cite.
pub const MAX_EVIDENCE: usize = 64;
/// Numbers that one finding may carry.
pub const MAX_NUMBERS: usize = 16;

/// The judgement of one rule. The order is that of the lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, SchemaRead, SchemaWrite, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The evidence shows that the rule was kept.
    Holds,
    /// The evidence does not decide: missing, late, too coarse, or the clause failed.
    Undecided,
    /// The evidence shows that the rule was broken.
    Violated,
}

impl Verdict {
    /// The join: the worse of two.
    #[must_use]
    pub fn join(self, other: Verdict) -> Verdict {
        self.max(other)
    }

    /// The word that is shown: `holds`, `undecided`, `violated`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Undecided => "undecided",
            Verdict::Violated => "violated",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One finding about one partition. Findings of an assessment are sorted by this type's order, without repetition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, SchemaRead, SchemaWrite)]
pub struct Finding {
    /// The reporting period that the finding is about.
    pub period: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// What kind of finding; each clause documents its codes. Texts are rendered from it outside consensus.
    pub code: u32,
    /// Figures behind the verdict, as the code documents (FLOP, counts, milliseconds); at most [`MAX_NUMBERS`].
    pub numbers: Vec<u128>,
    /// Log indices of the entries that the finding rests on, ascending; at most [`MAX_EVIDENCE`].
    pub evidence: Vec<u64>,
}

/// The hash that a verdict pins for its findings.
pub fn findings_hash(findings: &[Finding]) -> Hash {
    Hash::tagged(Domain::Findings, &[&codec::encode(&findings.to_vec())])
}
