//! What a clause reports, and the lattice of verdicts.
//!
//! A verdict is three-valued: silence is never compliance, and doubt is never guilt. Verdicts join upwards:
//! `holds < undecided < violated`.

use standstill_protocol::codec;
use standstill_protocol::hash::{Domain, Hash};
use wincode::{SchemaRead, SchemaWrite};

/// Findings of one assessment, at most (policy rule 6).
pub const MAX_FINDINGS: usize = 4096;
/// Bytes of one assessment's findings, at most, as the module writes them: what the ledger stores of them stays far below
/// the largest value of its state.
pub const MAX_FINDINGS_BYTES: usize = 256 * 1024;
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

/// Reads what `assess` gave: exactly `count u32`, then the findings, in strictly ascending order, about periods up to
/// `period`, citing entries below `log_size`, in at most [`MAX_FINDINGS_BYTES`]. `None` for anything else.
///
/// ```text
/// period u32 | verdict u8 | numbers u8 | evidence u8 | 0 u8 | code u32 | u128 x numbers | u64 x evidence
/// ```
pub(crate) fn read(mut bytes: &[u8], period: u32, log_size: u64) -> Option<Vec<Finding>> {
    if bytes.len() > MAX_FINDINGS_BYTES {
        return None;
    }
    let count = usize::try_from(u32::from_le_bytes(take(&mut bytes)?)).ok().filter(|count| *count <= MAX_FINDINGS)?;
    let mut findings: Vec<Finding> = Vec::new();
    for _ in 0..count {
        let finding = read_one(&mut bytes)?;
        let cited = finding.evidence.is_sorted_by(|a, b| a < b) && finding.evidence.iter().all(|at| *at < log_size);
        let ascending = findings.last().is_none_or(|last| *last < finding);
        if finding.period > period || !cited || !ascending {
            return None;
        }
        findings.push(finding);
    }
    bytes.is_empty().then_some(findings)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn read_one(bytes: &mut &[u8]) -> Option<Finding> {
    let period = u32::from_le_bytes(take(bytes)?);
    let [verdict, numbers, evidence, zero] = take(bytes)?;
    let verdict = match verdict {
        0 => Verdict::Holds,
        1 => Verdict::Undecided,
        2 => Verdict::Violated,
        _ => return None,
    };
    if zero != 0 || usize::from(numbers) > MAX_NUMBERS || usize::from(evidence) > MAX_EVIDENCE {
        return None;
    }
    let code = u32::from_le_bytes(take(bytes)?);
    let numbers = (0..numbers).map(|_| take(bytes).map(u128::from_le_bytes)).collect::<Option<_>>()?;
    let evidence = (0..evidence).map(|_| take(bytes).map(u64::from_le_bytes)).collect::<Option<_>>()?;
    Some(Finding { period, verdict, code, numbers, evidence })
}
