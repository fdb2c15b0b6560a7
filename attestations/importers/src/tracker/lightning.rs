//! PyTorch Lightning's `metrics.csv` (`CSVLogger`): a row for each logged step, a column for each metric.
//!
//! ```text
//! epoch,num_input_tokens_seen,step,total_flos,train_loss,val_loss
//! 0,16.0,3,864.0,0.12870121002197266,
//! 0,,15,,,0.06868721544742584
//! ```
//!
//! Rows have no time. A cell is empty where a metric was not logged at that step; the last value of a count is taken,
//! and a count that goes down is refused: two runs wrote one file.

use standstill_attestations::claim::{EvidenceRole, Maybe};

use super::{Counts, counted, leave_others};
use crate::contribution::Contribution;
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Options, count, evidence};
use crate::notes::Notes;
use crate::separated;
use crate::source::Source;

/// The name in evidence.
pub const FORMAT: &str = "lightning-metrics-csv";

const FIELDS: [&str; 3] = ["num_input_tokens_seen", "step", "total_flos"];

/// Whether it is such a table: its columns hold `step` and `epoch`, which Lightning adds to every row.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    let mut columns: Vec<&str> = head.first_line().split(',').collect();
    columns.retain(|column| matches!(*column, "step" | "epoch"));
    columns.len() == 2
}

/// One run's table.
pub(crate) fn contribution(sources: &[Source<'_>], _: &Options) -> Result<Imported<Contribution>, ImportError> {
    let [source] = sources else { return Err(count(sources.len(), "one run's metrics.csv")) };
    let document = source.load()?;
    let mut rows = separated::lines(source.name(), document.text()?)?;
    let columns = rows.next().unwrap_or_else(|| Ok(Vec::new()))?;
    for (place, column) in columns.iter().enumerate() {
        if columns.iter().skip(place.saturating_add(1)).any(|other| other == column) {
            return Err(ImportError::Repeated {
                file: source.name().to_owned(),
                field: column.chars().take(80).collect(),
            });
        }
    }
    let mut notes = Notes::new(source.name());
    let mut counts = Counts::default();
    for (index, row) in rows.enumerate() {
        let row = row?;
        if row.len() != columns.len() {
            return Err(ImportError::BadText {
                file: source.name().to_owned(),
                field: format!("row {}", index.saturating_add(1)),
                reason: "other columns than the first line names",
            });
        }
        for (column, cell) in
            columns.iter().zip(&row).filter(|(column, cell)| counted(column).is_some() && !cell.is_empty())
        {
            counts.take(source.name(), column, cell, false)?;
        }
    }
    let facts = counts.contribution(&mut notes);
    leave_others(columns.iter().map(String::as_str), &mut notes);
    notes.leave("step", "rows have no time: sessions come from the scheduler");
    let version = Maybe::Unknown("metrics.csv does not hold it".to_owned());
    let file = evidence(document.digest(), (EvidenceRole::TrainingLog, FORMAT), ("lightning", version), &FIELDS);
    Ok(Imported { facts, evidence: vec![file], took: notes.took, left: notes.left })
}
