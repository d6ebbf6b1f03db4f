//! The end of a work.

use std::sync::Arc;

use api::types::work::{DeleteOption, ManifestWork, PropagationPolicy};
use serde_json::json;

use super::applied::{Applied, name_of};
use super::context::{Context, TRIES, read};
use super::failure::Failure;
use super::manifest::Manifest;
use super::objects::Part;
use super::outcome::{Again, Outcome};
use super::place::Place;
use super::removal::release;
use super::report::{News, tell};

/// On a work: the agent has not cleaned up yet.
pub(super) const FINALIZER: &str = "cluster.open-cluster-management.io/manifest-work-cleanup";

/// Takes away what a work that is being deleted has made, and then lets it go.
pub(super) async fn finish(
    cx: &Context,
    name: &str,
    work: &Arc<ManifestWork>,
) -> Result<Outcome, Failure> {
    if !has_finalizer(work) {
        return Ok(Outcome::default());
    }
    tell(cx, name, work, News::Deleting).await?;
    let name_here = name_of(&cx.options.hub_hash, name);
    if let Some(applied) = Applied::get(&cx.managed, &name_here).await? {
        if !applied.is_deleting() {
            Box::pin(leave_orphans(cx, work, applied))
                .await?
                .delete(&cx.managed)
                .await?;
        }
        let outcome = clear(cx, &name_here).await?;
        if outcome.again.is_some() {
            return Ok(outcome);
        }
    }
    let_go(cx, name, work).await?;
    Ok(Outcome::default())
}

/// Takes away what an AppliedManifestWork lists that is being deleted. It is done
/// again while the AppliedManifestWork is still there.
pub(super) async fn clear(cx: &Context, name_here: &str) -> Result<Outcome, Failure> {
    let Some(applied) = Applied::get(&cx.managed, name_here).await? else {
        return Ok(Outcome::default());
    };
    let tracked = Box::pin(applied.clear(&cx.managed)).await?;
    let is_left = Applied::get(&cx.managed, name_here).await?.is_some();
    Ok(Outcome {
        tracked,
        again: is_left.then_some(Again::Backoff),
    })
}

/// Lets go of what is to stay, and lists it no more.
async fn leave_orphans(
    cx: &Context,
    work: &ManifestWork,
    applied: Applied,
) -> Result<Applied, Failure> {
    let option = work.spec.delete_option.as_ref();
    let listed = applied.resources().iter().map(Place::from);
    let (orphans, rest): (Vec<_>, Vec<_>) = listed.partition(|of| is_orphan(option, of));
    let owner = applied.owner();
    for place in &orphans {
        release(&cx.managed, place, &owner).await?;
    }
    for raw in &work.spec.workload.manifests {
        let Some(place) = place(cx, raw).await? else {
            continue;
        };
        if is_orphan(option, &place) && !orphans.iter().any(|of| of.is_same(&place)) {
            release(&cx.managed, &place, &owner).await?;
        }
    }
    let rest = rest
        .iter()
        .filter_map(|place| applied.listed(place))
        .cloned();
    let rest = rest.collect();
    applied.record(&cx.managed, rest).await
}

/// Where the object of a manifest is, if such a thing is served.
async fn place(cx: &Context, raw: &serde_json::Value) -> Result<Option<Place>, Failure> {
    let Ok(manifest) = Manifest::parse(raw) else {
        return Ok(None);
    };
    match manifest.place(&cx.discovery).await {
        Ok(place) => Ok(Some(place)),
        Err(Failure::UnknownKind { .. } | Failure::Manifest(_) | Failure::Name(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Whether an object stays when its work, or its manifest, goes.
pub(super) fn is_orphan(option: Option<&DeleteOption>, place: &Place) -> bool {
    let Some(option) = option else {
        return false;
    };
    match option.propagation_policy {
        PropagationPolicy::Foreground => false,
        PropagationPolicy::Orphan => true,
        PropagationPolicy::SelectivelyOrphan => {
            let rules = option.selectively_orphans.as_ref();
            rules.is_some_and(|of| of.orphaning_rules.iter().any(|rule| place.is(rule)))
        }
    }
}

pub(super) fn has_finalizer(work: &ManifestWork) -> bool {
    let finalizers = work.metadata.finalizers.as_ref();
    finalizers.is_some_and(|of| of.iter().any(|of| of == FINALIZER))
}

/// Has a work wait for the agent before it goes; before anything is made of it.
/// `None` if it is gone.
pub(super) async fn hold(
    cx: &Context,
    name: &str,
    work: &ManifestWork,
) -> Result<Option<ManifestWork>, Failure> {
    set_finalizer(cx, name, work, true).await
}

async fn let_go(cx: &Context, name: &str, work: &ManifestWork) -> Result<(), Failure> {
    set_finalizer(cx, name, work, false).await.map(drop)
}

async fn set_finalizer(
    cx: &Context,
    name: &str,
    work: &ManifestWork,
    wanted: bool,
) -> Result<Option<ManifestWork>, Failure> {
    let place = cx.work_place(name);
    let uid = work.metadata.uid.clone();
    let mut work = work.clone();
    let mut last = None;
    for _ in 0..TRIES {
        // None can be added to what is being deleted.
        let is_late = wanted && work.metadata.deletion_timestamp.is_some();
        if has_finalizer(&work) == wanted || is_late {
            return Ok(Some(work));
        }
        let mut finalizers = work.metadata.finalizers.clone().unwrap_or_default();
        finalizers.retain(|of| of != FINALIZER);
        if wanted {
            finalizers.push(FINALIZER.to_owned());
        }
        let patch = json!({
            "metadata": {
                "uid": uid,
                "resourceVersion": work.metadata.resource_version,
                "finalizers": finalizers,
            },
        });
        match cx.hub.merge(&place, &patch, Part::Object).await {
            Ok(None) => return Ok(None),
            Ok(Some(patched)) => return Ok(Some(read(patched)?)),
            Err(failure) if failure.is_conflict() => last = Some(failure),
            Err(failure) => return Err(failure),
        }
        let Some(now) = cx.hub.get(&place).await? else {
            return Ok(None);
        };
        work = read(now)?;
        if work.metadata.uid != uid {
            return Ok(None);
        }
    }
    Err(last.unwrap_or_else(|| Failure::Deleting(place.to_string())))
}

#[cfg(test)]
mod tests {
    use api::types::work::{ResourceIdentifier, SelectivelyOrphan};

    use super::*;

    /// 2.1 deleteOption: Foreground, Orphan, SelectivelyOrphan, and none.
    #[test]
    fn what_stays_is_what_the_delete_option_says() {
        let of = |name: &str| Place {
            group: String::new(),
            version: "v1".to_owned(),
            resource: "configmaps".to_owned(),
            namespace: "n".to_owned(),
            name: name.to_owned(),
        };
        let mut option = DeleteOption::default();
        assert!(!is_orphan(None, &of("a")));
        assert!(!is_orphan(Some(&option), &of("a")));
        option.propagation_policy = PropagationPolicy::Orphan;
        assert!(is_orphan(Some(&option), &of("a")));
        option.propagation_policy = PropagationPolicy::SelectivelyOrphan;
        assert!(!is_orphan(Some(&option), &of("a")));
        option.selectively_orphans = Some(SelectivelyOrphan {
            orphaning_rules: vec![ResourceIdentifier {
                resource: "configmaps".to_owned(),
                namespace: "n".to_owned(),
                name: "a".to_owned(),
                ..ResourceIdentifier::default()
            }],
        });
        assert!(is_orphan(Some(&option), &of("a")));
        assert!(!is_orphan(Some(&option), &of("b")));
    }
}
