//! A typed reader over strict JSON. Every error names the field's path, such as `predicate.sessions[2].window.end`;
//! every member of an object must be taken, or it is refused as unknown; texts and lists are bounded by the caller.
//!
//! Paths are linked on the stack and only written out when something is refused.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use standstill_protocol::hash::Hash;
use standstill_protocol::json::{self, Value};
use standstill_protocol::keys::{PublicKey, Signature};
use standstill_protocol::member::Name;
use standstill_protocol::units::{Flop, Joule, Ppm, Timestamp};

use crate::claim::Maybe;
use crate::error::StatementError;

/// The largest whole number that every JSON tool reads exactly: 2^53 - 1.
pub(crate) const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

pub(crate) type Read<T> = Result<T, StatementError>;

/// Where in the document.
#[derive(Clone, Copy)]
pub(crate) enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Member(Path::Root, name) => f.write_str(name),
            Path::Member(parent, name) => write!(f, "{parent}.{name}"),
            Path::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Field<'v, 'p> {
    value: &'v Value,
    path: Path<'p>,
}

/// An object of which members are taken one by one.
pub(crate) struct Object<'v, 'p> {
    members: &'v json::Object,
    path: &'p Path<'p>,
    taken: u64,
}

impl<'v, 'p> Field<'v, 'p> {
    /// The whole document.
    pub(crate) fn root(value: &'v Value) -> Field<'v, 'static> {
        Field { value, path: Path::Root }
    }

    fn wrong(&self, expected: &'static str) -> StatementError {
        StatementError::WrongType { path: self.path.to_string(), expected, found: self.value.type_name() }
    }

    pub(crate) fn path(&self) -> String {
        self.path.to_string()
    }

    pub(crate) fn object(&self) -> Read<Object<'v, '_>> {
        let Value::Object(members) = self.value else { return Err(self.wrong("an object")) };
        if members.len() > 64 {
            return Err(StatementError::TooManyItems { path: self.path(), count: members.len(), limit: 64 });
        }
        Ok(Object { members, path: &self.path, taken: 0 })
    }

    /// The items, each read by `read`; `limit` bounds them before anything is allocated.
    pub(crate) fn list<T>(&self, limit: usize, mut read: impl FnMut(Field<'v, '_>) -> Read<T>) -> Read<Vec<T>> {
        let Value::Array(items) = self.value else { return Err(self.wrong("an array")) };
        if items.len() > limit {
            return Err(StatementError::TooManyItems { path: self.path(), count: items.len(), limit });
        }
        items.iter().enumerate().map(|(i, value)| read(Field { value, path: Path::Item(&self.path, i) })).collect()
    }

