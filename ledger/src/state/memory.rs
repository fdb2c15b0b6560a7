//! State in memory, for tests, simulation, and a verifier that replays from genesis.

use std::borrow::Cow;

use standstill_protocol::hash::Hash;

use super::spread::Spread;
use super::{Node, NodePath, StateChanges, StateFault, StateKey, StateRead, empty_root, update};

/// A whole state map in ordered maps.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MemoryState {
    leaves: Spread<StateKey, Vec<u8>>,
    nodes: Spread<NodePath, Node>,
}

impl MemoryState {
    /// The empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Rebuilds the map, nodes and all, from saved leaves.
    pub fn from_leaves(leaves: impl IntoIterator<Item = (StateKey, Vec<u8>)>) -> Result<Self, StateFault> {
        let leaves = leaves.into_iter().map(|(key, value)| (key, Some(value))).collect();
        let mut state = MemoryState::new();
        let (_, changes) = update(&state, leaves)?;
        state.absorb(changes);
        Ok(state)
    }

    /// Makes the changes of one block.
    pub fn absorb(&mut self, changes: StateChanges) {
        for (key, value) in changes.leaves {
            self.leaves.set(key, value);
        }
        for (path, node) in changes.nodes {
            self.nodes.set(path, node);
        }
    }

    /// Root of the map.
    pub fn root(&self) -> Hash {
        self.nodes.get(&NodePath::ROOT).map_or_else(empty_root, Node::hash)
    }

    /// Leaves in order of key: all that a snapshot needs.
    pub fn leaves(&self) -> impl ExactSizeIterator<Item = (&StateKey, &[u8])> {
        self.leaves.iter().map(|(key, value)| (key, value.as_slice()))
    }

    /// How many inner nodes are held.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }
}

impl StateRead for MemoryState {
    fn leaf(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StateFault> {
        Ok(self.leaves.get(key).cloned())
    }

    fn lend(&self, key: &StateKey) -> Result<Option<Cow<'_, [u8]>>, StateFault> {
        Ok(self.leaves.get(key).map(|value| Cow::Borrowed(value.as_slice())))
    }

    fn node(&self, path: &NodePath) -> Result<Option<Node>, StateFault> {
        Ok(self.nodes.get(path).copied())
    }
}

/// State with changes that are not written yet: the base is read where the changes are silent.
#[derive(Clone, Copy)]
pub struct Overlay<'a> {
    /// What is written.
    pub base: &'a dyn StateRead,
    /// What is not.
    pub changes: &'a StateChanges,
}

impl std::fmt::Debug for Overlay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overlay").field("changes", self.changes).finish_non_exhaustive()
    }
}

impl StateRead for Overlay<'_> {
    fn leaf(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StateFault> {
        Ok(self.lend(key)?.map(Cow::into_owned))
    }

    fn lend(&self, key: &StateKey) -> Result<Option<Cow<'_, [u8]>>, StateFault> {
        match find(&self.changes.leaves, key) {
            Some(value) => Ok(value.as_deref().map(Cow::Borrowed)),
            None => self.base.lend(key),
        }
    }

    fn node(&self, path: &NodePath) -> Result<Option<Node>, StateFault> {
        match find(&self.changes.nodes, path) {
            Some(node) => Ok(*node),
            None => self.base.node(path),
        }
    }
}

fn find<'a, K: Ord, V>(sorted: &'a [(K, V)], key: &K) -> Option<&'a V> {
    let at = sorted.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
    sorted.get(at).map(|(_, value)| value)
}
