//! The scenarios "Work sharing/orphan".

use serde_json::{Value, json};

use super::world::{MAPS, World, manifests, map, map_path, until};

/// "shared resource kept when one work deleted"; e2e "keep when other AMW owners".
#[tokio::test]
async fn an_object_of_two_works_goes_with_the_last_of_them() {
    let world = World::start().await;
    for work in ["v", "w"] {
        world.create_work(work, manifests(&[map("a", "1")])).await;
        world.applied(work).await;
    }
    until("both own it", async || world.owners("a").await == 2).await;
    let uid = world.map("a").await.unwrap()["metadata"]["uid"].clone();
    world.delete_work("v").await;
    world.work_gone("v").await;
    let kept = world.map("a").await.unwrap();
    assert_eq!(kept["metadata"]["uid"], uid);
    assert_eq!(world.owners("a").await, 1);
    world.delete_work("w").await;
    world.work_gone("w").await;
    assert_eq!(world.map("a").await, None);
}

/// "shared resource kept when removed from one".
#[tokio::test]
async fn an_object_that_one_of_two_works_has_no_more_is_kept() {
    let world = World::start().await;
    for work in ["v", "w"] {
        world
            .create_work(work, manifests(&[map("a", "1"), map(work, "1")]))
            .await;
        world.applied(work).await;
    }
    until("both own it", async || world.owners("a").await == 2).await;
    world
        .patch_work("v", json!({"spec": manifests(&[map("v", "1")])}))
        .await;
    until("one owns it", async || world.owners("a").await == 1).await;
    until("it is listed no more", async || {
        world.listed("v").await == ["v"]
    })
    .await;
    assert_eq!(world.listed("w").await, ["a", "w"]);
}

/// e2e "delete even if other non-AMW owners".
#[tokio::test]
async fn an_owner_that_is_no_work_does_not_protect_an_object() {
    let world = World::start().await;
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "other", "namespace": "default"}});
    let other = world.on_managed().post(MAPS, &other).await.unwrap();
    world
        .create_work("w", manifests(&[map("a", "1"), map("b", "1")]))
        .await;
    world.applied("w").await;
    let object = world.map("a").await.unwrap();
    let mut owners = object["metadata"]["ownerReferences"]
        .as_array()
        .unwrap()
        .clone();
    owners.push(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "other",
        "uid": other["metadata"]["uid"]}),
    );
    let patch = json!({"metadata": {"ownerReferences": owners}});
    world
        .on_managed()
        .merge(&map_path("a"), &patch)
        .await
        .unwrap();
    world
        .patch_work("w", json!({"spec": manifests(&[map("b", "1")])}))
        .await;
    world.map_gone("a").await;
    assert!(world.map("other").await.is_some());
}

fn with_option(option: Value, objects: &[Value]) -> Value {
    let mut spec = manifests(objects);
    spec["deleteOption"] = option;
    spec
}

fn orphaning(name: &str) -> Value {
    let rule = json!({"group": "", "resource": "configmaps", "namespace": "default",
        "name": name});
    json!({"propagationPolicy": "SelectivelyOrphan",
        "selectivelyOrphans": {"orphaningRules": [rule]}})
}

/// "Orphan whole".
#[tokio::test]
async fn orphans_stay_when_their_work_goes() {
    let world = World::start().await;
    let option = json!({"propagationPolicy": "Orphan"});
    world
        .create_work("w", with_option(option, &[map("a", "1"), map("b", "1")]))
        .await;
    world.applied("w").await;
    assert_eq!(world.owners("a").await, 0);
    assert!(world.listed("w").await.is_empty());
    world.delete_work("w").await;
    world.work_gone("w").await;
    for name in ["a", "b"] {
        assert_eq!(world.owners(name).await, 0);
        assert!(world.map(name).await.is_some());
    }
}

/// An option that comes with the deletion, so to speak.
#[tokio::test]
async fn what_becomes_an_orphan_before_it_was_let_go_of_stays_too() {
    let mut world = World::start().await;
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    world.stop_agent().await;
    let option = json!({"spec": {"deleteOption": {"propagationPolicy": "Orphan"}}});
    world.patch_work("w", option).await;
    world.delete_work("w").await;
    world.start_agent();
    world.work_gone("w").await;
    assert_eq!(world.applied_work("w").await, None);
    assert_eq!(world.owners("a").await, 0);
    assert!(world.map("a").await.is_some());
}

/// "SelectivelyOrphan".
#[tokio::test]
async fn what_a_rule_names_stays_and_the_rest_goes() {
    let world = World::start().await;
    let spec = with_option(orphaning("a"), &[map("a", "1"), map("b", "1")]);
    world.create_work("w", spec).await;
    world.applied("w").await;
    assert_eq!(world.owners("a").await, 0);
    assert_eq!(world.owners("b").await, 1);
    world.delete_work("w").await;
    world.work_gone("w").await;
    assert!(world.map("a").await.is_some());
    assert_eq!(world.map("b").await, None);
}

/// "keep on removal with orphan".
#[tokio::test]
async fn an_orphan_stays_when_it_leaves_the_work() {
    let world = World::start().await;
    world
        .create_work("w", manifests(&[map("a", "1"), map("b", "1")]))
        .await;
    world.applied("w").await;
    let spec = with_option(orphaning("a"), &[map("b", "1")]);
    world.patch_work("w", json!({"spec": spec})).await;
    until("a is let go of", async || world.owners("a").await == 0).await;
    until("a is not listed", async || world.listed("w").await == ["b"]).await;
    assert!(world.map("a").await.is_some());
}

/// "clean when option removed".
#[tokio::test]
async fn an_orphan_is_the_works_again_when_the_option_goes() {
    let world = World::start().await;
    let spec = with_option(orphaning("a"), &[map("a", "1")]);
    world.create_work("w", spec).await;
    world.applied("w").await;
    assert_eq!(world.owners("a").await, 0);
    world
        .patch_work("w", json!({"spec": {"deleteOption": null}}))
        .await;
    until("it is owned", async || world.owners("a").await == 1).await;
    world.delete_work("w").await;
    world.work_gone("w").await;
    assert_eq!(world.map("a").await, None);
}
