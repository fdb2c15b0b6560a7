//! The report of a single instance: resolved where every test that should pass does.

use crate::error::ImportError;
use crate::head::Head;
use crate::tolerant::{Members, Node};

/// The tests that a patch must make pass, and those that it must not break.
const MUST_PASS: [&str; 2] = ["FAIL_TO_PASS", "PASS_TO_PASS"];

/// An instance's report.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) file: String,
    pub(super) id: String,
    pub(super) resolved: bool,
}

/// One member, whose value has the harness's own words.
pub(super) fn detect(head: &Head<'_>) -> bool {
    let text = head.text();
    head.members().len() == 1 && text.contains("\"patch_is_None\"") && text.contains("\"patch_exists\"")
}

impl Instance {
    pub(super) fn read(file: &str, document: &Node<'_>) -> Result<Instance, ImportError> {
        let report = document.object()?;
        let mut members = report.iter();
        let (Some((id, node)), None) = (members.next(), members.next()) else {
            return Err(document.wrong("an object with one instance"));
        };
        let verdict = node.object()?;
        let resolved = verdict.required("resolved")?;
        let applied = verdict.required("patch_successfully_applied")?.boolean()?;
        let found = resolved.boolean()?;
        if found && !applied {
            return Err(resolved.contradicts("patch_successfully_applied", "no patch was applied".to_owned()));
        }
        if let Some(tests) = verdict.optional("tests_status") {
            let failed = failures(&tests.object()?)?;
            if found != (failed == 0) {
                return Err(resolved.contradicts("tests_status", format!("{failed} of its tests fail")));
            }
        }
        Ok(Instance { file: file.to_owned(), id: id.to_owned(), resolved: found })
    }
}

fn failures(tests: &Members<'_>) -> Result<usize, ImportError> {
    let mut failed = 0usize;
    for name in MUST_PASS {
        failed = failed.saturating_add(tests.required(name)?.object()?.required("failure")?.list()?.len());
    }
    Ok(failed)
}
