//! `chip-inventory`: the chips of one site, counted, and committed to one by one.
//!
//! ```text
//! "site": "dc-1", "asOf": "2026-11-29T00:00:00Z",
//! "chips": [{"accelerator": "h100-sxm", "count": "512", "ownership": "leased", "counterparty": "Example Cloud Ltd"}],
//! "ids": {"size": "508", "root": "…"}, "basis": "measured", "evidence": […]
//! ```
//!
//! The counts hold from `asOf` until a later inventory of the site. `ids` is the root over the sorted list of the
//! chips' tags ([`crate::identity::chip_root`]); the list itself stays with the lab until an auditor asks. It may be
//! shorter than the counts, for chips without a certificate, never longer.

use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;

use crate::claim::{Basis, Evidence, FigureGroup, Maybe};
use crate::claim_check::{check_before_issue, check_count, check_evidence, check_label, check_maybe, check_unique};
use crate::claim_json::{basis, evidence, evidence_json, label, push_maybe};
use crate::error::StatementError;
use crate::limits;
use crate::reader::{Field, Object, Read};
use crate::statement::{Common, Subject};
use crate::words;
use crate::writer::Json;

const IDS: (&str, &str) = ("ids", "idsUnknown");

words! {
    /// Whose chips they are.
    pub enum Ownership {
        /// The member's own, on its own site.
        Owned = "owned",
        /// Another's, used by the member.
        Leased = "leased",
        /// On the member's site, used by another.
        Hosted = "hosted",
    }
}

/// The predicate of a `chip-inventory` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipInventory {
    /// The site.
    pub site: Name,
    /// From when on the counts hold.
    pub as_of: Timestamp,
    /// The counts; none for a site without chips.
    pub chips: Vec<ChipCount>,
    /// The list of the chips' tags.
    pub ids: Maybe<ChipIds>,
    /// How counts and list came to be.
    pub basis: Basis,
    /// The files behind them: at least one unless the basis is `declared`.
    pub evidence: Vec<Evidence>,
}

/// So many chips of one sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipCount {
    /// Id in the treaty's chip table.
    pub accelerator: Name,
    /// How many, in use or not.
    pub count: u64,
    /// Whose.
    pub ownership: Ownership,
    /// Who owns leased chips, or uses hosted ones; `None` for owned ones.
    pub counterparty: Option<String>,
}

/// A commitment to a list of chips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChipIds {
    /// Tags in the list.
    pub size: u64,
    /// Root over it, see [`crate::identity::chip_root`].
    pub root: Hash,
}

impl ChipInventory {
    /// What the statement is about: the site.
    pub fn subject(&self, common: &Common) -> Subject {
        Subject::site(&common.chain_id, &common.member, &self.site)
    }

    /// The groups of figures that are stated, each with its basis.
    pub fn figures(&self) -> Vec<(FigureGroup, Basis)> {
        let mut figures = vec![(FigureGroup::Chips, self.basis)];
        figures.extend(self.ids.known().map(|_| (FigureGroup::Ids, self.basis)));
        figures
    }

    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        Ok(ChipInventory {
            site: object.take("site")?.name()?,
            as_of: object.take("asOf")?.time()?,
            chips: object.take("chips")?.list(limits::CHIP_COUNTS, chip_count)?,
            ids: object.maybe(IDS, ids)?,
            basis: basis(object.take("basis")?)?,
            evidence: object.take("evidence")?.list(limits::EVIDENCE, |field| evidence(field))?,
        })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        members.extend([
            ("site", Json::text(&self.site)),
            ("asOf", Json::text(self.as_of)),
            ("chips", Json::List(self.chips.iter().map(chip_count_json).collect())),
        ]);
        push_maybe(members, IDS, &self.ids, |ids| {
            Json::Object(vec![("size", Json::text(ids.size)), ("root", Json::text(ids.root))])
        });
        members.extend([("basis", Json::text(self.basis)), ("evidence", evidence_json(&self.evidence))]);
    }

    pub(crate) fn check(&self, common: &Common) -> Read<()> {
        check_before_issue(self.as_of, common, "predicate.asOf")?;
        let list = "predicate.chips";
        check_count(self.chips.len(), limits::CHIP_COUNTS, list)?;
        for (index, row) in self.chips.iter().enumerate() {
            check_row(row, &format!("{list}[{index}]"))?;
        }
        let keys = self.chips.iter().map(|row| (&row.accelerator, row.ownership, &row.counterparty));
        check_unique(keys, list, |(accelerator, ownership, _)| format!("{accelerator} {ownership}"))?;
        check_maybe(&self.ids, "predicate.ids", |ids| self.check_ids(ids))?;
        check_evidence(&self.evidence, &self.figures())
    }

    fn check_ids(&self, ids: &ChipIds) -> Read<()> {
        let chips: u128 = self.chips.iter().map(|row| u128::from(row.count)).sum();
        match ids.size {
            0 => Err(StatementError::Zero { path: "predicate.ids.size".to_owned() }),
            listed if u128::from(listed) > chips => Err(StatementError::MoreIdsThanChips { listed, chips }),
            _ => Ok(()),
        }
    }
}

fn check_row(row: &ChipCount, path: &str) -> Read<()> {
    if row.count == 0 {
        return Err(StatementError::Zero { path: format!("{path}.count") });
    }
    match (&row.counterparty, row.ownership) {
        (None, Ownership::Owned) => Ok(()),
        (Some(other), Ownership::Leased | Ownership::Hosted) => check_label(other, &format!("{path}.counterparty")),
        _ => Err(StatementError::Counterparty { path: path.to_owned(), ownership: row.ownership.as_str() }),
    }
}

fn chip_count(field: Field<'_, '_>) -> Read<ChipCount> {
    let mut object = field.object()?;
    let row = ChipCount {
        accelerator: object.take("accelerator")?.name()?,
        count: object.take("count")?.decimal_u64()?,
        ownership: object.take("ownership")?.word(Ownership::WORDS, Ownership::from_word)?,
        counterparty: object.take_nullable("counterparty")?.map(label).transpose()?,
    };
    object.finish()?;
    Ok(row)
}

fn chip_count_json(row: &ChipCount) -> Json {
    Json::Object(vec![
        ("accelerator", Json::text(&row.accelerator)),
        ("count", Json::text(row.count)),
        ("ownership", Json::text(row.ownership)),
        ("counterparty", row.counterparty.as_ref().map_or(Json::Null, Json::text)),
    ])
}

fn ids(field: Field<'_, '_>) -> Read<ChipIds> {
    let mut object = field.object()?;
    let ids = ChipIds { size: object.take("size")?.decimal_u64()?, root: object.take("root")?.digest()? };
    object.finish()?;
    Ok(ids)
}
