//! The state machine, cosigning and gossip's judgement, driven by hand over real stores: no network, no engine.

use std::sync::Arc;

use standstill_consensus::{CheckError, StateMachine, Undecided};
use standstill_protocol::block::{Block, Entry};
use standstill_protocol::certificate::{Certificate, CommitSignature, PRECOMMIT, PREVOTE, vote_bytes};
use standstill_protocol::checkpoint::Checkpoint;
use standstill_protocol::evidence::{Conflict, Equivocation, SignedVote};
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::note::Note;
use standstill_protocol::units::Timestamp;
use standstill_protocol::validators::Address;

use crate::cosign::{CosignError, Cosigner, Received, SigningKeys, policy};
use crate::home::Home;
use crate::keystore::KeyRole;
use crate::machine::Machine;
use crate::pool::{Bounds, GAP_LIFE_MS};
use crate::replica::{Outcome, Replica, SubmitError};
use crate::store::{Store, StoreError};
use crate::support::{Chain, sign};
use crate::{clock, run};

const BOUNDS: Bounds = Bounds { entries: 100, bytes: 1 << 20 };

fn key(home: &Home, role: KeyRole) -> SecretKey {
    home.key(role).unwrap()
}

/// One validator's replica, machine and cosigner.
struct Seat {
    replica: Arc<Replica>,
    machine: Machine,
    cosigner: Cosigner,
}

impl Seat {
    fn new(chain: &Chain, index: usize) -> Self {
        let home = &chain.homes[index];
        let rules = run::rules(home).unwrap();
        let store = Store::open(&home.store_path(), &rules.chain_id()).unwrap();
        let replica = Arc::new(Replica::open(rules, store, BOUNDS, clock::now()).unwrap());
        let address = Address::of(&key(home, KeyRole::Consensus).public_key());
        let signing = SigningKeys {
            member: home.member().clone(),
            log: key(home, KeyRole::Log),
            cosigner: key(home, KeyRole::Cosigner),
        };
        let (log, data) = (&home.config.paths.log, &home.config.paths.data);
        let cosigner = Cosigner::new(Arc::clone(&replica), Some(signing), log, data, true).unwrap();
        Seat { machine: Machine::new(Arc::clone(&replica), address), replica, cosigner }
    }

    fn height(&self) -> u64 {
        self.replica.tip().borrow().height
    }

    /// Builds, certifies and commits the next block.
    fn advance(&mut self, chain: &Chain) -> Block {
        let block = self.machine.build(self.height() + 1, 4 << 20).unwrap();
        self.machine.commit(block.clone(), certify(chain, &block)).unwrap();
        block
    }
}

fn certify(chain: &Chain, block: &Block) -> Certificate {
    let height = block.header.height;
    let message = vote_bytes(&chain.treaty.chain_id, PRECOMMIT, height, 0, Some(&block.hash()));
    let signature = |home: &Home| {
        let key = key(home, KeyRole::Consensus);
        CommitSignature { address: Address::of(&key.public_key()), signature: key.sign(&message) }
    };
    Certificate::new(height, 0, block.hash(), chain.homes.iter().map(signature).collect())
}

#[test]
fn a_block_is_committed_once_however_often_it_is_decided() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    seat.replica.submit(&chain.report(1), clock::now()).unwrap();
    let block = seat.advance(&chain);
    assert_eq!(block.entries.len(), 1);
    seat.machine.commit(block.clone(), certify(&chain, &block)).unwrap();
    assert_eq!(seat.height(), 1);
    let (loaded, certificate) = seat.machine.load(1).unwrap().unwrap();
    assert_eq!((loaded, certificate), (block.clone(), certify(&chain, &block)));
    assert_eq!(seat.machine.validators(1).unwrap(), seat.machine.validators(2).unwrap());
    assert!(seat.machine.load(2).unwrap().is_none());
}

