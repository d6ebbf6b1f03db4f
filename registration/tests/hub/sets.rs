use api::Hooks;
use registration::hub::Options;
use serde_json::{Value, json};

use super::place::{CLUSTERS, Place, SETS, cluster, condition, says};

const EMPTY: &str = "ClusterSetEmpty";

async fn until_members(place: &Place, set: &str, message: &str) -> Value {
    place
        .until(&format!("{set}: {message}"), async || {
            let set = place.find(&format!("{SETS}/{set}")).await?;
            condition(&set, EMPTY).filter(|condition| condition["message"] == message)
        })
        .await
}

fn set(name: &str, selector: &Value) -> Value {
    json!({
        "apiVersion": "cluster.open-cluster-management.io/v1beta2",
        "kind": "ManagedClusterSet",
        "metadata": {"name": name},
        "spec": {"clusterSelector": selector},
    })
}

#[tokio::test]
async fn the_sets_default_and_global_are_there_and_come_back() {
    let place = Place::start().await;
    for (name, selector) in [
        (
            "default",
            json!({"selectorType": "ExclusiveClusterSetLabel"}),
        ),
        (
            "global",
            json!({"selectorType": "LabelSelector", "labelSelector": {}}),
        ),
    ] {
        let path = format!("{SETS}/{name}");
        let made = place.until_there(&path).await;
        assert_eq!(made["spec"]["clusterSelector"], selector);
        place.delete(&path).await;
        let again = place.until_there(&path).await;
        assert_ne!(made["metadata"]["uid"], again["metadata"]["uid"]);
    }
}

#[tokio::test]
async fn a_kept_set_is_rolled_back_and_keeps_what_people_put_on_it() {
    let place = Place::start().await;
    for (name, selector) in [
        (
            "default",
            json!({"selectorType": "ExclusiveClusterSetLabel"}),
        ),
        (
            "global",
            json!({"selectorType": "LabelSelector", "labelSelector": {}}),
        ),
    ] {
        let path = format!("{SETS}/{name}");
        place.until_there(&path).await;
        let marks = json!({"labels": {"team": "a"}, "annotations": {"note": "b"}});
        let other =
            json!({"selectorType": "LabelSelector", "labelSelector": {"matchLabels": {"x": "y"}}});
        let patch = json!({"metadata": marks, "spec": {"clusterSelector": other}});
        place.patch(&path, &patch).await;
        let kept = place.until("the set is as it was", async || {
            let set = place.get(&path).await;
            (set["spec"]["clusterSelector"] == selector).then_some(set)
        });
        let kept = kept.await;
        assert_eq!(kept["metadata"]["labels"]["team"], "a");
        assert_eq!(kept["metadata"]["annotations"]["note"], "b");
    }
}

#[tokio::test]
async fn a_kept_set_is_left_alone_if_somebody_says_so() {
    let place = Place::start().await;
    place.until_there(&format!("{SETS}/default")).await;
    let path = format!("{SETS}/global");
    place.until_there(&path).await;
    let off = json!({"cluster.open-cluster-management.io/autoupdate": "false"});
    let other =
        json!({"selectorType": "LabelSelector", "labelSelector": {"matchLabels": {"x": "y"}}});
    let patch = json!({"metadata": {"annotations": off}, "spec": {"clusterSelector": other}});
    place.patch(&path, &patch).await;
    place.join("c1").await;
    until_members(&place, "global", "No ManagedCluster selected").await;
    until_members(&place, "default", "1 ManagedClusters selected").await;
    let set = place.get(&path).await;
    assert_eq!(set["spec"]["clusterSelector"], other);
}

#[tokio::test]
async fn a_set_says_how_many_clusters_it_has() {
    let place = Place::start().await;
    let selector = json!({"selectorType": "ExclusiveClusterSetLabel"});
    place.post(SETS, &set("red", &selector)).await;
    let empty = until_members(&place, "red", "No ManagedCluster selected").await;
    says(
        &empty,
        "True",
        "NoClusterMatched",
        "No ManagedCluster selected",
    );
    let zone =
        json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]});
    let selector = json!({"selectorType": "LabelSelector", "labelSelector": zone});
    place.post(SETS, &set("zones", &selector)).await;

    for (name, of) in [("c1", "red"), ("c2", "red"), ("c3", "default")] {
        let mut cluster = cluster(name);
        let label = json!({"cluster.open-cluster-management.io/clusterset": of, "zone": "a"});
        cluster["metadata"]["labels"] = label;
        place.post(CLUSTERS, &cluster).await;
    }
    let some = until_members(&place, "red", "2 ManagedClusters selected").await;
    says(
        &some,
        "False",
        "ClustersSelected",
        "2 ManagedClusters selected",
    );
    until_members(&place, "default", "1 ManagedClusters selected").await;
    until_members(&place, "global", "3 ManagedClusters selected").await;
    until_members(&place, "zones", "3 ManagedClusters selected").await;

    let label = json!({"cluster.open-cluster-management.io/clusterset": "default", "zone": "c"});
    let patch = json!({"metadata": {"labels": label}});
    place.patch(&format!("{CLUSTERS}/c1"), &patch).await;
    place.delete(&format!("{CLUSTERS}/c2")).await;
    until_members(&place, "red", "No ManagedCluster selected").await;
    until_members(&place, "default", "2 ManagedClusters selected").await;
    until_members(&place, "global", "2 ManagedClusters selected").await;
    until_members(&place, "zones", "1 ManagedClusters selected").await;
}