    pub(crate) fn raw_text(&self) -> Read<&'v str> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong("a string")),
        }
    }

    /// Text for people: not empty, bounded, printable.
    pub(crate) fn text(&self, limit: usize) -> Read<String> {
        let text = self.raw_text()?;
        check_text(text, limit, || self.path())?;
        Ok(text.to_owned())
    }

    pub(crate) fn boolean(&self) -> Read<bool> {
        match self.value {
            Value::Bool(value) => Ok(*value),
            _ => Err(self.wrong("a boolean")),
        }
    }

    /// A whole JSON number from 0 to `limit`.
    pub(crate) fn whole(&self, limit: u64) -> Read<u64> {
        let Value::Integer(value) = self.value else { return Err(self.wrong("a whole number")) };
        let value = u64::try_from(*value).map_err(|_| self.wrong("a whole number from 0 on"))?;
        if value > limit {
            return Err(StatementError::OutOfRange { path: self.path(), found: value, limit });
        }
        Ok(value)
    }

    /// A whole JSON number between plus and minus [`MAX_SAFE_INTEGER`].
    pub(crate) fn integer(&self) -> Read<i64> {
        let Value::Integer(value) = self.value else { return Err(self.wrong("a whole number")) };
        Ok(*value)
    }

    /// A ratio from 0 to one.
    pub(crate) fn ppm(&self) -> Read<Ppm> {
        Ok(Ppm(self.whole(MAX_SAFE_INTEGER)?))
    }

    /// A decimal string.
    pub(crate) fn decimal(&self) -> Read<u128> {
        let text = self.raw_text()?;
        let refused = |_| StatementError::NotADecimal { path: self.path(), found: shorten(text) };
        Flop::parse_decimal(text).map(|flop| flop.0).map_err(refused)
    }

    /// A decimal string that fits 64 bits.
    pub(crate) fn decimal_u64(&self) -> Read<u64> {
        let text = self.raw_text()?;
        let refused = |_| StatementError::NotADecimal { path: self.path(), found: shorten(text) };
        Joule::parse_decimal(text).map(|joule| joule.0).map_err(refused)
    }

    pub(crate) fn digest(&self) -> Read<Hash> {
        let text = self.raw_text()?;
        text.parse().map_err(|_| StatementError::NotADigest { path: self.path(), found: shorten(text) })
    }

    /// A decimal string of at most 38 digits, with a `-` before it where it is below 0.
    pub(crate) fn signed_decimal(&self) -> Read<i128> {
        let text = self.raw_text()?;
        let refused = || StatementError::NotADecimal { path: self.path(), found: shorten(text) };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let magnitude = Flop::parse_decimal(digits).ok().filter(|_| digits.len() <= 38).ok_or_else(refused)?;
        let magnitude = i128::try_from(magnitude.0).map_err(|_| refused())?;
        match text.starts_with('-') {
            true if magnitude == 0 => Err(refused()),
            true => Ok(-magnitude),
            false => Ok(magnitude),
        }
    }

    /// Bytes in padded standard base64, 1 to `limit` of them.
    pub(crate) fn base64(&self, limit: usize) -> Read<Vec<u8>> {
        let text = self.raw_text()?;
        if text.is_empty() {
            return Err(StatementError::EmptyText { path: self.path() });
        }
        // Bounded before anything is allocated; the exact bound is checked on the bytes.
        if text.len() > limit.div_ceil(3).saturating_mul(4) {
            return Err(StatementError::TextTooLong { path: self.path(), length: text.len(), limit });
        }
        STANDARD.decode(text).map_err(|_| StatementError::NotBase64 { path: self.path(), found: shorten(text) })
    }

    /// 32 bytes in base64.
    pub(crate) fn base64_hash(&self) -> Read<Hash> {
        let refused = |bytes: Vec<u8>| StatementError::NotBase64 { path: self.path(), found: STANDARD.encode(bytes) };
        self.base64(32).and_then(|bytes| bytes.try_into().map(Hash::from_bytes).map_err(refused))
    }

    pub(crate) fn time(&self) -> Read<Timestamp> {
        let text = self.raw_text()?;
        let refused = || StatementError::NotATime { path: self.path(), found: shorten(text) };
        let time = Timestamp::parse(text).map_err(|_| refused())?;
        // One way to write a time: what was parsed is written back and compared.
        if time.to_string() == text { Ok(time) } else { Err(refused()) }
    }

    pub(crate) fn public_key(&self) -> Read<PublicKey> {
        self.raw_text()?.parse().map_err(|_| StatementError::NotAKey { path: self.path() })
    }

    pub(crate) fn signature(&self) -> Read<Signature> {
        self.raw_text()?.parse().map_err(|_| self.wrong("a signature, 128 lower-case hex digits"))
    }

    pub(crate) fn name(&self) -> Read<Name> {
        let text = self.raw_text()?;
        text.parse().map_err(|_| StatementError::NotAName { path: self.path(), found: shorten(text) })
    }

    /// One word of a closed vocabulary.
    pub(crate) fn word<T>(&self, words: &[&str], parse: impl Fn(&str) -> Option<T>) -> Read<T> {
        let text = self.raw_text()?;
        parse(text).ok_or_else(|| StatementError::NotOneOf {
            path: self.path(),
            found: shorten(text),
            expected: words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        })
    }
}

