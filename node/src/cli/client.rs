//! The node's API as the operator's commands use it.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::Failure;
use crate::exit::Exit;
use crate::home::Home;
use crate::run::Endpoint;

/// Bytes of one answer kept in memory, at most.
const MAX_ANSWER: u64 = 64 << 20;

/// Requests to one node.
#[derive(Clone, Debug)]
pub(super) struct Client {
    agent: ureq::Agent,
    base: String,
}

impl Client {
    /// The node at `url`, or the one that runs in `home`.
    pub(super) fn find(url: Option<&str>, home: Result<&Home, Failure>) -> Result<Self, Failure> {
        let base = match url {
            Some(url) if url.starts_with("http://") => url.trim_end_matches('/').to_owned(),
            Some(url) => {
                return Err(Failure::usage(format!("`{url}` is not a node's address"))
                    .hint("write it as `--node http://127.0.0.1:26672`; put TLS in front of a node that is far away"));
            }
            None => running(home?)?,
        };
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(150)))
            .timeout_connect(Some(Duration::from_secs(5)))
            .http_status_as_error(false)
            .build();
        Ok(Client { agent: config.into(), base })
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::unavailable(format!("the node at `{}` does not answer: {error}", self.base))
            .hint("is it running? `standstill start` starts it, `--node URL` names another")
    }

    fn read(&self, mut response: ureq::http::Response<ureq::Body>) -> Result<Vec<u8>, Failure> {
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let bytes = body.map_err(|error| self.unreachable(&error))?;
        if (200..300).contains(&status) { Ok(bytes) } else { Err(problem(status, &bytes)) }
    }

    pub(super) fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let response = self.agent.get(format!("{}{path}", self.base)).call();
        self.read(response.map_err(|error| self.unreachable(&error))?)
    }

    pub(super) fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.decode(&self.get(path)?)
    }

    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T, Failure> {
        let response = self.agent.post(format!("{}{path}", self.base)).send(body);
        let bytes = self.read(response.map_err(|error| self.unreachable(&error))?)?;
        self.decode(&bytes)
    }

    /// A body of any length.
    pub(super) fn stream(&self, path: &str) -> Result<impl std::io::Read + use<>, Failure> {
        let request = self.agent.get(format!("{}{path}", self.base)).config().timeout_global(None).build();
        let mut response = request.call().map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        if !(200..300).contains(&status) {
            let bytes = response.body_mut().with_config().limit(1 << 20).read_to_vec().unwrap_or_default();
            return Err(problem(status, &bytes));
        }
        Ok(response.into_body().into_with_config().limit(u64::MAX).reader())
    }

    fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(bytes).map_err(|error| Failure {
            exit: Exit::Internal,
            message: format!("the node at `{}` answered in a form that this program does not know: {error}", self.base),
            hint: Some("are node and command of the same version?".to_owned()),
        })
    }
}

fn running(home: &Home) -> Result<String, Failure> {
    let bytes = std::fs::read(home.endpoint_path()).map_err(|_| {
        Failure::unavailable(format!("no node runs in `{}`", home.directory().display()))
            .hint("`standstill start` starts it, `--node URL` names another")
    })?;
    let endpoint: Endpoint = serde_json::from_slice(&bytes)
        .map_err(|_| Failure::unavailable(format!("`{}` is damaged", home.endpoint_path().display())))?;
    Ok(format!("http://{}", endpoint.api))
}

/// The node's problem document as a failure of the command: the same name, the same hint.
fn problem(status: u16, bytes: &[u8]) -> Failure {
    let problem: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let word = |name: &str| problem[name].as_str().map(str::to_owned);
    let exit = match status {
        404 | 408 | 429 | 503 => Exit::Unavailable,
        500.. => Exit::Internal,
        _ => Exit::Usage,
    };
    let detail = word("detail").unwrap_or_else(|| format!("the node answered with status {status}"));
    let code = word("code").map(|code| format!(" ({code})")).unwrap_or_default();
    Failure { exit, message: format!("{detail}{code}"), hint: word("hint") }
}
