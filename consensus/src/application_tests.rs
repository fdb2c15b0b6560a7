//! The application without its engine: each question asked by hand.

use std::sync::Arc;
use std::time::Duration;

use malachite::app::engine::host::{Next, SyncedValueOutcome};
use malachite::app::streaming::StreamMessage;
use malachite::app::types::core::{CommitCertificate, Round, SignedMessage, VoteType};
use malachite::app::types::{LocallyProposedValue, MisbehaviorEvidence, PeerId, ProposedValue};
use malachite::{AppMsg, NetworkMsg};
use standstill_protocol::block::Block;
use standstill_protocol::hash::Hash;
use standstill_protocol::validators::Address;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::application::Application;
use crate::context::{At, BlockId, Chain, Vote, Voters, Who};
use crate::heard::Heard;
use crate::parts::{Coordinates, Opening, Part, stream};
use crate::signing::bytes_of_vote;
use crate::state_machine::StateMachine;
use crate::status::Status;
use support::{Cluster, Ledger, consensus_key, transport_key};

#[path = "../tests/support/mod.rs"]
mod support;

/// One application of a cluster of four, with the ends of its channels.
struct Bench {
    cluster: Cluster,
    index: usize,
    application: Application,
    heard: Arc<Heard>,
    sent: mpsc::Receiver<NetworkMsg<Chain>>,
    status: watch::Receiver<Status>,
}

impl Bench {
    /// The application of the proposer of height 1 and `round`, or of the validator after it.
    fn new(cluster: Cluster, index: usize) -> Self {
        let (network, sent) = mpsc::channel(1024);
        let (status, watch) = watch::channel(Status::default());
        let heard = Arc::new(Heard::default());
        let peers = (0..4).map(peer).collect();
        let config = cluster.config(index, &cluster.wal(index), Vec::new());
        let machine = Box::new(cluster.ledgers[index].clone());
        let (events, _) = broadcast::channel(64);
        let application = Application::new(config, machine, network, heard.clone(), status, events, peers);
        Bench { application: application.expect("a ledger in memory"), cluster, index, heard, sent, status: watch }
    }

    /// The same disk under a new application.
    fn restart(self) -> Self {
        Bench::new(self.cluster, self.index)
    }

    fn ledger(&self) -> &Ledger {
        &self.cluster.ledgers[self.index]
    }

    async fn ask<T>(&mut self, question: impl FnOnce(oneshot::Sender<T>) -> AppMsg<Chain>) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.application.answer(question(reply)).await.expect("the state machine does not fail");
        answer.await.ok()
    }

    async fn value(&mut self, height: u64, round: u32) -> LocallyProposedValue<Chain> {
        let timeout = Duration::from_secs(1);
        let (height, round) = (At(height), Round::new(round));
        self.ask(|reply| AppMsg::GetValue { height, round, timeout, reply }).await.expect("an answer")
    }

    /// Receives a whole stream; the answer to its last part.
    async fn receive(&mut self, from: usize, parts: Vec<StreamMessage<Part>>) -> Option<ProposedValue<Chain>> {
        let mut last = None;
        for part in parts {
            let (from, published_by) = (peer(from), Some(peer(from)));
            last = self
                .ask(|reply| AppMsg::ReceivedProposalPart { from, published_by, part, reply })
                .await
                .expect("an answer");
        }
        last
    }

    async fn started_round(&mut self, height: u64, round: u32) -> Vec<ProposedValue<Chain>> {
        let proposer = Who(self.ledger().me);
        let (height, round, role) = (At(height), Round::new(round), malachite::app::consensus::Role::Validator);
        let question = |reply_value| AppMsg::StartedRound { height, round, proposer, role, reply_value };
        self.ask(question).await.expect("an answer")
    }

    async fn decide(&mut self, height: u64, block: Hash) {
        let certificate = certificate(&self.cluster, height, block);
        let question = |reply| AppMsg::Decided { certificate, extensions: Default::default(), reply };
        self.ask(question).await.expect("an answer");
    }

    /// Finalizes; the receiver gets the next height when it may start.
    async fn finalize(&mut self, height: u64, block: Hash) -> oneshot::Receiver<Next<Chain>> {
        let (reply, answer) = oneshot::channel();
        let certificate = certificate(&self.cluster, height, block);
        let evidence = MisbehaviorEvidence { proposals: Default::default(), votes: Default::default() };
        let question = AppMsg::Finalized { certificate, extensions: Default::default(), evidence, reply };
        self.application.answer(question).await.expect("the state machine does not fail");
        answer
    }

    fn parts_sent(&mut self) -> usize {
        std::iter::from_fn(|| self.sent.try_recv().ok()).count()
    }
}

fn peer(index: usize) -> PeerId {
    crate::peer_id(&transport_key(index).public_key()).parse().expect("a peer id")
}

fn proposer(cluster: &Cluster, height: u64, round: u32) -> usize {
    let voters = Voters::new(&cluster.validators).expect("keys");
    let address = malachite::app::types::core::Validator::address(voters.proposer(height, round).expect("a set")).0;
    cluster.ledgers.iter().position(|ledger| ledger.me == address).expect("a member of the cluster")
}

