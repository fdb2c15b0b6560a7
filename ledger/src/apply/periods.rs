//! Reporting periods and what is owed for them.
//!
//! ```text
//!   start              end          due      overdue_since        closed_at
//!     │ opened: obligations │ reports │ late? not yet: grace │ missed, assessed
//! ────┴─────────────────────┴─────────┴──────────────────────┴────────────────▶ block time, heights
//!                                     └── 2f + 2 blocks ─────┘
//! ```
//!
//! A period opens with the first block at or after its start, before that block's entries. It closes at the end of the
//! block that is 2f + 2 heights above the first one later than `due`; until then a report counts as in time.
//!
//! A gap in block time above the treaty's outage limit is an outage. Where it has a part of the time from a period's end
//! to its deadline, the deadline becomes the outage's end plus the whole time for reports, also for a period that is opened
//! only afterwards. Periods that were due before the first block of all are none of this ledger's.
//!
//! Deadlines never fall from a period to the next, so only the first ones that are open have to be looked at.

use standstill_attestations::Kind;
use standstill_policies::record::{self, Record};
use standstill_policies::{Clause, Role};
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Timestamp;

use super::execution::Execution;
use crate::outcome::Event;
use crate::schema::{
    Key, LeftRecord, MemberRecord, ObligationRecord, ObligationStatus, Outage, PeriodRecord, PhaseRecord,
};
use crate::state::StateFault;

/// Periods that one block opens, and that it closes, at most; more wait for the next block.
const MAX_PERIODS_A_BLOCK: u32 = 16;

