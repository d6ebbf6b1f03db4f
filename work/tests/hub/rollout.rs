//! How works come to a change, one cluster after another.

use serde_json::{Value, json};

use super::server::{Hub, until};

fn progressive(limits: Value) -> Value {
    json!([{"name": "eu", "rolloutStrategy": {"type": "Progressive", "progressive": limits}}])
}

/// Upstream: "rollout progressive". No rule makes `Progressing`; Open Cluster
/// Management would never leave the first batch, and on a change of the
/// template all would change at once.
#[tokio::test(flavor = "multi_thread")]
async fn clusters_follow_each_other_at_first_and_when_the_template_changes() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2", "c3"]).await;
    hub.set("web", progressive(json!({"maxConcurrency": 1})))
        .await;
    for chosen in [&["c1"][..], &["c1", "c2"], &["c1", "c2", "c3"]] {
        until(async || hub.clusters().await == chosen).await;
        hub.until_condition("web", "PlacementRolledOut", "False Progressing")
            .await;
        hub.apply(chosen[chosen.len() - 1]).await;
    }
    hub.until_condition("web", "PlacementRolledOut", "True Complete")
        .await;
    hub.change_template("web", "two").await;
    for changed in [&["c1"][..], &["c1", "c2"], &["c1", "c2", "c3"]] {
        until(async || hub.clusters_with("two").await == changed).await;
        hub.until_condition("web", "PlacementRolledOut", "False Progressing")
            .await;
        hub.apply(changed[changed.len() - 1]).await;
    }
    hub.until_condition("web", "PlacementRolledOut", "True Complete")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_makes_progressing_decides_when_a_cluster_is_done() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2"]).await;
    let rule = json!({"condition": "Progressing", "type": "CEL", "celExpressions": ["true"]});
    let config = json!({
        "resourceIdentifier": {"resource": "configmaps", "name": "config", "namespace": "default"},
        "conditionRules": [rule],
    });
    let template = json!({
        "workload": {"manifests": [super::server::config("one")]},
        "manifestConfigs": [config],
    });
    let placements = progressive(json!({"maxConcurrency": 1}));
    hub.set_with(
        "web",
        json!({"placementRefs": placements, "manifestWorkTemplate": template}),
    )
    .await;
    until(async || hub.clusters().await == ["c1"]).await;
    let good = [("Applied", "True"), ("Available", "True")];
    hub.report("c1", &good).await;
    hub.report("c1", &[good[0], good[1], ("Progressing", "True")])
        .await;
    until(async || {
        let set = hub.sets().get("web").await.unwrap();
        set.status.unwrap_or_default().summary.progressing == 1
    })
    .await;
    assert_eq!(hub.clusters().await, ["c1"]);
    hub.report("c1", &[good[0], good[1], ("Progressing", "False")])
        .await;
    until(async || hub.clusters().await == ["c1", "c2"]).await;
}

/// Upstream: "exceeds max failure".
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_stops_when_too_many_have_failed() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2", "c3", "c4"]).await;
    hub.set(
        "web",
        progressive(json!({"maxConcurrency": 2, "maxFailures": 1})),
    )
    .await;
    until(async || hub.clusters().await == ["c1", "c2"]).await;
    let bad = [
        ("Applied", "True"),
        ("Progressing", "True"),
        ("Degraded", "True"),
    ];
    hub.report("c1", &bad).await;
    hub.apply("c2").await;
    until(async || hub.clusters().await == ["c1", "c2", "c3"]).await;
    hub.report("c3", &bad).await;
    until(async || {
        hub.message("web", "PlacementRolledOut")
            .await
            .contains("maxFailures")
    })
    .await;
    assert_eq!(hub.clusters().await, ["c1", "c2", "c3"]);
    // A template that mends it goes on.
    hub.change_template("web", "two").await;
    until(async || hub.clusters_with("two").await == ["c1", "c2"]).await;
}

/// Upstream: "min success time".
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_soaks_before_the_next_begins_also_when_the_template_changes() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2"]).await;
    let limits = json!({"maxConcurrency": 1, "minSuccessTime": "1s"});
    hub.set("web", progressive(limits)).await;
    until(async || hub.clusters().await == ["c1"]).await;
    hub.apply("c1").await;
    until(async || hub.clusters().await == ["c1", "c2"]).await;
    hub.apply("c2").await;
    hub.until_condition("web", "PlacementRolledOut", "True Complete")
        .await;

    hub.change(
        "web",
        json!({"placementRefs": progressive(
            json!({"maxConcurrency": 1, "minSuccessTime": "1h"})
        )}),
    )
    .await;
    hub.change_template("web", "two").await;
    until(async || hub.clusters_with("two").await == ["c1"]).await;
    hub.apply("c1").await;
    let succeeded = "work.open-cluster-management.io/succeeded-at";
    until(async || {
        let work = hub.work("c1").await;
        let annotations = work.metadata.annotations.unwrap_or_default();
        annotations
            .get(succeeded)
            .is_some_and(|time| !time.is_empty())
    })
    .await;
    assert_eq!(hub.clusters_with("two").await, ["c1"]);
}

/// Upstream: "deadline + max failure". The first cluster never answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_past_its_deadline_is_given_up() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2", "c3"]).await;
    let limits = json!({"maxConcurrency": 1, "maxFailures": 1, "progressDeadline": "1s"});
    hub.set("web", progressive(limits)).await;
    until(async || hub.clusters().await.contains(&"c2".to_owned())).await;
    // The second is given up too, which is one too many.
    until(async || {
        hub.message("web", "PlacementRolledOut")
            .await
            .contains("maxFailures")
    })
    .await;
    let message = hub.message("web", "PlacementRolledOut").await;
    assert!(
        message.contains("past the progressDeadline: c1, c2"),
        "{message}"
    );
    assert_eq!(hub.clusters().await, ["c1", "c2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn decision_groups_follow_each_other() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c3", "c4"]).await;
    hub.decide("eu", 1, &["c1", "c2"]).await;
    let strategy = json!({"type": "ProgressivePerGroup", "progressivePerGroup": {}});
    hub.set("web", json!([{"name": "eu", "rolloutStrategy": strategy}]))
        .await;
    until(async || hub.clusters().await == ["c3", "c4"]).await;
    hub.apply("c3").await;
    until(async || {
        let set = hub.sets().get("web").await.unwrap();
        set.status.unwrap_or_default().summary.applied == 1
    })
    .await;
    assert_eq!(hub.clusters().await, ["c3", "c4"]);
    hub.apply("c4").await;
    until(async || hub.clusters().await == ["c1", "c2", "c3", "c4"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mandatory_groups_come_first() {
    let hub = Hub::start().await;
    hub.decide("eu", 0, &["c1", "c2"]).await;
    hub.decide("eu", 1, &["c3"]).await;
    let limits = json!({"mandatoryDecisionGroups": [{"groupIndex": 1}]});
    hub.set("web", progressive(limits)).await;
    until(async || hub.clusters().await == ["c3"]).await;
    hub.until_condition("web", "PlacementRolledOut", "False Progressing")
        .await;
    assert_eq!(hub.clusters().await, ["c3"]);
    hub.apply("c3").await;
    until(async || hub.clusters().await == ["c1", "c2", "c3"]).await;
}
