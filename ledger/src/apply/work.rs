//! The state as a block sees it: what is stored, under what this block has written so far.

use std::collections::BTreeMap;

use standstill_protocol::codec;
use standstill_protocol::hash::Hash;
use wincode::config::DefaultConfig;
use wincode::{SchemaRead, SchemaWrite};

use crate::schema::{Key, decode};
use crate::state::{StateChanges, StateFault, StateKey, StateRead, update_in_order};

/// Reads fall through to the stored state; writes stay here until [`Work::finish`].
pub(crate) struct Work<'a> {
    state: &'a dyn StateRead,
    written: BTreeMap<StateKey, Option<Vec<u8>>>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(state: &'a dyn StateRead) -> Self {
        Work { state, written: BTreeMap::new() }
    }

    /// The value under a key.
    pub(crate) fn get<T>(&self, what: &'static str, key: &Key) -> Result<Option<T>, StateFault>
    where
        T: for<'de> SchemaRead<'de, DefaultConfig, Dst = T> + SchemaWrite<DefaultConfig, Src = T>,
    {
        let key = key.state_key();
        match self.written.get(&key) {
            Some(value) => value.as_deref().map(|bytes| decode(what, bytes)).transpose(),
            None => self.state.lend(&key)?.map(|bytes| decode(what, &bytes)).transpose(),
        }
    }

    /// The value under a key that the schema says is there.
    pub(crate) fn need<T>(&self, what: &'static str, key: &Key) -> Result<T, StateFault>
    where
        T: for<'de> SchemaRead<'de, DefaultConfig, Dst = T> + SchemaWrite<DefaultConfig, Src = T>,
    {
        let missing = || StateFault::Damaged { what, reason: "a leaf that must be there is missing".to_owned() };
        self.get(what, key)?.ok_or_else(missing)
    }

    pub(crate) fn put<T>(&mut self, key: &Key, value: &T)
    where
        T: SchemaWrite<DefaultConfig, Src = T>,
    {
        self.written.insert(key.state_key(), Some(codec::encode(value)));
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        self.written.insert(key.state_key(), None);
    }

    /// The new root and what changes. Values written back unchanged are no change.
    pub(crate) fn finish(self) -> Result<(Hash, StateChanges), StateFault> {
        let mut changed = Vec::with_capacity(self.written.len());
        for (key, value) in self.written {
            if self.state.lend(&key)?.as_deref() != value.as_deref() {
                changed.push((key, value));
            }
        }
        update_in_order(self.state, changed)
    }
}
