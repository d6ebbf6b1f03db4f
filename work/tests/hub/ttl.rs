//! Works that ask to go when they are done.

use api::types::work::ManifestWork;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::server::{Hub, config, until};

const DONE: &[(&str, &str)] = &[("Applied", "True"), ("Complete", "True")];

async fn work(hub: &Hub, cluster: &str, option: Value) -> ManifestWork {
    let work = json!({
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": "job"},
        "spec": {"workload": {"manifests": [config("one")]}, "deleteOption": option},
    });
    let works: Api<ManifestWork> = Api::namespaced(hub.client.clone(), cluster);
    let work = serde_json::from_value(work).unwrap();
    works.create(&PostParams::default(), &work).await.unwrap()
}

/// Upstream: "TTL", after so many seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_work_goes_so_long_after_it_is_complete() {
    let hub = Hub::start().await;
    let made = work(&hub, "c1", json!({"ttlSecondsAfterFinished": 1})).await;
    hub.report_of(&made, DONE).await;
    until(async || hub.works().await.is_empty()).await;
}

/// Upstream: "TTL" of zero. Those that are not to go have had their turn when
/// one that is has gone.
#[tokio::test(flavor = "multi_thread")]
async fn with_zero_at_once_and_no_other_work_goes() {
    let hub = Hub::start().await;
    let ttl = json!({"ttlSecondsAfterFinished": 0});
    let not_done = work(&hub, "c1", ttl.clone()).await;
    hub.report_of(&not_done, &[("Applied", "True"), ("Complete", "False")])
        .await;
    let keeps = work(&hub, "c2", json!({"propagationPolicy": "Foreground"})).await;
    hub.report_of(&keeps, DONE).await;
    let later = work(&hub, "c3", json!({"ttlSecondsAfterFinished": 3600})).await;
    hub.report_of(&later, DONE).await;
    let goes = work(&hub, "c4", ttl).await;
    hub.report_of(&goes, DONE).await;
    until(async || !hub.clusters().await.contains(&"c4".to_owned())).await;
    assert_eq!(hub.clusters().await, ["c1", "c2", "c3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_to_live_that_is_given_later_counts_too() {
    let hub = Hub::start().await;
    let made = work(&hub, "c1", json!({"ttlSecondsAfterFinished": 3600})).await;
    hub.report_of(&made, DONE).await;
    let works: Api<ManifestWork> = Api::namespaced(hub.client.clone(), "c1");
    let patch = json!({"spec": {"deleteOption": {"ttlSecondsAfterFinished": 0}}});
    let patch = kube::api::Patch::Merge(patch);
    works
        .patch("job", &Default::default(), &patch)
        .await
        .unwrap();
    until(async || hub.works().await.is_empty()).await;
}

/// Upstream: "TTL" of a ManifestWorkReplicaSet's work.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_s_work_never_goes_by_itself() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1"]).await;
    let template = json!({
        "workload": {"manifests": [config("one")]},
        "deleteOption": {"ttlSecondsAfterFinished": 0},
    });
    let spec = json!({"placementRefs": [{"name": "eu"}], "manifestWorkTemplate": template});
    hub.set_with("web", spec).await;
    until(async || hub.clusters().await == ["c1"]).await;
    let before = hub.work("c1").await;
    hub.report("c1", DONE).await;
    let goes = work(&hub, "c2", json!({"ttlSecondsAfterFinished": 0})).await;
    hub.report_of(&goes, DONE).await;
    until(async || hub.clusters().await == ["c1"]).await;
    assert_eq!(hub.work("c1").await.metadata.uid, before.metadata.uid);
}

#[tokio::test(flavor = "multi_thread")]
async fn works_that_were_done_while_nobody_looked_go() {
    let mut hub = Hub::start().await;
    hub.stop_controllers().await;
    let made = work(&hub, "c1", json!({"ttlSecondsAfterFinished": 0})).await;
    hub.report_of(&made, DONE).await;
    hub.start_controllers();
    until(async || hub.works().await.is_empty()).await;
}
