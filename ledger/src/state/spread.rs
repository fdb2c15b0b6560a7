//! An ordered map for keys that are spread evenly, as hashes are: a key's leading bits say where it stands.
//!
//! ```text
//! leading bits   00       01       10       11            four buckets at 8 to 32 keys; then 16 buckets, and so on
//!              [k k k]  [k k]   [k k k]   [k k]           each in order, so the whole is in order
//! ```
//!
//! A look-up is one step to the bucket and a search among a few neighbours, however many keys there are. Keys that somebody
//! has chosen to crowd one bucket make that bucket slower and nothing else.

use super::{NodePath, StateKey};

/// Keys a bucket holds on average before there are more buckets.
const CROWDED: usize = 8;
/// By how many bits the buckets' names grow: four times as many.
const GROWTH: u32 = 2;
/// Bits of a bucket's name, at most.
const MAX_BITS: u32 = 30;

/// The first 64 bits of a key, in the order of the keys.
pub(super) trait Leading: Ord {
    fn leading(&self) -> u64;
}

impl Leading for StateKey {
    fn leading(&self) -> u64 {
        leading(self.as_bytes())
    }
}

impl Leading for NodePath {
    fn leading(&self) -> u64 {
        leading(&self.bits)
    }
}

/// The first eight bytes as a number: numbers compare as the bytes do.
pub(super) fn leading(bytes: &[u8; 32]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

#[derive(Clone, Debug)]
pub(super) struct Spread<K, V> {
    /// The length of a bucket's name.
    bits: u32,
    /// One for each name, in order; each in order of key.
    buckets: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K, V> Default for Spread<K, V> {
    fn default() -> Self {
        Spread { bits: 0, buckets: vec![Vec::new()], len: 0 }
    }
}

impl<K: Leading, V> Spread<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let bucket = self.buckets.get(self.place(key))?;
        let at = bucket.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
        bucket.get(at).map(|(_, value)| value)
    }

    /// Sets or removes a value.
    pub(super) fn set(&mut self, key: K, value: Option<V>) {
        let place = self.place(&key);
        let Some(bucket) = self.buckets.get_mut(place) else { return };
        match (bucket.binary_search_by(|(known, _)| known.cmp(&key)), value) {
            (Ok(at), Some(value)) => bucket[at].1 = value,
            (Ok(at), None) => {
                bucket.remove(at);
                self.len -= 1;
            }
            (Err(at), Some(value)) => {
                bucket.insert(at, (key, value));
                self.len += 1;
                self.grow();
            }
            (Err(_), None) => {}
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// In order of key.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        Iter { inner: self.buckets.iter().flatten(), left: self.len }
    }

    fn place(&self, key: &K) -> usize {
        bucket_of(key, self.bits)
    }

    /// More buckets, when these are crowded. Each becomes its successors in turn, so the order stays.
    fn grow(&mut self) {
        if self.len <= self.buckets.len() * CROWDED || self.bits + GROWTH > MAX_BITS {
            return;
        }
        self.bits += GROWTH;
        let mut buckets = Vec::with_capacity(self.buckets.len() << GROWTH);
        for mut bucket in self.buckets.drain(..) {
            let first = buckets.len();
            let successors = (0..1usize << GROWTH).rev().map(|at| {
                let from = bucket.partition_point(|(key, _)| bucket_of(key, self.bits) < first + at);
                bucket.split_off(from)
            });
            buckets.extend(successors);
            if let Some(made) = buckets.get_mut(first..) {
                made.reverse();
            }
        }
        self.buckets = buckets;
    }
}

fn bucket_of<K: Leading>(key: &K, bits: u32) -> usize {
    // A shift by all 64 bits is none at all: with one bucket every key is in it.
    usize::try_from(key.leading().checked_shr(u64::BITS - bits).unwrap_or(0)).unwrap_or(0)
}

impl<K: Leading, V: PartialEq> PartialEq for Spread<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Leading, V: Eq> Eq for Spread<K, V> {}

struct Iter<'a, K, V> {
    inner: std::iter::Flatten<std::slice::Iter<'a, Vec<(K, V)>>>,
    left: usize,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.inner.next()?;
        self.left -= 1;
        Some((key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn key(number: u16, crowded: bool) -> StateKey {
        let mut bytes = *StateKey::of(&number.to_le_bytes()).as_bytes();
        if crowded {
            bytes[..10].fill(0xa5);
        }
        StateKey::from_bytes(bytes)
    }

    proptest! {
        /// Whatever is set and removed, in whatever order, it answers as an ordered map does, crowded or not.
        #[test]
        fn it_is_an_ordered_map(
            steps in proptest::collection::vec((0u16..600, any::<bool>(), any::<Option<u8>>()), 0..1500),
        ) {
            let (mut spread, mut map) = (Spread::default(), BTreeMap::new());
            for (number, crowded, value) in steps {
                let key = key(number, crowded);
                spread.set(key, value);
                match value {
                    Some(value) => map.insert(key, value),
                    None => map.remove(&key),
                };
                prop_assert_eq!(spread.get(&key), map.get(&key));
            }
            prop_assert_eq!(spread.len(), map.len());
            prop_assert_eq!(spread.iter().len(), map.len());
            prop_assert!(spread.iter().eq(map.iter()));
            for number in 0..600 {
                prop_assert_eq!(spread.get(&key(number, false)), map.get(&key(number, false)));
            }
            let mut again = Spread::default();
            map.iter().rev().for_each(|(key, value)| again.set(*key, Some(*value)));
            prop_assert_eq!(again, spread, "equal, whatever its history");
        }
    }
}
