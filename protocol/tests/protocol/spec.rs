//! The examples in `spec/` are vectors: a page that shows other bytes than the code makes is refused here.

use std::path::Path;

use standstill_protocol::hash::Domain;
use standstill_protocol::json::{self, Object, Value};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A case of `vectors/`, by the file's kind and the case's name.
fn case(kind: &str, name: &str) -> Object {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../vectors/{kind}.json"));
    let file = json::parse(&std::fs::read(path).unwrap(), 1 << 24).unwrap();
    let cases = file.as_object().and_then(|file| file.member("cases")?.as_array()).unwrap();
    let mut cases = cases.iter().filter_map(Value::as_object);
    cases.find(|case| case.member("name").and_then(Value::as_str) == Some(name)).unwrap().clone()
}

/// Every text in a value, however deep.
fn texts<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(elements) => elements.iter().for_each(|element| texts(element, found)),
        Value::Object(object) => object.iter().for_each(|(_, member)| texts(member, found)),
        _ => {}
    }
}

#[test]
fn examples_of_the_pages_are_vectors() {
    let shown = [
        ("10-hashes-and-keys.md", "ed25519", "a good signature", &["input", "output"][..]),
        ("30-log.md", "inclusion", "leaf 2 of 5", &["input"]),
        ("30-log.md", "consistency", "3 to 5", &["input"]),
        ("50-block-and-certificate.md", "headers", "a header", &["input"]),
        ("55-notes-checkpoints-receipts.md", "tlog-proofs", "all four cosigned", &["input"]),
    ];
    for (file, kind, name, members) in shown {
        let page: String = page(file).split_whitespace().collect();
        let case = case(kind, name);
        for member in members {
            let mut found = Vec::new();
            texts(case.member(member).unwrap(), &mut found);
            for text in found.iter().filter(|text| text.len() > 8) {
                let text: String = text.split_whitespace().collect();
                assert!(page.contains(&text), "spec/{file} does not show `{text}` of {kind}: {name}");
            }
        }
    }
    let envelope = case("envelopes", "one signature");
    let text = envelope.member("input").and_then(Value::as_object).and_then(|input| input.member("text")).unwrap();
    assert!(page("40-envelope.md").contains(text.as_str().unwrap()));
}

#[test]
fn the_page_on_hashes_names_every_domain() {
    let page = page("10-hashes-and-keys.md");
    let domains = [
        Domain::Treaty,
        Domain::ChainId,
        Domain::Header,
        Domain::Certificate,
        Domain::ValidatorSet,
        Domain::KeyId,
        Domain::StateKey,
        Domain::StateLeaf,
        Domain::StateNode,
        Domain::StateEmpty,
        Domain::Parameters,
        Domain::Findings,
        Domain::BundleFrame,
        Domain::KeyProof,
        Domain::Sample,
        Domain::HardwareNonce,
        Domain::MeteredChip,
        Domain::Subject,
        Domain::ChipTag,
    ];
    let mut tags: Vec<&str> = domains.iter().map(|domain| domain.tag()).collect();
    for tag in &tags {
        let last = tag.rsplit('/').next().unwrap();
        assert!(page.contains(&format!("{last}`")), "{tag}");
    }
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), domains.len(), "no two purposes share a tag");
}
