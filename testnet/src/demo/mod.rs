//! `standstill-testnet demo`: a story of half a minute, played by real nodes, whose end anybody can check.
//!
//! 1. Four labs, an evaluator and two regulators sign a treaty; each lab runs a node.
//! 2. Labs report training from the files that their trainers wrote; an evaluator reports from its log.
//! 3. The adjudicators vote the slowdown into force.
//! 4. One lab goes on above its cap, one falls silent.
//! 5. Every node shows the same verdicts.
//! 6. The ledger leaves as one file, which the verifier checks offline; with one byte changed it is refused.
//!
//! A period is a week in the treaty that this one is rendered from, and a few seconds here.

mod cast;
mod keep;
mod log_folder;
mod narrator;
mod play;
mod replay;
mod tell;

use std::path::{Path, PathBuf};

use standstill_policies::treaty::{Role, Span};
use standstill_policies::{Value, Verdict};
use standstill_protocol::units::{Flop, Timestamp};
use standstill_verifier::screen::{self, Sources};
use standstill_verifier::{Exit, Report};

use self::keep::{BUNDLE, Fetched, Kept};
use self::narrator::Narrator;
use self::play::Stage;
use self::replay::Replay;
use crate::TestnetError;
use crate::client::Recorded;
use crate::network::Network;
use crate::plan::{MemberPlan, Pace, ParameterPlan, PeriodPlan, Plan};
use crate::report::{NodeEnd, Tampering, Verification};

/// Where the demo leaves its evidence by default.
pub const DEFAULT_OUT: &str = "standstill-demo";

/// One run may use this much in the slowdown: between the second and the third state file of the real run.
const RUN_CAP: Flop = Flop(20_000_000_000);
/// One lab may use this much in a period of the slowdown.
const SCHEDULE: Flop = Flop(8_000_000_000);

/// Plays the demo and leaves its evidence in `out`.
pub fn run(out: &Path, executable: &Path, clock: fn() -> Timestamp) -> Result<(), TestnetError> {
    let mut narrator = Narrator::new();
    let told = tell_it(&mut narrator, out, executable, clock);
    narrator.end();
    told
}

fn tell_it(
    narrator: &mut Narrator,
    out: &Path,
    executable: &Path,
    clock: fn() -> Timestamp,
) -> Result<(), TestnetError> {
    keep::prepare(out)?;
    let homes = tempfile::Builder::new().prefix("standstill-demo-").tempdir().map_err(|source| TestnetError::Io {
        action: "make a directory in",
        path: std::env::temp_dir(),
        source,
    })?;
    let played = play(narrator, homes.path(), executable, clock, out);
    let (kept, nodes) = match played {
        Ok(played) => played,
        Err(error) => {
            // The nodes' logs are what a person needs now.
            let kept = homes.keep();
            narrator.line(&format!("the nodes' homes and logs are kept in {}", kept.display()));
            return Err(error);
        }
    };
    check(narrator, &kept, nodes)
}

/// Runs the network; its nodes are stopped at the end, however it ends.
fn play(
    narrator: &mut Narrator,
    homes: &Path,
    executable: &Path,
    clock: fn() -> Timestamp,
    out: &Path,
) -> Result<(Kept, Vec<NodeEnd>), TestnetError> {
    narrator.block("Standstill: four labs, one treaty, and nobody that they all trust");
    let mut network = raise(narrator, homes, executable, clock)?;
    let (entries, nodes) = acts(narrator, &mut network, clock)?;
    narrator.chapter(
        "One file",
        "The whole ledger leaves as a bundle, with a receipt for each entry. The nodes are stopped: from here on \
         there is no network.",
    );
    let fetched = Fetched::from(&mut network, &entries, out)?;
    network.stop();
    let kept = fetched.keep(&network)?;
    narrator.line(&format!("{BUNDLE}   {} bytes, {} receipts", kept.bundle.len(), entries.len()));
    Ok((kept, nodes))
}

fn raise(
    narrator: &mut Narrator,
    homes: &Path,
    executable: &Path,
    clock: fn() -> Timestamp,
) -> Result<Network, TestnetError> {
    narrator.chapter(
        "The treaty",
        "Four labs, an evaluator and two regulators sign it. Each lab runs a node: a process with a home, keys, a store \
         and two networks of its own.",
    );
    narrator.waiting("keys, homes, treaty");
    let mut network = Network::create(homes, executable, &plan()?, clock())?;
    let treaty = network.treaty();
    narrator.line(&format!("treaty {}   ledger {}", treaty.hash.short(), treaty.chain_id.short()));
    narrator.waiting("four nodes start");
    network.start()?;
    for node in network.nodes() {
        let pid = node.pid().map_or_else(String::new, |pid| pid.to_string());
        narrator.line(&format!("{:<15} pid {pid:<8} {}", node.entry.member, node.client().base()));
    }
    Ok(network)
}

