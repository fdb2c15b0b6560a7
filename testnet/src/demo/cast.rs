//! Who does what: four labs over three reporting periods, with the files that their trainers really wrote.
//!
//! | lab | period 0, monitoring | period 1, the vote | period 2, slowdown |
//! |---|---|---|---|
//! | `lab-a` | trains to step 10 | to step 20, and ends the run | trains nothing, and says so |
//! | `lab-b` | trains nothing, and says so | to step 10 | to step 20: below cap and schedule |
//! | `lab-c` | to step 10 | to step 20 | resumes to step 40: above the cap |
//! | `lab-d` | to step 10 | to step 20 | says nothing |
//!
//! The run is one real run of the Hugging Face Trainer, a tiny GPT-2 on a CPU; the figures are the trainer's own.

use standstill_attestations::claim::{Basis, Interval, Maybe, Window};
use standstill_attestations::evaluation::EvaluatorRelationship;
use standstill_attestations::training::{CountingRule, FlopFigures, Method, RunStage, Session, TrainingCompute};
use standstill_attestations::{Kind, PhaseVote, Predicate, Subject};
use standstill_importers::{Draft, EvaluationContext, ImportError, Options, Source, TrainingContext, import};
use standstill_policies::Period;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::{Flop, Timestamp};

use crate::TestnetError;

/// A file that a lab's tool wrote, with its name.
pub(crate) type LabFile = (&'static str, &'static [u8]);

macro_rules! sample {
    ($folder:literal, $name:literal) => {
        ($name, include_bytes!(concat!("../../../attestations/importers/samples/", $folder, "/", $name)))
    };
}

const STEP_10: LabFile = sample!("hf_trainer", "trainer_state.checkpoint-10.json");
const STEP_20: LabFile = sample!("hf_trainer", "trainer_state.final-step20.json");
const STEP_40: LabFile = sample!("hf_trainer", "trainer_state.resumed-to-step40.json");
/// The evaluator's log.
pub(crate) const EVALUATION: LabFile = sample!("inspect", "generated-mockllm-success.eval");

/// What a lab does in one period.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Reports the state of its run, counted from the report before.
    Trained { state: LabFile, previous: Option<LabFile>, ends: bool, resumed: bool },
    /// Reports that it trained nothing.
    Nothing,
    /// Reports nothing at all.
    Silent,
}

const TO_10: Act = Act::Trained { state: STEP_10, previous: None, ends: false, resumed: false };
const TO_20: Act = Act::Trained { state: STEP_20, previous: Some(STEP_10), ends: false, resumed: false };
const ENDS_AT_20: Act = Act::Trained { state: STEP_20, previous: Some(STEP_10), ends: true, resumed: false };
const RESUMES_TO_40: Act = Act::Trained { state: STEP_40, previous: Some(STEP_20), ends: false, resumed: true };

/// The periods that are played.
pub(crate) const PERIODS: u32 = 3;

/// A lab, its acts by period, and what it did in a phrase for the report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) lab: &'static str,
    pub(crate) acts: [Act; PERIODS as usize],
    pub(crate) deed: &'static str,
}

/// The labs.
pub(crate) const PARTS: [Part; 4] = [
    Part {
        lab: "lab-a",
        acts: [TO_10, ENDS_AT_20, Act::Nothing],
        deed: "trained its model to the end before the slowdown, and stopped. It went on reporting, also when there was \
               nothing to report.",
    },
    Part {
        lab: "lab-b",
        acts: [Act::Nothing, TO_10, TO_20],
        deed: "started later, and went on during the slowdown, below the cap for its run and below the schedule for \
               the period.",
    },
    Part {
        lab: "lab-c",
        acts: [TO_10, TO_20, RESUMES_TO_40],
        deed: "resumed its run after the slowdown had come into force, and doubled it. Its own report, under its own \
               signature, puts it above the cap.",
    },
    Part {
        lab: "lab-d",
        acts: [TO_10, TO_20, Act::Silent],
        deed: "reported twice. When the slowdown came, it fell silent, and the ledger recorded the silence.",
    },
];

/// Adjudicators, and why they vote for the slowdown: two of the three, which is enough.
pub(crate) const VOTES: [(&str, &str); 2] = [
    ("evaluator", "time horizon at 50 % passed a working week"),
    ("regulator-east", "models sped a small training script up by 52 times"),
];

impl Act {
    /// The file that the figures come from.
    pub(crate) fn source(&self) -> &'static str {
        match self {
            Act::Trained { state, .. } => state.0,
            Act::Nothing => "no run in this period",
            Act::Silent => "",
        }
    }

    /// The statement, made at `now`; `None` for silence.
    pub(crate) fn statement(
        &self,
        period: Period,
        now: Timestamp,
    ) -> Result<Option<(Vec<Subject>, Predicate)>, TestnetError> {
        let window = Window { start: period.start, end: now.min(period.end) };
        match self {
            Act::Silent => Ok(None),
            Act::Nothing => Ok(Some(nothing(period, window)?)),
            Act::Trained { state, previous, ends, resumed } => {
                trained(*state, *previous, (*ends, *resumed), period, window).map(Some)
            }
        }
    }
}

