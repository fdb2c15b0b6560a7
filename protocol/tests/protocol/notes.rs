//! Notes, checkpoints, cosignatures, policies and receipts: the specifications' own examples, another implementation,
//! and each way to be wrong.

use std::collections::BTreeSet;

use proptest::prelude::*;
use standstill_protocol::checkpoint::{Checkpoint, CheckpointError};
use standstill_protocol::cosignature;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::log::{MemoryLog, inclusion, leaf_hash};
use standstill_protocol::note::{self, KeyName, MAX_SIGNATURES, Note, NoteError, SignatureType, VerifierKey};
use standstill_protocol::tlog_policy::{Group, PolicyError, PolicyFailure, TlogPolicy, Witness};
use standstill_protocol::tlog_proof::{ReceiptFailure, TlogProof, TlogProofError};

use crate::test_key;

const ORIGIN: &str = "standstill.example/test";

/// From the signed-note specification.
const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
/// From the tlog-cosignature specification.
const EXAMPLE_COSIGNED: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn verifier(text: &str, kind: SignatureType, key: &SecretKey) -> VerifierKey {
    VerifierKey::new(name(text), kind, &key.public_key()).unwrap()
}

fn log_key(validator: &str) -> SecretKey {
    test_key(&format!("log {validator}"))
}

fn cosigner_key(validator: &str) -> SecretKey {
    test_key(&format!("cosigner {validator}"))
}

fn cosigner_name(validator: &str) -> String {
    format!("{ORIGIN}/{validator}")
}

const VALIDATORS: [&str; 4] = ["lab-a", "lab-b", "lab-c", "lab-d"];

fn policy() -> TlogPolicy {
    let logs = VALIDATORS.iter().map(|v| verifier(ORIGIN, SignatureType::Ed25519, &log_key(v))).collect();
    let cosigners = VALIDATORS
        .iter()
        .map(|v| {
            let key = verifier(&cosigner_name(v), SignatureType::Cosignature, &cosigner_key(v));
            ((*v).to_owned(), key)
        })
        .collect();
    TlogPolicy::validators(logs, cosigners, 3).unwrap()
}

fn log() -> MemoryLog {
    (0..7u8).map(|n| leaf_hash(&[n])).collect()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: name(ORIGIN), size: log().size(), root: log().root() }
}

fn signed_by(cosigners: &[&str]) -> Note {
    let checkpoint = checkpoint();
    let mut note = checkpoint.sign(&log_key("lab-a"));
    for validator in cosigners {
        let key = cosigner_key(validator);
        note.add(cosignature::sign(&name(&cosigner_name(validator)), &key, &checkpoint, 1_800_000_000)).unwrap();
    }
    note
}

fn receipt(index: u64) -> TlogProof {
    let path = inclusion::prove(&log(), index, 7).unwrap();
    TlogProof::new(index, path, signed_by(&VALIDATORS), None).unwrap()
}

#[test]
fn the_specifications_example_verifies_and_round_trips() {
    let key: VerifierKey = EXAMPLE_KEY.parse().unwrap();
    assert_eq!(key.to_string(), EXAMPLE_KEY);
    let note = Note::parse(EXAMPLE_NOTE.as_bytes()).unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.verify([&key]).unwrap().len(), 1);
    assert_eq!(note.to_bytes(), EXAMPLE_NOTE.as_bytes());
    let changed = EXAMPLE_NOTE.replace("example message", "example massage");
    let changed = Note::parse(changed.as_bytes()).unwrap();
    assert!(matches!(changed.verify([&key]), Err(NoteError::BadSignature { .. })));
}

#[test]
fn the_specifications_cosigned_checkpoint_parses() {
    let note = Note::parse(EXAMPLE_COSIGNED.as_bytes()).unwrap();
    let checkpoint = Checkpoint::of(&note).unwrap();
    assert_eq!(checkpoint.size, 20_852_163);
    assert_eq!(checkpoint.to_string(), note.text());
    let time = &note.signatures()[1].bytes[..8];
    assert_eq!(u64::from_be_bytes(time.try_into().unwrap()), 1_679_315_147);
    assert_eq!(note.to_bytes(), EXAMPLE_COSIGNED.as_bytes());
}

#[test]
fn a_cosignature_signs_the_message_of_the_specification() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let message = cosignature::message(1_679_315_147, text);
    assert_eq!(String::from_utf8(message).unwrap(), format!("cosignature/v1\ntime 1679315147\n{text}"));
}

