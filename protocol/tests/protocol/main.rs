//! Tests of the formats: what is accepted, what is refused and by which name, and what other people's code makes of it.

mod codec;
mod conformance;
mod dsse;
mod json;
mod keys;
mod log;
mod notes;
mod spec;
mod tiles;
mod vectors;

use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;

/// The key that tests and vectors name so.
fn test_key(name: &str) -> SecretKey {
    SecretKey::from_seed(Hash::sha256(format!("standstill test key {name}").as_bytes()).as_bytes())
}

/// The names of an error's variants, from the outermost in: `Policy.Signature.BadSignature`.
fn error_name(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let mut names = Vec::new();
    for part in text.split('(') {
        let name: String = part.chars().take_while(char::is_ascii_alphanumeric).collect();
        if !name.starts_with(|first: char| first.is_ascii_uppercase()) {
            break;
        }
        let ends = name.len() < part.len();
        names.push(name);
        if ends {
            break;
        }
    }
    names.join(".")
}
