//! Rust sources, with comments, literals and test modules blanked so that a check sees only code that runs.
//!
//! ```text
//! let path = "std::fs"; // std::fs        becomes        let path = "       ";
//! ```
//!
//! Blanking keeps every newline, so a line number in the code is a line number in the file. It is a lexer of the few
//! tokens that matter (comments, strings, raw strings, characters, lifetimes), not a parser.

use std::fs;
use std::path::Path;

/// One `.rs` file.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text without comments, literals and `#[cfg(test)]` items.
    pub(crate) code: String,
}

impl SourceFile {
    pub(crate) fn new(path: String, text: String) -> Self {
        let code = without_tests(&blank(&text));
        SourceFile { path, text, code }
    }

    /// Lines of code that contain `word` as a whole path or identifier, as `path:line`.
    pub(crate) fn lines_with(&self, word: &str) -> impl Iterator<Item = String> {
        self.code
            .lines()
            .enumerate()
            .filter(move |(_, line)| contains_word(line, word))
            .map(|(index, _)| format!("{}:{}", self.path, index + 1))
    }
}

/// Every `.rs` file under the root, in order of path.
pub(crate) fn collect(root: &Path) -> Result<Vec<SourceFile>, String> {
    let mut paths = Vec::new();
    super::files::walk(root, root, &mut |path| {
        if path.ends_with(".rs") {
            paths.push(path.to_owned());
        }
    })?;
    paths.sort();
    let read = |path: String| {
        let text = fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        Ok(SourceFile::new(path, text))
    };
    paths.into_iter().map(read).collect()
}

/// Whether `line` holds `word` with no identifier character on either side.
pub(crate) fn contains_word(line: &str, word: &str) -> bool {
    let outside = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word)
        .any(|(at, _)| outside(line[..at].chars().next_back()) && outside(line[at + word.len()..].chars().next()))
}

/// Replaces comments and the inside of literals by spaces.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = token_to_blank(rest, out.chars().next_back());
        let (token, after) = rest.split_at(length.unwrap_or(first.len_utf8()));
        if length.is_some() {
            out.extend(token.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            out.push_str(token);
        }
        rest = after;
    }
    out
}

/// The length of the comment or literal at the start of `rest`, if there is one.
fn token_to_blank(rest: &str, previous: Option<char>) -> Option<usize> {
    let inside_word = previous.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match rest.as_bytes() {
        [b'/', b'/', ..] => Some(rest.find('\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(block_comment(rest)),
        [b'"', ..] => Some(string(rest)),
        [b'r', b'"' | b'#', ..] if !inside_word => raw_string(rest),
        [b'\'', ..] => character(rest),
        _ => None,
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    let bytes = rest.as_bytes();
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest[1..].bytes().take_while(|b| *b == b'#').count();
    if rest.as_bytes().get(1 + hashes) != Some(&b'"') {
        return None; // a raw identifier
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    Some(rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len()))
}

/// A character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        return rest[3..].find('\'').map(|at| at + 4);
    }
    let (at, quote) = chars.next()?;
    (quote == '\'').then_some(at + 1)
}

/// Blanks each item that follows `#[cfg(test)]`: up to its closing brace, or its semicolon if that comes first.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let item = &rest[start..];
        let end = item_end(&item[MARK.len()..]) + MARK.len();
        out.push_str(&rest[..start]);
        out.extend(item[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

fn item_end(item: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in item.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    item.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        SourceFile::new("a.rs".to_owned(), text.to_owned()).code
    }

    #[test]
    fn comments_and_literals_are_blanked_and_lines_kept() {
        let text = "a /* f64 /* x */ \n */ b // f64\n\"f64 \\\" f64\" r#\"f64\"\"# 'f' '\\'' c";
        let code = code(text);
        assert!(!code.contains("f64"), "{code}");
        assert_eq!(code.lines().count(), text.lines().count());
        assert!(code.contains('a') && code.contains('b') && code.ends_with('c'));
    }

    #[test]
    fn lifetimes_are_not_literals() {
        assert_eq!(code("fn f<'a>(x: &'a f64)"), "fn f<'a>(x: &'a f64)");
    }

    #[test]
    fn test_items_are_blanked_and_what_follows_is_kept() {
        let code = code("x;\n#[cfg(test)]\nmod tests { fn f() { y } }\nz;\n#[cfg(test)]\nuse w;\nv");
        assert!(!code.contains('y') && !code.contains('w'));
        assert!(code.contains('x') && code.contains('z') && code.ends_with('v'));
    }

    #[test]
    fn words_are_whole() {
        assert!(contains_word("use std::fs;", "std::fs"));
        assert!(contains_word("a: f64,", "f64"));
        assert!(!contains_word("my_f64x", "f64"));
        assert!(!contains_word("LinkedHashMaps", "HashMap"));
    }
}
