//! Readings: the leaves of a lab's own telemetry log, and the openings by which an auditor sees some of them.
//!
//! ```text
//! standstill-reading/v1 1795433674907 node-1 9f86…0a08 energy-counter 251905148074 mJ
//!                       │             │      │         │              │            └ the unit that this quantity has
//!                       │             │      │         │              └ a whole number, plain decimal
//!                       │             │      │         └ what was read
//!                       │             │      └ the chip's tag, 64 hex digits
//!                       │             └ the meter that read it
//!                       └ when, milliseconds since 1970 UTC
//! ```
//!
//! One line of ASCII, seven fields with one space between them, no newline; that line is the leaf of an RFC 6962 log
//! (`spec/48-telemetry.md`). What is parsed and written again is the same line. The ledger holds only the size and root
//! of such a log; an [`Opening`] shows single leaves under them.
//!
//! ```
//! use standstill_attestations::reading::{Quantity, Reading};
//! let tag = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
//! let line = format!("standstill-reading/v1 1795433674907 node-1 {tag} energy-counter 251905148074 mJ");
//! let reading = Reading::parse(line.as_bytes()).unwrap();
//! assert_eq!((reading.quantity, reading.value), (Quantity::EnergyCounter, 251_905_148_074));
//! assert_eq!(reading.to_string(), line);
//! ```

mod opening;
mod sample;

use std::fmt;

use standstill_protocol::hash::{Domain, Hash};
use standstill_protocol::log;
use standstill_protocol::member::Name;
use standstill_protocol::units::Timestamp;

pub use opening::{MAX_OPENING_BYTES, OpenedLeaf, Opening, OpeningError, Verified};
pub use sample::{MAX_SAMPLE, Sample, SampleError};

use crate::words;

/// The first field of every leaf: the format and its version.
pub const READING_FORMAT: &str = "standstill-reading/v1";
/// Bytes of one leaf, at most: what every field's own bound allows.
pub const MAX_READING_BYTES: usize = 192;

words! {
    /// What was read from a chip. Each has one unit, which stands in the leaf beside the number.
    pub enum Quantity {
        /// Sampling began, or began again, at this interval; the chip's tag is of any one chip that is sampled.
        Start = "start",
        /// The chip's own count of the energy it has used; it only grows, until a driver or a machine starts again.
        EnergyCounter = "energy-counter",
        /// What the chip drew when it was asked.
        Power = "power",
        /// Share of time in which the chip's tensor pipes were active, since the reading before.
        TensorActive = "tensor-active",
        /// Share of time in which any work ran on the chip: an upper bound for what its tensor pipes could have done.
        Utilisation = "utilisation",
        /// For so long before this time the chip could not be read.
        Gap = "gap",
    }
}

impl Quantity {
    /// The unit of its values.
    pub const fn unit(self) -> &'static str {
        match self {
            Quantity::Start | Quantity::Gap => "ms",
            Quantity::EnergyCounter => "mJ",
            Quantity::Power => "mW",
            Quantity::TensorActive | Quantity::Utilisation => "ppm",
        }
    }

    /// The largest value: a share is at most one.
    pub const fn limit(self) -> u64 {
        match self {
            Quantity::TensorActive | Quantity::Utilisation => 1_000_000,
            Quantity::Start | Quantity::EnergyCounter | Quantity::Power | Quantity::Gap => u64::MAX,
        }
    }
}

/// One number that a meter read from one chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When it was read, by the meter's clock.
    pub time: Timestamp,
    /// The meter's name.
    pub meter: Name,
    /// The chip's tag.
    pub chip: Hash,
    /// What was read.
    pub quantity: Quantity,
    /// The number, in [`Quantity::unit`].
    pub value: u64,
}

