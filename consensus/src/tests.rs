//! Codecs and sign bytes against arbitrary and hostile input.

use bytes::Bytes;
use malachite::app::consensus::LivenessMsg;
use malachite::app::streaming::{StreamContent, StreamId, StreamMessage};
use malachite::app::types::codec::{Codec, HasEncodedLen};
use malachite::app::types::core::{
    NilOrVal, PolkaCertificate, PolkaSignature, Round, RoundCertificate, RoundCertificateType, RoundSignature,
    SignedMessage, ValidatorProof, Validity, VoteType,
};
use malachite::app::types::sync::{RawDecidedValue, Request, Response, Status};
use malachite::app::types::{PeerId, ProposedValue, SignedConsensusMsg};
use malachite_sync::{ValueRequest, ValueResponse};
use proptest::prelude::*;
use standstill_protocol::certificate::{Certificate, CommitSignature, PRECOMMIT, vote_bytes};
use standstill_protocol::evidence::{Conflict, Equivocation, EvidenceError, SignedVote, proposal_bytes};
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::{SecretKey, Signature};
use standstill_protocol::validators::{Address, Validator, ValidatorSet};

use crate::codec::Messages;
use crate::context::{At, BlockId, Chain, Proposal, Vote, Voters, Who};
use crate::heard::Heard;
use crate::parts::{Opening, Part};
use crate::signing::{bytes_of_proposal, bytes_of_vote};
use crate::stream_tests::{LIMITS, id, peer};
use crate::streams::Streams;
use crate::sync_wire::{PIECE_BYTES, extended_from_certificate};
use crate::wire::{WireError, to_certificate};

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub(crate) fn address(seed: u8) -> Address {
    Address::of(&key(seed).public_key())
}

pub(crate) fn chain_id() -> Hash {
    Hash::sha256(b"a ledger")
}

fn vote(kind: VoteType, block: NilOrVal<Hash>) -> Vote {
    Vote { kind, height: At(7), round: Round::new(2), block, voter: Who(address(1)) }
}

// ---- sign bytes

#[test]
fn votes_are_signed_in_the_bytes_that_certificates_are_checked_with() {
    let block = Hash::sha256(b"block");
    let precommit = vote(VoteType::Precommit, NilOrVal::Val(block));
    let bytes = bytes_of_vote(&chain_id(), &precommit).expect("it has a round");
    assert_eq!(bytes, vote_bytes(&chain_id(), PRECOMMIT, 7, 2, Some(&block)));
    assert_eq!(bytes.len(), 78);
    assert_eq!(&bytes[32..46], [2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2, 1]);
    let nil = bytes_of_vote(&chain_id(), &vote(VoteType::Prevote, NilOrVal::Nil)).expect("it has a round");
    assert_eq!(&nil[32..], [1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2, 0]);
    let without_round = Vote { round: Round::Nil, ..precommit };
    assert_eq!(bytes_of_vote(&chain_id(), &without_round), None);
}

#[test]
fn proposals_are_signed_in_the_bytes_that_evidence_is_checked_with() {
    let block = Hash::sha256(b"block");
    let mut proposal = Proposal {
        height: At(7),
        round: Round::new(2),
        valid_round: Round::Nil,
        block: BlockId(block),
        proposer: Who(address(1)),
    };
    let fresh = bytes_of_proposal(&chain_id(), &proposal).expect("it has a round");
    assert_eq!(fresh, proposal_bytes(&chain_id(), 7, 2, None, &block));
    proposal.valid_round = Round::new(1);
    let again = bytes_of_proposal(&chain_id(), &proposal).expect("it has a round");
    assert_eq!(&again[32..50], [3, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2, 1, 0, 0, 0, 1]);
    assert_ne!(fresh, again);
}

