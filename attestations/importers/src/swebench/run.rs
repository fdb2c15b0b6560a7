//! The report of a whole run, and what its counts and lists must have to do with one another.

use std::collections::BTreeSet;

use super::instance::Instance;
use crate::error::ImportError;
use crate::notes::Notes;
use crate::tolerant::{Members, Node};

/// The schema that this importer has been tried on.
const VERSION: &str = "2";
pub(super) const FIELDS: [&str; 14] = [
    "completed_ids",
    "completed_instances",
    "empty_patch_ids",
    "empty_patch_instances",
    "error_ids",
    "error_instances",
    "incomplete_ids",
    "resolved_ids",
    "resolved_instances",
    "schema_version",
    "submitted_ids",
    "submitted_instances",
    "total_instances",
    "unresolved_ids",
];

type Ids = BTreeSet<String>;

/// A report whose counts fit its lists.
#[derive(Debug)]
pub(super) struct Run {
    file: String,
    pub(super) total: u64,
    pub(super) completed: u64,
    pub(super) resolved: u64,
    pub(super) unresolved: u64,
    submitted_ids: Ids,
    resolved_ids: Ids,
    unresolved_ids: Ids,
    empty_ids: Ids,
    error_ids: Ids,
    incomplete_ids: Ids,
    dataset: Ids,
}

impl Run {
    pub(super) fn read(file: &str, document: &Node<'_>) -> Result<Run, ImportError> {
        let report = document.object()?;
        let version = report.required("schema_version")?;
        if version.raw() != VERSION {
            let found = version.raw().chars().take(40).collect();
            return Err(ImportError::Version { file: file.to_owned(), found, expected: VERSION });
        }
        let completed_ids = counted(&report, "completed", "completed_instances")?;
        let resolved_ids = counted(&report, "resolved", "resolved_instances")?;
        let unresolved_ids = counted(&report, "unresolved", "unresolved_instances")?;
        let empty_ids = counted(&report, "empty_patch", "empty_patch_instances")?;
        let error_ids = counted(&report, "error", "error_instances")?;
        let submitted_ids = counted(&report, "submitted", "submitted_instances")?;
        for name in ["infra_failure", "ambiguous_failure"] {
            if report.optional(&format!("{name}_ids")).is_some() {
                counted(&report, name, "its count")?;
            }
        }
        let incomplete_ids = ids(&report.required("incomplete_ids")?)?;
        let number = |ids: &Ids| u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let dataset =
            [&completed_ids, &incomplete_ids, &empty_ids, &error_ids].into_iter().flatten().cloned().collect();
        let run = Run {
            file: file.to_owned(),
            total: report.required("total_instances")?.whole_u64()?,
            completed: number(&completed_ids),
            resolved: number(&resolved_ids),
            unresolved: number(&unresolved_ids),
            submitted_ids,
            resolved_ids,
            unresolved_ids,
            empty_ids,
            error_ids,
            incomplete_ids,
            dataset,
        };
        run.check_lists(&completed_ids)?;
        Ok(run)
    }

    fn contradiction(&self, field: &str, other: &'static str, reason: String) -> ImportError {
        ImportError::Contradiction { file: self.file.clone(), field: field.to_owned(), other, reason }
    }

    /// No instance in both lists.
    fn apart(&self, (name, one): (&str, &Ids), (other_name, other): (&'static str, &Ids)) -> Result<(), ImportError> {
        match one.intersection(other).next() {
            Some(id) => Err(self.contradiction(name, other_name, format!("{} is in both", shown(id)))),
            None => Ok(()),
        }
    }

    /// Every instance of one list is in the other.
    fn within(&self, (name, one): (&str, &Ids), (other_name, other): (&'static str, &Ids)) -> Result<(), ImportError> {
        match one.difference(other).next() {
            Some(id) => Err(self.contradiction(name, other_name, format!("{} is not in it", shown(id)))),
            None => Ok(()),
        }
    }

    fn check_lists(&self, completed: &Ids) -> Result<(), ImportError> {
        let judged: Ids = self.resolved_ids.union(&self.unresolved_ids).cloned().collect();
        self.apart(("resolved_ids", &self.resolved_ids), ("unresolved_ids", &self.unresolved_ids))?;
        self.apart(("error_ids", &self.error_ids), ("resolved_ids and unresolved_ids", &judged))?;
        self.within(("resolved_ids and unresolved_ids", &judged), ("completed_ids", completed))?;
        let known: Ids = judged.union(&self.error_ids).cloned().collect();
        self.within(("completed_ids", completed), ("resolved_ids, unresolved_ids and error_ids", &known))?;
        self.apart(("empty_patch_ids", &self.empty_ids), ("completed_ids and error_ids", &known))?;
        self.apart(("incomplete_ids", &self.incomplete_ids), ("submitted_ids", &self.submitted_ids))?;
        self.within(("completed_ids", completed), ("submitted_ids", &self.submitted_ids))?;
        self.within(("error_ids", &self.error_ids), ("submitted_ids", &self.submitted_ids))?;
        self.within(("empty_patch_ids", &self.empty_ids), ("submitted_ids", &self.submitted_ids))?;
        let listed = u64::try_from(self.dataset.len()).unwrap_or(u64::MAX);
        if listed == self.total {
            return Ok(());
        }
        Err(self.contradiction("total_instances", "the lists", format!("{} is not {listed}", self.total)))
    }

    /// An instance's own report says what the run's says of it.
    pub(super) fn check(&self, instance: &Instance) -> Result<(), ImportError> {
        let list = if instance.resolved { &self.resolved_ids } else { &self.unresolved_ids };
        if list.contains(&instance.id) {
            return Ok(());
        }
        let other = if instance.resolved { "resolved_ids" } else { "unresolved_ids" };
        Err(ImportError::Contradiction {
            file: instance.file.clone(),
            field: "resolved".to_owned(),
            other,
            reason: format!("{} of {} is not in it", shown(&instance.id), self.file),
        })
    }

    pub(super) fn note(&self, notes: &mut Notes<'_>) {
        let text = format!("{} of {} instances, {} complete", self.resolved, self.total, self.completed);
        notes.take("resolved_instances", text);
        let outside = self.submitted_ids.difference(&self.dataset).count();
        if outside > 0 {
            notes.leave("submitted_ids", format!("{outside} predictions for instances outside the data set"));
        }
        for (field, ids, text) in [
            ("incomplete_ids", &self.incomplete_ids, "without a prediction"),
            ("empty_patch_ids", &self.empty_ids, "with an empty patch"),
            ("error_ids", &self.error_ids, "failed before they were judged"),
        ] {
            if !ids.is_empty() {
                notes.take(field, format!("{} {text}: not resolved", ids.len()));
            }
        }
    }
}

fn shown(id: &str) -> String {
    format!("`{}`", id.chars().take(80).collect::<String>())
}

/// The instances of a list, each once.
fn ids(node: &Node<'_>) -> Result<Ids, ImportError> {
    let mut found = Ids::new();
    for item in node.list()? {
        if !found.insert(item.text()?.into_owned()) {
            return Err(item.bad_text("stands twice in its list"));
        }
    }
    Ok(found)
}

/// The instances of a list whose length stands beside it.
fn counted(report: &Members<'_>, name: &str, other: &'static str) -> Result<Ids, ImportError> {
    let list = report.required(&format!("{name}_ids"))?;
    let found = ids(&list)?;
    let count = report.required(&format!("{name}_instances"))?.whole_u64()?;
    if u64::try_from(found.len()) == Ok(count) {
        return Ok(found);
    }
    Err(list.contradicts(other, format!("{} are listed and {count} counted", found.len())))
}
