//! W&B `wandb-summary.json`: the last value that a run logged under each name.
//!
//! ```text
//! {"train/global_step": 1218, "train/total_flos": 5.6e16, "_timestamp": 1701429997.8, "_runtime": 13153.06, "_step": 1218,
//!  "_wandb": {"runtime": 13217}}
//! ```
//!
//! `_runtime` leaves out the time between a run's end and its resumption, so it makes no session. A run that was never
//! synchronised has its summary in `run-….wandb` alone, which is not read.

use standstill_attestations::claim::{EvidenceRole, Maybe};

use super::{Counts, counted, leave_others};
use crate::contribution::Contribution;
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Options, count, evidence};
use crate::notes::Notes;
use crate::source::Source;

/// The name in evidence.
pub const FORMAT: &str = "wandb-summary";

const FIELDS: [&str; 2] = ["num_input_tokens_seen", "total_flos"];

/// Whether it is a summary.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    head.has(&["_wandb"]) || head.has(&["_runtime", "_timestamp", "_step"])
}

/// One run's summary.
pub(crate) fn contribution(sources: &[Source<'_>], _: &Options) -> Result<Imported<Contribution>, ImportError> {
    let [source] = sources else { return Err(count(sources.len(), "one run's summary")) };
    let document = source.load()?;
    let members = document.json()?.object()?;
    let mut notes = Notes::new(source.name());
    let mut counts = Counts::default();
    let mut names = Vec::new();
    for (name, node) in members.iter().filter(|(_, node)| !node.is_null()) {
        names.push(name.to_owned());
        if counted(name).is_some() {
            node.whole()?;
            // A name with `train/` and one without may stand side by side: the same count.
            counts.take(source.name(), name, node.raw(), false)?;
        }
    }
    let facts = counts.contribution(&mut notes);
    leave_others(names.iter().map(String::as_str).filter(|name| !name.starts_with('_')), &mut notes);
    notes.leave("_runtime", "without the gaps between resumptions: sessions come from the scheduler");
    let version = Maybe::Unknown("the summary does not hold it".to_owned());
    let file = evidence(document.digest(), (EvidenceRole::TrainingLog, FORMAT), ("wandb", version), &FIELDS);
    Ok(Imported { facts, evidence: vec![file], took: notes.took, left: notes.left })
}
