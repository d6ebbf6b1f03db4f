//! The changes to a set's works.

use api::types::work::{ManifestWork, ManifestWorkReplicaSet};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ObjectMeta, Patch, PostParams, Preconditions};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use super::super::children::{Child, Children};
use super::super::names;
use super::{MANAGER, owner, params, unless_changed};

/// Changes the works of a set.
#[derive(Clone, Copy)]
pub(super) struct Writes<'a> {
    pub(super) client: &'a Client,
    pub(super) children: &'a Children,
    pub(super) set: &'a ManifestWorkReplicaSet,
    pub(super) now: Timestamp,
}

/// Why what a set asks for could not be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("the works of the set cannot be listed: {0}")]
    List(#[source] kube::Error),
    #[error("the set cannot be written: {0}")]
    Set(#[source] kube::Error),
    #[error(
        "cluster {cluster}: a work {name} is there already and is not this set's; delete it or \
         give the set another name"
    )]
    Taken { cluster: String, name: String },
    #[error("cluster {cluster}: {source}")]
    Work {
        cluster: String,
        source: kube::Error,
    },
}

impl Writes<'_> {
    /// Makes a cluster's work for a placement.
    pub(super) async fn make(&self, cluster: &str, placement: &str) -> Result<(), WriteError> {
        let work = self.work(cluster, placement);
        let name = work.name_any();
        let works = self.works(cluster);
        let made = works.create(&post(), &work).await;
        let there = match made {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let there = works.get(&name).await;
                there.map_err(|source| failed(cluster, source))?
            }
            made => made.map_err(|source| failed(cluster, source))?,
        };
        if there.labels().get(names::SET) != work.labels().get(names::SET) {
            let cluster = cluster.to_owned();
            return Err(WriteError::Taken { cluster, name });
        }
        self.children.wrote(&there);
        Ok(())
    }

    /// Gives a work the set's template.
    pub(super) async fn rewrite(&self, child: &Child) -> Result<(), WriteError> {
        let times = [
            (names::ROLLED_OUT_AT, self.now.to_string()),
            (names::SUCCEEDED_AT, String::new()),
        ];
        let template = json!(self.set.spec.manifest_work_template);
        let spec = json!({"op": "replace", "path": "/spec", "value": template});
        self.patch(child, &times, Some(spec)).await
    }

    /// Notes that a work has succeeded.
    pub(super) async fn mark(&self, child: &Child) -> Result<(), WriteError> {
        let times = [(names::SUCCEEDED_AT, self.now.to_string())];
        self.patch(child, &times, None).await
    }

    /// Deletes a work.
    pub(super) async fn remove(&self, child: &Child) -> Result<(), WriteError> {
        let metadata = ObjectMeta {
            name: Some(child.name.clone()),
            namespace: Some(child.cluster.clone()),
            uid: Some(child.uid.clone()),
            ..ObjectMeta::default()
        };
        delete(self.client, &metadata).await
    }

    /// Changes a work, unless somebody else has meanwhile: then it comes again.
    async fn patch(
        &self,
        child: &Child,
        annotations: &[(&str, String)],
        spec: Option<Value>,
    ) -> Result<(), WriteError> {
        let mut changes = vec![json!({
            "op": "replace",
            "path": "/metadata/resourceVersion",
            "value": child.resource_version,
        })];
        if !child.annotated {
            changes.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
        }
        for (name, value) in annotations {
            let path = format!("/metadata/annotations/{}", name.replace('/', "~1"));
            changes.push(json!({"op": "add", "path": path, "value": value}));
        }
        changes.extend(spec);
        let failed = |source| failed(&child.cluster, source);
        let changes = serde_json::from_value(Value::Array(changes));
        let changes = changes.map_err(|error| failed(kube::Error::SerdeError(error)))?;
        let patch = Patch::Json::<ManifestWork>(changes);
        let works = self.works(&child.cluster);
        match works.patch(&child.name, &params(), &patch).await {
            Ok(work) => self.children.wrote(&work),
            done => unless_changed(done).map_err(failed)?,
        }
        Ok(())
    }

    fn work(&self, cluster: &str, placement: &str) -> ManifestWork {
        let owner = owner(self.set);
        let (namespace, set) = (
            self.set.namespace().unwrap_or_default(),
            self.set.name_any(),
        );
        let mut metadata = ObjectMeta {
            name: Some(names::child(&namespace, &set, placement)),
            generate_name: Some(set),
            namespace: Some(cluster.to_owned()),
            ..ObjectMeta::default()
        };
        let labels = metadata.labels.get_or_insert_default();
        let annotations = metadata.annotations.get_or_insert_default();
        for (name, full) in [(names::SET, owner.as_str()), (names::PLACEMENT, placement)] {
            let label = names::label(full);
            if label != full {
                annotations.insert(name.to_owned(), full.to_owned());
            }
            labels.insert(name.to_owned(), label);
        }
        annotations.insert(names::ROLLED_OUT_AT.to_owned(), self.now.to_string());
        ManifestWork {
            metadata,
            spec: self.set.spec.manifest_work_template.clone(),
            status: None,
        }
    }

    fn works(&self, cluster: &str) -> Api<ManifestWork> {
        Api::namespaced(self.client.clone(), cluster)
    }
}

/// Deletes the work that has this uid, if it is there.
pub(super) async fn delete(client: &Client, work: &ObjectMeta) -> Result<(), WriteError> {
    let cluster = work.namespace.as_deref().unwrap_or_default();
    let name = work.name.as_deref().unwrap_or_default();
    let works: Api<ManifestWork> = Api::namespaced(client.clone(), cluster);
    let params = DeleteParams::default().preconditions(Preconditions {
        uid: work.uid.clone(),
        resource_version: None,
    });
    let deleted = works.delete(name, &params).await;
    unless_changed(deleted).map_err(|source| failed(cluster, source))
}

fn failed(cluster: &str, source: kube::Error) -> WriteError {
    WriteError::Work {
        cluster: cluster.to_owned(),
        source,
    }
}

fn post() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}
