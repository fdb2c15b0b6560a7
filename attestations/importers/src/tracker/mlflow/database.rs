//! The SQLite database, opened in memory and read only.
//!
//! A file can be made to keep its reader busy without end: pages that point to one page many times over, columns that are
//! computed at every look. So texts are short, columns computed are refused, and a query ends after so many steps.

use rusqlite::limits::Limit;
use rusqlite::{Connection, Row};
use standstill_attestations::claim::{EvidenceRole, Maybe};

use super::{Run, Value, contribution as of_run, take};
use crate::contribution::Contribution;
use crate::error::ImportError;
use crate::head::Head;
use crate::import::{Imported, Options, count, evidence};
use crate::notes::Notes;
use crate::source::Source;
use crate::tracker::{Counts, leave_others};

/// The name in evidence.
pub const FORMAT: &str = "mlflow-sqlite";

const FIELDS: [&str; 4] = ["metrics.num_input_tokens_seen", "metrics.total_flos", "runs.end_time", "runs.start_time"];
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Rows of one query, at most.
const MAX_ROWS: usize = 1 << 20;

/// Bytes of one row, text or blob, at most.
const MAX_TEXT_BYTES: i32 = 1 << 20;
/// Steps of SQLite's machine between two looks at how many there were, and looks, at most: a million metrics need some
/// hundred million steps.
const STEPS: (i32, u32) = (1 << 16, 1 << 15);

const RUNS: &str = "SELECT substr(run_uuid, 1, 64), substr(name, 1, 512), start_time, end_time FROM runs \
    WHERE lifecycle_stage = 'active' LIMIT 100000";
/// A double as text that reads back as the same double; `%!.17g` writes every digit that it has.
const METRICS: &str = "SELECT substr(key, 1, 512), printf('%!.17g', value), timestamp FROM metrics \
    WHERE run_uuid = ?1 AND is_nan = 0 ORDER BY key, step, timestamp LIMIT 1048577";

/// Whether it is a SQLite database; of whom, its tables say.
pub(crate) fn detect(head: &Head<'_>) -> bool {
    head.bytes().starts_with(MAGIC)
}

/// One database, of which one run is taken.
pub(crate) fn contribution(sources: &[Source<'_>], options: &Options) -> Result<Imported<Contribution>, ImportError> {
    let [source] = sources else { return Err(count(sources.len(), "one database")) };
    let document = source.load()?;
    let file = source.name();
    let database = open(file, document.bytes())?;
    let run = chosen(file, runs(file, &database)?, options)?;
    let mut notes = Notes::new(file);
    let mut counts = Counts::default();
    let mut names: Vec<String> = Vec::new();
    each(file, &database, (METRICS, &[&run.id]), |row| {
        let read = || Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?));
        let (name, text, time) = read().map_err(|error: rusqlite::Error| refused(file, &error))?;
        let time = u64::try_from(time).map_err(|_| bad(file, "metrics.timestamp", "before 1970"))?;
        take(&mut counts, file, &Value { name: &name, text: &text, time }, options)?;
        if names.last() != Some(&name) {
            names.push(name);
        }
        Ok(())
    })?;
    notes.take("run_uuid", run.id.clone());
    let facts = of_run(run, counts, &mut notes, options);
    leave_others(names.iter().map(String::as_str), &mut notes);
    let version = Maybe::Unknown("the database does not hold it".to_owned());
    let entry = evidence(document.digest(), (EvidenceRole::TrainingLog, FORMAT), ("mlflow", version), &FIELDS);
    Ok(Imported { facts, evidence: vec![entry], took: notes.took, left: notes.left })
}

fn bad(file: &str, field: &str, reason: &'static str) -> ImportError {
    ImportError::BadText { file: file.to_owned(), field: field.to_owned(), reason }
}

fn refused(file: &str, error: &rusqlite::Error) -> ImportError {
    ImportError::Database { file: file.to_owned(), reason: error.to_string().chars().take(200).collect() }
}

