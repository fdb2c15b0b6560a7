//! Countersigning: what this member itself observed of another member's figures.
//!
//! Nothing is agreed or disagreed to here: bounds are stated, and what they say about the claim is computed, by whoever
//! reads both. The outcome is shown before the signature, so that a slip in a unit is seen.

use std::path::PathBuf;

use clap::Args;
use standstill_attestations::claim::{Basis, Evidence, EvidenceRole, FigureGroup, Maybe, Window};
use standstill_attestations::countersignature::SignerRole;
use standstill_attestations::evaluation::{Score, Spread};
use standstill_attestations::figure::{Agreement, Bounds, Figure, Observation, Unit};
use standstill_attestations::{Common, Countersignature, Interval, Predicate, Statement};
use standstill_importers::{Contribution, Draft, EvaluationFacts, Options};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::{Ppm, Timestamp};

use super::check::tolerance;
use super::content::word;
use super::imported::Drafted;
use super::numbers::{self, FigureFlag, UNSTATED};
use super::record::Whose;
use super::request::{MAX_REQUEST_BYTES, Request, SCHEMA, observable, read_envelope};
use super::sign::{Seal, verify_receipt};
use super::{deliver_draft, files};
use crate::api::views::EntryView;
use crate::cli::{Failure, Global, columns, read_file};
use crate::exit::Exit;

/// Signs what this member observed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Countersign {
    /// The request, as `attest request` wrote it
    request: PathBuf,
    /// What was observed, such as energy.joules=832e9..849e9 or scores[0]=…;
    /// as many as apply
    #[arg(long, value_name = "FIGURE=LOWER..UPPER", value_parser = numbers::figure, verbatim_doc_comment)]
    figure: Vec<FigureFlag>,
    /// This member's own files, as its tools wrote them: figures are taken
    /// from them; as many as apply
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    from: Vec<PathBuf>,
    /// A job of the scheduler, by id, where `--from` names its accounting
    #[arg(long, value_name = "ID")]
    job: Vec<String>,
    /// How `--figure` came to be: measured, computed, estimated or declared
    #[arg(long, value_name = "WORD", default_value = "declared")]
    basis: String,
    /// A file behind `--figure`, by its digest; as many as apply
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    /// meter, host, evaluator or inspector [default: the request's]
    #[arg(long, value_name = "WORD")]
    role: Option<String>,
    /// When it was observed [default: what the files say]
    #[arg(long, value_name = "TIME", requires = "end")]
    start: Option<Timestamp>,
    /// Until when
    #[arg(long, value_name = "TIME", requires = "start")]
    end: Option<Timestamp>,
    /// Anything else, for people
    #[arg(long, value_name = "TEXT")]
    remark: Option<String>,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    seal: Seal,
}

/// What was observed, and the files that show it.
#[derive(Default)]
struct Observed {
    figures: Vec<Observation>,
    evidence: Vec<Evidence>,
    window: Option<Window>,
    took: Vec<String>,
    left: Vec<String>,
}

/// What each observation says about the claim, by figure.
pub(super) fn agreements(
    about: &Countersignature,
    own: &Statement,
    claim: (Hash, &Statement),
    tolerance: Ppm,
) -> Result<Vec<(String, Agreement)>, Failure> {
    let outcomes = about.against(own, claim, tolerance).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(about.figures.iter().map(name).zip(outcomes).collect())
}

fn name(observation: &Observation) -> String {
    let item = observation.item.map(|item| format!("[{item}]")).unwrap_or_default();
    format!("{}{item}", observation.figure)
}

