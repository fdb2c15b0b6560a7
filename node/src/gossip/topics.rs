//! Names of what is said, and which messages are taken at all.
//!
//! ```text
//! standstill/<chain id>/envelopes/2       salt, Batch
//! standstill/<chain id>/cosignatures/2    salt, a note
//! /standstill/<chain id>/pool/1           Request, Reply
//! ```
//!
//! 1. A message's id is a hash of its topic and its content: the same bytes under two topics are two messages.
//! 2. What comes under any other topic is dropped before its id is remembered, and a subscription to it is not noted.
//! 3. A number in a name changes with the form of what is said under it, so nodes of two versions have no topic in common.
//!    They neither drop nor blame each other's messages, and pass entries and notes by questions as long as these agree.

use std::io;

use libp2p::gossipsub::{
    DataTransform, IdentTopic, Message, MessageId, RawMessage, TopicHash, WhitelistSubscriptionFilter,
};
use libp2p::{StreamProtocol, gossipsub};
use sha2::{Digest, Sha256};
use standstill_protocol::hash::Hash;

/// The names, after the ledger's, so that nodes of two ledgers never talk past each other.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    pub(super) envelopes: IdentTopic,
    pub(super) cosignatures: IdentTopic,
    pub(super) exchange: StreamProtocol,
}

impl Topics {
    pub(super) fn new(chain_id: &Hash) -> Self {
        let chain = chain_id.to_string();
        let exchange = StreamProtocol::try_from_owned(format!("/standstill/{chain}/pool/1"));
        Topics {
            envelopes: IdentTopic::new(format!("standstill/{chain}/envelopes/2")),
            cosignatures: IdentTopic::new(format!("standstill/{chain}/cosignatures/2")),
            // The text starts with a slash, which is all that the type asks.
            exchange: exchange.unwrap_or(StreamProtocol::new("/standstill/pool/1")),
        }
    }

    fn hashes(&self) -> [TopicHash; 2] {
        [self.envelopes.hash(), self.cosignatures.hash()]
    }

    /// Takes messages of these topics.
    pub(super) fn gate(&self) -> Gate {
        Gate(self.hashes())
    }

    /// Notes subscriptions to these topics.
    pub(super) fn filter(&self) -> WhitelistSubscriptionFilter {
        WhitelistSubscriptionFilter(self.hashes().into_iter().collect())
    }
}

/// Gossipsub as this swarm uses it.
pub(super) type Gossipsub = gossipsub::Behaviour<Gate, WhitelistSubscriptionFilter>;

/// The id of a message. The length in front keeps topic and content apart.
pub(super) fn message_id(message: &Message) -> MessageId {
    let topic = message.topic.as_str();
    let mut hasher = Sha256::new();
    hasher.update((topic.len() as u64).to_le_bytes());
    hasher.update(topic);
    hasher.update(&message.data);
    MessageId::new(&hasher.finalize())
}

/// Refuses messages of foreign topics. Gossipsub asks it before it looks at, and keeps, a message's id.
#[derive(Debug)]
pub(super) struct Gate([TopicHash; 2]);

impl DataTransform for Gate {
    fn inbound_transform(&self, raw: RawMessage) -> Result<Message, io::Error> {
        if !self.0.contains(&raw.topic) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a foreign topic"));
        }
        Ok(Message { source: raw.source, data: raw.data, sequence_number: raw.sequence_number, topic: raw.topic })
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> Result<Vec<u8>, io::Error> {
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::gossipsub::TopicSubscriptionFilter;

    fn message(topic: &str, data: &[u8]) -> Message {
        Message { source: None, data: data.to_vec(), sequence_number: None, topic: TopicHash::from_raw(topic) }
    }

    #[test]
    fn a_copy_under_another_topic_is_another_message() {
        let real = message_id(&message("standstill/x/envelopes/2", b"batch"));
        assert_eq!(real, message_id(&message("standstill/x/envelopes/2", b"batch")));
        for (topic, data) in [
            ("standstill/x/cosignatures/2", &b"batch"[..]),
            ("x", b"batch"),
            ("standstill/x/envelopes/2b", b"atch"),
            ("standstill/x/envelopes/", b"2batch"),
        ] {
            assert_ne!(real, message_id(&message(topic, data)), "{topic}");
        }
    }

    #[test]
    fn foreign_topics_are_dropped_before_they_have_an_id_and_nobody_is_noted_as_their_reader() {
        let topics = Topics::new(&Hash::sha256(b"chain"));
        let (gate, mut filter) = (topics.gate(), topics.filter());
        let raw = |topic: TopicHash| RawMessage {
            source: None,
            data: b"batch".to_vec(),
            sequence_number: None,
            topic,
            signature: None,
            key: None,
            validated: false,
        };
        for topic in topics.hashes() {
            assert_eq!(gate.inbound_transform(raw(topic.clone())).unwrap().data, b"batch");
            assert!(filter.can_subscribe(&topic));
        }
        let before = topics.envelopes.hash().as_str().replace("/2", "/1");
        for foreign in ["x", &before] {
            let foreign = TopicHash::from_raw(foreign);
            assert!(gate.inbound_transform(raw(foreign.clone())).is_err());
            assert!(!filter.can_subscribe(&foreign));
        }
    }
}
