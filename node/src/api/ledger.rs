//! Reading the ledger: status, members, verdicts, obligations, blocks.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use standstill_consensus::Stop;
use standstill_ledger::query;
use standstill_protocol::member::{MemberId, Name};

use super::health;
use super::views::{
    BlockView, ConsensusView, GossipView, KeyView, MemberView, ObligationRow, Page, PendingView, StatusView,
    VerdictView,
};
use super::{App, Problem, Shared, blocking};
use crate::clock;

/// Periods answered at once, at most.
const MAX_PERIODS: u32 = 1024;

/// `GET /v1/status`.
pub(super) async fn status(State(shared): App) -> Result<Json<StatusView>, Problem> {
    blocking(&shared, |shared| status_view(shared).map(Json)).await
}

pub(super) fn status_view(shared: &Shared) -> Result<StatusView, Problem> {
    let replica = &shared.replica;
    let snapshot = replica.store().snapshot()?;
    let treaty = replica.rules().treaty();
    let meta = query::meta(&snapshot)?;
    let tip = snapshot.tip();
    let (entries, bytes) = replica.pool_size();
    let network = shared.network.borrow().clone();
    let root = standstill_ledger::state::root(&snapshot)?;
    let log_root = tip.map_or_else(standstill_protocol::log::empty_root, |tip| tip.log_root);
    let cosigned_size = *shared.cosigner.cosigned().borrow();
    Ok(StatusView {
        schema: "standstill.status/1".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        member: shared.member.clone(),
        chain_id: treaty.chain_id.to_string(),
        treaty: treaty.name.to_string(),
        height: snapshot.height(),
        time: tip.map(|tip| tip.time.to_string()),
        block: tip.map(|tip| tip.hash().to_string()),
        state_root: root.to_string(),
        log_size: tip.map_or(0, |tip| tip.log_size),
        log_root: log_root.to_string(),
        cosigned_size,
        phase: meta.as_ref().map(|meta| meta.phase.to_string()).unwrap_or_default(),
        period: treaty.periods.index_at(clock::now()),
        statements: meta.map_or(0, |meta| meta.statements),
        pending: PendingView { entries, bytes },
        consensus: consensus_view(shared),
        gossip: GossipView { peers: network.peers, listening: network.listening },
        ready: health::criteria(shared).iter().all(|criterion| criterion.met),
    })
}

fn consensus_view(shared: &Shared) -> ConsensusView {
    let status = shared.status.borrow().clone();
    ConsensusView {
        height: status.height,
        round: status.round,
        idle: status.idle,
        stalled: status.stalled,
        peers: status.peers,
        peers_needed: shared.replica.rules().genesis_validators().quorum() - 1,
        listening: status.listening,
        stopped: status.stop.map(|stop| match stop {
            Stop::Asked => "asked to".to_owned(),
            Stop::Failed { reason } => format!("failed: {reason}"),
            Stop::Unsafe { reason } => format!("unsafe to go on: {reason}"),
        }),
    }
}

/// `GET /v1/members/{member}`.
pub(super) async fn member(State(shared): App, Path(id): Path<String>) -> Result<Json<MemberView>, Problem> {
    blocking(&shared, move |shared| {
        let treaty = shared.replica.rules().treaty();
        let none = || Problem::not_found(format!("`{}` is not a member", id.chars().take(40).collect::<String>()));
        let member = treaty.member(&id).ok_or_else(none)?;
        let snapshot = shared.replica.store().snapshot()?;
        let keys = query::keys(&snapshot, &member.id)?;
        let next_sequence = shared.replica.next_sequence(&member.id)?.ok_or_else(none)?;
        let key_view = |view: query::KeyView| KeyView {
            id: view.id.to_string(),
            key: view.record.key.to_string(),
            active_from: view.record.active_from,
            revoked_at: view.record.revoked_at,
        };
        Ok(Json(MemberView {
            member: member.id.to_string(),
            title: member.title.clone(),
            roles: member.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect(),
            next_sequence,
            keys: keys.into_iter().map(key_view).collect(),
        }))
    })
    .await
}

/// Which verdicts or obligations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeriodQuery {
    from: Option<u32>,
    to: Option<u32>,
    member: Option<MemberId>,
    clause: Option<Name>,
}

impl PeriodQuery {
    /// The periods asked for; by default the newest, as many as one answer may hold.
    fn range(&self, opened: u32) -> Result<(u32, u32), Problem> {
        let to = self.to.unwrap_or(opened).min(opened);
        let from = self.from.unwrap_or(to.saturating_sub(MAX_PERIODS));
        if to.saturating_sub(from) > MAX_PERIODS {
            return Err(Problem::bad_parameter(format!("{from} to {to} are more than {MAX_PERIODS} periods"))
                .hint("ask in pieces with `from` and `to`"));
        }
        Ok((from, to))
    }

    fn wants(&self, member: &MemberId, clause: &Name) -> bool {
        self.member.as_ref().is_none_or(|wanted| wanted == member)
            && self.clause.as_ref().is_none_or(|wanted| wanted == clause)
    }
}

type Periods = Result<Query<PeriodQuery>, QueryRejection>;

fn parameters(query: Periods) -> Result<PeriodQuery, Problem> {
    query.map(|Query(query)| query).map_err(|error| Problem::bad_parameter(error.body_text()))
}

/// `GET /v1/verdicts`.
pub(super) async fn verdicts(State(shared): App, query: Periods) -> Result<Json<Page<VerdictView>>, Problem> {
    let wanted = parameters(query)?;
    blocking(&shared, move |shared| {
        let snapshot = shared.replica.store().snapshot()?;
        let opened = query::meta(&snapshot)?.map_or(0, |meta| meta.next_open);
        let (from, to) = wanted.range(opened)?;
        let records = query::verdicts(&snapshot, shared.replica.rules().treaty(), from, to)?;
        let rows = records.iter().filter(|record| wanted.wants(&record.member, &record.clause));
        let rows = rows.map(VerdictView::from).collect();
        Ok(Json(Page { schema: "standstill.verdicts/1".to_owned(), height: snapshot.height(), rows }))
    })
    .await
}

/// `GET /v1/obligations`.
pub(super) async fn obligations(State(shared): App, query: Periods) -> Result<Json<Page<ObligationRow>>, Problem> {
    let wanted = parameters(query)?;
    blocking(&shared, move |shared| {
        let snapshot = shared.replica.store().snapshot()?;
        let opened = query::meta(&snapshot)?.map_or(0, |meta| meta.next_open);
        let (from, to) = wanted.range(opened)?;
        let views = query::obligations(&snapshot, shared.replica.rules().treaty(), from, to)?;
        let rows = views.iter().filter(|view| wanted.wants(&view.member, &view.clause));
        let rows = rows.map(ObligationRow::from).collect();
        Ok(Json(Page { schema: "standstill.obligations/1".to_owned(), height: snapshot.height(), rows }))
    })
    .await
}

/// `GET /v1/blocks/{height}`.
pub(super) async fn block(State(shared): App, Path(height): Path<String>) -> Result<Json<BlockView>, Problem> {
    let height: u64 = height.parse().map_err(|_| Problem::bad_parameter("a height is a whole number from 1"))?;
    blocking(&shared, move |shared| {
        let store = shared.replica.store();
        let none = || Problem::not_found(format!("there is no block {height}"));
        let block = store.block(height)?.ok_or_else(none)?;
        let certificate = store.certificate(height)?.ok_or_else(none)?;
        Ok(Json(BlockView::new(&block, &certificate)))
    })
    .await
}