impl Countersign {
    /// Drafts, shows and signs.
    pub(super) fn run(&self, global: &Global) -> Result<Exit, Failure> {
        let known = self.whose.known(global, None)?;
        let request = self.read(&known.common)?;
        let (claim, id) = read_envelope(request.envelope.as_bytes())?;
        observable(&claim)?;
        self.in_the_log(global, &request, &id)?;
        let mut observed = self.imported(global, &claim.predicate)?;
        self.flags(&claim.predicate, &mut observed)?;
        let common = known.common.clone();
        let Observed { figures, evidence, window, took, left } = observed;
        let about = Countersignature {
            statement: id,
            member: claim.common.member.clone(),
            kind: claim.kind(),
            role: self.role(&request)?,
            window: self.start.zip(self.end).map(|(start, end)| Window { start, end }).or(window).ok_or_else(|| {
                Failure::usage("no file says when this was observed").hint("add `--start TIME --end TIME`")
            })?,
            figures,
            remark: self.remark.clone(),
            evidence,
        };
        let own = Statement { subjects: claim.subjects.clone(), common, predicate: Predicate::Countersignature(about) };
        own.check()?;
        let outcomes = outcomes(&own, (id, &claim), tolerance(known.treaty.as_ref()))?;
        global.say(columns(&outcomes).trim_end());
        if self.whose.draft {
            let path = self.seal.out.clone().unwrap_or_else(|| PathBuf::from("-"));
            deliver_draft(global, &Drafted { statement: own, took, left }, &path)?;
            return Ok(Exit::Holds);
        }
        took.iter().for_each(|note| global.say(&format!("took  {note}")));
        left.iter().for_each(|note| global.say(&format!("left  {note}")));
        self.seal.write(global, &global.open()?, own)?;
        Ok(Exit::Holds)
    }

