//! Statements that no tool writes: from a draft of one's own, in TOML or JSON, and a few flags.
//!
//! ```toml
//! site = "dc-1"
//! category = "weights-security"
//! startedAtUnknown = "the logs of that week are lost"    # startedAt becomes null
//! flop = { lower = "8e25", upper = "1.2e26" }            # digits, or an exponent
//! evidence = [{ role = "record", file = "minutes.pdf" }] # its digest and size are taken
//! ```
//!
//! The names are those of the statement's own JSON, so what is written is read by the same strict reader as a signed
//! statement, and refused with the same names. Added is only what has one meaning: `null` for what may be missing, empty
//! lists, `basis = "declared"`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use standstill_attestations::identity::chip_root;
use standstill_attestations::{Common, Kind, Statement, Subject};
use standstill_protocol::hash::Hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::Flop;

use super::content::Content;
use super::files::digest;
use crate::cli::{Failure, read_file};

/// Bytes of a draft, at most.
const MAX_DRAFT_BYTES: u64 = 1 << 18;
/// Bytes of a list of chips' tags, at most.
const MAX_TAGS_BYTES: u64 = 64 << 20;
/// Counts that a statement holds as decimal text.
const DECIMAL: &[&str] = &["lower", "upper", "count", "seen", "of", "size"];

/// The commented example of a kind; `None` where flags and files alone make it.
pub(super) fn template(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::RunPlan => Some(include_str!("templates/run-plan.toml")),
        Kind::ChipInventory => Some(include_str!("templates/chip-inventory.toml")),
        Kind::Inspection => Some(include_str!("templates/inspection.toml")),
        Kind::Incident => Some(include_str!("templates/incident.toml")),
        Kind::Countersignature => Some(include_str!("templates/countersignature.toml")),
        _ => None,
    }
}

/// Members that a draft may leave out, and what their absence means.
fn absent(kind: Kind) -> Value {
    match kind {
        Kind::RunPlan => json!({ "runStage": "pre-training", "countingRule": "model-flop", "baseModels": [],
            "amends": null, "basis": "declared", "evidence": [] }),
        Kind::ChipInventory => {
            json!({ "ids": null, "idsUnknown": "the list of chips was not made", "basis": "declared",
            "evidence": [] })
        }
        Kind::Inspection => json!({ "examined": [], "findings": [], "evidence": [] }),
        Kind::Incident => {
            json!({ "site": null, "startedAt": null, "startedAtUnknown": "not known yet", "endedAt": null,
            "endedAtUnknown": "not known yet", "measures": null, "runs": [], "models": [], "evidence": [] })
        }
        Kind::Countersignature => json!({ "remark": null, "evidence": [] }),
        _ => json!({}),
    }
}

/// The same for the rows of a list, by the list's name.
fn absent_in(kind: Kind, list: &str) -> Value {
    match list {
        "chips" if kind == Kind::ChipInventory => json!({ "ownership": "owned", "counterparty": null }),
        "figures" => json!({ "item": null }),
        "inspected" => json!({ "site": null }),
        "lookedAt" => json!({ "of": null, "ofUnknown": "not counted" }),
        "models" => json!({ "sha256": null, "sha256Unknown": "not stated by the reporter" }),
        "baseModels" => {
            json!({ "usedFor": "initial-weights", "flop": null, "flopUnknown": "not stated by the reporter" })
        }
        _ => json!({}),
    }
}

/// A statement from a draft of one's own and flags.
pub(super) fn draft(content: &Content, common: Common) -> Result<Statement, Failure> {
    let kind = content.kind()?;
    let mut predicate = match &content.file {
        Some(path) => read(path)?,
        None => Map::new(),
    };
    let folder = content.file.as_deref().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    for (name, value) in flags(content, kind)? {
        predicate.insert(name, value);
    }
    if predicate.is_empty() {
        return Err(Failure::usage(format!("nothing says what the `{kind}` statement is to hold")).hint(format!(
            "`standstill attest new {kind} --template > draft.toml`, fill it in, then `-f draft.toml`"
        )));
    }
    complete(&mut predicate, absent(kind));
    let folder = Folder { path: folder, kind, groups: groups(kind, &predicate) };
    let mut predicate = Value::Object(predicate);
    folder.fill(&mut predicate, "")?;
    assemble(kind, &common, predicate)
}

