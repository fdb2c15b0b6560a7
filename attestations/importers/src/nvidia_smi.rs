//! `nvidia-smi -q -x`: one moment of the chips of one machine, in XML.
//!
//! ```text
//! <!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
//! <nvidia_smi_log>
//!   <timestamp>Fri Aug  4 11:44:30 2023</timestamp> <driver_version>535.54.03</driver_version> <attached_gpus>4</attached_gpus>
//!   <gpu id="00000000:01:00.0">
//!     <product_name>NVIDIA A100-SXM4-80GB</product_name> <serial>3000000000003</serial> <uuid>GPU-0000…</uuid>
//!     <gpu_power_readings> <power_draw>72.25 W</power_draw> … </gpu_power_readings>
//! ```
//!
//! It lists chips with their serial numbers, which is what a `chip-inventory` is made from. Its power is that of one
//! moment and it has no energy counter, so it says nothing about the energy of a run. Versions of the document differ in
//! where power stands: `power_readings` in 10 and 11, `gpu_power_readings` in 12, with `instant_power_draw` in 13.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;
use standstill_attestations::claim::{EvidenceRole, Maybe};

use crate::chips::{self, ListedChip};
use crate::contribution::Contribution;
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Note, Options, evidence};
use crate::source::{Document, Source};

/// The name in evidence.
pub const FORMAT: &str = "nvidia-smi-xml";
/// Versions of the document that this importer has been tried on.
const VERSIONS: [&str; 4] =
    ["nvsmi_device_v10.dtd", "nvsmi_device_v11.dtd", "nvsmi_device_v12.dtd", "nvsmi_device_v13.dtd"];
/// Elements within one another, at most.
const MAX_DEPTH: usize = 32;
/// Chips of one machine, at most.
const MAX_CHIPS: usize = 4_096;
/// Bytes of one text that is taken, at most.
const MAX_TEXT: usize = 512;

/// What is taken: of the document, and of each chip.
const OF_DOCUMENT: [&str; 3] = ["timestamp", "driver_version", "attached_gpus"];
const OF_CHIP: [&str; 7] = [
    "product_name",
    "serial",
    "uuid",
    "mig_mode/current_mig",
    "power_readings/power_draw",
    "gpu_power_readings/power_draw",
    "gpu_power_readings/instant_power_draw",
];

/// Whether it is such a document.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    let text = head.text().trim_start();
    text.starts_with('<') && (text.contains("<!DOCTYPE nvidia_smi_log") || text.contains("<nvidia_smi_log>"))
}

type Fields = BTreeMap<&'static str, String>;

#[derive(Debug, Default)]
struct Snapshot {
    fields: Fields,
    chips: Vec<Fields>,
}

/// Chips of one model, as hardware; their power at that moment is left.
pub(crate) fn contribution(sources: &[Source<'_>], _: &Options) -> Result<Imported<Contribution>, ImportError> {
    let imported = chips(sources)?;
    let file = sources.first().map_or("", |source| source.name());
    let (mut took, mut left) = (imported.took, imported.left);
    took.retain(|note| note.field != "gpu");
    let hardware = chips::hardware(file, "product_name", &imported.facts, (&mut took, &mut left));
    let facts = Contribution { hardware, ..Contribution::default() };
    Ok(Imported { facts, evidence: imported.evidence, took, left })
}

/// The chips that snapshots of machines list, each once.
pub fn chips(sources: &[Source<'_>]) -> Result<Imported<Vec<ListedChip>>, ImportError> {
    let (mut listed, mut files, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for source in sources {
        let document = source.load()?;
        let snapshot = read(&document)?;
        for fields in &snapshot.chips {
            listed.push(listed_chip(document.name(), fields)?);
            left.extend(power_note(document.name(), &snapshot.fields, fields));
        }
        left.extend(count_note(document.name(), &snapshot));
        let version = match snapshot.fields.get("driver_version").filter(|version| *version != "N/A") {
            Some(version) => Maybe::Known(version.clone()),
            None => Maybe::Unknown("the document names no driver version".to_owned()),
        };
        let role = EvidenceRole::Other;
        let taken = ["product_name", "serial", "uuid"];
        files.push(evidence(document.digest(), (role, FORMAT), ("nvidia-smi", version), &taken));
    }
    let facts = chips::merged(listed);
    let file = sources.first().map_or("", |source| source.name());
    let took = vec![Note::new(file, "gpu", format!("{} chips", facts.len()))];
    Ok(Imported { facts, evidence: files, took, left })
}

/// A text that the driver knows: not `N/A`, and no serial of zeros, which is what hidden serials look like.
fn known<'f>(fields: &'f Fields, name: &str) -> Option<&'f String> {
    let text = fields.get(name)?;
    let hidden = text.bytes().all(|byte| byte == b'0') || text == "N/A" || text.starts_with("Requested functionality");
    (!hidden).then_some(text)
}

fn listed_chip(file: &str, fields: &Fields) -> Result<ListedChip, ImportError> {
    let id = known(fields, "uuid");
    let id = id.ok_or_else(|| ImportError::Missing { file: file.to_owned(), field: "gpu.uuid".to_owned() })?;
    let (serial, model) = (known(fields, "serial").cloned(), known(fields, "product_name").cloned());
    Ok(ListedChip { id: id.clone(), serial, model })
}

fn power_note(file: &str, document: &Fields, fields: &Fields) -> Option<Note> {
    let (id, when) = (known(fields, "uuid")?, document.get("timestamp").map_or("a time not stated", String::as_str));
    let draw = OF_CHIP.iter().filter(|name| name.ends_with("_draw")).find_map(|name| known(fields, name));
    let slices = known(fields, "mig_mode/current_mig").filter(|mode| *mode == "Enabled");
    let slices = if slices.is_some() { ", divided into instances" } else { "" };
    let text = match draw {
        Some(draw) => format!("{id}: {draw} at {when}{slices}: one moment is no energy"),
        None => format!("{id}: not readable{slices}"),
    };
    Some(Note::new(file, "power_draw", text))
}

/// A document of some of a machine's chips says how many there are in all.
fn count_note(file: &str, snapshot: &Snapshot) -> Option<Note> {
    let attached: usize = snapshot.fields.get("attached_gpus")?.parse().ok()?;
    let listed = snapshot.chips.len();
    let text = format!("{attached}, and {listed} are listed: the others are not in this file");
    (attached != listed).then(|| Note::new(file, "attached_gpus", text))
}

fn read(document: &Document<'_>) -> Result<Snapshot, ImportError> {
    let mut walk = Walk::new(document.name());
    let mut reader = Reader::from_str(document.text()?);
    reader.config_mut().trim_text(true);
    loop {
        let offset = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|_| walk.malformed(offset, "well-formed XML"))?;
        match event {
            Event::DocType(text) => walk.version(&text)?,
            Event::Start(start) => walk.open(offset, start.name().as_ref())?,
            Event::End(_) => walk.close()?,
            Event::Text(text) => walk.text(offset, &text)?,
            Event::GeneralRef(name) => walk.text(offset, entity(&name).unwrap_or("?"))?,
            Event::CData(_) => return Err(walk.malformed(offset, "text as nvidia-smi writes it")),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return walk.finish(offset),
        }
    }
}

