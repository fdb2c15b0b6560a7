//! `attest check`: the form of a statement, then its numbers against each other and against what else is at hand.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use standstill_attestations::crosscheck::{self, Finding, History, Outcome, Overheads, SchedulerTime, Yardstick};
use standstill_attestations::figure::Agreement;
use standstill_attestations::training::TrainingCompute;
use standstill_attestations::{Common, Countersignature, Kind, Predicate, RunPlan, accounting};
use standstill_importers::{Draft, Options};
use standstill_policies::Treaty;
use standstill_protocol::units::Ppm;

use super::countersign::agreements;
use super::{Read, files, read_statement, record};
use crate::cli::{Failure, Global};
use crate::exit::Exit;

/// What the exit code says, for `--help`.
pub(super) const EXITS: &str = "Exits 20 where numbers contradict each other: no figure within their bounds explains \
                                both. A check that cannot tell for want of data is listed, and does not change the \
                                exit. A statement that is not well-formed ends with 2.";

/// What is checked, and against what.
#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// A draft or an envelope
    file: PathBuf,
    /// Earlier statements of the member, its run plans too: drafts or
    /// envelopes; for a countersignature, the statement that it is about
    #[arg(long, value_name = "FILE", num_args = 1.., verbatim_doc_comment)]
    with: Vec<PathBuf>,
    /// The scheduler's accounting: what sacct wrote
    #[arg(long, value_name = "FILE")]
    scheduler: Vec<PathBuf>,
    /// The run's jobs in it, by id [default: all in the report's window]
    #[arg(long, value_name = "ID")]
    job: Vec<String>,
    /// The treaty, for its tolerance and chip table [default: the home's]
    #[arg(long, value_name = "FILE")]
    treaty: Option<PathBuf>,
    /// A chip table [default: the one that the shipped treaties pin]
    #[arg(long, value_name = "FILE")]
    chip_table: Option<PathBuf>,
}

