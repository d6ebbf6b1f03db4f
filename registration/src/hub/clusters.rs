//! The controller of ManagedClusters: each is looked at when anything happens to
//! it, its lease, its rights or its sessions, by one at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::types::cluster::ManagedCluster;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::access::Access;
use super::availability::{self, Signs};
use super::error::{Trying as _, if_there};
use super::events::Events;
use super::following::{Changed, Known, follow};
use super::leases::Leases;
use super::names::{
    ACCESS_FINALIZER, CLUSTER_NAME, CLUSTER_SET, CONTENT_FINALIZER, DEFAULT_SET, HUB_ACCEPTED,
    LEASE, TUNNELLED,
};
use super::objects::finalizers;
use super::options::Connected;
use super::queue::{Looked, Queue};
use super::tunnel::{Session, Tunnel};
use super::{
    HubError, Options, acceptance, accounts, clock, deletion, shared_roles, status, taints,
};

/// All that is known of the clusters, and what is to be done for them.
pub(crate) struct Clusters {
    client: Client,
    api: Api<ManagedCluster>,
    events: Events,
    known: Known<ManagedCluster>,
    leases: Leases,
    connected: Option<Connected>,
    tunnel: Tunnel,
    queue: Queue,
    /// What was found to be given to each, until something happens to it.
    given: Mutex<HashMap<String, Given>>,
    at_once: usize,
}

/// What a cluster's agents have.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Given {
    access: Access,
    /// The accounts of those that register by token.
    accounts: Vec<String>,
}

/// The key of what all clusters share; no cluster has an empty name.
const SHARED: &str = "";
/// When a cluster is looked at again in whose namespace something waits to go.
const CONTENT_REMAINS: Duration = Duration::from_secs(1);

impl Clusters {
    pub(crate) fn new(client: &Client, options: &Options) -> Self {
        Self {
            client: client.clone(),
            api: Api::all(client.clone()),
            events: Events::new(client.clone()),
            known: Known::default(),
            leases: Leases::default(),
            connected: options.connected.clone(),
            tunnel: Tunnel::new(options.disconnected_after),
            queue: Queue::default(),
            given: Mutex::default(),
            at_once: options.at_once,
        }
    }

    pub(crate) fn known(&self) -> &Known<ManagedCluster> {
        &self.known
    }

