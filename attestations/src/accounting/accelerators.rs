//! The chip table: what one accelerator can do at most, and what it draws. Data that a treaty pins by hash.
//!
//! ```text
//! id,name,bf16_dense_flops,fp8_dense_flops,memory_gb,memory_tb_per_s,tdp_w,source
//! h100-sxm,NVIDIA H100 SXM,989e12,1979e12,80,3.35,700,vendor datasheet; 989 is MIRI's H100-equivalent …
//! tpu-v4,Google TPU v4,275e12,,32,1.2,,vendor page; 275 agrees with a second table
//! ```
//!
//! Strict: that header, eight cells a line, no quotes, no carriage returns, a newline after the last line; ids are
//! names and stand once; numbers are whole in their unit once their exponent is applied. `fp8_dense_flops` and
//! `tdp_w` may be empty. Rows keep the order of the file.

use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Flop;

use crate::reader::shorten;

/// The table that the shipped treaties pin.
pub const SHIPPED: &[u8] = include_bytes!("../../data/accelerators.csv");

const HEADER: &str = "id,name,bf16_dense_flops,fp8_dense_flops,memory_gb,memory_tb_per_s,tdp_w,source";
/// Bytes of a table.
const MAX_BYTES: usize = 256 * 1024;
/// Rows of a table.
const MAX_ROWS: usize = 1024;

/// A parsed table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipTable {
    rows: Vec<Chip>,
    sha256: Hash,
}

/// One accelerator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// What a statement's `hardware.accelerator` names.
    pub id: Name,
    /// For people.
    pub name: String,
    /// Peak dense FLOP a second at BF16.
    pub bf16_dense_flops: u64,
    /// Peak dense FLOP a second at FP8, where the chip has it.
    pub fp8_dense_flops: Option<u64>,
    /// Memory in units of 1e9 bytes.
    pub memory_gb: u64,
    /// Bytes a second between chip and memory.
    pub memory_bytes_per_second: u64,
    /// Thermal design power in watts, where the vendor gives it.
    pub tdp_watts: Option<u64>,
    /// Where the figures come from.
    pub source: String,
}

impl Chip {
    /// The most operations of any width that the chip does in a second.
    pub fn highest_peak(&self) -> u64 {
        self.fp8_dense_flops.unwrap_or(0).max(self.bf16_dense_flops)
    }
}

/// Why a file is no chip table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChipTableError {
    /// Larger than any table.
    #[error("{length} bytes, a chip table has at most {limit}")]
    TooLarge {
        /// Bytes of the file.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not text, or text with characters that a table does not use.
    #[error(
        "not a plain table: a carriage return, a quote, a control character, bytes that are not UTF-8, or no newline at the end"
    )]
    NotPlain,
    /// Another first line.
    #[error("the first line is `{found}`, not `{HEADER}`")]
    Header {
        /// The line, shortened.
        found: String,
    },
    /// A table without chips.
    #[error("no row below the header")]
    NoRows,
    /// More chips than a table may have.
    #[error("more than {limit} rows")]
    TooManyRows {
        /// Rows allowed.
        limit: usize,
    },
    /// Not eight cells.
    #[error("line {line} has {count} cells, not 8: a cell cannot hold a comma")]
    Cells {
        /// Counted from 1.
        line: usize,
        /// Cells found.
        count: usize,
    },
    /// A cell that is not what its column holds.
    #[error("line {line}: {column} `{found}` is not {expected}")]
    Cell {
        /// Counted from 1.
        line: usize,
        /// The column's name.
        column: &'static str,
        /// The cell, shortened.
        found: String,
        /// What stands there in a table.
        expected: &'static str,
    },
    /// An id that stands twice.
    #[error("line {line}: `{id}` stands twice")]
    Repeated {
        /// Counted from 1.
        line: usize,
        /// The id.
        id: Name,
    },
}

