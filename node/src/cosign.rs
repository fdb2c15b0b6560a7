//! Checkpoints that a quorum cosigned, and the log as files.
//!
//! ```text
//! commit of a block that grows the log
//!   └─ Checkpoint { origin, size, root }      the same bytes on every honest node
//!        ├─ log key, type 0x01        "I operate this log"            ┐ one note, gossiped
//!        └─ cosigner key, type 0x04   "I saw this head at this time"  ┘
//! notes of 2f + 1 validators ──merge──▶ log/checkpoint, receipts, /checkpoint
//! ```
//!
//! 1. A validator signs a head only after the block that made it is final and on its disk. A log signature on another
//!    head is proof of misconduct; such notes are kept in `data/misconduct/`.
//! 2. Cosignatures are not consensus data: their times differ, and nodes may hold different quorums.
//! 3. Every size is signed, in order, so that a quorum meets at each of them; a node that catches up signs the last few.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use standstill_policies::Treaty;
use standstill_protocol::checkpoint::Checkpoint;
use standstill_protocol::cosignature;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::log::{self, inclusion};
use standstill_protocol::member::MemberId;
use standstill_protocol::note::{KeyName, Note, NoteError, SignatureType, VerifiedSignature, VerifierKey};
use standstill_protocol::tiles::{self, Contents, Tile};
use standstill_protocol::tlog_policy::{PolicyError, TlogPolicy};
use standstill_protocol::tlog_proof::{TlogProof, TlogProofError};
use standstill_protocol::units::Timestamp;
use tokio::sync::watch;

use crate::home::{HomeError, write_atomically};
use crate::replica::Replica;
use crate::store::StoreError;

/// Bytes of one validator's note, at most.
pub const MAX_NOTE_BYTES: usize = 2048;
/// Bytes of a checkpoint with every cosignature, at most.
pub const MAX_CHECKPOINT_BYTES: usize = 64 << 10;
/// Leaves above this node's own within which a head is near: a few full blocks.
const NEAR: u64 = 4 * (standstill_ledger::MAX_BLOCK_ENTRIES as u64 + 1);
/// Notes kept for each validator about heads that this node has not reached yet, at most.
const MAX_EARLY: usize = 64;
/// Proofs of misconduct kept for each validator, at most.
const MAX_PROOFS: usize = 16;
/// Heads without a quorum whose notes are kept, at most.
const MAX_LOOSE: usize = 1024;
/// Blocks that a node far behind signs at once: those before them have their quorum.
const SIGN_BACK: u64 = 64;

/// The log's name: the origin of its checkpoints and the name of its log keys.
pub fn log_name(treaty: &Treaty) -> Result<KeyName, NoteError> {
    let chain = treaty.chain_id.to_string();
    format!("standstill.example/{}/{}", treaty.name, chain.get(..16).unwrap_or(&chain)).parse()
}

/// The name of a member's cosigner key.
pub fn cosigner_name(treaty: &Treaty, member: &MemberId) -> Result<KeyName, NoteError> {
    format!("{}/{member}", log_name(treaty)?).parse()
}

/// The keys under which one validator's notes verify.
#[derive(Clone, Debug)]
struct Keys {
    log: VerifierKey,
    cosigner: VerifierKey,
}

fn keys(treaty: &Treaty) -> Result<BTreeMap<MemberId, Keys>, CosignError> {
    let origin = log_name(treaty)?;
    let mut keys = BTreeMap::new();
    for member in &treaty.members {
        let Some(validator) = &member.validator else { continue };
        let bad = |_| CosignError::BadKey { member: member.id.clone() };
        let name = cosigner_name(treaty, &member.id)?;
        let log = VerifierKey::new(origin.clone(), SignatureType::Ed25519, &validator.log).map_err(bad)?;
        let cosigner = VerifierKey::new(name, SignatureType::Cosignature, &validator.cosigner).map_err(bad)?;
        keys.insert(member.id.clone(), Keys { log, cosigner });
    }
    Ok(keys)
}

/// The policy under which this treaty's checkpoints verify: any validator's log key, a quorum of cosigners.
pub fn policy(treaty: &Treaty) -> Result<TlogPolicy, CosignError> {
    let keys = keys(treaty)?;
    let quorum = keys.len() * 2 / 3 + 1;
    let logs = keys.values().map(|keys| keys.log.clone()).collect();
    let cosigners = keys.iter().map(|(member, keys)| (member.to_string(), keys.cosigner.clone())).collect();
    Ok(TlogPolicy::validators(logs, cosigners, quorum)?)
}

