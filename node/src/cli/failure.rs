//! What goes wrong on the command line: a sentence, a hint, an exit code.

use standstill_attestations::StatementError;
use standstill_importers::ImportError;
use standstill_telemetry::LogError;
use standstill_telemetry::nvml::NvmlUnavailable;

use crate::NodeError;
use crate::config::ConfigError;
use crate::exit::Exit;
use crate::home::HomeError;
use crate::keystore::KeyFileError;

/// A command that did not do what was asked.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The exit status.
    pub exit: Exit,
    /// One sentence, no full stop.
    pub message: String,
    /// What a person can do.
    pub hint: Option<String>,
}

impl Failure {
    /// Bad arguments or input.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Usage, message: message.into(), hint: None }
    }

    /// Something that could not be read or reached.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Unavailable, message: message.into(), hint: None }
    }

    /// A proof or signature that does not hold.
    pub fn untrusted(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Untrusted, message: message.into(), hint: None }
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `error:` a sentence, a blank line, `hint:` what to do.
    pub fn text(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\nhint: {hint}\n"));
        }
        text
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let exit = match error {
            ConfigError::Unreadable { .. } => Exit::Unavailable,
            _ => Exit::Usage,
        };
        Failure { exit, hint: error.hint(), message: error.to_string() }
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        let exit = match &error {
            HomeError::Config(ConfigError::Unreadable { .. }) | HomeError::Io { .. } => Exit::Unavailable,
            HomeError::Key(KeyFileError::Io { .. }) => Exit::Unavailable,
            _ => Exit::Usage,
        };
        Failure { exit, hint: error.hint(), message: error.to_string() }
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        let exit = if matches!(error, KeyFileError::Io { .. }) { Exit::Unavailable } else { Exit::Usage };
        Failure { exit, hint: error.hint(), message: error.to_string() }
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        let exit = match &error {
            NodeError::Home(_) | NodeError::Store(_) | NodeError::Io { .. } => Exit::Unavailable,
            NodeError::Key(_)
            | NodeError::Treaty(_)
            | NodeError::Rules(_)
            | NodeError::NotAValidator { .. }
            | NodeError::NobodyToFollow { .. }
            | NodeError::OtherKey { .. } => Exit::Usage,
            // Its own code, so that a service manager can be told never to restart after it.
            error if error.is_unsafe() => Exit::Untrusted,
            _ => Exit::Internal,
        };
        Failure { exit, hint: error.hint(), message: error.to_string() }
    }
}

impl From<StatementError> for Failure {
    fn from(error: StatementError) -> Self {
        Failure::usage(format!("{error} ({})", error.code())).hint(error.hint())
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        let hint = error.hint();
        let failure = match error {
            ImportError::Unreadable { .. } => Failure::unavailable(error.to_string()),
            _ => Failure::usage(error.to_string()),
        };
        failure.hint(hint)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        let exit = match &error {
            LogError::Io { .. } | LogError::InUse { .. } | LogError::Failed | LogError::DamagedHashes { .. } => {
                Exit::Unavailable
            }
            LogError::OutOfRange { .. } | LogError::Sample(_) => Exit::Usage,
            // What was given out, or what was written, is no longer there as it was.
            _ => Exit::Untrusted,
        };
        Failure { exit, hint: Some(error.hint().to_owned()), message: error.to_string() }
    }
}

impl From<NvmlUnavailable> for Failure {
    fn from(error: NvmlUnavailable) -> Self {
        Failure::unavailable(error.to_string()).hint(error.hint())
    }
}
