//! Is one bundle an extension of another? (Belenios' `verifydiff`.)
//!
//! NEW extends OLD when it opens with the same treaty and modules and holds every block of OLD, at the same place.
//! Certificates may differ: nodes hold different quorums of one decision. Nothing is verified here: run `bundle` on NEW.

use std::io::Read;

use standstill_ledger::bundle::{BundleError, BundleReader, Frame};
use standstill_protocol::hash::Hash;

/// How two bundles relate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// NEW holds all of OLD, and this many blocks more.
    Extends {
        /// Blocks of OLD.
        blocks: u64,
        /// Blocks that NEW adds.
        added: u64,
    },
    /// NEW ends before OLD does.
    Shorter {
        /// Blocks that both hold.
        blocks: u64,
        /// The first height that NEW lacks.
        height: u64,
    },
    /// Other treaty or modules.
    OtherRules,
    /// Both hold a block of this height, and they differ.
    Differs {
        /// The height.
        height: u64,
        /// Hash of OLD's header.
        old: Hash,
        /// Hash of NEW's header.
        new: Hash,
    },
}

/// Compares two bundles as streams.
///
/// # Errors
///
/// Where one of them does not read.
pub fn compare<A: Read, B: Read>(old: A, new: B) -> Result<Relation, BundleError> {
    let mut old = Blocks::open(old)?;
    let mut new = Blocks::open(new)?;
    let mut blocks = 0;
    loop {
        match (old.next()?, new.next()?) {
            (Some(Frame::Block(a)), Some(Frame::Block(b))) if a == b => blocks += 1,
            (Some(Frame::Block(a)), Some(Frame::Block(b))) => {
                return Ok(Relation::Differs { height: a.header.height, old: a.hash(), new: b.hash() });
            }
            (Some(Frame::Block(a)), None) => return Ok(Relation::Shorter { blocks, height: a.header.height }),
            (None, Some(Frame::Block(_))) => return Ok(Relation::Extends { blocks, added: 1 + new.count()? }),
            (a, b) if a != b => return Ok(Relation::OtherRules),
            (None, _) => return Ok(Relation::Extends { blocks, added: 0 }),
            _ => {}
        }
    }
}

/// The frames of a bundle that are the same in every bundle of one ledger: treaty, modules, blocks.
struct Blocks<R> {
    reader: BundleReader<R>,
}

impl<R: Read> Blocks<R> {
    fn open(source: R) -> Result<Self, BundleError> {
        Ok(Blocks { reader: BundleReader::open(source)? })
    }

    fn next(&mut self) -> Result<Option<Frame>, BundleError> {
        loop {
            match self.reader.next_frame()? {
                Some(Frame::Certificate(_) | Frame::Checkpoint(_)) => {}
                other => return Ok(other),
            }
        }
    }

    fn count(&mut self) -> Result<u64, BundleError> {
        let mut count = 0;
        while self.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}
