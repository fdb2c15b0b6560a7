//! The treaty's parameters, found by walking their canonical bytes.

/// Parameters in force, sorted by key.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    bytes: &'a [u8],
}

impl<'a> Parameters<'a> {
    /// Parameters over canonical bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Parameters { bytes }
    }

    /// A count, a duration in milliseconds, or parts per million.
    pub fn integer(&self, key: &str) -> Option<u64> {
        let value = self.find(key, 1)?;
        Some(u64::from_le_bytes(value.try_into().ok()?))
    }

    /// A FLOP count.
    pub fn flop(&self, key: &str) -> Option<u128> {
        let value = self.find(key, 2)?;
        Some(u128::from_le_bytes(value.try_into().ok()?))
    }

    /// A word.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        core::str::from_utf8(self.find(key, 3)?).ok()
    }

    fn find(&self, wanted: &str, kind: u8) -> Option<&'a [u8]> {
        let mut rest = self.bytes;
        while let Some((&length, tail)) = rest.split_first() {
            let (key, tail) = tail.split_at_checked(length as usize)?;
            let (&found, tail) = tail.split_first()?;
            let (size, tail) = match found {
                1 => (8, tail),
                2 => (16, tail),
                3 => tail.split_first().map(|(&size, tail)| (size as usize, tail))?,
                _ => return None,
            };
            let (value, tail) = tail.split_at_checked(size)?;
            if key == wanted.as_bytes() {
                return (found == kind).then_some(value);
            }
            rest = tail;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_key_and_type() {
        let parameters = Parameters::new(b"\x05after\x01\x03\0\0\0\0\0\0\0\x05shape\x03\x08decaying");
        assert_eq!(parameters.integer("after"), Some(3));
        assert_eq!(parameters.text("shape"), Some("decaying"));
        assert_eq!(parameters.flop("after"), None);
        assert_eq!(parameters.integer("other"), None);
    }

    #[test]
    fn truncated_bytes_hold_nothing() {
        let bytes = b"\x05after\x01\x03\0\0\0\0\0\0\0";
        for end in 0..bytes.len() {
            assert_eq!(Parameters::new(&bytes[..end]).integer("after"), None);
        }
    }
}
