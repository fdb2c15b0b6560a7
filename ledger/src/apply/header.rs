//! What must fit before a block's entries are looked at, and the header that is made at the end.

use standstill_protocol::PROTOCOL_VERSION;
use standstill_protocol::block::{Entry, Header, MAX_BLOCK_BYTES};
use standstill_protocol::hash::Hash;
use standstill_protocol::log::Frontier;
use standstill_protocol::validators::ValidatorSet;

use super::execution::Execution;
use super::{Given, Verified};
use crate::outcome::Rejection;
use crate::schema::{Key, ValidatorHashes};
use crate::state::{StateFault, StateRead, root};
use crate::{MAX_BLOCK_ENTRIES, MAX_BLOCK_TIME};

/// Bytes that the codec adds to an entry: its tag and its length.
pub(crate) const ENTRY_OVERHEAD: usize = 12;

impl Execution<'_> {
    /// Height, time, the header and certificate before, the proposer, and the bounds of a block.
    pub(crate) fn check_proposal(
        &self,
        state: &dyn StateRead,
        frontier: &Frontier,
        proposal: &Given<'_>,
        verified: &dyn Verified,
    ) -> Result<(), Rejection> {
        if proposal.height != self.height {
            return Err(Rejection::Height { found: proposal.height, expected: self.height });
        }
        if proposal.time <= self.meta.time {
            return Err(Rejection::Time { found: proposal.time, previous: self.meta.time });
        }
        if proposal.time > MAX_BLOCK_TIME {
            return Err(Rejection::TimeLimit { found: proposal.time, limit: MAX_BLOCK_TIME });
        }
        check_bounds(proposal.entries)?;
        self.check_previous(state, frontier, proposal.previous)?;
        let next = self.validators(self.meta.validators.next)?;
        if next.by_address(&proposal.proposer).is_none() {
            return Err(Rejection::Proposer { proposer: proposal.proposer, height: self.height });
        }
        self.check_certificate(proposal, verified)
    }

    /// The header must be the one that led to this state: it commits to the state's root.
    fn check_previous(
        &self,
        state: &dyn StateRead,
        frontier: &Frontier,
        previous: Option<&Header>,
    ) -> Result<(), Rejection> {
        let differs = |field| Err(Rejection::Previous { field });
        let Some(header) = previous else {
            return if self.meta.height == 0 { Ok(()) } else { differs("height") };
        };
        match () {
            () if header.height != self.meta.height || header.height == 0 => differs("height"),
            () if header.chain_id != self.rules.chain_id() => differs("chain_id"),
            () if header.time != self.meta.time => differs("time"),
            () if header.previous != self.meta.previous => differs("previous"),
            () if header.validators != self.meta.validators.current => differs("validators"),
            () if header.next_validators != self.meta.validators.next => differs("next_validators"),
            () if header.treaty != self.rules.treaty().hash => differs("treaty"),
            () if header.log_size != frontier.size() => differs("log_size"),
            () if header.log_root != frontier.root() => differs("log_root"),
            () if header.state_root != root(state)? => differs("state_root"),
            () => Ok(()),
        }
    }

    fn check_certificate(&self, proposal: &Given<'_>, verified: &dyn Verified) -> Result<(), Rejection> {
        let mismatch = |problem| Err(Rejection::CertificateMismatch { problem });
        let (header, certificate) = match (proposal.previous, proposal.previous_certificate) {
            (None, None) => return Ok(()),
            (None, Some(_)) => return mismatch("superfluous"),
            (Some(_), None) => return mismatch("missing"),
            (Some(header), Some(certificate)) => (header, certificate),
        };
        if certificate.height != header.height {
            return mismatch("for another height");
        }
        if certificate.block != header.hash() {
            return mismatch("for another block");
        }
        let validators = self.validators(self.meta.validators.current)?;
        let checked = if verified.certificate(&certificate.hash()) {
            certificate.check_signers(&validators)
        } else {
            certificate.verify(&self.rules.chain_id(), &validators)
        };
        checked.map_err(|source| Rejection::Certificate { source })
    }

    fn validators(&self, hash: Hash) -> Result<ValidatorSet, StateFault> {
        self.work.need("validators", &Key::Validators(hash))
    }

    /// Moves height, time and validators on: what the state says after this block.
    pub(crate) fn advance(&mut self, previous: Option<&Header>) {
        self.meta.height = self.height;
        self.meta.time = self.time;
        self.meta.previous = previous.map_or(self.rules.chain_id(), Header::hash);
        let ValidatorHashes { next, upcoming, .. } = self.meta.validators;
        self.meta.validators = ValidatorHashes { current: next, next: upcoming, upcoming };
    }

    /// The header of the executed block, but for the state root.
    pub(crate) fn header(&self, proposal: &Given<'_>, entries: &[Hash], frontier: &Frontier) -> Header {
        let mut root = Frontier::new();
        for leaf in entries {
            root.append(*leaf);
        }
        Header {
            version: PROTOCOL_VERSION,
            chain_id: self.rules.chain_id(),
            height: self.height,
            time: self.time,
            previous: self.meta.previous,
            proposer: proposal.proposer,
            previous_certificate: proposal.previous_certificate.map_or(Hash::ZERO, |cert| cert.hash()),
            entries_root: root.root(),
            // `check_bounds` keeps the number far below u32::MAX.
            entry_count: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            log_size: frontier.size(),
            log_root: frontier.root(),
            validators: self.meta.validators.current,
            next_validators: self.meta.validators.next,
            treaty: self.rules.treaty().hash,
            state_root: Hash::ZERO,
        }
    }
}

fn check_bounds(entries: &[Entry]) -> Result<(), Rejection> {
    let count = entries.len();
    if count > MAX_BLOCK_ENTRIES {
        return Err(Rejection::TooManyEntries { count, limit: MAX_BLOCK_ENTRIES });
    }
    let bytes: usize = entries.iter().map(|entry| entry.size().saturating_add(ENTRY_OVERHEAD)).sum();
    if bytes > MAX_BLOCK_BYTES {
        return Err(Rejection::TooLarge { bytes, limit: MAX_BLOCK_BYTES });
    }
    Ok(())
}

/// The first field in which two headers differ.
pub(crate) fn first_difference(found: &Header, computed: &Header) -> Option<&'static str> {
    let fields: [(&'static str, bool); 15] = [
        ("version", found.version == computed.version),
        ("chain_id", found.chain_id == computed.chain_id),
        ("height", found.height == computed.height),
        ("time", found.time == computed.time),
        ("previous", found.previous == computed.previous),
        ("proposer", found.proposer == computed.proposer),
        ("previous_certificate", found.previous_certificate == computed.previous_certificate),
        ("entries_root", found.entries_root == computed.entries_root),
        ("entry_count", found.entry_count == computed.entry_count),
        ("log_size", found.log_size == computed.log_size),
        ("log_root", found.log_root == computed.log_root),
        ("validators", found.validators == computed.validators),
        ("next_validators", found.next_validators == computed.next_validators),
        ("treaty", found.treaty == computed.treaty),
        ("state_root", found.state_root == computed.state_root),
    ];
    fields.iter().find(|(_, same)| !same).map(|(name, _)| *name)
}
