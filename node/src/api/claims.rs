//! Reading what the ledger knows of statements and of labs: grades, corrections, inventories, plans, labs' own logs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use standstill_ledger::query;
use standstill_ledger::schema::{ClaimRecord, InventoryRecord, Opinion, PlanRecord, TelemetryRecord};
use standstill_ledger::state::StateRead;
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};

use super::{App, Problem, Shared, blocking};

/// `GET /v1/claims/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimView {
    /// The statement's id.
    pub id: String,
    /// Whose it is.
    pub member: String,
    /// Its kind.
    pub kind: String,
    /// Its log index.
    pub index: u64,
    /// `declared`, `cross-checked`, `countersigned`, `attested`, `replayed` or `inspected`.
    pub grade: String,
    /// The statement that it supersedes.
    pub corrects: Option<String>,
    /// The statement that supersedes it.
    pub corrected_by: Option<String>,
    /// What others, chips and its own figures say of it.
    pub opinions: Vec<OpinionView>,
}

/// What somebody says of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpinionView {
    /// Who signed it.
    pub by: String,
    /// `cross-check`, `meter`, `host`, `evaluator`, `inspector`, `device` or `inspection`.
    pub manner: String,
    /// `agrees`, `neutral` or `disagrees`.
    pub outcome: String,
    /// The statement in which it is said.
    pub statement: String,
    /// Its log index.
    pub index: u64,
}

/// A row of `GET /v1/members/{member}/inventories`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryView {
    /// The site.
    pub site: String,
    /// The statement's id.
    pub statement: String,
    /// Its log index.
    pub index: u64,
    /// Since when the counts hold.
    pub as_of: String,
    /// Chips of all sorts.
    pub chips: u64,
    /// Their peak in a second, in FLOP.
    pub peak_flop_per_second: String,
    /// Root over the chips' tags, zero where there is none.
    pub root: String,
}

/// A row of `GET /v1/members/{member}/plans`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// The run.
    pub run: String,
    /// The plan in force.
    pub statement: String,
    /// Its log index.
    pub index: u64,
    /// Planned start.
    pub start: String,
    /// Planned end.
    pub end: String,
    /// FLOP of the whole run, at least.
    pub flop_lower: String,
    /// FLOP of the whole run, at most.
    pub flop_upper: String,
    /// Chips at once, at most.
    pub chips: u64,
    /// Plans of this run before it.
    pub amendments: u32,
}

/// A row of `GET /v1/members/{member}/telemetry`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelemetryView {
    /// The log.
    pub log: String,
    /// The statement of its last checkpoint.
    pub statement: String,
    /// Its log index.
    pub index: u64,
    /// The origin of its own checkpoints.
    pub origin: String,
    /// How a leaf reads.
    pub leaf_format: String,
    /// Leaves.
    pub size: u64,
    /// Their root.
    pub root: String,
    /// The end of what the readings cover.
    pub end: String,
    /// Checkpoints so far.
    pub checkpoints: u64,
}

/// `GET /v1/claims/{id}`.
pub(super) async fn claim(State(shared): App, Path(id): Path<String>) -> Result<Json<ClaimView>, Problem> {
    blocking(&shared, move |shared| {
        let none = || Problem::not_found("no statement of that id can be spoken of on this ledger");
        let id: StatementId = id.parse::<Hash>().map_err(|_| Problem::bad_parameter("not the id of a statement"))?;
        let snapshot = shared.replica.store().snapshot()?;
        Ok(Json(claim_view(&id, query::claim(&snapshot, &id)?.ok_or_else(none)?)))
    })
    .await
}

fn claim_view(id: &StatementId, claim: ClaimRecord) -> ClaimView {
    let opinion = |one: Opinion| OpinionView {
        by: one.by.to_string(),
        manner: one.manner.as_str().to_owned(),
        outcome: one.outcome.as_str().to_owned(),
        statement: one.statement.to_string(),
        index: one.index,
    };
    ClaimView {
        id: id.to_string(),
        member: claim.member.to_string(),
        kind: claim.kind.kind().to_string(),
        index: claim.index,
        grade: claim.grade.as_str().to_owned(),
        corrects: claim.corrects.map(|id| id.to_string()),
        corrected_by: claim.corrected_by.map(|id| id.to_string()),
        opinions: claim.opinions.into_iter().map(opinion).collect(),
    }
}

/// Rows about a member, by a query of the state.
async fn rows<T, V>(
    shared: Arc<Shared>,
    id: String,
    ask: fn(&dyn StateRead, &MemberId) -> Result<Vec<T>, standstill_ledger::StateFault>,
    view: fn(T) -> V,
) -> Result<Json<Vec<V>>, Problem>
where
    T: 'static,
    V: Send + 'static,
{
    blocking(&shared, move |shared| {
        let none = || Problem::not_found(format!("`{}` is not a member", id.chars().take(40).collect::<String>()));
        let member = shared.replica.rules().treaty().member(&id).ok_or_else(none)?;
        let snapshot = shared.replica.store().snapshot()?;
        Ok(Json(ask(&snapshot, &member.id)?.into_iter().map(view).collect()))
    })
    .await
}

/// `GET /v1/members/{member}/inventories`.
pub(super) async fn inventories(
    State(shared): App,
    Path(id): Path<String>,
) -> Result<Json<Vec<InventoryView>>, Problem> {
    rows(shared, id, query::inventories, inventory_view).await
}

fn inventory_view((site, one): (Name, InventoryRecord)) -> InventoryView {
    InventoryView {
        site: site.to_string(),
        statement: one.statement.to_string(),
        index: one.index,
        as_of: one.as_of.to_string(),
        chips: one.chips,
        peak_flop_per_second: one.peak.to_string(),
        root: one.root.to_string(),
    }
}

/// `GET /v1/members/{member}/plans`.
pub(super) async fn plans(State(shared): App, Path(id): Path<String>) -> Result<Json<Vec<PlanView>>, Problem> {
    rows(shared, id, query::plans, plan_view).await
}

fn plan_view((run, one): (Name, PlanRecord)) -> PlanView {
    PlanView {
        run: run.to_string(),
        statement: one.statement.to_string(),
        index: one.index,
        start: one.start.to_string(),
        end: one.end.to_string(),
        flop_lower: one.lower.to_string(),
        flop_upper: one.upper.to_string(),
        chips: one.chips,
        amendments: one.amendments,
    }
}

/// `GET /v1/members/{member}/telemetry`.
pub(super) async fn telemetry(State(shared): App, Path(id): Path<String>) -> Result<Json<Vec<TelemetryView>>, Problem> {
    rows(shared, id, query::telemetry, telemetry_view).await
}

fn telemetry_view((log, one): (Name, TelemetryRecord)) -> TelemetryView {
    TelemetryView {
        log: log.to_string(),
        statement: one.statement.to_string(),
        index: one.index,
        origin: one.origin,
        leaf_format: one.leaf_format,
        size: one.size,
        root: one.root.to_string(),
        end: one.end.to_string(),
        checkpoints: one.checkpoints,
    }
}
