//! Submitting entries and looking them up.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use libp2p::futures::StreamExt as _;
use serde::Deserialize;
use standstill_ledger::Refusal;
use standstill_protocol::block::{EVIDENCE_LEAF, HEADER_LEAF, MAX_ENTRY_BYTES};
use standstill_protocol::dsse::{Envelope, EnvelopeError, StatementId};
use standstill_protocol::hash::Hash;

use super::views::EntryView;
use super::{App, Problem, Shared, blocking};
use crate::clock;
use crate::gossip::Outgoing;
use crate::replica::{Final, Outcome};

/// Bytes of an oversized body that are read and thrown away, so that its sender gets to read the answer.
const DRAINED: usize = 1 << 20;

/// Query of `POST /v1/entries`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubmitQuery {
    wait: Option<String>,
}

/// `POST /v1/entries`.
pub(super) async fn submit(
    State(shared): App,
    query: Result<Query<SubmitQuery>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Query(SubmitQuery { wait }) = query.map_err(|error| Problem::bad_parameter(error.body_text()))?;
    let wait = match wait.as_deref() {
        None => false,
        Some("final") => true,
        Some(other) => {
            return Err(Problem::bad_parameter(format!("`wait={other}` is not known")).hint("use `wait=final`"));
        }
    };
    let read = tokio::time::timeout(shared.timeout, read_body(&headers, body)).await;
    let envelope = read.map_err(|_| {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "the body did not arrive in time").hint("send it again")
    })??;
    let taken = {
        let envelope = envelope.clone();
        blocking(&shared, move |shared| Ok(shared.replica.submit(&envelope, clock::now())?)).await?
    };
    let id = taken.admitted.id;
    if taken.new && shared.gossip.send(Outgoing::Envelope(envelope)).await.is_err() {
        tracing::warn!("the gossip network is gone; the entry waits for this node's own turn to propose");
    }
    if wait {
        return wait_final(&shared, id).await;
    }
    Ok((StatusCode::ACCEPTED, Json(pending(&id))).into_response())
}

async fn read_body(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let oversized = |length| Problem::refused(&Refusal::Envelope { source: EnvelopeError::Oversized { length } });
    let mut bytes = Vec::new();
    let mut length = 0usize;
    let mut pieces = body.into_data_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        length = length.saturating_add(piece.len());
        if length <= MAX_ENTRY_BYTES {
            bytes.extend_from_slice(&piece);
        } else if length > DRAINED {
            break;
        }
    }
    // A sender that went away midway reads no answer, so what it sent may be judged as if it were all.
    match stated.unwrap_or(length).max(length) {
        length if length > MAX_ENTRY_BYTES => Err(oversized(length)),
        _ => Ok(bytes),
    }
}

async fn wait_final(shared: &Arc<Shared>, id: StatementId) -> Result<Response, Problem> {
    let Ok(_permit) = shared.waiting.try_acquire() else {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-waiting",
            "too many requests wait for finality",
        )
        .hint("the entry is pending; ask for it with `GET /v1/entries/{id}`"));
    };
    let outcome = blocking(shared, move |shared| Ok(shared.replica.outcome(&id)?)).await?;
    match tokio::time::timeout(shared.wait_final, outcome).await {
        Ok(Ok(Outcome::Final(found))) => Ok((StatusCode::OK, Json(recorded(&found))).into_response()),
        Ok(Ok(Outcome::Refused(refusal))) => Err(Problem::refused(&refusal)),
        // Not final within the time, or the node stops: both are told as what is known.
        Ok(Err(_)) | Err(_) => Ok((StatusCode::ACCEPTED, Json(pending(&id))).into_response()),
    }
}

fn pending(id: &StatementId) -> EntryView {
    EntryView {
        status: "pending".to_owned(),
        id: Some(id.to_string()),
        kind: "statement".to_owned(),
        index: None,
        height: None,
        receipt: None,
        leaf: None,
        statement: None,
    }
}

fn recorded(found: &Final) -> EntryView {
    EntryView {
        status: "final".to_owned(),
        index: Some(found.index),
        height: Some(found.height),
        receipt: Some(format!("/v1/receipts/{}", found.id)),
        ..pending(&found.id)
    }
}

/// A statement's id, or a log index.
#[derive(Clone, Copy, Debug)]
pub(super) enum EntryKey {
    Id(StatementId),
    Index(u64),
}

impl EntryKey {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        if let Ok(id) = text.parse::<Hash>() {
            return Ok(EntryKey::Id(id));
        }
        let index = text.parse().map(EntryKey::Index);
        index.map_err(|_| {
            Problem::bad_parameter("an entry is named by its statement's id (64 hex digits) or its log index")
        })
    }
}

/// `GET /v1/entries/{id or index}`.
pub(super) async fn show(State(shared): App, Path(key): Path<String>) -> Result<Json<EntryView>, Problem> {
    let key = EntryKey::parse(&key)?;
    blocking(&shared, move |shared| entry(shared, key).map(Json)).await
}

fn entry(shared: &Shared, key: EntryKey) -> Result<EntryView, Problem> {
    let index = match key {
        EntryKey::Index(index) => index,
        EntryKey::Id(id) => match shared.replica.find(&id)? {
            Some(found) => found.index,
            None => return unrecorded(shared, &id),
        },
    };
    let store = shared.replica.store();
    let none = || Problem::not_found(format!("the log has no leaf {index}"));
    let (height, _) = store.locate(index)?.ok_or_else(none)?;
    let leaf = store.leaf(index)?.ok_or_else(none)?;
    Ok(leaf_view(index, height, &leaf))
}

fn unrecorded(shared: &Shared, id: &StatementId) -> Result<EntryView, Problem> {
    if let Some(envelope) = shared.replica.pending(id) {
        return Ok(EntryView { leaf: String::from_utf8(envelope).ok(), ..pending(id) });
    }
    match shared.replica.refusal(id) {
        Some(refusal) => Err(Problem::refused(&refusal)),
        None => Err(Problem::not_found(format!("no statement {id} is final or pending here"))
            .hint("a pending entry can be lost in a crash: submit it again")),
    }
}

fn leaf_view(index: u64, height: u64, leaf: &[u8]) -> EntryView {
    let envelope = Envelope::parse(leaf).ok();
    let kind = if leaf.starts_with(HEADER_LEAF) {
        "header"
    } else if leaf.starts_with(EVIDENCE_LEAF) {
        "evidence"
    } else {
        "statement"
    };
    let text = match &envelope {
        Some(_) => String::from_utf8_lossy(leaf).into_owned(),
        None => base64::engine::general_purpose::STANDARD.encode(leaf),
    };
    EntryView {
        status: "final".to_owned(),
        id: envelope.as_ref().map(|envelope| envelope.id().to_string()),
        kind: kind.to_owned(),
        index: Some(index),
        height: Some(height),
        receipt: Some(format!("/v1/receipts/{index}")),
        leaf: Some(text),
        statement: envelope.and_then(|envelope| serde_json::from_slice(envelope.payload()).ok()),
    }
}
