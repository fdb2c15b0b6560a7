//! Statements of the kinds beside training, evaluation and governance, at random, all of them valid.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use standstill_attestations::claim::*;
use standstill_attestations::countersignature::*;
use standstill_attestations::device::*;
use standstill_attestations::figure::*;
use standstill_attestations::identity::LogHead;
use standstill_attestations::incident::*;
use standstill_attestations::inspection::*;
use standstill_attestations::inventory::*;
use standstill_attestations::plan::*;
use standstill_attestations::statement::{Common, Correction, Kind, Predicate, Statement};
use standstill_attestations::telemetry::*;
use standstill_attestations::training::{CountingRule, RunStage};
use standstill_protocol::log::{MemoryLog, consistency, leaf_hash};
use standstill_protocol::member::Name;
use standstill_protocol::units::{Flop, Timestamp};

use super::{backed, base_models, evidence, hash, interval, maybe, name, subjects, text, word};

/// Of the members that are looked at; the signer is another.
fn common() -> impl Strategy<Value = Common> {
    let corrects = prop::option::of((hash(), text()).prop_map(|(statement, reason)| Correction { statement, reason }));
    (super::common(), corrects).prop_map(|(common, corrects)| Common { corrects, ..common })
}

fn of(common: Common, predicate: Predicate) -> Statement {
    Statement::of(common, predicate).unwrap()
}

fn another(member: Name, signer: &Name) -> Name {
    if member == *signer { "another".parse().unwrap() } else { member }
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0u64..3_000_000_000_000).prop_map(Timestamp)
}

fn window() -> impl Strategy<Value = Window> {
    (time(), 1u64..1_000_000_000).prop_map(|(start, length)| Window { start, end: Timestamp(start.0 + length) })
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 1..60)
}

pub(crate) fn others() -> impl Strategy<Value = Statement> {
    prop_oneof![inventory(), device(), plan(), telemetry(), countersignature(), inspection(), incident()]
}

fn inventory() -> impl Strategy<Value = Statement> {
    let chips = btree_map((name(), word(Ownership::ALL), text()), 1u64..1 << 50, 1..5).prop_map(|all| {
        let mut rows: Vec<ChipCount> = Vec::new();
        for ((accelerator, ownership, other), count) in all {
            let counterparty = (ownership != Ownership::Owned).then_some(other);
            let same = |row: &ChipCount| {
                row.accelerator == accelerator && row.ownership == ownership && row.counterparty == counterparty
            };
            if !rows.iter().any(same) {
                rows.push(ChipCount { accelerator, count, ownership, counterparty });
            }
        }
        rows
    });
    let ids = maybe(hash().prop_map(|root| ChipIds { size: 1, root }));
    (common(), name(), time(), chips, ids, word(Basis::ALL), evidence(1..3)).prop_map(
        |(common, site, as_of, chips, ids, basis, evidence)| {
            let mut inventory = ChipInventory { site, as_of, chips, ids, basis, evidence };
            inventory.evidence = backed(inventory.evidence.clone(), &inventory.figures());
            of(common, Predicate::ChipInventory(inventory))
        },
    )
}

fn device() -> impl Strategy<Value = Statement> {
    let device = (text(), prop::option::of(name()), maybe(hash())).prop_map(|(model, accelerator, tag)| Device {
        model,
        accelerator,
        tag,
    });
    let collateral = btree_map(text(), bytes(), 0..3)
        .prop_map(|all| all.into_iter().map(|(name, data)| Collateral { name, data }).collect());
    let certificates = btree_set(bytes(), 1..4).prop_map(|all| all.into_iter().collect::<Vec<_>>());
    let head = (1u64..1 << 53, hash()).prop_map(|(size, root)| LogHead { size, root });
    let place = (name(), prop::option::of(name()), time(), text(), maybe(text()));
    (common(), word(Vendor::ALL), device, place, head, bytes(), certificates, collateral).prop_map(
        |(common, vendor, device, place, head, report, certificates, collateral)| {
            let (site, run, collected_at, tool, tool_version) = place;
            let certificates = if vendor == Vendor::IntelTdx { Vec::new() } else { certificates };
            of(
                common,
                Predicate::HardwareEvidence(HardwareEvidence {
                    vendor,
                    device,
                    site,
                    run,
                    collected_at,
                    tool,
                    tool_version,
                    head,
                    report,
                    certificates,
                    collateral,
                }),
            )
        },
    )
}

fn plan() -> impl Strategy<Value = Statement> {
    let sites = btree_set(name(), 1..4).prop_map(|all| all.into_iter().collect());
    let chips = btree_map(name(), 1u64.., 1..4)
        .prop_map(|all| all.into_iter().map(|(accelerator, count)| PlannedChips { accelerator, count }).collect());
    let head = (common(), name(), sites, word(RunStage::ALL), 1u64..1_000_000_000, interval());
    let body = (word(CountingRule::ALL), chips, base_models(), text(), prop::option::of(hash()));
    (head, body, word(Basis::ALL), evidence(1..3)).prop_map(|(head, body, basis, evidence)| {
        let (common, run, sites, run_stage, length, flop) = head;
        let (counting_rule, chips, base_models, purpose, amends) = body;
        let planned = Window { start: common.issued_at, end: Timestamp(common.issued_at.0 + length) };
        let flop = Interval { upper: Flop(flop.upper.0 + 1), ..flop };
        let mut plan = RunPlan {
            run,
            sites,
            run_stage,
            planned,
            flop,
            counting_rule,
            chips,
            base_models,
            purpose,
            amends,
            basis,
            evidence,
        };
        plan.evidence = backed(plan.evidence.clone(), &plan.figures());
        of(common, Predicate::RunPlan(plan))
    })
}

