//! The files under `vectors/`, judged by other people's code: what is `ok` for us is `ok` for them, and, for proofs and
//! notes, the other way round.

use standstill_protocol::hash::Hash;

use super::{cases_of, input_bytes, input_of, parsed, text_of, texts_of};

fn their_hash(hash: &Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(*hash.as_bytes())
}

fn their_hashes(texts: Vec<String>) -> Vec<tlog_tiles::Hash> {
    texts.iter().map(|text| their_hash(&text.parse().unwrap())).collect()
}

#[test]
fn tlog_tiles_judges_every_inclusion_alike() {
    for case in cases_of("inclusion") {
        let input = input_of(&case);
        let (index, size): (u64, u64) = (parsed(input, "index"), parsed(input, "size"));
        if size > i64::MAX as u64 {
            continue; // Its sizes are those of Go's int64.
        }
        let (leaf, root) = (parsed(input, "leafHash"), parsed(input, "root"));
        let proof = their_hashes(texts_of(input, "path"));
        let theirs = tlog_tiles::check_record(&proof, size, their_hash(&root), index, their_hash(&leaf));
        assert_eq!(theirs.is_ok(), text_of(&case, "outcome") == "ok", "{}", text_of(&case, "name"));
    }
}

#[test]
fn tlog_tiles_judges_every_consistency_alike() {
    for case in cases_of("consistency") {
        let input = input_of(&case);
        let (old, new): (u64, u64) = (parsed(input, "oldSize"), parsed(input, "newSize"));
        if old == 0 || new > i64::MAX as u64 {
            continue; // It knows no proof from the empty log.
        }
        let (old_root, new_root) = (parsed(input, "oldRoot"), parsed(input, "newRoot"));
        let proof = their_hashes(texts_of(input, "proof"));
        let theirs = tlog_tiles::check_tree(&proof, new, their_hash(&new_root), old, their_hash(&old_root));
        assert_eq!(theirs.is_ok(), text_of(&case, "outcome") == "ok", "{}", text_of(&case, "name"));
    }
}

#[test]
fn signed_note_takes_every_note_that_we_take() {
    let mut verified = 0;
    for case in cases_of("notes") {
        let input = input_of(&case);
        let theirs = signed_note::Note::from_bytes(&input_bytes(input));
        let outcome = text_of(&case, "outcome");
        let parses = matches!(outcome, "ok" | "NoKnownKey" | "BadSignature");
        assert_eq!(theirs.is_ok(), parses, "{}: {theirs:?}", text_of(&case, "name"));
        // It knows type 0x01 only; lines of cosigners are unknown to it.
        let keys = texts_of(input, "keys");
        let known: Vec<Box<dyn signed_note::Verifier>> = keys
            .iter()
            .filter_map(|vkey| signed_note::StandardVerifier::new(vkey).ok())
            .map(|verifier| Box::new(verifier) as Box<dyn signed_note::Verifier>)
            .collect();
        if outcome == "ok" {
            let (signatures, _) = theirs.unwrap().verify(&signed_note::VerifierList::new(known)).unwrap();
            verified += signatures.len();
        }
    }
    assert!(verified >= 4, "{verified}");
}

#[test]
fn tlog_tiles_takes_every_checkpoint_that_we_take() {
    for case in cases_of("checkpoints") {
        let theirs = tlog_tiles::Checkpoint::from_bytes(text_of(input_of(&case), "text").as_bytes());
        if text_of(&case, "outcome") == "ok" {
            assert!(theirs.is_ok(), "{}: {theirs:?}", text_of(&case, "name"));
        }
    }
}