fn certificate(cluster: &Cluster, height: u64, block: Hash) -> CommitCertificate<Chain> {
    let votes = (0..4).map(|index| {
        let vote = Vote {
            kind: VoteType::Precommit,
            height: At(height),
            round: Round::new(0),
            block: malachite::app::types::core::NilOrVal::Val(block),
            voter: Who(Address::of(&consensus_key(index).public_key())),
        };
        let bytes = bytes_of_vote(&cluster.chain_id, &vote).expect("it has a round");
        SignedMessage::new(vote, consensus_key(index).sign(&bytes))
    });
    CommitCertificate::new(At(height), Round::new(0), block, votes.collect())
}

/// A stream of `block`, proposed by `by` in `round`.
fn proposal(cluster: &Cluster, block: &Block, by: usize, round: u32) -> Vec<StreamMessage<Part>> {
    let proposer = cluster.ledgers[by].me;
    let coordinates =
        Coordinates { height: block.header.height, round, valid_round: None, proposer, block: block.hash() };
    let body = block.encode();
    let opening = Opening::sign(&cluster.chain_id, &consensus_key(by), coordinates, &body).expect("a block's length");
    stream(opening, body.into())
}

#[tokio::test]
async fn a_value_is_the_same_when_asked_again_even_after_a_restart() {
    let cluster = Cluster::new(4);
    let index = proposer(&cluster, 1, 0);
    let mut bench = Bench::new(cluster, index);
    let first = bench.value(1, 0).await;
    assert!(bench.ledger().disk().undecided.contains_key(&(1, 0, first.value.0)), "the body is stored first");
    assert!(bench.parts_sent() >= 2, "and then sent");
    bench.ledger().submit(b"work that came in between");
    assert_eq!(bench.value(1, 0).await, first);
    let mut bench = bench.restart();
    assert_eq!(bench.value(1, 0).await, first);
    let told = bench.started_round(1, 0).await;
    assert_eq!(told.iter().map(|value| value.value).collect::<Vec<_>>(), [first.value], "and told after a restart");
    assert_ne!(bench.value(1, 4).await.value, first.value, "a later round may have another");
}

#[tokio::test]
async fn a_proposal_is_checked_and_stored_before_the_engine_hears_of_it() {
    let cluster = Cluster::new(4);
    let (by, other) = (proposer(&cluster, 1, 0), proposer(&cluster, 1, 1));
    let block = cluster.ledgers[by].clone().build(1, 1 << 20).expect("a block");
    let mut bench = Bench::new(cluster, other);
    let answer = bench.receive(by, proposal(&bench.cluster, &block, by, 0)).await.expect("a value");
    assert_eq!((answer.value, answer.validity.is_valid()), (BlockId(block.hash()), true));
    assert!(bench.ledger().disk().undecided.contains_key(&(1, 0, block.hash())));

    let mut late = block.clone();
    late.header.time.0 += 3_600_000;
    let answer = bench.receive(by, proposal(&bench.cluster, &late, by, 0)).await.expect("a value");
    assert!(!answer.validity.is_valid(), "a fresh block from the future");
    assert!(!bench.ledger().disk().undecided.contains_key(&(1, 0, late.hash())));

    let mut relabelled = block.clone();
    relabelled.header.proposer = bench.ledger().me;
    let answer = bench.receive(by, proposal(&bench.cluster, &relabelled, by, 0)).await.expect("a value");
    assert!(!answer.validity.is_valid(), "a block in another's name");

    let not_its_turn = proposal(&bench.cluster, &block, other, 0);
    assert_eq!(bench.receive(other, not_its_turn).await, None);
    let mut swapped = block.clone();
    swapped.entries.push(standstill_protocol::block::Entry::Envelope(vec![1]));
    let false_body = proposal(&bench.cluster, &swapped, by, 0);
    assert_eq!(bench.receive(by, false_body).await, None, "a header that does not commit to the body");
}

#[tokio::test]
async fn a_proposer_with_many_bodies_is_checked_a_few_times_only() {
    let cluster = Cluster::new(4);
    let (by, other) = (proposer(&cluster, 1, 0), proposer(&cluster, 1, 1));
    let mut block = cluster.ledgers[by].clone().build(1, 1 << 20).expect("a block");
    let mut bench = Bench::new(cluster, other);
    let mut valid = 0;
    for _ in 0..8 {
        block.header.time.0 += 1;
        let answer = bench.receive(by, proposal(&bench.cluster, &block, by, 0)).await;
        valid += usize::from(answer.is_some_and(|value| value.validity.is_valid()));
    }
    assert_eq!(valid, 3);
}

