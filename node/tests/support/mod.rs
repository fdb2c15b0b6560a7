//! A chain of one validator, with members that sign statements: real engine, real store, real HTTP.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use standstill_attestations::claim::{Basis, Interval, Maybe, Window};
use standstill_attestations::governance::{KeyRegistration, KeyRevocation, KeyRole as Signs};
use standstill_attestations::statement::{Common, Predicate, Statement, Subject};
use standstill_attestations::training::{CountingRule, FlopFigures, Method, RunStage, Session, TrainingCompute};
use standstill_node::config::{Config, Peer};
use standstill_node::home::{self, Home};
use standstill_node::keystore::{self, KeyRole};
use standstill_node::{Node, RunningNode, clock};
use standstill_policies::treaty::{Span, ValidatorKeys};
use standstill_policies::{Member, Role, Treaty, TreatyTemplate};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::member::Name;
use standstill_protocol::units::{Flop, Timestamp};

pub const MODULES: [&[u8]; 3] = [
    include_bytes!("../../../wasm-policies/dist/run-cap.wasm"),
    include_bytes!("../../../wasm-policies/dist/reporting.wasm"),
    include_bytes!("../../../wasm-policies/dist/slowdown.wasm"),
];

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Labs with homes; an evaluator and a regulator without.
pub struct Chain {
    pub directory: tempfile::TempDir,
    pub treaty: Treaty,
    pub treaty_bytes: Vec<u8>,
    pub homes: Vec<Home>,
    pub evaluator: SecretKey,
    pub regulator: SecretKey,
}

impl Chain {
    /// `validators` labs with nodes, `lab-a` first. Periods of an hour that began half an hour ago.
    pub fn new(validators: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let now = clock::now();
        let labs = ["lab-a", "lab-b", "lab-c", "lab-d"];
        let homes: Vec<_> = labs[..validators]
            .iter()
            .map(|lab| {
                let mut config = Config::new(name(lab));
                config.api.listen = "127.0.0.1:0".parse().unwrap();
                config.consensus.listen = "/ip4/127.0.0.1/tcp/0".to_owned();
                config.gossip.listen = "/ip4/127.0.0.1/tcp/0".to_owned();
                config.consensus.block_interval_ms = 20;
                home::create(&directory.path().join(lab), config, now).unwrap()
            })
            .collect();
        let (evaluator, regulator) = (SecretKey::from_seed(&[21; 32]), SecretKey::from_seed(&[22; 32]));
        let mut members: Vec<_> = homes.iter().map(lab).collect();
        members.push(signer("evaluator", Role::Evaluator, &evaluator));
        members.push(signer("regulator", Role::Regulator, &regulator));
        let start = Timestamp(now.0 - 30 * 60_000);
        let (treaty, treaty_bytes) = TreatyTemplate::pause_option()
            .genesis_time(start)
            .members(members)
            .periods(start, Span::parse("1h").unwrap(), Span::parse("10m").unwrap())
            .clocks(Span::parse("60s").unwrap(), Span::parse("5s").unwrap(), 10)
            .render("Rendered for a test")
            .unwrap();
        let modules: Vec<_> = MODULES.iter().map(|module| module.to_vec()).collect();
        for home in &homes {
            home.install(&treaty_bytes, &modules).unwrap();
            Node::create_store(home).unwrap();
        }
        Chain { directory, treaty, treaty_bytes, homes, evaluator, regulator }
    }

    /// Gives every node fixed free ports and the others' addresses.
    pub fn connect(&mut self) {
        let ports: Vec<_> = self.homes.iter().map(|_| (free_port(), free_port())).collect();
        let ids: Vec<_> = self.homes.iter().map(peer_id).collect();
        let address = |port: u16, id: &str| format!("/ip4/127.0.0.1/tcp/{port}/p2p/{id}");
        for (index, home) in self.homes.iter_mut().enumerate() {
            home.config.consensus.listen = format!("/ip4/127.0.0.1/tcp/{}", ports[index].0);
            home.config.gossip.listen = format!("/ip4/127.0.0.1/tcp/{}", ports[index].1);
            let others = (0..ports.len()).filter(|other| *other != index);
            let peer = |other: usize| Peer {
                member: name(["lab-a", "lab-b", "lab-c", "lab-d"][other]),
                consensus: address(ports[other].0, &ids[other]),
                gossip: address(ports[other].1, &ids[other]),
            };
            home.config.peers = others.map(peer).collect();
            home.save_config().unwrap();
        }
    }

    pub fn statement_key(&self, lab: usize) -> SecretKey {
        self.homes[lab].key(KeyRole::Statement).unwrap()
    }

    pub fn common(&self, member: &str, sequence: u64) -> Common {
        Common {
            chain_id: self.treaty.chain_id,
            member: name(member),
            sequence,
            issued_at: clock::now(),
            corrects: None,
        }
    }

