//! The end of a set.

use serde_json::json;

use super::server::{Hub, until};

const AGENT: &str = "cluster.open-cluster-management.io/manifest-work-cleanup";

/// Upstream: "MWRS delete".
#[tokio::test(flavor = "multi_thread")]
async fn works_go_with_their_set() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2"]).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    hub.set("other", json!([{"name": "eu"}])).await;
    until(async || hub.clusters().await == ["c1", "c1", "c2", "c2"]).await;
    hub.delete("web").await;
    until(async || hub.clusters().await == ["c1", "c2"]).await;
    until(async || hub.sets().get_opt("web").await.unwrap().is_none()).await;
    assert!(hub.sets().get_opt("other").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_background_a_set_is_gone_before_its_works() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1"]).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    until(async || hub.clusters().await == ["c1"]).await;
    hub.finalizers("c1", &[AGENT]).await;
    hub.delete("web").await;
    until(async || hub.sets().get_opt("web").await.unwrap().is_none()).await;
    assert!(hub.work("c1").await.metadata.deletion_timestamp.is_some());
}

/// Upstream: "Foreground delete".
#[tokio::test(flavor = "multi_thread")]
async fn in_the_foreground_a_set_waits_for_its_works() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2"]).await;
    let spec = json!({"placementRefs": [{"name": "eu"}], "cascadeDeletionPolicy": "Foreground"});
    hub.set_with("web", spec).await;
    until(async || hub.clusters().await == ["c1", "c2"]).await;
    hub.finalizers("c1", &[AGENT]).await;
    hub.delete("web").await;
    until(async || hub.clusters().await == ["c1"]).await;
    assert!(hub.work("c1").await.metadata.deletion_timestamp.is_some());
    assert!(hub.sets().get_opt("web").await.unwrap().is_some());
    hub.finalizers("c1", &[]).await;
    until(async || hub.sets().get_opt("web").await.unwrap().is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_made_again_waits_for_its_old_works_to_go() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1"]).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    until(async || hub.clusters().await == ["c1"]).await;
    hub.finalizers("c1", &[AGENT]).await;
    hub.delete("web").await;
    until(async || hub.sets().get_opt("web").await.unwrap().is_none()).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    hub.change_template("web", "two").await;
    // The old work is on its way out, and nothing is written to it.
    hub.finalizers("c1", &[]).await;
    until(async || hub.clusters_with("two").await == ["c1"]).await;
}
