//! Batched update: each touched node is read once and hashed once, however many keys below it change.

use std::collections::BTreeMap;

use standstill_protocol::hash::Hash;

use super::{Child, Node, NodePath, StateChanges, StateFault, StateKey, StateRead, empty_root};

/// The root of the map behind `state`.
pub fn root(state: &dyn StateRead) -> Result<Hash, StateFault> {
    Ok(state.node(&NodePath::ROOT)?.map_or_else(empty_root, |node| node.hash()))
}

/// A leaf to be set (`Some` leaf hash) or removed.
#[derive(Clone, Copy)]
struct Change {
    key: StateKey,
    hash: Option<Hash>,
}

/// Sets and removes leaves. Returns the new root, and the leaves with the nodes that change because of them.
pub fn update(
    state: &dyn StateRead,
    leaves: BTreeMap<StateKey, Option<Vec<u8>>>,
) -> Result<(Hash, StateChanges), StateFault> {
    update_in_order(state, leaves.into_iter().collect())
}

/// [`update`] for leaves that are in order of key already, each once.
pub(crate) fn update_in_order(
    state: &dyn StateRead,
    leaves: Vec<(StateKey, Option<Vec<u8>>)>,
) -> Result<(Hash, StateChanges), StateFault> {
    let changes: Vec<_> = leaves
        .iter()
        .map(|(key, value)| Change { key: *key, hash: value.as_ref().map(|value| key.leaf_hash(value)) })
        .collect();
    let mut update = Update { state, nodes: Vec::with_capacity(2 * changes.len()) };
    let root = match state.node(&NodePath::ROOT)? {
        Some(node) => update.node(NodePath::ROOT, node, &changes)?,
        None => update.split_leaves(NodePath::ROOT, &kept(&changes, None))?,
    };
    // In order of path already: a parent was put down before what is below it.
    Ok((root.hash(), StateChanges { leaves, nodes: update.nodes }))
}

struct Update<'a> {
    state: &'a dyn StateRead,
    nodes: Vec<(NodePath, Option<Node>)>,
}

impl Update<'_> {
    /// What a stored node becomes once `changes`, all of them below it, are made.
    fn node(&mut self, path: NodePath, node: Node, changes: &[Change]) -> Result<Child, StateFault> {
        let place = self.put_down(path);
        let (left, right) = split(changes, path.depth());
        let left = self.side(&path, false, node.left, left)?;
        let right = self.side(&path, true, node.right, right)?;
        Ok(self.join(place, path, Node { left, right }))
    }

    /// What hangs on one side of the node at `parent` once `changes` are made there.
    fn side(
        &mut self,
        parent: &NodePath,
        right: bool,
        current: Child,
        changes: &[Change],
    ) -> Result<Child, StateFault> {
        if changes.is_empty() {
            return Ok(current);
        }
        match current {
            Child::Node { .. } => {
                let path = below(parent, right)?;
                let missing = StateFault::MissingNode { depth: path.depth() };
                let node = self.state.node(&path)?.ok_or(missing)?;
                self.node(path, node, changes)
            }
            Child::Empty => self.build(parent, right, &kept(changes, None)),
            Child::Leaf { key, hash } => {
                let present = Change { key, hash: Some(hash) };
                self.build(parent, right, &kept(changes, Some(present)))
            }
        }
    }

    /// The subtree of these leaves, sorted by key, on a side where no node was before.
    fn build(&mut self, parent: &NodePath, right: bool, leaves: &[Change]) -> Result<Child, StateFault> {
        match leaves {
            [] => Ok(Child::Empty),
            [Change { key, hash: Some(hash) }] => Ok(Child::Leaf { key: *key, hash: *hash }),
            _ => self.split_leaves(below(parent, right)?, leaves),
        }
    }

    /// The new node at `path` above these leaves.
    fn split_leaves(&mut self, path: NodePath, leaves: &[Change]) -> Result<Child, StateFault> {
        let place = self.put_down(path);
        let (left, right) = split(leaves, path.depth());
        let left = self.build(&path, false, left)?;
        let right = self.build(&path, true, right)?;
        Ok(self.join(place, path, Node { left, right }))
    }

    /// Keeps a place for a node whose children are not known yet.
    fn put_down(&mut self, path: NodePath) -> usize {
        self.nodes.push((path, None));
        self.nodes.len() - 1
    }

    /// Records the node in its place, or lifts a lone leaf out of it.
    fn join(&mut self, place: usize, path: NodePath, node: Node) -> Child {
        let lifted = match (node.left, node.right) {
            (Child::Empty, Child::Empty) => Some(Child::Empty),
            (Child::Empty, leaf @ Child::Leaf { .. }) | (leaf @ Child::Leaf { .. }, Child::Empty) => {
                (path.depth() > 0).then_some(leaf)
            }
            _ => None,
        };
        if lifted.is_none() {
            self.nodes[place].1 = Some(node);
        }
        lifted.unwrap_or_else(|| Child::Node { hash: node.hash() })
    }
}

/// Leaves left after the changes: those that are set, and `present` unless it is among the changed.
fn kept(changes: &[Change], present: Option<Change>) -> Vec<Change> {
    let present = present.filter(|leaf| changes.binary_search_by_key(&leaf.key, |change| change.key).is_err());
    let mut leaves: Vec<_> = changes.iter().filter(|change| change.hash.is_some()).copied().collect();
    if let Some(leaf) = present {
        let position = leaves.partition_point(|change| change.key < leaf.key);
        leaves.insert(position, leaf);
    }
    leaves
}

fn split(changes: &[Change], depth: u8) -> (&[Change], &[Change]) {
    changes.split_at(changes.partition_point(|change| !change.key.bit(depth)))
}

/// Two different keys part before 256 bits, so a path that long means that a store returned one key twice.
fn below(path: &NodePath, right: bool) -> Result<NodePath, StateFault> {
    path.child(right).ok_or_else(|| StateFault::Damaged {
        what: "state map",
        reason: "two leaves share all 256 bits of their keys".to_owned(),
    })
}
