//! The works that ManifestWorkReplicaSets have made, as far as it matters.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::types::work::{ManifestWork, ManifestWorkSpec};
use aws_lc_rs::digest::{SHA256, digest};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::runtime::watcher::Event;

use super::names;

/// A work of a set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Child {
    /// Its namespace.
    pub(super) cluster: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
    pub(super) generation: i64,
    pub(super) created: Option<Timestamp>,
    pub(super) deleting: bool,
    /// Whether it has annotations at all.
    pub(super) annotated: bool,
    /// The placement that it was made for.
    pub(super) placement: String,
    pub(super) rolled_out_at: Option<Timestamp>,
    pub(super) succeeded_at: Option<Timestamp>,
    pub(super) spec: SpecHash,
    pub(super) conditions: Vec<Condition>,
}

/// Tells specs of works apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SpecHash([u8; 32]);

/// `<namespace>.<name>` of a set.
pub(super) type Owner = String;

/// Works by set.
#[derive(Debug, Default)]
pub(super) struct Children(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    now: Known,
    /// Those of a list that is being read anew.
    listed: Known,
    read: bool,
    /// The latest version that the watch has told of.
    seen: Option<u64>,
}

#[derive(Debug, Default)]
struct Known {
    by_owner: BTreeMap<Owner, BTreeMap<Key, Arc<Child>>>,
    owners: BTreeMap<Key, Owner>,
}

/// A work's cluster and name.
type Key = (String, String);

impl SpecHash {
    pub(super) fn of(spec: &ManifestWorkSpec) -> Self {
        // A map of `Value` is sorted by its keys.
        let text = serde_json::to_vec(spec).unwrap_or_default();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &text).as_ref());
        Self(hash)
    }
}

impl Child {
    /// What matters of a work, and whose it is; `None` of those that are
    /// nobody's.
    fn of(work: &ManifestWork) -> Option<(Owner, Self)> {
        let owner = full(work, names::SET)?;
        let annotations = work.annotations();
        let time = |name: &str| annotations.get(name).and_then(|time| time.parse().ok());
        let metadata = &work.metadata;
        let status = work.status.as_ref();
        let child = Self {
            cluster: work.namespace()?,
            name: work.name_any(),
            uid: work.uid().unwrap_or_default(),
            resource_version: work.resource_version().unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            deleting: metadata.deletion_timestamp.is_some(),
            annotated: metadata.annotations.is_some(),
            placement: full(work, names::PLACEMENT).unwrap_or_default(),
            rolled_out_at: time(names::ROLLED_OUT_AT),
            succeeded_at: time(names::SUCCEEDED_AT),
            spec: SpecHash::of(&work.spec),
            conditions: status.map_or_else(Vec::new, |status| status.conditions.clone()),
        };
        Some((owner, child))
    }

    /// A condition, if it is about the work as it is now.
    pub(super) fn condition(&self, type_: &str) -> Option<&Condition> {
        let mut conditions = self.conditions.iter();
        conditions.find(|of| of.type_ == type_ && of.observed_generation == Some(self.generation))
    }

    /// Whether it has a condition, about the work as it is now, or was.
    pub(super) fn has(&self, type_: &str) -> bool {
        self.conditions.iter().any(|of| of.type_ == type_)
    }

    /// Whether a condition is so of the work as it is now.
    pub(super) fn is(&self, type_: &str, status: &str) -> bool {
        let condition = self.condition(type_);
        condition.is_some_and(|condition| condition.status == status)
    }
}

/// What a label says in full: where it was cut, its annotation does.
fn full(work: &ManifestWork, name: &str) -> Option<String> {
    let label = work.labels().get(name)?;
    let annotation = work.annotations().get(name);
    let annotation = annotation.filter(|full| names::label(full) == *label);
    Some(annotation.unwrap_or(label).clone())
}

/// A work's resource version, of which later ones are greater.
fn version(work: &ManifestWork) -> Option<u64> {
    work.metadata.resource_version.as_deref()?.parse().ok()
}

