//! Verifier keys, notes, checkpoints, policies, receipts.

use standstill_protocol::checkpoint::Checkpoint;
use standstill_protocol::cosignature;
use standstill_protocol::json::Object;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::log::{MemoryLog, inclusion, leaf_hash};
use standstill_protocol::note::{KeyName, Note, NoteError, SignatureType, VerifierKey};
use standstill_protocol::tlog_policy::TlogPolicy;
use standstill_protocol::tlog_proof::TlogProof;

use super::{Case, Outcome, Suite, bytes_input, case, input_bytes, list, named, text_of, texts_of};
use crate::test_key;

const ORIGIN: &str = "standstill.example/vectors";
const VALIDATORS: [&str; 4] = ["lab-a", "lab-b", "lab-c", "lab-d"];
/// From the signed-note specification.
const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

pub(super) fn suites() -> Vec<Suite> {
    vec![
        Suite { kind: "verifier-keys", about: "Keys of notes, as vkeys", check: check_key, cases: key_cases() },
        Suite {
            kind: "notes",
            about: "Signed notes, and the keys that are known; `output` has the text and who signed, with the time of a cosignature",
            check: check_note,
            cases: note_cases(),
        },
        Suite {
            kind: "checkpoints",
            about: "Texts of checkpoints, without signatures",
            check: check_checkpoint,
            cases: checkpoint_cases(),
        },
        Suite { kind: "tlog-policies", about: "Trust policies", check: check_policy, cases: policy_cases() },
        Suite {
            kind: "tlog-proofs",
            about: "Receipts, with the policy and the entry (hex) that they are verified against",
            check: check_proof,
            cases: proof_cases(),
        },
    ]
}

fn log_key(validator: &str) -> SecretKey {
    test_key(&format!("log {validator}"))
}

fn cosigner_key(validator: &str) -> SecretKey {
    test_key(&format!("cosigner {validator}"))
}

fn cosigner_name(validator: &str) -> KeyName {
    format!("{ORIGIN}/{validator}").parse().unwrap()
}

fn log_vkey(validator: &str) -> VerifierKey {
    let key = log_key(validator).public_key();
    VerifierKey::new(ORIGIN.parse().unwrap(), SignatureType::Ed25519, &key).unwrap()
}

fn cosigner_vkey(validator: &str) -> VerifierKey {
    let key = cosigner_key(validator).public_key();
    VerifierKey::new(cosigner_name(validator), SignatureType::Cosignature, &key).unwrap()
}

fn log() -> MemoryLog {
    (0..11u8).map(|number| leaf_hash(&[number])).collect()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: ORIGIN.parse().unwrap(), size: log().size(), root: log().root() }
}

fn signed(cosigners: &[&str]) -> Note {
    let checkpoint = checkpoint();
    let mut note = checkpoint.sign(&log_key("lab-a"));
    for validator in cosigners {
        let key = cosigner_key(validator);
        note.add(cosignature::sign(&cosigner_name(validator), &key, &checkpoint, 1_800_000_000)).unwrap();
    }
    note
}

fn policy() -> TlogPolicy {
    let logs = VALIDATORS.iter().map(|validator| log_vkey(validator)).collect();
    let cosigners = VALIDATORS.iter().map(|validator| ((*validator).to_owned(), cosigner_vkey(validator))).collect();
    TlogPolicy::validators(logs, cosigners, 3).unwrap()
}

fn check_key(input: &Object) -> Outcome {
    let key: VerifierKey = text_of(input, "vkey").parse().map_err(named::<NoteError>)?;
    Ok(Object::new()
        .with("name", key.name().as_str())
        .with("keyId", key.id().to_string())
        .with("type", u32::from(key.kind().byte()))
        .with("publicKey", key.public_key().to_string()))
}

fn key_cases() -> Vec<Case> {
    let input = |vkey: &str| Object::new().with("vkey", vkey);
    let ours = cosigner_vkey("lab-a").to_string();
    vec![
        case("the specification's example", input(EXAMPLE_KEY), "ok"),
        case("a cosigner's key", input(&ours), "ok"),
        case("another key id", input(&EXAMPLE_KEY.replace("530d903a", "530d903b")), "WrongKeyId"),
        case("a key id in capitals", input(&EXAMPLE_KEY.replace("530d903a", "530D903A")), "MalformedKey"),
        case("a short key id", input(&EXAMPLE_KEY.replace("530d903a", "530d90")), "MalformedKey"),
        case("another name", input(&EXAMPLE_KEY.replace("foo", "bar")), "WrongKeyId"),
        case("no name", input(&EXAMPLE_KEY.replace("example.com/foo", "")), "InvalidName"),
        case("a space in the name", input(&EXAMPLE_KEY.replace("/foo", " foo")), "InvalidName"),
        case("type 2", input("example.com/foo+530d903a+AgAA"), "UnsupportedType"),
        case("no key", input("example.com/foo+530d903a+"), "MalformedKey"),
        case("two parts", input("example.com/foo+530d903a"), "MalformedKey"),
        case("not base64", input("example.com/foo+530d903a+!!!"), "MalformedKey"),
    ]
}

