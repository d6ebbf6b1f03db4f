//! Makes a work for each cluster that a set's placements choose, and keeps it
//! like the set's template, cluster by cluster as the placements' strategies say.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::types::work::{
    CascadeDeletionPolicy, ManifestWork, ManifestWorkReplicaSet, ManifestWorkReplicaSetStatus,
};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::children::Children;
use super::decisions::Decisions;
use super::names;
use plan::plan;
use writes::{WriteError, Writes};

mod plan;
mod progress;
mod status;
#[cfg(test)]
mod tests;
mod writes;

/// The controller of ManifestWorkReplicaSets.
pub(super) struct ReplicaSets {
    client: Client,
    children: Arc<Children>,
    decisions: Arc<Decisions>,
    /// Works of a set that are written at once.
    at_once: usize,
    /// How often in a row what a set asks for could not be done; of those
    /// that failed last.
    failures: Mutex<BTreeMap<String, u32>>,
}

/// A change that is under way.
type Write<'a> = BoxFuture<'a, Result<(), WriteError>>;

/// Even if nothing seems to change a set is looked at so often.
const LOOK: Duration = Duration::from_secs(30 * 60);
/// After a first failure; doubled with each in a row.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(64);
/// While works of a deleted set go. Each that goes is noticed by itself.
const GOING: Duration = Duration::from_secs(10);
/// So that what is due by then is.
const SLACK: Duration = Duration::from_millis(20);
/// Failures that a condition tells.
const TOLD: usize = 3;
/// Who writes, among the managers of fields.
pub(super) const MANAGER: &str = "adit-hub";

impl ReplicaSets {
    pub(super) fn new(
        client: Client,
        children: Arc<Children>,
        decisions: Arc<Decisions>,
        at_once: usize,
    ) -> Self {
        Self {
            client,
            children,
            decisions,
            at_once,
            failures: Mutex::default(),
        }
    }

    /// Does what a set asks for, as far as it may be done now. What fails is
    /// told and tried again, ever more rarely.
    pub(super) async fn reconcile(
        &self,
        set: &ManifestWorkReplicaSet,
    ) -> Result<Action, Infallible> {
        if !self.children.are_read() || !self.decisions.are_read() {
            // Looked at again when they are.
            return Ok(Action::await_change());
        }
        let owner = owner(set);
        let done = if set.metadata.deletion_timestamp.is_some() {
            self.end(set).await
        } else {
            self.keep(set).await
        };
        let mut failures = self.failures();
        let again = match done {
            Ok(again) => {
                failures.remove(&owner);
                again
            }
            Err(error) => {
                let count = failures.entry(owner.clone()).or_default();
                let wait = RETRY.saturating_mul(1 << (*count).min(6)).min(RETRY_MOST);
                *count = count.saturating_add(1);
                tracing::warn!(set = owner, %error, ?wait, "a ManifestWorkReplicaSet is to be tried again");
                Some(wait)
            }
        };
        Ok(again.map_or_else(Action::await_change, Action::requeue))
    }

    async fn keep(&self, set: &ManifestWorkReplicaSet) -> Result<Option<Duration>, WriteError> {
        if !set.finalizers().iter().any(|of| of == names::FINALIZER) {
            let mut finalizers = set.finalizers().to_vec();
            finalizers.push(names::FINALIZER.to_owned());
            self.hold(set, &finalizers).await?;
            // The change brings it here again.
            return Ok(Some(LOOK));
        }
        let groups: Vec<_> = {
            let namespace = set.namespace().unwrap_or_default();
            let references = set.spec.placement_refs.iter();
            references
                .map(|reference| self.decisions.of(&namespace, &reference.name))
                .collect()
        };
        let owner = owner(set);
        let now = Timestamp::now();
        let mut plan = plan(set, &groups, &self.children.of(&owner), now);
        let failed = self.write(set, &plan, now).await;
        // What was written counts at once.
        plan = plan::plan(set, &groups, &self.children.of(&owner), now);
        if !failed.is_empty() {
            let generation = set.metadata.generation;
            status::say_failed(&mut plan.status, tell(&failed), generation, now);
        }
        self.say(set, plan.status).await?;
        match failed.into_iter().next() {
            Some(error) => Err(error),
            None => {
                let recheck = plan.recheck_after.map_or(LOOK, |after| after + SLACK);
                Ok(Some(recheck.min(LOOK)))
            }
        }
    }

