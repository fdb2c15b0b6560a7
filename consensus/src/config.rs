//! Settings of one engine. Times that all validators must share come from the treaty; the rest is local.

use std::path::PathBuf;
use std::time::Duration;

use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{PublicKey, SecretKey};

/// Everything an engine needs to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The ledger: part of every signed byte, and of the network's protocol names.
    pub chain_id: Hash,
    /// A name for logs.
    pub name: String,
    /// Signs votes and proposals. Never run two engines on one key.
    pub consensus_key: SecretKey,
    /// Identity in the network; [`peer_id`] of its public half is what others list.
    pub transport_key: SecretKey,
    /// Where to listen: `/ip4/0.0.0.0/tcp/26656`; port 0 takes a free one, told by [`Status::listening`](crate::Status).
    pub listen: String,
    /// Every other validator, as `/ip4/192.0.2.1/tcp/26656/p2p/12D3Koo…`. Nobody else is let in.
    pub peers: Vec<String>,
    /// The folder of the write-ahead log. It decides whether a restarted node signs twice: never delete it alone.
    pub wal: PathBuf,
    /// The first height in which this node may sign; 0 for at once. A node that lost its log or its ledger does not know
    /// what it signed, and would contradict itself while it catches up: give it a height above every one that the key
    /// can have seen (the others' tip + 2), and it follows without a vote until then.
    pub sign_from: u64,
    /// Round timeouts.
    pub timeouts: Timeouts,
    /// The least time between the starts of two heights; zero for as fast as it goes.
    pub block_time: Duration,
    /// The longest an idle chain waits for the next block.
    pub heartbeat: Duration,
    /// A height that does not move for this long is reported as [`Status::stalled`](crate::Status).
    pub stall_after: Duration,
    /// Encoded bytes of a block, at most.
    pub max_block_bytes: usize,
    /// Threads of the engine's runtime.
    pub threads: usize,
    /// Connections accepted from one IP address. Raise it where several nodes share a host.
    pub connections_per_ip: usize,
}

/// How long a validator waits in each step of a round. Each later round waits `step` longer, and an idle chain pays
/// none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a proposal.
    pub propose: Duration,
    /// For more prevotes, once a quorum of them disagrees.
    pub prevote: Duration,
    /// For more precommits, once a quorum of them disagrees.
    pub precommit: Duration,
    /// Before votes are sent again.
    pub rebroadcast: Duration,
    /// Added with every round.
    pub step: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            propose: Duration::from_millis(1_500),
            prevote: Duration::from_millis(500),
            precommit: Duration::from_millis(500),
            rebroadcast: Duration::from_millis(2_500),
            step: Duration::from_millis(500),
        }
    }
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not a TCP multiaddr.
    #[error("`{address}` is no listen address; write it as `/ip4/0.0.0.0/tcp/26656`")]
    Listen {
        /// As configured.
        address: String,
    },
    /// A peer without address or identity.
    #[error("`{address}` is no peer; write it as `/ip4/192.0.2.1/tcp/26656/p2p/12D3Koo…`")]
    Peer {
        /// As configured.
        address: String,
    },
    /// A time or a count that may not be zero.
    #[error("`{setting}` is zero")]
    Zero {
        /// The field of [`Config`].
        setting: &'static str,
    },
    /// Above the protocol's limit.
    #[error("`max_block_bytes` is {bytes}, above the limit of {limit}")]
    BlockBytes {
        /// As configured.
        bytes: usize,
        /// The protocol's limit.
        limit: usize,
    },
}

impl Config {
    /// Settings with defaults for everything local: one second a block, one minute of idleness.
    pub fn new(chain_id: Hash, consensus_key: SecretKey, transport_key: SecretKey, wal: PathBuf) -> Self {
        Config {
            chain_id,
            name: standstill_protocol::validators::Address::of(&consensus_key.public_key()).to_string(),
            consensus_key,
            transport_key,
            listen: "/ip4/127.0.0.1/tcp/0".into(),
            peers: Vec::new(),
            wal,
            sign_from: 0,
            timeouts: Timeouts::default(),
            block_time: Duration::from_secs(1),
            heartbeat: Duration::from_secs(60),
            stall_after: Duration::from_secs(30),
            max_block_bytes: 4 << 20,
            threads: 2,
            connections_per_ip: 16,
        }
    }
}

/// The libp2p PeerId (base58, `12D3Koo…`) of a transport key: what stands after `/p2p/` in an address.
pub fn peer_id(key: &PublicKey) -> String {
    // An ed25519 PeerId is the identity multihash (00, length 24) of the protobuf-encoded key (08 01 12 20, 32 bytes).
    let mut multihash = vec![0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
    multihash.extend_from_slice(key.as_bytes());
    base58(&multihash)
}

/// Bitcoin's base58 of short data: quadratic, so for identities only.
fn base58(data: &[u8]) -> String {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut digits: Vec<u32> = Vec::new();
    for byte in data {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += *digit << 8;
            *digit = carry % 58;
            carry /= 58;
        }
        while carry > 0 {
            digits.push(carry % 58);
            carry /= 58;
        }
    }
    let zeros = data.iter().take_while(|byte| **byte == 0).count();
    let ones = std::iter::repeat_n('1', zeros);
    ones.chain(digits.iter().rev().map(|digit| char::from(ALPHABET[*digit as usize]))).collect()
}