#[test]
fn fsck_passes_a_sound_store_and_names_a_certificate_that_does_not_hold() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    for sequence in 1..=3 {
        seat.replica.submit(&chain.report(sequence), clock::now()).unwrap();
        seat.advance(&chain);
    }
    let report = crate::fsck::check(seat.replica.rules(), seat.replica.store()).unwrap();
    assert_eq!((report.blocks, report.leaves, report.count), (3, 5, 0), "{report:?}");

    let (tip, mut certificate) = seat.machine.load(3).unwrap().unwrap();
    certificate.signatures.truncate(2);
    seat.replica.replace_certificate(&tip, &certificate).unwrap();
    let report = crate::fsck::check(seat.replica.rules(), seat.replica.store()).unwrap();
    assert_eq!(report.problems, ["height 3: 2 of the 3 signatures that a quorum needs"]);
}

#[test]
fn fsck_builds_the_state_anew_from_its_leaves_and_finds_one_that_was_changed() {
    use redb::{Database, ReadableTable, TableDefinition};
    const LEAVES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("leaves");
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    seat.replica.submit(&chain.report(1), clock::now()).unwrap();
    seat.advance(&chain);
    drop(seat);
    let database = Database::open(chain.homes[0].store_path()).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut leaves = transaction.open_table(LEAVES).unwrap();
        let (key, mut value) = {
            let first = leaves.iter().unwrap().next().unwrap().unwrap();
            (*first.0.value(), first.1.value().to_vec())
        };
        // The inner nodes stay as they were: they still give the header's root.
        value.push(0);
        leaves.insert(&key, value.as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    let rules = run::rules(&chain.homes[0]).unwrap();
    let store = Store::open(&chain.homes[0].store_path(), &rules.chain_id()).unwrap();
    let report = crate::fsck::check(&rules, &store).unwrap();
    assert!(
        report.problems.iter().any(|problem| problem.contains("the state's leaves make another root")),
        "{report:?}"
    );
}

#[test]
fn the_clock_is_asked_for_fresh_proposals_only() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    let mut other = Seat::new(&chain, 1);
    let block = seat.machine.build(1, 4 << 20).unwrap();
    let late = Timestamp(block.header.time.0 + chain.treaty.clocks.max_skew_ms + 1);
    assert!(matches!(other.machine.check(&block, Some(late)), Err(CheckError::Invalid { .. })));
    other.machine.check(&block, Some(block.header.time)).unwrap();
    other.machine.check(&block, None).unwrap();
}

#[test]
fn a_body_that_is_not_the_headers_is_refused_even_where_the_header_was_executed() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    seat.replica.submit(&chain.report(1), clock::now()).unwrap();
    let mut block = seat.machine.build(1, 4 << 20).unwrap();
    block.entries.clear();
    assert!(matches!(seat.machine.check(&block, None), Err(CheckError::Invalid { .. })));
}

#[test]
fn undecided_blocks_are_given_back_as_they_were_stored() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    let block = seat.machine.build(1, 4 << 20).unwrap();
    let proposer = block.header.proposer;
    let undecided = Undecided { round: 3, valid_round: Some(1), proposer, block };
    seat.machine.store_undecided(&undecided).unwrap();
    seat.machine.store_undecided(&undecided).unwrap();
    assert_eq!(seat.machine.undecided(1).unwrap(), [undecided]);
    seat.advance(&chain);
    assert!(seat.machine.undecided(1).unwrap().is_empty());
}

#[test]
fn a_statement_without_its_predecessor_is_no_work_and_what_turned_impossible_is_told() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    seat.advance(&chain);
    assert!(!seat.machine.has_work().unwrap(), "the first block opened the period");
    seat.replica.submit(&chain.report(2), clock::now()).unwrap();
    assert!(!seat.machine.has_work().unwrap());
    seat.replica.submit(&chain.report(1), clock::now()).unwrap();
    assert!(seat.machine.has_work().unwrap());

    // The key that signed the second is revoked in front of it, so it can never enter.
    let second = SecretKey::from_seed(&[50; 32]);
    let mut other = Seat::new(&chain, 1);
    other.advance(&chain);
    let statement_key = chain.statement_key(0);
    other.replica.submit(&sign(&chain.registration(1, &second), &statement_key), clock::now()).unwrap();
    other.advance(&chain);
    let doomed = other.replica.submit(&chain.report(3), clock::now()).unwrap().admitted.id;
    let revocation = sign(&chain.revocation(2, &statement_key), &second);
    other.replica.submit(&revocation, clock::now()).unwrap();
    let mut outcome = other.replica.outcome(&doomed).unwrap();
    other.advance(&chain);
    other.advance(&chain);
    let Ok(Outcome::Refused(refusal)) = outcome.try_recv() else { panic!("nobody was told") };
    assert_eq!(refusal.code(), "revoked-key");
    assert_eq!(other.replica.refusal(&doomed).map(|refusal| refusal.code()), Some("revoked-key"));
    assert_eq!(other.replica.pool_size(), (0, 0));
    assert!(!other.machine.has_work().unwrap());
}