#[test]
fn conflicting_precommits_are_evidence_and_nothing_less_is() {
    let member = "lab-one".parse().expect("a name");
    let validators = ValidatorSet::new(vec![Validator { member, consensus_key: key(1).public_key() }]).expect("a set");
    let sign = |block: Option<Hash>| {
        let signature = key(1).sign(&vote_bytes(&chain_id(), PRECOMMIT, 7, 2, block.as_ref()));
        SignedVote { block, signature }
    };
    let (nil, a, b) = (sign(None), sign(Some(Hash::sha256(b"a"))), sign(Some(Hash::sha256(b"b"))));
    for (first, second) in [(nil, a), (a, b), (b, a)] {
        let evidence = Equivocation::new(address(1), 7, 2, Conflict::Precommits(first, second));
        assert_eq!(evidence.verify(&chain_id(), &validators), Ok(()));
        assert_eq!(Equivocation::decode(&evidence.encode()), Ok(evidence));
        assert!(evidence.verify(&Hash::ZERO, &validators).is_err(), "another ledger's votes prove nothing here");
    }
    let verify = |conflict| {
        Equivocation { validator: address(1), height: 7, round: 2, conflict }.verify(&chain_id(), &validators)
    };
    assert_eq!(verify(Conflict::Precommits(a, a)), Err(EvidenceError::NoConflict));
    let reversed = if a.block < b.block { Conflict::Precommits(b, a) } else { Conflict::Precommits(a, b) };
    assert_eq!(verify(reversed), Err(EvidenceError::Unsorted));
    let sorted = Equivocation::new(address(1), 7, 2, Conflict::Prevotes(a, b));
    assert!(matches!(sorted.verify(&chain_id(), &validators), Err(EvidenceError::BadSignature { .. })));
}

// ---- codecs

prop_compose! {
    fn hash()(bytes: [u8; 32]) -> Hash { Hash::from_bytes(bytes) }
}

prop_compose! {
    fn signature()(bytes in proptest::collection::vec(any::<u8>(), 64)) -> Signature {
        Signature::from_bytes(bytes.try_into().expect("64 bytes"))
    }
}

fn who() -> impl Strategy<Value = Who> {
    any::<[u8; 20]>().prop_map(|bytes| Who(Address::from_bytes(bytes)))
}

fn kind() -> impl Strategy<Value = VoteType> {
    prop_oneof![Just(VoteType::Prevote), Just(VoteType::Precommit)]
}

fn nil_or_hash() -> impl Strategy<Value = NilOrVal<Hash>> {
    prop_oneof![Just(NilOrVal::Nil), hash().prop_map(NilOrVal::Val)]
}

fn signed_vote() -> impl Strategy<Value = SignedMessage<Chain, Vote>> {
    (kind(), any::<u64>(), any::<u32>(), nil_or_hash(), who(), signature()).prop_map(
        |(kind, height, round, block, voter, signature)| {
            SignedMessage::new(Vote { kind, height: At(height), round: Round::new(round), block, voter }, signature)
        },
    )
}

fn consensus_message() -> impl Strategy<Value = SignedConsensusMsg<Chain>> {
    let proposal = (any::<u64>(), any::<u32>(), any::<Option<u32>>(), hash(), who(), signature()).prop_map(
        |(height, round, valid_round, block, proposer, signature)| {
            let proposal = Proposal {
                height: At(height),
                round: Round::new(round),
                valid_round: valid_round.into(),
                block: BlockId(block),
                proposer,
            };
            SignedConsensusMsg::Proposal(SignedMessage::new(proposal, signature))
        },
    );
    prop_oneof![signed_vote().prop_map(SignedConsensusMsg::Vote), proposal]
}

fn liveness_message() -> impl Strategy<Value = LivenessMsg<Chain>> {
    let polka = (any::<u64>(), any::<u32>(), hash(), proptest::collection::vec((who(), signature()), 0..5)).prop_map(
        |(height, round, value_id, signatures)| {
            LivenessMsg::PolkaCertificate(PolkaCertificate {
                height: At(height),
                round: Round::new(round),
                value_id,
                polka_signatures: signatures.into_iter().map(|(a, s)| PolkaSignature::new(a, s)).collect(),
            })
        },
    );
    let one = (kind(), nil_or_hash(), who(), signature());
    let skip = (any::<u64>(), any::<u32>(), any::<bool>(), proptest::collection::vec(one, 0..5)).prop_map(
        |(height, round, precommit, signatures)| {
            LivenessMsg::SkipRoundCertificate(RoundCertificate {
                height: At(height),
                round: Round::new(round),
                cert_type: if precommit { RoundCertificateType::Precommit } else { RoundCertificateType::Skip },
                round_signatures: signatures.into_iter().map(|(k, b, a, s)| RoundSignature::new(k, b, a, s)).collect(),
            })
        },
    );
    prop_oneof![signed_vote().prop_map(LivenessMsg::Vote), polka, skip]
}

