//! The first half of an audit, on all cores: everything that can be said of a record without knowing the state.
//!
//! ```text
//! raw frames ──▶ decode, parse envelopes ──▶ learn keys, in order ──▶ verify every signature ──▶ batch
//!                      all cores                  one                      all cores
//! ```
//!
//! A signature is verified under the key that its envelope names by hash, so the answer depends on bytes alone; whether
//! that key was its member's at that place, [`super::judge`] asks the ledger. Keys come from the treaty and from key
//! registrations seen on the way: a key that is in neither cannot have signed anything that the ledger takes.

use std::collections::BTreeMap;
use std::io::Read;

use rayon::prelude::*;
use standstill_attestations::{Kind, Predicate, Statement};
use standstill_ledger::bundle::{BundleError, BundleReader, Frame, RawFrame};
use standstill_policies::Treaty;
use standstill_protocol::block::{Block, Entry};
use standstill_protocol::certificate::{Certificate, PRECOMMIT, vote_bytes};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{PublicKey, VerifyingKey};
use standstill_protocol::validators::{Address, MAX_VALIDATORS, ValidatorSet};

/// Decompressed bytes of one batch, about: what bounds memory, at two or three batches in flight.
const BATCH_BYTES: usize = 4 << 20;
/// Frames of one batch, at most.
const BATCH_FRAMES: usize = 1024;

/// One frame, ready to be judged.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Its place in the file, from 0.
    pub(super) index: u64,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Treaty(Vec<u8>),
    Module(Vec<u8>),
    Block(Box<PreparedBlock>),
    Certificate(PreparedCertificate),
    Checkpoint(Vec<u8>),
    Damaged(BundleError),
}

#[derive(Debug)]
pub(super) struct PreparedBlock {
    pub(super) block: Block,
    pub(super) previous_certificate: Option<PreparedCertificate>,
    /// One for each entry.
    pub(super) entries: Vec<PreparedEntry>,
}

#[derive(Debug)]
pub(super) struct PreparedEntry {
    /// SHA-256 of its bytes.
    pub(super) digest: Hash,
    pub(super) state: EntryState,
    /// Signatures that were verified.
    pub(super) signatures: u64,
    envelope: Option<Envelope>,
    registers: Option<PublicKey>,
}

#[derive(Debug)]
pub(super) enum EntryState {
    /// Every signature verifies under the key that it names.
    Verified,
    /// No envelope: the ledger judges it.
    Evidence,
    /// No canonical envelope.
    Malformed(String),
    /// A key that neither the treaty nor a registration before names.
    UnknownKey(Hash),
    /// A signature that does not verify.
    BadSignature(Hash),
}

#[derive(Debug)]
pub(super) struct PreparedCertificate {
    pub(super) certificate: Certificate,
    pub(super) hash: Hash,
    /// Signers whose signature does not verify, or whose key is unknown.
    pub(super) bad: Vec<Address>,
    pub(super) signatures: u64,
}

impl PreparedCertificate {
    /// Whether every signature in it was verified.
    pub(super) fn is_verified(&self) -> bool {
        self.bad.is_empty()
    }
}

/// Every key that can have signed something, by the name that signatures give it.
#[derive(Debug)]
pub(super) struct Keys {
    chain_id: Hash,
    statements: BTreeMap<Hash, VerifyingKey>,
    consensus: BTreeMap<Address, VerifyingKey>,
}

impl Keys {
    pub(super) fn new(chain_id: Hash, validators: &ValidatorSet) -> Self {
        let parsed = |key: &PublicKey| key.parse().ok();
        let consensus = validators.iter().filter_map(|v| Some((v.address(), parsed(&v.consensus_key)?))).collect();
        Keys { chain_id, statements: BTreeMap::new(), consensus }
    }

    fn learn(&mut self, key: &PublicKey) {
        if let Ok(parsed) = key.parse() {
            self.statements.insert(key.id(), parsed);
        }
    }

    fn learn_frame(&mut self, content: &Content) {
        match content {
            Content::Treaty(bytes) => {
                let treaty = Treaty::parse(bytes);
                let members = treaty.iter().flat_map(|treaty| &treaty.members);
                members.flat_map(|member| &member.statement_keys).for_each(|key| self.learn(key));
            }
            Content::Block(block) => {
                block.entries.iter().filter_map(|entry| entry.registers).for_each(|key| self.learn(&key));
            }
            _ => {}
        }
    }
}

/// The key that an envelope registers, if it does.
fn registered_key(envelope: &Envelope) -> Option<PublicKey> {
    // Nearly all statements are of other kinds: look before parsing. A name written with escapes has a backslash.
    let payload = std::str::from_utf8(envelope.payload()).ok()?;
    if !payload.contains(Kind::KeyRegistration.as_str()) && !payload.contains('\\') {
        return None;
    }
    match Statement::parse(envelope.payload()).ok()?.predicate {
        Predicate::KeyRegistration(registration) => Some(registration.key),
        _ => None,
    }
}

