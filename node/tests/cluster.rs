//! Four nodes on loopback, each with its own home, swarms and store, in one process.

mod support;

use std::time::Duration;

use standstill_node::{Node, RunningNode, cosign};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::tlog_proof::TlogProof;
use support::{Chain, Client, runtime, start, stop};

/// Waits until a node's tip reaches `height`.
fn reach(runtime: &tokio::runtime::Runtime, node: &RunningNode, height: u64) {
    let mut tip = node.replica().tip();
    let reached = runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(120), tip.wait_for(|tip| tip.height >= height)).await
    });
    reached.expect("the node catches up within two minutes").unwrap();
}

fn headers(node: &RunningNode, height: u64) -> Vec<standstill_protocol::hash::Hash> {
    (1..=height).map(|height| node.replica().store().header(height).unwrap().unwrap().hash()).collect()
}

#[test]
fn an_entry_given_to_one_node_is_final_and_cosigned_on_all_and_survives_restarts_and_loss() {
    let mut chain = Chain::new(4);
    chain.connect();
    let runtime = runtime();
    let mut nodes: Vec<_> = chain.homes.iter().map(|home| start(&runtime, home)).collect();
    let envelope = chain.report(1);
    let id = Envelope::parse(&envelope).unwrap().id();
    let recorded = Client::of(&nodes[2]).submit_final(&envelope);
    let height = recorded["height"].as_u64().unwrap();
    let policy = cosign::policy(&chain.treaty).unwrap();
    for node in &nodes {
        reach(&runtime, node, height);
        let receipt = Client::of(node).get(&format!("/v1/receipts/{id}?wait=true"));
        assert_eq!(receipt.status, 200, "{}", receipt.text());
        let verified = TlogProof::parse(&receipt.bytes).unwrap().verify(&policy, &envelope).unwrap();
        assert!(verified.checkpoint().cosigners().len() >= 3);
    }

    // One node away: the others go on, and it catches up when it comes back.
    stop(&runtime, nodes.pop().unwrap());
    let second = Client::of(&nodes[0]).submit_final(&chain.report(2))["height"].as_u64().unwrap();
    // One node's disk lost: it starts from genesis and catches up from nothing.
    std::fs::remove_dir_all(&chain.homes[3].config.paths.data).unwrap();
    std::fs::create_dir_all(&chain.homes[3].config.paths.data).unwrap();
    Node::create_store(&chain.homes[3]).unwrap();
    let marker = chain.homes[3].config.paths.data.join("must-follow");
    assert!(marker.exists(), "its key has signed, and nobody knows what");
    nodes.push(start(&runtime, &chain.homes[3]));
    assert!(nodes[3].status().borrow().following, "it signs nothing before it has caught up");
    let from: u64 = std::fs::read_to_string(&marker).unwrap().trim().parse().unwrap();
    assert!(from > second + 1, "{from} is a height that it may have signed");
    reach(&runtime, &nodes[3], second);
    let expected = headers(&nodes[0], second);
    for node in &nodes {
        reach(&runtime, node, second);
        assert_eq!(headers(node, second), expected);
    }

    // An entry that only a node without quorum has is not lost: the others learn it when they are back.
    for _ in 0..3 {
        stop(&runtime, nodes.pop().unwrap());
    }
    let waiting = chain.report(3);
    assert_eq!(Client::of(&nodes[0]).post("/v1/entries", &waiting).status, 202);
    for home in &chain.homes[1..] {
        nodes.push(start(&runtime, home));
    }
    let third = Envelope::parse(&waiting).unwrap().id();
    let outcome = nodes[1].replica().outcome(&third).unwrap();
    let outcome = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(120), outcome).await });
    assert!(matches!(outcome, Ok(Ok(standstill_node::replica::Outcome::Final(_)))), "{outcome:?}");

    // Once the others are past what it may have signed, it signs again.
    for sequence in 4..4 + from {
        Client::of(&nodes[0]).submit_final(&chain.report(sequence));
        if nodes[0].replica().tip().borrow().height >= from {
            break;
        }
    }
    reach(&runtime, &nodes[3], from);
    let mut status = nodes[3].status();
    let signs = runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(120), status.wait_for(|status| !status.following)).await.is_ok()
    });
    assert!(signs && !marker.exists());
    for node in nodes {
        assert_eq!(node.replica().store().evidence(1).unwrap(), Vec::<Vec<u8>>::new(), "nobody contradicted itself");
        stop(&runtime, node);
    }
}
