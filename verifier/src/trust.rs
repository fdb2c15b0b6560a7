//! What an auditor trusts, in one file that is read before anything else.
//!
//! ```toml
//! schema = "standstill.trust/1"
//! name = "EU AI Office, 2026-11-02"           # who says so; shown on every screen
//! treaty = "9f0c…64 hex digits"               # hash of the treaty's bytes
//! chain_id = "77ab…"                          # hash of that: the ledger
//! quorum = 3                                  # of the validators below: more than two thirds
//! policy = """                                # C2SP tlog-policy: who may sign receipts and checkpoints
//! log example.org/pause+d1c2…+AbC…
//! witness lab-a example.org/pause/lab-a+11223344+BaF…
//! group validators 3 lab-a lab-b lab-c lab-d
//! quorum validators
//! """
//!
//! [[validators]]                              # of genesis; later sets follow from the ledger itself
//! member = "lab-a"
//! key = "64 hex digits"
//!
//! [engine]                                    # bounds within which clauses were and are run
//! gas_per_call = 200000000
//! call_depth = 256
//! memory_pages = 256
//! state_bytes = 262144
//!
//! [[seen]]                                    # heads that the auditor already holds, if any
//! size = 18220
//! root = "64 hex digits"
//! ```
//!
//! Unknown keys, missing keys, a quorum that is not one, a chain id that is not the treaty's: refused, exit 2. Nothing
//! in a bundle can change what stands here.

use serde::{Deserialize, Serialize};
use standstill_policies::{Limits, Treaty};
use standstill_protocol::hash::{Domain, Hash};
use standstill_protocol::keys::PublicKey;
use standstill_protocol::member::{MemberId, NotAName};
use standstill_protocol::tlog_policy::{PolicyError, TlogPolicy};
use standstill_protocol::validators::{Validator, ValidatorSet, ValidatorSetError};

/// The version of the format.
pub const SCHEMA: &str = "standstill.trust/1";
/// Bytes of a trust file, at most.
pub const MAX_TRUST_BYTES: usize = 256 << 10;

/// A trust file that was accepted.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Who says so, for people.
    pub name: String,
    /// Hash of the treaty's bytes.
    pub treaty: Hash,
    /// The ledger.
    pub chain_id: Hash,
    /// Validators of genesis.
    pub validators: ValidatorSet,
    /// A C2SP tlog-policy: log keys and cosigners.
    pub policy: TlogPolicy,
    /// Bounds within which clauses are run.
    pub limits: Limits,
    /// Heads that the auditor already holds.
    pub seen: Vec<SeenHead>,
    /// SHA-256 of the file's bytes.
    pub fingerprint: Hash,
}

