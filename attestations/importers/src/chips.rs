//! Chips as meters list them, and the ids that the chip table has for their models.

use std::collections::BTreeMap;

use crate::contribution::HardwareFacts;
use crate::import::Note;

/// A chip as a tool lists it: for a `chip-inventory`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedChip {
    /// The driver's id, such as `GPU-20c56d28-0da5-6d26-a36a-e7af1ce2586e`; without one, the host and the place in it.
    pub id: String,
    /// The board's serial number, where the tool gives one.
    pub serial: Option<String>,
    /// The model as the tool names it, such as `Tesla T4`.
    pub model: Option<String>,
}

/// What drivers call the models of the chip table. A model that the table has twice is told by its form factor.
const MODELS: [(&str, &str); 15] = [
    ("NVIDIA A100-SXM4-80GB", "a100-sxm-80gb"),
    ("A100-SXM4-80GB", "a100-sxm-80gb"),
    ("NVIDIA A100-SXM-80GB", "a100-sxm-80gb"),
    ("NVIDIA H100 80GB HBM3", "h100-sxm"),
    ("NVIDIA H100 SXM", "h100-sxm"),
    ("NVIDIA H100 PCIe", "h100-pcie"),
    ("NVIDIA H200", "h200-sxm"),
    ("NVIDIA H200 SXM", "h200-sxm"),
    ("NVIDIA H20", "h20"),
    ("NVIDIA B200", "b200"),
    ("NVIDIA GB200", "gb200"),
    ("AMD Instinct MI300X", "mi300x"),
    ("AMD Instinct MI300X OAM", "mi300x"),
    ("AMD Instinct MI355X", "mi355x"),
    ("HL-325L", "gaudi3"),
];

/// The chip table's id for a model as its driver names it.
pub fn accelerator_id(model: &str) -> Option<&'static str> {
    MODELS.iter().find(|(name, _)| *name == model).map(|(_, id)| *id)
}

impl ListedChip {
    /// The chip table's id of its model, where it is known.
    pub fn accelerator_id(&self) -> Option<&'static str> {
        self.model.as_deref().and_then(accelerator_id)
    }
}

/// Chips in ascending order, each once; what a later file adds about a chip is kept.
pub(crate) fn merged(chips: impl IntoIterator<Item = ListedChip>) -> Vec<ListedChip> {
    let mut merged: BTreeMap<String, ListedChip> = BTreeMap::new();
    for chip in chips {
        match merged.get_mut(&chip.id) {
            Some(known) => {
                known.serial = known.serial.take().or(chip.serial);
                known.model = known.model.take().or(chip.model);
            }
            None => {
                merged.insert(chip.id.clone(), chip);
            }
        }
    }
    merged.into_values().collect()
}

/// How many of one model; chips of several models are left, since a report holds one.
pub(crate) fn hardware(
    file: &str,
    field: &str,
    chips: &[ListedChip],
    (took, left): (&mut Vec<Note>, &mut Vec<Note>),
) -> Option<HardwareFacts> {
    let mut models: BTreeMap<&str, u64> = BTreeMap::new();
    for chip in chips {
        *models.entry(chip.model.as_deref().unwrap_or("a model that is not named")).or_default() += 1;
    }
    let described: Vec<String> = models.iter().map(|(model, count)| format!("{count} x {model}")).collect();
    let mut listed = models.into_iter();
    let (Some((model, count)), None) = (listed.next(), listed.next()) else {
        if !described.is_empty() {
            let text = format!("{}: a report holds one model; import the files of each apart", described.join(", "));
            left.push(Note::new(file, field, text));
        }
        return None;
    };
    let id = accelerator_id(model);
    let named = id.map_or_else(|| "not in the chip table".to_owned(), |id| format!("`{id}` in the chip table"));
    took.push(Note::new(file, field, format!("{count} x {model}, {named}")));
    let stated = chips.iter().find_map(|chip| chip.model.clone());
    let accelerator = id.map(str::to_owned).or(stated);
    Some(HardwareFacts { accelerator, chips: Some(count), ..HardwareFacts::default() })
}
