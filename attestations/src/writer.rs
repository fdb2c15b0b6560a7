//! The canonical writer: members in the order of the specification, what fits a line on one line, two spaces of
//! indentation for what does not. The bytes are what gets signed, so the layout is part of nothing: a reader takes
//! any strict JSON. Only this writer's output is one form per value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Columns up to which an object or a list stays on its line.
const LINE: usize = 100;

/// A document to be written.
#[derive(Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Whole(u64),
    Integer(i64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    pub(crate) fn text(value: impl ToString) -> Self {
        Json::Text(value.to_string())
    }

    /// Bytes in padded standard base64.
    pub(crate) fn base64(bytes: &[u8]) -> Self {
        Json::Text(STANDARD.encode(bytes))
    }

    /// The bytes, ending in a newline.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = String::new();
        self.broken(0, 0, &mut out);
        out.push('\n');
        out.into_bytes()
    }

    /// On one line.
    fn inline(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Whole(value) => out.push_str(&value.to_string()),
            Json::Integer(value) => out.push_str(&value.to_string()),
            Json::Text(text) => quote(text, out),
            Json::List(items) => separated(items, ['[', ']'], out, |item, out| item.inline(out)),
            Json::Object(members) => separated(members, ['{', '}'], out, |(name, value), out| {
                quote(name, out);
                out.push_str(": ");
                value.inline(out);
            }),
        }
    }

    /// On one line where it fits after `column`, else one item a line.
    fn broken(&self, column: usize, indent: usize, out: &mut String) {
        let mark = out.len();
        self.inline(out);
        let fits = column + (out.len() - mark) < LINE;
        match self {
            Json::List(items) if !fits => {
                out.truncate(mark);
                lines(items, ['[', ']'], indent, out, |item, out| item.broken(indent + 2, indent + 2, out));
            }
            Json::Object(members) if !fits => {
                out.truncate(mark);
                lines(members, ['{', '}'], indent, out, |(name, value), out| {
                    quote(name, out);
                    out.push_str(": ");
                    value.broken(indent + 6 + name.len(), indent + 2, out);
                });
            }
            _ => {}
        }
    }
}

fn separated<T>(items: &[T], [open, close]: [char; 2], out: &mut String, mut write: impl FnMut(&T, &mut String)) {
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(item, out);
    }
    out.push(close);
}

fn lines<T>(items: &[T], brackets: [char; 2], indent: usize, out: &mut String, mut write: impl FnMut(&T, &mut String)) {
    let [open, close] = brackets;
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index > 0 { ",\n" } else { "\n" });
        out.extend(std::iter::repeat_n(' ', indent + 2));
        write(item, out);
    }
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
    out.push(close);
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
