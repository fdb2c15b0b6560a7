//! `sacct --json` and `slurmrestd`'s `/slurmdb/…/jobs`: `{"meta": {…}, "jobs": [{…}, …], "errors": []}`, one job at a time.

use super::rows::Rows;
use super::{Gpus, Job};
use crate::error::ImportError;
use crate::import::Options;
use crate::json_stream::JsonStream;
use crate::source::{FileDigest, Source};
use crate::tolerant::{Members, Node};

/// Versions whose JSON was tried, as major and minor.
const VERSIONS: [(u64, u64); 8] = [(21, 8), (22, 5), (23, 2), (23, 11), (24, 5), (24, 11), (25, 5), (25, 11)];

/// Reads a dump; gives its digest and Slurm's release.
pub(super) fn read(
    source: &Source<'_>,
    options: &Options,
    rows: &mut Rows,
) -> Result<(FileDigest, String), ImportError> {
    let file = source.name();
    let mut stream = JsonStream::open(source)?;
    let (mut release, mut jobs) = (None, false);
    stream.enter(b'{')?;
    while let Some(name) = stream.next_name()? {
        match name.as_str() {
            "meta" if release.is_none() => release = Some(version(&Node::parse_at(file, "meta", &stream.value()?)?)?),
            "jobs" if !jobs => {
                jobs = true;
                stream.enter(b'[')?;
                let mut index = 0u64;
                while let Some(item) = stream.next_item()? {
                    let node = Node::parse_at(file, &format!("jobs[{index}]"), &item)?;
                    let job = job(&node, rows)?;
                    rows.take(job, file, options)?;
                    index = index.saturating_add(1);
                }
            }
            "meta" | "jobs" => return Err(ImportError::Repeated { file: file.to_owned(), field: name }),
            "errors" => {
                let value = stream.value()?;
                let errors = Node::parse_at(file, "errors", &value)?;
                if !errors.is_null() && !errors.list()?.is_empty() {
                    return Err(errors.bad_text("the scheduler reported errors: the dump may not be whole"));
                }
            }
            _ => drop(stream.value()?),
        }
    }
    let missing = |field: &str| ImportError::Missing { file: file.to_owned(), field: field.to_owned() };
    let release = release.ok_or_else(|| missing("meta"))?;
    if !jobs {
        return Err(missing("jobs"));
    }
    Ok((stream.finish()?, release))
}

/// `meta.Slurm`, or `meta.slurm` since 23.11.
fn version(meta: &Node<'_>) -> Result<String, ImportError> {
    let meta = meta.object()?;
    let slurm = match meta.optional("slurm") {
        Some(slurm) => slurm,
        None => meta.required("Slurm")?,
    };
    let slurm = slurm.object()?;
    let release = slurm.required("release")?;
    let text = release.text()?.into_owned();
    let mut parts = text.split('.').map(|part| part.parse::<u64>().ok());
    let found = parts.next().flatten().zip(parts.next().flatten());
    if !found.is_some_and(|found| VERSIONS.contains(&found)) {
        let expected = "21.08, 22.05, 23.02, 23.11, 24.05, 24.11, 25.05 or 25.11";
        return Err(ImportError::Version {
            file: release.file().to_owned(),
            found: text.chars().take(40).collect(),
            expected,
        });
    }
    Ok(text.chars().filter(|letter| !letter.is_control()).take(40).collect())
}

fn job(node: &Node<'_>, rows: &mut Rows) -> Result<Job, ImportError> {
    let job = node.object()?;
    if let Some(steps) = job.optional("steps") {
        let count = steps.list()?.len();
        rows.steps = rows.steps.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    let time = job.required("time")?.object()?;
    let raw = job.required("job_id")?;
    let raw_id = u32::try_from(number(&raw)?.unwrap_or(0)).map_err(|_| raw.bad_number("not a job id"))?;
    let (gpus, gpu_type) = gpus(&job.required("tres")?.object()?.required("allocated")?)?;
    let text = |name| job.optional(name).map(|node| node.text().map(|text| text.into_owned())).transpose();
    Ok(Job {
        id: id(&job, raw_id)?,
        raw_id,
        cluster: text("cluster")?.unwrap_or_default(),
        name: text("name")?.unwrap_or_default(),
        start: number(&time.required("start")?)?,
        end: number(&time.required("end")?)?.filter(|end| *end > 0),
        elapsed: number(&time.required("elapsed")?)?.unwrap_or(0),
        gpus,
        gpu_type,
    })
}

/// `5_0` for a task of an array, else the job's number.
fn id(job: &Members<'_>, raw_id: u32) -> Result<String, ImportError> {
    let Some(array) = job.optional("array") else { return Ok(raw_id.to_string()) };
    let array = array.object()?;
    let read = |name| match array.optional(name) {
        Some(node) => number(&node),
        None => Ok(None),
    };
    Ok(match (read("job_id")?.filter(|base| *base > 0), read("task_id")?) {
        (Some(base), Some(task)) => format!("{base}_{task}"),
        _ => raw_id.to_string(),
    })
}

/// A number, or `{"set": true, "infinite": false, "number": 7200}`; `None` where it is null, unset or infinite.
fn number(node: &Node<'_>) -> Result<Option<u64>, ImportError> {
    if node.is_null() {
        return Ok(None);
    }
    if !node.is_object() {
        return node.whole_u64().map(Some);
    }
    let members = node.object()?;
    let flag = |name| members.optional(name).map(|node| node.boolean()).transpose();
    if flag("set")? == Some(false) || flag("infinite")? == Some(true) {
        return Ok(None);
    }
    members.required("number")?.whole_u64().map(Some)
}

/// `[{"type": "gres", "name": "gpu:h100", "id": 1002, "count": 4}, …]`; counts of other types may be null or negative.
fn gpus(list: &Node<'_>) -> Result<(u64, Option<String>), ImportError> {
    let mut gpus = Gpus::default();
    for entry in list.list()? {
        let entry = entry.object()?;
        if entry.required("type")?.text()? != "gres" {
            continue;
        }
        let Some(name) = entry.optional("name") else { continue };
        let name = name.text()?;
        if !name.starts_with("gpu") {
            continue;
        }
        let count = entry.required("count")?;
        if !gpus.take(&name, number(&count)?.unwrap_or(0)) {
            return Err(count.bad_number("more GPUs than 32 bits count"));
        }
    }
    gpus.total().ok_or_else(|| list.bad_text("more typed GPUs than GPUs"))
}
