//! The verifier reaches no network: no crate that could is in its dependency tree, and its source names no socket.
//! It stays small enough to read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates that open connections or drive them, and runtimes made for that.
const DENIED: &[&str] = &[
    "actix-rt",
    "actix-web",
    "async-io",
    "async-net",
    "async-std",
    "attohttpc",
    "axum",
    "curl",
    "curl-sys",
    "futures-net",
    "glommio",
    "h2",
    "hickory-proto",
    "hickory-resolver",
    "hyper",
    "hyper-util",
    "isahc",
    "libp2p",
    "minreq",
    "mio",
    "monoio",
    "native-tls",
    "net2",
    "openssl",
    "openssl-sys",
    "polling",
    "quinn",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "surf",
    "tokio",
    "tokio-util",
    "tower-http",
    "trust-dns-resolver",
    "tungstenite",
    "ureq",
    "warp",
    "zbus",
];
/// Lines of the crate's own source, at most.
const MAX_LINES: usize = 5000;

fn crate_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn nothing_in_the_dependency_tree_can_reach_a_network() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "standstill-verifier", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}", "--target", "all", "--offline", "--locked"])
        .current_dir(crate_root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("standstill-ledger"), "the tree was read");
    let denied: Vec<_> = DENIED.iter().filter(|name| crates.contains(**name)).collect();
    assert!(denied.is_empty(), "{denied:?} in the verifier's dependency tree");
}

#[test]
fn the_source_names_no_socket() {
    for path in sources(&crate_root().join("src")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in ["std::net", "UdpSocket", "TcpStream", "TcpListener", "UnixStream"] {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn the_crate_is_small_enough_to_read() {
    let lines: usize = sources(&crate_root().join("src"))
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap().lines().count())
        .sum();
    assert!(lines < MAX_LINES, "{lines} lines");
}
