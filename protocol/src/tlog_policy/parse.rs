//! The parser of policy files: line by line, every refusal with its line.

use std::collections::{BTreeMap, BTreeSet};

use super::{Group, Log, MAX_LINES, MAX_POLICY_BYTES, TlogPolicy, Witness};
use crate::checkpoint::decimal;
use crate::keys::PublicKey;
use crate::note::{NoteError, SignatureType, VerifierKey};

/// The quorum that asks for no cosignature.
pub(super) const NONE: &str = "none";

/// Why a file is no policy. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Over [`MAX_POLICY_BYTES`].
    #[error("the policy has {length} bytes, more than {MAX_POLICY_BYTES}")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// Not UTF-8, or with control characters other than tab and newline.
    #[error("the policy is not UTF-8 text without control characters")]
    NotText,
    /// No newline at the end.
    #[error("the policy does not end in a newline")]
    Unterminated,
    /// Over [`MAX_LINES`] of one kind.
    #[error("line {line}: more than {MAX_LINES} lines of this kind")]
    TooManyLines {
        /// The line.
        line: usize,
    },
    /// A first word that is not known.
    #[error("line {line}: `{word}` is not one of log, witness, group, quorum")]
    UnknownKeyword {
        /// The line.
        line: usize,
        /// The word, shortened.
        word: String,
    },
    /// Too few items or too many.
    #[error("line {line}: `{form}` is expected")]
    WrongForm {
        /// The line.
        line: usize,
        /// How such a line is written.
        form: &'static str,
    },
    /// Not a vkey.
    #[error("line {line}: {source}")]
    BadKey {
        /// The line.
        line: usize,
        /// The cause.
        source: NoteError,
    },
    /// A witness key on a `log` line, or the other way round.
    #[error("line {line}: a log has a key of type 0x01, a witness one of type 0x04")]
    WrongKeyType {
        /// The line.
        line: usize,
    },
    /// The same public key on two `log` lines or on two `witness` lines.
    #[error("line {line}: this public key is listed already")]
    DuplicateKey {
        /// The line.
        line: usize,
    },
    /// A name that is defined already, or `none`.
    #[error("line {line}: the name `{name}` is taken")]
    DuplicateName {
        /// The line.
        line: usize,
        /// The name.
        name: String,
    },
    /// A name that no line before defines.
    #[error("line {line}: `{name}` is not defined on a line before")]
    UndefinedName {
        /// The line.
        line: usize,
        /// The name.
        name: String,
    },
    /// A name that is a member of a group already.
    #[error("line {line}: `{name}` is a member of a group already")]
    DuplicateMember {
        /// The line.
        line: usize,
        /// The name.
        name: String,
    },
    /// Not `any`, `all`, or 1 to the number of members.
    #[error("line {line}: the threshold is `any`, `all` or a number from 1 to that of the members")]
    BadThreshold {
        /// The line.
        line: usize,
    },
    /// No `quorum` line, or two.
    #[error("exactly one quorum line is expected")]
    NotOneQuorum,
    /// A name or URL that a file cannot hold.
    #[error("a name or URL is empty, or holds white space or control characters")]
    Unwritable,
}