prop_compose! {
    fn opening()(
        (height, round, valid_round, length) in any::<(u64, u32, Option<u32>, u32)>(),
        block in hash(),
        (proposer, sender) in (who(), who()),
        signature in signature(),
    ) -> Opening {
        Opening { height, round, valid_round, proposer: proposer.0, block, length, sender: sender.0, signature }
    }
}

fn stream_message() -> impl Strategy<Value = StreamMessage<Part>> {
    let content = prop_oneof![
        Just(StreamContent::Fin),
        opening().prop_map(|opening| StreamContent::Data(Part::Opening(Box::new(opening)))),
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| StreamContent::Data(Part::Chunk(bytes.into()))),
        any::<u64>().prop_map(|height| StreamContent::Data(Part::Announcement { height })),
    ];
    (proptest::collection::vec(any::<u8>(), 0..64), any::<u64>(), content)
        .prop_map(|(id, sequence, content)| StreamMessage::new(StreamId::new(id.into()), sequence, content))
}

fn certificate() -> impl Strategy<Value = Certificate> {
    let signature = (who(), signature()).prop_map(|(who, signature)| CommitSignature { address: who.0, signature });
    (any::<u64>(), any::<u32>(), hash(), proptest::collection::vec(signature, 0..5))
        .prop_map(|(height, round, block, signatures)| Certificate::new(height, round, block, signatures))
}

fn response() -> impl Strategy<Value = Response<Chain>> {
    let value = (proptest::collection::vec(any::<u8>(), 0..300), certificate())
        .prop_map(|(body, certificate)| RawDecidedValue::new(body.into(), extended_from_certificate(&certificate)));
    (any::<u64>(), proptest::collection::vec(value, 0..4))
        .prop_map(|(height, values)| Response::ValueResponse(ValueResponse::new(At(height), values)))
}

fn returns<T>(message: &T)
where
    T: PartialEq + std::fmt::Debug,
    Messages: Codec<T, Error = WireError>,
{
    let bytes = Messages::default().encode(message).expect("it can be encoded");
    let decoded: T = Messages::default().decode(bytes.clone()).expect("it can be decoded");
    assert_eq!(&decoded, message);
    let mut longer = bytes.to_vec();
    longer.push(0);
    let refused: Result<T, _> = Messages::default().decode(longer.into());
    assert!(refused.is_err(), "a trailing byte is refused");
}

/// What decodes encodes back to the same bytes; everything else is an error, never a panic.
fn never_panics<T>(bytes: &[u8])
where
    Messages: Codec<T, Error = WireError>,
{
    let heard = Messages { heard: Some(Heard::default().into()) };
    let decoded: Result<T, _> = heard.decode(Bytes::copy_from_slice(bytes));
    if let Ok(message) = decoded {
        assert_eq!(heard.encode(&message).expect("it was decoded"), bytes);
    }
}

