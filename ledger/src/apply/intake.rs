//! What an entry says, before any state is asked: parsed, hashed, and, in the end, its signatures verified.
//!
//! Both steps are independent from entry to entry and run in parallel; results are taken in the order of the entries, so
//! the outcome is the same on one core as on many.

use std::collections::BTreeMap;

use rayon::prelude::*;
use standstill_attestations::Statement;
use standstill_protocol::block::{Block, Entry};
use standstill_protocol::dsse::{Envelope, StatementId};
use standstill_protocol::evidence::Equivocation;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{PublicKey, VerifyingKey};
use standstill_protocol::log::leaf_hash;

use crate::refusal::Refusal;

/// Below this many entries threads cost more than they save.
const PARALLEL_FROM: usize = 8;

/// A block whose entries were parsed and hashed: what can be done once, before any state is asked, on any thread. It is
/// made from a block and from nothing else, so what was parsed is what the block holds.
#[derive(Debug)]
pub struct ParsedBlock {
    block: Block,
    entries: Vec<Result<Parsed, Refusal>>,
}

impl ParsedBlock {
    /// Parses every entry, on all cores.
    pub fn new(block: Block) -> Self {
        let entries = parse_all(&block.entries);
        ParsedBlock { block, entries }
    }

    /// The block.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// Its entries in order, each parsed or refused.
    pub fn entries(&self) -> &[Result<Parsed, Refusal>] {
        &self.entries
    }
}

/// An entry that was parsed.
#[derive(Debug)]
pub struct Parsed {
    /// RFC 6962 hash of the entry as a leaf.
    pub(crate) leaf: Hash,
    /// SHA-256 of the entry's own bytes.
    pub(crate) digest: Hash,
    /// How many those are.
    pub(crate) size: usize,
    pub(crate) content: Content,
}

impl Parsed {
    /// SHA-256 of the entry's bytes.
    pub fn digest(&self) -> Hash {
        self.digest
    }

    /// The envelope and the bytes that its signatures are over; `None` for evidence.
    pub fn signed(&self) -> Option<(&Envelope, &[u8])> {
        match &self.content {
            Content::Statement { envelope, pae, .. } => Some((envelope, pae)),
            Content::Evidence(_) => None,
        }
    }

    /// The statement; `None` for evidence.
    pub fn statement(&self) -> Option<&Statement> {
        match &self.content {
            Content::Statement { statement, .. } => Some(statement),
            Content::Evidence(_) => None,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Content {
    Statement { envelope: Envelope, statement: Box<Statement>, pae: Vec<u8>, id: StatementId },
    Evidence(Equivocation),
}

/// Parses one entry.
pub(crate) fn parse(entry: &Entry) -> Result<Parsed, Refusal> {
    let content = match entry {
        Entry::Envelope(bytes) => statement(bytes)?,
        Entry::Evidence(bytes) => {
            let evidence = Equivocation::decode(bytes).map_err(|source| Refusal::EvidenceMalformed { source })?;
            Content::Evidence(evidence)
        }
    };
    let (Entry::Envelope(bytes) | Entry::Evidence(bytes)) = entry;
    Ok(Parsed { leaf: leaf_hash(&entry.leaf_bytes()), digest: Hash::sha256(bytes), size: bytes.len(), content })
}

/// Parses all entries, in order.
pub(crate) fn parse_all(entries: &[Entry]) -> Vec<Result<Parsed, Refusal>> {
    if entries.len() < PARALLEL_FROM {
        return entries.iter().map(parse).collect();
    }
    entries.par_iter().map(parse).collect()
}

fn statement(bytes: &[u8]) -> Result<Content, Refusal> {
    let envelope = Envelope::parse(bytes)?;
    let statement = Box::new(Statement::parse(envelope.payload())?);
    let pae = envelope.pae();
    let id = Hash::sha256(&pae);
    Ok(Content::Statement { envelope, statement, pae, id })
}

/// Signatures to verify: the position of an entry in its block, and the keys that its envelope names, in order.
pub(crate) type Task = (usize, Vec<PublicKey>);

/// Verifies the signatures of one envelope.
pub(crate) fn verify(
    parsed: &Parsed,
    keys: &[PublicKey],
    ready: &BTreeMap<PublicKey, VerifyingKey>,
) -> Result<(), Refusal> {
    let Content::Statement { envelope, pae, .. } = &parsed.content else { return Ok(()) };
    for (signature, key) in envelope.signatures().iter().zip(keys) {
        let valid = match ready.get(key) {
            Some(key) => key.verify(pae, &signature.signature),
            None => key.verify(pae, &signature.signature),
        };
        valid.map_err(|_| Refusal::BadSignature { key_id: signature.key_id })?;
    }
    Ok(())
}

/// Verifies all; the first entry in order whose signature is bad, if there is one.
pub(crate) fn verify_all(parsed: &[Result<Parsed, Refusal>], tasks: &[Task]) -> Option<(usize, Refusal)> {
    let mut ready = BTreeMap::new();
    for key in tasks.iter().flat_map(|(_, keys)| keys) {
        if !ready.contains_key(key)
            && let Ok(parsed) = key.parse()
        {
            ready.insert(*key, parsed);
        }
    }
    let one = |(index, keys): &Task| {
        let parsed = parsed.get(*index)?.as_ref().ok()?;
        verify(parsed, keys, &ready).err().map(|refusal| (*index, refusal))
    };
    if tasks.len() < PARALLEL_FROM {
        return tasks.iter().find_map(one);
    }
    // Chunks keep the work close to sequential order, so that a bad entry stops it early without changing which one is first.
    tasks.par_iter().filter_map(one).min_by_key(|(index, _)| *index)
}