    /// A report about the current period.
    pub fn training(&self, sequence: u64, flop: u128) -> Statement {
        let end = clock::now();
        let window = Window { start: Timestamp(end.0 - 60_000), end };
        let interval = Interval::exact(Flop(flop));
        let unknown = || "a test states nothing".to_owned();
        let predicate = TrainingCompute {
            site: name("dc-1"),
            run: format!("run-{sequence}").parse().unwrap(),
            run_stage: RunStage::PreTraining,
            period: 0,
            window,
            sessions: vec![Session { window, resumed_from: Maybe::Known(None), chips: Maybe::Unknown(unknown()) }],
            flop: FlopFigures { incremental: interval, cumulative: interval, discarded: Maybe::Unknown(unknown()) },
            method: Method::FrameworkCounter,
            counting_rule: CountingRule::ModelFlop,
            basis: Basis::Declared,
            final_report: false,
            base_models: vec![],
            workload: Maybe::Unknown(unknown()),
            hardware: Maybe::Unknown(unknown()),
            energy: Maybe::Unknown(unknown()),
            activity: Maybe::Unknown(unknown()),
            evidence: vec![],
        };
        let subject = Subject { name: "checkpoint".to_owned(), sha256: Hash::sha256(&sequence.to_be_bytes()) };
        Statement {
            subjects: vec![subject],
            common: self.common("lab-a", sequence),
            predicate: Predicate::TrainingCompute(predicate),
        }
    }

    /// `lab-a`'s signed report.
    pub fn report(&self, sequence: u64) -> Vec<u8> {
        sign(&self.training(sequence, 1_000_000), &self.statement_key(0))
    }

    pub fn governance(&self, member: &str, sequence: u64, predicate: Predicate) -> Statement {
        Statement::of(self.common(member, sequence), predicate).unwrap()
    }

    pub fn registration(&self, sequence: u64, key: &SecretKey) -> Statement {
        let registration = KeyRegistration::of(key, Signs::Statement, &self.treaty.chain_id, &"lab-a".parse().unwrap());
        self.governance("lab-a", sequence, Predicate::KeyRegistration(registration))
    }

    pub fn revocation(&self, sequence: u64, key: &SecretKey) -> Statement {
        let revocation = KeyRevocation { key_id: key.public_key().id(), reason: "a test".to_owned() };
        self.governance("lab-a", sequence, Predicate::KeyRevocation(revocation))
    }
}

pub fn sign(statement: &Statement, key: &SecretKey) -> Vec<u8> {
    Envelope::sign(statement.to_json(), &[key]).to_bytes()
}

pub fn peer_id(home: &Home) -> String {
    let key = home.key(KeyRole::Transport).unwrap();
    keystore::peer_id(&key.public_key()).unwrap().to_string()
}

fn lab(home: &Home) -> Member {
    let keys = home.public_keys().unwrap();
    Member {
        id: home.member().clone(),
        title: format!("Example {}", home.member()),
        roles: BTreeSet::from([Role::Lab]),
        statement_keys: vec![keys[&KeyRole::Statement]],
        validator: Some(ValidatorKeys {
            consensus: keys[&KeyRole::Consensus],
            log: keys[&KeyRole::Log],
            cosigner: keys[&KeyRole::Cosigner],
            peer_id: peer_id(home),
        }),
    }
}

fn signer(id: &str, role: Role, key: &SecretKey) -> Member {
    Member {
        id: name(id),
        title: format!("Example {id}"),
        roles: BTreeSet::from([role]),
        statement_keys: vec![key.public_key()],
        validator: None,
    }
}

/// A port that was free a moment ago, for nodes that must name each other before they start.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Blocking requests to a node.
pub struct Client {
    agent: ureq::Agent,
    base: String,
}

/// Status and body.
pub struct Answer {
    pub status: u16,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    pub fn of(node: &RunningNode) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(90)))
            .http_status_as_error(false)
            .build();
        Client { agent: config.into(), base: format!("http://{}", node.endpoint().api) }
    }

    fn answer(mut response: ureq::http::Response<ureq::Body>) -> Answer {
        let status = response.status().as_u16();
        Answer { status, bytes: response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap() }
    }

    pub fn get(&self, path: &str) -> Answer {
        Self::answer(self.agent.get(format!("{}{path}", self.base)).call().unwrap())
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        Self::answer(self.agent.post(format!("{}{path}", self.base)).send(body).unwrap())
    }

    pub fn submit_final(&self, envelope: &[u8]) -> Value {
        let answer = self.post("/v1/entries?wait=final", envelope);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    pub fn height(&self) -> u64 {
        self.get("/v1/status").json()["height"].as_u64().unwrap()
    }
}

pub fn start(runtime: &tokio::runtime::Runtime, home: &Home) -> RunningNode {
    runtime.block_on(Node::start(home.clone())).unwrap()
}

pub fn stop(runtime: &tokio::runtime::Runtime, node: RunningNode) {
    runtime.block_on(node.stop()).unwrap();
}

pub fn files_below(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 }).sum()
}

pub fn sign_payload(payload: String, key: &SecretKey) -> Vec<u8> {
    Envelope::sign(payload.into_bytes(), &[key]).to_bytes()
}
