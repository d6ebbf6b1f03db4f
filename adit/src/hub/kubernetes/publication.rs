//! Tells in the cluster where agents find the hub, and who verifies it.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use proxy_agent::HubAddress;
use tokio::sync::watch;
use tokio::time::sleep;

use super::MANAGER;
use crate::published::{self, Published};

/// Keeps the ConfigMap as it should be.
pub(super) struct Publication {
    maps: Api<ConfigMap>,
    hubs: Vec<HubAddress>,
    /// The certificates that verify the hub.
    root_ca: watch::Receiver<Arc<str>>,
}

/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(10);

impl Publication {
    pub(super) fn new(
        client: Client,
        hubs: Vec<HubAddress>,
        root_ca: watch::Receiver<Arc<str>>,
    ) -> Self {
        Self {
            maps: Api::namespaced(client, published::NAMESPACE),
            hubs,
            root_ca,
        }
    }

    /// Writes it whenever the certificates are others, until it is dropped.
    pub(super) async fn keep(&self) {
        let mut root_ca = self.root_ca.clone();
        loop {
            let published = Published {
                hubs: self.hubs.clone(),
                authorities_pem: root_ca.borrow_and_update().to_string(),
            };
            let params = PatchParams::apply(MANAGER).force();
            let map = Patch::Apply(published.to_config_map());
            if let Err(error) = self.maps.patch(published::NAME, &params, &map).await {
                tracing::warn!(%error, "clusters that join are not told yet where the hub is");
                sleep(RETRY).await;
                continue;
            }
            if root_ca.changed().await.is_err() {
                // The hub stops.
                std::future::pending::<()>().await;
            }
        }
    }
}
