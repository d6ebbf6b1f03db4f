use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use kube::Client;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::approval::Approval;
use super::bindings::Bindings;
use super::clusters::Clusters;
use super::managed_namespaces::ManagedNamespaces;
use super::sets::Sets;
use super::{Options, bootstrap};

/// All controllers of the hub's half of registration.
///
/// They run as one future and leave nothing behind when it ends. Only one
/// process runs them against a hub at a time.
#[derive(Clone)]
pub struct Controllers {
    client: Client,
    options: Options,
}

/// How long after a failure the beginnings are tried again.
const RETRY: Duration = Duration::from_secs(5);

impl Controllers {
    /// Those of the hub that `client` reaches, where it may do what
    /// `docs/registration.md` lists.
    #[must_use]
    pub fn new(client: Client, options: Options) -> Self {
        Self { client, options }
    }

    /// Runs them until `stop` is cancelled. What fails is told in the log and
    /// tried again. Dropping the future ends it at once.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.all().boxed()).await;
    }

    async fn all(self) {
        let Self { client, options } = self;
        let at_once = options.at_once;
        let approval = Arc::new(Approval::new(&client, &options));
        let clusters = Arc::new(Clusters::new(&client, &options));
        let sets = Arc::new(Sets::new(&client, clusters.clone(), at_once));
        let bindings = Arc::new(Bindings::new(&client, sets.clone(), at_once));
        let namespaces = ManagedNamespaces::new(&client, clusters.clone(), sets.clone(), at_once);
        let namespaces = Arc::new(namespaces);
        let of_clusters = (sets.clone(), namespaces.clone());
        let of_sets = (bindings.clone(), namespaces.clone());
        tokio::join!(
            prepare(&client).boxed(),
            approval.run().boxed(),
            clusters
                .run(move |change| {
                    of_clusters.0.cluster_changed(change);
                    of_clusters.1.cluster_changed(change);
                })
                .boxed(),
            sets.run(move |change| {
                of_sets.0.set_changed(change);
                of_sets.1.set_changed(change);
            })
            .boxed(),
            bindings.run().boxed(),
            namespaces.run().boxed(),
        );
    }
}

impl fmt::Debug for Controllers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controllers")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Has there what clusters need to join.
async fn prepare(client: &Client) {
    while let Err(error) = Box::pin(bootstrap::prepare(client)).await {
        tracing::warn!(%error, "clusters cannot join yet");
        sleep(RETRY).await;
    }
}
