//! 11.7: works with different content for one object.

use serde_json::json;

use super::world::{World, manifests, map, until};

#[tokio::test]
async fn the_older_of_two_works_has_the_object_and_the_other_says_so() {
    let world = World::start().await;
    // Both of one second, and so the name decides, if they are not of two.
    world.create_work("a", manifests(&[map("m", "a")])).await;
    world.applied("a").await;
    world
        .create_work("b", manifests(&[map("m", "b"), map("n", "b")]))
        .await;
    world.not_applied("b").await;
    world.map_has("n", "b").await;
    let condition = world.manifest_condition("b", 0, "Applied").await.unwrap();
    assert_eq!(condition["reason"], "AppliedManifestFailed");
    let message = condition["message"].as_str().unwrap();
    for part in ["configmaps default/m", "ManifestWork cluster1/a", "data"] {
        assert!(message.contains(part), "{message}");
    }
    // Nobody writes any more.
    let object = world.map("m").await.unwrap();
    assert_eq!(object["data"]["k"], "a");
    world.create_work("c", manifests(&[map("c", "1")])).await;
    world.applied("c").await;
    assert_eq!(world.map("m").await.unwrap(), object);

    // The object stays when its owner goes, and is the other's.
    let uid = object["metadata"]["uid"].clone();
    world.delete_work("a").await;
    world.work_gone("a").await;
    world.map_has("m", "b").await;
    world.applied("b").await;
    assert_eq!(world.map("m").await.unwrap()["metadata"]["uid"], uid);
}

#[tokio::test]
async fn works_that_come_to_say_the_same_both_have_the_object() {
    let world = World::start().await;
    world.create_work("a", manifests(&[map("m", "1")])).await;
    world.applied("a").await;
    world.create_work("b", manifests(&[map("m", "2")])).await;
    world.not_applied("b").await;
    world
        .patch_work("a", json!({"spec": manifests(&[map("m", "2")])}))
        .await;
    world.applied("b").await;
    world.map_has("m", "2").await;
    until("both own it", async || world.owners("m").await == 2).await;
}
