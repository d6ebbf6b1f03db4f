//! Waits until the first kubectl will succeed.

use std::time::Duration;

use anyhow::Context as _;
use http::StatusCode;
use proto::ClusterName;
use tokio::time::Instant;

use crate::https_client::{Answer, HttpsClient, HttpsError};
use crate::kubeconfig::{HubAccess, PathForm};

/// Asked of every cluster, through the hub and its agent.
const QUESTION: &str = "/api/v1/namespaces?limit=1";
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Returns when each cluster has answered a request through the hub.
///
/// A cluster that does not within a minute is an error with its last answer.
pub(super) async fn all(access: &HubAccess, clusters: &[ClusterName]) -> anyhow::Result<()> {
    let client = HttpsClient::new(access)?;
    for cluster in clusters {
        let path = format!("{}{QUESTION}", PathForm::Short.path(cluster));
        until_ok(&client, &path, LIMIT)
            .await
            .with_context(|| format!("the cluster {cluster} cannot be reached through the hub"))?;
    }
    Ok(())
}

/// Asks until the answer is 200.
pub(super) async fn until_ok(
    client: &HttpsClient,
    path: &str,
    limit: Duration,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        let answer = client.get(path).await;
        if matches!(&answer, Ok(answer) if answer.status == StatusCode::OK) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(last_words(answer, limit));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn last_words(answer: Result<Answer, HttpsError>, limit: Duration) -> anyhow::Error {
    let context = format!("not within {} s", limit.as_secs());
    match answer {
        Ok(answer) => anyhow::anyhow!(
            "the last answer was {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        )
        .context(context),
        Err(error) => anyhow::Error::from(error).context(context),
    }
}
