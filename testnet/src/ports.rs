//! Ports that are free and stay free until a node binds them.
//!
//! They are chosen below the range from which the system takes source ports of outgoing connections (32768 and up on
//! Linux), so that no connection can take one in between, and each is held by a listener until its node starts.

use std::net::{Ipv4Addr, TcpListener};

use crate::TestnetError;

const LOWEST: u16 = 12_000;
const HIGHEST: u16 = 32_000;

/// Ports held by listeners; dropping one frees it.
#[derive(Debug)]
pub(crate) struct HeldPort(TcpListener);

impl HeldPort {
    pub(crate) fn number(&self) -> u16 {
        // A bound listener has an address; 0 would be refused by the node that is told to use it.
        self.0.local_addr().map_or(0, |address| address.port())
    }
}

/// Holds `wanted` free ports on the loopback address.
pub(crate) fn hold(wanted: usize) -> Result<Vec<HeldPort>, TestnetError> {
    let span = usize::from(HIGHEST - LOWEST);
    let start = starting_point() % span;
    let candidates = (0..span).map(|step| LOWEST + u16::try_from((start + step) % span).unwrap_or(0));
    let held: Vec<_> = candidates
        .filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .map(HeldPort)
        .take(wanted)
        .collect();
    if held.len() < wanted {
        return Err(TestnetError::NoPorts { wanted });
    }
    Ok(held)
}

/// Another place for each process, so that networks made at the same time do not try the same ports.
fn starting_point() -> usize {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    usize::try_from(hasher.finish() >> 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_ports_are_distinct_and_cannot_be_taken() {
        let held = hold(8).unwrap();
        let mut numbers: Vec<_> = held.iter().map(HeldPort::number).collect();
        for number in &numbers {
            assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, *number)).is_err());
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 8);
    }
}