fn acts(
    narrator: &mut Narrator,
    network: &mut Network,
    clock: fn() -> Timestamp,
) -> Result<(Vec<Recorded>, Vec<NodeEnd>), TestnetError> {
    narrator.chapter(
        "Period 0, monitoring: training is free, labs report it",
        "Each report is made from the file that the trainer wrote, signed by the lab, and final once a quorum of the \
         nodes has executed it.",
    );
    let mut stage = Stage::new(network, narrator, clock)?;
    stage.reports(0)?;
    stage.evaluation()?;
    stage.narrator.chapter(
        "Period 1: the adjudicators vote",
        "The evaluator and the regulators see what the treaty told them to watch for. Two of their three votes decide. \
         Then the labs report.",
    );
    stage.votes()?;
    stage.reports(1)?;
    stage.narrator.chapter(
        "Period 2, slowdown: one goes on, one falls silent",
        "A run may now use 2e10 FLOP in all, a lab 8e9 in a period. lab-c resumes its run. Nothing comes from lab-d.",
    );
    stage.reports(2)?;
    let nodes = stage.judgement()?;
    stage.narrator.chapter(
        "The same verdicts everywhere",
        "Each node was asked for the state root of one height and for every verdict. They are equal.",
    );
    for node in &nodes {
        let root = node.state_root.get(..16).unwrap_or_default();
        let line = format!("{:<15} height {:<5} state {root}…   {} verdicts", node.member, node.height, node.verdicts);
        stage.narrator.line(&line);
    }
    Ok((stage.into_entries(), nodes))
}

fn check(narrator: &mut Narrator, kept: &Kept, nodes: Vec<NodeEnd>) -> Result<(), TestnetError> {
    narrator.chapter(
        "The regulator",
        "The verifier reads the file, offline: every signature, every root, every certificate, and every clause executed \
         again.",
    );
    narrator.waiting("every block is executed again");
    let report = kept.verify(&kept.bundle)?;
    let screen = screen_of(&report);
    narrator.block(&format!("\n{screen}"));
    expect(Exit::Violated, report.verdict.exit())?;
    let receipts = kept.verify_receipts()?;
    narrator.line(&format!("{receipts} receipts hold too, each by itself: signed, included, cosigned by a quorum"));
    let leaves = kept.verify_log()?;
    narrator.line(&format!("log/ holds too: {leaves} leaves give the tiles, and the tiles the cosigned root"));

    let tampered = tamper(narrator, kept)?;
    let verified =
        Verification { file: BUNDLE.to_owned(), sha256: kept.sha256(), screen, exit: report.verdict.exit().code() };
    let replay = Replay::of(&kept.bundle)?;
    let violated = replay.verdicts.iter().filter(|record| record.verdict == Verdict::Violated).count();
    let story = tell::story(&replay, nodes, verified, tampered);
    let path = kept.write_report(&story.to_html())?;
    narrator.chapter(
        "Evidence",
        &format!(
            "{violated} verdicts say `violated`, and each names the entry that the lab itself signed. Open the report:"
        ),
    );
    narrator.line(&path.display().to_string());
    Ok(())
}

/// Changes one byte in the middle of the bundle and shows that nothing in it is believed any more.
fn tamper(narrator: &mut Narrator, kept: &Kept) -> Result<Tampering, TestnetError> {
    let offset = kept.bundle.len() / 2;
    narrator.chapter(
        "The forger",
        &format!(
            "One bit of byte {offset} of a copy is changed. Whoever believes the copy believes nothing that was signed."
        ),
    );
    let copy = kept.tamper(offset)?;
    let report = kept.verify(&copy)?;
    expect(Exit::Untrusted, report.verdict.exit())?;
    let first = report.results.iter().flat_map(|result| &result.failures).next();
    let detail = first.map_or_else(String::new, |failure| format!(": {}", failure.message));
    let reason = format!("{}{detail}", screen::summary(&report).trim_end_matches('.'));
    for line in narrator::wrap(&reason, 74) {
        narrator.line(&line);
    }
    narrator.line(&format!("exit {}", report.verdict.exit().code()));
    let byte = |bytes: &[u8]| bytes.get(offset).copied().unwrap_or_default();
    Ok(Tampering { offset, from: byte(&kept.bundle), to: byte(&copy), reason, exit: report.verdict.exit().code() })
}

fn screen_of(report: &Report) -> String {
    let sources = Sources { bundle: BUNDLE.to_owned(), trust: "trust.toml".to_owned() };
    anstream::adapter::strip_str(&screen::render(report, &sources)).to_string()
}

fn expect(expected: Exit, found: Exit) -> Result<(), TestnetError> {
    if expected == found {
        return Ok(());
    }
    let what = format!(
        "the verifier ended with {} `{}`, not {} `{}`",
        found.code(),
        found.name(),
        expected.code(),
        expected.name()
    );
    Err(TestnetError::Disagreement { what })
}

/// Four labs, an evaluator, two regulators, and the shipped treaty at the scale of the sample runs.
fn plan() -> Result<Plan, TestnetError> {
    let mut plan = Plan::labs(4, "demo")?;
    plan.adaptation = "Rendered for a demonstration: a period is a few seconds instead of a week, and the caps are \
                       scaled to sample runs of about 1e10 FLOP."
        .to_owned();
    plan.members.push(MemberPlan::new("regulator-east", "Supervisory Office, East", Role::Regulator)?);
    plan.members.push(MemberPlan::new("regulator-west", "Supervisory Office, West", Role::Regulator)?);
    plan.periods = Some(PeriodPlan { first_after_ms: 4_000, length: Span(6_000), report_within: Span(2_500) });
    plan.heartbeat = Some(Span(500));
    let slowdown = |clause, key, value| ParameterPlan { clause, phase: Some("slowdown"), key, value };
    plan.parameters = vec![
        slowdown("run-cap", "cap", Value::Flop(RUN_CAP)),
        slowdown("slowdown", "shape", Value::Text("absolute".to_owned())),
        slowdown("slowdown", "base", Value::Flop(SCHEDULE)),
    ];
    plan.pace = Pace { block_interval_ms: 100, ..Pace::default() };
    plan.entry_tiles = true;
    Ok(plan)
}

/// The absolute form of the folder that the demo writes to.
pub fn out_directory(given: &Path) -> PathBuf {
    std::path::absolute(given).unwrap_or_else(|_| given.to_owned())
}
