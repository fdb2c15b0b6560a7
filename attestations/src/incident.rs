//! `incident`: something went wrong, told by the member to whom it happened.
//!
//! ```text
//! "site": "dc-1", "category": "weights-security", "severity": "serious", "status": "contained",
//! "startedAt": null, "startedAtUnknown": "the logs of that week are lost", "endedAt": "…", "noticedAt": "…",
//! "account": "a contractor's credentials were used to copy a checkpoint", "measures": "credentials withdrawn",
//! "runs": ["aurora-3"], "models": [{"name": "aurora-3", "sha256": "…"}], "evidence": […]
//! ```

use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;

use crate::claim::{Evidence, Maybe};
use crate::claim_check::{check_before_issue, check_count, check_evidence, check_label, check_maybe, check_unique};
use crate::claim_json::{evidence, evidence_json, label, push_maybe};
use crate::error::StatementError;
use crate::limits;
use crate::reader::{Field, Object, Read, check_text};
use crate::statement::{Common, Subject};
use crate::words;
use crate::writer::Json;

const STARTED: (&str, &str) = ("startedAt", "startedAtUnknown");
const ENDED: (&str, &str) = ("endedAt", "endedAtUnknown");
const SHA256: (&str, &str) = ("sha256", "sha256Unknown");

words! {
    /// What went wrong.
    pub enum Category {
        /// Weights were, or may have been, read, copied or changed by somebody who must not.
        WeightsSecurity = "weights-security",
        /// A model acted beyond its bounds.
        LossOfControl = "loss-of-control",
        /// A model deceived its developers or an evaluator.
        Deception = "deception",
        /// Somebody used a model to do harm.
        HarmfulUse = "harmful-use",
        /// Compute ran that was not reported, or was reported wrongly.
        Reporting = "reporting",
        /// Meters, logs or keys failed.
        Instruments = "instruments",
        /// Anything else, as told.
        Other = "other",
    }
}

words! {
    /// How bad it is.
    pub enum Severity {
        /// No harm, and none was near.
        Minor = "minor",
        /// Harm was near, or was small.
        Serious = "serious",
        /// Death, or damage on a large scale, happened or was near.
        Critical = "critical",
    }
}

words! {
    /// How far it is dealt with.
    pub enum IncidentStatus {
        /// It goes on.
        Ongoing = "ongoing",
        /// It goes no further.
        Contained = "contained",
        /// It is over, and its cause is removed.
        Resolved = "resolved",
    }
}

/// The predicate of an `incident` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Where; `None` where it is about no one site.
    pub site: Option<Name>,
    /// What went wrong.
    pub category: Category,
    /// How bad it is.
    pub severity: Severity,
    /// How far it is dealt with.
    pub status: IncidentStatus,
    /// When it began.
    pub started_at: Maybe<Timestamp>,
    /// When it was over; unknown where it goes on.
    pub ended_at: Maybe<Timestamp>,
    /// When the member first knew of it.
    pub noticed_at: Timestamp,
    /// What happened, for people.
    pub account: String,
    /// What was done about it, for people; `None` where nothing was yet.
    pub measures: Option<String>,
    /// Runs that it affected.
    pub runs: Vec<Name>,
    /// Models that it affected.
    pub models: Vec<AffectedModel>,
    /// Files that show it.
    pub evidence: Vec<Evidence>,
}

/// A model that an incident affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedModel {
    /// Its name.
    pub name: String,
    /// SHA-256 of its weights or of their signed manifest.
    pub sha256: Maybe<Hash>,
}

