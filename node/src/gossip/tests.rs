//! The swarm against a member that says what it likes.

use std::future::Future;

use super::messages::Batch;
use super::*;
use crate::run::{self, Prepared};
use crate::support::{Chain, runtime};

/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

fn settings(chain: &Chain, index: usize) -> Settings {
    let home = &chain.homes[index];
    Prepared::new(home).unwrap().gossip_settings(home).unwrap()
}

/// A node of the swarm as it is.
struct Honest {
    gossip: Gossip,
    replica: Arc<Replica>,
    address: Multiaddr,
}

impl Honest {
    async fn start(chain: &Chain, index: usize) -> Self {
        let (_, replica, cosigner) = run::open(&chain.homes[index]).unwrap();
        let gossip = Gossip::start(settings(chain, index), Arc::clone(&replica), cosigner).unwrap();
        let mut network = gossip.network();
        let network = network.wait_for(|network| !network.listening.is_empty()).await.unwrap().clone();
        Honest { gossip, replica, address: network.listening[0].parse().unwrap() }
    }
}

/// A member of the swarm without a node behind it.
struct Hostile {
    swarm: Swarm<Behaviour>,
    topics: Topics,
}

impl Hostile {
    /// Connects, and waits until the other reads both topics.
    async fn join(chain: &Chain, index: usize, address: &Multiaddr) -> Self {
        let settings = settings(chain, index);
        let topics = Topics::new(&settings.chain_id);
        let mut swarm = build(&settings, &topics).unwrap();
        swarm.dial(address.clone()).unwrap();
        let mut read = 0;
        while read < 2 {
            let event = swarm.select_next_some().await;
            if let SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(gossipsub::Event::Subscribed { .. })) = event {
                read += 1;
            }
        }
        Hostile { swarm, topics }
    }

    fn publish(&mut self, topic: &IdentTopic, data: &[u8]) {
        self.swarm.behaviour_mut().gossipsub.publish(topic.clone(), data).unwrap();
    }

    /// Runs its swarm until something else is done.
    async fn while_waiting(&mut self, done: impl Future<Output = ()>) {
        let run = async { while self.swarm.next().await.is_some() {} };
        tokio::select! {
            () = done => {}
            () = run => {}
            () = tokio::time::sleep(PATIENCE) => panic!("it never came"),
        }
    }

    /// The next message that comes in.
    async fn next_message(&mut self) -> Vec<u8> {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.swarm.select_next_some()).await.expect("no message came");
            if let SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(gossipsub::Event::Message { message, .. })) = event {
                return message.data;
            }
        }
    }
}

#[test]
fn the_same_bytes_under_another_topic_do_not_hide_a_message() {
    let chain = Chain::new(2);
    runtime().block_on(async {
        let victim = Honest::start(&chain, 0).await;
        let mut hostile = Hostile::join(&chain, 1, &victim.address).await;
        let batch = salted([7; SALT_BYTES], &Batch { envelopes: vec![chain.report(1)] }.encode());
        let Topics { envelopes, cosignatures, .. } = hostile.topics.clone();
        hostile.publish(&cosignatures, &batch);
        hostile.publish(&envelopes, &batch);
        hostile.while_waiting(victim.replica.arrival()).await;
        assert_eq!(victim.replica.pool_size().0, 1);
        victim.gossip.stop().await;
    });
}

#[test]
fn what_a_node_must_spread_is_published_although_others_sent_the_same_before() {
    let chain = Chain::new(2);
    runtime().block_on(async {
        let victim = Honest::start(&chain, 0).await;
        let mut hostile = Hostile::join(&chain, 1, &victim.address).await;
        let envelope = chain.report(1);
        let batch = Batch { envelopes: vec![envelope.clone()] };
        let topic = hostile.topics.envelopes.clone();
        hostile.publish(&topic, &salted([7; SALT_BYTES], &batch.encode()));
        hostile.while_waiting(victim.replica.arrival()).await;
        // Its API had taken the envelope before the batch was looked at.
        victim.gossip.sender().send(Outgoing::Envelope(envelope)).await.unwrap();
        let came = hostile.next_message().await;
        assert_eq!(Batch::decode(messages::content(&came).unwrap()).unwrap(), batch);
        victim.gossip.stop().await;
    });
}

#[test]
fn what_finds_a_full_lane_is_asked_of_others_at_once() {
    let chain = Chain::new(2);
    runtime().block_on(async {
        let other = Honest::start(&chain, 1).await;
        let (_, replica, cosigner) = run::open(&chain.homes[0]).unwrap();
        let settings = settings(&chain, 0);
        let topics = Topics::new(&settings.chain_id);
        let mut swarm = build(&settings, &topics).unwrap();
        swarm.dial(other.address.clone()).unwrap();
        // A node whose checking thread is busy with something else.
        let mut node = Loop {
            swarm,
            topics,
            peers: BTreeMap::new(),
            replica,
            cosigner,
            inbox: Open(Arc::default()),
            answers: mpsc::channel(1).0,
            asking: BTreeSet::new(),
            missed: Missed::default(),
            conduct: Conduct::default(),
            tips: watch::channel(BTreeMap::new()).0,
            network: watch::channel(Network::default()).0,
        };
        let mut was_asked = false;
        while !was_asked || !node.asking.is_empty() {
            let event = tokio::time::timeout(PATIENCE, node.swarm.select_next_some()).await.unwrap();
            node.on_event(event);
            was_asked |= !node.asking.is_empty();
        }
        let loud = PeerId::random();
        let message = |data: u8| gossipsub::Message {
            source: None,
            data: vec![data; 100],
            sequence_number: None,
            topic: Topics::new(&settings.chain_id).cosignatures.hash(),
        };
        for note in 0..inbox::LANE_NOTES as u8 {
            node.on_message(loud, message_id(&message(note)), message(note));
            assert!(node.asking.is_empty(), "note {note} has its place");
        }
        node.on_message(loud, message_id(&message(255)), message(255));
        assert_eq!(node.asking.len(), 1, "the other may have what was just dropped");
        other.gossip.stop().await;
    });
}
