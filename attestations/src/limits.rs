//! The bounds on every list and text of a statement, so that the largest fits an envelope's 65,535 bytes in most cases
//! and no reader allocates more than it was given.

/// Bytes of a statement: base64 of these, with eight signatures, fits one log entry.
pub const STATEMENT: usize = 47_000;
/// Subjects of a statement.
pub const SUBJECTS: usize = 16;
/// Sessions in one window.
pub const SESSIONS: usize = 64;
/// Base models of a run.
pub const BASE_MODELS: usize = 16;
/// Files behind a statement.
pub const EVIDENCE: usize = 16;
/// Fields taken from one file.
pub const IMPORTED_FIELDS: usize = 32;
/// Commits that pin a suite.
pub const COMMITS: usize = 8;
/// Steps of a solver.
pub const SOLVER_STEPS: usize = 16;
/// Settings of an elicitation.
pub const PARAMETERS: usize = 32;
/// Scores of an evaluation.
pub const SCORES: usize = 32;
/// Bytes of a label: a name of an artefact, a tool, a metric, a version.
pub const LABEL: usize = 128;
/// Bytes of a repository's address.
pub const ADDRESS: usize = 256;
/// Bytes of a setting's value.
pub const SETTING: usize = 256;
/// Bytes of a reason.
pub const REASON: usize = 512;
/// Bytes of an account of what happened.
pub const NARRATIVE: usize = 2048;
/// Sites of a run.
pub const SITES: usize = 16;
/// Rows of an inventory or a plan.
pub const CHIP_COUNTS: usize = 64;
/// Bytes of a device's report.
pub const REPORT: usize = 12_288;
/// Certificates of its chain.
pub const CERTIFICATES: usize = 8;
/// Bytes of one certificate.
pub const CERTIFICATE: usize = 4_096;
/// Files that a report is checked with.
pub const COLLATERAL: usize = 12;
/// Bytes of one of them.
pub const COLLATERAL_BYTES: usize = 24_576;
/// Hashes of a consistency proof.
pub const PROOF: usize = 64;
/// Figures that one countersignature, or one examined statement, is about.
pub const FIGURES: usize = 16;
/// Statements that an inspection examined.
pub const EXAMINED: usize = 16;
/// Things that an inspection looked at, and its findings.
pub const LOOKED_AT: usize = 32;
/// Runs and models that an incident affected, each.
pub const AFFECTED: usize = 16;
