//! One node's HTTP API, as any member's tools would use it: blocking, on the loopback address, with bounded answers.
//!
//! A refusal comes back as problem details (RFC 9457) whose `code` is the name of the rule; it is an error here.

use std::net::SocketAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use standstill_node::api::views::{BlockView, EntryView, Page, StatusView, VerdictView};

use crate::TestnetError;

/// Bytes of one answer, at most; a bundle is the longest.
const MAX_ANSWER: u64 = 1 << 30;
/// How long an ordinary request may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a request that waits for finality may take.
const FINAL_WITHIN: Duration = Duration::from_secs(75);

/// Requests to one node.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
}

/// What a node answers to an entry that is final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The statement's id.
    pub id: String,
    /// Its index in the log.
    pub index: u64,
    /// The block that holds it.
    pub height: u64,
}

impl Client {
    /// Requests to the API at `address`.
    pub fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_idle_connections_per_host(2)
            .build();
        Client { agent: config.into(), base: format!("http://{address}") }
    }

    /// The address of the API.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `GET /v1/status`.
    pub fn status(&self) -> Result<StatusView, TestnetError> {
        self.json("/v1/status")
    }

    /// Every verdict of the newest periods.
    pub fn verdicts(&self) -> Result<Page<VerdictView>, TestnetError> {
        self.json("/v1/verdicts")
    }

    /// One block.
    pub fn block(&self, height: u64) -> Result<BlockView, TestnetError> {
        self.json(&format!("/v1/blocks/{height}"))
    }

    /// Submits an envelope and waits until it is final.
    pub fn submit_final(&self, envelope: &[u8]) -> Result<Recorded, TestnetError> {
        self.submit_final_within(envelope, FINAL_WITHIN)
    }

    /// The same, but gives up earlier. The entry may become final all the same.
    pub fn submit_final_within(&self, envelope: &[u8], within: Duration) -> Result<Recorded, TestnetError> {
        let path = "/v1/entries?wait=final";
        let entry = self.post(path, envelope, within)?;
        self.recorded(path, &entry)
    }

    /// Submits an envelope to the pool and returns as soon as it is accepted, with the statement's id.
    pub fn submit(&self, envelope: &[u8]) -> Result<String, TestnetError> {
        let path = "/v1/entries";
        let entry = self.post(path, envelope, TIMEOUT)?;
        entry.id.ok_or_else(|| self.unexpected(path, "id"))
    }

    /// Where a statement stands, if it is final.
    pub fn entry(&self, id: &str) -> Result<Recorded, TestnetError> {
        let path = format!("/v1/entries/{id}");
        let entry = self.json(&path)?;
        self.recorded(&path, &entry)
    }

    /// A JSON document.
    pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, TestnetError> {
        let bytes = self.get(path)?;
        serde_json::from_slice(&bytes).map_err(|error| self.unreachable(path, error.to_string()))
    }

    /// A document's bytes.
    pub fn get(&self, path: &str) -> Result<Vec<u8>, TestnetError> {
        let url = format!("{}{path}", self.base);
        let response = self.agent.get(&url).call().map_err(|error| self.unreachable(path, error.to_string()))?;
        self.read(path, response)
    }

    fn post(&self, path: &str, body: &[u8], within: Duration) -> Result<EntryView, TestnetError> {
        let url = format!("{}{path}", self.base);
        let request = self.agent.post(&url).config().timeout_global(Some(within)).build();
        let request = request.header("content-type", "application/vnd.dsse+json");
        let response = request.send(body).map_err(|error| self.unreachable(path, error.to_string()))?;
        let bytes = self.read(path, response)?;
        serde_json::from_slice(&bytes).map_err(|error| self.unreachable(path, error.to_string()))
    }

    fn read(&self, path: &str, mut response: ureq::http::Response<ureq::Body>) -> Result<Vec<u8>, TestnetError> {
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let bytes = body.map_err(|error| self.unreachable(path, error.to_string()))?;
        if (200..300).contains(&status) {
            return Ok(bytes);
        }
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let word = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        Err(TestnetError::Refused {
            url: format!("{}{path}", self.base),
            status,
            code: word("code"),
            detail: if problem.is_null() { String::from_utf8_lossy(&bytes).into_owned() } else { word("detail") },
        })
    }

    fn recorded(&self, path: &str, entry: &EntryView) -> Result<Recorded, TestnetError> {
        let wanted = |name: &'static str| move || self.unexpected(path, name);
        Ok(Recorded {
            id: entry.id.clone().ok_or_else(wanted("id"))?,
            index: entry.index.ok_or_else(wanted("index"))?,
            height: entry.height.ok_or_else(wanted("height"))?,
        })
    }

    fn unexpected(&self, path: &str, wanted: &str) -> TestnetError {
        TestnetError::Unexpected { url: format!("{}{path}", self.base), wanted: format!("`{wanted}`") }
    }

    fn unreachable(&self, path: &str, reason: String) -> TestnetError {
        TestnetError::Unreachable { url: format!("{}{path}", self.base), reason }
    }
}
