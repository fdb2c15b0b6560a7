//! `vectors/statement-identities.json`: digests of things that are no files, recomputed. `STANDSTILL_WRITE_VECTORS=1`
//! writes the file anew; outcomes are what the code says, and `.ci/interop/statements.py` computes them with other code.

mod example;

use std::path::PathBuf;

use example::others::{hardware_evidence, tags};
use example::{common, name};
use serde_json::{Value, json};
use standstill_attestations::LogHead;
use standstill_attestations::device::Vendor;
use standstill_attestations::identity::{chip_root, chip_tag, device_nonce};
use standstill_attestations::statement::Subject;
use standstill_protocol::hash::Hash;

fn case(name: &str, input: Value, digest: Option<Hash>) -> Value {
    match digest {
        Some(digest) => json!({
            "name": name, "input": input, "outcome": "ok", "output": { "sha256": digest.to_string() }
        }),
        None => json!({ "name": name, "input": input, "outcome": "NotAscending" }),
    }
}

fn subjects(chain_id: &Hash) -> Vec<Value> {
    let member = name("lab-a");
    let subjects = [
        ("a member", Subject::member(chain_id, &member)),
        ("a site", Subject::site(chain_id, &member, &name("dc-1"))),
        ("a run", Subject::run(chain_id, &member, &name("aurora-3"))),
        ("a run at a site", Subject::run_at(chain_id, &member, &name("dc-1"), &name("aurora-3"))),
        ("a log", Subject::log(chain_id, &member, &name("dc-1-power"))),
    ];
    let cases = subjects.map(|(title, subject)| {
        case(title, json!({ "subject": subject.name, "chainId": chain_id.to_string() }), Some(subject.sha256))
    });
    cases.to_vec()
}

fn chips(chain_id: &Hash) -> Vec<Value> {
    let devices = [
        ("a GPU", Vendor::NvidiaSpdm),
        ("the same device of another vendor", Vendor::IntelTdx),
        ("a processor", Vendor::AmdSevSnp),
    ];
    let device = Hash::sha256(b"a device's key");
    let tag = |(title, vendor): (&str, Vendor)| {
        let input = json!({
            "chainId": chain_id.to_string(), "vendor": vendor.as_str(), "device": device.to_string(),
        });
        case(title, input, Some(chip_tag(chain_id, vendor, &device)))
    };
    let mut cases = devices.map(tag).to_vec();
    let list = |title: &str, tags: &[Hash]| {
        case(title, json!({ "tags": tags.iter().map(Hash::to_string).collect::<Vec<_>>() }), chip_root(tags))
    };
    let mut unsorted = tags(3);
    unsorted.swap(0, 1);
    cases.extend([
        list("a list of no chips", &[]),
        list("a list of one chip", &tags(1)),
        list("a list of seven chips", &tags(7)),
        list("a list out of order", &unsorted),
        list("a chip listed twice", &[tags(1)[0], tags(1)[0]]),
    ]);
    cases
}

fn nonces(chain_id: &Hash) -> Vec<Value> {
    let member = name("lab-a");
    let run_at = |site: &str| Subject::run_at(chain_id, &member, &name(site), &name("aurora-3"));
    let subjects = [
        ("a nonce for a run at a site", run_at("dc-1"), 4096),
        ("a nonce for the run at another site", run_at("dc-2"), 4096),
        ("a nonce for a site", Subject::site(chain_id, &member, &name("dc-1")), 4096),
        ("a nonce for a later head", Subject::site(chain_id, &member, &name("dc-1")), 4097),
    ];
    let nonce = |(title, subject, size): (&str, Subject, u64)| {
        let head = LogHead { size, root: Hash::sha256(b"head") };
        let input = json!({
            "chainId": chain_id.to_string(), "logSize": size.to_string(), "logRoot": head.root.to_string(),
            "nonceSubject": subject.sha256.to_string(),
        });
        case(title, input, Some(device_nonce(chain_id, &head, &subject.sha256)))
    };
    subjects.map(nonce).to_vec()
}

#[test]
fn the_published_digests_are_what_the_code_makes() {
    let chain_id = common().chain_id;
    let cases = [subjects(&chain_id), chips(&chain_id), nonces(&chain_id)].concat();
    let vectors = json!({
        "format": "standstill-vectors/1",
        "kind": "statement-identities",
        "about": "Digests of members, sites, runs, logs and chips, and the nonce of a device's report",
        "cases": cases,
    });
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors/statement-identities.json"));
    let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
    if std::env::var_os("STANDSTILL_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

/// The example of the crate that verifies reports.
#[test]
fn a_nonce_is_the_one_that_reports_are_verified_with() {
    let head = LogHead { size: 7, root: Hash::from_bytes([2; 32]) };
    let nonce = device_nonce(&Hash::from_bytes([1; 32]), &head, &Hash::from_bytes([3; 32]));
    assert_eq!(nonce.to_string(), "00a651f84a26229126daadc33c325b11bef505e3743aebc59335a896979b348b");
}

#[test]
fn evidence_of_a_run_and_of_its_site_ask_for_other_nonces() {
    let mut evidence = hardware_evidence();
    let of_run = evidence.nonce(&common());
    evidence.site = name("dc-2");
    assert_ne!(evidence.nonce(&common()), of_run, "one report stands for two sites");
    evidence.run = None;
    assert_ne!(evidence.nonce(&common()), of_run);
    let mut elsewhere = common();
    elsewhere.chain_id = Hash::ZERO;
    assert_ne!(hardware_evidence().nonce(&elsewhere), of_run);
    elsewhere = common();
    elsewhere.member = name("lab-b");
    assert_ne!(hardware_evidence().nonce(&elsewhere), of_run);
}
