//! Objects that are to be as they are written here.

use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde_json::{Map, Value, json};

use super::HubError;
use super::error::{Trying as _, if_there};

/// An object as it is to be. What others have added to its metadata is left.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    resource: ApiResource,
    namespace: Option<String>,
    name: String,
    labels: Map<String, Value>,
    finalizers: Vec<String>,
    /// What it has beside its metadata.
    fields: Map<String, Value>,
}

impl Wanted {
    /// An object that belongs to no namespace.
    pub(crate) fn new<K: Resource<DynamicType = ()>>(name: impl Into<String>) -> Self {
        Self {
            resource: ApiResource::erase::<K>(&()),
            namespace: None,
            name: name.into(),
            labels: Map::new(),
            finalizers: Vec::new(),
            fields: Map::new(),
        }
    }

    pub(crate) fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn finalizer(mut self, finalizer: &str) -> Self {
        self.finalizers.push(finalizer.to_owned());
        self
    }

    pub(crate) fn field(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// Makes it, or makes it what it is to be. Writes nothing if it is.
    pub(crate) async fn ensure(&self, client: &Client) -> Result<(), HubError> {
        let api = self.api(client);
        let what = || format!("{} cannot be made", self.title());
        let Some(there) = api.get_opt(&self.name).await.trying(what)? else {
            return self.create(&api).await;
        };
        if there.metadata.deletion_timestamp.is_some() {
            self.release(&api, &there).await?;
            return Err(HubError::Terminating(self.title()));
        }
        if self.fields.get("roleRef") != there.data.get("roleRef") {
            // It cannot be changed, and another role is another right.
            self.delete(&api).await?;
            return self.create(&api).await;
        }
        if self.is(&there) {
            return Ok(());
        }
        let params = PostParams::default();
        let mended = api.replace(&self.name, &params, &self.over(there)).await;
        mended.trying(what).map(drop)
    }

    /// Deletes it, and does not have it wait for anybody.
    pub(crate) async fn remove(&self, client: &Client) -> Result<(), HubError> {
        let api = self.api(client);
        let what = || format!("{} cannot be removed", self.title());
        let Some(there) = api.get_opt(&self.name).await.trying(what)? else {
            return Ok(());
        };
        self.release(&api, &there).await?;
        self.delete(&api).await
    }

    /// Makes it if it is not there; if it is, it is left as it is.
    pub(crate) async fn begin(&self, client: &Client) -> Result<(), HubError> {
        let api = self.api(client);
        let there = api.get_metadata_opt(&self.name).await;
        match there.trying(|| format!("{} cannot be looked for", self.title()))? {
            Some(_) => Ok(()),
            None => self.create(&api).await,
        }
    }

    async fn create(&self, api: &Api<DynamicObject>) -> Result<(), HubError> {
        let object = self.over(DynamicObject::new(&self.name, &self.resource));
        let made = api.create(&PostParams::default(), &object).await;
        made.trying(|| format!("{} cannot be made", self.title()))
            .map(drop)
    }

    async fn delete(&self, api: &Api<DynamicObject>) -> Result<(), HubError> {
        let deleted = if_there(api.delete(&self.name, &DeleteParams::default()).await);
        deleted
            .trying(|| format!("{} cannot be removed", self.title()))
            .map(drop)
    }

    /// Takes our finalizers off, as others may have theirs on.
    async fn release(
        &self,
        api: &Api<DynamicObject>,
        there: &DynamicObject,
    ) -> Result<(), HubError> {
        let left: Vec<&String> = there
            .finalizers()
            .iter()
            .filter(|of| !self.finalizers.contains(of))
            .collect();
        if left.len() == there.finalizers().len() {
            return Ok(());
        }
        let patch = finalizers(there.metadata.resource_version.as_deref(), &left);
        let released = api.patch(&self.name, &PatchParams::default(), &patch).await;
        if_there(released)
            .trying(|| format!("{} cannot be released", self.title()))
            .map(drop)
    }

    /// Whether an object is as this one.
    fn is(&self, there: &DynamicObject) -> bool {
        let fields = self.fields.iter();
        let labels = self.labels.iter();
        let finalizers = self.finalizers.iter();
        fields
            .map(|(name, value)| there.data.get(name) == Some(value))
            .chain(
                labels.map(|(key, value)| {
                    there.labels().get(key).map(String::as_str) == value.as_str()
                }),
            )
            .chain(finalizers.map(|of| there.finalizers().contains(of)))
            .all(|same| same)
    }

    /// An object, made as this one.
    fn over(&self, mut there: DynamicObject) -> DynamicObject {
        if let Some(data) = there.data.as_object_mut() {
            data.extend(self.fields.clone());
        } else {
            there.data = Value::Object(self.fields.clone());
        }
        for (key, value) in &self.labels {
            let value = value.as_str().unwrap_or_default().to_owned();
            there.labels_mut().insert(key.clone(), value);
        }
        for finalizer in &self.finalizers {
            if !there.finalizers().contains(finalizer) {
                there.finalizers_mut().push(finalizer.clone());
            }
        }
        there
    }

    fn api(&self, client: &Client) -> Api<DynamicObject> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &self.resource),
            None => Api::all_with(client.clone(), &self.resource),
        }
    }

    fn title(&self) -> String {
        let (kind, name) = (&self.resource.kind, &self.name);
        match &self.namespace {
            Some(namespace) => format!("{kind} {namespace}/{name}"),
            None => format!("{kind} {name}"),
        }
    }
}

/// Writes an object's finalizers, unless somebody has changed it since.
pub(crate) fn finalizers(version: Option<&str>, left: &[impl serde::Serialize]) -> Patch<Value> {
    Patch::Merge(json!({"metadata": {"resourceVersion": version, "finalizers": left}}))
}
