//! The bundle's frames: what is written is read back, nothing is read past its bounds, and no byte is free.

use std::io::{self, Read, Write};

use standstill_ledger::bundle::{
    BundleError, BundleReader, BundleWriter, Frame, MAGIC, MAX_COMPRESSED_BYTES, MAX_FRAME_BYTES, first_digest,
    frame_digest,
};
use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::certificate::Certificate;
use standstill_protocol::hash::Hash;
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::Address;

fn block(height: u64, entries: Vec<Entry>) -> Block {
    let previous_certificate = (height > 1).then(|| certificate(height - 1));
    let header = Header {
        version: 1,
        chain_id: Hash::sha256(b"chain"),
        height,
        time: Timestamp(height * 1000),
        previous: Hash::sha256(&height.to_le_bytes()),
        proposer: Address::from_bytes([7; 20]),
        previous_certificate: Hash::ZERO,
        entries_root: Block::entries_root(&entries),
        entry_count: entries.len() as u32,
        log_size: height,
        log_root: Hash::ZERO,
        validators: Hash::ZERO,
        next_validators: Hash::ZERO,
        treaty: Hash::ZERO,
        state_root: Hash::ZERO,
    };
    Block { header, previous_certificate, entries }
}

fn certificate(height: u64) -> Certificate {
    Certificate::new(height, 0, Hash::sha256(&height.to_be_bytes()), Vec::new())
}

fn sample(heights: u64) -> Vec<u8> {
    let mut writer = BundleWriter::new(Vec::new(), b"name = \"x\"\n", &[vec![2], vec![1], vec![2]]).unwrap();
    for height in 1..=heights {
        let entry = Entry::Envelope(format!("entry {height} {}", "x".repeat(40)).into_bytes());
        writer.block(&block(height, vec![entry]), &certificate(height)).unwrap();
        if height == 2 {
            writer.checkpoint(b"note").unwrap();
        }
    }
    writer.finish().unwrap().0
}

#[test]
fn a_frame_that_states_no_size_is_budgeted_by_what_it_holds_and_refused() {
    use std::io::Write as _;
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 0).unwrap();
    let noise: Vec<u8> = (0..200u32).flat_map(|n| *Hash::sha256(&n.to_le_bytes()).as_bytes()).collect();
    encoder.write_all(&noise).unwrap();
    let compressed = encoder.finish().unwrap();
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&(compressed.len() as u32).to_le_bytes());
    bytes.extend_from_slice(frame_digest(&first_digest(), &compressed).as_bytes());
    bytes.extend_from_slice(&compressed);
    let raw = BundleReader::open(&bytes[..]).unwrap().next_raw().unwrap().unwrap();
    assert!(raw.content_size() >= compressed.len(), "{} of {}", raw.content_size(), compressed.len());
    assert!(matches!(raw.decode(), Err(BundleError::Compression { .. })));
}

fn kinds(bytes: &[u8]) -> Result<Vec<&'static str>, BundleError> {
    let mut reader = BundleReader::open(bytes)?;
    let mut kinds = Vec::new();
    while let Some(frame) = reader.next_frame()? {
        kinds.push(frame.kind());
    }
    Ok(kinds)
}

/// A file of hand-made frames with right digests.
fn forged(contents: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let mut digest = first_digest();
    for compressed in contents {
        digest = frame_digest(&digest, compressed);
        bytes.extend_from_slice(&(compressed.len() as u32).to_le_bytes());
        bytes.extend_from_slice(digest.as_bytes());
        bytes.extend_from_slice(compressed);
    }
    bytes
}

#[test]
fn what_is_written_is_read_back_and_certificates_are_frames_only_where_needed() {
    let expected =
        ["treaty", "module", "module", "block", "block", "certificate", "checkpoint", "block", "certificate"];
    assert_eq!(kinds(&sample(3)).unwrap(), expected);
    let bytes = sample(3);
    let mut reader = BundleReader::open(&bytes[..]).unwrap();
    assert_eq!(reader.next_frame().unwrap(), Some(Frame::Treaty(b"name = \"x\"\n".to_vec())));
    while reader.next_frame().unwrap().is_some() {}
    assert_eq!(reader.offset(), bytes.len() as u64);
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = sample(3);
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << bit;
            assert!(kinds(&flipped).is_err(), "byte {position}, bit {bit}");
        }
    }
}

