//! Tests of the formats: what is accepted, what is refused and by which name, and what other people's code makes of it.

mod codec;
mod conformance;
mod dsse;
mod json;
mod keys;
mod log;
mod notes;
mod tiles;

use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;

/// The key that tests and vectors name so.
fn test_key(name: &str) -> SecretKey {
    SecretKey::from_seed(Hash::sha256(format!("standstill test key {name}").as_bytes()).as_bytes())
}
