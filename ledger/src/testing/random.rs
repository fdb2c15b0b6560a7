//! Ledgers drawn from a seed: the same seed, the same ledger, on every machine.

use std::collections::BTreeMap;

use standstill_policies::Role;
use standstill_protocol::block::Entry;
use standstill_protocol::certificate::{PREVOTE, vote_bytes};
use standstill_protocol::evidence::{Conflict, Equivocation, SignedVote};
use standstill_protocol::hash::Hash;

use super::statements::name;
use super::{Setup, World, secret_key};
use crate::query;
use crate::schema::{Key, VoteRecord, read};

/// A stream of numbers: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Draw(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which must not be 0. Slightly uneven, which no test minds.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next_u64() % limit
    }

    /// True in `percent` of draws.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the items; the list must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[usize::try_from(self.below(items.len() as u64)).unwrap_or(0)]
    }
}

/// What the generator knows about a ledger beyond its state.
#[derive(Debug)]
pub struct Author {
    draw: Draw,
    /// The sum of each run so far.
    sums: BTreeMap<(String, String), u128>,
    /// Votes cast so far.
    votes: BTreeMap<Key, bool>,
    /// Keys made so far.
    keys: u64,
}

/// A ledger of `blocks` blocks of valid entries: reports, votes, keys, evidence, late and missing reports, pauses.
pub fn ledger(seed: u64, setup: Setup, blocks: u32) -> World {
    let mut world = World::new(setup);
    let mut author = Author::new(seed);
    for _ in 0..blocks {
        author.block(&mut world);
    }
    world
}

impl Author {
    /// An author for a fresh world.
    pub fn new(seed: u64) -> Self {
        Author { draw: Draw::new(seed), sums: BTreeMap::new(), votes: BTreeMap::new(), keys: 0 }
    }

    /// Lets some time pass and adds one block.
    pub fn block(&mut self, world: &mut World) {
        let pause = if self.draw.chance(20) { 1_800_000 } else { 60_000 };
        world.now = world.now.plus(1 + self.draw.below(pause));
        let count = self.draw.below(6);
        let entries = (0..count).map(|_| self.entry(world)).collect();
        world.block_of(entries).expect("the author writes valid entries");
    }

    /// A valid entry for the next block.
    pub fn entry(&mut self, world: &mut World) -> Entry {
        match self.draw.below(100) {
            0..80 => Entry::Envelope(self.report(world)),
            80..90 => Entry::Envelope(self.vote(world)),
            90..96 => Entry::Envelope(self.register(world)),
            _ => self.evidence(world),
        }
    }

    fn lab(&mut self, world: &World) -> String {
        let labs: Vec<_> = world.rules.treaty().with_role(Role::Lab).map(|member| member.id.to_string()).collect();
        self.draw.pick(&labs).clone()
    }

    /// A report for the current period. The last lab never reports.
    fn report(&mut self, world: &mut World) -> Vec<u8> {
        let lab = self.lab(world);
        let last = world.rules.treaty().with_role(Role::Lab).last().map(|member| member.id.to_string());
        let lab = if last.as_ref() == Some(&lab) { "lab-a".to_owned() } else { lab };
        let run = format!("run-{}", self.draw.below(3));
        let increment = u128::from(self.draw.below(400));
        let sum = self.sums.entry((lab.clone(), run.clone())).or_default();
        *sum += increment;
        let sum = *sum;
        let period = world.rules.treaty().periods.index_at(world.now).unwrap_or(0);
        world.report(&lab, period, &run, increment, sum)
    }

    /// A vote for a phase that is not in force.
    fn vote(&mut self, world: &mut World) -> Vec<u8> {
        let current = query::meta(&world.state).expect("memory does not fail").map(|meta| meta.phase.to_string());
        let phases = ["monitoring", "slowdown", "pause"];
        let others: Vec<_> = phases.into_iter().filter(|phase| Some(*phase) != current.as_deref()).collect();
        let (phase, mut support) = (*self.draw.pick(&others), self.draw.chance(70));
        // Nobody decides on leaving `pause` for a milder phase but the adjudicators, who are the same in every phase.
        let member = *self.draw.pick(&["evaluator", "regulator"]);
        let epoch = query::meta(&world.state).expect("memory does not fail").map_or(0, |meta| meta.epoch);
        let key = Key::Vote(epoch, name(phase), name(member));
        let stored = || read::<VoteRecord>(&world.state, "vote", &key).expect("memory does not fail");
        let known = self.votes.get(&key).copied().or_else(|| stored().map(|vote| vote.support));
        // A vote that changes nothing would be refused.
        support = known.map_or(support, |known| !known);
        self.votes.insert(key, support);
        world.vote(member, phase, support)
    }

    fn register(&mut self, world: &mut World) -> Vec<u8> {
        self.keys += 1;
        let lab = self.lab(world);
        let key = secret_key(&lab, &format!("statement {}", self.keys));
        world.register(&lab, &key)
    }

    /// Two prevotes of one validator; each proof is about another round.
    fn evidence(&mut self, world: &World) -> Entry {
        self.keys += 1;
        let round = u32::try_from(self.keys).unwrap_or(u32::MAX);
        Entry::Evidence(equivocation(world, "lab-b", world.next_height(), round).encode())
    }
}

/// A proof that the member's validator signed two prevotes.
pub fn equivocation(world: &World, member: &str, height: u64, round: u32) -> Equivocation {
    let key = secret_key(member, "consensus");
    let chain = world.rules.chain_id();
    let vote = |block: Hash| {
        let signature = key.sign(&vote_bytes(&chain, PREVOTE, height, round, Some(&block)));
        SignedVote { block: Some(block), signature }
    };
    let conflict = Conflict::Prevotes(vote(Hash::sha256(b"one")), vote(Hash::sha256(b"another")));
    let address = standstill_protocol::validators::Address::of(&key.public_key());
    Equivocation::new(address, height, round, conflict)
}