impl<'v, 'p> Object<'v, 'p> {
    fn find(&mut self, name: &'static str) -> Option<Field<'v, 'p>> {
        let (index, (_, value)) = self.members.iter().enumerate().find(|(_, (member, _))| *member == name)?;
        self.taken |= 1u64 << index;
        Some(Field { value, path: Path::Member(self.path, name) })
    }

    /// Whether there is such a member.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.member(name).is_some()
    }

    /// A member that must be there.
    pub(crate) fn take(&mut self, name: &'static str) -> Read<Field<'v, 'p>> {
        let path = self.path;
        self.find(name).ok_or_else(|| StatementError::MissingField { path: Path::Member(path, name).to_string() })
    }

    /// A member that must be there and may be null.
    pub(crate) fn take_nullable(&mut self, name: &'static str) -> Read<Option<Field<'v, 'p>>> {
        let field = self.take(name)?;
        Ok((!matches!(field.value, Value::Null)).then_some(field))
    }

    /// `name` with its value, or `name` null and `unknown` with the reason.
    pub(crate) fn maybe<T>(
        &mut self,
        (name, unknown): (&'static str, &'static str),
        read: impl FnOnce(Field<'v, 'p>) -> Read<T>,
    ) -> Read<Maybe<T>> {
        let value = self.take_nullable(name)?;
        let reason = self.find(unknown);
        let path = || Path::Member(self.path, name).to_string();
        match (value, reason) {
            (Some(value), None) => Ok(Maybe::Known(read(value)?)),
            (None, Some(reason)) if reason.raw_text()?.is_empty() => {
                Err(StatementError::UnknownWithoutReason { path: path() })
            }
            (None, Some(reason)) => Ok(Maybe::Unknown(reason.text(crate::limits::REASON)?)),
            (None, None) => Err(StatementError::UnknownWithoutReason { path: path() }),
            (Some(_), Some(_)) => Err(StatementError::ReasonForKnown { path: path() }),
        }
    }

    /// As [`Object::maybe`], where `null` without a reason is an answer too: there is none.
    pub(crate) fn maybe_none<T>(
        &mut self,
        (name, unknown): (&'static str, &'static str),
        read: impl FnOnce(Field<'v, 'p>) -> Read<T>,
    ) -> Read<Maybe<Option<T>>> {
        if self.has(unknown) {
            return self.maybe((name, unknown), |field| read(field).map(Some));
        }
        Ok(Maybe::Known(self.take_nullable(name)?.map(read).transpose()?))
    }

    /// A member that may be missing, and is not null.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<Field<'v, 'p>> {
        self.find(name)
    }

    /// Refuses what was not taken.
    pub(crate) fn finish(self) -> Read<()> {
        let left = self.members.iter().enumerate().find(|(index, _)| self.taken & (1u64 << index) == 0);
        match left {
            None => Ok(()),
            Some((_, (name, _))) => {
                let name = shorten(name);
                Err(StatementError::UnknownField { path: Path::Member(self.path, &name).to_string() })
            }
        }
    }
}

/// Whether text is fit for people: not empty, within `limit` bytes, and printing as it reads.
pub(crate) fn check_text(text: &str, limit: usize, path: impl Fn() -> String) -> Read<()> {
    if text.is_empty() {
        return Err(StatementError::EmptyText { path: path() });
    }
    if text.len() > limit {
        return Err(StatementError::TextTooLong { path: path(), length: text.len(), limit });
    }
    // Direction marks could make the signed text read differently from what it says.
    let hidden = |c: &char| {
        c.is_control() || matches!(u32::from(*c), 0x061C | 0x200E..=0x200F | 0x2028..=0x202E | 0x2066..=0x2069 | 0xFEFF)
    };
    match text.chars().find(hidden) {
        None => Ok(()),
        Some(found) => Err(StatementError::UnprintableText { path: path(), code_point: u32::from(found) }),
    }
}
