//! What sets make of their placements' decisions.

use api::types::work::ManifestWork;
use kube::Api;
use kube::ResourceExt as _;
use kube::api::PostParams;
use serde_json::json;

use super::server::{HOME, Hub, config, has, until};

/// Upstream: "MWRS create, update".
#[tokio::test(flavor = "multi_thread")]
async fn each_chosen_cluster_has_a_work_like_the_template() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2"]).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    until(async || hub.clusters().await == ["c1", "c2"]).await;
    let work = hub.work("c1").await;
    assert!(has(&work, "one"));
    assert!(work.name_any().starts_with("web"));
    assert_eq!(work.metadata.generate_name.as_deref(), Some("web"));
    let label =
        |name: &str| work.labels()[&format!("work.open-cluster-management.io/{name}")].clone();
    assert_eq!(label("manifestworkreplicaset"), "apps.web");
    assert_eq!(label("placementname"), "eu");
    let set = hub.sets().get("web").await.unwrap();
    assert_eq!(
        set.finalizers(),
        ["work.open-cluster-management.io/manifest-work-cleanup"]
    );

    hub.change_template("web", "two").await;
    until(async || hub.clusters_with("two").await == ["c1", "c2"]).await;
    hub.decide("eu", 0, &["c2", "c3"]).await;
    until(async || hub.clusters().await == ["c2", "c3"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_in_a_work_is_put_back() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1"]).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    until(async || hub.clusters().await == ["c1"]).await;
    let works: Api<ManifestWork> = Api::namespaced(hub.client.clone(), "c1");
    let mut work = hub.work("c1").await;
    work.spec.workload.manifests = vec![config("other")];
    works
        .replace(&work.name_any(), &PostParams::default(), &work)
        .await
        .unwrap();
    until(async || hub.clusters_with("one").await == ["c1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_that_somebody_deletes_is_made_again() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1"]).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    until(async || hub.clusters_with("one").await == ["c1"]).await;
    let works: Api<ManifestWork> = Api::namespaced(hub.client.clone(), "c1");
    let work = hub.work("c1").await;
    works
        .delete(&work.name_any(), &Default::default())
        .await
        .unwrap();
    until(async || hub.clusters_with("one").await == ["c1"]).await;
}

/// Upstream: "MWRS status follows".
#[tokio::test(flavor = "multi_thread")]
async fn the_status_follows_the_works() {
    let hub = Hub::start().await;
    hub.set("web", json!([{"name": "eu"}])).await;
    hub.until_condition(
        "web",
        "PlacementVerified",
        "False PlacementDecisionNotFound",
    )
    .await;
    hub.decide("eu", 0, &[]).await;
    hub.until_condition("web", "PlacementVerified", "False PlacementDecisionEmpty")
        .await;
    hub.until_condition("web", "ManifestworkApplied", "False PlacementDecisionEmpty")
        .await;
    hub.decide("eu", 0, &["c1", "c2"]).await;
    hub.until_condition("web", "PlacementVerified", "True AsExpected")
        .await;
    hub.until_condition("web", "ManifestworkApplied", "False Processing")
        .await;
    hub.until_condition("web", "PlacementRolledOut", "False Progressing")
        .await;

    until(async || hub.clusters().await == ["c1", "c2"]).await;
    hub.apply("c1").await;
    until(async || {
        let set = hub.sets().get("web").await.unwrap();
        set.status.unwrap_or_default().summary.applied == 1
    })
    .await;
    assert_eq!(
        hub.condition("web", "PlacementRolledOut").await,
        "False Progressing"
    );
    hub.apply("c2").await;
    hub.until_condition("web", "ManifestworkApplied", "True AsExpected")
        .await;
    hub.until_condition("web", "PlacementRolledOut", "True Complete")
        .await;
    let status = hub.sets().get("web").await.unwrap().status.unwrap();
    let summary = serde_json::to_value(&status.summary).unwrap();
    let counted = json!({
        "total": 2, "applied": 2, "available": 2, "progressing": 0, "degraded": 0,
        "desiredTotal": 2, "updated": 2,
    });
    assert_eq!(summary, counted);
    assert_eq!(status.placement_summary.len(), 1);
    let placement = &status.placement_summary[0];
    assert_eq!(placement.name, "eu");
    assert_eq!(
        placement.available_decision_groups,
        "1 (2 / 2 clusters applied)"
    );
    assert_eq!(placement.summary, status.summary);

    hub.report("c2", &[("Applied", "False")]).await;
    hub.until_condition("web", "ManifestworkApplied", "False NotAsExpected")
        .await;
    // An old report says nothing of a new template.
    hub.apply("c2").await;
    hub.until_condition("web", "PlacementRolledOut", "True Complete")
        .await;
    hub.change_template("web", "two").await;
    hub.until_condition("web", "PlacementRolledOut", "False Progressing")
        .await;
}

/// Upstream: "placementRef change deletes old".
#[tokio::test(flavor = "multi_thread")]
async fn works_of_a_placement_that_is_no_longer_named_go() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2"]).await;
    hub.decide("us", 0, &["c3"]).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    until(async || hub.clusters().await == ["c1", "c2"]).await;
    hub.change("web", json!({"placementRefs": [{"name": "us"}]}))
        .await;
    until(async || hub.clusters().await == ["c3"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_placements_each_have_their_works() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2"]).await;
    hub.decide("all", 0, &["c2", "c3"]).await;
    hub.set("web", json!([{"name": "eu"}, {"name": "all"}]))
        .await;
    until(async || hub.clusters().await == ["c1", "c2", "c2", "c3"]).await;
    hub.until_condition("web", "PlacementVerified", "True AsExpected")
        .await;
    let status = hub.sets().get("web").await.unwrap().status.unwrap();
    let names: Vec<_> = status
        .placement_summary
        .iter()
        .map(|of| of.name.as_str())
        .collect();
    assert_eq!(names, ["eu", "all"]);
}

/// What places clusters may be away for a while.
#[tokio::test(flavor = "multi_thread")]
async fn works_stay_while_a_placement_has_no_decision_at_all() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1"]).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    until(async || hub.clusters().await == ["c1"]).await;
    hub.decisions()
        .delete("eu-decision-1", &Default::default())
        .await
        .unwrap();
    hub.until_condition(
        "web",
        "PlacementVerified",
        "False PlacementDecisionNotFound",
    )
    .await;
    assert_eq!(hub.clusters().await, ["c1"]);
}

/// Open Cluster Management refuses these: InvalidManifestWorkName.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_with_a_long_name_works_too() {
    let hub = Hub::start().await;
    let (one, two) = (
        format!("{}.one", "n".repeat(100)),
        format!("{}.two", "n".repeat(100)),
    );
    hub.decide("eu", 0, &["c1"]).await;
    hub.decide("us", 0, &["c2"]).await;
    hub.set(&one, json!([{"name": "eu"}])).await;
    hub.set(&two, json!([{"name": "us"}])).await;
    until(async || hub.clusters().await == ["c1", "c2"]).await;
    for (cluster, set) in [("c1", &one), ("c2", &two)] {
        let work = hub.work(cluster).await;
        let key = "work.open-cluster-management.io/manifestworkreplicaset";
        assert_eq!(work.labels()[key].len(), 63);
        assert_eq!(work.annotations()[key], format!("{HOME}.{set}"));
        hub.apply(cluster).await;
        hub.until_condition(set, "PlacementRolledOut", "True Complete")
            .await;
    }
    hub.delete(&one).await;
    until(async || hub.clusters().await == ["c2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_cannot_be_written_is_told_and_holds_up_no_other() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "nowhere"]).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    hub.until_condition("web", "ManifestworkApplied", "False NotAsExpected")
        .await;
    let message = hub.message("web", "ManifestworkApplied").await;
    assert!(message.contains("cluster nowhere: "), "{message}");
    assert_eq!(hub.clusters().await, ["c1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_that_cannot_be_followed_is_told() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1"]).await;
    let strategy = json!({"type": "Progressive", "progressive": {"minSuccessTime": "soon"}});
    hub.set("web", json!([{"name": "eu", "rolloutStrategy": strategy}]))
        .await;
    hub.until_condition("web", "PlacementVerified", "False NotAsExpected")
        .await;
    let message = hub.message("web", "PlacementVerified").await;
    assert!(message.contains("minSuccessTime"), "{message}");
    assert!(hub.clusters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn controllers_that_start_again_go_on_where_others_ended() {
    let mut hub = Hub::start().await;
    hub.decide("eu", 0, &["c1"]).await;
    hub.set("web", json!([{"name": "eu"}])).await;
    until(async || hub.clusters().await == ["c1"]).await;
    hub.stop_controllers().await;
    hub.change_template("web", "two").await;
    hub.decide("eu", 0, &["c1", "c2"]).await;
    hub.start_controllers();
    until(async || hub.clusters_with("two").await == ["c1", "c2"]).await;
}
