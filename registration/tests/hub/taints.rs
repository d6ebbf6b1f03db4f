use serde_json::{Value, json};

use super::place::{CLUSTERS, Place};

/// Waits until a cluster has these taints, and returns them.
async fn until_taints(place: &Place, keys: &[&str]) -> Value {
    place
        .until(&format!("the taints {keys:?}"), async || {
            let cluster = place.get(&format!("{CLUSTERS}/c1")).await;
            let taints = &cluster["spec"]["taints"];
            let taints = taints.as_array().map(Vec::as_slice).unwrap_or_default();
            let found: Vec<&str> = taints
                .iter()
                .map(|of| of["key"].as_str().unwrap())
                .collect();
            (found == keys).then(|| json!(taints))
        })
        .await
}

const UNREACHABLE: &str = "cluster.open-cluster-management.io/unreachable";
const UNAVAILABLE: &str = "cluster.open-cluster-management.io/unavailable";

#[tokio::test]
async fn taints_follow_what_is_known_of_a_cluster() {
    let place = Place::start().await;
    place.accepted("c1").await;
    let taints = until_taints(&place, &[UNREACHABLE]).await;
    assert_eq!(taints[0]["effect"], "NoSelect");
    assert!(taints[0]["timeAdded"].is_string(), "{taints}");
    place.tell_available("c1", "False").await;
    let taints = until_taints(&place, &[UNAVAILABLE]).await;
    assert_eq!(taints[0]["effect"], "NoSelect");
    place.tell_available("c1", "True").await;
    until_taints(&place, &[]).await;
    place.tell_available("c1", "Unknown").await;
    until_taints(&place, &[UNREACHABLE]).await;
}

#[tokio::test]
async fn taints_of_others_stay_as_they_are() {
    let place = Place::start().await;
    place.accepted("c1").await;
    until_taints(&place, &[UNREACHABLE]).await;
    let gpu =
        json!({"spec": {"taints": [{"key": "gpu", "value": "true", "effect": "NoSelectIfNew"}]}});
    place.patch(&format!("{CLUSTERS}/c1"), &gpu).await;
    let before = until_taints(&place, &["gpu", UNREACHABLE]).await[0].clone();
    place.tell_available("c1", "True").await;
    let after = until_taints(&place, &["gpu"]).await[0].clone();
    assert_eq!(before, after);
}
