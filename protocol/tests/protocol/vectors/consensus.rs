//! Headers, blocks, certificates.

use standstill_protocol::block::{Block, Entry, Header, MAX_BLOCK_BYTES};
use standstill_protocol::certificate::{Certificate, CommitSignature, PRECOMMIT, PREVOTE, vote_bytes};
use standstill_protocol::codec;
use standstill_protocol::dsse::Envelope;
use standstill_protocol::evidence::{Conflict, Equivocation, SignedProposal, SignedVote, proposal_bytes};
use standstill_protocol::hash::Hash;
use standstill_protocol::json::Object;
use standstill_protocol::log::leaf_hash;
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::{Validator, ValidatorSet};

use super::{Case, Outcome, Suite, case, list, named, parsed, text_of};
use crate::test_key;

pub(super) fn suites() -> Vec<Suite> {
    vec![
        Suite { kind: "headers", about: "Encoded headers, 340 bytes", check: check_header, cases: header_cases() },
        Suite {
            kind: "blocks",
            about: "Encoded blocks; whether one is valid is for the ledger to say, here it is whether it decodes",
            check: check_block,
            cases: block_cases(),
        },
        Suite {
            kind: "certificates",
            about: "Encoded certificates, verified under a chain id and an encoded validator set",
            check: check_certificate,
            cases: certificate_cases(),
        },
        Suite {
            kind: "evidence",
            about: "Encoded evidence that a validator contradicted itself, verified like a certificate",
            check: check_evidence,
            cases: evidence_cases(),
        },
    ]
}

fn chain_id() -> Hash {
    Hash::sha256(b"standstill test chain")
}

fn validators() -> ValidatorSet {
    let member = |name: &str| Validator {
        member: name.parse().unwrap(),
        consensus_key: test_key(&format!("consensus {name}")).public_key(),
    };
    ValidatorSet::new(["lab-a", "lab-b", "lab-c", "lab-d"].map(member).to_vec()).unwrap()
}

fn entries() -> Vec<Entry> {
    let envelope = Envelope::sign(b"{\"example\":true}".to_vec(), &[&test_key("a")]);
    vec![Entry::Envelope(envelope.to_bytes()), Entry::Evidence(vec![1, 2, 3])]
}

fn header() -> Header {
    let hash = |text: &str| Hash::sha256(text.as_bytes());
    Header {
        version: 1,
        chain_id: chain_id(),
        height: 2,
        time: Timestamp::parse("2026-11-23T12:00:00.250Z").unwrap(),
        previous: hash("previous header"),
        proposer: validators().iter().next().unwrap().address(),
        previous_certificate: certificate(3).hash(),
        entries_root: Block::entries_root(&entries()),
        entry_count: 2,
        log_size: 3,
        log_root: hash("log"),
        validators: validators().hash(),
        next_validators: validators().hash(),
        treaty: hash("treaty"),
        state_root: hash("state"),
    }
}

/// A certificate of the first `count` validators over one made-up block of height 1.
fn certificate(count: usize) -> Certificate {
    let block = Hash::sha256(b"block");
    let message = vote_bytes(&chain_id(), PRECOMMIT, 1, 0, Some(&block));
    let sign = |validator: &Validator| CommitSignature {
        address: validator.address(),
        signature: test_key(&format!("consensus {}", validator.member)).sign(&message),
    };
    Certificate::new(1, 0, block, validators().iter().take(count).map(sign).collect())
}

fn hex_input(bytes: &[u8]) -> Object {
    Object::new().with("hex", hex::encode(bytes))
}

fn input_hex(input: &Object) -> Vec<u8> {
    hex::decode(text_of(input, "hex")).unwrap()
}

fn check_header(input: &Object) -> Outcome {
    let header: Header = codec::decode(&input_hex(input), 340).map_err(named)?;
    Ok(Object::new()
        .with("hash", header.hash().to_string())
        .with("leafHash", leaf_hash(&header.leaf_bytes()).to_string())
        .with("height", header.height.to_string())
        .with("time", header.time.to_string())
        .with("proposer", header.proposer.to_string())
        .with("logSize", header.log_size.to_string())
        .with("stateRoot", header.state_root.to_string()))
}

fn header_cases() -> Vec<Case> {
    let bytes = codec::encode(&header());
    vec![
        case("a header", hex_input(&bytes), "ok"),
        case("all zeros", hex_input(&[0; 340]), "ok"),
        case("cut short", hex_input(&bytes[..339]), "Malformed"),
        case("a byte too many", hex_input(&[bytes.as_slice(), &[0]].concat()), "TooLong"),
        case("nothing", hex_input(&[]), "Malformed"),
    ]
}

fn check_block(input: &Object) -> Outcome {
    let block = Block::decode(&input_hex(input)).map_err(named)?;
    Ok(Object::new()
        .with("hash", block.hash().to_string())
        .with("entriesRoot", Block::entries_root(&block.entries).to_string())
        .with("leafHashes", list(block.entries.iter().map(|entry| leaf_hash(&entry.leaf_bytes())))))
}

