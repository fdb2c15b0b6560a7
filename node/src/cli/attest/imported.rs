//! Reports and evaluations: what files hold, joined with what flags say.
//!
//! The chip table turns a tool's name of a chip into the table's id and fills in its peak. Where a name fits several
//! chips, whoever knows the machine is asked, never a guess made.

use standstill_attestations::accounting::accelerators::{Chip, ChipTable};
use standstill_attestations::claim::{Basis, Maybe};
use standstill_attestations::evaluation::EvaluatorRelationship;
use standstill_attestations::training::{Energy, EnergyBoundary, RunStage, Session};
use standstill_attestations::{Kind, Predicate, Statement};
use standstill_importers::{Draft, EvaluationContext, HardwareContext, TrainingContext};
use standstill_protocol::units::Joule;

use super::content::{Content, need, word};
use super::files;
use super::numbers::UNSTATED;
use super::record::Known;
use crate::cli::{Failure, Global};

/// A draft with what the importers did, for people.
#[derive(Debug)]
pub(super) struct Drafted {
    pub(super) statement: Statement,
    pub(super) took: Vec<String>,
    pub(super) left: Vec<String>,
}

impl Drafted {
    /// One that no file was imported for.
    pub(super) fn by_hand(statement: Statement) -> Self {
        Drafted { statement, took: Vec::new(), left: Vec::new() }
    }
}

/// A report or an evaluation, from files.
pub(super) fn draft(global: &Global, content: &Content, known: Known) -> Result<Drafted, Failure> {
    let kind = content.kind()?;
    let draft = files::import(global, kind, &content.files(), &content.options())?;
    let mut took: Vec<String> = draft.took().iter().map(ToString::to_string).collect();
    let left = draft.left().iter().map(ToString::to_string).collect();
    let mut subjects = content.subjects()?;
    let predicate = match draft {
        Draft::Training(imported) => {
            if subjects.is_empty() {
                subjects = imported.files_as_subjects();
            }
            let named = imported.facts.hardware.as_ref().and_then(|hardware| hardware.accelerator.as_deref());
            let hardware = hardware(content, named, known.chips.as_ref(), &mut took)?;
            let context = training_context(content, hardware)?;
            Predicate::TrainingCompute(imported.into_training_compute(context)?)
        }
        Draft::Evaluation(imported) => {
            if subjects.is_empty() {
                return Err(Failure::usage("an evaluation is about a model: name its digest")
                    .hint("add `--subject model=SHA256`, or a file such as its signed manifest"));
            }
            Predicate::CapabilityEvaluation(imported.into_capability_evaluation(evaluation_context(content)?)?)
        }
        _ => return Err(Failure::usage(format!("`{kind}` statements cannot be imported"))),
    };
    Ok(Drafted { statement: Statement { subjects, common: known.common, predicate }, took, left })
}

/// The chip of the table, by flag or else by the name that a tool gave it.
fn chip<'t>(content: &Content, named: Option<&str>, table: &'t ChipTable) -> Result<Option<&'t Chip>, Failure> {
    if let Some(id) = &content.training.accelerator {
        let ids = || table.rows().iter().map(|chip| chip.id.as_str()).collect::<Vec<_>>().join(", ");
        let found = table.find(id);
        return found
            .map(Some)
            .ok_or_else(|| Failure::usage(format!("the chip table has no `{id}`")).hint(format!("it has: {}", ids())));
    }
    let candidates = named.map(|name| table.named(name)).unwrap_or_default();
    match candidates.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let flags: Vec<_> = several.iter().map(|chip| format!("`--accelerator {}`", chip.id)).collect();
            let name = named.unwrap_or_default();
            Err(Failure::usage(format!("the files' `{name}` fits {} chips of the table", several.len()))
                .hint(format!("say which it was: {}", flags.join(" or "))))
        }
    }
}