fn check_note(input: &Object) -> Outcome {
    let note = Note::parse(&input_bytes(input)).map_err(named)?;
    let keys: Vec<VerifierKey> = texts_of(input, "keys").iter().map(|vkey| vkey.parse().unwrap()).collect();
    let verified = note.verify(&keys).map_err(named)?;
    let signers = verified.iter().map(|signature| match signature.time_s {
        Some(time_s) => format!("{} at {time_s}", signature.key.name()),
        None => signature.key.name().to_string(),
    });
    Ok(Object::new().with("signedText", note.text()).with("signers", list(signers)))
}

fn note_cases() -> Vec<Case> {
    let keys: Vec<String> = [log_vkey("lab-a"), cosigner_vkey("lab-a"), cosigner_vkey("lab-b")]
        .iter()
        .map(ToString::to_string)
        .chain([EXAMPLE_KEY.to_owned()])
        .collect();
    let with =
        |name: &str, text: &str, outcome| case(name, bytes_input(text.as_bytes()).with("keys", list(&keys)), outcome);
    let cosigned = String::from_utf8(signed(&["lab-a", "lab-b"]).to_bytes()).unwrap();
    let example = |from: &str, to: &str| EXAMPLE_NOTE.replacen(from, to, 1);
    let later = {
        let line = cosignature::sign(&cosigner_name("lab-b"), &cosigner_key("lab-b"), &checkpoint(), 1_800_000_000);
        let mut line = line.clone();
        line.bytes[7] ^= 1;
        let mut note = signed(&["lab-a"]);
        note.add(line).unwrap();
        String::from_utf8(note.to_bytes()).unwrap()
    };
    let mut cases = vec![
        with("the specification's example", EXAMPLE_NOTE, "ok"),
        with("a cosigned checkpoint", &cosigned, "ok"),
        with(
            "a blank line in the text",
            &{
                let text = "first\n\nsecond\n".to_owned();
                let line = standstill_protocol::note::sign(&ORIGIN.parse().unwrap(), &log_key("lab-a"), &text);
                format!("{text}\n{line}")
            },
            "ok",
        ),
        with("an unknown key beside a known one", &format!("{EXAMPLE_NOTE}\u{2014} unknown.example AAAAAAE=\n"), "ok"),
        with("only unknown keys", "text\n\n\u{2014} unknown.example AAAAAAE=\n", "NoKnownKey"),
        with("another text", &example("example message", "example massage"), "BadSignature"),
        with("the time of a cosignature changed", &later, "BadSignature"),
        with(
            "a known key's signature cut short",
            "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8\n",
            "BadSignature",
        ),
        with("no signature", "text\n", "NoSignatures"),
        with("no newline at the end", EXAMPLE_NOTE.trim_end(), "NoSignatures"),
        with("no blank line", &example("\n\n", "\n"), "NoSignatures"),
        with("a hyphen for the dash", &example("\u{2014}", "-"), "MalformedSignature"),
        with("two spaces", &example("foo Uw", "foo  Uw"), "MalformedSignature"),
        with("a space at the end", &example("QM=\n", "QM= \n"), "MalformedSignature"),
        with("base64 without padding", &example("QM=", "QM"), "MalformedSignature"),
        with("bits after the end", &example("QM=", "QN="), "MalformedSignature"),
        with("a plus in the name", &example("foo Uw", "foo+bar Uw"), "MalformedSignature"),
        with("a signature without bytes", "text\n\n\u{2014} example.com/foo Uw2QOg==\n", "MalformedSignature"),
        with("text after the signatures", &format!("{EXAMPLE_NOTE}text\n"), "MalformedSignature"),
    ];
    for (name, bytes) in
        [("a carriage return", b"a\r\n\n\xe2\x80\x94 x AAAAAAE=\n".as_slice()), ("not UTF-8", b"a\xff\n\n\n")]
    {
        cases.push(case(name, bytes_input(bytes).with("keys", list(&keys)), "NotText"));
    }
    cases
}