/// A head of the log that was seen before: a bundle must contain it, or end before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenHead {
    /// Leaves in the log.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// Why a file is no trust file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Over [`MAX_TRUST_BYTES`].
    #[error("{length} bytes exceed the limit of {MAX_TRUST_BYTES}")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// Not TOML, an unknown or missing key, a value of the wrong type.
    #[error("the trust file does not read: {reason}")]
    Malformed {
        /// What the parser met.
        reason: String,
    },
    /// Another schema.
    #[error("schema `{found}` is not `{SCHEMA}`")]
    Schema {
        /// The schema found.
        found: String,
    },
    /// The chain id does not follow from the treaty hash.
    #[error("chain id {found} is not that of treaty {treaty}")]
    ChainId {
        /// The chain id found.
        found: Hash,
        /// The treaty pinned.
        treaty: Hash,
    },
    /// A member's name that is none.
    #[error("validator {index}: {source}")]
    Member {
        /// The validator, from 1.
        index: usize,
        /// The cause.
        source: NotAName,
    },
    /// The list is no validator set.
    #[error("validators: {source}")]
    Validators {
        /// The cause.
        source: ValidatorSetError,
    },
    /// A quorum that is not more than two thirds, or not all that it takes.
    #[error("quorum {found} of {validators} validators: it is {expected}")]
    Quorum {
        /// The quorum found.
        found: usize,
        /// How many validators.
        validators: usize,
        /// What it must be.
        expected: usize,
    },
    /// No tlog-policy.
    #[error("policy: {source}")]
    Policy {
        /// The cause.
        source: PolicyError,
    },
    /// A policy that any checkpoint satisfies.
    #[error("policy: `quorum none` would accept a checkpoint that nobody cosigned")]
    NoCosigners,
    /// Two roots for one size of the log.
    #[error("two roots are listed as seen at log size {size}")]
    SeenTwice {
        /// The size.
        size: u64,
    },
    /// The treaty has no validators.
    #[error("the treaty names no validators: {source}")]
    NoValidators {
        /// The cause.
        source: ValidatorSetError,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrust {
    schema: String,
    name: String,
    treaty: Hash,
    chain_id: Hash,
    quorum: usize,
    policy: String,
    validators: Vec<RawValidator>,
    engine: RawLimits,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seen: Vec<SeenHead>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValidator {
    member: String,
    key: PublicKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    gas_per_call: u64,
    call_depth: u32,
    memory_pages: u32,
    state_bytes: usize,
}

/// The chain id that follows from a treaty's hash.
pub fn chain_id(treaty: &Hash) -> Hash {
    Hash::tagged(Domain::ChainId, &[treaty.as_bytes()])
}

impl Trust {
    /// Reads a trust file.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        if bytes.len() > MAX_TRUST_BYTES {
            return Err(TrustError::TooLong { length: bytes.len() });
        }
        let malformed = |reason: String| TrustError::Malformed { reason };
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
        let raw: RawTrust = toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
        raw.check(Hash::sha256(bytes))
    }

    /// The trust file that believes a treaty as it stands: what its members hand to auditors.
    pub fn of_treaty(treaty: &Treaty, name: &str, policy: TlogPolicy, limits: &Limits) -> Result<Self, TrustError> {
        let validators = treaty.members.iter().filter_map(|member| {
            let keys = member.validator.as_ref()?;
            Some(Validator { member: member.id.clone(), consensus_key: keys.consensus })
        });
        let validators =
            ValidatorSet::new(validators.collect()).map_err(|source| TrustError::NoValidators { source })?;
        let mut trust = Trust {
            name: name.to_owned(),
            treaty: treaty.hash,
            chain_id: treaty.chain_id,
            validators,
            policy,
            limits: limits.clone(),
            seen: Vec::new(),
            fingerprint: Hash::ZERO,
        };
        trust.fingerprint = Hash::sha256(trust.to_toml().as_bytes());
        Ok(trust)
    }

    /// The file's text.
    pub fn to_toml(&self) -> String {
        let validators =
            self.validators.iter().map(|v| RawValidator { member: v.member.to_string(), key: v.consensus_key });
        let raw = RawTrust {
            schema: SCHEMA.to_owned(),
            name: self.name.clone(),
            treaty: self.treaty,
            chain_id: self.chain_id,
            quorum: self.validators.quorum(),
            policy: self.policy.to_string(),
            validators: validators.collect(),
            engine: RawLimits {
                gas_per_call: self.limits.gas_per_call,
                call_depth: self.limits.call_depth,
                memory_pages: self.limits.memory_pages,
                state_bytes: self.limits.state_bytes,
            },
            seen: self.seen.clone(),
        };
        // Strings, numbers and arrays of tables: nothing that TOML cannot say.
        toml::to_string(&raw).unwrap_or_default()
    }
}

impl RawTrust {
    fn check(self, fingerprint: Hash) -> Result<Trust, TrustError> {
        if self.schema != SCHEMA {
            return Err(TrustError::Schema { found: self.schema.chars().take(80).collect() });
        }
        if chain_id(&self.treaty) != self.chain_id {
            return Err(TrustError::ChainId { found: self.chain_id, treaty: self.treaty });
        }
        let validators = self.validators()?;
        let expected = validators.quorum();
        if self.quorum != expected {
            return Err(TrustError::Quorum { found: self.quorum, validators: validators.len(), expected });
        }
        let policy = TlogPolicy::parse(self.policy.as_bytes()).map_err(|source| TrustError::Policy { source })?;
        if policy.quorum().is_none() {
            return Err(TrustError::NoCosigners);
        }
        let mut seen = self.seen;
        seen.sort_by_key(|head| head.size);
        if let Some(pair) = seen.windows(2).find(|pair| pair[0].size == pair[1].size) {
            return Err(TrustError::SeenTwice { size: pair[0].size });
        }
        let RawLimits { gas_per_call, call_depth, memory_pages, state_bytes } = self.engine;
        Ok(Trust {
            name: self.name,
            treaty: self.treaty,
            chain_id: self.chain_id,
            validators,
            policy,
            limits: Limits { gas_per_call, call_depth, memory_pages, state_bytes },
            seen,
            fingerprint,
        })
    }

    fn validators(&self) -> Result<ValidatorSet, TrustError> {
        let mut list = Vec::with_capacity(self.validators.len());
        for (index, RawValidator { member, key }) in self.validators.iter().enumerate() {
            let member: MemberId = member.parse().map_err(|source| TrustError::Member { index: index + 1, source })?;
            list.push(Validator { member, consensus_key: *key });
        }
        ValidatorSet::new(list).map_err(|source| TrustError::Validators { source })
    }
}
