//! `standstill-testnet up` as a person runs it: the table, a second `up`, Ctrl-C, and a parent that is killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use standstill_testnet::client::Client;

const GONE_WITHIN: Duration = Duration::from_secs(20);

fn testnet(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_standstill-testnet"));
    command.arg("up").arg("--dir").arg(directory).args(arguments);
    command
}

/// A running `up`; killed if the test fails.
struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `up` and reads lines until the live one, which means that every node answers.
fn up(directory: &Path, arguments: &[&str]) -> (Up, Vec<String>) {
    let mut child = testnet(directory, arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    for line in lines.by_ref() {
        seen.push(line.unwrap());
        if seen.last().is_some_and(|line| line.starts_with("height")) {
            break;
        }
    }
    // Whatever comes later is read, so that the child never waits for us.
    std::thread::spawn(move || lines.for_each(drop));
    (Up(child), seen)
}

fn clients(lines: &[String]) -> Vec<Client> {
    let addresses = lines.iter().filter_map(|line| line.split_whitespace().nth(1)?.strip_prefix("http://"));
    addresses.map(|address| Client::new(address.parse().unwrap())).collect()
}

fn all_gone(clients: &[Client]) {
    let deadline = Instant::now() + GONE_WITHIN;
    while clients.iter().any(|client| client.status().is_ok()) {
        assert!(Instant::now() < deadline, "a node outlives its network");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn refused(directory: &Path, arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = testnet(directory, arguments).output().unwrap();
    assert!(!status.success());
    String::from_utf8(stderr).unwrap()
}

#[test]
fn a_network_shows_itself_refuses_a_second_and_leaves_no_node_behind() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("net");
    let (mut first, lines) = up(&directory, &["-n", "2"]);
    let nodes = clients(&lines);
    assert_eq!(nodes.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80 || line.contains(".log")), "{lines:?}");
    assert!(directory.join("manifest.json").is_file());

    assert!(refused(&directory, &["--resume"]).contains("is running"));
    assert!(refused(&directory, &["--reset"]).contains("is running"));

    // Killed without a chance to stop anything: the nodes notice by themselves.
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    all_gone(&nodes);

    let message = refused(&directory, &["-n", "2"]);
    assert!(message.contains("holds a network already") && message.contains("--reset"), "{message}");

    let (mut second, lines) = up(&directory, &["--resume"]);
    let nodes = clients(&lines);
    let interrupt = Command::new("kill").args(["-INT", &second.0.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert!(second.0.wait().unwrap().success(), "Ctrl-C is the ordinary end");
    all_gone(&nodes);
}