#[test]
fn evidence_of_equivocation_enters_the_next_block_and_only_once() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    seat.advance(&chain);
    let cheat = key(&chain.homes[2], KeyRole::Consensus);
    let vote = |block: Hash| {
        let message = vote_bytes(&chain.treaty.chain_id, PREVOTE, 1, 0, Some(&block));
        SignedVote { block: Some(block), signature: cheat.sign(&message) }
    };
    let conflict = Conflict::Prevotes(vote(Hash::sha256(b"a")), vote(Hash::sha256(b"b")));
    let evidence = Equivocation::new(Address::of(&cheat.public_key()), 1, 0, conflict);
    seat.machine.misbehaviour(vec![evidence]);
    assert!(seat.machine.has_work().unwrap());
    let block = seat.advance(&chain);
    assert_eq!(block.entries, [Entry::Evidence(evidence.encode())]);
    seat.machine.misbehaviour(vec![evidence]);
    assert!(seat.advance(&chain).entries.is_empty());
    assert!(!seat.machine.has_work().unwrap());
}

#[test]
fn whoever_waits_for_a_statement_whose_number_another_took_is_told() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    let mut other = Seat::new(&chain, 1);
    let loser = seat.replica.submit(&chain.report(1), clock::now()).unwrap().admitted.id;
    let mut outcome = seat.replica.outcome(&loser).unwrap();
    let winner = sign(&chain.training(1, 77), &chain.statement_key(0));
    other.replica.submit(&winner, clock::now()).unwrap();
    let block = other.advance(&chain);
    seat.machine.commit(block.clone(), certify(&chain, &block)).unwrap();
    let Ok(Outcome::Refused(refusal)) = outcome.try_recv() else { panic!("nobody was told") };
    assert_eq!(refusal.code(), "sequence-used");
    assert_eq!(seat.replica.refusal(&loser).map(|refusal| refusal.code()), Some("sequence-used"), "and remembered");
    assert_eq!(seat.replica.pool_size(), (0, 0));
}

#[test]
fn evidence_that_did_not_fit_into_a_block_is_kept_and_what_never_can_is_dropped() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    seat.advance(&chain);
    let evidence = |cheat: &SecretKey, round: u32| {
        let vote = |block: Hash| {
            let message = vote_bytes(&chain.treaty.chain_id, PREVOTE, 1, round, Some(&block));
            SignedVote { block: Some(block), signature: cheat.sign(&message) }
        };
        let conflict = Conflict::Prevotes(vote(Hash::sha256(b"a")), vote(Hash::sha256(b"b")));
        Equivocation::new(Address::of(&cheat.public_key()), 1, round, conflict)
    };
    let good = evidence(&key(&chain.homes[2], KeyRole::Consensus), 0);
    let foreign = evidence(&SecretKey::from_seed(&[77; 32]), 0);
    seat.machine.misbehaviour(vec![good, foreign]);
    let left_out = [Entry::Evidence(good.encode()), Entry::Evidence(foreign.encode())];
    seat.replica.reconsider(&left_out, clock::now()).unwrap();
    assert_eq!(seat.replica.store().evidence(9).unwrap(), [good.encode()]);
}

