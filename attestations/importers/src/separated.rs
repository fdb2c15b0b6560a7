//! Comma-separated values (RFC 4180): cells that may stand in quotes, a quote within them doubled.

use crate::error::ImportError;

/// Cells of one line, at most.
const MAX_CELLS: usize = 4_096;

/// The rows of a text, the first one included. A text that does not end in a newline is cut off.
pub(crate) fn lines<'a>(
    file: &'a str,
    text: &'a str,
) -> Result<impl Iterator<Item = Result<Vec<String>, ImportError>> + 'a, ImportError> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(malformed(file, text.len(), "the end of a line"));
    }
    let mut offset = 0;
    Ok(std::iter::from_fn(move || {
        let rest = text.get(offset..).filter(|rest| !rest.is_empty())?;
        Some(match row(rest) {
            Some((cells, length)) => {
                offset += length;
                Ok(cells)
            }
            None => {
                let at = offset;
                offset = text.len();
                Err(malformed(file, at, "cells with commas between them, quotes closed"))
            }
        })
    }))
}

fn malformed(file: &str, offset: usize, expected: &'static str) -> ImportError {
    ImportError::Malformed { file: file.to_owned(), offset, expected }
}

/// One row and its length with its newline; `None` where a quote is out of place.
fn row(text: &str) -> Option<(Vec<String>, usize)> {
    let (mut cells, mut cell, mut quoted, mut was_quoted) = (Vec::new(), String::new(), false, false);
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' if quoted => match characters.next_if(|(_, next)| *next == '"') {
                Some(_) => cell.push('"'),
                None => quoted = false,
            },
            _ if quoted => cell.push(character),
            '"' if cell.is_empty() && !was_quoted => (quoted, was_quoted) = (true, true),
            '"' => return None,
            ',' | '\n' => {
                if character == '\n' && cell.ends_with('\r') {
                    cell.pop();
                }
                cells.push(std::mem::take(&mut cell));
                was_quoted = false;
                if character == '\n' {
                    return Some((cells, at + 1));
                }
                if cells.len() >= MAX_CELLS {
                    return None;
                }
            }
            // Between the closing quote and the comma nothing may stand but the end of a Windows line.
            _ if was_quoted && character != '\r' => return None,
            _ => cell.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_cells_hold_commas_quotes_and_newlines() {
        let rows: Result<Vec<_>, _> = lines("x", "a,\"b,\"\"c\"\"\",\r\n\"d\ne\",f,\"\"\r\n").unwrap().collect();
        assert_eq!(rows.unwrap(), [["a", "b,\"c\"", ""], ["d\ne", "f", ""]]);
    }

    #[test]
    fn what_is_cut_off_or_misquoted_is_refused() {
        assert!(lines("x", "a,b").is_err());
        for text in ["a\"b,c\n", "\"a\"b,c\n", "\"a\n"] {
            assert!(lines("x", text).unwrap().any(|row| row.is_err()), "{text}");
        }
    }
}