impl Incident {
    /// What the statement is about: the site, or else the member.
    pub fn subject(&self, common: &Common) -> Subject {
        match &self.site {
            Some(site) => Subject::site(&common.chain_id, &common.member, site),
            None => Subject::member(&common.chain_id, &common.member),
        }
    }

    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        Ok(Incident {
            site: object.take_nullable("site")?.map(|field| field.name()).transpose()?,
            category: object.take("category")?.word(Category::WORDS, Category::from_word)?,
            severity: object.take("severity")?.word(Severity::WORDS, Severity::from_word)?,
            status: object.take("status")?.word(IncidentStatus::WORDS, IncidentStatus::from_word)?,
            started_at: object.maybe(STARTED, |field| field.time())?,
            ended_at: object.maybe(ENDED, |field| field.time())?,
            noticed_at: object.take("noticedAt")?.time()?,
            account: object.take("account")?.text(limits::NARRATIVE)?,
            measures: object.take_nullable("measures")?.map(|field| field.text(limits::NARRATIVE)).transpose()?,
            runs: object.take("runs")?.list(limits::AFFECTED, |field| field.name())?,
            models: object.take("models")?.list(limits::AFFECTED, model)?,
            evidence: object.take("evidence")?.list(limits::EVIDENCE, |field| evidence(field))?,
        })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        members.extend([
            ("site", self.site.as_ref().map_or(Json::Null, Json::text)),
            ("category", Json::text(self.category)),
            ("severity", Json::text(self.severity)),
            ("status", Json::text(self.status)),
        ]);
        push_maybe(members, STARTED, &self.started_at, |time| Json::text(time));
        push_maybe(members, ENDED, &self.ended_at, |time| Json::text(time));
        members.extend([
            ("noticedAt", Json::text(self.noticed_at)),
            ("account", Json::text(&self.account)),
            ("measures", self.measures.as_ref().map_or(Json::Null, Json::text)),
            ("runs", Json::List(self.runs.iter().map(Json::text).collect())),
            ("models", Json::List(self.models.iter().map(model_json).collect())),
            ("evidence", evidence_json(&self.evidence)),
        ]);
    }

    pub(crate) fn check(&self, common: &Common) -> Read<()> {
        self.check_times(common)?;
        check_text(&self.account, limits::NARRATIVE, || "predicate.account".to_owned())?;
        if let Some(measures) = &self.measures {
            check_text(measures, limits::NARRATIVE, || "predicate.measures".to_owned())?;
        }
        check_count(self.runs.len(), limits::AFFECTED, "predicate.runs")?;
        check_unique(self.runs.iter(), "predicate.runs", ToString::to_string)?;
        let list = "predicate.models";
        check_count(self.models.len(), limits::AFFECTED, list)?;
        for (index, model) in self.models.iter().enumerate() {
            check_label(&model.name, &format!("{list}[{index}].name"))?;
            check_maybe(&model.sha256, &format!("{list}[{index}].sha256"), |_| Ok(()))?;
        }
        check_unique(self.models.iter().map(|model| &model.name), list, ToString::to_string)?;
        check_evidence(&self.evidence, &[])
    }

    /// It began before it was noticed and before it ended, and what goes on has not ended.
    fn check_times(&self, common: &Common) -> Read<()> {
        check_before_issue(self.noticed_at, common, "predicate.noticedAt")?;
        check_maybe(&self.started_at, "predicate.startedAt", |started| {
            check_before_issue(*started, common, "predicate.startedAt")?;
            check_order(*started, ("predicate.noticedAt", self.noticed_at))
        })?;
        check_maybe(&self.ended_at, "predicate.endedAt", |ended| {
            check_before_issue(*ended, common, "predicate.endedAt")?;
            if self.status == IncidentStatus::Ongoing {
                return Err(StatementError::OngoingYetEnded { ended: ended.to_string() });
            }
            self.started_at.known().map_or(Ok(()), |started| check_order(*started, ("predicate.endedAt", *ended)))
        })
    }
}

/// The start of an incident is not after another of its times.
fn check_order(start: Timestamp, (path, time): (&str, Timestamp)) -> Read<()> {
    if start > time {
        let (start, end) = (start.to_string(), time.to_string());
        return Err(StatementError::EndBeforeStart { path: path.to_owned(), start, end });
    }
    Ok(())
}

fn model(field: Field<'_, '_>) -> Read<AffectedModel> {
    let mut object = field.object()?;
    let model =
        AffectedModel { name: label(object.take("name")?)?, sha256: object.maybe(SHA256, |field| field.digest())? };
    object.finish()?;
    Ok(model)
}

fn model_json(model: &AffectedModel) -> Json {
    let mut members = vec![("name", Json::text(&model.name))];
    push_maybe(&mut members, SHA256, &model.sha256, |digest| Json::text(digest));
    Json::Object(members)
}