/// The entities that XML itself has; a document with others is not one of nvidia-smi.
fn entity(name: &str) -> Option<&'static str> {
    [("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'")]
        .iter()
        .find_map(|(known, text)| (*known == name).then_some(*text))
}

/// Where the reader stands, and what it has taken.
struct Walk<'a> {
    file: &'a str,
    path: Vec<String>,
    snapshot: Snapshot,
    version_seen: bool,
    ended: bool,
    /// Nothing of the innermost element's text was taken yet: an entity splits a text in three.
    fresh: bool,
}

impl<'a> Walk<'a> {
    fn new(file: &'a str) -> Self {
        Walk { file, path: Vec::new(), snapshot: Snapshot::default(), version_seen: false, ended: false, fresh: true }
    }

    fn malformed(&self, offset: usize, expected: &'static str) -> ImportError {
        ImportError::Malformed { file: self.file.to_owned(), offset, expected }
    }

    fn version(&mut self, doctype: &str) -> Result<(), ImportError> {
        let found = doctype.split('"').nth(1).unwrap_or(doctype);
        if !VERSIONS.contains(&found) {
            let (file, found) = (self.file.to_owned(), found.chars().take(60).collect());
            return Err(ImportError::Version { file, found, expected: "`nvsmi_device_v10.dtd` to `v13`" });
        }
        self.version_seen = true;
        Ok(())
    }

    fn open(&mut self, offset: usize, name: &str) -> Result<(), ImportError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(ImportError::TooDeep { file: self.file.to_owned(), offset, limit: MAX_DEPTH });
        }
        if self.path.is_empty() && (name != "nvidia_smi_log" || self.ended) {
            return Err(self.malformed(offset, "one element `nvidia_smi_log`"));
        }
        self.path.push(name.to_owned());
        self.fresh = true;
        if self.path.len() == 2 && name == "gpu" {
            if self.snapshot.chips.len() >= MAX_CHIPS {
                return Err(self.malformed(offset, "no more chips than a machine can have"));
            }
            self.snapshot.chips.push(Fields::new());
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), ImportError> {
        self.path.pop();
        self.ended |= self.path.is_empty();
        Ok(())
    }

    fn text(&mut self, offset: usize, text: &str) -> Result<(), ImportError> {
        let Some(inner) = self.path.get(1..) else {
            return Err(self.malformed(offset, "no text outside `nvidia_smi_log`"));
        };
        let taken = |names: &[&'static str], path: &str| names.iter().find(|name| **name == path).copied();
        let target = match inner.split_first() {
            Some((gpu, rest)) if gpu == "gpu" => taken(&OF_CHIP, &rest.join("/")).zip(self.snapshot.chips.last_mut()),
            Some((name, [])) => taken(&OF_DOCUMENT, name).map(|name| (name, &mut self.snapshot.fields)),
            _ => None,
        };
        let Some((name, fields)) = target else { return Ok(()) };
        if text.len() > MAX_TEXT {
            let field = name.to_owned();
            return Err(ImportError::BadText {
                file: self.file.to_owned(),
                field,
                reason: "longer than any driver writes",
            });
        }
        if fields.contains_key(name) && self.fresh {
            return Err(ImportError::Repeated { file: self.file.to_owned(), field: name.to_owned() });
        }
        fields.entry(name).or_default().push_str(text);
        self.fresh = false;
        Ok(())
    }

    fn finish(self, offset: usize) -> Result<Snapshot, ImportError> {
        if !self.ended || !self.path.is_empty() {
            return Err(self.malformed(offset, "the end of `nvidia_smi_log`"));
        }
        if !self.version_seen {
            let (file, found) = (self.file.to_owned(), "none".to_owned());
            return Err(ImportError::Version { file, found, expected: "`nvsmi_device_v10.dtd` to `v13`" });
        }
        Ok(self.snapshot)
    }
}
