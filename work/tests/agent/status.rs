//! 2.5 and 2.6: what is told back, and works of executors.

use serde_json::{Value, json};

use super::world::{World, manifests, map, until, work_path};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    })
}

/// A work of a Deployment with this config.
fn with_config(config: &Value) -> Value {
    let mut spec = manifests(&[deployment()]);
    let mut config = config.clone();
    config["resourceIdentifier"] =
        json!({"group": "apps", "resource": "deployments", "namespace": "*", "name": "w*"});
    spec["manifestConfigs"] = json!([config]);
    spec
}

/// What is told of a work's first manifest.
async fn values(world: &World, work: &str) -> Vec<(String, Value)> {
    let work = world.work(work).await.unwrap();
    let feedback = &work["status"]["resourceStatus"]["manifests"][0]["statusFeedback"];
    let values = feedback["values"].as_array().cloned().unwrap_or_default();
    let value = |of: &Value| {
        let mut value = of["fieldValue"].as_object().unwrap().clone();
        value.remove("type");
        assert_eq!(value.len(), 1, "{of}");
        value.values().next().unwrap().clone()
    };
    let named = values.iter();
    named
        .map(|of| (of["name"].as_str().unwrap().to_owned(), value(of)))
        .collect()
}

/// "well-known Deployment", "watch-based": a change is told.
#[tokio::test]
async fn what_a_table_asks_for_is_told_whenever_it_changes() {
    let world = World::start().await;
    let config = json!({"feedbackRules": [{"type": "WellKnownStatus"}]});
    world.create_work("w", with_config(&config)).await;
    world.applied("w").await;
    for ready in [1, 2] {
        let status = json!({"status": {"replicas": 2, "readyReplicas": ready}});
        let path = format!("{DEPLOYMENTS}/web/status");
        world.on_managed().merge(&path, &status).await.unwrap();
        until("replicas are told", async || {
            let expected = [("ReadyReplicas", ready), ("Replicas", 2)];
            let expected = expected.map(|(name, value)| (name.to_owned(), json!(value)));
            values(&world, "w").await == expected
        })
        .await;
    }
    let synced = world.manifest_condition("w", 0, "StatusFeedbackSynced");
    assert_eq!(synced.await.unwrap()["reason"], "StatusFeedbackSynced");
}

/// "JSONPaths", "wildcard": what can be read is told beside what cannot.
#[tokio::test]
async fn what_paths_ask_for_is_told_and_what_is_wrong_with_others() {
    let world = World::start().await;
    let config = json!({"feedbackRules": [{"type": "JSONPaths", "jsonPaths": [
        {"name": "image", "path": ".spec.template.spec.containers[0].image"},
        {"name": "old", "path": ".spec.replicas", "version": "v1beta1"},
        {"name": "absent", "path": ".spec.absent"},
    ]}]});
    world.create_work("w", with_config(&config)).await;
    until("it is told", async || {
        let synced = world.manifest_condition("w", 0, "StatusFeedbackSynced");
        synced.await.is_some_and(|of| of["status"] == "False")
    })
    .await;
    let told = values(&world, "w").await;
    assert_eq!(told, [("image".to_owned(), json!("web:1"))]);
    let synced = world.manifest_condition("w", 0, "StatusFeedbackSynced");
    let synced = synced.await.unwrap();
    assert_eq!(synced["reason"], "StatusFeedbackSyncFailed");
    assert_eq!(
        synced["message"],
        "Sync status feedback failed with error version set in the path old is not matched for \
         the related resource"
    );
}

/// "CEL", "missing": a rule's condition follows its object, and goes with the rule.
#[tokio::test]
async fn a_condition_by_a_rule_follows_its_object_and_goes_with_the_rule() {
    let world = World::start().await;
    let config = json!({"conditionRules": [{
        "type": "CEL",
        "condition": "Progressing",
        "celExpressions": [
            "!has(object.status.readyReplicas) || object.status.readyReplicas < object.spec.replicas",
        ],
        "messageExpression": "result ? 'rolling out' : 'rolled out'",
    }]});
    world.create_work("w", with_config(&config)).await;
    let progressing = async |status: &str| {
        let expected = Some((status.to_owned(), "ConditionRulesAggregated".to_owned()));
        until("it is told", async || {
            world.condition("w", "Progressing").await == expected
        })
        .await;
    };
    progressing("True").await;
    let status = json!({"status": {"replicas": 2, "readyReplicas": 2}});
    let path = format!("{DEPLOYMENTS}/web/status");
    world.on_managed().merge(&path, &status).await.unwrap();
    progressing("False").await;
    let one = world
        .manifest_condition("w", 0, "Progressing")
        .await
        .unwrap();
    assert_eq!(one["reason"], "ConditionRuleEvaluated");
    assert_eq!(one["message"], "rolled out");
    world
        .patch_work("w", json!({"spec": {"manifestConfigs": null}}))
        .await;
    until("the condition is gone", async || {
        world.condition("w", "Progressing").await.is_none()
            && world
                .manifest_condition("w", 0, "Progressing")
                .await
                .is_none()
    })
    .await;
}

/// "no permission", "all", "cache effect on permission change", 2.6: a right that
/// is taken back does not keep anything from being cleared up.
#[tokio::test]
async fn a_work_of_an_executor_is_applied_when_it_may_and_goes_even_if_not() {
    let world = World::start().await;
    let mut spec = manifests(&[map("a", "1")]);
    spec["executor"] = json!({"subject": {"type": "ServiceAccount",
        "serviceAccount": {"namespace": "default", "name": "worker"}}});
    world.create_work("w", spec).await;
    world.not_applied("w").await;
    let applied = world.manifest_condition("w", 0, "Applied").await.unwrap();
    assert_eq!(
        applied["message"],
        "Failed to apply manifest: not allowed to apply the resource  configmaps, default a, \
         will try again in 1m0s"
    );
    assert_eq!(world.map("a").await, None);

    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "worker"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"],
            "verbs": ["create", "update", "patch", "get", "delete"]}],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "worker"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "worker"},
        "subjects": [{"kind": "ServiceAccount", "name": "worker", "namespace": "default"}],
    });
    let managed = world.on_managed();
    managed.post(&format!("{RBAC}/roles"), &role).await.unwrap();
    let bindings = format!("{RBAC}/rolebindings");
    managed.post(&bindings, &binding).await.unwrap();
    world.applied("w").await;
    world.map_has("a", "1").await;

    managed.delete(&format!("{bindings}/worker")).await;
    world.delete_work("w").await;
    world.work_gone("w").await;
    assert_eq!(world.map("a").await, None);
    assert_eq!(world.on_hub().get(&work_path("w")).await, None);
}
