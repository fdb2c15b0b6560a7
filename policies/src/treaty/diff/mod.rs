//! What changes between two treaties, article by article and clause by clause, and for whom.
//!
//! ```
//! use standstill_policies::treaty::{PAUSE_OPTION, Treaty, diff::What, schema::Effect};
//! let text = std::str::from_utf8(PAUSE_OPTION).unwrap().replacen("cap = \"1e24\"", "cap = \"5e23\"", 1);
//! let (before, after) = (Treaty::parse(PAUSE_OPTION).unwrap(), Treaty::parse(text.as_bytes()).unwrap());
//! let diff = before.diff(&after);
//! let change = &diff.changes[0];
//! assert_eq!(change.article, "phases.pause.clauses.run-cap.cap");
//! assert_eq!((change.before.as_deref(), change.after.as_deref()), (Some("1e24 FLOP"), Some("5e23 FLOP")));
//! assert_eq!((change.what, change.effect, change.whom.len()), (What::Changed, Some(Effect::Stricter), 4));
//! ```
//!
//! A change is called stricter or looser only where that follows from the two values; wherever it depends on who looks, it
//! is called unclear. Comments of the file are not compared, though they change its hash.

mod articles;
mod clauses;
mod text;

use std::collections::BTreeSet;

use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};

use super::schema::Effect;
use super::{Role, Treaty};

/// What happened to an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its value is another.
    Changed,
    /// Its text for people reads differently.
    Reworded,
}

impl What {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            What::Added => "added",
            What::Removed => "removed",
            What::Changed => "changed",
            What::Reworded => "reworded",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// Where: keys with points between them, as in the file; `phases.slowdown.clauses.run-cap.cap`.
    pub article: String,
    /// What happened to it.
    pub what: What,
    /// What it was, with its unit.
    pub before: Option<String>,
    /// What it is, with its unit.
    pub after: Option<String>,
    /// What that does to those whom it binds; `None` for another wording.
    pub effect: Option<Effect>,
    /// The role that it is about, where it is about one.
    pub role: Option<Role>,
    /// The members affected, of both treaties.
    pub whom: BTreeSet<MemberId>,
}

/// One of the two treaties.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Side {
    /// Short name.
    pub name: Name,
    /// Hash of the file.
    pub hash: Hash,
}

/// What changes from one treaty to another.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Diff {
    /// The treaty that was.
    pub before: Side,
    /// The treaty that is to be.
    pub after: Side,
    /// The changes, in the order of the articles.
    pub changes: Vec<Change>,
}

impl Diff {
    /// Changes with this effect.
    pub fn count(&self, effect: Effect) -> usize {
        self.changes.iter().filter(|change| change.effect == Some(effect)).count()
    }
}

impl Treaty {
    /// What changes from this treaty to `other`.
    pub fn diff(&self, other: &Treaty) -> Diff {
        let mut differ = Differ { before: self, after: other, changes: Vec::new() };
        differ.heading();
        differ.members();
        differ.times();
        differ.decisions();
        differ.clauses();
        differ.phases();
        let side = |treaty: &Treaty| Side { name: treaty.name.clone(), hash: treaty.hash };
        Diff { before: side(self), after: side(other), changes: differ.changes }
    }
}

/// Whom a change is about.
#[derive(Clone, Debug, Default)]
struct Whom {
    role: Option<Role>,
    members: BTreeSet<MemberId>,
}

struct Differ<'a> {
    before: &'a Treaty,
    after: &'a Treaty,
    changes: Vec<Change>,
}

impl Differ<'_> {
    /// All members of both treaties.
    fn all(&self) -> Whom {
        let members = self.before.members.iter().chain(&self.after.members);
        Whom { role: None, members: members.map(|member| member.id.clone()).collect() }
    }

    /// All labs of both treaties.
    fn labs(&self) -> Whom {
        let labs = self.before.with_role(Role::Lab).chain(self.after.with_role(Role::Lab));
        Whom { role: Some(Role::Lab), members: labs.map(|member| member.id.clone()).collect() }
    }

    fn push(&mut self, article: String, sides: (Option<String>, Option<String>), effect: Effect, whom: &Whom) {
        let what = match &sides {
            (Some(before), Some(after)) if before != after => What::Changed,
            (None, Some(_)) => What::Added,
            (Some(_), None) => What::Removed,
            _ => return,
        };
        self.changes.push(Change {
            article,
            what,
            before: sides.0,
            after: sides.1,
            effect: Some(effect),
            role: whom.role,
            whom: whom.members.clone(),
        });
    }

    /// A value that both have.
    fn value(&mut self, article: &str, before: String, after: String, effect: Effect, whom: &Whom) {
        self.push(article.to_owned(), (Some(before), Some(after)), effect, whom);
    }

    /// A text for people.
    fn text(&mut self, article: impl Into<String>, before: &str, after: &str, whom: &Whom) {
        if before.split_whitespace().eq(after.split_whitespace()) {
            return;
        }
        self.changes.push(Change {
            article: article.into(),
            what: What::Reworded,
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
            effect: None,
            role: whom.role,
            whom: whom.members.clone(),
        });
    }

    /// A set of names: one change for each that came or went.
    fn set<T: Ord + std::fmt::Display>(
        &mut self,
        article: &str,
        sides: (&BTreeSet<T>, &BTreeSet<T>),
        effects: (Effect, Effect),
        whom: &Whom,
    ) {
        for gone in sides.0.difference(sides.1) {
            self.push(article.to_owned(), (Some(gone.to_string()), None), effects.1, whom);
        }
        for new in sides.1.difference(sides.0) {
            self.push(article.to_owned(), (None, Some(new.to_string())), effects.0, whom);
        }
    }
}
