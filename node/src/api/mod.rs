//! The HTTP API: JSON under `/v1`, the log as tlog-tiles at the root, health and metrics.
//!
//! | route | answer |
//! |---|---|
//! | `POST /v1/entries[?wait=final]` | takes a canonical envelope: 202 `pending`, or 200 `final` |
//! | `GET /v1/entries/{id or index}` | where an entry stands, and what it says |
//! | `GET /v1/receipts/{id or index}[?wait=true]` | a tlog-proof |
//! | `GET /v1/status` | the node and the tip |
//! | `GET /v1/members/{member}` | a member, its keys, its next sequence number |
//! | `GET /v1/members/{member}/inventories`, `/plans`, `/telemetry` | what a member has, plans and logs |
//! | `GET /v1/claims/{id}` | a statement's grade, corrections, and what others say of it |
//! | `GET /v1/verdicts`, `/v1/obligations` | `?from=&to=` periods, `&member=`, `&clause=` |
//! | `GET /v1/blocks/{height}` | a header, its signers, its entries |
//! | `GET /v1/bundle[?from=&to=]` | heights as a bundle file, streamed |
//! | `GET /checkpoint`, `/policy`, `/tile/…` | C2SP tlog-tiles |
//! | `GET /livez`, `/readyz`, `/metrics` | health |
//!
//! 1. Every error is a problem document with a stable `code` and a hint.
//! 2. A body is read up to the length of a log entry and no further. Connections are bounded in number; head, body, work and
//!    each piece of an answer have a deadline.
//! 3. Nothing here changes the ledger but through `Replica::submit`, which checks as if the sender were hostile.
//! 4. The store is read on blocking threads, in bounded number, so that a slow disk stalls nobody else.

mod bundle;
pub mod claims;
mod entries;
mod health;
mod ledger;
mod log;
mod problem;
mod serve;
pub mod views;

use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use standstill_consensus::{Handle, Status};
use tokio::sync::{Semaphore, mpsc, watch};
use tower_http::timeout::TimeoutLayer;

use crate::cosign::Cosigner;
use crate::gossip::{Network, Outgoing};
use crate::replica::Replica;

pub use problem::{Problem, ProblemView};
pub(crate) use serve::{Limits, serve};

/// Bundles that are written at once, at most: each reads the store from one end to the other.
const MAX_BUNDLES: usize = 2;
/// Requests that wait for finality at once, at most.
const MAX_WAITING: usize = 512;
/// Requests that work on a blocking thread at once, at most; others wait for their turn.
const MAX_READS: usize = 64;

/// What every handler needs.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) replica: Arc<Replica>,
    pub(crate) cosigner: Arc<Cosigner>,
    pub(crate) gossip: mpsc::Sender<Outgoing>,
    pub(crate) network: watch::Receiver<Network>,
    /// Closed when the task that signs and publishes has ended.
    pub(crate) follows: watch::Receiver<()>,
    /// Weak, so that a request which outlives the node does not keep its engine running.
    pub(crate) engine: Weak<Handle>,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) member: String,
    pub(crate) treaty: Vec<u8>,
    pub(crate) modules: Vec<Vec<u8>>,
    pub(crate) timeout: Duration,
    pub(crate) wait_final: Duration,
    pub(crate) bundles: Arc<Semaphore>,
    pub(crate) waiting: Arc<Semaphore>,
    pub(crate) reads: Arc<Semaphore>,
}

impl Shared {
    /// For bundles, waits and reads.
    pub(crate) fn semaphores() -> [Arc<Semaphore>; 3] {
        [MAX_BUNDLES, MAX_WAITING, MAX_READS].map(|permits| Arc::new(Semaphore::new(permits)))
    }
}

type App = axum::extract::State<Arc<Shared>>;

/// Every route.
pub(crate) fn router(shared: Arc<Shared>, timeout: Duration) -> Router {
    let quick = Router::new()
        .route("/v1/status", get(ledger::status))
        .route("/v1/entries/{key}", get(entries::show))
        .route("/v1/members/{member}", get(ledger::member))
        .route("/v1/members/{member}/inventories", get(claims::inventories))
        .route("/v1/members/{member}/plans", get(claims::plans))
        .route("/v1/members/{member}/telemetry", get(claims::telemetry))
        .route("/v1/claims/{id}", get(claims::claim))
        .route("/v1/verdicts", get(ledger::verdicts))
        .route("/v1/obligations", get(ledger::obligations))
        .route("/v1/blocks/{height}", get(ledger::block))
        .route("/checkpoint", get(log::checkpoint))
        .route("/policy", get(log::policy))
        .route("/tile/{*path}", get(log::tile))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, timeout));
    // These have deadlines of their own.
    let slow = Router::new()
        .route("/v1/entries", post(entries::submit))
        .route("/v1/receipts/{key}", get(log::receipt))
        .route("/v1/bundle", get(bundle::bundle));
    quick.merge(slow).fallback(unknown_route).with_state(shared)
}

async fn unknown_route(uri: axum::http::Uri) -> Problem {
    Problem::not_found(format!("there is no `{}`", uri.path())).hint("`docs/reference/http-api.md` lists every route")
}

/// Runs store work on a blocking thread.
async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let turn = tokio::time::timeout(shared.timeout, Arc::clone(&shared.reads).acquire_owned()).await;
    let Ok(Ok(permit)) = turn else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "too many other requests are being answered",
        )
        .hint("ask again, or ask another node"));
    };
    let shared = Arc::clone(shared);
    let worked = tokio::task::spawn_blocking(move || {
        // Held until the work is done, even if nobody waits for it any more.
        let _permit = permit;
        work(&shared)
    });
    worked.await?
}
