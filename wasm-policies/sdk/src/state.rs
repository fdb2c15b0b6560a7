//! State as bytes: little-endian integers one after the other. Reading past the end is a panic, so a trap.

use alloc::vec::Vec;

/// Writes a state.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

/// Reads a state in the order in which it was written.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

macro_rules! integers {
    ($($name:ident),+) => {
        impl Writer {
            $(
                #[doc = concat!("Appends a `", stringify!($name), "`.")]
                #[inline]
                pub fn $name(&mut self, value: $name) {
                    self.bytes.extend_from_slice(&value.to_le_bytes());
                }
            )+
        }

        impl Reader<'_> {
            $(
                #[doc = concat!("The next `", stringify!($name), "`.")]
                #[inline]
                pub fn $name(&mut self) -> $name {
                    let (value, rest) = self.bytes.split_first_chunk().expect("the state is as it was saved");
                    self.bytes = rest;
                    $name::from_le_bytes(*value)
                }
            )+
        }
    };
}

integers!(u8, u32, u64, u128);

impl Writer {
    /// An empty state.
    pub fn new() -> Self {
        Writer::default()
    }

    /// A count, then each item.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Writer, &T)) {
        self.u32(items.len() as u32);
        for item in items {
            write(self, item);
        }
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<'a> Reader<'a> {
    /// A state over saved bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes }
    }

    /// What [`Writer::list`] wrote.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Reader<'a>) -> T) -> Vec<T> {
        let count = self.u32() as usize;
        assert!(count <= self.bytes.len(), "the state is as it was saved");
        (0..count).map(|_| read(self)).collect()
    }
}
