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
//! block that is 2f + 2 heights above the first one later than `due`; until then a report counts as in time. A gap
//! in block time above the treaty's outage limit moves every deadline inside it by the length of the gap.

use standstill_attestations::Kind;
use standstill_policies::record::{self, Record};
use standstill_policies::{Clause, Role};
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Timestamp;

use super::execution::Execution;
use crate::outcome::Event;
use crate::schema::{Key, MemberRecord, ObligationRecord, ObligationStatus, PeriodRecord, PhaseRecord};
use crate::state::StateFault;

/// Periods that one block opens, and that it closes, at most; more wait for the next block.
const MAX_PERIODS_A_BLOCK: u32 = 16;

impl Execution<'_> {
    /// Before a block's entries: new periods begin, an outage moves deadlines, passed deadlines are noted.
    pub(crate) fn begin_periods(&mut self, previous_time: Timestamp) -> Result<(), StateFault> {
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
        self.note_deadlines(previous_time)
    }

    fn open_period(&mut self, period: standstill_policies::Period) -> Result<(), StateFault> {
        let standstill_policies::Period { index, start, end, due } = period;
        let record = PeriodRecord { start, end, due, overdue_since: None, closed_at: None };
        self.work.put(&Key::Period(index), &record);
        self.meta.next_open += 1;
        self.events.push(Event::PeriodOpened { period: index, due });
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

    fn note_deadlines(&mut self, previous_time: Timestamp) -> Result<(), StateFault> {
        let clocks = &self.rules.treaty().clocks;
        let gap = self.time.since(previous_time);
        let outage = gap > clocks.heartbeat_ms.saturating_mul(u64::from(clocks.outage_heartbeats));
        for index in self.meta.next_close..self.meta.next_open {
            let mut period: PeriodRecord = self.work.need("period", &Key::Period(index))?;
            if outage && period.due > previous_time && period.due <= self.time {
                let from = period.due;
                period.due = from.plus(gap);
                self.events.push(Event::DeadlineExtended { period: index, from, to: period.due });
            }
            if period.due < self.time && period.overdue_since.is_none() {
                period.overdue_since = Some(self.height);
            }
            self.work.put(&Key::Period(index), &period);
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
                ObligationStatus::Met | ObligationStatus::Late => continue,
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
            // A clause does not judge silence in a period that was over before the clause came into force.
            let since = self.in_force_since(&clause.id)?;
            let judged = since.is_none_or(|since| since < period.end);
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

    /// When the clause came into force, without a break up to now; `None` where it is not in force.
    fn in_force_since(&self, clause: &Name) -> Result<Option<Timestamp>, StateFault> {
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
