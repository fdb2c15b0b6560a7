//! Starting, watching and stopping an engine.

use tokio::sync::{broadcast, watch};

use crate::config::{Config, ConfigError};
use crate::state_machine::{Fault, StateMachine};
use crate::status::{Event, Status};

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state machine failed.
    #[error("the state machine failed: {0}")]
    StateMachine(#[from] Fault),
    /// The runtime, the network or the write-ahead log could not start.
    #[error("the consensus engine did not start: {reason}")]
    Engine {
        /// For people.
        reason: String,
    },
}

/// The consensus engine.
#[derive(Debug)]
pub struct Engine;

impl Engine {
    /// Starts an engine on threads of its own. It runs until [`Handle::stop`] or a failure, which [`Status::stop`]
    /// tells.
    pub async fn start(_config: Config, _state_machine: Box<dyn StateMachine>) -> Result<Handle, StartError> {
        Err(StartError::Engine { reason: "not available yet".into() })
    }
}

/// A running engine. Dropping it stops the engine without waiting.
#[derive(Debug)]
pub struct Handle {
    status: watch::Receiver<Status>,
    events: broadcast::Sender<Event>,
}

impl Handle {
    /// Tells the engine that there may be work: it asks [`StateMachine::has_work`] and starts the next height if so.
    /// Cheap; call it for every entry that is accepted and every deadline that falls due.
    pub fn wake(&self) {}

    /// The engine's state, as it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Events from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Adds a validator's address (with `/p2p/…`) and dials it.
    pub async fn add_peer(&self, _address: &str) -> Result<(), StartError> {
        Ok(())
    }

    /// The engine's metrics in the OpenMetrics text format.
    pub fn metrics(&self) -> String {
        String::new()
    }

    /// Stops the engine and waits until its threads, sockets and log file are closed.
    pub async fn stop(self) {}
}
