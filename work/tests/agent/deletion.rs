//! 2.3 and the scenarios "Foreground deletion".

use serde_json::json;

use super::world::{MAPS, World, manifests, map, map_path, until};

const THEIRS: &str = "example.com/theirs";

/// "stale listed until gone".
#[tokio::test]
async fn what_left_the_work_stays_listed_until_it_is_gone() {
    let world = World::start().await;
    let mut kept = map("a", "1");
    kept["metadata"]["finalizers"] = json!([THEIRS]);
    world
        .create_work("w", manifests(&[kept, map("b", "1")]))
        .await;
    world.applied("w").await;
    world
        .patch_work("w", json!({"spec": manifests(&[map("b", "1")])}))
        .await;
    until("a is being deleted", async || {
        let object = world.map("a").await.unwrap();
        !object["metadata"]["deletionTimestamp"].is_null()
    })
    .await;
    assert_eq!(world.listed("w").await, ["a", "b"]);
    let free = json!({"metadata": {"finalizers": null}});
    world
        .on_managed()
        .merge(&map_path("a"), &free)
        .await
        .unwrap();
    until("a is not listed", async || world.listed("w").await == ["b"]).await;
    assert_eq!(world.map("a").await, None);
}

/// "eventually after all gone", with the condition `Deleting`.
#[tokio::test]
async fn a_work_waits_for_the_last_of_its_objects() {
    let world = World::start().await;
    let mut kept = map("a", "1");
    kept["metadata"]["finalizers"] = json!([THEIRS]);
    world
        .create_work("w", manifests(&[kept, map("b", "1")]))
        .await;
    world.applied("w").await;
    world.delete_work("w").await;
    world.map_gone("b").await;
    until("it says so", async || {
        let deleting = world.condition("w", "Deleting").await;
        deleting == Some(("True".to_owned(), "WorkDeleting".to_owned()))
    })
    .await;
    until("only a is listed", async || {
        world.listed("w").await == ["a"]
    })
    .await;
    assert!(world.work("w").await.is_some());
    let free = json!({"metadata": {"finalizers": null}});
    world
        .on_managed()
        .merge(&map_path("a"), &free)
        .await
        .unwrap();
    world.work_gone("w").await;
    assert_eq!(world.applied_work("w").await, None);
}

/// UID preconditions: what was made by somebody else meanwhile is not deleted.
#[tokio::test]
async fn another_object_of_the_name_is_not_deleted() {
    let mut world = World::start().await;
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    world.stop_agent().await;
    world.on_managed().delete(&map_path("a")).await;
    world
        .on_managed()
        .post(MAPS, &map("a", "theirs"))
        .await
        .unwrap();
    world.delete_work("w").await;
    world.start_agent();
    world.work_gone("w").await;
    assert_eq!(world.map("a").await.unwrap()["data"]["k"], "theirs");
}

/// ocm#379: delete right after create.
#[tokio::test]
async fn a_work_may_be_deleted_right_after_it_was_made() {
    let world = World::start().await;
    for _ in 0..5 {
        world.create_work("w", manifests(&[map("a", "1")])).await;
        world.delete_work("w").await;
        world.work_gone("w").await;
        world.map_gone("a").await;
        until("nothing is noted", async || {
            world.applied_work("w").await.is_none()
        })
        .await;
    }
}

/// ocm#632: leftovers when a work changes rapidly.
#[tokio::test]
async fn nothing_is_left_of_a_work_that_changes_rapidly() {
    let world = World::start().await;
    world.create_work("w", manifests(&[map("a0", "1")])).await;
    for number in 1..10 {
        let map = map(&format!("a{number}"), "1");
        world
            .patch_work("w", json!({"spec": manifests(&[map])}))
            .await;
    }
    world.applied("w").await;
    until("only the last is listed", async || {
        world.listed("w").await == ["a9"]
    })
    .await;
    for number in 0..9 {
        assert_eq!(world.map(&format!("a{number}")).await, None);
    }
}

/// An AppliedManifestWork that somebody deletes comes back, and its objects too.
#[tokio::test]
async fn an_applied_work_that_is_deleted_is_made_anew() {
    let world = World::start().await;
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    let old = world.map("a").await.unwrap()["metadata"]["uid"].clone();
    world.on_managed().delete(&world.applied_path("w")).await;
    until("it is another", async || {
        let new = world.map("a").await;
        new.is_some_and(|of| of["metadata"]["uid"] != old)
    })
    .await;
    until("it is owned", async || {
        let (applied, map) = (world.applied_work("w").await, world.map("a").await);
        let (Some(applied), Some(map)) = (applied, map) else {
            return false;
        };
        map["metadata"]["ownerReferences"][0]["uid"] == applied["metadata"]["uid"]
            && applied["metadata"]["deletionTimestamp"].is_null()
    })
    .await;
}
