//! Evidence that real chips signed, as their vendors publish it, and every way of spoiling it.

mod binding;
mod forge;
mod nvidia;
mod sev;
mod spoil;
mod tdx;

use standstill_hardware::{Evidence, HardwareError, Roots, Verified};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;

/// When the evidence of all three vendors was valid.
const AT: &str = "2026-11-23T12:00:00Z";

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn verify(evidence: &Evidence, nonce: Hash) -> Result<Verified, HardwareError> {
    evidence.verify(&Roots::pinned(), nonce, time(AT))
}

/// Lower-case digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