#[test]
fn another_implementation_verifies_our_notes_and_we_theirs() {
    use signed_note::Signer as _;
    let key = log_key("lab-a");
    let ours = verifier(ORIGIN, SignatureType::Ed25519, &key);
    let bytes = checkpoint().sign(&key).to_bytes();
    let theirs = signed_note::Note::from_bytes(&bytes).unwrap();
    let verifier = signed_note::StandardVerifier::new(&ours.to_string()).unwrap();
    let (verified, unknown) = theirs.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 0));
    assert_eq!(theirs.to_bytes(), bytes);

    let checkpoint = tlog_tiles::Checkpoint::from_bytes(theirs.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), (ORIGIN, 7));
    assert_eq!(checkpoint.hash().0, *log().root().as_bytes());

    let secret = {
        use base64::Engine as _;
        let material = [&[1u8], key.seed().as_slice()].concat();
        let encoded = base64::engine::general_purpose::STANDARD.encode(material);
        format!("PRIVATE+KEY+{ORIGIN}+{}+{encoded}", ours.id())
    };
    let signer = signed_note::StandardSigner::new(&secret).unwrap();
    let mut note = signed_note::Note::new(b"text\n\nwith a blank line\n", &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    assert_eq!(signer.name(), ORIGIN);
    let note = Note::parse(&note.to_bytes()).unwrap();
    assert_eq!(note.text(), "text\n\nwith a blank line\n");
    assert_eq!(note.verify([&ours]).unwrap().len(), 1);
}

#[test]
fn a_quorum_of_cosigners_makes_a_verified_checkpoint() {
    let policy = policy();
    for cosigners in [&VALIDATORS[..], &VALIDATORS[1..]] {
        let verified = policy.verify(&signed_by(cosigners)).unwrap();
        assert_eq!(verified.checkpoint(), &checkpoint());
        assert_eq!(verified.cosigners().len(), cosigners.len());
        assert!(verified.cosigners().values().all(|time_s| *time_s == 1_800_000_000));
    }
    assert_eq!(
        policy.verify(&signed_by(&VALIDATORS[..2])),
        Err(PolicyFailure::NoQuorum { count: 2, quorum: "validators".to_owned() })
    );
}

#[test]
fn one_cosigner_that_signs_twice_counts_once() {
    let mut bytes = signed_by(&VALIDATORS[..2]).to_bytes();
    let line = bytes.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().to_vec();
    (0..3).for_each(|_| bytes.extend_from_slice(&line));
    let note = Note::parse(&bytes).unwrap();
    assert!(!note.is_sorted());
    assert!(matches!(policy().verify(&note), Err(PolicyFailure::NoQuorum { count: 2, .. })));
}

#[test]
fn a_known_cosigner_whose_signature_fails_rejects_the_whole() {
    let note = signed_by(&VALIDATORS);
    let other = Checkpoint { size: 6, root: log().root_at(6).unwrap(), ..checkpoint() };
    let mut wrong = other.sign(&log_key("lab-a"));
    note.signatures()[1..].iter().for_each(|line| wrong.add(line.clone()).unwrap());
    assert!(matches!(policy().verify(&wrong), Err(PolicyFailure::Signature(NoteError::BadSignature { .. }))));
}

#[test]
fn a_key_of_one_type_does_not_stand_in_for_the_other() {
    // The cosigner's key, used as if it were a log key: another id, so it is unknown.
    let text = checkpoint().to_string();
    let line = note::sign(&name(ORIGIN), &cosigner_key("lab-a"), &text);
    let note = Note::new(text, vec![line]).unwrap();
    assert!(matches!(policy().verify(&note), Err(PolicyFailure::NoLogSignature { .. })));
    let other = Checkpoint { origin: name("other.example"), ..checkpoint() }.sign(&log_key("lab-a"));
    assert!(matches!(policy().verify(&other), Err(PolicyFailure::UnknownOrigin { .. })));
}

#[test]
fn a_policy_that_a_file_cannot_say_cannot_be_made() {
    let policy = policy();
    assert_eq!(TlogPolicy::parse(policy.to_string().as_bytes()).unwrap(), policy);
    let key = verifier("w.example", SignatureType::Cosignature, &test_key("w"));
    let injected = |name: &str, url: Option<&str>| {
        let witness = Witness { name: name.to_owned(), key: key.clone(), url: url.map(str::to_owned) };
        TlogPolicy::new(Vec::new(), vec![witness], Vec::new(), None)
    };
    assert!(injected("w", Some("https://w.example/")).is_ok());
    for (name, url) in
        [("w", Some("u\nquorum none\n#")), ("a b", None), ("", None), ("w", Some("")), ("w", Some("#\n"))]
    {
        assert!(injected(name, url).is_err(), "{name:?} {url:?}");
    }
    let group = Group { name: "none".to_owned(), threshold: 1, members: vec!["w".to_owned()] };
    let witness = Witness { name: "w".to_owned(), key, url: None };
    assert!(matches!(
        TlogPolicy::new(Vec::new(), vec![witness], vec![group], None),
        Err(PolicyError::DuplicateName { .. })
    ));
}

