//! What `cargo metadata` says of the workspace: its members, what they name, and what they resolve to on Linux.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One member of the workspace.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// The folder of its manifest, relative to the root: `attestations/importers`.
    pub(crate) folder: String,
    pub(crate) licence: String,
    /// Names of direct dependencies by kind: `normal`, `dev`, `build`.
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) requirement: String,
    pub(crate) kind: &'static str,
}

/// The workspace as cargo sees it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) members: Vec<Member>,
    /// Package id to name.
    names: BTreeMap<String, String>,
    /// Package id to the ids of its normal dependencies.
    normal: BTreeMap<String, Vec<String>>,
}

impl Workspace {
    /// Asks cargo, for `x86_64-unknown-linux-gnu`, with the committed lock file.
    pub(crate) fn load(root: &Path) -> Result<Self, String> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version=1", "--locked", "--filter-platform=x86_64-unknown-linux-gnu"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("`cargo metadata` did not start: {error}"))?;
        if !output.status.success() {
            return Err(format!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        Ok(Self::read(&metadata))
    }

    fn read(metadata: &Value) -> Self {
        let root = text(&metadata["workspace_root"]);
        let member_ids: BTreeSet<&str> = list(&metadata["workspace_members"]).map(text).collect();
        let packages: Vec<&Value> = list(&metadata["packages"]).collect();
        let members = packages
            .iter()
            .filter(|package| member_ids.contains(text(&package["id"])))
            .map(|package| Member::read(package, root))
            .collect();
        let names = packages.iter().map(|p| (text(&p["id"]).to_owned(), text(&p["name"]).to_owned())).collect();
        let normal = list(&metadata["resolve"]["nodes"])
            .map(|node| (text(&node["id"]).to_owned(), normal_dependencies(node)))
            .collect();
        Workspace { members, names, normal }
    }

    /// The member that lives in `folder`.
    pub(crate) fn member_in(&self, folder: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.folder == folder)
    }

    /// Names of all that a member links, however far down, by normal dependencies.
    pub(crate) fn linked_by(&self, member: &Member) -> BTreeSet<&str> {
        let start = self.names.iter().filter(|(_, name)| **name == member.name).map(|(id, _)| id.as_str());
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut waiting: Vec<&str> = start.collect();
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                waiting.extend(self.normal.get(id).into_iter().flatten().map(String::as_str));
            }
        }
        seen.iter().filter_map(|id| self.names.get(*id)).map(String::as_str).collect()
    }
}

impl Member {
    fn read(package: &Value, root: &str) -> Self {
        let manifest = text(&package["manifest_path"]);
        let folder = manifest.strip_prefix(root).unwrap_or(manifest).trim_end_matches("Cargo.toml").trim_matches('/');
        Member {
            name: text(&package["name"]).to_owned(),
            folder: folder.to_owned(),
            licence: text(&package["license"]).to_owned(),
            dependencies: list(&package["dependencies"]).map(Dependency::read).collect(),
        }
    }
}

impl Dependency {
    fn read(value: &Value) -> Self {
        Dependency {
            name: text(&value["name"]).to_owned(),
            requirement: text(&value["req"]).to_owned(),
            kind: match value["kind"].as_str() {
                Some("dev") => "dev",
                Some("build") => "build",
                _ => "normal",
            },
        }
    }
}

fn normal_dependencies(node: &Value) -> Vec<String> {
    list(&node["deps"])
        .filter(|dependency| list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null()))
        .map(|dependency| text(&dependency["pkg"]).to_owned())
        .collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
