//! Comma-separated values with a header: rows by the names of their columns. And files of whole lines.

use crate::error::ImportError;
use crate::separated;

/// The rows of a table, with its header.
pub(crate) struct Table<'a> {
    file: &'a str,
    columns: Vec<String>,
    rows: Box<dyn Iterator<Item = Result<Vec<String>, ImportError>> + 'a>,
    line: usize,
}

/// One row, with its place in the file.
pub(crate) struct Row<'t> {
    columns: &'t [String],
    fields: Vec<String>,
    /// The file and the line, for messages.
    pub(crate) place: String,
}

/// The text of a file whose last line ends: one that was cut off within a line is refused.
pub(crate) fn whole_lines<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, ImportError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| ImportError::NotText { file: file.to_owned(), offset: error.valid_up_to() })?;
    if text.ends_with('\n') {
        return Ok(text);
    }
    Err(bad_line(file, text.lines().count(), "does not end: the file was cut off"))
}

pub(crate) fn bad_line(file: &str, line: usize, reason: &'static str) -> ImportError {
    ImportError::BadLine { file: file.to_owned(), line, reason }
}

impl<'a> Table<'a> {
    /// Reads the header.
    pub(crate) fn open(file: &'a str, bytes: &'a [u8]) -> Result<Self, ImportError> {
        let text = whole_lines(file, bytes)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rows = separated::lines(file, text)?;
        let columns = rows.next().transpose()?.unwrap_or_default();
        for (index, column) in columns.iter().enumerate() {
            if columns.iter().take(index).any(|earlier| earlier == column) {
                return Err(ImportError::Repeated { file: file.to_owned(), field: column.chars().take(80).collect() });
            }
        }
        Ok(Table { file, columns, rows: Box::new(rows), line: 1 })
    }

    /// The next row, which has as many fields as there are columns.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row<'_>>, ImportError> {
        self.line += 1;
        let Some(fields) = self.rows.next().transpose()? else { return Ok(None) };
        if fields.len() != self.columns.len() {
            return Err(bad_line(self.file, self.line, "has another number of fields than the header"));
        }
        let place = format!("{} line {}", self.file, self.line);
        Ok(Some(Row { columns: &self.columns, fields, place }))
    }
}

impl Row<'_> {
    /// A field; `None` where there is no such column or nothing in it.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        let index = self.columns.iter().position(|name| name == column)?;
        self.fields.get(index).map(String::as_str).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_the_name_of_their_column() {
        let mut table = Table::open("t.csv", b"a,\"b,c\",d\r\n1,\"x,\"\"y\"\"\",\r\n").unwrap();
        let row = table.next_row().unwrap().unwrap();
        assert_eq!((row.get("a"), row.get("b,c"), row.get("d")), (Some("1"), Some("x,\"y\""), None));
        assert_eq!(row.place, "t.csv line 2");
        assert!(table.next_row().unwrap().is_none());
    }

    #[test]
    fn broken_tables_are_refused() {
        for text in ["a,b\n1\n", "a,b\n1,2,3\n", "a,b\n\"1,2\n"] {
            assert!(Table::open("t.csv", text.as_bytes()).unwrap().next_row().is_err(), "{text}");
        }
        assert!(matches!(Table::open("t.csv", b"a,b\n1,2"), Err(ImportError::BadLine { line: 2, .. })));
        assert!(matches!(Table::open("t.csv", b"a,a\n"), Err(ImportError::Repeated { .. })));
        assert!(matches!(Table::open("t.csv", b"\xff\n"), Err(ImportError::NotText { .. })));
    }
}
