//! 2.4 and the scenarios "Work strategies".

use serde_json::{Value, json};

use super::world::{MAPS, World, manifests, map, map_path, strategy, until};

async fn apply(world: &World, objects: &[Value], how: Value) {
    let mut spec = manifests(objects);
    spec["manifestConfigs"] = strategy(how);
    world.create_work("w", spec).await;
}

fn server_side(options: Value) -> Value {
    json!({"type": "ServerSideApply", "serverSideApply": options})
}

/// Waits until the agent has been through the work with what it has now.
async fn change(world: &World, object: &Value) {
    world
        .patch_work("w", json!({"spec": {"workload": {"manifests": [object]}}}))
        .await;
}

/// "CreateOnly".
#[tokio::test]
async fn create_only_makes_an_object_and_leaves_it_alone() {
    let world = World::start().await;
    apply(&world, &[map("a", "1")], json!({"type": "CreateOnly"})).await;
    world.applied("w").await;
    assert_eq!(world.owners("a").await, 1);
    change(&world, &map("a", "2")).await;
    world.applied("w").await;
    assert_eq!(world.map("a").await.unwrap()["data"]["k"], "1");
    // Gone, it is made again.
    world.on_managed().delete(&map_path("a")).await;
    world.map_has("a", "2").await;
    world.delete_work("w").await;
    world.work_gone("w").await;
    assert_eq!(world.map("a").await, None);
}

/// 2.4 CreateOnly: of what is there only the owner reference is ensured.
#[tokio::test]
async fn create_only_owns_what_is_there() {
    let world = World::start().await;
    world
        .on_managed()
        .post(MAPS, &map("a", "theirs"))
        .await
        .unwrap();
    apply(&world, &[map("a", "1")], json!({"type": "CreateOnly"})).await;
    world.applied("w").await;
    assert_eq!(world.map("a").await.unwrap()["data"]["k"], "theirs");
    assert_eq!(world.owners("a").await, 1);
}

/// "ReadOnly (+wildcard)".
#[tokio::test]
async fn read_only_writes_nothing_and_tells_what_is_there() {
    let world = World::start().await;
    let there = world
        .on_managed()
        .post(MAPS, &map("a", "theirs"))
        .await
        .unwrap();
    let mut spec = manifests(&[map("a", "1"), map("b", "1")]);
    spec["manifestConfigs"] = strategy(json!({"type": "ReadOnly"}));
    spec["manifestConfigs"][0]["feedbackRules"] =
        json!([{"type": "JSONPaths", "jsonPaths": [{"name": "k", "path": ".data.k"}]}]);
    world.create_work("w", spec).await;
    world.applied("w").await;
    assert_eq!(world.map("a").await.unwrap(), there);
    assert_eq!(world.map("b").await, None);
    let available = world.manifest_condition("w", 1, "Available").await.unwrap();
    assert_eq!(available["status"], "False");
    assert_eq!(available["reason"], "ResourceNotAvailable");
    let value = async || {
        let work = world.work("w").await.unwrap();
        let manifest = &work["status"]["resourceStatus"]["manifests"][0];
        manifest["statusFeedback"]["values"][0]["fieldValue"]["string"].clone()
    };
    assert_eq!(value().await, "theirs");
    // What others change is told.
    let change = json!({"data": {"k": "other"}});
    world
        .on_managed()
        .merge(&map_path("a"), &change)
        .await
        .unwrap();
    until("it is told", async || value().await == "other").await;
    world.delete_work("w").await;
    world.work_gone("w").await;
    assert!(world.map("a").await.is_some());
}

/// "SSA applied", "delete options", "generation not bumped".
#[tokio::test]
async fn server_side_apply_leaves_others_their_fields() {
    let world = World::start().await;
    apply(&world, &[map("a", "1")], server_side(json!({}))).await;
    world.applied("w").await;
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a"}, "data": {"theirs": "1"}});
    world
        .on_managed()
        .apply(&map_path("a"), "them", &theirs)
        .await;
    change(&world, &map("a", "2")).await;
    world.map_has("a", "2").await;
    world.applied("w").await;
    let object = world.map("a").await.unwrap();
    assert_eq!(object["data"], json!({"k": "2", "theirs": "1"}));
    let managers = object["metadata"]["managedFields"].as_array().unwrap();
    let is_ours = |of: &&Value| of["manager"] == "work-agent" && of["operation"] == "Apply";
    assert_eq!(managers.iter().filter(is_ours).count(), 1);
    assert_eq!(world.owners("a").await, 1);
    world.delete_work("w").await;
    world.work_gone("w").await;
    assert_eq!(world.map("a").await, None);
}

