//! Tiles: the log as immutable files, for HTTP and for disk.
//!
//! ```text
//! tile/0/x001/x234/067          256 leaf hashes: number 1,234,067 on level 0
//! tile/0/273.p/112              the partial one at its right edge, 112 hashes
//! tile/1/000                    256 hashes, each the tree hash of one full tile below
//! tile/entries/273.p/112        112 entries, each `length u16 BE || bytes`
//! ```
//!
//! Tile n of level l holds the tree hashes of 256^l leaves each. A log of 70,000 leaves is 273 full tiles and `.p/112` on
//! level 0, one full and `.p/17` on level 1, `.p/1` on level 2. An empty tile does not exist.
//! Source: <https://c2sp.org/tlog-tiles>.

use std::fmt;
use std::str::FromStr;

use crate::block::MAX_ENTRY_BYTES;
use crate::checkpoint::decimal;
use crate::hash::Hash;
use crate::log::{Coordinate, HashReader, MAX_SIZE, ProofError, node_hash};

/// Hashes in a full tile, and entries in a full bundle.
pub const WIDTH: u16 = 256;
/// Levels of the tree between one level of tiles and the next.
const TILE_HEIGHT: u8 = 8;
/// The highest level of tiles that a log can reach: 2^63 leaves are 63 levels of the tree.
pub const MAX_LEVEL: u8 = 7;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contents {
    /// Hashes of this level of tiles.
    Hashes {
        /// From 0, for leaves, to [`MAX_LEVEL`].
        level: u8,
    },
    /// Entries themselves.
    Entries,
}

/// One file of a tiled log; written as its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    contents: Contents,
    index: u64,
    width: u16,
}

/// Why a path or a file is no tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not the path of a tile.
    #[error("`{path}` is not the path of a tile, such as `tile/0/x001/234` or `tile/entries/000.p/17`")]
    BadPath {
        /// The path, shortened.
        path: String,
    },
    /// An entry that a length of 16 bits cannot say.
    #[error("an entry of {length} bytes does not fit a bundle: at most {MAX_ENTRY_BYTES}")]
    EntryTooLong {
        /// Its length.
        length: usize,
    },
    /// More than [`WIDTH`] entries, or none.
    #[error("{count} entries in a bundle: 1 to {WIDTH} are expected")]
    EntryCount {
        /// Entries given.
        count: usize,
    },
    /// A bundle that ends within an entry, or holds more or fewer than its width.
    #[error("the bundle does not hold exactly {width} entries")]
    BadBundle {
        /// Entries expected.
        width: u16,
    },
    /// A tile of another length than its width.
    #[error("a tile of width {width} has {expected} bytes, not {found}")]
    WrongLength {
        /// Hashes expected.
        width: u16,
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
}

/// How many hashes of a level of tiles (or entries, at level 0) a log of `size` leaves has.
fn count_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0)
}

impl Contents {
    fn level(self) -> u8 {
        match self {
            Contents::Hashes { level } => level,
            Contents::Entries => 0,
        }
    }
}

impl Tile {
    /// A tile by its place: width 1 to 256, level at most [`MAX_LEVEL`]. `None` for others, and for places that no log
    /// of [`MAX_SIZE`] leaves reaches.
    pub fn new(contents: Contents, index: u64, width: u16) -> Option<Self> {
        let reachable = contents.level() <= MAX_LEVEL && (1..=WIDTH).contains(&width);
        let end = index.checked_mul(u64::from(WIDTH))?.checked_add(u64::from(width))?;
        (reachable && end <= count_at(contents.level(), MAX_SIZE)).then_some(Tile { contents, index, width })
    }

    /// Hashes or entries.
    pub fn contents(self) -> Contents {
        self.contents
    }

    /// From the left, within its level.
    pub fn index(self) -> u64 {
        self.index
    }

    /// Hashes or entries in it: 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Whether it has fewer than 256.
    pub fn is_partial(self) -> bool {
        self.width < WIDTH
    }

    /// Whether a log of `size` leaves has this tile: full, or partial of exactly this width or narrower.
    pub fn is_within(self, size: u64) -> bool {
        let end = self.index.saturating_mul(u64::from(WIDTH)).saturating_add(u64::from(self.width));
        end <= count_at(self.contents.level(), size)
    }

    /// Places of the hashes in it, from left to right. For entries, those of their leaf hashes.
    pub fn coordinates(self) -> impl Iterator<Item = Coordinate> {
        let level = self.contents.level() * TILE_HEIGHT;
        let first = self.index * u64::from(WIDTH);
        (0..u64::from(self.width)).map(move |offset| Coordinate { level, index: first + offset })
    }

    /// The file of a tile of hashes: 32 bytes a hash. For a tile of entries, the hashes of its leaves.
    pub fn read<R: HashReader>(self, reader: &R) -> Result<Vec<u8>, R::Error> {
        let mut bytes = Vec::with_capacity(usize::from(self.width) * 32);
        for at in self.coordinates() {
            bytes.extend_from_slice(reader.read(at)?.as_bytes());
        }
        Ok(bytes)
    }

    /// The hashes in the file of a tile of hashes.
    pub fn hashes(self, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
        let expected = usize::from(self.width) * 32;
        if bytes.len() != expected {
            return Err(TileError::WrongLength { width: self.width, expected, found: bytes.len() });
        }
        let (chunks, _) = bytes.as_chunks::<32>();
        Ok(chunks.iter().map(|chunk| Hash::from_bytes(*chunk)).collect())
    }
}

