//! The state map: a compressed binary sparse Merkle map from hashed keys to bytes.
//!
//! ```text
//!              node ""                     A node is named by its path, the bits of the keys below it.
//!             /       \                    A child is empty, a leaf, or another node.
//!      node "0"        leaf 1011…          A leaf sits at the first node below which it is alone,
//!      /      \                            so the shape depends on the keys alone, never on history.
//! leaf 00…   leaf 01…
//!
//! leaf hash  = H(state-leaf,  key 32 || SHA-256(value) 32)
//! node hash  = H(state-node,  left 32 || right 32)
//! empty hash = H(state-empty)              of an empty child, and the root of the empty map
//! ```
//!
//! The node at the empty path exists whenever the map is not empty, even above a single leaf. Nodes are kept in place:
//! the store holds the current version only, and a block overwrites the nodes on the paths that it touches.
//! Reading goes through [`StateRead`]; what changes is collected in [`StateChanges`]. Proofs are in [`proof`].

mod map;
mod memory;
pub mod proof;
mod spread;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use standstill_protocol::hash::{Domain, Hash};
use wincode::{SchemaRead, SchemaWrite};

pub(crate) use map::update_in_order;
pub use map::{root, update};
pub use memory::{MemoryState, Overlay};
pub use proof::{ProofError, StateProof, prove};

/// Bytes of one leaf's value, at most.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// Where a leaf lives: a hash, so that keys are spread evenly and nobody chooses a neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Hash, SchemaRead, SchemaWrite)]
#[repr(transparent)]
pub struct StateKey([u8; 32]);

/// In order of the bytes. Keys mostly part within their first eight, which compare as one number.
impl Ord for StateKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        spread::leading(&self.0).cmp(&spread::leading(&other.0)).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for StateKey {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl StateKey {
    /// The key of what `name` encodes.
    pub fn of(name: &[u8]) -> Self {
        StateKey(*Hash::tagged(Domain::StateKey, &[name]).as_bytes())
    }

    /// Wraps 32 bytes that already are a key, as a store keeps them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        StateKey(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bit that decides between left and right below a node at `depth`.
    pub fn bit(&self, depth: u8) -> bool {
        self.0[usize::from(depth / 8)] & (0x80 >> (depth % 8)) != 0
    }

    /// The hash of the leaf that holds `value` under this key.
    pub fn leaf_hash(&self, value: &[u8]) -> Hash {
        self.leaf_hash_of(&Hash::sha256(value))
    }

    /// The hash of a leaf by the SHA-256 of its value.
    pub fn leaf_hash_of(&self, value_hash: &Hash) -> Hash {
        Hash::tagged(Domain::StateLeaf, &[&self.0, value_hash.as_bytes()])
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateKey({})", Hash::from_bytes(self.0).short())
    }
}

/// The bits that lead to a node, 0 to 255 of them, most significant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct NodePath {
    bits: [u8; 32],
    length: u8,
}

/// In order of the bits, a parent before its children. As with [`StateKey`], the first eight bytes mostly decide.
impl Ord for NodePath {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let first = spread::leading(&self.bits).cmp(&spread::leading(&other.bits));
        // Bits behind the path are zero: short paths are equal in all of them, and differ in length.
        let rest = || if self.length.max(other.length) <= 64 { Ordering::Equal } else { self.bits.cmp(&other.bits) };
        first.then_with(rest).then(self.length.cmp(&other.length))
    }
}

impl PartialOrd for NodePath {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl NodePath {
    /// The path of the topmost node.
    pub const ROOT: NodePath = NodePath { bits: [0; 32], length: 0 };

    /// How many bits.
    pub const fn depth(&self) -> u8 {
        self.length
    }

    /// The path of a child node. `None` below 255 bits, where two different keys have long parted.
    pub fn child(&self, right: bool) -> Option<NodePath> {
        let length = self.length.checked_add(1)?;
        let mut bits = self.bits;
        if right {
            bits[usize::from(self.length / 8)] |= 0x80 >> (self.length % 8);
        }
        Some(NodePath { bits, length })
    }

    /// One byte of length, then as many bytes as the bits fill: a store's key.
    pub fn to_bytes(&self) -> Vec<u8> {
        let used = usize::from(self.length).div_ceil(8);
        let mut bytes = Vec::with_capacity(1 + used);
        bytes.push(self.length);
        bytes.extend_from_slice(&self.bits[..used]);
        bytes
    }

    /// Reads what [`NodePath::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Option<NodePath> {
        let (length, rest) = bytes.split_first()?;
        let mut bits = [0; 32];
        bits.get_mut(..rest.len())?.copy_from_slice(rest);
        let path = NodePath { bits, length: *length };
        let spare = rest.len() * 8 - usize::from(*length).min(rest.len() * 8);
        let clean = spare < 8 && rest.last().is_none_or(|last| spare == 0 || last.trailing_zeros() as usize >= spare);
        (clean && path.to_bytes() == bytes).then_some(path)
    }
}

/// What hangs below one side of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum Child {
    /// No key starts with these bits.
    Empty,
    /// Exactly one key does.
    Leaf {
        /// The key.
        key: StateKey,
        /// [`StateKey::leaf_hash`].
        hash: Hash,
    },
    /// Several do: the node at this path holds them.
    Node {
        /// [`Node::hash`].
        hash: Hash,
    },
}

impl Child {
    /// What the parent commits to.
    pub fn hash(&self) -> Hash {
        match self {
            Child::Empty => empty_root(),
            Child::Leaf { hash, .. } | Child::Node { hash } => *hash,
        }
    }
}

/// An inner node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Node {
    /// Keys whose next bit is 0.
    pub left: Child,
    /// Keys whose next bit is 1.
    pub right: Child,
}

impl Node {
    /// The hash that the parent, or the header, commits to.
    pub fn hash(&self) -> Hash {
        node_hash(&self.left.hash(), &self.right.hash())
    }
}

/// Hash of an inner node.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash::tagged(Domain::StateNode, &[left.as_bytes(), right.as_bytes()])
}

/// The root of a map that holds nothing.
pub fn empty_root() -> Hash {
    Hash::tagged(Domain::StateEmpty, &[])
}

/// The store could not answer, or answered with what was never written. Says nothing about any block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateFault {
    /// The store failed.
    #[error("the state store failed: {reason}")]
    Store {
        /// What the store said.
        reason: String,
    },
    /// A node that its parent names is not there.
    #[error("the state map lacks the node at depth {depth} that its parent names")]
    MissingNode {
        /// Bits of the node's path.
        depth: u8,
    },
    /// A value does not decode, or contradicts another.
    #[error("the state holds a damaged value of `{what}`: {reason}")]
    Damaged {
        /// The kind of value.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Read access to the state after some block.
pub trait StateRead: Sync {
    /// The value under a key.
    fn leaf(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StateFault>;
    /// The same, lent by a store that has it in memory.
    fn lend(&self, key: &StateKey) -> Result<Option<Cow<'_, [u8]>>, StateFault> {
        Ok(self.leaf(key)?.map(Cow::Owned))
    }
    /// The inner node at a path.
    fn node(&self, path: &NodePath) -> Result<Option<Node>, StateFault>;
}

/// What one block changes: `None` removes. To be written in one atomic commit.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct StateChanges {
    /// Leaves, in order of key, each once.
    pub leaves: Vec<(StateKey, Option<Vec<u8>>)>,
    /// Nodes, in order of path, each once.
    pub nodes: Vec<(NodePath, Option<Node>)>,
}

impl StateChanges {
    /// Whether anything changes.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty() && self.nodes.is_empty()
    }
}
