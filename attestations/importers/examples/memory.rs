//! Imports one file and prints what it took of time and memory: `cargo run --release --example memory -- sacct.txt`.
//!
//! The peak is `VmHWM` of `/proc/self/status`: the most memory that the process ever held at once.

use std::fs::File;
use std::io::Read;
use std::time::Instant;

use standstill_attestations::statement::Kind;
use standstill_importers::{Content, Draft, Options, Source, import};

struct OnDisk {
    path: String,
}

impl Content for OnDisk {
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(&self.path)?))
    }

    fn size(&self) -> Option<u64> {
        std::fs::metadata(&self.path).ok().map(|file| file.len())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("a file's name is expected")?;
    let (file, begun) = (OnDisk { path: path.clone() }, Instant::now());
    let progress = |done: u64, of: Option<u64>| {
        if done % (64 << 20) < (256 << 10) {
            eprintln!("{done} of {} bytes", of.unwrap_or(0));
        }
    };
    let source = Source::stream(&path, &file).with_progress(&progress);
    let draft = import(Kind::TrainingCompute, &[source], &Options::default())?;
    if let Draft::Training(imported) = &draft {
        imported.took.iter().for_each(|note| println!("took  {note}"));
        imported.left.iter().for_each(|note| println!("left  {note}"));
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    println!("{peak}, {} ms", begun.elapsed().as_millis());
    Ok(())
}
