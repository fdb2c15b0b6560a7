//! What is in a bundle, without judging it. Needs no trust, and says so in its first line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;

use standstill_attestations::Statement;
use standstill_ledger::bundle::{BundleError, BundleReader, Frame};
use standstill_policies::Treaty;
use standstill_protocol::block::{Block, Entry};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;

use crate::screen::{grouped, wrap};

#[derive(Default)]
struct Contents {
    treaty: Option<(Hash, String)>,
    modules: Vec<(Hash, usize)>,
    blocks: u64,
    certificates: u64,
    checkpoints: u64,
    first: Option<(u64, String)>,
    last: Option<(u64, String)>,
    /// Records by member and kind.
    records: BTreeMap<(String, String), u64>,
}

/// Describes a bundle.
///
/// # Errors
///
/// Where it does not read. What was read before the damage is lost: nothing in a damaged file is worth reading.
pub fn describe<R: Read>(source: R) -> Result<String, BundleError> {
    let mut reader = BundleReader::open(source)?;
    let mut contents = Contents::default();
    while let Some(frame) = reader.next_frame()? {
        contents.add(frame);
    }
    Ok(contents.render(reader.offset()))
}

impl Contents {
    fn add(&mut self, frame: Frame) {
        match frame {
            Frame::Treaty(bytes) => {
                let title = match Treaty::parse(&bytes) {
                    Ok(treaty) => format!("{}, ledger {}", treaty.title, treaty.chain_id),
                    Err(error) => format!("does not read: {error}"),
                };
                self.treaty = Some((Hash::sha256(&bytes), title));
            }
            Frame::Module(bytes) => self.modules.push((Hash::sha256(&bytes), bytes.len())),
            Frame::Block(block) => self.add_block(&block),
            Frame::Certificate(_) => self.certificates += 1,
            Frame::Checkpoint(_) => self.checkpoints += 1,
        }
    }

    fn add_block(&mut self, block: &Block) {
        self.blocks += 1;
        let place = (block.header.height, block.header.time.to_string());
        self.first.get_or_insert_with(|| place.clone());
        self.last = Some(place);
        for entry in &block.entries {
            *self.records.entry(label(entry)).or_default() += 1;
        }
    }

    fn render(&self, bytes: u64) -> String {
        let mut out = String::from("nothing here is verified: `standstill-verify bundle` does that\n\n");
        let mut row = |label: &str, text: String| {
            for (index, part) in wrap(&text, 67).into_iter().enumerate() {
                let _ = writeln!(out, "{:<13}{part}", if index == 0 { label } else { "" });
            }
        };
        row("bytes", grouped(bytes));
        if let Some((hash, title)) = &self.treaty {
            row("treaty", format!("{title}; file sha256 {hash}"));
        }
        for (hash, length) in &self.modules {
            row("module", format!("{hash}  {} bytes", grouped(*length as u64)));
        }
        row("blocks", grouped(self.blocks));
        for (label, place) in [("first", &self.first), ("last", &self.last)] {
            if let Some((height, time)) = place {
                row(label, format!("height {}, {time}", grouped(*height)));
            }
        }
        row("certificates", format!("{} as frames, the others inside blocks", grouped(self.certificates)));
        row("checkpoints", grouped(self.checkpoints));
        for ((member, kind), count) in &self.records {
            row("records", format!("{:>9}  {member}  {kind}", grouped(*count)));
        }
        out
    }
}

/// Who an entry says it is by, and what it says it is.
fn label(entry: &Entry) -> (String, String) {
    let unread = |what: &str| ("?".to_owned(), what.to_owned());
    let Entry::Envelope(bytes) = entry else { return unread("evidence of misconduct") };
    let Ok(envelope) = Envelope::parse(bytes) else { return unread("malformed envelope") };
    match Statement::parse(envelope.payload()) {
        Ok(statement) => (statement.common.member.to_string(), statement.kind().to_string()),
        Err(_) => unread("malformed statement"),
    }
}
