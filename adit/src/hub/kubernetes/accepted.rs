//! Which clusters the hub's administrators have accepted.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use api::types::cluster::ManagedCluster;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use proto::ClusterName;

use crate::hub::membership::Acceptance;

/// The ManagedClusters that there are, by name, and whether each is accepted:
/// as they were when they were last followed.
#[derive(Debug, Default)]
pub(in crate::hub) struct Accepted(RwLock<BTreeMap<String, bool>>);

/// ManagedClusters read at once.
const PAGE: u32 = 500;

impl Accepted {
    /// Reads them once, so that no agent is refused for coming early.
    pub(super) async fn read(client: Client) -> Result<Self, kube::Error> {
        let clusters: Api<ManagedCluster> = Api::all(client);
        let mut params = ListParams::default().limit(PAGE);
        let mut accepted = BTreeMap::new();
        loop {
            let page = clusters.list(&params).await?;
            for cluster in page.items {
                accepted.insert(cluster.name_any(), cluster.spec.hub_accepts_client);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(Self(RwLock::new(accepted))),
            }
        }
    }

    /// Notes what has become of one; `None`: it is gone.
    pub(in crate::hub) fn note(&self, name: &str, accepted: Option<bool>) {
        let mut clusters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match accepted {
            Some(accepted) => {
                clusters.insert(name.to_owned(), accepted);
            }
            None => {
                clusters.remove(name);
            }
        }
    }

    /// Takes these for all there are.
    pub(in crate::hub) fn replace(&self, all: BTreeMap<String, bool>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all;
    }
}

impl Acceptance for Accepted {
    fn accepts(&self, cluster: &ClusterName) -> Option<bool> {
        let clusters = self.0.read().unwrap_or_else(PoisonError::into_inner);
        clusters.get(cluster.as_str()).copied()
    }
}
