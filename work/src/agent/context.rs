use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::types::work::ManifestWork;
use kube::Client;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::claims::{Claims, Rival};
use super::discovery::Discovery;
use super::executor::Executors;
use super::failure::Failure;
use super::kept::Kept;
use super::lost::Lost;
use super::manifest::Manifest;
use super::objects::Objects;
use super::options::AgentOptions;
use super::place::Place;

/// What all that an agent does has in common.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) options: AgentOptions,
    pub(super) hub: Objects,
    pub(super) managed: Objects,
    pub(super) discovery: Discovery,
    pub(super) executors: Executors,
    pub(super) kept: Kept,
    pub(super) lost: Lost,
    works: Mutex<Works>,
}

/// The works as the hub has them, as far as they were followed.
#[derive(Debug, Default)]
struct Works {
    works: HashMap<String, Arc<ManifestWork>>,
    claims: Claims,
}

impl Context {
    pub(super) fn new(hub: Client, managed: Client, options: AgentOptions) -> Self {
        Self {
            options,
            hub: Objects::new(hub),
            managed: Objects::new(managed.clone()),
            discovery: Discovery::new(managed.clone()),
            executors: Executors::new(managed),
            kept: Kept::default(),
            lost: Lost::default(),
            works: Mutex::default(),
        }
    }

    /// Where a work is on the hub.
    pub(super) fn work_place(&self, name: &str) -> Place {
        Place {
            group: "work.open-cluster-management.io".to_owned(),
            version: "v1".to_owned(),
            resource: "manifestworks".to_owned(),
            namespace: self.options.cluster.clone(),
            name: name.to_owned(),
        }
    }

    pub(super) fn work(&self, name: &str) -> Option<Arc<ManifestWork>> {
        self.lock().works.get(name).cloned()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.lock().works.keys().cloned().collect()
    }

    /// Takes up a work, and tells how it was before, and which others have to do
    /// with what it has or had.
    pub(super) fn put(
        &self,
        name: &str,
        work: &Arc<ManifestWork>,
    ) -> (Option<Arc<ManifestWork>>, BTreeSet<String>) {
        let mut works = self.lock();
        let old = works.works.insert(name.to_owned(), work.clone());
        let others = if work.metadata.deletion_timestamp.is_some() {
            works.claims.remove(name)
        } else if old.as_ref().is_some_and(|old| is_same(old, work)) {
            BTreeSet::new()
        } else {
            works.claims.put(name, work)
        };
        (old, others)
    }

    /// Forgets a work, and tells which others have to do with what it had.
    pub(super) fn remove(&self, name: &str) -> BTreeSet<String> {
        self.kept.retain(name, |_| false);
        let mut works = self.lock();
        works.works.remove(name);
        works.claims.remove(name)
    }

    /// See [`Claims::rival`].
    pub(super) fn rival(&self, work: &str, manifest: &Manifest, place: &Place) -> Option<Rival> {
        self.lock().claims.rival(work, manifest, place)
    }

    fn lock(&self) -> MutexGuard<'_, Works> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a work asks for the same things.
pub(super) fn is_same(old: &ManifestWork, new: &ManifestWork) -> bool {
    let (old, new) = (&old.metadata, &new.metadata);
    old.uid == new.uid
        && old.generation == new.generation
        && old.labels == new.labels
        && old.deletion_timestamp == new.deletion_timestamp
}

/// An object as its kind.
pub(super) fn read<T: DeserializeOwned>(object: Value) -> Result<T, Failure> {
    serde_json::from_value(object).map_err(|error| Failure::Api(kube::Error::SerdeError(error)))
}

/// How often something is tried anew at once, when others were faster.
pub(super) const TRIES: usize = 6;
