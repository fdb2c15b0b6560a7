//! Reports that chips sign: verified at the block's time against the roots that the treaty pins, and bound to a head of
//! this log.
//!
//! A report about a run attests those reports of compute of the same run and site whose window it was made in: not before
//! the window began, because nobody knew the head that it answers, and, as its member says, not after it ended.

use std::collections::BTreeMap;

use standstill_attestations::device::Vendor;
use standstill_attestations::identity::chip_tag;
use standstill_attestations::{HardwareEvidence, Maybe, Statement};
use standstill_hardware::{Evidence, Technology, Verified};
use standstill_policies::record;
use standstill_protocol::dsse::StatementId;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::MemberId;

use super::clauses::LogHead;
use super::execution::Execution;
use crate::refusal::{AdmissionError, Refusal};
use crate::schema::{
    ClaimRecord, Content, DeviceRecord, HeadRecord, Judgement, Key, Manner, MemberRecord, Opinion, Report,
};
use crate::state::StateFault;
use crate::{KEPT_HEADS, MAX_BLOCK_DEVICES, MAX_CORRECTIONS, MAX_DEVICES};

/// Reports of a run that one chip's report is held against, the newest.
const LOOK_BACK: u32 = MAX_CORRECTIONS;

/// Chips' reports that were verified in this block, by the index of their entry.
pub(crate) type Devices = BTreeMap<StatementId, (Hash, HeadRecord)>;

