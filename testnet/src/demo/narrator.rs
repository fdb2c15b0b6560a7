//! Telling the story on standard output, in 80 columns, with a spinner on standard error where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Columns of a terminal that nobody has to widen.
const WIDTH: usize = 80;
const MARGIN: &str = "   ";

/// Who tells it.
#[derive(Debug)]
pub(crate) struct Narrator {
    bar: ProgressBar,
    chapter: u32,
}

impl Narrator {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("   {spinner} {msg}  {elapsed}");
        if let Ok(style) = style {
            bar.set_style(style.tick_chars("◐◓◑◒●"));
        }
        Narrator { bar, chapter: 0 }
    }

    /// A new chapter: its number, title, and one sentence or two.
    pub(crate) fn chapter(&mut self, title: &str, text: &str) {
        self.chapter += 1;
        self.print(&format!("\n{}  {title}", self.chapter));
        for line in wrap(text, WIDTH - MARGIN.len()) {
            self.print(&format!("{MARGIN}{line}"));
        }
    }

    /// One line of the chapter.
    pub(crate) fn line(&self, text: &str) {
        self.print(&format!("{MARGIN}{text}"));
    }

    /// Text as it is.
    pub(crate) fn block(&self, text: &str) {
        text.lines().for_each(|line| self.print(line));
    }

    /// What is being waited for; shown on a terminal only.
    pub(crate) fn waiting(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.bar.enable_steady_tick(Duration::from_millis(120));
    }

    /// The end: the spinner goes away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn print(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }
}

/// Breaks text at spaces into lines of at most `width` characters.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_text_keeps_its_words_and_the_width() {
        let text = "each lab runs a node of its own and none of them trusts another";
        let lines = wrap(text, 20);
        assert!(lines.iter().all(|line| line.chars().count() <= 20));
        assert_eq!(lines.join(" "), text);
    }
}