impl Check {
    /// Checks, and prints the table.
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        let read = read_statement(&self.file)?;
        let form = if read.id.is_some() { "envelope" } else { "draft" };
        let home = global.open().ok();
        let treaty = record::treaty(self.treaty.as_deref(), home.as_ref())?;
        let (findings, agreed) = match &read.statement.predicate {
            Predicate::TrainingCompute(report) => (self.findings(global, &read, report, treaty.as_ref())?, Vec::new()),
            Predicate::Countersignature(about) => (Vec::new(), self.agreement(&read, about, treaty.as_ref())?),
            _ => (Vec::new(), Vec::new()),
        };
        let contradicted = findings.iter().any(|finding| finding.outcome == Outcome::Contradicts)
            || agreed.iter().any(|(_, agreement)| *agreement == Agreement::Contradicted);
        let Common { member, sequence, issued_at, .. } = &read.statement.common;
        let list: Value = serde_json::from_slice(&crosscheck::json(&findings)).unwrap_or_default();
        let view = json!({
            "schema": "standstill.check/1",
            "form": form,
            "kind": read.statement.kind().as_str(),
            "member": member,
            "sequence": sequence,
            "id": read.id,
            "contradicted": contradicted,
            "findings": list["findings"],
            "agreement": agreed.iter().map(|(figure, agreement)| json!({ "figure": figure,
                "outcome": agreement.as_str() })).collect::<Vec<_>>(),
        });
        global.print(&view, || {
            let kind = read.statement.kind();
            let mut text = format!("ok  {form} of a `{kind}` statement by {member}, drafted {issued_at}\n");
            if !findings.is_empty() {
                text.push_str(&format!("\n{}", crosscheck::table(&findings)));
            }
            let rows: Vec<_> = agreed.iter().map(|(name, outcome)| vec![name.clone(), outcome.to_string()]).collect();
            if !rows.is_empty() {
                text.push_str(&format!("\n{}", crate::cli::columns(&rows)));
            }
            text
        })?;
        Ok(if contradicted { Exit::Violated } else { Exit::Holds })
    }

    fn findings(
        &self,
        global: &Global,
        read: &Read,
        report: &TrainingCompute,
        treaty: Option<&Treaty>,
    ) -> Result<Vec<Finding>, Failure> {
        let chips = record::chip_table(global, self.chip_table.as_deref(), treaty)?;
        let tolerance = tolerance(treaty);
        let yardstick = Yardstick { tolerance, chips: chips.as_ref(), overheads: Overheads::default() };
        let mut findings = crosscheck::alone(report, &yardstick);
        if !self.scheduler.is_empty() {
            findings.extend(self.scheduler(global, report)?);
        }
        if !self.with.is_empty() {
            findings.extend(self.history(read, report, &yardstick)?);
        }
        Ok(findings)
    }

    fn scheduler(&self, global: &Global, report: &TrainingCompute) -> Result<Option<Finding>, Failure> {
        let options = Options { window: Some(report.window), jobs: self.job.clone(), ..Options::default() };
        let Draft::Training(imported) = files::import(global, Kind::TrainingCompute, &self.scheduler, &options)? else {
            return Ok(None);
        };
        imported.left.iter().for_each(|note| global.say(&format!("left  {note}")));
        let chip_seconds = imported.facts.hardware.and_then(|hardware| hardware.chip_seconds);
        let chip_seconds = chip_seconds.ok_or_else(|| {
            Failure::usage("the scheduler's file has no chips of the report's window")
                .hint("name the run's jobs with `--job ID`, and see that sacct wrote AllocTRES")
        })?;
        let time = SchedulerTime { chip_seconds, ..SchedulerTime::default() };
        Ok(Some(crosscheck::against_scheduler(report, &time)))
    }

    fn history(
        &self,
        read: &Read,
        report: &TrainingCompute,
        yardstick: &Yardstick<'_>,
    ) -> Result<Vec<Finding>, Failure> {
        let earlier = self.with.iter().map(|path| read_statement(path)).collect::<Result<Vec<_>, _>>()?;
        let corrects = |read: &Read| read.statement.common.corrects.as_ref().map(|correction| correction.statement);
        let superseded: Vec<_> = earlier.iter().filter_map(corrects).collect();
        let stands = |one: &&Read| one.id.is_none_or(|id| !superseded.contains(&id));
        let reports: Vec<_> = earlier.iter().filter(stands).filter_map(training).collect();
        let own = corrects(read).and_then(|id| earlier.iter().find(|one| one.id == Some(id)));
        let history = History { earlier: &reports, corrects: own.and_then(training) };
        let mut findings = crosscheck::with_history(report, &history, yardstick);
        let amended: Vec<_> = earlier.iter().filter_map(|one| plan(one)?.amends).collect();
        let in_force = |one: &&Read| stands(one) && one.id.is_none_or(|id| !amended.contains(&id));
        let plans = earlier.iter().filter(in_force).filter_map(plan);
        plans.for_each(|plan| findings.extend(crosscheck::against_plan(report, plan, yardstick).unwrap_or_default()));
        Ok(findings)
    }

    fn agreement(
        &self,
        read: &Read,
        about: &Countersignature,
        treaty: Option<&Treaty>,
    ) -> Result<Vec<(String, Agreement)>, Failure> {
        for path in &self.with {
            let claim = read_statement(path)?;
            if let Some(id) = claim.id.filter(|id| *id == about.statement) {
                return agreements(about, &read.statement, (id, &claim.statement), tolerance(treaty));
            }
        }
        Ok(Vec::new())
    }
}

fn training(read: &Read) -> Option<&TrainingCompute> {
    match &read.statement.predicate {
        Predicate::TrainingCompute(report) => Some(report),
        _ => None,
    }
}

fn plan(read: &Read) -> Option<&RunPlan> {
    match &read.statement.predicate {
        Predicate::RunPlan(plan) => Some(plan),
        _ => None,
    }
}

/// By how much two estimates may differ: the treaty's share, or the EU guidelines' 30 %.
pub(super) fn tolerance(treaty: Option<&Treaty>) -> Ppm {
    treaty.map_or(accounting::TOLERANCE, |treaty| treaty.counting.tolerance)
}