/// Why a checkpoint could not be made or taken.
#[derive(Debug, thiserror::Error)]
pub enum CosignError {
    /// The treaty's names make no key name.
    #[error("{0}")]
    Name(#[from] NoteError),
    /// A key of the treaty is no ed25519 key.
    #[error("a log or cosigner key of `{member}` is not a valid ed25519 key")]
    BadKey {
        /// Whose.
        member: MemberId,
    },
    /// The keys make no policy.
    #[error("{0}")]
    Policy(#[from] PolicyError),
    /// The note is not one validator's note about this log.
    #[error("not a validator's note about this log: {reason}")]
    Foreign {
        /// What is wrong with it.
        reason: String,
    },
    /// A validator signed a head that is not this ledger's.
    #[error("`{member}` signed another root at size {size} than the ledger has")]
    Misconduct {
        /// Who signed.
        member: MemberId,
        /// The size.
        size: u64,
    },
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The files could not be written.
    #[error("{0}")]
    Files(#[from] HomeError),
    /// The log could not be read.
    #[error("the log could not be read: {reason}")]
    Log {
        /// Why.
        reason: String,
    },
}

/// This node's keys for checkpoints.
#[derive(Clone, Debug)]
pub(crate) struct SigningKeys {
    pub(crate) member: MemberId,
    pub(crate) log: SecretKey,
    pub(crate) cosigner: SecretKey,
}

/// What became of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// It is new, and counts.
    Kept,
    /// It is new, about a head that this node will soon reach, and kept until then.
    Early,
    /// Known, covered by a quorum, too far ahead or from a clock that is ahead: nothing to pass on.
    Useless,
}

/// Makes, collects and publishes checkpoints.
#[derive(Debug)]
pub struct Cosigner {
    replica: Arc<Replica>,
    origin: KeyName,
    keys: BTreeMap<MemberId, Keys>,
    policy: TlogPolicy,
    signing: Option<SigningKeys>,
    directory: PathBuf,
    misconduct: PathBuf,
    write_entries: bool,
    early: Mutex<BTreeMap<(MemberId, u64), Vec<u8>>>,
    /// Notes about heads without a quorum yet. In memory only: what a crash takes is signed, or asked for, again.
    loose: Mutex<BTreeMap<u64, BTreeMap<MemberId, Vec<u8>>>>,
    cosigned: watch::Sender<u64>,
}

impl Cosigner {
    pub(crate) fn new(
        replica: Arc<Replica>,
        signing: Option<SigningKeys>,
        directory: &Path,
        data: &Path,
        write_entries: bool,
    ) -> Result<Self, CosignError> {
        let treaty = replica.rules().treaty();
        let (origin, keys, policy) = (log_name(treaty)?, keys(treaty)?, policy(treaty)?);
        write_atomically(&directory.join("policy"), policy.to_string().as_bytes())?;
        let (directory, misconduct) = (directory.to_owned(), data.join("misconduct"));
        let (cosigned, _) = watch::channel(replica.store().checkpoint_to(u64::MAX)?.map_or(0, |(size, _)| size));
        Ok(Cosigner {
            replica,
            origin,
            keys,
            policy,
            signing,
            directory,
            misconduct,
            write_entries,
            early: Mutex::default(),
            loose: Mutex::default(),
            cosigned,
        })
    }

    /// The policy under which checkpoints verify.
    pub fn policy(&self) -> &TlogPolicy {
        &self.policy
    }

    /// The size of the newest checkpoint that a quorum cosigned, as it grows.
    pub fn cosigned(&self) -> watch::Receiver<u64> {
        self.cosigned.subscribe()
    }

    /// The newest checkpoint that a quorum cosigned.
    pub fn checkpoint(&self) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        self.replica.store().checkpoint_to(u64::MAX)
    }

    /// Signs the heads of the blocks `from..=to` that grew the log. Returns the notes to gossip.
    pub(crate) fn sign(&self, from: u64, to: u64, now: Timestamp) -> Result<Vec<Vec<u8>>, CosignError> {
        let Some(signing) = &self.signing else { return Ok(Vec::new()) };
        let mut notes = Vec::new();
        for height in from.max(to.saturating_sub(SIGN_BACK)).max(1)..=to {
            let Some(row) = self.replica.store().block_row(height)? else { continue };
            if row.leaves == 0 {
                continue;
            }
            let size = row.log_start + u64::from(row.leaves);
            let checkpoint = Checkpoint { origin: self.origin.clone(), size, root: self.root(size)? };
            let note = self.sign_checkpoint(&checkpoint, now)?;
            self.keep(&signing.member, size, &note)?;
            notes.push(note.to_bytes());
        }
        Ok(notes)
    }

    /// One head under both keys of this node.
    pub(crate) fn sign_checkpoint(&self, checkpoint: &Checkpoint, now: Timestamp) -> Result<Note, CosignError> {
        let none = || CosignError::Foreign { reason: "this node has no keys for checkpoints".to_owned() };
        let signing = self.signing.as_ref().ok_or_else(none)?;
        let name = self.keys.get(&signing.member).ok_or_else(none)?.cosigner.name();
        let mut note = checkpoint.sign(&signing.log);
        note.add(cosignature::sign(name, &signing.cosigner, checkpoint, now.0 / 1000))?;
        note.sort();
        Ok(note)
    }

    fn root(&self, size: u64) -> Result<Hash, CosignError> {
        let tiles = self.replica.store().tiles()?;
        log::root_at(&tiles, size).map_err(|error| CosignError::Log { reason: error.to_string() })
    }

    /// Takes a note of another validator. [`CosignError::Foreign`] means that its sender is to blame. Each validator can make
    /// one note a size count, so that what is passed on is bounded by the log.
    pub(crate) fn receive(&self, bytes: &[u8], now: Timestamp) -> Result<Received, CosignError> {
        let foreign = |reason: String| CosignError::Foreign { reason };
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(foreign(format!("{} bytes", bytes.len())));
        }
        let note = Note::parse(bytes).map_err(|error| foreign(error.to_string()))?;
        let checkpoint = Checkpoint::of(&note).map_err(|error| foreign(error.to_string()))?;
        if checkpoint.origin != self.origin || note.signatures().len() != 2 {
            return Err(foreign("another log, or not two signatures".to_owned()));
        }
        let signed_by = |keys: &Keys| {
            [&keys.log, &keys.cosigner].iter().all(|key| note.signatures().iter().any(|line| key.is_named_by(line)))
        };
        let (member, keys) = self
            .keys
            .iter()
            .find(|(_, keys)| signed_by(keys))
            .ok_or_else(|| foreign("no validator's keys signed it".to_owned()))?;
        let verified = note.verify([&keys.log, &keys.cosigner]).map_err(|error| foreign(error.to_string()))?;
        let reached = self.replica.tip().borrow().log_size();
        if checkpoint.size > reached {
            let near = checkpoint.size <= reached.saturating_add(NEAR) && self.is_timely(&verified, now);
            let kept = near && self.keep_early(member, checkpoint.size, bytes);
            return Ok(if kept { Received::Early } else { Received::Useless });
        }
        if self.root(checkpoint.size)? != checkpoint.root {
            self.keep_proof(member, &checkpoint, bytes)?;
            return Err(CosignError::Misconduct { member: member.clone(), size: checkpoint.size });
        }
        let kept = self.is_timely(&verified, now) && self.keep(member, checkpoint.size, &note)?;
        Ok(if kept { Received::Kept } else { Received::Useless })
    }

