//! C2SP signed notes: a text and the signatures under it.
//!
//! ```text
//! standstill.example/pause-option/5b3c…
//! 1092
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!                                                          the last blank line separates text from signatures
//! — standstill.example/pause-option/5b3c… Az3grl…Hk=       name, base64(key id 4 || signature)
//! ```
//!
//! A key is `vkey = name "+" hex8(key id) "+" base64(type || public key)`, with
//! `key id = SHA-256(name || 0x0A || type || public key)[0..4]`. Two types are known: 0x01, ed25519 over the text, and
//! 0x04, a timestamped [`cosignature`]. Parsing is strict: what was parsed is written out again and
//! must be the same bytes. A signature by an unknown key is ignored; one by a known key that fails rejects the note.
//!
//! Source: <https://c2sp.org/signed-note@v1.0.0>.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cosignature;
use crate::hash::Hash;
use crate::keys::{KeyError, PublicKey, SecretKey, Signature, VerifyingKey};

/// Bytes of one note, at most.
pub const MAX_NOTE_BYTES: usize = 1 << 20;
/// Signature lines of one note, at most: a log key and a cosigner key for each of 128 validators, and room for others.
pub const MAX_SIGNATURES: usize = 512;
/// Bytes of a key name, at most.
pub const MAX_NAME_BYTES: usize = 255;

/// The name of a key: not empty, no white space (of Unicode), no control character, no `+`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// The first four bytes of the hash of name and key. It tells keys apart; it proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureType {
    /// 0x01: ed25519 over the note's text.
    Ed25519,
    /// 0x04: ed25519 over a timestamp and a checkpoint.
    Cosignature,
}

/// A named key that verifies signatures of one type; written as a vkey.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    kind: SignatureType,
    key: VerifyingKey,
    id: KeyId,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name.
    pub name: KeyName,
    /// The key's id.
    pub key_id: KeyId,
    /// What follows the id: 64 bytes for type 0x01, 72 for type 0x04, anything for types unknown here.
    pub bytes: Vec<u8>,
}

/// A text with at least one signature line. Its bytes are canonical; nothing is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// Why bytes are no note, key or name, or why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Over [`MAX_NOTE_BYTES`].
    #[error("the note has {length} bytes, more than {MAX_NOTE_BYTES}")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// Not UTF-8, or with control characters.
    #[error("the note is not UTF-8 text without control characters")]
    NotText,
    /// No blank line followed by signatures, or no newline at the end.
    #[error("the note has no blank line before its signatures, or no newline at its end")]
    NoSignatures,
    /// Over [`MAX_SIGNATURES`].
    #[error("{count} signature lines exceed the limit of {MAX_SIGNATURES}")]
    TooManySignatures {
        /// Lines found.
        count: usize,
    },
    /// A line after the blank one that is no signature.
    #[error("signature line {line} is malformed")]
    MalformedSignature {
        /// Counted from 1 after the blank line.
        line: usize,
    },
    /// Not a key name.
    #[error("`{name}` is not a key name: no spaces, control characters or `+`, 1 to {MAX_NAME_BYTES} bytes")]
    InvalidName {
        /// The text, shortened.
        name: String,
    },
    /// Not a vkey.
    #[error("not a verifier key: {reason}")]
    MalformedKey {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A type that is not known here.
    #[error("signature type 0x{found:02x} is not supported: only 0x01 and 0x04 are")]
    UnsupportedType {
        /// The type.
        found: u8,
    },
    /// The id in a vkey is not that of its name and key.
    #[error("the key id of `{name}` is `{found}`, but its name and key make `{expected}`")]
    WrongKeyId {
        /// The key's name.
        name: KeyName,
        /// The id found.
        found: KeyId,
        /// The id computed.
        expected: KeyId,
    },
    /// A known key's signature that does not verify.
    #[error("the signature of `{name}` ({key_id}) does not verify")]
    BadSignature {
        /// The key's name.
        name: KeyName,
        /// The key's id.
        key_id: KeyId,
    },
    /// No signature by a known key.
    #[error("no signature by a known key")]
    NoKnownKey,
}