/// Reads and prepares the next batch; empty at the end of the file. A damaged frame is the last of its batch.
pub(super) fn next_batch<R: Read>(reader: &mut BundleReader<R>, keys: &mut Keys) -> Result<Vec<Prepared>, BundleError> {
    let (raw, damage) = read_batch(reader)?;
    let mut batch: Vec<Prepared> = raw.par_iter().map(decode).collect();
    if let Some(error) = damage {
        let index = error.frame().unwrap_or(0);
        batch.push(Prepared { index, content: Content::Damaged(error) });
    }
    batch.iter().for_each(|prepared| keys.learn_frame(&prepared.content));
    batch.par_iter_mut().for_each(|prepared| verify(prepared, keys));
    Ok(batch)
}

fn read_batch<R: Read>(reader: &mut BundleReader<R>) -> Result<(Vec<RawFrame>, Option<BundleError>), BundleError> {
    let mut raw = Vec::new();
    let mut size = 0usize;
    while size < BATCH_BYTES && raw.len() < BATCH_FRAMES {
        match reader.next_raw() {
            Ok(Some(frame)) => {
                size = size.saturating_add(frame.content_size());
                raw.push(frame);
            }
            Ok(None) => break,
            Err(error @ BundleError::Io { .. }) => return Err(error),
            Err(error) => return Ok((raw, Some(error))),
        }
    }
    Ok((raw, None))
}

fn decode(raw: &RawFrame) -> Prepared {
    let content = match raw.decode() {
        Ok(Frame::Treaty(bytes)) => Content::Treaty(bytes),
        Ok(Frame::Module(bytes)) => Content::Module(bytes),
        Ok(Frame::Block(block)) => Content::Block(Box::new(decode_block(block))),
        Ok(Frame::Certificate(certificate)) => Content::Certificate(wrap(certificate)),
        Ok(Frame::Checkpoint(note)) => Content::Checkpoint(note),
        Err(error) => Content::Damaged(error),
    };
    Prepared { index: raw.index, content }
}

fn decode_block(block: Block) -> PreparedBlock {
    let entries = block.entries.par_iter().with_min_len(16).map(decode_entry).collect();
    let previous_certificate = block.previous_certificate.clone().map(wrap);
    PreparedBlock { block, previous_certificate, entries }
}

fn decode_entry(entry: &Entry) -> PreparedEntry {
    let (Entry::Envelope(bytes) | Entry::Evidence(bytes)) = entry;
    let (state, envelope) = match entry {
        Entry::Evidence(_) => (EntryState::Evidence, None),
        Entry::Envelope(bytes) => match Envelope::parse(bytes) {
            Ok(envelope) => (EntryState::Verified, Some(envelope)),
            Err(error) => (EntryState::Malformed(error.to_string()), None),
        },
    };
    let registers = envelope.as_ref().and_then(registered_key);
    PreparedEntry { digest: Hash::sha256(bytes), state, signatures: 0, envelope, registers }
}

fn wrap(certificate: Certificate) -> PreparedCertificate {
    let hash = certificate.hash();
    // Until its signatures are verified, none is good.
    let bad = certificate.signatures.iter().map(|entry| entry.address).collect();
    PreparedCertificate { certificate, hash, bad, signatures: 0 }
}

fn verify(prepared: &mut Prepared, keys: &Keys) {
    match &mut prepared.content {
        Content::Certificate(certificate) => verify_certificate(certificate, keys),
        Content::Block(block) => {
            if let Some(certificate) = &mut block.previous_certificate {
                verify_certificate(certificate, keys);
            }
            block.entries.par_iter_mut().with_min_len(4).for_each(|entry| verify_entry(entry, keys));
        }
        _ => {}
    }
}

fn verify_entry(entry: &mut PreparedEntry, keys: &Keys) {
    let Some(envelope) = entry.envelope.take() else { return };
    let message = envelope.pae();
    for signature in envelope.signatures() {
        let Some(key) = keys.statements.get(&signature.key_id) else {
            entry.state = EntryState::UnknownKey(signature.key_id);
            return;
        };
        entry.signatures += 1;
        if key.verify(&message, &signature.signature).is_err() {
            entry.state = EntryState::BadSignature(signature.key_id);
            return;
        }
    }
}

fn verify_certificate(prepared: &mut PreparedCertificate, keys: &Keys) {
    let Certificate { height, round, block, signatures } = &prepared.certificate;
    if signatures.len() > MAX_VALIDATORS {
        // More than any set has: all stay bad, and none is worth the time.
        return;
    }
    let message = vote_bytes(&keys.chain_id, PRECOMMIT, *height, *round, Some(block));
    let is_bad = |entry: &&standstill_protocol::certificate::CommitSignature| {
        keys.consensus.get(&entry.address).is_none_or(|key| key.verify(&message, &entry.signature).is_err())
    };
    prepared.signatures = signatures.len() as u64;
    prepared.bad = signatures.par_iter().filter(is_bad).map(|entry| entry.address).collect();
}
