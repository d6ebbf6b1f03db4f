//! What a hub is asked: its sessions, and its API.

use std::time::Duration;

use anyhow::Context as _;
use http::Request;
use kube::Client;
use kube::core::Status;
use tokio::time::timeout;

use crate::hub::{AGGREGATED_SESSIONS, Listing};

/// Where a hub tells its sessions at its own port.
const SESSIONS: &str = "/sessions";
/// A whole question and answer.
const LIMIT: Duration = Duration::from_secs(30);

/// What the hub tells of its sessions; where a Kubernetes cluster is the hub,
/// what is behind its aggregation layer tells.
pub(super) async fn fetch(client: &Client) -> anyhow::Result<String> {
    let own = ask(client, SESSIONS).await?;
    let aggregated = match &own {
        Err(status) if is_elsewhere(status) => Some(ask(client, AGGREGATED_SESSIONS).await?),
        Ok(_) | Err(_) => None,
    };
    let answer = match (own, aggregated) {
        (_, Some(Ok(body))) | (Ok(body), None) => Ok(body),
        // Where there are no such paths, it is no hub of its own.
        (Err(own), Some(Err(status))) if own.code == 404 => Err(status),
        (Err(status), _) | (Ok(_), Some(Err(status))) => Err(status),
    };
    answer.map_err(|status| {
        let message = status.message.trim_end();
        anyhow::anyhow!("the hub answered {}: {message}", status.code)
    })
}

/// What an answer of [`fetch`] says.
pub(super) fn parse(body: &str) -> anyhow::Result<Listing> {
    serde_json::from_str(body).context("the hub answered something else than sessions")
}

/// Asks for one path; the inner error is the answer's.
pub(super) async fn ask(client: &Client, path: &str) -> anyhow::Result<Result<String, Status>> {
    let request = Request::get(path).body(Vec::new())?;
    match timeout(LIMIT, client.request_text(request)).await {
        Ok(Ok(body)) => Ok(Ok(body)),
        Ok(Err(kube::Error::Api(status))) => Ok(Err(*status)),
        Ok(Err(error)) => Err(error).context("the hub cannot be asked; is it running?"),
        Err(_) => anyhow::bail!("the hub gave no answer within {} s", LIMIT.as_secs()),
    }
}

/// A kube-apiserver has no such path, and most may not ask it for others than
/// the API's.
fn is_elsewhere(status: &Status) -> bool {
    matches!(status.code, 403 | 404)
}