/// A signature by a known key that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignature {
    /// The key.
    pub key: VerifierKey,
    /// For type 0x04: when it was made, in seconds since 1970.
    pub time_s: Option<u64>,
}

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let fits = (1..=MAX_NAME_BYTES).contains(&text.len());
        if !fits || text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(NoteError::InvalidName { name: text.chars().take(80).collect() });
        }
        Ok(KeyName(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl KeyId {
    /// The id of a named key.
    pub fn of(name: &KeyName, kind: SignatureType, key: &PublicKey) -> Self {
        let digest = Hash::sha256(&[name.0.as_bytes(), b"\n", &[kind.byte()], key.as_bytes()].concat());
        let [a, b, c, d, ..] = *digest.as_bytes();
        KeyId([a, b, c, d])
    }

    /// The four bytes.
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl SignatureType {
    /// The byte in key ids and vkeys.
    pub const fn byte(self) -> u8 {
        match self {
            SignatureType::Ed25519 => 0x01,
            SignatureType::Cosignature => 0x04,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, NoteError> {
        match byte {
            0x01 => Ok(SignatureType::Ed25519),
            0x04 => Ok(SignatureType::Cosignature),
            found => Err(NoteError::UnsupportedType { found }),
        }
    }
}

impl VerifierKey {
    /// Names a public key. Fails when the key is no valid ed25519 key.
    pub fn new(name: KeyName, kind: SignatureType, key: &PublicKey) -> Result<Self, KeyError> {
        let id = KeyId::of(&name, kind, key);
        Ok(VerifierKey { name, kind, key: key.parse()?, id })
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// How it signs.
    pub fn kind(&self) -> SignatureType {
        self.kind
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// The id that signature lines carry.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether a signature line names this key.
    pub fn is_named_by(&self, signature: &NoteSignature) -> bool {
        signature.name == self.name && signature.key_id == self.id()
    }

    /// Verifies one signature line over `text`. Type 0x04 yields its time in seconds.
    pub fn verify(&self, text: &str, signature: &NoteSignature) -> Result<Option<u64>, NoteError> {
        let refused = || NoteError::BadSignature { name: self.name.clone(), key_id: self.id() };
        if !self.is_named_by(signature) {
            return Err(refused());
        }
        match self.kind {
            SignatureType::Ed25519 => {
                let bytes: [u8; 64] = signature.bytes.as_slice().try_into().map_err(|_| refused())?;
                self.key.verify(text.as_bytes(), &Signature::from_bytes(bytes)).map_err(|_| refused())?;
                Ok(None)
            }
            SignatureType::Cosignature => {
                let (time_s, bytes) = cosignature::split(&signature.bytes).ok_or_else(refused)?;
                self.key.verify(&cosignature::message(time_s, text), &bytes).map_err(|_| refused())?;
                Ok(Some(time_s))
            }
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.public_key();
        let material = [&[self.kind.byte()], key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id(), STANDARD.encode(material))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let malformed = |reason| NoteError::MalformedKey { reason };
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed("`name+id+key` is expected"));
        };
        let name: KeyName = name.parse()?;
        let mut found = [0; 4];
        hex::decode_to_slice(id, &mut found).map_err(|_| malformed("the id is not 8 hex digits"))?;
        let material = STANDARD.decode(material).map_err(|_| malformed("the key is not base64"))?;
        let (kind, key) = material.split_first().ok_or_else(|| malformed("the key is empty"))?;
        let kind = SignatureType::from_byte(*kind)?;
        let key: [u8; 32] = key.try_into().map_err(|_| malformed("an ed25519 key has 32 bytes"))?;
        let key = VerifierKey::new(name, kind, &PublicKey::from_bytes(key))
            .map_err(|_| malformed("not a valid ed25519 key"))?;
        if key.id() != KeyId(found) {
            return Err(NoteError::WrongKeyId { name: key.name.clone(), found: KeyId(found), expected: key.id() });
        }
        if key.to_string() != text {
            return Err(malformed("not in canonical form"));
        }
        Ok(key)
    }
}

/// Signs a text with a key of type 0x01.
pub fn sign(name: &KeyName, key: &SecretKey, text: &str) -> NoteSignature {
    NoteSignature {
        name: name.clone(),
        key_id: KeyId::of(name, SignatureType::Ed25519, &key.public_key()),
        bytes: key.sign(text.as_bytes()).as_bytes().to_vec(),
    }
}

impl NoteSignature {
    /// Parses one line, with its newline.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let refused = || NoteError::MalformedSignature { line: 1 };
        let (name, encoded) = line
            .strip_prefix("\u{2014} ")
            .and_then(|rest| rest.strip_suffix('\n'))
            .and_then(|rest| rest.split_once(' '))
            .ok_or_else(refused)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| refused())?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or_else(refused)?;
        let name = name.parse().map_err(|_| refused())?;
        let signature = NoteSignature { name, key_id: KeyId(*id), bytes: bytes.to_vec() };
        if signature.bytes.is_empty() || signature.to_string() != line {
            return Err(refused());
        }
        Ok(signature)
    }
}

/// The line, with its newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([self.key_id.0.as_slice(), &self.bytes].concat());
        writeln!(f, "\u{2014} {} {encoded}", self.name)
    }
}

fn is_text(text: &str) -> bool {
    text.chars().all(|character| character >= ' ' || character == '\n')
}

impl Note {
    /// A note out of a text, which ends in a newline, and at least one signature.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        if !is_text(&text) {
            return Err(NoteError::NotText);
        }
        if !text.ends_with('\n') || signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures { count: signatures.len() });
        }
        Ok(Note { text, signatures })
    }

    /// Parses a note strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { length: bytes.len() });
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        if !is_text(whole) {
            return Err(NoteError::NotText);
        }
        // The text keeps the newline before the blank line: a note may have an empty first line, not an empty text.
        let blank = whole.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, lines) = whole.split_at(blank + 1);
        let lines = lines.strip_prefix('\n').unwrap_or(lines);
        if lines.is_empty() || !lines.ends_with('\n') {
            return Err(NoteError::NoSignatures);
        }
        let count = lines.bytes().filter(|byte| *byte == b'\n').count();
        if count > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures { count });
        }
        let parse =
            |(index, line)| NoteSignature::parse(line).map_err(|_| NoteError::MalformedSignature { line: index + 1 });
        let signatures = lines.split_inclusive('\n').enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
        Note::new(text.to_owned(), signatures)
    }

    /// What is signed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Signature lines in their order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature at the end, unless a line of the same key is there.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        let same_key = |line: &NoteSignature| line.name == signature.name && line.key_id == signature.key_id;
        if self.signatures.iter().any(same_key) {
            return Ok(());
        }
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures { count: self.signatures.len() + 1 });
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Puts signature lines in the order of [`Note::is_sorted`].
    pub fn sort(&mut self) {
        self.signatures.sort_by(|a, b| (&a.name, a.key_id).cmp(&(&b.name, b.key_id)));
    }

    /// Whether signature lines stand in strict order of name and key id, so that no key signs twice.
    pub fn is_sorted(&self) -> bool {
        self.signatures.windows(2).all(|pair| match pair {
            [a, b] => (&a.name, a.key_id) < (&b.name, b.key_id),
            _ => true,
        })
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!("{}\n", self.text);
        for signature in &self.signatures {
            out.push_str(&signature.to_string());
        }
        out.into_bytes()
    }

    /// Verifies every line of every key in `keys`; others are ignored. A key that signed twice counts once.
    ///
    /// # Errors
    ///
    /// [`NoteError::BadSignature`] if one line of a known key fails, [`NoteError::NoKnownKey`] if no known key signed.
    pub fn verify<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<Vec<VerifiedSignature>, NoteError> {
        let mut verified = Vec::new();
        for key in keys {
            let mut time = None;
            for signature in self.signatures.iter().filter(|signature| key.is_named_by(signature)) {
                let time_s = key.verify(&self.text, signature)?;
                time.get_or_insert(time_s);
            }
            if let Some(time_s) = time {
                verified.push(VerifiedSignature { key: key.clone(), time_s });
            }
        }
        if verified.is_empty() { Err(NoteError::NoKnownKey) } else { Ok(verified) }
    }
}