#[test]
fn groups_of_groups_reach_a_quorum_only_with_enough_of_each() {
    let witness = |name: &str| {
        let key = verifier(&format!("{name}.example"), SignatureType::Cosignature, &test_key(name));
        format!("witness {name} {key}\n")
    };
    let witnesses: String = ["X1", "X2", "X3", "Y1", "Y2", "Y3"].into_iter().map(witness).collect();
    let text = format!(
        "# two organisations\n\n{witnesses}group X 2 X1 X2 X3\n\tgroup  Y any Y1 Y2 Y3 \ngroup both all X Y\nquorum both\n"
    );
    let policy = TlogPolicy::parse(text.as_bytes()).unwrap();
    let reaches = |names: &[&str]| policy.is_quorum(&names.iter().copied().collect::<BTreeSet<_>>());
    assert!(reaches(&["X1", "X3", "Y2"]) && reaches(&["X1", "X2", "X3", "Y1", "Y2", "Y3"]));
    assert!(!reaches(&["X1", "Y1", "Y2", "Y3"]) && !reaches(&["X1", "X2", "X3"]) && !reaches(&[]));
    assert!(!reaches(&["both"]) && !reaches(&["X", "Y"]), "a group's name is no cosigner");
}

#[test]
fn a_receipt_proves_its_entry_and_no_other() {
    let policy = policy();
    for index in 0..7u8 {
        let receipt = TlogProof::parse(&receipt(u64::from(index)).to_bytes()).unwrap();
        let verified = receipt.verify(&policy, &[index]).unwrap();
        assert_eq!((verified.index(), verified.leaf_hash()), (u64::from(index), &leaf_hash(&[index])));
        assert!(matches!(receipt.verify(&policy, &[index + 1]), Err(ReceiptFailure::Inclusion(_))));
    }
    let few = TlogProof::new(0, receipt(0).path().to_vec(), signed_by(&["lab-a"]), None).unwrap();
    assert!(matches!(few.verify(&policy, &[0]), Err(ReceiptFailure::Policy(PolicyFailure::NoQuorum { .. }))));
}

#[test]
fn extra_data_is_carried_and_bounded() {
    let make = |extra: Vec<u8>| TlogProof::new(0, receipt(0).path().to_vec(), signed_by(&VALIDATORS), Some(extra));
    let with = make(b"context".to_vec()).unwrap();
    assert_eq!(TlogProof::parse(&with.to_bytes()).unwrap().extra(), Some(b"context".as_slice()));
    assert_eq!(make(Vec::new()), Err(TlogProofError::BadExtra));
    assert_eq!(make(vec![0; (1 << 16) + 1]), Err(TlogProofError::BadExtra));
}

#[test]
fn limits_hold() {
    let line = String::from_utf8(EXAMPLE_NOTE.as_bytes().to_vec()).unwrap();
    let (text, signature) = line.split_once("\n\n").unwrap();
    let many = format!("{text}\n\n{}", signature.repeat(MAX_SIGNATURES + 1));
    assert_eq!(Note::parse(many.as_bytes()), Err(NoteError::TooManySignatures { count: MAX_SIGNATURES + 1 }));
    let long = format!("{}\n\n{signature}", "x".repeat(1 << 20));
    assert!(matches!(Note::parse(long.as_bytes()), Err(NoteError::TooLong { .. })));
    assert_eq!(Note::parse(b"a\n\n\xff\n"), Err(NoteError::NotText));
    let empty = Checkpoint { size: 0, ..checkpoint() };
    assert_eq!(empty.to_string().parse::<Checkpoint>(), Err(CheckpointError::EmptyRoot));
}

proptest! {
    #[test]
    fn what_parses_writes_the_same_bytes(at in any::<usize>(), byte in any::<u8>(), which in 0..3usize) {
        let policy = policy().to_string().into_bytes();
        let mut bytes = [receipt(3).to_bytes(), signed_by(&VALIDATORS).to_bytes(), policy][which].clone();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(receipt) = TlogProof::parse(&bytes) {
            prop_assert_eq!(receipt.to_bytes(), bytes.clone());
        }
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_bytes(), bytes.clone());
        }
        if let Ok(policy) = TlogPolicy::parse(&bytes) {
            prop_assert_eq!(TlogPolicy::parse(policy.to_string().as_bytes()), Ok(policy));
        }
    }

    #[test]
    fn a_receipt_with_any_byte_changed_never_proves_another_entry(at in any::<usize>(), byte in any::<u8>()) {
        let policy = policy();
        let mut bytes = receipt(3).to_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        if let Ok(receipt) = TlogProof::parse(&bytes) {
            // A cosigner beyond the quorum may be made unknown; nothing else may change and still verify.
            if let Ok(verified) = receipt.verify(&policy, &[3]) {
                prop_assert_eq!(verified.index(), 3);
                prop_assert_eq!(verified.checkpoint().checkpoint(), &checkpoint());
            }
            for other in (0..7u8).filter(|other| *other != 3) {
                let accepted = receipt.verify(&policy, &[other]).is_ok();
                prop_assert!(!accepted);
            }
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,120}", lines in "[a-z0-9 +=\n\u{2014}/]{0,120}") {
        for bytes in [text.as_bytes(), lines.as_bytes()] {
            let _ = Note::parse(bytes);
            let _ = TlogProof::parse(bytes);
            let _ = TlogPolicy::parse(bytes);
        }
        let _ = text.parse::<VerifierKey>();
        let _ = text.parse::<Checkpoint>();
        let _ = lines.parse::<Checkpoint>();
    }
}
