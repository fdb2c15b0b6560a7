//! `inspection`: what an inspector was shown at a member's site, and what came of it.
//!
//! ```text
//! "inspected": {"member": "lab-a", "site": "dc-1"}, "occasion": "routine", "access": "managed", "window": {…},
//! "lookedAt": [{"what": "chips", "description": "rack 3, serial numbers read from certificates",
//!               "seen": "128", "of": "512"}],
//! "examined": [{"statement": "…", "kind": "chip-inventory", "figures": [{…}]}],
//! "result": "consistent", "findings": [], "evidence": […]
//! ```
//!
//! The outcome for each figure is computed from the inspector's bounds, as for a countersignature. The counts of
//! `lookedAt` are what the inspector's own eyes saw and have no other basis.

use standstill_protocol::dsse::StatementId;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Ppm;

use crate::claim::{Basis, Evidence, FigureGroup, Maybe, Window};
use crate::claim_check::{
    check_count, check_evidence, check_issued_after, check_label, check_maybe, check_some, check_unique, check_window,
};
use crate::claim_json::{evidence, evidence_json, label, push_maybe, window, window_json};
use crate::countersignature::NotAbout;
use crate::error::StatementError;
use crate::figure::{
    Agreement, Observation, check_some_observations, observation, observation_json, observed, observed_kind,
};
use crate::limits;
use crate::reader::{Field, Object, Read, check_text};
use crate::statement::{Common, Kind, Predicate, Statement, Subject};
use crate::words;
use crate::writer::Json;

const OF: (&str, &str) = ("of", "ofUnknown");

words! {
    /// Why an inspection took place.
    pub enum Occasion {
        /// By the treaty's calendar.
        Routine = "routine",
        /// Drawn by lot.
        Random = "random",
        /// A finding asked for it.
        Challenge = "challenge",
        /// The inspected member asked for it.
        Invited = "invited",
    }
}

words! {
    /// What access the inspector had.
    pub enum Access {
        /// To all that was asked for.
        Full = "full",
        /// To all that was agreed on beforehand, with the rest covered.
        Managed = "managed",
        /// To less than was agreed on.
        Partial = "partial",
        /// None.
        Refused = "refused",
    }
}

words! {
    /// What an inspector looks at.
    pub enum Item {
        /// Accelerators.
        Chips = "chips",
        /// Seals and cameras.
        Seals = "seals",
        /// Power meters.
        PowerMeters = "power-meters",
        /// Cables and switches.
        Network = "network",
        /// The scheduler's records.
        Scheduler = "scheduler",
        /// Leaves of a telemetry log.
        Telemetry = "telemetry",
        /// Model weights and checkpoints.
        Weights = "weights",
        /// Contracts, invoices, plans of the building.
        Documents = "documents",
        /// People.
        Interviews = "interviews",
        /// Anything else, as described.
        Other = "other",
    }
}

words! {
    /// What an inspector concludes.
    pub enum InspectionResult {
        /// What was seen fits what was stated.
        Consistent = "consistent",
        /// Something does not fit: see the findings.
        Inconsistent = "inconsistent",
        /// Too little was seen to say.
        Inconclusive = "inconclusive",
    }
}

/// The predicate of an `inspection` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Who was inspected.
    pub member: MemberId,
    /// Which site; `None` for books and people at no site.
    pub site: Option<Name>,
    /// Why.
    pub occasion: Occasion,
    /// With what access.
    pub access: Access,
    /// When.
    pub window: Window,
    /// What was looked at: at least one thing, unless access was refused.
    pub looked_at: Vec<LookedAt>,
    /// Statements whose figures were looked into.
    pub examined: Vec<Examined>,
    /// The conclusion.
    pub result: InspectionResult,
    /// What does not fit, for people: at least one where the result is `inconsistent`.
    pub findings: Vec<String>,
    /// The inspector's files: at least one unless the basis of every observation is `declared`.
    pub evidence: Vec<Evidence>,
}

