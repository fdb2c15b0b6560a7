//! `hardware-evidence`: what a device signed about itself, bound to the ledger and to a site or run.
//!
//! ```text
//! "vendor": "nvidia-spdm", "device": {"model": "NVIDIA H100 80GB HBM3", "accelerator": "h100-sxm", "tag": "…"},
//! "site": "dc-1", "run": "aurora-3", "collectedAt": "…", "tool": "nvtrust", "toolVersion": …,
//! "head": {"size": 4096, "root": "…"}, "report": "base64", "certificates": ["base64 DER", …], "collateral": []
//! ```
//!
//! The nonce that the device signed is not stated but computed ([`HardwareEvidence::nonce`]). Whether the report holds
//! (signature, chain to the vendor's root, nonce) is not checked here but by whoever has the vendor's rules.

use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;

use crate::claim::Maybe;
use crate::claim_check::{
    check_before_issue, check_bytes, check_count, check_label, check_maybe, check_some, check_unique,
};
use crate::claim_json::{label, push_maybe};
use crate::error::StatementError;
use crate::identity::{LogHead, device_nonce};
use crate::limits;
use crate::reader::{Field, MAX_SAFE_INTEGER, Object, Read};
use crate::statement::{Common, Subject};
use crate::words;
use crate::writer::Json;

const TAG: (&str, &str) = ("tag", "tagUnknown");
const TOOL_VERSION: (&str, &str) = ("toolVersion", "toolVersionUnknown");

words! {
    /// Whose rules a report follows.
    pub enum Vendor {
        /// NVIDIA: SPDM `GET_MEASUREMENTS`, request and response, as the driver returns them.
        NvidiaSpdm = "nvidia-spdm",
        /// AMD: `ATTESTATION_REPORT`, 1,184 bytes; the nonce is the first half of `REPORT_DATA`, the rest zero.
        AmdSevSnp = "amd-sev-snp",
        /// Intel: a quote; the nonce is the first half of `REPORTDATA`, the rest zero.
        IntelTdx = "intel-tdx",
    }
}

/// The predicate of a `hardware-evidence` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardwareEvidence {
    /// Whose rules the report follows.
    pub vendor: Vendor,
    /// What made it.
    pub device: Device,
    /// Where the device stands.
    pub site: Name,
    /// The run that it worked on; `None` where the report is about the site alone.
    pub run: Option<Name>,
    /// When the report was made.
    pub collected_at: Timestamp,
    /// What asked the device for it.
    pub tool: String,
    /// That tool's version.
    pub tool_version: Maybe<String>,
    /// The ledger's head that the nonce was made from.
    pub head: LogHead,
    /// The report, as the device gave it.
    pub report: Vec<u8>,
    /// The chain in DER, the device's certificate first; empty for `intel-tdx`, whose quotes carry it.
    pub certificates: Vec<Vec<u8>>,
    /// What else the vendor's rules ask for, such as revocation lists: names differ.
    pub collateral: Vec<Collateral>,
}

/// What made a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// As its driver or certificate names it.
    pub model: String,
    /// Id in the treaty's chip table; `None` for a device that is no accelerator.
    pub accelerator: Option<Name>,
    /// Its tag in a chip inventory, see [`crate::identity::chip_tag`].
    pub tag: Maybe<Hash>,
}

