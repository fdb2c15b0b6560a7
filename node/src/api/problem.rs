//! Problem details (RFC 9457): every error of the API, with a stable `code` and a hint.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use standstill_ledger::{Refusal, StateFault};
use standstill_protocol::dsse::EnvelopeError;

use crate::cosign::CosignError;
use crate::replica::SubmitError;
use crate::store::StoreError;

/// An error of the API.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    hint: Option<Cow<'static, str>>,
}

/// A problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProblemView {
    /// A URI for the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code stands for, in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened, with its numbers.
    pub detail: String,
    /// The stable name.
    pub code: String,
    /// What a person can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Problem { status, code, detail: detail.into(), hint: None }
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Nothing there.
    pub fn not_found(what: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, "not-found", what)
    }

    /// A parameter that does not read.
    pub fn bad_parameter(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, "bad-parameter", detail)
    }

    fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "node-fault", error.to_string())
            .hint("the node's log says more; the request may be repeated")
    }

    /// A refusal of the ledger's rules.
    pub fn refused(refusal: &Refusal) -> Self {
        Problem::new(refusal_status(refusal), refusal.code(), refusal.to_string()).hint(refusal.hint())
    }
}

/// 400 for what no ledger would take, 413 for size, 409 where another statement stands in the way, 422 for the rest.
fn refusal_status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Envelope { source: EnvelopeError::Oversized { .. } } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Envelope { .. } | Refusal::Statement { .. } => StatusCode::BAD_REQUEST,
        Refusal::Duplicate { .. } | Refusal::SequenceUsed { .. } | Refusal::SequenceGap { .. } => StatusCode::CONFLICT,
        Refusal::MemberQuota { .. } | Refusal::EvidenceQuota { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem { status, code, detail, hint } = self;
        let view = ProblemView {
            kind: format!("https://standstill.example/problem/{code}"),
            title: code.replace('-', " "),
            status: status.as_u16(),
            detail,
            code: code.to_owned(),
            hint: hint.map(Cow::into_owned),
        };
        let mut response = (status, Json(view)).into_response();
        let content_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match &error {
            SubmitError::Refused(refusal) => Problem::refused(refusal),
            SubmitError::Pool(refusal) => {
                let status = match refusal {
                    crate::PoolRefusal::Full { .. } => StatusCode::TOO_MANY_REQUESTS,
                    crate::PoolRefusal::SequencePending { .. } => StatusCode::CONFLICT,
                };
                Problem::new(status, refusal.code(), refusal.to_string()).hint(refusal.hint())
            }
            SubmitError::Fault(_) | SubmitError::Store(_) => Problem::internal(&error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Problem::internal(&error)
    }
}

impl From<StateFault> for Problem {
    fn from(error: StateFault) -> Self {
        Problem::internal(&error)
    }
}

impl From<CosignError> for Problem {
    fn from(error: CosignError) -> Self {
        Problem::internal(&error)
    }
}

impl From<tokio::task::JoinError> for Problem {
    fn from(error: tokio::task::JoinError) -> Self {
        Problem::internal(&error)
    }
}