#[test]
fn every_head_keeps_its_checkpoint() {
    let chain = Chain::new(1);
    let seat = Seat::new(&chain, 0);
    let store = seat.replica.store();
    for size in 1..=200 {
        store.put_checkpoint(size, format!("note {size}").as_bytes()).unwrap();
    }
    assert_eq!(store.checkpoint_to(3).unwrap(), Some((3, b"note 3".to_vec())), "an old export has its own");
    assert_eq!(store.checkpoint_from(3).unwrap(), Some((3, b"note 3".to_vec())));
}

#[test]
fn a_checkpoint_needs_a_quorum_of_different_validators() {
    let chain = Chain::new(4);
    let mut seats: Vec<_> = (0..4).map(|index| Seat::new(&chain, index)).collect();
    seats[0].replica.submit(&chain.report(1), clock::now()).unwrap();
    let block = seats[0].machine.build(1, 4 << 20).unwrap();
    // The last one is behind: it gets every note before it has the block.
    for seat in &mut seats[..3] {
        seat.machine.commit(block.clone(), certify(&chain, &block)).unwrap();
    }
    let notes: Vec<_> =
        seats[..3].iter().map(|seat| seat.cosigner.sign(1, 1, clock::now()).unwrap().remove(0)).collect();
    let first = &seats[0].cosigner;
    for expected in [Received::Kept, Received::Useless, Received::Useless] {
        assert_eq!(first.receive(&notes[1], clock::now()).unwrap(), expected);
        assert!(first.checkpoint().unwrap().is_none(), "the same validator again counts once");
    }
    first.receive(&notes[2], clock::now()).unwrap();
    let (size, note) = first.checkpoint().unwrap().unwrap();
    assert_eq!(size, 1);
    let note = Note::parse(&note).unwrap();
    assert!(note.is_sorted());
    assert_eq!(policy(&chain.treaty).unwrap().verify(&note).unwrap().cosigners().len(), 3);

    for note in &notes {
        assert_eq!(seats[3].cosigner.receive(note, clock::now()).unwrap(), Received::Early);
    }
    assert_eq!(seats[3].cosigner.receive_checkpoint(&note.to_bytes()).unwrap(), Received::Early);
    seats[3].machine.commit(block.clone(), certify(&chain, &block)).unwrap();
    seats[3].cosigner.catch_up(clock::now()).unwrap();
    assert_eq!(seats[3].cosigner.checkpoint().unwrap().unwrap().0, 1);
    assert_eq!(seats[3].cosigner.publish(0).unwrap(), 1);
    let log = &chain.homes[3].config.paths.log;
    assert!(log.join("checkpoint").exists() && log.join("tile/0/000.p/1").exists());
    assert!(log.join("tile/entries/000.p/1").exists());
}

#[test]
fn a_validator_that_signs_another_head_leaves_a_proof_behind() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    seat.replica.submit(&chain.report(1), clock::now()).unwrap();
    seat.advance(&chain);
    let liar = Seat::new(&chain, 1);
    let honest = Note::parse(&seat.cosigner.sign(1, 1, clock::now()).unwrap()[0]).unwrap();
    let lie = Checkpoint { root: Hash::sha256(b"another"), ..Checkpoint::of(&honest).unwrap() };
    let note = liar.cosigner.sign_checkpoint(&lie, clock::now()).unwrap().to_bytes();
    assert!(matches!(seat.cosigner.receive(&note, clock::now()), Err(CosignError::Misconduct { size: 1, .. })));
    let proof = chain.homes[0].config.paths.data.join("misconduct/lab-b-1.note");
    assert_eq!(std::fs::read(proof).unwrap(), note);

    let mut stripped = honest.to_bytes();
    stripped.truncate(stripped.len() - 20);
    for foreign in [&stripped[..], b"", b"no note", &[0xff; 5000]] {
        assert!(matches!(seat.cosigner.receive(foreign, clock::now()), Err(CosignError::Foreign { .. })));
        assert!(matches!(seat.cosigner.receive_checkpoint(foreign), Err(CosignError::Foreign { .. })));
    }
    assert!(matches!(seat.cosigner.receive_checkpoint(&honest.to_bytes()), Err(CosignError::Foreign { .. })));
}

