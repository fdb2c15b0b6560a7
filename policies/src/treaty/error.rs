//! Why a file is no treaty: each error names the article and says what to write there.

use standstill_protocol::keys::PublicKey;
use standstill_protocol::member::Name;

use crate::parameters::ParameterError;

/// Why a treaty was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreatyError {
    /// Longer than a treaty may be.
    #[error("{length} bytes exceed the limit of {limit} for a treaty")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not UTF-8, not TOML, an unknown key, or a value of the wrong type.
    #[error("the treaty does not read: {reason}")]
    Malformed {
        /// What the reader met, with its place.
        reason: String,
    },
    /// A required article is missing.
    #[error("article `{article}` is missing: {hint}")]
    Missing {
        /// The article's key in the file.
        article: &'static str,
        /// What to write there.
        hint: &'static str,
    },
    /// A value is outside what it may be.
    #[error("article `{article}`: {reason}")]
    OutOfRange {
        /// The article's key in the file.
        article: String,
        /// The bound that is broken.
        reason: String,
    },
    /// The network may stand still for longer than labs have to report, and no deadline would be extended.
    #[error(
        "article `clocks`: {outage_ms} ms without a block are an outage, but reports are due {report_within_ms} ms after \
         their period: lower `heartbeat` or `outage_heartbeats`, or raise `periods.report_within`"
    )]
    OutageAboveDeadline {
        /// `heartbeat` x `outage_heartbeats`, milliseconds.
        outage_ms: u64,
        /// `periods.report_within`, milliseconds.
        report_within_ms: u64,
    },
    /// Two things share a name.
    #[error("article `{article}`: `{name}` is used twice")]
    Duplicate {
        /// The article's key in the file.
        article: &'static str,
        /// The name.
        name: Name,
    },
    /// A name that nothing has.
    #[error("article `{article}` names `{name}`, which is not among the {among}")]
    Unknown {
        /// The article's key in the file.
        article: String,
        /// The name.
        name: Name,
        /// Where it was looked for.
        among: &'static str,
    },
    /// A key that is not a point, or is used twice.
    #[error("member `{member}`: key {key} {reason}")]
    BadKey {
        /// The member.
        member: Name,
        /// The key.
        key: PublicKey,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A clause's parameters are malformed.
    #[error("clause `{clause}`: {source}")]
    Parameters {
        /// The clause.
        clause: Name,
        /// Why.
        source: ParameterError,
    },
}

impl TreatyError {
    /// A stable short name, as in tables and JSON.
    pub const fn code(&self) -> &'static str {
        match self {
            TreatyError::TooLong { .. } => "too-long",
            TreatyError::Malformed { .. } => "malformed",
            TreatyError::Missing { .. } => "missing",
            TreatyError::OutOfRange { .. } => "out-of-range",
            TreatyError::OutageAboveDeadline { .. } => "outage-above-deadline",
            TreatyError::Duplicate { .. } => "duplicate",
            TreatyError::Unknown { .. } => "unknown",
            TreatyError::BadKey { .. } => "bad-key",
            TreatyError::Parameters { .. } => "parameters",
        }
    }

    /// The article that the error is about, as [`super::Places::line`] takes it.
    pub fn article(&self) -> Option<String> {
        match self {
            TreatyError::TooLong { .. } | TreatyError::Malformed { .. } => None,
            TreatyError::Missing { article, .. } | TreatyError::Duplicate { article, .. } => {
                Some((*article).to_owned())
            }
            TreatyError::OutOfRange { article, .. } | TreatyError::Unknown { article, .. } => Some(article.clone()),
            TreatyError::OutageAboveDeadline { .. } => Some("clocks".to_owned()),
            TreatyError::BadKey { member, .. } => Some(format!("members.{member}")),
            TreatyError::Parameters { clause, .. } => Some(format!("clauses.{clause}.parameters")),
        }
    }
}
