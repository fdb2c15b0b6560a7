//! What a chip is asked, so that its answer belongs to one ledger, one moment and one subject.
//!
//! ```text
//! nonce = tagged("standstill/v1/hardware-nonce", chain id 32 || log size, 8 bytes big-endian || log root 32 || subject digest 32)
//! ```
//!
//! The log root cannot be known before its block, so the report was made after it; the report is final in a later block,
//! so it was made before that one. The subject is what the chip is asked about: the digest of a
//! site, or of a run at a site.

use standstill_protocol::hash::{Domain, Hash};

/// The head of a ledger's log: its size and RFC 6962 root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Leaves in the log.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash,
}

/// The nonce that evidence about `subject` has to answer, on the ledger `chain`, after `head`.
///
/// ```
/// use standstill_hardware::{Head, expected_nonce};
/// use standstill_protocol::hash::Hash;
/// let head = Head { size: 7, root: Hash::from_bytes([2; 32]) };
/// let nonce = expected_nonce(Hash::from_bytes([1; 32]), head, Hash::from_bytes([3; 32]));
/// assert_eq!(nonce.to_string(), "00a651f84a26229126daadc33c325b11bef505e3743aebc59335a896979b348b");
/// ```
pub fn expected_nonce(chain: Hash, head: Head, subject: Hash) -> Hash {
    let parts: [&[u8]; 4] = [chain.as_bytes(), &head.size.to_be_bytes(), head.root.as_bytes(), subject.as_bytes()];
    Hash::tagged(Domain::HardwareNonce, &parts)
}
