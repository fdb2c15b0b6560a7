//! Format stability: one hash over thousands of encodings of values drawn from a fixed seed.
//!
//! A hash that changes means that bytes changed which others have signed. Change it only together with a new protocol
//! version, and say so in the page under `spec/`.

use standstill_protocol::block::{Block, Entry, Header};
use standstill_protocol::certificate::{Certificate, CommitSignature};
use standstill_protocol::codec;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::Signature;
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::Address;

/// A stream of bytes from a seed: SHA-256 in counter mode.
struct Stream {
    seed: Hash,
    counter: u64,
}

impl Stream {
    fn new(seed: &str) -> Self {
        Stream { seed: Hash::sha256(seed.as_bytes()), counter: 0 }
    }

    fn hash(&mut self) -> Hash {
        self.counter += 1;
        Hash::sha256(&[self.seed.as_bytes().as_slice(), &self.counter.to_le_bytes()].concat())
    }

    fn number(&mut self) -> u64 {
        let hash = self.hash();
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap())
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = self.number() % (most + 1);
        (0..length).map(|_| self.number() as u8).collect()
    }

    fn address(&mut self) -> Address {
        Address::from_bytes(self.hash().as_bytes()[..20].try_into().unwrap())
    }

    fn header(&mut self) -> Header {
        Header {
            version: self.number() as u32,
            chain_id: self.hash(),
            height: self.number(),
            time: Timestamp(self.number()),
            previous: self.hash(),
            proposer: self.address(),
            previous_certificate: self.hash(),
            entries_root: self.hash(),
            entry_count: self.number() as u32,
            log_size: self.number(),
            log_root: self.hash(),
            validators: self.hash(),
            next_validators: self.hash(),
            treaty: self.hash(),
            state_root: self.hash(),
        }
    }

    fn certificate(&mut self) -> Certificate {
        let count = self.number() % 5;
        let signatures = (0..count)
            .map(|_| {
                let halves = [*self.hash().as_bytes(), *self.hash().as_bytes()].concat();
                CommitSignature {
                    address: self.address(),
                    signature: Signature::from_bytes(halves.try_into().unwrap()),
                }
            })
            .collect();
        Certificate::new(self.number(), self.number() as u32, self.hash(), signatures)
    }

    fn entry(&mut self) -> Entry {
        if self.number() & 1 == 0 { Entry::Envelope(self.bytes(40)) } else { Entry::Evidence(self.bytes(40)) }
    }

    fn block(&mut self) -> Block {
        let header = self.header();
        let previous_certificate = (self.number() & 1 == 0).then(|| self.certificate());
        let count = self.number() % 4;
        Block { header, previous_certificate, entries: (0..count).map(|_| self.entry()).collect() }
    }
}

/// SHA-256 over `length u64 LE || encoding || hash` of each value.
fn conformance<T>(seed: &str, mut draw: impl FnMut(&mut Stream) -> T, write: impl Fn(&T) -> (Vec<u8>, Hash)) -> String {
    let mut stream = Stream::new(seed);
    let mut all = Vec::new();
    for _ in 0..2000 {
        let (bytes, hash) = write(&draw(&mut stream));
        all.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        all.extend_from_slice(&bytes);
        all.extend_from_slice(hash.as_bytes());
    }
    Hash::sha256(&all).to_string()
}

#[test]
fn encodings_and_hashes_are_those_of_version_1() {
    let found = [
        conformance("header", Stream::header, |value| (codec::encode(value), value.hash())),
        conformance("certificate", Stream::certificate, |value| (codec::encode(value), value.hash())),
        conformance("entry", Stream::entry, |value| (codec::encode(value), Hash::sha256(&value.leaf_bytes()))),
        conformance("block", Stream::block, |value| (value.encode(), Block::entries_root(&value.entries))),
    ];
    assert_eq!(
        found,
        [
            "ce3d0a55183f46c895229357fd90a579e82d991fd1ed8c97a1b701137291b2c7",
            "6cc338322c74c0d44e23a809e51d3042f6c77e4ea29d81ee665c1ba3a3cc4fb7",
            "6c031543ec74503171fd39c5f11a89d421de3aa86f85ccd054a3ecf34eda8f67",
            "3d0605c02080b9071aa5709bf96207414f6f71a33cf0d7b49cf70aaa81f584f3",
        ]
    );
}
