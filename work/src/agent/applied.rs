//! The AppliedManifestWork: what was made of a work, in the managed cluster.

use std::collections::BTreeMap;

use api::types::work::{AppliedManifestWork, AppliedResource, ManifestWork};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::context::{Context, TRIES, read};
use super::failure::Failure;
use super::incarnation::{self, Mark};
use super::objects::{Objects, Part};
use super::outcome::Tracked;
use super::owner::{API_VERSION, KIND, Owner};
use super::place::Place;
use super::removal::{Removed, remove};

pub(super) const FINALIZER: &str =
    "cluster.open-cluster-management.io/applied-manifest-work-cleanup";

/// One AppliedManifestWork, as it was last read or written.
#[derive(Debug)]
pub(super) struct Applied {
    place: Place,
    object: AppliedManifestWork,
}

/// The name of a work's AppliedManifestWork.
pub(super) fn name_of(hub_hash: &str, work: &str) -> String {
    format!("{hub_hash}-{work}")
}

impl Applied {
    pub(super) async fn get(objects: &Objects, name: &str) -> Result<Option<Self>, Failure> {
        let place = place(name);
        let object = objects.get(&place).await?;
        let of = |object| Ok(Self { object, place });
        object.map(read).transpose()?.map(of).transpose()
    }

    /// The one of a work, made if there is none.
    ///
    /// # Errors
    /// [`Failure::Deleting`] if it is on its way out.
    pub(super) async fn ensure(
        cx: &Context,
        name: &str,
        work: &ManifestWork,
    ) -> Result<Self, Failure> {
        let name_here = name_of(&cx.options.hub_hash, name);
        let mut last = None;
        for _ in 0..TRIES {
            let done = match Self::get(&cx.managed, &name_here).await? {
                None => Self::create(cx, name, &name_here, work).await,
                Some(of) if of.is_deleting() => {
                    return Err(Failure::Deleting(of.place.to_string()));
                }
                Some(of) => of.kept_like(cx, name, work).await,
            };
            match done {
                Err(failure) if failure.is_conflict() || failure.is_not_found() => {
                    last = Some(failure);
                }
                done => return done,
            }
        }
        Err(last.unwrap_or(Failure::Deleting(name_here)))
    }

