//! The application, driven by hand: what the engine is told of bodies from validators who may do anything.

use std::sync::Arc;
use std::time::Duration;

use malachite::Verifier;
use malachite::app::types::core::{self, NilOrVal, Round, Validity, VoteType};
use malachite::app::types::{PeerId, ProposedValue};
use standstill_protocol::block::Block;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::Address;
use tokio::sync::{broadcast, mpsc, watch};

use crate::application::{Application, Ears};
use crate::context::{At, BlockId, Chain, Key, Proposal, Vote, Voters, Who};
use crate::heard::Heard;
use crate::parts::{Coordinates, Opening, stream};
use crate::seen::Seen;
use crate::signing::{Checker, bytes_of_proposal, bytes_of_vote};
use crate::state_machine::StateMachine;
use crate::status::Status;
use crate::test_support::{Cluster, Ledger, consensus_key, now, transport_key};

/// An application of four validators at height 1, and the engine's ear for signatures.
struct Bench {
    cluster: Cluster,
    application: Application,
    checker: Checker,
    /// The key of the validator at each place in the order of addresses.
    keys: Vec<SecretKey>,
}

impl Bench {
    /// Node 0's application, over what its disk holds.
    fn new(cluster: Cluster) -> Self {
        let config = cluster.config(0, &cluster.wal(0), Vec::new());
        let seen = Arc::new(Seen::default());
        let checker = Checker { chain_id: cluster.chain_id, seen: seen.clone() };
        let (network, _) = mpsc::channel(64);
        let (status, _) = watch::channel(Status::default());
        let (events, _) = broadcast::channel(64);
        let peers = (0..4).map(peer).collect();
        let machine = Box::new(cluster.ledgers[0].clone());
        let ears = Ears { heard: Arc::new(Heard::default()), seen };
        let application = Application::new(config, machine, network, ears, status, events, peers);
        let mut keys: Vec<_> = (0..4).map(consensus_key).collect();
        keys.sort_by_key(|key| Address::of(&key.public_key()));
        Bench { application: application.expect("it starts"), checker, keys, cluster }
    }

    fn proposer(&self, round: u32) -> usize {
        let voters = Voters::new(&self.cluster.validators).expect("keys");
        let address = core::Validator::address(voters.proposer(1, round).expect("somebody"));
        self.keys.iter().position(|key| Address::of(&key.public_key()) == address.0).expect("a validator")
    }

    fn address(&self, index: usize) -> Address {
        Address::of(&self.keys[index].public_key())
    }

    /// A block of height 1 that names validator `index`, `ahead` milliseconds in the future.
    fn block(&self, index: usize, ahead: u64) -> Block {
        let mut ledger = Ledger { me: self.address(index), ..self.cluster.ledgers[0].clone() };
        let mut block = ledger.build(1, 1 << 20).expect("a block");
        block.header.time = Timestamp(now().0 + ahead);
        block
    }

    fn stream(&mut self, by: usize, proposal: Coordinates, body: Vec<u8>) -> Option<ProposedValue<Chain>> {
        let opening = Opening::sign(&self.cluster.chain_id, &self.keys[by], proposal, &body).expect("a body");
        let publisher = peer_of(&self.keys[by]);
        let mut value = None;
        for message in stream(opening, body.into()) {
            value = self.application.received_part(Some(publisher), message).expect("no fault").or(value);
        }
        value
    }

    /// Validator `by` streams a block as a proposal of `round`.
    fn send(&mut self, by: usize, round: u32, valid_round: Option<u32>, block: &Block) -> Option<ProposedValue<Chain>> {
        let proposer = self.address(self.proposer(round));
        let proposal = Coordinates { height: 1, round, valid_round, proposer, block: block.hash() };
        self.stream(by, proposal, block.encode())
    }

    /// The engine verifies a proposal.
    async fn propose(&self, round: u32, valid_round: Option<u32>, block: &Block) {
        let by = self.proposer(round);
        let proposal = Proposal {
            height: At(1),
            round: Round::new(round),
            valid_round: valid_round.into(),
            block: BlockId(block.hash()),
            proposer: Who(self.address(by)),
        };
        let bytes = bytes_of_proposal(&self.cluster.chain_id, &proposal).expect("a round");
        let signature = self.keys[by].sign(&bytes);
        let key = Key(self.keys[by].public_key().parse().expect("a key"));
        let result = self.checker.verify_signed_proposal(&proposal, &signature, &key).await;
        assert!(result.expect("an answer").is_valid());
    }