/// Puts the common members around a predicate, and reads the whole as anybody will.
pub(super) fn assemble(kind: Kind, common: &Common, mut predicate: Value) -> Result<Statement, Failure> {
    let subject = subject(kind, common, &predicate);
    if let Value::Object(members) = &mut predicate {
        members.insert("chainId".to_owned(), json!(common.chain_id));
        members.insert("member".to_owned(), json!(common.member));
        members.insert("sequence".to_owned(), json!(common.sequence));
        members.insert("issuedAt".to_owned(), json!(common.issued_at.to_string()));
        if let Some(corrects) = &common.corrects {
            let correction = json!({ "statement": corrects.statement, "reason": corrects.reason });
            members.insert("corrects".to_owned(), correction);
        }
    }
    let statement = json!({ "_type": standstill_attestations::statement::STATEMENT_TYPE,
        "subject": [{ "name": subject.name, "digest": { "sha256": subject.sha256 } }],
        "predicateType": kind.predicate_type(), "predicate": predicate });
    Ok(Statement::parse(&serde_json::to_vec(&statement).unwrap_or_default())?)
}

/// The one subject that follows from what the statement says. A name that is none is refused when the statement is read.
fn subject(kind: Kind, common: &Common, predicate: &Value) -> Subject {
    let name = |path: &str| predicate.pointer(path).and_then(Value::as_str).and_then(|text| text.parse::<Name>().ok());
    let (chain, member) = (&common.chain_id, &common.member);
    let inspected = name("/inspected/member").unwrap_or_else(|| member.clone());
    let (of, site) = match kind {
        Kind::Inspection => (&inspected, name("/inspected/site")),
        _ => (member, name("/site")),
    };
    match (kind, name("/run"), site) {
        (Kind::RunPlan, Some(run), _) => Subject::run(chain, member, &run),
        (Kind::TelemetryLog, _, _) => match name("/log") {
            Some(log) => Subject::log(chain, member, &log),
            None => Subject::member(chain, member),
        },
        (_, _, Some(site)) => Subject::site(chain, of, &site),
        _ => Subject::member(chain, of),
    }
}

/// What flags say, by the names of the predicate.
fn flags(content: &Content, kind: Kind) -> Result<Map<String, Value>, Failure> {
    let mut found = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            found.insert(name.to_owned(), value);
        }
    };
    let (site, training) = (content.site.as_ref(), &content.training);
    let accelerator = training.accelerator.as_ref().zip(training.chips);
    let chips =
        accelerator.map(|(accelerator, count)| json!([{ "accelerator": accelerator, "count": count.to_string() }]));
    match kind {
        Kind::RunPlan => {
            put("run", content.run.as_ref().map(|run| json!(run)));
            put("sites", site.map(|site| json!([site])));
            put("runStage", (content.stage != "pre-training").then(|| json!(content.stage)));
            let planned = content.window();
            put("planned", planned.map(|w| json!({ "start": w.start.to_string(), "end": w.end.to_string() })));
            let flop = training.flop;
            put("flop", flop.map(|f| json!({ "lower": f.lower.to_string(), "upper": f.upper.to_string() })));
            put("chips", chips);
            put("purpose", training.purpose.as_ref().map(|purpose| json!(purpose)));
            put("amends", training.amends.map(|plan| json!(plan)));
            let models = content.base_models()?;
            put("baseModels", (!models.is_empty()).then(|| models.iter().map(base_model).collect()));
        }
        Kind::ChipInventory => {
            put("site", site.map(|site| json!(site)));
            put("asOf", content.start.map(|time| json!(time.to_string())));
            put("chips", chips);
        }
        _ => put("site", site.filter(|_| kind == Kind::Incident).map(|site| json!(site))),
    }
    Ok(found)
}

fn base_model(model: &standstill_attestations::training::BaseModel) -> Value {
    let flop = model.flop.known().map(|f| json!({ "lower": f.lower.to_string(), "upper": f.upper.to_string() }));
    let mut value =
        json!({ "name": model.name, "sha256": model.sha256, "usedFor": model.used_for.as_str(), "flop": flop });
    if let (Some(reason), Value::Object(members)) = (model.flop.reason(), &mut value) {
        members.insert("flopUnknown".to_owned(), json!(reason));
    }
    value
}

/// Groups of figures that files of a draft back, unless it says otherwise.
fn groups(kind: Kind, predicate: &Map<String, Value>) -> Value {
    let observes = |name: &str| predicate.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    match kind {
        Kind::RunPlan => json!(["chips", "flop"]),
        Kind::ChipInventory if predicate.get("ids").is_some_and(Value::is_object) => json!(["chips", "ids"]),
        Kind::ChipInventory => json!(["chips"]),
        Kind::Inspection if observes("examined") => json!(["figures"]),
        Kind::Countersignature => json!(["figures"]),
        _ => json!([]),
    }
}

