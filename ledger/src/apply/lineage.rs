//! Numbers for what the whole ledger knows by one name: models by their digests, suites and metrics by theirs.

use standstill_attestations::evaluation::{EvaluatorRelationship, Score, ScoreUnit, Spread};
use standstill_attestations::training::BaseModel;
use standstill_attestations::{CapabilityEvaluation, RunPlan, Statement, TrainingCompute};
use standstill_protocol::hash::Hash;
use standstill_protocol::member::MemberId;

use super::execution::Execution;
use crate::schema::{Interned, Key, ModelRecord};
use crate::state::StateFault;

/// Base models that a record names.
const BASES: usize = 3;
/// The value of a score is known.
const VALUE_KNOWN: u32 = 1;
/// The bounds of a score are known.
const BOUNDS_KNOWN: u32 = 2;

impl Execution<'_> {
    /// A model's number; the first lab whose run made it owns it.
    fn model(&mut self, digest: Hash, maker: Option<(&MemberId, u32)>) -> Result<u32, StateFault> {
        let key = Key::Model(digest);
        let known: Option<ModelRecord> = self.work.get("model", &key)?;
        let owner = || maker.map(|(member, run)| (member.clone(), run));
        let record = match known {
            Some(known) if known.owner.is_some() || maker.is_none() => return Ok(known.number),
            Some(known) => ModelRecord { owner: owner(), ..known },
            None => {
                let mut interned: Interned = self.work.get("interned", &Key::Interned)?.unwrap_or_default();
                interned.models = interned.models.saturating_add(1);
                self.work.put(&Key::Interned, &interned);
                ModelRecord { number: interned.models, owner: owner() }
            }
        };
        self.work.put(&key, &record);
        Ok(record.number)
    }

    fn word(&mut self, text: &str) -> Result<u32, StateFault> {
        let key = Key::Word(Hash::sha256(text.as_bytes()));
        if let Some(number) = self.work.get("word", &key)? {
            return Ok(number);
        }
        let mut interned: Interned = self.work.get("interned", &Key::Interned)?.unwrap_or_default();
        interned.words = interned.words.saturating_add(1);
        self.work.put(&Key::Interned, &interned);
        self.work.put(&key, &interned.words);
        Ok(interned.words)
    }

    /// The lab that a model is of: the first whose report named its digest among what a run made.
    pub(crate) fn model_owner(&self, statement: &Statement) -> Result<Option<(MemberId, u32)>, StateFault> {
        let Some(subject) = statement.subjects.first() else { return Ok(None) };
        let model: Option<ModelRecord> = self.work.get("model", &Key::Model(subject.sha256))?;
        Ok(model.and_then(|model| model.owner))
    }

    /// What a report's record says of models: the run's own, up to three base models, and what all base models took.
    pub(crate) fn report_lineage(
        &mut self,
        statement: &Statement,
        report: &TrainingCompute,
        run: u32,
    ) -> Result<(Vec<u8>, bool), StateFault> {
        let maker = &statement.common.member;
        let mut own = 0;
        for subject in &statement.subjects {
            let number = self.model(subject.sha256, Some((maker, run)))?;
            own = if own == 0 { number } else { own };
        }
        let mut bytes = self.lineage(own, &report.base_models)?;
        let known = || report.base_models.iter().filter_map(|model| model.flop.known());
        let unknown = known().count() != report.base_models.len();
        let sum = |bound: fn(&standstill_attestations::Interval) -> u128| {
            if unknown { 0 } else { known().map(bound).fold(0, u128::saturating_add) }
        };
        bytes.extend(sum(|one| one.lower.0).to_le_bytes());
        bytes.extend(sum(|one| one.upper.0).to_le_bytes());
        Ok((bytes, unknown))
    }

    /// What a plan's record says of models: base models alone, because there is no other yet.
    pub(crate) fn plan_lineage(&mut self, plan: &RunPlan) -> Result<Vec<u8>, StateFault> {
        self.lineage(0, &plan.base_models)
    }

    fn lineage(&mut self, own: u32, bases: &[BaseModel]) -> Result<Vec<u8>, StateFault> {
        let mut numbers = [own, 0, 0, 0];
        for (place, base) in numbers.iter_mut().skip(1).zip(bases.iter().take(BASES)) {
            *place = self.model(base.sha256, None)?;
        }
        Ok(numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
    }

    /// What an evaluation's record says of its scores: 64 bytes each.
    pub(crate) fn scores(
        &mut self,
        statement: &Statement,
        evaluation: &CapabilityEvaluation,
        evaluator: u32,
    ) -> Result<Vec<u8>, StateFault> {
        let suite = self.word(&evaluation.suite.name)?;
        let model = match statement.subjects.first() {
            Some(subject) => self.model(subject.sha256, None)?,
            None => 0,
        };
        let relationship = relationship_number(evaluation.evaluator_relationship);
        let mut bytes = Vec::with_capacity(evaluation.scores.len() * 64);
        for score in &evaluation.scores {
            let metric = self.word(&score.metric)?;
            for number in [suite, metric, model] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(unit_number(score.unit).to_le_bytes());
            bytes.extend(relationship.to_le_bytes());
            write_score(&mut bytes, score, evaluator);
        }
        Ok(bytes)
    }
}

fn write_score(bytes: &mut Vec<u8>, score: &Score, evaluator: u32) {
    let value = score.value.known().copied();
    let bounds = match score.uncertainty.known().map(|uncertainty| uncertainty.spread) {
        Some(Spread::Interval { lower, upper, .. }) => Some((lower, upper)),
        _ => None,
    };
    let (lower, upper) = bounds.unwrap_or((0, 0));
    for number in [value.unwrap_or(0), lower, upper] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(score.scored_samples.known().copied().unwrap_or(0).to_le_bytes());
    let flags = if value.is_some() { VALUE_KNOWN } else { 0 } | if bounds.is_some() { BOUNDS_KNOWN } else { 0 };
    bytes.extend(evaluator.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(0u64.to_le_bytes());
}

/// 1 for parts per million, 2 for millionths of the metric's own unit, 3 for milliseconds, 4 for whole things.
fn unit_number(unit: ScoreUnit) -> u16 {
    match unit {
        ScoreUnit::Ppm => 1,
        ScoreUnit::MicroUnits => 2,
        ScoreUnit::Milliseconds => 3,
        ScoreUnit::Count => 4,
        _ => 0,
    }
}

/// 1 for the developer, 2 for one that it commissioned, 3 for an independent one, 4 for a regulator.
fn relationship_number(relationship: EvaluatorRelationship) -> u16 {
    match relationship {
        EvaluatorRelationship::Developer => 1,
        EvaluatorRelationship::Commissioned => 2,
        EvaluatorRelationship::Independent => 3,
        EvaluatorRelationship::Regulator => 4,
        _ => 0,
    }
}