#[test]
fn early_notes_are_held_near_the_tip_passed_on_once_and_never_from_a_clock_that_is_ahead() {
    let chain = Chain::new(4);
    let seat = Seat::new(&chain, 0);
    let other = Seat::new(&chain, 1);
    let honest = Note::parse(&{
        let mut signer = Seat::new(&chain, 2);
        signer.replica.submit(&chain.report(1), clock::now()).unwrap();
        signer.advance(&chain);
        signer.cosigner.sign(1, 1, clock::now()).unwrap().remove(0)
    });
    let base = Checkpoint::of(&honest.unwrap()).unwrap();
    let now = clock::now();
    let note = |size: u64, at: Timestamp| {
        let checkpoint = Checkpoint { size, root: Hash::sha256(b"not yet"), ..base.clone() };
        other.cosigner.sign_checkpoint(&checkpoint, at).unwrap().to_bytes()
    };
    let receive = |bytes: &[u8]| seat.cosigner.receive(bytes, now).unwrap();
    assert_eq!(receive(&note(1_000_000, now)), Received::Useless, "too far ahead to compare soon");
    for size in 101..=164 {
        assert_eq!(receive(&note(size, now)), Received::Early);
    }
    assert_eq!(receive(&note(101, now.plus(1000))), Received::Useless, "one note a size is passed on");
    assert_eq!(receive(&note(165, now)), Received::Useless, "farther than all those held");
    assert_eq!(receive(&note(5, now)), Received::Early, "nearer: it takes the farthest one's place");
    assert_eq!(receive(&note(164, now)), Received::Useless);
    let ahead = now.plus(chain.treaty.clocks.max_skew_ms + 2000);
    assert_eq!(receive(&note(6, ahead)), Received::Useless);
}

#[test]
fn proofs_of_misconduct_do_not_fill_the_disk() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    for sequence in 1..=20 {
        seat.replica.submit(&chain.report(sequence), clock::now()).unwrap();
    }
    seat.advance(&chain);
    let honest = Note::parse(&seat.cosigner.sign(1, 1, clock::now()).unwrap()[0]).unwrap();
    let base = Checkpoint::of(&honest).unwrap();
    for liar in [1, 2] {
        let liar = Seat::new(&chain, liar);
        for size in 1..=20 {
            let lie = Checkpoint { size, root: Hash::sha256(b"another"), ..base.clone() };
            let note = liar.cosigner.sign_checkpoint(&lie, clock::now()).unwrap().to_bytes();
            let refused = seat.cosigner.receive(&note, clock::now());
            assert!(matches!(refused, Err(CosignError::Misconduct { .. })), "{refused:?}");
        }
    }
    let kept = std::fs::read_dir(chain.homes[0].config.paths.data.join("misconduct")).unwrap().count();
    assert_eq!(kept, 2 * 16);
}

#[test]
fn gossip_blames_senders_for_what_they_could_have_checked_and_for_nothing_else() {
    use crate::gossip::judge::{Judgement, envelopes};
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    let (first, second) = (chain.report(1), chain.report(2));
    let judge =
        |seat: &Seat, batch: &[&[u8]]| envelopes(&seat.replica, &batch.iter().map(|b| b.to_vec()).collect::<Vec<_>>());
    assert_eq!(judge(&seat, &[&first, &second]), Judgement::Good);
    for known in [&[&first[..]][..], &[&second], &[&second, &first]] {
        assert_eq!(judge(&seat, known), Judgement::Unclear, "put together anew, it is no news");
    }
    assert_eq!(judge(&seat, &[&first, &chain.report(4)]), Judgement::Good, "known ones may stand beside new ones");
    assert_eq!(judge(&seat, &[&first, b"garbage"]), Judgement::Bad);
    let mut wrong = chain.training(3, 5);
    wrong.common.chain_id = Hash::sha256(b"x");
    assert_eq!(judge(&seat, &[&sign(&wrong, &chain.statement_key(0))]), Judgement::Bad);
    seat.advance(&chain);
    assert_eq!(judge(&seat, &[&first]), Judgement::Unclear, "recorded meanwhile: its sender may be behind");
    let stranger = SecretKey::from_seed(&[9; 32]);
    assert_eq!(judge(&seat, &[&sign(&chain.training(3, 5), &stranger)]), Judgement::Unclear, "registered elsewhere?");
    let refused = seat.replica.submit(&first, clock::now());
    assert!(matches!(refused, Err(SubmitError::Refused(refusal)) if refusal.code() == "duplicate"));
}

