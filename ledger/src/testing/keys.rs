//! Keys that everybody can make from a name.

use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;

/// The key of a member for one use, as in the shipped treaty: seed SHA-256 of `standstill example key: MEMBER USE`.
pub fn secret_key(member: &str, usage: &str) -> SecretKey {
    let seed = Hash::sha256(format!("standstill example key: {member} {usage}").as_bytes());
    SecretKey::from_seed(seed.as_bytes())
}