    /// The engine verifies a prevote; `forged` ones have the wrong signature.
    async fn prevote(&self, by: usize, round: u32, block: &Block, forged: bool) {
        let voter = Who(self.address(by));
        let kind = VoteType::Prevote;
        let vote = Vote { kind, height: At(1), round: Round::new(round), block: NilOrVal::Val(block.hash()), voter };
        let bytes = bytes_of_vote(&self.cluster.chain_id, &vote).expect("a round");
        let signature = self.keys[if forged { (by + 1) % 4 } else { by }].sign(&bytes);
        let key = Key(self.keys[by].public_key().parse().expect("a key"));
        let result = self.checker.verify_signed_vote(&vote, &signature, &key).await;
        assert_eq!(result.expect("an answer").is_valid(), !forged);
    }

    fn start_round(&mut self, round: u32) -> Vec<ProposedValue<Chain>> {
        self.application.started_round(1, round).expect("no fault")
    }

    fn stored(&self) -> usize {
        self.cluster.ledgers[0].disk().undecided.len()
    }
}

fn peer(index: usize) -> PeerId {
    crate::peer_id(&transport_key(index).public_key()).parse().expect("a peer id")
}

/// The listed peer that runs a consensus key.
fn peer_of(key: &SecretKey) -> PeerId {
    let index = (0..4).find(|index| consensus_key(*index).public_key() == key.public_key());
    peer(index.expect("a validator"))
}

fn validity(value: Option<ProposedValue<Chain>>) -> Option<Validity> {
    value.map(|value| value.validity)
}

const FAR: u64 = 200_000_000_000_000;

#[tokio::test]
async fn a_false_valid_round_does_not_smuggle_a_time_past_the_clock() {
    let mut bench = Bench::new(Cluster::new(4));
    assert!(bench.start_round(0).is_empty());
    let mallory = bench.proposer(0);
    let block = bench.block(mallory, FAR);
    assert_eq!(bench.send(mallory, 1, Some(0), &block), None, "a claimed quorum is no quorum");
    assert_eq!(validity(bench.send(mallory, 0, None, &block)), Some(Validity::Invalid), "fresh, and far ahead");
    bench.propose(0, None, &block).await;
    assert_eq!(validity(bench.send(mallory, 0, None, &block)), Some(Validity::Invalid));
    assert!(bench.start_round(1).iter().all(|value| value.validity == Validity::Invalid));
    assert_eq!(bench.stored(), 0, "nothing that counts as valid after a restart");
}

#[tokio::test]
async fn a_body_held_back_from_a_round_is_held_to_the_clock_in_the_next() {
    let mut bench = Bench::new(Cluster::new(4));
    bench.start_round(3);
    let mallory = bench.proposer(0);
    let block = bench.block(mallory, FAR);
    assert_eq!(validity(bench.send(mallory, 0, None, &block)), Some(Validity::Invalid));
    assert!(bench.start_round(4).is_empty());
    assert_eq!(bench.stored(), 0);
}

#[tokio::test]
async fn an_untimely_block_is_valid_once_a_quorum_voted_for_it_and_not_before() {
    let mut bench = Bench::new(Cluster::new(4));
    bench.start_round(0);
    let proposer = bench.proposer(0);
    let block = bench.block(proposer, 60_000);
    assert_eq!(validity(bench.send(proposer, 0, None, &block)), Some(Validity::Invalid));
    for voter in 0..4 {
        bench.prevote(voter, 0, &block, true).await;
    }
    bench.prevote(0, 0, &block, false).await;
    bench.prevote(1, 0, &block, false).await;
    bench.prevote(1, 0, &block, false).await;
    bench.prevote(2, 1, &block, false).await;
    assert!(bench.start_round(1).is_empty(), "two of four in a round, forged ones aside");
    bench.prevote(2, 0, &block, false).await;
    let values = bench.start_round(2);
    assert_eq!(values.len(), 1);
    assert_eq!((values[0].value.0, values[0].validity), (block.hash(), Validity::Valid));
    assert_eq!(bench.stored(), 1, "durable before the engine hears of it");
}

