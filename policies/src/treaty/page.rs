//! Text for a terminal of 80 columns.

/// Columns of a line, at most; a word that is longer stands alone.
pub(super) const WIDTH: usize = 80;

/// `text` in lines of at most [`WIDTH`] columns, each begun by `indent` spaces; the first by `first`, which is as wide
/// or narrower.
pub(super) fn wrap(first: &str, text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut line = format!("{first:<indent$}");
    let mut empty = true;
    for word in text.split_whitespace() {
        let length = line.chars().count() + usize::from(!empty) + word.chars().count();
        if !empty && length > WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_a_terminal_and_no_word_is_lost() {
        let text = "seven words that are said again ".repeat(20);
        let wrapped = wrap("hint: ", &text, 8);
        assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(wrapped.lines().skip(1).all(|line| line.starts_with("        seven") || line.starts_with("        ")));
        let words: Vec<_> = wrapped.split_whitespace().skip(1).collect();
        assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
        let long = "x".repeat(200);
        assert_eq!(wrap("", &long, 0), format!("{long}\n"));
    }
}