#[test]
fn a_file_cut_inside_a_frame_is_refused_and_one_cut_at_an_edge_is_shorter() {
    let bytes = sample(3);
    let mut reader = BundleReader::open(&bytes[..]).unwrap();
    let mut edges = vec![reader.offset() as usize];
    while reader.next_frame().unwrap().is_some() {
        edges.push(reader.offset() as usize);
    }
    for length in 0..bytes.len() {
        assert_eq!(kinds(&bytes[..length]).is_ok(), edges.contains(&length), "cut at {length}");
    }
}

#[test]
fn a_longer_bundle_continues_a_shorter_one() {
    let short = sample(4);
    let long = sample(5);
    let common = short.iter().zip(&long).take_while(|(a, b)| a == b).count();
    let mut reader = BundleReader::open(&short[..]).unwrap();
    let mut last_block_end = 0;
    while let Some(frame) = reader.next_frame().unwrap() {
        if frame.kind() == "block" {
            last_block_end = reader.offset() as usize;
        }
    }
    assert!(common >= last_block_end, "all frames but the short bundle's last certificate are shared");
}

#[test]
fn frames_out_of_order_are_refused() {
    let zip = |frame: &Frame| zstd::bulk::compress(&frame.encode(), 3).unwrap();
    let treaty = zip(&Frame::Treaty(vec![]));
    let mut modules = [vec![1u8], vec![2]];
    modules.sort_by_key(|module| Hash::sha256(module));
    let [first, second] = modules.map(|module| zip(&Frame::Module(module)));
    let one = zip(&Frame::Block(block(1, vec![])));
    let certified = zip(&Frame::Certificate(certificate(1)));
    let note = zip(&Frame::Checkpoint(vec![]));
    let wrong: [&[&Vec<u8>]; 8] = [
        &[&first],
        &[&treaty, &treaty],
        &[&treaty, &one],
        &[&treaty, &second, &first],
        &[&treaty, &first, &first],
        &[&treaty, &first, &certified],
        &[&treaty, &first, &note],
        &[&treaty, &first, &one, &certified, &certified],
    ];
    for (case, frames) in wrong.iter().enumerate() {
        let contents: Vec<_> = frames.iter().map(|bytes| (*bytes).clone()).collect();
        assert!(matches!(kinds(&forged(&contents)), Err(BundleError::Order { .. })), "case {case}");
    }
    let module_after_block = forged(&[treaty, first, one, second]);
    assert!(matches!(kinds(&module_after_block), Err(BundleError::Order { index: 3, .. })));
}

#[test]
fn an_oversized_claim_is_refused_before_anything_is_read() {
    struct Counting<'a>(&'a [u8], usize);
    impl Read for Counting<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.read(buffer)?;
            self.1 += count;
            Ok(count)
        }
    }
    let claims = [0, MAX_COMPRESSED_BYTES as u32 + 1, u32::MAX];
    for length in claims {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&vec![0; 100_000]);
        let mut source = Counting(&bytes, 0);
        let mut reader = BundleReader::open(&mut source).unwrap();
        assert!(matches!(reader.next_raw(), Err(BundleError::Length { length: found, .. }) if found == length));
        assert_eq!(source.1, MAGIC.len() + 36);
    }
}

#[test]
fn zstd_bombs_and_loose_encodings_are_refused() {
    let content = Frame::Treaty(vec![0; 1000]).encode();
    let plain = zstd::bulk::compress(&content, 3).unwrap();
    let bomb = zstd::bulk::compress(&vec![0; MAX_FRAME_BYTES + 1], 3).unwrap();
    let mut unstated = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    unstated.include_contentsize(false).unwrap();
    unstated.write_all(&content).unwrap();
    let unstated = unstated.finish().unwrap();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0][..], &[9]].concat();
    let cases = [
        ("a bomb", bomb),
        ("two frames", [plain.clone(), plain.clone()].concat()),
        ("bytes behind the frame", [plain.clone(), vec![0]].concat()),
        ("a skippable frame in front", [skippable.clone(), plain.clone()].concat()),
        ("no size stated", unstated),
        ("not zstd", b"hello".to_vec()),
        ("cut", plain[..plain.len() - 1].to_vec()),
    ];
    for (what, compressed) in cases {
        let refused = kinds(&forged(&[compressed]));
        assert!(matches!(refused, Err(BundleError::Compression { .. })), "{what}: {refused:?}");
    }
    assert!(matches!(kinds(&forged(&[skippable])), Err(BundleError::Malformed { .. })));
    let trailing = zstd::bulk::compress(&[&content[..], &[0]].concat(), 3).unwrap();
    assert!(matches!(kinds(&forged(&[trailing])), Err(BundleError::Malformed { .. })));
}
