//! Trust policies for checkpoints: which log keys, which cosigners, how many of them.
//!
//! ```text
//! log standstill.example/pause-option/5b3c+0f1e2d3c+AbC…=        any one of the log keys must have signed
//! log standstill.example/pause-option/5b3c+9a8b7c6d+AdE…=
//! witness lab-a standstill.example/lab-a+11223344+BaF…=
//! witness lab-b standstill.example/lab-b+55667788+BgH…=
//! group validators 2 lab-a lab-b
//! quorum validators
//! ```
//!
//! Every validator holds a log key, and all are listed: a log signature carries no trust of its own. Authority comes
//! from the cosigners. Any tool that checks "one log key and k of n witnesses" checks the ledger's quorum with this file.
//!
//! Stricter than the format where that costs nothing: UTF-8 only, log keys of type 0x01, witness keys of type 0x04.
//! Source: <https://c2sp.org/tlog-policy>.

mod parse;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{Note, NoteError, VerifierKey};

pub use parse::PolicyError;

/// Bytes of a policy file, at most.
pub const MAX_POLICY_BYTES: usize = 1 << 18;
/// Lines of one kind (`log`, `witness`, `group`), at most.
pub const MAX_LINES: usize = 512;

/// A log that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its key, of type 0x01, named by the origin.
    pub key: VerifierKey,
    /// Where it is served.
    pub url: Option<String>,
}

/// A cosigner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name within the policy.
    pub name: String,
    /// Its key, of type 0x04.
    pub key: VerifierKey,
    /// Where it is served.
    pub url: Option<String>,
}

/// At least `threshold` of the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name within the policy.
    pub name: String,
    /// 1 to the number of members.
    pub threshold: usize,
    /// Names of witnesses or of groups defined before.
    pub members: Vec<String>,
}

/// A checked policy: names are unique and defined before use, keys are unique, no name is in two groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogPolicy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    /// A witness or a group; `None` is the word `none`.
    quorum: Option<String>,
}

/// Why a checkpoint does not satisfy a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFailure {
    /// Not a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A known key whose signature fails.
    #[error(transparent)]
    Signature(#[from] NoteError),
    /// No log of the policy has this name.
    #[error("the policy has no log `{origin}`")]
    UnknownOrigin {
        /// The checkpoint's origin.
        origin: String,
    },
    /// None of the log's keys signed.
    #[error("no key of log `{origin}` signed the checkpoint")]
    NoLogSignature {
        /// The checkpoint's origin.
        origin: String,
    },
    /// Too few cosigners.
    #[error("{count} known cosignatures do not reach the quorum `{quorum}`")]
    NoQuorum {
        /// Cosigners of the policy whose signatures verify.
        count: usize,
        /// The quorum's name.
        quorum: String,
    },
}

/// A checkpoint that satisfies a policy. Only [`TlogPolicy::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    checkpoint: Checkpoint,
    cosigners: BTreeMap<String, u64>,
}

impl VerifiedCheckpoint {
    /// Origin, size and root.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Names of the policy's witnesses that cosigned, with their times in seconds since 1970.
    pub fn cosigners(&self) -> &BTreeMap<String, u64> {
        &self.cosigners
    }
}

impl TlogPolicy {
    /// Checks the rules of the format over lines in the order logs, witnesses, groups, quorum.
    pub fn new(
        logs: Vec<Log>,
        witnesses: Vec<Witness>,
        groups: Vec<Group>,
        quorum: Option<String>,
    ) -> Result<Self, PolicyError> {
        let policy = TlogPolicy { logs, witnesses, groups, quorum };
        // Writing and parsing is the check: what a file cannot say, a policy cannot be.
        let written = parse::parse(policy.to_string().as_bytes())?;
        if written == policy { Ok(policy) } else { Err(PolicyError::Unwritable) }
    }

    /// The ledger's policy: any of the log keys, and `threshold` of the cosigners in one group named `validators`.
    pub fn validators(
        logs: Vec<VerifierKey>,
        cosigners: Vec<(String, VerifierKey)>,
        threshold: usize,
    ) -> Result<Self, PolicyError> {
        let name = "validators".to_owned();
        let members = cosigners.iter().map(|(name, _)| name.clone()).collect();
        let logs = logs.into_iter().map(|key| Log { key, url: None }).collect();
        let witnesses = cosigners.into_iter().map(|(name, key)| Witness { name, key, url: None }).collect();
        TlogPolicy::new(logs, witnesses, vec![Group { name: name.clone(), threshold, members }], Some(name))
    }

    /// Parses a policy file.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        parse::parse(bytes)
    }

    /// Logs in their order.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// Witnesses in their order.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Groups in their order.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The name of the quorum; `None` where the file says `none`.
    pub fn quorum(&self) -> Option<&str> {
        self.quorum.as_deref()
    }

    /// Whether cosignatures of these witnesses (by name) reach the quorum.
    pub fn is_quorum(&self, cosigners: &BTreeSet<&str>) -> bool {
        let Some(quorum) = &self.quorum else { return true };
        let witnesses = self.witnesses.iter().map(|witness| witness.name.as_str());
        let mut reached: BTreeSet<&str> = witnesses.filter(|name| cosigners.contains(name)).collect();
        for group in &self.groups {
            let count = group.members.iter().filter(|member| reached.contains(member.as_str())).count();
            if count >= group.threshold {
                reached.insert(&group.name);
            }
        }
        reached.contains(quorum.as_str())
    }

    /// Verifies a signed checkpoint: a log key of its origin signed, every signature by a known key is valid, and the
    /// cosigners reach the quorum. Signatures by unknown keys are ignored.
    pub fn verify(&self, note: &Note) -> Result<VerifiedCheckpoint, PolicyFailure> {
        let checkpoint = Checkpoint::of(note)?;
        let origin = checkpoint.origin.to_string();
        let mut log_keys =
            self.logs.iter().map(|log| &log.key).filter(|key| *key.name() == checkpoint.origin).peekable();
        if log_keys.peek().is_none() {
            return Err(PolicyFailure::UnknownOrigin { origin });
        }
        note.verify(log_keys).map_err(|error| match error {
            NoteError::NoKnownKey => PolicyFailure::NoLogSignature { origin },
            other => PolicyFailure::Signature(other),
        })?;
        let mut cosigners = BTreeMap::new();
        for witness in &self.witnesses {
            match note.verify([&witness.key]) {
                Ok(signatures) => {
                    let time_s = signatures.first().and_then(|signature| signature.time_s).unwrap_or(0);
                    cosigners.insert(witness.name.clone(), time_s);
                }
                Err(NoteError::NoKnownKey) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !self.is_quorum(&cosigners.keys().map(String::as_str).collect()) {
            let quorum = self.quorum.clone().unwrap_or_default();
            return Err(PolicyFailure::NoQuorum { count: cosigners.len(), quorum });
        }
        Ok(VerifiedCheckpoint { checkpoint, cosigners })
    }
}

/// The file: logs, witnesses, groups, quorum; one space between items.
impl fmt::Display for TlogPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = |url: &Option<String>| url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        for log in &self.logs {
            writeln!(f, "log {}{}", log.key, url(&log.url))?;
        }
        for witness in &self.witnesses {
            writeln!(f, "witness {} {}{}", witness.name, witness.key, url(&witness.url))?;
        }
        for group in &self.groups {
            writeln!(f, "group {} {} {}", group.name, group.threshold, group.members.join(" "))?;
        }
        writeln!(f, "quorum {}", self.quorum.as_deref().unwrap_or(parse::NONE))
    }
}
