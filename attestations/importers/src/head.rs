//! The first bytes of a file, as formats are told from them.
//!
//! ```
//! use standstill_importers::Head;
//! let head = Head::of(br#"{"global_step": 40, "log_history": [{"loss": 6.1"#);
//! assert!(head.has(&["global_step", "log_history"]) && !head.has(&["loss"]));
//! assert_eq!(Head::of(b"JobID|State\n1|COMPLETED").first_line(), "JobID|State");
//! ```

use crate::scanner::{Scanner, unescape};

/// The first bytes of a file.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    bytes: &'a [u8],
    text: &'a str,
    members: Vec<String>,
}

impl<'a> Head<'a> {
    /// Looks at the first bytes: as text as far as they are text, as a JSON object as far as they are one.
    pub fn of(bytes: &'a [u8]) -> Self {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or("")
            }
        };
        Head { bytes, text, members: members(text) }
    }

    /// The bytes.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes as text, up to the first that is none.
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The first line, without its end.
    pub fn first_line(&self) -> &'a str {
        self.text.lines().next().unwrap_or("")
    }

    /// Names of the outermost JSON object, in order, as far as the head reaches; the last may have its value cut off.
    pub fn members(&self) -> &[String] {
        &self.members
    }

    /// Whether the outermost JSON object has these members, within the head.
    pub fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.members.iter().any(|member| member == name))
    }
}

fn members(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut scanner = Scanner { text, at: 0 };
    scanner.white_space();
    if !scanner.take(b'{') {
        return names;
    }
    scanner.white_space();
    while let Ok(name) = scanner.string() {
        if scanner.separator(b':').is_err() {
            break;
        }
        names.extend(unescape(name).map(std::borrow::Cow::into_owned));
        if scanner.value(0).is_err() || scanner.separator(b',').is_err() {
            break;
        }
    }
    names
}