impl Children {
    /// Takes up a change. The sets that it is about; all, if that is not known.
    pub(super) fn note(&self, event: &Event<ManifestWork>) -> Option<Vec<Owner>> {
        let mut state = self.state();
        if let Event::InitApply(work) | Event::Apply(work) | Event::Delete(work) = event {
            state.seen = state.seen.max(version(work));
        }
        match event {
            Event::Init => state.listed = Known::default(),
            Event::InitApply(work) => drop(state.listed.take(work)),
            Event::InitDone => {
                state.now = std::mem::take(&mut state.listed);
                state.read = true;
                return None;
            }
            Event::Apply(work) => return Some(state.now.take(work)),
            Event::Delete(work) => return Some(state.now.forget(work)),
        }
        Some(Vec::new())
    }

    /// Takes up what the server has answered to a change, unless the watch is
    /// ahead of it: the work may have gone since.
    pub(super) fn wrote(&self, work: &ManifestWork) {
        let mut state = self.state();
        let version = version(work);
        if version.is_none() || version > state.seen {
            state.now.take(work);
        }
    }

    /// Whether all that there were have been read once.
    pub(super) fn are_read(&self) -> bool {
        self.state().read
    }

    /// A set's works, by cluster and name.
    pub(super) fn of(&self, owner: &str) -> Vec<Arc<Child>> {
        let state = self.state();
        let known = state.now.by_owner.get(owner);
        known.map_or_else(Vec::new, |known| known.values().cloned().collect())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is half noted is put right by the next list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Takes up a work, unless what is known of it is newer. Whose it was and is.
    fn take(&mut self, work: &ManifestWork) -> Vec<Owner> {
        let key = (work.namespace().unwrap_or_default(), work.name_any());
        let new = version(work);
        let old = self.get(&key);
        let old = old.and_then(|old| old.resource_version.parse().ok());
        if new.is_some() && old > new {
            return Vec::new();
        }
        let mut about: Vec<Owner> = self.remove(&key).into_iter().collect();
        if let Some((owner, child)) = Child::of(work) {
            self.owners.insert(key.clone(), owner.clone());
            let of = self.by_owner.entry(owner.clone()).or_default();
            of.insert(key, Arc::new(child));
            about.push(owner);
        }
        about
    }

    /// Lets a work go, unless another of its name is there. Whose it was.
    fn forget(&mut self, work: &ManifestWork) -> Vec<Owner> {
        let key = (work.namespace().unwrap_or_default(), work.name_any());
        let uid = work.metadata.uid.as_deref().unwrap_or_default();
        if self.get(&key).is_some_and(|there| there.uid != uid) {
            return Vec::new();
        }
        self.remove(&key).into_iter().collect()
    }

    fn get(&self, key: &Key) -> Option<&Arc<Child>> {
        self.by_owner.get(self.owners.get(key)?)?.get(key)
    }

    fn remove(&mut self, key: &Key) -> Option<Owner> {
        let owner = self.owners.remove(key)?;
        if let Some(of) = self.by_owner.get_mut(&owner) {
            of.remove(key);
            if of.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
        Some(owner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn work(version: &str) -> ManifestWork {
        serde_json::from_value(json!({
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWork",
            "metadata": {
                "name": "w", "namespace": "c1", "uid": "u", "resourceVersion": version,
                "labels": {names::SET: "default.web"},
            },
            "spec": {},
        }))
        .unwrap()
    }

    #[test]
    fn an_answer_that_comes_after_its_work_has_gone_brings_nothing_back() {
        let children = Children::default();
        children.note(&Event::Apply(work("5")));
        children.note(&Event::Delete(work("9")));
        children.wrote(&work("7"));
        assert_eq!(children.of("default.web"), []);
        children.wrote(&work("10"));
        assert_eq!(children.of("default.web").len(), 1);
    }
}