#[test]
fn a_statement_whose_predecessor_never_comes_leaves_the_pool_and_is_taken_again_once_it_does() {
    let chain = Chain::new(4);
    let seat = Seat::new(&chain, 0);
    let (first, second) = (chain.report(1), chain.report(2));
    let now = clock::now();
    let id = seat.replica.submit(&second, now).unwrap().admitted.id;
    seat.replica.save_pool().unwrap();
    let mut outcome = seat.replica.outcome(&id).unwrap();
    seat.replica.expire(now).unwrap();
    assert!(seat.replica.is_pending(&id));
    seat.replica.expire(now.plus(GAP_LIFE_MS)).unwrap();
    assert_eq!((seat.replica.pool_size(), seat.replica.store().pool().unwrap().len()), ((0, 0), 0));
    let Ok(Outcome::Refused(refusal)) = outcome.try_recv() else { panic!("nobody was told") };
    assert_eq!(refusal.code(), "sequence-gap");
    let again = seat.replica.submit(&second, now);
    assert!(matches!(&again, Err(SubmitError::Refused(refusal)) if refusal.code() == "sequence-gap"), "{again:?}");
    seat.replica.submit(&first, now).unwrap();
    assert!(seat.replica.submit(&second, now).unwrap().new);
}

#[test]
fn a_failed_save_is_tried_again() {
    let chain = Chain::new(4);
    let mut seat = Seat::new(&chain, 0);
    seat.replica.submit(&chain.report(2), clock::now()).unwrap();
    let full = || StoreError::Damaged { what: "a full disk, say".to_owned() };
    seat.replica.save_pool_by(|_| Err(full())).unwrap_err();
    seat.replica.save_pool().unwrap();
    assert_eq!(seat.replica.store().pool().unwrap().len(), 1);

    // A commit that fails: what it would have saved is saved later.
    seat.replica.submit(&chain.report(3), clock::now()).unwrap();
    let block = seat.advance(&chain);
    let snapshot = seat.replica.store().snapshot().unwrap();
    let proposal = standstill_ledger::Proposal {
        height: 2,
        time: block.header.time.plus(1),
        proposer: block.header.proposer,
        previous: Some(block.header.clone()),
        previous_certificate: Some(certify(&chain, &block)),
        entries: vec![],
    };
    let mut applied = standstill_ledger::apply(seat.replica.rules(), &snapshot, proposal).unwrap();
    applied.block.header.height = 9;
    seat.replica.commit(&applied, &certify(&chain, &applied.block)).unwrap_err();
    seat.replica.save_pool().unwrap();
    assert_eq!(seat.replica.store().pool().unwrap().len(), 2);
}

#[test]
fn opening_drops_saved_entries_that_are_refused_and_keeps_those_that_found_no_room() {
    let chain = Chain::new(4);
    let home = &chain.homes[0];
    let open = |bounds| {
        let rules = run::rules(home).unwrap();
        let store = Store::open(&home.store_path(), &rules.chain_id()).unwrap();
        Replica::open(rules, store, bounds, clock::now()).unwrap()
    };
    let replica = open(BOUNDS);
    replica.submit(&chain.report(1), clock::now()).unwrap();
    replica.submit(&chain.report(2), clock::now()).unwrap();
    replica.save_pool().unwrap();
    replica.store().put_pool(&[(("lab-z".to_owned(), 1), b"no envelope".to_vec())], &[]).unwrap();
    drop(replica);
    let narrow = open(Bounds { entries: 1, ..BOUNDS });
    assert_eq!((narrow.pool_size().0, narrow.store().pool().unwrap().len()), (1, 2));
    drop(narrow);
    assert_eq!(open(BOUNDS).pool_size().0, 2);
}
