//! Health and metrics. Each readiness criterion is also a gauge, so that an alert and `/readyz` never disagree.

use std::sync::atomic::AtomicU64;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{App, Shared};
use crate::clock;

/// Heartbeats without a block after which a node is not ready.
const STALE_HEARTBEATS: u64 = 3;

/// One condition of readiness.
#[derive(Clone, Debug)]
pub(super) struct Criterion {
    pub(super) name: &'static str,
    pub(super) met: bool,
    pub(super) detail: String,
}

/// What a node needs to be of use.
pub(super) fn criteria(shared: &Shared) -> Vec<Criterion> {
    let status = shared.status.borrow().clone();
    let treaty = shared.replica.rules().treaty();
    let needed = shared.replica.rules().genesis_validators().quorum() - 1;
    let tip = shared.replica.tip().borrow().header.clone();
    let age = clock::now().since(tip.map_or(treaty.genesis_time, |tip| tip.time));
    let limit = treaty.clocks.heartbeat_ms.saturating_mul(STALE_HEARTBEATS);
    let criterion = |name, met, detail| Criterion { name, met, detail };
    // A channel is closed when its task has ended.
    let network = shared.network.borrow().peers;
    let gossips = shared.network.has_changed().is_ok();
    let publishes = shared.follows.has_changed().is_ok();
    let (waits, lag) = uncosigned(shared);
    vec![
        criterion("engine", status.stop.is_none(), "the consensus engine runs".to_owned()),
        criterion("progress", !status.stalled, format!("height {} moves", status.height)),
        criterion("votes", !status.following, "this node signs, and does not only follow".to_owned()),
        criterion("peers", status.peers >= needed, format!("{} of {needed} validators connected", status.peers)),
        criterion("gossip", gossips && network >= needed, format!("{network} of {needed} members connected to gossip")),
        criterion("block_age", age <= limit, format!("the last block is {age} ms old, at most {limit} ms")),
        criterion("publishing", publishes, "heads are signed and the log is published".to_owned()),
        criterion("cosigned", lag <= limit, format!("{waits} leaves wait for a quorum of cosigners, {lag} ms at most")),
        criterion("store", shared.replica.store().tip().is_ok(), "the store can be read".to_owned()),
        criterion(
            "store_writes",
            shared.replica.store().is_writable(),
            "the last write to the store worked".to_owned(),
        ),
    ]
}

/// Leaves without a quorum of cosigners, and how old the first one's block is in milliseconds.
fn uncosigned(shared: &Shared) -> (u64, u64) {
    let cosigned = *shared.cosigner.cosigned().borrow();
    let waits = shared.replica.tip().borrow().log_size().saturating_sub(cosigned);
    if waits == 0 {
        return (0, 0);
    }
    let store = shared.replica.store();
    let height = store.locate(cosigned).ok().flatten().map(|(height, _)| height);
    let header = height.and_then(|height| store.header(height).ok().flatten());
    (waits, header.map_or(u64::MAX, |header| clock::now().since(header.time)))
}

/// `GET /livez`.
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// `GET /readyz`.
pub(super) async fn readyz(State(shared): App) -> Response {
    let criteria = criteria(&shared);
    let ready = criteria.iter().all(|criterion| criterion.met);
    let mut text = String::new();
    for Criterion { name, met, detail } in &criteria {
        text.push_str(&format!("{} {name}: {detail}\n", if *met { "ok     " } else { "not met" }));
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, text).into_response()
}

/// `GET /metrics`, OpenMetrics text.
pub(super) async fn metrics(State(shared): App) -> Response {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, &registry(&shared));
    let own = text.strip_suffix("# EOF\n").unwrap_or(&text).to_owned();
    let engine = shared.engine.upgrade().map(|engine| engine.metrics()).unwrap_or_default();
    let engine = engine.strip_suffix("# EOF\n").unwrap_or(&engine);
    let content = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content)], format!("{own}{engine}# EOF\n")).into_response()
}

fn registry(shared: &Shared) -> Registry {
    let mut registry = Registry::with_prefix("standstill");
    let gauge = |registry: &mut Registry, name: &str, help: &str, value: u64| {
        let gauge: Gauge<u64, AtomicU64> = Gauge::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    let tip = shared.replica.tip().borrow().clone();
    let (entries, bytes) = shared.replica.pool_size();
    let (consensus, gossip) = (shared.status.borrow().peers, shared.network.borrow().peers);
    let cosigned = *shared.cosigner.cosigned().borrow();
    gauge(&mut registry, "ledger_height", "Height of the last committed block", tip.height);
    gauge(&mut registry, "ledger_log_leaves", "Leaves in the log", tip.log_size());
    gauge(&mut registry, "ledger_cosigned_leaves", "Leaves under the newest cosigned checkpoint", cosigned);
    gauge(&mut registry, "pool_entries", "Entries that wait for a block", entries as u64);
    gauge(&mut registry, "pool_bytes", "Bytes of the entries that wait", bytes as u64);
    gauge(&mut registry, "consensus_peers", "Connected validators", consensus as u64);
    gauge(&mut registry, "gossip_peers", "Connected members in the gossip network", gossip as u64);
    let ready: Family<Vec<(String, String)>, Gauge<u64, AtomicU64>> = Family::default();
    for criterion in criteria(shared) {
        let label = vec![("name".to_owned(), criterion.name.to_owned())];
        ready.get_or_create(&label).set(u64::from(criterion.met));
    }
    registry.register("ready_criterion", "Whether a condition of readiness is met", ready);
    registry
}