/// "SSA conflict": Applied=False, the message has the conflict; `force` wins.
#[tokio::test]
async fn a_conflict_is_told_and_force_wins() {
    let world = World::start().await;
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a"}, "data": {"k": "theirs"}});
    world
        .on_managed()
        .apply(&map_path("a"), "them", &theirs)
        .await;
    apply(&world, &[map("a", "1")], server_side(json!({}))).await;
    world.not_applied("w").await;
    let condition = world.manifest_condition("w", 0, "Applied").await.unwrap();
    assert_eq!(condition["reason"], "AppliedManifestFailed");
    let message = condition["message"].as_str().unwrap();
    assert!(
        message.contains("conflict") && message.contains("them"),
        "{message}"
    );
    assert_eq!(world.map("a").await.unwrap()["data"]["k"], "theirs");
    let force = strategy(server_side(json!({"force": true})));
    world
        .patch_work("w", json!({"spec": {"manifestConfigs": force}}))
        .await;
    world.map_has("a", "1").await;
    world.applied("w").await;
}

/// "two field managers", and an object that two works apply together.
#[tokio::test]
async fn two_works_have_fields_of_one_object() {
    let world = World::start().await;
    let part = |key: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "default"}, "data": {key: "1"}})
    };
    for work in ["v", "w"] {
        let mut spec = manifests(&[part(work)]);
        let manager = format!("work-agent-{work}");
        spec["manifestConfigs"] = strategy(server_side(json!({"fieldManager": manager})));
        world.create_work(work, spec).await;
    }
    for work in ["v", "w"] {
        world.applied(work).await;
    }
    until("both own it", async || world.owners("a").await == 2).await;
    assert_eq!(
        world.map("a").await.unwrap()["data"],
        json!({"v": "1", "w": "1"})
    );
}

fn ignoring(condition: &str, how: Value) -> Value {
    let mut rule = how;
    rule["condition"] = condition.into();
    server_side(json!({"force": true, "ignoreFields": [rule]}))
}

fn two(k: &str, other: &str) -> Value {
    let mut object = map("a", k);
    object["data"]["other"] = other.into();
    object
}

/// "ignoreFields (OnSpokePresent, JSONPointer / JSONPath / jq)".
#[tokio::test]
async fn a_field_that_is_ignored_on_the_spoke_is_left_to_others() {
    for how in [
        json!({"jsonPointers": ["/data/k"]}),
        json!({"jsonPaths": [".data.k"]}),
        json!({"jqPathExpressions": [".data.k"]}),
    ] {
        let world = World::start().await;
        apply(&world, &[two("1", "1")], ignoring("OnSpokePresent", how)).await;
        world.map_has("a", "1").await;
        world.applied("w").await;
        let theirs = json!({"data": {"k": "theirs"}});
        world
            .on_managed()
            .merge(&map_path("a"), &theirs)
            .await
            .unwrap();
        change(&world, &two("2", "2")).await;
        until("the rest is applied", async || {
            world.map("a").await.unwrap()["data"]["other"] == "2"
        })
        .await;
        world.applied("w").await;
        assert_eq!(world.map("a").await.unwrap()["data"]["k"], "theirs");
    }
}

/// "ignoreFields (OnSpokeChange)": until the manifest itself changes.
#[tokio::test]
async fn a_field_that_others_change_is_theirs_until_the_work_changes() {
    let world = World::start().await;
    let how = json!({"jsonPointers": ["/data/k"]});
    apply(&world, &[two("1", "1")], ignoring("OnSpokeChange", how)).await;
    world.applied("w").await;
    let theirs = json!({"data": {"k": "theirs", "other": "theirs"}});
    world
        .on_managed()
        .merge(&map_path("a"), &theirs)
        .await
        .unwrap();
    until("the rest is put right", async || {
        world.map("a").await.unwrap()["data"]["other"] == "1"
    })
    .await;
    assert_eq!(world.map("a").await.unwrap()["data"]["k"], "theirs");
    change(&world, &two("2", "1")).await;
    world.map_has("a", "2").await;
}

/// "invalid jq".
#[tokio::test]
async fn an_ignored_field_that_cannot_be_read_is_told() {
    let world = World::start().await;
    let how = json!({"jqPathExpressions": [".data | select("]});
    apply(&world, &[map("a", "1")], ignoring("OnSpokePresent", how)).await;
    world.not_applied("w").await;
    let condition = world.manifest_condition("w", 0, "Applied").await.unwrap();
    assert_eq!(condition["reason"], "AppliedManifestSSAIgnoreFieldError");
    let message = condition["message"].as_str().unwrap();
    assert!(
        message.starts_with("Failed to process ignoreFields: "),
        "{message}"
    );
    assert_eq!(world.map("a").await, None);
}