/// A thing that an inspector looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedAt {
    /// What.
    pub what: Item,
    /// Which, and how, for people.
    pub description: String,
    /// How many were looked at.
    pub seen: u64,
    /// Of how many.
    pub of: Maybe<u64>,
}

/// A statement whose figures an inspector looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Its id.
    pub statement: StatementId,
    /// Its kind: one of [`crate::figure::Figure::KINDS`].
    pub kind: Kind,
    /// What was observed of its figures: at least one.
    pub figures: Vec<Observation>,
}

impl Inspection {
    /// What the statement is about: the site, or else the member.
    pub fn subject(&self, common: &Common) -> Subject {
        match &self.site {
            Some(site) => Subject::site(&common.chain_id, &self.member, site),
            None => Subject::member(&common.chain_id, &self.member),
        }
    }

    /// What the inspector's observations say about a statement that he examined, in the order of its `figures`.
    ///
    /// A report's figures he reads from records, on a day of his own; an inventory he sees no earlier than it holds.
    ///
    /// # Errors
    /// The statement is not one of those examined, or is another member's, of another kind or about another site.
    pub fn against(&self, (id, claim): (StatementId, &Statement), tolerance: Ppm) -> Result<Vec<Agreement>, NotAbout> {
        let examined = self.examined.iter().find(|examined| examined.statement == id);
        let missing = || NotAbout::NotExamined { statement: id };
        let examined = examined.ok_or_else(missing)?;
        if claim.common.member != self.member {
            return Err(NotAbout::Member { found: self.member.clone(), expected: claim.common.member.clone() });
        }
        if claim.kind() != examined.kind {
            return Err(NotAbout::Kind { found: examined.kind, expected: claim.kind() });
        }
        let (window, site) = match &claim.predicate {
            Predicate::TrainingCompute(report) => (report.window, Some(&report.site)),
            Predicate::ChipInventory(inventory) => (self.window, Some(&inventory.site)),
            _ => (self.window, None),
        };
        if let (Some(found), Some(expected)) = (&self.site, site)
            && found != expected
        {
            return Err(NotAbout::Site { found: found.clone(), expected: expected.clone() });
        }
        Ok(examined.figures.iter().map(|one| one.within(&window, &claim.predicate, tolerance)).collect())
    }

