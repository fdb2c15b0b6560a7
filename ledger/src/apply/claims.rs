//! Claims: what is remembered of a statement, what others say of it, and the grade that comes of it.
//!
//! ```text
//! report ──▶ Claim { grade: declared }            its own figures agree, from files of their own   cross-checked
//!            ▲                                    a countersignature confirms a figure             countersigned
//!            └── Opinion { by, manner, outcome }  a chip's report about its run, in its window     attested
//!                                                 an inspection confirms a figure                  inspected
//! ```
//!
//! The grade is the best of the opinions that agree. It falls only where such an opinion is itself corrected.

use standstill_attestations::{Kind, Statement};
use standstill_policies::{Grade, Record, Totals, record};
use standstill_protocol::dsse::StatementId;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Timestamp;

use super::execution::Execution;
use crate::outcome::Event;
use crate::refusal::{AdmissionError, Refusal};
use crate::schema::{
    ClaimKind, ClaimRecord, Content, Judgement, Key, MemberRecord, Opinion, Report, figures, subjects_hash,
};
use crate::state::StateFault;
use crate::{MAX_BLOCK_PERIODS, MAX_CORRECTIONS, MAX_OPINIONS};

impl Execution<'_> {
    /// What is remembered of a statement.
    pub(crate) fn claim(&self, id: StatementId) -> Result<Option<ClaimRecord>, StateFault> {
        self.work.get("claim", &Key::Claim(id))
    }

    /// The statement that this one supersedes: its member's, of its kind, and standing.
    pub(crate) fn check_correction(&self, statement: &Statement) -> Result<Option<ClaimRecord>, AdmissionError> {
        let Some(correction) = &statement.common.corrects else { return Ok(None) };
        let (id, kind) = (correction.statement, statement.kind());
        if matches!(kind, Kind::TelemetryLog | Kind::HardwareEvidence) {
            return Err(Refusal::FollowedNotCorrected { kind }.into());
        }
        let claim = self.claim(id)?.ok_or(Refusal::UnknownStatement { id })?;
        if claim.member != statement.common.member {
            return Err(Refusal::CorrectsAnother { id, owner: claim.member }.into());
        }
        if claim.kind.kind() != kind {
            return Err(Refusal::OtherKind { id, found: kind, expected: claim.kind.kind() }.into());
        }
        if let Some(by) = claim.corrected_by {
            return Err(Refusal::CorrectedAlready { id, by }.into());
        }
        if claim.corrections >= MAX_CORRECTIONS {
            return Err(Refusal::TooManyCorrections { id, limit: MAX_CORRECTIONS }.into());
        }
        Ok(Some(claim))
    }

    /// Remembers a statement, and marks the one that it supersedes.
    pub(crate) fn open_claim(
        &mut self,
        statement: &Statement,
        (id, index): (StatementId, u64),
        content: Content,
    ) -> Result<(), StateFault> {
        let Some(kind) = ClaimKind::of(statement.kind()) else { return Ok(()) };
        let member = statement.common.member.clone();
        let corrects = statement.common.corrects.as_ref().map(|correction| correction.statement);
        let mut corrections = 0;
        if let Some(superseded) = corrects {
            let key = Key::Claim(superseded);
            let mut old: ClaimRecord = self.work.need("claim", &key)?;
            old.corrected_by = Some(id);
            corrections = old.corrections.saturating_add(1);
            self.work.put(&key, &old);
            self.events.push(Event::Corrected { member: member.clone(), statement: superseded, by: id });
        }
        let claim = ClaimRecord {
            member,
            kind,
            index,
            time: self.time,
            grade: Grade::Declared,
            subjects: subjects_hash(statement),
            corrects,
            corrected_by: None,
            corrections,
            opinions: Vec::new(),
            figures: figures(&statement.predicate),
            content,
        };
        self.work.put(&Key::Claim(id), &claim);
        Ok(())
    }

    /// Whether somebody may speak of a claim: it stands, and the speaker has not spoken of it yet, but for what `corrected`
    /// takes back.
    pub(crate) fn check_opinion(
        &self,
        id: StatementId,
        claim: &ClaimRecord,
        opinion: &Opinion,
        corrected: Option<StatementId>,
    ) -> Result<(), Refusal> {
        if let Some(by) = claim.corrected_by {
            return Err(Refusal::CorrectedAlready { id, by });
        }
        let others = || claim.opinions.iter().filter(|known| Some(known.statement) != corrected);
        let same = |known: &&Opinion| known.by == opinion.by && known.manner.is_same_sort(opinion.manner);
        if let Some(known) = others().find(same) {
            return Err(Refusal::SpokenAlready { member: opinion.by.clone(), id, index: known.index });
        }
        if others().count() >= MAX_OPINIONS {
            return Err(Refusal::TooManyOpinions { id, limit: MAX_OPINIONS });
        }
        Ok(())
    }

    /// Adds what somebody says of a claim; a chip's newer report takes the place of an older one.
    pub(crate) fn give_opinion(&mut self, id: StatementId, opinion: Opinion) -> Result<(), StateFault> {
        let mut claim: ClaimRecord = self.work.need("claim", &Key::Claim(id))?;
        let entry = (opinion.index, opinion.by.clone());
        claim.opinions.retain(|known| known.by != opinion.by || !known.manner.is_same_sort(opinion.manner));
        if opinion.outcome == Judgement::Disagrees {
            let (member, by) = (claim.member.clone(), opinion.by.clone());
            self.events.push(Event::Disagreed { member, statement: id, by, index: opinion.index });
        }
        claim.opinions.push(opinion);
        self.regrade(id, claim, entry)
    }

    /// Takes back what a statement that is corrected by the entry `index` said of a claim.
    pub(crate) fn take_opinion_back(
        &mut self,
        id: StatementId,
        said_in: StatementId,
        entry: (u64, MemberId),
    ) -> Result<(), StateFault> {
        let Some(mut claim) = self.claim(id)? else { return Ok(()) };
        claim.opinions.retain(|known| known.statement != said_in);
        self.regrade(id, claim, entry)
    }

    fn regrade(
        &mut self,
        id: StatementId,
        mut claim: ClaimRecord,
        (index, signer): (u64, MemberId),
    ) -> Result<(), StateFault> {
        let (from, to) = (claim.grade, claim.earned());
        claim.grade = to;
        self.work.put(&Key::Claim(id), &claim);
        if from == to {
            return Ok(());
        }
        self.events.push(Event::GradeChanged { member: claim.member.clone(), statement: id, from, to });
        if let Some((lab, mut record)) = self.frame_of(record::Kind::GradeRaised, &claim)? {
            record.rest = self.source(index, &signer)?;
            self.touch_of(&signer, &lab, record);
        }
        Ok(())
    }

    /// The index of an entry and the number of its signer, as records have them.
    pub(crate) fn source(&self, index: u64, signer: &MemberId) -> Result<Vec<u8>, StateFault> {
        let signer: MemberRecord = self.work.need("member", &Key::Member(signer.clone()))?;
        Ok([index.to_le_bytes().as_slice(), &signer.number.to_le_bytes(), &[0; 4]].concat())
    }

    /// A record about a claim, with the claim's own index, window and figures, and whose it is; `None` where the claim is
    /// nobody's record.
    pub(crate) fn frame_of(
        &self,
        kind: record::Kind,
        claim: &ClaimRecord,
    ) -> Result<Option<(MemberId, Record)>, StateFault> {
        let (lab, period) = match &claim.content {
            Content::Report(report) => (claim.member.clone(), report.period),
            Content::Evaluation(Some((lab, period))) => (lab.clone(), *period),
            _ => return Ok(None),
        };
        let member: MemberRecord = self.work.need("member", &Key::Member(lab.clone()))?;
        let mut record = Record::new(kind, claim.index, self.time, member.number, period);
        record.grade = Some(claim.grade);
        if let Content::Report(report) = &claim.content {
            fill(&mut record, report);
        }
        Ok(Some((lab, record)))
    }

    /// The record by which a report is taken back by the entry `index`.
    pub(crate) fn taken_back(&self, claim: &ClaimRecord, index: u64) -> Result<Option<(MemberId, Record)>, StateFault> {
        let found = self.frame_of(record::Kind::Corrected, claim)?;
        Ok(found.map(|(lab, mut record)| {
            record.index = index;
            if let Content::Report(report) = &claim.content {
                record.totals = Some(totals_of(report));
            }
            record.rest = claim.index.to_le_bytes().to_vec();
            (lab, record)
        }))
    }

    /// Keeps a record that `signer` caused about a lab: of periods that are long past clauses hold nothing, and are told
    /// nothing.
    pub(crate) fn touch_of(&mut self, signer: &MemberId, lab: &MemberId, record: Record) {
        if self.check_age(record.period).is_err() {
            return;
        }
        if signer == lab {
            self.named.entry(lab.clone()).or_default().insert(record.period);
        } else {
            self.spoken.entry(signer.clone()).or_default().insert((lab.clone(), record.period));
        }
        self.touch(lab, record);
    }

    /// A member makes every clause of another run for each lab and period that its entries are about.
    pub(crate) fn check_spoken(&self, signer: &MemberId, lab: &MemberId, period: u32) -> Result<(), Refusal> {
        let spoken = self.spoken.get(signer);
        let full =
            spoken.is_some_and(|spoken| spoken.len() >= MAX_BLOCK_PERIODS && !spoken.contains(&(lab.clone(), period)));
        if full {
            return Err(Refusal::BlockBudget { member: signer.clone(), limit: MAX_BLOCK_PERIODS });
        }
        Ok(())
    }

    /// The same for a claim.
    pub(crate) fn check_spoken_of(&self, signer: &MemberId, claim: &ClaimRecord) -> Result<(), Refusal> {
        match &claim.content {
            Content::Report(report) => self.check_spoken(signer, &claim.member, report.period),
            Content::Evaluation(Some((lab, period))) => self.check_spoken(signer, lab, *period),
            _ => Ok(()),
        }
    }

    /// The reporting period of this moment, where it is open: that of statements about no period.
    pub(crate) fn current_period(&self) -> Option<u32> {
        let index = self.rules.treaty().periods.index_at(self.time)?;
        let newest = self.meta.next_open.checked_sub(1)?;
        Some(index.min(newest)).filter(|index| *index >= self.meta.first_period)
    }

    /// A record of this moment about a member, with its own statement's index.
    pub(crate) fn record_now(&self, kind: record::Kind, index: u64, member: u32) -> Option<Record> {
        let mut record = Record::new(kind, index, self.time, member, self.current_period()?);
        record.grade = Some(Grade::Declared);
        Some(record)
    }

    /// The report that stands for this one: itself, or what supersedes it.
    pub(crate) fn standing_report(&self, id: StatementId) -> Result<Option<(StatementId, ClaimRecord)>, StateFault> {
        let mut id = id;
        for _ in 0..=MAX_CORRECTIONS {
            let Some(claim) = self.claim(id)? else { return Ok(None) };
            match claim.corrected_by {
                None => return Ok(Some((id, claim))),
                Some(by) => id = by,
            }
        }
        Ok(None)
    }

    /// Nothing is told before it happened.
    pub(crate) fn check_past(&self, end: Timestamp) -> Result<(), Refusal> {
        let limit = self.latest_time();
        if end > limit { Err(Refusal::FutureWindow { end, limit }) } else { Ok(()) }
    }
}

/// A report's own figures, as a record has them.
fn fill(record: &mut Record, report: &Report) {
    (record.flop_lower, record.flop_upper) = (report.lower, report.upper);
    (record.start, record.end) = (report.start, report.end);
    (record.site, record.run, record.basis) = (report.site, report.run, report.basis);
}

/// A report's totals.
pub(crate) fn totals_of(report: &Report) -> Totals {
    Totals {
        cumulative_lower: report.cumulative_lower,
        cumulative_upper: report.cumulative_upper,
        discarded_lower: report.discarded_lower,
        discarded_upper: report.discarded_upper,
    }
}
