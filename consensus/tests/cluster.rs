//! Whole engines on loopback: real sockets, real logs, a ledger in memory.

mod support;

use std::fs;
use std::time::Duration;

use standstill_consensus::{Engine, Handle, StartError};
use standstill_protocol::block::Entry;
use support::{Cluster, Ledger, addresses, highest, until, until_tip};

async fn stop(handles: &mut [Option<Handle>], index: usize) {
    handles[index].take().expect("it runs").stop().await;
}

async fn stop_all(handles: Vec<Option<Handle>>) {
    for handle in handles.into_iter().flatten() {
        handle.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_validators_agree_through_a_stop_a_restart_and_a_wipe() {
    let mut cluster = Cluster::new(4);
    for ledger in &cluster.ledgers {
        ledger.disk().filler = Some(300);
    }
    let mut handles = cluster.start_all().await;
    until_tip(&handles, 20).await;

    stop(&mut handles, 3).await;
    until_tip(&handles, highest(&handles) + 3).await;

    // From its own log and disk: it must neither contradict itself nor need anything but its peers.
    let peers = addresses(&handles).into_iter().map(|(_, address)| address).collect();
    handles[3] = Some(cluster.start(3, peers).await);
    until_tip(&handles, highest(&handles) + 2).await;

    stop(&mut handles, 2).await;
    until_tip(&handles, highest(&handles) + 2).await;
    let old = cluster.ledgers[2].clone();
    fs::remove_dir_all(cluster.wal(2)).expect("the log is removed");
    cluster.ledgers[2] = Ledger::new(old.chain_id, old.me, old.validators);
    cluster.ledgers[2].disk().filler = Some(300);
    // It no longer knows what it signed, so it follows past every height that it can have seen before it signs again.
    cluster.sign_from.insert(2, highest(&handles) + 2);
    let peers = addresses(&handles).into_iter().map(|(_, address)| address).collect();
    handles[2] = Some(cluster.start(2, peers).await);
    until(handles[2].as_ref().expect("it runs"), "the end of following", |status| !status.following).await;
    until_tip(&handles, highest(&handles) + 2).await;

    stop_all(handles).await;
    cluster.assert_one_history();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_chain_waits_and_one_validators_work_wakes_all() {
    let cluster = Cluster::new(4);
    let handles = cluster.start_all().await;
    for round in 0..3u8 {
        for handle in handles.iter().flatten() {
            until(handle, "idleness", |status| status.idle).await;
        }
        let tip = highest(&handles);
        // Only one knows of the entry, and only it is woken: whoever proposes, the others must join.
        let entry = vec![round; 40];
        cluster.ledgers[1].submit(&entry);
        handles[1].as_ref().expect("it runs").wake();
        let included = |ledger: &Ledger| {
            ledger.disk().blocks.iter().any(|(block, _)| block.entries.contains(&Entry::Envelope(entry.clone())))
        };
        let mut height = tip + 1;
        until_tip(&handles, height).await;
        // A proposer without the entry makes an empty block; the owner of the entry keeps the chain going.
        while !included(&cluster.ledgers[0]) {
            height += 1;
            until_tip(&handles, height).await;
        }
        assert!(height <= tip + 5, "four rotations of the proposer are enough");
    }
    stop_all(handles).await;
    cluster.assert_one_history();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_heartbeat_moves_an_idle_chain() {
    let mut cluster = Cluster::new(4);
    cluster.heartbeat = Duration::from_millis(300);
    let handles = cluster.start_all().await;
    until_tip(&handles, 4).await;
    stop_all(handles).await;
    cluster.assert_one_history();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_blocks_travel_in_parts() {
    let mut cluster = Cluster::new(4);
    // The first proposals travel while the debug build hashes megabytes.
    cluster.timeouts.propose = Duration::from_secs(5);
    cluster.timeouts.prevote = Duration::from_secs(1);
    cluster.timeouts.precommit = Duration::from_secs(1);
    for ledger in &cluster.ledgers {
        ledger.disk().filler = Some(1_500_000);
    }
    let handles = cluster.start_all().await;
    until_tip(&handles, 3).await;
    stop_all(handles).await;
    cluster.assert_one_history();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupt_log_stops_the_engine_for_good() {
    let mut cluster = Cluster::new(4);
    cluster.stall_after = Duration::from_secs(1);
    let handle = cluster.start(0, Vec::new()).await;
    // Alone of four it logs a prevote after the propose timeout, and then stands still, which the watchdog tells.
    until(&handle, "the watchdog", |status| status.stalled).await;
    handle.stop().await;
    let path = cluster.wal(0).join("consensus.wal");
    let mut log = fs::read(&path).expect("the log is read");
    let last = log.len() - 1;
    log[last] ^= 0x01;
    fs::write(&path, log).expect("the log is written");

    let before = fs::read(&path).expect("the log is read");
    let config = cluster.config(0, &cluster.wal(0), Vec::new());
    let again = Engine::start(config, Box::new(cluster.ledgers[0].clone())).await;
    assert!(matches!(again, Err(StartError::Unsafe { .. })), "no restart by itself after a safety failure");
    assert_eq!(fs::read(&path).expect("the log is read"), before, "the log is left for a person to look at");
    assert!(cluster.wal(0).join("unsafe").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_without_its_log_signs_nothing_until_it_may() {
    let mut cluster = Cluster::new(4);
    for ledger in &cluster.ledgers {
        ledger.disk().filler = Some(100);
    }
    let mut handles = cluster.start_all().await;
    until_tip(&handles, 3).await;
    stop(&mut handles, 0).await;
    fs::remove_dir_all(cluster.wal(0)).expect("the log is removed");
    let config = cluster.config(0, &cluster.wal(0), Vec::new());
    let refused = Engine::start(config, Box::new(cluster.ledgers[0].clone())).await;
    assert!(matches!(refused, Err(StartError::WrongLog { .. })), "{refused:?}");
    // With a height from which it may sign, it follows and then takes part.
    let from = highest(&handles) + 5;
    cluster.sign_from.insert(0, from);
    let peers = addresses(&handles).into_iter().map(|(_, address)| address).collect();
    let handle = cluster.start(0, peers).await;
    until(&handle, "its turn to sign", |status| !status.following && status.tip >= from).await;
    handle.stop().await;
    stop_all(handles).await;
    cluster.assert_one_history();
}
