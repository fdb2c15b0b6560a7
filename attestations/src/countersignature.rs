//! `countersignature`: what a meter, host, evaluator or inspector itself observed of another member's figures.
//!
//! ```text
//! "statement": "…", "of": {"member": "lab-a", "kind": "training-compute"}, "role": "meter",
//! "window": {"start": …, "end": …}, "figures": [{"figure": "energy.joules", …}], "remark": null, "evidence": […]
//! ```
//!
//! The subjects are those of the statement that it is about. Whether the two agree is not said but computed:
//! [`Countersignature::against`].

use standstill_protocol::dsse::StatementId;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Ppm;

use crate::claim::{Basis, Evidence, FigureGroup, Window};
use crate::claim_check::{check_evidence, check_issued_after, check_window};
use crate::claim_json::{evidence, evidence_json, window, window_json};
use crate::error::StatementError;
use crate::figure::{
    Agreement, Observation, check_some_observations, observation, observation_json, observed, observed_kind,
};
use crate::limits;
use crate::reader::{Object, Read, check_text};
use crate::statement::{Common, Kind, Statement};
use crate::words;
use crate::writer::Json;

words! {
    /// As what a member signs.
    pub enum SignerRole {
        /// It measures power, energy or activity.
        Meter = "meter",
        /// It owns the building or the machines.
        Host = "host",
        /// It evaluated the model.
        Evaluator = "evaluator",
        /// It inspected the site.
        Inspector = "inspector",
    }
}

/// The predicate of a `countersignature` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Countersignature {
    /// Id of the statement that it is about.
    pub statement: StatementId,
    /// Whose statement that is.
    pub member: MemberId,
    /// Its kind: one of [`crate::figure::Figure::KINDS`].
    pub kind: Kind,
    /// As what the signer observed.
    pub role: SignerRole,
    /// When.
    pub window: Window,
    /// What: at least one figure.
    pub figures: Vec<Observation>,
    /// Anything else, for people.
    pub remark: Option<String>,
    /// The signer's own files: at least one unless the basis of every observation is `declared`.
    pub evidence: Vec<Evidence>,
}

/// Why a countersignature is not about a statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAbout {
    /// Another id.
    #[error("the countersignature is about the statement {found}, not {expected}")]
    Statement {
        /// The id in the countersignature.
        found: StatementId,
        /// The statement's.
        expected: StatementId,
    },
    /// An inspection that did not examine the statement.
    #[error("the inspection did not examine the statement {statement}")]
    NotExamined {
        /// The statement's id.
        statement: StatementId,
    },
    /// Another member.
    #[error("the statement is by `{expected}`, not `{found}`")]
    Member {
        /// The member in the countersignature.
        found: MemberId,
        /// The statement's.
        expected: MemberId,
    },
    /// Another kind.
    #[error("the statement is a `{expected}`, not a `{found}`")]
    Kind {
        /// The kind in the countersignature.
        found: Kind,
        /// The statement's.
        expected: Kind,
    },
    /// Another site.
    #[error("the statement is about the site `{expected}`, the inspection was at `{found}`")]
    Site {
        /// The inspected site.
        found: Name,
        /// The statement's.
        expected: Name,
    },
    /// Other subjects.
    #[error("the countersignature has other subjects than the statement")]
    Subjects,
}

impl Countersignature {
    /// What each observation says about the statement, in the order of `figures`. `own` is the statement that carries
    /// this predicate, `tolerance` the width that the treaty lets observed intervals have.
    pub fn against(
        &self,
        own: &Statement,
        (id, claim): (StatementId, &Statement),
        tolerance: Ppm,
    ) -> Result<Vec<Agreement>, NotAbout> {
        if id != self.statement {
            return Err(NotAbout::Statement { found: self.statement, expected: id });
        }
        if claim.common.member != self.member {
            return Err(NotAbout::Member { found: self.member.clone(), expected: claim.common.member.clone() });
        }
        if claim.kind() != self.kind {
            return Err(NotAbout::Kind { found: self.kind, expected: claim.kind() });
        }
        if own.subjects != claim.subjects {
            return Err(NotAbout::Subjects);
        }
        Ok(self.figures.iter().map(|one| one.within(&self.window, &claim.predicate, tolerance)).collect())
    }

    /// The groups of figures that are stated, each with its basis.
    pub fn figures(&self) -> Vec<(FigureGroup, Basis)> {
        observed(self.figures.iter())
    }

    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        let statement = object.take("statement")?.digest()?;
        let of = object.take("of")?;
        let mut of = of.object()?;
        let (member, kind) = (of.take("member")?.name()?, observed_kind(of.take("kind")?)?);
        of.finish()?;
        Ok(Countersignature {
            statement,
            member,
            kind,
            role: object.take("role")?.word(SignerRole::WORDS, SignerRole::from_word)?,
            window: window(object.take("window")?)?,
            figures: object.take("figures")?.list(limits::FIGURES, observation)?,
            remark: object.take_nullable("remark")?.map(|field| field.text(limits::REASON)).transpose()?,
            evidence: object.take("evidence")?.list(limits::EVIDENCE, |field| evidence(field))?,
        })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        let of = vec![("member", Json::text(&self.member)), ("kind", Json::text(self.kind))];
        members.extend([
            ("statement", Json::text(self.statement)),
            ("of", Json::Object(of)),
            ("role", Json::text(self.role)),
            ("window", window_json(&self.window)),
            ("figures", Json::List(self.figures.iter().map(observation_json).collect())),
            ("remark", self.remark.as_ref().map_or(Json::Null, Json::text)),
            ("evidence", evidence_json(&self.evidence)),
        ]);
    }

    pub(crate) fn check(&self, common: &Common) -> Read<()> {
        if self.member == common.member {
            return Err(StatementError::AboutItself { member: self.member.to_string() });
        }
        check_window(&self.window, "predicate.window")?;
        check_issued_after(&self.window, common)?;
        check_some_observations(&self.figures, self.kind, "predicate.figures")?;
        if let Some(remark) = &self.remark {
            check_text(remark, limits::REASON, || "predicate.remark".to_owned())?;
        }
        check_evidence(&self.evidence, &self.figures())
    }
}
