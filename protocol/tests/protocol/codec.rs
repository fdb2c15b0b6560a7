//! The binary codec against `bincode`, and against hostile bytes.
//!
//! Each consensus type has a mirror here, with serde's derive and bincode's legacy layout, written from the tables in
//! `spec/20-encoding.md`. Whatever value is drawn, both must write the same bytes.

use proptest::prelude::*;
use serde::Serialize;
use standstill_protocol::block::{Block, Entry, Header, MAX_BLOCK_BYTES};
use standstill_protocol::certificate::{Certificate, CommitSignature};
use standstill_protocol::codec::{self, CodecError};
use standstill_protocol::evidence::{Conflict, Equivocation, MAX_EVIDENCE_BYTES, SignedProposal, SignedVote};
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{PublicKey, Signature};
use standstill_protocol::log::Frontier;
use standstill_protocol::member::Name;
use standstill_protocol::units::{Flop, Joule, Ppm, Timestamp};
use standstill_protocol::validators::{Address, Validator, ValidatorSet};

use crate::test_key;

type Bytes32 = [u8; 32];

#[derive(Serialize)]
struct HeaderMirror {
    version: u32,
    chain_id: Bytes32,
    height: u64,
    time: u64,
    previous: Bytes32,
    proposer: [u8; 20],
    previous_certificate: Bytes32,
    entries_root: Bytes32,
    entry_count: u32,
    log_size: u64,
    log_root: Bytes32,
    validators: Bytes32,
    next_validators: Bytes32,
    treaty: Bytes32,
    state_root: Bytes32,
}

#[derive(Serialize)]
struct CertificateMirror {
    height: u64,
    round: u32,
    block: Bytes32,
    /// Address, then the signature's two halves: serde has no arrays of 64.
    signatures: Vec<([u8; 20], Bytes32, Bytes32)>,
}

#[derive(Serialize)]
enum EntryMirror {
    Envelope(Vec<u8>),
    Evidence(Vec<u8>),
}

#[derive(Serialize)]
struct BlockMirror {
    header: HeaderMirror,
    previous_certificate: Option<CertificateMirror>,
    entries: Vec<EntryMirror>,
}

#[derive(Serialize)]
struct SignatureMirror(Bytes32, Bytes32);

#[derive(Serialize)]
struct VoteMirror {
    block: Option<Bytes32>,
    signature: SignatureMirror,
}

#[derive(Serialize)]
struct ProposalMirror {
    block: Bytes32,
    valid_round: Option<u32>,
    signature: SignatureMirror,
}

#[derive(Serialize)]
enum ConflictMirror {
    Prevotes(VoteMirror, VoteMirror),
    Precommits(VoteMirror, VoteMirror),
    Proposals(ProposalMirror, ProposalMirror),
}

#[derive(Serialize)]
struct EquivocationMirror {
    validator: [u8; 20],
    height: u64,
    round: u32,
    conflict: ConflictMirror,
}

fn oracle(value: &impl Serialize) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, bincode::config::legacy()).unwrap()
}

fn mirror_header(header: &Header) -> HeaderMirror {
    HeaderMirror {
        version: header.version,
        chain_id: *header.chain_id.as_bytes(),
        height: header.height,
        time: header.time.0,
        previous: *header.previous.as_bytes(),
        proposer: *header.proposer.as_bytes(),
        previous_certificate: *header.previous_certificate.as_bytes(),
        entries_root: *header.entries_root.as_bytes(),
        entry_count: header.entry_count,
        log_size: header.log_size,
        log_root: *header.log_root.as_bytes(),
        validators: *header.validators.as_bytes(),
        next_validators: *header.next_validators.as_bytes(),
        treaty: *header.treaty.as_bytes(),
        state_root: *header.state_root.as_bytes(),
    }
}

fn mirror_signature(signature: &Signature) -> SignatureMirror {
    let (first, second) = signature.as_bytes().split_at(32);
    SignatureMirror(first.try_into().unwrap(), second.try_into().unwrap())
}

