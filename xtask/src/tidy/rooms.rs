//! The invariants of the rooms: who may import whom, who is pure, who is offline.

use super::{Findings, House};

/// Each room and the rooms below it, which alone it may import.
const ROOMS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("attestations", &["protocol"]),
    ("attestations/hardware", &["protocol"]),
    ("attestations/importers", &["protocol", "attestations"]),
    ("attestations/telemetry", &["protocol", "attestations"]),
    ("policies", &["protocol", "attestations"]),
    ("ledger", &["protocol", "attestations", "attestations/hardware", "policies"]),
    ("consensus", &["protocol"]),
    (
        "node",
        &[
            "protocol",
            "attestations",
            "attestations/hardware",
            "attestations/importers",
            "attestations/telemetry",
            "policies",
            "ledger",
            "consensus",
        ],
    ),
    ("verifier", &["protocol", "attestations", "attestations/hardware", "policies", "ledger"]),
    (
        "testnet",
        &["protocol", "attestations", "attestations/importers", "policies", "ledger", "consensus", "node", "verifier"],
    ),
    ("xtask", &[]),
];

/// Rooms whose answer is part of consensus: the same on every machine, for ever.
const PURE: &[&str] = &["protocol", "attestations", "attestations/hardware", "policies", "ledger"];

/// Crates that bring a network, a clock or randomness.
const NOT_PURE: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "mio",
    "socket2",
    "hyper",
    "reqwest",
    "ureq",
    "axum",
    "libp2p",
    "quinn",
    "rand",
    "chrono",
    "time",
    "jiff",
    "redb",
    "rusqlite",
    "nvml-wrapper",
];

/// Crates that a pure room may not name itself; something below it may link them for its own reasons.
const NOT_NAMED_BY_PURE: &[&str] = &["getrandom", "rand_core", "tempfile", "ahash"];

/// Paths that a pure room's code may not contain.
const NOT_IN_PURE_SOURCE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::os",
    "SystemTime",
    "Instant",
    "File",
    "TcpStream",
    "UdpSocket",
    "RandomState",
];

/// Crates that the verifier may not link, however far down.
const NOT_IN_VERIFIER: &[&str] = &[
    "tokio",
    "mio",
    "socket2",
    "hyper",
    "reqwest",
    "ureq",
    "rustls",
    "native-tls",
    "openssl",
    "libp2p",
    "quinn",
    "async-std",
    "async-io",
    "smol",
    "axum",
    "tonic",
    "h2",
    "curl",
    "hickory-proto",
    "hickory-resolver",
    "redb",
    "nvml-wrapper",
];

/// Lines that a regulator's own reviewer must read.
const VERIFIER_LINES_MAX: usize = 5_000;

/// Crates on whose bytes and answers consensus depends: pinned to the patch.
const PINNED: &[&str] = &[
    "ed25519-dalek",
    "sha2",
    "wincode",
    "wasmtime",
    "wasmparser",
    "wasm-encoder",
    "toml",
    "p384",
    "p256",
    "crypto-bigint",
];

/// Files of pure rooms that may name a float, and why.
const FLOATS_ALLOWED: &[(&str, &str)] = &[];

pub(crate) fn import_downward(house: &House) -> Findings {
    let mut problems = Vec::new();
    for member in &house.workspace.members {
        let Some((_, below)) = ROOMS.iter().find(|(room, _)| *room == member.folder) else {
            problems.push(format!(
                "{}: not a room of the house: add it to ROOMS in xtask/src/tidy/rooms.rs",
                member.folder
            ));
            continue;
        };
        for dependency in &member.dependencies {
            let Some(target) = house.workspace.members.iter().find(|other| other.name == dependency.name) else {
                continue;
            };
            if !below.contains(&target.folder.as_str()) && target.folder != member.folder {
                problems.push(format!(
                    "{} imports {} ({}), which is not below it",
                    member.folder, target.folder, dependency.kind
                ));
            }
        }
    }
    Findings::new(format!("{} rooms", house.workspace.members.len()), problems)
}

pub(crate) fn pure_dependencies(house: &House) -> Findings {
    let mut problems = Vec::new();
    for member in PURE.iter().filter_map(|room| house.workspace.member_in(room)) {
        let linked = house.workspace.linked_by(member);
        problems.extend(
            NOT_PURE
                .iter()
                .filter(|name| linked.contains(**name))
                .map(|name| format!("{} links {name}", member.folder)),
        );
        let named = member.dependencies.iter().filter(|d| d.kind == "normal");
        problems.extend(
            named
                .filter(|d| NOT_NAMED_BY_PURE.contains(&d.name.as_str()))
                .map(|d| format!("{} names {}", member.folder, d.name)),
        );
    }
    Findings::new(PURE.join(", "), problems)
}

pub(crate) fn pure_source(house: &House) -> Findings {
    let rule = "a pure room does no I/O, asks no clock and draws no randomness: take it as an argument";
    scan(house, PURE, NOT_IN_PURE_SOURCE, rule)
}

pub(crate) fn verifier_is_offline(house: &House) -> Findings {
    let Some(verifier) = house.workspace.member_in("verifier") else {
        return Findings::new("", vec!["there is no room `verifier`".to_owned()]);
    };
    let linked = house.workspace.linked_by(verifier);
    let mut problems: Vec<String> = NOT_IN_VERIFIER
        .iter()
        .filter(|name| linked.contains(**name))
        .map(|name| format!("verifier links {name}"))
        .collect();
    problems.extend(
        scan(house, &["verifier"], &["std::net", "TcpStream", "UdpSocket"], "the verifier has no network").problems,
    );
    Findings::new(format!("{} crates linked, none of {} denied", linked.len(), NOT_IN_VERIFIER.len()), problems)
}

