//! Every way a statement can be refused, named. The same name ([`StatementError::code`]) stands in the API's problem
//! details, in the documentation and in the tests.

/// Why a payload is no statement, or a statement whose parts contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Larger than any envelope can carry.
    #[error("the statement has {length} bytes, more than an envelope can carry")]
    Oversized {
        /// Bytes given.
        length: usize,
    },
}

impl StatementError {
    /// The stable name, in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            StatementError::Oversized { .. } => "statement-oversized",
        }
    }

    /// What a person could do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            StatementError::Oversized { .. } => "split the report, or keep evidence lists short",
        }
    }
}
