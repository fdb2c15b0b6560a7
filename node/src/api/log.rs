//! The log as others' tools read it: checkpoint, policy, tiles, receipts.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use standstill_protocol::tiles::{Contents, Tile};

use super::entries::EntryKey;
use super::{App, Problem, blocking};

const TEXT: &str = "text/plain; charset=utf-8";
/// Whole tiles never change.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// How long `?wait=true` waits for a quorum of cosignatures.
const COSIGNED_WITHIN: Duration = Duration::from_secs(10);

fn answer(bytes: Vec<u8>, content_type: &'static str, cache: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (headers, bytes).into_response()
}

fn not_cosigned(detail: String) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-cosigned", detail).hint("wait for a quorum of cosignatures and ask again")
}

/// `GET /checkpoint`.
pub(super) async fn checkpoint(State(shared): App) -> Result<Response, Problem> {
    blocking(&shared, |shared| {
        let found = shared.cosigner.checkpoint()?;
        let (_, note) = found.ok_or_else(|| not_cosigned("no checkpoint is cosigned by a quorum yet".to_owned()))?;
        Ok(answer(note, TEXT, "no-cache"))
    })
    .await
}

/// `GET /policy`.
pub(super) async fn policy(State(shared): App) -> Response {
    answer(shared.cosigner.policy().to_string().into_bytes(), TEXT, "no-cache")
}

/// `GET /tile/…`.
pub(super) async fn tile(State(shared): App, Path(path): Path<String>) -> Result<Response, Problem> {
    let path = format!("tile/{path}");
    let tile: Tile = path.parse().map_err(|error: standstill_protocol::tiles::TileError| {
        Problem::new(StatusCode::NOT_FOUND, "bad-tile", error.to_string())
    })?;
    blocking(&shared, move |shared| {
        let bytes = shared.cosigner.tile(tile)?;
        let bytes = bytes.ok_or_else(|| Problem::not_found(format!("the log has no `{tile}` yet")))?;
        let content_type = match tile.contents() {
            Contents::Hashes { .. } | Contents::Entries => "application/octet-stream",
        };
        Ok(answer(bytes, content_type, FOREVER))
    })
    .await
}

/// Query of a receipt.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiptQuery {
    #[serde(default)]
    wait: bool,
}

/// `GET /v1/receipts/{id or index}`.
pub(super) async fn receipt(
    State(shared): App,
    Path(key): Path<String>,
    query: Result<Query<ReceiptQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(ReceiptQuery { wait }) = query.map_err(|error| Problem::bad_parameter(error.body_text()))?;
    let key = EntryKey::parse(&key)?;
    let index = blocking(&shared, move |shared| match key {
        EntryKey::Index(index) => Ok(index),
        EntryKey::Id(id) => {
            let found = shared.replica.find(&id)?;
            Ok(found.ok_or_else(|| Problem::not_found(format!("no statement {id} is final here")))?.index)
        }
    })
    .await?;
    let size = shared.replica.tip().borrow().log_size();
    if index >= size {
        return Err(Problem::not_found(format!("the log has no leaf {index}: it has {size} leaves")));
    }
    if wait {
        let mut cosigned = shared.cosigner.cosigned();
        // Not in time is told below, like not at all.
        let _ = tokio::time::timeout(COSIGNED_WITHIN, cosigned.wait_for(|size| *size > index)).await;
    }
    blocking(&shared, move |shared| {
        let proof = shared.cosigner.receipt(index)?;
        let proof = proof.ok_or_else(|| not_cosigned(format!("no checkpoint above leaf {index} is cosigned yet")))?;
        Ok(answer(proof.to_bytes(), TEXT, "no-cache"))
    })
    .await
}