#[tokio::test]
async fn a_cluster_gets_into_the_default_set_where_no_admission_puts_it() {
    let mut catalogue = api::all().clone();
    let clusters = catalogue
        .resources
        .iter_mut()
        .find(|of| *of.names.plural == *"managedclusters");
    clusters.unwrap().hooks = Hooks::NONE;
    let place = Place::of(catalogue, Options::default()).await;
    let made = place.post(CLUSTERS, &cluster("c1")).await;
    assert!(made["metadata"]["labels"].is_null());
    until_members(&place, "default", "1 ManagedClusters selected").await;
    let cluster = place.get(&format!("{CLUSTERS}/c1")).await;
    let label = "cluster.open-cluster-management.io/clusterset";
    assert_eq!(cluster["metadata"]["labels"][label], "default");
}

#[tokio::test]
async fn a_binding_says_whether_its_set_is_there() {
    let place = Place::start().await;
    let bindings = "/apis/cluster.open-cluster-management.io/v1beta2/namespaces/default/managedclustersetbindings";
    let binding = json!({
        "apiVersion": "cluster.open-cluster-management.io/v1beta2",
        "kind": "ManagedClusterSetBinding",
        "metadata": {"name": "red"},
        "spec": {"clusterSet": "red"},
    });
    place.post(bindings, &binding).await;
    let until_bound = async |status: &str| {
        place
            .until(&format!("Bound={status}"), async || {
                let binding = place.get(&format!("{bindings}/red")).await;
                condition(&binding, "Bound").filter(|condition| condition["status"] == status)
            })
            .await
    };
    says(
        &until_bound("False").await,
        "False",
        "ClusterSetNotFound",
        "",
    );
    let selector = json!({"selectorType": "ExclusiveClusterSetLabel"});
    place.post(SETS, &set("red", &selector)).await;
    says(&until_bound("True").await, "True", "ClusterSetBound", "");
    place.delete(&format!("{SETS}/red")).await;
    says(
        &until_bound("False").await,
        "False",
        "ClusterSetNotFound",
        "",
    );
}

/// Rule 1.7, managed namespaces.
#[tokio::test]
async fn a_cluster_is_told_the_namespaces_of_its_sets() {
    let place = Place::start().await;
    let names = async || {
        let cluster = place.get(&format!("{CLUSTERS}/c1")).await;
        let all = cluster["status"]["managedNamespaces"].as_array().cloned();
        let name = |of: &Value| format!("{}/{}", of["clusterSet"], of["name"]).replace('"', "");
        all.unwrap_or_default().iter().map(name).collect::<Vec<_>>()
    };
    let until_told = async |expected: &[&str]| {
        place
            .until(&format!("{expected:?}"), async || {
                (names().await == expected).then_some(())
            })
            .await;
    };
    let mut red = set("red", &json!({"selectorType": "ExclusiveClusterSetLabel"}));
    red["spec"]["managedNamespaces"] = json!([{"name": "b"}, {"name": "a"}]);
    place.post(SETS, &red).await;
    let mut cluster = cluster("c1");
    let label = "cluster.open-cluster-management.io/clusterset";
    cluster["metadata"]["labels"] = json!({(label): "red"});
    place.post(CLUSTERS, &cluster).await;
    until_told(&["red/a", "red/b"]).await;

    // What its agent has said of one stays when there are others.
    let condition = json!({
        "type": "NamespaceAvailable",
        "status": "True",
        "reason": "NamespaceApplied",
        "message": "",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    });
    let said = json!([
        {"clusterSet": "red", "name": "a", "conditions": [condition]},
        {"clusterSet": "red", "name": "b"},
    ]);
    let patch = json!({"status": {"managedNamespaces": said}});
    place.patch(&format!("{CLUSTERS}/c1/status"), &patch).await;
    let everywhere = json!({"spec": {"managedNamespaces": [{"name": "all"}]}});
    place.patch(&format!("{SETS}/global"), &everywhere).await;
    until_told(&["global/all", "red/a", "red/b"]).await;
    let told = place.get(&format!("{CLUSTERS}/c1")).await;
    let told = &told["status"]["managedNamespaces"];
    assert_eq!(told[1]["conditions"], json!([condition]));

    let moved = json!({"metadata": {"labels": {(label): "default"}}});
    place.patch(&format!("{CLUSTERS}/c1"), &moved).await;
    until_told(&["global/all"]).await;
    let none = json!({"spec": {"managedNamespaces": null}});
    place.patch(&format!("{SETS}/global"), &none).await;
    until_told(&[]).await;
}