    /// The groups of figures that are stated, each with its basis.
    pub fn figures(&self) -> Vec<(FigureGroup, Basis)> {
        observed(self.examined.iter().flat_map(|examined| &examined.figures))
    }

    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        let inspected = object.take("inspected")?;
        let mut inspected = inspected.object()?;
        let member = inspected.take("member")?.name()?;
        let site = inspected.take_nullable("site")?.map(|field| field.name()).transpose()?;
        inspected.finish()?;
        Ok(Inspection {
            member,
            site,
            occasion: object.take("occasion")?.word(Occasion::WORDS, Occasion::from_word)?,
            access: object.take("access")?.word(Access::WORDS, Access::from_word)?,
            window: window(object.take("window")?)?,
            looked_at: object.take("lookedAt")?.list(limits::LOOKED_AT, looked_at)?,
            examined: object.take("examined")?.list(limits::EXAMINED, examined)?,
            result: object.take("result")?.word(InspectionResult::WORDS, InspectionResult::from_word)?,
            findings: object.take("findings")?.list(limits::LOOKED_AT, |field| field.text(limits::REASON))?,
            evidence: object.take("evidence")?.list(limits::EVIDENCE, |field| evidence(field))?,
        })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        let site = self.site.as_ref().map_or(Json::Null, Json::text);
        members.extend([
            ("inspected", Json::Object(vec![("member", Json::text(&self.member)), ("site", site)])),
            ("occasion", Json::text(self.occasion)),
            ("access", Json::text(self.access)),
            ("window", window_json(&self.window)),
            ("lookedAt", Json::List(self.looked_at.iter().map(looked_at_json).collect())),
            ("examined", Json::List(self.examined.iter().map(examined_json).collect())),
            ("result", Json::text(self.result)),
            ("findings", Json::List(self.findings.iter().map(Json::text).collect())),
            ("evidence", evidence_json(&self.evidence)),
        ]);
    }

    pub(crate) fn check(&self, common: &Common) -> Read<()> {
        if self.member == common.member {
            return Err(StatementError::AboutItself { member: self.member.to_string() });
        }
        check_window(&self.window, "predicate.window")?;
        check_issued_after(&self.window, common)?;
        self.check_seen()?;
        self.check_conclusion()?;
        check_evidence(&self.evidence, &self.figures())
    }

    fn check_seen(&self) -> Read<()> {
        let list = "predicate.lookedAt";
        match self.access {
            Access::Refused if !self.looked_at.is_empty() || !self.examined.is_empty() => {
                return Err(StatementError::AccessRefused { what: "names what was seen" });
            }
            Access::Refused => {}
            _ => check_some(self.looked_at.len(), limits::LOOKED_AT, list)?,
        }
        for (index, one) in self.looked_at.iter().enumerate() {
            one.check(&format!("{list}[{index}]"))?;
        }
        let list = "predicate.examined";
        check_count(self.examined.len(), limits::EXAMINED, list)?;
        for (index, one) in self.examined.iter().enumerate() {
            check_some_observations(&one.figures, one.kind, &format!("{list}[{index}].figures"))?;
        }
        check_unique(self.examined.iter().map(|one| one.statement), list, ToString::to_string)
    }

    fn check_conclusion(&self) -> Read<()> {
        let list = "predicate.findings";
        check_count(self.findings.len(), limits::LOOKED_AT, list)?;
        for (index, finding) in self.findings.iter().enumerate() {
            check_text(finding, limits::REASON, || format!("{list}[{index}]"))?;
        }
        match self.result {
            InspectionResult::Inconsistent if self.findings.is_empty() => Err(StatementError::FindingsMissing),
            InspectionResult::Consistent | InspectionResult::Inconsistent if self.access == Access::Refused => {
                Err(StatementError::AccessRefused { what: "concludes something" })
            }
            _ => Ok(()),
        }
    }
}

impl LookedAt {
    fn check(&self, path: &str) -> Read<()> {
        check_label(&self.description, &format!("{path}.description"))?;
        if self.seen == 0 {
            return Err(StatementError::Zero { path: format!("{path}.seen") });
        }
        check_maybe(&self.of, &format!("{path}.of"), |of| {
            if self.seen > *of {
                return Err(StatementError::SeenAboveAll { path: path.to_owned(), seen: self.seen, of: *of });
            }
            Ok(())
        })
    }
}

fn looked_at(field: Field<'_, '_>) -> Read<LookedAt> {
    let mut object = field.object()?;
    let looked_at = LookedAt {
        what: object.take("what")?.word(Item::WORDS, Item::from_word)?,
        description: label(object.take("description")?)?,
        seen: object.take("seen")?.decimal_u64()?,
        of: object.maybe(OF, |field| field.decimal_u64())?,
    };
    object.finish()?;
    Ok(looked_at)
}

fn looked_at_json(one: &LookedAt) -> Json {
    let mut members = vec![
        ("what", Json::text(one.what)),
        ("description", Json::text(&one.description)),
        ("seen", Json::text(one.seen)),
    ];
    push_maybe(&mut members, OF, &one.of, |of| Json::text(of));
    Json::Object(members)
}

fn examined(field: Field<'_, '_>) -> Read<Examined> {
    let mut object = field.object()?;
    let examined = Examined {
        statement: object.take("statement")?.digest()?,
        kind: observed_kind(object.take("kind")?)?,
        figures: object.take("figures")?.list(limits::FIGURES, observation)?,
    };
    object.finish()?;
    Ok(examined)
}

fn examined_json(one: &Examined) -> Json {
    Json::Object(vec![
        ("statement", Json::text(one.statement)),
        ("kind", Json::text(one.kind)),
        ("figures", Json::List(one.figures.iter().map(observation_json).collect())),
    ])
}
