//! Admission: which modules may become clauses, and the named reason why one may not.
//!
//! The profile is WebAssembly 1.0 plus mutable globals, minus floats, imports and the start section, with a limit on
//! every count (policy rule 3). Validation is by a pinned `wasmparser`, never by an engine.

/// Bytes of a module, at most.
pub const MAX_MODULE: usize = 1 << 20;

/// Why a module was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// Over [`MAX_MODULE`].
    #[error("the module has {length} bytes; {MAX_MODULE} are allowed")]
    TooLarge {
        /// Bytes given.
        length: usize,
    },
    /// Not a valid core module under any feature set.
    #[error("not a valid WebAssembly module: {reason}")]
    Malformed {
        /// What the validator met, with its offset.
        reason: String,
    },
    /// The module imports something.
    #[error("the module imports `{module}.{name}`: clauses import nothing")]
    Import {
        /// Module of the import.
        module: String,
        /// Name of the import.
        name: String,
    },
    /// The module has a start function.
    #[error("the module has a start function: work belongs in `init`")]
    Start,
    /// The module uses floating point.
    #[error("the module uses floating point: {reason}")]
    Float {
        /// What the validator met, with its offset.
        reason: String,
    },
    /// The module uses a proposal beyond the profile (SIMD, bulk memory, sign extension, ...).
    #[error("the module uses a feature outside the clause profile: {reason}")]
    Feature {
        /// What the validator met, with its offset.
        reason: String,
    },
    /// A count over its limit.
    #[error("the module has {count} {what}; {limit} are allowed")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A data or element segment that does not fit where it is put, or whose place is not a constant.
    #[error("a {what} segment does not lie inside the initial {what} bounds")]
    Segment {
        /// `memory` or `table`.
        what: &'static str,
    },
    /// An export that the interface needs is missing or has another type.
    #[error("the module must export `{name}` as {expected}")]
    Export {
        /// Name of the export.
        name: &'static str,
        /// Its type.
        expected: &'static str,
    },
    /// An export that the interface does not know.
    #[error("the module exports `{name}`, which the clause interface does not know")]
    UnknownExport {
        /// Name of the export.
        name: String,
    },
    /// This machine could not compile the module; says nothing about the module.
    #[error("this node could not compile the module: {reason}")]
    Compile {
        /// What the engine said.
        reason: String,
    },
}
