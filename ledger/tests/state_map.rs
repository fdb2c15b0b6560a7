//! The state map against a model: a sorted map whose tree is computed anew each time, straight from the definition.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use standstill_ledger::state::proof::End;
use standstill_ledger::state::{
    MemoryState, NodePath, Overlay, ProofError, StateChanges, StateKey, StateRead, empty_root, node_hash, prove, root,
    update,
};
use standstill_protocol::hash::Hash;

type Model = BTreeMap<StateKey, Vec<u8>>;

/// The definition: a lone leaf stands for its whole subtree, except at the top.
fn model_root(leaves: &[(StateKey, &[u8])], depth: usize) -> Hash {
    match leaves {
        [] => empty_root(),
        [(key, value)] if depth > 0 => key.leaf_hash(value),
        _ => {
            let (left, right): (Vec<_>, Vec<_>) = leaves.iter().partition(|(key, _)| !key.bit(depth as u8));
            node_hash(&model_root(&left, depth + 1), &model_root(&right, depth + 1))
        }
    }
}

fn root_of(model: &Model) -> Hash {
    let leaves: Vec<_> = model.iter().map(|(key, value)| (*key, value.as_slice())).collect();
    model_root(&leaves, 0)
}

/// Keys that share long prefixes as often as not: `0` and `1` bits from a small number.
fn key(number: u16) -> StateKey {
    let mut bytes = [0u8; 32];
    bytes[0] = if number & 1 == 0 { 0 } else { 0xff };
    bytes[1] = (number >> 1) as u8 & 0b1100_0000;
    bytes[31] = (number >> 1) as u8 & 0b0011_1111;
    bytes[31] |= if number >= 256 { 0x80 } else { 0 };
    StateKey::from_bytes(bytes)
}

type Batch = BTreeMap<u16, Option<u8>>;

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let batch = prop::collection::btree_map(0u16..512, prop::option::weighted(0.7, any::<u8>()), 0..12);
    prop::collection::vec(batch, 1..8)
}

fn changes(batch: &Batch) -> BTreeMap<StateKey, Option<Vec<u8>>> {
    batch.iter().map(|(number, value)| (key(*number), value.map(|value| vec![value]))).collect()
}

fn play(batches: &[Batch]) -> (MemoryState, Model) {
    let (mut state, mut model) = (MemoryState::new(), Model::new());
    for batch in batches {
        let leaves = changes(batch);
        for (key, value) in &leaves {
            match value {
                Some(value) => model.insert(*key, value.clone()),
                None => model.remove(key),
            };
        }
        let (computed, made) = update(&state, leaves).unwrap();
        state.absorb(made);
        assert_eq!(computed, state.root());
    }
    (state, model)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn root_equals_the_definition_after_any_batches(batches in batches()) {
        let (state, model) = play(&batches);
        prop_assert_eq!(state.root(), root_of(&model));
        prop_assert_eq!(root(&state).unwrap(), root_of(&model));
    }

    #[test]
    fn shape_does_not_depend_on_history(batches in batches()) {
        let (state, model) = play(&batches);
        let rebuilt = MemoryState::from_leaves(model).unwrap();
        prop_assert_eq!(state, rebuilt, "leaves and nodes, with none left over");
    }

    #[test]
    fn one_batch_equals_many_single_changes(batch in prop::collection::btree_map(0u16..512, any::<u8>(), 1..20)) {
        let together: Batch = batch.iter().map(|(number, value)| (*number, Some(*value))).collect();
        let singly: Vec<Batch> = batch.iter().rev().map(|(n, v)| BTreeMap::from([(*n, Some(*v))])).collect();
        prop_assert_eq!(play(&[together]).0, play(&singly).0);
    }

    #[test]
    fn a_proof_shows_presence_or_absence_and_nothing_else(batches in batches(), asked in 0u16..512, other in 0u16..512) {
        let (state, model) = play(&batches);
        let (asked, other) = (key(asked), key(other));
        let (value, proof) = prove(&state, &asked).unwrap();
        prop_assert_eq!(value.as_ref(), model.get(&asked));
        let root = state.root();
        prop_assert_eq!(proof.verify(&root, &asked, value.as_deref()), Ok(()));
        prop_assert!(proof.verify(&root, &asked, Some(b"forged")).is_err());
        prop_assert!(proof.verify(&Hash::ZERO, &asked, value.as_deref()).is_err());
        if value.is_some() {
            prop_assert!(proof.verify(&root, &asked, None).is_err());
            prop_assert!(other == asked || proof.verify(&root, &other, value.as_deref()).is_err());
        } else if model.contains_key(&other) {
            prop_assert!(proof.verify(&root, &other, None).is_err(), "absence of one key is not absence of another");
        }
    }

    #[test]
    fn any_changed_sibling_breaks_a_proof(batches in batches(), asked in 0u16..512, at in any::<prop::sample::Index>()) {
        let (state, _) = play(&batches);
        let (value, mut proof) = prove(&state, &key(asked)).unwrap();
        if !proof.siblings.is_empty() {
            let at = at.index(proof.siblings.len());
            proof.siblings[at] = Hash::sha256(proof.siblings[at].as_bytes());
            prop_assert!(proof.verify(&state.root(), &key(asked), value.as_deref()).is_err());
            proof.siblings.remove(at);
            prop_assert!(proof.verify(&state.root(), &key(asked), value.as_deref()).is_err());
        }
    }

    #[test]
    fn changes_can_be_read_before_they_are_written(batches in batches(), last in batches()) {
        let (mut state, _) = play(&batches);
        let (_, first) = update(&state, changes(&last[0])).unwrap();
        let over = Overlay { base: &state, changes: &first };
        let (ahead, second) = update(&over, changes(last.last().unwrap())).unwrap();
        prop_assert_eq!(over.leaf(&key(3)).unwrap(), { let mut s = state.clone(); s.absorb(first.clone()); s.leaf(&key(3)).unwrap() });
        state.absorb(first);
        state.absorb(second);
        prop_assert_eq!(state.root(), ahead);
    }

    #[test]
    fn paths_read_back_and_every_path_has_one_form(bits in prop::collection::vec(any::<bool>(), 0..=255), tail in any::<u8>()) {
        let path = bits.iter().try_fold(NodePath::ROOT, |path, bit| path.child(*bit)).unwrap();
        let bytes = path.to_bytes();
        prop_assert_eq!(NodePath::from_bytes(&bytes), Some(path));
        prop_assert_eq!(NodePath::from_bytes(&[bytes.as_slice(), &[tail]].concat()), None);
        let spare = (8 - bits.len() % 8) % 8;
        if spare > 0 {
            let mut dirty = bytes;
            *dirty.last_mut().unwrap() |= 1;
            prop_assert_eq!(NodePath::from_bytes(&dirty), None, "bits beyond the path are zero");
        }
    }
}

