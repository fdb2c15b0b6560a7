//! What can go wrong with a network, each with what a person can do about it.

use std::path::{Path, PathBuf};

/// Why a network could not be made, started or talked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestnetError {
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A node's home was refused.
    #[error("home of `{member}`: {source}")]
    Home {
        /// The member.
        member: String,
        /// The cause.
        source: standstill_node::home::HomeError,
    },
    /// A node did not start.
    #[error("node of `{member}`: {source}")]
    Node {
        /// The member.
        member: String,
        /// The cause.
        source: standstill_node::NodeError,
    },
    /// A key file was refused.
    #[error("key of `{member}`: {source}")]
    Key {
        /// The member.
        member: String,
        /// The cause.
        source: standstill_node::keystore::KeyFileError,
    },
    /// The treaty that was made is none.
    #[error("the treaty of the network: {reason}")]
    Treaty {
        /// What is wrong with it.
        reason: String,
    },
    /// No free ports.
    #[error("no {wanted} free ports were found on the loopback address")]
    NoPorts {
        /// Ports wanted.
        wanted: usize,
    },
    /// A node's process ended by itself.
    #[error("the node of `{member}` ended ({status}); its log is `{}`", log.display())]
    NodeEnded {
        /// The member.
        member: String,
        /// Its exit status.
        status: String,
        /// Its log file.
        log: PathBuf,
    },
    /// A node did not get there in time.
    #[error("`{member}` did not {what} within {seconds} s; its log is `{}`", log.display())]
    TooSlow {
        /// The member.
        member: String,
        /// What was awaited.
        what: String,
        /// For how long.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
    },
    /// A request did not reach a node, or its answer did not reach us.
    #[error("{url}: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// A node refused a request, with the name of the rule.
    #[error("{url}: refused with {status} `{code}`: {detail}")]
    Refused {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The stable name of the refusal.
        code: String,
        /// The explanation for people.
        detail: String,
    },
    /// An answer without something that it must have.
    #[error("{url}: the answer has no {wanted}")]
    Unexpected {
        /// The address.
        url: String,
        /// What was looked for.
        wanted: String,
    },
    /// A directory that holds a network already.
    #[error("`{}` holds a network already, made {created}", path.display())]
    Exists {
        /// The directory.
        path: PathBuf,
        /// When it was made.
        created: String,
    },
    /// A network that runs in another process.
    #[error("the network in `{}` is running", path.display())]
    Running {
        /// The directory.
        path: PathBuf,
    },
    /// Nodes that ought to agree do not.
    #[error("the nodes disagree: {what}")]
    Disagreement {
        /// About what.
        what: String,
    },
    /// A measurement that did not come to its end.
    #[error("the benchmark stopped: {reason}")]
    Bench {
        /// Why.
        reason: String,
    },
    /// A file that the network's own tools cannot read.
    #[error("{what}: {reason}")]
    Malformed {
        /// What it is.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl TestnetError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            TestnetError::Home { source, .. } => source.hint(),
            TestnetError::Node { source, .. } => source.hint(),
            TestnetError::Key { source, .. } => source.hint(),
            TestnetError::Exists { .. } => Some(
                "start it again with `up --resume`, or make a new one with `up --reset`, which deletes it".to_owned(),
            ),
            TestnetError::Running { .. } => {
                Some("stop it with Ctrl-C where it runs, or choose another `--dir`".to_owned())
            }
            TestnetError::NodeEnded { log, .. } | TestnetError::TooSlow { log, .. } => last_lines(log),
            _ => None,
        }
    }
}

/// The end of a log file, for a person who would look there next.
fn last_lines(log: &Path) -> Option<String> {
    let text = std::fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default();
    (!tail.is_empty()).then(|| format!("the log ends with\n  {}", tail.join("\n  ")))
}

/// For `map_err`: the action and the path of a failed call.
pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> TestnetError {
    let path = path.to_owned();
    move |source| TestnetError::Io { action, path, source }
}
