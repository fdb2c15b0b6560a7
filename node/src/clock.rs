//! The only place that asks the system for the time.

use std::time::{SystemTime, UNIX_EPOCH};

use standstill_protocol::units::Timestamp;

/// Now, in milliseconds UTC. A clock before 1970 reads as 1970, and the treaty's clock skew then refuses what it makes.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