/// The database in memory: read only, without triggers, views or functions of its own schema being trusted, and with an
/// end to every query.
fn open(file: &str, bytes: &[u8]) -> Result<Connection, ImportError> {
    if bytes.get(18..20).is_some_and(|versions| versions.contains(&2)) {
        return Err(bad(
            file,
            "journal mode",
            "WAL: its last entries may be in another file; copy it with `VACUUM INTO`",
        ));
    }
    let refused = |error: rusqlite::Error| refused(file, &error);
    let mut database = Connection::open_in_memory().map_err(refused)?;
    database.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_TEXT_BYTES).map_err(refused)?;
    end_after(&mut database, STEPS).map_err(refused)?;
    database.deserialize_read_exact("main", bytes, bytes.len(), true).map_err(refused)?;
    database
        .execute_batch("PRAGMA query_only = 1; PRAGMA trusted_schema = 0; PRAGMA cell_size_check = 1")
        .map_err(refused)?;
    for table in ["runs", "metrics"] {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND type = 'table' AND sql LIKE 'CREATE TABLE%'";
        let found: i64 = database.query_row(sql, [table], |row| row.get(0)).map_err(refused)?;
        if found != 1 {
            return Err(ImportError::Missing { file: file.to_owned(), field: table.to_owned() });
        }
        let sql = "SELECT count(*) FROM pragma_table_xinfo(?1) WHERE hidden != 0";
        let computed: i64 = database.query_row(sql, [table], |row| row.get(0)).map_err(refused)?;
        if computed != 0 {
            return Err(bad(file, table, "a table with columns that are computed is none of MLflow's"));
        }
    }
    Ok(database)
}

/// Ends every query once all of them together have taken so many steps.
fn end_after(database: &mut Connection, (steps, most): (i32, u32)) -> rusqlite::Result<()> {
    let mut looks = 0u32;
    let tired = move || {
        looks = looks.saturating_add(1);
        looks > most
    };
    database.progress_handler(steps, Some(tired))
}

/// Looks at every row of a query.
fn each(
    file: &str,
    database: &Connection,
    (sql, parameters): (&str, &[&dyn rusqlite::ToSql]),
    mut look: impl FnMut(&Row<'_>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let refused = |error: rusqlite::Error| refused(file, &error);
    let mut statement = database.prepare(sql).map_err(refused)?;
    let mut rows = statement.query(parameters).map_err(refused)?;
    let mut count = 0usize;
    while let Some(row) = rows.next().map_err(refused)? {
        count = count.saturating_add(1);
        if count > MAX_ROWS {
            return Err(ImportError::TooManyJobs { file: file.to_owned(), limit: MAX_ROWS });
        }
        look(row)?;
    }
    Ok(())
}

fn runs(file: &str, database: &Connection) -> Result<Vec<Run>, ImportError> {
    let time = |row: &Row<'_>, index| {
        row.get::<_, Option<i64>>(index).map(|time| time.and_then(|time| u64::try_from(time).ok()))
    };
    let run = |row: &Row<'_>| Ok(Run { id: row.get(0)?, name: row.get(1)?, start: time(row, 2)?, end: time(row, 3)? });
    let mut found = Vec::new();
    each(file, database, (RUNS, &[]), |row| {
        found.push(run(row).map_err(|error: rusqlite::Error| refused(file, &error))?);
        Ok(())
    })?;
    Ok(found)
}

/// The run that was asked for by id or name, or the only one.
fn chosen(file: &str, runs: Vec<Run>, options: &Options) -> Result<Run, ImportError> {
    let is = |run: &Run| options.run.as_ref().is_none_or(|asked| *asked == run.id || Some(asked) == run.name.as_ref());
    let mut found = runs.into_iter().filter(is);
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run),
        (Some(_), Some(_)) => {
            Err(ImportError::NothingMatched { file: file.to_owned(), what: "more than one run: name one by its id" })
        }
        (None, _) => Err(ImportError::NothingMatched { file: file.to_owned(), what: "no run of that id or name" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_an_end_is_ended() {
        let mut database = Connection::open_in_memory().unwrap();
        end_after(&mut database, (1000, 10)).unwrap();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";
        let error = each("x", &database, (endless, &[]), |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("interrupted"), "{error}");
    }
}
