//! What a lab has, plans, logs and suffers: inventories, plans, checkpoints of its own logs, incidents.

use standstill_attestations::incident::Severity;
use standstill_attestations::inventory::ChipCount;
use standstill_attestations::{ChipInventory, Incident, RunPlan, Statement, TelemetryLog};
use standstill_policies::record;
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Flop;

use super::execution::Execution;
use crate::MAX_LOGS;
use crate::refusal::{AdmissionError, Refusal};
use crate::schema::{ClaimRecord, Content, InventoryRecord, Key, MemberRecord, PlanRecord, TelemetryRecord};
use crate::state::StateFault;

impl Execution<'_> {
    /// A lab may name the site.
    pub(crate) fn check_site(&self, name: &MemberId, member: &MemberRecord, site: &Name) -> Result<(), AdmissionError> {
        let known = self.number("site", &Key::Site(name.clone(), site.clone()))?;
        if known.is_none() && member.sites >= crate::MAX_SITES {
            let (member, site) = (name.clone(), site.clone());
            return Err(Refusal::TooManySites { member, site, limit: crate::MAX_SITES }.into());
        }
        Ok(())
    }

    /// A lab may name the run.
    pub(crate) fn check_run_name(
        &self,
        name: &MemberId,
        member: &MemberRecord,
        run: &Name,
    ) -> Result<(), AdmissionError> {
        let known = self.number("run", &Key::Run(name.clone(), run.clone()))?;
        if known.is_none() && member.runs >= crate::MAX_RUNS {
            let (member, run) = (name.clone(), run.clone());
            return Err(Refusal::TooManyRuns { member, run, limit: crate::MAX_RUNS, scope: "on this ledger" }.into());
        }
        Ok(())
    }

    /// A statement about no period counts among those of this moment's.
    pub(crate) fn check_own_period(&self, name: &MemberId) -> Result<(), Refusal> {
        self.current_period().map_or(Ok(()), |period| self.check_budget(name, period))
    }

    pub(crate) fn check_inventory(
        &self,
        name: &MemberId,
        member: &MemberRecord,
        own: &ChipInventory,
        corrected: Option<&ClaimRecord>,
    ) -> Result<(), AdmissionError> {
        self.check_past(own.as_of)?;
        self.check_site(name, member, &own.site)?;
        self.check_own_period(name)?;
        if let Some(old) = corrected {
            let site = self.number("site", &Key::Site(name.clone(), own.site.clone()))?;
            if old.content != Content::Inventory(site.unwrap_or(0)) {
                return Err(Refusal::CorrectionElsewhere { what: "site" }.into());
            }
        }
        if let Some(table) = self.rules.chip_table()
            && let Some(row) = own.chips.iter().find(|row| table.find(&row.accelerator).is_none())
        {
            return Err(Refusal::UnknownAccelerator { accelerator: row.accelerator.clone() }.into());
        }
        Ok(())
    }

    pub(crate) fn record_inventory(
        &mut self,
        statement: &Statement,
        own: &ChipInventory,
        member: &mut MemberRecord,
        at: (StatementId, u64),
    ) -> Result<(), StateFault> {
        let name = &statement.common.member;
        let site = self.intern_site(name, member, &own.site)?;
        self.open_claim(statement, at, Content::Inventory(site))?;
        let (chips, peak) = self.chips_and_peak(&own.chips);
        let root = own.ids.known().map_or(Hash::ZERO, |ids| ids.root);
        let key = Key::Inventory(name.clone(), site);
        let known: Option<InventoryRecord> = self.work.get("inventory", &key)?;
        let corrects = statement.common.corrects.as_ref().map(|correction| correction.statement);
        let newest = known.is_none_or(|known| known.as_of <= own.as_of || Some(known.statement) == corrects);
        if newest {
            let record = InventoryRecord { statement: at.0, index: at.1, as_of: own.as_of, chips, peak, root };
            self.work.put(&key, &record);
        }
        if let Some(mut record) = self.record_now(record::Kind::ChipInventory, at.1, member.number) {
            (record.start, record.end, record.site) = (own.as_of, own.as_of, site);
            (record.flop_lower, record.flop_upper) = (peak, peak);
            record.flags = u32::try_from(chips).unwrap_or(u32::MAX);
            let leased = own.chips.iter().map(ownership_bit).fold(0u32, |all, one| all | one);
            let parts = [root.as_bytes().as_slice(), &chips.to_le_bytes(), &leased.to_le_bytes(), &[0; 4]];
            record.rest = parts.concat();
            self.touch_of(name, name, record);
        }
        Ok(())
    }

    /// Chips of all sorts, and their peak in a second after the treaty's table.
    fn chips_and_peak(&self, rows: &[ChipCount]) -> (u64, Flop) {
        let chips = rows.iter().fold(0u64, |sum, row| sum.saturating_add(row.count));
        let peak = |row: &ChipCount| {
            let chip = self.rules.chip_table().and_then(|table| table.find(&row.accelerator));
            chip.map_or(0, |chip| u128::from(chip.highest_peak()).saturating_mul(row.count.into()))
        };
        (chips, Flop(rows.iter().map(peak).fold(0, u128::saturating_add)))
    }

    pub(crate) fn check_plan(
        &self,
        name: &MemberId,
        member: &MemberRecord,
        own: &RunPlan,
        (corrects, corrected): (Option<StatementId>, Option<&ClaimRecord>),
    ) -> Result<(), AdmissionError> {
        self.check_run_name(name, member, &own.run)?;
        self.check_own_period(name)?;
        let run = self.number("run", &Key::Run(name.clone(), own.run.clone()))?.unwrap_or(0);
        let known: Option<PlanRecord> = self.work.get("plan", &Key::Plan(name.clone(), run))?;
        let known = known.map(|plan| plan.statement);
        if corrected.is_some_and(|old| old.content != Content::Plan(run)) {
            return Err(Refusal::CorrectionElsewhere { what: "run" }.into());
        }
        let replaced = if corrected.is_some() { corrects } else { own.amends };
        if replaced != known {
            return Err(Refusal::OtherPlan { run: own.run.clone(), found: replaced, known }.into());
        }
        Ok(())
    }

    pub(crate) fn record_plan(
        &mut self,
        statement: &Statement,
        own: &RunPlan,
        member: &mut MemberRecord,
        at: (StatementId, u64),
    ) -> Result<(), StateFault> {
        let name = &statement.common.member;
        let run = self.intern_run(name, member, &own.run)?;
        self.open_claim(statement, at, Content::Plan(run))?;
        let key = Key::Plan(name.clone(), run);
        let known: Option<PlanRecord> = self.work.get("plan", &key)?;
        let amended = own.amends.is_some() && statement.common.corrects.is_none();
        let amendments = known.map_or(0, |known| known.amendments.saturating_add(u32::from(amended)));
        let chips = own.chips.iter().fold(0u64, |sum, row| sum.saturating_add(row.count));
        let (start, end) = (own.planned.start, own.planned.end);
        let (lower, upper) = (own.flop.lower, own.flop.upper);
        let plan = PlanRecord { statement: at.0, index: at.1, start, end, lower, upper, chips, amendments };
        self.work.put(&key, &plan);
        let lineage = self.plan_lineage(own)?;
        if let Some(mut record) = self.record_now(record::Kind::RunPlan, at.1, member.number) {
            (record.start, record.end, record.run) = (start, end, run);
            (record.flop_lower, record.flop_upper) = (lower, upper);
            if let Some(site) = own.sites.first() {
                record.site = self.number("site", &Key::Site(name.clone(), site.clone()))?.unwrap_or(0);
            }
            record.flags = u32::try_from(chips).unwrap_or(u32::MAX);
            record.rest = lineage;
            self.touch_of(name, name, record);
        }
        Ok(())
    }

    /// A log's first checkpoint starts it; every later one continues the last.
    pub(crate) fn check_telemetry(
        &self,
        name: &MemberId,
        member: &MemberRecord,
        own: &TelemetryLog,
    ) -> Result<(), AdmissionError> {
        self.check_window_past(&own.window)?;
        self.check_site(name, member, &own.site)?;
        self.check_own_period(name)?;
        let known: Option<TelemetryRecord> =
            self.work.get("telemetry", &Key::Telemetry(name.clone(), own.log.clone()))?;
        let log = || own.log.clone();
        let Some(known) = known else {
            if let Some(previous) = own.previous {
                return Err(Refusal::LogNotStarted { log: log(), size: previous.size }.into());
            }
            let logs: u32 = self.work.get("telemetry logs", &Key::TelemetryLogs(name.clone()))?.unwrap_or(0);
            if logs >= MAX_LOGS {
                return Err(Refusal::TooManyLogs { member: name.clone(), log: log(), limit: MAX_LOGS }.into());
            }
            return Ok(());
        };
        let site = self.number("site", &Key::Site(name.clone(), own.site.clone()))?;
        for (field, same) in [
            ("site", site == Some(known.site)),
            ("origin", own.origin == known.origin),
            ("leafFormat", own.leaf_format == known.leaf_format),
        ] {
            if !same {
                return Err(Refusal::LogChanged { log: log(), field }.into());
            }
        }
        if own.head.size < known.size {
            return Err(Refusal::LogShrank { log: log(), size: own.head.size, known: known.size }.into());
        }
        // The proof from `previous` was checked when the statement was read.
        if own.previous.is_none_or(|previous| (previous.size, previous.root) != (known.size, known.root)) {
            return Err(Refusal::LogForked { log: log(), size: known.size, root: known.root }.into());
        }
        Ok(())
    }

    pub(crate) fn record_telemetry(
        &mut self,
        statement: &Statement,
        own: &TelemetryLog,
        member: &mut MemberRecord,
        at: (StatementId, u64),
    ) -> Result<(), StateFault> {
        let name = &statement.common.member;
        let site = self.intern_site(name, member, &own.site)?;
        self.open_claim(statement, at, Content::None)?;
        let key = Key::Telemetry(name.clone(), own.log.clone());
        let known: Option<TelemetryRecord> = self.work.get("telemetry", &key)?;
        if known.is_none() {
            let count = Key::TelemetryLogs(name.clone());
            let logs: u32 = self.work.get("telemetry logs", &count)?.unwrap_or(0);
            self.work.put(&Key::TelemetryName(name.clone(), logs), &own.log);
            self.work.put(&count, &logs.saturating_add(1));
        }
        let (before, checkpoints) = known.map_or((0, 0), |known| (known.size, known.checkpoints));
        let record = TelemetryRecord {
            statement: at.0,
            index: at.1,
            site,
            origin: own.origin.clone(),
            leaf_format: own.leaf_format.clone(),
            size: own.head.size,
            root: own.head.root,
            end: own.window.end,
            checkpoints: checkpoints.saturating_add(1),
        };
        self.work.put(&key, &record);
        if let Some(mut record) = self.record_now(record::Kind::TelemetryLog, at.1, member.number) {
            (record.start, record.end, record.site) = (own.window.start, own.window.end, site);
            let parts = [own.head.root.as_bytes().as_slice(), &own.head.size.to_le_bytes(), &before.to_le_bytes()];
            record.rest = parts.concat();
            self.touch_of(name, name, record);
        }
        Ok(())
    }

    pub(crate) fn record_incident(
        &mut self,
        statement: &Statement,
        own: &Incident,
        member: &MemberRecord,
        at: (StatementId, u64),
    ) -> Result<(), StateFault> {
        let name = &statement.common.member;
        self.open_claim(statement, at, Content::None)?;
        if let Some(mut record) = self.record_now(record::Kind::Incident, at.1, member.number) {
            record.start = own.started_at.known().copied().unwrap_or(own.noticed_at);
            record.end = own.noticed_at;
            if let Some(site) = &own.site {
                record.site = self.number("site", &Key::Site(name.clone(), site.clone()))?.unwrap_or(0);
            }
            record.flags = severity_number(own.severity);
            self.touch_of(name, name, record);
        }
        Ok(())
    }
}

/// Bit 0 where there are owned chips, bit 1 leased, bit 2 hosted.
fn ownership_bit(row: &ChipCount) -> u32 {
    use standstill_attestations::inventory::Ownership;
    match row.ownership {
        Ownership::Owned => 1,
        Ownership::Leased => 2,
        Ownership::Hosted => 4,
        _ => 0,
    }
}

/// 1 for minor, 2 for serious, 3 for critical.
fn severity_number(severity: Severity) -> u32 {
    match severity {
        Severity::Minor => 1,
        Severity::Serious => 2,
        Severity::Critical => 3,
        _ => 0,
    }
}