fn mirror_equivocation(evidence: &Equivocation) -> EquivocationMirror {
    let vote = |vote: &SignedVote| VoteMirror {
        block: vote.block.map(|hash| *hash.as_bytes()),
        signature: mirror_signature(&vote.signature),
    };
    let proposal = |proposal: &SignedProposal| ProposalMirror {
        block: *proposal.block.as_bytes(),
        valid_round: proposal.valid_round,
        signature: mirror_signature(&proposal.signature),
    };
    let conflict = match &evidence.conflict {
        Conflict::Prevotes(a, b) => ConflictMirror::Prevotes(vote(a), vote(b)),
        Conflict::Precommits(a, b) => ConflictMirror::Precommits(vote(a), vote(b)),
        Conflict::Proposals(a, b) => ConflictMirror::Proposals(proposal(a), proposal(b)),
    };
    let Equivocation { validator, height, round, .. } = *evidence;
    EquivocationMirror { validator: *validator.as_bytes(), height, round, conflict }
}

fn mirror_certificate(certificate: &Certificate) -> CertificateMirror {
    let halves = |signature: &CommitSignature| {
        let (first, second) = signature.signature.as_bytes().split_at(32);
        (*signature.address.as_bytes(), first.try_into().unwrap(), second.try_into().unwrap())
    };
    CertificateMirror {
        height: certificate.height,
        round: certificate.round,
        block: *certificate.block.as_bytes(),
        signatures: certificate.signatures.iter().map(halves).collect(),
    }
}

fn mirror_entry(entry: &Entry) -> EntryMirror {
    match entry {
        Entry::Envelope(bytes) => EntryMirror::Envelope(bytes.clone()),
        Entry::Evidence(bytes) => EntryMirror::Evidence(bytes.clone()),
    }
}

fn mirror_block(block: &Block) -> BlockMirror {
    BlockMirror {
        header: mirror_header(&block.header),
        previous_certificate: block.previous_certificate.as_ref().map(mirror_certificate),
        entries: block.entries.iter().map(mirror_entry).collect(),
    }
}

fn hashes() -> impl Strategy<Value = Hash> {
    any::<Bytes32>().prop_map(Hash::from_bytes)
}

fn addresses() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from_bytes)
}

fn headers() -> impl Strategy<Value = Header> {
    let numbers = (any::<u32>(), any::<u64>(), any::<u64>(), any::<u32>(), any::<u64>());
    (numbers, addresses(), prop::collection::vec(hashes(), 9)).prop_map(|(numbers, proposer, hashes)| {
        let (version, height, time, entry_count, log_size) = numbers;
        let mut hashes = hashes.into_iter();
        let mut next = || hashes.next().unwrap();
        Header {
            version,
            chain_id: next(),
            height,
            time: Timestamp(time),
            previous: next(),
            proposer,
            previous_certificate: next(),
            entries_root: next(),
            entry_count,
            log_size,
            log_root: next(),
            validators: next(),
            next_validators: next(),
            treaty: next(),
            state_root: next(),
        }
    })
}

fn certificates() -> impl Strategy<Value = Certificate> {
    let signature = (addresses(), signatures()).prop_map(|(address, signature)| CommitSignature { address, signature });
    (any::<u64>(), any::<u32>(), hashes(), prop::collection::vec(signature, 0..6))
        .prop_map(|(height, round, block, signatures)| Certificate { height, round, block, signatures })
}

fn signatures() -> impl Strategy<Value = Signature> {
    (any::<Bytes32>(), any::<Bytes32>())
        .prop_map(|(first, second)| Signature::from_bytes([first, second].concat().try_into().unwrap()))
}

fn equivocations() -> impl Strategy<Value = Equivocation> {
    let vote =
        || (prop::option::of(hashes()), signatures()).prop_map(|(block, signature)| SignedVote { block, signature });
    let proposal = || {
        (hashes(), prop::option::of(any::<u32>()), signatures())
            .prop_map(|(block, valid_round, signature)| SignedProposal { block, valid_round, signature })
    };
    let conflict = prop_oneof![
        (vote(), vote()).prop_map(|(a, b)| Conflict::Prevotes(a, b)),
        (vote(), vote()).prop_map(|(a, b)| Conflict::Precommits(a, b)),
        (proposal(), proposal()).prop_map(|(a, b)| Conflict::Proposals(a, b)),
    ];
    (addresses(), any::<u64>(), any::<u32>(), conflict).prop_map(|(validator, height, round, conflict)| Equivocation {
        validator,
        height,
        round,
        conflict,
    })
}

