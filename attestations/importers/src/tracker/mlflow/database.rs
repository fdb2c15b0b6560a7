//! The SQLite database, opened in memory and read only.

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

const RUNS: &str =
    "SELECT run_uuid, name, start_time, end_time FROM runs WHERE lifecycle_stage = 'active' LIMIT 100000";
/// A double as text that reads back as the same double; `%!.17g` writes every digit that it has.
const METRICS: &str = "SELECT key, printf('%!.17g', value), timestamp FROM metrics \
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
    for (name, text, time) in metrics(file, &database, &run.id)? {
        let time = u64::try_from(time).map_err(|_| bad(file, "metrics.timestamp", "before 1970"))?;
        take(&mut counts, file, &Value { name: &name, text: &text, time }, options)?;
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
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

/// The database in memory: read only, without triggers, views or functions of its own schema being trusted.
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
    }
    Ok(database)
}

fn collect<T>(
    file: &str,
    database: &Connection,
    (sql, parameters): (&str, &[&dyn rusqlite::ToSql]),
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, ImportError> {
    let refused = |error: rusqlite::Error| refused(file, &error);
    let mut statement = database.prepare(sql).map_err(refused)?;
    let rows = statement.query_map(parameters, read).map_err(refused)?;
    let rows: Vec<T> = rows.take(MAX_ROWS.saturating_add(1)).collect::<Result<_, _>>().map_err(refused)?;
    match rows.len() > MAX_ROWS {
        true => Err(ImportError::TooManyJobs { file: file.to_owned(), limit: MAX_ROWS }),
        false => Ok(rows),
    }
}

fn runs(file: &str, database: &Connection) -> Result<Vec<Run>, ImportError> {
    let time = |row: &Row<'_>, index| {
        row.get::<_, Option<i64>>(index).map(|time| time.and_then(|time| u64::try_from(time).ok()))
    };
    collect(file, database, (RUNS, &[]), |row| {
        Ok(Run { id: row.get(0)?, name: row.get(1)?, start: time(row, 2)?, end: time(row, 3)? })
    })
}

fn metrics(file: &str, database: &Connection, run: &str) -> Result<Vec<(String, String, i64)>, ImportError> {
    collect(file, database, (METRICS, &[&run]), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
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