#[tokio::test]
async fn a_block_becomes_valid_when_its_time_comes() {
    let mut bench = Bench::new(Cluster::new(4));
    bench.start_round(0);
    let proposer = bench.proposer(0);
    // The ledger allows ten seconds.
    let block = bench.block(proposer, 10_300);
    assert_eq!(validity(bench.send(proposer, 0, None, &block)), Some(Validity::Invalid));
    while now().0 + 10_000 < block.header.time.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let values = bench.start_round(1);
    assert_eq!(values.iter().map(|value| value.validity).collect::<Vec<_>>(), [Validity::Valid]);
}

#[tokio::test]
async fn others_cannot_use_up_the_proposers_place() {
    let mut bench = Bench::new(Cluster::new(4));
    bench.start_round(0);
    let proposer = bench.proposer(0);
    let mallory = (proposer + 1) % 4;
    for ahead in 1..=10 {
        let block = bench.block(proposer, ahead);
        assert_eq!(bench.send(mallory, 0, None, &block), None, "a body that nobody proposed");
    }
    assert_eq!(bench.stored(), 0, "and none of them is kept");
    let block = bench.block(proposer, 20);
    // Nor does the proposer's own signed opening help, over bodies that are not the announced one.
    let coordinates =
        Coordinates { height: 1, round: 0, valid_round: None, proposer: bench.address(proposer), block: block.hash() };
    let body = block.encode();
    let opening = Opening::sign(&bench.cluster.chain_id, &bench.keys[proposer], coordinates, &body).expect("a body");
    for byte in 0..6u8 {
        for message in stream(opening.clone(), vec![byte; body.len()].into()) {
            let publisher = peer_of(&bench.keys[mallory]);
            assert_eq!(bench.application.received_part(Some(publisher), message).expect("no fault"), None);
        }
    }
    assert_eq!(validity(bench.send(proposer, 0, None, &block)), Some(Validity::Valid));
}

#[tokio::test]
async fn invalid_bodies_count_too() {
    let mut bench = Bench::new(Cluster::new(4));
    bench.start_round(0);
    let proposer = bench.proposer(0);
    for version in 2..5 {
        let mut block = bench.block(proposer, 1);
        block.header.version = version;
        assert_eq!(validity(bench.send(proposer, 0, None, &block)), Some(Validity::Invalid));
    }
    let block = bench.block(proposer, 1);
    assert_eq!(bench.send(proposer, 0, None, &block), None, "the fourth is not looked at");
}

#[tokio::test]
async fn a_fresh_block_names_its_proposer() {
    let mut bench = Bench::new(Cluster::new(4));
    bench.start_round(0);
    let proposer = bench.proposer(0);
    let block = bench.block((proposer + 1) % 4, 1);
    assert_eq!(validity(bench.send(proposer, 0, None, &block)), Some(Validity::Invalid));
    assert_eq!(bench.stored(), 0);
}

#[tokio::test]
async fn a_locked_block_sent_again_by_another_waits_for_its_proposal() {
    let mut bench = Bench::new(Cluster::new(4));
    bench.start_round(0);
    let proposer = bench.proposer(0);
    let helper = (proposer + 1) % 4;
    let block = bench.block(proposer, 1);
    assert_eq!(bench.send(helper, 0, None, &block), None, "the body may come before the proposal");
    bench.propose(0, None, &block).await;
    let values = bench.start_round(1);
    assert_eq!(values.iter().map(|value| value.validity).collect::<Vec<_>>(), [Validity::Valid]);
    // A later round proposes it again: known, spoken of, told.
    bench.propose(1, Some(0), &block).await;
    let helper = bench.proposer(1);
    assert_eq!(validity(bench.send(helper, 1, Some(0), &block)), Some(Validity::Valid));
    assert_eq!(bench.stored(), 1, "a body is stored once");
}

#[tokio::test]
async fn a_restart_tells_the_engine_what_was_valid_and_a_false_sync_leaves_nothing() {
    let mut bench = Bench::new(Cluster::new(4));
    bench.start_round(0);
    let proposer = bench.proposer(0);
    let (good, far) = (bench.block(proposer, 1), bench.block(proposer, FAR));
    assert_eq!(validity(bench.send(proposer, 0, None, &good)), Some(Validity::Valid));
    let who = Who(bench.address(proposer));
    bench.application.synced(1, Round::new(0), who, &far.encode()).expect("no fault");
    let mut bench = Bench::new(bench.cluster);
    let values = bench.start_round(0);
    assert_eq!(values.iter().map(|value| value.value.0).collect::<Vec<_>>(), [good.hash()]);
}