    fn read(&self, common: &Common) -> Result<Request, Failure> {
        let bytes = read_file(&self.request, MAX_REQUEST_BYTES)?;
        let path = self.request.display();
        let request: Request = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::usage(format!("`{path}` is no request: {error}"))
                .hint("whoever made the statement writes one with `standstill attest request ID --of MEMBER`")
        })?;
        if request.schema != SCHEMA {
            return Err(Failure::usage(format!("`{path}` has schema `{}`, not `{SCHEMA}`", request.schema)));
        }
        if request.to != common.member && !self.whose.draft {
            let member = &common.member;
            return Err(Failure::usage(format!("the request is to `{}`, this home is of `{member}`", request.to)));
        }
        Ok(request)
    }

    /// A countersignature is about a statement that the ledger has.
    fn in_the_log(&self, global: &Global, request: &Request, id: &Hash) -> Result<(), Failure> {
        if self.whose.draft {
            global.say("note  with `--draft` nobody checks that the ledger has the statement");
            return Ok(());
        }
        if let Some(receipt) = &request.receipt {
            return match verify_receipt(global, receipt.as_bytes(), request.envelope.as_bytes())? {
                Exit::Holds => Ok(()),
                _ => Err(Failure::untrusted("without a treaty the request's receipt cannot be checked")
                    .hint("install the treaty with `standstill init --treaty FILE`")),
            };
        }
        let entry: EntryView = global.client()?.json(&format!("/v1/entries/{id}"))?;
        match entry.status.as_str() {
            "final" => Ok(()),
            _ => Err(Failure::unavailable("the statement is not in the ledger yet").hint("try again in a moment")),
        }
    }

    fn role(&self, request: &Request) -> Result<SignerRole, Failure> {
        let text = self.role.as_ref().or(request.role.as_ref()).ok_or_else(|| {
            Failure::usage("as what do you sign?").hint(format!("add `--role`: {}", SignerRole::WORDS.join(", ")))
        })?;
        word(SignerRole::from_word(text), text, SignerRole::WORDS)
    }

    /// What the signer's own files say of figures that the claim states.
    fn imported(&self, global: &Global, claim: &Predicate) -> Result<Observed, Failure> {
        let mut observed = Observed::default();
        if self.from.is_empty() {
            return Ok(observed);
        }
        let window = self.start.zip(self.end).map(|(start, end)| Window { start, end });
        let options = Options { window, jobs: self.job.clone(), ..Options::default() };
        let draft = files::import(global, claim.kind(), &self.from, &options)?;
        observed.took = draft.took().iter().map(ToString::to_string).collect();
        observed.left = draft.left().iter().map(ToString::to_string).collect();
        let figures = match draft {
            Draft::Training(imported) => {
                observed.evidence = imported.evidence;
                observed.window = span(&imported.facts);
                of_training(&imported.facts, claim)
            }
            Draft::Evaluation(imported) => {
                observed.evidence = imported.evidence;
                observed.window = imported.facts.window.known().copied();
                of_evaluation(&imported.facts, claim)
            }
            _ => Vec::new(),
        };
        for figure in figures {
            match figure.figure.stated(figure.item, claim) {
                Some((_, unit)) if unit == figure.unit => observed.figures.push(figure),
                _ => observed.left.push(format!("`{}`: the statement does not state it", name(&figure))),
            }
        }
        if observed.figures.is_empty() {
            return Err(Failure::usage("no file holds a figure that the statement states")
                .hint("state what you observed with `--figure NAME=LOWER..UPPER`"));
        }
        observed.evidence.iter_mut().for_each(|file| file.backs = vec![FigureGroup::Figures]);
        Ok(observed)
    }

    /// What flags say: they go before what files say of the same figure.
    fn flags(&self, claim: &Predicate, observed: &mut Observed) -> Result<(), Failure> {
        let basis = word(Basis::from_word(&self.basis), &self.basis, Basis::WORDS)?;
        for flag in &self.figure {
            let stated = flag.figure.stated(flag.item, claim).map(|(_, unit)| unit);
            let unit = flag.figure.unit().or(stated).ok_or_else(|| {
                Failure::usage(format!("the statement has no such `{}`", flag.figure))
                    .hint("name the score by its place, from 0: `scores[0]=…`")
            })?;
            let FigureFlag { figure, item, observed: bounds } = *flag;
            observed.figures.retain(|one| (one.figure, one.item) != (figure, item));
            observed.figures.push(Observation { figure, item, unit, observed: bounds, basis });
        }
        if observed.figures.is_empty() {
            return Err(Failure::usage("what did you observe?")
                .hint("add `--from FILE` for what your own tools wrote, or `--figure NAME=LOWER..UPPER`"));
        }
        for path in &self.evidence {
            let (sha256, size_bytes) = files::digest(path)?;
            let format = path.extension().map_or("file".to_owned(), |end| end.to_string_lossy().into_owned());
            observed.evidence.push(Evidence {
                role: EvidenceRole::Record,
                tool: "by hand".to_owned(),
                tool_version: Maybe::Unknown(UNSTATED.to_owned()),
                format,
                sha256,
                size_bytes,
                imported_fields: vec!["whole file".to_owned()],
                backs: vec![FigureGroup::Figures],
            });
        }
        Ok(())
    }
}

/// Rows for people: figure, stated, observed, outcome.
fn outcomes(own: &Statement, claim: (Hash, &Statement), tolerance: Ppm) -> Result<Vec<Vec<String>>, Failure> {
    let Predicate::Countersignature(about) = &own.predicate else { return Ok(Vec::new()) };
    let agreed = agreements(about, own, claim, tolerance)?;
    let range = |bounds: Bounds| match bounds.lower == bounds.upper {
        true => bounds.lower.to_string(),
        false => format!("{}..{}", bounds.lower, bounds.upper),
    };
    let mut rows = vec![["figure", "stated", "observed", "outcome"].map(str::to_owned).to_vec()];
    for (figure, (name, outcome)) in about.figures.iter().zip(agreed) {
        let stated = figure.figure.stated(figure.item, &claim.1.predicate);
        let stated = stated.map_or("-".to_owned(), |(bounds, _)| range(bounds));
        rows.push(vec![name, stated, range(figure.observed), outcome.to_string()]);
    }
    Ok(rows)
}

