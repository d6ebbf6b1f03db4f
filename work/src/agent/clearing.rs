//! The end of works that no hub and no agent will end.

use std::time::Duration;

use api::types::work::AppliedManifestWork;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tokio::time::{Instant, sleep};

use super::applied::Applied;
use super::failure::Failure;
use super::objects::Objects;

/// Why something of works is still in a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClearError {
    /// The API server refuses, or does not answer.
    #[error("what the work {work} has made cannot be removed: {why}")]
    Failed {
        /// The AppliedManifestWork's name.
        work: String,
        /// What the API server said.
        why: String,
    },
    /// There is no list of them.
    #[error("the AppliedManifestWorks cannot be listed")]
    List(#[source] kube::Error),
    /// Something is on its way out for too long.
    #[error(
        "what the work {0} has made is being deleted, and still there; look for what has a \
         finalizer in it"
    )]
    Stays(String),
}

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Deletes what works have made in a cluster, of one hub or of all, and what
/// was kept of them. No agent may run. Tells how many works that were.
///
/// # Errors
/// If the client may not, or something is not gone within that time.
pub async fn clear(
    managed: &Client,
    hub_hash: Option<&str>,
    within: Duration,
) -> Result<usize, ClearError> {
    let works: Api<AppliedManifestWork> = Api::all(managed.clone());
    let all = match works.list(&ListParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(0),
        all => all.map_err(ClearError::List)?.items,
    };
    let meant = all
        .iter()
        .filter(|of| hub_hash.is_none_or(|hash| of.spec.hub_hash == hash));
    let names: Vec<String> = meant.map(ResourceExt::name_any).collect();
    let objects = Objects::new(managed.clone());
    let until = Instant::now() + within;
    for name in &names {
        Box::pin(one(&objects, name, until)).await?;
    }
    Ok(names.len())
}

async fn one(objects: &Objects, name: &str, until: Instant) -> Result<(), ClearError> {
    let failed = |failure: Failure| ClearError::Failed {
        work: name.to_owned(),
        why: failure.to_string(),
    };
    while let Some(applied) = Applied::get(objects, name).await.map_err(failed)? {
        if Instant::now() > until {
            return Err(ClearError::Stays(name.to_owned()));
        }
        if applied.is_deleting() {
            Box::pin(applied.clear(objects)).await.map_err(failed)?;
        } else {
            applied.delete(objects).await.map_err(failed)?;
        }
        sleep(PAUSE).await;
    }
    Ok(())
}
