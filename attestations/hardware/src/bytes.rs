//! Fixed fields, taken one after the other from a report.

use crate::error::HardwareError;

/// What is left of a part of a report.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// `what` names the part in errors.
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Cursor { what, rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], HardwareError> {
        let have = self.rest.len();
        let cut = HardwareError::Truncated { what: self.what, need: count, have };
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], HardwareError> {
        let have = self.rest.len();
        let cut = HardwareError::Truncated { what: self.what, need: N, have };
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(cut)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, HardwareError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16_le(&mut self) -> Result<u16, HardwareError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32_le(&mut self) -> Result<u32, HardwareError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64_le(&mut self) -> Result<u64, HardwareError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of three bytes.
    pub(crate) fn u24_le(&mut self) -> Result<u32, HardwareError> {
        self.array().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn end(self) -> Result<(), HardwareError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(HardwareError::TrailingBytes { what: self.what, count }),
        }
    }
}
