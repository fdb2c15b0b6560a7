//! Where in a file an article stands: lines for remarks and errors.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A treaty file with the places of its articles.
///
/// ```
/// use standstill_policies::treaty::{PAUSE_OPTION, Places};
/// let places = Places::of(PAUSE_OPTION).unwrap();
/// let line = places.line("phases.pause.lifts.verified-stop").unwrap();
/// let text = std::str::from_utf8(PAUSE_OPTION).unwrap();
/// assert_eq!(text.lines().nth(line - 1), Some("[[phases.lifts]]"));
/// ```
#[derive(Debug)]
pub struct Places<'a> {
    text: &'a str,
    table: Spanned<DeTable<'a>>,
}

impl<'a> Places<'a> {
    /// Reads the file; `None` for what is not TOML.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= super::MAX_TREATY)?;
        Some(Places { text, table: DeTable::parse(text).ok()? })
    }

    /// The line, from 1, of an article: keys with points between them, where an entry of a list goes by its `id` (in the
    /// clauses of a phase by its `clause`). Where the path leads nowhere, the line of the deepest part that exists.
    pub fn line(&self, article: &str) -> Option<usize> {
        let mut at = None;
        let mut value: Option<&Spanned<DeValue<'_>>> = None;
        for part in article.split('.') {
            let next = match value.map(Spanned::get_ref) {
                None => keyed(self.table.get_ref(), part),
                Some(DeValue::Table(table)) => keyed(table, part),
                Some(DeValue::Array(list)) => {
                    list.iter().find(|entry| named(entry.get_ref(), part)).map(|entry| (entry.span().start, entry))
                }
                Some(_) => None,
            };
            let Some((start, found)) = next else { break };
            (at, value) = (Some(start), Some(found));
        }
        let before = self.text.get(..at?)?;
        Some(before.bytes().filter(|byte| *byte == b'\n').count() + 1)
    }
}

type Found<'b, 'a> = (usize, &'b Spanned<DeValue<'a>>);

fn keyed<'b, 'a>(table: &'b DeTable<'a>, key: &str) -> Option<Found<'b, 'a>> {
    let (found, value) = table.iter().find(|(name, _)| name.get_ref().as_ref() == key)?;
    Some((found.span().start, value))
}

fn named(entry: &DeValue<'_>, name: &str) -> bool {
    let is = |key: &str| entry.get(key).is_some_and(|value| value.get_ref().as_str() == Some(name));
    is("id") || is("clause")
}
