//! The agent's own ManagedCluster, as the hub has it now.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use api::types::cluster::ManagedCluster;
use futures_util::StreamExt as _;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio::sync::watch;

use super::Credential;
use super::managed_cluster::is_accepted;
use super::refusal::{answered_to_watch, told};
use super::state::{Missing, State, tell};

/// What is known of the ManagedCluster; nothing before the hub has told of it.
#[derive(Clone, Debug)]
pub(super) struct View(watch::Receiver<Option<Arc<ManagedCluster>>>);

impl View {
    pub(super) fn new() -> (watch::Sender<Option<Arc<ManagedCluster>>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }

    /// The ManagedCluster, if it is accepted.
    pub(super) fn accepted(&self) -> Option<Arc<ManagedCluster>> {
        let now = self.0.borrow().clone();
        now.filter(|cluster| is_accepted(cluster))
    }

    /// How often the lease is to be renewed; not at all if the cluster is not
    /// accepted.
    pub(super) fn lease_duration(&self) -> Option<Duration> {
        let cluster = self.accepted()?;
        let seconds = u64::try_from(cluster.spec.lease_duration_seconds).unwrap_or(0);
        Some(match seconds {
            0 => LEASE_DURATION,
            seconds => Duration::from_secs(seconds),
        })
    }

    /// Waits until the ManagedCluster has changed since this was last called.
    /// Cancel-safe.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // Whoever follows has ended, and with it everything else.
            std::future::pending().await
        }
    }
}

/// Keeps the view up to date, and says whether the cluster is joined.
pub(super) async fn follow(
    hub: Client,
    credential: &Credential,
    view: watch::Sender<Option<Arc<ManagedCluster>>>,
    state: &watch::Sender<State>,
) -> Infallible {
    let identity = &credential.identity;
    let cluster = identity.cluster.as_str();
    let clusters: Api<ManagedCluster> = Api::all(hub);
    let changes = watcher::watch_object(clusters, cluster).default_backoff();
    let mut changes = std::pin::pin!(changes);
    while let Some(change) = changes.next().await {
        let now = match &change {
            Ok(Some(found)) if is_accepted(found) => State::Joined {
                identity: identity.clone(),
                until: credential.not_after,
            },
            Ok(Some(_)) => State::Waiting {
                identity: identity.clone(),
                missing: Missing::Acceptance,
            },
            Ok(None) => State::Failing {
                why: format!(
                    "the hub has no ManagedCluster {cluster}; if it was detached there, run \
                     `adit unjoin`, or join it again"
                ),
                again: Duration::ZERO,
            },
            Err(error) => match answered_to_watch(error) {
                Some(401 | 403) => State::Failing {
                    why: format!(
                        "the hub does not let the agent read its ManagedCluster {cluster} ({}); \
                         see `adit clusters` there",
                        told(error)
                    ),
                    again: WATCH_RETRY,
                },
                _ => {
                    tracing::debug!(%error, "cannot follow the ManagedCluster; trying again");
                    continue;
                }
            },
        };
        tell(state, now);
        if let Ok(found) = change {
            view.send_replace(found.map(Arc::new));
        }
    }
    std::future::pending().await
}

/// OCM's default.
const LEASE_DURATION: Duration = Duration::from_secs(60);
/// About how soon a refused watch is tried again.
const WATCH_RETRY: Duration = Duration::from_secs(30);
