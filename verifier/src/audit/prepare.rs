//! The first half of an audit, on all cores: everything that can be said of a record without knowing the state.
//!
//! ```text
//! raw frames ──▶ decode, parse entries ──▶ learn keys, in order ──▶ verify every signature ──▶ batch
//!                      all cores                  one                      all cores
//! ```
//!
//! A signature is verified under the key that its envelope names by hash, so the answer depends on bytes alone; whether
//! that key was its member's at that place, [`super::judge`] asks the ledger. Keys come from the treaty and from key
//! registrations seen on the way: a key that is in neither cannot have signed anything that the ledger takes.

use std::collections::BTreeMap;
use std::io::Read;

use rayon::prelude::*;
use standstill_attestations::Predicate;
use standstill_ledger::bundle::{BundleError, BundleReader, Frame, RawFrame};
use standstill_ledger::{Parsed, ParsedBlock, Refusal};
use standstill_policies::Treaty;
use standstill_protocol::block::{Block, Entry};
use standstill_protocol::certificate::{Certificate, PRECOMMIT, vote_bytes};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{PublicKey, VerifyingKey};
use standstill_protocol::validators::{Address, MAX_VALIDATORS, ValidatorSet};

/// Decompressed bytes of one batch, about: what bounds memory, at a few batches in flight. Small, so that replay starts
/// early and has little left to do behind the last signature.
const BATCH_BYTES: usize = 512 << 10;
/// Frames of one batch, at most.
const BATCH_FRAMES: usize = 128;

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
    pub(super) parsed: ParsedBlock,
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
    let previous_certificate = block.previous_certificate.clone().map(wrap);
    let parsed = ParsedBlock::new(block);
    let pairs = parsed.block().entries.iter().zip(parsed.entries());
    let entries = pairs.map(|(entry, parsed)| decode_entry(entry, parsed)).collect();
    PreparedBlock { parsed, previous_certificate, entries }
}

fn decode_entry(entry: &Entry, parsed: &Result<Parsed, Refusal>) -> PreparedEntry {
    let (Entry::Envelope(bytes) | Entry::Evidence(bytes)) = entry;
    let digest = parsed.as_ref().map_or_else(|_| Hash::sha256(bytes), Parsed::digest);
    let state = match (entry, parsed) {
        (Entry::Evidence(_), _) => EntryState::Evidence,
        (_, Err(Refusal::Envelope { source })) => EntryState::Malformed(source.to_string()),
        // Until its signatures are verified, or found wanting, nothing reads this.
        _ => EntryState::Verified,
    };
    let registers = match parsed.as_ref().ok().and_then(Parsed::statement).map(|statement| &statement.predicate) {
        Some(Predicate::KeyRegistration(registration)) => Some(registration.key),
        _ => None,
    };
    PreparedEntry { digest, state, signatures: 0, registers }
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
            let parsed = block.parsed.block().entries.par_iter().zip(block.parsed.entries());
            let pairs = block.entries.par_iter_mut().zip(parsed).with_min_len(4);
            pairs.for_each(|(prepared, (entry, parsed))| verify_entry(prepared, entry, parsed, keys));
        }
        _ => {}
    }
}

fn verify_entry(prepared: &mut PreparedEntry, entry: &Entry, parsed: &Result<Parsed, Refusal>, keys: &Keys) {
    match (entry, parsed) {
        (_, Ok(parsed)) => {
            let Some((envelope, message)) = parsed.signed() else { return };
            verify_signatures(prepared, envelope, message, keys);
        }
        // The statement is refused, and its signatures are looked at all the same.
        (Entry::Envelope(bytes), Err(_)) => {
            let Ok(envelope) = Envelope::parse(bytes) else { return };
            let message = envelope.pae();
            verify_signatures(prepared, &envelope, &message, keys);
        }
        (Entry::Evidence(_), Err(_)) => {}
    }
}

fn verify_signatures(prepared: &mut PreparedEntry, envelope: &Envelope, message: &[u8], keys: &Keys) {
    for signature in envelope.signatures() {
        let Some(key) = keys.statements.get(&signature.key_id) else {
            prepared.state = EntryState::UnknownKey(signature.key_id);
            return;
        };
        prepared.signatures += 1;
        if key.verify(message, &signature.signature).is_err() {
            prepared.state = EntryState::BadSignature(signature.key_id);
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