/// Why bytes are no reading. One name for each rule of the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadingError {
    /// Longer than any reading.
    #[error("{length} bytes, more than {MAX_READING_BYTES}")]
    TooLong {
        /// Bytes found.
        length: usize,
    },
    /// A byte that is not printable ASCII.
    #[error("byte {offset} is not printable ASCII")]
    NotPrintable {
        /// Where.
        offset: usize,
    },
    /// Another number of fields than seven.
    #[error("{found} fields where seven are expected, one space between them")]
    FieldCount {
        /// Fields found.
        found: usize,
    },
    /// Another format, or a version that is not known.
    #[error("format `{found}` is not known, `{READING_FORMAT}` is")]
    UnknownFormat {
        /// The first field.
        found: String,
    },
    /// A time or a value that is no plain decimal number that fits.
    #[error("`{field}` is `{found}`: a plain decimal number without leading zeros is expected")]
    BadNumber {
        /// `time` or `value`.
        field: &'static str,
        /// The text found.
        found: String,
    },
    /// A meter whose name is none.
    #[error("the meter `{found}` is not a name: 1 to 32 of a-z, 0-9 and `-`")]
    BadMeter {
        /// The text found.
        found: String,
    },
    /// A tag that is not 64 lower-case hex digits.
    #[error("the chip `{found}` is not 64 lower-case hex digits")]
    BadChip {
        /// The text found.
        found: String,
    },
    /// A quantity that is not known.
    #[error("the quantity `{found}` is not known")]
    UnknownQuantity {
        /// The text found.
        found: String,
    },
    /// A unit that the quantity does not have.
    #[error("the unit of `{quantity}` is {expected}, not `{found}`")]
    WrongUnit {
        /// The quantity.
        quantity: Quantity,
        /// Its unit.
        expected: &'static str,
        /// The text found.
        found: String,
    },
    /// A share above one.
    #[error("`{quantity}` is {value}, more than {limit}")]
    OutOfRange {
        /// The quantity.
        quantity: Quantity,
        /// The value found.
        value: u64,
        /// Its largest value.
        limit: u64,
    },
}

impl Reading {
    /// Parses a leaf; the line that it writes is the line that was parsed.
    pub fn parse(leaf: &[u8]) -> Result<Self, ReadingError> {
        if leaf.len() > MAX_READING_BYTES {
            return Err(ReadingError::TooLong { length: leaf.len() });
        }
        if let Some(offset) = leaf.iter().position(|byte| !(b' '..=b'~').contains(byte)) {
            return Err(ReadingError::NotPrintable { offset });
        }
        // Printable ASCII is UTF-8.
        let text = std::str::from_utf8(leaf).unwrap_or_default();
        let fields: Vec<&str> = text.split(' ').collect();
        let &[format, time, meter, chip, quantity, value, unit] = fields.as_slice() else {
            return Err(ReadingError::FieldCount { found: fields.len() });
        };
        if format != READING_FORMAT {
            return Err(ReadingError::UnknownFormat { found: format.to_owned() });
        }
        let reading = Reading {
            time: time_of(time)?,
            meter: meter.parse().map_err(|_| ReadingError::BadMeter { found: meter.to_owned() })?,
            chip: chip_of(chip)?,
            quantity: Quantity::from_word(quantity)
                .ok_or_else(|| ReadingError::UnknownQuantity { found: quantity.to_owned() })?,
            value: number("value", value)?,
        };
        reading.check_unit(unit)?;
        Ok(reading)
    }

    fn check_unit(&self, unit: &str) -> Result<(), ReadingError> {
        let (quantity, value, expected) = (self.quantity, self.value, self.quantity.unit());
        if unit != expected {
            return Err(ReadingError::WrongUnit { quantity, expected, found: unit.to_owned() });
        }
        if value > quantity.limit() {
            return Err(ReadingError::OutOfRange { quantity, value, limit: quantity.limit() });
        }
        Ok(())
    }

    /// The RFC 6962 hash of the leaf.
    pub fn leaf_hash(&self) -> Hash {
        log::leaf_hash(self.to_string().as_bytes())
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reading { time, meter, chip, quantity, value } = self;
        write!(f, "{READING_FORMAT} {} {meter} {chip} {quantity} {value} {}", time.0, quantity.unit())
    }
}

/// The tag of a chip in readings, from the text by which its driver knows it, such as `GPU-20c56d28-…`.
pub fn chip_tag(chain_id: &Hash, driver_id: &str) -> Hash {
    Hash::tagged(Domain::MeteredChip, &[chain_id.as_bytes(), driver_id.as_bytes()])
}

/// Plain decimal: digits, no leading zero, fits 64 bits.
fn number(field: &'static str, text: &str) -> Result<u64, ReadingError> {
    let bad = || ReadingError::BadNumber { field, found: text.to_owned() };
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().map_err(|_| bad()) } else { Err(bad()) }
}

fn time_of(text: &str) -> Result<Timestamp, ReadingError> {
    let time = Timestamp(number("time", text)?);
    // A statement could not say a time beyond the year 9999.
    if Timestamp::parse(&time.to_string()) != Ok(time) {
        return Err(ReadingError::BadNumber { field: "time", found: text.to_owned() });
    }
    Ok(time)
}

fn chip_of(text: &str) -> Result<Hash, ReadingError> {
    text.parse().map_err(|_| ReadingError::BadChip { found: text.to_owned() })
}
