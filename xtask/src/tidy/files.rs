//! The invariants of files: licences, links, length, and nothing left unfinished.

use std::fs;
use std::path::Path;

use super::{Findings, House};

/// The SPDX expression of every crate.
const LICENCE: &str = "MIT OR Apache-2.0";
/// Past this many lines, a file is advised to be two.
const LINES_ADVISED: usize = 500;
/// Words that mark work left undone.
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];
/// Paths of one person's machine, cut in two so that this file does not hold them.
const MACHINE_PATHS: &[[&str; 2]] = &[["/ro", "ot/"], ["/wo", "rk/"]];
/// Text files that are searched for such paths.
const TEXT: &[&str] = &[".rs", ".toml", ".md", ".sh", ".json", ".yaml", ".yml", ".html"];
/// Other people's files, kept as they were.
const NOT_OURS: &[&str] = &["samples/"];

/// Calls `visit` with each file under `folder`, as a path relative to `root`; build outputs and dot folders are left out.
pub(crate) fn walk(root: &Path, folder: &Path, visit: &mut dyn FnMut(&str)) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type().map_err(|error| error.to_string())?;
        let skipped = name == "target" || (name.starts_with('.') && name != ".ci" && name != ".cargo");
        if kind.is_dir() && !skipped {
            walk(root, &path, visit)?;
        } else if kind.is_file() {
            visit(&path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

fn files_of(house: &House, wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    let walked = walk(&house.root, &house.root, &mut |path| {
        if wanted(path) {
            paths.push(path.to_owned());
        }
    });
    debug_assert!(walked.is_ok(), "the sources were read from the same tree");
    let read = |path: String| fs::read_to_string(house.root.join(&path)).ok().map(|text| (path, text));
    paths.into_iter().filter_map(read).collect()
}

pub(crate) fn lints_are_inherited(house: &House) -> Findings {
    let inherits = |folder: &str| {
        let manifest = fs::read_to_string(house.root.join(folder).join("Cargo.toml")).unwrap_or_default();
        manifest.split("[lints]").nth(1).is_some_and(|rest| rest.trim_start().starts_with("workspace = true"))
    };
    let members = &house.workspace.members;
    let without = members.iter().filter(|member| !inherits(&member.folder));
    let problems = without.map(|m| format!("{}/Cargo.toml: add `[lints] workspace = true`", m.folder)).collect();
    Findings::new(format!("{} manifests", members.len()), problems)
}

pub(crate) fn licences_are_stated(house: &House) -> Findings {
    let members = &house.workspace.members;
    let other = members.iter().filter(|member| member.licence != LICENCE);
    let mut problems: Vec<String> =
        other.map(|m| format!("{}/Cargo.toml: licence `{}` is not `{LICENCE}`", m.folder, m.licence)).collect();
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        if !house.root.join(file).is_file() {
            problems.push(format!("{file} is missing"));
        }
    }
    Findings::new(LICENCE, problems)
}

pub(crate) fn open_with_purpose(house: &House) -> Findings {
    let first_line =
        |text: &str| text.lines().find(|line| !line.starts_with("#!") && !line.is_empty()).map(str::to_owned);
    let problems = house
        .sources
        .iter()
        .filter(|file| !first_line(&file.text).is_some_and(|line| line.starts_with("//!")))
        .map(|file| format!("{}: open it with `//!`: what it is, and its rules", file.path))
        .collect();
    Findings::new(format!("{} files", house.sources.len()), problems)
}

pub(crate) fn nothing_unfinished(house: &House) -> Findings {
    let mut problems = Vec::new();
    for file in house.sources.iter().filter(|file| file.path != "xtask/src/tidy/files.rs") {
        for (index, line) in file.text.lines().enumerate() {
            let marks = UNFINISHED.iter().filter(|word| super::source::contains_word(line, word));
            problems.extend(marks.map(|word| format!("{}:{}: {word}", file.path, index + 1)));
        }
        for call in ["todo!", "unimplemented!"] {
            problems.extend(file.lines_with(call).map(|place| format!("{place}: `{call}`")));
        }
    }
    Findings::new(format!("{} files", house.sources.len()), problems)
}

pub(crate) fn no_machine(house: &House) -> Findings {
    let ours =
        |path: &str| TEXT.iter().any(|end| path.ends_with(end)) && !NOT_OURS.iter().any(|part| path.contains(part));
    let files = files_of(house, |path| ours(path) || path.starts_with(".ci/"));
    let mut problems = Vec::new();
    for (path, text) in &files {
        for (index, line) in text.lines().enumerate() {
            let found = MACHINE_PATHS.iter().map(|halves| halves.concat()).filter(|machine| line.contains(machine));
            problems.extend(found.map(|machine| format!("{path}:{}: `{machine}`: a path of one machine", index + 1)));
        }
    }
    Findings::new(format!("{} files", files.len()), problems)
}

pub(crate) fn links_resolve(house: &House) -> Findings {
    let pages = files_of(house, |path| path.ends_with(".md"));
    let mut problems = Vec::new();
    for (path, text) in &pages {
        let folder = Path::new(path).parent().unwrap_or(Path::new(""));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere =
                file.is_empty() || file.contains("://") || file.starts_with("mailto:") || file.contains(' ');
            if !elsewhere && !house.root.join(folder).join(file).exists() {
                problems.push(format!("{path}: link to `{target}`, which does not exist"));
            }
        }
    }
    Findings::new(format!("{} pages", pages.len()), problems)
}

pub(crate) fn short_files(house: &House) -> Findings {
    let lines = |text: &str| text.lines().count();
    let long = house.sources.iter().filter(|file| lines(&file.text) > LINES_ADVISED);
    let problems = long
        .map(|f| format!("{}: {} lines; past {LINES_ADVISED}, ask which two rooms it is", f.path, lines(&f.text)))
        .collect();
    Findings::new(format!("{} files of at most {LINES_ADVISED} lines", house.sources.len()), problems)
}