fn check_checkpoint(input: &Object) -> Outcome {
    let checkpoint: Checkpoint =
        text_of(input, "text").parse().map_err(named::<standstill_protocol::checkpoint::CheckpointError>)?;
    Ok(Object::new()
        .with("origin", checkpoint.origin.as_str())
        .with("size", checkpoint.size.to_string())
        .with("root", checkpoint.root.to_string()))
}

fn checkpoint_cases() -> Vec<Case> {
    let good = checkpoint().to_string();
    let change = |from: &str, to: &str| good.replacen(from, to, 1);
    let with = |name: &str, text: &str, outcome| case(name, Object::new().with("text", text), outcome);
    vec![
        with("a checkpoint", &good, "ok"),
        with(
            "the specification's example",
            "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "ok",
        ),
        with("the empty log", "a.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", "ok"),
        with("the empty log with another root", &change("\n11\n", "\n0\n"), "EmptyRoot"),
        with("an extension line", &format!("{good}height 7\n"), "Extension"),
        with("a blank line", &format!("{good}\n"), "Extension"),
        with("two lines", "a.example\n1\n", "NotThreeLines"),
        with("no newline at the end", good.trim_end(), "NotThreeLines"),
        with("a leading zero", &change("\n11\n", "\n011\n"), "BadSize"),
        with("a sign", &change("\n11\n", "\n+11\n"), "BadSize"),
        with("a size of two to the 63", &change("\n11\n", "\n9223372036854775808\n"), "BadSize"),
        with("no size", &change("\n11\n", "\n\n"), "BadSize"),
        with("a short root", &change("=\n", "\n"), "BadRoot"),
        with("a root of 31 bytes", "a.example\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n", "BadRoot"),
        with("no origin", "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "Note.InvalidName"),
        with("a space in the origin", &change("/vectors", " vectors"), "Note.InvalidName"),
    ]
}

fn check_policy(input: &Object) -> Outcome {
    let policy = TlogPolicy::parse(&input_bytes(input)).map_err(named)?;
    Ok(Object::new().with("written", policy.to_string()))
}

fn policy_cases() -> Vec<Case> {
    let text = policy().to_string();
    let witness = |name: &str, validator: &str| format!("witness {name} {}\n", cosigner_vkey(validator));
    let (a, b) = (witness("a", "lab-a"), witness("b", "lab-b"));
    let log = format!("log {}\n", log_vkey("lab-a"));
    let with = |name: &str, text: &str, outcome| case(name, bytes_input(text.as_bytes()), outcome);
    vec![
        with("a quorum of validators", &text, "ok"),
        with(
            "comments, blank lines and white space",
            &format!("# policy\n\n  {a}{b}group\tg any a  b \nquorum g\n"),
            "ok",
        ),
        with("no witness", &format!("{log}quorum none\n"), "ok"),
        with("one witness as quorum", &format!("{a}quorum a\n"), "ok"),
        with("groups of groups", &format!("{a}{b}group g all a\ngroup h 2 g b\nquorum h\n"), "ok"),
        with("no quorum", &format!("{log}{a}"), "NotOneQuorum"),
        with("two quorums", &format!("{a}quorum a\nquorum none\n"), "NotOneQuorum"),
        with("a quorum that is not defined", &format!("{a}quorum b\n"), "UndefinedName"),
        with("a quorum defined afterwards", &format!("quorum a\n{a}"), "UndefinedName"),
        with("a member that is not defined", &format!("{a}group g 1 a b\nquorum g\n"), "UndefinedName"),
        with("none as a member", &format!("{a}group g 1 a none\nquorum g\n"), "UndefinedName"),
        with("a member of two groups", &format!("{a}{b}group g 1 a b\ngroup h 1 a\nquorum h\n"), "DuplicateMember"),
        with("a member twice", &format!("{a}group g 1 a a\nquorum g\n"), "DuplicateMember"),
        with("a threshold of zero", &format!("{a}group g 0 a\nquorum g\n"), "BadThreshold"),
        with("a threshold over the members", &format!("{a}group g 2 a\nquorum g\n"), "BadThreshold"),
        with("a threshold with a leading zero", &format!("{a}group g 01 a\nquorum g\n"), "BadThreshold"),
        with("a group without members", &format!("{a}group g all\nquorum g\n"), "WrongForm"),
        with("a name twice", &format!("{a}{}quorum a\n", witness("a", "lab-b")), "DuplicateName"),
        with("a witness named none", &format!("{}quorum none\n", witness("none", "lab-a")), "DuplicateName"),
        with("a witness key twice", &format!("{a}{}quorum a\n", witness("b", "lab-a")), "DuplicateKey"),
        with("a log key twice", &format!("{log}{log}quorum none\n"), "DuplicateKey"),
        with("a log key for a witness", &format!("witness a {}\nquorum a\n", log_vkey("lab-a")), "WrongKeyType"),
        with("a witness key for a log", &format!("log {}\nquorum none\n", cosigner_vkey("lab-a")), "WrongKeyType"),
        with("a key that is none", "log example.com/foo\nquorum none\n", "BadKey"),
        with("an unknown word", "monitor a\nquorum none\n", "UnknownKeyword"),
        with("no newline at the end", "quorum none", "Unterminated"),
        with("a carriage return", "quorum none\r\n", "NotText"),
    ]
}

fn check_proof(input: &Object) -> Outcome {
    let proof = TlogProof::parse(text_of(input, "proof").as_bytes()).map_err(named)?;
    let policy = TlogPolicy::parse(text_of(input, "policy").as_bytes()).unwrap();
    let verified = proof.verify(&policy, &hex::decode(text_of(input, "entry")).unwrap()).map_err(named)?;
    let checkpoint = verified.checkpoint().checkpoint();
    Ok(Object::new()
        .with("index", verified.index().to_string())
        .with("size", checkpoint.size.to_string())
        .with("root", checkpoint.root.to_string())
        .with("leafHash", verified.leaf_hash().to_string())
        .with("cosigners", list(verified.checkpoint().cosigners().keys())))
}

fn proof(index: u64, cosigners: &[&str]) -> String {
    let path = inclusion::prove(&log(), index, log().size()).unwrap();
    TlogProof::new(index, path, signed(cosigners), None).unwrap().to_string()
}

fn proof_cases() -> Vec<Case> {
    let policy = policy().to_string();
    let good = proof(7, &VALIDATORS);
    let with = |name: &str, proof: &str, entry: u8, outcome| {
        let input =
            Object::new().with("proof", proof).with("policy", policy.as_str()).with("entry", hex::encode([entry]));
        case(name, input, outcome)
    };
    let change = |from: &str, to: &str| good.replacen(from, to, 1);
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let without = |line: usize| -> String {
        lines.iter().enumerate().filter(|(at, _)| *at != line).map(|(_, text)| *text).collect()
    };
    let twice = |line: usize| -> String {
        lines.iter().enumerate().flat_map(|(at, text)| [*text].repeat(if at == line { 2 } else { 1 })).collect()
    };
    let other_root = change("\n11\n", "\n10\n");
    vec![
        with("all four cosigned", &good, 7, "ok"),
        with("three of four cosigned", &proof(7, &VALIDATORS[1..]), 7, "ok"),
        with("the last entry", &proof(10, &VALIDATORS), 10, "ok"),
        with("extra data", &change("index", "extra Y29udGV4dA==\nindex"), 7, "ok"),
        with("a cosignature by someone unknown", &format!("{good}\u{2014} unknown.example AAAAAAE=\n"), 7, "ok"),
        with("two of four cosigned", &proof(7, &VALIDATORS[..2]), 7, "Policy.NoQuorum"),
        with("another entry", &good, 8, "Inclusion.RootMismatch"),
        with("another index", &change("index 7", "index 6"), 7, "Inclusion.RootMismatch"),
        with("an index beyond the log", &change("index 7", "index 11"), 7, "Inclusion.IndexOutOfRange"),
        with("a hash missing", &without(2), 7, "Inclusion.WrongLength"),
        with("a hash twice", &twice(2), 7, "Inclusion.WrongLength"),
        with("another checkpoint under the signatures", &other_root, 7, "Policy.Signature.BadSignature"),
        with(
            "another origin",
            &good.replacen(&format!("\n{ORIGIN}\n"), "\nother.example\n", 1),
            7,
            "Policy.UnknownOrigin",
        ),
        with("no log signature", &without(11), 7, "Policy.NoLogSignature"),
        with("another version", &change("@v1", "@v2"), 7, "WrongHeader"),
        with("an empty extra line", &change("index", "extra \nindex"), 7, "BadExtra"),
        with("extra after index", &change("index 7\n", "index 7\nextra Y29udGV4dA==\n"), 7, "BadHash"),
        with("no index", &without(1), 7, "BadIndex"),
        with("a leading zero", &change("index 7", "index 07"), 7, "BadIndex"),
        with("a hash without padding", &change("=\n", "\n"), 7, "BadHash"),
        with("no checkpoint", &lines[..6].concat(), 7, "NoCheckpoint"),
        with("an extension line", &change("\n\n\u{2014}", "\nheight 7\n\n\u{2014}"), 7, "Checkpoint.Extension"),
    ]
}
