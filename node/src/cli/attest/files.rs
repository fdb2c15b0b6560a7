//! Files that importers read: opened as often as an importer asks, never held whole here, with a bar for the large ones.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use standstill_attestations::Kind;
use standstill_importers::{Draft, FORMATS, ImportError, Options, Source};
use standstill_protocol::hash::Hash;

use crate::cli::{Failure, Global};

/// Bytes from which a file is worth a bar.
const BAR_BYTES: u64 = 16 << 20;

/// A file that an importer reads.
struct OnDisk {
    path: PathBuf,
    name: String,
    size: u64,
    bar: Option<ProgressBar>,
}

impl OnDisk {
    fn at(global: &Global, path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::unavailable(format!("cannot read `{}`: {error}", path.display()));
        let file = std::fs::File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Failure::usage(format!("`{}` is a folder", path.display()))
                .hint("name the files in it, each with `--from`"));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let size = metadata.len();
        let bar = (size >= BAR_BYTES && global.shows_progress()).then(|| bar(&name, size));
        Ok(OnDisk { path: path.to_owned(), name, size, bar })
    }
}

impl standstill_importers::Content for OnDisk {
    fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
        Ok(Box::new(std::fs::File::open(&self.path)?))
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }
}

fn bar(name: &str, size: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
    // A template that does not parse would be a bar without words, no reason to stop.
    if let Ok(style) = ProgressStyle::with_template("{msg:24!} {bar:30} {bytes:>10} of {total_bytes:<10} {eta}") {
        bar.set_style(style.progress_chars("##-"));
    }
    bar.set_message(name.to_owned());
    bar
}

impl Global {
    /// Whether anybody sees a bar, and wants one.
    fn shows_progress(&self) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        !self.quiet && !self.no_progress && !set("NO_COLOR") && !dumb && std::io::stderr().is_terminal()
    }
}

/// Imports files for a kind of statement.
pub(super) fn import(global: &Global, kind: Kind, paths: &[PathBuf], options: &Options) -> Result<Draft, Failure> {
    let files = paths.iter().map(|path| OnDisk::at(global, path)).collect::<Result<Vec<_>, _>>()?;
    if files.is_empty() {
        let mut tools: Vec<&str> = FORMATS.iter().filter(|format| format.kind() == kind).map(|f| f.described).collect();
        tools.dedup();
        return Err(Failure::usage(format!("a `{kind}` statement needs `--from FILE`"))
            .hint(format!("name what your tools wrote: {}", tools.join(", "))));
    }
    let shown: Vec<Advance<'_>> = files.iter().map(advance).collect();
    let sources = files.iter().zip(&shown).map(|(file, shown)| Source::stream(&file.name, file).with_progress(shown));
    let sources: Vec<_> = sources.collect();
    let draft = standstill_importers::import(kind, &sources, options);
    files.iter().filter_map(|file| file.bar.as_ref()).for_each(ProgressBar::finish_and_clear);
    draft.map_err(|error| with_help(error, kind))
}

/// Told how many bytes were read, and of how many.
type Advance<'a> = Box<dyn Fn(u64, Option<u64>) + 'a>;

fn advance(file: &OnDisk) -> Advance<'_> {
    Box::new(|done, _| {
        if let Some(bar) = &file.bar {
            bar.set_position(done);
        }
    })
}

/// A file of no known format is told which ones there are.
fn with_help(error: ImportError, kind: Kind) -> Failure {
    let unknown = matches!(error, ImportError::UnknownFormat { .. });
    let failure = Failure::from(error);
    if !unknown {
        return failure;
    }
    let mut tools: Vec<&str> = FORMATS.iter().filter(|format| format.kind() == kind).map(|f| f.described).collect();
    tools.dedup();
    failure.hint(format!("a `{kind}` statement is made from: {}", tools.join(", ")))
}

/// SHA-256 and length of a file of any size.
pub(super) fn digest(path: &Path) -> Result<(Hash, u64), Failure> {
    use sha2::Digest as _;
    let failed = |error: std::io::Error| Failure::unavailable(format!("cannot read `{}`: {error}", path.display()));
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0u64;
    loop {
        let count = std::io::Read::read(&mut file, &mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok((Hash::from_bytes(hasher.finalize().into()), size));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        size = size.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

/// A digest as a flag names it: 64 hex digits, or a file.
pub(super) fn digest_of(text: &str) -> Result<Hash, Failure> {
    match text.parse::<Hash>() {
        Ok(hash) => Ok(hash),
        Err(_) => Ok(digest(Path::new(text))?.0),
    }
}
