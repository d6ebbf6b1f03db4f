//! The end of a managed cluster: first its add-ons go, then its works, then the
//! rights of its agents, which they need until then. Its namespace stays.

use api::types::addon::ManagedClusterAddOn;
use api::types::work::ManifestWork;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams};
use kube::{Api, Client};

use super::HubError;
use super::error::{Trying as _, if_there};
use super::names::{CLEANUP_PRIORITY, DELETING, is_the_hubs};
use super::status;

/// The kinds that are removed from a cluster's namespace, in this order.
pub(crate) fn kinds() -> [ApiResource; 2] {
    [
        ApiResource::erase::<ManagedClusterAddOn>(&()),
        ApiResource::erase::<ManifestWork>(&()),
    ]
}

/// What is still in a cluster's namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Remaining {
    /// The kind's plural.
    resource: String,
    count: usize,
    /// Those with finalizers.
    pending: usize,
}

/// Deletes what is next in a cluster's namespace; `None` if nothing is left.
pub(crate) async fn clear(client: &Client, cluster: &str) -> Result<Option<Remaining>, HubError> {
    if is_the_hubs(cluster) {
        // It never was the cluster's.
        return Ok(None);
    }
    for kind in kinds() {
        let objects: Api<DynamicObject> = Api::namespaced_with(client.clone(), cluster, &kind);
        let list = if_there(objects.list_metadata(&ListParams::default()).await);
        let plural = &kind.plural;
        let Some(list) = list.trying(|| format!("{plural} of {cluster} cannot be listed"))? else {
            // The hub does not have the kind.
            continue;
        };
        let found: Vec<&ObjectMeta> = list.items.iter().map(|item| &item.metadata).collect();
        if found.is_empty() {
            continue;
        }
        for name in next(&found) {
            let deleted = if_there(objects.delete(name, &DeleteParams::default()).await);
            deleted.trying(|| format!("{plural} {cluster}/{name} cannot be deleted"))?;
        }
        let has_finalizers =
            |meta: &&&ObjectMeta| meta.finalizers.as_ref().is_some_and(|all| !all.is_empty());
        return Ok(Some(Remaining {
            resource: plural.clone(),
            count: found.len(),
            pending: found.iter().filter(has_finalizers).count(),
        }));
    }
    Ok(None)
}

/// Says in a cluster's conditions how far its deletion is. Returns whether that
/// is another condition than before.
pub(crate) fn tell(
    cleared: &Result<Option<Remaining>, HubError>,
    conditions: &mut Vec<Condition>,
) -> bool {
    let (state, reason, message) = match cleared {
        Ok(None) => (
            "True",
            "NoResource",
            "No cleaned resource in cluster ns.".to_owned(),
        ),
        Ok(Some(Remaining {
            resource,
            count,
            pending,
        })) => (
            "False",
            "ResourceRemaining",
            format!(
                "The resource {resource} is remaning, the remaining count is {count}, the \
                 finalizer pending count is {pending}"
            ),
        ),
        Err(error) => ("False", "DeletingError", error.to_string()),
    };
    status::set(conditions, DELETING, state, reason, message)
}

/// The names of those of the lowest priority that nobody has deleted yet.
fn next<'a>(found: &[&'a ObjectMeta]) -> Vec<&'a str> {
    let Some(lowest) = found.iter().map(|meta| priority(meta)).min() else {
        return Vec::new();
    };
    let due = found
        .iter()
        .filter(|meta| priority(meta) == lowest && meta.deletion_timestamp.is_none());
    due.filter_map(|meta| meta.name.as_deref()).collect()
}

/// What is no number from 0 to 100 goes first.
fn priority(meta: &ObjectMeta) -> u8 {
    let annotations = meta.annotations.as_ref();
    let told = annotations.and_then(|all| all.get(CLEANUP_PRIORITY));
    let told = told.and_then(|text| text.parse().ok());
    told.filter(|priority| *priority <= 100).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, priority: Option<&str>, deleting: bool) -> ObjectMeta {
        let mut meta = json!({"name": name, "annotations": {}});
        if let Some(priority) = priority {
            meta["annotations"][CLEANUP_PRIORITY] = priority.into();
        }
        if deleting {
            meta["deletionTimestamp"] = "2026-01-02T03:04:05Z".into();
        }
        serde_json::from_value(meta).unwrap()
    }

    #[test]
    fn those_of_the_lowest_priority_go_first_and_the_next_wait_until_they_are_gone() {
        let all = [
            object("last", Some("100"), false),
            object("first", Some("0"), false),
            object("also-first", None, false),
            object("middle", Some("7"), false),
        ];
        let all: Vec<&ObjectMeta> = all.iter().collect();
        assert_eq!(next(&all), ["first", "also-first"]);
        let waiting = [
            object("first", None, true),
            object("middle", Some("7"), false),
        ];
        assert!(next(&waiting.iter().collect::<Vec<_>>()).is_empty());
        let left = [object("middle", Some("7"), false)];
        assert_eq!(next(&left.iter().collect::<Vec<_>>()), ["middle"]);
    }

    /// Rule 1.2, Deleting.
    #[test]
    fn a_deletion_says_what_remains_or_what_went_wrong() {
        let mut conditions = Vec::new();
        let mut says = |cleared| {
            tell(&cleared, &mut conditions);
            let condition = &conditions[0];
            assert_eq!(condition.type_, "Deleting");
            let of = [&condition.status, &condition.reason, &condition.message];
            of.map(ToString::to_string)
        };
        let error = HubError::Several("no way".to_owned());
        assert_eq!(says(Err(error)), ["False", "DeletingError", "no way"]);
        let remaining = Remaining {
            resource: "manifestworks".to_owned(),
            count: 2,
            pending: 1,
        };
        let message = "The resource manifestworks is remaning, the remaining count is 2, the \
                       finalizer pending count is 1";
        let said = says(Ok(Some(remaining)));
        assert_eq!(said, ["False", "ResourceRemaining", message]);
        let message = "No cleaned resource in cluster ns.";
        assert_eq!(says(Ok(None)), ["True", "NoResource", message]);
    }

    #[test]
    fn a_priority_that_is_none_counts_as_0() {
        for wrong in ["101", "-1", "soon", ""] {
            assert_eq!(priority(&object("a", Some(wrong), false)), 0, "{wrong}");
        }
    }
}
