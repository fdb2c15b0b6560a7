//! Findings as the host reads them.
//!
//! ```text
//! count u32, then each: period u32 | verdict u8 | numbers u8 | evidence u8 | 0 u8 | code u32 | u128 x numbers | u64 x evidence
//! ```
//!
//! The host sorts nothing: findings must come in ascending order of period, verdict, code, numbers, evidence, without
//! repetition. [`Findings`] keeps them so.

use alloc::vec::Vec;

/// The judgement of a rule. The order is that of the lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verdict {
    /// The rule was kept.
    Holds = 0,
    /// The evidence does not decide.
    Undecided = 1,
    /// The rule was broken.
    Violated = 2,
}

impl Verdict {
    /// Whether a claim `lower..=upper` keeps to `limit`: broken only if all of it lies above.
    pub fn at_most(lower: u128, upper: u128, limit: u128) -> Verdict {
        match (lower > limit, upper > limit) {
            (true, _) => Verdict::Violated,
            (false, true) => Verdict::Undecided,
            (false, false) => Verdict::Holds,
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The period that it is about.
    pub period: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// What kind of finding, as the clause documents.
    pub code: u32,
    /// Figures behind it, at most 16.
    pub numbers: Vec<u128>,
    /// Log indices behind it, ascending, at most 64.
    pub evidence: Vec<u64>,
}

/// The findings of one assessment.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// None yet.
    pub fn new() -> Self {
        Findings::default()
    }

    /// Adds a finding. Evidence is sorted and cut to the newest 64.
    pub fn add(&mut self, period: u32, verdict: Verdict, code: u32, numbers: &[u128], evidence: &[u64]) {
        let mut cited = Vec::new();
        evidence.iter().for_each(|index| insert(&mut cited, *index));
        let oldest = cited.len().saturating_sub(64);
        cited.drain(..oldest);
        insert(&mut self.list, Finding { period, verdict, code, numbers: numbers.to_vec(), evidence: cited });
    }

    /// In the order in which the host wants them.
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// The bytes that the host reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(self.list.len() as u32).to_le_bytes());
        for finding in &self.list {
            bytes.extend_from_slice(&finding.period.to_le_bytes());
            bytes.extend_from_slice(&[
                finding.verdict as u8,
                finding.numbers.len() as u8,
                finding.evidence.len() as u8,
                0,
            ]);
            bytes.extend_from_slice(&finding.code.to_le_bytes());
            finding.numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
            finding.evidence.iter().for_each(|index| bytes.extend_from_slice(&index.to_le_bytes()));
        }
        bytes
    }
}

/// Inserts into a sorted list, once. The lists are short, and this is a tenth of a sort's code.
fn insert<T: Ord>(list: &mut Vec<T>, item: T) {
    if let Err(at) = list.binary_search(&item) {
        list.insert(at, item);
    }
}
