//! Bundles, written while they are sent: a bundle may be larger than memory.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use libp2p::futures::stream;
use serde::Deserialize;
use standstill_ledger::bundle::{BundleError, BundleWriter};
use tokio::sync::mpsc;

use super::{App, Problem, Shared};

/// Bytes sent at once.
const PIECE: usize = 64 << 10;
/// Pieces that wait for a slow reader, at most.
const WAITING: usize = 16;

/// How long a reader may take for one piece: a kilobyte a second keeps a bundle going.
const PIECE_WITHIN: Duration = Duration::from_secs(60);

/// Query of a bundle.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleQuery {
    from: Option<u64>,
    to: Option<u64>,
}

/// `GET /v1/bundle`.
pub(super) async fn bundle(
    State(shared): App,
    query: Result<Query<BundleQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(BundleQuery { from, to }) = query.map_err(|error| Problem::bad_parameter(error.body_text()))?;
    let tip = shared.replica.tip().borrow().height;
    let to = match to {
        Some(to) => to.min(tip),
        None => last_cosigned(&shared, tip).map_err(Problem::from)?,
    };
    let from = from.unwrap_or(1);
    if from == 0 || from > to {
        return Err(Problem::bad_parameter(format!("heights {from} to {to} are none: the tip is at {tip}")));
    }
    let permit = Arc::clone(&shared.bundles).try_acquire_owned().map_err(|_| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-bundles", "other bundles are being written")
            .hint("ask again when they are done")
    })?;
    let (sender, receiver) = mpsc::channel::<Result<Bytes, io::Error>>(WAITING);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let pieces = Pieces { sender: sender.clone(), buffer: Vec::with_capacity(PIECE), runtime };
        if let Err(error) = write(&shared, pieces, from, to) {
            tracing::warn!(%error, "a bundle was not finished");
            // The reader sees the connection break, and never a short file that looks whole.
            let _ = sender.try_send(Err(error));
        }
    });
    let body = stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|piece| (piece, receiver)) });
    let name = format!("attachment; filename=\"{from}-{to}.standstill\"");
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.standstill.bundle"));
    if let Ok(value) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn write(shared: &Shared, pieces: Pieces, from: u64, to: u64) -> Result<(), io::Error> {
    let failed = |error: BundleError| io::Error::other(error.to_string());
    let missing = |height| io::Error::other(format!("block {height} is missing"));
    let store = shared.replica.store();
    let size = store.header(to).map_err(io::Error::other)?.map_or(0, |header| header.log_size);
    let mut checkpoint = store.checkpoint_to(size).map_err(io::Error::other)?;
    let mut writer = BundleWriter::new(pieces, &shared.treaty, &shared.modules).map_err(failed)?;
    for height in from..=to {
        let block = store.block(height).map_err(io::Error::other)?.ok_or_else(|| missing(height))?;
        let certificate = store.certificate(height).map_err(io::Error::other)?.ok_or_else(|| missing(height))?;
        writer.block(&block, &certificate).map_err(failed)?;
        // A checkpoint stands behind the block whose head it is.
        if let Some((_, note)) = checkpoint.take_if(|(size, _)| *size == block.header.log_size) {
            writer.checkpoint(&note).map_err(failed)?;
        }
    }
    let (mut pieces, _) = writer.finish().map_err(failed)?;
    pieces.flush()
}

/// The last height whose log is whole under a cosigned checkpoint; the tip where none is cosigned yet. Without such a
/// checkpoint a verifier cannot say that this history is the one that the cosigners know.
fn last_cosigned(shared: &Shared, tip: u64) -> Result<u64, crate::store::StoreError> {
    let store = shared.replica.store();
    let size = |height| store.header(height).map(|header| header.map_or(0, |header| header.log_size));
    let Some((cosigned, _)) = store.checkpoint_to(size(tip)?)? else { return Ok(tip) };
    let mut height = tip;
    while height > 1 && size(height)? > cosigned {
        height -= 1;
    }
    Ok(height)
}

/// A writer into a channel.
struct Pieces {
    sender: mpsc::Sender<Result<Bytes, io::Error>>,
    buffer: Vec<u8>,
    runtime: tokio::runtime::Handle,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        let sent = self.runtime.block_on(tokio::time::timeout(PIECE_WITHIN, self.sender.send(Ok(piece))));
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the reader is too slow")),
        }
    }
}
