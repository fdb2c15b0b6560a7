//! State in memory, for tests, simulation, and a verifier that replays from genesis.

use std::collections::BTreeMap;

use standstill_protocol::hash::Hash;

use super::{Node, NodePath, StateChanges, StateFault, StateKey, StateRead, empty_root, update};

/// A whole state map in ordered maps.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MemoryState {
    leaves: BTreeMap<StateKey, Vec<u8>>,
    nodes: BTreeMap<NodePath, Node>,
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
            match value {
                Some(value) => self.leaves.insert(key, value),
                None => self.leaves.remove(&key),
            };
        }
        for (path, node) in changes.nodes {
            match node {
                Some(node) => self.nodes.insert(path, node),
                None => self.nodes.remove(&path),
            };
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
        match self.changes.leaves.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.base.leaf(key),
        }
    }

    fn node(&self, path: &NodePath) -> Result<Option<Node>, StateFault> {
        match self.changes.nodes.get(path) {
            Some(node) => Ok(*node),
            None => self.base.node(path),
        }
    }
}