/// Every tile that a log needs when it grows from `old_size` to `new_size` leaves and did not need before: full ones that
/// were completed, and the partial ones at the new right edge. Entries first, then level by level.
pub fn added(old_size: u64, new_size: u64) -> impl Iterator<Item = Tile> {
    let levels = (0..=MAX_LEVEL).map(|level| Contents::Hashes { level });
    let new_size = new_size.min(MAX_SIZE);
    std::iter::once(Contents::Entries).chain(levels).flat_map(move |contents| {
        let old_count = count_at(contents.level(), old_size);
        let new_count = count_at(contents.level(), new_size);
        let width = u64::from(WIDTH);
        let full = (old_count / width..new_count / width).map(move |index| Tile { contents, index, width: WIDTH });
        let rest = (new_count % width) as u16;
        let partial =
            (new_count > old_count && rest > 0).then_some(Tile { contents, index: new_count / width, width: rest });
        full.chain(partial)
    })
}

/// `x001/x234/067`: groups of three digits, all but the last marked.
fn index_path(index: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

/// The path.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.contents {
            Contents::Hashes { level } => write!(f, "tile/{level}/{}", index_path(self.index))?,
            Contents::Entries => write!(f, "tile/entries/{}", index_path(self.index))?,
        }
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

fn parse_path(path: &str) -> Option<Tile> {
    // The longest path of a reachable tile has some 40 characters.
    let rest = path.strip_prefix("tile/").filter(|rest| rest.len() <= 64)?;
    let (contents, rest) = rest.split_once('/')?;
    let contents = match contents {
        "entries" => Contents::Entries,
        level => Contents::Hashes { level: u8::try_from(decimal(level, u64::from(MAX_LEVEL))?).ok()? },
    };
    let (groups, width) = match rest.split_once(".p/") {
        Some((groups, width)) => (groups, u16::try_from(decimal(width, u64::from(WIDTH) - 1)?).ok()?),
        None => (rest, WIDTH),
    };
    let mut index = 0u64;
    for group in groups.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    let tile = Tile::new(contents, index, width)?;
    (tile.to_string() == path).then_some(tile)
}

impl FromStr for Tile {
    type Err = TileError;

    /// Parses a path; what was parsed is written out again and must be the same.
    fn from_str(path: &str) -> Result<Self, TileError> {
        parse_path(path).ok_or_else(|| TileError::BadPath { path: path.chars().take(80).collect() })
    }
}

/// The file of a tile of entries.
pub fn write_bundle<'e>(entries: impl IntoIterator<Item = &'e [u8]>) -> Result<Vec<u8>, TileError> {
    let mut bytes = Vec::new();
    let mut count = 0;
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLong { length: entry.len() })?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
        count += 1;
    }
    if !(1..=usize::from(WIDTH)).contains(&count) {
        return Err(TileError::EntryCount { count });
    }
    Ok(bytes)
}

/// The entries in the file of a tile of `width` entries.
pub fn read_bundle(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let refused = TileError::BadBundle { width };
    let mut entries = Vec::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        if after.len() < length || entries.len() == usize::from(width) {
            return Err(refused);
        }
        let (entry, after) = after.split_at(length);
        entries.push(entry);
        rest = after;
    }
    if !rest.is_empty() || entries.len() != usize::from(width) {
        return Err(refused);
    }
    Ok(entries)
}

/// Reads hashes of every level out of tiles, as a client or a store that keeps nothing else does.
///
/// `fetch` returns the file of a full tile, or of the partial one that a log of `size` leaves has.
#[derive(Clone, Debug)]
pub struct TiledLog<F> {
    size: u64,
    fetch: F,
}

impl<F> TiledLog<F> {
    /// A log of `size` leaves.
    pub fn new(size: u64, fetch: F) -> Self {
        TiledLog { size: size.min(MAX_SIZE), fetch }
    }
}

impl<F, E> HashReader for TiledLog<F>
where
    F: Fn(Tile) -> Result<Vec<u8>, E>,
{
    type Error = ProofError<E>;

    fn read(&self, at: Coordinate) -> Result<Hash, ProofError<E>> {
        let out_of_range = || ProofError::OutOfRange { asked: at.index, limit: self.size };
        let (level, height) = (at.level / TILE_HEIGHT, at.level % TILE_HEIGHT);
        // The subtree is 2^height neighbouring hashes of one tile.
        let first = at.index.checked_shl(u32::from(height)).filter(|first| first >> height == at.index);
        let first = first.ok_or_else(out_of_range)?;
        let index = first / u64::from(WIDTH);
        let available = count_at(level, self.size).saturating_sub(index.saturating_mul(u64::from(WIDTH)));
        let width = u16::try_from(available.min(u64::from(WIDTH))).map_err(|_| out_of_range())?;
        let tile = Tile::new(Contents::Hashes { level }, index, width).ok_or_else(out_of_range)?;
        let bytes = (self.fetch)(tile).map_err(ProofError::Read)?;
        let hashes = tile.hashes(&bytes).map_err(|_| out_of_range())?;
        let start = (first % u64::from(WIDTH)) as usize;
        let mut layer = hashes.get(start..start + (1 << height)).ok_or_else(out_of_range)?.to_vec();
        while layer.len() > 1 {
            layer = layer.chunks_exact(2).filter_map(|pair| Some(node_hash(pair.first()?, pair.last()?))).collect();
        }
        layer.first().copied().ok_or_else(out_of_range)
    }
}