impl Execution<'_> {
    /// Keeps the head of the log after a block with entries, and forgets the one whose place it takes.
    pub(crate) fn keep_head(&mut self, log: LogHead) -> Result<(), StateFault> {
        // Below KEPT_HEADS.
        let place = Key::HeadPlace(u32::try_from(self.height % u64::from(KEPT_HEADS)).unwrap_or(0));
        if let Some(old) = self.work.get::<u64>("head", &place)? {
            self.work.remove(&Key::Head(old));
        }
        self.work.put(&place, &log.size);
        let record = HeadRecord { root: log.root, height: self.height, time: self.time };
        self.work.put(&Key::Head(log.size), &record);
        Ok(())
    }

    /// What a chip signed: the cheap checks first, then the chain of certificates and the signature.
    pub(crate) fn check_device(
        &self,
        statement: &Statement,
        own: &HardwareEvidence,
        member: &MemberRecord,
    ) -> Result<(Hash, HeadRecord), AdmissionError> {
        let name = &statement.common.member;
        if self.devices_of.get(name).is_some_and(|count| *count >= MAX_BLOCK_DEVICES) {
            return Err(Refusal::DeviceQuota { member: name.clone(), limit: MAX_BLOCK_DEVICES }.into());
        }
        self.check_past(own.collected_at)?;
        self.check_site(name, member, &own.site)?;
        if let Some(run) = &own.run {
            self.check_run_name(name, member, run)?;
        }
        self.check_own_period(name)?;
        let known: Option<HeadRecord> = self.work.get("head", &Key::Head(own.head.size))?;
        let kept = known.filter(|head| self.height.saturating_sub(head.height) <= u64::from(KEPT_HEADS));
        let head = kept.filter(|head| head.root == own.head.root);
        let head = head.ok_or(Refusal::UnknownHead { size: own.head.size, root: own.head.root })?;
        if own.collected_at.plus(self.rules.treaty().clocks.max_skew_ms) < head.time {
            return Err(Refusal::CollectedBeforeHead { collected: own.collected_at, head: head.time }.into());
        }
        let verified = self.verify_device(statement, own)?;
        if let Maybe::Known(found) = own.device.tag {
            let expected = chip_tag(&self.rules.chain_id(), own.vendor, &verified.device);
            if found != expected {
                return Err(Refusal::OtherChip { found, expected }.into());
            }
        }
        Ok((verified.device, head))
    }

    fn verify_device(&self, statement: &Statement, own: &HardwareEvidence) -> Result<Verified, Refusal> {
        let technology = match own.vendor {
            Vendor::NvidiaSpdm => Technology::NvidiaSpdm,
            Vendor::AmdSevSnp => Technology::AmdSevSnp,
            Vendor::IntelTdx => Technology::IntelTdx,
            _ => return Err(Refusal::UnsupportedKind { kind: statement.kind() }),
        };
        let evidence = Evidence { technology, report: own.report.clone(), certificates: own.certificates.clone() };
        let nonce = own.nonce(&statement.common);
        evidence.verify(self.rules.roots(), nonce, self.time).map_err(|source| Refusal::Device { source })
    }

    pub(crate) fn record_device(
        &mut self,
        statement: &Statement,
        own: &HardwareEvidence,
        member: &mut MemberRecord,
        at: (StatementId, u64),
    ) -> Result<(), StateFault> {
        let name = &statement.common.member;
        let missing = || StateFault::Damaged { what: "device", reason: "a report that was not verified".to_owned() };
        let (device, head) = self.devices.remove(&at.0).ok_or_else(missing)?;
        *self.devices_of.entry(name.clone()).or_default() += 1;
        let site = self.intern_site(name, member, &own.site)?;
        let run = match &own.run {
            None => 0,
            Some(run) => self.intern_run(name, member, run)?,
        };
        self.open_claim(statement, at, Content::None)?;
        if let Some(mut record) = self.record_now(record::Kind::HardwareEvidence, at.1, member.number) {
            (record.start, record.end) = (own.collected_at, own.collected_at);
            (record.site, record.run) = (site, run);
            record.flags = vendor_number(own.vendor);
            record.rest = statement.subjects.first().map_or(Hash::ZERO, |subject| subject.sha256).as_bytes().to_vec();
            self.touch_of(name, name, record);
        }
        if run == 0 {
            return Ok(());
        }
        let (since, collected_at) = (head.time, own.collected_at);
        let report = DeviceRecord { statement: at.0, index: at.1, site, device, since, collected_at };
        let key = Key::Devices(name.clone(), run);
        let mut known: Vec<DeviceRecord> = self.work.get("devices", &key)?.unwrap_or_default();
        known.push(report.clone());
        let surplus = known.len().saturating_sub(MAX_DEVICES);
        known.drain(..surplus);
        self.work.put(&key, &known);
        self.attest_reports(name, run, &report)
    }

    /// A chip's report came after reports of compute.
    fn attest_reports(&mut self, name: &MemberId, run: u32, device: &DeviceRecord) -> Result<(), StateFault> {
        let run: crate::schema::RunRecord = self.work.need("run", &Key::RunRecord(name.clone(), run))?;
        let mut next = run.latest;
        for _ in 0..LOOK_BACK {
            let Some(id) = next else { break };
            let Some((id, claim)) = self.standing_report(id)? else { break };
            let Content::Report(report) = &claim.content else { break };
            next = report.previous;
            if fits(device, report) {
                self.attest(id, &claim, device)?;
            }
        }
        Ok(())
    }

    /// A report of compute came after chips' reports about its run.
    pub(crate) fn attest_by_devices(&mut self, id: StatementId, run: u32) -> Result<(), StateFault> {
        let claim: ClaimRecord = self.work.need("claim", &Key::Claim(id))?;
        let Content::Report(report) = &claim.content else { return Ok(()) };
        let devices: Option<Vec<DeviceRecord>> = self.work.get("devices", &Key::Devices(claim.member.clone(), run))?;
        let newest = devices.and_then(|devices| devices.into_iter().rev().find(|device| fits(device, report)));
        match newest {
            Some(device) => self.attest(id, &claim, &device),
            None => Ok(()),
        }
    }

    fn attest(&mut self, id: StatementId, claim: &ClaimRecord, device: &DeviceRecord) -> Result<(), StateFault> {
        let opinion = Opinion {
            by: claim.member.clone(),
            manner: Manner::Device,
            statement: device.statement,
            index: device.index,
            outcome: Judgement::Agrees,
        };
        self.give_opinion(id, opinion)
    }
}

/// Whether a chip's report was made in the window of a report of compute, and at its site.
fn fits(device: &DeviceRecord, report: &Report) -> bool {
    device.site == report.site && device.since >= report.start && device.collected_at <= report.end
}

/// 1 for NVIDIA, 2 for AMD, 3 for Intel.
fn vendor_number(vendor: Vendor) -> u32 {
    match vendor {
        Vendor::NvidiaSpdm => 1,
        Vendor::AmdSevSnp => 2,
        Vendor::IntelTdx => 3,
        _ => 0,
    }
}