    async fn create(
        cx: &Context,
        name: &str,
        name_here: &str,
        work: &ManifestWork,
    ) -> Result<Self, Failure> {
        let place = place(name_here);
        let mut metadata = json!({
            "name": name_here,
            "finalizers": [FINALIZER],
            "labels": work.metadata.labels.clone().unwrap_or_default(),
        });
        if let Some(mark) = next_mark(cx, None, work, true) {
            metadata["annotations"] = json!({ incarnation::ANNOTATION: mark.to_string() });
        }
        let object = json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": metadata,
            "spec": {
                "agentID": cx.options.agent_id,
                "hubHash": cx.options.hub_hash,
                "manifestWorkName": name,
            },
        });
        let object = read(cx.managed.create(&place, &object).await?)?;
        Ok(Self { object, place })
    }

    /// Brings it up to the work's labels, and to this agent.
    async fn kept_like(
        self,
        cx: &Context,
        name: &str,
        work: &ManifestWork,
    ) -> Result<Self, Failure> {
        let mut metadata = Map::new();
        let nothing = BTreeMap::new();
        let wanted = work.metadata.labels.as_ref().unwrap_or(&nothing);
        let labels = self.object.metadata.labels.as_ref().unwrap_or(&nothing);
        if labels != wanted {
            let gone = labels.keys().filter(|key| !wanted.contains_key(*key));
            let gone = gone.map(|key| (key.clone(), Value::Null));
            let set = wanted
                .iter()
                .map(|(key, value)| (key.clone(), value.as_str().into()));
            metadata.insert(
                "labels".into(),
                gone.chain(set).collect::<Map<_, _>>().into(),
            );
        }
        if !self.has_finalizer() {
            let mut finalizers = self.object.metadata.finalizers.clone().unwrap_or_default();
            finalizers.push(FINALIZER.to_owned());
            metadata.insert("finalizers".into(), finalizers.into());
        }
        if let Some(mark) = next_mark(cx, self.mark().as_ref(), work, false) {
            let annotation = json!({ incarnation::ANNOTATION: mark.to_string() });
            metadata.insert("annotations".into(), annotation);
        }
        let spec = &self.object.spec;
        let is_ours = spec.agent_id == cx.options.agent_id && spec.manifest_work_name == name;
        if metadata.is_empty() && is_ours {
            return Ok(self);
        }
        let spec = json!({"agentID": cx.options.agent_id, "manifestWorkName": name});
        self.patched(&cx.managed, metadata, ("spec", spec), Part::Object)
            .await
    }

    /// Notes in it since when the hub's data is of this life, for a work that the
    /// hub has not.
    pub(super) async fn noted(self, cx: &Context) -> Result<Self, Failure> {
        let absent = ManifestWork::default();
        let Some(mark) = next_mark(cx, self.mark().as_ref(), &absent, false) else {
            return Ok(self);
        };
        let mut metadata = Map::new();
        let annotation = json!({ incarnation::ANNOTATION: mark.to_string() });
        metadata.insert("annotations".into(), annotation);
        self.patched(&cx.managed, metadata, ("spec", json!({})), Part::Object)
            .await
    }

    /// Notes what is to be found where, unless just that is noted already.
    pub(super) async fn record(
        self,
        objects: &Objects,
        mut resources: Vec<AppliedResource>,
    ) -> Result<Self, Failure> {
        resources.sort_by_cached_key(|of| (Place::from(of), of.uid.clone()));
        resources.dedup();
        let status = self.object.status.as_ref();
        let noted = status.map_or(&[][..], |of| &of.applied_resources);
        if resources == noted && self.evicted_since().is_none() {
            return Ok(self);
        }
        let status = json!({"appliedResources": resources, "evictionStartTime": null});
        self.patched(objects, Map::new(), ("status", status), Part::Status)
            .await
    }

    /// Notes since when its work is missing, or that it is not.
    pub(super) async fn record_eviction(
        self,
        objects: &Objects,
        since: Option<Timestamp>,
    ) -> Result<Self, Failure> {
        let status = json!({"evictionStartTime": since.map(|of| of.to_string())});
        self.patched(objects, Map::new(), ("status", status), Part::Status)
            .await
    }

    /// Writes over what it was last seen as.
    async fn patched(
        self,
        objects: &Objects,
        mut metadata: Map<String, Value>,
        (part, value): (&str, Value),
        to: Part,
    ) -> Result<Self, Failure> {
        metadata.insert("uid".into(), self.object.metadata.uid.clone().into());
        let version = self.object.metadata.resource_version.clone();
        metadata.insert("resourceVersion".into(), version.into());
        let patch = json!({"metadata": metadata, part: value});
        match objects.merge(&self.place, &patch, to).await? {
            Some(object) => Ok(Self {
                object: read(object)?,
                place: self.place,
            }),
            None => Err(Failure::Deleting(self.place.to_string())),
        }
    }

    /// Has it deleted, and what it lists with it.
    pub(super) async fn delete(&self, objects: &Objects) -> Result<(), Failure> {
        objects.delete(&self.place, &self.uid(), None).await
    }

    /// Deletes what is listed in one that is being deleted, and lets it go when all
    /// that is gone. Tells what is still there.
    pub(super) async fn clear(self, objects: &Objects) -> Result<Vec<Tracked>, Failure> {
        let owner = self.owner();
        let (mut left, mut tracked, mut failed) = (Vec::new(), Vec::new(), None);
        for entry in self.resources() {
            match remove(objects, entry, &owner, false).await {
                Ok(Removed::Gone) => {}
                Ok(Removed::Pending(pending)) => {
                    left.push(entry.clone());
                    tracked.push(pending);
                }
                Err(failure) => {
                    left.push(entry.clone());
                    failed = Some(failure);
                }
            }
        }
        let cleared = self.record(objects, left).await?;
        if let Some(failure) = failed {
            return Err(failure);
        }
        if tracked.is_empty() {
            cleared.let_go(objects).await?;
        }
        Ok(tracked)
    }

    async fn let_go(self, objects: &Objects) -> Result<(), Failure> {
        if !self.has_finalizer() {
            return Ok(());
        }
        let mut finalizers = self.object.metadata.finalizers.clone().unwrap_or_default();
        finalizers.retain(|of| of != FINALIZER);
        let mut metadata = Map::new();
        metadata.insert("finalizers".into(), finalizers.into());
        match self
            .patched(objects, metadata, ("spec", json!({})), Part::Object)
            .await
        {
            // It is gone already.
            Err(Failure::Deleting(_)) => Ok(()),
            done => done.map(drop),
        }
    }

    pub(super) fn owner(&self) -> Owner {
        Owner {
            name: self.place.name.clone(),
            uid: self.uid(),
        }
    }

    pub(super) fn resources(&self) -> &[AppliedResource] {
        let status = self.object.status.as_ref();
        status.map_or(&[], |of| &of.applied_resources)
    }

    /// What is listed for a place.
    pub(super) fn listed(&self, place: &Place) -> Option<&AppliedResource> {
        let mut resources = self.resources().iter();
        resources.find(|of| Place::from(*of).is_same(place))
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn evicted_since(&self) -> Option<Timestamp> {
        let status = self.object.status.as_ref()?;
        Some(status.eviction_start_time.as_ref()?.0)
    }

    pub(super) fn agent_id(&self) -> &str {
        &self.object.spec.agent_id
    }

    pub(super) fn hub_hash(&self) -> &str {
        &self.object.spec.hub_hash
    }

    pub(super) fn work(&self) -> &str {
        &self.object.spec.manifest_work_name
    }

    pub(super) fn mark(&self) -> Option<Mark> {
        let annotations = self.object.metadata.annotations.as_ref()?;
        Mark::parse(annotations.get(incarnation::ANNOTATION)?)
    }

    fn has_finalizer(&self) -> bool {
        let finalizers = self.object.metadata.finalizers.as_ref();
        finalizers.is_some_and(|of| of.iter().any(|of| of == FINALIZER))
    }

    fn uid(&self) -> String {
        self.object.metadata.uid.clone().unwrap_or_default()
    }
}

fn next_mark(cx: &Context, old: Option<&Mark>, work: &ManifestWork, is_new: bool) -> Option<Mark> {
    let incarnation = cx.options.incarnation();
    let generation = work.metadata.generation.unwrap_or_default();
    Mark::next(
        old,
        incarnation.as_deref(),
        generation,
        is_new,
        Timestamp::now(),
    )
}

fn place(name: &str) -> Place {
    Place {
        group: "work.open-cluster-management.io".to_owned(),
        version: "v1".to_owned(),
        resource: "appliedmanifestworks".to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
    }
}