impl ChipTable {
    /// Reads a table strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChipTableError> {
        if bytes.len() > MAX_BYTES {
            return Err(ChipTableError::TooLarge { length: bytes.len(), limit: MAX_BYTES });
        }
        let plain = |text: &&str| !text.chars().any(|c| c == '"' || (c.is_control() && c != '\n'));
        let text = std::str::from_utf8(bytes).ok().filter(plain).ok_or(ChipTableError::NotPlain)?;
        let text = text.strip_suffix('\n').ok_or(ChipTableError::NotPlain)?;
        let mut lines = text.split('\n').zip(1..);
        let header = lines.next().map_or("", |(line, _)| line);
        if header != HEADER {
            return Err(ChipTableError::Header { found: shorten(header) });
        }
        let mut rows: Vec<Chip> = Vec::new();
        for (text, line) in lines {
            let chip = Row { line }.chip(text)?;
            if rows.iter().any(|known| known.id == chip.id) {
                return Err(ChipTableError::Repeated { line, id: chip.id });
            }
            if rows.len() >= MAX_ROWS {
                return Err(ChipTableError::TooManyRows { limit: MAX_ROWS });
            }
            rows.push(chip);
        }
        if rows.is_empty() {
            return Err(ChipTableError::NoRows);
        }
        Ok(ChipTable { rows, sha256: Hash::sha256(bytes) })
    }

    /// [`SHIPPED`], parsed.
    pub fn shipped() -> Result<Self, ChipTableError> {
        ChipTable::parse(SHIPPED)
    }

    /// The chips, as the file has them.
    pub fn rows(&self) -> &[Chip] {
        &self.rows
    }

    /// The chip of that id.
    pub fn find(&self, id: &Name) -> Option<&Chip> {
        self.rows.iter().find(|chip| chip.id == *id)
    }

    /// Chips that a tool may mean by a name such as `h100` or `NVIDIA H100 80GB HBM3`: those whose id's first word is
    /// in the name, or, where there are such, those whose every word is. None is a guess that nobody should make; more
    /// than one is a question for whoever knows the machine.
    ///
    /// ```
    /// use standstill_attestations::accounting::accelerators::ChipTable;
    /// let table = ChipTable::shipped().unwrap();
    /// let ids = |name| table.named(name).iter().map(|chip| chip.id.to_string()).collect::<Vec<_>>();
    /// assert_eq!(ids("NVIDIA A100-SXM4-80GB"), ["a100-sxm-80gb"]);
    /// assert_eq!(ids("h100"), ["h100-sxm", "h100-pcie"]);
    /// assert_eq!(ids("Tesla T4"), [""; 0]);
    /// ```
    pub fn named(&self, name: &str) -> Vec<&Chip> {
        let name = name.to_ascii_lowercase();
        let words: Vec<&str> =
            name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        // `sxm4` says `sxm`, while `h1000` does not say `h100`.
        let says = |part: &str| {
            words
                .iter()
                .any(|word| *word == part || (part.bytes().all(|b| b.is_ascii_lowercase()) && word.starts_with(part)))
        };
        let parts = |chip: &Chip| chip.id.as_str().split('-').map(str::to_owned).collect::<Vec<_>>();
        let exact: Vec<&Chip> = self.rows.iter().filter(|chip| parts(chip).iter().all(|part| says(part))).collect();
        if !exact.is_empty() {
            return exact;
        }
        let near = |chip: &&Chip| {
            parts(chip).first().is_some_and(|part| says(part) && part.bytes().any(|b| b.is_ascii_digit()))
        };
        self.rows.iter().filter(near).collect()
    }

    /// SHA-256 of the file: what a treaty pins as `counting.chip_table`.
    pub fn sha256(&self) -> Hash {
        self.sha256
    }
}

/// Reads the cells of one line.
#[derive(Clone, Copy)]
struct Row {
    line: usize,
}

impl Row {
    fn chip(self, text: &str) -> Result<Chip, ChipTableError> {
        let cells: Vec<&str> = text.split(',').collect();
        let [id, name, bf16, fp8, memory, bandwidth, tdp, source] = cells[..] else {
            return Err(ChipTableError::Cells { line: self.line, count: cells.len() });
        };
        let bandwidth = format!("{bandwidth}e12");
        Ok(Chip {
            id: id.parse().map_err(|_| self.wrong("id", id, "a short name: a-z, 0-9 and `-`"))?,
            name: self.text("name", name)?,
            bf16_dense_flops: self.whole("bf16_dense_flops", bf16)?,
            fp8_dense_flops: self.optional("fp8_dense_flops", fp8)?,
            memory_gb: self.whole("memory_gb", memory)?,
            memory_bytes_per_second: self.whole("memory_tb_per_s", &bandwidth)?,
            tdp_watts: self.optional("tdp_w", tdp)?,
            source: self.text("source", source)?,
        })
    }

    fn wrong(self, column: &'static str, found: &str, expected: &'static str) -> ChipTableError {
        ChipTableError::Cell { line: self.line, column, found: shorten(found), expected }
    }

    fn text(self, column: &'static str, cell: &str) -> Result<String, ChipTableError> {
        let fit = !cell.is_empty() && cell.trim() == cell;
        if fit { Ok(cell.to_owned()) } else { Err(self.wrong(column, cell, "a text without space around it")) }
    }

    fn whole(self, column: &'static str, cell: &str) -> Result<u64, ChipTableError> {
        let value = cell.parse::<Flop>().ok().and_then(|value| u64::try_from(value.0).ok()).filter(|value| *value > 0);
        value.ok_or_else(|| self.wrong(column, cell, "a whole number above 0 such as 989e12"))
    }

    fn optional(self, column: &'static str, cell: &str) -> Result<Option<u64>, ChipTableError> {
        if cell.is_empty() { Ok(None) } else { self.whole(column, cell).map(Some) }
    }
}
