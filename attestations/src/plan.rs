//! `run-plan`: what a run is meant to be, stated before it starts.
//!
//! ```text
//! "run": "aurora-4", "sites": ["dc-1", "dc-2"], "runStage": "pre-training", "planned": {"start": …, "end": …},
//! "flop": {"lower": "8000…", "upper": "12000…"}, "countingRule": "model-flop",
//! "chips": [{"accelerator": "h100-sxm", "count": "4096"}], "baseModels": [], "purpose": "a successor of aurora-3",
//! "amends": null, "basis": "declared", "evidence": []
//! ```
//!
//! A plan that changes is *amended*: a later plan names the one before. A plan that was written down wrongly is
//! *corrected*, as any statement. Only an amendment or a correction may come after the run has started.

use standstill_protocol::dsse::StatementId;
use standstill_protocol::member::Name;

use crate::claim::{Basis, Evidence, FigureGroup, Interval, Window};
use crate::claim_check::{check_evidence, check_interval, check_some, check_unique, check_window};
use crate::claim_json::{basis, evidence, evidence_json, interval, interval_json, window, window_json};
use crate::error::StatementError;
use crate::limits;
use crate::reader::{Field, Object, Read, check_text};
use crate::statement::{Common, Subject};
use crate::training::{BaseModel, CountingRule, RunStage, base_model, base_model_json, check_base_models};
use crate::writer::Json;

/// The predicate of a `run-plan` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPlan {
    /// The run, as reports will name it.
    pub run: Name,
    /// Where it is to run: at least one, no two the same.
    pub sites: Vec<Name>,
    /// The stage.
    pub run_stage: RunStage,
    /// When it is to start and to be over.
    pub planned: Window,
    /// FLOP of the whole run, base models not included.
    pub flop: Interval,
    /// What they count.
    pub counting_rule: CountingRule,
    /// Chips at once, at most: one row an accelerator, at least one.
    pub chips: Vec<PlannedChips>,
    /// Models that it is to build on.
    pub base_models: Vec<BaseModel>,
    /// What it is for, for people.
    pub purpose: String,
    /// The plan that this one takes the place of; `None` for a run's first.
    pub amends: Option<StatementId>,
    /// How the figures came to be.
    pub basis: Basis,
    /// The files behind them: at least one unless the basis is `declared`.
    pub evidence: Vec<Evidence>,
}

/// So many chips of one accelerator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedChips {
    /// Id in the treaty's chip table.
    pub accelerator: Name,
    /// How many at once, at most.
    pub count: u64,
}

impl RunPlan {
    /// What the statement is about: the run.
    pub fn subject(&self, common: &Common) -> Subject {
        Subject::run(&common.chain_id, &common.member, &self.run)
    }

    /// The groups of figures that are stated, each with its basis.
    pub fn figures(&self) -> Vec<(FigureGroup, Basis)> {
        vec![(FigureGroup::Chips, self.basis), (FigureGroup::Flop, self.basis)]
    }

    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        Ok(RunPlan {
            run: object.take("run")?.name()?,
            sites: object.take("sites")?.list(limits::SITES, |field| field.name())?,
            run_stage: object.take("runStage")?.word(RunStage::WORDS, RunStage::from_word)?,
            planned: window(object.take("planned")?)?,
            flop: interval(object.take("flop")?)?,
            counting_rule: object.take("countingRule")?.word(CountingRule::WORDS, CountingRule::from_word)?,
            chips: object.take("chips")?.list(limits::CHIP_COUNTS, planned_chips)?,
            base_models: object.take("baseModels")?.list(limits::BASE_MODELS, base_model)?,
            purpose: object.take("purpose")?.text(limits::REASON)?,
            amends: object.take_nullable("amends")?.map(|field| field.digest()).transpose()?,
            basis: basis(object.take("basis")?)?,
            evidence: object.take("evidence")?.list(limits::EVIDENCE, |field| evidence(field))?,
        })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        let chips = |row: &PlannedChips| {
            Json::Object(vec![("accelerator", Json::text(&row.accelerator)), ("count", Json::text(row.count))])
        };
        members.extend([
            ("run", Json::text(&self.run)),
            ("sites", Json::List(self.sites.iter().map(Json::text).collect())),
            ("runStage", Json::text(self.run_stage)),
            ("planned", window_json(&self.planned)),
            ("flop", interval_json(&self.flop)),
            ("countingRule", Json::text(self.counting_rule)),
            ("chips", Json::List(self.chips.iter().map(chips).collect())),
            ("baseModels", Json::List(self.base_models.iter().map(base_model_json).collect())),
            ("purpose", Json::text(&self.purpose)),
            ("amends", self.amends.map_or(Json::Null, Json::text)),
            ("basis", Json::text(self.basis)),
            ("evidence", evidence_json(&self.evidence)),
        ]);
    }

    pub(crate) fn check(&self, common: &Common, subjects: &[Subject]) -> Read<()> {
        check_some(self.sites.len(), limits::SITES, "predicate.sites")?;
        check_unique(self.sites.iter(), "predicate.sites", ToString::to_string)?;
        check_window(&self.planned, "predicate.planned")?;
        self.check_in_time(common)?;
        check_interval(&self.flop, "predicate.flop")?;
        if self.flop.upper.0 == 0 {
            return Err(StatementError::Zero { path: "predicate.flop.upper".to_owned() });
        }
        let list = "predicate.chips";
        check_some(self.chips.len(), limits::CHIP_COUNTS, list)?;
        if let Some(index) = self.chips.iter().position(|row| row.count == 0) {
            return Err(StatementError::Zero { path: format!("{list}[{index}].count") });
        }
        check_unique(self.chips.iter().map(|row| &row.accelerator), list, ToString::to_string)?;
        check_base_models(&self.base_models, subjects)?;
        check_text(&self.purpose, limits::REASON, || "predicate.purpose".to_owned())?;
        check_evidence(&self.evidence, &self.figures())
    }

    /// A first plan comes before the start, an amendment before the end.
    fn check_in_time(&self, common: &Common) -> Read<()> {
        let first = self.amends.is_none() && common.corrects.is_none();
        let (what, limit) = if first { ("start", self.planned.start) } else { ("end", self.planned.end) };
        if common.issued_at > limit && common.corrects.is_none() {
            let (issued, limit) = (common.issued_at.to_string(), limit.to_string());
            return Err(StatementError::PlanTooLate { issued, what, limit });
        }
        Ok(())
    }
}

fn planned_chips(field: Field<'_, '_>) -> Read<PlannedChips> {
    let mut object = field.object()?;
    let row =
        PlannedChips { accelerator: object.take("accelerator")?.name()?, count: object.take("count")?.decimal_u64()? };
    object.finish()?;
    Ok(row)
}
