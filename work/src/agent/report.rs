//! What the hub is told of a work.

use std::sync::Arc;

use api::types::work::{ManifestWork, ManifestWorkStatus, ResourceMeta};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::json;

use super::conditions::{self, Found};
use super::context::{Context, TRIES, read};
use super::failure::Failure;
use super::objects::Part;
use super::observe::observe;
use super::place::Place;

/// What became of a manifest.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) meta: ResourceMeta,
    pub(super) applied: Result<(), Failure>,
    pub(super) found: Found,
}

/// What tells a manifest's object from others, by how its kind is served.
pub(super) fn meta(ordinal: usize, kind: &str, place: &Place) -> ResourceMeta {
    ResourceMeta {
        ordinal: i32::try_from(ordinal).unwrap_or(i32::MAX),
        group: place.group.clone(),
        version: place.version.clone(),
        kind: kind.to_owned(),
        resource: place.resource.clone(),
        name: place.name.clone(),
        namespace: place.namespace.clone(),
    }
}

/// What the hub is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum News<'a> {
    /// What became of the manifests.
    Seen(&'a [Seen]),
    /// The work goes.
    Deleting,
}

/// Tells news of a work of this generation, if they are not told yet, over whatever
/// others write meanwhile; of another generation nothing is told.
pub(super) async fn tell(
    cx: &Context,
    name: &str,
    work: &Arc<ManifestWork>,
    news: News<'_>,
) -> Result<(), Failure> {
    let place = cx.work_place(name);
    let mut current = work.clone();
    let mut last = None;
    for _ in 0..TRIES {
        let wanted = status(&current, news).await;
        if current.status.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let patch = json!({
            "metadata": {
                "uid": current.metadata.uid,
                "resourceVersion": current.metadata.resource_version,
            },
            "status": {
                "conditions": wanted.conditions,
                "resourceStatus": {"manifests": wanted.resource_status.manifests},
            },
        });
        match cx.hub.merge(&place, &patch, Part::Status).await {
            Ok(_) => return Ok(()),
            Err(failure) if failure.is_conflict() => last = Some(failure),
            Err(failure) => return Err(failure),
        }
        let Some(object) = cx.hub.get(&place).await? else {
            return Ok(());
        };
        current = Arc::new(read::<ManifestWork>(object)?);
        let (old, new) = (&work.metadata, &current.metadata);
        if old.uid != new.uid || old.generation != new.generation {
            return Ok(());
        }
    }
    Err(last.unwrap_or_else(|| Failure::Deleting(place.to_string())))
}

async fn status(work: &Arc<ManifestWork>, news: News<'_>) -> ManifestWorkStatus {
    let generation = work.metadata.generation.unwrap_or_default();
    let now = conditions::now();
    let mut status = work.status.clone().unwrap_or_default();
    let News::Seen(seen) = news else {
        let condition = conditions::work_deleting(generation, &now);
        conditions::set(&mut status.conditions, condition);
        return status;
    };
    let new = seen
        .iter()
        .map(|of| (of.meta.clone(), applied(of, generation, &now)));
    let old = &status.resource_status.manifests;
    let manifests = conditions::merge_manifests(old, new.collect());
    if let Some(applied) = conditions::work_applied(&manifests, generation, &now) {
        conditions::set(&mut status.conditions, applied);
    }
    status.resource_status.manifests = manifests;
    let found = seen.iter().map(|of| of.found.clone()).collect();
    observe(work.clone(), status, found, true).await
}

fn applied(seen: &Seen, generation: i64, now: &Time) -> Condition {
    let failure = seen.applied.as_ref().err();
    let failed = failure.map(|of| of as &dyn std::fmt::Display);
    let mut condition = conditions::manifest_applied(failed, generation, now);
    if let Some(failure @ Failure::IgnoreFields(_)) = failure {
        condition.reason = "AppliedManifestSSAIgnoreFieldError".to_owned();
        condition.message = failure.to_string();
    }
    condition
}