/// Adds the members that are missing. A reason without its value gets its `null`, a value without a reason keeps none.
fn complete(members: &mut Map<String, Value>, defaults: Value) {
    let Value::Object(defaults) = defaults else { return };
    let reasons: Vec<_> = members.keys().filter_map(|name| name.strip_suffix("Unknown").map(str::to_owned)).collect();
    for name in reasons {
        members.entry(name).or_insert(Value::Null);
    }
    for (name, value) in &defaults {
        let of = name.strip_suffix("Unknown");
        if of.is_some_and(|of| members.get(of).is_some_and(|value| !value.is_null())) {
            continue;
        }
        if of.is_none() || !members.contains_key(name) {
            members.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// Where files that a draft names are looked for, and what they back.
struct Folder {
    path: PathBuf,
    kind: Kind,
    groups: Value,
}

impl Folder {
    /// Fills in, from the outside inward. `within` is the name of the member that holds the value.
    fn fill(&self, value: &mut Value, within: &str) -> Result<(), Failure> {
        match value {
            Value::Array(rows) => rows.iter_mut().try_for_each(|row| self.fill(row, within)),
            Value::Object(members) => {
                match within {
                    "evidence" => self.evidence(members)?,
                    "ids" => self.tags(members)?,
                    _ => complete(members, absent_in(self.kind, within)),
                }
                self.members(members)
            }
            _ => Ok(()),
        }
    }

    fn members(&self, members: &mut Map<String, Value>) -> Result<(), Failure> {
        for (name, value) in members.iter_mut() {
            if DECIMAL.contains(&name.as_str()) {
                decimal(value);
            }
            self.fill(value, name)?;
        }
        Ok(())
    }

    /// `file` becomes digest and size.
    fn evidence(&self, members: &mut Map<String, Value>) -> Result<(), Failure> {
        if let Some(file) = members.remove("file").as_ref().and_then(Value::as_str) {
            let path = self.path.join(file);
            let (sha256, size) = digest(&path)?;
            let format = path.extension().map_or("file".to_owned(), |end| end.to_string_lossy().into_owned());
            complete(
                members,
                json!({ "role": "record", "tool": "by hand", "format": format, "sha256": sha256,
                "sizeBytes": size, "importedFields": ["whole file"] }),
            );
        }
        let version = json!({ "toolVersion": null, "toolVersionUnknown": "not stated by the reporter" });
        complete(members, version);
        complete(members, json!({ "backs": self.groups }));
        Ok(())
    }

    /// `file`, a tag a line in ascending order, becomes size and root.
    fn tags(&self, members: &mut Map<String, Value>) -> Result<(), Failure> {
        let Some(file) = members.remove("file").as_ref().and_then(Value::as_str).map(str::to_owned) else {
            return Ok(());
        };
        let bytes = read_file(&self.path.join(&file), MAX_TAGS_BYTES)?;
        let text = String::from_utf8_lossy(&bytes);
        let tag = |(line, text): (usize, &str)| {
            let bad = |_| Failure::usage(format!("`{file}`, line {}: not a tag of 64 hex digits", line + 1));
            text.parse::<Hash>().map_err(bad)
        };
        let tags = text.lines().enumerate().map(tag).collect::<Result<Vec<_>, _>>()?;
        let root = chip_root(&tags).ok_or_else(|| {
            Failure::usage(format!("`{file}`: the tags are not in ascending order, or one stands twice"))
                .hint("`LC_ALL=C sort -u` puts them in order")
        })?;
        members.insert("size".to_owned(), json!(tags.len().to_string()));
        members.insert("root".to_owned(), json!(root));
        Ok(())
    }
}

/// `512`, `"8e25"`: as the digits that a statement holds. Anything else stays, and is refused by name.
fn decimal(value: &mut Value) {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return,
    };
    if let Ok(number) = text.parse::<Flop>() {
        *value = json!(number.to_string());
    } else if value.is_number() {
        *value = json!(text);
    }
}

/// A draft's members: JSON where it begins as JSON does, else TOML.
fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let bytes = read_file(path, MAX_DRAFT_BYTES)?;
    let bad = |reason: String| Failure::usage(format!("`{}`: {reason}", path.display()));
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("not text".to_owned()))?;
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| bad(error.to_string()));
    }
    let table: toml::Table = toml::from_str(text).map_err(|error| bad(error.message().to_owned()))?;
    let members = table.into_iter().map(|(name, value)| Ok((name.clone(), plain(&name, value)?)));
    members.collect::<Result<_, String>>().map_err(bad)
}

/// TOML as JSON: times become text, fractions are refused.
fn plain(name: &str, value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Boolean(is) => json!(is),
        toml::Value::Datetime(time) => json!(time.to_string()),
        toml::Value::Float(number) => {
            return Err(format!("`{name}` is a fraction ({number}): write large numbers in quotes, such as \"8e25\""));
        }
        toml::Value::Array(rows) => rows.into_iter().map(|row| plain(name, row)).collect::<Result<_, _>>()?,
        toml::Value::Table(table) => {
            let members = table.into_iter().map(|(name, value)| Ok((name.clone(), plain(&name, value)?)));
            Value::Object(members.collect::<Result<_, String>>()?)
        }
    })
}