#[test]
fn a_path_has_at_most_255_bits() {
    let deepest = (0..255).try_fold(NodePath::ROOT, |path, _| path.child(true)).unwrap();
    assert_eq!(deepest.depth(), 255);
    assert_eq!(deepest.child(false), None);
    assert_eq!(NodePath::from_bytes(&[]), None);
    assert_eq!(NodePath::from_bytes(&[8]), None);
}

#[test]
fn an_empty_map_proves_every_absence() {
    let state = MemoryState::new();
    assert_eq!(state.root(), empty_root());
    let (value, proof) = prove(&state, &key(7)).unwrap();
    assert_eq!((value, proof.end), (None, End::Empty));
    assert_eq!(proof.verify(&empty_root(), &key(7), None), Ok(()));
}

#[test]
fn another_leaf_proves_absence_only_on_the_same_path() {
    let leaves = [(key(0), vec![1]), (key(1), vec![2])];
    // 2 has the first bit of 0, not of 1.
    let state = MemoryState::from_leaves(leaves).unwrap();
    let (_, mut proof) = prove(&state, &key(2)).unwrap();
    let root = state.root();
    assert!(matches!(proof.end, End::OtherLeaf { .. }));
    proof.end = End::OtherLeaf { key: key(1), value: Hash::sha256(&[2]) };
    assert_eq!(proof.verify(&root, &key(2), None), Err(ProofError::OtherPath));
    proof.end = End::OtherLeaf { key: key(2), value: Hash::sha256(&[2]) };
    assert_eq!(proof.verify(&root, &key(2), None), Err(ProofError::OtherPath));
}

#[test]
fn a_proof_longer_than_a_key_is_refused() {
    let state = MemoryState::from_leaves([(key(0), vec![1])]).unwrap();
    let (_, mut proof) = prove(&state, &key(0)).unwrap();
    proof.siblings = vec![Hash::ZERO; 257];
    let refused = proof.verify(&state.root(), &key(0), Some(&[1]));
    assert_eq!(refused, Err(ProofError::TooLong { count: 257 }));
}

#[test]
fn an_update_touches_only_the_paths_of_its_keys() {
    let leaves = (0..10_000u32).map(|n| (StateKey::of(&n.to_le_bytes()), vec![0]));
    let state = MemoryState::from_leaves(leaves).unwrap();
    let key = StateKey::of(&77u32.to_le_bytes());
    let (_, StateChanges { nodes, .. }) = update(&state, BTreeMap::from([(key, Some(vec![1]))])).unwrap();
    assert!(nodes.len() < 40, "{} nodes rewritten for one leaf of 10,000", nodes.len());
    let depths: BTreeSet<_> = nodes.iter().map(|(path, _)| path.depth()).collect();
    assert_eq!(depths.len(), nodes.len(), "one node of each depth");
}