fn telemetry() -> impl Strategy<Value = Statement> {
    let sizes = (prop::option::of(1u64..40), 1u64..40);
    (common(), (name(), name()), "[a-z./-]{1,40}", text(), window(), sizes).prop_map(
        |(common, (log, site), origin, leaf_format, window, (before, more))| {
            let mut leaves = MemoryLog::new();
            let mut head = |until: u64| {
                while leaves.size() < until {
                    leaves.append(leaf_hash(&leaves.size().to_be_bytes()));
                }
                LogHead { size: leaves.size(), root: leaves.root() }
            };
            let previous = before.map(&mut head);
            let head = head(before.unwrap_or(0) + more);
            let proof = previous
                .map_or_else(Vec::new, |previous| consistency::prove(&leaves, previous.size, head.size).unwrap());
            let predicate = TelemetryLog { log, site, origin, leaf_format, window, head, previous, proof };
            of(common, Predicate::TelemetryLog(predicate))
        },
    )
}

/// Figures of one kind, none twice.
fn observations() -> impl Strategy<Value = (Kind, Vec<Observation>)> {
    let one = (prop::sample::select(vec![0u32, 1, 63]), 0i128..=900_000, 0i128..=100_000, word(Basis::ALL));
    (word(Figure::KINDS), vec(one, Figure::ALL.len())).prop_map(|(kind, parts)| {
        let figures = Figure::ALL.iter().zip(parts).filter(|(figure, _)| figure.kind() == kind);
        let observations = figures.map(|(figure, (item, lower, width, basis))| Observation {
            figure: *figure,
            item: figure.is_list().then_some(item),
            unit: figure.unit().unwrap_or(Unit::MicroUnits),
            observed: Bounds { lower, upper: lower + width },
            basis,
        });
        (kind, observations.collect())
    })
}

fn countersignature() -> impl Strategy<Value = Statement> {
    let about = (hash(), name(), observations());
    let rest = (word(SignerRole::ALL), window(), prop::option::of(text()), evidence(1..3));
    (common(), subjects(), about, rest).prop_map(|(common, subjects, about, rest)| {
        let (statement, member, (kind, figures)) = about;
        let (role, window, remark, evidence) = rest;
        let member = another(member, &common.member);
        let mut predicate = Countersignature { statement, member, kind, role, window, figures, remark, evidence };
        predicate.evidence = backed(predicate.evidence.clone(), &predicate.figures());
        Statement { subjects, common, predicate: Predicate::Countersignature(predicate) }
    })
}

fn looked_at() -> impl Strategy<Value = LookedAt> {
    (word(Item::ALL), text(), 1u64..1 << 60, maybe(0u64..1 << 60)).prop_map(|(what, description, seen, more)| {
        let of = match more {
            Maybe::Known(more) => Maybe::Known(seen + more),
            Maybe::Unknown(reason) => Maybe::Unknown(reason),
        };
        LookedAt { what, description, seen, of }
    })
}

fn inspection() -> impl Strategy<Value = Statement> {
    let access = prop::sample::select(vec![Access::Full, Access::Managed, Access::Partial]);
    let place = (name(), prop::option::of(name()), word(Occasion::ALL), access, window());
    let examined = btree_map(hash(), observations(), 0..3).prop_map(|all| {
        all.into_iter()
            .map(|(statement, (kind, figures))| Examined { statement, kind, figures })
            .collect::<Vec<Examined>>()
    });
    let outcome = (word(InspectionResult::ALL), vec(text(), 1..3), evidence(1..3));
    (common(), place, vec(looked_at(), 1..4), examined, outcome).prop_map(
        |(common, place, looked_at, examined, (result, findings, evidence))| {
            let (member, site, occasion, access, window) = place;
            let member = another(member, &common.member);
            let mut predicate =
                Inspection { member, site, occasion, access, window, looked_at, examined, result, findings, evidence };
            predicate.evidence = backed(predicate.evidence.clone(), &predicate.figures());
            of(common, Predicate::Inspection(predicate))
        },
    )
}

fn incident() -> impl Strategy<Value = Statement> {
    let what = (prop::option::of(name()), word(Category::ALL), word(Severity::ALL), word(IncidentStatus::ALL));
    let times = (maybe(time()), maybe(0u64..1_000_000_000), 0u64..1_000_000_000);
    let told = (text(), prop::option::of(text()), btree_set(name(), 0..3), btree_map(text(), maybe(hash()), 0..3));
    (common(), what, times, told, evidence(0..2)).prop_map(|(common, what, times, told, evidence)| {
        let (site, category, severity, status) = what;
        let (started_at, ended, noticed) = times;
        let (account, measures, runs, models) = told;
        let start = started_at.known().map_or(0, |start| start.0);
        let ended_at = match ended {
            Maybe::Known(after) if status != IncidentStatus::Ongoing => Maybe::Known(Timestamp(start + after)),
            Maybe::Known(_) => Maybe::Unknown("it goes on".to_owned()),
            Maybe::Unknown(reason) => Maybe::Unknown(reason),
        };
        let predicate = Incident {
            site,
            category,
            severity,
            status,
            started_at,
            ended_at,
            noticed_at: Timestamp(start + noticed),
            account,
            measures,
            runs: runs.into_iter().collect(),
            models: models.into_iter().map(|(name, sha256)| AffectedModel { name, sha256 }).collect(),
            evidence,
        };
        of(common, Predicate::Incident(predicate))
    })
}