    /// Writes what a plan has; what could not be written.
    async fn write(
        &self,
        set: &ManifestWorkReplicaSet,
        plan: &plan::Plan,
        now: Timestamp,
    ) -> Vec<WriteError> {
        let writes = Writes {
            client: &self.client,
            children: &self.children,
            set,
            now,
        };
        let mut all: Vec<Write<'_>> = Vec::new();
        for child in &plan.remove {
            all.push(writes.remove(child).boxed());
        }
        for child in &plan.rewrite {
            all.push(writes.rewrite(child).boxed());
        }
        for child in &plan.mark {
            all.push(writes.mark(child).boxed());
        }
        for (cluster, placement) in &plan.make {
            all.push(writes.make(cluster, placement).boxed());
        }
        self.do_all(all).await
    }

    /// Writes so many at once; what could not be written.
    async fn do_all(&self, all: Vec<Write<'_>>) -> Vec<WriteError> {
        let done = stream::iter(all).buffer_unordered(self.at_once);
        let failed = done.filter_map(|done| std::future::ready(done.err()));
        failed.collect().await
    }

    /// Deletes a set's works, and lets it go: at once, or after them.
    async fn end(&self, set: &ManifestWorkReplicaSet) -> Result<Option<Duration>, WriteError> {
        if !set.finalizers().iter().any(|of| of == names::FINALIZER) {
            return Ok(None);
        }
        let owner = owner(set);
        let works: Api<ManifestWork> = Api::all(self.client.clone());
        let selector = format!("{}={}", names::SET, names::label(&owner));
        let ours = ListParams::default().labels(&selector);
        let listed = works.list_metadata(&ours).await;
        let mut left = listed.map_err(WriteError::List)?.items;
        // Another's, if a label that was cut is the same.
        left.retain(|work| {
            let full = work.annotations().get(names::SET);
            full.is_none_or(|full| *full == owner)
        });
        let mut going: Vec<Write<'_>> = Vec::new();
        for work in &left {
            if work.metadata.deletion_timestamp.is_none() {
                going.push(writes::delete(&self.client, &work.metadata).boxed());
            }
        }
        if let Some(error) = self.do_all(going).await.into_iter().next() {
            return Err(error);
        }
        let waits = set.spec.cascade_deletion_policy == CascadeDeletionPolicy::Foreground;
        if waits && !left.is_empty() {
            return Ok(Some(GOING));
        }
        let finalizers = set.finalizers().iter();
        let others: Vec<_> = finalizers
            .filter(|of| *of != names::FINALIZER)
            .cloned()
            .collect();
        self.hold(set, &others).await?;
        Ok(None)
    }

    /// Sets the finalizers of a set as it is known; of one that has changed
    /// since, nothing, as it comes again.
    async fn hold(
        &self,
        set: &ManifestWorkReplicaSet,
        finalizers: &[String],
    ) -> Result<(), WriteError> {
        let patch = Patch::Merge(json!({"metadata": {
            "finalizers": finalizers,
            "resourceVersion": set.metadata.resource_version,
        }}));
        let held = self
            .sets(set)
            .patch(&set.name_any(), &params(), &patch)
            .await;
        unless_changed(held).map_err(WriteError::Set)
    }

    /// Writes a set's status if it is another.
    async fn say(
        &self,
        set: &ManifestWorkReplicaSet,
        status: ManifestWorkReplicaSetStatus,
    ) -> Result<(), WriteError> {
        if set.status.as_ref() == Some(&status) {
            return Ok(());
        }
        // Whatever is empty is said too, as the patch is merged.
        let patch = Patch::Merge(json!({"status": {
            "conditions": status.conditions,
            "placementSummary": status.placement_summary,
            "summary": status.summary,
        }}));
        let sets = self.sets(set);
        let said = sets.patch_status(&set.name_any(), &params(), &patch).await;
        unless_changed(said).map_err(WriteError::Set)
    }

    fn sets(&self, set: &ManifestWorkReplicaSet) -> Api<ManifestWorkReplicaSet> {
        Api::namespaced(self.client.clone(), &set.namespace().unwrap_or_default())
    }

    fn failures(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a set's works name it.
pub(super) fn owner(set: &ManifestWorkReplicaSet) -> String {
    let namespace = set.namespace().unwrap_or_default();
    format!("{namespace}.{}", set.name_any())
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// What is gone or was changed comes again by itself.
fn unless_changed<T>(done: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match done {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        done => done.map(drop),
    }
}

fn tell(failed: &[WriteError]) -> String {
    let told: Vec<_> = failed.iter().take(TOLD).map(ToString::to_string).collect();
    let mut told = told.join("; ");
    if failed.len() > TOLD {
        told.push_str(&format!("; and {} more", failed.len() - TOLD));
    }
    told
}