fn entries() -> impl Strategy<Value = Entry> {
    let bytes = prop::collection::vec(any::<u8>(), 0..64);
    prop_oneof![bytes.clone().prop_map(Entry::Envelope), bytes.prop_map(Entry::Evidence)]
}

fn blocks() -> impl Strategy<Value = Block> {
    (headers(), prop::option::of(certificates()), prop::collection::vec(entries(), 0..5))
        .prop_map(|(header, previous_certificate, entries)| Block { header, previous_certificate, entries })
}

proptest! {
    #[test]
    fn bincode_writes_the_same_bytes(block in blocks()) {
        let bytes = block.encode();
        prop_assert_eq!(&bytes, &oracle(&mirror_block(&block)));
        prop_assert_eq!(Block::decode(&bytes).unwrap(), block.clone());
        let header = codec::encode(&block.header);
        prop_assert_eq!(header.len(), 340);
        prop_assert_eq!(&header, &oracle(&mirror_header(&block.header)));
    }

    #[test]
    fn bincode_writes_the_same_evidence(evidence in equivocations()) {
        let bytes = evidence.encode();
        prop_assert_eq!(&bytes, &oracle(&mirror_equivocation(&evidence)));
        prop_assert!(bytes.len() <= MAX_EVIDENCE_BYTES);
        prop_assert_eq!(Equivocation::decode(&bytes).unwrap(), evidence);
    }

    #[test]
    fn bincode_writes_the_same_validators_and_frontiers(
        list in prop::collection::vec(("[a-z][a-z0-9]{0,31}", any::<Bytes32>()), 0..5),
        leaves in 0..40u64,
    ) {
        let validator = |(name, key): &(String, Bytes32)| Validator {
            member: name.parse().unwrap(),
            consensus_key: PublicKey::from_bytes(*key),
        };
        let ours: Vec<Validator> = list.iter().map(validator).collect();
        prop_assert_eq!(codec::encode(&ours), oracle(&list));

        let mut frontier = Frontier::new();
        (0..leaves).for_each(|leaf| frontier.append(Hash::sha256(&leaf.to_le_bytes())));
        let bytes = codec::encode(&frontier);
        let subtrees: Vec<Bytes32> = bytes[16..].chunks(32).map(|chunk| chunk.try_into().unwrap()).collect();
        prop_assert_eq!(subtrees.len(), leaves.count_ones() as usize);
        prop_assert_eq!(&bytes, &oracle(&(leaves, subtrees)));
    }

    #[test]
    fn bincode_writes_the_same_units_and_names(flop in any::<u128>(), small in any::<u64>(), name in "[a-z][a-z0-9]{0,31}") {
        let ours = (Flop(flop), Joule(small), Ppm(small), Timestamp(small), name.parse::<Name>().unwrap());
        prop_assert_eq!(codec::encode(&ours), oracle(&(flop, small, small, small, name)));
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(block in blocks(), at in any::<usize>(), byte in any::<u8>(), cut in any::<usize>()) {
        let mut bytes = block.encode();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(decoded) = Block::decode(&bytes) {
            prop_assert_eq!(decoded.encode(), bytes.clone());
        }
        let refused = Block::decode(&bytes[..cut % bytes.len()]).is_err();
        prop_assert!(refused, "a prefix is never a block");
        bytes.push(byte);
        if let Ok(decoded) = Block::decode(&bytes) {
            prop_assert_eq!(decoded.encode(), bytes);
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Block::decode(&bytes);
        let _ = codec::decode::<Certificate>(&bytes, 1 << 16);
        let _ = codec::decode::<ValidatorSet>(&bytes, 1 << 16);
        let _ = codec::decode::<Entry>(&bytes, 1 << 16);
        let _ = codec::decode::<Frontier>(&bytes, 1 << 16);
        let _ = Equivocation::decode(&bytes);
    }
}

fn empty_block() -> Block {
    let zero = Hash::ZERO;
    let header = Header {
        version: 1,
        chain_id: zero,
        height: 1,
        time: Timestamp(0),
        previous: zero,
        proposer: Address::from_bytes([0; 20]),
        previous_certificate: zero,
        entries_root: zero,
        entry_count: 0,
        log_size: 0,
        log_root: zero,
        validators: zero,
        next_validators: zero,
        treaty: zero,
        state_root: zero,
    };
    Block { header, previous_certificate: None, entries: Vec::new() }
}

#[test]
fn a_length_that_claims_2_to_the_60_neither_allocates_nor_panics() {
    let bytes = empty_block().encode();
    assert_eq!(bytes.len(), 340 + 1 + 8);
    for claimed in [1u64, 2, 1 << 32, 1 << 60, u64::MAX] {
        let mut hostile = bytes.clone();
        hostile[341..].copy_from_slice(&claimed.to_le_bytes());
        assert!(matches!(Block::decode(&hostile), Err(CodecError::Malformed { .. })), "{claimed} entries");
        // One entry that claims so many bytes.
        let mut hostile = bytes.clone();
        hostile[341..].copy_from_slice(&1u64.to_le_bytes());
        hostile.extend_from_slice(&0u32.to_le_bytes());
        hostile.extend_from_slice(&claimed.to_le_bytes());
        assert!(matches!(Block::decode(&hostile), Err(CodecError::Malformed { .. })), "{claimed} bytes");
        // A certificate that claims so many signatures.
        let mut hostile = bytes[..340].to_vec();
        hostile.push(1);
        hostile.extend_from_slice(&[0; 44]);
        hostile.extend_from_slice(&claimed.to_le_bytes());
        assert!(matches!(Block::decode(&hostile), Err(CodecError::Malformed { .. })), "{claimed} signatures");
    }
}

#[test]
fn tags_that_no_value_has_are_refused() {
    let mut bytes = empty_block().encode();
    bytes[340] = 2;
    assert!(matches!(Block::decode(&bytes), Err(CodecError::Malformed { .. })), "an option is 0 or 1");
    let entry = codec::encode(&Entry::Envelope(Vec::new()));
    for tag in [2u32, 255, 1 << 31] {
        let mut bytes = entry.clone();
        bytes[..4].copy_from_slice(&tag.to_le_bytes());
        assert!(matches!(codec::decode::<Entry>(&bytes, 64), Err(CodecError::Malformed { .. })));
    }
}

#[test]
fn size_is_bounded_before_anything_is_read() {
    let bytes = vec![0; MAX_BLOCK_BYTES + 1];
    assert_eq!(Block::decode(&bytes), Err(CodecError::TooLong { length: bytes.len(), limit: MAX_BLOCK_BYTES }));
}

#[test]
fn what_was_decoded_can_be_asked_whether_it_is_what_it_says() {
    let validators: Vec<Validator> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| Validator {
            member: format!("lab-{name}").parse().unwrap(),
            consensus_key: test_key(name).public_key(),
        })
        .collect();
    let set = ValidatorSet::new(validators.clone()).unwrap();
    let decoded = codec::decode::<ValidatorSet>(&codec::encode(&set), 1 << 16).unwrap();
    assert!(decoded == set && decoded.is_well_formed());

    let mut backwards: Vec<Validator> = set.iter().cloned().collect();
    backwards.reverse();
    let mut bad_name = backwards.clone();
    bad_name.reverse();
    let as_set = |list: &Vec<Validator>| codec::decode::<ValidatorSet>(&codec::encode(list), 1 << 16).unwrap();
    assert!(!as_set(&backwards).is_well_formed(), "unsorted");
    assert!(!as_set(&Vec::new()).is_well_formed(), "empty");
    assert!(!as_set(&vec![validators[0].clone(); 2]).is_well_formed(), "twice");
    let mut not_a_point = vec![validators[0].clone()];
    not_a_point[0].consensus_key = PublicKey::from_bytes([2; 32]);
    assert!(not_a_point[0].consensus_key.parse().is_err() && !as_set(&not_a_point).is_well_formed(), "no point");
    let mut bytes = codec::encode(&vec![validators[0].clone()]);
    let at = bytes.windows(5).position(|window| window == b"lab-a").unwrap();
    bytes[at] = b'L';
    assert!(!codec::decode::<ValidatorSet>(&bytes, 1 << 16).unwrap().is_well_formed(), "no name");
}
