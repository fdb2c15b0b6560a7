//! A comparison for a terminal of 80 columns.

use super::super::page::wrap;
use super::super::schema::Effect;
use super::{Change, Diff, What};

impl Diff {
    /// The comparison for people, no line wider than 80 columns but for words that are.
    ///
    /// ```text
    /// pause-option 3f5a81c2 -> pause-option 90c417de
    /// 1 change: 1 stricter, 0 looser
    ///
    /// stricter  phases.pause.clauses.run-cap.cap
    ///   1e24 FLOP -> 5e23 FLOP
    ///   for each lab: lab-a, lab-b, lab-c, lab-d
    /// ```
    pub fn text(&self) -> String {
        let side = |side: &super::Side| format!("{} {}", side.name, side.hash.short());
        let changes = match self.changes.len() {
            0 if self.before.hash == self.after.hash => "the same file\n".to_owned(),
            0 => "nothing changes but comments or layout\n".to_owned(),
            count => {
                let (stricter, looser) = (self.count(Effect::Stricter), self.count(Effect::Looser));
                let noun = if count == 1 { "change" } else { "changes" };
                format!("{count} {noun}: {stricter} stricter, {looser} looser\n")
            }
        };
        let mut out = wrap("", &format!("{} -> {}", side(&self.before), side(&self.after)), 0) + &changes;
        for change in &self.changes {
            out.push('\n');
            out.push_str(&change.text());
        }
        out
    }
}

impl Change {
    /// One change for people.
    pub fn text(&self) -> String {
        let effect = match (self.what, self.effect) {
            (What::Reworded, _) | (_, None) => What::Reworded.as_str().to_owned(),
            (What::Changed, Some(effect)) => effect.as_str().to_owned(),
            (what, Some(Effect::Unclear)) => what.as_str().to_owned(),
            (what, Some(effect)) => format!("{}, {}", what.as_str(), effect.as_str()),
        };
        let mut out = format!("{effect}  {}\n", self.article);
        match (self.what, &self.before, &self.after) {
            (What::Reworded, Some(before), Some(after)) => {
                out.push_str(&wrap("  was: ", before, 7));
                out.push_str(&wrap("  is:  ", after, 7));
            }
            (_, Some(before), Some(after)) => out.push_str(&wrap("", &format!("{before} -> {after}"), 2)),
            (_, Some(before), None) => out.push_str(&wrap("  was: ", before, 7)),
            (_, None, Some(after)) => out.push_str(&wrap("  is:  ", after, 7)),
            (_, None, None) => {}
        }
        let names: Vec<_> = self.whom.iter().map(|member| member.as_str()).collect();
        let whom = match self.role {
            Some(role) => format!("for each {}: {}", role.as_str(), names.join(", ")),
            None => format!("for {}", names.join(", ")),
        };
        out + &wrap("", &whom, 2)
    }
}
