//! 2.7 and the scenarios "Eviction".

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use work::agent::hub_hash;

use super::world::{CLUSTER, EVENTS, World, manifests, map, until, work_path};

/// Takes a work off the hub without the agent's having a part in it.
async fn lose(world: &World, name: &str) {
    let free = json!({"metadata": {"finalizers": null}});
    world.on_hub().merge(&work_path(name), &free).await.unwrap();
    world.delete_work(name).await;
    world.work_gone(name).await;
}

async fn is_marked(world: &World, name: &str) -> bool {
    let applied = world.applied_work(name).await;
    applied.is_some_and(|of| !of["status"]["evictionStartTime"].is_null())
}

/// "missing work evicted".
#[tokio::test]
async fn what_a_missing_work_has_made_goes_after_the_grace_period() {
    let mut world = World::without_agent().await;
    world.options.eviction_grace_period = Duration::from_secs(1);
    world.start_agent();
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    world.stop_agent().await;
    lose(&world, "w").await;
    world.start_agent();
    until("it is marked", async || is_marked(&world, "w").await).await;
    world.map_gone("a").await;
    until("it is gone", async || {
        world.applied_work("w").await.is_none()
    })
    .await;
}

/// "recreated kept".
#[tokio::test]
async fn a_work_that_comes_back_has_its_objects_still() {
    let mut world = World::start().await;
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    let uid = world.map("a").await.unwrap()["metadata"]["uid"].clone();
    world.stop_agent().await;
    lose(&world, "w").await;
    world.start_agent();
    until("it is marked", async || is_marked(&world, "w").await).await;
    world.create_work("w", manifests(&[map("a", "2")])).await;
    world.applied("w").await;
    until("it is not marked", async || !is_marked(&world, "w").await).await;
    let object = world.map("a").await.unwrap();
    assert_eq!(object["metadata"]["uid"], uid);
    assert_eq!(object["data"]["k"], "2");
}

/// "different agent kept".
#[tokio::test]
async fn what_another_agent_applied_is_left_alone() {
    let mut world = World::without_agent().await;
    world.options.eviction_grace_period = Duration::ZERO;
    world.start_agent();
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.create_work("x", manifests(&[map("x", "1")])).await;
    world.applied("w").await;
    world.applied("x").await;
    world.stop_agent().await;
    lose(&world, "w").await;
    let another = json!({"spec": {"agentID": "agent2"}});
    world
        .on_managed()
        .merge(&world.applied_path("w"), &another)
        .await
        .unwrap();
    lose(&world, "x").await;
    world.start_agent();
    // The one that is this agent's goes.
    world.map_gone("x").await;
    assert!(!is_marked(&world, "w").await);
    assert!(world.map("a").await.is_some());
}

/// "huge grace disables".
#[tokio::test]
async fn with_a_grace_of_a_hundred_years_nothing_is_marked() {
    let mut world = World::without_agent().await;
    world.options.eviction_grace_period = Duration::from_secs(100 * 365 * 24 * 3600);
    world.start_agent();
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    world.stop_agent().await;
    lose(&world, "w").await;
    world.start_agent();
    world.create_work("x", manifests(&[map("x", "1")])).await;
    world.applied("x").await;
    assert!(!is_marked(&world, "w").await);
    assert!(world.map("a").await.is_some());
}

/// "re-applied on new hub": within the grace period the objects are adopted.
#[tokio::test]
async fn a_hub_with_another_address_takes_over_without_a_gap() {
    let mut world = World::start().await;
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    let uid = world.map("a").await.unwrap()["metadata"]["uid"].clone();
    let old = world.applied_path("w");
    world.stop_agent().await;
    world.options.hub_hash = hub_hash("https://another.example");
    world.options.eviction_grace_period = Duration::from_secs(1);
    world.start_agent();
    until("the old one is gone", async || {
        world.on_managed().get(&old).await.is_none()
    })
    .await;
    until("one owns it", async || world.owners("a").await == 1).await;
    let object = world.map("a").await.unwrap();
    assert_eq!(object["metadata"]["uid"], uid);
    let owner = &object["metadata"]["ownerReferences"][0];
    let name = format!("{}-w", world.options.hub_hash);
    assert_eq!(owner["name"], name);
}

/// A restored hub: nothing is deleted for being absent during the grace period.
#[tokio::test]
async fn a_restored_hub_takes_nothing_away_for_a_while() {
    let mut world = World::without_agent().await;
    let incarnation = watch::Sender::new(Some(Arc::from("1")));
    world.options.incarnation = Some(incarnation.subscribe());
    world.start_agent();
    world
        .create_work("w", manifests(&[map("a", "1"), map("b", "1")]))
        .await;
    world.create_work("v", manifests(&[map("v", "1")])).await;
    world.applied("w").await;
    world.applied("v").await;
    world.stop_agent().await;

    // The backup is older than `b`, and than `v`: its works are those of then, at
    // the generation of then.
    lose(&world, "w").await;
    lose(&world, "v").await;
    world.create_work("w", manifests(&[map("a", "1")])).await;
    incarnation.send_replace(Some(Arc::from("2")));
    world.start_agent();
    world.applied("w").await;
    until("v is marked", async || is_marked(&world, "v").await).await;
    for name in ["a", "b", "v"] {
        assert!(world.map(name).await.is_some(), "{name}");
    }
    assert_eq!(world.listed("w").await, ["a", "b"]);
    until("the hub's people know", async || {
        let events = world.on_hub().get(EVENTS).await.unwrap();
        let events = events["items"].as_array().unwrap().iter();
        let mut lost = events.filter(|of| of["reason"] == "AbsentAfterRestore");
        // Either may be told before the other.
        let told = lost.clone().map(|of| of["note"].as_str().unwrap());
        let told = told.collect::<Vec<_>>().join("\n");
        lost.all(|of| of["regarding"]["name"] == CLUSTER)
            && told.contains("work v")
            && told.contains("configmaps default/b of work w")
    })
    .await;

    // Whoever changes the work now says what is to be there.
    world
        .patch_work("w", json!({"spec": manifests(&[map("a", "2")])}))
        .await;
    world.map_gone("b").await;
    world.map_has("a", "2").await;
}
