//! ManagedClusterSetBindings: each says whether its set is there.

use std::sync::Arc;

use api::types::cluster::{ManagedClusterSet, ManagedClusterSetBinding};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::{Config, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::error::{Trying as _, if_there};
use super::following::{Changed, Known};
use super::queue::{Looked, Queue};
use super::sets::Sets;
use super::status;

/// All that is known of the bindings.
pub(crate) struct Bindings {
    client: Client,
    sets: Arc<Sets>,
    known: Known<ManagedClusterSetBinding>,
    queue: Queue,
    at_once: usize,
}

impl Bindings {
    pub(crate) fn new(client: &Client, sets: Arc<Sets>, at_once: usize) -> Self {
        Self {
            client: client.clone(),
            sets,
            known: Known::default(),
            queue: Queue::default(),
            at_once,
        }
    }

    /// Follows the bindings and looks at them. Runs until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        let bindings = Api::all(self.client.clone());
        let bindings = watcher(bindings, Config::default());
        let follow = self
            .known
            .follow(bindings, |change| self.queue.push(change.key));
        let look = async {
            self.sets.known().are_read().await;
            let this = self.clone();
            let look = move |key| this.clone().look(key);
            self.queue.work("set bindings", self.at_once, look).await;
        };
        tokio::join!(follow.boxed(), look);
    }

    /// Has the bindings of a set looked at that has come or gone.
    pub(crate) fn set_changed(&self, change: &Changed<'_, ManagedClusterSet>) {
        if change.old.is_some() == change.new.is_some() {
            return;
        }
        for binding in self.known.all() {
            if binding.spec.cluster_set == change.key {
                let namespace = binding.namespace().unwrap_or_default();
                self.queue
                    .push(&format!("{namespace}/{}", binding.name_any()));
            }
        }
    }

    fn look(self: Arc<Self>, key: String) -> BoxFuture<'static, Looked> {
        async move {
            let Some(binding) = self.known.find(&key) else {
                return Ok(None);
            };
            let set = self.sets.known().find(&binding.spec.cluster_set);
            let (state, reason) = match set {
                Some(_) => ("True", "ClusterSetBound"),
                None => ("False", "ClusterSetNotFound"),
            };
            let status = binding.status.as_ref();
            let mut conditions = status.map_or_else(Vec::new, |status| status.conditions.clone());
            if !status::set(&mut conditions, "Bound", state, reason, "") {
                return Ok(None);
            }
            let namespace = binding.namespace().unwrap_or_default();
            let api: Api<ManagedClusterSetBinding> =
                Api::namespaced(self.client.clone(), &namespace);
            let patch = json!({
                "metadata": {"resourceVersion": binding.metadata.resource_version},
                "status": {"conditions": conditions},
            });
            let name = binding.name_any();
            let patch = Patch::Merge(patch);
            let told = api
                .patch_status(&name, &PatchParams::default(), &patch)
                .await;
            if_there(told)
                .trying(|| format!("the status of set binding {key} cannot be written"))?;
            Ok(None)
        }
        .boxed()
    }
}
