//! The HTTP API over a chain of one validator: what goes in, what is refused and how, and that a refusal disturbs nothing.

mod support;

use standstill_ledger::bundle::{BundleReader, Frame};
use standstill_node::cosign;
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::tlog_proof::TlogProof;
use standstill_protocol::units::Timestamp;
use support::{Chain, Client, runtime, sign, start, stop};

#[test]
fn an_entry_becomes_final_has_a_receipt_and_is_in_every_view_of_the_log() {
    let chain = Chain::new(1);
    let runtime = runtime();
    let node = start(&runtime, &chain.homes[0]);
    let client = Client::of(&node);
    let envelope = chain.report(1);
    let id = Envelope::parse(&envelope).unwrap().id();

    let recorded = client.submit_final(&envelope);
    assert_eq!(recorded["status"], "final");
    assert_eq!(recorded["id"], id.to_string());
    let index = recorded["index"].as_u64().unwrap();

    let receipt = client.get(&format!("/v1/receipts/{id}?wait=true"));
    assert_eq!(receipt.status, 200, "{}", receipt.text());
    let policy = cosign::policy(&chain.treaty).unwrap();
    let proof = TlogProof::parse(&receipt.bytes).unwrap();
    assert_eq!(proof.verify(&policy, &envelope).unwrap().index(), index);
    assert!(proof.verify(&policy, b"another leaf").is_err());

    let entry = client.get(&format!("/v1/entries/{index}")).json();
    assert_eq!(entry["leaf"].as_str().unwrap().as_bytes(), envelope);
    assert_eq!(entry["statement"]["predicate"]["run"], "run-1");
    let size = client.get("/v1/status").json()["log_size"].as_u64().unwrap();
    let tile = client.get(&format!("/tile/entries/000.p/{size}"));
    let bundle = standstill_protocol::tiles::read_bundle(&tile.bytes, size as u16).unwrap();
    assert_eq!(bundle[index as usize], envelope);
    assert_eq!(client.get(&format!("/tile/0/000.p/{size}")).bytes.len() as u64, 32 * size);

    let members = client.get("/v1/members/lab-a").json();
    assert_eq!(members["next_sequence"], 2);
    let obligations = client.get("/v1/obligations?member=lab-a").json();
    assert!(obligations["rows"].as_array().unwrap().iter().any(|row| row["status"] == "met"), "{obligations}");
    assert_eq!(client.get("/v1/verdicts").status, 200);
    let ready = client.get("/readyz");
    assert_eq!(ready.status, 200, "{}", ready.text());
    assert!(client.get("/metrics").text().contains("standstill_ledger_height "));
    assert!(client.get("/metrics").text().ends_with("# EOF\n"));

    let exported = client.get("/v1/bundle").bytes;
    let mut reader = BundleReader::open(&exported[..]).unwrap();
    let (mut head, mut covered) = (0, 0);
    while let Some(frame) = reader.next_frame().unwrap() {
        match frame {
            Frame::Block(block) => head = block.header.log_size,
            Frame::Checkpoint(note) => {
                let note = standstill_protocol::note::Note::parse(&note).unwrap();
                covered = policy.verify(&note).unwrap().checkpoint().size;
                assert_eq!(covered, head, "it stands behind the block whose log it covers");
            }
            _ => {}
        }
    }
    assert!(covered > index && covered == head, "a checkpoint covers the last record: {covered} of {head}");
    stop(&runtime, node);
    assert!(chain.homes[0].config.paths.log.join("checkpoint").exists());
    assert!(chain.homes[0].config.paths.log.join("policy").exists());
}

