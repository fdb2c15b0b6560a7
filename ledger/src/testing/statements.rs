//! Statements that members of a test ledger sign.

use standstill_attestations::claim::Window;
use standstill_attestations::training::{CountingRule, FlopFigures, Method, RunStage, Session};
use standstill_attestations::{
    Basis, Common, Correction, Interval, KeyRegistration, KeyRevocation, KeyRole, Maybe, PhaseVote, Predicate,
    Statement, Subject, TrainingCompute,
};
use standstill_protocol::dsse::{Envelope, StatementId};
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::member::Name;
use standstill_protocol::units::{Flop, Timestamp};

use super::World;

/// A name that the caller knows to be one.
pub(super) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

impl World {
    /// The common part of a member's next statement.
    pub fn common(&mut self, member: &str) -> Common {
        let sequence = self.next_sequence(member);
        Common { chain_id: self.rules.chain_id(), member: name(member), sequence, issued_at: self.now, corrects: None }
    }

    /// A report of `member` on one run: `incremental` FLOP in the period, `cumulative` in all. Its window is the period,
    /// or as much of it as is over.
    pub fn training(&self, period: u32, run: &str, incremental: u128, cumulative: u128) -> TrainingCompute {
        let bounds = self.rules.treaty().periods.period(period);
        let end = Timestamp(bounds.end.0.min(self.now.0).max(bounds.start.0 + 1));
        let window = Window { start: bounds.start, end };
        TrainingCompute {
            site: name("dc-1"),
            run: name(run),
            run_stage: RunStage::PreTraining,
            period,
            window,
            sessions: vec![Session {
                window,
                resumed_from: Maybe::Known(None),
                chips: Maybe::Unknown("a test".to_owned()),
            }],
            flop: FlopFigures {
                incremental: Interval::exact(Flop(incremental)),
                cumulative: Interval::exact(Flop(cumulative)),
                discarded: Maybe::Known(Interval::exact(Flop(0))),
            },
            method: Method::FrameworkCounter,
            counting_rule: CountingRule::ModelFlop,
            basis: Basis::Declared,
            final_report: false,
            base_models: Vec::new(),
            workload: Maybe::Unknown("a test".to_owned()),
            hardware: Maybe::Unknown("a test".to_owned()),
            energy: Maybe::Unknown("a test".to_owned()),
            activity: Maybe::Unknown("a test".to_owned()),
            evidence: Vec::new(),
        }
    }

    /// A signed report, see [`World::training`].
    pub fn report(&mut self, lab: &str, period: u32, run: &str, incremental: u128, cumulative: u128) -> Vec<u8> {
        let report = self.training(period, run, incremental, cumulative);
        self.say(lab, Predicate::TrainingCompute(report))
    }

    /// A signed vote.
    pub fn vote(&mut self, member: &str, phase: &str, support: bool) -> Vec<u8> {
        let vote = PhaseVote { phase: name(phase), support, reason: "a test".to_owned() };
        self.say(member, Predicate::PhaseVote(vote))
    }

    /// A signed registration of a key for statements.
    pub fn register(&mut self, member: &str, key: &SecretKey) -> Vec<u8> {
        let registration = KeyRegistration::of(key, KeyRole::Statement, &self.rules.chain_id(), &name(member));
        self.say(member, Predicate::KeyRegistration(registration))
    }

    /// A signed revocation.
    pub fn revoke(&mut self, member: &str, key_id: Hash) -> Vec<u8> {
        self.say(member, Predicate::KeyRevocation(KeyRevocation { key_id, reason: "a test".to_owned() }))
    }

    /// Signs a member's next statement with its key of genesis.
    pub fn say(&mut self, member: &str, predicate: Predicate) -> Vec<u8> {
        let key = self.key(member);
        self.say_with(member, predicate, &key)
    }

    /// A member's next statement, signed and not, with its id; `corrects` is what it supersedes.
    pub fn state(
        &mut self,
        member: &str,
        predicate: Predicate,
        corrects: Option<StatementId>,
    ) -> (Statement, StatementId, Vec<u8>) {
        let mut common = self.common(member);
        common.corrects = corrects.map(|statement| Correction { statement, reason: "a test".to_owned() });
        let statement = statement(common, predicate);
        let (id, envelope) = self.seal(&statement);
        (statement, id, envelope)
    }

    /// Signs a statement with its member's key of genesis.
    pub fn seal(&self, statement: &Statement) -> (StatementId, Vec<u8>) {
        let envelope = Envelope::sign(statement.to_json(), &[&self.key(statement.common.member.as_str())]);
        (envelope.id(), envelope.to_bytes())
    }

    /// Signs a member's next statement with another key.
    pub fn say_with(&mut self, member: &str, predicate: Predicate, key: &SecretKey) -> Vec<u8> {
        let common = self.common(member);
        sign(&statement(common, predicate), key)
    }
}

/// A statement with the subject that its kind asks for.
pub fn statement(common: Common, predicate: Predicate) -> Statement {
    Statement::of(common.clone(), predicate.clone()).unwrap_or_else(|| {
        let subject = Subject { name: "model/test".to_owned(), sha256: Hash::sha256(b"a model") };
        Statement { subjects: vec![subject], common, predicate }
    })
}

/// The envelope of a statement, signed by one key.
pub fn sign(statement: &Statement, key: &SecretKey) -> Vec<u8> {
    Envelope::sign(statement.to_json(), &[key]).to_bytes()
}