#[derive(Default)]
struct Builder {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<Option<String>>,
    log_keys: BTreeSet<PublicKey>,
    witness_keys: BTreeSet<PublicKey>,
    /// Every name that is defined, and whether it is a member of a group.
    names: BTreeMap<String, bool>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<TlogPolicy, PolicyError> {
    if bytes.len() > MAX_POLICY_BYTES {
        return Err(PolicyError::TooLong { length: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| PolicyError::NotText)?;
    if text.bytes().any(|byte| (byte < b' ' && byte != b'\t' && byte != b'\n') || byte == 0x7F) {
        return Err(PolicyError::NotText);
    }
    let text = text.strip_suffix('\n').ok_or(PolicyError::Unterminated)?;
    let mut builder = Builder::default();
    for (index, line) in text.split('\n').enumerate() {
        let items: Vec<&str> = line.split([' ', '\t']).filter(|item| !item.is_empty()).collect();
        builder.line(index + 1, &items)?;
    }
    let quorum = builder.quorum.ok_or(PolicyError::NotOneQuorum)?;
    Ok(TlogPolicy { logs: builder.logs, witnesses: builder.witnesses, groups: builder.groups, quorum })
}

impl Builder {
    fn line(&mut self, line: usize, items: &[&str]) -> Result<(), PolicyError> {
        match items {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", rest @ ..] => self.log(line, rest),
            ["witness", rest @ ..] => self.witness(line, rest),
            ["group", rest @ ..] => self.group(line, rest),
            ["quorum", rest @ ..] => self.quorum(line, rest),
            [word, ..] => Err(PolicyError::UnknownKeyword { line, word: word.chars().take(80).collect() }),
        }
    }

    fn log(&mut self, line: usize, items: &[&str]) -> Result<(), PolicyError> {
        let (vkey, url) = match items {
            [vkey] => (vkey, None),
            [vkey, url] => (vkey, Some((*url).to_owned())),
            _ => return Err(PolicyError::WrongForm { line, form: "log <vkey> [<url>]" }),
        };
        let key = key(line, vkey, SignatureType::Ed25519, &mut self.log_keys)?;
        self.logs.push(Log { key, url });
        limit(line, self.logs.len())
    }

    fn witness(&mut self, line: usize, items: &[&str]) -> Result<(), PolicyError> {
        let (name, vkey, url) = match items {
            [name, vkey] => (name, vkey, None),
            [name, vkey, url] => (name, vkey, Some((*url).to_owned())),
            _ => return Err(PolicyError::WrongForm { line, form: "witness <name> <vkey> [<url>]" }),
        };
        self.define(line, name)?;
        let key = key(line, vkey, SignatureType::Cosignature, &mut self.witness_keys)?;
        self.witnesses.push(Witness { name: (*name).to_owned(), key, url });
        limit(line, self.witnesses.len())
    }

    fn group(&mut self, line: usize, items: &[&str]) -> Result<(), PolicyError> {
        let [name, threshold, members @ ..] = items else {
            return Err(PolicyError::WrongForm { line, form: "group <name> <any, all or k> <name>..." });
        };
        if members.is_empty() {
            return Err(PolicyError::WrongForm { line, form: "group <name> <any, all or k> <name>..." });
        }
        let threshold = match *threshold {
            "any" => 1,
            "all" => members.len(),
            number => decimal(number, members.len() as u64)
                .filter(|k| *k >= 1)
                .and_then(|k| usize::try_from(k).ok())
                .ok_or(PolicyError::BadThreshold { line })?,
        };
        for member in members {
            match self.names.get_mut(*member) {
                None => return Err(PolicyError::UndefinedName { line, name: (*member).to_owned() }),
                Some(true) => return Err(PolicyError::DuplicateMember { line, name: (*member).to_owned() }),
                Some(in_a_group) => *in_a_group = true,
            }
        }
        self.define(line, name)?;
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.groups.push(Group { name: (*name).to_owned(), threshold, members });
        limit(line, self.groups.len())
    }

    fn quorum(&mut self, line: usize, items: &[&str]) -> Result<(), PolicyError> {
        let [name] = items else { return Err(PolicyError::WrongForm { line, form: "quorum <name>" }) };
        if self.quorum.is_some() {
            return Err(PolicyError::NotOneQuorum);
        }
        if *name != NONE && !self.names.contains_key(*name) {
            return Err(PolicyError::UndefinedName { line, name: (*name).to_owned() });
        }
        self.quorum = Some((*name != NONE).then(|| (*name).to_owned()));
        Ok(())
    }

    fn define(&mut self, line: usize, name: &str) -> Result<(), PolicyError> {
        if name == NONE || self.names.insert(name.to_owned(), false).is_some() {
            return Err(PolicyError::DuplicateName { line, name: name.to_owned() });
        }
        Ok(())
    }
}

fn limit(line: usize, count: usize) -> Result<(), PolicyError> {
    if count > MAX_LINES { Err(PolicyError::TooManyLines { line }) } else { Ok(()) }
}

fn key(
    line: usize,
    vkey: &str,
    kind: SignatureType,
    seen: &mut BTreeSet<PublicKey>,
) -> Result<VerifierKey, PolicyError> {
    let key: VerifierKey = vkey.parse().map_err(|source| PolicyError::BadKey { line, source })?;
    if key.kind() != kind {
        return Err(PolicyError::WrongKeyType { line });
    }
    if !seen.insert(key.public_key()) {
        return Err(PolicyError::DuplicateKey { line });
    }
    Ok(key)
}