#[tokio::test]
async fn parts_of_the_next_height_wait_for_the_current_one() {
    let mut cluster = Cluster::new(4);
    cluster.block_time = Duration::from_secs(1);
    let (first, second) = (proposer(&cluster, 1, 0), proposer(&cluster, 2, 0));
    let slow = (0..4).find(|index| *index != first && *index != second).expect("four validators");
    let one = cluster.ledgers[first].clone().build(1, 1 << 20).expect("a block");
    let mut ahead = Bench::new(cluster, second);
    ahead.receive(first, proposal(&ahead.cluster, &one, first, 0)).await;
    ahead.decide(1, one.hash()).await;
    let two = ahead.ledger().clone().build(2, 1 << 20).expect("a block");

    let mut bench = Bench::new(ahead.cluster, slow);
    assert_eq!(bench.receive(second, proposal(&bench.cluster, &two, second, 0)).await, None, "not yet");
    bench.receive(first, proposal(&bench.cluster, &one, first, 0)).await;
    bench.decide(1, one.hash()).await;
    let told = bench.started_round(2, 0).await;
    assert_eq!(
        told.iter().map(|value| (value.value.0, value.validity.is_valid())).collect::<Vec<_>>(),
        [(two.hash(), true)]
    );
}

#[tokio::test]
async fn a_decision_is_committed_once_and_survives_its_repetition() {
    let cluster = Cluster::new(4);
    let index = proposer(&cluster, 1, 0);
    let mut bench = Bench::new(cluster, index);
    let block = bench.value(1, 0).await.value.0;
    bench.decide(1, block).await;
    bench.decide(1, block).await;
    assert_eq!(bench.ledger().disk().blocks.len(), 1);
    assert_eq!(bench.status.borrow().tip, 1);
    bench.cluster.assert_one_history();
    let (reply, _answer) = oneshot::channel();
    let certificate = certificate(&bench.cluster, 2, Hash::sha256(b"unseen"));
    let question = AppMsg::Decided { certificate, extensions: Default::default(), reply };
    assert!(bench.application.answer(question).await.is_err(), "a decision without its block stops the engine");
}

#[tokio::test]
async fn an_idle_chain_starts_for_work_for_others_and_for_the_heartbeat() {
    for reason in ["work", "others", "heartbeat"] {
        let mut cluster = Cluster::new(4);
        if reason == "heartbeat" {
            cluster.heartbeat = Duration::from_millis(50);
        }
        let index = proposer(&cluster, 1, 0);
        let mut bench = Bench::new(cluster, index);
        let block = bench.value(1, 0).await.value.0;
        bench.decide(1, block).await;
        let mut next = bench.finalize(1, block).await;
        bench.application.reconsider().await.expect("no fault");
        assert!(next.try_recv().is_err(), "nothing to do");
        assert!(bench.status.borrow().idle);
        bench.parts_sent();
        match reason {
            "work" => bench.ledger().submit(b"an entry"),
            "others" => bench.heard.started(2),
            _ => tokio::time::sleep_until(bench.application.heartbeat().expect("idle").into()).await,
        }
        bench.application.reconsider().await.expect("no fault");
        assert!(matches!(next.try_recv(), Ok(Next::Start(At(2), _))), "{reason}");
        assert!(!bench.status.borrow().idle);
        assert_eq!(bench.parts_sent(), 1, "an announcement");
    }
}

#[tokio::test]
async fn what_was_heard_during_a_height_counts_after_it() {
    let cluster = Cluster::new(4);
    let index = proposer(&cluster, 1, 0);
    let mut bench = Bench::new(cluster, index);
    let block = bench.value(1, 0).await.value.0;
    bench.heard.started(2);
    bench.decide(1, block).await;
    assert!(matches!(bench.finalize(1, block).await.try_recv(), Ok(Next::Start(At(2), _))));
}

#[tokio::test]
async fn synced_blocks_are_held_to_every_rule_but_the_clock() {
    let cluster = Cluster::new(4);
    let by = proposer(&cluster, 1, 0);
    let mut old = cluster.ledgers[by].clone().build(1, 1 << 20).expect("a block");
    old.header.time.0 -= 86_400_000;
    let mut bench = Bench::new(cluster, (by + 1) % 4);
    let synced = |height, body: Vec<u8>| {
        let (round, proposer) = (Round::new(0), Who(Address::from_bytes([0; 20])));
        move |reply| AppMsg::ProcessSyncedValue { height: At(height), round, proposer, value_bytes: body.into(), reply }
    };
    let outcome = bench.ask(synced(1, b"garbage".to_vec())).await;
    assert!(matches!(outcome, Some(SyncedValueOutcome::PeerFault)));
    let outcome = bench.ask(synced(2, old.encode())).await;
    assert!(matches!(outcome, Some(SyncedValueOutcome::LocalTransientError)), "not the next height");
    let mut forged = old.clone();
    forged.header.previous = Hash::sha256(b"another ledger");
    let outcome = bench.ask(synced(1, forged.encode())).await;
    assert!(matches!(outcome, Some(SyncedValueOutcome::Verdict(value)) if !value.validity.is_valid()));
    let outcome = bench.ask(synced(1, old.encode())).await;
    assert!(matches!(outcome, Some(SyncedValueOutcome::Verdict(value)) if value.validity.is_valid()));
    bench.decide(1, old.hash()).await;
    let values =
        bench.ask(|reply| AppMsg::GetDecidedValues { range: At(1)..=At(u64::MAX), reply }).await.expect("an answer");
    assert_eq!(values.iter().map(|value| value.value_bytes.to_vec()).collect::<Vec<_>>(), [old.encode()]);
}