fn block_cases() -> Vec<Case> {
    let full = Block { header: header(), previous_certificate: Some(certificate(3)), entries: entries() };
    let empty = Block { header: header(), previous_certificate: None, entries: Vec::new() };
    assert!(full.encode().len() < MAX_BLOCK_BYTES);
    let change = |block: &Block, at: usize, with: &[u8]| {
        let mut bytes = block.encode();
        bytes[at..at + with.len()].copy_from_slice(with);
        hex_input(&bytes)
    };
    let bytes = full.encode();
    vec![
        case("a block with entries", hex_input(&bytes), "ok"),
        case("a block without entries or certificate", hex_input(&empty.encode()), "ok"),
        case("an option marked 2", change(&empty, 340, &[2]), "Malformed"),
        case("a length that claims 2^60 entries", change(&empty, 341, &(1u64 << 60).to_le_bytes()), "Malformed"),
        case("a length that claims 2^64 - 1 entries", change(&empty, 341, &u64::MAX.to_le_bytes()), "Malformed"),
        case("a length that claims one entry", change(&empty, 341, &1u64.to_le_bytes()), "Malformed"),
        case(
            "an entry of an unknown kind",
            {
                let at = 340 + 1 + codec::encode(&certificate(3)).len() + 8;
                change(&full, at, &2u32.to_le_bytes())
            },
            "Malformed",
        ),
        case("cut short", hex_input(&bytes[..bytes.len() - 1]), "Malformed"),
        case("a byte too many", hex_input(&[bytes.as_slice(), &[0]].concat()), "Malformed"),
    ]
}

fn check_certificate(input: &Object) -> Outcome {
    let certificate: Certificate = codec::decode(&input_hex(input), 1 << 16).map_err(named)?;
    let set: ValidatorSet = codec::decode(&hex::decode(text_of(input, "validators")).unwrap(), 1 << 16).unwrap();
    assert!(set.is_well_formed());
    certificate.verify(&parsed(input, "chainId"), &set).map_err(named)?;
    Ok(Object::new()
        .with("hash", certificate.hash().to_string())
        .with("block", certificate.block.to_string())
        .with("validators", set.hash().to_string())
        .with("signers", list(certificate.signatures.iter().map(|signature| signature.address))))
}

fn certificate_cases() -> Vec<Case> {
    let set = hex::encode(codec::encode(&validators()));
    let with = |certificate: &Certificate| {
        let input = hex_input(&codec::encode(certificate));
        input.with("chainId", chain_id().to_string()).with("validators", set.as_str())
    };
    let changed = |change: &dyn Fn(&mut Certificate)| {
        let mut certificate = certificate(3);
        change(&mut certificate);
        with(&certificate)
    };
    let outsider = test_key("outsider");
    let kind = |kind: u8, round: u32, block: Option<Hash>| {
        changed(&|certificate| {
            let validator = validators().iter().next().unwrap().clone();
            let message = vote_bytes(&chain_id(), kind, 1, round, block.as_ref());
            certificate.signatures[0].signature = test_key(&format!("consensus {}", validator.member)).sign(&message);
        })
    };
    let block = Some(Hash::sha256(b"block"));
    vec![
        case("three of four", with(&certificate(3)), "ok"),
        case("four of four", with(&certificate(4)), "ok"),
        case("two of four", with(&certificate(2)), "NoQuorum"),
        case("none", with(&certificate(0)), "NoQuorum"),
        case("one signer twice", changed(&|c| c.signatures[1] = c.signatures[0]), "Unsorted"),
        case("signers out of order", changed(&|c| c.signatures.swap(0, 1)), "Unsorted"),
        case(
            "a signer from outside",
            changed(&|c| {
                let address = standstill_protocol::validators::Address::of(&outsider.public_key());
                c.signatures[0].address = address;
                c.signatures.sort_by_key(|signature| signature.address);
            }),
            "UnknownSigner",
        ),
        case("another height", changed(&|c| c.height = 2), "BadSignature"),
        case("another round", changed(&|c| c.round = 1), "BadSignature"),
        case("another block", changed(&|c| c.block = Hash::ZERO), "BadSignature"),
        case("another chain", with(&certificate(3)).with("chainId", Hash::ZERO.to_string()), "BadSignature"),
        case(
            "a bad signature beyond the quorum",
            {
                let mut four = certificate(4);
                four.signatures[3].signature = four.signatures[0].signature;
                with(&four)
            },
            "BadSignature",
        ),
        case("a prevote for a precommit", kind(PREVOTE, 0, block), "BadSignature"),
        case("a vote of another round", kind(PRECOMMIT, 1, block), "BadSignature"),
        case("a vote for nil", kind(PRECOMMIT, 0, None), "BadSignature"),
        case(
            "cut short",
            {
                let bytes = codec::encode(&certificate(3));
                with(&certificate(3)).with("hex", hex::encode(&bytes[..bytes.len() - 1]))
            },
            "Malformed",
        ),
    ]
}