    /// Whether a cosignature's time is not ahead of this clock by more than the treaty allows.
    fn is_timely(&self, verified: &[VerifiedSignature], now: Timestamp) -> bool {
        let limit = now.plus(self.replica.rules().treaty().clocks.max_skew_ms).0 / 1000;
        verified.iter().filter_map(|signature| signature.time_s).all(|time_s| time_s <= limit)
    }

    /// Keeps a verified note until this node has reached its head. False where it is known, or farther than those held.
    fn keep_early(&self, member: &MemberId, size: u64, bytes: &[u8]) -> bool {
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        if early.contains_key(&(member.clone(), size)) {
            return false;
        }
        let held = (member.clone(), 0)..=(member.clone(), u64::MAX);
        if early.range(held.clone()).count() >= MAX_EARLY {
            // The farthest is the one that will be of use last, if ever.
            match early.range(held).next_back().map(|(key, _)| key.clone()) {
                Some(farthest) if farthest.1 > size => early.remove(&farthest),
                _ => return false,
            };
        }
        early.insert((member.clone(), size), bytes.to_vec());
        true
    }

    /// Looks again at the notes that came before their block.
    pub(crate) fn catch_up(&self, now: Timestamp) -> Result<(), CosignError> {
        let reached = self.replica.tip().borrow().log_size();
        let mut ready = Vec::new();
        self.early.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, size), note| {
            let keep = *size > reached;
            if !keep {
                ready.push(std::mem::take(note));
            }
            keep
        });
        for note in ready {
            match self.receive(&note, now) {
                Ok(_) | Err(CosignError::Misconduct { .. } | CosignError::Foreign { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes a checkpoint that a quorum cosigned from a node that has it, for one that missed the single notes.
    pub(crate) fn receive_checkpoint(&self, bytes: &[u8]) -> Result<Received, CosignError> {
        let foreign = |reason: String| CosignError::Foreign { reason };
        if bytes.len() > MAX_CHECKPOINT_BYTES {
            return Err(foreign(format!("{} bytes", bytes.len())));
        }
        let note = Note::parse(bytes).map_err(|error| foreign(error.to_string()))?;
        let verified = self.policy.verify(&note).map_err(|error| foreign(error.to_string()))?;
        let Checkpoint { size, root, .. } = *verified.checkpoint();
        if size > self.replica.tip().borrow().log_size() {
            return Ok(Received::Early);
        }
        if self.root(size)? != root {
            // A quorum signed another history than the one this node holds a certificate for.
            tracing::error!(size, "a quorum cosigned another root than this ledger has");
            return Err(foreign("another root than the ledger's".to_owned()));
        }
        if self.cosigned.borrow().lt(&size) && note.is_sorted() {
            self.store_checkpoint(size, bytes)?;
        }
        Ok(Received::Kept)
    }

    fn store_checkpoint(&self, size: u64, note: &[u8]) -> Result<(), CosignError> {
        self.replica.store().put_checkpoint(size, note)?;
        let mut loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
        *loose = loose.split_off(&size.saturating_add(1));
        drop(loose);
        self.cosigned.send_if_modified(|newest| {
            let grows = *newest < size;
            *newest = size.max(*newest);
            grows
        });
        Ok(())
    }

    fn keep_proof(&self, member: &MemberId, checkpoint: &Checkpoint, bytes: &[u8]) -> Result<(), CosignError> {
        let name = format!("{member}-{}.note", checkpoint.size);
        tracing::error!(%member, size = checkpoint.size, "a validator signed a head that is not this ledger's");
        let io = |action| move |source| HomeError::Io { action, path: self.misconduct.clone(), source };
        std::fs::create_dir_all(&self.misconduct).map_err(io("create"))?;
        let path = self.misconduct.join(name);
        // One proves it. More are kept to show a pattern, and no more than a cheat may make this disk hold.
        let held = std::fs::read_dir(&self.misconduct).map_err(io("read"))?.flatten();
        let of_member = |file: &std::fs::DirEntry| {
            let name = file.file_name().to_string_lossy().into_owned();
            name.strip_suffix(".note")
                .and_then(|name| name.rsplit_once('-'))
                .is_some_and(|(of, _)| *of == *member.as_str())
        };
        if path.exists() || held.filter(of_member).count() >= MAX_PROOFS {
            return Ok(());
        }
        Ok(write_atomically(&path, bytes)?)
    }

    /// Keeps a verified note, and stores the merged checkpoint once a quorum is reached. False where it is not needed.
    fn keep(&self, member: &MemberId, size: u64, note: &Note) -> Result<bool, CosignError> {
        if *self.cosigned.borrow() >= size {
            return Ok(false);
        }
        let notes = {
            let mut loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
            let notes = loose.entry(size).or_default();
            if notes.contains_key(member) {
                return Ok(false);
            }
            notes.insert(member.clone(), note.to_bytes());
            while loose.len() > MAX_LOOSE {
                // The oldest: a later checkpoint covers what it would have covered.
                loose.pop_first();
            }
            loose.get(&size).cloned().unwrap_or_default()
        };
        if notes.len() < self.quorum() {
            return Ok(true);
        }
        let Some(merged) = self.merge(&notes)? else { return Ok(true) };
        if self.policy.verify(&merged).is_ok() {
            self.store_checkpoint(size, &merged.to_bytes())?;
        }
        Ok(true)
    }

    fn quorum(&self) -> usize {
        self.keys.len() * 2 / 3 + 1
    }

    /// One note: the first log signature and every cosignature.
    fn merge(&self, notes: &BTreeMap<MemberId, Vec<u8>>) -> Result<Option<Note>, CosignError> {
        let mut merged: Option<Note> = None;
        for (member, bytes) in notes {
            let note = Note::parse(bytes)?;
            let (Some(keys), Some(into)) = (self.keys.get(member), &mut merged) else {
                merged = merged.or(Some(note));
                continue;
            };
            if let Some(line) = note.signatures().iter().find(|line| keys.cosigner.is_named_by(line)) {
                into.add(line.clone())?;
            }
        }
        if let Some(merged) = &mut merged {
            merged.sort();
        }
        Ok(merged)
    }

    /// Notes about sizes above `size` that have no quorum here yet.
    pub(crate) fn notes_from(&self, size: u64, limit: usize) -> Vec<Vec<u8>> {
        let loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
        loose.range(size.saturating_add(1)..).flat_map(|(_, notes)| notes.values()).take(limit).cloned().collect()
    }

    /// The height from which this node signs when it starts: that of the last block that grew the log.
    pub(crate) fn first_to_sign(&self) -> Result<u64, CosignError> {
        let tip = self.replica.tip().borrow().clone();
        let Some(last) = tip.log_size().checked_sub(1) else { return Ok(1) };
        Ok(self.replica.store().locate(last)?.map_or(tip.height, |(height, _)| height))
    }

    /// A receipt: the leaf's inclusion in the smallest kept checkpoint that covers it. `None` until a quorum cosigned.
    pub fn receipt(&self, index: u64) -> Result<Option<TlogProof>, CosignError> {
        let store = self.replica.store();
        let Some((size, note)) = store.checkpoint_from(index + 1)? else { return Ok(None) };
        let path = inclusion::prove(&store.tiles()?, index, size)
            .map_err(|error| CosignError::Log { reason: error.to_string() })?;
        // The entry travels with its proof: a receipt is then checked alone. The proof covers it.
        let proof = TlogProof::new(index, path, Note::parse(&note)?, store.leaf(index)?);
        proof.map(Some).map_err(|error: TlogProofError| CosignError::Log { reason: error.to_string() })
    }

    /// The bytes of a tile of hashes or entries, if the log has it.
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, CosignError> {
        if !tile.is_within(self.replica.tip().borrow().log_size()) {
            return Ok(None);
        }
        let store = self.replica.store();
        let fail = |reason: String| CosignError::Log { reason };
        match tile.contents() {
            Contents::Hashes { level } => {
                let bytes = store.tiles()?.tile(level, tile.index())?;
                Ok(bytes.and_then(|bytes| bytes.get(..usize::from(tile.width()) * 32).map(<[u8]>::to_vec)))
            }
            Contents::Entries => {
                let first = tile.index() * u64::from(tiles::WIDTH);
                let leaves = (first..first + u64::from(tile.width()))
                    .map(|index| store.leaf(index)?.ok_or_else(|| fail(format!("leaf {index} is missing"))));
                let leaves = leaves.collect::<Result<Vec<_>, _>>()?;
                let bundle = tiles::write_bundle(leaves.iter().map(Vec::as_slice));
                bundle.map(Some).map_err(|error| fail(error.to_string()))
            }
        }
    }

    /// Writes the newest cosigned checkpoint and the tiles under it to disk, starting at the size that `written` names.
    /// Returns the size that the files now have.
    pub(crate) fn publish(&self, written: u64) -> Result<u64, CosignError> {
        let Some((size, note)) = self.checkpoint()? else { return Ok(written) };
        if size <= written && written > 0 {
            return Ok(written);
        }
        for tile in tiles::added(written, size) {
            if tile.contents() == Contents::Entries && !self.write_entries {
                continue;
            }
            let path = self.directory.join(tile.to_string());
            if let Some(bytes) = self.tile(tile)? {
                let parent = path.parent().unwrap_or(&self.directory).to_owned();
                let create = std::fs::create_dir_all(&parent);
                create.map_err(|source| HomeError::Io { action: "create", path: parent, source })?;
                write_atomically(&path, &bytes)?;
            }
        }
        // The checkpoint comes last: whoever reads it finds every tile that it needs.
        write_atomically(&self.directory.join("checkpoint"), &note)?;
        self.remove_outdated(written, size);
        Ok(size)
    }

    /// Partial tiles of the size before: nothing refers to them but an older checkpoint.
    fn remove_outdated(&self, before: u64, size: u64) {
        for tile in tiles::added(0, before).filter(|tile| tile.is_partial()) {
            let replaced = tiles::added(before, size).any(|new| {
                new.contents() == tile.contents() && new.index() == tile.index() && new.width() != tile.width()
            });
            if replaced {
                // A file that is gone already, or stays, does no harm.
                let _ = std::fs::remove_file(self.directory.join(tile.to_string()));
            }
        }
    }

    /// The size of the checkpoint on disk; 0 where there is none, and everything is written anew.
    pub(crate) fn published(&self) -> u64 {
        let Ok(bytes) = std::fs::read(self.directory.join("checkpoint")) else { return 0 };
        let checkpoint = Note::parse(&bytes).ok().and_then(|note| Checkpoint::of(&note).ok());
        checkpoint.filter(|checkpoint| checkpoint.origin == self.origin).map_or(0, |checkpoint| checkpoint.size)
    }
}