pub(crate) fn verifier_is_small(house: &House) -> Findings {
    let lines: usize = house.room_sources("verifier").map(|file| file.text.lines().count()).sum();
    let problem =
        (lines > VERIFIER_LINES_MAX).then(|| format!("verifier/src has {lines} lines, over {VERIFIER_LINES_MAX}"));
    Findings::new(format!("{lines} lines of {VERIFIER_LINES_MAX}"), problem.into_iter().collect())
}

pub(crate) fn engine_stays_in_consensus(house: &House) -> Findings {
    let names_engine = |name: &str| name.contains("malachite");
    let mut problems = Vec::new();
    for member in house.workspace.members.iter().filter(|member| member.folder != "consensus") {
        let named = member.dependencies.iter().filter(|dependency| names_engine(&dependency.name));
        problems.extend(named.map(|dependency| format!("{} names {}", member.folder, dependency.name)));
    }
    for file in house.sources.iter().filter(|f| !f.path.starts_with("consensus/") && !f.path.starts_with("xtask/")) {
        let lines = file.code.lines().enumerate().filter(|(_, line)| line.contains("malachite"));
        problems.extend(lines.map(|(index, _)| format!("{}:{}: names the engine", file.path, index + 1)));
    }
    Findings::new("only consensus names Malachite", problems)
}

pub(crate) fn no_float_decides(house: &House) -> Findings {
    let mut problems = Vec::new();
    for file in PURE.iter().flat_map(|room| house.room_sources(room)) {
        if FLOATS_ALLOWED.iter().any(|(path, _)| *path == file.path) {
            continue;
        }
        let named = ["f32", "f64"].iter().flat_map(|word| file.lines_with(word));
        let literals = file.code.lines().enumerate().filter(|(_, line)| has_float_literal(line));
        let literals = literals.map(|(index, _)| format!("{}:{}", file.path, index + 1));
        problems.extend(named.chain(literals).map(|place| format!("{place}: a float in a room that decides")));
    }
    Findings::new(format!("{}; {} files allowed", PURE.join(", "), FLOATS_ALLOWED.len()), problems)
}

pub(crate) fn ordered_maps_only(house: &House) -> Findings {
    let rule = "iteration order would differ between machines: use BTreeMap or BTreeSet";
    scan(house, PURE, &["HashMap", "HashSet"], rule)
}

pub(crate) fn pure_rooms_share_clippy(house: &House) -> Findings {
    let read = |room: &str| std::fs::read(house.root.join(room).join("clippy.toml")).unwrap_or_default();
    let first = read(PURE[0]);
    let others = PURE.iter().filter(|room| first.is_empty() || read(room) != first);
    let problems = others.map(|room| format!("{room}/clippy.toml is not that of {}", PURE[0])).collect();
    Findings::new(format!("one clippy.toml for {}", PURE.join(", ")), problems)
}

pub(crate) fn pins_are_exact(house: &House) -> Findings {
    let mut problems = Vec::new();
    for member in &house.workspace.members {
        let pinned = |name: &str| PINNED.contains(&name) || name.contains("malachite");
        let loose = member.dependencies.iter().filter(|d| d.kind == "normal" && pinned(&d.name));
        let loose = loose.filter(|d| !d.requirement.starts_with('='));
        problems
            .extend(loose.map(|d| format!("{} asks for {} {}: pin it with `=`", member.folder, d.name, d.requirement)));
    }
    Findings::new(format!("{} crates and the engine", PINNED.len()), problems)
}

/// Each line of the rooms' code that holds one of `words`.
fn scan(house: &House, rooms: &[&str], words: &[&str], rule: &str) -> Findings {
    let mut problems = Vec::new();
    let mut count = 0;
    for file in rooms.iter().flat_map(|room| house.room_sources(room)) {
        count += 1;
        for word in words {
            problems.extend(file.lines_with(word).map(|place| format!("{place}: `{word}`: {rule}")));
        }
    }
    Findings::new(format!("{count} files of {}", rooms.join(", ")), problems)
}

/// `1.5`, but not the `0.1` of `pair.0.1`, a range `0..9` or a method on a number.
fn has_float_literal(line: &str) -> bool {
    let bytes = line.as_bytes();
    (1..bytes.len().saturating_sub(1)).any(|at| {
        if bytes[at] != b'.' || !bytes[at - 1].is_ascii_digit() || !bytes[at + 1].is_ascii_digit() {
            return false;
        }
        let before = bytes[..at].iter().rev().find(|b| !b.is_ascii_digit() && **b != b'_');
        !before.is_some_and(|b| *b == b'.' || b.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_literals_are_told_from_tuple_fields_and_ranges() {
        assert!(has_float_literal("let x = 1.5;"));
        assert!(has_float_literal("f(0.25)"));
        assert!(!has_float_literal("pair.0.1"));
        assert!(!has_float_literal("for i in 0..9"));
        assert!(!has_float_literal("x.0"));
    }

    #[test]
    fn every_room_lists_only_rooms_that_come_before_it() {
        for (index, (room, below)) in ROOMS.iter().enumerate() {
            for name in *below {
                assert!(ROOMS[..index].iter().any(|(other, _)| other == name), "{room} lists {name}");
            }
        }
    }
}