#[test]
fn every_kind_of_bad_input_is_named_and_disturbs_nothing() {
    let chain = Chain::new(1);
    let runtime = runtime();
    let node = start(&runtime, &chain.homes[0]);
    let client = Client::of(&node);
    let key = chain.statement_key(0);
    let stranger = SecretKey::from_seed(&[99; 32]);
    let second = SecretKey::from_seed(&[50; 32]);
    let first = chain.report(1);
    client.submit_final(&first);
    client.submit_final(&sign(&chain.registration(2, &second), &key));
    // The new key signs from the block after its registration.
    let revocation = sign(&chain.revocation(3, &key), &second);
    client.submit_final(&revocation);
    let before = client.get("/v1/status").json();

    let good = |sequence| chain.training(sequence, 5);
    let altered = |change: &dyn Fn(&mut standstill_attestations::Statement)| {
        let mut statement = good(4);
        change(&mut statement);
        sign(&statement, &second)
    };
    let mut tampered = Envelope::parse(&sign(&good(4), &second)).unwrap().to_bytes();
    let text = String::from_utf8(tampered.clone()).unwrap();
    let place = text.find("\"sig\":\"").unwrap() + 10;
    tampered[place] = if tampered[place] == b'A' { b'B' } else { b'A' };
    let mut spaced = first.clone();
    spaced.insert(1, b' ');
    let contradiction = |statement: &mut standstill_attestations::Statement| {
        if let standstill_attestations::Predicate::TrainingCompute(training) = &mut statement.predicate {
            training.flop.incremental =
                standstill_attestations::claim::Interval::exact(standstill_protocol::units::Flop(10));
        }
    };
    let future = |statement: &mut standstill_attestations::Statement| {
        statement.common.issued_at = Timestamp(standstill_node::clock::now().0 + 3_600_000);
    };
    let cases: Vec<(&str, u16, Vec<u8>)> = vec![
        ("envelope-malformed", 400, b"{\"payload\":".to_vec()),
        ("envelope-malformed", 400, Vec::new()),
        ("envelope-malformed", 400, vec![0xff; 300]),
        ("envelope-not-canonical", 400, spaced),
        ("envelope-oversized", 413, vec![b'x'; 65_536]),
        ("envelope-oversized", 413, vec![b'x'; 900_000]),
        ("unknown-key", 422, sign(&good(4), &stranger)),
        ("revoked-key", 422, sign(&good(4), &key)),
        ("key-of-another-member", 422, sign(&good(4), &chain.regulator)),
        ("bad-signature", 422, tampered),
        ("wrong-chain", 422, altered(&|statement| statement.common.chain_id = Hash::sha256(b"another treaty"))),
        ("duplicate", 409, revocation),
        ("sequence-used", 409, altered(&|statement| statement.common.sequence = 2)),
        ("future-dated", 422, altered(&future)),
        ("statement-incremental-above-cumulative", 400, altered(&contradiction)),
        ("not-a-member", 422, altered(&|statement| statement.common.member = support::name("lab-z"))),
    ];
    for (code, status, body) in cases {
        let answer = client.post("/v1/entries?wait=final", &body);
        assert_eq!((answer.code().as_str(), answer.status), (code, status), "{}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["type"], format!("https://standstill.example/problem/{code}"));
        assert_eq!(problem["status"], status);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        assert!(!problem["hint"].as_str().unwrap().is_empty(), "{code} has no hint");
    }
    let after = client.get("/v1/status").json();
    for unchanged in ["log_size", "log_root", "statements", "pending"] {
        assert_eq!(before[unchanged], after[unchanged], "{unchanged}");
    }
    client.submit_final(&sign(&good(4), &second));
    stop(&runtime, node);
}

#[test]
fn bad_requests_are_problems_and_not_panics() {
    let chain = Chain::new(1);
    let runtime = runtime();
    let node = start(&runtime, &chain.homes[0]);
    let client = Client::of(&node);
    for (path, status) in [
        ("/", 404),
        ("/v1/nothing", 404),
        ("/v1/entries/zz", 400),
        ("/v1/entries/18446744073709551615", 404),
        ("/v1/entries/18446744073709551616", 400),
        (&format!("/v1/entries/{}", "0".repeat(64)), 404),
        ("/v1/receipts/18446744073709551615", 404),
        ("/v1/receipts/0?wait=maybe", 400),
        ("/v1/blocks/0", 404),
        ("/v1/blocks/-1", 400),
        ("/v1/blocks/18446744073709551615", 404),
        ("/v1/bundle?from=0", 400),
        ("/v1/bundle?from=9&to=3", 400),
        ("/v1/members/Lab%20A", 404),
        ("/v1/verdicts?from=0&to=4294967295&x=1", 400),
        ("/v1/verdicts?member=NOT+A+NAME", 400),
        ("/tile/0/000", 404),
        ("/tile/../checkpoint", 404),
        ("/tile/9/000", 404),
        ("/tile/entries/x999/x999/x999/x999/x999/x999/999", 404),
    ] {
        let answer = client.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(!answer.code().is_empty(), "{path}: {}", answer.text());
    }
    let wait = client.post("/v1/entries?wait=forever", &chain.report(1));
    assert_eq!((wait.status, wait.code().as_str()), (400, "bad-parameter"));
    assert_eq!(client.get("/livez").text(), "ok\n");
    stop(&runtime, node);
}

#[test]
fn entries_out_of_order_wait_for_their_predecessors() {
    let chain = Chain::new(1);
    let runtime = runtime();
    let node = start(&runtime, &chain.homes[0]);
    let client = Client::of(&node);
    for sequence in [3, 2] {
        assert_eq!(client.post("/v1/entries", &chain.report(sequence)).status, 202);
    }
    assert_eq!(client.get("/v1/status").json()["pending"]["entries"], 2);
    let other = sign(&chain.training(3, 7), &chain.statement_key(0));
    assert_eq!(client.post("/v1/entries", &other).code(), "sequence-pending");
    let first = client.submit_final(&chain.report(1))["index"].as_u64().unwrap();
    let next = client.get("/v1/members/lab-a").json()["next_sequence"].as_u64().unwrap();
    assert_eq!(next, 4);
    client.submit_final(&chain.report(4));
    let order: Vec<_> = (first..first + 8)
        .map(|index| client.get(&format!("/v1/entries/{index}")).json())
        .filter(|entry| entry["kind"] == "statement")
        .map(|entry| entry["statement"]["predicate"]["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(order, [1, 2, 3, 4]);
    stop(&runtime, node);
}

#[test]
fn a_restarted_node_keeps_what_it_said_was_final_and_goes_on() {
    let chain = Chain::new(1);
    let runtime = runtime();
    let node = start(&runtime, &chain.homes[0]);
    let client = Client::of(&node);
    let recorded = client.submit_final(&chain.report(1));
    assert_eq!(client.post("/v1/entries", &chain.report(3)).status, 202, "pending, with a gap before it");
    stop(&runtime, node);

    let node = start(&runtime, &chain.homes[0]);
    let client = Client::of(&node);
    let id = recorded["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/v1/entries/{id}")).json()["index"], recorded["index"]);
    assert_eq!(client.get("/v1/status").json()["pending"]["entries"], 1, "what waited still waits");
    client.submit_final(&chain.report(2));
    client.submit_final(&chain.report(4));
    stop(&runtime, node);
}

#[test]
fn a_bundle_streams_every_block_with_its_certificate() {
    let chain = Chain::new(1);
    let runtime = runtime();
    let node = start(&runtime, &chain.homes[0]);
    let client = Client::of(&node);
    for sequence in 1..=3 {
        client.submit_final(&chain.report(sequence));
    }
    let height = client.height();
    let bytes = client.get(&format!("/v1/bundle?from=1&to={height}")).bytes;
    let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
    let (mut blocks, mut entries, mut treaty) = (0, 0, None);
    while let Some(frame) = reader.next_frame().unwrap() {
        match frame {
            Frame::Treaty(bytes) => treaty = Some(bytes),
            Frame::Block(block) => {
                blocks += 1;
                entries += block.entries.len();
            }
            _ => {}
        }
    }
    assert_eq!((treaty.as_deref(), blocks, entries), (Some(chain.treaty_bytes.as_slice()), height, 3));
    stop(&runtime, node);
}