fn hardware(
    content: &Content,
    named: Option<&str>,
    table: Option<&ChipTable>,
    took: &mut Vec<String>,
) -> Result<Maybe<HardwareContext>, Failure> {
    let flags = &content.training;
    let chip = table.map(|table| chip(content, named, table)).transpose()?.flatten();
    let listed = chip.map(|chip| match flags.precision.as_str() {
        "fp8" => {
            chip.fp8_dense_flops.ok_or_else(|| Failure::usage(format!("the chip table gives `{}` no FP8", chip.id)))
        }
        _ => Ok(chip.bf16_dense_flops),
    });
    let listed = listed.transpose()?;
    if let (Some(chip), Some(peak), None) = (chip, listed, flags.peak) {
        let precision = &flags.precision;
        took.push(format!("chip table: `{}`: peak {peak} dense FLOP/s at {precision}", chip.id));
    }
    let context = HardwareContext {
        accelerator: flags.accelerator.clone().or_else(|| chip.map(|chip| chip.id.clone())),
        chips: flags.chips,
        chip_seconds: flags.chip_seconds,
        peak_flop_per_second: flags.peak.or(listed),
        utilisation: flags.utilisation,
    };
    Ok(if context == HardwareContext::default() { Maybe::Unknown(UNSTATED.to_owned()) } else { Maybe::Known(context) })
}

fn training_context(content: &Content, hardware: Maybe<HardwareContext>) -> Result<TrainingContext, Failure> {
    let (kind, flags) = (Kind::TrainingCompute, &content.training);
    let unstated = || UNSTATED.to_owned();
    // Nothing in a start and an end says how the job began, or on how many chips.
    let whole = content.window().map(|window| Session {
        window,
        resumed_from: Maybe::Unknown(unstated()),
        chips: flags.chips.map_or_else(|| Maybe::Unknown(unstated()), Maybe::Known),
    });
    Ok(TrainingContext {
        site: need(&content.site, "site", kind)?,
        run: need(&content.run, "run", kind)?,
        run_stage: word(RunStage::from_word(&content.stage), &content.stage, RunStage::WORDS)?,
        period: need(&flags.period, "period", kind)?,
        sessions: if flags.session.is_empty() { whole.into_iter().collect() } else { flags.session.clone() },
        final_report: flags.is_final.then_some(true),
        base_models: content.base_models()?,
        before: flags.before,
        parameters: flags.parameters.map_or_else(|| Maybe::Unknown(unstated()), Maybe::Known),
        hardware,
        energy: energy(content)?,
        tool_version: flags.framework_version.clone(),
    })
}

fn energy(content: &Content) -> Result<Maybe<Energy>, Failure> {
    let (Some(joules), Some(boundary)) = (content.training.energy, &content.training.energy_boundary) else {
        return Ok(Maybe::Unknown("not metered".to_owned()));
    };
    let boundary = word(EnergyBoundary::from_word(boundary), boundary, EnergyBoundary::WORDS)?;
    Ok(Maybe::Known(Energy {
        joules: Joule(joules),
        boundary,
        coverage: Maybe::Unknown(UNSTATED.to_owned()),
        // A number on the command line has no file behind it.
        basis: Basis::Declared,
    }))
}

fn evaluation_context(content: &Content) -> Result<EvaluationContext, Failure> {
    let flags = &content.evaluation;
    let text = need(&flags.relationship, "relationship", Kind::CapabilityEvaluation)?;
    let found = EvaluatorRelationship::from_word(&text);
    let relationship = word(found, &text, EvaluatorRelationship::WORDS)?;
    Ok(EvaluationContext {
        model: flags.model.clone(),
        window: content.window(),
        suite: flags.suite.clone(),
        suite_version: flags.suite_version.clone(),
        harness_version: flags.harness_version.clone(),
        data_sha256: flags.suite_data.as_deref().map(files::digest_of).transpose()?,
        ..relationship.into()
    })
}