fn no_decoder_panics(bytes: &[u8]) {
    never_panics::<SignedConsensusMsg<Chain>>(bytes);
    never_panics::<LivenessMsg<Chain>>(bytes);
    never_panics::<Part>(bytes);
    never_panics::<StreamMessage<Part>>(bytes);
    never_panics::<ValidatorProof<Chain>>(bytes);
    never_panics::<Status<Chain>>(bytes);
    never_panics::<Request<Chain>>(bytes);
    never_panics::<Response<Chain>>(bytes);
    never_panics::<ProposedValue<Chain>>(bytes);
    never_panics::<PolkaCertificate<Chain>>(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_message_returns_from_its_bytes(
        consensus in consensus_message(),
        liveness in liveness_message(),
        part in stream_message(),
        response in response(),
        (height, round, valid, range) in any::<(u64, u32, bool, (u64, u64))>(),
        (block, proposer, valid_round) in (hash(), who(), any::<Option<u32>>()),
        (proof_signature, public_key) in (signature(), any::<[u8; 32]>()),
    ) {
        returns(&consensus);
        returns(&liveness);
        returns(&part);
        prop_assert_eq!(
            Messages::default().encoded_len(&response).expect("a length"),
            Messages::default().encode(&response).expect("bytes").len()
        );
        returns(&response);
        returns(&Request::<Chain>::ValueRequest(ValueRequest::new(At(range.0)..=At(range.1))));
        let peer_id = PeerId::from_bytes(&peer(1).to_bytes()).expect("a peer");
        returns(&Status::<Chain> { peer_id, tip_height: At(range.0), history_min_height: At(range.1) });
        returns(&ProposedValue::<Chain> {
            height: At(height),
            round: Round::new(round),
            valid_round: valid_round.into(),
            proposer,
            value: BlockId(block),
            validity: Validity::from_bool(valid),
        });
        returns(&ValidatorProof::<Chain>::new(public_key.to_vec(), peer_id.to_bytes(), proof_signature));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        no_decoder_panics(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(
        consensus in consensus_message(),
        part in stream_message(),
        response in response(),
        (at, with) in any::<(usize, u8)>(),
    ) {
        let codec = Messages::default();
        for bytes in [codec.encode(&consensus), codec.encode(&part), codec.encode(&response)] {
            let mut bytes = bytes.expect("it can be encoded").to_vec();
            let index = at % bytes.len();
            bytes[index] ^= with;
            no_decoder_panics(&bytes);
            no_decoder_panics(&bytes[..index]);
        }
    }

    #[test]
    fn streams_take_any_messages_within_their_limits(
        messages in proptest::collection::vec((0u8..3, stream_message(), any::<bool>()), 0..60),
    ) {
        let mut streams = Streams::new(LIMITS, [peer(0), peer(1)]);
        for (from, mut message, near) in messages {
            if near {
                // An id and a place that pass, so that the content is what is tested.
                message.stream_id = StreamId::new(id(2, 0, &Hash::ZERO).into());
                message.sequence %= 6;
            }
            let _ = streams.insert(Some(peer(from)), message, 2, |_| true);
            prop_assert!(streams.held_bytes(&peer(from)) <= LIMITS.bytes);
        }
    }
}

#[test]
fn a_body_of_the_largest_size_passes_the_sync_codec() {
    let body = vec![7u8; 8 * PIECE_BYTES];
    let certificate = extended_from_certificate(&Certificate::new(1, 0, Hash::ZERO, Vec::new()));
    let values = vec![RawDecidedValue::new(body.into(), certificate)];
    returns(&Response::<Chain>::ValueResponse(ValueResponse::new(At(1), values)));
}

#[test]
fn certificates_are_sorted_and_verify_without_the_engine() {
    let validator = |seed: u8| Validator {
        member: format!("lab-{seed}").parse().expect("a name"),
        consensus_key: key(seed).public_key(),
    };
    let validators = ValidatorSet::new((1..=4).map(validator).collect()).expect("a set");
    let block = Hash::sha256(b"block");
    let signed = |seed: u8| {
        let vote = Vote { voter: Who(address(seed)), ..vote(VoteType::Precommit, NilOrVal::Val(block)) };
        let signature = key(seed).sign(&bytes_of_vote(&chain_id(), &vote).expect("it has a round"));
        SignedMessage::new(vote, signature)
    };
    let engine = malachite::app::types::core::CommitCertificate::<Chain>::new(
        At(7),
        Round::new(2),
        block,
        (1..=4).rev().map(signed).collect(),
    );
    let certificate = to_certificate(&engine).expect("it has a round");
    assert_eq!(certificate.verify(&chain_id(), &validators), Ok(()));
    assert_eq!(
        Voters::new(&validators).expect("keys").key(&address(3)).map(|k| k.public_key()),
        Some(key(3).public_key())
    );
}

// ---- what is heard

fn heard() -> (Heard, Voters) {
    let validator = |seed: u8| Validator {
        member: format!("lab-{seed}").parse().expect("a name"),
        consensus_key: key(seed).public_key(),
    };
    let validators = ValidatorSet::new((1..=4).map(validator).collect()).expect("a set");
    let voters = Voters::new(&validators).expect("keys");
    let heard = Heard::default();
    heard.configure(chain_id(), std::time::Duration::from_secs(600));
    heard.list(peer(1));
    heard.committed(10, voters.clone(), true);
    (heard, voters)
}

/// A vote of validator `claimed` for `height`, signed with the key of `signer`.
fn told(height: u64, claimed: u8, signer: u8) -> SignedConsensusMsg<Chain> {
    let vote = Vote { height: At(height), voter: Who(address(claimed)), ..vote(VoteType::Prevote, NilOrVal::Nil) };
    let bytes = bytes_of_vote(&chain_id(), &vote).expect("a round");
    SignedConsensusMsg::Vote(SignedMessage::new(vote, key(signer).sign(&bytes)))
}

#[test]
fn one_wild_claim_of_a_height_is_forgotten_after_a_few_blocks() {
    let (heard, voters) = heard();
    assert!(!heard.is_ahead());
    heard.announced(peer(1), 10);
    assert!(!heard.is_ahead(), "what was just committed starts nothing");
    heard.announced(peer(1), 11);
    assert!(heard.is_ahead());
    heard.committed(11, voters.clone(), true);
    assert!(!heard.is_ahead());
    heard.announced(peer(1), u64::MAX);
    let blocks = (12..30).take_while(|height| {
        let ahead = heard.is_ahead();
        heard.committed(*height, voters.clone(), true);
        ahead
    });
    assert_eq!(blocks.count(), 4);
}

#[test]
fn a_stranger_starts_no_height() {
    let (heard, _) = heard();
    heard.announced(peer(2), 11);
    heard.status(peer(2), 11);
    heard.message(&told(11, 9, 9));
    heard.message(&told(11, 1, 9));
    assert!(!heard.is_ahead(), "neither unlisted, nor no validator, nor another's signature");
    heard.message(&told(11, 1, 1));
    assert!(heard.is_ahead());
}

#[test]
fn a_source_that_cries_wolf_starts_so_many_heights_in_a_heartbeat_and_no_more() {
    let cry = |tell: &dyn Fn(&Heard, u64), useful: bool| {
        let (heard, voters) = heard();
        let started = (11..40).take_while(|height| {
            tell(&heard, *height);
            let ahead = heard.is_ahead();
            heard.committed(*height, voters.clone(), useful);
            ahead
        });
        started.count()
    };
    assert_eq!(cry(&|heard, height| heard.message(&told(height, 1, 1)), false), 4);
    assert_eq!(cry(&|heard, height| heard.announced(peer(1), height), false), 4);
    assert_eq!(cry(&|heard, height| heard.status(peer(1), height), false), 1);
    assert_eq!(cry(&|heard, height| heard.status(peer(1), height), true), 29, "one that tells the truth is followed");
    let lone = |heard: &Heard, height| {
        // The liar is first, and those who join repeat it: it is the liar who pays.
        heard.announced(peer(1), height);
        heard.message(&told(height, 1, 1));
    };
    assert_eq!(cry(&lone, false), 8);
    let two = |heard: &Heard, height| {
        heard.message(&told(height, 1, 1));
        heard.message(&told(height, 2, 2));
    };
    assert_eq!(cry(&two, false), 29, "of two validators of four, one is honest");
}

#[test]
fn peer_ids_are_those_of_the_network_library() {
    for seed in 0..8u8 {
        let mut bytes = [seed; 32];
        let keypair = malachite::app::types::Keypair::ed25519_from_bytes(&mut bytes).expect("a seed");
        assert_eq!(crate::peer_id(&key(seed).public_key()), keypair.public().to_peer_id().to_string());
    }
}

#[test]
fn settings_that_cannot_work_are_named() {
    use crate::config::{Config, ConfigError};
    use crate::settings::check;
    let config = Config::new(chain_id(), key(1), key(2), "wal".into());
    assert!(check(&config).is_ok());
    let listen = |listen: &str| check(&Config { listen: listen.into(), ..config.clone() }).map(|_| ());
    assert!(listen("/ip6/::1/tcp/26656").is_ok());
    for wrong in ["", "127.0.0.1:1", "/ip4/127.0.0.1/udp/1", "/ip4/::1/tcp/1", "/ip4/127.0.0.1/tcp/70000"] {
        assert_eq!(listen(wrong), Err(ConfigError::Listen { address: wrong.into() }));
    }
    let anonymous = "/ip4/127.0.0.1/tcp/26656";
    let peers = check(&Config { peers: vec![anonymous.into()], ..config.clone() }).map(|_| ());
    assert_eq!(peers, Err(ConfigError::Peer { address: anonymous.into() }), "a peer without identity never connects");
    let still = check(&Config { heartbeat: std::time::Duration::ZERO, ..config.clone() }).map(|_| ());
    assert_eq!(still, Err(ConfigError::Zero { setting: "heartbeat" }));
    let large = check(&Config { max_block_bytes: 9 << 20, ..config }).map(|_| ());
    assert_eq!(large, Err(ConfigError::BlockBytes { bytes: 9 << 20, limit: 8 << 20 }));
}