/// From the first session or reading to the last.
fn span(facts: &Contribution) -> Option<Window> {
    let sessions = facts.sessions.iter().map(|session| session.window);
    let energy = facts.energy.iter().filter_map(|energy| energy.window);
    let all: Vec<_> =
        sessions.chain(energy).chain(facts.activity.iter().filter_map(|activity| activity.window)).collect();
    let start = all.iter().map(|window| window.start).min()?;
    let end = all.iter().map(|window| window.end).max()?;
    Some(Window { start, end })
}

fn exact(figure: Figure, value: impl Into<u128>, basis: Basis) -> Option<Observation> {
    let value = i128::try_from(value.into()).ok()?;
    within(figure, Bounds { lower: value, upper: value }, basis)
}

fn within(figure: Figure, observed: Bounds, basis: Basis) -> Option<Observation> {
    Some(Observation { figure, item: None, unit: figure.unit()?, observed, basis })
}

fn of_training(facts: &Contribution, claim: &Predicate) -> Vec<Observation> {
    let flop = |figure, interval: Interval, basis| within(figure, interval.into(), basis);
    let mut found = Vec::new();
    if let Some(facts) = &facts.flop {
        found.push(flop(Figure::FlopIncremental, facts.incremental, facts.basis));
        found.extend(facts.cumulative.map(|value| flop(Figure::FlopCumulative, value, facts.basis)));
        found.extend(facts.discarded.map(|value| flop(Figure::FlopDiscarded, value, facts.basis)));
    }
    if let Some(workload) = &facts.workload {
        found.extend(workload.tokens.map(|value| exact(Figure::Tokens, value, Basis::Measured)));
        found.extend(workload.active_parameters.map(|value| exact(Figure::ActiveParameters, value, Basis::Measured)));
    }
    if let Some(hardware) = &facts.hardware {
        found.extend(hardware.chips.map(|value| exact(Figure::Chips, value, Basis::Measured)));
        found.extend(hardware.chip_seconds.map(|value| exact(Figure::ChipSeconds, value, Basis::Measured)));
    }
    // Joules at another boundary are of something else.
    let boundary = match claim {
        Predicate::TrainingCompute(report) => report.energy.known().map(|energy| energy.boundary),
        _ => None,
    };
    let energy = facts.energy.iter().find(|energy| Some(energy.boundary) == boundary);
    found.extend(energy.map(|energy| exact(Figure::Joules, energy.joules.0, energy.basis)));
    let activity = facts.activity.as_ref();
    found.extend(activity.map(|activity| within(Figure::TensorPipe, activity.active.into(), Basis::Measured)));
    found.into_iter().flatten().collect()
}

fn of_evaluation(facts: &EvaluationFacts, claim: &Predicate) -> Vec<Observation> {
    let Predicate::CapabilityEvaluation(claimed) = claim else { return Vec::new() };
    let mut found = Vec::new();
    for score in &facts.scores {
        let same = |other: &Score| {
            (&other.scorer, &other.metric, &other.reducer) == (&score.scorer, &score.metric, &score.reducer)
        };
        let (Some(item), Some(observed)) = (claimed.scores.iter().position(same), bounds(score)) else { continue };
        let Ok(item) = u32::try_from(item) else { continue };
        let unit: Unit = score.unit.into();
        found.push(Observation { figure: Figure::Score, item: Some(item), unit, observed, basis: facts.basis });
    }
    found.extend(exact(Figure::SamplesCompleted, facts.samples.completed, facts.basis));
    found
}

/// A score's stated interval, or two standard errors either way; the value alone where nothing says how sure it is.
fn bounds(score: &Score) -> Option<Bounds> {
    let value = i128::from(*score.value.known()?);
    Some(match score.uncertainty.known().map(|uncertainty| uncertainty.spread) {
        Some(Spread::StandardError(error)) => {
            let width = i128::from(error).saturating_mul(2);
            Bounds { lower: value.saturating_sub(width), upper: value.saturating_add(width) }
        }
        Some(Spread::Interval { lower, upper, .. }) => Bounds { lower: lower.into(), upper: upper.into() },
        None => Bounds { lower: value, upper: value },
    })
}