fn trained(
    state: LabFile,
    previous: Option<LabFile>,
    (ends, resumed): (bool, bool),
    period: Period,
    window: Window,
) -> Result<(Vec<Subject>, Predicate), TestnetError> {
    let sources: Vec<Source<'_>> = previous.into_iter().chain([state]).map(source).collect();
    let refused = |error: ImportError| refused(state.0, &error);
    let Draft::Training(imported) = import(Kind::TrainingCompute, &sources, &Options::default()).map_err(refused)?
    else {
        return Err(TestnetError::Malformed { what: state.0.to_owned(), reason: "no training state".to_owned() });
    };
    let subjects = imported.files_as_subjects();
    // The state file is part of its checkpoint, and the only part of it that is at hand.
    let resumed_from = Maybe::Known(previous.filter(|_| resumed).map(|(_, bytes)| Hash::sha256(bytes)));
    let chips = Maybe::Unknown("a CPU, which is in no chip table".to_owned());
    let context = TrainingContext {
        site: name("dc-1")?,
        run: name("aurora")?,
        run_stage: RunStage::PreTraining,
        period: period.index,
        sessions: vec![Session { window, resumed_from, chips }],
        final_report: Some(ends),
        base_models: Vec::new(),
        before: None,
        parameters: Maybe::Unknown("the trainer's own counter is the method".to_owned()),
        hardware: Maybe::Unknown("a CPU, which is in no chip table".to_owned()),
        energy: Maybe::Unknown("no meter on this host".to_owned()),
        tool_version: Some("5.23.0".to_owned()),
    };
    let predicate = imported.into_training_compute(context).map_err(refused)?;
    Ok((subjects, Predicate::TrainingCompute(predicate)))
}

/// A declaration of no training: figures of zero, declared, with nothing behind them.
fn nothing(period: Period, window: Window) -> Result<(Vec<Subject>, Predicate), TestnetError> {
    let zero = Interval::exact(Flop(0));
    let none = || "no training in this period".to_owned();
    let report = TrainingCompute {
        site: name("dc-1")?,
        run: name("no-run")?,
        run_stage: RunStage::PreTraining,
        period: period.index,
        window,
        sessions: vec![Session { window, resumed_from: Maybe::Known(None), chips: Maybe::Unknown(none()) }],
        flop: FlopFigures { incremental: zero, cumulative: zero, discarded: Maybe::Unknown(none()) },
        method: Method::FrameworkCounter,
        counting_rule: CountingRule::SixNdNonEmbedding,
        basis: Basis::Declared,
        final_report: false,
        base_models: Vec::new(),
        workload: Maybe::Unknown(none()),
        hardware: Maybe::Unknown(none()),
        energy: Maybe::Unknown(none()),
        activity: Maybe::Unknown(none()),
        evidence: Vec::new(),
    };
    // There is no artefact: the digest of nothing.
    let subject = Subject { name: "no artefact".to_owned(), sha256: Hash::sha256(b"") };
    Ok((vec![subject], Predicate::TrainingCompute(report)))
}

/// The evaluator's statement, from its log.
pub(crate) fn evaluation() -> Result<(Vec<Subject>, Predicate), TestnetError> {
    let refused = |error: ImportError| refused(EVALUATION.0, &error);
    let imported = import(Kind::CapabilityEvaluation, &[source(EVALUATION)], &Options::default());
    let Draft::Evaluation(imported) = imported.map_err(refused)? else {
        return Err(TestnetError::Malformed { what: EVALUATION.0.to_owned(), reason: "no evaluation".to_owned() });
    };
    let subjects = imported.files_as_subjects();
    let context = EvaluationContext::from(EvaluatorRelationship::Independent);
    let predicate = imported.into_capability_evaluation(context).map_err(refused)?;
    Ok((subjects, Predicate::CapabilityEvaluation(predicate)))
}

/// A vote for the slowdown.
pub(crate) fn vote(reason: &str) -> Result<Predicate, TestnetError> {
    Ok(Predicate::PhaseVote(PhaseVote { phase: name("slowdown")?, support: true, reason: reason.to_owned() }))
}

fn source((name, bytes): LabFile) -> Source<'static> {
    Source::new(name, bytes)
}

fn refused(file: &str, error: &ImportError) -> TestnetError {
    TestnetError::Malformed { what: file.to_owned(), reason: error.to_string() }
}

fn name(text: &str) -> Result<Name, TestnetError> {
    text.parse().map_err(|error: standstill_protocol::member::NotAName| TestnetError::Malformed {
        what: "a name".to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use standstill_attestations::{Common, Statement};

    use super::*;

    #[test]
    fn every_act_makes_a_statement_that_passes_its_own_checks() {
        let period = Period { index: 2, start: Timestamp(1_000), end: Timestamp(7_000), due: Timestamp(10_000) };
        let acts = PARTS.iter().flat_map(|part| part.acts);
        let made = acts.filter_map(|act| act.statement(period, Timestamp(5_000)).unwrap());
        let made: Vec<_> = made.chain([evaluation().unwrap()]).collect();
        assert_eq!(made.len(), 12, "eleven reports and one evaluation");
        for (subjects, predicate) in made {
            let common = Common {
                chain_id: Hash::sha256(b"chain"),
                member: "lab-a".parse().unwrap(),
                sequence: 1,
                issued_at: Timestamp(5_000),
                corrects: None,
            };
            let statement = Statement { subjects, common, predicate };
            statement.check().unwrap();
            assert_eq!(Statement::parse(&statement.to_json()).unwrap(), statement);
        }
    }

    #[test]
    fn the_trainers_own_figures_are_what_the_labs_state() {
        let period = Period { index: 2, start: Timestamp(1_000), end: Timestamp(7_000), due: Timestamp(10_000) };
        let (_, predicate) = RESUMES_TO_40.statement(period, Timestamp(5_000)).unwrap().unwrap();
        let Predicate::TrainingCompute(report) = predicate else { panic!("a report was expected") };
        assert_eq!(report.flop.cumulative, Interval::exact(Flop(24_599_592_960)));
        assert_eq!(report.flop.incremental, Interval::exact(Flop(12_299_796_480)));
    }
}
