//! Proofs of one leaf, or of its absence, that verify alone against a state root.
//!
//! ```text
//! root ── H(node) ─┬─ sibling 0        siblings: from the root down, one for each bit of the key that was followed
//!                  └─┬─ sibling 1
//!                    └─ end            what is met there: the leaf, another key's leaf, or nothing
//! ```
//!
//! The path is taken from the key itself, so a proof cannot point elsewhere. Another key's leaf proves absence only
//! where that key starts with the same bits: the map would have parted the two further down, had both been there.

use standstill_protocol::hash::Hash;
use wincode::{SchemaRead, SchemaWrite};

use super::{Child, Node, NodePath, StateFault, StateKey, StateRead, empty_root, node_hash};

/// What stands at the end of the key's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum End {
    /// Nothing: the key is absent.
    Empty,
    /// The key's own leaf.
    Leaf,
    /// The leaf of another key: this one is absent.
    OtherLeaf {
        /// The other key.
        key: StateKey,
        /// SHA-256 of its value.
        value: Hash,
    },
}

/// Proof that a key holds a value, or holds none.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct StateProof {
    /// Hashes beside the path, from the root down; at most 256.
    pub siblings: Vec<Hash>,
    /// What the path ends in.
    pub end: End,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// More siblings than a key has bits.
    #[error("{count} siblings, more than a path can have")]
    TooLong {
        /// Siblings given.
        count: usize,
    },
    /// A proof of presence was given for absence, or the other way round.
    #[error("the proof is of the key's {proved}, and not what was asked")]
    WrongKind {
        /// `presence` or `absence`.
        proved: &'static str,
    },
    /// The other leaf lies on another path, or is the key itself.
    #[error("the other leaf does not lie on the key's path")]
    OtherPath,
    /// The hashes lead to another root.
    #[error("the proof leads to the root {computed}, not {expected}")]
    Root {
        /// The root that was asked for.
        expected: Hash,
        /// Where the proof leads.
        computed: Hash,
    },
}

impl StateProof {
    /// Checks that `key` holds `value` (`None`: nothing) in the map with this root.
    pub fn verify(&self, root: &Hash, key: &StateKey, value: Option<&[u8]>) -> Result<(), ProofError> {
        let count = self.siblings.len();
        if count > 256 {
            return Err(ProofError::TooLong { count });
        }
        let end = match (self.end, value) {
            (End::Leaf, Some(value)) => key.leaf_hash(value),
            (End::Empty, None) => empty_root(),
            (End::OtherLeaf { key: other, value }, None) => {
                let same_path = (0..=u8::MAX).take(count).all(|bit| key.bit(bit) == other.bit(bit));
                if other == *key || !same_path {
                    return Err(ProofError::OtherPath);
                }
                other.leaf_hash_of(&value)
            }
            (End::Leaf, None) => return Err(ProofError::WrongKind { proved: "presence" }),
            (_, Some(_)) => return Err(ProofError::WrongKind { proved: "absence" }),
        };
        let levels: Vec<_> = (0..=u8::MAX).zip(&self.siblings).collect();
        let computed = levels.into_iter().rev().fold(end, |below, (bit, sibling)| {
            if key.bit(bit) { node_hash(sibling, &below) } else { node_hash(&below, sibling) }
        });
        if computed == *root { Ok(()) } else { Err(ProofError::Root { expected: *root, computed }) }
    }
}

/// Makes the proof for `key`, with the value that it holds.
pub fn prove(state: &dyn StateRead, key: &StateKey) -> Result<(Option<Vec<u8>>, StateProof), StateFault> {
    let mut siblings = Vec::new();
    let mut path = NodePath::ROOT;
    let Some(mut node) = state.node(&path)? else {
        return Ok((None, StateProof { siblings, end: End::Empty }));
    };
    loop {
        let right = key.bit(path.depth());
        let Node { left, right: right_child } = node;
        let (next, sibling) = if right { (right_child, left) } else { (left, right_child) };
        siblings.push(sibling.hash());
        let missing = StateFault::MissingNode { depth: path.depth().saturating_add(1) };
        match next {
            Child::Empty => return Ok((None, StateProof { siblings, end: End::Empty })),
            Child::Leaf { key: found, .. } => return finish(state, key, &found, siblings),
            Child::Node { .. } => {
                path = path.child(right).ok_or_else(|| missing.clone())?;
                node = state.node(&path)?.ok_or(missing)?;
            }
        }
    }
}

fn finish(
    state: &dyn StateRead,
    key: &StateKey,
    found: &StateKey,
    siblings: Vec<Hash>,
) -> Result<(Option<Vec<u8>>, StateProof), StateFault> {
    let value = state.leaf(found)?.ok_or_else(|| StateFault::Damaged {
        what: "state map",
        reason: "a node names a leaf that is not there".to_owned(),
    })?;
    if found == key {
        return Ok((Some(value), StateProof { siblings, end: End::Leaf }));
    }
    let end = End::OtherLeaf { key: *found, value: Hash::sha256(&value) };
    Ok((None, StateProof { siblings, end }))
}