fn check_evidence(input: &Object) -> Outcome {
    let evidence = Equivocation::decode(&input_hex(input)).map_err(named)?;
    let set: ValidatorSet = codec::decode(&hex::decode(text_of(input, "validators")).unwrap(), 1 << 16).unwrap();
    evidence.verify(&parsed(input, "chainId"), &set).map_err(named)?;
    let conflict = match evidence.conflict {
        Conflict::Prevotes(..) => "prevotes",
        Conflict::Precommits(..) => "precommits",
        Conflict::Proposals(..) => "proposals",
    };
    let leaf = leaf_hash(&Entry::Evidence(evidence.encode()).leaf_bytes());
    Ok(Object::new()
        .with("validator", evidence.validator.to_string())
        .with("height", evidence.height.to_string())
        .with("conflict", conflict)
        .with("leafHash", leaf.to_string()))
}

/// The first validator's vote at height 5, round 1.
fn vote(kind: u8, block: Option<&str>) -> SignedVote {
    let block = block.map(|text| Hash::sha256(text.as_bytes()));
    let validator = validators().iter().next().unwrap().clone();
    let message = vote_bytes(&chain_id(), kind, 5, 1, block.as_ref());
    SignedVote { block, signature: test_key(&format!("consensus {}", validator.member)).sign(&message) }
}

fn proposal(block: &str, valid_round: Option<u32>) -> SignedProposal {
    let block = Hash::sha256(block.as_bytes());
    let validator = validators().iter().next().unwrap().clone();
    let message = proposal_bytes(&chain_id(), 5, 1, valid_round, &block);
    SignedProposal {
        block,
        valid_round,
        signature: test_key(&format!("consensus {}", validator.member)).sign(&message),
    }
}

fn evidence_cases() -> Vec<Case> {
    let address = validators().iter().next().unwrap().address();
    let of = |conflict| Equivocation::new(address, 5, 1, conflict);
    let with = |evidence: &Equivocation| {
        let set = hex::encode(codec::encode(&validators()));
        hex_input(&evidence.encode()).with("chainId", chain_id().to_string()).with("validators", set)
    };
    let two = of(Conflict::Precommits(vote(PRECOMMIT, Some("one")), vote(PRECOMMIT, Some("two"))));
    let changed = |change: &dyn Fn(&mut Equivocation)| {
        let mut evidence = two;
        change(&mut evidence);
        with(&evidence)
    };
    let backwards = |evidence: &mut Equivocation| {
        if let Conflict::Precommits(a, b) = evidence.conflict {
            evidence.conflict = Conflict::Precommits(b, a);
        }
    };
    let outsider = standstill_protocol::validators::Address::from_bytes([7; 20]);
    let same = vote(PRECOMMIT, Some("one"));
    vec![
        case("two precommits", with(&two), "ok"),
        case(
            "two prevotes",
            with(&of(Conflict::Prevotes(vote(PREVOTE, Some("one")), vote(PREVOTE, Some("two"))))),
            "ok",
        ),
        case(
            "a precommit for nil and one for a block",
            with(&of(Conflict::Precommits(vote(PRECOMMIT, None), same))),
            "ok",
        ),
        case("two proposals", with(&of(Conflict::Proposals(proposal("one", None), proposal("two", Some(0))))), "ok"),
        case(
            "one block, two valid rounds",
            with(&of(Conflict::Proposals(proposal("one", None), proposal("one", Some(0))))),
            "ok",
        ),
        case("the same vote twice", with(&of(Conflict::Precommits(same, same))), "NoConflict"),
        case("out of order", changed(&backwards), "Unsorted"),
        case("a signer from outside", changed(&|evidence| evidence.validator = outsider), "UnknownSigner"),
        case(
            "another validator",
            changed(&|evidence| {
                evidence.validator = validators().iter().nth(1).unwrap().address();
            }),
            "BadSignature",
        ),
        case("another round", changed(&|evidence| evidence.round = 2), "BadSignature"),
        case(
            "a prevote and a precommit",
            with(&of(Conflict::Precommits(vote(PREVOTE, Some("one")), vote(PRECOMMIT, Some("two"))))),
            "BadSignature",
        ),
        case("another chain", with(&two).with("chainId", Hash::ZERO.to_string()), "BadSignature"),
        case(
            "an unknown kind of conflict",
            {
                let mut bytes = two.encode();
                bytes[32] = 3;
                with(&two).with("hex", hex::encode(bytes))
            },
            "Malformed",
        ),
        case("a byte too many", with(&two).with("hex", hex::encode([two.encode(), vec![0]].concat())), "Malformed"),
    ]
}
