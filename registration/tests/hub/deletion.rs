use registration::hub::{HubError, detach};
use serde_json::{Value, json};

use super::place::{CLUSTERS, Place, RBAC, condition, says, work, works};

const PRIORITY: &str = "open-cluster-management.io/cleanup-priority";

fn addons() -> String {
    let group = "/apis/addon.open-cluster-management.io/v1alpha1";
    format!("{group}/namespaces/c1/managedclusteraddons")
}

fn addon(name: &str) -> Value {
    json!({
        "apiVersion": "addon.open-cluster-management.io/v1alpha1",
        "kind": "ManagedClusterAddOn",
        "metadata": {"name": name, "finalizers": ["example.org/held"]},
        "spec": {},
    })
}

fn held(name: &str, priority: Option<&str>) -> Value {
    let mut work = work(name);
    work["metadata"]["finalizers"] =
        json!(["cluster.open-cluster-management.io/manifest-work-cleanup"]);
    if let Some(priority) = priority {
        work["metadata"]["annotations"] = json!({(PRIORITY): priority});
    }
    work
}

async fn release(place: &Place, path: &str) {
    let patch = json!({"metadata": {"finalizers": null}});
    place.patch(path, &patch).await;
}

async fn until_deleting(place: &Place, reason: &str, message: &str) {
    let found = place.until(message, async || {
        let cluster = place.find(&format!("{CLUSTERS}/c1")).await?;
        condition(&cluster, "Deleting").filter(|condition| condition["message"] == message)
    });
    says(&found.await, "False", reason, message);
}

fn remaining(resource: &str, count: usize, pending: usize) -> String {
    format!(
        "The resource {resource} is remaning, the remaining count is {count}, the finalizer \
         pending count is {pending}"
    )
}

/// Whether an object is being deleted.
async fn is_going(place: &Place, path: &str) -> bool {
    place.get(path).await["metadata"]["deletionTimestamp"].is_string()
}

/// The rights of a cluster's agents that are there.
async fn rights(place: &Place) -> Vec<String> {
    let name = "open-cluster-management:managedcluster:c1";
    let mut found = Vec::new();
    for path in [
        format!("{RBAC}/clusterroles/{name}"),
        format!("{RBAC}/clusterrolebindings/{name}"),
        format!("{RBAC}/namespaces/c1/rolebindings/{name}:registration"),
        format!("{RBAC}/namespaces/c1/rolebindings/{name}:work"),
    ] {
        if place.find(&path).await.is_some() {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_clusters_add_ons_go_first_then_its_works_by_priority_then_its_rights() {
    let place = Place::start().await;
    place.accepted("c1").await;
    place.post(&addons(), &addon("a")).await;
    for (name, priority) in [("early", None), ("late", Some("5")), ("last", Some("100"))] {
        place.post(&works("c1"), &held(name, priority)).await;
    }
    let of = |name: &str| format!("{}/{name}", works("c1"));

    place.delete(&format!("{CLUSTERS}/c1")).await;
    let message = remaining("managedclusteraddons", 1, 1);
    until_deleting(&place, "ResourceRemaining", &message).await;
    assert!(!is_going(&place, &of("early")).await);

    release(&place, &format!("{}/a", addons())).await;
    let message = remaining("manifestworks", 3, 3);
    until_deleting(&place, "ResourceRemaining", &message).await;
    assert!(is_going(&place, &of("early")).await);
    assert!(!is_going(&place, &of("late")).await);

    release(&place, &of("early")).await;
    let message = remaining("manifestworks", 2, 2);
    until_deleting(&place, "ResourceRemaining", &message).await;
    place
        .until("the next is deleted", async || {
            is_going(&place, &of("late")).await.then_some(())
        })
        .await;
    assert!(!is_going(&place, &of("last")).await);
    assert_eq!(rights(&place).await.len(), 4, "the agent still needs them");

    release(&place, &of("late")).await;
    place
        .until("the last is deleted", async || {
            is_going(&place, &of("last")).await.then_some(())
        })
        .await;
    release(&place, &of("last")).await;
    place.until_gone(&format!("{CLUSTERS}/c1")).await;
    assert!(rights(&place).await.is_empty());
    place.get("/api/v1/namespaces/c1").await;
    for shared in ["registration", "work"] {
        let name = format!("open-cluster-management:managedcluster:{shared}");
        place
            .until_gone(&format!("{RBAC}/clusterroles/{name}"))
            .await;
    }
}

#[tokio::test]
async fn what_is_shared_stays_while_there_is_another_cluster() {
    let place = Place::start().await;
    place.accepted("c1").await;
    place.accepted("c2").await;
    detach::detach(&place.client, "c1").await.unwrap();
    place.until_gone(&format!("{CLUSTERS}/c1")).await;
    let shared = "open-cluster-management:managedcluster:work";
    place.get(&format!("{RBAC}/clusterroles/{shared}")).await;
}

#[tokio::test]
async fn a_cluster_that_nobody_accepted_goes_at_once() {
    let place = Place::start().await;
    place.join("c1").await;
    place.delete(&format!("{CLUSTERS}/c1")).await;
    place.until_gone(&format!("{CLUSTERS}/c1")).await;
}

#[tokio::test]
async fn a_cluster_whose_agent_is_dead_is_detached_by_force_and_an_event_says_so() {
    let place = Place::start().await;
    place.accepted("c1").await;
    place.post(&addons(), &addon("a")).await;
    place.post(&works("c1"), &held("w", None)).await;
    let forced = detach::force(&place.client, "c1", "alice").await.unwrap();
    assert_eq!(
        forced.released,
        ["managedclusteraddons/a", "manifestworks/w"]
    );
    place.until_gone(&format!("{CLUSTERS}/c1")).await;
    assert!(rights(&place).await.is_empty());
    assert!(place.find(&format!("{}/w", works("c1"))).await.is_none());
    let event = place.until_event("c1", "ManagedClusterForceDetached").await;
    let note = "managed cluster c1 was detached by force by alice: 2 finalizers were dropped \
                without the agent (managedclusteraddons/a, manifestworks/w); what these brought \
                stays in the cluster";
    assert_eq!(event["note"], note);
}

#[tokio::test]
async fn what_a_cluster_leaves_that_went_without_the_hub_is_removed() {
    let place = Place::start().await;
    place.accepted("c1").await;
    place.post(&works("c1"), &held("w", None)).await;
    // Somebody takes the finalizers off by hand.
    place.delete(&format!("{CLUSTERS}/c1")).await;
    release(&place, &format!("{CLUSTERS}/c1")).await;
    place.until_gone(&format!("{CLUSTERS}/c1")).await;
    let path = format!("{}/w", works("c1"));
    place
        .until("the work is deleted", async || {
            is_going(&place, &path).await.then_some(())
        })
        .await;
    release(&place, &path).await;
    place
        .until("its rights are gone", async || {
            rights(&place).await.is_empty().then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_cluster_that_is_not_there_cannot_be_detached() {
    let place = Place::start().await;
    let error = detach::detach(&place.client, "c1").await.unwrap_err();
    assert!(matches!(error, HubError::NoCluster(name) if name == "c1"));
}