impl Execution<'_> {
    /// Before a block's entries: new periods begin, an outage moves deadlines, passed deadlines are noted.
    pub(crate) fn begin_periods(&mut self, previous_time: Timestamp) -> Result<(), StateFault> {
        if self.meta.height == 0 {
            let first = self.first_period();
            (self.meta.first_period, self.meta.next_open, self.meta.next_close) = (first, first, first);
            self.meta.next_overdue = first;
        }
        self.note_outage(previous_time)?;
        for _ in 0..MAX_PERIODS_A_BLOCK {
            let index = self.meta.next_open;
            let period = self.rules.treaty().periods.period(index);
            let exists = self.rules.treaty().periods.index_at(period.start) == Some(index);
            if !exists || period.start > self.time || index == u32::MAX {
                break;
            }
            self.open_period(period)?;
        }
        self.opened = Some(self.meta.next_open);
        self.note_deadlines()
    }

    /// The first period that was not due before the ledger's first block.
    fn first_period(&self) -> u32 {
        let periods = &self.rules.treaty().periods;
        let first_due = periods.period(0).due;
        let passed = self.time.since(first_due).div_ceil(periods.length_ms.max(1));
        u32::try_from(passed).unwrap_or(u32::MAX)
    }

    /// Keeps the gap since the block before, if it is an outage, and moves the deadlines of the periods that are open. An
    /// outage while periods of the one before still wait to be opened continues that one.
    fn note_outage(&mut self, previous_time: Timestamp) -> Result<(), StateFault> {
        let clocks = &self.rules.treaty().clocks;
        let limit = clocks.heartbeat_ms.saturating_mul(u64::from(clocks.outage_heartbeats));
        if self.time.since(previous_time) <= limit {
            return Ok(());
        }
        let catching_up = self.rules.treaty().periods.period(self.meta.next_open).start <= previous_time;
        let earlier = self.meta.outage.filter(|_| catching_up).map_or(previous_time, |outage| outage.from);
        let outage = Outage { from: earlier.min(previous_time), to: self.time };
        self.meta.outage = Some(outage);
        for index in self.meta.next_overdue..self.meta.next_open {
            let mut period: PeriodRecord = self.work.need("period", &Key::Period(index))?;
            let due = self.extended(outage, period.end, period.due);
            if due != period.due {
                self.events.push(Event::DeadlineExtended { period: index, from: period.due, to: due });
                period.due = due;
                self.work.put(&Key::Period(index), &period);
            }
        }
        Ok(())
    }

    /// The deadline of a period that ended at `end`, once the outage is allowed for.
    fn extended(&self, outage: Outage, end: Timestamp, due: Timestamp) -> Timestamp {
        let touched = end <= outage.to && due >= outage.from;
        if touched { due.max(outage.to.plus(self.rules.treaty().periods.report_within_ms)) } else { due }
    }

    fn open_period(&mut self, period: standstill_policies::Period) -> Result<(), StateFault> {
        let standstill_policies::Period { index, start, end, due: planned } = period;
        let due = self.meta.outage.map_or(planned, |outage| self.extended(outage, end, planned));
        let record = PeriodRecord { start, end, due, overdue_since: None, closed_at: None };
        self.work.put(&Key::Period(index), &record);
        self.meta.next_open += 1;
        self.events.push(Event::PeriodOpened { period: index, due });
        if due != planned {
            self.events.push(Event::DeadlineExtended { period: index, from: planned, to: due });
        }
        let treaty = self.rules.treaty();
        for clause in &treaty.clauses {
            if !self.owes(clause) {
                continue;
            }
            for lab in treaty.with_role(Role::Lab) {
                let open = ObligationRecord { status: ObligationStatus::Open, entry: None, met_at: None };
                self.work.put(&Key::Obligation(lab.id.clone(), clause.id.clone(), index), &open);
                self.tell(clause, &lab.id, record::Kind::ObligationOpened, index, (start, due))?;
            }
        }
        Ok(())
    }

    /// Whether labs owe something under a clause in the phase in force.
    fn owes(&self, clause: &Clause) -> bool {
        clause.obligation.is_some()
            && self.rules.treaty().parameters(clause.id.as_str(), self.meta.phase.as_str()).is_some()
    }

    fn note_deadlines(&mut self) -> Result<(), StateFault> {
        while self.meta.next_overdue < self.meta.next_open {
            let key = Key::Period(self.meta.next_overdue);
            let mut period: PeriodRecord = self.work.need("period", &key)?;
            if period.due >= self.time {
                break;
            }
            period.overdue_since = Some(self.height);
            self.work.put(&key, &period);
            self.meta.next_overdue += 1;
        }
        Ok(())
    }

    /// A statement of `kind` for a period came in: what it fulfils is fulfilled.
    pub(crate) fn fulfil(&mut self, lab: &MemberId, kind: Kind, period: u32, entry: u64) -> Result<(), StateFault> {
        let treaty = self.rules.treaty();
        for clause in &treaty.clauses {
            let owed = clause.obligation.as_ref().is_some_and(|owed| owed.statement.as_str() == kind.as_str());
            if !owed {
                continue;
            }
            let key = Key::Obligation(lab.clone(), clause.id.clone(), period);
            let Some(mut record) = self.work.get::<ObligationRecord>("obligation", &key)? else { continue };
            let due = self.work.need::<PeriodRecord>("period", &Key::Period(period))?.due;
            let (member, name) = (lab.clone(), clause.id.clone());
            let kind = match record.status {
                ObligationStatus::Open => {
                    record.status = ObligationStatus::Met;
                    self.events.push(Event::ObligationMet { member, clause: name, period });
                    record::Kind::ObligationMet
                }
                ObligationStatus::Missed => {
                    record.status = ObligationStatus::Late;
                    self.events.push(Event::ObligationLate { member, clause: name, period, due });
                    record::Kind::ObligationLate
                }
                ObligationStatus::Met | ObligationStatus::Late | ObligationStatus::Lapsed => continue,
            };
            (record.entry, record.met_at) = (Some(entry), Some(self.time));
            self.work.put(&key, &record);
            self.tell_of(clause, lab, kind, period, (self.time, due), entry)?;
        }
        Ok(())
    }

    /// After a block's entries: periods whose grace is over are closed, in order.
    pub(crate) fn close_periods(&mut self) -> Result<(), StateFault> {
        let grace = self.rules.grace_heights();
        for _ in 0..MAX_PERIODS_A_BLOCK {
            let index = self.meta.next_close;
            if index >= self.meta.next_open {
                break;
            }
            let mut period: PeriodRecord = self.work.need("period", &Key::Period(index))?;
            let over = period.overdue_since.is_some_and(|since| self.height >= since.saturating_add(grace));
            if !over {
                break;
            }
            period.closed_at = Some(self.height);
            self.work.put(&Key::Period(index), &period);
            self.meta.next_close += 1;
            self.close_period(index, &period)?;
        }
        Ok(())
    }

    fn close_period(&mut self, index: u32, period: &PeriodRecord) -> Result<(), StateFault> {
        let treaty = self.rules.treaty();
        for clause in &treaty.clauses {
            let judged = self.judges(&clause.id, index, period.end)?;
            for lab in treaty.with_role(Role::Lab) {
                self.miss(clause, &lab.id, index, period.due)?;
                if judged {
                    self.tell(clause, &lab.id, record::Kind::PeriodClosed, index, (period.start, period.end))?;
                }
            }
        }
        self.events.push(Event::PeriodClosed { period: index });
        Ok(())
    }

    /// A clause does not judge silence in a period that was over before it came into force, or that begins after it left.
    fn judges(&self, clause: &Name, period: u32, end: Timestamp) -> Result<bool, StateFault> {
        if self.in_force_since(clause)?.is_some_and(|since| since < end) {
            return Ok(true);
        }
        let left: Option<LeftRecord> = self.work.get("left", &Key::Left(clause.clone()))?;
        Ok(left.is_some_and(|left| left.since < end && period <= left.period))
    }

    /// When the clause came into force, without a break up to now; `None` where it is not in force.
    pub(crate) fn in_force_since(&self, clause: &Name) -> Result<Option<Timestamp>, StateFault> {
        let mut since = None;
        for epoch in (0..=self.meta.epoch).rev() {
            let phase: PhaseRecord = self.work.need("phase", &Key::Phase(epoch))?;
            if self.rules.treaty().parameters(clause.as_str(), phase.phase.as_str()).is_none() {
                break;
            }
            since = Some(phase.time);
        }
        Ok(since)
    }

    /// A clause leaves force: what it asked for in periods that are not over is owed no longer.
    pub(crate) fn lapse(&mut self, clause: &Name) -> Result<(), StateFault> {
        let treaty = self.rules.treaty();
        for index in (self.meta.next_close..self.meta.next_open).rev() {
            let period: PeriodRecord = self.work.need("period", &Key::Period(index))?;
            if period.end <= self.time {
                break;
            }
            for lab in treaty.with_role(Role::Lab) {
                let key = Key::Obligation(lab.id.clone(), clause.clone(), index);
                let open = |record: &ObligationRecord| record.status == ObligationStatus::Open;
                let known: Option<ObligationRecord> = self.work.get("obligation", &key)?.filter(open);
                if let Some(mut record) = known {
                    record.status = ObligationStatus::Lapsed;
                    self.work.put(&key, &record);
                    let (member, clause) = (lab.id.clone(), clause.clone());
                    self.events.push(Event::ObligationLapsed { member, clause, period: index });
                }
            }
        }
        Ok(())
    }

    fn miss(&mut self, clause: &Clause, lab: &MemberId, period: u32, due: Timestamp) -> Result<(), StateFault> {
        let key = Key::Obligation(lab.clone(), clause.id.clone(), period);
        let open = |record: &ObligationRecord| record.status == ObligationStatus::Open;
        let Some(mut record) = self.work.get::<ObligationRecord>("obligation", &key)?.filter(open) else {
            return Ok(());
        };
        record.status = ObligationStatus::Missed;
        self.work.put(&key, &record);
        self.events.push(Event::ObligationMissed { member: lab.clone(), clause: clause.id.clone(), period, due });
        self.tell(clause, lab, record::Kind::ObligationMissed, period, (due, due))
    }

    /// Leaves a synthetic record for one clause about one lab, with the log's size as its index.
    fn tell(
        &mut self,
        clause: &Clause,
        lab: &MemberId,
        kind: record::Kind,
        period: u32,
        times: (Timestamp, Timestamp),
    ) -> Result<(), StateFault> {
        self.tell_of(clause, lab, kind, period, times, self.log_after)
    }

    /// The same about an entry: the index is the entry's, so that a finding can cite it.
    fn tell_of(
        &mut self,
        clause: &Clause,
        lab: &MemberId,
        kind: record::Kind,
        period: u32,
        (start, end): (Timestamp, Timestamp),
        index: u64,
    ) -> Result<(), StateFault> {
        let member: MemberRecord = self.work.need("member", &Key::Member(lab.clone()))?;
        let mut record = Record::new(kind, index, self.time, member.number, period);
        (record.start, record.end) = (start, end);
        self.synthetic.entry((clause.id.clone(), lab.clone())).or_default().push(record);
        Ok(())
    }
}