/// A file that a report is checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collateral {
    /// As the vendor names it, such as `tcb_info`.
    pub name: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl HardwareEvidence {
    /// What the statement is about: the run, or else the site.
    pub fn subject(&self, common: &Common) -> Subject {
        match &self.run {
            Some(run) => Subject::run(&common.chain_id, &common.member, run),
            None => Subject::site(&common.chain_id, &common.member, &self.site),
        }
    }

    /// What the device is asked about: the site, or the run at the site. The statement of a run has the run as its
    /// subject, wherever its chips stand; a report for one site is none for another.
    pub fn asked_about(&self, common: &Common) -> Subject {
        match &self.run {
            Some(run) => Subject::run_at(&common.chain_id, &common.member, &self.site, run),
            None => Subject::site(&common.chain_id, &common.member, &self.site),
        }
    }

    /// The nonce that the device must have signed.
    pub fn nonce(&self, common: &Common) -> Hash {
        device_nonce(&common.chain_id, &self.head, &self.asked_about(common).sha256)
    }

    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        Ok(HardwareEvidence {
            vendor: object.take("vendor")?.word(Vendor::WORDS, Vendor::from_word)?,
            device: device(object.take("device")?)?,
            site: object.take("site")?.name()?,
            run: object.take_nullable("run")?.map(|field| field.name()).transpose()?,
            collected_at: object.take("collectedAt")?.time()?,
            tool: label(object.take("tool")?)?,
            tool_version: object.maybe(TOOL_VERSION, label)?,
            head: head(object.take("head")?)?,
            report: object.take("report")?.base64(limits::REPORT)?,
            certificates: object
                .take("certificates")?
                .list(limits::CERTIFICATES, |field| field.base64(limits::CERTIFICATE))?,
            collateral: object.take("collateral")?.list(limits::COLLATERAL, collateral)?,
        })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        let collateral =
            |one: &Collateral| Json::Object(vec![("name", Json::text(&one.name)), ("data", Json::base64(&one.data))]);
        let head = vec![("size", Json::Whole(self.head.size)), ("root", Json::text(self.head.root))];
        members.extend([
            ("vendor", Json::text(self.vendor)),
            ("device", device_json(&self.device)),
            ("site", Json::text(&self.site)),
            ("run", self.run.as_ref().map_or(Json::Null, Json::text)),
            ("collectedAt", Json::text(self.collected_at)),
            ("tool", Json::text(&self.tool)),
        ]);
        push_maybe(members, TOOL_VERSION, &self.tool_version, |version| Json::text(version));
        members.extend([
            ("head", Json::Object(head)),
            ("report", Json::base64(&self.report)),
            ("certificates", Json::List(self.certificates.iter().map(|one| Json::base64(one)).collect())),
            ("collateral", Json::List(self.collateral.iter().map(collateral).collect())),
        ]);
    }

    pub(crate) fn check(&self, common: &Common) -> Read<()> {
        check_label(&self.device.model, "predicate.device.model")?;
        check_maybe(&self.device.tag, "predicate.device.tag", |_| Ok(()))?;
        check_before_issue(self.collected_at, common, "predicate.collectedAt")?;
        check_label(&self.tool, "predicate.tool")?;
        let version = "predicate.toolVersion";
        check_maybe(&self.tool_version, version, |text| check_label(text, version))?;
        self.check_head()?;
        check_bytes(&self.report, limits::REPORT, "predicate.report")?;
        self.check_certificates()?;
        let list = "predicate.collateral";
        check_count(self.collateral.len(), limits::COLLATERAL, list)?;
        for (index, one) in self.collateral.iter().enumerate() {
            check_label(&one.name, &format!("{list}[{index}].name"))?;
            check_bytes(&one.data, limits::COLLATERAL_BYTES, &format!("{list}[{index}].data"))?;
        }
        check_unique(self.collateral.iter().map(|one| &one.name), list, ToString::to_string)
    }

    /// The first entry of a ledger is its first head.
    fn check_head(&self) -> Read<()> {
        let path = "predicate.head.size";
        match self.head.size {
            0 => Err(StatementError::Zero { path: path.to_owned() }),
            size => crate::claim_check::check_whole(size, MAX_SAFE_INTEGER, path),
        }
    }

    /// A quote of TDX carries its chain, and none may stand beside it; the others do not.
    fn check_certificates(&self) -> Read<()> {
        let list = "predicate.certificates";
        match self.vendor {
            Vendor::IntelTdx => check_count(self.certificates.len(), 0, list)?,
            Vendor::NvidiaSpdm | Vendor::AmdSevSnp => {
                check_some(self.certificates.len(), limits::CERTIFICATES, list)?;
            }
        }
        for (index, one) in self.certificates.iter().enumerate() {
            check_bytes(one, limits::CERTIFICATE, &format!("{list}[{index}]"))?;
        }
        check_unique(self.certificates.iter(), list, |one| Hash::sha256(one).to_string())
    }
}

fn device(field: Field<'_, '_>) -> Read<Device> {
    let mut object = field.object()?;
    let device = Device {
        model: label(object.take("model")?)?,
        accelerator: object.take_nullable("accelerator")?.map(|field| field.name()).transpose()?,
        tag: object.maybe(TAG, |field| field.digest())?,
    };
    object.finish()?;
    Ok(device)
}

fn device_json(device: &Device) -> Json {
    let mut members = vec![
        ("model", Json::text(&device.model)),
        ("accelerator", device.accelerator.as_ref().map_or(Json::Null, Json::text)),
    ];
    push_maybe(&mut members, TAG, &device.tag, |tag| Json::text(tag));
    Json::Object(members)
}

fn head(field: Field<'_, '_>) -> Read<LogHead> {
    let mut object = field.object()?;
    let head = LogHead { size: object.take("size")?.whole(MAX_SAFE_INTEGER)?, root: object.take("root")?.digest()? };
    object.finish()?;
    Ok(head)
}

fn collateral(field: Field<'_, '_>) -> Read<Collateral> {
    let mut object = field.object()?;
    let name = label(object.take("name")?)?;
    let data = object.take("data")?.base64(limits::COLLATERAL_BYTES)?;
    object.finish()?;
    Ok(Collateral { name, data })
}
