//! What was said, what became of it, and what is owed.

use std::path::Path;

use serde_json::{Value, json};
use standstill_attestations::{Correction, Statement};
use standstill_protocol::dsse::Envelope;

use super::imported::Drafted;
use super::request::Claim;
use super::sign::{beside, statements};
use super::{ENVELOPE, MAX_DRAFT_BYTES, deliver_draft};
use crate::api::views::{ObligationRow, Page};
use crate::cli::operate::ago;
use crate::cli::{Failure, Global, columns, read_file};
use crate::clock;
use crate::exit::Exit;

/// Lists what this home has signed, with what the ledger makes of it where a node is there to ask.
pub(super) fn list(global: &Global) -> Result<Exit, Failure> {
    let home = global.open()?;
    let directory = statements(&home)?;
    let read = std::fs::read_dir(&directory);
    let read = read.map_err(|error| Failure::unavailable(format!("cannot read `{}`: {error}", directory.display())))?;
    let mut files: Vec<_> = read.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ENVELOPE));
    files.sort();
    let client = global.client().ok();
    let mut rows = Vec::new();
    for file in files {
        let bytes = read_file(&file, MAX_DRAFT_BYTES)?;
        let Ok(envelope) = Envelope::parse(&bytes) else { continue };
        let Ok(statement) = Statement::parse(envelope.payload()) else { continue };
        let receipt = if beside(&file).exists() { "receipt" } else { "signed" };
        let entry = client.as_ref().and_then(|client| client.json(&format!("/v1/entries/{}", envelope.id())).ok());
        let entry: Value = entry.unwrap_or_default();
        rows.push(json!({
            "sequence": statement.common.sequence, "kind": statement.kind().as_str(), "state": receipt,
            "issued_at": statement.common.issued_at, "id": envelope.id(), "file": file,
            "corrects": statement.common.corrects.map(|correction| correction.statement),
            "grade": entry["grade"], "corrected_by": entry["corrected_by"],
        }));
    }
    let table: Vec<_> = rows.iter().map(row).collect();
    global.print(&json!({ "schema": "standstill.statements/1", "rows": rows }), || columns(&table))?;
    Ok(Exit::Holds)
}

fn row(row: &Value) -> Vec<String> {
    let cell = |name: &str| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
    let id = cell("id").chars().take(16).collect();
    let mut cells = vec![cell("sequence"), cell("kind"), cell("state"), cell("issued_at"), id];
    let grade = row["grade"].as_str().map(str::to_owned);
    let corrected = row["corrected_by"].is_string().then(|| "corrected".to_owned());
    cells.extend(corrected.or(grade));
    cells
}

/// Shows a statement of the ledger: its place, its grade and its corrections as far as the node tells them.
pub(super) fn show(global: &Global, id: &str) -> Result<Exit, Failure> {
    let entry: Value = global.client()?.json(&format!("/v1/entries/{id}"))?;
    global.print(&entry, || {
        let place = match (entry["index"].as_u64(), entry["height"].as_u64()) {
            (Some(index), Some(height)) => format!("index {index}, height {height}"),
            _ => "not in a block yet".to_owned(),
        };
        let mut text = format!("{:<9}  {place}\n", entry["status"].as_str().unwrap_or_default());
        let corrects = entry["statement"]["predicate"]["corrects"]["statement"].as_str();
        for (name, value) in [
            ("statement", entry["id"].as_str()),
            ("grade", entry["grade"].as_str()),
            ("corrects", corrects),
            ("corrected", entry["corrected_by"].as_str()),
        ] {
            if let Some(value) = value {
                text.push_str(&format!("{name:<9}  {value}\n"));
            }
        }
        if !entry["statement"].is_null() {
            text.push_str(&serde_json::to_string_pretty(&entry["statement"]).unwrap_or_default());
            text.push('\n');
        }
        text
    })?;
    Ok(Exit::Holds)
}

/// Drafts the correction of an earlier statement: the same content, to be edited.
pub(super) fn correct(global: &Global, statement: &str, reason: &str, out: &Path) -> Result<Exit, Failure> {
    let Claim { mut statement, id, .. } = Claim::find(global, statement)?;
    if !statement.kind().is_correctable() {
        return Err(Failure::usage(format!("a `{}` statement is not corrected", statement.kind()))
            .hint("it is followed by another: vote again, or revoke the key"));
    }
    statement.common.corrects = Some(Correction { statement: id, reason: reason.to_owned() });
    statement.common.sequence = 1;
    statement.common.issued_at = clock::now();
    deliver_draft(global, &Drafted::by_hand(statement), out)?;
    Ok(Exit::Holds)
}

/// Shows what this member owes.
pub(super) fn due(global: &Global) -> Result<Exit, Failure> {
    let home = global.open()?;
    let page: Page<ObligationRow> = global.client()?.json(&format!("/v1/obligations?member={}", home.member()))?;
    let rows: Vec<_> = page.rows.into_iter().filter(|row| matches!(row.status.as_str(), "open" | "missed")).collect();
    let missed = rows.iter().any(|row| row.status == "missed");
    let table: Vec<_> = rows
        .iter()
        .map(|row| vec![row.status.clone(), row.clause.clone(), format!("period {}", row.period), ago(&row.due)])
        .collect();
    global.print(&json!({ "schema": "standstill.due/1", "rows": rows }), || match table.is_empty() {
        true => "nothing is due\n".to_owned(),
        false => columns(&table),
    })?;
    Ok(if missed { Exit::Undecided } else { Exit::Holds })
}