    /// Follows the clusters and whatever matters to them, and looks at them.
    /// Runs until it is dropped. `changed` hears of the clusters too.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut changed: impl FnMut(&Changed<'_, ManagedCluster>) + Send,
    ) {
        let clusters = watcher(self.api.clone(), Config::default());
        let follow_clusters = self.known.follow(clusters, |change| {
            self.queue.push(change.key);
            if change.old.is_none() || change.new.is_none() {
                self.queue.push(SHARED);
            }
            if change.new.is_none() {
                self.tunnel.forget(change.key);
                self.given().remove(change.key);
            }
            changed(&change);
        });
        let leases: Api<Lease> = Api::all(self.client.clone());
        let config = Config::default().fields(&format!("metadata.name={LEASE}"));
        let follow_leases = follow(watcher(leases, config), |event| {
            let renewed = matches!(event, Event::Apply(_));
            for cluster in self.leases.note(event, Timestamp::now()) {
                if renewed {
                    self.tunnel.renewed(&cluster);
                }
                self.queue.push(&cluster);
            }
        });
        let look = async {
            self.known.are_read().await;
            self.queue.push(SHARED);
            let this = self.clone();
            let look = move |name| this.clone().look(name);
            self.queue.work("clusters", self.at_once, look).await;
        };
        tokio::join!(
            follow_clusters.boxed(),
            follow_leases.boxed(),
            self.follow_sessions(),
            self.follow_made::<Namespace>(),
            self.follow_made::<ServiceAccount>(),
            self.follow_made::<ClusterRole>(),
            self.follow_made::<ClusterRoleBinding>(),
            self.follow_made::<RoleBinding>(),
            look,
        );
    }

    /// Has clusters looked at whose sessions come or go.
    async fn follow_sessions(&self) {
        let Some(mut connected) = self.connected.clone() else {
            return;
        };
        loop {
            let now = connected.borrow_and_update().clone();
            for cluster in self.tunnel.note(now) {
                self.queue.push(&cluster);
            }
            if connected.changed().await.is_err() {
                // The hub ends, and its sessions with it: nobody is to blame.
                return;
            }
        }
    }

    /// Has clusters looked at for which something was changed that is made here.
    async fn follow_made<K>(&self)
    where
        K: Clone + std::fmt::Debug + DeserializeOwned + Resource<DynamicType = ()> + Send + 'static,
    {
        let config = Config::default().labels(CLUSTER_NAME);
        let made: Api<PartialObjectMeta<K>> = Api::all(self.client.clone());
        let look_again = |cluster: Option<&String>| {
            if let Some(cluster) = cluster {
                self.given().remove(cluster);
                self.queue.push(cluster);
            }
        };
        let note = |event: Event<PartialObjectMeta<K>>| match event {
            Event::Init => {}
            // What was removed meanwhile is not told.
            Event::InitDone => {
                self.given().clear();
                for cluster in self.known.all() {
                    self.queue.push(&cluster.name_any());
                }
                self.queue.push(SHARED);
            }
            Event::InitApply(object) | Event::Apply(object) | Event::Delete(object) => {
                look_again(object.labels().get(CLUSTER_NAME));
            }
        };
        follow(watcher(made, config), note).boxed().await;
    }

    fn look(self: Arc<Self>, name: String) -> BoxFuture<'static, Looked> {
        async move {
            if name == SHARED {
                shared_roles::keep(&self.client, !self.known.is_empty()).await?;
                return Ok(None);
            }
            match self.known.find(&name) {
                None => Box::pin(self.look_after(&name)).await,
                Some(cluster) if cluster.metadata.deletion_timestamp.is_some() => {
                    Box::pin(self.look_at_leaving(&cluster)).await
                }
                Some(cluster) => Box::pin(self.look_at(&cluster)).await,
            }
        }
        .boxed()
    }

    /// A cluster that stays.
    async fn look_at(&self, cluster: &ManagedCluster) -> Looked {
        let name = cluster.name_any();
        let access = acceptance::due(cluster);
        let cluster = self.mark(cluster, access).await?;
        let before = status::conditions(&cluster);
        let mut conditions = before.to_vec();
        let mut failed = None;
        if let Some(access) = access {
            let accounts = accounts::of(&cluster);
            let given = self.give(&name, Given { access, accounts }).await;
            acceptance::tell(access, &given, &mut conditions);
            failed = given.err();
        }
        let mut again = None;
        if failed.is_none() && status::find(&conditions, HUB_ACCEPTED).is_some() {
            match self.signs(&cluster) {
                signs if self.connected.is_some() && availability::is_tunnel_alone(&cluster) => {
                    let session = self.tunnel.of(&name);
                    again = availability::judge_alone(session, signs.limit, &mut conditions);
                }
                Signs { lease: None, .. } => availability::begin(&self.client, &cluster).await?,
                signs => {
                    let now = Timestamp::now();
                    again = availability::judge(&cluster, &signs, now, &mut conditions).again;
                    if let Some(lease) = &signs.lease {
                        clock::judge(&cluster, lease, &mut conditions);
                    }
                }
            }
        }
        let cluster = self.write(&cluster, &conditions).await?;
        self.taint(&cluster).await?;
        failed.map_or(Ok(again), Err)
    }

    /// A cluster that is being deleted.
    async fn look_at_leaving(&self, cluster: &ManagedCluster) -> Looked {
        let name = cluster.name_any();
        let ours = [CONTENT_FINALIZER, ACCESS_FINALIZER];
        let is_ours = |of: &String| ours.contains(&of.as_str());
        if !cluster.finalizers().iter().any(is_ours) {
            return Ok(None);
        }
        let mut conditions = status::conditions(cluster).to_vec();
        let cleared = deletion::clear(&self.client, &name).await;
        deletion::tell(&cleared, &mut conditions);
        let signs = self.signs(cluster);
        availability::judge(cluster, &signs, Timestamp::now(), &mut conditions);
        let cluster = self.write(cluster, &conditions).await?;
        if cleared?.is_some() {
            return Ok(Some(CONTENT_REMAINS));
        }
        let nothing = Given {
            access: Access::Gone,
            accounts: Vec::new(),
        };
        self.give(&name, nothing).await?;
        let all = cluster.finalizers().iter();
        let left: Vec<&String> = all.filter(|of| !is_ours(of)).collect();
        let patch = finalizers(cluster.metadata.resource_version.as_deref(), &left);
        let released = self.api.patch(&name, &PatchParams::default(), &patch).await;
        if_there(released).trying(|| format!("managed cluster {name} cannot be released"))?;
        self.events
            .normal(
                &name,
                "ManagedClusterGC",
                format!("managed cluster {name} is deleting and the cluster rbac are deleted"),
            )
            .await;
        Ok(None)
    }

    /// A cluster that is gone. If it went without us, what it leaves is removed.
    async fn look_after(&self, name: &str) -> Looked {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespace = namespaces.get_metadata_opt(name).await;
        let namespace = namespace.trying(|| format!("namespace {name} cannot be read"))?;
        let is_its = namespace.is_some_and(|namespace| {
            let label = namespace.labels().get(CLUSTER_NAME);
            label.is_some_and(|cluster| cluster == name)
        });
        if is_its && deletion::clear(&self.client, name).await?.is_some() {
            return Ok(Some(CONTENT_REMAINS));
        }
        Access::Gone.give(&self.client, name, &[]).await?;
        Ok(None)
    }

    /// Gives it what it is to have, unless nothing has happened to it since it
    /// was found to have that.
    async fn give(&self, name: &str, wanted: Given) -> Result<(), HubError> {
        // Noted before it is looked for, so that what happens meanwhile counts.
        let noted = self.given().insert(name.to_owned(), wanted.clone());
        if noted.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let Given { access, accounts } = wanted;
        let given = Box::pin(access.give(&self.client, name, &accounts)).await;
        if given.is_err() {
            self.given().remove(name);
        }
        given
    }

    fn signs(&self, cluster: &ManagedCluster) -> Signs {
        let name = cluster.name_any();
        let tunnelled = self.connected.is_some() && cluster.annotations().contains_key(TUNNELLED);
        Signs {
            lease: self.leases.find(&name),
            session: tunnelled.then(|| self.tunnel.of(&name)),
            limit: self.tunnel.limit(),
        }
    }

    /// Brings a cluster's metadata to what it is to be.
    async fn mark(
        &self,
        cluster: &ManagedCluster,
        access: Option<Access>,
    ) -> Result<ManagedCluster, HubError> {
        let name = cluster.name_any();
        let mut metadata = json!({});
        if cluster
            .labels()
            .get(CLUSTER_SET)
            .is_none_or(String::is_empty)
        {
            metadata["labels"] = json!({(CLUSTER_SET): DEFAULT_SET});
        }
        let connected = self.connected.is_some() && self.tunnel.of(&name) == Session::There;
        if access.is_some() && connected && !cluster.annotations().contains_key(TUNNELLED) {
            metadata["annotations"] = json!({(TUNNELLED): "true"});
        }
        if access == Some(Access::Accepted) {
            let mut all = cluster.finalizers().to_vec();
            for finalizer in [CONTENT_FINALIZER, ACCESS_FINALIZER] {
                if !all.iter().any(|of| of == finalizer) {
                    all.push(finalizer.to_owned());
                }
            }
            if all != cluster.finalizers() {
                metadata["finalizers"] = json!(all);
            }
        }
        self.patch(cluster, "metadata", metadata).await
    }

    /// Writes what its conditions are now, and tells people what became of it.
    async fn write(
        &self,
        cluster: &ManagedCluster,
        conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition],
    ) -> Result<ManagedCluster, HubError> {
        let before = status::conditions(cluster);
        if before == conditions {
            return Ok(cluster.clone());
        }
        let name = cluster.name_any();
        let written = status::write(&self.api, cluster, conditions).await?;
        if let Some((reason, note)) = acceptance::event(&name, before, conditions) {
            tracing::info!(cluster = name, reason, "a cluster's standing has changed");
            self.events.normal(&name, reason, note).await;
        }
        let unknown = |all| status::is(all, super::names::AVAILABLE, "Unknown");
        if unknown(conditions) && !unknown(before) {
            tracing::warn!(cluster = name, "a cluster is not available any more");
            let note = availability::event(&name);
            self.events.warning(&name, "AvailableUnknown", note).await;
        }
        Ok(written)
    }

    async fn taint(&self, cluster: &ManagedCluster) -> Result<(), HubError> {
        let conditions = status::conditions(cluster);
        let Some(taints) = taints::wanted(&cluster.spec.taints, conditions) else {
            return Ok(());
        };
        let spec = json!({"taints": taints});
        self.patch(cluster, "spec", spec).await.map(drop)
    }

    /// Changes a part of a cluster, unless somebody else has changed it since.
    async fn patch(
        &self,
        cluster: &ManagedCluster,
        part: &str,
        change: Value,
    ) -> Result<ManagedCluster, HubError> {
        if change.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(cluster.clone());
        }
        let name = cluster.name_any();
        let mut patch = json!({(part): change});
        patch["metadata"]["uid"] = json!(cluster.metadata.uid);
        patch["metadata"]["resourceVersion"] = json!(cluster.metadata.resource_version);
        let patched = self
            .api
            .patch(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.trying(|| format!("managed cluster {name} cannot be changed"))
    }

    fn given(&self) -> MutexGuard<'_, HashMap<String, Given>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
