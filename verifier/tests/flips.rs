//! No byte of a bundle is free: whatever bit is flipped, the answer is 10 (or 3 where it is no bundle any more), never
//! 0, 20 or 21, and never a panic.

mod support;

use standstill_ledger::bundle::{BundleReader, MAGIC};
use standstill_ledger::testing::{Setup, World};
use standstill_verifier::{AuditError, Options, Trust, verify_bundle};
use support::*;

fn refused(bytes: &[u8], trust: &Trust, what: &str) {
    match verify_bundle(bytes, trust, &Options::default()) {
        Ok(report) => assert_eq!(report.verdict.exit().code(), 10, "{what}"),
        Err(AuditError::Unavailable(_)) => {}
        Err(error) => panic!("{what}: {error}"),
    }
}

fn small() -> World {
    let mut world = World::new(Setup { labs: 1, ..Setup::default() });
    world.advance_to_period(1);
    let report = world.report("lab-a", 0, "run", 10, 10);
    world.block(vec![report]).unwrap();
    world
}

/// Every bit: the reader refuses each, so that no part of the audit ever sees a flipped byte.
#[test]
fn the_reader_refuses_every_flipped_bit() {
    let bytes = bundle(&small());
    let intact = |bytes: &[u8]| -> bool {
        let Ok(mut reader) = BundleReader::open(bytes) else { return false };
        loop {
            match reader.next_raw() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    };
    assert!(intact(&bytes));
    let mut flipped = bytes.clone();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            flipped[position] ^= 1 << bit;
            assert!(!intact(&flipped), "byte {position}, bit {bit}");
            flipped[position] ^= 1 << bit;
        }
    }
}

/// Bytes all over, through the whole audit: magic, every frame's header, and a stride through everything else.
#[test]
fn the_audit_answers_10_for_flipped_bytes_all_over() {
    let world = small();
    let (bytes, trust) = (bundle(&world), trust(&world));
    let mut positions: Vec<usize> = (0..MAGIC.len()).collect();
    let mut reader = BundleReader::open(&bytes[..]).unwrap();
    while let Some(raw) = reader.next_raw().unwrap() {
        let start = raw.offset as usize;
        positions.extend([start, start + 2, start + 3, start + 4, start + 35, start + 36, start + 40]);
        positions.push(start + raw.size() as usize - 1);
    }
    positions.extend((0..bytes.len()).step_by(bytes.len() / 60));
    for position in positions {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1 << (position % 8);
        refused(&flipped, &trust, &format!("byte {position}"));
    }
}

/// The same with the digests computed again, as a forger would: every bit of the last block and certificate, whose
/// content a quorum signed.
#[test]
fn a_forger_who_computes_the_digests_again_gets_nowhere() {
    let world = small();
    let trust = trust(&world);
    let all = frames(&bundle(&world));
    let kept = all.len() - 2;
    for target in kept..all.len() {
        let content = all[target].encode();
        for position in (0..content.len()).step_by(content.len() / 40) {
            let mut flipped = content.clone();
            flipped[position] ^= 1 << (position % 8);
            let Ok(frame) = standstill_ledger::bundle::Frame::decode(&flipped) else { continue };
            let mut forged = all.clone();
            forged[target] = frame;
            refused(&seal(&forged), &trust, &format!("frame {target}, content byte {position}"));
        }
    }
}
